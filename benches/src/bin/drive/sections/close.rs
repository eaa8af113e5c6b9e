//! HTTP without keep-alive: accepting and closing are part of every request.

use nng_oxide_benches::Result;

use crate::load;
use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::programs::{
    HTTP_HYPER, HTTP_LIBNNG, HTTP_NGINX, HTTP_OXIDE, HYPER, LIBNNG, NGINX, OXIDE,
};
use crate::report::Report;
use crate::sections::throughput::{Plan, RATE, case};

const CLIENTS: usize = 16;

const PLAN: Plan = Plan {
    programs: &[HTTP_OXIDE, HTTP_LIBNNG, HTTP_HYPER, HTTP_NGINX],
    placements: &PLACEMENTS,
    connections: &[CLIENTS],
    unit: "requests/s",
    references: &[LIBNNG, HYPER, NGINX],
    shows_client: true,
};

const METHOD: &str = "\
`GET /hello` with `Connection: close`, by wrk: each of K clients connects, asks, reads the response to \
its end and connects anew. The servers answer as in the section on function handlers and close first. \
The latencies begin with the request, when the connection is made; *client %* is wrk's CPU time.";

pub fn measure(options: &Options) -> Result<Report> {
    let samples = PLAN.measure(options, &[], |server, connections| {
        load::figures(server, connections, options.duration(), &["Connection: close"])
    })?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    let case = case(Placement::One, CLIENTS);
    for (peer, bound) in [(LIBNNG, 1.3), (NGINX, 0.9)] {
        let ratio = samples.ratio(&case, OXIDE, peer, RATE);
        report.at_least(bound, format!("{case}: requests/s / {peer}"), ratio);
    }
    Ok(report)
}
