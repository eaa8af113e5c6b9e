//! Who polls and who watches: the counts by which threads decide, without lock or I/O.
//!
//! ```text
//!   sparse:  poller + poller, both in the kernel; one runs callbacks while the other covers
//!   busy:    poller + watchdog, which ticks and takes over when the poller is stuck
//! ```
//!
//! The law: whenever work may come, somebody waits in the kernel, or polls and will look at the
//! queue before it waits, or ticks as the watchdog. Whoever leaves a role looks again after
//! leaving; whoever queues work looks after queueing. Everything is sequentially consistent,
//! because each decision is "I made mine known, now I look at yours" on both sides.

use crate::modelled::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};

/// The roles of a runtime's threads, counted.
pub(crate) struct Roles {
    /// Pollers inside the kernel's wait, or about to enter it and yet to look at the queue.
    waiting: AtomicU32,
    /// Threads that hold the poller role, waiting or not.
    pollers: AtomicU32,
    /// Who has the watchdog's token: one of the three below.
    watch: AtomicU8,
    /// Polls follow each other so closely that one poller is enough.
    busy: AtomicBool,
    /// A kick is on its way and nobody has woken from it yet.
    kicked: AtomicBool,
}

/// Nobody has the watchdog's token.
const FREE: u8 = 0;
/// It was granted, but every thread is taken: the next that comes free will tick.
const RESERVED: u8 = 1;
/// A watchdog ticks, or a thread is on its way to do so.
const TICKING: u8 = 2;

impl Roles {
    pub(crate) fn new() -> Self {
        Self {
            waiting: AtomicU32::new(0),
            pollers: AtomicU32::new(0),
            watch: AtomicU8::new(FREE),
            busy: AtomicBool::new(false),
            kicked: AtomicBool::new(false),
        }
    }

    /// A thread takes the poller role.
    pub(crate) fn add_poller(&self) {
        self.pollers.fetch_add(1, SeqCst);
    }

    /// A thread gives the poller role up unconditionally: the runtime ends.
    pub(crate) fn remove_poller(&self) {
        self.pollers.fetch_sub(1, SeqCst);
    }

    /// A poller is about to wait; it looks at the queue after this and before it sleeps.
    pub(crate) fn enter_wait(&self) {
        self.waiting.fetch_add(1, SeqCst);
    }

    /// A poller woke.
    pub(crate) fn leave_wait(&self) {
        self.waiting.fetch_sub(1, SeqCst);
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(SeqCst)
    }

    pub(crate) fn pollers(&self) -> u32 {
        self.pollers.load(SeqCst)
    }

    /// True if somebody ticks or is about to; false also while the token waits for a thread.
    pub(crate) fn is_ticking(&self) -> bool {
        self.watch.load(SeqCst) == TICKING
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(SeqCst)
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, SeqCst);
    }

    /// Takes the watchdog's token; true if nobody had it.
    pub(crate) fn take_watch(&self) -> bool {
        self.watch.load(SeqCst) == FREE
            && self.watch.compare_exchange(FREE, TICKING, SeqCst, SeqCst).is_ok()
    }

    /// The token was granted and no thread is there to take it.
    pub(crate) fn reserve_watch(&self) {
        self.watch.store(RESERVED, SeqCst);
    }

    /// A thread takes the token that was granted.
    pub(crate) fn hold_watch(&self) {
        self.watch.store(TICKING, SeqCst);
    }

    /// Gives the watchdog's token back.
    pub(crate) fn end_watch(&self) {
        self.watch.store(FREE, SeqCst);
    }

    /// True if work that was queued just now would not be found soon: everyone sleeps, or the only
    /// ones awake may be stuck in callbacks and nobody watches them.
    pub(crate) fn needs_kick(&self) -> bool {
        !self.is_ticking() || self.waiting() >= self.pollers()
    }

    /// Claims the sending of a kick; false if one is under way.
    pub(crate) fn claim_kick(&self) -> bool {
        !self.kicked.load(SeqCst) && !self.kicked.swap(true, SeqCst)
    }

    /// A kick arrived, and whoever it woke looks at the queue after this.
    pub(crate) fn kick_arrived(&self) {
        self.kicked.store(false, SeqCst);
    }

    /// Gives the caller's poller role up if there are more than `keep` and another one waits in the
    /// kernel. After success the caller must look at the queue once more, and kick if it holds work.
    pub(crate) fn retire(&self, keep: u32) -> bool {
        let pollers = self.pollers();
        if pollers <= keep || self.waiting() == 0 {
            return false;
        }
        if self.pollers.compare_exchange(pollers, pollers - 1, SeqCst, SeqCst).is_err() {
            return false;
        }
        if self.waiting() == 0 {
            self.pollers.fetch_add(1, SeqCst);
            return false;
        }
        true
    }
}

/// Pollers, a watchdog and somebody outside, in the order of steps of `worker.rs`, `watchdog.rs` and
/// `shared.rs`, on a selector that knows kicks only. Work that is lost is a deadlock to loom.
#[cfg(all(test, loom))]
mod loom {
    use std::sync::Arc;

    use ::loom::sync::Arc as Modelled;
    use ::loom::thread;

    use super::*;
    use crate::modelled::{AtomicUsize, Condvar, Mutex};
    use crate::runtime::Task;
    use crate::runtime::queue::Queue;

    struct Nothing;

    impl Task for Nothing {
        fn run(self: Arc<Self>) {}
        fn key(&self) -> usize {
            0
        }
    }

    struct Model {
        roles: Roles,
        queue: Queue,
        /// A kick that nobody has taken yet; several become one.
        kick: Mutex<bool>,
        kicked: Condvar,
        is_stopping: AtomicBool,
        /// Tasks yet to be run; whoever runs the last ends the runtime.
        left: AtomicUsize,
    }

