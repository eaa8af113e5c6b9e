//! Datagrams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{SocketAddr, UdpSocket};

use nng_aio::net::{Addr, Udp};
use nng_aio::{Aio, Buffers, Error, Runtime, Timeout};

fn addr(text: &str) -> Addr {
    text.parse::<SocketAddr>().unwrap().into()
}

fn bind(text: &str) -> Udp {
    Udp::bind(&Runtime::global(), &addr(text)).unwrap()
}

fn receive(udp: &Udp, len: usize) -> Aio {
    let aio = Aio::without_callback();
    aio.set_buffer(vec![0; len]).unwrap();
    udp.recv(&aio);
    aio
}

fn send(udp: &Udp, to: &Addr, bytes: impl Into<Buffers>) -> Aio {
    let aio = Aio::without_callback();
    aio.set_buffers(bytes).unwrap();
    udp.send_to(to, &aio);
    aio
}

/// Waits for the end; returns the result and the bytes.
fn bytes(aio: &Aio) -> (Result<(), Error>, Vec<u8>) {
    aio.wait();
    let mut bytes = aio.take_buffer();
    bytes.truncate(aio.count());
    (aio.outcome(), bytes)
}

#[test]
fn each_operation_is_one_datagram_in_order() {
    for place in ["127.0.0.1:0", "[::1]:0"] {
        let (one, other) = (bind(place), bind(place));
        // Some wait before there is anything, some find what came before.
        let early: Vec<Aio> = (0..5).map(|_| receive(&other, 100)).collect();
        let sent: Vec<Aio> =
            (0..10_u8).map(|n| send(&one, &other.local_addr(), vec![n; n.into()])).collect();
        for (n, aio) in sent.iter().enumerate() {
            aio.wait();
            assert_eq!((aio.result(), aio.count()), (0, n));
        }
        let late = (0..5).map(|_| receive(&other, 100));
        for (n, aio) in early.into_iter().chain(late).enumerate() {
            assert_eq!(bytes(&aio), (Ok(()), vec![u8::try_from(n).unwrap(); n]));
            assert_eq!(aio.take_output::<Addr>(0), Some(one.local_addr()));
        }
    }
}

#[test]
fn several_pieces_are_one_datagram() {
    let (one, other) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let pieces = Buffers::from_pieces(vec!["one".into(), "".into(), vec![b'2'; 3].into()]).unwrap();
    let sent = send(&one, &other.local_addr(), pieces);
    let received = Aio::without_callback();
    let room = (0..8).map(|_| vec![0; 1].into()).collect();
    received.set_buffers(Buffers::from_pieces(room).unwrap()).unwrap();
    other.recv(&received);
    received.wait();
    sent.wait();
    assert_eq!((sent.count(), received.count()), (6, 6));
    let got: Vec<u8> = received
        .take_buffers()
        .pieces()
        .iter()
        .flat_map(|piece| piece.as_slice().to_vec())
        .collect();
    assert_eq!(got, b"one222\0\0");
}

#[test]
fn what_does_not_fit_is_told() {
    let (one, other) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let received = receive(&other, 3);
    send(&one, &other.local_addr(), "longer").wait();
    assert_eq!(bytes(&received), (Err(Error::MessageSize), b"lon".to_vec()));
    assert_eq!(received.take_output::<Addr>(0), Some(one.local_addr()));
    let sent = send(&one, &other.local_addr(), vec![0; 1 << 16]);
    sent.wait();
    assert_eq!((sent.outcome(), sent.count()), (Err(Error::MessageSize), 0));
}

#[test]
fn addresses_are_checked() {
    let runtime = Runtime::global();
    let bound = |addr| Udp::bind(&runtime, &addr).err();
    assert_eq!(bound(Addr::Unspecified), Some(Error::AddressInvalid));
    assert_eq!(bound(Addr::ipc("/x").unwrap()), Some(Error::NotSupported));
    assert_eq!(bound(addr("192.0.2.1:0")), Some(Error::AddressInvalid));
    let one = bind("127.0.0.1:0");
    assert_eq!(bound(one.local_addr()), Some(Error::AddressInUse));
    for (to, error) in [
        (Addr::Unspecified, Error::AddressInvalid),
        (Addr::ipc("/x").unwrap(), Error::NotSupported),
        (addr("[::1]:1"), Error::NotSupported),
    ] {
        let sent = send(&one, &to, "x");
        sent.wait();
        assert_eq!(sent.outcome(), Err(error), "{to}");
    }
}

