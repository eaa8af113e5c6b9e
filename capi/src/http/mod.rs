//! HTTP: requests and responses here, what is done with them beside.

mod client;
mod conn;
pub(crate) mod exchange;
mod handler;
mod server;

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use nng_aio::{Buffer, Foreign};
use nng_oxide::http::{Body, Request, Response, Shared};

use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::start;
use crate::text::{Lent, Text};
use crate::url::{self, nng_url};

pub(crate) use conn::nng_http_conn;
pub(crate) use server::forget_servers;

/// A request.
#[repr(C)]
pub struct nng_http_req {
    tag: Tag,
    message: Shared<Request>,
    lent: Lent,
    /// Whether the handler that has been given it has taken it over; absent if it is nobody else's.
    is_taken: Option<Arc<AtomicBool>>,
}

/// A response.
#[repr(C)]
pub struct nng_http_res {
    tag: Tag,
    message: Shared<Response>,
    lent: Lent,
}

object! {
    nng_http_req = b"hreq";
    nng_http_res = b"hres";
}

impl nng_http_req {
    fn of(message: Shared<Request>, is_taken: Option<Arc<AtomicBool>>) -> Self {
        Self { tag: Tag::of::<Self>(), message, lent: Lent::default(), is_taken }
    }
}

impl nng_http_res {
    fn of(message: Response) -> Self {
        Self { tag: Tag::of::<Self>(), message: Shared::new(message), lent: Lent::default() }
    }
}

/// Returns whether an object that a handler has been given is still the server's.
fn is_servers(is_taken: Option<&Arc<AtomicBool>>) -> bool {
    is_taken.is_some_and(|is_taken| !is_taken.load(SeqCst))
}

/// Returns the bytes that C hands over; `None` for null with a length, and for more than any memory has.
fn bytes<'a>(data: *const c_void, size: usize) -> Option<&'a [u8]> {
    if size == 0 {
        return Some(&[]);
    }
    isize::try_from(size).ok()?;
    // SAFETY: C says that there are so many bytes, and nobody writes to them during the call.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast(), size) })
}

/// Returns a body that C lends; null with a length is one that is only announced.
fn lent(data: *const c_void, size: usize) -> Body {
    match NonNull::new(data.cast_mut().cast()) {
        _ if size == 0 => Body::empty(),
        None => Body::declared(size as u64),
        // SAFETY: C says that so many bytes are there and stay until the message has another body.
        Some(data) => Body::from(Buffer::Foreign(unsafe { Foreign::new(data, size) })),
    }
}

export! {
    fn nng_http_req_alloc(reqp: Out<'_, *mut nng_http_req>, url: Option<&nng_url>) -> c_int {
        start();
        let request = match url {
            None => Ok(Request::new()),
            url => url::read(url).and_then(|url| Request::for_url(&url)),
        };
        fill(reqp?, request.map(|request| give(nng_http_req::of(Shared::new(request), None))))
    }

    fn nng_http_req_free(req: *mut nng_http_req) {
        // SAFETY: C hands over null or a request of ours, which was not freed.
        let object = live(unsafe { req.as_ref() })?;
        if !is_servers(object.is_taken.as_ref()) {
            drop(take(req));
        }
    }

    fn nng_http_req_get_method(req: Option<&nng_http_req>) -> *const c_char {
        let req = live(req)?;
        req.lent.lend(":method", req.message.lock().method().as_bytes())
    }

    fn nng_http_req_set_method(req: Option<&nng_http_req>, method: Text) -> c_int {
        // Null is the usual one; a text that is empty is none.
        let method = if method.is_null() { "GET" } else { method.str()? };
        if method.is_empty() {
            return None;
        }
        code(live(req)?.message.lock().set_method(method))
    }

    fn nng_http_req_get_uri(req: Option<&nng_http_req>) -> *const c_char {
        let req = live(req)?;
        req.lent.lend(":uri", req.message.lock().uri().as_bytes())
    }

    fn nng_http_req_set_uri(req: Option<&nng_http_req>, uri: Text) -> c_int {
        let uri = if uri.is_null() { "" } else { uri.str()? };
        code(live(req)?.message.lock().set_uri(uri))
    }

    fn nng_http_req_get_header(req: Option<&nng_http_req>, name: Text) -> *const c_char {
        let (req, name) = (live(req)?, name.str()?);
        let message = req.message.lock();
        req.lent.lend(name, &message.headers().get_bytes(name)?)
    }

    fn nng_http_req_set_header(req: Option<&nng_http_req>, name: Text, value: Text) -> c_int {
        let (req, name, value) = (live(req)?, name.str()?, value.bytes()?);
        code(req.message.lock().headers_mut().set(name, value))
    }

    fn nng_http_req_add_header(req: Option<&nng_http_req>, name: Text, value: Text) -> c_int {
        let (req, name, value) = (live(req)?, name.str()?, value.bytes()?);
        code(req.message.lock().headers_mut().add(name, value))
    }

    fn nng_http_req_del_header(req: Option<&nng_http_req>, name: Text) -> c_int {
        let (req, name) = (live(req)?, name.str()?);
        code(req.message.lock().headers_mut().remove(name))
    }

    fn nng_http_req_set_data(req: Option<&nng_http_req>, data: *const c_void, size: usize) -> c_int {
        live(req)?.message.lock().set_body(lent(data, size));
        0
    }

    fn nng_http_req_copy_data(req: Option<&nng_http_req>, data: *const c_void, size: usize) -> c_int {
        let req = live(req)?;
        let data = bytes(data, size)?;
        req.message.lock().copy_body(data);
        0
    }

    fn nng_http_req_get_data(
        req: Option<&nng_http_req>,
        datap: Out<'_, *mut c_void>,
        sizep: Out<'_, usize>,
    ) {
        let message = live(req)?.message.lock();
        let body = message.body();
        let data = if body.is_empty() { std::ptr::null() } else { body.as_ptr() };
        datap.map(|place| place.write(data.cast_mut().cast()));
        sizep.map(|place| place.write(body.len()));
    }

    fn nng_http_req_get_version(req: Option<&nng_http_req>) -> *const c_char {
        let req = live(req)?;
        req.lent.lend(":version", req.message.lock().version().as_str().as_bytes())
    }

    fn nng_http_req_set_version(req: Option<&nng_http_req>, version: Text) -> c_int {
        let req = live(req)?;
        let text = if version.is_null() { "HTTP/1.1" } else { version.str()? };
        code(text.parse().map(|version| req.message.lock().set_version(version)))
    }

    fn nng_http_req_reset(req: Option<&nng_http_req>) {
        let req = live(req)?;
        req.message.lock().reset();
        req.lent.end();
    }
}

