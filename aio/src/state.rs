//! The states of one aio: no lock, no I/O, no clock, no callback.
//!
//! ```text
//!  Idle --begin--> Begun --arm--> Armed --claim--> Claimed
//!                    |              |                 |
//!                    +----finish----+-----finish------+--> Finished --start_callback--> Idle
//!  Begun + claim    remembered; arm reports it          (without callback: straight to Idle)
//!  any + stop       no further begin
//!  any + release    nobody but the operation is left; what the aio holds goes when it is idle
//! ```
//!
//! A callback runs beside these phases: while it does, the aio may be begun and finished again, and
//! the next callback starts only when the previous one returned. The function itself is here while
//! it does not run, so whoever finds the aio idle finds everything that it holds. Every transition is a method named
//! for its event; time comes in as an argument and effects go out as values. Events that carry an
//! operation's generation and come late find another generation and do nothing.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::buffer::Buffers;
use crate::operation::{Cancel, Operation};
use crate::sys::Summary;
use crate::timeout::{Limit, Resolved, Timeout};
use crate::{Aio, Error};

/// The number of inputs, and of outputs, of an aio.
pub(crate) const SLOTS: usize = 4;

/// Anything handed to a provider.
pub(crate) type Input = Arc<dyn Any + Send + Sync>;
/// Anything handed back to the consumer; also the message.
pub(crate) type Output = Box<dyn Any + Send>;

/// The user's function.
pub(crate) type Callback = Box<dyn Fn(&Aio) + Send + Sync>;

/// Where the present operation stands.
enum Phase {
    /// There is none.
    Idle,
    /// Accepted and not yet cancellable; an abort that comes now is remembered for `arm`.
    Begun { abort: Option<Error> },
    /// Waiting at its provider. `deadline` is its end, if it has one.
    Armed { cancel: Arc<dyn Cancel>, deadline: Option<Instant> },
    /// Somebody asked the provider to end it; the provider has not answered yet.
    Claimed,
    /// It has its result; the callback is queued, or waits for the previous one to return.
    Finished,
}

/// Everything about an aio that changes.
pub(crate) struct OpState {
    phase: Phase,
    /// The number of the present or last operation.
    generation: u32,
    /// A callback is executing.
    in_callback: bool,
    /// For ever: no further begin.
    stopped: bool,
    /// Threads wait for idleness and want to be woken.
    has_waiters: bool,
    /// The consumer has let go.
    is_released: bool,
    has_callback: bool,
    contents: Contents,
    pub(crate) result: i32,
    pub(crate) count: usize,
    limit: Limit,
    sticky: Timeout,
}

/// What an aio holds for its consumer, to be dropped where foreign code may run.
#[derive(Default)]
pub(crate) struct Contents {
    /// Absent while it runs.
    callback: Option<Callback>,
    pub(crate) buffers: Buffers,
    /// Rarely used, so on the side.
    slots: Option<Box<Slots>>,
}

/// Message, inputs and outputs.
#[derive(Default)]
pub(crate) struct Slots {
    pub(crate) message: Option<Output>,
    pub(crate) inputs: [Option<Input>; SLOTS],
    pub(crate) outputs: [Option<Output>; SLOTS],
    /// An operation kept here for providers that have no other place for it.
    pub(crate) parked: Option<Operation>,
    /// Nobody but its provider ends that.
    pub(crate) is_lent: bool,
    /// How many threads want the operation in flight to stay that for a moment.
    holds: u32,
    /// Its end, which came meanwhile.
    postponed: Option<Postponed>,
}

/// The end of an operation that is held.
pub(crate) struct Postponed {
    pub(crate) result: i32,
    pub(crate) count: usize,
    pub(crate) buffers: Buffers,
}

/// Why an operation was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The aio was stopped. No callback runs; the result says `NNG_ECANCELED`, unless an operation is
    /// still to end.
    Stopped,
    /// An operation is in flight on this aio. It goes on undisturbed.
    Busy,
    /// The aio belongs to the runtime of the parent process.
    Forked,
}

/// An accepted operation.
pub(crate) struct Begun {
    pub(crate) generation: u32,
    pub(crate) buffers: Buffers,
}

/// Outputs that nobody took.
pub(crate) type Stale = Option<[Option<Output>; SLOTS]>;

