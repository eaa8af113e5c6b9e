//! The head of a response.
//!
//! Source: RFC 9112 sections 4 and 5.

use super::Limits;
use super::error::HeadError;
use super::fields::{Coding, Facts, Length};
use super::framing::BodyFraming;
use super::grammar::{skip_value, trim};
use super::lines::{Lines, line_end};
use super::request::read_version;
use crate::http::response::Response;
use crate::http::version::Version;

/// Reads response heads, one after the other, from input that arrives in any pieces.
///
/// One parser serves one connection and keeps its memory from head to head.
#[derive(Debug, Default)]
pub(crate) struct ResponseParser {
    /// Known once the field section has begun.
    status_line: Option<StatusLine>,
    lines: Lines,
}

/// The parts of a status line.
#[derive(Clone, Copy, Debug)]
struct StatusLine {
    version: Version,
    /// 100 to 999.
    status: u16,
    /// Where the reason begins and ends.
    reason: (usize, usize),
    /// Behind the line end.
    next: usize,
}

/// What a complete head means, beside what is in the [`Response`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ResponseHead {
    /// Bytes of input that the head took.
    pub(crate) len: usize,
    /// The connection may stay open: HTTP/1.1 or later, and `Connection` does not say `close`.
    /// A body that lasts until the end of the stream overrides this.
    pub(crate) keeps_alive: bool,
    version: Version,
    status: u16,
    length: Length,
    coding: Coding,
}

impl ResponseHead {
    /// Decides how long the body is in an answer to a request of that method.
    ///
    /// # Errors
    /// A malformed length or coding, unless there is no body whatever they say.
    /// # Source
    /// RFC 9112 section 6.3.
    pub(crate) fn framing(&self, method: &str) -> Result<BodyFraming, HeadError> {
        let is_tunnel = method == "CONNECT" && (200..300).contains(&self.status);
        let (length, coding) = (self.length, self.coding);
        let has_none = method == "HEAD" || is_tunnel;
        BodyFraming::of_response(self.status, has_none, self.version, length, coding)
    }
}

impl ResponseParser {
    /// Returns a parser at the start of a head.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reads a head from the start of `input`, which is all input not yet consumed.
    ///
    /// `None` asks for the same bytes and more behind them. Otherwise the parser is ready for
    /// another head: on success `response` has been replaced and [`ResponseHead::len`] bytes are
    /// consumed; on an error `response` is as it was.
    /// # Errors
    /// What is wrong with the head; nothing behind it can be read either.
    pub(crate) fn parse(
        &mut self,
        input: &[u8],
        limits: &Limits,
        response: &mut Response,
    ) -> Result<Option<ResponseHead>, HeadError> {
        let result = self.advance(input, limits, response);
        if !matches!(result, Ok(None)) {
            self.reset();
        }
        result
    }

    /// Forgets what was read of a head.
    pub(crate) fn reset(&mut self) {
        self.status_line = None;
        self.lines.reset();
    }

    /// Returns spare memory to the system; between heads that is all of it.
    #[cfg(test)]
    pub(crate) fn shrink_to_fit(&mut self) {
        self.lines.shrink_to_fit();
    }

    /// Returns how many bytes of memory this holds beside itself.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn memory(&self) -> usize {
        self.lines.memory()
    }

    fn advance(
        &mut self,
        input: &[u8],
        limits: &Limits,
        response: &mut Response,
    ) -> Result<Option<ResponseHead>, HeadError> {
        let line = match self.status_line {
            Some(line) => line,
            None => {
                let Some(line) = self.read_status_line(input, limits)? else { return Ok(None) };
                self.lines.fields = line.next;
                self.lines.line = line.next;
                *self.status_line.insert(line)
            }
        };
        let Some(end) = self.lines.read_fields(input, limits)? else { return Ok(None) };
        Ok(Some(self.finish(&input[..end], line, response)))
    }

    /// Reads the status line if it is whole.
    fn read_status_line(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<StatusLine>, HeadError> {
        let (window, is_full) = self.lines.window(input, limits);
        if !is_full && self.lines.is_line_pending(window) {
            self.lines.suspend(window);
            return Ok(None);
        }
        match split_status_line(window)? {
            Some(line) if line.version.major() != 1 => Err(HeadError::UnsupportedVersion),
            Some(line) => Ok(Some(line)),
            None if is_full => Err(HeadError::HeadTooLong),
            None => {
                self.lines.suspend(window);
                Ok(None)
            }
        }
    }

    /// Stores the head in `response`.
    fn finish(&mut self, head: &[u8], line: StatusLine, response: &mut Response) -> ResponseHead {
        let text = &head[self.lines.fields..];
        let facts = Facts::gather(&self.lines.entries, text);
        let reason = trim(&head[line.reason.0..line.reason.1]);
        response.load(line.status, reason, line.version);
        response.headers_mut().load(&mut self.lines.entries, text, self.lines.may_repeat);
        ResponseHead {
            len: head.len(),
            keeps_alive: line.version >= Version::HTTP_11 && !facts.close,
            version: line.version,
            status: line.status,
            length: facts.length,
            coding: facts.coding,
        }
    }
}

/// Takes the status line at the start of `input` apart; `None` if it is incomplete.
///
/// The reason may be missing, with or without the blank before it. Goes strictly from left to
/// right, so that more input never changes what was found wrong.
fn split_status_line(input: &[u8]) -> Result<Option<StatusLine>, HeadError> {
    let Some(version) = read_version(input, 0, HeadError::StatusLine)? else { return Ok(None) };
    let mut at = Version::LEN;
    match input.get(at) {
        None => return Ok(None),
        Some(b' ') => at += 1,
        Some(_) => return Err(HeadError::StatusLine),
    }
    let mut status = 0;
    for place in 0..3 {
        match input.get(at) {
            None => return Ok(None),
            Some(b'0') if place == 0 => return Err(HeadError::StatusLine),
            Some(digit @ b'0'..=b'9') => status = status * 10 + u16::from(digit - b'0'),
            Some(_) => return Err(HeadError::StatusLine),
        }
        at += 1;
    }
    let end = match input.get(at) {
        Some(b' ') => skip_value(input, at),
        _ => at,
    };
    match input.get(end) {
        None => Ok(None),
        Some(b'\r' | b'\n') => Ok(line_end(input, end)?.map(|next| StatusLine {
            version,
            status,
            reason: (at, end),
            next,
        })),
        Some(_) => Err(HeadError::StatusLine),
    }
}
