//! Addresses, byte streams over TCP and Unix sockets, and the resolution of names.
//!
//! | module | what it answers |
//! |---|---|
//! | `addr` | addresses of sockets and their text |
//! | `socket` | a connected socket that never blocks, for providers |
//! | `acceptor` | a listening socket that never blocks, for providers |
//! | `ends` | the addresses of a connection's two ends |
//! | `bound_path` | a path that a listener is bound to: stale files, permissions, removal |
//! | `resolve` | the addresses of a name |

mod acceptor;
mod addr;
mod bound_path;
mod ends;
mod resolve;
mod socket;

pub use crate::sys::Credentials;
pub use acceptor::Acceptor;
pub use addr::{AbstractName, Addr, IpcPath};
pub use resolve::{Family, Query, Resolver};
pub use socket::Socket;
