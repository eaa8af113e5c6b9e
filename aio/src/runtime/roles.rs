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

use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};

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

    /// A poller woke. Returns how many others wait.
    pub(crate) fn leave_wait(&self) -> u32 {
        self.waiting.fetch_sub(1, SeqCst) - 1
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
