//! A lock that takes notes: whoever finds it taken need not wait, but may leave word for the
//! holder, who gets it before the lock can be free.
//!
//! A stream is locked by those who start operations and by the thread that was told of readiness.
//! The latter has other streams to serve and must not wait for the former. Lock and notes are one
//! word, so a note is either taken by the holder or finds the lock free; taking and giving back
//! cost one compare-and-swap each.
//!
//! ```text
//!   free --lock, lock_or_note--> taken --give_back--> free
//!                                  |  ^
//!                  lock_or_note: note left; give_back: note handed out, still taken
//! ```

#[cfg(not(loom))]
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};

#[cfg(loom)]
use ::loom::cell::{MutPtr, UnsafeCell};

use crate::modelled::{AtomicU32, Condvar, Mutex, Ordering};

const TAKEN: u32 = 1 << 31;
/// Threads sleep until the lock is given back.
const SLEEPERS: u32 = 1 << 30;
const NOTES: u32 = SLEEPERS - 1;
/// Attempts before a thread goes to sleep.
const SPINS: u32 = 64;

/// A `T` behind a lock that takes notes, up to 30 bits of them.
///
/// For providers that watch a descriptor: those who start operations lock it, and the thread that was
/// told of readiness, which has others to serve, need not wait for them.
///
/// ```
/// use nng_aio::NoteLock;
///
/// let lock = NoteLock::new(0);
/// let mut held = lock.lock();
/// assert!(lock.lock_or_note(0b101).is_none(), "the note is left");
/// while let Some((again, notes)) = held.give_back() {
///     held = again;
///     *held += notes;
/// }
/// assert_eq!(*lock.lock(), 0b101);
/// ```
pub struct NoteLock<T> {
    word: AtomicU32,
    /// Taken by sleepers, and by wakers after the word; guards nothing but the order of the two.
    sleepers: Mutex<()>,
    given_back: Condvar,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a `Holding` only, of which there is one at a time; moving it
// between threads needs `Send`.
unsafe impl<T: Send> Sync for NoteLock<T> {}
// SAFETY: the lock owns its value; sending the lock sends the value.
unsafe impl<T: Send> Send for NoteLock<T> {}

/// The lock, taken. Give it back with [`give_back`](Self::give_back): notes that are left when it is
/// merely dropped wait for the next holder.
#[must_use = "the lock is taken while this lives"]
pub struct Holding<'a, T> {
    lock: &'a NoteLock<T>,
    /// It is as good as a reference to the value.
    _value: PhantomData<&'a mut T>,
    #[cfg(loom)]
    value: MutPtr<T>,
}

impl<T> NoteLock<T> {
    /// A lock that is free.
    pub fn new(value: T) -> Self {
        Self {
            word: AtomicU32::new(0),
            sleepers: Mutex::new(()),
            given_back: Condvar::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock; sleeps while another thread holds it.
    ///
    /// # Context
    /// Taking it twice on one thread never returns.
    pub fn lock(&self) -> Holding<'_, T> {
        if !self.take_from(0) {
            self.lock_slowly();
        }
        Holding::of(self)
    }

    /// Takes the lock, or leaves `notes`, up to 30 bits, for the one who holds it.
    pub fn lock_or_note(&self, notes: u32) -> Option<Holding<'_, T>> {
        debug_assert_eq!(notes & !NOTES, 0, "a note has 30 bits");
        let notes = notes & NOTES;
        let mut seen = 0;
        loop {
            let is_taken = seen & TAKEN != 0;
            let next = if is_taken { seen | notes } else { seen | TAKEN };
            // A note is left with what led to it, the lock taken with what the last holder did.
            match self.word.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return (!is_taken).then(|| Holding::of(self)),
                Err(now) => seen = now,
            }
        }
    }

    fn take_from(&self, seen: u32) -> bool {
        let next = seen | TAKEN;
        self.word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn lock_slowly(&self) {
        for _ in 0..if cfg!(loom) { 0 } else { SPINS } {
            let seen = self.word.load(Ordering::Relaxed);
            if seen & TAKEN == 0 && self.take_from(seen) {
                return;
            }
            std::hint::spin_loop();
        }
        let mut guard = self.sleepers.lock();
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            if seen & TAKEN == 0 {
                if self.take_from(seen) {
                    return;
                }
            } else if seen & SLEEPERS != 0 || self.note_sleeper(seen) {
                guard = self.given_back.wait(guard);
            }
        }
    }

    fn note_sleeper(&self, seen: u32) -> bool {
        let next = seen | SLEEPERS;
        self.word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn wake(&self) {
        // A sleeper makes itself known under this lock and sleeps before giving it up.
        drop(self.sleepers.lock());
        self.given_back.notify_all();
    }

    /// Frees the lock, leaving `left` of its word.
    fn free(&self, seen: u32, left: u32) -> bool {
        let freed =
            self.word.compare_exchange(seen, left, Ordering::Release, Ordering::Relaxed).is_ok();
        if freed && seen & SLEEPERS != 0 {
            self.wake();
        }
        freed
    }
}

impl<'a, T> Holding<'a, T> {
    fn of(lock: &'a NoteLock<T>) -> Self {
        Self {
            lock,
            _value: PhantomData,
            #[cfg(loom)]
            value: lock.value.get_mut(),
        }
    }

