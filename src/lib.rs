//! NNG (nanomsg-next-gen) in Rust: callback-driven networking on an asynchronous core.

#![forbid(unsafe_code)]

mod url;

pub mod c_names;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod option;
pub mod stream;

pub use nng_aio::{Aio, Error, Runtime, Timeout};
pub use url::Url;
