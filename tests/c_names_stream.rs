//! Byte streams and their options under their C names.

#[path = "support/directory.rs"]
mod directory;
#[path = "support/c_names.rs"]
mod support;

use std::net::{Ipv4Addr, SocketAddrV4};

use nng_oxide::c_names::*;

use directory::Directory;
use support::{run, silent, url};

fn dialer(of: &str) -> nng_stream_dialer {
    let mut dialer = None;
    assert_eq!(nng_stream_dialer_alloc(&mut dialer, of), 0);
    dialer.expect("it was made")
}

fn listener(of: &str) -> nng_stream_listener {
    let mut listener = None;
    assert_eq!(nng_stream_listener_alloc(&mut listener, of), 0);
    listener.expect("it was made")
}

/// The two ends of a connection through a listener that listens.
fn streams(listener: &nng_stream_listener, dialer: &nng_stream_dialer) -> (nng_stream, nng_stream) {
    let (ours, theirs) = (silent(), silent());
    assert_eq!(run(&ours, |aio| nng_stream_dialer_dial(dialer, aio)), 0);
    assert_eq!(run(&theirs, |aio| nng_stream_listener_accept(listener, aio)), 0);
    let end = |aio| nng_aio_get_output::<nng_stream>(aio, 0).expect("it was made");
    (end(&ours), end(&theirs))
}

/// A listener for TCP that listens, and its address as a URL.
fn tcp() -> (nng_stream_listener, String) {
    let listener = listener("tcp://127.0.0.1:0");
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    let mut port = 0;
    assert_eq!(nng_stream_listener_get_int(&listener, NNG_OPT_TCP_BOUND_PORT, &mut port), 0);
    (listener, format!("tcp://127.0.0.1:{port}"))
}

#[test]
fn streams_carry_bytes_until_they_are_closed() {
    let (listener, text) = tcp();
    let mut made = None;
    assert_eq!(nng_stream_dialer_alloc_url(&mut made, &url(&text)), 0);
    let dialer = made.expect("it was made");
    let (ours, theirs) = streams(&listener, &dialer);
    let aio = silent();
    assert_eq!(nng_aio_set_iov(&aio, vec!["hello".into()]), 0);
    assert_eq!(run(&aio, |aio| nng_stream_send(&ours, aio)), 0);
    assert_eq!(nng_aio_count(&aio), 5);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0; 9].into()]), 0);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&theirs, aio)), 0);
    assert_eq!(&aio.take_buffer()[..nng_aio_count(&aio)], b"hello");

    nng_stream_close(&ours);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0; 9].into()]), 0);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&ours, aio)), NNG_ECLOSED);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&theirs, aio)), NNG_ECONNSHUT);
    let kept = theirs.clone();
    nng_stream_free(theirs);
    nng_stream_free(ours);
    nng_stream_free(None);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&kept, aio)), NNG_ECLOSED);
}

