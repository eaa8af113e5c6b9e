//! The `Date` that a server puts on its responses.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A date and time of day as HTTP writes it, to the second.
///
/// # Source
/// RFC 9110 section 5.6.7, IMF-fixdate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Date {
    /// ASCII, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    text: [u8; 29],
}

impl Date {
    /// Returns the date of now. A thread spells each second out once.
    pub(crate) fn now() -> Self {
        thread_local! {
            static LAST: Cell<(u64, Date)> = const { Cell::new((0, Date::EPOCH)) };
        }
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (last, date) = LAST.get();
        if last == second {
            return date;
        }
        let date = Self::of(second);
        LAST.set((second, date));
        date
    }

    /// Returns the date of a number of seconds since 1970; the end of the year 9999 is the last.
    pub(crate) fn of(second: u64) -> Self {
        let time = UNIX_EPOCH + Duration::from_secs(second.min(Self::MAX));
        let mut date = Self::EPOCH;
        // The text has exactly that length.
        let _ = write!(&mut date.text[..], "{}", httpdate::HttpDate::from(time));
        date
    }

    /// Returns the text, which is ASCII.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    const EPOCH: Self = Self { text: *b"Thu, 01 Jan 1970 00:00:00 GMT" };
    /// The last second that has a text.
    const MAX: u64 = 253_402_300_799;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelled_as_the_rfc_does() {
        assert_eq!(Date::of(784_111_777).as_bytes(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(Date::of(0), Date::EPOCH);
        assert_eq!(Date::of(u64::MAX).as_bytes(), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn now_is_the_second_of_the_system() {
        let read = |date: Date| {
            httpdate::parse_http_date(str::from_utf8(date.as_bytes()).unwrap()).unwrap()
        };
        let before = SystemTime::now() - Duration::from_secs(1);
        let (first, second) = (Date::now(), Date::now());
        assert!(read(first) >= before && read(second) <= SystemTime::now());
    }
}
