//! Finding addresses: what is answered at once, what waits, and that nothing waits for the stuck.

mod support;

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Weak};
use std::time::Duration;

use nng_aio::net::{Addr, Family, Query, Resolver};
use nng_aio::sync::Mutex;
use nng_aio::{Aio, Error, Runtime, codes};
use support::{Door, FOREVER, must, returns, send};

/// A resolver whose lookups of `stuck` wait behind a door, and that tells what it is asked.
fn scripted() -> (Resolver, Arc<Door>, Receiver<String>) {
    let (tell, hear) = mpsc::channel();
    let door = Door::new();
    let behind = Arc::clone(&door);
    let resolver = Resolver::with_lookup(move |query| {
        let host = query.host.unwrap_or_default();
        send(&tell, format!("{host}:{}", query.port));
        match host {
            "stuck" => behind.pass(),
            "unknown" => return Err(Error::AddressInvalid),
            "empty" => return Ok(Vec::new()),
            "panic" => panic!("on purpose"),
            _ => {}
        }
        Ok(vec![addr(1), addr(2)])
    });
    (resolver, door, hear)
}

fn addr(last: u8) -> Addr {
    SocketAddr::from(([192, 0, 2, last], 80)).into()
}

fn name(host: &str) -> Query<'_> {
    Query { host: Some(host), port: "80", ..Query::default() }
}

/// The result and the addresses.
type Told = (i32, Option<Vec<Addr>>);

/// An aio that tells how its operations end.
fn telling_on(runtime: &Runtime) -> (Aio, Receiver<Told>) {
    let (tell, hear) = mpsc::channel();
    (runtime.aio(move |aio| send(&tell, (aio.result(), aio.take_output(0)))), hear)
}

fn runtime(resolver_threads: usize) -> Runtime {
    Runtime::builder().resolver_threads(resolver_threads).build().expect("the system has threads")
}

