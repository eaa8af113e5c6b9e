//! What the owner's present request demands of its answer, and how far request, body and answer have
//! come in the hands of others.

use crate::http::conn::BodyError;

/// Who may use a connection: its holders always, a guest until its exchange is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pass {
    Holder,
    /// Of that exchange.
    Guest(u64),
}

/// How far a transaction has come; it tells what its failure means to the peer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Reached {
    /// Nothing of the request has been sent: the peer knows nothing of it.
    #[default]
    Nothing,
    /// Something of the request has been sent. Nobody knows what the peer has done about it.
    Request,
    /// Something has come behind it.
    Answer,
}

/// What the owner's present request demands of the answer.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Answering {
    /// A final response ends the connection.
    pub(crate) demands_close: bool,
    /// The request is a `HEAD`.
    pub(crate) to_head: bool,
    /// Something has been written for it by others than the owner.
    pub(crate) has_written: bool,
    /// Bytes that others than the owner have read behind its head.
    pub(crate) raw_read: u64,
    /// Others than the owner wait for something to read.
    pub(crate) is_reading: bool,
    /// What others than the owner have read of its body, piece by piece.
    pub(crate) pieces: Pieces,
    /// The client waits for `100 Continue`, to be sent when somebody reads the body.
    pub(crate) expects_continue: bool,
    /// The status of the last response that others than the owner have written; 0 for none.
    pub(crate) status: u16,
    /// Bytes that have been written for it, whoever wrote them.
    pub(crate) sent: u64,
    /// The last byte of an answer that ends the connection is out.
    pub(crate) is_last_out: bool,
}

/// What has been read of a request's body piece by piece.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Pieces {
    /// There is none that could be, or bytes were read as they came.
    #[default]
    NotOffered,
    Nothing,
    Some,
    All,
    /// What came is refused.
    Bad(BodyError),
}

impl Pieces {
    /// Something was read of it, to its end perhaps.
    pub(in crate::http::conn) fn advance(&mut self, is_end: bool) {
        *self = match self {
            Self::NotOffered => Self::NotOffered,
            _ if is_end => Self::All,
            _ => Self::Some,
        };
    }

    /// Returns what is wrong with it.
    pub(crate) const fn fault(self) -> Option<BodyError> {
        match self {
            Self::Bad(error) => Some(error),
            Self::NotOffered | Self::Nothing | Self::Some | Self::All => None,
        }
    }
}
