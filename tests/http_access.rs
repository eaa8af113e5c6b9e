//! The record of each exchange.

mod support;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nng_oxide::http::{Access, Server, ServerConfig};
use support::client::Client;
use support::server::{fixed, handler, respond, running, serve};
use support::{Driver, LIMIT, Op, with_body};

/// A server, and what its log hears.
fn logging() -> (Server, Receiver<Access>) {
    let server = running(ServerConfig::default());
    let (tell, hear) = mpsc::channel();
    server.set_access_log(Some(Arc::new(move |access: &Access| {
        // The test may be over.
        let _ = tell.send(access.clone());
    })));
    (server, hear)
}

fn heard(hear: &Receiver<Access>) -> Access {
    hear.recv_timeout(LIMIT).expect("each exchange is recorded")
}

/// What matters of a record to most tests.
fn facts(access: &Access) -> (&str, &str, u16, bool) {
    (&access.method, &access.target, access.status, access.is_complete)
}

#[test]
fn each_exchange_is_recorded_in_order() {
    let (server, hear) = logging();
    let echo = handler("", "/echo", |exchange| {
        let body = exchange.request().take_body();
        respond(exchange, body);
    });
    echo.set_method("POST").expect("it is free");
    serve(&server, [echo, fixed("/", "page")]);
    let mut client = Client::new(&server);
    let local = client.stream().local_addr().expect("it is connected");

    let text = client.get("/?q=1").text().len();
    let page = heard(&hear);
    assert_eq!(facts(&page), ("GET", "/?q=1", 200, true));
    assert_eq!(page.peer.to_inet(), Some(local));
    assert!(page.sent > text as u64, "the head counts");
    client.ask("GET", "/nowhere", "");
    client.answer();
    assert_eq!(facts(&heard(&hear)), ("GET", "/nowhere", 404, true));
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.answer().text(), "abc");
    assert_eq!(facts(&heard(&hear)), ("POST", "/echo", 200, true));
    client.ask("PUT", "/echo", "");
    assert_eq!(client.answer().status, 405);
    assert_eq!(facts(&heard(&hear)), ("PUT", "/echo", 405, true));
}

