//! The system's selector: registration through mio, and waiting for events on several threads.
//!
//! A backend supplies `Selector` and `Events` with these items, and nothing else of it is used:
//!
//! - `WAITERS`: how many threads may usefully wait at once;
//! - `Selector::{new, register, deregister, wait, kick, as_fd}`, `Events::{new, iter}`.
//!
//! On Linux the threads wait with `epoll_wait` on mio's own descriptor. Elsewhere mio's `Poll` is
//! behind a lock, one thread waits and the watchdog covers for it; `--cfg portable_selector`
//! chooses that on Linux too, to test it.
//!
//! Registration is once, edge-triggered and for both directions. A kick ends the wait of one thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, Waker};

use crate::runtime::Readiness;

/// Events taken in one wait; more wait for the next one.
const EVENTS: usize = 128;
/// The token of kicks; no source has it.
const KICK: Token = Token(usize::MAX);

#[cfg(all(target_os = "linux", not(portable_selector)))]
pub(crate) use several::{Events, Selector};

#[cfg(not(all(target_os = "linux", not(portable_selector))))]
pub(crate) use single::{Events, Selector};

/// How many threads may usefully wait at once.
#[cfg(all(target_os = "linux", not(portable_selector)))]
pub(crate) const WAITERS: u32 = 2;
/// How many threads may usefully wait at once.
#[cfg(not(all(target_os = "linux", not(portable_selector))))]
pub(crate) const WAITERS: u32 = 1;

/// One event of a wait.
pub(crate) enum Event {
    /// Somebody called `kick`.
    Kick,
    /// The source registered under this token.
    Source(usize, Readiness),
}

fn register(registry: &Registry, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut SourceFd(&fd.as_raw_fd()), Token(token), interest)
}

fn deregister(registry: &Registry, fd: BorrowedFd<'_>) -> io::Result<()> {
    registry.deregister(&mut SourceFd(&fd.as_raw_fd()))
}

#[cfg(all(target_os = "linux", not(portable_selector)))]
mod several {
    use super::{AsFd, BorrowedFd, Duration, EVENTS, Event, KICK, Readiness, Waker, io};
    use super::{deregister, register};
    use crate::sys;

    pub(crate) struct Selector {
        poll: mio::Poll,
        waker: Waker,
    }

    pub(crate) struct Events(sys::EpollEvents);

    impl Selector {
        pub(crate) fn new() -> io::Result<Self> {
            let poll = mio::Poll::new()?;
            let waker = Waker::new(poll.registry(), KICK)?;
            Ok(Self { poll, waker })
        }

        pub(crate) fn register(&self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
            register(self.poll.registry(), fd, token)
        }

        pub(crate) fn deregister(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
            deregister(self.poll.registry(), fd)
        }

        pub(crate) fn wait(&self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
            sys::epoll_wait(self.as_fd(), &mut events.0, limit)
        }

        pub(crate) fn kick(&self) -> io::Result<()> {
            self.waker.wake()
        }
    }

    impl AsFd for Selector {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.poll.registry().as_fd()
        }
    }

    impl Events {
        pub(crate) fn new() -> Self {
            Self(sys::EpollEvents::with_capacity(EVENTS))
        }

        pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
            self.0.iter().map(|event| match usize::try_from(event.token) {
                Ok(token) if token != KICK.0 => Event::Source(
                    token,
                    Readiness {
                        readable: event.readable,
                        writable: event.writable,
                        hangup: event.hangup,
                    },
                ),
                Ok(_) | Err(_) => Event::Kick,
            })
        }
    }
}

#[cfg(not(all(target_os = "linux", not(portable_selector))))]
mod single {
    use std::time::Instant;

    use super::{AsFd, BorrowedFd, Duration, EVENTS, Event, KICK, Readiness, Waker, io};
    use super::{deregister, register};
    use crate::sync::{Condvar, Mutex};

    pub(crate) struct Selector {
        /// Taken by the thread that waits; another one waits for it no longer than it would inside.
        poll: Mutex<Option<mio::Poll>>,
        came_back: Condvar,
        registry: mio::Registry,
        waker: Waker,
    }

    pub(crate) struct Events(mio::Events);

    impl Selector {
        pub(crate) fn new() -> io::Result<Self> {
            let poll = mio::Poll::new()?;
            let waker = Waker::new(poll.registry(), KICK)?;
            let registry = poll.registry().try_clone()?;
            Ok(Self { poll: Mutex::new(Some(poll)), came_back: Condvar::new(), registry, waker })
        }

        pub(crate) fn register(&self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
            register(&self.registry, fd, token)
        }

        pub(crate) fn deregister(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
            deregister(&self.registry, fd)
        }

        pub(crate) fn wait(&self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
            events.0.clear();
            let Some(mut poll) = self.take(limit) else { return Ok(()) };
            let waited = poll.poll(&mut events.0, limit);
            *self.poll.lock() = Some(poll);
            self.came_back.notify_one();
            waited
        }

        fn take(&self, limit: Option<Duration>) -> Option<mio::Poll> {
            let began = Instant::now();
            let mut place = self.poll.lock();
            loop {
                if let Some(poll) = place.take() {
                    return Some(poll);
                }
                place = match limit.map(|limit| limit.saturating_sub(began.elapsed())) {
                    Some(Duration::ZERO) => return None,
                    Some(left) => self.came_back.wait_for(place, left).0,
                    None => self.came_back.wait(place),
                };
            }
        }

        pub(crate) fn kick(&self) -> io::Result<()> {
            self.waker.wake()
        }
    }

    impl AsFd for Selector {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.registry.as_fd()
        }
    }

    impl Events {
        pub(crate) fn new() -> Self {
            Self(mio::Events::with_capacity(EVENTS))
        }

        pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
            self.0.iter().map(|event| {
                if event.token() == KICK {
                    return Event::Kick;
                }
                let hangup = event.is_read_closed() || event.is_write_closed() || event.is_error();
                Event::Source(
                    event.token().0,
                    Readiness {
                        readable: event.is_readable() || hangup,
                        writable: event.is_writable() || event.is_error(),
                        hangup,
                    },
                )
            })
        }
    }
}
