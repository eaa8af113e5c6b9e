//! The consumer's handle: one operation at a time, a callback, and how to end it early.
//!
//! # Source
//! nng 1.12, nng_aio_alloc(3) and the pages beside it.

use std::any::Any;
use std::fmt;
use std::mem;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::buffer::Buffers;
use crate::core::{Core, key_of};
use crate::operation::{Cancel, Operation, OperationId};
use crate::runtime::{Shared, Task};
use crate::state::{Refused, SLOTS};
use crate::timeout::Timeout;
use crate::{Error, Runtime, log, sleep};

/// A handle for asynchronous operations, one at a time, each ending in one run of the callback.
///
/// Hand it to an operation and return; when the operation has ended, the callback runs on a runtime
/// thread and reads [`result`](Self::result) and [`count`](Self::count). It may start the next
/// operation on the same aio. Callbacks of one aio never overlap, and never run on the stack of a
/// call that the user made.
///
/// Dropping it ends the operation in flight with `NNG_ECLOSED` and waits until its callback has
/// returned. Afterwards no callback runs any more, and what the callback captured and the aio held
/// is gone. In the aio's own callback and cancel function it does not wait; all that happens later.
pub struct Aio {
    core: Arc<Core>,
    hold: Hold,
}

/// What the end of a handle means for its aio.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// The end of the aio.
    Owner,
    /// Nothing: its operation goes on alone.
    Detached,
    /// Nothing: it is another name of the aio, or the form in which a callback sees it.
    Guest,
}

