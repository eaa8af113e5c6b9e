//! Round trips on blocking sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use nng_oxide_benches::latency::Latencies;
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::listen;
use nng_oxide_benches::{MESSAGE, Result};

/// Answers one connection until it ends.
pub fn serve(peer: &Peer) -> Result<()> {
    let (mut socket, _) = listen(peer.addr)?.accept()?;
    socket.set_nodelay(true)?;
    let mut message = [0; MESSAGE];
    while socket.read_exact(&mut message).is_ok() {
        socket.write_all(&message)?;
    }
    Ok(())
}

/// Calls for the given time and prints the distribution.
pub fn call(peer: &Peer) -> Result<()> {
    let mut socket = TcpStream::connect(peer.addr)?;
    socket.set_nodelay(true)?;
    let mut message = [0; MESSAGE];
    let mut latencies = Latencies::new()?;
    let start = Instant::now();
    let mut began = start;
    while began - start < peer.duration {
        socket.write_all(&message)?;
        socket.read_exact(&mut message)?;
        let now = Instant::now();
        latencies.record(now - began);
        began = now;
    }
    latencies.print();
    Ok(())
}
