//! The watchdog: ticks while callbacks may block others, and takes polling over when they do.
//!
//! When the runtime ends, it stays until no callback runs that may block others. It sees the threads'
//! slots only. Every working thread without progress since the last tick, and
//! nobody in the kernel or callbacks left in the queue: it becomes a poller and appoints another
//! watchdog. Quiet for two ticks, and nothing in danger: it becomes the second poller, or parks.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use crate::runtime::Shared;
use crate::runtime::crew::Slot;
use crate::runtime::selector::WAITERS;

const TICK: Duration = Duration::from_millis(1);
/// The tick for some time after callbacks were seen to block.
const ALARMED_TICK: Duration = Duration::from_micros(250);
const ALARMED_TICKS: u32 = 200;
/// Fewer steps than this in a tick are quiet.
const QUIET: u32 = 8;

/// What the watchdog becomes.
pub(crate) enum After {
    /// A poller; the role is taken already.
    Poll,
    /// Nothing.
    Park,
}

/// Ticks until somebody must poll or nobody must watch. The caller holds the watchdog's token; it
/// is given back or passed on.
pub(crate) fn watch(shared: &Shared) -> After {
    let mut seen = Vec::new();
    let mut quiet = 0;
    loop {
        if shared.is_stopping() && is_over(shared) {
            shared.roles.end_watch();
            return After::Park;
        }
        let alarm = &shared.crew.alarm;
        let is_alarmed = alarm.load(Relaxed) > 0;
        if is_alarmed {
            alarm.fetch_sub(1, Relaxed);
        }
        shared.crew.tick(if is_alarmed { ALARMED_TICK } else { TICK });
        let view = look(shared.crew.slots(), &mut seen);
        let has_queue = !shared.queue.is_empty();
        let nobody_waits = shared.roles.waiting() == 0;
        // Once the runtime ends, nothing comes from the kernel any more.
        let is_missed = has_queue || (nobody_waits && !shared.is_stopping());
        if view.working == view.stuck && is_missed && view.is_complete {
            return take_over(shared, alarm);
        }
        if !nobody_waits && shared.has_unplanned_deadline() {
            shared.kick();
        }
        quiet = if view.steps < QUIET { quiet + 1 } else { 0 };
        if quiet >= 2
            && !shared.is_stopping()
            && (view.working == 0 || (!nobody_waits && !has_queue))
        {
            if let Some(after) = leave(shared) {
                return after;
            }
            quiet = 0;
        }
    }
}

/// True if nothing is queued and no callback runs that could queue something.
fn is_over(shared: &Shared) -> bool {
    !shared.crew.slots().iter().any(Slot::is_working) && shared.queue.is_empty()
}

struct View {
    working: usize,
    /// Working, and where they were at the last tick.
    stuck: usize,
    steps: u32,
    /// All threads were there at the last tick already.
    is_complete: bool,
}

fn look(slots: &[Slot], seen: &mut Vec<u32>) -> View {
    let known = seen.len();
    let mut view = View { working: 0, stuck: 0, steps: 0, is_complete: known > 0 };
    seen.resize(slots.len(), 0);
    for (index, (slot, seen)) in slots.iter().zip(seen).enumerate() {
        let progress = slot.progress();
        let steps = progress.wrapping_sub(*seen);
        let is_known = index < known;
        *seen = progress;
        if is_known {
            view.steps = view.steps.saturating_add(steps);
        }
        if slot.is_working() {
            view.working += 1;
            view.stuck += usize::from(is_known && steps == 0);
        }
    }
    view
}

/// Every poller sits in a callback: polls instead, and lets somebody else watch.
fn take_over(shared: &Shared, alarm: &AtomicU32) -> After {
    shared.counters.take_overs.fetch_add(1, Relaxed);
    alarm.store(ALARMED_TICKS, Relaxed);
    shared.roles.add_poller();
    shared.roles.end_watch();
    shared.start_watch();
    After::Poll
}

/// Gives the token back if nothing is in danger without a watchdog.
fn leave(shared: &Shared) -> Option<After> {
    shared.roles.set_busy(false);
    shared.roles.end_watch();
    if shared.roles.pollers() < WAITERS {
        // A new poller looks at the queue before it waits.
        shared.roles.add_poller();
        return Some(After::Poll);
    }
    // While the token was out, work may have been queued without a kick, and the one that waited
    // may have begun to work.
    if (!shared.queue.is_empty() || shared.roles.waiting() == 0) && shared.roles.take_watch() {
        return None;
    }
    if shared.has_unplanned_deadline() {
        shared.kick();
    }
    Some(After::Park)
}
