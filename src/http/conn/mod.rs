//! Connections: heads, bodies and bytes over a socket, driven by aios.
//!
//! | module | what it answers |
//! |---|---|
//! | `mod` | what the holder of a connection can ask for |
//! | `link` | who may reach a connection, and what is done after its lock is gone |
//! | `state`, `effects` | what a connection is in, and what happens to it; what that leaves to do |
//! | `read`, `write` | what each kind of read takes; what each write sends and what its end does |
//! | `transact`, `body` | a response to a request; a body on its way in |
//! | `input`, `queue` | bytes not yet read; operations in order |
//! | `transport` | what carries it: a socket, or one with TLS inside |
//! | `settings`, `deadlines` | limits; until when it waits |
//!
//! A connection may have an *owner* beside its holders: the session of a server, which reads heads
//! and bodies, writes responses, and is told how that went by events.
//!
//! It must not know what a server is.

mod body;
mod deadlines;
mod effects;
mod head_room;
mod input;
mod link;
mod queue;
mod read;
mod settings;
mod state;
mod transact;
mod transport;
mod write;

use std::fmt;
use std::sync::Arc;

use nng_aio::net::{Addr, Socket};
use nng_aio::{Aio, Error, Operation, OperationId, Runtime};

pub(crate) use body::{BodyError, BodyReader, Received};
pub(crate) use head_room::with_head;
pub(crate) use link::Link;
pub(crate) use settings::Settings;
pub(crate) use state::{Answering, Pass, Pieces, Reached};
pub(crate) use transport::Transport;
pub(crate) use write::Then;

use super::Shared;
use super::codec::{HeadError, RequestHead};
use super::head_edit::HeadEdit;
use super::headers::Headers;
use super::request::Request;
use super::response::Response;
use crate::tls::{Channel, Config};
use read::{Destination, Kind};
use transact::Extent;

/// Heads that their holders write go out as they are.
const NO_EDIT: HeadEdit<'static> = HeadEdit { omit: &[], date: None, length: None, close: false };

/// Who hears of what happens to a connection beside its operations.
pub(crate) trait Owner: Send + Sync {
    /// Something has happened. Called with no lock held, by one thread at a time.
    fn on_event(self: Arc<Self>, event: Event);

    /// Whoever has that pass wants to have the connection for good. False if it cannot be given up to
    /// him now; else nothing that comes from it means anything any more.
    fn give_up(self: Arc<Self>, pass: Pass) -> bool;
}

/// What an owner hears.
#[derive(Debug)]
pub(crate) enum Event {
    /// The head it asked for, or why there is none; nothing can be read after that.
    Head(Result<RequestHead, HeadError>),
    /// The body it asked for, or why there is none; nothing can be read after that.
    Body(Result<Received, BodyError>),
    /// What it wrote is out.
    Written,
    /// It has waited too long; a read is over by that.
    TimedOut(Wait),
    /// The connection is gone: always the last event.
    Closed,
}

/// What may take too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// The first byte of a head.
    Idle,
    /// The rest of a head.
    Head,
    /// More of a body.
    Body,
    /// The peer's taking more of a write.
    Write,
    /// The peer's end of the stream.
    Linger,
}

/// Who is to hear of the end of a read or write.
enum Sink {
    Aio(Operation),
    Owner,
    Nobody,
}

impl Sink {
    fn is(&self, id: OperationId) -> bool {
        matches!(self, Self::Aio(operation) if operation.id() == id)
    }
}

/// An HTTP connection, of a client or of a server.
///
/// Clones are the same connection. Reads and writes queue separately, each direction in order; the
/// first of a direction is active. Cancelling an active operation closes the connection, because
/// half a message cannot be taken back; cancelling one that waits behind it just takes it out. A
/// limit of zero ends an operation with `NNG_ETIMEDOUT` at once.
///
/// When the last clone goes, the connection closes as by [`close`](Self::close). One that belongs
/// to a server closes when its server says so, unless it is [hijacked](Self::hijack). What a handler has
/// of it serves to begin operations until the handler has answered, and answers `NNG_ECLOSED` from then
/// on; those that have begun go on.
///
/// # Errors
/// All operations end with `NNG_ECLOSED` on a closed connection. Reading gives `NNG_ECONNSHUT` at
/// the end of the stream, `NNG_ECONNRESET` after a reset, `NNG_EPROTO` for malformed and
/// `NNG_EMSGSIZE` for oversized heads, each of which closes the connection.
/// # Source
/// nng 1.12, nng_http_conn_read(3http) and its siblings.
#[derive(Clone)]
pub struct Conn {
    link: Arc<Link>,
    /// What a guest may do, while it is none of the holders.
    pass: Pass,
    /// Absent in what handlers see of a server's connection.
    holder: Option<Arc<Holder>>,
}

