//! Connections that ask for something large and read a trickle of it, on a thread of their own.
//!
//! What they read makes room in the buffers of the server's socket; when a third of that is free, some
//! hundred KiB, the server is told and writes again. So that this happens now here and now there, they
//! begin with pieces of different lengths, which they read as fast as they come.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket, sockopt,
};
use nng_oxide_benches::Result;

use super::request;

/// Bytes that the system receives ahead of a reader.
const RECEIVE_BUFFER: usize = 16 << 10;
/// Bytes that each reads at a time.
const SIP: usize = 16 << 10;
/// How many parts the readers are in; each part reads in one of so many ticks.
const PARTS: usize = 5;
const TICK: Duration = Duration::from_millis(10);
/// The longest piece that one reads at the beginning.
const MAX_AHEAD: usize = 1 << 20;

/// Readers at work until they are dropped or finished.
pub struct SlowReaders {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

struct Reader {
    socket: TcpStream,
    /// Bytes that it still reads as fast as they come.
    ahead: usize,
}

impl SlowReaders {
    /// Lets so many connections, at least one, ask for `path`, which must be more than they can read meanwhile.
    pub fn start(addr: SocketAddr, count: usize, path: &str) -> Result<Self> {
        let mut readers = Vec::with_capacity(count);
        for index in 0..count {
            let mut socket = narrow(addr)?;
            socket.write_all(&request(path))?;
            socket.set_nonblocking(true)?;
            readers.push(Reader { socket, ahead: MAX_AHEAD * index / count });
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        let thread = Some(thread::spawn(move || read(&mut readers, &seen)));
        Ok(Self { is_over, thread })
    }

    /// Ends them.
    ///
    /// # Errors
    /// If the server has not kept one of them until now.
    pub fn finish(mut self) -> Result<()> {
        self.stop()
    }

    fn stop(&mut self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| "the slow readers have panicked")?,
            None => Ok(()),
        }
    }
}

impl Drop for SlowReaders {
    fn drop(&mut self) {
        // What went wrong with them matters only to a measurement that came to its end.
        let _ = self.stop();
    }
}

/// Connects with little room for what comes; the room must be known before the connection begins.
fn narrow(addr: SocketAddr) -> Result<TcpStream> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    let socket = TcpStream::from(socket);
    let address = match addr {
        SocketAddr::V4(addr) => SockaddrIn::from(addr),
        SocketAddr::V6(_) => return Err("servers listen on IPv4".into()),
    };
    connect(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

/// Reads until it is over; each of the readers has its turn every `PARTS` ticks.
fn read(readers: &mut [Reader], is_over: &AtomicBool) -> Result<()> {
    let part = readers.len().div_ceil(PARTS);
    while !is_over.load(Ordering::Relaxed) {
        for part in readers.chunks_mut(part) {
            part.iter_mut().try_for_each(Reader::take_turn)?;
            thread::sleep(TICK);
        }
    }
    Ok(())
}

impl Reader {
    /// Reads once, or as long as something is there if it is still ahead of the others.
    fn take_turn(&mut self) -> Result<()> {
        let mut room = [0; SIP];
        loop {
            match self.socket.read(&mut room) {
                Ok(0) => return Err("the server has closed a slow reader's connection".into()),
                Ok(len) => {
                    self.ahead = self.ahead.saturating_sub(len);
                    if self.ahead == 0 {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
