//! provider: operations of one's own, with timeout, cancel and callback like those of the library.
//!
//! The twin of provider.c, function by function.
//!
//! A queue of bounded room offers two of them: `queue_put` and `queue_get`. What a provider does for
//! each:
//!
//! ```text
//!     nng_aio_begin    accept the operation; if that is refused, there is none
//!     nng_aio_finish   if it can be done at once
//!     nng_aio_defer    else: name the function that ends it early, and keep it in a list
//!     nng_aio_finish   when it is done, or when that function is called: whoever unlinks it first
//! ```
//!
//! The program does one thing after the other; then a producer and some consumers, whose callbacks
//! start their aios again, run at once. The output is always the same. A timeout of 0 is left out, as
//! in C, where a provider need not hear of it.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use nng_oxide::aio::sync::Mutex;
use nng_oxide::c_names::*;

const HELP: &str = "\
Puts numbers into a queue and gets them: at once, later, too late, and cancelled.

Usage: provider [--help]
";

const ROOM: usize = 2;
const WAITERS: usize = 16;
const CONSUMERS: usize = 4;
const NUMBERS: i64 = 1000;
const TIMEOUT: nng_duration = 20; // ms

/// Operations that wait, the oldest first.
type Waiters = VecDeque<nng_aio>;

#[derive(Default)]
struct Queue {
    guarded: Mutex<Guarded>,
}

/// What the mutex guards: to touch it is to hold the mutex.
#[derive(Default)]
struct Guarded {
    values: VecDeque<Arc<i64>>,
    /// Some only if there is no value.
    getting: Waiters,
    /// Some only if there is no room.
    putting: Waiters,
    closed: bool,
}

/// Unlinks an operation, or the oldest one, and returns it: or `None` if it is not there.
fn unlink_waiter(waiters: &mut Waiters, wanted: Option<&nng_aio>) -> Option<nng_aio> {
    let at = waiters.iter().position(|aio| wanted.is_none_or(|wanted| wanted == aio))?;
    waiters.remove(at)
}

/// What cancel, abort, stop, free and the timeout call; on their threads, and perhaps too late.
fn queue_cancel(aio: &nng_aio, queue: &Arc<Queue>, err: i32) {
    let mut guarded = queue.guarded.lock();
    if unlink_waiter(&mut guarded.getting, Some(aio)).is_some()
        || unlink_waiter(&mut guarded.putting, Some(aio)).is_some()
    {
        nng_aio_finish(aio, err); // callbacks run on other threads: the mutex may be held
    }
}

/// With the mutex held, so that a cancel that comes at once finds the operation in the list.
fn queue_wait(queue: &Arc<Queue>, waiters: &mut Waiters, aio: &nng_aio) {
    if waiters.len() == WAITERS {
        nng_aio_finish(aio, NNG_ENOMEM);
    } else {
        nng_aio_defer(aio, queue_cancel, Arc::clone(queue));
        waiters.push_back(aio.alias());
    }
}

/// Puts input 0 of the aio into the queue, once there is room.
fn queue_put(queue: &Arc<Queue>, aio: &nng_aio) {
    if !nng_aio_begin(aio) {
        return;
    }
    let Some(value) = nng_aio_get_input::<i64>(aio, 0) else {
        return nng_aio_finish(aio, NNG_EINVAL);
    };
    let mut guarded = queue.guarded.lock();
    if guarded.closed {
        nng_aio_finish(aio, NNG_ECLOSED);
    } else if let Some(getter) = unlink_waiter(&mut guarded.getting, None) {
        nng_aio_set_output(&getter, 0, value);
        nng_aio_finish(&getter, 0); // after this the getter's aio is not ours any more
        nng_aio_finish(aio, 0);
    } else if guarded.values.len() < ROOM {
        guarded.values.push_back(value);
        nng_aio_finish(aio, 0);
    } else {
        queue_wait(queue, &mut guarded.putting, aio);
    }
}

/// Gets the oldest value, once there is one: output 0 of the aio.
fn queue_get(queue: &Arc<Queue>, aio: &nng_aio) {
    if !nng_aio_begin(aio) {
        return;
    }
    let mut guarded = queue.guarded.lock();
    if let Some(value) = guarded.values.pop_front() {
        nng_aio_set_output(aio, 0, value);
        nng_aio_finish(aio, 0);
        if let Some(putter) = unlink_waiter(&mut guarded.putting, None) {
            guarded.values.extend(nng_aio_get_input::<i64>(&putter, 0));
            nng_aio_finish(&putter, 0);
        }
    } else if guarded.closed {
        nng_aio_finish(aio, NNG_ECLOSED);
    } else {
        queue_wait(queue, &mut guarded.getting, aio);
    }
}

/// Ends what waits. Values that are in the queue can still be got.
fn queue_close(queue: &Queue) {
    let mut guarded = queue.guarded.lock();
    guarded.closed = true;
    while let Some(aio) = unlink_waiter(&mut guarded.getting, None) {
        nng_aio_finish(&aio, NNG_ECLOSED);
    }
    while let Some(aio) = unlink_waiter(&mut guarded.putting, None) {
        nng_aio_finish(&aio, NNG_ECLOSED);
    }
}

fn put(queue: &Arc<Queue>, aio: &nng_aio, value: i64) {
    nng_aio_set_input(aio, 0, Arc::new(value));
    queue_put(queue, aio);
}

