//! What a handler in C is given, and what becomes of it.
//!
//! ```text
//!   server --aio, begun--> begin --> nng_aio: input 0 the request, 1 the handler, 2 the connection
//!   nng_aio_finish <-- the handler, now or later: output 0 the response, if it has one
//! ```
//!
//! All of it is the server's and goes when the handler has finished, but for request and connection if the
//! handler has taken them over.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use ::nng_aio::{Aio, Error};
use nng_oxide::http::{Conn, Request, Shared};

use super::handler::nng_http_handler;
use super::{nng_http_conn, nng_http_req, nng_http_res};
use crate::aio::{Later, nng_aio};
use crate::handle::{give, take};

/// One request on its way to an answer.
pub(crate) struct Exchange {
    request: *mut nng_http_req,
    conn: *mut nng_http_conn,
    is_taken: Arc<AtomicBool>,
    /// It stays while it is at work.
    _handler: Arc<nng_http_handler>,
}

impl Exchange {
    /// Gives a handler what it expects.
    pub(super) fn begin(
        aio: &Aio,
        handler: Arc<nng_http_handler>,
        function: extern "C" fn(*mut nng_aio),
    ) {
        let (request, conn) = (aio.input::<Shared<Request>>(0), aio.input::<Conn>(2));
        let (Some(request), Some(conn)) = (request, conn) else { return };
        let is_taken = Arc::new(AtomicBool::new(false));
        let request = give(nng_http_req::of((*request).clone(), Some(Arc::clone(&is_taken))));
        let conn = give(nng_http_conn::of_exchange((*conn).clone(), Arc::clone(&is_taken)));
        let place = Arc::as_ptr(&handler);
        let exchange = Self { request, conn, is_taken, _handler: handler };
        let object = nng_aio::of_exchange(aio.alias(), exchange);
        object.set_input_to(0, request.cast());
        object.set_input_to(1, place.cast_mut().cast());
        object.set_input_to(2, conn.cast());
        function(give(object));
    }

    /// The handler has finished: its answer goes to the server, and with it what is to be freed then.
    pub(crate) fn finish(self, aio: &Aio, response: *mut c_void, later: Later, error: c_int) {
        let response = take(response.cast::<nng_http_res>());
        if !self.is_taken.load(SeqCst) {
            drop(take(self.request));
            drop(take(self.conn));
        }
        let Some(mut operation) = aio.unpark() else { return };
        // The indexes are in range.
        if let Some(response) = response.filter(|_| error == 0) {
            let _ = operation.set_output(0, Box::new(response.message.clone()));
        }
        let _ = operation.set_output(1, Box::new(later));
        operation.finish(Error::from_code(error));
    }
}
