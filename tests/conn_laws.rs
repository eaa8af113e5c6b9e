//! What holds for connections whatever is submitted, cancelled, sent and closed in whatever order.
//!
//! A host-driven runtime and one thread make every run the same. Each case plays random steps on a
//! connection and its peer and checks, against a plain account of what was submitted:
//!
//! - every operation ends exactly once, and what is cancelled while it waits ends with that;
//! - the bytes that reads report are those that the peer sent, in order;
//! - the bytes that the peer gets are those that writes report, in order of submission;
//! - a connection is open until something closes it, and then answers `NNG_ECLOSED`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use nng_aio::net::Socket;
use nng_aio::{Aio, Error, codes::*};
use nng_oxide::http::{Conn, Request, Response, Shared};
use proptest::prelude::*;
use support::{Driver, get, pattern, with_fields};

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Submit(Kind),
    /// Cancels one of those that wait.
    Cancel(prop::sample::Index),
    /// Aborts one of those that wait, with another code.
    Abort(prop::sample::Index),
    /// Drops the aio of one of those that wait.
    Drop(prop::sample::Index),
    /// The peer sends so much.
    Send(usize),
    /// The peer receives so much, if it is there.
    Receive(usize),
    /// Lets everything happen that can.
    Settle,
    EndSending,
    ClosePeer,
    Close,
}

/// What may be submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Read(usize),
    ReadAll(usize),
    ReadResponse,
    Write(usize),
    WriteAll(usize),
    WriteRequest(usize),
    WriteResponse(usize),
    WriteLastResponse(usize),
    Transact(usize),
    /// With a limit of zero.
    Poll,
}

impl Kind {
    const fn reads(self) -> bool {
        matches!(self, Self::Read(_) | Self::ReadAll(_) | Self::ReadResponse | Self::Transact(_))
    }

    const fn writes(self) -> bool {
        !matches!(self, Self::Read(_) | Self::ReadAll(_) | Self::ReadResponse | Self::Poll)
    }
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 1..100_usize, 1000..10_000_usize, 50_000..150_000_usize]
}

/// What puts no head out of step.
fn message() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::ReadResponse),
        2 => size().prop_map(Kind::WriteRequest),
        2 => size().prop_map(Kind::WriteResponse),
        4 => size().prop_map(Kind::Transact),
    ]
}

/// What has no head.
fn raw() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => (0..200_usize).prop_map(Kind::Read),
        3 => (0..300_usize).prop_map(Kind::ReadAll),
        3 => size().prop_map(Kind::Write),
        3 => size().prop_map(Kind::WriteAll),
        1 => Just(Kind::Poll),
    ]
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![5 => message(), 5 => raw(), 1 => size().prop_map(Kind::WriteLastResponse)]
}

fn step(kind: impl Strategy<Value = Kind> + 'static) -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => kind.prop_map(Step::Submit),
        3 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        2 => any::<prop::sample::Index>().prop_map(Step::Abort),
        1 => any::<prop::sample::Index>().prop_map(Step::Drop),
        20 => (1..300_usize).prop_map(Step::Send),
        10 => (1..300_000_usize).prop_map(Step::Receive),
        20 => Just(Step::Settle),
    ]
}

/// As [`step`], and whatever ends connections.
fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => step(any_kind()),
        1 => Just(Step::EndSending),
        1 => Just(Step::ClosePeer),
        1 => Just(Step::Close),
    ]
}

/// An operation, and what is expected of it.
struct Op {
    kind: Kind,
    /// Gone when the step `Drop` has been.
    aio: Option<Aio>,
    /// What it writes, whole.
    output: Vec<u8>,
    /// Where it reads a response to.
    response: Shared<Response>,
    /// What ended it: result, count, and the bytes that it read.
    end: Option<(i32, usize, Vec<u8>)>,
}

/// What the callbacks tell, in order: an operation's number, result, count and memory.
type Log = Arc<Mutex<VecDeque<(usize, i32, usize, Vec<u8>)>>>;

/// A connection, its peer, and the account of both.
struct Game {
    driver: Driver,
    conn: Conn,
    peer: Option<UnixStream>,
    ops: Vec<Op>,
    log: Log,
    /// Everything the peer will ever send, and how much of it is on its way and has been read.
    incoming: Vec<u8>,
    sent: usize,
    taken: usize,
    /// What the peer has received.
    received: Vec<u8>,
    /// The peer went before it had received everything.
    is_peer_lost: bool,
    /// Something has happened that may close the connection.
    may_be_closed: bool,
}

