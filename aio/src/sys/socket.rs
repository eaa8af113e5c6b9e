//! Socket calls: transfers that never block, addresses, options.
//!
//! Descriptors come in borrowed or leave owned, and are close-on-exec from the start. Calls that a
//! signal interrupts are made again.
//!
//! # Source
//! socket(2), recvmsg(2), sendmsg(2), accept(2), connect(2), getsockopt(2), unix(7), poll(2).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use libc::{c_int, c_void, socklen_t};

/// No signal when the peer has gone; elsewhere the socket is told once, by its option.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: c_int = 0;

/// Which family of addresses a socket has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Domain {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// Unix sockets.
    Unix,
}

/// An address in the system's form, and which name it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    /// An IPv4 or IPv6 address and port.
    Inet(SocketAddr),
    /// A path in the file system, 1 to 107 bytes without NUL.
    Path(Vec<u8>),
    /// A name in Linux' abstract namespace, 1 to 107 bytes.
    Abstract(Vec<u8>),
    /// A Unix socket without a name; binding to it lets the system choose an abstract one.
    Unnamed,
}

/// A name as the system calls take it.
enum Raw {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
    Unix(libc::sockaddr_un, socklen_t),
}

/// Runs a call that answers -1 and sets errno on failure, again if a signal interrupted it.
pub(super) fn check(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Widens the result of a call that returns `int`.
fn check_int(mut call: impl FnMut() -> c_int) -> io::Result<c_int> {
    let mut result = 0;
    check(|| {
        result = call();
        isize::try_from(result).unwrap_or(-1)
    })?;
    Ok(result)
}

// --- Transfers ----------------------------------------------------------------------------------

/// Receives what is there, at most `room.len()` bytes; 0 is the end of the stream.
///
/// # Errors
/// `WouldBlock` if nothing is there.
pub(crate) fn recv(socket: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    recv_with(socket, room, libc::MSG_DONTWAIT)
}

/// As [`recv`], but sleeps until something is there.
pub(crate) fn recv_blocking(socket: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    recv_with(socket, room, 0)
}

fn recv_with(socket: BorrowedFd<'_>, room: &mut [u8], flags: c_int) -> io::Result<usize> {
    let (at, len) = (room.as_mut_ptr().cast::<c_void>(), room.len());
    check(|| {
        // SAFETY: the descriptor is borrowed and open; pointer and length are those of a slice
        // that is borrowed for writing until the call is over.
        unsafe { libc::recv(socket.as_raw_fd(), at, len, flags) }
    })
}

/// Receives what is there into several pieces, in order; see [`recv`].
pub(crate) fn recv_vectored(
    socket: BorrowedFd<'_>,
    room: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    let mut message = empty_message();
    message.msg_iov = room.as_mut_ptr().cast::<libc::iovec>();
    message.msg_iovlen = room.len().min(MAX_PIECES) as _;
    check(|| {
        // SAFETY: the descriptor is borrowed and open; IoSliceMut has the layout of iovec by its
        // documentation, and the memory that the pieces name is borrowed for writing.
        unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) }
    })
}

/// Sends as much of the pieces as the system takes now.
///
/// # Errors
/// `WouldBlock` if it takes nothing; `BrokenPipe` instead of a signal if the peer has gone.
pub(crate) fn send(socket: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT;
    if let [piece] = pieces {
        let (at, len) = (piece.as_ptr().cast::<c_void>(), piece.len());
        return check(|| {
            // SAFETY: the descriptor is borrowed and open; pointer and length are a slice's.
            unsafe { libc::send(socket.as_raw_fd(), at, len, flags | SEND_FLAGS) }
        });
    }
    let mut message = empty_message();
    // The system only reads through the pointer, whatever its type says.
    message.msg_iov = pieces.as_ptr().cast::<libc::iovec>().cast_mut();
    message.msg_iovlen = pieces.len().min(MAX_PIECES) as _;
    check(|| {
        // SAFETY: the descriptor is borrowed and open; IoSlice has the layout of iovec by its
        // documentation, and the memory that the pieces name is borrowed.
        unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags | SEND_FLAGS) }
    })
}

