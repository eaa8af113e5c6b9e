//! Datagrams over IPv4 and IPv6.
//!
//! ```text
//!   send_to, recv --tried at once--> done
//!        |  not now: armed, in the queue of its direction
//!        +--> ready, in order --> done          cancel, timeout, close --> ended
//! ```
//!
//! One operation is one datagram. Each direction has a queue; only its first is tried. What is received goes
//! through a buffer of the thread's, where it always fits, so that one which does not fit into the
//! operation's memory is known to.
//!
//! Owner: [`Udp`] and its clones; the runtime's table has the inside as watcher until it is closed.
//! Lock: the state. Operations are armed and put in the queue under it, and finished without.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;

use super::addr::Addr;
use crate::runtime::{Registration, Watcher};
use crate::sync::Mutex;
use crate::{Aio, Cancel, Error, Operation, OperationId, Readiness, Runtime};

/// The longest datagram there can be, in bytes.
const MAX_DATAGRAM: usize = 1 << 16;

/// A socket for datagrams. Clones are the same socket; it closes with the last of them.
///
/// ```
/// use nng_aio::net::{Addr, Udp};
/// use nng_aio::{Aio, Runtime};
///
/// let any = Addr::from("127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap());
/// let (one, other) = (Udp::bind(&Runtime::global(), &any)?, Udp::bind(&Runtime::global(), &any)?);
/// let (sent, received) = (Aio::without_callback(), Aio::without_callback());
/// received.set_buffer(vec![0; 100])?;
/// other.recv(&received);
/// sent.set_buffer(b"hello".to_vec())?;
/// one.send_to(&other.local_addr(), &sent);
/// received.wait();
/// assert_eq!((received.result(), received.count()), (0, 5));
/// assert_eq!(received.take_output::<Addr>(0), Some(one.local_addr()));
/// # Ok::<(), nng_aio::Error>(())
/// ```
#[derive(Clone)]
pub struct Udp {
    owner: Arc<Owner>,
}

/// What closes when the last clone goes.
struct Owner(Arc<Core>);

struct Core {
    state: Mutex<State>,
    local: SocketAddr,
}

struct State {
    /// Absent once it is closed.
    open: Option<Open>,
    sends: VecDeque<Send>,
    recvs: VecDeque<Recv>,
}

struct Open {
    socket: UdpSocket,
    registration: Registration,
}

/// A datagram to be sent.
struct Send {
    operation: Operation,
    to: SocketAddr,
}

/// Room for a datagram.
struct Recv {
    operation: Operation,
    /// Who hears whose it is.
    from: FromHook,
}

/// Hears where a datagram comes from, before its operation ends.
type FromHook = Box<dyn FnOnce(&Addr, &mut Operation) + std::marker::Send>;

/// How an attempt has ended: with a count, or an error and a count.
type Moved = Result<usize, (Error, usize)>;

impl Udp {
    /// Makes a socket at an address; port 0 lets the system choose one.
    ///
    /// # Errors
    /// `AddressInvalid` without an address, or for one that this machine does not have; `NotSupported`
    /// for Unix sockets; `AddressInUse`; `Closed` if the runtime has ended; what else the system says.
    /// # Source
    /// nng 1.12, nng_udp_open.
    pub fn bind(runtime: &Runtime, addr: &Addr) -> Result<Self, Error> {
        let addr = inet(addr)?;
        let socket = UdpSocket::bind(addr)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let state = State { open: None, sends: VecDeque::new(), recvs: VecDeque::new() };
        let core = Arc::new(Core { state: Mutex::new(state), local });
        let registration = runtime.enter(core.clone())?;
        core.state.lock().open = Some(Open { socket, registration });
        Ok(Self { owner: Arc::new(Owner(core)) })
    }

    /// Returns the address that it is bound to, with the real port.
    pub fn local_addr(&self) -> Addr {
        self.owner.0.local.into()
    }

    /// Sends all of the aio's buffers as one datagram.
    ///
    /// # Errors
    /// In the aio: `AddressInvalid` without an address; `NotSupported` for one of another family;
    /// `MessageSize` if it is too long for one datagram; `Closed`; what else the system says.
    /// # Context
    /// Does not block.
    /// # Source
    /// nng 1.12, nng_udp_send.
    pub fn send_to(&self, addr: &Addr, aio: &Aio) {
        let Ok(operation) = aio.begin() else { return };
        let core = &self.owner.0;
        let to = match inet(addr) {
            Ok(to) if to.is_ipv4() == core.local.is_ipv4() => to,
            Ok(_) => return operation.finish(Err(Error::NotSupported)),
            Err(error) => return operation.finish(Err(error)),
        };
        core.submit(Send { operation, to });
    }

