//! Where the library's rare remarks go: nowhere, until the program sets a hook.
//!
//! ```text
//!   record --level above the set one, or no facility--> dropped
//!      |
//!      +--> hook, if one is set
//! ```
//!
//! The hook runs on whatever thread has something to say, with no lock of ours held. A hook that
//! panics is ignored.
//!
//! # Source
//! nng 1.12, nng_log(3), nng_log_set_logger(3): the default logger is null.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use crate::sync::{Mutex, PerProcess, RwLock};

use crate::shield;

/// How serious a record is; the numbers are syslog's, as NNG's are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Level {
    /// Something is broken (3).
    Error = 3,
    /// Something went wrong and was dealt with (4).
    Warn = 4,
    /// Normal but worth knowing (5).
    Notice = 5,
    /// What goes on, step by step (6).
    Info = 6,
    /// For those who look for a fault (7).
    Debug = 7,
}

impl Level {
    /// The number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The level whose number is nearest.
    pub const fn nearest(number: u32) -> Self {
        match number {
            0..=3 => Self::Error,
            4 => Self::Warn,
            5 => Self::Notice,
            6 => Self::Info,
            7.. => Self::Debug,
        }
    }
}

/// What kind of program speaks; the numbers are syslog's, as NNG's are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Facility(u32);

impl Facility {
    /// None: records are dropped.
    pub const NONE: Self = Self(0);
    /// A program of a user's, the default (1).
    pub const USER: Self = Self(1);
    /// A daemon (3).
    pub const DAEMON: Self = Self(3);
    /// Security and authorization (10).
    pub const AUTH: Self = Self(10);

    /// The facility with that number: 16 to 23 are for local use; others mean something to the
    /// program's hook or nothing.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// One remark.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// How serious it is.
    pub level: Level,
    /// What kind of program speaks.
    pub facility: Facility,
    /// A short stable name, such as `NNG-AIO`.
    pub id: &'a str,
    /// For people.
    pub text: &'a str,
}

/// Who gets the records.
pub type Hook = Arc<dyn Fn(&Record<'_>) + Send + Sync>;

static HOOK: PerProcess<RwLock<Option<Hook>>> = PerProcess::new(RwLock::new(None));

/// The place of this process' hook. A child has its parent's, unless that was being set just when it
/// was forked.
fn hook_place() -> &'static RwLock<Option<Hook>> {
    HOOK.get(|parent| RwLock::new(parent.try_read().and_then(|hook| hook.clone())))
}

/// The least serious level that passes; 0 lets nothing pass. Settings are independent of each other
/// and of everything else, so their order does not matter.
static LEVEL: AtomicU32 = AtomicU32::new(Level::Notice.number());
static FACILITY: AtomicU32 = AtomicU32::new(Facility::USER.number());

/// Sends every record to `hook` from now on; `None` silences the library again.
pub fn set_hook(hook: Option<Hook>) {
    let old = std::mem::replace(&mut *hook_place().write(), hook);
    drop(old);
}

/// Lets records of this level and more serious ones pass, by default [`Level::Notice`]; `None` drops
/// all.
///
/// # Source
/// nng 1.12, nng_log_set_level(3).
pub fn set_level(level: Option<Level>) {
    LEVEL.store(level.map_or(0, Level::number), Relaxed);
}

/// The least serious level that passes; `None` if none does.
///
/// # Source
/// nng 1.12, nng_log_get_level(3).
pub fn level() -> Option<Level> {
    let number = LEVEL.load(Relaxed);
    (number != 0).then(|| Level::nearest(number))
}

/// Makes `facility` that of every record but those of [`auth`], by default [`Facility::USER`].
///
/// # Source
/// nng 1.12, nng_log_set_facility(3).
pub fn set_facility(facility: Facility) {
    FACILITY.store(facility.number(), Relaxed);
}

