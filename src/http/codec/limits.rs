//! How much of a message the codec takes before it refuses.

/// The limits on what a peer may send in one message head and in the framing of its body.
///
/// Memory grows with what was received, never with what was announced, so a limit costs nothing
/// until it is reached. Set a limit to `usize::MAX` to lift it, except [`head`](Self::head), which
/// is never above 1 GiB, and [`fields`](Self::fields), which is never above 4096.
/// # Source
/// RFC 9112 sections 3, 2.2 and 7.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in a request line, without its line end; default 16 KiB. Beyond it: status 414.
    pub request_line: usize,
    /// Bytes in a whole head, from the start line to the empty line, both included; default
    /// 64 KiB. Beyond it: status 431.
    pub head: usize,
    /// Field lines in a head; default 128. Beyond it: status 431.
    pub fields: usize,
    /// Bytes in the line before a chunk, without its line end; default 1 KiB. Beyond it: status 400.
    pub chunk_line: usize,
    /// Bytes in the lines behind the last chunk, line ends included; default 8 KiB. Beyond it:
    /// status 400.
    pub trailers: usize,
    /// Empty lines that may precede a request; default 8. Beyond it: status 400.
    pub empty_lines: usize,
}

impl Limits {
    /// What offsets within a head can count without worry.
    const MAX_HEAD: usize = 1 << 30;

    /// How many fields can be compared with one another without worry.
    const MAX_FIELDS: usize = 4096;

    /// Returns the limit on a head that applies.
    pub(super) fn head_bytes(&self) -> usize {
        self.head.min(Self::MAX_HEAD)
    }

    /// Returns the limit on field lines that applies.
    pub(super) fn field_lines(&self) -> usize {
        self.fields.min(Self::MAX_FIELDS)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 16 << 10,
            head: 64 << 10,
            fields: 128,
            chunk_line: 1 << 10,
            trailers: 8 << 10,
            empty_lines: 8,
        }
    }
}
