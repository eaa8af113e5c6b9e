//! Many callbacks that block or wait at once, at the limit of threads and below it.

mod support;

use std::sync::{Arc, Barrier, OnceLock, Weak, mpsc};
use std::time::Duration;

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Expire, Runtime, codes};
use support::{Door, FOREVER, Provider, must, returns, send};

/// An aio whose callback tells that it runs, and then waits at the door.
fn blocking(runtime: &Runtime, door: &Arc<Door>, tell: &mpsc::Sender<()>) -> Aio {
    let (door, tell) = (Arc::clone(door), tell.clone());
    runtime.aio(move |_| {
        send(&tell, ());
        door.pass();
    })
}

/// What a callback waits for that no callback has to bring.
struct Message(mpsc::Sender<i32>);

impl Expire for Message {
    fn expired(self: Arc<Self>) {
        send(&self.0, 7);
    }
}

#[test]
fn callbacks_that_wait_for_messages_get_them() {
    for waiting in [1, 4, 8, 16, 64] {
        let runtime = Runtime::builder().build().unwrap();
        let (tell, hear) = mpsc::channel();
        let aios: Vec<_> = (0..waiting)
            .map(|_| {
                let (tell, unowned) = (tell.clone(), runtime.unowned());
                let aio = runtime.aio(move |_| {
                    let (deliver, receive) = mpsc::channel();
                    let target: Arc<dyn Expire> = Arc::new(Message(deliver));
                    let timer = unowned.timer(Arc::downgrade(&target));
                    timer.set_after(Duration::from_millis(1));
                    send(&tell, must(&receive));
                });
                aio.begin().unwrap().finish(Ok(()));
                aio
            })
            .collect();
        for _ in &aios {
            assert_eq!(must(&hear), 7, "with {waiting} callbacks waiting");
        }
    }
}

#[test]
fn callbacks_that_wait_for_operations_which_complete_in_place_get_them() {
    for waiting in [1, 4, 8, 16, 64] {
        let runtime = Runtime::builder().build().unwrap();
        let (tell, hear) = mpsc::channel();
        let aios: Vec<_> = (0..waiting)
            .map(|_| {
                let (tell, unowned) = (tell.clone(), runtime.unowned());
                let aio = runtime.aio(move |_| {
                    let inner = unowned.aio_without_callback();
                    inner.sleep(Duration::from_millis(1));
                    inner.wait();
                    send(&tell, inner.result());
                });
                aio.begin().unwrap().finish(Ok(()));
                aio
            })
            .collect();
        for _ in &aios {
            assert_eq!(must(&hear), 0, "with {waiting} callbacks waiting");
        }
    }
}

#[test]
fn while_callbacks_block_everybody_else_goes_on() {
    for blocked in [1, 4, 8] {
        let runtime = Runtime::builder().build().unwrap();
        let door = Door::new();
        let (tell, inside) = mpsc::channel();
        let blocked: Vec<_> = (0..blocked).map(|_| blocking(&runtime, &door, &tell)).collect();
        for aio in &blocked {
            aio.begin().unwrap().finish(Ok(()));
        }
        for _ in &blocked {
            must(&inside);
        }
        let (tell, hear) = mpsc::channel();
        let others: Vec<_> = (0..16)
            .map(|_| {
                let tell = tell.clone();
                runtime.aio(move |aio| send(&tell, aio.result()))
            })
            .collect();
        for _ in 0..5 {
            for aio in &others {
                aio.sleep(Duration::from_millis(1));
            }
            for _ in &others {
                assert_eq!(must(&hear), 0);
            }
            others.iter().for_each(Aio::wait);
        }
        door.open();
    }
}

