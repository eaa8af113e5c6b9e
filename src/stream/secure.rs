//! TLS for the streams of a dialer or a listener.

use std::path::Path;
use std::sync::Arc;

use nng_aio::net::{Layer, MakeLayer, Socket};
use nng_aio::sync::Mutex;
use nng_aio::{Error, Runtime};

use crate::tls::{AuthMode, Channel, Config, Mode, Secured};

/// The configuration that streams which begin later use. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    config: Arc<Mutex<Config>>,
}

impl Secure {
    /// With a configuration in which nothing is set.
    pub(super) fn new(mode: Mode) -> Self {
        Self { config: Arc::new(Mutex::new(Config::new(mode))) }
    }

    pub(super) fn config(&self) -> Config {
        self.config.lock().clone()
    }

    /// Takes another configuration.
    ///
    /// # Errors
    /// `Invalid` if it is for the other side.
    pub(super) fn set_config(&self, config: Config) -> Result<(), Error> {
        if config.mode() != self.config().mode() {
            return Err(Error::Invalid);
        }
        let old = std::mem::replace(&mut *self.config.lock(), config);
        drop(old);
        Ok(())
    }

    /// Something is about to use it.
    pub(super) fn freeze(&self) {
        let config = self.config();
        // What is wrong with it is told by whatever uses it.
        let _ = config.freeze();
        config.remark();
    }

    /// What lies between connections and their streams: each has the configuration that is set when it
    /// is made.
    pub(super) fn layer(&self) -> MakeLayer {
        let secure = self.clone();
        Arc::new(move |socket, runtime| layer(socket, &secure.config(), "", runtime))
    }

    /// What lies between a connection to `host` and its stream, with the configuration of now.
    pub(super) fn layer_of_now(
        &self,
        host: &str,
    ) -> impl FnOnce(Socket, &Runtime) -> Result<Box<dyn Layer>, Error> + Send + use<> {
        let (config, host) = (self.config(), host.to_owned());
        // What is wrong with it is told by whatever uses it.
        let _ = config.freeze();
        move |socket, runtime| layer(socket, &config, &host, runtime)
    }

    pub(super) fn set_auth_mode(&self, number: i32) -> Result<(), Error> {
        self.config().set_auth_mode(AuthMode::from_number(number)?)
    }

    pub(super) fn set_server_name(&self, name: &str) -> Result<(), Error> {
        self.config().set_server_name(name)
    }

    pub(super) fn add_ca_file(&self, path: &str) -> Result<(), Error> {
        self.config().add_ca_file(Path::new(path))
    }

    pub(super) fn add_cert_key_file(&self, path: &str) -> Result<(), Error> {
        self.config().add_cert_key_file(Path::new(path), None)
    }
}

fn layer(
    socket: Socket,
    config: &Config,
    host: &str,
    runtime: &Runtime,
) -> Result<Box<dyn Layer>, Error> {
    let channel = Channel::new(socket, config, host)?;
    Ok(Box::new(Secured::new(channel, runtime)))
}
