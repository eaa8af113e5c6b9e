//! The states of one aio: no lock, no I/O, no clock, no callback.
//!
//! ```text
//!  Idle --begin--> Begun --arm--> Armed --claim--> Claimed
//!                    |              |                 |
//!                    +----finish----+-----finish------+--> Finished --start_callback--> Idle
//!  Begun + claim    remembered; arm reports it          (without callback: straight to Idle)
//!  any + stop       no further begin
//! ```
//!
//! A callback runs beside these phases: while it does, the aio may be begun and finished again, and
//! the next callback starts only when the previous one returned. Every transition is a method named
//! for its event; time comes in as an argument and effects go out as values. Events that carry an
//! operation's generation and come late find another generation and do nothing.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use crate::Error;
use crate::buffer::Buffers;
use crate::operation::{Cancel, Operation};
use crate::sys::Summary;
use crate::timeout::{Limit, Resolved, Timeout};

/// The number of inputs, and of outputs, of an aio.
pub(crate) const SLOTS: usize = 4;

/// Anything handed to a provider.
pub(crate) type Input = Arc<dyn Any + Send + Sync>;
/// Anything handed back to the consumer; also the message.
pub(crate) type Output = Box<dyn Any + Send>;

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
    pub(crate) result: i32,
    pub(crate) count: usize,
    limit: Limit,
    sticky: Timeout,
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
}