    impl Model {
        fn new(pollers: u32, tasks: usize) -> Modelled<Self> {
            let roles = Roles::new();
            for _ in 0..pollers {
                roles.add_poller();
            }
            Modelled::new(Self {
                roles,
                queue: Queue::new(),
                kick: Mutex::new(false),
                kicked: Condvar::new(),
                is_stopping: AtomicBool::new(false),
                left: AtomicUsize::new(tasks),
            })
        }

        fn kick(&self) {
            if self.roles.claim_kick() {
                self.kick_again();
            }
        }

        fn kick_again(&self) {
            *self.kick.lock() = true;
            self.kicked.notify_all();
        }

        fn select(&self, may_sleep: bool) {
            let mut kick = self.kick.lock();
            while !*kick && may_sleep {
                kick = self.kicked.wait(kick);
            }
            if std::mem::take(&mut *kick) {
                self.roles.kick_arrived();
            }
        }

        /// `Shared::schedule`, from a thread that is none of the runtime's.
        fn schedule(&self) {
            self.queue.push(Arc::new(Nothing));
            if self.roles.needs_kick() {
                self.kick();
            }
        }

        fn run_callbacks(&self) {
            while self.queue.pop().is_some() {
                if self.left.fetch_sub(1, SeqCst) == 1 {
                    self.is_stopping.store(true, SeqCst);
                    self.kick_again();
                }
            }
        }

        /// `Worker::poll`; with `keep` it retires when there are more pollers.
        fn poll(&self, keep: Option<u32>) {
            loop {
                if self.is_stopping.load(SeqCst) && self.queue.is_empty() {
                    self.roles.remove_poller();
                    self.kick_again();
                    return;
                }
                self.roles.enter_wait();
                self.select(self.queue.is_empty() && !self.is_stopping.load(SeqCst));
                self.roles.leave_wait();
                self.run_callbacks();
                if keep.is_some_and(|keep| self.roles.retire(keep)) {
                    if !self.queue.is_empty() {
                        self.kick();
                    }
                    return;
                }
            }
        }

        /// `Shared::hand_over`, where a thread that was granted the role polls.
        fn hand_over(&self) {
            if self.roles.waiting() == 0 {
                self.roles.add_poller();
                self.poll(None);
            } else if !self.queue.is_empty() {
                self.kick();
            }
        }

        /// The end of `watch`: the token goes back unless something would be left alone.
        fn watch(&self) {
            loop {
                self.roles.end_watch();
                let is_needed = !self.queue.is_empty() || self.roles.waiting() == 0;
                if !is_needed || !self.roles.take_watch() {
                    return;
                }
                self.run_callbacks();
                if self.is_stopping.load(SeqCst) {
                    return;
                }
                thread::yield_now();
            }
        }
    }

    fn spawn(
        model: &Modelled<Model>,
        run: impl FnOnce(&Model) + 'static,
    ) -> thread::JoinHandle<()> {
        let model = Modelled::clone(model);
        thread::spawn(move || run(&model))
    }

    #[test]
    fn what_is_queued_from_outside_is_found_by_the_one_poller() {
        ::loom::model(|| {
            let model = Model::new(1, 2);
            let poller = spawn(&model, |model| model.poll(None));
            model.schedule();
            model.schedule();
            poller.join().unwrap();
            assert_eq!(model.left.load(SeqCst), 0);
        });
    }

    #[test]
    fn what_is_queued_while_pollers_retire_is_found_by_the_one_that_stays() {
        ::loom::model(|| {
            let model = Model::new(2, 2);
            let pollers = [(); 2].map(|()| spawn(&model, |model| model.poll(Some(1))));
            model.schedule();
            model.schedule();
            for poller in pollers {
                poller.join().unwrap();
            }
            assert_eq!(model.left.load(SeqCst), 0);
        });
    }

    #[test]
    fn what_is_queued_while_the_watchdog_leaves_is_found() {
        ::loom::model(|| {
            // The other poller sits in a callback.
            let model = Model::new(2, 1);
            assert!(model.roles.take_watch());
            let poller = spawn(&model, |model| model.poll(None));
            let watchdog = spawn(&model, Model::watch);
            model.schedule();
            poller.join().unwrap();
            watchdog.join().unwrap();
            assert_eq!(model.left.load(SeqCst), 0);
        });
    }

    #[test]
    fn what_a_callback_queued_before_it_blocks_is_found() {
        ::loom::model(|| {
            let model = Model::new(2, 1);
            let poller = spawn(&model, |model| model.poll(None));
            model.queue.push(Arc::new(Nothing));
            model.hand_over();
            poller.join().unwrap();
            assert_eq!(model.left.load(SeqCst), 0);
        });
    }

    #[test]
    fn not_all_pollers_retire() {
        ::loom::model(|| {
            let model = Model::new(3, 0);
            model.roles.enter_wait();
            let working = [(); 2].map(|()| spawn(&model, |model| _ = model.roles.retire(1)));
            model.roles.leave_wait();
            model.roles.retire(1);
            for poller in working {
                poller.join().unwrap();
            }
            assert!(model.roles.pollers() >= 1);
        });
    }

    #[test]
    fn the_watchdogs_token_is_taken_once() {
        ::loom::model(|| {
            let model = Model::new(1, 0);
            let taken = Modelled::new(AtomicUsize::new(0));
            let takers = [(); 2].map(|()| {
                let taken = Modelled::clone(&taken);
                spawn(&model, move |model| {
                    if model.roles.take_watch() {
                        taken.fetch_add(1, SeqCst);
                    }
                })
            });
            for taker in takers {
                taker.join().unwrap();
            }
            assert_eq!(taken.load(SeqCst), 1);
        });
    }
}
