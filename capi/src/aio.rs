//! Operations, and who offers them.
//!
//! ```text
//!   nng_aio --owns--> Aio of nng-aio: state, callback, timeouts
//!       |                 ^
//!       |                 | an alias of the server's, in the aio that a handler is given
//!       +-- inputs, outputs, message: pointers of C's, which nobody here looks behind
//! ```
//!
//! C gives an aio up by `nng_aio_free`, which waits until its callback has returned unless it is called by it,
//! or by `nng_aio_reap`, which never waits. Either way the object goes with what its aio holds, when the last
//! run of the callback is over, and may be looked at until then.
//!
//! What an operation of nng-oxide has made, such as a stream, becomes an object of C's when C asks for it;
//! if it never does, it goes with the next operation or with the aio.

use std::ffi::{c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use ::nng_aio::net::Stream;
use ::nng_aio::sync::Mutex;
use ::nng_aio::{Aio, Buffer, Buffers, Error, Foreign, MAX_PIECES, Runtime, Timeout, clock};
use nng_oxide::http::Conn;

use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::http::exchange::Exchange;
use crate::http::nng_http_conn;
use crate::library::start;
use crate::message::nng_msg;
use crate::stream::nng_stream;

/// A handle for asynchronous operations.
#[repr(C)]
pub struct nng_aio {
    tag: Tag,
    /// Taken out when C gives the object up; what stays is good for a look as long as the object is there.
    aio: ManuallyDrop<Aio>,
    /// The object itself once C has given it up.
    given_up: Arc<AtomicPtr<Self>>,
    inputs: [AtomicPtr<c_void>; 4],
    outputs: [AtomicPtr<c_void>; 4],
    message: AtomicPtr<nng_msg>,
    /// A handler of an HTTP server was given it, which is to finish it once.
    is_exchange: bool,
    /// What that is to answer, until it has.
    exchange: Mutex<Option<Exchange>>,
}

/// One piece of memory.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct nng_iov {
    memory: *mut c_void,
    len: usize,
}

/// A function of C's, and what it is given.
struct Callback {
    function: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    _last: Last,
}

/// What an aio holds to its end. With it goes the object, if C has given that up.
struct Last(Arc<AtomicPtr<nng_aio>>);

// SAFETY: C knows on which threads its callbacks run, and gives them what they may use there.
unsafe impl Send for Callback {}
// SAFETY: as above; callbacks of one aio run one after the other.
unsafe impl Sync for Callback {}

impl Callback {
    fn call(&self) {
        (self.function)(self.argument);
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        drop(take(self.0.load(Acquire)));
    }
}

object! {
    nng_aio = b"aio ";
}

impl nng_aio {
    pub(crate) fn of_exchange(aio: Aio, exchange: Exchange) -> Self {
        Self::of(aio, Arc::default(), Some(exchange))
    }

    fn of(aio: Aio, given_up: Arc<AtomicPtr<Self>>, exchange: Option<Exchange>) -> Self {
        Self {
            tag: Tag::of::<Self>(),
            aio: ManuallyDrop::new(aio),
            given_up,
            inputs: Default::default(),
            outputs: Default::default(),
            message: AtomicPtr::default(),
            is_exchange: exchange.is_some(),
            exchange: Mutex::new(exchange),
        }
    }

    /// Returns the aio for an operation that begins. The callback may free the object before the call that
    /// begins it returns, so nothing but this alias is used from here on.
    pub(crate) fn start(&self) -> Aio {
        for output in &self.outputs {
            output.store(ptr::null_mut(), Relaxed);
        }
        self.aio.alias()
    }

    pub(crate) fn set_input_to(&self, index: usize, value: *mut c_void) {
        self.inputs[index].store(value, Relaxed);
    }

    pub(crate) fn input_of(&self, index: usize) -> *mut c_void {
        self.inputs[index].load(Relaxed)
    }

    /// Returns what is at an output, which nobody has after that but the caller.
    pub(crate) fn take_output_of(&self, index: usize) -> *mut c_void {
        self.outputs[index].swap(ptr::null_mut(), Relaxed)
    }
}

impl Drop for nng_aio {
    fn drop(&mut self) {
        if self.given_up.load(Acquire).is_null() {
            // SAFETY: it was not taken out, and this is the last use.
            unsafe { ManuallyDrop::drop(&mut self.aio) };
        }
    }
}

