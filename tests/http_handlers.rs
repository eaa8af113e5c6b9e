//! What handlers may do with an exchange: answer it late or not at all, fail, panic, and read and
//! write on the connection themselves.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use nng_aio::{Error, Operation, codes::*};
use nng_oxide::http::{Conn, Exchange, Handler, Request, Response, Server, ServerConfig, Shared};
use support::client::Client;
use support::server::{fixed, giving, handler, respond, running, serve, until};
use support::{BIG, Driver, LIMIT, Op, pattern, with_body, with_fields};

/// A server that gives the test every exchange of `/`, with bodies left where they are.
struct Bed {
    server: Server,
    exchanges: mpsc::Receiver<Exchange>,
}

impl Bed {
    fn new() -> Self {
        let (server, exchanges) = giving();
        Self { server, exchanges }
    }

    /// Connects and sends a request; returns the exchange, too.
    fn begin(&self, request: &str) -> (Client, Exchange) {
        let mut client = Client::new(&self.server);
        client.send(request);
        (client, self.exchange())
    }

    fn exchange(&self) -> Exchange {
        self.exchanges.recv_timeout(LIMIT).expect("the handler is called")
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const CLOSING: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";

/// Starts an operation on the connection of an exchange.
fn start(conn: &Conn, begin: impl FnOnce(&Conn, &nng_aio::Aio)) -> Op {
    let op = Op::new(&Driver::global(), |_| ());
    begin(conn, &op.aio);
    op
}

fn write(conn: &Conn, response: &Response) -> Op {
    start(conn, |conn, aio| conn.write_res(response, aio))
}

fn write_bytes(conn: &Conn, bytes: impl Into<Vec<u8>>) -> Op {
    start(conn, |conn, aio| {
        aio.set_buffer(bytes.into()).expect("it is idle");
        conn.write_all(aio);
    })
}

fn read_all(conn: &Conn, len: usize) -> Op {
    start(conn, |conn, aio| {
        aio.set_buffer(vec![0; len]).expect("it is idle");
        conn.read_all(aio);
    })
}

#[test]
fn what_a_handler_writes_in_answer_to_head_has_no_body() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    let op = write(&exchange.conn(), &with_body("hello"));
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(op.end(), (0, head.len()));
    exchange.finish();
    assert_eq!(client.answer_to("HEAD").field("content-length"), Some("5"));
    assert_kept(&mut client);
}

/// The connection goes on.
fn assert_kept(client: &mut Client) {
    assert_eq!(client.get("/next").text(), "next");
}

/// What comes is `text` and then the end.
fn assert_last(client: &mut Client, text: &str) {
    assert_eq!(client.answer().text(), text);
    client.expect_end();
}

#[test]
fn a_request_counts_once_from_when_its_handler_has_it() {
    let bed = Bed::new();
    for (count, end) in (1..).zip([drop, Exchange::finish, |it: Exchange| respond(it, "answered")])
    {
        let (client, exchange) = bed.begin(GET);
        assert_eq!(bed.server.stats().requests, count);
        end(exchange);
        drop(client);
        until(|| bed.server.stats().open == 0);
        assert_eq!(bed.server.stats().requests, count);
    }
}

// --- Failure ------------------------------------------------------------------------------------

#[test]
fn a_handler_that_panics_costs_one_connection() {
    let server = running(ServerConfig::default());
    let before = handler("GET", "/before", |_exchange| panic!("before the answer"));
    let after = handler("GET", "/after", |exchange| {
        respond(exchange, "after");
        panic!("after the answer");
    });
    let parked = Handler::with_aio("/parked", |_aio| panic!("with the operation parked"));
    let taken = Handler::with_aio("/taken", |aio| {
        let _operation = aio.unpark();
        panic!("with the operation taken");
    });
    serve(&server, [before, after, parked, taken, fixed("/next", "next")]);
    for target in ["/before", "/parked", "/taken"] {
        let mut client = Client::new(&server);
        let answer = client.get(target);
        assert_eq!((answer.status, answer.closes()), (500, true), "{target}");
        client.expect_end();
    }
    let mut client = Client::new(&server);
    for _ in 0..10 {
        assert_eq!(client.get("/after").text(), "after");
        assert_kept(&mut client);
    }
}

#[test]
fn an_exchange_that_fails_is_answered_with_500() {
    let bed = Bed::new();
    for end in [drop, |exchange: Exchange| exchange.fail(Error::NoMemory)] {
        for request in [GET, CLOSING, OLD] {
            let (mut client, exchange) = bed.begin(request);
            thread::spawn(move || end(exchange)).join().unwrap();
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (500, true));
            client.expect_end();
        }
    }
}

