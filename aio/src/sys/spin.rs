//! A value behind one word: the word is a spin bit and a summary that may be read without it.
//!
//! An operation changes hands four to seven times between begin and callback, each time for a few
//! nanoseconds. One compare-and-swap takes the bit, a plain store publishes the new summary and
//! gives it back: half the atomic operations of a mutex, and the critical sections are short,
//! call nothing foreign and never block. A holder that loses its CPU is waited for with yields.

#[cfg(not(all(loom, test)))]
use std::cell::UnsafeCell;

#[cfg(all(loom, test))]
use ::loom::cell::UnsafeCell;

use crate::modelled::{AtomicU32, Ordering};

/// What can be known of a value without taking it: at most 31 bits.
pub(crate) trait Summary {
    /// The bits to publish; the top bit is not available.
    fn summary(&self) -> u32;
}

const LOCKED: u32 = 1 << 31;
/// Failed attempts before the waiting thread gives its CPU away.
const SPINS: u32 = 64;

/// A `T` whose changes are serialised by a spin bit.
pub(crate) struct SpinCell<T> {
    word: AtomicU32,
    value: UnsafeCell<T>,
    /// Where a modelled thread waits instead of spinning, which no model could exhaust. The cell's
    /// own model does without.
    #[cfg(all(loom, test))]
    gate: Option<crate::modelled::Mutex<()>>,
}

// SAFETY: `with` is the only access to `value` and runs its closure while this thread holds the
// bit, so no two threads ever reach the value at once; moving it between threads needs `Send`.
unsafe impl<T: Send> Sync for SpinCell<T> {}
// SAFETY: the cell owns its value; sending the cell sends the value.
unsafe impl<T: Send> Send for SpinCell<T> {}

impl<T: Summary> SpinCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            word: AtomicU32::new(value.summary()),
            value: UnsafeCell::new(value),
            #[cfg(all(loom, test))]
            gate: Some(crate::modelled::Mutex::new(())),
        }
    }

    /// The summary as last published. Acquire: what was written before it is visible.
    pub(crate) fn peek(&self) -> u32 {
        self.word.load(Ordering::Acquire) & !LOCKED
    }

    /// Runs `change` alone and publishes the summary of what it leaves.
    ///
    /// `change` must be short, must not block, and must not drop anything with foreign code in its
    /// destructor: move such values out and drop them afterwards.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(all(loom, test))]
        let _gate = self.gate.as_ref().map(|gate| gate.lock());
        self.acquire();
        let unlock = Unlock { cell: self };
        #[cfg(not(all(loom, test)))]
        {
            // SAFETY: the bit is ours until `unlock` drops, so this is the only reference.
            let value = unsafe { &mut *unlock.cell.value.get() };
            change(value)
        }
        #[cfg(all(loom, test))]
        unlock.cell.value.with_mut(|value| {
            // SAFETY: as above; loom checks it.
            change(unsafe { &mut *value })
        })
    }

    fn acquire(&self) {
        let mut spins = 0;
        loop {
            let seen = self.word.load(Ordering::Relaxed) & !LOCKED;
            let taken = self.word.compare_exchange_weak(
                seen,
                seen | LOCKED,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                return;
            }
            spins += 1;
            if cfg!(all(loom, test)) || spins > SPINS {
                crate::sys::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// Gives the bit back with the value's present summary, also when the closure panics.
struct Unlock<'a, T: Summary> {
    cell: &'a SpinCell<T>,
}

impl<T: Summary> Drop for Unlock<'_, T> {
    fn drop(&mut self) {
        #[cfg(not(all(loom, test)))]
        let summary = {
            // SAFETY: the bit is still ours and the closure's reference is gone.
            let value = unsafe { &*self.cell.value.get() };
            value.summary()
        };
        #[cfg(all(loom, test))]
        let summary = self.cell.value.with(|value| {
            // SAFETY: as above; loom checks it.
            unsafe { &*value }.summary()
        });
        debug_assert_eq!(summary & LOCKED, 0, "a summary has 31 bits");
        self.cell.word.store(summary, Ordering::Release);
    }
}

impl<T: Summary> std::fmt::Debug for SpinCell<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpinCell").field("summary", &self.peek()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Pair(u32, u32);
    impl Summary for Pair {
        fn summary(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn changes_are_serialised_and_published() {
        let cell = SpinCell::new(Pair(0, 0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        cell.with(|pair| {
                            assert_eq!(pair.0, pair.1);
                            pair.0 += 1;
                            pair.1 += 1;
                        });
                    }
                });
            }
        });
        assert_eq!(cell.peek(), 40_000);
    }

    #[test]
    fn a_panicking_change_gives_the_bit_back() {
        let cell = SpinCell::new(Pair(1, 1));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cell.with(|_| panic!("on purpose"));
        }));
        assert!(panicked.is_err());
        assert_eq!(cell.with(|pair| pair.0), 1);
    }
}

#[cfg(all(test, loom))]
mod loom {
    use ::loom::sync::Arc;
    use ::loom::thread;

    use super::*;

    struct Counter(u32);

    impl Summary for Counter {
        fn summary(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn changes_are_serialised_and_their_summary_is_published() {
        ::loom::model(|| {
            let mut cell = SpinCell::new(Counter(0));
            cell.gate = None;
            let cell = Arc::new(cell);
            let other = thread::spawn({
                let cell = Arc::clone(&cell);
                move || cell.with(|counter| counter.0 += 1)
            });
            cell.with(|counter| counter.0 += 1);
            assert!((1..=2).contains(&cell.peek()));
            other.join().unwrap();
            assert_eq!((cell.peek(), cell.with(|counter| counter.0)), (2, 2));
        });
    }
}
