//! Memory that an operation owns while it runs: up to eight pieces, handed over and taken back.
//!
//! A receive fills owned and lent pieces up to their length; a send may also use shared and static
//! memory. There is no raw pointer here: whoever holds a [`Buffers`] holds the memory, or has a promise.

use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

use crate::Error;
use crate::sys::Foreign;

/// The largest number of pieces of one operation (`nng_aio_set_iov` takes as many).
pub const MAX_PIECES: usize = 8;

/// One contiguous piece of memory.
#[derive(Clone)]
pub enum Buffer {
    /// Owned bytes, which can be received into. All `len()` bytes take part.
    Owned(Vec<u8>),
    /// Bytes shared with others.
    Shared(Arc<[u8]>),
    /// Bytes that live as long as the program.
    Static(&'static [u8]),
    /// Bytes that somebody has lent, and that can be received into.
    Foreign(Foreign),
}

impl Buffer {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Static(bytes) => bytes,
            Self::Foreign(bytes) => bytes.as_slice(),
        }
    }

    /// The bytes for writing, if they are owned or lent.
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Owned(bytes) => Some(bytes),
            Self::Foreign(bytes) => Some(bytes.as_mut_slice()),
            Self::Shared(_) | Self::Static(_) => None,
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// True if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Owned(_) => "Owned",
            Self::Shared(_) => "Shared",
            Self::Static(_) => "Static",
            Self::Foreign(_) => "Foreign",
        };
        write!(f, "{kind}({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

impl From<Arc<[u8]>> for Buffer {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Shared(bytes)
    }
}

impl From<&'static [u8]> for Buffer {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Static(bytes)
    }
}

impl From<Foreign> for Buffer {
    fn from(bytes: Foreign) -> Self {
        Self::Foreign(bytes)
    }
}

impl From<&'static str> for Buffer {
    fn from(text: &'static str) -> Self {
        Self::Static(text.as_bytes())
    }
}

/// The pieces of one operation, in order.
#[derive(Default, Debug)]
pub struct Buffers(Pieces);

/// One piece is the rule and needs no second allocation. Every aio and every operation that waits
/// has one of these, so it is no larger than a vector.
#[derive(Default, Debug)]
enum Pieces {
    #[default]
    None,
    One(Buffer),
    Many(Box<[Buffer]>),
}

const _: () = assert!(size_of::<Pieces>() == size_of::<Vec<u8>>());

impl Buffers {
    /// No piece at all.
    pub const fn new() -> Self {
        Self(Pieces::None)
    }

    /// Several pieces, gathered or scattered in this order.
    ///
    /// # Errors
    /// `Invalid` for more than [`MAX_PIECES`]; nothing is changed and the pieces are dropped.
    pub fn from_pieces(pieces: Vec<Buffer>) -> Result<Self, Error> {
        if pieces.len() > MAX_PIECES {
            return Err(Error::Invalid);
        }
        Ok(Self(Pieces::Many(pieces.into_boxed_slice())))
    }

    /// The pieces.
    pub fn pieces(&self) -> &[Buffer] {
        match &self.0 {
            Pieces::None => &[],
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Many(pieces) => pieces,
        }
    }

    /// The pieces, for writing.
    pub fn pieces_mut(&mut self) -> &mut [Buffer] {
        match &mut self.0 {
            Pieces::None => &mut [],
            Pieces::One(piece) => std::slice::from_mut(piece),
            Pieces::Many(pieces) => pieces,
        }
    }

    /// The number of bytes of all pieces together.
    pub fn total_len(&self) -> usize {
        self.pieces().iter().map(Buffer::len).fold(0, usize::saturating_add)
    }

    /// The number of bytes that can be received: those of the owned and lent pieces together.
    pub fn room(&self) -> usize {
        let owned = |piece: &Buffer| match piece {
            Buffer::Owned(_) | Buffer::Foreign(_) => piece.len(),
            Buffer::Shared(_) | Buffer::Static(_) => 0,
        };
        self.pieces().iter().map(owned).fold(0, usize::saturating_add)
    }

