//! The threads of a runtime: begun when a role needs one, parked when none does, ended when spare.
//!
//! A role is a token. Granting puts it into a queue under the crew's lock; a parked thread takes it,
//! or a new thread is begun for it, or, at the limit, the next thread that comes free takes it. A
//! granted role therefore cannot be lost between two threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::log;
use crate::runtime::{Shared, Task, worker};

/// Parked threads beyond this number end after [`SPARE_TIME`].
const SPARE: usize = 2;
const SPARE_TIME: Duration = Duration::from_secs(5);

/// What a thread may be asked to do.
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
    joins: Vec<JoinHandle<()>>,
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
                joins: Vec::new(),
                shared: Weak::new(),
                is_stopping: false,
            }),
            wanted: Condvar::new(),
            ticks: Condvar::new(),
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

    /// Gives a role to some thread. False if there is no thread at all that could ever take it.
    pub(crate) fn grant(&self, shared: &Shared, grant: Grant) -> bool {
        let mut state = self.state.lock();
        if state.is_stopping {
            return false;
        }
        state.grants.push_back(grant);
        if !state.wants_thread(self.limit) {
            drop(state);
            self.wanted.notify_one();
            return true;
        }
        let joined = state.begin_thread();
        drop(state);
        match self.spawn(shared, joined) {
            Ok(()) => true,
            Err(threads) => {
                let mut state = self.state.lock();
                // Whoever comes free takes it; if nobody is there, nobody will.
                threads > 0 || state.grants.pop_back().is_none()
            }
        }
    }

    /// Queues a callback for a helper; gives it back if there can be no helper now.
    pub(crate) fn offload(
        &self,
        shared: &Shared,
        task: Arc<dyn Task>,
    ) -> Result<(), Arc<dyn Task>> {
        let mut state = self.state.lock();
        let backlog = state.grants.len() + state.offloaded.len();
        if state.is_stopping || (state.parked <= backlog && state.threads >= self.limit) {
            return Err(task);
        }
        state.offloaded.push_back(task);
        if !state.wants_thread(self.limit) {
            drop(state);
            self.wanted.notify_one();
            return Ok(());
        }
        let joined = state.begin_thread();
        drop(state);
        // If no thread could be begun, the task waits for the next one that comes free: pollers
        // exist and retire or take over sooner or later.
        let _ = self.spawn(shared, joined);
        Ok(())
    }

    /// True if a thread is parked and has nothing to do.
    pub(crate) fn has_spare(&self) -> bool {
        let state = self.state.lock();
        state.parked > state.grants.len() + state.offloaded.len()
    }

    fn spawn(&self, shared: &Shared, (slot, target): (usize, Weak<Shared>)) -> Result<(), usize> {
        let mut builder = std::thread::Builder::new().name(shared.config.name.clone());
        if let Some(size) = shared.config.stack_size {
            builder = builder.stack_size(size);
        }
        let spawned = builder.spawn(move || {
            if let Some(shared) = target.upgrade() {
                worker::run_thread(&shared, slot);
            }
        });
        let mut state = self.state.lock();
        match spawned {
            Ok(handle) => {
                state.joins.retain(|join| !join.is_finished());
                state.joins.push(handle);
                Ok(())
            }
            Err(error) => {
                state.threads -= 1;
                state.free_slots.push(slot);
                let threads = state.threads;
                drop(state);
                log::error("NNG-THREAD", &format!("beginning a thread failed: {error}"));
                Err(threads)
            }
        }
    }

    /// Parks until there is something to do.
    pub(crate) fn next_duty(&self, slot: usize) -> Duty {
        let mut state = self.state.lock();
        loop {
            if let Some(grant) = state.grants.pop_front() {
                return Duty::Granted(grant);
            }
            if let Some(task) = state.offloaded.pop_front() {
                return Duty::Run(task);
            }
            if state.is_stopping {
                return state.leave(slot);
            }
            let is_spare = state.parked >= SPARE;
            state.parked += 1;
            let timed_out = if is_spare {
                self.wanted.wait_for(&mut state, SPARE_TIME).timed_out()
            } else {
                self.wanted.wait(&mut state);
                false
            };
            state.parked -= 1;
            let has_work = !state.grants.is_empty() || !state.offloaded.is_empty();
            if timed_out && !has_work && state.parked >= SPARE {
                return state.leave(slot);
            }
        }
    }

    /// Sleeps for one tick of the watchdog; false when the threads are to end.
    pub(crate) fn tick(&self, tick: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.is_stopping {
            self.ticks.wait_for(&mut state, tick);
        }
        !state.is_stopping
    }

    /// Tells every thread to end when it has nothing left to do.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.is_stopping = true;
        drop(state);
        self.wanted.notify_all();
        self.ticks.notify_all();
    }

    /// The handles of all threads, to be joined once.
    pub(crate) fn take_joins(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.state.lock().joins)
    }
}

impl CrewState {
    /// True if what is to be done exceeds the parked threads and another one may be begun.
    fn wants_thread(&self, limit: usize) -> bool {
        self.grants.len() + self.offloaded.len() > self.parked && self.threads < limit
    }

    fn begin_thread(&mut self) -> (usize, Weak<Shared>) {
        self.threads += 1;
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.slots_used += 1;
            self.slots_used - 1
        });
        (slot, Weak::clone(&self.shared))
    }

    fn leave(&mut self, slot: usize) -> Duty {
        self.threads -= 1;
        self.free_slots.push(slot);
        Duty::Exit
    }
}

impl Slot {
    pub(crate) fn set(&self, state: State) {
        self.state.store(state as u8, Relaxed);
    }

    /// Only the thread itself counts, so a load and a store do.
    pub(crate) fn advance(&self) {
        self.progress.store(self.progress.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(crate) fn is_working(&self) -> bool {
        self.state.load(Relaxed) == State::Working as u8
    }

    pub(crate) fn progress(&self) -> u32 {
        self.progress.load(Relaxed)
    }
}
