//! Requests that come one by one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use nng_oxide_benches::latency::Latencies;
use nng_oxide_benches::{MESSAGE, Result};

use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::process::Server;
use crate::programs::{ECHO_EPOLL, ECHO_LIBNNG, ECHO_OXIDE, EPOLL, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;
use crate::sections::throughput::{CPU, P50, P99, per_request_us};

const PERIOD: Duration = Duration::from_millis(1);

const METHOD: &str = "\
One connection sends 64 bytes at the beginning of every millisecond and waits for the echo. The \
server sleeps before each request, so this shows what waking it costs.";

pub fn measure(options: &Options) -> Result<Report> {
    let programs = [ECHO_OXIDE, ECHO_LIBNNG, ECHO_EPOLL];
    let mut samples = Samples::default();
    for _ in 0..options.rounds {
        for placement in PLACEMENTS {
            let _pinned = placement.enter()?;
            for program in programs {
                let server = program.start(&options.programs, &[])?;
                let (latencies, cpu_us) = load(options, &server)?;
                let case = placement.to_string();
                samples.add(&case, program.label, P50, latencies.quantile_us(0.5));
                samples.add(&case, program.label, P99, latencies.quantile_us(0.99));
                samples.add(&case, program.label, CPU, cpu_us);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let mut rows = Vec::new();
    for placement in PLACEMENTS {
        for program in programs {
            let case = placement.to_string();
            let mut row = vec![format!("{case}, {}", program.label)];
            for figure in [P50, P99, CPU] {
                row.push(number(samples.median(&case, program.label, figure)));
            }
            for figure in [P50, CPU] {
                row.push(number(samples.ratio(&case, program.label, EPOLL, figure)));
            }
            rows.push(row);
        }
    }
    let header = ["", "p50 µs", "p99 µs", "CPU µs", "p50 × raw epoll", "CPU × raw epoll"];
    report.tables.push(Table {
        caption: String::new(),
        header: header.map(Into::into).into(),
        rows,
    });
    let case = Placement::One.to_string();
    let ratio = samples.ratio(&case, OXIDE, EPOLL, P50);
    report.at_most(1.25, format!("{case}: p50 / raw epoll"), ratio);
    let ratio = samples.ratio(&case, OXIDE, EPOLL, CPU);
    report.at_most(1.3, format!("{case}: CPU per request / raw epoll"), ratio);
    Ok(report)
}

/// Answers the latencies and the server's CPU time per request.
fn load(options: &Options, server: &Server) -> Result<(Latencies, f64)> {
    let mut socket = TcpStream::connect(server.addr)?;
    socket.set_nodelay(true)?;
    request_each_period(&mut socket, options.warmup())?;
    let before = server.process.cpu_time()?;
    let latencies = request_each_period(&mut socket, options.duration())?;
    let cpu = server.process.cpu_time()? - before;
    let requests = latencies.count();
    Ok((latencies, per_request_us(cpu, requests)))
}

fn request_each_period(socket: &mut TcpStream, duration: Duration) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let mut message = [0; MESSAGE];
    let start = Instant::now();
    let mut due = start;
    while due - start < duration {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        socket.write_all(&message)?;
        socket.read_exact(&mut message)?;
        latencies.record(began.elapsed());
        due += PERIOD;
    }
    Ok(latencies)
}
