//! The response of an HTTP exchange.

use std::borrow::Cow;

use nng_aio::Error;

use super::body::Body;
use super::codec::Decimal;
use super::codec::grammar::is_field_value;
use super::entity::{CONTENT_LENGTH, Entity, TRANSFER_ENCODING};
use super::error_page::{MEDIA_TYPE, error_page};
use super::head_edit::HeadEdit;
use super::headers::Headers;
use super::status;
use super::version::Version;

/// A response: what a server answers, or what a client was answered.
///
/// A new one is 200, HTTP/1.1, and has no fields and no body. An object can be used again and keeps
/// its memory; reading into it replaces all of it.
///
/// ```
/// use nng_oxide::http::Response;
///
/// let mut response = Response::new();
/// response.headers_mut().set("Content-Type", "text/plain")?;
/// response.set_body("Hello, World!");
/// assert_eq!((response.status(), response.reason()), (200, "OK"));
///
/// response.set_status(404);
/// assert_eq!(response.reason(), "Not Found");
/// response.set_reason("Gone fishing")?;
/// response.set_status(503);
/// assert_eq!(response.reason(), "Gone fishing");
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_http_res_alloc(3http).
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    reason: Reason,
    version: Version,
    entity: Entity,
    /// The body is the page of [`Response::for_error`]; a server puts its own in place of it.
    is_error_page: bool,
}

/// The words behind the status.
#[derive(Clone, Debug)]
enum Reason {
    /// Those that go with whatever the status is.
    OfStatus,
    Own(String),
}

/// What follows of a message after its head and the bytes attached to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Remainder {
    /// The message is complete.
    Nothing,
    /// So many bytes, at least one.
    Bytes(u64),
    /// As much as a transfer coding says.
    Coded,
}

impl Response {
    /// Returns a response that says `200 OK`.
    pub fn new() -> Self {
        Self {
            status: 200,
            reason: Reason::OfStatus,
            version: Version::default(),
            entity: Entity::default(),
            is_error_page: false,
        }
    }

    /// Returns a response of that status with a page for people to read.
    ///
    /// A server with a page of its own for the status sends that instead, unless the response is
    /// given another body.
    /// # Source
    /// nng 1.12, nng_http_res_alloc_error(3http).
    pub fn for_error(status: u16) -> Self {
        let mut response = Self { status, ..Self::new() };
        let page = error_page(status, status::reason(status), "");
        response.set_page(page);
        response.is_error_page = true;
        response
    }

