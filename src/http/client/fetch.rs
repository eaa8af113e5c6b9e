//! A request and its answer as one operation, from the dial to the last byte.
//!
//! ```text
//!   begin --> Dialing --> Asking --> answered --> done
//!     |        ^ ^          ^ |         |
//!     |        | +-- died --|-+         |
//!     |        |   (reused) |           |
//!     |        +---- elsewhere ---------+   redirected
//!     +-- a connection waits --+
//!
//!   any + cancel, deadline, the agent's end: done at once
//! ```
//!
//! Each step is an operation of an aio of its own, whose callback takes the next one. The message
//! that is read is nobody else's until the end, so that whoever cancels never waits for it.
//!
//! A connection that was used before may have been closed by its server a moment ago. If it dies
//! before anything has come back, the request is made once more on a fresh one: always if none of it
//! was sent, else if making it twice does what making it once does (RFC 9110 section 9.2.2).

use std::sync::Arc;

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Cancel, Error, Operation, OperationId, Runtime};

use super::connector::Connector;
use super::core::Core;
use super::trip::Trip;
use crate::http::Shared;
use crate::http::conn::{Conn, Reached};
use crate::http::request::Request;
use crate::http::response::Response;

/// One fetch.
pub(super) struct Fetch {
    /// The agent it is for and its place there; `None` for a client, which does nothing twice.
    member: Option<(Arc<Core>, usize)>,
    /// `None` before it begins and when it has ended.
    run: Mutex<Option<Run>>,
}

/// What there is while a fetch is under way.
struct Run {
    operation: Operation,
    /// Of the step under way.
    aio: Aio,
    step: Step,
    request: Request,
    /// What is read; nobody else has it.
    response: Shared<Response>,
    /// Where the answer goes in the end.
    to: Shared<Response>,
    trip: Option<Trip>,
    body: Body,
}

/// What becomes of the body of the answer.
pub(super) enum Body {
    /// It is read with the head.
    Whole,
    /// It is left for whoever gets the connection, which is here in the end.
    Left(Option<Conn>),
}

enum Step {
    /// Between two others, inside the lock.
    Idle,
    /// A connection is being made, by a connector of its own if it is an agent's.
    Dialing { _connector: Option<Connector> },
    /// The request is on its way, or its answer.
    Asking { conn: Conn, is_reused: bool },
}

/// How a fetch ends, if it does.
type Ending = Option<Result<(), Error>>;

impl Fetch {
    /// One for an agent, to be begun with [`travel`](Self::travel).
    pub(super) fn member(core: Arc<Core>, place: usize) -> Arc<Self> {
        Arc::new(Self { member: Some((core, place)), run: Mutex::new(None) })
    }

    /// Asks once, on a connection of its own.
    pub(super) fn once(
        connector: &Connector,
        operation: Operation,
        request: Request,
        to: &Shared<Response>,
    ) {
        let fetch = Arc::new(Self { member: None, run: Mutex::new(None) });
        fetch.begin(&connector.runtime(), operation, request, to, None, Body::Whole, |run| {
            let Ok(dial) = run.aio.begin() else { return Some(Err(Error::Closed)) };
            run.step = Step::Dialing { _connector: None };
            connector.connect(dial);
            None
        });
    }

    /// Asks wherever the trip leads.
    pub(super) fn travel(
        self: &Arc<Self>,
        operation: Operation,
        request: Request,
        to: &Shared<Response>,
        trip: Trip,
        body: Body,
    ) {
        let Some((core, _)) = &self.member else { return operation.finish(Err(Error::Internal)) };
        self.begin(core.runtime(), operation, request, to, Some(trip), body, |run| {
            // An end that came before this run was there has not found it.
            if core.is_closed() { Some(Err(Error::Closed)) } else { self.connect(run) }
        });
    }

    fn begin(
        self: &Arc<Self>,
        runtime: &Runtime,
        mut operation: Operation,
        request: Request,
        to: &Shared<Response>,
        trip: Option<Trip>,
        body: Body,
        connect: impl FnOnce(&mut Run) -> Ending,
    ) {
        if operation.is_poll() {
            self.dismiss();
            return operation.finish(Err(Error::TimedOut));
        }
        let mut response = std::mem::take(&mut *to.lock());
        response.reset();
        let mut place = self.run.lock();
        if let Err(error) = operation.arm(self) {
            drop(place);
            self.dismiss();
            return operation.finish(Err(error));
        }
        let fetch = Arc::clone(self);
        let run = place.insert(Run {
            operation,
            aio: runtime.aio(move |aio| fetch.step_ended(aio)),
            step: Step::Idle,
            request,
            response: Shared::new(response),
            to: to.clone(),
            trip,
            body,
        });
        let ending = connect(run);
        drop(place);
        self.end_if(ending);
    }

