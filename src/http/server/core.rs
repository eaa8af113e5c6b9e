//! What the sessions, the listener and the handles of a server share.
//!
//! ```text
//!   Server --> Owner --> Core <-- Session (one for each connection)
//!                         | ^
//!                         v . weak
//!                       Listener <-- the runtime, while it listens
//! ```
//!
//! The owner's end closes the core; the core itself goes with the last session. Only then are the
//! handlers freed, by a task of the runtime, since their destructors are the program's code.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use nng_aio::log::{self, Level};
use nng_aio::net::Socket;
use nng_aio::sync::Mutex;
use nng_aio::{Error, Runtime, Task};
use slab::Slab;

use super::access::AccessLog;
use super::config::ServerConfig;
use super::drain::Drain;
use super::handler::{Handler, ServerId};
use super::listener::{Admission, Listener};
use super::pages::Pages;
use super::routes::Routes;
use super::session::Session;
use crate::http::Response;
use crate::http::conn::{Settings, Transport};
use crate::http::date::Date;
use crate::tls;

/// What a server has done and has at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ServerStats {
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections that are open now.
    pub open: usize,
    /// Requests that were answered, or given to a handler, so far.
    pub requests: u64,
}

/// A server without its handles.
#[derive(Debug)]
pub(super) struct Core {
    /// A copy that does not keep it going.
    runtime: Runtime,
    config: ServerConfig,
    /// Who it is, if it speaks TLS: for connections that are accepted from now on.
    tls: Option<Mutex<tls::Config>>,
    /// What the configuration means to a connection.
    settings: Arc<Settings>,
    routes: Routes,
    pages: Pages,
    listener: Arc<Listener>,
    sessions: Mutex<Sessions>,
    drain: Drain,
    access: AccessLog,
    requests: Counter,
}

/// The living sessions.
#[derive(Debug)]
struct Sessions {
    open: Slab<Arc<Session>>,
    accepted: u64,
    /// No further ones may begin.
    is_closed: bool,
}

/// Counts what happens with every request, on a cache line that nobody reads who is in a hurry.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

impl Core {
    pub(super) fn new(runtime: &Runtime, config: ServerConfig, is_secure: bool) -> Arc<Self> {
        let tls = is_secure.then(|| Mutex::new(tls::Config::new(tls::Mode::Server)));
        let runtime = runtime.unowned();
        Arc::new_cyclic(|core: &Weak<Self>| Self {
            listener: Listener::new(core.clone(), &runtime),
            runtime,
            settings: Arc::new(config.connection()),
            config,
            tls,
            routes: Routes::new(ServerId::unique()),
            pages: Pages::default(),
            sessions: Mutex::new(Sessions { open: Slab::new(), accepted: 0, is_closed: false }),
            drain: Drain::default(),
            access: AccessLog::default(),
            requests: Counter::default(),
        })
    }

    /// The runtime on which everything of this server lives.
    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Its limits and timeouts, which never change.
    pub(super) fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// What of that concerns its connections.
    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Who it is.
    ///
    /// # Errors
    /// `NotSupported` if it does not speak TLS.
    pub(super) fn tls(&self) -> Result<tls::Config, Error> {
        self.tls.as_ref().map(|tls| tls.lock().clone()).ok_or(Error::NotSupported)
    }

    /// Says who it is to those who connect from now on.
    ///
    /// # Errors
    /// `NotSupported` if it does not speak TLS; `Invalid` for the configuration of a client.
    pub(super) fn set_tls(&self, config: tls::Config) -> Result<(), Error> {
        let place = self.tls.as_ref().ok_or(Error::NotSupported)?;
        if config.mode() != tls::Mode::Server {
            return Err(Error::Invalid);
        }
        let old = std::mem::replace(&mut *place.lock(), config);
        drop(old);
        Ok(())
    }

    /// Makes what carries a connection of an accepted socket.
    ///
    /// # Errors
    /// `Crypto` if what was set for TLS cannot be used.
    pub(super) fn transport(&self, socket: Socket) -> Result<Transport, Error> {
        match &self.tls {
            None => Ok(socket.into()),
            Some(_) => Ok(tls::Channel::new(socket, &self.tls()?, "")?.into()),
        }
    }

    /// Who gets which request.
    pub(super) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The error pages.
    pub(super) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// What accepts its connections.
    pub(super) fn listener(&self) -> &Arc<Listener> {
        &self.listener
    }

    /// The date of now, for a response without one; costs a look at the clock.
    pub(super) fn date(&self) -> Date {
        Date::now()
    }

    /// A response of that status with the page for it.
    pub(super) fn error_response(&self, status: u16) -> Response {
        let mut response = Response::new();
        response.set_status(status);
        self.pages.put(&mut response);
        response
    }

