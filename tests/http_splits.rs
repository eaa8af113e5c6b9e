//! A law of the server: what it answers does not depend on how its input is cut into pieces.
//!
//! The runtime is driven by the test, so nothing but the pieces differs from run to run.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nng_aio::sync::Mutex;
use nng_oxide::Url;
use nng_oxide::http::{Exchange, Handler, Server, ServerConfig};
use proptest::prelude::*;
use support::server::{connect, fixed, handler, respond, serve};
use support::{Driver, LIMIT, patiently, pattern};

/// A server, and what its handlers were called with.
struct Bed {
    driver: Driver,
    server: Server,
    calls: Arc<Mutex<Vec<String>>>,
}

/// What a stream of requests brought about.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    /// Everything that the client received, without what depends on the time.
    answers: String,
    calls: Vec<String>,
}

impl Bed {
    fn new() -> Self {
        let driver = Driver::host();
        let mut config = ServerConfig::default();
        config.max_body = 100;
        config.max_undrained = 150;
        config.limits.request_line = 60;
        config.limits.head = 300;
        config.limits.fields = 5;
        config.limits.chunk_line = 12;
        config.limits.trailers = 20;
        let url: Url = "http://127.0.0.1:0".parse().expect("it is a URL");
        let server = Server::on(&driver.runtime, &url, config).expect("the address is known");
        server.start().expect("a port is free");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noting = |method, path, answer: fn(Exchange)| {
            let calls = Arc::clone(&calls);
            handler(method, path, move |exchange| {
                calls.lock().push(note(&exchange));
                answer(exchange);
            })
        };
        let unread: Handler = noting("", "/unread", |exchange| respond(exchange, "unread"));
        unread.collect_body(false, 0);
        let reading = noting("POST", "/reading", read_three);
        reading.collect_body(false, 0);
        serve(
            &server,
            [
                noting("", "/", |exchange| {
                    let body = exchange.request().body().to_vec();
                    respond(exchange, body);
                }),
                noting("GET", "/large", |exchange| respond(exchange, pattern(300_000))),
                noting("GET", "/dropped", drop),
                unread,
                reading,
                fixed("/fixed", "fixed"),
            ],
        );
        Self { driver, server, calls }
    }

    /// Sends `input`, cut where `cuts` say, and then ends.
    fn run(&self, input: &[u8], cuts: &[usize]) -> Outcome {
        let mut stream = connect(&self.server);
        stream.set_nonblocking(true).expect("it is a socket");
        stream.set_nodelay(true).expect("it is a TCP socket");
        let mut received = Vec::new();
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        ends.extend([0, input.len()]);
        ends.sort_unstable();
        for piece in ends.windows(2) {
            self.send(&mut stream, &input[piece[0]..piece[1]], &mut received);
            self.driver.settle();
            receive(&mut stream, &mut received);
        }
        stream.shutdown(Shutdown::Write).expect("a server that lingers is still there");
        self.driver.until(|| receive(&mut stream, &mut received));
        self.driver.until(|| self.server.stats().open == 0);
        let calls = std::mem::take(&mut *self.calls.lock());
        Outcome { answers: timeless(&received), calls }
    }

    fn send(&self, stream: &mut TcpStream, mut bytes: &[u8], received: &mut Vec<u8>) {
        let began = Instant::now();
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(began.elapsed() < LIMIT, "the server takes its input in time");
                    self.driver.runtime.turn(Duration::ZERO).expect("it is driven by its host");
                    receive(stream, received);
                }
                Err(error) => panic!("the server does not reset: {error}"),
            }
        }
    }
}

/// Takes what is there; returns whether that was the last.
fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    let mut room = vec![0; 64 << 10];
    loop {
        match patiently(|| stream.read(&mut room)) {
            Ok(0) => return true,
            Ok(count) => received.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("the server does not reset: {error}"),
        }
    }
}

