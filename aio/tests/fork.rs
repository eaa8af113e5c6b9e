//! A forked child: what is the parent's is refused, what is new works.
#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
mod support;

use std::net::IpAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use child::{fork, has_passed, in_child, status};
use nng_aio::net::{Addr, Query, Resolver};
use nng_aio::sync::Mutex;
use nng_aio::{Aio, Expire, Refused, Runtime, log};
use support::{Door, FOREVER, must, send};

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
    assert_eq!(must(&hear), 0);
}

/// The system gives the stacks of the parent's threads to the child's, and with them whatever a lock
/// keeps there of those who sleep.
#[test]
fn a_childs_threads_sleep_and_wake_where_its_parents_slept() {
    const SLEEPERS: usize = 32;
    let aios: Vec<_> = (0..SLEEPERS).map(|_| Arc::new(Aio::without_callback())).collect();
    let sleepers: Vec<_> = aios
        .iter()
        .map(|aio| {
            aio.sleep(FOREVER);
            let aio = Arc::clone(aio);
            std::thread::spawn(move || aio.wait())
        })
        .collect();
    for _ in 0..8 {
        assert!(in_child(|| {
            let rests = || {
                let own = Aio::without_callback();
                (0..8).all(|_| {
                    own.sleep(Duration::from_micros(100));
                    own.wait();
                    own.result() == 0
                })
            };
            std::thread::scope(|scope| {
                let all: Vec<_> = (0..SLEEPERS).map(|_| scope.spawn(rests)).collect();
                all.into_iter().all(|one| one.join().unwrap_or(false))
            })
        }));
    }
    aios.iter().for_each(|aio| aio.cancel());
    sleepers.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn a_child_looks_names_up_on_threads_of_its_own() {
    let runtime = Runtime::builder().resolver_threads(1).build().unwrap();
    let door = Door::new();
    let (tell, asked) = mpsc::channel();
    let behind = Arc::clone(&door);
    let resolver = Resolver::with_lookup(move |query| {
        if query.host == Some("stuck") {
            send(&tell, ());
            behind.pass();
        }
        Ok(vec![Addr::from((IpAddr::from([192, 0, 2, 1]), 80))])
    });
    let query = |host| Query { host: Some(host), port: "80", ..Query::default() };
    let stuck = runtime.aio_without_callback();
    resolver.resolve(&query("stuck"), &stuck);
    must(&asked);
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
fn a_childs_hands_on_its_parents_objects_neither_hang_nor_reach_the_parent() {
    struct Nothing;
    impl Expire for Nothing {
        fn expired(self: Arc<Self>) {}
    }
    let runtime = Runtime::builder().build().unwrap();
    let target: Arc<dyn Expire> = Arc::new(Nothing);
    let timer = runtime.timer(Arc::downgrade(&target));
    let aio = runtime.aio_without_callback();
    let mut operation = aio.begin().ok();
    assert!(in_child(|| {
        timer.set_after(Duration::ZERO);
        operation.take().unwrap().finish(Ok(()));
        let late = runtime.aio(|_| ());
        let is_refused = matches!(late.begin(), Err(Refused::Forked));
        drop(late);
        is_refused
    }));
    assert!(aio.is_busy());
    operation.take().unwrap().finish(Ok(()));
}

#[test]
fn a_child_that_returns_from_the_callback_it_was_forked_in_ends() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |_| {
        // In the child there is nobody to return to: its only thread was the parent's runtime's.
        if let Some(pid) = fork() {
            send(&tell, status(pid));
        }
    });
    aio.begin().unwrap().finish(Ok(()));
    // With what is up to those who run at the end of a process; but by itself.
    assert!(must(&hear).is_some());
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    aio.sleep(Duration::from_millis(1));
    assert_eq!(must(&hear), 0, "the parent's goes on");
}

#[test]
fn a_child_may_use_the_library_in_the_callback_it_was_forked_in() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |_| {
        send(
            &tell,
            in_child(|| {
                let own = Aio::new(|_| ());
                own.sleep(Duration::from_millis(1));
                own.wait();
                own.result() == 0
            }),
        );
    });
    aio.begin().unwrap().finish(Ok(()));
    assert!(must(&hear));
}

#[test]
fn a_host_may_fork_in_a_turn_that_a_wait_makes() {
    let runtime = Runtime::builder().host_driven().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let forks = runtime.aio(move |_| send(&tell, fork()));
    forks.begin().unwrap().finish(Ok(()));
    let waits = runtime.aio(|_| ());
    waits.sleep(Duration::from_millis(1));
    waits.wait();
    match must(&hear) {
        Some(pid) => assert!(has_passed(pid)),
        None => child::leave(true),
    }
}

#[test]
fn a_child_tells_its_parents_logger_until_it_has_one_of_its_own() {
    let (tell, hear) = mpsc::channel();
    let tell = Mutex::new(tell);
    log::set_hook(Some(Arc::new(move |record: &log::Record<'_>| {
        if record.id == "FORK" {
            send(&tell.lock(), record.text.to_owned());
        }
    })));
    assert!(in_child(|| {
        log::record(log::Level::Error, "FORK", "inherited");
        log::set_hook(None);
        log::record(log::Level::Error, "FORK", "silenced");
        hear.try_iter().eq(["inherited"])
    }));
    log::record(log::Level::Error, "FORK", "the parent's");
    log::set_hook(None);
    assert!(hear.try_iter().eq(["the parent's"]), "what a child sets is its own");
}
