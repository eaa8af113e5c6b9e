//! Which callbacks are slow.
//!
//! Callbacks are known by a key of their function. Two runs over the limit mark the function, and
//! its next runs go to helper threads; a number of fast runs there clears the mark, and as many fast
//! runs in between forgive a strike. Functions whose keys fall on the same of 256 places share their
//! fate.
//!
//! A run counts with the time for which it kept its thread busy or asleep. That others took the CPU
//! meanwhile is no fault of the callback: on a loaded machine wall time alone would soon mark every
//! function there is. A wrong verdict costs only a hand-off.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::sys::{self, Usage};

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
    /// Fast runs since the last strike, while there is one.
    fast: AtomicU8,
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
        let place = self.place(key);
        if took > SLOW {
            place.fast.store(0, Relaxed);
            if place.strikes.fetch_add(1, Relaxed) >= 1 {
                place.slow.store(PATIENCE, Relaxed);
                place.strikes.store(0, Relaxed);
            }
        } else if place.strikes.load(Relaxed) > 0
            && place.fast.fetch_add(1, Relaxed) >= PATIENCE - 1
        {
            place.strikes.store(0, Relaxed);
            place.fast.store(0, Relaxed);
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

/// Times runs on the thread that made it.
pub(crate) struct Stopwatch {
    /// At the last look.
    usage: Option<Usage>,
    /// What the runs since then took in wall time.
    since: Duration,
    /// For how long all runs kept the thread.
    total: Duration,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        Self { usage: sys::thread_usage(), since: Duration::ZERO, total: Duration::ZERO }
    }

    /// Runs something and tells for how long it kept the thread: its wall time, unless the thread
    /// was ready to go on for some of it and others had the CPU.
    pub(crate) fn time(&mut self, run: impl FnOnce()) -> Duration {
        let began = Instant::now();
        run();
        let took = self.judge(began.elapsed());
        self.total += took;
        took
    }

    fn judge(&mut self, took: Duration) -> Duration {
        if took <= SLOW / 2 {
            self.since += took;
            return took;
        }
        let (before, since) = (self.usage, self.since);
        self.usage = sys::thread_usage();
        self.since = Duration::ZERO;
        match (before, self.usage) {
            (Some(before), Some(after)) if before.sleeps == after.sleeps => {
                let cpu = after.cpu.saturating_sub(before.cpu);
                took.min(cpu.saturating_sub(since))
            }
            _ => took,
        }
    }

    /// For how long all runs together kept the thread.
    pub(crate) fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_fast_runs_forgive_a_strike() {
        let detector = Detector::new();
        detector.ran(7, SLOW * 2);
        for _ in 0..PATIENCE {
            detector.ran(7, Duration::ZERO);
        }
        detector.ran(7, SLOW * 2);
        assert!(!detector.is_slow(7), "it counts as the first again");
        detector.ran(7, SLOW * 2);
        assert!(detector.is_slow(7));
    }

    #[test]
    fn computing_counts() {
        let used = || sys::thread_usage().map_or(Duration::MAX, |usage| usage.cpu);
        let until = used().saturating_add(SLOW * 4);
        assert!(Stopwatch::new().time(|| while used() < until {}) > SLOW);
    }

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