#[test]
fn literals_are_answered_without_a_thread_and_without_waiting() {
    let runtime = runtime(1);
    let (resolver, _door, asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    aio.set_timeout(Duration::ZERO);
    for (host, text) in [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("1.2", "1.0.0.2:80")]
    {
        resolver.resolve(&name(host), &aio);
        let (result, addrs) = must(&hear);
        assert_eq!(result, 0);
        assert_eq!(addrs.unwrap().iter().map(Addr::to_string).collect::<Vec<_>>(), [text]);
        aio.wait();
    }
    resolver.resolve(&Query { port: "65536", ..name("::1") }, &aio);
    assert_eq!(must(&hear), (codes::NNG_EADDRINVAL, None));
    assert_eq!(runtime.stats().resolver_threads, 0);
    assert!(asked.try_recv().is_err());
}

#[test]
fn names_are_looked_up_on_a_thread_of_the_runtimes_name() {
    let runtime = Runtime::builder().name("sensors").build().unwrap();
    let (tell, thread_name) = mpsc::channel();
    let resolver = Resolver::with_lookup(move |query| {
        assert_eq!((query.family, query.passive), (Family::V6, true));
        send(&tell, std::thread::current().name().map(str::to_owned));
        Ok(vec![addr(1), addr(2)])
    });
    let (aio, hear) = telling_on(&runtime);
    resolver.resolve(&Query { family: Family::V6, passive: true, ..name("host") }, &aio);
    assert_eq!(must(&hear), (0, Some(vec![addr(1), addr(2)])));
    assert_eq!(must(&thread_name).as_deref(), Some("sensors:resolver"));
}

#[test]
fn a_name_must_wait_so_a_limit_of_zero_refuses_it() {
    let runtime = runtime(1);
    let (resolver, _door, asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    aio.set_timeout(Duration::ZERO);
    resolver.resolve(&name("host"), &aio);
    assert_eq!(must(&hear), (codes::NNG_ETIMEDOUT, None));
    assert!(asked.try_recv().is_err());
}

#[test]
fn failures_of_a_lookup_are_the_operations() {
    let runtime = runtime(1);
    let (resolver, _door, _asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    for (host, code) in [
        ("unknown", codes::NNG_EADDRINVAL),
        ("empty", codes::NNG_EADDRINVAL),
        ("panic", codes::NNG_EINTERNAL),
        ("host", 0),
    ] {
        resolver.resolve(&name(host), &aio);
        assert_eq!(must(&hear).0, code, "{host}");
        aio.wait();
    }
}

#[test]
fn the_system_knows_localhost_and_services() {
    let resolver = Resolver::default();
    let is_loopback = |addrs: &[Addr]| {
        addrs.iter().all(|addr| {
            let inet = SocketAddr::try_from(addr).unwrap();
            inet.ip().is_loopback() && inet.port() == 80
        })
    };
    let addrs = resolver.resolve_now(&name("localhost")).unwrap();
    assert!(!addrs.is_empty() && is_loopback(&addrs));
    let query = Query { family: Family::V4, ..name("localhost") };
    let addrs = resolver.resolve_now(&query).unwrap();
    assert!(addrs.iter().all(|addr| matches!(addr, Addr::Inet(_))) && is_loopback(&addrs));
    let aio = Aio::without_callback();
    resolver.resolve(&name("localhost"), &aio);
    aio.wait();
    assert_eq!(aio.result(), 0);
    assert!(is_loopback(&aio.take_output::<Vec<Addr>>(0).unwrap()));
    let unknown = Query { port: "no-such-service-", ..name("127.0.0.1") };
    assert_eq!(resolver.resolve_now(&unknown), Err(Error::AddressInvalid));
}

#[test]
fn a_stuck_lookup_ends_at_once_by_cancel_timeout_and_stop() {
    let runtime = runtime(4);
    let (resolver, door, asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    resolver.resolve(&name("stuck"), &aio);
    must(&asked);
    aio.cancel();
    assert_eq!(must(&hear), (codes::NNG_ECANCELED, None));
    aio.wait();
    aio.set_timeout(Duration::from_millis(1));
    resolver.resolve(&name("stuck"), &aio);
    assert_eq!(must(&hear), (codes::NNG_ETIMEDOUT, None));
    aio.wait();
    aio.set_timeout(FOREVER);
    resolver.resolve(&name("stuck"), &aio);
    let aio = returns(move || {
        aio.stop();
        aio
    });
    assert_eq!(must(&hear), (codes::NNG_ECANCELED, None));
    // What the lookups answer at last belongs to nobody.
    door.open();
    runtime.shutdown();
    assert!(hear.try_recv().is_err());
    assert_eq!(aio.take_output::<Vec<Addr>>(0), None);
}

#[test]
fn a_late_answer_does_not_touch_the_next_operation() {
    let runtime = runtime(1);
    let (resolver, door, asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    resolver.resolve(&name("stuck"), &aio);
    must(&asked);
    aio.cancel();
    assert_eq!(must(&hear), (codes::NNG_ECANCELED, None));
    aio.wait();
    aio.sleep(FOREVER);
    door.open();
    // The thread that was stuck is needed for this one: it has dropped the late answer before.
    let (other, other_hear) = telling_on(&runtime);
    for _ in 0..8 {
        resolver.resolve(&name("host"), &other);
        assert_eq!(must(&other_hear).0, 0);
        other.wait();
    }
    assert!(aio.is_busy());
    aio.cancel();
    assert_eq!(must(&hear), (codes::NNG_ECANCELED, None));
}

#[test]
fn a_queued_lookup_that_is_canceled_is_never_made() {
    let runtime = runtime(1);
    let (resolver, door, asked) = scripted();
    let (first, first_hear) = telling_on(&runtime);
    let (second, second_hear) = telling_on(&runtime);
    let (third, third_hear) = telling_on(&runtime);
    resolver.resolve(&name("stuck"), &first);
    assert_eq!(must(&asked), "stuck:80");
    resolver.resolve(&name("second"), &second);
    second.cancel();
    assert_eq!(must(&second_hear), (codes::NNG_ECANCELED, None));
    resolver.resolve(&name("third"), &third);
    door.open();
    assert_eq!(must(&first_hear).0, 0);
    assert_eq!(must(&third_hear).0, 0);
    assert_eq!(must(&asked), "third:80");
}

#[test]
fn a_stuck_lookup_that_was_given_up_blocks_no_other() {
    let runtime = runtime(1);
    let (resolver, door, asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    // Three may be stuck for good; the fourth thread still serves.
    for _ in 0..3 {
        resolver.resolve(&name("stuck"), &aio);
        assert_eq!(must(&asked), "stuck:80");
        aio.cancel();
        assert_eq!(must(&hear).0, codes::NNG_ECANCELED);
        aio.wait();
    }
    for _ in 0..3 {
        resolver.resolve(&name("host"), &aio);
        assert_eq!(must(&hear), (0, Some(vec![addr(1), addr(2)])));
        aio.wait();
    }
    door.open();
}

#[test]
fn stuck_lookups_that_are_still_wanted_block_no_other_for_long() {
    let runtime = runtime(1);
    let (resolver, door, asked) = scripted();
    let (first, first_hear) = telling_on(&runtime);
    let (second, second_hear) = telling_on(&runtime);
    resolver.resolve(&name("stuck"), &first);
    assert_eq!(must(&asked), "stuck:80");
    resolver.resolve(&name("host"), &second);
    assert_eq!(must(&second_hear).0, 0);
    assert!(first.is_busy());
    door.open();
    assert_eq!(must(&first_hear).0, 0);
}

#[test]
fn shutdown_ends_lookups_and_does_not_wait_for_the_stuck() {
    let runtime = runtime(1);
    let (resolver, door, asked) = scripted();
    let (calling, calling_hear) = telling_on(&runtime);
    let (queued, queued_hear) = telling_on(&runtime);
    resolver.resolve(&name("stuck"), &calling);
    must(&asked);
    resolver.resolve(&name("host"), &queued);
    let unowned = runtime.unowned();
    returns(move || drop(runtime));
    assert_eq!(must(&calling_hear), (codes::NNG_ECLOSED, None));
    assert_eq!(must(&queued_hear), (codes::NNG_ECLOSED, None));
    let late = unowned.aio_without_callback();
    for host in ["host", "127.0.0.1"] {
        resolver.resolve(&name(host), &late);
        late.wait();
        assert_eq!(late.result(), codes::NNG_ECLOSED, "{host}");
    }
    door.open();
    assert!(asked.try_recv().is_err(), "nothing is asked after the end");
}

#[test]
fn a_stuck_thread_keeps_nothing_of_a_runtime_that_ended() {
    struct Held(#[expect(dead_code, reason = "held to be counted")] Arc<()>);
    let runtime = runtime(1);
    let (resolver, door, asked) = scripted();
    let held = Arc::new(());
    let watch: Weak<()> = Arc::downgrade(&held);
    let kept = Held(held);
    let aio = runtime.aio(move |_| {
        let _ = &kept;
    });
    resolver.resolve(&name("stuck"), &aio);
    must(&asked);
    drop(aio);
    returns(move || drop(runtime));
    assert_eq!(watch.strong_count(), 0);
    door.open();
}

#[test]
fn a_lookup_completes_in_the_turns_of_a_host_driven_runtime() {
    let runtime = Runtime::builder().host_driven().build().unwrap();
    let (resolver, _door, _asked) = scripted();
    let (aio, hear) = telling_on(&runtime);
    resolver.resolve(&name("host"), &aio);
    while aio.is_busy() {
        runtime.turn(FOREVER).unwrap();
    }
    assert_eq!(must(&hear), (0, Some(vec![addr(1), addr(2)])));
    let silent = runtime.aio_without_callback();
    resolver.resolve(&name("host"), &silent);
    silent.wait();
    assert_eq!(silent.result(), 0);
}

#[test]
fn a_callback_may_resolve_again_and_at_once() {
    let runtime = runtime(1);
    let (resolver, _door, _asked) = scripted();
    let (tell, hear) = mpsc::channel();
    let resolver = Arc::new(resolver);
    let again = Arc::clone(&resolver);
    let left = std::sync::Mutex::new(100);
    let aio = runtime.aio(move |aio| {
        let mut left = left.lock().unwrap();
        if *left == 0 || aio.result() != 0 {
            return send(&tell, aio.result());
        }
        *left -= 1;
        let host = if *left % 2 == 0 { "host" } else { "127.0.0.1" };
        assert!(again.resolve_now(&name(host)).is_ok());
        again.resolve(&name(host), aio);
    });
    resolver.resolve(&name("host"), &aio);
    assert_eq!(must(&hear), 0);
}

#[test]
fn a_lookup_function_may_go_with_a_panic_as_soon_as_it_has_answered() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let runtime = runtime(1);
    let (tell, called) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let panics = Panics;
    let resolver = Resolver::with_lookup(move |_query| {
        let _captured = &panics;
        send(&tell, ());
        let _ = wait.lock().recv();
        Ok(vec![addr(1)])
    });
    let (aio, hear) = telling_on(&runtime);
    resolver.resolve(&name("host"), &aio);
    must(&called);
    // The call is the last that has the function.
    drop(resolver);
    drop(go_on);
    assert_eq!(must(&hear), (0, Some(vec![addr(1)])));
    let (second, _door, _asked) = scripted();
    aio.wait();
    second.resolve(&name("127.0.0.1"), &aio);
    assert_eq!(must(&hear).0, 0);
    let again = Resolver::with_lookup(|_query| Ok(vec![addr(2)]));
    aio.wait();
    again.resolve(&name("host"), &aio);
    assert_eq!(must(&hear), (0, Some(vec![addr(2)])), "its thread goes on");
}
