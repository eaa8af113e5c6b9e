//! How long a connection waits for its peer, and what happens when that is over. The owner has limits;
//! operations of others have those of their aios.

use std::time::{Duration, Instant};

use nng_aio::clock;

use super::{IDLE_MEMORY, Pieces, State};
use crate::http::conn::body::BodyError;
use crate::http::conn::effects::Effects;
use crate::http::conn::read::{Kind, Read};
use crate::http::conn::{Event, Sink, Transport, Wait};
use crate::tls::Channel;

impl State {
    /// The owner begins to wait for what the first read brings.
    pub(super) fn begin_owner_wait(&mut self, effects: &mut Effects) {
        if let (Some(Read { kind: Kind::Request(_), .. }), Some(parser)) =
            (self.reads.front(), &mut self.requests)
            && parser.memory() > IDLE_MEMORY
        {
            parser.shrink_to_fit();
        }
        match self.reads.front() {
            Some(Read { sink: Sink::Owner, kind: Kind::Body(_), .. }) => {
                self.set_read_deadline(self.settings.body, Wait::Body, effects);
            }
            // The peer owes the owner what somebody else reads.
            Some(Read { kind: Kind::Piece, .. }) if self.answering.pieces != Pieces::NotOffered => {
                // Reading anew does not extend it.
                self.deadlines.body = self.deadlines.body.or_else(|| after(self.settings.body));
                self.deadlines.reading = self.deadlines.body.map(|at| (at, Wait::Body));
                effects.timer = self.deadlines.first();
            }
            // While the peer still takes the last response, the wait for the next request is not on.
            Some(Read { sink: Sink::Owner, .. }) if self.writes.is_empty() => {
                let transport = self.open_transport().and_then(Transport::tls);
                // Nothing can be said to a peer that does not complete the handshake.
                let limit = match transport.is_some_and(Channel::is_handshaking) {
                    true => self.settings.head.or(self.settings.idle),
                    false => self.settings.idle,
                };
                self.set_read_deadline(limit, Wait::Idle, effects);
            }
            Some(_) | None => {}
        }
    }

    /// A read of a piece is over that was the first; another one may be by now.
    pub(super) fn end_piece_wait(&mut self, effects: &mut Effects) {
        self.deadlines.reading = None;
        if let Some(Read { kind: Kind::Piece, .. }) = self.reads.front() {
            self.begin_owner_wait(effects);
        }
    }

    /// Something of what the owner waits for has arrived.
    pub(super) fn continue_owner_wait(&mut self, effects: &mut Effects) {
        match self.deadlines.reading {
            Some((_, Wait::Body)) => {
                self.set_read_deadline(self.settings.body, Wait::Body, effects);
            }
            // A head has one limit from its first byte, so that trickling extends nothing.
            Some((_, Wait::Head)) => {}
            Some((_, Wait::Idle | Wait::Write | Wait::Linger)) | None => {
                if self.has_head_started() {
                    self.set_read_deadline(self.settings.head, Wait::Head, effects);
                }
            }
        }
    }

    /// Returns whether the owner waits for the rest of a head.
    pub(super) fn has_head_started(&self) -> bool {
        let is_head = matches!(
            self.reads.front(),
            Some(Read { sink: Sink::Owner, kind: Kind::Request(_), .. })
        );
        is_head && self.requests.as_ref().is_some_and(|parser| parser.has_started())
    }

    /// The first write waits for the peer.
    pub(super) fn begin_write_wait(&mut self, effects: &mut Effects) {
        if self.deadlines.writing.is_none() {
            self.deadlines.writing = after(self.settings.write);
            effects.timer = self.deadlines.first();
        }
    }

    pub(super) fn set_read_deadline(
        &mut self,
        limit: Option<Duration>,
        wait: Wait,
        effects: &mut Effects,
    ) {
        self.deadlines.reading = after(limit).map(|at| (at, wait));
        effects.timer = self.deadlines.first();
    }

    /// The timer fired; it may be for a deadline that has gone since.
    pub(in crate::http::conn) fn on_time(&mut self, now: Instant, effects: &mut Effects) {
        while let Some(wait) = self.deadlines.take_due(now) {
            match wait {
                Wait::Linger => self.end(effects),
                Wait::Body
                    if matches!(self.reads.front(), Some(Read { kind: Kind::Piece, .. })) =>
                {
                    self.incoming = None;
                    self.answering.pieces = Pieces::Bad(BodyError::TooSlow);
                    self.drop_read(0, BodyError::TooSlow.error(), effects);
                }
                Wait::Idle | Wait::Head | Wait::Body => {
                    // The owner's read is over; what it says to the peer is up to it.
                    if let Some(Read { sink: Sink::Owner, .. }) = self.reads.front() {
                        drop(self.reads.pop());
                    }
                    self.events.push(Event::TimedOut(wait));
                }
                Wait::Write => self.events.push(Event::TimedOut(wait)),
            }
        }
        effects.timer = self.deadlines.first();
    }
}

/// Returns the end of a limit of time that begins now.
fn after(limit: Option<Duration>) -> Option<Instant> {
    clock::now().checked_add(limit?)
}
