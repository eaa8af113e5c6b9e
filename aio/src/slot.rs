//! One aio's state with everything that may happen to it at once: the part of the core that the
//! loom models execute.
//!
//! A [`Slot`] is [`OpState`] behind its cell, plus a place to sleep until it is idle. It knows
//! nothing of threads that run callbacks, of clocks or of buffers' contents.

use std::sync::Arc;

use crate::Error;
use crate::buffer::Buffers;
use crate::modelled::{Condvar, Mutex};
use crate::operation::Cancel;
use crate::state::{self, AfterCallback, AfterFinish, Callback, OpState};
use crate::sys::SpinCell;

/// The changing part of an aio, and those who wait for it.
pub(crate) struct Slot {
    cell: SpinCell<OpState>,
    /// Taken by sleepers, and by wakers after the cell; guards nothing but the order of the two.
    sleepers: Mutex<()>,
    idle: Condvar,
}

impl Slot {
    pub(crate) fn new(callback: Option<Callback>) -> Self {
        Self {
            cell: SpinCell::new(OpState::new(callback)),
            sleepers: Mutex::new(()),
            idle: Condvar::new(),
        }
    }

    /// Runs a transition. What it hands out is dropped outside.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut OpState) -> R) -> R {
        self.cell.with(change)
    }

    /// True while an operation is in flight or a callback is queued or running.
    pub(crate) fn is_busy(&self) -> bool {
        state::is_busy(self.cell.peek())
    }

    /// Asks the provider of whatever is in flight to end it with `error`.
    pub(crate) fn claim(&self, error: Error) -> Option<(Arc<dyn Cancel>, u32)> {
        self.with(|state| state.claim(error))
    }

    /// Refuses every further operation; the provider of an armed one is to be asked to end it.
    pub(crate) fn stop(&self) -> Option<(Arc<dyn Cancel>, u32)> {
        self.with(OpState::stop)
    }

    /// Ends the operation in flight and wakes those who wait, if it leaves the aio idle. The provider
    /// comes back to be dropped when everything else is done.
    pub(crate) fn finish(
        &self,
        result: i32,
        count: usize,
        buffers: Buffers,
    ) -> (AfterFinish, Option<Arc<dyn Cancel>>) {
        let (after, cancel) = self.with(|state| state.finish(result, count, buffers));
        if let AfterFinish::Idle { wake: true } | AfterFinish::Released { wake: true } = after {
            self.wake();
        }
        (after, cancel)
    }

    /// Takes the callback in order to run it.
    pub(crate) fn start_callback(&self) -> Option<Callback> {
        self.with(OpState::start_callback)
    }

    /// Notes the end of a callback and wakes those who wait, if it leaves the aio idle.
    pub(crate) fn end_callback(&self, callback: Option<Callback>) -> AfterCallback {
        let after = self.with(|state| state.end_callback(callback));
        if let AfterCallback::Idle { wake: true } | AfterCallback::Released { wake: true } = after {
            self.wake();
        }
        after
    }

    /// Wakes everyone who sleeps here, to look again.
    pub(crate) fn wake(&self) {
        // A sleeper asks for its wake under this lock and sleeps before giving it up.
        drop(self.sleepers.lock());
        self.idle.notify_all();
    }

    /// Asks for a wake and calls `meanwhile` until no operation is in flight and no callback is
    /// queued or running, or until it returns false.
    pub(crate) fn wait_by(&self, mut meanwhile: impl FnMut() -> bool) {
        while self.is_busy() && self.with(OpState::want_wake) && meanwhile() {}
    }

    /// Sleeps until no operation is in flight and no callback is queued or running.
    pub(crate) fn wait(&self) {
        self.wait_unless(|| false);
    }

    /// As [`wait`](Self::wait), but returns when it is woken and `is_called` holds.
    pub(crate) fn wait_unless(&self, is_called: impl Fn() -> bool) {
        if !self.is_busy() {
            return;
        }
        let mut guard = self.sleepers.lock();
        while !is_called() && self.with(OpState::want_wake) {
            guard = self.idle.wait(guard);
        }
    }
}

/// Two or three threads, one aio, every interleaving.
#[cfg(all(test, loom))]
mod loom {
    use std::time::Instant;

    use ::loom::sync::Arc as Shared;
    use ::loom::thread;

