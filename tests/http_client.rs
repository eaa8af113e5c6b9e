//! The client for one URL: connecting, and asking once on a connection of its own.
//!
//! Source: nng 1.12, nng_http_client_connect(3http) and nng_http_client_transact(3http).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::mpsc;
use std::time::Duration;

use nng_aio::codes::*;
use nng_aio::net::{Addr, Resolver};
use nng_aio::{Error, Runtime};
use nng_oxide::Url;
use nng_oxide::http::{Client, Conn, Handler, Request, Response, ServerConfig, Shared};
use support::host::{Host, Peer};
use support::server::{handler, respond, running, serve};
use support::{BIG, Driver, Op};

fn op() -> Op {
    Op::new(&Driver::global(), |_| ())
}

fn response() -> Shared<Response> {
    Shared::new(Response::new())
}

fn client(host: &Host) -> Client {
    Client::new(&host.url("")).unwrap()
}

fn connect(client: &Client) -> Op {
    let op = op();
    client.connect(&op.aio);
    op
}

/// Starts a transaction with a request for `/x`.
fn transact(client: &Client, response: &Shared<Response>) -> Op {
    let op = op();
    client.transact(&support::get("/x"), response, &op.aio);
    op
}

/// How a request for `/x` goes over the wire.
const REQUEST: &str = "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// A resolver that answers with the address of a host, once for each message.
fn slow_resolver(host: &Host) -> (Resolver, mpsc::Sender<()>) {
    let addr: std::net::SocketAddr = host.name().parse().unwrap();
    let (tell, hear) = mpsc::channel();
    let hear = nng_aio::sync::Mutex::new(hear);
    let resolver = Resolver::with_lookup(move |_| {
        // When nobody will answer any more, everybody may go on.
        let _ = hear.lock().recv();
        Ok(vec![addr.into()])
    });
    (resolver, tell)
}

/// A client whose connects wait until something is sent to the channel.
fn slow_client(host: &Host) -> (Client, mpsc::Sender<()>) {
    let (resolver, tell) = slow_resolver(host);
    let client = Client::new(&"http://name.test".parse().unwrap()).unwrap();
    (client.with_resolver(&resolver), tell)
}

fn status(response: &Shared<Response>) -> u16 {
    response.lock().status()
}

fn text(response: &Shared<Response>) -> String {
    String::from_utf8(response.lock().body().to_vec()).unwrap()
}

// --- Making one ---------------------------------------------------------------------------------

#[test]
fn schemes_and_hosts_are_judged_when_it_is_made() {
    let error = |text: &str| Client::new(&text.parse().unwrap()).err();
    for scheme in ["http", "http4", "http6", "ws", "ws4", "ws6", "HTTP"] {
        assert_eq!(error(&format!("{scheme}://no-such-host.test:1/x")), None);
    }
    for scheme in ["https", "https4", "https6", "wss", "wss4", "wss6"] {
        assert_eq!(error(&format!("{scheme}://h")), None);
    }
    for text in ["tcp://h:80", "ipc:///x", "inproc://x", "http46://h", "http://", "http://*:80"] {
        assert_eq!(error(text), Some(Error::AddressInvalid), "{text}");
    }
}

// --- Connecting ---------------------------------------------------------------------------------

