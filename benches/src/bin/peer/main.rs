//! The peers that are not NNG: the least that a program can do, and hyper.
//!
//! `bench-peer ROLE [--addr 127.0.0.1:0] ...`; servers print `listening ADDRESS`.

mod call_hyper;
mod echo_epoll;
mod echo_mio;
mod http_hyper;
mod http_mio;
mod https_hyper;
mod sync_raw;
mod timers_raw;

use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;

const USAGE: &str = "usage: bench-peer ROLE [--addr ADDR] [--tls FILE] [--ms N] [--count N] \
    [--lead-ms N] [--spread-ms N]\nroles: echo-epoll echo-mio http-hyper https-hyper http-mio \
    http-call sync-serve sync-call timers";

fn main() -> Result<()> {
    let peer = Peer::from_command_line()?;
    match peer.role.as_str() {
        "echo-epoll" => echo_epoll::run(&peer),
        "echo-mio" => echo_mio::run(&peer),
        "http-hyper" => http_hyper::run(&peer),
        "https-hyper" => https_hyper::run(&peer),
        "http-call" => call_hyper::run(&peer),
        "http-mio" => http_mio::run(&peer),
        "sync-serve" => sync_raw::serve(&peer),
        "sync-call" => sync_raw::call(&peer),
        "timers" => timers_raw::run(&peer),
        _ => Err(USAGE.into()),
    }
}
