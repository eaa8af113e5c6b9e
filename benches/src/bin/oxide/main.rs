//! The programs on nng-oxide.
//!
//! `bench-oxide ROLE [--addr 127.0.0.1:0] ...`; servers print `listening ADDRESS`. With `--turns`
//! servers have no threads of a runtime, but make its turns on the main one, which suits profilers.

mod call;
mod echo;
mod http;
mod micro;
mod sync;
mod timers;

use std::thread;
use std::time::Duration;

use nng_aio::Runtime;
use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;

const USAGE: &str = "usage: bench-oxide ROLE [--addr ADDR] [--turns] [--buffer N] [--root DIR] \
    [--tls FILE] [--block-ms N] [--ms N] [--count N] [--lead-ms N] [--spread-ms N]\nroles: echo http \
    http-fixed http-call sync-serve sync-call micro timers";

fn main() -> Result<()> {
    let peer = Peer::from_command_line()?;
    match peer.role.as_str() {
        "echo" => echo::run(&peer),
        "http" => http::run(&peer),
        "http-call" => call::run(&peer),
        "http-fixed" => http::run_fixed(&peer),
        "sync-serve" => sync::serve(&peer),
        "sync-call" => sync::call(&peer),
        "micro" => micro::run(&peer),
        "timers" => timers::run(&peer),
        _ => Err(USAGE.into()),
    }
}

/// The runtime of a server.
fn runtime(peer: &Peer) -> Result<Runtime> {
    Ok(if peer.turns { Runtime::builder().host_driven().build()? } else { Runtime::global() })
}

/// Serves until the process is killed.
fn serve(peer: &Peer, runtime: &Runtime) -> Result<()> {
    loop {
        if peer.turns {
            runtime.turn(Duration::from_secs(3600))?;
        } else {
            thread::park();
        }
    }
}
