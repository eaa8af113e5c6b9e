//! `libnng`: what programs in C call.
//!
//! | module | what it answers |
//! |---|---|
//! | `boundary` | how a call from C becomes one in Rust, and what becomes of panics |
//! | `handle` | what is behind the pointers that C has |
//! | `text` | strings in and out |
//! | `memory`, `library`, `url`, `address` | memory, errors and version, URLs, addresses |
//! | `id_map`, `log`, `platform`, `options` | the small things |
//! | `message`, `aio` | messages; operations and who offers them |
//! | `stream`, `setting` | byte streams, and what is asked and set by name |
//! | `tls`, `http` | configurations of TLS; HTTP |
//! | `udp`, `stats` | datagrams; statistics |
//!
//! Everything here converts, calls and converts back; what a function does is nng-oxide's. The headers
//! in `include/` tell programs what they may expect, `abi/` has the tables that both are held against.
//!
//! Contract with C: pointers are null or of what the function says, and an object that was freed is not
//! used again. Null is an error for functions that return one, and nothing for those that do not. An
//! object of another kind is recognised by its tag where it is alive.
//!
//! # Source
//! nng 1.12, nng.h and the headers in `supplemental/`.

#![allow(unsafe_code, reason = "C has pointers; each use says what it relies on")]
#![allow(non_camel_case_types, reason = "the names are C's")]
#![allow(unreachable_pub, reason = "exports are reached from C, whatever module they are in")]
#![allow(missing_debug_implementations, reason = "nobody in Rust sees the objects of C")]
#![allow(missing_docs, reason = "what C calls is documented in the headers")]
#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "what C hands over is trusted as its headers say"
)]

#[macro_use]
mod boundary;

mod address;
mod aio;
mod handle;
mod http;
mod id_map;
mod library;
mod log;
mod memory;
mod message;
mod options;
mod platform;
mod setting;
mod stats;
mod stream;
mod text;
mod tls;
mod udp;
mod url;
