//! Round trips by the blocking calls of a stream.

use std::time::Instant;

use nng_aio::net::{Addr, Dialer, Stream};
use nng_aio::{Aio, Error, Runtime, Timeout};
use nng_oxide_benches::latency::Latencies;
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::{MESSAGE, Result};

use crate::echo::listener;

/// Answers one connection until it ends.
pub fn serve(peer: &Peer) -> Result<()> {
    let listener = listener(peer, &Runtime::global())?;
    let stream = connection(|aio| listener.accept(aio))?;
    let mut message = [0; MESSAGE];
    while receive(&stream, &mut message).is_ok() {
        send(&stream, &message)?;
    }
    Ok(())
}

/// Calls for the given time and prints the distribution.
pub fn call(peer: &Peer) -> Result<()> {
    let dialer = Dialer::new(Addr::from(peer.addr))?;
    let stream = connection(|aio| dialer.dial(aio))?;
    let mut message = [0; MESSAGE];
    let mut latencies = Latencies::new()?;
    let start = Instant::now();
    let mut began = start;
    while began - start < peer.duration {
        send(&stream, &message)?;
        receive(&stream, &mut message)?;
        let now = Instant::now();
        latencies.record(now - began);
        began = now;
    }
    latencies.print();
    Ok(())
}

/// Starts an operation that ends with a stream, and waits for it.
fn connection(start: impl FnOnce(&Aio)) -> Result<Stream> {
    let aio = Aio::without_callback();
    start(&aio);
    aio.wait();
    aio.outcome()?;
    Ok(aio.take_output(0).ok_or("there is a stream after success")?)
}

fn send(stream: &Stream, mut bytes: &[u8]) -> std::result::Result<(), Error> {
    while !bytes.is_empty() {
        let count = stream.send_sync(bytes, Timeout::Infinite)?;
        bytes = &bytes[count..];
    }
    Ok(())
}

fn receive(stream: &Stream, mut room: &mut [u8]) -> std::result::Result<(), Error> {
    while !room.is_empty() {
        let count = stream.recv_sync(room, Timeout::Infinite)?;
        room = &mut room[count..];
    }
    Ok(())
}
