//! The blocking calls of streams.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails where it is")]

mod support;

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nng_aio::net::{Socket, Stream};
use nng_aio::{Aio, Error, Runtime, Timeout};
use support::streams::{Kind, fill, received, recv_exactly, send, sent, start_recv, start_send};
use support::{FOREVER, must, returns};

const ENDLESS: Timeout = Timeout::Infinite;

/// Limits that do not come while a test runs; each takes another way through the code.
fn limits() -> [Timeout; 3] {
    [ENDLESS, Timeout::Default, FOREVER.into()]
}

#[test]
fn bytes_go_both_ways() {
    for kind in Kind::ALL {
        for limit in limits() {
            let [one, other] = kind.pair();
            let echo = thread::spawn(move || {
                let mut room = [0; 16];
                while let Ok(count) = other.recv_sync(&mut room, limit) {
                    assert_eq!(other.send_sync(&room[..count], limit), Ok(count));
                }
            });
            for _ in 0..100 {
                let mut room = [0; 16];
                assert_eq!(one.send_sync(b"ping", limit), Ok(4));
                assert_eq!(one.recv_sync(&mut room, limit), Ok(4));
                assert_eq!(&room[..4], b"ping");
            }
            drop(one);
            echo.join().unwrap();
        }
    }
}

#[test]
fn blocking_calls_and_operations_talk_to_each_other() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let waits = start_recv(&other, 16);
        assert_eq!(one.send_sync(b"to an operation", ENDLESS), Ok(15));
        assert_eq!(received(&waits).unwrap(), b"to an operation");
        assert_eq!(send(&other, "back"), Ok(4));
        let mut room = [0; 16];
        assert_eq!(one.recv_sync(&mut room, ENDLESS), Ok(4));
    }
}

#[test]
fn nothing_to_move_returns_at_once() {
    for kind in Kind::ALL {
        let [one, _other] = kind.pair();
        assert_eq!(one.send_sync(b"", ENDLESS), Ok(0));
        assert_eq!(one.recv_sync(&mut [], ENDLESS), Ok(0));
    }
}

#[test]
fn a_limit_of_zero_only_tries() {
    for kind in Kind::ALL {
        for limit in [Timeout::After(Duration::ZERO), Timeout::Over] {
            let [one, other] = kind.pair();
            let mut room = [0; 4];
            assert_eq!(other.recv_sync(&mut room, limit), Err(Error::TimedOut));
            assert_eq!(one.send_sync(b"x", limit), Ok(1));
            while other.recv_sync(&mut room, limit) != Ok(1) {}
            assert_eq!(room[0], b'x');
            fill(&one);
            assert_eq!(send_until_refused(&one, limit).1, Error::TimedOut);
        }
    }
}

/// Sends single bytes, since the system may find a little room long after it said that there is
/// none; how many it took, and what it said then.
fn send_until_refused(stream: &Stream, limit: impl Into<Timeout>) -> (usize, Error) {
    let limit = limit.into();
    let mut count = 0;
    loop {
        match stream.send_sync(b"x", limit) {
            Ok(taken) => count += taken,
            Err(error) => return (count, error),
        }
    }
}

#[test]
fn a_limit_that_passes_moves_nothing() {
    let limit = Duration::from_millis(1);
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        assert_eq!(other.recv_sync(&mut [0; 4], limit), Err(Error::TimedOut));
        let filled = fill(&one);
        let (more, error) = send_until_refused(&one, limit);
        assert_eq!(error, Error::TimedOut);
        recv_exactly(&other, filled + more);
        assert_eq!(one.send_sync(b"y", FOREVER), Ok(1));
        assert_eq!(recv_exactly(&other, 1), b"y");
    }
}

#[test]
fn much_is_moved_in_several_calls() {
    const TOTAL: usize = 8 << 20;
    for kind in Kind::ALL {
        for limit in limits() {
            let [one, other] = kind.pair();
            let sender = thread::spawn(move || {
                let bytes: Vec<u8> = (0..TOTAL).map(|place| place.to_le_bytes()[1]).collect();
                let mut done = 0;
                while done < TOTAL {
                    done += one.send_sync(&bytes[done..], limit).unwrap();
                }
            });
            let (mut all, mut room) = (Vec::new(), vec![0; 100_000]);
            while let Ok(count) = other.recv_sync(&mut room, limit) {
                all.extend_from_slice(&room[..count]);
            }
            sender.join().unwrap();
            assert_eq!(all.len(), TOTAL);
            assert!(all.iter().enumerate().all(|(place, &byte)| byte == place.to_le_bytes()[1]));
        }
    }
}

