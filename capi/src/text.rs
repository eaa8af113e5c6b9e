//! Strings in and out.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nng_aio::sync::Mutex;

/// A string of C's, or null.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Text(*const c_char);

impl Text {
    /// Returns the bytes; nothing for null.
    pub(crate) fn bytes<'a>(self) -> Option<&'a [u8]> {
        // SAFETY: C hands over null or a string that ends with NUL and lives as long as the call.
        (!self.0.is_null()).then(|| unsafe { CStr::from_ptr(self.0) }.to_bytes())
    }

    /// Returns the string if it is UTF-8.
    pub(crate) fn str<'a>(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Returns the path, which may be of any bytes.
    pub(crate) fn path<'a>(self) -> Option<&'a Path> {
        self.bytes().map(|bytes| Path::new(OsStr::from_bytes(bytes)))
    }

    pub(crate) const fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// Copies bytes into memory that C frees; null without memory. What follows a NUL is not seen by C.
pub(crate) fn out(bytes: &[u8]) -> *mut c_char {
    let copy = crate::memory::allocate(bytes.len() + 1).cast::<u8>();
    if !copy.is_null() {
        // SAFETY: both are that long, and the copy is new.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
        // SAFETY: there is room for one byte more.
        unsafe { copy.wrapping_add(bytes.len()).write(0) };
    }
    copy.cast()
}

/// Strings that C has borrowed from an object, by what they are of. Each lives until that is another.
#[derive(Default)]
pub(crate) struct Lent(Mutex<Vec<(String, CString)>>);

impl Lent {
    /// Lends what is under a name now; a colon tells those apart that are no fields.
    pub(crate) fn lend(&self, name: &str, bytes: &[u8]) -> *const c_char {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let bytes = &bytes[..end];
        let mut all = self.0.lock();
        let index = all.iter().position(|(other, _)| other.eq_ignore_ascii_case(name));
        let index = index.unwrap_or_else(|| {
            all.push((name.to_owned(), CString::default()));
            all.len() - 1
        });
        let text = &mut all[index].1;
        // The same again is the same string.
        if text.to_bytes() != bytes {
            *text = CString::new(bytes).unwrap_or_default();
        }
        text.as_ptr()
    }

    /// Takes all of them back.
    pub(crate) fn end(&self) {
        self.0.lock().clear();
    }
}
