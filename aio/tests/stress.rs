//! Everything at once, at random: operations that are started, completed, canceled, aborted, stopped,
//! dropped, detached and timed out by eight threads, by callbacks and by the runtime's end.
//!
//! What must hold: each accepted operation's callback runs exactly once, callbacks of one aio never
//! overlap, everything ends, and nothing is left behind. `NNG_STRESS_PERCENT` scales the amount of
//! work, `NNG_STRESS_SEED` chooses the course of events as far as the scheduler lets it.
//!
//! Locks are `nng_aio::sync`'s, whose code a sanitizer can see.
#![allow(unsafe_code, reason = "an allocator has no safe form")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Cancel, Error, Expire, Operation, OperationId, Runtime, Task, Timeout};

const THREADS: u64 = 8;
/// Aios that exist at a time.
const PLACES: u64 = 64;
/// Steps of each thread in a round.
const STEPS: u64 = 5_000;
const ROUNDS: u64 = 8;
/// How long the end of a round may take before the test fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(100);

// --- Memory --------------------------------------------------------------------------------------

struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: the system's allocator does the work and upholds the contract; counting changes nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(i64::try_from(layout.size()).unwrap_or(0), SeqCst);
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(i64::try_from(layout.size()).unwrap_or(0), SeqCst);
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// --- Chance --------------------------------------------------------------------------------------

/// A small generator of numbers that are random enough (xorshift64*).
struct Random(AtomicU64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.load(SeqCst);
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0.store(state, SeqCst);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn error(&self) -> Error {
        [Error::Canceled, Error::ConnectionReset, Error::Other(4711)][self.index(3)]
    }

    fn index(&self, limit: u64) -> usize {
        usize::try_from(self.below(limit)).expect("a small number")
    }

    fn millis(&self, limit: u64) -> Duration {
        Duration::from_micros(self.below(limit * 1000))
    }
}

// --- What is counted -----------------------------------------------------------------------------

#[derive(Default)]
struct Tally {
    /// Operations that aios with a callback accepted.
    accepted: AtomicU64,
    /// Their callbacks.
    called: AtomicU64,
    /// Callbacks that panicked on purpose.
    panicked: AtomicU64,
    /// Tasks that were scheduled and have yet to run.
    scheduled: AtomicI64,
    /// Tokens that exist.
    tokens: AtomicI64,
}

/// Something that callbacks, messages and outputs hold, and that must be gone at the end.
struct Token(Arc<Tally>);

impl Token {
    fn new(tally: &Arc<Tally>) -> Self {
        tally.tokens.fetch_add(1, SeqCst);
        Self(Arc::clone(tally))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.tokens.fetch_sub(1, SeqCst);
    }
}

impl Task for Token {
    fn run(self: Arc<Self>) {
        self.0.scheduled.fetch_sub(1, SeqCst);
    }

    fn key(&self) -> usize {
        11
    }
}

impl Expire for Token {
    fn expired(self: Arc<Self>) {}
}

// --- The provider --------------------------------------------------------------------------------

#[derive(Default)]
struct Provider {
    waiting: Mutex<VecDeque<Operation>>,
    /// Cancel functions do nothing; the provider completes everything itself, some time.
    is_deaf: bool,
}

impl Provider {
    fn arm(self: &Arc<Self>, mut operation: Operation, end: Option<Duration>) {
        let mut waiting = self.waiting.lock();
        let armed = match end {
            Some(end) => operation.arm_until(self, Some(Instant::now() + end)),
            None => operation.arm(self),
        };
        match armed {
            Ok(()) => waiting.push_back(operation),
            Err(error) => {
                drop(waiting);
                operation.finish(Err(error));
            }
        }
    }

    /// Completes the operation that waits longest; true if there was one.
    fn complete(&self, random: &Random) -> bool {
        let mut waiting = self.waiting.lock();
        let Some(mut operation) = waiting.pop_front() else { return false };
        if random.chance(50) {
            drop(waiting);
            operation.set_count(7);
            operation.finish(if random.chance(50) { Ok(()) } else { Err(random.error()) });
        } else {
            // With the lock held, which is allowed.
            operation.finish_with_count(3);
        }
        true
    }
}