#[test]
fn what_cannot_be_read_is_recorded_without_words() {
    let (server, hear) = logging();
    let mut client = Client::new(&server);
    client.send("nonsense\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    assert_eq!(facts(&heard(&hear)), ("", "", 400, true));
}

#[test]
fn what_a_handler_writes_itself_is_recorded() {
    let (server, hear) = logging();
    let own = handler("", "/own", |exchange| {
        let conn = exchange.conn();
        let exchange = nng_aio::sync::Mutex::new(Some(exchange));
        let aio = conn.runtime().aio(move |_| {
            exchange.lock().take().expect("it runs once").finish();
        });
        let mut response = with_body("own");
        response.set_status(203);
        conn.write_res(&response, &aio);
        aio.detach();
    });
    let switch = handler("", "/switch", |exchange| {
        let op = Op::new(&Driver::global(), |_| ());
        let mut response = nng_oxide::http::Response::new();
        response.set_status(101);
        exchange.conn().write_res(&response, &op.aio);
        assert_eq!(op.result(), 0);
        drop(exchange.hijack().expect("the connection is open"));
    });
    serve(&server, [own, switch]);
    let mut client = Client::new(&server);
    assert_eq!(client.get("/own").status, 203);
    let record = heard(&hear);
    assert_eq!(facts(&record), ("GET", "/own", 203, true));
    assert!(record.sent > 3);
    assert_eq!(client.get("/switch").status, 101);
    assert_eq!(facts(&heard(&hear)), ("GET", "/switch", 101, true));
    // Also if that closes the connection, and before the client does.
    let mut client = Client::new(&server);
    assert!(client.exchange("GET", "/own", "Connection: close\r\n").closes());
    assert_eq!(facts(&heard(&hear)), ("GET", "/own", 203, true));
}

#[test]
fn an_exchange_that_is_cut_off_is_not_complete() {
    let (server, hear) = logging();
    let (give, take) = mpsc::channel();
    serve(&server, [handler("", "/", move |exchange| give.send(exchange).expect("it is wanted"))]);
    let mut client = Client::new(&server);
    client.ask("GET", "/", "");
    let exchange = take.recv_timeout(LIMIT).expect("the handler is called");
    server.stop();
    let record = heard(&hear);
    assert_eq!(facts(&record), ("GET", "/", 0, false));
    assert!(record.duration > Duration::ZERO && record.sent == 0);
    exchange.respond(with_body("into the void"));
}

#[test]
fn without_a_hook_nothing_is_recorded_and_a_hook_may_go() {
    let (server, hear) = logging();
    serve(&server, [fixed("/", "page")]);
    let mut client = Client::new(&server);
    client.get("/");
    heard(&hear);
    server.set_access_log(None);
    client.get("/");
    assert!(hear.recv_timeout(LIMIT).is_err(), "the hook has gone");
}

#[test]
fn a_client_that_goes_with_the_last_byte_has_had_everything() {
    let (server, hear) = logging();
    let own = handler("", "/own", |exchange| {
        let conn = exchange.conn();
        let exchange = nng_aio::sync::Mutex::new(Some(exchange));
        let aio = conn.runtime().aio(move |_| {
            exchange.lock().take().expect("it runs once").finish();
        });
        conn.write_res(&with_body("own"), &aio);
        aio.detach();
    });
    serve(&server, [own, handler("", "/", |exchange| exchange.respond(with_body("page")))]);
    for path in ["/", "/own"].repeat(200) {
        let mut client = Client::new(&server);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        let end = if path == "/" { "page" } else { "own" };
        let (mut got, mut room) = (String::new(), [0]);
        while !got.ends_with(end) {
            assert_eq!(client.stream().read(&mut room).expect("it comes"), 1);
            got.push(char::from(room[0]));
        }
        drop(client);
        assert_eq!(facts(&heard(&hear)), ("GET", path, 200, true));
    }
}

#[test]
fn a_gentle_end_waits_for_the_last_record() {
    let server = running(ServerConfig::default());
    let (enter, entered) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let gate = nng_aio::sync::Mutex::new(gate);
    server.set_access_log(Some(Arc::new(move |_: &Access| {
        enter.send(()).expect("it is awaited");
        // The test lets it go on, or is over.
        let _ = gate.lock().recv();
    })));
    serve(&server, [fixed("/", "page")]);
    let mut client = Client::new(&server);
    assert!(client.exchange("GET", "/", "Connection: close\r\n").closes());
    entered.recv_timeout(LIMIT).expect("it is recorded");
    drop(client);
    let driver = Driver::global();
    driver.until(|| server.stats().open == 0);
    let ended = Op::new(&driver, |_| ());
    server.drain(&ended.aio);
    ended.assert_pending();
    drop(open);
    assert_eq!(ended.result(), 0);
}

#[test]
fn records_come_one_after_the_other_in_order() {
    let server = running(ServerConfig::default());
    let (tell, hear) = mpsc::channel();
    let is_at_work = AtomicBool::new(false);
    server.set_access_log(Some(Arc::new(move |access: &Access| {
        assert!(!is_at_work.swap(true, SeqCst), "one at a time");
        std::thread::yield_now();
        is_at_work.store(false, SeqCst);
        // The test may be over.
        let _ = tell.send(access.target.clone());
    })));
    serve(&server, [fixed("/", "page")]);
    let mut client = Client::new(&server);
    for round in 0..200 {
        client.send(format!("GET /?{round} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    for round in 0..200 {
        assert_eq!(client.answer().status, 200);
        assert_eq!(hear.recv_timeout(LIMIT).expect("it is recorded"), format!("/?{round}"));
    }
}

#[test]
fn a_hook_that_panics_hears_of_what_follows() {
    let server = running(ServerConfig::default());
    let (tell, hear) = mpsc::channel();
    server.set_access_log(Some(Arc::new(move |access: &Access| {
        // The test may be over.
        let _ = tell.send(access.target.clone());
        assert_ne!(access.target, "/?1", "as is wanted here");
    })));
    serve(&server, [fixed("/", "page")]);
    let mut client = Client::new(&server);
    for round in 0..3 {
        client.send(format!("GET /?{round} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    for round in 0..3 {
        assert_eq!(hear.recv_timeout(LIMIT).expect("it is recorded"), format!("/?{round}"));
    }
    drop(client);
    let ended = Op::new(&Driver::global(), |_| ());
    server.drain(&ended.aio);
    assert_eq!(ended.result(), 0);
}
