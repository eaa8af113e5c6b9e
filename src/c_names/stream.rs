//! Byte streams and their options.

use ::nng_aio::net::Addr;

use crate::Url;
use crate::option::{Options, Value};
use crate::stream::{Dialer, Listener, Stream};

use super::{code, make, nng_aio, nng_duration, nng_tls_config, nng_url, store};

/// A connected byte stream.
pub type nng_stream = Stream;
/// Makes connections to where a URL says.
pub type nng_stream_dialer = Dialer;
/// Takes connections where a URL says.
pub type nng_stream_listener = Listener;
/// Where a socket is.
pub type nng_sockaddr = Addr;

/// Makes a dialer; see [`Dialer::new`]. `NNG_EINVAL`, `NNG_ENOTSUP`, `NNG_EADDRINVAL`.
pub fn nng_stream_dialer_alloc(dp: &mut Option<nng_stream_dialer>, url: &str) -> i32 {
    make(dp, Url::parse(url).and_then(|url| Dialer::new(&url)))
}

/// Makes a dialer; see [`Dialer::new`]. `NNG_ENOTSUP`, `NNG_EADDRINVAL`.
pub fn nng_stream_dialer_alloc_url(dp: &mut Option<nng_stream_dialer>, url: &nng_url) -> i32 {
    make(dp, Dialer::new(url))
}

/// Connects; output 0 is the [`nng_stream`]; see [`Dialer::dial`].
pub fn nng_stream_dialer_dial(dialer: &nng_stream_dialer, aio: &nng_aio) {
    dialer.dial(aio);
}

/// Ends what is under way and dials no more; see [`Dialer::close`].
pub fn nng_stream_dialer_close(dialer: &nng_stream_dialer) {
    dialer.close();
}

/// Closes a dialer and frees it.
pub fn nng_stream_dialer_free(dialer: impl Into<Option<nng_stream_dialer>>) {
    drop(dialer.into());
}

/// Makes a listener; see [`Listener::new`]. `NNG_EINVAL`, `NNG_ENOTSUP`, `NNG_EADDRINVAL`.
pub fn nng_stream_listener_alloc(lp: &mut Option<nng_stream_listener>, url: &str) -> i32 {
    make(lp, Url::parse(url).and_then(|url| Listener::new(&url)))
}

/// Makes a listener; see [`Listener::new`]. `NNG_ENOTSUP`, `NNG_EADDRINVAL`.
pub fn nng_stream_listener_alloc_url(lp: &mut Option<nng_stream_listener>, url: &nng_url) -> i32 {
    make(lp, Listener::new(url))
}

/// Binds and listens; see [`Listener::listen`]. `NNG_ESTATE`, `NNG_ECLOSED`, `NNG_EADDRINUSE` and what
/// the system says.
pub fn nng_stream_listener_listen(listener: &nng_stream_listener) -> i32 {
    code(listener.listen())
}

/// Accepts a connection; output 0 is the [`nng_stream`]; see [`Listener::accept`].
pub fn nng_stream_listener_accept(listener: &nng_stream_listener, aio: &nng_aio) {
    listener.accept(aio);
}

/// Stops listening; see [`Listener::close`].
pub fn nng_stream_listener_close(listener: &nng_stream_listener) {
    listener.close();
}

/// Closes a listener and frees it.
pub fn nng_stream_listener_free(listener: impl Into<Option<nng_stream_listener>>) {
    drop(listener.into());
}

/// Sends some of the memory; see [`Stream::send`].
pub fn nng_stream_send(stream: &nng_stream, aio: &nng_aio) {
    stream.send(aio);
}

/// Receives what is there; see [`Stream::recv`].
pub fn nng_stream_recv(stream: &nng_stream, aio: &nng_aio) {
    stream.recv(aio);
}

/// Ends both directions; see [`Stream::close`].
pub fn nng_stream_close(stream: &nng_stream) {
    stream.close();
}

/// Closes a stream and lets go of it.
pub fn nng_stream_free(stream: impl Into<Option<nng_stream>>) {
    if let Some(stream) = stream.into() {
        stream.close();
    }
}

/// Reads the option that is a configuration of TLS; see [`Dialer::tls`].
pub fn nng_stream_dialer_get_ptr(
    dialer: &nng_stream_dialer,
    opt: &str,
    valp: &mut Option<nng_tls_config>,
) -> i32 {
    make(valp, dialer.option(opt).and_then(Value::into_tls_config))
}

