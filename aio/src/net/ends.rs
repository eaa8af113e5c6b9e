//! The names of a connection's two ends, as they were when it was made.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::sys::{self, Name};

/// Both names. Most connections need no memory of their own for them.
#[derive(Clone, Debug)]
pub(crate) enum Ends {
    /// Two ends over IPv4.
    V4 { local: SocketAddrV4, peer: SocketAddrV4 },
    /// Two ends over IPv6.
    V6(Arc<[SocketAddrV6; 2]>),
    /// A Unix connection: both ends go by the name of the listener.
    Unix(Arc<Name>),
    /// A Unix connection that never had a listener.
    Pair,
    /// The system did not tell, or the socket is of no family we know.
    Unknown,
}

impl Ends {
    /// Names given by those who made the connection.
    pub(crate) fn new(local: Name, peer: Name) -> Self {
        match (local, peer) {
            (Name::Inet(SocketAddr::V4(local)), Name::Inet(SocketAddr::V4(peer))) => {
                Self::V4 { local, peer }
            }
            (Name::Inet(SocketAddr::V6(local)), Name::Inet(SocketAddr::V6(peer))) => {
                Self::V6(Arc::new([local, peer]))
            }
            (Name::Unnamed, Name::Unnamed) => Self::Pair,
            (Name::Unnamed, name @ (Name::Path(_) | Name::Abstract(_)))
            | (name @ (Name::Path(_) | Name::Abstract(_)), _) => Self::Unix(Arc::new(name)),
            (Name::Inet(_) | Name::Unnamed, _) => Self::Unknown,
        }
    }

    /// Names as the system knows them.
    pub(crate) fn of(socket: BorrowedFd<'_>) -> Self {
        match (sys::local_name(socket), sys::peer_name(socket)) {
            (Ok(local), Ok(peer)) => Self::new(local, peer),
            (Ok(_), Err(_)) | (Err(_), _) => Self::Unknown,
        }
    }

    /// The name of this end.
    pub(crate) fn local(&self) -> Option<Name> {
        match self {
            Self::V4 { local, .. } => Some(Name::Inet((*local).into())),
            Self::V6(ends) => Some(Name::Inet(ends[0].into())),
            Self::Unix(name) => Some(Name::clone(name)),
            Self::Pair | Self::Unknown => None,
        }
    }

    /// The name of the other end.
    pub(crate) fn peer(&self) -> Option<Name> {
        match self {
            Self::V4 { peer, .. } => Some(Name::Inet((*peer).into())),
            Self::V6(ends) => Some(Name::Inet(ends[1].into())),
            Self::Unix(name) => Some(Name::clone(name)),
            Self::Pair | Self::Unknown => None,
        }
    }

    /// True for TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        match self {
            Self::V4 { .. } | Self::V6(_) => true,
            Self::Unix(_) | Self::Pair | Self::Unknown => false,
        }
    }

    /// True for Unix sockets.
    pub(crate) fn is_unix(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Pair => true,
            Self::V4 { .. } | Self::V6(_) | Self::Unknown => false,
        }
    }
}
