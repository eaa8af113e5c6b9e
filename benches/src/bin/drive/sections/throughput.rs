//! Cases of the sections that load servers in a closed loop, and their tables and charts.

use std::time::Duration;

use nng_oxide_benches::Result;

use crate::chart::{Chart, Group};
use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::process::Server;
use crate::programs::Program;
use crate::report::{Report, Table, number};
use crate::samples::Samples;

pub const CONNECTIONS: [usize; 3] = [1, 16, 64];

pub const RATE: &str = "rate";
pub const P50: &str = "p50";
pub const P99: &str = "p99";
pub const CPU: &str = "cpu";

/// The figures of one run against one server.
pub struct Figures {
    pub rate: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// CPU time of the server per request.
    pub cpu_us: f64,
}

/// The case's name in samples, tables and charts.
pub fn case(placement: Placement, connections: usize) -> String {
    format!("{placement}, K={connections}")
}

/// Runs `load` in all rounds, for all placements, numbers of connections and programs.
pub fn measure(
    options: &Options,
    programs: &[Program],
    load: impl Fn(&Server, usize) -> Result<Figures>,
) -> Result<Samples> {
    let mut samples = Samples::default();
    for round in 0..options.rounds {
        eprintln!("  round {}", round + 1);
        for placement in PLACEMENTS {
            let _pinned = placement.enter()?;
            for connections in CONNECTIONS {
                for program in programs {
                    let server = program.start(&options.programs, &[])?;
                    let figures = load(&server, connections)?;
                    let case = case(placement, connections);
                    samples.add(&case, program.label, RATE, figures.rate);
                    samples.add(&case, program.label, P50, figures.p50_us);
                    samples.add(&case, program.label, P99, figures.p99_us);
                    samples.add(&case, program.label, CPU, figures.cpu_us);
                }
            }
        }
    }
    Ok(samples)
}

/// Adds one table and two charts per placement.
pub fn describe(
    report: &mut Report,
    samples: &Samples,
    programs: &[Program],
    unit: &'static str,
    references: [&'static str; 2],
) {
    for placement in PLACEMENTS {
        report.tables.push(table(samples, placement, programs, unit, references));
        let short = if placement == Placement::One { "one" } else { "free" };
        for (figure, unit) in [(RATE, unit), (CPU, "CPU of the server per request, µs")] {
            report.charts.push(Chart {
                name: format!("{short}-{figure}"),
                title: format!("{placement}: {unit}"),
                unit,
                groups: groups(samples, placement, programs, figure),
            });
        }
    }
}

fn table(
    samples: &Samples,
    placement: Placement,
    programs: &[Program],
    unit: &str,
    references: [&'static str; 2],
) -> Table {
    let mut header: Vec<String> =
        [placement.to_string().as_str(), unit, "p50 µs", "p99 µs", "CPU µs"].map(Into::into).into();
    header.extend(references.map(|reference| format!("× {reference}")));
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let case = case(placement, connections);
        for program in programs {
            let mut row = vec![format!("K={connections}, {}", program.label)];
            for figure in [RATE, P50, P99, CPU] {
                row.push(number(samples.median(&case, program.label, figure)));
            }
            for reference in references {
                row.push(number(samples.ratio(&case, program.label, reference, RATE)));
            }
            rows.push(row);
        }
    }
    Table { caption: placement.to_string(), header, rows }
}

fn groups(
    samples: &Samples,
    placement: Placement,
    programs: &[Program],
    figure: &'static str,
) -> Vec<Group> {
    let group = |connections: usize| Group {
        label: format!("K={connections}"),
        bars: programs
            .iter()
            .map(|program| {
                let case = case(placement, connections);
                (program.label, samples.median(&case, program.label, figure))
            })
            .collect(),
    };
    CONNECTIONS.into_iter().map(group).collect()
}

/// CPU time per request in microseconds.
#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 requests")]
pub fn per_request_us(cpu: Duration, requests: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / requests as f64
}
