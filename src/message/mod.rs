//! Messages: a body with room at both ends, a small header, and the pipe it came by.
//!
//! ```text
//!   block  |<- headroom ->|<--- body --->|<- tailroom ->|      header  up to 64 bytes, inside
//!          0            start       start + len     block.len()
//! ```
//!
//! Protocols put a header in front and take it off again, so a fresh body has room there; what is taken
//! off becomes room. The whole block is initialised at all times, so a body that grows without content
//! shows zeros or what was there before, never foreign memory.
//!
//! Invariant: `start + len <= block.len()`.
//!
//! # Source
//! nng 1.12, nng_msg(5) and the pages of its functions.

use std::fmt;

use nng_aio::Error;

/// Bytes that a header has at most: the hops of the longest way, and a request's own id.
pub const MAX_HEADER: usize = 64;

/// Room at each end of a fresh body, unless that fills pages of its own.
const ROOM: usize = 32;
/// From this size on a body whose length is a power of two gets no room, so that it fits its pages.
const LARGE: usize = 1024;
/// What a small block takes from the allocator at least: a body that is made empty grows once for free.
const SMALL: usize = 128;
/// What the beginning of a fresh body is aligned to, for programs that put structures there.
const ALIGNMENT: usize = 16;

/// What a socket sends or receives, and what an [`Aio`](nng_aio::Aio) takes along as its message.
///
/// ```
/// use nng_oxide::Message;
///
/// let mut message = Message::from(*b"world");
/// message.insert(b"hello, ")?;
/// message.append_u32(7)?;
/// assert_eq!(message.body(), b"hello, world\0\0\0\x07");
/// assert_eq!(message.chop_u32(), Ok(7));
/// message.trim(7)?;
/// assert_eq!(message.body(), b"world");
/// # Ok::<(), nng_oxide::Error>(())
/// ```
pub struct Message {
    block: Vec<u8>,
    start: usize,
    len: usize,
    header: Header,
    /// The pipe it came by; 0 for none.
    pipe: u32,
}

/// What protocols keep beside the body.
#[derive(Clone, PartialEq, Eq)]
struct Header {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

impl Message {
    /// Returns a message without a body.
    pub fn new() -> Self {
        let message = Self { block: Vec::new(), start: 0, len: 0, header: Header::EMPTY, pipe: 0 };
        // Without room it still has none of what was asked for, and grows when it must.
        Self::zeroed(0).unwrap_or(message)
    }

    /// Returns a message whose body has `len` bytes, all zero.
    ///
    /// # Errors
    /// `NoMemory`, also for a length that no system has memory for.
    /// # Source
    /// nng 1.12, nng_msg_alloc(3).
    pub fn zeroed(len: usize) -> Result<Self, Error> {
        let room = if len >= LARGE && len.is_power_of_two() { 0 } else { ROOM };
        let total = len.checked_add(2 * room).ok_or(Error::NoMemory)?;
        let mut block = zeros(total)?;
        let mut start = room;
        let shift = block.as_ptr().wrapping_add(room).align_offset(ALIGNMENT);
        if shift != 0 {
            // The allocator does not align by itself; what it gives next may lie otherwise.
            block = zeros(total.checked_add(ALIGNMENT).ok_or(Error::NoMemory)?)?;
            start += block.as_ptr().wrapping_add(room).align_offset(ALIGNMENT) % ALIGNMENT;
        }
        Ok(Self { block, start, len, header: Header::EMPTY, pipe: 0 })
    }

    /// Returns a message with a copy of these bytes as its body.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn copy_of(bytes: &[u8]) -> Result<Self, Error> {
        let mut message = Self::zeroed(bytes.len())?;
        message.body_mut().copy_from_slice(bytes);
        Ok(message)
    }

    /// Returns a copy with the same room; what is no body is zero there.
    ///
    /// # Errors
    /// `NoMemory`.
    /// # Source
    /// nng 1.12, nng_msg_dup(3).
    pub fn try_clone(&self) -> Result<Self, Error> {
        let mut block = zeros(self.block.len())?;
        block[self.start..self.start + self.len].copy_from_slice(self.body());
        Ok(Self { block, header: self.header.clone(), ..*self })
    }

