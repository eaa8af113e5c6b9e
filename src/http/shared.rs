//! A message that a program and an operation hold together.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

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
pub struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    /// Puts a message where others can hold it, too.
    pub fn new(message: T) -> Self {
        Self(Arc::new(Mutex::new(message)))
    }

    /// Locks the message until the guard goes.
    ///
    /// # Context
    /// Blocks while another thread has it locked. Locking it twice on one thread never returns.
    pub fn lock(&self) -> Guard<'_, T> {
        Guard(self.0.lock())
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
        match self.0.try_lock() {
            Some(message) => f.debug_tuple("Shared").field(&*message).finish(),
            None => f.write_str("Shared(<locked>)"),
        }
    }
}

/// A locked message.
#[must_use = "the message is unlocked when the guard goes"]
pub struct Guard<'a, T>(MutexGuard<'a, T>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
