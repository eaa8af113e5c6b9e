//! Threads for calls that block in the system and that nothing can interrupt: lookups of names, and
//! what else is handed to [`Runtime::run_blocking`](crate::Runtime::run_blocking), each with threads
//! of their own, so that neither waits for the other.
//!
//! A few threads take lookups from a channel. They are begun when work waits, end when none came
//! for a while, and are no part of the crew: they run no callbacks. Threads that serve nobody are
//! replaced, so that some stuck calls do not hold up the others:
//!
//! | a thread | is replaced |
//! |---|---|
//! | in a call whose answer nobody waits for any more | at once, when work waits |
//! | in a call that takes long | when work waited for [`PATIENCE`] and no call returned meanwhile |
//!
//! There are never more than [`GROWTH`] times the usual number. At the end of the runtime the free
//! threads are joined, and what waits is dropped; a thread in a call is left to itself and holds
//! nothing of the runtime.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::sync::Mutex;
use crossbeam_channel::{Receiver, Sender, unbounded};
use slab::Slab;

use crate::runtime::{Expire, Shared, Timer};
use crate::sys::block_sigpipe;
use crate::{Error, log, shield};

/// The number of threads beyond which only stuck ones are replaced, unless the builder is told
/// another (NNG's default).
pub(crate) const THREADS: usize = 4;
/// The usual number times this is the limit.
const GROWTH: usize = 4;
/// So long may work wait while no call returns.
const PATIENCE: Duration = Duration::from_secs(1);
/// So long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(5);
/// With fewer lookups queued it is not worth looking for unwanted ones.
const SWEEP: usize = 64;

/// A call that may block for long.
pub(crate) trait Lookup: Send + Sync + 'static {
    /// Makes the call, if somebody still waits for its answer.
    ///
    /// # Context
    /// Runs on a lookup thread, once, with no lock held, and may block.
    fn call(&self) -> Answer<'_>;

    /// False once nobody waits for the answer any more. It then holds nothing of value.
    fn is_wanted(&self) -> bool;
}

/// Hands the answer of a call over; neither blocks nor runs user code.
pub(crate) type Answer<'a> = Box<dyn FnOnce() + 'a>;

/// The lookup threads of a runtime and what waits for them.
pub(crate) struct Lookups {
    thread_name: String,
    /// The usual number of threads.
    usual: usize,
    patience: Duration,
    idle: Duration,
    receiver: Receiver<Arc<dyn Lookup>>,
    pool: Mutex<Pool>,
}

struct Pool {
    /// Gone when the runtime ends.
    sender: Option<Sender<Arc<dyn Lookup>>>,
    /// Lookups that no thread has begun with: in the channel, or just taken from it.
    unbegun: usize,
    /// At this number of `unbegun` the channel is searched for unwanted ones.
    sweep_at: usize,
    threads: Slab<Thread>,
    /// The number of calls that have returned.
    returned: u64,
    /// What `returned` was when work began to wait; absent while the timer is not set.
    watched: Option<u64>,
    /// Made when work waits for the first time. It keeps the runtime's shared part, which keeps
    /// this; the end of the runtime takes it away.
    timer: Option<Timer>,
}

struct Thread {
    /// Taken by whoever joins it.
    handle: Option<JoinHandle<()>>,
    doing: Doing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    /// It takes the next lookup at once.
    Nothing,
    /// It is in the call of the lookup at this address.
    Calling(usize),
    /// It is in a call whose answer nobody waits for.
    Stuck,
}

impl Lookups {
    /// No thread yet; at most `usual` while none of them is stuck.
    pub(crate) fn new(thread_name: String, usual: usize) -> Arc<Self> {
        Arc::new(Self::with_limits(thread_name, usual, PATIENCE, IDLE))
    }

    fn with_limits(thread_name: String, usual: usize, patience: Duration, idle: Duration) -> Self {
        let (sender, receiver) = unbounded();
        Self {
            thread_name,
            usual,
            patience,
            idle,
            receiver,
            pool: Mutex::new(Pool {
                sender: Some(sender),
                unbegun: 0,
                sweep_at: SWEEP,
                threads: Slab::new(),
                returned: 0,
                watched: None,
                timer: None,
            }),
        }
    }

