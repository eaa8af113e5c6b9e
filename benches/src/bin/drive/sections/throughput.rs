//! Cases of the sections that load servers in a closed loop, and their tables and charts.

use std::time::Duration;

use nng_oxide_benches::Result;

use crate::chart::{Chart, Group};
use crate::options::Options;
use crate::placement::Placement;
use crate::process::Server;
use crate::programs::Program;
use crate::report::{Report, Table, number};
use crate::samples::Samples;

pub const CONNECTIONS: [usize; 3] = [1, 16, 64];

pub const RATE: &str = "rate";
pub const P50: &str = "p50";
pub const P99: &str = "p99";
pub const CPU: &str = "cpu";
pub const BUSY: &str = "busy";

/// Which cases a section has.
pub struct Plan {
    pub programs: &'static [Program],
    pub placements: &'static [Placement],
    pub connections: &'static [usize],
    /// What the rate counts, such as `requests/s`.
    pub unit: &'static str,
    /// The programs with which the others' rates are compared.
    pub references: &'static [&'static str],
    /// Whether the tables show how busy the client was.
    pub shows_client: bool,
}

/// The figures of one run against one server.
pub struct Figures {
    pub rate: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// CPU time of the server per request.
    pub cpu_us: f64,
    /// CPU time of the client in percent of the time; at 100 it is what limits the rate. NaN if nobody
    /// looked.
    pub client_percent: f64,
}

/// The case's name in samples, tables and charts.
pub fn case(placement: Placement, connections: usize) -> String {
    format!("{placement}, K={connections}")
}

impl Plan {
    /// Runs `load` in all rounds, for all placements, numbers of connections and programs; `arguments`
    /// go to programs of ours.
    pub fn measure(
        &self,
        options: &Options,
        arguments: &[&str],
        load: impl Fn(&Server, usize) -> Result<Figures>,
    ) -> Result<Samples> {
        let mut samples = Samples::default();
        for round in 0..options.rounds {
            eprintln!("  round {}", round + 1);
            for &placement in self.placements {
                for &connections in self.connections {
                    for program in self.programs {
                        let pinned = placement.enter()?;
                        let server = program.start(&options.programs, arguments)?;
                        pinned.begin_client()?;
                        let figures = load(&server, connections)?;
                        let case = case(placement, connections);
                        samples.add(&case, program.label, RATE, figures.rate);
                        samples.add(&case, program.label, P50, figures.p50_us);
                        samples.add(&case, program.label, P99, figures.p99_us);
                        samples.add(&case, program.label, CPU, figures.cpu_us);
                        samples.add(&case, program.label, BUSY, figures.client_percent);
                    }
                }
            }
        }
        Ok(samples)
    }

    /// Adds one table and two charts per placement.
    pub fn describe(&self, report: &mut Report, samples: &Samples) {
        for &placement in self.placements {
            report.tables.push(self.table(samples, placement));
            let short = match placement {
                Placement::One => "one",
                Placement::Free => "free",
                Placement::Apart => "apart",
            };
            for (figure, unit) in [(RATE, self.unit), (CPU, "CPU of the server per request, µs")] {
                report.charts.push(Chart {
                    name: format!("{short}-{figure}"),
                    title: format!("{placement}: {unit}"),
                    unit,
                    groups: self.groups(samples, placement, figure),
                });
            }
        }
    }

    fn table(&self, samples: &Samples, placement: Placement) -> Table {
        let figures: &[_] =
            if self.shows_client { &[RATE, P50, P99, CPU, BUSY] } else { &[RATE, P50, P99, CPU] };
        let placement_name = placement.to_string();
        let names = [&placement_name, self.unit, "p50 µs", "p99 µs", "CPU µs", "client %"];
        let mut header: Vec<String> =
            names.into_iter().take(1 + figures.len()).map(Into::into).collect();
        header.extend(self.references.iter().map(|reference| format!("× {reference}")));
        let mut rows = Vec::new();
        for &connections in self.connections {
            let case = case(placement, connections);
            for program in self.programs {
                let mut row = vec![format!("K={connections}, {}", program.label)];
                for figure in figures {
                    row.push(number(samples.median(&case, program.label, figure)));
                }
                for reference in self.references {
                    row.push(number(samples.ratio(&case, program.label, reference, RATE)));
                }
                rows.push(row);
            }
        }
        Table { caption: placement_name, header, rows }
    }

    fn groups(&self, samples: &Samples, placement: Placement, figure: &'static str) -> Vec<Group> {
        let group = |&connections: &usize| Group {
            label: format!("K={connections}"),
            bars: self
                .programs
                .iter()
                .map(|program| {
                    let case = case(placement, connections);
                    (program.label, samples.median(&case, program.label, figure))
                })
                .collect(),
        };
        self.connections.iter().map(group).collect()
    }
}

/// CPU time per request in microseconds.
#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 requests")]
pub fn per_request_us(cpu: Duration, requests: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / requests as f64
}