#[test]
fn the_end_is_told_every_time() {
    for kind in Kind::ALL {
        for limit in limits() {
            let [one, other] = kind.pair();
            drop(other);
            for _ in 0..3 {
                let end = one.recv_sync(&mut [0; 4], limit);
                assert_eq!(end, Err(Error::ConnectionShutdown));
            }
            let error = (0..10_000).find_map(|_| one.send_sync(b"x", limit).err());
            assert_eq!(error, Some(Error::Closed));
        }
    }
}

#[test]
fn closing_wakes_those_who_sleep() {
    for kind in Kind::ALL {
        for limit in limits() {
            let [one, _other] = kind.pair();
            fill(&one);
            let sleepers: Vec<_> = (0..4)
                .map(|index| {
                    let (tell, hear) = mpsc::channel();
                    let stream = one.clone();
                    thread::spawn(move || {
                        let result = if index % 2 == 0 {
                            stream.recv_sync(&mut [0; 4], limit)
                        } else {
                            Err(send_until_refused(&stream, limit).1)
                        };
                        support::send(&tell, result);
                    });
                    hear
                })
                .collect();
            one.close();
            for hear in &sleepers {
                assert_eq!(must(hear), Err(Error::Closed));
            }
            assert_eq!(one.recv_sync(&mut [0; 4], limit), Err(Error::Closed));
            assert_eq!(one.send_sync(b"", limit), Err(Error::Closed));
        }
    }
}

#[test]
fn the_end_of_the_runtime_wakes_those_who_sleep() {
    for kind in Kind::ALL {
        let runtime = Runtime::builder().build().unwrap();
        let [fd, _peer] = kind.sockets();
        let one = Stream::from_socket(Socket::from_fd(fd), &runtime).unwrap();
        let (tell, hear) = mpsc::channel();
        thread::spawn(move || support::send(&tell, one.recv_sync(&mut [0; 4], ENDLESS)));
        runtime.shutdown();
        assert_eq!(must(&hear), Err(Error::Closed));
    }
}

#[test]
fn a_call_takes_its_place_behind_operations() {
    for kind in Kind::ALL {
        for limit in limits() {
            let [one, other] = kind.pair();
            let first = start_recv(&other, 1);
            let call = thread::spawn({
                let other = other.clone();
                move || {
                    let mut room = [0; 8];
                    let count = other.recv_sync(&mut room, limit).unwrap();
                    room[..count].to_vec()
                }
            });
            assert_eq!(send(&one, "ab"), Ok(2));
            assert_eq!(received(&first).unwrap(), b"a");
            assert_eq!(call.join().unwrap(), b"b");
        }
    }
}

#[test]
fn a_send_takes_its_place_behind_operations() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let filled = fill(&one);
        let first = start_send(&one, "a");
        let call = thread::spawn(move || one.send_sync(b"b", FOREVER));
        recv_exactly(&other, filled);
        assert_eq!(recv_exactly(&other, 2), b"ab");
        assert_eq!(sent(&first), Ok(1));
        assert_eq!(call.join().unwrap(), Ok(1));
    }
}

#[test]
fn several_callers_share_what_comes() {
    const EACH: usize = 2000;
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let sum = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let mut room = [0];
                        assert_eq!(other.recv_sync(&mut room, ENDLESS), Ok(1));
                        sum.fetch_add(usize::from(room[0]), SeqCst);
                    }
                });
                scope.spawn(|| {
                    for _ in 0..EACH {
                        assert_eq!(one.send_sync(&[1], ENDLESS), Ok(1));
                    }
                });
            }
            // Operations among them lose nothing either.
            for _ in 0..EACH {
                assert_eq!(one.send_sync(&[2], ENDLESS), Ok(1));
                let bytes = received(&start_recv(&other, 1)).unwrap();
                sum.fetch_add(usize::from(bytes[0]), SeqCst);
            }
        });
        assert_eq!(sum.load(SeqCst), 5 * EACH);
    }
}

#[test]
fn a_descriptor_in_the_other_mode_sleeps_as_well() {
    let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let [one, other] = [one, other].map(|socket| {
        Stream::from_socket(Socket::from_fd(socket.into()), &Runtime::global()).unwrap()
    });
    let call = thread::spawn({
        let one = one.clone();
        move || one.recv_sync(&mut [0; 4], ENDLESS)
    });
    assert_eq!(other.send_sync(b"x", ENDLESS), Ok(1));
    assert_eq!(call.join().unwrap(), Ok(1));
    fill(&one);
    let call = thread::spawn(move || one.send_sync(b"x", ENDLESS));
    while !call.is_finished() {
        let _ = other.recv_sync(&mut [0; 65536], Duration::from_millis(1));
    }
    assert_eq!(call.join().unwrap(), Ok(1));
}

