//! Bodies of requests that handlers read themselves, piece by piece.

mod support;

use std::sync::mpsc;

use nng_aio::Error;
use nng_aio::codes::*;
use nng_oxide::http::{BodyWriter, Exchange, Headers, Response, Server, ServerConfig};
use support::client::Client;
use support::server::{handler, respond, running, serve};
use support::{Driver, LIMIT, Op, pattern};

/// A server that gives the test every exchange of `/`, of any method, as soon as its head is there.
struct Bed {
    server: Server,
    exchanges: mpsc::Receiver<Exchange>,
}

impl Bed {
    fn new(config: ServerConfig) -> Self {
        let server = running(config);
        let (give, exchanges) = mpsc::channel();
        let root = handler("", "/", move |exchange| {
            // Nobody may want it any more.
            let _ = give.send(exchange);
        });
        root.collect_body(false, 0);
        serve(&server, [root, support::server::fixed("/next", "next")]);
        Self { server, exchanges }
    }

    /// Connects, sends `wire` and takes the exchange.
    fn begin(&self, wire: impl AsRef<[u8]>) -> (Client, Exchange) {
        let mut client = Client::new(&self.server);
        client.send(wire);
        (client, self.exchange())
    }

    fn exchange(&self) -> Exchange {
        self.exchanges.recv_timeout(LIMIT).expect("the handler is called")
    }
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

/// The head of a request with a body of `len` bytes.
fn announcing(len: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n")
}

/// Begins to read a piece.
fn start(exchange: &Exchange, len: usize) -> Op {
    let op = Op::new(&Driver::global(), |_| ());
    op.aio.set_buffer(vec![0; len]).expect("it is idle");
    exchange.read_body(&op.aio);
    op
}

/// Reads pieces of at most `len` bytes up to the end.
fn read_all(exchange: &Exchange, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let op = start(exchange, len);
        let (result, count) = op.end();
        assert_eq!(result, 0);
        if count == 0 {
            return all;
        }
        all.extend_from_slice(&op.bytes()[..count]);
    }
}

/// Reads `len` bytes, in as many pieces as they come in.
fn read_exactly(exchange: &Exchange, len: usize) {
    let mut left = len;
    while left > 0 {
        let (result, count) = start(exchange, left).end();
        assert!(result == 0 && count > 0, "{result}");
        left -= count;
    }
}

#[test]
fn a_body_of_known_length_is_read_piece_by_piece() {
    let bed = Bed::new(ServerConfig::default());
    let body = pattern(300_000);
    let (mut client, exchange) = bed.begin(announcing(body.len()));
    client.send(&body[..1000]);
    let op = start(&exchange, 4096);
    let (result, count) = op.end();
    assert_eq!((result, &op.bytes()[..count]), (0, &body[..count]));
    let rest = std::thread::scope(|scope| {
        scope.spawn(|| {
            client.send(&body[1000..]);
            client.send(NEXT);
        });
        read_all(&exchange, 10_000)
    });
    assert!(rest == body[count..]);
    assert_eq!(start(&exchange, 10).end(), (0, 0), "the end stays the end");
    respond(exchange, "read");
    assert_eq!(client.answer().text(), "read");
    assert_eq!(client.answer().text(), "next");
}

#[test]
fn chunks_are_decoded_and_the_fields_behind_them_are_there() {
    let bed = Bed::new(ServerConfig::default());
    let (mut client, exchange) = bed.begin(CHUNKED);
    client.send_bytewise("5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nDigest: abc\r\ndigest: d\r\n\r\n");
    client.send(NEXT);
    let conn = exchange.conn();
    assert!(conn.take_trailers().is_none());
    assert_eq!(read_all(&exchange, 4), b"hello, world");
    let trailers = conn.take_trailers().expect("they came");
    assert_eq!(trailers.get("DIGEST").as_deref(), Some("abc, d"));
    assert!(conn.take_trailers().is_none() && !exchange.request().headers().contains("Digest"));
    respond(exchange, "read");
    assert_eq!(client.answer().text(), "read");
    assert_eq!(client.answer().text(), "next");
}

