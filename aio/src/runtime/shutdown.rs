//! The end of a runtime, in order.
//!
//! 1. New work is refused: arming answers `Closed`, registering fails.
//! 2. Every source is closed; what was in flight on it ends with `Closed`.
//! 3. The threads that look up names and those for other blocking work end. One that is stuck in the
//!    system is not waited for.
//! 4. Every aio is stopped; the provider of whatever is still armed is asked to end it.
//! 5. The callbacks of all that run. Each thread ends when the queue is empty and no callback blocks
//!    that it would have to cover for. All are joined.
//!
//! A callback that becomes due after that, because somebody held on to an operation, runs on a thread
//! that is begun for it, or in the host's next turn: every operation's callback runs, also then.

use std::sync::Arc;
use std::time::Duration;

use crate::runtime::{Shared, current};
use crate::{Error, log};

/// Begins the end of the runtime, once; see [`Runtime::shutdown`](crate::Runtime::shutdown).
pub(super) fn begin(shared: &Arc<Shared>) {
    if !shared.is_forked() && shared.begin_closing() {
        for watcher in shared.sources.all() {
            shared.shielded("a watcher", || watcher.runtime_closed());
        }
        shared.lookups.close();
        shared.blocking.close();
        for aio in shared.registry.all() {
            // The handle may have gone meanwhile, so a destructor may run here.
            shared.shielded("a destructor", || {
                aio.stop(Error::Closed);
                drop(aio);
            });
        }
        shared.begin_stopping();
        shared.crew.stop();
        shared.kick_again();
    }
}

/// Returns when the end that has begun is complete, as far as this thread can wait for it.
pub(super) fn complete(shared: &Arc<Shared>) {
    if shared.is_forked() {
        return;
    }
    if shared.is_host_driven() {
        // A turn in a callback runs what is left; the host's own turn goes on after it.
        while !shared.queue.is_empty() {
            shared.turn(Duration::ZERO, || true);
        }
    } else if !current::is_one_of(shared) {
        // One of its own threads cannot wait for itself; all of them end when they are done. One of
        // another runtime's has that to look after.
        shared.before_block();
        shared.crew.join();
    }
    log::pass_postponed();
}
