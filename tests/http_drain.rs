//! The gentle end of a server.

mod support;

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nng_aio::codes::*;
use nng_aio::net::Socket;
use nng_oxide::http::{Exchange, Response, Server, ServerConfig};
use support::client::Client;
use support::server::{fixed, handler, running, serve, try_connect, until};
use support::{Driver, LIMIT, Op, tcp_pair, with_body};

/// A server whose handler of `/slow` gives its exchanges to the test.
fn server() -> (Server, Receiver<Exchange>) {
    let mut config = ServerConfig::default();
    config.linger_timeout = Some(LIMIT);
    let server = running(config);
    let (give, take) = mpsc::channel();
    let slow = handler("", "/slow", move |exchange| give.send(exchange).expect("it is wanted"));
    serve(&server, [slow, fixed("/", "page")]);
    (server, take)
}

fn taken(take: &Receiver<Exchange>) -> Exchange {
    take.recv_timeout(LIMIT).expect("the handler is called")
}

/// Starts to drain with this timeout.
fn drain(server: &Server, timeout: impl Into<nng_aio::Timeout>) -> Op {
    let op = Op::new(&Driver::global(), |_| ()).timeout(timeout);
    server.drain(&op.aio);
    op
}

#[test]
fn a_server_without_connections_ends_at_once() {
    let (server, _take) = server();
    assert_eq!(drain(&server, LIMIT).result(), 0);
    assert!(try_connect(&server).is_err());
    assert_eq!(server.start(), Err(nng_aio::Error::State));
    assert_eq!(drain(&server, LIMIT).result(), 0, "and again");
}

#[test]
fn one_that_was_never_started_stays_as_it_is() {
    let url = "http://127.0.0.1:0".parse().expect("it is a URL");
    let server = Server::with_config(&url, ServerConfig::default()).expect("the address is known");
    assert_eq!(drain(&server, LIMIT).result(), 0);
    server.start().expect("a port is free");
    assert_eq!(drain(&server, LIMIT).result(), 0);
}

#[test]
fn idle_connections_close_and_what_is_under_way_is_answered_as_the_last() {
    let (server, take) = server();
    let mut idle = Client::new(&server);
    assert_eq!(idle.get("/").text(), "page");
    let mut fresh = Client::new(&server);
    let mut busy = Client::new(&server);
    // A second request waits behind the first.
    busy.ask("GET", "/slow", "");
    busy.ask("GET", "/", "");
    let exchange = taken(&take);
    let mut half = Client::new(&server);
    // The beginning of the second request comes with the first.
    half.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHos");
    assert_eq!(half.answer().text(), "page");
    until(|| server.stats().accepted == 4);

    let op = drain(&server, LIMIT);
    idle.expect_closed();
    fresh.expect_closed();
    op.assert_pending();
    exchange.respond(with_body("late"));
    let answer = busy.answer();
    assert_eq!((answer.text(), answer.closes()), ("late", true));
    busy.expect_end();
    drop(busy);
    op.assert_pending();
    half.send("t: h\r\n\r\n");
    let answer = half.answer();
    assert_eq!((answer.text(), answer.closes()), ("page", true));
    half.expect_end();
    drop(half);
    assert_eq!(op.result(), 0);
    assert_eq!(server.stats().open, 0);
}

#[test]
fn a_handler_that_writes_itself_says_that_it_is_the_last() {
    let (server, take) = server();
    let mut client = Client::new(&server);
    client.ask("GET", "/slow", "");
    let exchange = taken(&take);
    let op = drain(&server, LIMIT);
    let write = Op::new(&Driver::global(), |_| ());
    exchange.conn().write_res(&with_body("own"), &write.aio);
    assert_eq!(write.result(), 0);
    exchange.finish();
    assert_eq!(client.answer().text(), "own");
    client.expect_end();
    drop(client);
    assert_eq!(op.result(), 0);
}

#[test]
fn a_response_that_is_still_being_taken_goes_out_whole() {
    const LEN: usize = 64 << 20;
    let (server, take) = server();
    let mut client = Client::new(&server);
    client.ask("GET", "/slow", "");
    let mut response = Response::new();
    response.set_body(vec![7; LEN]);
    taken(&take).respond(response);
    let op = drain(&server, LIMIT);
    op.assert_pending();
    assert_eq!(client.answer().body.len(), LEN);
    drop(client);
    assert_eq!(op.result(), 0);
}

#[test]
fn when_time_is_up_the_rest_is_closed() {
    for (timeout, expected) in [
        (Duration::from_millis(1), NNG_ETIMEDOUT),
        (Duration::ZERO, NNG_ETIMEDOUT),
        (LIMIT, NNG_ECANCELED),
    ] {
        let (server, take) = server();
        let mut client = Client::new(&server);
        client.ask("GET", "/slow", "");
        let exchange = taken(&take);
        let op = drain(&server, timeout);
        if expected == NNG_ECANCELED {
            op.assert_pending();
            op.aio.cancel();
        }
        assert_eq!(op.result(), expected);
        client.expect_closed();
        exchange.respond(with_body("into the void"));
        until(|| server.stats().open == 0);
    }
}

#[test]
fn several_may_wait_for_it() {
    let (server, take) = server();
    let mut client = Client::new(&server);
    client.ask("GET", "/slow", "");
    let exchange = taken(&take);
    let ops = [drain(&server, LIMIT), drain(&server, LIMIT)];
    let gives_up = drain(&server, Duration::from_secs(3600));
    gives_up.assert_pending();
    drop(exchange);
    assert_eq!(client.answer().status, 500);
    drop(client);
    for op in ops.iter().chain([&gives_up]) {
        assert_eq!(op.result(), 0);
    }
}

#[test]
fn a_handler_may_drain_its_server() {
    let (server, take) = server();
    let again = server.clone();
    let (tell, hear) = mpsc::channel();
    let stop = handler("", "/stop", move |exchange| {
        let tell = tell.clone();
        let aio = exchange.conn().runtime().aio(move |aio| {
            tell.send(aio.result()).expect("it is wanted");
        });
        again.drain(&aio);
        aio.detach();
        exchange.respond(with_body("stopping"));
    });
    server.add_handler(&stop).expect("it is free");
    let mut client = Client::new(&server);
    let answer = client.get("/stop");
    assert_eq!((answer.text(), answer.closes()), ("stopping", true));
    drop(client);
    assert_eq!(hear.recv_timeout(LIMIT), Ok(0));
    // It holds the server, which holds it.
    server.del_handler(&stop).expect("the server has it");
    drop(take);
}

#[test]
fn connections_that_were_made_elsewhere_count_as_well() {
    let url = "http://127.0.0.1:0".parse().expect("it is a URL");
    let server = Server::with_config(&url, ServerConfig::default()).expect("the address is known");
    let (give, take) = mpsc::channel::<Exchange>();
    serve(&server, [handler("", "/slow", move |exchange| give.send(exchange).expect("wanted"))]);
    let (ours, theirs) = tcp_pair();
    server.admit(Socket::from_fd(ours.into())).expect("it goes on");
    let mut client = Client::of(theirs);
    client.ask("GET", "/slow", "");
    let exchange = taken(&take);
    let op = drain(&server, LIMIT);
    op.assert_pending();
    exchange.respond(with_body("late"));
    assert!(client.answer().closes());
    drop(client);
    assert_eq!(op.result(), 0);
}
