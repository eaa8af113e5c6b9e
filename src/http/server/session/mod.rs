//! One connection of a server: requests in, handlers called, responses out, one at a time.
//!
//! ```text
//!            head            body collected             handler answered        response out
//!   Idle ----------> Collecting ----------> Handling ---------------> Responding ----------> Idle
//!    |  no body, or none collected: ----------^                         |   ^                  ^
//!    |  a fixed answer, or none at all: --------------------------------+   |      body        |
//!    |                                                                      +--> Draining -----+
//!   any: the connection has closed --> Ended                                      left over
//! ```
//!
//! The session owns a [`Link`] and lives by its events, which come one at a time. Only the
//! handler's answer comes from elsewhere, and only in `Handling`. What the peer did wrong is
//! answered, always with the last response of the connection.
//!
//! Locks: the session's state, and with it held a request's, or the connection's for a look; what may
//! lead to an event is called without.
//!
//! # Source
//! nng 1.12, nng_http_handler_alloc(3http); RFC 9112 section 9.

mod with_aio;

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence};
use std::sync::{Arc, OnceLock, Weak};

use nng_aio::log::{self, Level};
use nng_aio::sync::Mutex;
use nng_aio::{Aio, Error, Task};

use crate::http::codec::{BodyFraming, RequestHead, TargetForm};
use crate::http::conn::{
    Answering, BodyError, BodyReader, Event, Link, Owner, Pass, Received, Then, Transport, Wait,
    with_head,
};
use crate::http::head_edit::HeadEdit;
use crate::http::server::access::{Access, Entry};
use crate::http::server::core::Core;
use crate::http::server::exchange::Exchange;
use crate::http::server::handler::{Handler, Kind};
use crate::http::server::rest::Rest;
use crate::http::server::routes::{Lookup, Snapshot, Target};
use crate::http::{Body, Request, Response, Shared, status};

/// One connection of a server.
pub(super) struct Session {
    core: Arc<Core>,
    /// Set before anything can happen.
    link: OnceLock<Arc<Link>>,
    /// It was told to stop before it had a connection.
    is_stopped: AtomicBool,
    /// Tells the present handler's function apart.
    key: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Its number with the server.
    id: usize,
    request: Shared<Request>,
    routes: Snapshot,
    /// The operation of a handler that was given an aio.
    operation: Option<Arc<Aio>>,
    /// Requests so far.
    count: u64,
    /// The present request's.
    demands_close: bool,
    to_head: bool,
    /// The body of the present request that nobody has collected.
    unread: Option<BodyFraming>,
    /// What is to be recorded of it.
    entry: Option<Box<Entry>>,
}

/// What a session does.
enum Phase {
    /// Waits for a head.
    Idle,
    /// Waits for a body.
    Collecting(Handler),
    /// Waits for the handler, which is here until it is called.
    Handling(Option<Handler>),
    /// Waits until the response is out; then it skips what is left of the body.
    Responding(Rest),
    /// Skips a body.
    Draining,
    /// The connection has closed.
    Ended,
}

/// Memory in bytes that a request may keep while its connection idles.
const IDLE_MEMORY: usize = 512;

impl Session {
    /// Serves a connection.
    ///
    /// # Errors
    /// `Closed` when the server has stopped or the runtime has ended; what the selector says if it
    /// takes no more.
    pub(super) fn begin(core: &Arc<Core>, transport: Transport) -> Result<(), Error> {
        let session = Arc::new(Self {
            core: Arc::clone(core),
            link: OnceLock::new(),
            is_stopped: AtomicBool::new(false),
            key: AtomicUsize::new(0),
            state: Mutex::new(State {
                phase: Phase::Idle,
                id: usize::MAX,
                request: Shared::default(),
                routes: core.routes().snapshot(),
                operation: None,
                count: 0,
                demands_close: false,
                to_head: false,
                unread: None,
                entry: None,
            }),
        });
        let id = core.session_began(Arc::clone(&session))?;
        session.state.lock().id = id;
        let begun = session.connect(transport);
        if begun.is_err() {
            session.end();
        }
        begun
    }

