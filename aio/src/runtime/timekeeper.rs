//! How long a wait may last.
//!
//! One of the waiting threads keeps the time: its wait ends at the next deadline. The others end
//! theirs a little later, in case it was woken by an event before and is stuck in a callback. A
//! deadline that is set from outside and is earlier than the planned end needs a kick; one set by
//! a runtime thread is seen when that thread waits next. A thread that runs callbacks, parks or
//! stops watching makes sure before that somebody who waits has planned for the first deadline.
//!
//! The guard bounds waits for another reason. A callback that queues a completion and then blocks
//! tells nobody while no watchdog ticks, because its thread is expected back at once. While such
//! completions are made at all, every wait ends after [`GUARD`] at the latest and looks; when none
//! was made during a whole such wait, the guard goes off and idle threads sleep undisturbed.

use std::time::Duration;

use crate::clock;
use crate::deadline::{Deadlines, NEVER};
use crate::modelled::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

/// How much later than the timekeeper the others look.
const BACKUP: Duration = Duration::from_millis(BACKUP_TICKS);
const BACKUP_TICKS: u64 = 20;
/// The longest wait while callbacks queue completions unwatched.
const GUARD: Duration = Duration::from_millis(200);

/// Who keeps the time, until when, and whether waits are guarded.
pub(crate) struct Timekeeper {
    /// The waiting thread's slot plus one; 0 for nobody.
    keeper: AtomicUsize,
    /// The tick at which the keeper's wait ends; [`NEVER`] if nobody keeps the time.
    planned: AtomicU64,
    /// The tick at which the last of the others to wait looks; [`NEVER`] once one of them woke.
    backup: AtomicU64,
    guard: AtomicBool,
    /// A completion was queued unwatched since the last guarded wait ended.
    unwatched: AtomicBool,
}

impl Timekeeper {
    pub(crate) fn new() -> Self {
        Self {
            keeper: AtomicUsize::new(0),
            planned: AtomicU64::new(NEVER),
            backup: AtomicU64::new(NEVER),
            guard: AtomicBool::new(false),
            unwatched: AtomicBool::new(false),
        }
    }

    /// The limit of a wait that thread `slot` is about to enter.
    pub(crate) fn limit(&self, slot: usize, deadlines: &Deadlines) -> Option<Duration> {
        let guard = self.guard.load(SeqCst).then_some(GUARD);
        let mut first = deadlines.first();
        if first == NEVER {
            return guard;
        }
        let keeps = self.keeper.compare_exchange(0, slot + 1, SeqCst, SeqCst).is_ok();
        if keeps {
            // Whoever sets an earlier deadline either is seen here or sees the plan.
            loop {
                self.planned.store(first, SeqCst);
                let now = deadlines.first();
                if now >= first {
                    break;
                }
                first = now;
            }
        } else {
            self.backup.store(first.saturating_add(BACKUP_TICKS), SeqCst);
        }
        let until = deadlines.until(first, clock::now());
        let limit = if keeps { until } else { until + BACKUP };
        Some(guard.map_or(limit, |guard| guard.min(limit)))
    }

    /// The wait of thread `slot` is over. `limit` is what it was given, `is_idle` whether nothing
    /// had happened.
    pub(crate) fn left(&self, slot: usize, limit: Option<Duration>, is_idle: bool) {
        if self.keeper.load(SeqCst) == slot + 1 {
            self.planned.store(NEVER, SeqCst);
            self.keeper.store(0, SeqCst);
        } else if self.backup.load(SeqCst) != NEVER {
            self.backup.store(NEVER, SeqCst);
        }
        let was_guarded = is_idle && limit == Some(GUARD);
        if was_guarded && !self.unwatched.swap(false, SeqCst) {
            self.guard.store(false, SeqCst);
        }
    }

    /// True if nobody who waits will look at the first deadline, on time or a little later.
    pub(crate) fn is_missed(&self, deadlines: &Deadlines) -> bool {
        let first = deadlines.first();
        first != NEVER
            && self.planned.load(SeqCst) > first
            && self.backup.load(SeqCst) > first.saturating_add(BACKUP_TICKS)
    }

