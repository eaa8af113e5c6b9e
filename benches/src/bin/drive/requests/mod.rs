//! Loads of HTTP requests that wrk does not make: large bodies, TLS, requests on time, slow readers.
//!
//! | module | what it answers |
//! |---|---|
//! | `meter` | where a response ends |
//! | `wire` | how bytes go to a server and come back, without waiting |
//! | `secure` | the same through TLS |
//! | `line` | a connection and the response it waits for |
//! | `closed` | K connections, each of which asks again as soon as it is answered |
//! | `paced` | many connections on which requests begin when their time has come |
//! | `handshakes` | connections that end when their handshake has |
//! | `slow_readers` | connections that ask for much and read little of it |
//!
//! Everything but the slow readers is one thread with one epoll instance, which is the driver's own:
//! its CPU time is the client's.

mod closed;
mod handshakes;
mod line;
mod meter;
mod paced;
mod secure;
mod slow_readers;
mod wire;

use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollEvent, EpollTimeout};
use nng_oxide_benches::Result;
use nng_oxide_benches::latency::Latencies;

pub use closed::Load;
pub use handshakes::shake_hands;
pub use paced::Schedule;
pub use secure::{Secure, configuration};
pub use slow_readers::SlowReaders;
pub use wire::Plain;

use crate::process::Server;
use crate::sections::throughput::{Figures, per_request_us};

/// How long a server may take for anything before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came out of a load.
pub struct Outcome {
    /// Whole responses on all connections, or whole connections.
    pub replies: u64,
    /// From the first request to the last reply.
    pub elapsed: Duration,
    /// CPU time of the client.
    pub cpu: Duration,
    pub latencies: Latencies,
}

/// Puts a server under a load and looks at the CPU time that it takes meanwhile.
pub fn figures(server: &Server, load: impl FnOnce() -> Result<Outcome>) -> Result<Figures> {
    let before = server.process.cpu_time()?;
    let outcome = load()?;
    let cpu = server.process.cpu_time()? - before;
    Ok(Figures {
        rate: 1e6 / per_request_us(outcome.elapsed, outcome.replies),
        p50_us: outcome.latencies.quantile_us(0.5),
        p99_us: outcome.latencies.quantile_us(0.99),
        cpu_us: per_request_us(cpu, outcome.replies),
        client_percent: 100.0 * outcome.cpu.as_secs_f64() / outcome.elapsed.as_secs_f64(),
    })
}

/// The request for a path.
fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// Waits until something is ready.
fn wait<'a>(epoll: &Epoll, events: &'a mut [EpollEvent]) -> Result<&'a [EpollEvent]> {
    let ready = epoll.wait(events, EpollTimeout::try_from(PATIENCE)?)?;
    if ready == 0 {
        return Err("the server does not answer".into());
    }
    Ok(&events[..ready])
}