    /// Sets the status, and with it the reason unless the response has its own.
    ///
    /// Heads on the wire have three digits; a number outside 100 to 999 is sent as it is, and no
    /// client will understand it.
    pub fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    /// Sets the words behind the status, also for later statuses; `None` restores the usual ones.
    ///
    /// Words that are the usual ones for the present status count as `None`. An empty text is sent
    /// as such.
    /// # Errors
    /// `Invalid` if the text holds a control other than tab. Nothing has changed then.
    /// # Source
    /// nng 1.12, nng_http_res_set_reason(3http).
    pub fn set_reason<'a>(&mut self, reason: impl Into<Option<&'a str>>) -> Result<(), Error> {
        match reason.into() {
            Some(text) if !is_field_value(text.as_bytes()) => return Err(Error::Invalid),
            Some(text) => self.reason.set(text, self.status),
            None => self.reason = Reason::OfStatus,
        }
        Ok(())
    }

    /// Sets the version. A response that is not HTTP/1.1 ends its connection.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Returns the fields for changing them.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.entity.headers
    }

    /// Sets the body, and `Content-Length` to its length.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.entity.set_body(body.into());
        self.is_error_page = false;
    }

    /// Makes a copy of `bytes` the body, and sets `Content-Length` to its length.
    ///
    /// The copy is shared, so sending it copies nothing more.
    pub fn copy_body(&mut self, bytes: &[u8]) {
        self.entity.copy_body(bytes);
        self.is_error_page = false;
    }

    /// Takes the body out; the fields stay as they are.
    pub fn take_body(&mut self) -> Body {
        self.is_error_page = false;
        std::mem::take(&mut self.entity.body)
    }

    /// Makes this a new response that keeps its memory.
    pub fn reset(&mut self) {
        self.status = 200;
        self.reason = Reason::OfStatus;
        self.version = Version::default();
        self.entity.clear();
        self.is_error_page = false;
    }

    /// Returns spare memory to the system; after [`reset`](Self::reset) that is all of it.
    pub fn shrink_to_fit(&mut self) {
        if let Reason::Own(text) = &mut self.reason {
            text.shrink_to_fit();
        }
        self.entity.shrink_to_fit();
    }

    /// Returns the status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the words behind the status.
    ///
    /// Bytes of a received reason that are not UTF-8 are U+FFFD.
    pub fn reason(&self) -> &str {
        match &self.reason {
            Reason::OfStatus => status::reason(self.status),
            Reason::Own(text) => text,
        }
    }

    /// Returns the version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns the fields.
    pub const fn headers(&self) -> &Headers {
        &self.entity.headers
    }

    /// Returns the fields that came behind the body, if it came in chunks and was collected; they are
    /// not among [`headers`](Self::headers). Sending the message does not send them.
    /// # Source
    /// RFC 9110 section 6.5.
    pub fn trailers(&self) -> &Headers {
        self.entity.trailers()
    }

    /// Returns the bytes of the body that are here.
    pub fn body(&self) -> &[u8] {
        self.entity.body.as_slice()
    }

    /// Returns whether its body will follow in chunks.
    pub(crate) fn leaves_chunks(&self) -> bool {
        self.entity.leaves_chunks()
    }

    /// Returns the body with its owner.
    pub(crate) const fn stored_body(&self) -> &Body {
        &self.entity.body
    }

    /// Returns what of the body is sent in an answer to a `HEAD` request or to another: nothing
    /// where a client expects nothing, since it would take that for the next response.
    pub(crate) fn sent_body(&self, to_head: bool) -> &Body {
        static NOTHING: Body = Body::empty();
        if to_head || !status::permits_body(self.status) { &NOTHING } else { self.stored_body() }
    }

    /// Returns the names of fields that a response of this status must not have.
    ///
    /// # Source
    /// RFC 9110 section 8.6, RFC 9112 section 6.1.
    pub(crate) const fn unsaid(&self) -> &'static [&'static str] {
        let may_say = status::permits_body(self.status) || self.status == 304;
        if may_say { &[] } else { &[CONTENT_LENGTH, TRANSFER_ENCODING] }
    }

    /// Makes `page`, which is HTML, the body.
    ///
    /// # Source
    /// nng 1.12, nng_http_server_res_error(3http).
    pub(crate) fn set_page(&mut self, page: impl Into<Body>) {
        // Fails only at 4 GiB of fields, where the head cannot be sent either.
        let _ = self.entity.headers.set("Content-Type", MEDIA_TYPE);
        self.set_body(page);
    }

    /// Returns whether the body is still the page that [`for_error`](Self::for_error) made.
    pub(crate) const fn is_error_page(&self) -> bool {
        self.is_error_page
    }

    /// Returns whether the connection ends with this response.
    ///
    /// # Source
    /// nng 1.12, nng_http_conn_write_res(3http).
    pub(crate) fn ends_connection(&self) -> bool {
        let is_persistent = self.version == Version::HTTP_11 && !self.entity.says_close();
        !is_persistent && !status::is_interim(self.status)
    }

    /// Returns what follows after head and attached body in an answer to a `HEAD` request or to
    /// another.
    pub(crate) fn remainder(&self, to_head: bool) -> Remainder {
        let Entity { headers, body, .. } = &self.entity;
        if to_head || !status::permits_body(self.status) || body.is_only_declared() {
            return Remainder::Nothing;
        }
        if headers.contains(TRANSFER_ENCODING) {
            return Remainder::Coded;
        }
        let declared = self.entity.content_length().unwrap_or(0);
        match declared.saturating_sub(body.declared_len()) {
            0 => Remainder::Nothing,
            len => Remainder::Bytes(len),
        }
    }

    /// Returns whether a client knows where the response ends, if what is attached is all that will
    /// be sent, and a length is added where none is given.
    pub(crate) fn is_whole(&self, to_head: bool) -> bool {
        if to_head || !status::permits_body(self.status) {
            return true;
        }
        let Entity { headers, body, .. } = &self.entity;
        let says_nothing = !headers.contains(CONTENT_LENGTH);
        let says_so = || self.entity.content_length() == Some(body.as_slice().len() as u64);
        !headers.contains(TRANSFER_ENCODING) && (says_nothing || says_so())
    }

    /// Replaces the status line by one that was received and removes the body.
    ///
    /// The fields follow through [`headers_mut`](Self::headers_mut).
    pub(super) fn load(&mut self, status: u16, reason: &[u8], version: Version) {
        self.status = status;
        match String::from_utf8_lossy(reason) {
            Cow::Borrowed(text) => self.reason.set(text, status),
            Cow::Owned(text) => self.reason = Reason::Own(text),
        }
        self.version = version;
        self.entity.body.clear();
        self.is_error_page = false;
    }

    /// Takes the memory of the last body, empty, to receive the next one in.
    pub(crate) fn take_body_memory(&mut self) -> Vec<u8> {
        self.entity.body.take_memory()
    }

    /// Takes a body that was received; the fields are those that came with it.
    pub(crate) fn set_received_body(&mut self, bytes: Vec<u8>) {
        self.entity.set_received_body(bytes);
    }

    /// Makes the fields fit a body that came in chunks, with `trailers` behind it, and has been put
    /// together.
    ///
    /// `Content-Length` becomes its length, `Transfer-Encoding` and `Trailer` go.
    pub(crate) fn dechunk_fields(&mut self, trailers: Option<Box<Headers>>) {
        self.entity.dechunk_fields(trailers);
    }

    /// Appends status line, fields and empty line to `out`.
    pub(crate) fn write_head(&self, edit: &HeadEdit<'_>, out: &mut Vec<u8>) {
        let reason = self.reason();
        let line_len = Version::LEN + reason.len() + " 65535 \r\n".len();
        out.reserve(line_len + edit.max_len(&self.entity.headers));
        out.extend_from_slice(self.version.as_bytes());
        out.push(b' ');
        out.extend_from_slice(Decimal::new(self.status.into()).as_bytes());
        out.push(b' ');
        out.extend_from_slice(reason.as_bytes());
        out.extend_from_slice(b"\r\n");
        edit.write_fields(&self.entity.headers, out);
    }

    /// Returns how many bytes of memory this holds beside itself; shared bytes do not count.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn memory(&self) -> usize {
        let reason = match &self.reason {
            Reason::OfStatus => 0,
            Reason::Own(text) => text.capacity(),
        };
        reason + self.entity.memory()
    }
}

