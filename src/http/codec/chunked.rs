//! The chunked transfer coding.
//!
//! The decoder is a machine over bytes that needs nothing from earlier input, so nothing has to be
//! kept for it; body bytes are reported as ranges of the input and never copied.
//!
//! ```text
//!  +------------------------------------------------------------+
//!  v                                                            |
//! Size --;--> extension states --+                              |
//!  +--------- CR LF -------------+--> Data(n) --n bytes--> DataCr, DataLf
//!                                +--> (n = 0) TrailerStart --field line--> TrailerStart
//!                                                   +--- CR LF --> Done
//! ```
//!
//! Source: RFC 9112 section 7.1.

use std::ops::Range;

use super::error::ChunkError;
use super::grammar::{is_token_byte, is_value_byte};
use super::{DIGITS, Limits};
use crate::url::hex_value;

/// What follows the data of a chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";
/// What ends a body in chunks: the last chunk and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Finds the body in a stream of chunks.
#[derive(Clone, Debug)]
pub(crate) struct ChunkedDecoder {
    state: State,
    /// The size being read, then the data bytes of the chunk that are still to come.
    remaining: u64,
    /// Bytes of the current size line, or of the trailer section.
    used: usize,
    max_line: usize,
    max_trailers: usize,
    /// Lines of the trailer section that may still begin.
    trailer_fields: usize,
}

/// What the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first digit of a size.
    SizeStart,
    /// Another digit, or what ends the size.
    Size,
    /// Blanks behind the size or an extension; only `;` may follow.
    BeforeSemicolon,
    /// Blanks behind `;`, or the first byte of a name.
    BeforeName,
    Name,
    /// Blanks behind a name; `=` or `;` may follow.
    AfterName,
    /// Blanks behind `=`, or the first byte of a value.
    BeforeValue,
    Value,
    Quoted,
    /// The byte behind a backslash.
    Escaped,
    /// Behind the closing quote.
    AfterQuoted,
    /// The LF of a size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The first byte of a trailer line, or the CR of the final line end.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    FinalLf,
    Done,
}

/// What one step over the input found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// These bytes of the input, at least one, are body; all before their end are consumed.
    Data(Range<usize>),
    /// These bytes of the input, at least one, are lines of the trailer section, or parts of them; all
    /// before their end are consumed.
    Trailers(Range<usize>),
    /// The body has ended; that many bytes are consumed.
    End(usize),
    /// All input is consumed and more is needed.
    Partial,
}

