//! Foreign code may panic: callbacks, cancel functions, destructors, the logger.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// So often is dropped what the destructor of a payload panicked with; then it is forgotten.
const ATTEMPTS: u32 = 8;

/// Runs foreign code; true if it panicked.
///
/// What it panicked with is foreign as well. It is dropped here, and its destructor may panic in turn.
pub(crate) fn panics(run: impl FnOnce()) -> bool {
    let Err(mut payload) = catch_unwind(AssertUnwindSafe(run)) else { return false };
    for _ in 0..ATTEMPTS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return true,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
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
