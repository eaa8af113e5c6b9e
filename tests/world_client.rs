//! Transactions in a simulated world: many at once on connections that delay and break, cancelled and
//! timed out at any moment, against a server that frames its answers in every way there is.
//!
//! What must hold, whatever the seed: each transaction ends once; if it ends with success, with the
//! answer to its own request, whole; without faults and cancels all of them do; nothing is left.

mod support;

#[path = "support/world.rs"]
mod world;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use nng_aio::Aio;
use nng_aio::codes::*;
use nng_aio::net::Socket;
use nng_oxide::http::{Conn, Request, Response, Shared};
use world::{Chance, World, for_seeds};

/// The content that belongs to a number.
fn content(id: usize, len: usize) -> Vec<u8> {
    let mut bytes = format!("{id}:").into_bytes();
    bytes.extend((0..len).map(|at| b'a' + u8::try_from((id + at) % 26).expect("it is a letter")));
    bytes
}

/// A transaction, and what must come of it.
struct Exchange {
    aio: Aio,
    runs: Arc<AtomicUsize>,
    response: Shared<Response>,
    expected: Vec<u8>,
    status: u16,
    /// It has no length, and the network may break: nobody can tell that some is missing.
    may_lack: bool,
}

impl Exchange {
    fn is_over(&self) -> bool {
        !self.aio.is_busy()
    }

    /// Checks the end; true if it is a success.
    fn check(&self) -> bool {
        assert_eq!(self.runs.load(SeqCst), 1, "the callback comes once");
        let response = self.response.lock();
        match self.aio.result() {
            0 => {
                assert_eq!(response.status(), self.status);
                let is_whole = response.body() == self.expected;
                let is_part = self.may_lack && self.expected.starts_with(response.body());
                assert!(is_whole || is_part, "it is the answer to this request");
                true
            }
            NNG_ECANCELED | NNG_ETIMEDOUT | NNG_ECLOSED | NNG_ECONNSHUT | NNG_ECONNRESET => {
                assert!(response.body().is_empty(), "nothing half is left behind");
                false
            }
            other => panic!("unexpected: {other}"),
        }
    }
}

/// A server that does what requests ask of it. The target is `/id?how=len`.
struct Server {
    stream: Option<UnixStream>,
    input: Vec<u8>,
    outgoing: Vec<u8>,
    /// It closes when all is sent.
    ends: bool,
}