fn print(what: &str, aio: &nng_aio) {
    nng_aio_wait(aio);
    print!("{what}: {} ({})", nng_aio_result(aio), nng_strerror(nng_aio_result(aio)));
    if let Some(value) = nng_aio_get_output::<Arc<i64>>(aio, 0) {
        print!(", value {value}");
    }
    println!();
}

/// One thing after the other.
fn walk(queue: &Arc<Queue>, aios: &[nng_aio]) {
    nng_aio_set_timeout(&aios[0], TIMEOUT);
    queue_get(queue, &aios[0]);
    print("get, nothing comes in time", &aios[0]);
    nng_aio_set_timeout(&aios[0], NNG_DURATION_INFINITE);
    queue_get(queue, &aios[0]);
    nng_aio_cancel(&aios[0]);
    print("get, cancelled", &aios[0]);
    queue_get(queue, &aios[0]);
    nng_aio_abort(&aios[0], 1234);
    print("get, aborted with 1234", &aios[0]);
    queue_get(queue, &aios[0]);
    queue_get(queue, &aios[1]);
    put(queue, &aios[2], 1);
    print("put, two wait", &aios[2]);
    put(queue, &aios[2], 2);
    print("put, one waits", &aios[2]);
    print("get, the first that waited", &aios[0]);
    print("get, the second that waited", &aios[1]);
    put(queue, &aios[0], 3);
    print("put, there is room for two", &aios[0]);
    put(queue, &aios[0], 4);
    print("put, there is room for one", &aios[0]);
    nng_aio_set_timeout(&aios[0], TIMEOUT);
    put(queue, &aios[0], 5);
    print("put, no room in time", &aios[0]);
    nng_aio_set_timeout(&aios[0], NNG_DURATION_INFINITE);
    put(queue, &aios[0], 6);
    queue_get(queue, &aios[1]);
    print("get, it was there", &aios[1]);
    print("put, that made room", &aios[0]);
    queue_get(queue, &aios[1]);
    print("get, it was there", &aios[1]);
    queue_get(queue, &aios[1]);
    print("get, the one that waited for room", &aios[1]);
    nng_aio_stop(&aios[3]);
    queue_get(queue, &aios[3]);
    print("get, with an aio that is stopped", &aios[3]);
}

/// What a consumer's callback has in its hands, beside its aio.
struct Consumer {
    queue: Arc<Queue>,
    count: AtomicI64,
    sum: AtomicI64,
}

/// The callback of a consumer.
fn consume(aio: &nng_aio, consumer: &Arc<Consumer>) {
    if nng_aio_result(aio) == 0 {
        let value = nng_aio_get_output::<Arc<i64>>(aio, 0);
        consumer.count.fetch_add(1, Relaxed);
        consumer.sum.fetch_add(value.map_or(0, |value| *value), Relaxed);
        queue_get(&consumer.queue, aio); // until the queue is closed
    }
}

/// Many things at once: callbacks consume what this thread puts.
fn crowd(queue: &Arc<Queue>, put_aio: &nng_aio) -> Result<(), i32> {
    let mut consumers = Vec::new();
    let (mut count, mut sum) = (0, 0);
    let mut rv = 0;

    while consumers.len() < CONSUMERS && rv == 0 {
        let (queue, count, sum) = (Arc::clone(queue), AtomicI64::new(0), AtomicI64::new(0));
        let consumer = Arc::new(Consumer { queue, count, sum });
        let mut aio = None;
        rv = nng_aio_alloc(&mut aio, Some(consume), Arc::clone(&consumer));
        if let Some(aio) = aio {
            queue_get(&consumer.queue, &aio);
            consumers.push((aio, consumer));
        }
    }
    for number in 1..=NUMBERS {
        if rv != 0 {
            break;
        }
        put(queue, put_aio, number);
        nng_aio_wait(put_aio);
        rv = nng_aio_result(put_aio);
    }
    queue_close(queue);
    for (aio, consumer) in consumers {
        nng_aio_wait(&aio); // it has found the queue closed, and empty
        count += consumer.count.load(Relaxed);
        sum += consumer.sum.load(Relaxed);
    }
    println!("{CONSUMERS} consumers: {count} numbers, sum {sum}");
    put(queue, put_aio, 1);
    print("put, the queue is closed", put_aio);
    ok(rv)
}

fn main() -> ExitCode {
    let queue = Arc::new(Queue::default());
    let mut aios = Vec::new();
    let mut rv = Ok(());

    match std::env::args().nth(1).as_deref() {
        Some("-h" | "--help") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(more) => {
            eprintln!("provider: `{more}` is one argument too many; --help says more");
            return ExitCode::from(2);
        }
        None => {}
    }
    while aios.len() < 4 && rv.is_ok() {
        let mut aio = None;
        rv = ok(nng_aio_alloc(&mut aio, None, ())); // without callbacks: they are waited for
        aios.extend(aio);
    }
    if rv.is_ok() {
        walk(&queue, &aios);
        rv = crowd(&queue, &aios[0]);
    }
    if let Err(rv) = rv {
        eprintln!("provider: {}", nng_strerror(rv));
    }
    drop(aios);
    nng_fini();
    if rv.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What C writes as `if (rv != 0) return rv;` is `ok(rv)?`.
fn ok(rv: i32) -> Result<(), i32> {
    if rv == 0 { Ok(()) } else { Err(rv) }
}
