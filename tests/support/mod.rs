//! What the tests of this package share: a connection whose other end is in the test's hands.
//!
//! A [`Bench`] has a connection on a runtime of its own, with threads or driven by the test. What a
//! test says about the one holds for the other; [`on_both_runtimes`] makes two tests of it.
#![allow(dead_code, unused_macros, unused_imports, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unreachable_pub, reason = "each test program is a crate of its own")]

pub mod asking;
pub mod client;
pub mod foreign;
pub mod host;
pub mod program;
pub mod server;
pub mod tls;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nng_aio::net::Socket;
use nng_aio::sync::{Condvar, Mutex};
use nng_aio::{Aio, Buffers, Runtime, Timeout};
use nng_oxide::http::{Conn, Request, Response, Shared};

/// How long a test waits for something that must happen, before it fails instead of hanging.
pub const LIMIT: Duration = Duration::from_secs(60);

/// More than the buffers of a Unix socket hold, in bytes.
pub const BIG: usize = 4 << 20;

/// Makes a test on threads and a host-driven one of each function, which takes a [`Bench`].
macro_rules! on_both_runtimes {
    ($($(#[$attribute:meta])* fn $name:ident($bench:pat_param) $body:block)+) => {
        $($(#[$attribute])* fn $name($bench: $crate::support::Bench) $body)+

        mod threads {
            $(#[test] fn $name() { super::$name($crate::support::Bench::threads()); })+
        }

        mod host {
            $(#[test] fn $name() { super::$name($crate::support::Bench::host()); })+
        }
    };
}
pub(crate) use on_both_runtimes;

/// A connection, and the other end of its socket.
pub struct Bench {
    pub conn: Conn,
    /// The other end; a TCP socket serves as well under this type.
    peer: Option<UnixStream>,
    driver: Driver,
}

/// The runtime, and how its turns come about.
#[derive(Clone)]
pub struct Driver {
    pub runtime: Runtime,
    is_host_driven: bool,
}

impl Driver {
    pub fn threads() -> Self {
        let runtime = Runtime::builder().threads(2).build().unwrap();
        Self { runtime, is_host_driven: false }
    }

    pub fn host() -> Self {
        let runtime = Runtime::builder().host_driven().build().unwrap();
        Self { runtime, is_host_driven: true }
    }

    /// Everything that has happened is known after [`settle`](Self::settle).
    pub fn is_host_driven(&self) -> bool {
        self.is_host_driven
    }

    /// The runtime that everybody shares.
    pub fn global() -> Self {
        Self { runtime: Runtime::global(), is_host_driven: false }
    }

    /// Waits a little, or makes a turn.
    fn step(&self) {
        if self.is_host_driven {
            self.runtime.turn(Duration::from_millis(10)).unwrap();
        } else {
            std::thread::yield_now();
        }
    }

    /// Makes turns until nothing happens any more. Threads do that by themselves, some time.
    pub fn settle(&self) {
        let mut quiet = 0;
        while self.is_host_driven && quiet < 3 {
            quiet += 1;
            if self.runtime.next_timeout() == Some(Duration::ZERO) {
                quiet = 0;
            }
            self.runtime.turn(Duration::ZERO).unwrap();
        }
    }

    /// Waits until something is so that must become so.
    pub fn until(&self, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < LIMIT, "it happens in time");
            self.step();
        }
    }
}

impl Bench {
    /// A Unix socket on a runtime with threads.
    pub fn threads() -> Self {
        Self::unix(Driver::threads())
    }

    /// A Unix socket on a host-driven runtime.
    pub fn host() -> Self {
        Self::unix(Driver::host())
    }

    pub fn unix(driver: Driver) -> Self {
        let (ours, peer) = UnixStream::pair().unwrap();
        Self::of(driver, ours.into(), peer)
    }

    /// Goes on with the same runtime and a TCP connection.
    pub fn with_tcp(self) -> Self {
        self.with_watched_tcp().0
    }

    /// As [`with_tcp`](Self::with_tcp); also returns a view on the connection's own socket.
    pub fn with_watched_tcp(self) -> (Self, TcpStream) {
        let (ours, peer) = tcp_pair();
        let view = ours.try_clone().unwrap();
        let peer = UnixStream::from(OwnedFd::from(peer));
        (Self::of(self.driver.clone(), ours.into(), peer), view)
    }

    fn of(driver: Driver, ours: OwnedFd, peer: UnixStream) -> Self {
        let conn = Conn::new(&driver.runtime, Socket::from_fd(ours)).unwrap();
        peer.set_nonblocking(driver.is_host_driven).unwrap();
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        peer.set_write_timeout(Some(LIMIT)).unwrap();
        Self { conn, peer: Some(peer), driver }
    }

    /// Takes the connection out and leaves one that is closed.
    pub fn take_conn(&mut self) -> Conn {
        let (ours, _) = UnixStream::pair().unwrap();
        let closed = Conn::new(&self.driver.runtime, Socket::from_fd(ours.into())).unwrap();
        closed.close();
        std::mem::replace(&mut self.conn, closed)
    }

    pub fn runtime(&self) -> &Runtime {
        &self.driver.runtime
    }

    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    pub fn settle(&self) {
        self.driver.settle();
    }

    pub fn until(&self, is_so: impl FnMut() -> bool) {
        self.driver.until(is_so);
    }

    // --- Operations -----------------------------------------------------------------------------

    /// An operation that has not been started.
    pub fn op(&self) -> Op {
        self.op_then(|_| ())
    }

    /// As [`op`](Self::op), with more for its callback to do before it counts as run.
    pub fn op_then(&self, then: impl Fn(&Aio) + Send + Sync + 'static) -> Op {
        Op::new(&self.driver, then)
    }

    /// Starts an operation.
    pub fn start(&self, begin: impl FnOnce(&Conn, &Aio)) -> Op {
        let op = self.op();
        begin(&self.conn, &op.aio);
        op
    }

    /// Starts an operation with memory.
    pub fn start_with(&self, buffers: impl Into<Buffers>, begin: impl FnOnce(&Conn, &Aio)) -> Op {
        let op = self.op();
        op.aio.set_buffers(buffers).unwrap();
        begin(&self.conn, &op.aio);
        op
    }

    pub fn read(&self, len: usize) -> Op {
        self.start_with(vec![0; len], |conn, aio| conn.read(aio))
    }

    pub fn read_all(&self, len: usize) -> Op {
        self.start_with(vec![0; len], |conn, aio| conn.read_all(aio))
    }

    pub fn read_req(&self, request: &Shared<Request>) -> Op {
        self.start(|conn, aio| conn.read_req(request, aio))
    }

    pub fn read_res(&self, response: &Shared<Response>) -> Op {
        self.start(|conn, aio| conn.read_res(response, aio))
    }

    pub fn write(&self, bytes: impl Into<Vec<u8>>) -> Op {
        self.start_with(bytes.into(), |conn, aio| conn.write(aio))
    }

    pub fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Op {
        self.start_with(bytes.into(), |conn, aio| conn.write_all(aio))
    }

    pub fn write_req(&self, request: &Request) -> Op {
        self.start(|conn, aio| conn.write_req(request, aio))
    }

    pub fn write_res(&self, response: &Response) -> Op {
        self.start(|conn, aio| conn.write_res(response, aio))
    }

    pub fn transact(&self, request: &Request, response: &Shared<Response>) -> Op {
        self.start(|conn, aio| conn.transact(request, response, aio))
    }

    /// Starts a write that stays active until the peer reads: `BIG` bytes of zeros.
    pub fn block_writes(&self) -> Op {
        let op = self.write_all(vec![0; BIG]);
        self.settle();
        op.assert_pending();
        op
    }

    // --- The peer -------------------------------------------------------------------------------

    fn peer(&self) -> &UnixStream {
        self.peer.as_ref().expect("the peer is there")
    }

    /// Does something with the peer's socket, as often as it would block.
    fn with_peer<T>(&self, mut call: impl FnMut(&UnixStream) -> io::Result<T>) -> io::Result<T> {
        let began = Instant::now();
        loop {
            match call(self.peer()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    assert!(began.elapsed() < LIMIT, "the peer's turn comes in time");
                    self.driver.step();
                }
                other => return other,
            }
        }
    }

    /// The peer sends bytes.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        let mut left = bytes.as_ref();
        while !left.is_empty() {
            let count = patiently(|| self.with_peer(|mut peer| peer.write(left))).unwrap();
            left = &left[count..];
        }
    }

    /// The peer receives what is there, at most `len` bytes.
    pub fn try_receive(&self, len: usize) -> io::Result<Vec<u8>> {
        let mut room = vec![0; len];
        let count = patiently(|| self.with_peer(|mut peer| peer.read(&mut room)))?;
        room.truncate(count);
        Ok(room)
    }

    /// The peer receives so many bytes.
    pub fn receive(&self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let more = self.try_receive(len - bytes.len()).unwrap();
            assert!(!more.is_empty(), "the stream ends after {} of {len} bytes", bytes.len());
            bytes.extend(more);
        }
        bytes
    }

    /// The peer receives this text.
    pub fn expect(&self, text: &str) {
        let bytes = self.receive(text.len());
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    /// The peer receives everything up to the end of the stream.
    pub fn receive_to_end(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let more = self.try_receive(64 << 10).unwrap();
            if more.is_empty() {
                return bytes;
            }
            bytes.extend(more);
        }
    }

    /// The peer receives this text and then the end of the stream.
    pub fn expect_end(&self, text: &str) {
        assert_eq!(String::from_utf8_lossy(&self.receive_to_end()), text);
    }

    /// The peer will send nothing more.
    pub fn end_sending(&self) {
        self.peer().shutdown(Shutdown::Write).unwrap();
    }

    /// The peer goes away.
    pub fn close_peer(&mut self) {
        self.peer = None;
    }

    /// The peer goes away with something unread, which resets the connection.
    pub fn reset_by_peer(&mut self) {
        let mut first = [0];
        self.with_peer(|peer| peer.set_nonblocking(true)).unwrap();
        let driver = self.driver.clone();
        let peer = self.peer.take().expect("the peer is there");
        // One byte of several: the next one is there when this one is.
        driver.until(|| (&peer).read(&mut first).is_ok());
    }

    /// Both directions still work.
    pub fn assert_open(&self) {
        assert!(!self.conn.is_closed());
        let (write, read) = (self.write_all("ping"), self.read_all(4));
        self.expect("ping");
        self.send("pong");
        assert_eq!((write.end(), read.end()), ((0, 4), (0, 4)));
        assert_eq!(read.aio.take_buffer(), b"pong");
    }

    /// Whatever is submitted is refused.
    pub fn assert_closed(&self) {
        assert!(self.conn.is_closed());
        let request = Request::for_url(&"http://h/".parse().unwrap()).unwrap();
        let ops = [
            self.read(1),
            self.read_all(0),
            self.read_req(&Shared::default()),
            self.read_res(&Shared::default()),
            self.write("x"),
            self.write_all(""),
            self.write_req(&request),
            self.write_res(&Response::new()),
            self.transact(&request, &Shared::default()),
        ];
        for op in ops {
            assert_eq!(op.end(), (nng_aio::codes::NNG_ECLOSED, 0));
        }
    }
}

/// Makes two connected TCP sockets.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    (ours, peer)
}

