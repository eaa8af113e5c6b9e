//! Transactions over one connection: each begins in the callback of the one before.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nng_oxide::http::{Client, Conn, Request, Response, Shared};
use nng_oxide::{Aio, Url};
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::latency::Latencies;
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::{BODY, Result};

/// What the callback knows.
struct Caller {
    conn: Conn,
    request: Request,
    response: Shared<Response>,
    start: Instant,
    duration: Duration,
    /// Callbacks of one aio never overlap, so nobody ever waits for it.
    state: Mutex<State>,
    finished: Sender<Result<()>>,
}

struct State {
    latencies: Latencies,
    began: Instant,
}

pub fn run(peer: &Peer) -> Result<()> {
    let url: Url = format!("http://{}/hello", peer.addr).parse()?;
    let connected = Aio::without_callback();
    Client::new(&url)?.connect(&connected);
    connected.wait();
    connected.outcome()?;
    let conn = connected.take_output(0).ok_or("there is a connection after success")?;

    let (finished, wait) = mpsc::channel();
    let cpu = own_cpu_time()?;
    let start = Instant::now();
    let caller = Arc::new(Caller {
        conn,
        request: Request::for_url(&url)?,
        response: Shared::new(Response::new()),
        start,
        duration: peer.duration,
        state: Mutex::new(State { latencies: Latencies::new()?, began: start }),
        finished,
    });
    let owned = Arc::clone(&caller);
    let aio = Aio::new(move |aio| owned.on_done(aio));
    caller.ask(&aio);
    wait.recv()??;
    let cpu = own_cpu_time()? - cpu;
    caller.state.lock().unwrap_or_else(PoisonError::into_inner).latencies.print();
    println!("cpu_ns {}", cpu.as_nanos());
    Ok(())
}

impl Caller {
    fn ask(&self, aio: &Aio) {
        self.conn.transact(&self.request, &self.response, aio);
    }

    fn on_done(&self, aio: &Aio) {
        let result = self.check(aio);
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = now - state.began;
        state.latencies.record(latency);
        state.began = now;
        drop(state);
        if result.is_ok() && now - self.start < self.duration {
            self.ask(aio);
        } else {
            // The receiver is gone only if the measurement was given up.
            let _ = self.finished.send(result);
        }
    }

    fn check(&self, aio: &Aio) -> Result<()> {
        aio.outcome()?;
        if self.response.lock().body() == BODY.as_bytes() {
            Ok(())
        } else {
            Err("the server answers something else".into())
        }
    }
}
