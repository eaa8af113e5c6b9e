//! Requests that begin when their time has come, whatever has become of those before.
//!
//! A tick of a millisecond begins some requests, each on the next connection in turn. A latency counts
//! from the tick, so that one late response shows in all that had to wait for it.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::latency::Latencies;

use super::line::Line;
use super::wire::Wire;
use super::{Outcome, request, wait};

const TICK: Duration = Duration::from_millis(1);
const TIMER: u64 = u64::MAX;
const ROOM: usize = 4096;

/// Many connections, and requests on them in turn.
pub struct Schedule<W> {
    epoll: Epoll,
    timer: TimerFd,
    lines: Vec<Waiting<W>>,
    /// The connection of the next request.
    next: usize,
    request: Vec<u8>,
    room: [u8; ROOM],
}

struct Waiting<W> {
    line: Line<W>,
    /// When its requests were due; the first is in flight, the others wait for it.
    due: VecDeque<Instant>,
}

impl<W: Wire> Schedule<W> {
    /// Makes so many connections.
    pub fn connect(
        connections: usize,
        path: &str,
        connect: impl Fn() -> Result<W>,
    ) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        let mut lines = Vec::with_capacity(connections);
        for index in 0..connections {
            let line = Line::new(connect()?);
            epoll.add(line.wire.socket(), EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            lines.push(Waiting { line, due: VecDeque::new() });
        }
        Ok(Self { epoll, timer, lines, next: 0, request: request(path), room: [0; ROOM] })
    }

    /// Begins `per_tick` requests each millisecond until `duration` is over, and waits for the last.
    pub fn run(&mut self, per_tick: usize, duration: Duration) -> Result<Outcome> {
        let cpu = own_cpu_time()?;
        let mut latencies = Latencies::new()?;
        let mut events = [EpollEvent::empty(); 256];
        let start = Instant::now();
        let mut tick = start;
        let mut in_flight = 0;
        let interval = Expiration::Interval(TimeSpec::from_duration(TICK));
        self.timer.set(interval, TimerSetTimeFlags::empty())?;
        while in_flight > 0 || tick - start < duration {
            for event in wait(&self.epoll, &mut events)? {
                if event.data() == TIMER {
                    self.timer.wait()?;
                } else if self.receive(usize::try_from(event.data())?, &mut latencies)? {
                    in_flight -= 1;
                }
            }
            while tick <= Instant::now() && tick - start < duration {
                for _ in 0..per_tick {
                    self.ask(tick)?;
                }
                in_flight += per_tick;
                tick += TICK;
            }
        }
        self.timer.unset()?;
        Ok(Outcome {
            replies: latencies.count(),
            elapsed: start.elapsed(),
            cpu: own_cpu_time()? - cpu,
            latencies,
        })
    }

    /// Begins a request, or puts it behind the one that its connection waits for.
    fn ask(&mut self, due: Instant) -> Result<()> {
        let count = self.lines.len();
        let waiting = &mut self.lines[self.next];
        self.next = (self.next + 1) % count;
        if waiting.due.is_empty() {
            waiting.line.wire.send(&self.request)?;
        }
        waiting.due.push_back(due);
        Ok(())
    }

    /// Reads what has come; true if a response ends with it.
    fn receive(&mut self, index: usize, latencies: &mut Latencies) -> Result<bool> {
        let waiting = &mut self.lines[index];
        if !waiting.line.receive(&mut self.room)? {
            return Ok(false);
        }
        let due = waiting.due.pop_front().ok_or("the server answers what nobody has asked")?;
        latencies.record(due.elapsed());
        if !waiting.due.is_empty() {
            waiting.line.wire.send(&self.request)?;
        }
        Ok(true)
    }
}
