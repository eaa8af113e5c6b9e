//! Sleeping: the table of results, and that its end means nothing to the next operation.

mod support;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use nng_aio::{Aio, Error, Timeout, codes};
use support::{FOREVER, Provider, must, send, telling};

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn the_shorter_of_sleep_and_timeout_decides_the_result() {
    let (aio, hear) = telling();
    for (timeout, duration, result) in [
        (Timeout::Infinite, SHORT, 0),
        (Timeout::Default, SHORT, 0),
        (Timeout::After(SHORT), SHORT, 0),
        (Timeout::After(FOREVER), SHORT, 0),
        (Timeout::After(SHORT), FOREVER, codes::NNG_ETIMEDOUT),
        (Timeout::After(Duration::ZERO), FOREVER, codes::NNG_ETIMEDOUT),
        (Timeout::After(Duration::ZERO), Duration::ZERO, 0),
        (Timeout::Over, Duration::ZERO, codes::NNG_ETIMEDOUT),
    ] {
        aio.set_timeout(timeout);
        aio.sleep(duration);
        assert_eq!(must(&hear), result, "{timeout:?}, {duration:?}");
        aio.wait();
    }
}

#[test]
fn never_ends_early() {
    let (aio, hear) = telling();
    for millis in [0, 1, 2, 7] {
        let duration = Duration::from_millis(millis);
        let began = Instant::now();
        aio.sleep(duration);
        must(&hear);
        assert!(began.elapsed() >= duration);
        aio.wait();
    }
}

#[test]
fn ends_by_cancel_abort_stop_and_drop() {
    let (aio, hear) = telling();
    aio.sleep(FOREVER);
    aio.cancel();
    assert_eq!(must(&hear), codes::NNG_ECANCELED);
    aio.wait();
    aio.sleep(Duration::MAX);
    aio.abort(Error::Protocol);
    assert_eq!(must(&hear), codes::NNG_EPROTO);
    aio.wait();
    aio.sleep(FOREVER);
    aio.stop();
    assert_eq!(must(&hear), codes::NNG_ECANCELED);
    let (aio, hear) = telling();
    aio.sleep(FOREVER);
    drop(aio);
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
}

#[test]
fn ignores_and_consumes_an_expiry() {
    let (aio, hear) = telling();
    aio.set_expire(Instant::now());
    aio.sleep(SHORT);
    assert_eq!(must(&hear), 0);
    aio.wait();
    let provider = Provider::new();
    provider.start(&aio);
    assert_eq!(provider.len(), 1);
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn a_timeout_after_a_successful_sleep_is_a_timeout() {
    let (aio, hear) = telling();
    aio.sleep(SHORT);
    assert_eq!(must(&hear), 0);
    aio.wait();
    aio.set_timeout(SHORT);
    let provider = Provider::new();
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
}

#[test]
fn many_sleeps_end_in_the_order_of_their_ends() {
    let (tell, hear) = mpsc::channel();
    let aios: Vec<_> = (0..200_u64)
        .map(|index| {
            let tell = tell.clone();
            let millis = (index * 37) % 200;
            let aio = Aio::new(move |aio| send(&tell, (Instant::now(), millis, aio.result())));
            aio.sleep(Duration::from_millis(millis));
            aio
        })
        .collect();
    for _ in &aios {
        assert_eq!(must(&hear).2, 0);
    }
}
