//! Work that blocks in the system: a function of the program's, or of a package above, that runs once
//! on a thread for such work, while callbacks have theirs.
//!
//! It is waited for by nobody here. At the end of the runtime what has not begun is dropped.

use crate::sync::Mutex;

use crate::runtime::lookups::{Answer, Lookup};
use crate::{log, shield};

/// The number of threads beyond which only stuck ones are replaced, unless the builder is told another.
pub(crate) const THREADS: usize = 4;

/// A function that is called once.
type Function = Box<dyn FnOnce() + Send>;

/// A function on its way to a thread.
pub(crate) struct Work(Mutex<Option<Function>>);

impl Work {
    pub(crate) fn new(function: impl FnOnce() + Send + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(function))))
    }
}

impl Lookup for Work {
    fn call(&self) -> Answer<'_> {
        let function = self.0.lock().take();
        if let Some(function) = function
            && shield::panics(function)
        {
            log::error("NNG-PANIC", "work that blocks panicked");
        }
        Box::new(|| ())
    }

    fn is_wanted(&self) -> bool {
        true
    }
}
