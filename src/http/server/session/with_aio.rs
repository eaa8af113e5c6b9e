//! Handlers that are given an aio, as in C: the operation, what it carries, and what its end means.
//!
//! # Source
//! nng 1.12, nng_http_handler_alloc(3http).

use std::sync::Arc;

use nng_aio::{Aio, Error};

use super::{Phase, Session};
use crate::http::conn::Conn;
use crate::http::server::handler::Handler;
use crate::http::{Request, Response, Shared};

impl Session {
    pub(super) fn run_with_aio(
        self: &Arc<Self>,
        function: &(dyn Fn(&Aio) + Send + Sync),
        request: Shared<Request>,
        handler: &Handler,
    ) {
        let session = Arc::clone(self);
        let aio = Arc::new(self.link().runtime().aio(move |aio| session.on_handler_done(aio)));
        let conn = Conn::guest(Arc::clone(self.link()));
        // The indexes are in range.
        let _ = aio.set_input(0, Arc::new(request));
        let _ = aio.set_input(1, Arc::new(handler.clone()));
        let _ = aio.set_input(2, Arc::new(conn));
        let Ok(operation) = aio.begin() else { return self.fail(Error::Closed) };
        aio.park(operation);
        let mut state = self.state.lock();
        state.operation = Some(Arc::clone(&aio));
        let has_ended = matches!(state.phase, Phase::Ended);
        drop(state);
        if has_ended {
            // Meanwhile, and whoever ended it found nothing to abort.
            aio.abort(Error::Closed);
        }
        let _unwinding = FinishOnPanic(&aio);
        function(&aio);
    }

    /// A handler has finished the operation that it was given.
    fn on_handler_done(self: &Arc<Self>, aio: &Aio) {
        let operation = self.state.lock().operation.take();
        if let Err(error) = aio.outcome() {
            self.fail(error);
        } else if let Some(response) = aio.take_output::<Response>(0) {
            self.respond(&response);
        } else if let Some(response) = aio.take_output::<Shared<Response>>(0) {
            self.respond(&response.lock());
        } else {
            self.finish_without_response();
        }
        drop(operation);
    }
}

/// Finishes the operation of a handler that panics, unless the handler has taken it out.
struct FinishOnPanic<'a>(&'a Aio);

impl Drop for FinishOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(operation) = self.0.unpark()
        {
            operation.finish(Err(Error::Internal));
        }
    }
}
