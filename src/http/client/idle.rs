//! Connections that wait to be used again: how many, for how long, which one is next. No lock, no
//! clock.
//!
//! The one that was used last is used next, so that those there is no use for grow old.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::origin::Origin;

/// Connections of type `C`, oldest first.
#[derive(Debug)]
pub(super) struct Idle<C> {
    entries: VecDeque<Entry<C>>,
    max: usize,
    max_per_origin: usize,
    lifetime: Option<Duration>,
}

#[derive(Debug)]
struct Entry<C> {
    origin: Origin,
    conn: C,
    /// When it has waited long enough; `None` is never. Later entries have later ends.
    until: Option<Instant>,
}

impl<C> Idle<C> {
    pub(super) const fn new(max: usize, max_per_origin: usize, lifetime: Option<Duration>) -> Self {
        Self { entries: VecDeque::new(), max, max_per_origin, lifetime }
    }

    /// Keeps a connection; returns one that has no room any more, which may be the same.
    pub(super) fn put(&mut self, origin: Origin, conn: C, now: Instant) -> Option<C> {
        if self.max == 0 || self.max_per_origin == 0 {
            return Some(conn);
        }
        // An end that the clock cannot tell is as good as none.
        let until = self.lifetime.and_then(|lifetime| now.checked_add(lifetime));
        let of_origin = |entry: &Entry<C>| entry.origin == origin;
        let count = self.entries.iter().filter(|entry| of_origin(entry)).count();
        let surplus = if count >= self.max_per_origin {
            self.entries.iter().position(of_origin)
        } else {
            (self.entries.len() >= self.max).then_some(0)
        };
        let surplus = surplus.and_then(|index| self.entries.remove(index));
        self.entries.push_back(Entry { origin, conn, until });
        surplus.map(|entry| entry.conn)
    }

    /// Takes the connection to `origin` out that was used last.
    pub(super) fn take(&mut self, origin: &Origin) -> Option<C> {
        let index = self.entries.iter().rposition(|entry| entry.origin == *origin)?;
        self.entries.remove(index).map(|entry| entry.conn)
    }

    /// Takes those out whose time has come.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<C> {
        let is_due = |entry: &Entry<C>| entry.until.is_some_and(|until| until <= now);
        let count = self.entries.iter().take_while(|entry| is_due(entry)).count();
        self.entries.drain(..count).map(|entry| entry.conn).collect()
    }

    /// Takes all of them out.
    pub(super) fn take_all(&mut self) -> Vec<C> {
        self.entries.drain(..).map(|entry| entry.conn).collect()
    }

    /// Tells when the first one's time comes.
    pub(super) fn first_end(&self) -> Option<Instant> {
        self.entries.front()?.until
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(host: &str) -> Origin {
        Origin::of(&format!("http://{host}").parse().unwrap()).unwrap()
    }

    fn idle(max: usize, max_per_origin: usize) -> Idle<u32> {
        Idle::new(max, max_per_origin, Some(Duration::from_secs(10)))
    }

    #[test]
    fn the_last_one_used_is_used_next() {
        let (mut idle, now) = (idle(9, 9), Instant::now());
        for (number, host) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
            assert_eq!(idle.put(origin(host), number, now), None);
        }
        assert_eq!(idle.take(&origin("a")), Some(3));
        assert_eq!(idle.take(&origin("a")), Some(1));
        assert_eq!(idle.take(&origin("a")), None);
        assert_eq!(idle.take(&origin("d")), None);
        assert_eq!(idle.len(), 2);
        assert_eq!(idle.take_all(), [2, 4]);
    }

    #[test]
    fn beyond_a_limit_the_oldest_goes() {
        let (mut idle, now) = (idle(3, 2), Instant::now());
        let mut put = |host, number| idle.put(origin(host), number, now);
        assert_eq!((put("a", 1), put("b", 2), put("a", 3)), (None, None, None));
        assert_eq!(put("a", 4), Some(1), "two of one host");
        assert_eq!(put("c", 5), Some(2), "three in all");
        assert_eq!(put("c", 6), Some(3));
        assert_eq!(put("c", 7), Some(5));
        assert_eq!(idle.take_all(), [4, 6, 7]);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        for (max, max_per_origin) in [(0, 1), (1, 0), (0, 0)] {
            let mut idle = idle(max, max_per_origin);
            assert_eq!(idle.put(origin("a"), 1, Instant::now()), Some(1));
            assert_eq!(idle.len(), 0);
        }
    }

    #[test]
    fn each_has_its_time() {
        let (mut idle, start) = (idle(9, 9), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(idle.first_end(), None);
        for number in 0..3 {
            idle.put(origin("a"), number, after(u64::from(number)));
        }
        assert_eq!(idle.first_end(), Some(after(10)));
        assert_eq!(idle.take_expired(after(9)), []);
        assert_eq!(idle.take_expired(after(11)), [0, 1]);
        assert_eq!(idle.first_end(), Some(after(12)));
        assert_eq!(idle.take(&origin("a")), Some(2));
        assert_eq!(idle.first_end(), None);
    }

    #[test]
    fn without_a_lifetime_they_are_kept() {
        for lifetime in [None, Some(Duration::MAX)] {
            let (mut idle, now) = (Idle::new(9, 9, lifetime), Instant::now());
            idle.put(origin("a"), 1, now);
            assert_eq!(idle.first_end(), None);
            assert_eq!(idle.take_expired(now + Duration::from_secs(1 << 30)), []);
        }
    }
}
