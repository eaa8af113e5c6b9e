//! How connections end: the peer closes, breaks, or goes while operations wait.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use nng_aio::net::{Socket, Stream};
use nng_aio::{Error, Runtime};
use support::streams::{
    Kind, fill, received, recv, recv_exactly, send, sent, start_recv, start_send,
};

/// The other end of a stream, which is none itself.
enum Peer {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Peer {
    fn new(kind: Kind, fd: OwnedFd) -> Self {
        match kind {
            Kind::Tcp => Self::Tcp(fd.into()),
            Kind::Unix => Self::Unix(fd.into()),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let written = match self {
            Self::Tcp(socket) => socket.write_all(bytes),
            Self::Unix(socket) => socket.write_all(bytes),
        };
        written.expect("the stream is there");
    }

    fn read(&mut self, room: &mut [u8]) {
        let read = match self {
            Self::Tcp(socket) => socket.read_exact(room),
            Self::Unix(socket) => socket.read_exact(room),
        };
        read.expect("the stream is there");
    }

    /// Waits until there is something to read, and leaves it there.
    fn peek(&self) {
        match self {
            Self::Tcp(socket) => {
                socket.peek(&mut [0]).expect("the stream is there");
            }
            // What was sent is there already.
            Self::Unix(_) => {}
        }
    }

    /// Breaks the connection: what was sent to this end is not read any more.
    fn break_off(self) {
        self.peek();
    }
}

/// A stream and its peer.
fn stream_and_peer(kind: Kind) -> (Stream, Peer) {
    let [one, other] = kind.sockets();
    let stream = Stream::from_socket(Socket::from_fd(one), &Runtime::global());
    (stream.expect("the runtime goes on"), Peer::new(kind, other))
}

#[test]
fn a_reset_is_told_once_and_then_the_end() {
    for kind in Kind::ALL {
        let (stream, peer) = stream_and_peer(kind);
        assert_eq!(send(&stream, "unread"), Ok(6));
        peer.break_off();
        assert_eq!(recv(&stream, 8), Err(Error::ConnectionReset));
        for _ in 0..3 {
            assert_eq!(recv(&stream, 8), Err(Error::ConnectionShutdown));
            assert_eq!(send(&stream, "x"), Err(Error::Closed));
        }
    }
}

#[test]
fn what_arrived_before_a_reset_is_delivered_to_those_who_wait() {
    for kind in Kind::ALL {
        let (stream, mut peer) = stream_and_peer(kind);
        let waits = [start_recv(&stream, 4), start_recv(&stream, 64), start_recv(&stream, 64)];
        assert_eq!(send(&stream, "unread"), Ok(6));
        peer.write(b"lastwords");
        peer.break_off();
        assert_eq!(received(&waits[0]).unwrap(), b"last");
        assert_eq!(received(&waits[1]).unwrap(), b"words");
        assert_eq!(received(&waits[2]), Err(Error::ConnectionReset));
        assert_eq!(recv(&stream, 1), Err(Error::ConnectionShutdown));
    }
}

#[test]
fn what_arrived_before_a_reset_is_delivered_to_those_who_come_later() {
    for kind in Kind::ALL {
        let (stream, mut peer) = stream_and_peer(kind);
        assert_eq!(send(&stream, "unread"), Ok(6));
        peer.write(b"last");
        peer.break_off();
        assert_eq!(recv_exactly(&stream, 4), b"last");
        assert_eq!(recv(&stream, 1), Err(Error::ConnectionReset));
        assert_eq!(recv(&stream, 1), Err(Error::ConnectionShutdown));
    }
}

#[test]
fn a_reset_ends_receives_and_sends_that_wait() {
    for kind in Kind::ALL {
        let (stream, peer) = stream_and_peer(kind);
        let recvs = [start_recv(&stream, 1), start_recv(&stream, 1)];
        fill(&stream);
        let sends = [start_send(&stream, "x"), start_send(&stream, "y")];
        peer.break_off();
        assert_eq!(received(&recvs[0]), Err(Error::ConnectionReset));
        assert_eq!(received(&recvs[1]), Err(Error::ConnectionShutdown));
        // The reason was told; that the object is closed would not be true.
        assert_eq!(sent(&sends[0]), Err(Error::ConnectionShutdown));
        assert_eq!(sent(&sends[1]), Err(Error::ConnectionShutdown));
        assert!(!stream.is_closed());
    }
}

#[test]
fn a_reset_is_told_to_a_send_if_nobody_receives() {
    for kind in Kind::ALL {
        let (stream, peer) = stream_and_peer(kind);
        fill(&stream);
        let waits = start_send(&stream, "x");
        peer.break_off();
        let reason = match kind {
            Kind::Tcp => Error::ConnectionReset,
            // The system keeps the reason for receivers.
            Kind::Unix => Error::ConnectionShutdown,
        };
        assert_eq!(sent(&waits), Err(reason));
        assert_eq!(send(&stream, "x"), Err(Error::Closed));
    }
}

#[test]
fn sending_to_a_peer_that_has_gone_ends_with_closed() {
    for kind in Kind::ALL {
        let (stream, peer) = stream_and_peer(kind);
        drop(peer);
        // Over TCP the peer's system has to say that nobody reads any more.
        let error = (0..10_000).find_map(|_| send(&stream, "x").err());
        assert_eq!(error, Some(Error::Closed));
        assert_eq!(recv(&stream, 1), Err(Error::ConnectionShutdown));
    }
}

#[test]
fn a_peer_that_goes_ends_receives_that_wait() {
    for kind in Kind::ALL {
        let (stream, peer) = stream_and_peer(kind);
        let waits = [start_recv(&stream, 1), start_recv(&stream, 1)];
        drop(peer);
        for aio in &waits {
            assert_eq!(received(aio), Err(Error::ConnectionShutdown));
        }
    }
}

#[test]
fn data_and_the_end_in_one_report_are_both_seen() {
    for kind in Kind::ALL {
        for _ in 0..200 {
            let (stream, mut peer) = stream_and_peer(kind);
            let waits = start_recv(&stream, 64);
            peer.write(b"data");
            drop(peer);
            assert_eq!(received(&waits).unwrap(), b"data");
            assert_eq!(recv(&stream, 64), Err(Error::ConnectionShutdown));
        }
    }
}

#[test]
fn a_full_read_is_followed_by_the_rest_and_the_end() {
    for kind in Kind::ALL {
        let (stream, mut peer) = stream_and_peer(kind);
        let waits = start_recv(&stream, 2);
        peer.write(b"abcd");
        assert_eq!(received(&waits).unwrap(), b"ab");
        assert_eq!(recv(&stream, 2).unwrap(), b"cd");
        let waits = start_recv(&stream, 2);
        peer.write(b"e");
        assert_eq!(received(&waits).unwrap(), b"e");
        drop(peer);
        assert_eq!(recv(&stream, 2), Err(Error::ConnectionShutdown));
    }
}

#[test]
fn a_peer_that_reads_at_last_lets_sends_go_on() {
    for kind in Kind::ALL {
        let (stream, mut peer) = stream_and_peer(kind);
        for round in 0..5 {
            let filled = fill(&stream);
            let waits = start_send(&stream, vec![round]);
            let mut room = vec![0; filled];
            peer.read(&mut room);
            assert_eq!(sent(&waits), Ok(1));
            let mut byte = [0];
            peer.read(&mut byte);
            assert_eq!(byte, [round]);
        }
    }
}
