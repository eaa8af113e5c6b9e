//! Takes connections for those who ask for them.
//!
//! ```text
//!   New --listen--> Listening --close--> Closed
//!    |  (a failure leaves it New)           ^
//!    +----------------close-----------------+
//! ```
//!
//! Connections wait in the system until an operation asks for one. When the process runs out of
//! descriptors, the operation that waits longest ends with that; the next one is tried after a pause,
//! since the connection is still there and trying at once would only spin.

use std::fmt;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::acceptor::{Acceptor, MAX_PERMISSIONS};
use super::addr::{AbstractName, Addr, IpcPath};
use super::layer::{Carrier, MakeLayer};
use super::resolve::{Family, Query, Resolver};
use super::stream::Stream;
use super::waiting::{Done, Waiting};
use crate::runtime::{Expire, Readiness, Timer, Watcher};
use crate::sys::{self, Holding, NoteLock};
use crate::{Aio, Cancel, Error, Operation, OperationId, Runtime};

/// Listens at one address and hands out connections as [`Stream`]s.
///
/// Connections are independent of the listener and may outlive it. Dropping it closes it.
pub struct Listener {
    inner: Arc<Inner>,
}

struct Inner {
    state: NoteLock<State>,
    /// The number of forks when it was made: in a child it is the parent's.
    forks: u32,
}

/// Everything of a listener that changes, under its lock.
struct State {
    phase: Phase,
    /// What is to be listened at; from listening on, what is.
    local: Addr,
    /// Whose connections it takes; `None` for the global runtime.
    runtime: Option<Runtime>,
    nodelay: bool,
    keepalive: bool,
    permissions: Option<u32>,
    layer: Option<MakeLayer>,
    accepts: Waiting,
}

enum Phase {
    New,
    Listening(Listening),
    Closed { has_listened: bool },
}

struct Listening {
    acceptor: Acceptor,
    runtime: Runtime,
    /// What lies between a connection and its stream.
    layer: Option<MakeLayer>,
    /// An attempt may succeed.
    can_accept: bool,
    /// While it is set no attempt is made.
    pause: Option<Timer>,
}

/// How long resources are given to come back.
const PAUSE: Duration = Duration::from_millis(20);
/// The largest mode of a file, type included: what abstract names take for permissions.
const MAX_MODE: u32 = 0o170_000;

