//! Many clients, well-behaved and not, against handlers that answer at once, later or never, while
//! the server may stop: every request is answered once, in order, or its connection closes, and in
//! the end nothing is left.
//!
//! `NNG_STRESS_PERCENT` scales the work, 100 by default. Alone in its program, as it counts
//! descriptors.

mod support;

use std::collections::VecDeque;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use nng_aio::sync::{Condvar, Mutex};
use nng_aio::{Cancel, Error, Operation, OperationId, Runtime};
use nng_oxide::Url;
use nng_oxide::http::{Conn, Exchange, Handler, Request, Response, Server, ServerConfig, Shared};
use support::LIMIT;
use support::client::Client;
use support::server::{descriptors, fixed, handler, respond, serve, until};

/// Clients at a time.
const CLIENTS: usize = 12;

#[test]
fn every_request_is_answered_once_or_its_connection_closes() {
    let percent = std::env::var("NNG_STRESS_PERCENT").map_or(100, |text| text.parse().unwrap());
    let scaled = |count: usize| (count * percent / 100).max(1);
    let before = descriptors();
    let ways = [Way::Patient, Way::Stopped, Way::Hasty, Way::Released];
    for (round, way) in (0..).zip(ways.into_iter().cycle().take(scaled(8).max(4))) {
        eprintln!("round {round}: {way:?}");
        run_round(round, way, scaled(40));
        // The server stops while handlers that never answer are about to be called.
        for _ in 0..scaled(20) {
            run_round(round, Way::Patient, 0);
        }
        assert_eq!(descriptors(), before, "round {round}");
    }
}

/// What a round is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Connections close only as clients and handlers want it.
    Patient,
    /// As `Patient`, and the server stops in the midst of it.
    Stopped,
    /// Limits of time are short, so that a connection may close at any moment.
    Hasty,
    /// The last handle of the server goes in the midst of it.
    Released,
}

impl Way {
    /// Connections may close although nobody did anything wrong.
    fn may_close(self) -> bool {
        self != Self::Patient
    }

    fn config(self) -> ServerConfig {
        let limit = Some(if self == Self::Hasty { Duration::from_millis(3) } else { LIMIT });
        let mut config = ServerConfig::default();
        config.idle_timeout = limit;
        config.head_timeout = limit;
        config.body_timeout = limit;
        config.write_timeout = limit;
        config.linger_timeout = limit;
        config.max_connections = Some(CLIENTS);
        config
    }
}

fn run_round(seed: u64, way: Way, connections: usize) {
    let runtime = Runtime::builder().threads(6).build().expect("there are threads");
    let url: Url = "http://127.0.0.1:0".parse().expect("it is a URL");
    let server = Server::on(&runtime, &url, way.config()).expect("the address is known");
    let work = Work::new();
    let handlers = handlers(&work);
    let alive = Arc::new(());
    for handler in &handlers {
        handler.set_data(Some(alive.clone())).expect("it is free");
    }
    serve(&server, handlers);
    server.start().expect("a port is free");

    let addr = server.addr().to_inet().expect("it has started");
    let finished = AtomicUsize::new(0);
    thread::scope(|scope| {
        let mut end = End { server: Some(server), work: &work };
        let (work, finished) = (&work, &finished);
        for worker in 0..2 {
            scope.spawn(move || work.answer(seed * 1000 + worker));
        }
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let random = Random::new(seed * 100 + number as u64 + 1);
            clients.push(scope.spawn(move || {
                let mut user = User { addr, way, random, name: number };
                for connection in 0..connections {
                    if !user.connect_and_ask(connection) {
                        break;
                    }
                }
                finished.fetch_add(1, SeqCst);
                if way == Way::Patient || way == Way::Hasty {
                    user.wait_for_ever();
                }
            }));
        }
        let server = end.server.clone().expect("nobody has taken it");
        match way {
            Way::Patient | Way::Hasty => until(|| finished.load(SeqCst) == CLIENTS),
            Way::Stopped | Way::Released => {
                let enough = CLIENTS * connections / 3;
                until(|| server.stats().requests >= enough as u64);
            }
        }
        if way == Way::Released {
            end.server = None;
            drop(server);
        } else {
            server.stop();
            until(|| server.stats().open == 0);
        }
        for client in clients {
            client.join().expect("all goes well");
        }
    });
    work.assert_over();
    until(|| Arc::strong_count(&alive) == 1);
    until(|| {
        let stats = runtime.stats();
        (stats.sources, stats.aios, stats.queued) == (0, 0, 0)
    });
    assert_eq!(runtime.stats().panics, 0);
    runtime.shutdown();
    assert_eq!(runtime.stats().threads, 0);
}

