//! A simulated world: a network in memory that delays, cuts and loses, on one thread, in time that
//! stands still until it is told to go on. Everything follows from the seed.
//!
//! A [`Wire`] lies between the two ends of a connection and is itself two pairs of sockets: what one
//! end sends, the wire takes and hands on to the other end, some of it, some time. It breaks in both
//! ways in which connections do: an end, or a reset, which is what the system makes of a socket that is
//! closed with something unread. The order in which sockets become ready follows from the steps of the
//! wires, of which the seed draws each.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nng_aio::Runtime;
use nng_aio::clock::{self, Frozen};
use rustix::io::ioctl_fionread;
use rustix::net::sockopt;

use crate::support::server::descriptors;

/// Random numbers that a seed determines.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (splitmix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A length up to `max`; short ones are as frequent as long ones.
    pub(crate) fn len(&mut self, max: usize) -> usize {
        let bits = self.below(usize::BITS as usize - max.leading_zeros() as usize + 1);
        self.below((1_usize << bits).min(max) + 1)
    }
}

/// Everything that happens.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) runtime: Runtime,
    pub(crate) wires: Vec<Wire>,
    /// Connections may break, and time may pass while something is on its way.
    pub(crate) has_faults: bool,
    time: Frozen,
    /// Descriptors that were there before it.
    descriptors: Option<usize>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let descriptors = descriptors();
        let mut chance = Chance::new(seed);
        let has_faults = chance.once_in(2);
        let time = clock::freeze();
        let runtime = Runtime::builder().host_driven().build().expect("there are descriptors");
        Self { chance, runtime, wires: Vec::new(), has_faults, time, descriptors }
    }

    /// Ends it, when all that lived in it has been dropped; fails if something is left.
    pub(crate) fn end(mut self) {
        self.settle();
        let stats = self.runtime.stats();
        assert_eq!((stats.sources, stats.aios, stats.queued, stats.panics), (0, 0, 0, 0));
        let before = self.descriptors;
        drop(self);
        assert_eq!(descriptors(), before);
    }

    /// Two ends of a new wire.
    #[allow(dead_code, reason = "each world uses a part of it")]
    pub(crate) fn connect(&mut self) -> [OwnedFd; 2] {
        let ((one, left), (right, other)) = (pair(), pair());
        for end in [&one, &left, &right, &other] {
            // Little is on its way at a time, so that writes have to wait.
            sockopt::set_socket_send_buffer_size(end, 1).expect("an option");
        }
        self.wires.push(Wire::new([left, right]));
        [one.into(), other.into()]
    }

    /// Puts a wire behind a connection that was accepted; returns its other end.
    #[allow(dead_code, reason = "each world uses a part of it")]
    pub(crate) fn lead_on(&mut self, accepted: OwnedFd) -> OwnedFd {
        let (right, other) = pair();
        let left = UnixStream::from(accepted);
        left.set_nonblocking(true).expect("an option");
        for end in [&right, &other] {
            sockopt::set_socket_send_buffer_size(end, 1).expect("an option");
        }
        self.wires.push(Wire::new([left, right]));
        other.into()
    }

    /// Gives the system time for what it has not done at once, such as a connection over loopback.
    #[allow(dead_code, reason = "each world uses a part of it")]
    pub(crate) fn wait_for_the_system(&self) {
        self.runtime.turn(Duration::from_millis(1)).expect("it is host-driven");
    }

    /// Does one thing of those that happen by themselves.
    pub(crate) fn step(&mut self) {
        let is_turn = self.wires.is_empty() || self.chance.once_in(3);
        if is_turn {
            self.turn();
        } else {
            let index = self.chance.below(self.wires.len());
            self.wires[index].step(&mut self.chance, self.has_faults);
        }
        if self.has_faults && self.chance.once_in(200) {
            let ms = self.chance.len(100_000) as u64;
            self.time.advance(Duration::from_millis(ms));
        }
    }

    pub(crate) fn turn(&self) {
        self.runtime.turn(Duration::ZERO).expect("it is host-driven");
    }

    /// Lets everything happen that happens at this moment.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 3 {
            quiet += 1;
            self.turn();
            for wire in &mut self.wires {
                if wire.pass_all() {
                    quiet = 0;
                }
            }
            if self.runtime.next_timeout() == Some(Duration::ZERO) {
                quiet = 0;
            }
        }
    }

    /// Goes to the next deadline; false if there is none.
    pub(crate) fn skip(&mut self) -> bool {
        let next = self.runtime.next_timeout();
        if let Some(next) = next {
            self.time.advance(next);
        }
        next.is_some()
    }

    /// Lets time pass.
    #[allow(dead_code, reason = "each world uses a part of it")]
    pub(crate) fn advance(&self, duration: Duration) {
        self.time.advance(duration);
    }
}

