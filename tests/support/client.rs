//! A client that sends what a test tells it, byte for byte, and believes nothing of what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use nng_oxide::http::Server;

use super::patiently;
use super::server::connect;

/// One end of a connection to a server.
pub(crate) struct Client {
    stream: TcpStream,
    /// What has arrived and was not looked at yet.
    input: Vec<u8>,
}

/// A response as it came over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and fields, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Self {
        Self::of(connect(server))
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream.set_read_timeout(Some(super::LIMIT)).expect("the limit is above zero");
        stream.set_write_timeout(Some(super::LIMIT)).expect("the limit is above zero");
        Self { stream, input: Vec::new() }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends everything with one call.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server takes it");
    }

    /// Sends everything, unless the server has gone.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        match self.stream.write_all(bytes.as_ref()) {
            Err(error) if !is_reset(&error) => panic!("the server takes nothing: {error}"),
            Ok(()) | Err(_) => {}
        }
    }

    /// Sends each byte with a call of its own.
    pub(crate) fn send_bytewise(&mut self, bytes: impl AsRef<[u8]>) {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
    }

    /// Sends a request of HTTP/1.1 without a body; `fields` are whole lines.
    pub(crate) fn ask(&mut self, method: &str, target: &str, fields: &str) {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    }

    /// Sends a request and returns the response.
    pub(crate) fn exchange(&mut self, method: &str, target: &str, fields: &str) -> Answer {
        self.ask(method, target, fields);
        self.answer_to(method)
    }

    /// Sends a `GET` request and returns the response.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.exchange("GET", target, "")
    }

    /// No more will be sent.
    pub(crate) fn end_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Receives a response to anything but `HEAD`.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Receives a response to a request with that method.
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("there is an answer before the end")
    }

    /// Receives a response; `None` if the stream ends instead, whichever way.
    pub(crate) fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let answer = self.whole_answer(method);
        assert!(answer.is_some() || self.input.is_empty(), "half an answer: {:?}", self.text());
        answer
    }

    /// Receives a response; `None` if the stream ends before it or within it, whichever way.
    ///
    /// A response without a length lasts as long as the connection.
    pub(crate) fn whole_answer(&mut self, method: &str) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            if !self.receive() {
                return None;
            }
        };
        let head = String::from_utf8(self.take(end)).expect("heads are text here");
        self.take(4);
        let mut answer = Answer { status: status(&head), head, body: Vec::new() };
        let has_body = method != "HEAD" && !matches!(answer.status, 100..200 | 204 | 304);
        answer.body = match answer.field("Content-Length") {
            _ if !has_body => Vec::new(),
            Some(len) => {
                let len = len.parse().expect("the length is a number");
                while self.input.len() < len {
                    if !self.receive() {
                        self.input.splice(..0, answer.head.into_bytes());
                        return None;
                    }
                }
                self.take(len)
            }
            None => {
                assert!(answer.closes(), "nobody knows where the body ends: {answer:?}");
                self.rest()
            }
        };
        Some(answer)
    }

    /// The server has sent no more and ends its side, properly.
    pub(crate) fn expect_end(&mut self) {
        assert!(self.input.is_empty(), "too much: {:?}", self.text());
        let mut room = [0; 1024];
        let count = patiently(|| self.stream.read(&mut room)).expect("an end, not a reset");
        assert_eq!(count, 0, "too much: {:?}", String::from_utf8_lossy(&room[..count]));
    }

    /// The server has sent no more and has closed; it need not have been polite.
    pub(crate) fn expect_closed(&mut self) {
        assert!(!self.receive() && self.input.is_empty(), "too much: {:?}", self.text());
    }

    /// Receives everything up to the end, whichever way it comes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.receive() {}
        std::mem::take(&mut self.input)
    }

    /// Receives so many bytes.
    pub(crate) fn receive_bytes(&mut self, len: usize) -> Vec<u8> {
        while self.input.len() < len {
            assert!(self.receive(), "the stream ends early: {:?}", self.text());
        }
        self.take(len)
    }

    /// Receives more; `false` at the end.
    fn receive(&mut self) -> bool {
        let mut room = [0; 16 << 10];
        let count = match patiently(|| self.stream.read(&mut room)) {
            Ok(count) => count,
            Err(error) if is_reset(&error) => 0,
            Err(error) => panic!("nothing comes in time: {error}"),
        };
        self.input.extend_from_slice(&room[..count]);
        count > 0
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.input.split_off(len);
        std::mem::replace(&mut self.input, rest)
    }

    /// The beginning of what is there, to be shown.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.input[..self.input.len().min(1000)]).into_owned()
    }
}

impl Answer {
    /// What a field says; the first one of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.split("\r\n").skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(": "));
        fields.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether it says that the connection closes.
    pub(crate) fn closes(&self) -> bool {
        self.field("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("bodies are text here")
    }
}

/// The ways in which a stream can end that was reset.
pub(crate) fn is_reset(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// The status in a head, all of which is checked to be well formed.
fn status(head: &str) -> u16 {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let digits = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
    for field in lines {
        let name = field.split_once(": ").map_or("", |(name, _)| name);
        assert!(
            !name.is_empty() && !name.contains(|c: char| c.is_ascii_whitespace() || c == '/'),
            "no field: {field:?} in {head:?}"
        );
    }
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("no status line: {line:?}"))
}
