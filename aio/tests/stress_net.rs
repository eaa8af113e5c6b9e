//! Streams, listeners and dialers under many threads that start, cancel, time out, close and drop.
//!
//! Nothing is asserted about what comes out of each step, only what must hold after all: every
//! operation ended exactly once, no byte was lost or doubled, nothing is left behind.
//! `NNG_STRESS_PERCENT` scales the amount. Locks are `nng_aio::sync`'s, which ThreadSanitizer can see.

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use nng_aio::net::{Dialer, Family, Listener, Stream};
use nng_aio::sync::Mutex;
use nng_aio::{Aio, Error, Runtime};
use support::streams::connected;
use support::{Directory, FOREVER};

const THREADS: usize = 8;

/// The amount of work, scaled.
fn scaled(amount: usize) -> usize {
    let percent = std::env::var("NNG_STRESS_PERCENT").ok().and_then(|text| text.parse().ok());
    (amount * percent.unwrap_or(100) / 100).max(1)
}

/// Waits for threads; ThreadSanitizer does not see the end of a scope that does.
fn join<'scope>(threads: impl IntoIterator<Item = ScopedJoinHandle<'scope, ()>>) {
    for thread in threads {
        thread.join().expect("nothing failed");
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn new(seed: usize) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ (seed as u64 + 1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % sides as u64).unwrap_or_default()
    }
}

/// Descriptors are counted, so the tests take turns.
static ALONE: Mutex<()> = Mutex::new(());

/// The sockets and selectors that are open. Sanitizers have descriptors of other kinds.
fn descriptors() -> usize {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return 0 };
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| {
            let target = target.to_string_lossy();
            target.starts_with("socket:") || target.starts_with("anon_inode:")
        })
        .count()
}

/// A listener over TCP and one over Unix sockets, and the dialers that belong to them.
struct Endpoints {
    listeners: [Listener; 2],
    dialers: [Dialer; 2],
}

impl Endpoints {
    fn new(runtime: &Runtime, directory: &Directory, name: &str) -> Self {
        let tcp = Listener::tcp("127.0.0.1", "0", Family::Any);
        let listeners = [tcp, Listener::ipc(directory.join(name))].map(|listener| {
            let listener = listener.expect("the address is good").on(runtime);
            listener.listen().expect("the address is free");
            listener
        });
        let dialers = [0, 1].map(|kind: usize| {
            let dialer = Dialer::new(listeners[kind].local_addr()).expect("it listens");
            dialer.on(runtime)
        });
        Self { listeners, dialers }
    }
}

/// Where connections come from.
struct Net {
    runtime: Runtime,
    /// Those of pairs, one at a time, so that a dial and an accept belong together.
    paired: [Mutex<()>; 2],
    pairs: Endpoints,
    /// Those that are dialed and accepted at random.
    loose: Endpoints,
    _directory: Directory,
}

impl Net {
    fn new() -> Self {
        let runtime = Runtime::builder().build().expect("the system has room for it");
        let directory = Directory::new();
        let [pairs, loose] =
            ["pairs", "loose"].map(|name| Endpoints::new(&runtime, &directory, name));
        let paired = [Mutex::new(()), Mutex::new(())];
        Self { runtime, paired, pairs, loose, _directory: directory }
    }

    /// Two ends of a connection over TCP (0) or a Unix socket (1).
    fn pair(&self, kind: usize) -> [Stream; 2] {
        let _turn = self.paired[kind].lock();
        let [dial, accept] = [0, 1].map(|_| self.runtime.aio_without_callback());
        self.pairs.listeners[kind].accept(&accept);
        self.pairs.dialers[kind].dial(&dial);
        [dial, accept].map(|aio| connected(&aio).expect("they connect"))
    }
}

/// An aio whose operations are counted when they start and when their callback runs.
struct Counted {
    aio: Aio,
    started: AtomicUsize,
    ended: Arc<AtomicUsize>,
}