impl Default for Response {
    fn default() -> Self {
        Self::new()
    }
}

impl Reason {
    fn set(&mut self, text: &str, status: u16) {
        if text == status::reason(status) {
            *self = Self::OfStatus;
        } else if let Self::Own(own) = self {
            own.clear();
            own.push_str(text);
        } else {
            *self = Self::Own(text.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(response: &Response, edit: &HeadEdit<'_>) -> String {
        let mut out = Vec::new();
        response.write_head(edit, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn with(fields: &[(&str, &str)]) -> Response {
        let mut response = Response::new();
        for (name, value) in fields {
            response.headers_mut().add(name, value).unwrap();
        }
        response
    }

    #[test]
    fn a_new_response_has_nngs_defaults() {
        let response = Response::new();
        assert_eq!((response.status(), response.reason()), (200, "OK"));
        assert_eq!(response.version(), Version::HTTP_11);
        assert!(response.headers().is_empty() && response.body().is_empty());
        assert_eq!(head(&response, &HeadEdit::default()), "HTTP/1.1 200 OK\r\n\r\n");
    }

    #[test]
    fn an_own_reason_sticks_and_the_usual_one_does_not() {
        let mut response = Response::new();
        response.set_reason("OK").unwrap();
        response.set_status(404);
        assert_eq!(response.reason(), "Not Found");
        response.set_reason("OK").unwrap();
        response.set_status(200);
        response.set_status(500);
        assert_eq!(response.reason(), "OK");
        response.set_reason("").unwrap();
        assert_eq!(head(&response, &HeadEdit::default()), "HTTP/1.1 500 \r\n\r\n");
        response.set_reason(None).unwrap();
        assert_eq!(response.reason(), "Internal Server Error");
        response.set_status(7);
        assert_eq!(response.reason(), "Unknown HTTP Status");
    }

    #[test]
    fn a_reason_cannot_end_the_line() {
        let mut response = Response::new();
        for reason in ["a\r\nb", "a\n", "\0"] {
            assert_eq!(response.set_reason(reason), Err(Error::Invalid));
        }
        assert_eq!(response.reason(), "OK");
    }

    #[test]
    fn bodies_set_their_length_also_if_empty_or_huge() {
        let mut response = Response::new();
        response.copy_body(b"");
        assert_eq!(
            head(&response, &HeadEdit::default()),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        );
        response.set_body(Body::declared(5_000_000_000));
        assert_eq!(response.headers().get("content-length").as_deref(), Some("5000000000"));
        assert!(response.body().is_empty());
        response.set_body("abc");
        assert_eq!(response.headers().get("content-length").as_deref(), Some("3"));
        response.headers_mut().set("Content-Length", "7").unwrap();
        assert_eq!(response.headers().get("content-length").as_deref(), Some("7"));
    }

    #[test]
    fn the_head_follows_every_change() {
        let mut response = with(&[("A", "1")]);
        response.set_body("abc");
        head(&response, &HeadEdit::default());
        response.set_status(404);
        response.set_body("11 bytes...");
        assert_eq!(
            head(&response, &HeadEdit::default()),
            "HTTP/1.1 404 Not Found\r\nA: 1\r\nContent-Length: 11\r\n\r\n"
        );
    }

    #[test]
    fn additions_follow_the_fields_in_one_order() {
        let edit = HeadEdit {
            date: Some(b"Sun, 06 Nov 1994 08:49:37 GMT"),
            length: Some(0),
            close: true,
            ..HeadEdit::default()
        };
        assert_eq!(
            head(&with(&[("Server", "x")]), &edit),
            "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn additions_yield_to_what_the_message_says() {
        let edit =
            HeadEdit { date: Some(b"d"), length: Some(0), close: true, ..HeadEdit::default() };
        let fields =
            [("date", "mine"), ("Transfer-Encoding", "chunked"), ("connection", "x, Close")];
        assert_eq!(
            head(&with(&fields), &edit),
            "HTTP/1.1 200 OK\r\ndate: mine\r\nTransfer-Encoding: chunked\r\n\
             connection: x, Close\r\n\r\n"
        );
        let fields = [("Content-Length", "3"), ("Connection", "keep-alive")];
        assert_eq!(
            head(&with(&fields), &HeadEdit { date: None, ..edit }),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\
             Connection: close\r\n\r\n"
        );
    }

    #[test]
    fn an_omitted_field_can_be_added_anew() {
        let edit =
            HeadEdit { omit: &["content-length", "X"], length: Some(9), ..HeadEdit::default() };
        assert_eq!(
            head(&with(&[("x", "1"), ("Content-Length", "3"), ("y", "2")]), &edit),
            "HTTP/1.1 200 OK\r\ny: 2\r\nContent-Length: 9\r\n\r\n"
        );
    }

    #[test]
    fn an_error_has_a_page_and_a_mark() {
        let response = Response::for_error(404);
        assert_eq!((response.status(), response.reason()), (404, "Not Found"));
        let names: Vec<_> = response.headers().iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["Content-Type", "Content-Length"]);
        let page = str::from_utf8(response.body()).unwrap();
        assert!(page.contains("404") && page.contains("Not Found"));
        assert!(response.is_error_page());
    }

    #[test]
    fn any_other_body_clears_the_mark() {
        let changes: [fn(&mut Response); 5] = [
            |response| response.set_body("x"),
            |response| response.copy_body(b"x"),
            |response| drop(response.take_body()),
            |response| response.set_page("x"),
            Response::reset,
        ];
        for change in changes {
            let mut response = Response::for_error(500);
            response.set_status(501);
            assert!(response.is_error_page());
            change(&mut response);
            assert!(!response.is_error_page());
        }
    }

    #[test]
    fn connections_end_as_nng_documents_it() {
        let close = |value| with(&[("Connection", value)]);
        for value in ["close", "Close", "CLOSE", "x , close", "upgrade,close"] {
            assert!(close(value).ends_connection(), "{value}");
        }
        for value in ["keep-alive", "xclosey", "not close", ""] {
            assert!(!close(value).ends_connection(), "{value}");
        }
        let mut response = Response::new();
        assert!(!response.ends_connection());
        response.set_version(Version::HTTP_10);
        assert!(response.ends_connection());
        response.set_status(100);
        assert!(!response.ends_connection());
    }

    #[test]
    fn the_remainder_is_what_was_announced_and_not_attached() {
        let mut response = Response::new();
        assert_eq!(response.remainder(false), Remainder::Nothing);
        response.set_body("abc");
        assert_eq!(response.remainder(false), Remainder::Nothing);
        response.headers_mut().set("Content-Length", "10").unwrap();
        assert_eq!(response.remainder(false), Remainder::Bytes(7));
        assert_eq!(response.remainder(true), Remainder::Nothing);
        for status in [204, 304, 100] {
            response.set_status(status);
            assert_eq!(response.remainder(false), Remainder::Nothing, "{status}");
        }
        response.set_status(200);
        response.headers_mut().set("Content-Length", "2").unwrap();
        assert_eq!(response.remainder(false), Remainder::Nothing);
        response.headers_mut().set("Transfer-Encoding", "chunked").unwrap();
        assert_eq!(response.remainder(false), Remainder::Coded);
        response.set_body(Body::declared(10));
        assert_eq!(response.remainder(false), Remainder::Nothing);
    }

    #[test]
    fn a_response_is_whole_if_what_is_attached_is_what_it_says() {
        let mut response = Response::new();
        assert!(response.is_whole(false));
        response.set_body("abc");
        assert!(response.is_whole(false));
        for length in ["2", "4", "x", "", "3, 3"] {
            response.headers_mut().set("Content-Length", length).unwrap();
            assert!(!response.is_whole(false), "{length}");
            assert!(response.is_whole(true), "{length}");
        }
        response.headers_mut().remove("Content-Length").unwrap();
        assert!(response.is_whole(false), "the length can be added");
        response.headers_mut().set("Transfer-Encoding", "chunked").unwrap();
        assert!(!response.is_whole(false));
        response.set_status(204);
        assert!(response.is_whole(false));
        response.reset();
        response.set_body(Body::declared(3));
        assert!(!response.is_whole(false));
    }

    #[test]
    fn reset_restores_defaults_and_shrinking_frees_all() {
        let mut response = with(&[("a", "b")]);
        response.set_status(404);
        response.set_reason("mine").unwrap();
        response.set_version(Version::HTTP_10);
        response.set_body(vec![0; 100]);
        response.reset();
        assert_eq!(head(&response, &HeadEdit::default()), "HTTP/1.1 200 OK\r\n\r\n");
        assert!(response.body().is_empty());
        response.shrink_to_fit();
        assert_eq!(response.memory(), 0);
    }

    #[test]
    fn a_received_body_is_taken_with_its_memory() {
        let mut response = with(&[("Transfer-Encoding", "chunked")]);
        response.set_received_body(b"abc".to_vec());
        assert_eq!(response.body(), b"abc");
        assert_eq!(response.stored_body().declared_len(), 3);
        response.dechunk_fields(None);
        let text = head(&response, &HeadEdit::default());
        assert_eq!(text, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
        response.load(200, b"OK", Version::HTTP_11);
        assert!(response.body().is_empty());
        assert!(response.take_body_memory().capacity() >= 3);
    }
}