    /// The number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.pool.lock().threads.len()
    }

    /// Hands a lookup to a thread. `runtime` is the one these threads belong to.
    ///
    /// # Errors
    /// `Closed` when the runtime ends; what the system answers if there is no thread and it has
    /// none left.
    pub(crate) fn submit(
        self: &Arc<Self>,
        runtime: &Arc<Shared>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<(), Error> {
        let mut pool = self.pool.lock();
        let Some(sender) = pool.sender.clone() else { return Err(Error::Closed) };
        if pool.unbegun >= pool.sweep_at {
            self.sweep(&mut pool, &sender);
        }
        pool.unbegun += 1;
        if let Err(error) = self.begin_usual(&mut pool)
            && pool.threads.is_empty()
        {
            pool.unbegun -= 1;
            return Err(error.into());
        }
        // There is a receiver in `self`, so this succeeds.
        let _ = sender.send(lookup);
        if pool.is_short() && pool.timer.is_none() {
            let target: Weak<Self> = Arc::downgrade(self);
            pool.timer = Some(Timer::new(runtime, target));
        }
        self.watch(&mut pool);
        Ok(())
    }

    /// Nobody waits for the answer of the lookup at `address` any more, and its call has begun.
    pub(crate) fn give_up(self: &Arc<Self>, address: usize) {
        let mut pool = self.pool.lock();
        for (_, thread) in &mut pool.threads {
            if thread.doing == Doing::Calling(address) {
                thread.doing = Doing::Stuck;
            }
        }
        // If the system has no thread left, the others go on, and the timer tries again.
        let _ = self.begin_usual(&mut pool);
    }

    /// Takes no more lookups, and ends all threads. Those in a call end when it returns, and are
    /// not waited for.
    pub(crate) fn close(&self) {
        let mut pool = self.pool.lock();
        let sender = pool.sender.take();
        let timer = pool.timer.take();
        let free = pool.threads.iter_mut().filter(|(_, thread)| thread.doing == Doing::Nothing);
        let joins: Vec<_> = free.filter_map(|(_, thread)| thread.handle.take()).collect();
        // Threads that are all in a call would keep it, and with it what it holds of the runtime.
        let unbegun: Vec<_> = self.receiver.try_iter().collect();
        pool.unbegun -= unbegun.len();
        drop(pool);
        drop(timer);
        drop(sender);
        for lookup in unbegun {
            dispose(lookup);
        }
        for join in joins {
            // A thread of ours may drop the last owner of the runtime.
            if join.thread().id() != thread::current().id() {
                let _ = join.join();
            }
        }
    }

    /// What a lookup thread does until it ends.
    fn run(&self, place: usize) {
        while let Some(lookup) = self.next(place) {
            let answer = lookup.call();
            let mut pool = self.pool.lock();
            pool.threads[place].doing = Doing::Nothing;
            pool.returned += 1;
            drop(pool);
            answer();
        }
    }

    /// Takes the next lookup; `None` if the thread is to end.
    fn next(&self, place: usize) -> Option<Arc<dyn Lookup>> {
        loop {
            let received = self.receiver.recv_timeout(self.idle);
            let mut pool = self.pool.lock();
            match received {
                Ok(lookup) => {
                    pool.unbegun -= 1;
                    // The end of the runtime ends what waits; a call begun now would outlast it.
                    if pool.sender.is_some() {
                        pool.threads[place].doing = Doing::Calling(address_of(&lookup));
                        return Some(lookup);
                    }
                    drop(pool);
                    dispose(lookup);
                }
                // Others suffice for what was handed over and is on its way through the channel.
                Err(_) if pool.unbegun < pool.free() => {
                    pool.threads.remove(place);
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    /// Begins threads for the work that waits, up to the usual number of those that are not stuck.
    fn begin_usual(self: &Arc<Self>, pool: &mut Pool) -> io::Result<()> {
        while pool.is_short() && pool.serving() < self.usual && self.may_begin(pool) {
            self.begin(pool)?;
        }
        Ok(())
    }

    fn may_begin(&self, pool: &Pool) -> bool {
        pool.sender.is_some() && pool.threads.len() < self.usual.saturating_mul(GROWTH)
    }

    /// Begins a thread. It waits for the lock first, so it finds its place complete.
    fn begin(self: &Arc<Self>, pool: &mut Pool) -> io::Result<()> {
        let entry = pool.threads.vacant_entry();
        let (lookups, place) = (Arc::clone(self), entry.key());
        let handle = thread::Builder::new().name(self.thread_name.clone()).spawn(move || {
            block_sigpipe();
            lookups.run(place);
        })?;
        entry.insert(Thread { handle: Some(handle), doing: Doing::Nothing });
        Ok(())
    }

    /// Looks again after a while if work waits and more threads may be begun.
    fn watch(&self, pool: &mut Pool) {
        if pool.watched.is_none()
            && pool.is_short()
            && self.may_begin(pool)
            && let Some(timer) = &pool.timer
        {
            timer.set_after(self.patience);
            pool.watched = Some(pool.returned);
        }
    }

    /// Drops what nobody waits for. The next search comes when the rest has doubled, so that
    /// lookups pay for them once, and what is unwanted is never the greater part for long.
    fn sweep(&self, pool: &mut Pool, sender: &Sender<Arc<dyn Lookup>>) {
        for _ in 0..self.receiver.len() {
            let Ok(lookup) = self.receiver.try_recv() else { break };
            if lookup.is_wanted() {
                let _ = sender.send(lookup);
            } else {
                pool.unbegun -= 1;
            }
        }
        pool.sweep_at = pool.unbegun.saturating_mul(2).max(SWEEP);
    }
}

impl Expire for Lookups {
    fn expired(self: Arc<Self>) {
        let mut pool = self.pool.lock();
        let Some(returned) = pool.watched.take() else { return };
        if pool.is_short() && pool.returned == returned && self.may_begin(&pool) {
            // If the system has no thread left, this tries again.
            let _ = self.begin(&mut pool);
        }
        self.watch(&mut pool);
    }
}

impl Pool {
    /// True if the free threads are too few for the work that waits.
    fn is_short(&self) -> bool {
        self.unbegun > self.free()
    }

    fn free(&self) -> usize {
        self.threads.iter().filter(|(_, thread)| thread.doing == Doing::Nothing).count()
    }

    fn serving(&self) -> usize {
        self.threads.iter().filter(|(_, thread)| thread.doing != Doing::Stuck).count()
    }
}

/// Drops what will not be called, which may hold anything.
fn dispose(lookup: Arc<dyn Lookup>) {
    if shield::panics(|| drop(lookup)) {
        log::error("NNG-PANIC", "the destructor of work that was dropped panicked");
    }
}

/// The address that tells lookups apart while they live.
pub(crate) fn address_of<L: ?Sized>(lookup: &Arc<L>) -> usize {
    Arc::as_ptr(lookup).cast::<()>().addr()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::mpsc;

    use super::*;
    use crate::Runtime;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(1);
    /// How long a test waits for what must happen.
    const LIMIT: Duration = Duration::from_secs(60);

    /// Threads, a runtime for their timer, and news of their calls.
    struct Bench {
        lookups: Arc<Lookups>,
        runtime: Runtime,
        tell: mpsc::Sender<(usize, &'static str)>,
        hear: mpsc::Receiver<(usize, &'static str)>,
    }

    /// Its call blocks until `release` is dropped.
    struct Call {
        number: usize,
        is_wanted: AtomicBool,
        released: Mutex<mpsc::Receiver<()>>,
        tell: mpsc::Sender<(usize, &'static str)>,
    }

    impl Lookup for Call {
        fn call(&self) -> Answer<'_> {
            let _ = self.tell.send((self.number, "called"));
            let _ = self.released.lock().recv();
            Box::new(|| {
                let _ = self.tell.send((self.number, "answered"));
            })
        }

        fn is_wanted(&self) -> bool {
            self.is_wanted.load(SeqCst)
        }
    }

    impl Bench {
        fn new(usual: usize, patience: Duration, idle: Duration) -> Self {
            let lookups = Arc::new(Lookups::with_limits("test".into(), usual, patience, idle));
            let (tell, hear) = mpsc::channel();
            let runtime = Runtime::builder().build().expect("the system has threads");
            Self { lookups, runtime, tell, hear }
        }

        fn submit(&self, number: usize) -> (Arc<Call>, mpsc::Sender<()>) {
            let (release, released) = mpsc::channel();
            let call = Arc::new(Call {
                number,
                is_wanted: AtomicBool::new(true),
                released: Mutex::new(released),
                tell: self.tell.clone(),
            });
            let submitted = self.lookups.submit(self.runtime.shared(), call.clone());
            submitted.expect("the threads are not closed");
            (call, release)
        }

        fn next(&self) -> (usize, &'static str) {
            self.hear.recv_timeout(LIMIT).expect("it happens in time")
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            self.lookups.close();
        }
    }

    #[test]
    fn threads_are_begun_by_work_and_end_when_idle() {
        let bench = Bench::new(2, LONG, SHORT);
        assert_eq!(bench.lookups.threads(), 0);
        for number in 0..3 {
            drop(bench.submit(number));
            assert_eq!(bench.next(), (number, "called"));
            assert_eq!(bench.next(), (number, "answered"));
            while bench.lookups.threads() > 0 {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn work_beyond_the_usual_number_waits_for_a_free_thread() {
        let bench = Bench::new(2, LONG, LONG);
        let (_, first) = bench.submit(1);
        assert_eq!(bench.next(), (1, "called"));
        let (_, _second) = bench.submit(2);
        assert_eq!(bench.next(), (2, "called"));
        let (_, _third) = bench.submit(3);
        assert_eq!(bench.lookups.threads(), 2);
        drop(first);
        assert_eq!(bench.next(), (1, "answered"));
        assert_eq!(bench.next(), (3, "called"));
        assert_eq!(bench.lookups.threads(), 2);
    }

    #[test]
    fn threads_that_serve_nobody_are_replaced_up_to_the_bound() {
        let bench = Bench::new(1, LONG, LONG);
        let mut stuck = Vec::new();
        let mut last = bench.submit(0);
        for number in 1..GROWTH {
            assert_eq!(bench.next(), (number - 1, "called"));
            let next = bench.submit(number);
            assert_eq!(bench.lookups.threads(), number, "the last call may still be of use");
            bench.lookups.give_up(address_of(&last.0));
            stuck.push(std::mem::replace(&mut last, next));
        }
        assert_eq!(bench.next(), (GROWTH - 1, "called"));
        bench.lookups.give_up(address_of(&last.0));
        let (_, _waits) = bench.submit(GROWTH);
        assert_eq!(bench.lookups.threads(), GROWTH);
        // One that comes back serves again.
        drop(stuck.pop());
        assert_eq!(bench.next(), (GROWTH - 2, "answered"));
        assert_eq!(bench.next(), (GROWTH, "called"));
    }

    #[test]
    fn work_that_waits_while_no_call_returns_gets_another_thread() {
        let bench = Bench::new(1, SHORT, LONG);
        let (_, _first) = bench.submit(1);
        let (_, _second) = bench.submit(2);
        let (_, _third) = bench.submit(3);
        let mut called = [bench.next(), bench.next(), bench.next()];
        called.sort_unstable();
        assert_eq!(called, [(1, "called"), (2, "called"), (3, "called")]);
    }

    #[test]
    fn what_nobody_wants_does_not_pile_up() {
        let bench = Bench::new(1, LONG, LONG);
        let (_, first) = bench.submit(0);
        assert_eq!(bench.next(), (0, "called"));
        let (_, wanted) = bench.submit(1);
        for number in 2..10 * SWEEP {
            let (call, _) = bench.submit(number);
            call.is_wanted.store(false, SeqCst);
            assert!(bench.lookups.receiver.len() <= SWEEP);
        }
        drop((first, wanted));
        assert_eq!(bench.next(), (0, "answered"));
        assert_eq!(bench.next(), (1, "called"), "what is wanted keeps its place");
    }

    #[test]
    fn closing_joins_free_threads_and_leaves_the_others_alone() {
        let bench = Bench::new(2, LONG, LONG);
        let (stuck, release) = bench.submit(1);
        assert_eq!(bench.next(), (1, "called"));
        drop(bench.submit(2));
        assert_eq!(bench.next(), (2, "called"));
        assert_eq!(bench.next(), (2, "answered"));
        bench.lookups.close();
        assert_eq!(bench.lookups.threads(), 1);
        let refused = bench.lookups.submit(bench.runtime.shared(), stuck);
        assert_eq!(refused, Err(Error::Closed));
        drop(release);
        assert_eq!(bench.next(), (1, "answered"));
        while bench.lookups.threads() > 0 {
            thread::yield_now();
        }
    }
}
