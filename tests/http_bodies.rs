//! Where one message ends and the next begins: bodies that nobody wants, requests in bursts, ends
//! of one side, expectations, and responses that have no body or a wrong one.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use nng_aio::Error;
use nng_oxide::http::{Body, Exchange, Handler, Response, Server, ServerConfig};
use support::client::Client;
use support::server::{fixed, handler, respond, running, serve};
use support::{LIMIT, pattern};

/// A request that must not be taken for one.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
/// How many bytes of an unread body are skipped, by default.
const MAX_UNDRAINED: usize = 64 << 10;

/// A server whose clients end their connections, with a page at `/next`, and a counter of what
/// reaches `/hidden`.
fn server() -> (Server, Arc<AtomicUsize>) {
    let mut config = ServerConfig::default();
    config.linger_timeout = Some(LIMIT);
    let server = running(config);
    let hidden = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&hidden);
    let count = handler("", "/hidden", move |exchange| {
        counter.fetch_add(1, SeqCst);
        respond(exchange, "hidden");
    });
    serve(&server, [count, fixed("/next", "next")]);
    (server, hidden)
}

/// Answers with the body of the request.
fn echo(method: &str) -> Handler {
    handler(method, "/echo", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    })
}

/// A handler for `POST` that leaves bodies where they are.
fn not_collecting(path: &str, answer: impl Fn(Exchange) + Send + Sync + 'static) -> Handler {
    let handler = handler("POST", path, answer);
    handler.collect_body(false, 0);
    handler
}

/// `len` bytes of requests.
fn hidden_requests(len: usize) -> Vec<u8> {
    HIDDEN.bytes().cycle().take(len).collect()
}

/// A `POST` request with a body of known length.
fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A `POST` request with its body in chunks of that length.
fn post_chunked(target: &str, body: &[u8], len: usize) -> Vec<u8> {
    let mut request =
        format!("POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in body.chunks(len) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend([chunk, b"\r\n"].concat());
    }
    request.extend(b"0\r\n\r\n");
    request
}

/// The next request is answered, and nothing else comes before or after.
fn assert_goes_on(client: &mut Client) {
    assert_eq!(client.get("/next").text(), "next");
}

// --- Bodies that nobody wants -------------------------------------------------------------------

#[test]
fn an_unread_body_is_no_request() {
    let (server, hidden) = server();
    serve(&server, [not_collecting("/ignored", |exchange| respond(exchange, "ignored"))]);
    for (target, status) in [("/nowhere", 404), ("/next", 405), ("/ignored", 200)] {
        for request in [
            post(target, HIDDEN.as_bytes()),
            post(target, &hidden_requests(MAX_UNDRAINED)),
            post_chunked(target, HIDDEN.as_bytes(), 1000),
            post_chunked(target, HIDDEN.as_bytes(), 1),
            post_chunked(target, &hidden_requests(MAX_UNDRAINED / 2), 100),
        ] {
            let mut client = Client::new(&server);
            client.send(&request);
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (status, false));
            assert_goes_on(&mut client);
            client.send([&request[..], HIDDEN.replace("hidden", "next").as_bytes()].concat());
            assert_eq!(client.answer().status, status);
            assert_eq!(client.answer().text(), "next");
            client.end_sending();
            client.expect_end();
        }
    }
    assert_eq!(hidden.load(SeqCst), 0);
}

#[test]
fn an_unread_body_that_is_too_long_ends_the_connection() {
    let (server, hidden) = server();
    serve(&server, [not_collecting("/ignored", |exchange| respond(exchange, "ignored"))]);
    for (target, status) in [("/nowhere", 404), ("/next", 405), ("/ignored", 200)] {
        for (request, is_known) in [
            (post(target, &hidden_requests(MAX_UNDRAINED + 1)), true),
            (post(target, &hidden_requests(3 * MAX_UNDRAINED)), true),
            (post_chunked(target, &hidden_requests(MAX_UNDRAINED), 1000), false),
        ] {
            let mut client = Client::new(&server);
            client.send([&request[..], HIDDEN.as_bytes()].concat());
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (status, is_known));
            client.expect_end();
        }
    }
    assert_eq!(hidden.load(SeqCst), 0);
}

