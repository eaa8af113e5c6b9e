//! What the calling thread has used of its CPU, and how often it went to sleep.
//!
//! # Source
//! getrusage(2).

use std::time::Duration;

/// What a thread has used since it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    /// CPU time, its own and the kernel's on its behalf.
    pub(crate) cpu: Duration,
    /// How often it gave its CPU up because it had to wait; not how often it was taken away.
    pub(crate) sleeps: libc::c_long,
}

/// Asks for the calling thread's usage; `None` where the system does not tell threads apart.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(crate) fn thread_usage() -> Option<Usage> {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a structure of the type that the call fills.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) } != 0;
    let duration = |time: libc::timeval| {
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
        seconds + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
    (!failed).then_some(Usage { cpu, sleeps: usage.ru_nvcsw })
}

/// Asks for the calling thread's usage; `None` where the system does not tell threads apart.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(crate) fn thread_usage() -> Option<Usage> {
    None
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn sleeping_and_computing_are_told_apart() {
        let before = thread_usage().unwrap();
        let (tell, hear) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while thread_usage().unwrap().cpu < Duration::from_millis(20) {}
                drop(tell);
            });
            assert!(hear.recv().is_err());
        });
        let after = thread_usage().unwrap();
        assert!(after.sleeps > before.sleeps, "this thread waited");
        assert!(after.cpu >= before.cpu);
    }
}