export! {
    fn nng_aio_alloc(
        aiop: Out<'_, *mut nng_aio>,
        callback: Option<extern "C" fn(*mut c_void)>,
        argument: *mut c_void,
    ) -> c_int {
        start();
        let aiop = aiop?;
        let aio = Runtime::try_global().map(|runtime| {
            let given_up = Arc::<AtomicPtr<_>>::default();
            let last = Last(Arc::clone(&given_up));
            let aio = match callback {
                Some(function) => {
                    let callback = Callback { function, argument, _last: last };
                    runtime.aio(move |_| callback.call())
                }
                None => {
                    let aio = runtime.aio_without_callback();
                    // The only input of an aio that C has not for itself.
                    let _ = aio.set_input(0, Arc::new(last));
                    aio
                }
            };
            give(nng_aio::of(aio, given_up, None))
        });
        fill(aiop, aio)
    }

    fn nng_aio_free(aio: *mut nng_aio) {
        drop(give_up(aio)?);
    }

    fn nng_aio_reap(aio: *mut nng_aio) {
        give_up(aio)?.reap();
    }

    fn nng_aio_stop(aio: Option<&nng_aio>) {
        live(aio)?.aio.alias().stop();
    }

    fn nng_aio_wait(aio: Option<&nng_aio>) {
        live(aio)?.aio.alias().wait();
    }

    fn nng_aio_cancel(aio: Option<&nng_aio>) {
        live(aio)?.aio.alias().cancel();
    }

    fn nng_aio_abort(aio: Option<&nng_aio>, error: c_int) {
        live(aio)?.aio.alias().abort(Error::from_code(error).err().unwrap_or(Error::Canceled));
    }

    fn nng_aio_busy(aio: Option<&nng_aio>) -> bool {
        live(aio)?.aio.is_busy()
    }

    fn nng_aio_result(aio: Option<&nng_aio>) -> c_int {
        live(aio)?.aio.result()
    }

    fn nng_aio_count(aio: Option<&nng_aio>) -> usize {
        live(aio)?.aio.count()
    }

    fn nng_aio_set_timeout(aio: Option<&nng_aio>, timeout: i32) {
        live(aio)?.aio.set_timeout(Timeout::from_ms(timeout));
    }

    fn nng_aio_set_expire(aio: Option<&nng_aio>, expire: u64) {
        live(aio)?.aio.set_expire(clock::instant_at(expire));
    }

    fn nng_aio_set_msg(aio: Option<&nng_aio>, msg: *mut nng_msg) {
        live(aio)?.message.store(msg, Relaxed);
    }

    fn nng_aio_get_msg(aio: Option<&nng_aio>) -> *mut nng_msg {
        live(aio)?.message.load(Relaxed)
    }

    fn nng_aio_set_input(aio: Option<&nng_aio>, index: c_uint, value: *mut c_void) -> c_int {
        live(aio)?.inputs.get(index as usize)?.store(value, Relaxed);
        0
    }

    fn nng_aio_get_input(aio: Option<&nng_aio>, index: c_uint) -> *mut c_void {
        live(aio)?.inputs.get(index as usize)?.load(Relaxed)
    }

    fn nng_aio_set_output(aio: Option<&nng_aio>, index: c_uint, value: *mut c_void) -> c_int {
        live(aio)?.outputs.get(index as usize)?.store(value, Relaxed);
        0
    }

    fn nng_aio_get_output(aio: Option<&nng_aio>, index: c_uint) -> *mut c_void {
        let aio = live(aio)?;
        let place = aio.outputs.get(index as usize)?;
        if place.load(Relaxed).is_null() && index == 0 {
            let made: *mut c_void = if let Some(stream) = aio.aio.take_output::<Stream>(0) {
                give(nng_stream::of(stream)).cast()
            } else if let Some(conn) = aio.aio.take_output::<Conn>(0) {
                give(nng_http_conn::of(conn)).cast()
            } else {
                ptr::null_mut()
            };
            place.store(made, Relaxed);
        }
        place.load(Relaxed)
    }

    fn nng_aio_set_iov(aio: Option<&nng_aio>, count: c_uint, iov: *const nng_iov) -> c_int {
        let aio = live(aio)?;
        let count = count as usize;
        if count > MAX_PIECES || (count > 0 && iov.is_null()) {
            return None;
        }
        let pieces = (0..count).map(|index| {
            // SAFETY: C says that there are so many.
            piece(unsafe { iov.wrapping_add(index).read() })
        });
        code(Buffers::from_pieces(pieces.collect()).and_then(|pieces| aio.aio.set_buffers(pieces)))
    }

    fn nng_aio_begin(aio: Option<&nng_aio>) -> bool {
        let aio = live(aio)?.start();
        aio.begin().map(|operation| aio.lend(operation)).is_ok()
    }

    fn nng_aio_defer(
        aio: *mut nng_aio,
        cancel: Option<extern "C" fn(*mut nng_aio, *mut c_void, c_int)>,
        argument: *mut c_void,
    ) {
        // SAFETY: C hands over null or an aio of ours, which was not freed.
        let object = live(unsafe { aio.as_ref() })?;
        let cancel = Deferred { cancel: cancel?, aio, argument };
        // Whoever ends it meanwhile may free the object before this returns.
        object.aio.alias().defer(move |error| cancel.call(error));
    }

    fn nng_aio_finish(aio: *mut nng_aio, error: c_int) {
        // SAFETY: C hands over null or an aio of ours, which was not freed.
        let object = live(unsafe { aio.as_ref() })?;
        if object.is_exchange {
            finish_exchange(object, aio, error);
            return Some(());
        }
        // Its callback may free it before this returns.
        let aio = object.aio.alias();
        aio.unpark()?.finish(Error::from_code(error));
    }

    fn nng_sleep_aio(ms: i32, aio: Option<&nng_aio>) {
        live(aio)?.start().sleep(clock::duration_of_ms(ms));
    }
}

