//! The log hook: it may use the library, and it may panic. One test, since there is one hook.

mod support;

use std::sync::Arc;
use std::time::Duration;

use nng_aio::{Aio, Runtime, log};
use support::{must, telling};

#[test]
fn a_hook_may_use_the_library_and_panic() {
    let (tell, records) = std::sync::mpsc::channel();
    log::set_hook(Some(Arc::new(move |record: &log::Record<'_>| {
        let aio = Aio::without_callback();
        aio.sleep(Duration::from_millis(1));
        aio.wait();
        log::set_hook(None);
        support::send(&tell, record.text.to_owned());
        panic!("on purpose");
    })));
    let (aio, hear) = telling();
    // The first record there is comes from an operation that is forgotten.
    drop(aio.begin().unwrap());
    assert!(must(&records).contains("dropped unfinished"));
    must(&hear);
    let aio = Runtime::global().aio_without_callback();
    aio.sleep(Duration::ZERO);
    aio.wait();
    assert_eq!(aio.result(), 0);
}