    use super::*;
    use crate::modelled::{AtomicBool, AtomicUsize, Ordering::Relaxed};
    use crate::operation::OperationId;
    use crate::timeout::Timeout;

    struct Nobody;

    impl Cancel for Nobody {
        fn cancel(self: Arc<Self>, _id: OperationId, _error: Error) {}
    }

    /// An aio, its provider with room for one operation, and its callback, which notes its runs.
    struct Model {
        slot: Slot,
        /// The generation of the operation that waits here.
        waiting: Mutex<Option<u32>>,
        /// Relaxed, so that only what `wait` promises makes them visible.
        runs: AtomicUsize,
        is_inside: AtomicBool,
    }

    impl Model {
        fn with_callback() -> Shared<Self> {
            Self::new(Some(Box::new(|_| ())))
        }

        fn new(callback: Option<Callback>) -> Shared<Self> {
            Shared::new(Self {
                slot: Slot::new(callback),
                waiting: Mutex::new(None),
                runs: AtomicUsize::new(0),
                is_inside: AtomicBool::new(false),
            })
        }

        /// Starts an operation that waits at the provider; false if the aio refuses.
        fn start(&self) -> bool {
            let Ok(begun) = self.slot.with(|state| state.begin().0) else { return false };
            let mut waiting = self.waiting.lock();
            let armed = self.slot.with(|state| {
                state.arm(Arc::new(Nobody), Timeout::Infinite, Instant::now).map_err(|why| why.0)
            });
            match armed {
                Ok(_) => *waiting = Some(begun.generation),
                Err(error) => {
                    drop(waiting);
                    self.finish(error.code(), 0);
                }
            }
            true
        }

        /// The provider's own completion.
        fn complete(&self) {
            let waiting = self.waiting.lock().take();
            if waiting.is_some() {
                self.finish(0, 7);
            }
        }

        /// What an asker does with what it claimed.
        fn cancel(&self, claimed: Option<(Arc<dyn Cancel>, u32)>, error: Error) {
            let Some((_, generation)) = claimed else { return };
            let mut waiting = self.waiting.lock();
            let is_here = *waiting == Some(generation);
            if is_here {
                *waiting = None;
            }
            drop(waiting);
            if is_here {
                self.finish(error.code(), 0);
            }
        }

        fn finish(&self, result: i32, count: usize) {
            let (after, _provider) = self.slot.finish(result, count, Buffers::new());
            if after == AfterFinish::Schedule {
                self.run_callback(|| ());
            }
        }

        /// What a runtime thread does with a due callback; `inside` is the user's function.
        fn run_callback(&self, inside: impl Fn()) {
            loop {
                let callback = self.slot.start_callback();
                assert!(!self.is_inside.swap(true, Relaxed), "callbacks never overlap");
                inside();
                self.runs.store(self.runs.load(Relaxed) + 1, Relaxed);
                self.is_inside.store(false, Relaxed);
                if self.slot.end_callback(callback) != AfterCallback::Schedule {
                    return;
                }
            }
        }

        fn result(&self) -> (i32, usize) {
            self.slot.with(|state| (state.result, state.count))
        }
    }

    fn spawn(model: &Shared<Model>, run: impl FnOnce(&Model) + 'static) -> thread::JoinHandle<()> {
        let model = Shared::clone(model);
        thread::spawn(move || run(&model))
    }

    #[test]
    fn complete_against_abort_has_one_winner_and_one_callback() {
        ::loom::model(|| {
            let model = Model::with_callback();
            assert!(model.start());
            let provider = spawn(&model, Model::complete);
            let asker = spawn(&model, |model| {
                let claimed = model.slot.claim(Error::Canceled);
                model.cancel(claimed, Error::Canceled);
            });
            model.slot.wait();
            assert_eq!(model.runs.load(Relaxed), 1);
            let frozen = model.result();
            assert!([(0, 7), (Error::Canceled.code(), 0)].contains(&frozen));
            provider.join().unwrap();
            asker.join().unwrap();
            assert_eq!((model.runs.load(Relaxed), model.result()), (1, frozen));
        });
    }

