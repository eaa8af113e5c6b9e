//! The lines of a head, taken as they arrive.
//!
//! The parsers go from line to line. When the input ends inside a line they come back later with
//! more, and then look only for the end of that line, in the new bytes; the line itself is read
//! again once it is whole. So the total work is linear, and a head that arrives in one piece, which
//! is the common case, is read exactly once.
//!
//! ```text
//! GET / HTTP/1.1 CR LF Host: h CR LF Acc
//! ^ start              ^ fields      ^ line
//!                                       ^ searched: no LF from `line` up to here
//! ```

use super::Limits;
use super::error::HeadError;
use super::grammar::{find_lf, skip_token, skip_value};
use crate::http::headers::{Entry, Span};

/// How far a head has been read. Offsets count from the first byte of the input.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Where the start line begins, behind any empty lines.
    pub(super) start: usize,
    /// Where the first field line begins.
    pub(super) fields: usize,
    /// Where the line being read begins.
    pub(super) line: usize,
    /// No LF is between `line` and here.
    searched: usize,
    /// The fields read so far, relative to `fields`.
    pub(super) entries: Vec<Entry>,
    /// A set of name hashes, one bit each.
    seen: u64,
    /// Two names may be equal, as their hashes are.
    pub(super) may_repeat: bool,
}

/// What a line of the field section is.
enum FieldLine {
    /// The name ends at `name_end`; the value, trimmed, is `value`.
    Field {
        name_end: usize,
        value: (usize, usize),
        next: usize,
    },
    Empty {
        next: usize,
    },
}

impl Lines {
    /// Forgets the head and keeps the memory.
    pub(super) fn reset(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        *self = Self { entries, ..Self::default() };
    }

    /// Returns spare memory to the system; after [`reset`](Self::reset) that is all of it.
    pub(super) fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// Returns how many bytes of memory this holds beside itself.
    pub(super) const fn memory(&self) -> usize {
        size_of::<Entry>() * self.entries.capacity()
    }

    /// Returns the part of `input` that the head may occupy, and whether it is used up.
    pub(super) fn window<'a>(&self, input: &'a [u8], limits: &Limits) -> (&'a [u8], bool) {
        let end = self.start.saturating_add(limits.head_bytes());
        (&input[..end.min(input.len())], end <= input.len())
    }

    /// Returns whether reading the current line would only find it incomplete again.
    pub(super) fn is_line_pending(&self, window: &[u8]) -> bool {
        self.searched > self.line && find_lf(window, self.searched).is_none()
    }

    /// Notes that the current line does not end in `window`.
    pub(super) fn suspend(&mut self, window: &[u8]) {
        self.searched = window.len();
    }

    /// Reads field lines up to and including the empty line; returns the offset behind it.
    pub(super) fn read_fields(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, HeadError> {
        let (window, is_full) = self.window(input, limits);
        if !is_full && self.is_line_pending(window) {
            self.suspend(window);
            return Ok(None);
        }
        loop {
            match read_field(window, self.line, self.entries.len() < limits.field_lines())? {
                Some(FieldLine::Field { name_end, value, next }) => {
                    self.note_name(&window[self.line..name_end]);
                    let relative =
                        |start: usize, end| Span::new(start - self.fields, end - self.fields);
                    let name = relative(self.line, name_end);
                    self.entries.push(Entry { name, value: relative(value.0, value.1) });
                    self.line = next;
                }
                Some(FieldLine::Empty { next }) => return Ok(Some(next)),
                None if is_full => return Err(HeadError::HeadTooLong),
                None => {
                    self.suspend(window);
                    return Ok(None);
                }
            }
        }
    }

    /// Remembers a name well enough to know that all names differ.
    #[inline]
    fn note_name(&mut self, name: &[u8]) {
        let (first, last) = (name.first().unwrap_or(&0) | 0x20, name.last().unwrap_or(&0) | 0x20);
        let hash =
            name.len().wrapping_mul(7) ^ usize::from(first).wrapping_mul(5) ^ usize::from(last);
        let bit = 1 << (hash % 64);
        self.may_repeat |= self.seen & bit != 0;
        self.seen |= bit;
    }
}

/// Reads the line of the field section that starts at `at`; `None` if it is incomplete.
///
/// Goes strictly from left to right, so that more input never changes what was found wrong.
#[inline]
fn read_field(input: &[u8], at: usize, has_room: bool) -> Result<Option<FieldLine>, HeadError> {
    match input.get(at) {
        None => return Ok(None),
        Some(b'\r' | b'\n') => {
            return Ok(line_end(input, at)?.map(|next| FieldLine::Empty { next }));
        }
        Some(_) if !has_room => return Err(HeadError::TooManyFields),
        Some(b' ' | b'\t') => return Err(HeadError::FoldedLine),
        Some(_) => {}
    }
    let name_end = skip_token(input, at);
    match input.get(name_end) {
        None => return Ok(None),
        Some(b':') if name_end > at => {}
        Some(b'\r' | b'\n') => return Err(HeadError::MissingColon),
        Some(_) => return Err(HeadError::FieldName),
    }
    let mut start = name_end + 1;
    while let Some(b' ' | b'\t') = input.get(start) {
        start += 1;
    }
    let line_end_at = skip_value(input, start);
    match input.get(line_end_at) {
        None => return Ok(None),
        Some(b'\r' | b'\n') => {}
        Some(_) => return Err(HeadError::FieldValue),
    }
    let Some(next) = line_end(input, line_end_at)? else { return Ok(None) };
    let mut end = line_end_at;
    while end > start && matches!(input[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    Ok(Some(FieldLine::Field { name_end, value: (start, end), next }))
}

/// Returns the offset behind the line end at `at`, which is CR LF or, tolerated in heads, LF.
///
/// # Source
/// RFC 9112 section 2.2.
#[inline]
pub(super) fn line_end(input: &[u8], at: usize) -> Result<Option<usize>, HeadError> {
    match input.get(at) {
        Some(b'\n') => Ok(Some(at + 1)),
        Some(b'\r') => match input.get(at + 1) {
            Some(b'\n') => Ok(Some(at + 2)),
            Some(_) => Err(HeadError::BareCr),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}
