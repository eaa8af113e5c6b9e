//! A socket with TLS inside: what is received and sent here is plain, what goes over the wire is not.
//!
//! It is used as a [`Socket`] is, under the lock of its provider: attempts that never block, and
//! readiness that is told. The differences follow from what is between:
//!
//! - The handshake happens within the first attempts, whichever direction they are for, and until it
//!   is done they are `Again`. So each direction may wait for either readiness of the socket: after
//!   [`note_ready`](Channel::note_ready) both are worth an attempt, and after an attempt in one
//!   direction [`can_recv`](Channel::can_recv) and [`can_send`](Channel::can_send) tell of the other.
//! - What was encrypted cannot be taken back. Bytes count as sent when the system has taken all that
//!   they were encrypted into; until then whoever sends begins each further attempt with the same
//!   bytes, which are not encrypted again.
//! - A failure is for good: what was received before it is delivered, then every attempt in either
//!   direction ends with it. The peer is told by an alert, as far as the system takes it at once.
//!
//! ```text
//!   handshake --> open --close_notify, or the end of the stream--> ended
//!       |           |
//!       +-----------+--a failure--> failed
//! ```
//!
//! Memory is bounded: at most 64 KiB wait to be sent, and at most what one call receives waits to be
//! decrypted.

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use nng_aio::net::{Addr, Socket};
use nng_aio::{Error, Readiness, Runtime, Watcher};
use rustls::{Connection, SupportedCipherSuite};

use super::config::Config;
use super::verify::PeerCheck;
use super::{failure, peer};

/// A socket with TLS inside.
pub(crate) struct Channel {
    socket: Socket,
    session: Connection,
    /// Whether the peer is who it should be.
    check: PeerCheck,
    /// Receiving from the socket may bring something.
    is_readable: bool,
    /// The socket may take something.
    is_writable: bool,
    /// The peer's end was announced, so that a short receive is not the last.
    is_hung_up: bool,
    /// Plaintext may wait in the session.
    has_plaintext: bool,
    /// What was received and the session had no room for.
    backlog: Vec<u8>,
    /// Bytes of plaintext that were encrypted and not all sent, so that nobody was told of them.
    unreported: usize,
    /// The socket has taken something since somebody asked.
    has_moved: bool,
    /// Records that were encrypted.
    records: u64,
    end: Option<End>,
    /// Why sending is over.
    broken: Option<Error>,
    closing: Closing,
    /// For people.
    remark: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The peer said so.
    Notified,
    /// The stream ended without a word.
    Cut,
    Failed(Error),
}

/// How far the end of this side is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    Open,
    /// The last words may still have to be sent.
    Saying,
    Done,
}

/// Plaintext that is encrypted at a time, and what may wait to be sent of it; bytes.
const CHUNK: usize = 64 << 10;
/// What the handshake and alerts may have needed of the records that one key may encrypt.
const SPARE_RECORDS: u64 = 1 << 10;
/// Plaintext of one record, bytes.
const RECORD: usize = 16 << 10;
/// Plaintext that may wait while more is decrypted, bytes.
const MAX_PLAINTEXT: usize = 16 << 10;
/// Bytes received with one call.
const ROOM: usize = 32 << 10;
/// Calls to the system in one attempt to receive.
const ROUNDS: usize = 8;
/// Chunks in one attempt to send: what is left goes on when others had their turn.
const CHUNKS: usize = 2;

impl Channel {
    /// Takes over a connected socket; `host` is what a client has connected to, if it is known.
    ///
    /// # Errors
    /// As [`Config::begin`].
    pub(crate) fn new(socket: Socket, config: &Config, host: &str) -> Result<Self, Error> {
        let (mut session, check) = config.begin(host)?;
        session.set_buffer_limit(Some(CHUNK));
        Ok(Self {
            socket,
            session,
            check,
            is_readable: true,
            is_writable: true,
            is_hung_up: false,
            has_plaintext: false,
            backlog: Vec::new(),
            unreported: 0,
            has_moved: false,
            records: 0,
            end: None,
            broken: None,
            closing: Closing::Open,
            remark: None,
        })
    }

