//! When to accept connections, as states. No lock, no socket, no clock.
//!
//! ```text
//!                                        +-- a session ended --- Full <-----+
//!                                        v                                  | no room
//!   Waiting --- a connection came ---> Accepting ---------------------------+
//!      ^                                 |  ^                               | an error
//!      +--------- none is left ----------+  +-- the pause is over, or ---- Failing
//!                                               a session ended
//! ```
//!
//! One thread accepts at a time. What happens while it does is noted, and it looks again before
//! it rests, so that nothing which others announce once is missed. After an error, which is
//! most often that there are no descriptors left, accepting rests for a while that doubles with
//! every further error.

use std::time::{Duration, Instant};

/// The first pause after an error.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause after an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// When a listener accepts.
#[derive(Debug)]
pub(super) struct Pace {
    state: State,
    /// The length of the pause that the next error brings.
    next_pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No connection is there.
    Waiting,
    /// A thread accepts.
    Accepting {
        /// Something happened that it may not have seen.
        again: bool,
    },
    /// As many sessions are open as may be.
    Full,
    /// Accepting failed and rests.
    Failing {
        /// The end of the pause.
        until: Instant,
    },
}

/// What the accepting thread does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Next {
    /// Goes on accepting.
    Again,
    /// Leaves.
    Rest,
}