/// Calls until no signal interrupts it. The system tells a call with a limit of what it hides from
/// others, even if nobody handles the signal.
pub fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// An aio that counts the runs of its callback.
pub struct Op {
    pub aio: Aio,
    runs: Arc<Runs>,
    driver: Driver,
}

/// With locks whose code the thread sanitizer sees, unlike that of the standard library.
#[derive(Default)]
struct Runs {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Op {
    pub fn new(driver: &Driver, then: impl Fn(&Aio) + Send + Sync + 'static) -> Self {
        let runs = Arc::<Runs>::default();
        let aio = driver.runtime.aio({
            let runs = Arc::clone(&runs);
            move |aio| {
                then(aio);
                *runs.count.lock() += 1;
                runs.changed.notify_all();
            }
        });
        Self { aio, runs, driver: driver.clone() }
    }

    /// Limits what is started next.
    pub fn timeout(self, timeout: impl Into<Timeout>) -> Self {
        self.aio.set_timeout(timeout);
        self
    }

    /// How often the callback has run.
    pub fn runs(&self) -> usize {
        *self.runs.count.lock()
    }

    /// Waits for the end; returns result and count.
    pub fn end(&self) -> (i32, usize) {
        if self.driver.is_host_driven {
            self.driver.until(|| self.runs() > 0);
        } else {
            let deadline = Instant::now() + LIMIT;
            let mut count = self.runs.count.lock();
            while *count == 0 {
                let left = deadline.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "the operation ends in time");
                (count, _) = self.runs.changed.wait_for(count, left);
            }
        }
        assert_eq!(self.runs(), 1, "the callback runs once");
        (self.aio.result(), self.aio.count())
    }

