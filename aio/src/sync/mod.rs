//! Locks for whatever several threads hold: they do not poison, and work in forked children.
//!
//! They are those of `std`, whose waiting is the system's own: a lock that a child makes, or that
//! nobody held when it was forked, works there like any other. Locks that keep tables of sleepers
//! for the whole process, as parking_lot does, carry the parent's sleepers over, and a child's
//! threads are then lost among them or write over them. A panic under a lock leaves what it guards
//! as it is.
//!
//! ThreadSanitizer does not see what compiled parts of `std` order. For it alone, under
//! `--cfg visible_locks`, the same types stand on parking_lot, which is compiled with the rest.
//!
//! # Source
//! nng 1.12, nng_mtx_alloc(3), nng_cv_alloc(3).

pub use crate::sys::PerProcess;

#[cfg(visible_locks)]
mod visible;

#[cfg(not(visible_locks))]
mod system;

#[cfg(not(visible_locks))]
pub use system::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(visible_locks)]
pub use visible::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
