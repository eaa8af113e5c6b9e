//! The provider's side of an aio: the operation it accepted and must finish, once.
//!
//! The order of steps, for every provider, ours and a user's alike:
//!
//! 1. [`Aio::begin`](crate::Aio::begin). If it refuses, return and touch nothing.
//! 2. If the operation can complete now, or is invalid, [`finish`](Operation::finish) it.
//! 3. Else, under the provider's own lock, [`arm`](Operation::arm) it and put it into a queue. If
//!    `arm` answers an error, drop the lock and finish with that error.
//! 4. When it is done: under the lock take it out of the queue; outside, finish it.
//! 5. [`Cancel::cancel`]: take the lock, look the operation up by its id; if it is there, take it
//!    out, drop the lock and finish it with the given error; if not, it is done already.
//!
//! # Source
//! nng 1.12, nng_aio_begin(3), nng_aio_defer(3), nng_aio_finish(3).

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::Error;
use crate::buffer::Buffers;
use crate::core::Core;
use crate::log;
use crate::state::{Input, SLOTS};
use crate::timeout::Timeout;

/// Names one operation of one aio towards its provider; not reused while the aio lives, until its
/// operations have been counted through 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OperationId {
    core: usize,
    generation: u32,
}

/// How a provider is asked to end an operation early.
pub trait Cancel: Send + Sync {
    /// Ends the operation `id` with `error`, if it is still waiting here; else does nothing.
    ///
    /// # Context
    /// Runs on the thread that aborts, stops or drops the aio, or on a runtime thread, with no lock
    /// of the runtime held, possibly before the call that armed the operation returned. It may take
    /// locks, wait for, stop and drop aios; what it must not do is wait by other means for a
    /// callback that it caused itself. A panic is caught.
    fn cancel(self: Arc<Self>, id: OperationId, error: Error);

    /// The operation's deadline has come. By default that is a cancel with `TimedOut`.
    fn expired(self: Arc<Self>, id: OperationId) {
        self.cancel(id, Error::TimedOut);
    }
}

/// An accepted operation. Whoever holds it owes the consumer its end.
///
/// Finishing consumes it, so it cannot happen twice; dropping it unfinished finishes it with
/// `NNG_ECANCELED` and a log record, so it cannot be forgotten.
///
/// ```compile_fail,E0382
/// let aio = nng_aio::Aio::without_callback();
/// let operation = aio.begin().unwrap();
/// operation.finish(Ok(()));
/// operation.finish(Ok(()));
/// ```
#[must_use = "an operation must be finished"]
pub struct Operation {
    /// Present until finished.
    core: Option<Arc<Core>>,
    generation: u32,
    /// The deadline cell was set and must be cleared.
    timed: bool,
    count: usize,
    buffers: Buffers,
}

const PRESENT: &str = "an operation holds its aio until it is finished";

impl Operation {
    pub(crate) fn new(core: Arc<Core>, generation: u32, buffers: Buffers) -> Self {
        Self { core: Some(core), generation, timed: false, count: 0, buffers }
    }

    fn core(&self) -> &Arc<Core> {
        self.core.as_ref().expect(PRESENT)
    }

    /// The name by which [`Cancel::cancel`] will ask for it.
    pub fn id(&self) -> OperationId {
        OperationId::of(self.core(), self.generation)
    }