impl Listener {
    /// A listener for an address. TCP with port 0 lets the system choose the port; an empty abstract
    /// name lets it choose the name.
    ///
    /// # Errors
    /// `AddressInvalid` for an address that is unspecified.
    pub fn new(addr: Addr) -> Result<Self, Error> {
        if addr == Addr::Unspecified {
            return Err(Error::AddressInvalid);
        }
        let state = State {
            phase: Phase::New,
            local: addr,
            runtime: None,
            nodelay: true,
            keepalive: false,
            permissions: None,
            layer: None,
            accepts: Waiting::default(),
        };
        sys::count_forks();
        let inner = Inner { state: NoteLock::new(state), forks: sys::forks() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A listener for TCP at the first address of `host`. Without host it is the wildcard address,
    /// for [`Family::Any`] that of IPv4; `port` is a number or the name of a service, and without
    /// it the system chooses.
    ///
    /// # Errors
    /// `AddressInvalid` if both are empty, or for what cannot be resolved.
    ///
    /// # Context
    /// Blocks while a name is resolved; literal addresses are not asked for.
    pub fn tcp(host: &str, port: &str, family: Family) -> Result<Self, Error> {
        let query = Query { host: Some(host), port, family, passive: true };
        let addrs = Resolver::default().resolve_now(&query)?;
        Self::new(addrs.into_iter().next().unwrap_or_default())
    }

    /// A listener at a path in the file system, taken literally.
    ///
    /// # Errors
    /// `AddressInvalid` for a path that is empty, longer than 107 bytes or has a NUL.
    pub fn ipc(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(Addr::Ipc(IpcPath::new(path)?))
    }

    /// A listener at a name in Linux' abstract namespace: any bytes. With an empty name the system
    /// chooses one.
    ///
    /// # Errors
    /// `AddressInvalid` for a name longer than 107 bytes.
    pub fn abstract_name(name: &[u8]) -> Result<Self, Error> {
        Self::new(Addr::Abstract(AbstractName::new(name)?))
    }

    /// Puts it and its connections on `runtime` instead of the global one, if it does not listen yet.
    #[must_use]
    pub fn on(self, runtime: &Runtime) -> Self {
        self.inner.state.lock().runtime = Some(runtime.unowned());
        self
    }

    /// Has what `make` makes between each connection and its stream, if it does not listen yet. What
    /// `make` fails with ends the accept.
    #[must_use]
    pub fn with_layer(self, make: MakeLayer) -> Self {
        self.inner.state.lock().layer = Some(make);
        self
    }

    /// Binds and listens: from now on connections wait to be accepted, at most 128 of them.
    ///
    /// At a path, a socket file that nobody serves is replaced and anything else left alone.
    ///
    /// # Errors
    /// `State` if it listens or has listened; `Closed` if it was closed before; `AddressInUse`,
    /// `AddressInvalid` for an address that is not this machine's, `NotFound` for a path whose
    /// directory is missing, `Permission`, `NoFiles`, and what else the system answers. It can be
    /// tried again then.
    ///
    /// # Panics
    /// If it lives on the global runtime and that cannot begin.
    pub fn listen(&self) -> Result<(), Error> {
        self.inner.with(|state, _| state.listen(&self.inner))
    }

    /// Accepts a connection. Output 0 of the aio is the [`Stream`].
    ///
    /// Operations are served in the order in which they were submitted. Connections that their
    /// peers gave up while they waited are passed over.
    ///
    /// # Errors
    /// In the aio: `State` if it does not listen yet; `Closed`; `NoFiles` or `NoMemory` if the
    /// connection cannot be taken now (it goes on waiting); `TimedOut` and what the operation was
    /// aborted with.
    pub fn accept(&self, aio: &Aio) {
        let Ok(operation) = aio.begin() else { return };
        self.inner.with(|state, done| state.submit(&self.inner, operation, done));
    }

    /// Stops listening. Operations that wait end with `Closed`, connections that wait are refused, a
    /// path is removed if it still is the file that was bound. Repeating it does no harm.
    ///
    /// # Context
    /// Does not wait for callbacks.
    pub fn close(&self) {
        self.inner.close();
    }

    /// The address. Of TCP, `Unspecified` before it listens, then with the real port, also after
    /// closing. Of a Unix socket, always; an empty abstract name is the system's once it listens.
    pub fn local_addr(&self) -> Addr {
        self.inner.with(|state, _| match (&state.local, &state.phase) {
            (Addr::Ipc(_) | Addr::Abstract(_), _) => state.local.clone(),
            (_, Phase::New | Phase::Closed { has_listened: false }) => Addr::Unspecified,
            (_, Phase::Listening(_) | Phase::Closed { has_listened: true }) => state.local.clone(),
        })
    }

    /// The port of TCP it is bound to, also after closing.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP; `State` if it has not listened.
    pub fn bound_port(&self) -> Result<u16, Error> {
        self.inner.with(|state, _| {
            let port = state.local.port().ok_or(Error::NotSupported)?;
            match state.phase {
                Phase::New | Phase::Closed { has_listened: false } => Err(Error::State),
                Phase::Listening(_) | Phase::Closed { has_listened: true } => Ok(port),
            }
        })
    }

    /// Whether connections send small pieces at once (`TCP_NODELAY`); true by default.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn nodelay(&self) -> Result<bool, Error> {
        self.inner.with(|state, _| state.check_tcp().map(|()| state.nodelay))
    }

    /// Sets whether connections accepted from now on send small pieces at once.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn set_nodelay(&self, is_on: bool) -> Result<(), Error> {
        self.inner.with(|state, _| {
            state.check_tcp()?;
            state.nodelay = is_on;
            if let Phase::Listening(listening) = &mut state.phase {
                listening.acceptor.set_nodelay(is_on)?;
            }
            Ok(())
        })
    }

