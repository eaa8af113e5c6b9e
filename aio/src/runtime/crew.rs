//! The threads of a runtime: begun when a role needs one, parked when none does, ended when spare.
//!
//! A role is a token. Granting puts it into a queue under the crew's lock, and a parked thread takes
//! it, or a new thread is begun for it. At the limit of threads, or if the system has none left, the
//! role of poller is refused, the watchdog's is reserved for the next thread that comes free, and
//! whoever asked knows. A role therefore is neither lost between two threads nor held by none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::sync::{Condvar, Mutex, MutexGuard};

use crate::log;
use crate::runtime::{Shared, Task, worker};
use crate::sys::block_sigpipe;

/// Parked threads beyond this number end after [`SPARE_TIME`].
const SPARE: usize = 2;
const SPARE_TIME: Duration = Duration::from_secs(5);

/// What a thread may be asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Grant {
    /// Wait for events and run callbacks.
    Poll,
    /// Tick.
    Watch,
    /// Take callbacks from the queue until it is empty.
    Help,
}

/// What a thread does next.
pub(crate) enum Duty {
    /// A role that was granted.
    Granted(Grant),
    /// A callback whose function is slow.
    Run(Arc<dyn Task>),
    /// Nothing any more.
    Exit,
}

/// What the watchdog can see of a thread, without a lock.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Slot {
    state: AtomicU8,
    /// Grows with every wait and every callback.
    progress: AtomicU32,
}

/// Where a thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum State {
    /// Parked, watching or helping.
    Elsewhere = 0,
    /// A poller in the kernel.
    Waiting = 1,
    /// A poller at work.
    Working = 2,
}

/// All threads of a runtime.
pub(crate) struct Crew {
    limit: usize,
    slots: Box<[Slot]>,
    state: Mutex<CrewState>,
    /// A parked thread is wanted.
    wanted: Condvar,
    /// The watchdog's tick is cut short.
    ticks: Condvar,
    /// A thread ended, or its handle is there to be joined.
    ended: Condvar,
    /// Short ticks left, since callbacks were seen to block.
    pub(crate) alarm: AtomicU32,
}

struct CrewState {
    grants: VecDeque<Grant>,
    offloaded: VecDeque<Arc<dyn Task>>,
    parked: usize,
    free_slots: Vec<usize>,
    /// One above the highest slot in use since the beginning.
    slots_used: usize,
    threads: usize,
    /// Threads of these whose handle is not in `joins` yet.
    starting: usize,
    joins: Vec<JoinHandle<()>>,
    /// Handles that somebody is joining.
    joining: usize,
    shared: Weak<Shared>,
    is_stopping: bool,
}

