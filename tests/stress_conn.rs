//! Connections under threads that race: whoever wins, every operation ends once and no byte is lost.
//!
//! `NNG_STRESS_PERCENT` scales the rounds, 100 by default.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use nng_aio::net::Socket;
use nng_aio::{Aio, Runtime, codes::*};
use nng_oxide::http::{Conn, Response, Shared};
use support::{LIMIT, get, patiently, pattern, with_fields};

fn rounds(full: usize) -> usize {
    let percent = std::env::var("NNG_STRESS_PERCENT").ok().and_then(|text| text.parse().ok());
    (full * percent.unwrap_or(100) / 100).max(1)
}

fn runtime() -> Runtime {
    Runtime::builder().threads(4).build().unwrap()
}

fn pair(runtime: &Runtime) -> (Conn, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.set_write_timeout(Some(LIMIT)).unwrap();
    (Conn::new(runtime, Socket::from_fd(ours.into())).unwrap(), peer)
}

/// What a callback tells: result, count and memory.
type End = (i32, usize, Vec<u8>);

/// An aio that tells how its operations end.
fn telling(runtime: &Runtime, memory: Vec<u8>) -> (Aio, Receiver<End>) {
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| {
        let _ = tell.send((aio.result(), aio.count(), aio.take_buffer()));
    });
    aio.set_buffer(memory).unwrap();
    (aio, hear)
}

/// Waits for the one end of an operation.
fn end_of(aio: &Aio, hear: &Receiver<End>) -> End {
    let end = hear.recv_timeout(LIMIT).expect("it ends in time");
    aio.wait();
    assert!(hear.try_recv().is_err(), "it ends once");
    end
}

fn last_response() -> Response {
    let mut response = with_fields(&[("Connection", "close")]);
    response.set_body("last");
    response
}

#[test]
fn a_read_races_with_its_cancel() {
    let runtime = runtime();
    for _ in 0..rounds(500) {
        let (conn, mut peer) = pair(&runtime);
        let (aio, hear) = telling(&runtime, vec![0; 100]);
        conn.read(&aio);
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                start.wait();
                // It fails if the cancel was first.
                let _ = peer.write_all(b"hello");
            });
            start.wait();
            aio.cancel();
            writer.join().unwrap();
        });
        match end_of(&aio, &hear) {
            (0, count, memory) => {
                assert_eq!(memory[..count], b"hello"[..count]);
                assert!(!conn.is_closed());
            }
            end => {
                assert_eq!((end.0, end.1), (NNG_ECANCELED, 0));
                assert!(conn.is_closed());
            }
        }
    }
}

#[test]
fn a_head_races_with_its_cancel() {
    let runtime = runtime();
    for _ in 0..rounds(500) {
        let (conn, mut peer) = pair(&runtime);
        let message = Shared::<Response>::default();
        let (aio, hear) = telling(&runtime, Vec::new());
        conn.read_res(&message, &aio);
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                start.wait();
                peer.write_all(b"HTTP/1.1 404 No\r\n\r\n").unwrap();
            });
            start.wait();
            aio.cancel();
            writer.join().unwrap();
        });
        let (result, ..) = end_of(&aio, &hear);
        if result != 0 {
            assert_eq!(result, NNG_ECANCELED);
            // The whole head came at once, so nothing of it was taken.
            assert!(!conn.is_closed());
            conn.read_res(&message, &aio);
            assert_eq!(end_of(&aio, &hear).0, 0);
        }
        assert_eq!(message.lock().status(), 404);
    }
}

#[test]
fn a_write_races_with_its_cancel() {
    let runtime = runtime();
    let bytes = pattern(400_000);
    for _ in 0..rounds(200) {
        let (conn, mut peer) = pair(&runtime);
        let (aio, hear) = telling(&runtime, bytes.clone());
        conn.write_all(&aio);
        let start = Barrier::new(2);
        let got = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                start.wait();
                let mut got = vec![0; bytes.len()];
                let mut at = 0;
                while at < got.len() {
                    match patiently(|| peer.read(&mut got[at..])).unwrap() {
                        0 => break,
                        count => at += count,
                    }
                }
                got.truncate(at);
                got
            });
            start.wait();
            aio.cancel();
            reader.join().unwrap()
        });
        let (result, count, _) = end_of(&aio, &hear);
        assert!(got == bytes[..count], "the peer gets what the count says");
        let is_whole = count == bytes.len();
        assert_eq!(result, if is_whole { 0 } else { NNG_ECANCELED });
        assert_eq!(conn.is_closed(), !is_whole);
    }
}