/// Why an operation was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The aio was stopped; its result says `NNG_ECANCELED` and no callback runs.
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
    /// The running callback's end will do it.
    Deferred,
    /// There is no callback; wake those who wait, if any.
    Idle { wake: bool },
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
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Idle,
            generation: 0,
            in_callback: false,
            stopped: false,
            has_waiters: false,
            result: 0,
            count: 0,
            limit: Limit::Relative(Timeout::Default),
            sticky: Timeout::Default,
            buffers: Buffers::new(),
            slots: None,
        }
    }

    /// Accepts an operation, or says why not. The outputs of the last one are cleared either way;
    /// what nobody took comes back to be dropped outside the cell.
    pub(crate) fn begin(&mut self) -> (Result<Begun, Refused>, Stale) {
        match self.phase {
            Phase::Idle => {}
            Phase::Begun { .. } | Phase::Armed { .. } | Phase::Claimed | Phase::Finished => {
                let why = if self.stopped { Refused::Stopped } else { Refused::Busy };
                return (Err(why), None);
            }
        }
        let stale = self.slots.as_mut().map(|slots| std::mem::take(&mut slots.outputs));
        self.count = 0;
        if self.stopped {
            self.result = Error::Canceled.code();
            return (Err(Refused::Stopped), stale);
        }
        self.result = 0;
        self.generation = self.generation.wrapping_add(1);
        self.phase = Phase::Begun { abort: None };
        let buffers = std::mem::take(&mut self.buffers);
        (Ok(Begun { generation: self.generation, buffers }), stale)
    }

    /// Makes the begun operation cancellable, or says why it must end now.
    ///
    /// Returns its deadline. On refusal the phase stays and the provider finishes with the error.
    pub(crate) fn arm(
        &mut self,
        cancel: Arc<dyn Cancel>,
        default: Timeout,
        now: impl FnOnce() -> Instant,
    ) -> Result<Option<Instant>, (Error, Arc<dyn Cancel>)> {
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
        self.take_limit();
        match self.phase {
            Phase::Begun { abort: Some(error) } => return Err((error, cancel)),
            Phase::Begun { abort: None } if self.stopped => return Err((Error::Closed, cancel)),
            Phase::Begun { abort: None } => {}
            Phase::Idle | Phase::Armed { .. } | Phase::Claimed | Phase::Finished => {
                unreachable!("an operation is armed once, by whoever began it")
            }
        }
        self.phase = Phase::Armed { cancel, deadline };
        Ok(deadline)
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
        has_callback: bool,
    ) -> (AfterFinish, Option<Arc<dyn Cancel>>) {
        self.result = result;
        self.count = count;
        self.buffers = buffers;
        if self.is_begun() {
            // It ended without waiting, so its limit was never asked for.
            self.take_limit();
        }
        let next = if has_callback { Phase::Finished } else { Phase::Idle };
        let cancel = match std::mem::replace(&mut self.phase, next) {
            Phase::Begun { .. } | Phase::Claimed => None,
            Phase::Armed { cancel, .. } => Some(cancel),
            Phase::Idle | Phase::Finished => unreachable!("an operation is finished once"),
        };
        let after = match (has_callback, self.in_callback) {
            (true, true) => AfterFinish::Deferred,
            (true, false) => AfterFinish::Schedule,
            (false, _) => AfterFinish::Idle { wake: std::mem::take(&mut self.has_waiters) },
        };
        (after, cancel)
    }

    /// The queued callback is about to run. From here on the aio may be begun again.
    pub(crate) fn start_callback(&mut self) {
        assert!(
            matches!(self.phase, Phase::Finished) && !self.in_callback,
            "a callback starts once, for a finished operation"
        );
        self.phase = Phase::Idle;
        self.in_callback = true;
    }

    /// The callback returned.
    pub(crate) fn end_callback(&mut self) -> AfterCallback {
        assert!(self.in_callback, "a callback ends once");
        self.in_callback = false;
        match self.phase {
            Phase::Finished => AfterCallback::Schedule,
            Phase::Idle => AfterCallback::Idle { wake: std::mem::take(&mut self.has_waiters) },
            Phase::Begun { .. } | Phase::Armed { .. } | Phase::Claimed => AfterCallback::Busy,
        }
    }

    /// Notes that a thread is about to sleep until the aio is idle. False if it is idle already.
    pub(crate) fn want_wake(&mut self) -> bool {
        let busy = is_busy(self.summary());
        self.has_waiters |= busy;
        busy
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

    /// Message, inputs and outputs, made on first use.
    pub(crate) fn slots_mut(&mut self) -> &mut Slots {
        self.slots.get_or_insert_default()
    }

    /// Message, inputs and outputs, if any was ever used.
    pub(crate) fn slots(&mut self) -> Option<&mut Slots> {
        self.slots.as_deref_mut()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::operation::OperationId;

    /// A provider that is only ever compared.
    struct Nobody;

    impl Cancel for Nobody {
        fn cancel(self: Arc<Self>, _id: OperationId, _error: Error) {}
    }

    /// What may happen to an aio. Times are in milliseconds since the test began.
    #[derive(Clone, Debug)]
    enum Event {
        Begin,
        Arm { default: Timeout, now: u64 },
        ArmUntil(Option<u64>),
        Claim(Error),
        Expire { now: u64 },
        Stop,
        Finish { result: i32, count: usize },
        StartCallback,
        EndCallback,
        SetTimeout(Timeout),
        SetExpire(Option<u64>),
        WantWake,
    }

    fn timeouts() -> impl Strategy<Value = Timeout> {
        prop_oneof![
            Just(Timeout::Infinite),
            Just(Timeout::Default),
            Just(Timeout::Over),
            Just(Timeout::After(Duration::ZERO)),
            (1..20_u64).prop_map(|millis| Timeout::After(Duration::from_millis(millis))),
        ]
    }

    fn errors() -> impl Strategy<Value = Error> {
        prop_oneof![Just(Error::Canceled), Just(Error::Closed), Just(Error::Other(4711))]
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            6 => Just(Event::Begin),
            4 => (timeouts(), 0..50_u64).prop_map(|(default, now)| Event::Arm { default, now }),
            2 => proptest::option::of(0..50_u64).prop_map(Event::ArmUntil),
            2 => errors().prop_map(Event::Claim),
            2 => (0..60_u64).prop_map(|now| Event::Expire { now }),
            1 => proptest::bool::weighted(0.3).prop_map(|ends| {
                if ends { Event::Stop } else { Event::WantWake }
            }),
            6 => (-2..2_i32, 0..9_usize).prop_map(|(result, count)| Event::Finish { result, count }),
            4 => Just(Event::StartCallback),
            4 => Just(Event::EndCallback),
            1 => timeouts().prop_map(Event::SetTimeout),
            1 => proptest::option::of(0..50_u64).prop_map(Event::SetExpire),
            2 => Just(Event::WantWake),
        ];
        proptest::collection::vec(event, 0..80)
    }

    /// The aio as its documentation tells it: facts about the operation in flight, and the rest.
    #[derive(Default)]
    struct Model {
        in_flight: Option<InFlight>,
        is_callback_due: bool,
        is_callback_running: bool,
        is_stopped: bool,
        is_awaited: bool,
        operations: u32,
        result: i32,
        count: usize,
        timeout: Timeout,
        /// For the next operation alone; the inner `None` is never.
        expiry: Option<Option<u64>>,
    }

    #[derive(Default)]
    struct InFlight {
        abort: Option<Error>,
        /// The provider to be asked; gone when it was.
        provider: Option<Arc<dyn Cancel>>,
        was_armed: bool,
        deadline: Option<u64>,
    }

    impl Model {
        fn is_busy(&self) -> bool {
            self.in_flight.is_some() || self.is_callback_due || self.is_callback_running
        }

        /// The end of an operation that arms now, or `Err` if it may not wait at all.
        fn end(&mut self, default: Timeout, now: u64) -> Result<Option<u64>, Error> {
            let timeout = match (self.expiry.take(), self.timeout) {
                (Some(expiry), _) => return Ok(expiry),
                (None, Timeout::Default) => default,
                (None, timeout) => timeout,
            };
            match timeout {
                Timeout::Infinite | Timeout::Default => Ok(None),
                Timeout::Over => Ok(Some(now)),
                Timeout::After(Duration::ZERO) => Err(Error::TimedOut),
                Timeout::After(limit) => Ok(Some(now + u64::try_from(limit.as_millis()).unwrap())),
            }
        }

        fn refusal(&self, end: &Result<Option<u64>, Error>) -> Option<Error> {
            let operation = self.in_flight.as_ref().unwrap();
            let stopped = self.is_stopped.then_some(Error::Closed);
            end.err().or(operation.abort).or(stopped)
        }

        /// Whom the first asker has to call.
        fn ask(&mut self) -> Option<(Arc<dyn Cancel>, u32)> {
            let provider = self.in_flight.as_mut()?.provider.take()?;
            Some((provider, self.operations))
        }
    }

    /// The state under test beside its model.
    struct Pair {
        state: OpState,
        model: Model,
        has_callback: bool,
        epoch: Instant,
    }

    type Asked = Option<(Arc<dyn Cancel>, u32)>;

    fn same(actual: &Asked, expected: &Asked) -> bool {
        match (actual, expected) {
            (None, None) => true,
            (Some((one, first)), Some((other, second))) => {
                Arc::ptr_eq(one, other) && first == second
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    impl Pair {
        fn at(&self, millis: u64) -> Instant {
            self.epoch + Duration::from_millis(millis)
        }

        /// Lets the event happen to both, unless nobody could cause it now.
        fn happens(&mut self, event: &Event) -> Result<(), TestCaseError> {
            match *event {
                Event::Begin => self.begin(),
                Event::Arm { default, now } => self.arm(default, now),
                Event::ArmUntil(end) => self.arm_until(end),
                Event::Claim(error) => {
                    let asked = self.state.claim(error);
                    if let Some(operation) = &mut self.model.in_flight
                        && !operation.was_armed
                    {
                        operation.abort.get_or_insert(error);
                    }
                    prop_assert!(same(&asked, &self.model.ask()));
                    Ok(())
                }
                Event::Expire { now } => {
                    let asked = self.state.claim_expired(self.at(now));
                    let end =
                        self.model.in_flight.as_ref().and_then(|operation| operation.deadline);
                    let is_due = end.is_some_and(|end| end <= now);
                    let expected = if is_due { self.model.ask() } else { None };
                    prop_assert!(same(&asked, &expected));
                    Ok(())
                }
                Event::Stop => {
                    self.model.is_stopped = true;
                    prop_assert!(same(&self.state.stop(), &self.model.ask()));
                    Ok(())
                }
                Event::Finish { result, count } => self.finish(result, count),
                Event::StartCallback => {
                    if self.model.is_callback_due && !self.model.is_callback_running {
                        self.model.is_callback_due = false;
                        self.model.is_callback_running = true;
                        self.state.start_callback();
                    }
                    Ok(())
                }
                Event::EndCallback => self.end_callback(),
                Event::SetTimeout(timeout) => {
                    self.model.timeout = timeout;
                    self.model.expiry = None;
                    self.state.set_timeout(timeout);
                    Ok(())
                }
                Event::SetExpire(expiry) => {
                    self.model.expiry = Some(expiry);
                    self.state.set_expire(expiry.map(|at| self.at(at)));
                    Ok(())
                }
                Event::WantWake => {
                    self.model.is_awaited |= self.model.is_busy();
                    prop_assert_eq!(self.state.want_wake(), self.model.is_busy());
                    Ok(())
                }
            }
        }

        fn begin(&mut self) -> Result<(), TestCaseError> {
            let model = &mut self.model;
            let (begun, _stale) = self.state.begin();
            let is_free = model.in_flight.is_none() && !model.is_callback_due;
            match begun {
                Err(Refused::Stopped) => prop_assert!(model.is_stopped),
                Err(Refused::Busy) => prop_assert!(!is_free),
                Err(Refused::Forked) => prop_assert!(false, "a state knows nothing of processes"),
                Ok(begun) => {
                    prop_assert!(is_free && !model.is_stopped);
                    model.operations += 1;
                    prop_assert_eq!(begun.generation, model.operations);
                    model.in_flight = Some(InFlight::default());
                    (model.result, model.count) = (0, 0);
                    return Ok(());
                }
            }
            if is_free {
                (model.result, model.count) = (Error::Canceled.code(), 0);
            }
            Ok(())
        }

        /// Only whoever holds the operation arms it, and once.
        fn may_arm(&self) -> bool {
            self.model.in_flight.as_ref().is_some_and(|operation| !operation.was_armed)
        }

        fn arm(&mut self, default: Timeout, now: u64) -> Result<(), TestCaseError> {
            if !self.may_arm() {
                return Ok(());
            }
            let provider: Arc<dyn Cancel> = Arc::new(Nobody);
            let at = self.at(now);
            let armed = self.state.arm(Arc::clone(&provider), default, || at);
            let end = self.model.end(default, now);
            self.armed(armed, provider, end)
        }

        fn arm_until(&mut self, end: Option<u64>) -> Result<(), TestCaseError> {
            if !self.may_arm() {
                return Ok(());
            }
            let provider: Arc<dyn Cancel> = Arc::new(Nobody);
            let at = end.map(|end| self.at(end));
            let armed = self.state.arm_until(Arc::clone(&provider), at);
            self.model.expiry = None;
            self.armed(armed, provider, Ok(end))
        }

        fn armed(
            &mut self,
            armed: Result<Option<Instant>, (Error, Arc<dyn Cancel>)>,
            provider: Arc<dyn Cancel>,
            end: Result<Option<u64>, Error>,
        ) -> Result<(), TestCaseError> {
            match (self.model.refusal(&end), armed) {
                (None, Ok(deadline)) => {
                    let end = end.unwrap();
                    prop_assert_eq!(deadline, end.map(|end| self.at(end)));
                    let operation = self.model.in_flight.as_mut().unwrap();
                    operation.provider = Some(provider);
                    operation.was_armed = true;
                    operation.deadline = end;
                }
                (Some(expected), Err((error, _))) => prop_assert_eq!(error, expected),
                (expected, armed) => {
                    prop_assert!(false, "{expected:?}, but arming {:?}", armed.map_err(|e| e.0));
                }
            }
            Ok(())
        }

        fn finish(&mut self, result: i32, count: usize) -> Result<(), TestCaseError> {
            let Some(operation) = self.model.in_flight.take() else { return Ok(()) };
            let (after, provider) =
                self.state.finish(result, count, Buffers::new(), self.has_callback);
            let model = &mut self.model;
            prop_assert_eq!(provider.is_some(), operation.provider.is_some());
            if !operation.was_armed {
                model.expiry = None;
            }
            (model.result, model.count) = (result, count);
            model.is_callback_due = self.has_callback;
            let expected = match (self.has_callback, model.is_callback_running) {
                (true, true) => AfterFinish::Deferred,
                (true, false) => AfterFinish::Schedule,
                (false, _) => AfterFinish::Idle { wake: std::mem::take(&mut model.is_awaited) },
            };
            prop_assert_eq!(after, expected);
            Ok(())
        }

        fn end_callback(&mut self) -> Result<(), TestCaseError> {
            let model = &mut self.model;
            if !std::mem::take(&mut model.is_callback_running) {
                return Ok(());
            }
            let expected = if model.is_callback_due {
                AfterCallback::Schedule
            } else if model.in_flight.is_some() {
                AfterCallback::Busy
            } else {
                AfterCallback::Idle { wake: std::mem::take(&mut model.is_awaited) }
            };
            prop_assert_eq!(self.state.end_callback(), expected);
            Ok(())
        }

        fn agrees(&self) -> Result<(), TestCaseError> {
            let (state, model) = (&self.state, &self.model);
            let is_begun = model.in_flight.as_ref().is_some_and(|operation| !operation.was_armed);
            prop_assert_eq!(is_busy(state.summary()), model.is_busy());
            prop_assert_eq!(state.summary() & STOPPED != 0, model.is_stopped);
            prop_assert_eq!(state.is_in_flight(), model.in_flight.is_some());
            prop_assert_eq!(state.is_begun(), is_begun);
            prop_assert_eq!((state.result, state.count), (model.result, model.count));
            prop_assert_eq!(state.sticky(), model.timeout);
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn does_as_its_model_under_any_events(has_callback: bool, events in events()) {
            let mut pair = Pair {
                state: OpState::new(),
                model: Model::default(),
                has_callback,
                epoch: Instant::now(),
            };
            pair.agrees()?;
            for event in &events {
                pair.happens(event)?;
                pair.agrees()?;
            }
        }
    }
}