/// More pieces than this are left for the next call; every system takes as many.
const MAX_PIECES: usize = 1024;

fn empty_message() -> libc::msghdr {
    // SAFETY: a message header is plain data for which zero means absent in every field.
    unsafe { mem::zeroed() }
}

/// Sleeps until the socket may be read (or written, if `for_writing`), or has an error, or is shut
/// down; at most `limit`. False if the limit passed first.
pub(crate) fn wait_ready(
    socket: BorrowedFd<'_>,
    for_writing: bool,
    limit: Option<Duration>,
) -> io::Result<bool> {
    let events = if for_writing { libc::POLLOUT } else { libc::POLLIN };
    let mut entry = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
    let millis = limit.map_or(-1, |limit| {
        c_int::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
    });
    // An interrupted wait is over: the caller knows the time and decides.
    // SAFETY: the pointer is to one entry, as the length says; its descriptor is borrowed.
    let count = unsafe { libc::poll(&raw mut entry, 1, millis) };
    if count < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(true) } else { Err(error) };
    }
    Ok(count > 0)
}

// --- Making and ending connections --------------------------------------------------------------

/// Makes a stream socket that is closed on exec.
///
/// `is_nonblocking` is for connecting; see [`set_blocking`].
pub(crate) fn socket(domain: Domain, is_nonblocking: bool) -> io::Result<OwnedFd> {
    let domain = match domain {
        Domain::Inet => libc::AF_INET,
        Domain::Inet6 => libc::AF_INET6,
        Domain::Unix => libc::AF_UNIX,
    };
    open(domain, libc::SOCK_STREAM, is_nonblocking)
}

/// Makes a Unix datagram socket, which can ask whether a stream listener lives without a trace.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unix_datagram_socket() -> io::Result<OwnedFd> {
    open(libc::AF_UNIX, libc::SOCK_DGRAM, true)
}

#[cfg(not(target_vendor = "apple"))]
fn open(domain: c_int, kind: c_int, is_nonblocking: bool) -> io::Result<OwnedFd> {
    let nonblocking = if is_nonblocking { libc::SOCK_NONBLOCK } else { 0 };
    let kind = kind | libc::SOCK_CLOEXEC | nonblocking;
    // SAFETY: the call takes plain numbers.
    let fd = check_int(|| unsafe { libc::socket(domain, kind, 0) })?;
    // SAFETY: the descriptor was opened just now and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(target_vendor = "apple")]
fn open(domain: c_int, kind: c_int, is_nonblocking: bool) -> io::Result<OwnedFd> {
    use std::os::fd::AsFd;
    // SAFETY: the call takes plain numbers.
    let fd = check_int(|| unsafe { libc::socket(domain, kind, 0) })?;
    // SAFETY: the descriptor was opened just now and nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the descriptor is open; the command takes a number.
    check_int(|| unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
    set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)?;
    set_blocking(fd.as_fd(), !is_nonblocking)?;
    Ok(fd)
}

/// Puts a descriptor into the blocking mode, in which sockets are kept, or out of it.
pub(crate) fn set_blocking(socket: BorrowedFd<'_>, is_blocking: bool) -> io::Result<()> {
    let mut flag = c_int::from(!is_blocking);
    // SAFETY: the descriptor is borrowed and open; the pointer is to an int, as FIONBIO wants.
    check_int(|| unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONBIO, &raw mut flag) })?;
    Ok(())
}

/// Gives the socket a local name.
pub(crate) fn bind(socket: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
    let raw = name.to_raw()?;
    raw.with(|address, len| {
        // SAFETY: the descriptor is borrowed and open; pointer and length describe an address.
        check_int(|| unsafe { libc::bind(socket.as_raw_fd(), address, len) })
    })?;
    Ok(())
}

