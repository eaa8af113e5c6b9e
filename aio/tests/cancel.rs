//! What a cancel function may do: anything short of waiting for what it has yet to do itself.

mod support;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Cancel, Error, Operation, OperationId, Runtime, codes};
use support::{Door, FOREVER, Provider, must, returns, send, telling};

/// A provider of one operation, whose cancel function does `before` and then what it should.
struct Single<F> {
    operation: Mutex<Option<Operation>>,
    before: F,
}

impl<F: Fn() + Send + Sync + 'static> Single<F> {
    fn start(aio: &Aio, before: F) -> Arc<Self> {
        let provider = Arc::new(Self { operation: Mutex::new(None), before });
        let mut operation = aio.begin().expect("the aio is idle");
        let mut place = provider.operation.lock();
        operation.arm(&provider).expect("nothing speaks against it");
        *place = Some(operation);
        drop(place);
        provider
    }
}

impl<F: Fn() + Send + Sync> Cancel for Single<F> {
    fn cancel(self: Arc<Self>, _id: OperationId, error: Error) {
        (self.before)();
        let operation = self.operation.lock().take();
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

#[test]
fn it_may_stop_an_aio_and_so_wait_for_a_callback_that_it_caused() {
    let (inner, inner_hear) = telling();
    let provider = Provider::new();
    provider.start(&inner);
    let (outer, hear) = telling();
    outer.set_timeout(Duration::from_millis(1));
    let _outer_provider = Single::start(&outer, move || inner.stop());
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    assert_eq!(must(&inner_hear), codes::NNG_ECANCELED);
}

#[test]
fn it_may_wait_for_an_operation_that_is_due_at_the_same_time() {
    let runtime = Runtime::builder().host_driven().build().unwrap();
    let (first, second) = (runtime.aio(|_| ()), Arc::new(runtime.aio(|_| ())));
    let now = Instant::now();
    first.set_expire(now);
    second.set_expire(now);
    let waits = {
        let second = Arc::clone(&second);
        move || second.wait()
    };
    let _first_provider = Single::start(&first, waits);
    let _second_provider = Single::start(&second, || ());
    let results = returns(move || {
        first.wait();
        (first.result(), second.result())
    });
    assert_eq!(results, (codes::NNG_ETIMEDOUT, codes::NNG_ETIMEDOUT));
}

#[test]
fn it_may_wait_for_its_own_aio_which_returns() {
    let (tell, hear) = mpsc::channel();
    let aio = Arc::new(Aio::new(move |aio| send(&tell, aio.result())));
    aio.set_timeout(Duration::from_millis(1));
    let waits = {
        let aio = Arc::downgrade(&aio);
        move || {
            if let Some(aio) = aio.upgrade() {
                aio.wait();
            }
        }
    };
    let _provider = Single::start(&aio, waits);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
}

#[test]
fn it_may_drop_its_own_aio() {
    let (aio, hear) = telling();
    aio.set_timeout(Duration::from_millis(1));
    let owner = Arc::new(Mutex::new(None));
    let drops = {
        let owner: Arc<Mutex<Option<Aio>>> = Arc::clone(&owner);
        move || {
            let aio = owner.lock().take();
            drop(aio);
        }
    };
    let mut place = owner.lock();
    let _provider = Single::start(&aio, drops);
    *place = Some(aio);
    drop(place);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
}

#[test]
fn it_may_be_the_last_that_holds_the_owner_of_its_aio() {
    struct Owns {
        aio: Aio,
        operation: Mutex<Option<Operation>>,
    }
    impl Cancel for Owns {
        fn cancel(self: Arc<Self>, _id: OperationId, error: Error) {
            let operation = self.operation.lock().take();
            if let Some(operation) = operation {
                operation.finish(Err(error));
            }
        }
    }
    let (aio, hear) = telling();
    aio.set_timeout(Duration::from_millis(1));
    let owns = Arc::new(Owns { aio, operation: Mutex::new(None) });
    let mut operation = owns.aio.begin().unwrap();
    let mut place = owns.operation.lock();
    operation.arm(&owns).unwrap();
    *place = Some(operation);
    drop(place);
    drop(owns);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    let (aio, hear) = telling();
    aio.sleep(Duration::from_millis(1));
    assert_eq!(must(&hear), 0, "the thread it ran on is free again");
}

#[test]
fn one_that_blocks_holds_up_nobody_but_its_own_operation() {
    let runtime = Runtime::builder().build().unwrap();
    let door = Door::new();
    let (tell, inside) = mpsc::channel();
    let blocked = runtime.aio({
        let (door, tell) = (Arc::clone(&door), tell.clone());
        move |_| {
            send(&tell, ());
            door.pass();
        }
    });
    blocked.begin().unwrap().finish(Ok(()));
    must(&inside);
    let aios = [(); 3].map(|()| {
        let aio = runtime.aio(|_| ());
        aio.set_timeout(Duration::from_millis(1));
        let (door, tell) = (Arc::clone(&door), tell.clone());
        let provider = Single::start(&aio, move || {
            send(&tell, ());
            door.pass();
        });
        (aio, provider)
    });
    for _ in &aios {
        must(&inside);
    }
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    for _ in 0..10 {
        aio.sleep(Duration::from_millis(1));
        assert_eq!(must(&hear), 0);
        aio.wait();
    }
    door.open();
}

#[test]
fn its_panic_reaches_nobody_who_stops_or_drops_the_aio() {
    let (aio, hear) = telling();
    let provider = Single::start(&aio, || panic!("on purpose"));
    let panics = aio.runtime().stats().panics;
    aio.cancel();
    assert_eq!(aio.runtime().stats().panics, panics + 1);
    provider.operation.lock().take().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn a_routine_may_own_its_aio() {
    let (aio, hear) = telling();
    let aio = Arc::new(aio);
    aio.park(aio.begin().unwrap());
    let owner = Arc::clone(&aio);
    aio.defer(move |error| {
        if let Some(operation) = owner.unpark() {
            operation.finish(Err(error));
        }
    });
    let operation = aio.unpark().unwrap();
    drop(aio);
    // Finishing lets the routine go, and with it the aio.
    returns(move || operation.finish(Ok(())));
    assert_eq!(must(&hear), 0);
}

#[test]
fn a_routine_that_is_called_while_it_is_deferred_finds_the_operation() {
    let aio = Arc::new(Aio::without_callback());
    let is_done = Arc::new(AtomicBool::new(false));
    let canceler = std::thread::spawn({
        let (aio, is_done) = (Arc::clone(&aio), Arc::clone(&is_done));
        move || {
            while !is_done.load(SeqCst) {
                aio.cancel();
            }
        }
    });
    returns(move || {
        for _ in 0..20_000 {
            aio.park(aio.begin().expect("the aio is idle"));
            let weak = Arc::downgrade(&aio);
            aio.defer(move |error| {
                if let Some(operation) = weak.upgrade().and_then(|aio| aio.unpark()) {
                    operation.finish(Err(error));
                }
            });
            aio.wait();
        }
    });
    is_done.store(true, SeqCst);
    canceler.join().unwrap();
}

#[test]
fn arming_twice_is_refused_and_the_first_stays() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    let mut operation = aio.begin().unwrap();
    operation.arm(&provider).unwrap();
    assert_eq!(operation.arm(&provider), Err(Error::State));
    aio.cancel();
    assert_eq!(operation.arm(&provider), Err(Error::State), "nor after it was claimed");
    assert_eq!(provider.asked(), [Error::Canceled]);
    operation.finish(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn deferring_twice_is_answered_by_the_second_routine() {
    let (aio, hear) = telling();
    let (tell, routines) = mpsc::channel();
    aio.park(aio.begin().unwrap());
    for name in ["first", "second"] {
        let tell = tell.clone();
        aio.defer(move |error| send(&tell, (name, error)));
    }
    assert_eq!(must(&routines), ("second", Error::State));
    aio.cancel();
    assert_eq!(must(&routines), ("first", Error::Canceled));
    aio.unpark().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn the_last_owner_of_a_provider_is_never_whoever_finishes() {
    struct Tells(mpsc::Sender<std::thread::ThreadId>);
    impl Cancel for Tells {
        fn cancel(self: Arc<Self>, _id: OperationId, _error: Error) {}
    }
    impl Drop for Tells {
        fn drop(&mut self) {
            send(&self.0, std::thread::current().id());
        }
    }
    let (aio, hear) = telling();
    let (tell, dropped) = mpsc::channel();
    let mut operation = aio.begin().unwrap();
    aio.set_timeout(FOREVER);
    operation.arm(&Arc::new(Tells(tell))).unwrap();
    // A provider may finish with a lock held which another one's destructor takes.
    operation.finish(Ok(()));
    assert_ne!(must(&dropped), std::thread::current().id());
    assert_eq!(must(&hear), 0);
}
