//! The request of an HTTP exchange.

use nng_aio::Error;

use super::body::Body;
use super::codec::grammar::is_token;
use super::entity::Entity;
use super::head_edit::HeadEdit;
use super::headers::Headers;
use super::method::Method;
use super::version::Version;
use crate::url::Url;

/// A request: what a client asks for, or what a server was asked for.
///
/// A new one is `GET`, HTTP/1.1, and has no URI, fields or body. An object can be used again and
/// keeps its memory; reading into it replaces all of it.
///
/// ```
/// use nng_oxide::Url;
/// use nng_oxide::http::Request;
///
/// let url: Url = "http://example.com:8080/hello?lang=en#top".parse()?;
/// let mut request = Request::for_url(&url)?;
/// request.set_method("POST")?;
/// request.set_body("hello");
/// assert_eq!(request.uri(), "/hello?lang=en");
/// assert_eq!(request.headers().get("Host").as_deref(), Some("example.com:8080"));
/// assert_eq!(request.headers().get("Content-Length").as_deref(), Some("5"));
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_http_req_alloc(3http).
#[derive(Clone, Debug, Default)]
pub struct Request {
    method: Method,
    /// The request target; empty if unset. No blanks and no controls.
    uri: String,
    version: Version,
    entity: Entity,
}

impl Request {
    /// Returns a request for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a `GET` request for what `url` names.
    ///
    /// The URI is path and query in canonical form, at least `/`; the fragment stays here. What a
    /// request target cannot hold, such as blanks and letters beyond ASCII, is percent-encoded.
    /// `Host` is the host, and the port unless it is the scheme's own. An IPv6 address gets its
    /// brackets and loses its zone, which means nothing elsewhere. User information is not sent.
    /// # Errors
    /// `AddressInvalid` if the URL has no host, as with `ipc`; `Invalid` if the host cannot stand
    /// in a field.
    /// # Source
    /// nng 1.12, nng_http_req_alloc(3http); RFC 9112 section 3.2, RFC 6874 section 4.
    pub fn for_url(url: &Url) -> Result<Self, Error> {
        let mut request = Self::default();
        request.set_destination(url)?;
        Ok(request)
    }

    /// Makes it a request for what `url` names: sets the URI and `Host`.
    ///
    /// # Errors
    /// As [`for_url`](Self::for_url). Nothing has changed then.
    pub(super) fn set_destination(&mut self, url: &Url) -> Result<(), Error> {
        let host = host_field(url).ok_or(Error::AddressInvalid)?;
        self.entity.headers.set("Host", host)?;
        self.uri = request_target(url);
        Ok(())
    }

    /// Sets the method, which is exact in case; an empty one stands for `GET`.
    /// # Errors
    /// `Invalid` if it is not a token. Nothing has changed then.
    pub fn set_method(&mut self, method: &str) -> Result<(), Error> {
        self.method = match method {
            "" => Method::default(),
            token if is_token(token.as_bytes()) => Method::from_token(token.as_bytes()),
            _ => return Err(Error::Invalid),
        };
        Ok(())
    }

    /// Sets the request target, which is sent as it is; an empty one leaves it unset.
    /// # Errors
    /// `Invalid` if it holds a blank or a control. Nothing has changed then.
    pub fn set_uri(&mut self, uri: &str) -> Result<(), Error> {
        if uri.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()) {
            return Err(Error::Invalid);
        }
        self.uri.clear();
        self.uri.push_str(uri);
        Ok(())
    }

    /// Sets the version.
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
    }

    /// Makes a copy of `bytes` the body, and sets `Content-Length` to its length.
    ///
    /// The copy is shared, so sending it copies nothing more.
    pub fn copy_body(&mut self, bytes: &[u8]) {
        self.entity.copy_body(bytes);
    }

    /// Takes the body out; the fields stay as they are.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.entity.body)
    }

    /// Makes this a new request that keeps its memory.
    pub fn reset(&mut self) {
        self.method = Method::default();
        self.uri.clear();
        self.version = Version::default();
        self.entity.clear();
    }

    /// Returns spare memory to the system; after [`reset`](Self::reset) that is all of it.
    pub fn shrink_to_fit(&mut self) {
        self.uri.shrink_to_fit();
        self.entity.shrink_to_fit();
    }

    /// Returns the method.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Returns the request target as it was sent; empty if unset.
    pub fn uri(&self) -> &str {
        &self.uri
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

    /// Returns whether the body that the fields announce, if any, is there. What is coded is taken to
    /// be, if there is something.
    pub(crate) fn has_its_body(&self) -> bool {
        let headers = self.headers();
        let is_declared = self.stored_body().is_only_declared();
        let is_length_right = !headers.contains("Content-Length")
            || self.entity.content_length() == Some(self.body().len() as u64);
        !is_declared && !self.leaves_chunks() && is_length_right
    }

    /// Returns the body with its owner.
    pub(crate) const fn stored_body(&self) -> &Body {
        &self.entity.body
    }

    /// Replaces the start line by one that was received and removes the body.
    ///
    /// The fields follow through [`headers_mut`](Self::headers_mut).
    pub(super) fn load(&mut self, method: Method, uri: &str, version: Version) {
        self.method = method;
        self.uri.clear();
        self.uri.push_str(uri);
        self.version = version;
        self.entity.body.clear();
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

    /// Appends request line, fields and empty line to `out`.
    /// # Errors
    /// `Invalid` if there is no URI; nothing is appended then.
    pub(crate) fn write_head(&self, edit: &HeadEdit<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.uri.is_empty() {
            return Err(Error::Invalid);
        }
        let method = self.method();
        let line_len = method.len() + self.uri.len() + Version::LEN + "  \r\n".len();
        out.reserve(line_len + edit.max_len(&self.entity.headers));
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.version.as_bytes());
        out.extend_from_slice(b"\r\n");
        edit.write_fields(&self.entity.headers, out);
        Ok(())
    }

    /// Returns how many bytes of memory this holds beside itself; shared bytes do not count.
    pub(crate) const fn memory(&self) -> usize {
        self.uri.capacity() + self.entity.memory()
    }
}