impl Counted {
    fn new(runtime: &Runtime) -> Self {
        let ended = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ended);
        let aio = runtime.aio(move |aio| {
            assert!(aio.result() == 0 || aio.count() == 0, "a failure moves nothing");
            drop(aio.take_output::<Stream>(0));
            count.fetch_add(1, SeqCst);
        });
        Self { aio, started: AtomicUsize::new(0), ended }
    }

    /// Starts an operation, unless one is under way.
    fn start(&self, dice: &mut Dice, start: impl FnOnce(&Aio)) {
        if self.aio.is_busy() {
            return;
        }
        let limit = [Duration::ZERO, Duration::from_millis(1), FOREVER, FOREVER][dice.roll(4)];
        self.aio.set_timeout(limit);
        self.aio.set_buffer(vec![1; dice.roll(20_000)]).expect("it is idle");
        self.started.fetch_add(1, SeqCst);
        start(&self.aio);
    }

    /// Ends what is under way; every operation that was started has ended once.
    fn check(self) {
        self.aio.stop();
        assert_eq!(self.started.load(SeqCst), self.ended.load(SeqCst));
    }
}

/// One thread's random steps on everybody's connections.
fn disturb(net: &Net, slots: &[Mutex<[Stream; 2]>], seed: usize, steps: usize) {
    const AIOS: usize = 24;
    let mut dice = Dice::new(seed);
    let mut aios: Vec<_> = (0..AIOS).map(|_| Counted::new(&net.runtime)).collect();
    for _ in 0..steps {
        let place = dice.roll(slots.len());
        let end = dice.roll(2);
        let stream = slots[place].lock()[end].clone();
        let index = dice.roll(AIOS);
        match dice.roll(100) {
            0..30 => aios[index].start(&mut dice, |aio| stream.recv(aio)),
            30..60 => aios[index].start(&mut dice, |aio| stream.send(aio)),
            60..75 => aios[index].aio.cancel(),
            75..80 => {
                let _ = stream.recv_sync(&mut [0; 4096], Duration::from_millis(1));
            }
            80..85 => {
                let _ = stream.send_sync(&[1; 4096], Duration::from_millis(1));
            }
            85..87 => stream.close(),
            87..92 => {
                let fresh = net.pair(place % 2);
                let old = std::mem::replace(&mut *slots[place].lock(), fresh);
                drop((stream, old));
            }
            92..94 => {
                aios[index].start(&mut dice, |aio| net.loose.listeners[place % 2].accept(aio))
            }
            94..97 => aios[index].start(&mut dice, |aio| net.loose.dialers[place % 2].dial(aio)),
            _ => {
                let old = std::mem::replace(&mut aios[index], Counted::new(&net.runtime));
                old.check();
            }
        }
    }
    aios.into_iter().for_each(Counted::check);
}

#[test]
fn every_operation_ends_once_and_nothing_is_left() {
    let _alone = ALONE.lock();
    let before = descriptors();
    let net = Net::new();
    let runtime = net.runtime.clone();
    let mut seed = 0;
    let slots: Vec<_> = (0..200).map(|place| Mutex::new(net.pair(place % 2))).collect();
    std::thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| {
            let (net, slots) = (&net, &slots);
            seed += 1;
            scope.spawn(move || disturb(net, slots, seed, scaled(4000)))
        });
        join(threads);
    });
    drop((slots, net));
    // A thread may be about to let go of the last aio.
    runtime.shutdown();
    let stats = runtime.stats();
    assert_eq!((stats.sources, stats.aios, stats.panics), (0, 0, 0), "{stats:?}");
    drop(runtime);
    assert_eq!(descriptors(), before);
}

/// The byte at a place of every flow.
fn byte_at(place: usize) -> u8 {
    u8::try_from(place % 251).unwrap_or(0)
}

/// One direction of a connection: what was moved so far.
struct Flow {
    stream: Mutex<Option<Stream>>,
    moved: AtomicUsize,
    dice: Mutex<Dice>,
    is_done: AtomicBool,
}

impl Flow {
    fn new(stream: Stream, seed: usize) -> Arc<Self> {
        Arc::new(Self {
            stream: Mutex::new(Some(stream)),
            moved: AtomicUsize::new(0),
            dice: Mutex::new(Dice::new(seed)),
            is_done: AtomicBool::new(false),
        })
    }

