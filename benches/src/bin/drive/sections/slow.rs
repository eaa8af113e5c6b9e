//! What clients that read slowly do to everybody else.

use std::time::Duration;

use nng_oxide_benches::{FILES, Result};

use crate::fixtures::{self, LARGE};
use crate::options::Options;
use crate::placement::Placement;
use crate::process::Server;
use crate::programs::{HTTP_NGINX, HTTP_OXIDE, NGINX, OXIDE};
use crate::report::{Report, Table, number};
use crate::requests::{self, Plain, Schedule, SlowReaders};
use crate::samples::Samples;
use crate::sections::throughput::{BUSY, CPU, Figures, P50, P99};

const CONNECTIONS: usize = 1000;
const SLOW: [usize; 2] = [0, 100];
/// Requests that begin each millisecond.
const PER_TICK: usize = 5;
/// How long the slow readers' buffers may take to fill.
const SETTLE: Duration = Duration::from_millis(1500);

const METHOD: &str = "\
A thousand connections. One in ten asks for a file of 8 MiB, has room for 16 KiB of it in its socket and \
reads 16 KiB each 50 ms, beginning before the measurement; for comparison, none does. The others ask for \
`/hello`: five requests begin at each millisecond, on one connection after the other, and the latencies \
are theirs, from the millisecond on. The server has a CPU of its own. nginx sends the file by `sendfile`, \
nng-oxide by a directory handler.";

pub fn measure(options: &Options) -> Result<Report> {
    let root = fixtures::make_files(&options.programs)?;
    let programs = [HTTP_OXIDE, HTTP_NGINX];
    let mut samples = Samples::default();
    for _ in 0..options.rounds {
        for slow in SLOW {
            for program in programs {
                let pinned = Placement::Apart.enter()?;
                let server = program.start(&options.programs, &["--root", &root])?;
                pinned.begin_client()?;
                let figures = load(options, &server, slow)?;
                let case = slow.to_string();
                samples.add(&case, program.label, P50, figures.p50_us);
                samples.add(&case, program.label, P99, figures.p99_us);
                samples.add(&case, program.label, CPU, figures.cpu_us);
                samples.add(&case, program.label, BUSY, figures.client_percent);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let mut rows = Vec::new();
    for slow in SLOW {
        let case = slow.to_string();
        for program in programs {
            let mut row = vec![format!("{slow} slow, {}", program.label)];
            for figure in [P50, P99, CPU, BUSY] {
                row.push(number(samples.median(&case, program.label, figure)));
            }
            row.push(number(samples.ratio(&case, program.label, NGINX, P99)));
            rows.push(row);
        }
    }
    let header = ["", "p50 µs", "p99 µs", "CPU µs", "client %", "p99 × nginx"];
    let header = header.map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows });
    for slow in SLOW {
        let ratio = samples.ratio(&slow.to_string(), OXIDE, NGINX, P99);
        report.at_most(2.0, format!("{slow} slow of {CONNECTIONS}: p99 / nginx"), ratio);
    }
    Ok(report)
}

fn load(options: &Options, server: &Server, slow: usize) -> Result<Figures> {
    let connect = || Plain::connect(server.addr);
    let mut schedule = Schedule::connect(CONNECTIONS - slow, "/hello", connect)?;
    let path = format!("{FILES}/{LARGE}");
    let readers = (slow > 0).then(|| SlowReaders::start(server.addr, slow, &path)).transpose()?;
    schedule.run(PER_TICK, SETTLE)?;
    let figures = requests::figures(server, || schedule.run(PER_TICK, 2 * options.duration()))?;
    readers.map_or(Ok(()), SlowReaders::finish)?;
    Ok(figures)
}