/// Closes the connection when nobody holds it any more.
struct Holder(Arc<Link>);

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.close_by(Pass::Holder);
    }
}

impl Conn {
    /// Makes a connection of a connected socket.
    ///
    /// # Errors
    /// `Closed` if the runtime has ended.
    pub fn new(runtime: &Runtime, socket: Socket) -> Result<Self, Error> {
        Self::over(runtime, socket.into(), Arc::new(Settings::default()))
    }

    /// Makes a connection with TLS of a connected socket: the side of a client or of a server, as
    /// `config` is for one or the other, and freezes that. `host` is what a client has connected to:
    /// the name that the server's certificate must be for, unless the configuration has another.
    ///
    /// The handshake is part of the first operations, and its failure their error: `NNG_EPEERAUTH` if
    /// the peer could not prove who it is, `NNG_ECRYPTO` for everything else, both with a record in
    /// the log that says why; `NNG_ECONNSHUT` if the peer ends the connection instead. Cancelling an
    /// operation in the midst of it is as cancelling one in the midst of its message.
    ///
    /// # Errors
    /// `Invalid` if a client is to check a name and there is none, or none that a certificate can
    /// have; `Crypto` if the configuration cannot be used; `Closed` if the runtime has ended.
    pub fn secure(
        runtime: &Runtime,
        socket: Socket,
        config: &Config,
        host: &str,
    ) -> Result<Self, Error> {
        let channel = Channel::new(socket, config, host)?;
        Self::over(runtime, channel.into(), Arc::new(Settings::default()))
    }

    /// Makes a connection of what carries it, with limits that many connections share.
    pub(crate) fn over(
        runtime: &Runtime,
        transport: Transport,
        settings: Arc<Settings>,
    ) -> Result<Self, Error> {
        let link = Link::new(runtime, transport, settings, None)?;
        Ok(Self { holder: Some(Arc::new(Holder(Arc::clone(&link)))), pass: Pass::Holder, link })
    }

    /// What a handler sees of its server's connection.
    pub(crate) fn guest(link: Arc<Link>) -> Self {
        let pass = link.guest();
        Self { link, pass, holder: None }
    }

    /// Takes a server's connection over: from now on it belongs to the holders of this handle and of
    /// its further clones, and closes when the last of them goes. The server neither reads, writes,
    /// limits nor closes it any more, and what has been received stays to be read.
    ///
    /// What else the handler has of it answers `NNG_ECLOSED` from then on.
    ///
    /// Works while a handler has the request, which is the handler's from then on, too; finishing the
    /// handler's operation then only ends the handler. False, and nothing happens, on other
    /// connections and at other times.
    /// # Source
    /// nng 1.12, nng_http_hijack(3http).
    pub fn hijack(&mut self) -> bool {
        let is_taken = self.holder.is_none() && self.link.hijack(self.pass);
        if is_taken {
            self.holder = Some(Arc::new(Holder(Arc::clone(&self.link))));
            self.pass = Pass::Holder;
        }
        is_taken
    }

    /// Reads into the aio's buffers what is there, at least one byte.
    ///
    /// Bytes behind a head that was read come first. Reading into no memory ends at once with
    /// success and a count of 0.
    /// # Source
    /// nng 1.12, nng_http_conn_read(3http).
    pub fn read(&self, aio: &Aio) {
        self.link.start_read(self.pass, aio, || (Kind::Some, None));
    }

    /// Reads until the aio's buffers are full.
    ///
    /// On an error the count tells how many bytes had come by then.
    /// # Source
    /// nng 1.12, nng_http_conn_read_all(3http).
    pub fn read_all(&self, aio: &Aio) {
        self.link.start_read(self.pass, aio, || (Kind::All, None));
    }

    /// Writes some of the aio's buffers, at least one byte.
    ///
    /// # Source
    /// nng 1.12, nng_http_conn_write(3http).
    pub fn write(&self, aio: &Aio) {
        self.link.start_write(self.pass, false, aio);
    }

    /// Writes all of the aio's buffers.
    ///
    /// On an error the count tells how many bytes had been written by then.
    /// # Source
    /// nng 1.12, nng_http_conn_write_all(3http).
    pub fn write_all(&self, aio: &Aio) {
        self.link.start_write(self.pass, true, aio);
    }

    /// Reads the head of a request into `request`, up to and including the empty line.
    ///
    /// The message is empty while the operation lasts. The body is left to be read.
    /// # Source
    /// nng 1.12, nng_http_conn_read_req(3http).
    pub fn read_req(&self, request: &Shared<Request>, aio: &Aio) {
        self.link.start_read(self.pass, aio, || {
            let (from, to) = Destination::request(request);
            (Kind::Request(from), Some(to))
        });
    }