/// Begins to connect.
///
/// # Errors
/// On a non-blocking socket, `InProgress` (or `WouldBlock` for a Unix socket whose listener has a
/// full queue) if it takes time.
pub(crate) fn connect(socket: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
    let raw = name.to_raw()?;
    raw.with(|address, len| {
        // SAFETY: the descriptor is borrowed and open; pointer and length describe an address.
        check_int(|| unsafe { libc::connect(socket.as_raw_fd(), address, len) })
    })?;
    Ok(())
}

/// Begins to take connections.
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed and open.
    check_int(|| unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(())
}

/// Takes a connection and the name of its other end. It is in the blocking mode and closed on exec.
/// The listener's options, such as `TCP_NODELAY`, are inherited on Linux.
///
/// # Errors
/// `WouldBlock` if none is there, provided that the listener is not in the blocking mode.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Name)> {
    let mut accepted = -1;
    let peer = read_name(|address, len| {
        accepted = accept_raw(listener.as_raw_fd(), address, len);
        accepted
    });
    if accepted < 0 {
        return Err(peer.err().unwrap_or_else(io::Error::last_os_error));
    }
    // SAFETY: the descriptor was opened just now and nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(accepted) };
    #[cfg(target_vendor = "apple")]
    {
        use std::os::fd::AsFd;
        // SAFETY: the descriptor is open; the command takes a number.
        check_int(|| unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
        set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)?;
        set_blocking(fd.as_fd(), true)?;
    }
    Ok((fd, peer?))
}

#[cfg(not(target_vendor = "apple"))]
fn accept_raw(listener: c_int, address: *mut libc::sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: the callers' descriptor is borrowed and open; the pointers, which `read_name` hands
    // out, are to room for any address and to its size.
    unsafe { libc::accept4(listener, address, len, libc::SOCK_CLOEXEC) }
}

#[cfg(target_vendor = "apple")]
fn accept_raw(listener: c_int, address: *mut libc::sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: as above.
    unsafe { libc::accept(listener, address, len) }
}

