//! Which signals threads of ours take. The threads of a host that drives a runtime are the host's own.
//!
//! # Source
//! POSIX, pthread_sigmask(3) and sigaction(2).

use std::mem::MaybeUninit;
use std::ptr;

/// Keeps SIGPIPE from this thread, for good: callbacks that write where nobody reads any more are told by
/// `EPIPE`, and the process goes on, also if it has not said that it ignores that signal.
#[cfg(unix)]
pub(crate) fn block_sigpipe() {
    let mut pipe = MaybeUninit::uninit();
    // SAFETY: initialises the set that it is given.
    unsafe { libc::sigemptyset(pipe.as_mut_ptr()) };
    // SAFETY: the set is initialised, and the signal exists.
    unsafe { libc::sigaddset(pipe.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: as above; what was blocked before is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, pipe.as_ptr(), ptr::null_mut()) };
}

/// As above, where there is no such signal.
#[cfg(not(unix))]
pub(crate) fn block_sigpipe() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Whether this thread takes a SIGPIPE.
    fn takes_sigpipe() -> bool {
        let mut blocked = MaybeUninit::uninit();
        // SAFETY: asks for the mask, which fills a local variable.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), blocked.as_mut_ptr()) };
        // SAFETY: it was filled.
        unsafe { libc::sigismember(blocked.as_ptr(), libc::SIGPIPE) == 0 }
    }

    #[test]
    fn one_thread_gets_no_signal_and_others_are_as_they_were() {
        let before = takes_sigpipe();
        let blocked = std::thread::spawn(|| {
            block_sigpipe();
            !takes_sigpipe()
        });
        assert!(blocked.join().unwrap());
        assert_eq!(takes_sigpipe(), before);
    }
}
