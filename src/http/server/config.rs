//! How much a server takes from its clients and how long it waits for them.

use std::time::Duration;

use crate::http::Limits;
use crate::http::conn::Settings;

/// The limits and timeouts of a server; the defaults suit a server that strangers can reach.
///
/// Timeouts are those of a session on its connection. None of them limits how long a handler may
/// take, and `None` turns any of them off.
///
/// ```
/// use std::time::Duration;
/// use nng_oxide::http::ServerConfig;
///
/// let mut config = ServerConfig::default();
/// config.max_connections = Some(1000);
/// config.idle_timeout = Some(Duration::from_secs(10));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// What the head of a request and the framing of its body may have.
    pub limits: Limits,
    /// Bytes of the body of a request that is collected for a handler which sets no limit of its
    /// own; default 1 MiB. Beyond it: status 400 or [413](Self::answers_413).
    pub max_body: usize,
    /// Whether a body beyond its limit, be it this one or a [handler's](super::Handler::collect_body), is answered with status 413 (RFC 9110 section 15.5.14) instead of
    /// 400, which is NNG's; default false.
    pub answers_413: bool,
    /// Bytes of a body that no handler read and that are skipped after the response, so that the
    /// connection can stay open; default 64 KiB. Beyond it: the connection closes.
    pub max_undrained: usize,
    /// Connections at a time; no limit by default. Beyond it: further ones wait to be accepted.
    pub max_connections: Option<usize>,
    /// Requests on one connection; no limit by default. The answer to the last of them says so, and the
    /// connection closes after it.
    pub max_requests: Option<u64>,
    /// From the end of one request, or the beginning of the connection, to the first byte of the
    /// next; default 75 s. Then: the connection closes without a word.
    pub idle_timeout: Option<Duration>,
    /// From the first byte of a head to its last; default 30 s. Then: status 408. With TLS also from the
    /// beginning of the connection to the end of the handshake. Then: the connection closes without a
    /// word.
    pub head_timeout: Option<Duration>,
    /// Between two arrivals of bytes of a body; default 60 s. Then: status 408, and the handler is
    /// not called; a handler that [reads it itself](crate::http::Conn::read_body) is told.
    pub body_timeout: Option<Duration>,
    /// Between two moments at which the client takes bytes of a response; default 60 s. Then: the
    /// connection closes.
    pub write_timeout: Option<Duration>,
    /// From the last byte of a last response until the client ends its side, too; default 2 s.
    /// What arrives meanwhile is discarded. A connection that closes with unread input may take the
    /// response from the client, which is what `None` does: it closes at once.
    pub linger_timeout: Option<Duration>,
}

impl ServerConfig {
    /// What of this concerns each connection.
    pub(super) fn connection(&self) -> Settings {
        Settings {
            limits: self.limits,
            idle: self.idle_timeout,
            head: self.head_timeout,
            body: self.body_timeout,
            write: self.write_timeout,
            linger: self.linger_timeout,
            ..Settings::default()
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_body: 1 << 20,
            answers_413: false,
            max_undrained: 64 << 10,
            max_connections: None,
            max_requests: None,
            idle_timeout: Some(Duration::from_secs(75)),
            head_timeout: Some(Duration::from_secs(30)),
            body_timeout: Some(Duration::from_secs(60)),
            write_timeout: Some(Duration::from_secs(60)),
            linger_timeout: Some(Duration::from_secs(2)),
        }
    }
}
