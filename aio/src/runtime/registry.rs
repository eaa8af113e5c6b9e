//! The living aios of a runtime, so that its end reaches all of them.

use std::sync::{Arc, Weak};

use slab::Slab;

use crate::core::Core;
use crate::modelled::Mutex;

/// All aios of a runtime.
pub(crate) struct Registry {
    aios: Mutex<Slab<Weak<Core>>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { aios: Mutex::new(Slab::new()) }
    }

    /// Adds what `make` makes of its place here.
    pub(crate) fn add(&self, make: impl FnOnce(usize) -> Arc<Core>) -> Arc<Core> {
        let mut aios = self.aios.lock();
        let entry = aios.vacant_entry();
        let core = make(entry.key());
        entry.insert(Arc::downgrade(&core));
        core
    }

    /// Removes an aio that is going away.
    pub(crate) fn remove(&self, place: usize) {
        let mut aios = self.aios.lock();
        let weak = aios.remove(place);
        drop(aios);
        drop(weak);
    }

    /// Every aio that is still alive.
    pub(crate) fn all(&self) -> Vec<Arc<Core>> {
        let aios = self.aios.lock();
        aios.iter().filter_map(|(_, weak)| weak.upgrade()).collect()
    }

    /// The number of aios.
    pub(crate) fn len(&self) -> usize {
        self.aios.lock().len()
    }
}
