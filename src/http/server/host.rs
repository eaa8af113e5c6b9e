//! Hosts that handlers answer for.
//!
//! Port and trailing dot count on neither side, names are compared ignoring ASCII case, and
//! addresses by their number, however they are written.
//!
//! # Source
//! nng 1.12, nng_http_handler_set_host(3http).

use std::net::IpAddr;

/// A host that a handler is limited to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Host {
    /// An address; IPv4 ones inside IPv6 are IPv4.
    Ip(IpAddr),
    /// A name in lower case.
    Name(Box<str>),
}

impl Host {
    /// Reads the host of a handler. Nothing, `*` and the unspecified addresses are every host.
    pub(super) fn new(text: &str) -> Option<Self> {
        match bare(text) {
            "" | "*" => None,
            host => match host.parse::<IpAddr>() {
                Ok(ip) if ip.is_unspecified() => None,
                Ok(ip) => Some(Self::Ip(ip.to_canonical())),
                Err(_) => Some(Self::Name(host.to_ascii_lowercase().into())),
            },
        }
    }

    /// Returns whether a request to `authority`, which is `host` or `host:port`, is meant.
    pub(super) fn serves(&self, authority: &str) -> bool {
        let host = bare(authority);
        match self {
            Self::Ip(ip) => host.parse().is_ok_and(|host: IpAddr| host.to_canonical() == *ip),
            Self::Name(name) => host.eq_ignore_ascii_case(name),
        }
    }
}

/// Returns the host alone: without port, trailing dot and brackets.
fn bare(authority: &str) -> &str {
    if let Some((ip, _port)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return ip;
    }
    match authority.split_once(':') {
        // An IPv6 address may come without brackets, and then has no port.
        Some((_, rest)) if rest.contains(':') => authority,
        Some((host, _port)) => host.strip_suffix('.').unwrap_or(host),
        None => authority.strip_suffix('.').unwrap_or(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_every_host() {
        for text in ["", "*", "*:80", "0.0.0.0", "0.0.0.0:80", "::", "[::]", "[::]:80", ":80"] {
            assert_eq!(Host::new(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_match_without_case_port_and_dot() {
        let table = [
            ("example.com", "example.com", true),
            ("example.com", "EXAMPLE.com:8080", true),
            ("example.com", "example.com.", true),
            ("example.com", "example.com.:80", true),
            ("Example.COM.:81", "example.com:80", true),
            ("example.com", "example.com..", false),
            ("example.com", "example.comx", false),
            ("example.com", "www.example.com", false),
            ("example.com", "example", false),
            ("example.com", "", false),
            ("127.0.0.1", "127.0.0.1:80", true),
            ("127.0.0.1:9", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "localhost", false),
            ("::1", "[::1]", true),
            ("[::1]:80", "[0:0::1]:81", true),
            ("[2001:DB8::A]", "[2001:db8:0::a]", true),
            ("::1", "[::2]", false),
            ("::ffff:1.2.3.4", "1.2.3.4", true),
        ];
        for (handler, request, matches) in table {
            let host = Host::new(handler).expect("it is limited");
            assert_eq!(host.serves(request), matches, "{handler} and {request}");
        }
    }

    #[test]
    fn equal_hosts_are_equal_however_they_are_written() {
        for (one, other) in
            [("a.b", "A.B:80"), ("a.b", "a.b."), ("::1", "[0::1]:80"), ("1.2.3.4", "1.2.3.4:5")]
        {
            assert_eq!(Host::new(one), Host::new(other), "{one} and {other}");
        }
        assert_ne!(Host::new("a.b"), Host::new("a.bc"));
    }
}
