//! Timers for providers: one deadline that is moved often and comes seldom.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::clock;
use crate::deadline::{DeadlineCell, Timed};
use crate::runtime::Shared;

/// Somebody whose timer may run out.
pub trait Expire: Send + Sync + 'static {
    /// The timer ran out. It may have been set again meanwhile: judge by your own state.
    ///
    /// # Context
    /// Runs on a runtime thread with no lock held and must not block.
    fn expired(self: Arc<Self>);
}

/// One deadline. Setting it again replaces it; dropping the timer clears it.
///
/// Setting and clearing are a store in the common case that the new deadline is not earlier than
/// the last one. It fires never early, and on an idle machine at most two milliseconds late.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// use std::sync::{Arc, Weak};
/// use std::time::Duration;
///
/// use nng_aio::{Expire, Runtime};
///
/// /// Something that must hear from its user now and then.
/// #[derive(Default)]
/// struct Lease {
///     is_over: AtomicBool,
/// }
///
/// impl Expire for Lease {
///     fn expired(self: Arc<Self>) {
///         self.is_over.store(true, SeqCst);
///     }
/// }
///
/// let runtime = Runtime::builder().build()?;
/// let lease = Arc::new(Lease::default());
/// let target: Weak<Lease> = Arc::downgrade(&lease); // the timer keeps nobody alive
/// let timer = runtime.timer(target);
/// timer.set_after(Duration::from_secs(60)); // at the beginning, and whenever the user is heard of
/// timer.set_after(Duration::from_millis(1));
/// while !lease.is_over.load(SeqCst) {
///     std::thread::yield_now();
/// }
/// # Ok::<(), nng_aio::Error>(())
/// ```
pub struct Timer {
    core: Arc<Core>,
}

struct Core {
    cell: DeadlineCell,
    shared: Arc<Shared>,
    target: Weak<dyn Expire>,
}

impl Timer {
    pub(crate) fn new(shared: &Arc<Shared>, target: Weak<dyn Expire>) -> Self {
        let cell = shared.deadlines.new_cell();
        Self { core: Arc::new(Core { cell, shared: Arc::clone(shared), target }) }
    }

    /// Fires at `at`, or as soon as possible if that has passed.
    pub fn set(&self, at: Instant) {
        self.core.shared.set_deadline(&self.core.cell, at, || {
            let timed: Arc<dyn Timed> = self.core.clone();
            Arc::downgrade(&timed)
        });
    }

    /// Fires after `delay`; one beyond the clock's range never ends.
    pub fn set_after(&self, delay: Duration) {
        match clock::now().checked_add(delay) {
            Some(at) => self.set(at),
            None => self.clear(),
        }
    }

    /// Does not fire any more, except for a run that is under way.
    pub fn clear(&self) {
        self.core.cell.clear();
    }
}

impl Timed for Core {
    fn cell(&self) -> &DeadlineCell {
        &self.cell
    }

    fn due(self: Arc<Self>, _now: Instant) {
        if let Some(target) = self.target.upgrade() {
            target.expired();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.core.cell.clear();
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if !self.shared.is_forked() {
            self.shared.deadlines.forget(&self.cell);
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("cell", &self.core.cell).finish_non_exhaustive()
    }
}
