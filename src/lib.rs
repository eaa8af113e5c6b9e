//! NNG (nanomsg-next-gen) in Rust: callback-driven networking on an asynchronous core.

mod url;

pub use nng_aio::Error;
pub use url::Url;