impl Cancel for Provider {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        if self.is_deaf {
            return;
        }
        let mut waiting = self.waiting.lock();
        let place = waiting.iter().position(|operation| operation.id() == id);
        let operation = place.and_then(|place| waiting.remove(place));
        drop(waiting);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

// --- The world -----------------------------------------------------------------------------------

struct Entry {
    aio: Aio,
    has_callback: bool,
    /// Held by whoever starts an operation from outside, so that nobody starts a busy aio.
    starting: Mutex<()>,
}

struct World {
    runtime: Runtime,
    tally: Arc<Tally>,
    entries: Vec<Mutex<Option<Arc<Entry>>>>,
    /// One that listens to cancels, and one that does not.
    providers: [Arc<Provider>; 2],
    /// The runtime does not end before everything else has, so sleeps, which do not tell whether they
    /// were accepted, can be counted.
    has_sleeps: bool,
    is_over: AtomicBool,
}

impl World {
    fn new(seed: u64, has_sleeps: bool) -> Arc<Self> {
        let threads = if seed.is_multiple_of(3) { 5 } else { 64 };
        let runtime = Runtime::builder().threads(threads).name("stress").build();
        let deaf = Provider { is_deaf: true, ..Provider::default() };
        let world = Arc::new(Self {
            runtime: runtime.expect("the system has threads and descriptors left"),
            tally: Arc::default(),
            entries: (0..PLACES).map(|_| Mutex::new(None)).collect(),
            providers: [Arc::default(), Arc::new(deaf)],
            has_sleeps,
            is_over: AtomicBool::new(false),
        });
        let random = Random::new(seed);
        for place in &world.entries {
            *place.lock() = Some(world.entry(&random));
        }
        world
    }

    fn entry(self: &Arc<Self>, random: &Random) -> Arc<Entry> {
        let has_callback = random.chance(80);
        let aio = if has_callback {
            self.runtime.aio(self.callback(random.next()))
        } else {
            self.runtime.aio_without_callback()
        };
        if random.chance(30) {
            aio.set_message(Box::new(Token::new(&self.tally)));
        }
        Arc::new(Entry { aio, has_callback, starting: Mutex::new(()) })
    }

