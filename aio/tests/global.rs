//! The end of the global runtime while others go on using it. One test, since the runtime is the
//! process's.

mod support;

use std::sync::mpsc;

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Runtime};
use support::{must, returns, send};

#[test]
fn a_new_aio_does_not_wait_for_the_end_of_the_last_runtime() {
    let (tell, entered) = mpsc::channel();
    let (give, wanted) = mpsc::channel::<()>();
    let wanted = Mutex::new(wanted);
    let blocked = Aio::new(move |_| {
        send(&tell, ());
        let _ = wanted.lock().recv();
    });
    blocked.sleep(std::time::Duration::ZERO);
    must(&entered);
    let runtime = blocked.runtime();
    let ending = std::thread::spawn(Runtime::shutdown_global);
    while !runtime.is_closed() {
        std::thread::yield_now();
    }
    // The callback of the old runtime waits for this thread.
    let aio = Aio::without_callback();
    assert!(!aio.runtime().is_closed());
    drop(give);
    returns(move || ending.join().unwrap());
    drop(blocked);
    Runtime::shutdown_global();
}
