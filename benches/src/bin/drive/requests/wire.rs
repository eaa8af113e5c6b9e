//! How bytes go to a server and come back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use nng_oxide_benches::Result;

/// A connection that never waits.
pub trait Wire {
    /// What becomes readable when there is something to receive.
    fn socket(&self) -> &TcpStream;

    /// Sends a request, which is small enough for the system to take at once.
    fn send(&mut self, request: &[u8]) -> Result<()>;

    /// Receives what is there, 0 bytes at the end.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there.
    fn receive(&mut self, room: &mut [u8]) -> io::Result<usize>;
}

/// A connection without TLS.
pub struct Plain(TcpStream);

impl Plain {
    /// Connects.
    pub fn connect(addr: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(addr)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }
}

impl Wire for Plain {
    fn socket(&self) -> &TcpStream {
        &self.0
    }

    fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.0.write_all(request)?)
    }

    fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}
