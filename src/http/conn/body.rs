//! A body on its way in: counted, decoded and kept, or only counted.
//!
//! ```text
//!   collected   kept until all of it is there
//!   in pieces   kept until somebody takes it, piece by piece
//!   dropped     counted as it is on the wire; any of the others may become this one
//! ```
//!
//! Memory grows with what has arrived, whatever was announced.

use std::fmt;

use nng_aio::Error;

use crate::http::Headers;
use crate::http::codec::{BodyFraming, ChunkError, ChunkedDecoder, Limits, Step};

/// Reads one body.
#[derive(Debug)]
pub(crate) struct BodyReader {
    coding: Coding,
    /// What has arrived, if it is kept.
    bytes: Vec<u8>,
    is_kept: bool,
    /// The lines of the trailer section that have arrived; as good as the codec's limit of them.
    trailers: Vec<u8>,
    /// How many more bytes may come.
    room: u64,
    /// How many more bytes may come that say where chunks begin and end.
    framing_room: u64,
}

/// What the lines between chunks may take: so much in any case, and so much for each byte of the
/// body. The shortest chunks of one byte take five.
const FRAMING: u64 = 16 << 10;
const FRAMING_PER_BYTE: u64 = 16;

#[derive(Debug)]
enum Coding {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
}

/// A body that has arrived.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_chunked: bool,
    pub(crate) trailers: Option<Box<Headers>>,
}

/// Why a body was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyError {
    /// Its framing is malformed.
    Chunk(ChunkError),
    /// It exceeds the limit.
    TooLong,
    /// There is little in its chunks, and much between them.
    TooMuchFraming,
    /// Nothing more of it has come in time.
    TooSlow,
}

impl BodyReader {
    /// Reads a body of at most `limit` bytes into `memory`.
    pub(crate) fn collect(
        framing: BodyFraming,
        limits: &Limits,
        limit: u64,
        memory: Vec<u8>,
    ) -> Self {
        Self {
            coding: Coding::of(framing, limits),
            bytes: memory,
            is_kept: true,
            trailers: Vec::new(),
            room: limit,
            framing_room: FRAMING,
        }
    }

    /// Reads a body and drops it, as long as it takes at most `limit` bytes on the wire.
    pub(crate) fn drain(framing: BodyFraming, limits: &Limits, limit: u64) -> Self {
        Self::collect(framing, limits, limit, Vec::new()).into_drain(limit)
    }

    /// Drops what is still to come, as long as it takes at most `limit` bytes on the wire.
    pub(crate) fn into_drain(self, limit: u64) -> Self {
        Self {
            coding: self.coding,
            bytes: Vec::new(),
            is_kept: false,
            trailers: Vec::new(),
            // All that comes counts against the limit, framing as well.
            room: limit,
            framing_room: u64::MAX,
        }
    }