    /// Receives one datagram into the aio's buffers. Output 0 is the sender's [`Addr`].
    ///
    /// # Errors
    /// In the aio: `MessageSize` if it is longer than the memory, of which the count tells how much is
    /// filled then, and the rest is lost; `Closed`; what else the system says.
    /// # Context
    /// Does not block.
    /// # Source
    /// nng 1.12, nng_udp_recv.
    pub fn recv(&self, aio: &Aio) {
        self.recv_with(aio, |from, operation| {
            // The index is in range.
            let _ = operation.set_output(0, Box::new(from.clone()));
        });
    }

    /// As [`recv`](Self::recv), but `hear` is told the sender, before the operation ends, instead of its
    /// output.
    ///
    /// # Context
    /// `hear` runs on this thread or on one of the runtime, with a lock held: it must not do anything with
    /// this socket.
    pub fn recv_with(
        &self,
        aio: &Aio,
        hear: impl FnOnce(&Addr, &mut Operation) + std::marker::Send + 'static,
    ) {
        if let Ok(operation) = aio.begin() {
            self.owner.0.submit(Recv { operation, from: Box::new(hear) });
        }
    }

    /// Joins a multicast group on the interface of the address that it is bound to, or leaves it.
    ///
    /// # Errors
    /// `AddressInvalid` for an address of another family or none, and for leaving a group that was not
    /// joined; `Invalid` for one that is no group; `AddressInUse` for joining twice; `Closed`.
    /// # Source
    /// nng 1.12, nng_udp_multicast_membership.
    pub fn set_membership(&self, group: &Addr, is_member: bool) -> Result<(), Error> {
        let core = &self.owner.0;
        let group = group.to_inet().ok_or(Error::AddressInvalid)?;
        let state = core.state.lock();
        let Open { socket, .. } = state.open.as_ref().ok_or(Error::Closed)?;
        match (core.local, group.ip()) {
            (SocketAddr::V4(local), IpAddr::V4(group)) => match is_member {
                true => socket.join_multicast_v4(&group, local.ip())?,
                false => socket.leave_multicast_v4(&group, local.ip())?,
            },
            (SocketAddr::V6(local), IpAddr::V6(group)) => match is_member {
                true => socket.join_multicast_v6(&group, local.scope_id())?,
                false => socket.leave_multicast_v6(&group, local.scope_id())?,
            },
            _ => return Err(Error::AddressInvalid),
        }
        Ok(())
    }

    /// Closes it for all who have a clone: what waits ends with `Closed`, and so does what comes.
    ///
    /// # Source
    /// nng 1.12, nng_udp_close.
    pub fn close(&self) {
        self.owner.0.close();
    }
}

/// Returns the address of an IP socket.
fn inet(addr: &Addr) -> Result<SocketAddr, Error> {
    match addr {
        Addr::Unspecified => Err(Error::AddressInvalid),
        addr => addr.to_inet().ok_or(Error::NotSupported),
    }
}

/// An operation of one of the two directions.
trait Datagram: Sized {
    fn queue(state: &mut State) -> &mut VecDeque<Self>;
    fn operation(&mut self) -> &mut Operation;
    fn into_operation(self) -> Operation;
    /// Tries it; `Err(Again)` if the system does nothing now.
    fn attempt(&mut self, socket: &UdpSocket) -> Moved;

    fn id(&self) -> OperationId;

    /// Takes one out by its name.
    fn take(state: &mut State, id: OperationId) -> Option<Operation> {
        let queue = Self::queue(state);
        let index = queue.iter().position(|datagram| datagram.id() == id)?;
        queue.remove(index).map(Self::into_operation)
    }
}

impl Datagram for Send {
    fn queue(state: &mut State) -> &mut VecDeque<Self> {
        &mut state.sends
    }

    fn operation(&mut self) -> &mut Operation {
        &mut self.operation
    }

    fn into_operation(self) -> Operation {
        self.operation
    }

    fn id(&self) -> OperationId {
        self.operation.id()
    }

    fn attempt(&mut self, socket: &UdpSocket) -> Moved {
        let buffers = self.operation.buffers();
        let sent = match buffers.pieces() {
            [piece] => patiently(|| socket.send_to(piece.as_slice(), self.to)),
            pieces => {
                let all: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_slice()).collect();
                let all = all.concat();
                patiently(|| socket.send_to(&all, self.to))
            }
        };
        sent.map_err(|error| (error.into(), 0))
    }
}

