//! Connections that are made, shake hands, and end.
//!
//! ```text
//!   connect --> handshake --> close_notify, end of the stream --> the server's end --> connect
//!   |------ its latency -----|                                        counted here
//! ```

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::latency::Latencies;
use rustls::ClientConfig;

use super::secure::Secure;
use super::wire::Wire;
use super::{Outcome, wait};

/// One connection on its way.
struct Visit {
    secure: Secure,
    began: Instant,
    /// Whether the handshake is over and the client has said its last.
    is_leaving: bool,
}

/// Keeps so many connections on their way until `duration` is over.
pub fn shake_hands(
    addr: SocketAddr,
    config: &Arc<ClientConfig>,
    connections: usize,
    duration: Duration,
) -> Result<Outcome> {
    let cpu = own_cpu_time()?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut latencies = Latencies::new()?;
    let mut events = [EpollEvent::empty(); 256];
    let start = Instant::now();
    let mut visits = Vec::with_capacity(connections);
    for index in 0..connections {
        visits.push(Visit::begin(addr, config, &epoll, index)?);
    }
    let mut replies = 0;
    let mut under_way = visits.len();
    while under_way > 0 {
        for event in wait(&epoll, &mut events)? {
            let index = usize::try_from(event.data())?;
            let visit = &mut visits[index];
            if !visit.go_on(&mut latencies)? {
                continue;
            }
            replies += 1;
            if start.elapsed() < duration {
                *visit = Visit::begin(addr, config, &epoll, index)?;
            } else {
                epoll.delete(visit.secure.socket())?;
                under_way -= 1;
            }
        }
    }
    Ok(Outcome { replies, elapsed: start.elapsed(), cpu: own_cpu_time()? - cpu, latencies })
}

impl Visit {
    fn begin(
        addr: SocketAddr,
        config: &Arc<ClientConfig>,
        epoll: &Epoll,
        index: usize,
    ) -> Result<Self> {
        let began = Instant::now();
        let mut secure = Secure::dial(addr, config)?;
        secure.never_wait()?;
        secure.flush()?;
        epoll.add(secure.socket(), EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        Ok(Self { secure, began, is_leaving: false })
    }

    /// Takes what has come; true if that was the server's end.
    fn go_on(&mut self, latencies: &mut Latencies) -> Result<bool> {
        let mut room = [0; 64];
        let received = self.secure.receive(&mut room);
        if !self.is_leaving && !self.secure.is_handshaking() {
            latencies.record(self.began.elapsed());
            self.secure.end()?;
            self.is_leaving = true;
        }
        match received {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            // A server that closes before it has read the client's last resets the connection.
            Err(error) if self.is_leaving && error.kind() == ErrorKind::ConnectionReset => Ok(true),
            Err(error) => Err(error.into()),
            Ok(0) if self.is_leaving => Ok(true),
            Ok(_) => Err("the server speaks or ends without being asked".into()),
        }
    }
}
