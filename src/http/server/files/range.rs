//! Which part of a file is wanted.
//!
//! # Source
//! RFC 9110 section 14.

use std::ops::Range;

/// What a client asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Everything: nothing else was asked for, or in a way that need not be understood.
    Whole,
    /// These bytes, at least one.
    Bytes(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

impl Part {
    /// Reads a `Range` field for a file of `size` bytes. Several ranges are everything.
    pub(super) fn of(field: &str, size: u64) -> Self {
        Self::parse(field, size).unwrap_or(Self::Whole)
    }

    fn parse(field: &str, size: u64) -> Option<Self> {
        let (unit, set) = field.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        Some(match (number(first)?, number(last)?) {
            (None, None) => return None,
            // The last bytes, however many there are.
            (None, Some(0)) => Self::Unsatisfiable,
            (None, Some(_)) if size == 0 => Self::Whole,
            (None, Some(count)) => Self::Bytes(size.saturating_sub(count)..size),
            (Some(first), Some(last)) if last < first => return None,
            (Some(first), _) if first >= size => Self::Unsatisfiable,
            (Some(first), last) => {
                let last = last.unwrap_or(u64::MAX).min(size - 1);
                Self::Bytes(first..last + 1)
            }
        })
    }
}

/// Reads digits, of which there may be none; a number that is too large is the largest.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_else_is_the_whole() {
        let huge = "99999999999999999999999";
        let table = [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-4", Part::Bytes(2..5)),
            ("Bytes = 2-4 ", Part::Bytes(2..5)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=2-10", Part::Bytes(2..10)),
            (&format!("bytes=9-{huge}"), Part::Bytes(9..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-10", Part::Bytes(0..10)),
            (&format!("bytes=-{huge}"), Part::Bytes(0..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=10-12", Part::Unsatisfiable),
            (&format!("bytes={huge}-"), Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=4-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=1--2", Part::Whole),
            ("bytes=1 - 2", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("", Part::Whole),
        ];
        for (field, expected) in table {
            assert_eq!(Part::of(field, 10), expected, "{field}");
        }
    }

    #[test]
    fn nothing_has_no_first_byte_and_no_last_ones() {
        assert_eq!(Part::of("bytes=0-", 0), Part::Unsatisfiable);
        assert_eq!(Part::of("bytes=-5", 0), Part::Whole);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_there(
            field in "bytes=[0-9]{0,21}-[0-9]{0,21}|[ -~]*",
            size in prop_oneof![0_u64..20, any::<u64>()],
        ) {
            if let Part::Bytes(range) = Part::of(&field, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
