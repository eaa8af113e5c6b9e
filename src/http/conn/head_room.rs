//! Room in which heads are written, one for each thread.

use std::cell::Cell;

thread_local! {
    static HEAD: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Room for a head that is kept for the next one; more is returned to the system.
const MAX_HEAD_ROOM: usize = 64 << 10;

/// Lends this thread's room for a head.
pub(crate) fn with_head<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut head = HEAD.take();
    head.clear();
    let result = work(&mut head);
    if head.capacity() <= MAX_HEAD_ROOM {
        HEAD.set(head);
    }
    result
}
