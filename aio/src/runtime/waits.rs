//! Waits that could never end: callbacks that wait for each other's aios.
//!
//! A thread that waits inside callbacks notes, for each of them, the aio it waits for. Following the
//! notes from there must not lead back to a callback of its own; where it does, the wait returns at
//! once. Waits outside callbacks come to an end when their aio does and are not noted.

use std::collections::HashMap;
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::runtime::current;

/// For an aio in its callback: the aio that callback waits for.
static WAITS: LazyLock<Mutex<HashMap<usize, usize>>> = LazyLock::new(Mutex::default);

/// Runs `wait`, which waits for the aio at `target`, unless that could never end.
pub(crate) fn wait_within_callbacks(target: usize, wait: impl FnOnce()) {
    let callbacks = current::callbacks();
    if callbacks.is_empty() {
        return wait();
    }
    if callbacks.contains(&target) || !note(&callbacks, target) {
        return;
    }
    let _noted = Noted { callbacks };
    wait();
}

/// Notes that `callbacks` wait for `target`; false if that closes a circle.
fn note(callbacks: &[usize], target: usize) -> bool {
    let mut waits = WAITS.lock();
    let mut at = target;
    while let Some(&next) = waits.get(&at) {
        if callbacks.contains(&next) {
            return false;
        }
        at = next;
    }
    waits.extend(callbacks.iter().map(|&callback| (callback, target)));
    true
}

struct Noted {
    callbacks: Vec<usize>,
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mut waits = WAITS.lock();
        for callback in &self.callbacks {
            waits.remove(callback);
        }
    }
}
