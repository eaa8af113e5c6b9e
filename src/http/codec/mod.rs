//! HTTP/1.x on the wire: bytes in, heads and body ranges out, and back. No I/O, no clock, no lock.
//!
//! | module | what it answers |
//! |---|---|
//! | `grammar` | which bytes are allowed where |
//! | `limits` | how much is too much |
//! | `error` | what is wrong, and which status and NNG error say so |
//! | `lines` | where the lines of a head end, resumable without reading anything twice |
//! | `request`, `response` | the two kinds of head |
//! | `target` | what a request is for |
//! | `fields` | what the fields say about the body, the connection and the host |
//! | `framing` | how long the body is |
//! | `chunked` | the chunked coding, both ways |
//! | `decimal` | numbers as text |
//!
//! Contract: incomplete input is an answer, not an error. Nothing a peer sends panics or makes the
//! codec allocate more than a fixed multiple of what it sent. What is found does not depend on how
//! the input was cut into pieces; a malformed line is refused at the latest when it has ended. Strictness wins where two readings could differ, because what one
//! party takes for a body another may take for a request.
//!
//! Source: RFC 9112.

mod chunked;
mod decimal;
mod error;
mod fields;
mod framing;
pub(crate) mod grammar;
#[cfg(any(test, fuzzing))]
pub(crate) mod laws;
mod limits;
mod lines;
#[cfg(any(test, fuzzing))]
mod obvious;
mod request;
mod response;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use chunked::{CHUNK_END, ChunkedDecoder, Step, write_chunk_size};
pub use chunked::{LAST_CHUNK, write_chunk};
pub(crate) use decimal::Decimal;
pub(crate) use error::{ChunkError, HeadError};
pub(crate) use framing::BodyFraming;
pub use limits::Limits;
pub(crate) use request::{RequestHead, RequestParser};
#[cfg(any(test, fuzzing))]
pub(crate) use response::ResponseHead;
pub(crate) use response::ResponseParser;
pub(crate) use target::{TargetForm, path_and_query};

/// The digits up to hexadecimal.
const DIGITS: &[u8; 16] = b"0123456789abcdef";