#[test]
fn a_connection_is_made_and_belongs_to_the_caller() {
    let host = Host::new();
    let client = client(&host);
    let op = connect(&client);
    assert_eq!(op.end(), (0, 0));
    let conn: Conn = op.aio.take_output(0).unwrap();
    let mut peer = host.accept();
    drop(client);
    for number in 0..3 {
        let response = response();
        let op = self::op();
        conn.transact(&support::get("/x"), &response, &op.aio);
        let head = peer.answer(200, "Connection: close\r\n", &number.to_string());
        assert_eq!(head, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!((op.result(), text(&response)), (0, number.to_string()));
    }
    drop(conn);
    peer.expect_end();
}

#[test]
fn where_nobody_listens_connections_are_refused() {
    let name = Host::new().name();
    let client = Client::new(&format!("http://{name}").parse().unwrap()).unwrap();
    assert_eq!(connect(&client).result(), NNG_ECONNREFUSED);
    let response = response();
    response.lock().set_body("old");
    assert_eq!(transact(&client, &response).end(), (NNG_ECONNREFUSED, 0));
    assert_eq!(text(&response), "");
}

#[test]
fn hosts_that_are_unknown_are_invalid() {
    let client = Client::new(&"http://name.test".parse().unwrap()).unwrap();
    let client = client.with_resolver(&Resolver::with_lookup(|_| Err(Error::AddressInvalid)));
    assert_eq!(connect(&client).result(), NNG_EADDRINVAL);
    assert_eq!(transact(&client, &response()).result(), NNG_EADDRINVAL);
    let client = Client::new(&"http://127.0.0.1:65536".parse().unwrap()).unwrap();
    assert_eq!(connect(&client).result(), NNG_EADDRINVAL);
}

#[test]
fn the_next_address_is_tried_if_one_refuses() {
    let (closed, host) = (Host::new().name(), Host::new());
    let addrs =
        [closed, host.name()].map(|name| Addr::from(name.parse::<std::net::SocketAddr>().unwrap()));
    let resolver = Resolver::with_lookup(move |_| Ok(addrs.to_vec()));
    let client =
        Client::new(&"http://name.test".parse().unwrap()).unwrap().with_resolver(&resolver);
    let response = response();
    let op = transact(&client, &response);
    host.accept().answer(200, "", "second");
    assert_eq!((op.result(), text(&response)), (0, "second".to_owned()));
}

#[test]
fn cancelling_one_connect_touches_no_other() {
    let host = Host::new();
    let (client, go) = slow_client(&host);
    let ops: Vec<_> = (0..4).map(|_| connect(&client)).collect();
    let limited = op().timeout(Duration::from_millis(1));
    client.connect(&limited.aio);
    ops[0].aio.cancel();
    ops[2].aio.abort(Error::Permission);
    assert_eq!(ops[0].result(), NNG_ECANCELED);
    assert_eq!(ops[2].result(), NNG_EPERM);
    assert_eq!(limited.result(), NNG_ETIMEDOUT);
    ops[1].assert_pending();
    drop(go);
    assert_eq!((ops[1].result(), ops[3].result()), (0, 0));
    for op in [&ops[1], &ops[3]] {
        assert!(op.aio.take_output::<Conn>(0).is_some());
    }
}

#[test]
fn dropping_the_client_ends_every_connect() {
    let host = Host::new();
    let (client, go) = slow_client(&host);
    let ops: Vec<_> = (0..10).map(|_| connect(&client)).collect();
    let response = response();
    let transaction = transact(&client, &response);
    drop(client);
    for op in &ops {
        assert_eq!(op.end(), (NNG_ECLOSED, 0));
    }
    assert_eq!(transaction.end(), (NNG_ECLOSED, 0));
    drop(go);
}

#[test]
fn a_callback_may_drop_the_client_and_start_the_next() {
    let host = Host::new();
    let (tell, hear) = mpsc::channel();
    let url = host.url("");
    let place = nng_aio::sync::Mutex::new(Some(Client::new(&url).unwrap()));
    let aio = nng_aio::Aio::new(move |aio| {
        let _ = tell.send(aio.result());
        drop(place.lock().take());
        let next = Client::new(&url).unwrap();
        next.connect(aio);
    });
    let client = client(&host);
    client.connect(&aio);
    // Whether the next one comes through before its client goes is a matter of luck.
    for _ in 0..20 {
        let result = hear.recv_timeout(support::LIMIT).unwrap();
        assert!([0, NNG_ECLOSED].contains(&result));
    }
    aio.stop();
}

// --- A transaction ------------------------------------------------------------------------------

#[test]
fn it_says_that_it_closes_and_does() {
    let host = Host::new();
    let response = response();
    let client = client(&host);
    let op = transact(&client, &response);
    let mut peer = host.accept();
    assert_eq!(peer.answer(203, "X: 1\r\n", "hello"), REQUEST);
    assert_eq!(op.end(), (0, 0));
    assert_eq!((status(&response), text(&response)), (203, "hello".to_owned()));
    assert_eq!(response.lock().headers().get("x").as_deref(), Some("1"));
    peer.expect_end();
}

#[test]
fn the_request_stays_as_it_is_and_is_the_callers_at_once() {
    let host = Host::new();
    let mut request = support::get("/x");
    request.headers_mut().set("connection", "keep-alive").unwrap();
    request.set_body(vec![b'x'; BIG]);
    let (response, op) = (response(), op());
    let client = client(&host);
    client.transact(&request, &response, &op.aio);
    assert_eq!(request.headers().get("Connection").as_deref(), Some("keep-alive"));
    request.set_body("changed");
    request.set_uri("/changed").unwrap();
    drop(request);
    let mut peer = host.accept();
    let head = peer.head();
    assert!(
        head.starts_with("GET /x HTTP/1.1\r\n") && head.contains("connection: close\r\n"),
        "{head}"
    );
    assert!(peer.receive(BIG).iter().all(|byte| *byte == b'x'));
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!((op.result(), text(&response)), (0, "ok".to_owned()));
}

#[test]
fn the_response_is_empty_meanwhile_and_after_an_error() {
    let host = Host::new();
    let response = response();
    response.lock().set_status(404);
    response.lock().set_body("old");
    let client = client(&host);
    let op = transact(&client, &response);
    assert_eq!((status(&response), text(&response)), (200, String::new()));
    let mut peer = host.accept();
    peer.head();
    peer.send("HTTP/1.1 500 x\r\nContent-Length: 5\r\n\r\nhel");
    peer.end_sending();
    assert_eq!(op.end(), (NNG_ECONNSHUT, 0));
    assert_eq!((status(&response), text(&response)), (200, String::new()));
}

#[test]
fn bodies_without_length_last_until_the_end() {
    let host = Host::new();
    let response = response();
    let client = client(&host);
    let op = transact(&client, &response);
    let mut peer = host.accept();
    peer.head();
    peer.send("HTTP/1.0 200 OK\r\n\r\nall of it");
    op.assert_pending();
    peer.end_sending();
    assert_eq!((op.result(), text(&response)), (0, "all of it".to_owned()));
    peer.expect_end();
}

#[test]
fn a_request_without_uri_is_refused_before_anything_happens() {
    let host = Host::new();
    let (response, op) = (response(), op());
    response.lock().set_body("old");
    let client = client(&host);
    client.transact(&Request::new(), &response, &op.aio);
    assert_eq!((op.end(), text(&response)), ((NNG_EINVAL, 0), "old".to_owned()));
    assert!(host.try_accept().is_none());
}

#[test]
fn a_limit_of_zero_gives_timed_out_without_effect() {
    let host = Host::new();
    let (response, op) = (response(), op().timeout(Duration::ZERO));
    response.lock().set_body("old");
    let client = client(&host);
    client.transact(&support::get("/x"), &response, &op.aio);
    assert_eq!((op.end(), text(&response)), ((NNG_ETIMEDOUT, 0), "old".to_owned()));
    assert!(host.try_accept().is_none());
}

#[test]
fn bodies_are_limited_if_the_program_says_so() {
    let host = Host::new();
    let client = client(&host).with_max_response(5);
    for (answer, result) in [
        ("Content-Length: 5\r\n\r\nhello", 0),
        ("Content-Length: 6\r\n\r\n", NNG_EMSGSIZE),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo!\r\n", NNG_EMSGSIZE),
        ("\r\nhello!", NNG_EMSGSIZE),
    ] {
        let response = response();
        let op = transact(&client, &response);
        let mut peer = host.accept();
        peer.head();
        peer.send(format!("HTTP/1.1 200 OK\r\n{answer}"));
        assert_eq!(op.end(), (result, 0), "{answer:?}");
        assert_eq!(text(&response), if result == 0 { "hello" } else { "" });
        peer.expect_end();
    }
}

#[test]
fn limits_of_heads_can_be_set() {
    let host = Host::new();
    let mut limits = nng_oxide::http::Limits::default();
    limits.fields = 2;
    let client = client(&host).with_limits(limits);
    let op = transact(&client, &response());
    host.accept().answer(200, "A: 1\r\nB: 2\r\n", "");
    assert_eq!(op.result(), NNG_EMSGSIZE);
}

#[test]
fn what_the_client_began_outlives_it() {
    let host = Host::new();
    let client = client(&host);
    let response = response();
    let op = transact(&client, &response);
    let mut peer = host.accept();
    let head = peer.head();
    drop(client);
    assert_eq!(head, REQUEST);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!((op.result(), text(&response)), (0, "ok".to_owned()));
}

// --- Ended early --------------------------------------------------------------------------------

/// Ends a transaction at each stage.
fn ended_at_each_stage(end: impl Fn(Op)) {
    let host = Host::new();
    let client = client(&host);
    let (slow, go) = slow_client(&host);
    end(transact(&slow, &response()));
    drop(go);

    for begun in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 100 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let response = response();
        let op = transact(&client, &response);
        let mut peer = host.accept();
        assert_eq!(peer.head(), REQUEST, "{begun:?}");
        peer.send(begun);
        op.assert_pending();
        end(op);
        assert_eq!(text(&response), "", "{begun:?}");
        peer.expect_end();
    }

    let mut large = support::get("/x");
    large.set_body(vec![b'x'; 4 * BIG]);
    let op = op();
    client.transact(&large, &response(), &op.aio);
    let mut peer = host.accept();
    peer.head();
    op.assert_pending();
    end(op);
    peer.wait_for_end();
}

