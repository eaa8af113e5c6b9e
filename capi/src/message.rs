//! Messages.

use std::ffi::{c_int, c_void};

use nng_aio::sync::{Mutex, MutexGuard};
use nng_oxide::Message;

use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};

/// A message. One thread at a time uses it, as C promises; the lock is for those who break it.
#[repr(C)]
pub struct nng_msg {
    tag: Tag,
    message: Mutex<Message>,
}

/// A pipe, by its id.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct nng_pipe {
    id: u32,
}

object! {
    nng_msg = b"mesg";
}

impl nng_msg {
    pub(crate) fn of(message: Message) -> Self {
        Self { tag: Tag::of::<Self>(), message: Mutex::new(message) }
    }

    fn lock(&self) -> MutexGuard<'_, Message> {
        self.message.lock()
    }
}

impl crate::boundary::Answer for nng_pipe {
    const BAD: Self = Self { id: 0 };
    const BROKEN: Self = Self { id: 0 };
}

/// Returns the bytes that C hands over; `None` for null, which only makes room, and for more than any
/// memory has.
fn bytes<'a>(data: *const c_void, size: usize) -> Option<&'a [u8]> {
    if size == 0 {
        return Some(&[]);
    }
    isize::try_from(size).ok()?;
    // SAFETY: C says that there are so many bytes, and nobody writes to them during the call.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast(), size) })
}

export! {
    fn nng_msg_alloc(msgp: Out<'_, *mut nng_msg>, size: usize) -> c_int {
        fill(msgp?, Message::zeroed(size).map(|message| give(nng_msg::of(message))))
    }

    fn nng_msg_free(msg: *mut nng_msg) {
        drop(take(msg));
    }

    fn nng_msg_dup(dupp: Out<'_, *mut nng_msg>, source: Option<&nng_msg>) -> c_int {
        let (dupp, source) = (dupp?, live(source)?);
        fill(dupp, source.lock().try_clone().map(|message| give(nng_msg::of(message))))
    }

    fn nng_msg_realloc(msg: Option<&nng_msg>, size: usize) -> c_int {
        code(live(msg)?.lock().resize(size))
    }

    fn nng_msg_reserve(msg: Option<&nng_msg>, capacity: usize) -> c_int {
        code(live(msg)?.lock().reserve(capacity))
    }

    fn nng_msg_capacity(msg: Option<&nng_msg>) -> usize {
        live(msg)?.lock().capacity()
    }

    fn nng_msg_body(msg: Option<&nng_msg>) -> *mut c_void {
        live(msg)?.lock().body_mut().as_mut_ptr().cast()
    }

    fn nng_msg_len(msg: Option<&nng_msg>) -> usize {
        live(msg)?.lock().len()
    }

    fn nng_msg_append(msg: Option<&nng_msg>, data: *const c_void, size: usize) -> c_int {
        let mut message = live(msg)?.lock();
        code(match bytes(data, size) {
            Some(bytes) => message.append(bytes),
            None => message.grow(size).map(drop),
        })
    }

    fn nng_msg_insert(msg: Option<&nng_msg>, data: *const c_void, size: usize) -> c_int {
        let mut message = live(msg)?.lock();
        code(match bytes(data, size) {
            Some(bytes) => message.insert(bytes),
            None => message.grow_front(size).map(drop),
        })
    }

    fn nng_msg_trim(msg: Option<&nng_msg>, size: usize) -> c_int {
        code(live(msg)?.lock().trim(size))
    }

    fn nng_msg_chop(msg: Option<&nng_msg>, size: usize) -> c_int {
        code(live(msg)?.lock().chop(size))
    }

    fn nng_msg_clear(msg: Option<&nng_msg>) {
        live(msg)?.lock().clear();
    }

    fn nng_msg_header(msg: Option<&nng_msg>) -> *mut c_void {
        live(msg)?.lock().header_mut().as_mut_ptr().cast()
    }

    fn nng_msg_header_len(msg: Option<&nng_msg>) -> usize {
        live(msg)?.lock().header().len()
    }

    fn nng_msg_header_append(msg: Option<&nng_msg>, data: *const c_void, size: usize) -> c_int {
        code(live(msg)?.lock().append_header(bytes(data, size)?))
    }

    fn nng_msg_header_insert(msg: Option<&nng_msg>, data: *const c_void, size: usize) -> c_int {
        code(live(msg)?.lock().insert_header(bytes(data, size)?))
    }

    fn nng_msg_header_trim(msg: Option<&nng_msg>, size: usize) -> c_int {
        code(live(msg)?.lock().trim_header(size))
    }

    fn nng_msg_header_chop(msg: Option<&nng_msg>, size: usize) -> c_int {
        code(live(msg)?.lock().chop_header(size))
    }

    fn nng_msg_header_clear(msg: Option<&nng_msg>) {
        live(msg)?.lock().clear_header();
    }

    fn nng_msg_set_pipe(msg: Option<&nng_msg>, pipe: nng_pipe) {
        live(msg)?.lock().set_pipe(pipe.id);
    }

    fn nng_msg_get_pipe(msg: Option<&nng_msg>) -> nng_pipe {
        nng_pipe { id: live(msg)?.lock().pipe() }
    }
}

/// The functions that add numbers, and those that take them off.
macro_rules! numbers {
    ($($type:ty { $($add:ident: $add_method:ident;)+ } { $($remove:ident: $remove_method:ident;)+ })+) => {
        export! {
            $(
                $(fn $add(msg: Option<&nng_msg>, number: $type) -> c_int {
                    code(live(msg)?.lock().$add_method(number))
                })+
                $(fn $remove(msg: Option<&nng_msg>, numberp: Out<'_, $type>) -> c_int {
                    let numberp = numberp?;
                    fill(numberp, live(msg)?.lock().$remove_method())
                })+
            )+
        }
    };
}

numbers! {
    u16 {
        nng_msg_append_u16: append_u16;
        nng_msg_insert_u16: insert_u16;
        nng_msg_header_append_u16: append_header_u16;
        nng_msg_header_insert_u16: insert_header_u16;
    } {
        nng_msg_trim_u16: trim_u16;
        nng_msg_chop_u16: chop_u16;
        nng_msg_header_trim_u16: trim_header_u16;
        nng_msg_header_chop_u16: chop_header_u16;
    }
    u32 {
        nng_msg_append_u32: append_u32;
        nng_msg_insert_u32: insert_u32;
        nng_msg_header_append_u32: append_header_u32;
        nng_msg_header_insert_u32: insert_header_u32;
    } {
        nng_msg_trim_u32: trim_u32;
        nng_msg_chop_u32: chop_u32;
        nng_msg_header_trim_u32: trim_header_u32;
        nng_msg_header_chop_u32: chop_header_u32;
    }
    u64 {
        nng_msg_append_u64: append_u64;
        nng_msg_insert_u64: insert_u64;
        nng_msg_header_append_u64: append_header_u64;
        nng_msg_header_insert_u64: insert_header_u64;
    } {
        nng_msg_trim_u64: trim_u64;
        nng_msg_chop_u64: chop_u64;
        nng_msg_header_trim_u64: trim_header_u64;
        nng_msg_header_chop_u64: chop_header_u64;
    }
}
