//! What all threads of a runtime share, and the decisions where queued work goes and who is told.
//!
//! | made where | goes | who is told |
//! |---|---|---|
//! | a batch of readiness or deadlines | the thread's batch, queued once | a watchdog, if callbacks overlap |
//! | a callback on a polling thread | the queue | nobody: this thread looks next; the guard bounds the rest |
//! | anywhere else | the queue | a poller, unless one is awake and watched |

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::Error;
use crate::core::Core;
use crate::deadline::{DeadlineCell, Deadlines, Timed};
use crate::log;
use crate::modelled::{AtomicBool, AtomicUsize, Mutex, Ordering::SeqCst};
use crate::runtime::builder::Config;
use crate::runtime::crew::{Crew, Grant};
use crate::runtime::current::{self, Phase};
use crate::runtime::detector::Detector;
use crate::runtime::host::Turns;
use crate::runtime::lookups::Lookups;
use crate::runtime::parked::Parked;
use crate::runtime::queue::Queue;
use crate::runtime::registry::Registry;
use crate::runtime::roles::Roles;
use crate::runtime::selector::Selector;
use crate::runtime::sources::Sources;
use crate::runtime::timekeeper::Timekeeper;
use crate::runtime::worker::Worker;
use crate::runtime::{Task, Watcher};
use crate::shield;
use crate::sys;

/// The parts of a runtime. Each guards itself; none calls user code with its lock held.
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// The number of forks when this runtime began: another number means another process.
    forks: u32,
    pub(crate) selector: Selector,
    pub(crate) sources: Sources,
    pub(crate) queue: Queue,
    pub(crate) roles: Roles,
    pub(crate) crew: Crew,
    pub(crate) deadlines: Deadlines,
    pub(crate) timekeeper: Timekeeper,
    pub(crate) detector: Detector,
    pub(crate) registry: Registry,
    pub(crate) lookups: Arc<Lookups>,
    /// For what else blocks.
    pub(crate) blocking: Arc<Lookups>,
    pub(crate) parked: Parked,
    pub(crate) counters: Counters,
    /// The host's threads, in turns.
    pub(crate) turns: Turns,
    /// A worker kept between the host's turns.
    pub(crate) spare_worker: Mutex<Option<Box<Worker>>>,
    /// Threads of ours that wait for an aio by making turns.
    turning_waits: AtomicUsize,
    /// No new work is accepted.
    closing: AtomicBool,
    /// Threads end as soon as the queue is empty.
    stopping: AtomicBool,
}

