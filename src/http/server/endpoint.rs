//! What the URL of a server says: where it listens, and which other URLs mean the same server.

use std::net::SocketAddr;

use nng_aio::Error;
use nng_aio::net::{Family, Query, Resolver};

use crate::Url;

/// What tells shared servers apart.
///
/// Hosts are compared as they are spelled: `127.0.0.1` and `localhost` are two servers, of which
/// one can listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    /// In lower case; empty for the wildcard.
    host: Box<str>,
    /// 0 until the system has chosen one.
    port: u16,
    family: Family,
    is_secure: bool,
    /// The child of a fork has servers of its own.
    process: u32,
}

impl Key {
    /// Returns the key for a URL. The name of a port is looked up; the host is not.
    ///
    /// # Errors
    /// As [`resolve`].
    pub(super) fn new(url: &Url) -> Result<Self, Error> {
        let Scheme { is_secure, family } = Scheme::of(url)?;
        let query = query(url, family);
        let port = match query.port.parse() {
            Ok(port) => port,
            Err(_) => resolve(url)?.address.port(),
        };
        let host = query.host.unwrap_or_default().into();
        Ok(Self { host, port, family, is_secure, process: std::process::id() })
    }

    /// Notes the port that the system has chosen.
    pub(super) fn set_port(&mut self, port: u16) {
        self.port = port;
    }
}

/// Where a server listens, and how it talks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    /// With TLS.
    pub(super) is_secure: bool,
}

/// Returns where to listen: the first address that the system names.
///
/// # Errors
/// `AddressInvalid` if the scheme is none of a server's, the host is unknown or the port is none.
///
/// # Context
/// Blocks while the system looks up a name.
pub(super) fn resolve(url: &Url) -> Result<Endpoint, Error> {
    let Scheme { is_secure, family } = Scheme::of(url)?;
    let addrs =
        Resolver::default().resolve_now(&query(url, family)).map_err(|error| match error {
            Error::NoMemory => Error::NoMemory,
            _ => Error::AddressInvalid,
        })?;
    let address = addrs.first().and_then(|addr| addr.to_inet()).ok_or(Error::AddressInvalid)?;
    Ok(Endpoint { address, is_secure })
}

/// What a scheme says of a server.
struct Scheme {
    family: Family,
    is_secure: bool,
}

impl Scheme {
    fn of(url: &Url) -> Result<Self, Error> {
        let (scheme, family) = match url.scheme() {
            scheme if scheme.ends_with('4') => (&scheme[..scheme.len() - 1], Family::V4),
            scheme if scheme.ends_with('6') => (&scheme[..scheme.len() - 1], Family::V6),
            scheme => (scheme, Family::Any),
        };
        match scheme {
            "http" | "ws" => Ok(Self { family, is_secure: false }),
            "https" | "wss" => Ok(Self { family, is_secure: true }),
            _ => Err(Error::AddressInvalid),
        }
    }
}

fn query(url: &Url, family: Family) -> Query<'_> {
    let port = url.port().unwrap_or_default();
    Query { host: url.hostname(), port, family, passive: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn address(text: &str) -> Result<String, Error> {
        resolve(&url(text)).map(|endpoint| endpoint.address.to_string())
    }

    #[test]
    fn every_scheme_of_a_server_is_known_and_no_other() {
        for scheme in ["http", "http4", "ws", "ws4", "https", "https4", "wss", "wss4"] {
            assert_eq!(address(&format!("{scheme}://127.0.0.1:81")).as_deref(), Ok("127.0.0.1:81"));
        }
        for scheme in ["http6", "ws6", "https6", "wss6"] {
            assert_eq!(address(&format!("{scheme}://[::1]:81")).as_deref(), Ok("[::1]:81"));
        }
        for (text, is_secure) in [("http", false), ("ws", false), ("https4", true), ("wss", true)] {
            let endpoint = resolve(&url(&format!("{text}://127.0.0.1"))).unwrap();
            assert_eq!(endpoint.is_secure, is_secure, "{text}");
            let port = if is_secure { 443 } else { 80 };
            assert_eq!(endpoint.address.port(), port, "{text}");
        }
        for text in ["tcp://127.0.0.1:81", "http46://h", "4://h", "://h", "ipc:///x", "inproc://x"]
        {
            assert_eq!(address(text), Err(Error::AddressInvalid), "{text}");
            assert_eq!(Key::new(&url(text)), Err(Error::AddressInvalid), "{text}");
        }
    }

    #[test]
    fn wildcards_are_all_interfaces_of_the_family() {
        for text in ["http://*:81", "http://:81", "http4://*:81"] {
            assert_eq!(address(text).as_deref(), Ok("0.0.0.0:81"), "{text}");
        }
        assert_eq!(address("http6://*:81").as_deref(), Ok("[::]:81"));
        assert_eq!(address("http://*/").as_deref(), Ok("0.0.0.0:80"));
    }

    #[test]
    fn addresses_of_the_wrong_family_and_bad_ports_are_invalid() {
        for text in ["http4://[::1]:81", "http6://127.0.0.1:81", "http://127.0.0.1:65536"] {
            assert_eq!(address(text), Err(Error::AddressInvalid), "{text}");
        }
        assert_eq!(Key::new(&url("http://127.0.0.1:65536")), Err(Error::AddressInvalid));
    }

    #[test]
    fn keys_are_equal_for_the_same_host_port_and_family() {
        let table = [
            ("http://h:8080/a", "http://H:8080/b", true),
            ("http://h:8080", "ws://h:8080", true),
            ("http://h", "http://h:80", true),
            ("http://h:080", "http://h:80", true),
            ("http://*:8080", "http://:8080", true),
            ("http://h:0", "http://h:0", true),
            ("http://h:8080", "http://h:8081", false),
            ("http://localhost:8080", "http://127.0.0.1:8080", false),
            ("http://h:8080", "http4://h:8080", false),
            ("http4://h:8080", "http6://h:8080", false),
            ("http://*:8080", "http://0.0.0.0:8080", false),
            ("https://h:8080", "wss://h:8080", true),
            ("https://h:8080", "http://h:8080", false),
        ];
        for (one, other, equal) in table {
            let key = |text| Key::new(&url(text)).unwrap();
            assert_eq!(key(one) == key(other), equal, "{one} and {other}");
        }
    }

    #[test]
    fn a_key_follows_the_port_that_the_system_chose() {
        let mut key = Key::new(&url("http://h:0")).unwrap();
        key.set_port(8080);
        assert_eq!(key, Key::new(&url("http://h:8080")).unwrap());
        assert_ne!(key, Key::new(&url("http://h:0")).unwrap());
    }
}
