//! The blocking calls of a stream.
//!
//! Sockets are kept in the blocking mode, so a receive that may wait for ever is one system call, and
//! nothing of the runtime is involved. A call with a limit polls the descriptor first, and so does a
//! send that has to wait: the system's own would wait until all is taken. All of it happens
//! outside the stream's lock, on a shared descriptor that closing does not take away.
//!
//! Behind operations that wait already a call takes its place as one of them. So it does in a
//! host-driven runtime, where what it waits for may need the turns that its thread makes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::Direction;
use super::stream::{Inner, Stream};
use crate::sys;
use crate::{Error, Runtime, Timeout};

/// More is left for the next call when the bytes have to be copied.
const MAX_COPY: usize = 1 << 20;

impl Stream {
    /// Sends bytes and waits until the system has taken at least one of them; the result says how
    /// many. Without bytes it returns at once.
    ///
    /// # Errors
    /// As [`send`](Self::send); `TimedOut` if none was taken in time. A timeout of zero only tries.
    ///
    /// # Context
    /// Blocks. On a runtime thread others go on.
    pub fn send_sync(&self, bytes: &[u8], timeout: impl Into<Timeout>) -> Result<usize, Error> {
        send(self.inner(), bytes, timeout.into())
    }

    /// Receives into `room` and waits until at least one byte is there; the result says how many.
    /// Without room it returns at once.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); `TimedOut` if none came in time. A timeout of zero only tries.
    ///
    /// # Context
    /// Blocks. On a runtime thread others go on.
    pub fn recv_sync(&self, room: &mut [u8], timeout: impl Into<Timeout>) -> Result<usize, Error> {
        recv(self.inner(), room, timeout.into())
    }
}

/// How a call goes about it.
enum Way {
    /// By itself, on this descriptor.
    Alone(Arc<OwnedFd>),
    /// As an operation behind others, on this runtime.
    Queued(Runtime),
}

/// How long a call may sleep.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Instant),
    Endless,
}

fn send(stream: &Arc<Inner>, bytes: &[u8], timeout: Timeout) -> Result<usize, Error> {
    let way = Way::of(stream, Direction::Send)?;
    if bytes.is_empty() {
        return Ok(0);
    }
    match way {
        Way::Alone(fd) => {
            let result = transfer(stream, &fd, Direction::Send, timeout, |_may_sleep| {
                sys::send(fd.as_fd(), &[std::io::IoSlice::new(bytes)])
            });
            result.map_err(|error| stream.reason(error))
        }
        Way::Queued(runtime) => {
            let bytes = &bytes[..bytes.len().min(MAX_COPY)];
            let aio = runtime.aio_without_callback();
            aio.set_timeout(timeout);
            aio.set_buffers(bytes.to_vec())?;
            stream.start(&aio, Direction::Send);
            aio.wait();
            aio.outcome().map(|()| aio.count())
        }
    }
}

fn recv(stream: &Arc<Inner>, room: &mut [u8], timeout: Timeout) -> Result<usize, Error> {
    let way = Way::of(stream, Direction::Recv)?;
    if room.is_empty() {
        return Ok(0);
    }
    match way {
        Way::Alone(fd) => {
            let result = transfer(stream, &fd, Direction::Recv, timeout, |may_sleep| {
                if may_sleep {
                    sys::recv_blocking(fd.as_fd(), room)
                } else {
                    sys::recv(fd.as_fd(), room)
                }
            });
            match result {
                Ok(0) => Err(stream.reason(Error::ConnectionShutdown)),
                Ok(count) => Ok(count),
                Err(error) => Err(stream.reason(error)),
            }
        }
        Way::Queued(runtime) => {
            let len = room.len().min(MAX_COPY);
            let aio = runtime.aio_without_callback();
            aio.set_timeout(timeout);
            aio.set_buffer(vec![0; len])?;
            stream.start(&aio, Direction::Recv);
            aio.wait();
            aio.outcome()?;
            let count = aio.count();
            room[..count].copy_from_slice(&aio.take_buffer()[..count]);
            Ok(count)
        }
    }
}

impl Way {
    fn of(stream: &Arc<Inner>, direction: Direction) -> Result<Self, Error> {
        let runtime = stream.runtime();
        if runtime.is_forked() {
            return Err(Error::Closed);
        }
        stream.look(direction, |socket, has_waiting| {
            if has_waiting || runtime.is_host_driven() {
                Self::Queued(Runtime::from_shared(Arc::clone(runtime)))
            } else {
                Self::Alone(socket.shared_fd())
            }
        })
    }
}

impl Patience {
    fn of(timeout: Timeout) -> Self {
        match timeout {
            Timeout::Infinite | Timeout::Default => Self::Endless,
            Timeout::After(Duration::ZERO) | Timeout::Over => Self::None,
            Timeout::After(limit) => {
                Instant::now().checked_add(limit).map_or(Self::Endless, Self::Until)
            }
        }
    }
}

/// Transfers by `attempt`, which is told whether it may sleep in the system.
fn transfer(
    stream: &Arc<Inner>,
    fd: &Arc<OwnedFd>,
    direction: Direction,
    timeout: Timeout,
    mut attempt: impl FnMut(bool) -> std::io::Result<usize>,
) -> Result<usize, Error> {
    let patience = Patience::of(timeout);
    // What is to be sent usually can be; what is to be received usually has yet to come.
    if let (Patience::None, _) | (_, Direction::Send) = (patience, direction) {
        match attempt(false).map_err(Error::from) {
            Err(Error::Again) if matches!(patience, Patience::None) => return Err(Error::TimedOut),
            Err(Error::Again) => {}
            result => return result,
        }
    }
    stream.runtime().before_block();
    if let (Patience::Endless, Direction::Recv) = (patience, direction) {
        match attempt(true).map_err(Error::from) {
            // The descriptor was handed to us in the non-blocking mode.
            Err(Error::Again) => {}
            result => return result,
        }
    }
    loop {
        let limit = match patience {
            Patience::None => Some(Duration::ZERO),
            Patience::Until(end) => Some(end.saturating_duration_since(Instant::now())),
            Patience::Endless => None,
        };
        let is_ready = sys::wait_ready(fd.as_fd(), direction == Direction::Send, limit)?;
        match attempt(false).map_err(Error::from) {
            Err(Error::Again) if !is_ready => return Err(Error::TimedOut),
            Err(Error::Again) => {}
            result => return result,
        }
    }
}
