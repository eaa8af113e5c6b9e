//! What a connection is in, and what happens to it: everything under its lock.
//!
//! ```text
//!             a message that ends the connection        the peer's end, or time
//!      Open ------------------------------------> Lingering ----------------> Closed
//!        |                                                                      ^
//!        +--- an error, the peer's end, a cancelled operation, close -----------+
//! ```
//!
//! Both queues work alike: the first element is active and is tried when it comes to the front and
//! whenever the socket becomes ready. Whatever ends is noted in [`Effects`] and finished by the
//! caller after the lock is gone. How it all ends is in `end.rs`, how long it waits for its
//! peer in `time.rs`.

mod answering;
mod end;
mod time;

use std::sync::Arc;

use nng_aio::net::Socket;
use nng_aio::{Error, Operation, OperationId, Readiness};

use super::body::BodyReader;
use super::deadlines::Deadlines;
use super::effects::Effects;
use super::input::{Input, with_room};
use super::queue::Queue;
use super::read::{Kind, Outcome, Parsers, Read};
use super::settings::Settings;
use super::transport::Transport;
use super::write::{Content, Then, Write};
use super::{Event, Sink};
use crate::http::Headers;
use crate::http::codec::{RequestParser, ResponseParser};
use crate::tls::Channel;
pub(crate) use answering::{Answering, Pass, Pieces, Reached};

/// Calls to the system in one go, so that one connection cannot keep a thread for itself.
const BUDGET: u32 = 16;

/// Memory in bytes that a parser may keep while its connection idles.
const IDLE_MEMORY: usize = 512;

/// A connection.
pub(super) struct State {
    phase: Phase,
    settings: Arc<Settings>,
    input: Input,
    /// Receiving may make progress.
    readable: bool,
    /// Sending may make progress.
    writable: bool,
    /// The peer's end has been announced, so that a short receive is not the last.
    hangup: bool,
    /// The peer takes nothing more, for this reason, and what it has answered is still being read.
    deaf: Option<Error>,
    reads: Queue<Read>,
    writes: Queue<Write>,
    requests: Option<Box<RequestParser>>,
    responses: Option<Box<ResponseParser>>,
    /// What is left of a body that is read piece by piece.
    pub(super) incoming: Option<Box<BodyReader>>,
    /// The fields behind the last one of those.
    pub(super) trailers: Option<Box<Headers>>,
    /// The last message that was written has left its body to follow in chunks.
    pub(super) is_chunking: bool,
    /// Bytes of raw writes after which the connection closes.
    closes_after: Option<u64>,
    /// The answer that was asked for has begun, and nobody has been told that its body has ended.
    is_answer_open: bool,
    /// How far the last transaction has come.
    pub(super) reached: Reached,
    /// What the owner is answering with this connection.
    pub(super) answering: Answering,
    /// How many exchanges are over; guests belong to the one after them.
    exchanges: u64,
    deadlines: Deadlines,
    /// For the owner, in order; nobody hears of them once it has given the connection up.
    pub(super) events: Queue<Event>,
    /// A thread is handing events to the owner.
    pub(super) is_delivering: bool,
    /// A task is queued that will go on with what there was no time for.
    pub(super) is_continued: bool,
}

/// The phases of a connection.
enum Phase {
    Open(Transport),
    /// Everything is sent and the sending side is shut down; input is dropped.
    Lingering(Transport),
    Closed,
}

/// Which operation an error belongs to; all others see `Closed`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Read,
    Write,
}

