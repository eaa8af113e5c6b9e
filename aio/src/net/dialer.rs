//! Makes connections for those who ask for them; each attempt is in `dial.rs`.

use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use slab::Slab;

use super::addr::{AbstractName, Addr, IpcPath};
use super::dial::Dial;
use super::layer::{Carrier, MakeLayer};
use super::resolve::{Family, Query, Resolver};
use super::socket::Socket;
use super::stream::Stream;
use crate::modelled::Mutex;
use crate::sys;
use crate::{Aio, Error, Operation, Runtime};

/// Makes connections to one address, any number at a time, as [`Stream`](super::Stream)s.
///
/// Connections are independent of the dialer and may outlive it. Dropping it closes it.
pub struct Dialer {
    inner: Arc<Inner>,
}

/// What a dialer and its dials share.
pub(super) struct Inner {
    target: Target,
    resolver: Resolver,
    /// Whose connections it makes; `None` for the global runtime.
    runtime: Option<Runtime>,
    /// What lies between a connection and its stream.
    layer: Option<MakeLayer>,
    state: Mutex<State>,
    /// The number of forks when it was made: in a child it is the parent's.
    forks: u32,
}

/// Where to connect.
pub(super) enum Target {
    /// At this address.
    Addr(Addr),
    /// At the addresses of a name, asked for anew each time.
    Tcp { host: String, port: String, family: Family },
}

/// Everything of a dialer that changes, under its lock. It is a leaf: dials take it under theirs.
struct State {
    is_closed: bool,
    options: Options,
    /// Those under way.
    dials: Slab<Arc<Dial>>,
}

/// What connections get, as set when their dial began.
#[derive(Clone)]
pub(super) struct Options {
    /// Where to connect from.
    pub(super) local: Addr,
    pub(super) nodelay: bool,
    pub(super) keepalive: bool,
}

impl Dialer {
    /// A dialer for an address.
    ///
    /// # Errors
    /// `AddressInvalid` for an address that is unspecified.
    pub fn new(addr: Addr) -> Result<Self, Error> {
        if addr == Addr::Unspecified {
            return Err(Error::AddressInvalid);
        }
        Ok(Self::with_target(Target::Addr(addr)))
    }

    /// A dialer for TCP. Each dial resolves the name anew and tries its addresses in order; `port` is
    /// a number or the name of a service. Whether they make sense turns out when dialing.
    ///
    /// # Errors
    /// `AddressInvalid` if host or port is empty.
    pub fn tcp(host: &str, port: &str, family: Family) -> Result<Self, Error> {
        if host.is_empty() || port.is_empty() {
            return Err(Error::AddressInvalid);
        }
        let (host, port) = (host.to_owned(), port.to_owned());
        Ok(Self::with_target(Target::Tcp { host, port, family }))
    }

    /// A dialer for a path in the file system, taken literally.
    ///
    /// # Errors
    /// `AddressInvalid` for a path that is empty, longer than 107 bytes or has a NUL.
    pub fn ipc(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(Addr::Ipc(IpcPath::new(path)?))
    }

    /// A dialer for a name in Linux' abstract namespace.
    ///
    /// # Errors
    /// `AddressInvalid` for a name longer than 107 bytes. That nobody listens at the empty name turns
    /// out when dialing.
    pub fn abstract_name(name: &[u8]) -> Result<Self, Error> {
        Self::new(Addr::Abstract(AbstractName::new(name)?))
    }

    /// Has what `make` makes between each connection and its stream.
    ///
    /// # Panics
    /// If a dial is under way.
    #[must_use]
    pub fn with_layer(mut self, make: MakeLayer) -> Self {
        self.before_use().layer = Some(make);
        self
    }