/// A handler has finished. A cancel function of its may still be looking at the aio, which goes when the
/// server is done with the operation: not before that has returned.
fn finish_exchange(object: &nng_aio, aio: *mut nng_aio, error: c_int) {
    let exchange = object.exchange.lock().take();
    let response = object.take_output_of(0);
    let Some(exchange) = exchange else { return };
    exchange.finish(&object.aio.alias(), response, Later(aio), error);
}

/// The aio of an exchange that is over, to be freed when nobody looks at it any more.
pub(crate) struct Later(*mut nng_aio);

// SAFETY: it is freed by whichever thread ends the operation, and by nobody else.
unsafe impl Send for Later {}

impl Drop for Later {
    fn drop(&mut self) {
        drop(take(self.0));
    }
}

/// Takes the aio out of an object that C gives up, which goes with it; `None` if C has done so before, and
/// for the aio that a handler has been given, which is the server's.
fn give_up(pointer: *mut nng_aio) -> Option<Aio> {
    // SAFETY: C hands over null or an aio of ours, which was not freed.
    let object = live(unsafe { pointer.as_ref() })?;
    if object.is_exchange {
        return None;
    }
    let null = ptr::null_mut();
    object.given_up.compare_exchange(null, pointer, AcqRel, Acquire).ok()?;
    // SAFETY: this is the only one that takes it out, as the exchange has just said.
    Some(ManuallyDrop::into_inner(unsafe { ptr::read(&raw const object.aio) }))
}

/// Returns a piece of memory that C lends until the operation has ended.
fn piece(iov: nng_iov) -> Buffer {
    match NonNull::new(iov.memory.cast()) {
        Some(memory) if iov.len > 0 => {
            // No piece of memory is longer, and what moves at once is shorter.
            let len = iov.len.min(isize::MAX.unsigned_abs());
            // SAFETY: C says that so many bytes are there and stay until the operation has ended.
            Buffer::Foreign(unsafe { Foreign::new(memory, len) })
        }
        Some(_) | None => Buffer::Owned(Vec::new()),
    }
}

/// What ends a provider's operation early.
struct Deferred {
    cancel: extern "C" fn(*mut nng_aio, *mut c_void, c_int),
    aio: *mut nng_aio,
    argument: *mut c_void,
}

// SAFETY: C knows that it is called on other threads, and gives it what it may use there.
unsafe impl Send for Deferred {}
// SAFETY: as above; it is called once.
unsafe impl Sync for Deferred {}

impl Deferred {
    fn call(&self, error: Error) {
        (self.cancel)(self.aio, self.argument, error.code());
    }
}
