//! What can go wrong, as NNG numbers and words it.
//!
//! [`Error`] maps one to one to NNG's codes: every `i32` but zero becomes an [`Error`] and back
//! without loss, so a code that came from elsewhere survives the journey. One table below holds
//! variant, constant, number and text of each named code; everything else follows from it.
//!
//! Two ranges carry a foreign number: codes with the bit [`codes::NNG_ESYSERR`] wrap an `errno`,
//! codes with the bit [`codes::NNG_ETRANERR`] wrap a number of some transport. The first bit is
//! tested first, as in NNG.
//!
//! ```
//! use nng_aio::Error;
//!
//! assert_eq!(Error::TimedOut.code(), 5);
//! assert_eq!(Error::from_code(5), Err(Error::TimedOut));
//! assert_eq!(Error::TimedOut.to_string(), "Timed out");
//! ```

use std::borrow::Cow;
use std::{fmt, io};

use crate::sys;

/// Builds [`Error`], [`codes`] and the conversions from one table.
macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $constant:ident $code:literal $text:literal,)+) => {
        /// The error of an operation or a call, one variant for each code of NNG.
        ///
        /// Compare errors that came from [`from_code`](Self::from_code),
        /// [`from_errno`](Self::from_errno) or the library itself: those are canonical, which
        /// means that a code with a variant of its own is never wrapped in [`Other`](Self::Other).
        /// # Source
        /// nng 1.12, `enum nng_errno_enum` in nng.h and nng_strerror(3).
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Error {
            $($(#[$doc])* $variant,)+
            /// An error of the operating system that has no code of its own; holds the `errno`.
            System(i32),
            /// An error that only one transport knows; holds its number there.
            Transport(i32),
            /// A code that NNG does not define, kept as it came; never zero.
            Other(i32),
        }

        impl Error {
            /// Returns the variant of a code that has a name, and the text of it.
            const fn named(code: i32) -> Option<(Self, &'static str)> {
                match code {
                    $(codes::$constant => Some((Self::$variant, $text)),)+
                    _ => None,
                }
            }

            /// Returns the NNG code of this error; it is never zero.
            pub const fn code(self) -> i32 {
                let code = match self {
                    $(Self::$variant => codes::$constant,)+
                    Self::System(errno) => errno.wrapping_add(codes::NNG_ESYSERR),
                    Self::Transport(number) => number.wrapping_add(codes::NNG_ETRANERR),
                    Self::Other(code) => code,
                };
                // Only a value built by hand, such as `Other(0)`, can look like success.
                if code == 0 { codes::NNG_EINTERNAL } else { code }
            }
        }

        /// NNG's error codes under their C names.
        ///
        /// Success has no name in NNG: it is zero.
        /// # Source
        /// nng 1.12, `enum nng_errno_enum` in nng.h.
        pub mod codes {
            $(
                #[doc = concat!("`", stringify!($constant), "`: ", $text, ".")]
                pub const $constant: i32 = $code;
            )+
            /// This bit marks a code that wraps an `errno` of the operating system.
            pub const NNG_ESYSERR: i32 = 0x1000_0000;
            /// This bit marks a code that wraps a number of a transport.
            pub const NNG_ETRANERR: i32 = 0x2000_0000;
        }

        /// Every named error with its number and text, for tests of the mapping.
        #[cfg(test)]
        const NAMED: &[(Error, i32, &str)] = &[$((Error::$variant, $code, $text),)+];
    };
}

errors! {
    /// The call was interrupted before it could finish.
    Interrupted = NNG_EINTR 1 "Interrupted",
    /// Memory, buffer space or ids have run out.
    NoMemory = NNG_ENOMEM 2 "Out of memory",
    /// An argument is wrong.
    Invalid = NNG_EINVAL 3 "Invalid argument",
    /// The resource is in use.
    Busy = NNG_EBUSY 4 "Resource busy",
    /// The deadline passed first.
    TimedOut = NNG_ETIMEDOUT 5 "Timed out",
    /// Nobody accepts connections at the address.
    ConnectionRefused = NNG_ECONNREFUSED 6 "Connection refused",
    /// The object was closed.
    Closed = NNG_ECLOSED 7 "Object closed",
    /// The operation would block.
    Again = NNG_EAGAIN 8 "Try again",
    /// The object or the platform cannot do this.
    NotSupported = NNG_ENOTSUP 9 "Not supported",
    /// Another socket holds the address.
    AddressInUse = NNG_EADDRINUSE 10 "Address in use",
    /// The object is in a state that does not allow this.
    State = NNG_ESTATE 11 "Incorrect state",
    /// Nothing by that name or id exists.
    NotFound = NNG_ENOENT 12 "Entry not found",
    /// The peer broke the protocol.
    Protocol = NNG_EPROTO 13 "Protocol error",
    /// No route leads to the host or network.
    Unreachable = NNG_EUNREACHABLE 14 "Destination unreachable",
    /// The address is malformed, unknown or not ours.
    AddressInvalid = NNG_EADDRINVAL 15 "Address invalid",
    /// The system's access rules forbid this.
    Permission = NNG_EPERM 16 "Permission denied",
    /// The message exceeds a limit.
    MessageSize = NNG_EMSGSIZE 17 "Message too large",
    /// The connection was aborted on this side.
    ConnectionAborted = NNG_ECONNABORTED 18 "Connection aborted",
    /// The peer reset the connection.
    ConnectionReset = NNG_ECONNRESET 19 "Connection reset",
    /// The consumer canceled the operation.
    Canceled = NNG_ECANCELED 20 "Operation canceled",
    /// The process or the system has no descriptor left.
    NoFiles = NNG_ENOFILES 21 "Out of files",
    /// The device or the quota is full.
    NoSpace = NNG_ENOSPC 22 "Out of space",
    /// The resource exists already.
    Exists = NNG_EEXIST 23 "Resource already exists",
    /// The option can only be read.
    ReadOnly = NNG_EREADONLY 24 "Read only resource",
    /// The option can only be written.
    WriteOnly = NNG_EWRITEONLY 25 "Write only resource",
    /// A cryptographic step failed.
    Crypto = NNG_ECRYPTO 26 "Cryptographic error",
    /// The peer could not prove who it is.
    PeerAuth = NNG_EPEERAUTH 27 "Peer could not be authenticated",
    /// The option needs an argument and has none.
    NoArgument = NNG_ENOARG 28 "Option requires argument",
    /// The abbreviated option fits several.
    Ambiguous = NNG_EAMBIGUOUS 29 "Ambiguous option",
    /// The option has another type.
    BadType = NNG_EBADTYPE 30 "Incorrect type",
    /// The peer closed its side of the connection.
    ConnectionShutdown = NNG_ECONNSHUT 31 "Connection shutdown",
    /// A fault of the library or of a library below it.
    Internal = NNG_EINTERNAL 1000 "Internal error detected",
}

impl Error {
    /// Turns a code into a result: zero is success, anything else the error with that code.
    ///
    /// Every code is accepted, negative ones included, and `code()` of the error gives it back.
    /// # Errors
    /// The error that `code` names, unless `code` is zero.
    pub const fn from_code(code: i32) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self::nonzero(code)) }
    }

    /// Maps an `errno` of the operating system; one without a counterpart becomes `System`.
    ///
    /// Unlike NNG, which wraps them, `EMSGSIZE` is `MessageSize` and `ENOTCONN` is `Closed`;
    /// `EFAULT`, on which NNG aborts the process, is wrapped.
    pub const fn from_errno(errno: i32) -> Self {
        match errno {
            libc::EINTR => Self::Interrupted,
            libc::ENOMEM | libc::ENOBUFS => Self::NoMemory,
            libc::EINVAL | libc::ENAMETOOLONG => Self::Invalid,
            libc::EBUSY => Self::Busy,
            libc::ETIMEDOUT => Self::TimedOut,
            #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
            libc::ETIME => Self::TimedOut,
            libc::ECONNREFUSED => Self::ConnectionRefused,
            libc::EBADF | libc::EPIPE | libc::ENOTCONN => Self::Closed,
            // EWOULDBLOCK is the same number on every system we know.
            libc::EAGAIN => Self::Again,
            libc::EAFNOSUPPORT | libc::ENOPROTOOPT | libc::EPROTONOSUPPORT => Self::NotSupported,
            libc::ENOSYS | libc::EOPNOTSUPP => Self::NotSupported,
            libc::EADDRINUSE => Self::AddressInUse,
            libc::ENOENT => Self::NotFound,
            libc::EPROTO => Self::Protocol,
            libc::EHOSTUNREACH | libc::ENETUNREACH => Self::Unreachable,
            libc::EADDRNOTAVAIL => Self::AddressInvalid,
            libc::EACCES | libc::EPERM => Self::Permission,
            libc::EMSGSIZE => Self::MessageSize,
            libc::ECONNABORTED => Self::ConnectionAborted,
            libc::ECONNRESET => Self::ConnectionReset,
            libc::EMFILE | libc::ENFILE => Self::NoFiles,
            libc::ENOSPC | libc::EFBIG | libc::EDQUOT => Self::NoSpace,
            libc::EEXIST => Self::Exists,
            _ => Self::System(errno),
        }
    }

    /// Returns the text of a code in NNG's words; a code that wraps an `errno` has the system's.
    ///
    /// Any number is answered: zero says `Hunky dory`, an unknown one `Unknown error #N`.
    /// # Source
    /// nng 1.12, nng_strerror(3).
    pub fn text(code: i32) -> Cow<'static, str> {
        if code == 0 {
            return Cow::Borrowed("Hunky dory");
        }
        match Self::nonzero(code) {
            Self::System(errno) => Cow::Owned(system_text(errno)),
            Self::Transport(number) => Cow::Owned(format!("Transport error #{number}")),
            Self::Other(number) => Cow::Owned(format!("Unknown error #{number}")),
            _ => Self::named(code).map_or(Cow::Borrowed(""), |(_, text)| Cow::Borrowed(text)),
        }
    }

    /// Returns the canonical error of a code that is not zero.
    const fn nonzero(code: i32) -> Self {
        if let Some((error, _)) = Self::named(code) {
            error
        } else if code & codes::NNG_ESYSERR != 0 {
            Self::System(code & !codes::NNG_ESYSERR)
        } else if code & codes::NNG_ETRANERR != 0 {
            Self::Transport(code & !codes::NNG_ETRANERR)
        } else {
            Self::Other(code)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::text(self.code()))
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    /// Takes the `errno` if there is one, else an [`Error`] inside, else the nearest to the kind.
    fn from(error: io::Error) -> Self {
        if let Some(errno) = error.raw_os_error() {
            return Self::from_errno(errno);
        }
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return *inner;
        }
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::Permission,
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset => Self::ConnectionReset,
            io::ErrorKind::ConnectionAborted => Self::ConnectionAborted,
            io::ErrorKind::UnexpectedEof => Self::ConnectionShutdown,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable,
            io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => Self::Closed,
            io::ErrorKind::AddrInUse => Self::AddressInUse,
            io::ErrorKind::AddrNotAvailable => Self::AddressInvalid,
            io::ErrorKind::AlreadyExists => Self::Exists,
            io::ErrorKind::WouldBlock => Self::Again,
            io::ErrorKind::InvalidInput => Self::Invalid,
            io::ErrorKind::InvalidData => Self::Protocol,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            io::ErrorKind::FileTooLarge => Self::NoSpace,
            io::ErrorKind::ResourceBusy => Self::Busy,
            io::ErrorKind::Interrupted => Self::Interrupted,
            io::ErrorKind::Unsupported => Self::NotSupported,
            io::ErrorKind::OutOfMemory => Self::NoMemory,
            _ => Self::Internal,
        }
    }
}

