//! The queue of user callbacks: first in, first out, open to every thread.
//!
//! The length is also kept outside the lock. A thread that queues for others stores it before it
//! looks for somebody who waits; a thread that is about to wait announces itself before it looks
//! at the length. Both are sequentially consistent, so at least one of them sees the other.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::modelled::{AtomicUsize, Mutex, Ordering};
use crate::runtime::Task;

/// Callbacks that are due, in order.
pub(crate) struct Queue {
    tasks: Mutex<VecDeque<Arc<dyn Task>>>,
    len: AtomicUsize,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self { tasks: Mutex::new(VecDeque::new()), len: AtomicUsize::new(0) }
    }

    /// Appends one, visibly to whoever announces itself as waiting from now on.
    pub(crate) fn push(&self, task: Arc<dyn Task>) {
        let mut tasks = self.tasks.lock();
        tasks.push_back(task);
        self.len.store(tasks.len(), Ordering::SeqCst);
    }

    /// Appends a batch, leaving `batch` empty. Returns the number of tasks then queued.
    pub(crate) fn append(&self, batch: &mut Vec<Arc<dyn Task>>) -> usize {
        let mut tasks = self.tasks.lock();
        tasks.extend(batch.drain(..));
        let len = tasks.len();
        self.len.store(len, Ordering::SeqCst);
        len
    }

    /// Takes the first, and says how many are left behind it.
    pub(crate) fn pop(&self) -> Option<(Arc<dyn Task>, usize)> {
        if self.len.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut tasks = self.tasks.lock();
        let task = tasks.pop_front()?;
        let left = tasks.len();
        // A reader that sees the old length looks once in vain.
        self.len.store(left, Ordering::Release);
        Some((task, left))
    }

    /// True if the one at this address is queued.
    pub(crate) fn holds(&self, address: usize) -> bool {
        self.tasks.lock().iter().any(|task| Arc::as_ptr(task).addr() == address)
    }

    /// Takes the one at this address, wherever it stands.
    pub(crate) fn take(&self, address: usize) -> Option<Arc<dyn Task>> {
        let mut tasks = self.tasks.lock();
        let place = tasks.iter().position(|task| Arc::as_ptr(task).addr() == address)?;
        let task = tasks.remove(place);
        self.len.store(tasks.len(), Ordering::Release);
        task
    }

    /// The number of queued tasks.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    /// True if nothing is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
