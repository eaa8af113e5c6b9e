//! The accepting side: makes connections into sessions, at the pace that `pace.rs` decides.
//!
//! Nothing here blocks or spins. One thread accepts at a time, a few connections in one go; what is
//! left goes on as a task, so that a flood of connections holds nobody else up.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};

use nng_aio::clock;
use nng_aio::log::{self, Level};
use nng_aio::net::{Acceptor, Addr, Socket};
use nng_aio::sync::Mutex;
use nng_aio::{Error, Expire, Readiness, Runtime, Task, Timer, Watcher};

use super::pace::{AfterError, Next, Pace};

/// Connections accepted in one go.
const BUDGET: usize = 32;

/// Who has room for connections.
pub(super) trait Admission: Send + Sync {
    /// Returns whether there is no room for another connection.
    fn is_full(&self) -> bool;

    /// Takes a connection. When it has ended, [`Listener::session_ended`] is to be called.
    fn admit(self: Arc<Self>, socket: Socket);
}

/// Listens once, for as long as the server runs.
pub(super) struct Listener {
    sessions: Weak<dyn Admission>,
    runtime: Runtime,
    /// Never held in a system call, as every session that ends needs it.
    pace: Mutex<Pace>,
    /// Present while it listens. Held by the thread that accepts.
    acceptor: Mutex<Option<Acceptor>>,
    /// Ends pauses after errors.
    timer: Timer,
    /// The address with the real port, from the first moment of listening on.
    local: OnceLock<Addr>,
}

/// What an attempt to accept brought.
enum Attempt {
    Accepted(Socket),
    /// Nothing; the next attempt may bring something.
    Again,
    /// Nothing, for now.
    Rest,
}

impl Listener {
    pub(super) fn new(sessions: Weak<dyn Admission>, runtime: &Runtime) -> Arc<Self> {
        Arc::new_cyclic(|listener: &Weak<Self>| Self {
            sessions,
            runtime: runtime.unowned(),
            pace: Mutex::new(Pace::new()),
            acceptor: Mutex::new(None),
            timer: runtime.timer(listener.clone()),
            local: OnceLock::new(),
        })
    }

    /// Binds and begins to accept; returns the address with the real port.
    ///
    /// # Errors
    /// `AddressInUse` and whatever else the system says; `Closed` if the runtime has ended. It
    /// may be tried again.
    pub(super) fn listen(self: &Arc<Self>, address: SocketAddr) -> Result<SocketAddr, Error> {
        let mut acceptor = Acceptor::tcp(address)?;
        let local = acceptor.socket_addr().unwrap_or(address);
        let mut place = self.acceptor.lock();
        acceptor.attach(&self.runtime, self.clone())?;
        acceptor.watch()?;
        *place = Some(acceptor);
        // Nobody listens twice with success.
        let _ = self.local.set(local.into());
        Ok(local)
    }

    /// The address with the real port; unspecified before the server listens.
    pub(super) fn local_addr(&self) -> Addr {
        self.local.get().cloned().unwrap_or_default()
    }

    /// Stops listening. Connections that wait to be accepted are refused.
    pub(super) fn close(&self) {
        let acceptor = self.acceptor.lock().take();
        self.timer.clear();
        drop(acceptor);
    }

    /// A session has ended. Accepting goes on if it waited for that, but not on this stack.
    pub(super) fn session_ended(self: &Arc<Self>) {
        if self.pace.lock().on_session_ended() {
            self.runtime.schedule(self.clone());
        }
    }

    /// Accepts what waits, as the thread that the pace has appointed.
    fn accept(self: &Arc<Self>) {
        let Some(sessions) = self.sessions.upgrade() else { return };
        for _ in 0..BUDGET {
            match self.attempt(&*sessions) {
                Attempt::Accepted(socket) => Arc::clone(&sessions).admit(socket),
                Attempt::Again => {}
                Attempt::Rest => return,
            }
        }
        self.runtime.schedule(self.clone());
    }

    fn attempt(&self, sessions: &dyn Admission) -> Attempt {
        if sessions.is_full() {
            return self.pace.lock().on_full().into();
        }
        let Some(accepted) = self.acceptor.lock().as_mut().map(Acceptor::try_accept) else {
            return self.pace.lock().on_drained().into();
        };
        match accepted {
            Ok(socket) => {
                self.pace.lock().on_accepted();
                Attempt::Accepted(socket)
            }
            Err(Error::Again) => self.pace.lock().on_drained().into(),
            Err(error) => self.after_error(error),
        }
    }

    fn after_error(&self, error: Error) -> Attempt {
        let mut pace = self.pace.lock();
        let AfterError::Pause { until, is_first } = pace.on_error(clock::now()) else {
            return Attempt::Again;
        };
        // Under the lock, so that the timer always is the last pause's.
        self.timer.set(until);
        drop(pace);
        if is_first {
            self.report(error);
        }
        Attempt::Rest
    }

    fn report(&self, error: Error) {
        let addr = self.local_addr();
        let text = format!("accepting on {addr} failed, connections wait: {error}");
        log::record(Level::Warn, "NNG-ACCEPT", &text);
    }
}

impl Watcher for Listener {
    fn ready(self: Arc<Self>, _readiness: Readiness) {
        if self.pace.lock().on_ready() {
            self.accept();
        }
    }