    // --- The body -------------------------------------------------------------------------------

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.block[self.start..self.start + self.len]
    }

    /// Returns the body, to be written to.
    pub fn body_mut(&mut self) -> &mut [u8] {
        &mut self.block[self.start..self.start + self.len]
    }

    /// Returns the length of the body in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the body has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how long the body can become at its end before it is moved, in bytes.
    ///
    /// # Source
    /// nng 1.12, nng_msg_capacity(3).
    pub fn capacity(&self) -> usize {
        self.block.len() - self.start
    }

    /// Makes room for a body of `capacity` bytes; what is in front of it stays.
    ///
    /// # Errors
    /// `NoMemory`, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_reserve(3).
    pub fn reserve(&mut self, capacity: usize) -> Result<(), Error> {
        let missing = capacity.saturating_sub(self.capacity());
        if missing > 0 {
            self.block.try_reserve_exact(missing).map_err(|_| Error::NoMemory)?;
            self.block.resize(self.block.len() + missing, 0);
        }
        Ok(())
    }

    /// Makes the body `len` bytes long: cuts it, or lets it grow by bytes that mean nothing.
    ///
    /// # Errors
    /// `NoMemory`, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_realloc(3).
    pub fn resize(&mut self, len: usize) -> Result<(), Error> {
        match len.checked_sub(self.len) {
            Some(more) => self.grow(more).map(drop),
            None => {
                self.len = len;
                Ok(())
            }
        }
    }

    /// Adds `count` bytes that mean nothing at the end; returns them, to be written to.
    ///
    /// # Errors
    /// `NoMemory`, and then nothing has changed.
    pub fn grow(&mut self, count: usize) -> Result<&mut [u8], Error> {
        let len = self.len.checked_add(count).ok_or(Error::NoMemory)?;
        let missing = len.saturating_sub(self.capacity());
        if missing > 0 {
            // By half as much again at least, so that many small pieces cost one copy each on average.
            self.block.try_reserve(missing).map_err(|_| Error::NoMemory)?;
            self.block.resize(self.block.capacity(), 0);
        }
        let end = self.start + self.len;
        self.len = len;
        Ok(&mut self.block[end..end + count])
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// `NoMemory`, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_append(3).
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.grow(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Adds `count` bytes that mean nothing at the front; returns them, to be written to.
    ///
    /// # Errors
    /// `NoMemory`, and then nothing has changed.
    pub fn grow_front(&mut self, count: usize) -> Result<&mut [u8], Error> {
        let len = self.len.checked_add(count).ok_or(Error::NoMemory)?;
        if let Some(start) = self.start.checked_sub(count) {
            self.start = start;
        } else if len <= self.block.len() {
            // There is room enough, at the other end: both get their share of what is left.
            let start = (self.block.len() - len) / 2;
            self.block.copy_within(self.start..self.start + self.len, start + count);
            self.start = start;
        } else {
            let total = len.checked_add(self.len).and_then(|total| total.checked_add(2 * ROOM));
            let mut block = zeros(total.ok_or(Error::NoMemory)?)?;
            // What was added once at the front is likely to be followed by more.
            let start = block.len() - ROOM - len;
            block[start + count..start + len].copy_from_slice(self.body());
            (self.block, self.start) = (block, start);
        }
        self.len = len;
        Ok(&mut self.block[self.start..self.start + count])
    }

    /// Adds bytes at the front.
    ///
    /// # Errors
    /// `NoMemory`, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_insert(3).
    pub fn insert(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.grow_front(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Takes `count` bytes off the front.
    ///
    /// # Errors
    /// `Invalid` if there are not so many, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_trim(3).
    pub fn trim(&mut self, count: usize) -> Result<(), Error> {
        let len = self.len.checked_sub(count).ok_or(Error::Invalid)?;
        // An empty body stays where it is, so that its room does not shrink.
        if len > 0 {
            self.start += count;
        }
        self.len = len;
        Ok(())
    }

    /// Takes `count` bytes off the end.
    ///
    /// # Errors
    /// `Invalid` if there are not so many, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_chop(3).
    pub fn chop(&mut self, count: usize) -> Result<(), Error> {
        self.len = self.len.checked_sub(count).ok_or(Error::Invalid)?;
        Ok(())
    }

    /// Takes everything off; the room stays.
    ///
    /// # Source
    /// nng 1.12, nng_msg_clear(3).
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    // --- The header -----------------------------------------------------------------------------

    /// Returns the header.
    pub fn header(&self) -> &[u8] {
        &self.header.bytes[..self.header.len]
    }

    /// Returns the header, to be written to.
    pub fn header_mut(&mut self) -> &mut [u8] {
        &mut self.header.bytes[..self.header.len]
    }

    /// Adds bytes at the end of the header.
    ///
    /// # Errors
    /// `Invalid` beyond [`MAX_HEADER`], and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_header_append(3).
    pub fn append_header(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Header { bytes: all, len } = &mut self.header;
        let room = all[*len..].get_mut(..bytes.len()).ok_or(Error::Invalid)?;
        room.copy_from_slice(bytes);
        *len += bytes.len();
        Ok(())
    }

    /// Adds bytes at the front of the header.
    ///
    /// # Errors
    /// `Invalid` beyond [`MAX_HEADER`], and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_header_insert(3).
    pub fn insert_header(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Header { bytes: all, len } = &mut self.header;
        if bytes.len() > MAX_HEADER - *len {
            return Err(Error::Invalid);
        }
        all.copy_within(..*len, bytes.len());
        all[..bytes.len()].copy_from_slice(bytes);
        *len += bytes.len();
        Ok(())
    }

    /// Takes `count` bytes off the front of the header.
    ///
    /// # Errors
    /// `Invalid` if there are not so many, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_header_trim(3).
    pub fn trim_header(&mut self, count: usize) -> Result<(), Error> {
        let Header { bytes, len } = &mut self.header;
        let left = len.checked_sub(count).ok_or(Error::Invalid)?;
        bytes.copy_within(count..*len, 0);
        *len = left;
        Ok(())
    }

    /// Takes `count` bytes off the end of the header.
    ///
    /// # Errors
    /// `Invalid` if there are not so many, and then nothing has changed.
    /// # Source
    /// nng 1.12, nng_msg_header_chop(3).
    pub fn chop_header(&mut self, count: usize) -> Result<(), Error> {
        self.header.len = self.header.len.checked_sub(count).ok_or(Error::Invalid)?;
        Ok(())
    }

    /// Takes the whole header off.
    ///
    /// # Source
    /// nng 1.12, nng_msg_header_clear(3).
    pub const fn clear_header(&mut self) {
        self.header.len = 0;
    }

    // --- The pipe -------------------------------------------------------------------------------

    /// Returns the id of the pipe that it came by, or is to go by; 0 for none.
    ///
    /// # Source
    /// nng 1.12, nng_msg_get_pipe(3).
    pub const fn pipe(&self) -> u32 {
        self.pipe
    }

    /// Sets the id of the pipe.
    ///
    /// # Source
    /// nng 1.12, nng_msg_set_pipe(3).
    pub const fn set_pipe(&mut self, pipe: u32) {
        self.pipe = pipe;
    }
}

/// Makes the functions for numbers of one width, which are sent with the most significant byte first.
macro_rules! numbers {
    ($($type:ident: $append:ident $insert:ident $trim:ident $chop:ident
        $append_header:ident $insert_header:ident $trim_header:ident $chop_header:ident;)+) => {
        /// Numbers, in network order.
        impl Message {
            $(
                #[doc = concat!("Adds a `", stringify!($type), "` at the end.")]
                ///
                /// # Errors
                /// `NoMemory`, and then nothing has changed.
                pub fn $append(&mut self, number: $type) -> Result<(), Error> {
                    self.append(&number.to_be_bytes())
                }

                #[doc = concat!("Adds a `", stringify!($type), "` at the front.")]
                ///
                /// # Errors
                /// `NoMemory`, and then nothing has changed.
                pub fn $insert(&mut self, number: $type) -> Result<(), Error> {
                    self.insert(&number.to_be_bytes())
                }

                #[doc = concat!("Takes a `", stringify!($type), "` off the front.")]
                ///
                /// # Errors
                /// `Invalid` if there is none, and then nothing has changed.
                pub fn $trim(&mut self) -> Result<$type, Error> {
                    let bytes = *self.body().first_chunk().ok_or(Error::Invalid)?;
                    self.trim(bytes.len())?;
                    Ok($type::from_be_bytes(bytes))
                }

                #[doc = concat!("Takes a `", stringify!($type), "` off the end.")]
                ///
                /// # Errors
                /// `Invalid` if there is none, and then nothing has changed.
                pub fn $chop(&mut self) -> Result<$type, Error> {
                    let bytes = *self.body().last_chunk().ok_or(Error::Invalid)?;
                    self.chop(bytes.len())?;
                    Ok($type::from_be_bytes(bytes))
                }

                #[doc = concat!("Adds a `", stringify!($type), "` at the end of the header.")]
                ///
                /// # Errors
                /// `Invalid` beyond [`MAX_HEADER`], and then nothing has changed.
                pub fn $append_header(&mut self, number: $type) -> Result<(), Error> {
                    self.append_header(&number.to_be_bytes())
                }

                #[doc = concat!("Adds a `", stringify!($type), "` at the front of the header.")]
                ///
                /// # Errors
                /// `Invalid` beyond [`MAX_HEADER`], and then nothing has changed.
                pub fn $insert_header(&mut self, number: $type) -> Result<(), Error> {
                    self.insert_header(&number.to_be_bytes())
                }

                #[doc = concat!("Takes a `", stringify!($type), "` off the front of the header.")]
                ///
                /// # Errors
                /// `Invalid` if there is none, and then nothing has changed.
                pub fn $trim_header(&mut self) -> Result<$type, Error> {
                    let bytes = *self.header().first_chunk().ok_or(Error::Invalid)?;
                    self.trim_header(bytes.len())?;
                    Ok($type::from_be_bytes(bytes))
                }

                #[doc = concat!("Takes a `", stringify!($type), "` off the end of the header.")]
                ///
                /// # Errors
                /// `Invalid` if there is none, and then nothing has changed.
                pub fn $chop_header(&mut self) -> Result<$type, Error> {
                    let bytes = *self.header().last_chunk().ok_or(Error::Invalid)?;
                    self.chop_header(bytes.len())?;
                    Ok($type::from_be_bytes(bytes))
                }
            )+
        }
    };
}

numbers! {
    u16: append_u16 insert_u16 trim_u16 chop_u16
        append_header_u16 insert_header_u16 trim_header_u16 chop_header_u16;
    u32: append_u32 insert_u32 trim_u32 chop_u32
        append_header_u32 insert_header_u32 trim_header_u32 chop_header_u32;
    u64: append_u64 insert_u64 trim_u64 chop_u64
        append_header_u64 insert_header_u64 trim_header_u64 chop_header_u64;
}

impl Header {
    const EMPTY: Self = Self { bytes: [0; MAX_HEADER], len: 0 };
}

/// Returns so many bytes, all zero.
fn zeros(len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len.max(SMALL)).map_err(|_| Error::NoMemory)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

/// Panics without memory, as vectors do; [`try_clone`](Message::try_clone) does not.
impl Clone for Message {
    fn clone(&self) -> Self {
        self.try_clone().expect("there is memory for a copy")
    }
}

impl<const LEN: usize> From<[u8; LEN]> for Message {
    fn from(bytes: [u8; LEN]) -> Self {
        Self::from(&bytes[..])
    }
}

/// Panics without memory, as vectors do; [`copy_of`](Message::copy_of) does not.
impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_of(bytes).expect("there is memory for a copy")
    }
}

/// Takes the vector for the body; nothing is copied.
impl From<Vec<u8>> for Message {
    fn from(block: Vec<u8>) -> Self {
        let len = block.len();
        Self { block, start: 0, len, header: Header::EMPTY, pipe: 0 }
    }
}

/// Equal are header and body; neither the pipe nor the room counts.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.header() == other.header() && self.body() == other.body()
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("len", &self.len)
            .field("header", &self.header())
            .field("pipe", &self.pipe)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