/// Echoes by callbacks until the peer goes.
fn echo(stream: &Stream, runtime: &Runtime) -> Aio {
    let (stream, is_sending) = (stream.clone(), AtomicUsize::new(0));
    let target = stream.clone();
    let aio = runtime.aio(move |aio| {
        if aio.result() != 0 {
            return;
        }
        let count = aio.count();
        let mut buffer = aio.take_buffer();
        let is_received = is_sending.fetch_xor(1, SeqCst) == 0;
        buffer.resize(if is_received { count } else { 16 }, 0);
        if aio.set_buffer(buffer).is_ok() {
            if is_received { target.send(aio) } else { target.recv(aio) }
        }
    });
    aio.set_buffer(vec![0; 16]).expect("the aio is fresh");
    stream.recv(&aio);
    aio
}

/// Callbacks that each talk to an echo in blocking calls, `count` of them at once. What they wait
/// for is done by callbacks of the same runtime.
fn nested(kind: Kind, count: usize, limit: Timeout) {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let all: Vec<_> = (0..count)
        .map(|_| {
            let [one, other] = kind.pair_on(&runtime);
            let echo = echo(&other, &runtime);
            let tell = tell.clone();
            let caller = runtime.aio(move |_| {
                for _ in 0..10 {
                    assert_eq!(one.send_sync(b"ping", limit), Ok(4));
                    let mut room = [0; 4];
                    assert_eq!(one.recv_sync(&mut room, limit), Ok(4));
                    assert_eq!(&room, b"ping");
                    let waits = Runtime::current().expect("a callback").aio_without_callback();
                    waits.set_buffer(vec![0; 4]).expect("the aio is fresh");
                    one.recv(&waits);
                    assert_eq!(one.send_sync(b"pong", limit), Ok(4));
                    waits.wait();
                    assert_eq!(waits.take_buffer(), b"pong");
                }
                support::send(&tell, ());
            });
            (caller, echo)
        })
        .collect();
    for (caller, _) in &all {
        caller.sleep(Duration::ZERO);
    }
    for _ in 0..count {
        must(&hear);
    }
    runtime.shutdown();
}

#[test]
fn blocking_calls_in_callbacks_never_wait_for_each_other() {
    for kind in Kind::ALL {
        for limit in limits() {
            for count in [1, 4, 16] {
                nested(kind, count, limit);
            }
        }
    }
}

#[test]
fn in_a_host_driven_runtime_the_calling_thread_makes_the_turns() {
    for kind in Kind::ALL {
        let runtime = Runtime::builder().host_driven().build().unwrap();
        let [one, other] = kind.pair_on(&runtime);
        let echo = echo(&other, &runtime);
        returns(move || {
            for limit in limits() {
                let mut room = [0; 16];
                assert_eq!(one.send_sync(b"ping", limit), Ok(4));
                assert_eq!(one.recv_sync(&mut room, limit), Ok(4));
                assert_eq!(&room[..4], b"ping");
            }
            let limit = Duration::from_millis(1);
            assert_eq!(one.recv_sync(&mut [0; 1], limit), Err(Error::TimedOut));
            one.close();
            assert_eq!(one.recv_sync(&mut [0; 1], limit), Err(Error::Closed));
            drop((echo, runtime));
        });
    }
}

#[test]
fn a_stream_used_by_blocking_calls_alone_is_not_in_the_selector() {
    let runtime = Runtime::builder().build().unwrap();
    let path = format!("/proc/self/fdinfo/{}", runtime.as_fd().as_raw_fd());
    let watched = || Some(fs::read_to_string(&path).ok()?.matches("tfd:").count());
    let Some(before) = watched() else { return };
    for kind in Kind::ALL {
        let [one, other] = kind.pair_on(&runtime);
        for limit in limits() {
            assert_eq!(one.send_sync(b"x", limit), Ok(1));
            assert_eq!(other.recv_sync(&mut [0; 4], limit), Ok(1));
        }
        assert_eq!(watched(), Some(before));
        let aio = runtime.aio_without_callback();
        aio.set_buffer(vec![0; 1]).unwrap();
        one.recv(&aio);
        assert_eq!(watched(), Some(before + 1), "what waits is watched");
        drop((one, other));
        assert_eq!(watched(), Some(before));
    }
}

#[test]
fn a_send_without_a_limit_returns_when_something_was_taken() {
    const LEN: usize = 64 << 20;
    for kind in Kind::ALL {
        let [one, _silent] = kind.pair();
        let count = returns(move || one.send_sync(&vec![0; LEN], ENDLESS).unwrap());
        assert!(count > 0 && count < LEN, "nobody takes all of it: {count}");
    }
}
