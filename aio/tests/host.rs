//! The host-driven mode: no threads, everything happens in turns.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use nng_aio::{Aio, Runtime, codes};
use support::{Door, FOREVER, Provider, must, returns, send};

fn host() -> Runtime {
    Runtime::builder().host_driven().build().expect("the system has descriptors left")
}

#[test]
fn callbacks_run_in_turns_on_the_turning_thread_only() {
    let runtime = host();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |_| send(&tell, std::thread::current().id()));
    aio.begin().unwrap().finish(Ok(()));
    assert!(hear.try_recv().is_err());
    assert_eq!(runtime.next_timeout(), Some(Duration::ZERO));
    runtime.turn(FOREVER).unwrap();
    assert_eq!(hear.try_recv(), Ok(std::thread::current().id()));
    assert_eq!(runtime.next_timeout(), None);
    assert_eq!(runtime.stats().threads, 0);
}

#[test]
fn deadlines_come_in_turns() {
    let runtime = host();
    let aio = runtime.aio(|_| ());
    aio.sleep(Duration::from_millis(5));
    assert!(runtime.next_timeout().unwrap() <= Duration::from_millis(6));
    while aio.is_busy() {
        runtime.turn(FOREVER).unwrap();
    }
    assert_eq!(aio.result(), 0);
    assert_eq!(runtime.next_timeout(), None);
}

#[test]
fn waiting_makes_turns() {
    let runtime = host();
    let aio = runtime.aio(|_| ());
    aio.sleep(Duration::from_millis(2));
    aio.wait();
    assert_eq!(aio.result(), 0);
    let provider = Provider::new();
    provider.start(&aio);
    aio.stop();
    assert_eq!(aio.result(), codes::NNG_ECANCELED);
}

#[test]
fn waiting_in_a_callback_makes_turns() {
    let runtime = host();
    let (tell, hear) = mpsc::channel();
    let inner = runtime.aio(|_| ());
    let aio = runtime.aio(move |_| {
        inner.sleep(Duration::from_millis(1));
        inner.wait();
        send(&tell, inner.result());
    });
    aio.begin().unwrap().finish(Ok(()));
    aio.wait();
    assert_eq!(hear.try_recv(), Ok(0));
}

#[test]
fn a_completion_by_another_thread_ends_the_hosts_wait() {
    let runtime = host();
    let runs = Arc::new(AtomicUsize::new(0));
    let aio = runtime.aio({
        let runs = Arc::clone(&runs);
        move |_| _ = runs.fetch_add(1, SeqCst)
    });
    let provider = Provider::new();
    for run in 1..=20 {
        provider.start(&aio);
        let completer = std::thread::spawn({
            let provider = Arc::clone(&provider);
            move || provider.complete(Ok(()))
        });
        while runs.load(SeqCst) < run {
            runtime.turn(FOREVER).unwrap();
        }
        completer.join().unwrap();
    }
}

#[test]
fn an_aio_without_callback_wakes_the_thread_that_waits_by_turning() {
    let runtime = host();
    let aio = runtime.aio_without_callback();
    let provider = Provider::new();
    for _ in 0..20 {
        provider.start(&aio);
        let completer = std::thread::spawn({
            let provider = Arc::clone(&provider);
            move || provider.complete(Ok(()))
        });
        aio.wait();
        completer.join().unwrap();
        assert_eq!(aio.result(), 0);
    }
}

#[test]
fn a_flood_of_callbacks_is_left_for_the_next_turn() {
    let runtime = host();
    let runs = Arc::new(AtomicUsize::new(0));
    let aio = runtime.aio({
        let runs = Arc::clone(&runs);
        move |aio: &Aio| {
            runs.fetch_add(1, SeqCst);
            if let Ok(operation) = aio.begin() {
                operation.finish(Ok(()));
            }
        }
    });
    aio.begin().unwrap().finish(Ok(()));
    runtime.turn(FOREVER).unwrap();
    assert!(runs.load(SeqCst) > 0);
    assert_eq!(runtime.next_timeout(), Some(Duration::ZERO));
    aio.stop();
}

#[test]
fn shutdown_runs_what_is_left() {
    let runtime = host();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    aio.sleep(FOREVER);
    drop(runtime);
    assert_eq!(hear.try_recv(), Ok(codes::NNG_ECLOSED));
}

