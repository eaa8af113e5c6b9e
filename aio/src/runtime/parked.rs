//! Threads that sleep in a callback until an aio is idle, for the time when every thread is taken.
//!
//! Such a thread sleeps because somebody else looks after the runtime. If those all come to block by
//! means that nobody sees, and no further thread can be begun, one of the sleepers is called to poll.
//! It notes itself before it looks whether it is needed, and whoever may block looks at the notes
//! after having left the kernel: so one of the two sees the other.
//!
//! While one polls for all, the callbacks that are due are nobody's to run, except that each of them
//! may be what a sleeper waits for. That sleeper is called to run it.

use std::sync::Arc;

use crate::sync::Mutex;

use crate::core::Core;
use crate::modelled::{AtomicBool, Ordering::SeqCst};
use crate::runtime::queue::Queue;

/// The notes of all sleepers of a runtime.
pub(crate) struct Parked {
    sleepers: Mutex<Vec<Arc<Sleeper>>>,
}

/// How a thread has slept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slept {
    /// Until what it waits for had ended, or may have.
    UntilIdle,
    /// Until it was called.
    UntilCalled,
    /// Somebody has to poll, and there is nobody else.
    NotAtAll,
}

struct Sleeper {
    /// What it waits for.
    core: Arc<Core>,
    is_called: AtomicBool,
}

impl Parked {
    pub(crate) fn new() -> Self {
        Self { sleepers: Mutex::new(Vec::new()) }
    }

    /// Sleeps until `core` is idle or the thread is called, unless `is_covered` says that nobody looks
    /// after the runtime then.
    pub(crate) fn sleep(&self, core: &Arc<Core>, is_covered: impl FnOnce() -> bool) -> Slept {
        let sleeper =
            Arc::new(Sleeper { core: Arc::clone(core), is_called: AtomicBool::new(false) });
        self.sleepers.lock().push(Arc::clone(&sleeper));
        let is_covered = is_covered();
        if is_covered {
            core.slot.wait_unless(|| sleeper.is_called.load(SeqCst));
        }
        let mut sleepers = self.sleepers.lock();
        sleepers.retain(|other| !Arc::ptr_eq(other, &sleeper));
        match (is_covered, sleeper.is_called.load(SeqCst)) {
            (false, _) => Slept::NotAtAll,
            (true, true) => Slept::UntilCalled,
            (true, false) => Slept::UntilIdle,
        }
    }

    /// Calls those whose callbacks are in `queue`.
    pub(crate) fn call_for(&self, queue: &Queue) {
        let sleepers = self.sleepers.lock();
        for sleeper in &*sleepers {
            if queue.holds(sleeper.core.address()) && !sleeper.is_called.swap(true, SeqCst) {
                sleeper.core.slot.wake();
            }
        }
    }

    /// Calls one of the sleepers, if there are any.
    pub(crate) fn call(&self) {
        let sleepers = self.sleepers.lock();
        if let Some(sleeper) = sleepers.iter().find(|sleeper| !sleeper.is_called.swap(true, SeqCst))
        {
            sleeper.core.slot.wake();
        }
    }
}
