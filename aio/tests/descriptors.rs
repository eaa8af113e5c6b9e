//! When the process runs out of descriptors. Each test runs alone in a process with few of them.

mod support;

use std::fs::File;
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nng_aio::net::{Dialer, Family, Listener};
use nng_aio::{Aio, Error, Runtime, codes};
use support::streams::{connected, listening, start_accept, start_dial};

/// Set in the process with few descriptors.
const LIMITED: &str = "NNG_TEST_LIMITED";

/// Runs the test of that name again in a process that can have 64 descriptors; true if this is it.
fn is_limited(test: &str) -> bool {
    if std::env::var_os(LIMITED).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("a test has a program");
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$@\"", "sh"])
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(LIMITED, "1")
        .status()
        .expect("a shell");
    assert!(status.success());
    false
}

/// Takes every descriptor that is left.
fn exhaust() -> Vec<File> {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files
}

fn tcp() -> Listener {
    listening(Listener::tcp("127.0.0.1", "0", Family::Any))
}

#[test]
fn an_accept_fails_at_a_time_and_the_connection_goes_on_waiting() {
    if !is_limited("an_accept_fails_at_a_time_and_the_connection_goes_on_waiting") {
        return;
    }
    let listener = tcp();
    let accepts = [start_accept(&listener), start_accept(&listener)];
    let client = TcpStream::connect(listener.local_addr().to_inet().unwrap());
    // The client came before the last descriptor; the accept that waited took it or not.
    let client = client.unwrap();
    let first = connected(&accepts[0]).unwrap();
    let waits = TcpStream::connect(listener.local_addr().to_inet().unwrap()).unwrap();
    let second = connected(&accepts[1]).unwrap();
    drop((first, second, client, waits));

    let client = TcpStream::connect(listener.local_addr().to_inet().unwrap()).unwrap();
    let files = exhaust();
    let failed = start_accept(&listener);
    assert_eq!(connected(&failed).err(), Some(Error::NoFiles));
    let later = start_accept(&listener);
    drop(files);
    // Either it was tried before there were descriptors again, or it takes the connection.
    let taken = match connected(&later) {
        Ok(stream) => stream,
        Err(error) => {
            assert_eq!(error, Error::NoFiles);
            connected(&start_accept(&listener)).unwrap()
        }
    };
    assert_eq!(taken.remote_addr().to_inet(), client.local_addr().ok());
}

#[test]
fn accepts_that_are_restarted_when_they_fail_do_not_spin() {
    const FAILURES: u32 = 5;
    if !is_limited("accepts_that_are_restarted_when_they_fail_do_not_spin") {
        return;
    }
    let runtime = Runtime::builder().build().unwrap();
    let listener =
        std::sync::Arc::new(Listener::tcp("127.0.0.1", "0", Family::Any).unwrap().on(&runtime));
    listener.listen().unwrap();
    let _client = TcpStream::connect(listener.local_addr().to_inet().unwrap()).unwrap();
    let files = exhaust();
    let (tell, hear) = mpsc::channel();
    let again = std::sync::Arc::downgrade(&listener);
    let aio = runtime.aio(move |aio| {
        support::send(&tell, aio.result());
        if let (codes::NNG_ENOFILES, Some(listener)) = (aio.result(), again.upgrade()) {
            listener.accept(aio);
        }
    });
    let began = Instant::now();
    listener.accept(&aio);
    for _ in 0..FAILURES {
        assert_eq!(support::must(&hear), codes::NNG_ENOFILES);
    }
    // A pause may be longer than it should be, but never shorter.
    assert!(began.elapsed() >= Duration::from_millis(10) * (FAILURES - 1));
    drop(files);
    while support::must(&hear) != 0 {}
}

#[test]
fn a_dial_says_so() {
    if !is_limited("a_dial_says_so") {
        return;
    }
    let listener = tcp();
    let dialer = Dialer::new(listener.local_addr()).unwrap();
    let aio = Aio::without_callback();
    let files = exhaust();
    dialer.dial(&aio);
    assert_eq!(connected(&aio).err(), Some(Error::NoFiles));
    drop(files);
    connected(&start_dial(&dialer)).unwrap();
}
