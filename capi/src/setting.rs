//! What is asked and set by name, in all the types that C has for it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use nng_aio::Error;
use nng_oxide::option::{Options, TLS_CONFIG, TLS_PEER_CN, Value};

use crate::address::nng_sockaddr;
use crate::boundary::{Out, code, fill};
use crate::memory::allocate;
use crate::text::{Text, out};
use crate::tls::nng_tls_config;

/// Reads an option as bytes: as many as there is room for, and how many there are.
pub(crate) fn get(
    object: &impl Options,
    name: Text,
    room: *mut c_void,
    size: Option<&mut usize>,
) -> Option<c_int> {
    let (name, size) = (name.str()?, size?);
    let value = match object.option(name) {
        // With it goes a count, which nobody would have where there is no room.
        Ok(Value::TlsConfig(_)) if room.is_null() || *size < size_of::<usize>() => {
            *size = size_of::<usize>();
            return None;
        }
        value => value,
    };
    let bytes = match value.and_then(|value| layout(name, value)) {
        Ok(bytes) => bytes,
        Err(error) => return Some(error.code()),
    };
    let count = bytes.len().min(if room.is_null() { 0 } else { *size });
    // SAFETY: C says that there is room for `*size` bytes.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), room.cast(), count) };
    let is_whole = count == bytes.len();
    *size = bytes.len();
    Some(if is_whole { 0 } else { Error::Invalid.code() })
}

/// Lays a value out as C does.
fn layout(name: &str, value: Value) -> Result<Vec<u8>, Error> {
    Ok(match value {
        // It may be absent, which bytes cannot tell.
        Value::String(_) if name == TLS_PEER_CN => return Err(Error::BadType),
        Value::TlsConfig(config) => {
            nng_tls_config::give(config).expose_provenance().to_ne_bytes().to_vec()
        }
        Value::Bool(value) => vec![u8::from(value)],
        Value::Int(value) | Value::Ms(value) => value.to_ne_bytes().to_vec(),
        Value::Size(value) => value.to_ne_bytes().to_vec(),
        Value::Uint64(value) => value.to_ne_bytes().to_vec(),
        Value::String(value) => [value.as_bytes(), &[0]].concat(),
        Value::Addr(value) => nng_sockaddr::of(&value).as_bytes().to_vec(),
        // They have an owner each, and only the functions for pointers say who that is.
        _ => return Err(Error::BadType),
    })
}

/// Sets an option from bytes, whose type the option knows.
pub(crate) fn set(
    object: &impl Options,
    text: Text,
    data: *const c_void,
    size: usize,
) -> Option<c_int> {
    let name = text.str()?;
    if (data.is_null() && size > 0) || isize::try_from(size).is_err() {
        return None;
    }
    let bytes = if size == 0 {
        &[][..]
    } else {
        // SAFETY: C says that there are so many.
        unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) }
    };
    if let (TLS_CONFIG, Ok(address)) = (name, <[u8; 8]>::try_from(bytes)) {
        let address = usize::from_ne_bytes(address);
        return set_ptr(object, text, ptr::with_exposed_provenance_mut(address));
    }
    let mut result = Err(Error::BadType);
    for value in readings(bytes) {
        result = object.set_option(name, value);
        if result != Err(Error::BadType) {
            return Some(code(result));
        }
    }
    // It may be of no type that has this size, or be no option at all.
    if result == Err(Error::BadType) && readings(bytes).next().is_none() {
        result = object.set_option(name, Value::Strings(Vec::new()));
    }
    Some(if result == Err(Error::BadType) { Error::Invalid.code() } else { code(result) })
}

/// Returns what bytes of that size may mean.
fn readings(bytes: &[u8]) -> impl Iterator<Item = Value> {
    let four = bytes.try_into().ok().map(i32::from_ne_bytes);
    let eight = bytes.try_into().ok().map(u64::from_ne_bytes);
    let one = <[u8; 1]>::try_from(bytes).ok().map(|[byte]| Value::Bool(byte != 0));
    let size = eight.and_then(|eight| usize::try_from(eight).ok());
    let text = CStr::from_bytes_until_nul(bytes).ok().and_then(|text| text.to_str().ok());
    let addr = nng_sockaddr::from_bytes(bytes).and_then(|addr| addr.read().ok());
    [
        one,
        four.map(Value::Int),
        four.map(Value::Ms),
        size.map(Value::Size),
        eight.map(Value::Uint64),
        text.map(|text| Value::String(text.to_owned())),
        addr.map(Value::Addr),
    ]
    .into_iter()
    .flatten()
}

