//! How operations end early and how the connection ends: by a cancel, by an error, by its holder, by a
//! last message, by time.

use nng_aio::{Error, OperationId};

use super::{BUDGET, Phase, Side, State};
use crate::http::conn::deadlines::Deadlines;
use crate::http::conn::effects::Effects;
use crate::http::conn::input::{Input, with_room};
use crate::http::conn::read::{Kind, Read};
use crate::http::conn::transport::Transport;
use crate::http::conn::write::{Content, Then, Write};
use crate::http::conn::{Event, Sink, Wait};
use crate::tls::Channel;

impl State {
    /// Cancels an operation. An active one takes the connection with it, since half a message
    /// cannot be taken back; a head of which nothing has come is the exception.
    pub(in crate::http::conn) fn cancel(
        &mut self,
        id: OperationId,
        error: Error,
        effects: &mut Effects,
    ) {
        if let Some(index) = self.reads.position(|read| read.sink.is(id)) {
            let request = self.writes.position(|write| write.transaction == Some(id));
            let is_safe = if self.reads.get(index).is_some_and(Read::is_transaction) {
                // Its request has not been begun.
                request.is_some_and(|at| !self.has_begun(at))
            } else {
                // A piece that has not ended has taken nothing that its reader would miss.
                let is_piece =
                    self.reads.get(index).is_some_and(|read| matches!(read.kind, Kind::Piece));
                index > 0 || is_piece || self.is_head_untouched()
            };
            if let (true, Some(at)) = (is_safe, request) {
                drop(self.writes.remove(at));
            }
            if is_safe {
                self.drop_read(index, error, effects);
            } else {
                self.fail_read(index, error, effects);
            }
        } else if let Some(index) = self.writes.position(|write| write.sink.is(id)) {
            if index == 0 {
                self.fail(Side::Write, error, effects);
            } else if let Some(write) = self.writes.remove(index) {
                // The end of a body that will not be sent is still to come.
                self.is_chunking |= matches!(write.content, Content::Chunk { len: 0, .. });
                effects.end_write(write.sink, Err(error), 0);
                if write.content.is_of_message() {
                    // The message is never whole, and what follows would be taken for a part of it.
                    self.close(effects);
                }
            }
        }
    }

    /// Returns whether bytes of the write at `index` have gone, or cannot be taken back.
    fn has_begun(&self, index: usize) -> bool {
        let transport = self.open_transport().and_then(Transport::tls);
        let is_encrypted = index == 0 && transport.is_some_and(Channel::has_unreported);
        is_encrypted || self.writes.get(index).is_some_and(|write| write.sent > 0)
    }

    /// Returns whether the first read waits for a head of which no byte has come.
    pub(super) fn is_head_untouched(&self) -> bool {
        let is_head = matches!(
            self.reads.front(),
            Some(Read { kind: Kind::Request(_) | Kind::Response(_), .. })
        );
        is_head && self.input.is_empty()
    }

    pub(super) fn drop_read(&mut self, index: usize, error: Error, effects: &mut Effects) {
        if let Some(read) = self.reads.remove(index) {
            if let (0, Kind::Piece) = (index, &read.kind) {
                self.end_piece_wait(effects);
            }
            effects.end_read(read, Err(error));
        }
        // Others may have waited for it.
        self.pump(effects);
    }

    /// Ends the read at `index` with `error`, and the connection with it.
    pub(super) fn fail_read(&mut self, index: usize, error: Error, effects: &mut Effects) {
        if let Some(mut read) = self.reads.remove(index) {
            read.abandon();
            effects.end_read(read, Err(error));
        }
        self.break_off(effects);
    }

    /// Closes, unless the peer is still to read why.
    fn break_off(&mut self, effects: &mut Effects) {
        let channel = self.transport_mut().and_then(Transport::tls_mut);
        let remark = channel.and_then(Channel::take_remark);
        match remark {
            Some(remark) if self.is_open() => {
                effects.remark = Some(remark);
                self.linger(effects);
            }
            Some(_) | None => self.close(effects),
        }
    }

