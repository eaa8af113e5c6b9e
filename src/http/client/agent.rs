//! The client for all URLs: it keeps connections for the next request and follows redirects.

use std::fmt;
use std::sync::Arc;

use nng_aio::net::Resolver;
use nng_aio::{Aio, Error, Runtime};

use super::config::AgentConfig;
use super::core::Core;
use super::fetch::Body;
use super::trip::Trip;
use crate::http::Shared;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::{Url, tls};

/// Fetches what URLs name, any number at a time.
///
/// Connections are kept for the next request to the same host and port, within limits. Redirects are
/// followed if [`AgentConfig::max_redirects`] says so. Dropping an agent ends its fetches with
/// `NNG_ECLOSED`.
///
/// ```
/// use nng_oxide::http::{Agent, AgentConfig, Handler, Request, Response, Server, Shared};
/// use nng_oxide::{Aio, Url};
///
/// let server = Server::with_config(&"http://127.0.0.1:0".parse()?, Default::default())?;
/// server.add_handler(&Handler::fixed("/hello", "Hello, World!", None)?)?;
/// server.start()?;
/// let url: Url = format!("http://{}/hello", server.addr()).parse()?;
///
/// let agent = Agent::new(AgentConfig::default());
/// let response = Shared::new(Response::new());
/// let aio = Aio::without_callback();
/// agent.fetch(&url, &Request::new(), &response, &aio);
/// aio.wait();
/// aio.outcome()?;
/// assert_eq!(response.lock().body(), b"Hello, World!");
/// # Ok::<(), nng_oxide::Error>(())
/// ```
pub struct Agent {
    core: Arc<Core>,
}

impl Agent {
    /// An agent on the [global runtime](Runtime::global).
    ///
    /// # Panics
    /// If the global runtime cannot begin.
    pub fn new(config: AgentConfig) -> Self {
        Self::on(&Runtime::global(), config)
    }

    /// An agent on a runtime of the caller's, which it does not keep going.
    pub fn on(runtime: &Runtime, config: AgentConfig) -> Self {
        Self { core: Core::new(runtime, &config) }
    }

    /// Finds hosts by `resolver` instead of asking the system.
    #[must_use]
    pub fn with_resolver(self, resolver: &Resolver) -> Self {
        self.core.set_resolver(resolver);
        self
    }

    /// Speaks TLS by `config`, which says whom it trusts. An agent without one trusts nobody, and
    /// fetches nothing by `https`. Connections that were kept are closed.
    ///
    /// # Errors
    /// `Invalid` for the configuration of a server.
    pub fn with_tls(self, config: &tls::Config) -> Result<Self, Error> {
        if config.mode() != tls::Mode::Client {
            return Err(Error::Invalid);
        }
        self.core.set_tls(config);
        Ok(self)
    }

    /// Sends a request to where `url` leads and reads the whole response into `response`. Output 0 of
    /// the aio is the [`Url`] that has answered: another one after a redirect.
    ///
    /// `request` says what is asked and sent; its URI and its `Host` are replaced by those of the
    /// URL. It is the caller's again when this returns. The response is empty while the operation
    /// lasts and after an error. The aio's timeout is for all of it, and cancelling it ends whatever
    /// is under way.
    ///
    /// A connection that was kept may have been closed by its server. If it dies before anything has
    /// come back, the request is made again on a fresh one, once, unless it was sent and is one that
    /// must not be made twice, such as `POST`.
    ///
    /// A redirect changes `POST` to `GET` if its status is 301, 302 or 303, and with 303 all others
    /// as well except `HEAD`; the body goes then. `Authorization` and `Cookie` are sent to nobody
    /// but the scheme, host and port of the URL.
    ///
    /// # Errors
    /// In the aio: as [`Client::transact`](super::Client::transact); `NNG_EADDRINVAL` for a scheme
    /// that is not HTTP's; `NNG_EINVAL` if the request announces another body than it has;
    /// `NNG_EPEERAUTH` and `NNG_ECRYPTO` by TLS; `NNG_EPROTO` for redirects that are too many, go in a circle, or name no URL; `NNG_EMSGSIZE` beyond the limits of the agent.
    /// # Context
    /// Does not block.
    pub fn fetch(&self, url: &Url, request: &Request, response: &Shared<Response>, aio: &Aio) {
        self.begin(url, request, response, aio, Body::Whole);
    }

    /// As [`fetch`](Self::fetch), without the body: output 1 of the aio is the
    /// [`Conn`](crate::http::Conn), on which [`read_body`](crate::http::Conn::read_body) gives it
    /// piece by piece.
    ///
    /// The connection is the caller's and does not come back; it closes when it is dropped.
    ///
    /// # Errors
    /// As there.
    /// # Context
    /// Does not block.
    pub fn open(&self, url: &Url, request: &Request, response: &Shared<Response>, aio: &Aio) {
        self.begin(url, request, response, aio, Body::Left(None));
    }

    fn begin(
        &self,
        url: &Url,
        request: &Request,
        response: &Shared<Response>,
        aio: &Aio,
        body: Body,
    ) {
        let Ok(operation) = aio.begin() else { return };
        if !request.has_its_body() {
            return operation.finish(Err(Error::Invalid));
        }
        let mut request = request.clone();
        let begun = Trip::new(url, &mut request, self.core.max_redirects())
            .and_then(|trip| Ok((trip, self.core.admit()?)));
        match begun {
            Ok((trip, fetch)) => fetch.travel(operation, request, response, trip, body),
            Err(error) => operation.finish(Err(error)),
        }
    }

    /// Returns how many connections wait for the next request.
    pub fn idle_connections(&self) -> usize {
        self.core.idle_count()
    }

    /// Ends every fetch under way with `NNG_ECLOSED`, closes the connections, and begins no more.
    /// Repeating it does no harm.
    ///
    /// # Context
    /// Does not wait for callbacks.
    pub fn close(&self) {
        self.core.close();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("idle", &self.idle_connections()).finish_non_exhaustive()
    }
}
