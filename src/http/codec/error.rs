//! What can be wrong with a head or with a chunked body.
//!
//! Each error knows the status that a server answers it with, always closing afterwards, and the
//! NNG error that a user of the connection sees.

use std::fmt;

use nng_aio::Error;

/// Builds an error enum from one table of variants, statuses and texts.
macro_rules! refusals {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $status:literal $text:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Returns the status to answer with before closing.
            pub(crate) const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)+
                }
            }

            /// Returns what is wrong, as a phrase.
            const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }

        impl std::error::Error for $name {}

        impl From<$name> for Error {
            fn from(error: $name) -> Self {
                error.error()
            }
        }
    };
}

refusals! {
    /// Why a head was refused.
    HeadError {
        /// More empty lines precede the request than the limit allows.
        EmptyLines = 400 "too many empty lines before the request",
        /// The method is empty, holds a byte that no token has, or is not followed by a blank.
        Method = 400 "malformed method",
        /// The target is empty, holds a byte outside visible ASCII, or has none of the four forms.
        Target = 400 "malformed request target",
        /// The version is missing, misspelled, or followed by anything but a line end.
        Version = 400 "malformed HTTP version",
        /// The version is well formed, but its major number is not 1.
        UnsupportedVersion = 505 "unsupported HTTP version",
        /// The request line exceeds its limit.
        RequestLineTooLong = 414 "request line too long",
        /// The status line of a response is malformed.
        StatusLine = 400 "malformed status line",
        /// A CR is not followed by LF.
        BareCr = 400 "CR without LF",
        /// A field line has no colon.
        MissingColon = 400 "field line without colon",
        /// A line starts with a blank: it continues the one before, or follows the start line.
        FoldedLine = 400 "folded field line",
        /// A field name is empty, is no token, or is followed by a blank.
        FieldName = 400 "malformed field name",
        /// A field value holds a control other than tab.
        FieldValue = 400 "malformed field value",
        /// There are more field lines than the limit allows.
        TooManyFields = 431 "too many field lines",
        /// The head exceeds its limit.
        HeadTooLong = 431 "head too long",
        /// An HTTP/1.1 request has no `Host`.
        MissingHost = 400 "no Host field",
        /// `Host` occurs twice or is not a host with an optional port.
        Host = 400 "malformed or repeated Host field",
        /// `Content-Length` is not one number below 2^64, or occurs twice.
        ContentLength = 400 "malformed or repeated Content-Length field",
        /// `Transfer-Encoding` is empty, or `chunked` is repeated or not the last coding.
        TransferEncoding = 400 "malformed Transfer-Encoding field",
        /// `Transfer-Encoding` and `Content-Length` contradict each other.
        LengthAndCoding = 400 "both Transfer-Encoding and Content-Length",
        /// HTTP/1.0 has no transfer codings.
        CodingBeforeHttp11 = 400 "Transfer-Encoding in HTTP/1.0",
        /// A transfer coding other than `chunked`.
        UnknownCoding = 501 "unknown transfer coding",
        /// `Expect` asks for something other than `100-continue`.
        Expectation = 417 "unknown expectation",
    }
}

refusals! {
    /// Why the framing of a chunked body was refused.
    ChunkError {
        /// The line before a chunk is not a hexadecimal number with optional extensions.
        Size = 400 "malformed chunk size",
        /// The size does not fit in 64 bits.
        SizeOverflow = 400 "chunk size out of range",
        /// An extension is not `;name`, `;name=value` or `;name="value"`.
        Extension = 400 "malformed chunk extension",
        /// The line before a chunk exceeds its limit.
        LineTooLong = 400 "chunk line too long",
        /// A chunk or a line is not followed by CR LF.
        LineEnd = 400 "missing CR LF in a chunked body",
        /// A line behind the last chunk is not a field.
        Trailer = 400 "malformed trailer field",
        /// The lines behind the last chunk exceed their limit.
        TrailersTooLong = 400 "trailer section too long",
    }
}

impl HeadError {
    /// Returns the NNG error: `MessageSize` for a limit, else `Protocol`.
    pub(crate) const fn error(self) -> Error {
        match self {
            Self::EmptyLines
            | Self::RequestLineTooLong
            | Self::TooManyFields
            | Self::HeadTooLong => Error::MessageSize,
            _ => Error::Protocol,
        }
    }
}

impl ChunkError {
    /// Returns the NNG error: `MessageSize` for a limit, else `Protocol`.
    pub(crate) const fn error(self) -> Error {
        match self {
            Self::LineTooLong | Self::TrailersTooLong => Error::MessageSize,
            _ => Error::Protocol,
        }
    }
}
