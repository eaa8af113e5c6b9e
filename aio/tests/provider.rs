//! What a provider may rely on: arming, refusals, claims, generations, the forms without a token.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Cancel, Error, Operation, OperationId, codes, log};
use support::{FOREVER, Provider, must, returns, send, telling};

/// Keeps one operation and lets a test act between a claim and its cancel function.
#[derive(Default)]
struct Intercepted {
    operation: Mutex<Option<Operation>>,
    before: OnceLock<Box<dyn Fn() + Send + Sync>>,
    ids: Mutex<Vec<OperationId>>,
}

impl Intercepted {
    fn start(self: &Arc<Self>, aio: &Aio) {
        let mut operation = aio.begin().expect("the aio is idle");
        let mut place = self.operation.lock();
        operation.arm(self).expect("nothing speaks against it");
        *place = Some(operation);
    }
}

impl Cancel for Intercepted {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        self.ids.lock().push(id);
        if let Some(before) = self.before.get() {
            before();
        }
        let operation = self.operation.lock().take_if(|operation| operation.id() == id);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

#[test]
fn a_stale_claim_never_ends_the_next_operation() {
    let aio = Arc::new(Aio::without_callback());
    let provider = Arc::new(Intercepted::default());
    provider.start(&aio);
    let again = {
        let (aio, provider) = (Arc::clone(&aio), Arc::downgrade(&provider));
        move || {
            // Between the claim and the cancel function the operation completes and the same aio
            // is started again with the same provider.
            let provider = provider.upgrade().unwrap();
            let operation = provider.operation.lock().take().unwrap();
            operation.finish(Ok(()));
            provider.start(&aio);
        }
    };
    assert!(provider.before.set(Box::new(again)).is_ok());
    aio.abort(Error::Crypto);
    let present = provider.operation.lock().take().expect("the next operation waits");
    assert!(!provider.ids.lock().contains(&present.id()));
    present.finish(Ok(()));
    assert_eq!(aio.result(), 0);
}

#[test]
fn a_completion_that_comes_before_the_cancel_function_wins() {
    let (aio, hear) = telling();
    let aio = Arc::new(aio);
    let provider = Arc::new(Intercepted::default());
    provider.start(&aio);
    let complete = {
        let provider = Arc::downgrade(&provider);
        move || {
            let provider = provider.upgrade().unwrap();
            let operation = provider.operation.lock().take().unwrap();
            operation.finish_with_count(5);
        }
    };
    assert!(provider.before.set(Box::new(complete)).is_ok());
    aio.cancel();
    assert_eq!(must(&hear), 0);
    assert_eq!(aio.count(), 5);
}

#[test]
fn ids_differ_between_operations_and_aios() {
    let provider = Provider::new();
    let (first, second) = (Aio::without_callback(), Aio::without_callback());
    let mut ids = Vec::new();
    for aio in [&first, &second, &first, &second] {
        provider.start(aio);
        let operation = provider.take().unwrap();
        ids.push(operation.id());
        operation.finish(Ok(()));
    }
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[index + 1..].contains(id));
    }
}

#[test]
fn an_operation_that_is_dropped_unfinished_ends_as_canceled_with_a_record() {
    let (tell, records) = mpsc::channel();
    log::set_hook(Some(Arc::new(move |record: &log::Record<'_>| {
        send(&tell, record.text.to_owned());
    })));
    let (aio, hear) = telling();
    drop(aio.begin().unwrap());
    assert_eq!(must(&hear), codes::NNG_ECANCELED);
    log::set_hook(None);
    assert!(records.try_iter().any(|text| text.contains("dropped unfinished")));
}

#[test]
fn finishing_is_allowed_with_the_providers_lock_held() {
    let (aio, hear) = telling();
    let provider = Arc::new(Intercepted::default());
    provider.start(&aio);
    let mut place = provider.operation.lock();
    place.take().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
    drop(place);
}

