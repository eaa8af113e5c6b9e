//! Making connections: from a name to a connection that HTTP can be spoken on.

use std::sync::Arc;

use nng_aio::net::{Dialer, Resolver, Socket};
use nng_aio::{Error, Operation, Runtime};

use super::origin::Origin;
use crate::http::conn::{Conn, Settings};

/// Makes connections to one origin, any number at a time and independent of each other.
///
/// When it goes, those in the making end with `Closed`; those that were made stay.
#[derive(Debug)]
pub(super) struct Connector {
    dialer: Dialer,
    /// `None` is the global runtime.
    runtime: Option<Runtime>,
    settings: Arc<Settings>,
}

impl Connector {
    /// # Errors
    /// `NotSupported` for an origin that demands TLS.
    pub(super) fn new(origin: &Origin, settings: Arc<Settings>) -> Result<Self, Error> {
        if origin.is_secure() {
            return Err(Error::NotSupported);
        }
        let dialer = Dialer::tcp(origin.host(), origin.port(), origin.family())?;
        Ok(Self { dialer, runtime: None, settings })
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
        self.dialer.dial_with(operation, |socket, runtime| equip(socket, runtime, settings));
    }
}

/// Makes a connection of HTTP of a socket that has just been connected. What speaks TLS is set up
/// here; its handshake is the connection's first use.
fn equip(socket: Socket, runtime: &Runtime, settings: Arc<Settings>) -> Result<Conn, Error> {
    Conn::with_settings(runtime, socket, settings)
}
