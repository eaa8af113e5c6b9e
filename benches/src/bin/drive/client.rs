//! The echo client: one thread, one epoll instance, one request in flight per connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nng_oxide_benches::latency::Latencies;
use nng_oxide_benches::{BLOCK, MESSAGE, Result};

/// How long a server may take for a reply before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to one echo server.
pub struct Client {
    epoll: Epoll,
    lines: Vec<Line>,
}

/// One connection.
struct Line {
    socket: TcpStream,
    /// When the request in flight was sent; `None` when none is.
    sent: Option<Instant>,
    /// How much of its reply has come.
    received: usize,
    /// How many blocking requests it has sent in this load.
    blocked: u32,
}

/// Which connections ask their callbacks to block, and how often.
#[derive(Clone, Copy)]
pub struct Blocking {
    /// The first so many connections.
    pub lines: usize,
    /// All of them at once, and again after this time.
    pub every: Duration,
}

/// What came out of a load.
pub struct Outcome {
    /// Replies on all connections.
    pub replies: u64,
    /// From the first request to the last reply.
    pub elapsed: Duration,
    /// Of the connections that never block.
    pub latencies: Latencies,
}

impl Client {
    /// Connects so many times.
    pub fn connect(addr: SocketAddr, connections: usize) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut lines = Vec::with_capacity(connections);
        for index in 0..connections {
            let socket = TcpStream::connect(addr)?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            lines.push(Line { socket, sent: None, received: 0, blocked: 0 });
        }
        Ok(Self { epoll, lines })
    }

    /// Sends on every connection, and again with each reply until `duration` is over.
    pub fn load(&mut self, duration: Duration, blocking: Option<Blocking>) -> Result<Outcome> {
        let mut outcome =
            Outcome { replies: 0, elapsed: Duration::ZERO, latencies: Latencies::new()? };
        let blocking = blocking.unwrap_or(Blocking { lines: 0, every: duration });
        let mut events = [EpollEvent::empty(); 256];
        let start = Instant::now();
        for line in &mut self.lines {
            line.blocked = 0;
            line.send(0, Instant::now())?;
        }
        let mut in_flight = self.lines.len();
        while in_flight > 0 {
            let ready = self.epoll.wait(&mut events, EpollTimeout::try_from(PATIENCE)?)?;
            if ready == 0 {
                return Err("the server does not answer".into());
            }
            for event in &events[..ready] {
                let index = usize::try_from(event.data())?;
                let line = &mut self.lines[index];
                let Some(sent) = line.receive()? else { continue };
                let now = Instant::now();
                outcome.replies += 1;
                let blocks = index < blocking.lines;
                if !blocks {
                    outcome.latencies.record(now - sent);
                }
                if now - start >= duration {
                    in_flight -= 1;
                } else if blocks && now - start >= blocking.every * (line.blocked + 1) {
                    line.blocked += 1;
                    line.send(BLOCK, now)?;
                } else {
                    line.send(0, now)?;
                }
            }
        }
        outcome.elapsed = start.elapsed();
        Ok(outcome)
    }
}

impl Line {
    fn send(&mut self, first: u8, now: Instant) -> Result<()> {
        let mut message = [0; MESSAGE];
        message[0] = first;
        self.received = 0;
        self.sent = Some(now);
        Ok(self.socket.write_all(&message)?)
    }

    /// Reads what has come; when the reply is whole, answers when its request was sent.
    fn receive(&mut self) -> Result<Option<Instant>> {
        let mut message = [0; MESSAGE];
        match self.socket.read(&mut message[self.received..]) {
            Ok(0) => Err("the server has closed a connection".into()),
            Ok(len) => {
                self.received += len;
                Ok(if self.received == MESSAGE { self.sent.take() } else { None })
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