#[test]
fn dialers_and_listeners_answer_with_nngs_codes() {
    for (text, of_dialer, of_listener) in [
        ("not a URL", NNG_EINVAL, NNG_EINVAL),
        ("inproc://x", NNG_ENOTSUP, NNG_ENOTSUP),
        ("tcp://", NNG_EADDRINVAL, NNG_EADDRINVAL),
        ("tcp://*:5", NNG_EADDRINVAL, 0),
        ("ipc://", NNG_EADDRINVAL, NNG_EADDRINVAL),
    ] {
        let (mut dialer, mut listener) = (None, None);
        assert_eq!(nng_stream_dialer_alloc(&mut dialer, text), of_dialer, "{text}");
        assert_eq!(dialer.is_some(), of_dialer == 0);
        assert_eq!(nng_stream_listener_alloc(&mut listener, text), of_listener, "{text}");
        assert_eq!(listener.is_some(), of_listener == 0);
    }
    let mut made = None;
    assert_eq!(nng_stream_listener_alloc_url(&mut made, &url("http://h")), NNG_ENOTSUP);
    assert_eq!(nng_stream_listener_alloc_url(&mut made, &url("tcp://127.0.0.1:0")), 0);
    let listener = made.expect("it was made");
    let aio = silent();
    assert_eq!(run(&aio, |aio| nng_stream_listener_accept(&listener, aio)), NNG_ESTATE);
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    assert_eq!(nng_stream_listener_listen(&listener), NNG_ESTATE);
    let mut addr = nng_sockaddr::Unspecified;
    assert_eq!(nng_stream_listener_get_addr(&listener, NNG_OPT_LOCADDR, &mut addr), 0);
    nng_stream_listener_close(&listener);
    assert_eq!(run(&aio, |aio| nng_stream_listener_accept(&listener, aio)), NNG_ECLOSED);
    nng_stream_listener_free(listener);
    nng_stream_listener_free(None);

    let dialer = dialer(&format!("tcp://{}", nng_str_sockaddr(&addr)));
    assert_eq!(run(&aio, |aio| nng_stream_dialer_dial(&dialer, aio)), NNG_ECONNREFUSED);
    assert!(nng_aio_get_output::<nng_stream>(&aio, 0).is_none());
    nng_stream_dialer_close(&dialer);
    assert_eq!(run(&aio, |aio| nng_stream_dialer_dial(&dialer, aio)), NNG_ECLOSED);
    nng_stream_dialer_free(dialer);
    nng_stream_dialer_free(None);
}

#[test]
fn options_are_read_and_set_by_type() {
    let (listener, text) = tcp();
    let dialer = dialer(&text);
    let mut is_on = false;
    assert_eq!(nng_stream_dialer_get_bool(&dialer, NNG_OPT_TCP_NODELAY, &mut is_on), 0);
    assert!(is_on);
    assert_eq!(nng_stream_dialer_set_bool(&dialer, NNG_OPT_TCP_KEEPALIVE, true), 0);
    assert_eq!(nng_stream_listener_set_bool(&listener, NNG_OPT_TCP_NODELAY, false), 0);
    assert_eq!(nng_stream_listener_get_bool(&listener, NNG_OPT_TCP_NODELAY, &mut is_on), 0);
    assert!(!is_on);

    let from = nng_sockaddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
    let mut addr = nng_sockaddr::Unspecified;
    assert_eq!(nng_stream_dialer_set_addr(&dialer, NNG_OPT_LOCADDR, &from), 0);
    assert_eq!(nng_stream_dialer_get_addr(&dialer, NNG_OPT_LOCADDR, &mut addr), 0);
    assert_eq!(addr, from);
    let code = nng_stream_dialer_set_addr(&dialer, NNG_OPT_LOCADDR, &nng_sockaddr::Unspecified);
    assert_eq!(code, NNG_EADDRINVAL);
    assert_eq!(nng_stream_listener_set_addr(&listener, NNG_OPT_LOCADDR, &from), NNG_EREADONLY);

    let (ours, theirs) = streams(&listener, &dialer);
    assert_eq!(nng_stream_get_bool(&ours, NNG_OPT_TCP_KEEPALIVE, &mut is_on), 0);
    assert!(is_on);
    assert_eq!(nng_stream_get_bool(&theirs, NNG_OPT_TCP_NODELAY, &mut is_on), 0);
    assert!(!is_on);
    assert_eq!(nng_stream_set_bool(&theirs, NNG_OPT_TCP_NODELAY, true), 0);
    let mut other = nng_sockaddr::Unspecified;
    assert_eq!(nng_stream_get_addr(&ours, NNG_OPT_LOCADDR, &mut addr), 0);
    assert_eq!(nng_stream_get_addr(&theirs, NNG_OPT_REMADDR, &mut other), 0);
    assert_eq!(addr, other);
    assert_eq!(nng_stream_set_addr(&ours, NNG_OPT_LOCADDR, &from), NNG_EREADONLY);

    // Another type, nothing to read, nothing to set, nothing of that name.
    let mut number = 7;
    let code = nng_stream_listener_get_int(&listener, NNG_OPT_TCP_NODELAY, &mut number);
    assert_eq!((code, number), (NNG_EBADTYPE, 7));
    let code = nng_stream_dialer_get_int(&dialer, NNG_OPT_TCP_BOUND_PORT, &mut number);
    assert_eq!(code, NNG_ENOTSUP);
    assert_eq!(nng_stream_dialer_set_int(&dialer, NNG_OPT_TCP_NODELAY, 1), NNG_EBADTYPE);
    assert_eq!(nng_stream_listener_set_int(&listener, NNG_OPT_TCP_BOUND_PORT, 1), NNG_EREADONLY);
    assert_eq!(nng_stream_get_int(&ours, "no such option", &mut number), NNG_ENOTSUP);
    assert_eq!(nng_stream_set_int(&ours, NNG_OPT_TCP_KEEPALIVE, 1), NNG_EBADTYPE);
}

