//! The gentle end of a server: what is under way comes to its end, and nothing new begins.
//!
//! ```text
//!   drain --> no further connections; idle ones close; every answer from now on is the last
//!         --> the last session ends: the operation ends with success
//!         --> its timeout or a cancel comes first: the rest closes at once, and it ends with that
//! ```
//!
//! A session that asks whether the server drains after it has begun to wait for a request, and is
//! visited after the server has said so, misses neither.
//!
//! Locks: the waiting operations; below them the states of their aios.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use nng_aio::sync::Mutex;
use nng_aio::{Cancel, Error, Operation, OperationId};

use super::core::Core;

/// Whether a server drains, and who waits for the end of that.
#[derive(Debug, Default)]
pub(super) struct Drain {
    is_on: AtomicBool,
    waiting: Mutex<Vec<Operation>>,
}

impl Drain {
    /// Every answer is the last of its connection.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(SeqCst)
    }

    /// There is no session any more, and there will be none.
    pub(super) fn complete(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for operation in waiting {
            operation.finish(Ok(()));
        }
    }

    fn take(&self, id: OperationId) -> Option<Operation> {
        let mut waiting = self.waiting.lock();
        let place = waiting.iter().position(|operation| operation.id() == id)?;
        Some(waiting.swap_remove(place))
    }
}

impl Core {
    /// Lets the sessions come to their end; `operation` ends with the last of them.
    pub(super) fn begin_drain(self: &Arc<Self>, mut operation: Operation) {
        let mut waiting = self.drain().waiting.lock();
        let armed = operation.arm(self);
        if armed.is_ok() {
            waiting.push(operation);
            drop(waiting);
        } else {
            drop(waiting);
            self.close();
            return operation.finish(armed);
        }
        self.drain().is_on.store(true, SeqCst);
        for session in self.end_admission() {
            session.finish_up();
        }
        self.complete_drain_if_over();
    }
}

/// The time for a gentle end is up.
impl Cancel for Core {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        if let Some(operation) = self.drain().take(id) {
            self.close();
            operation.finish(Err(error));
        }
    }
}
