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
//! The selector learns of the descriptor only when something would block or was cut short: a stream
//! that is only used synchronously never costs a poller a wake-up. Registration is once,
//! edge-triggered and for both directions, and reports at once what is ready by then, so no
//! readiness is lost between a failed attempt and the registration.
//!
//! Sockets stay in the blocking mode in which the system hands them out; every transfer asks for
//! itself not to block. Only files cannot be sent so, and a socket that has sent one never blocks.

use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::addr::Addr;
use super::ends::Ends;
use crate::runtime::{Registration, Watcher};
use crate::sys::{self, Credentials, Switch};
use crate::{Error, Runtime};

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
    /// The most bytes that one call is asked to move: less than any system refuses or cuts off.
    pub const MAX_TRANSFER: usize = 1 << 30;

    /// The most bytes of a file that one call sends: what takes a fraction of a millisecond.
    #[cfg(target_os = "linux")]
    const MAX_FILE_TRANSFER: usize = 256 << 10;

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
    /// A count short of the room, up to [`MAX_TRANSFER`](Self::MAX_TRANSFER), means that nothing more
    /// was there; the watcher will be told of more.
    /// # Errors
    /// `Again` if nothing is there; the watcher will be told. `ConnectionReset`, and whatever else
    /// the system says of a broken connection.
    pub fn try_recv(&mut self, room: &mut [u8]) -> Result<usize, Error> {
        let wanted = room.len().min(Self::MAX_TRANSFER);
        let result = sys::recv(self.fd.as_fd(), &mut room[..wanted]).map_err(Error::from);
        self.watch_if_short(result, wanted)
    }

    /// As [`try_recv`](Self::try_recv), into several pieces in order.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_vectored(&mut self, room: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
        let (used, wanted) = within_limit(room.iter().map(|piece| piece.len()));
        let result = match &mut room[..used] {
            [piece] => sys::recv(self.fd.as_fd(), &mut piece[..wanted]),
            pieces => sys::recv_vectored(self.fd.as_fd(), pieces),
        };
        self.watch_if_short(result.map_err(Error::from), wanted)
    }

    /// Sends as many bytes of the pieces as the system takes now.
    ///
    /// A short count, up to [`MAX_TRANSFER`](Self::MAX_TRANSFER), means that it takes no more; the
    /// watcher will be told when it does.
    /// # Errors
    /// `Again` if it takes none; the watcher will be told. `Closed` if the peer has gone,
    /// `ConnectionReset`, and whatever else the system says of a broken connection.
    pub fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        let (used, wanted) = within_limit(pieces.iter().map(|piece| piece.len()));
        let result = match &pieces[..used] {
            [piece] => sys::send(self.fd.as_fd(), &[IoSlice::new(&piece[..wanted])]),
            pieces => sys::send(self.fd.as_fd(), pieces),
        };
        self.watch_if_short(result.map_err(Error::from), wanted)
    }

    /// Sends bytes of a file, from `at` on, that are in memory already: copies nothing on the way, and
    /// does not wait for a disk, unless the system drops them at just that moment. At most `len` of them
    /// go, and no more than a quarter of a mebibyte.
    ///
    /// A count of 0 means that the file ends there, that its bytes are on the disk only, or that the
    /// system does not tell: it does from Linux 6.5 on, of files that this process owns or may write, on
    /// file systems that can be read from without waiting, such as ext4 and XFS. Read them where it is all right to wait, then, and send them with
    /// [`try_send`](Self::try_send). A short count means that the socket takes no more, of which the
    /// watcher will be told, or that the file has become shorter.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    #[cfg(target_os = "linux")]
    pub fn try_send_file(
        &mut self,
        file: BorrowedFd<'_>,
        at: u64,
        len: usize,
    ) -> Result<usize, Error> {
        let len = len.min(Self::MAX_FILE_TRANSFER);
        if len == 0 || !sys::is_in_memory(file, at, len) {
            return Ok(0);
        }
        // The one transfer that cannot be asked not to block.
        sys::set_blocking(self.fd.as_fd(), false)?;
        match sys::send_file(self.fd.as_fd(), file, at, len) {
            // What was in memory may have been cut off meanwhile.
            Ok(0) => Ok(0),
            result => self.watch_if_short(result.map_err(Error::from), len),
        }
    }

    /// As on Linux, of which this is none.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    pub fn try_send_file(
        &mut self,
        _file: BorrowedFd<'_>,
        _at: u64,
        _len: usize,
    ) -> Result<usize, Error> {
        Ok(0)
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
            let watched = registration.poll(self.fd.as_fd());
            // What was moved was moved; who goes on to wait calls `watch` and learns of the failure.
            if result.is_err() {
                watched?;
            }
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

    /// Returns whether it was attached by the parent process, whose connection it is then: nothing
    /// should be sent on it.
    pub fn is_forked(&self) -> bool {
        self.registration.as_ref().is_some_and(Registration::is_forked)
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

    /// Tells whether an option of TCP is on.
    pub(super) fn switch(&self, switch: Switch) -> Result<bool, Error> {
        if self.ends.is_tcp() {
            Ok(sys::switch(self.as_fd(), switch)?)
        } else {
            Err(Error::NotSupported)
        }
    }

    /// Turns an option of TCP on or off.
    pub(super) fn set_switch(&self, switch: Switch, is_on: bool) -> Result<(), Error> {
        if self.ends.is_tcp() {
            Ok(sys::set_switch(self.as_fd(), switch, is_on)?)
        } else {
            Err(Error::NotSupported)
        }
    }

    /// Asks who is at the other end of a Unix socket.
    pub(super) fn peer_credentials(&self) -> Result<Credentials, Error> {
        if self.ends.is_unix() {
            Ok(sys::peer_credentials(self.as_fd())?)
        } else {
            Err(Error::NotSupported)
        }
    }

    /// Names the ends of a connection that has just been made.
    pub(super) fn with_ends(mut self, ends: Ends) -> Self {
        self.ends = ends;
        self
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
        let is_ours = !self.is_forked();
        self.detach();
        // The child of a fork gives its descriptor back and leaves the connection to its parent.
        if is_ours {
            // It fails if the peer was faster, and then there is nothing to end.
            let _ = sys::shutdown(self.fd.as_fd(), Shutdown::Both);
        }
    }

    /// Leaves the runtime's table and the selector, so that another watcher may come.
    ///
    /// # Errors
    /// What the system answers.
    pub fn withdraw(&mut self) -> Result<(), Error> {
        self.registration.take().map_or(Ok(()), |place| place.withdraw(self.fd.as_fd()))
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

/// How many pieces of these lengths stay within [`Socket::MAX_TRANSFER`], and their length together.
/// A first piece that is longer is cut off.
fn within_limit(lens: impl Iterator<Item = usize>) -> (usize, usize) {
    let (mut used, mut total) = (0, 0);
    for len in lens {
        match usize::checked_add(total, len) {
            Some(sum) if sum <= Socket::MAX_TRANSFER => (used, total) = (used + 1, sum),
            Some(_) | None if used == 0 => return (1, Socket::MAX_TRANSFER),
            Some(_) | None => break,
        }
    }
    (used, total)
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = Socket::MAX_TRANSFER;

    #[test]
    fn pieces_are_taken_up_to_the_limit() {
        assert_eq!(within_limit([].into_iter()), (0, 0));
        assert_eq!(within_limit([1, 2, 3].into_iter()), (3, 6));
        assert_eq!(within_limit([1, MAX - 1, 1].into_iter()), (2, MAX));
        assert_eq!(within_limit([usize::MAX, 1].into_iter()), (1, MAX));
        assert_eq!(within_limit([5, usize::MAX, 1].into_iter()), (1, 5));
    }
}