impl Aio {
    /// A new aio on the [global runtime](Runtime::global).
    ///
    /// # Panics
    /// If the global runtime cannot begin.
    pub fn new<F: Fn(&Self) + Send + Sync + 'static>(callback: F) -> Self {
        Self::on(Runtime::global().shared(), callback)
    }

    /// A new aio without a callback, for those who [`wait`](Self::wait): whoever ends the operation
    /// wakes them directly.
    ///
    /// # Panics
    /// If the global runtime cannot begin.
    pub fn without_callback() -> Self {
        Self::silent_on(Runtime::global().shared())
    }

    pub(crate) fn with_argument<T: Send + Sync + 'static>(
        runtime: &Arc<Shared>,
        function: Option<fn(&Self, &T)>,
        argument: T,
    ) -> Self {
        let Some(function) = function else { return Self::silent_on(runtime) };
        // All functions of this type share the closure's type, so each is known by its address.
        let key = function as usize;
        let callback = Box::new(move |aio: &Self| function(aio, &argument));
        Self { core: Core::new(runtime, Some(callback), key), hold: Hold::Owner }
    }

    pub(crate) fn on<F: Fn(&Self) + Send + Sync + 'static>(
        runtime: &Arc<Shared>,
        callback: F,
    ) -> Self {
        let core = Core::new(runtime, Some(Box::new(callback)), key_of::<F>());
        Self { core, hold: Hold::Owner }
    }

    pub(crate) fn silent_on(runtime: &Arc<Shared>) -> Self {
        Self { core: Core::new(runtime, None, 0), hold: Hold::Owner }
    }

    /// The form in which a callback sees its aio.
    pub(crate) fn guest(core: Arc<Core>) -> Self {
        Self { core, hold: Hold::Guest }
    }

    /// Another name for this aio, to be kept where a C program would keep a copy of the pointer.
    ///
    /// It can be asked for everything; its own end means nothing to the aio. Once the aio has gone
    /// it refuses every operation, as a stopped one does.
    #[must_use]
    pub fn alias(&self) -> Self {
        Self::guest(Arc::clone(&self.core))
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The runtime this aio lives on; the copy does not keep it going.
    pub fn runtime(&self) -> Runtime {
        Runtime::from_shared(Arc::clone(&self.core.runtime))
    }

    /// The result of the last operation: zero or an `NNG_E*` code; 0 while one is in flight.
    pub fn result(&self) -> i32 {
        self.core.slot.with(|state| state.result)
    }

    /// The result of the last operation as a `Result`.
    ///
    /// # Errors
    /// The error with which the operation ended.
    pub fn outcome(&self) -> Result<(), Error> {
        Error::from_code(self.result())
    }

    /// The bytes that the last operation moved; 0 while one is in flight.
    pub fn count(&self) -> usize {
        self.core.slot.with(|state| state.count)
    }

    /// True while an operation is in flight or its callback is due or running.
    pub fn is_busy(&self) -> bool {
        self.core.slot.is_busy()
    }

    /// Asks for the end of the operation in flight with `NNG_ECANCELED`; see [`abort`](Self::abort).
    pub fn cancel(&self) {
        self.abort(Error::Canceled);
    }

    /// Asks for the end of the operation in flight with `error`.
    ///
    /// The first to ask decides the error, and an operation that has ended already keeps its
    /// result. Without an operation in flight nothing happens.
    ///
    /// # Context
    /// Does not wait. The provider's cancel function runs on this thread.
    pub fn abort(&self, error: Error) {
        if !self.core.is_forked() {
            self.core.abort(error);
        }
    }

    /// Refuses every further operation, ends the one in flight with `NNG_ECANCELED`, and waits
    /// until its callback has returned. A refused start does nothing at all and the result reads
    /// `NNG_ECANCELED`.
    ///
    /// # Context
    /// Blocks, except where that could never end: in the aio's own callback and cancel function, and
    /// in callbacks that wait for each other.
    pub fn stop(&self) {
        if !self.core.is_forked() {
            self.core.stop(Error::Canceled);
            self.wait();
        }
    }

    /// As [`stop`](Self::stop), but the operation in flight ends with `error`.
    ///
    /// # Context
    /// As there.
    pub fn stop_with(&self, error: Error) {
        if !self.core.is_forked() {
            self.core.stop(error);
            self.wait();
        }
    }

    /// Waits until no operation is in flight and no callback due or running.
    ///
    /// # Context
    /// Blocks, except where that could never end; see [`stop`](Self::stop). In a host-driven
    /// runtime the waiting thread makes turns, so other callbacks may run on it.
    pub fn wait(&self) {
        self.core.wait();
    }

    /// Lets go of the aio without ending its operation: the callback still runs when it ends.
    pub fn detach(mut self) {
        if self.hold == Hold::Owner {
            self.hold = Hold::Detached;
        }
    }

    /// As dropping it, without waiting: the operation in flight ends with `NNG_ECLOSED`, its callback
    /// still runs, and what the aio holds goes after that.
    ///
    /// # Source
    /// nng 1.12, nng_aio_reap(3).
    pub fn reap(self) {
        if self.hold == Hold::Owner && !self.core.is_forked() {
            self.core.stop(Error::Closed);
        }
        self.detach();
    }

    /// Limits the following operations. Discards an expiry set before; an operation in flight that
    /// waits already is not affected.
    pub fn set_timeout(&self, timeout: impl Into<Timeout>) {
        let timeout = timeout.into();
        self.core.slot.with(|state| state.set_timeout(timeout));
    }

    /// Limits the next operation alone: if it has to wait, it ends with `NNG_ETIMEDOUT` at `at`, or
    /// as soon as possible if that has passed. `None` is no limit.
    pub fn set_expire(&self, at: impl Into<Option<Instant>>) {
        let at = at.into();
        self.core.slot.with(|state| state.set_expire(at));
    }

    /// Hands over one piece of memory for the next operation, to send from or receive into.
    ///
    /// # Errors
    /// `Busy` while an operation is in flight; the memory is then dropped.
    pub fn set_buffer(&self, buffer: Vec<u8>) -> Result<(), Error> {
        self.set_buffers(buffer)
    }

    /// Hands over up to [`MAX_PIECES`](crate::MAX_PIECES) pieces of memory for the next operation.
    /// They stay until they are taken back or replaced.
    ///
    /// # Errors
    /// `Busy` while an operation is in flight; the memory is then dropped.
    pub fn set_buffers(&self, buffers: impl Into<Buffers>) -> Result<(), Error> {
        let buffers = buffers.into();
        let replaced = self.core.slot.with(|state| {
            if state.is_in_flight() {
                return Err(buffers);
            }
            Ok(mem::replace(state.buffers(), buffers))
        });
        replaced.map(drop).map_err(|_buffers| Error::Busy)
    }

    /// Takes the first piece back; empty if there is none, it is not owned, or an operation is in
    /// flight. Of a receive, the first [`count`](Self::count) bytes are what arrived.
    pub fn take_buffer(&self) -> Vec<u8> {
        self.take_buffers().into_vec()
    }

    /// Takes all pieces back; empty while an operation is in flight.
    pub fn take_buffers(&self) -> Buffers {
        self.core.slot.with(|state| mem::take(state.buffers()))
    }

    /// Stores a message for the next operation; one that is there is dropped.
    pub fn set_message(&self, message: Box<dyn Any + Send>) {
        let old = self.core.slot.with(|state| state.slots_mut().message.replace(message));
        drop(old);
    }

    /// Takes the message: what a receive brought, or what a failed send gave back.
    pub fn take_message(&self) -> Option<Box<dyn Any + Send>> {
        self.core.slot.with(|state| state.slots()?.message.take())
    }

    /// Takes the message, for who knows its type. One of another type stays, and gives `None`.
    pub fn take_message_as<T: Send + 'static>(&self) -> Option<T> {
        let taken = self.core.slot.with(|state| {
            let message = &mut state.slots()?.message;
            if message.as_ref()?.is::<T>() { message.take() } else { None }
        });
        taken?.downcast().ok().map(|message| *message)
    }

    /// Stores something for providers; it stays until it is replaced.
    ///
    /// # Errors
    /// `Invalid` if `index` is above 3; the value is dropped.
    pub fn set_input(&self, index: usize, input: Arc<dyn Any + Send + Sync>) -> Result<(), Error> {
        if index >= SLOTS {
            return Err(Error::Invalid);
        }
        let old = self.core.slot.with(|state| state.slots_mut().inputs[index].replace(input));
        drop(old);
        Ok(())
    }

    /// What was stored for providers; `None` if nothing or another type is there.
    pub fn input<T: Send + Sync + 'static>(&self, index: usize) -> Option<Arc<T>> {
        self.core.input(index)?.downcast().ok()
    }

    /// Stores an output. Providers do that through [`Operation::set_output`]; this form is for
    /// those whose operation is [parked](Self::park).
    ///
    /// # Errors
    /// `Invalid` if `index` is above 3; the value is dropped.
    pub fn set_output(&self, index: usize, value: Box<dyn Any + Send>) -> Result<(), Error> {
        if index >= SLOTS {
            return Err(Error::Invalid);
        }
        let old = self.core.slot.with(|state| state.slots_mut().outputs[index].replace(value));
        drop(old);
        Ok(())
    }

    /// Takes an output of the last operation. A value of another type stays, and gives `None`.
    pub fn take_output<T: Send + 'static>(&self, index: usize) -> Option<T> {
        let taken = self.core.slot.with(|state| {
            let output = state.slots()?.outputs.get_mut(index)?;
            if output.as_ref()?.is::<T>() { output.take() } else { None }
        });
        taken?.downcast().ok().map(|value| *value)
    }

    /// Sleeps for `duration`, then ends with success. Ends with `NNG_ETIMEDOUT` after the aio's
    /// timeout if that is shorter.
    ///
    /// # Source
    /// nng 1.12, nng_sleep_aio(3).
    pub fn sleep(&self, duration: Duration) {
        sleep::start(self, duration);
    }

    /// Accepts an operation on behalf of a provider. From here on the provider owes its end.
    ///
    /// # Errors
    /// The reason for which there is no operation; the provider returns and touches nothing.
    ///
    /// # Panics
    /// In builds with debug assertions, if an operation is in flight on this aio: that is a defect
    /// of the program. In other builds the second start is refused and logged, the first goes on.
    pub fn begin(&self) -> Result<Operation, Refused> {
        let begun = self.core.begin();
        if let Err(Refused::Busy) = begun {
            log::error("NNG-AIO", "an operation was started on a busy aio; it is refused");
            debug_assert!(false, "an operation was started on a busy aio");
        }
        begun
    }

    /// Keeps an accepted operation in the aio itself, for providers that have only the aio.
    /// [`unpark`](Self::unpark) takes it out to finish it. If the aio is stopped or dropped before
    /// the operation is armed, it ends with `NNG_ECLOSED`.
    pub fn park(&self, operation: Operation) {
        match self.core.slot.with(|state| state.park(operation)) {
            Ok(old) => drop(old),
            Err(operation) => operation.finish(Err(Error::Closed)),
        }
    }

    /// As [`park`](Self::park), for a provider that may be at work on the operation on another thread and
    /// counts on the aio until it has finished it, as providers in C do: a stop or drop does not end it but
    /// waits until it is finished, or armed and asked to be.
    pub fn lend(&self, operation: Operation) {
        drop(self.core.slot.with(|state| state.lend(operation)));
    }

    /// Takes the parked operation; `None` if there is none, or it has been ended already.
    pub fn unpark(&self) -> Option<Operation> {
        self.core.slot.with(|state| state.slots()?.parked.take())
    }

    /// Arms the parked operation: `routine` is called, once, when somebody wants it to end, unless
    /// it has ended by then. Until `routine` has returned the operation stays in flight, whoever
    /// finishes it meanwhile: it never meets a later one.
    ///
    /// A refusal (a limit of zero, an abort or stop that came first, or `State` if it was armed
    /// before) is delivered by the same
    /// routine on a runtime thread, never on this stack, since callers usually hold the lock that
    /// the routine takes. Without a parked operation nothing happens.
    ///
    /// # Source
    /// nng 1.12, nng_aio_defer(3).
    pub fn defer<F: Fn(Error) + Send + Sync + 'static>(&self, routine: F) {
        // From here on it belongs to the aio alone, so that whoever finishes the operation passes it
        // on to be dropped where its destructor may run.
        let cancel = Arc::new(Deferred { core: Arc::downgrade(&self.core), routine });
        if let Some((id, error, cancel)) = self.core.arm_parked(cancel) {
            let refusal = Refusal { cancel, id, error, key: key_of::<F>() };
            self.core.runtime.schedule(Arc::new(refusal));
        }
    }
}

