//! HTTP without HTTP: finds the ends of request heads and answers each with the same bytes.
//!
//! The loop around it, [`serve`], also carries the echo peer.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::listen;
use nng_oxide_benches::{BODY, Result};

const LISTENER: Token = Token(0);
const HEAD_END: &[u8] = b"\r\n\r\n";

pub fn run(peer: &Peer) -> Result<()> {
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut buffer = vec![0; peer.buffer];
    let mut replies = Vec::new();
    serve(peer.addr, |socket, head: &mut Vec<u8>| {
        loop {
            let len = match socket.read(&mut buffer) {
                Ok(0) => return false,
                Ok(len) => len,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            replies.clear();
            head.extend_from_slice(&buffer[..len]);
            while let Some(end) = head.windows(HEAD_END.len()).position(|part| part == HEAD_END) {
                head.drain(..end + HEAD_END.len());
                replies.extend_from_slice(response.as_bytes());
            }
            if socket.write_all(&replies).is_err() {
                return false;
            }
            if len < buffer.len() {
                return true;
            }
        }
    })
}

/// Accepts connections and calls `ready` with each that can be read and its state, until `ready`
/// answers false.
pub fn serve<S: Default>(
    addr: SocketAddr,
    mut ready: impl FnMut(&mut TcpStream, &mut S) -> bool,
) -> Result<()> {
    let listener = listen(addr)?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;

    let mut connections = HashMap::new();
    let mut next = LISTENER.0 + 1;
    let mut events = Events::with_capacity(256);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, poll.registry(), &mut connections, &mut next)?;
            } else if let Some((socket, state)) = connections.get_mut(&event.token())
                && !ready(socket, state)
            {
                connections.remove(&event.token());
            }
        }
    }
}

fn accept<S: Default>(
    listener: &TcpListener,
    registry: &Registry,
    connections: &mut HashMap<Token, (TcpStream, S)>,
    next: &mut usize,
) -> Result<()> {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        socket.set_nodelay(true)?;
        registry.register(&mut socket, Token(*next), Interest::READABLE)?;
        connections.insert(Token(*next), (socket, S::default()));
        *next += 1;
    }
}