export! {
    fn nng_http_res_alloc(resp: Out<'_, *mut nng_http_res>) -> c_int {
        start();
        fill(resp?, Ok(give(nng_http_res::of(Response::new()))))
    }

    fn nng_http_res_alloc_error(resp: Out<'_, *mut nng_http_res>, status: u16) -> c_int {
        start();
        fill(resp?, Ok(give(nng_http_res::of(Response::for_error(status)))))
    }

    fn nng_http_res_free(res: *mut nng_http_res) {
        drop(take(res));
    }

    fn nng_http_res_get_status(res: Option<&nng_http_res>) -> u16 {
        live(res)?.message.lock().status()
    }

    fn nng_http_res_set_status(res: Option<&nng_http_res>, status: u16) -> c_int {
        live(res)?.message.lock().set_status(status);
        0
    }

    fn nng_http_res_get_reason(res: Option<&nng_http_res>) -> *const c_char {
        let res = live(res)?;
        res.lent.lend(":reason", res.message.lock().reason().as_bytes())
    }

    fn nng_http_res_set_reason(res: Option<&nng_http_res>, reason: Text) -> c_int {
        let reason = if reason.is_null() { None } else { Some(reason.str()?) };
        code(live(res)?.message.lock().set_reason(reason))
    }

    fn nng_http_res_get_header(res: Option<&nng_http_res>, name: Text) -> *const c_char {
        let (res, name) = (live(res)?, name.str()?);
        let message = res.message.lock();
        res.lent.lend(name, &message.headers().get_bytes(name)?)
    }

    fn nng_http_res_set_header(res: Option<&nng_http_res>, name: Text, value: Text) -> c_int {
        let (res, name, value) = (live(res)?, name.str()?, value.bytes()?);
        code(res.message.lock().headers_mut().set(name, value))
    }

    fn nng_http_res_add_header(res: Option<&nng_http_res>, name: Text, value: Text) -> c_int {
        let (res, name, value) = (live(res)?, name.str()?, value.bytes()?);
        code(res.message.lock().headers_mut().add(name, value))
    }

    fn nng_http_res_del_header(res: Option<&nng_http_res>, name: Text) -> c_int {
        let (res, name) = (live(res)?, name.str()?);
        code(res.message.lock().headers_mut().remove(name))
    }

    fn nng_http_res_set_data(res: Option<&nng_http_res>, data: *const c_void, size: usize) -> c_int {
        live(res)?.message.lock().set_body(lent(data, size));
        0
    }

    fn nng_http_res_copy_data(res: Option<&nng_http_res>, data: *const c_void, size: usize) -> c_int {
        let res = live(res)?;
        let data = bytes(data, size)?;
        res.message.lock().copy_body(data);
        0
    }

    fn nng_http_res_get_data(
        res: Option<&nng_http_res>,
        datap: Out<'_, *mut c_void>,
        sizep: Out<'_, usize>,
    ) {
        let message = live(res)?.message.lock();
        let body = message.body();
        let data = if body.is_empty() { std::ptr::null() } else { body.as_ptr() };
        datap.map(|place| place.write(data.cast_mut().cast()));
        sizep.map(|place| place.write(body.len()));
    }

    fn nng_http_res_get_version(res: Option<&nng_http_res>) -> *const c_char {
        let res = live(res)?;
        res.lent.lend(":version", res.message.lock().version().as_str().as_bytes())
    }

    fn nng_http_res_set_version(res: Option<&nng_http_res>, version: Text) -> c_int {
        let res = live(res)?;
        let text = if version.is_null() { "HTTP/1.1" } else { version.str()? };
        code(text.parse().map(|version| res.message.lock().set_version(version)))
    }

    fn nng_http_res_reset(res: Option<&nng_http_res>) {
        let res = live(res)?;
        res.message.lock().reset();
        res.lent.end();
    }
}
