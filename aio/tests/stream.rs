//! Byte streams driven by aios: what holds over TCP and over Unix sockets alike.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nng_aio::net::{Socket, Stream};
use nng_aio::{Aio, Buffers, Error, Runtime, codes};
use support::streams::{
    Kind, fill, received, recv, recv_exactly, send, sent, start_recv, start_send,
};
use support::{Door, FOREVER, must};

#[test]
fn bytes_go_both_ways() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        assert_eq!(send(&one, "ping"), Ok(4));
        assert_eq!(recv(&other, 16).unwrap(), b"ping");
        assert_eq!(send(&other, "pong!"), Ok(5));
        assert_eq!(recv(&one, 16).unwrap(), b"pong!");
    }
}

#[test]
fn a_receive_waits_for_the_first_byte_and_no_longer() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let waits = start_recv(&other, 16);
        assert!(waits.is_busy());
        assert_eq!(send(&one, "x"), Ok(1));
        assert_eq!(received(&waits).unwrap(), b"x");
    }
}

#[test]
fn a_receive_takes_no_more_than_its_room_and_leaves_the_rest() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        assert_eq!(send(&one, "abcdef"), Ok(6));
        assert_eq!(recv(&other, 2).unwrap(), b"ab");
        assert_eq!(recv(&other, 3).unwrap(), b"cde");
        assert_eq!(recv(&other, 3).unwrap(), b"f");
    }
}

#[test]
fn a_send_gathers_and_a_receive_scatters() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let aio = Aio::without_callback();
        let pieces = vec!["ab".into(), "".into(), vec![b'c'; 3].into(), "d".into()];
        aio.set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
        one.send(&aio);
        assert_eq!(sent(&aio), Ok(6));
        let room = vec![vec![0; 1].into(), vec![0; 0].into(), vec![0; 2].into(), vec![0; 9].into()];
        aio.set_buffers(Buffers::from_pieces(room).unwrap()).unwrap();
        other.recv(&aio);
        aio.wait();
        assert_eq!((aio.result(), aio.count()), (0, 6));
        let pieces = aio.take_buffers();
        let pieces: Vec<_> = pieces.pieces().iter().map(|piece| piece.as_slice()).collect();
        assert_eq!(pieces[..3], [b"a".as_slice(), b"", b"bc"]);
        assert_eq!(&pieces[3][..3], b"ccd");
    }
}

#[test]
fn nothing_to_move_succeeds_at_once() {
    for kind in Kind::ALL {
        let [one, _other] = kind.pair();
        assert_eq!(send(&one, ""), Ok(0));
        assert_eq!(recv(&one, 0).unwrap(), b"");
        let waits = start_recv(&one, 1);
        assert_eq!(recv(&one, 0).unwrap(), b"", "also behind one that waits");
        let aio = Aio::without_callback();
        one.recv(&aio);
        assert_eq!(received(&aio).unwrap(), b"", "also without a buffer");
        assert!(waits.is_busy());
    }
}

#[test]
fn a_timeout_of_zero_succeeds_if_it_can_be_done_now() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let aio = Aio::without_callback();
        aio.set_timeout(Duration::ZERO);
        aio.set_buffer(vec![0; 4]).unwrap();
        other.recv(&aio);
        assert_eq!(received(&aio), Err(Error::TimedOut));
        assert_eq!(send(&one, "x"), Ok(1));
        loop {
            // Over TCP the byte may take a moment.
            aio.set_buffer(vec![0; 4]).unwrap();
            other.recv(&aio);
            match received(&aio) {
                Ok(bytes) => break assert_eq!(bytes, b"x"),
                Err(error) => assert_eq!(error, Error::TimedOut),
            }
        }
    }
}

#[test]
fn a_receive_that_times_out_takes_nothing() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let aio = Aio::without_callback();
        aio.set_timeout(Duration::from_millis(1));
        aio.set_buffer(vec![0; 4]).unwrap();
        other.recv(&aio);
        assert_eq!(received(&aio), Err(Error::TimedOut));
        assert_eq!(aio.count(), 0);
        assert_eq!(send(&one, "later"), Ok(5));
        assert_eq!(recv_exactly(&other, 5), b"later");
    }
}

#[test]
fn receives_are_served_in_order() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let waits: Vec<_> = (0..100).map(|_| start_recv(&other, 1)).collect();
        let bytes: Vec<u8> = (0..100).collect();
        assert_eq!(send(&one, bytes.clone()), Ok(100));
        let all: Vec<u8> = waits.iter().flat_map(|aio| received(aio).unwrap()).collect();
        assert_eq!(all, bytes);
    }
}

#[test]
fn sends_are_served_in_order() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let filled = fill(&one);
        let waits: Vec<_> = (0..50).map(|byte| start_send(&one, vec![byte])).collect();
        assert!(waits.iter().all(Aio::is_busy));
        recv_exactly(&other, filled);
        let bytes: Vec<u8> = (0..50).collect();
        assert_eq!(recv_exactly(&other, 50), bytes);
        assert!(waits.iter().all(|aio| sent(aio) == Ok(1)));
    }
}

