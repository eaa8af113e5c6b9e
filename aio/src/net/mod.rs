//! Byte streams, dialers and listeners over TCP and Unix sockets; name resolution.
//!
//! | file | what it answers |
//! |---|---|
//! | `addr.rs` | where a socket is, and its text |
//! | `resolve.rs` | the addresses of a name |

mod addr;
mod resolve;

pub use addr::{AbstractName, Addr, IpcPath};
pub use resolve::{Family, Query, Resolver};
