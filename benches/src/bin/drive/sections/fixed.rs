//! HTTP answers that are always the same, from handlers which are made for that.

use nng_oxide_benches::Result;

use crate::load;
use crate::options::Options;
use crate::placement::{PLACEMENTS, Placement};
use crate::programs::{
    FIXED_LIBNNG, FIXED_OXIDE, HTTP_HYPER, HTTP_NGINX, HYPER, LIBNNG, NGINX, OXIDE,
};
use crate::report::Report;
use crate::sections::throughput::{Plan, RATE, case};

const PLAN: Plan = Plan {
    programs: &[FIXED_OXIDE, FIXED_LIBNNG, HTTP_HYPER, HTTP_NGINX],
    placements: &PLACEMENTS,
    connections: &[16, 64],
    unit: "requests/s",
    references: &[LIBNNG, HYPER, NGINX],
    shows_client: true,
};

const METHOD: &str = "\
`GET /hello` with keep-alive, by wrk. nng-oxide and libnng answer by a static handler, nginx by \
`return` in its one worker; hyper has no such thing and runs the service of the section on function \
handlers. *client %* is wrk's CPU time: near 100 it is wrk that limits the rate, and what counts is \
the server's CPU time per request.";

pub fn measure(options: &Options) -> Result<Report> {
    let samples = PLAN.measure(options, &[], |server, connections| {
        load::figures(server, connections, options.duration(), &[])
    })?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    for &connections in PLAN.connections {
        let case = case(Placement::One, connections);
        for (peer, bound) in [(LIBNNG, 1.8), (NGINX, 1.0)] {
            let ratio = samples.ratio(&case, OXIDE, peer, RATE);
            report.at_least(bound, format!("{case}: requests/s / {peer}"), ratio);
        }
    }
    Ok(report)
}
