//! `epoll_wait` on a borrowed descriptor, so that several threads can wait on one instance.
//!
//! mio's own `poll` takes the instance exclusively; the kernel does not ask for that. With
//! edge-triggered registrations each event is handed to one of the waiting threads.
//!
//! # Source
//! epoll_wait(2), epoll(7).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Room for the events of one wait.
pub(crate) struct EpollEvents {
    room: Box<[libc::epoll_event]>,
    used: usize,
}

/// What the kernel said of one registered descriptor.
#[derive(Clone, Copy)]
pub(crate) struct EpollEvent {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) hangup: bool,
}

impl EpollEvents {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let empty = libc::epoll_event { events: 0, u64: 0 };
        Self { room: vec![empty; capacity.max(1)].into_boxed_slice(), used: 0 }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = EpollEvent> + '_ {
        self.room[..self.used].iter().map(|event| {
            let has = |bits: i32| event.events & bits.cast_unsigned() != 0;
            let hangup = has(libc::EPOLLHUP | libc::EPOLLRDHUP | libc::EPOLLERR);
            EpollEvent {
                token: event.u64,
                readable: has(libc::EPOLLIN | libc::EPOLLPRI) || hangup,
                writable: has(libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR),
                hangup,
            }
        })
    }
}

/// Waits for events, at most `timeout` rounded up to milliseconds; `None` waits without limit.
///
/// # Errors
/// `Interrupted` if a signal came; the events are then empty.
pub(crate) fn epoll_wait(
    epoll: BorrowedFd<'_>,
    events: &mut EpollEvents,
    timeout: Option<Duration>,
) -> io::Result<()> {
    let timeout = timeout.map_or(-1, |limit| {
        i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let room = i32::try_from(events.room.len()).unwrap_or(i32::MAX);
    events.used = 0;
    // SAFETY: the descriptor is borrowed and open; the pointer and length describe memory that
    // `events` owns and that nobody else can reach meanwhile.
    let count =
        unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.room.as_mut_ptr(), room, timeout) };
    match usize::try_from(count) {
        Ok(count) => {
            events.used = count;
            Ok(())
        }
        Err(_) => Err(io::Error::last_os_error()),
    }
}