    /// Adds a session that is about to begin; returns its name here.
    ///
    /// # Errors
    /// `Closed` if the server has stopped.
    pub(super) fn session_began(&self, session: Arc<Session>) -> Result<usize, Error> {
        let mut sessions = self.sessions.lock();
        if sessions.is_closed {
            return Err(Error::Closed);
        }
        sessions.accepted += 1;
        Ok(sessions.open.insert(session))
    }

    /// Removes a session, once, when its descriptor has been given back: another connection may
    /// have waited for that.
    ///
    /// # Context
    /// Any lock of the session's may be held.
    pub(super) fn session_ended(&self, id: usize) {
        let session = self.sessions.lock().open.try_remove(id);
        debug_assert!(session.is_some(), "a session ends once");
        drop(session);
        self.listener.session_ended();
        if self.drain.is_on() {
            self.complete_drain_if_over();
        }
    }

    /// Whether and for whom it lets its sessions come to their end.
    pub(super) fn drain(&self) -> &Drain {
        &self.drain
    }

    /// Who hears of exchanges.
    pub(super) fn access(&self) -> &AccessLog {
        &self.access
    }

    /// Tells those who wait for the last session, if that has gone and its record is delivered.
    pub(super) fn complete_drain_if_over(&self) {
        let sessions = self.sessions.lock();
        let is_over = sessions.is_closed && sessions.open.is_empty();
        drop(sessions);
        if is_over && self.access.is_delivered() {
            self.drain.complete();
        }
    }

    /// Counts a request.
    pub(super) fn count_request(&self) {
        self.requests.0.fetch_add(1, Relaxed);
    }

    /// What the server has done and has at this moment.
    pub(super) fn stats(&self) -> ServerStats {
        let sessions = self.sessions.lock();
        ServerStats {
            accepted: sessions.accepted,
            open: sessions.open.len(),
            requests: self.requests.0.load(Relaxed),
        }
    }

    /// Ends the listener and every session, without waiting for them.
    pub(super) fn close(&self) {
        for session in self.end_admission() {
            session.stop();
        }
    }

    /// Ends the listener and admits no further session; returns those that there are.
    pub(super) fn end_admission(&self) -> Vec<Arc<Session>> {
        self.listener.close();
        let mut sessions = self.sessions.lock();
        sessions.is_closed = true;
        sessions.open.iter().map(|(_, session)| Arc::clone(session)).collect()
    }
}

impl Admission for Core {
    fn is_full(&self) -> bool {
        let limit = self.config.max_connections;
        limit.is_some_and(|limit| self.sessions.lock().open.len() >= limit)
    }

    fn admit(self: Arc<Self>, socket: Socket) {
        let begun = self.transport(socket).and_then(|transport| Session::begin(&self, transport));
        match begun {
            // The server or the runtime has stopped meanwhile.
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => {
                let text = format!("a connection was dropped before its first request: {error}");
                log::record(Level::Warn, "NNG-ACCEPT", &text);
            }
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let handlers = self.routes.take_all();
        if !handlers.is_empty() {
            self.runtime.schedule(Arc::new(Farewell(handlers)));
        }
    }
}

/// Handlers on their way to be dropped where the program's code may run.
struct Farewell(#[expect(dead_code, reason = "held to be dropped")] Vec<Handler>);

impl Task for Farewell {
    fn run(self: Arc<Self>) {}

    fn key(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use super::*;

    /// Tells on which thread it is dropped.
    struct Witness(mpsc::Sender<ThreadId>);

    impl Drop for Witness {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }

    #[test]
    fn handlers_are_freed_on_the_runtime_not_by_whoever_lets_the_server_go() {
        let (tell, hear) = mpsc::channel();
        let core = Core::new(&Runtime::global(), ServerConfig::default(), false);
        let witness = Witness(tell);
        let handler = Handler::function("/", move |_exchange| {
            let _ = &witness;
        });
        core.routes().add(&handler).unwrap();
        drop(handler);
        drop(core);
        let thread = hear.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_ne!(thread, thread::current().id());
    }

    #[test]
    fn a_handler_is_free_when_its_server_has_gone() {
        let core = Core::new(&Runtime::global(), ServerConfig::default(), false);
        let handler = Handler::function("/", |_exchange| {});
        core.routes().add(&handler).unwrap();
        assert_eq!(handler.set_host("h"), Err(Error::Busy));
        drop(core);
        assert_eq!(handler.set_host("h"), Ok(()));
    }

    #[test]
    fn the_page_of_an_automatic_response_is_that_of_its_status() {
        let core = Core::new(&Runtime::global(), ServerConfig::default(), false);
        core.pages().set(404, b"mine");
        assert_eq!(core.error_response(404).body(), b"mine");
        assert_eq!(core.error_response(404).status(), 404);
        assert!(core.error_response(400).body().starts_with(b"<!DOCTYPE html>"));
    }
}
