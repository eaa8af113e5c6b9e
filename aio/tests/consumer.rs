//! What the owner of an aio may rely on: results, counts, limits, buffers, slots, ends.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Buffer, Buffers, Error, Refused, Timeout, codes};
use support::{Door, FOREVER, Provider, must, returns, send, telling};

#[test]
fn a_fresh_aio_is_idle_with_result_and_count_zero() {
    let aio = Aio::new(|_| ());
    assert_eq!((aio.result(), aio.count(), aio.is_busy()), (0, 0, false));
    assert_eq!(aio.outcome(), Ok(()));
}

#[test]
fn the_callback_runs_once_and_reads_the_result() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    assert!(provider.start(&aio));
    assert!(aio.is_busy());
    provider.complete(Err(Error::ConnectionReset));
    assert_eq!(must(&hear), codes::NNG_ECONNRESET);
    aio.wait();
    assert!(hear.try_recv().is_err(), "once");
    assert_eq!(aio.outcome(), Err(Error::ConnectionReset));
}

#[test]
fn begin_zeroes_result_and_count() {
    let aio = Aio::without_callback();
    let provider = Provider::new();
    provider.start(&aio);
    provider.take().unwrap().finish_with_count(42);
    assert_eq!((aio.result(), aio.count()), (0, 42));
    provider.start(&aio);
    assert_eq!((aio.result(), aio.count()), (0, 0));
    provider.complete(Err(Error::State));
    assert_eq!((aio.result(), aio.count()), (codes::NNG_ESTATE, 0));
}

#[test]
fn an_error_reports_no_bytes_though_some_were_moved() {
    let aio = Aio::without_callback();
    let mut operation = aio.begin().unwrap();
    operation.set_count(42);
    operation.finish(Err(Error::ConnectionReset));
    assert_eq!((aio.result(), aio.count()), (codes::NNG_ECONNRESET, 0));
    let mut operation = aio.begin().unwrap();
    operation.set_count(42);
    operation.finish(Ok(()));
    assert_eq!((aio.result(), aio.count()), (0, 42));
}

#[test]
fn an_error_reports_the_bytes_that_its_provider_tells() {
    let aio = Aio::without_callback();
    aio.begin().unwrap().fail_with_count(Error::ConnectionReset, 42);
    assert_eq!((aio.result(), aio.count()), (codes::NNG_ECONNRESET, 42));
}

#[test]
fn an_aio_without_callback_is_completed_in_place() {
    let aio = Aio::without_callback();
    let provider = Provider::new();
    provider.start(&aio);
    provider.complete(Ok(()));
    assert!(!aio.is_busy());
}

#[test]
fn the_callback_never_runs_on_the_stack_of_the_starter() {
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new(move |_| send(&tell, std::thread::current().id()));
    aio.begin().unwrap().finish(Ok(()));
    assert_ne!(must(&hear), std::thread::current().id());
}

#[test]
fn the_callback_may_take_a_lock_that_the_starter_holds() {
    let lock = Arc::new(Mutex::new(0));
    let aio = Aio::new({
        let lock = Arc::clone(&lock);
        move |_| *lock.lock() += 1
    });
    let provider = Provider::new();
    for end in [Aio::cancel, |aio: &Aio| aio.abort(Error::Closed)] {
        let held = lock.lock();
        provider.start(&aio);
        end(&aio);
        drop(held);
        aio.wait();
    }
    assert_eq!(*lock.lock(), 2);
}

#[test]
fn cancel_ends_with_canceled_and_abort_with_its_code() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.start(&aio);
    aio.cancel();
    assert_eq!(must(&hear), codes::NNG_ECANCELED);
    provider.start(&aio);
    aio.abort(Error::Other(4711));
    assert_eq!(must(&hear), 4711);
    assert_eq!(provider.asked(), [Error::Canceled, Error::Other(4711)]);
}

#[test]
fn the_first_asker_decides_the_code() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.is_deaf.set(()).unwrap();
    provider.start(&aio);
    aio.abort(Error::Permission);
    aio.abort(Error::NoMemory);
    aio.cancel();
    assert_eq!(provider.asked(), [Error::Permission]);
    provider.complete(Err(Error::Permission));
    assert_eq!(must(&hear), codes::NNG_EPERM);
}

#[test]
fn an_abort_without_an_operation_changes_nothing() {
    let aio = Aio::without_callback();
    aio.abort(Error::Crypto);
    assert_eq!(aio.result(), 0);
    let provider = Provider::new();
    provider.start(&aio);
    provider.take().unwrap().finish_with_count(3);
    aio.abort(Error::Crypto);
    assert_eq!((aio.result(), aio.count()), (0, 3));
    provider.start(&aio);
    assert_eq!(provider.len(), 1, "nor is it remembered for the next operation");
    provider.complete(Ok(()));
}

