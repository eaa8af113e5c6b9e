//! What the tests of this crate share: a provider that does as told, and ways to wait for events.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

pub mod streams;

use nng_aio::{Aio, Cancel, Error, Operation, OperationId, Readiness, Timeout, Watcher};

/// How long a test waits for something that must happen, before it fails instead of hanging.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Long enough that it never comes while a test runs.
pub const FOREVER: Duration = Duration::from_secs(3600);

/// A provider whose operations wait until the test completes them.
#[derive(Default)]
pub struct Provider {
    waiting: Mutex<VecDeque<Operation>>,
    /// Every error that a cancel function was called with.
    pub asked: Mutex<Vec<Error>>,
    /// Cancel functions do nothing but note the error.
    pub is_deaf: OnceLock<()>,
    pub default: Mutex<Timeout>,
}

impl Provider {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Starts an operation; true if it was accepted.
    pub fn start(self: &Arc<Self>, aio: &Aio) -> bool {
        let Ok(operation) = aio.begin() else { return false };
        self.arm(operation);
        true
    }

    /// Arms an operation that was begun and queues it, or finishes it if that is refused.
    pub fn arm(self: &Arc<Self>, mut operation: Operation) {
        let default = *self.default.lock().unwrap();
        let mut waiting = self.waiting.lock().unwrap();
        match operation.arm_with_default(self, default) {
            Ok(()) => waiting.push_back(operation),
            Err(error) => {
                drop(waiting);
                operation.finish(Err(error));
            }
        }
    }

    /// Takes the operation that waits longest.
    pub fn take(&self) -> Option<Operation> {
        self.waiting.lock().unwrap().pop_front()
    }

    /// Completes the operation that waits longest.
    pub fn complete(&self, result: Result<(), Error>) {
        self.take().expect("an operation waits").finish(result);
    }

    pub fn len(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }

    pub fn asked(&self) -> Vec<Error> {
        self.asked.lock().unwrap().clone()
    }
}

impl Cancel for Provider {
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        self.asked.lock().unwrap().push(error);
        if self.is_deaf.get().is_some() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap();
        let place = waiting.iter().position(|operation| operation.id() == id);
        let operation = place.and_then(|place| waiting.remove(place));
        drop(waiting);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

/// An aio whose callback sends its result.
pub fn telling() -> (Aio, Receiver<i32>) {
    let (tell, hear) = mpsc::channel();
    (Aio::new(move |aio| send(&tell, aio.result())), hear)
}

/// Sends without minding that the test has stopped listening.
pub fn send<T>(tell: &Sender<T>, value: T) {
    let _ = tell.send(value);
}

/// Receives something that must come.
pub fn must<T>(hear: &Receiver<T>) -> T {
    hear.recv_timeout(LIMIT).expect("it happens in time")
}

/// Runs `work` on a thread and fails if it does not return in time.
pub fn returns<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, hear) = mpsc::channel();
    std::thread::spawn(move || send(&tell, work()));
    must(&hear)
}

/// A door that is shut until it is opened; callbacks wait behind it.
#[derive(Default)]
pub struct Door {
    is_open: Mutex<bool>,
    opened: std::sync::Condvar,
}

impl Door {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    pub fn pass(&self) {
        let guard = self.is_open.lock().unwrap();
        let waited = self.opened.wait_timeout_while(guard, LIMIT, |is_open| !*is_open).unwrap();
        assert!(!waited.1.timed_out(), "the door opens in time");
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
