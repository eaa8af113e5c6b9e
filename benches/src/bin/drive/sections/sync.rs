//! Synchronous send and receive at both ends.

use nng_oxide_benches::Result;

use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::process::{Server, figures};
use crate::programs::{LIBNNG, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;
use crate::sections::throughput::{P50, P99, RATE};

const METHOD: &str = "\
Two processes exchange 64 bytes over TCP, each with one thread that sends and receives synchronously: \
blocking calls on the bare socket, nng-oxide's synchronous operations, or libnng's aio and wait.";

const RAW: &str = "raw blocking";
const PROGRAMS: &[(&str, &str, &str, &str)] = &[
    (OXIDE, "bench-oxide", "sync-serve", "sync-call"),
    (LIBNNG, "libnng-sync", "serve", "call"),
    (RAW, "bench-peer", "sync-serve", "sync-call"),
];

pub fn measure(options: &Options) -> Result<Report> {
    let mut samples = Samples::default();
    let ms = options.duration().as_millis().to_string();
    for _ in 0..options.rounds {
        for placement in PLACEMENTS {
            let _pinned = placement.enter()?;
            for (label, file, serve, call) in PROGRAMS {
                let program = options.programs.join(file);
                let server = Server::start(&program, &[serve])?;
                let addr = server.addr.to_string();
                let figures = figures(&program, &[call, "--addr", &addr, "--ms", &ms])?;
                let figure = |name| figures.get(name).copied().unwrap_or(f64::NAN);
                let case = placement.to_string();
                let seconds = options.duration().as_secs_f64();
                samples.add(&case, label, RATE, figure("round_trips") / seconds);
                samples.add(&case, label, P50, figure("p50_ns") / 1e3);
                samples.add(&case, label, P99, figure("p99_ns") / 1e3);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let mut rows = Vec::new();
    for placement in PLACEMENTS {
        let case = placement.to_string();
        for (label, ..) in PROGRAMS {
            let mut row = vec![format!("{case}, {label}")];
            for figure in [RATE, P50, P99] {
                row.push(number(samples.median(&case, label, figure)));
            }
            row.push(number(samples.ratio(&case, label, RAW, P50)));
            rows.push(row);
        }
    }
    let header = ["", "round trips/s", "p50 µs", "p99 µs", "p50 × raw"].map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows });
    let case = Placement::One.to_string();
    report.at_most(1.2, format!("{case}: p50 / raw"), samples.ratio(&case, OXIDE, RAW, P50));
    Ok(report)
}
