//! What may lie between a socket and its stream and change the bytes on their way.
//!
//! A stream treats it as it treats a socket, under its lock. What it is, the core does not know: whoever
//! needs one implements [`Layer`], and hands the means to make it to a dialer or a listener.

use std::any::Any;
use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

use super::ends::Ends;
use super::socket::Socket;
use crate::runtime::Readiness;
use crate::{Error, Runtime};

/// Something between a socket and a stream. Nothing of it blocks.
pub trait Layer: Send {
    /// The socket below, for its addresses and options, and to be watched.
    fn socket(&self) -> &Socket;

    /// As [`socket`](Self::socket).
    fn socket_mut(&mut self) -> &mut Socket;

    /// The socket is ready, or may be. What is on its way may go on.
    fn note_ready(&mut self, readiness: Readiness);

    /// Whether an attempt to receive may succeed, or would tell of the end or of an error.
    fn can_recv(&self) -> bool;

    /// Whether an attempt to send may succeed, or would tell of an error.
    fn can_send(&self) -> bool;

    /// As [`Socket::try_recv_vectored`], except that a short count says nothing.
    ///
    /// # Errors
    /// `Again` if nothing is there, and then the socket is watched.
    fn try_recv(&mut self, room: &mut [IoSliceMut<'_>]) -> Result<usize, Error>;

    /// As [`Socket::try_send`], except that a short count says nothing. What it takes it sends, also
    /// after [`close`](Self::close), as far as that can be waited for.
    ///
    /// # Errors
    /// `Again` if it takes none, and then the socket is watched.
    fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error>;

    /// Closes the socket when what was taken has been sent, or will not be.
    fn close(self: Box<Self>);

    /// Itself, for those who know what it is.
    fn as_any(&self) -> &dyn Any;
}

/// Makes a layer over a socket that is connected, on the runtime of its stream.
pub type MakeLayer = Arc<dyn Fn(Socket, &Runtime) -> Result<Box<dyn Layer>, Error> + Send + Sync>;

/// What carries a stream.
pub(super) enum Carrier {
    Socket(Socket),
    Layer(Box<dyn Layer>),
}

impl Carrier {
    /// A socket, under a layer if there is one to be.
    ///
    /// # Errors
    /// What the layer says.
    pub(super) fn new(
        socket: Socket,
        layer: Option<&MakeLayer>,
        runtime: &Runtime,
    ) -> Result<Self, Error> {
        match layer {
            None => Ok(Self::Socket(socket)),
            Some(make) => make(socket, runtime).map(Self::Layer),
        }
    }

    pub(super) fn socket_mut(&mut self) -> &mut Socket {
        match self {
            Self::Socket(socket) => socket,
            Self::Layer(layer) => layer.socket_mut(),
        }
    }

    pub(super) fn ends(&self) -> &Ends {
        match self {
            Self::Socket(socket) => socket.ends(),
            Self::Layer(layer) => layer.socket().ends(),
        }
    }

    pub(super) fn layer(&self) -> Option<&dyn Layer> {
        match self {
            Self::Socket(_) => None,
            Self::Layer(layer) => Some(&**layer),
        }
    }

    pub(super) fn close(self) {
        match self {
            Self::Socket(socket) => socket.close(),
            Self::Layer(layer) => layer.close(),
        }
    }
}
