//! TLS between a byte stream and its socket.
//!
//! What a send takes counts as sent when it is encrypted, so that an operation can be cancelled without
//! harm to the stream. What is left of it when the stream closes, and the word that it ends, goes out
//! in the background, for as long as [`LINGER`] at most. Then the peer has [`GRACE`] for its own end:
//! what it has said and nobody has read, a ticket of TLS perhaps, would make the system throw away what
//! it has not sent yet.

use std::any::Any;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nng_aio::log::{self, Level};
use nng_aio::net::{Layer, Socket};
use nng_aio::sync::Mutex;
use nng_aio::{Error, Expire, Readiness, Runtime, Timer, Watcher};

use super::channel::Channel;

/// How long the peer has to take the rest.
const LINGER: Duration = Duration::from_secs(10);
/// How long it has for its end when it has all of it.
const GRACE: Duration = Duration::from_secs(2);
/// Calls to the system in one go, for some MiB together.
const ROUNDS: usize = 256;

/// TLS for a stream.
pub(crate) struct Secured {
    channel: Channel,
    runtime: Runtime,
}

impl Secured {
    pub(crate) fn new(channel: Channel, runtime: &Runtime) -> Self {
        Self { channel, runtime: runtime.unowned() }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Says what there is to be said; the stream's lock is held.
    fn speak<R>(&mut self, result: R) -> R {
        if let Some(remark) = self.channel.take_remark() {
            log::record_later(Level::Warn, "NNG-TLS", remark);
        }
        result
    }
}

impl Layer for Secured {
    fn socket(&self) -> &Socket {
        self.channel.socket()
    }

    fn socket_mut(&mut self) -> &mut Socket {
        self.channel.socket_mut()
    }

    fn note_ready(&mut self, readiness: Readiness) {
        self.channel.note_ready(readiness);
        // Whoever sends next learns of errors.
        let _ = self.channel.flush();
    }

    fn can_recv(&self) -> bool {
        self.channel.can_recv()
    }

    fn can_send(&self) -> bool {
        self.channel.can_send()
    }

    fn try_recv(&mut self, room: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
        let result = self.channel.try_recv(room);
        self.speak(result)
    }

    fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        let result = self.channel.try_send_ahead(pieces);
        self.speak(result)
    }

    fn close(mut self: Box<Self>) {
        match self.channel.say_goodbye() {
            Ok(()) | Err(Error::Again) => Farewell::begin(self.channel, &self.runtime),
            Err(_) => self.channel.close(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The rest of a stream that is closed.
struct Farewell {
    state: Mutex<Leaving>,
    timer: OnceLock<Timer>,
}

struct Leaving {
    /// Absent when it is over.
    channel: Option<Channel>,
    /// Everything is sent, and the peer knows that no more will come.
    is_shut: bool,
}

impl Farewell {
    fn begin(mut channel: Channel, runtime: &Runtime) {
        let state = Mutex::new(Leaving { channel: None, is_shut: false });
        let farewell = Arc::new(Self { state, timer: OnceLock::new() });
        let watcher: Arc<dyn Watcher> = farewell.clone();
        let mut state = farewell.state.lock();
        let watched = channel
            .socket_mut()
            .withdraw()
            .and_then(|()| channel.attach(runtime, watcher))
            .and_then(|()| channel.watch());
        state.channel = Some(channel);
        drop(state);
        let target: Arc<dyn Expire> = farewell.clone();
        let timer = farewell.timer.get_or_init(|| runtime.timer(Arc::downgrade(&target)));
        match watched {
            Ok(()) => {
                timer.set_after(LINGER);
                farewell.go_on(Readiness { readable: true, writable: true, hangup: false });
            }
            Err(_) => farewell.end(),
        }
    }

    /// Sends what is left, then drops what comes.
    fn go_on(&self, readiness: Readiness) {
        let mut state = self.state.lock();
        let was_shut = state.is_shut;
        let is_over = state.step(readiness);
        let is_shut = state.is_shut;
        drop(state);
        if is_over {
            self.end();
        } else if let (true, false, Some(timer)) = (is_shut, was_shut, self.timer.get()) {
            timer.set_after(GRACE);
        }
    }

    fn end(&self) {
        let channel = self.state.lock().channel.take();
        if let Some(channel) = channel {
            channel.close();
        }
        if let Some(timer) = self.timer.get() {
            timer.clear();
        }
    }
}

impl Leaving {
    /// Returns whether there is nothing left to do.
    fn step(&mut self, readiness: Readiness) -> bool {
        let Some(channel) = &mut self.channel else { return true };
        channel.note_ready(readiness);
        match channel.flush() {
            Ok(()) => {}
            Err(error) => return error != Error::Again,
        }
        if !self.is_shut {
            self.is_shut = true;
            if channel.socket().shutdown(Shutdown::Write).is_err() {
                return true;
            }
        }
        let mut room = [0; 16 << 10];
        for _ in 0..ROUNDS {
            match channel.try_recv_raw(&mut room) {
                Ok(1..) => {}
                Err(Error::Again) => return false,
                Ok(0) | Err(_) => return true,
            }
        }
        // Whoever has so much to say is not listening.
        true
    }
}

impl Watcher for Farewell {
    fn ready(self: Arc<Self>, readiness: Readiness) {
        self.go_on(readiness);
    }

    fn runtime_closed(self: Arc<Self>) {
        self.end();
    }
}

impl Expire for Farewell {
    fn expired(self: Arc<Self>) {
        self.end();
    }
}
