//! What a process has once: the runtime of those who name none, and the table of waits.
//!
//! The runtime is begun on first use and again after it was shut down. A forked child gets one of its own:
//! each generation of processes has its own place, so nothing that the parent held locked when it
//! forked is touched.

use crate::Error;
use crate::runtime::waits::Waits;
use crate::runtime::{Builder, Runtime};
use crate::sync::{Mutex, PerProcess};
use crate::sys::Lazy;

/// The places of one process.
pub(super) struct Generation {
    runtime: Mutex<Option<Runtime>>,
    pub(super) waits: Mutex<Waits>,
}

impl Generation {
    const fn new() -> Self {
        Self { runtime: Mutex::new(None), waits: Mutex::new(Waits::new()) }
    }
}

/// How the runtime is built, if somebody has said so; children of a fork have the same.
static BUILDER: Lazy<Builder> = Lazy::new();

static GENERATIONS: PerProcess<Generation> = PerProcess::new(Generation::new());

/// The places of this process.
pub(super) fn generation() -> &'static Generation {
    GENERATIONS.get(|_| Generation::new())
}

/// Says how the runtime of those who name none is built from now on.
pub(super) fn configure(builder: Builder) -> Result<(), Error> {
    BUILDER.set(builder).map(|_described| ()).map_err(|_refused| Error::Exists)
}

/// The runtime of those who name none, if it has begun.
pub(super) fn present() -> Option<Runtime> {
    generation().runtime.lock().as_ref().map(Runtime::unowned)
}

/// The runtime of those who name none.
pub(super) fn runtime() -> Result<Runtime, Error> {
    let place = &generation().runtime;
    if let Some(runtime) = place.lock().as_ref().filter(|runtime| !runtime.is_closed()) {
        return Ok(runtime.unowned());
    }
    // With the lock given up: what goes wrong is logged, and the logger may come back here.
    let begun = BUILDER.get().cloned().unwrap_or_else(Runtime::builder).build()?;
    let mut held = place.lock();
    let (runtime, unused) = match &*held {
        // Somebody else was faster.
        Some(runtime) if !runtime.is_closed() => (runtime.unowned(), Some(begun)),
        Some(_) | None => (begun.unowned(), held.replace(begun)),
    };
    drop(held);
    // The last one may be ending at this moment, with callbacks that wait for the caller.
    if let Some(unused) = unused {
        unused.let_go();
    }
    Ok(runtime)
}
