//! Statistics: a picture in the shape of a tree, freed at its root.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use nng_oxide::statistics::{Statistic, StatisticValue};

use crate::boundary::{Out, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::start;
use crate::text::Text;

/// One of them; those below it live as long.
#[repr(C)]
pub struct nng_stat {
    tag: Tag,
    statistic: Statistic,
    name: CString,
    description: CString,
    text: CString,
    child: *mut nng_stat,
    next: *mut nng_stat,
}

/// A handle that stands for something by its number.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Id {
    id: u32,
}

object! {
    nng_stat = b"stat";
}

impl nng_stat {
    /// Lays a tree out, before a sibling.
    fn of(mut statistic: Statistic, next: *mut Self) -> *mut Self {
        let mut child = ptr::null_mut();
        while let Some(last) = statistic.children.pop() {
            child = Self::of(last, child);
        }
        let text = CString::new(statistic.value.text()).unwrap_or_default();
        give(Self {
            tag: Tag::of::<Self>(),
            name: CString::new(statistic.name).unwrap_or_default(),
            description: CString::new(statistic.description).unwrap_or_default(),
            text,
            child,
            next,
            statistic,
        })
    }

    /// Frees it with all below and behind it.
    fn free(first: *mut Self) {
        let mut next = first;
        while let Some(stat) = take(next) {
            Self::free(stat.child);
            next = stat.next;
        }
    }

    /// Finds one, itself included, depth first.
    fn find(place: *mut Self, is_it: &impl Fn(&Self) -> bool) -> Option<*mut Self> {
        // SAFETY: it is null or one of the tree's, which C has not freed.
        let stat = live(unsafe { place.as_ref() })?;
        if is_it(stat) {
            return Some(place);
        }
        let mut child = stat.child;
        while !child.is_null() {
            if let Some(found) = Self::find(child, is_it) {
                return Some(found);
            }
            // SAFETY: it is one of the tree's.
            child = unsafe { (*child).next };
        }
        None
    }

    fn find_scope(place: *mut Self, name: &str, id: u32) -> Option<*mut Self> {
        let value = StatisticValue::Scope(u64::from(id));
        Self::find(place, &|stat| stat.statistic.name == name && stat.statistic.value == value)
    }
}

export! {
    fn nng_stats_get(statp: Out<'_, *mut nng_stat>) -> c_int {
        start();
        fill(statp?, Ok(nng_stat::of(Statistic::snapshot(), ptr::null_mut())))
    }

    fn nng_stats_free(stat: *mut nng_stat) {
        nng_stat::free(stat);
    }

    fn nng_stats_dump(stat: Option<&nng_stat>) {
        let root: *const nng_stat = live(stat)?;
        let out = std::cell::RefCell::new(String::new());
        nng_stat::find(root.cast_mut(), &|stat| {
            // What is below it is not in it any more.
            out.borrow_mut().push_str(&stat.statistic.to_string());
            false
        });
        let text = CString::new(out.into_inner()).unwrap_or_default();
        // SAFETY: the format takes one string, which ends with NUL. What C has printed before comes before.
        unsafe { libc::printf(c"%s".as_ptr(), text.as_ptr()) };
    }

    fn nng_stat_name(stat: Option<&nng_stat>) -> *const c_char {
        live(stat)?.name.as_ptr()
    }

    fn nng_stat_desc(stat: Option<&nng_stat>) -> *const c_char {
        live(stat)?.description.as_ptr()
    }

    fn nng_stat_type(stat: Option<&nng_stat>) -> c_int {
        live(stat)?.statistic.value.kind()
    }

    fn nng_stat_unit(stat: Option<&nng_stat>) -> c_int {
        live(stat)?.statistic.unit.number()
    }

    fn nng_stat_value(stat: Option<&nng_stat>) -> u64 {
        live(stat)?.statistic.value.number()
    }

    fn nng_stat_bool(stat: Option<&nng_stat>) -> bool {
        live(stat)?.statistic.value.is_true()
    }

    fn nng_stat_string(stat: Option<&nng_stat>) -> *const c_char {
        live(stat)?.text.as_ptr()
    }

    fn nng_stat_timestamp(stat: Option<&nng_stat>) -> u64 {
        live(stat)?.statistic.timestamp
    }

    fn nng_stat_child(stat: Option<&nng_stat>) -> *mut nng_stat {
        live(stat)?.child
    }

    fn nng_stat_next(stat: Option<&nng_stat>) -> *mut nng_stat {
        live(stat)?.next
    }

    fn nng_stat_find(stat: *mut nng_stat, name: Text) -> *mut nng_stat {
        let name = name.bytes()?;
        nng_stat::find(stat, &|stat| stat.name.as_bytes() == name)?
    }

    fn nng_stat_find_socket(stat: *mut nng_stat, socket: Id) -> *mut nng_stat {
        nng_stat::find_scope(stat, "socket", socket.id)?
    }

    fn nng_stat_find_dialer(stat: *mut nng_stat, dialer: Id) -> *mut nng_stat {
        nng_stat::find_scope(stat, "dialer", dialer.id)?
    }

    fn nng_stat_find_listener(stat: *mut nng_stat, listener: Id) -> *mut nng_stat {
        nng_stat::find_scope(stat, "listener", listener.id)?
    }
}
