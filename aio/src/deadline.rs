//! Deadlines: cheap to arm and disarm, visited only when due.
//!
//! Most deadlines are set again and again and never reached, so setting one is a store into the
//! object's own [`DeadlineCell`]. The ordered map is touched only if the object has no entry there
//! or its entry is later than the new deadline; disarming touches nothing. When an entry comes up
//! the cell decides: due, moved, or gone. With the same timeout on every operation the map is thus
//! touched once per timeout period, not once per operation.
//!
//! ```text
//!   set(d):   at := d;      entry > d ?  map: remove entry, insert d, entry := d
//!   clear():  at := never
//!   due(now): for each map entry <= now: entry := never
//!                 at <= now   -> at := never, hand out
//!                 at later    -> insert at, entry := at
//!                 at == never -> forget
//! ```
//!
//! `at` and `entry` are sequentially consistent: either `set` sees that the entry is gone and
//! inserts one, or `due` sees the new `at`. Time is in ticks of one millisecond since the runtime
//! began; deadlines are rounded up and the clock down, so nothing ever fires early.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::modelled::{AtomicU64, Mutex, Ordering::SeqCst};

/// No deadline, or no entry.
pub(crate) const NEVER: u64 = u64::MAX;

/// Something whose deadline may come.
pub(crate) trait Timed: Send + Sync {
    /// Its cell, which only [`Deadlines`] and the owner's set and clear touch.
    fn cell(&self) -> &DeadlineCell;

    /// The deadline has come. Runs on a runtime thread with no lock held; must not block. The
    /// object may have been given a new deadline meanwhile and must judge for itself.
    fn due(self: Arc<Self>, now: Instant);
}

/// The deadline of one object.
#[derive(Debug)]
pub(crate) struct DeadlineCell {
    /// The tick of the deadline, or [`NEVER`].
    at: AtomicU64,
    /// The tick of this object's entry in the map, or [`NEVER`]. Written under the map's lock.
    entry: AtomicU64,
    /// Tells apart entries of one tick.
    id: u64,
}

/// The ordered map of all entries of a runtime.
pub(crate) struct Deadlines {
    epoch: Instant,
    next_id: AtomicU64,
    map: Mutex<BTreeMap<(u64, u64), Weak<dyn Timed>>>,
    /// The tick of the first entry, or [`NEVER`]; changes under the map's lock.
    first: AtomicU64,
}

