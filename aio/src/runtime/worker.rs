//! What a thread of the runtime does: one turn of the poll loop, helping, and the change of roles.
//!
//! ```text
//!   wait -> readiness (library code, no locks of ours held) -> deadlines -> callbacks off the queue
//!     ^                                                                          |
//!     +---- still needed as poller? <---------------------------------------- at most 256
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::deadline::{NEVER, Timed};
use crate::runtime::crew::{Duty, Grant, Slot, State};
use crate::runtime::current::{self, Phase};
use crate::runtime::detector::{SLOW, Stopwatch};
use crate::runtime::selector::{Event, Events, WAITERS};
use crate::runtime::sources::Ready;
use crate::runtime::watchdog::{self, After};
use crate::runtime::{Shared, Task};
use crate::{clock, log};

/// Callbacks between two looks at the selector.
const CALLBACKS: usize = 256;
/// Callbacks of one aio in a row while others wait.
const IN_A_ROW: u32 = 16;
/// Deadlines between two looks at the selector.
const DEADLINES: usize = 64;
/// Callbacks slower than this on average are worth a helper.
const WORTH_HELP: Duration = Duration::from_micros(20);
/// So many events within [`BUSY_SPAN`] are busy. Turns would not do: many connections share one.
const BUSY_EVENTS: usize = 32;
const BUSY_SPAN: Duration = Duration::from_millis(4);
/// The longest wait of a turn in a callback that waits: another thread may get the kick that is meant
/// for it.
const TURN_WITHIN: Duration = Duration::from_millis(10);
/// Turns for which callbacks are timed one by one after a slow batch.
const SUSPICION: u32 = 32;

/// Runs a thread of the crew until it is not needed any more.
pub(crate) fn run_thread(shared: &Arc<Shared>, slot: usize) {
    current::settle(shared, slot);
    let _entered = current::enter(shared);
    let _member = Member(shared);
    let mut worker = Worker::new();
    loop {
        match shared.crew.next_duty(shared, slot) {
            Duty::Granted(Grant::Poll) => worker.poll_and_watch(shared, slot, true),
            Duty::Granted(Grant::Watch) => worker.poll_and_watch(shared, slot, false),
            Duty::Granted(Grant::Help) => help(shared),
            Duty::Run(task) => run_aside(shared, task),
            Duty::Exit => return,
        }
        // A child that was forked in a callback is left with this thread alone, and no runtime.
        if shared.is_forked() {
            return;
        }
    }
}

/// Foreign code cannot end a thread. If a defect of ours does, others must not wait for it.
struct Member<'a>(&'a Shared);

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.crew.lose();
        }
    }
}

