//! The same locks on parking_lot, whose code ThreadSanitizer sees.

use std::time::Duration;

/// A value that one thread at a time may touch.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(parking_lot::Mutex<T>);

/// A locked [`Mutex`].
pub type MutexGuard<'a, T> = parking_lot::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A mutex that is free.
    pub const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks it until the guard goes.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    /// Locks it, unless that would block.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock()
    }

    /// The value, which nobody else can touch.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// Where threads sleep until what a [`Mutex`] guards has changed.
#[derive(Debug, Default)]
pub struct Condvar(parking_lot::Condvar);

impl Condvar {
    /// One where nobody sleeps.
    pub const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    /// Unlocks, sleeps until woken, and locks again.
    pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(&mut guard);
        guard
    }

    /// As [`wait`](Self::wait), for `limit` at most; true if that time has passed.
    pub fn wait_for<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let passed = self.0.wait_for(&mut guard, limit).timed_out();
        (guard, passed)
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
pub struct RwLock<T: ?Sized>(parking_lot::RwLock<T>);

/// An [`RwLock`] locked for reading.
pub type RwLockReadGuard<'a, T> = parking_lot::RwLockReadGuard<'a, T>;
/// An [`RwLock`] locked for writing.
pub type RwLockWriteGuard<'a, T> = parking_lot::RwLockWriteGuard<'a, T>;

impl<T> RwLock<T> {
    /// A lock that is free.
    pub const fn new(value: T) -> Self {
        Self(parking_lot::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks it for reading until the guard goes.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read()
    }

    /// Locks it for reading, unless that would block.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.0.try_read()
    }

    /// Locks it for writing until the guard goes.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write()
    }
}
