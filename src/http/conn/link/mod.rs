//! A connection as all its holders share it: the state behind its lock, and everything that reaches
//! it from outside.
//!
//! | who | enters through |
//! |---|---|
//! | the holder of a [`Conn`](super::Conn) | `start_read`, `start_write`, `write_message`, `transact` |
//! | the owner, a server's session | `start_piece`, and what is in `owner` |
//! | the selector, the timer, the runtime's end | `ready`, `expired`, `runtime_closed` |
//! | whoever cancels an operation | `cancel` |
//!
//! Every entry locks, changes the state, unlocks, and then does what the change left to do:
//! operations are finished, the timer is set, and the owner gets its events. Events are handed over
//! one after the other, by one thread at a time and never from within one another, so the owner
//! needs no care for recursion, however many requests arrive in one piece.
//!
//! Locks: the state, and below it, for moments, messages that only a read or the owner holds.

mod owner;

use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};

use nng_aio::clock;
use nng_aio::sync::Mutex;
use nng_aio::{
    Aio, Cancel, Error, Expire, Holding, NoteLock, Operation, OperationId, Readiness, Runtime,
    Task, Timer, Watcher,
};

use super::effects::Effects;
use super::head_room::with_head;
use super::read::{Destination, Kind, Read};
use super::settings::Settings;
use super::state::{Answering, Pass, Reached, State};
use super::transact::{Extent, Transaction};
use super::transport::Transport;
use super::write::{Content, Then, Write, send_both};
use super::{Event, Owner, Sink};
use crate::http::body::Body;
use crate::http::head_edit::HeadEdit;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::status;
use crate::http::{Headers, Shared};

/// A connection.
pub(crate) struct Link {
    runtime: Runtime,
    owner: Option<Weak<dyn Owner>>,
    /// Made when something is limited in time for the first time.
    timer: OnceLock<Timer>,
    state: NoteLock<State>,
}

