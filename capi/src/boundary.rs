//! How a call from C becomes one in Rust.
//!
//! ```text
//!   C --pointers, numbers--> export! --references that may be absent--> nng-oxide
//!     <-- code, pointer ---           <-- value, or None: the arguments make no sense
//! ```
//!
//! No panic crosses the boundary: it is recorded in the log and answered like bad arguments, but with
//! `NNG_EINTERNAL`. Unwinding into a caller in C would be undefined.

use std::ffi::{c_char, c_int};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nng_aio::Error;
use nng_aio::log::{self, Level};

/// A place to be filled; what is in it before means nothing.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// What a function returns if its arguments make no sense, and if it has failed inside.
pub(crate) trait Answer {
    const BAD: Self;
    const BROKEN: Self;
}

impl Answer for c_int {
    const BAD: Self = nng_aio::codes::NNG_EINVAL;
    const BROKEN: Self = nng_aio::codes::NNG_EINTERNAL;
}

macro_rules! answers {
    ($($type:ty: $value:expr;)+) => {
        $(impl Answer for $type {
            const BAD: Self = $value;
            const BROKEN: Self = $value;
        })+
    };
}

answers! {
    (): ();
    bool: false;
    u16: 0;
    u32: 0;
    u64: 0;
    usize: 0;
    *const c_char: std::ptr::null();
}

impl<T> Answer for *mut T {
    const BAD: Self = std::ptr::null_mut();
    const BROKEN: Self = std::ptr::null_mut();
}

/// Runs the body of an export.
pub(crate) fn guard<R: Answer>(body: impl FnOnce() -> Option<R>) -> R {
    catch_unwind(AssertUnwindSafe(body)).map_or_else(
        |panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            log::record(Level::Error, "NNG-PANIC", &format!("a call has failed: {text}"));
            R::BROKEN
        },
        |answer| answer.unwrap_or(R::BAD),
    )
}

/// Defines functions that C calls. In the body, `?` on what is absent answers with [`Answer::BAD`].
macro_rules! export {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $answer:ty)? $body:block)+) => {
        $(
            $(#[$attribute])*
            #[unsafe(no_mangle)]
            pub extern "C" fn $name($($argument: $type),*) $(-> $answer)? {
                $crate::boundary::guard(move || Some($body))
            }
        )+
    };
}

/// Returns what C returns for a result.
pub(crate) fn code(result: Result<(), Error>) -> c_int {
    result.map_or_else(Error::code, |()| 0)
}

/// Fills a place with a result, which stays as it was without one.
pub(crate) fn fill<T>(place: &mut MaybeUninit<T>, result: Result<T, Error>) -> c_int {
    code(result.map(|value| _ = place.write(value)))
}
