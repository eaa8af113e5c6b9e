//! How much a connection takes and how long it waits.

use std::time::Duration;

use crate::http::codec::Limits;

/// What connections of one kind have in common. `None` is no limit of time, unless stated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// On what the peer may send.
    pub(crate) limits: Limits,
    /// Bytes of the body of a response to a transaction.
    pub(crate) max_response: u64,
    /// For the first byte of a request that the owner waits for.
    pub(crate) idle: Option<Duration>,
    /// From the first byte of a head that the owner waits for to its last.
    pub(crate) head: Option<Duration>,
    /// Between bytes of a body that the owner waits for.
    pub(crate) body: Option<Duration>,
    /// Between bytes that the peer takes of what the owner writes.
    pub(crate) write: Option<Duration>,
    /// For the peer's end of the stream after ours; `None` does not wait for it.
    pub(crate) linger: Option<Duration>,
}

impl Default for Settings {
    /// For connections without an owner, whose operations have limits of their own.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_response: u64::MAX,
            idle: None,
            head: None,
            body: None,
            write: None,
            linger: Some(Duration::from_secs(2)),
        }
    }
}