    /// Reads the head of a response into `response`, up to and including the empty line.
    ///
    /// The message is empty while the operation lasts. The body is left to be read.
    /// # Source
    /// nng 1.12, nng_http_conn_read_res(3http).
    pub fn read_res(&self, response: &Shared<Response>, aio: &Aio) {
        self.link.start_read(self.pass, aio, || {
            let (from, to) = Destination::response(response);
            (Kind::Response(from), Some(to))
        });
    }

    /// Writes a request, head and body.
    ///
    /// The message is the caller's again when this returns.
    /// # Errors
    /// `NNG_EINVAL` if the request has no URI; the connection stays as it is.
    /// # Source
    /// nng 1.12, nng_http_conn_write_req(3http).
    pub fn write_req(&self, request: &Request, aio: &Aio) {
        self.link.write_request(self.pass, request, aio);
    }

    /// Writes a response, head and body, as one message.
    ///
    /// Success means that the system has taken the last byte; the count is that of all bytes, and 0
    /// on any error. The message is the caller's again when this returns.
    ///
    /// A response with `Connection: close`, in any case, or of another version than HTTP/1.1, closes
    /// the connection with its last byte, and so does the final response to a request that demands
    /// it, on a connection of a server, where it gets the field added. What is submitted from then on ends with `NNG_ECLOSED`, from
    /// the callback as well. If `Content-Length` says more than what is attached, the connection
    /// closes after as many more bytes of [`write`](Self::write) and
    /// [`write_all`](Self::write_all); with a `Transfer-Encoding` closing is left to the caller.
    /// The peer gets everything: the connection lingers until the peer ends it or two seconds have
    /// passed.
    /// # Errors
    /// `NNG_ECANCELED` if it was cancelled or its aio stopped, or the connection was closed by its
    /// holder during this write; `NNG_ECLOSED` if the connection is closed, or was by another
    /// failure, or if the peer does not listen any more; `NNG_ECONNRESET` if the peer has reset it;
    /// `NNG_ETIMEDOUT`; what an abort says.
    /// # Context
    /// Does not block. The callback runs on a runtime thread.
    /// # Source
    /// nng 1.12, nng_http_conn_write_res(3http).
    pub fn write_res(&self, response: &Response, aio: &Aio) {
        self.link.write_response(self.pass, response, aio);
    }

    /// Writes a request and reads the whole response, body included, into `response`.
    ///
    /// Transactions on one connection follow each other: a request is sent when the response to the
    /// one before has come, and can be cancelled without harm until then. Interim responses are
    /// skipped, except 101. The response is empty while the operation lasts; on an error it has no
    /// body.
    /// # Errors
    /// As reading and writing; `NNG_EPROTO` also for more than 256 interim responses; `NNG_EINVAL` if
    /// the request has no URI; `NNG_EMSGSIZE` if the body
    /// exceeds [`set_max_response`](Self::set_max_response).
    /// # Source
    /// nng 1.12, nng_http_conn_transact(3http); RFC 9112 section 6.3.
    pub fn transact(&self, request: &Request, response: &Shared<Response>, aio: &Aio) {
        if let Some(operation) = link::accept(aio) {
            self.transact_for(request, response, operation);
        }
    }

    /// As [`transact`](Self::transact), for an operation that has been accepted.
    pub(crate) fn transact_for(
        &self,
        request: &Request,
        response: &Shared<Response>,
        operation: Operation,
    ) {
        self.link.transact(self.pass, request, response, Extent::Whole, operation);
    }

    /// Writes a request and reads the head of the response into `response`; the body is left for
    /// [`read_body`](Self::read_body).
    ///
    /// If the request's own body follows by [`write_body`](Self::write_body), a server may answer before
    /// it has taken all of that, and this ends as soon as the answer's head is there. What is still
    /// written then goes on. If the server takes no more, writing ends with an error, nothing else can be
    /// sent, and the answer can still be read to its end.
    ///
    /// All else is as with [`transact`](Self::transact).
    /// # Errors
    /// As there; `NNG_ESTATE` if the body of the response before was not read to its end, which
    /// closes the connection if that turns out only when it is this one's turn.
    pub fn ask(&self, request: &Request, response: &Shared<Response>, aio: &Aio) {
        if let Some(operation) = link::accept(aio) {
            self.ask_for(request, response, operation);
        }
    }

    /// As [`ask`](Self::ask), for an operation that has been accepted.
    pub(crate) fn ask_for(
        &self,
        request: &Request,
        response: &Shared<Response>,
        operation: Operation,
    ) {
        self.link.transact(self.pass, request, response, Extent::Head, operation);
    }

