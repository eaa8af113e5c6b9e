//! Peers that are slow, silent, greedy or gone, and what the server's limits of time do to them.
//!
//! Nothing here measures time: what must happen happens some time after a short limit, and what must
//! not happen has a limit that never comes.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use nng_aio::Error;
use nng_oxide::http::{Handler, Response, Server, ServerConfig};
use support::client::Client;
use support::server::{connect, fixed, handler, respond, running, serve, until};
use support::{BIG, LIMIT, patiently};

/// A limit that comes soon.
const SOON: Option<Duration> = Some(Duration::from_millis(50));
/// Late enough that a client which sends at once comes first, on a machine with other things to do.
const LATER: Option<Duration> = Some(Duration::from_secs(2));
/// A limit that never comes while a test runs.
const NEVER: Option<Duration> = Some(Duration::from_secs(3600));

/// Limits of which none comes.
fn patient() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.idle_timeout = NEVER;
    config.head_timeout = NEVER;
    config.body_timeout = NEVER;
    config.write_timeout = NEVER;
    config.linger_timeout = NEVER;
    config
}

/// A server with a page at `/next`.
fn server(config: ServerConfig) -> Server {
    let server = running(config);
    serve(&server, [fixed("/next", "next")]);
    server
}

/// A handler of a path for `POST` that counts its calls.
fn counting(path: &str) -> (Handler, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let handler = handler("POST", path, move |exchange| {
        counter.fetch_add(1, SeqCst);
        respond(exchange, "called");
    });
    (handler, calls)
}

/// All of `count` connections end that the server has had.
fn assert_all_end(server: &Server, count: u64) {
    until(|| {
        let stats = server.stats();
        (stats.accepted, stats.open) == (count, 0)
    });
}

// --- Silence ------------------------------------------------------------------------------------

#[test]
fn a_silent_connection_closes_without_a_word() {
    let mut config = patient();
    config.idle_timeout = LATER;
    let server = server(config);
    let mut silent = Client::new(&server);
    silent.expect_end();
    let mut blank = Client::new(&server);
    blank.send("\r\n\r\n\n");
    blank.expect_end();
    let mut served = Client::new(&server);
    served.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3));
    for _ in 0..3 {
        assert!(!served.answer().closes());
    }
    served.expect_end();
    assert_all_end(&server, 3);
    assert_eq!(server.stats().requests, 3);
}

#[test]
fn a_head_that_does_not_end_in_time_is_answered() {
    let mut config = patient();
    config.head_timeout = SOON;
    let server = server(config);
    for start in ["G", "GET /next HTTP/1.1", "GET /next HTTP/1.1\r\nHost: h\r\n", "\r\nG"] {
        let mut client = Client::new(&server);
        client.send(start);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (408, true));
        client.expect_end();
    }
}

#[test]
fn what_was_asked_before_says_nothing_of_a_head_that_does_not_end() {
    let mut config = patient();
    config.head_timeout = SOON;
    let server = server(config);
    let mut client = Client::new(&server);
    client.exchange("HEAD", "/next", "");
    client.send("GET");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    assert!(!answer.body.is_empty());
    client.expect_end();
}

#[test]
fn a_head_that_trickles_in_has_no_longer_time() {
    let mut config = patient();
    config.head_timeout = SOON;
    config.limits.head = usize::MAX;
    config.limits.fields = usize::MAX;
    let server = server(config);
    let mut client = Client::new(&server);
    client.send("GET /next HTTP/1.1\r\nHost: h\r\nX: ");
    let mut stream = client.stream().try_clone().unwrap();
    // Until the answer is there, more comes all the time.
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    loop {
        match patiently(|| stream.peek(&mut [0])) {
            Ok(_) => break,
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{error}"
            ),
        }
        stream.write_all(b"x").unwrap();
    }
    let mut client = Client::of(stream);
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    client.expect_end();
}