impl Crew {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            slots: (0..limit).map(|_| Slot::default()).collect(),
            state: Mutex::new(CrewState {
                grants: VecDeque::new(),
                offloaded: VecDeque::new(),
                parked: 0,
                free_slots: Vec::new(),
                slots_used: 0,
                threads: 0,
                starting: 0,
                joins: Vec::new(),
                joining: 0,
                shared: Weak::new(),
                is_stopping: false,
            }),
            wanted: Condvar::new(),
            ticks: Condvar::new(),
            ended: Condvar::new(),
            alarm: AtomicU32::new(0),
        }
    }

    /// Tells the crew whom its threads work for.
    pub(crate) fn belong_to(&self, shared: &Arc<Shared>) {
        self.state.lock().shared = Arc::downgrade(shared);
    }

    pub(crate) fn threads(&self) -> usize {
        self.state.lock().threads
    }

    /// The slots that were ever in use.
    pub(crate) fn slots(&self) -> &[Slot] {
        let used = self.state.lock().slots_used;
        &self.slots[..used]
    }

    pub(crate) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    /// Gives a role to some thread, now or, except for a poller's, when one comes free. False if there
    /// is none.
    pub(crate) fn grant(&self, shared: &Shared, grant: Grant) -> bool {
        let mut state = self.state.lock();
        if state.is_taken(self.limit) {
            return state.reserve(shared, grant);
        }
        state.grants.push_back(grant);
        if self.call(shared, state) {
            return true;
        }
        // Somebody else may have taken this one; then one that was meant for others is left.
        let mut state = self.state.lock();
        match state.grants.iter().rposition(|queued| *queued == grant) {
            Some(place) => {
                state.grants.remove(place);
                state.reserve(shared, grant)
            }
            None => true,
        }
    }

    /// Queues a callback for a helper; gives it back if there can be no helper now.
    pub(crate) fn offload(
        &self,
        shared: &Shared,
        task: Arc<dyn Task>,
    ) -> Result<(), Arc<dyn Task>> {
        let mut state = self.state.lock();
        if state.is_stopping || state.is_taken(self.limit) {
            return Err(task);
        }
        state.offloaded.push_back(Arc::clone(&task));
        if self.call(shared, state) {
            return Ok(());
        }
        let mut state = self.state.lock();
        match state.offloaded.iter().rposition(|queued| Arc::ptr_eq(queued, &task)) {
            Some(place) => {
                let queued = state.offloaded.remove(place);
                drop(state);
                queued.map_or(Ok(()), Err)
            }
            None => Ok(()),
        }
    }

    /// Wakes or begins a thread for what was just queued. False if none could be begun.
    fn call(&self, shared: &Shared, mut state: MutexGuard<'_, CrewState>) -> bool {
        if state.wanted() <= state.parked {
            drop(state);
            self.wanted.notify_one();
            return true;
        }
        let joined = state.begin_thread();
        drop(state);
        self.spawn(shared, joined)
    }

    /// True if a thread is parked and has nothing to do.
    pub(crate) fn has_spare(&self) -> bool {
        let state = self.state.lock();
        state.parked > state.wanted()
    }

    fn spawn(&self, shared: &Shared, (slot, target): (usize, Weak<Shared>)) -> bool {
        let mut builder = std::thread::Builder::new().name(shared.config.name.clone());
        if let Some(size) = shared.config.stack_size {
            builder = builder.stack_size(size);
        }
        let spawned = builder.spawn(move || {
            block_sigpipe();
            if let Some(shared) = target.upgrade() {
                worker::run_thread(&shared, slot);
            }
        });
        let mut state = self.state.lock();
        state.starting -= 1;
        let failed = match spawned {
            Ok(handle) => {
                state.joins.retain(|join| !join.is_finished());
                state.joins.push(handle);
                None
            }
            Err(error) => {
                state.threads -= 1;
                state.free_slots.push(slot);
                // Without any thread the runtime has not begun, and its builder says so.
                (state.threads > 0).then_some(error)
            }
        };
        drop(state);
        self.ended.notify_all();
        if let Some(error) = &failed {
            log::error_later("NNG-THREAD", format!("beginning a thread failed: {error}"));
        }
        failed.is_none()
    }

    /// Parks until there is something to do.
    pub(crate) fn next_duty(&self, shared: &Shared, slot: usize) -> Duty {
        let mut state = self.state.lock();
        loop {
            if let Some(grant) = state.grants.pop_front() {
                if grant == Grant::Watch {
                    shared.roles.hold_watch();
                }
                return Duty::Granted(grant);
            }
            if let Some(task) = state.offloaded.pop_front() {
                return Duty::Run(task);
            }
            if state.is_stopping {
                return self.leave(state, slot);
            }
            let is_spare = state.parked >= SPARE;
            state.parked += 1;
            let timed_out;
            (state, timed_out) = if is_spare {
                self.wanted.wait_for(state, SPARE_TIME)
            } else {
                (self.wanted.wait(state), false)
            };
            state.parked -= 1;
            if timed_out && state.wanted() == 0 && state.parked >= SPARE {
                return self.leave(state, slot);
            }
        }
    }

    fn leave(&self, mut state: MutexGuard<'_, CrewState>, slot: usize) -> Duty {
        state.threads -= 1;
        state.free_slots.push(slot);
        drop(state);
        self.ticks.notify_all();
        self.ended.notify_all();
        Duty::Exit
    }

    /// A thread is about to end by a panic of ours.
    pub(crate) fn lose(&self) {
        self.state.lock().threads -= 1;
        self.ended.notify_all();
    }

    /// Sleeps for one tick of the watchdog; less when the runtime ends.
    pub(crate) fn tick(&self, tick: Duration) {
        let state = self.state.lock();
        drop(self.ticks.wait_for(state, tick));
    }

    /// Tells every thread to end when it has nothing left to do. Roles can still be granted: what is
    /// left to do may block.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.is_stopping = true;
        drop(state);
        self.wanted.notify_all();
        self.ticks.notify_all();
    }

    /// Returns when every thread has ended. The caller is none of them.
    pub(crate) fn join(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(join) = state.joins.pop() {
                state.joining += 1;
                drop(state);
                // A panic that ended a thread of ours was reported when it happened.
                let _ = join.join();
                state = self.state.lock();
                state.joining -= 1;
                self.ended.notify_all();
            } else if state.threads + state.starting + state.joining == 0 {
                return;
            } else {
                state = self.ended.wait(state);
            }
        }
    }
}

impl CrewState {
    /// The number of parked threads that are wanted.
    fn wanted(&self) -> usize {
        self.grants.len() + self.offloaded.len()
    }

    /// True if every thread there may be has something to do.
    fn is_taken(&self, limit: usize) -> bool {
        self.parked <= self.wanted() && self.threads >= limit
    }

    /// Nobody can take `grant` now. Except for a poller's role, which cannot wait, it goes to the next
    /// thread that comes free.
    fn reserve(&mut self, shared: &Shared, grant: Grant) -> bool {
        if grant == Grant::Poll || self.threads == 0 {
            return false;
        }
        if !self.grants.contains(&grant) {
            self.grants.push_back(grant);
        }
        if grant == Grant::Watch {
            shared.roles.reserve_watch();
        }
        true
    }

    fn begin_thread(&mut self) -> (usize, Weak<Shared>) {
        self.threads += 1;
        self.starting += 1;
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.slots_used += 1;
            self.slots_used - 1
        });
        (slot, Weak::clone(&self.shared))
    }
}

impl Slot {
    /// Notes where the thread is from now on.
    pub(crate) fn set(&self, state: State) {
        self.state.store(state as u8, Relaxed);
    }

    /// Where the thread is.
    pub(crate) fn state(&self) -> State {
        match self.state.load(Relaxed) {
            1 => State::Waiting,
            2 => State::Working,
            _ => State::Elsewhere,
        }
    }

    /// Only the thread itself counts, so a load and a store do.
    pub(crate) fn advance(&self) {
        self.progress.store(self.progress.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(crate) fn is_working(&self) -> bool {
        self.state() == State::Working
    }

    pub(crate) fn progress(&self) -> u32 {
        self.progress.load(Relaxed)
    }
}
