//! The runtime: a few threads that hold roles on one selector, or none and the host's own loop.
//!
//! | file | what it answers |
//! |---|---|
//! | `builder.rs` | how a runtime is configured and begun |
//! | `global.rs` | which runtime serves those who name none, before and after a fork |
//! | `shared.rs` | what all threads of a runtime share; how work is queued and who is told |
//! | `worker.rs` | one turn: wait, handle readiness, fire deadlines, run callbacks |
//! | `roles.rs` | who polls and who watches, as counts |
//! | `watchdog.rs` | who takes over when callbacks block |
//! | `crew.rs` | the threads: begun, parked, granted a role, ended |
//! | `detector.rs` | which callbacks are slow and go to helpers |
//! | `queue.rs`, `sources.rs`, `registry.rs` | due callbacks, registered descriptors, living aios |
//! | `timekeeper.rs` | how long a wait may last |
//! | `timer.rs` | timers for providers |
//! | `lookups.rs`, `blocking.rs` | threads for what blocks in the system: lookups of names; other work |
//! | `current.rs` | what a thread is doing for which runtime; the callbacks on its stack |
//! | `waits.rs` | waits between callbacks that could never end |
//! | `parked.rs` | waits in callbacks, when every thread is taken |
//! | `host.rs` | turns made by the host |
//! | `shutdown.rs` | the end, in order |
//! | `selector.rs` | the system's selector |
//!
//! Two classes of work: what providers do on readiness and deadlines runs at once on the polling
//! thread and never blocks; user callbacks go through a queue that any thread may take from.

pub(crate) mod blocking;
mod builder;
mod crew;
pub(crate) mod current;
mod detector;
mod global;
mod host;
pub(crate) mod lookups;
mod parked;
mod queue;
mod registry;
pub(crate) mod roles;
mod selector;
mod shared;
mod shutdown;
mod sources;
mod stats;
mod timekeeper;
mod timer;
mod waits;
mod watchdog;
mod worker;

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

pub use builder::Builder;
pub(crate) use parked::Slept;
pub(crate) use shared::Shared;
pub use stats::Stats;
pub use timer::{Expire, Timer};
pub(crate) use waits::wait_within_callbacks;

use crate::{Aio, Error};

/// What may be tried again on a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Readiness {
    /// Receiving may make progress, if only to find the end of the stream or an error.
    pub readable: bool,
    /// Sending may make progress, if only to find an error.
    pub writable: bool,
    /// The peer closed its side, or the connection broke.
    pub hangup: bool,
}

/// Somebody who wants to know when a descriptor becomes ready.
pub trait Watcher: Send + Sync + 'static {
    /// The descriptor became ready, or may have.
    ///
    /// # Context
    /// Runs on a runtime thread with no lock held and must not block. Calls may overlap.
    fn ready(self: Arc<Self>, readiness: Readiness);

    /// The runtime shuts down: end what is in flight with [`Error::Closed`] and let go.
    fn runtime_closed(self: Arc<Self>);
}

/// A user callback that is due.
pub trait Task: Send + Sync + 'static {
    /// Runs it.
    ///
    /// # Context
    /// Runs on a runtime thread with no lock held, and may do anything. A panic is caught.
    fn run(self: Arc<Self>);

    /// Runs it, and hands out what is due now and may run right after it on the same thread.
    fn run_then(self: Arc<Self>) -> Option<Arc<dyn Task>> {
        self.run();
        None
    }

    /// Tells functions apart: those with the same key are taken to be equally slow.
    fn key(&self) -> usize;
}

/// Threads and a selector, and everything that lives on them.
///
/// Clones are the same runtime. When the last clone goes, the runtime shuts down as by
/// [`shutdown`](Self::shutdown); what the library keeps for its own objects does not count.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
    /// Counts the owners; absent in the copies that objects of the runtime keep.
    owner: Option<Arc<Owner>>,
}

/// Shuts the runtime down when nobody owns it any more.
struct Owner {
    shared: Arc<Shared>,
    /// Its end waits until all is over.
    waits: AtomicBool,
}

impl Drop for Owner {
    fn drop(&mut self) {
        shutdown::begin(&self.shared);
        if self.waits.load(Relaxed) {
            shutdown::complete(&self.shared);
        }
    }
}

