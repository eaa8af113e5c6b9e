//! One dial: from its operation to a connection, or to the reason why there is none.
//!
//! ```text
//!   begin --> Looking --> next address --> Connecting --> connected --> done
//!     |          ^            ^    |          |  |
//!     +----------|------------+    |          |  +-- refused, or 250 ms --> next address, if any
//!      (addresses known)           +-- backlog full --> Pausing --> same address again
//!
//!   any + cancel, deadline, close: done at once
//! ```
//!
//! An address that takes long is not given up while the next ones are tried: the first that answers
//! wins, and the others are closed (RFC 8305). The two families take turns, as far as the order of
//! the resolver lets them.
//!
//! A connection that is made at once, as to this machine, takes no readiness and no lock but its
//! own. One that takes time is watched for; then the descriptor leaves the selector and goes back
//! into the blocking mode, so that whoever gets the stream finds it as after an accept.

use std::any::Any;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::mem::discriminant;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use super::addr::Addr;
use super::dialer::{Inner, Options};
use super::ends::Ends;
use super::socket::Socket;
use crate::modelled::Mutex;
use crate::runtime::{Expire, Readiness, Timer, Watcher};
use crate::sys::{self, Name, Switch};
use crate::{Aio, Cancel, Error, Operation, OperationId, Runtime};

/// One dial.
pub(super) struct Dial {
    dialer: Arc<Inner>,
    /// The place among the dialer's.
    place: usize,
    runtime: Runtime,
    options: Options,
    /// `None` before it begins and when it has ended.
    attempt: Mutex<Option<Attempt>>,
}

/// What there is while a dial is under way.
struct Attempt {
    operation: Operation,
    is_armed: bool,
    /// Those still to be tried.
    addrs: VecDeque<Addr>,
    /// Those that the system connects to, in the order in which they were tried.
    racers: Vec<Racer>,
    /// For the next address, or the same once more.
    timer: Option<Timer>,
    /// What the address tried last answered.
    error: Error,
    step: Step,
    convert: Convert,
}

/// A connection in the making.
struct Racer {
    socket: Socket,
    addr: Addr,
}

/// Makes of a connection what the consumer gets.
pub(super) type Convert =
    Box<dyn FnOnce(Socket, &Runtime) -> Result<Box<dyn Any + Send>, Error> + Send>;

enum Step {
    /// Between two others, inside the lock.
    Idle,
    /// The addresses are being asked for.
    Looking { lookup: Aio },
    /// The system connects to one address or several: there are racers.
    Connecting,
    /// The listener's backlog is full, and was when it was asked `times` times. The socket has a
    /// place in the runtime's table, so its end is heard of.
    Pausing { times: u32, _socket: Socket },
}

/// How a dial ends.
type Outcome = Result<Socket, Error>;

/// What an attempt to connect has come to.
enum Progress {
    Connected(Socket),
    Connecting(Socket),
    /// The listener's backlog is full.
    Full(Socket),
}

/// How long an address may take to answer until the next one is tried as well (RFC 8305 section 5).
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a full backlog is given, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

impl Dial {
    pub(super) fn new(
        dialer: Arc<Inner>,
        place: usize,
        runtime: &Runtime,
        options: Options,
    ) -> Self {
        let runtime = runtime.clone();
        Self { dialer, place, runtime, options, attempt: Mutex::new(None) }
    }

    /// Begins with the addresses, or with asking for them.
    pub(super) fn begin(
        self: &Arc<Self>,
        operation: Operation,
        addrs: Option<Result<Vec<Addr>, Error>>,
        convert: Convert,
    ) {
        let mut place = self.attempt.lock();
        let attempt = place.insert(Attempt {
            operation,
            is_armed: false,
            addrs: VecDeque::new(),
            racers: Vec::new(),
            timer: None,
            error: Error::AddressInvalid,
            step: Step::Idle,
            convert,
        });
        let outcome = match addrs {
            // A close that came since the dialer took the dial in found nothing to end.
            _ if self.dialer.is_closed() => Some(Err(Error::Closed)),
            Some(addrs) => self.take_addrs(attempt, addrs),
            None => self.look_up(attempt),
        };
        drop(place);
        self.end_if(outcome);
    }

