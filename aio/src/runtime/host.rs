//! Turns made by the host instead of threads.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::sync::{Condvar, Mutex};

use crate::deadline::NEVER;
use crate::runtime::crew::Slot;
use crate::runtime::current;
use crate::runtime::worker::Worker;
use crate::runtime::{Runtime, Shared};
use crate::{Error, clock, log};

impl Runtime {
    /// Makes one turn: waits at most `max_wait` for something to do, then handles readiness and
    /// deadlines and runs the callbacks that are due. Returns as soon as something was done.
    ///
    /// Several threads may make turns at once; callbacks may make turns, too.
    ///
    /// # Errors
    /// `State` if this runtime has threads of its own; `Closed` in the child of a fork.
    ///
    /// # Context
    /// Callbacks run on this thread.
    pub fn turn(&self, max_wait: Duration) -> Result<(), Error> {
        let shared = self.shared();
        if !shared.is_host_driven() {
            return Err(Error::State);
        }
        if shared.is_forked() {
            return Err(Error::Closed);
        }
        shared.turn(max_wait, || true);
        Ok(())
    }

    /// How long the host may sleep before the next turn if the descriptor does not become readable:
    /// `None` for ever, zero if callbacks are due now.
    pub fn next_timeout(&self) -> Option<Duration> {
        let shared = self.shared();
        if !shared.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let first = shared.deadlines.first();
        (first != NEVER).then(|| shared.deadlines.until(first, clock::now()))
    }
}

/// Becomes readable when a turn has something to do, so that a host can wait for it beside its own
/// descriptors. Only polling is allowed.
impl AsFd for Runtime {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared().selector.as_fd()
    }
}

/// Which of the host's threads waits in the selector. The others wait for it to come back, since a
/// kick ends the wait of one thread, and it may be meant for any of them.
#[derive(Default)]
pub(crate) struct Turns {
    /// One of them is in the selector.
    is_taken: Mutex<bool>,
    came_back: Condvar,
}

impl Shared {
    /// Makes one turn on this thread, without waiting if `is_wanted` does not hold by then. Whoever
    /// makes it false kicks after that, and the kick may reach another thread of the host.
    pub(crate) fn turn(self: &Arc<Self>, max_wait: Duration, is_wanted: impl Fn() -> bool) {
        let _entered = current::enter(self);
        let mut worker = self.spare_worker.lock().take().unwrap_or_else(|| Box::new(Worker::new()));
        log::pass_postponed();
        self.wait_in_turn(&mut worker, max_wait, is_wanted);
        let place = Slot::default();
        worker.handle(self, &place);
        worker.run_callbacks(self, &place);
        let spare = self.spare_worker.lock().replace(worker);
        drop(spare);
    }

    fn wait_in_turn(&self, worker: &mut Worker, max_wait: Duration, is_wanted: impl Fn() -> bool) {
        let mut is_taken = self.turns.is_taken.lock();
        if *is_taken {
            if self.queue.is_empty() && is_wanted() {
                drop(self.turns.came_back.wait_for(is_taken, max_wait));
            }
            return;
        }
        *is_taken = true;
        drop(is_taken);
        self.roles.enter_wait();
        let limit = if self.queue.is_empty() && is_wanted() {
            match self.deadlines.first() {
                NEVER => max_wait,
                first => self.deadlines.until(first, clock::now()).min(max_wait),
            }
        } else {
            Duration::ZERO
        };
        worker.select(self, Some(limit));
        self.roles.leave_wait();
        *self.turns.is_taken.lock() = false;
        self.turns.came_back.notify_all();
    }
}