/// What a finish leaves to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AfterFinish {
    /// Queue the callback.
    Schedule,
    /// The end of the running callback will do it, or whoever holds the operation.
    Deferred,
    /// There is no callback; wake those who wait, if any.
    Idle { wake: bool },
    /// There is no callback, and the consumer has let go: take what the aio holds; wake those who
    /// wait under another name, if any.
    Released { wake: bool },
}

/// What the end of a callback leaves to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AfterCallback {
    /// Another operation finished meanwhile: queue its callback.
    Schedule,
    /// Another operation is in flight.
    Busy,
    /// All quiet; wake those who wait, if any.
    Idle { wake: bool },
    /// All quiet, and the consumer has let go: take what the aio holds; wake those who wait under
    /// another name, if any.
    Released { wake: bool },
}

const BUSY: u32 = 1;
const STOPPED: u32 = 2;

impl Summary for OpState {
    fn summary(&self) -> u32 {
        let busy = self.in_callback || !matches!(self.phase, Phase::Idle);
        (u32::from(busy) * BUSY) | (u32::from(self.stopped) * STOPPED)
    }
}

/// True for a summary of an aio with an operation or a callback outstanding.
pub(crate) fn is_busy(summary: u32) -> bool {
    summary & BUSY != 0
}

impl OpState {
    pub(crate) fn new(callback: Option<Callback>) -> Self {
        Self {
            phase: Phase::Idle,
            generation: 0,
            in_callback: false,
            stopped: false,
            has_waiters: false,
            is_released: false,
            has_callback: callback.is_some(),
            contents: Contents { callback, ..Contents::default() },
            result: 0,
            count: 0,
            limit: Limit::Relative(Timeout::Default),
            sticky: Timeout::Default,
        }
    }

    /// Accepts an operation, or says why not. Unless another one is in flight, the outputs of the last
    /// one are cleared; what nobody took comes back to be dropped outside the cell.
    pub(crate) fn begin(&mut self) -> (Result<Begun, Refused>, Stale) {
        match self.phase {
            Phase::Idle => {}
            Phase::Begun { .. } | Phase::Armed { .. } | Phase::Claimed | Phase::Finished => {
                let why = if self.stopped { Refused::Stopped } else { Refused::Busy };
                return (Err(why), None);
            }
        }
        let stale = self.slots().map(|slots| std::mem::take(&mut slots.outputs));
        self.count = 0;
        if self.stopped {
            self.result = Error::Canceled.code();
            return (Err(Refused::Stopped), stale);
        }
        self.result = 0;
        self.generation = self.generation.wrapping_add(1);
        self.phase = Phase::Begun { abort: None };
        let buffers = std::mem::take(self.buffers());
        (Ok(Begun { generation: self.generation, buffers }), stale)
    }

    /// Makes the begun operation cancellable, or says why it must end now; `State` if it was made
    /// so before.
    ///
    /// Returns its deadline. On refusal the phase stays and the provider finishes with the error.
    pub(crate) fn arm(
        &mut self,
        cancel: Arc<dyn Cancel>,
        default: Timeout,
        now: impl FnOnce() -> Instant,
    ) -> Result<Option<Instant>, (Error, Arc<dyn Cancel>)> {
        if !self.is_begun() {
            return Err((Error::State, cancel));
        }
        let resolved = self.take_limit().resolve(default, now);
        if resolved == Resolved::Poll {
            return Err((Error::TimedOut, cancel));
        }
        let deadline = match resolved {
            Resolved::At(at) => Some(at),
            Resolved::Never | Resolved::Poll => None,
        };
        self.arm_until(cancel, deadline)
    }

    /// As [`arm`](Self::arm), with a deadline of the provider's instead of the consumer's limit.
    pub(crate) fn arm_until(
        &mut self,
        cancel: Arc<dyn Cancel>,
        deadline: Option<Instant>,
    ) -> Result<Option<Instant>, (Error, Arc<dyn Cancel>)> {
        match self.phase {
            Phase::Begun { abort: Some(error) } => return Err((error, cancel)),
            Phase::Begun { abort: None } if self.stopped => return Err((Error::Closed, cancel)),
            Phase::Begun { abort: None } => {}
            Phase::Armed { .. } | Phase::Claimed => return Err((Error::State, cancel)),
            Phase::Idle | Phase::Finished => unreachable!("only an operation in flight is armed"),
        }
        self.take_limit();
        self.phase = Phase::Armed { cancel, deadline };
        Ok(deadline)
    }

