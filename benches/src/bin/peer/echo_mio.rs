//! Echo on one thread with mio: edge-triggered, a short read means drained.

use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;
use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;

use crate::http_mio::serve;

pub fn run(peer: &Peer) -> Result<()> {
    let mut buffer = vec![0; peer.buffer];
    serve(peer.addr, |socket, (): &mut ()| echo(socket, &mut buffer))
}

/// Sends back what has come; false if the connection is to be closed.
fn echo(socket: &mut TcpStream, buffer: &mut [u8]) -> bool {
    loop {
        match socket.read(buffer) {
            Ok(0) => return false,
            Ok(len) => {
                if socket.write_all(&buffer[..len]).is_err() {
                    return false;
                }
                if len < buffer.len() {
                    return true;
                }
            }
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