#[test]
fn an_abort_cannot_rewrite_what_the_callback_is_about_to_read() {
    let door = Door::new();
    let (tell, hear) = mpsc::channel();
    let aio = Arc::new(Aio::new({
        let door = Arc::clone(&door);
        move |aio| {
            door.pass();
            send(&tell, (aio.result(), aio.count(), aio.take_message().is_some()));
        }
    }));
    let provider = Provider::new();
    provider.start(&aio);
    let mut operation = provider.take().unwrap();
    operation.set_message(Box::new("arrived"));
    operation.finish_with_count(7);
    aio.abort(Error::Canceled);
    door.open();
    assert_eq!(must(&hear), (0, 7, true));
}

#[test]
fn an_abort_before_arming_is_reported_by_arm() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    let operation = aio.begin().unwrap();
    aio.abort(Error::PeerAuth);
    aio.abort(Error::Crypto);
    provider.arm(operation);
    assert_eq!(must(&hear), codes::NNG_EPEERAUTH);
    assert!(provider.asked().is_empty());
}

#[test]
fn stop_ends_waits_and_refuses_silently_for_ever() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.start(&aio);
    aio.stop();
    assert_eq!(must(&hear), codes::NNG_ECANCELED, "its callback has run when stop returns");
    assert!(!provider.start(&aio));
    aio.stop();
    assert_eq!((aio.result(), aio.is_busy()), (codes::NNG_ECANCELED, false));
    assert!(hear.try_recv().is_err(), "a refused start runs no callback");
}

#[test]
fn stop_of_an_operation_that_is_not_armed_yet_makes_arm_refuse() {
    let provider = Provider::new();
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new({
        let provider = Arc::clone(&provider);
        move |aio| {
            send(&tell, aio.result());
            // In its own callback stop does not wait, so what follows it is in order.
            if let Ok(operation) = aio.begin() {
                aio.stop();
                provider.arm(operation);
            }
        }
    });
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!([must(&hear), must(&hear)], [0, codes::NNG_ECLOSED]);
    assert!(provider.asked().is_empty());
}

#[test]
fn stop_keeps_the_result_of_a_finished_operation() {
    let door = Door::new();
    let (tell, hear) = mpsc::channel();
    let aio = Arc::new(Aio::new({
        let door = Arc::clone(&door);
        move |aio| {
            door.pass();
            send(&tell, aio.result());
        }
    }));
    aio.begin().unwrap().finish(Err(Error::MessageSize));
    let stopper = std::thread::spawn({
        let aio = Arc::clone(&aio);
        move || aio.stop()
    });
    door.open();
    assert_eq!(must(&hear), codes::NNG_EMSGSIZE);
    stopper.join().unwrap();
}

#[test]
fn stop_returns_although_nobody_finishes_what_was_never_armed() {
    let (aio, hear) = telling();
    aio.park(aio.begin().unwrap());
    let aio = returns(move || {
        aio.stop();
        aio
    });
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
    // The provider's own attempts come too late and find nothing.
    aio.defer(|_| panic!("there is nothing to be ended"));
    assert!(aio.unpark().is_none());
}

#[test]
fn an_abort_with_a_code_of_zero_is_no_success() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.start(&aio);
    aio.abort(Error::Other(0));
    assert_ne!(must(&hear), 0);
    aio.wait();
    let operation = aio.begin().unwrap();
    aio.abort(Error::Other(0));
    provider.arm(operation);
    assert_ne!(must(&hear), 0);
}

#[test]
fn a_wait_runs_no_callback_on_the_stack_of_whoever_waits() {
    let lock = Arc::new(Mutex::new(0));
    let aio = Aio::new({
        let lock = Arc::clone(&lock);
        move |_| *lock.lock() += 1
    });
    let sleeper = Aio::without_callback();
    let held = lock.lock();
    aio.begin().unwrap().finish(Ok(()));
    sleeper.sleep(Duration::from_millis(5));
    // The callback waits for the lock that this thread holds while it waits.
    sleeper.wait();
    assert_eq!((sleeper.result(), *held), (0, 0));
    drop(held);
    aio.wait();
    assert_eq!(*lock.lock(), 1);
}

#[test]
fn dropping_ends_with_closed_and_waits_for_the_callback() {
    let (tell, hear) = mpsc::channel();
    let aio = Aio::new(move |aio| send(&tell, aio.result()));
    let provider = Provider::new();
    provider.start(&aio);
    drop(aio);
    assert_eq!(hear.try_recv(), Ok(codes::NNG_ECLOSED));
    assert_eq!(provider.asked(), [Error::Closed]);
}

