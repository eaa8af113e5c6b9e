//! HTTP in a closed loop, and the system calls of one request.

use std::time::Duration;

use nng_oxide_benches::Result;

use crate::load::{self, wrk};
use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::programs::{
    HTTP_HYPER, HTTP_LIBNNG, HTTP_MIO, HTTP_NGINX, HTTP_OXIDE, HYPER, LIBNNG, NGINX, OXIDE, Program,
};
use crate::report::{Report, Table, number};
use crate::samples::Samples;
use crate::sections::throughput::{CONNECTIONS, CPU, Plan, RATE, case};
use crate::trace;

const PLAN: Plan = Plan {
    programs: &[HTTP_OXIDE, HTTP_LIBNNG, HTTP_HYPER, HTTP_NGINX, HTTP_MIO],
    placements: &PLACEMENTS,
    connections: &CONNECTIONS,
    unit: "requests/s",
    references: &[LIBNNG, HYPER],
    shows_client: false,
};
const TRACED: &[Program] = &[HTTP_OXIDE, HTTP_HYPER, HTTP_NGINX];

/// The connections with which system calls are counted.
const TRACED_CONNECTIONS: [usize; 2] = [1, 16];

const METHOD: &str = "\
`GET /hello` with keep-alive. nng-oxide and libnng answer by a function handler; hyper runs on \
tokio's current-thread runtime; nginx has one worker and answers by `return`; *raw mio* finds the \
end of the request and sends fixed bytes, without parsing. Above some 220 000 requests/s wrk is the \
limit: compare the CPU time per request.

System calls are counted in a separate run by the kernel's tracepoints; where those are not to be had, \
by strace, under which callbacks look slow and cost more calls.";

pub fn measure(options: &Options) -> Result<Report> {
    let samples = PLAN.measure(options, &[], |server, connections| {
        load::figures(server, connections, options.duration(), &[])
    })?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    set_goals(&mut report, &samples);
    count_calls(&mut report, options)?;
    Ok(report)
}

fn count_calls(report: &mut Report, options: &Options) -> Result<()> {
    let mut rows = Vec::new();
    for connections in TRACED_CONNECTIONS {
        for program in TRACED {
            let server = program.start(&options.programs, &[])?;
            let (counts, wrk) =
                trace::count_at_full_speed(&server.process, &options.programs, || {
                    wrk(server.addr, connections, Duration::from_secs(1), &[])
                })?;
            let per_request = trace::total(&counts) / wrk.requests;
            let calls: Vec<String> = counts
                .iter()
                .filter(|(_, count)| count / wrk.requests >= 0.01)
                .map(|(name, count)| format!("{name} {:.2}", count / wrk.requests))
                .collect();
            let label = program.label;
            rows.push(vec![
                format!("K={connections}, {label}"),
                number(per_request),
                calls.join(", "),
            ]);
            if label == OXIDE {
                let bound = if connections == 1 { 3.0 } else { 2.1 };
                let what = format!("K={connections}: system calls per request");
                report.at_most(bound, what, per_request);
            }
        }
    }
    let header = ["", "calls per request", "which"].map(Into::into).into();
    report.tables.push(Table { caption: "System calls".into(), header, rows });
    Ok(())
}

fn set_goals(report: &mut Report, samples: &Samples) {
    for (connections, of_libnng) in CONNECTIONS.into_iter().zip([2.5, 1.6, 1.5]) {
        let case = case(Placement::One, connections);
        let ratio = samples.ratio(&case, OXIDE, LIBNNG, RATE);
        report.at_least(of_libnng, format!("{case}: requests/s / libnng"), ratio);
        for peer in [HYPER, NGINX] {
            let ratio = samples.ratio(&case, OXIDE, peer, RATE);
            report.at_least(1.0, format!("{case}: requests/s / {peer}"), ratio);
        }
        let ratio = samples.ratio(&case, OXIDE, HYPER, CPU);
        report.at_most(1.0, format!("{case}: CPU per request / hyper"), ratio);
    }
}
