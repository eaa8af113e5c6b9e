//! The clock that deadlines are told against, in NNG's unit: whole milliseconds, never going back.
//!
//! NNG's interfaces pass moments as a count of milliseconds ([`monotonic_ms`]); everything inside
//! uses [`Instant`]. This module is the bridge between the two and the only place that knows where
//! the count starts. Only differences have a meaning: the count starts anew in each process, from
//! one, so that zero is always in the past and free for "not set".

use std::cell::Cell;
use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use crate::Runtime;
use crate::sys::Lazy;

/// The count at the moment when the clock is first read.
const FIRST_MS: u64 = 1;

/// Returns the current reading of the monotonic clock in milliseconds, rounded down.
///
/// Two readings may be compared and subtracted; a single one says nothing about the time of day.
/// As fractions are cut off, waiting until `monotonic_ms() + d` may take up to a millisecond less
/// than `d`.
/// # Source
/// nng 1.12, nng_clock(3).
pub fn monotonic_ms() -> u64 {
    // The first reading begins the count, so the beginning must come before it.
    epoch();
    ms_at(now())
}

/// Returns the reading of the clock at `instant`, rounded down; 0 if it precedes the first reading.
pub fn ms_at(instant: Instant) -> u64 {
    match instant.checked_duration_since(epoch()) {
        // 2^64 ms are 584 million years.
        Some(elapsed) => {
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).saturating_add(FIRST_MS)
        }
        None => 0,
    }
}

/// Returns the moment when the clock reads `ms`, or `None` if it never will (`u64::MAX` is never).
///
/// A reading before the first one yields a moment that has passed.
pub fn instant_at(ms: u64) -> Option<Instant> {
    if ms == u64::MAX {
        return None;
    }
    epoch().checked_add(Duration::from_millis(ms.saturating_sub(FIRST_MS)))
}

thread_local! {
    /// The moment at which this thread's time stands still.
    static FROZEN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Returns the moment that it is, on this thread: what deadlines are set from and compared with.
///
/// The system's clock, unless the thread's time is [frozen](freeze).
pub fn now() -> Instant {
    FROZEN.try_with(Cell::get).ok().flatten().unwrap_or_else(Instant::now)
}

/// Makes time stand still for this thread, until the guard goes; only [`Frozen::advance`] moves it.
///
/// A [host-driven](crate::Builder::host_driven) runtime whose turns are made by this thread alone
/// then lives in virtual time: an hour of timeouts passes in a moment, and what happens depends on
/// nothing but the calls that are made. Turns must not wait (`Duration::ZERO`): how far it is to the
/// next deadline, [`next_timeout`](crate::Runtime::next_timeout) says. Blocking calls of streams and
/// [`sleep`] keep to the system's time.
///
/// ```
/// use std::time::Duration;
/// use nng_aio::{Runtime, clock};
///
/// # fn main() -> Result<(), nng_aio::Error> {
/// let time = clock::freeze();
/// let runtime = Runtime::builder().host_driven().build()?;
/// let aio = runtime.aio_without_callback();
/// aio.sleep(Duration::from_secs(3600));
/// runtime.turn(Duration::ZERO)?;
/// assert!(aio.is_busy());
/// time.advance(runtime.next_timeout().unwrap());
/// runtime.turn(Duration::ZERO)?;
/// assert!(!aio.is_busy());
/// # Ok(())
/// # }
/// ```
pub fn freeze() -> Frozen {
    // What is told in milliseconds begins before.
    epoch();
    let before = FROZEN.replace(Some(now()));
    Frozen { before, _of_this_thread: PhantomData }
}

/// While it lives, this thread's time stands still.
#[derive(Debug)]
#[must_use = "time goes on when the guard goes"]
pub struct Frozen {
    before: Option<Instant>,
    _of_this_thread: PhantomData<*const ()>,
}

impl Frozen {
    /// Lets time pass for this thread.
    ///
    /// # Panics
    /// If there is no such moment, some hundred million years from now.
    pub fn advance(&self, duration: Duration) {
        let then = now().checked_add(duration);
        FROZEN.set(Some(then.expect("a moment that can be told")));
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        FROZEN.set(self.before);
    }
}

/// Returns the length of so many milliseconds; negative numbers are none.
pub const fn duration_of_ms(ms: i32) -> Duration {
    // The number is not negative where it is used.
    if ms <= 0 { Duration::ZERO } else { Duration::from_millis(ms.unsigned_abs() as u64) }
}

/// Does nothing for `duration`, and not for less, whatever signals come; returns at once if it is
/// zero.
///
/// # Context
/// Blocks. On a runtime thread others go on.
/// # Source
/// nng 1.12, nng_msleep(3).
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        return;
    }
    if let Some(runtime) = Runtime::current() {
        runtime.before_block();
    }
    thread::sleep(duration);
}

/// Returns the moment when the clock was first read.
fn epoch() -> Instant {
    static EPOCH: Lazy<Instant> = Lazy::new();
    *EPOCH.get_or_make(Instant::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_start_at_one_and_never_go_back() {
        let mut last = monotonic_ms();
        assert!(last >= FIRST_MS);
        for _ in 0..1000 {
            let now = monotonic_ms();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn a_reading_is_the_instant_rounded_down() {
        let reading = monotonic_ms() + 5000;
        let instant = instant_at(reading).unwrap();
        assert_eq!(ms_at(instant), reading);
        assert_eq!(ms_at(instant + Duration::from_micros(999)), reading);
        assert_eq!(ms_at(instant + Duration::from_millis(1)), reading + 1);
        assert_eq!(ms_at(instant - Duration::from_nanos(1)), reading - 1);
    }

    #[test]
    fn zero_has_passed_and_the_maximum_never_comes() {
        assert!(instant_at(0).unwrap() <= Instant::now());
        assert_eq!(instant_at(u64::MAX), None);
    }

    #[test]
    fn negative_milliseconds_are_no_time_at_all() {
        assert_eq!(duration_of_ms(1500), Duration::from_millis(1500));
        for ms in [0, -1, -2, i32::MIN] {
            assert_eq!(duration_of_ms(ms), Duration::ZERO);
        }
        assert_eq!(duration_of_ms(i32::MAX).as_millis(), 0x7fff_ffff);
    }

    #[test]
    fn a_sleep_is_never_too_short() {
        let began = Instant::now();
        sleep(Duration::from_millis(2));
        assert!(began.elapsed() >= Duration::from_millis(2));
        sleep(Duration::ZERO);
    }

    #[test]
    fn instants_before_the_first_reading_read_zero() {
        let first = epoch();
        if let Some(earlier) = first.checked_sub(Duration::from_secs(1)) {
            assert_eq!(ms_at(earlier), 0);
        }
    }
}