    fn with_target(target: Target) -> Self {
        sys::count_forks();
        let options = Options { local: Addr::Unspecified, nodelay: true, keepalive: false };
        let state = State { is_closed: false, options, dials: Slab::new() };
        let inner = Inner {
            target,
            resolver: Resolver::default(),
            runtime: None,
            layer: None,
            state: Mutex::new(state),
            forks: sys::forks(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Puts it and its connections on `runtime` instead of the global one.
    ///
    /// # Panics
    /// If a dial is under way.
    #[must_use]
    pub fn on(mut self, runtime: &Runtime) -> Self {
        self.before_use().runtime = Some(runtime.unowned());
        self
    }

    /// Resolves names by `resolver` instead of the system.
    ///
    /// # Panics
    /// If a dial is under way.
    #[must_use]
    pub fn with_resolver(mut self, resolver: &Resolver) -> Self {
        self.before_use().resolver = resolver.clone();
        self
    }

    /// A dialer that has begun nothing is its own only owner; any other has no use for the change.
    fn before_use(&mut self) -> &mut Inner {
        Arc::get_mut(&mut self.inner).expect("a dialer is set up before it dials")
    }

    /// Connects. Output 0 of the aio is the [`Stream`](super::Stream).
    ///
    /// Dials are independent of each other. Each tries the addresses in order, IPv4 and IPv6 by
    /// turns, the next one also if one has not answered after a quarter of a second. The first that
    /// answers wins; if none does, what the last one said is reported. A Unix listener whose backlog is full is asked again until there is room
    /// or the aio's timeout ends the dial.
    ///
    /// # Errors
    /// In the aio: `ConnectionRefused` if nobody listens, also for a path that does not exist;
    /// `Unreachable`; `AddressInvalid` for a name that cannot be resolved, an empty abstract name,
    /// or a local address that is not this machine's; `NotSupported` or `Invalid` for one of the
    /// other family; `Permission`; `NoFiles`; `Closed`; `TimedOut` and what the operation was
    /// aborted with; what else the system or the resolver answers.
    ///
    /// # Panics
    /// If it lives on the global runtime and that cannot begin.
    pub fn dial(&self, aio: &Aio) {
        let Ok(operation) = aio.begin() else { return };
        let layer = self.inner.layer.clone();
        self.dial_with(operation, move |socket, runtime| {
            Stream::over(Carrier::new(socket, layer.as_ref(), runtime)?, runtime)
        });
    }

    /// As [`dial`](Self::dial), for providers that make something else than a stream of a connection:
    /// output 0 is what `convert` makes of it.
    ///
    /// # Context
    /// `convert` runs with no lock held, on this thread or on one of the runtime's, and must not
    /// block.
    pub fn dial_with<T, F>(&self, operation: Operation, convert: F)
    where
        T: Send + 'static,
        F: FnOnce(Socket, &Runtime) -> Result<T, Error> + Send + 'static,
    {
        let convert = Box::new(|socket, runtime: &Runtime| {
            convert(socket, runtime).map(|made| Box::new(made) as Box<dyn Any + Send>)
        });
        let runtime = self.inner.runtime.clone().unwrap_or_else(Runtime::global).unowned();
        match self.inner.admit(&runtime) {
            Ok(dial) => dial.begin(operation, self.inner.addrs(), convert),
            Err(error) => operation.finish(Err(error)),
        }
    }

    /// Ends every dial under way with `Closed` and begins no more. Connections that were made stay.
    /// Repeating it does no harm.
    ///
    /// # Context
    /// Does not wait for callbacks.
    pub fn close(&self) {
        // The parent's lock may be held for ever.
        if self.inner.forks != sys::forks() {
            return;
        }
        let mut state = self.inner.state.lock();
        state.is_closed = true;
        let dials = std::mem::take(&mut state.dials);
        drop(state);
        for (_, dial) in dials {
            dial.end(Err(Error::Closed));
        }
    }

    /// The address to connect from, `Unspecified` by default.
    pub fn local_addr(&self) -> Addr {
        self.inner.state.lock().options.local.clone()
    }

    /// Sets the address to connect from, for dials from now on.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP; `Closed`; `AddressInvalid` unless it is IPv4 or IPv6 with
    /// port 0. Whether it is this machine's turns out when dialing.
    pub fn set_local_addr(&self, addr: &Addr) -> Result<(), Error> {
        self.inner.change(|state| {
            if state.is_closed {
                return Err(Error::Closed);
            }
            if addr.port() != Some(0) {
                return Err(Error::AddressInvalid);
            }
            state.options.local = addr.clone();
            Ok(())
        })
    }

    /// Whether connections send small pieces at once (`TCP_NODELAY`); true by default.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn nodelay(&self) -> Result<bool, Error> {
        self.inner.change(|state| Ok(state.options.nodelay))
    }

    /// Sets whether connections dialed from now on send small pieces at once.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn set_nodelay(&self, is_on: bool) -> Result<(), Error> {
        self.inner.change(|state| {
            state.options.nodelay = is_on;
            Ok(())
        })
    }

    /// Whether connections probe silent peers (`SO_KEEPALIVE`); false by default.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn keepalive(&self) -> Result<bool, Error> {
        self.inner.change(|state| Ok(state.options.keepalive))
    }