/// Ends both directions, or only the sending one.
pub(crate) fn shutdown(socket: BorrowedFd<'_>, how: std::net::Shutdown) -> io::Result<()> {
    let how = match how {
        std::net::Shutdown::Read => libc::SHUT_RD,
        std::net::Shutdown::Write => libc::SHUT_WR,
        std::net::Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: the descriptor is borrowed and open.
    check_int(|| unsafe { libc::shutdown(socket.as_raw_fd(), how) })?;
    Ok(())
}

// --- Names --------------------------------------------------------------------------------------

/// The socket's own name.
pub(crate) fn local_name(socket: BorrowedFd<'_>) -> io::Result<Name> {
    read_name(|address, len| {
        // SAFETY: the descriptor is borrowed and open; the pointers are to room for any address
        // and to its size.
        unsafe { libc::getsockname(socket.as_raw_fd(), address, len) }
    })
}

/// The name of the socket at the other end.
pub(crate) fn peer_name(socket: BorrowedFd<'_>) -> io::Result<Name> {
    read_name(|address, len| {
        // SAFETY: as in `local_name`.
        unsafe { libc::getpeername(socket.as_raw_fd(), address, len) }
    })
}

fn read_name(
    mut call: impl FnMut(*mut libc::sockaddr, *mut socklen_t) -> c_int,
) -> io::Result<Name> {
    // SAFETY: an address is plain data for which zero is a value in every field.
    let mut storage: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let mut len = size::<libc::sockaddr_storage>();
    check_int(|| call((&raw mut storage).cast(), &raw mut len))?;
    Name::from_storage(&storage, len)
}

impl Name {
    /// Tells the family a socket for this name must have.
    pub(crate) fn domain(&self) -> Domain {
        match self {
            Self::Inet(SocketAddr::V4(_)) => Domain::Inet,
            Self::Inet(SocketAddr::V6(_)) => Domain::Inet6,
            Self::Path(_) | Self::Abstract(_) | Self::Unnamed => Domain::Unix,
        }
    }

    fn to_raw(&self) -> io::Result<Raw> {
        match self {
            Self::Inet(SocketAddr::V4(address)) => Ok(Raw::V4(raw_v4(*address))),
            Self::Inet(SocketAddr::V6(address)) => Ok(Raw::V6(raw_v6(*address))),
            Self::Path(path) => raw_unix(&[], path, 1),
            Self::Abstract(name) => raw_unix(&[0], name, 0),
            Self::Unnamed => raw_unix(&[], &[], 0),
        }
    }

    fn from_storage(storage: &libc::sockaddr_storage, len: socklen_t) -> io::Result<Self> {
        match c_int::from(storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says that the storage, which is large and aligned enough for
                // every address, holds this kind.
                let raw = unsafe { *(&raw const *storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
                let port = u16::from_be(raw.sin_port);
                Ok(Self::Inet(SocketAddr::V4(SocketAddrV4::new(ip, port))))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let raw = unsafe { *(&raw const *storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                let (flow, scope) = (raw.sin6_flowinfo, raw.sin6_scope_id);
                Ok(Self::Inet(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope))))
            }
            libc::AF_UNIX => {
                // SAFETY: as above.
                let raw = unsafe { *(&raw const *storage).cast::<libc::sockaddr_un>() };
                let used =
                    (len as usize).saturating_sub(mem::offset_of!(libc::sockaddr_un, sun_path));
                // Their type is signed on some machines only.
                let bytes = raw.sun_path.iter().take(used).flat_map(|byte| byte.to_ne_bytes());
                let bytes: Vec<u8> = bytes.collect();
                Ok(Self::from_unix(&bytes))
            }
            _ => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
        }
    }

    fn from_unix(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Unnamed,
            [0, name @ ..] if cfg!(any(target_os = "linux", target_os = "android")) => {
                if name.is_empty() { Self::Unnamed } else { Self::Abstract(name.to_vec()) }
            }
            path => {
                let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
                if path.is_empty() { Self::Unnamed } else { Self::Path(path.to_vec()) }
            }
        }
    }
}

impl Raw {
    fn with<R>(&self, call: impl FnOnce(*const libc::sockaddr, socklen_t) -> R) -> R {
        match self {
            Self::V4(raw) => call((&raw const *raw).cast(), size::<libc::sockaddr_in>()),
            Self::V6(raw) => call((&raw const *raw).cast(), size::<libc::sockaddr_in6>()),
            Self::Unix(raw, len) => call((&raw const *raw).cast(), *len),
        }
    }
}

fn raw_v4(address: SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: an address is plain data for which zero is a value in every field.
    let mut raw: libc::sockaddr_in = unsafe { mem::zeroed() };
    raw.sin_family = family(libc::AF_INET);
    raw.sin_port = address.port().to_be();
    raw.sin_addr.s_addr = u32::from(*address.ip()).to_be();
    raw
}

fn raw_v6(address: SocketAddrV6) -> libc::sockaddr_in6 {
    // SAFETY: an address is plain data for which zero is a value in every field.
    let mut raw: libc::sockaddr_in6 = unsafe { mem::zeroed() };
    raw.sin6_family = family(libc::AF_INET6);
    raw.sin6_port = address.port().to_be();
    raw.sin6_flowinfo = address.flowinfo();
    raw.sin6_addr.s6_addr = address.ip().octets();
    raw.sin6_scope_id = address.scope_id();
    raw
}

/// A family as addresses hold it.
fn family(number: c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(number).unwrap_or_default()
}

/// Builds the address of `prefix` and `name`, followed by `terminators` NULs.
fn raw_unix(prefix: &[u8], name: &[u8], terminators: usize) -> io::Result<Raw> {
    // SAFETY: an address is plain data for which zero is a value in every field.
    let mut raw: libc::sockaddr_un = unsafe { mem::zeroed() };
    raw.sun_family = family(libc::AF_UNIX);
    let len = prefix.len() + name.len() + terminators;
    if len > raw.sun_path.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (place, byte) in raw.sun_path.iter_mut().zip(prefix.iter().chain(name)) {
        *place = libc::c_char::from_ne_bytes([*byte]);
    }
    let len = mem::offset_of!(libc::sockaddr_un, sun_path) + len;
    Ok(Raw::Unix(raw, socklen_t::try_from(len).unwrap_or(0)))
}

/// The size of a type as the system calls want it.
fn size<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

// --- Options ------------------------------------------------------------------------------------

/// Options of sockets that are on or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Switch {
    /// `TCP_NODELAY`: send small pieces at once.
    NoDelay,
    /// `SO_KEEPALIVE`: probe a silent peer.
    KeepAlive,
    /// `SO_REUSEADDR`: bind to a port whose old connections linger.
    ReuseAddress,
}