#[test]
fn the_cancel_function_may_run_before_the_starter_gives_its_lock_back() {
    let (aio, hear) = telling();
    let aio = Arc::new(aio);
    let provider = Arc::new(Intercepted::default());
    let mut operation = aio.begin().unwrap();
    let mut place = provider.operation.lock();
    operation.arm(&provider).unwrap();
    let canceler = std::thread::spawn({
        let aio = Arc::clone(&aio);
        move || aio.cancel()
    });
    while provider.ids.lock().is_empty() {
        std::thread::yield_now();
    }
    *place = Some(operation);
    drop(place);
    canceler.join().unwrap();
    assert_eq!(must(&hear), codes::NNG_ECANCELED);
}

#[test]
fn a_cancel_function_that_does_nothing_leaves_the_end_to_the_provider() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.is_deaf.set(()).unwrap();
    aio.set_timeout(Duration::from_millis(1));
    provider.start(&aio);
    while provider.asked().is_empty() {
        std::thread::yield_now();
    }
    aio.cancel();
    assert_eq!(provider.asked(), [Error::TimedOut], "it is asked once");
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn a_panicking_cancel_function_does_not_take_its_thread_down() {
    struct Panics(Mutex<Option<Operation>>);
    impl Cancel for Panics {
        fn cancel(self: Arc<Self>, _id: OperationId, _error: Error) {
            panic!("on purpose");
        }
    }
    let (aio, hear) = telling();
    aio.set_timeout(Duration::from_millis(1));
    let provider = Arc::new(Panics(Mutex::new(None)));
    let mut operation = aio.begin().unwrap();
    operation.arm(&provider).unwrap();
    *provider.0.lock() = Some(operation);
    let before = aio.runtime().stats().panics;
    while aio.runtime().stats().panics == before {
        std::thread::yield_now();
    }
    provider.0.lock().take().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn a_parked_operation_is_finished_through_the_aio() {
    let (aio, hear) = telling();
    let operation = aio.begin().unwrap();
    aio.park(operation);
    aio.set_output(0, Box::new(5_i32)).unwrap();
    aio.unpark().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0);
    assert_eq!(aio.take_output::<i32>(0), Some(5));
    assert!(aio.unpark().is_none());
}

#[test]
fn a_parked_operation_that_is_not_armed_ends_when_its_aio_goes() {
    let (aio, hear) = telling();
    let operation = aio.begin().unwrap();
    aio.park(operation);
    returns(move || drop(aio));
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
}

#[test]
fn a_deferred_routine_is_called_with_the_askers_code() {
    let (aio, hear) = telling();
    let aio = Arc::new(aio);
    for error in [Error::Canceled, Error::Permission] {
        let operation = aio.begin().unwrap();
        aio.park(operation);
        let weak = Arc::downgrade(&aio);
        aio.defer(move |error| {
            if let Some(operation) = weak.upgrade().and_then(|aio| aio.unpark()) {
                operation.finish(Err(error));
            }
        });
        aio.abort(error);
        assert_eq!(must(&hear), error.code());
        aio.wait();
    }
}

#[test]
fn a_refused_deferral_is_delivered_by_the_routine_on_another_thread() {
    let (tell, hear) = mpsc::channel();
    let aio = Arc::new(Aio::without_callback());
    for (prepare, code) in [
        (
            Box::new(|aio: &Aio| aio.set_timeout(Duration::ZERO)) as Box<dyn Fn(&Aio)>,
            Error::TimedOut,
        ),
        (Box::new(|aio: &Aio| aio.abort(Error::State)), Error::State),
    ] {
        aio.set_timeout(FOREVER);
        let operation = aio.begin().unwrap();
        aio.park(operation);
        prepare(&aio);
        let (tell, weak) = (tell.clone(), Arc::downgrade(&aio));
        aio.defer(move |error| {
            if let Some(operation) = weak.upgrade().and_then(|aio| aio.unpark()) {
                operation.finish(Err(error));
            }
            send(&tell, (error, std::thread::current().id()));
        });
        let (error, thread) = must(&hear);
        assert_eq!(error, code);
        assert_ne!(thread, std::thread::current().id(), "callers hold the lock it takes");
        aio.wait();
        assert_eq!(aio.result(), code.code());
    }
}

