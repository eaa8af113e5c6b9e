//! NNG (nanomsg-next-gen) in Rust: callback-driven networking on an asynchronous core.
//!
//! | module | what it answers |
//! |---|---|
//! | [`http`] | HTTP/1.1: messages, connections, servers, clients |
//! | [`tls`] | who one is and whom one trusts on connections with TLS |
//! | [`stream`], [`option`] | byte streams by URL; what is asked and set by name |
//! | `url`, `message` | URLs as NNG reads them; what its sockets send |
//! | [`command_line`], [`statistics`] | options of programs; what there is, in numbers |
//! | [`aio`] | operations and who offers them, runtimes, streams by address, locks, the log |
//! | [`c_names`] | all of it under NNG's own names, for programs that are ported |
//!
//! [`aio`] is the package `nng-aio`, which can be used alone; what every program names of it is here, too.
//!
//! # What went wrong
//!
//! Operations end with codes of NNG's, and codes are few. What they cannot tell, such as why a certificate
//! is refused or a handler has failed, is recorded in a log, which nobody hears until a program asks to:
//!
//! ```
//! use std::sync::Arc;
//!
//! use nng_oxide::aio::log;
//!
//! log::set_hook(Some(Arc::new(|record| eprintln!("{}: {}", record.id, record.text))));
//! # log::set_hook(None);
//! ```

#![forbid(unsafe_code)]

pub mod command_line;
mod message;
mod url;

pub mod c_names;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod option;
pub mod statistics;
pub mod stream;
pub mod tls;

pub use message::{MAX_HEADER, Message};
pub use nng_aio as aio;
pub use nng_aio::{Aio, Error, Runtime, Timeout};
pub use url::Url;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do those of the porting guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/PORTING.md")]
struct Porting;
