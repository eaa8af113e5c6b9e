//! A response whose body is written in pieces, while it is made.
//!
//! ```text
//!   the length is known             Content-Length, and so many bytes
//!   it is not, the client is 1.1    chunks, each piece one, and the last chunk at the end
//!   it is not, the client is older  as they come, and the end of the connection
//!   HEAD, and statuses without      the head alone; pieces are taken and dropped
//! ```
//!
//! The head goes out with the first piece. A body that ends early ends the connection, so that no
//! client takes the next response for the rest of it.
//!
//! # Source
//! RFC 9112 sections 6 and 7.1.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use nng_aio::{Aio, Error, Runtime};

use super::handler::Handler;
use super::session::Session;
use crate::http::codec::{CHUNK_END, write_chunk_size};
use crate::http::{Body, Headers, Response};

/// Writes the body of one response piece by piece; [`Exchange::respond_in_pieces`] begins it.
///
/// Dropping it unfinished closes the connection, behind what was written, or answers with status 500
/// if nothing was.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use nng_oxide::Aio;
/// use nng_oxide::http::{BodyWriter, Exchange, Handler, Response};
///
/// struct Numbers {
///     body: BodyWriter,
///     written: u32,
/// }
///
/// fn write_next(slot: &Mutex<Option<Numbers>>, aio: &Aio) {
///     let mut slot = slot.lock().unwrap();
///     match slot.as_mut() {
///         Some(numbers) if aio.outcome().is_ok() && numbers.written < 1000 => {
///             numbers.written += 1;
///             aio.set_buffer(format!("{}\n", numbers.written).into_bytes()).unwrap();
///             numbers.body.write(aio);
///         }
///         _ => slot.take().into_iter().for_each(|numbers| numbers.body.finish()),
///     }
/// }
///
/// let handler = Handler::function("/numbers", |exchange: Exchange| {
///     let body = exchange.respond_in_pieces(Response::new(), None);
///     let runtime = body.runtime().clone();
///     let slot = Arc::new(Mutex::new(Some(Numbers { body, written: 0 })));
///     let aio = runtime.aio({
///         let slot = Arc::clone(&slot);
///         move |aio| write_next(&slot, aio)
///     });
///     write_next(&slot, &aio);
///     aio.detach(); // it goes on alone
/// });
/// ```
///
/// [`Exchange::respond_in_pieces`]: super::Exchange::respond_in_pieces
#[must_use = "a body that is dropped unfinished closes the connection"]
pub struct BodyWriter {
    session: Arc<Session>,
    /// It lives until its last response is written.
    _handler: Handler,
    /// What goes out before the next piece: the head, the end of a chunk.
    prefix: Vec<u8>,
    framing: Framing,
    is_finished: bool,
}

/// The line of the last chunk.
const LAST_SIZE: &[u8] = b"0\r\n";
/// Fields that a recipient must know before the body.
const NOT_BEHIND: [&str; 16] = [
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Expires",
    "Host",
    "Location",
    "Proxy-Authorization",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "WWW-Authenticate",
];

/// How a client knows where the body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    /// So many bytes are left to be written.
    Length(u64),
    Chunked,
    UntilClose,
    /// There is no body, whatever is written.
    NoBody,
}

impl BodyWriter {
    /// Begins a response of `len` bytes, or of a length that its end tells.
    pub(super) fn new(
        session: Arc<Session>,
        handler: Handler,
        mut response: Response,
        len: Option<u64>,
        knows_chunks: bool,
    ) -> Self {
        let framing = match len {
            Some(len) => Framing::Length(len),
            None if knows_chunks => Framing::Chunked,
            None => Framing::UntilClose,
        };
        response.set_body(len.map_or(Body::empty(), Body::declared));
        let headers = response.headers_mut();
        // Nothing is lost by what is not there, and the fields are far from 4 GiB.
        let _ = headers.remove("Transfer-Encoding");
        if len.is_none() {
            let _ = headers.remove("Content-Length");
        }
        if framing == Framing::Chunked {
            let _ = headers.set("Transfer-Encoding", "chunked");
        }
        let (prefix, has_body) = session.begin_pieces(&response, framing == Framing::UntilClose);
        let framing = if has_body { framing } else { Framing::NoBody };
        Self { session, _handler: handler, prefix, framing, is_finished: false }
    }

