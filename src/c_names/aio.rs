//! Operations.

use std::sync::Arc;

use ::nng_aio::{Aio, Buffer, Buffers, Error, Runtime, Timeout, clock};

use super::{code, make, nng_msg};

/// A handle for asynchronous operations.
pub type nng_aio = Aio;
/// One piece of memory, owned or shared.
pub type nng_iov = Buffer;
/// Milliseconds; -1 is no limit, -2 the default of whatever performs the operation.
pub type nng_duration = i32;
/// A reading of [`nng_clock`](super::nng_clock) in milliseconds.
pub type nng_time = u64;

/// Makes an aio whose operations end with a call of `callback`, if there is one; see [`Aio::new`].
pub fn nng_aio_alloc<T: Send + Sync + 'static>(
    aiop: &mut Option<nng_aio>,
    callback: Option<fn(&nng_aio, &T)>,
    arg: T,
) -> i32 {
    make(aiop, Runtime::try_global().map(|it| it.aio_with_argument(callback, arg)))
}

/// Ends the operation with `NNG_ECLOSED`, waits for the callback and frees the aio; see [`Aio`].
pub fn nng_aio_free(aio: impl Into<Option<nng_aio>>) {
    drop(aio.into());
}

/// As [`nng_aio_free`], without waiting; see [`Aio::reap`].
pub fn nng_aio_reap(aio: impl Into<Option<nng_aio>>) {
    if let Some(aio) = aio.into() {
        aio.reap();
    }
}

/// Ends the operation, refuses further ones and waits for the callback; see [`Aio::stop`].
pub fn nng_aio_stop(aio: &nng_aio) {
    aio.stop();
}

/// Asks for the end of the operation with `err`, or `NNG_ECANCELED` if that is 0; see [`Aio::abort`].
pub fn nng_aio_abort(aio: &nng_aio, err: i32) {
    aio.abort(Error::from_code(err).err().unwrap_or(Error::Canceled));
}

/// Asks for the end of the operation with `NNG_ECANCELED`; see [`Aio::cancel`].
pub fn nng_aio_cancel(aio: &nng_aio) {
    aio.cancel();
}

/// Waits for the end of the operation and its callback; see [`Aio::wait`].
pub fn nng_aio_wait(aio: &nng_aio) {
    aio.wait();
}

/// Returns whether an operation or its callback is under way; see [`Aio::is_busy`].
pub fn nng_aio_busy(aio: &nng_aio) -> bool {
    aio.is_busy()
}

/// Returns how the operation ended; see [`Aio::result`].
pub fn nng_aio_result(aio: &nng_aio) -> i32 {
    aio.result()
}

/// Returns how many bytes the operation has moved; see [`Aio::count`].
pub fn nng_aio_count(aio: &nng_aio) -> usize {
    aio.count()
}

/// Limits following operations; see [`Aio::set_timeout`] and [`Timeout::from_ms`].
pub fn nng_aio_set_timeout(aio: &nng_aio, timeout: nng_duration) {
    aio.set_timeout(Timeout::from_ms(timeout));
}

/// Limits the next operation; see [`Aio::set_expire`]. The largest number is no limit.
pub fn nng_aio_set_expire(aio: &nng_aio, expire: nng_time) {
    aio.set_expire(clock::instant_at(expire));
}

/// Gives the aio a message for the next operation, or takes it away; see [`Aio::set_message`]. One that
/// it had is dropped.
pub fn nng_aio_set_msg(aio: &nng_aio, msg: impl Into<Option<nng_msg>>) {
    match msg.into() {
        Some(msg) => aio.set_message(Box::new(msg)),
        None => drop(aio.take_message()),
    }
}

/// Takes the message out; see [`Aio::take_message_as`].
pub fn nng_aio_get_msg(aio: &nng_aio) -> Option<nng_msg> {
    aio.take_message_as()
}

/// Stores something for providers; see [`Aio::set_input`]. `NNG_EINVAL` if `index` is above 3.
pub fn nng_aio_set_input<T: Send + Sync + 'static>(
    aio: &nng_aio,
    index: u32,
    value: Arc<T>,
) -> i32 {
    code(aio.set_input(index as usize, value))
}

/// Returns what was stored for providers; see [`Aio::input`].
pub fn nng_aio_get_input<T: Send + Sync + 'static>(aio: &nng_aio, index: u32) -> Option<Arc<T>> {
    aio.input(index as usize)
}

/// Stores something for the consumer; see [`Aio::set_output`]. `NNG_EINVAL` if `index` is above 3.
pub fn nng_aio_set_output<T: Send + 'static>(aio: &nng_aio, index: u32, value: T) -> i32 {
    code(aio.set_output(index as usize, Box::new(value)))
}

/// Takes what the operation has made; see [`Aio::take_output`].
pub fn nng_aio_get_output<T: Send + 'static>(aio: &nng_aio, index: u32) -> Option<T> {
    aio.take_output(index as usize)
}

/// Hands over up to 8 pieces of memory for the next operation; see [`Aio::set_buffers`]. `NNG_EINVAL`
/// for more, `NNG_EBUSY` while an operation is in flight.
pub fn nng_aio_set_iov(aio: &nng_aio, iov: Vec<nng_iov>) -> i32 {
    code(Buffers::from_pieces(iov).and_then(|iov| aio.set_buffers(iov)))
}

/// Accepts an operation for a provider; see [`Aio::begin`] and [`Aio::park`].
pub fn nng_aio_begin(aio: &nng_aio) -> bool {
    aio.begin().map(|operation| aio.park(operation)).is_ok()
}

/// Lets a begun operation wait: `cancelfn` is called with a code if it is to end early; see
/// [`Aio::defer`].
pub fn nng_aio_defer<T: Send + Sync + 'static>(
    aio: &nng_aio,
    cancelfn: fn(&nng_aio, &T, i32),
    arg: T,
) {
    let alias = aio.alias();
    aio.defer(move |error| cancelfn(&alias, &arg, error.code()));
}

/// Ends a begun operation; see [`Aio::unpark`]. Without one, or a second time, it does nothing.
pub fn nng_aio_finish(aio: &nng_aio, err: i32) {
    if let Some(operation) = aio.unpark() {
        operation.finish(Error::from_code(err));
    }
}

/// Does nothing for a while; see [`Aio::sleep`]. Negative numbers are no time at all.
pub fn nng_sleep_aio(ms: nng_duration, aio: &nng_aio) {
    aio.sleep(clock::duration_of_ms(ms));
}
