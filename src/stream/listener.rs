//! Takes connections where a URL says.

use nng_aio::net::{self, Addr};
use nng_aio::{Aio, Error, Runtime};

use super::options;
use super::secure::Secure;
use super::target::Target;
use crate::Url;
use crate::option::{Options, Value};
use crate::tls::{Config, Mode};

/// Listens where a URL says and hands out connections.
///
/// Connections are independent of the listener and may outlive it. Dropping it closes it.
/// [`Options`] has `local-address`; for TCP `tcp-nodelay`, `tcp-keepalive` and `tcp-bound-port`; for
/// Unix sockets `ipc:permissions`; for TLS also `tls-config`, and `tls-authmode`, `tls-ca-file`,
/// `tls-cert-key-file` and `tls-server-name`, which are set in that configuration. With TLS a connection
/// is accepted when the TCP connection is; the handshake is part of the first operations of the stream.
///
/// # Source
/// nng 1.12, nng_stream_listener_alloc(3str) and the pages beside it.
#[derive(Debug)]
pub struct Listener {
    is_tcp: bool,
    secure: Option<Secure>,
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
        let (listener, secure) = match target {
            Target::Tcp { host, port, family, is_secure } => {
                let listener = net::Listener::tcp(host, port, family)?;
                let secure = is_secure.then(|| Secure::new(Mode::Server));
                match &secure {
                    Some(secure) => (listener.with_layer(secure.layer()), Some(secure.clone())),
                    None => (listener, None),
                }
            }
            Target::Unix(addr) => (net::Listener::new(addr)?, None),
        };
        Ok(Self { is_tcp, secure, listener })
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
        if let Some(secure) = &self.secure {
            secure.freeze();
        }
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

    /// The configuration of TLS, if its scheme begins with `tls+`.
    ///
    /// # Errors
    /// `NotSupported` for other schemes.
    pub fn tls(&self) -> Result<Config, Error> {
        self.secure().map(Secure::config)
    }

    /// Sets the configuration of TLS for connections that are accepted from now on.
    ///
    /// # Errors
    /// `NotSupported` if it has none; `Invalid` for the configuration of a client.
    pub fn set_tls(&self, config: &Config) -> Result<(), Error> {
        self.secure()?.set_config(config.clone())
    }

    pub(super) fn secure(&self) -> Result<&Secure, Error> {
        self.secure.as_ref().ok_or(Error::NotSupported)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure.is_some()
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
