//! The least that timers cost: one thread, a sorted list, waits with a timeout in milliseconds.

use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollTimeout};
use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::own_cpu_time;
use nng_oxide_benches::peer::Peer;

const MILLISECOND: Duration = Duration::from_millis(1);

pub fn run(peer: &Peer) -> Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut events = [EpollEvent::empty(); 1];
    let start = Instant::now();
    let deadlines: Vec<Instant> = (0..peer.count).map(|i| start + peer.delay(i)).collect();
    let mut worst = Duration::ZERO;

    let before = own_cpu_time()?;
    let mut pending = deadlines.iter().peekable();
    while let Some(due) = pending.peek() {
        let left =
            due.saturating_duration_since(Instant::now()) + MILLISECOND - Duration::from_nanos(1);
        epoll.wait(&mut events, EpollTimeout::try_from(left)?)?;
        let now = Instant::now();
        while let Some(due) = pending.next_if(|due| **due <= now) {
            worst = worst.max(now - *due);
        }
    }
    let cpu = own_cpu_time()? - before;
    println!("cpu_us_per_expiry {:.3}", cpu.as_secs_f64() * 1e6 / f64::from(peer.count));
    println!("late_ms {:.1}", worst.as_secs_f64() * 1e3);
    Ok(())
}
