//! What becomes of the body of a request that nobody has read to its end when it is answered.
//!
//! # Source
//! RFC 9112 section 9.3.

use crate::http::codec::BodyFraming;
use crate::http::conn::{Answering, Pieces};

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    Nothing,
    /// It is skipped after the response.
    Drain(BodyFraming),
    /// What a reader of pieces has left of it is skipped.
    DrainBegun,
    /// It is too long or of unknown length: the connection closes.
    Close,
}

impl Rest {
    /// Judges a body of which at most `max` bytes are skipped.
    pub(super) fn of(framing: BodyFraming, answering: &Answering, max: u64) -> Self {
        let Answering { raw_read, is_reading, expects_continue, pieces, .. } = *answering;
        // Whether the client sends a body that it waits with is anybody's guess, and what somebody
        // reads from now on would be missing from the next request.
        if expects_continue || is_reading || pieces.fault().is_some() {
            return Self::Close;
        }
        match (framing, raw_read) {
            (BodyFraming::Empty, 0) => Self::Nothing,
            (BodyFraming::Chunked, 0) => Self::Drain(framing),
            (BodyFraming::Chunked, _) if pieces == Pieces::All => Self::Nothing,
            (BodyFraming::Chunked, _) if pieces == Pieces::Some => Self::DrainBegun,
            (BodyFraming::Length(len), raw_read) => match len.checked_sub(raw_read) {
                Some(0) => Self::Nothing,
                Some(left) if left <= max => Self::Drain(BodyFraming::Length(left)),
                // Too much is left, or a part of the next request is gone.
                Some(_) | None => Self::Close,
            },
            (BodyFraming::Empty | BodyFraming::Chunked | BodyFraming::UntilClose, _) => Self::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::http::conn::BodyError;

    #[test]
    fn what_is_known_and_short_is_skipped() {
        use BodyFraming::{Chunked, Empty, Length, UntilClose};
        for (framing, raw_read, expected) in [
            (Empty, 0, Rest::Nothing),
            (Empty, 1, Rest::Close),
            (Chunked, 0, Rest::Drain(Chunked)),
            (Chunked, 1, Rest::Close),
            (UntilClose, 0, Rest::Close),
            (Length(9), 9, Rest::Nothing),
            (Length(9), 10, Rest::Close),
            (Length(9), 4, Rest::Drain(Length(5))),
            (Length(9), 3, Rest::Close),
        ] {
            let answering = Answering { raw_read, ..Answering::default() };
            assert_eq!(Rest::of(framing, &answering, 5), expected, "{framing:?} {raw_read}");
        }
        for (pieces, expected) in [
            (Pieces::NotOffered, Rest::Close),
            (Pieces::Nothing, Rest::Close),
            (Pieces::Some, Rest::DrainBegun),
            (Pieces::All, Rest::Nothing),
            (Pieces::Bad(BodyError::TooSlow), Rest::Close),
        ] {
            let answering = Answering { raw_read: 9, pieces, ..Answering::default() };
            assert_eq!(Rest::of(Chunked, &answering, 5), expected, "{pieces:?}");
        }
        for waiting in [
            Answering { is_reading: true, ..Answering::default() },
            Answering { expects_continue: true, ..Answering::default() },
        ] {
            assert_eq!(Rest::of(Empty, &waiting, 5), Rest::Close);
        }
    }
}
