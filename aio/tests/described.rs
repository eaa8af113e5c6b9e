//! The global runtime as somebody has described it. One test, since both are the process's.

mod support;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nng_aio::{Aio, Error, Runtime};
use support::{must, send};

/// The name of the thread that runs a callback of the global runtime.
fn name() -> Option<String> {
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new(move |_| send(&tell, thread::current().name().map(str::to_owned)));
    aio.sleep(Duration::ZERO);
    must(&hear)
}

#[test]
fn a_description_holds_from_the_next_beginning_on() {
    assert_eq!(name().as_deref(), Some("nng"));
    assert_eq!(Runtime::builder().name("mine").describe_global(), Ok(()));
    assert_eq!(name().as_deref(), Some("nng"), "it has begun already");
    for _ in 0..2 {
        Runtime::shutdown_global();
        assert_eq!(name().as_deref(), Some("mine"));
    }
    assert_eq!(Runtime::builder().name("other").describe_global(), Err(Error::Exists));
    Runtime::shutdown_global();
    assert_eq!(name().as_deref(), Some("mine"));
    Runtime::shutdown_global();
}
