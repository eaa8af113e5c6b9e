//! A large file on its way out: a piece is sent while the next one is read.
//!
//! ```text
//!   file --read, where it may block--> ready --write, an operation--> client
//!            |                           ^               |
//!            +--------- one piece at a time each --------+
//! ```
//!
//! At most two pieces are in memory, and no thread waits for the client. A client that goes ends the
//! write, and a file that has become shorter, or cannot be read, ends the response early, which closes
//! the connection. The limit of time for responses holds for each piece, as for any write.
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

/// A file on its way.
pub(super) struct Transfer {
    file: File,
    runtime: Runtime,
    state: Mutex<State>,
}

struct State {
    /// What is still to be read.
    unread: Range<u64>,
    is_reading: bool,
    /// Read, and not yet being sent.
    ready: Option<Vec<u8>>,
    is_sending: bool,
    /// Here unless a thread is about to call it.
    writer: Option<BodyWriter>,
    /// Memory for the next piece.
    spare: Vec<u8>,
    /// Nothing more will be sent.
    has_failed: bool,
}

/// What is to be done next, without the lock.
enum Step {
    Read,
    Send(BodyWriter, Vec<u8>),
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
        let state = Mutex::new(State {
            unread: range,
            is_reading: true,
            ready: None,
            is_sending: false,
            writer: Some(writer),
            spare: Vec::new(),
            has_failed: false,
        });
        Arc::new(Self { file, runtime, state }).read();
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
        state.is_sending = false;
        state.has_failed |= aio.outcome().is_err();
        state.spare = piece;
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
                    let transfer = Arc::clone(self);
                    let aio = self.runtime.aio(move |aio| transfer.on_sent(aio));
                    // It is idle.
                    let _ = aio.set_buffer(piece);
                    writer.write(&aio);
                    aio.detach();
                    // The piece may be out by now; whoever was told has found no writer.
                    self.state.lock().writer = Some(writer);
                }
                Step::Finish(writer) => return writer.finish(),
                Step::GiveUp(writer) => return drop(writer),
                Step::Nothing => return,
            }
        }
    }

    fn next(&self) -> Step {
        let mut state = self.state.lock();
        let State { unread, is_reading, ready, is_sending, writer, has_failed, .. } = &mut *state;
        if *has_failed {
            return writer.take().map_or(Step::Nothing, Step::GiveUp);
        }
        if !*is_reading && ready.is_none() && !unread.is_empty() {
            *is_reading = true;
            return Step::Read;
        }
        if *is_sending {
            return Step::Nothing;
        }
        match (writer.take(), ready.take()) {
            (Some(writer), Some(piece)) => {
                *is_sending = true;
                Step::Send(writer, piece)
            }
            (Some(writer), None) if unread.is_empty() && !*is_reading => Step::Finish(writer),
            (none_yet, kept) => {
                (*writer, *ready) = (none_yet, kept);
                Step::Nothing
            }
        }
    }
}