#[test]
fn the_body_of_a_refused_request_is_no_request() {
    let (server, hidden) = server();
    let dropping = handler("POST", "/dropped", drop);
    let failing = not_collecting("/failed", |exchange| exchange.fail(Error::NoMemory));
    let limited = handler("POST", "/limited", |exchange| respond(exchange, "limited"));
    limited.collect_body(true, HIDDEN.len() - 1);
    serve(&server, [dropping, failing, limited]);
    for (target, status) in [("/dropped", 500), ("/failed", 500), ("/limited", 400)] {
        for request in
            [post(target, HIDDEN.as_bytes()), post_chunked(target, HIDDEN.as_bytes(), 100)]
        {
            let mut client = Client::new(&server);
            client.send([&request[..], HIDDEN.as_bytes()].concat());
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (status, true), "{target}");
            client.expect_end();
        }
    }
    assert_eq!(hidden.load(SeqCst), 0);
}

#[test]
fn what_follows_a_closing_request_is_discarded() {
    let (server, hidden) = server();
    let saying_so = handler("GET", "/close", |exchange| {
        let mut response = Response::new();
        response.headers_mut().set("connection", "x, Close").expect("it is a field");
        exchange.respond(response);
    });
    let old = handler("GET", "/old", |exchange| {
        let mut response = Response::new();
        response.set_version(nng_oxide::http::Version::HTTP_10);
        response.headers_mut().set("Connection", "close").expect("it is a field");
        exchange.respond(response);
    });
    serve(&server, [saying_so, old]);
    for (request, closes) in [
        ("GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", true),
        ("GET /next HTTP/1.0\r\n\r\n", true),
        ("GET /nowhere HTTP/1.0\r\n\r\n", true),
        ("GET /close HTTP/1.1\r\nHost: h\r\n\r\n", false),
        ("GET /next HTTP/1.1\r\n\r\n", true),
    ] {
        let mut client = Client::new(&server);
        client.send([request, HIDDEN, HIDDEN].concat());
        let answer = client.answer();
        assert!(answer.closes() || !closes, "{}", answer.head);
        client.expect_end();
    }
    let mut client = Client::new(&server);
    client.send(["GET /old HTTP/1.1\r\nHost: h\r\n\r\n", HIDDEN].concat());
    assert!(client.rest().starts_with(b"HTTP/1.0 200 OK\r\n"));
    assert_eq!(hidden.load(SeqCst), 0);
}

// --- Bursts -------------------------------------------------------------------------------------

