//! Memory that belongs to somebody whom the compiler does not see, such as a program in C.

use std::fmt;
use std::ptr::NonNull;

/// Bytes that somebody else owns and has lent for a while.
#[derive(Clone, Copy)]
pub struct Foreign {
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: it is an address and a length; what may be done with them on which thread is what `new` asks
// for, and that does not depend on the thread.
unsafe impl Send for Foreign {}
// SAFETY: as above; through a shared reference the bytes are only read.
unsafe impl Sync for Foreign {}

impl Foreign {
    /// Takes `len` bytes from `at` on.
    ///
    /// # Safety
    /// For as long as the value and its copies are in use, the memory is there, can be read, and nobody
    /// else writes to it. If it is received into, it can be written to and nobody else reads it either.
    /// An operation uses it until it has ended, a message until its body is another.
    pub const unsafe fn new(at: NonNull<u8>, len: usize) -> Self {
        Self { at, len }
    }

    /// The bytes.
    pub const fn as_slice(&self) -> &[u8] {
        // SAFETY: whoever has made it promises that they are there and that nobody writes to them.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.len) }
    }

    /// The bytes, for writing.
    pub const fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: whoever has made it for an operation that receives promises that they are there and
        // that nobody else touches them.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr(), self.len) }
    }
}

/// Where they are is nobody's business.
impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").field("len", &self.len).finish_non_exhaustive()
    }
}
