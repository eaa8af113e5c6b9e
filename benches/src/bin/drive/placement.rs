//! Where client and server run.

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
}

pub const PLACEMENTS: [Placement; 2] = [Placement::One, Placement::Free];

impl Placement {
    /// Moves this thread there, and with it every process that it starts, until the guard goes.
    pub fn enter(self) -> Result<Pinned> {
        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread)?;
        if self == Self::One {
            let last = (0..CpuSet::count()).rev().find(|cpu| before.is_set(*cpu) == Ok(true));
            let mut one = CpuSet::new();
            one.set(last.ok_or("no CPU is allowed")?)?;
            sched_setaffinity(this_thread, &one)?;
        }
        Ok(Pinned { before })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one CPU",
            Self::Free => "free",
        })
    }
}

/// Puts this thread back to where it may run when dropped.
#[must_use]
pub struct Pinned {
    before: CpuSet,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(Pid::from_raw(0), &self.before) {
            eprintln!("cannot undo the pinning: {error}");
        }
    }
}
