//! A callback-driven asynchronous I/O runtime that mirrors NNG's C model.
//!
//! An [`Aio`] is handed to an operation; the operation happens; the aio's callback runs, exactly
//! once, on a thread of the [`Runtime`]; [`Aio::result`] is zero or an `NNG_E*` code.
//!
//! ```
//! use std::sync::mpsc;
//! use std::time::Duration;
//! use nng_aio::Aio;
//!
//! let (tell, hear) = mpsc::channel();
//! let aio = Aio::new(move |aio| {
//!     let _ = tell.send(aio.result());
//! });
//! aio.sleep(Duration::from_millis(1));
//! assert_eq!(hear.recv(), Ok(0));
//! ```
//!
//! | module | what it answers |
//! |---|---|
//! | `aio`, `operation` | the consumer's and the provider's side of an operation |
//! | `state`, `slot`, `core` | its states; its states under a lock; its callback and deadline |
//! | `deadline`, `sleep`, `timeout` | when something is due; sleeping; how limits are stated |
//! | `buffer` | memory that an operation owns |
//! | [`net`] | byte streams, dialers and listeners over TCP and Unix sockets; name resolution |
//! | `runtime` | threads, roles, the selector, the queue of callbacks |
//! | `error`, [`codes`] | NNG's errors |
//! | [`id_map`], [`clock`], [`random`], [`log`] | small things that C programs lean on |
//! | `sync` | locks and atomics, real or modelled |
//! | `shield` | panics of foreign code end here |
//! | `sys` | system calls; the only unsafe code |

mod aio;
mod buffer;
mod core;
mod deadline;
mod error;
mod modelled;
mod operation;
mod runtime;
mod shield;
mod sleep;
mod slot;
mod state;
mod sys;
mod timeout;

pub mod clock;
pub mod id_map;
pub mod log;
pub mod net;
pub mod random;
pub mod sync;

pub use aio::Aio;
pub use buffer::{Buffer, Buffers, MAX_PIECES};
pub use error::{Error, codes};
pub use operation::{Cancel, Operation, OperationId};
pub use runtime::{Builder, Expire, Readiness, Runtime, Stats, Task, Timer, Watcher};
pub use state::Refused;
pub use sys::{Foreign, Holding, NoteLock};
pub use timeout::Timeout;
