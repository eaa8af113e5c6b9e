//! From begin to callback of one aio that each callback starts again.
//!
//! Plain: begin, finish. Armed: the operation can be cancelled as well. Timed: it has a timeout as
//! well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use nng_aio::{Aio, Cancel, Error, OperationId, Timeout};
use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;

/// Longer than any measurement.
const LIMIT: Duration = Duration::from_secs(30);

pub fn run(peer: &Peer) -> Result<()> {
    measure("warmup", false, Timeout::Infinite, peer.count / 10)?;
    measure("plain", false, Timeout::Infinite, peer.count)?;
    measure("armed", true, Timeout::Infinite, peer.count)?;
    measure("timed", true, Timeout::After(LIMIT), peer.count)
}

/// A provider whose operations are always done at once.
struct Instantly;

impl Cancel for Instantly {
    fn cancel(self: Arc<Self>, _id: OperationId, _error: Error) {}
}

/// What the callback needs to start the aio again.
struct Chain {
    provider: Arc<Instantly>,
    is_armed: bool,
    /// Operations still to start; only callbacks of the one aio count it down, one at a time.
    left: AtomicU32,
    finished: Sender<()>,
}

impl Chain {
    fn start(&self, aio: &Aio) {
        let Ok(mut operation) = aio.begin() else { return };
        let armed = if self.is_armed { operation.arm(&self.provider) } else { Ok(()) };
        operation.finish(armed);
    }

    fn on_done(&self, aio: &Aio) {
        let left = self.left.load(Ordering::Relaxed) - 1;
        self.left.store(left, Ordering::Relaxed);
        if left > 0 {
            self.start(aio);
        } else {
            // The receiver is gone only if the measurement was given up.
            let _ = self.finished.send(());
        }
    }
}

fn measure(name: &str, is_armed: bool, timeout: Timeout, count: u32) -> Result<()> {
    let (finished, wait) = mpsc::channel();
    let left = AtomicU32::new(count);
    let chain = Arc::new(Chain { provider: Arc::new(Instantly), is_armed, left, finished });
    let again = chain.clone();
    let aio = Aio::new(move |aio| again.on_done(aio));
    aio.set_timeout(timeout);
    let began = Instant::now();
    chain.start(&aio);
    wait.recv()?;
    println!("{name}_ns {:.1}", began.elapsed().as_secs_f64() * 1e9 / f64::from(count));
    Ok(())
}
