//! Making connections: from a name to a connection that HTTP can be spoken on.

use std::sync::Arc;

use nng_aio::net::{Dialer, Resolver, Socket};
use nng_aio::sync::Mutex;
use nng_aio::{Error, Operation, Runtime};

use super::origin::Origin;
use crate::http::conn::{Conn, Settings, Transport};
use crate::tls::{Channel, Config, Mode};

/// Makes connections to one origin, any number at a time and independent of each other.
///
/// When it goes, those in the making end with `Closed`; those that were made stay.
#[derive(Debug)]
pub(super) struct Connector {
    dialer: Dialer,
    /// `None` is the global runtime.
    runtime: Option<Runtime>,
    settings: Arc<Settings>,
    /// Absent for an origin without TLS.
    tls: Option<Tls>,
}

/// How connections with TLS are made.
#[derive(Debug)]
struct Tls {
    /// Who has to be there.
    host: Box<str>,
    /// A leaf, held to copy a handle.
    config: Mutex<Config>,
}

impl Connector {
    /// # Errors
    /// `AddressInvalid` for an origin that cannot be dialed.
    pub(super) fn new(origin: &Origin, settings: Arc<Settings>) -> Result<Self, Error> {
        let dialer = Dialer::tcp(origin.host(), origin.port(), origin.family())?;
        let tls = origin.is_secure().then(|| Tls {
            host: origin.host().into(),
            config: Mutex::new(Config::new(Mode::Client)),
        });
        Ok(Self { dialer, runtime: None, settings, tls })
    }

    /// Makes connections by another configuration from now on.
    ///
    /// # Errors
    /// `NotSupported` if it makes them without TLS; `Invalid` for the configuration of a server.
    pub(super) fn set_tls(&self, config: &Config) -> Result<(), Error> {
        let tls = self.tls.as_ref().ok_or(Error::NotSupported)?;
        if config.mode() != Mode::Client {
            return Err(Error::Invalid);
        }
        let old = std::mem::replace(&mut *tls.config.lock(), config.clone());
        drop(old);
        Ok(())
    }

    /// Returns the configuration by which it makes connections.
    ///
    /// # Errors
    /// `NotSupported` if it makes them without TLS.
    pub(super) fn tls(&self) -> Result<Config, Error> {
        Ok(self.tls.as_ref().ok_or(Error::NotSupported)?.config.lock().clone())
    }

    /// Puts it and its connections on `runtime` instead of the global one.
    pub(super) fn on(self, runtime: &Runtime) -> Self {
        let dialer = self.dialer.on(runtime);
        Self { dialer, runtime: Some(runtime.unowned()), ..self }
    }

    /// Finds hosts by `resolver`.
    pub(super) fn with_resolver(self, resolver: &Resolver) -> Self {
        Self { dialer: self.dialer.with_resolver(resolver), ..self }
    }

    /// Returns the runtime that connections live on.
    ///
    /// # Panics
    /// If that is the global one, and it cannot begin.
    pub(super) fn runtime(&self) -> Runtime {
        self.runtime.clone().unwrap_or_else(|| Runtime::global().unowned())
    }

    /// What connections have in common, to be changed before the first of them.
    pub(super) fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Connects; output 0 of the operation is the [`Conn`].
    pub(super) fn connect(&self, operation: Operation) {
        let settings = Arc::clone(&self.settings);
        let tls = self.tls.as_ref().map(|tls| (tls.config.lock().clone(), tls.host.clone()));
        if let Some((config, _)) = &tls {
            // What is wrong with it is told by whoever uses it.
            let _ = config.freeze();
        }
        self.dialer.dial_with(operation, |socket, runtime| {
            Conn::over(runtime, equip(socket, tls)?, settings)
        });
    }
}

/// Makes what carries a connection of a socket that has just been connected. The handshake of TLS is
/// the connection's first use.
fn equip(socket: Socket, tls: Option<(Config, Box<str>)>) -> Result<Transport, Error> {
    match tls {
        None => Ok(socket.into()),
        Some((config, host)) => Channel::new(socket, &config, &host).map(Transport::from),
    }
}
