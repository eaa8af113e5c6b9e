//! The body of a message and who owns its bytes.

use std::fmt;
use std::sync::Arc;

use nng_aio::Buffer;

/// The body of a message, or only how long it would be.
///
/// Bytes are owned, shared or static. A write that leaves the message to its owner copies owned
/// bytes, one that takes the message moves them; shared and static bytes are never copied.
///
/// ```
/// use nng_oxide::http::{Body, Response};
///
/// let mut response = Response::new();
/// response.set_body("static text");
/// response.set_body(vec![1, 2, 3]);
/// response.set_body(Body::declared(5_000_000_000));
/// assert_eq!(response.headers().get("Content-Length").as_deref(), Some("5000000000"));
/// assert!(response.body().is_empty());
/// ```
#[derive(Clone)]
pub struct Body {
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bytes(Buffer),
    /// No bytes, though so many are announced.
    Declared(u64),
}

impl Body {
    /// Returns a body of no bytes.
    pub const fn empty() -> Self {
        Self::declared(0)
    }

    /// Returns a body that announces `len` bytes and has none.
    ///
    /// This is what a response to `HEAD` has, or a message whose body is written separately.
    /// # Source
    /// nng 1.12, nng_http_res_set_data(3http) with a null pointer.
    pub const fn declared(len: u64) -> Self {
        Self { content: Content::Declared(len) }
    }

    /// Returns the bytes that are there; none if the length is only announced.
    pub fn as_slice(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(buffer) => buffer.as_slice(),
            Content::Declared(_) => &[],
        }
    }

    /// Returns the length to announce, in bytes.
    pub fn declared_len(&self) -> u64 {
        match &self.content {
            Content::Bytes(buffer) => buffer.len() as u64,
            Content::Declared(len) => *len,
        }
    }

    /// Returns whether a length is announced and none of the bytes are there.
    pub(crate) const fn is_only_declared(&self) -> bool {
        matches!(self.content, Content::Declared(1..))
    }

    /// Returns the bytes; moves them if they are owned, else copies them.
    pub fn into_vec(self) -> Vec<u8> {
        match self.content {
            Content::Bytes(Buffer::Owned(bytes)) => bytes,
            Content::Bytes(buffer) => buffer.as_slice().to_vec(),
            Content::Declared(_) => Vec::new(),
        }
    }

    /// Returns the bytes as a piece of a gather write, if there are any; owned ones are copied.
    pub(crate) fn to_buffer(&self) -> Option<Buffer> {
        match &self.content {
            Content::Bytes(buffer) if !buffer.is_empty() => Some(buffer.clone()),
            Content::Bytes(_) | Content::Declared(_) => None,
        }
    }

    /// Returns the bytes as a piece of a gather write, if there are any; copies nothing.
    pub(crate) fn into_buffer(self) -> Option<Buffer> {
        match self.content {
            Content::Bytes(buffer) if !buffer.is_empty() => Some(buffer),
            Content::Bytes(_) | Content::Declared(_) => None,
        }
    }

    /// Takes the memory of owned bytes, emptied, to receive another body in.
    pub(super) fn take_memory(&mut self) -> Vec<u8> {
        match std::mem::take(self).content {
            Content::Bytes(Buffer::Owned(mut bytes)) => {
                bytes.clear();
                bytes
            }
            Content::Bytes(_) | Content::Declared(_) => Vec::new(),
        }
    }

    /// Removes all bytes; memory of owned ones is kept for [`take_memory`](Self::take_memory).
    pub(super) fn clear(&mut self) {
        match &mut self.content {
            Content::Bytes(Buffer::Owned(bytes)) => bytes.clear(),
            Content::Bytes(_) | Content::Declared(_) => *self = Self::empty(),
        }
    }

    /// Returns spare memory of owned bytes to the system.
    pub(super) fn shrink_to_fit(&mut self) {
        if let Content::Bytes(Buffer::Owned(bytes)) = &mut self.content {
            bytes.shrink_to_fit();
        }
    }

    /// Returns how much memory the bytes hold that is theirs alone.
    pub(super) const fn memory(&self) -> usize {
        match &self.content {
            Content::Bytes(Buffer::Owned(bytes)) => bytes.capacity(),
            Content::Bytes(_) | Content::Declared(_) => 0,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

/// Implements `From` for what a piece of a gather write can be made of.
macro_rules! from_bytes {
    ($($type:ty)*) => {
        $(impl From<$type> for Body {
            fn from(bytes: $type) -> Self {
                Self { content: Content::Bytes(bytes.into()) }
            }
        })*
    };
}

from_bytes!(Vec<u8> Arc<[u8]> &'static [u8] &'static str Buffer);

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Bytes(buffer) => buffer.fmt(f),
            Content::Declared(len) => write!(f, "Declared({len} bytes)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_by_whoever_owns_them() {
        let text: &'static str = "abc";
        let shared: Arc<[u8]> = Arc::from(&b"abc"[..]);
        let bodies = [
            text.into(),
            shared.clone().into(),
            vec![b'a', b'b', b'c'].into(),
            String::from(text).into(),
        ];
        for body in bodies {
            let body: Body = body;
            assert_eq!(body.as_slice(), b"abc");
            assert_eq!(body.declared_len(), 3);
            assert!(!body.is_only_declared());
            let start = body.as_slice().as_ptr();
            assert_eq!(body.into_buffer().unwrap().as_slice().as_ptr(), start);
        }
        assert_eq!(Body::from(text).to_buffer().unwrap().as_slice().as_ptr(), text.as_ptr());
        assert_eq!(
            Body::from(shared.clone()).to_buffer().unwrap().as_slice().as_ptr(),
            shared.as_ptr()
        );
    }

    #[test]
    fn a_declared_body_has_a_length_and_no_bytes() {
        let body = Body::declared(1 << 40);
        assert_eq!((body.as_slice(), body.declared_len()), (&b""[..], 1 << 40));
        assert!(body.is_only_declared());
        assert!(body.to_buffer().is_none() && body.into_buffer().is_none());
    }

    #[test]
    fn an_empty_body_is_no_piece_of_a_write() {
        for body in [Body::default(), Vec::new().into(), "".into()] {
            let body: Body = body;
            assert_eq!(body.declared_len(), 0);
            assert!(!body.is_only_declared());
            assert!(body.to_buffer().is_none() && body.into_buffer().is_none());
        }
    }

    #[test]
    fn memory_of_owned_bytes_serves_again() {
        let mut body = Body::from(Vec::with_capacity(100));
        body.clear();
        assert_eq!(body.memory(), 100);
        assert_eq!(body.take_memory().capacity(), 100);
        assert_eq!(body.memory(), 0);
    }
}
