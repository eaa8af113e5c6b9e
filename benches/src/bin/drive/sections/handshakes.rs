//! Full handshakes of TLS 1.3.

use nng_oxide_benches::Result;

use crate::fixtures;
use crate::options::Options;
use crate::placement::Placement;
use crate::programs::{HYPER, OXIDE};
use crate::report::Report;
use crate::requests::{self, shake_hands};
use crate::sections::https::PROGRAMS;
use crate::sections::throughput::{CPU, Plan, RATE, case};

const CLIENTS: usize = 16;

const PLAN: Plan = Plan {
    programs: PROGRAMS,
    placements: &[Placement::One, Placement::Apart],
    connections: &[CLIENTS],
    unit: "handshakes/s",
    references: &[HYPER],
    shows_client: true,
};

const METHOD: &str = "\
Each of K clients connects, completes a full handshake of TLS 1.3, says that it is done, waits for the \
server's end of the stream and connects anew. Nothing is resumed and nothing asked. The certificate is \
signed by itself, ECDSA on P-256; the key exchange is X25519. The client does not check signatures, so \
that it has less to do than the server. Servers and columns are those of the section on HTTP over TLS; \
the latency is from the beginning of the connection to the end of the handshake.";

pub fn measure(options: &Options) -> Result<Report> {
    let certificate = fixtures::make_certificate(&options.programs)?;
    let config = requests::configuration()?;
    let samples = PLAN.measure(options, &["--tls", &certificate], |server, connections| {
        shake_hands(server.addr, &config, connections, options.warmup())?;
        requests::figures(server, || {
            shake_hands(server.addr, &config, connections, options.duration())
        })
    })?;
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    PLAN.describe(&mut report, &samples);
    for &placement in PLAN.placements {
        let case = case(placement, CLIENTS);
        let ratio = samples.ratio(&case, OXIDE, HYPER, RATE);
        report.at_least(0.9, format!("{case}: handshakes/s / hyper"), ratio);
        let ratio = samples.ratio(&case, OXIDE, HYPER, CPU);
        report.at_most(1.1, format!("{case}: CPU per handshake / hyper"), ratio);
    }
    Ok(report)
}