#[test]
fn a_burst_of_requests_is_answered_in_order() {
    let (server, _) = server();
    let later = handler("", "/later", |exchange| {
        let uri = exchange.request().uri().to_owned();
        thread::spawn(move || respond(exchange, uri));
    });
    serve(&server, [echo("POST"), later]);
    let mut burst = Vec::new();
    for number in 0..300 {
        let text = format!("number {number}");
        burst.extend(match number % 6 {
            0 => post("/echo", text.as_bytes()),
            1 => post_chunked("/echo", text.as_bytes(), 3),
            2 => b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
            3 => post("/nowhere", text.as_bytes()),
            4 => format!("\r\nGET /later?{number} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes(),
            _ => b"HEAD /next HTTP/1.1\nHost: h\n\n".to_vec(),
        });
    }
    let check = |client: &mut Client| {
        for number in 0..300 {
            let answer = client.answer_to(if number % 6 == 5 { "HEAD" } else { "GET" });
            match number % 6 {
                0 | 1 => assert_eq!(answer.text(), format!("number {number}")),
                2 => assert_eq!(answer.text(), "next"),
                3 => assert_eq!(answer.status, 404),
                4 => assert_eq!(answer.text(), format!("/later?{number}")),
                _ => assert_eq!(answer.field("Content-Length"), Some("4")),
            }
        }
        client.end_sending();
        client.expect_end();
    };
    let mut client = Client::new(&server);
    client.send(&burst);
    check(&mut client);
    let mut client = Client::new(&server);
    client.send_bytewise(&burst);
    check(&mut client);
}

#[test]
fn more_requests_than_buffers_hold_are_answered() {
    let (server, _) = server();
    serve(&server, [echo("POST")]);
    const COUNT: usize = 2000;
    let body = pattern(1000);
    let mut client = Client::new(&server);
    let stream = client.stream().try_clone().unwrap();
    let burst = post("/echo", &body).repeat(COUNT);
    let sending = thread::spawn(move || Client::of(stream).send(burst));
    for _ in 0..COUNT {
        assert_eq!(client.answer().body, body);
    }
    sending.join().unwrap();
    assert_goes_on(&mut client);
}

// --- The end of one side ------------------------------------------------------------------------

#[test]
fn a_full_request_is_answered_although_the_client_ends_its_side() {
    let (server, _) = server();
    let (give, take) = mpsc::channel::<Exchange>();
    let later = handler("", "/later", move |exchange| give.send(exchange).expect("it is wanted"));
    serve(&server, [echo("POST"), later]);
    let body = pattern(100_000);
    for (request, expected) in [
        (post("/echo", &body), &body[..]),
        (post_chunked("/echo", &body, 1234), &body),
        (b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), b"next"),
    ] {
        let mut client = Client::new(&server);
        client.send(request);
        client.end_sending();
        assert_eq!(client.answer().body, expected);
        client.expect_end();
    }
    let mut client = Client::new(&server);
    client.ask("GET", "/later", "");
    client.end_sending();
    let exchange = take.recv_timeout(LIMIT).unwrap();
    respond(exchange, "late");
    assert_eq!(client.answer().text(), "late");
    client.expect_end();
}

// --- Expectations -------------------------------------------------------------------------------

/// The head of a request whose client waits before it sends its five bytes.
fn expecting(target: &str, version: &str) -> String {
    format!(
        "POST {target} HTTP/{version}\r\nHost: h\r\nContent-Length: 5\r\n\
         Expect: 100-Continue\r\n\r\n"
    )
}

/// A handler for `POST` that reads `len` bytes of the body itself and answers with them.
fn reading(path: &str, len: usize) -> Handler {
    not_collecting(path, move |exchange| {
        let conn = exchange.conn();
        let exchange = nng_aio::sync::Mutex::new(Some(exchange));
        let aio = conn.runtime().aio(move |aio| {
            let exchange = exchange.lock().take().expect("the read ends once");
            assert_eq!(aio.outcome(), Ok(()));
            respond(exchange, aio.take_buffer());
        });
        aio.set_buffer(vec![0; len]).expect("it is idle");
        conn.read_all(&aio);
        aio.detach();
    })
}

#[test]
fn whoever_waits_to_send_a_body_is_told_to() {
    let (server, _) = server();
    serve(&server, [echo("POST"), reading("/reading", 5)]);
    for target in ["/echo", "/reading"] {
        let mut client = Client::new(&server);
        for _ in 0..2 {
            client.send(expecting(target, "1.1"));
            let answer = client.answer();
            assert_eq!(answer.head, "HTTP/1.1 100 Continue");
            client.send("hello");
            let answer = client.answer();
            assert_eq!((answer.text(), answer.closes()), ("hello", false), "{target}");
        }
        assert_goes_on(&mut client);
    }
    let mut client = Client::new(&server);
    client.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.answer().status, 100);
    client.send("5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "hello");
    assert_goes_on(&mut client);
}

