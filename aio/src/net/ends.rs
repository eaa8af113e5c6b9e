//! The addresses of a connection's two ends, as they were when it was made, and the way between
//! addresses and the system's names.

use std::ffi::OsStr;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::addr::{AbstractName, Addr, IpcPath};
use crate::sys::{self, Name};

/// Both addresses. Most connections need no memory of their own for them.
#[derive(Clone, Debug)]
pub(super) enum Ends {
    /// Two ends over IPv4.
    V4 { local: SocketAddrV4, peer: SocketAddrV4 },
    /// Two ends over IPv6.
    V6(Arc<[SocketAddrV6; 2]>),
    /// A Unix connection: both ends go by the path of the listener.
    Path(IpcPath),
    /// A Unix connection: both ends go by the abstract name of the listener.
    Abstract(AbstractName),
    /// A Unix connection that never had a listener.
    Pair,
    /// The system did not tell, or the socket is of no family we know.
    Unknown,
}

impl Ends {
    /// Addresses known to those who made the connection.
    pub(super) fn new(local: Addr, peer: Addr) -> Self {
        match (local, peer) {
            (Addr::Inet(local), Addr::Inet(peer)) => Self::V4 { local, peer },
            (Addr::Inet6(local), Addr::Inet6(peer)) => Self::V6(Arc::new([local, peer])),
            (Addr::Ipc(path), _) | (_, Addr::Ipc(path)) => Self::Path(path),
            (Addr::Abstract(name), _) | (_, Addr::Abstract(name)) => Self::Abstract(name),
            (Addr::Inet(_) | Addr::Inet6(_) | Addr::Unspecified, _) => Self::Unknown,
        }
    }

    /// Addresses as the system knows them.
    pub(super) fn of(socket: BorrowedFd<'_>) -> Self {
        match (sys::local_name(socket), sys::peer_name(socket)) {
            (Ok(Name::Unnamed), Ok(Name::Unnamed)) => Self::Pair,
            (Ok(local), Ok(peer)) => Self::new(local.into(), peer.into()),
            (Ok(_), Err(_)) | (Err(_), _) => Self::Unknown,
        }
    }

    /// The address of this end.
    pub(super) fn local(&self) -> Addr {
        match self {
            Self::V4 { local, .. } => Addr::Inet(*local),
            Self::V6(ends) => Addr::Inet6(ends[0]),
            Self::Path(path) => Addr::Ipc(path.clone()),
            Self::Abstract(name) => Addr::Abstract(name.clone()),
            Self::Pair | Self::Unknown => Addr::Unspecified,
        }
    }

    /// The address of the other end.
    pub(super) fn peer(&self) -> Addr {
        match self {
            Self::V4 { peer, .. } => Addr::Inet(*peer),
            Self::V6(ends) => Addr::Inet6(ends[1]),
            Self::Path(path) => Addr::Ipc(path.clone()),
            Self::Abstract(name) => Addr::Abstract(name.clone()),
            Self::Pair | Self::Unknown => Addr::Unspecified,
        }
    }

    /// True for TCP.
    pub(super) fn is_tcp(&self) -> bool {
        match self {
            Self::V4 { .. } | Self::V6(_) => true,
            Self::Path(_) | Self::Abstract(_) | Self::Pair | Self::Unknown => false,
        }
    }

    /// True for Unix sockets.
    pub(super) fn is_unix(&self) -> bool {
        match self {
            Self::Path(_) | Self::Abstract(_) | Self::Pair => true,
            Self::V4 { .. } | Self::V6(_) | Self::Unknown => false,
        }
    }
}

impl From<Name> for Addr {
    /// A Unix socket without a name becomes `Unspecified`.
    fn from(name: Name) -> Self {
        match name {
            Name::Inet(address) => address.into(),
            Name::Path(path) => Self::ipc(OsStr::from_bytes(&path)).unwrap_or_default(),
            Name::Abstract(name) => Self::abstract_from_bytes(&name).unwrap_or_default(),
            Name::Unnamed => Self::Unspecified,
        }
    }
}

impl From<&Addr> for Name {
    /// An empty abstract name, and no address, become the name that lets the system choose.
    fn from(addr: &Addr) -> Self {
        match addr {
            Addr::Inet(address) => Self::Inet(SocketAddr::V4(*address)),
            Addr::Inet6(address) => Self::Inet(SocketAddr::V6(*address)),
            Addr::Ipc(path) => Self::Path(path.as_path().as_os_str().as_bytes().to_vec()),
            Addr::Abstract(name) if !name.as_bytes().is_empty() => {
                Self::Abstract(name.as_bytes().to_vec())
            }
            Addr::Abstract(_) | Addr::Unspecified => Self::Unnamed,
        }
    }
}
