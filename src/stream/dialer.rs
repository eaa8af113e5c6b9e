//! Makes connections to where a URL says.

use nng_aio::net;
use nng_aio::{Aio, Error, Runtime};

use super::Stream;
use super::options;
use super::secure::Secure;
use super::target::Target;
use crate::Url;
use crate::option::{Options, Value};
use crate::tls::{Config, Mode};

/// Makes connections to where a URL says, any number at a time.
///
/// Connections are independent of the dialer and may outlive it. Dropping it closes it.
/// [`Options`] has `local-address`, `tcp-nodelay` and `tcp-keepalive` for TCP; for TLS also `tls-config`,
/// and `tls-authmode`, `tls-ca-file`, `tls-cert-key-file` and `tls-server-name`, which are set in that
/// configuration. With TLS a connection is made when the TCP connection is; the handshake is part of the
/// first operations of the stream. Unless it is set, the name of the server is that of the URL.
///
/// ```
/// use nng_aio::Aio;
/// use nng_oxide::stream::{Dialer, Listener, Stream};
///
/// let listener = Listener::new(&"tcp://127.0.0.1:0".parse()?)?;
/// listener.listen()?;
///
/// let dialer = Dialer::new(&format!("tcp://{}", listener.local_addr()).parse()?)?;
/// let aio = Aio::without_callback();
/// dialer.dial(&aio);
/// aio.wait();
/// aio.outcome()?;
/// let stream: Stream = aio.take_output(0).expect("it is connected");
/// assert_eq!(stream.remote_addr(), listener.local_addr());
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_stream_dialer_alloc(3str) and the pages beside it.
#[derive(Debug)]
pub struct Dialer {
    is_tcp: bool,
    /// With TLS, also the name of the host, which is the server's unless another is set.
    secure: Option<(Secure, String)>,
    pub(super) dialer: net::Dialer,
}

impl Dialer {
    /// A dialer for a URL. A host is looked up anew by each dial; whether it and the port make sense
    /// turns out then. What else a URL for TCP holds is ignored.
    ///
    /// # Errors
    /// `NotSupported` for a scheme that carries no streams; `AddressInvalid` for TCP without a host
    /// or a port, a path that is empty or longer than 107 bytes, an abstract name with a malformed
    /// escape or longer than 107 bytes.
    pub fn new(url: &Url) -> Result<Self, Error> {
        let target = Target::of(url)?;
        let is_tcp = target.is_tcp();
        let (dialer, secure) = match target {
            Target::Tcp { host, port, family, is_secure } => {
                let dialer = net::Dialer::tcp(host, port, family)?;
                let secure = is_secure.then(|| (Secure::new(Mode::Client), host.to_owned()));
                (dialer, secure)
            }
            Target::Unix(addr) => (net::Dialer::new(addr)?, None),
        };
        Ok(Self { is_tcp, secure, dialer })
    }

    /// Puts it and its connections on `runtime` instead of the global one.
    #[must_use]
    pub fn on(self, runtime: &Runtime) -> Self {
        Self { dialer: self.dialer.on(runtime), ..self }
    }

    /// Connects. Output 0 of the aio is the [`Stream`](super::Stream).
    ///
    /// Dials are independent of each other. Each uses the configuration of TLS that is set as it begins.
    ///
    /// # Errors
    /// In the aio: as [`net::Dialer::dial`].
    /// # Panics
    /// If it lives on the global runtime and that cannot begin.
    /// # Source
    /// nng 1.12, nng_stream_dialer_dial(3str).
    pub fn dial(&self, aio: &Aio) {
        let Some((secure, host)) = &self.secure else {
            self.dialer.dial(aio);
            return;
        };
        let Ok(operation) = aio.begin() else { return };
        let make = secure.layer_of_now(host);
        self.dialer.dial_with(operation, move |socket, runtime| {
            Stream::from_layer(make(socket, runtime)?, runtime)
        });
    }

    /// Ends every dial under way with `Closed` and begins no more. Connections that were made stay.
    ///
    /// # Context
    /// Does not wait for callbacks.
    pub fn close(&self) {
        self.dialer.close();
    }

    /// The configuration of TLS, if its scheme begins with `tls+`.
    ///
    /// # Errors
    /// `NotSupported` for other schemes.
    pub fn tls(&self) -> Result<Config, Error> {
        self.secure().map(Secure::config)
    }

    /// Sets the configuration of TLS for dials that are begun from now on.
    ///
    /// # Errors
    /// `NotSupported` if it has none; `Invalid` for the configuration of a server.
    pub fn set_tls(&self, config: &Config) -> Result<(), Error> {
        self.secure()?.set_config(config.clone())
    }

    pub(super) fn secure(&self) -> Result<&Secure, Error> {
        self.secure.as_ref().map(|(secure, _)| secure).ok_or(Error::NotSupported)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure.is_some()
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.is_tcp
    }
}

impl Options for Dialer {
    fn option(&self, name: &str) -> Result<Value, Error> {
        crate::option::get(options::DIALER, self, name)
    }

    fn set_option(&self, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        crate::option::set(options::DIALER, self, name, value.into())
    }
}
