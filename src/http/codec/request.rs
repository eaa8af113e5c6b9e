//! The head of a request.
//!
//! ```text
//! Blank --a byte of the request line--> RequestLine --its end--> Fields --empty line--> (checks)
//! ```
//!
//! Source: RFC 9112 sections 2.2, 3 and 5.

use super::Limits;
use super::error::HeadError;
use super::fields::{Expect, Facts, Host};
use super::framing::BodyFraming;
use super::grammar::{is_host, skip_target, skip_token};
use super::lines::{Lines, line_end};
use super::target::TargetForm;
use crate::http::method::Method;
use crate::http::request::Request;
use crate::http::version::Version;

/// Reads request heads, one after the other, from input that arrives in any pieces.
///
/// One parser serves one connection and keeps its memory from head to head.
#[derive(Debug, Default)]
pub(crate) struct RequestParser {
    state: State,
    /// Empty lines seen before the request line.
    blanks: usize,
    lines: Lines,
}

/// Which part of the head comes next.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Empty lines or the first byte of the request line.
    #[default]
    Blank,
    RequestLine,
    Fields(RequestLine),
}

/// The parts of a request line; offsets from the start of the input.
#[derive(Clone, Copy, Debug)]
struct RequestLine {
    /// Behind the method.
    method_end: usize,
    /// Behind the target, which begins one blank after the method.
    target_end: usize,
    version: Version,
    /// Behind the line end.
    next: usize,
}

/// What a complete and valid head means, beside what is in the [`Request`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RequestHead {
    /// Bytes of input that the head took, empty lines before it included.
    pub(crate) len: usize,
    /// Where the body ends.
    pub(crate) body: BodyFraming,
    /// The connection may stay open: HTTP/1.1 or later, and `Connection` does not say `close`.
    pub(crate) keeps_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// The form of the target.
    pub(crate) target: TargetForm,
}

impl RequestParser {
    /// Returns a parser at the start of a head.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reads a head from the start of `input`, which is all input not yet consumed.
    ///
    /// `None` asks for the same bytes and more behind them. Otherwise the parser is ready for
    /// another head: on success `request` has been replaced and [`RequestHead::len`] bytes are
    /// consumed; on an error `request` is as it was.
    /// # Errors
    /// What is wrong with the head; nothing behind it can be read either.
    pub(crate) fn parse(
        &mut self,
        input: &[u8],
        limits: &Limits,
        request: &mut Request,
    ) -> Result<Option<RequestHead>, HeadError> {
        let result = self.advance(input, limits, request);
        if !matches!(result, Ok(None)) {
            self.reset();
        }
        result
    }

    /// Forgets what was read of a head.
    pub(crate) fn reset(&mut self) {
        self.state = State::Blank;
        self.blanks = 0;
        self.lines.reset();
    }

    /// Returns whether a byte of a request line has been seen.
    pub(crate) const fn has_started(&self) -> bool {
        !matches!(self.state, State::Blank)
    }

