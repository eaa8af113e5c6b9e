//! Waits that could never end: callbacks that wait for each other's aios.
//!
//! A thread that waits inside callbacks and cancel functions notes, for each of them, the aio it
//! waits for. Following the notes from there must not lead back to one of its own; where it does, the
//! wait returns at once. Waits elsewhere come to an end when their aio does and are not noted.
//!
//! Aios of different runtimes may wait for each other, so there is one table for all of them.

use std::collections::BTreeMap;

use crate::sync::Mutex;

use crate::runtime::{current, global};

/// For an aio in its callback: the aios that callback waits for. There are several where it makes
/// turns, and a callback that runs in one waits for another.
pub(super) type Waits = BTreeMap<usize, Vec<usize>>;

/// Runs `wait`, which waits for the aio at `target`, unless that could never end.
pub(crate) fn wait_within_callbacks(target: usize, wait: impl FnOnce()) {
    let callbacks = current::callbacks();
    if callbacks.is_empty() {
        return wait();
    }
    let table = &global::generation().waits;
    if !note(&mut table.lock(), &callbacks, target) {
        return;
    }
    let _noted = Noted { table, callbacks, target };
    wait();
}

/// Notes that `callbacks` wait for `target`; false if that closes a circle.
fn note(waits: &mut Waits, callbacks: &[usize], target: usize) -> bool {
    let mut reached = vec![target];
    let mut next = 0;
    while let Some(&at) = reached.get(next) {
        if callbacks.contains(&at) {
            return false;
        }
        for &further in waits.get(&at).into_iter().flatten() {
            if !reached.contains(&further) {
                reached.push(further);
            }
        }
        next += 1;
    }
    for &callback in callbacks {
        waits.entry(callback).or_default().push(target);
    }
    true
}

/// Takes one note of each of `callbacks` back.
fn forget(waits: &mut Waits, callbacks: &[usize], target: usize) {
    for &callback in callbacks {
        if let Some(targets) = waits.get_mut(&callback) {
            if let Some(place) = targets.iter().rposition(|&at| at == target) {
                targets.remove(place);
            }
            if targets.is_empty() {
                waits.remove(&callback);
            }
        }
    }
}

struct Noted {
    table: &'static Mutex<Waits>,
    callbacks: Vec<usize>,
    target: usize,
}

impl Drop for Noted {
    fn drop(&mut self) {
        // A child that was forked in the midst of this has a table of its own.
        if std::ptr::eq(self.table, &global::generation().waits) {
            forget(&mut self.table.lock(), &self.callbacks, self.target);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_any_length_is_refused() {
        let mut waits = Waits::new();
        assert!(!note(&mut waits, &[1], 1), "its own aio");
        assert!(note(&mut waits, &[1], 2));
        assert!(note(&mut waits, &[2], 3));
        assert!(note(&mut waits, &[4], 1), "many may wait for one");
        assert!(!note(&mut waits, &[3], 1));
        assert!(!note(&mut waits, &[3], 4));
        forget(&mut waits, &[2], 3);
        assert!(note(&mut waits, &[3], 1), "the circle was opened");
    }

    #[test]
    fn a_wait_inside_a_wait_leaves_the_outer_one_noted() {
        let mut waits = Waits::new();
        assert!(note(&mut waits, &[1], 2));
        assert!(note(&mut waits, &[1, 5], 6));
        assert!(!note(&mut waits, &[2], 1), "while the inner one lasts");
        assert!(!note(&mut waits, &[6], 5));
        forget(&mut waits, &[1, 5], 6);
        assert!(!note(&mut waits, &[2], 1), "and afterwards");
        forget(&mut waits, &[1], 2);
        assert!(waits.is_empty());
    }
}
