//! A server in the test's hands: it answers byte for byte what the test says, and only when it says
//! so.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;

use nng_oxide::Url;

use super::client::is_reset;
use super::{LIMIT, patiently};

/// Where clients connect to.
pub(crate) struct Host {
    listener: TcpListener,
}

/// The server's end of a connection.
pub(crate) struct Peer {
    stream: TcpStream,
}

impl Host {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("the system can do that");
        Self { listener }
    }

    /// Host and port.
    pub(crate) fn name(&self) -> String {
        self.listener.local_addr().expect("it is bound").to_string()
    }

    pub(crate) fn url(&self, target: &str) -> Url {
        format!("http://{}{target}", self.name()).parse().expect("it is a URL")
    }

    /// Waits for the next connection.
    pub(crate) fn accept(&self) -> Peer {
        let began = Instant::now();
        loop {
            if let Some(peer) = self.try_accept() {
                return peer;
            }
            assert!(began.elapsed() < LIMIT, "somebody connects in time");
            std::thread::yield_now();
        }
    }

    /// Takes a connection, if there is any.
    pub(crate) fn try_accept(&self) -> Option<Peer> {
        let (stream, _) = match self.listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            accepted => accepted.expect("it listens"),
        };
        stream.set_nonblocking(false).expect("the system can do that");
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream.set_read_timeout(Some(LIMIT)).expect("the limit is above zero");
        stream.set_write_timeout(Some(LIMIT)).expect("the limit is above zero");
        Some(Peer { stream })
    }
}

impl Peer {
    /// Receives a head, up to and including the empty line.
    pub(crate) fn head(&mut self) -> String {
        super::server::read_until(&mut self.stream, "\r\n\r\n")
    }

    /// Receives and drops what has come; `false` if the client has gone, whichever way.
    pub(crate) fn is_there(&mut self) -> bool {
        match patiently(|| self.stream.read(&mut [0; 4096])) {
            Ok(count) => count > 0,
            Err(error) => {
                assert!(is_reset(&error), "something comes in time: {error}");
                false
            }
        }
    }

    /// Receives so many bytes.
    pub(crate) fn receive(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).expect("all of it comes");
        bytes
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the client takes it");
    }

    /// Sends until the client has gone, or `count` times.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>, count: usize) {
        for _ in 0..count {
            match self.stream.write_all(bytes.as_ref()) {
                Ok(()) => {}
                Err(error) if is_reset(&error) => return,
                Err(error) => panic!("the client takes nothing: {error}"),
            }
        }
    }

    /// Receives a head and answers with `fields`, which are whole lines, and a body.
    pub(crate) fn answer(&mut self, status: u16, fields: &str, body: &str) -> String {
        let head = self.head();
        let len = body.len();
        self.send(format!("HTTP/1.1 {status} x\r\nContent-Length: {len}\r\n{fields}\r\n{body}"));
        head
    }

    /// Sends nothing more.
    pub(crate) fn end_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Goes away with something unread, which resets the connection.
    pub(crate) fn reset(mut self) {
        // One byte of several: the next one is there when this one is.
        self.receive(1);
    }

    /// The client ends the connection, whichever way, and sends nothing more.
    pub(crate) fn expect_end(mut self) {
        let mut room = [0; 1024];
        match patiently(|| self.stream.read(&mut room)) {
            Ok(0) => {}
            Ok(count) => panic!("too much: {:?}", String::from_utf8_lossy(&room[..count])),
            Err(error) => assert!(is_reset(&error), "the end comes in time: {error}"),
        }
    }

    /// The client ends the connection, whichever way, whatever it sends before.
    pub(crate) fn wait_for_end(mut self) {
        let mut room = [0; 64 << 10];
        loop {
            match patiently(|| self.stream.read(&mut room)) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => return assert!(is_reset(&error), "the end comes in time: {error}"),
            }
        }
    }
}
