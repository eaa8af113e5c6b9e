//! The ends of servers, of handlers and of the runtime, while requests are in every state.
//!
//! Descriptors are counted, so one test runs at a time.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use nng_aio::Error;
use nng_aio::sync::{Mutex, MutexGuard};
use nng_oxide::Url;
use nng_oxide::http::{Exchange, Handler, Server, ServerConfig};
use support::client::Client;
use support::server::{
    connect, descriptors, fixed, handler, own_address, respond, running, serve, try_connect, until,
};
use support::{BIG, Driver, LIMIT, patiently};

/// Lets the tests run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock()
}

/// A server on a runtime of the test's, whose clients decide when a connection ends.
fn server_on(driver: &Driver) -> Server {
    let url: Url = format!("http://{}:0", own_address()).parse().expect("it is a URL");
    let mut config = ServerConfig::default();
    config.linger_timeout = Some(LIMIT);
    let server = Server::on(&driver.runtime, &url, config).expect("the address is known");
    server.start().expect("a port is free");
    server
}

/// Does something on another thread while the runtime works, be it by turns of this one.
fn meanwhile<T: Send + 'static>(driver: &Driver, work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::spawn(work);
    driver.until(|| thread.is_finished());
    thread.join().expect("it does not panic")
}

/// A handler of `path` that gives its exchanges away.
fn giving(path: &str) -> (Handler, mpsc::Receiver<Exchange>) {
    let (give, take) = mpsc::channel();
    let handler = handler("", path, move |exchange| {
        // Nobody may want it any more.
        let _ = give.send(exchange);
    });
    (handler, take)
}

/// Tells when it is dropped, by counting.
struct Witness(Arc<AtomicUsize>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A handler that gives its exchanges away, and a count that is 1 when it has been dropped.
fn witnessed(path: &str) -> (Handler, mpsc::Receiver<Exchange>, Arc<AtomicUsize>) {
    let (give, take) = mpsc::channel();
    let dropped = Arc::new(AtomicUsize::new(0));
    let witness = Witness(Arc::clone(&dropped));
    let handler = handler("", path, move |exchange| {
        let _ = (&witness, give.send(exchange));
    });
    (handler, take, dropped)
}

// --- Servers ------------------------------------------------------------------------------------

#[test]
fn a_server_that_has_stopped_does_not_start_again_and_leaves_its_port() {
    let _alone = alone();
    let server = running(ServerConfig::default());
    serve(&server, [fixed("/", "old")]);
    let mut client = Client::new(&server);
    assert_eq!(client.get("/").text(), "old");
    server.start().unwrap();
    server.stop();
    assert_eq!(client.get("/").text(), "old", "it was started twice");
    let addr = server.addr();
    server.stop();
    assert_eq!(server.start(), Err(Error::State));
    assert_eq!(server.addr(), addr);
    client.expect_closed();
    assert!(try_connect(&server).is_err());

    let url: Url = format!("http://{}", addr.to_inet().unwrap()).parse().unwrap();
    let next = Server::with_config(&url, ServerConfig::default()).unwrap();
    next.start().unwrap();
    serve(&next, [fixed("/", "new")]);
    assert_eq!(Client::new(&next).get("/").text(), "new");
}

#[test]
fn a_stop_closes_connections_in_every_state() {
    let _alone = alone();
    let server = running(ServerConfig::default());
    let held = Held::new(&server);
    server.stop();
    held.assert_closed();
    until(|| server.stats().open == 0);
}

#[test]
fn the_end_of_the_last_handle_is_a_stop() {
    let _alone = alone();
    let server = running(ServerConfig::default());
    let (handler, take, dropped) = witnessed("/given");
    server.add_handler(&handler).unwrap();
    let held = Held::new(&server);
    let mut client = Client::new(&server);
    client.ask("GET", "/given", "");
    let exchange = take.recv_timeout(LIMIT).unwrap();
    drop((server, handler));
    held.assert_closed();
    client.expect_closed();
    assert_eq!(dropped.load(SeqCst), 0, "its exchange goes on");
    assert_eq!(exchange.handler().path(), "/given");
    respond(exchange, "into the void");
    until(|| dropped.load(SeqCst) == 1);
}

#[test]
fn a_handler_can_stop_its_server() {
    let _alone = alone();
    let server = Arc::new(running(ServerConfig::default()));
    let stopped = Arc::clone(&server);
    let stopping = handler("", "/stop", move |exchange| {
        stopped.stop();
        assert!(exchange.conn().is_closed());
        respond(exchange, "into the void");
    });
    serve(&server, [stopping]);
    let mut client = Client::new(&server);
    client.ask("GET", "/stop", "");
    client.expect_closed();
    until(|| server.stats().open == 0);
    assert!(try_connect(&server).is_err());
}

#[test]
fn a_handler_can_end_the_last_handle_of_its_server() {
    let _alone = alone();
    let server = running(ServerConfig::default());
    let last = Arc::new(Mutex::new(None));
    let (dropped, slot) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&last));
    let witness = Witness(Arc::clone(&dropped));
    let releasing = handler("", "/release", move |exchange| {
        let _ = &witness;
        let server: Option<Server> = slot.lock().take();
        drop(server);
        respond(exchange, "into the void");
    });
    serve(&server, [releasing]);
    let mut client = Client::new(&server);
    *last.lock() = Some(server);
    client.ask("GET", "/release", "");
    client.expect_closed();
    until(|| dropped.load(SeqCst) == 1);
}

