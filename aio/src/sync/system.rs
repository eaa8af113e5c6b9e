//! The locks of `std`, without poison.

use std::sync::{self, PoisonError, TryLockError};
use std::time::Duration;

/// A value that one thread at a time may touch.
///
/// ```
/// let count = nng_aio::sync::Mutex::new(1);
/// *count.lock() += 1;
/// assert_eq!(count.into_inner(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(sync::Mutex<T>);

/// A locked [`Mutex`].
pub type MutexGuard<'a, T> = sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A mutex that is free.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks it until the guard goes.
    ///
    /// # Context
    /// Blocks while another thread has it locked. Locking it twice on one thread never returns.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it, unless that would block.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The value, which nobody else can touch.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where threads sleep until what a [`Mutex`] guards has changed.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    /// One where nobody sleeps.
    pub const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    /// Unlocks, sleeps until woken, and locks again. It may wake for no reason.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`wait`](Self::wait), for `limit` at most; true if that time has passed.
    pub fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let waited = self.0.wait_timeout(guard, limit);
        let (guard, passed) = waited.unwrap_or_else(PoisonError::into_inner);
        (guard, passed.timed_out())
    }

    /// Wakes one of those who sleep here, if there are any.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all who sleep here.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// A value that either one thread may change or several may read.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized>(sync::RwLock<T>);

/// An [`RwLock`] locked for reading.
pub type RwLockReadGuard<'a, T> = sync::RwLockReadGuard<'a, T>;
/// An [`RwLock`] locked for writing.
pub type RwLockWriteGuard<'a, T> = sync::RwLockWriteGuard<'a, T>;

impl<T> RwLock<T> {
    /// A lock that is free.
    pub const fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks it for reading until the guard goes.
    ///
    /// # Context
    /// Blocks while it is locked for writing, or while somebody waits to write.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it for reading, unless that would block.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        match self.0.try_read() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Locks it for writing until the guard goes.
    ///
    /// # Context
    /// Blocks while it is locked otherwise.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_panic_under_a_lock_leaves_it_usable() {
        let (mutex, lock) = (Mutex::new(1), RwLock::new(1));
        let panics = |work: &mut dyn FnMut()| {
            assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        };
        panics(&mut || {
            let mut guard = mutex.lock();
            *guard = 2;
            panic!("on purpose");
        });
        panics(&mut || {
            let mut guard = lock.write();
            *guard = 2;
            panic!("on purpose");
        });
        assert_eq!(*mutex.lock(), 2);
        assert_eq!(mutex.try_lock().as_deref(), Some(&2));
        assert_eq!(*lock.read(), 2);
        assert_eq!(lock.try_read().as_deref(), Some(&2));
        assert_eq!(*lock.write(), 2);
        let (guard, _) = Condvar::new().wait_for(mutex.lock(), Duration::ZERO);
        assert_eq!(*guard, 2);
        drop(guard);
        assert_eq!(mutex.into_inner(), 2);
    }

    #[test]
    fn what_is_locked_is_not_locked_again() {
        let (mutex, lock) = (Mutex::new(()), RwLock::new(()));
        let (_mutex, _lock) = (mutex.lock(), lock.write());
        assert!(mutex.try_lock().is_none());
        assert!(lock.try_read().is_none());
    }

    #[test]
    fn a_wait_that_nobody_ends_ends_with_its_time() {
        let mutex = Mutex::new(());
        assert!(Condvar::new().wait_for(mutex.lock(), Duration::from_millis(1)).1);
    }
}
