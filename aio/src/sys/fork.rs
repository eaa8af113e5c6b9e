//! How a process learns that it is a fork of the one it was.
//!
//! # Source
//! POSIX, pthread_atfork(3): the child's handler runs before fork(2) returns in the child.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);
static HANDLER: Once = Once::new();

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Begins counting; called before the first runtime exists.
pub(crate) fn count_forks() {
    HANDLER.call_once(|| {
        // SAFETY: the handler is a plain function that lives as long as the program and only
        // touches an atomic, which is allowed in a child of a process with threads. A failure
        // (out of memory) leaves forks uncounted, as they are without this call.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// The number of forks between the first ancestor that counted and this process.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}
