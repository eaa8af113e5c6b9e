//! TCP echo driven by aio callbacks: receive, send what came, receive again.
//!
//! Each connection has one aio, which nobody holds: its callback starts the next operation, and when
//! it does not, the aio goes, and with it the connection.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// How long the callback sleeps if it is asked to.
    block: Duration,
    /// Callbacks of one aio never overlap, so nobody ever waits for it.
    state: Mutex<State>,
}

/// Which way the operation goes, and the memory that it leaves out.
enum State {
    Receiving { reply: Vec<u8> },
    Sending { room: Vec<u8> },
}

impl Connection {
    fn begin(runtime: &Runtime, stream: Stream, room: usize, block: Duration) {
        let state = Mutex::new(State::Receiving { reply: Vec::new() });
        let connection = Arc::new(Self { stream, block, state });
        let owned = Arc::clone(&connection);
        let aio = runtime.aio(move |aio| owned.on_done(aio));
        connection.receive(&aio, vec![0; room]);
        aio.detach();
    }

    fn on_done(&self, aio: &Aio) {
        // An error is the end of the connection: no further operation is started.
        if aio.result() != 0 {
            return;
        }
        let count = aio.count();
        let buffer = aio.take_buffer();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Receiving { reply } => {
                if buffer.first() == Some(&BLOCK) {
                    thread::sleep(self.block);
                }
                let mut reply = mem::take(reply);
                reply.extend_from_slice(&buffer[..count]);
                *state = State::Sending { room: buffer };
                drop(state);
                self.send(aio, reply);
            }
            State::Sending { room } => {
                let mut reply = buffer;
                reply.drain(..count);
                if reply.is_empty() {
                    let room = mem::take(room);
                    *state = State::Receiving { reply };
                    drop(state);
                    self.receive(aio, room);
                } else {
                    drop(state);
                    self.send(aio, reply);
                }
            }
        }
    }

    fn receive(&self, aio: &Aio, room: Vec<u8>) {
        // It is refused only while an operation is in flight.
        let _ = aio.set_buffer(room);
        self.stream.recv(aio);
    }

    fn send(&self, aio: &Aio, reply: Vec<u8>) {
        let _ = aio.set_buffer(reply);
        self.stream.send(aio);
    }
}
