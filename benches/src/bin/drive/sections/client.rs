//! An HTTP client that asks once after the other.

use nng_oxide_benches::Result;

use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::process::figures;
use crate::programs::{HTTP_MIO, HYPER, LIBNNG, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;
use crate::sections::throughput::{CPU, P50, P99, RATE};

const METHOD: &str = "\
One request after the other over one connection that stays open, to the responder of *raw mio* from the \
section on function handlers. nng-oxide and libnng start the next transaction in the callback of the one \
before; hyper's client runs on tokio's current-thread runtime. *CPU µs* is the client's own CPU time per \
request.";

const PROGRAMS: &[(&str, &str, &[&str])] = &[
    (OXIDE, "bench-oxide", &["http-call"]),
    (LIBNNG, "libnng-call", &[]),
    (HYPER, "bench-peer", &["http-call"]),
];

pub fn measure(options: &Options) -> Result<Report> {
    let mut samples = Samples::default();
    let ms = options.duration().as_millis().to_string();
    for _ in 0..options.rounds {
        for placement in PLACEMENTS {
            let _pinned = placement.enter()?;
            for (label, file, role) in PROGRAMS {
                let server = HTTP_MIO.start(&options.programs, &[])?;
                let addr = server.addr.to_string();
                let arguments = [role, ["--addr", &addr, "--ms", &ms].as_slice()].concat();
                let figures = figures(&options.programs.join(file), &arguments)?;
                let figure = |name| figures.get(name).copied().unwrap_or(f64::NAN);
                let case = placement.to_string();
                let requests = figure("round_trips");
                samples.add(&case, label, RATE, requests / options.duration().as_secs_f64());
                samples.add(&case, label, P50, figure("p50_ns") / 1e3);
                samples.add(&case, label, P99, figure("p99_ns") / 1e3);
                samples.add(&case, label, CPU, figure("cpu_ns") / 1e3 / requests);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let mut rows = Vec::new();
    for placement in PLACEMENTS {
        let case = placement.to_string();
        for (label, ..) in PROGRAMS {
            let mut row = vec![format!("{case}, {label}")];
            for figure in [RATE, P50, P99, CPU] {
                row.push(number(samples.median(&case, label, figure)));
            }
            for reference in [LIBNNG, HYPER] {
                row.push(number(samples.ratio(&case, label, reference, RATE)));
            }
            rows.push(row);
        }
    }
    let header = ["", "requests/s", "p50 µs", "p99 µs", "CPU µs", "× libnng", "× hyper"];
    let header = header.map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows });
    let case = Placement::One.to_string();
    for (peer, bound) in [(LIBNNG, 1.5), (HYPER, 0.9)] {
        let ratio = samples.ratio(&case, OXIDE, peer, RATE);
        report.at_least(bound, format!("{case}: requests/s / {peer}"), ratio);
    }
    Ok(report)
}
