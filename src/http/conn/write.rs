//! Writing: messages and raw bytes on their way out, and what their end does to the connection.
//!
//! Source: nng 1.12, nng_http_conn_write_res(3http).

use std::fs::File;
use std::io::IoSlice;
use std::sync::Arc;

use nng_aio::net::Socket;
use nng_aio::{Buffer, Error, OperationId};

use super::Sink;
use super::transport::Transport;
use crate::http::codec::LAST_CHUNK;
use crate::http::response::{Remainder, Response};

/// A write in the queue.
pub(super) struct Write {
    pub(super) sink: Sink,
    /// The transaction whose request this is.
    pub(super) transaction: Option<OperationId>,
    pub(super) content: Content,
    /// Bytes that the system has taken.
    pub(super) sent: usize,
    pub(super) then: Then,
}

/// What is written.
pub(super) enum Content {
    /// The operation's buffers, until something has been sent or until all has.
    Raw { is_all: bool },
    /// The operation's buffers between what makes a chunk of them.
    Chunk { line: Vec<u8>, len: usize, end: &'static [u8] },
    /// All of the operation's buffers as a piece of a message, behind what is none of them: a head, or
    /// what begins a chunk. Without it the message is broken.
    Piece { prefix: Vec<u8> },
    /// A part of a file as a piece of a message, as far as it is in memory, behind what is none of it.
    File { prefix: Vec<u8>, file: Arc<File>, at: u64, len: usize },
    /// What is left of a message.
    Message { head: Vec<u8>, body: Option<Buffer> },
}

/// What the end of a write does to the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    /// Nothing.
    Keep,
    /// It closes.
    Close,
    /// It closes after so many more bytes of raw writes.
    CloseAfter(u64),
}

impl Then {
    /// The documented rule: a response that says so ends the connection, and so does one to a
    /// request that demands it. A message that is declared longer than what is attached does so
    /// when the rest has been written.
    pub(crate) fn of_response(response: &Response, demands_close: bool, to_head: bool) -> Self {
        let is_final = !crate::http::status::is_interim(response.status());
        let ends = response.ends_connection() || (demands_close && is_final);
        if !ends {
            return Self::Keep;
        }
        match response.remainder(to_head) {
            Remainder::Nothing => Self::Close,
            Remainder::Bytes(len) => Self::CloseAfter(len),
            // Where a coded body ends is for its writer to know.
            Remainder::Coded => Self::Keep,
        }
    }
}

impl Content {
    /// Returns what the operation reports as moved when it fails after `sent` bytes: of a message,
    /// nothing.
    pub(super) fn count_after_failure(&self, sent: usize) -> usize {
        match self {
            Self::Raw { .. } => sent,
            Self::Chunk { .. } | Self::Piece { .. } | Self::File { .. } => self.payload(sent),
            Self::Message { .. } => 0,
        }
    }

    /// Returns how many of `sent` bytes are the caller's.
    fn payload(&self, sent: usize) -> usize {
        match self {
            Self::Raw { .. } | Self::Message { .. } => sent,
            Self::Piece { prefix } | Self::File { prefix, .. } => sent.saturating_sub(prefix.len()),
            Self::Chunk { line, len, .. } => sent.saturating_sub(line.len()).min(*len),
        }
    }

    /// Returns whether the message that it is of cannot go on without it.
    pub(super) fn is_of_message(&self) -> bool {
        matches!(self, Self::Piece { .. } | Self::File { .. })
    }

    /// Makes a chunk of `len` bytes that are in an operation's buffers; of none, the last one.
    pub(super) fn chunk(len: usize) -> Self {
        match len {
            0 => Self::Chunk { line: LAST_CHUNK.to_vec(), len, end: &[] },
            _ => Self::Chunk { line: format!("{len:x}\r\n").into_bytes(), len, end: b"\r\n" },
        }
    }
}

impl Write {
    /// Returns how many bytes the whole write has.
    pub(super) fn total(&self) -> usize {
        let buffers = || match &self.sink {
            Sink::Aio(operation) => operation.buffers().total_len(),
            Sink::Owner | Sink::Nobody => 0,
        };
        match &self.content {
            Content::Raw { .. } => buffers(),
            Content::Piece { prefix } => prefix.len() + buffers(),
            Content::File { prefix, len, .. } => prefix.len() + len,
            Content::Chunk { line, len, end } => line.len() + len + end.len(),
            Content::Message { head, body } => head.len() + body.as_ref().map_or(0, Buffer::len),
        }
    }

    /// Returns whether it is done.
    pub(super) fn is_done(&self) -> bool {
        let is_enough = matches!(self.content, Content::Raw { is_all: false }) && self.sent > 0;
        is_enough || self.sent >= self.total()
    }

    /// Returns how many of the bytes that are sent count for its operation.
    pub(super) fn moved(&self) -> usize {
        self.content.payload(self.sent)
    }

