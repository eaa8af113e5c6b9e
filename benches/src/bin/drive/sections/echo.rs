//! Echo in a closed loop.

use nng_oxide_benches::Result;

use crate::client::Client;
use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::process::Server;
use crate::programs::{ECHO_EPOLL, ECHO_LIBNNG, ECHO_MIO, ECHO_OXIDE, EPOLL, LIBNNG, OXIDE};
use crate::report::Report;
use crate::samples::Samples;
use crate::sections::throughput::{CONNECTIONS, CPU, Figures, Plan, RATE, case, per_request_us};

const PLAN: Plan = Plan {
    programs: &[ECHO_OXIDE, ECHO_LIBNNG, ECHO_MIO, ECHO_EPOLL],
    placements: &PLACEMENTS,
    connections: &CONNECTIONS,
    unit: "ops/s",
    references: &[LIBNNG, EPOLL],
    shows_client: false,
};

const METHOD: &str = "\
Each connection sends 64 bytes and waits for them to come back. nng-oxide and libnng serve with one \
aio per connection whose callback alternates between receive and send; *raw mio* and *raw epoll* \
are loops of one thread without a library on top, the limit of what can be reached.";

pub fn measure(options: &Options) -> Result<Report> {
    let samples =
        PLAN.measure(options, &[], |server, connections| load(options, server, connections))?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    set_goals(&mut report, &samples);
    Ok(report)
}

fn load(options: &Options, server: &Server, connections: usize) -> Result<Figures> {
    let mut client = Client::connect(server.addr, connections)?;
    client.load(options.warmup(), None)?;
    let before = server.process.cpu_time()?;
    let outcome = client.load(options.duration(), None)?;
    let cpu = server.process.cpu_time()? - before;
    Ok(Figures {
        rate: 1e6 / per_request_us(outcome.elapsed, outcome.replies),
        p50_us: outcome.latencies.quantile_us(0.5),
        p99_us: outcome.latencies.quantile_us(0.99),
        cpu_us: per_request_us(cpu, outcome.replies),
        client_percent: f64::NAN,
    })
}

fn set_goals(report: &mut Report, samples: &Samples) {
    for (connections, of_libnng, of_epoll) in [(1, 2.0, 0.93), (16, 1.4, 0.90), (64, 1.25, 0.92)] {
        let case = case(Placement::One, connections);
        let ratio = samples.ratio(&case, OXIDE, LIBNNG, RATE);
        report.at_least(of_libnng, format!("{case}: ops/s / libnng"), ratio);
        let ratio = samples.ratio(&case, OXIDE, EPOLL, RATE);
        report.at_least(of_epoll, format!("{case}: ops/s / raw epoll"), ratio);
    }
    for (connections, of_libnng) in [(16, 2.0), (64, 1.8)] {
        let case = case(Placement::Free, connections);
        let ratio = samples.ratio(&case, OXIDE, LIBNNG, RATE);
        report.at_least(of_libnng, format!("{case}: ops/s / libnng"), ratio);
        let ratio = samples.ratio(&case, OXIDE, EPOLL, RATE);
        report.at_least(0.9, format!("{case}: ops/s / raw epoll"), ratio);
        let ratio = samples.ratio(&case, OXIDE, LIBNNG, CPU);
        report.at_most(0.5, format!("{case}: CPU per op / libnng"), ratio);
    }
}