/// A thread's own room for the turns it makes.
pub(crate) struct Worker {
    events: Events,
    ready: Vec<Ready>,
    stale: Vec<Arc<dyn Timed>>,
    /// Turns left in which each callback is timed.
    suspicion: u32,
    turns: u32,
    /// What the waits since `busy_since` brought; a wait that brought nothing counts as one event.
    busy_events: usize,
    busy_since: Instant,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self {
            events: Events::new(),
            ready: Vec::new(),
            stale: Vec::new(),
            suspicion: 0,
            turns: 0,
            busy_events: 0,
            busy_since: Instant::now(),
        }
    }

    /// Alternates between the two roles until neither is needed.
    fn poll_and_watch(&mut self, shared: &Shared, slot: usize, mut polls: bool) {
        loop {
            if polls {
                self.poll(shared, slot);
                // Also when the runtime ends: others may still be in callbacks that block.
                if shared.is_forked() || !shared.roles.take_watch() {
                    return;
                }
            }
            match watchdog::watch(shared) {
                After::Poll => polls = true,
                After::Park => return,
            }
        }
    }

    /// Holds the poller role until it is given up.
    fn poll(&mut self, shared: &Shared, slot: usize) {
        let place = shared.crew.slot(slot);
        let mut has_more = false;
        loop {
            if shared.is_stopping() && shared.queue.is_empty() {
                shared.roles.remove_poller();
                // A kick ends one wait; the next poller passes it on.
                shared.kick_again();
                break;
            }
            log::pass_postponed();
            self.wait(shared, slot, place, has_more);
            has_more = self.handle(shared, place) | self.run_callbacks(shared, place);
            if shared.is_forked() {
                break;
            }
            if self.retires(shared) {
                if shared.is_stopping() {
                    // The kick that this thread woke from may have been the one to pass on.
                    shared.kick_again();
                } else if has_more || !shared.queue.is_empty() || shared.has_unplanned_deadline() {
                    shared.kick();
                }
                break;
            }
        }
        place.set(State::Elsewhere);
    }

    fn wait(&mut self, shared: &Shared, slot: usize, place: &Slot, has_more: bool) {
        if has_more {
            self.select(shared, Some(Duration::ZERO));
        } else {
            shared.roles.enter_wait();
            place.set(State::Waiting);
            let limit = if shared.queue.is_empty() && !shared.is_stopping() {
                shared.timekeeper.limit(slot, &shared.deadlines)
            } else {
                Some(Duration::ZERO)
            };
            let is_idle = self.select(shared, limit);
            place.set(State::Working);
            shared.timekeeper.left(slot, limit, is_idle);
            shared.roles.leave_wait();
        }
        place.advance();
    }

    /// Polls once in a callback that waits, since nobody else can. Of the callbacks that are due it
    /// runs none but that of the aio it waits for: others may want what the waiting one holds.
    pub(crate) fn turn_within(&mut self, shared: &Shared, slot: usize, awaited: usize) {
        let place = shared.crew.slot(slot);
        let before = place.state();
        shared.roles.enter_wait();
        place.set(State::Waiting);
        let limit = shared.timekeeper.limit(slot, &shared.deadlines);
        let is_idle = self.select(shared, limit.into_iter().chain([TURN_WITHIN]).min());
        place.set(State::Working);
        shared.timekeeper.left(slot, limit, is_idle);
        shared.roles.leave_wait();
        self.handle(shared, place);
        current::publish();
        shared.run_awaited(awaited);
        // Of the others that wait, each runs its own.
        shared.parked.call_for(&shared.queue);
        place.set(before);
    }

    /// Waits for events and looks their watchers up. True if there were none.
    pub(crate) fn select(&mut self, shared: &Shared, limit: Option<Duration>) -> bool {
        // A signal ends the wait without events, and the loop comes round again.
        let _ = shared.selector.wait(&mut self.events, limit);
        let mut is_idle = true;
        let mut sources = self.events.iter().filter_map(|event| {
            is_idle = false;
            match event {
                Event::Kick => {
                    shared.roles.kick_arrived();
                    None
                }
                Event::Source(token, readiness) => Some((token, readiness)),
            }
        });
        if let Some(first) = sources.next() {
            shared.sources.collect(std::iter::once(first).chain(sources), &mut self.ready);
        }
        is_idle
    }

    /// Handles what the wait brought, and deadlines. True if more deadlines are due.
    pub(crate) fn handle(&mut self, shared: &Shared, place: &Slot) -> bool {
        self.busy_events += self.ready.len().max(1);
        let before = current::set_phase(Phase::Gathering);
        for (watcher, readiness) in self.ready.drain(..) {
            shared.shielded("a watcher", || watcher.ready(readiness));
        }
        let has_more = shared.deadlines.first() != NEVER && self.fire_deadlines(shared, place);
        current::set_phase(before);
        has_more
    }

    /// Calls the objects whose deadlines have come. They run cancel functions, which should not block
    /// and may: so each is taken alone, and others can take the next one and find what this thread
    /// has gathered. True if more are due.
    fn fire_deadlines(&mut self, shared: &Shared, place: &Slot) -> bool {
        let now = clock::now();
        let tick = shared.deadlines.tick_of(now);
        for _ in 0..DEADLINES {
            if shared.is_forked() {
                return false;
            }
            let due = shared.deadlines.next_due(tick, &mut self.stale);
            for object in self.stale.drain(..) {
                shared.shielded("a destructor", || drop(object));
            }
            let Some(due) = due else { return false };
            let queued =
                current::with_batch(
                    |batch| {
                        if batch.is_empty() { 0 } else { shared.queue.append(batch) }
                    },
                );
            shared.cover(queued);
            place.advance();
            shared.shielded("a cancel function", || due.due(now));
        }
        shared.deadlines.first() <= tick
    }

    /// Runs callbacks, gathered and queued ones. True if the budget ended before the queue did.
    pub(crate) fn run_callbacks(&mut self, shared: &Shared, place: &Slot) -> bool {
        let Some((first, queued)) = take_first(shared) else { return false };
        shared.cover(queued);
        let mut stopwatch = (self.suspicion > 0).then(Stopwatch::new);
        // A host has no helpers to whom slow ones could go.
        let is_judged = !shared.is_host_driven() && (queued > 0 || self.turns & 7 == 0);
        let began = (stopwatch.is_some() || is_judged).then(Instant::now);
        let before = current::set_phase(Phase::Running);
        let mut next = Some((first, queued));
        let (mut count, mut in_a_row) = (0, 0);
        while let Some((task, left)) = next.take() {
            place.advance();
            let follower = run_one(shared, task, stopwatch.as_mut());
            count += 1;
            if let (Some(stopwatch), true) = (&stopwatch, left > 0) {
                call_help(shared, stopwatch.total(), count);
            }
            let is_used_up = count >= CALLBACKS;
            next = match follower {
                Some(task) if in_a_row < IN_A_ROW && !is_used_up => {
                    in_a_row += 1;
                    Some((task, left))
                }
                last => {
                    in_a_row = 0;
                    if let Some(task) = last {
                        shared.schedule(task);
                    }
                    if is_used_up { None } else { shared.next_task() }
                }
            };
        }
        current::set_phase(before);
        if let Some(began) = began {
            // Only a timed batch knows how much of its time was its own.
            let took = stopwatch.map_or_else(|| began.elapsed(), |stopwatch| stopwatch.total());
            self.suspicion =
                if took > worth_help(count).max(SLOW) { SUSPICION } else { self.suspicion / 2 };
        }
        count >= CALLBACKS
    }

    /// Judges how busy the runtime is, and whether this poller is one too many.
    fn retires(&mut self, shared: &Shared) -> bool {
        self.turns = self.turns.wrapping_add(1);
        if self.busy_events >= BUSY_EVENTS {
            let now = Instant::now();
            if now - self.busy_since < BUSY_SPAN && !shared.roles.is_busy() {
                shared.roles.set_busy(true);
            }
            (self.busy_events, self.busy_since) = (0, now);
        }
        let keep = if shared.roles.is_busy() { 1 } else { WAITERS };
        shared.roles.pollers() > keep && shared.roles.retire(keep)
    }
}

