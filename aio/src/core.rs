//! What an aio is made of, and what happens to it from outside its state machine.
//!
//! The state machine is in `state.rs`, its guarded form in `slot.rs`. Here they meet the rest: the
//! deadline cell, the callback, the runtime. The consumer's handle is in `aio.rs`, the provider's
//! in `operation.rs`; a queued callback holds the core itself, which makes freeing safe.

use std::any::TypeId;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::buffer::Buffers;
use crate::deadline::{DeadlineCell, Timed};
use crate::modelled::Mutex;
use crate::operation::{Cancel, Operation, OperationId};
use crate::runtime::{self, Shared, Slept, Task, current};
use crate::slot::Slot;
use crate::state::{AfterCallback, AfterFinish, Callback, Input, Refused};
use crate::timeout::Timeout;
use crate::{Aio, Error, clock};

/// The longest turn of a thread that waits by driving its runtime; a kick ends it before.
const TURN: Duration = Duration::from_secs(1);

/// One aio, shared by its handle, its operation, its queued callback and its runtime's registry.
pub(crate) struct Core {
    pub(crate) slot: Slot,
    deadline: DeadlineCell,
    /// Tells callback functions apart.
    key: usize,
    /// The place in the runtime's registry.
    place: usize,
    pub(crate) runtime: Arc<Shared>,
}

impl Core {
    pub(crate) fn new(runtime: &Arc<Shared>, callback: Option<Callback>, key: usize) -> Arc<Self> {
        let make = |place| {
            Arc::new(Self {
                slot: Slot::new(callback),
                deadline: runtime.deadlines.new_cell(),
                key,
                place,
                runtime: Arc::clone(runtime),
            })
        };
        // The parent's locks may be held for ever in a forked child.
        if runtime.is_forked() { make(usize::MAX) } else { runtime.registry.add(make) }
    }

    /// The address that names this aio while it lives.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// True if this aio belongs to the parent process: nothing of it may be waited for.
    pub(crate) fn is_forked(&self) -> bool {
        self.runtime.is_forked()
    }

    /// Accepts an operation; see [`Aio::begin`].
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Operation, Refused> {
        if self.is_forked() {
            return Err(Refused::Forked);
        }
        let (begun, stale) = self.slot.with(|state| state.begin());
        let operation =
            begun.map(|begun| Operation::new(Arc::clone(self), begun.generation, begun.buffers));
        // Last: if a destructor panics here, the operation ends as every forgotten one does.
        drop(stale);
        operation
    }

    /// Makes the begun operation cancellable, under the consumer's limit.
    pub(crate) fn arm(
        &self,
        cancel: Arc<dyn Cancel>,
        default: Timeout,
    ) -> Result<Option<Instant>, Error> {
        let armed = self.slot.with(|state| match self.refusal() {
            Some(error) => Err((error, cancel)),
            None => state.arm(cancel, default, clock::now),
        });
        armed.map_err(|(error, _cancel)| error)
    }

    /// Makes the begun operation cancellable, with an end of the provider's.
    pub(crate) fn arm_until(
        &self,
        cancel: Arc<dyn Cancel>,
        end: Option<Instant>,
    ) -> Result<Option<Instant>, Error> {
        let armed = self.slot.with(|state| match self.refusal() {
            Some(error) => Err((error, cancel)),
            None => state.arm_until(cancel, end),
        });
        armed.map_err(|(error, _cancel)| error)
    }

    /// Makes the parked operation cancellable, where it is, if there is one. On refusal the
    /// operation's name and the provider come back.
    pub(crate) fn arm_parked(
        self: &Arc<Self>,
        cancel: Arc<dyn Cancel>,
    ) -> Option<(OperationId, Error, Arc<dyn Cancel>)> {
        let (generation, armed) = self.slot.with(|state| {
            let generation = state.slots()?.parked.as_ref()?.generation();
            // Whoever finishes it before its deadline is set would miss that.
            if !state.hold(generation) {
                return None;
            }
            let armed = match self.refusal() {
                Some(error) => Err((error, cancel)),
                None => state.arm(cancel, Timeout::Default, clock::now),
            };
            if let (Ok(Some(_)), Some(slots)) = (&armed, state.slots())
                && let Some(operation) = &mut slots.parked
            {
                operation.set_timed();
            }
            Some((generation, armed))
        })?;
        if let Ok(Some(at)) = &armed {
            self.set_deadline(*at);
        }
        self.give_back();
        let id = OperationId::of(self, generation);
        armed.err().map(|(error, cancel)| (id, error, cancel))
    }

