//! Messages.

use crate::Message;

use super::{code, make, nng_pipe, store};

/// A body, a header, and the pipe it came by. It has one owner: the program, or the aio that it was given
/// to.
pub type nng_msg = Message;

/// Makes a message whose body has `size` bytes, all zero; see [`Message::zeroed`]. `NNG_ENOMEM`.
pub fn nng_msg_alloc(msgp: &mut Option<nng_msg>, size: usize) -> i32 {
    make(msgp, Message::zeroed(size))
}

/// Frees a message.
pub fn nng_msg_free(msg: impl Into<Option<nng_msg>>) {
    drop(msg.into());
}

/// Makes a copy with header, pipe and room; see [`Message::try_clone`]. `NNG_ENOMEM`.
pub fn nng_msg_dup(dupp: &mut Option<nng_msg>, src: &nng_msg) -> i32 {
    make(dupp, src.try_clone())
}

/// Makes the body `size` bytes long; see [`Message::resize`]. `NNG_ENOMEM`.
pub fn nng_msg_realloc(msg: &mut nng_msg, size: usize) -> i32 {
    code(msg.resize(size))
}

/// Makes room for a body of `capacity` bytes; see [`Message::reserve`]. `NNG_ENOMEM`.
pub fn nng_msg_reserve(msg: &mut nng_msg, capacity: usize) -> i32 {
    code(msg.reserve(capacity))
}

/// Returns how long the body can become in its place; see [`Message::capacity`].
pub fn nng_msg_capacity(msg: &nng_msg) -> usize {
    msg.capacity()
}

/// Returns the body, to be read and written to; see [`Message::body_mut`] and [`Message::body`].
pub fn nng_msg_body(msg: &mut nng_msg) -> &mut [u8] {
    msg.body_mut()
}

/// Returns the length of the body in bytes; see [`Message::len`].
pub fn nng_msg_len(msg: &nng_msg) -> usize {
    msg.len()
}

/// Adds bytes at the end; see [`Message::append`]. `NNG_ENOMEM`.
pub fn nng_msg_append(msg: &mut nng_msg, data: &[u8]) -> i32 {
    code(msg.append(data))
}

/// Adds bytes at the front; see [`Message::insert`]. `NNG_ENOMEM`.
pub fn nng_msg_insert(msg: &mut nng_msg, data: &[u8]) -> i32 {
    code(msg.insert(data))
}

/// Takes `size` bytes off the front; see [`Message::trim`]. `NNG_EINVAL` if there are fewer.
pub fn nng_msg_trim(msg: &mut nng_msg, size: usize) -> i32 {
    code(msg.trim(size))
}

/// Takes `size` bytes off the end; see [`Message::chop`]. `NNG_EINVAL` if there are fewer.
pub fn nng_msg_chop(msg: &mut nng_msg, size: usize) -> i32 {
    code(msg.chop(size))
}

/// Takes the whole body off; see [`Message::clear`].
pub fn nng_msg_clear(msg: &mut nng_msg) {
    msg.clear();
}

/// Returns the header, to be read and written to; see [`Message::header_mut`] and [`Message::header`].
pub fn nng_msg_header(msg: &mut nng_msg) -> &mut [u8] {
    msg.header_mut()
}

/// Returns the length of the header in bytes; see [`Message::header`].
pub fn nng_msg_header_len(msg: &nng_msg) -> usize {
    msg.header().len()
}

/// Adds bytes at the end of the header; see [`Message::append_header`]. `NNG_EINVAL` beyond 64 in all.
pub fn nng_msg_header_append(msg: &mut nng_msg, data: &[u8]) -> i32 {
    code(msg.append_header(data))
}

/// Adds bytes at the front of the header; see [`Message::insert_header`]. `NNG_EINVAL` beyond 64 in all.
pub fn nng_msg_header_insert(msg: &mut nng_msg, data: &[u8]) -> i32 {
    code(msg.insert_header(data))
}

/// Takes `size` bytes off the front of the header; see [`Message::trim_header`]. `NNG_EINVAL` if there are
/// fewer.
pub fn nng_msg_header_trim(msg: &mut nng_msg, size: usize) -> i32 {
    code(msg.trim_header(size))
}

