//! Which callbacks are slow.
//!
//! Callbacks are known by a key of their function. Two runs over the limit mark the function, and
//! its next runs go to helper threads; a number of fast runs there clears the mark. Wall time lies
//! on a loaded machine, therefore two strikes, and a wrong verdict costs only a hand-off. Functions
//! whose keys fall on the same of 256 places share their fate.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

/// A run longer than this is a strike.
pub(crate) const SLOW: Duration = Duration::from_micros(100);
/// Fast runs that clear a mark.
const PATIENCE: u8 = 64;

/// The verdicts.
pub(crate) struct Detector {
    places: Box<[Verdict; 256]>,
}

#[derive(Default)]
struct Verdict {
    strikes: AtomicU8,
    /// Above zero: slow; the number of fast runs until it is not.
    slow: AtomicU8,
}

impl Detector {
    pub(crate) fn new() -> Self {
        Self { places: Box::new(std::array::from_fn(|_| Verdict::default())) }
    }

    fn place(&self, key: usize) -> &Verdict {
        // Keys may be addresses or hashes; their product with an odd number spreads either.
        let hash = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
        &self.places[usize::try_from(hash).unwrap_or(0)]
    }

    /// True if the function is to run on a helper.
    pub(crate) fn is_slow(&self, key: usize) -> bool {
        self.place(key).slow.load(Relaxed) > 0
    }

    /// Notes the duration of a run on a poller.
    pub(crate) fn ran(&self, key: usize, took: Duration) {
        if took > SLOW {
            let place = self.place(key);
            if place.strikes.fetch_add(1, Relaxed) >= 1 {
                place.slow.store(PATIENCE, Relaxed);
                place.strikes.store(0, Relaxed);
            }
        }
    }

    /// Notes the duration of a run on a helper.
    pub(crate) fn ran_aside(&self, key: usize, took: Duration) {
        let slow = &self.place(key).slow;
        if took > SLOW / 2 {
            slow.store(PATIENCE, Relaxed);
        } else {
            // Two helpers may count the same run; the mark then goes one run early.
            slow.store(slow.load(Relaxed).saturating_sub(1), Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn two_slow_runs_mark_and_sixty_four_fast_ones_clear() {
        let detector = Detector::new();
        detector.ran(7, SLOW * 2);
        assert!(!detector.is_slow(7), "one strike is none");
        detector.ran(7, SLOW * 2);
        assert!(detector.is_slow(7));
        for _ in 0..PATIENCE {
            assert!(detector.is_slow(7));
            detector.ran_aside(7, Duration::ZERO);
        }
        assert!(!detector.is_slow(7));
    }
}
