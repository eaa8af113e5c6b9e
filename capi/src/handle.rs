//! What is behind the pointers that C has: boxes with a tag in front, which says of what kind they are
//! as long as they live.
//!
//! The tag catches pointers to something else of ours, and most of those to what was freed; it cannot
//! catch all, and need not: using them is a fault of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Says of what kind an object is. It also keeps the compiler from assuming that an object outlives a
/// call, which may free it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Tag(AtomicU32);

/// What a tag says once its object is gone.
const GONE: u32 = 0xdead_dead;

/// An object that C knows by a pointer.
pub(crate) trait Object: Sized {
    /// Tells its kind from others.
    const KIND: u32;

    fn tag(&self) -> &Tag;
}

/// Makes a structure an object.
macro_rules! object {
    ($($type:ty = $kind:literal;)+) => {
        $(impl $crate::handle::Object for $type {
            const KIND: u32 = u32::from_be_bytes(*$kind);

            fn tag(&self) -> &$crate::handle::Tag {
                &self.tag
            }
        })+
    };
}
pub(crate) use object;

impl Tag {
    pub(crate) const fn of<T: Object>() -> Self {
        Self(AtomicU32::new(T::KIND))
    }
}

/// Returns the object if it is one of its kind.
pub(crate) fn live<T: Object>(object: Option<&T>) -> Option<&T> {
    object.filter(|object| object.tag().0.load(Relaxed) == T::KIND)
}

/// Hands an object to C.
pub(crate) fn give<T: Object>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Takes back what [`give`] has handed out; nothing for null and what is no such object.
pub(crate) fn take<T: Object>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: C hands over null or an object of ours, which was not freed; the tag is that of any.
    let object = live(unsafe { pointer.as_ref() })?;
    // Of two threads that free it, which they must not, one does.
    let tag = &object.tag().0;
    tag.compare_exchange(T::KIND, GONE, Relaxed, Relaxed).ok()?;
    // SAFETY: it came from a box, and its tag has just said that nobody has taken it back before.
    Some(unsafe { Box::from_raw(pointer) })
}

/// As [`give`], for an object that is counted.
pub(crate) fn share<T: Object>(object: Arc<T>) -> *mut T {
    Arc::into_raw(object).cast_mut()
}

/// Returns another count of an object that [`share`] has handed out.
pub(crate) fn count<T: Object>(pointer: *mut T) -> Option<Arc<T>> {
    // SAFETY: C hands over null or an object of ours of which it has a count.
    live(unsafe { pointer.as_ref() })?;
    // SAFETY: it came from an `Arc`, as all objects of this kind do, and C has a count of it.
    unsafe { Arc::increment_strong_count(pointer) };
    // SAFETY: as above; the count is the one that was just added.
    Some(unsafe { Arc::from_raw(pointer) })
}

/// Takes back a count that C has.
pub(crate) fn uncount<T: Object>(pointer: *mut T) -> Option<Arc<T>> {
    // SAFETY: C hands over null or an object of ours of which it has a count.
    live(unsafe { pointer.as_ref() })?;
    // SAFETY: it came from an `Arc`, and C gives up its count.
    Some(unsafe { Arc::from_raw(pointer.cast_const()) })
}
