//! Reading: what each kind of read takes from the input.

use nng_aio::{Error, Operation};

use super::Sink;
use super::body::{BodyError, BodyReader, Received};
use super::state::Pieces;
use super::transact::Transaction;
use crate::http::codec::HeadError;
use crate::http::codec::{Limits, RequestHead, RequestParser, ResponseParser};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::{Headers, Shared};

/// A read in the queue.
pub(super) struct Read {
    pub(super) sink: Sink,
    pub(super) kind: Kind,
    /// Bytes moved into the caller's memory.
    pub(super) count: usize,
    /// Where a message goes when the read ends.
    pub(super) to: Option<Destination>,
}

/// Where a holder wants a message. While the operation lasts it is in a place of its own, so that
/// the connection never waits for a message that its holder has locked.
pub(super) enum Destination {
    Request { from: Shared<Request>, to: Shared<Request> },
    Response { from: Shared<Response>, to: Shared<Response> },
}

impl Destination {
    /// Moves a request to a place of its own, and tells how it comes back.
    pub(super) fn request(to: &Shared<Request>) -> (Shared<Request>, Self) {
        let from = Shared::new(std::mem::take(&mut *to.lock()));
        (from.clone(), Self::Request { from, to: to.clone() })
    }

    /// Moves a response to a place of its own, and tells how it comes back.
    pub(super) fn response(to: &Shared<Response>) -> (Shared<Response>, Self) {
        let from = Shared::new(std::mem::take(&mut *to.lock()));
        (from.clone(), Self::Response { from, to: to.clone() })
    }

    /// Moves the message to where it is wanted.
    pub(super) fn deliver(self) {
        match self {
            Self::Request { from, to } => {
                let message = std::mem::take(&mut *from.lock());
                *to.lock() = message;
            }
            Self::Response { from, to } => {
                let message = std::mem::take(&mut *from.lock());
                *to.lock() = message;
            }
        }
    }
}

/// What is read.
pub(super) enum Kind {
    /// Anything, into the operation's buffers.
    Some,
    /// As much as the operation's buffers hold.
    All,
    /// The head of a request.
    Request(Shared<Request>),
    /// The head of a response.
    Response(Shared<Response>),
    /// A body, for the owner.
    Body(Box<BodyReader>),
    /// What comes next of the body behind the head that a transaction, or the owner, has read.
    Piece,
    /// A response, or its head, to a request that is sent beside.
    Transaction(Box<Transaction>),
}

/// What a read came to.
pub(super) enum Outcome {
    /// Everything asked for is there.
    Done,
    /// A request's head, complete.
    Request(RequestHead),
    /// A request's head that is refused.
    BadHead(HeadError),
    /// A body.
    Body(Received),
    /// A body that is refused.
    BadBody(BodyError),
    /// A piece of a body that is refused; what the peer hears of that is up to the owner.
    BadPiece(Error),
}

/// What serving a read needs of its connection.
pub(super) struct Parsers<'a> {
    pub(super) limits: &'a Limits,
    pub(super) max_response: u64,
    pub(super) requests: &'a mut Option<Box<RequestParser>>,
    pub(super) responses: &'a mut Option<Box<ResponseParser>>,
    /// The body that is read piece by piece.
    pub(super) incoming: &'a mut Option<Box<BodyReader>>,
    /// The fields behind it.
    pub(super) trailers: &'a mut Option<Box<Headers>>,
    /// How far it has come, if it is a request's.
    pub(super) pieces: &'a mut Pieces,
}

impl Parsers<'_> {
    fn requests(&mut self) -> &mut RequestParser {
        self.requests.get_or_insert_with(|| Box::new(RequestParser::new()))
    }

    pub(super) fn responses(&mut self) -> &mut ResponseParser {
        self.responses.get_or_insert_with(|| Box::new(ResponseParser::new()))
    }
}

