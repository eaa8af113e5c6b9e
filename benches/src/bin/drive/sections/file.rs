//! A file from a directory.

use nng_oxide_benches::{FILES, Result};

use crate::fixtures::{self, MEBIBYTE};
use crate::options::Options;
use crate::placement::Placement;
use crate::programs::{HTTP_LIBNNG, HTTP_NGINX, HTTP_OXIDE, LIBNNG, NGINX, OXIDE};
use crate::report::Report;
use crate::requests::{self, Load, Plain};
use crate::sections::throughput::{Plan, RATE, case};

const CLIENTS: usize = 8;

const PLAN: Plan = Plan {
    programs: &[HTTP_OXIDE, HTTP_LIBNNG, HTTP_NGINX],
    placements: &[Placement::One, Placement::Apart],
    connections: &[CLIENTS],
    unit: "MiB/s",
    references: &[LIBNNG, NGINX],
    shows_client: true,
};

const METHOD: &str = "\
A file of 1 MiB, again and again, over K connections that stay open; one request is one MiB. \
nng-oxide and libnng serve it by a directory handler, nginx by `sendfile` with `tcp_nopush`. The client \
reads every byte, up to 256 KiB at a time, into the same memory. *Apart*, the server has a CPU of its \
own; *client %* near 100 says that it is the client that limits the rate, and what counts is the \
server's CPU time.";

pub fn measure(options: &Options) -> Result<Report> {
    let root = fixtures::make_files(&options.programs)?;
    let path = format!("{FILES}/{MEBIBYTE}");
    let samples = PLAN.measure(options, &["--root", &root], |server, connections| {
        let mut load = Load::connect(connections, &path, || Plain::connect(server.addr))?;
        load.run(options.warmup())?;
        requests::figures(server, || load.run(options.duration()))
    })?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    for &placement in PLAN.placements {
        let case = case(placement, CLIENTS);
        let ratio = samples.ratio(&case, OXIDE, NGINX, RATE);
        report.at_least(0.9, format!("{case}: bytes/s / nginx"), ratio);
    }
    Ok(report)
}
