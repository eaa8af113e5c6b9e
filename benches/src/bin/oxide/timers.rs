//! Staggered sleeps: CPU time of one expiry, and the worst lateness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use nng_aio::Aio;
use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::peer::Peer;

/// What all sleepers share.
struct Tally {
    left: AtomicU32,
    worst_ns: AtomicU64,
    finished: Sender<()>,
}

impl Tally {
    fn on_expired(&self, due: Instant) {
        let late = u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.worst_ns.fetch_max(late, Ordering::Relaxed);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The receiver is gone only if the measurement was given up.
            let _ = self.finished.send(());
        }
    }
}

pub fn run(peer: &Peer) -> Result<()> {
    let (finished, wait) = mpsc::channel();
    let left = AtomicU32::new(peer.count);
    let tally = Arc::new(Tally { left, worst_ns: AtomicU64::new(0), finished });
    let start = Instant::now();
    let sleepers: Vec<Aio> = (0..peer.count)
        .map(|index| {
            let tally = tally.clone();
            let due = start + peer.delay(index);
            Aio::new(move |_| tally.on_expired(due))
        })
        .collect();
    for (aio, index) in sleepers.iter().zip(0..) {
        aio.sleep((start + peer.delay(index)).saturating_duration_since(Instant::now()));
    }
    let before = own_cpu_time()?;
    wait.recv()?;
    let cpu = own_cpu_time()? - before;
    println!("cpu_us_per_expiry {:.3}", cpu.as_secs_f64() * 1e6 / f64::from(peer.count));
    let worst = Duration::from_nanos(tally.worst_ns.load(Ordering::Relaxed));
    println!("late_ms {:.1}", worst.as_secs_f64() * 1e3);
    Ok(())
}
