//! Byte streams, their dialers and listeners.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use nng_oxide::Url;
use nng_oxide::option::{Options, Value};
use nng_oxide::stream::{Dialer, Listener, Stream};

use crate::address::nng_sockaddr;
use crate::aio::nng_aio;
use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::start;
use crate::setting::{self, settings};
use crate::text::Text;
use crate::url::{self, nng_url};

/// A connected byte stream.
#[repr(C)]
pub struct nng_stream {
    tag: Tag,
    stream: Stream,
}

/// Makes connections to where a URL says.
#[repr(C)]
pub struct nng_stream_dialer {
    tag: Tag,
    /// Also of calls that are under way, whose callbacks may free the object.
    dialer: Arc<Dialer>,
}

/// Takes connections where a URL says.
#[repr(C)]
pub struct nng_stream_listener {
    tag: Tag,
    /// As for dialers.
    listener: Arc<Listener>,
}

object! {
    nng_stream = b"strm";
    nng_stream_dialer = b"dial";
    nng_stream_listener = b"list";
}

impl nng_stream {
    pub(crate) fn of(stream: Stream) -> Self {
        Self { tag: Tag::of::<Self>(), stream }
    }

    fn options(&self) -> &Stream {
        &self.stream
    }
}

impl nng_stream_dialer {
    fn of(dialer: Dialer) -> Self {
        Self { tag: Tag::of::<Self>(), dialer: Arc::new(dialer) }
    }

    fn options(&self) -> &Dialer {
        &self.dialer
    }
}

impl nng_stream_listener {
    fn of(listener: Listener) -> Self {
        Self { tag: Tag::of::<Self>(), listener: Arc::new(listener) }
    }

    fn options(&self) -> &Listener {
        &self.listener
    }
}

export! {
    fn nng_stream_dialer_alloc(dialerp: Out<'_, *mut nng_stream_dialer>, url: Text) -> c_int {
        start();
        let (dialerp, url) = (dialerp?, url.str()?);
        let dialer = Url::parse(url).and_then(|url| Dialer::new(&url));
        fill(dialerp, dialer.map(|dialer| give(nng_stream_dialer::of(dialer))))
    }

    fn nng_stream_dialer_alloc_url(
        dialerp: Out<'_, *mut nng_stream_dialer>,
        url: Option<&nng_url>,
    ) -> c_int {
        start();
        let dialer = url::read(url).and_then(|url| Dialer::new(&url));
        fill(dialerp?, dialer.map(|dialer| give(nng_stream_dialer::of(dialer))))
    }

    fn nng_stream_dialer_dial(dialer: Option<&nng_stream_dialer>, aio: Option<&nng_aio>) {
        let (dialer, aio) = (live(dialer)?, live(aio)?);
        let dialer = Arc::clone(&dialer.dialer);
        dialer.dial(&aio.start());
    }

    fn nng_stream_dialer_close(dialer: Option<&nng_stream_dialer>) {
        // Callbacks of what it ends may free it before this returns.
        let dialer = Arc::clone(&live(dialer)?.dialer);
        dialer.close();
    }

    fn nng_stream_dialer_free(dialer: *mut nng_stream_dialer) {
        drop(take(dialer));
    }

    fn nng_stream_listener_alloc(listenerp: Out<'_, *mut nng_stream_listener>, url: Text) -> c_int {
        start();
        let (listenerp, url) = (listenerp?, url.str()?);
        let listener = Url::parse(url).and_then(|url| Listener::new(&url));
        fill(listenerp, listener.map(|listener| give(nng_stream_listener::of(listener))))
    }

    fn nng_stream_listener_alloc_url(
        listenerp: Out<'_, *mut nng_stream_listener>,
        url: Option<&nng_url>,
    ) -> c_int {
        start();
        let listener = url::read(url).and_then(|url| Listener::new(&url));
        fill(listenerp?, listener.map(|listener| give(nng_stream_listener::of(listener))))
    }

    fn nng_stream_listener_listen(listener: Option<&nng_stream_listener>) -> c_int {
        code(live(listener)?.listener.listen())
    }

    fn nng_stream_listener_accept(listener: Option<&nng_stream_listener>, aio: Option<&nng_aio>) {
        let (listener, aio) = (live(listener)?, live(aio)?);
        let listener = Arc::clone(&listener.listener);
        listener.accept(&aio.start());
    }

    fn nng_stream_listener_close(listener: Option<&nng_stream_listener>) {
        let listener = Arc::clone(&live(listener)?.listener);
        listener.close();
    }

    fn nng_stream_listener_free(listener: *mut nng_stream_listener) {
        drop(take(listener));
    }

    fn nng_stream_send(stream: Option<&nng_stream>, aio: Option<&nng_aio>) {
        let (stream, aio) = (live(stream)?, live(aio)?);
        let stream = stream.stream.clone();
        stream.send(&aio.start());
    }

    fn nng_stream_recv(stream: Option<&nng_stream>, aio: Option<&nng_aio>) {
        let (stream, aio) = (live(stream)?, live(aio)?);
        let stream = stream.stream.clone();
        stream.recv(&aio.start());
    }

    fn nng_stream_close(stream: Option<&nng_stream>) {
        let stream = live(stream)?.stream.clone();
        stream.close();
    }

    fn nng_stream_free(stream: *mut nng_stream) {
        take(stream)?.stream.close();
    }
}