/// What the accepting thread does after an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum AfterError {
    /// Goes on accepting: a session has ended meanwhile.
    Again,
    /// Leaves, and sees to it that [`Pace::on_pause_ended`] is called in time.
    Pause {
        /// The end of the pause.
        until: Instant,
        /// No error preceded this one since something was accepted.
        is_first: bool,
    },
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { state: State::Waiting, next_pause: FIRST_PAUSE }
    }

    /// A connection came, or may have. Returns whether the caller is to accept.
    pub(super) fn on_ready(&mut self) -> bool {
        match &mut self.state {
            State::Waiting => self.begin(),
            State::Accepting { again } => {
                *again = true;
                false
            }
            // Whoever ends this state looks whether connections are there.
            State::Full | State::Failing { .. } => false,
        }
    }

    /// A session ended and its descriptor was given back. Returns whether somebody is to accept.
    pub(super) fn on_session_ended(&mut self) -> bool {
        match &mut self.state {
            State::Waiting => false,
            State::Accepting { again } => {
                *again = true;
                false
            }
            State::Full | State::Failing { .. } => self.begin(),
        }
    }

    /// The pause may be over. Returns whether the caller is to accept.
    pub(super) fn on_pause_ended(&mut self, now: Instant) -> bool {
        match self.state {
            State::Failing { until } if until <= now => self.begin(),
            // A session that ended was faster, and another pause may have begun since.
            State::Failing { .. } | State::Waiting | State::Accepting { .. } | State::Full => false,
        }
    }

    fn begin(&mut self) -> bool {
        self.state = State::Accepting { again: false };
        true
    }

    /// A connection was accepted.
    pub(super) fn on_accepted(&mut self) {
        self.next_pause = FIRST_PAUSE;
    }

    /// No connection is left.
    pub(super) fn on_drained(&mut self) -> Next {
        self.rest(State::Waiting)
    }

    /// There is no room for another session.
    pub(super) fn on_full(&mut self) -> Next {
        self.rest(State::Full)
    }

    /// Accepting failed.
    pub(super) fn on_error(&mut self, now: Instant) -> AfterError {
        let pause = self.next_pause;
        let until = now + pause;
        match self.rest(State::Failing { until }) {
            Next::Again => AfterError::Again,
            Next::Rest => {
                self.next_pause = (pause * 2).min(LONGEST_PAUSE);
                AfterError::Pause { until, is_first: pause == FIRST_PAUSE }
            }
        }
    }

    fn rest(&mut self, state: State) -> Next {
        match self.state {
            State::Accepting { again: true } => {
                self.state = State::Accepting { again: false };
                Next::Again
            }
            State::Accepting { again: false } => {
                self.state = state;
                Next::Rest
            }
            State::Waiting | State::Full | State::Failing { .. } => {
                unreachable!("only the thread that accepts reports how it went")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting() -> Pace {
        let mut pace = Pace::new();
        assert!(pace.on_ready());
        pace
    }

    /// Lets accepting fail and returns the length of the pause.
    fn fail(pace: &mut Pace, now: Instant) -> Duration {
        match pace.on_error(now) {
            AfterError::Pause { until, .. } => until - now,
            AfterError::Again => panic!("nothing has happened meanwhile"),
        }
    }

    #[test]
    fn one_thread_accepts_and_looks_again_for_what_came_meanwhile() {
        let mut pace = accepting();
        assert!(!pace.on_ready(), "one does already");
        assert_eq!(pace.on_drained(), Next::Again);
        assert_eq!(pace.on_drained(), Next::Rest);
        assert!(pace.on_ready());
    }

    #[test]
    fn a_full_table_waits_for_the_end_of_a_session() {
        let mut pace = accepting();
        assert_eq!(pace.on_full(), Next::Rest);
        assert!(!pace.on_ready());
        assert!(pace.on_session_ended());
        assert_eq!(pace.on_drained(), Next::Rest);
    }

    #[test]
    fn a_session_that_ends_while_the_table_is_found_full_is_not_missed() {
        let mut pace = accepting();
        assert!(!pace.on_session_ended());
        assert_eq!(pace.on_full(), Next::Again);
    }

    #[test]
    fn the_end_of_a_session_means_nothing_to_who_waits_for_connections() {
        assert!(!Pace::new().on_session_ended());
    }

    #[test]
    fn pauses_double_from_ten_milliseconds_to_a_second() {
        let mut now = Instant::now();
        let mut pace = accepting();
        for expected in [10, 20, 40, 80, 160, 320, 640, 1000, 1000] {
            let pause = fail(&mut pace, now);
            assert_eq!(pause, Duration::from_millis(expected));
            let end = now + pause;
            assert!(!pace.on_pause_ended(end - Duration::from_millis(1)));
            assert!(!pace.on_ready(), "a connection that comes ends no pause");
            assert!(pace.on_pause_ended(end));
            now = end;
        }
    }

    #[test]
    fn the_first_error_of_a_series_is_told_apart() {
        let now = Instant::now();
        let mut pace = accepting();
        let is_first = |pace: &mut Pace| match pace.on_error(now) {
            AfterError::Pause { is_first, .. } => is_first,
            AfterError::Again => panic!("nothing has happened meanwhile"),
        };
        assert!(is_first(&mut pace));
        assert!(pace.on_session_ended());
        assert!(!is_first(&mut pace));
        assert!(pace.on_session_ended());
        pace.on_accepted();
        assert!(is_first(&mut pace));
    }

    #[test]
    fn an_accepted_connection_shortens_the_next_pause() {
        let now = Instant::now();
        let mut pace = accepting();
        fail(&mut pace, now);
        assert!(pace.on_session_ended());
        assert_eq!(fail(&mut pace, now), FIRST_PAUSE * 2);
        assert!(pace.on_session_ended());
        pace.on_accepted();
        assert_eq!(fail(&mut pace, now), FIRST_PAUSE);
    }

    #[test]
    fn the_end_of_a_session_ends_a_pause_and_its_late_end_does_nothing() {
        let now = Instant::now();
        let mut pace = accepting();
        fail(&mut pace, now);
        assert!(pace.on_session_ended());
        let later = now + LONGEST_PAUSE;
        assert!(!pace.on_pause_ended(later), "somebody accepts already");
        assert_eq!(pace.on_drained(), Next::Rest);
        assert!(!pace.on_pause_ended(later));
    }

    #[test]
    fn a_session_that_ends_during_the_failing_attempt_brings_another_attempt() {
        let now = Instant::now();
        let mut pace = accepting();
        assert!(!pace.on_session_ended());
        assert_eq!(pace.on_error(now), AfterError::Again);
        assert_eq!(fail(&mut pace, now), FIRST_PAUSE, "that attempt was no pause");
    }
}
