//! Listening sockets of the measured servers, and resource limits.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::Result;

/// Listens at `addr` and tells the driver where.
///
/// # Errors
/// If the address cannot be bound.
pub fn listen(addr: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// Tells the driver where a server listens.
///
/// # Errors
/// If standard output is closed.
pub fn announce(addr: SocketAddr) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "listening {addr}")?;
    out.flush()?;
    Ok(())
}

/// Allows as many descriptors as the system grants; children inherit it.
///
/// # Errors
/// If the limit cannot be read or raised.
pub fn raise_descriptor_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}