    /// True if nobody plans to look by `tick`.
    pub(crate) fn is_earlier(&self, tick: u64) -> bool {
        tick < self.planned.load(SeqCst)
    }

    /// A callback queued a completion while nobody watches. True if those who wait do not guard yet
    /// and one of them is to be kicked.
    pub(crate) fn note_unwatched(&self) -> bool {
        if !self.unwatched.load(SeqCst) {
            self.unwatched.store(true, SeqCst);
        }
        !self.guard.load(SeqCst) && !self.guard.swap(true, SeqCst)
    }
}

#[cfg(all(test, loom))]
mod loom {
    use std::sync::{Arc, Weak};
    use std::time::Instant;

    use ::loom::sync::Arc as Modelled;
    use ::loom::thread;

    use super::*;
    use crate::deadline::{DeadlineCell, Timed};

    struct Object(DeadlineCell);

    impl Timed for Object {
        fn cell(&self) -> &DeadlineCell {
            &self.0
        }
        fn due(self: Arc<Self>, _now: Instant) {}
    }

    struct Model {
        deadlines: Deadlines,
        timekeeper: Timekeeper,
        object: Arc<Object>,
    }

    impl Model {
        fn new() -> Modelled<Self> {
            let deadlines = Deadlines::new();
            let object = Arc::new(Object(deadlines.new_cell()));
            Modelled::new(Self { deadlines, timekeeper: Timekeeper::new(), object })
        }

        fn set(&self, tick: u64) -> Option<u64> {
            self.deadlines.set(&self.object.0, tick, || {
                let object: Arc<dyn Timed> = self.object.clone();
                let weak: Weak<dyn Timed> = Arc::downgrade(&object);
                weak
            })
        }

        /// The limit of a wait that a poller enters.
        fn enter(&self, slot: usize) -> Option<Duration> {
            self.timekeeper.limit(slot, &self.deadlines)
        }
    }

    fn poller(model: &Modelled<Model>, slot: usize) -> thread::JoinHandle<Option<Duration>> {
        let model = Modelled::clone(model);
        thread::spawn(move || model.enter(slot))
    }

    #[test]
    fn a_deadline_from_outside_is_planned_for_or_its_setter_is_told_to_kick() {
        ::loom::model(|| {
            let model = Model::new();
            let poller = poller(&model, 0);
            let first = model.set(7);
            let kicks = first.is_some_and(|tick| model.timekeeper.is_earlier(tick));
            let limit = poller.join().unwrap();
            assert!(limit.is_some() || kicks);
        });
    }

    #[test]
    fn an_earlier_deadline_from_outside_is_planned_for_or_its_setter_is_told_to_kick() {
        ::loom::model(|| {
            let model = Model::new();
            model.set(1 << 20);
            let poller = poller(&model, 0);
            let first = model.set(0);
            let kicks = first.is_some_and(|tick| model.timekeeper.is_earlier(tick));
            let limit = poller.join().unwrap();
            assert!(limit == Some(Duration::ZERO) || kicks);
        });
    }

    #[test]
    fn a_deadline_set_in_a_callback_is_planned_for_or_seen_to_be_missed() {
        ::loom::model(|| {
            let model = Model::new();
            // This thread kept the time and runs callbacks now, another one goes to wait.
            let limit = model.enter(0);
            model.timekeeper.left(0, limit, false);
            let poller = poller(&model, 1);
            model.set(7);
            let kicks = model.timekeeper.is_missed(&model.deadlines);
            let limit = poller.join().unwrap();
            assert!(limit.is_some() || kicks);
        });
    }

    #[test]
    fn when_the_keeper_leaves_the_other_has_planned_or_is_seen_to_miss_it() {
        ::loom::model(|| {
            let model = Model::new();
            model.set(7);
            let limit = model.enter(0);
            let poller = poller(&model, 1);
            model.timekeeper.left(0, limit, false);
            let kicks = model.timekeeper.is_missed(&model.deadlines);
            let limit = poller.join().unwrap();
            assert!(limit.is_some() || kicks);
        });
    }
}
