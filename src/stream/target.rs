//! What a URL says of where streams lead.

use nng_aio::Error;
use nng_aio::net::{Addr, Family};

use crate::Url;

/// Where streams lead, as far as a URL tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target<'a> {
    /// To a host and a port over TCP; both may be empty.
    Tcp { host: &'a str, port: &'a str, family: Family, is_secure: bool },
    /// To a Unix socket.
    Unix(Addr),
}

impl<'a> Target<'a> {
    /// Reads a URL. What else one for TCP holds is ignored.
    ///
    /// # Errors
    /// `NotSupported` if the scheme carries no streams; `AddressInvalid` for a path or a name that no
    /// socket can have.
    pub(super) fn of(url: &'a Url) -> Result<Self, Error> {
        let (scheme, is_secure) = match url.scheme().strip_prefix("tls+") {
            Some(scheme @ ("tcp" | "tcp4" | "tcp6")) => (scheme, true),
            Some(_) => return Err(Error::NotSupported),
            None => (url.scheme(), false),
        };
        let tcp = |family| {
            let host = url.hostname().unwrap_or_default();
            let port = url.port().unwrap_or_default();
            Ok(Self::Tcp { host, port, family, is_secure })
        };
        match scheme {
            "tcp" => tcp(Family::Any),
            "tcp4" => tcp(Family::V4),
            "tcp6" => tcp(Family::V6),
            "ipc" | "unix" => Addr::ipc(url.path()).map(Self::Unix),
            "abstract" if cfg!(any(target_os = "linux", target_os = "android")) => {
                Addr::abstract_from_escaped(url.path()).map(Self::Unix)
            }
            _ => Err(Error::NotSupported),
        }
    }

    pub(super) const fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_chooses_and_the_rest_is_where() {
        let tcp = |host, port, family| Target::Tcp { host, port, family, is_secure: false };
        let tls = |host, port, family| Target::Tcp { host, port, family, is_secure: true };
        let table = [
            ("tcp://h:5", tcp("h", "5", Family::Any)),
            ("TCP4://h:http", tcp("h", "http", Family::V4)),
            ("tcp6://[::1]:5", tcp("::1", "5", Family::V6)),
            ("tcp://*:5", tcp("", "5", Family::Any)),
            ("tcp://u@h/path?q#f", tcp("h", "", Family::Any)),
            ("tls+tcp://h:5", tls("h", "5", Family::Any)),
            ("tls+tcp4://h:5", tls("h", "5", Family::V4)),
            ("TLS+tcp6://[::1]:5", tls("::1", "5", Family::V6)),
            ("ipc:///tmp/a b%41", Target::Unix(Addr::ipc("/tmp/a b%41").unwrap())),
            ("unix://relative", Target::Unix(Addr::ipc("relative").unwrap())),
            #[cfg(target_os = "linux")]
            ("abstract://a%00", Target::Unix(Addr::abstract_from_bytes(b"a\0").unwrap())),
            #[cfg(target_os = "linux")]
            ("abstract://", Target::Unix(Addr::abstract_from_bytes(b"").unwrap())),
        ];
        for (text, target) in table {
            let url = Url::parse(text).unwrap();
            assert_eq!(Target::of(&url), Ok(target), "{text}");
        }
    }

    #[test]
    fn other_schemes_carry_no_streams_and_bad_names_lead_nowhere() {
        let long = format!("ipc:///{}", "x".repeat(107));
        let table = [
            ("inproc://a", Error::NotSupported),
            ("http://h", Error::NotSupported),
            ("udp://h:5", Error::NotSupported),
            ("tcp46://h:5", Error::NotSupported),
            ("tls+udp://h:5", Error::NotSupported),
            ("tls+tls+tcp://h:5", Error::NotSupported),
            ("tls+ipc:///x", Error::NotSupported),
            ("tls://h:5", Error::NotSupported),
            ("://h:5", Error::NotSupported),
            ("ipc://", Error::AddressInvalid),
            (long.as_str(), Error::AddressInvalid),
            #[cfg(target_os = "linux")]
            ("abstract://%4", Error::AddressInvalid),
        ];
        for (text, error) in table {
            let url = Url::parse(text).unwrap();
            assert_eq!(Target::of(&url), Err(error), "{text}");
        }
    }
}
