//! NNG's own names, for C programs that are ported line by line.
//!
//! Every function here is one line over the rest of this crate, with the name and the argument order
//! that C knows. Nothing is decided here: what a function does is told where its documentation leads.
//! Types are aliases, so an [`nng_aio`] *is* an [`Aio`](::nng_aio::Aio) and has its methods, too; only what
//! C passes by value, such as an [`nng_pipe`], is a type of its own.
//!
//! ```
//! use nng_oxide::c_names::*;
//!
//! let mut aio = None;
//! let rv = nng_aio_alloc(&mut aio, None, ());
//! if rv != 0 {
//!     panic!("cannot allocate: {}", nng_strerror(rv));
//! }
//! let aio = aio.unwrap();
//! nng_aio_set_timeout(&aio, 5000);
//! nng_sleep_aio(1, &aio);
//! nng_aio_wait(&aio);
//! assert_eq!(nng_aio_result(&aio), 0);
//! nng_aio_free(aio);
//! ```
//!
//! # How C becomes Rust
//!
//! | in C | here |
//! |---|---|
//! | `nng_aio *`, `const nng_url *` | `&nng_aio`, `&nng_url` |
//! | `nng_msg *`, `nng_id_map *` | `&mut` of it, for it has one owner; `&` to read only |
//! | a copy of an `nng_aio *` that is kept | [`aio.alias()`](::nng_aio::Aio::alias) |
//! | two copies of an `nng_aio *` compared | `==` |
//! | a copy of another handle that is kept, `..._hold(handle)` | `clone()`; an `Arc` where there is none |
//! | `int`, 0 or `NNG_E...` | `i32`; constants and [`nng_strerror`] are those of NNG |
//! | `nng_aio **`, an object that is made | `&mut Option<nng_aio>`; as it was if the result is not 0 |
//! | `int *`, `bool *`, `nng_sockaddr *` to be filled | `&mut` of it; as it was if the result is not 0 |
//! | `..._free(handle)`, `..._release`, `nng_http_conn_close` | takes the handle, or an `Option` of it, by value; just dropping it does the same, but for a connection or stream with other holders |
//! | `const char *` that may be `NULL` | `Some("text")`, or the bare `"text"`; `None` |
//! | `const char *` that is returned | an owned text, or a borrowed one of what cannot change; `None` for `NULL` |
//! | pointer and length, `argc` and `argv` | one slice, vector or body; the length is not an argument |
//! | a buffer to write text into | the text is returned |
//! | `static` variables that callbacks share, with their mutex | an `Arc` that each callback is given; the mutex holds what it guards |
//! | callback and `void *arg` | `Some(function)` and the argument; the function gets `&nng_aio` and a reference to the argument |
//! | `nng_aio_alloc(&aio, NULL, NULL)` | `nng_aio_alloc(&mut aio, None, ())` |
//! | `void *` and a destructor | `Arc<T>`; the destructor is that of `T` |
//! | `void *` from an input, or a handler's data | `Option<Arc<T>>`; `None` also if it is of another type |
//! | `void *` from an output | `Option<T>`, taken out: it has one owner |
//! | [`nng_aio_set_iov`] on memory of the caller's | pieces that the aio owns; [`take_buffers`](::nng_aio::Aio::take_buffers) gives them back |
//! | `nng_aio_set_msg(aio, msg)`, `NULL` to clear it | the same, `None`; the aio owns the message until [`nng_aio_get_msg`] takes it out or another one replaces it |
//! | memory that [`nng_msg_body`] and [`nng_msg_header`] return | a slice of what there is, to be read and written to |
//! | `nng_msg_append(msg, NULL, n)`, `nng_msg_insert(msg, NULL, n)` | [`msg.grow(n)`](nng_msg::grow), [`msg.grow_front(n)`](nng_msg::grow_front), which return the bytes |
//! | input 0 of [`nng_udp_send`], an `nng_sockaddr *` | an `Arc` of it |
//! | input 0 of [`nng_udp_recv`], an `nng_sockaddr *` to be filled, or `NULL` | output 0, to be taken or not |
//! | an array of `nng_optspec`, ended by one of value 0 | a slice without the end; `o_name`, `o_short`, `o_val`, `o_arg` are `long`, `short`, `value`, `has_argument` |
//! | `int *optidx` | `&mut usize`, an index of `argv` |
//! | `nng_stat *`, until [`nng_stats_free`] of the root | an [`nng_stat`], as long as one likes |
//! | `nng_pipe`, `nng_socket` and other handles by value | the same |
//! | `url->u_path` | [`url.path()`](crate::Url::path) and its siblings |
//! | `printf` arguments of `nng_log_err` | `&format!(...)` |
//! | `nng_mtx`, `nng_cv`, `nng_thread`, `nng_alloc`, `nng_strdup` | `Mutex`, `Condvar`, `thread`, `Box` and `String` of Rust |
//!
//! A callback that C ends with `nng_aio_reap` of its own aio is written without: start the operation
//! and let the aio go with [`detach`](::nng_aio::Aio::detach); the callback runs, then the aio is freed.
//!
//! A message that is written, such as an [`nng_http_res`], is the program's again when the call
//! returns; it may be changed or freed at once.
//!
//! Where all names are imported, [`nng_aio`] is the type; the crate of that name is `::nng_aio` then.
//!
//! | module | functions |
//! |---|---|
//! | `aio` | `nng_aio_*`, `nng_sleep_aio` |
//! | `message` | `nng_msg_*` |
//! | `id` | sockets, dialers, listeners and pipes by number |
//! | `http` | requests, responses, connections |
//! | `client` | HTTP clients |
//! | `server` | HTTP servers and handlers |
//! | `stream` | byte streams and their options |
//! | `tls` | configurations of TLS |
//! | `udp` | datagrams |
//! | `options` | the parser of command lines |
//! | `statistics` | `nng_stats_*`, `nng_stat_*` |
//! | `util` | URLs, addresses, errors, clock, random numbers, id maps, log |
//! | `constants` | everything in capitals |
//!
//! # Source
//! nng 1.12, nng.h and the headers in `supplemental/`.

#![allow(non_camel_case_types, reason = "the names are C's")]

mod aio;
mod client;
mod constants;
mod http;
mod id;
mod message;
mod options;
mod server;
mod statistics;
mod stream;
mod tls;
mod udp;
mod util;

pub use aio::*;
pub use client::*;
pub use constants::*;
pub use http::*;
pub use id::*;
pub use message::*;
pub use options::*;
pub use server::*;
pub use statistics::*;
pub use stream::*;
pub use tls::*;
pub use udp::*;
pub use util::*;

use ::nng_aio::Error;

/// Returns what C returns for a result.
fn code(result: Result<(), Error>) -> i32 {
    result.map_or_else(Error::code, |()| 0)
}

/// Stores a result in an out-parameter, if there is one, and returns what C returns.
fn store<T>(place: &mut T, result: Result<T, Error>) -> i32 {
    code(result.map(|value| *place = value))
}

/// As [`store`], for an object that is made.
fn make<T>(place: &mut Option<T>, result: Result<T, Error>) -> i32 {
    store(place, result.map(Some))
}
