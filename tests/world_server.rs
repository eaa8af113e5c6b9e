//! The server in a simulated world: clients that pipeline whatever they like over a network that cuts
//! and delays, handlers that answer in every way there is.
//!
//! What must hold, whatever the seed: the answers of a connection are those to its requests, in order,
//! each whole; only the last may be cut off, and only if something broke; nobody waits for ever; and
//! in the end nothing is left.

mod support;

#[path = "support/world.rs"]
mod world;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use nng_aio::Aio;
use nng_aio::net::Socket;
use nng_aio::sync::Mutex;
use nng_oxide::http::{BodyWriter, Conn, Exchange, Handler, Response, Server, ServerConfig};
use world::{Chance, World, for_seeds};

/// A request as it goes over the wire, and what must come back.
struct Request {
    status: u16,
    body: Vec<u8>,
    is_head: bool,
    ends: bool,
}

/// The body that belongs to a number; no two are alike.
fn body(id: usize, len: usize) -> Vec<u8> {
    let mut bytes = format!("{id}:").into_bytes();
    bytes.extend((0..len).map(|at| b'a' + u8::try_from((id + at) % 26).expect("it is a letter")));
    bytes
}

/// The number and the length that a target asks for: `/path?id=len`.
fn wanted(target: &str) -> Vec<u8> {
    let (id, len) =
        target.split_once('?').and_then(|(_, query)| query.split_once('=')).expect(target);
    body(id.parse().expect("a number"), len.parse().expect("a number"))
}

/// A client that sends requests one behind the other and reads what comes.
struct Peer {
    stream: Option<UnixStream>,
    outgoing: VecDeque<u8>,
    expected: VecDeque<Request>,
    input: Vec<u8>,
    /// The last answer has come.
    is_done: bool,
}

impl Peer {
    /// Of its requests so many are answered at most.
    fn new(stream: UnixStream, chance: &mut Chance, ids: &mut usize, max: Option<u64>) -> Self {
        stream.set_nonblocking(true).expect("an option");
        let mut peer = Self {
            stream: Some(stream),
            outgoing: VecDeque::new(),
            expected: VecDeque::new(),
            input: Vec::new(),
            is_done: false,
        };
        for number in 1..2 + chance.below(12) {
            *ids += 1;
            peer.plan(chance, *ids, Some(number as u64) == max);
        }
        peer
    }

    /// Adds a request of some kind.
    fn plan(&mut self, chance: &mut Chance, id: usize, is_last: bool) {
        let len = chance.len(20_000);
        let (mut status, mut answer, mut is_head, mut ends) = (200, body(id, len), false, false);
        let mut fields = String::new();
        if chance.once_in(20) {
            fields.push_str("Connection: close\r\n");
            ends = true;
        }
        let plain = |method: &str, path: &str, fields: &str| {
            format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").into_bytes()
        };
        let mut paths = &["now", "later", "own", "pieces", "chunks", "asleep", "raw"][..];
        if is_last {
            // What a handler writes byte by byte says only what the handler says.
            paths = &paths[..6];
        }
        let path = format!("/{}?{id}={len}", paths[chance.below(paths.len())]);
        let wire = match chance.below(12) {
            0..=4 => plain("GET", &path, &fields),
            5 => {
                is_head = true;
                let path = format!("/{}?{id}={len}", paths[chance.below(5)]);
                plain("HEAD", &path, &fields)
            }
            6 => {
                let head = format!("{fields}Content-Length: {}\r\n", answer.len());
                let path = ["/echo", "/sips"][chance.below(2)];
                [plain("POST", path, &head), answer.clone()].concat()
            }
            7 => {
                let head = format!("{fields}Transfer-Encoding: chunked\r\n");
                let path = ["/echo", "/sips"][chance.below(2)];
                [plain("POST", path, &head), chunked(&answer, chance)].concat()
            }
            8 => {
                (status, answer) = (404, Vec::new());
                plain("GET", "/nowhere", &fields)
            }
            9 => {
                // A body that nobody reads is skipped.
                let unread = body(id, len);
                answer = b"unread".to_vec();
                let head = format!("{fields}Content-Length: {}\r\n", unread.len());
                [plain("POST", "/unread", &head), unread].concat()
            }
            10 if chance.once_in(4) => {
                (status, answer, ends) = (500, Vec::new(), true);
                plain("GET", "/fails", &fields)
            }
            10 if chance.once_in(2) => {
                ends = true;
                plain("GET", &format!("/taken?{id}={len}"), &fields)
            }
            10 if chance.once_in(4) => {
                (status, answer, ends) = (400, Vec::new(), true);
                b"nonsense\r\n\r\n".to_vec()
            }
            _ => {
                answer = b"fixed".to_vec();
                plain("GET", "/fixed", &fields)
            }
        };
        self.outgoing.extend(wire);
        ends |= is_last;
        self.expected.push_back(Request { status, body: answer, is_head, ends });
    }