/// Bodies up to this are sent from one piece of memory with their head; bytes.
const SMALL_BODY: usize = 4096;
/// Events that are handed over in one go: some dozens of requests, of clients that do not wait for
/// the answers.
const EVENTS: usize = 64;
/// Says that a body is welcome.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Link {
    /// Takes over what carries it.
    ///
    /// # Errors
    /// `Closed` if the runtime has ended.
    pub(crate) fn new(
        runtime: &Runtime,
        transport: Transport,
        settings: Arc<Settings>,
        owner: Option<Weak<dyn Owner>>,
    ) -> Result<Arc<Self>, Error> {
        let state = NoteLock::new(State::new(transport, settings));
        let runtime = runtime.unowned();
        let link = Arc::new(Self { runtime, owner, timer: OnceLock::new(), state });
        let watcher: Arc<dyn Watcher> = link.clone();
        match link.state.lock().transport_mut() {
            Some(transport) => transport.attach(&link.runtime, watcher)?,
            None => return Err(Error::Closed),
        }
        Ok(link)
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn is_open(self: &Arc<Self>) -> bool {
        self.look(|state| state.is_open())
    }

    pub(crate) fn is_open_to(self: &Arc<Self>, pass: Pass) -> bool {
        self.look(|state| state.is_open_to(pass))
    }

    // --- For holders ----------------------------------------------------------------------------

    /// Starts a read of what `what` says, which is asked once the operation is accepted; a message
    /// goes to the destination when it is there.
    pub(super) fn start_read(
        self: &Arc<Self>,
        pass: Pass,
        aio: &Aio,
        what: impl FnOnce() -> (Kind, Option<Destination>),
    ) {
        let Some(operation) = accept(aio) else { return };
        let (kind, to) = what();
        let id = operation.id();
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        let read = Read { sink: Sink::Aio(operation), kind, count: 0, to };
        if !state.is_open_to(pass) {
            self.leave(state, effects);
            return read.refuse(Error::Closed);
        }
        // Amid an answer there is no place for it, and whoever waits for it goes on by himself.
        let is_answered = state.answering.has_written;
        if state.answering.expects_continue && read.is_of_body() && !is_answered {
            self.send_continue(&mut state, &mut effects);
        }
        state.push_read(read, &mut effects);
        self.arm(&mut state, id, &mut effects);
        self.leave(state, effects);
    }

    /// Starts a write of the operation's buffers.
    pub(super) fn start_write(self: &Arc<Self>, pass: Pass, is_all: bool, aio: &Aio) {
        let Some(operation) = accept(aio) else { return };
        self.write_buffers(pass, operation, |_| Some(Content::Raw { is_all }));
    }

    /// Starts a write of all of the operation's buffers behind a prefix, which `prefix` makes of their
    /// length once the operation is accepted; without one, nothing is sent.
    pub(crate) fn start_piece(
        self: &Arc<Self>,
        aio: &Aio,
        prefix: impl FnOnce(usize) -> Result<Option<Vec<u8>>, Error>,
    ) {
        let Some(operation) = accept(aio) else { return };
        let len = operation.buffers().total_len();
        match prefix(len) {
            Ok(Some(prefix)) => {
                self.write_buffers(Pass::Holder, operation, |_| Some(Content::Piece { prefix }))
            }
            Ok(None) if self.is_open() => operation.finish_with_count(len),
            Ok(None) => operation.finish(Err(Error::Closed)),
            Err(error) => operation.finish(Err(error)),
        }
    }

    /// Starts a write of a part of a file behind a prefix. It ends with success, and a lower count, where
    /// the file is not in memory.
    pub(crate) fn start_file(
        self: &Arc<Self>,
        aio: &Aio,
        prefix: Vec<u8>,
        file: &Arc<File>,
        part: Range<u64>,
    ) {
        let Some(operation) = accept(aio) else { return };
        let len = usize::try_from(part.end - part.start).unwrap_or(usize::MAX >> 1);
        let (file, at) = (Arc::clone(file), part.start);
        self.write_buffers(Pass::Holder, operation, |_| {
            Some(Content::File { prefix, file, at, len })
        });
    }

    /// Starts a write of the operation's buffers as what comes next of the body of the last message.
    pub(super) fn write_body(self: &Arc<Self>, pass: Pass, aio: &Aio) {
        let Some(operation) = accept(aio) else { return };
        let len = operation.buffers().total_len();
        self.write_buffers(pass, operation, |state| match (state.is_chunking, len) {
            (false, _) => Some(Content::Raw { is_all: true }),
            // A chunk of no bytes would be the last.
            (true, 0) => None,
            (true, len) => Some(Content::chunk(len)),
        });
    }

    /// Starts the write of what ends that body.
    pub(super) fn end_body(self: &Arc<Self>, pass: Pass, aio: &Aio) {
        let Some(operation) = accept(aio) else { return };
        self.write_buffers(pass, operation, |state| {
            std::mem::take(&mut state.is_chunking).then(|| Content::chunk(0))
        });
    }

    /// Starts the write that `what` says; if it says that there is nothing to write, that succeeds.
    fn write_buffers(
        self: &Arc<Self>,
        pass: Pass,
        operation: Operation,
        what: impl FnOnce(&mut State) -> Option<Content>,
    ) {
        let id = operation.id();
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        if !state.is_open_to(pass) || !state.takes_writes() {
            self.leave(state, effects);
            return operation.finish(Err(Error::Closed));
        }
        let Some(content) = what(&mut state) else {
            self.leave(state, effects);
            return operation.finish(Ok(()));
        };
        state.answering.has_written = true;
        let sink = Sink::Aio(operation);
        let write = Write { sink, transaction: None, content, sent: 0, then: Then::Keep };
        state.push_write(write, &mut effects);
        self.arm(&mut state, id, &mut effects);
        self.leave(state, effects);
    }

    /// Starts the write of a request.
    pub(super) fn write_request(self: &Arc<Self>, pass: Pass, request: &Request, aio: &Aio) {
        let Some(operation) = accept(aio) else { return };
        with_head(|head| match request.write_head(&super::NO_EDIT, head) {
            Ok(()) => {
                let (body, is_chunking) = (request.stored_body(), request.leaves_chunks());
                self.write_message(pass, operation, head, body, is_chunking, Then::Keep);
            }
            Err(error) => operation.finish(Err(error)),
        });
    }

    /// Starts the write of a response, with the rule on closing applied.
    pub(super) fn write_response(self: &Arc<Self>, pass: Pass, response: &Response, aio: &Aio) {
        let Some(operation) = accept(aio) else { return };
        with_head(|head| {
            let Answering { demands_close, to_head, .. } = self.look(|state| {
                if state.is_open_to(pass) {
                    state.answering.status = response.status();
                }
                state.answering()
            });
            // The client is told of what its request demands, whoever writes the answer.
            let close = demands_close && !status::is_interim(response.status());
            let edit = HeadEdit { close, omit: response.unsaid(), ..super::NO_EDIT };
            response.write_head(&edit, head);
            let then = Then::of_response(response, demands_close, to_head);
            let body = response.sent_body(to_head);
            self.write_message(pass, operation, head, body, response.leaves_chunks(), then);
        });
    }

    fn write_message(
        self: &Arc<Self>,
        pass: Pass,
        operation: Operation,
        head: &mut Vec<u8>,
        body: &Body,
        is_chunking: bool,
        then: Then,
    ) {
        let id = operation.id();
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        if !state.is_open_to(pass) {
            self.leave(state, effects);
            return operation.finish(Err(Error::Closed));
        }
        state.answering.has_written = true;
        state.is_chunking = is_chunking;
        send_or_queue(&mut state, Sink::Aio(operation), None, head, body, then, &mut effects);
        self.arm(&mut state, id, &mut effects);
        self.leave(state, effects);
    }

    /// Starts a request and the read of its response as one operation.
    pub(super) fn transact(
        self: &Arc<Self>,
        pass: Pass,
        request: &Request,
        response: &Shared<Response>,
        extent: Extent,
        operation: Operation,
    ) {
        with_head(|head| {
            if let Err(error) = request.write_head(&super::NO_EDIT, head) {
                return operation.finish(Err(error));
            }
            response.lock().reset();
            let (from, to) = Destination::response(response);
            let transaction = Transaction::new(from, request.method(), extent);
            let kind = Kind::Transaction(Box::new(transaction));
            let id = operation.id();
            let read = Read { sink: Sink::Aio(operation), kind, count: 0, to: Some(to) };
            let mut effects = Effects::default();
            let mut state = self.state.lock();
            let is_open = state.is_open_to(pass);
            if !is_open || state.is_amid_body() {
                let error = if is_open { Error::State } else { Error::Closed };
                self.leave(state, effects);
                return read.refuse(error);
            }
            state.answering.has_written = true;
            state.reached = Reached::Nothing;
            state.is_chunking = request.leaves_chunks();
            state.push_read(read, &mut effects);
            // The read may have met the end of the stream already.
            if state.is_open() {
                let body = request.stored_body();
                let (sink, then) = (Sink::Nobody, Then::Keep);
                send_or_queue(&mut state, sink, Some(id), head, body, then, &mut effects);
            }
            self.arm(&mut state, id, &mut effects);
            self.leave(state, effects);
        });
    }

    /// The holder lets go: everything that waits ends. In the child of a fork it is left to the parent.
    pub(crate) fn close_by(self: &Arc<Self>, pass: Pass) {
        if self.runtime.is_forked() {
            return;
        }
        self.with(|state, effects| {
            if state.is_valid(pass) {
                state.close_by_holder(effects);
            }
        });
    }

    /// Returns whether nothing is under way and nothing left over.
    pub(super) fn is_idle(self: &Arc<Self>) -> bool {
        self.look(|state| state.is_idle())
    }

    /// Looks at the socket before the next request is sent, whatever was told of it: an end that has
    /// come meanwhile is found out while it costs nothing.
    pub(super) fn distrust(self: &Arc<Self>) {
        self.look(State::distrust);
    }

    /// Returns how far the last transaction has come.
    pub(super) fn reached(self: &Arc<Self>) -> Reached {
        self.look(|state| state.reached)
    }

    /// Takes the fields behind the last body that was read piece by piece.
    pub(super) fn take_trailers(self: &Arc<Self>, pass: Pass) -> Option<Box<Headers>> {
        self.look(|state| if state.is_valid(pass) { state.trailers.take() } else { None })
    }

    /// Limits the bodies of responses to transactions from now on.
    pub(super) fn set_max_response(self: &Arc<Self>, max: u64) {
        self.look(|state| state.set_max_response(max));
    }

    /// Makes an operation that could not be completed at once cancellable.
    fn arm(
        self: &Arc<Self>,
        state: &mut Holding<'_, State>,
        id: OperationId,
        effects: &mut Effects,
    ) {
        if let Some(operation) = state.waiting_mut(id)
            && let Err(error) = operation.arm(self)
        {
            state.cancel(id, error, effects);
        }
    }

    // --- The way in and out ---------------------------------------------------------------------

    fn with(self: &Arc<Self>, change: impl FnOnce(&mut State, &mut Effects)) {
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        change(&mut state, &mut effects);
        self.leave(state, effects);
    }

    /// Looks at the state, or at what has nothing to do with progress, while any lock of the owner's
    /// may be held.
    fn look<R>(self: &Arc<Self>, look: impl FnOnce(&mut State) -> R) -> R {
        let mut held = self.state.lock();
        let result = look(&mut held);
        let mut goes_on = false;
        while let Some((again, notes)) = held.give_back() {
            held = again;
            held.note_ready(readiness_of(notes));
            goes_on |= !std::mem::replace(&mut held.is_continued, true);
        }
        if goes_on {
            self.runtime.schedule(Arc::new(GoOn(Arc::clone(self))));
        }
        result
    }

    /// Unlocks and does what the change left to do.
    fn leave(self: &Arc<Self>, held: Holding<'_, State>, effects: Effects) {
        if let Some(event) = self.release(held, effects) {
            self.deliver(event);
        }
    }

    /// Unlocks; returns an event if this thread is to hand it to the owner.
    fn release(
        self: &Arc<Self>,
        mut held: Holding<'_, State>,
        mut effects: Effects,
    ) -> Option<Event> {
        let mut event = None;
        let mut goes_on = false;
        loop {
            if std::mem::take(&mut effects.again) {
                goes_on |= !std::mem::replace(&mut held.is_continued, true);
            }
            // Under the lock, so that the last to change the deadline is the last to set the timer.
            if let Some(at) = effects.timer.take() {
                self.timer().set(at);
            }
            if !held.is_delivering {
                event = held.events.pop();
                held.is_delivering = event.is_some();
            }
            let Some((again, notes)) = held.give_back() else { break };
            held = again;
            held.note_ready(readiness_of(notes));
            held.pump(&mut effects);
        }
        effects.finish();
        if goes_on {
            self.runtime.schedule(Arc::new(GoOn(Arc::clone(self))));
        }
        event
    }

    /// Hands events to the owner until there are no more, or it is the turn of others. Nobody else
    /// does meanwhile.
    fn deliver(self: &Arc<Self>, mut event: Event) {
        for _ in 0..EVENTS {
            if let Some(owner) = self.owner.as_ref().and_then(Weak::upgrade) {
                owner.on_event(event);
            }
            let mut held = self.state.lock();
            held.is_delivering = false;
            match self.release(held, Effects::default()) {
                Some(next) => event = next,
                None => return,
            }
        }
        self.runtime.schedule(Arc::new(Deliver(Arc::clone(self), Mutex::new(Some(event)))));
    }

    fn timer(self: &Arc<Self>) -> &Timer {
        self.timer.get_or_init(|| {
            let target: Arc<dyn Expire> = self.clone();
            self.runtime.timer(Arc::downgrade(&target))
        })
    }
}

