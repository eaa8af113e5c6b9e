//! The cost of one operation without any I/O.

use nng_oxide_benches::Result;

use crate::options::Options;
use crate::placement::Placement;
use crate::process::figures;
use crate::programs::{LIBNNG, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;

const METHOD: &str = "\
One aio whose callback starts it again at once; nanoseconds from begin to begin, on one CPU. *Plain*: \
begin and finish. *Armed*: the operation can be cancelled as well. *Timed*: it has a timeout as well.";

const VARIANTS: [&str; 3] = ["plain_ns", "armed_ns", "timed_ns"];
const PROGRAMS: &[(&str, &str, &[&str])] =
    &[(OXIDE, "bench-oxide", &["micro"]), (LIBNNG, "libnng-micro", &[])];

pub fn measure(options: &Options) -> Result<Report> {
    let mut samples = Samples::default();
    let _pinned = Placement::One.enter()?;
    for _ in 0..options.rounds {
        for (label, file, arguments) in PROGRAMS {
            let figures = figures(&options.programs.join(file), arguments)?;
            for variant in VARIANTS {
                let value = figures.get(variant).copied().unwrap_or(f64::NAN);
                samples.add("", label, variant, value);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let rows = PROGRAMS.iter().map(|(label, ..)| {
        let mut row = vec![(*label).to_owned()];
        row.extend(VARIANTS.map(|variant| number(samples.median("", label, variant))));
        row
    });
    let header = ["ns", "plain", "armed", "timed"].map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows: rows.collect() });
    report.at_most(80.0, "begin to callback, armed, ns", samples.median("", OXIDE, "armed_ns"));
    report.at_most(100.0, "begin to callback, timed, ns", samples.median("", OXIDE, "timed_ns"));
    Ok(report)
}
