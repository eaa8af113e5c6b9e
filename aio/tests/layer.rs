//! What lies between a socket and its stream: one that changes every byte, takes little at a time, and
//! lets nothing through before both sides have greeted each other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::any::Any;
use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;
use std::time::Duration;

use nng_aio::net::{Addr, Dialer, Layer, Listener, MakeLayer, Socket, Stream};
use nng_aio::{Aio, Error, Readiness, Runtime};

const LIMIT: Duration = Duration::from_secs(60);
const HELLO: u8 = 0x55;

struct Veil {
    socket: Socket,
    has_greeted: bool,
    was_greeted: bool,
    can_recv: bool,
    can_send: bool,
}

impl Veil {
    fn make() -> MakeLayer {
        Arc::new(|socket, _runtime| {
            let (has_greeted, was_greeted) = (false, false);
            let veil = Self { socket, has_greeted, was_greeted, can_recv: true, can_send: true };
            Ok(Box::new(veil))
        })
    }

    fn greet(&mut self) -> Result<(), Error> {
        if !self.has_greeted {
            self.socket.try_send(&[IoSlice::new(&[HELLO])])?;
            self.has_greeted = true;
        }
        let mut room = [0];
        if !self.was_greeted {
            match self.socket.try_recv(&mut room) {
                Ok(1) => self.was_greeted = true,
                Ok(_) => return Err(Error::ConnectionShutdown),
                Err(error) => {
                    self.can_recv &= error != Error::Again;
                    return Err(error);
                }
            }
            assert_eq!(room, [HELLO]);
        }
        Ok(())
    }
}

impl Layer for Veil {
    fn socket(&self) -> &Socket {
        &self.socket
    }

    fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    fn note_ready(&mut self, readiness: Readiness) {
        self.can_recv |= readiness.readable || readiness.hangup;
        self.can_send |= readiness.writable;
    }

    fn can_recv(&self) -> bool {
        self.can_recv
    }

    fn can_send(&self) -> bool {
        if self.was_greeted { self.can_send } else { self.can_recv }
    }

    fn try_recv(&mut self, room: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
        self.greet()?;
        let Some(piece) = room.iter_mut().find(|piece| !piece.is_empty()) else { return Ok(0) };
        let len = piece.len().min(100);
        let result = self.socket.try_recv(&mut piece[..len]);
        self.can_recv &= result != Err(Error::Again);
        let count = result?;
        piece[..count].iter_mut().for_each(|byte| *byte ^= HELLO);
        Ok(count)
    }

    fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        self.greet()?;
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        let veiled: Vec<u8> = bytes.iter().take(1000).map(|byte| byte ^ HELLO).collect();
        let result = self.socket.try_send(&[IoSlice::new(&veiled)]);
        self.can_send &= result != Err(Error::Again);
        result
    }

    fn close(self: Box<Self>) {
        self.socket.close();
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn connect(runtime: &Runtime) -> (Stream, Stream) {
    let name = format!("nng-aio-layer-{}-{:p}", std::process::id(), runtime);
    let path = std::env::temp_dir().join(name);
    let listener = Listener::ipc(&path).unwrap().on(runtime).with_layer(Veil::make());
    listener.listen().unwrap();
    let dialer = Dialer::ipc(&path).unwrap().on(runtime).with_layer(Veil::make());
    let (dial, accept) = (runtime.aio_without_callback(), runtime.aio_without_callback());
    listener.accept(&accept);
    dialer.dial(&dial);
    dial.wait();
    accept.wait();
    (dial.take_output(0).unwrap(), accept.take_output(0).unwrap())
}

fn with(runtime: &Runtime, buffer: Vec<u8>) -> Aio {
    let aio = runtime.aio_without_callback();
    aio.set_timeout(LIMIT);
    aio.set_buffer(buffer).unwrap();
    aio
}

#[test]
fn operations_of_both_directions_help_each_other() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let (one, other) = connect(&runtime);
    let bytes: Vec<u8> = (0..50_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    std::thread::scope(|scope| {
        for (from, to) in [(&one, &other), (&other, &one)] {
            let (runtime, bytes) = (&runtime, &bytes);
            scope.spawn(move || {
                let mut at = 0;
                while at < bytes.len() {
                    let aio = with(runtime, bytes[at..].to_vec());
                    from.send(&aio);
                    aio.wait();
                    aio.outcome().unwrap();
                    at += aio.count();
                }
            });
            scope.spawn(move || {
                let mut got = Vec::new();
                while got.len() < bytes.len() {
                    let aio = with(runtime, vec![0; 4096]);
                    to.recv(&aio);
                    aio.wait();
                    aio.outcome().unwrap();
                    let count = aio.count();
                    got.extend_from_slice(&aio.take_buffer()[..count]);
                }
                assert!(got == *bytes);
            });
        }
    });
}

#[test]
fn a_send_that_waits_goes_on_when_a_receive_has_made_way() {
    let runtime = Runtime::builder().host_driven().build().unwrap();
    let name = std::env::temp_dir().join(format!("nng-aio-layer-{}-way", std::process::id()));
    let (listener, dialer) = (Listener::ipc(&name).unwrap(), Dialer::ipc(&name).unwrap());
    let listener = listener.on(&runtime).with_layer(Veil::make());
    listener.listen().unwrap();
    let dialer = dialer.on(&runtime).with_layer(Veil::make());
    let (dial, accept) = (runtime.aio_without_callback(), runtime.aio_without_callback());
    listener.accept(&accept);
    dialer.dial(&dial);
    let until = |is_so: &dyn Fn() -> bool| {
        while !is_so() {
            runtime.turn(LIMIT).unwrap();
        }
    };
    until(&|| !dial.is_busy() && !accept.is_busy());
    let (one, other): (Stream, Stream) =
        (dial.take_output(0).unwrap(), accept.take_output(0).unwrap());
    let (send, recv) = (with(&runtime, b"hello".to_vec()), with(&runtime, vec![0; 5]));
    let (back, echo) = (with(&runtime, b"world".to_vec()), with(&runtime, vec![0; 5]));
    one.recv(&echo);
    one.send(&send);
    other.send(&back);
    other.recv(&recv);
    until(&|| [&send, &recv, &back, &echo].iter().all(|aio| !aio.is_busy()));
    assert_eq!((recv.take_buffer(), echo.take_buffer()), (b"hello".to_vec(), b"world".to_vec()));
}

#[test]
fn blocking_calls_and_addresses_and_the_layer_itself_are_there() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let (one, other) = connect(&runtime);
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(other.send_sync(b"hello", LIMIT), Ok(5)));
        let mut room = [0; 9];
        assert_eq!(one.recv_sync(&mut room, LIMIT), Ok(5));
        assert_eq!(&room[..5], b"hello");
    });
    assert_eq!(one.remote_addr(), other.local_addr());
    assert_ne!(one.remote_addr(), Addr::Unspecified);
    let is_veil = one.look_at_layer(|layer| layer.as_any().is::<Veil>());
    assert_eq!(is_veil, Ok(Some(true)));
    one.close();
    assert_eq!(one.look_at_layer(|_| ()), Err(Error::Closed));
    assert_eq!(other.recv_sync(&mut [0], LIMIT), Err(Error::ConnectionShutdown));
}

#[test]
fn a_layer_that_cannot_be_made_ends_the_operation() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let fail: MakeLayer = Arc::new(|_socket, _runtime| Err(Error::Crypto));
    let listener = Listener::tcp("127.0.0.1", "", nng_aio::net::Family::V4).unwrap().on(&runtime);
    let listener = listener.with_layer(Arc::clone(&fail));
    listener.listen().unwrap();
    let dialer = Dialer::new(listener.local_addr()).unwrap().on(&runtime).with_layer(fail);
    let (dial, accept) = (with(&runtime, Vec::new()), with(&runtime, Vec::new()));
    dialer.dial(&dial);
    listener.accept(&accept);
    dial.wait();
    accept.wait();
    assert_eq!((dial.outcome(), accept.outcome()), (Err(Error::Crypto), Err(Error::Crypto)));
}