impl ChunkedDecoder {
    /// Returns a decoder at the start of a body.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: State::SizeStart,
            remaining: 0,
            used: 0,
            max_line: limits.chunk_line,
            max_trailers: limits.trailers,
            trailer_fields: limits.field_lines(),
        }
    }

    /// Goes on to the next piece of the body in `input`, which is what no step has consumed yet.
    ///
    /// Call again with the rest after [`Step::Data`] and [`Step::Trailers`]. After [`Step::End`] nothing more is consumed.
    /// # Errors
    /// What is wrong with the framing; the decoder must not be used again.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, ChunkError> {
        let mut at = 0;
        let mut trailers = None;
        loop {
            if self.state == State::Data {
                let here = input.len() - at;
                if here == 0 {
                    return Ok(Step::Partial);
                }
                let len = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(here);
                self.remaining -= len as u64;
                if self.remaining == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Step::Data(at..at + len));
            }
            if self.state == State::Done {
                return Ok(Step::End(at));
            }
            let byte = input.get(at).copied();
            let is_final = self.state == State::TrailerStart && byte == Some(b'\r');
            if let (true, Some(from)) = (is_final || byte.is_none(), trailers) {
                return Ok(Step::Trailers(from..at));
            }
            let Some(byte) = byte else { return Ok(Step::Partial) };
            if !is_final && self.is_in_trailers() {
                trailers.get_or_insert(at);
            }
            at += 1;
            self.state = self.next(byte)?;
        }
    }

    /// Returns whether the next byte belongs to a line of the trailer section, or ends that.
    const fn is_in_trailers(&self) -> bool {
        use State::{TrailerLf, TrailerName, TrailerStart, TrailerValue};
        matches!(self.state, TrailerStart | TrailerName | TrailerValue | TrailerLf)
    }

    /// Returns whether the whole body has been seen.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes one byte of framing.
    fn next(&mut self, byte: u8) -> Result<State, ChunkError> {
        match self.state {
            State::Data | State::Done => Ok(self.state),
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => {
                self.used = 0;
                Ok(State::SizeStart)
            }
            State::DataCr | State::DataLf => Err(ChunkError::LineEnd),
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLf
            | State::FinalLf => self.next_in_trailers(byte),
            _ => self.next_in_line(byte),
        }
    }

    /// Takes one byte of the line before a chunk.
    fn next_in_line(&mut self, byte: u8) -> Result<State, ChunkError> {
        // The line end does not count.
        if self.used >= self.max_line && byte != b'\r' && byte != b'\n' {
            return Err(ChunkError::LineTooLong);
        }
        self.used += 1;
        match (self.state, byte) {
            (State::SizeStart | State::Size, _) if byte.is_ascii_hexdigit() => self.add_digit(byte),
            (State::SizeStart, _) => Err(ChunkError::Size),
            (State::Size | State::BeforeSemicolon, b' ' | b'\t') => Ok(State::BeforeSemicolon),
            (State::Size | State::BeforeSemicolon, b';') => Ok(State::BeforeName),
            (State::BeforeName, b' ' | b'\t') => Ok(State::BeforeName),
            (State::BeforeName | State::Name, _) if is_token_byte(byte) => Ok(State::Name),
            (State::Name | State::AfterName, b' ' | b'\t') => Ok(State::AfterName),
            (State::Name | State::AfterName, b'=') => Ok(State::BeforeValue),
            (State::Name | State::AfterName, b';') => Ok(State::BeforeName),
            (State::BeforeValue, b' ' | b'\t') => Ok(State::BeforeValue),
            (State::BeforeValue, b'"') => Ok(State::Quoted),
            (State::BeforeValue | State::Value, _) if is_token_byte(byte) => Ok(State::Value),
            (State::Quoted, b'"') => Ok(State::AfterQuoted),
            (State::Quoted, b'\\') => Ok(State::Escaped),
            (State::Quoted | State::Escaped, _) if is_value_byte(byte) => Ok(State::Quoted),
            (State::Value | State::AfterQuoted, b' ' | b'\t') => Ok(State::BeforeSemicolon),
            (State::Value | State::AfterQuoted, b';') => Ok(State::BeforeName),
            (State::Size | State::Name | State::Value | State::AfterQuoted, b'\r') => {
                Ok(State::SizeLf)
            }
            (State::SizeLf, b'\n') => {
                self.used = 0;
                Ok(if self.remaining == 0 { State::TrailerStart } else { State::Data })
            }
            (State::SizeLf, _) | (_, b'\n') => Err(ChunkError::LineEnd),
            (State::Size, _) => Err(ChunkError::Size),
            _ => Err(ChunkError::Extension),
        }
    }

    fn add_digit(&mut self, digit: u8) -> Result<State, ChunkError> {
        let value = hex_value(digit).ok_or(ChunkError::Size)?;
        let size = self.remaining.checked_mul(16).ok_or(ChunkError::SizeOverflow)?;
        self.remaining = size | u64::from(value);
        Ok(State::Size)
    }

    /// Takes one byte of the trailer section, whose lines are checked.
    fn next_in_trailers(&mut self, byte: u8) -> Result<State, ChunkError> {
        // The final line end does not count.
        let is_final =
            self.state == State::FinalLf || (self.state == State::TrailerStart && byte == b'\r');
        if !is_final {
            if self.used >= self.max_trailers {
                return Err(ChunkError::TrailersTooLong);
            }
            self.used += 1;
        }
        if self.state == State::TrailerStart && !is_final {
            let left = self.trailer_fields.checked_sub(1);
            self.trailer_fields = left.ok_or(ChunkError::TrailersTooLong)?;
        }
        match (self.state, byte) {
            (State::TrailerStart, b'\r') => Ok(State::FinalLf),
            (State::TrailerStart | State::TrailerName, _) if is_token_byte(byte) => {
                Ok(State::TrailerName)
            }
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, _) if is_value_byte(byte) => Ok(State::TrailerValue),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            (State::FinalLf, b'\n') => Ok(State::Done),
            (State::TrailerLf | State::FinalLf, _) | (_, b'\n') => Err(ChunkError::LineEnd),
            _ => Err(ChunkError::Trailer),
        }
    }
}

/// Appends `data` as one chunk to `out`; no data appends nothing, since an empty chunk ends a body.
///
/// For those who write a message with `Transfer-Encoding: chunked` and then its body themselves;
/// [`LAST_CHUNK`] ends that.
///
/// ```
/// use nng_oxide::http::{LAST_CHUNK, write_chunk};
///
/// let mut body = Vec::new();
/// write_chunk(b"Hello, ", &mut body);
/// write_chunk(b"World!", &mut body);
/// body.extend_from_slice(LAST_CHUNK);
/// assert_eq!(body, b"7\r\nHello, \r\n6\r\nWorld!\r\n0\r\n\r\n");
/// ```
/// # Source
/// RFC 9112 section 7.1.
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if !data.is_empty() {
        write_chunk_size(data.len(), out);
        out.extend_from_slice(data);
        out.extend_from_slice(CHUNK_END);
    }
}

/// Appends the line before a chunk of `len` bytes; a length of zero would end the body.
pub(crate) fn write_chunk_size(len: usize, out: &mut Vec<u8>) {
    debug_assert!(len > 0, "the last chunk is written as LAST_CHUNK");
    let digits = len.checked_ilog(16).unwrap_or(0) + 1;
    for place in (0..digits).rev() {
        out.push(DIGITS[(len >> (4 * place)) & 0xf]);
    }
    out.extend_from_slice(b"\r\n");
}