export! {
    fn nng_stream_get(stream: Option<&nng_stream>, name: Text, room: *mut c_void, size: Option<&mut usize>) -> c_int {
        setting::get(live(stream)?.options(), name, room, size)?
    }

    fn nng_stream_set(stream: Option<&nng_stream>, name: Text, data: *const c_void, size: usize) -> c_int {
        setting::set(live(stream)?.options(), name, data, size)?
    }

    fn nng_stream_get_ptr(stream: Option<&nng_stream>, name: Text, place: Out<'_, *mut c_void>) -> c_int {
        setting::get_ptr(live(stream)?.options(), name, place)?
    }

    fn nng_stream_set_ptr(stream: Option<&nng_stream>, name: Text, pointer: *mut c_void) -> c_int {
        setting::set_ptr(live(stream)?.options(), name, pointer)?
    }

    fn nng_stream_get_string(stream: Option<&nng_stream>, name: Text, place: Out<'_, *mut c_char>) -> c_int {
        setting::get_string(live(stream)?.options(), name, place)?
    }

    fn nng_stream_set_string(stream: Option<&nng_stream>, name: Text, value: Text) -> c_int {
        setting::set_string(live(stream)?.options(), name, value)?
    }

    fn nng_stream_get_addr(stream: Option<&nng_stream>, name: Text, place: Out<'_, nng_sockaddr>) -> c_int {
        let (stream, name, place) = (live(stream)?, name.str()?, place?);
        let addr = stream.options().option(name).and_then(Value::into_addr);
        fill(place, addr.map(|addr| nng_sockaddr::of(&addr)))
    }
}

settings! {
    nng_stream {
        nng_stream_get_bool nng_stream_set_bool: Bool(bool) into_bool;
        nng_stream_get_int nng_stream_set_int: Int(c_int) into_int;
        nng_stream_get_ms nng_stream_set_ms: Ms(i32) into_ms;
        nng_stream_get_size nng_stream_set_size: Size(usize) into_size;
        nng_stream_get_uint64 nng_stream_set_uint64: Uint64(u64) into_uint64;
    }
}