#[test]
fn unix_sockets_have_options_of_their_own() {
    let directory = Directory::new();
    let text = directory.url("ipc", "s");
    let listener = listener(&text);
    assert_eq!(nng_stream_listener_set_int(&listener, NNG_OPT_IPC_PERMISSIONS, 0o600), 0);
    assert_eq!(nng_stream_listener_set_int(&listener, NNG_OPT_IPC_PERMISSIONS, -1), NNG_EINVAL);
    let mut number = 0;
    let code = nng_stream_listener_get_int(&listener, NNG_OPT_IPC_PERMISSIONS, &mut number);
    assert_eq!(code, NNG_EWRITEONLY);
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    let (ours, theirs) = streams(&listener, &dialer(&text));
    let mut id = 0;
    for end in [&ours, &theirs] {
        assert_eq!(nng_stream_get_uint64(end, NNG_OPT_PEER_PID, &mut id), 0);
        assert_eq!(id, u64::from(std::process::id()));
        assert_eq!(nng_stream_get_uint64(end, NNG_OPT_IPC_PEER_UID, &mut id), 0);
        assert_eq!(nng_stream_get_uint64(end, NNG_OPT_IPC_PEER_GID, &mut id), 0);
    }
    assert_eq!(nng_stream_set_uint64(&ours, NNG_OPT_PEER_UID, 0), NNG_EREADONLY);
}

/// Options of these types exist on other streams only; what is asked for in vain has its code, too.
#[test]
fn types_without_an_option_are_bad_types() {
    let (listener, text) = tcp();
    let dialer = dialer(&text);
    let (stream, _peer) = streams(&listener, &dialer);
    const NAME: &str = NNG_OPT_TCP_KEEPALIVE;
    let (mut ms, mut size, mut number, mut string) = (0, 0, 0, String::new());
    for code in [
        nng_stream_get_ms(&stream, NAME, &mut ms),
        nng_stream_set_ms(&stream, NAME, 1),
        nng_stream_get_size(&stream, NAME, &mut size),
        nng_stream_set_size(&stream, NAME, 1),
        nng_stream_get_string(&stream, NAME, &mut string),
        nng_stream_set_string(&stream, NAME, "yes"),
        nng_stream_dialer_get_ms(&dialer, NAME, &mut ms),
        nng_stream_dialer_set_ms(&dialer, NAME, 1),
        nng_stream_dialer_get_size(&dialer, NAME, &mut size),
        nng_stream_dialer_set_size(&dialer, NAME, 1),
        nng_stream_dialer_get_uint64(&dialer, NAME, &mut number),
        nng_stream_dialer_set_uint64(&dialer, NAME, 1),
        nng_stream_dialer_get_string(&dialer, NAME, &mut string),
        nng_stream_dialer_set_string(&dialer, NAME, "yes"),
        nng_stream_listener_get_ms(&listener, NAME, &mut ms),
        nng_stream_listener_set_ms(&listener, NAME, 1),
        nng_stream_listener_get_size(&listener, NAME, &mut size),
        nng_stream_listener_set_size(&listener, NAME, 1),
        nng_stream_listener_get_uint64(&listener, NAME, &mut number),
        nng_stream_listener_set_uint64(&listener, NAME, 1),
        nng_stream_listener_get_string(&listener, NAME, &mut string),
        nng_stream_listener_set_string(&listener, NAME, "yes"),
    ] {
        assert_eq!(code, NNG_EBADTYPE);
    }
}