    fn step(&mut self, chance: &mut Chance, has_faults: bool) {
        if chance.once_in(2) {
            self.send(chance.len(4096));
        } else {
            self.receive(chance.len(8192));
            self.read_answers(has_faults);
        }
        if has_faults && chance.once_in(500) {
            self.stream = None;
        }
    }

    fn send(&mut self, max: usize) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let (bytes, _) = self.outgoing.as_slices();
        let bytes = &bytes[..bytes.len().min(max)];
        match stream.write(bytes) {
            Ok(count) => {
                self.outgoing.drain(..count);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            // Whoever has said the last word may have stopped listening.
            Err(_) => {
                self.outgoing.clear();
                false
            }
        }
    }

    fn receive(&mut self, max: usize) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let mut room = vec![0; max.max(1)];
        match stream.read(&mut room) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Ok(count @ 1..) => self.input.extend_from_slice(&room[..count]),
            Ok(0) | Err(_) => self.stream = None,
        }
        true
    }

    /// Compares what has come with what must come.
    fn read_answers(&mut self, has_faults: bool) {
        while !self.is_done {
            let Some(end) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                return;
            };
            let head = String::from_utf8(self.input[..end].to_vec()).expect("heads are text here");
            let (status_line, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
            let status: u16 = status_line[9..12].parse().expect("a status");
            let field = |name: &str| {
                let mut lines = fields.split("\r\n").filter_map(|line| line.split_once(": "));
                lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            };
            let len = field("content-length").map(|len| len.parse::<usize>().expect("a length"));
            let closes = field("connection") == Some("close");
            if status == 408 && has_faults {
                // The network, or the client, was too slow for the server.
                assert!(closes);
                let len = len.expect(&head);
                if self.input.len() >= end + 4 + len {
                    self.input.drain(..end + 4 + len);
                    self.is_done = true;
                }
                break;
            }
            let Some(request) = self.expected.front() else { panic!("an answer too many: {head}") };
            let is_head = request.is_head;
            let Some((body, wire_len)) = received(&self.input[end + 4..], len, is_head) else {
                return;
            };
            let request = self.expected.pop_front().expect("there is one");
            assert_eq!(status, request.status, "{head}");
            if request.status == 200 {
                assert!(len.is_none_or(|len| len == request.body.len()), "{head}");
                assert!(is_head || body == request.body, "{head}");
            }
            assert!(closes || !request.ends, "{head}");
            self.input.drain(..end + 4 + wire_len);
            self.is_done = closes || self.expected.is_empty();
        }
        assert!(!self.is_done || self.input.is_empty(), "something behind the end");
    }

    /// Nothing more is to be expected.
    fn is_over(&self) -> bool {
        self.is_done || self.stream.is_none()
    }
}

/// The body at the beginning of what has come, and how much it takes there; `None` if it is not whole.
fn received(input: &[u8], len: Option<usize>, is_head: bool) -> Option<(Vec<u8>, usize)> {
    if is_head {
        return Some((Vec::new(), 0));
    }
    if let Some(len) = len {
        return input.get(..len).map(|body| (body.to_vec(), len));
    }
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let end = at + input.get(at..)?.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(&input[at..end]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        at = end + 2 + size + 2;
        body.extend_from_slice(input.get(end + 2..at)?.strip_suffix(b"\r\n").expect("an end"));
        if size == 0 {
            return Some((body, at));
        }
    }
}