impl Switch {
    fn names(self) -> (c_int, c_int) {
        match self {
            Self::NoDelay => (libc::IPPROTO_TCP, libc::TCP_NODELAY),
            Self::KeepAlive => (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
            Self::ReuseAddress => (libc::SOL_SOCKET, libc::SO_REUSEADDR),
        }
    }
}

/// Turns an option on or off.
pub(crate) fn set_switch(socket: BorrowedFd<'_>, switch: Switch, is_on: bool) -> io::Result<()> {
    let (level, name) = switch.names();
    set_option(socket, level, name, c_int::from(is_on))
}

/// Tells whether an option is on.
pub(crate) fn switch(socket: BorrowedFd<'_>, switch: Switch) -> io::Result<bool> {
    let (level, name) = switch.names();
    option::<c_int>(socket, level, name).map(|value| value != 0)
}

/// Takes the error that came in the background; `Ok` if there is none.
pub(crate) fn take_error(socket: BorrowedFd<'_>) -> io::Result<()> {
    match option::<c_int>(socket, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Who was at the other end of a Unix socket when it was connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// The process id; `None` where the system does not tell.
    pub pid: Option<u32>,
    /// The effective user id.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
}

/// Asks who is at the other end of a Unix socket.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let raw = option::<libc::ucred>(socket, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
    Ok(Credentials { pid: u32::try_from(raw.pid).ok(), uid: raw.uid, gid: raw.gid })
}

/// Asks who is at the other end of a Unix socket.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let (mut uid, mut gid) = (0, 0);
    check_int(|| {
        // SAFETY: the descriptor is borrowed and open; the pointers are to the types it fills.
        unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) }
    })?;
    Ok(Credentials { pid: None, uid, gid })
}

fn set_option(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let at = (&raw const value).cast::<c_void>();
    check_int(|| {
        // SAFETY: the descriptor is borrowed and open; pointer and size are those of an int.
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, at, size::<c_int>()) }
    })?;
    Ok(())
}

/// Reads an option that is plain data, for which zero is a value in every field.
fn option<T: Plain>(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<T> {
    let mut value = T::ZERO;
    let mut len = size::<T>();
    let at = (&raw mut value).cast::<c_void>();
    check_int(|| {
        // SAFETY: the descriptor is borrowed and open; pointer and size describe `value`, and any
        // bytes are a value of it.
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, at, &raw mut len) }
    })?;
    Ok(value)
}

/// Data of which any bytes are a value.
trait Plain {
    const ZERO: Self;
}

impl Plain for c_int {
    const ZERO: Self = 0;
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Plain for libc::ucred {
    const ZERO: Self = Self { pid: 0, uid: 0, gid: 0 };
}