    /// Sets whether connections dialed from now on probe silent peers.
    ///
    /// # Errors
    /// `NotSupported` unless it is TCP.
    pub fn set_keepalive(&self, is_on: bool) -> Result<(), Error> {
        self.inner.change(|state| {
            state.options.keepalive = is_on;
            Ok(())
        })
    }
}

impl Drop for Dialer {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Dialer");
        match &self.inner.target {
            Target::Addr(addr) => out.field("addr", addr),
            Target::Tcp { host, port, .. } => out.field("host", host).field("port", port),
        };
        out.finish_non_exhaustive()
    }
}

impl Inner {
    /// Enters a new dial among those under way.
    fn admit(self: &Arc<Self>, runtime: &Runtime) -> Result<Arc<Dial>, Error> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Error::Closed);
        }
        let options = state.options.clone();
        let entry = state.dials.vacant_entry();
        let dial = Arc::new(Dial::new(Arc::clone(self), entry.key(), runtime, options));
        entry.insert(Arc::clone(&dial));
        Ok(dial)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Forgets a dial that has ended.
    pub(super) fn dismiss(&self, place: usize) {
        let mut state = self.state.lock();
        // After a close they are forgotten already.
        let dial = if state.is_closed { None } else { state.dials.try_remove(place) };
        drop(state);
        drop(dial);
    }

    /// The addresses to try, as far as they are known without asking; `None` if they are not.
    fn addrs(&self) -> Option<Result<Vec<Addr>, Error>> {
        match &self.target {
            Target::Addr(Addr::Abstract(name)) if name.as_bytes().is_empty() => {
                Some(Err(Error::AddressInvalid))
            }
            Target::Addr(addr) => Some(Ok(vec![addr.clone()])),
            Target::Tcp { .. } => self.query().and_then(|query| query.known()),
        }
    }

    fn query(&self) -> Option<Query<'_>> {
        match &self.target {
            Target::Addr(_) => None,
            Target::Tcp { host, port, family } => {
                Some(Query { host: Some(host), port, family: *family, passive: false })
            }
        }
    }

    /// Starts to ask for the addresses.
    pub(super) fn resolve(&self, aio: &Aio) {
        if let Some(query) = self.query() {
            self.resolver.resolve(&query, aio);
        }
    }

    fn change<R>(&self, act: impl FnOnce(&mut State) -> Result<R, Error>) -> Result<R, Error> {
        match &self.target {
            Target::Addr(Addr::Inet(_) | Addr::Inet6(_)) | Target::Tcp { .. } => {
                act(&mut self.state.lock())
            }
            Target::Addr(Addr::Ipc(_) | Addr::Abstract(_) | Addr::Unspecified) => {
                Err(Error::NotSupported)
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn a_dial_that_a_close_overtakes_ends() {
        let runtime = Runtime::builder().host_driven().build().unwrap();
        // Nobody listens there, but that is not to be found out.
        let addr = Addr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let dialer = Dialer::new(addr).unwrap().on(&runtime);
        let aio = runtime.aio_without_callback();
        let operation = aio.begin().unwrap();
        let dial = dialer.inner.admit(&runtime.unowned()).unwrap();
        dialer.close();
        dial.begin(operation, dialer.inner.addrs(), Box::new(|_, _| Err(Error::Internal)));
        assert_eq!(aio.outcome(), Err(Error::Closed));
        assert!(!aio.is_busy());
    }
}