impl Deadlines {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            next_id: AtomicU64::new(0),
            map: Mutex::new(BTreeMap::new()),
            first: AtomicU64::new(NEVER),
        }
    }

    pub(crate) fn new_cell(&self) -> DeadlineCell {
        DeadlineCell {
            at: AtomicU64::new(NEVER),
            entry: AtomicU64::new(NEVER),
            id: self.next_id.fetch_add(1, SeqCst),
        }
    }

    /// The first tick that is not before `at`.
    pub(crate) fn tick_at(&self, at: Instant) -> u64 {
        ceil_millis(at.saturating_duration_since(self.epoch)).min(NEVER - 1)
    }

    /// The last tick that is not after `now`.
    pub(crate) fn tick_of(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.epoch);
        since.as_secs().saturating_mul(1000).saturating_add(u64::from(since.subsec_millis()))
    }

    /// How long from `now` until `tick` has come.
    pub(crate) fn until(&self, tick: u64, now: Instant) -> Duration {
        let at = self.epoch + Duration::from_millis(tick.min(1 << 50));
        at.saturating_duration_since(now)
    }

    /// The tick of the first entry; it may turn out to be stale.
    pub(crate) fn first(&self) -> u64 {
        self.first.load(SeqCst)
    }

    /// Sets a deadline. Returns the tick if the map's first entry became earlier by it, so that a
    /// sleeping poller may have to be told.
    pub(crate) fn set(
        &self,
        cell: &DeadlineCell,
        tick: u64,
        object: impl FnOnce() -> Weak<dyn Timed>,
    ) -> Option<u64> {
        cell.at.store(tick, SeqCst);
        if cell.entry.load(SeqCst) <= tick {
            return None;
        }
        let object = object();
        let mut map = self.map.lock();
        let entry = cell.entry.load(SeqCst);
        if entry <= tick {
            return None;
        }
        let replaced = if entry == NEVER { None } else { map.remove(&(entry, cell.id)) };
        map.insert((tick, cell.id), object);
        cell.entry.store(tick, SeqCst);
        let before = self.first.load(SeqCst);
        self.note_first(&map);
        drop(map);
        drop(replaced);
        (tick < before).then_some(tick)
    }

    /// Takes out one object that is due at `now`. References to objects that turn out not to be go
    /// into `stale`: each may be the last one, and is to be dropped where foreign code may run.
    pub(crate) fn next_due(
        &self,
        now: u64,
        stale: &mut Vec<Arc<dyn Timed>>,
    ) -> Option<Arc<dyn Timed>> {
        if self.first() > now {
            return None;
        }
        let mut map = self.map.lock();
        let mut due = None;
        while let Some((&(tick, id), _)) = map.first_key_value() {
            if tick > now {
                break;
            }
            let Some((_, weak)) = map.pop_first() else { break };
            let Some(object) = weak.upgrade() else { continue };
            let cell = object.cell();
            cell.entry.store(NEVER, SeqCst);
            match cell.take_due(now) {
                Ok(()) => {
                    due = Some(object);
                    break;
                }
                Err(NEVER) => stale.push(object),
                Err(later) => {
                    map.insert((later, id), weak);
                    cell.entry.store(later, SeqCst);
                    stale.push(object);
                }
            }
        }
        self.note_first(&map);
        due
    }

    /// Forgets the entry of an object that is going away.
    pub(crate) fn forget(&self, cell: &DeadlineCell) {
        if cell.entry.load(SeqCst) == NEVER {
            return;
        }
        let mut map = self.map.lock();
        let entry = cell.entry.load(SeqCst);
        let removed = if entry == NEVER { None } else { map.remove(&(entry, cell.id)) };
        self.note_first(&map);
        drop(map);
        drop(removed);
    }

    fn note_first(&self, map: &BTreeMap<(u64, u64), Weak<dyn Timed>>) {
        let first = map.first_key_value().map_or(NEVER, |(&(tick, _), _)| tick);
        self.first.store(first, SeqCst);
    }
}

/// A duration in milliseconds, rounded up; without the 128-bit division of the standard library.
fn ceil_millis(duration: Duration) -> u64 {
    let rest = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    duration.as_secs().saturating_mul(1000).saturating_add(rest)
}

impl DeadlineCell {
    /// Takes the deadline if it has come; else says when it does. A deadline that is set at the same
    /// moment is either taken here, seen here as later, or finds its entry gone and makes a new one.
    fn take_due(&self, now: u64) -> Result<(), u64> {
        let mut at = self.at.load(SeqCst);
        while at <= now {
            match self.at.compare_exchange(at, NEVER, SeqCst, SeqCst) {
                Ok(_) => return Ok(()),
                Err(changed) => at = changed,
            }
        }
        Err(at)
    }

