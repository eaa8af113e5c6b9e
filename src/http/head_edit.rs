//! How a head on the wire differs from what its message says.
//!
//! Connections and servers add and leave out fields. They do so while the head is written, so that
//! a message, which may be shared or sent again, stays as it is.

use super::codec::Decimal;
use super::codec::grammar::list_has_token;
use super::entity::{CONTENT_LENGTH, TRANSFER_ENCODING};
use super::headers::Headers;

/// Changes to the fields of one head.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct HeadEdit<'a> {
    /// Names of fields to leave out.
    pub(crate) omit: &'a [&'a str],
    /// A `Date` to add unless there is one.
    pub(crate) date: Option<&'a [u8]>,
    /// A `Content-Length` to add unless there is one or a `Transfer-Encoding`.
    pub(crate) length: Option<u64>,
    /// Adds `Connection: close` unless the message says so.
    pub(crate) close: bool,
}

impl HeadEdit<'_> {
    /// Appends the fields and the empty line to `out`.
    pub(super) fn write_fields(&self, headers: &Headers, out: &mut Vec<u8>) {
        let (mut has_date, mut has_length, mut says_close) = (false, false, false);
        for (name, value) in headers.iter_bytes() {
            let is = |field: &str| {
                name == field.as_bytes() || name.eq_ignore_ascii_case(field.as_bytes())
            };
            if self.omit.iter().any(|omitted| is(omitted)) {
                continue;
            }
            // A coding says where the body ends, and excludes a length (RFC 9112 section 6.2).
            if name.len() == 14 && is(CONTENT_LENGTH) && headers.contains(TRANSFER_ENCODING) {
                continue;
            }
            write_field(name, value, out);
            // The length tells nearly all other fields apart from those that matter here.
            match name.len() {
                4 => has_date |= is(DATE),
                10 => says_close |= is(CONNECTION) && list_has_token(value, CLOSE),
                14 => has_length |= is(CONTENT_LENGTH),
                17 => has_length |= is(TRANSFER_ENCODING),
                _ => {}
            }
        }
        if let Some(date) = self.date.filter(|_| !has_date) {
            write_field(DATE.as_bytes(), date, out);
        }
        if let Some(length) = self.length.filter(|_| !has_length) {
            write_field(CONTENT_LENGTH.as_bytes(), Decimal::new(length).as_bytes(), out);
        }
        if self.close && !says_close {
            write_field(CONNECTION.as_bytes(), CLOSE.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Returns how many bytes [`write_fields`](Self::write_fields) appends at most.
    pub(super) fn max_len(&self, headers: &Headers) -> usize {
        // Names, separators and values of all three additions fit in 128 bytes.
        headers.wire_len() + self.date.map_or(0, <[u8]>::len) + 128
    }
}

const CONNECTION: &str = "Connection";
const CLOSE: &str = "close";
const DATE: &str = "Date";

/// Appends one field line.
#[inline]
fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
