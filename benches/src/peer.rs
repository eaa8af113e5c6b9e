//! The command line of the measured programs: one word and a few options.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::ValueExt;

use crate::Result;

/// What a measured program is asked to be and do.
pub struct Peer {
    /// Which program, such as `echo`.
    pub role: String,
    /// Where to listen, or whom to call (`--addr`); loopback and a free port by default.
    pub addr: SocketAddr,
    /// The size of a receive buffer (`--buffer`).
    pub buffer: usize,
    /// Have no threads but the main one, for profilers (`--turns`).
    pub turns: bool,
    /// The directory to serve below [`FILES`](crate::FILES) (`--root`).
    pub root: Option<PathBuf>,
    /// Speak TLS with the certificate and the key in this file, PEM (`--tls`).
    pub tls: Option<PathBuf>,
    /// How long a callback blocks when asked to (`--block-ms`).
    pub block: Duration,
    /// How long to measure (`--ms`).
    pub duration: Duration,
    /// How many operations or timers (`--count`).
    pub count: u32,
    /// The time before the first timer (`--lead-ms`).
    pub lead: Duration,
    /// The time over which the timers are spread (`--spread-ms`).
    pub spread: Duration,
}

impl Peer {
    /// Reads the command line.
    ///
    /// # Errors
    /// If there is no role, an unknown option, or a value that is no number or address.
    pub fn from_command_line() -> Result<Self> {
        let mut peer = Self {
            role: String::new(),
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            buffer: 4096,
            turns: false,
            root: None,
            tls: None,
            block: Duration::from_millis(100),
            duration: Duration::from_secs(1),
            count: 1_000_000,
            lead: Duration::from_millis(200),
            spread: Duration::from_secs(1),
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                lexopt::Arg::Value(role) if peer.role.is_empty() => peer.role = role.string()?,
                lexopt::Arg::Long("addr") => peer.addr = parser.value()?.parse()?,
                lexopt::Arg::Long("buffer") => peer.buffer = parser.value()?.parse()?,
                lexopt::Arg::Long("turns") => peer.turns = true,
                lexopt::Arg::Long("root") => peer.root = Some(parser.value()?.into()),
                lexopt::Arg::Long("tls") => peer.tls = Some(parser.value()?.into()),
                lexopt::Arg::Long("block-ms") => peer.block = milliseconds(&mut parser)?,
                lexopt::Arg::Long("ms") => peer.duration = milliseconds(&mut parser)?,
                lexopt::Arg::Long("count") => peer.count = parser.value()?.parse()?,
                lexopt::Arg::Long("lead-ms") => peer.lead = milliseconds(&mut parser)?,
                lexopt::Arg::Long("spread-ms") => peer.spread = milliseconds(&mut parser)?,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(peer)
    }

    /// When timer `index` of `count` is due, counted from the start of the first.
    pub fn delay(&self, index: u32) -> Duration {
        self.lead + self.spread * index / self.count
    }
}

fn milliseconds(parser: &mut lexopt::Parser) -> Result<Duration> {
    Ok(Duration::from_millis(parser.value()?.parse()?))
}