/// Accepts an operation, unless it must not wait: a limit of zero ends every operation on a
/// connection at once, before it can have an effect.
pub(super) fn accept(aio: &Aio) -> Option<Operation> {
    let operation = aio.begin().ok()?;
    if operation.is_poll() {
        operation.finish(Err(Error::TimedOut));
        return None;
    }
    Some(operation)
}

/// Sends a message at once if the socket takes it, and queues what it does not take. True if nothing
/// is left; the owner is not told of that by an event then.
fn send_or_queue(
    state: &mut State,
    sink: Sink,
    transaction: Option<OperationId>,
    head: &mut Vec<u8>,
    body: &Body,
    then: Then,
    effects: &mut Effects,
) -> bool {
    let is_small = body.as_slice().len() <= SMALL_BODY;
    if is_small {
        head.extend_from_slice(body.as_slice());
    }
    let rest = if is_small { &[][..] } else { body.as_slice() };
    let total = head.len() + rest.len();
    let mut sent = Ok(0);
    if state.can_write_now(transaction)
        && let Some(transport) = state.transport_mut()
    {
        sent = send_both(transport, head, rest, 0);
        state.note_sending(effects);
        state.note_attempt(transaction, matches!(sent, Ok(1..)));
        if sent == Ok(total) {
            let sink = if let Sink::Owner = sink { Sink::Nobody } else { sink };
            state.on_written(sink, total, None, then, effects);
            return true;
        }
    }
    let body = if is_small { None } else { body.to_buffer() };
    let content = Content::Message { head: head.clone(), body };
    let write = Write { sink, transaction, content, sent: sent.unwrap_or(0), then };
    match sent {
        Ok(_) | Err(Error::Again) => state.push_write(write, effects),
        Err(error) => state.push_broken_write(write, error, effects),
    }
    false
}