#[test]
fn a_body_that_does_not_come_is_answered_and_its_handler_not_called() {
    let mut config = patient();
    config.body_timeout = SOON;
    let server = server(config);
    let (handler, calls) = counting("/counted");
    serve(&server, [handler]);
    for end in [
        "Content-Length: 5\r\n\r\n",
        "Content-Length: 5\r\n\r\nhell",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let mut client = Client::new(&server);
        client.send("POST /counted HTTP/1.1\r\nHost: h\r\n".to_owned() + end);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (408, true));
        client.expect_end();
    }
    let mut client = Client::new(&server);
    client.send(
        "POST /counted HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.answer().status, 100);
    assert_eq!(client.answer().status, 408);
    client.expect_end();
    assert_eq!(calls.load(SeqCst), 0);
}

#[test]
fn a_body_that_nobody_wants_and_that_does_not_come_ends_the_connection() {
    let mut config = patient();
    config.body_timeout = SOON;
    let server = server(config);
    for end in ["Content-Length: 5\r\n\r\nhell", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello"] {
        let mut client = Client::new(&server);
        client.send("POST /nowhere HTTP/1.1\r\nHost: h\r\n".to_owned() + end);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (404, false));
        client.expect_end();
    }
    assert_all_end(&server, 2);
}

#[test]
fn a_handler_has_all_the_time_it_wants() {
    let mut config = ServerConfig::default();
    config.idle_timeout = LATER;
    config.head_timeout = LATER;
    config.body_timeout = LATER;
    config.write_timeout = SOON;
    let server = server(config);
    let (give, take) = mpsc::channel();
    serve(&server, [handler("POST", "/later", move |exchange| give.send(exchange).unwrap())]);
    let mut slow = Client::new(&server);
    slow.send("POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    let exchange = take.recv_timeout(LIMIT).unwrap();
    // Every limit has come for another connection when this one has closed.
    Client::new(&server).expect_end();
    respond(exchange, "late");
    assert_eq!(slow.answer().text(), "late");
}

// --- Peers that take nothing --------------------------------------------------------------------

/// More than the buffers of a connection hold.
const HUGE: usize = 16 * BIG;

#[test]
fn a_client_that_takes_nothing_of_its_answer_loses_the_connection() {
    let mut config = patient();
    config.write_timeout = SOON;
    let server = server(config);
    let huge = handler("GET", "/huge", |exchange| respond(exchange, vec![0; HUGE]));
    serve(&server, [huge]);
    for (number, count) in [(1, 1), (2, 3)] {
        let mut client = Client::new(&server);
        client.send("GET /huge HTTP/1.1\r\nHost: h\r\n\r\n".repeat(count));
        assert_all_end(&server, number);
        assert!(client.rest().len() < HUGE);
    }
}

/// A handler whose function writes a huge response itself; what becomes of the write is told.
fn writing_itself(path: &str) -> (Handler, mpsc::Receiver<Result<(), Error>>) {
    let (tell, hear) = mpsc::channel();
    let handler = handler("GET", path, move |exchange| {
        let tell = tell.clone();
        let conn = exchange.conn();
        let aio = conn.runtime().aio(move |aio| tell.send(aio.outcome()).unwrap_or_default());
        let mut response = Response::new();
        response.set_body(vec![0; HUGE]);
        conn.write_res(&response, &aio);
        aio.detach();
        exchange.finish();
    });
    (handler, hear)
}

#[test]
fn a_client_that_takes_nothing_of_what_a_handler_writes_loses_the_connection() {
    for following in ["", "G", "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", "\0"] {
        for idle in [None, LATER, NEVER] {
            let mut config = patient();
            config.write_timeout = SOON;
            config.head_timeout = SOON;
            config.idle_timeout = idle;
            let server = server(config);
            let (handler, hear) = writing_itself("/huge");
            serve(&server, [handler]);
            let mut client = Client::new(&server);
            client.send("GET /huge HTTP/1.1\r\nHost: h\r\n\r\n".to_owned() + following);
            assert_eq!(hear.recv_timeout(LIMIT), Ok(Err(Error::Closed)), "{following:?} {idle:?}");
            assert_all_end(&server, 1);
            assert!(client.rest().len() < HUGE);
        }
    }
}

#[test]
fn a_head_that_begins_while_a_response_is_taken_slowly_ends_in_time() {
    let mut config = patient();
    config.head_timeout = SOON;
    let server = server(config);
    let (handler, hear) = writing_itself("/huge");
    serve(&server, [handler]);
    let mut client = Client::new(&server);
    client.send("GET /huge HTTP/1.1\r\nHost: h\r\n\r\nGET");
    assert_eq!(client.answer().body.len(), HUGE);
    assert_eq!(hear.recv_timeout(LIMIT), Ok(Ok(())));
    assert_eq!(client.answer().status, 408);
    client.expect_end();
}

// --- How many requests --------------------------------------------------------------------------

#[test]
fn the_defaults_are_as_documented() {
    let seconds = |count| Some(Duration::from_secs(count));
    let default = ServerConfig::default();
    let mut documented = default.clone();
    documented.max_body = 1 << 20;
    documented.answers_413 = false;
    documented.max_undrained = 64 << 10;
    documented.max_connections = None;
    documented.max_requests = None;
    documented.idle_timeout = seconds(75);
    documented.head_timeout = seconds(30);
    documented.body_timeout = seconds(60);
    documented.write_timeout = seconds(60);
    documented.linger_timeout = seconds(2);
    documented.limits.request_line = 16 << 10;
    documented.limits.head = 64 << 10;
    documented.limits.fields = 128;
    documented.limits.chunk_line = 1 << 10;
    documented.limits.trailers = 8 << 10;
    documented.limits.empty_lines = 8;
    assert_eq!(default, documented);
}

#[test]
fn the_last_request_of_a_connection_is_answered_and_the_next_is_not() {
    let request =
        |line: &str| format!("{line} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    let (head, nowhere) = (request("HEAD /counted"), request("POST /nowhere"));
    let (counted, written) = (request("POST /counted"), request("POST /written"));
    for (last, status) in [(&head, 405), (&nowhere, 404), (&counted, 200), (&written, 200)] {
        for max in [0, 1, 2, 3] {
            let mut config = patient();
            config.max_requests = Some(max);
            let server = server(config);
            let (handler, calls) = counting("/counted");
            let writing = support::server::handler("POST", "/written", |exchange| {
                let (conn, aio) = (exchange.conn(), exchange.conn().runtime().aio(|_| {}));
                let mut response = Response::new();
                response.set_body("written");
                conn.write_res(&response, &aio);
                aio.detach();
                exchange.finish();
            });
            serve(&server, [handler, writing]);
            let before = usize::try_from(max.max(1)).expect("it is few") - 1;
            let mut client = Client::new(&server);
            client.send(counted.repeat(before) + last + &counted + &counted);
            for _ in 0..before {
                let answer = client.answer();
                assert_eq!((answer.status, answer.closes()), (200, false), "{max} {last}");
            }
            let answer = client.answer_to(if *last == head { "HEAD" } else { "POST" });
            assert_eq!((answer.status, answer.closes()), (status, true), "{max} {last}");
            client.expect_end();
            let own = usize::from(*last == counted);
            assert_eq!(calls.load(SeqCst), before + own, "{max} {last}");
        }
    }
}

#[test]
fn each_connection_has_its_own_number_of_requests() {
    let mut config = patient();
    config.max_requests = Some(2);
    let server = server(config);
    let mut clients = [(); 3].map(|()| Client::new(&server));
    for closes in [false, true] {
        for client in &mut clients {
            assert_eq!(client.get("/next").closes(), closes);
        }
    }
    clients.iter_mut().for_each(Client::expect_end);
    assert_eq!(server.stats().requests, 6);
}

// --- The last response --------------------------------------------------------------------------

#[test]
fn a_client_that_never_ends_its_side_is_not_waited_for_long() {
    for limit in [SOON, None] {
        let mut config = patient();
        config.linger_timeout = limit;
        let server = server(config);
        let mut client = Client::new(&server);
        client.ask("GET", "/next", "Connection: close\r\n");
        assert_eq!(client.answer().text(), "next");
        client.expect_end();
        assert_all_end(&server, 1);
    }
}

#[test]
fn the_last_response_arrives_whatever_the_client_goes_on_sending() {
    let server = server(patient());
    let text = "x".repeat(100_000);
    let body = text.clone();
    serve(&server, [handler("POST", "/text", move |exchange| respond(exchange, body.clone()))]);
    for head in [
        "POST /text HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "POST /text HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let mut client = Client::new(&server);
        client.send(head.as_bytes());
        client.send(vec![b'x'; BIG]);
        assert_eq!(client.answer().text(), text);
        client.send(vec![b'x'; BIG]);
        client.expect_end();
    }
    // Refused requests are no different.
    for head in [
        "POST /next HTTP/1.1\r\n\r\n",
        "\0",
        "POST /text HTTP/1.1\r\nHost: h\r\n\
         Content-Length: 1000000000\r\n\r\n",
    ] {
        let mut client = Client::new(&server);
        client.send(head.as_bytes());
        client.send(vec![b'x'; BIG]);
        assert_eq!(client.answer().status, 400);
        client.send(vec![b'x'; BIG]);
        client.expect_end();
    }
    assert_all_end(&server, 5);
}

// --- Peers that go away -------------------------------------------------------------------------

#[test]
fn a_client_can_go_at_any_moment() {
    let server = server(patient());
    let (handler, calls) = counting("/counted");
    serve(&server, [handler]);
    let request = "POST /counted HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    for len in 0..=request.len() {
        drop_after(&server, &request[..len]);
    }
    let last = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    drop_after(&server, &last);
    assert_all_end(&server, request.len() as u64 + 2);
    assert_eq!(calls.load(SeqCst), 2, "only full requests reach the handler");
    assert_eq!(Client::new(&server).get("/next").text(), "next");
}

/// Connects, sends, and goes away.
fn drop_after(server: &Server, bytes: &str) {
    Client::new(server).send(bytes);
}

#[test]
fn a_client_can_reset_the_connection_at_any_moment() {
    let server = server(patient());
    let (give, take) = mpsc::channel();
    let later = handler("POST", "/later", move |exchange| give.send(exchange).unwrap());
    let huge = handler("GET", "/huge", |exchange| respond(exchange, vec![0; HUGE]));
    serve(&server, [later, huge]);
    let reset_after = |text: &str| {
        let mut client = Client::new(&server);
        // Going away with an answer unread is a reset.
        client.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n".to_owned() + text);
        patiently(|| client.stream().peek(&mut [0])).unwrap();
        client
    };
    for (text, number) in [
        "",
        "GET",
        "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell",
        "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell",
        "GET /huge HTTP/1.1\r\nHost: h\r\n\r\n",
        "\0",
    ]
    .into_iter()
    .zip(1..)
    {
        drop(reset_after(text));
        assert_all_end(&server, number);
    }
    // A handler that is at work learns of it when it answers.
    let client = reset_after("POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    let exchange = take.recv_timeout(LIMIT).unwrap();
    drop(client);
    respond(exchange, vec![0; HUGE]);
    assert_all_end(&server, 8);
    assert_eq!(Client::new(&server).get("/next").text(), "next");
}

// --- Floods -------------------------------------------------------------------------------------

#[test]
fn clients_that_never_stop_asking_leave_time_for_others() {
    const FLOODS: usize = 4;
    let server = server(patient());
    let burst = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000);
    let running = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..FLOODS {
            let mut reading = connect(&server);
            let mut writing = reading.try_clone().unwrap();
            let (burst, running) = (&burst, &running);
            // Both go on until the server stops.
            scope.spawn(move || while writing.write_all(burst.as_bytes()).is_ok() {});
            scope.spawn(move || {
                let mut room = vec![0; 1 << 20];
                reading.read_exact(&mut room).unwrap();
                running.fetch_add(1, SeqCst);
                while reading.read(&mut room).is_ok_and(|count| count > 0) {}
            });
        }
        until(|| running.load(SeqCst) == FLOODS);
        let mut client = Client::new(&server);
        for _ in 0..20 {
            assert_eq!(client.get("/next").text(), "next");
        }
        server.stop();
    });
}
