//! A connected byte stream, driven by aios.
//!
//! ```text
//!   send, recv --try--> done at once
//!        |
//!        +--would block--> waits, first in, first out --readiness--> try again --> done
//!                            |
//!                            +--cancel, deadline, close--> done, no byte moved
//! ```
//!
//! Which attempts are worth making is in `line.rs`, the blocking calls are in `blocking.rs`.
//!
//! One lock for each stream, held for system calls that do not block. The thread that is told of
//! readiness never waits for it, but leaves a note that the holder acts on. Operations are finished
//! after it, except that of several at once only the last is.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::addr::Addr;
use super::layer::{Carrier, Layer};
use super::line::{self, Direction, Line};
use super::socket::Socket;
use super::waiting::{Done, Waiting};
use crate::runtime::{Readiness, Shared, Task, Watcher};
use crate::sys::{Credentials, Holding, NoteLock, Switch};
use crate::{Aio, Cancel, Error, Operation, OperationId, Runtime};

/// A connected byte stream over TCP or a Unix socket.
///
/// Clones are the same stream. It is closed by [`close`](Self::close), when the last clone goes, and
/// when its runtime ends.
///
/// # Order
/// Sends and receives are independent of each other. In each direction operations are served in
/// the order in which they were submitted, from whatever thread. Each moves at least one byte and
/// possibly fewer than asked for, so more than one outstanding send can tear a sequence of bytes
/// apart: what the first leaves is followed by the second.
///
/// Blocking calls take their place behind operations that wait already. While they sleep there is no
/// order between them, or between them and operations that are submitted later: what comes goes
/// to one of them.
pub struct Stream {
    inner: Arc<Inner>,
}

/// What handles, the runtime's table and armed operations share.
pub(super) struct Inner {
    state: NoteLock<State>,
    runtime: Arc<Shared>,
    /// The clones of [`Stream`].
    handles: AtomicUsize,
}

/// Everything of a stream that changes, under its lock.
struct State {
    line: Line,
    recvs: Waiting,
    sends: Waiting,
    /// The budget ran out, and the rest is queued with the runtime.
    is_continued: bool,
}

/// Attempts between two looks at other streams.
const BUDGET: u32 = 16;

impl Stream {
    /// Makes a connected socket a stream that lives on `runtime`.
    ///
    /// # Errors
    /// `Closed` when the runtime shuts down or belongs to the parent process.
    pub fn from_socket(socket: Socket, runtime: &Runtime) -> Result<Self, Error> {
        Self::over(Carrier::Socket(socket), runtime)
    }

    /// As [`from_socket`](Self::from_socket), with something between.
    ///
    /// # Errors
    /// As there.
    pub fn from_layer(layer: Box<dyn Layer>, runtime: &Runtime) -> Result<Self, Error> {
        Self::over(Carrier::Layer(layer), runtime)
    }

    pub(super) fn over(carrier: Carrier, runtime: &Runtime) -> Result<Self, Error> {
        let state = State {
            line: Line::new(carrier),
            recvs: Waiting::default(),
            sends: Waiting::default(),
            is_continued: false,
        };
        let inner = Arc::new(Inner {
            state: NoteLock::new(state),
            runtime: Arc::clone(runtime.shared()),
            handles: AtomicUsize::new(1),
        });
        let stream = Self { inner };
        let watcher: Arc<dyn Watcher> = stream.inner.clone();
        stream.with_socket(|socket| socket.attach(runtime, watcher))?;
        Ok(stream)
    }

    /// Sends the bytes of the aio's buffers, gathered in order.
    ///
    /// Ends with success as soon as the system has taken at least one byte; the count says how many.
    /// Without bytes it succeeds at once. Taken does not mean received.
    ///
    /// # Errors
    /// `Closed` if the stream is closed, or the peer was gone before; `ConnectionReset` or
    /// `ConnectionShutdown` if it went while the operation waited; `TimedOut` and what the operation
    /// was aborted with, and then no byte was taken.
    pub fn send(&self, aio: &Aio) {
        self.inner.start(aio, Direction::Send);
    }

    /// Receives into the aio's owned buffers, scattered in order.
    ///
    /// Ends with success as soon as at least one byte is there; the count says how many. Without
    /// room it succeeds at once.
    ///
    /// # Errors
    /// `ConnectionShutdown`, every time, when the peer has sent all it will; `ConnectionReset` once
    /// if the connection broke; `Closed` if the stream is closed; `TimedOut` and what the operation
    /// was aborted with, and then no byte was taken from the stream.
    pub fn recv(&self, aio: &Aio) {
        self.inner.start(aio, Direction::Recv);
    }

    /// Ends both directions and every operation and blocking call with `Closed`. What the system has
    /// taken is still sent. Repeating it does no harm.
    ///
    /// # Context
    /// Does not wait for callbacks.
    pub fn close(&self) {
        self.inner.close();
    }

