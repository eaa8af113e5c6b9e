//! The state machine against an independent model, under any events in any order.

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
    Release,
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
        1 => prop_oneof![8 => Just(Event::WantWake), 2 => Just(Event::Stop), 1 => Just(Event::Release)],
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
    is_released: bool,
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

    fn is_armed(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|operation| operation.was_armed)
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
        let again = operation.was_armed.then_some(Error::State);
        let stopped = self.is_stopped.then_some(Error::Closed);
        again.or(end.err()).or(operation.abort).or(stopped)
    }

    /// All is quiet after the consumer let go; returns whether anybody waits for that.
    fn let_go(&mut self) -> bool {
        self.is_stopped = true;
        std::mem::take(&mut self.is_awaited)
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
    /// The callback while it runs.
    callback: Option<Callback>,
    epoch: Instant,
}

type Asked = Option<(Arc<dyn Cancel>, u32)>;

fn same(actual: &Asked, expected: &Asked) -> bool {
    match (actual, expected) {
        (None, None) => true,
        (Some((one, first)), Some((other, second))) => Arc::ptr_eq(one, other) && first == second,
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
                let end = self.model.in_flight.as_ref().and_then(|operation| operation.deadline);
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
            Event::Release => {
                self.model.is_released = true;
                let contents = self.state.release();
                prop_assert_eq!(contents.is_none(), self.model.is_busy());
                self.model.is_stopped |= contents.is_some();
                Ok(())
            }
            Event::Finish { result, count } => self.finish(result, count),
            Event::StartCallback => {
                if self.model.is_callback_due && !self.model.is_callback_running {
                    self.model.is_callback_due = false;
                    self.model.is_callback_running = true;
                    self.callback = self.state.start_callback();
                    prop_assert!(self.callback.is_some());
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

    fn arm(&mut self, default: Timeout, now: u64) -> Result<(), TestCaseError> {
        if self.model.in_flight.is_none() {
            return Ok(());
        }
        let provider: Arc<dyn Cancel> = Arc::new(Nobody);
        let at = self.at(now);
        let armed = self.state.arm(Arc::clone(&provider), default, || at);
        let end = if self.model.is_armed() { Ok(None) } else { self.model.end(default, now) };
        self.armed(armed, provider, end)
    }

    fn arm_until(&mut self, end: Option<u64>) -> Result<(), TestCaseError> {
        if self.model.in_flight.is_none() {
            return Ok(());
        }
        let provider: Arc<dyn Cancel> = Arc::new(Nobody);
        let at = end.map(|end| self.at(end));
        let armed = self.state.arm_until(Arc::clone(&provider), at);
        if armed.is_ok() {
            self.model.expiry = None;
        }
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
        let (after, provider) = self.state.finish(result, count, Buffers::new());
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
            (false, _) if model.is_released => AfterFinish::Released { wake: model.let_go() },
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
        } else if model.is_released {
            AfterCallback::Released { wake: model.let_go() }
        } else {
            AfterCallback::Idle { wake: std::mem::take(&mut model.is_awaited) }
        };
        prop_assert_eq!(self.state.end_callback(self.callback.take()), expected);
        Ok(())
    }

    fn agrees(&self) -> Result<(), TestCaseError> {
        let (state, model) = (&self.state, &self.model);
        let is_begun = model.in_flight.is_some() && !model.is_armed();
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
            state: OpState::new(has_callback.then(|| Box::new(|_: &Aio| ()) as Callback)),
            model: Model::default(),
            has_callback,
            callback: None,
            epoch: Instant::now(),
        };
        pair.agrees()?;
        for event in &events {
            pair.happens(event)?;
            pair.agrees()?;
        }
    }
}