    /// Waits for the end; returns the result.
    pub fn result(&self) -> i32 {
        self.end().0
    }

    /// Forgets the end, so that the aio can be used again.
    pub fn again(&self) -> &Aio {
        *self.runs.count.lock() = 0;
        &self.aio
    }

    /// It has not ended.
    pub fn assert_pending(&self) {
        self.driver.settle();
        assert_eq!(self.runs(), 0);
        assert!(self.aio.is_busy());
    }

    /// Waits for its success and returns the bytes that it read.
    pub fn bytes(&self) -> Vec<u8> {
        let (result, count) = self.end();
        assert_eq!(result, 0);
        let mut bytes = self.aio.take_buffer();
        bytes.truncate(count);
        bytes
    }

    /// Waits for its success and returns the text that it read.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }
}

/// A request for `target`.
pub fn get(target: &str) -> Request {
    let mut request = Request::new();
    request.set_uri(target).unwrap();
    request.headers_mut().set("Host", "h").unwrap();
    request
}

/// A response with these fields.
pub fn with_fields(fields: &[(&str, &str)]) -> Response {
    let mut response = Response::new();
    for (name, value) in fields {
        response.headers_mut().set(name, value).unwrap();
    }
    response
}

/// A response with this body.
pub fn with_body(body: &'static str) -> Response {
    let mut response = Response::new();
    response.set_body(body);
    response
}

/// Bytes that differ from place to place, so that none can be lost, doubled or moved unseen.
pub fn pattern(len: usize) -> Vec<u8> {
    static PERIOD: OnceLock<Vec<u8>> = OnceLock::new();
    let period = PERIOD.get_or_init(|| {
        // Prime to the sizes of buffers.
        (0..241_u8).flat_map(|high| (0..251_u8).map(move |low| low ^ high)).collect()
    });
    let mut bytes = period.repeat(len.div_ceil(period.len()));
    bytes.truncate(len);
    bytes
}
