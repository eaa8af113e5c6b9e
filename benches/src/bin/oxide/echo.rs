//! TCP echo driven by aio callbacks: receive, send what came, receive again.
//!
//! Each connection has one aio, which nobody holds: its callback starts the next operation, and when
//! it does not, the aio goes, and with it the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use nng_aio::net::{Addr, Listener, Stream};
use nng_aio::{Aio, Runtime};
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::announce;
use nng_oxide_benches::{BLOCK, Result};

/// Listens, and tells the driver where.
pub fn listener(peer: &Peer, runtime: &Runtime) -> Result<Listener> {
    let listener = Listener::new(Addr::from(peer.addr))?.on(runtime);
    listener.listen()?;
    announce(listener.local_addr().to_inet().ok_or("the address is one of the internet")?)?;
    Ok(listener)
}

pub fn run(peer: &Peer) -> Result<()> {
    let runtime = crate::runtime(peer)?;
    let listener = Arc::new(listener(peer, &runtime)?);
    let (again, buffer, block) = (Arc::clone(&listener), peer.buffer, peer.block);
    let acceptor = runtime.aio(move |aio| {
        if let Some(stream) = aio.take_output::<Stream>(0) {
            Connection::begin(&aio.runtime(), stream, buffer, block);
            again.accept(aio);
        }
    });
    listener.accept(&acceptor);
    crate::serve(peer, &runtime)
}

/// What the callback of a connection's aio knows.
struct Connection {
    stream: Stream,
    /// The size of the buffer while it receives.
    room: usize,
    /// How long the callback sleeps if it is asked to.
    block: Duration,
    /// What came is on its way back. Callbacks of one aio never overlap.
    is_sending: AtomicBool,
}

impl Connection {
    fn begin(runtime: &Runtime, stream: Stream, room: usize, block: Duration) {
        let connection = Arc::new(Self { stream, room, block, is_sending: AtomicBool::new(false) });
        let owned = Arc::clone(&connection);
        let aio = runtime.aio(move |aio| owned.on_done(aio));
        connection.receive(&aio, Vec::new());
        aio.detach();
    }

    fn on_done(&self, aio: &Aio) {
        // An error is the end of the connection: no further operation is started.
        if aio.result() != 0 {
            return;
        }
        let count = aio.count();
        let mut buffer = aio.take_buffer();
        if self.is_sending.load(Relaxed) {
            buffer.drain(..count);
            if buffer.is_empty() { self.receive(aio, buffer) } else { self.send(aio, buffer) }
        } else {
            if buffer.first() == Some(&BLOCK) {
                thread::sleep(self.block);
            }
            buffer.truncate(count);
            self.send(aio, buffer);
        }
    }

    fn receive(&self, aio: &Aio, mut buffer: Vec<u8>) {
        buffer.resize(self.room, 0);
        self.is_sending.store(false, Relaxed);
        // It is refused only while an operation is in flight.
        let _ = aio.set_buffer(buffer);
        self.stream.recv(aio);
    }

    fn send(&self, aio: &Aio, buffer: Vec<u8>) {
        self.is_sending.store(true, Relaxed);
        let _ = aio.set_buffer(buffer);
        self.stream.send(aio);
    }
}
