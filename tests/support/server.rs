//! What the tests of the HTTP server share: a server of its own, and clients that are bare sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use nng_oxide::Url;
use nng_oxide::http::{Exchange, Handler, Response, Server, ServerConfig};

pub(crate) use super::LIMIT;
use super::patiently;

/// A server that runs on a port of its own.
pub(crate) fn running(config: ServerConfig) -> Server {
    let url: Url = format!("http://{}:0", own_address()).parse().expect("it is a URL");
    let server = Server::with_config(&url, config).expect("the address is known");
    server.start().expect("a port is free");
    server
}

/// A loopback address that nobody else uses now, so that a port which is free again stays free.
pub(crate) fn own_address() -> Ipv4Addr {
    static LAST: AtomicU8 = AtomicU8::new(0);
    if cfg!(not(target_os = "linux")) {
        return Ipv4Addr::LOCALHOST;
    }
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high, low, LAST.fetch_add(1, Relaxed) % 254 + 1)
}

/// Tries to connect to a server.
pub(crate) fn try_connect(server: &Server) -> std::io::Result<TcpStream> {
    TcpStream::connect(server.addr().to_inet().expect("it has started"))
}

/// Connects to a server.
pub(crate) fn connect(server: &Server) -> TcpStream {
    let stream = try_connect(server).expect("the server listens");
    stream.set_read_timeout(Some(LIMIT)).expect("the limit is above zero");
    stream
}

/// Sends a request without a body.
pub(crate) fn ask(stream: &mut TcpStream, method: &str, target: &str, host: &str) {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the connection is open");
}

/// Reads up to and including `end`; the text is shorter if the stream ends before.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end.as_bytes()) {
        match patiently(|| stream.read(&mut byte)).expect("an answer comes in time") {
            0 => break,
            _ => text.push(byte[0]),
        }
    }
    String::from_utf8(text).expect("the answer is text")
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    let digits = answer.get("HTTP/1.1 ".len()..).and_then(|rest| rest.get(..3));
    digits.and_then(|digits| digits.parse().ok()).expect("the answer has a status")
}

/// Adds handlers to a server.
pub(crate) fn serve(server: &Server, handlers: impl IntoIterator<Item = Handler>) {
    for handler in handlers {
        server.add_handler(&handler).expect("it conflicts with none");
    }
}

/// A handler that answers with a text always.
pub(crate) fn fixed(path: &str, text: &'static str) -> Handler {
    Handler::fixed(path, text, None).expect("there is no media type to refuse")
}

/// A handler for a method; an empty one is any.
pub(crate) fn handler(
    method: &str,
    path: &str,
    answer: impl Fn(Exchange) + Send + Sync + 'static,
) -> Handler {
    let handler = Handler::function(path, answer);
    handler.set_method(method).expect("it is a method");
    handler
}

/// A server that gives the test every exchange of `/`, with bodies left where they are, and answers
/// `/next` itself.
pub(crate) fn giving() -> (Server, Receiver<Exchange>) {
    let mut config = ServerConfig::default();
    config.linger_timeout = Some(LIMIT);
    let server = running(config);
    let (give, exchanges) = mpsc::channel();
    let handler = handler("", "/", move |exchange| {
        give.send(exchange).expect("the test wants it");
    });
    handler.collect_body(false, 0);
    serve(&server, [handler, fixed("/next", "next")]);
    (server, exchanges)
}

/// Answers with a body.
pub(crate) fn respond(exchange: Exchange, body: impl Into<nng_oxide::http::Body>) {
    let mut response = Response::new();
    response.set_body(body);
    exchange.respond(response);
}

/// Waits until something is so that must become so.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "it happens in time");
        std::thread::yield_now();
    }
}

/// The number of descriptors of sockets and of what selectors consist of; nothing where that is not
/// known. Sanitizers and test harnesses have others.
pub(crate) fn descriptors() -> Option<usize> {
    let all = std::fs::read_dir("/proc/self/fd").ok()?;
    let targets = all.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let is_ours = |target: &std::path::PathBuf| {
        let target = target.to_string_lossy();
        target.starts_with("socket:") || target.starts_with("anon_inode:")
    };
    Some(targets.filter(is_ours).count())
}
