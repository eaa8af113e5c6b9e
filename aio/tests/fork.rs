//! A forked child: what is the parent's is refused, what is new works.
#![cfg(unix)]
#![allow(unsafe_code, reason = "fork and waitpid have no safe form")]

mod support;

use std::net::IpAddr;
use std::process::abort;
use std::sync::Arc;
use std::time::Duration;

use nng_aio::net::{Addr, Dialer, Listener, Query, Resolver};
use nng_aio::{Aio, Error, Refused, Runtime};
use support::streams::{Kind, connected, recv, send, start_accept, start_dial, start_recv};
use support::{Directory, Door, FOREVER};

/// Runs `child` in a forked child; true if it returned true there in time.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only runs `child` and leaves by _exit; what it may do is what is tested.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: an alarm ends a child that hangs.
        unsafe { libc::alarm(30) };
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(i32::from(!passed)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above and writes to a local variable.
    if unsafe { libc::waitpid(pid, &raw mut status, 0) } != pid {
        abort();
    }
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_child_gets_a_fresh_runtime_and_the_parents_objects_refuse() {
    let runtime = Runtime::builder().build().unwrap();
    let (aio, hear) = support::telling();
    let sleeping = runtime.aio(|_| ());
    sleeping.sleep(FOREVER);
    let idle = runtime.aio(|_| ());
    assert!(in_child(|| {
        let is_refused = matches!(idle.begin(), Err(Refused::Forked))
            && matches!(aio.begin(), Err(Refused::Forked));
        // None of these may hang or touch the parent's selector.
        sleeping.cancel();
        sleeping.wait();
        sleeping.stop();
        runtime.shutdown();
        drop(idle);
        drop(sleeping);
        drop(runtime);
        let own = Aio::without_callback();
        own.sleep(Duration::from_millis(1));
        own.wait();
        is_refused
            && own.result() == 0
            && in_child(|| {
                let own = Aio::without_callback();
                own.sleep(Duration::from_millis(1));
                own.wait();
                own.result() == 0
            })
    }));
    // The parent's global runtime never noticed.
    aio.sleep(Duration::from_millis(1));
    assert_eq!(support::must(&hear), 0);
}

#[test]
fn a_child_looks_names_up_on_threads_of_its_own() {
    let runtime = Runtime::builder().resolver_threads(1).build().unwrap();
    let door = Door::new();
    let (tell, asked) = std::sync::mpsc::channel();
    let behind = Arc::clone(&door);
    let resolver = Resolver::with_lookup(move |query| {
        if query.host == Some("stuck") {
            support::send(&tell, ());
            behind.pass();
        }
        Ok(vec![Addr::from((IpAddr::from([192, 0, 2, 1]), 80))])
    });
    let query = |host| Query { host: Some(host), port: "80", ..Query::default() };
    let stuck = runtime.aio_without_callback();
    resolver.resolve(&query("stuck"), &stuck);
    support::must(&asked);
    let idle = runtime.aio_without_callback();
    assert!(in_child(|| {
        // None of these may hang: the parent's thread is not here.
        resolver.resolve(&query("host"), &idle);
        resolver.resolve(&query("127.0.0.1"), &idle);
        let is_refused = !idle.is_busy() && idle.take_output::<Vec<Addr>>(0).is_none();
        stuck.cancel();
        drop(idle);
        drop(stuck);
        drop(runtime);
        let own = Aio::without_callback();
        resolver.resolve(&query("host"), &own);
        own.wait();
        is_refused && own.result() == 0 && own.take_output::<Vec<Addr>>(0).is_some()
    }));
    door.open();
}

#[test]
fn a_child_leaves_its_parents_connections_and_paths_alone() {
    for kind in Kind::ALL {
        let directory = Directory::new();
        let path = directory.join("socket");
        let listener = Listener::ipc(&path).unwrap();
        listener.listen().unwrap();
        let dialer = Dialer::ipc(&path).unwrap();
        let [one, other] = kind.pair();
        let (waits, kept) = (start_recv(&one, 1), one.clone());
        assert!(in_child(|| {
            // None of these may hang or reach the peer.
            let is_refused = one.recv_sync(&mut [0; 1], FOREVER) == Err(Error::Closed);
            one.close();
            drop(waits);
            drop(one);
            drop(listener);
            drop(dialer);
            let own = Listener::ipc(directory.join("other")).unwrap();
            own.listen().unwrap();
            let accept = start_accept(&own);
            connected(&start_dial(&Dialer::new(own.local_addr()).unwrap())).unwrap();
            is_refused && path.exists() && connected(&accept).is_ok()
        }));
        assert_eq!(send(&other, "x"), Ok(1));
        assert_eq!(recv(&kept, 1).unwrap(), b"x");
    }
}
