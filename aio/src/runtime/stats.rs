//! Counters of a runtime.

use std::sync::atomic::Ordering::Relaxed;

use crate::runtime::Shared;

/// What a runtime has done since it began, and what it has at this moment; nothing at all in the child
/// of a fork.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Threads of the runtime that exist now.
    pub threads: usize,
    /// Threads that look up names and exist now.
    pub resolver_threads: usize,
    /// Threads for other work that blocks that exist now.
    pub blocking_threads: usize,
    /// Aios that exist now.
    pub aios: usize,
    /// Descriptors registered now.
    pub sources: usize,
    /// Callbacks queued now.
    pub queued: usize,
    /// Panics of foreign code that were caught: in callbacks, cancel functions, watchers, destructors.
    pub panics: u64,
    /// Times a thread was woken from its wait by another.
    pub kicks: u64,
    /// Times the watchdog took polling over because callbacks blocked.
    pub take_overs: u64,
    /// Callbacks that went to helper threads because their function was slow.
    pub offloaded: u64,
}

pub(super) fn of(shared: &Shared) -> Stats {
    if shared.is_forked() {
        return Stats::default();
    }
    let counters = &shared.counters;
    Stats {
        threads: shared.crew.threads(),
        resolver_threads: shared.lookups.threads(),
        blocking_threads: shared.blocking.threads(),
        aios: shared.registry.len(),
        sources: shared.sources.len(),
        queued: shared.queue.len(),
        panics: counters.panics.load(Relaxed),
        kicks: counters.kicks.load(Relaxed),
        take_overs: counters.take_overs.load(Relaxed),
        offloaded: counters.offloaded.load(Relaxed),
    }
}