fn chunked(body: &[u8], chance: &mut Chance) -> Vec<u8> {
    let (mut wire, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (chunk, tail) = rest.split_at(rest.len().min(1 + chance.len(3000)));
        wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
        rest = tail;
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

/// What handlers leave to be done later, and how much of that was done.
#[derive(Default)]
struct Later {
    exchanges: Mutex<VecDeque<Exchange>>,
    /// Writes of handlers that were begun, and that have ended.
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Later {
    fn answer_one(&self, chance: &mut Chance) -> bool {
        let mut exchanges = self.exchanges.lock();
        let at = chance.below(exchanges.len().max(1));
        let Some(exchange) = exchanges.remove(at) else { return false };
        drop(exchanges);
        let body = wanted(exchange.request().uri());
        respond(exchange, body);
        true
    }
}

fn respond(exchange: Exchange, body: Vec<u8>) {
    let mut response = Response::new();
    response.set_body(body);
    exchange.respond(response);
}

/// A body of which something is still to be written.
struct Left {
    writer: BodyWriter,
    bytes: Vec<u8>,
    writes: Arc<Later>,
}

/// Writes the next piece, which gets longer each time; the aio's callback does so, too.
fn write_next(slot: &Mutex<Option<Left>>, aio: &Aio, is_callback: bool) {
    let mut slot = slot.lock();
    let Some(left) = &mut *slot else { panic!("a callback comes once") };
    if is_callback {
        left.writes.ended.fetch_add(1, SeqCst);
    }
    if aio.outcome().is_err() || left.bytes.is_empty() {
        let left = slot.take().expect("it is there");
        drop(slot);
        return left.writer.finish();
    }
    left.writes.begun.fetch_add(1, SeqCst);
    let len = left.bytes.len().min(1 + left.bytes.len() / 3);
    let rest = left.bytes.split_off(len);
    aio.set_buffer(std::mem::replace(&mut left.bytes, rest)).expect("it is idle");
    left.writer.write(aio);
}

/// Answers in pieces, one when the last is out.
fn in_pieces(path: &str, knows_len: bool, writes: &Arc<Later>) -> Handler {
    let writes = Arc::clone(writes);
    any_method(path, move |exchange| {
        let bytes = wanted(exchange.request().uri());
        let len = knows_len.then_some(bytes.len() as u64);
        let writer = exchange.respond_in_pieces(Response::new(), len);
        let runtime = writer.runtime().clone();
        let left = Left { writer, bytes, writes: Arc::clone(&writes) };
        let slot = Arc::new(Mutex::new(Some(left)));
        let aio = runtime.aio({
            let slot = Arc::clone(&slot);
            move |aio| write_next(&slot, aio, true)
        });
        write_next(&slot, &aio, false);
        aio.detach();
    })
}

/// A body that is on its way in and out again.
struct Sips {
    conn: Conn,
    writer: Option<BodyWriter>,
    /// The next piece, as it grows and shrinks.
    len: usize,
    is_reading: bool,
    later: Arc<Later>,
}

/// Writes what was read, or reads what is to be written next.
fn sip(slot: &Mutex<Sips>, aio: &Aio, is_callback: bool) {
    let mut slot = slot.lock();
    let sips = &mut *slot;
    if is_callback {
        sips.later.ended.fetch_add(1, SeqCst);
    }
    let Some(mut writer) = sips.writer.take().filter(|_| aio.outcome().is_ok()) else { return };
    let count = aio.count();
    if sips.is_reading && count == 0 {
        return writer.finish();
    }
    sips.later.begun.fetch_add(1, SeqCst);
    sips.is_reading = !sips.is_reading;
    if sips.is_reading {
        sips.len = 1 + sips.len * 3 % 5000;
        aio.set_buffer(vec![0; sips.len]).expect("it is idle");
        sips.conn.read_body(aio);
    } else {
        let mut piece = aio.take_buffer();
        piece.truncate(count);
        aio.set_buffer(piece).expect("it is idle");
        writer.write(aio);
    }
    sips.writer = Some(writer);
}

/// Gives a body back while it comes.
fn in_sips(path: &str, later: &Arc<Later>) -> Handler {
    let later = Arc::clone(later);
    let handler = any_method(path, move |exchange| {
        let conn = exchange.conn();
        let runtime = conn.runtime().clone();
        let writer = Some(exchange.respond_in_pieces(Response::new(), None));
        let sips = Sips { conn, writer, len: 7, is_reading: false, later: Arc::clone(&later) };
        let slot = Arc::new(Mutex::new(sips));
        let aio = runtime.aio({
            let slot = Arc::clone(&slot);
            move |aio| sip(&slot, aio, true)
        });
        sip(&slot, &aio, false);
        aio.detach();
    });
    handler.collect_body(false, 0);
    handler
}

fn any_method(path: &str, answer: impl Fn(Exchange) + Send + Sync + 'static) -> Handler {
    let handler = Handler::function(path, answer);
    handler.set_method(None).expect("it is free");
    handler
}

fn serve(world: &World, later: &Arc<Later>, max_requests: Option<u64>) -> Server {
    let url = "http://127.0.0.1:0".parse().expect("it is a URL");
    let mut config = ServerConfig::default();
    config.max_requests = max_requests;
    let server = Server::on(&world.runtime, &url, config).expect("a known address");
    let (queue, writes) = (Arc::clone(later), Arc::clone(later));
    let own = any_method("/own", move |exchange| {
        let conn = exchange.conn();
        let mut response = Response::new();
        response.set_body(wanted(exchange.request().uri()));
        let (exchange, writes) = (Mutex::new(Some(exchange)), Arc::clone(&writes));
        writes.begun.fetch_add(1, SeqCst);
        let aio = conn.runtime().aio(move |aio| {
            writes.ended.fetch_add(1, SeqCst);
            let exchange = exchange.lock().take().expect("a callback comes once");
            match aio.outcome() {
                Ok(()) => exchange.finish(),
                Err(error) => exchange.fail(error),
            }
        });
        conn.write_res(&response, &aio);
        aio.detach();
    });
    // Head and body in pieces, as C programs do it.
    let raw = any_method("/raw", move |exchange| {
        let body = wanted(exchange.request().uri());
        let conn = exchange.conn();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
        let close = exchange.request().headers().get("connection").is_some();
        let end = if close { "Connection: close\r\n\r\n" } else { "\r\n" };
        for bytes in [[head.as_bytes(), end.as_bytes()].concat(), body] {
            let aio = conn.runtime().aio(|_| ());
            aio.set_buffer(bytes).expect("it is idle");
            conn.write_all(&aio);
            aio.detach();
        }
        exchange.finish();
    });
    let writes = Arc::clone(later);
    let taken = any_method("/taken", move |exchange| {
        // The server may have stopped.
        let Ok((conn, request)) = exchange.hijack() else { return };
        let mut response = Response::new();
        response.headers_mut().set("Connection", "close").expect("a field");
        response.set_body(wanted(request.lock().uri()));
        writes.begun.fetch_add(1, SeqCst);
        let writes = Arc::clone(&writes);
        let kept = conn.clone();
        let aio = conn.runtime().aio(move |_| {
            writes.ended.fetch_add(1, SeqCst);
            kept.close();
        });
        conn.write_res(&response, &aio);
        aio.detach();
    });
    let asleep = Handler::with_aio("/asleep", |aio| {
        let operation = Mutex::new(aio.unpark());
        let request =
            aio.input::<nng_oxide::http::Shared<nng_oxide::http::Request>>(0).expect("a request");
        let body = wanted(request.lock().uri());
        let sleeper = aio.runtime().aio(move |_| {
            let mut operation = operation.lock().take().expect("a callback comes once");
            let mut response = Response::new();
            response.set_body(body.clone());
            operation.set_output(0, Box::new(response)).expect("the index is in range");
            operation.finish(Ok(()));
        });
        sleeper.sleep(Duration::from_millis(50));
        sleeper.detach();
    });
    asleep.set_method(None).expect("it is free");
    let echo = Handler::function("/echo", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    });
    echo.set_method("POST").expect("it is free");
    let unread = Handler::function("/unread", |exchange| respond(exchange, b"unread".to_vec()));
    unread.set_method("POST").expect("it is free");
    unread.collect_body(false, 0);
    let handlers = [
        any_method("/now", |exchange| {
            let body = wanted(exchange.request().uri());
            respond(exchange, body);
        }),
        any_method("/later", move |exchange| queue.exchanges.lock().push_back(exchange)),
        any_method("/fails", |exchange| exchange.fail(nng_oxide::Error::Internal)),
        Handler::fixed("/fixed", "fixed", None).expect("a type"),
        own,
        in_pieces("/pieces", true, later),
        in_pieces("/chunks", false, later),
        in_sips("/sips", later),
        raw,
        taken,
        asleep,
        echo,
        unread,
    ];
    for handler in &handlers {
        server.add_handler(handler).expect("it is free");
    }
    server
}

fn scenario(seed: u64) {
    let mut world = World::new(seed);
    let later = Arc::new(Later::default());
    let max = world.chance.once_in(3).then(|| 1 + world.chance.below(8) as u64);
    let server = serve(&world, &later, max);
    let mut ids = 0;
    let mut peers: Vec<Peer> = (0..1 + world.chance.below(4))
        .map(|_| {
            let [ours, theirs] = world.connect();
            server.admit(Socket::from_fd(ours)).expect("it goes on");
            Peer::new(theirs.into(), &mut world.chance, &mut ids, max)
        })
        .collect();

    let has_faults = world.has_faults;
    let is_stopped = has_faults && world.chance.once_in(8);
    let is_drained = world.chance.once_in(6);
    let drained = Arc::new(AtomicUsize::new(0));
    let drain = world.runtime.aio({
        let drained = Arc::clone(&drained);
        move |_| _ = drained.fetch_add(1, SeqCst)
    });
    let steps = 200 + world.chance.below(2000);
    for step in 0..steps {
        match world.chance.below(4) {
            0 | 1 => world.step(),
            2 => {
                let index = world.chance.below(peers.len());
                peers[index].step(&mut world.chance, has_faults);
            }
            _ => _ = world.chance.once_in(4) && later.answer_one(&mut world.chance),
        }
        if is_stopped && step == steps / 2 {
            server.stop();
        }
        if is_drained && step == steps / 3 {
            server.drain(&drain);
        }
    }
    // From here on everybody does what can be done.
    let mut patience = 20_000;
    while peers.iter().any(|peer| !peer.is_over()) {
        patience -= 1;
        assert!(patience > 0, "somebody waits for ever");
        world.settle();
        let mut is_moving = later.answer_one(&mut world.chance);
        for peer in &mut peers {
            is_moving |= peer.send(usize::MAX);
            is_moving |= peer.receive(1 << 16);
            peer.read_answers(has_faults);
        }
        if !is_moving {
            assert!(world.skip(), "somebody waits, and nothing will happen");
        }
    }
    if !has_faults {
        let all = peers.iter().all(|peer| peer.is_done || is_drained && peer.input.is_empty());
        assert!(all, "without a fault every request is answered, until the server is to end");
    }
    // The end: what is left on either side goes.
    drop(peers);
    for wire in &mut world.wires {
        wire.cut();
    }
    while later.answer_one(&mut world.chance) {}
    world.settle();
    while server.stats().open > 0 {
        assert!(world.skip(), "a session without a connection stays");
        world.settle();
    }
    world.advance(Duration::from_secs(1));
    world.settle();
    assert_eq!(later.begun.load(SeqCst), later.ended.load(SeqCst), "each write ends once");
    assert_eq!(drained.load(SeqCst), usize::from(is_drained), "an end is told once");
    drop(drain);
    drop(server);
    world.end();
}

#[test]
fn every_request_is_answered_once_and_nothing_is_left() {
    for_seeds(300, scenario);
}
