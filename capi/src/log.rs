//! The log: levels, where records go, and two loggers that are there.
//!
//! The six functions that take the arguments of `printf` are in `c/log.c`, since stable Rust cannot define
//! such; what is exported here under their names jumps there, with the arguments where they are.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed};

use nng_aio::log::{self, Facility, Hook, Level};
use nng_aio::sync::{Mutex, PerProcess};

use crate::text::Text;

/// A function of C's that gets records.
type Logger = extern "C" fn(c_uint, c_uint, *const c_char, *const c_char);

// What programs have set is where the functions of C look for it.
unsafe extern "C" {
    static nngo_log_level: AtomicU32;
    static nngo_log_facility: AtomicU32;
    static nngo_log_logger: AtomicPtr<c_void>;
}

/// The least serious level that passes, which need not be one that there is.
fn level() -> &'static AtomicU32 {
    // SAFETY: it is there as long as the program, and both languages treat it as an atomic word.
    unsafe { &nngo_log_level }
}

fn facility() -> &'static AtomicU32 {
    // SAFETY: as above.
    unsafe { &nngo_log_facility }
}

fn logger() -> &'static AtomicPtr<c_void> {
    // SAFETY: as above.
    unsafe { &nngo_log_logger }
}

const ERR: u32 = 3;
const WARN: u32 = 4;
const NOTICE: u32 = 5;
const INFO: u32 = 6;
const DEBUG: u32 = 7;

/// Security, which goes by no facility that was set.
const AUTH: u32 = 10;

export! {
    fn nng_log_set_level(new: c_uint) {
        level().store(new, Relaxed);
        log::set_level((new >= ERR).then(|| Level::nearest(new)));
    }

    fn nng_log_get_level() -> c_uint {
        level().load(Relaxed)
    }

    fn nng_log_set_facility(new: c_uint) {
        facility().store(new, Relaxed);
        log::set_facility(Facility::from_number(new));
    }

    fn nng_log_set_logger(new: Option<Logger>) {
        let new = new.filter(|new| *new as usize != nng_null_logger as *const () as usize);
        logger().store(new.map_or(std::ptr::null_mut(), |new| new as *mut c_void), Relaxed);
        log::set_hook(new.map(hook));
    }

    fn nng_null_logger(_level: c_uint, _facility: c_uint, _msgid: Text, _text: Text) {}

    fn nng_stderr_logger(level: c_uint, _facility: c_uint, msgid: Text, text: Text) {
        let id = msgid.bytes().map(String::from_utf8_lossy);
        let text = text.bytes().map(String::from_utf8_lossy).unwrap_or_default();
        print(level, id.as_deref(), &text);
    }

    fn nng_system_logger(level: c_uint, facility: c_uint, msgid: Text, text: Text) {
        let text = text.bytes().unwrap_or_default();
        let line = msgid.bytes().map_or_else(|| text.to_vec(), |id| [id, b": ", text].concat());
        let line = CString::new(line).unwrap_or_default();
        // SAFETY: the format takes one string, which ends with NUL.
        unsafe { libc::syslog(priority(level, facility), c"%s".as_ptr(), line.as_ptr()) };
    }
}

/// Gives a function of C's what it expects.
fn hook(logger: Logger) -> Hook {
    Arc::new(move |record| {
        let id = CString::new(record.id).unwrap_or_default();
        let text = CString::new(record.text).unwrap_or_default();
        let id = if record.id.is_empty() { std::ptr::null() } else { id.as_ptr() };
        logger(record.level.number(), record.facility.number(), id, text.as_ptr());
    })
}

/// Says to the system how serious a record is.
fn priority(level: u32, facility: u32) -> c_int {
    let level = match level {
        ERR => libc::LOG_ERR,
        WARN => libc::LOG_WARNING,
        NOTICE => libc::LOG_NOTICE,
        DEBUG => libc::LOG_DEBUG,
        _ => libc::LOG_INFO,
    };
    let facility = match facility {
        1 => libc::LOG_USER,
        3 => libc::LOG_DAEMON,
        AUTH => libc::LOG_AUTHPRIV,
        16..=23 => (c_int::try_from(facility).unwrap_or_default()) << 3,
        _ => 0,
    };
    level | facility
}

