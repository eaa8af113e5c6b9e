//! Foreign code may panic: callbacks, cancel functions, destructors, the logger.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs foreign code; true if it panicked.
///
/// What it panicked with is foreign as well: it is dropped here, and if its destructor panics in
/// turn, what that one panicked with is forgotten.
pub(crate) fn panics(run: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(run)) else { return false };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    true
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// Panics when it is dropped, with itself once more.
    struct Endless;

    impl Drop for Endless {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }

    #[test]
    fn nothing_gets_out() {
        assert!(!panics(|| ()));
        assert!(panics(|| panic!("on purpose")));
        assert!(panics(|| std::panic::panic_any(Endless)));
    }
}
