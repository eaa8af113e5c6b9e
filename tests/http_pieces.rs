//! Bodies that handlers write piece by piece.

mod support;

use std::sync::{Arc, Mutex, mpsc};

use nng_aio::codes::*;
use nng_aio::{Aio, Error};
use nng_oxide::http::{Access, BodyWriter, Exchange, Response, Server};
use support::client::Client;
use support::server::{giving, until};
use support::{BIG, Driver, LIMIT, Op, pattern};

/// A server that gives the test every exchange of `/`.
struct Bed {
    server: Server,
    exchanges: mpsc::Receiver<Exchange>,
}

impl Bed {
    fn new() -> Self {
        let (server, exchanges) = giving();
        Self { server, exchanges }
    }

    /// Connects, sends a request and begins to answer it.
    fn begin(&self, request: &str, len: Option<u64>) -> (Client, BodyWriter) {
        let mut client = Client::new(&self.server);
        client.send(request);
        (client, self.answer(len))
    }

    fn answer(&self, len: Option<u64>) -> BodyWriter {
        let exchange = self.exchanges.recv_timeout(LIMIT).expect("the handler is called");
        let mut response = Response::new();
        response.headers_mut().set("Content-Type", "text/plain").expect("it is a field");
        exchange.respond_in_pieces(response, len)
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
const CLOSING: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";

/// Begins to write a piece.
fn start(body: &mut BodyWriter, bytes: impl Into<Vec<u8>>) -> Op {
    let op = Op::new(&Driver::global(), |_| ());
    op.aio.set_buffer(bytes.into()).expect("it is idle");
    body.write(&op.aio);
    op
}

/// Writes a piece; the client must take it.
fn write(body: &mut BodyWriter, text: &str) {
    assert_eq!(start(body, text).end(), (0, text.len()));
}

/// Head and what follows.
fn parts(bytes: Vec<u8>) -> (String, String) {
    let text = String::from_utf8(bytes).expect("it is text");
    let (head, body) = text.split_once("\r\n\r\n").expect("there is a head");
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_body_of_known_length_comes_as_if_it_had_been_there() {
    let bed = Bed::new();
    let (mut client, mut body) = bed.begin(GET, Some(11));
    assert!(body.has_body());
    for piece in ["hello", "", " ", "world"] {
        write(&mut body, piece);
    }
    body.finish();
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, "hello world"));
    assert_eq!(answer.field("Content-Length"), Some("11"));
    assert_eq!(answer.field("Content-Type"), Some("text/plain"));
    assert!(answer.field("Date").is_some() && !answer.closes());
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn a_body_of_unknown_length_comes_in_chunks() {
    let bed = Bed::new();
    let (mut client, mut body) = bed.begin(CLOSING, None);
    for piece in ["hello", "", "a piece of 26 bytes in all"] {
        write(&mut body, piece);
    }
    body.finish();
    let (head, wire) = parts(client.rest());
    assert!(
        head.contains("\r\nTransfer-Encoding: chunked\r\n") && head.ends_with("close"),
        "{head}"
    );
    assert!(!head.contains("Content-Length"), "{head}");
    assert_eq!(
        wire,
        "5\r\nhello\r\n1A\r\na piece of 26 bytes in all\r\n0\r\n\r\n".replace("1A", "1a")
    );
}

#[test]
fn the_connection_goes_on_behind_chunks() {
    let bed = Bed::new();
    for pieces in [&["x"][..], &[]] {
        let (mut client, mut body) = bed.begin(GET, None);
        pieces.iter().for_each(|piece| write(&mut body, piece));
        body.finish();
        client.ask("GET", "/next", "Connection: close\r\n");
        let (_, rest) = parts(client.rest());
        let chunks = if pieces.is_empty() { "0\r\n\r\n" } else { "1\r\nx\r\n0\r\n\r\n" };
        let next = rest.strip_prefix(chunks).expect("the chunks come first");
        assert!(next.starts_with("HTTP/1.1 200 OK\r\n") && next.ends_with("next"), "{next}");
    }
}

#[test]
fn an_old_client_gets_a_body_that_ends_with_the_connection() {
    let bed = Bed::new();
    let (mut client, mut body) = bed.begin(OLD, None);
    write(&mut body, "hello ");
    write(&mut body, "world");
    body.finish();
    let answer = client.answer();
    assert!(answer.closes() && answer.field("Transfer-Encoding").is_none(), "{answer:?}");
    assert_eq!(answer.text(), "hello world");
}

#[test]
fn head_is_answered_with_the_head_alone() {
    let bed = Bed::new();
    for len in [Some(5), None] {
        let (mut client, mut body) = bed.begin(HEAD, len);
        assert!(!body.has_body());
        write(&mut body, "hello");
        body.finish();
        let answer = client.answer_to("HEAD");
        assert_eq!(answer.field("Content-Length"), len.map(|_| "5"));
        assert_eq!(answer.field("Transfer-Encoding").is_some(), len.is_none());
        assert_eq!(client.get("/next").text(), "next");
    }
}

#[test]
fn an_empty_body_has_its_length() {
    let bed = Bed::new();
    let (mut client, body) = bed.begin(GET, Some(0));
    body.finish();
    assert_eq!(client.answer().field("Content-Length"), Some("0"));
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn more_than_was_announced_is_refused_and_nothing_is_lost() {
    let bed = Bed::new();
    let (mut client, mut body) = bed.begin(GET, Some(5));
    write(&mut body, "hel");
    assert_eq!(start(&mut body, "lo!").end(), (NNG_EMSGSIZE, 0));
    write(&mut body, "lo");
    body.finish();
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn a_body_that_ends_early_ends_the_connection() {
    let bed = Bed::new();
    for (len, wire) in [(Some(9), "hello"), (None, "5\r\nhello")] {
        for end in [drop, BodyWriter::finish] {
            let (mut client, mut body) = bed.begin(GET, len);
            write(&mut body, "hello");
            if len.is_some() {
                end(body)
            } else {
                drop(body)
            }
            client.try_send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
            assert_eq!(parts(client.rest()).1, wire, "nothing follows that a client could mistake");
        }
    }
}

#[test]
fn an_answer_that_was_not_begun_is_a_failure() {
    let bed = Bed::new();
    let (mut client, body) = bed.begin(GET, None);
    drop(body);
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (500, true));
    client.expect_end();
}

#[test]
fn pieces_queue_up_and_a_slow_client_gets_them_all_in_order() {
    let bed = Bed::new();
    let bytes = pattern(3 * BIG);
    for len in [Some(bytes.len() as u64), None] {
        let (mut client, mut body) = bed.begin(CLOSING, len);
        let ops: Vec<_> = bytes.chunks(BIG).map(|piece| start(&mut body, piece)).collect();
        body.finish();
        let wire = client.rest();
        ops.iter().for_each(|op| assert_eq!(op.end(), (0, BIG)));
        let start = wire.windows(4).position(|end| end == b"\r\n\r\n").expect("it has a head") + 4;
        match len {
            Some(_) => assert!(wire[start..] == bytes),
            None => {
                let mut expected = Vec::new();
                bytes.chunks(BIG).for_each(|it| nng_oxide::http::write_chunk(it, &mut expected));
                expected.extend_from_slice(nng_oxide::http::LAST_CHUNK);
                assert!(wire[start..] == expected);
            }
        }
    }
}

#[test]
fn a_piece_that_is_cancelled_ends_the_connection_also_if_it_waits() {
    let bed = Bed::new();
    for cancelled in [0, 1] {
        let (mut client, mut body) = bed.begin(GET, Some(12 * BIG as u64));
        let ops = [0, 1, 2].map(|_| start(&mut body, vec![0; 4 * BIG]));
        ops[cancelled].aio.cancel();
        let ends = ops.map(|op| op.end().0);
        assert_eq!(ends[cancelled], NNG_ECANCELED, "{cancelled}: {ends:?}");
        assert_eq!(ends.iter().filter(|end| **end == NNG_ECLOSED).count(), 2, "{ends:?}");
        body.finish();
        client.rest();
    }
}

#[test]
fn a_client_that_goes_is_noticed() {
    let bed = Bed::new();
    let (client, mut body) = bed.begin(GET, None);
    write(&mut body, "hello");
    drop(client);
    until(|| start(&mut body, vec![0; 1000]).end().0 != 0);
    assert_eq!(start(&mut body, "x").end(), (NNG_ECLOSED, 0));
    body.finish();
    until(|| bed.server.stats().open == 0);
}

#[test]
fn the_end_of_the_server_ends_what_is_being_written() {
    let bed = Bed::new();
    let (_client, mut body) = bed.begin(GET, None);
    let op = start(&mut body, vec![0; 4 * BIG]);
    bed.server.stop();
    assert_eq!(op.end().0, NNG_ECLOSED);
    drop(body);
}

#[test]
fn a_body_that_nobody_read_is_skipped_behind_pieces() {
    let bed = Bed::new();
    let request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /";
    let (mut client, mut body) = bed.begin(request, Some(1));
    write(&mut body, "x");
    body.finish();
    assert_eq!(client.answer().text(), "x");
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn answers_in_pieces_are_recorded_with_all_that_was_sent() {
    let bed = Bed::new();
    let (tell, hear) = mpsc::channel();
    bed.server.set_access_log(Some(Arc::new(move |access: &Access| {
        // The test may be over.
        let _ = tell.send(access.clone());
    })));
    for end in [BodyWriter::finish, drop] {
        let (mut client, mut body) = bed.begin(CLOSING, None);
        write(&mut body, "hello");
        write(&mut body, "world");
        let is_complete = std::ptr::fn_addr_eq(end, BodyWriter::finish as fn(BodyWriter));
        end(body);
        let wire = client.rest();
        let access = hear.recv_timeout(LIMIT).expect("each exchange is recorded");
        assert_eq!((access.status, access.is_complete), (200, is_complete));
        assert_eq!(access.sent, wire.len() as u64);
    }
}

#[test]
fn an_answer_in_pieces_comes_to_its_end_while_the_server_drains() {
    let bed = Bed::new();
    let (mut client, mut body) = bed.begin(GET, Some(10));
    write(&mut body, "hello");
    let op = Op::new(&Driver::global(), |_| ());
    bed.server.drain(&op.aio);
    write(&mut body, "world");
    body.finish();
    assert_eq!(client.answer().text(), "helloworld");
    client.expect_end();
    drop(client);
    assert_eq!(op.end().0, 0);
}

/// What the documentation shows: one aio that writes a piece whenever the last one is out.
#[test]
fn one_aio_writes_piece_after_piece() {
    struct Numbers {
        body: BodyWriter,
        written: u32,
    }

    fn write_next(slot: &Mutex<Option<Numbers>>, aio: &Aio) {
        let mut slot = slot.lock().unwrap();
        match slot.as_mut() {
            Some(numbers) if aio.outcome() == Ok(()) && numbers.written < 1000 => {
                numbers.written += 1;
                let text = format!("{}\n", numbers.written);
                assert_eq!(aio.set_buffer(text.into_bytes()), Ok::<_, Error>(()));
                numbers.body.write(aio);
            }
            _ => slot.take().into_iter().for_each(|numbers| numbers.body.finish()),
        }
    }

    let bed = Bed::new();
    let (mut client, body) = bed.begin(OLD, None);
    let runtime = body.runtime().clone();
    let slot = Arc::new(Mutex::new(Some(Numbers { body, written: 0 })));
    let aio = runtime.aio({
        let slot = Arc::clone(&slot);
        move |aio| write_next(&slot, aio)
    });
    write_next(&slot, &aio);
    aio.detach();
    let expected: String = (1..=1000).map(|number| format!("{number}\n")).collect();
    assert_eq!(client.answer().text(), expected);
}
