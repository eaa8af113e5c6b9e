//! The public handle of a server.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use nng_aio::net::{Addr, Socket};
use nng_aio::{Aio, Error, Runtime};

use super::access::AccessHook;
use super::config::ServerConfig;
use super::core::ServerStats;
use super::handler::Handler;
use super::owner::Owner;
use super::session::Session;
use super::{endpoint, registry};
use crate::Url;
use crate::http::Response;
use crate::tls;

/// An HTTP server. Clones are the same server; when the last one goes, it stops.
///
/// ```
/// use nng_oxide::Url;
/// use nng_oxide::http::{Handler, Server};
///
/// let url: Url = "http://127.0.0.1:0".parse()?;
/// let server = Server::hold(&url)?;
/// server.add_handler(&Handler::fixed("/hello", "Hello, World!", Some("text/plain"))?)?;
/// server.start()?;
/// assert_ne!(server.addr().port(), Some(0));
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_http_server_hold(3http) and the pages beside it.
#[derive(Clone)]
pub struct Server {
    owner: Arc<Owner>,
}

impl Server {
    /// Returns the server of the process for the host and port of `url`, which is made unless
    /// somebody holds one already. It lives on the [global runtime](Runtime::global).
    ///
    /// The schemes are `http` and `ws`, which name the same server, `https` and `wss`, which name
    /// another one that speaks TLS, and all of them with `4` or `6` appended for one IP version. An empty host is all interfaces. Hosts are compared as they are
    /// spelled. Once a server has started it is known by its real port, and once it has stopped it
    /// is not found any more.
    ///
    /// # Errors
    /// `AddressInvalid` for other schemes, an unknown host or a bad port.
    /// # Panics
    /// If the global runtime cannot begin.
    /// # Context
    /// Blocks while the system looks up a name.
    /// # Source
    /// nng 1.12, nng_http_server_hold(3http).
    pub fn hold(url: &Url) -> Result<Self, Error> {
        let owner = registry::hold(endpoint::Key::new(url)?, || {
            let endpoint = endpoint::resolve(url)?;
            Ok(Owner::new(&Runtime::global(), endpoint, ServerConfig::default()))
        })?;
        Ok(Self { owner })
    }

    /// A server of the caller's own with other limits and timeouts, on the global runtime.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    /// # Panics
    /// If the global runtime cannot begin.
    /// # Context
    /// Blocks while the system looks up a name.
    pub fn with_config(url: &Url, config: ServerConfig) -> Result<Self, Error> {
        Self::on(&Runtime::global(), url, config)
    }

    /// A server of the caller's own on a runtime of the caller's, which it does not keep going.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    /// # Context
    /// Blocks while the system looks up a name.
    pub fn on(runtime: &Runtime, url: &Url, config: ServerConfig) -> Result<Self, Error> {
        let endpoint = endpoint::resolve(url)?;
        Ok(Self { owner: Arc::new(Owner::new(runtime, endpoint, config)) })
    }

    /// Begins to listen. If it listens already, one more [`stop`](Self::stop) is needed to end it.
    ///
    /// # Errors
    /// `AddressInUse` and whatever else the system says, after which it can be tried again; `State`
    /// once the server has stopped; `Closed` if the runtime has ended; `Crypto` if what was set for TLS
    /// cannot be used together. A server with TLS but without a certificate starts, and says so in the
    /// [log](nng_aio::log).
    /// # Context
    /// Does not block.
    /// # Source
    /// nng 1.12, nng_http_server_start(3http).
    pub fn start(&self) -> Result<(), Error> {
        self.owner.start()
    }

    /// Undoes one [`start`](Self::start). With the last one the server ends for good: it refuses
    /// new connections and closes those that are open, finished or not. On a server that does not
    /// run it does nothing.
    ///
    /// # Context
    /// Does not wait: handlers may still be running. Cancel functions that they have armed run on
    /// this thread.
    /// # Source
    /// nng 1.12, nng_http_server_stop(3http).
    pub fn stop(&self) {
        self.owner.stop();
    }

    /// Ends the server gently, however often it was started: it refuses new connections, closes those on
    /// which nothing is under way, answers what is with `Connection: close`, and lets handlers take
    /// their time. The operation ends with success when the last connection has closed.
    ///
    /// Records of the [last exchanges](Self::set_access_log) have been delivered by then, so the hook must
    /// not wait for that end.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nng_oxide::http::Server;
    /// use nng_oxide::{Aio, Error, Url};
    ///
    /// let server = Server::hold(&Url::parse("http://127.0.0.1:0")?)?;
    /// server.start()?;
    /// // Later, at the end of `main`:
    /// let ended = Aio::without_callback();
    /// ended.set_timeout(Duration::from_secs(5));
    /// server.drain(&ended);
    /// ended.wait();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// The time for all that is the aio's: when its timeout comes or it is cancelled, what is left is
    /// closed as by [`stop`](Self::stop). Connections that handlers have taken over do not count.
    ///
    /// # Errors
    /// In the aio: `NNG_ETIMEDOUT`, also for a timeout of zero; `NNG_ECANCELED`; what an abort says.
    /// # Context
    /// Does not block.
    pub fn drain(&self, aio: &Aio) {
        if let Ok(operation) = aio.begin() {
            self.owner.drain(operation);
        }
    }