#[test]
fn an_exchange_that_fails_after_a_write_ends_the_connection() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin(GET);
    let mut response = with_body("half");
    response.headers_mut().set("Content-Length", "100").unwrap();
    assert_eq!(write(&exchange.conn(), &response).result(), 0);
    exchange.fail(Error::NoMemory);
    let all = client.rest();
    assert!(all.ends_with(b"\r\n\r\nhalf") && !all.windows(3).any(|part| part == b"500"));
}

#[test]
fn an_operation_that_fails_is_answered_with_500() {
    let server = running(ServerConfig::default());
    let failing = Handler::with_aio("/failing", |aio| {
        aio.unpark().expect("it has begun").finish(Err(Error::NoMemory));
    });
    let silent = Handler::with_aio("/silent", |aio| {
        let conn: Arc<Conn> = aio.input(2).expect("it is the connection");
        let response = with_body("by itself");
        let write = conn.runtime().aio(|_| ());
        conn.write_res(&response, &write);
        write.detach();
        aio.unpark().expect("it has begun").finish(Ok(()));
    });
    serve(&server, [failing, silent, fixed("/next", "next")]);
    let mut client = Client::new(&server);
    assert_eq!(client.get("/silent").text(), "by itself");
    assert_kept(&mut client);
    let answer = client.get("/failing");
    assert_eq!((answer.status, answer.closes()), (500, true));
    client.expect_end();
}

// --- Time ---------------------------------------------------------------------------------------

#[test]
fn answers_can_be_given_in_any_order_of_connections() {
    let bed = Bed::new();
    let mut begun: Vec<_> = (0..20)
        .map(|number| bed.begin(&format!("GET /?{number} HTTP/1.1\r\nHost: h\r\n\r\n")))
        .collect();
    begun.reverse();
    for (mut client, exchange) in begun {
        let uri = exchange.request().uri().to_owned();
        let expected = uri.clone();
        thread::spawn(move || respond(exchange, uri)).join().unwrap();
        assert_eq!(client.answer().text(), expected);
        assert_kept(&mut client);
    }
}

#[test]
fn handlers_that_block_hold_up_nobody_else() {
    const BLOCKED: usize = 8;
    let server = running(ServerConfig::default());
    let (opened, door) = (Arc::new(std::sync::Barrier::new(BLOCKED + 1)), AtomicUsize::new(0));
    let barrier = Arc::clone(&opened);
    let blocking = handler("GET", "/blocking", move |exchange| {
        door.fetch_add(1, SeqCst);
        barrier.wait();
        respond(exchange, "at last");
    });
    let inline = handler("GET", "/inline", |exchange| respond(exchange, "at once"));
    serve(&server, [blocking, inline, fixed("/next", "next")]);
    let mut blocked: Vec<_> = (0..BLOCKED).map(|_| Client::new(&server)).collect();
    for client in &mut blocked {
        client.ask("GET", "/blocking", "");
        let mut other = Client::new(&server);
        assert_eq!(other.get("/inline").text(), "at once");
        assert_kept(&mut other);
    }
    opened.wait();
    for mut client in blocked {
        assert_eq!(client.answer().text(), "at last");
        assert_kept(&mut client);
    }
}

#[test]
fn a_request_can_be_kept_beyond_its_exchange() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin("GET /?kept HTTP/1.1\r\nHost: h\r\n\r\n");
    let kept: Shared<Request> = exchange.shared_request();
    // Even while it is locked.
    let locked = kept.lock();
    respond(exchange, "answered");
    assert_eq!(client.answer().text(), "answered");
    assert_kept(&mut client);
    assert_eq!(locked.uri(), "/?kept");
}

