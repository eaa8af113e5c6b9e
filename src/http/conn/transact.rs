//! A request and its response as one operation.
//!
//! Source: nng 1.12, nng_http_conn_transact(3http); RFC 9112 section 6.3.

use nng_aio::Error;

use super::body::{BodyReader, Received};
use super::read::Parsers;
use crate::http::Shared;
use crate::http::codec::BodyFraming;
use crate::http::response::Response;
use crate::http::status;

/// How much of a response belongs to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// The head. The body is left to be read piece by piece.
    Head,
}

/// Interim responses to one request; a peer that sends more is not going to answer.
const MAX_INTERIMS: u32 = 256;

/// The reading half of a transaction.
pub(super) struct Transaction {
    response: Shared<Response>,
    extent: Extent,
    /// The request's, since the body's length depends on it.
    method: Box<str>,
    body: Option<BodyReader>,
    /// Interim responses so far.
    interims: u32,
    /// Something of the request has been sent. What arrives before answers something else.
    pub(super) is_sent: bool,
    /// Something has come behind it.
    pub(super) has_begun: bool,
}

impl Transaction {
    pub(super) fn new(response: Shared<Response>, method: &str, extent: Extent) -> Self {
        Self {
            response,
            extent,
            method: method.into(),
            body: None,
            interims: 0,
            is_sent: false,
            has_begun: false,
        }
    }

    /// Returns whether a body is left to be read behind it. What follows a switch to another protocol is
    /// none.
    pub(super) fn leaves_body(&self) -> bool {
        self.extent == Extent::Head && self.response.lock().status() != 101
    }

    /// Takes what belongs to the response from `input`; returns how much that was, and whether it
    /// is complete.
    pub(super) fn serve(
        &mut self,
        input: &[u8],
        parsers: &mut Parsers<'_>,
    ) -> Result<(usize, bool), Error> {
        if parsers.incoming.is_some() {
            // The body before it was not read to its end, so nobody knows where this begins.
            return Err(Error::State);
        }
        if !self.is_sent && !input.is_empty() {
            return Err(Error::Protocol);
        }
        self.has_begun |= !input.is_empty();
        let mut at = 0;
        if self.body.is_none() {
            let limits = parsers.limits;
            let mut response = self.response.lock();
            loop {
                let parsed = parsers.responses().parse(&input[at..], limits, &mut response)?;
                let Some(head) = parsed else { return Ok((at, false)) };
                at += head.len;
                // 101 is final: what follows is another protocol.
                if status::is_interim(response.status()) && response.status() != 101 {
                    self.interims += 1;
                    if self.interims > MAX_INTERIMS {
                        return Err(Error::Protocol);
                    }
                    continue;
                }
                let memory = response.take_body_memory();
                let framing = head.framing(&self.method)?;
                let reader = BodyReader::collect(framing, limits, parsers.max_response, memory);
                if self.extent == Extent::Head {
                    *parsers.trailers = None;
                    *parsers.incoming = (framing != BodyFraming::Empty).then(|| Box::new(reader));
                    return Ok((at, true));
                }
                self.body = Some(reader);
                break;
            }
        }
        let Some(body) = &mut self.body else { return Ok((at, false)) };
        // A body may be empty; then it ends without input.
        let (count, is_end) = body.feed(&input[at..]).map_err(|error| error.error())?;
        if is_end {
            self.finish();
        }
        Ok((at + count, is_end))
    }

    /// The stream has ended; returns whether the response is complete by that.
    pub(super) fn end(&mut self) -> bool {
        let is_complete = self.body.as_ref().is_some_and(BodyReader::ends_here);
        if is_complete {
            self.finish();
        }
        is_complete
    }

    fn finish(&mut self) {
        let Some(body) = self.body.take() else { return };
        let mut response = self.response.lock();
        let Received { bytes, is_chunked, trailers } = body.finish();
        response.set_received_body(bytes);
        if is_chunked {
            response.dechunk_fields(trailers);
        }
    }

    /// Clears what was read of a response that will not be completed.
    pub(super) fn fail(&mut self) {
        self.body = None;
        drop(self.response.lock().take_body());
    }
}
