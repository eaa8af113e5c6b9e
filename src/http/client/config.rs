//! What an agent keeps, what it follows and what it takes.

use std::time::Duration;

use crate::http::Limits;
use crate::http::conn::Settings;

/// What an [`Agent`](super::Agent) keeps, follows and takes.
///
/// Time limits of a fetch are those of its aio.
///
/// ```
/// use nng_oxide::http::AgentConfig;
///
/// let mut config = AgentConfig::default();
/// config.max_redirects = 10;
/// config.max_response = 16 << 20;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AgentConfig {
    /// What the head of a response and the framing of its body may have. Beyond it: `NNG_EMSGSIZE`.
    pub limits: Limits,
    /// Bytes of the body of a response; no limit (`u64::MAX`) by default. Beyond it: `NNG_EMSGSIZE`.
    pub max_response: u64,
    /// Redirects that one fetch follows; 0 by default, and then they are answers like any other.
    /// Beyond it, unless it is 0: `NNG_EPROTO`.
    pub max_redirects: u32,
    /// Connections to one host and port that are kept while nothing is asked on them; default 8.
    /// Beyond it: the one closes that has waited longest.
    pub max_idle_per_host: usize,
    /// The same to all hosts together; default 64.
    pub max_idle: usize,
    /// How long a connection is kept while nothing is asked on it; default 30 s, `None` is for ever.
    pub idle_timeout: Option<Duration>,
}

impl AgentConfig {
    /// What of this concerns each connection.
    pub(super) fn connection(&self) -> Settings {
        Settings { limits: self.limits, max_response: self.max_response, ..Settings::default() }
    }
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_response: u64::MAX,
            max_redirects: 0,
            max_idle_per_host: 8,
            max_idle: 64,
            idle_timeout: Some(Duration::from_secs(30)),
        }
    }
}