/// Hands a record to the hook, if it passes and there is a hook.
pub fn record(level: Level, id: &str, text: &str) {
    let facility = Facility::from_number(FACILITY.load(Relaxed));
    if facility != Facility::NONE {
        pass(&Record { level, facility, id, text });
    }
}

/// As [`record`], with the facility [`AUTH`](Facility::AUTH).
///
/// # Source
/// nng 1.12, nng_log_auth(3).
pub fn auth(level: Level, id: &str, text: &str) {
    pass(&Record { level, facility: Facility::AUTH, id, text });
}

fn pass(record: &Record<'_>) {
    if record.level.number() > LEVEL.load(Relaxed) {
        return;
    }
    let hook = hook_place().read().clone();
    if let Some(hook) = hook {
        // There is no one left to tell of a panic here.
        let _ = shield::panics(|| hook(record));
    }
}

pub(crate) fn error(id: &str, text: &str) {
    record(Level::Error, id, text);
}

/// Records of those who hold locks, under which the program's hook must not run. Bounded: of what
/// happens again and again the beginning will do.
static POSTPONED: PerProcess<Mutex<Vec<Postponed>>> = PerProcess::new(Mutex::new(Vec::new()));
type Postponed = (Level, &'static str, String);

fn postponed() -> &'static Mutex<Vec<Postponed>> {
    POSTPONED.get(|_| Mutex::default())
}

static HAS_POSTPONED: AtomicBool = AtomicBool::new(false);
const MAX_POSTPONED: usize = 64;

/// As [`error`], with any lock held.
pub(crate) fn error_later(id: &'static str, text: String) {
    record_later(Level::Error, id, text);
}

/// As [`record`], for those who hold locks: the record is handed out by the next runtime thread that has
/// something to do.
pub fn record_later(level: Level, id: &'static str, text: String) {
    let mut postponed = postponed().lock();
    if postponed.len() < MAX_POSTPONED {
        postponed.push((level, id, text));
    }
    HAS_POSTPONED.store(true, Relaxed);
}

/// Hands postponed records out. The caller holds no lock.
pub(crate) fn pass_postponed() {
    if HAS_POSTPONED.load(Relaxed) && HAS_POSTPONED.swap(false, Relaxed) {
        let postponed = std::mem::take(&mut *postponed().lock());
        for (level, id, text) in postponed {
            record(level, id, &text);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// All in one, since the settings are the process'.
    #[test]
    fn records_pass_by_level_and_facility() {
        let (tell, hear) = mpsc::channel();
        set_hook(Some(Arc::new(move |record: &Record<'_>| {
            if record.id == "TEST" {
                let said =
                    (record.level.number(), record.facility.number(), record.text.to_owned());
                tell.send(said).unwrap();
            }
        })));
        let say = |level: u32| record(Level::nearest(level), "TEST", "said");
        let numbers = || hear.try_iter().map(|(level, ..)| level).collect::<Vec<_>>();

        assert_eq!(level(), Some(Level::Notice));
        (0..10).for_each(say);
        assert_eq!(numbers(), [3, 3, 3, 3, 4, 5]);
        set_level(Some(Level::Debug));
        assert_eq!(level(), Some(Level::Debug));
        (3..10).for_each(say);
        assert_eq!(numbers(), [3, 4, 5, 6, 7, 7, 7]);

        set_facility(Facility::NONE);
        say(3);
        auth(Level::Info, "TEST", "who");
        assert_eq!(hear.try_iter().collect::<Vec<_>>(), [(6, 10, "who".to_owned())]);
        set_facility(Facility::from_number(16));
        say(4);
        assert_eq!(hear.try_iter().collect::<Vec<_>>(), [(4, 16, "said".to_owned())]);

        set_level(None);
        assert_eq!(level(), None);
        say(3);
        auth(Level::Error, "TEST", "who");
        assert_eq!(numbers(), [0; 0]);
        set_level(Some(Level::Notice));
        set_facility(Facility::USER);
        set_hook(None);
        say(3);
        assert_eq!(numbers(), [0; 0]);
    }
}