/// Ends a round, also when it fails, so that every thread comes to its end.
struct End<'a> {
    server: Option<Server>,
    work: &'a Work,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.stop();
        }
        self.work.end();
    }
}

// --- Handlers -----------------------------------------------------------------------------------

/// What handlers leave to be done.
struct Work {
    later: Mutex<Later>,
    changed: Condvar,
    /// Nobody answers these before the end.
    never: Mutex<Vec<Exchange>>,
    /// Operations that wait for their cancellation, and those that were cancelled.
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Later {
    exchanges: VecDeque<Exchange>,
    operations: VecDeque<Operation>,
    is_over: bool,
}

impl Work {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            later: Mutex::default(),
            changed: Condvar::new(),
            never: Mutex::default(),
            waiting: Arc::default(),
        })
    }

    /// Answers what is to be answered later, in any order, until the end.
    fn answer(&self, seed: u64) {
        let mut random = Random::new(seed + 1);
        loop {
            let mut later = self.later.lock();
            if later.exchanges.is_empty() && later.operations.is_empty() {
                if later.is_over {
                    return;
                }
                drop(self.changed.wait(later));
                continue;
            }
            let count = later.exchanges.len();
            let exchange =
                if count > 0 { later.exchanges.remove(random.below(count)) } else { None };
            let count = later.operations.len();
            let operation =
                if count > 0 { later.operations.remove(random.below(count)) } else { None };
            drop(later);
            if let Some(exchange) = exchange {
                answer(exchange);
            }
            if let Some(mut operation) = operation {
                let request: Arc<Shared<Request>> = operation.input(0).expect("it is there");
                let response = response_to(&request.lock());
                operation.set_output(0, Box::new(response)).expect("the index is in range");
                operation.finish(Ok(()));
            }
        }
    }

    fn push(&self, put: impl FnOnce(&mut Later)) {
        put(&mut self.later.lock());
        self.changed.notify_one();
    }

    /// Ends the answering, and what has not been answered by now.
    fn end(&self) {
        self.later.lock().is_over = true;
        self.changed.notify_all();
        let never = std::mem::take(&mut *self.never.lock());
        for (number, exchange) in never.into_iter().enumerate() {
            match number % 4 {
                0 => drop(exchange),
                1 => exchange.finish(),
                2 => exchange.fail(Error::Canceled),
                _ => respond(exchange, "into the void"),
            }
        }
    }

    /// All that waited for its cancellation was cancelled.
    fn assert_over(&self) {
        until(|| self.waiting.operations.lock().is_empty());
    }
}

/// Operations that end only when somebody cancels them.
#[derive(Default)]
struct Waiting {
    operations: Mutex<Vec<Operation>>,
}

