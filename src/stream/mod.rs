//! Byte streams by URL: the scheme chooses what carries them.
//!
//! | scheme | what it is | dialer | listener |
//! |---|---|---|---|
//! | `tcp`, `tcp4`, `tcp6` | TCP; over IPv4, over IPv6 | host and port | host, empty for all interfaces; port, empty for any |
//! | `tls+tcp`, `tls+tcp4`, `tls+tcp6` | TLS over TCP | as TCP | as TCP |
//! | `ipc`, `unix` | a Unix socket at a path | path | path |
//! | `abstract` | a Unix socket with a name in Linux' abstract namespace | `%`-escaped name | `%`-escaped name, empty for any |
//!
//! | module | what it answers |
//! |---|---|
//! | `dialer`, `listener` | who makes and who takes connections |
//! | `target` | what a URL says of where they lead |
//! | `secure` | how do they get TLS? |
//! | `options` | what can be asked and set by name, and on which objects |
//!
//! The streams themselves are those of the core: whoever knows what carries them can do without this
//! module.
//!
//! # Source
//! nng 1.12, nng_stream(5), nng_tcp(7), nng_ipc(7).

mod dialer;
mod listener;
mod options;
mod secure;
mod target;

pub use dialer::Dialer;
pub use listener::Listener;
pub use nng_aio::net::Stream;