    /// The connection is broken: the active operation of that side gets the error.
    pub(super) fn fail(&mut self, side: Side, error: Error, effects: &mut Effects) {
        match side {
            Side::Read => {
                if let Some(Read { sink: Sink::Owner, .. }) | None = self.reads.front() {
                    self.break_off(effects);
                } else {
                    self.fail_read(0, error, effects);
                }
            }
            Side::Write => {
                let Some(write) = self.writes.pop() else { return self.break_off(effects) };
                // A transaction fails as a whole.
                if let Some(index) =
                    write.transaction.and_then(|id| self.reads.position(|read| read.sink.is(id)))
                {
                    return self.fail_read(index, error, effects);
                }
                let count = write.content.count_after_failure(write.sent);
                effects.end_write(write.sink, Err(error), count);
                self.break_off(effects);
            }
        }
    }

    /// The first write cannot be sent.
    pub(super) fn send_failed(&mut self, error: Error, effects: &mut Effects) {
        // A Unix socket says that the peer has gone also where it knows of a reset.
        let known = match error {
            Error::Closed => self.transport_mut().and_then(|socket| socket.take_error()),
            _ => None,
        };
        let error = known.unwrap_or(error);
        // What the peer has said before counts: it may have answered without reading to the end.
        if let Some(Read { kind: Kind::Transaction(_) | Kind::Piece, .. }) = self.reads.front() {
            self.deaf = Some(error);
            self.readable = true;
            self.pump_reads(effects);
            if !self.is_open() {
                return;
            }
        }
        let channel = self.open_transport().and_then(Transport::tls);
        let is_breach = channel.is_some_and(|channel| channel.breach().is_some());
        if self.is_amid_answer() && !is_breach {
            self.be_deaf(error, effects);
        } else {
            self.deaf = None;
            self.fail(Side::Write, error, effects);
        }
    }

    /// Returns whether an answer has begun that somebody reads, or may go on to read.
    fn is_amid_answer(&self) -> bool {
        if let Some(Write { sink: Sink::Owner, .. }) = self.writes.front() {
            return false;
        }
        match self.reads.front() {
            Some(Read { kind: Kind::Transaction(transaction), .. }) => transaction.has_begun,
            Some(Read { kind: Kind::Piece, .. }) | None => self.is_answer_open,
            Some(_) => false,
        }
    }

    /// The peer takes nothing more, which the first write learns as `error`, but has answered: its words
    /// are read until they end.
    fn be_deaf(&mut self, error: Error, effects: &mut Effects) {
        self.deaf = Some(error);
        self.readable = true;
        let mut error = error;
        while let Some(write) = self.writes.pop() {
            let count = write.content.count_after_failure(write.sent);
            effects.end_write(write.sink, Err(error), count);
            error = Error::Closed;
        }
        // A request that has to wait for this answer will not go, and what is behind it is of another.
        if let Some(index) = self.reads.position(Read::is_unsent_transaction) {
            while let Some(mut read) = self.reads.remove(index) {
                read.abandon();
                effects.end_read(read, Err(Error::Closed));
            }
        }
        self.pump_reads(effects);
    }

    /// A read has ended: notes whether there is more to be read of an answer.
    pub(super) fn note_answer(&mut self, read: &Read) {
        match &read.kind {
            Kind::Transaction(transaction) => self.is_answer_open = transaction.leaves_body(),
            // The end is told by a piece of no bytes.
            Kind::Piece => self.is_answer_open &= read.count > 0 || self.incoming.is_some(),
            // Whoever reads so knows himself where it ends.
            Kind::Some | Kind::All => self.is_answer_open = false,
            Kind::Request(_) | Kind::Response(_) | Kind::Body(_) => {}
        }
    }

    /// A connection that can only be read ends with the answer; what came behind its body stays.
    pub(super) fn close_if_answered(&mut self, effects: &mut Effects) {
        let is_over = self.reads.is_empty() && self.writes.is_empty() && !self.is_answer_open;
        if self.deaf.is_some() && is_over && self.is_open() {
            let trailers = self.trailers.take();
            self.close(effects);
            self.trailers = trailers;
        }
    }

    /// The holder closes the connection: active operations are cancelled, except that a read beside
    /// an active write is closed like all others.
    pub(in crate::http::conn) fn close_by_holder(&mut self, effects: &mut Effects) {
        if !self.is_open() {
            return;
        }
        match self.writes.front() {
            Some(write) if !self.awaits_transaction(write.transaction) => {
                if matches!(write.sink, Sink::Aio(_)) || write.transaction.is_some() {
                    return self.fail(Side::Write, Error::Canceled, effects);
                }
            }
            Some(_) | None => {
                if let Some(Read { sink: Sink::Aio(_), .. }) = self.reads.front() {
                    return self.fail_read(0, Error::Canceled, effects);
                }
            }
        }
        self.close(effects);
    }

