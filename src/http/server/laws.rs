//! What holds of a server whatever a client sends. For property tests and fuzz targets.
//!
//! Each law panics when it is broken.
//!
//! 1. Nothing panics, and the connection ends when the client has said all it has to say.
//! 2. The way in which input is cut into pieces changes nothing in the output.
//! 3. The output is responses, each well-formed and of known length, and nothing behind the last.
//! 4. A canonical path is found again, and is nothing but the decoded target.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use nng_aio::net::Socket;
use nng_aio::sync::Mutex;
use nng_aio::{Aio, Runtime, clock};

use super::{Exchange, Handler, Server, ServerConfig, path};
use crate::Url;
use crate::http::codec::laws::{Cuts, pieces};
use crate::http::codec::{BodyFraming, ResponseParser};
use crate::http::{Limits, Response};

/// Laws of one connection of a server.
pub(crate) fn session(input: &[u8], cuts: Cuts<'_>) {
    responses(&serve(input, cuts));
    // A malformed line may be refused before it ends or, if it came in pieces, when it ends.
    let ended = [input, b"\n"].concat();
    let whole = serve(&ended, &[]);
    responses(&whole);
    assert_eq!(serve(&ended, cuts), whole, "cut into pieces");
}

/// Laws of the paths of targets.
pub(crate) fn target(text: &str) {
    if text.contains('\0') {
        // No target has one.
        return;
    }
    let Ok(found) = path::canonical(text) else { return };
    assert!(!found.is_empty() && !found.contains(&0));
    let escaped: String = found.iter().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(path::canonical(&escaped).as_deref(), Ok(&*found), "escaping all changes nothing");
    assert!(path::key(&found).len() >= found.len() - 1);
}

/// Serves a client that sends `input` and ends its side; returns what it got, without what depends
/// on time and on how much had come when.
fn serve(input: &[u8], cuts: Cuts<'_>) -> Vec<u8> {
    let time = clock::freeze();
    let runtime = Runtime::builder().host_driven().build().expect("there are descriptors");
    let url: Url = "http://127.0.0.1:0".parse().expect("it is a URL");
    let server = Server::on(&runtime, &url, config()).expect("the address is known");
    for handler in handlers() {
        server.add_handler(&handler).expect("they do not conflict");
    }
    let (ours, mut client) = UnixStream::pair().expect("there are descriptors");
    client.set_nonblocking(true).expect("an option");
    server.admit(Socket::from_fd(ours.into())).expect("it goes on");

    let mut output = Vec::new();
    let mut settle = |client: &mut UnixStream| {
        for _ in 0..2 {
            while runtime.next_timeout() == Some(Duration::ZERO) {
                runtime.turn(Duration::ZERO).expect("it is host-driven");
            }
            runtime.turn(Duration::ZERO).expect("it is host-driven");
            receive(client, &mut output);
        }
    };
    settle(&mut client);
    for piece in pieces(input.len(), cuts) {
        // The server may have closed, and a piece is small beside what a socket takes.
        if client.write_all(&input[piece]).is_err() {
            break;
        }
        settle(&mut client);
    }
    // After the server's end this fails.
    let _ = client.shutdown(Shutdown::Write);
    settle(&mut client);
    while server.stats().open > 0 {
        let next = runtime.next_timeout().expect("a connection without a deadline would stay");
        time.advance(next);
        settle(&mut client);
    }
    without_moments(&output)
}

fn config() -> ServerConfig {
    ServerConfig { max_body: 1000, max_undrained: 500, ..ServerConfig::default() }
}

fn handlers() -> [Handler; 6] {
    // Not the body itself: it might look like a response.
    let count = Handler::function("/count", |exchange: Exchange| {
        let mut response = Response::new();
        response.set_body(format!("{} bytes", exchange.request().body().len()));
        exchange.respond(response);
    });
    let unread = Handler::function("/unread", |exchange| exchange.respond(Response::new()));
    unread.collect_body(false, 0);
    for handler in [&count, &unread] {
        handler.set_method(None).expect("it is free");
    }
    let host = Handler::function("/", |exchange| exchange.fail(nng_aio::Error::Internal));
    host.set_host("h.example").expect("it is free");
    let sips = reading("/sips", 7, usize::MAX);
    let taste = reading("/taste", 1, 1);
    [Handler::fixed("/", "root", None).expect("a type"), count, unread, sips, taste, host]
}

