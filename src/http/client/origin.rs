//! Where a URL leads a client: to which host and port, in which family of addresses, by TLS or not.

use nng_aio::Error;
use nng_aio::net::Family;

use crate::Url;

/// What connections have in common that can stand in for one another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    is_secure: bool,
    /// Not empty; in lower case.
    host: Box<str>,
    /// A number or the name of a service; not empty.
    port: Box<str>,
    family: Family,
}

impl Origin {
    /// Reads a URL. Names are not looked up.
    ///
    /// # Errors
    /// `AddressInvalid` if the scheme is none of HTTP's, or there is no host.
    pub(super) fn of(url: &Url) -> Result<Self, Error> {
        let (scheme, family) = match url.scheme() {
            scheme if scheme.ends_with('4') => (&scheme[..scheme.len() - 1], Family::V4),
            scheme if scheme.ends_with('6') => (&scheme[..scheme.len() - 1], Family::V6),
            scheme => (scheme, Family::Any),
        };
        let is_secure = match scheme {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(Error::AddressInvalid),
        };
        let present = |part: Option<&str>| match part {
            None | Some("") => Err(Error::AddressInvalid),
            Some(part) => Ok(part.into()),
        };
        Ok(Self { is_secure, host: present(url.hostname())?, port: present(url.port())?, family })
    }

    /// Returns whether connections are made by TLS.
    pub(super) const fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(super) const fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> &str {
        &self.port
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    /// Returns whether what is meant for the one may be told to the other.
    ///
    /// # Source
    /// RFC 9110 section 4.3.1.
    pub(super) fn is_trusted_as(&self, other: &Self) -> bool {
        (self.is_secure, &self.host, &self.port) == (other.is_secure, &other.host, &other.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<Origin, Error> {
        Origin::of(&text.parse().unwrap())
    }

    #[test]
    fn every_scheme_of_http_is_known_and_no_other() {
        let table = [
            ("http://H", false, "h", "80", Family::Any),
            ("http4://h:8080/x", false, "h", "8080", Family::V4),
            ("http6://[::1]:81", false, "::1", "81", Family::V6),
            ("ws://h", false, "h", "80", Family::Any),
            ("ws4://h", false, "h", "80", Family::V4),
            ("ws6://h", false, "h", "80", Family::V6),
            ("https://h", true, "h", "443", Family::Any),
            ("https4://h:http", true, "h", "http", Family::V4),
            ("https6://h", true, "h", "443", Family::V6),
            ("wss://h", true, "h", "443", Family::Any),
            ("wss4://h", true, "h", "443", Family::V4),
            ("wss6://h", true, "h", "443", Family::V6),
        ];
        for (text, is_secure, host, port, family) in table {
            let found = origin(text).unwrap();
            assert_eq!(found.is_secure(), is_secure, "{text}");
            assert_eq!(
                (found.host(), found.port(), found.family()),
                (host, port, family),
                "{text}"
            );
        }
        for text in ["tcp://h:80", "http46://h", "4://h", "://h", "ipc:///x", "inproc://x"] {
            assert_eq!(origin(text), Err(Error::AddressInvalid), "{text}");
        }
    }

    #[test]
    fn an_empty_host_leads_nowhere() {
        for text in ["http://", "http:///x", "http://*", "http://*:80/", "http://:80/"] {
            assert_eq!(origin(text), Err(Error::AddressInvalid), "{text}");
        }
    }

    #[test]
    fn another_host_port_or_security_is_not_trusted() {
        let base = origin("http://h:80").unwrap();
        for (text, is_trusted) in [
            ("http://h/x", true),
            ("http4://h", true),
            ("ws://h", true),
            ("http://h:81", false),
            ("http://g", false),
            ("https://h:80", false),
            ("https://h", false),
        ] {
            assert_eq!(base.is_trusted_as(&origin(text).unwrap()), is_trusted, "{text}");
        }
    }
}