#[test]
fn a_request_without_body_has_nothing_to_read() {
    let bed = Bed::new(ServerConfig::default());
    for head in ["GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), announcing(0)] {
        let (mut client, exchange) = bed.begin(head + NEXT);
        assert_eq!(read_all(&exchange, 10), b"");
        respond(exchange, "read");
        assert_eq!((client.answer().text(), client.answer().text()), ("read", "next"));
    }
}

#[test]
fn what_is_left_unread_is_skipped() {
    let bed = Bed::new(ServerConfig::default());
    let chunks = "5\r\nhello\r\n7\r\n, world\r\n0\r\nX: y\r\n\r\n";
    for wire in [format!("{CHUNKED}{chunks}"), format!("{}hello, world", announcing(12))] {
        for piece in [None, Some(3), Some(5), Some(100)] {
            let (mut client, exchange) = bed.begin(&wire);
            if let Some(len) = piece {
                assert_eq!(start(&exchange, len).result(), 0);
            }
            respond(exchange, "enough");
            let answer = client.answer();
            assert_eq!((answer.text(), answer.closes()), ("enough", false), "{wire} {piece:?}");
            assert_eq!(client.get("/next").text(), "next");
        }
    }
}

#[test]
fn what_is_left_unread_and_too_long_ends_the_connection() {
    let mut config = ServerConfig::default();
    config.max_undrained = 10;
    let bed = Bed::new(config);
    let (mut client, exchange) = bed.begin(announcing(100) + "hello");
    read_exactly(&exchange, 5);
    respond(exchange, "enough");
    assert!(client.answer().closes());
    client.expect_end();
    let (mut client, exchange) = bed.begin(format!("{CHUNKED}5\r\nhello\r\n"));
    read_exactly(&exchange, 5);
    respond(exchange, "enough");
    assert_eq!(client.answer().text(), "enough");
    client.send("7\r\n, world\r\n");
    client.expect_end();
}

#[test]
fn whoever_waits_to_send_is_told_to_by_the_first_read() {
    let bed = Bed::new(ServerConfig::default());
    for coding in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let head =
            format!("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n{coding}\r\n\r\n");
        let (mut client, exchange) = bed.begin(&head);
        let op = start(&exchange, 100);
        assert_eq!(client.answer().head, "HTTP/1.1 100 Continue");
        op.assert_pending();
        let is_chunked = coding.ends_with("chunked");
        client.send(if is_chunked { "5\r\nhello\r\n0\r\n\r\n" } else { "hello" });
        let (result, count) = op.end();
        assert_eq!(result, 0);
        assert_eq!(op.bytes()[..count], b"hello"[..count]);
        assert_eq!(read_all(&exchange, 100), b"hello"[count..]);
        respond(exchange, "read");
        assert_eq!(client.answer().text(), "read");
        assert_eq!(client.get("/next").text(), "next");
        // Whoever reads nothing invites nobody, and cannot know whether the body comes.
        let (mut client, exchange) = bed.begin(&head);
        respond(exchange, "no");
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (200, true));
    }
}

#[test]
fn amid_an_answer_nobody_is_told_to_send() {
    let bed = Bed::new(ServerConfig::default());
    let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let (mut client, exchange) = bed.begin(head);
    let conn = exchange.conn();
    let mut writer = exchange.respond_in_pieces(Response::new(), Some(6));
    let write = |writer: &mut BodyWriter, piece: &str| {
        let op = Op::new(&Driver::global(), |_| ());
        op.aio.set_buffer(piece.into()).unwrap();
        writer.write(&op.aio);
        assert_eq!(op.result(), 0);
    };
    write(&mut writer, "one");
    let read = Op::new(&Driver::global(), |_| ());
    read.aio.set_buffer(vec![0; 5]).unwrap();
    conn.read_body(&read.aio);
    client.send("hello");
    assert_eq!(read.result(), 0);
    write(&mut writer, "two");
    writer.finish();
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, "onetwo"));
}

