//! Memory and strings, which programs may mix with `malloc` and `free`.

use std::ffi::{c_char, c_void};
use std::ptr;

use crate::text::{Text, out};

/// Returns memory of so many bytes, or null.
pub(crate) fn allocate(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { libc::malloc(size) }
}

/// Frees memory, or null.
pub(crate) fn release(memory: *mut c_void) {
    // SAFETY: C hands over null or what `allocate`, or its own `malloc`, has returned.
    unsafe { libc::free(memory) };
}

export! {
    fn nng_alloc(size: usize) -> *mut c_void {
        // More than an address space has is not worth asking for.
        if size == 0 || isize::try_from(size).is_err() { ptr::null_mut() } else { allocate(size) }
    }

    fn nng_free(memory: *mut c_void, _size: usize) {
        release(memory);
    }

    fn nng_strdup(text: Text) -> *mut c_char {
        out(text.bytes()?)
    }

    fn nng_strfree(text: *mut c_char) {
        release(text.cast());
    }
}