#[test]
fn cancelling_ends_it_at_each_stage() {
    ended_at_each_stage(|op| {
        op.aio.cancel();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
    });
}

#[test]
fn stopping_its_aio_ends_it_at_each_stage() {
    ended_at_each_stage(|op| {
        op.aio.stop();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
    });
}

#[test]
fn dropping_its_aio_ends_it_at_each_stage() {
    ended_at_each_stage(drop);
}

#[test]
fn one_limit_is_for_all_of_it() {
    let host = Host::new();
    let (slow, go) = slow_client(&host);
    let limited = |client: &Client| {
        let op = op().timeout(Duration::from_millis(20));
        client.transact(&support::get("/x"), &response(), &op.aio);
        op
    };
    assert_eq!(limited(&slow).end(), (NNG_ETIMEDOUT, 0));
    drop(go);
    // A server that says a little again and again extends nothing.
    let client = client(&host);
    let op = limited(&client);
    let mut peer = host.accept();
    peer.head();
    peer.try_send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", 1);
    peer.try_send("x", usize::MAX);
    assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
}

#[test]
fn the_end_of_the_runtime_ends_it_at_each_stage() {
    let host = Host::new();
    for stage in 0..3 {
        let runtime = Runtime::builder().build().unwrap();
        let (resolver, go) = slow_resolver(&host);
        let slow = Client::new(&"http://name.test".parse().unwrap()).unwrap();
        let slow = slow.with_resolver(&resolver).on(&runtime);
        let client = client(&host).on(&runtime);
        let (response, op) = (response(), op());
        let mut peer = None;
        match stage {
            0 => slow.transact(&support::get("/x"), &response, &op.aio),
            1 => {
                client.transact(&support::get("/x"), &response, &op.aio);
                peer.insert(host.accept()).head();
            }
            _ => {
                runtime.shutdown();
                client.transact(&support::get("/x"), &response, &op.aio);
            }
        }
        drop(go);
        runtime.shutdown();
        let (result, _) = op.end();
        if stage == 0 {
            // The lookup may have come first, and then what is behind it has no runtime.
            assert_ne!(result, 0);
            while host.try_accept().is_some() {}
        } else {
            assert_eq!(result, NNG_ECLOSED, "{stage}");
        }
    }
}

