//! Byte streams over TCP and Unix sockets.
//!
//! | module | what it answers |
//! |---|---|
//! | `socket` | a connected socket that never blocks, for providers |
//! | `acceptor` | a listening socket that never blocks, for providers |
//! | `ends` | the names of a connection's two ends |
//! | `bound_path` | a path that a listener is bound to: stale files, permissions, removal |

mod acceptor;
mod bound_path;
mod ends;
mod socket;

pub use crate::sys::Credentials;
pub use acceptor::Acceptor;
pub use socket::Socket;