impl Cancel for Waiting {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        assert_eq!(error, Error::Closed);
        let mut operations = self.operations.lock();
        let place = operations.iter().position(|operation| operation.id() == id);
        let operation = place.map(|place| operations.swap_remove(place));
        drop(operations);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

/// The answer to a request: its target as often as the query says, then its body.
fn response_to(request: &Request) -> Response {
    let mut body = Vec::new();
    let count = request.uri().rsplit_once('=').and_then(|(_, count)| count.parse().ok());
    for _ in 0..count.unwrap_or(1) {
        body.extend_from_slice(request.uri().as_bytes());
    }
    body.extend_from_slice(request.body());
    let mut response = Response::new();
    response.set_body(body);
    response
}

fn answer(exchange: Exchange) {
    let response = response_to(&exchange.request());
    exchange.respond(response);
}

fn handlers(work: &Arc<Work>) -> Vec<Handler> {
    let never = {
        let work = Arc::clone(work);
        handler("", "/never", move |exchange| work.never.lock().push(exchange))
    };
    let later = {
        let work = Arc::clone(work);
        handler("", "/later", move |exchange| {
            work.push(|later| later.exchanges.push_back(exchange));
        })
    };
    let operation = Handler::with_aio("/aio", |aio| {
        let mut operation = aio.unpark().expect("it has begun");
        let request: Arc<Shared<Request>> = operation.input(0).expect("it is there");
        let response = response_to(&request.lock());
        operation.set_output(0, Box::new(response)).expect("the index is in range");
        operation.finish(Ok(()));
    });
    let operation_later = {
        let work = Arc::clone(work);
        Handler::with_aio("/aio-later", move |aio| {
            let operation = aio.unpark().expect("it has begun");
            work.push(|later| later.operations.push_back(operation));
        })
    };
    let operation_never = {
        let waiting = Arc::clone(&work.waiting);
        Handler::with_aio("/aio-never", move |aio| {
            let mut operation = aio.unpark().expect("it has begun");
            let mut operations = waiting.operations.lock();
            match operation.arm(&waiting) {
                Ok(()) => operations.push(operation),
                Err(error) => {
                    drop(operations);
                    operation.finish(Err(error));
                }
            }
        })
    };
    for handler in [&operation, &operation_later, &operation_never] {
        handler.set_method(None).expect("it is free");
    }
    let reading = handler("POST", "/reading", read_body);
    reading.collect_body(false, 0);
    let unread = handler("POST", "/unread", |exchange| respond(exchange, "unread"));
    unread.collect_body(false, 0);
    vec![
        handler("", "/inline", answer),
        handler("", "/writing", write_answer),
        handler("", "/dropped", drop),
        fixed("/fixed", "fixed"),
        never,
        later,
        operation,
        operation_later,
        operation_never,
        reading,
        unread,
    ]
}

/// Calls `then` with the exchange when an operation on its connection has ended.
fn after(
    exchange: Exchange,
    begin: impl FnOnce(&Conn, &nng_aio::Aio),
    then: impl Fn(Exchange, &nng_aio::Aio) + Send + Sync + 'static,
) {
    let conn = exchange.conn();
    let exchange = Mutex::new(Some(exchange));
    let aio = conn.runtime().aio(move |aio| {
        let exchange = exchange.lock().take().expect("the operation ends once");
        then(exchange, aio);
    });
    begin(&conn, &aio);
    aio.detach();
}

/// Writes the answer itself.
fn write_answer(exchange: Exchange) {
    let response = response_to(&exchange.request());
    after(exchange, |conn, aio| conn.write_res(&response, aio), |exchange, _| exchange.finish());
}

/// Reads the body itself and answers with it.
fn read_body(exchange: Exchange) {
    let request = exchange.shared_request();
    let len = request.lock().headers().get("Content-Length").and_then(|len| len.parse().ok());
    let len = len.unwrap_or(0);
    after(
        exchange,
        |conn, aio| {
            aio.set_buffer(vec![0; len]).expect("it is idle");
            conn.read_all(aio);
        },
        |exchange, aio| match aio.outcome() {
            Ok(()) => respond(exchange, aio.take_buffer()),
            Err(error) => exchange.fail(error),
        },
    );
}

// --- Clients ------------------------------------------------------------------------------------

/// A client program: one connection after the other.
struct User {
    addr: SocketAddr,
    way: Way,
    random: Random,
    name: usize,
}

/// A request and what its answer is to be.
struct Asked {
    bytes: Vec<u8>,
    method: &'static str,
    status: u16,
    /// `None` is any.
    body: Option<Vec<u8>>,
    closes: bool,
}

impl User {
    /// Uses one connection; `false` if there is no server any more.
    fn connect_and_ask(&mut self, connection: usize) -> bool {
        let Ok(stream) = TcpStream::connect(self.addr) else {
            assert!(self.way.may_close());
            return false;
        };
        let mut client = Client::of(stream);
        for burst in 0..=self.random.below(4) {
            let mut asked = Vec::new();
            for number in 0..=self.random.below(5) {
                let name = format!("{}.{connection}.{burst}.{number}", self.name);
                asked.push(self.request(&name));
                if asked.last().is_some_and(|last| last.closes) {
                    break;
                }
            }
            let bytes: Vec<_> = asked.iter().flat_map(|asked| &asked.bytes).copied().collect();
            if self.random.below(20) == 0 {
                // Goes away in the midst of it, and with answers unread.
                client.try_send(&bytes[..self.random.below(bytes.len())]);
                return true;
            }
            self.send(&mut client, &bytes);
            let is_last = self.random.below(10) == 0;
            if is_last {
                // A server that has closed already is none to tell.
                let _ = client.stream().shutdown(Shutdown::Write);
            }
            for asked in &asked {
                let Some(answer) = client.whole_answer(asked.method) else {
                    assert!(self.way.may_close(), "not answered: {:?}", asked.text());
                    return true;
                };
                if self.way == Way::Hasty && answer.status == 408 {
                    return true;
                }
                asked.check(&answer);
            }
            if is_last || asked.last().is_some_and(|last| last.closes) {
                client.expect_closed();
                return true;
            }
        }
        true
    }

