//! The words of a configuration: modes and versions, with NNG's numbers.

use nng_aio::Error;

/// Which side of connections a configuration is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The side that connects.
    Client,
    /// The side that accepts.
    Server,
}

impl Mode {
    /// The side with NNG's number.
    ///
    /// # Errors
    /// `Invalid` for any number but 0 and 1.
    pub const fn from_number(number: i32) -> Result<Self, Error> {
        match number {
            0 => Ok(Self::Client),
            1 => Ok(Self::Server),
            _ => Err(Error::Invalid),
        }
    }
}

/// What is asked of the certificate of the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthMode {
    /// Nothing: a client talks to whoever answers, which is **dangerous**, since that may be anybody;
    /// a server asks for no certificate. The default of servers.
    None,
    /// The certificate is asked for and checked, and the connection goes on whatever that brings:
    /// **dangerous** on a client, as [`None`](Self::None) is.
    Optional,
    /// No connection without a certificate that was issued by somebody trusted, is valid, and, on a
    /// client, is for the name. The default of clients.
    Required,
}

impl AuthMode {
    /// The mode with NNG's number.
    ///
    /// # Errors
    /// `Invalid` for any number but 0, 1 and 2.
    pub const fn from_number(number: i32) -> Result<Self, Error> {
        match number {
            0 => Ok(Self::None),
            1 => Ok(Self::Optional),
            2 => Ok(Self::Required),
            _ => Err(Error::Invalid),
        }
    }
}

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// TLS 1.0, which is never spoken.
    Tls1_0 = 0x301,
    /// TLS 1.1, which is never spoken.
    Tls1_1 = 0x302,
    /// TLS 1.2.
    Tls1_2 = 0x303,
    /// TLS 1.3.
    Tls1_3 = 0x304,
}

impl Version {
    /// The version with that number on the wire.
    ///
    /// # Errors
    /// `NotSupported` for a number that stands for no version.
    pub const fn from_number(number: i32) -> Result<Self, Error> {
        match number {
            0x301 => Ok(Self::Tls1_0),
            0x302 => Ok(Self::Tls1_1),
            0x303 => Ok(Self::Tls1_2),
            0x304 => Ok(Self::Tls1_3),
            _ => Err(Error::NotSupported),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_nngs_and_others_mean_nothing() {
        for version in [Version::Tls1_0, Version::Tls1_1, Version::Tls1_2, Version::Tls1_3] {
            assert_eq!(Version::from_number(version as i32), Ok(version));
        }
        for number in [0, 0x300, 0x305, -1] {
            assert_eq!(Version::from_number(number), Err(Error::NotSupported));
        }
        let modes = [AuthMode::None, AuthMode::Optional, AuthMode::Required];
        assert_eq!([0, 1, 2].map(|number| AuthMode::from_number(number).unwrap()), modes);
        assert_eq!([0, 1].map(Mode::from_number), [Ok(Mode::Client), Ok(Mode::Server)]);
        assert_eq!(Mode::from_number(2), Err(Error::Invalid));
        assert_eq!(AuthMode::from_number(3), Err(Error::Invalid));
        assert_eq!(AuthMode::from_number(-1), Err(Error::Invalid));
    }
}