#[test]
fn at_the_limit_of_threads_the_one_that_is_free_does_everything() {
    for _ in 0..50 {
        let runtime = Runtime::builder().threads(3).build().unwrap();
        let door = Door::new();
        let (tell, inside) = mpsc::channel();
        let blocked = [(); 2].map(|()| blocking(&runtime, &door, &tell));
        for aio in &blocked {
            aio.begin().unwrap().finish(Ok(()));
            must(&inside);
        }
        let (tell, hear) = mpsc::channel();
        let aio = runtime.aio(move |aio| send(&tell, aio.result()));
        for _ in 0..5 {
            aio.begin().unwrap().finish(Ok(()));
            assert_eq!(must(&hear), 0, "a callback");
            aio.wait();
            aio.sleep(Duration::from_millis(1));
            assert_eq!(must(&hear), 0, "a deadline");
            aio.wait();
        }
        door.open();
    }
}

#[test]
fn at_the_limit_of_threads_waiting_callbacks_run_what_they_wait_for() {
    for waiting in [3, 4, 16, 64] {
        let runtime = Runtime::builder().threads(3).build().unwrap();
        let (tell, hear) = mpsc::channel();
        let aios: Vec<_> = (0..waiting)
            .map(|_| {
                let tell = tell.clone();
                let unowned = runtime.unowned();
                let aio = runtime.aio(move |_| {
                    let inner = unowned.aio(|_| ());
                    inner.sleep(Duration::from_millis(1));
                    inner.wait();
                    send(&tell, inner.result());
                });
                aio.begin().unwrap().finish(Ok(()));
                aio
            })
            .collect();
        for _ in 0..waiting {
            assert_eq!(must(&hear), 0, "with {waiting} callbacks waiting");
        }
        drop(aios);
    }
}

#[test]
fn at_the_limit_of_threads_each_waiting_callback_gets_what_it_waits_for() {
    const LIMIT: usize = 3;
    for round in 0..60 {
        let runtime = Runtime::builder().threads(LIMIT).build().unwrap();
        let (tell, hear) = mpsc::channel();
        let awaited: Vec<_> = (0..LIMIT).map(|_| Arc::new(runtime.aio(|_| ()))).collect();
        let mut operations: Vec<_> = awaited.iter().map(|aio| aio.begin().ok()).collect();
        let waiting: Vec<_> = (0..LIMIT)
            .map(|index| {
                let (tell, inner) = (tell.clone(), Arc::clone(&awaited[index]));
                let aio = runtime.aio(move |_| {
                    send(&tell, (index, "waits"));
                    inner.wait();
                    send(&tell, (index, "goes on"));
                });
                aio.begin().unwrap().finish(Ok(()));
                aio
            })
            .collect();
        for _ in &waiting {
            assert_eq!(must(&hear).1, "waits");
        }
        // Whichever of them polls for all: what another one waits for is due first.
        for index in (0..LIMIT).map(|index| (index + round) % LIMIT) {
            operations[index].take().unwrap().finish(Ok(()));
            assert_eq!(must(&hear), (index, "goes on"));
        }
    }
}

#[test]
fn at_the_limit_of_threads_a_waiting_callback_runs_no_other_that_wants_its_lock() {
    let runtime = Runtime::builder().threads(3).build().unwrap();
    let lock = Arc::new(Mutex::new(()));
    let (tell, hear) = mpsc::channel();
    let aios: Vec<_> = (0..32)
        .map(|_| {
            let (tell, lock, unowned) = (tell.clone(), Arc::clone(&lock), runtime.unowned());
            let aio = runtime.aio(move |_| {
                let guard = lock.lock();
                let inner = unowned.aio(|_| ());
                inner.sleep(Duration::from_millis(1));
                inner.wait();
                drop(guard);
                send(&tell, inner.result());
            });
            aio.begin().unwrap().finish(Ok(()));
            aio
        })
        .collect();
    for _ in &aios {
        assert_eq!(must(&hear), 0);
    }
}