impl Server {
    fn step(&mut self, max: usize, chance: &mut Chance) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let mut is_moving = false;
        let mut room = vec![0; max.max(1)];
        match stream.read(&mut room) {
            Ok(0) => self.stream = None,
            Ok(count) => {
                is_moving = true;
                self.input.extend_from_slice(&room[..count]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.stream = None,
        }
        is_moving |= self.answer(chance);
        let Some(stream) = &mut self.stream else { return true };
        let len = self.outgoing.len().min(max);
        match stream.write(&self.outgoing[..len]) {
            Ok(count) => {
                is_moving |= count > 0;
                self.outgoing.drain(..count);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.stream = None,
        }
        if self.ends && self.outgoing.is_empty() {
            self.stream = None;
            return true;
        }
        is_moving
    }

    /// Answers a request that is whole.
    fn answer(&mut self, chance: &mut Chance) -> bool {
        let Some(end) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return false;
        };
        let head = String::from_utf8(self.input[..end].to_vec()).expect("heads are text here");
        let len = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
        let len: usize = len.map_or(0, |len| len.parse().expect("a length"));
        if self.ends || self.input.len() < end + 4 + len {
            return false;
        }
        let sent = self.input[end + 4..end + 4 + len].to_vec();
        self.input.drain(..end + 4 + len);
        let target = head.split(' ').nth(1).expect("a target");
        let (id, rest) = target[1..].split_once('?').expect("a target of the client's");
        let (how, len) = rest.split_once('=').expect("a target of the client's");
        let body = content(id.parse().expect("a number"), len.parse().expect("a number"));
        assert!(sent.is_empty() || sent == body, "the request came whole");
        let out = &mut self.outgoing;
        while chance.once_in(4) {
            out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
        }
        let mut say = |head: &str| out.extend_from_slice(format!("HTTP/1.1 {head}\r\n").as_bytes());
        match how {
            "head" => say(&format!("200 OK\r\nContent-Length: {}\r\n", body.len())),
            "none" => say(&format!("304 Not Modified\r\nContent-Length: {}\r\n", body.len())),
            "chunked" => {
                say("200 OK\r\nTransfer-Encoding: chunked\r\n");
                let mut rest = &body[..];
                while !rest.is_empty() {
                    let (chunk, tail) = rest.split_at(rest.len().min(1 + chance.len(3000)));
                    self.outgoing.extend(format!("{:X};x=y\r\n", chunk.len()).into_bytes());
                    self.outgoing.extend_from_slice(chunk);
                    self.outgoing.extend_from_slice(b"\r\n");
                    rest = tail;
                }
                self.outgoing.extend_from_slice(b"0\r\nTrailer: 1\r\n\r\n");
            }
            "close" => {
                say("200 OK\r\nConnection: close\r\n");
                self.outgoing.extend_from_slice(&body);
                self.ends = true;
            }
            _ => {
                say(&format!("200 OK\r\nContent-Length: {}\r\n", body.len()));
                self.outgoing.extend_from_slice(&body);
            }
        }
        true
    }
}

/// A connection and the server at its other end.
struct Line {
    conn: Conn,
    server: Server,
    /// No further transactions: the last one ends the connection.
    is_last: bool,
}

impl Line {
    fn begin(&mut self, world: &mut World, id: usize) -> Exchange {
        let chance = &mut world.chance;
        let len = chance.len(20_000);
        let all = content(id, len);
        let how = ["length", "chunked", "head", "none", "length", "close"][chance.below(6)];
        let how = if how == "close" && !chance.once_in(4) { "length" } else { how };
        self.is_last = how == "close";
        let mut request = Request::new();
        request.set_uri(format!("/{id}?{how}={len}").as_str()).expect("a target");
        request.set_method(if how == "head" { "HEAD" } else { "POST" }).expect("a method");
        request.headers_mut().set("Host", "h").expect("a value");
        if how != "head" && chance.once_in(2) {
            request.set_body(all.clone());
        }
        let status = if how == "none" { 304 } else { 200 };
        let expected = if matches!(how, "head" | "none") { Vec::new() } else { all };
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let aio = world.runtime.aio(move |_| _ = count.fetch_add(1, SeqCst));
        if world.has_faults && world.chance.once_in(4) {
            aio.set_timeout(Duration::from_millis(1 + world.chance.len(10_000) as u64));
        }
        let may_lack = self.is_last && world.has_faults;
        let response = Shared::new(Response::new());
        self.conn.transact(&request, &response, &aio);
        Exchange { aio, runs, response, expected, status, may_lack }
    }
}

fn scenario(seed: u64) {
    let mut world = World::new(seed);
    let mut lines: Vec<Line> = (0..1 + world.chance.below(3))
        .map(|_| {
            let [ours, theirs] = world.connect();
            let conn = Conn::new(&world.runtime, Socket::from_fd(ours)).expect("it goes on");
            let stream = Some(UnixStream::from(theirs));
            let server = Server { stream, input: Vec::new(), outgoing: Vec::new(), ends: false };
            Line { conn, server, is_last: false }
        })
        .collect();
    let mut exchanges = Vec::new();
    for _ in 0..200 + world.chance.below(2000) {
        match world.chance.below(8) {
            0..=3 => world.step(),
            4 | 5 => {
                let index = world.chance.below(lines.len());
                let max = world.chance.len(4096);
                lines[index].server.step(max, &mut world.chance);
            }
            6 if exchanges.len() < 40 && world.chance.once_in(4) => {
                let index = world.chance.below(lines.len());
                if !lines[index].is_last {
                    let id = exchanges.len();
                    exchanges.push(lines[index].begin(&mut world, id));
                }
            }
            _ if world.has_faults && !exchanges.is_empty() && world.chance.once_in(30) => {
                let index = world.chance.below(exchanges.len());
                exchanges[index].aio.cancel();
            }
            _ => {}
        }
    }
    let mut patience = 20_000;
    while exchanges.iter().any(|exchange| !exchange.is_over()) {
        patience -= 1;
        assert!(patience > 0, "somebody waits for ever");
        world.settle();
        let mut is_moving = false;
        for line in &mut lines {
            is_moving |= line.server.step(1 << 16, &mut world.chance);
        }
        if !is_moving && !world.skip() {
            world.settle();
            let all = exchanges.iter().all(Exchange::is_over);
            assert!(all, "somebody waits, and nothing will happen");
        }
    }
    let successes = exchanges.iter().filter(|exchange| exchange.check()).count();
    if !world.has_faults {
        let results: Vec<_> = exchanges.iter().map(|exchange| exchange.aio.result()).collect();
        assert_eq!(successes, exchanges.len(), "without a fault all succeed: {results:?}");
    }
    drop((exchanges, lines));
    world.wires.clear();
    world.end();
}

#[test]
fn every_transaction_ends_once_with_its_own_answer() {
    for_seeds(300, scenario);
}
