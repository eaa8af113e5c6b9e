//! How long an operation may take, as its consumer states it.

use std::time::{Duration, Instant};

/// A relative limit for operations, sticky in its [`Aio`](crate::Aio).
///
/// # Source
/// nng 1.12, nng_aio_set_timeout(3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Timeout {
    /// No limit (`NNG_DURATION_INFINITE`).
    Infinite,
    /// The limit of the object that performs the operation; where it has none, no limit
    /// (`NNG_DURATION_DEFAULT`).
    #[default]
    Default,
    /// From the moment the operation has to wait. Zero makes the operation a poll: it succeeds if
    /// it can complete at once and is refused with `NNG_ETIMEDOUT` otherwise.
    After(Duration),
    /// Over already, and yet not a poll: an operation that has to wait ends with `NNG_ETIMEDOUT`
    /// as soon as a runtime thread comes by. The C face uses it for negative durations.
    Over,
}

impl Timeout {
    /// The limit that NNG states as a number of milliseconds: -1 is [`Infinite`](Self::Infinite),
    /// -2 is [`Default`](Self::Default), and everything below is [`Over`](Self::Over).
    ///
    /// # Source
    /// nng 1.12, nng_duration(5).
    pub const fn from_ms(ms: i32) -> Self {
        match ms {
            -1 => Self::Infinite,
            -2 => Self::Default,
            // The number is not negative, so this is its value.
            0.. => Self::After(Duration::from_millis(ms.unsigned_abs() as u64)),
            _ => Self::Over,
        }
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

impl From<Option<Duration>> for Timeout {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Infinite, Self::After)
    }
}

/// The limit in force for one operation: the sticky timeout, or a one-shot expiry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// Counted from the moment of arming.
    Relative(Timeout),
    /// `nng_aio_set_expire`; `None` is never.
    Absolute(Option<Instant>),
}

/// What arming makes of a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resolved {
    /// The operation may take for ever.
    Never,
    /// It ends at this instant, which may have passed already.
    At(Instant),
    /// It must not wait at all.
    Poll,
}

impl Limit {
    /// Resolves the limit at the moment of arming. `default` stands in for [`Timeout::Default`].
    pub(crate) fn resolve(self, default: Timeout, now: impl FnOnce() -> Instant) -> Resolved {
        let timeout = match self {
            Self::Absolute(None) => return Resolved::Never,
            Self::Absolute(Some(at)) => return Resolved::At(at),
            Self::Relative(Timeout::Default) => default,
            Self::Relative(timeout) => timeout,
        };
        match timeout {
            Timeout::Infinite | Timeout::Default => Resolved::Never,
            Timeout::After(Duration::ZERO) => Resolved::Poll,
            // A limit beyond the clock's range never comes.
            Timeout::After(limit) => now().checked_add(limit).map_or(Resolved::Never, Resolved::At),
            Timeout::Over => Resolved::At(now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_replaced_by_the_performer_and_falls_back_to_never() {
        let now = Instant::now();
        let limit = Limit::Relative(Timeout::Default);
        assert_eq!(limit.resolve(Timeout::Default, || now), Resolved::Never);
        let second = Duration::from_secs(1);
        assert_eq!(limit.resolve(second.into(), || now), Resolved::At(now + second));
        assert_eq!(limit.resolve(Duration::ZERO.into(), || now), Resolved::Poll);
    }

    #[test]
    fn negative_milliseconds_have_meanings_of_their_own() {
        let table = [
            (0, Timeout::After(Duration::ZERO)),
            (1, Timeout::After(Duration::from_millis(1))),
            (i32::MAX, Timeout::After(Duration::from_millis(0x7fff_ffff))),
            (-1, Timeout::Infinite),
            (-2, Timeout::Default),
            (-3, Timeout::Over),
            (i32::MIN, Timeout::Over),
        ];
        for (ms, timeout) in table {
            assert_eq!(Timeout::from_ms(ms), timeout, "{ms}");
        }
    }

    #[test]
    fn a_past_expiry_is_no_poll() {
        let past = Instant::now();
        let limit = Limit::Absolute(Some(past));
        assert_eq!(limit.resolve(Timeout::Default, Instant::now), Resolved::At(past));
    }

    #[test]
    fn a_limit_beyond_the_clock_never_comes() {
        let limit = Limit::Relative(Duration::MAX.into());
        assert_eq!(limit.resolve(Timeout::Default, Instant::now), Resolved::Never);
    }
}
