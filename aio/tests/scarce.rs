//! When the system has no threads left. In a child, since the limit cannot be taken back.
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;
mod support;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use child::{in_child, limit_memory};
use nng_aio::{Error, Runtime};
use support::{must, send};

/// The stack of each thread: more than the limit leaves.
const STACK: usize = 1 << 30;

/// A runtime that can begin no thread beyond those it has.
fn scarce() -> Runtime {
    let runtime = Runtime::builder().stack_size(STACK).build().expect("there is room as yet");
    limit_memory(STACK as u64 / 2);
    runtime
}

#[test]
fn a_runtime_that_cannot_begin_says_so() {
    assert!(in_child(|| {
        limit_memory(STACK as u64 / 2);
        matches!(Runtime::builder().stack_size(STACK).build(), Err(Error::Again))
    }));
}

#[test]
fn callbacks_that_are_slow_run_where_they_are() {
    assert!(in_child(|| {
        let runtime = scarce();
        let aio = runtime.aio(|_| {
            let end = Instant::now() + Duration::from_micros(300);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
        });
        for _ in 0..100 {
            aio.begin().expect("it is idle").finish(Ok(()));
            aio.wait();
        }
        true
    }));
}

#[test]
fn callbacks_that_wait_run_what_they_wait_for() {
    assert!(in_child(|| {
        let runtime = scarce();
        let (tell, hear) = mpsc::channel();
        let aios: Vec<_> = (0..8)
            .map(|_| {
                let (tell, unowned) = (tell.clone(), runtime.unowned());
                let aio = runtime.aio(move |_| {
                    let inner = unowned.aio(|_| ());
                    inner.sleep(Duration::from_millis(1));
                    inner.wait();
                    send(&tell, inner.result());
                });
                aio.begin().expect("it is idle").finish(Ok(()));
                aio
            })
            .collect();
        aios.iter().all(|_| must(&hear) == 0)
    }));
}