#[test]
fn whoever_does_not_wait_is_not_told() {
    let (server, _) = server();
    serve(&server, [echo("POST"), reading("/reading", 5)]);
    for target in ["/echo", "/reading"] {
        let mut client = Client::new(&server);
        client.send(expecting(target, "1.1") + "hello");
        assert_eq!(client.answer().text(), "hello");
        client.send(expecting(target, "1.1") + "h");
        client.send("ello");
        assert_eq!(client.answer().text(), "hello");
        client.send(expecting(target, "1.0"));
        client.send("hello");
        assert_eq!(client.answer().text(), "hello");
        client.expect_end();
    }
}

#[test]
fn whoever_waits_in_vain_gets_the_final_answer_only() {
    let (server, hidden) = server();
    let limited = handler("POST", "/limited", |exchange| respond(exchange, "limited"));
    limited.collect_body(true, 4);
    let ignoring = not_collecting("/ignored", |exchange| respond(exchange, "ignored"));
    let dropping = not_collecting("/dropped", drop);
    serve(&server, [limited, ignoring, dropping]);
    for (target, status) in
        [("/nowhere", 404), ("/next", 405), ("/limited", 400), ("/ignored", 200), ("/dropped", 500)]
    {
        for body in ["", "hello", HIDDEN] {
            let mut client = Client::new(&server);
            client.send(expecting(target, "1.1") + body);
            let answer = client.answer();
            // Whether the body comes nevertheless is not known.
            assert_eq!((answer.status, answer.closes()), (status, true), "{target}");
            client.expect_end();
        }
    }
    assert_eq!(hidden.load(SeqCst), 0);
}

// --- Responses ----------------------------------------------------------------------------------

#[test]
fn head_has_the_length_of_get_and_no_body() {
    let (server, _) = server();
    server.set_error_page(405, "<p>Not so.</p>");
    let text = handler("GET", "/text", |exchange| respond(exchange, "text"));
    let error = handler("GET", "/error", |exchange| {
        let response = Response::for_error(503);
        exchange.respond(response);
    });
    serve(&server, [text, error, handler("PUT", "/put", drop)]);
    for target in ["/next", "/text", "/error", "/nowhere", "/put"] {
        let mut client = Client::new(&server);
        let get = client.get(target);
        let head = client.exchange("HEAD", target, "");
        assert_eq!((head.status, head.closes()), (get.status, false), "{target}");
        assert_eq!(head.field("Content-Length"), Some(&*get.body.len().to_string()), "{target}");
        assert_goes_on(&mut client);
    }
}

/// Answers `/status?204` with that status and a body.
fn status_of_query() -> Handler {
    handler("", "/status", |exchange| {
        let query = exchange.request().uri().split_once('?').map(|(_, query)| query.to_owned());
        let status = query.and_then(|query| query.parse().ok()).expect("it is a number");
        let mut response = Response::new();
        response.set_status(status);
        response.set_body("body");
        exchange.respond(response);
    })
}

#[test]
fn statuses_without_a_body_are_sent_without() {
    let (server, _) = server();
    serve(&server, [status_of_query()]);
    let mut client = Client::new(&server);
    for (status, length) in [
        (204, None),
        (304, Some("4")),
        (102, None),
        (103, None),
        (205, Some("4")),
        (404, Some("4")),
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let answer = client.exchange(method, &format!("/status?{status}"), "");
            assert_eq!((answer.status, answer.closes()), (status, false));
            assert_eq!(answer.field("Content-Length"), length, "{status}");
            assert_goes_on(&mut client);
        }
    }
}

#[test]
fn a_response_without_a_body_says_so() {
    let (server, _) = server();
    serve(&server, [handler("", "/empty", |exchange| exchange.respond(Response::new()))]);
    let mut client = Client::new(&server);
    let answer = client.get("/empty");
    assert_eq!(answer.field("Content-Length"), Some("0"));
    assert!(answer.field("Date").is_some());
    assert!(answer.field("Server").is_none());
    assert_goes_on(&mut client);
}

/// How a handler can describe a body, and what the client gets.
struct Described {
    name: &'static str,
    make: fn(&mut Response),
    /// The field, and what is sent of the body.
    length: Option<&'static str>,
    body: &'static str,
    closes: bool,
}