    /// Disarms. The entry stays where it is and will be found empty.
    pub(crate) fn clear(&self) {
        self.at.store(NEVER, SeqCst);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Object {
        cell: DeadlineCell,
    }

    impl Timed for Object {
        fn cell(&self) -> &DeadlineCell {
            &self.cell
        }
        fn due(self: Arc<Self>, _now: Instant) {}
    }

    fn object(deadlines: &Deadlines) -> Arc<Object> {
        Arc::new(Object { cell: deadlines.new_cell() })
    }

    fn set(deadlines: &Deadlines, object: &Arc<Object>, tick: u64) -> Option<u64> {
        deadlines.set(&object.cell, tick, || {
            let object: Arc<dyn Timed> = object.clone();
            Arc::downgrade(&object)
        })
    }

    fn due(deadlines: &Deadlines, now: u64) -> usize {
        std::iter::from_fn(|| deadlines.next_due(now, &mut Vec::new())).count()
    }

    #[test]
    fn fires_at_its_tick_and_once() {
        let deadlines = Deadlines::new();
        let object = object(&deadlines);
        assert_eq!(set(&deadlines, &object, 10), Some(10));
        assert_eq!(due(&deadlines, 9), 0);
        assert_eq!(due(&deadlines, 10), 1);
        assert_eq!(due(&deadlines, 11), 0);
    }

    #[test]
    fn setting_the_same_timeout_again_touches_the_map_once() {
        let deadlines = Deadlines::new();
        let object = object(&deadlines);
        set(&deadlines, &object, 10);
        for tick in 11..20 {
            object.cell.clear();
            assert_eq!(set(&deadlines, &object, tick), None);
        }
        assert_eq!(deadlines.first(), 10, "the entry was left in place");
        assert_eq!(due(&deadlines, 18), 0, "and is moved when it comes up");
        assert_eq!(due(&deadlines, 19), 1);
    }

    #[test]
    fn an_earlier_deadline_replaces_the_entry() {
        let deadlines = Deadlines::new();
        let object = object(&deadlines);
        set(&deadlines, &object, 100);
        assert_eq!(set(&deadlines, &object, 5), Some(5));
        assert_eq!(due(&deadlines, 5), 1);
        assert_eq!(deadlines.first(), NEVER);
    }

    #[test]
    fn a_cleared_deadline_is_forgotten_when_it_comes_up() {
        let deadlines = Deadlines::new();
        let object = object(&deadlines);
        set(&deadlines, &object, 3);
        object.cell.clear();
        assert_eq!(due(&deadlines, 3), 0);
        assert_eq!(deadlines.first(), NEVER);
    }

    #[test]
    fn an_object_that_goes_away_leaves_no_entry() {
        let deadlines = Deadlines::new();
        let object = object(&deadlines);
        set(&deadlines, &object, 3);
        deadlines.forget(&object.cell);
        assert_eq!(deadlines.first(), NEVER);
        assert!(deadlines.map.lock().is_empty());
    }

    #[test]
    fn each_is_taken_alone_and_the_rest_stays() {
        let deadlines = Deadlines::new();
        let objects: Vec<_> = (0..5).map(|_| object(&deadlines)).collect();
        for object in &objects {
            set(&deadlines, object, 1);
        }
        assert!(deadlines.next_due(1, &mut Vec::new()).is_some());
        assert_eq!(deadlines.first(), 1);
        assert_eq!(due(&deadlines, 1), 4);
    }

    #[test]
    fn what_is_not_due_after_all_is_dropped_by_the_caller() {
        let deadlines = Deadlines::new();
        let (cleared, later) = (object(&deadlines), object(&deadlines));
        set(&deadlines, &cleared, 1);
        set(&deadlines, &later, 1);
        cleared.cell.clear();
        set(&deadlines, &later, 9);
        let mut stale = Vec::new();
        assert!(deadlines.next_due(1, &mut stale).is_none());
        assert_eq!(stale.len(), 2);
        assert_eq!((Arc::strong_count(&cleared), Arc::strong_count(&later)), (2, 2));
    }

    #[test]
    fn ticks_are_never_early() {
        let deadlines = Deadlines::new();
        let at = deadlines.epoch + Duration::from_micros(10_001);
        assert_eq!(deadlines.tick_at(at), 11);
        assert_eq!(deadlines.tick_of(at), 10);
        assert_eq!(deadlines.until(11, at), Duration::from_micros(999));
    }
}

/// A thread that sets or clears against the one that visits what is due.
#[cfg(all(test, loom))]
mod loom {
    use ::loom::sync::Arc as Modelled;
    use ::loom::thread;

    use super::*;
    use crate::Error;
    use crate::buffer::Buffers;
    use crate::operation::{Cancel, OperationId};
    use crate::slot::Slot;

    struct Nobody;

    impl Cancel for Nobody {
        fn cancel(self: Arc<Self>, _id: OperationId, _error: Error) {}
    }

    struct Object {
        cell: DeadlineCell,
        slot: Slot,
    }