impl State {
    pub(super) fn new(transport: Transport, settings: Arc<Settings>) -> Self {
        Self {
            phase: Phase::Open(transport),
            settings,
            input: Input::default(),
            readable: true,
            writable: true,
            hangup: false,
            deaf: None,
            reads: Queue::new(),
            writes: Queue::new(),
            requests: None,
            responses: None,
            incoming: None,
            trailers: None,
            is_chunking: false,
            closes_after: None,
            is_answer_open: false,
            reached: Reached::Nothing,
            answering: Answering::default(),
            exchanges: 0,
            deadlines: Deadlines::default(),
            events: Queue::new(),
            is_delivering: false,
            is_continued: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Returns whether something can be sent, sooner or later.
    pub(super) fn takes_writes(&self) -> bool {
        self.is_open() && self.deaf.is_none()
    }

    /// Returns whether whoever has that pass may use it.
    pub(super) fn is_open_to(&self, pass: Pass) -> bool {
        self.is_open() && self.is_valid(pass)
    }

    /// Returns whether that pass is a holder's, or one of the present exchange.
    pub(super) fn is_valid(&self, pass: Pass) -> bool {
        pass == Pass::Holder || pass == self.guest()
    }

    /// Returns the pass of guests of the present exchange.
    pub(super) fn guest(&self) -> Pass {
        Pass::Guest(self.exchanges)
    }

    /// The present exchange is over, and so is the time of its guests.
    pub(super) fn end_exchange(&mut self) {
        self.exchanges += 1;
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Returns what carries it while there is anything.
    pub(super) fn transport_mut(&mut self) -> Option<&mut Transport> {
        match &mut self.phase {
            Phase::Open(transport) | Phase::Lingering(transport) => Some(transport),
            Phase::Closed => None,
        }
    }

    /// Returns what carries an open connection.
    fn open_transport(&self) -> Option<&Transport> {
        match &self.phase {
            Phase::Open(transport) => Some(transport),
            Phase::Lingering(_) | Phase::Closed => None,
        }
    }

    /// Nothing is known to be there to read: wait to be told.
    pub(super) fn await_input(&mut self) {
        self.readable = false;
        if let Some(channel) = self.transport_mut().and_then(Transport::tls_mut) {
            channel.await_input();
        }
    }

    /// Returns what has happened since the owner's present request began.
    pub(super) fn answering(&self) -> Answering {
        let is_reading = matches!(self.reads.front(), Some(Read { sink: Sink::Aio(_), .. }));
        Answering { is_reading, ..self.answering }
    }

    pub(super) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Returns whether a write, the request of a transaction perhaps, can be tried at once.
    pub(super) fn can_write_now(&self, transaction: Option<OperationId>) -> bool {
        self.takes_writes()
            && self.writable
            && self.writes.is_empty()
            && !self.awaits_transaction(transaction)
    }

    /// Returns whether a request waits for the response of a transaction before its own. Sent
    /// earlier, it could not be taken back any more.
    fn awaits_transaction(&self, transaction: Option<OperationId>) -> bool {
        let Some(id) = transaction else { return false };
        let own = self.reads.position(|read| read.sink.is(id));
        self.reads.position(Read::is_transaction) < own
    }

    /// Something was attempted to be sent for a request: what TLS has encrypted is as good as sent.
    pub(super) fn note_attempt(&mut self, transaction: Option<OperationId>, has_moved: bool) {
        let Some(id) = transaction else { return };
        let channel = self.open_transport().and_then(Transport::tls);
        if has_moved || channel.is_some_and(Channel::has_unreported) {
            self.note_sent(id);
        }
    }

    /// The request of a transaction has begun to go out.
    fn note_sent(&mut self, transaction: OperationId) {
        if let Some(index) = self.reads.position(|read| read.sink.is(transaction))
            && let Some(Read { kind: Kind::Transaction(transaction), .. }) =
                self.reads.get_mut(index)
        {
            transaction.is_sent = true;
            self.reached = Reached::Request;
        }
    }

    /// Returns whether nothing is under way and nothing left over, so that a request may be next.
    pub(super) fn is_idle(&self) -> bool {
        let is_quiet = self.reads.is_empty() && self.writes.is_empty() && !self.has_input();
        self.takes_writes() && is_quiet && self.incoming.is_none()
    }

    /// Returns whether the next response would begin where a body has not been read to its end.
    pub(super) fn is_amid_body(&self) -> bool {
        self.reads.is_empty() && self.incoming.is_some()
    }

    /// Something may be there to read, though nobody has told so.
    pub(super) fn distrust(&mut self) {
        let readiness = Readiness { readable: true, writable: false, hangup: false };
        self.note_ready(readiness);
    }

    /// Limits the bodies of responses to transactions from now on.
    pub(super) fn set_max_response(&mut self, max: u64) {
        Arc::make_mut(&mut self.settings).max_response = max;
    }

    /// The owner has given it up: no time limit applies any more, and nothing that the owner was
    /// answering.
    pub(super) fn disown(&mut self, _effects: &mut Effects) {
        let Settings { limits, linger, .. } = *self.settings;
        self.settings = Arc::new(Settings { limits, linger, ..Settings::default() });
        // What was wrong with the body stays so, and nobody else may use the connection.
        self.answering = Answering { pieces: self.answering.pieces, ..Answering::default() };
        self.end_exchange();
        // The timer may still come; it finds nothing.
        self.deadlines = Deadlines::default();
    }

    // --- Submission -----------------------------------------------------------------------------

    pub(super) fn push_read(&mut self, mut read: Read, effects: &mut Effects) {
        // What led here may have found the connection broken.
        if !self.is_open() || (!self.takes_writes() && read.is_transaction()) {
            read.abandon();
            return effects.end_read(read, Err(Error::Closed));
        }
        if let Read { sink: Sink::Owner, kind: Kind::Request(_), .. } = read {
            // An idle connection keeps nothing of a body.
            (self.incoming, self.trailers) = (None, None);
        }
        let is_first = self.reads.is_empty();
        self.reads.push(read);
        if is_first {
            self.begin_owner_wait(effects);
            self.pump_reads(effects);
        }
    }

    pub(super) fn push_write(&mut self, write: Write, effects: &mut Effects) {
        if !self.takes_writes() {
            return effects.end_write(write.sink, Err(Error::Closed), 0);
        }
        let is_first = self.writes.is_empty();
        self.writes.push(write);
        if is_first {
            self.pump_writes(effects);
        }
    }

    /// Returns whether nothing waits to be written; else the owner is told when all of it is out.
    pub(super) fn tell_when_written(&mut self, effects: &mut Effects) -> bool {
        if !self.is_open() || self.writes.is_empty() {
            return true;
        }
        let content = Content::Message { head: Vec::new(), body: None };
        let (sink, then) = (Sink::Owner, Then::Keep);
        self.push_write(Write { sink, transaction: None, content, sent: 0, then }, effects);
        false
    }

    /// Takes a write whose first attempt, made with nothing before it, has failed.
    pub(super) fn push_broken_write(&mut self, write: Write, error: Error, effects: &mut Effects) {
        self.writes.push(write);
        self.send_failed(error, effects);
    }

    /// Returns an operation that waits in a queue.
    pub(super) fn waiting_mut(&mut self, id: OperationId) -> Option<&mut Operation> {
        let sink = if let Some(index) = self.reads.position(|read| read.sink.is(id)) {
            &mut self.reads.get_mut(index)?.sink
        } else {
            let index = self.writes.position(|write| write.sink.is(id))?;
            &mut self.writes.get_mut(index)?.sink
        };
        match sink {
            Sink::Aio(operation) => Some(operation),
            Sink::Owner | Sink::Nobody => None,
        }
    }

    // --- The socket -----------------------------------------------------------------------------

    /// The socket is ready, or may be.
    pub(super) fn note_ready(&mut self, readiness: Readiness) {
        // With TLS, receiving may wait for the socket to take something, and the reverse.
        let is_for_both =
            self.transport_mut().is_some_and(|transport| transport.note_ready(readiness));
        self.readable |= readiness.readable || is_for_both;
        self.writable |= readiness.writable || is_for_both;
        self.hangup |= readiness.hangup;
    }

    /// Something was sent, or tried to be: with TLS that may have brought something to read.
    pub(super) fn note_sending(&mut self, effects: &mut Effects) {
        if !self.readable && self.open_transport().is_some_and(Transport::can_recv) {
            self.readable = true;
            effects.again |= !self.reads.is_empty();
        }
    }

    /// As [`note_sending`](Self::note_sending), the other way around.
    fn note_receiving(&mut self, effects: &mut Effects) {
        if !self.writable && self.open_transport().is_some_and(Transport::can_send) {
            self.writable = true;
            effects.again |= !self.writes.is_empty();
        }
    }

    /// Goes on with whatever can make progress.
    pub(super) fn pump(&mut self, effects: &mut Effects) {
        match &mut self.phase {
            Phase::Open(transport) => {
                if let Some(channel) = transport.tls_mut() {
                    // Whoever sends next learns of errors.
                    let _ = channel.flush();
                }
                // What the peer has said counts even if it does not listen any more.
                self.pump_reads(effects);
                self.pump_writes(effects);
            }
            Phase::Lingering(_) => self.drop_input(effects),
            Phase::Closed => {}
        }
    }

    fn pump_reads(&mut self, effects: &mut Effects) {
        let mut budget = BUDGET;
        while self.is_open() && self.serve_from_input(effects) {
            if !self.readable {
                break;
            }
            if budget == 0 {
                effects.again = true;
                break;
            }
            budget -= 1;
            self.receive(effects);
        }
    }

    /// Serves reads from what has been received; returns whether one is left that needs more.
    fn serve_from_input(&mut self, effects: &mut Effects) -> bool {
        while self.is_open() && !self.input.is_empty() && !self.reads.is_empty() {
            let mut taken = self.input.take();
            let (count, goes_on) = self.serve(taken.unread(), effects);
            taken.consume(count);
            if self.is_open() {
                self.input.restore(taken);
            }
            if !goes_on {
                return !self.reads.is_empty();
            }
        }
        // Bodies of no bytes, and reads into no memory, need no input.
        while self.is_open() && !self.reads.is_empty() {
            let (_, goes_on) = self.serve(&[], effects);
            if !goes_on {
                break;
            }
        }
        self.is_open() && !self.reads.is_empty()
    }

    /// Offers `input` to the first read; returns how much it took, and whether it ended.
    fn serve(&mut self, input: &[u8], effects: &mut Effects) -> (usize, bool) {
        let Some(read) = self.reads.front_mut() else { return (0, false) };
        let mut parsers = Parsers {
            limits: &self.settings.limits,
            max_response: self.settings.max_response,
            requests: &mut self.requests,
            responses: &mut self.responses,
            incoming: &mut self.incoming,
            trailers: &mut self.trailers,
            pieces: &mut self.answering.pieces,
        };
        if let Kind::Transaction(transaction) = &read.kind
            && transaction.is_sent
            && !input.is_empty()
        {
            self.reached = Reached::Answer;
        }
        match read.serve(input, &mut parsers) {
            Ok((count, outcome)) => {
                let is_owners = matches!(read.sink, Sink::Owner);
                if !is_owners {
                    self.answering.raw_read += count as u64;
                }
                match outcome {
                    Some(outcome) => {
                        self.end_read(outcome, effects);
                        (count, true)
                    }
                    None => {
                        if is_owners && !input.is_empty() {
                            self.continue_owner_wait(effects);
                        }
                        (count, false)
                    }
                }
            }
            Err(error) => {
                self.fail(Side::Read, error, effects);
                (0, false)
            }
        }
    }

    fn receive(&mut self, effects: &mut Effects) {
        let Phase::Open(socket) = &mut self.phase else { return };
        let Some(read) = self.reads.front_mut() else { return };
        let was_handshaking = socket.tls().is_some_and(Channel::is_handshaking);
        if read.is_raw() && self.input.is_empty() {
            let skip = read.count;
            let Some(operation) = read.operation() else { return };
            let (mut offered, mut received) = (0, Ok(0));
            operation.buffers_mut().scatter(skip, |room| {
                offered = room.iter().map(|piece| piece.len()).sum();
                received = socket.try_recv_vectored(room);
            });
            match received {
                Ok(0) => self.end_of_stream(effects),
                Ok(count) => {
                    // More than a transfer takes is offered at once, so a short one says nothing.
                    let is_full = count == offered || offered > Socket::MAX_TRANSFER;
                    self.readable = is_full || self.hangup || socket.can_recv();
                    self.answering.raw_read += count as u64;
                    if let Some(outcome) = read.moved(count) {
                        self.end_read(outcome, effects);
                    }
                }
                Err(error) => self.receive_failed(error, effects),
            }
            return self.note_receiving(effects);
        }
        with_room(|room| {
            let Phase::Open(socket) = &mut self.phase else { return };
            let received = socket.try_recv(room);
            let can_recv = socket.can_recv();
            if was_handshaking && !socket.tls().is_some_and(Channel::is_handshaking) {
                // That had a limit of its own.
                self.begin_owner_wait(effects);
            }
            match received {
                Ok(0) => self.end_of_stream(effects),
                Ok(count) => {
                    self.readable = count == room.len() || self.hangup || can_recv;
                    self.take_in(&room[..count], effects);
                }
                Err(error) => self.receive_failed(error, effects),
            }
        });
        self.note_receiving(effects);
    }

    /// Serves reads from what was just received, and keeps what they leave.
    fn take_in(&mut self, mut received: &[u8], effects: &mut Effects) {
        while self.input.is_empty() && !received.is_empty() {
            let (count, goes_on) = self.serve(received, effects);
            received = &received[count..];
            if !goes_on || !self.is_open() {
                break;
            }
        }
        if self.is_open() {
            self.input.extend(received);
        }
    }

    fn receive_failed(&mut self, error: Error, effects: &mut Effects) {
        if error == Error::Again {
            self.readable = self.open_transport().is_some_and(Transport::can_recv);
        } else {
            self.fail(Side::Read, error, effects);
        }
    }

    fn end_of_stream(&mut self, effects: &mut Effects) {
        let ends_incoming = self.incoming.as_ref().is_some_and(|body| body.ends_here());
        // The system tells of a reset once, and whoever was writing may have heard it.
        let broken = self.deaf.filter(|&error| error != Error::Closed);
        // A stream with TLS that ends without a word may have been cut by anybody.
        let is_cut = self.open_transport().and_then(Transport::tls).is_some_and(Channel::is_cut)
            || broken.is_some();
        let first = self.reads.front_mut().filter(|_| !is_cut);
        match first.and_then(|read| read.end(ends_incoming)) {
            Some(outcome) => {
                self.end_read(outcome, effects);
                self.close(effects);
            }
            None => self.fail(Side::Read, broken.unwrap_or(Error::ConnectionShutdown), effects),
        }
    }

    /// The first read has its outcome.
    fn end_read(&mut self, outcome: Outcome, effects: &mut Effects) {
        let Some(read) = self.reads.pop() else { return };
        match read.sink {
            Sink::Aio(_) => {
                let result = match outcome {
                    Outcome::BadPiece(error) => Err(error),
                    _ => Ok(()),
                };
                if let Kind::Piece = read.kind {
                    // Something has come, or nothing more will.
                    self.deadlines.body = None;
                    self.end_piece_wait(effects);
                }
                self.note_answer(&read);
                effects.end_read(read, result);
                self.close_if_answered(effects);
            }
            Sink::Owner => {
                self.deadlines.reading = None;
                self.events.push(match outcome {
                    Outcome::Done | Outcome::BadPiece(_) => return,
                    Outcome::Request(head) => {
                        // What others read from here on is taken from behind this head.
                        self.answering.raw_read = 0;
                        self.deadlines.body = None;
                        Event::Head(Ok(head))
                    }
                    Outcome::BadHead(error) => Event::Head(Err(error)),
                    Outcome::Body(received) => Event::Body(Ok(received)),
                    Outcome::BadBody(error) => Event::Body(Err(error)),
                });
            }
            Sink::Nobody => {}
        }
    }

    fn pump_writes(&mut self, effects: &mut Effects) {
        let mut budget = BUDGET;
        while let (true, Some(write)) = (self.is_open(), self.writes.front()) {
            if write.is_done() {
                self.end_write(effects);
                continue;
            }
            if self.awaits_transaction(write.transaction) {
                return;
            }
            if !self.writable {
                return self.begin_write_wait(effects);
            }
            if budget == 0 {
                effects.again = true;
                return;
            }
            budget -= 1;
            let (Phase::Open(socket), Some(write)) = (&mut self.phase, self.writes.front_mut())
            else {
                return;
            };
            let (transaction, progress) = (write.transaction, write.progress(socket));
            if matches!(progress, Err(Error::Again)) {
                self.writable = socket.can_send();
                if socket.tls_mut().is_some_and(Channel::take_progress) {
                    self.deadlines.writing = None;
                }
            }
            self.note_attempt(transaction, progress.is_ok());
            match progress {
                Ok(took_all) => {
                    self.writable = took_all;
                    self.deadlines.writing = None;
                }
                Err(Error::Again) => {}
                Err(error) => self.send_failed(error, effects),
            }
            self.note_sending(effects);
        }
    }

    /// The first write is done.
    fn end_write(&mut self, effects: &mut Effects) {
        let Some(write) = self.writes.pop() else { return };
        let raw = matches!(write.content, Content::Raw { .. }).then_some(write.sent);
        let count = write.moved();
        // What is before a piece is a part of the answer.
        self.answering.sent += (write.sent - count) as u64;
        self.on_written(write.sink, count, raw, write.then, effects);
    }

    /// A write of `count` bytes, `raw` of them a part of a body, has ended with success.
    pub(super) fn on_written(
        &mut self,
        sink: Sink,
        count: usize,
        raw: Option<usize>,
        then: Then,
        effects: &mut Effects,
    ) {
        self.deadlines.writing = None;
        self.answering.sent += count as u64;
        if self.deadlines.reading.is_none() && !self.has_head_started() {
            self.begin_owner_wait(effects);
        }
        let then = match (raw, self.closes_after) {
            (Some(count), Some(left)) => match left.checked_sub(count as u64) {
                None | Some(0) => Then::Close,
                Some(left) => Then::CloseAfter(left),
            },
            (Some(_), None) | (None, _) => then,
        };
        match sink {
            Sink::Aio(_) => effects.end_write(sink, Ok(()), count),
            Sink::Owner => self.events.push(Event::Written),
            Sink::Nobody => {}
        }
        // Nobody hears of the end of the write before the lock is gone, and then it is closed.
        match then {
            Then::Keep => {}
            Then::Close => {
                self.answering.is_last_out = true;
                self.linger(effects);
            }
            Then::CloseAfter(left) => self.closes_after = Some(left),
        }
    }
}
