//! Until when a connection waits for its peer. No clock.
//!
//! Both directions have a limit of their own: a peer that takes a response slowly may send the next
//! request slowly, too, and neither may hide the other.

use std::time::Instant;

use super::Wait;

/// The running limits of time.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// For what the peer sends.
    pub(super) reading: Option<(Instant, Wait)>,
    /// For more of a body that somebody else reads, whether that waits or not.
    pub(super) body: Option<Instant>,
    /// For the peer's taking more of the first write.
    pub(super) writing: Option<Instant>,
}

impl Deadlines {
    /// Returns when the first of them comes.
    pub(super) fn first(&self) -> Option<Instant> {
        let reading = self.reading.map(|(at, _)| at);
        reading.into_iter().chain(self.writing).min()
    }

    /// Takes one that has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Wait> {
        let is_due = |at: &Instant| *at <= now;
        if self.writing.take_if(|at| is_due(at)).is_some() {
            return Some(Wait::Write);
        }
        self.reading.take_if(|(at, _)| is_due(at)).map(|(_, wait)| wait)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_comes_once_and_the_first_is_known() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut deadlines = Deadlines::default();
        assert_eq!((deadlines.first(), deadlines.take_due(later)), (None, None));
        deadlines.reading = Some((later, Wait::Head));
        assert_eq!((deadlines.first(), deadlines.take_due(now)), (Some(later), None));
        deadlines.writing = Some(now);
        assert_eq!(deadlines.first(), Some(now));
        assert_eq!(deadlines.take_due(now), Some(Wait::Write));
        assert_eq!((deadlines.first(), deadlines.take_due(now)), (Some(later), None));
        assert_eq!(deadlines.take_due(later), Some(Wait::Head));
        assert_eq!(deadlines.take_due(later), None);
    }
}
