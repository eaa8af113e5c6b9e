//! Paths as handlers are matched by: the one place where a request target is decoded.
//!
//! ```text
//! target    /caf%C3%A9/?q=1 --canonical--> /café/ --key--> /café <--of_handler-- /café/  path
//! ```
//!
//! A canonical path is bytes, not text: what a peer escapes need not be UTF-8. Dot segments and
//! empty ones stay, case matters, and `#` is a byte like any other.
//!
//! # Source
//! nng 1.12, nng_http_handler_alloc(3http).

use std::borrow::Cow;

use nng_aio::Error;

use crate::url::hex_value;

/// The target holds an escaped NUL, at which C programs would cut the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NulInPath;

/// Returns the canonical path of a target in origin form: without query, decoded once.
///
/// Every `%XX` is decoded, `%2F` too; malformed escapes stay. What is empty becomes `/`. Nothing
/// is copied unless something was decoded.
///
/// # Errors
/// [`NulInPath`] if the path holds `%00`.
pub(super) fn canonical(target: &str) -> Result<Cow<'_, [u8]>, NulInPath> {
    let target = target.as_bytes();
    let special = target.iter().position(|&byte| matches!(byte, b'?' | b'%'));
    let path = match special {
        None => target,
        Some(at) if target[at] == b'?' => &target[..at],
        Some(at) => return decode(target, at).map(Cow::Owned),
    };
    Ok(Cow::Borrowed(if path.is_empty() { b"/" } else { path }))
}

/// Decodes a path whose first escape is at `start`, up to the query.
fn decode(target: &[u8], start: usize) -> Result<Vec<u8>, NulInPath> {
    let mut path = Vec::with_capacity(target.len());
    path.extend_from_slice(&target[..start]);
    let mut rest = &target[start..];
    loop {
        match rest {
            [] | [b'?', ..] => return Ok(path),
            [first, tail @ ..] => {
                let escape = tail.split_first_chunk().filter(|_| *first == b'%');
                let decoded = escape.and_then(|([high, low], tail)| {
                    Some((hex_value(*high)? << 4 | hex_value(*low)?, tail))
                });
                let (byte, tail) = decoded.unwrap_or((*first, tail));
                if byte == 0 {
                    return Err(NulInPath);
                }
                path.push(byte);
                rest = tail;
            }
        }
    }
}

/// Returns what a canonical path is looked up by: without the one slash that may follow a path.
pub(super) fn key(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Returns what a handler is looked up by, which is empty for the root.
///
/// The path is taken literally but for slashes at its end, which mean nothing.
///
/// # Errors
/// `Invalid` if the path is neither empty nor begins with a slash.
pub(super) fn of_handler(path: &str) -> Result<&[u8], Error> {
    if !path.is_empty() && !path.starts_with('/') {
        return Err(Error::Invalid);
    }
    Ok(path.trim_end_matches('/').as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_are_cut_at_the_query_and_decoded_once() {
        let table: [(&str, &[u8]); 20] = [
            ("", b"/"),
            ("?", b"/"),
            ("?x=/y", b"/"),
            ("/", b"/"),
            ("/a/b", b"/a/b"),
            ("/a?b%00", b"/a"),
            ("/a?b?c", b"/a"),
            ("/%61%2Fb", b"/a/b"),
            ("/a%2fb%3Fc?d", b"/a/b?c"),
            ("/%2541", b"/%41"),
            ("/%E4%ff", b"/\xE4\xFF"),
            ("/%", b"/%"),
            ("/%4", b"/%4"),
            ("/%4?1", b"/%4"),
            ("/%4g", b"/%4g"),
            ("/%%41", b"/%A"),
            ("/a/./../b//c", b"/a/./../b//c"),
            ("/a#b", b"/a#b"),
            ("/%3F", b"/?"),
            ("*", b"*"),
        ];
        for (target, path) in table {
            assert_eq!(canonical(target).as_deref(), Ok(path), "{target}");
        }
    }

    #[test]
    fn an_escaped_nul_is_refused() {
        for target in ["/%00", "/a%00b", "/%61%00?x"] {
            assert_eq!(canonical(target), Err(NulInPath), "{target}");
        }
    }

    #[test]
    fn a_path_without_escapes_is_not_copied() {
        for target in ["/a/b", "/a?b%20", ""] {
            assert!(matches!(canonical(target), Ok(Cow::Borrowed(_))), "{target}");
        }
    }

    #[test]
    fn handlers_and_requests_agree_on_trailing_slashes() {
        let serves = |handler, target| {
            of_handler(handler) == Ok(key(&canonical(target).expect("there is no NUL")))
        };
        for handler in ["/a", "/a/", "/a//"] {
            assert!(serves(handler, "/a") && serves(handler, "/a/"), "{handler}");
            assert!(!serves(handler, "/a//") && !serves(handler, "/"), "{handler}");
        }
        for root in ["", "/", "//"] {
            assert!(serves(root, "/") && serves(root, "") && serves(root, "?a"), "{root}");
            assert!(!serves(root, "//") && !serves(root, "/a"), "{root}");
        }
    }

    #[test]
    fn a_handlers_path_begins_with_a_slash() {
        for path in ["a", "a/", "*", " /a"] {
            assert_eq!(of_handler(path), Err(Error::Invalid), "{path}");
        }
        assert_eq!(of_handler("/a%20b"), Ok(&b"/a%20b"[..]), "it is literal");
    }

    proptest! {
        #[test]
        fn escaping_every_byte_changes_nothing(bytes in prop::collection::vec(1_u8.., 0..40)) {
            let escaped: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let path = canonical(&escaped).map(Cow::into_owned);
            let expected = if bytes.is_empty() { b"/".to_vec() } else { bytes };
            prop_assert_eq!(path, Ok(expected));
        }

        #[test]
        fn no_target_panics(target in any::<String>()) {
            let _ = canonical(&target);
        }
    }
}
