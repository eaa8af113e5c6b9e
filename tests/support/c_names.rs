//! What the tests of the C names share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nng_oxide::c_names::*;

/// How long a test waits for something that must happen, before it fails instead of hanging.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn must<T>(hear: &Receiver<T>) -> T {
    hear.recv_timeout(LIMIT).expect("it happens in time")
}

/// For tests that hold a server at port 0: while none has started they would hold the same one, so
/// they take turns.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // That another test failed says nothing about this one.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An aio without a callback.
pub(crate) fn silent() -> nng_aio {
    let mut aio = None;
    assert_eq!(nng_aio_alloc(&mut aio, None, ()), 0);
    aio.expect("it was made")
}

/// An aio whose callback sends the result.
pub(crate) fn telling() -> (nng_aio, Receiver<i32>) {
    fn tell(aio: &nng_aio, tell: &Sender<i32>) {
        let _ = tell.send(nng_aio_result(aio));
    }
    let (sender, hear) = mpsc::channel();
    let mut aio = None;
    assert_eq!(nng_aio_alloc(&mut aio, Some(tell), sender), 0);
    (aio.expect("it was made"), hear)
}

/// Runs one operation to its end and returns its code.
pub(crate) fn run(aio: &nng_aio, start: impl FnOnce(&nng_aio)) -> i32 {
    start(aio);
    nng_aio_wait(aio);
    nng_aio_result(aio)
}

pub(crate) fn url(text: &str) -> nng_url {
    let mut url = None;
    assert_eq!(nng_url_parse(&mut url, text), 0);
    url.expect("it was made")
}
