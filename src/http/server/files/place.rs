//! Which file of a directory a target means.
//!
//! ```text
//!   handler /docs, target /docs/a/./b/../c%20d/?q=1
//!   canonical            /docs/a/./b/../c d/      decoded once
//!   path                       a/c d              segments resolved, none leads out
//!   is_directory                                  it ends with a slash
//! ```

use crate::http::codec::path_and_query;
use crate::http::server::escape::{escape_following, escape_segment};
use crate::http::server::path;

/// A place below a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// From the directory: segments with one slash in between; empty for the directory itself.
    pub(super) path: Vec<u8>,
    /// The target says that it is a directory.
    pub(super) is_directory: bool,
    /// The target has no dot segments and no empty ones: whoever else looks at it sees the same.
    pub(super) is_plain: bool,
    /// The path of the handler.
    handler: Box<str>,
    /// As it came, with its question mark; empty if there is none.
    query: Box<str>,
}

impl Place {
    /// Reads a target that was given to the handler of a path; `None` if it means no file, since it
    /// leaves the directory, or escapes what separates or ends names.
    pub(super) fn of(target: &str, handler: &str) -> Option<Self> {
        let target = path_and_query(target);
        let (raw, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        if raw.as_bytes().windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2F")) {
            return None;
        }
        let path = path::canonical(target).ok()?;
        let below = path.strip_prefix(path::of_handler(handler).ok()?)?;
        let mut segments: Vec<&[u8]> = Vec::new();
        let (mut is_directory, mut is_plain) = (false, true);
        let count = below.split(|byte| *byte == b'/').count();
        // Nothing stands before the first slash.
        for (index, segment) in below.split(|byte| *byte == b'/').enumerate().skip(1) {
            is_directory = matches!(segment, b"" | b"." | b"..");
            is_plain &= !is_directory || (segment.is_empty() && index + 1 == count);
            match segment {
                b"" | b"." => {}
                b".." => drop(segments.pop()?),
                name if name.contains(&0) => return None,
                name => segments.push(name),
            }
        }
        let (path, handler) = (segments.join(&b'/'), handler.trim_end_matches('/').into());
        Some(Self { path, is_directory, is_plain, handler, query: query.into() })
    }

    /// Returns the path of something in this directory.
    pub(super) fn child(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { name.to_vec() } else { [&self.path, name].join(&b'/') }
    }

    /// Returns where it is, in plain words, with a slash at the end of a directory; never on another
    /// host.
    pub(super) fn location(&self, is_directory: bool) -> String {
        let mut location = String::new();
        for segment in self.handler.as_bytes().split(is_slash).chain(self.path.split(is_slash)) {
            if !segment.is_empty() {
                location.push('/');
                escape_segment(segment, &mut location);
            }
        }
        if is_directory || location.is_empty() {
            location.push('/');
        }
        escape_following(&self.query, &mut location);
        location
    }
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(handler: &str, target: &str) -> Option<(String, bool)> {
        let place = Place::of(target, handler)?;
        Some((String::from_utf8(place.path).expect("it is text here"), place.is_directory))
    }

    #[test]
    fn segments_are_resolved_below_the_directory() {
        let table = [
            ("/d", "/d", Some(("", false))),
            ("/d", "/d/", Some(("", true))),
            ("/d", "/d?x", Some(("", false))),
            ("/d/", "/d/a", Some(("a", false))),
            ("/d", "/d/a/b.c?d/../e", Some(("a/b.c", false))),
            ("/d", "/d/a/b/", Some(("a/b", true))),
            ("/d", "/d//a///b", Some(("a/b", false))),
            ("/d", "/d/./a/.", Some(("a", true))),
            ("/d", "/d/a/../b", Some(("b", false))),
            ("/d", "/d/a/..", Some(("", true))),
            ("/d", "/d/a/%2e%2E/b", Some(("b", false))),
            ("/d", "/d/a%2ehtml", Some(("a.html", false))),
            ("/d", "/d/%252e%252e/a", Some(("%2e%2e/a", false))),
            ("/d", "/d/...", Some(("...", false))),
            ("/d", "/d/..a/a..", Some(("..a/a..", false))),
            ("/d", "/d/a\\..\\b", Some(("a\\..\\b", false))),
            ("/d", "/%64/a", Some(("a", false))),
            ("/d", "http://h/d/a", Some(("a", false))),
            ("/", "/", Some(("", true))),
            ("", "/a/b", Some(("a/b", false))),
            ("/", "//a", Some(("a", false))),
            ("/", "http://h", Some(("", true))),
        ];
        for (handler, target, expected) in table {
            let expected = expected.map(|(path, is_directory)| (path.to_owned(), is_directory));
            assert_eq!(place(handler, target), expected, "{handler} {target}");
        }
    }

    #[test]
    fn nothing_leads_out() {
        for target in [
            "/d/..",
            "/d/../d/a",
            "/d/a/../../b",
            "/d/%2e%2e/a",
            "/d/.%2e",
            "/d/./../a",
            "/d//../a",
            "/d/a%2Fb",
            "/d/..%2f..%2Fa",
            "/d%2Fa",
            "/d/a%00",
        ] {
            assert_eq!(place("/d", target), None, "{target}");
        }
        for target in ["/..", "/../etc/passwd", "/a/../../b"] {
            assert_eq!(place("/", target), None, "{target}");
        }
    }

    #[test]
    fn a_directory_has_a_location_that_ends_with_a_slash() {
        for (handler, target, expected) in [
            ("/d", "/d", "/d/"),
            ("/d", "/d?a=/b", "/d/?a=/b"),
            ("/d/", "/d/a/../b", "/d/b/"),
            ("/", "/a", "/a/"),
            ("/", "//evil.com/a/..", "/evil.com/"),
            ("/", "http://g/a", "/a/"),
            ("/a b", "/a%20b/%3Fc%C3%A9", "/a%20b/%3Fc%C3%A9/"),
        ] {
            let place = Place::of(target, handler).expect("it leads to a place");
            assert_eq!(place.location(true), expected, "{handler} {target}");
        }
    }

    proptest! {
        #[test]
        fn a_place_is_named_by_names_alone(
            target in r"/d(/|\.|\.\.|%2[eEfF]|%5[cC]|%25|%00|a|\\|;|//|\?){0,12}",
        ) {
            if let Some(place) = Place::of(&target, "/d") {
                let names = place.path.split(is_slash);
                let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
                prop_assert!(place.path.is_empty() || names.clone().all(is_name), "{target}");
                let location = place.location(true);
                prop_assert!(location.starts_with("/d/"), "{location}");
                // What it leads to is itself, as a directory.
                let again = Place::of(&location, "/d").expect("it is a place");
                prop_assert_eq!((again.path, again.is_directory), (place.path, true));
            }
        }

        #[test]
        fn no_target_panics(target in any::<String>(), handler in any::<String>()) {
            let _ = Place::of(&target, &handler).map(|place| place.location(false));
        }
    }
}
