//! Connected streams for tests, over TCP and over Unix sockets.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nng_aio::net::{Dialer, Listener, Socket, Stream};
use nng_aio::{Aio, Error, Runtime};

/// How two connected sockets come about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Tcp,
    Unix,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Unix];

    /// Two ends of a connection.
    pub fn sockets(self) -> [OwnedFd; 2] {
        match self {
            Self::Tcp => {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
                let address = listener.local_addr().expect("an address");
                let client = TcpStream::connect(address).expect("a connection");
                let (server, _) = listener.accept().expect("the other end");
                client.set_nodelay(true).expect("an option");
                server.set_nodelay(true).expect("an option");
                [client.into(), server.into()]
            }
            Self::Unix => {
                let (one, other) = UnixStream::pair().expect("a pair");
                [one.into(), other.into()]
            }
        }
    }

    /// Two streams on the runtime that are connected to each other.
    pub fn pair_on(self, runtime: &Runtime) -> [Stream; 2] {
        self.sockets().map(|fd| {
            Stream::from_socket(Socket::from_fd(fd), runtime).expect("the runtime takes a stream")
        })
    }

    /// Two streams on the global runtime that are connected to each other.
    pub fn pair(self) -> [Stream; 2] {
        self.pair_on(&Runtime::global())
    }
}

/// Starts a receive into `len` bytes on a fresh aio.
pub fn start_recv(stream: &Stream, len: usize) -> Aio {
    let aio = Aio::without_callback();
    aio.set_buffer(vec![0; len]).expect("the aio is fresh");
    stream.recv(&aio);
    aio
}

/// Starts a send on a fresh aio.
pub fn start_send(stream: &Stream, bytes: impl Into<Vec<u8>>) -> Aio {
    let aio = Aio::without_callback();
    aio.set_buffer(bytes.into()).expect("the aio is fresh");
    stream.send(&aio);
    aio
}

/// Waits for a receive; what it brought.
pub fn received(aio: &Aio) -> Result<Vec<u8>, Error> {
    aio.wait();
    aio.outcome()?;
    let count = aio.count();
    let mut bytes = aio.take_buffer();
    bytes.truncate(count);
    Ok(bytes)
}

/// Waits for a send; how many bytes were taken.
pub fn sent(aio: &Aio) -> Result<usize, Error> {
    aio.wait();
    aio.outcome().map(|()| aio.count())
}

/// Receives up to `len` bytes.
pub fn recv(stream: &Stream, len: usize) -> Result<Vec<u8>, Error> {
    received(&start_recv(stream, len))
}

/// Sends bytes.
pub fn send(stream: &Stream, bytes: impl Into<Vec<u8>>) -> Result<usize, Error> {
    sent(&start_send(stream, bytes))
}

/// Receives exactly `len` bytes.
pub fn recv_exactly(stream: &Stream, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < len {
        all.extend(recv(stream, len - all.len()).expect("the peer sends enough"));
    }
    all
}

/// Starts a dial on a fresh aio.
pub fn start_dial(dialer: &Dialer) -> Aio {
    let aio = Aio::without_callback();
    dialer.dial(&aio);
    aio
}

/// Starts an accept on a fresh aio.
pub fn start_accept(listener: &Listener) -> Aio {
    let aio = Aio::without_callback();
    listener.accept(&aio);
    aio
}

/// Waits for a dial or an accept; what came of it.
pub fn connected(aio: &Aio) -> Result<Stream, Error> {
    aio.wait();
    aio.outcome()?;
    Ok(aio.take_output(0).expect("success brings a stream"))
}

/// A listener that listens.
pub fn listening(listener: Result<Listener, Error>) -> Listener {
    let listener = listener.expect("the address is good");
    listener.listen().expect("the address is free");
    listener
}

/// A dialer for where the listener listens.
pub fn dialer_for(listener: &Listener) -> Dialer {
    Dialer::new(listener.local_addr()).expect("it listens")
}

/// A stream that the listener accepted, after the one that was dialed for it.
pub fn pair_through(listener: &Listener) -> [Stream; 2] {
    let accept = start_accept(listener);
    let dial = start_dial(&dialer_for(listener));
    [connected(&dial), connected(&accept)].map(|stream| stream.expect("they connect"))
}

/// Sends until the system takes no more, also after a while; how many bytes it took.
pub fn fill(stream: &Stream) -> usize {
    let aio = Aio::without_callback();
    aio.set_timeout(Duration::from_millis(20));
    let mut total = 0;
    loop {
        aio.set_buffer(vec![7; 65536]).expect("the aio is idle");
        stream.send(&aio);
        let taken = match sent(&aio) {
            // The system reports room when there is much of it; a little may have come before.
            Err(Error::TimedOut) => stream.send_sync(&[7; 65536], Duration::ZERO),
            taken => taken,
        };
        match taken {
            Ok(count) => total += count,
            Err(Error::TimedOut) => return total,
            Err(error) => panic!("sending failed: {error}"),
        }
    }
}
