//! Byte streams over TCP and Unix sockets.
//!
//! | module | what it answers |
//! |---|---|
//! | `socket` | a connected socket that never blocks, for providers |

mod socket;

pub use crate::sys::Credentials;
pub use socket::Socket;