// --- Responses that handlers write --------------------------------------------------------------

#[test]
fn a_response_that_a_handler_writes_keeps_the_connection() {
    let bed = Bed::new();
    let response = with_body("mine");
    let (mut client, exchange) = bed.begin(GET);
    let conn = exchange.conn();
    let op = write(&conn, &response);
    assert_eq!(op.result(), 0);
    exchange.finish();
    assert_eq!(client.answer().text(), "mine");
    assert_kept(&mut client);
    assert!(conn.is_closed(), "to a handler that has answered");
}

#[test]
fn a_response_to_a_request_that_demands_it_closes_the_connection() {
    let bed = Bed::new();
    for request in [CLOSING, OLD] {
        for writes_first in [true, false] {
            let (mut client, exchange) = bed.begin(request);
            let conn = exchange.conn();
            let op = write(&conn, &with_body("mine"));
            let kept = if writes_first {
                assert_eq!(op.result(), 0);
                assert!(conn.is_closed(), "from the moment on at which the write has ended");
                assert_eq!(write(&conn, &with_body("more")).result(), NNG_ECLOSED);
                assert_eq!(read_all(&conn, 1).result(), NNG_ECLOSED);
                Some(exchange)
            } else {
                exchange.finish();
                assert_eq!(op.result(), 0);
                None
            };
            let answer = client.answer();
            assert_eq!((answer.text(), answer.closes()), ("mine", true));
            client.expect_end();
            drop(kept);
        }
    }
}

#[test]
fn a_response_that_says_so_closes_the_connection() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin(&GET.repeat(2));
    let mut response = with_fields(&[("Connection", "close")]);
    response.set_body("mine");
    assert_eq!(write(&exchange.conn(), &response).result(), 0);
    exchange.finish();
    assert_last(&mut client, "mine");
    assert!(bed.exchanges.try_recv().is_err(), "what follows is discarded");
}

#[test]
fn the_rest_of_a_response_comes_before_the_end() {
    let bed = Bed::new();
    for request in [CLOSING, OLD] {
        let (mut client, exchange) = bed.begin(request);
        let conn = exchange.conn();
        let head = with_fields(&[("Content-Length", "8")]);
        assert_eq!(write(&conn, &head).result(), 0);
        assert_eq!(write_bytes(&conn, "rest").result(), 0);
        assert!(!conn.is_closed());
        assert_eq!(write_bytes(&conn, "rest").result(), 0);
        assert!(conn.is_closed());
        exchange.finish();
        assert_last(&mut client, "restrest");
    }
}

#[test]
fn an_interim_response_does_not_close_the_connection() {
    let bed = Bed::new();
    for request in [GET, CLOSING] {
        let (mut client, exchange) = bed.begin(request);
        let mut interim = with_fields(&[("Link", "</style.css>")]);
        interim.set_status(103);
        assert_eq!(write(&exchange.conn(), &interim).result(), 0);
        respond(exchange, "final");
        assert_eq!(client.answer().status, 103);
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("final", request == CLOSING));
        if request == CLOSING {
            client.expect_end();
        } else {
            assert_kept(&mut client);
        }
    }
}

#[test]
fn a_handler_can_write_nothing_and_end_a_connection_that_must_end() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin(CLOSING);
    exchange.finish();
    client.expect_end();
}

// --- Closing ------------------------------------------------------------------------------------

#[test]
fn a_handler_can_close_the_connection() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin(GET);
    let conn = exchange.conn();
    let (read, write) = (read_all(&conn, 1), write_bytes(&conn, vec![0; 16 * BIG]));
    conn.close();
    assert_eq!((write.result(), read.result()), (NNG_ECANCELED, NNG_ECLOSED));
    assert!(client.rest().len() < 16 * BIG);
    until(|| bed.server.stats().open == 0);
    assert!(conn.is_closed());
    respond(exchange, "into the void");
    assert_kept(&mut Client::new(&bed.server));
}