impl Read {
    /// Returns whether the bytes go straight into the caller's memory.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self.kind, Kind::Some | Kind::All)
    }

    /// Returns whether it takes of the body behind a head.
    pub(super) fn is_of_body(&self) -> bool {
        self.is_raw() || matches!(self.kind, Kind::Piece)
    }

    /// It is not accepted.
    pub(super) fn refuse(self, error: Error) {
        if let Some(to) = self.to {
            to.deliver();
        }
        if let Sink::Aio(operation) = self.sink {
            operation.finish(Err(error));
        }
    }

    /// Returns whether it is the reading half of a transaction of which nothing has been sent.
    pub(super) fn is_unsent_transaction(&self) -> bool {
        matches!(&self.kind, Kind::Transaction(transaction) if !transaction.is_sent)
    }

    /// Returns whether it is the reading half of a transaction.
    pub(super) fn is_transaction(&self) -> bool {
        matches!(self.kind, Kind::Transaction(_))
    }

    /// It will not be completed: a half-read response is not left behind.
    pub(super) fn abandon(&mut self) {
        if let Kind::Transaction(transaction) = &mut self.kind {
            transaction.fail();
        }
    }

    /// Returns the operation whose buffers a raw read fills.
    pub(super) fn operation(&mut self) -> Option<&mut Operation> {
        match &mut self.sink {
            Sink::Aio(operation) => Some(operation),
            Sink::Owner | Sink::Nobody => None,
        }
    }

    /// Returns how much the caller's memory still holds.
    fn room(&mut self) -> usize {
        let count = self.count;
        self.operation().map_or(0, |operation| operation.buffers().room() - count)
    }

    /// Takes what it needs from `input`, which is all that is there; returns how much that was, and
    /// the outcome if there is one.
    pub(super) fn serve(
        &mut self,
        input: &[u8],
        parsers: &mut Parsers<'_>,
    ) -> Result<(usize, Option<Outcome>), Error> {
        if let (Sink::Aio(_), true) = (&self.sink, *parsers.pieces != Pieces::NotOffered)
            && !matches!(self.kind, Kind::Piece)
        {
            // Whoever reads otherwise knows himself where the body ends.
            *parsers.incoming = None;
            *parsers.pieces = Pieces::NotOffered;
        }
        match &mut self.kind {
            Kind::Some | Kind::All => {
                *parsers.incoming = None;
                Ok(self.copy(input))
            }
            Kind::Piece => self.take_piece(input, parsers),
            Kind::Request(request) => {
                let limits = parsers.limits;
                let parsed = parsers.requests().parse(input, limits, &mut request.lock());
                match (parsed, &self.sink) {
                    (Ok(None), _) => Ok((0, None)),
                    (Ok(Some(head)), _) => Ok((head.len, Some(Outcome::Request(head)))),
                    (Err(error), Sink::Owner) => Ok((0, Some(Outcome::BadHead(error)))),
                    (Err(error), Sink::Aio(_) | Sink::Nobody) => Err(error.error()),
                }
            }
            Kind::Response(response) => {
                let limits = parsers.limits;
                let parsed = parsers.responses().parse(input, limits, &mut response.lock());
                let Some(head) = parsed? else { return Ok((0, None)) };
                // The reader goes by the fields to find the end of the body. Which request this
                // answers is not known here.
                head.framing("GET")?;
                Ok((head.len, Some(Outcome::Done)))
            }
            Kind::Body(reader) => match reader.feed(input) {
                Ok((count, false)) => Ok((count, None)),
                Ok((count, true)) => Ok((count, Some(self.take_body()))),
                Err(error) => Ok((0, Some(Outcome::BadBody(error)))),
            },
            Kind::Transaction(transaction) => {
                let (count, is_done) = transaction.serve(input, parsers)?;
                Ok((count, is_done.then_some(Outcome::Done)))
            }
        }
    }

    /// Takes what is there of the body that is read piece by piece, and no more than there is memory
    /// for. Nothing taken means that the body has ended.
    fn take_piece(
        &mut self,
        input: &[u8],
        parsers: &mut Parsers<'_>,
    ) -> Result<(usize, Option<Outcome>), Error> {
        if let Pieces::Bad(error) = *parsers.pieces {
            return Ok((0, Some(Outcome::BadPiece(error.error()))));
        }
        let room = self.room();
        let (Some(body), 1..) = (parsers.incoming.as_mut(), room) else {
            return Ok((0, Some(Outcome::Done)));
        };
        let mut at = 0;
        loop {
            // A body never becomes longer by being decoded.
            let end = input.len().min(at + room);
            let (count, is_end) = match body.feed(&input[at..end]) {
                Ok(fed) => fed,
                Err(error) if *parsers.pieces == Pieces::NotOffered => return Err(error.error()),
                Err(error) => {
                    // What came before is still good.
                    self.count = body.drain_into(|bytes| self.fill(bytes));
                    *parsers.incoming = None;
                    *parsers.pieces = Pieces::Bad(error);
                    let bad = Outcome::BadPiece(error.error());
                    return Ok((at, Some(if self.count > 0 { Outcome::Done } else { bad })));
                }
            };
            at += count;
            parsers.pieces.advance(is_end);
            self.count = body.drain_into(|bytes| self.fill(bytes));
            if is_end {
                *parsers.trailers = body.take_trailers();
                *parsers.incoming = None;
                return Ok((at, Some(Outcome::Done)));
            }
            if self.count > 0 {
                return Ok((at, Some(Outcome::Done)));
            }
            if at == input.len() {
                return Ok((at, None));
            }
        }
    }

    /// The stream has ended, and with it, perhaps, the body that is read piece by piece; returns the
    /// outcome if that completes the read.
    pub(super) fn end(&mut self, ends_incoming: bool) -> Option<Outcome> {
        match &mut self.kind {
            Kind::Piece => ends_incoming.then_some(Outcome::Done),
            Kind::Body(reader) if reader.ends_here() => Some(self.take_body()),
            Kind::Transaction(transaction) => transaction.end().then_some(Outcome::Done),
            Kind::Some | Kind::All | Kind::Request(_) | Kind::Response(_) | Kind::Body(_) => None,
        }
    }

    fn take_body(&mut self) -> Outcome {
        match std::mem::replace(&mut self.kind, Kind::Some) {
            Kind::Body(reader) => Outcome::Body(reader.finish()),
            other => {
                self.kind = other;
                Outcome::Done
            }
        }
    }

    fn copy(&mut self, input: &[u8]) -> (usize, Option<Outcome>) {
        let copied = self.fill(input);
        (copied, self.moved(copied))
    }

    /// Puts bytes behind those that are in the caller's memory; returns how many it took.
    fn fill(&mut self, input: &[u8]) -> usize {
        let skip = self.count;
        let Some(operation) = self.operation() else { return 0 };
        operation.buffers_mut().scatter(skip, |room| {
            let mut at = 0;
            for piece in room {
                let len = piece.len().min(input.len() - at);
                piece[..len].copy_from_slice(&input[at..at + len]);
                at += len;
            }
            at
        })
    }

    /// Notes that so many bytes have arrived in the caller's memory.
    pub(super) fn moved(&mut self, count: usize) -> Option<Outcome> {
        self.count += count;
        let is_done = match self.kind {
            Kind::Some => self.count > 0 || self.room() == 0,
            _ => self.room() == 0,
        };
        is_done.then_some(Outcome::Done)
    }
}
