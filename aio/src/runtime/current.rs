//! What this thread is doing, for which runtime, and whose callbacks are on its stack.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::runtime::{Shared, Task};

/// What a thread does for its runtime at the moment; decides where a completion made on it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nothing, or a callback on a helper: the queue is somebody else's to look at.
    Apart,
    /// Handling a batch of readiness and deadlines; callbacks are gathered and queued once.
    Gathering,
    /// Running callbacks off the queue, and looking at it again afterwards.
    Running,
}

struct Place {
    /// The address of the runtime's shared part; 0 for none.
    address: Cell<usize>,
    phase: Cell<Phase>,
    /// The address of the runtime that began this thread; 0 for none.
    home: Cell<usize>,
    /// Its slot there.
    slot: Cell<usize>,
    shared: RefCell<Option<Arc<Shared>>>,
    batch: RefCell<Vec<Arc<dyn Task>>>,
    /// The innermost aio whose callback or cancel function runs here, as an address; 0 for none.
    aio: Cell<usize>,
    /// The ones further out: callbacks cancel other aios, and make turns.
    outer: RefCell<Vec<usize>>,
}

thread_local! {
    static PLACE: Place = const {
        Place {
            address: Cell::new(0),
            phase: Cell::new(Phase::Apart),
            home: Cell::new(0),
            slot: Cell::new(0),
            shared: RefCell::new(None),
            batch: RefCell::new(Vec::new()),
            aio: Cell::new(0),
            outer: RefCell::new(Vec::new()),
        }
    };
}

/// Works on this thread's place; `None` while the thread ends and its place is gone already.
fn with<R>(work: impl FnOnce(&Place) -> R) -> Option<R> {
    PLACE.try_with(work).ok()
}

/// While it lives, this thread works for a runtime.
pub(crate) struct Entered {
    before: Option<Arc<Shared>>,
    phase: Phase,
}

/// Makes this thread one of the runtime's.
pub(crate) fn enter(shared: &Arc<Shared>) -> Entered {
    // What was gathered so far is another runtime's, or an outer turn's.
    publish();
    let entered = with(|place| {
        place.address.set(Arc::as_ptr(shared).addr());
        let before = place.shared.borrow_mut().replace(Arc::clone(shared));
        Entered { before, phase: place.phase.replace(Phase::Apart) }
    });
    entered.unwrap_or_else(|| Entered { before: None, phase: Phase::Apart })
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let left = with(|place| {
            place.address.set(before.as_ref().map_or(0, |shared| Arc::as_ptr(shared).addr()));
            place.phase.set(self.phase);
            std::mem::replace(&mut *place.shared.borrow_mut(), before)
        });
        drop(left);
    }
}

/// The runtime this thread works for.
pub(crate) fn runtime() -> Option<Arc<Shared>> {
    with(|place| place.shared.borrow().clone()).flatten()
}

/// What this thread does for `shared`; `None` if it does not work for it.
pub(crate) fn phase_in(shared: &Shared) -> Option<Phase> {
    with(|place| {
        let is_ours = place.address.get() == std::ptr::from_ref(shared).addr();
        is_ours.then(|| place.phase.get())
    })
    .flatten()
}

/// Notes that `shared` began this thread, for `slot` of its crew.
pub(crate) fn settle(shared: &Shared, slot: usize) {
    with(|place| {
        place.home.set(std::ptr::from_ref(shared).addr());
        place.slot.set(slot);
    });
}

/// True on the threads of a runtime, whatever they do at the moment.
pub(crate) fn is_one_of(shared: &Shared) -> bool {
    slot_in(shared).is_some() || phase_in(shared).is_some()
}

/// The slot of this thread in the crew of `shared`; `None` if it is not one of it.
pub(crate) fn slot_in(shared: &Shared) -> Option<usize> {
    with(|place| {
        let is_ours = place.home.get() == std::ptr::from_ref(shared).addr();
        is_ours.then(|| place.slot.get())
    })
    .flatten()
}

/// Notes what this thread does from now on; returns what it did.
pub(crate) fn set_phase(phase: Phase) -> Phase {
    with(|place| place.phase.replace(phase)).unwrap_or(Phase::Apart)
}

/// Adds a callback to the batch of this thread, which is [`Gathering`](Phase::Gathering).
pub(crate) fn gather(task: Arc<dyn Task>) {
    with(|place| place.batch.borrow_mut().push(task)).expect("a thread that gathers has a place");
}

/// Works on this thread's batch.
pub(crate) fn with_batch<R: Default>(work: impl FnOnce(&mut Vec<Arc<dyn Task>>) -> R) -> R {
    with(|place| work(&mut place.batch.borrow_mut())).unwrap_or_default()
}

/// Queues what this thread has gathered, since it may not come back to it soon.
pub(crate) fn publish() {
    let gathered = with(|place| {
        let mut batch = place.batch.borrow_mut();
        // An empty one keeps its memory.
        if batch.is_empty() {
            return None;
        }
        Some((place.shared.borrow().clone()?, std::mem::take(&mut *batch)))
    });
    if let Some(Some((shared, mut batch))) = gathered {
        shared.publish(&mut batch);
    }
}

/// While it lives, a callback or cancel function of one aio runs on this thread.
pub(crate) struct Within {
    before: usize,
}

/// Notes that a callback or cancel function of the aio at `address` begins on this thread.
pub(crate) fn within(address: usize) -> Within {
    let before = with(|place| {
        let before = place.aio.replace(address);
        if before != 0 {
            place.outer.borrow_mut().push(before);
        }
        before
    });
    Within { before: before.unwrap_or(0) }
}

impl Drop for Within {
    fn drop(&mut self) {
        with(|place| {
            place.aio.set(self.before);
            if self.before != 0 {
                place.outer.borrow_mut().pop();
            }
        });
    }
}

/// The aios whose callbacks or cancel functions are on this thread's stack.
pub(crate) fn callbacks() -> Vec<usize> {
    let callbacks = with(|place| match place.aio.get() {
        0 => Vec::new(),
        innermost => {
            let mut all = place.outer.borrow().clone();
            all.push(innermost);
            all
        }
    });
    callbacks.unwrap_or_default()
}
