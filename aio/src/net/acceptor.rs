//! A listening socket that never blocks, with its place in the runtime's selector.
//!
//! The sibling of [`Socket`]: [`Listener`](super::Listener) stands on it here, servers of protocols
//! elsewhere. The provider keeps it under its own lock, implements [`Watcher`], and accepts until
//! nothing is left whenever the watcher is told.
//!
//! ```text
//!   tcp, path, abstract_name --attach--> in the table --first WouldBlock or watch()--> in the selector
//!                                             |                                            |
//!                                             +------------- close() or drop --------------+--> gone
//! ```
//!
//! It listens from the beginning: connections queue in the system, at most [`BACKLOG`] of them,
//! before anybody watches.

use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::addr::{AbstractName, Addr, IpcPath};
use super::bound_path::BoundPath;
use super::ends::Ends;
use super::socket::Socket;
use crate::runtime::{Registration, Watcher};
use crate::sys::{self, Domain, Name, Switch};
use crate::{Error, Runtime};

/// Connections that wait in the system for being accepted.
const BACKLOG: i32 = 128;

/// A listening stream socket.
#[derive(Debug)]
pub struct Acceptor {
    fd: OwnedFd,
    registration: Option<Registration>,
    local: Addr,
    /// Present if the name is a path.
    bound: Option<BoundPath>,
    /// What accepted connections get.
    switches: Switches,
}

/// Options of accepted connections.
#[derive(Clone, Copy, Debug)]
struct Switches {
    nodelay: bool,
    keepalive: bool,
    /// The listening socket has had them since before it listened, so connections inherit them.
    /// One that came before a change does not have the change.
    are_inherited: bool,
}

impl Acceptor {
    /// Binds to an IPv4 or IPv6 address and listens. Port 0 lets the system choose one; see
    /// [`socket_addr`](Self::socket_addr).
    ///
    /// Accepted connections send small pieces at once (`TCP_NODELAY`) and do not probe silent
    /// peers; see [`set_nodelay`](Self::set_nodelay) and [`set_keepalive`](Self::set_keepalive).
    ///
    /// # Errors
    /// `AddressInUse`, `AddressInvalid` for an address that is not this machine's, `Permission`,
    /// `NoFiles`, and what else the system answers.
    pub fn tcp(address: SocketAddr) -> Result<Self, Error> {
        Self::tcp_with(address, true, false)
    }

    /// As [`tcp`](Self::tcp), with options that hold from the first connection on.
    pub(crate) fn tcp_with(
        address: SocketAddr,
        nodelay: bool,
        keepalive: bool,
    ) -> Result<Self, Error> {
        let name = Name::Inet(address);
        let fd = sys::socket(name.domain(), true)?;
        sys::set_switch(fd.as_fd(), Switch::ReuseAddress, true)?;
        let are_inherited = cfg!(any(target_os = "linux", target_os = "android"));
        if are_inherited {
            sys::set_switch(fd.as_fd(), Switch::NoDelay, nodelay)?;
            sys::set_switch(fd.as_fd(), Switch::KeepAlive, keepalive)?;
        }
        sys::bind(fd.as_fd(), &name)?;
        Self::listen(fd, None, Switches { nodelay, keepalive, are_inherited })
    }

    /// Binds to a path in the file system, taken literally, and listens. The path is removed on
    /// [`close`](Self::close) and drop, if it still is the same file.
    ///
    /// A socket file that nobody serves is replaced. `permissions` (0 to `0o7777`) are the file's,
    /// in force before the first client can connect; `None` is 0777 minus the umask.
    ///
    /// # Errors
    /// `Invalid` for other permissions; `AddressInUse` if the path is served or no socket;
    /// `NotFound` if its directory is missing; `Permission`, and what else the system answers.
    pub fn path(path: &IpcPath, permissions: Option<u32>) -> Result<Self, Error> {
        if permissions.is_some_and(|mode| mode > MAX_PERMISSIONS) {
            return Err(Error::Invalid);
        }
        let fd = sys::socket(Domain::Unix, true)?;
        let bound = BoundPath::bind(fd.as_fd(), path, permissions)?;
        Self::listen(fd, Some(bound), Switches::NONE)
    }

