//! Forked children that run a piece of a test.
#![allow(unsafe_code, reason = "fork and waitpid have no safe form")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::process::abort;

/// Runs `child` in a forked child; true if it returned true there in time.
pub(crate) fn in_child(child: impl FnOnce() -> bool) -> bool {
    if let Some(pid) = fork() {
        return has_passed(pid);
    }
    let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
    leave(passed)
}

/// Forks, and returns in both; the child is ended if it lives too long. `None` in the child.
pub(crate) fn fork() -> Option<libc::pid_t> {
    // SAFETY: what the child may do is what is tested.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: an alarm ends a child that hangs.
        unsafe { libc::alarm(30) };
        return None;
    }
    Some(pid)
}

/// Ends a child without running its parent's exit handlers.
pub(crate) fn leave(passed: bool) -> ! {
    // SAFETY: ends the process; nothing can go wrong any more.
    unsafe { libc::_exit(i32::from(!passed)) }
}

/// Waits for a child; true if it ended with success.
pub(crate) fn has_passed(pid: libc::pid_t) -> bool {
    status(pid) == Some(0)
}

/// Waits for a child; what it ended with, or `None` if a signal ended it.
pub(crate) fn status(pid: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    // SAFETY: waits for a child made above and writes to a local variable.
    if unsafe { libc::waitpid(pid, &raw mut status, 0) } != pid {
        abort();
    }
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

/// Leaves the process no more than `more` bytes of memory beyond what it has.
pub(crate) fn limit_memory(more: u64) {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the system tells");
    let pages: u64 =
        statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number");
    let limit = pages * 4096 + more;
    let limits = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: the pointer is to a local value.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limits) }, 0);
}
