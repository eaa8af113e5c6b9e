//! The HTTP server: what listens, which handler gets a request, and what handlers are.
//!
//! | module | what it answers |
//! |---|---|
//! | `handle` | the public handle |
//! | `owner`, `registry`, `endpoint` | its life; who shares it; what its URL says |
//! | `core` | what handles, listener and sessions share |
//! | `listener`, `pace` | accepting connections; when to |
//! | `session`, `exchange` | one connection; one request and its answer |
//! | `body_writer` | an answer in pieces |
//! | `handler` | what answers requests |
//! | `redirect`, `files` | what has moved; files and directories of the system |
//! | `escape` | what stands in a URI |
//! | `routes`, `path`, `host` | which handler gets a request; the paths and hosts they are for |
//! | `pages` | error pages |
//! | `config` | limits and timeouts |
//!
//! Contract: a request is matched without a lock, in a table that never changes. Limits and timeouts
//! apply to everything a client can do or leave undone. No lock is held while a handler runs or is
//! dropped.
//!
//! Locks, outermost first, in orders that never meet: the life of a server, the registry or the
//! acceptor; a session's own, the list of routes, a handler. The table of sessions and the pace of
//! accepting are held with no other.

mod body_writer;
mod config;
mod core;
mod endpoint;
mod escape;
mod exchange;
mod files;
mod handle;
mod handler;
mod host;
mod listener;
mod owner;
mod pace;
mod pages;
mod path;
mod redirect;
mod registry;
mod routes;
mod session;

pub use body_writer::BodyWriter;
pub use config::ServerConfig;
pub use core::ServerStats;
pub use exchange::Exchange;
pub use files::{DirectoryOptions, Links};
pub use handle::Server;
pub use handler::Handler;