    /// Sends what the system takes; returns whether that was all that was left, or more may go.
    pub(super) fn progress(&mut self, socket: &mut Transport) -> Result<bool, Error> {
        let sent = self.sent;
        if let Content::File { prefix, file, at, len } = &mut self.content {
            let Some(skip) = sent.checked_sub(prefix.len()) else {
                let left = &prefix[sent..];
                let count = socket.try_send(&[IoSlice::new(left)])?;
                self.sent += count;
                return Ok(count == left.len());
            };
            let count = socket.try_send_file(file, *at + skip as u64, *len - skip)?;
            if count == 0 {
                // The rest is not in memory: this is all that goes this way.
                *len = skip;
            }
            self.sent += count;
            // Whether it was cut short by the socket shows next time.
            return Ok(true);
        }
        let (count, left) = match (&self.content, &self.sink) {
            (Content::Raw { is_all }, Sink::Aio(operation)) => {
                let buffers = operation.buffers();
                let count = buffers.gather(sent, |pieces| match is_all {
                    true => socket.try_send(pieces),
                    // What comes next need not be the rest.
                    false => socket.try_send_some(pieces),
                })?;
                (count, buffers.total_len() - sent)
            }
            (Content::Chunk { line, len, end }, Sink::Aio(operation)) => {
                let behind_line = sent.saturating_sub(line.len());
                // The last chunk has nothing of buffers that may be there for something else.
                let skip = if *len == 0 { usize::MAX } else { behind_line };
                let count = operation.buffers().gather(skip, |pieces| {
                    let mut all = Vec::with_capacity(pieces.len() + 2);
                    all.push(IoSlice::new(&line[sent.min(line.len())..]));
                    all.extend_from_slice(pieces);
                    all.push(IoSlice::new(&end[behind_line.saturating_sub(*len)..]));
                    all.retain(|piece| !piece.is_empty());
                    socket.try_send(&all)
                })?;
                (count, line.len() + len + end.len() - sent)
            }
            (Content::Piece { prefix }, Sink::Aio(operation)) => {
                let buffers = operation.buffers();
                let left = prefix.len() + buffers.total_len() - sent;
                let count = match sent.checked_sub(prefix.len()) {
                    Some(skip) => buffers.gather(skip, |pieces| socket.try_send(pieces))?,
                    None => buffers.gather(0, |pieces| {
                        let first = [IoSlice::new(&prefix[sent..])];
                        socket.try_send(&[&first, pieces].concat())
                    })?,
                };
                (count, left)
            }
            (
                Content::Raw { .. } | Content::Piece { .. } | Content::Chunk { .. },
                Sink::Owner | Sink::Nobody,
            )
            | (Content::File { .. }, _) => (0, 0),
            (Content::Message { head, body }, _) => {
                let body = body.as_ref().map_or(&[][..], Buffer::as_slice);
                let left = head.len() + body.len() - sent;
                (send_both(socket, head, body, sent)?, left)
            }
        };
        self.sent += count;
        // One transfer takes no more than so much, so then a short one does not mean a full socket.
        Ok(count == left || left > Socket::MAX_TRANSFER || socket.can_send())
    }
}

/// Sends `head` and `body`, of which `sent` bytes are gone already, with one call.
pub(super) fn send_both(
    socket: &mut Transport,
    head: &[u8],
    body: &[u8],
    sent: usize,
) -> Result<usize, Error> {
    let (head, body) = match sent.checked_sub(head.len()) {
        None => (&head[sent..], body),
        Some(of_body) => (&[][..], &body[of_body..]),
    };
    match (head, body) {
        ([], body) => socket.try_send(&[IoSlice::new(body)]),
        (head, []) => socket.try_send(&[IoSlice::new(head)]),
        (head, body) => socket.try_send(&[IoSlice::new(head), IoSlice::new(body)]),
    }
}

#[cfg(test)]
mod tests {
    use nng_aio::Buffers;

    use super::*;
    use crate::http::Version;

    fn response(status: u16, fields: &[(&str, &str)]) -> Response {
        let mut response = Response::new();
        response.set_status(status);
        for (name, value) in fields {
            response.headers_mut().set(name, value).unwrap();
        }
        response
    }

    const CLOSE: (&str, &str) = ("Connection", "Close");
    const LENGTH: (&str, &str) = ("Content-Length", "7");
    const CODED: (&str, &str) = ("Transfer-Encoding", "chunked");

    #[test]
    fn the_response_or_its_request_demands_the_end() {
        let plain = response(200, &[]);
        assert_eq!(Then::of_response(&plain, false, false), Then::Keep);
        assert_eq!(Then::of_response(&plain, true, false), Then::Close);
        assert_eq!(Then::of_response(&response(200, &[CLOSE]), false, false), Then::Close);
        let mut old = response(200, &[]);
        old.set_version(Version::HTTP_10);
        assert_eq!(Then::of_response(&old, false, false), Then::Close);
    }