#[test]
fn dropping_waits_for_an_operation_that_is_not_armed_yet() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    let operation = aio.begin().unwrap();
    let dropper = std::thread::spawn(move || drop(aio));
    provider.arm(operation);
    // Either arm saw the drop and refused, or the drop found it armed.
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
    dropper.join().unwrap();
}

#[test]
fn dropping_waits_for_an_operation_that_another_thread_has_claimed() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.is_deaf.set(()).unwrap();
    provider.start(&aio);
    aio.cancel();
    let dropper = std::thread::spawn(move || drop(aio));
    assert_eq!(provider.asked(), [Error::Canceled]);
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
    dropper.join().unwrap();
}

#[test]
fn detaching_lets_the_operation_go_on() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.start(&aio);
    aio.detach();
    provider.complete(Err(Error::NotFound));
    assert_eq!(must(&hear), codes::NNG_ENOENT);
}

#[test]
fn what_a_detached_aio_holds_is_dropped_by_a_runtime_thread() {
    struct Tells(mpsc::Sender<std::thread::ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            send(&self.0, std::thread::current().id());
        }
    }
    let (tell, hear) = mpsc::channel();
    let aio = Aio::without_callback();
    aio.set_message(Box::new(Tells(tell)));
    let provider = Provider::new();
    provider.start(&aio);
    aio.detach();
    // A provider may hold its lock here, and the message's destructor may want it.
    provider.complete(Ok(()));
    assert_ne!(must(&hear), std::thread::current().id());
}

#[test]
fn starting_a_busy_aio_is_refused_and_the_first_operation_goes_on() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.start(&aio);
    let second = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| aio.begin()));
    // Builds with debug assertions panic, others answer.
    assert!(second.is_err() || matches!(second, Ok(Err(Refused::Busy))));
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
    aio.wait();
}

#[test]
fn a_timeout_ends_with_timed_out_and_never_early() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    let limit = Duration::from_millis(20);
    aio.set_timeout(limit);
    for _ in 0..3 {
        let began = Instant::now();
        provider.start(&aio);
        assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
        assert!(began.elapsed() >= limit);
        aio.wait();
    }
    assert_eq!(provider.asked(), [Error::TimedOut; 3], "the timeout is sticky");
}

#[test]
fn a_timeout_of_zero_is_a_poll() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    aio.set_timeout(Duration::ZERO);
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    assert!(provider.asked().is_empty(), "it never waited");
    aio.wait();
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0, "what can complete at once does");
}

#[test]
fn an_expiry_in_the_past_is_no_poll_and_holds_for_one_operation() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    aio.set_timeout(FOREVER);
    aio.set_expire(Instant::now());
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    assert_eq!(provider.asked(), [Error::TimedOut], "it was armed");
    aio.wait();
    provider.start(&aio);
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0, "the next one has the sticky timeout again");
}

#[test]
fn a_limit_that_is_over_already_is_no_poll() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    aio.set_timeout(Timeout::Over);
    for _ in 0..3 {
        provider.start(&aio);
        assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
        aio.wait();
    }
    assert_eq!(provider.asked(), [Error::TimedOut; 3], "it was armed, each time");
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 0, "what can complete at once does");
}

#[test]
fn whichever_limit_was_set_last_holds() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    aio.set_expire(Instant::now());
    aio.set_timeout(Timeout::Infinite);
    provider.start(&aio);
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
    aio.wait();
    aio.set_timeout(Duration::ZERO);
    aio.set_expire(None);
    provider.start(&aio);
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0, "an expiry of never is not a poll");
}

#[test]
fn changing_the_limit_of_a_waiting_operation_holds_for_the_next_one() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    provider.start(&aio);
    aio.set_timeout(Duration::ZERO);
    aio.set_expire(Instant::now());
    assert!(aio.is_busy());
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
    aio.wait();
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    assert_eq!(provider.asked(), [Error::TimedOut], "by the expiry, not by the poll");
    aio.wait();
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    assert_eq!(provider.asked().len(), 1, "and then by the poll");
}

#[test]
fn the_default_is_resolved_anew_for_each_operation() {
    let (aio, hear) = telling();
    let provider = Provider::new();
    *provider.default.lock() = Duration::from_millis(5).into();
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
    aio.wait();
    *provider.default.lock() = Timeout::Infinite;
    provider.start(&aio);
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
    aio.wait();
    *provider.default.lock() = Duration::ZERO.into();
    provider.start(&aio);
    assert_eq!(must(&hear), codes::NNG_ETIMEDOUT);
}

