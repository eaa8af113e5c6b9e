//! Addresses, byte streams over TCP and Unix sockets, datagrams, and the resolution of names.
//!
//! | file | what it answers |
//! |---|---|
//! | `addr.rs` | where a socket is, and its text |
//! | `resolve.rs` | the addresses of a name |
//! | `stream.rs`, `blocking.rs` | a connected byte stream: driven by aios; its blocking calls |
//! | `line.rs`, `waiting.rs` | what is known of one connection; operations that wait |
//! | `dialer.rs`, `dial.rs` | who makes connections; one attempt |
//! | `listener.rs` | who takes connections |
//! | `udp.rs` | datagrams |
//! | `socket.rs`, `acceptor.rs` | a connected and a listening socket that never block, for providers |
//! | `layer.rs` | what may lie between a socket and its stream |
//! | `ends.rs` | the addresses of a connection's two ends |
//! | `bound_path.rs` | a path that is listened at: stale files, permissions, removal |

mod acceptor;
mod addr;
mod blocking;
mod bound_path;
mod dial;
mod dialer;
mod ends;
mod layer;
mod line;
mod listener;
mod resolve;
mod socket;
mod stream;
mod udp;
mod waiting;

pub use crate::sys::Credentials;
pub use acceptor::Acceptor;
pub use addr::{AbstractName, Addr, IpcPath};
pub use dialer::Dialer;
pub use layer::{Layer, MakeLayer};
pub use listener::Listener;
pub use resolve::{Family, Query, Resolver};
pub use socket::Socket;
pub use stream::Stream;
pub use udp::Udp;
