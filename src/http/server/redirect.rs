//! Redirects: where a request is answered from now on.
//!
//! ```text
//! path /old, location https://h/new/
//!     /old/page?a=b  -->  https://h/new/page?a=b      one slash, whatever both sides have
//!     /old?a=b       -->  https://h/new/?a=b
//!     /%6Fld/page    -->  https://h/new/              the path is written in another way
//! ```
//!
//! What a client wrote stands behind a slash or a question mark, so it never becomes a part of the
//! host, and it holds nothing that a browser or a page takes for something else.
//!
//! # Source
//! nng 1.12, nng_http_handler_alloc_redirect(3http); RFC 9110 section 15.4.

use super::escape::{escape_following, escape_uri};
use crate::http::codec::path_and_query;
use crate::http::error_page::{error_page, escape_html};
use crate::http::{Response, status};

/// What a handler for redirects knows.
pub(super) struct Redirect {
    /// The handler's, without a slash at its end.
    path: Box<str>,
    status: u16,
    /// Escaped.
    location: Box<str>,
}

impl Redirect {
    /// The status 0 is the usual one, too.
    pub(super) fn new(path: &str, status: Option<u16>, location: &str) -> Self {
        let mut escaped = String::with_capacity(location.len());
        escape_uri(location.as_bytes(), &mut escaped);
        Self {
            path: path.trim_end_matches('/').into(),
            status: status.filter(|status| *status != 0).unwrap_or(MOVED_PERMANENTLY),
            location: escaped.into(),
        }
    }

    /// Answers a request for `target`.
    pub(super) fn response(&self, target: &str) -> Response {
        moved(self.status, &self.location(path_and_query(target)), true)
    }

    /// Returns where `target`, path and query as they came, is now.
    fn location(&self, target: &str) -> String {
        let rest = target.strip_prefix(&*self.path).unwrap_or_default();
        let mut location = String::with_capacity(self.location.len() + rest.len() + 1);
        if rest.starts_with('/') {
            location.push_str(self.location.trim_end_matches('/'));
            location.push('/');
            escape_following(rest.trim_start_matches('/'), &mut location);
        } else {
            location.push_str(&self.location);
            if rest.starts_with('?') {
                escape_following(rest, &mut location);
            }
        }
        location
    }
}

/// Makes a response that leads to `location`, which is escaped.
pub(super) fn moved(status: u16, location: &str, closes: bool) -> Response {
    let mut link = String::with_capacity(64 + 2 * location.len());
    link.push_str("It is at <a href=\"");
    escape_html(location, &mut link);
    link.push_str("\">");
    escape_html(location, &mut link);
    link.push_str("</a>.");
    let mut response = Response::new();
    response.set_status(status);
    let headers = response.headers_mut();
    if closes {
        // Fails only at 4 GiB of fields, as the next one does.
        let _ = headers.set("Connection", "close");
    }
    let _ = headers.set("Location", location);
    response.set_page(error_page(status, status::reason(status), &link));
    response
}

const MOVED_PERMANENTLY: u16 = 301;

#[cfg(test)]
mod tests {
    use super::*;

    fn location(path: &str, location: &str, target: &str) -> String {
        let response = Redirect::new(path, None, location).response(target);
        response.headers().get("Location").expect("there is one").into_owned()
    }

    #[test]
    fn what_follows_the_path_follows_the_location() {
        for (path, new, target, expected) in [
            ("/old", "/new", "/old", "/new"),
            ("/old", "/new/", "/old", "/new/"),
            ("/old", "/new", "/old/", "/new/"),
            ("/old", "/new", "/old/page?a=b/c", "/new/page?a=b/c"),
            ("/old/", "/new/", "/old/page", "/new/page"),
            ("/old", "/new/", "/old//page", "/new/page"),
            ("/old", "/new", "/old?a=b", "/new?a=b"),
            ("/old", "/new", "http://h/old/page", "/new/page"),
            ("/old", "/new", "/%6Fld/page", "/new"),
            ("/old", "/new", "/old%2Fpage", "/new"),
            ("/old", "https://h/?next=", "/old/page", "https://h/?next=/page"),
            ("/", "https://h", "/", "https://h/"),
            ("/", "https://h", "/x?y", "https://h/x?y"),
            ("/", "https://h", "http://g?y", "https://h?y"),
        ] {
            assert_eq!(location(path, new, target), expected, "{path} {new} {target}");
        }
    }

    #[test]
    fn no_target_leads_to_another_host() {
        let new = "https://new.example.com";
        for (target, expected) in [
            ("/.evil.com/x", "https://new.example.com/.evil.com/x"),
            ("/x", "https://new.example.com/x"),
            ("/@evil.com", "https://new.example.com/@evil.com"),
        ] {
            assert_eq!(location("/", new, target), expected);
        }
        for target in ["//evil.com", "///evil.com", "/\\evil.com", "//\\evil.com"] {
            for new in ["", "/", "//"] {
                let location = location("/", new, target);
                let rest = location.strip_prefix('/').expect("it is a path");
                assert!(!rest.starts_with(['/', '\\']), "{target} {location}");
            }
        }
    }

    #[test]
    fn bytes_that_no_uri_has_are_escaped() {
        for (new, target, expected) in [
            ("/a b\r\nX: y", "/old", "/a%20b%0D%0AX:%20y"),
            ("/caf\u{e9}", "/old", "/caf%C3%A9"),
            ("/%7Ea%", "/old", "/%7Ea%25"),
            ("/new#part", "/old", "/new#part"),
            ("/new", "/old/<\"`{|}^>%zz#x", "/new/%3C%22%60%7B%7C%7D%5E%3E%25zz%23x"),
            ("/new", "/old/%3c%25", "/new/%3c%25"),
        ] {
            assert_eq!(location("/old", new, target), expected);
        }
    }

    #[test]
    fn the_page_has_a_link_that_is_nothing_else() {
        let response = Redirect::new("/", None, "/a?b&'").response("/\"><script>");
        let page = String::from_utf8_lossy(response.body()).into_owned();
        assert!(page.contains("<a href=\"/a?b&amp;&#39;/%22%3E%3Cscript%3E\">"), "{page}");
        assert!(!page.contains("<script>"));
    }

    #[test]
    fn the_usual_status_is_301_and_the_connection_closes() {
        for (status, expected) in [(None, 301), (Some(0), 301), (Some(307), 307)] {
            let response = Redirect::new("/", status, "/new").response("/");
            assert_eq!(response.status(), expected);
            assert!(response.ends_connection());
        }
    }
}
