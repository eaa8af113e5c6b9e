//! What is measured: one module per section of the report.

mod blocked;
mod c_library;
mod client;
mod close;
mod echo;
mod file;
mod fixed;
mod handshakes;
mod http;
mod https;
mod idle;
mod memory;
mod micro;
mod slow;
mod sparse;
mod sync;
pub mod throughput;
mod timers;

use nng_oxide_benches::Result;

use crate::options::Options;
use crate::report::Report;

/// A section of the report.
pub struct Section {
    /// Its name on the command line and its file's name.
    pub name: &'static str,
    pub title: &'static str,
    pub measure: fn(&Options) -> Result<Report>,
}

const SECTIONS: &[Section] = &[
    Section { name: "echo", title: "TCP echo by callbacks", measure: echo::measure },
    Section { name: "sparse", title: "One request each millisecond", measure: sparse::measure },
    Section { name: "sync", title: "Synchronous round trips", measure: sync::measure },
    Section { name: "http", title: "HTTP by a function handler", measure: http::measure },
    Section { name: "static", title: "HTTP by a static handler", measure: fixed::measure },
    Section { name: "close", title: "A connection for each request", measure: close::measure },
    Section { name: "file", title: "A file from a directory", measure: file::measure },
    Section { name: "https", title: "HTTP over TLS", measure: https::measure },
    Section { name: "handshakes", title: "Handshakes of TLS", measure: handshakes::measure },
    Section { name: "client", title: "HTTP by a client", measure: client::measure },
    Section { name: "slow", title: "Clients that read slowly", measure: slow::measure },
    Section { name: "c", title: "Programs in C", measure: c_library::measure },
    Section { name: "micro", title: "From begin to callback", measure: micro::measure },
    Section { name: "blocked", title: "Callbacks that block", measure: blocked::measure },
    Section { name: "timers", title: "Timers", measure: timers::measure },
    Section { name: "memory", title: "Memory of idle connections", measure: memory::measure },
    Section { name: "idle", title: "An idle runtime", measure: idle::measure },
];

/// All sections, in the order of the report.
pub fn all() -> &'static [Section] {
    SECTIONS
}
