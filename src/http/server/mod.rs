//! The HTTP server: which handler gets a request, and what handlers are.
//!
//! | module | what it answers |
//! |---|---|
//! | `core` | what handles, listener and sessions share |
//! | `listener`, `pace` | accepting connections; when to |
//! | `session`, `exchange` | one connection; one request and its answer |
//! | `handler` | what answers requests |
//! | `routes`, `path`, `host` | which handler gets a request; the paths and hosts they are for |
//! | `pages` | error pages |
//! | `config` | limits and timeouts |
//!
//! Contract: a request is matched without a lock, in a table that never changes.

mod config;
mod core;
mod exchange;
mod handler;
mod host;
mod listener;
mod pace;
mod pages;
mod path;
mod routes;
mod session;

pub use config::ServerConfig;
pub use core::ServerStats;
pub use exchange::Exchange;
pub use handler::Handler;