impl From<sys::Failure> for Error {
    /// Maps what getaddrinfo(3) answered.
    ///
    /// Unlike NNG, which gives them codes without a text, the answers for an address of another
    /// family and for a server's refusal are `AddressInvalid`.
    fn from(failure: sys::Failure) -> Self {
        match failure.answer {
            libc::EAI_NONAME | libc::EAI_SERVICE | libc::EAI_FAMILY | libc::EAI_FAIL => {
                Self::AddressInvalid
            }
            sys::EAI_NODATA | sys::EAI_ADDRFAMILY => Self::AddressInvalid,
            libc::EAI_MEMORY => Self::NoMemory,
            libc::EAI_SYSTEM => Self::from_errno(failure.errno),
            libc::EAI_BADFLAGS => Self::Invalid,
            libc::EAI_SOCKTYPE => Self::NotSupported,
            libc::EAI_AGAIN => Self::Again,
            #[cfg(target_os = "linux")]
            sys::EAI_CANCELED => Self::Canceled,
            // As NNG does, although negative answers fall out of the range of wrapped numbers.
            answer => Self::nonzero(answer.wrapping_add(codes::NNG_ESYSERR)),
        }
    }
}

/// Returns the system's words for `errno`, without the number that `std` puts behind them.
fn system_text(errno: i32) -> String {
    let mut text = io::Error::from_raw_os_error(errno).to_string();
    if text.ends_with(&format!(" (os error {errno})")) {
        text.truncate(text.rfind(" (os error ").unwrap_or(text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(code: i32) -> Error {
        Error::from_code(code).unwrap_err()
    }

    #[test]
    fn named_codes_map_both_ways() {
        assert_eq!(NAMED.len(), 32);
        for &(variant, code, text) in NAMED {
            assert_eq!(variant.code(), code);
            assert_eq!(error(code), variant);
            assert_eq!(Error::text(code), text);
            assert_eq!(variant.to_string(), text);
        }
    }

    #[test]
    fn zero_is_success_and_has_a_text() {
        assert_eq!(Error::from_code(0), Ok(()));
        assert_eq!(Error::text(0), "Hunky dory");
    }

    #[test]
    fn unknown_codes_keep_their_number() {
        assert_eq!(error(32), Error::Other(32));
        assert_eq!(Error::text(32), "Unknown error #32");
        assert_eq!(Error::text(i32::MIN), format!("Unknown error #{}", i32::MIN));
        assert_eq!(error(codes::NNG_ETRANERR | 7), Error::Transport(7));
        assert_eq!(Error::text(codes::NNG_ETRANERR | 7), "Transport error #7");
    }

    #[test]
    fn system_bit_is_tested_before_the_transport_bit() {
        let both = codes::NNG_ESYSERR | codes::NNG_ETRANERR | 1;
        assert_eq!(error(both), Error::System(codes::NNG_ETRANERR | 1));
        assert_eq!(error(both).code(), both);
    }

    #[test]
    fn negative_codes_are_system_errors_without_a_name() {
        assert!(matches!(error(-1), Error::System(_)));
        assert_eq!(error(-1).code(), -1);
        assert!(Error::text(-1).contains(&(!codes::NNG_ESYSERR).to_string()));
        assert_eq!(error(-16).code(), -16);
    }

    #[test]
    fn system_errors_speak_the_systems_words() {
        let code = codes::NNG_ESYSERR + libc::ENOTDIR;
        assert_eq!(error(code), Error::System(libc::ENOTDIR));
        assert_eq!(Error::text(code), "Not a directory");
        assert_eq!(Error::System(libc::ENOTDIR).to_string(), "Not a directory");
    }

    #[test]
    fn hand_made_zero_is_not_success() {
        assert_eq!(Error::Other(0).code(), codes::NNG_EINTERNAL);
        assert_eq!(Error::System(-codes::NNG_ESYSERR).code(), codes::NNG_EINTERNAL);
    }

    #[test]
    fn errno_maps_as_in_nng_with_the_stated_exceptions() {
        let expected = [
            (libc::EINTR, 1),
            (libc::ENOMEM, 2),
            (libc::ENOBUFS, 2),
            (libc::EINVAL, 3),
            (libc::ENAMETOOLONG, 3),
            (libc::EBUSY, 4),
            (libc::ETIMEDOUT, 5),
            (libc::ETIME, 5),
            (libc::ECONNREFUSED, 6),
            (libc::EBADF, 7),
            (libc::EPIPE, 7),
            (libc::ENOTCONN, 7),
            (libc::EAGAIN, 8),
            (libc::EWOULDBLOCK, 8),
            (libc::EAFNOSUPPORT, 9),
            (libc::ENOPROTOOPT, 9),
            (libc::ENOSYS, 9),
            (libc::ENOTSUP, 9),
            (libc::EPROTONOSUPPORT, 9),
            (libc::EADDRINUSE, 10),
            (libc::ENOENT, 12),
            (libc::EPROTO, 13),
            (libc::EHOSTUNREACH, 14),
            (libc::ENETUNREACH, 14),
            (libc::EADDRNOTAVAIL, 15),
            (libc::EACCES, 16),
            (libc::EPERM, 16),
            (libc::EMSGSIZE, 17),
            (libc::ECONNABORTED, 18),
            (libc::ECONNRESET, 19),
            (libc::EMFILE, 21),
            (libc::ENFILE, 21),
            (libc::ENOSPC, 22),
            (libc::EFBIG, 22),
            (libc::EDQUOT, 22),
            (libc::EEXIST, 23),
            (libc::EFAULT, codes::NNG_ESYSERR + libc::EFAULT),
            (libc::ENOTDIR, codes::NNG_ESYSERR + libc::ENOTDIR),
        ];
        for (errno, code) in expected {
            assert_eq!(Error::from_errno(errno).code(), code, "errno {errno}");
        }
    }

    #[test]
    fn addrinfo_maps_as_in_nng_with_the_stated_exceptions() {
        let from = |answer, errno| Error::from(sys::Failure { answer, errno });
        let expected = [
            (libc::EAI_NONAME, 15),
            (sys::EAI_NODATA, 15),
            (libc::EAI_SERVICE, 15),
            (sys::EAI_ADDRFAMILY, 15),
            (libc::EAI_FAMILY, 15),
            (libc::EAI_FAIL, 15),
            (libc::EAI_MEMORY, 2),
            (libc::EAI_BADFLAGS, 3),
            (libc::EAI_SOCKTYPE, 9),
            (libc::EAI_AGAIN, 8),
            #[cfg(target_os = "linux")]
            (sys::EAI_CANCELED, 20),
            (libc::EAI_OVERFLOW, codes::NNG_ESYSERR + libc::EAI_OVERFLOW),
        ];
        for (answer, code) in expected {
            let error = from(answer, libc::EINTR);
            assert_eq!(error.code(), code, "answer {answer}");
            assert_eq!(Error::from_code(code), Err(error), "answer {answer} is canonical");
        }
        assert_eq!(from(libc::EAI_SYSTEM, libc::EMFILE), Error::NoFiles);
        assert_eq!(from(libc::EAI_SYSTEM, libc::ENOTDIR), Error::System(libc::ENOTDIR));
    }

    #[test]
    fn io_errors_keep_errno_then_error_then_kind() {
        let from_errno = io::Error::from_raw_os_error(libc::EPIPE);
        assert_eq!(Error::from(from_errno), Error::Closed);
        assert_eq!(Error::from(io::Error::other(Error::PeerAuth)), Error::PeerAuth);
        assert_eq!(Error::from(io::Error::from(io::ErrorKind::WouldBlock)), Error::Again);
        assert_eq!(Error::from(io::Error::other("odd")), Error::Internal);
    }

    proptest! {
        #[test]
        fn every_code_survives_the_round_trip(code in any::<i32>()) {
            match Error::from_code(code) {
                Ok(()) => prop_assert_eq!(code, 0),
                Err(error) => {
                    prop_assert_eq!(error.code(), code);
                    prop_assert_eq!(error.to_string(), Error::text(code));
                }
            }
        }

        #[test]
        fn every_errno_has_a_code_and_a_text(errno in any::<i32>()) {
            prop_assert_ne!(Error::from_errno(errno).code(), 0);
            prop_assert!(!Error::from_errno(errno).to_string().is_empty());
        }
    }
}