    /// Keeps an operation in flight while the guard lives; `None` if it has ended already.
    pub(crate) fn hold(self: &Arc<Self>, id: OperationId) -> Option<Held> {
        let is_held = self.slot.with(|state| state.hold(id.generation()));
        is_held.then(|| Held(Arc::clone(self)))
    }

    fn give_back(self: &Arc<Self>) {
        if let Some(end) = self.slot.with(|state| state.give_back()) {
            // Its deadline may have been set since it was cleared.
            Self::finish(Arc::clone(self), end.result, end.count, end.buffers, true);
        }
    }

    /// Asked inside the slot: the runtime's end marks itself before it visits the slots, so an
    /// operation either is refused here or is found armed there.
    fn refusal(&self) -> Option<Error> {
        self.runtime.is_closing().then_some(Error::Closed)
    }

    pub(crate) fn set_deadline(self: &Arc<Self>, at: Instant) {
        self.runtime.set_deadline(&self.deadline, at, || {
            let timed: Arc<dyn Timed> = self.clone();
            Arc::downgrade(&timed)
        });
    }

    pub(crate) fn input(&self, index: usize) -> Option<Input> {
        self.slot.with(|state| state.slots()?.inputs.get(index)?.clone())
    }

    /// Asks the provider to end the operation in flight with `error`.
    pub(crate) fn abort(self: &Arc<Self>, error: Error) {
        let claimed = self.slot.claim(error);
        self.call_cancel(claimed, error);
    }

    /// Refuses further operations, and asks the provider to end the one in flight with `error`.
    pub(crate) fn stop(self: &Arc<Self>, error: Error) {
        let claimed = self.slot.stop();
        self.call_cancel(claimed, error);
        // An operation that only this aio holds has no provider who could be asked.
        if let Some(parked) = self.take_parked_if_unarmed() {
            parked.finish(Err(Error::Closed));
        }
    }

    fn take_parked_if_unarmed(&self) -> Option<Operation> {
        self.slot.with(|state| {
            let is_begun = state.is_begun();
            state.slots().filter(|slots| is_begun && !slots.is_lent)?.parked.take()
        })
    }

    fn call_cancel(self: &Arc<Self>, claimed: Option<(Arc<dyn Cancel>, u32)>, error: Error) {
        if let Some((cancel, generation)) = claimed {
            let id = OperationId::of(self, generation);
            self.ask(|| cancel.cancel(id, error));
        }
    }

    /// Runs a cancel function. It is foreign, and a wait for this aio in it could never end.
    fn ask(&self, cancel: impl FnOnce()) {
        let _within = current::within(self.address());
        self.runtime.shielded("a cancel function", cancel);
    }

    /// Ends the operation in flight. May be called with any lock held, so nothing foreign is dropped
    /// here: the last owner of a provider hands it over, unless another one lets go at this moment.
    pub(crate) fn finish(
        self: Arc<Self>,
        result: i32,
        count: usize,
        buffers: Buffers,
        is_timed: bool,
    ) {
        if is_timed {
            // Before the transition: after it the next operation's deadline may be there.
            self.deadline.clear();
        }
        let (after, cancel) = self.slot.finish(result, count, buffers);
        let is_orphan = cancel.as_ref().is_some_and(|cancel| Arc::strong_count(cancel) == 1);
        let runtime = is_orphan.then(|| Arc::clone(&self.runtime));
        match after {
            AfterFinish::Schedule => {
                let runtime = Arc::clone(&self.runtime);
                runtime.schedule(self);
            }
            AfterFinish::Deferred => {}
            AfterFinish::Idle { wake } => self.wake_driver(wake),
            AfterFinish::Released { wake } => {
                self.wake_driver(wake);
                let contents = self.slot.with(|state| state.take_contents());
                Leftover::send(contents, &self.runtime);
            }
        }
        // The last owner of a provider is seldom its operation.
        if let (Some(cancel), Some(runtime)) = (cancel, runtime) {
            Leftover::send(cancel, &runtime);
        }
    }

    /// A thread that waits by making turns sleeps in the selector.
    fn wake_driver(&self, wake: bool) {
        if wake && self.runtime.has_turning_waits() {
            self.runtime.kick();
        }
    }

    /// The consumer lets go. What it left here is dropped now if the aio is idle, else by a runtime
    /// thread when it is.
    pub(crate) fn release(&self) {
        let contents = self.slot.with(|state| state.release());
        drop(contents);
    }

    /// Returns when the aio is idle, or at once where waiting could never end.
    pub(crate) fn wait(self: &Arc<Self>) {
        if self.slot.is_busy() && !self.is_forked() {
            runtime::wait_within_callbacks(self.address(), || self.wait_until_idle());
        }
    }

