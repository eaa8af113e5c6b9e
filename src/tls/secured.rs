//! TLS between a byte stream and its socket.
//!
//! What a send takes counts as sent when it is encrypted, so that an operation can be cancelled without
//! harm to the stream. What is left of it when the stream closes, and the word that it ends, goes out
//! in the background, for as long as [`LINGER`] at most.

use std::any::Any;
use std::io::{IoSlice, IoSliceMut};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nng_aio::log::{self, Level};
use nng_aio::net::{Layer, Socket};
use nng_aio::{Error, Expire, Readiness, Runtime, Task, Timer, Watcher};
use parking_lot::Mutex;

use super::channel::Channel;

/// How long the peer has to take the rest.
const LINGER: Duration = Duration::from_secs(10);

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

    /// Says what there is to be said, where no lock is held.
    fn speak<R>(&mut self, result: R) -> R {
        if let Some(remark) = self.channel.take_remark() {
            self.runtime.schedule(Arc::new(Remark(remark)));
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
            Err(Error::Again) => Farewell::begin(self.channel, &self.runtime),
            Ok(()) | Err(_) => self.channel.close(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The rest of a stream that is closed.
struct Farewell {
    channel: Mutex<Option<Channel>>,
    timer: OnceLock<Timer>,
}

impl Farewell {
    fn begin(mut channel: Channel, runtime: &Runtime) {
        let farewell = Arc::new(Self { channel: Mutex::new(None), timer: OnceLock::new() });
        let watcher: Arc<dyn Watcher> = farewell.clone();
        let mut place = farewell.channel.lock();
        let watched = channel
            .socket_mut()
            .withdraw()
            .and_then(|()| channel.attach(runtime, watcher))
            .and_then(|()| channel.watch());
        *place = Some(channel);
        drop(place);
        let target: Arc<dyn Expire> = farewell.clone();
        let timer = farewell.timer.get_or_init(|| runtime.timer(Arc::downgrade(&target)));
        match watched {
            Ok(()) => timer.set_after(LINGER),
            Err(_) => farewell.end(),
        }
    }

    fn end(&self) {
        let channel = self.channel.lock().take();
        if let Some(channel) = channel {
            channel.close();
        }
        if let Some(timer) = self.timer.get() {
            timer.clear();
        }
    }
}

impl Watcher for Farewell {
    fn ready(self: Arc<Self>, readiness: Readiness) {
        let mut place = self.channel.lock();
        let flushed = place.as_mut().map(|channel| {
            channel.note_ready(readiness);
            channel.flush()
        });
        drop(place);
        if flushed != Some(Err(Error::Again)) {
            self.end();
        }
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

/// Something on its way to the log.
struct Remark(String);

impl Task for Remark {
    fn run(self: Arc<Self>) {
        log::record(Level::Warn, "NNG-TLS", &self.0);
    }

    fn key(&self) -> usize {
        // The logger is the program's.
        3
    }
}
