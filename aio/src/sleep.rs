//! Sleeping: a provider whose normal end is the deadline.
//!
//! # Source
//! nng 1.12, nng_sleep_aio(3).

use std::sync::Arc;
use std::time::Duration;

use crate::modelled::Mutex;
use crate::operation::{Cancel, Operation, OperationId};
use crate::timeout::Timeout;
use crate::{Aio, Error, clock};

/// One sleep. What its end means belongs to it and dies with it.
struct Sleep {
    operation: Mutex<Option<Operation>>,
    /// The result when the clock ends it: success, or `TimedOut` if the aio's limit is shorter.
    at_end: Result<(), Error>,
}

/// Starts a sleep on `aio`.
pub(crate) fn start(aio: &Aio, duration: Duration) {
    let Ok(mut operation) = aio.begin() else { return };
    let (length, at_end) = match operation.sticky() {
        Timeout::After(limit) if limit < duration => (limit, Err(Error::TimedOut)),
        Timeout::Over => (Duration::ZERO, Err(Error::TimedOut)),
        Timeout::After(_) | Timeout::Infinite | Timeout::Default => (duration, Ok(())),
    };
    // A sleep beyond the clock's range has no end of its own.
    let end = clock::now().checked_add(length);
    let sleep = Arc::new(Sleep { operation: Mutex::new(None), at_end });
    let mut slot = sleep.operation.lock();
    match operation.arm_until(&sleep, end) {
        Ok(()) => *slot = Some(operation),
        Err(error) => {
            drop(slot);
            operation.finish(Err(error));
        }
    }
}

impl Sleep {
    fn end(&self, result: Result<(), Error>) {
        let operation = self.operation.lock().take();
        if let Some(operation) = operation {
            operation.finish(result);
        }
    }
}

impl Cancel for Sleep {
    fn cancel(self: Arc<Self>, _id: OperationId, error: Error) {
        self.end(Err(error));
    }

    fn expired(self: Arc<Self>, _id: OperationId) {
        self.end(self.at_end);
    }
}
