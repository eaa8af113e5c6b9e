//! What is left behind. One test, since it counts what the whole process has.

use std::fs;
use std::time::Duration;

use nng_aio::Runtime;

#[test]
fn leaves_no_descriptor_and_no_thread_behind() {
    let count = |path: &str| fs::read_dir(path).map_or(0, Iterator::count);
    if !fs::exists("/proc/self/fd").unwrap_or(false) {
        return;
    }
    let before = count("/proc/self/fd");
    for _ in 0..20 {
        let runtime = Runtime::builder().build().unwrap();
        let aio = runtime.aio_without_callback();
        aio.sleep(Duration::ZERO);
        aio.wait();
        drop(runtime);
        assert_eq!(aio.runtime().stats().threads, 0);
    }
    assert_eq!(count("/proc/self/fd"), before);
}