    /// Ends the fetch, unless it has ended.
    pub(super) fn end(&self, result: Result<(), Error>) {
        let Some(run) = self.run.lock().take() else { return };
        self.dismiss();
        let Run { mut operation, aio, step, response, to, trip, body, .. } = run;
        // Its callback comes, finds nothing, and nobody waits for it.
        aio.reap();
        drop(step);
        let told = result.and_then(|()| {
            let message = std::mem::take(&mut *response.lock());
            *to.lock() = message;
            if let Some(trip) = trip {
                operation.set_output(0, Box::new(trip.into_url()))?;
            }
            match body {
                Body::Left(Some(conn)) => operation.set_output(1, Box::new(conn)),
                Body::Left(None) | Body::Whole => Ok(()),
            }
        });
        operation.finish(told);
    }

    fn end_if(&self, ending: Ending) {
        if let Some(result) = ending {
            self.end(result);
        }
    }

    fn dismiss(&self) {
        if let Some((core, place)) = &self.member {
            core.dismiss(*place);
        }
    }

    /// The step under way has ended.
    fn step_ended(self: &Arc<Self>, aio: &Aio) {
        let outcome = aio.outcome();
        let mut place = self.run.lock();
        let Some(run) = &mut *place else { return };
        let ending = match (std::mem::replace(&mut run.step, Step::Idle), outcome) {
            (Step::Dialing { .. }, Ok(())) => match aio.take_output(0) {
                Some(conn) => self.ask(run, conn, false),
                None => Some(Err(Error::Internal)),
            },
            (Step::Asking { conn, .. }, Ok(())) => self.answered(run, conn),
            (Step::Asking { conn, is_reused: true }, Err(error)) => {
                let is_free = match conn.reached() {
                    Reached::Nothing => true,
                    Reached::Request => is_idempotent(run.request.method()),
                    Reached::Answer => false,
                };
                if is_free { self.dial(run) } else { Some(Err(error)) }
            }
            (Step::Dialing { .. } | Step::Asking { .. }, Err(error)) => Some(Err(error)),
            (Step::Idle, _) => None,
        };
        drop(place);
        self.end_if(ending);
    }

    /// Gets a connection to where the trip is, one that waits if there is any.
    fn connect(&self, run: &mut Run) -> Ending {
        let (Some((core, _)), Some(trip)) = (&self.member, &run.trip) else {
            return Some(Err(Error::Internal));
        };
        match core.take_idle(trip.origin()) {
            Some(conn) => self.ask(run, conn, true),
            None => self.dial(run),
        }
    }

    /// Makes a connection to where the trip is.
    fn dial(&self, run: &mut Run) -> Ending {
        let (Some((core, _)), Some(trip)) = (&self.member, &run.trip) else {
            return Some(Err(Error::Internal));
        };
        let connector = match core.connector(trip.origin()) {
            Ok(connector) => connector,
            Err(error) => return Some(Err(error)),
        };
        let Ok(dial) = run.aio.begin() else { return Some(Err(Error::Closed)) };
        connector.connect(dial);
        run.step = Step::Dialing { _connector: Some(connector) };
        None
    }

    fn ask(&self, run: &mut Run, conn: Conn, is_reused: bool) -> Ending {
        let Ok(transaction) = run.aio.begin() else { return Some(Err(Error::Closed)) };
        match run.body {
            Body::Whole => conn.transact_for(&run.request, &run.response, transaction),
            Body::Left(_) => conn.ask_for(&run.request, &run.response, transaction),
        }
        run.step = Step::Asking { conn, is_reused };
        None
    }

    /// The answer is here. The connection waits for the next request if both sides want it to.
    fn answered(&self, run: &mut Run, conn: Conn) -> Ending {
        let response = run.response.lock();
        let is_kept = !response.ends_connection()
            && response.status() != 101
            && !run.request.headers().has_token("Connection", "close")
            // Whether a body that the caller has coded is whole is not known.
            && !run.request.headers().contains("Transfer-Encoding");
        let Some(trip) = &mut run.trip else { return Some(Ok(())) };
        let origin = trip.origin().clone();
        let followed = trip.follow(&mut run.request, &response);
        drop(response);
        if let (Ok(false), Body::Left(place)) = (followed, &mut run.body) {
            *place = Some(conn);
        } else if let (Some((core, _)), true) = (&self.member, is_kept && conn.is_idle()) {
            core.put_idle(origin, conn);
        }
        match followed {
            Ok(false) => Some(Ok(())),
            Ok(true) => self.connect(run),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Returns whether making a request twice does what making it once does.
///
/// # Source
/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

impl Cancel for Fetch {
    fn cancel(self: Arc<Self>, _id: OperationId, error: Error) {
        self.end(Err(error));
    }
}