// --- Servers that are not as they should be -----------------------------------------------------

/// What comes of a server that does this once it has the request.
fn against(act: impl FnOnce(Peer) -> Option<Peer>) -> i32 {
    let host = Host::new();
    let response = response();
    let client = client(&host);
    let op = transact(&client, &response);
    let mut peer = host.accept();
    peer.head();
    let peer = act(peer);
    let result = op.result();
    assert_eq!((op.aio.count(), text(&response)), (0, String::new()));
    if let Some(peer) = peer {
        peer.wait_for_end();
    }
    result
}

#[test]
fn servers_that_go_early() {
    assert_eq!(against(|_| None), NNG_ECONNSHUT);
    for begun in [
        "H",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let result = against(|mut peer| {
            peer.send(begun);
            peer.end_sending();
            Some(peer)
        });
        assert_eq!(result, NNG_ECONNSHUT, "{begun:?}");
    }
}

#[test]
fn servers_that_reset() {
    let host = Host::new();
    for begun in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"] {
        let mut request = support::get("/x");
        request.set_body("more than it reads");
        let op = op();
        let client = client(&host);
        client.transact(&request, &response(), &op.aio);
        let mut peer = host.accept();
        peer.head();
        peer.send(begun);
        peer.reset();
        assert_eq!(op.result(), NNG_ECONNRESET, "{begun:?}");
    }
}

