//! The crate's only unsafe code: system calls that std and mio do not offer, and one cell.
//!
//! Every function here is safe to call: descriptors come in as borrowed or owned types, buffers as
//! slices, and each unsafe block states which of those types upholds its invariant. Nothing here
//! knows of operations, streams or runtimes.
#![allow(unsafe_code, reason = "this folder is where the crate keeps all of it")]

mod fork;
#[cfg(all(target_os = "linux", not(portable_selector)))]
mod poll;
mod spin;

pub(crate) use fork::{count_forks, forks};
#[cfg(all(target_os = "linux", not(portable_selector)))]
pub(crate) use poll::{EpollEvents, epoll_wait};
pub(crate) use spin::{SpinCell, Summary};

/// Gives the CPU to another thread; under loom, to another modelled one.
pub(crate) fn yield_now() {
    #[cfg(not(all(loom, test)))]
    std::thread::yield_now();
    #[cfg(all(loom, test))]
    loom::thread::yield_now();
}
