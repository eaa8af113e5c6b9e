//! A connected stream socket that never blocks, with its place in the runtime's selector.
//!
//! This is what providers of byte streams stand on: [`Stream`](super::Stream) here, connections of
//! protocols elsewhere. The provider keeps it under its own lock, implements [`Watcher`], tries I/O
//! whenever an operation may make progress, and goes on when the watcher is told.
//!
//! ```text
//!   from_fd --attach--> in the runtime's table --first short count or watch()--> in the selector
//!                                   |                                               |
//!                                   +-------------- close() or drop ----------------+--> gone
//! ```
//!
//! The selector learns of the descriptor only when something would block or was cut short: a stream that is only
//! used synchronously never costs a poller a wake-up. Registration is once, edge-triggered and for
//! both directions, and reports at once what is ready by then, so no readiness is lost between a
//! failed attempt and the registration.
//!
//! Sockets stay in the blocking mode in which the system hands them out; every transfer asks for
//! itself not to block.

use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::addr::Addr;
use super::ends::Ends;
use crate::runtime::{Registration, Watcher};
use crate::{Error, Runtime, sys};

/// A connected stream socket.
#[derive(Debug)]
pub struct Socket {
    /// Shared with threads that sleep in a call on it, so that closing never frees the number of a
    /// descriptor that is in use.
    fd: Arc<OwnedFd>,
    registration: Option<Registration>,
    ends: Ends,
}

impl Socket {
    /// Takes over a connected stream socket.
    pub fn from_fd(fd: OwnedFd) -> Self {
        let ends = Ends::of(fd.as_fd());
        Self::new(fd, ends)
    }

    pub(super) fn new(fd: OwnedFd, ends: Ends) -> Self {
        Self { fd: Arc::new(fd), registration: None, ends }
    }

    /// Enters the socket into the runtime's table, which keeps `watcher` until the socket is closed
    /// or dropped. The watcher hears of the runtime's end from now on, and of readiness once an
    /// attempt has failed with `Again` or [`watch`](Self::watch) was called.
    ///
    /// # Errors
    /// `Closed` when the runtime shuts down or belongs to the parent process.
    pub fn attach(&mut self, runtime: &Runtime, watcher: Arc<dyn Watcher>) -> Result<(), Error> {
        self.registration = Some(runtime.enter(watcher)?);
        Ok(())
    }

    /// Asks for readiness without an attempt, for sockets that are likely to have nothing yet. What
    /// is ready already is told, too.
    ///
    /// # Errors
    /// `State` before [`attach`](Self::attach); `NoMemory` or `NoSpace` if the selector takes no
    /// more.
    pub fn watch(&mut self) -> Result<(), Error> {
        let registration = self.registration.as_mut().ok_or(Error::State)?;
        registration.poll(self.fd.as_fd())
    }

    /// Receives what is there, at most `room.len()` bytes; 0 is the end of the stream, if there is
    /// room.
    ///
    /// A short count means that nothing more was there; the watcher will be told of more.
    /// # Errors
    /// `Again` if nothing is there; the watcher will be told. `ConnectionReset`, and whatever else
    /// the system says of a broken connection.
    pub fn try_recv(&mut self, room: &mut [u8]) -> Result<usize, Error> {
        let result = sys::recv(self.fd.as_fd(), room).map_err(Error::from);
        self.watch_if_short(result, room.len())
    }

    /// As [`try_recv`](Self::try_recv), into several pieces in order.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_vectored(&mut self, room: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
        let wanted = room.iter().map(|piece| piece.len()).sum();
        let result = match room {
            [piece] => sys::recv(self.fd.as_fd(), piece),
            pieces => sys::recv_vectored(self.fd.as_fd(), pieces),
        };
        self.watch_if_short(result.map_err(Error::from), wanted)
    }

    /// Sends as many bytes of the pieces as the system takes now.
    ///
    /// A short count means that it takes no more; the watcher will be told when it does.
    /// # Errors
    /// `Again` if it takes none; the watcher will be told. `Closed` if the peer has gone,
    /// `ConnectionReset`, and whatever else the system says of a broken connection.
    pub fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        let wanted = pieces.iter().map(|piece| piece.len()).sum();
        let result = sys::send(self.fd.as_fd(), pieces).map_err(Error::from);
        self.watch_if_short(result, wanted)
    }

    /// Sees to it that the watcher is told of more, if that is what the attempt needs next.
    fn watch_if_short(
        &mut self,
        result: Result<usize, Error>,
        wanted: usize,
    ) -> Result<usize, Error> {
        let is_short = match result {
            Ok(count) => count < wanted,
            Err(error) => error == Error::Again,
        };
        if let (true, Some(registration)) = (is_short, &mut self.registration) {
            registration.poll(self.fd.as_fd())?;
        }
        result
    }

    /// Ends one direction or both; what was sent before still arrives.
    ///
    /// # Errors
    /// `Closed` if the peer has gone already.
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        Ok(sys::shutdown(self.fd.as_fd(), how)?)
    }

    /// Takes the error that the connection met in the background, if there is one.
    pub fn take_error(&self) -> Option<Error> {
        sys::take_error(self.fd.as_fd()).err().map(Error::from)
    }

    /// The address of this end, as it was when the connection was made; of a Unix connection, that
    /// of the listener. `Unspecified` for a pair of Unix sockets.
    pub fn local_addr(&self) -> Addr {
        self.ends.local()
    }

    /// The address of the other end, as it was when the connection was made; of a Unix connection,
    /// that of the listener. `Unspecified` for a pair of Unix sockets.
    pub fn remote_addr(&self) -> Addr {
        self.ends.peer()
    }

    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// The descriptor, for those who sleep in a call on it while the socket may be closed.
    pub(crate) fn shared_fd(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }

    /// Leaves the runtime's table, ends both directions and gives the descriptor back. Threads that
    /// sleep in a call on it wake up.
    pub fn close(mut self) {
        self.detach();
        // It fails if the peer was faster, and then there is nothing to end.
        let _ = sys::shutdown(self.fd.as_fd(), Shutdown::Both);
    }

    fn detach(&mut self) {
        if let Some(registration) = self.registration.take() {
            registration.remove();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.detach();
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