#[test]
fn of_several_threads_that_wait_by_turning_each_is_woken() {
    let runtime = host();
    let provider = Provider::new();
    returns(move || {
        for _ in 0..200 {
            let aios = [(); 3].map(|()| runtime.aio_without_callback());
            for aio in &aios {
                provider.start(aio);
            }
            std::thread::scope(|scope| {
                for aio in &aios {
                    scope.spawn(|| aio.wait());
                }
                for _ in &aios {
                    provider.complete(Ok(()));
                }
            });
        }
    });
}

#[test]
fn what_a_blocked_callback_started_is_done_by_another_thread_that_turns() {
    let runtime = host();
    let door = Door::new();
    let (tell, hear) = mpsc::channel();
    let inner = runtime.aio({
        let door = Arc::clone(&door);
        move |aio| {
            send(&tell, aio.result());
            door.open();
        }
    });
    let aio = runtime.aio(move |_| {
        inner.sleep(Duration::from_millis(1));
        door.pass();
    });
    aio.begin().unwrap().finish(Ok(()));
    let turners = [(); 2].map(|()| {
        let runtime = runtime.clone();
        std::thread::spawn(move || {
            while !runtime.is_closed() {
                runtime.turn(FOREVER).unwrap();
            }
        })
    });
    assert_eq!(must(&hear), 0);
    aio.wait();
    runtime.shutdown();
    returns(move || turners.map(|turner| turner.join().is_ok()));
}

#[test]
fn callbacks_that_wait_for_each_other_return_also_when_turns_are_nested() {
    let runtime = host();
    let (x_is_inside, door) = (Door::new(), Door::new());
    let first = Arc::new(OnceLock::<Arc<Aio>>::new());
    // Runs on a thread of its own, and waits for the first one when the door opens.
    let x = Arc::new(runtime.aio({
        let (x_is_inside, door) = (Arc::clone(&x_is_inside), Arc::clone(&door));
        let first = Arc::clone(&first);
        move |_| {
            x_is_inside.open();
            door.pass();
            first.get().unwrap().wait();
        }
    }));
    // Runs inside the wait of the first one, and waits as well.
    let nested = runtime.aio({
        let unowned = runtime.unowned();
        move |_| {
            let sleeper = unowned.aio_without_callback();
            sleeper.sleep(Duration::from_millis(1));
            sleeper.wait();
            door.open();
        }
    });
    let aio = Arc::new(runtime.aio({
        let x = Arc::clone(&x);
        move |_| x.wait()
    }));
    assert!(first.set(Arc::clone(&aio)).is_ok());
    x.begin().unwrap().finish(Ok(()));
    let turner = std::thread::spawn({
        let runtime = runtime.clone();
        move || runtime.turn(FOREVER)
    });
    x_is_inside.pass();
    aio.begin().unwrap().finish(Ok(()));
    nested.begin().unwrap().finish(Ok(()));
    returns(move || {
        aio.wait();
        x.wait();
    });
    returns(move || turner.join().is_ok());
}

#[test]
fn the_descriptor_becomes_readable_when_a_turn_has_something_to_do() {
    use std::os::fd::AsFd;
    let runtime = host();
    let mut outer = mio::Poll::new().unwrap();
    let mut events = mio::Events::with_capacity(4);
    let fd = std::os::fd::AsRawFd::as_raw_fd(&runtime.as_fd());
    let mut source = mio::unix::SourceFd(&fd);
    outer.registry().register(&mut source, mio::Token(1), mio::Interest::READABLE).unwrap();
    let aio = runtime.aio(|_| ());
    let completer = std::thread::spawn({
        let operation = aio.begin().unwrap();
        move || operation.finish(Ok(()))
    });
    outer.poll(&mut events, Some(support::LIMIT)).unwrap();
    assert!(!events.is_empty());
    runtime.turn(Duration::ZERO).unwrap();
    assert!(!aio.is_busy());
    completer.join().unwrap();
}

#[test]
fn what_ends_after_the_shutdown_is_called_back_in_a_turn() {
    let runtime = host();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, (aio.result(), std::thread::current().id())));
    let operation = aio.begin().unwrap();
    runtime.shutdown();
    std::thread::spawn(move || operation.finish(Ok(()))).join().unwrap();
    assert!(hear.try_recv().is_err());
    assert_eq!(runtime.stats().threads, 0);
    runtime.turn(FOREVER).unwrap();
    assert_eq!(hear.try_recv(), Ok((0, std::thread::current().id())));
}