    /// Whether connections probe silent peers (`SO_KEEPALIVE`); false by default.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn keepalive(&self) -> Result<bool, Error> {
        self.inner.with(|state, _| state.check_tcp().map(|()| state.keepalive))
    }

    /// Sets whether connections accepted from now on probe silent peers.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn set_keepalive(&self, is_on: bool) -> Result<(), Error> {
        self.inner.with(|state, _| {
            state.check_tcp()?;
            state.keepalive = is_on;
            if let Phase::Listening(listening) = &mut state.phase {
                listening.acceptor.set_keepalive(is_on)?;
            }
            Ok(())
        })
    }

    /// Sets the permissions of the socket file, 0 to `0o7777`, in force before the first client can
    /// connect; by default 0777 minus the umask. An abstract name has no file: the value, up to
    /// `0o170000`, is ignored.
    ///
    /// # Errors
    /// `NotSupported` for TCP; `Invalid` for other values; `Busy` if it listens or has listened.
    pub fn set_permissions(&self, mode: u32) -> Result<(), Error> {
        self.inner.with(|state, _| match (&state.local, &state.phase) {
            (Addr::Abstract(_), _) if mode <= MAX_MODE => Ok(()),
            (Addr::Ipc(_), _) if mode > MAX_PERMISSIONS => Err(Error::Invalid),
            (Addr::Abstract(_), _) => Err(Error::Invalid),
            (Addr::Ipc(_), Phase::New | Phase::Closed { has_listened: false }) => {
                state.permissions = Some(mode);
                Ok(())
            }
            (Addr::Ipc(_), Phase::Listening(_) | Phase::Closed { has_listened: true }) => {
                Err(Error::Busy)
            }
            (Addr::Inet(_) | Addr::Inet6(_) | Addr::Unspecified, _) => Err(Error::NotSupported),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("local_addr", &self.local_addr()).finish_non_exhaustive()
    }
}

impl Inner {
    /// Acts on the state; finishes what that ended after the lock.
    fn with<R>(self: &Arc<Self>, act: impl FnOnce(&mut State, &mut Done) -> R) -> R {
        let mut state = self.state.lock();
        let mut done = Done::default();
        let result = act(&mut state, &mut done);
        self.leave(state, done);
        result
    }

    /// Gives the lock back, acts on what was noted meanwhile, and finishes what is done.
    fn leave(self: &Arc<Self>, mut state: Holding<'_, State>, mut done: Done) {
        while let Some((kept, notes)) = state.give_back() {
            state = kept;
            state.note(notes);
            state.serve(self, &mut done);
        }
        done.finish();
    }

    /// Something was reported: acts on it, or leaves it to whoever holds the lock.
    fn reported(self: &Arc<Self>, note: u32) {
        if let Some(mut state) = self.state.lock_or_note(note) {
            let mut done = Done::default();
            state.note(note);
            state.serve(self, &mut done);
            self.leave(state, done);
        }
    }

    fn close(self: &Arc<Self>) {
        // The parent's lock may be held for ever.
        if self.forks != sys::forks() {
            return;
        }
        let (phase, accepts) = self.with(|state, _| {
            let has_listened = match state.phase {
                Phase::New => false,
                Phase::Listening(_) => true,
                Phase::Closed { has_listened } => has_listened,
            };
            let phase = mem::replace(&mut state.phase, Phase::Closed { has_listened });
            (phase, mem::take(&mut state.accepts))
        });
        if let Phase::Listening(listening) = phase {
            listening.acceptor.close();
        }
        for operation in accepts {
            operation.finish(Err(Error::Closed));
        }
    }
}

impl Watcher for Inner {
    fn ready(self: Arc<Self>, _readiness: Readiness) {
        self.reported(READY);
    }

    fn runtime_closed(self: Arc<Self>) {
        self.close();
    }
}

impl Expire for Inner {
    fn expired(self: Arc<Self>) {
        self.reported(PAUSED_ENOUGH);
    }
}

impl Cancel for Inner {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        self.with(|state, done| {
            if let Some(operation) = state.accepts.remove(id) {
                done.add(operation, Err(error));
            }
        });
    }
}