/// Takes `size` bytes off the end of the header; see [`Message::chop_header`]. `NNG_EINVAL` if there are
/// fewer.
pub fn nng_msg_header_chop(msg: &mut nng_msg, size: usize) -> i32 {
    code(msg.chop_header(size))
}

/// Takes the whole header off; see [`Message::clear_header`].
pub fn nng_msg_header_clear(msg: &mut nng_msg) {
    msg.clear_header();
}

/// Says by which pipe it is to go; see [`Message::set_pipe`].
pub fn nng_msg_set_pipe(msg: &mut nng_msg, p: nng_pipe) {
    msg.set_pipe(p.id);
}

/// Returns the pipe that it came by; see [`Message::pipe`].
pub fn nng_msg_get_pipe(msg: &nng_msg) -> nng_pipe {
    nng_pipe { id: msg.pipe() }
}

/// Makes the functions for numbers, which are sent with the most significant byte first: those that add one,
/// and those that take one off.
macro_rules! numbers {
    (
        add { $(#[$add_doc:meta] { $($add:ident: $add_type:ty, $add_method:ident;)+ })+ }
        take { $(#[$take_doc:meta] { $($take:ident: $take_type:ty, $take_method:ident;)+ })+ }
    ) => {
        $($(
            #[$add_doc]
            #[doc = concat!("See [`Message::", stringify!($add_method), "`].")]
            pub fn $add(msg: &mut nng_msg, val: $add_type) -> i32 {
                code(msg.$add_method(val))
            }
        )+)+
        $($(
            #[$take_doc]
            #[doc = concat!("See [`Message::", stringify!($take_method), "`].")]
            pub fn $take(msg: &mut nng_msg, valp: &mut $take_type) -> i32 {
                store(valp, msg.$take_method())
            }
        )+)+
    };
}

numbers! {
    add {
        /// Adds a number at the end. `NNG_ENOMEM`.
        {
            nng_msg_append_u16: u16, append_u16;
            nng_msg_append_u32: u32, append_u32;
            nng_msg_append_u64: u64, append_u64;
        }
        /// Adds a number at the front. `NNG_ENOMEM`.
        {
            nng_msg_insert_u16: u16, insert_u16;
            nng_msg_insert_u32: u32, insert_u32;
            nng_msg_insert_u64: u64, insert_u64;
        }
        /// Adds a number at the end of the header. `NNG_EINVAL` beyond 64 bytes in all.
        {
            nng_msg_header_append_u16: u16, append_header_u16;
            nng_msg_header_append_u32: u32, append_header_u32;
            nng_msg_header_append_u64: u64, append_header_u64;
        }
        /// Adds a number at the front of the header. `NNG_EINVAL` beyond 64 bytes in all.
        {
            nng_msg_header_insert_u16: u16, insert_header_u16;
            nng_msg_header_insert_u32: u32, insert_header_u32;
            nng_msg_header_insert_u64: u64, insert_header_u64;
        }
    }
    take {
        /// Takes a number off the front. `NNG_EINVAL` if the body is shorter.
        {
            nng_msg_trim_u16: u16, trim_u16;
            nng_msg_trim_u32: u32, trim_u32;
            nng_msg_trim_u64: u64, trim_u64;
        }
        /// Takes a number off the end. `NNG_EINVAL` if the body is shorter.
        {
            nng_msg_chop_u16: u16, chop_u16;
            nng_msg_chop_u32: u32, chop_u32;
            nng_msg_chop_u64: u64, chop_u64;
        }
        /// Takes a number off the front of the header. `NNG_EINVAL` if the header is shorter.
        {
            nng_msg_header_trim_u16: u16, trim_header_u16;
            nng_msg_header_trim_u32: u32, trim_header_u32;
            nng_msg_header_trim_u64: u64, trim_header_u64;
        }
        /// Takes a number off the end of the header. `NNG_EINVAL` if the header is shorter.
        {
            nng_msg_header_chop_u16: u16, chop_header_u16;
            nng_msg_header_chop_u32: u32, chop_header_u32;
            nng_msg_header_chop_u64: u64, chop_header_u64;
        }
    }
}