    impl Timed for Object {
        fn cell(&self) -> &DeadlineCell {
            &self.cell
        }
        fn due(self: Arc<Self>, _now: Instant) {}
    }

    struct Model {
        deadlines: Deadlines,
        object: Arc<Object>,
    }

    impl Model {
        fn new() -> Modelled<Self> {
            let deadlines = Deadlines::new();
            let object = Object { cell: deadlines.new_cell(), slot: Slot::new(None) };
            Modelled::new(Self { deadlines, object: Arc::new(object) })
        }

        fn set(&self, tick: u64) {
            self.deadlines.set(&self.object.cell, tick, || {
                let object: Arc<dyn Timed> = self.object.clone();
                Arc::downgrade(&object)
            });
        }

        fn is_due(&self, now: u64) -> bool {
            self.deadlines.next_due(now, &mut Vec::new()).is_some()
        }

        fn at(&self, tick: u64) -> Instant {
            self.deadlines.epoch + Duration::from_millis(tick)
        }

        /// Starts an operation that ends at `tick`; returns its generation.
        fn start(&self, tick: u64) -> u32 {
            let slot = &self.object.slot;
            let begun = slot.with(|state| state.begin().0).expect("it is idle");
            let armed = slot.with(|state| {
                state.arm_until(Arc::new(Nobody), Some(self.at(tick))).map_err(|why| why.0)
            });
            armed.expect("nothing speaks against it");
            self.set(tick);
            begun.generation
        }

        /// What a poller does at `now`: the generation of the operation that it claims, if any.
        fn expire(&self, now: u64) -> Option<u32> {
            if !self.is_due(now) {
                return None;
            }
            let claimed = self.object.slot.with(|state| state.claim_expired(self.at(now)));
            claimed.map(|(_, generation)| generation)
        }
    }

    fn spawn<R: 'static>(
        model: &Modelled<Model>,
        run: impl FnOnce(&Model) -> R + 'static,
    ) -> thread::JoinHandle<R> {
        let model = Modelled::clone(model);
        thread::spawn(move || run(&model))
    }

    #[test]
    fn a_deadline_that_is_set_while_its_old_entry_comes_up_comes_once() {
        ::loom::model(|| {
            let model = Model::new();
            model.set(1);
            model.object.cell.clear();
            let poller = spawn(&model, |model| model.is_due(1));
            model.set(2);
            assert!(!poller.join().unwrap(), "never early");
            assert!(model.is_due(2));
            assert!(!model.is_due(9));
        });
    }

    #[test]
    fn a_deadline_that_is_set_while_it_is_due_comes_once() {
        ::loom::model(|| {
            let model = Model::new();
            model.set(5);
            let poller = spawn(&model, |model| usize::from(model.is_due(5)));
            model.set(3);
            let early = poller.join().unwrap();
            let late = usize::from(model.is_due(5)) + usize::from(model.is_due(5));
            assert!((1..=2).contains(&(early + late)), "once for each setting that was reached");
            assert_eq!(model.deadlines.first(), NEVER);
        });
    }

    #[test]
    fn an_expiry_of_an_ended_operation_never_ends_the_next_one() {
        ::loom::model(|| {
            let model = Model::new();
            let first = model.start(1);
            let poller = spawn(&model, |model| model.expire(1));
            model.object.cell.clear();
            drop(model.object.slot.finish(0, 0, Buffers::new()));
            let second = model.start(5);
            let claimed = poller.join().unwrap();
            assert!(claimed.is_none_or(|generation| generation == first));
            assert_eq!(model.expire(5), Some(second), "and the next one's own deadline comes");
        });
    }

    #[test]
    fn an_object_that_goes_away_while_it_is_due_leaves_no_entry() {
        ::loom::model(|| {
            let model = Model::new();
            model.set(1);
            let poller = spawn(&model, |model| model.is_due(1));
            model.deadlines.forget(&model.object.cell);
            poller.join().unwrap();
            assert_eq!(model.deadlines.first(), NEVER);
            assert!(model.deadlines.map.lock().is_empty());
        });
    }
}
