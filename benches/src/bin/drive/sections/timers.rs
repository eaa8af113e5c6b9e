//! The cost of a timer that expires.

use nng_oxide_benches::Result;

use crate::options::Options;
use crate::placement::Placement;
use crate::process::figures;
use crate::programs::{LIBNNG, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;

const METHOD: &str = "\
20 000 sleeps that end evenly spread over one second, on one CPU; CPU time of the process from the \
start of the last sleep to the end of the last, per sleep. *Timed wait* is one thread that waits \
with a timeout in milliseconds for the next of a sorted list: the same wake-ups, nothing else.";

const WAIT: &str = "timed wait";
const PROGRAMS: &[(&str, &str, &[&str])] = &[
    (OXIDE, "bench-oxide", &["timers"]),
    (LIBNNG, "libnng-timers", &[]),
    (WAIT, "bench-peer", &["timers"]),
];
const CPU: &str = "cpu_us_per_expiry";
const LATE: &str = "late_ms";

pub fn measure(options: &Options) -> Result<Report> {
    let mut samples = Samples::default();
    let _pinned = Placement::One.enter()?;
    for _ in 0..options.rounds {
        for (label, file, arguments) in PROGRAMS {
            let arguments = [arguments, &["--count", "20000"][..]].concat();
            let figures = figures(&options.programs.join(file), &arguments)?;
            for figure in [CPU, LATE] {
                let value = figures.get(figure).copied().unwrap_or(f64::NAN);
                samples.add("", label, figure, value);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let rows = PROGRAMS.iter().map(|(label, ..)| {
        let mut row = vec![(*label).to_owned()];
        row.extend([CPU, LATE].map(|figure| number(samples.median("", label, figure))));
        row.push(number(samples.ratio("", label, WAIT, CPU)));
        row
    });
    let header = ["", "CPU µs per expiry", "worst lateness ms", "CPU × timed wait"];
    let header = header.map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows: rows.collect() });
    report.at_most(1.3, "CPU per expiry / timed wait", samples.ratio("", OXIDE, WAIT, CPU));
    Ok(report)
}
