//! What answers requests for a path.
//!
//! A handler is counted: C has one count until it adds the handler to a server, which has that from then on.
//!
//! ```text
//!   nng_http_handler --owns--> Handler --closure--> nng_http_handler
//!                     cut when C or the server lets go
//! ```
//!
//! So a request for which a handler was chosen finds all of it, though C has freed it meanwhile, and what
//! C gave the handler along goes with the last of these requests.

use std::ffi::{c_int, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

use ::nng_aio::Error;
use ::nng_aio::sync::Mutex;
use nng_oxide::http::Handler;

use super::bytes;
use super::exchange::Exchange;
use crate::aio::nng_aio;
use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, live, object, share, uncount};
use crate::library::start;
use crate::text::Text;

/// What answers requests for a path.
#[repr(C)]
pub struct nng_http_handler {
    tag: Tag,
    /// Absent once C or the server has let go.
    handler: Mutex<Option<Handler>>,
    data: Mutex<Option<Arc<Data>>>,
    /// There is somebody to answer.
    pub(super) is_complete: bool,
    /// A server has it.
    pub(super) is_added: AtomicBool,
}

object! {
    nng_http_handler = b"hndl";
}

/// Something of C's that goes with the handler.
struct Data {
    pointer: *mut c_void,
    destructor: Option<extern "C" fn(*mut c_void)>,
    /// Other data has taken its place, and C has its pointer back.
    is_replaced: AtomicBool,
}

// SAFETY: C knows that handlers run on several threads, and what of its data may be used there.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(destructor) = self.destructor
            && !self.is_replaced.load(SeqCst)
        {
            destructor(self.pointer);
        }
    }
}

impl nng_http_handler {
    fn of(handler: Handler, is_complete: bool) -> Arc<Self> {
        Arc::new(Self {
            tag: Tag::of::<Self>(),
            handler: Mutex::new(Some(handler)),
            data: Mutex::default(),
            is_complete,
            is_added: AtomicBool::new(false),
        })
    }

    /// Returns the handler while somebody has it.
    pub(super) fn handler(&self) -> Option<Handler> {
        self.handler.lock().clone()
    }

    /// Nobody but requests has it from here on.
    pub(super) fn let_go(&self) {
        let handler = self.handler.lock().take();
        drop(handler);
    }
}

/// Returns the path of a handler, which is the root if C has none.
fn path<'a>(text: Text) -> Option<&'a str> {
    if text.is_null() { Some("/") } else { text.str() }
}

/// Hands a handler to C.
fn hand_out(place: Out<'_, *mut nng_http_handler>, handler: Handler) -> Option<c_int> {
    Some(fill(place?, Ok(share(nng_http_handler::of(handler, true)))))
}

export! {
    fn nng_http_handler_alloc(
        handlerp: Out<'_, *mut nng_http_handler>,
        path_text: Text,
        callback: Option<extern "C" fn(*mut nng_aio)>,
    ) -> c_int {
        start();
        let (handlerp, path) = (handlerp?, path(path_text)?);
        let place = Arc::new(OnceLock::<Arc<nng_http_handler>>::new());
        let own = Arc::clone(&place);
        let handler = Handler::with_aio(path, move |aio| {
            if let (Some(handler), Some(callback)) = (own.get(), callback) {
                Exchange::begin(aio, Arc::clone(handler), callback);
            }
        });
        let object = nng_http_handler::of(handler, callback.is_some());
        // It was made just now, so nothing is there.
        let _ = place.set(Arc::clone(&object));
        fill(handlerp, Ok(share(object)))
    }

    fn nng_http_handler_alloc_static(
        handlerp: Out<'_, *mut nng_http_handler>,
        path_text: Text,
        data: *const c_void,
        size: usize,
        content_type: Text,
    ) -> c_int {
        let (handlerp, data) = (handlerp?, bytes(data, size)?);
        let kind = if content_type.is_null() { None } else { Some(content_type.str()?) };
        let handler = Handler::fixed(path(path_text)?, data.to_vec(), kind);
        fill(handlerp, handler.map(|handler| share(nng_http_handler::of(handler, true))))
    }

    fn nng_http_handler_alloc_file(
        handlerp: Out<'_, *mut nng_http_handler>,
        path_text: Text,
        file: Text,
    ) -> c_int {
        let file: &Path = file.path()?;
        hand_out(handlerp, Handler::file(path(path_text)?, file))?
    }

    fn nng_http_handler_alloc_directory(
        handlerp: Out<'_, *mut nng_http_handler>,
        path_text: Text,
        directory: Text,
    ) -> c_int {
        let directory: &Path = directory.path()?;
        hand_out(handlerp, Handler::directory(path(path_text)?, directory))?
    }

    fn nng_http_handler_alloc_redirect(
        handlerp: Out<'_, *mut nng_http_handler>,
        path_text: Text,
        status: u16,
        location: Text,
    ) -> c_int {
        let location = location.str()?;
        hand_out(handlerp, Handler::redirect(path(path_text)?, status, location))?
    }

    fn nng_http_handler_free(handler: *mut nng_http_handler) {
        // SAFETY: C hands over null or a handler of ours, which was not freed.
        let object = live(unsafe { handler.as_ref() })?;
        // The server's, C has no count of.
        if !object.is_added.load(SeqCst) {
            uncount(handler)?.let_go();
        }
    }

    fn nng_http_handler_set_method(handler: Option<&nng_http_handler>, method: Text) -> c_int {
        let method = if method.is_null() { None } else { Some(method.str()?) };
        code(live(handler)?.handler()?.set_method(method))
    }

    fn nng_http_handler_set_host(handler: Option<&nng_http_handler>, host: Text) -> c_int {
        let host = if host.is_null() { None } else { Some(host.str()?) };
        code(live(handler)?.handler()?.set_host(host))
    }

    fn nng_http_handler_set_tree(handler: Option<&nng_http_handler>) -> c_int {
        code(live(handler)?.handler()?.set_tree())
    }

    fn nng_http_handler_set_tree_exclusive(handler: Option<&nng_http_handler>) -> c_int {
        code(live(handler)?.handler()?.set_tree_exclusive())
    }

    fn nng_http_handler_collect_body(
        handler: Option<&nng_http_handler>,
        wanted: bool,
        max: usize,
    ) -> c_int {
        live(handler)?.handler()?.collect_body(wanted, max);
        0
    }

    fn nng_http_handler_set_data(
        handler: Option<&nng_http_handler>,
        pointer: *mut c_void,
        destructor: Option<extern "C" fn(*mut c_void)>,
    ) -> c_int {
        let object = live(handler)?;
        let data = Arc::new(Data { pointer, destructor, is_replaced: AtomicBool::new(false) });
        // Only asks whether it may be changed.
        let set = object.handler()?.set_data(None);
        let mut place = object.data.lock();
        // What is not the handler's is C's, and not to be destroyed.
        let left = if set.is_ok() { place.replace(data) } else { Some(data) };
        drop(place);
        left.inspect(|data| data.is_replaced.store(true, SeqCst));
        code(set)
    }

    fn nng_http_handler_get_data(handler: Option<&nng_http_handler>) -> *mut c_void {
        let object = live(handler)?;
        object.data.lock().as_ref()?.pointer
    }
}

/// What a handler that nobody answers for is told when it is added.
pub(super) fn check(handler: &nng_http_handler) -> Result<(), Error> {
    if handler.is_complete { Ok(()) } else { Err(Error::Invalid) }
}
