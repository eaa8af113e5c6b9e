//! What the fields of a head say about the connection, the body and the host.
//!
//! Only facts are gathered here, from the lines as they came, before lines of one name are joined.
//! What they mean together is for `framing`, `request` and `response`.
//!
//! Source: RFC 9110 sections 7.2, 7.6.1, 8.6, 10.1.1; RFC 9112 section 6.

use super::grammar::{elements, parse_decimal};
use crate::http::headers::Entry;

/// What the fields of one head say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) host: Host<'a>,
    pub(super) length: Length,
    pub(super) coding: Coding,
    /// `Connection` has the option `close`.
    pub(super) close: bool,
    pub(super) expect: Expect,
}

/// The `Host` lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Host<'a> {
    #[default]
    Absent,
    Once(&'a [u8]),
    Repeated,
}

/// What `Content-Length` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Length {
    #[default]
    Absent,
    /// One line with one number.
    Once(u64),
    /// The same number several times, in several lines or in a list.
    Repeated(u64),
    Invalid,
}

/// What `Transfer-Encoding` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Coding {
    #[default]
    Absent,
    /// `chunked` and nothing else.
    Chunked,
    /// Other codings and `chunked` last.
    ChunkedLast,
    /// Only codings other than `chunked`.
    Unknown,
    /// No coding at all, an empty list element, or `chunked` repeated or not last.
    Invalid,
}

/// What `Expect` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Expect {
    #[default]
    Nothing,
    Continue,
    Unknown,
}

impl<'a> Facts<'a> {
    /// Gathers the facts from the field lines in `text`.
    pub(super) fn gather(entries: &[Entry], text: &'a [u8]) -> Self {
        let mut facts = Self::default();
        for entry in entries {
            // The length tells nearly all other fields apart from those that matter here.
            let name = entry.name.of(text);
            if !matches!(name.len(), 4 | 6 | 10 | 14 | 17) {
                continue;
            }
            let (value, is) =
                (entry.value.of(text), |field: &str| name.eq_ignore_ascii_case(field.as_bytes()));
            match name.len() {
                4 if is("host") => facts.host.add(value),
                6 if is("expect") => facts.expect.add(value),
                10 if is("connection") => facts.add_connection(value),
                14 if is("content-length") => facts.length.add(value),
                17 if is("transfer-encoding") => facts.coding.add(value),
                _ => {}
            }
        }
        facts
    }

    fn add_connection(&mut self, value: &[u8]) {
        for option in elements(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
        }
    }
}

impl<'a> Host<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }
}

impl Length {
    fn add(&mut self, value: &[u8]) {
        for element in elements(value) {
            *self = match (*self, parse_decimal(element)) {
                (Self::Absent, Some(number)) => Self::Once(number),
                (Self::Once(old) | Self::Repeated(old), Some(number)) if old == number => {
                    Self::Repeated(number)
                }
                _ => Self::Invalid,
            };
        }
    }
}

impl Coding {
    fn add(&mut self, value: &[u8]) {
        for element in elements(value) {
            let is_chunked = element.eq_ignore_ascii_case(b"chunked");
            *self = match *self {
                _ if element.is_empty() => Self::Invalid,
                Self::Absent if is_chunked => Self::Chunked,
                Self::Unknown if is_chunked => Self::ChunkedLast,
                Self::Absent | Self::Unknown => Self::Unknown,
                Self::Chunked | Self::ChunkedLast | Self::Invalid => Self::Invalid,
            };
        }
    }
}

impl Expect {
    fn add(&mut self, value: &[u8]) {
        for element in elements(value).filter(|element| !element.is_empty()) {
            *self = match *self {
                Self::Nothing | Self::Continue if element.eq_ignore_ascii_case(b"100-continue") => {
                    Self::Continue
                }
                _ => Self::Unknown,
            };
        }
    }
}
