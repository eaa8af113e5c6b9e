//! Datagrams under their C names, on this machine.

#[path = "support/c_names.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use nng_oxide::c_names::*;
use support::{must, run, silent, telling};

fn addr(text: &str) -> nng_sockaddr {
    text.parse::<SocketAddr>().expect("it is an address").into()
}

/// A socket, and where it is.
fn open(at: &str) -> (nng_udp, nng_sockaddr) {
    let (mut udp, mut sa) = (None, nng_sockaddr::default());
    assert_eq!(nng_udp_open(&mut udp, &addr(at)), 0);
    let udp = udp.expect("it was made");
    assert_eq!(nng_udp_sockname(&udp, &mut sa), 0);
    (udp, sa)
}

/// Sends a datagram; returns the code and the count.
fn send(udp: &nng_udp, to: &nng_sockaddr, data: impl Into<nng_iov>) -> (i32, usize) {
    let aio = silent();
    assert_eq!(nng_aio_set_input(&aio, 0, Arc::new(to.clone())), 0);
    assert_eq!(nng_aio_set_iov(&aio, vec![data.into()]), 0);
    (run(&aio, |aio| nng_udp_send(udp, aio)), nng_aio_count(&aio))
}

/// An aio with room for so many bytes.
fn room(aio: &nng_aio, size: usize) {
    assert_eq!(nng_aio_set_iov(aio, vec![vec![0; size].into()]), 0);
}

/// Receives a datagram; returns the code, the bytes and who sent them.
fn recv(udp: &nng_udp, size: usize) -> (i32, Vec<u8>, Option<nng_sockaddr>) {
    let aio = silent();
    room(&aio, size);
    let rv = run(&aio, |aio| nng_udp_recv(udp, aio));
    let mut data = aio.take_buffer();
    data.truncate(nng_aio_count(&aio));
    (rv, data, nng_aio_get_output(&aio, 0))
}

#[test]
fn datagrams_go_both_ways_with_their_addresses() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let ((one, here), (other, there)) = (open(at), open(at));
        assert_ne!(here.port(), Some(0));
        assert_eq!(send(&one, &there, "hello"), (0, 5));
        let (rv, data, from) = recv(&other, 20);
        assert_eq!((rv, &*data, from.as_ref()), (0, &b"hello"[..], Some(&here)));
        // Who answers needs to know nothing else.
        assert_eq!(send(&other, &from.expect("it is known"), "hi"), (0, 2));
        assert_eq!(recv(&one, 2), (0, b"hi".to_vec(), Some(there)));
    }
}

#[test]
fn a_datagram_may_be_empty_and_several_pieces_are_one() {
    let (udp, sa) = open("127.0.0.1:0");
    assert_eq!(send(&udp, &sa, ""), (0, 0));
    assert_eq!(recv(&udp, 4), (0, Vec::new(), Some(sa.clone())));

    let aio = silent();
    assert_eq!(nng_aio_set_input(&aio, 0, Arc::new(sa)), 0);
    assert_eq!(nng_aio_set_iov(&aio, vec!["one".into(), "".into(), "two".into()]), 0);
    assert_eq!(run(&aio, |aio| nng_udp_send(&udp, aio)), 0);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0; 2].into(), vec![0; 9].into()]), 0);
    assert_eq!(run(&aio, |aio| nng_udp_recv(&udp, aio)), 0);
    assert_eq!(nng_aio_count(&aio), 6);
    let got = aio.take_buffers();
    let got: Vec<&[u8]> = got.pieces().iter().map(|piece| piece.as_slice()).collect();
    assert_eq!(got.concat(), b"onetwo\0\0\0\0\0");
}

#[test]
fn what_does_not_fit_is_cut_and_told() {
    let (udp, sa) = open("127.0.0.1:0");
    assert_eq!(send(&udp, &sa, "too long"), (0, 8));
    assert_eq!(recv(&udp, 4), (NNG_EMSGSIZE, b"too ".to_vec(), Some(sa.clone())));
    assert_eq!(send(&udp, &sa, "next"), (0, 4));
    assert_eq!(recv(&udp, 4), (0, b"next".to_vec(), Some(sa.clone())), "the rest is lost");
    assert_eq!(send(&udp, &sa, vec![0; 65508]), (NNG_EMSGSIZE, 0));
    assert_eq!(send(&udp, &sa, vec![1; 65507]), (0, 65507));
    assert_eq!(recv(&udp, 1 << 16).1.len(), 65507);
}

#[test]
fn addresses_are_checked_by_open() {
    let (held, sa) = open("127.0.0.1:0");
    let ipc = nng_sockaddr::ipc("/x").expect("it is a path");
    let mut udp = None;
    for (sa, code) in [
        (nng_sockaddr::Unspecified, NNG_EADDRINVAL),
        (ipc, NNG_ENOTSUP),
        (addr("192.0.2.1:0"), NNG_EADDRINVAL),
        (sa.clone(), NNG_EADDRINUSE),
    ] {
        assert_eq!(nng_udp_open(&mut udp, &sa), code, "{sa}");
        assert!(udp.is_none());
    }
    nng_udp_close(held);
    assert_eq!(nng_udp_open(&mut udp, &sa), 0, "it is free again");
    nng_udp_close(udp);
    nng_udp_close(None);
}