/// Sets the option that is a configuration of TLS; see [`Dialer::set_tls`].
pub fn nng_stream_dialer_set_ptr(
    dialer: &nng_stream_dialer,
    opt: &str,
    val: &nng_tls_config,
) -> i32 {
    code(dialer.set_option(opt, val.clone()))
}

/// Reads the option that is a configuration of TLS; see [`Listener::tls`].
pub fn nng_stream_listener_get_ptr(
    listener: &nng_stream_listener,
    opt: &str,
    valp: &mut Option<nng_tls_config>,
) -> i32 {
    make(valp, listener.option(opt).and_then(Value::into_tls_config))
}

/// Sets the option that is a configuration of TLS; see [`Listener::set_tls`].
pub fn nng_stream_listener_set_ptr(
    listener: &nng_stream_listener,
    opt: &str,
    val: &nng_tls_config,
) -> i32 {
    code(listener.set_option(opt, val.clone()))
}

/// Reads the option that is several texts.
pub fn nng_stream_get_ptr(stream: &nng_stream, opt: &str, valp: &mut Vec<String>) -> i32 {
    store(valp, stream.option(opt).and_then(Value::into_strings))
}

/// Makes the functions that read and set options: for each type and kind of object, one of each.
macro_rules! options {
    ($($variant:ident($type:ty, $value:ty) $into:ident { $($object:ident: $object_type:ty, $get:ident, $set:ident;)+ })+) => {
        $($(
            #[doc = concat!("Reads an option that is a [`Value::", stringify!($variant), "`]; see [`Options::option`].")]
            pub fn $get($object: &$object_type, opt: &str, valp: &mut $type) -> i32 {
                store(valp, $object.option(opt).and_then(Value::$into))
            }

            #[doc = concat!("Sets an option that is a [`Value::", stringify!($variant), "`]; see [`Options::set_option`].")]
            pub fn $set($object: &$object_type, opt: &str, val: $value) -> i32 {
                code($object.set_option(opt, Value::$variant(val.to_owned())))
            }
        )+)+
    };
}

options! {
    Bool(bool, bool) into_bool {
        stream: nng_stream, nng_stream_get_bool, nng_stream_set_bool;
        dialer: nng_stream_dialer, nng_stream_dialer_get_bool, nng_stream_dialer_set_bool;
        listener: nng_stream_listener, nng_stream_listener_get_bool, nng_stream_listener_set_bool;
    }
    Int(i32, i32) into_int {
        stream: nng_stream, nng_stream_get_int, nng_stream_set_int;
        dialer: nng_stream_dialer, nng_stream_dialer_get_int, nng_stream_dialer_set_int;
        listener: nng_stream_listener, nng_stream_listener_get_int, nng_stream_listener_set_int;
    }
    Ms(nng_duration, nng_duration) into_ms {
        stream: nng_stream, nng_stream_get_ms, nng_stream_set_ms;
        dialer: nng_stream_dialer, nng_stream_dialer_get_ms, nng_stream_dialer_set_ms;
        listener: nng_stream_listener, nng_stream_listener_get_ms, nng_stream_listener_set_ms;
    }
    Size(usize, usize) into_size {
        stream: nng_stream, nng_stream_get_size, nng_stream_set_size;
        dialer: nng_stream_dialer, nng_stream_dialer_get_size, nng_stream_dialer_set_size;
        listener: nng_stream_listener, nng_stream_listener_get_size, nng_stream_listener_set_size;
    }
    Uint64(u64, u64) into_uint64 {
        stream: nng_stream, nng_stream_get_uint64, nng_stream_set_uint64;
        dialer: nng_stream_dialer, nng_stream_dialer_get_uint64, nng_stream_dialer_set_uint64;
        listener: nng_stream_listener, nng_stream_listener_get_uint64, nng_stream_listener_set_uint64;
    }
    String(String, &str) into_string {
        stream: nng_stream, nng_stream_get_string, nng_stream_set_string;
        dialer: nng_stream_dialer, nng_stream_dialer_get_string, nng_stream_dialer_set_string;
        listener: nng_stream_listener, nng_stream_listener_get_string, nng_stream_listener_set_string;
    }
    Addr(nng_sockaddr, &nng_sockaddr) into_addr {
        stream: nng_stream, nng_stream_get_addr, nng_stream_set_addr;
        dialer: nng_stream_dialer, nng_stream_dialer_get_addr, nng_stream_dialer_set_addr;
        listener: nng_stream_listener, nng_stream_listener_get_addr, nng_stream_listener_set_addr;
    }
}
