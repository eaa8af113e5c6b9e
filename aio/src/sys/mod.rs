//! The crate's only unsafe code: system calls that std and mio do not offer, and one cell.
//!
//! Every function here is safe to call, but for the one that takes memory which others have lent
//! ([`Foreign::new`]): descriptors come in as borrowed or owned types, buffers as
//! slices, and each unsafe block states which of those types upholds its invariant. Nothing here
//! knows of operations, streams or runtimes.
#![allow(unsafe_code, reason = "this folder is where the crate keeps all of it")]

mod addrinfo;
#[cfg(target_os = "linux")]
mod file;
mod foreign;
mod fork;
mod notelock;
#[cfg(all(target_os = "linux", not(portable_selector)))]
mod poll;
mod signal;
mod socket;
mod spin;
mod usage;

#[cfg(target_os = "linux")]
pub(crate) use addrinfo::EAI_CANCELED;
pub(crate) use addrinfo::{EAI_ADDRFAMILY, EAI_NODATA, Failure, addrinfo};
#[cfg(target_os = "linux")]
pub(crate) use file::{is_in_memory, send_file};
pub use foreign::Foreign;
pub use fork::PerProcess;
pub(crate) use fork::{Lazy, count_forks, forks};
pub use notelock::{Holding, NoteLock};
#[cfg(all(target_os = "linux", not(portable_selector)))]
pub(crate) use poll::{EpollEvents, epoll_wait};
pub(crate) use signal::block_sigpipe;
pub use socket::Credentials;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use socket::unix_datagram_socket;
pub(crate) use socket::{
    Domain, Name, Switch, accept, bind, connect, listen, local_name, peer_credentials, peer_name,
    recv, recv_blocking, recv_vectored, send, set_blocking, set_switch, shutdown, socket, switch,
    take_error, wait_ready,
};
pub(crate) use spin::{SpinCell, Summary};
pub(crate) use usage::{Usage, thread_usage};

/// Gives the CPU to another thread; under loom, to another modelled one.
pub(crate) fn yield_now() {
    #[cfg(not(all(loom, test)))]
    std::thread::yield_now();
    #[cfg(all(loom, test))]
    loom::thread::yield_now();
}
