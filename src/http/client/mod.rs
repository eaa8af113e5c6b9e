//! The HTTP client: who makes connections, asks on them, and goes where answers lead.
//!
//! | module | what it answers |
//! |---|---|
//! | `handle` | the client for one URL: NNG's |
//! | `agent`, `config` | the client for all URLs: it keeps connections and follows redirects |
//! | `origin` | which host and port does a URL lead to, and how? |
//! | `connector` | how is a connection made? |
//! | `fetch` | a request and its answer as one operation, from the dial to the last byte |
//! | `trip`, `location` | where does an answer send a request next? Which URL does it name? |
//! | `core`, `idle` | what do an agent and its fetches share? Which connections wait to be used again? |
//!
//! ```text
//!   Client::connect   --> connector --> a connection, the caller's
//!   Client::transact  --> fetch: connector --> request --> response --> closed
//!   Agent::fetch      --> fetch: idle or connector --> request --> response --> idle
//!                                   ^                                |
//!                                   +--- trip: redirected -----------+
//! ```
//!
//! Contract: everything is an operation that can be cancelled and limited in time at every step, and
//! none waits for another. No lock is held while a callback, a resolver or a destructor of the
//! caller's runs.

mod agent;
mod config;
mod connector;
mod core;
mod fetch;
mod handle;
mod idle;
mod location;
mod origin;
mod trip;

pub use agent::Agent;
pub use config::AgentConfig;
pub use handle::Client;
