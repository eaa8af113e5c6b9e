//! Byte streams, dialers and listeners over TCP and Unix sockets; name resolution.
//!
//! | file | what it answers |
//! |---|---|
//! | `addr.rs` | where a socket is, and its text |

mod addr;

pub use addr::{AbstractName, Addr, IpcPath};