    /// Closes if the owner waits for a head of which nothing has come; what is still being sent goes
    /// out before.
    pub(in crate::http::conn) fn close_if_idle(&mut self, effects: &mut Effects) {
        let is_owners = matches!(self.reads.front(), Some(Read { sink: Sink::Owner, .. }));
        if !self.is_open() || !is_owners || !self.is_head_untouched() || self.has_head_started() {
            return;
        }
        if self.writes.is_empty() {
            return self.close(effects);
        }
        drop(self.reads.pop());
        self.deadlines.reading = None;
        let content = Content::Message { head: Vec::new(), body: None };
        let (sink, then) = (Sink::Nobody, Then::Close);
        self.push_write(Write { sink, transaction: None, content, sent: 0, then }, effects);
    }

    /// Closes at once; whatever waits ends with `Closed`.
    pub(in crate::http::conn) fn close(&mut self, effects: &mut Effects) {
        if self.is_closed() {
            return;
        }
        self.end_all(effects);
        if let Phase::Open(socket) | Phase::Lingering(socket) =
            std::mem::replace(&mut self.phase, Phase::Closed)
        {
            socket.close();
        }
        self.forget();
        self.events.push(Event::Closed);
    }

    /// Refuses everything from now on, tells the peer that no more will come, and waits for its end,
    /// so that nothing that was sent is lost to a reset.
    pub(super) fn linger(&mut self, effects: &mut Effects) {
        let Phase::Open(mut socket) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        let is_shut = socket.shutdown().is_ok();
        self.phase = Phase::Lingering(socket);
        self.end_all(effects);
        self.forget();
        if !is_shut || self.settings.linger.is_none() {
            return self.end(effects);
        }
        self.set_read_deadline(self.settings.linger, Wait::Linger, effects);
        self.drop_input(effects);
    }

    /// Drops what arrives while lingering.
    pub(super) fn drop_input(&mut self, effects: &mut Effects) {
        if self.transport_mut().is_some_and(|socket| socket.finish_shutdown().is_err()) {
            return self.end(effects);
        }
        let mut budget = BUDGET;
        while let (true, Phase::Lingering(socket)) = (self.readable, &mut self.phase) {
            if budget == 0 {
                effects.again = true;
                return;
            }
            budget -= 1;
            let received =
                with_room(|room| socket.try_recv_raw(room).map(|count| (count, room.len())));
            match received {
                Ok((0, _)) => self.end(effects),
                Ok((count, offered)) => self.readable = count == offered || self.hangup,
                Err(Error::Again) => self.readable = false,
                Err(_) => self.end(effects),
            }
        }
        // Registration makes sure that the peer's end is told.
        if let Phase::Lingering(socket) = &mut self.phase
            && socket.watch().is_err()
        {
            self.end(effects);
        }
    }

    /// Lets go of the socket after lingering; both directions have ended.
    pub(super) fn end(&mut self, effects: &mut Effects) {
        self.end_all(effects);
        drop(std::mem::replace(&mut self.phase, Phase::Closed));
        self.deadlines = Deadlines::default();
        self.events.push(Event::Closed);
    }

    /// Ends everything that waits, with `Closed` nearly always.
    pub(super) fn end_all(&mut self, effects: &mut Effects) {
        // Of a failure of TLS everybody hears: none of them could have been done.
        let failure = self.transport_mut().and_then(|socket| socket.tls()?.breach());
        let error = failure.unwrap_or(Error::Closed);
        while let Some(mut read) = self.reads.pop() {
            read.abandon();
            effects.end_read(read, Err(error));
        }
        while let Some(write) = self.writes.pop() {
            let count = write.content.count_after_failure(write.sent);
            effects.end_write(write.sink, Err(error), count);
        }
    }

    /// Returns the memory that only an open connection needs.
    pub(super) fn forget(&mut self) {
        self.input = Input::default();
        self.requests = None;
        self.responses = None;
        (self.incoming, self.trailers) = (None, None);
        self.deadlines = Deadlines::default();
        self.closes_after = None;
    }
}