    /// Returns spare memory to the system; between heads that is all of it.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.lines.shrink_to_fit();
    }

    /// Returns how many bytes of memory this holds beside itself.
    pub(crate) const fn memory(&self) -> usize {
        self.lines.memory()
    }

    fn advance(
        &mut self,
        input: &[u8],
        limits: &Limits,
        request: &mut Request,
    ) -> Result<Option<RequestHead>, HeadError> {
        loop {
            match self.state {
                State::Blank => {
                    if !self.skip_blanks(input, limits)? {
                        return Ok(None);
                    }
                    self.state = State::RequestLine;
                }
                State::RequestLine => {
                    let Some(line) = self.read_request_line(input, limits)? else {
                        return Ok(None);
                    };
                    self.lines.fields = line.next;
                    self.lines.line = line.next;
                    self.state = State::Fields(line);
                }
                State::Fields(line) => {
                    let Some(end) = self.lines.read_fields(input, limits)? else { return Ok(None) };
                    return self.finish(&input[..end], line, request).map(Some);
                }
            }
        }
    }

    /// Goes to the first byte of the request line; returns whether it is there.
    fn skip_blanks(&mut self, input: &[u8], limits: &Limits) -> Result<bool, HeadError> {
        while let Some(b'\r' | b'\n') = input.get(self.lines.start) {
            if self.blanks >= limits.empty_lines {
                return Err(HeadError::EmptyLines);
            }
            let Some(next) = line_end(input, self.lines.start)? else { return Ok(false) };
            self.blanks += 1;
            self.lines.start = next;
            self.lines.line = next;
        }
        Ok(self.lines.start < input.len())
    }

    /// Reads the request line if it is whole.
    fn read_request_line(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<RequestLine>, HeadError> {
        let (window, is_head_full) = self.lines.window(input, limits);
        // Two more bytes for the line end.
        let line_limit = self.lines.start.saturating_add(limits.request_line).saturating_add(2);
        let window = &window[..window.len().min(line_limit)];
        let is_line_full = window.len() == line_limit;
        let is_full = is_line_full || is_head_full;
        if !is_full && self.lines.is_line_pending(window) {
            self.lines.suspend(window);
            return Ok(None);
        }
        match split_request_line(window, self.lines.start)? {
            Some(line) if line.target_end + 1 + Version::LEN > line_limit - 2 => {
                Err(HeadError::RequestLineTooLong)
            }
            Some(line) if line.version.major() != 1 => Err(HeadError::UnsupportedVersion),
            Some(line) => Ok(Some(line)),
            None if is_line_full => Err(HeadError::RequestLineTooLong),
            None if is_head_full => Err(HeadError::HeadTooLong),
            None => {
                self.lines.suspend(window);
                Ok(None)
            }
        }
    }

    /// Judges the head as a whole and stores it in `request`.
    fn finish(
        &mut self,
        head: &[u8],
        line: RequestLine,
        request: &mut Request,
    ) -> Result<RequestHead, HeadError> {
        let text = &head[self.lines.fields..];
        let facts = Facts::gather(&self.lines.entries, text);
        match facts.host {
            Host::Once(host) if is_host(host) => {}
            Host::Once(_) | Host::Repeated => return Err(HeadError::Host),
            Host::Absent if line.version >= Version::HTTP_11 => return Err(HeadError::MissingHost),
            Host::Absent => {}
        }
        let method = Method::from_token(&head[self.lines.start..line.method_end]);
        // Its bytes have been checked one by one, so this never fails.
        let uri = str::from_utf8(&head[line.method_end + 1..line.target_end])
            .map_err(|_| HeadError::Target)?;
        let target = TargetForm::of(&method, uri.as_bytes())?;
        let body = BodyFraming::of_request(line.version, facts.length, facts.coding)?;
        if facts.expect == Expect::Unknown {
            return Err(HeadError::Expectation);
        }

        let is_persistent = line.version >= Version::HTTP_11;
        request.load(method, uri, line.version);
        request.headers_mut().load(&mut self.lines.entries, text, self.lines.may_repeat);
        Ok(RequestHead {
            len: head.len(),
            body,
            keeps_alive: is_persistent && !facts.close,
            expects_continue: is_persistent
                && facts.expect == Expect::Continue
                && body != BodyFraming::Empty,
            target,
        })
    }
}

/// Takes the request line at `start` apart; `None` if it is incomplete.
///
/// Goes strictly from left to right, so that more input never changes what was found wrong.
fn split_request_line(input: &[u8], start: usize) -> Result<Option<RequestLine>, HeadError> {
    let method_end = skip_token(input, start);
    match input.get(method_end) {
        None => return Ok(None),
        Some(b' ') if method_end > start => {}
        Some(_) => return Err(HeadError::Method),
    }
    let target_start = method_end + 1;
    let target_end = skip_target(input, target_start);
    match input.get(target_end) {
        None => return Ok(None),
        Some(b' ') if target_end > target_start => {}
        // A request of HTTP/0.9 has no version; it is refused like one with a bad version.
        Some(b'\r' | b'\n') if target_end > target_start => return Err(HeadError::Version),
        Some(_) => return Err(HeadError::Target),
    }
    let Some(version) = read_version(input, target_end + 1, HeadError::Version)? else {
        return Ok(None);
    };
    let version_end = target_end + 1 + Version::LEN;
    match input.get(version_end) {
        None => Ok(None),
        Some(b'\r' | b'\n') => Ok(line_end(input, version_end)?.map(|next| RequestLine {
            method_end,
            target_end,
            version,
            next,
        })),
        Some(_) => Err(HeadError::Version),
    }
}

/// Reads the version at `at`; `None` if it is incomplete and right so far.
pub(super) fn read_version(
    input: &[u8],
    at: usize,
    wrong: HeadError,
) -> Result<Option<Version>, HeadError> {
    let text = input.get(at..).unwrap_or_default();
    if let Some(text) = text.first_chunk::<{ Version::LEN }>() {
        return Version::from_bytes(*text).map(Some).ok_or(wrong);
    }
    // What is there must be the start of a version: complete it and see.
    let mut whole = *b"HTTP/1.1";
    whole[..text.len()].copy_from_slice(text);
    Version::from_bytes(whole).map(|_| None).ok_or(wrong)
}
