//! How a process learns that it is a fork of the one it was, and what each process has for itself.
//!
//! # Source
//! POSIX, pthread_atfork(3): the child's handler runs before fork(2) returns in the child.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);
static COUNTS: AtomicBool = AtomicBool::new(false);

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Begins counting; called before the first runtime exists.
pub(crate) fn count_forks() {
    // No `Once`: one that is under way in the parent would stay so in a child for ever. Whoever comes at
    // the same time registers a handler, too, and forks count twice; all that matters is that they count.
    if !COUNTS.load(Ordering::Acquire) {
        // SAFETY: the handler is a plain function that lives as long as the program and only
        // touches an atomic, which is allowed in a child of a process with threads. A failure
        // (out of memory) leaves forks uncounted, as they are without this call.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        COUNTS.store(true, Ordering::Release);
    }
}

/// Grows with each fork between the first ancestor that counted and this process.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// A value that is made when it is first asked for, and never freed.
///
/// Unlike a `OnceLock` it has no state in which others wait: a child that was forked meanwhile would
/// wait for ever. So it may be made for nothing.
#[derive(Debug)]
pub(crate) struct Lazy<T: 'static>(AtomicPtr<T>);

impl<T> Lazy<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: null, or from a box that was released to all and is never freed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &'static T {
        self.get().unwrap_or_else(|| self.set(make()).unwrap_or_else(|(there, _unused)| there))
    }

    /// Puts a value there; if there is one already, gives that and this one back.
    pub(crate) fn set(&self, value: T) -> Result<&'static T, (&'static T, Box<T>)> {
        let made = Box::into_raw(Box::new(value));
        let null = ptr::null_mut();
        match self.0.compare_exchange(null, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: it came from a box just now, and is never freed from here on.
            Ok(_) => Ok(unsafe { &*made }),
            Err(there) => {
                // SAFETY: it came from a box just now, and nobody else has seen it.
                let unused = unsafe { Box::from_raw(made) };
                // SAFETY: what is there came from a box that was released to all and is never freed.
                Err((unsafe { &*there }, unused))
            }
        }
    }
}

/// A static value of which each process has its own. What a forked child finds is new: the parent's may
/// have been locked when it forked, by a thread that the child does not have.
///
/// The value of a process lives as long as the process and its children.
#[derive(Debug)]
pub struct PerProcess<T: 'static> {
    value: T,
    /// Of the next generation.
    next: Lazy<Self>,
}

impl<T> PerProcess<T> {
    /// What the first process finds.
    pub const fn new(value: T) -> Self {
        Self { value, next: Lazy::new() }
    }

    /// The value of this process; `inherit` makes one from the parent's, which it must not wait for.
    /// It may run for nothing.
    pub fn get(&'static self, inherit: impl Fn(&T) -> T) -> &'static T {
        count_forks();
        let mut generation = self;
        for _ in 0..forks() {
            generation = generation.next.get_or_make(|| Self::new(inherit(&generation.value)));
        }
        &generation.value
    }
}