impl Cancel for Link {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        self.with(|state, effects| state.cancel(id, error, effects));
    }
}

impl Watcher for Link {
    fn ready(self: Arc<Self>, readiness: Readiness) {
        // Whoever has the lock is told and goes on with it: this thread has others to serve.
        if let Some(mut held) = self.state.lock_or_note(notes_of(readiness)) {
            let mut effects = Effects::default();
            held.note_ready(readiness);
            held.pump(&mut effects);
            self.leave(held, effects);
        }
    }

    fn runtime_closed(self: Arc<Self>) {
        self.close();
    }
}

impl Expire for Link {
    fn expired(self: Arc<Self>) {
        let now = clock::now();
        self.with(|state, effects| state.on_time(now, effects));
    }
}

const READABLE: u32 = 1;
const WRITABLE: u32 = 2;
const HANGUP: u32 = 4;

fn notes_of(readiness: Readiness) -> u32 {
    let note = |is_so: bool, note: u32| if is_so { note } else { 0 };
    note(readiness.readable, READABLE)
        | note(readiness.writable, WRITABLE)
        | note(readiness.hangup, HANGUP)
}

fn readiness_of(notes: u32) -> Readiness {
    let has = |note: u32| notes & note != 0;
    Readiness { readable: has(READABLE), writable: has(WRITABLE), hangup: has(HANGUP) }
}