    /// Writes all of the aio's buffers as the next piece. Pieces that are begun before the last one has
    /// ended queue up.
    ///
    /// # Errors
    /// In the aio: `NNG_EMSGSIZE` if they are more than is left of the length; nothing has happened
    /// then. `NNG_ECLOSED`, `NNG_ECONNRESET` and so on when the client has gone or is too slow. A piece
    /// that is cancelled, or exceeds the limit of its aio, ends the connection.
    ///
    /// # Context
    /// Does not block. The callback runs on a runtime thread when the system has taken the piece.
    pub fn write(&mut self, aio: &Aio) {
        let Self { session, prefix, framing, .. } = self;
        session.link().start_piece(aio, |len| {
            match framing {
                Framing::NoBody => return Ok(None),
                Framing::Length(left) => {
                    *left = left.checked_sub(len as u64).ok_or(Error::MessageSize)?;
                }
                Framing::Chunked if len > 0 => {
                    write_chunk_size(len, prefix);
                    return Ok(Some(std::mem::replace(prefix, CHUNK_END.to_vec())));
                }
                Framing::Chunked | Framing::UntilClose => {}
            }
            Ok(Some(std::mem::take(prefix)))
        });
    }

    /// Writes a part of a file, which is within what is left of the length, as the next piece, as far as
    /// it is in memory; the count tells how far that was. What is left must be
    /// [given back](Self::give_back).
    pub(super) fn write_file(&mut self, aio: &Aio, file: &Arc<File>, part: Range<u64>) {
        if let Framing::Length(left) = &mut self.framing {
            *left = left.saturating_sub(part.end - part.start);
        }
        self.session.link().start_file(aio, std::mem::take(&mut self.prefix), file, part);
    }

    /// So many bytes of a file were not written.
    pub(super) fn give_back(&mut self, len: u64) {
        if let Framing::Length(left) = &mut self.framing {
            *left += len;
        }
    }

    /// Returns whether a part of a file can be written as it is: there are no chunks, and there is no
    /// TLS.
    pub(super) fn takes_files(&self) -> bool {
        matches!(self.framing, Framing::Length(_)) && self.session.link().is_plain()
    }

    /// Ends the response behind the pieces that were begun. If the length was announced and is not
    /// reached, the connection closes.
    ///
    /// # Context
    /// Does not block.
    pub fn finish(self) {
        self.finish_with(&Headers::new());
    }

    /// As [`finish`](Self::finish), with fields behind the body. They go out only with a body in chunks,
    /// that is one of unknown length to a client that knows HTTP/1.1; those that a recipient must know
    /// before the body, such as `Content-Length` and `Set-Cookie`, never do.
    /// # Source
    /// RFC 9110 section 6.5.1.
    pub fn finish_with(mut self, trailers: &Headers) {
        if let Framing::Length(1..) = self.framing {
            return;
        }
        self.is_finished = true;
        let mut end = std::mem::take(&mut self.prefix);
        if self.framing == Framing::Chunked {
            end.extend_from_slice(LAST_SIZE);
            let may_follow =
                |name: &str| !NOT_BEHIND.iter().any(|it| it.eq_ignore_ascii_case(name));
            for (name, value) in trailers.iter().filter(|(name, _)| may_follow(name)) {
                end.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
            }
            end.extend_from_slice(b"\r\n");
        }
        self.session.end_pieces(end);
    }

    /// Whether the client gets what is written: not in an answer to `HEAD`, and not with a status that
    /// has no body.
    pub fn has_body(&self) -> bool {
        self.framing != Framing::NoBody
    }

    /// The runtime of the connection.
    pub fn runtime(&self) -> &Runtime {
        self.session.link().runtime()
    }
}

impl Drop for BodyWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            self.session.abandon_pieces(self.framing == Framing::UntilClose);
        }
    }
}

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").field("framing", &self.framing).finish_non_exhaustive()
    }
}
