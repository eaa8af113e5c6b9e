//! Files on their way into sockets, without a copy in between and, as far as that can be known, without
//! waiting for a disk.
//!
//! sendfile waits for what is not in memory, and nothing can keep it from that. So two questions come
//! first. cachestat counts the pages that the system has of a part of a file, those that are still being
//! read among them. A read that must not wait then tells of some of those whether they are there, and of
//! file systems that may wait for something else, such as a network, which take no such reads. What is
//! left is memory that goes between question and answer.
//!
//! # Source
//! Linux, sendfile(2); cachestat(2), since Linux 6.5; preadv2(2) with `RWF_NOWAIT`, since Linux 4.14.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use libc::{c_int, c_long, c_uint};

use super::socket::check;

/// The number of cachestat on all but a few old architectures, which do not know it; libc has it for few.
const CACHESTAT: c_long = 451;

/// The part of a file that cachestat looks at.
#[repr(C)]
struct Range {
    at: u64,
    len: u64,
}

/// What it says, in pages.
#[repr(C)]
#[derive(Default)]
struct Cached {
    cached: u64,
    dirty: u64,
    being_written: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// How far apart the bytes are of which it is asked whether they can be read at once.
const STRIDE: u64 = 64 << 10;

/// Returns whether that part of a file is in memory, so that reading it does not wait for a disk; false
/// where the system does not tell, as it does for files that this process could not write. It may go
/// from there at any time.
pub(crate) fn is_in_memory(file: BorrowedFd<'_>, at: u64, len: usize) -> bool {
    let page = page_size();
    let Some(last) = (len as u64).checked_sub(1).map(|behind| at + behind) else { return false };
    let pages = last / page + 1 - at / page;
    let range = Range { at, len: len as u64 };
    let mut found = Cached::default();
    let none: c_uint = 0;
    // SAFETY: the descriptor is borrowed and open; the structures have the layout that the call is
    // documented with, it reads the first and writes the second, and both live as long as it lasts. An
    // older system does not know the number, and says so.
    let result = unsafe {
        libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut found, none)
    };
    let mut places = (0..).map(|step| at + step * STRIDE).take_while(|&place| place < last);
    let is_cached = result == 0 && found.cached >= pages;
    is_cached && places.all(|place| is_read(file, place)) && is_read(file, last)
}

/// Returns whether a byte of a file can be read without waiting.
fn is_read(file: BorrowedFd<'_>, at: u64) -> bool {
    let mut byte = 0_u8;
    let room = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // The system wants halves of the offset where it does not fit into one, and ignores the other.
    let (low, high) = (at as libc::c_ulong, ((at >> 16) >> 16) as libc::c_ulong);
    let (one, flags): (c_int, c_int) = (1, libc::RWF_NOWAIT);
    // SAFETY: the descriptor is borrowed and open; the one piece of memory is a local variable. An older
    // system does not know the flag or the number, and says so.
    let count = unsafe {
        libc::syscall(libc::SYS_preadv2, file.as_raw_fd(), &raw const room, one, low, high, flags)
    };
    count == 1
}

fn page_size() -> u64 {
    // SAFETY: asks for a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Sends as much of a file as the socket, which does not block, takes now.
///
/// # Errors
/// `WouldBlock` if it takes nothing; `BrokenPipe` instead of a signal if the peer has gone.
pub(crate) fn send_file(
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    at: u64,
    len: usize,
) -> io::Result<usize> {
    let Ok(mut at) = libc::off_t::try_from(at) else { return Ok(0) };
    let _quiet = NoPipeSignal::new();
    check(|| {
        // SAFETY: both descriptors are borrowed and open; the offset is a local variable.
        unsafe { libc::sendfile(socket.as_raw_fd(), file.as_raw_fd(), &raw mut at, len) }
    })
}

/// While it lives, this thread gets no SIGPIPE; one that comes is taken back. sendfile has no flag for
/// that, and programs need not ignore the signal.
struct NoPipeSignal {
    /// What was blocked before; `None` if a SIGPIPE was pending, which is somebody else's.
    before: Option<libc::sigset_t>,
    pipe: libc::sigset_t,
}

impl NoPipeSignal {
    fn new() -> Self {
        let mut pipe = MaybeUninit::uninit();
        // SAFETY: initialises the set that it is given.
        unsafe { libc::sigemptyset(pipe.as_mut_ptr()) };
        // SAFETY: the set is initialised, and the signal exists.
        unsafe { libc::sigaddset(pipe.as_mut_ptr(), libc::SIGPIPE) };
        // SAFETY: it was initialised above.
        let pipe = unsafe { pipe.assume_init() };
        let mut pending = pipe;
        // SAFETY: writes to a local variable.
        let told = unsafe { libc::sigpending(&raw mut pending) };
        // SAFETY: reads a set that is initialised either way.
        if told == 0 && unsafe { libc::sigismember(&raw const pending, libc::SIGPIPE) } == 1 {
            return Self { before: None, pipe };
        }
        let mut before = pipe;
        // SAFETY: reads one local variable and writes another.
        let result: c_int =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before) };
        Self { before: (result == 0).then_some(before), pipe }
    }
}

impl Drop for NoPipeSignal {
    fn drop(&mut self) {
        let Some(before) = &self.before else { return };
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: takes a signal that is pending for this thread, if there is one; the set and the time
        // are alive, and nobody wants to know more of the signal.
        unsafe { libc::sigtimedwait(&raw const self.pipe, ptr::null_mut(), &raw const at_once) };
        // SAFETY: puts back what was there before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn file(content: &[u8]) -> File {
        let path =
            std::env::temp_dir().join(format!("nng-file-{}-{:p}", std::process::id(), content));
        let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn what_was_just_written_is_in_memory_and_can_be_sent() {
        let content: Vec<u8> = (0..100_000).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let file = file(&content);
        let (ours, mut peer) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        // Older systems do not tell, and then nothing is.
        let _ = is_in_memory(file.as_fd(), 10, 5000);
        assert!(!is_in_memory(file.as_fd(), 90_000, 20_000), "beyond the end there is nothing");
        let count = send_file(ours.as_fd(), file.as_fd(), 10, 5000).unwrap();
        assert!(count > 0);
        let mut got = vec![0; count];
        peer.read_exact(&mut got).unwrap();
        assert_eq!(got, content[10..10 + count]);
        assert_eq!(send_file(ours.as_fd(), file.as_fd(), 100_000, 10).unwrap(), 0);
    }

    #[test]
    fn a_peer_that_has_gone_is_an_error_and_no_signal() {
        let file = file(b"content");
        let (ours, peer) = UnixStream::pair().unwrap();
        drop(peer);
        // SAFETY: restores the default, which ends the process, for the time of this test.
        let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let error = send_file(ours.as_fd(), file.as_fd(), 0, 7).unwrap_err();
        // SAFETY: puts back what was there.
        unsafe { libc::signal(libc::SIGPIPE, before) };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
