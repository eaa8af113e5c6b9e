//! System calls of a running process, counted by the kernel's tracepoints or by strace.
//!
//! strace stops every thread at every call, so that callbacks look slow and take other ways. The
//! tracepoints do not; they need `perf` and the right to use them.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use nng_oxide_benches::Result;

use crate::process::{Process, command};

/// How long strace takes to attach, and the process to settle after it.
const SETTLE: Duration = Duration::from_millis(500);

/// The calls that servers make under load. All there are, opened at once, would slow the machine.
const CALLS: [&str; 18] = [
    "accept4",
    "close",
    "epoll_ctl",
    "epoll_wait",
    "eventfd2",
    "futex",
    "getrusage",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "sched_yield",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "write",
    "writev",
];

/// Counts system calls of all threads of `process` while `during` runs, by name, without slowing
/// it down if the machine lets us.
pub fn count_at_full_speed<T>(
    process: &Process,
    scratch: &Path,
    during: impl FnOnce() -> Result<T>,
) -> Result<(Vec<(String, f64)>, T)> {
    let events = CALLS.map(|call| format!("syscalls:sys_enter_{call}")).join(",");
    let mut test = command("perf");
    test.args(["stat", "-e", &events, "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !test.status().is_ok_and(|status| status.success()) {
        return count(process, scratch, during);
    }
    let file = scratch.join("perf.out");
    let mut perf = command("perf");
    perf.args(["stat", "-x", ";", "-e", &events, "-o"]).arg(&file);
    perf.args(["-p", &process.id().to_string()]);
    let tracer = Process::start(perf.stdout(Stdio::null()).stderr(Stdio::null()))?;
    thread::sleep(SETTLE);
    let result = during();
    tracer.interrupt()?;
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok((by_event(text.lines()), result?))
}

/// Reads what perf writes: `count;unit;event;...`.
fn by_event<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, f64)> {
    let mut counts: Vec<(String, f64)> = lines
        .filter_map(|line| {
            let mut fields = line.split(';');
            let count = fields.next()?.parse().ok()?;
            let name = fields.nth(1)?.strip_prefix("syscalls:sys_enter_")?;
            Some((name.to_owned(), count))
        })
        .collect();
    counts.sort_by(|a, b| b.1.total_cmp(&a.1));
    counts
}

/// Counts the system calls of all threads of `process` while `during` runs, by name.
pub fn count<T>(
    process: &Process,
    scratch: &Path,
    during: impl FnOnce() -> Result<T>,
) -> Result<(Vec<(String, f64)>, T)> {
    let file = scratch.join("strace.out");
    let mut strace = command("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&file).args(["-p", &process.id().to_string()]);
    let tracer = Process::start(strace.stdout(Stdio::null()).stderr(Stdio::null()))?;
    thread::sleep(SETTLE);
    let skip = fs::read_to_string(&file)?.lines().count();
    let result = during();
    tracer.interrupt()?;
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok((by_name(text.lines().skip(skip)), result?))
}

/// Counts the calls that began; `<... resumed>` and signals are not calls. The calls that strace
/// breaks off when it lets go are cut: they began before.
fn by_name<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, f64)> {
    let mut counts: Vec<(String, f64)> = Vec::new();
    for line in lines {
        // `PID name(arguments...`
        let Some((_, call)) = line.trim_start().split_once(' ') else { continue };
        let Some((name, rest)) = call.trim_start().split_once('(') else { continue };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue;
        }
        if rest.contains("<detached ...>") {
            continue;
        }
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1.0,
            None => counts.push((name.to_owned(), 1.0)),
        }
    }
    counts.sort_by(|a, b| b.1.total_cmp(&a.1));
    counts
}

/// The sum of all counts.
pub fn total(counts: &[(String, f64)]) -> f64 {
    counts.iter().fold(0.0, |sum, (_, count)| sum + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_perf_are_read_by_name() {
        let text = "# started on\n\n12;;syscalls:sys_enter_read;99;100.00;;\n\
            <not counted>;;syscalls:sys_enter_close;0;0.00;;\n40;;syscalls:sys_enter_futex;9;1;;\n";
        let expected = [("futex".to_owned(), 40.0), ("read".to_owned(), 12.0)];
        assert_eq!(by_event(text.lines()), expected);
    }

    #[test]
    fn only_calls_that_began_are_counted() {
        let trace = "12 epoll_wait(3,  <unfinished ...>\n12 <... epoll_wait resumed>[], 8, 0) = 0\n\
            12 read(5, \"x\", 1) = 1\n12 --- SIGCHLD {} ---\n13 read(5, \"x\", 1) = 1\n\
            13 epoll_wait(3,  <detached ...>\n";
        let expected = [("read".to_owned(), 2.0), ("epoll_wait".to_owned(), 1.0)];
        assert_eq!(by_name(trace.lines()), expected);
    }
}
