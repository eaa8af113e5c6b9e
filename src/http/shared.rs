//! A message that a program and an operation hold together.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nng_aio::sync::{Mutex, MutexGuard};

/// A message that several may hold and one at a time may touch: what a pointer to it is in C.
///
/// Clones are the same message. An operation that reads into it locks it for moments, never while it
/// waits.
///
/// ```
/// use nng_oxide::http::{Response, Shared};
///
/// let response = Shared::new(Response::new());
/// let other = response.clone();
/// other.lock().set_status(404);
/// assert_eq!(response.lock().status(), 404);
/// ```
pub struct Shared<T>(Arc<Place<T>>);

/// Where it is.
struct Place<T> {
    message: Mutex<T>,
    /// The thread that has it locked; 0 for none. Only that thread finds itself in there.
    owner: AtomicUsize,
}

/// Returns a number that no other living thread has.
fn this_thread() -> usize {
    thread_local! {
        static PLACE: u8 = const { 0 };
    }
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

impl<T> Shared<T> {
    /// Puts a message where others can hold it, too.
    pub fn new(message: T) -> Self {
        Self(Arc::new(Place { message: Mutex::new(message), owner: AtomicUsize::new(0) }))
    }

    /// Locks the message until the guard goes.
    ///
    /// The guard lives to the end of the statement, or as long as it has a name; of two looks in one
    /// statement the second panics. Give the first a name: `let response = shared.lock();`.
    ///
    /// # Panics
    /// If this thread has it locked already.
    /// # Context
    /// Blocks while another thread has it locked.
    #[track_caller]
    pub fn lock(&self) -> Guard<'_, T> {
        let place = &*self.0;
        let message = place.message.try_lock().unwrap_or_else(|| {
            assert_ne!(
                place.owner.load(Relaxed),
                this_thread(),
                "this thread has the message locked already: keep the first guard, by a name"
            );
            place.message.lock()
        });
        place.owner.store(this_thread(), Relaxed);
        Guard { owner: &place.owner, message }
    }

    /// Returns whether nobody else holds the message.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Shared<T> {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.message.try_lock() {
            Some(message) => f.debug_tuple("Shared").field(&*message).finish(),
            None => f.write_str("Shared(<locked>)"),
        }
    }
}

/// A locked message. A thread that has one cannot have a second of the same message: give it a name, and
/// look at the message by that.
#[must_use = "the message is unlocked when the guard goes"]
pub struct Guard<'a, T> {
    owner: &'a AtomicUsize,
    message: MutexGuard<'a, T>,
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // While it is still locked.
        self.owner.store(0, Relaxed);
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_look_at_a_time_is_told_and_one_after_the_other_is_fine() {
        let shared = Shared::new(1);
        *shared.lock() += 1;
        let other = shared.clone();
        let guard = shared.lock();
        let twice = std::panic::AssertUnwindSafe(|| *other.lock());
        let panic = std::panic::catch_unwind(twice).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("locked already"), "{text}");
        let waiter = std::thread::spawn(move || *other.lock());
        drop(guard);
        assert_eq!((waiter.join().unwrap(), *shared.lock()), (2, 2));
    }
}
