//! One connection and what is known of it: which attempts are worth making.
//!
//! No lock and no queue; [`Stream`](super::Stream) has those. What the system last said of each
//! direction is kept, so no attempt is made that is known to fail. A flag goes out by an attempt
//! that blocked or was cut short; it comes on by the selector's report, which follows whenever it
//! went out. Once the peer has hung up, receiving is always worth an attempt: what arrived before
//! comes first, then the reason, then the end, as often as one asks.

use std::io::IoSlice;
use std::mem;

use super::ends::Ends;
use super::layer::{Carrier, Layer};
use super::socket::Socket;
use crate::Error;
use crate::buffer::{Buffer, Buffers};
use crate::runtime::Readiness;

/// A connection, open or closed by us.
pub(super) struct Line {
    link: Link,
    /// Receiving may succeed.
    can_recv: bool,
    /// Sending may succeed.
    can_send: bool,
    /// The peer closed its side, or the connection broke; receiving will say.
    is_hung_up: bool,
}

enum Link {
    Open(Carrier),
    Closed(Ends),
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    Recv,
    Send,
}

impl Line {
    /// Nothing is known yet, so everything is worth an attempt.
    pub(super) fn new(carrier: Carrier) -> Self {
        Self { link: Link::Open(carrier), can_recv: true, can_send: true, is_hung_up: false }
    }

    /// Closes it; what carried it is to be closed outside the lock. `None` if that was done before.
    pub(super) fn close(&mut self) -> Option<Carrier> {
        let Link::Open(carrier) = &self.link else { return None };
        let ends = carrier.ends().clone();
        match mem::replace(&mut self.link, Link::Closed(ends)) {
            Link::Open(carrier) => Some(carrier),
            Link::Closed(_) => None,
        }
    }

    /// What lies between, if there is anything.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) fn layer(&self) -> Result<Option<&dyn Layer>, Error> {
        match &self.link {
            Link::Open(carrier) => Ok(carrier.layer()),
            Link::Closed(_) => Err(Error::Closed),
        }
    }

    /// The socket.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) fn socket(&mut self) -> Result<&mut Socket, Error> {
        match &mut self.link {
            Link::Open(carrier) => Ok(carrier.socket_mut()),
            Link::Closed(_) => Err(Error::Closed),
        }
    }

    pub(super) fn ends(&self) -> &Ends {
        match &self.link {
            Link::Open(carrier) => carrier.ends(),
            Link::Closed(ends) => ends,
        }
    }

    /// Remembers what the selector reported.
    pub(super) fn note(&mut self, readiness: Readiness) {
        if let Link::Open(Carrier::Layer(layer)) = &mut self.link {
            layer.note_ready(readiness);
        }
        self.is_hung_up |= readiness.hangup;
        self.can_recv |= readiness.readable;
        self.can_send |= readiness.writable;
    }

    /// True if an attempt may succeed.
    pub(super) fn can(&self, direction: Direction) -> bool {
        match (&self.link, direction) {
            (Link::Open(Carrier::Layer(layer)), Direction::Recv) => layer.can_recv(),
            (Link::Open(Carrier::Layer(layer)), Direction::Send) => layer.can_send(),
            (_, Direction::Recv) => self.can_recv,
            (_, Direction::Send) => self.can_send,
        }
    }

    /// Makes one attempt with buffers that are not empty. `None` if it would block.
    pub(super) fn attempt(
        &mut self,
        direction: Direction,
        buffers: &mut Buffers,
    ) -> Option<Result<usize, Error>> {
        let socket = match &mut self.link {
            Link::Open(Carrier::Socket(socket)) => socket,
            Link::Open(Carrier::Layer(layer)) => {
                return through(&mut **layer, direction, buffers);
            }
            Link::Closed(_) => return Some(Err(Error::Closed)),
        };
        match direction {
            Direction::Recv => {
                let (result, wanted) = receive(socket, buffers);
                self.received(result, wanted)
            }
            Direction::Send => {
                let (result, wanted) = transmit(socket, buffers);
                self.sent(result, wanted)
            }
        }
    }

    fn received(
        &mut self,
        result: Result<usize, Error>,
        wanted: usize,
    ) -> Option<Result<usize, Error>> {
        match result {
            Ok(0) => return Some(Err(Error::ConnectionShutdown)),
            Ok(count) if is_short(count, wanted) => self.can_recv = self.is_hung_up,
            Err(Error::Again) => {
                self.can_recv = false;
                self.is_hung_up = false;
                return None;
            }
            Ok(_) | Err(_) => {}
        }
        Some(result)
    }

    fn sent(
        &mut self,
        result: Result<usize, Error>,
        wanted: usize,
    ) -> Option<Result<usize, Error>> {
        match result {
            Ok(count) if is_short(count, wanted) => self.can_send = false,
            Err(Error::Again) => {
                self.can_send = false;
                return None;
            }
            Ok(_) | Err(_) => {}
        }
        Some(result)
    }
}

/// Makes one attempt with what lies between, which knows itself what is worth another.
fn through(
    layer: &mut dyn Layer,
    direction: Direction,
    buffers: &mut Buffers,
) -> Option<Result<usize, Error>> {
    let result = match direction {
        Direction::Recv => match buffers.scatter(0, |room| layer.try_recv(room)) {
            Ok(0) => Err(Error::ConnectionShutdown),
            result => result,
        },
        Direction::Send => buffers.gather(0, |pieces| layer.try_send(pieces)),
    };
    (result != Err(Error::Again)).then_some(result)
}

/// True if nothing is left behind a transfer. Of one that asked for too much nothing is known.
fn is_short(count: usize, wanted: usize) -> bool {
    count < wanted && wanted <= Socket::MAX_TRANSFER
}

/// The number of bytes that the buffers have, or have room for.
pub(super) fn len(direction: Direction, buffers: &Buffers) -> usize {
    match direction {
        Direction::Recv => buffers.room(),
        Direction::Send => buffers.total_len(),
    }
}

/// Receives into the buffers; also tells how much room there was.
fn receive(socket: &mut Socket, buffers: &mut Buffers) -> (Result<usize, Error>, usize) {
    match buffers.pieces_mut() {
        [Buffer::Owned(room)] => (socket.try_recv(room), room.len()),
        _ => buffers.scatter(0, |room| {
            let wanted = room.iter().map(|piece| piece.len()).sum();
            (socket.try_recv_vectored(room), wanted)
        }),
    }
}

/// Sends the buffers; also tells how many bytes there were.
fn transmit(socket: &mut Socket, buffers: &Buffers) -> (Result<usize, Error>, usize) {
    match buffers.pieces() {
        [piece] => (socket.try_send(&[IoSlice::new(piece.as_slice())]), piece.len()),
        _ => (buffers.gather(0, |pieces| socket.try_send(pieces)), buffers.total_len()),
    }
}
