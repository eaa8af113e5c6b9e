//! The closed loop: each connection asks again as soon as it is answered.

use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::latency::Latencies;

use super::line::Line;
use super::wire::Wire;
use super::{Outcome, request, wait};

/// Bytes that are read at a time; they stay within the cache.
const ROOM: usize = 256 << 10;

/// Connections that ask for one path.
pub struct Load<W> {
    epoll: Epoll,
    lines: Vec<Asking<W>>,
    request: Vec<u8>,
    room: Vec<u8>,
}

struct Asking<W> {
    line: Line<W>,
    sent: Instant,
}

impl<W: Wire> Load<W> {
    /// Makes so many connections.
    pub fn connect(
        connections: usize,
        path: &str,
        connect: impl Fn() -> Result<W>,
    ) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut lines = Vec::with_capacity(connections);
        for index in 0..connections {
            let line = Line::new(connect()?);
            epoll.add(line.wire.socket(), EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            lines.push(Asking { line, sent: Instant::now() });
        }
        Ok(Self { epoll, lines, request: request(path), room: vec![0; ROOM] })
    }

    /// Asks on every connection, and again with each response until `duration` is over.
    pub fn run(&mut self, duration: Duration) -> Result<Outcome> {
        let cpu = own_cpu_time()?;
        let mut latencies = Latencies::new()?;
        let mut events = [EpollEvent::empty(); 256];
        let start = Instant::now();
        for asking in &mut self.lines {
            asking.sent = Instant::now();
            asking.line.wire.send(&self.request)?;
        }
        let mut in_flight = self.lines.len();
        while in_flight > 0 {
            for event in wait(&self.epoll, &mut events)? {
                let asking = &mut self.lines[usize::try_from(event.data())?];
                if !asking.line.receive(&mut self.room)? {
                    continue;
                }
                let now = Instant::now();
                latencies.record(now - asking.sent);
                if now - start >= duration {
                    in_flight -= 1;
                } else {
                    asking.sent = now;
                    asking.line.wire.send(&self.request)?;
                }
            }
        }
        Ok(Outcome {
            replies: latencies.count(),
            elapsed: start.elapsed(),
            cpu: own_cpu_time()? - cpu,
            latencies,
        })
    }
}