#[test]
fn a_deadline_that_is_set_by_a_callback_which_then_blocks_comes() {
    for _ in 0..20 {
        let runtime = Runtime::builder().build().unwrap();
        let door = Door::new();
        let (tell, hear) = mpsc::channel();
        let sleeper = runtime.aio(move |aio| send(&tell, aio.result()));
        let aio = runtime.aio({
            let door = Arc::clone(&door);
            move |_| {
                sleeper.sleep(Duration::from_millis(1));
                door.pass();
            }
        });
        aio.begin().unwrap().finish(Ok(()));
        assert_eq!(must(&hear), 0);
        door.open();
    }
}

/// A chain of aios that wait at `provider`; the callback of each waits for the aio made after it.
fn chain(
    runtime: &Runtime,
    provider: &Arc<Provider>,
    length: usize,
) -> (Vec<Arc<Aio>>, mpsc::Receiver<i32>) {
    let next: Vec<_> = (0..length).map(|_| Arc::new(OnceLock::<Weak<Aio>>::new())).collect();
    let (tell, hear) = mpsc::channel();
    let aios: Vec<_> = next
        .iter()
        .map(|behind| {
            let (tell, behind) = (tell.clone(), Arc::clone(behind));
            let aio = Arc::new(runtime.aio(move |aio| {
                if let Some(behind) = behind.get().and_then(Weak::upgrade) {
                    behind.wait();
                }
                send(&tell, aio.result());
            }));
            provider.start(&aio);
            aio
        })
        .collect();
    for (behind, aio) in next.iter().zip(&aios[1..]) {
        assert!(behind.set(Arc::downgrade(aio)).is_ok());
    }
    (aios, hear)
}

#[test]
fn shutdown_runs_callbacks_that_wait_for_one_another() {
    for waiting in [2, 3, 8, 32] {
        let runtime = Runtime::builder().build().unwrap();
        let (_aios, hear) = chain(&runtime, &Provider::new(), waiting);
        returns(move || runtime.shutdown());
        for _ in 0..waiting {
            assert_eq!(hear.try_recv(), Ok(codes::NNG_ECLOSED));
        }
    }
}

#[test]
fn shutdown_runs_callbacks_that_need_each_other_at_once() {
    for together in [2, 3, 8, 32] {
        let runtime = Runtime::builder().build().unwrap();
        let barrier = Arc::new(Barrier::new(together));
        let aios: Vec<_> = (0..together)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                let aio = runtime.aio(move |_| {
                    barrier.wait();
                });
                aio.sleep(FOREVER);
                aio
            })
            .collect();
        returns(move || runtime.shutdown());
        assert!(aios.iter().all(|aio| aio.result() == codes::NNG_ECLOSED));
    }
}

#[test]
fn callbacks_that_wait_for_one_another_run_after_the_end_too() {
    let runtime = Runtime::builder().build().unwrap();
    let provider = Provider::new();
    provider.is_deaf.set(()).unwrap();
    let (_aios, hear) = chain(&runtime, &provider, 8);
    runtime.shutdown();
    for _ in 0..8 {
        provider.complete(Ok(()));
    }
    for _ in 0..8 {
        assert_eq!(must(&hear), 0);
    }
}

#[test]
fn every_caller_of_shutdown_returns_after_the_last_callback() {
    for _ in 0..20 {
        let runtime = Runtime::builder().build().unwrap();
        let door = Door::new();
        let (tell, inside) = mpsc::channel();
        let aio = Arc::new(blocking(&runtime, &door, &tell));
        aio.begin().unwrap().finish(Ok(()));
        must(&inside);
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (runtime, aio) = (runtime.clone(), Arc::clone(&aio));
                std::thread::spawn(move || {
                    runtime.shutdown();
                    (aio.is_busy(), runtime.stats().threads)
                })
            })
            .collect();
        while !runtime.is_closed() {
            std::thread::yield_now();
        }
        door.open();
        for caller in callers {
            assert_eq!(caller.join().unwrap(), (false, 0));
        }
    }
}
