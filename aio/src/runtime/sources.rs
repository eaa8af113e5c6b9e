//! The table of registered descriptors: which watcher an event belongs to.
//!
//! A token is a slot's index and its generation, so an event that was fetched before its source
//! went away finds another generation and is dropped, also when the descriptor's number is in use
//! again. A batch of events takes the table's lock once.

use std::sync::Arc;

use slab::Slab;

use crate::modelled::Mutex;
use crate::runtime::{Readiness, Watcher};

/// Half of a token is the index, the other half the generation.
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

const _: () = assert!(INDEX_BITS == 32, "half of a smaller word is too little for either half");

/// A watcher and what is to be told to it.
pub(crate) type Ready = (Arc<dyn Watcher>, Readiness);

/// All registered sources of a runtime.
pub(crate) struct Sources {
    table: Mutex<Table>,
}

struct Table {
    slab: Slab<Source>,
    /// Grows with every registration; wraps within half a token.
    generation: usize,
}

struct Source {
    generation: usize,
    watcher: Arc<dyn Watcher>,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::new(Table { slab: Slab::new(), generation: 0 }) }
    }

    /// Adds a watcher; returns its token.
    pub(crate) fn insert(&self, watcher: Arc<dyn Watcher>) -> usize {
        let mut table = self.table.lock();
        // The topmost generation is left out: with it a token could be that of kicks.
        table.generation = (table.generation + 1) % INDEX_MASK;
        let generation = table.generation;
        let index = table.slab.insert(Source { generation, watcher });
        generation << INDEX_BITS | index
    }

    /// Takes a watcher out; a token whose source is gone gives nothing.
    pub(crate) fn remove(&self, token: usize) -> Option<Arc<dyn Watcher>> {
        let mut table = self.table.lock();
        let index = token & INDEX_MASK;
        match table.slab.get(index) {
            Some(source) if source.generation == token >> INDEX_BITS => {
                Some(table.slab.remove(index).watcher)
            }
            Some(_) | None => None,
        }
    }

    /// Looks up the watchers of a batch of events.
    pub(crate) fn collect(
        &self,
        events: impl Iterator<Item = (usize, Readiness)>,
        out: &mut Vec<Ready>,
    ) {
        let table = self.table.lock();
        out.extend(events.filter_map(|(token, readiness)| {
            let source = table.slab.get(token & INDEX_MASK)?;
            let is_present = source.generation == token >> INDEX_BITS;
            is_present.then(|| (Arc::clone(&source.watcher), readiness))
        }));
    }

    /// Every watcher there is; they stay registered.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Watcher>> {
        let table = self.table.lock();
        table.slab.iter().map(|(_, source)| Arc::clone(&source.watcher)).collect()
    }

    /// The number of registered sources.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().slab.len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Nobody;
    impl Watcher for Nobody {
        fn ready(self: Arc<Self>, _readiness: Readiness) {}
        fn runtime_closed(self: Arc<Self>) {}
    }

    fn found(sources: &Sources, token: usize) -> usize {
        let readiness = Readiness { readable: true, writable: false, hangup: false };
        let mut out = Vec::new();
        sources.collect([(token, readiness)].into_iter(), &mut out);
        out.len()
    }

    #[test]
    fn a_token_of_a_removed_source_finds_nobody_though_its_slot_is_taken_again() {
        let sources = Sources::new();
        let old = sources.insert(Arc::new(Nobody));
        assert_eq!(found(&sources, old), 1);
        assert!(sources.remove(old).is_some());
        let new = sources.insert(Arc::new(Nobody));
        assert_eq!(old & INDEX_MASK, new & INDEX_MASK, "the slot is used again");
        assert_eq!(found(&sources, old), 0);
        assert!(sources.remove(old).is_none());
        assert_eq!(found(&sources, new), 1);
        assert_eq!(sources.len(), 1);
    }
}
