//! hyper's client on tokio's current-thread runtime: one request after the other.

use std::time::Instant;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::latency::Latencies;
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::{BODY, Result};

pub fn run(peer: &Peer) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(peer.addr).await?;
        socket.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        let host = peer.addr.to_string();
        let mut latencies = Latencies::new()?;
        let cpu = own_cpu_time()?;
        let start = Instant::now();
        let mut began = start;
        while began - start < peer.duration {
            let request = Request::get("/hello").header(HOST, &host).body(Empty::<Bytes>::new())?;
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            if response.into_body().collect().await?.to_bytes() != BODY {
                return Err("the server answers something else".into());
            }
            let now = Instant::now();
            latencies.record(now - began);
            began = now;
        }
        latencies.print();
        println!("cpu_ns {}", (own_cpu_time()? - cpu).as_nanos());
        Ok(())
    })
}
