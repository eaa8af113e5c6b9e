//! Statistics: a picture in the shape of a tree, freed at its root.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use nng_oxide::statistics::{Statistic, StatisticValue, Unit};

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
        let text = match &statistic.value {
            StatisticValue::Text(text) => CString::new(text.as_str()).unwrap_or_default(),
            _ => CString::default(),
        };
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

    fn number(&self) -> u64 {
        match self.statistic.value {
            StatisticValue::Scope(number)
            | StatisticValue::Level(number)
            | StatisticValue::Counter(number)
            | StatisticValue::Id(number) => number,
            StatisticValue::Boolean(is_so) => u64::from(is_so),
            _ => 0,
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

    /// Writes it as people read it.
    fn print(&self, out: &mut String) {
        use std::fmt::Write;
        let name = self.statistic.name;
        let value = match &self.statistic.value {
            StatisticValue::Scope(_) if name.is_empty() => return,
            StatisticValue::Scope(id) => {
                // A string takes everything.
                let _ = write!(out, "\n{name}#{id}:\n");
                return;
            }
            StatisticValue::Text(text) => format!("\"{text}\""),
            StatisticValue::Boolean(is_so) => is_so.to_string(),
            _ => self.number().to_string(),
        };
        let unit = match self.statistic.unit {
            Unit::Bytes => " bytes",
            Unit::Messages => " msgs",
            Unit::Millis => " ms",
            _ => "",
        };
        let _ = writeln!(out, "        {name:<32}{value}{unit}");
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
            stat.print(&mut out.borrow_mut());
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
        match live(stat)?.statistic.value {
            StatisticValue::Scope(_) => 0,
            StatisticValue::Level(_) => 1,
            StatisticValue::Counter(_) => 2,
            StatisticValue::Text(_) => 3,
            StatisticValue::Boolean(_) => 4,
            _ => 5,
        }
    }

    fn nng_stat_unit(stat: Option<&nng_stat>) -> c_int {
        match live(stat)?.statistic.unit {
            Unit::Bytes => 1,
            Unit::Messages => 2,
            Unit::Millis => 3,
            Unit::Events => 4,
            _ => 0,
        }
    }

    fn nng_stat_value(stat: Option<&nng_stat>) -> u64 {
        live(stat)?.number()
    }

    fn nng_stat_bool(stat: Option<&nng_stat>) -> bool {
        live(stat)?.statistic.value == StatisticValue::Boolean(true)
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