/// Queues this thread's batch, and takes the first callback and the number of those behind it. A
/// single one that nobody waits before is not queued at all.
fn take_first(shared: &Shared) -> Option<(Arc<dyn Task>, usize)> {
    let single = current::with_batch(|batch| {
        if batch.is_empty() {
            return None;
        }
        if batch.len() == 1 && shared.queue.is_empty() {
            return batch.pop();
        }
        shared.queue.append(batch);
        None
    });
    match single {
        Some(task) => Some((task, 0)),
        None => shared.next_task(),
    }
}

/// Runs a callback, and returns what is to run right after it.
fn run_one(
    shared: &Shared,
    task: Arc<dyn Task>,
    stopwatch: Option<&mut Stopwatch>,
) -> Option<Arc<dyn Task>> {
    let key = task.key();
    let task = if shared.detector.is_slow(key) && !shared.is_host_driven() {
        match shared.crew.offload(shared, task) {
            Ok(()) => {
                shared.counters.offloaded.fetch_add(1, Relaxed);
                return None;
            }
            Err(task) => task,
        }
    } else {
        task
    };
    let mut follower = None;
    let run = || shared.shielded("a callback", || follower = task.run_then());
    match stopwatch {
        Some(stopwatch) => {
            let took = stopwatch.time(run);
            shared.detector.ran(key, took);
        }
        None => run(),
    }
    // In a child that was forked meanwhile nothing follows.
    follower.filter(|_| !shared.is_forked())
}

/// Callbacks are queued behind slow ones: a parked thread may take some.
fn call_help(shared: &Shared, took: Duration, count: usize) {
    if took > worth_help(count) && shared.crew.has_spare() {
        shared.crew.grant(shared, Grant::Help);
    }
}

/// What so many callbacks may take together before help is worth a hand-off.
fn worth_help(count: usize) -> Duration {
    WORTH_HELP * u32::try_from(count).unwrap_or(u32::MAX)
}

/// Takes callbacks off the queue until it is empty.
fn help(shared: &Shared) {
    let mut stopwatch = Stopwatch::new();
    while let Some((task, _)) = shared.next_task() {
        let key = task.key();
        let took = stopwatch.time(|| shared.shielded("a callback", || task.run()));
        shared.detector.ran(key, took);
    }
}

/// Runs a callback of a function that is known to be slow.
fn run_aside(shared: &Shared, task: Arc<dyn Task>) {
    let key = task.key();
    let took = Stopwatch::new().time(|| shared.shielded("a callback", || task.run()));
    shared.detector.ran_aside(key, took);
}
