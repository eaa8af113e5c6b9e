//! TLS: who a program is and whom it trusts, and sockets whose bytes are encrypted.
//!
//! All that a program needs of it is a [`Config`].
//!
//! # How it is built
//!
//! | module | what it answers |
//! |---|---|
//! | `config` | what can a program say of certificates, names and versions? |
//! | `names` | the words of that: modes and versions |
//! | `identity` | with which certificate does one answer? |
//! | `verify` | whom does one believe? |
//! | `pem`, `secret` | what is in a text between dashes; what protects a private key there? |
//! | `channel` | how does a socket become one with TLS inside? |
//! | `secured` | how does a byte stream get it? |
//! | `peer` | what does a certificate say of whoever has it? |
//! | `failure` | what does NNG call what went wrong, and what is said to people? |
//!
//! The protocol itself and the checks of certificates are rustls', with the cryptography of ring.
//! Nothing of either is visible outside this module. Versions below 1.2, keys shared beforehand and
//! what else rustls refuses on principle are `NNG_ENOTSUP`.
//!
//! It must not know of HTTP.
//!
//! # Source
//! nng 1.12, nng_tls_config_alloc(3tls) and the pages beside it; RFC 8446, RFC 5246.

mod channel;
mod config;
mod failure;
mod identity;
mod names;
mod peer;
mod pem;
mod secret;
mod secured;
mod verify;

pub(crate) use channel::Channel;
pub use config::Config;
pub use names::{AuthMode, Mode, Version};
pub(crate) use secured::Secured;

/// The name of what does the work.
///
/// # Source
/// nng 1.12, nng_tls_engine_name(3tls).
pub const ENGINE_NAME: &str = "rustls";

/// What does the work, in some more words.
///
/// # Source
/// nng 1.12, nng_tls_engine_description(3tls).
pub const ENGINE_DESCRIPTION: &str = "rustls 0.23 with ring";

/// Whether what does the work is restricted to what FIPS 140 approves of.
///
/// # Source
/// nng 1.12, nng_tls_engine_fips_mode(3tls).
pub const IS_FIPS_MODE: bool = false;