    /// Sends bytes in one or several pieces.
    fn send(&mut self, client: &mut Client, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            let len = match self.random.below(3) {
                0 => left.len(),
                1 => 1 + self.random.below(left.len().min(200)),
                _ => 1 + self.random.below(left.len()),
            };
            let (piece, rest) = left.split_at(len);
            if self.way.may_close() {
                client.try_send(piece);
            } else {
                client.send(piece);
            }
            left = rest;
        }
    }

    /// Makes up a request whose target has that name in it.
    fn request(&mut self, name: &str) -> Asked {
        let count = [1, 1, 1, 50, 5000][self.random.below(5)];
        let paths =
            ["/inline", "/later", "/aio", "/aio-later", "/writing", "/inline", "/later", "/aio"];
        let path = paths[self.random.below(paths.len())];
        let target = format!("{path}?{name}={count}");
        let method = if path != "/writing" && self.random.below(8) == 0 { "HEAD" } else { "GET" };
        let mut asked = Asked {
            bytes: format!("{method} {target} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes(),
            method,
            status: 200,
            body: Some(target.repeat(count).into_bytes()),
            closes: false,
        };
        if method == "HEAD" {
            asked.body = Some(Vec::new());
        }
        let body: Vec<u8> = name.bytes().cycle().take(self.random.below(3000)).collect();
        match self.random.below(24) {
            // With a body.
            0..4 => {
                asked.bytes = self.post(&target, &body);
                asked.method = "POST";
                asked.body = Some([target.repeat(count).as_bytes(), &body].concat());
            }
            4 => {
                asked.bytes = with_length("/reading", &body);
                asked.body = Some(body);
                asked.method = "POST";
            }
            5 => {
                asked.bytes = self.post("/unread", &body);
                asked.body = Some(b"unread".to_vec());
                asked.method = "POST";
            }
            6 => {
                asked.bytes = self.post("/nowhere", &body);
                (asked.status, asked.body, asked.method) = (404, None, "POST");
            }
            7 | 8 => {
                asked.bytes = b"GET /fixed HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
                asked.body = Some(b"fixed".to_vec());
                asked.method = "GET";
            }
            // The last of the connection.
            9 => {
                let close = "HTTP/1.1\r\nConnection: close\r\nHost: h\r\n\r\n";
                asked.bytes = format!("{method} {target} {close}").into_bytes();
                asked.closes = true;
            }
            10 => {
                asked.bytes = format!("{method} {target} HTTP/1.0\r\n\r\n").into_bytes();
                asked.closes = true;
            }
            11 => {
                asked.bytes = b"GET /dropped HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
                (asked.status, asked.body, asked.closes) = (500, None, true);
                asked.method = "GET";
            }
            12 => {
                let broken = ["\0", "GET / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n", "G\r\n"];
                asked.bytes = broken[self.random.below(broken.len())].into();
                (asked.status, asked.body, asked.closes) = (400, None, true);
                asked.method = "GET";
            }
            _ => {}
        }
        asked
    }

    fn post(&mut self, target: &str, body: &[u8]) -> Vec<u8> {
        if self.random.below(2) == 0 {
            return with_length(target, body);
        }
        let mut bytes =
            format!("POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                .into_bytes();
        for chunk in body.chunks(1 + self.random.below(1000)) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    /// Asks for what never comes, and waits for the end of the server.
    fn wait_for_ever(&mut self) {
        let target = if self.name.is_multiple_of(2) { "/never" } else { "/aio-never" };
        if let Ok(stream) = TcpStream::connect(self.addr) {
            let mut client = Client::of(stream);
            client.try_send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
            assert_eq!(client.rest(), b"");
        }
    }
}

impl Asked {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(100)]).into_owned()
    }

    fn check(&self, answer: &support::client::Answer) {
        assert_eq!(answer.status, self.status, "{:?}", self.text());
        assert_eq!(answer.closes(), self.closes, "{:?}: {}", self.text(), answer.head);
        if let Some(body) = &self.body {
            // Not printed: it may be long.
            assert!(answer.body == *body, "another body: {:?}: {}", self.text(), answer.head);
        }
    }
}

fn with_length(target: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }
}