impl Runtime {
    pub(crate) fn owned(shared: Arc<Shared>) -> Self {
        let owner = Owner { shared: Arc::clone(&shared), waits: AtomicBool::new(true) };
        Self { shared, owner: Some(Arc::new(owner)) }
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared, owner: None }
    }

    /// As dropping it, without waiting for the end.
    fn let_go(self) {
        if let Some(owner) = &self.owner {
            owner.waits.store(false, Relaxed);
        }
    }

    /// Begins the description of a runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The runtime that serves those who name none, begun on first use.
    ///
    /// After it was shut down, or in the child of a fork, the next call begins a fresh one.
    ///
    /// # Panics
    /// If the system has no descriptors or threads left for it.
    pub fn global() -> Self {
        Self::try_global().expect("the system has resources for the global runtime")
    }

    /// As [`global`](Self::global), for those who can do without.
    ///
    /// # Errors
    /// What the system answers when it has no descriptor (`NoFiles`) or thread (`Again`) left for
    /// it. The next call tries again.
    pub fn try_global() -> Result<Self, Error> {
        global::runtime()
    }

    /// Ends the [global](Self::global) runtime as by [`shutdown`](Self::shutdown), if there is one.
    ///
    /// # Context
    /// Blocks as [`shutdown`](Self::shutdown) does.
    /// # Source
    /// nng 1.12, nng_fini(3).
    pub fn shutdown_global() {
        if let Some(runtime) = global::present() {
            runtime.shutdown();
        }
    }

    /// The runtime whose callback is running on this thread, if one is.
    pub fn current() -> Option<Self> {
        current::runtime().map(Self::from_shared)
    }

    /// A copy that does not keep the runtime going: for objects that live on it.
    #[must_use]
    pub fn unowned(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), owner: None }
    }

    /// A new aio on this runtime; see [`Aio::new`].
    pub fn aio<F: Fn(&Aio) + Send + Sync + 'static>(&self, callback: F) -> Aio {
        Aio::on(&self.shared, callback)
    }

    /// A new aio without a callback on this runtime; see [`Aio::without_callback`].
    pub fn aio_without_callback(&self) -> Aio {
        Aio::silent_on(&self.shared)
    }

    /// A new aio on this runtime whose callback is a plain function with an argument that the aio
    /// keeps for it. Without a function it has no callback, and the argument is dropped.
    ///
    /// # Source
    /// nng 1.12, nng_aio_alloc(3).
    pub fn aio_with_argument<T: Send + Sync + 'static>(
        &self,
        function: Option<fn(&Aio, &T)>,
        argument: T,
    ) -> Aio {
        Aio::with_argument(&self.shared, function, argument)
    }

    /// A new timer that calls `target` on this runtime.
    pub fn timer(&self, target: Weak<dyn Expire>) -> Timer {
        Timer::new(&self.shared, target)
    }

    /// Queues a user callback. It never runs on the caller's stack.
    pub fn schedule(&self, task: Arc<dyn Task>) {
        self.shared.schedule(task);
    }

    /// Runs `work` once on a thread that may block in the system, such as in reads of files, for which
    /// there is nothing to wait for. Callbacks, which may block as well, are better off without.
    ///
    /// A few threads serve all such work, in order; see
    /// [`Builder::blocking_threads`](Builder::blocking_threads). Whoever wants to hear of its end
    /// finishes an operation in it.
    ///
    /// # Errors
    /// `Closed` when the runtime ends or belongs to the parent of a fork; what the system answers if
    /// there is no thread and it has none left. `work` is dropped then, as it is when the runtime ends
    /// before it has begun.
    ///
    /// # Context
    /// Does not block. `work` runs with no lock held, and may do anything. A panic is caught.
    pub fn run_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        if self.shared.is_closing() || self.shared.is_forked() {
            return Err(Error::Closed);
        }
        self.shared.blocking.submit(&self.shared, Arc::new(blocking::Work::new(work)))
    }

    /// Ends the runtime: refuses new work, closes what is open, ends every operation with
    /// [`Error::Closed`], runs every callback and joins every thread. Repeating it does no harm.
    ///
    /// # Context
    /// Blocks until all of that has happened; from a callback of this runtime it begins the end and
    /// returns at once. A host-driven runtime has no threads: the first call ends everything and runs
    /// what callbacks are queued; one that comes meanwhile only helps with those.
    pub fn shutdown(&self) {
        shutdown::begin(&self.shared);
        shutdown::complete(&self.shared);
    }

    /// True once the shutdown has begun.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closing()
    }

    /// True in the child of a fork of the process that the runtime belongs to. It does nothing there,
    /// and what lives on it must not be waited for.
    pub fn is_forked(&self) -> bool {
        self.shared.is_forked()
    }

    /// What the runtime has done and has at this moment.
    pub fn stats(&self) -> Stats {
        stats::of(&self.shared)
    }

    /// Enters a watcher into the table of sources, which keeps it until [`Registration::remove`].
    ///
    /// # Errors
    /// `Closed` when the runtime shuts down or belongs to the parent process.
    pub(crate) fn enter(&self, watcher: Arc<dyn Watcher>) -> Result<Registration, Error> {
        let token = self.shared.enter(watcher)?;
        Ok(Registration { shared: Arc::clone(&self.shared), token, is_polled: false })
    }

    /// Announces that this thread is about to sleep in the kernel for what may be long.
    pub(crate) fn before_block(&self) {
        // At the limit of threads there is nobody to take over.
        let _ = self.shared.before_block();
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("name", &self.shared.name())
            .field("is_owner", &self.owner.is_some())
            .finish_non_exhaustive()
    }
}

/// A watcher's place in the table of sources.
pub(crate) struct Registration {
    shared: Arc<Shared>,
    token: usize,
    /// The selector knows the descriptor.
    is_polled: bool,
}

impl Registration {
    /// Registers the watcher's descriptor with the selector, once, for both directions. What is
    /// ready by then is told at once.
    ///
    /// # Errors
    /// What the system answers if the selector takes no more descriptors.
    pub(crate) fn poll(&mut self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        if !self.is_polled && !self.shared.is_forked() {
            self.shared.selector.register(fd, self.token)?;
            self.is_polled = true;
        }
        Ok(())
    }

    /// Forgets the watcher; events that were fetched already find nobody. The caller closes the
    /// descriptor next, which takes it out of the selector.
    pub(crate) fn remove(&self) {
        let watcher = self.shared.remove_source(self.token);
        drop(watcher);
    }

    /// True in the child of a fork of the process that the runtime belongs to.
    pub(crate) fn is_forked(&self) -> bool {
        self.shared.is_forked()
    }

    /// As [`remove`](Self::remove), for a descriptor that lives on: another watcher may register it.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn withdraw(self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        self.remove();
        if self.is_polled && !self.shared.is_forked() {
            self.shared.selector.deregister(fd)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("token", &self.token).finish_non_exhaustive()
    }
}