/// Connections have come.
const READY: u32 = 1;
/// The pause is over.
const PAUSED_ENOUGH: u32 = 2;

impl State {
    fn listen(&mut self, inner: &Arc<Inner>) -> Result<(), Error> {
        match self.phase {
            Phase::New => {}
            Phase::Listening(_) | Phase::Closed { has_listened: true } => return Err(Error::State),
            Phase::Closed { has_listened: false } => return Err(Error::Closed),
        }
        let runtime = self.runtime.clone().unwrap_or_else(Runtime::global).unowned();
        let mut acceptor = match &self.local {
            Addr::Inet(addr) => Acceptor::tcp_with((*addr).into(), self.nodelay, self.keepalive)?,
            Addr::Inet6(addr) => Acceptor::tcp_with((*addr).into(), self.nodelay, self.keepalive)?,
            Addr::Ipc(path) => Acceptor::path(path, self.permissions)?,
            Addr::Abstract(name) => Acceptor::abstract_name(name)?,
            Addr::Unspecified => return Err(Error::AddressInvalid),
        };
        acceptor.attach(&runtime, inner.clone())?;
        self.local = acceptor.local_addr().clone();
        let layer = self.layer.clone();
        self.phase =
            Phase::Listening(Listening { acceptor, runtime, layer, can_accept: true, pause: None });
        Ok(())
    }

    /// Serves a new operation, or lets it wait.
    fn submit(&mut self, inner: &Arc<Inner>, mut operation: Operation, done: &mut Done) {
        let listening = match &mut self.phase {
            Phase::New => return done.add(operation, Err(Error::State)),
            Phase::Closed { .. } => return done.add(operation, Err(Error::Closed)),
            Phase::Listening(listening) => listening,
        };
        if self.accepts.is_empty()
            && let Some(result) = listening.attempt(inner, &mut operation)
        {
            return done.add(operation, result);
        }
        let armed = listening.acceptor.watch().and_then(|()| operation.arm(inner));
        match armed {
            Ok(()) => self.accepts.push(operation),
            Err(error) => done.add(operation, Err(error)),
        }
    }

    fn note(&mut self, notes: u32) {
        if let Phase::Listening(listening) = &mut self.phase {
            listening.can_accept |= notes & READY != 0;
            if notes & PAUSED_ENOUGH != 0 {
                listening.pause = None;
            }
        }
    }

    /// Serves those who wait as long as there are connections.
    fn serve(&mut self, inner: &Arc<Inner>, done: &mut Done) {
        let Phase::Listening(listening) = &mut self.phase else { return };
        while let Some(first) = self.accepts.first_mut() {
            let Some(result) = listening.attempt(inner, first) else { return };
            if let Some(first) = self.accepts.pop() {
                done.add(first, result);
            }
        }
    }

    fn check_tcp(&self) -> Result<(), Error> {
        self.local.port().map(|_| ()).ok_or(Error::NotSupported)
    }
}

impl Listening {
    /// Makes one attempt. `None` if there is nothing to be had now.
    fn attempt(
        &mut self,
        inner: &Arc<Inner>,
        operation: &mut Operation,
    ) -> Option<Result<usize, Error>> {
        if !self.can_accept || self.pause.is_some() {
            return None;
        }
        let accepted = self.acceptor.try_accept();
        let carrier =
            accepted.and_then(|socket| Carrier::new(socket, self.layer.as_ref(), &self.runtime));
        match carrier.and_then(|carrier| Stream::over(carrier, &self.runtime)) {
            Ok(stream) => Some(operation.set_output(0, Box::new(stream)).map(|()| 0)),
            Err(Error::Again) => {
                self.can_accept = false;
                None
            }
            Err(error) => {
                let target: Arc<dyn Expire> = inner.clone();
                let timer = self.runtime.timer(Arc::downgrade(&target));
                timer.set_after(PAUSE);
                self.pause = Some(timer);
                Some(Err(error))
            }
        }
    }
}
