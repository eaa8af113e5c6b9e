//! What a request is for: the four forms of a request target.
//!
//! Source: RFC 9112 section 3.2.

use super::error::HeadError;
use super::grammar::{is_host, split_port};
use crate::http::method::Method;

/// The form of a request target, with what is needed to take it apart again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://host:port/path?query`; offsets of the host and behind the port.
    Absolute {
        /// Where host and port begin.
        host: usize,
        /// Where they end and path or query begin.
        path: usize,
    },
    /// `host:port`, for `CONNECT` only.
    Authority,
    /// `*`, for `OPTIONS` only.
    Asterisk,
}

impl TargetForm {
    /// Tells the form of `target`, which is visible ASCII.
    ///
    /// The rest of a target is not judged: `#` and other bytes that RFC 3986 excludes pass, as
    /// they do in NNG, and are ordinary bytes of the path.
    pub(super) fn of(method: &Method, target: &[u8]) -> Result<Self, HeadError> {
        if *method == Method::Connect {
            let (host, port) = split_port(target);
            let is_authority =
                !host.is_empty() && port.is_some_and(|port| !port.is_empty()) && is_host(target);
            return if is_authority { Ok(Self::Authority) } else { Err(HeadError::Target) };
        }
        match target {
            [b'/', ..] => Ok(Self::Origin),
            b"*" if *method == Method::Options => Ok(Self::Asterisk),
            _ => Self::absolute(target).ok_or(HeadError::Target),
        }
    }

    /// Reads the absolute form, whose host must not be empty and which has no user information.
    fn absolute(target: &[u8]) -> Option<Self> {
        let schemes: [&[u8]; 2] = [b"http://", b"https://"];
        let has_scheme = |scheme: &&[u8]| {
            target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        let host = schemes.into_iter().find(has_scheme)?.len();
        let rest = &target[host..];
        let len = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let authority = &rest[..len];
        let is_valid = is_host(authority) && !split_port(authority).0.is_empty();
        is_valid.then_some(Self::Absolute { host, path: host + len })
    }

    /// Returns host and optional port that the target names; they take precedence over `Host`.
    pub(crate) fn authority(self, target: &str) -> Option<&str> {
        match self {
            Self::Absolute { host, path } => target.get(host..path),
            Self::Authority => Some(target),
            Self::Origin | Self::Asterisk => None,
        }
    }

    /// Returns path and query as they came.
    ///
    /// `/` if an absolute form ends at its host; `?` first if only the path is missing; nothing for
    /// the authority form; `*` for the asterisk form.
    pub(crate) fn path(self, target: &str) -> &str {
        match self {
            Self::Origin | Self::Asterisk => target,
            Self::Absolute { path, .. } => match target.get(path..) {
                None | Some("") => "/",
                Some(rest) => rest,
            },
            Self::Authority => "",
        }
    }
}

/// Returns path and query, as they came, of a target that has passed the parser and was not for
/// `CONNECT`.
pub(crate) fn path_and_query(target: &str) -> &str {
    let form = TargetForm::of(&Method::Get, target.as_bytes());
    form.map_or(target, |form| form.path(target))
}
