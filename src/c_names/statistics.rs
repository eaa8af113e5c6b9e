//! Statistics.

use std::io::{self, Write};

use crate::statistics::{Node, Statistic};

use super::{make, nng_dialer, nng_listener, nng_socket};

/// A place in a picture of what there is; the picture lives as long as any of its places.
pub type nng_stat = Node;

/// Takes a picture and returns its root; see [`Statistic::snapshot`].
pub fn nng_stats_get(statp: &mut Option<nng_stat>) -> i32 {
    make(statp, Ok(Statistic::snapshot().into()))
}

/// Lets go of a picture, if it is the last of its places.
pub fn nng_stats_free(stat: impl Into<Option<nng_stat>>) {
    drop(stat.into());
}

/// Prints it, with those below it; see [`Statistic`].
pub fn nng_stats_dump(stat: &nng_stat) {
    // Nobody hears what cannot be printed, as in C.
    let _ = write!(io::stdout(), "{}", **stat);
}

/// Returns the first of those below it; see [`Node::first_child`].
pub fn nng_stat_child(stat: &nng_stat) -> Option<nng_stat> {
    stat.first_child()
}

/// Returns the one that follows it; see [`Node::next_sibling`].
pub fn nng_stat_next(stat: &nng_stat) -> Option<nng_stat> {
    stat.next_sibling()
}

/// Returns its name; empty for the root.
pub fn nng_stat_name(stat: &nng_stat) -> &'static str {
    stat.name
}

/// Returns a few words on it, for people.
pub fn nng_stat_desc(stat: &nng_stat) -> &'static str {
    stat.description
}

/// Returns what it is: one of the `NNG_STAT_` constants.
pub fn nng_stat_type(stat: &nng_stat) -> i32 {
    stat.value.kind()
}

/// Returns what it counts: one of the `NNG_UNIT_` constants.
pub fn nng_stat_unit(stat: &nng_stat) -> i32 {
    stat.unit.number()
}

/// Returns its number or id; see [`StatisticValue::number`](crate::statistics::StatisticValue::number).
pub fn nng_stat_value(stat: &nng_stat) -> u64 {
    stat.value.number()
}

/// Returns whether it is a yes.
pub fn nng_stat_bool(stat: &nng_stat) -> bool {
    stat.value.is_true()
}

/// Returns its text; empty if it is none.
pub fn nng_stat_string(stat: &nng_stat) -> &str {
    stat.value.text()
}

/// Returns when the picture was taken, in milliseconds of [`nng_clock`](super::nng_clock).
pub fn nng_stat_timestamp(stat: &nng_stat) -> u64 {
    stat.timestamp
}

/// Returns the first of that name, itself included; see [`Node::find`].
pub fn nng_stat_find<'a>(stat: impl Into<Option<&'a nng_stat>>, name: &str) -> Option<nng_stat> {
    stat.into()?.find(name)
}

/// Returns the scope of a socket; see [`Node::find_scope`].
pub fn nng_stat_find_socket<'a>(
    stat: impl Into<Option<&'a nng_stat>>,
    s: nng_socket,
) -> Option<nng_stat> {
    stat.into()?.find_scope("socket", s.id.into())
}

/// Returns the scope of a dialer; see [`Node::find_scope`].
pub fn nng_stat_find_dialer<'a>(
    stat: impl Into<Option<&'a nng_stat>>,
    d: nng_dialer,
) -> Option<nng_stat> {
    stat.into()?.find_scope("dialer", d.id.into())
}

/// Returns the scope of a listener; see [`Node::find_scope`].
pub fn nng_stat_find_listener<'a>(
    stat: impl Into<Option<&'a nng_stat>>,
    l: nng_listener,
) -> Option<nng_stat> {
    stat.into()?.find_scope("listener", l.id.into())
}
