//! What callbacks that block do to everybody else.

use std::time::Duration;

use nng_oxide_benches::Result;

use crate::client::{Blocking, Client};
use crate::options::Options;
use crate::programs::{ECHO_LIBNNG, ECHO_OXIDE, LIBNNG, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;

const METHOD: &str = "\
Sixteen connections echo in a closed loop, placement free. Every 300 ms the callbacks of one \
connection, or of eight at once, sleep for 100 ms. The figures are of the other connections.";

const CONNECTIONS: usize = 16;
const EVERY: Duration = Duration::from_millis(300);

const RATE: &str = "rate";
const P999: &str = "p999";
const WORST: &str = "worst";

pub fn measure(options: &Options) -> Result<Report> {
    let programs = [ECHO_OXIDE, ECHO_LIBNNG];
    let duration = Duration::from_millis(if options.quick { 1000 } else { 2000 });
    let mut samples = Samples::default();
    for _ in 0..options.rounds {
        for lines in [1, 8] {
            for program in programs {
                let server = program.start(&options.programs, &["--block-ms", "100"])?;
                let mut client = Client::connect(server.addr, CONNECTIONS)?;
                client.load(options.warmup(), None)?;
                let outcome = client.load(duration, Some(Blocking { lines, every: EVERY }))?;
                let case = lines.to_string();
                let latencies = outcome.latencies;
                let seconds = outcome.elapsed.as_secs_f64();
                let replies = f64::from(u32::try_from(latencies.count())?);
                samples.add(&case, program.label, RATE, replies / seconds);
                samples.add(&case, program.label, P999, latencies.quantile_us(0.999) / 1e3);
                samples.add(&case, program.label, WORST, latencies.worst_us() / 1e3);
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let mut rows = Vec::new();
    for case in ["1", "8"] {
        for program in [OXIDE, LIBNNG] {
            let mut row = vec![format!("{case} blocked, {program}")];
            for figure in [RATE, P999, WORST] {
                row.push(number(samples.median(case, program, figure)));
            }
            rows.push(row);
        }
    }
    let header = ["", "ops/s of the others", "p99.9 ms", "worst ms"].map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows });
    report.at_most(5.0, "1 blocked: p99.9 of the others, ms", samples.median("1", OXIDE, P999));
    report.at_most(20.0, "8 blocked: worst of the others, ms", samples.median("8", OXIDE, WORST));
    Ok(report)
}