#[test]
fn reading_anew_does_not_extend_the_time_of_a_client_that_has_stopped() {
    let mut config = ServerConfig::default();
    config.body_timeout = Some(std::time::Duration::from_millis(50));
    let bed = Bed::new(config);
    let (mut client, exchange) = bed.begin(announcing(10) + "hello");
    read_exactly(&exchange, 5);
    // Each of these gives up long before the server would; together they do not.
    let result = loop {
        let op = Op::new(&Driver::global(), |_| ());
        op.aio.set_buffer(vec![0; 5]).unwrap();
        op.aio.set_timeout(std::time::Duration::from_millis(5));
        exchange.read_body(&op.aio);
        assert_eq!(op.result(), NNG_ETIMEDOUT);
        // The server's verdict stays, and one's own does not.
        let probe = start(&exchange, 5);
        probe.aio.cancel();
        match probe.result() {
            NNG_ECANCELED => {}
            other => break other,
        }
    };
    assert_eq!(result, NNG_ETIMEDOUT);
    exchange.fail(Error::TimedOut);
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_cancelled_read_takes_nothing() {
    let bed = Bed::new(ServerConfig::default());
    let (mut client, exchange) = bed.begin(CHUNKED);
    client.send("5\r\nhe");
    let mut body = Vec::new();
    while body.len() < 2 {
        let op = start(&exchange, 100);
        let (result, count) = op.end();
        assert_eq!(result, 0);
        body.extend_from_slice(&op.bytes()[..count]);
    }
    let op = start(&exchange, 100);
    op.aio.cancel();
    assert_eq!(op.end(), (NNG_ECANCELED, 0));
    client.send("llo\r\n0\r\n\r\n");
    body.extend_from_slice(&read_all(&exchange, 100));
    assert_eq!(body, b"hello");
    respond(exchange, "read");
    assert_eq!(client.answer().text(), "read");
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn malformed_chunks_are_told_to_the_handler_and_end_the_connection() {
    let bed = Bed::new(ServerConfig::default());
    for (wire, good) in [("x\r\n", 0), ("5\r\nhello7\r\n", 5), ("0\r\nbad trailer\r\n\r\n", 0)] {
        for fails in [true, false] {
            let (mut client, exchange) = bed.begin(format!("{CHUNKED}{wire}{NEXT}"));
            let mut count = 0;
            let result = loop {
                match start(&exchange, 100).end() {
                    (0, more @ 1..) => count += more,
                    (result, _) => break result,
                }
            };
            assert_eq!((result, count), (NNG_EPROTO, good), "{wire}");
            assert_eq!(start(&exchange, 100).end(), (NNG_EPROTO, 0), "it stays so");
            let expected = if fails {
                exchange.fail(Error::Protocol);
                400
            } else {
                respond(exchange, "as you like");
                200
            };
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (expected, true), "{wire}");
            client.expect_end();
        }
    }
}

#[test]
fn a_client_that_goes_away_amid_its_body_is_told_to_the_handler() {
    let bed = Bed::new(ServerConfig::default());
    for head in [announcing(10), CHUNKED.to_owned() + "a\r\n"] {
        let (client, exchange) = bed.begin(head + "hello");
        read_exactly(&exchange, 5);
        let op = start(&exchange, 100);
        client.end_sending();
        assert_eq!(op.end(), (NNG_ECONNSHUT, 0));
        exchange.fail(Error::ConnectionShutdown);
    }
}

#[test]
fn a_client_that_stops_sending_is_told_to_the_handler_and_answered_408() {
    let mut config = ServerConfig::default();
    config.body_timeout = Some(std::time::Duration::from_millis(20));
    let bed = Bed::new(config);
    for head in [announcing(10), CHUNKED.to_owned() + "a\r\n"] {
        let (mut client, exchange) = bed.begin(head + "hello");
        let mut count = 0;
        let result = loop {
            match start(&exchange, 100).end() {
                (0, more) => count += more,
                (result, _) => break result,
            }
        };
        assert_eq!((result, count), (NNG_ETIMEDOUT, 5));
        assert_eq!(start(&exchange, 100).end(), (NNG_ETIMEDOUT, 0));
        exchange.fail(Error::TimedOut);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (408, true));
        client.expect_end();
    }
}

