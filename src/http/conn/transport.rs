//! What carries a connection: a socket, or one with TLS inside.
//!
//! A connection without TLS pays one comparison for the choice, and no memory.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;

use nng_aio::net::{Addr, Socket};
use nng_aio::{Error, Readiness, Runtime, Watcher};

use crate::tls::Channel;

/// What carries a connection.
pub(crate) enum Transport {
    Plain(Socket),
    Tls(Box<Channel>),
}

impl From<Socket> for Transport {
    fn from(socket: Socket) -> Self {
        Self::Plain(socket)
    }
}

impl From<Channel> for Transport {
    fn from(channel: Channel) -> Self {
        Self::Tls(Box::new(channel))
    }
}

impl Transport {
    /// As [`Socket::attach`].
    pub(super) fn attach(
        &mut self,
        runtime: &Runtime,
        watcher: Arc<dyn Watcher>,
    ) -> Result<(), Error> {
        match self {
            Self::Plain(socket) => socket.attach(runtime, watcher),
            Self::Tls(channel) => channel.attach(runtime, watcher),
        }
    }

    /// As [`Socket::watch`].
    pub(super) fn watch(&mut self) -> Result<(), Error> {
        match self {
            Self::Plain(socket) => socket.watch(),
            Self::Tls(channel) => channel.watch(),
        }
    }

    /// As [`Socket::try_recv`]; see also [`can_recv`](Self::can_recv).
    pub(super) fn try_recv(&mut self, room: &mut [u8]) -> Result<usize, Error> {
        match self {
            Self::Plain(socket) => socket.try_recv(room),
            Self::Tls(channel) => channel.try_recv(&mut [IoSliceMut::new(room)]),
        }
    }

    /// As [`Socket::try_recv_vectored`]; see also [`can_recv`](Self::can_recv).
    pub(super) fn try_recv_vectored(
        &mut self,
        room: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Error> {
        match self {
            Self::Plain(socket) => socket.try_recv_vectored(room),
            Self::Tls(channel) => channel.try_recv(room),
        }
    }

    /// Receives what is dropped, as it is on the wire.
    pub(super) fn try_recv_raw(&mut self, room: &mut [u8]) -> Result<usize, Error> {
        match self {
            Self::Plain(socket) => socket.try_recv(room),
            Self::Tls(channel) => channel.try_recv_raw(room),
        }
    }

    /// As [`Socket::try_send`], except that the next attempt must begin with the bytes that were not
    /// sent; see also [`can_send`](Self::can_send).
    pub(super) fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        match self {
            Self::Plain(socket) => socket.try_send(pieces),
            Self::Tls(channel) => channel.try_send(pieces),
        }
    }

    /// As [`try_send`](Self::try_send), but a success leaves the next attempt free.
    pub(super) fn try_send_some(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        match self {
            Self::Plain(socket) => socket.try_send(pieces),
            Self::Tls(channel) => channel.try_send_some(pieces),
        }
    }

    /// As [`Socket::try_send_file`]; with TLS, nothing can go that way.
    pub(super) fn try_send_file(
        &mut self,
        file: &File,
        at: u64,
        len: usize,
    ) -> Result<usize, Error> {
        match self {
            Self::Plain(socket) => socket.try_send_file(file.as_fd(), at, len),
            Self::Tls(_) => Ok(0),
        }
    }

    /// As [`Socket::remote_addr`].
    pub(super) fn remote_addr(&self) -> Addr {
        match self {
            Self::Plain(socket) => socket.remote_addr(),
            Self::Tls(channel) => channel.remote_addr(),
        }
    }

    /// As [`Socket::take_error`].
    pub(super) fn take_error(&self) -> Option<Error> {
        match self {
            Self::Plain(socket) => socket.take_error(),
            Self::Tls(channel) => channel.take_error(),
        }
    }

    /// Ends the sending direction, now or in [`finish_shutdown`](Self::finish_shutdown).
    pub(super) fn shutdown(&mut self) -> Result<(), Error> {
        match self {
            Self::Plain(socket) => socket.shutdown(Shutdown::Write),
            Self::Tls(channel) => channel.shutdown(),
        }
    }

    /// Goes on with what the shutdown could not do at once.
    pub(super) fn finish_shutdown(&mut self) -> Result<(), Error> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(channel) => channel.finish_shutdown(),
        }
    }

    /// As [`Socket::close`].
    pub(super) fn close(self) {
        match self {
            Self::Plain(socket) => socket.close(),
            Self::Tls(channel) => channel.close(),
        }
    }

    /// What is between the socket and the connection, if anything is.
    pub(super) fn tls(&self) -> Option<&Channel> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(channel) => Some(channel),
        }
    }

    /// As [`tls`](Self::tls).
    pub(super) fn tls_mut(&mut self) -> Option<&mut Channel> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(channel) => Some(channel),
        }
    }

    /// Notes that the socket is ready; returns whether that may help both directions.
    pub(super) fn note_ready(&mut self, readiness: Readiness) -> bool {
        self.tls_mut().map(|channel| channel.note_ready(readiness)).is_some()
    }

    /// Whether there may be something to receive after a short receive, or an attempt to send.
    pub(super) fn can_recv(&self) -> bool {
        self.tls().is_some_and(Channel::can_recv)
    }

    /// Whether sending may succeed after a short send, or an attempt to receive.
    pub(super) fn can_send(&self) -> bool {
        self.tls().is_some_and(Channel::can_send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_takes_no_memory() {
        assert_eq!(size_of::<Transport>(), size_of::<Socket>());
    }
}