#[test]
fn a_send_takes_what_fits_and_says_how_much() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let bytes: Vec<u8> = (0..8 << 20).map(|place: u32| place.to_le_bytes()[2]).collect();
        let count = send(&one, bytes.clone()).unwrap();
        assert!(0 < count && count < bytes.len(), "{count}");
        assert!(recv_exactly(&other, count) == bytes[..count]);
    }
}

#[test]
fn canceling_ends_only_that_one_and_moves_nothing() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let waits: Vec<_> = (0..4).map(|_| start_recv(&other, 1)).collect();
        for (index, error) in [(0, Error::Canceled), (2, Error::Permission)] {
            waits[index].abort(error);
            assert_eq!(received(&waits[index]), Err(error));
        }
        assert!(waits[1].is_busy() && waits[3].is_busy());
        assert_eq!(send(&one, "ab"), Ok(2));
        assert_eq!(received(&waits[1]).unwrap(), b"a");
        assert_eq!(received(&waits[3]).unwrap(), b"b");
    }
}

#[test]
fn canceling_a_send_leaves_the_sequence_of_bytes_intact() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let filled = fill(&one);
        let waits: Vec<_> = (0..3).map(|byte| start_send(&one, vec![byte])).collect();
        waits[0].cancel();
        waits[2].cancel();
        assert_eq!(sent(&waits[0]), Err(Error::Canceled));
        assert_eq!(sent(&waits[2]), Err(Error::Canceled));
        recv_exactly(&other, filled);
        assert_eq!(recv_exactly(&other, 1), [1]);
        assert_eq!(sent(&waits[1]), Ok(1));
    }
}

#[test]
fn the_end_of_the_stream_is_told_every_time_and_sending_goes_on() {
    for kind in Kind::ALL {
        let [one, other] = kind.sockets();
        let runtime = Runtime::global();
        let stream = Stream::from_socket(Socket::from_fd(one), &runtime).unwrap();
        let mut peer = Socket::from_fd(other);
        let waits = [start_recv(&stream, 1), start_recv(&stream, 8), start_recv(&stream, 1)];
        assert_eq!(peer.try_send(&[std::io::IoSlice::new(b"last")]), Ok(4));
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(received(&waits[0]).unwrap(), b"l");
        assert_eq!(received(&waits[1]).unwrap(), b"ast");
        assert_eq!(received(&waits[2]), Err(Error::ConnectionShutdown));
        for _ in 0..3 {
            assert_eq!(recv(&stream, 8), Err(Error::ConnectionShutdown));
        }
        assert_eq!(send(&stream, "still"), Ok(5));
        let mut room = [0; 8];
        while peer.try_recv(&mut room) == Err(Error::Again) {
            std::thread::yield_now();
        }
        assert_eq!(&room[..5], b"still");
    }
}

#[test]
fn closing_ends_what_waits_and_what_comes_later() {
    for kind in Kind::ALL {
        let [one, _other] = kind.pair();
        fill(&one);
        let waits = [start_recv(&one, 1), start_recv(&one, 1), start_send(&one, "x")];
        let clone = one.clone();
        clone.close();
        for aio in &waits {
            assert_eq!(received(aio), Err(Error::Closed));
        }
        assert!(one.is_closed());
        assert_eq!(recv(&one, 1), Err(Error::Closed));
        assert_eq!(recv(&one, 0), Err(Error::Closed));
        assert_eq!(send(&one, "x"), Err(Error::Closed));
        one.close();
    }
}

#[test]
fn dropping_the_last_handle_closes() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let clone = one.clone();
        let waits = start_recv(&one, 1);
        drop(one);
        assert!(waits.is_busy());
        drop(clone);
        assert_eq!(received(&waits), Err(Error::Closed));
        assert_eq!(recv(&other, 1), Err(Error::ConnectionShutdown));
    }
}

#[test]
fn what_was_sent_before_closing_arrives() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let count = send(&one, vec![9; 100_000]).unwrap();
        drop(one);
        assert_eq!(recv_exactly(&other, count), vec![9; count]);
        assert_eq!(recv(&other, 1), Err(Error::ConnectionShutdown));
    }
}

/// Counts the bytes that a callback loop moves.
fn pump(stream: &Stream, total: usize, to: Option<Stream>) -> (Arc<Aio>, mpsc::Receiver<usize>) {
    let (tell, hear) = mpsc::channel();
    let moved = AtomicUsize::new(0);
    let from = stream.clone();
    let aio = Arc::new(Aio::new(move |aio| {
        if aio.outcome().is_err() {
            return support::send(&tell, moved.load(SeqCst));
        }
        let sum = moved.fetch_add(aio.count(), SeqCst) + aio.count();
        if sum >= total {
            return support::send(&tell, sum);
        }
        match &to {
            Some(to) => to.send(aio),
            None => from.recv(aio),
        }
    }));
    (aio, hear)
}

