//! How a runtime is configured and begun.

use std::sync::Arc;

use crate::Error;
use crate::runtime::selector::WAITERS;
use crate::runtime::{Runtime, Shared};
use crate::runtime::{blocking, global, lookups};

/// The default limit of threads. They exist only while callbacks block; see [`Builder::threads`].
const THREADS: usize = 256;
/// Two to poll and one to watch; with fewer, one blocked callback would stop the rest.
const MIN_THREADS: usize = 3;
/// More than any system begins for one process.
const MAX_THREADS: usize = 1 << 15;

/// The description of a runtime to be begun.
///
/// ```
/// # fn main() -> Result<(), nng_aio::Error> {
/// let runtime = nng_aio::Runtime::builder().name("sensors").threads(16).build()?;
/// runtime.shutdown();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until build is called"]
pub struct Builder {
    config: Config,
}

/// What a runtime was told at its beginning.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) threads: usize,
    pub(crate) resolver_threads: usize,
    pub(crate) blocking_threads: usize,
    pub(crate) name: String,
    pub(crate) stack_size: Option<usize>,
    pub(crate) host_driven: bool,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            config: Config {
                threads: THREADS,
                resolver_threads: lookups::THREADS,
                blocking_threads: blocking::THREADS,
                name: String::from("nng"),
                stack_size: None,
                host_driven: false,
            },
        }
    }

    /// The largest number of threads; at least 3, at most 32768, by default 256.
    ///
    /// Two are begun at once. More are begun only while callbacks block, one for each that does, and
    /// end again. At the limit, a callback that waits for an aio polls meanwhile and runs the callback
    /// that it waits for; if all block by other means, nothing goes on until one of them returns.
    pub fn threads(mut self, limit: usize) -> Self {
        self.config.threads = limit.clamp(MIN_THREADS, MAX_THREADS);
        self
    }

    /// The number of threads that look up names; at least 1, by default 4.
    ///
    /// They are begun by the first lookup that has to ask the system, also if the runtime is driven
    /// by the host, and end when they are idle. While lookups are stuck there may be four times as
    /// many.
    /// # Source
    /// nng 1.12, `NNG_INIT_NUM_RESOLVER_THREADS`.
    pub fn resolver_threads(mut self, count: usize) -> Self {
        self.config.resolver_threads = count.max(1);
        self
    }

    /// The number of threads for [`Runtime::run_blocking`]; at least 1, by default 4.
    ///
    /// They are begun by the first such work, also if the runtime is driven by the host, and end when
    /// they are idle. While work is stuck there may be four times as many.
    pub fn blocking_threads(mut self, count: usize) -> Self {
        self.config.blocking_threads = count.max(1);
        self
    }

    /// The name of all threads, by default `nng`; those that look up names add `:resolver`, those for
    /// other work that blocks `:blocking`. The system may show only the first 15 bytes.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into().replace('\0', "");
        self
    }

    /// The size of each thread's stack in bytes, by default what the standard library chooses.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = Some(bytes);
        self
    }

    /// No threads but those that look up names or do other work that blocks: everything else happens in [`Runtime::turn`], which the host calls from its own loop.
    pub fn host_driven(mut self) -> Self {
        self.config.host_driven = true;
        self
    }

    /// Describes the [global runtime](Runtime::global) of this process and of its children by forks, each
    /// time that it begins. One that has begun stays as it is until it is shut down.
    ///
    /// # Errors
    /// `Exists` if that has been said before; it can be said once.
    pub fn describe_global(self) -> Result<(), Error> {
        global::configure(self)
    }

    /// Begins the runtime.
    ///
    /// # Errors
    /// What the system answers when it has no descriptor (`NoFiles`) or thread (`Again`) left.
    pub fn build(self) -> Result<Runtime, Error> {
        let is_host_driven = self.config.host_driven;
        let shared = Arc::new(Shared::new(self.config)?);
        shared.crew.belong_to(&shared);
        if !is_host_driven {
            for _ in 0..WAITERS {
                shared.grant_poller();
            }
            if shared.crew.threads() == 0 {
                return Err(Error::Again);
            }
        }
        Ok(Runtime::owned(shared))
    }
}