    /// As [`Socket::attach`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn attach(
        &mut self,
        runtime: &Runtime,
        watcher: Arc<dyn Watcher>,
    ) -> Result<(), Error> {
        self.socket.attach(runtime, watcher)
    }

    /// As [`Socket::watch`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn watch(&mut self) -> Result<(), Error> {
        self.socket.watch()
    }

    /// The socket is ready, or may be: both directions are worth an attempt.
    pub(crate) fn note_ready(&mut self, readiness: Readiness) {
        self.is_readable |= readiness.readable;
        self.is_writable |= readiness.writable;
        self.is_hung_up |= readiness.hangup;
    }

    /// Nothing is known to be there to receive: wait to be told.
    pub(crate) fn await_input(&mut self) {
        self.is_readable = false;
    }

    /// Whether receiving may bring something.
    pub(crate) fn can_recv(&self) -> bool {
        self.has_plaintext || self.can_advance() || self.end.is_some()
    }

    /// Whether sending may succeed.
    pub(crate) fn can_send(&self) -> bool {
        match self.end {
            Some(End::Failed(_)) => true,
            _ if self.session.is_handshaking() => self.can_advance() || self.end.is_some(),
            _ => self.is_writable,
        }
    }

    /// Whether the peers still find out how to talk.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking() && self.end.is_none()
    }

    /// Whether bytes that somebody tried to send are encrypted, and nobody was told yet.
    pub(crate) fn has_unreported(&self) -> bool {
        self.unreported > 0
    }

    /// Whether the stream ended without a word of the peer's, so that it may be incomplete.
    pub(crate) fn is_cut(&self) -> bool {
        self.end == Some(End::Cut)
    }

    /// The failure of TLS, if there was one, with which nothing can go on.
    pub(crate) fn breach(&self) -> Option<Error> {
        self.failure().filter(|error| matches!(error, Error::Crypto | Error::PeerAuth))
    }

    fn failure(&self) -> Option<Error> {
        match self.end {
            Some(End::Failed(error)) => Some(error),
            Some(End::Notified | End::Cut) | None => None,
        }
    }

    /// Whether the peer has shown a certificate that was found good, in a handshake that is complete.
    pub(crate) fn is_verified(&self) -> bool {
        let certificates = self.session.peer_certificates().unwrap_or_default();
        !self.session.is_handshaking() && self.check.accepts(certificates)
    }

    /// The common name in the certificate of the peer, if it has shown one that has any.
    pub(crate) fn peer_name(&self) -> Option<String> {
        peer::common_name(self.session.peer_certificates()?.first()?)
    }

    /// The other names in the certificate of the peer, if it has shown one.
    pub(crate) fn peer_alt_names(&self) -> Vec<String> {
        let certificates = self.session.peer_certificates().unwrap_or_default();
        certificates.first().map_or_else(Vec::new, |first| peer::alt_names(first))
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Takes what there is to be said to people.
    pub(crate) fn take_remark(&mut self) -> Option<String> {
        self.remark.take()
    }

    /// Returns whether the socket has taken anything since the last call.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// As [`Socket::remote_addr`].
    pub(crate) fn remote_addr(&self) -> Addr {
        self.socket.remote_addr()
    }

    /// As [`Socket::take_error`].
    pub(crate) fn take_error(&self) -> Option<Error> {
        self.socket.take_error()
    }

    // --- Receiving ------------------------------------------------------------------------------

    /// Receives what is there, at most what there is room for; 0 is the end of the stream, if there
    /// is room.
    ///
    /// # Errors
    /// `Again` if nothing is there; `PeerAuth` if the peer could not prove who it is; `Crypto` if it
    /// breaks the protocol or refuses us; whatever the system says of a broken connection.
    pub(crate) fn try_recv(&mut self, room: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
        if self.session.wants_write() {
            // Part of the handshake perhaps, for whose answer this waits.
            let _ = self.flush();
        }
        let (mut count, mut rounds) = (0, 0);
        for piece in room {
            let mut at = 0;
            while at < piece.len() {
                let taken = self.take_plaintext(&mut piece[at..]);
                (at, count) = (at + taken, count + taken);
                if taken == 0 {
                    if rounds == ROUNDS || !self.advance() {
                        return self.received(count);
                    }
                    rounds += 1;
                }
            }
        }
        Ok(count)
    }

    fn received(&mut self, count: usize) -> Result<usize, Error> {
        match self.end {
            _ if count > 0 => Ok(count),
            Some(End::Failed(error)) => Err(error),
            Some(End::Notified | End::Cut) => Ok(0),
            None => match self.broken {
                Some(error) if self.session.is_handshaking() => Err(error),
                Some(_) | None => self.again(),
            },
        }
    }

    /// Receives what is on the wire, to be dropped; 0 is its end.
    ///
    /// # Errors
    /// As [`Socket::try_recv`].
    pub(crate) fn try_recv_raw(&mut self, room: &mut [u8]) -> Result<usize, Error> {
        self.socket.try_recv(room)
    }

    /// Takes decrypted bytes.
    fn take_plaintext(&mut self, room: &mut [u8]) -> usize {
        if !self.has_plaintext {
            return 0;
        }
        let taken = self.session.reader().read(room).unwrap_or(0);
        self.has_plaintext = taken == room.len();
        taken
    }

    /// Whether there is something to decrypt, or may be.
    fn can_advance(&self) -> bool {
        self.end.is_none() && (self.is_readable || !self.backlog.is_empty())
    }

    /// Receives once and decrypts; returns whether that brought anything.
    fn advance(&mut self) -> bool {
        if !self.can_advance() {
            return false;
        }
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            self.feed(&backlog);
            return true;
        }
        with_room(|room| match self.socket.try_recv(room) {
            Ok(0) => {
                self.end = Some(End::Cut);
                false
            }
            Ok(count) => {
                self.is_readable = count == room.len() || self.is_hung_up;
                self.feed(&room[..count]);
                true
            }
            Err(Error::Again) => {
                self.is_readable = false;
                false
            }
            Err(error) => {
                self.end = Some(End::Failed(error));
                false
            }
        })
    }

    /// Decrypts; what the session has no room for is kept.
    fn feed(&mut self, mut bytes: &[u8]) {
        let mut waiting = 0;
        while !bytes.is_empty() && waiting <= MAX_PLAINTEXT && self.end.is_none() {
            // It takes nothing of a record that is longer than any may be.
            let taken = self.session.read_tls(&mut bytes).unwrap_or(0);
            match self.session.process_new_packets() {
                Ok(state) => {
                    waiting = state.plaintext_bytes_to_read();
                    if state.peer_has_closed() {
                        self.end = Some(End::Notified);
                    } else if taken == 0 {
                        self.fail(&rustls::Error::PeerSentOversizedRecord);
                    }
                }
                Err(failure) => self.fail(&failure),
            }
        }
        self.has_plaintext |= waiting > 0 || self.end.is_some();
        self.backlog = bytes.to_vec();
        // What the handshake has to say, or an alert; sending tells of errors.
        let _ = self.flush();
    }

    fn fail(&mut self, failure: &rustls::Error) {
        self.end = Some(End::Failed(failure::error(failure)));
        let during = if self.session.is_handshaking() { "handshake" } else { "connection" };
        let peer = self.socket.remote_addr();
        self.remark = Some(format!("TLS {during} with {peer}: {}", failure::text(failure)));
    }

    // --- Sending --------------------------------------------------------------------------------

    /// Sends as many bytes of the pieces as the system takes now. If that is not all, the next
    /// attempt must begin with the rest.
    ///
    /// # Errors
    /// `Again` if it takes none; `ConnectionShutdown` if the peer ended the stream instead of the
    /// handshake; as [`try_recv`](Self::try_recv) else.
    pub(crate) fn try_send(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        self.shake_hands()?;
        let total = pieces.iter().map(|piece| piece.len()).sum();
        let mut reported = 0;
        for _ in 0..CHUNKS {
            match self.flush() {
                Ok(()) => reported += std::mem::take(&mut self.unreported),
                Err(_) if reported > 0 => return Ok(reported),
                Err(Error::Again) => return self.again(),
                Err(error) => return Err(self.reason(error)),
            }
            if reported == total {
                return Ok(reported);
            }
            self.unreported = self.encrypt(pieces, reported)?;
        }
        // All but the last of them went out, so something is reported; the next attempt tells of errors.
        if self.flush().is_ok() {
            reported += std::mem::take(&mut self.unreported);
        }
        Ok(reported)
    }

    /// As [`try_send`](Self::try_send), of which either all or nothing is sent: the beginning of the
    /// pieces, and the next attempt must begin with the same.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn try_send_some(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        let mut left = RECORD;
        let mut record = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let len = piece.len().min(left);
            record.push(IoSlice::new(&piece[..len]));
            left -= len;
        }
        self.try_send(&record)
    }

    /// Sends bytes of the pieces, at most 64 KiB, as soon as all that was sent before is out. They count
    /// as sent when they are encrypted, and [`flush`](Self::flush) goes on with them.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub(crate) fn try_send_ahead(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        self.shake_hands()?;
        match self.flush() {
            Ok(()) => {}
            Err(Error::Again) => return self.again(),
            Err(error) => return Err(self.reason(error)),
        }
        let count = self.encrypt(pieces, 0)?;
        // The next attempt learns of errors.
        let _ = self.flush();
        if self.session.wants_write() {
            self.socket.watch()?;
        }
        Ok(count)
    }

    /// Goes on with the handshake; succeeds when it is done.
    fn shake_hands(&mut self) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            if let Some(End::Failed(error)) = self.end {
                return Err(error);
            }
            if !self.session.is_handshaking() {
                return Ok(());
            }
            if self.end.is_some() {
                return Err(Error::ConnectionShutdown);
            }
            match self.flush() {
                Ok(()) | Err(Error::Again) => {}
                Err(error) => return Err(self.reason(error)),
            }
            if !self.advance() && self.end.is_none() {
                return self.again();
            }
        }
        self.again()
    }

    /// Encrypts what follows the first `skip` bytes; returns how much that was.
    fn encrypt(&mut self, pieces: &[IoSlice<'_>], mut skip: usize) -> Result<usize, Error> {
        let mut rest = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let start = skip.min(piece.len());
            skip -= start;
            if start < piece.len() {
                rest.push(IoSlice::new(&piece[start..]));
            }
        }
        if self.is_worn_out() {
            self.end = Some(End::Failed(Error::Crypto));
            let peer = self.socket.remote_addr();
            self.remark = Some(format!("TLS connection with {peer}: its key has been used enough"));
            return Err(Error::Crypto);
        }
        match self.session.writer().write_vectored(&rest) {
            Ok(count @ 1..) => {
                self.records += (count.div_ceil(RECORD) + rest.len()) as u64;
                Ok(count)
            }
            // Nothing waits, so it takes something.
            Ok(0) | Err(_) => Err(Error::Crypto),
        }
    }

    /// Whether its key must not encrypt much more. TLS 1.3 takes another one; before, the session
    /// would drop what it is given and say nothing.
    ///
    /// # Source
    /// RFC 8446 section 5.5.
    fn is_worn_out(&self) -> bool {
        match self.session.negotiated_cipher_suite() {
            Some(SupportedCipherSuite::Tls12(suite)) => {
                self.records.saturating_add(SPARE_RECORDS) >= suite.common.confidentiality_limit
            }
            Some(_) | None => false,
        }
    }

    /// Sends what is encrypted.
    ///
    /// # Errors
    /// `Again` if something is left; what the system says.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        while self.session.wants_write() {
            if !self.is_writable {
                return Err(Error::Again);
            }
            let mut wire = Wire { socket: &mut self.socket, is_full: false, error: None };
            match self.session.write_tls(&mut wire) {
                Ok(count) => {
                    self.is_writable = !wire.is_full;
                    self.has_moved |= count > 0;
                }
                Err(_) => match wire.error.unwrap_or(Error::Internal) {
                    Error::Again => self.is_writable = false,
                    error => {
                        self.broken = Some(error);
                        return Err(error);
                    }
                },
            }
        }
        Ok(())
    }

    /// Sending has failed; what the peer has said before says why, perhaps.
    fn reason(&mut self, error: Error) -> Error {
        self.is_readable = true;
        for _ in 0..ROUNDS {
            if self.has_plaintext || !self.advance() {
                break;
            }
        }
        self.failure().unwrap_or(error)
    }

    fn again<T>(&mut self) -> Result<T, Error> {
        self.socket.watch()?;
        Err(Error::Again)
    }

    // --- The end --------------------------------------------------------------------------------

    /// Says that no more will come, and ends this direction of the socket when that is out; what is
    /// left to do then is for [`finish_shutdown`](Self::finish_shutdown).
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn shutdown(&mut self) -> Result<(), Error> {
        if self.closing == Closing::Open {
            self.closing = Closing::Saying;
            if !self.session.is_handshaking() {
                self.session.send_close_notify();
            }
        }
        self.finish_shutdown()
    }

    /// Goes on with the shutdown, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn finish_shutdown(&mut self) -> Result<(), Error> {
        if self.closing != Closing::Saying {
            return Ok(());
        }
        match self.flush() {
            Err(Error::Again) => self.socket.watch(),
            Err(error) => Err(error),
            Ok(()) => {
                self.closing = Closing::Done;
                self.socket.shutdown(Shutdown::Write)
            }
        }
    }

    /// Says that no more will come, after all that was sent.
    ///
    /// # Errors
    /// `Again` if something of it is left; what the system says.
    pub(crate) fn say_goodbye(&mut self) -> Result<(), Error> {
        self.closing = Closing::Saying;
        if !self.session.is_handshaking() && !self.socket.is_forked() {
            self.session.send_close_notify();
        }
        self.flush()
    }

    /// Closes at once: the peer is told if the system takes it now, unless half a message is out.
    pub(crate) fn close(mut self) {
        let can_tell = !self.session.is_handshaking() && !self.session.wants_write();
        if can_tell && self.closing == Closing::Open && !self.socket.is_forked() {
            self.session.send_close_notify();
            // Nobody waits for it.
            let _ = self.flush();
        }
        self.socket.close();
    }
}

/// The socket, as the session writes to it.
struct Wire<'a> {
    socket: &'a mut Socket,
    is_full: bool,
    error: Option<Error>,
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        match self.socket.try_send(pieces) {
            Ok(count) => {
                self.is_full = count < total;
                Ok(count)
            }
            Err(error) => {
                self.error = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends this thread's room for what comes from the wire.
fn with_room<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut room = SCRATCH.take().unwrap_or_else(|| vec![0; ROOM].into_boxed_slice());
    let result = work(&mut room);
    SCRATCH.set(Some(room));
    result
}
