//! Programs in C, the same with both libraries.

use std::fs;
use std::path::Path;

use nng_oxide_benches::Result;

use crate::load;
use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::process::figures;
use crate::programs::{
    C_FIXED_OXIDE, C_HTTP_OXIDE, FIXED_LIBNNG, HTTP_LIBNNG, LIBNNG, OXIDE, Program, relinked,
};
use crate::report::{Report, Table, number};
use crate::samples::Samples;
use crate::sections::throughput::{CPU, P50, P99, RATE, case};

const METHOD: &str = "\
Each program is built once, with the headers and the library of Debian's libnng, and run with that \
library and with ours in its place.

*Round trips*: 64 bytes there and back between two ends of one TCP connection in one process, each by one \
aio whose callback starts it again. *HTTP*: `GET /hello` with keep-alive by wrk, answered by a function or \
a static handler. *Sleeps*: 20 000 that end evenly spread over one second, on one CPU; the lateness that 99 \
of 100 stay within, and CPU time per expiry. *Objects*: allocate a message, append so many bytes, free it; \
allocate an aio, free it; on one CPU.";

/// The kinds of handler and their servers.
const SERVERS: [(&str, [Program; 2]); 2] =
    [("function", [C_HTTP_OXIDE, HTTP_LIBNNG]), ("static", [C_FIXED_OXIDE, FIXED_LIBNNG])];
const CONNECTIONS: [usize; 2] = [16, 64];

const LATE: &str = "late";
const OBJECTS: [&str; 3] = ["msg64_ns", "msg1024_ns", "aio_ns"];
const MICRO: [&str; 3] = ["plain_ns", "armed_ns", "timed_ns"];
const NO_CASE: &str = "";