#[test]
fn callbacks_restart_their_own_aio_until_all_is_moved() {
    const TOTAL: usize = 4 << 20;
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let (sender, sent) = pump(&one, TOTAL, Some(one.clone()));
        let (receiver, received) = pump(&other, TOTAL, None);
        sender.set_buffer(vec![1; 4096]).unwrap();
        receiver.set_buffer(vec![0; 4096]).unwrap();
        other.recv(&receiver);
        one.send(&sender);
        assert!(must(&sent) >= TOTAL);
        assert!(must(&received) >= TOTAL);
    }
}

#[test]
fn a_blocked_callback_does_not_hold_up_other_streams_nor_its_own() {
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let (door, (tell, hear)) = (Door::new(), mpsc::channel());
        let blocked = Aio::new({
            let door = Arc::clone(&door);
            move |_| {
                support::send(&tell, ());
                door.pass();
            }
        });
        blocked.set_buffer(vec![0; 1]).unwrap();
        other.recv(&blocked);
        assert_eq!(send(&one, "x"), Ok(1));
        must(&hear);
        for _ in 0..100 {
            assert_eq!(send(&one, "ping"), Ok(4));
            assert_eq!(recv_exactly(&other, 4), b"ping");
            let [one, other] = kind.pair();
            let waits = start_recv(&other, 1);
            assert_eq!(send(&one, "y"), Ok(1));
            assert_eq!(received(&waits).unwrap(), b"y");
        }
        door.open();
    }
}

#[test]
fn two_threads_on_one_stream_lose_and_double_nothing() {
    const EACH: usize = 20_000;
    for kind in Kind::ALL {
        let [one, other] = kind.pair();
        let sum = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        assert_eq!(send(&one, vec![1]), Ok(1));
                    }
                });
                scope.spawn(|| {
                    for _ in 0..EACH {
                        sum.fetch_add(usize::from(recv(&other, 1).unwrap()[0]), SeqCst);
                    }
                });
            }
        });
        assert_eq!(sum.load(SeqCst), 2 * EACH);
    }
}

#[test]
fn the_end_of_the_runtime_closes_its_streams() {
    for kind in Kind::ALL {
        let runtime = Runtime::builder().build().unwrap();
        // The peers are not streams: their end would be seen as the end of the connection.
        let ([one, _peer], [other, _other_peer]) = (kind.sockets(), kind.sockets());
        let [one, other] =
            [one, other].map(|fd| Stream::from_socket(Socket::from_fd(fd), &runtime).unwrap());
        let (tell, hear) = mpsc::channel();
        let aio = runtime.aio(move |aio| support::send(&tell, aio.result()));
        aio.set_buffer(vec![0; 1]).unwrap();
        one.recv(&aio);
        let foreign = start_recv(&other, 1);
        runtime.shutdown();
        assert_eq!(must(&hear), codes::NNG_ECLOSED);
        assert_eq!(received(&foreign), Err(Error::Closed), "also aios of other runtimes");
        assert!(one.is_closed());
        assert_eq!(runtime.stats().sources, 0);
        let [fd, _] = kind.sockets();
        let socket = Socket::from_fd(fd);
        assert_eq!(Stream::from_socket(socket, &runtime).err(), Some(Error::Closed));
    }
}

#[test]
fn an_operation_that_is_aborted_before_it_waits_ends_with_that() {
    for kind in Kind::ALL {
        let [one, _other] = kind.pair();
        let aio = Aio::without_callback();
        aio.set_buffer(vec![0; 1]).unwrap();
        aio.set_expire(std::time::Instant::now());
        one.recv(&aio);
        assert_eq!(received(&aio), Err(Error::TimedOut));
        aio.set_timeout(FOREVER);
        aio.stop();
        one.recv(&aio);
        assert_eq!(aio.result(), codes::NNG_ECANCELED);
        assert!(!aio.is_busy());
    }
}

#[test]
fn a_report_for_a_closed_stream_does_not_reach_the_one_that_got_its_descriptor() {
    for kind in Kind::ALL {
        let runtime = Runtime::builder().build().unwrap();
        for _ in 0..200 {
            let [one, other] = kind.pair_on(&runtime);
            let waits = start_recv(&other, 1);
            let closer = std::thread::spawn(move || drop(other));
            let _ = send(&one, "x");
            drop(one);
            closer.join().unwrap();
            let [one, other] = kind.pair_on(&runtime);
            let fresh = start_recv(&other, 1);
            assert!(fresh.is_busy());
            waits.wait();
            assert_eq!(send(&one, "y"), Ok(1));
            assert_eq!(received(&fresh).unwrap(), b"y");
        }
        assert_eq!(runtime.stats().sources, 0);
    }
}
