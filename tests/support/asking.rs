//! The HTTP server among the examples, and requests to it and to others like it.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::LIMIT;
use super::program::Program;
use super::server::{read_until, status};

/// The HTTP server on a port of its own.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) addr: String,
}

/// An answer of it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let arguments = [options, &["127.0.0.1:0"]].concat();
        let program = Program::start("http_server", &arguments);
        let line = program.line();
        let addr = line.strip_prefix("Serving on http://").unwrap().split(',').next().unwrap();
        Self { addr: addr.to_owned(), program }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.addr)
    }
}

pub(crate) fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Sends a request and reads the answer to it.
pub(crate) fn ask(stream: &mut TcpStream, line: &str, fields: &[&str], body: &[u8]) -> Answer {
    let mut head = format!("{line}\r\nHost: h\r\n");
    for field in fields {
        head += &format!("{field}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // An answer may come before all of the body has been taken.
    let _ = stream.write_all(body);
    let head = read_until(stream, "\r\n\r\n");
    let length = field(&head, "Content-Length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; if line.starts_with("HEAD") { 0 } else { length }];
    stream.read_exact(&mut body).unwrap();
    Answer { status: status(&head), head, body }
}

pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
