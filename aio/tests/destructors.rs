//! Where destructors of the user's values run, and that they harm nothing.

mod support;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Runtime, codes};
use support::{FOREVER, Provider, must, returns, send, telling};

/// Tells which thread drops it.
struct Tells(mpsc::Sender<ThreadId>);

impl Drop for Tells {
    fn drop(&mut self) {
        send(&self.0, thread::current().id());
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("on purpose");
        }
    }
}

#[test]
fn what_the_callback_captured_is_gone_when_drop_returns() {
    for _ in 0..20_000 {
        let captured = Arc::new(());
        let aio = Aio::new({
            let captured = Arc::clone(&captured);
            move |_| drop(Arc::clone(&captured))
        });
        aio.begin().unwrap().finish(Ok(()));
        drop(aio);
        assert_eq!(Arc::strong_count(&captured), 1);
    }
}

#[test]
fn what_an_aio_holds_is_dropped_by_its_owner_though_another_thread_finishes() {
    let (work, do_work) = mpsc::channel::<nng_aio::Operation>();
    let finisher = thread::spawn(move || {
        for operation in do_work {
            operation.finish(Ok(()));
        }
    });
    let (tell, hear) = mpsc::channel();
    for _ in 0..20_000 {
        let aio = Aio::without_callback();
        aio.set_message(Box::new(Tells(tell.clone())));
        work.send(aio.begin().unwrap()).unwrap();
        drop(aio);
        assert_eq!(hear.try_recv(), Ok(thread::current().id()));
    }
    drop(work);
    finisher.join().unwrap();
}

#[test]
fn a_callback_that_drops_its_own_aio_keeps_what_it_captured_until_it_returns() {
    let place = Arc::new(Mutex::new(None));
    let captured = Arc::new(());
    let (tell, hear) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let aio = Aio::new({
        let place: Arc<Mutex<Option<Aio>>> = Arc::clone(&place);
        let captured = (Arc::clone(&captured), Tells(gone));
        move |_| {
            let owner = place.lock().take();
            drop(owner);
            let (counted, _tells) = &captured;
            send(&tell, Arc::strong_count(counted));
        }
    });
    let operation = aio.begin().unwrap();
    *place.lock() = Some(aio);
    operation.finish(Ok(()));
    assert_eq!(must(&hear), 2);
    must(&is_gone);
    assert_eq!(Arc::strong_count(&captured), 1);
}

#[test]
fn an_output_whose_destructor_panics_does_not_lock_the_aio() {
    let aio = Aio::without_callback();
    let mut operation = aio.begin().unwrap();
    operation.set_output(0, Box::new(Bomb)).unwrap();
    operation.finish(Ok(()));
    // The next begin clears the outputs; the operation that it accepts must end all the same.
    let begun = catch_unwind(AssertUnwindSafe(|| aio.begin()));
    assert!(begun.is_err());
    returns(move || {
        aio.wait();
        aio.begin().unwrap().finish(Ok(()));
    });
}

#[test]
fn a_panic_whose_payload_panics_when_dropped_ends_no_thread() {
    let runtime = Runtime::builder().build().unwrap();
    let aio = runtime.aio(|_| std::panic::panic_any(Bomb));
    for _ in 0..10 {
        aio.begin().unwrap().finish(Ok(()));
        aio.wait();
    }
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    aio.sleep(Duration::from_millis(1));
    assert_eq!(must(&hear), 0);
    runtime.shutdown();
    assert_eq!(runtime.stats().panics, 10);
}

#[test]
fn a_destructor_that_panics_ends_no_thread() {
    let runtime = Runtime::builder().build().unwrap();
    for _ in 0..10 {
        let aio = runtime.aio_without_callback();
        aio.set_message(Box::new(Bomb));
        let operation = aio.begin().unwrap();
        aio.detach();
        operation.finish(Ok(()));
    }
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    aio.sleep(Duration::from_millis(1));
    assert_eq!(must(&hear), 0);
    returns(move || runtime.shutdown());
}

#[test]
fn an_aio_may_be_dropped_by_the_destructor_of_a_thread_local() {
    thread_local! {
        static KEPT: RefCell<Vec<Aio>> = const { RefCell::new(Vec::new()) };
    }
    let (aio, hear) = telling();
    aio.sleep(FOREVER);
    let host = Runtime::builder().host_driven().build().unwrap();
    let (host_tell, host_hear) = mpsc::channel();
    let host_aio = host.aio(move |aio| send(&host_tell, aio.result()));
    host_aio.sleep(FOREVER);
    returns(move || {
        // Ours first, so that what the library keeps for this thread is destroyed before it.
        KEPT.with(|kept| kept.borrow_mut().extend([aio, host_aio]));
        assert!(Runtime::current().is_none());
    });
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
    assert_eq!(must(&host_hear), codes::NNG_ECLOSED);
}

#[test]
fn a_message_may_own_the_aio_of_another_operation_of_the_same_provider() {
    let provider = Provider::new();
    let (inner, hear) = telling();
    provider.start(&inner);
    let aio = Aio::without_callback();
    aio.set_message(Box::new(inner));
    let operation = aio.begin().unwrap();
    aio.detach();
    operation.finish(Ok(()));
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
}