#[test]
fn an_exchange_that_outlives_its_connection_is_answered_into_the_void() {
    let bed = Bed::new();
    for end in [drop, Exchange::finish, |exchange: Exchange| exchange.fail(Error::Closed)] {
        let (client, exchange) = bed.begin(GET);
        exchange.conn().close();
        end(exchange);
        drop(client);
    }
    until(|| bed.server.stats().open == 0);
}

// --- Bodies that handlers read ------------------------------------------------------------------

#[test]
fn a_handler_can_read_the_body_itself() {
    let bed = Bed::new();
    let body = pattern(1 << 20);
    let (mut client, exchange) =
        bed.begin(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
    let conn = exchange.conn();
    let read = read_all(&conn, body.len());
    client.send(&body);
    assert_eq!(read.bytes(), body);
    respond(exchange, "read");
    assert_eq!(client.answer().text(), "read");
    assert_kept(&mut client);
}

#[test]
fn what_a_handler_leaves_of_a_body_is_skipped() {
    let bed = Bed::new();
    // So much is left that it is just skipped, and just too much.
    for (len, closes) in [(5, false), (5 + (64 << 10), false), (6 + (64 << 10), true)] {
        let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n");
        let (mut client, exchange) = bed.begin(&(head + &"x".repeat(len)));
        assert_eq!(read_all(&exchange.conn(), 5).text(), "xxxxx");
        respond(exchange, "read");
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("read", closes));
        if closes {
            client.expect_end();
        } else {
            assert_kept(&mut client);
        }
    }
}

#[test]
fn a_handler_that_reads_chunks_reads_them_raw() {
    let bed = Bed::new();
    let body = "5\r\nhello\r\n0\r\n\r\n";
    for len in [1, body.len()] {
        let request = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (mut client, exchange) = bed.begin(&[request, body, GET].concat());
        assert_eq!(read_all(&exchange.conn(), len).text(), body[..len]);
        respond(exchange, "read");
        let answer = client.answer();
        // Where the body ends is not known to the server.
        assert_eq!((answer.text(), answer.closes()), ("read", true));
        client.expect_end();
    }
    assert!(bed.exchanges.try_recv().is_err());
}

#[test]
fn a_handler_that_reads_beyond_the_body_ends_the_connection() {
    let bed = Bed::new();
    let with_body = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    for (request, len) in [(with_body, 6), (with_body, 5 + GET.len()), (GET, 1), (GET, GET.len())] {
        for finishes in [false, true] {
            let (mut client, exchange) = bed.begin(&[request, GET, GET].concat());
            let conn = exchange.conn();
            assert_eq!(read_all(&conn, len).end(), (0, len));
            if finishes {
                assert_eq!(write(&conn, &support::with_body("read")).result(), 0);
                exchange.finish();
            } else {
                respond(exchange, "read");
            }
            // The rest may be anything: half a request is none.
            let answer = client.answer();
            assert_eq!((answer.text(), answer.closes()), ("read", !finishes));
            client.expect_end();
        }
    }
    assert!(bed.exchanges.try_recv().is_err());
}

#[test]
fn a_handler_that_answers_while_it_reads_ends_the_connection() {
    let bed = Bed::new();
    let with_body = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell";
    for request in [with_body, GET] {
        for finishes in [false, true] {
            let (mut client, exchange) = bed.begin(request);
            let conn = exchange.conn();
            let read = read_all(&conn, 100);
            if finishes {
                assert_eq!(write(&conn, &support::with_body("early")).result(), 0);
                exchange.finish();
            } else {
                respond(exchange, "early");
            }
            let answer = client.answer();
            assert_eq!((answer.text(), answer.closes()), ("early", !finishes));
            client.send("o".to_owned() + GET);
            assert_eq!(read.result(), NNG_ECLOSED);
            client.expect_end();
        }
    }
    assert!(bed.exchanges.try_recv().is_err());
}

// --- Operations of handlers ---------------------------------------------------------------------