pub fn measure(options: &Options) -> Result<Report> {
    let mut samples = Samples::default();
    for round in 0..options.rounds {
        eprintln!("  round {}", round + 1);
        for placement in PLACEMENTS {
            let _pinned = placement.enter()?;
            round_trips(options, placement, &mut samples)?;
            http(options, placement, &mut samples)?;
        }
        let _pinned = Placement::One.enter()?;
        alone(options, &mut samples)?;
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    describe(&mut report, &samples);
    set_goals(&mut report, &samples);
    let stripped = fs::metadata(options.programs.join("c/libnng.so.1"))?.len();
    #[expect(clippy::cast_precision_loss, reason = "no library has 2^52 bytes")]
    let mebibytes = stripped as f64 / f64::from(1 << 20);
    report.at_most(4.0, "size of the library, stripped, MiB", mebibytes);
    Ok(report)
}

/// Runs one program to its end with each library; `add` takes the figures of each.
fn with_both(
    programs: &Path,
    file: &str,
    arguments: &[&str],
    mut add: impl FnMut(&'static str, &dyn Fn(&str) -> f64),
) -> Result<()> {
    let (env, more) = relinked(programs, file, arguments);
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let ours = figures(env, &more)?;
    let theirs = figures(&programs.join(file), arguments)?;
    for (label, figures) in [(OXIDE, ours), (LIBNNG, theirs)] {
        add(label, &|name| figures.get(name).copied().unwrap_or(f64::NAN));
    }
    Ok(())
}

fn round_trips(options: &Options, placement: Placement, samples: &mut Samples) -> Result<()> {
    let ms = options.duration().as_millis().to_string();
    let seconds = options.duration().as_secs_f64();
    let case = placement.to_string();
    with_both(&options.programs, "libnng-pair", &["--ms", &ms], |label, figure| {
        let count = figure("round_trips");
        samples.add(&case, label, RATE, count / seconds);
        samples.add(&case, label, P50, figure("p50_ns") / 1e3);
        samples.add(&case, label, P99, figure("p99_ns") / 1e3);
        samples.add(&case, label, CPU, figure("cpu_ns") / 1e3 / count);
    })
}

fn http(options: &Options, placement: Placement, samples: &mut Samples) -> Result<()> {
    for (kind, programs) in SERVERS {
        for connections in CONNECTIONS {
            for program in programs {
                let server = program.start(&options.programs, &[])?;
                let figures = load::figures(&server, connections, options.duration(), &[])?;
                let case = http_case(placement, connections, kind);
                samples.add(&case, program.label, RATE, figures.rate);
                samples.add(&case, program.label, P50, figures.p50_us);
                samples.add(&case, program.label, P99, figures.p99_us);
                samples.add(&case, program.label, CPU, figures.cpu_us);
            }
        }
    }
    Ok(())
}

fn http_case(placement: Placement, connections: usize, kind: &str) -> String {
    format!("{}, {kind}", case(placement, connections))
}

/// What needs no placement but one CPU.
fn alone(options: &Options, samples: &mut Samples) -> Result<()> {
    with_both(&options.programs, "libnng-timers", &["--count", "20000"], |label, figure| {
        samples.add(NO_CASE, label, LATE, figure("late_p99_ms"));
        samples.add(NO_CASE, label, CPU, figure("cpu_us_per_expiry"));
    })?;
    with_both(&options.programs, "libnng-objects", &[], |label, figure| {
        for name in OBJECTS {
            samples.add(NO_CASE, label, name, figure(name));
        }
    })?;
    with_both(&options.programs, "libnng-micro", &[], |label, figure| {
        for name in MICRO {
            samples.add(NO_CASE, label, name, figure(name));
        }
    })
}

fn describe(report: &mut Report, samples: &Samples) {
    let mut cases: Vec<(String, String)> =
        PLACEMENTS.map(|it| (it.to_string(), format!("{it}: round trips"))).into();
    for placement in PLACEMENTS {
        for (kind, _) in SERVERS {
            let http = CONNECTIONS.map(|connections| http_case(placement, connections, kind));
            cases.extend(http.map(|case| (case.clone(), case)));
        }
    }
    let mut rows = Vec::new();
    for (case, shown) in cases {
        for label in [OXIDE, LIBNNG] {
            let mut row = vec![format!("{shown}, {label}")];
            let medians = [RATE, P50, P99, CPU].map(|figure| samples.median(&case, label, figure));
            row.extend(medians.map(number));
            row.push(number(samples.ratio(&case, label, LIBNNG, RATE)));
            rows.push(row);
        }
    }
    let header = ["", "per second", "p50 µs", "p99 µs", "CPU µs", "× libnng"];
    let caption = "Round trips and HTTP".into();
    report.tables.push(Table { caption, header: header.map(Into::into).into(), rows });

    let figures = [
        ("sleeps: p99 lateness, ms", LATE),
        ("sleeps: CPU per expiry, µs", CPU),
        ("message, 64 bytes, ns", OBJECTS[0]),
        ("message, 1 KiB, ns", OBJECTS[1]),
        ("aio, ns", OBJECTS[2]),
        ("begin to callback, plain, ns", MICRO[0]),
        ("begin to callback, armed, ns", MICRO[1]),
        ("begin to callback, timed, ns", MICRO[2]),
    ];
    let rows = figures.map(|(shown, figure)| {
        let medians = [OXIDE, LIBNNG].map(|label| number(samples.median(NO_CASE, label, figure)));
        let ratio = number(samples.ratio(NO_CASE, OXIDE, LIBNNG, figure));
        [vec![shown.to_owned()], medians.into(), vec![ratio]].concat()
    });
    let header = ["", OXIDE, LIBNNG, "× libnng"].map(Into::into).into();
    report.tables.push(Table { caption: "On one CPU".into(), header, rows: rows.into() });
}

fn set_goals(report: &mut Report, samples: &Samples) {
    for placement in PLACEMENTS {
        let case = placement.to_string();
        let ratio = samples.ratio(&case, OXIDE, LIBNNG, P50);
        report.at_most(0.5, format!("{case}: p50 of a round trip / libnng"), ratio);
    }
    for (kind, _) in SERVERS {
        for connections in CONNECTIONS {
            let case = http_case(Placement::One, connections, kind);
            let ratio = samples.ratio(&case, OXIDE, LIBNNG, RATE);
            report.at_least(1.6, format!("{case}: requests/s / libnng"), ratio);
        }
    }
    report.at_most(2.0, "sleeps: p99 lateness, ms", samples.median(NO_CASE, OXIDE, LATE));
    let ratio = samples.ratio(NO_CASE, OXIDE, LIBNNG, CPU);
    report.at_most(0.2, "sleeps: CPU per expiry / libnng", ratio);
    for (shown, figure) in
        [("message of 64 bytes", OBJECTS[0]), ("message of 1 KiB", OBJECTS[1]), ("aio", OBJECTS[2])]
    {
        let ratio = samples.ratio(NO_CASE, OXIDE, LIBNNG, figure);
        report.at_most(1.0, format!("{shown}, made and freed: time / libnng"), ratio);
    }
}
