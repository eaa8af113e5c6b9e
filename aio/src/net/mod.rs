//! Addresses, byte streams over TCP and Unix sockets, and the resolution of names.
//!
//! | module | what it answers |
//! |---|---|
//! | `addr` | addresses of sockets and their text |
//! | `stream` | a connected byte stream, driven by aios |
//! | `blocking` | its blocking calls |
//! | `line` | one connection and what is known of it |
//! | `waiting` | operations that wait at a provider |
//! | `socket` | a connected socket that never blocks, for providers |
//! | `acceptor` | a listening socket that never blocks, for providers |
//! | `ends` | the addresses of a connection's two ends |
//! | `bound_path` | a path that a listener is bound to: stale files, permissions, removal |

mod acceptor;
mod addr;
mod blocking;
mod bound_path;
mod ends;
mod line;
mod socket;
mod stream;
mod waiting;

pub use crate::sys::Credentials;
pub use acceptor::Acceptor;
pub use addr::{AbstractName, Addr, IpcPath};
pub use socket::Socket;
pub use stream::Stream;