    /// True once it is closed, by [`close`](Self::close) or its runtime's end. That the peer has
    /// gone is for receiving to find out.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// The address of this end, also after closing; of a Unix connection, that of the listener.
    /// `Unspecified` for a pair of Unix sockets.
    pub fn local_addr(&self) -> Addr {
        self.inner.with(|state| state.line.ends().local())
    }

    /// The address of the other end, also after closing; of a Unix connection, that of the listener.
    /// `Unspecified` for a pair of Unix sockets.
    pub fn remote_addr(&self) -> Addr {
        self.inner.with(|state| state.line.ends().peer())
    }

    /// Whether small pieces are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP; `Closed`.
    pub fn nodelay(&self) -> Result<bool, Error> {
        self.switch(Switch::NoDelay)
    }

    /// Sets whether small pieces are sent at once; dialers and listeners make streams that do.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP; `Closed`.
    pub fn set_nodelay(&self, is_on: bool) -> Result<(), Error> {
        self.set_switch(Switch::NoDelay, is_on)
    }

    /// Whether a silent peer is probed (`SO_KEEPALIVE`).
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP; `Closed`.
    pub fn keepalive(&self) -> Result<bool, Error> {
        self.switch(Switch::KeepAlive)
    }

    /// Sets whether a silent peer is probed.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP; `Closed`.
    pub fn set_keepalive(&self, is_on: bool) -> Result<(), Error> {
        self.set_switch(Switch::KeepAlive, is_on)
    }

    /// Who was at the other end of a Unix connection when it was made.
    ///
    /// # Errors
    /// `NotSupported` unless it is a Unix socket; `Closed`.
    pub fn peer_credentials(&self) -> Result<Credentials, Error> {
        self.with_socket(|socket| socket.peer_credentials())
    }

    /// Looks at what lies between the stream and its socket; `None` if nothing does.
    ///
    /// # Errors
    /// `Closed`.
    /// # Context
    /// `look` runs under the lock of the stream: it must not block, nor use the stream.
    pub fn look_at_layer<R>(&self, look: impl FnOnce(&dyn Layer) -> R) -> Result<Option<R>, Error> {
        self.inner.with(|state| Ok(state.line.layer()?.map(look)))
    }

    fn switch(&self, switch: Switch) -> Result<bool, Error> {
        self.with_socket(|socket| socket.switch(switch))
    }

    fn set_switch(&self, switch: Switch, is_on: bool) -> Result<(), Error> {
        self.with_socket(|socket| socket.set_switch(switch, is_on))
    }