/// Reads an option that is a text, which C frees.
pub(crate) fn get_string(
    object: &impl Options,
    name: Text,
    place: Out<'_, *mut c_char>,
) -> Option<c_int> {
    let (name, place) = (name.str()?, place?);
    let value = match object.option(name) {
        // Nobody has such a name: no text, and no error.
        Err(Error::NotFound) if name == TLS_PEER_CN => {
            return Some(fill(place, Ok(ptr::null_mut())));
        }
        value => value,
    };
    let text = value.and_then(Value::into_string).and_then(|text| {
        let copy = out(text.as_bytes());
        if copy.is_null() { Err(Error::NoMemory) } else { Ok(copy) }
    });
    Some(fill(place, text))
}

/// Sets an option to a text.
pub(crate) fn set_string(object: &impl Options, name: Text, value: Text) -> Option<c_int> {
    let name = name.str()?;
    if value.is_null() {
        // No option can be that, but there may be none of that name.
        return Some(match object.set_option(name, Value::Strings(Vec::new())) {
            Err(Error::NotSupported) => Error::NotSupported.code(),
            _ => Error::Invalid.code(),
        });
    }
    Some(code(object.set_option(name, Value::String(value.str()?.to_owned()))))
}

/// Reads an option that C gets the address of.
pub(crate) fn get_ptr(
    object: &impl Options,
    name: Text,
    place: Out<'_, *mut c_void>,
) -> Option<c_int> {
    let (name, place) = (name.str()?, place?);
    let pointer = object.option(name).and_then(|value| match value {
        Value::TlsConfig(config) => Ok(nng_tls_config::give(config).cast()),
        Value::Strings(texts) => list(&texts).map(<*mut *mut c_char>::cast),
        _ => Err(Error::BadType),
    });
    Some(fill(place, pointer))
}

/// Sets an option to what an address stands for.
pub(crate) fn set_ptr(object: &impl Options, name: Text, pointer: *mut c_void) -> Option<c_int> {
    let name = name.str()?;
    // What is behind the address is known for this option only.
    let config = if name == TLS_CONFIG { nng_tls_config::read(pointer.cast()) } else { None };
    Some(code(match config {
        Some(config) => object.set_option(name, config),
        // An option of another type says so, and so does one that there is not.
        None => match object.set_option(name, Value::Strings(Vec::new())) {
            Err(Error::BadType) if name == TLS_CONFIG => Err(Error::Invalid),
            other => other,
        },
    }))
}

/// Lays several texts out: an array of them, which a null ends, all of it C's.
fn list(texts: &[String]) -> Result<*mut *mut c_char, Error> {
    if texts.is_empty() {
        return Ok(ptr::null_mut());
    }
    let all = allocate((texts.len() + 1) * size_of::<*mut c_char>()).cast::<*mut c_char>();
    if all.is_null() {
        return Err(Error::NoMemory);
    }
    let copies = texts.iter().map(|text| out(text.as_bytes())).chain([ptr::null_mut()]);
    for (index, copy) in copies.enumerate() {
        // SAFETY: there is room for the texts and the null behind them.
        unsafe { all.wrapping_add(index).write(copy) };
    }
    Ok(all)
}

/// Defines the functions that read and set options of one kind of object.
macro_rules! settings {
    ($object:ty { $($get:ident $set:ident: $variant:ident($type:ty) $into:ident;)+ }) => {
        export! {
            $(
                fn $get(object: Option<&$object>, name: Text, place: Out<'_, $type>) -> c_int {
                    let (object, name, place) = (live(object)?, name.str()?, place?);
                    fill(place, object.options().option(name).and_then(Value::$into))
                }

                fn $set(object: Option<&$object>, name: Text, value: $type) -> c_int {
                    let (object, name) = (live(object)?, name.str()?);
                    code(object.options().set_option(name, Value::$variant(value)))
                }
            )+
        }
    };
}
pub(crate) use settings;
