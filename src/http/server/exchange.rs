//! What a handler is given: one request and the duty to answer it.

use std::fmt;
use std::sync::Arc;

use nng_aio::{Aio, Error};

use super::body_writer::BodyWriter;
use super::handler::Handler;
use super::session::Session;
use crate::http::conn::Conn;
use crate::http::{Guard, Request, Response, Shared};

/// One request, and the duty to answer it, now or later, on any thread.
///
/// Answering consumes it, so it cannot happen twice. Dropping it unanswered, also by a panic,
/// answers with status 500 and closes the connection.
///
/// ```
/// use nng_oxide::http::{Exchange, Handler, Response};
///
/// let handler = Handler::function("/hello", |exchange: Exchange| {
///     let mut response = Response::new();
///     response.set_body("Hello, World!");
///     exchange.respond(response);
/// });
/// ```
#[must_use = "an exchange that is dropped is answered with status 500"]
pub struct Exchange {
    session: Arc<Session>,
    /// Let go before the answer, so that the session can use it for the next request.
    request: Option<Shared<Request>>,
    handler: Handler,
    is_open: bool,
}

const PRESENT: &str = "an exchange has its request until it is answered";

impl Exchange {
    pub(super) fn new(session: Arc<Session>, request: Shared<Request>, handler: Handler) -> Self {
        Self { session, request: Some(request), handler, is_open: true }
    }

    /// The request; its body is there if the handler collects bodies.
    ///
    /// It is locked as long as it is looked at. Who looks twice gives it a name:
    ///
    /// ```
    /// use nng_oxide::http::Exchange;
    ///
    /// fn describe(exchange: &Exchange) -> String {
    ///     let request = exchange.request();
    ///     format!("{} {}", request.method(), request.uri())
    /// }
    /// ```
    ///
    /// # Panics
    /// If this thread looks at it already: with two calls in that last line, for example.
    #[track_caller]
    pub fn request(&self) -> Guard<'_, Request> {
        self.request.as_ref().expect(PRESENT).lock()
    }

    /// The request as a handle that can be kept while the exchange lasts.
    pub fn shared_request(&self) -> Shared<Request> {
        self.request.clone().expect(PRESENT)
    }

    /// The connection, to read a body that is not collected, or to write the response oneself; call
    /// [`finish`](Self::finish) then.
    pub fn conn(&self) -> Conn {
        Conn::guest(Arc::clone(self.session.link()))
    }

    /// Reads what comes next of a body that is [not collected](Handler::collect_body) into the aio's
    /// buffers, at least one byte; a count of 0 is its end. [`Conn::read_body`] says more.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use nng_oxide::http::{Exchange, Handler, Response};
    ///
    /// // Counts the bytes of bodies that would not fit into memory.
    /// let handler = Handler::function("/count", |exchange: Exchange| {
    ///     let runtime = exchange.conn().runtime().clone();
    ///     let place = Arc::new(Mutex::new(Some((exchange, 0))));
    ///     let held = Arc::clone(&place);
    ///     let aio = runtime.aio(move |aio| {
    ///         let mut place = held.lock().unwrap();
    ///         let Some((exchange, total)) = place.as_mut() else { return };
    ///         *total += aio.count();
    ///         match (aio.outcome(), aio.count()) {
    ///             (Ok(()), 1..) => return exchange.read_body(aio),
    ///             (outcome, _) => {
    ///                 let Some((exchange, total)) = place.take() else { return };
    ///                 let mut response = Response::new();
    ///                 response.set_body(format!("{total}\n"));
    ///                 match outcome {
    ///                     Ok(()) => exchange.respond(response),
    ///                     Err(error) => exchange.fail(error), // what the body deserves: 400, 408
    ///                 }
    ///             }
    ///         }
    ///     });
    ///     if aio.set_buffer(vec![0; 64 << 10]).is_ok()
    ///         && let Some((exchange, _)) = place.lock().unwrap().as_ref()
    ///     {
    ///         exchange.read_body(&aio);
    ///     }
    ///     aio.detach(); // it goes on alone
    /// });
    /// handler.collect_body(false, 0);
    /// handler.set_method("POST")?;
    /// # Ok::<(), nng_oxide::Error>(())
    /// ```
    pub fn read_body(&self, aio: &Aio) {
        self.conn().read_body(aio);
    }

    /// The handler.
    pub fn handler(&self) -> &Handler {
        &self.handler
    }

    /// Answers with `response`.
    ///
    /// `Date` is added if it is missing, `Content-Length: 0` if there is no body but might be, and
    /// `Connection: close` if the connection closes after it. A response to `HEAD` goes out without
    /// its body. If the client has gone, nothing happens.
    ///
    /// # Context
    /// Does not block.
    pub fn respond(mut self, response: Response) {
        self.end();
        self.session.respond(&response);
    }

    /// Begins to answer with `response`, whose body is written in pieces: `len` bytes, or as many as
    /// there will be. Its own body, `Content-Length` and `Transfer-Encoding` do not count.
    ///
    /// A body of unknown length goes out in chunks, and to clients older than HTTP/1.1 until the end of
    /// the connection. `Date` and `Connection: close` are added as by [`respond`](Self::respond).
    ///
    /// # Context
    /// Does not block.
    pub fn respond_in_pieces(mut self, response: Response, len: Option<u64>) -> BodyWriter {
        let version = self.request().version();
        let knows_chunks = version.major() > 1 || (version.major() == 1 && version.minor() > 0);
        self.end();
        let (session, handler) = (Arc::clone(&self.session), self.handler.clone());
        BodyWriter::new(session, handler, response, len, knows_chunks)
    }

    /// Ends the exchange; the handler has written the response to the [connection](Self::conn), or
    /// has begun to.
    pub fn finish(mut self) {
        self.end();
        self.session.finish_without_response();
    }

    /// Takes connection and request from the server, for good; see [`Conn::hijack`]. The handler
    /// answers by itself, before or after: a switch to another protocol is answered 101.
    ///
    /// # Errors
    /// `Closed` if the connection has closed.
    /// # Source
    /// nng 1.12, nng_http_hijack(3http).
    pub fn hijack(mut self) -> Result<(Conn, Shared<Request>), Error> {
        let mut conn = self.conn();
        let request = self.shared_request();
        self.end();
        if conn.hijack() { Ok((conn, request)) } else { Err(Error::Closed) }
    }

    /// Ends the exchange with status 500, if nothing has been written yet, and closes the
    /// connection. If what is wrong is the body that the handler was reading, the status says so.
    pub fn fail(mut self, error: Error) {
        self.end();
        self.session.fail(error);
    }

    fn end(&mut self) {
        self.is_open = false;
        self.request = None;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.is_open {
            self.end();
            self.session.fail(Error::Internal);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("request", &self.request).finish_non_exhaustive()
    }
}
