//! How long a body is.
//!
//! Requests are read strictly: a length and a coding exclude each other, each may be given once,
//! and `chunked` is the only coding. Responses follow the reading rules of RFC 9112 section 6.3,
//! because the peer was chosen and what it sends must be made the best of.

use super::error::HeadError;
use super::fields::{Coding, Length};
use crate::http::status;
use crate::http::version::Version;

/// Where the body of a message ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyFraming {
    /// There is none.
    Empty,
    /// After that many bytes, at least one.
    Length(u64),
    /// Where the chunked coding says.
    Chunked,
    /// Where the stream ends; only responses can have this.
    UntilClose,
}

impl BodyFraming {
    const fn of_length(length: u64) -> Self {
        if length == 0 { Self::Empty } else { Self::Length(length) }
    }

    /// Decides on the body of a request.
    pub(super) fn of_request(
        version: Version,
        length: Length,
        coding: Coding,
    ) -> Result<Self, HeadError> {
        if coding != Coding::Absent {
            if version < Version::HTTP_11 {
                return Err(HeadError::CodingBeforeHttp11);
            }
            if length != Length::Absent {
                return Err(HeadError::LengthAndCoding);
            }
        }
        match (coding, length) {
            (Coding::Chunked, _) => Ok(Self::Chunked),
            (Coding::ChunkedLast | Coding::Unknown, _) => Err(HeadError::UnknownCoding),
            (Coding::Invalid, _) => Err(HeadError::TransferEncoding),
            (Coding::Absent, Length::Absent) => Ok(Self::Empty),
            (Coding::Absent, Length::Once(length)) => Ok(Self::of_length(length)),
            (Coding::Absent, Length::Repeated(_) | Length::Invalid) => {
                Err(HeadError::ContentLength)
            }
        }
    }

    /// Decides on the body of a response; `to_head` tells that it answers a `HEAD` request.
    pub(super) fn of_response(
        status: u16,
        to_head: bool,
        version: Version,
        length: Length,
        coding: Coding,
    ) -> Result<Self, HeadError> {
        if to_head || !status::permits_body(status) {
            return Ok(Self::Empty);
        }
        if coding != Coding::Absent && version < Version::HTTP_11 {
            return Err(HeadError::CodingBeforeHttp11);
        }
        match (coding, length) {
            // A coding overrides a length.
            (Coding::Chunked | Coding::ChunkedLast, _) => Ok(Self::Chunked),
            (Coding::Unknown, _) => Ok(Self::UntilClose),
            (Coding::Invalid, _) => Err(HeadError::TransferEncoding),
            (Coding::Absent, Length::Absent) => Ok(Self::UntilClose),
            (Coding::Absent, Length::Once(length) | Length::Repeated(length)) => {
                Ok(Self::of_length(length))
            }
            (Coding::Absent, Length::Invalid) => Err(HeadError::ContentLength),
        }
    }
}