    /// The first piece as a vector; empty if there is none or it is not owned.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Pieces::One(Buffer::Owned(bytes)) => bytes,
            Pieces::Many(mut pieces) => match pieces.first_mut() {
                Some(Buffer::Owned(bytes)) => std::mem::take(bytes),
                Some(Buffer::Shared(_) | Buffer::Static(_) | Buffer::Foreign(_)) | None => {
                    Vec::new()
                }
            },
            Pieces::None | Pieces::One(_) => Vec::new(),
        }
    }

    /// Calls `with` with the bytes from `skip` on as slices for one gather write; empty pieces are
    /// left out.
    pub fn gather<R>(&self, skip: usize, with: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut slices = [IoSlice::new(&[]); MAX_PIECES];
        let mut used = 0;
        let mut skip = skip;
        for piece in self.pieces() {
            let bytes = piece.as_slice();
            if skip >= bytes.len() {
                skip -= bytes.len();
                continue;
            }
            slices[used] = IoSlice::new(&bytes[skip..]);
            skip = 0;
            used += 1;
        }
        with(&slices[..used])
    }

    /// Calls `with` with the room of the owned and lent pieces from `skip` on as slices for one
    /// scatter read; pieces that are empty or of other kinds are left out.
    pub fn scatter<R>(&mut self, skip: usize, with: impl FnOnce(&mut [IoSliceMut<'_>]) -> R) -> R {
        let mut slices: [IoSliceMut<'_>; MAX_PIECES] = std::array::from_fn(|_| {
            let nothing: &mut [u8] = &mut [];
            IoSliceMut::new(nothing)
        });
        let mut used = 0;
        let mut skip = skip;
        for room in self.pieces_mut().iter_mut().filter_map(Buffer::as_mut_slice) {
            if skip >= room.len() {
                skip -= room.len();
                continue;
            }
            slices[used] = IoSliceMut::new(&mut room[skip..]);
            skip = 0;
            used += 1;
        }
        with(&mut slices[..used])
    }
}

impl<T: Into<Buffer>> From<T> for Buffers {
    fn from(piece: T) -> Self {
        Self(Pieces::One(piece.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_pieces_are_refused_and_eight_are_not() {
        let nine = vec![Buffer::Owned(vec![0]); 9];
        assert_eq!(Buffers::from_pieces(nine).unwrap_err(), Error::Invalid);
        assert_eq!(Buffers::from_pieces(vec![Buffer::Owned(vec![0]); 8]).unwrap().total_len(), 8);
    }

    #[test]
    fn gather_skips_what_is_sent_and_what_is_empty() {
        let buffers =
            Buffers::from_pieces(vec!["ab".into(), "".into(), "cde".into(), "f".into()]).unwrap();
        let text = |skip| {
            buffers.gather(skip, |slices| {
                assert!(slices.iter().all(|slice| !slice.is_empty()));
                slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>()
            })
        };
        assert_eq!(text(0), b"abcdef");
        assert_eq!(text(1), b"bcdef");
        assert_eq!(text(2), b"cdef");
        assert_eq!(text(6), b"");
    }

    #[test]
    fn scatter_offers_the_room_behind_what_was_received() {
        let mut buffers =
            Buffers::from_pieces(vec![vec![0; 2].into(), "static".into(), vec![0; 3].into()])
                .unwrap();
        let lens = |buffers: &mut Buffers, skip| {
            buffers.scatter(skip, |room| room.iter().map(|piece| piece.len()).collect::<Vec<_>>())
        };
        assert_eq!(buffers.room(), 5);
        assert_eq!(lens(&mut buffers, 0), [2, 3]);
        assert_eq!(lens(&mut buffers, 3), [2]);
        assert_eq!(lens(&mut buffers, 5), [0; 0]);
    }
}