    fn callback(self: &Arc<Self>, seed: u64) -> impl Fn(&Aio) + Send + Sync + use<> {
        let (world, tally) = (Arc::downgrade(self), Arc::clone(&self.tally));
        let (random, token) = (Random::new(seed), Token::new(&self.tally));
        let is_inside = AtomicBool::new(false);
        move |aio| {
            let _token = &token;
            assert!(!is_inside.swap(true, SeqCst), "callbacks of one aio overlap");
            assert!(aio.is_busy());
            tally.called.fetch_add(1, SeqCst);
            if let Some(world) = Weak::upgrade(&world) {
                world.in_callback(aio, &random);
            }
            is_inside.store(false, SeqCst);
            if random.chance(1) {
                tally.panicked.fetch_add(1, SeqCst);
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }

    fn in_callback(self: &Arc<Self>, aio: &Aio, random: &Random) {
        match random.below(40) {
            0 => aio.wait(),
            1 => aio.cancel(),
            2 => aio.stop(),
            3 => self.with_entry(random, |entry| entry.aio.wait()),
            4 => self.with_entry(random, |entry| entry.aio.stop()),
            5 => self.with_entry(random, |entry| entry.aio.abort(random.error())),
            6 => self.renew(random),
            // It blocks without a word, as a program may.
            7 => thread::sleep(random.millis(1)),
            8 => self.start_any(random),
            9 => drop(aio.take_message()),
            _ => {}
        }
        if random.chance(40) && !self.is_over.load(SeqCst) {
            self.limit(aio, random);
            self.begin(aio, true, random);
        }
    }

    fn with_entry(&self, random: &Random, act: impl FnOnce(&Arc<Entry>)) {
        let entry = self.entries[random.index(PLACES)].lock().clone();
        if let Some(entry) = entry {
            act(&entry);
        }
    }

    /// Puts a fresh aio in the place of another. The last of those who use that one drops it.
    fn renew(self: &Arc<Self>, random: &Random) {
        if self.is_over.load(SeqCst) {
            return;
        }
        let entry = self.entry(random);
        let old = self.entries[random.index(PLACES)].lock().replace(entry);
        drop(old);
    }

    /// Starts an operation and lets go of its aio.
    fn start_and_detach(self: &Arc<Self>, random: &Random) {
        let aio = self.runtime.aio(self.callback(random.next()));
        self.limit(&aio, random);
        self.begin(&aio, true, random);
        aio.detach();
    }

    fn start_any(&self, random: &Random) {
        self.with_entry(random, |entry| {
            let Some(_starting) = entry.starting.try_lock() else { return };
            if entry.aio.is_busy() {
                return;
            }
            match random.below(10) {
                0 => self.defer(entry, random),
                1 if !entry.has_callback => entry.aio.sleep(random.millis(2)),
                _ => {
                    self.limit(&entry.aio, random);
                    self.begin(&entry.aio, entry.has_callback, random);
                }
            }
        });
    }

    /// A sleep does not tell whether it was accepted. On an aio that nobody else has it is, unless the
    /// runtime ends.
    fn sleep_alone(self: &Arc<Self>, random: &Random) {
        if !self.has_sleeps {
            return;
        }
        let aio = self.runtime.aio(self.callback(random.next()));
        self.tally.accepted.fetch_add(1, SeqCst);
        aio.sleep(random.millis(3));
        match random.below(4) {
            0 => aio.detach(),
            1 => aio.wait(),
            2 => aio.cancel(),
            _ => {}
        }
    }

    /// Keeps an operation in its aio, with a routine that owns the aio and ends it.
    fn defer(&self, entry: &Arc<Entry>, random: &Random) {
        entry.aio.set_timeout(random.millis(2));
        let Ok(operation) = entry.aio.begin() else { return };
        if entry.has_callback {
            self.tally.accepted.fetch_add(1, SeqCst);
        }
        entry.aio.park(operation);
        let owner = Arc::clone(entry);
        entry.aio.defer(move |error| {
            if let Some(operation) = owner.aio.unpark() {
                operation.finish(Err(error));
            }
        });
    }

    fn limit(&self, aio: &Aio, random: &Random) {
        match random.below(8) {
            0 => aio.set_timeout(Duration::ZERO),
            1 => aio.set_timeout(Timeout::Over),
            2 => aio.set_timeout(random.millis(3)),
            3 => aio.set_expire(Instant::now() + random.millis(2)),
            _ => aio.set_timeout(Timeout::Infinite),
        }
    }

    fn begin(&self, aio: &Aio, is_counted: bool, random: &Random) {
        let Ok(mut operation) = aio.begin() else { return };
        if is_counted {
            self.tally.accepted.fetch_add(1, SeqCst);
        }
        if random.chance(10) {
            let output = Box::new(Token::new(&self.tally));
            operation.set_output(0, output).expect("there are four");
        }
        match random.below(20) {
            0..6 => operation.finish(Ok(())),
            6 => drop(operation),
            7..10 => self.providers[1].arm(operation, None),
            10..13 => self.providers[0].arm(operation, Some(random.millis(2))),
            _ => self.providers[0].arm(operation, None),
        }
    }

    fn step(self: &Arc<Self>, random: &Random) {
        match random.below(40) {
            0..16 => self.start_any(random),
            16..20 => self.with_entry(random, |entry| entry.aio.cancel()),
            20..23 => self.with_entry(random, |entry| entry.aio.abort(random.error())),
            23 => self.with_entry(random, |entry| entry.aio.stop()),
            24..26 => self.with_entry(random, |entry| entry.aio.wait()),
            26..28 => self.renew(random),
            28 => self.start_and_detach(random),
            29 => self.sleep_alone(random),
            30..35 => _ = self.providers[0].complete(random),
            35 => self.with_entry(random, |entry| {
                if let Some(operation) = entry.aio.unpark() {
                    operation.finish_with_count(5);
                }
            }),
            36 => {
                self.tally.scheduled.fetch_add(1, SeqCst);
                self.runtime.schedule(Arc::new(Token::new(&self.tally)));
            }
            37 => {
                let target: Arc<dyn Expire> = Arc::new(Token::new(&self.tally));
                let timer = self.runtime.timer(Arc::downgrade(&target));
                timer.set_after(random.millis(2));
                thread::yield_now();
                timer.set_after(random.millis(1));
            }
            38 => self.with_entry(random, |entry| {
                entry.aio.set_message(Box::new(Token::new(&self.tally)));
            }),
            _ => thread::yield_now(),
        }
    }

    /// Completes what nobody else does, until there is nothing left to be done.
    fn complete_until_over(&self, seed: u64) {
        let random = Random::new(seed);
        let tally = &self.tally;
        loop {
            let has_completed = self.providers.iter().any(|provider| provider.complete(&random));
            if !has_completed {
                let is_even = tally.accepted.load(SeqCst) == tally.called.load(SeqCst);
                if self.is_over.load(SeqCst) && is_even {
                    return;
                }
                thread::yield_now();
            }
        }
    }
}

/// Fails the test if `holds` does not come true.
fn comes_true(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} in time");
        thread::yield_now();
    }
}

/// One life of a runtime. With `shuts_down` it ends in the midst of everything.
fn round(seed: u64, steps: u64, shuts_down: bool) {
    let world = World::new(seed, !shuts_down);
    let tally = Arc::clone(&world.tally);
    let completer = thread::spawn({
        let world = Arc::clone(&world);
        move || world.complete_until_over(seed)
    });
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let random = Random::new(seed * THREADS + thread);
                for step in 0..steps {
                    if shuts_down && thread == 0 && step == steps / 2 {
                        world.runtime.shutdown();
                    }
                    world.step(&random);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no assertion failed");
    }
    world.is_over.store(true, SeqCst);
    for place in &world.entries {
        let entry = place.lock().take();
        drop(entry);
    }
    completer.join().expect("no assertion failed");
    comes_true("every task runs", || tally.scheduled.load(SeqCst) == 0);
    let runtime = world.runtime.clone();
    runtime.shutdown();
    // A callback that ran after the end may still hold the world.
    comes_true("nobody holds the world", || Arc::strong_count(&world) == 1);
    drop(world);
    comes_true("the last thread ends", || runtime.stats().threads == 0);
    let stats = runtime.stats();
    assert_eq!((stats.aios, stats.sources, stats.queued), (0, 0, 0));
    assert_eq!(stats.panics, tally.panicked.load(SeqCst));
    drop(runtime);
    comes_true("everything is dropped", || tally.tokens.load(SeqCst) == 0);
    assert_eq!(tally.accepted.load(SeqCst), tally.called.load(SeqCst));
    assert!(tally.called.load(SeqCst) > 0);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[test]
fn every_callback_runs_once_and_nothing_is_left() {
    let number = |name, default| {
        let text: Option<String> = std::env::var(name).ok();
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let (percent, seed) = (number("NNG_STRESS_PERCENT", 100), number("NNG_STRESS_SEED", 1));
    let steps = (STEPS * percent / 100).max(10);
    // What is made once and kept, by the library and by the system, is made in the first rounds.
    round(seed, steps, true);
    round(seed + 1, steps, false);
    let (before, memory) = (descriptors(), LIVE.load(SeqCst));
    for round_number in 2..ROUNDS {
        round(seed + round_number, steps, round_number % 2 == 0);
    }
    assert_eq!(descriptors(), before);
    let growth = LIVE.load(SeqCst) - memory;
    assert!(growth < 64 * 1024, "{growth} bytes more than before");
}