    /// Takes more input; returns how much of it belongs to the body, and whether that was the end.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<(usize, bool), BodyError> {
        match &mut self.coding {
            Coding::Length(left) => {
                if *left > self.room {
                    return Err(BodyError::TooLong);
                }
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= count as u64;
                let is_end = *left == 0;
                self.take(&input[..count])?;
                Ok((count, is_end))
            }
            Coding::UntilClose => {
                self.take(input)?;
                Ok((input.len(), false))
            }
            Coding::Chunked(_) => self.feed_chunks(input),
        }
    }

    fn feed_chunks(&mut self, input: &[u8]) -> Result<(usize, bool), BodyError> {
        let mut at = 0;
        loop {
            let Coding::Chunked(decoder) = &mut self.coding else { return Ok((at, true)) };
            match decoder.step(&input[at..]).map_err(BodyError::Chunk)? {
                Step::Data(range) => {
                    let data = at + range.start..at + range.end;
                    self.count_framing(range.start)?;
                    at = data.end;
                    self.framing_room =
                        self.framing_room.saturating_add(data.len() as u64 * FRAMING_PER_BYTE);
                    self.take(&input[data])?;
                }
                Step::Trailers(range) => {
                    let lines = at + range.start..at + range.end;
                    self.count_framing(range.start)?;
                    at = lines.end;
                    if self.is_kept {
                        self.trailers.extend_from_slice(&input[lines]);
                    } else {
                        self.count(lines.len())?;
                    }
                }
                Step::End(count) => {
                    self.count_framing(count)?;
                    return Ok((at + count, true));
                }
                Step::Partial => {
                    self.count_framing(input.len() - at)?;
                    return Ok((input.len(), false));
                }
            }
        }
    }

    fn count_framing(&mut self, len: usize) -> Result<(), BodyError> {
        self.framing_room =
            self.framing_room.checked_sub(len as u64).ok_or(BodyError::TooMuchFraming)?;
        // What is dropped is counted as it is on the wire.
        if self.is_kept { Ok(()) } else { self.count(len) }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.count(bytes.len())?;
        if self.is_kept {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn count(&mut self, len: usize) -> Result<(), BodyError> {
        self.room = self.room.checked_sub(len as u64).ok_or(BodyError::TooLong)?;
        Ok(())
    }

    /// The stream has ended; returns whether the body has, too.
    pub(crate) fn ends_here(&self) -> bool {
        match self.coding {
            Coding::UntilClose => true,
            Coding::Length(left) => left == 0,
            Coding::Chunked(_) => false,
        }
    }

    /// Returns the fields behind the body, which has ended, if there are any.
    pub(crate) fn take_trailers(&mut self) -> Option<Box<Headers>> {
        let lines = std::mem::take(&mut self.trailers);
        (!lines.is_empty()).then(|| Box::new(Headers::of_lines(&lines)))
    }

    /// Hands what has arrived to `take` and keeps the memory; returns what that says.
    pub(super) fn drain_into(&mut self, take: impl FnOnce(&[u8]) -> usize) -> usize {
        let count = take(&self.bytes);
        self.bytes.clear();
        count
    }

    /// Returns what has arrived.
    pub(crate) fn finish(mut self) -> Received {
        let is_chunked = matches!(self.coding, Coding::Chunked(_));
        Received { trailers: self.take_trailers(), is_chunked, bytes: self.bytes }
    }
}

impl Coding {
    fn of(framing: BodyFraming, limits: &Limits) -> Self {
        match framing {
            BodyFraming::Empty => Self::Length(0),
            BodyFraming::Length(len) => Self::Length(len),
            BodyFraming::Chunked => Self::Chunked(ChunkedDecoder::new(limits)),
            BodyFraming::UntilClose => Self::UntilClose,
        }
    }
}

impl BodyError {
    /// Returns the status to answer with before closing.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Chunk(error) => error.status(),
            Self::TooLong | Self::TooMuchFraming => 400,
            Self::TooSlow => 408,
        }
    }

    /// Returns the NNG error that a user of the connection sees.
    pub(crate) const fn error(self) -> Error {
        match self {
            Self::Chunk(error) => error.error(),
            Self::TooLong => Error::MessageSize,
            Self::TooMuchFraming => Error::Protocol,
            Self::TooSlow => Error::TimedOut,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk(error) => error.fmt(f),
            Self::TooLong => f.write_str("body too long"),
            Self::TooMuchFraming => f.write_str("too much between the chunks of the body"),
            Self::TooSlow => f.write_str("the rest of the body has not come"),
        }
    }
}

