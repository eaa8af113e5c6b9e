//! The client for one URL, as NNG has it: it dials, and it asks once on a connection of its own.

use nng_aio::net::Resolver;
use nng_aio::{Aio, Error, Runtime};

use std::sync::Arc;

use super::connector::Connector;
use super::fetch::Fetch;
use super::origin::Origin;
use crate::http::conn::Settings;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::{Limits, Shared};
use crate::{Url, tls};

/// Makes HTTP connections to where a URL says, any number at a time.
///
/// It keeps none of them and follows no redirects; [`Agent`](crate::http::Agent) does. When it is
/// dropped, dials under way end with `NNG_ECLOSED`; connections that were made stay.
///
/// ```
/// use nng_oxide::http::{Client, Handler, Request, Response, Server, Shared};
/// use nng_oxide::{Aio, Url};
///
/// let server = Server::with_config(&"http://127.0.0.1:0".parse()?, Default::default())?;
/// server.add_handler(&Handler::fixed("/hello", "Hello, World!", None)?)?;
/// server.start()?;
///
/// let url: Url = format!("http://{}/hello", server.addr()).parse()?;
/// let client = Client::new(&url)?;
/// let (request, response) = (Request::for_url(&url)?, Shared::new(Response::new()));
/// let aio = Aio::without_callback();
/// client.transact(&request, &response, &aio);
/// aio.wait();
/// aio.outcome()?;
/// assert_eq!(response.lock().body(), b"Hello, World!");
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_http_client_alloc(3http).
#[derive(Debug)]
pub struct Client {
    connector: Connector,
}

impl Client {
    /// A client for a URL, of which host and port matter. The host is looked up anew by each dial.
    ///
    /// The schemes are `http` and `ws`, and with TLS `https` and `wss`, all of them with `4` or `6`
    /// appended for one IP version.
    ///
    /// # Errors
    /// `AddressInvalid` for other schemes and an empty host.
    /// # Source
    /// nng 1.12, nng_http_client_alloc(3http).
    pub fn new(url: &Url) -> Result<Self, Error> {
        let origin = Origin::of(url)?;
        Ok(Self { connector: Connector::new(&origin, Arc::new(Settings::default()))? })
    }

    /// Puts it and its connections on `runtime` instead of the global one.
    #[must_use]
    pub fn on(self, runtime: &Runtime) -> Self {
        Self { connector: self.connector.on(runtime) }
    }

    /// Finds its host by `resolver` instead of asking the system.
    #[must_use]
    pub fn with_resolver(self, resolver: &Resolver) -> Self {
        Self { connector: self.connector.with_resolver(resolver) }
    }

    /// Limits what heads and the framing of bodies may have on its connections.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.connector.settings_mut().limits = limits;
        self
    }

    /// Limits the bodies of responses on its connections, in bytes; see
    /// [`Conn::set_max_response`](crate::http::Conn::set_max_response).
    #[must_use]
    pub fn with_max_response(mut self, max: u64) -> Self {
        self.connector.settings_mut().max_response = max;
        self
    }

    /// Says by `config` whom a client with TLS trusts: above all the authorities, without which no
    /// server is believed. The server must be the URL's host unless the configuration has another
    /// name. It takes the place of the one before, for connections from now on.
    ///
    /// # Errors
    /// `NotSupported` if the client does not speak TLS; `Invalid` for the configuration of a server.
    /// # Source
    /// nng 1.12, nng_http_client_set_tls(3http).
    pub fn set_tls(&self, config: &tls::Config) -> Result<(), Error> {
        self.connector.set_tls(config)
    }

    /// Returns the configuration of a client with TLS. A new client has one that trusts nobody.
    ///
    /// # Errors
    /// `NotSupported` if the client does not speak TLS.
    /// # Source
    /// nng 1.12, nng_http_client_get_tls(3http).
    pub fn tls(&self) -> Result<tls::Config, Error> {
        self.connector.tls()
    }

    /// Connects. With TLS the handshake is part of the first use. Output 0 of the aio is the [`Conn`](crate::http::Conn).
    ///
    /// Dials are independent of each other. Each looks the host up and tries its addresses, the next
    /// one after a quarter of a second without an answer; the first to answer wins.
    ///
    /// # Errors
    /// In the aio: as [`Dialer::dial`](nng_aio::net::Dialer::dial).
    /// # Panics
    /// If it lives on the global runtime and that cannot begin.
    /// # Context
    /// Does not block.
    /// # Source
    /// nng 1.12, nng_http_client_connect(3http).
    pub fn connect(&self, aio: &Aio) {
        let Ok(operation) = aio.begin() else { return };
        self.connector.connect(operation);
    }

    /// Connects, sends a request with `Connection: close`, reads the whole response into `response`,
    /// and closes the connection.
    ///
    /// The request is the caller's again when this returns. The response is empty while the
    /// operation lasts and after an error. The aio's timeout is for all of it, and cancelling it ends
    /// whatever is under way. Nothing is repeated and no redirect is followed.
    ///
    /// # Errors
    /// In the aio: as [`connect`](Self::connect) and
    /// [`Conn::transact`](crate::http::Conn::transact).
    /// # Panics
    /// If it lives on the global runtime and that cannot begin.
    /// # Context
    /// Does not block.
    /// # Source
    /// nng 1.12, nng_http_client_transact(3http).
    pub fn transact(&self, request: &Request, response: &Shared<Response>, aio: &Aio) {
        let Ok(operation) = aio.begin() else { return };
        let mut request = request.clone();
        let closes = request.headers_mut().set("Connection", "close");
        match closes {
            Ok(()) if request.uri().is_empty() => operation.finish(Err(Error::Invalid)),
            Ok(()) => Fetch::once(&self.connector, operation, request, response),
            Err(error) => operation.finish(Err(error)),
        }
    }
}
