//! Errors, the version, and the library as a whole.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use nng_aio::log::{self, Level};
use nng_aio::{Error, Runtime};
use nng_oxide::tls::ENGINE_DESCRIPTION;

use crate::http::forget_servers;

const VERSION: &std::ffi::CStr = c"1.12.0";

/// The code is the system's own number, or a transport's, beside this bit.
const SYSTEM: c_int = 0x1000_0000;
const TRANSPORT: c_int = 0x2000_0000;

/// The least that callbacks get as a stack, in bytes: what the standard library gives.
const STACK: usize = 2 << 20;

/// The longest text of a code without one, its end included.
const ROOM: usize = 128;

/// People have been told that the library is in use.
static HAS_STARTED: AtomicBool = AtomicBool::new(false);

/// Tells people, once, that the library is in use: what needs no start begins with it all the same.
pub(crate) fn start() {
    if HAS_STARTED.load(SeqCst) {
        return;
    }
    // What callbacks in C count on; before anybody can find the library started and begin the runtime. It has
    // been said before if the library was in use before.
    let _ = Runtime::builder().stack_size(stack_size()).describe_global();
    if HAS_STARTED.swap(true, SeqCst) {
        return;
    }
    log::record(Level::Info, "NNG-TLS-INFO", &format!("TLS engine: {ENGINE_DESCRIPTION}"));
    let version = VERSION.to_string_lossy();
    log::record(Level::Notice, "NNG-INIT", &format!("NNG library version {version} initialized"));
}

/// The stack in bytes that threads in C have here.
pub(crate) fn stack_size() -> usize {
    let mut attributes = MaybeUninit::uninit();
    let mut size = 0;
    // SAFETY: initialises a local variable.
    if unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } == 0 {
        // SAFETY: it was initialised; fills another one.
        unsafe { libc::pthread_attr_getstacksize(attributes.as_ptr(), &raw mut size) };
        // SAFETY: it was initialised and is not used again.
        unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    }
    size.max(STACK)
}

/// The texts of all codes that have one of their own.
fn texts() -> &'static BTreeMap<c_int, CString> {
    static TEXTS: OnceLock<BTreeMap<c_int, CString>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let codes = (0..=31).chain([nng_aio::codes::NNG_EINTERNAL]);
        codes.map(|code| (code, CString::new(&*Error::text(code)).unwrap_or_default())).collect()
    })
}

export! {
    fn nng_version() -> *const c_char {
        VERSION.as_ptr()
    }

    fn nng_strerror(code: c_int) -> *const c_char {
        thread_local! {
            /// The texts of codes without one, by where the number comes from: the system, a transport,
            /// nowhere. They are places, so that C can read an earlier text, which may be another by then.
            static LAST: RefCell<[[c_char; ROOM]; 3]> = const { RefCell::new([[0; ROOM]; 3]) };
        }
        if let Some(text) = texts().get(&code) {
            return Some(text.as_ptr());
        }
        let kind = match code {
            _ if code & SYSTEM != 0 => 0,
            _ if code & TRANSPORT != 0 => 1,
            _ => 2,
        };
        LAST.with_borrow_mut(|last| {
            let text = Error::text(code);
            for (place, byte) in last[kind][..ROOM - 1].iter_mut().zip(text.bytes().chain([0])) {
                *place = c_char::from_ne_bytes([byte]);
            }
            last[kind].as_ptr()
        })
    }

    fn nng_fini() {
        forget_servers();
        Runtime::shutdown_global();
        HAS_STARTED.store(false, SeqCst);
    }

    /// The runtime sizes itself; numbers of threads are taken and change nothing.
    fn nng_init_set_parameter(_parameter: c_int, _value: u64) {}
}
