//! Where a fetch is, and where an answer sends it next. No lock, no I/O.
//!
//! | status | the next request |
//! |---|---|
//! | 301, 302 | the same, but `GET` and no body after a `POST` |
//! | 303 | `GET` and no body; `HEAD` stays |
//! | 307, 308 | the same |
//!
//! Credentials go to nobody but the host, port and scheme they were given for. A request that has
//! been made already would be answered in the same way again, so it ends the trip.
//!
//! Source: RFC 9110 section 15.4.

use nng_aio::Error;

use super::location::resolve;
use super::origin::Origin;
use crate::Url;
use crate::http::request::Request;
use crate::http::response::Response;

/// Where a fetch is and where it has been.
#[derive(Debug)]
pub(super) struct Trip {
    url: Url,
    origin: Origin,
    /// 0 follows none.
    max_redirects: u32,
    /// Method and URL of each request before the present one.
    been: Vec<(String, String)>,
}

/// What only those may learn whom it was meant for.
const CREDENTIALS: [&str; 4] = ["Authorization", "Cookie", "Cookie2", "Proxy-Authorization"];

/// What describes a body that is not sent any more.
const CONTENT: [&str; 11] = [
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Range",
    "Transfer-Encoding",
    "Trailer",
    "Expect",
    "Digest",
    "Content-Digest",
];

impl Trip {
    /// Begins at `url`, and makes `request` one for it.
    ///
    /// # Errors
    /// `AddressInvalid` for a scheme that is none of HTTP's and an empty host; `Invalid` for a host
    /// that cannot stand in a field.
    pub(super) fn new(url: &Url, request: &mut Request, max_redirects: u32) -> Result<Self, Error> {
        let origin = Origin::of(url)?;
        request.set_destination(url)?;
        Ok(Self { url: url.clone(), origin, max_redirects, been: Vec::new() })
    }

    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the URL of the last request.
    pub(super) fn into_url(self) -> Url {
        self.url
    }

    /// Returns whether `response` sends the request elsewhere; then `request` is the one to make
    /// there.
    ///
    /// # Errors
    /// `Protocol` if that is no URL, was asked for already, or is one redirect too many;
    /// `AddressInvalid` if it has a scheme that is none of HTTP's.
    pub(super) fn follow(
        &mut self,
        request: &mut Request,
        response: &Response,
    ) -> Result<bool, Error> {
        let is_redirect = matches!(response.status(), 301 | 302 | 303 | 307 | 308);
        if self.max_redirects == 0 || !is_redirect {
            return Ok(false);
        }
        let Some(location) = response.headers().get_bytes("Location") else { return Ok(false) };
        let location = str::from_utf8(&location).map_err(|_not_text| Error::Protocol)?;
        let url = resolve(&self.url, location).map_err(|_invalid| Error::Protocol)?;
        let origin = Origin::of(&url)?;

        self.been.push((request.method().to_owned(), place(&self.url)));
        if self.been.len() > self.max_redirects as usize {
            return Err(Error::Protocol);
        }
        match (response.status(), request.method()) {
            (303, "HEAD") => {}
            (303, _) | (301 | 302, "POST") => make_get(request)?,
            _ => {}
        }
        if !origin.is_trusted_as(&self.origin) {
            remove_all(request, &CREDENTIALS);
        }
        request.set_destination(&url).map_err(|_invalid| Error::Protocol)?;
        let next = (request.method().to_owned(), place(&url));
        if self.been.contains(&next) {
            return Err(Error::Protocol);
        }
        (self.url, self.origin) = (url, origin);
        Ok(true)
    }
}

/// Returns what of a URL makes a difference to a server.
fn place(url: &Url) -> String {
    let mut text = url.to_string();
    text.truncate(text.find('#').unwrap_or(text.len()));
    text
}

fn make_get(request: &mut Request) -> Result<(), Error> {
    request.set_method("GET")?;
    drop(request.take_body());
    remove_all(request, &CONTENT);
    Ok(())
}