    /// Binds to a name in Linux' abstract namespace and listens. With an empty name the system
    /// chooses one.
    ///
    /// # Errors
    /// `AddressInUse`; `NotSupported` elsewhere than on Linux; and what else the system answers.
    pub fn abstract_name(name: &AbstractName) -> Result<Self, Error> {
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return Err(Error::NotSupported);
        }
        let fd = sys::socket(Domain::Unix, true)?;
        sys::bind(fd.as_fd(), &Name::from(&Addr::Abstract(name.clone())))?;
        Self::listen(fd, None, Switches::NONE)
    }

    fn listen(fd: OwnedFd, bound: Option<BoundPath>, switches: Switches) -> Result<Self, Error> {
        sys::listen(fd.as_fd(), BACKLOG)?;
        let local = sys::local_name(fd.as_fd())?.into();
        Ok(Self { fd, registration: None, local, bound, switches })
    }

    /// Whether connections accepted from now on send small pieces at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// `NotSupported` for Unix sockets.
    pub fn set_nodelay(&mut self, is_on: bool) -> Result<(), Error> {
        self.check_tcp()?;
        self.switches.nodelay = is_on;
        self.switches.are_inherited = false;
        Ok(())
    }

    /// Whether connections accepted from now on probe silent peers (`SO_KEEPALIVE`).
    ///
    /// # Errors
    /// `NotSupported` for Unix sockets.
    pub fn set_keepalive(&mut self, is_on: bool) -> Result<(), Error> {
        self.check_tcp()?;
        self.switches.keepalive = is_on;
        self.switches.are_inherited = false;
        Ok(())
    }

    fn check_tcp(&self) -> Result<(), Error> {
        self.socket_addr().map(drop).ok_or(Error::NotSupported)
    }

    /// Enters the acceptor into the runtime's table, which keeps `watcher` until the acceptor is
    /// closed or dropped. The watcher hears of the runtime's end from now on, and of connections
    /// once [`try_accept`](Self::try_accept) has failed with `Again` or [`watch`](Self::watch) was
    /// called.
    ///
    /// # Errors
    /// `Closed` when the runtime shuts down or belongs to the parent process.
    pub fn attach(&mut self, runtime: &Runtime, watcher: Arc<dyn Watcher>) -> Result<(), Error> {
        self.registration = Some(runtime.enter(watcher)?);
        Ok(())
    }

    /// Asks to be told of connections, those that wait already included.
    ///
    /// # Errors
    /// `State` before [`attach`](Self::attach); `NoMemory` or `NoSpace` if the selector takes no
    /// more.
    pub fn watch(&mut self) -> Result<(), Error> {
        let registration = self.registration.as_mut().ok_or(Error::State)?;
        registration.poll(self.fd.as_fd())
    }

    /// Takes a connection. Those that their peers gave up while they waited are passed over.
    ///
    /// The watcher is told once however many connections came: accept until there is none, or take
    /// note that there may be more.
    ///
    /// # Errors
    /// `Again` if there is none; the watcher will be told. `NoFiles` or `NoMemory` if the connection
    /// cannot be taken now: it goes on waiting, the watcher is **not** told again on its account, and
    /// trying again at once would only spin.
    pub fn try_accept(&mut self) -> Result<Socket, Error> {
        loop {
            match sys::accept(self.fd.as_fd()).map_err(Error::from) {
                Ok((fd, peer)) => {
                    if let Ok(socket) = self.prepare(fd, peer) {
                        return Ok(socket);
                    }
                    // It broke meanwhile, or else the system would not refuse.
                }
                Err(Error::ConnectionAborted | Error::ConnectionReset) => {}
                Err(Error::Again) => {
                    if self.registration.is_some() {
                        self.watch()?;
                    }
                    return Err(Error::Again);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn prepare(&self, fd: OwnedFd, peer: Name) -> Result<Socket, Error> {
        let Some(local) = self.socket_addr() else {
            let ends = Ends::new(self.local.clone(), Addr::Unspecified);
            return Ok(Socket::new(fd, ends));
        };
        if !self.switches.are_inherited {
            sys::set_switch(fd.as_fd(), Switch::NoDelay, self.switches.nodelay)?;
            sys::set_switch(fd.as_fd(), Switch::KeepAlive, self.switches.keepalive)?;
        }
        let local = if local.ip().is_unspecified() {
            sys::local_name(fd.as_fd())?.into()
        } else {
            self.local.clone()
        };
        Ok(Socket::new(fd, Ends::new(local, peer.into())))
    }

    /// The address it is bound to: with the real port, or the name that the system chose.
    pub fn local_addr(&self) -> &Addr {
        &self.local
    }

    /// The address it is bound to, with the real port; `None` for Unix sockets.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.local.to_inet()
    }

    /// Leaves the runtime's table and stops listening: connections that wait are refused. A path in
    /// the file system is removed if it still is the file that was bound.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        let registration = self.registration.take();
        // The child of a fork gives its descriptor back and leaves listening to its parent.
        if registration.as_ref().is_none_or(|place| !place.is_forked()) {
            // Closing alone takes effect only when no thread is in a call that looks at the socket,
            // as the selector does; until then connections would be taken in. Not all systems can.
            let _ = sys::shutdown(self.fd.as_fd(), Shutdown::Both);
        }
        if let Some(registration) = registration {
            registration.remove();
        }
        // While the file is there somebody listens: a probe never finds it stale.
        drop(self.bound.take());
    }
}

impl AsFd for Acceptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Switches {
    /// What Unix sockets have.
    const NONE: Self = Self { nodelay: false, keepalive: false, are_inherited: true };
}

/// The permissions that a socket file can have.
pub(super) const MAX_PERMISSIONS: u32 = 0o7777;