/// Rarely touched; relaxed, since nothing depends on them.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) panics: AtomicU64,
    pub(crate) kicks: AtomicU64,
    pub(crate) take_overs: AtomicU64,
    pub(crate) offloaded: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config) -> std::io::Result<Self> {
        sys::count_forks();
        Ok(Self {
            forks: sys::forks(),
            selector: Selector::new()?,
            sources: Sources::new(),
            queue: Queue::new(),
            roles: Roles::new(),
            crew: Crew::new(config.threads),
            deadlines: Deadlines::new(),
            timekeeper: Timekeeper::new(),
            detector: Detector::new(),
            registry: Registry::new(),
            lookups: Lookups::new(format!("{}:resolver", config.name), config.resolver_threads),
            blocking: Lookups::new(format!("{}:blocking", config.name), config.blocking_threads),
            parked: Parked::new(),
            counters: Counters::default(),
            turns: Turns::default(),
            spare_worker: Mutex::new(None),
            turning_waits: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            config,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// True in the child of a fork of the process that the runtime belongs to. Nothing of it may
    /// be touched then: the parent's selector is still shared, and its locks may be held for ever.
    pub(crate) fn is_forked(&self) -> bool {
        self.forks != sys::forks()
    }

    pub(crate) fn is_host_driven(&self) -> bool {
        self.config.host_driven
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(SeqCst)
    }

    /// Begins the end; true for the first caller.
    pub(crate) fn begin_closing(&self) -> bool {
        !self.closing.swap(true, SeqCst)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    pub(crate) fn begin_stopping(&self) {
        self.stopping.store(true, SeqCst);
    }

    /// Takes the first callback off the queue, and says how many are behind it. A child that returns
    /// from the callback it was forked in finds none.
    pub(crate) fn next_task(&self) -> Option<(Arc<dyn Task>, usize)> {
        if self.is_forked() { None } else { self.queue.pop() }
    }

    /// Queues a user callback; see the table at the head of this file.
    pub(crate) fn schedule(&self, task: Arc<dyn Task>) {
        if self.is_forked() {
            return;
        }
        match current::phase_in(self) {
            Some(Phase::Gathering) => current::gather(task),
            Some(Phase::Running) => {
                self.queue.push(task);
                self.note_unwatched();
            }
            Some(Phase::Apart) | None => {
                self.queue.push(task);
                if self.is_stopping() && !self.is_host_driven() {
                    self.call_left_over();
                } else if self.roles.needs_kick() {
                    self.kick();
                }
            }
        }
    }

    /// Something was queued while the threads end, or after they did. Each looks at the queue before
    /// it leaves its role, but this may have been too late; whoever helps also ends.
    fn call_left_over(&self) {
        if !self.crew.grant(self, Grant::Help) {
            log::error_later(
                "NNG-THREAD",
                "no thread for a callback after the runtime's end; it is lost".to_owned(),
            );
        }
    }

    /// This thread has queued work, or set an earlier deadline, in a callback, and will look after
    /// it when the callback returns. If it never does, the watchdog or the guard will, or another
    /// thread of the host.
    fn note_unwatched(&self) {
        let needs_kick = if self.is_host_driven() {
            self.roles.waiting() > 0
        } else {
            !self.roles.is_ticking() && self.timekeeper.note_unwatched()
        };
        if needs_kick {
            self.kick();
        }
    }

    /// Ends the wait of one waiting thread, unless a kick is under way.
    pub(crate) fn kick(&self) {
        if !self.is_forked() && self.roles.claim_kick() {
            self.kick_again();
        }
    }

    /// Ends the wait of one waiting thread.
    pub(crate) fn kick_again(&self) {
        self.counters.kicks.fetch_add(1, Relaxed);
        if let Err(error) = self.selector.kick() {
            log::error_later("NNG-KICK", format!("waking a poller failed: {error}"));
        }
    }

    /// Sets an object's deadline, and tells the threads that wait if it is earlier than they plan.
    pub(crate) fn set_deadline(
        &self,
        cell: &DeadlineCell,
        at: Instant,
        object: impl FnOnce() -> Weak<dyn Timed>,
    ) {
        if self.is_forked() {
            return;
        }
        let tick = self.deadlines.tick_at(at);
        if let Some(tick) = self.deadlines.set(cell, tick, object) {
            self.first_deadline_moved(tick);
        }
    }

    fn first_deadline_moved(&self, tick: u64) {
        match current::phase_in(self) {
            Some(Phase::Gathering | Phase::Running) => self.note_unwatched(),
            Some(Phase::Apart) | None => {
                if self.timekeeper.is_earlier(tick) && self.roles.needs_kick() {
                    self.kick();
                }
            }
        }
    }

    /// Adds a source.
    pub(crate) fn enter(&self, watcher: Arc<dyn Watcher>) -> Result<usize, Error> {
        if self.is_forked() {
            return Err(Error::Closed);
        }
        let token = self.sources.insert(watcher);
        // The end first marks itself, then visits the sources: one of the two sees the other.
        if self.is_closing() {
            let watcher = self.sources.remove(token);
            drop(watcher);
            return Err(Error::Closed);
        }
        Ok(token)
    }

    /// Removes a source; its watcher is the caller's to drop.
    pub(crate) fn remove_source(&self, token: usize) -> Option<Arc<dyn Watcher>> {
        if self.is_forked() { None } else { self.sources.remove(token) }
    }

    /// Queues what a thread gathered that does not come back to it soon.
    pub(crate) fn publish(&self, batch: &mut Vec<Arc<dyn Task>>) {
        if self.is_forked() {
            return;
        }
        self.queue.append(batch);
        if self.roles.needs_kick() {
            self.kick();
        }
    }

    /// This thread is about to sleep in the kernel. Whatever runtime it works for must not miss it;
    /// false if it does, because the runtime has no thread left.
    pub(crate) fn before_block(&self) -> bool {
        current::publish();
        current::runtime().is_none_or(|mine| mine.hand_over())
    }

    /// A thread of ours is about to sleep. If nobody else looks after what may come, somebody is
    /// appointed; false if there is nobody. While a watchdog ticks, that is its business.
    pub(crate) fn hand_over(&self) -> bool {
        if self.is_host_driven() || self.roles.is_ticking() || self.is_forked() {
            return true;
        }
        if self.roles.waiting() == 0 {
            return self.grant_poller();
        }
        if !self.queue.is_empty() || self.has_unplanned_deadline() {
            self.kick();
        }
        true
    }

    /// Sees to it that nothing is left alone if the foreign code that this thread is about to run
    /// blocks, with `queued` callbacks waiting behind it.
    pub(crate) fn cover(&self, queued: usize) {
        if self.is_host_driven() {
            return;
        }
        let nobody_waits = self.roles.waiting() == 0;
        if queued > 0 || nobody_waits {
            self.start_watch();
        }
        if nobody_waits && !self.roles.is_ticking() {
            self.parked.call();
        } else if !nobody_waits && self.has_unplanned_deadline() {
            self.kick();
        }
    }

    /// Polls in a callback that waits for `core`, until another thread looks after the runtime or the
    /// wait is over. Every thread is taken, so this one does what the others cannot.
    pub(crate) fn turn_within(&self, place: usize, core: &Core) {
        self.turning_waits.fetch_add(1, SeqCst);
        let mut worker = Worker::new();
        core.slot.wait_by(|| {
            worker.turn_within(self, place, core.address());
            !self.is_forked() && !self.hand_over()
        });
        self.turning_waits.fetch_sub(1, SeqCst);
        self.cover(0);
    }

    /// Runs the callback of the aio at `awaited`, for which a callback on this thread waits, if it is
    /// due and nobody else has begun with it.
    pub(crate) fn run_awaited(&self, awaited: usize) {
        if let Some(task) = self.queue.take(awaited) {
            self.cover(0);
            let before = current::set_phase(Phase::Running);
            self.shielded("a callback", || task.run());
            current::set_phase(before);
        }
    }

    /// True if threads that wait for an aio may be in the selector.
    pub(crate) fn has_turning_waits(&self) -> bool {
        self.is_host_driven() || self.turning_waits.load(SeqCst) > 0
    }

    /// True if there is a deadline that none of the waiting threads plans to look at: it was set by
    /// a thread that was expected to wait next, or whoever was told of it went to work instead.
    pub(crate) fn has_unplanned_deadline(&self) -> bool {
        self.timekeeper.is_missed(&self.deadlines)
    }

    /// Gives the poller role to a thread that has none; false if there is no such thread.
    pub(crate) fn grant_poller(&self) -> bool {
        self.roles.add_poller();
        let granted = self.crew.grant(self, Grant::Poll);
        if !granted {
            self.roles.remove_poller();
        }
        granted
    }

    /// Sees to it that a watchdog ticks.
    pub(crate) fn start_watch(&self) {
        if self.roles.take_watch() && !self.crew.grant(self, Grant::Watch) {
            self.roles.end_watch();
        }
    }

    /// Runs a piece of foreign code so that its panic ends nothing of ours.
    pub(crate) fn shielded(&self, what: &str, run: impl FnOnce()) {
        if shield::panics(run) {
            self.counters.panics.fetch_add(1, Relaxed);
            log::error("NNG-PANIC", &format!("{what} panicked; the runtime goes on"));
        }
    }
}