    fn connect(self: &Arc<Self>, transport: Transport) -> Result<(), Error> {
        let owner: Arc<dyn Owner> = self.clone();
        let owner: Weak<dyn Owner> = Arc::downgrade(&owner);
        let settings = Arc::clone(self.core.settings());
        let link = Link::new(self.core.runtime(), transport, settings, Some(owner))?;
        let link = self.link.get_or_init(|| link);
        // Whoever stops the session either finds the connection or is seen here.
        fence(SeqCst);
        if self.is_stopped.load(Relaxed) {
            link.close();
            return Ok(());
        }
        link.await_input().inspect_err(|_| link.close())?;
        let request = self.state.lock().request.clone();
        self.await_request(request);
        Ok(())
    }

    /// Begins to wait for a request.
    fn await_request(&self, request: Shared<Request>) {
        self.link().read_head(request);
        if self.core.drain().is_on() {
            self.finish_up();
        }
    }

    /// Closes the connection if nothing is under way on it. The server drains, so that what is will
    /// be the last.
    pub(super) fn finish_up(&self) {
        if let Some(link) = self.link.get() {
            link.close_if_idle();
        }
    }

    /// Closes the connection at once.
    pub(super) fn stop(self: &Arc<Self>) {
        self.is_stopped.store(true, Relaxed);
        fence(SeqCst);
        if let Some(link) = self.link.get() {
            link.close();
        }
    }

    /// The connection.
    pub(super) fn link(&self) -> &Arc<Link> {
        self.link.get().expect("a session begins with its connection")
    }

    // --- Requests -------------------------------------------------------------------------------

    /// A request's head is there: find out who answers it.
    fn dispatch(self: &Arc<Self>, head: &RequestHead) {
        let mut state = self.state.lock();
        let request = state.request.clone();
        let request = request.lock();
        state.entry = self.core.access().begin(|| Access {
            method: request.method().to_owned(),
            target: request.uri().to_owned(),
            ..Access::of(self.link().peer())
        });
        state.count += 1;
        let is_last = self.core.config().max_requests.is_some_and(|max| state.count >= max);
        state.demands_close = !head.keeps_alive || is_last || self.core.drain().is_on();
        state.to_head = request.method() == "HEAD";
        state.unread = (head.body != BodyFraming::Empty).then_some(head.body);
        self.link().set_answering(Answering {
            demands_close: state.demands_close,
            to_head: state.to_head,
            expects_continue: head.expects_continue,
            ..Answering::default()
        });
        self.core.routes().refresh(&mut state.routes);
        let lookup = match head.target {
            TargetForm::Authority => Lookup::WrongMethod { allow: String::new() },
            TargetForm::Asterisk => Lookup::NotFound,
            TargetForm::Origin | TargetForm::Absolute { .. } => {
                let named = head.target.authority(request.uri());
                let mut field = request.headers().get_all("Host");
                let target = Target {
                    method: request.method(),
                    path: head.target.path(request.uri()),
                    host: named.map(str::as_bytes).or_else(|| field.next()),
                };
                state.routes.find(&target)
            }
        };
        drop(request);
        let handler = match lookup {
            Lookup::Found(handler) => handler,
            other => {
                drop(state);
                return self.answer_lookup(other, head.target == TargetForm::Authority);
            }
        };
        let limit = handler.collects(self.core.config());
        match (head.body, limit) {
            (BodyFraming::Empty, _) => {
                drop(state);
                self.call(handler);
            }
            (framing, None) => {
                drop(state);
                let limits = &self.core.config().limits;
                let reader = BodyReader::collect(framing, limits, u64::MAX, Vec::new());
                self.link().offer_body(reader);
                self.call(handler);
            }
            (BodyFraming::Length(len), Some(limit)) if len > limit as u64 => {
                drop(state);
                self.refuse(self.status_of(BodyError::TooLong));
            }
            (_, Some(0)) => {
                drop(state);
                self.refuse(self.status_of(BodyError::TooLong));
            }
            (framing, Some(limit)) => {
                let memory = state.request.lock().take_body_memory();
                state.phase = Phase::Collecting(handler);
                drop(state);
                if head.expects_continue {
                    self.link().continue_for_owner();
                }
                let limits = &self.core.config().limits;
                self.link().read_body(BodyReader::collect(framing, limits, limit as u64, memory));
            }
        }
    }

