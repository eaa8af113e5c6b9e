//! What a callback may do: everything, and nothing hangs there.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use nng_aio::{Aio, Runtime, codes};
use support::{Door, FOREVER, LIMIT, Provider, must, returns, send, telling};

#[test]
fn restarts_its_own_aio() {
    let (tell, hear) = mpsc::channel();
    let runs = AtomicUsize::new(0);
    let aio = Aio::new(move |aio| {
        if runs.fetch_add(1, SeqCst) == 10_000 {
            send(&tell, ());
        } else {
            aio.begin().unwrap().finish(Ok(()));
        }
    });
    aio.begin().unwrap().finish(Ok(()));
    must(&hear);
}

#[test]
fn callbacks_of_one_aio_never_overlap() {
    let inside = AtomicUsize::new(0);
    let (tell, hear) = mpsc::channel();
    let runs = AtomicUsize::new(0);
    let aio = Aio::new(move |aio| {
        assert_eq!(inside.fetch_add(1, SeqCst), 0);
        if runs.fetch_add(1, SeqCst) < 100 {
            // The next completion is there before this callback ends; others have time to take it.
            aio.begin().unwrap().finish(Ok(()));
            std::thread::yield_now();
        } else {
            send(&tell, ());
        }
        inside.fetch_sub(1, SeqCst);
    });
    aio.begin().unwrap().finish(Ok(()));
    must(&hear);
}

#[test]
fn stop_and_wait_of_its_own_aio_return() {
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new(move |aio| {
        assert!(aio.is_busy());
        aio.wait();
        aio.stop();
        aio.cancel();
        send(&tell, aio.result());
    });
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
    returns(move || aio.wait());
}

#[test]
fn drop_of_its_own_aio_returns() {
    let place = Arc::new(Mutex::new(None));
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new({
        let place: Arc<Mutex<Option<Aio>>> = Arc::clone(&place);
        move |aio| {
            let owner = place.lock().unwrap().take();
            drop(owner);
            assert!(aio.begin().is_err(), "it is stopped");
            send(&tell, ());
        }
    });
    let operation = aio.begin().unwrap();
    *place.lock().unwrap() = Some(aio);
    operation.finish(Ok(()));
    must(&hear);
}

#[test]
fn waits_for_stops_and_drops_other_aios() {
    let provider = Provider::new();
    let (stopped, stopped_hear) = telling();
    let (dropped, dropped_hear) = telling();
    provider.start(&stopped);
    provider.start(&dropped);
    let dropped = Mutex::new(Some(dropped));
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new(move |_| {
        let sleeper = Aio::new(|_| ());
        sleeper.sleep(Duration::from_millis(1));
        sleeper.wait();
        stopped.stop();
        drop(dropped.lock().unwrap().take());
        send(&tell, sleeper.result());
    });
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
    assert_eq!(must(&stopped_hear), codes::NNG_ECANCELED);
    assert_eq!(must(&dropped_hear), codes::NNG_ECLOSED);
}

#[test]
fn two_callbacks_that_wait_for_each_other_both_return() {
    let other = Arc::new(OnceLock::new());
    let both_inside = Arc::new(std::sync::Barrier::new(2));
    let (tell, hear) = mpsc::channel();
    let make = |mine: Arc<OnceLock<Arc<Aio>>>, tell: mpsc::Sender<()>| {
        let both_inside = Arc::clone(&both_inside);
        Arc::new(Aio::new(move |_| {
            both_inside.wait();
            let other: &Arc<Aio> = mine.get().unwrap();
            other.wait();
            send(&tell, ());
        }))
    };
    let back = Arc::new(OnceLock::new());
    let first = make(Arc::clone(&other), tell.clone());
    let second = make(Arc::clone(&back), tell);
    assert!(other.set(Arc::clone(&second)).is_ok());
    assert!(back.set(Arc::clone(&first)).is_ok());
    first.begin().unwrap().finish(Ok(()));
    second.begin().unwrap().finish(Ok(()));
    must(&hear);
    must(&hear);
    first.wait();
    second.wait();
}

#[test]
fn as_many_callbacks_as_there_are_may_wait_for_callbacks() {
    for waiting in [1, 4, 16, 64] {
        let (tell, hear) = mpsc::channel();
        let door = Door::new();
        let aios: Vec<_> = (0..waiting)
            .map(|_| {
                let (tell, door) = (tell.clone(), Arc::clone(&door));
                let aio = Aio::new(move |_| {
                    door.pass();
                    let inner = Aio::new(|_| ());
                    inner.sleep(Duration::ZERO);
                    inner.wait();
                    send(&tell, inner.result());
                });
                aio.begin().unwrap().finish(Ok(()));
                aio
            })
            .collect();
        door.open();
        for _ in 0..waiting {
            assert_eq!(must(&hear), 0, "with {waiting} callbacks waiting");
        }
        drop(aios);
    }
}

#[test]
fn as_many_callbacks_as_there_are_may_block_and_others_still_run() {
    for blocked in [1, 4, 16, 64] {
        let door = Door::new();
        let aios: Vec<_> = (0..blocked)
            .map(|_| {
                let door = Arc::clone(&door);
                let aio = Aio::new(move |_| door.pass());
                aio.begin().unwrap().finish(Ok(()));
                aio
            })
            .collect();
        let (aio, hear) = telling();
        for _ in 0..10 {
            aio.sleep(Duration::from_millis(1));
            assert_eq!(must(&hear), 0, "with {blocked} callbacks blocked");
            aio.wait();
        }
        door.open();
        drop(aios);
    }
}

#[test]
fn a_callback_that_blocks_after_starting_something_strands_nothing() {
    let door = Door::new();
    let (inner, hear) = telling();
    let aio = Aio::new({
        let door = Arc::clone(&door);
        move |_| {
            inner.begin().unwrap().finish(Ok(()));
            door.pass();
        }
    });
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0, "it ran while its starter was still blocked");
    door.open();
}

#[test]
fn a_panic_is_caught_counted_and_ends_nothing() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let runs = AtomicUsize::new(0);
    let aio = runtime.aio(move |_| {
        if runs.fetch_add(1, SeqCst) == 0 {
            panic!("on purpose");
        }
        send(&tell, ());
    });
    aio.begin().unwrap().finish(Ok(()));
    aio.wait();
    // The aio is idle when the panic has left the callback; it is counted where it is caught.
    while runtime.stats().panics == 0 {
        std::thread::yield_now();
    }
    aio.begin().unwrap().finish(Ok(()));
    must(&hear);
}

#[test]
fn a_destructor_that_uses_the_library_is_fine_in_a_callback() {
    struct Frees(Option<Aio>);
    impl Drop for Frees {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    let provider = Provider::new();
    let (inner, hear) = telling();
    provider.start(&inner);
    let aio = Aio::without_callback();
    aio.set_message(Box::new(Frees(Some(inner))));
    returns(move || drop(aio));
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
}

#[test]
fn a_self_restarting_chain_survives_cancel_and_ends_by_stop() {
    let provider = Provider::new();
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new({
        let provider = Arc::clone(&provider);
        move |aio| {
            send(&tell, aio.result());
            aio.set_timeout(FOREVER);
            provider.start(aio);
        }
    });
    provider.start(&aio);
    for _ in 0..3 {
        aio.cancel();
        assert_eq!(hear.recv_timeout(LIMIT), Ok(codes::NNG_ECANCELED));
        while provider.len() == 0 {
            std::thread::yield_now();
        }
    }
    aio.stop();
    assert_eq!(must(&hear), codes::NNG_ECANCELED);
    assert!(!aio.is_busy());
    assert_eq!(provider.len(), 0);
}
