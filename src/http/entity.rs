//! What requests and responses have in common: fields and a body.

use std::sync::Arc;

use super::body::Body;
use super::codec::grammar::parse_decimal;
use super::headers::Headers;

/// The field that tells how long the body is.
pub(super) const CONTENT_LENGTH: &str = "Content-Length";
/// The field that tells how the body is coded.
pub(super) const TRANSFER_ENCODING: &str = "Transfer-Encoding";

/// The fields and the body of a message.
///
/// Giving it a body sets `Content-Length`. What is done to that field afterwards is trusted.
#[derive(Clone, Debug, Default)]
pub(super) struct Entity {
    pub(super) headers: Headers,
    pub(super) body: Body,
    /// The fields behind a body that came in chunks, if there were any.
    trailers: Option<Box<Headers>>,
}

/// What most messages have behind their bodies.
static NO_FIELDS: Headers = Headers::new();

impl Entity {
    /// Takes `body` and announces its length.
    pub(super) fn set_body(&mut self, body: Body) {
        self.headers.set_content_length(body.declared_len());
        self.body = body;
    }

    /// Makes a private copy of `bytes` the body. It is shared, so that a write copies nothing.
    pub(super) fn copy_body(&mut self, bytes: &[u8]) {
        self.set_body(Arc::<[u8]>::from(bytes).into());
    }

    /// Takes a body that was received; the fields are those that came with it.
    pub(super) fn set_received_body(&mut self, bytes: Vec<u8>) {
        self.body = bytes.into();
    }

    /// The fields behind the body.
    pub(super) fn trailers(&self) -> &Headers {
        self.trailers.as_deref().unwrap_or(&NO_FIELDS)
    }

    /// Makes the fields fit a body that came in chunks, with `trailers` behind it, and is here as a
    /// whole.
    ///
    /// # Source
    /// RFC 9112 section 7.1.3.
    pub(super) fn dechunk_fields(&mut self, trailers: Option<Box<Headers>>) {
        self.trailers = trailers;
        let codings = self.headers.get(TRANSFER_ENCODING).unwrap_or_default();
        let inner = codings.rsplit_once(',').map(|(inner, _chunked)| inner.trim_end().to_owned());
        // What else it is coded in, the reader has to decode; absence is fine.
        let _ = match inner {
            Some(inner) => self.headers.set(TRANSFER_ENCODING, &inner),
            None => self.headers.remove(TRANSFER_ENCODING).map(drop),
        };
        let _ = self.headers.remove("Trailer");
        self.headers.set_content_length(self.body.declared_len());
    }

    /// Returns whether a body in chunks is announced and none is attached, so that chunks will follow.
    pub(super) fn leaves_chunks(&self) -> bool {
        self.body.as_slice().is_empty() && self.headers.has_token(TRANSFER_ENCODING, "chunked")
    }

    /// Returns whether `Connection` has the option `close`.
    pub(super) fn says_close(&self) -> bool {
        self.headers.has_token("Connection", "close")
    }

    /// Returns what `Content-Length` says, if it is there and says something.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.headers.get_all(CONTENT_LENGTH).next().and_then(parse_decimal)
    }

    /// Removes fields and body and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.headers.clear();
        self.body.clear();
        self.trailers = None;
    }

    /// Returns spare memory to the system.
    pub(super) fn shrink_to_fit(&mut self) {
        self.headers.shrink_to_fit();
        self.body.shrink_to_fit();
    }

    /// Returns how many bytes of memory this holds beside itself; shared bytes do not count.
    pub(super) const fn memory(&self) -> usize {
        self.headers.memory() + self.body.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_announces_its_length_and_a_received_one_does_not() {
        let mut entity = Entity::default();
        entity.set_body(vec![0; 5].into());
        assert_eq!(entity.content_length(), Some(5));
        entity.set_received_body(vec![0; 7]);
        assert_eq!(entity.content_length(), Some(5));
        entity.copy_body(b"");
        assert_eq!(entity.content_length(), Some(0));
    }

    #[test]
    fn a_copy_is_shared_with_the_writes_of_it() {
        let mut entity = Entity::default();
        entity.copy_body(b"abc");
        let (first, second) = (entity.body.to_buffer().unwrap(), entity.body.to_buffer().unwrap());
        assert_eq!(first.as_slice().as_ptr(), second.as_slice().as_ptr());
        assert_eq!(entity.memory(), entity.headers.memory());
    }

    #[test]
    fn a_length_that_is_no_number_says_nothing() {
        let mut entity = Entity::default();
        assert_eq!(entity.content_length(), None);
        for value in ["", "x", "-1", "5, 5"] {
            entity.headers.set("content-length", value).unwrap();
            assert_eq!(entity.content_length(), None);
        }
    }

    #[test]
    fn a_body_that_came_in_chunks_is_described_as_a_whole() {
        let mut entity = Entity::default();
        entity.headers.set("Transfer-Encoding", "chunked").unwrap();
        entity.headers.set("Trailer", "x").unwrap();
        entity.set_received_body(b"abc".to_vec());
        let trailers = Headers::of_lines(b"X: a\r\nY:\tb \r\nx:c\r\n");
        entity.dechunk_fields(Some(Box::new(trailers)));
        let fields: Vec<_> = entity.headers.iter().collect();
        assert_eq!(fields, [("Content-Length", &b"3"[..])]);
        let trailers: Vec<_> = entity.trailers().iter().collect();
        assert_eq!(trailers, [("X", &b"a, c"[..]), ("Y", &b"b"[..])]);
        entity.clear();
        assert!(entity.trailers().is_empty());
    }
}