    fn wait_until_idle(self: &Arc<Self>) {
        let runtime = &self.runtime;
        if runtime.is_host_driven() {
            runtime.before_block();
            // A turn may fork, and a child does not wait for what is its parent's.
            self.slot.wait_by(|| {
                runtime.turn(TURN, || self.slot.is_busy());
                !self.is_forked()
            });
        } else if let Some(place) = current::slot_in(runtime) {
            let mut was_called = false;
            while self.slot.is_busy() && !self.is_forked() {
                match runtime.parked.sleep(self, || runtime.before_block()) {
                    Slept::UntilIdle => {}
                    Slept::UntilCalled => {
                        was_called = true;
                        runtime.run_awaited(self.address());
                    }
                    Slept::NotAtAll => {
                        was_called = false;
                        runtime.turn_within(place, self);
                    }
                }
            }
            if was_called {
                // It may have been to poll, and this thread goes back to foreign code instead.
                runtime.cover(0);
            }
        } else {
            runtime.before_block();
            self.slot.wait();
        }
    }
}

/// Keeps an operation in flight; its end, if it comes meanwhile, is made up for.
pub(crate) struct Held(Arc<Core>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// A callback under way, and what it does to its aio when it ends, by return or by panic.
struct Running<'a> {
    core: &'a Arc<Core>,
    callback: Option<Callback>,
    is_over: bool,
}

impl Running<'_> {
    /// The callback has ended. Returns the aio if its next callback is due.
    fn end(&mut self) -> Option<Arc<Core>> {
        let core = self.core;
        self.is_over = true;
        match core.slot.end_callback(self.callback.take()) {
            AfterCallback::Schedule => return Some(core.clone()),
            AfterCallback::Busy => {}
            AfterCallback::Idle { wake } => core.wake_driver(wake),
            AfterCallback::Released { wake } => {
                core.wake_driver(wake);
                let contents = core.slot.with(|state| state.take_contents());
                // The callback may be panicking.
                core.runtime.shielded("a destructor", || drop(contents));
            }
        }
        None
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(core) = self.end()
        {
            self.core.runtime.schedule(core);
        }
    }
}

impl Task for Core {
    fn run(self: Arc<Self>) {
        let runtime = Arc::clone(&self.runtime);
        if let Some(next) = self.run_then() {
            runtime.schedule(next);
        }
    }

    /// What is due after a callback is the next one of the same aio: it has been begun and finished
    /// again meanwhile.
    fn run_then(self: Arc<Self>) -> Option<Arc<dyn Task>> {
        let callback = self.slot.start_callback();
        let aio = Aio::guest(self);
        let core = aio.core();
        let mut running = Running { core, callback, is_over: false };
        let within = current::within(core.address());
        if let Some(callback) = &running.callback {
            callback(&aio);
        }
        drop(within);
        let next: Arc<dyn Task> = running.end()?;
        Some(next)
    }

    fn key(&self) -> usize {
        self.key
    }
}

/// Something foreign on its way to be dropped where foreign code may run.
struct Leftover<T> {
    value: Mutex<Option<T>>,
    /// Keeps the queue alive that this is in.
    _runtime: Arc<Shared>,
}

impl<T: Send + 'static> Leftover<T> {
    fn send(value: T, runtime: &Arc<Shared>) {
        let value = Mutex::new(Some(value));
        runtime.schedule(Arc::new(Self { value, _runtime: Arc::clone(runtime) }));
    }
}

impl<T: Send + 'static> Task for Leftover<T> {
    fn run(self: Arc<Self>) {
        let value = self.value.lock().take();
        drop(value);
    }

    fn key(&self) -> usize {
        0
    }
}

impl Timed for Core {
    fn cell(&self) -> &DeadlineCell {
        &self.deadline
    }

    fn due(self: Arc<Self>, now: Instant) {
        if let Some((cancel, generation)) = self.slot.with(|state| state.claim_expired(now)) {
            let id = OperationId::of(&self, generation);
            self.ask(|| cancel.expired(id));
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if !self.is_forked() {
            self.runtime.deadlines.forget(&self.deadline);
            self.runtime.registry.remove(self.place);
        }
    }
}

/// A number for the type of a callback: every closure has its own.
pub(crate) fn key_of<F: 'static>() -> usize {
    struct Only(u64);

    impl Hasher for Only {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            for &byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(byte));
            }
        }

        fn write_u64(&mut self, value: u64) {
            self.0 ^= value;
        }
    }

    let mut hasher = Only(0);
    TypeId::of::<F>().hash(&mut hasher);
    // Either half of the number tells the types apart well enough.
    usize::try_from(hasher.finish() >> 32).unwrap_or_default()
}
