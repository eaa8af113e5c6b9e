//! Connections that handlers take over.
//!
//! Source: nng 1.12, nng_http_hijack(3http).

mod support;

use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nng_aio::{Aio, Error};
use nng_oxide::c_names::nng_http_hijack;
use nng_oxide::http::{Conn, Handler, Request, Response, Server, ServerConfig, Shared};
use support::client::Client;
use support::server::{fixed, handler, running, serve, until};
use support::{Driver, LIMIT, Op, tcp_pair};

/// What a handler has taken.
type Taken = (Conn, Shared<Request>);

const UPGRADE: &str = "GET /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

/// A server whose handler of `/up` takes the connection over and hands it to the test.
fn upgrading(config: ServerConfig) -> (Server, Receiver<Taken>) {
    let server = running(config);
    let (give, take) = mpsc::channel();
    let up = handler("", "/up", move |exchange| {
        let taken = exchange.hijack().expect("the connection is open");
        give.send(taken).expect("the test wants it");
    });
    serve(&server, [up, fixed("/", "page")]);
    (server, take)
}

fn taken(take: &Receiver<Taken>) -> Taken {
    take.recv_timeout(LIMIT).expect("the handler is called")
}

fn start(begin: impl FnOnce(&Aio)) -> Op {
    let op = Op::new(&Driver::global(), |_| ());
    begin(&op.aio);
    op
}

fn write_all(conn: &Conn, bytes: &[u8]) -> Op {
    start(|aio| {
        aio.set_buffer(bytes.to_vec()).expect("it is idle");
        conn.write_all(aio);
    })
}

fn read_all(conn: &Conn, len: usize) -> Op {
    start(|aio| {
        aio.set_buffer(vec![0; len]).expect("it is idle");
        conn.read_all(aio);
    })
}

fn switching() -> Response {
    let mut response = Response::new();
    response.set_status(101);
    response
}

#[test]
fn what_was_received_stays_and_another_protocol_is_spoken() {
    let (server, take) = upgrading(ServerConfig::default());
    let mut client = Client::new(&server);
    client.send(format!("{UPGRADE}first"));
    let (conn, request) = taken(&take);
    assert_eq!(request.lock().uri(), "/up");
    let response = switching();
    assert_eq!(start(|aio| conn.write_res(&response, aio)).result(), 0);
    assert_eq!(client.answer().status, 101);
    let read = read_all(&conn, 5);
    assert_eq!((read.result(), read.text()), (0, "first".to_owned()));
    let read = read_all(&conn, 5);
    client.send("again");
    assert_eq!((read.result(), read.text()), (0, "again".to_owned()));
    assert_eq!(write_all(&conn, b"answer").result(), 0);
    assert_eq!(client.receive_bytes(6), b"answer");
    drop(conn);
    client.expect_end();
}

#[test]
fn the_server_has_nothing_to_do_with_it_any_more() {
    let mut config = ServerConfig::default();
    config.max_connections = Some(1);
    // For a connection that is somebody else's it is not.
    config.write_timeout = Some(Duration::from_millis(1));
    let (server, take) = upgrading(config);
    let mut client = Client::new(&server);
    client.send(UPGRADE);
    let (conn, _request) = taken(&take);
    until(|| server.stats().open == 0);
    let mut other = Client::new(&server);
    assert_eq!(other.get("/").text(), "page", "its place is free");
    // More than the system takes while nobody reads.
    const LEN: usize = 64 << 20;
    let write = write_all(&conn, &vec![7; LEN]);
    let mut first = [0; 4096];
    client.stream().read_exact(&mut first).expect("it is sent");
    write.assert_pending();
    server.stop();
    other.expect_closed();
    drop(server);
    client.receive_bytes(LEN - first.len());
    assert_eq!(write.end(), (0, LEN));
}

#[test]
fn a_request_that_demands_the_end_demands_nothing_of_a_hijacker() {
    let (server, take) = upgrading(ServerConfig::default());
    let mut client = Client::new(&server);
    client.send("GET /up HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let (conn, _request) = taken(&take);
    let mut response = Response::new();
    response.set_body("once");
    for _ in 0..2 {
        assert_eq!(start(|aio| conn.write_res(&response, aio)).result(), 0);
        let answer = client.answer();
        assert_eq!((answer.text(), answer.field("connection")), ("once", None));
    }
    conn.close();
    client.expect_end();
}

#[test]
fn a_ported_handler_takes_the_connection_by_its_handle() {
    let server = running(ServerConfig::default());
    let (give, take) = mpsc::channel();
    let up = Handler::with_aio("/up", move |aio| {
        let conn = aio.input::<Conn>(2).expect("it is there");
        let mut conn = Conn::clone(&conn);
        assert_eq!(nng_http_hijack(&mut conn), 0);
        assert_eq!(nng_http_hijack(&mut conn), 0, "a second time nothing happens");
        let operation = aio.unpark().expect("it has begun");
        give.send(conn).expect("the test wants it");
        // What would be a response is ignored by now.
        operation.finish(Err(Error::Internal));
    });
    serve(&server, [up]);
    let mut client = Client::new(&server);
    client.send(UPGRADE);
    let conn = take.recv_timeout(LIMIT).expect("the handler is called");
    assert_eq!(write_all(&conn, b"raw").result(), 0);
    assert_eq!(client.receive_bytes(3), b"raw");
    drop(conn);
    client.expect_end();
}

#[test]
fn what_is_no_servers_or_is_answered_cannot_be_taken() {
    let (ours, _theirs) = tcp_pair();
    let socket = nng_aio::net::Socket::from_fd(ours.into());
    let mut conn = Conn::new(&nng_aio::Runtime::global(), socket).expect("the runtime goes on");
    assert!(!conn.hijack());
    assert!(!conn.is_closed());

    let server = running(ServerConfig::default());
    let (give, take) = mpsc::channel();
    let page = handler("", "/", move |exchange| {
        give.send(exchange.conn()).expect("the test wants it");
        exchange.respond(Response::new());
    });
    serve(&server, [page]);
    let mut client = Client::new(&server);
    assert_eq!(client.get("/").status, 200);
    let mut conn = take.recv_timeout(LIMIT).expect("the handler is called");
    assert!(!conn.hijack());
    assert_eq!(client.get("/").status, 200, "it is still the server's");
}

#[test]
fn a_connection_that_has_gone_cannot_be_taken() {
    let server = running(ServerConfig::default());
    let (give, take) = mpsc::channel();
    let up = handler("", "/up", move |exchange| give.send(exchange).expect("the test wants it"));
    serve(&server, [up]);
    let mut client = Client::new(&server);
    client.send(UPGRADE);
    let exchange = take.recv_timeout(LIMIT).expect("the handler is called");
    server.stop();
    client.expect_closed();
    until(|| server.stats().open == 0);
    assert_eq!(exchange.hijack().err(), Some(Error::Closed));
}
