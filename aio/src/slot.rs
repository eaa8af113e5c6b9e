//! One aio's state with everything that may happen to it at once: the part of the core that the
//! loom models execute.
//!
//! A [`Slot`] is [`OpState`] behind its cell, plus a place to sleep until it is idle. It knows
//! nothing of threads that run callbacks, of clocks or of buffers' contents.

use std::sync::Arc;

use crate::Error;
use crate::buffer::Buffers;
use crate::operation::Cancel;
use crate::state::{self, AfterCallback, AfterFinish, Callback, OpState};
use crate::sync::{Condvar, Mutex};
use crate::sys::SpinCell;

/// The changing part of an aio, and those who wait for it.
pub(crate) struct Slot {
    cell: SpinCell<OpState>,
    /// Taken by sleepers, and by wakers after the cell; guards nothing but the order of the two.
    sleepers: Mutex<()>,
    idle: Condvar,
}

impl Slot {
    pub(crate) fn new(callback: Option<Callback>) -> Self {
        Self {
            cell: SpinCell::new(OpState::new(callback)),
            sleepers: Mutex::new(()),
            idle: Condvar::new(),
        }
    }

    /// Runs a transition. What it hands out is dropped outside.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut OpState) -> R) -> R {
        self.cell.with(change)
    }

    /// True while an operation is in flight or a callback is queued or running.
    pub(crate) fn is_busy(&self) -> bool {
        state::is_busy(self.cell.peek())
    }

    /// Asks the provider of whatever is in flight to end it with `error`.
    pub(crate) fn claim(&self, error: Error) -> Option<(Arc<dyn Cancel>, u32)> {
        self.with(|state| state.claim(error))
    }

    /// Refuses every further operation; the provider of an armed one is to be asked to end it.
    pub(crate) fn stop(&self) -> Option<(Arc<dyn Cancel>, u32)> {
        self.with(OpState::stop)
    }

    /// Ends the operation in flight and wakes those who wait, if it leaves the aio idle. The provider
    /// comes back to be dropped when everything else is done.
    pub(crate) fn finish(
        &self,
        result: i32,
        count: usize,
        buffers: Buffers,
    ) -> (AfterFinish, Option<Arc<dyn Cancel>>) {
        let (after, cancel) = self.with(|state| state.finish(result, count, buffers));
        if let AfterFinish::Idle { wake: true } | AfterFinish::Released { wake: true } = after {
            self.wake();
        }
        (after, cancel)
    }

    /// Takes the callback in order to run it.
    pub(crate) fn start_callback(&self) -> Option<Callback> {
        self.with(OpState::start_callback)
    }

    /// Notes the end of a callback and wakes those who wait, if it leaves the aio idle.
    pub(crate) fn end_callback(&self, callback: Option<Callback>) -> AfterCallback {
        let after = self.with(|state| state.end_callback(callback));
        if let AfterCallback::Idle { wake: true } | AfterCallback::Released { wake: true } = after {
            self.wake();
        }
        after
    }

    fn wake(&self) {
        // A sleeper asks for its wake under this lock and sleeps before giving it up.
        drop(self.sleepers.lock());
        self.idle.notify_all();
    }

    /// Asks for a wake and calls `meanwhile` until no operation is in flight and no callback is
    /// queued or running, or until it returns false.
    pub(crate) fn wait_by(&self, mut meanwhile: impl FnMut() -> bool) {
        while self.is_busy() && self.with(OpState::want_wake) && meanwhile() {}
    }

    /// Sleeps until no operation is in flight and no callback is queued or running.
    pub(crate) fn wait(&self) {
        if !self.is_busy() {
            return;
        }
        let mut guard = self.sleepers.lock();
        while self.with(OpState::want_wake) {
            self.idle.wait(&mut guard);
        }
    }
}
