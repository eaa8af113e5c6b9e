//! What the owner of a connection asks of it: the session of a server.

use std::sync::{Arc, Weak};

use nng_aio::Error;
use nng_aio::net::Addr;

use super::{CONTINUE, Link, send_or_queue};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::conn::Sink;
use crate::http::conn::body::BodyReader;
use crate::http::conn::effects::Effects;
use crate::http::conn::read::{Kind, Read};
use crate::http::conn::state::{Answering, Pass, Pieces, State};
use crate::http::conn::write::Then;
use crate::http::request::Request;

impl Link {
    /// Asks for readiness instead of trying: a new connection has seldom sent something already.
    pub(crate) fn await_input(self: &Arc<Self>) -> Result<(), Error> {
        self.look(|state| {
            state.await_input();
            state.transport_mut().ok_or(Error::Closed)?.watch()
        })
    }

    /// Returns whether bytes go out as they are, so that they may come from a file.
    pub(crate) fn is_plain(self: &Arc<Self>) -> bool {
        self.look(|state| state.transport_mut().is_some_and(|transport| transport.tls().is_none()))
    }

    /// Who is at the other end; unspecified once the connection has closed.
    pub(crate) fn peer(self: &Arc<Self>) -> Addr {
        let peer = self.look(|state| state.transport_mut().map(|it| it.remote_addr()));
        peer.unwrap_or(Addr::Unspecified)
    }

    /// Reads the head of a request for the owner.
    pub(crate) fn read_head(self: &Arc<Self>, request: Shared<Request>) {
        self.read_for_owner(Kind::Request(request));
    }

    /// Reads a body for the owner.
    pub(crate) fn read_body(self: &Arc<Self>, reader: BodyReader) {
        self.read_for_owner(Kind::Body(Box::new(reader)));
    }

    /// Leaves a body to be read by others, piece by piece.
    pub(crate) fn offer_body(self: &Arc<Self>, reader: BodyReader) {
        self.look(|state| {
            state.incoming = Some(Box::new(reader));
            state.answering.pieces = Pieces::Nothing;
        });
    }

    /// Skips for the owner what others have left of a body, at most `max` bytes of the wire. False if
    /// there is nothing to skip.
    pub(crate) fn drain_rest(self: &Arc<Self>, max: u64) -> bool {
        let rest = self.look(|state| state.incoming.take());
        rest.map(|reader| self.read_body(reader.into_drain(max))).is_some()
    }

    fn read_for_owner(self: &Arc<Self>, kind: Kind) {
        self.with(|state, effects| {
            if state.is_open() {
                let read = Read { sink: Sink::Owner, kind, count: 0, to: None };
                state.push_read(read, effects);
            }
        });
    }

    /// Writes a message for the owner. True if it is out; else [`Event::Written`] tells when it is,
    /// or [`Event::Closed`] that it never will be.
    pub(crate) fn write_for_owner(
        self: &Arc<Self>,
        head: &mut Vec<u8>,
        body: &Body,
        then: Then,
    ) -> bool {
        let mut is_out = false;
        self.with(|state, effects| {
            if state.is_open() {
                is_out = send_or_queue(state, Sink::Owner, None, head, body, then, effects);
            }
        });
        is_out
    }

    /// True if nothing waits to be written. Else [`Event::Written`] tells the owner when all of it is
    /// out, or [`Event::Closed`] that it never will be.
    pub(crate) fn is_written_out(self: &Arc<Self>) -> bool {
        let mut is_out = true;
        self.with(|state, effects| is_out = state.tell_when_written(effects));
        is_out
    }

    /// Writes the end of a message for the owner, who does not hear of it.
    pub(crate) fn write_end(self: &Arc<Self>, end: &mut Vec<u8>) {
        self.with(|state, effects| {
            if state.is_open() {
                let (sink, body) = (Sink::Nobody, Body::empty());
                send_or_queue(state, sink, None, end, &body, Then::Keep, effects);
            }
        });
    }

    /// Tells the client that its body is welcome, unless something of it has come already.
    pub(crate) fn continue_for_owner(self: &Arc<Self>) {
        self.with(|state, effects| self.send_continue(state, effects));
    }

    pub(super) fn send_continue(&self, state: &mut State, effects: &mut Effects) {
        state.answering.expects_continue = false;
        if state.is_open() && !state.has_input() {
            let mut head = CONTINUE.to_vec();
            let body = Body::empty();
            send_or_queue(state, Sink::Nobody, None, &mut head, &body, Then::Keep, effects);
        }
    }

    /// Notes what the owner's present request demands of its answer.
    pub(crate) fn set_answering(self: &Arc<Self>, answering: Answering) {
        self.look(|state| {
            let raw_read = state.answering.raw_read;
            state.answering = Answering { raw_read, ..answering };
        });
    }

    /// Ends the exchange: guests of it can do nothing more. Returns what has happened in it.
    pub(crate) fn end_exchange(self: &Arc<Self>) -> Answering {
        self.look(|state| {
            state.end_exchange();
            state.answering()
        })
    }

    /// Returns the pass of guests of the present exchange.
    pub(crate) fn guest(self: &Arc<Self>) -> Pass {
        self.look(|state| state.guest())
    }

    /// Returns what has happened since [`set_answering`](Self::set_answering).
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.look(|state| state.answering())
    }

    /// Takes it from its owner; false if that does not give it up.
    pub(in crate::http::conn) fn hijack(self: &Arc<Self>, pass: Pass) -> bool {
        let owner = self.owner.as_ref().and_then(Weak::upgrade);
        let is_free = owner.is_some_and(|owner| owner.give_up(pass));
        if is_free {
            self.with(State::disown);
        }
        is_free
    }

    /// Closes if the owner waits for a head of which nothing has come, when everything before has been
    /// sent.
    pub(crate) fn close_if_idle(self: &Arc<Self>) {
        self.with(State::close_if_idle);
    }

    /// Closes at once, whatever waits.
    pub(crate) fn close(self: &Arc<Self>) {
        self.with(State::close);
    }
}