    /// True if the limit in force is zero.
    pub(crate) fn is_poll(&self) -> bool {
        self.limit == Limit::Relative(Timeout::After(Duration::ZERO))
    }

    /// The limit of the present operation. What is set from here on is for the next one.
    fn take_limit(&mut self) -> Limit {
        std::mem::replace(&mut self.limit, Limit::Relative(self.sticky))
    }

    /// The sticky relative limit.
    pub(crate) fn sticky(&self) -> Timeout {
        self.sticky
    }

    /// Asks for the end of whatever operation is in flight. The first asker gets the provider to
    /// call; an operation that is not armed yet remembers the error; anything later is too late.
    pub(crate) fn claim(&mut self, error: Error) -> Option<(Arc<dyn Cancel>, u32)> {
        match &mut self.phase {
            Phase::Armed { .. } => self.take_cancel(),
            Phase::Begun { abort } => {
                abort.get_or_insert(error);
                None
            }
            Phase::Idle | Phase::Claimed | Phase::Finished => None,
        }
    }

    /// Asks for the end of an operation whose deadline has come; late timers find nothing.
    pub(crate) fn claim_expired(&mut self, now: Instant) -> Option<(Arc<dyn Cancel>, u32)> {
        match self.phase {
            Phase::Armed { deadline: Some(at), .. } if at <= now => self.take_cancel(),
            Phase::Idle
            | Phase::Begun { .. }
            | Phase::Armed { .. }
            | Phase::Claimed
            | Phase::Finished => None,
        }
    }

