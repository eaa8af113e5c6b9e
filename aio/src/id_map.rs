//! Values under ids: ids are handed out in order, or chosen by the caller.
//!
//! A map hands out the ids of one range round and round: the next id is the first free one after
//! the id handed out last, so a freed id rests until all others have had their turn. Late messages
//! for a dead id therefore find nothing instead of its successor.
//!
//! ```text
//! index: id -> slot      slots: [ (7, a) | vacant | (9, b) ]      vacant: [1]
//! ```
//!
//! Values live in numbered slots beside the hash index. A visit is a walk over slot numbers, which
//! is why any change of the map is allowed between two of its steps. The map does not lock.

use std::collections::HashMap;

use crate::Error;
use crate::random::random_u32;

/// A map from 64-bit ids to values that can hand out the ids itself.
///
/// Holds up to `u32::MAX` values. Getting, setting and removing take constant time; so does
/// allocating, averaged over one round through the range.
/// # Source
/// nng 1.12, nng_id_map_alloc(3) and the pages it names.
#[derive(Clone, Debug)]
pub struct IdMap<T> {
    /// Where the value of an id lives.
    index: HashMap<u64, u32>,
    /// The values with their ids; `None` where `vacant` says so.
    slots: Vec<Option<(u64, T)>>,
    /// The slots that hold nothing, each once.
    vacant: Vec<u32>,
    /// The lowest id to hand out; at least 1.
    lo: u64,
    /// The highest id to hand out; at least `lo`.
    hi: u64,
    /// Where the search for the next id to hand out begins; within the range.
    next: u64,
    /// How many ids of the range are in use.
    in_range: u64,
}

impl<T> IdMap<T> {
    /// Creates a map that hands out `lo` first and `hi` last, then `lo` again.
    ///
    /// `lo` 0 means 1, so that 0 is never handed out; `hi` 0 means `u32::MAX`.
    /// # Errors
    /// `Invalid` if the range is empty.
    pub fn new(lo: u64, hi: u64) -> Result<Self, Error> {
        let lo = lo.max(1);
        let hi = if hi == 0 { u64::from(u32::MAX) } else { hi };
        if hi < lo {
            return Err(Error::Invalid);
        }
        let (index, slots, vacant) = (HashMap::new(), Vec::new(), Vec::new());
        Ok(Self { index, slots, vacant, lo, hi, next: lo, in_range: 0 })
    }

    /// Creates a map as [`new`](Self::new) does, whose first id is a random one of the range.
    ///
    /// In a range of more than 2^32 ids it is one of the lowest 2^32.
    /// # Errors
    /// `Invalid` if the range is empty.
    pub fn with_random_start(lo: u64, hi: u64) -> Result<Self, Error> {
        let mut map = Self::new(lo, hi)?;
        map.next = map.lo + u64::from(random_u32()) % map.range_len();
        Ok(map)
    }

    /// Stores `value` under the next free id of the range and returns that id.
    /// # Errors
    /// `NoMemory` if every id of the range is in use; `value` is dropped then, which
    /// [`alloc_with`](Self::alloc_with) avoids.
    pub fn alloc(&mut self, value: T) -> Result<u64, Error> {
        self.alloc_with(|_| value)
    }

    /// Stores what `make` returns for the next free id of the range and returns that id.
    /// # Errors
    /// `NoMemory` if every id of the range is in use; `make` is not called then.
    pub fn alloc_with(&mut self, make: impl FnOnce(u64) -> T) -> Result<u64, Error> {
        if self.in_range == self.range_len() || !self.has_room() {
            return Err(Error::NoMemory);
        }
        let mut id = self.next;
        // Ends, as one id of the range is free.
        while self.index.contains_key(&id) {
            id = self.after(id);
        }
        self.next = self.after(id);
        self.insert(id, make(id))?;
        Ok(id)
    }

    /// Stores `value` under `id` and returns the value that was there.
    ///
    /// Any id will do, 0 and ids outside the range included; those do not count when the range
    /// fills up. The id that is handed out next stays the same unless it is this one.
    /// # Errors
    /// `NoMemory` if the map holds `u32::MAX` values already.
    pub fn set(&mut self, id: u64, value: T) -> Result<Option<T>, Error> {
        match self.get_mut(id) {
            Some(present) => Ok(Some(std::mem::replace(present, value))),
            None => self.insert(id, value).map(|()| None),
        }
    }

    /// Takes the value of `id` out of the map, if there is one.
    pub fn remove(&mut self, id: u64) -> Option<T> {
        let slot = self.index.remove(&id)?;
        if self.is_in_range(id) {
            self.in_range -= 1;
        }
        let (_, value) = self.slots.get_mut(slot as usize)?.take()?;
        if self.index.is_empty() {
            self.slots.clear();
            self.vacant.clear();
        } else {
            self.vacant.push(slot);
        }
        Some(value)
    }

