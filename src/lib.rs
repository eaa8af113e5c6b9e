//! NNG (nanomsg-next-gen) in Rust: callback-driven networking on an asynchronous core.
//!
//! | module | what it answers |
//! |---|---|
//! | [`http`] | HTTP/1.1: messages, connections, a server |
//! | [`tls`] | who one is and whom one trusts on connections with TLS |
//! | [`stream`], [`option`] | byte streams by URL; what is asked and set by name |
//! | `url` | URLs as NNG reads them |
//! | [`c_names`] | all of it under NNG's own names, for programs that are ported |
//!
//! Operations, streams and the runtime are `nng_aio`'s; what every program names of it is here, too.

#![forbid(unsafe_code)]

mod url;

pub mod c_names;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod option;
pub mod stream;
pub mod tls;

pub use nng_aio::{Aio, Error, Runtime, Timeout};
pub use url::Url;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