/// A handler that reads at most so many pieces of a body, each up to `len` bytes, and counts them.
fn reading(path: &str, len: usize, pieces: usize) -> Handler {
    let handler = Handler::function(path, move |exchange| {
        let runtime = exchange.conn().runtime().clone();
        let slot = Arc::new(Mutex::new(Some((exchange, 0, pieces))));
        let aio = runtime.aio({
            let slot = Arc::clone(&slot);
            move |aio| read_next(&slot, aio)
        });
        aio.set_buffer(vec![0; len]).expect("it is idle");
        if let Some((exchange, ..)) = &*slot.lock() {
            exchange.read_body(&aio);
        }
        aio.detach();
    });
    handler.set_method(None).expect("it is free");
    handler.collect_body(false, 0);
    handler
}

/// An exchange, the bytes that were read of its body, and the pieces that may still be.
type Sips = (Exchange, usize, usize);

fn read_next(slot: &Mutex<Option<Sips>>, aio: &Aio) {
    let mut slot = slot.lock();
    let Some((exchange, total, left)) = &mut *slot else { panic!("a callback comes once") };
    *total += aio.count();
    *left -= 1;
    if aio.outcome().is_ok() && aio.count() > 0 && *left > 0 {
        return exchange.read_body(aio);
    }
    let Some((exchange, total, _)) = slot.take() else { return };
    drop(slot);
    if let Err(error) = aio.outcome() {
        return exchange.fail(error);
    }
    let mut response = Response::new();
    response.set_body(format!("{total} bytes"));
    exchange.respond(response);
}

fn receive(client: &mut UnixStream, output: &mut Vec<u8>) {
    let mut room = [0; 4096];
    loop {
        match client.read(&mut room) {
            Ok(count @ 1..) => output.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// Leaves out dates, and interim responses, which are sent if no byte of a body had come yet.
fn without_moments(output: &[u8]) -> Vec<u8> {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    const DATE: &[u8] = b"Date: ";
    let mut kept = Vec::with_capacity(output.len());
    let mut rest = output;
    while let [first, tail @ ..] = rest {
        if let Some(tail) = rest.strip_prefix(CONTINUE) {
            rest = tail;
        } else if rest.starts_with(DATE) && kept.ends_with(b"\r\n") {
            let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
            rest = &rest[end..];
        } else {
            kept.push(*first);
            rest = tail;
        }
    }
    kept
}

/// Reads `output` as a client that does not know what it has asked for.
fn responses(mut output: &[u8]) {
    let mut response = Response::new();
    let mut is_last = false;
    while !output.is_empty() {
        assert!(!is_last, "something behind the last response");
        let parsed = ResponseParser::new().parse(output, &Limits::default(), &mut response);
        let head = parsed.expect("responses are well-formed").expect("heads are whole");
        is_last = !head.keeps_alive;
        let framing = head.framing("GET").expect("lengths are numbers");
        output = &output[head.len..];
        let len = match framing {
            BodyFraming::Empty => 0,
            BodyFraming::Length(len) => usize::try_from(len).expect("bodies are small here"),
            BodyFraming::Chunked | BodyFraming::UntilClose => panic!("the length is known"),
        };
        // In answer to HEAD there is a length and no body.
        let is_headless = output.len() < len || output.starts_with(b"HTTP/1.1 ");
        output = if is_headless { output } else { &output[len..] };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What requests are made of, and what is wrong with them.
    const PARTS: [&str; 31] = [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
        "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /count HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        "POST /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "POST /unread HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "POST /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nGET / H",
        "POST /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 501\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n",
        "POST /sips HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nhello, world",
        "POST /sips HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nX: y\r\n\r\n",
        "POST /sips HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhix\r\n0\r\n\r\n",
        "POST /taste HTTP/1.1\r\nHost: h\r\nContent-Length: 14\r\n\r\nGET / HTTP/1.1",
        "POST /taste HTTP/1.1\r\nHost: h\r\nContent-Length: 502\r\n\r\n",
        "POST /taste HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n",
        "POST /taste HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n",
        "\r\n",
        "GET ",
        "Host: h\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\0",
        "0\r\n\r\n",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn the_laws_of_sessions_hold(
            parts in prop::collection::vec(0..PARTS.len(), 0..8),
            cuts in prop::collection::vec(any::<u8>(), 0..6),
        ) {
            let input: String = parts.into_iter().map(|part| PARTS[part]).collect();
            session(input.as_bytes(), &cuts);
        }

        #[test]
        fn the_laws_of_targets_hold(text in any::<String>()) {
            target(&text);
        }
    }

    #[test]
    fn a_malformed_line_may_be_refused_when_it_ends() {
        session(b"'\xf7", &[0]);
    }
}