    #[test]
    fn interim_responses_end_nothing_whoever_demands_it() {
        for status in [100, 101, 199] {
            let interim = response(status, &[CLOSE]);
            assert_eq!(Then::of_response(&interim, true, true), Then::Keep);
        }
    }

    #[test]
    fn the_end_waits_for_what_was_announced() {
        for demands_close in [false, true] {
            let then = |fields: &[_], to_head| {
                Then::of_response(&response(200, fields), demands_close, to_head)
            };
            assert_eq!(then(&[CLOSE, LENGTH], false), Then::CloseAfter(7));
            assert_eq!(then(&[CLOSE, LENGTH], true), Then::Close);
            assert_eq!(then(&[CLOSE, CODED], false), Then::Keep);
            assert_eq!(then(&[CLOSE, CODED], true), Then::Close);
        }
        for status in [204, 304] {
            let empty = response(status, &[CLOSE, LENGTH]);
            assert_eq!(Then::of_response(&empty, false, false), Then::Close);
        }
    }

    #[test]
    fn a_failed_message_has_moved_nothing() {
        let message = Content::Message { head: b"head".to_vec(), body: Some("body".into()) };
        assert_eq!(message.count_after_failure(6), 0);
        assert_eq!(Content::Raw { is_all: true }.count_after_failure(6), 6);
        let piece = Content::Piece { prefix: vec![0; 4] };
        assert_eq!([3, 4, 6].map(|sent| piece.count_after_failure(sent)), [0, 0, 2]);
    }

    #[test]
    fn a_message_goes_on_where_it_was_cut() {
        use std::io::Read;
        use std::os::unix::net::UnixStream;
        let (ours, mut peer) = UnixStream::pair().unwrap();
        let mut socket = Socket::from_fd(ours.into()).into();
        for sent in 0..8 {
            assert_eq!(send_both(&mut socket, b"head", b"body", sent), Ok(8 - sent));
            let mut got = [0; 8];
            peer.read_exact(&mut got[sent..]).unwrap();
            assert_eq!(got[sent..], b"headbody"[sent..]);
        }
    }

    #[test]
    fn a_file_goes_behind_its_prefix_as_far_as_it_is_in_memory() {
        use std::io::{Read, Seek, Write as _};
        use std::os::unix::net::UnixStream;
        let path = std::env::temp_dir().join(format!("nng-write-{}", std::process::id()));
        let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let content: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        file.write_all(&content).unwrap();
        file.rewind().unwrap();
        let file = Arc::new(file);
        for is_dropped in [false, true] {
            if is_dropped {
                file.sync_all().unwrap();
                rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            }
            let (ours, mut peer) = UnixStream::pair().unwrap();
            let mut socket = Socket::from_fd(ours.into()).into();
            let content_of = |at, len| Content::File {
                prefix: b"head".to_vec(),
                file: Arc::clone(&file),
                at,
                len,
            };
            let mut write = Write {
                sink: Sink::Nobody,
                transaction: None,
                content: content_of(8, 70_000),
                sent: 0,
                then: Then::Keep,
            };
            let mut got = Vec::new();
            while !write.is_done() {
                let before = write.sent;
                assert_eq!(write.progress(&mut socket), Ok(true));
                let mut piece = vec![0; write.sent - before];
                peer.read_exact(&mut piece).unwrap();
                got.extend(piece);
            }
            assert_eq!(got, [b"head", &content[8..8 + write.moved()]].concat());
            // Whatever the system keeps in memory: what is beyond the end is not there.
            write.content = content_of(80_000, 10);
            write.sent = 4;
            assert_eq!(write.progress(&mut socket), Ok(true));
            assert_eq!((write.is_done(), write.moved()), (true, 0));
        }
    }

    #[test]
    fn a_piece_goes_on_where_it_was_cut_and_counts_without_what_is_before_it() {
        use nng_aio::Runtime;
        use std::io::Read;
        use std::os::unix::net::UnixStream;
        let runtime = Runtime::builder().host_driven().build().unwrap();
        let (ours, mut peer) = UnixStream::pair().unwrap();
        let mut socket = Socket::from_fd(ours.into()).into();
        for sent in 0..8 {
            let aio = runtime.aio_without_callback();
            aio.set_buffers(Buffers::from_pieces(vec!["bo".into(), "dy".into()]).unwrap()).unwrap();
            let sink = Sink::Aio(aio.begin().unwrap());
            let content = Content::Piece { prefix: b"head".to_vec() };
            let mut write = Write { sink, transaction: None, content, sent, then: Then::Keep };
            assert!(!write.is_done());
            assert_eq!(write.moved(), sent.saturating_sub(4));
            assert_eq!(write.progress(&mut socket), Ok(true));
            assert_eq!((write.is_done(), write.moved()), (true, 4));
            let mut got = [0; 8];
            peer.read_exact(&mut got[sent..]).unwrap();
            assert_eq!(got[sent..], b"headbody"[sent..]);
            let Sink::Aio(operation) = write.sink else { panic!("it is an operation") };
            operation.finish(Ok(()));
        }
    }
}
