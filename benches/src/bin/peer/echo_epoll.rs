//! Echo on one thread: `epoll_wait`, `read`, `write`, and nothing between.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::listen;

/// The token of the listening socket; connections start at 1.
const LISTENER: u64 = 0;

pub fn run(peer: &Peer) -> Result<()> {
    let listener = listen(peer.addr)?;
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;

    let mut connections = HashMap::new();
    let mut next = LISTENER + 1;
    let mut buffer = vec![0; peer.buffer];
    let mut events = [EpollEvent::empty(); 256];
    loop {
        let ready = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        for event in &events[..ready] {
            let token = event.data();
            if token == LISTENER {
                accept(&listener, &epoll, &mut connections, &mut next)?;
            } else if let Some(socket) = connections.get_mut(&token)
                && !echo(socket, &mut buffer)
            {
                connections.remove(&token);
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &Epoll,
    connections: &mut HashMap<u64, TcpStream>,
    next: &mut u64,
) -> Result<()> {
    loop {
        let socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, *next))?;
        connections.insert(*next, socket);
        *next += 1;
    }
}

/// Sends back what has come; false if the connection is to be closed.
fn echo(socket: &mut TcpStream, buffer: &mut [u8]) -> bool {
    match socket.read(buffer) {
        Ok(0) => false,
        Ok(len) => socket.write_all(&buffer[..len]).is_ok(),
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