    /// Returns the value of `id`, if there is one, for changing it.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let slot = *self.index.get(&id)?;
        self.slots.get_mut(slot as usize)?.as_mut().map(|(_, value)| value)
    }

    /// Returns the value of `id`, if there is one.
    pub fn get(&self, id: u64) -> Option<&T> {
        let slot = *self.index.get(&id)?;
        self.slots.get(slot as usize)?.as_ref().map(|(_, value)| value)
    }

    /// Returns the next entry of a visit and advances `cursor`; `None` at the end.
    ///
    /// Start with a cursor of 0. Entries come in no particular order. Between two steps the map may
    /// change: an entry that stays is visited exactly once, one that is removed or added meanwhile
    /// at most once.
    pub fn visit(&self, cursor: &mut u32) -> Option<(u64, &T)> {
        while let Some(slot) = self.slots.get(*cursor as usize) {
            *cursor += 1;
            if let Some((id, value)) = slot {
                return Some((*id, value));
            }
        }
        None
    }

    /// Iterates over all entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().flatten().map(|(id, value)| (*id, value))
    }

    /// Returns how many values the map holds.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns whether the map holds no value.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Stores the value of an id that is not in use.
    fn insert(&mut self, id: u64, value: T) -> Result<(), Error> {
        let slot = match self.vacant.last() {
            Some(&slot) => slot,
            None if !self.has_room() => return Err(Error::NoMemory),
            None => {
                let slot = u32::try_from(self.slots.len()).map_err(|_| Error::NoMemory)?;
                self.slots.push(None);
                self.vacant.push(slot);
                slot
            }
        };
        self.vacant.pop();
        self.slots[slot as usize] = Some((id, value));
        self.index.insert(id, slot);
        if self.is_in_range(id) {
            self.in_range += 1;
        }
        Ok(())
    }

    /// Returns whether one more value fits; a cursor must be able to point behind the last slot.
    fn has_room(&self) -> bool {
        self.index.len() < u32::MAX as usize
    }

    /// Returns the id that follows `id` in the range, which wraps.
    fn after(&self, id: u64) -> u64 {
        if id >= self.hi { self.lo } else { id + 1 }
    }

    fn is_in_range(&self, id: u64) -> bool {
        (self.lo..=self.hi).contains(&id)
    }

    /// Returns how many ids the range has; no overflow, as `lo` is at least 1.
    fn range_len(&self) -> u64 {
        self.hi - self.lo + 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn map(lo: u64, hi: u64) -> IdMap<u32> {
        IdMap::new(lo, hi).unwrap()
    }

    #[test]
    fn ids_run_through_the_range_and_wrap() {
        let mut map = map(10, 12);
        assert_eq!(map.alloc(0), Ok(10));
        assert_eq!(map.alloc(1), Ok(11));
        assert_eq!(map.remove(10), Some(0));
        // The freed id waits for the wrap.
        assert_eq!(map.alloc(2), Ok(12));
        assert_eq!(map.alloc(3), Ok(10));
    }

    #[test]
    fn full_range_is_out_of_memory_and_recovers() {
        let mut map = map(5, 6);
        assert_eq!((map.alloc(0), map.alloc(1)), (Ok(5), Ok(6)));
        assert_eq!(map.alloc(2), Err(Error::NoMemory));
        assert_eq!(map.alloc_with(|_| unreachable!()), Err(Error::NoMemory));
        map.remove(6);
        assert_eq!(map.alloc(2), Ok(6));
    }

    #[test]
    fn one_id_makes_a_map() {
        let mut map = map(7, 7);
        assert_eq!(map.alloc(0), Ok(7));
        assert_eq!(map.alloc(1), Err(Error::NoMemory));
        map.remove(7);
        assert_eq!(map.alloc(1), Ok(7));
    }

    #[test]
    fn zero_bounds_have_defaults_and_empty_ranges_are_refused() {
        let mut map = map(0, 0);
        assert_eq!(map.alloc(0), Ok(1));
        assert_eq!((map.lo, map.hi), (1, 0xffff_ffff));
        assert_eq!(IdMap::<u32>::new(5, 4).unwrap_err(), Error::Invalid);
        assert_eq!(IdMap::<u32>::with_random_start(5, 4).unwrap_err(), Error::Invalid);
    }

    #[test]
    fn the_widest_range_counts_without_overflow() {
        let mut map = map(0, u64::MAX);
        assert_eq!(map.alloc(0), Ok(1));
        map.next = u64::MAX;
        assert_eq!(map.alloc(1), Ok(u64::MAX));
        assert_eq!(map.alloc(2), Ok(2));
    }

    #[test]
    fn foreign_ids_do_not_fill_the_range() {
        let mut map = map(1, 3);
        assert_eq!(map.set(0, 100), Ok(None));
        assert_eq!(map.set(99, 101), Ok(None));
        assert_eq!((map.alloc(0), map.alloc(1), map.alloc(2)), (Ok(1), Ok(2), Ok(3)));
        assert_eq!(map.alloc(3), Err(Error::NoMemory));
        assert_eq!((map.get(0), map.get(99)), (Some(&100), Some(&101)));
    }

    #[test]
    fn set_replaces_and_is_skipped_by_alloc() {
        let mut map = map(1, 9);
        assert_eq!(map.set(1, 10), Ok(None));
        assert_eq!(map.set(1, 11), Ok(Some(10)));
        assert_eq!(map.alloc(12), Ok(2));
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn random_starts_stay_in_range_and_differ() {
        let first = |lo, hi| IdMap::with_random_start(lo, hi).unwrap().alloc(()).unwrap();
        for _ in 0..100 {
            assert!((100..=102).contains(&first(100, 102)));
            assert!((1 << 40..(1 << 40) + (1 << 32)).contains(&first(1 << 40, u64::MAX)));
        }
        let starts: std::collections::HashSet<u64> = (0..16).map(|_| first(1, 1 << 31)).collect();
        assert!(starts.len() > 12);
    }

    #[test]
    fn a_visit_survives_removing_what_it_visits() {
        let mut map = map(1, 100);
        for value in 0..20 {
            map.alloc(value).unwrap();
        }
        let (mut cursor, mut visited) = (0, Vec::new());
        while let Some((id, _)) = map.visit(&mut cursor) {
            visited.push(id);
            map.remove(id);
        }
        assert_eq!(visited, (1..=20).collect::<Vec<u64>>());
        assert!(map.is_empty());
        assert_eq!(map.visit(&mut cursor), None);
    }

    /// One call on a map whose range is 3 to 8; the ids reach beyond it on both sides.
    #[derive(Clone, Debug)]
    enum Call {
        Alloc,
        Set(u64),
        Remove(u64),
        Get(u64),
    }

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        let call = prop_oneof![
            3 => Just(Call::Alloc),
            1 => (0u64..12).prop_map(Call::Set),
            2 => (0u64..12).prop_map(Call::Remove),
            1 => (0u64..12).prop_map(Call::Get),
        ];
        proptest::collection::vec(call, 0..200)
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_map_with_a_cursor(calls in calls()) {
            let mut map = map(3, 8);
            let (mut model, mut last) = (BTreeMap::new(), None);
            for (value, call) in (0u32..).zip(calls) {
                match call {
                    Call::Alloc => {
                        let from = last.map_or(3, |last| last + 1);
                        let expected =
                            (from..=8).chain(3..from).find(|id| !model.contains_key(id));
                        prop_assert_eq!(map.alloc(value).ok(), expected);
                        if let Some(id) = expected {
                            model.insert(id, value);
                            last = Some(id);
                        }
                    }
                    Call::Set(id) => {
                        prop_assert_eq!(map.set(id, value), Ok(model.insert(id, value)));
                    }
                    Call::Remove(id) => prop_assert_eq!(map.remove(id), model.remove(&id)),
                    Call::Get(id) => {
                        prop_assert_eq!(map.get(id), model.get(&id));
                        prop_assert_eq!(map.get_mut(id), model.get_mut(&id));
                    }
                }
                prop_assert_eq!(map.len(), model.len());
                let sorted: BTreeMap<u64, u32> = map.iter().map(|(id, v)| (id, *v)).collect();
                prop_assert_eq!(&sorted, &model);
            }
        }

        #[test]
        fn a_visit_under_change_misses_no_entry_that_stays(
            removals in proptest::collection::vec(1u64..=60, 0..60),
            additions in 0u32..40,
        ) {
            let mut map = map(1, 1000);
            for value in 0..60 {
                map.alloc(value).unwrap();
            }
            let (mut cursor, mut seen, mut step) = (0, BTreeMap::new(), 0);
            while let Some((id, _)) = map.visit(&mut cursor) {
                *seen.entry(id).or_insert(0) += 1;
                if let Some(&removed) = removals.get(step) {
                    map.remove(removed);
                }
                if step < additions as usize {
                    map.alloc(0).unwrap();
                }
                step += 1;
            }
            prop_assert!(seen.values().all(|&times| times == 1));
            for (id, _) in map.iter().filter(|(id, _)| *id <= 60) {
                prop_assert!(seen.contains_key(&id));
            }
        }
    }
}