/// Keeps the operations of a handler until the test wants them.
#[derive(Default)]
struct Keeper {
    kept: nng_aio::sync::Mutex<Vec<Operation>>,
    /// What the cancel function was called with.
    asked: nng_aio::sync::Mutex<Vec<Error>>,
}

impl nng_aio::Cancel for Keeper {
    fn cancel(self: Arc<Self>, id: nng_aio::OperationId, error: Error) {
        self.asked.lock().push(error);
        let mut kept = self.kept.lock();
        let place = kept.iter().position(|operation| operation.id() == id);
        let operation = place.map(|place| kept.remove(place));
        drop(kept);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

/// A handler whose operations a keeper gets.
fn keeping(path: &str) -> (Handler, Arc<Keeper>) {
    let keeper = Arc::new(Keeper::default());
    let keeps = Arc::clone(&keeper);
    let handler = Handler::with_aio(path, move |aio| {
        let mut operation = aio.unpark().expect("it has begun");
        let mut kept = keeps.kept.lock();
        match operation.arm(&keeps) {
            Ok(()) => kept.push(operation),
            Err(error) => {
                keeps.asked.lock().push(error);
                operation.finish(Err(error));
            }
        }
    });
    (handler, keeper)
}

#[test]
fn an_operation_can_be_finished_later() {
    let server = running(ServerConfig::default());
    let (handler, keeper) = keeping("/kept");
    serve(&server, [handler, fixed("/next", "next")]);
    let mut client = Client::new(&server);
    for _ in 0..3 {
        client.ask("GET", "/kept", "");
        until(|| !keeper.kept.lock().is_empty());
        let mut operation = keeper.kept.lock().pop().unwrap();
        let request: Arc<Shared<Request>> = operation.input(0).unwrap();
        assert_eq!(request.lock().uri(), "/kept");
        operation.set_output(0, Box::new(Shared::new(with_body("late")))).unwrap();
        thread::spawn(move || operation.finish(Ok(()))).join().unwrap();
        assert_eq!(client.answer().text(), "late");
        assert_kept(&mut client);
    }
    assert!(keeper.asked.lock().is_empty());
}

#[test]
fn the_end_of_a_connection_cancels_the_operation_of_its_handler() {
    let server = running(ServerConfig::default());
    let (handler, keeper) = keeping("/kept");
    serve(&server, [handler]);
    let mut client = Client::new(&server);
    client.ask("GET", "/kept", "");
    until(|| !keeper.kept.lock().is_empty());
    let conn: Arc<Conn> = keeper.kept.lock()[0].input(2).unwrap();
    conn.close();
    client.expect_closed();
    until(|| server.stats().open == 0);
    assert_eq!(*keeper.asked.lock(), [Error::Closed]);
}

#[test]
fn a_stop_cancels_the_operations_of_handlers() {
    let server = running(ServerConfig::default());
    let (handler, keeper) = keeping("/kept");
    serve(&server, [handler]);
    let mut clients: Vec<_> = (0..10).map(|_| Client::new(&server)).collect();
    for client in &mut clients {
        client.ask("GET", "/kept", "");
    }
    until(|| keeper.kept.lock().len() == clients.len());
    server.stop();
    for client in &mut clients {
        client.expect_closed();
    }
    until(|| server.stats().open == 0);
    assert_eq!(*keeper.asked.lock(), [Error::Closed; 10]);
}

#[test]
fn the_next_request_waits_until_what_a_handler_wrote_is_out() {
    let bed = Bed::new();
    let (mut client, exchange) = bed.begin(&format!("{GET}{GET}"));
    let mut response = Response::new();
    response.set_body(pattern(BIG));
    let op = write(&exchange.conn(), &response);
    op.assert_pending();
    exchange.finish();
    op.assert_pending();
    assert!(bed.exchanges.try_recv().is_err(), "nothing is read meanwhile");
    assert_eq!(client.answer().body.len(), BIG);
    assert_eq!(op.result(), 0);
    assert_eq!(write(&bed.exchange().conn(), &with_body("next")).result(), 0);
    assert_eq!(client.answer().text(), "next");
}