#[test]
fn an_operation_does_not_end_before_the_routine_that_ends_it_has_returned() {
    let (aio, hear) = telling();
    let aio = Arc::new(aio);
    let (enter, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = Mutex::new(left);
    aio.park(aio.begin().unwrap());
    let again = Arc::downgrade(&aio);
    aio.defer(move |error| {
        send(&enter, error);
        let _ = left.lock().recv();
        // What is parked by now would be another operation, were there one.
        assert!(again.upgrade().is_some_and(|aio| aio.unpark().is_none()));
    });
    let asker = std::thread::spawn({
        let aio = Arc::clone(&aio);
        move || aio.abort(Error::Permission)
    });
    assert_eq!(must(&entered), Error::Permission);
    aio.unpark().unwrap().finish_with_count(7);
    assert!(aio.is_busy() && hear.try_recv().is_err(), "its end is postponed");
    leave.send(()).unwrap();
    asker.join().unwrap();
    assert_eq!(must(&hear), 0, "and stays what it was");
    assert_eq!(aio.count(), 7);
    aio.wait();
}

#[test]
fn a_refusal_does_not_meet_the_next_operation() {
    let (aio, hear) = telling();
    let aio = Arc::new(aio);
    let asked = Arc::new(AtomicUsize::new(0));
    for _ in 0..2_000 {
        aio.set_timeout(Duration::ZERO);
        aio.park(aio.begin().unwrap());
        let (weak, count) = (Arc::downgrade(&aio), Arc::clone(&asked));
        aio.defer(move |error| {
            count.fetch_add(1, SeqCst);
            if let Some(operation) = weak.upgrade().and_then(|aio| aio.unpark()) {
                operation.finish(Err(error));
            }
        });
        // The provider was not told, and has its own end for it, perhaps before the refusal.
        if let Some(operation) = aio.unpark() {
            operation.finish(Ok(()));
        }
        let first = must(&hear);
        assert!([0, codes::NNG_ETIMEDOUT].contains(&first));
        aio.wait();
        aio.set_timeout(FOREVER);
        aio.park(aio.begin().unwrap());
        aio.defer(|_| panic!("nobody asks for its end"));
        aio.unpark().expect("nobody else ends it").finish(Ok(()));
        assert_eq!(must(&hear), 0);
        aio.wait();
    }
}

#[test]
fn what_is_finished_while_it_is_deferred_ends_and_keeps_no_deadline() {
    let aio = Arc::new(Aio::without_callback());
    aio.set_timeout(FOREVER);
    let (give, take) = mpsc::channel::<()>();
    let finisher = std::thread::spawn({
        let aio = Arc::clone(&aio);
        move || {
            while take.recv().is_ok() {
                // As soon as it is there, in the middle of the deferral perhaps.
                let operation = loop {
                    if let Some(operation) = aio.unpark() {
                        break operation;
                    }
                };
                operation.finish(Ok(()));
            }
        }
    });
    returns(move || {
        for _ in 0..20_000 {
            let operation = aio.begin().expect("the last one has ended");
            give.send(()).unwrap();
            aio.park(operation);
            aio.defer(|_| panic!("nobody asks for its end"));
            aio.wait();
            assert_eq!(aio.result(), 0);
        }
        drop(give);
    });
    finisher.join().unwrap();
}

#[test]
fn what_is_parked_on_a_stopped_aio_ends() {
    let (aio, hear) = telling();
    let (operation, alias) = (aio.begin().unwrap(), aio.alias());
    aio.reap();
    alias.park(operation);
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
}
