//! NNG (nanomsg-next-gen) in Rust: callback-driven networking on an asynchronous core.

#![forbid(unsafe_code)]

mod url;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;

pub use nng_aio::{Aio, Error, Runtime, Timeout};
pub use url::Url;