#[test]
fn submissions_race_with_the_closing_write() {
    let runtime = runtime();
    for _ in 0..rounds(200) {
        let (conn, mut peer) = pair(&runtime);
        let start = Barrier::new(4);
        let ends = thread::scope(|scope| {
            let submit = |number: u8| {
                let (conn, runtime, start) = (&conn, &runtime, &start);
                move || {
                    let mut ends = Vec::new();
                    start.wait();
                    for _ in 0..20 {
                        let (aio, hear) = telling(runtime, vec![b'0' + number; 3]);
                        conn.write_all(&aio);
                        ends.push(end_of(&aio, &hear));
                    }
                    ends
                }
            };
            let threads = [1, 2, 3].map(|number| scope.spawn(submit(number)));
            let (aio, hear) = telling(&runtime, Vec::new());
            start.wait();
            conn.write_res(&last_response(), &aio);
            assert_eq!(end_of(&aio, &hear).0, 0);
            threads.map(|thread| thread.join().unwrap())
        });
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        let text = String::from_utf8(got).unwrap();
        assert!(text.ends_with("\r\n\r\nlast"), "nothing follows the closing write: {text}");
        for (number, ends) in ends.iter().enumerate() {
            let written = ends.iter().take_while(|end| end.0 == 0).count();
            assert!(ends[..written].iter().all(|end| end.1 == 3));
            assert!(ends[written..].iter().all(|end| (end.0, end.1) == (NNG_ECLOSED, 0)));
            let piece = format!("{0}{0}{0}", number + 1);
            assert_eq!(text.matches(&piece).count(), written);
        }
    }
}

#[test]
fn everything_races_with_close() {
    let runtime = runtime();
    for _ in 0..rounds(200) {
        let (conn, peer) = pair(&runtime);
        let start = Barrier::new(4);
        thread::scope(|scope| {
            let with = |begin: fn(&Conn, &Aio)| {
                let (conn, runtime, start) = (&conn, &runtime, &start);
                move || {
                    start.wait();
                    let ops: Vec<_> = (0..10)
                        .map(|_| {
                            let op = telling(runtime, vec![b'x'; 50_000]);
                            begin(conn, &op.0);
                            op
                        })
                        .collect();
                    for (aio, hear) in &ops {
                        let (result, ..) = end_of(aio, hear);
                        assert!([0, NNG_ECANCELED, NNG_ECLOSED].contains(&result), "{result}");
                    }
                }
            };
            let read = scope.spawn(with(|conn, aio| conn.read(aio)));
            let write = scope.spawn(with(|conn, aio| conn.write_all(aio)));
            let transact =
                scope.spawn(with(|conn, aio| conn.transact(&get("/"), &Shared::default(), aio)));
            start.wait();
            conn.close();
            for thread in [read, write, transact] {
                thread.join().unwrap();
            }
        });
        assert!(conn.is_closed());
        drop(peer);
    }
}

#[test]
fn everything_races_with_the_end_of_the_runtime() {
    for _ in 0..rounds(50) {
        let runtime = runtime();
        let (conn, peer) = pair(&runtime);
        let start = Barrier::new(3);
        thread::scope(|scope| {
            let with = |begin: fn(&Conn, &Aio)| {
                let (conn, runtime, start) = (&conn, runtime.unowned(), &start);
                move || {
                    start.wait();
                    for _ in 0..10 {
                        let (aio, hear) = telling(&runtime, vec![b'x'; 50_000]);
                        begin(conn, &aio);
                        aio.wait();
                        // An aio that the end has stopped refuses without a callback.
                        if let Ok((result, ..)) = hear.try_recv() {
                            assert!([0, NNG_ECANCELED, NNG_ECLOSED].contains(&result), "{result}");
                        }
                        assert!(hear.try_recv().is_err(), "it ends once");
                    }
                }
            };
            let read = scope.spawn(with(|conn, aio| conn.read(aio)));
            let write = scope.spawn(with(|conn, aio| conn.write_all(aio)));
            start.wait();
            runtime.shutdown();
            for thread in [read, write] {
                thread.join().unwrap();
            }
        });
        assert!(conn.is_closed());
        drop(peer);
    }
}

#[test]
fn two_connections_exchange_many_messages() {
    let runtime = runtime();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let conn = |socket: UnixStream| Conn::new(&runtime, Socket::from_fd(socket.into())).unwrap();
    let (client, server) = (conn(ours), conn(theirs));
    let count = rounds(2000);
    let serving = thread::spawn({
        let (server, runtime) = (server.clone(), runtime.clone());
        move || {
            let request = Shared::default();
            let (aio, hear) = telling(&runtime, Vec::new());
            for number in 0..count {
                server.read_req(&request, &aio);
                assert_eq!(end_of(&aio, &hear).0, 0);
                let mut response = Response::new();
                response.set_body(pattern(number * 7 % 9000));
                server.write_res(&response, &aio);
                assert_eq!(end_of(&aio, &hear).0, 0);
            }
        }
    });
    let response = Shared::default();
    let (aio, hear) = telling(&runtime, Vec::new());
    for number in 0..count {
        client.transact(&get("/"), &response, &aio);
        assert_eq!(end_of(&aio, &hear).0, 0);
        assert!(response.lock().body() == pattern(number * 7 % 9000));
    }
    serving.join().unwrap();
}
