//! timers: sleeps without threads, and all the ways in which they end.
//!
//! The twin of timers.c, function by function.
//!
//! Each timer is an aio with `nng_sleep_aio` on it. Some of them sleep for random times. Of the others
//! one is cancelled, one aborted with a code, one stopped (and started again, in vain), one has a
//! timeout that is shorter than its sleep, and one is restarted by its own callback. Each callback
//! writes a byte to a pipe when its timer has ended for good, so that the program can wait for that
//! and for Ctrl-C at once. The results are printed when all have ended, in a fixed order.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::io::{self, PipeReader, PipeWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use nng_oxide::c_names::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::read;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

const HELP: &str = "\
Starts timers, ends some of them early, and prints how each ended.

Usage: timers [COUNT]

  COUNT       how many timers sleep for random times, 1 to 1000, by default 5
  -h, --help  print this

Ctrl-C ends all timers, and the program with 1.
";

const RANDOM_MAX: u32 = 200; // the longest random sleep; ms
const LONG: nng_duration = 60_000; // a sleep that is always ended early; ms
const TIMEOUT: nng_duration = 20; // ms
const ROUNDS: u32 = 5; // sleeps of the timer that restarts itself
const ROUND: nng_duration = 10; // ms
const OUR_CODE: i32 = 1234; // what the aborted timer ends with: any number does

const CANCELLED: usize = 0;
const ABORTED: usize = 1;
const STOPPED: usize = 2;
const TIMED: usize = 3;
const RESTARTED: usize = 4;
const SPECIAL: usize = 5;

const SPECIAL_NAMES: [&str; SPECIAL] =
    ["cancelled", "aborted", "stopped", "with a timeout", "restarted"];

struct Timer {
    aio: nng_aio,
    shared: Arc<Shared>,
}

/// What a timer and its callback share. One of them uses it at a time, as in C, but only here does the
/// compiler want to know.
#[derive(Default)]
struct Shared {
    /// Sleeps that are still to come.
    rounds: AtomicU32,
    /// How often the callback ran.
    callbacks: AtomicU32,
}

/// The callback of every timer. `done` is where to say that it is over.
fn ended(aio: &nng_aio, (timer, done): &(Arc<Shared>, Arc<PipeWriter>)) {
    timer.callbacks.fetch_add(1, Relaxed);
    if nng_aio_result(aio) == 0 && timer.rounds.load(Relaxed) > 0 {
        timer.rounds.fetch_sub(1, Relaxed);
        nng_sleep_aio(ROUND, aio); // the callback will run again
        return;
    }
    if done.as_ref().write_all(&[0]).is_err() {
        std::process::abort(); // the pipe has room for all timers
    }
}

/// Waits until all timers have ended, and returns whether they could do so by themselves.
fn wait_for_all(timers: &[Timer], done: &PipeReader, signals: &PipeReader) -> bool {
    let mut bytes = [0_u8; 64];
    let (mut left, mut early) = (timers.len(), false);

    while left > 0 {
        let mut watched = [PollFd::new(done, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        if poll(&mut watched, None).is_err() {
            continue; // by a signal, whose byte is there now
        }
        let [has_ended, interrupted] = watched.map(|fd| !fd.revents().is_empty());
        if has_ended {
            left -= read(done, &mut bytes).unwrap_or(0);
        }
        if interrupted && read(signals, &mut bytes).is_ok() && !early {
            early = true;
            for timer in timers {
                nng_aio_cancel(&timer.aio);
            }
        }
    }
    for timer in timers {
        nng_aio_wait(&timer.aio); // until the callback has returned, too
    }
    !early
}

fn start(special: &[Timer], randoms: &[Timer]) {
    for random in randoms {
        let ms = nng_random() % (RANDOM_MAX + 1);
        nng_sleep_aio(ms.cast_signed(), &random.aio);
    }
    nng_sleep_aio(LONG, &special[CANCELLED].aio);
    nng_sleep_aio(LONG, &special[ABORTED].aio);
    nng_sleep_aio(LONG, &special[STOPPED].aio);

    nng_aio_set_timeout(&special[TIMED].aio, TIMEOUT);
    nng_sleep_aio(LONG, &special[TIMED].aio);

    special[RESTARTED].shared.rounds.store(ROUNDS - 1, Relaxed);
    nng_sleep_aio(ROUND, &special[RESTARTED].aio);

    nng_aio_cancel(&special[CANCELLED].aio);
    nng_aio_abort(&special[ABORTED].aio, OUR_CODE);
    nng_aio_stop(&special[STOPPED].aio); // waits for its callback, and is for good:
    nng_sleep_aio(0, &special[STOPPED].aio);
}

fn print(name: &str, timer: &Timer) {
    let rv = nng_aio_result(&timer.aio);
    let callbacks = timer.shared.callbacks.load(Relaxed);
    let plural = if callbacks == 1 { "" } else { "s" };

    println!("{name}: {rv} ({}), {callbacks} callback{plural}", nng_strerror(rv));
}

/// The special ones come first, and behind them `count` random ones.
fn run(count: usize, signals: &PipeReader) -> io::Result<u8> {
    let (done, end) = io::pipe()?;
    let end = Arc::new(end);
    let mut timers = Vec::new();

    for _ in 0..SPECIAL + count {
        let mut aio = None;
        let shared = Arc::new(Shared::default());
        let rv = nng_aio_alloc(&mut aio, Some(ended), (Arc::clone(&shared), Arc::clone(&end)));
        let Some(aio) = aio else {
            eprintln!("timers: cannot make a timer: {}", nng_strerror(rv));
            return Ok(1);
        };
        timers.push(Timer { aio, shared });
    }
    let (special, randoms) = timers.split_at(SPECIAL);
    start(special, randoms);
    if !wait_for_all(&timers, &done, signals) {
        eprintln!("timers: interrupted");
        return Ok(1);
    }
    for (at, random) in randoms.iter().enumerate() {
        print(&format!("random {}", at + 1), random);
    }
    for (name, timer) in SPECIAL_NAMES.iter().zip(special) {
        print(name, timer);
    }
    Ok(0)
}

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args().collect();
    let mut count = 5;

    if argv.get(1).is_some_and(|option| option == "-h" || option == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(more) = argv.get(2) {
        eprintln!("timers: `{more}` is one argument too many; --help says more");
        return ExitCode::from(2);
    }
    if let Some(text) = argv.get(1) {
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(number @ 1..=1000) = number else {
            eprintln!("timers: `{text}` is not 1 to 1000; --help says more");
            return ExitCode::from(2);
        };
        count = number;
    }
    // For wait_for_all alone: each signal is a byte in a pipe, where C has a handler and a mask.
    let signals = io::pipe().and_then(|(signals, caught)| {
        pipe::register(SIGINT, caught.try_clone()?)?;
        pipe::register(SIGTERM, caught)?;
        Ok(signals)
    });

    let code = signals.and_then(|signals| run(count, &signals)).unwrap_or_else(|error| {
        eprintln!("timers: cannot make a pipe: {error}");
        1
    });
    nng_fini();
    ExitCode::from(code)
}