/// Returns what `Host` says about a URL that has a host.
fn host_field(url: &Url) -> Option<String> {
    let hostname = url.hostname()?;
    let mut host = match hostname.split_once('%') {
        Some((address, _zone)) if address.contains(':') => format!("[{address}]"),
        None if hostname.contains(':') => format!("[{hostname}]"),
        _ => hostname.to_owned(),
    };
    if !url.has_default_port() {
        host.push(':');
        host.push_str(url.port().unwrap_or_default());
    }
    Some(host)
}

/// Returns path and query as a request target.
fn request_target(url: &Url) -> String {
    let mut target = String::with_capacity(1 + url.path().len());
    if url.path().is_empty() {
        target.push('/');
    }
    push_encoded(url.path(), &mut target);
    if let Some(query) = url.query() {
        target.push('?');
        push_encoded(query, &mut target);
    }
    target
}

/// Appends `text`, percent-encoding all bytes that are not visible ASCII.
fn push_encoded(text: &str, target: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            target.push(char::from(byte));
        } else {
            target.push('%');
            target.push(char::from(DIGITS[usize::from(byte >> 4)]));
            target.push(char::from(DIGITS[usize::from(byte & 0xf)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_url(text: &str) -> Request {
        Request::for_url(&text.parse().unwrap()).unwrap()
    }

    fn head(request: &Request) -> String {
        let mut out = Vec::new();
        request.write_head(&HeadEdit::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_new_request_has_nngs_defaults() {
        let request = Request::new();
        assert_eq!((request.method(), request.uri()), ("GET", ""));
        assert_eq!(request.version(), Version::HTTP_11);
        assert!(request.headers().is_empty() && request.body().is_empty());
    }

    #[test]
    fn the_target_of_a_url_has_a_path_and_no_fragment() {
        let table = [
            ("http://h/a/b?q=1#frag", "/a/b?q=1"),
            ("http://h", "/"),
            ("http://h/", "/"),
            ("http://h?x", "/?x"),
            ("http://h?", "/?"),
            ("http://h#f", "/"),
            ("http://h/a b\u{e9}?\u{20ac}\t#", "/a%20b%C3%A9?%E2%82%AC%09"),
            ("http://h/a\r\nX: y", "/a%0D%0AX:%20y"),
            ("http://h/%2f%41", "/%2FA"),
        ];
        for (url, target) in table {
            assert_eq!(for_url(url).uri(), target, "{url}");
        }
    }

    #[test]
    fn the_host_field_omits_what_others_need_not_know() {
        let table = [
            ("http://h/", "h"),
            ("http://h:80/", "h"),
            ("https://h:443/", "h"),
            ("https://h:80/", "h:80"),
            ("http://user:pass@H.example:8080/", "h.example:8080"),
            ("http://[::1]/", "[::1]"),
            ("http://[::1]:80/", "[::1]"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("http://[fe80::1%25eth0]:81/", "[fe80::1]:81"),
            ("http://[fe80::1%eth0]/", "[fe80::1]"),
            ("ws://h/", "h"),
            ("tcp://h/", "h"),
            ("tcp://h:5/", "h:5"),
            ("http://*:80/", ""),
        ];
        for (url, host) in table {
            assert_eq!(for_url(url).headers().get("Host").as_deref(), Some(host), "{url}");
            assert_eq!(for_url(url).headers().len(), 1);
        }
    }

    #[test]
    fn a_url_without_host_makes_no_request() {
        let refused = |text: &str| Request::for_url(&text.parse().unwrap()).unwrap_err();
        assert_eq!(refused("ipc:///tmp/x"), Error::AddressInvalid);
        assert_eq!(refused("inproc://x"), Error::AddressInvalid);
        assert_eq!(refused("http://a\r\nb/"), Error::Invalid);
    }

    #[test]
    fn methods_are_tokens_and_empty_is_get() {
        let mut request = Request::new();
        for method in ["HEAD", "POST", "PROPFIND", "get", "M-SEARCH"] {
            request.set_method(method).unwrap();
            assert_eq!(request.method(), method);
        }
        for method in ["GET /", "G\tT", "A\r\n", "\u{e9}", "A:B"] {
            assert_eq!(request.set_method(method), Err(Error::Invalid), "{method:?}");
            assert_eq!(request.method(), "M-SEARCH");
        }
        request.set_method("").unwrap();
        assert_eq!(request.method(), "GET");
    }

    #[test]
    fn uris_have_no_blanks_or_controls_and_empty_is_unset() {
        let mut request = Request::new();
        request.set_uri("*").unwrap();
        for uri in ["/a b", "/\r\n", "/\t", "/\0", "/\x7f"] {
            assert_eq!(request.set_uri(uri), Err(Error::Invalid), "{uri:?}");
            assert_eq!(request.uri(), "*");
        }
        request.set_uri("").unwrap();
        assert_eq!(request.write_head(&HeadEdit::default(), &mut Vec::new()), Err(Error::Invalid));
    }

    #[test]
    fn the_head_is_start_line_fields_in_order_and_an_empty_line() {
        let mut request = for_url("http://h:8080/x");
        request.set_version(Version::HTTP_10);
        request.headers_mut().set("accept", "*/*").unwrap();
        request.set_method("PUT").unwrap();
        request.copy_body(b"12");
        assert_eq!(
            head(&request),
            "PUT /x HTTP/1.0\r\nHost: h:8080\r\naccept: */*\r\nContent-Length: 2\r\n\r\n"
        );
        assert_eq!(request.body(), b"12");
    }

    #[test]
    fn the_head_follows_every_change() {
        let mut request = for_url("http://h/x");
        assert!(head(&request).starts_with("GET /x "));
        request.set_uri("/y").unwrap();
        request.set_body(vec![0; 3]);
        request.headers_mut().set("Host", "other").unwrap();
        assert_eq!(head(&request), "GET /y HTTP/1.1\r\nHost: other\r\nContent-Length: 3\r\n\r\n");
    }

    #[test]
    fn edits_change_the_wire_and_not_the_message() {
        let mut request = for_url("http://h/");
        request.headers_mut().set("Accept", "*/*").unwrap();
        let before = head(&request);
        let edit = HeadEdit { omit: &["accept"], close: true, ..HeadEdit::default() };
        let mut out = b"kept".to_vec();
        request.write_head(&edit, &mut out).unwrap();
        assert_eq!(out, b"keptGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert_eq!(head(&request), before);
    }

    #[test]
    fn reset_restores_defaults_and_shrinking_frees_all() {
        let mut request = for_url("http://h/a?b");
        request.set_method("OTHER").unwrap();
        request.set_body(vec![1; 100]);
        request.reset();
        assert_eq!((request.method(), request.uri()), ("GET", ""));
        assert!(request.headers().is_empty() && request.body().is_empty());
        assert!(request.memory() > 100);
        request.shrink_to_fit();
        assert_eq!(request.memory(), 0);
    }

    #[test]
    fn a_received_body_is_taken_with_its_memory() {
        let mut request = for_url("http://h/");
        request.headers_mut().set("Transfer-Encoding", "chunked").unwrap();
        request.set_received_body(b"abc".to_vec());
        assert_eq!(request.body(), b"abc");
        assert_eq!(request.stored_body().declared_len(), 3);
        request.dechunk_fields(None);
        assert_eq!(head(&request), "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
        request.load(Method::Get, "/", Version::HTTP_11);
        assert!(request.body().is_empty());
        assert!(request.take_body_memory().capacity() >= 3);
        request.set_received_body(b"defg".to_vec());
        assert_eq!(request.take_body().into_vec(), b"defg");
        assert!(request.body().is_empty());
    }
}