    /// No handler gets the request.
    fn answer_lookup(self: &Arc<Self>, lookup: Lookup, is_final: bool) {
        match lookup {
            Lookup::WrongMethod { allow } => {
                let mut response = self.core.error_response(405);
                // Methods of handlers are tokens.
                let _ = response.headers_mut().set("Allow", &allow);
                self.send(&response, is_final);
            }
            Lookup::Malformed => self.refuse(400),
            Lookup::NotFound | Lookup::Found(_) => self.send(&self.core.error_response(404), false),
        }
    }

    fn on_body(self: &Arc<Self>, received: Received) {
        let mut state = self.state.lock();
        match mem::replace(&mut state.phase, Phase::Idle) {
            Phase::Collecting(handler) => {
                let mut request = state.request.lock();
                request.set_received_body(received.bytes);
                if received.is_chunked {
                    request.dechunk_fields(received.trailers);
                }
                drop(request);
                state.unread = None;
                drop(state);
                self.call(handler);
            }
            Phase::Draining => {
                drop(state);
                self.next();
            }
            other => state.phase = other,
        }
    }

    /// Hands the request to its handler.
    fn call(self: &Arc<Self>, handler: Handler) {
        if let Kind::Fixed(response) = handler.kind() {
            return self.send(response, false);
        }
        self.core.count_request();
        self.key.store(handler.key(), Relaxed);
        self.state.lock().phase = Phase::Handling(Some(handler));
        self.link().runtime().schedule(self.clone());
    }

    /// Calls the handler, with an exchange or with an aio.
    fn run_handler(self: Arc<Self>) {
        let mut state = self.state.lock();
        let Phase::Handling(handler) = &mut state.phase else { return };
        let Some(handler) = handler.take() else { return };
        let request = state.request.clone();
        drop(state);
        match handler.kind() {
            Kind::Function(function) => {
                function(Exchange::new(Arc::clone(&self), request, handler.clone()));
            }
            Kind::Aio(function) => self.run_with_aio(function, request, &handler),
            Kind::Fixed(response) => self.send(response, false),
        }
    }

    // --- Answers --------------------------------------------------------------------------------

    /// The handler answers.
    pub(super) fn respond(self: &Arc<Self>, response: &Response) {
        if self.is_handling() {
            self.send(response, false);
        }
    }

    /// The handler has failed.
    pub(super) fn fail(self: &Arc<Self>, error: Error) {
        if !self.is_handling() {
            return;
        }
        let Answering { pieces, has_written, .. } = self.link().answering();
        let fault = pieces.fault();
        if fault.is_none() {
            log::record(Level::Warn, "NNG-HTTP", &format!("a handler failed: {error}"));
        }
        if has_written {
            self.link().close();
        } else {
            self.refuse(fault.map_or(500, |fault| self.status_of(fault)));
        }
    }