#[test]
fn waiting_ends_early_in_each_way() {
    let udp = bind("127.0.0.1:0");
    let (first, second, third) = (receive(&udp, 1), receive(&udp, 1), receive(&udp, 1));
    second.cancel();
    second.wait();
    assert_eq!(second.outcome(), Err(Error::Canceled));
    assert!(first.is_busy() && third.is_busy());
    let late = Aio::without_callback();
    late.set_timeout(Timeout::from_ms(1));
    udp.recv(&late);
    late.wait();
    assert_eq!(late.outcome(), Err(Error::TimedOut));
    // Those that are left are served in order.
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = udp.local_addr().to_inet().unwrap();
    peer.send_to(b"a", to).unwrap();
    assert_eq!(bytes(&first), (Ok(()), b"a".to_vec()));
    udp.close();
    assert_eq!(bytes(&third), (Err(Error::Closed), Vec::new()));
    let after = receive(&udp, 1);
    after.wait();
    assert_eq!(after.outcome(), Err(Error::Closed));
    assert_eq!(udp.set_membership(&addr("224.0.0.1:0"), true), Err(Error::Closed));
}

#[test]
fn no_time_at_all_is_time_for_what_is_there() {
    let udp = bind("127.0.0.1:0");
    let aio = Aio::without_callback();
    aio.set_buffer(vec![0; 10]).unwrap();
    aio.set_timeout(Timeout::from_ms(0));
    udp.recv(&aio);
    aio.wait();
    assert_eq!(aio.outcome(), Err(Error::TimedOut));
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.send_to(b"there", udp.local_addr().to_inet().unwrap()).unwrap();
    let aio = Aio::without_callback();
    aio.set_buffer(vec![0; 10]).unwrap();
    aio.set_timeout(Timeout::from_ms(0));
    udp.recv(&aio);
    assert_eq!(bytes(&aio), (Ok(()), b"there".to_vec()));
}

#[test]
fn it_closes_with_the_last_clone_and_with_its_runtime() {
    let udp = bind("127.0.0.1:0");
    let (place, clone) = (udp.local_addr(), udp.clone());
    let waiting = receive(&udp, 1);
    drop(udp);
    assert!(waiting.is_busy());
    drop(clone);
    waiting.wait();
    assert_eq!(waiting.outcome(), Err(Error::Closed));
    let runtime = Runtime::builder().build().unwrap();
    let again = Udp::bind(&runtime, &place).unwrap();
    let aio = runtime.aio_without_callback();
    again.recv(&aio);
    runtime.shutdown();
    aio.wait();
    assert_eq!(aio.outcome(), Err(Error::Closed));
}

#[test]
fn groups_are_joined_and_left() {
    let udp = bind("127.0.0.1:0");
    let group = addr("224.0.0.251:0");
    assert_eq!(udp.set_membership(&group, true), Ok(()));
    assert_eq!(udp.set_membership(&group, true), Err(Error::AddressInUse));
    assert_eq!(udp.set_membership(&group, false), Ok(()));
    assert_eq!(udp.set_membership(&group, false), Err(Error::AddressInvalid));
    assert_eq!(udp.set_membership(&addr("127.0.0.1:0"), true), Err(Error::Invalid));
    assert_eq!(udp.set_membership(&addr("[ff02::1]:0"), true), Err(Error::AddressInvalid));
    assert_eq!(udp.set_membership(&Addr::Unspecified, true), Err(Error::AddressInvalid));
}

#[test]
fn two_threads_move_everything() {
    let (one, other) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let to = other.local_addr();
    // Each is answered before the next, so that the system has room for all.
    for round in 0..500_u32 {
        let received = receive(&other, 8);
        let sent = send(&one, &to, round.to_be_bytes().to_vec());
        sent.wait();
        assert_eq!(bytes(&received), (Ok(()), round.to_be_bytes().to_vec()));
    }
}