    /// Gives the lock back. If notes were left it is kept and handed out with them: act on them and
    /// try again.
    pub fn give_back(self) -> Option<(Self, u32)> {
        #[cfg(loom)]
        let this = Releasing::new(self);
        #[cfg(not(loom))]
        let this = self;
        let word = &this.lock.word;
        let mut seen = TAKEN;
        loop {
            if seen & NOTES != 0 {
                // Nobody else takes notes away.
                let notes = word.fetch_and(!NOTES, Ordering::Acquire) & NOTES;
                return Some((this.again(), notes));
            }
            if this.lock.free(seen, 0) {
                mem::forget(this);
                return None;
            }
            seen = word.load(Ordering::Relaxed);
        }
    }

    #[cfg(not(loom))]
    fn again(self) -> Self {
        self
    }
}

/// A holding that has let go of loom's access to the value, which must end before the lock is free.
#[cfg(loom)]
struct Releasing<'a, T> {
    lock: &'a NoteLock<T>,
}

#[cfg(loom)]
impl<'a, T> Releasing<'a, T> {
    fn new(holding: Holding<'a, T>) -> Self {
        let lock = holding.lock;
        let holding = mem::ManuallyDrop::new(holding);
        // SAFETY: the field is read once, and `holding` is not dropped.
        drop(unsafe { std::ptr::read(&raw const holding.value) });
        Self { lock }
    }

    fn again(self) -> Holding<'a, T> {
        Holding::of(self.lock)
    }
}

impl<T> Drop for Holding<'_, T> {
    fn drop(&mut self) {
        loop {
            let seen = self.lock.word.load(Ordering::Relaxed);
            if self.lock.free(seen, seen & NOTES) {
                return;
            }
        }
    }
}

impl<T> fmt::Debug for NoteLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Holding<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Deref for Holding<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        #[cfg(not(loom))]
        let value = self.lock.value.get();
        #[cfg(loom)]
        let value = self.value.with(|value| value);
        // SAFETY: this is the only holding, and it is borrowed as long as the reference lives.
        unsafe { &*value }
    }
}

impl<T> DerefMut for Holding<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        #[cfg(not(loom))]
        let value = self.lock.value.get();
        #[cfg(loom)]
        let value = self.value.with(|value| value);
        // SAFETY: this is the only holding, and it is borrowed alone as long as the reference lives.
        unsafe { &mut *value }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_note_reaches_the_holder_before_the_lock_is_free() {
        let lock = NoteLock::new(0);
        let held = lock.lock();
        assert!(lock.lock_or_note(1).is_none());
        assert!(lock.lock_or_note(4).is_none());
        let (held, notes) = held.give_back().unwrap();
        assert_eq!(notes, 5);
        assert!(lock.lock_or_note(2).is_none(), "it is still taken");
        let (held, notes) = held.give_back().unwrap();
        assert_eq!(notes, 2);
        assert!(held.give_back().is_none());
        assert!(lock.lock_or_note(8).is_some());
    }

    #[test]
    fn holders_exclude_each_other_and_every_note_is_read_once() {
        const ROUNDS: u32 = 10_000;
        let lock = NoteLock::new((0, 0));
        let act = |mut held: Holding<'_, (u32, u32)>, mut notes: u32| {
            loop {
                assert_eq!(held.0, held.1);
                held.0 += notes;
                held.1 += notes;
                match held.give_back() {
                    Some((again, more)) => (held, notes) = (again, more),
                    None => return,
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        act(lock.lock(), 1);
                    }
                });
            }
            // Notes are bits: one that is left twice counts once, so only one thread leaves them
            // and waits until each is read.
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    if let Some(held) = lock.lock_or_note(1) {
                        act(held, 1);
                    }
                    while lock.word.load(Ordering::Relaxed) & NOTES != 0 {
                        std::thread::yield_now();
                    }
                }
            });
        });
        assert_eq!(lock.lock().0, 4 * ROUNDS);
    }

    #[test]
    fn a_panicking_holder_gives_the_lock_back_and_leaves_the_notes() {
        let lock = NoteLock::new(());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _held = lock.lock();
            assert!(lock.lock_or_note(1).is_none());
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        let (held, notes) = lock.lock().give_back().unwrap();
        assert_eq!(notes, 1);
        assert!(held.give_back().is_none());
    }
}

#[cfg(all(test, loom))]
mod loom {
    use std::sync::Arc;

    use super::*;

    /// Adds what is due and gives back, as often as notes come.
    fn add(mut held: Holding<'_, u32>, mut due: u32) {
        loop {
            *held += due;
            match held.give_back() {
                Some((again, notes)) => (held, due) = (again, notes),
                None => return,
            }
        }
    }

    #[test]
    fn every_note_is_acted_on() {
        ::loom::model(|| {
            let lock = Arc::new(NoteLock::new(0));
            let threads: Vec<_> = [1, 2]
                .map(|note| {
                    let lock = Arc::clone(&lock);
                    ::loom::thread::spawn(move || {
                        if let Some(held) = lock.lock_or_note(note) {
                            add(held, note);
                        }
                    })
                })
                .into();
            add(lock.lock(), 4);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(*lock.lock(), 7);
        });
    }

    #[test]
    fn a_sleeper_is_woken() {
        ::loom::model(|| {
            let lock = Arc::new(NoteLock::new(0));
            let threads: Vec<_> = [1, 2]
                .map(|due| {
                    let lock = Arc::clone(&lock);
                    ::loom::thread::spawn(move || add(lock.lock(), due))
                })
                .into();
            add(lock.lock(), 4);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(*lock.lock(), 7);
        });
    }
}