#[test]
fn servers_that_never_end_their_heads() {
    for (first, piece) in [
        ("", "x"),
        ("HTTP/1.1 200 ", "OK "),
        ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
        ("HTTP/1.1 200 OK\r\nX: ", "y"),
    ] {
        let result = against(|mut peer| {
            peer.send(first);
            peer.try_send(piece.repeat(64), usize::MAX);
            Some(peer)
        });
        assert!([NNG_EMSGSIZE, NNG_EPROTO].contains(&result), "{first:?}: {result}");
    }
}

#[test]
fn servers_that_never_end_their_chunk_lines() {
    for (first, piece, result) in [
        ("", "0", NNG_EMSGSIZE),
        ("1;a=", "b", NNG_EMSGSIZE),
        ("0\r\n", "X: y\r\n", NNG_EMSGSIZE),
        ("0\r\nX: ", "y", NNG_EMSGSIZE),
    ] {
        let found = against(|mut peer| {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            peer.send(first);
            peer.try_send(piece.repeat(64), usize::MAX);
            Some(peer)
        });
        assert_eq!(found, result, "{first:?}");
    }
}

#[test]
fn servers_that_send_something_else() {
    for text in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "\0\0\x12\x04\0\0\0\0\0\0\0\r\n\r\n",
        "\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    ] {
        let result = against(|mut peer| {
            peer.send(text);
            Some(peer)
        });
        assert_eq!(result, NNG_EPROTO, "{text:?}");
    }
}

#[test]
fn servers_that_send_before_they_are_asked() {
    let host = Host::new();
    let client = client(&host);
    // The answer may be there before the connection is used, or come behind the request.
    let op = connect(&client);
    assert_eq!(op.result(), 0);
    let conn: Conn = op.aio.take_output(0).unwrap();
    let mut peer = host.accept();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer.end_sending();
    let op = self::op();
    conn.transact(&support::get("/x"), &response(), &op.aio);
    assert_eq!(op.result(), NNG_EPROTO);
    peer.expect_end();
}

// --- Many ---------------------------------------------------------------------------------------

#[test]
fn thousands_at_a_time_end_and_leave_nothing() {
    let server = running(ServerConfig::default());
    let echo: Handler = handler("POST", "/echo", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    });
    serve(&server, [echo]);
    let url: Url = format!("http://{}/echo", server.addr()).parse().unwrap();
    let driver = Driver::threads();
    let client = Client::new(&url).unwrap().on(&driver.runtime);
    for round in 0..20 {
        let ops: Vec<_> = (0..100)
            .map(|number| {
                let mut request = Request::for_url(&url).unwrap();
                request.set_method("POST").unwrap();
                request.set_body(format!("{round} {number}"));
                let (op, response) = (Op::new(&driver, |_| ()), response());
                client.transact(&request, &response, &op.aio);
                // One in ten is not waited for.
                if number % 10 == 3 {
                    op.aio.cancel();
                }
                (op, response)
            })
            .collect();
        for (number, (op, response)) in ops.into_iter().enumerate() {
            match op.end() {
                (0, 0) => assert_eq!(text(&response), format!("{round} {number}")),
                (NNG_ECANCELED, 0) => assert_eq!(number % 10, 3),
                other => panic!("{other:?}"),
            }
        }
    }
    driver.until(|| driver.runtime.stats().sources == 0);
    drop(client);
}

#[test]
fn host_driven_runtimes_do_as_well() {
    let host = Host::new();
    let driver = Driver::host();
    let client = client(&host).on(&driver.runtime);
    let (response, op) = (response(), Op::new(&driver, |_| ()));
    client.transact(&support::get("/x"), &response, &op.aio);
    driver.settle();
    let mut peer = host.accept();
    // The connection is made; the request goes out in a turn.
    driver.until(|| !op.aio.is_busy() || driver.runtime.next_timeout() != Some(Duration::ZERO));
    peer.answer(200, "", "turned");
    assert_eq!((op.result(), text(&response)), (0, "turned".to_owned()));
}

#[test]
fn an_address_of_this_machine_in_ipv4_is_found_by_name() {
    let host = Host::new();
    let port = host.name().rsplit_once(':').unwrap().1.to_owned();
    let url: Url = format!("http4://localhost:{port}/").parse().unwrap();
    let response = response();
    let client = Client::new(&url).unwrap();
    let op = transact(&client, &response);
    host.accept().answer(200, "", "found");
    assert_eq!((op.result(), text(&response)), (0, "found".to_owned()));
}