    fn runtime_closed(self: Arc<Self>) {
        self.close();
    }
}

impl Expire for Listener {
    fn expired(self: Arc<Self>) {
        if self.pace.lock().on_pause_ended(clock::now()) {
            self.accept();
        }
    }
}

/// Accepting goes on after others had their turn.
impl Task for Listener {
    fn run(self: Arc<Self>) {
        self.accept();
    }

    fn key(&self) -> usize {
        0
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("local", &self.local).finish_non_exhaustive()
    }
}

impl From<Next> for Attempt {
    fn from(next: Next) -> Self {
        match next {
            Next::Again => Self::Again,
            Next::Rest => Self::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::super::tests::own_address;
    use super::*;

    /// Longer than anything here takes.
    const LIMIT: Duration = Duration::from_secs(60);

    /// Keeps connections and does nothing with them.
    struct Keeper {
        room: AtomicUsize,
        kept: Mutex<Vec<Socket>>,
    }

    impl Admission for Keeper {
        fn is_full(&self) -> bool {
            self.kept.lock().len() >= self.room.load(SeqCst)
        }

        fn admit(self: Arc<Self>, socket: Socket) {
            self.kept.lock().push(socket);
        }
    }

    struct Bench {
        runtime: Runtime,
        keeper: Arc<Keeper>,
        listener: Arc<Listener>,
        address: SocketAddr,
    }

    /// A listener in a runtime that does nothing by itself.
    fn bench(room: usize) -> Bench {
        let runtime = Runtime::builder().host_driven().build().unwrap();
        let keeper =
            Arc::new(Keeper { room: AtomicUsize::new(room), kept: Mutex::new(Vec::new()) });
        let keeper_of_any_kind: Arc<dyn Admission> = keeper.clone();
        let listener = Listener::new(Arc::downgrade(&keeper_of_any_kind), &runtime);
        let address = listener.listen((own_address(), 0).into()).unwrap();
        Bench { runtime, keeper, listener, address }
    }

    impl Bench {
        fn connect(&self, count: usize) -> Vec<TcpStream> {
            (0..count).map(|_| TcpStream::connect(self.address).unwrap()).collect()
        }

        fn kept(&self) -> usize {
            self.keeper.kept.lock().len()
        }

        /// Makes turns until so many connections are kept.
        fn turn_until_kept(&self, count: usize) {
            while self.kept() < count {
                self.runtime.turn(LIMIT).unwrap();
            }
        }

        /// Makes turns until there is nothing to do.
        fn turn_until_quiet(&self) {
            for _ in 0..10 {
                self.runtime.turn(Duration::ZERO).unwrap();
            }
        }
    }

    #[test]
    fn a_flood_of_connections_is_accepted_in_goes() {
        let bench = bench(usize::MAX);
        let clients = bench.connect(BUDGET + BUDGET / 2);
        bench.turn_until_kept(clients.len());
        bench.turn_until_quiet();
        let _more = bench.connect(1);
        bench.turn_until_kept(clients.len() + 1);
    }

    #[test]
    fn a_full_server_accepts_again_when_a_session_ends() {
        let bench = bench(2);
        let _clients = bench.connect(3);
        bench.turn_until_kept(2);
        bench.turn_until_quiet();
        assert_eq!(bench.kept(), 2, "the third one waits");
        let ended = bench.keeper.kept.lock().pop().unwrap();
        ended.close();
        bench.listener.session_ended();
        assert_eq!(bench.kept(), 1, "not on the stack of the session");
        bench.turn_until_kept(2);
        let _more = bench.connect(1);
        bench.turn_until_quiet();
        assert_eq!(bench.kept(), 2);
    }

    #[test]
    fn connections_that_came_while_the_server_was_full_are_not_forgotten() {
        let bench = bench(1);
        let _clients = bench.connect(1);
        bench.turn_until_kept(1);
        let _others = bench.connect(2);
        bench.turn_until_quiet();
        bench.keeper.room.store(3, SeqCst);
        bench.listener.session_ended();
        bench.turn_until_kept(3);
    }

    #[test]
    fn a_closed_listener_refuses_and_remembers_its_address() {
        let bench = bench(usize::MAX);
        assert_eq!(bench.listener.local_addr(), bench.address.into());
        bench.listener.close();
        assert!(TcpStream::connect(bench.address).is_err());
        bench.listener.session_ended();
        bench.turn_until_quiet();
        assert_eq!(bench.listener.local_addr(), bench.address.into());
    }

    #[test]
    fn the_end_of_the_runtime_is_the_listeners() {
        let bench = bench(usize::MAX);
        bench.runtime.shutdown();
        assert!(TcpStream::connect(bench.address).is_err());
        assert_eq!(bench.listener.listen(bench.address).err(), Some(Error::Closed));
    }

    #[test]
    fn an_address_in_use_can_be_tried_again() {
        let (one, other) = (bench(0), bench(0));
        let listener = Listener::new(other.listener.sessions.clone(), &other.runtime);
        assert_eq!(listener.local_addr(), Addr::Unspecified);
        assert_eq!(listener.listen(one.address).err(), Some(Error::AddressInUse));
        assert_eq!(listener.local_addr(), Addr::Unspecified);
        one.listener.close();
        assert_eq!(listener.listen(one.address), Ok(one.address));
    }
}