#[test]
fn addresses_are_checked_by_send() {
    let (udp, sa) = open("127.0.0.1:0");
    let ipc = nng_sockaddr::ipc("/x").expect("it is a path");
    for (to, code) in [
        (nng_sockaddr::Unspecified, NNG_EADDRINVAL),
        (ipc, NNG_ENOTSUP),
        (addr("[::1]:5"), NNG_ENOTSUP),
        (addr("255.255.255.255:5"), NNG_EPERM),
    ] {
        assert_eq!(send(&udp, &to, "x"), (code, 0), "{to}");
    }
    let aio = silent();
    assert_eq!(nng_aio_set_iov(&aio, vec!["x".into()]), 0);
    assert_eq!(run(&aio, |aio| nng_udp_send(&udp, aio)), NNG_EADDRINVAL, "there is none");
    let inet = sa.to_inet().expect("it is one");
    assert_eq!(nng_aio_set_input(&aio, 0, Arc::new(inet)), 0);
    assert_eq!(run(&aio, |aio| nng_udp_send(&udp, aio)), NNG_EADDRINVAL, "it is of another type");
    assert_eq!(nng_aio_set_input(&aio, 0, Arc::new(sa)), 0);
    assert_eq!(run(&aio, |aio| nng_udp_send(&udp, aio)), 0, "the memory is still there");
}

#[test]
fn a_receive_ends_when_it_is_asked_to() {
    let (udp, sa) = open("127.0.0.1:0");
    let (aio, hear) = telling();
    room(&aio, 4);
    nng_udp_recv(&udp, &aio);
    assert!(nng_aio_busy(&aio));
    nng_aio_cancel(&aio);
    assert_eq!(must(&hear), NNG_ECANCELED);
    nng_aio_wait(&aio);
    assert_eq!(nng_aio_count(&aio), 0);
    assert_eq!(nng_aio_get_output::<nng_sockaddr>(&aio, 0), None);

    for timeout in [0, 5] {
        nng_aio_set_timeout(&aio, timeout);
        assert_eq!(run(&aio, |aio| nng_udp_recv(&udp, aio)), NNG_ETIMEDOUT);
        assert_eq!(must(&hear), NNG_ETIMEDOUT);
    }
    // None of them has taken anything.
    assert_eq!(send(&udp, &sa, "data"), (0, 4));
    nng_aio_set_timeout(&aio, NNG_DURATION_ZERO);
    assert_eq!(run(&aio, |aio| nng_udp_recv(&udp, aio)), 0, "there is no need to wait");
    assert_eq!(aio.take_buffer(), b"data");
}

#[test]
fn receives_are_served_in_order() {
    let (udp, sa) = open("127.0.0.1:0");
    let aios = [silent(), silent(), silent()];
    for aio in &aios {
        room(aio, 1);
        nng_udp_recv(&udp, aio);
    }
    nng_aio_abort(&aios[1], 77);
    for byte in ["a", "b"] {
        assert_eq!(send(&udp, &sa, byte), (0, 1));
    }
    let ended = aios.map(|aio| {
        nng_aio_wait(&aio);
        (nng_aio_result(&aio), aio.take_buffer())
    });
    assert_eq!(ended, [(0, b"a".to_vec()), (77, vec![0]), (0, b"b".to_vec())]);
}

#[test]
fn closing_ends_what_waits_and_refuses_what_comes() {
    let (udp, sa) = open("127.0.0.1:0");
    let kept = udp.clone();
    let (aio, hear) = telling();
    room(&aio, 4);
    nng_udp_recv(&udp, &aio);
    nng_udp_close(udp);
    assert_eq!(must(&hear), NNG_ECLOSED);
    nng_aio_wait(&aio);
    assert_eq!(nng_aio_count(&aio), 0);

    // Another handle is one of a socket that is closed.
    assert_eq!(recv(&kept, 4), (NNG_ECLOSED, vec![], None));
    assert_eq!(send(&kept, &sa, "x"), (NNG_ECLOSED, 0));
    assert_eq!(nng_udp_multicast_membership(&kept, &addr("224.0.0.251:0"), true), NNG_ECLOSED);
    let mut name = nng_sockaddr::Unspecified;
    assert_eq!((nng_udp_sockname(&kept, &mut name), name), (0, sa));
}

#[test]
fn a_callback_may_close_the_socket_of_its_receive() {
    fn close(aio: &nng_aio, (udp, tell): &(nng_udp, std::sync::mpsc::Sender<i32>)) {
        nng_udp_close(udp.clone());
        let _ = tell.send(nng_aio_result(aio));
    }
    let (udp, sa) = open("127.0.0.1:0");
    let (tell, hear) = std::sync::mpsc::channel();
    let mut aio = None;
    assert_eq!(nng_aio_alloc(&mut aio, Some(close), (udp.clone(), tell)), 0);
    let aio = aio.expect("it was made");
    room(&aio, 4);
    nng_udp_recv(&udp, &aio);
    let waiting = silent();
    room(&waiting, 4);
    nng_udp_recv(&udp, &waiting);
    let (other, _) = open("127.0.0.1:0");
    assert_eq!(send(&other, &sa, "x"), (0, 1));
    assert_eq!(must(&hear), 0);
    nng_aio_wait(&waiting);
    assert_eq!(nng_aio_result(&waiting), NNG_ECLOSED);
}

#[test]
fn groups_are_joined_and_left() {
    let (udp, _) = open("127.0.0.1:0");
    let group = addr("224.0.0.251:0");
    for (sa, join, code) in [
        (&group, true, 0),
        (&group, true, NNG_EADDRINUSE),
        (&group, false, 0),
        (&group, false, NNG_EADDRINVAL),
        (&addr("127.0.0.1:0"), true, NNG_EINVAL),
        (&addr("[ff02::1]:0"), true, NNG_EADDRINVAL),
        (&nng_sockaddr::Unspecified, true, NNG_EADDRINVAL),
    ] {
        assert_eq!(nng_udp_multicast_membership(&udp, sa, join), code, "{sa} {join}");
    }
}
