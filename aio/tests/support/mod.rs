//! What the tests of this crate share: a provider that does as told, and ways to wait for events.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub mod streams;

use nng_aio::sync::{Condvar, Mutex};
use nng_aio::{Aio, Cancel, Error, Operation, OperationId, Readiness, Timeout, Watcher};

/// How long a test waits for something that must happen, before it fails instead of hanging.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Long enough that it never comes while a test runs.
pub(crate) const FOREVER: Duration = Duration::from_secs(3600);

/// A provider whose operations wait until the test completes them.
#[derive(Default)]
pub(crate) struct Provider {
    waiting: Mutex<VecDeque<Operation>>,
    /// Every error that a cancel function was called with.
    pub(crate) asked: Mutex<Vec<Error>>,
    /// Cancel functions do nothing but note the error.
    pub(crate) is_deaf: OnceLock<()>,
    pub(crate) default: Mutex<Timeout>,
}

impl Provider {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Starts an operation; true if it was accepted.
    pub(crate) fn start(self: &Arc<Self>, aio: &Aio) -> bool {
        let Ok(operation) = aio.begin() else { return false };
        self.arm(operation);
        true
    }

    /// Arms an operation that was begun and queues it, or finishes it if that is refused.
    pub(crate) fn arm(self: &Arc<Self>, mut operation: Operation) {
        let default = *self.default.lock();
        let mut waiting = self.waiting.lock();
        match operation.arm_with_default(self, default) {
            Ok(()) => waiting.push_back(operation),
            Err(error) => {
                drop(waiting);
                operation.finish(Err(error));
            }
        }
    }

    /// Takes the operation that waits longest.
    pub(crate) fn take(&self) -> Option<Operation> {
        self.waiting.lock().pop_front()
    }

    /// Completes the operation that waits longest.
    pub(crate) fn complete(&self, result: Result<(), Error>) {
        self.take().expect("an operation waits").finish(result);
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    pub(crate) fn asked(&self) -> Vec<Error> {
        self.asked.lock().clone()
    }
}

impl Cancel for Provider {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        self.asked.lock().push(error);
        if self.is_deaf.get().is_some() {
            return;
        }
        let mut waiting = self.waiting.lock();
        let place = waiting.iter().position(|operation| operation.id() == id);
        let operation = place.and_then(|place| waiting.remove(place));
        drop(waiting);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

/// An aio whose callback sends its result.
pub(crate) fn telling() -> (Aio, Receiver<i32>) {
    let (tell, hear) = mpsc::channel();
    (Aio::new(move |aio| send(&tell, aio.result())), hear)
}

/// Sends without minding that the test has stopped listening.
pub(crate) fn send<T>(tell: &Sender<T>, value: T) {
    let _ = tell.send(value);
}

/// Receives something that must come.
pub(crate) fn must<T>(hear: &Receiver<T>) -> T {
    hear.recv_timeout(LIMIT).expect("it happens in time")
}

/// Runs `work` on a thread and fails if it does not return in time.
pub(crate) fn returns<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, hear) = mpsc::channel();
    std::thread::spawn(move || send(&tell, work()));
    must(&hear)
}

/// A door that is shut until it is opened; callbacks wait behind it.
#[derive(Default)]
pub(crate) struct Door {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Door {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock() = true;
        self.opened.notify_all();
    }

    pub(crate) fn pass(&self) {
        let deadline = Instant::now() + LIMIT;
        let mut is_open = self.is_open.lock();
        while !*is_open {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the door opens in time");
            (is_open, _) = self.opened.wait_for(is_open, left);
        }
    }
}

/// A watcher that reports what it is told.
pub struct Watch {
    pub ready: Sender<Readiness>,
    pub closed: Sender<()>,
}

impl Watch {
    /// The watcher, what it hears of readiness, and what of the runtime's end.
    pub fn new() -> (Arc<Self>, Receiver<Readiness>, Receiver<()>) {
        let (ready, hear_ready) = mpsc::channel();
        let (closed, hear_closed) = mpsc::channel();
        (Arc::new(Self { ready, closed }), hear_ready, hear_closed)
    }
}

impl Watcher for Watch {
    fn ready(self: Arc<Self>, readiness: Readiness) {
        send(&self.ready, readiness);
    }

    fn runtime_closed(self: Arc<Self>) {
        send(&self.closed, ());
    }
}

/// A fresh directory, removed with what is in it when it goes.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("nng-{}-{}", std::process::id(), COUNT.fetch_add(1, SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a fresh directory");
        Self(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