    /// The handler has written its response itself.
    pub(super) fn finish_without_response(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Handling(_)) {
            return;
        }
        let unread = state.unread.take();
        let rest = self.rest_of_body(unread, &self.link().end_exchange());
        let closes = state.demands_close || self.core.drain().is_on() || rest == Rest::Close;
        state.phase = Phase::Responding(rest);
        // What it has written may have closed the connection, and then nothing more is heard of it.
        self.record(&mut state, true);
        drop(state);
        if closes {
            self.hang_up();
        } else if self.link().is_written_out() {
            self.on_written();
        }
        // Else the next request waits until all of it is out.
    }

    /// The handler answers with a body that it will write in pieces: makes the head of it. Returns
    /// whether the client wants the body.
    pub(super) fn begin_pieces(&self, response: &Response, ends_by_close: bool) -> (Vec<u8>, bool) {
        let mut state = self.state.lock();
        let has_body = status::permits_body(response.status()) && !state.to_head;
        let closes = state.demands_close
            || self.core.drain().is_on()
            || response.ends_connection()
            || (ends_by_close && has_body)
            || self.rest_of_body(state.unread, &self.link().answering()) == Rest::Close;
        state.demands_close = closes;
        if let Some(entry) = &mut state.entry {
            entry.set_status(response.status());
        }
        drop(state);
        let date = self.core.date();
        let (omit, date) = (response.unsaid(), Some(date.as_bytes()));
        let mut head = Vec::new();
        response.write_head(&HeadEdit { omit, date, length: None, close: closes }, &mut head);
        (head, has_body)
    }

    /// The handler has written all pieces and `end` behind them.
    pub(super) fn end_pieces(self: &Arc<Self>, mut end: Vec<u8>) {
        if self.is_handling() {
            self.link().write_end(&mut end);
            self.finish_without_response();
        }
    }

    /// The handler writes no more pieces, though the client expects some.
    ///
    /// `is_until_close` tells that the client would take the end of the connection for that of the
    /// body.
    pub(super) fn abandon_pieces(self: &Arc<Self>, is_until_close: bool) {
        if is_until_close && self.link().answering().has_written {
            self.link().close();
        } else if self.link().answering().has_written {
            let mut state = self.state.lock();
            state.demands_close = true;
            self.record(&mut state, false);
            drop(state);
            self.finish_without_response();
        } else {
            self.fail(Error::Internal);
        }
    }

    /// Closes the connection behind what has been queued, so that all of it arrives.
    fn hang_up(&self) {
        self.link().write_for_owner(&mut Vec::new(), &Body::empty(), Then::Close);
    }

    fn is_handling(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Handling(_))
    }

    /// Answers what the client did wrong, or what cannot be answered otherwise, and closes.
    fn refuse(self: &Arc<Self>, status: u16) {
        self.send(&self.core.error_response(status), true);
    }

    /// Sends a response; the connection closes after it if `is_last`, or if something demands it.
    fn send(self: &Arc<Self>, response: &Response, is_last: bool) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Ended) {
            return;
        }
        let unread = state.unread.take();
        let rest = self.rest_of_body(unread, &self.link().end_exchange());
        let closes = is_last
            || state.demands_close
            || self.core.drain().is_on()
            || rest == Rest::Close
            || response.ends_connection()
            // What the client waits for will not come, or what comes is not what it waits for.
            || !response.is_whole(state.to_head);
        if let Some(entry) = &mut state.entry {
            entry.set_status(response.status());
        }
        let to_head = state.to_head;
        let before = mem::replace(&mut state.phase, Phase::Responding(rest));
        drop(state);
        // Those that are given to a handler are counted by then.
        if !matches!(before, Phase::Handling(_)) {
            self.core.count_request();
        }
        // A handler goes where its destructor may do anything.
        drop(before);

        let replaced = response.is_error_page().then(|| {
            let mut response = response.clone();
            self.core.pages().put(&mut response);
            response
        });
        let response = replaced.as_ref().unwrap_or(response);
        let has_body = status::permits_body(response.status()) && !to_head;
        let date = self.core.date();
        let body = response.sent_body(to_head);
        let edit = HeadEdit {
            omit: response.unsaid(),
            date: Some(date.as_bytes()),
            length: has_body.then_some(body.as_slice().len() as u64),
            close: closes,
        };
        let then = if closes { Then::Close } else { Then::Keep };
        let is_out = with_head(|head| {
            response.write_head(&edit, head);
            self.link().write_for_owner(head, body, then)
        });
        if is_out {
            self.on_written();
        }
    }

    /// Decides what becomes of a body that was not collected.
    fn rest_of_body(&self, unread: Option<BodyFraming>, answering: &Answering) -> Rest {
        let framing = unread.unwrap_or(BodyFraming::Empty);
        Rest::of(framing, answering, self.core.config().max_undrained as u64)
    }

    // --- What comes next ------------------------------------------------------------------------

    fn on_written(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let Phase::Responding(rest) = state.phase else { return };
        self.record(&mut state, true);
        if let Rest::Drain(_) | Rest::DrainBegun = rest {
            state.phase = Phase::Draining;
        }
        drop(state);
        let config = self.core.config();
        let max = config.max_undrained as u64;
        match rest {
            Rest::Drain(framing) => {
                self.link().read_body(BodyReader::drain(framing, &config.limits, max));
            }
            Rest::DrainBegun => {
                if !self.link().drain_rest(max) {
                    self.link().close();
                }
            }
            Rest::Nothing | Rest::Close => self.next(),
        }
    }

    /// The exchange is over; whoever wants to know is told.
    fn record(&self, state: &mut State, is_complete: bool) {
        if let (Some(entry), Some(link)) = (state.entry.take(), self.link.get()) {
            let Answering { status, sent, .. } = link.answering();
            self.core.record(link.runtime(), *entry, |access| {
                access.sent = sent;
                // One that the session sends is known already.
                access.status = if access.status == 0 { status } else { access.status };
                access.is_complete = is_complete;
            });
        }
    }

    /// Waits for the next request.
    fn next(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Ended) {
            return;
        }
        if state.request.is_alone() {
            let mut request = state.request.lock();
            request.reset();
            if request.memory() > IDLE_MEMORY {
                request.shrink_to_fit();
            }
        } else {
            // Somebody keeps the last one.
            state.request = Shared::default();
        }
        state.phase = Phase::Idle;
        let request = state.request.clone();
        drop(state);
        self.await_request(request);
    }

    fn on_timeout(self: &Arc<Self>, wait: Wait) {
        let state = self.state.lock();
        let is_draining = matches!(state.phase, Phase::Draining);
        let has_ended = matches!(state.phase, Phase::Ended);
        drop(state);
        match wait {
            // The connection may be somebody else's by now.
            _ if has_ended => {}
            Wait::Head => {
                self.forget_request();
                self.state.lock().entry =
                    self.core.access().begin(|| Access::of(self.link().peer()));
                self.refuse(408);
            }
            Wait::Body if !is_draining => self.refuse(408),
            Wait::Body | Wait::Idle | Wait::Write | Wait::Linger => {
                self.link().close();
            }
        }
    }

    fn on_bad_body(self: &Arc<Self>, error: BodyError) {
        let is_draining = matches!(self.state.lock().phase, Phase::Draining);
        if is_draining {
            // The client may not have read its answer yet.
            self.hang_up();
        } else {
            self.refuse(self.status_of(error));
        }
    }

    /// Returns the status that says what is wrong with a body.
    fn status_of(&self, error: BodyError) -> u16 {
        match error {
            BodyError::TooLong if self.core.config().answers_413 => 413,
            other => other.status(),
        }
    }

    /// The connection has gone. A handler that is at work goes on and answers into the void.
    fn end(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Ended) {
            return;
        }
        let (id, operation) = (state.id, state.operation.clone());
        // A client that closes behind the last byte may be faster than whoever has written that.
        let is_complete = self.link.get().is_some_and(|link| link.answering().is_last_out);
        self.record(&mut state, is_complete);
        let phase = mem::replace(&mut state.phase, Phase::Ended);
        drop(state);
        drop(phase);
        if let Some(operation) = operation {
            operation.abort(Error::Closed);
        }
        self.core.session_ended(id);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Owner for Session {
    /// The handler takes the connection. What is left of the session ends with the handler.
    fn give_up(self: Arc<Self>, pass: Pass) -> bool {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Handling(_)) || !self.link().is_open_to(pass) {
            return false;
        }
        let id = state.id;
        self.record(&mut state, true);
        let phase = mem::replace(&mut state.phase, Phase::Ended);
        drop(state);
        drop(phase);
        self.core.session_ended(id);
        true
    }

    fn on_event(self: Arc<Self>, event: Event) {
        match event {
            Event::Head(Ok(head)) => self.dispatch(&head),
            Event::Head(Err(error)) => {
                self.forget_request();
                self.state.lock().entry =
                    self.core.access().begin(|| Access::of(self.link().peer()));
                self.refuse(error.status());
            }
            Event::Body(Ok(received)) => self.on_body(received),
            Event::Body(Err(error)) => self.on_bad_body(error),
            Event::Written => self.on_written(),
            Event::TimedOut(wait) => self.on_timeout(wait),
            Event::Closed => self.end(),
        }
    }
}

impl Session {
    /// What was noted of the last request says nothing of one that could not be read.
    fn forget_request(&self) {
        let mut state = self.state.lock();
        state.to_head = false;
        state.unread = None;
    }
}

impl Task for Session {
    fn run(self: Arc<Self>) {
        self.run_handler();
    }

    fn key(&self) -> usize {
        self.key.load(Relaxed)
    }
}