impl Datagram for Recv {
    fn queue(state: &mut State) -> &mut VecDeque<Self> {
        &mut state.recvs
    }

    fn operation(&mut self) -> &mut Operation {
        &mut self.operation
    }

    fn into_operation(self) -> Operation {
        self.operation
    }

    fn id(&self) -> OperationId {
        self.operation.id()
    }

    fn attempt(&mut self, socket: &UdpSocket) -> Moved {
        thread_local! {
            static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        ROOM.with_borrow_mut(|room| {
            room.resize(MAX_DATAGRAM, 0);
            let received = patiently(|| socket.recv_from(room));
            let (len, from) = received.map_err(|error| (error.into(), 0))?;
            let hook = std::mem::replace(&mut self.from, Box::new(|_, _| ()));
            hook(&from.into(), &mut self.operation);
            let mut left = &room[..len];
            for place in self.operation.buffers_mut().pieces_mut() {
                let Some(place) = place.as_mut_slice() else { continue };
                let (now, later) = left.split_at(left.len().min(place.len()));
                place[..now.len()].copy_from_slice(now);
                left = later;
            }
            if left.is_empty() { Ok(len) } else { Err((Error::MessageSize, len - left.len())) }
        })
    }
}

/// Calls again if a signal came in between.
fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn finish(operation: Operation, moved: Moved) {
    match moved {
        Ok(count) => operation.finish_with_count(count),
        Err((error, 0)) => operation.finish(Err(error)),
        Err((error, count)) => operation.fail_with_count(error, count),
    }
}

impl Core {
    fn submit<D: Datagram>(self: &Arc<Self>, mut datagram: D) {
        let mut state = self.state.lock();
        let is_first = D::queue(&mut state).is_empty();
        let Some(Open { socket, registration }) = &mut state.open else {
            drop(state);
            return datagram.into_operation().finish(Err(Error::Closed));
        };
        let mut moved = Err((Error::Again, 0));
        if is_first {
            moved = datagram.attempt(socket);
            // The socket is registered when something would block first; what is ready by then is told.
            if let Err((Error::Again, _)) = moved
                && let Err(error) = registration.poll(socket.as_fd())
            {
                moved = Err((error, 0));
            }
        }
        if !matches!(moved, Err((Error::Again, _))) {
            drop(state);
            return finish(datagram.into_operation(), moved);
        }
        match datagram.operation().arm(self) {
            Ok(()) => D::queue(&mut state).push_back(datagram),
            Err(error) => {
                drop(state);
                datagram.into_operation().finish(Err(error));
            }
        }
    }

    /// Goes on with one direction, until nothing waits or the system does nothing more.
    fn pump<D: Datagram>(&self) {
        loop {
            let mut state = self.state.lock();
            let Some(mut datagram) = D::queue(&mut state).pop_front() else { return };
            let Some(Open { socket, .. }) = &state.open else {
                drop(state);
                datagram.into_operation().finish(Err(Error::Closed));
                continue;
            };
            let moved = datagram.attempt(socket);
            if let Err((Error::Again, _)) = moved {
                return D::queue(&mut state).push_front(datagram);
            }
            drop(state);
            finish(datagram.into_operation(), moved);
        }
    }

    fn close(&self) {
        let mut state = self.state.lock();
        let open = state.open.take();
        let sends = std::mem::take(&mut state.sends);
        let recvs = std::mem::take(&mut state.recvs);
        drop(state);
        let waiting = sends.into_iter().map(Send::into_operation);
        for operation in waiting.chain(recvs.into_iter().map(Recv::into_operation)) {
            operation.finish(Err(Error::Closed));
        }
        if let Some(Open { socket, registration }) = open {
            registration.remove();
            drop(socket);
        }
    }
}

impl Watcher for Core {
    fn ready(self: Arc<Self>, _readiness: Readiness) {
        self.pump::<Send>();
        self.pump::<Recv>();
    }

    fn runtime_closed(self: Arc<Self>) {
        self.close();
    }
}

impl Cancel for Core {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        let mut state = self.state.lock();
        let found = Send::take(&mut state, id).or_else(|| Recv::take(&mut state, id));
        drop(state);
        if let Some(operation) = found {
            operation.finish(Err(error));
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("local", &self.owner.0.local).finish_non_exhaustive()
    }
}