fn pair() -> (UnixStream, UnixStream) {
    let pair = UnixStream::pair().expect("there are descriptors");
    for end in [&pair.0, &pair.1] {
        end.set_nonblocking(true).expect("an option");
    }
    pair
}

/// What is between the ends of a connection.
pub(crate) struct Wire {
    /// Absent once the connection is broken.
    ends: Option<[UnixStream; 2]>,
    /// What is on its way away from each end.
    ways: [Way; 2],
    /// Steps during which nothing passes.
    stall: usize,
    /// It breaks as soon as something is unread, which makes a reset of it.
    is_doomed: bool,
}

#[derive(Default)]
struct Way {
    bytes: Vec<u8>,
    is_ended: bool,
    is_over: bool,
}

/// How much is on its way at most.
const ROOM: usize = 1 << 14;

impl Wire {
    fn new(ends: [UnixStream; 2]) -> Self {
        Self { ends: Some(ends), ways: Default::default(), stall: 0, is_doomed: false }
    }

    /// Breaks the connection. What was on its way is lost.
    pub(crate) fn cut(&mut self) {
        self.ends = None;
    }

    /// Breaks the connection with what its ends have sent read to the end, so that they see an end.
    pub(crate) fn hang_up(&mut self) {
        let Some(ends) = &mut self.ends else { return };
        let mut room = [0; 4096];
        for end in ends {
            while end.read(&mut room).is_ok_and(|count| count > 0) {}
        }
        self.cut();
    }

    /// Breaks the connection once there is something to be lost of what either end sends, so that this
    /// one sees a reset.
    pub(crate) fn doom(&mut self) {
        self.is_doomed = true;
    }

    /// Breaks it if it was to break and can; true if it did.
    fn reset(&mut self) -> bool {
        let is_unread = |end: &UnixStream| ioctl_fionread(end).is_ok_and(|count| count > 0);
        let is_due = self.is_doomed && self.ends.iter().flatten().any(is_unread);
        if is_due {
            self.cut();
        }
        is_due
    }

    fn step(&mut self, chance: &mut Chance, has_faults: bool) {
        if self.stall > 0 {
            self.stall -= 1;
            return;
        }
        if self.reset() {
            return;
        }
        if has_faults && chance.once_in(400) {
            match chance.below(3) {
                0 => self.cut(),
                1 => self.hang_up(),
                _ => self.doom(),
            }
        }
        if chance.once_in(50) {
            self.stall = chance.len(100);
        }
        let way = chance.below(2);
        let (take, give) = (chance.len(8192), chance.len(8192));
        self.take(way, take);
        self.give(way, give);
    }

    /// Passes on what there is; true if there was something.
    fn pass_all(&mut self) -> bool {
        self.stall = 0;
        if self.reset() {
            return true;
        }
        (0..2).fold(false, |passed, way| passed | self.take(way, ROOM) | self.give(way, ROOM))
    }

    fn take(&mut self, way: usize, max: usize) -> bool {
        let Some(ends) = &mut self.ends else { return false };
        let Way { bytes, is_ended, .. } = &mut self.ways[way];
        let mut room = vec![0; max.min(ROOM - bytes.len())];
        if *is_ended || room.is_empty() {
            return false;
        }
        match ends[way].read(&mut room) {
            Ok(0) => *is_ended = true,
            Ok(count) => bytes.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_reset) => self.cut(),
        }
        true
    }

    fn give(&mut self, way: usize, max: usize) -> bool {
        let Some(ends) = &mut self.ends else { return false };
        let Way { bytes, is_ended, is_over } = &mut self.ways[way];
        if bytes.is_empty() {
            if *is_ended && !*is_over {
                *is_over = true;
                // The other end may have gone already.
                let _ = ends[1 - way].shutdown(Shutdown::Write);
                return true;
            }
            return false;
        }
        let len = bytes.len().min(max);
        if len == 0 {
            return false;
        }
        match ends[1 - way].write(&bytes[..len]) {
            Ok(count) => drop(bytes.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_gone) => self.cut(),
        }
        true
    }
}

/// Runs a scenario with many seeds, from `NNG_SEED` on if that is set, as many as `NNG_SEEDS` says.
pub(crate) fn for_seeds(usual: u64, scenario: impl Fn(u64)) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("NNG_SEED").unwrap_or(1);
    let count = number("NNG_SEEDS").unwrap_or(usual);
    for seed in first..first + count {
        let told = Told(seed);
        scenario(seed);
        std::mem::forget(told);
    }
}

/// Names the seed when its scenario fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("to repeat this: NNG_SEED={} NNG_SEEDS=1", self.0);
    }
}
