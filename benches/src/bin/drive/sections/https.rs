//! HTTP over TLS in a closed loop.

use nng_oxide_benches::Result;

use crate::fixtures;
use crate::options::Options;
use crate::placement::Placement;
use crate::programs::{HTTP_OXIDE, HTTPS_HYPER, HYPER, OXIDE, Program};
use crate::report::Report;
use crate::requests::{self, Load, Secure};
use crate::sections::throughput::{CPU, Plan, RATE, case};

const CLIENTS: usize = 16;

/// The servers with TLS; they are given the certificate.
pub const PROGRAMS: &[Program] = &[HTTP_OXIDE, HTTPS_HYPER];

const PLAN: Plan = Plan {
    programs: PROGRAMS,
    placements: &[Placement::One, Placement::Apart],
    connections: &[CLIENTS],
    unit: "requests/s",
    references: &[HYPER],
    shows_client: true,
};

const METHOD: &str = "\
`GET /hello` with keep-alive over TLS 1.3, TLS_AES_128_GCM_SHA256; handshakes are over before anything is \
measured. Both servers stand on the same version of rustls with ring: nng-oxide answers by a function \
handler, hyper runs on tokio-rustls and tokio's current-thread runtime. Client is a loop over epoll and \
rustls; it encrypts and decrypts as much as the server. *Apart*, the server has a CPU of its own; \
*client %* near 100 says that it is the client that limits the rate, and what counts is the server's CPU \
time. libnng of Debian has no TLS.";

pub fn measure(options: &Options) -> Result<Report> {
    let certificate = fixtures::make_certificate(&options.programs)?;
    let config = requests::configuration()?;
    let samples = PLAN.measure(options, &["--tls", &certificate], |server, connections| {
        let connect = || Secure::connect(server.addr, &config);
        let mut load = Load::connect(connections, "/hello", connect)?;
        load.run(options.warmup())?;
        requests::figures(server, || load.run(options.duration()))
    })?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    for &placement in PLAN.placements {
        let case = case(placement, CLIENTS);
        let ratio = samples.ratio(&case, OXIDE, HYPER, RATE);
        report.at_least(0.9, format!("{case}: requests/s / hyper"), ratio);
        let ratio = samples.ratio(&case, OXIDE, HYPER, CPU);
        report.at_most(1.1, format!("{case}: CPU per request / hyper"), ratio);
    }
    Ok(report)
}