/// The response with that number, as the peer sends it: no body, so that heads follow each other.
fn incoming(number: usize) -> String {
    format!("HTTP/1.1 200 {number}\r\nContent-Length: 0\r\n\r\n")
}

impl Game {
    fn new() -> Self {
        let driver = Driver::host();
        let (ours, peer) = UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        let conn = Conn::new(&driver.runtime, Socket::from_fd(ours.into())).unwrap();
        Self {
            driver,
            conn,
            peer: Some(peer),
            ops: Vec::new(),
            log: Log::default(),
            incoming: (0..1000).map(incoming).collect::<String>().into_bytes(),
            sent: 0,
            taken: 0,
            received: Vec::new(),
            is_peer_lost: false,
            may_be_closed: false,
        }
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Submit(kind) => self.submit(*kind),
            Step::Cancel(which) => self.end_early(which, NNG_ECANCELED, Aio::cancel),
            Step::Abort(which) => {
                self.end_early(which, NNG_EPERM, |aio| aio.abort(Error::Permission))
            }
            Step::Drop(which) => self.drop_aio(which),
            Step::Send(len) => self.send(*len),
            Step::Receive(len) => self.receive(*len),
            Step::Settle => self.settle(),
            Step::EndSending => {
                self.may_be_closed = true;
                if let Some(peer) = &self.peer {
                    // It fails where the connection is closed already.
                    let _ = peer.shutdown(Shutdown::Write);
                }
            }
            Step::ClosePeer => {
                self.may_be_closed = true;
                self.is_peer_lost |= self.peer.take().is_some();
            }
            Step::Close => {
                self.may_be_closed = true;
                self.conn.close();
                assert!(self.conn.is_closed());
            }
        }
        self.check_ends();
        assert!(self.may_be_closed || !self.conn.is_closed(), "something must have closed it");
    }

    // --- The connection's side ------------------------------------------------------------------

    fn submit(&mut self, kind: Kind) {
        let number = self.ops.len();
        let log = Arc::clone(&self.log);
        let aio = self.driver.runtime.aio(move |aio| {
            let memory = aio.take_buffer();
            log.lock().unwrap().push_back((number, aio.result(), aio.count(), memory));
        });
        let (response, was_closed) = (Shared::<Response>::default(), self.conn.is_closed());
        let output = self.start(kind, number, &aio, &response);
        self.ops.push(Op { kind, aio: Some(aio), output, response, end: None });
        if was_closed {
            self.settle();
            let end = self.ops[number].end.as_ref().map(|(result, count, _)| (*result, *count));
            let expected = if kind == Kind::Poll { NNG_ETIMEDOUT } else { NNG_ECLOSED };
            assert_eq!(end, Some((expected, 0)), "{kind:?} on a closed connection");
        }
    }

    /// Starts an operation; returns what it writes.
    fn start(
        &mut self,
        kind: Kind,
        number: usize,
        aio: &Aio,
        response: &Shared<Response>,
    ) -> Vec<u8> {
        let tag = |len: usize| {
            let mut bytes = format!("<{number}>").into_bytes();
            bytes.extend(pattern(len));
            bytes.truncate(len);
            bytes
        };
        match kind {
            Kind::Read(len) | Kind::ReadAll(len) => {
                aio.set_buffer(vec![0; len]).unwrap();
                match kind {
                    Kind::Read(_) => self.conn.read(aio),
                    _ => self.conn.read_all(aio),
                }
                Vec::new()
            }
            Kind::ReadResponse => {
                self.may_be_closed = true;
                self.conn.read_res(response, aio);
                Vec::new()
            }
            Kind::Write(len) | Kind::WriteAll(len) => {
                aio.set_buffer(tag(len)).unwrap();
                match kind {
                    Kind::Write(_) => self.conn.write(aio),
                    _ => self.conn.write_all(aio),
                }
                tag(len)
            }
            Kind::WriteRequest(len) => {
                let (request, output) = request(number, tag(len));
                self.conn.write_req(&request, aio);
                output
            }
            Kind::Transact(len) => {
                self.may_be_closed = true;
                let (request, output) = request(number, tag(len));
                self.conn.transact(&request, response, aio);
                output
            }
            Kind::WriteResponse(len) | Kind::WriteLastResponse(len) => {
                let mut response = with_fields(&[("N", &number.to_string())]);
                response.set_body(tag(len));
                let mut head =
                    format!("HTTP/1.1 200 OK\r\nN: {number}\r\nContent-Length: {len}\r\n");
                if let Kind::WriteLastResponse(_) = kind {
                    self.may_be_closed = true;
                    response.headers_mut().set("Connection", "close").unwrap();
                    head += "Connection: close\r\n";
                }
                self.conn.write_res(&response, aio);
                [format!("{head}\r\n").into_bytes(), tag(len)].concat()
            }
            Kind::Poll => {
                aio.set_timeout(std::time::Duration::ZERO);
                self.conn.write_all(aio);
                Vec::new()
            }
        }
    }

    /// Those that wait, by number.
    fn waiting(&self) -> Vec<usize> {
        let waits = |number: &usize| self.ops[*number].end.is_none();
        (0..self.ops.len()).filter(waits).collect()
    }

    fn end_early(&mut self, which: &prop::sample::Index, code: i32, end: impl FnOnce(&Aio)) {
        self.settle();
        let waiting = self.waiting();
        if waiting.is_empty() {
            return;
        }
        let number = waiting[which.index(waiting.len())];
        let must_close = self.closes_when_cancelled(number);
        self.may_be_closed |= must_close != Some(false);
        end(self.ops[number].aio.as_ref().unwrap());
        self.settle();
        let result = self.ops[number].end.as_ref().map(|end| end.0);
        assert_eq!(result, Some(code), "{:?} was waiting", self.ops[number].kind);
        if let Some(must_close) = must_close {
            assert_eq!(self.conn.is_closed(), must_close, "{:?}", self.ops[number].kind);
        }
    }

    fn drop_aio(&mut self, which: &prop::sample::Index) {
        self.settle();
        let waiting = self.waiting();
        if waiting.is_empty() {
            return;
        }
        let number = waiting[which.index(waiting.len())];
        let must_close = self.closes_when_cancelled(number);
        self.may_be_closed |= must_close != Some(false);
        drop(self.ops[number].aio.take());
        self.settle();
        assert_eq!(self.ops[number].end.as_ref().map(|end| end.0), Some(NNG_ECLOSED));
        if let Some(must_close) = must_close {
            assert_eq!(self.conn.is_closed(), must_close, "{:?}", self.ops[number].kind);
        }
    }

    /// Tells whether cancelling it closes the connection; `None` if this account cannot tell. All
    /// that can happen has happened.
    fn closes_when_cancelled(&self, number: usize) -> Option<bool> {
        let waiting = self.waiting();
        let is = |number: &usize, does: fn(Kind) -> bool| does(self.ops[*number].kind);
        let kind = self.ops[number].kind;
        // The request of a transaction may still be sent when its response has come.
        if self.ops.iter().any(|op| matches!(op.kind, Kind::Transact(_))) {
            return None;
        }
        let does = if kind.reads() { Kind::reads } else { Kind::writes };
        let is_first = waiting.iter().find(|number| is(number, does)) == Some(&number);
        let is_untouched = kind == Kind::ReadResponse && self.sent == self.taken;
        Some(is_first && !is_untouched)
    }

    fn settle(&mut self) {
        self.driver.settle();
        self.check_ends();
    }

    /// Enters into the account what has ended.
    fn check_ends(&mut self) {
        loop {
            let Some((number, result, count, memory)) = self.log.lock().unwrap().pop_front() else {
                return;
            };
            let op = &mut self.ops[number];
            assert!(op.end.is_none(), "{:?} ends once", op.kind);
            op.end = Some((result, count, memory.clone()));
            match op.kind {
                Kind::Read(len) if result == 0 => assert!(count <= len && (count > 0) == (len > 0)),
                Kind::ReadAll(len) if result == 0 => assert_eq!(count, len),
                Kind::ReadAll(_) => {}
                Kind::Write(len) if result == 0 => {
                    assert!(count <= len && (count > 0) == (len > 0))
                }
                Kind::WriteAll(len) if result == 0 => assert_eq!(count, len),
                Kind::WriteAll(_) => {}
                Kind::WriteRequest(_) | Kind::WriteResponse(_) | Kind::WriteLastResponse(_)
                    if result == 0 =>
                {
                    assert_eq!(count, op.output.len());
                }
                Kind::Poll => assert_eq!((result, count), (NNG_ETIMEDOUT, 0)),
                _ => assert_eq!(count, 0, "{:?}", op.kind),
            }
            match op.kind {
                Kind::Read(_) | Kind::ReadAll(_) => {
                    let expected = &self.incoming[self.taken..self.taken + count];
                    assert!(memory[..count] == *expected, "the bytes come in order");
                    self.taken += count;
                }
                Kind::ReadResponse | Kind::Transact(_) if result == 0 => {
                    let response = op.response.lock();
                    let text = incoming(response.reason().parse().unwrap());
                    assert!(self.incoming[self.taken..].starts_with(text.as_bytes()));
                    self.taken += text.len();
                }
                _ => {}
            }
            assert!(self.taken <= self.sent);
            if result != 0 {
                let known = [
                    NNG_ECANCELED,
                    NNG_EPERM,
                    NNG_ECLOSED,
                    NNG_ECONNSHUT,
                    NNG_ECONNRESET,
                    NNG_EPROTO,
                    NNG_ETIMEDOUT,
                ];
                assert!(known.contains(&result), "{result}");
            }
        }
    }

    // --- The peer's side ------------------------------------------------------------------------

    fn send(&mut self, len: usize) {
        let Some(mut peer) = self.peer.as_ref() else { return };
        let end = self.incoming.len().min(self.sent + len);
        // It fails when the connection is closed, or the peer has ended.
        if let Ok(count) = peer.write(&self.incoming[self.sent..end]) {
            self.sent += count;
        }
    }

    fn receive(&mut self, len: usize) {
        let Some(mut peer) = self.peer.as_ref() else { return };
        let mut room = vec![0; len];
        if let Ok(count) = peer.read(&mut room) {
            self.received.extend(&room[..count]);
        }
    }

    // --- The end --------------------------------------------------------------------------------

    fn finish(mut self) {
        self.settle();
        self.may_be_closed = true;
        self.conn.close();
        self.settle();
        assert!(self.waiting().is_empty(), "everything has ended");
        self.submit(Kind::Read(1));
        self.submit(Kind::Transact(1));
        self.submit(Kind::WriteLastResponse(1));
        self.settle();
        self.drain();
        self.check_received();
    }

    /// The peer receives what is left.
    fn drain(&mut self) {
        let Some(mut peer) = self.peer.as_ref() else { return };
        let mut room = vec![0; 64 << 10];
        loop {
            match peer.read(&mut room) {
                Ok(0) => return,
                Ok(count) => self.received.extend(&room[..count]),
                // The connection had not read everything; what it sent is here all the same.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
                // It lingers.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// What the peer got is what was written, in order of submission. A message that failed may
    /// have left a part of itself, and then nothing follows.
    fn check_received(&self) {
        let mut at = 0;
        for op in &self.ops {
            let left = &self.received[at..];
            let (result, count, _) = op.end.as_ref().unwrap();
            let (must, may) = match op.kind {
                Kind::Write(_) | Kind::WriteAll(_) => (&op.output[..*count], &[][..]),
                // Its response may have come before the request was sent.
                Kind::Transact(_) => (&[][..], &op.output[..]),
                _ if *result == 0 => (&op.output[..], &[][..]),
                _ => (&[][..], &op.output[..]),
            };
            let shared = shared_start(must, left);
            assert!(
                shared == must.len() || (self.is_peer_lost && shared == left.len()),
                "{:?} is missing at {at}",
                op.kind
            );
            at += shared;
            let shared = shared_start(may, left);
            if shared == may.len() || at + shared == self.received.len() {
                at += shared;
            }
        }
        assert_eq!(at, self.received.len(), "nothing else is sent");
    }
}

/// Returns how many bytes at the start are the same.
fn shared_start(one: &[u8], other: &[u8]) -> usize {
    if other.starts_with(one) {
        return one.len();
    }
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// A request that nobody could mistake for another, and its wire form.
fn request(number: usize, body: Vec<u8>) -> (Request, Vec<u8>) {
    let mut request = get(&format!("/{number}"));
    let len = body.len();
    request.set_body(body.clone());
    let head = format!("GET /{number} HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n");
    (request, [head.into_bytes(), body].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order(steps in prop::collection::vec(any_step(), 1..80)) {
        play(&steps);
    }

    /// Raw reads put heads out of step, which ends connections early; these live longer.
    #[test]
    fn whatever_raw_operations_are_submitted(
        steps in prop::collection::vec(step(raw()), 1..150),
    ) {
        play(&steps);
    }

    #[test]
    fn whatever_messages_are_submitted(
        steps in prop::collection::vec(step(message()), 1..150),
    ) {
        play(&steps);
    }
}

fn play(steps: &[Step]) {
    let mut game = Game::new();
    for step in steps {
        game.play(step);
    }
    game.finish();
}
