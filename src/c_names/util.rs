//! URLs, addresses and the small things: errors, clock, random numbers, id maps, log.

use std::borrow::Cow;
use std::sync::Arc;

use ::nng_aio::id_map::IdMap;
use ::nng_aio::log::{self, Facility, Hook, Level};
use ::nng_aio::random::random_u32;
use ::nng_aio::{Error, Runtime, clock};

use crate::Url;

use super::constants::{NNG_LOG_ERR, NNG_LOG_NONE, NNG_MAP_RANDOM};
use super::{code, make, nng_duration, nng_sockaddr, nng_time, store};

/// A parsed URL; its fields are methods.
pub type nng_url = Url;
/// Values under ids.
pub type nng_id_map<T> = IdMap<T>;
/// How serious a log record is.
pub type nng_log_level = u32;
/// What kind of program writes log records.
pub type nng_log_facility = u32;
/// A function that gets log records: level, facility, id of the message, text.
pub type nng_logger = fn(nng_log_level, nng_log_facility, &str, &str);

/// Takes a URL apart; see [`Url::parse`]. `NNG_EINVAL`.
pub fn nng_url_parse(urlp: &mut Option<nng_url>, str: &str) -> i32 {
    make(urlp, Url::parse(str))
}

/// Copies a URL.
pub fn nng_url_clone(dstp: &mut Option<nng_url>, src: &nng_url) -> i32 {
    make(dstp, Ok(src.clone()))
}

/// Frees a URL.
pub fn nng_url_free(url: impl Into<Option<nng_url>>) {
    drop(url.into());
}

/// Returns the text of an address; see [`Addr`](::nng_aio::net::Addr).
pub fn nng_str_sockaddr(sa: &nng_sockaddr) -> String {
    sa.to_string()
}

/// Returns the text of a code; see [`Error::text`].
pub fn nng_strerror(err: i32) -> Cow<'static, str> {
    Error::text(err)
}

/// Returns the version of NNG that this library is like.
pub fn nng_version() -> &'static str {
    "1.12.0"
}

/// Ends everything that is under way; see [`Runtime::shutdown_global`]. What is used afterwards begins
/// anew.
pub fn nng_fini() {
    Runtime::shutdown_global();
}

/// Returns the reading of the clock; see [`clock::monotonic_ms`].
pub fn nng_clock() -> nng_time {
    clock::monotonic_ms()
}

/// Does nothing for a while; see [`clock::sleep`]. Returns at once if `ms` is not positive.
pub fn nng_msleep(ms: nng_duration) {
    clock::sleep(clock::duration_of_ms(ms));
}

/// Returns random bits; see [`random_u32`].
pub fn nng_random() -> u32 {
    random_u32()
}

/// Makes a map that hands out ids from `lo` to `hi`; see [`IdMap::new`] and, with
/// [`NNG_MAP_RANDOM`], [`IdMap::with_random_start`]. `NNG_EINVAL`.
pub fn nng_id_map_alloc<T>(map: &mut Option<nng_id_map<T>>, lo: u64, hi: u64, flags: i32) -> i32 {
    let new = if flags & NNG_MAP_RANDOM == 0 { IdMap::new } else { IdMap::with_random_start };
    make(map, new(lo, hi))
}

/// Frees a map and what is in it.
pub fn nng_id_map_free<T>(map: impl Into<Option<nng_id_map<T>>>) {
    drop(map.into());
}

/// Returns the value of an id; see [`IdMap::get`].
pub fn nng_id_get<T>(map: &nng_id_map<T>, id: u64) -> Option<&T> {
    map.get(id)
}

/// Sets the value of an id; see [`IdMap::set`]. `NNG_ENOMEM`.
pub fn nng_id_set<T>(map: &mut nng_id_map<T>, id: u64, val: T) -> i32 {
    code(map.set(id, val).map(drop))
}

/// Finds an id for a value; see [`IdMap::alloc`]. `NNG_ENOMEM`.
pub fn nng_id_alloc<T>(map: &mut nng_id_map<T>, idp: &mut u64, val: T) -> i32 {
    store(idp, map.alloc(val))
}

/// Removes an id; see [`IdMap::remove`]. `NNG_ENOENT`.
pub fn nng_id_remove<T>(map: &mut nng_id_map<T>, id: u64) -> i32 {
    code(map.remove(id).map(drop).ok_or(Error::NotFound))
}

/// Steps through a map from a cursor of 0 until it returns false; see [`IdMap::visit`].
pub fn nng_id_visit<'a, T>(
    map: &'a nng_id_map<T>,
    idp: &mut u64,
    valp: &mut Option<&'a T>,
    cursor: &mut u32,
) -> bool {
    map.visit(cursor).map(|(id, val)| (*idp, *valp) = (id, Some(val))).is_some()
}

/// Chooses the least serious level that passes; see [`log::set_level`].
pub fn nng_log_set_level(level: nng_log_level) {
    log::set_level((level >= NNG_LOG_ERR).then(|| Level::nearest(level)));
}

/// Returns the least serious level that passes; see [`log::level`].
pub fn nng_log_get_level() -> nng_log_level {
    log::level().map_or(NNG_LOG_NONE, Level::number)
}

/// Chooses the facility of records; see [`log::set_facility`].
pub fn nng_log_set_facility(facility: nng_log_facility) {
    log::set_facility(Facility::from_number(facility));
}

/// Chooses who gets records, or nobody; see [`log::set_hook`].
pub fn nng_log_set_logger(logger: Option<nng_logger>) {
    log::set_hook(logger.map(hook));
}

/// Drops a record.
pub fn nng_null_logger(
    _level: nng_log_level,
    _facility: nng_log_facility,
    _msgid: &str,
    _msg: &str,
) {
}

/// Logs that something is broken; see [`log::record`].
pub fn nng_log_err(msgid: &str, msg: &str) {
    log::record(Level::Error, msgid, msg);
}

/// Logs that something went wrong; see [`log::record`].
pub fn nng_log_warn(msgid: &str, msg: &str) {
    log::record(Level::Warn, msgid, msg);
}

/// Logs what is normal but worth knowing; see [`log::record`].
pub fn nng_log_notice(msgid: &str, msg: &str) {
    log::record(Level::Notice, msgid, msg);
}

/// Logs what goes on; see [`log::record`].
pub fn nng_log_info(msgid: &str, msg: &str) {
    log::record(Level::Info, msgid, msg);
}

/// Logs what helps to find a fault; see [`log::record`].
pub fn nng_log_debug(msgid: &str, msg: &str) {
    log::record(Level::Debug, msgid, msg);
}

/// Logs something about security; see [`log::auth`].
pub fn nng_log_auth(level: nng_log_level, msgid: &str, msg: &str) {
    log::auth(Level::nearest(level), msgid, msg);
}

/// Gives a function what C gives it.
fn hook(logger: nng_logger) -> Hook {
    Arc::new(move |it| logger(it.level.number(), it.facility.number(), it.id, it.text))
}