    fn take_cancel(&mut self) -> Option<(Arc<dyn Cancel>, u32)> {
        match std::mem::replace(&mut self.phase, Phase::Claimed) {
            Phase::Armed { cancel, .. } => Some((cancel, self.generation)),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Keeps an operation in flight until it is [given back](Self::give_back); its end is postponed
    /// until then. False if it has ended already.
    pub(crate) fn hold(&mut self, generation: u32) -> bool {
        let is_present = self.generation == generation && self.is_in_flight();
        if is_present {
            self.slots_mut().holds += 1;
        }
        is_present
    }

    /// Ends a [hold](Self::hold). Returns the end of the operation if it came meanwhile: it is to be
    /// finished again.
    pub(crate) fn give_back(&mut self) -> Option<Postponed> {
        let slots = self.slots()?;
        slots.holds -= 1;
        if slots.holds == 0 { slots.postponed.take() } else { None }
    }

    /// Keeps an operation for a provider that has no other place for it; gives it back if the aio
    /// has been stopped, since nobody would end it any more. What was there comes back, too.
    pub(crate) fn park(&mut self, operation: Operation) -> Result<Option<Operation>, Operation> {
        if self.stopped && self.is_begun() {
            return Err(operation);
        }
        let slots = self.slots_mut();
        slots.is_lent = false;
        Ok(slots.parked.replace(operation))
    }

    /// As [`park`](Self::park), for a provider that ends it whatever happens, so that a stop waits for it.
    pub(crate) fn lend(&mut self, operation: Operation) -> Option<Operation> {
        let slots = self.slots_mut();
        slots.is_lent = true;
        slots.parked.replace(operation)
    }

    /// Refuses every further begin and arm. An armed operation's provider is to be asked to end it.
    pub(crate) fn stop(&mut self) -> Option<(Arc<dyn Cancel>, u32)> {
        self.stopped = true;
        match self.phase {
            Phase::Armed { .. } => self.take_cancel(),
            Phase::Idle | Phase::Begun { .. } | Phase::Claimed | Phase::Finished => None,
        }
    }

    /// Freezes result and count of the operation in flight. Returns what is to be done next, and
    /// the provider reference to be dropped outside the cell.
    pub(crate) fn finish(
        &mut self,
        result: i32,
        count: usize,
        buffers: Buffers,
    ) -> (AfterFinish, Option<Arc<dyn Cancel>>) {
        if let Some(slots) = self.slots().filter(|slots| slots.holds > 0) {
            slots.postponed = Some(Postponed { result, count, buffers });
            return (AfterFinish::Deferred, None);
        }
        self.result = result;
        self.count = count;
        self.contents.buffers = buffers;
        if self.is_begun() {
            // It ended without waiting, so its limit was never asked for.
            self.take_limit();
        }
        let next = if self.has_callback { Phase::Finished } else { Phase::Idle };
        let cancel = match std::mem::replace(&mut self.phase, next) {
            Phase::Begun { .. } | Phase::Claimed => None,
            Phase::Armed { cancel, .. } => Some(cancel),
            Phase::Idle | Phase::Finished => unreachable!("an operation is finished once"),
        };
        let after = match (self.has_callback, self.in_callback) {
            (true, true) => AfterFinish::Deferred,
            (true, false) => AfterFinish::Schedule,
            (false, _) if self.is_released => AfterFinish::Released { wake: self.end() },
            (false, _) => AfterFinish::Idle { wake: self.take_waiters() },
        };
        (after, cancel)
    }

    /// The queued callback is about to run. From here on the aio may be begun again.
    pub(crate) fn start_callback(&mut self) -> Option<Callback> {
        assert!(
            matches!(self.phase, Phase::Finished) && !self.in_callback,
            "a callback starts once, for a finished operation"
        );
        self.phase = Phase::Idle;
        self.in_callback = true;
        self.contents.callback.take()
    }

    /// The callback returned.
    pub(crate) fn end_callback(&mut self, callback: Option<Callback>) -> AfterCallback {
        assert!(self.in_callback, "a callback ends once");
        self.in_callback = false;
        self.contents.callback = callback;
        match self.phase {
            Phase::Finished => AfterCallback::Schedule,
            Phase::Idle if self.is_released => AfterCallback::Released { wake: self.end() },
            Phase::Idle => AfterCallback::Idle { wake: self.take_waiters() },
            Phase::Begun { .. } | Phase::Armed { .. } | Phase::Claimed => AfterCallback::Busy,
        }
    }

    /// The consumer has let go: there will be no further begin. Returns what the aio holds if it is
    /// idle; else whoever makes it idle is told to take it.
    pub(crate) fn release(&mut self) -> Option<Contents> {
        self.is_released = true;
        if is_busy(self.summary()) {
            return None;
        }
        self.end();
        Some(self.take_contents())
    }

    /// The consumer has let go and all is quiet: from here on nothing is begun under another name
    /// either. True if threads wait.
    fn end(&mut self) -> bool {
        self.stopped = true;
        self.take_waiters()
    }

    /// Takes out what the aio holds; it is idle and will not be begun again.
    pub(crate) fn take_contents(&mut self) -> Contents {
        std::mem::take(&mut self.contents)
    }

    /// Notes that a thread is about to sleep until the aio is idle. False if it is idle already.
    pub(crate) fn want_wake(&mut self) -> bool {
        let busy = is_busy(self.summary());
        self.has_waiters |= busy;
        busy
    }

    /// True if threads wait, who are then to be woken.
    fn take_waiters(&mut self) -> bool {
        std::mem::take(&mut self.has_waiters)
    }

    /// True between begin and finish: the buffers and slots belong to the provider.
    pub(crate) fn is_in_flight(&self) -> bool {
        matches!(self.phase, Phase::Begun { .. } | Phase::Armed { .. } | Phase::Claimed)
    }

    /// True between begin and arm.
    pub(crate) fn is_begun(&self) -> bool {
        matches!(self.phase, Phase::Begun { .. })
    }

    /// Sets the sticky limit; an expiry set before is forgotten.
    pub(crate) fn set_timeout(&mut self, timeout: Timeout) {
        self.sticky = timeout;
        self.limit = Limit::Relative(timeout);
    }

    /// Sets a limit for the next operation alone.
    pub(crate) fn set_expire(&mut self, at: Option<Instant>) {
        self.limit = Limit::Absolute(at);
    }

    /// The consumer's memory; while an operation is in flight it is there and not here.
    pub(crate) fn buffers(&mut self) -> &mut Buffers {
        &mut self.contents.buffers
    }

    /// Message, inputs and outputs, made on first use.
    pub(crate) fn slots_mut(&mut self) -> &mut Slots {
        self.contents.slots.get_or_insert_default()
    }

    /// Message, inputs and outputs, if any was ever used.
    pub(crate) fn slots(&mut self) -> Option<&mut Slots> {
        self.contents.slots.as_deref_mut()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
#[path = "state_tests.rs"]
mod tests;