    fn finish(&self) {
        self.is_done.store(true, SeqCst);
        drop(self.stream.lock().take());
    }

    /// Sends the next bytes, until all are sent.
    fn send(&self, aio: &Aio, total: usize) {
        let moved = self.moved.load(SeqCst);
        if moved == total {
            return self.finish();
        }
        let len = (1 + self.dice.lock().roll(50_000)).min(total - moved);
        let bytes: Vec<u8> = (moved..moved + len).map(byte_at).collect();
        aio.set_buffer(bytes).expect("it is idle");
        let stream = self.stream.lock().clone();
        stream.expect("it is not done").send(aio);
    }

    /// Receives the next bytes, whatever their number.
    fn recv(&self, aio: &Aio) {
        let len = 1 + self.dice.lock().roll(50_000);
        aio.set_buffer(vec![0; len]).expect("it is idle");
        let stream = self.stream.lock().clone();
        stream.expect("it is not done").recv(aio);
    }

    fn sent(&self, aio: &Aio, total: usize) {
        match aio.outcome() {
            Ok(()) | Err(Error::Canceled | Error::TimedOut) => {
                self.moved.fetch_add(aio.count(), SeqCst);
                self.send(aio, total);
            }
            Err(error) => panic!("sending failed: {error}"),
        }
    }

    fn received(&self, aio: &Aio) {
        match aio.outcome() {
            Ok(()) | Err(Error::Canceled | Error::TimedOut) => {
                let count = aio.count();
                let moved = self.moved.fetch_add(count, SeqCst);
                let bytes = aio.take_buffer();
                for (offset, &byte) in bytes[..count].iter().enumerate() {
                    assert_eq!(byte, byte_at(moved + offset), "at {}", moved + offset);
                }
                self.recv(aio);
            }
            Err(Error::ConnectionShutdown) => self.finish(),
            Err(error) => panic!("receiving failed: {error}"),
        }
    }
}

#[test]
fn no_byte_is_lost_or_doubled_by_cancels_and_timeouts() {
    let _alone = ALONE.lock();
    let before = descriptors();
    let net = Net::new();
    let runtime = net.runtime.clone();
    let total = scaled(4 << 20);
    let flows: Vec<_> = (0..20)
        .flat_map(|pair| {
            let [one, other] = net.pair(pair % 2);
            let (sends, recvs) = (Flow::new(one, 2 * pair), Flow::new(other, 2 * pair + 1));
            let (sent, received) = (Arc::clone(&sends), Arc::clone(&recvs));
            let sender = runtime.aio(move |aio| sent.sent(aio, total));
            let receiver = runtime.aio(move |aio| received.received(aio));
            recvs.recv(&receiver);
            sends.send(&sender, total);
            [(sends, sender), (recvs, receiver)]
        })
        .collect();
    let mut seed = 1000;
    let is_done = || flows.iter().all(|(flow, _)| flow.is_done.load(SeqCst));
    std::thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| {
            let (flows, is_done, panics) = (&flows, &is_done, || runtime.stats().panics);
            seed += 1;
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                while !is_done() {
                    assert_eq!(panics(), 0);
                    let (_, aio) = &flows[dice.roll(flows.len())];
                    match dice.roll(4) {
                        0 => aio.set_timeout(Duration::from_micros(dice.roll(2000) as u64 + 1)),
                        1 => aio.set_timeout(FOREVER),
                        _ => aio.cancel(),
                    }
                    if dice.roll(8) == 0 {
                        std::thread::yield_now();
                    }
                }
            })
        });
        join(threads);
    });
    for (flow, aio) in flows {
        aio.wait();
        assert_eq!(flow.moved.load(SeqCst), total);
    }
    drop(net);
    // A thread may be about to let go of the last aio.
    runtime.shutdown();
    let stats = runtime.stats();
    assert_eq!((stats.sources, stats.aios, stats.panics), (0, 0, 0), "{stats:?}");
    drop(runtime);
    assert_eq!(descriptors(), before);
}