    fn with_socket<R>(
        &self,
        act: impl FnOnce(&mut Socket) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.inner.with(|state| act(state.line.socket()?))
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Clone for Stream {
    fn clone(&self) -> Self {
        self.inner.handles.fetch_add(1, Ordering::Relaxed);
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Whoever closes comes after all that the other handles did.
        if self.inner.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.inner.close();
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("local_addr", &self.local_addr())
            .field("remote_addr", &self.remote_addr())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Starts an operation of the aio's.
    pub(super) fn start(self: &Arc<Self>, aio: &Aio, direction: Direction) {
        let Ok(mut operation) = aio.begin() else { return };
        let mut state = self.state.lock();
        let mut done = Done::default();
        match state.submit(self, direction, &mut operation) {
            Some(result) => done.add(operation, result),
            None => state.waiting(direction).push(operation),
        }
        self.leave(state, done);
    }

    /// Gives the lock back, acts on what was noted meanwhile, and finishes what is done.
    fn leave(self: &Arc<Self>, mut state: Holding<'_, State>, mut done: Done) {
        while let Some((kept, notes)) = state.give_back() {
            state = kept;
            state.line.note(readiness_of(notes));
            state.serve(self, &mut done);
        }
        done.finish();
    }

    /// Reads or changes the state.
    fn with<R>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = act(&mut state);
        self.leave(state, Done::default());
        result
    }

    pub(super) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    /// Why a transfer outside the lock failed: with `error`, or because we closed the stream.
    pub(super) fn reason(self: &Arc<Self>, error: Error) -> Error {
        if self.is_closed() { Error::Closed } else { error }
    }

    fn is_closed(self: &Arc<Self>) -> bool {
        self.with(|state| state.line.socket().is_err())
    }

    /// What a blocking call of one direction has to know: the socket's descriptor, and whether
    /// operations wait that came first, or the descriptor alone does not do.
    pub(super) fn look<R>(
        self: &Arc<Self>,
        direction: Direction,
        look: impl FnOnce(&Socket, bool) -> R,
    ) -> Result<R, Error> {
        self.with(|state| {
            let is_layered = state.line.layer()?.is_some();
            let has_waiting = is_layered || !state.waiting(direction).is_empty();
            Ok(look(state.line.socket()?, has_waiting))
        })
    }

    fn close(self: &Arc<Self>) {
        // The connection is the parent's too, and its locks may be held for ever.
        if self.runtime.is_forked() {
            return;
        }
        let (carrier, recvs, sends) = self.with(|state| {
            (state.line.close(), mem::take(&mut state.recvs), mem::take(&mut state.sends))
        });
        if let Some(carrier) = carrier {
            carrier.close();
        }
        for operation in recvs.chain(sends) {
            operation.finish(Err(Error::Closed));
        }
    }
}

impl Watcher for Inner {
    fn ready(self: Arc<Self>, readiness: Readiness) {
        if let Some(mut state) = self.state.lock_or_note(notes_of(readiness)) {
            let mut done = Done::default();
            state.line.note(readiness);
            state.serve(&self, &mut done);
            self.leave(state, done);
        }
    }

    fn runtime_closed(self: Arc<Self>) {
        self.close();
    }
}

impl Cancel for Inner {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        let operation =
            self.with(|state| state.recvs.remove(id).or_else(|| state.sends.remove(id)));
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

/// The rest of what was ready when the budget ran out.
impl Task for Inner {
    fn run(self: Arc<Self>) {
        let mut state = self.state.lock();
        let mut done = Done::default();
        state.is_continued = false;
        state.serve(&self, &mut done);
        self.leave(state, done);
    }

    fn key(&self) -> usize {
        0
    }
}

impl State {
    /// Tries a new operation. `None` if it has to wait, and is armed for that.
    fn submit(
        &mut self,
        inner: &Arc<Inner>,
        direction: Direction,
        operation: &mut Operation,
    ) -> Option<Result<usize, Error>> {
        if let Err(error) = self.line.socket() {
            return Some(Err(error));
        }
        if line::len(direction, operation.buffers()) == 0 {
            return Some(Ok(0));
        }
        if self.line.can(direction) && self.waiting(direction).is_empty() {
            let result = self.line.attempt(direction, operation.buffers_mut());
            self.go_on_with_others(inner);
            if result.is_some() {
                return result;
            }
        }
        if let Err(error) = self.line.socket().and_then(Socket::watch) {
            return Some(Err(error));
        }
        operation.arm(inner).err().map(Err)
    }

    /// Serves those who wait, receivers first, as long as there is something to be had. Each direction
    /// has its budget, so that neither waits for the other.
    fn serve(&mut self, inner: &Arc<Inner>, done: &mut Done) {
        let Self { line, recvs, sends, is_continued } = self;
        for (direction, waiting) in [(Direction::Recv, recvs), (Direction::Send, sends)] {
            let mut budget = BUDGET;
            while line.can(direction) {
                let Some(first) = waiting.first_mut() else { break };
                if budget == 0 {
                    if !mem::replace(is_continued, true) {
                        inner.runtime.schedule(inner.clone());
                    }
                    break;
                }
                budget -= 1;
                let result = line.attempt(direction, first.buffers_mut());
                if let (Some(result), Some(first)) = (result, result.and_then(|_| waiting.pop())) {
                    done.add(first, result.map_err(while_waiting));
                }
            }
        }
        self.go_on_with_others(inner);
    }

    /// With something between, an attempt in one direction may have made way for the other.
    fn go_on_with_others(&mut self, inner: &Arc<Inner>) {
        if !matches!(self.line.layer(), Ok(Some(_))) {
            return;
        }
        let has_work = [(Direction::Recv, &self.recvs), (Direction::Send, &self.sends)]
            .iter()
            .any(|(direction, waiting)| !waiting.is_empty() && self.line.can(*direction));
        if has_work && !mem::replace(&mut self.is_continued, true) {
            inner.runtime.schedule(inner.clone());
        }
    }

    fn waiting(&mut self, direction: Direction) -> &mut Waiting {
        match direction {
            Direction::Recv => &mut self.recvs,
            Direction::Send => &mut self.sends,
        }
    }
}

/// The error of an attempt for one that waited. That the stream cannot send any more is the peer's
/// doing then; `Closed` would say that it was ours.
fn while_waiting(error: Error) -> Error {
    if error == Error::Closed { Error::ConnectionShutdown } else { error }
}

const READABLE: u32 = 1;
const WRITABLE: u32 = 2;
const HANGUP: u32 = 4;

fn notes_of(readiness: Readiness) -> u32 {
    let mut notes = 0;
    for (is_set, note) in
        [(readiness.readable, READABLE), (readiness.writable, WRITABLE), (readiness.hangup, HANGUP)]
    {
        notes |= if is_set { note } else { 0 };
    }
    notes
}

fn readiness_of(notes: u32) -> Readiness {
    Readiness {
        readable: notes & READABLE != 0,
        writable: notes & WRITABLE != 0,
        hangup: notes & HANGUP != 0,
    }
}