// --- Handlers -----------------------------------------------------------------------------------

#[test]
fn a_handler_that_is_removed_finishes_what_it_has_begun() {
    let _alone = alone();
    let server = running(ServerConfig::default());
    let (handler, take, dropped) = witnessed("/removed");
    server.add_handler(&handler).unwrap();
    let mut client = Client::new(&server);
    // One exchange is with the handler, and a body for another is on its way.
    client.ask("GET", "/removed", "");
    let exchange = take.recv_timeout(LIMIT).unwrap();
    let mut sending = Client::new(&server);
    sending.send(
        "POST /removed HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(sending.answer().status, 100);
    server.del_handler(&handler).unwrap();
    assert_eq!(Client::new(&server).get("/removed").status, 404);
    handler.set_host("changed").unwrap();
    drop(handler);

    respond(exchange, "first");
    assert_eq!(client.answer().text(), "first");
    assert_eq!(client.get("/removed").status, 404);
    assert_eq!(dropped.load(SeqCst), 0, "one exchange is still to come");
    sending.send("hello");
    let exchange = take.recv_timeout(LIMIT).unwrap();
    assert_eq!(exchange.request().body(), b"hello");
    respond(exchange, "second");
    assert_eq!(sending.answer().text(), "second");
    until(|| dropped.load(SeqCst) == 1);
}

// --- Runtimes -----------------------------------------------------------------------------------

/// Connections in every state in which they can wait.
struct Held {
    clients: Vec<Client>,
    exchanges: Vec<Exchange>,
}

impl Held {
    fn new(server: &Server) -> Self {
        let (given, take) = giving("/held");
        let huge = handler("GET", "/huge", |exchange| respond(exchange, vec![0; 16 * BIG]));
        serve(server, [given, huge]);
        let mut clients: Vec<_> = [
            "",
            "GET",
            "GET /held HTTP/1.1\r\nHost: h\r\n",
            "POST /held HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell",
            "POST /held HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
            "GET /held HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /huge HTTP/1.1\r\nHost: h\r\n\r\n",
            "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell",
            "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        ]
        .into_iter()
        .map(|text| {
            let mut client = Client::new(server);
            // When the answer is there, the server has accepted the connection.
            assert_eq!(client.get("/nowhere").status, 404);
            client.send(text);
            client
        })
        .collect();
        let exchanges = vec![take.recv_timeout(LIMIT).expect("one request is complete")];
        // So far the server has come with the others.
        patiently(|| clients[6].stream().peek(&mut [0])).expect("an answer begins");
        for client in &mut clients[7..] {
            assert_eq!(client.answer().status, 404);
        }
        Self { clients, exchanges }
    }

    /// The server has closed all of them; what handlers still have, they answer in vain.
    fn assert_closed(self) {
        for exchange in self.exchanges {
            assert!(exchange.conn().is_closed());
            respond(exchange, "into the void");
        }
        for mut client in self.clients {
            assert!(client.rest().len() < 16 * BIG);
        }
    }
}

#[test]
fn the_end_of_the_runtime_ends_its_servers() {
    let _alone = alone();
    for make in [Driver::threads, Driver::host] {
        let before = descriptors();
        let driver = make();
        let server = server_on(&driver);
        serve(&server, [fixed("/", "page")]);
        let held = meanwhile(&driver, {
            let server = server.clone();
            move || Held::new(&server)
        });
        assert_eq!(server.stats().open, held.clients.len());
        assert_eq!(driver.runtime.stats().sources, held.clients.len() + 1);
        driver.runtime.shutdown();
        assert_eq!(server.stats().open, 0);
        let stats = driver.runtime.stats();
        assert_eq!((stats.sources, stats.threads, stats.queued), (0, 0, 0));
        assert!(try_connect(&server).is_err());
        assert_eq!(server.start(), Err(Error::Closed));
        held.assert_closed();
        assert_eq!(driver.runtime.stats().aios, 0);
        drop((server, driver));
        assert_eq!(descriptors(), before);
    }
}

#[test]
fn the_end_of_a_server_leaves_nothing_on_its_runtime() {
    let _alone = alone();
    for make in [Driver::threads, Driver::host] {
        let driver = make();
        let before = descriptors();
        let server = server_on(&driver);
        let (handler, take, dropped) = witnessed("/given");
        serve(&server, [handler]);
        let (held, client) = meanwhile(&driver, {
            let server = server.clone();
            move || {
                let held = Held::new(&server);
                let mut client = Client::new(&server);
                client.ask("GET", "/given", "");
                let exchange = take.recv_timeout(LIMIT).expect("the handler is called");
                respond(exchange, "answered");
                assert_eq!(client.answer().text(), "answered");
                (held, client)
            }
        });
        drop(server);
        held.assert_closed();
        drop(client);
        driver.until(|| dropped.load(SeqCst) == 1);
        driver.until(|| {
            let stats = driver.runtime.stats();
            (stats.sources, stats.aios, stats.queued) == (0, 0, 0)
        });
        assert_eq!(descriptors(), before);
    }
}

#[test]
fn a_server_lives_on_turns_of_its_host() {
    let _alone = alone();
    let driver = Driver::host();
    let server = server_on(&driver);
    let inline = handler("POST", "/inline", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    });
    let (later, take) = giving("/later");
    serve(&server, [inline, later, fixed("/", "page")]);
    let stream = connect(&server);
    let client = thread::spawn(move || {
        let mut client = Client::of(stream);
        for _ in 0..100 {
            client.send("POST /inline HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
            assert_eq!(client.answer().text(), "hello");
            assert_eq!(client.get("/").text(), "page");
            assert_eq!(client.get("/later").text(), "later");
        }
        client.ask("GET", "/", "Connection: close\r\n");
        assert_eq!(client.answer().text(), "page");
        client.expect_end();
    });
    let answering = thread::spawn(move || {
        for exchange in take.iter().take(100) {
            respond(exchange, "later");
        }
    });
    driver.until(|| client.is_finished() && answering.is_finished());
    client.join().unwrap();
    answering.join().unwrap();
    driver.until(|| server.stats().open == 0);
    assert_eq!(server.stats().requests, 301);
}

#[test]
fn a_runtime_that_has_ended_serves_nobody() {
    let _alone = alone();
    let driver = Driver::threads();
    let url: Url = "http://127.0.0.1:0".parse().unwrap();
    let server = Server::on(&driver.runtime, &url, ServerConfig::default()).unwrap();
    driver.runtime.shutdown();
    assert_eq!(server.start(), Err(Error::Closed));
    assert_eq!(server.addr().port(), None);
    let (handler, _take, dropped) = witnessed("/");
    serve(&server, [handler]);
    drop(server);
    until(|| dropped.load(SeqCst) == 1);
}
