//! What a process has once: the runtime of those who name none, and the table of waits.
//!
//! The runtime is begun on first use and again after it was shut down. A forked child gets one of its own:
//! each generation of processes has its own place, so nothing that the parent held locked when it
//! forked is touched.

use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::runtime::Runtime;
use crate::runtime::waits::Waits;
use crate::{Error, sys};

/// The places of one generation of processes and, behind it, of its children.
pub(super) struct Generation {
    runtime: Mutex<Option<Runtime>>,
    pub(super) waits: Mutex<Waits>,
    next: OnceLock<Box<Self>>,
}

impl Generation {
    const fn new() -> Self {
        Self { runtime: Mutex::new(None), waits: Mutex::new(Waits::new()), next: OnceLock::new() }
    }
}

static FIRST: Generation = Generation::new();

/// The places of this process.
pub(super) fn generation() -> &'static Generation {
    let mut generation = &FIRST;
    for _ in 0..sys::forks() {
        generation = generation.next.get_or_init(|| Box::new(Generation::new()));
    }
    generation
}

/// The runtime of those who name none, if it has begun.
pub(super) fn present() -> Option<Runtime> {
    sys::count_forks();
    generation().runtime.lock().as_ref().map(Runtime::unowned)
}

/// The runtime of those who name none.
pub(super) fn runtime() -> Result<Runtime, Error> {
    sys::count_forks();
    let mut place = generation().runtime.lock();
    match &*place {
        Some(runtime) if !runtime.is_closed() => Ok(runtime.unowned()),
        Some(_) | None => {
            let runtime = Runtime::builder().build()?;
            let old = place.replace(runtime.clone());
            drop(place);
            drop(old);
            Ok(runtime.unowned())
        }
    }
}
