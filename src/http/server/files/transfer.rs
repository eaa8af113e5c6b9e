//! A large file on its way out: from where the system keeps it in memory, or read and sent by turns.
//!
//! ```text
//!   in memory:  file --------- send_file, an operation ----------> client
//!                    not there, or with TLS |
//!   on disk:    file --read, where it may block--> ready --write, an operation--> client
//!                 |                                  ^               |
//!                 +-------------- one piece at a time each ----------+
//! ```
//!
//! What is in memory goes without a copy. Where it is not, so many pieces are read, which brings what
//! follows into memory, too, and then that is tried again; if that finds nothing either, as where the
//! system does not tell what is in memory, the rest is read. At most two pieces are in memory of ours,
//! and no thread waits for the client. A client that goes ends the write, and a file that has become
//! shorter, or cannot be read, ends the response early, which closes the connection. The limit of time
//! for responses holds for each piece, as for any write.
//!
//! Lock: the state, and nothing is called while it is held.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use nng_aio::log::{self, Level};
use nng_aio::sync::Mutex;
use nng_aio::{Aio, Runtime};

use crate::http::server::body_writer::BodyWriter;

/// Bytes that are read and written at a time; a file that has no more is sent as one.
pub(super) const PIECE: usize = 128 << 10;
/// Pieces that are read before what follows is looked for in memory again.
const PIECES_READ: u32 = 8;

/// A file on its way.
pub(super) struct Transfer {
    file: Arc<File>,
    runtime: Runtime,
    state: Mutex<State>,
}

struct State {
    /// What is in memory can go without being read.
    takes_files: bool,
    /// Nothing was in memory the last time, though pieces before it had been read.
    has_missed: bool,
    /// What is still to be read, or sent from where it is.
    unread: Range<u64>,
    /// Pieces to be read before memory is tried again.
    to_read: u32,
    is_reading: bool,
    /// Read, and not yet being sent.
    ready: Option<Vec<u8>>,
    sending: Sending,
    /// Here unless a thread is about to call it.
    writer: Option<BodyWriter>,
    /// Bytes that the writer has counted as sent and that were not.
    unsent: u64,
    /// Memory for the next piece.
    spare: Vec<u8>,
    /// Nothing more will be sent.
    has_failed: bool,
}

/// What is under way to the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Nothing,
    Piece,
    /// A part of the file, of that length.
    File(u64),
}

/// What is to be done next, without the lock.
enum Step {
    Read,
    Send(BodyWriter, Vec<u8>),
    SendFile(BodyWriter, Range<u64>),
    /// All is sent.
    Finish(BodyWriter),
    /// The response stays incomplete.
    GiveUp(BodyWriter),
    Nothing,
}

impl Transfer {
    /// Sends a part of a file as the body of a response, from a thread that may block.
    pub(super) fn run(writer: BodyWriter, file: File, range: Range<u64>) {
        let runtime = writer.runtime().clone();
        let takes_files = writer.takes_files();
        let state = Mutex::new(State {
            takes_files,
            has_missed: false,
            unread: range,
            to_read: u32::from(!takes_files),
            is_reading: !takes_files,
            ready: None,
            sending: Sending::Nothing,
            writer: Some(writer),
            unsent: 0,
            spare: Vec::new(),
            has_failed: false,
        });
        let transfer = Arc::new(Self { file: Arc::new(file), runtime, state });
        if takes_files {
            transfer.go_on();
        } else {
            transfer.read();
        }
    }

    /// Reads the next piece and goes on.
    fn read(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let start = state.unread.start;
        let left = usize::try_from(state.unread.end - start).unwrap_or(PIECE);
        let mut piece = std::mem::take(&mut state.spare);
        drop(state);
        piece.resize(left.min(PIECE), 0);
        let read = self.file.read_exact_at(&mut piece, start);
        if let Err(error) = &read {
            log::record(Level::Warn, "NNG-HTTP", &format!("a file ends early: {error}"));
        }
        let mut state = self.state.lock();
        state.is_reading = false;
        // Where nothing can be sent from memory, there is no end to reading.
        state.to_read -= u32::from(state.takes_files);
        state.unread.start += piece.len() as u64;
        state.has_failed |= read.is_err();
        state.ready = Some(piece);
        drop(state);
        self.go_on();
    }

    /// A piece is out, or will not be.
    fn on_sent(self: &Arc<Self>, aio: &Aio) {
        let piece = aio.take_buffer();
        let mut state = self.state.lock();
        state.has_failed |= aio.outcome().is_err();
        match std::mem::replace(&mut state.sending, Sending::Nothing) {
            Sending::File(len) => {
                let left = len - aio.count() as u64;
                state.unread.start = state.unread.end - left;
                state.to_read = PIECES_READ;
                state.unsent = left;
                state.takes_files &= aio.count() > 0 || !state.has_missed;
                state.has_missed = aio.count() == 0;
            }
            Sending::Piece | Sending::Nothing => state.spare = piece,
        }
        drop(state);
        self.go_on();
    }

    /// Does what can be done now.
    fn go_on(self: &Arc<Self>) {
        loop {
            match self.next() {
                Step::Read => {
                    let transfer = Arc::clone(self);
                    if self.runtime.run_blocking(move || transfer.read()).is_err() {
                        let mut state = self.state.lock();
                        state.is_reading = false;
                        state.has_failed = true;
                    }
                }
                Step::Send(mut writer, piece) => {
                    let aio = self.sender();
                    // It is idle.
                    let _ = aio.set_buffer(piece);
                    writer.write(&aio);
                    self.put_back(writer, aio);
                }
                Step::SendFile(mut writer, part) => {
                    let aio = self.sender();
                    writer.write_file(&aio, &self.file, part);
                    self.put_back(writer, aio);
                }
                Step::Finish(writer) => return writer.finish(),
                Step::GiveUp(writer) => return drop(writer),
                Step::Nothing => return,
            }
        }
    }

    fn sender(self: &Arc<Self>) -> Aio {
        let transfer = Arc::clone(self);
        self.runtime.aio(move |aio| transfer.on_sent(aio))
    }

    /// What was begun may have ended by now; whoever was told has found no writer.
    fn put_back(&self, writer: BodyWriter, aio: Aio) {
        aio.detach();
        self.state.lock().writer = Some(writer);
    }

    fn next(&self) -> Step {
        let mut state = self.state.lock();
        if state.has_failed {
            return state.writer.take().map_or(Step::Nothing, Step::GiveUp);
        }
        let is_read = state.unread.is_empty();
        if state.to_read > 0 && !is_read && !state.is_reading && state.ready.is_none() {
            state.is_reading = true;
            return Step::Read;
        }
        if state.sending != Sending::Nothing || (state.is_reading && state.ready.is_none()) {
            return Step::Nothing;
        }
        let Some(mut writer) = state.writer.take() else { return Step::Nothing };
        writer.give_back(std::mem::take(&mut state.unsent));
        if let Some(piece) = state.ready.take() {
            state.sending = Sending::Piece;
            Step::Send(writer, piece)
        } else if is_read {
            Step::Finish(writer)
        } else {
            let part = state.unread.clone();
            state.sending = Sending::File(part.end - part.start);
            Step::SendFile(writer, part)
        }
    }
}