/// What a handler was called with.
fn note(exchange: &Exchange) -> String {
    let request = exchange.request();
    format!("{} {} {:?}", request.method(), request.uri(), request.body())
}

/// Reads three bytes and answers with them.
fn read_three(exchange: Exchange) {
    let conn = exchange.conn();
    let exchange = Mutex::new(Some(exchange));
    let aio = conn.runtime().aio(move |aio| {
        let exchange = exchange.lock().take().expect("the read ends once");
        match aio.outcome() {
            Ok(()) => respond(exchange, aio.take_buffer()),
            Err(error) => exchange.fail(error),
        }
    });
    aio.set_buffer(vec![0; 3]).expect("it is idle");
    conn.read_all(&aio);
    aio.detach();
}

/// Leaves out dates, and interim responses: whether a client is told to go on depends on whether
/// it has already.
fn timeless(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let text = text.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: ")).collect()
}

/// What requests are for.
const TARGETS: &[&str] = &[
    "/",
    "/large",
    "/dropped",
    "/unread",
    "/reading",
    "/fixed",
    "/no",
    "http://h/",
    "/",
    "/",
    "/unread",
];

/// One request, most often well-formed.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let method =
        prop_oneof![6 => Just("GET"), 2 => Just("HEAD"), 6 => Just("POST"), 1 => Just("X")];
    let target = proptest::sample::select(TARGETS);
    let version =
        prop_oneof![60 => Just("1.1"), 1 => Just("1.0"), 1 => Just("1.9"), 1 => Just("2.0")];
    let fields = prop_oneof![
        60 => Just(""),
        1 => Just("Connection: close\r\n"),
        6 => Just("Expect: 100-continue\r\n"),
        1 => Just("Expect: more\r\n"),
        6 => Just("A: b\r\nC: d\r\n"),
        1 => Just("A: b\r\nC: d\r\nE: f\r\nG: h\r\n"),
        1 => Just("Bad\r\n"),
    ];
    (method, target, version, fields, body()).prop_map(|(method, target, version, fields, body)| {
        let head = format!("{method} {target} HTTP/{version}\r\nHost: h\r\n{fields}");
        [head.as_bytes(), &body].concat()
    })
}

/// The rest of a request, from its last fields on.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |max| proptest::collection::vec(any::<u8>(), 0..max);
    let with_length = bytes(180).prop_map(|body| {
        let head = format!("Content-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), &body].concat()
    });
    let chunked = proptest::collection::vec(bytes(40), 0..5).prop_map(|chunks| {
        let mut body = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            body.extend(format!("{:x};a=b\r\n", chunk.len()).into_bytes());
            body.extend([chunk, &b"\r\n"[..]].concat());
        }
        body.extend(b"0\r\nT: t\r\n\r\n");
        body
    });
    prop_oneof![2 => Just(b"\r\n".to_vec()), 1 => with_length, 1 => chunked]
}

/// What a client sends in all: requests, and perhaps something that is none.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let requests = proptest::collection::vec(request(), 1..10);
    let noise = proptest::option::weighted(0.15, (any::<proptest::sample::Index>(), any::<u8>()));
    let end = proptest::option::weighted(0.15, any::<proptest::sample::Index>());
    (requests, noise, end).prop_map(|(requests, noise, end)| {
        let mut bytes = requests.concat();
        if let Some((at, byte)) = noise {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        // A malformed line is refused at the latest when it has ended, and it may be sooner.
        bytes.extend(b"\r\n");
        bytes
    })
}

#[test]
fn answers_do_not_depend_on_how_requests_arrive() {
    let bed = Bed::new();
    let cuts = proptest::collection::vec(any::<usize>(), 0..30);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() };
    proptest!(config, |(input in stream(), cuts in cuts, is_bytewise in any::<bool>())| {
        let whole = bed.run(&input, &[]);
        let cuts = if is_bytewise { (0..input.len()).collect() } else { cuts };
        let cut = bed.run(&input, &cuts);
        prop_assert_eq!(whole, cut);
    });
}