    /// Ends the dial, unless it has ended.
    pub(super) fn end(&self, outcome: Outcome) {
        let Some(attempt) = self.attempt.lock().take() else { return };
        self.dialer.dismiss(self.place);
        let Attempt { mut operation, racers, timer, step, convert, .. } = attempt;
        // Whoever hears of the end finds nothing of it left.
        drop((racers, timer));
        match step {
            Step::Looking { lookup } => {
                // Its callback comes, finds nothing, and nobody waits for it.
                lookup.cancel();
                lookup.detach();
            }
            Step::Idle | Step::Connecting | Step::Pausing { .. } => drop(step),
        }
        let result = outcome
            .and_then(|socket| convert(socket, &self.runtime))
            .and_then(|output| operation.set_output(0, output));
        operation.finish(result);
    }

    fn end_if(&self, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            self.end(outcome);
        }
    }

    /// Goes on from one step to the next. `act` gets the step that was waited in.
    fn go_on(
        self: &Arc<Self>,
        act: impl FnOnce(&Arc<Self>, &mut Attempt, Step) -> Option<Outcome>,
    ) {
        let mut place = self.attempt.lock();
        let Some(attempt) = &mut *place else { return };
        let step = std::mem::replace(&mut attempt.step, Step::Idle);
        let outcome = act(self, attempt, step);
        drop(place);
        self.end_if(outcome);
    }

    fn look_up(self: &Arc<Self>, attempt: &mut Attempt) -> Option<Outcome> {
        if let Err(error) = self.arm(attempt) {
            return Some(Err(error));
        }
        let dial = Arc::clone(self);
        let lookup = self.runtime.aio(move |aio| {
            let addrs = aio.outcome().map(|()| aio.take_output(0).unwrap_or_default());
            dial.go_on(|dial, attempt, step| match step {
                Step::Looking { lookup } => {
                    lookup.detach();
                    dial.take_addrs(attempt, addrs)
                }
                other => dial.stay(attempt, other),
            });
        });
        // Its callback takes the lock that is held here.
        self.dialer.resolve(&lookup);
        attempt.step = Step::Looking { lookup };
        None
    }

    fn take_addrs(
        self: &Arc<Self>,
        attempt: &mut Attempt,
        addrs: Result<Vec<Addr>, Error>,
    ) -> Option<Outcome> {
        let mut addrs = match addrs {
            Ok(addrs) => addrs,
            Err(error) => return Some(Err(error)),
        };
        // From an address of one family only the same family can be reached. If there is none, the
        // system shall say so.
        let can_reach = |addr: &Addr| discriminant(addr) == discriminant(&self.options.local);
        if self.options.local != Addr::Unspecified && addrs.iter().any(can_reach) {
            addrs.retain(can_reach);
        }
        attempt.addrs = in_turns(addrs);
        self.try_next(attempt, 0)
    }

    /// Tries the addresses in order until one takes time. The first has been asked `times` times.
    /// Without a further one those that are connecting decide.
    fn try_next(self: &Arc<Self>, attempt: &mut Attempt, times: u32) -> Option<Outcome> {
        let mut times = times;
        while let Some(addr) = attempt.addrs.pop_front() {
            let progress = self.connect(&addr);
            match progress {
                Ok(Progress::Connected(socket)) => match self.deliver(socket, &addr) {
                    Ok(socket) => return Some(Ok(socket)),
                    Err(error) => attempt.error = error,
                },
                Ok(Progress::Connecting(socket)) => return self.watch(attempt, socket, addr),
                Ok(Progress::Full(socket)) => {
                    attempt.addrs.push_front(addr);
                    return self.pause(attempt, socket, times);
                }
                Err(error) => attempt.error = error,
            }
            times = 0;
        }
        if attempt.racers.is_empty() {
            return Some(Err(attempt.error));
        }
        attempt.step = Step::Connecting;
        None
    }

    fn connect(&self, addr: &Addr) -> Result<Progress, Error> {
        let name = Name::from(addr);
        let fd = sys::socket(name.domain(), true)?;
        if self.options.local != Addr::Unspecified {
            sys::bind(fd.as_fd(), &Name::from(&self.options.local))?;
        }
        let connected = sys::connect(fd.as_fd(), &name);
        let socket = Socket::new(fd, Ends::Unknown);
        match connected {
            Ok(()) => Ok(Progress::Connected(socket)),
            // To this machine the connection is made by now.
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                let is_connected = is_connected(&socket)?;
                let progress =
                    if is_connected { Progress::Connected } else { Progress::Connecting };
                Ok(progress(socket))
            }
            Err(error) if is_unix(addr) => match error.kind() {
                ErrorKind::WouldBlock => Ok(Progress::Full(socket)),
                ErrorKind::NotFound => Err(Error::ConnectionRefused),
                _ => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until the connection is made or refused, or it is the next address' turn.
    fn watch(
        self: &Arc<Self>,
        attempt: &mut Attempt,
        mut socket: Socket,
        addr: Addr,
    ) -> Option<Outcome> {
        let watched = self
            .arm(attempt)
            .and_then(|()| socket.attach(&self.runtime, self.clone()))
            .and_then(|()| socket.watch());
        attempt.racers.push(Racer { socket, addr });
        if !attempt.addrs.is_empty() {
            self.set_timer(attempt, PATIENCE);
        }
        attempt.step = Step::Connecting;
        watched.err().map(Err)
    }

    /// Waits for a while before it asks again.
    fn pause(
        self: &Arc<Self>,
        attempt: &mut Attempt,
        mut socket: Socket,
        times: u32,
    ) -> Option<Outcome> {
        let armed = self.arm(attempt).and_then(|()| socket.attach(&self.runtime, self.clone()));
        if let Err(error) = armed {
            return Some(Err(error));
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << times.min(16)).min(LONGEST_PAUSE);
        self.set_timer(attempt, pause);
        attempt.step = Step::Pausing { times: times + 1, _socket: socket };
        None
    }

    fn set_timer(self: &Arc<Self>, attempt: &mut Attempt, after: Duration) {
        let timer = attempt.timer.get_or_insert_with(|| {
            let target: Arc<dyn Expire> = self.clone();
            self.runtime.timer(Arc::downgrade(&target))
        });
        timer.set_after(after);
    }

    fn arm(self: &Arc<Self>, attempt: &mut Attempt) -> Result<(), Error> {
        if !attempt.is_armed {
            attempt.operation.arm(self)?;
            attempt.is_armed = true;
        }
        Ok(())
    }

    /// An event came late, after the step it was for.
    fn stay(self: &Arc<Self>, attempt: &mut Attempt, step: Step) -> Option<Outcome> {
        attempt.step = step;
        None
    }

    /// The system has news of a connection.
    fn answered(self: &Arc<Self>, attempt: &mut Attempt) -> Option<Outcome> {
        let (mut index, count) = (0, attempt.racers.len());
        while let Some(racer) = attempt.racers.get(index) {
            let is_connected = is_connected(&racer.socket);
            if is_connected == Ok(false) {
                index += 1;
                continue;
            }
            let Racer { mut socket, addr } = attempt.racers.remove(index);
            let delivered = is_connected
                .and_then(|_| socket.withdraw())
                .and_then(|()| self.deliver(socket, &addr));
            match delivered {
                Ok(socket) => return Some(Ok(socket)),
                Err(error) => attempt.error = error,
            }
        }
        if attempt.racers.len() == count {
            // The report was of something else.
            return self.stay(attempt, Step::Connecting);
        }
        self.try_next(attempt, 0)
    }

    /// Makes a connected socket that no watcher has what it is to be.
    fn deliver(&self, socket: Socket, addr: &Addr) -> Outcome {
        let ends = if is_unix(addr) {
            Ends::new(Addr::Unspecified, sys::peer_name(socket.as_fd())?.into())
        } else {
            sys::set_switch(socket.as_fd(), Switch::NoDelay, self.options.nodelay)?;
            sys::set_switch(socket.as_fd(), Switch::KeepAlive, self.options.keepalive)?;
            let local = sys::local_name(socket.as_fd())?.into();
            let remote = if is_any_host(addr) {
                // It stands for this machine; the system chose an address of it.
                sys::peer_name(socket.as_fd())?.into()
            } else {
                addr.clone()
            };
            if local == remote {
                // The system chose the port that it connects to, so the socket found itself.
                return Err(Error::ConnectionRefused);
            }
            Ends::new(local, remote)
        };
        sys::set_blocking(socket.as_fd(), true)?;
        Ok(socket.with_ends(ends))
    }
}

/// Lets the families take turns, the one of the first address first; within a family the order
/// stays.
///
/// # Source
/// RFC 8305 section 4.
fn in_turns(addrs: Vec<Addr>) -> VecDeque<Addr> {
    let is_first = |addr: &Addr| addrs.first().map(discriminant) == Some(discriminant(addr));
    let (first, other): (Vec<_>, Vec<_>) = addrs.iter().cloned().partition(is_first);
    let (mut first, mut other) = (first.into_iter(), other.into_iter());
    let mut turns = VecDeque::with_capacity(addrs.len());
    while turns.len() < addrs.len() {
        turns.extend(first.next());
        turns.extend(other.next());
    }
    turns
}

/// Tells whether a connection has been made.
///
/// # Errors
/// Why it will not be.
fn is_connected(socket: &Socket) -> Result<bool, Error> {
    socket.take_error().map_or(Ok(()), Err)?;
    Ok(sys::peer_name(socket.as_fd()).is_ok())
}

fn is_any_host(addr: &Addr) -> bool {
    addr.to_inet().is_some_and(|addr| addr.ip().is_unspecified())
}

fn is_unix(addr: &Addr) -> bool {
    match addr {
        Addr::Ipc(_) | Addr::Abstract(_) => true,
        Addr::Inet(_) | Addr::Inet6(_) | Addr::Unspecified => false,
    }
}

impl Watcher for Dial {
    fn ready(self: Arc<Self>, _readiness: Readiness) {
        self.go_on(|dial, attempt, step| match step {
            Step::Connecting => dial.answered(attempt),
            other => dial.stay(attempt, other),
        });
    }

    fn runtime_closed(self: Arc<Self>) {
        self.end(Err(Error::Closed));
    }
}

impl Expire for Dial {
    fn expired(self: Arc<Self>) {
        self.go_on(|dial, attempt, step| match step {
            Step::Pausing { times, .. } => dial.try_next(attempt, times),
            Step::Connecting => dial.try_next(attempt, 0),
            other => dial.stay(attempt, other),
        });
    }
}

impl Cancel for Dial {
    fn cancel(self: Arc<Self>, _id: OperationId, error: Error) {
        self.end(Err(error));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let v4 = |port| Addr::from((Ipv4Addr::LOCALHOST.into(), port));
        let v6 = |port| Addr::from((Ipv6Addr::LOCALHOST.into(), port));
        let turns = |addrs: &[Addr]| Vec::from(in_turns(addrs.to_vec()));
        assert_eq!(turns(&[]), []);
        assert_eq!(turns(&[v4(1), v4(2)]), [v4(1), v4(2)]);
        assert_eq!(turns(&[v6(1), v6(2), v4(3)]), [v6(1), v4(3), v6(2)]);
        assert_eq!(turns(&[v4(1), v6(2), v6(3), v6(4)]), [v4(1), v6(2), v6(3), v6(4)]);
    }
}