/// A connection with more to do than one go allows.
struct GoOn(Arc<Link>);

impl Task for GoOn {
    fn run(self: Arc<Self>) {
        self.0.with(|state, effects| {
            state.is_continued = false;
            state.pump(effects);
        });
    }

    fn key(&self) -> usize {
        // All of them are equally quick.
        1
    }
}

/// A connection with more events than one go allows.
struct Deliver(Arc<Link>, Mutex<Option<Event>>);

impl Task for Deliver {
    fn run(self: Arc<Self>) {
        let event = self.1.lock().take();
        if let Some(event) = event {
            self.0.deliver(event);
        }
    }

    fn key(&self) -> usize {
        // They take no longer than the budget allows.
        2
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use nng_aio::net::Socket;

    use super::*;

    #[test]
    fn a_read_whose_interim_response_finds_the_peer_gone_ends() {
        let runtime = Runtime::builder().host_driven().build().unwrap();
        let (ours, peer) = UnixStream::pair().unwrap();
        let socket = Socket::from_fd(OwnedFd::from(ours));
        let link = Link::new(&runtime, socket.into(), Arc::new(Settings::default()), None).unwrap();
        link.set_answering(Answering { expects_continue: true, ..Answering::default() });
        drop(peer);
        let aio = runtime.aio_without_callback();
        aio.set_buffer(vec![0; 8]).unwrap();
        link.start_read(Pass::Holder, &aio, || (Kind::Some, None));
        runtime.turn(Duration::ZERO).unwrap();
        assert!(!aio.is_busy(), "nothing would end it any more");
        assert_eq!(aio.outcome(), Err(Error::Closed));
    }
}