#[test]
fn no_response_runs_into_the_next_one() {
    let table = [
        Described {
            name: "without a length",
            make: |response| {
                response.set_body("hello");
                let _ = response.headers_mut().remove("Content-Length");
            },
            length: Some("5"),
            body: "hello",
            closes: false,
        },
        Described {
            name: "longer than it says",
            make: |response| {
                response.set_body("hello");
                let _ = response.headers_mut().set("Content-Length", "3");
            },
            length: Some("3"),
            body: "hello",
            closes: true,
        },
        Described {
            name: "shorter than it says",
            make: |response| {
                response.set_body("hello");
                let _ = response.headers_mut().set("Content-Length", "100");
            },
            length: Some("100"),
            body: "hello",
            closes: true,
        },
        Described {
            name: "of a length that is none",
            make: |response| {
                response.set_body("hello");
                let _ = response.headers_mut().set("Content-Length", "five");
            },
            length: Some("five"),
            body: "hello",
            closes: true,
        },
        Described {
            name: "of two lengths",
            make: |response| {
                response.set_body("hello");
                let _ = response.headers_mut().add("Content-Length", "3");
            },
            length: Some("5, 3"),
            body: "hello",
            closes: true,
        },
        Described {
            name: "only announced",
            make: |response| response.set_body(Body::declared(100)),
            length: Some("100"),
            body: "",
            closes: true,
        },
        Described {
            name: "coded by the handler",
            make: |response| {
                response.set_body("5\r\nhello\r\n0\r\n\r\n");
                let _ = response.headers_mut().set("Transfer-Encoding", "chunked");
            },
            length: None,
            body: "5\r\nhello\r\n0\r\n\r\n",
            closes: true,
        },
    ];
    let (server, hidden) = server();
    for Described { name, make, length, body, closes } in table {
        let handler = handler("GET", "/described", move |exchange| {
            let mut response = Response::new();
            make(&mut response);
            exchange.respond(response);
        });
        server.add_handler(&handler).unwrap();
        let mut client = Client::new(&server);
        let request = "GET /described HTTP/1.1\r\nHost: h\r\n\r\n";
        let next = if closes { HIDDEN.to_owned() } else { HIDDEN.replace("hidden", "next") };
        client.send(request.to_owned() + &next);
        client.end_sending();
        let all = String::from_utf8(client.rest()).unwrap();
        let (head, rest) = all.split_once("\r\n\r\n").unwrap();
        let says = |field: &str| head.split("\r\n").any(|line| line == field);
        assert_eq!(says("Connection: close"), closes, "{name}: {head}");
        assert_eq!(head.contains("Content-Length"), length.is_some(), "{name}: {head}");
        if let Some(length) = length {
            assert!(says(&format!("Content-Length: {length}")), "{name}: {head}");
        }
        let next = rest.strip_prefix(body).unwrap_or_else(|| panic!("{name}: {rest}"));
        assert_eq!(next.starts_with("HTTP/1.1 200 OK\r\n"), !closes, "{name}: {next}");
        assert_eq!(next.is_empty(), closes, "{name}: {next}");
        let head = Client::new(&server).exchange("HEAD", "/described", "");
        assert!(!head.closes(), "{name}: nothing is wrong without the body");
        server.del_handler(&handler).unwrap();
    }
    assert_eq!(hidden.load(SeqCst), 0);
}

#[test]
fn no_field_of_an_application_splits_a_response() {
    let mut response = Response::new();
    for value in ["a\r\nInjected: x", "a\nb", "a\rb", "a\0b"] {
        assert_eq!(response.headers_mut().set("X", value), Err(Error::Invalid));
        assert_eq!(response.headers_mut().add("X", value), Err(Error::Invalid));
        assert_eq!(response.set_reason(value), Err(Error::Invalid));
    }
    assert_eq!(response.headers_mut().set("X\r\nY", "x"), Err(Error::Invalid));
    assert!(response.headers().get("X").is_none());
}