fn remove_all(request: &mut Request, names: &[&str]) {
    for name in names {
        // It need not be there.
        let _ = request.headers_mut().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        trip: Trip,
        request: Request,
    }

    impl Case {
        fn new(method: &str, url: &str, max_redirects: u32) -> Self {
            let mut request = Request::new();
            request.set_method(method).unwrap();
            request.set_body("body");
            for (name, value) in [
                ("Content-Type", "text/plain"),
                ("Authorization", "secret"),
                ("Cookie", "secret"),
                ("X", "kept"),
            ] {
                request.headers_mut().set(name, value).unwrap();
            }
            let trip = Trip::new(&url.parse().unwrap(), &mut request, max_redirects).unwrap();
            Self { trip, request }
        }

        fn answer(&mut self, status: u16, location: impl AsRef<[u8]>) -> Result<bool, Error> {
            let mut response = Response::new();
            response.set_status(status);
            response.headers_mut().set("Location", location).unwrap();
            self.trip.follow(&mut self.request, &response)
        }

        fn host(&self) -> String {
            self.request.headers().get("Host").unwrap().into_owned()
        }

        fn has(&self, name: &str) -> bool {
            self.request.headers().contains(name)
        }
    }

    #[test]
    fn methods_change_as_the_rfc_says() {
        let table = [
            (301, "GET", "GET"),
            (301, "POST", "GET"),
            (301, "PUT", "PUT"),
            (302, "HEAD", "HEAD"),
            (302, "POST", "GET"),
            (302, "DELETE", "DELETE"),
            (303, "GET", "GET"),
            (303, "HEAD", "HEAD"),
            (303, "POST", "GET"),
            (303, "PUT", "GET"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
            (308, "PATCH", "PATCH"),
        ];
        for (status, before, after) in table {
            let mut case = Case::new(before, "http://h/a", 1);
            assert_eq!(case.answer(status, "/b"), Ok(true), "{status} {before}");
            assert_eq!((case.request.method(), case.request.uri()), (after, "/b"));
            let is_get =
                matches!((status, before), (301 | 302, "POST") | (303, "GET" | "POST" | "PUT"));
            assert_eq!(case.request.body().is_empty(), is_get, "{status} {before}");
            for field in ["Content-Length", "Content-Type"] {
                assert_eq!(case.has(field), !is_get, "{status} {before}");
            }
            assert!(case.has("X"));
        }
    }

    #[test]
    fn other_answers_are_the_end() {
        for status in [200, 201, 300, 304, 305, 306, 400, 404, 503] {
            let mut case = Case::new("GET", "http://h/a", 9);
            assert_eq!(case.answer(status, "/b"), Ok(false), "{status}");
            assert_eq!(case.request.uri(), "/a");
        }
        let mut case = Case::new("GET", "http://h/a", 0);
        assert_eq!(case.answer(302, "/b"), Ok(false), "nobody asked for it");
        let mut case = Case::new("GET", "http://h/a", 9);
        let mut nowhere = Response::new();
        nowhere.set_status(302);
        assert_eq!(case.trip.follow(&mut case.request, &nowhere), Ok(false));
    }

    #[test]
    fn credentials_stay_with_host_port_and_scheme() {
        let table = [
            ("/b", true),
            ("//h/b", true),
            ("http://h:80/b", true),
            ("http4://h/b", true),
            ("http://h:81/b", false),
            ("http://g/b", false),
            ("https://h/b", false),
            ("https://h:80/b", false),
        ];
        for (location, are_kept) in table {
            let mut case = Case::new("GET", "http://h/a", 1);
            assert_eq!(case.answer(302, location), Ok(true));
            assert_eq!(case.has("Authorization"), are_kept, "{location}");
            assert_eq!(case.has("Cookie"), are_kept, "{location}");
            assert!(case.has("X"));
        }
        let mut case = Case::new("GET", "https://h/a", 1);
        assert_eq!(case.answer(302, "http://h/b"), Ok(true));
        assert!(!case.has("Authorization") && !case.has("Cookie"));
    }

    #[test]
    fn credentials_do_not_come_back() {
        let mut case = Case::new("GET", "http://h/a", 9);
        assert_eq!(case.answer(302, "http://g/b"), Ok(true));
        assert_eq!(case.host(), "g");
        assert_eq!(case.answer(302, "http://h/c"), Ok(true));
        assert_eq!((case.host().as_str(), case.has("Authorization")), ("h", false));
    }

    #[test]
    fn too_many_are_an_error() {
        let mut case = Case::new("GET", "http://h/0", 3);
        for number in 1..=3 {
            assert_eq!(case.answer(302, format!("/{number}")), Ok(true));
        }
        assert_eq!(case.answer(302, "/4"), Err(Error::Protocol));
    }

    #[test]
    fn circles_end() {
        let mut case = Case::new("GET", "http://h/a", 9);
        assert_eq!(case.answer(302, "/a#x"), Err(Error::Protocol), "to itself");
        let mut case = Case::new("GET", "http://h/a", 9);
        assert_eq!(case.answer(302, "/b"), Ok(true));
        assert_eq!(case.answer(302, "http://h:80/a"), Err(Error::Protocol));
        // After a form it is usual to be sent back to its page.
        let mut case = Case::new("POST", "http://h/a", 9);
        assert_eq!(case.answer(303, "/a"), Ok(true));
        assert_eq!(case.answer(303, "/a"), Err(Error::Protocol));
    }

    #[test]
    fn where_nothing_can_be_fetched_is_an_error() {
        let table = [
            (&b"mailto:a@b"[..], Error::Protocol),
            (b"http://", Error::AddressInvalid),
            (b"ftp://h/x", Error::AddressInvalid),
            (b"ipc:///x", Error::AddressInvalid),
            (b"//h:/x", Error::Protocol),
            (b"/\xff", Error::Protocol),
            (b"/%", Error::Protocol),
        ];
        for (location, error) in table {
            assert_eq!(Case::new("GET", "http://h/a", 9).answer(302, location), Err(error));
        }
    }

    #[test]
    fn the_last_url_is_told_with_its_fragment() {
        let mut case = Case::new("GET", "http://h/a#x", 9);
        assert_eq!(case.answer(302, "b?c"), Ok(true));
        assert_eq!(case.request.uri(), "/b?c");
        assert_eq!(case.trip.into_url().to_string(), "http://h/b?c#x");
    }
}
