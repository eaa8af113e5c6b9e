//! Whether a client has the file already, or wants another one than is there.
//!
//! # Source
//! RFC 9110 sections 8.8 and 13.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::range::Part;
use crate::http::Headers;

/// What tells one state of a file from another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Validators {
    /// Seconds since 1970; absent if that is before or after now.
    pub(super) modified: Option<u64>,
    /// Weak, since a file can change twice in what its time can tell.
    pub(super) tag: String,
}

/// What a request is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Send(Part),
    NotModified,
    PreconditionFailed,
}

/// The fields of a request that matter here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions<'a> {
    pub(super) headers: &'a Headers,
    pub(super) is_head: bool,
    /// Seconds since 1970.
    pub(super) now: u64,
}

impl Validators {
    pub(super) fn of(metadata: &Metadata, now: u64) -> Self {
        let (seconds, nanos, size) = (metadata.mtime(), metadata.mtime_nsec(), metadata.size());
        Self {
            modified: u64::try_from(seconds).ok().filter(|modified| *modified <= now),
            tag: format!("W/\"{seconds:x}-{nanos:x}-{size:x}\""),
        }
    }
}

impl Conditions<'_> {
    /// Judges a request for a file of `size` bytes, in the order of section 13.2.2.
    pub(super) fn judge(&self, validators: &Validators, size: u64) -> Verdict {
        if let Some(tags) = self.headers.get("If-Match") {
            // Only what is strong can match, and a weak tag never is.
            if tags.trim() != "*" {
                return Verdict::PreconditionFailed;
            }
        } else if self.is_modified_since("If-Unmodified-Since", validators) == Some(true) {
            return Verdict::PreconditionFailed;
        }
        let is_not_modified = match self.headers.get("If-None-Match") {
            Some(tags) => names(&tags, &validators.tag),
            None => self.is_modified_since("If-Modified-Since", validators) == Some(false),
        };
        if is_not_modified {
            return Verdict::NotModified;
        }
        let range = self.headers.get("Range").filter(|_| !self.is_head);
        let part = match range {
            Some(range) if self.is_range_wanted(validators) => Part::of(&range, size),
            Some(_) | None => Part::Whole,
        };
        Verdict::Send(part)
    }

    /// Compares the file with the date of a field; `None` if one of them is not there.
    fn is_modified_since(&self, field: &str, validators: &Validators) -> Option<bool> {
        Some(validators.modified? > seconds(&self.headers.get(field)?)?)
    }

    /// A client that has a part wants another one only of the same file. A tag would have to be strong;
    /// a date is if the file cannot have changed again in its second.
    fn is_range_wanted(&self, validators: &Validators) -> bool {
        let Some(field) = self.headers.get("If-Range") else { return true };
        let modified = validators.modified.filter(|modified| *modified < self.now);
        modified.is_some() && seconds(&field) == modified
    }
}

/// Returns whether a list of tags names this one; weak and strong ones are alike.
fn names(list: &str, tag: &str) -> bool {
    let opaque = tag.trim_start_matches("W/");
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some(quoted) = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"') else {
            return false;
        };
        let Some((name, behind)) = quoted.split_once('"') else { return false };
        if opaque.trim_matches('"') == name {
            return true;
        }
        rest = behind;
    }
}

/// Reads a date in any of the forms that HTTP has had.
fn seconds(date: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(date.trim()).ok()?;
    time.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

/// Returns the seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: u64 = 784_111_777;
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn judge(fields: &[(&str, &str)], is_head: bool, now: u64) -> Verdict {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.set(name, value).unwrap();
        }
        let validators = Validators { modified: Some(MODIFIED), tag: "W/\"a-b-c\"".into() };
        Conditions { headers: &headers, is_head, now }.judge(&validators, 10)
    }

    #[test]
    fn conditions_are_judged_in_order() {
        use Verdict::{NotModified, PreconditionFailed};
        let whole = Verdict::Send(Part::Whole);
        let table: [(&[(&str, &str)], &Verdict); 28] = [
            (&[], &whole),
            (&[("If-None-Match", "W/\"a-b-c\"")], &NotModified),
            (&[("If-None-Match", "\"a-b-c\"")], &NotModified),
            (&[("If-None-Match", "\"x\", W/\"y,\" ,W/\"a-b-c\"")], &NotModified),
            (&[("If-None-Match", " * ")], &NotModified),
            (&[("If-None-Match", "\"x\"")], &whole),
            (&[("If-None-Match", "\"A-B-C\"")], &whole),
            (&[("If-None-Match", "a-b-c")], &whole),
            (&[("If-None-Match", "\"a-b-c")], &whole),
            (&[("If-None-Match", "")], &whole),
            (&[("If-Modified-Since", SAME)], &NotModified),
            (&[("If-Modified-Since", AFTER)], &NotModified),
            (&[("If-Modified-Since", BEFORE)], &whole),
            (&[("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT")], &NotModified),
            (&[("If-Modified-Since", "Sun Nov  6 08:49:37 1994")], &NotModified),
            (&[("If-Modified-Since", "yesterday")], &whole),
            (&[("If-None-Match", "\"x\""), ("If-Modified-Since", AFTER)], &whole),
            (&[("If-None-Match", "\"a-b-c\""), ("If-Modified-Since", BEFORE)], &NotModified),
            (&[("If-Match", "*")], &whole),
            (&[("If-Match", "W/\"a-b-c\"")], &PreconditionFailed),
            (&[("If-Match", "\"a-b-c\"")], &PreconditionFailed),
            (&[("If-Match", "*"), ("If-Unmodified-Since", BEFORE)], &whole),
            (&[("If-Unmodified-Since", BEFORE)], &PreconditionFailed),
            (&[("If-Unmodified-Since", SAME)], &whole),
            (&[("If-Unmodified-Since", "never")], &whole),
            (&[("If-Match", "\"x\""), ("If-None-Match", "*")], &PreconditionFailed),
            (&[("If-None-Match", "*"), ("Range", "bytes=0-1")], &NotModified),
            (&[("Range", "bytes=0-1,3-4")], &whole),
        ];
        for (fields, expected) in table {
            for is_head in [false, true] {
                assert_eq!(&judge(fields, is_head, MODIFIED + 9), expected, "{fields:?}");
            }
        }
    }

    #[test]
    fn a_part_is_sent_of_the_file_that_the_client_knows() {
        let range = ("Range", "bytes=2-3");
        let part = Verdict::Send(Part::Bytes(2..4));
        let whole = Verdict::Send(Part::Whole);
        let later = MODIFIED + 9;
        assert_eq!(judge(&[range], false, later), part);
        assert_eq!(judge(&[range], true, later), whole, "HEAD has no parts");
        assert_eq!(judge(&[range, ("If-Range", SAME)], false, later), part);
        for other in [BEFORE, AFTER, "W/\"a-b-c\"", "\"a-b-c\"", ""] {
            assert_eq!(judge(&[range, ("If-Range", other)], false, later), whole, "{other}");
        }
        let now = judge(&[range, ("If-Range", SAME)], false, MODIFIED);
        assert_eq!(now, whole, "it may change again in this second");
        let beyond = judge(&[("Range", "bytes=10-")], false, later);
        assert_eq!(beyond, Verdict::Send(Part::Unsatisfiable));
    }
}