    /// Writes all of the aio's buffers as what comes next of the body of the message that was written
    /// last: as a chunk if that has `Transfer-Encoding: chunked` and no body, else as they are. The
    /// count is that of the buffers.
    ///
    /// With a `Content-Length`, it is up to the caller that the pieces are as long together. Success says
    /// that the system has taken a piece, not that the peer wanted it; whoever wants to stop in time looks
    /// for an answer between pieces.
    ///
    /// ```
    /// use nng_oxide::http::{Conn, Request, Response, Shared};
    /// use nng_oxide::{Aio, Error};
    ///
    /// fn upload(conn: &Conn, request: &mut Request, aios: &[Aio; 3]) -> Result<(), Error> {
    ///     request.set_method("PUT")?;
    ///     request.headers_mut().set("Transfer-Encoding", "chunked")?;
    ///     conn.ask(request, &Shared::new(Response::new()), &aios[0]);
    ///     aios[1].set_buffer(b"as many pieces as there are".to_vec())?;
    ///     conn.write_body(&aios[1]);
    ///     conn.end_body(&aios[2]);
    ///     Ok(())
    /// }
    /// ```
    /// # Source
    /// RFC 9112 section 7.1.
    pub fn write_body(&self, aio: &Aio) {
        self.link.write_body(self.pass, aio);
    }

    /// Ends the body that [`write_body`](Self::write_body) wrote: sends the last chunk if it is in
    /// chunks and has not been sent, else succeeds at once.
    pub fn end_body(&self, aio: &Aio) {
        self.link.end_body(self.pass, aio);
    }

    /// Reads what comes next of the body, at least one byte, into the aio's buffers: that of the
    /// response that [`ask`](Self::ask) has begun, or of the request that a handler is given, if bodies
    /// are not [collected](super::Handler::collect_body) for it. Chunks are decoded. A count of 0 is the
    /// end of the body.
    ///
    /// Cancelling it loses nothing, and the connection stays open. The body of a response without length
    /// ends with the stream, and the connection closes. The first read of a request's sends
    /// `100 Continue` to a client that waits for it.
    /// # Errors
    /// As reading; `NNG_EPROTO` for malformed chunks and `NNG_EMSGSIZE` beyond
    /// [`set_max_response`](Self::set_max_response), which close the connection. That of a server stays
    /// open for the handler's answer and closes after it, as it does after `NNG_ETIMEDOUT` when nothing
    /// has come for the server's `body_timeout`.
    /// # Source
    /// RFC 9112 sections 6.3 and 7.1.
    pub fn read_body(&self, aio: &Aio) {
        self.link.start_read(self.pass, aio, || (Kind::Piece, None));
    }

    /// Takes the fields that came behind the last body of which [`read_body`](Self::read_body) has
    /// found the end; `None` if there were none, or they were taken.
    /// # Source
    /// RFC 9110 section 6.5.
    pub fn take_trailers(&self) -> Option<Headers> {
        self.link.take_trailers(self.pass).map(|trailers| *trailers)
    }

    /// Limits the body of a response, in bytes, for transactions from now on; no limit (`u64::MAX`)
    /// by default.
    ///
    /// A longer one ends its transaction with `NNG_EMSGSIZE`, at once if the length is announced, and
    /// closes the connection.
    pub fn set_max_response(&self, max: u64) {
        self.link.set_max_response(max);
    }

    /// Returns whether nothing is under way and nothing left over, so that the next request gets
    /// its own response.
    pub(crate) fn is_idle(&self) -> bool {
        self.link.is_idle()
    }

    /// Makes the next transaction look for the peer's end before it sends anything.
    pub(crate) fn distrust(&self) {
        self.link.distrust();
    }

    /// Returns how far the last transaction has come.
    pub(crate) fn reached(&self) -> Reached {
        self.link.reached()
    }

    /// Closes the connection. An active write ends with `NNG_ECANCELED`, or an active read if there
    /// is none; everything else that waits ends with `NNG_ECLOSED`. On a server's connection this
    /// ends the session.
    ///
    /// A connection that lingers goes on doing that.
    /// # Source
    /// nng 1.12, nng_http_conn_close(3http).
    pub fn close(&self) {
        self.link.close_by(self.pass);
    }

    /// Returns whether operations that are submitted now end with `NNG_ECLOSED`.
    pub fn is_closed(&self) -> bool {
        !self.link.is_open_to(self.pass)
    }

    /// Returns the address of the peer; unspecified once the connection has closed.
    pub fn remote_addr(&self) -> Addr {
        self.link.peer()
    }

    /// Returns the runtime that the connection lives on.
    pub fn runtime(&self) -> &Runtime {
        self.link.runtime()
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("is_closed", &self.is_closed())
            .field("is_guest", &self.holder.is_none())
            .finish_non_exhaustive()
    }
}
