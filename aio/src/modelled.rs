//! Locks and atomics, real or modelled.
//!
//! Everything that the loom models execute takes its primitives from here: [`crate::sync`] and std in
//! a normal build, loom's own in this crate's tests under `--cfg loom`. There only: other crates use
//! that flag for models of their own. Locks do not poison in either.

#[cfg(not(all(loom, test)))]
pub(crate) use crate::sync::{Condvar, Mutex};
#[cfg(not(all(loom, test)))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

#[cfg(all(loom, test))]
pub(crate) use loom::sync::atomic::Ordering;
#[cfg(all(loom, test))]
pub(crate) use modelled::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Condvar, Mutex,
};

/// The signatures of [`crate::sync`] over loom's primitives, and atomics whose sequential consistency is one.
#[cfg(all(loom, test))]
mod modelled {
    use std::ops::Deref;

    use loom::sync::MutexGuard;
    use loom::sync::atomic::{self, Ordering, Ordering::SeqCst};

    /// loom orders the stores of different threads only by what they have seen of each other, so a
    /// sequentially consistent load may find one that was overwritten. A read-modify-write operation
    /// always finds the last, hence these store with one, and load with one where that order is asked
    /// for.
    macro_rules! atomics {
        ($($name:ident: $value:ty, $load:ident $nothing:expr;)+) => {
            $(
                #[derive(Debug)]
                pub(crate) struct $name(atomic::$name);

                #[allow(dead_code, reason = "each type has the methods that one of them needs")]
                impl $name {
                    pub(crate) fn new(value: $value) -> Self {
                        Self(atomic::$name::new(value))
                    }

                    pub(crate) fn load(&self, order: Ordering) -> $value {
                        match order {
                            SeqCst => self.0.$load($nothing, SeqCst),
                            order => self.0.load(order),
                        }
                    }

                    pub(crate) fn store(&self, value: $value, order: Ordering) {
                        self.0.swap(value, order);
                    }
                }

                impl Deref for $name {
                    type Target = atomic::$name;
                    fn deref(&self) -> &Self::Target {
                        &self.0
                    }
                }
            )+
        };
    }

    atomics! {
        AtomicBool: bool, fetch_or false;
        AtomicU8: u8, fetch_or 0;
        AtomicU32: u32, fetch_or 0;
        AtomicU64: u64, fetch_or 0;
        AtomicUsize: usize, fetch_or 0;
    }

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }

    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(guard).unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