/// A cancel function given as a closure.
struct Deferred<F> {
    core: Weak<Core>,
    routine: F,
}

impl<F: Fn(Error) + Send + Sync> Cancel for Deferred<F> {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        if let Some(core) = self.core.upgrade()
            && let Some(_held) = core.hold(id)
        {
            (self.routine)(error);
        }
    }
}

/// The refusal of an arm on its way to the cancel function.
struct Refusal {
    cancel: Arc<dyn Cancel>,
    id: OperationId,
    error: Error,
    key: usize,
}

impl Task for Refusal {
    fn run(self: Arc<Self>) {
        Arc::clone(&self.cancel).cancel(self.id, self.error);
    }

    fn key(&self) -> usize {
        self.key
    }
}

impl Drop for Aio {
    fn drop(&mut self) {
        if self.hold == Hold::Guest || self.core.is_forked() {
            return;
        }
        if self.hold == Hold::Owner {
            self.core.stop(Error::Closed);
            self.core.wait();
        }
        self.core.release();
    }
}

/// Equal are names of the same aio, where a C program would compare pointers.
impl PartialEq for Aio {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

impl Eq for Aio {}

impl fmt::Debug for Aio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aio")
            .field("is_busy", &self.is_busy())
            .field("result", &self.result())
            .finish_non_exhaustive()
    }
}