impl std::error::Error for BodyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut reader: BodyReader, input: &[u8], piece: usize) -> Result<Vec<u8>, BodyError> {
        let mut at = 0;
        while at < input.len() {
            let end = input.len().min(at + piece);
            let (count, is_end) = reader.feed(&input[at..end])?;
            at += count;
            if is_end {
                break;
            }
        }
        Ok(reader.finish().bytes)
    }

    #[test]
    fn any_pieces_give_the_same_body_and_leave_what_follows() {
        let limits = Limits::default();
        for piece in 1..20 {
            let length = BodyReader::collect(BodyFraming::Length(5), &limits, 5, Vec::new());
            assert_eq!(read(length, b"helloGET", piece).unwrap(), b"hello");
            let chunked = BodyReader::collect(BodyFraming::Chunked, &limits, 5, Vec::new());
            let wire = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nGET";
            assert_eq!(read(chunked, wire, piece).unwrap(), b"hello");
        }
    }

    #[test]
    fn limits_count_the_body_that_is_kept_and_the_wire_that_is_dropped() {
        let limits = Limits::default();
        let collect = |framing, limit| BodyReader::collect(framing, &limits, limit, Vec::new());
        assert_eq!(read(collect(BodyFraming::Length(6), 5), b"h", 1), Err(BodyError::TooLong));
        let wire = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
        assert_eq!(read(collect(BodyFraming::Chunked, 4), wire, 7), Err(BodyError::TooLong));
        let drain = |limit| BodyReader::drain(BodyFraming::Chunked, &limits, limit);
        assert_eq!(read(drain(wire.len() as u64), wire, 3), Ok(Vec::new()));
        assert_eq!(read(drain(wire.len() as u64 - 1), wire, 3), Err(BodyError::TooLong));
    }

    #[test]
    fn what_is_between_chunks_is_limited_by_what_is_in_them() {
        let limits = Limits::default();
        let reader = || BodyReader::collect(BodyFraming::Chunked, &limits, 1 << 20, Vec::new());
        let padded = format!("1;{}\r\nx\r\n", "a".repeat(1000)).repeat(40);
        for piece in [1, 7, 4096, padded.len()] {
            let read = read(reader(), padded.as_bytes(), piece);
            assert_eq!(read, Err(BodyError::TooMuchFraming), "{piece}");
        }
        let shortest = "1\r\nx\r\n".repeat(20_000) + "0\r\n\r\n";
        for piece in [1, 7, 4096, shortest.len()] {
            assert_eq!(read(reader(), shortest.as_bytes(), piece).unwrap().len(), 20_000);
        }
    }

    #[test]
    fn the_fields_behind_a_body_are_kept_with_it() {
        let limits = Limits::default();
        let wire = b"1\r\nx\r\n0\r\nA: 1\r\nb:\t2 \r\na: 3\r\n\r\nGET";
        for piece in 1..wire.len() {
            let mut reader = BodyReader::collect(BodyFraming::Chunked, &limits, 5, Vec::new());
            let mut at = 0;
            loop {
                let (count, is_end) = reader.feed(&wire[at..wire.len().min(at + piece)]).unwrap();
                at += count;
                if is_end {
                    break;
                }
            }
            assert_eq!(&wire[at..], b"GET");
            let received = reader.finish();
            let trailers = received.trailers.unwrap();
            let fields: Vec<_> = trailers.iter().collect();
            assert_eq!(fields, [("A", &b"1, 3"[..]), ("b", &b"2"[..])], "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_left_of_a_body_can_be_dropped() {
        let limits = Limits::default();
        for wire in ["5\r\nhello\r\n3\r\nyou\r\n0\r\nX: y\r\n\r\nGET", "hello, helloGET"] {
            let (wire, end) = (wire.as_bytes(), wire.len() - "GET".len());
            let framing = match wire[0] {
                b'5' => BodyFraming::Chunked,
                _ => BodyFraming::Length(end as u64),
            };
            let mut reader = BodyReader::collect(framing, &limits, 100, Vec::new());
            let (begun, _) = reader.feed(&wire[..6]).unwrap();
            let left = (end - begun) as u64;
            let (count, is_end) = reader.into_drain(left).feed(&wire[begun..]).unwrap();
            assert_eq!((begun + count, is_end), (end, true));
            let mut reader = BodyReader::collect(framing, &limits, 100, Vec::new());
            reader.feed(&wire[..6]).unwrap();
            let drained = reader.into_drain(left - 1).feed(&wire[begun..]);
            assert_eq!(drained, Err(BodyError::TooLong));
        }
    }

    #[test]
    fn the_end_of_the_stream_ends_only_bodies_that_say_so() {
        let limits = Limits::default();
        let reader = |framing| BodyReader::collect(framing, &limits, 100, Vec::new());
        assert!(reader(BodyFraming::UntilClose).ends_here());
        assert!(reader(BodyFraming::Empty).ends_here());
        assert!(!reader(BodyFraming::Length(1)).ends_here());
        assert!(!reader(BodyFraming::Chunked).ends_here());
    }
}