/// The day of the last line.
static DAY: PerProcess<Mutex<Option<(c_int, c_int, c_int)>>> = PerProcess::new(Mutex::new(None));

/// Writes a line to the standard error.
fn print(level: u32, id: Option<&str>, text: &str) {
    let now = Now::local();
    let mut day = DAY.get(|_| Mutex::default()).lock();
    let mut out = Vec::new();
    if *day != Some(now.day) {
        *day = Some(now.day);
        let (year, month, date) = now.day;
        let changed = format!("Date changed to {year:04}-{month:02}-{date:02}, TZ is {}", now.zone);
        now.line(&mut out, DEBUG, Some("NNG-DATE"), &changed);
    }
    now.line(&mut out, level, id, text);
    // Nobody can be told that it cannot be said.
    let _ = std::io::stderr().write_all(&out);
}

/// A moment, as the clock on the wall shows it.
struct Now {
    day: (c_int, c_int, c_int),
    time: String,
    zone: String,
}

impl Now {
    fn local() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        let seconds = libc::time_t::try_from(since.as_secs()).unwrap_or(libc::time_t::MAX);
        // SAFETY: all of it is numbers and a pointer that may be null.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        // SAFETY: reads one local variable and fills the other.
        unsafe { libc::localtime_r(&raw const seconds, &raw mut tm) };
        let (hours, minutes) = (tm.tm_gmtoff / 3600, tm.tm_gmtoff.abs() / 60 % 60);
        let time = format!(
            "{:02}:{:02}:{:02}.{:03}",
            tm.tm_hour,
            tm.tm_min,
            tm.tm_sec,
            since.subsec_millis()
        );
        let sign = if tm.tm_gmtoff < 0 { '-' } else { '+' };
        let zone = format!("{sign}{:02}{minutes:02}", hours.abs());
        Self { day: (tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), time, zone }
    }

    fn line(&self, out: &mut Vec<u8>, level: u32, id: Option<&str>, text: &str) {
        let (name, colour) = match level {
            ERR => ("ERROR", "\x1b[31m"),
            WARN => ("WARN", "\x1b[33m"),
            NOTICE => ("NOTICE", "\x1b[1m"),
            INFO => ("INFO", ""),
            DEBUG => ("DEBUG", "\x1b[36m"),
            _ => ("NONE", ""),
        };
        let is_coloured = is_coloured();
        let (begin, end) = if is_coloured { (colour, "\x1b[0m") } else { ("", "") };
        let id = id.map(|id| format!("{id}: ")).unwrap_or_default();
        let text = text.strip_suffix('\n').unwrap_or(text);
        let line = format!("{begin}[{name:<6}]: {}: {id}{text}{end}\n", self.time);
        out.extend_from_slice(line.as_bytes());
    }
}

/// Returns whether somebody sees colours and wants to.
fn is_coloured() -> bool {
    let is_set = |name| std::env::var_os(name).is_some();
    std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_some_and(|term| !term.is_empty())
        && !is_set("NO_COLOR")
        && !is_set("NNG_LOG_NO_COLOR")
}

/// Defines exports that jump to functions of C, with whatever arguments there are.
macro_rules! jumps {
    ($($name:ident to $target:ident;)+) => {
        unsafe extern "C" {
            $(fn $target();)+
        }
        $(
            /// Jumps to a function of `c/log.c`.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub extern "C" fn $name() {
                #[cfg(target_arch = "x86_64")]
                std::arch::naked_asm!("jmp {}", sym $target);
                #[cfg(target_arch = "aarch64")]
                std::arch::naked_asm!("b {}", sym $target);
                #[cfg(target_arch = "riscv64")]
                std::arch::naked_asm!("tail {}", sym $target);
            }
        )+
    };
}

jumps! {
    nng_log_err to nngo_log_err;
    nng_log_warn to nngo_log_warn;
    nng_log_notice to nngo_log_notice;
    nng_log_info to nngo_log_info;
    nng_log_debug to nngo_log_debug;
    nng_log_auth to nngo_log_auth;
}
