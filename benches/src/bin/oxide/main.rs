//! The programs on nng-oxide.
//!
//! `bench-oxide ROLE [--addr 127.0.0.1:0] ...`; servers print `listening ADDRESS`.

mod micro;
mod timers;

use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;

const USAGE: &str = "usage: bench-oxide ROLE [--addr ADDR] [--buffer N] [--block-ms N] [--ms N] \
    [--count N] [--lead-ms N] [--spread-ms N]\nroles: echo http sync-serve sync-call micro timers";

fn main() -> Result<()> {
    let peer = Peer::from_command_line()?;
    match peer.role.as_str() {
        "micro" => micro::run(&peer),
        "timers" => timers::run(&peer),
        _ => Err(USAGE.into()),
    }
}
