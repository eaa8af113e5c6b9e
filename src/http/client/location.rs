//! Which URL a reference names, seen from another URL. No state.
//!
//! Source: RFC 3986 section 5.2; RFC 9110 section 10.2.2.

use nng_aio::Error;

use crate::Url;

/// Returns the URL that `reference` names where `base` is.
///
/// User information of the base is not carried over; its fragment is, unless the reference has one.
///
/// # Errors
/// `Invalid` if that is no URL.
pub(super) fn resolve(base: &Url, reference: &str) -> Result<Url, Error> {
    let (reference, fragment) = match reference.split_once('#') {
        Some((reference, fragment)) => (reference, Some(fragment)),
        None => (reference, base.fragment()),
    };
    let mut text = String::new();
    if has_scheme(reference) {
        text.push_str(reference);
    } else {
        text.push_str(base.scheme());
        text.push(':');
        if !reference.starts_with("//") {
            text.push_str("//");
            text.push_str(base.host().ok_or(Error::Invalid)?);
            if !reference.starts_with('/') {
                push_base_path(base, reference, &mut text);
            }
        }
        text.push_str(reference);
    }
    close_dots(&mut text);
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    Url::parse(&text)
}

/// Appends what of the base stands before a reference that is relative to its path.
fn push_base_path(base: &Url, reference: &str, text: &mut String) {
    match reference.bytes().next() {
        None => {
            text.push_str(base.path());
            if let Some(query) = base.query() {
                text.push('?');
                text.push_str(query);
            }
        }
        Some(b'?') => text.push_str(base.path()),
        Some(_) => {
            let folder = base.path().rfind('/').map_or("/", |end| &base.path()[..=end]);
            text.push_str(folder);
        }
    }
}

/// Gives a path that ends with a dot segment the slash that stays when the segment goes.
fn close_dots(text: &mut String) {
    let end = text.find('?').unwrap_or(text.len());
    let path = &text[..end];
    if path.ends_with("/.") || path.ends_with("/..") {
        text.insert(end, '/');
    }
}

/// Returns whether a reference begins with a scheme.
fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else { return false };
    let mut bytes = scheme.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(base: &str, reference: &str) -> String {
        let url = resolve(&base.parse().unwrap(), reference).unwrap();
        // The canonical form leaves the port out that the scheme implies.
        url.to_string()
    }

    #[test]
    fn references_are_resolved_as_the_rfc_shows() {
        // RFC 3986 section 5.4, with the scheme that is used here.
        let table = [
            ("http://g", "http://g"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
        ];
        for (reference, url) in table {
            assert_eq!(resolved("http://a/b/c/d;p?q", reference), url, "{reference:?}");
        }
    }

    #[test]
    fn host_port_and_family_are_those_of_the_base_unless_the_reference_has_its_own() {
        let table = [
            ("http4://H:81/a", "/b", "http4://h:81/b"),
            ("http://[::1]:81/a", "b", "http://[::1]:81/b"),
            ("http://user:pass@h/a", "b", "http://h/b"),
            ("http://h:81/a", "//g/b", "http://g/b"),
            ("http://h:81/a", "https://g:82/b", "https://g:82/b"),
            ("http://h", "b", "http://h/b"),
            ("http://h", "?b", "http://h?b"),
            ("http://h/a b", "c d", "http://h/c d"),
            ("http://h/a", "b:c", "b:c"),
        ];
        for (base, reference, url) in table {
            match resolve(&base.parse().unwrap(), reference) {
                Ok(found) => assert_eq!(found.to_string(), url, "{base} {reference}"),
                Err(error) => assert_eq!((error, reference), (Error::Invalid, "b:c")),
            }
        }
    }

    #[test]
    fn a_fragment_lasts_until_there_is_another() {
        assert_eq!(resolved("http://h/a#x", "/b"), "http://h/b#x");
        assert_eq!(resolved("http://h/a#x", "/b#y"), "http://h/b#y");
        assert_eq!(resolved("http://h/a#x", "/b#"), "http://h/b#");
    }

    proptest! {
        #[test]
        fn what_was_resolved_names_itself_from_anywhere(
            base in "http://(a|b:81|\\[::1\\])(/[a-c.]{0,3}){0,4}(\\?[a-c/.]{0,3})?(#[a-c])?",
            reference in "[a-c:/?#.%@\\[\\]é ]{0,20}",
        ) {
            let base: Url = base.parse().unwrap();
            if let Ok(url) = resolve(&base, &reference)
                && url.host().is_some()
            {
                let text = url.to_string();
                let again = resolve(&base, &text).unwrap();
                prop_assert_eq!(again.path(), url.path());
                prop_assert_eq!(again.query(), url.query());
                prop_assert_eq!(again.hostname(), url.hostname());
            }
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        let base: Url = "http://h/a".parse().unwrap();
        for reference in
            ["http:", "http:/x", "mailto:a@b", "//h:", "//[::1", "/%", "/%0x", "//a@b@c"]
        {
            assert_eq!(resolve(&base, reference), Err(Error::Invalid), "{reference}");
        }
    }
}