#[test]
fn a_handler_that_takes_its_time_between_reads_is_not_hurried() {
    let mut config = ServerConfig::default();
    config.body_timeout = Some(std::time::Duration::from_millis(1));
    let bed = Bed::new(config);
    let (mut client, exchange) = bed.begin(announcing(10) + "helloworld");
    read_exactly(&exchange, 5);
    // Ten times the limit, without a read.
    let pause = Op::new(&Driver::global(), |_| ());
    pause.aio.sleep(std::time::Duration::from_millis(10));
    assert_eq!(pause.result(), 0);
    read_exactly(&exchange, 5);
    respond(exchange, "read");
    assert_eq!(client.answer().text(), "read");
}

#[test]
fn a_read_that_waits_when_the_handler_answers_ends_with_the_connection() {
    let bed = Bed::new(ServerConfig::default());
    let (mut client, exchange) = bed.begin(announcing(10));
    let op = start(&exchange, 5);
    respond(exchange, "enough");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("enough", true));
    assert_eq!(op.result(), NNG_ECLOSED);
}

#[test]
fn raw_bytes_behind_pieces_end_the_connection() {
    let bed = Bed::new(ServerConfig::default());
    let (mut client, exchange) = bed.begin(format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n"));
    read_exactly(&exchange, 2);
    let op = Op::new(&Driver::global(), |_| ());
    op.aio.set_buffer(vec![0; 3]).unwrap();
    exchange.conn().read_all(&op.aio);
    assert_eq!(op.text(), "llo");
    respond(exchange, "who knows where we are");
    assert!(client.answer().closes());
    client.expect_end();
}

#[test]
fn a_head_that_a_handler_reads_behind_a_body_ends_the_connection() {
    let bed = Bed::new(ServerConfig::default());
    for is_whole in [true, false] {
        let wire = format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n{}", announcing(3) + "GET");
        let (mut client, exchange) = bed.begin(wire);
        let conn = exchange.conn();
        if is_whole {
            assert_eq!(read_all(&exchange, 10), b"hello");
            let stolen = nng_oxide::http::Shared::new(nng_oxide::http::Request::new());
            let op = Op::new(&Driver::global(), |_| ());
            conn.read_req(&stolen, &op.aio);
            assert_eq!((op.result(), stolen.lock().method()), (0, "POST"));
        } else {
            read_exactly(&exchange, 2);
            let op = Op::new(&Driver::global(), |_| ());
            conn.read_req(&nng_oxide::http::Shared::default(), &op.aio);
            assert_eq!(op.result(), NNG_EPROTO, "that is no head");
        }
        drop(exchange);
        if is_whole {
            assert!(client.answer().closes());
        }
        client.expect_end();
    }
}

#[test]
fn a_handler_that_takes_the_connection_over_goes_on_reading() {
    let bed = Bed::new(ServerConfig::default());
    let (mut client, exchange) = bed.begin(format!("{CHUNKED}5\r\nhello\r\n"));
    let other = exchange.conn();
    read_exactly(&exchange, 2);
    let (conn, _request) = exchange.hijack().unwrap();
    assert!(other.is_closed() && !conn.is_closed());
    let read = |len: usize| {
        let op = Op::new(&Driver::global(), |_| ());
        op.aio.set_buffer(vec![0; len]).unwrap();
        conn.read_body(&op.aio);
        op.end()
    };
    assert_eq!(read(3), (0, 3));
    client.send("x\r\n");
    assert_eq!(read(3), (NNG_EPROTO, 0));
    assert_eq!(read(3), (NNG_EPROTO, 0), "it is not taken for the end");
}

#[test]
fn what_a_handler_keeps_of_the_connection_is_of_no_use_after_its_answer() {
    let bed = Bed::new(ServerConfig::default());
    let (mut client, exchange) = bed.begin(announcing(5) + "hello");
    let kept = exchange.conn();
    assert!(!kept.is_closed());
    respond(exchange, "one");
    assert_eq!(client.answer().text(), "one");
    client.send(announcing(5) + "world");
    let exchange = bed.exchange();
    let mut kept_too = kept.clone();
    assert!(kept.is_closed() && !kept_too.hijack());
    let begin = |begin: &dyn Fn(&nng_aio::Aio)| {
        let op = Op::new(&Driver::global(), |_| ());
        op.aio.set_buffer(vec![b'x'; 3]).unwrap();
        begin(&op.aio);
        op.result()
    };
    assert_eq!(begin(&|aio| kept.read_body(aio)), NNG_ECLOSED);
    assert_eq!(begin(&|aio| kept.read(aio)), NNG_ECLOSED);
    kept.close();
    assert_eq!(begin(&|aio| kept.write_all(aio)), NNG_ECLOSED);
    assert_eq!(begin(&|aio| kept.write_res(&Response::new(), aio)), NNG_ECLOSED);
    assert_eq!(read_all(&exchange, 100), b"world");
    respond(exchange, "two");
    assert_eq!(client.answer().text(), "two");
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn the_fields_behind_a_body_that_is_collected_are_the_requests() {
    let server = running(ServerConfig::default());
    let echo = handler("POST", "/", |exchange| {
        let trailer = exchange.request().trailers().get("X").map(|value| value.into_owned());
        let body = exchange.request().body().to_vec();
        respond(exchange, format!("{:?} {trailer:?}", str::from_utf8(&body)));
    });
    serve(&server, [echo]);
    let mut client = Client::new(&server);
    client.send(format!("{CHUNKED}2\r\nhi\r\n0\r\nX: y\r\n\r\n"));
    assert_eq!(client.answer().text(), r#"Ok("hi") Some("y")"#);
    client.send(format!("{CHUNKED}2\r\nhi\r\n0\r\n\r\n"));
    assert_eq!(client.answer().text(), r#"Ok("hi") None"#);
}

#[test]
fn fields_may_follow_a_body_that_is_written_in_pieces() {
    let bed = Bed::new(ServerConfig::default());
    let mut trailers = Headers::new();
    trailers.set("Digest", "abc").unwrap();
    trailers.set("content-length", "9").unwrap();
    for (head, end) in [
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "0\r\nDigest: abc\r\n\r\n"),
        ("GET / HTTP/1.0\r\n\r\n", "\r\n\r\n"),
        ("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close\r\n\r\n"),
    ] {
        let (mut client, exchange) = bed.begin(head);
        exchange.respond_in_pieces(Response::new(), None).finish_with(&trailers);
        let wire = String::from_utf8(client.rest()).unwrap();
        assert!(wire.ends_with(end), "{wire}");
        assert_eq!(wire.contains("Digest"), end.contains("Digest"), "{wire}");
    }
}

#[test]
fn a_body_beyond_its_limit_may_be_answered_413() {
    for (answers_413, status) in [(false, 400), (true, 413)] {
        let mut config = ServerConfig::default();
        config.max_body = 4;
        config.answers_413 = answers_413;
        let server = running(config);
        serve(&server, [handler("POST", "/", |exchange| respond(exchange, "ok"))]);
        for wire in [announcing(5) + "hello", format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n")] {
            let mut client = Client::new(&server);
            client.send(wire);
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (status, true));
        }
    }
}