    /// Serves a connection that was made elsewhere, as if it had been accepted, with TLS if that is the
    /// server's: one that a service manager hands over, or one end of a pair. The server need not listen
    /// for it, and its limit on connections does not hold it back.
    ///
    /// # Errors
    /// `Closed` once the server has stopped or the runtime ended; what the selector says if it takes
    /// no more.
    pub fn admit(&self, socket: Socket) -> Result<(), Error> {
        let core = self.owner.core();
        Session::begin(core, core.transport(socket)?)
    }

    /// Gives `handler` every request from now on that fits its path, method and host.
    ///
    /// Of several that fit, one with a host comes before one without, and then one with a method
    /// before one without.
    ///
    /// # Errors
    /// `Invalid` if its path is neither empty nor begins with a slash; `AddressInUse` if a handler
    /// with the same path, method and host is there, itself included, or one of the two has its tree
    /// [for itself](Handler::set_tree_exclusive), as directories do; `Busy` if another server has
    /// it.
    /// # Source
    /// nng 1.12, nng_http_server_add_handler(3http).
    pub fn add_handler(&self, handler: &Handler) -> Result<(), Error> {
        self.owner.core().routes().add(handler)
    }

    /// Gives `handler` no further requests; it is free then to be changed, or added elsewhere. Those
    /// that it has been given go on.
    ///
    /// # Errors
    /// `NotFound` if this server does not have it.
    /// # Source
    /// nng 1.12, nng_http_server_del_handler(3http).
    pub fn del_handler(&self, handler: &Handler) -> Result<(), Error> {
        self.owner.core().routes().remove(handler)
    }

    /// Says by `config` who a server with TLS is and whom it trusts: its certificate, above all, without
    /// which no handshake succeeds. It takes the place of the one before, also while the server runs:
    /// connections that are accepted later use it, and those that are open go on. The address of the
    /// server begins with `https://`.
    ///
    /// ```no_run
    /// use nng_oxide::http::Server;
    /// use nng_oxide::tls::{Config, Mode};
    /// use nng_oxide::{Error, Url};
    ///
    /// let server = Server::hold(&Url::parse("https://127.0.0.1:8443")?)?;
    /// let tls = Config::new(Mode::Server);
    /// tls.add_cert_key_file("/etc/ssl/own.pem", None)?; // certificates and key, one behind the other
    /// server.set_tls(&tls)?;
    /// server.start()?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// Handshakes that fail are recorded in the [log](nng_aio::log).
    ///
    /// # Errors
    /// `NotSupported` if the server does not speak TLS; `Invalid` for the configuration of a client.
    /// # Source
    /// nng 1.12, nng_http_server_set_tls(3http).
    pub fn set_tls(&self, config: &tls::Config) -> Result<(), Error> {
        self.owner.core().set_tls(config.clone())
    }

    /// Returns the configuration of a server with TLS. A new server has one with nothing set.
    ///
    /// # Errors
    /// `NotSupported` if the server does not speak TLS.
    /// # Source
    /// nng 1.12, nng_http_server_get_tls(3http).
    pub fn tls(&self) -> Result<tls::Config, Error> {
        self.owner.core().tls()
    }

    /// Makes `html` the page for responses of `status` that the server makes itself, or that a
    /// handler made with [`Response::for_error`].
    ///
    /// # Source
    /// nng 1.12, nng_http_server_set_error_page(3http).
    pub fn set_error_page(&self, status: u16, html: impl AsRef<[u8]>) {
        self.owner.core().pages().set(status, html.as_ref());
    }

    /// As [`set_error_page`](Self::set_error_page), with what is in a file now. An empty file
    /// brings the built-in page back.
    ///
    /// # Errors
    /// `NotFound`, `Permission`, and whatever else the system says of the file; nothing has changed
    /// then.
    /// # Context
    /// Blocks while the file is read.
    /// # Source
    /// nng 1.12, nng_http_server_set_error_file(3http).
    pub fn set_error_file(&self, status: u16, path: impl AsRef<Path>) -> Result<(), Error> {
        self.owner.core().pages().set_from_file(status, path.as_ref())
    }

    /// Tells `hook` of each exchange from now on, when its response is out or the connection has gone;
    /// `None` of none. Connections that handlers take over are told of when that happens.
    ///
    /// # Context
    /// `hook` runs on a runtime thread with no lock held, for one exchange after the other, in order. Calls
    /// come late; one that blocks delays those behind it.
    pub fn set_access_log(&self, hook: Option<AccessHook>) {
        self.owner.core().access().set(hook);
    }

    /// Makes the page for its status the body of `response`.
    ///
    /// # Source
    /// nng 1.12, nng_http_server_res_error(3http).
    pub fn res_error(&self, response: &mut Response) {
        self.owner.core().pages().put(response);
    }

    /// The address it listens on, with the real port, also after a stop;
    /// [`Unspecified`](Addr::Unspecified) before the start.
    ///
    /// # Source
    /// nng 1.12, nng_http_server_get_addr(3http).
    pub fn addr(&self) -> Addr {
        self.owner.core().listener().local_addr()
    }

    /// What the server has done and has at this moment.
    pub fn stats(&self) -> ServerStats {
        self.owner.core().stats()
    }
}

/// Equal are handles of the same server.
impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }
}

impl Eq for Server {}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addr", &self.addr())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
