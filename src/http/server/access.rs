//! The record of each exchange, for programs that want one.
//!
//! Without a hook nothing is noted at all. With one, an [`Entry`] is made when a request's head is
//! there and completed when its response is out; the hook is called by a task of the runtime, so
//! that it never runs on the stack of a program that answers with a lock of its own held. One task at a
//! time delivers what there is, in order, so the hook hears of one exchange after the other. A server that
//! ends gently has ended when the last record is delivered.
//!
//! Locks: the hook, a leaf, read for as long as it takes to copy a handle; the queue, a leaf.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nng_aio::net::Addr;
use nng_aio::sync::{Mutex, RwLock};
use nng_aio::{Runtime, Task, clock};

use super::core::Core;

/// What became of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Access {
    /// Whose request it was.
    pub peer: Addr,
    /// The method; empty if the head could not be read.
    pub method: String,
    /// The target as it was sent; empty if the head could not be read. It is the peer's text: mind
    /// that when it goes into a file or onto a terminal.
    pub target: String,
    /// The status of the response; 0 if there was none.
    pub status: u16,
    /// Bytes that were sent in answer, heads included. What a handler has written itself counts as
    /// far as it was out when the handler said that it had finished.
    pub sent: u64,
    /// From the last byte of the request's head to the last byte of the response, as the system
    /// takes them.
    pub duration: Duration,
    /// The response went out whole, or the handler said so.
    pub is_complete: bool,
}

/// Who hears of exchanges.
pub type AccessHook = Arc<dyn Fn(&Access) + Send + Sync>;

/// The hook of a server.
#[derive(Default)]
pub(super) struct AccessLog {
    is_on: AtomicBool,
    hook: RwLock<Option<AccessHook>>,
    queue: Mutex<Queue>,
}

/// Records on their way to the hook, in order.
#[derive(Default)]
struct Queue {
    records: VecDeque<(AccessHook, Access)>,
    /// A task delivers them, and has not seen the end.
    is_running: bool,
}

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Entry {
    began: Instant,
    access: Access,
}

impl AccessLog {
    pub(super) fn set(&self, hook: Option<AccessHook>) {
        self.is_on.store(hook.is_some(), Relaxed);
        let old = std::mem::replace(&mut *self.hook.write(), hook);
        drop(old);
    }

    /// Begins an entry if somebody wants to hear of it.
    pub(super) fn begin(&self, describe: impl FnOnce() -> Access) -> Option<Box<Entry>> {
        let is_on = self.is_on.load(Relaxed);
        is_on.then(|| Box::new(Entry { began: clock::now(), access: describe() }))
    }

    /// Returns whether the hook has heard of everything.
    pub(super) fn is_delivered(&self) -> bool {
        !self.queue.lock().is_running
    }
}

impl Core {
    /// Hands an entry to the hook, soon.
    pub(super) fn record(
        self: &Arc<Self>,
        runtime: &Runtime,
        entry: Entry,
        end: impl FnOnce(&mut Access),
    ) {
        let Some(hook) = self.access().hook.read().clone() else { return };
        let Entry { began, mut access } = entry;
        access.duration = clock::now().saturating_duration_since(began);
        end(&mut access);
        let mut queue = self.access().queue.lock();
        queue.records.push_back((hook, access));
        let is_running = std::mem::replace(&mut queue.is_running, true);
        drop(queue);
        if !is_running {
            runtime
                .schedule(Arc::new(Delivery { core: Arc::clone(self), runtime: runtime.clone() }));
        }
    }
}

impl Entry {
    /// The response that is about to be sent has this status.
    pub(super) fn set_status(&mut self, status: u16) {
        self.access.status = status;
    }
}

impl Access {
    /// A request of which nothing is known yet but whose it is.
    pub(super) fn of(peer: Addr) -> Self {
        Self {
            peer,
            method: String::new(),
            target: String::new(),
            status: 0,
            sent: 0,
            duration: Duration::ZERO,
            is_complete: false,
        }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("is_on", &self.is_on).finish_non_exhaustive()
    }
}

/// Hands records to the hook.
struct Delivery {
    core: Arc<Core>,
    runtime: Runtime,
}

impl Task for Delivery {
    fn run(self: Arc<Self>) {
        let _next = Next(&self);
        let queue = &self.core.access().queue;
        loop {
            let mut held = queue.lock();
            let Some((hook, access)) = held.records.pop_front() else {
                held.is_running = false;
                break;
            };
            drop(held);
            hook(&access);
        }
        // A server that ends gently may have waited for that.
        if self.core.drain().is_on() {
            self.core.complete_drain_if_over();
        }
    }

    fn key(&self) -> usize {
        // All of them are one kind of function.
        3
    }
}

/// Sees to it that those behind a record whose hook panics are delivered, too.
struct Next<'a>(&'a Delivery);

impl Drop for Next<'_> {
    fn drop(&mut self) {
        let Delivery { core, runtime } = self.0;
        if std::thread::panicking() {
            let (core, runtime) = (Arc::clone(core), runtime.clone());
            let again = Delivery { core, runtime: runtime.clone() };
            runtime.schedule(Arc::new(again));
        }
    }
}
