//! Where the library's rare remarks go: nowhere, until the program sets a hook.
//!
//! The hook runs on whatever thread has something to say, with no lock of ours held. A hook that
//! panics is ignored.
//!
//! # Source
//! nng 1.12, nng_log_set_logger(3): the default logger is null.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::shield;

/// How serious a record is; the numbers are syslog's, as NNG's are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Level {
    /// Something is broken (3).
    Error = 3,
    /// Something went wrong and was dealt with (4).
    Warn = 4,
    /// Normal but worth knowing (5).
    Notice = 5,
}

/// One remark.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// How serious it is.
    pub level: Level,
    /// A short stable name, such as `NNG-AIO`.
    pub id: &'a str,
    /// For people.
    pub text: &'a str,
}

type Hook = Arc<dyn Fn(&Record<'_>) + Send + Sync>;

static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// Sends every record to `hook` from now on; `None` silences the library again.
pub fn set_hook(hook: Option<Hook>) {
    let old = std::mem::replace(&mut *HOOK.write(), hook);
    drop(old);
}

/// Hands a record to the hook, if there is one.
pub fn record(level: Level, id: &str, text: &str) {
    let hook = HOOK.read().clone();
    if let Some(hook) = hook {
        // There is no one left to tell of a panic here.
        let _ = shield::panics(|| hook(&Record { level, id, text }));
    }
}

pub(crate) fn error(id: &str, text: &str) {
    record(Level::Error, id, text);
}