    /// Makes the operation cancellable, and starts its time limit. Call it under the lock that
    /// guards the queue the operation goes into.
    ///
    /// # Errors
    /// `TimedOut` for a limit of zero; the code of an abort that came first; `Closed` after a stop
    /// or when the runtime has shut down. The caller then finishes the operation with that error.
    /// `State` if it was armed before, and then it stays so.
    pub fn arm<C: Cancel + 'static>(&mut self, provider: &Arc<C>) -> Result<(), Error> {
        self.arm_with_default(provider, Timeout::Default)
    }

    /// As [`arm`](Self::arm), for providers that have a limit of their own: `default` applies to
    /// this operation if the consumer left the aio's timeout at [`Timeout::Default`].
    ///
    /// # Errors
    /// As [`arm`](Self::arm).
    pub fn arm_with_default<C: Cancel + 'static>(
        &mut self,
        provider: &Arc<C>,
        default: Timeout,
    ) -> Result<(), Error> {
        let cancel: Arc<dyn Cancel> = provider.clone();
        let deadline = self.core().arm(cancel, default)?;
        self.start_clock(deadline);
        Ok(())
    }

    /// As [`arm`](Self::arm), with an end of the provider's choice instead of the aio's limit;
    /// when it comes, [`Cancel::expired`] is called.
    ///
    /// # Errors
    /// As [`arm`](Self::arm), but never `TimedOut`.
    pub fn arm_until<C: Cancel + 'static>(
        &mut self,
        provider: &Arc<C>,
        end: Option<Instant>,
    ) -> Result<(), Error> {
        let cancel: Arc<dyn Cancel> = provider.clone();
        let deadline = self.core().arm_until(cancel, end)?;
        self.start_clock(deadline);
        Ok(())
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Notes that the deadline cell is about to be set.
    pub(crate) fn set_timed(&mut self) {
        self.timed = true;
    }

    fn start_clock(&mut self, deadline: Option<Instant>) {
        if let Some(at) = deadline {
            self.set_timed();
            Core::set_deadline(self.core(), at);
        }
    }

    /// True if the consumer's limit is zero: the operation must not wait, and [`arm`](Self::arm)
    /// would be refused with `TimedOut`.
    pub fn is_poll(&self) -> bool {
        self.core().slot.with(|state| state.is_poll())
    }

    /// The consumer's sticky limit, for providers that judge it themselves.
    pub(crate) fn sticky(&self) -> Timeout {
        self.core().slot.with(|state| state.sticky())
    }

    /// The bytes moved so far; what the consumer will read as the aio's count if it ends with success.
    pub fn set_count(&mut self, count: usize) {
        self.count = count;
    }

    /// The buffers that the consumer handed over.
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// The buffers that the consumer handed over, to receive into.
    pub fn buffers_mut(&mut self) -> &mut Buffers {
        &mut self.buffers
    }

    /// An input that the consumer set; `None` if the index is above 3, or nothing or another type
    /// is there.
    pub fn input<T: Send + Sync + 'static>(&self, index: usize) -> Option<Arc<T>> {
        self.core().input(index).and_then(|input: Input| input.downcast().ok())
    }

    /// Stores an output for the consumer.
    ///
    /// # Errors
    /// `Invalid` if the index is above 3; the value is dropped.
    pub fn set_output(&mut self, index: usize, value: Box<dyn Any + Send>) -> Result<(), Error> {
        if index >= SLOTS {
            return Err(Error::Invalid);
        }
        let old = self.core().slot.with(|state| state.slots_mut().outputs[index].replace(value));
        drop(old);
        Ok(())
    }

    /// Takes the message that the consumer set; on failure of the operation it must go back.
    pub fn take_message(&mut self) -> Option<Box<dyn Any + Send>> {
        self.core().slot.with(|state| state.slots().and_then(|slots| slots.message.take()))
    }

    /// Stores a message for the consumer.
    pub fn set_message(&mut self, message: Box<dyn Any + Send>) {
        let old = self.core().slot.with(|state| state.slots_mut().message.replace(message));
        drop(old);
    }

    /// Ends the operation. Its result and count are frozen, after an error the count is 0; the callback
    /// is queued.
    ///
    /// # Context
    /// Does not block and runs no user code; any lock of the provider's may be held.
    pub fn finish(mut self, result: Result<(), Error>) {
        if result.is_err() {
            self.count = 0;
        }
        self.complete(result.map_or_else(Error::code, |()| 0));
    }

    /// Ends the operation with success and `count` bytes moved.
    pub fn finish_with_count(mut self, count: usize) {
        self.count = count;
        self.complete(0);
    }

    /// Ends the operation with `error` after `count` bytes were moved, for providers whose consumers can
    /// make use of a part. After [`finish`](Self::finish) with an error the count is 0.
    pub fn fail_with_count(mut self, error: Error, count: usize) {
        self.count = count;
        self.complete(error.code());
    }

    fn complete(mut self, result: i32) {
        if let Some(core) = self.core.take() {
            Core::finish(core, result, self.count, std::mem::take(&mut self.buffers), self.timed);
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Some(core) = self.core.take() {
            log::error("NNG-AIO", "an operation was dropped unfinished; it ends as canceled");
            let buffers = std::mem::take(&mut self.buffers);
            Core::finish(core, Error::Canceled.code(), 0, buffers, self.timed);
        }
    }
}

impl OperationId {
    pub(crate) fn generation(self) -> u32 {
        self.generation
    }

    pub(crate) fn of(core: &Arc<Core>, generation: u32) -> Self {
        Self { core: Arc::as_ptr(core).addr(), generation }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("generation", &self.generation)
            .field("count", &self.count)
            .field("buffers", &self.buffers)
            .finish_non_exhaustive()
    }
}
