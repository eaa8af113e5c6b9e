//! Streams, listeners and dialers in a host-driven runtime: all of it happens in turns.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails where it is")]

mod support;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use nng_aio::net::{Dialer, Family, Listener, Socket, Stream};
use nng_aio::{Aio, Runtime};
use support::streams::Kind;
use support::{Directory, FOREVER};

fn host() -> Runtime {
    Runtime::builder().host_driven().build().expect("the system has descriptors left")
}

/// Turns until the aio is idle.
fn turn_until_idle(runtime: &Runtime, aio: &Aio) {
    while aio.is_busy() {
        runtime.turn(FOREVER).expect("it is host-driven");
    }
}

fn converse(runtime: &Runtime, listener: &Listener) {
    let [dial, accept] = [runtime.aio(|_| ()), runtime.aio(|_| ())];
    listener.accept(&accept);
    let dialer = Dialer::new(listener.local_addr()).unwrap().on(runtime);
    dialer.dial(&dial);
    turn_until_idle(runtime, &dial);
    turn_until_idle(runtime, &accept);
    let [one, other]: [Stream; 2] = [dial, accept].map(|aio| aio.take_output(0).unwrap());
    let [sends, recvs] = [runtime.aio(|_| ()), runtime.aio(|_| ())];
    recvs.set_buffer(vec![0; 8]).unwrap();
    other.recv(&recvs);
    runtime.turn(Duration::ZERO).unwrap();
    assert!(recvs.is_busy());
    sends.set_buffer(b"ping".to_vec()).unwrap();
    one.send(&sends);
    assert!(sends.is_busy(), "its callback runs in a turn");
    turn_until_idle(runtime, &sends);
    turn_until_idle(runtime, &recvs);
    assert_eq!((recvs.result(), recvs.count()), (0, 4));
    recvs.set_timeout(Duration::from_millis(1));
    recvs.set_buffer(vec![0; 8]).unwrap();
    other.recv(&recvs);
    turn_until_idle(runtime, &recvs);
    assert_eq!(recvs.result(), nng_aio::codes::NNG_ETIMEDOUT);
}

#[test]
fn connections_are_made_and_used_in_turns() {
    let runtime = host();
    let directory = Directory::new();
    let tcp = Listener::tcp("127.0.0.1", "0", Family::Any).unwrap().on(&runtime);
    let ipc = Listener::ipc(directory.join("socket")).unwrap().on(&runtime);
    for listener in [&tcp, &ipc] {
        listener.listen().unwrap();
        for _ in 0..3 {
            converse(&runtime, listener);
        }
    }
    assert_eq!(runtime.stats().threads, 0);
    drop((tcp, ipc));
    assert_eq!(runtime.stats().sources, 0);
}

#[test]
fn a_chain_of_callbacks_echoes_in_turns() {
    let runtime = host();
    let listener = Arc::new(Listener::tcp("127.0.0.1", "0", Family::Any).unwrap().on(&runtime));
    listener.listen().unwrap();
    // Accepts once, then receives and sends by turns on the stream it got.
    let place = Arc::new(nng_aio::sync::Mutex::new((None::<Stream>, false)));
    let server = runtime.aio(move |aio| {
        let mut place = place.lock();
        let (stream, is_received) = &mut *place;
        if aio.result() != 0 {
            return;
        }
        match stream {
            None => *stream = aio.take_output(0),
            Some(_) => *is_received = !*is_received,
        }
        let count = aio.count();
        let mut buffer = aio.take_buffer();
        buffer.resize(if *is_received { count } else { 16 }, 0);
        aio.set_buffer(buffer).expect("it is idle");
        match stream {
            Some(stream) if *is_received => stream.send(aio),
            Some(stream) => stream.recv(aio),
            None => {}
        }
    });
    listener.accept(&server);
    let client = runtime.aio(|_| ());
    Dialer::new(listener.local_addr()).unwrap().on(&runtime).dial(&client);
    turn_until_idle(&runtime, &client);
    let stream: Stream = client.take_output(0).unwrap();
    for round in 0..100_u8 {
        client.set_buffer(vec![round; 4]).unwrap();
        stream.send(&client);
        turn_until_idle(&runtime, &client);
        stream.recv(&client);
        turn_until_idle(&runtime, &client);
        assert_eq!(client.take_buffer(), [round; 4]);
    }
    server.stop();
}

#[test]
fn an_operation_that_comes_while_the_rest_is_put_off_takes_its_place_behind_it() {
    // More than a stream serves in one go.
    const WAITING: u8 = 40;
    for kind in Kind::ALL {
        let runtime = host();
        let [one, other] = kind.pair_on(&runtime);
        let late = Arc::new(runtime.aio(|_| ()));
        late.set_buffer(vec![0]).unwrap();
        let waiting: Vec<_> = (0..WAITING)
            .map(|index| {
                let (stream, late) = (other.clone(), Arc::clone(&late));
                let aio = runtime.aio(move |_| {
                    if index == 0 {
                        stream.recv(&late);
                    }
                });
                aio.set_buffer(vec![0]).unwrap();
                other.recv(&aio);
                aio
            })
            .collect();
        assert_eq!(one.send_sync(&(0..=WAITING).collect::<Vec<_>>(), FOREVER), Ok(41));
        turn_until_idle(&runtime, &waiting[0]);
        turn_until_idle(&runtime, &late);
        assert_eq!(late.take_buffer(), [WAITING]);
        let got: Vec<_> = waiting.iter().flat_map(Aio::take_buffer).collect();
        assert_eq!(got, (0..WAITING).collect::<Vec<_>>());
    }
}

#[test]
fn receives_that_never_end_do_not_hold_up_a_send() {
    let runtime = host();
    let [ours, theirs] = Kind::Unix.sockets();
    let stream = Arc::new(Stream::from_socket(Socket::from_fd(ours), &runtime).unwrap());
    let mut peer = UnixStream::from(theirs);
    peer.set_nonblocking(true).unwrap();
    // More at once than a go has attempts, each asking again.
    let receives: Vec<Aio> = (0..40)
        .map(|_| {
            let again = Arc::downgrade(&stream);
            let aio = runtime.aio(move |aio| {
                let Some(stream) = again.upgrade().filter(|_| aio.result() == 0) else { return };
                aio.set_buffer(vec![0]).unwrap();
                stream.recv(aio);
            });
            aio.set_buffer(vec![0]).unwrap();
            stream.recv(&aio);
            aio
        })
        .collect();
    let sends = runtime.aio(|_| ());
    while !sends.is_busy() {
        sends.set_buffer(vec![7; 1 << 16]).unwrap();
        stream.send(&sends);
        // What was taken at once is called back.
        runtime.turn(Duration::ZERO).unwrap();
    }
    // From now on there is always something to receive, and room to send.
    let mut room = vec![0; 1 << 16];
    for _ in 0..100 {
        let _ = peer.write(&[1; 4096]);
        while peer.read(&mut room).is_ok() {}
        runtime.turn(Duration::ZERO).unwrap();
    }
    assert!(!sends.is_busy());
    drop(receives);
    drop(stream);
}
