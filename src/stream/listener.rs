//! Takes connections where a URL says.

use nng_aio::net::{self, Addr};
use nng_aio::{Aio, Error, Runtime};

use super::options;
use super::target::Target;
use crate::Url;
use crate::option::{Options, Value};

/// Listens where a URL says and hands out connections.
///
/// Connections are independent of the listener and may outlive it. Dropping it closes it.
/// [`Options`] has `local-address`; for TCP `tcp-nodelay`, `tcp-keepalive` and `tcp-bound-port`; for
/// Unix sockets `ipc:permissions`.
///
/// # Source
/// nng 1.12, nng_stream_listener_alloc(3str) and the pages beside it.
#[derive(Debug)]
pub struct Listener {
    is_tcp: bool,
    pub(super) listener: net::Listener,
}

impl Listener {
    /// A listener for a URL. An empty host is all interfaces, an empty port or 0 any port. What else
    /// a URL for TCP holds is ignored.
    ///
    /// # Errors
    /// `NotSupported` for a scheme that carries no streams; `AddressInvalid` for TCP without host and
    /// port, a host or port that is unknown, a path that is empty or longer than 107 bytes, an
    /// abstract name with a malformed escape or longer than 107 bytes.
    /// # Context
    /// Blocks while the system looks up a name.
    pub fn new(url: &Url) -> Result<Self, Error> {
        let target = Target::of(url)?;
        let is_tcp = target.is_tcp();
        let listener = match target {
            Target::Tcp { host, port, family } => net::Listener::tcp(host, port, family)?,
            Target::Unix(addr) => net::Listener::new(addr)?,
        };
        Ok(Self { is_tcp, listener })
    }

    /// Puts it and its connections on `runtime` instead of the global one, if it does not listen yet.
    #[must_use]
    pub fn on(self, runtime: &Runtime) -> Self {
        Self { listener: self.listener.on(runtime), ..self }
    }

    /// Binds and listens: from now on connections wait to be accepted.
    ///
    /// # Errors
    /// As [`net::Listener::listen`].
    /// # Panics
    /// If it lives on the global runtime and that cannot begin.
    /// # Source
    /// nng 1.12, nng_stream_listener_listen(3str).
    pub fn listen(&self) -> Result<(), Error> {
        self.listener.listen()
    }

    /// Accepts a connection. Output 0 of the aio is the [`Stream`](super::Stream).
    ///
    /// # Errors
    /// In the aio: as [`net::Listener::accept`].
    /// # Source
    /// nng 1.12, nng_stream_listener_accept(3str).
    pub fn accept(&self, aio: &Aio) {
        self.listener.accept(aio);
    }

    /// Stops listening. Operations that wait end with `Closed`.
    ///
    /// # Context
    /// Does not wait for callbacks.
    pub fn close(&self) {
        self.listener.close();
    }

    /// The address; of TCP, `Unspecified` before it listens.
    pub fn local_addr(&self) -> Addr {
        self.listener.local_addr()
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.is_tcp
    }
}

impl Options for Listener {
    fn option(&self, name: &str) -> Result<Value, Error> {
        crate::option::get(options::LISTENER, self, name)
    }

    fn set_option(&self, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        crate::option::set(options::LISTENER, self, name, value.into())
    }
}
