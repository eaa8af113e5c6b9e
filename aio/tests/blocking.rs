//! Work that blocks: it runs apart from callbacks, and the end of its runtime leaves nothing behind.

mod support;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nng_aio::{Error, Runtime};
use support::{Door, must, returns, send};

#[test]
fn work_runs_on_threads_of_its_own() {
    for builder in [Runtime::builder().name("w"), Runtime::builder().name("w").host_driven()] {
        let runtime = builder.build().unwrap();
        let (tell, hear) = mpsc::channel();
        let work = move || send(&tell, thread::current().name().map(String::from));
        assert_eq!(runtime.run_blocking(work), Ok(()));
        assert_eq!(must(&hear).as_deref(), Some("w:blocking"));
        assert_eq!(runtime.stats().resolver_threads, 0);
    }
}

#[test]
fn work_that_blocks_holds_up_neither_callbacks_nor_as_much_work_as_there_are_threads() {
    let runtime = Runtime::builder().blocking_threads(2).build().unwrap();
    let (door, (tell, hear)) = (Door::new(), mpsc::channel());
    for number in [1, 2] {
        let (door, tell) = (door.clone(), tell.clone());
        let work = move || {
            if number == 1 {
                door.pass();
            }
            send(&tell, number);
        };
        runtime.run_blocking(work).unwrap();
    }
    assert_eq!(must(&hear), 2);
    let aio = runtime.aio(move |_| send(&tell, 3));
    aio.sleep(Duration::ZERO);
    assert_eq!(must(&hear), 3);
    door.open();
    assert_eq!(must(&hear), 1);
}

#[test]
fn a_panic_costs_nothing_but_the_work() {
    let runtime = Runtime::builder().blocking_threads(1).build().unwrap();
    let (tell, hear) = mpsc::channel();
    runtime.run_blocking(|| panic!("on purpose")).unwrap();
    runtime.run_blocking(move || send(&tell, ())).unwrap();
    must(&hear);
}

/// Says that it was dropped, and panics if it shall.
struct Witness(mpsc::Sender<&'static str>, bool);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
        assert!(!self.1 || thread::panicking(), "on purpose");
    }
}

#[test]
fn the_end_drops_what_has_not_begun_and_waits_for_nothing() {
    let runtime = Runtime::builder().blocking_threads(1).build().unwrap();
    let (door, (tell, hear)) = (Door::new(), mpsc::channel());
    let (inside, began) = mpsc::channel();
    let stuck = door.clone();
    runtime
        .run_blocking(move || {
            send(&inside, ());
            stuck.pass();
        })
        .unwrap();
    must(&began);
    for panics in [true, false] {
        let witness = Witness(tell.clone(), panics);
        let work = move || send(&witness.0, "run");
        runtime.run_blocking(work).unwrap();
    }
    let ended = runtime.clone();
    returns(move || ended.shutdown());
    assert_eq!([hear.try_recv(), hear.try_recv()], [Ok("dropped"), Ok("dropped")]);
    let witness = Witness(tell, false);
    assert_eq!(runtime.run_blocking(move || send(&witness.0, "run")), Err(Error::Closed));
    assert_eq!(hear.try_recv(), Ok("dropped"));
    door.open();
}

#[test]
fn a_runtime_can_be_ended_by_its_own_work() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let (unowned, last) = (runtime.unowned(), runtime.clone());
    let work = move || {
        drop(last);
        send(&tell, ());
    };
    assert_eq!(runtime.run_blocking(work), Ok(()));
    drop(runtime);
    must(&hear);
    assert!(unowned.is_closed());
}
