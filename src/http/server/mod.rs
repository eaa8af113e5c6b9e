//! The HTTP server: what listens, which handler gets a request, and what handlers are.
//!
//! | module | what it answers |
//! |---|---|
//! | `handle` | the public handle |
//! | `owner`, `registry`, `endpoint` | its life; who shares it; what its URL says |
//! | `core` | what handles, listener and sessions share |
//! | `drain` | the gentle end |
//! | `listener`, `pace` | accepting connections; when to |
//! | `session`, `exchange` | one connection; one request and its answer |
//! | `body_writer`, `rest` | an answer in pieces; a body that nobody read |
//! | `handler` | what answers requests |
//! | `redirect`, `files` | what has moved; files and directories of the system |
//! | `escape` | what stands in a URI |
//! | `routes`, `path`, `host` | which handler gets a request; the paths and hosts they are for |
//! | `pages` | error pages |
//! | `access` | the record of each exchange |
//! | `config` | limits and timeouts |
//! | `laws` | what holds whatever a client sends; for tests |
//!
//! Contract: a request is matched without a lock, in a table that never changes. Limits and timeouts
//! apply to everything a client can do or leave undone. No lock is held while a handler runs or is
//! dropped.
//!
//! Locks, outermost first, in orders that never meet: the life of a server, the registry or the
//! acceptor; a session's own, the list of routes, a handler. The table of sessions and the pace of
//! accepting are held with no other.

mod access;
mod body_writer;
mod config;
mod core;
mod drain;
mod endpoint;
mod escape;
mod exchange;
mod files;
mod handle;
mod handler;
mod host;
#[cfg(any(test, fuzzing))]
pub(crate) mod laws;
mod listener;
mod owner;
mod pace;
mod pages;
mod path;
mod redirect;
mod registry;
mod rest;
mod routes;
mod session;

pub use access::{Access, AccessHook};
pub use body_writer::BodyWriter;
pub use config::ServerConfig;
pub use core::ServerStats;
pub use exchange::Exchange;
pub use files::{DirectoryOptions, Links};
pub use handle::Server;
pub use handler::Handler;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    /// A loopback address that no other process uses, so that a port which is free again stays free
    /// there for a while.
    pub(super) fn own_address() -> Ipv4Addr {
        if cfg!(not(target_os = "linux")) {
            return Ipv4Addr::LOCALHOST;
        }
        let [.., high, low] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, high, low, 255)
    }
}
