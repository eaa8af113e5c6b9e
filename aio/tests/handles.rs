//! Handles of an aio as programs keep them that think in pointers: other names for one aio, letting go
//! without waiting, plain functions with an argument.

mod support;

use std::sync::{Arc, mpsc};

use nng_aio::{Aio, Error, Refused, Runtime, codes};
use support::{Door, Provider, must, returns, send, telling};

#[test]
fn an_alias_is_the_same_aio_and_its_end_means_nothing() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    let alias = aio.alias();
    provider.start(&alias);
    assert!(aio.is_busy());
    assert_eq!(alias, aio);
    assert_ne!(alias, Aio::without_callback());
    drop(alias.alias());
    alias.alias().detach();
    alias.alias().reap();
    assert!(provider.asked().is_empty());
    provider.take().unwrap().finish_with_count(3);
    assert_eq!(must(&hear), 0);
    aio.wait();
    assert_eq!((alias.count(), alias.is_busy()), (3, false));
}

#[test]
fn an_alias_of_an_aio_that_has_gone_refuses_every_operation() {
    let provider = Provider::new();
    for let_go in [drop, Aio::detach, Aio::reap] {
        for aio in [Aio::new(|_| ()), Aio::without_callback()] {
            let alias = aio.alias();
            let_go(aio);
            assert_eq!(alias.begin().err(), Some(Refused::Stopped));
            assert!(!provider.start(&alias));
            assert_eq!(alias.result(), codes::NNG_ECANCELED);
            returns(move || alias.wait());
        }
    }
}

#[test]
fn an_alias_ends_a_wait_when_the_operation_of_a_detached_aio_ends() {
    for has_callback in [true, false] {
        let aio = if has_callback { Aio::new(|_| ()) } else { Aio::without_callback() };
        let provider = Provider::new();
        provider.start(&aio);
        let alias = aio.alias();
        aio.detach();
        let (tell, hear) = mpsc::channel();
        let waiter = alias.alias();
        std::thread::spawn(move || {
            waiter.wait();
            send(&tell, waiter.result());
        });
        provider.complete(Err(Error::NotFound));
        assert_eq!(must(&hear), codes::NNG_ENOENT);
        assert_eq!(alias.begin().err(), Some(Refused::Stopped));
    }
}

#[test]
fn an_alias_that_the_callback_keeps_does_not_keep_the_callback() {
    let held = Arc::new(());
    let place = Arc::new(nng_aio::sync::Mutex::new(None));
    let aio = Aio::new({
        let (held, place) = (Arc::clone(&held), Arc::clone(&place));
        move |_: &Aio| drop((Arc::clone(&held), place.lock().is_some()))
    });
    *place.lock() = Some(aio.alias());
    drop(aio);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn reaping_ends_the_operation_with_closed_and_does_not_wait() {
    let (door, provider) = (Door::new(), Provider::new());
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new({
        let door = Arc::clone(&door);
        move |aio: &Aio| {
            door.pass();
            send(&tell, aio.result());
        }
    });
    provider.start(&aio);
    aio.reap();
    assert_eq!(provider.asked(), [Error::Closed]);
    door.open();
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
}

#[test]
fn a_callback_may_reap_its_own_aio() {
    let place = Arc::new(nng_aio::sync::Mutex::new(None::<Aio>));
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new({
        let place = Arc::clone(&place);
        move |_: &Aio| {
            place.lock().take().expect("it is there").reap();
            send(&tell, ());
        }
    });
    let alias = aio.alias();
    *place.lock() = Some(aio);
    alias.begin().unwrap().finish(Ok(()));
    must(&hear);
    // The sender goes with the callback.
    assert!(hear.recv_timeout(support::LIMIT).is_err());
}

#[test]
fn a_plain_function_finds_its_argument() {
    fn told(aio: &Aio, tell: &mpsc::Sender<i32>) {
        send(tell, aio.result());
    }
    let (tell, hear) = mpsc::channel();
    let aio = Runtime::global().aio_with_argument(Some(told), tell);
    let provider = Provider::new();
    provider.start(&aio);
    provider.complete(Err(Error::State));
    assert_eq!(must(&hear), codes::NNG_ESTATE);
    drop(aio);
    assert!(hear.recv().is_err(), "the argument went with the aio");
    let (tell, hear) = mpsc::channel::<()>();
    let aio = Runtime::global().aio_with_argument(None, tell);
    assert!(hear.recv().is_err(), "nobody needs the argument");
    provider.start(&aio);
    provider.complete(Ok(()));
    assert!(!aio.is_busy());
}