export! {
    fn nng_stream_dialer_get(dialer: Option<&nng_stream_dialer>, name: Text, room: *mut c_void, size: Option<&mut usize>) -> c_int {
        setting::get(live(dialer)?.options(), name, room, size)?
    }

    fn nng_stream_dialer_set(dialer: Option<&nng_stream_dialer>, name: Text, data: *const c_void, size: usize) -> c_int {
        setting::set(live(dialer)?.options(), name, data, size)?
    }

    fn nng_stream_dialer_get_ptr(dialer: Option<&nng_stream_dialer>, name: Text, place: Out<'_, *mut c_void>) -> c_int {
        setting::get_ptr(live(dialer)?.options(), name, place)?
    }

    fn nng_stream_dialer_set_ptr(dialer: Option<&nng_stream_dialer>, name: Text, pointer: *mut c_void) -> c_int {
        setting::set_ptr(live(dialer)?.options(), name, pointer)?
    }

    fn nng_stream_dialer_get_string(dialer: Option<&nng_stream_dialer>, name: Text, place: Out<'_, *mut c_char>) -> c_int {
        setting::get_string(live(dialer)?.options(), name, place)?
    }

    fn nng_stream_dialer_set_string(dialer: Option<&nng_stream_dialer>, name: Text, value: Text) -> c_int {
        setting::set_string(live(dialer)?.options(), name, value)?
    }

    fn nng_stream_dialer_get_addr(dialer: Option<&nng_stream_dialer>, name: Text, place: Out<'_, nng_sockaddr>) -> c_int {
        let (dialer, name, place) = (live(dialer)?, name.str()?, place?);
        let addr = dialer.options().option(name).and_then(Value::into_addr);
        fill(place, addr.map(|addr| nng_sockaddr::of(&addr)))
    }

    fn nng_stream_dialer_set_addr(dialer: Option<&nng_stream_dialer>, name: Text, value: Option<&nng_sockaddr>) -> c_int {
        let (dialer, name) = (live(dialer)?, name.str()?);
        code(value?.read().and_then(|addr| dialer.options().set_option(name, Value::Addr(addr))))
    }
}

settings! {
    nng_stream_dialer {
        nng_stream_dialer_get_bool nng_stream_dialer_set_bool: Bool(bool) into_bool;
        nng_stream_dialer_get_int nng_stream_dialer_set_int: Int(c_int) into_int;
        nng_stream_dialer_get_ms nng_stream_dialer_set_ms: Ms(i32) into_ms;
        nng_stream_dialer_get_size nng_stream_dialer_set_size: Size(usize) into_size;
        nng_stream_dialer_get_uint64 nng_stream_dialer_set_uint64: Uint64(u64) into_uint64;
    }
}

export! {
    fn nng_stream_listener_get(listener: Option<&nng_stream_listener>, name: Text, room: *mut c_void, size: Option<&mut usize>) -> c_int {
        setting::get(live(listener)?.options(), name, room, size)?
    }

    fn nng_stream_listener_set(listener: Option<&nng_stream_listener>, name: Text, data: *const c_void, size: usize) -> c_int {
        setting::set(live(listener)?.options(), name, data, size)?
    }

    fn nng_stream_listener_get_ptr(listener: Option<&nng_stream_listener>, name: Text, place: Out<'_, *mut c_void>) -> c_int {
        setting::get_ptr(live(listener)?.options(), name, place)?
    }

    fn nng_stream_listener_set_ptr(listener: Option<&nng_stream_listener>, name: Text, pointer: *mut c_void) -> c_int {
        setting::set_ptr(live(listener)?.options(), name, pointer)?
    }

    fn nng_stream_listener_get_string(listener: Option<&nng_stream_listener>, name: Text, place: Out<'_, *mut c_char>) -> c_int {
        setting::get_string(live(listener)?.options(), name, place)?
    }

    fn nng_stream_listener_set_string(listener: Option<&nng_stream_listener>, name: Text, value: Text) -> c_int {
        setting::set_string(live(listener)?.options(), name, value)?
    }

    fn nng_stream_listener_get_addr(listener: Option<&nng_stream_listener>, name: Text, place: Out<'_, nng_sockaddr>) -> c_int {
        let (listener, name, place) = (live(listener)?, name.str()?, place?);
        let addr = listener.options().option(name).and_then(Value::into_addr);
        fill(place, addr.map(|addr| nng_sockaddr::of(&addr)))
    }

    fn nng_stream_listener_set_addr(listener: Option<&nng_stream_listener>, name: Text, value: Option<&nng_sockaddr>) -> c_int {
        let (listener, name) = (live(listener)?, name.str()?);
        code(value?.read().and_then(|addr| listener.options().set_option(name, Value::Addr(addr))))
    }
}

settings! {
    nng_stream_listener {
        nng_stream_listener_get_bool nng_stream_listener_set_bool: Bool(bool) into_bool;
        nng_stream_listener_get_int nng_stream_listener_set_int: Int(c_int) into_int;
        nng_stream_listener_get_ms nng_stream_listener_set_ms: Ms(i32) into_ms;
        nng_stream_listener_get_size nng_stream_listener_set_size: Size(usize) into_size;
        nng_stream_listener_get_uint64 nng_stream_listener_set_uint64: Uint64(u64) into_uint64;
    }
}
