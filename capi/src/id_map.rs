//! Pointers under ids.

use std::ffi::{c_int, c_void};

use nng_aio::Error;
use nng_aio::id_map::IdMap;
use nng_aio::sync::{Mutex, MutexGuard};

use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};

/// A map. One thread at a time uses it, as C promises; the lock is for those who break it.
#[repr(C)]
pub struct nng_id_map {
    tag: Tag,
    map: Mutex<IdMap<Value>>,
}

/// A pointer of C's, which nobody here looks behind.
#[derive(Clone, Copy)]
struct Value(*mut c_void);

// SAFETY: it is a number here.
unsafe impl Send for Value {}

object! {
    nng_id_map = b"idmp";
}

impl nng_id_map {
    fn lock(&self) -> MutexGuard<'_, IdMap<Value>> {
        self.map.lock()
    }
}

/// Ids begin at a random place.
const RANDOM: c_int = 1;

export! {
    fn nng_id_map_alloc(mapp: Out<'_, *mut nng_id_map>, lo: u64, hi: u64, flags: c_int) -> c_int {
        let new = if flags & RANDOM == 0 { IdMap::new } else { IdMap::with_random_start };
        let map = new(lo, hi).map(|map| {
            give(nng_id_map { tag: Tag::of::<nng_id_map>(), map: Mutex::new(map) })
        });
        fill(mapp?, map)
    }

    fn nng_id_map_free(map: *mut nng_id_map) {
        drop(take(map));
    }

    fn nng_id_get(map: Option<&nng_id_map>, id: u64) -> *mut c_void {
        live(map)?.lock().get(id)?.0
    }

    fn nng_id_set(map: Option<&nng_id_map>, id: u64, value: *mut c_void) -> c_int {
        let map = live(map)?;
        if value.is_null() {
            return Some(Error::Invalid.code());
        }
        code(map.lock().set(id, Value(value)).map(drop))
    }

    fn nng_id_alloc(map: Option<&nng_id_map>, idp: Out<'_, u64>, value: *mut c_void) -> c_int {
        let (map, idp) = (live(map)?, idp?);
        if value.is_null() {
            return Some(Error::Invalid.code());
        }
        fill(idp, map.lock().alloc(Value(value)))
    }

    fn nng_id_remove(map: Option<&nng_id_map>, id: u64) -> c_int {
        code(live(map)?.lock().remove(id).map(drop).ok_or(Error::NotFound))
    }

    fn nng_id_visit(
        map: Option<&nng_id_map>,
        idp: Out<'_, u64>,
        valuep: Out<'_, *mut c_void>,
        cursor: Option<&mut u32>,
    ) -> bool {
        let map = live(map)?.lock();
        let (id, value) = map.visit(cursor?)?;
        idp.map(|place| place.write(id));
        valuep.map(|place| place.write(value.0));
        true
    }
}