#[test]
fn inputs_survive_and_outputs_are_cleared_by_the_next_begin() {
    let aio = Aio::without_callback();
    aio.set_input(3, Arc::new(String::from("in"))).unwrap();
    assert_eq!(aio.set_input(4, Arc::new(0)), Err(Error::Invalid));
    let mut operation = aio.begin().unwrap();
    assert_eq!(operation.input::<String>(3).unwrap().as_str(), "in");
    assert!(operation.input::<u8>(3).is_none(), "another type");
    assert!(operation.input::<String>(4).is_none(), "no such index");
    operation.set_output(0, Box::new(7_u64)).unwrap();
    operation.set_output(1, Box::new(8_u64)).unwrap();
    assert_eq!(operation.set_output(4, Box::new(0)), Err(Error::Invalid));
    operation.finish(Ok(()));
    assert_eq!(aio.take_output::<u32>(0), None, "another type stays");
    assert_eq!(aio.take_output::<u64>(0), Some(7));
    assert_eq!(aio.take_output::<u64>(0), None);
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(aio.take_output::<u64>(1), None, "cleared by begin");
    assert_eq!(aio.input::<String>(3).unwrap().as_str(), "in");
}

#[test]
fn an_output_that_nobody_took_is_dropped_by_the_next_begin() {
    let output = Arc::new(());
    let aio = Aio::without_callback();
    let mut operation = aio.begin().unwrap();
    operation.set_output(0, Box::new(Arc::clone(&output))).unwrap();
    operation.finish(Ok(()));
    assert_eq!(Arc::strong_count(&output), 2);
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(Arc::strong_count(&output), 1);
}

#[test]
fn a_message_stays_when_the_operation_fails_and_moves_when_it_succeeds() {
    let aio = Aio::without_callback();
    aio.set_message(Box::new(1_i32));
    aio.begin().unwrap().finish(Err(Error::TimedOut));
    assert!(aio.take_message().is_some_and(|message| message.is::<i32>()));
    aio.set_message(Box::new(2_i32));
    let mut operation = aio.begin().unwrap();
    assert!(operation.take_message().is_some());
    operation.finish(Ok(()));
    assert!(aio.take_message().is_none());
}

#[test]
fn a_message_is_taken_as_what_it_is() {
    let aio = Aio::without_callback();
    assert_eq!(aio.take_message_as::<i32>(), None);
    aio.set_message(Box::new(5_i32));
    assert_eq!(aio.take_message_as::<u32>(), None, "it is of another type");
    assert_eq!(aio.take_message_as::<i32>(), Some(5));
    assert_eq!(aio.take_message_as::<i32>(), None, "it was taken");
}

#[test]
fn buffers_belong_to_the_operation_while_it_runs() {
    let aio = Aio::without_callback();
    aio.set_buffer(vec![1, 2, 3]).unwrap();
    let mut operation = aio.begin().unwrap();
    assert!(aio.take_buffer().is_empty());
    assert_eq!(aio.set_buffer(vec![9]), Err(Error::Busy));
    operation.buffers_mut().pieces_mut()[0].as_mut_slice().unwrap()[0] = 7;
    operation.finish_with_count(1);
    assert_eq!(aio.take_buffer(), [7, 2, 3]);
}

#[test]
fn buffers_stay_for_the_next_operation_until_taken() {
    let aio = Aio::without_callback();
    let pieces = vec![Buffer::from("a"), vec![0; 2].into()];
    aio.set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
    for _ in 0..2 {
        let operation = aio.begin().unwrap();
        assert_eq!(operation.buffers().total_len(), 3);
        operation.finish(Ok(()));
    }
    assert_eq!(aio.take_buffers().total_len(), 3);
    assert_eq!(aio.take_buffers().total_len(), 0);
}

#[test]
fn waiting_covers_operations_that_the_callback_starts() {
    let provider = Provider::new();
    let runs = Arc::new(AtomicUsize::new(0));
    let aio = Arc::new(Aio::new({
        let (provider, runs) = (Arc::clone(&provider), Arc::clone(&runs));
        move |aio| {
            if runs.fetch_add(1, SeqCst) < 2 {
                provider.start(aio);
            }
        }
    }));
    provider.start(&aio);
    let waiter = std::thread::spawn({
        let aio = Arc::clone(&aio);
        move || aio.wait()
    });
    for _ in 0..3 {
        while provider.len() == 0 {
            std::thread::yield_now();
        }
        assert!(!waiter.is_finished());
        provider.complete(Ok(()));
    }
    returns(move || waiter.join()).unwrap();
    assert_eq!(runs.load(SeqCst), 3);
}

#[test]
fn any_number_of_threads_may_wait() {
    let aio = Arc::new(Aio::new(|_| ()));
    let provider = Provider::new();
    provider.start(&aio);
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let aio = Arc::clone(&aio);
            std::thread::spawn(move || aio.wait())
        })
        .collect();
    provider.complete(Ok(()));
    returns(move || waiters.into_iter().all(|waiter| waiter.join().is_ok()));
}