    #[test]
    fn of_two_askers_the_first_decides() {
        ::loom::model(|| {
            let model = Model::with_callback();
            assert!(model.start());
            let askers = [Error::Canceled, Error::State].map(|error| {
                spawn(&model, move |model| {
                    let claimed = model.slot.claim(error);
                    model.cancel(claimed, error);
                })
            });
            model.slot.wait();
            assert_eq!(model.runs.load(Relaxed), 1);
            for asker in askers {
                asker.join().unwrap();
            }
            assert_eq!(model.runs.load(Relaxed), 1);
        });
    }

    #[test]
    fn an_abort_while_arming_is_refused_by_arm_or_finds_the_operation() {
        ::loom::model(|| {
            let model = Model::with_callback();
            let begun = model.slot.with(|state| state.begin().0).unwrap();
            let asker = spawn(&model, |model| {
                let claimed = model.slot.claim(Error::Canceled);
                model.cancel(claimed, Error::Canceled);
            });
            let mut waiting = model.waiting.lock();
            let armed = model.slot.with(|state| {
                state.arm(Arc::new(Nobody), Timeout::Infinite, Instant::now).map_err(|why| why.0)
            });
            *waiting = armed.is_ok().then_some(begun.generation);
            drop(waiting);
            if let Err(error) = armed {
                model.finish(error.code(), 0);
            }
            model.slot.wait();
            assert_eq!(model.result(), (Error::Canceled.code(), 0));
            asker.join().unwrap();
            assert_eq!(model.runs.load(Relaxed), 1);
        });
    }

    #[test]
    fn stop_returns_after_the_callback_and_no_other_follows() {
        ::loom::model(|| {
            let model = Model::with_callback();
            assert!(model.start());
            let provider = spawn(&model, Model::complete);
            let claimed = model.slot.stop();
            model.cancel(claimed, Error::Canceled);
            model.slot.wait();
            assert_eq!(model.runs.load(Relaxed), 1);
            assert!(!model.start());
            provider.join().unwrap();
            assert_eq!(model.runs.load(Relaxed), 1);
        });
    }

    #[test]
    fn stop_ends_a_callback_that_restarts() {
        ::loom::model(|| {
            let model = Model::with_callback();
            assert!(model.slot.with(|state| state.begin().0).is_ok());
            let runner = spawn(&model, |model| {
                let (after, _provider) = model.slot.finish(0, 0, Buffers::new());
                assert_eq!(after, AfterFinish::Schedule);
                model.run_callback(|| {
                    let is_first = model.runs.load(Relaxed) == 0;
                    if is_first && model.slot.with(|state| state.begin().0).is_ok() {
                        let (after, _provider) = model.slot.finish(0, 0, Buffers::new());
                        assert_eq!(after, AfterFinish::Deferred);
                    }
                });
            });
            let claimed = model.slot.stop();
            model.cancel(claimed, Error::Canceled);
            model.slot.wait();
            let runs = model.runs.load(Relaxed);
            assert!(runs > 0);
            runner.join().unwrap();
            assert_eq!(model.runs.load(Relaxed), runs);
        });
    }

    #[test]
    fn every_waiter_is_woken() {
        ::loom::model(|| {
            let model = Model::new(None);
            assert!(model.start());
            let waiters = [(); 2].map(|()| {
                spawn(&model, |model| {
                    model.slot.wait();
                    assert_eq!(model.result(), (0, 7));
                })
            });
            model.complete();
            for waiter in waiters {
                waiter.join().unwrap();
            }
        });
    }

    #[test]
    fn what_a_released_aio_holds_is_taken_once() {
        for has_callback in [false, true] {
            ::loom::model(move || {
                let model = if has_callback { Model::with_callback() } else { Model::new(None) };
                assert!(model.slot.with(|state| state.begin().0).is_ok());
                let finisher = spawn(&model, |model| {
                    let (after, _provider) = model.slot.finish(0, 0, Buffers::new());
                    let is_told = match after {
                        AfterFinish::Schedule => {
                            let callback = model.slot.start_callback();
                            matches!(
                                model.slot.end_callback(callback),
                                AfterCallback::Released { .. }
                            )
                        }
                        after => matches!(after, AfterFinish::Released { .. }),
                    };
                    if is_told {
                        model.runs.fetch_add(1, Relaxed);
                    }
                });
                if model.slot.with(|state| state.release()).is_some() {
                    model.runs.fetch_add(1, Relaxed);
                }
                finisher.join().unwrap();
                assert_eq!(model.runs.load(Relaxed), 1);
            });
        }
    }
}
