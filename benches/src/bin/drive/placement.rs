//! Where client and server run.
//!
//! A section enters a placement, starts the server, and then says that the client begins; only where
//! they are apart does that move anything.

use std::fmt;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use nng_oxide_benches::Result;

/// Which CPUs client and server may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Placement {
    /// Both on one and the same CPU: measures work, without wakes across CPUs.
    One,
    /// The scheduler decides.
    Free,
    /// The server alone on one CPU, the client on another: measures the server, as long as the client
    /// has time left.
    Apart,
}

/// Where nothing but the placement of one and the same work differs.
pub const PLACEMENTS: [Placement; 2] = [Placement::One, Placement::Free];

impl Placement {
    /// Moves this thread there, and with it every process that it starts, until the guard goes.
    pub fn enter(self) -> Result<Pinned> {
        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread)?;
        let mut allowed = (0..CpuSet::count()).filter(|cpu| before.is_set(*cpu) == Ok(true));
        if self != Self::Free {
            pin(allowed.next_back().ok_or("no CPU is allowed")?)?;
        }
        let client = match self {
            Self::One | Self::Free => None,
            Self::Apart => Some(allowed.next().ok_or("client and server need a CPU each")?),
        };
        Ok(Pinned { before, client })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one CPU",
            Self::Free => "free",
            Self::Apart => "apart",
        })
    }
}

/// Puts this thread back to where it may run when dropped.
#[must_use]
pub struct Pinned {
    before: CpuSet,
    /// Where the client runs if that is another CPU than the server's.
    client: Option<usize>,
}

impl Pinned {
    /// Moves this thread to where the client belongs; servers that it starts go with it.
    pub fn begin_client(&self) -> Result<()> {
        self.client.map_or(Ok(()), pin)
    }
}

/// Moves this thread to one CPU.
fn pin(cpu: usize) -> Result<()> {
    let mut one = CpuSet::new();
    one.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;
    Ok(())
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(Pid::from_raw(0), &self.before) {
            eprintln!("cannot undo the pinning: {error}");
        }
    }
}
