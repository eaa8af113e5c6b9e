//! The client for all URLs: connections that are used again, redirects that are followed.
//!
//! Source: RFC 9112 section 9.3, RFC 9110 section 15.4.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::mpsc;
use std::time::Duration;

use nng_aio::Runtime;
use nng_aio::codes::*;
use nng_aio::net::Resolver;
use nng_oxide::Url;
use nng_oxide::http::{Agent, AgentConfig, Body, Conn, Request, Response, ServerConfig, Shared};
use support::host::{Host, Peer};
use support::server::{handler, respond, running, serve, until};
use support::{BIG, Driver, Op};

fn op() -> Op {
    Op::new(&Driver::global(), |_| ())
}

fn agent() -> Agent {
    Agent::new(AgentConfig::default())
}

/// One that follows so many redirects.
fn follower(max: u32) -> Agent {
    let mut config = AgentConfig::default();
    config.max_redirects = max;
    Agent::new(config)
}

/// A fetch under way.
struct Fetch {
    op: Op,
    response: Shared<Response>,
}

impl Fetch {
    fn new(agent: &Agent, method: &str, url: &Url) -> Self {
        let mut request = Request::new();
        request.set_method(method).unwrap();
        if method == "POST" || method == "PUT" {
            request.set_body("form");
        }
        Self::of(agent, &request, url)
    }

    fn of(agent: &Agent, request: &Request, url: &Url) -> Self {
        let (op, response) = (op(), Shared::new(Response::new()));
        agent.fetch(url, request, &response, &op.aio);
        Self { op, response }
    }

    fn get(agent: &Agent, url: &Url) -> Self {
        Self::new(agent, "GET", url)
    }

    /// Waits for its success; returns status and body.
    fn answer(&self) -> (u16, String) {
        assert_eq!(self.op.end(), (0, 0));
        self.state()
    }

    fn state(&self) -> (u16, String) {
        let response = self.response.lock();
        (response.status(), String::from_utf8(response.body().to_vec()).unwrap())
    }

    /// Waits for its failure.
    fn error(&self) -> i32 {
        let (result, count) = self.op.end();
        assert_eq!((count, self.state()), (0, (200, String::new())));
        result
    }

    /// The URL that has answered.
    fn url(&self) -> String {
        self.op.aio.take_output::<Url>(0).unwrap().to_string()
    }
}

fn body(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

/// Fetches once and leaves the connection to wait.
fn warmed_up(agent: &Agent, host: &Host) -> Peer {
    let fetch = Fetch::get(agent, &host.url("/first"));
    let mut peer = host.accept();
    peer.answer(200, "", "first");
    assert_eq!(fetch.answer(), body("first"));
    assert_eq!(agent.idle_connections(), 1);
    peer
}

// --- Connections that wait ----------------------------------------------------------------------

#[test]
fn a_connection_is_used_again() {
    let (agent, host) = (agent(), Host::new());
    let mut peer = warmed_up(&agent, &host);
    for number in 0..5 {
        let fetch = Fetch::new(&agent, "POST", &host.url(&format!("/{number}")));
        let head = peer.answer(200, "", &number.to_string());
        assert!(head.starts_with(&format!("POST /{number} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains(&format!("Host: {}\r\n", host.name())));
        assert_eq!(peer.receive(4), b"form");
        assert_eq!(fetch.answer(), body(&number.to_string()));
        assert_eq!(fetch.url(), host.url(&format!("/{number}")).to_string());
    }
    assert!(host.try_accept().is_none());
    drop(agent);
    peer.expect_end();
}

#[test]
fn each_host_and_port_has_its_own() {
    let (agent, one, other) = (agent(), Host::new(), Host::new());
    let (mut first, mut second) = (warmed_up(&agent, &one), {
        let fetch = Fetch::get(&agent, &other.url("/"));
        let mut peer = other.accept();
        peer.answer(200, "", "other");
        assert_eq!(fetch.answer(), body("other"));
        peer
    });
    assert_eq!(agent.idle_connections(), 2);
    let fetches = [Fetch::get(&agent, &one.url("/")), Fetch::get(&agent, &other.url("/"))];
    first.answer(200, "", "1");
    second.answer(200, "", "2");
    assert_eq!((fetches[0].answer(), fetches[1].answer()), (body("1"), body("2")));
}

#[test]
fn those_at_once_have_a_connection_each() {
    let (agent, host) = (agent(), Host::new());
    let fetches: Vec<_> = (0..4).map(|_| Fetch::get(&agent, &host.url("/"))).collect();
    let mut peers: Vec<_> = (0..4).map(|_| host.accept()).collect();
    for peer in peers.iter_mut().rev() {
        peer.answer(200, "", "all");
    }
    for fetch in &fetches {
        assert_eq!(fetch.answer(), body("all"));
    }
    assert_eq!(agent.idle_connections(), 4);
}

#[test]
fn no_more_wait_than_may() {
    let host = Host::new();
    for (per_host, total, kept) in [(2, 9, 2), (9, 3, 3), (0, 9, 0), (9, 0, 0)] {
        let mut config = AgentConfig::default();
        config.max_idle_per_host = per_host;
        config.max_idle = total;
        let agent = Agent::new(config);
        let fetches: Vec<_> = (0..5).map(|_| Fetch::get(&agent, &host.url("/"))).collect();
        let mut peers: Vec<_> = (0..5).map(|_| host.accept()).collect();
        for peer in &mut peers {
            peer.answer(200, "", "x");
        }
        for fetch in &fetches {
            assert_eq!(fetch.answer(), body("x"));
        }
        assert_eq!(agent.idle_connections(), kept);
        drop(agent);
        peers.into_iter().for_each(Peer::expect_end);
    }
}

#[test]
fn none_waits_longer_than_it_may() {
    let host = Host::new();
    let mut config = AgentConfig::default();
    config.idle_timeout = Some(Duration::from_millis(1));
    let agent = Agent::new(config);
    let fetch = Fetch::get(&agent, &host.url("/"));
    let mut peer = host.accept();
    peer.answer(200, "", "x");
    assert_eq!(fetch.answer(), body("x"));
    peer.expect_end();
    until(|| agent.idle_connections() == 0);
}

#[test]
fn what_one_side_wants_closed_does_not_wait() {
    let host = Host::new();
    for (answer, text) in [
        ("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", "x"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x"),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "x"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n", "x"),
        ("HTTP/1.1 101 x\r\n\r\n", ""),
    ] {
        let agent = agent();
        let fetch = Fetch::get(&agent, &host.url("/"));
        let mut peer = host.accept();
        peer.head();
        peer.send(answer);
        assert_eq!(fetch.answer().1, text, "{answer:?}");
        assert_eq!(agent.idle_connections(), 0, "{answer:?}");
        peer.expect_end();
    }
    let agent = agent();
    let mut request = Request::new();
    request.headers_mut().set("Connection", "close").unwrap();
    let fetch = Fetch::of(&agent, &request, &host.url("/"));
    let mut peer = host.accept();
    peer.answer(200, "", "x");
    assert_eq!((fetch.answer(), agent.idle_connections()), (body("x"), 0));
    peer.expect_end();
}

#[test]
fn an_answer_before_the_end_of_the_request_ends_the_connection() {
    let (agent, host) = (agent(), Host::new());
    let mut request = Request::new();
    request.set_method("PUT").unwrap();
    request.set_body(vec![b'x'; 4 * BIG]);
    let fetch = Fetch::of(&agent, &request, &host.url("/"));
    let mut peer = host.accept();
    peer.answer(413, "", "too much");
    assert_eq!(fetch.answer(), (413, "too much".to_owned()));
    assert_eq!(agent.idle_connections(), 0);
    peer.wait_for_end();
}

// --- Connections that die while they wait -------------------------------------------------------

#[test]
fn a_server_that_closed_meanwhile_is_asked_on_a_fresh_connection() {
    let host = Host::new();
    for method in ["GET", "POST"] {
        let agent = agent();
        drop(warmed_up(&agent, &host));
        let fetch = Fetch::new(&agent, method, &host.url("/again"));
        let mut peer = host.accept();
        assert!(peer.answer(200, "", "again").starts_with(&format!("{method} /again ")));
        assert_eq!(fetch.answer(), body("again"));
    }
}

#[test]
fn a_server_that_said_something_meanwhile_is_asked_on_a_fresh_connection() {
    let (agent, host) = (agent(), Host::new());
    let mut old = warmed_up(&agent, &host);
    old.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    let fetch = Fetch::new(&agent, "POST", &host.url("/again"));
    host.accept().answer(200, "", "again");
    assert_eq!(fetch.answer(), body("again"));
    old.expect_end();
}

#[test]
fn a_request_that_died_unanswered_is_made_again_if_that_does_no_harm() {
    let host = Host::new();
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"] {
        let agent = agent();
        let mut old = warmed_up(&agent, &host);
        let fetch = Fetch::new(&agent, method, &host.url("/again"));
        old.head();
        drop(old);
        let mut peer = host.accept();
        peer.head();
        peer.send("HTTP/1.1 204 x\r\n\r\n");
        assert_eq!(fetch.answer(), (204, String::new()), "{method}");
    }
    for method in ["POST", "PATCH", "get"] {
        let agent = agent();
        let mut old = warmed_up(&agent, &host);
        let fetch = Fetch::new(&agent, method, &host.url("/again"));
        old.head();
        drop(old);
        let error = fetch.error();
        assert!([NNG_ECONNSHUT, NNG_ECONNRESET].contains(&error), "{method}: {error}");
        assert!(host.try_accept().is_none());
    }
}

#[test]
fn a_request_is_made_again_once() {
    let (agent, host) = (agent(), Host::new());
    let mut old = warmed_up(&agent, &host);
    let fetch = Fetch::get(&agent, &host.url("/again"));
    old.head();
    drop(old);
    let mut fresh = host.accept();
    fresh.head();
    drop(fresh);
    assert_eq!(fetch.error(), NNG_ECONNSHUT);
    assert!(host.try_accept().is_none());
}

#[test]
fn a_request_that_was_answered_in_part_is_not_made_again() {
    let host = Host::new();
    for part in
        ["H", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
    {
        let agent = agent();
        let mut old = warmed_up(&agent, &host);
        let fetch = Fetch::get(&agent, &host.url("/again"));
        old.head();
        old.send(part);
        old.end_sending();
        assert_eq!(fetch.error(), NNG_ECONNSHUT, "{part:?}");
        assert!(host.try_accept().is_none());
    }
}

#[test]
fn a_fresh_connection_that_dies_is_an_error() {
    let (agent, host) = (agent(), Host::new());
    let fetch = Fetch::get(&agent, &host.url("/"));
    let mut peer = host.accept();
    peer.head();
    drop(peer);
    assert_eq!(fetch.error(), NNG_ECONNSHUT);
    assert!(host.try_accept().is_none());
}

// --- Redirects ----------------------------------------------------------------------------------

#[test]
fn redirects_are_answers_unless_somebody_asks_to_follow() {
    let (agent, host) = (agent(), Host::new());
    let fetch = Fetch::get(&agent, &host.url("/a"));
    host.accept().answer(302, "Location: /b\r\n", "there");
    assert_eq!(fetch.answer(), (302, "there".to_owned()));
    assert_eq!(fetch.response.lock().headers().get("Location").as_deref(), Some("/b"));
}

#[test]
fn a_redirect_is_followed_on_the_same_connection_if_it_leads_to_the_same_host() {
    let (agent, host) = (follower(5), Host::new());
    let fetch = Fetch::get(&agent, &host.url("/a/b#top"));
    let mut peer = host.accept();
    assert!(peer.answer(301, "Location: ../c?d\r\n", "moved").starts_with("GET /a/b HTTP/1.1\r\n"));
    assert!(peer.answer(302, "Location: /e\r\n", "").starts_with("GET /c?d HTTP/1.1\r\n"));
    assert!(peer.answer(200, "X: 1\r\n", "end").starts_with("GET /e HTTP/1.1\r\n"));
    assert_eq!(fetch.answer(), body("end"));
    assert_eq!(fetch.url(), host.url("/e#top").to_string());
    assert!(!fetch.response.lock().headers().contains("Location"), "nothing is left of others");
    assert!(host.try_accept().is_none());
}

#[test]
fn a_redirect_from_a_connection_that_closes_is_followed_on_another() {
    let (agent, host) = (follower(5), Host::new());
    let fetch = Fetch::get(&agent, &host.url("/a"));
    host.accept().answer(307, "Location: /b\r\nConnection: close\r\n", "");
    host.accept().answer(200, "", "b");
    assert_eq!(fetch.answer(), body("b"));
}

#[test]
fn a_form_is_followed_by_a_page_or_sent_again() {
    let host = Host::new();
    for (status, method, sent) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "form"),
        (308, "POST", "form"),
    ] {
        let agent = follower(5);
        let fetch = Fetch::new(&agent, "POST", &host.url("/a"));
        let mut peer = host.accept();
        peer.answer(status, "Location: /b\r\n", "");
        assert_eq!(peer.receive(4), b"form");
        let head = peer.head();
        assert!(head.starts_with(&format!("{method} /b HTTP/1.1\r\n")), "{status}: {head}");
        assert_eq!(head.contains("Content-Length"), !sent.is_empty(), "{status}: {head}");
        assert_eq!(peer.receive(sent.len()), sent.as_bytes());
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(fetch.answer(), body("ok"));
    }
}

#[test]
fn credentials_go_to_no_other_host() {
    let (agent, one, other) = (follower(5), Host::new(), Host::new());
    let mut request = Request::new();
    request.headers_mut().set("Authorization", "secret").unwrap();
    request.headers_mut().set("cookie", "secret").unwrap();
    let fetch = Fetch::of(&agent, &request, &one.url("/a"));
    let mut first = one.accept();
    assert_eq!(first.answer(302, "Location: /b\r\n", "").matches("secret").count(), 2);
    let location = format!("Location: {}\r\n", other.url("/c"));
    assert_eq!(first.answer(302, &location, "").matches("secret").count(), 2);
    let mut second = other.accept();
    let back = format!("Location: {}\r\n", one.url("/d"));
    let head = second.answer(302, &back, "");
    assert!(!head.contains("secret") && head.contains(&format!("Host: {}\r\n", other.name())));
    assert!(!first.answer(200, "", "end").contains("secret"), "it does not come back");
    assert_eq!(fetch.answer(), body("end"));
    assert!(request.headers().contains("Authorization"), "the caller's is as it was");
}

#[test]
fn redirects_that_lead_nowhere_are_errors() {
    let host = Host::new();
    for (location, error) in [
        ("ftp://127.0.0.1/", NNG_EADDRINVAL),
        ("http://", NNG_EADDRINVAL),
        ("//[", NNG_EPROTO),
        ("/%", NNG_EPROTO),
        ("/a", NNG_EPROTO),
    ] {
        let agent = follower(5);
        let fetch = Fetch::get(&agent, &host.url("/a"));
        host.accept().answer(302, &format!("Location: {location}\r\n"), "x");
        assert_eq!(fetch.error(), error, "{location}");
    }
}

#[test]
fn redirects_without_end_are_ended() {
    let (agent, host) = (follower(20), Host::new());
    let fetch = Fetch::get(&agent, &host.url("/0"));
    let mut peer = host.accept();
    for number in 1..=21 {
        let head = peer.answer(302, &format!("Location: /{number}\r\n"), "");
        assert!(head.starts_with(&format!("GET /{} ", number - 1)));
    }
    assert_eq!(fetch.error(), NNG_EPROTO);
}

#[test]
fn the_limit_of_time_is_for_all_hops() {
    let (agent, host) = (follower(u32::MAX), Host::new());
    let op = op().timeout(Duration::from_millis(50));
    agent.fetch(&host.url("/0"), &Request::new(), &Shared::default(), &op.aio);
    let mut number = 0;
    let mut peer = None;
    while op.runs() == 0 {
        if peer.is_none() {
            peer = host.try_accept();
        }
        let Some(at) = &mut peer else { continue };
        if !at.is_there() {
            break;
        }
        number += 1;
        at.try_send(
            format!("HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: /{number}\r\n\r\n"),
            1,
        );
    }
    assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
}

// --- The body piece by piece --------------------------------------------------------------------

#[test]
fn the_body_can_be_left_to_be_read_piece_by_piece() {
    let (agent, host) = (follower(5), Host::new());
    let (op, response) = (op(), Shared::new(Response::new()));
    agent.open(&host.url("/a"), &Request::new(), &response, &op.aio);
    let mut peer = host.accept();
    peer.answer(302, "Location: /b\r\n", "");
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_eq!(op.end(), (0, 0));
    assert_eq!(response.lock().headers().get("X").as_deref(), Some("1"));
    assert_eq!(response.lock().body(), b"");
    assert_eq!(op.aio.take_output::<Url>(0).unwrap().path(), "/b");
    let conn: Conn = op.aio.take_output(1).unwrap();
    assert_eq!(agent.idle_connections(), 0);
    drop(agent);
    let read = || {
        let op = self::op();
        op.aio.set_buffer(vec![0; 100]).unwrap();
        conn.read_body(&op.aio);
        op
    };
    assert_eq!(read().text(), "abc");
    let last = read();
    last.assert_pending();
    peer.send("0\r\n\r\n");
    assert_eq!(last.end(), (0, 0));
    drop(conn);
    peer.expect_end();
}

#[test]
fn a_redirect_with_a_body_is_not_read_for_one_that_is_opened() {
    let (agent, host) = (follower(5), Host::new());
    let (op, response) = (op(), Shared::new(Response::new()));
    agent.open(&host.url("/a"), &Request::new(), &response, &op.aio);
    let mut first = host.accept();
    first.answer(302, "Location: /b\r\n", "moved");
    let mut second = host.accept();
    second.answer(200, "", "here");
    assert_eq!(op.end(), (0, 0));
    first.expect_end();
}

// --- Ended early --------------------------------------------------------------------------------

#[test]
fn cancelling_ends_it_at_each_stage() {
    let (agent, host) = (follower(5), Host::new());
    // On its first connection, on one that was used before, and behind a redirect.
    let fetch = Fetch::get(&agent, &host.url("/"));
    let mut peer = host.accept();
    peer.head();
    fetch.op.aio.cancel();
    assert_eq!(fetch.error(), NNG_ECANCELED);
    peer.expect_end();

    let mut peer = warmed_up(&agent, &host);
    let fetch = Fetch::get(&agent, &host.url("/"));
    peer.head();
    fetch.op.aio.cancel();
    assert_eq!(fetch.error(), NNG_ECANCELED);
    peer.expect_end();

    let fetch = Fetch::get(&agent, &host.url("/a"));
    let mut peer = host.accept();
    peer.answer(302, "Location: /b\r\n", "");
    peer.head();
    fetch.op.aio.cancel();
    assert_eq!(fetch.error(), NNG_ECANCELED);
    peer.expect_end();
    assert_eq!(agent.idle_connections(), 0);
}

#[test]
fn a_fetch_that_waits_for_a_name_can_be_cancelled() {
    let (tell, hear) = mpsc::channel::<()>();
    let hear = nng_aio::sync::Mutex::new(hear);
    let resolver = Resolver::with_lookup(move |_| {
        let _ = hear.lock().recv();
        Err(nng_aio::Error::Again)
    });
    let agent = agent().with_resolver(&resolver);
    let url: Url = "http://name.test/".parse().unwrap();
    let (cancelled, closed) = (Fetch::get(&agent, &url), Fetch::get(&agent, &url));
    cancelled.op.aio.cancel();
    assert_eq!(cancelled.error(), NNG_ECANCELED);
    closed.op.assert_pending();
    agent.close();
    assert_eq!(closed.error(), NNG_ECLOSED);
    drop(tell);
}

#[test]
fn the_end_of_the_agent_ends_its_fetches_and_connections() {
    let (agent, host) = (agent(), Host::new());
    let idle = warmed_up(&agent, &host);
    let fetches = [Fetch::get(&agent, &host.url("/")), Fetch::get(&agent, &host.url("/"))];
    let mut peer = host.accept();
    peer.head();
    agent.close();
    agent.close();
    for fetch in &fetches {
        assert_eq!(fetch.error(), NNG_ECLOSED);
    }
    peer.expect_end();
    idle.wait_for_end();
    assert_eq!(Fetch::get(&agent, &host.url("/")).error(), NNG_ECLOSED);
    assert_eq!(agent.idle_connections(), 0);
    assert!(host.try_accept().is_none());
}

#[test]
fn a_callback_may_drop_the_agent_and_fetch_again() {
    let host = Host::new();
    let (tell, hear) = mpsc::channel();
    let place = std::sync::Arc::new(nng_aio::sync::Mutex::new(Some(agent())));
    let (url, second) = (host.url("/"), agent());
    let aio = nng_aio::Aio::new({
        let (place, url) = (place.clone(), url.clone());
        move |aio| {
            let _ = tell.send(aio.result());
            let agent = place.lock().take();
            if let Some(agent) = agent {
                drop(agent);
                second.fetch(&url, &Request::new(), &Shared::default(), aio);
            }
        }
    });
    if let Some(agent) = &*place.lock() {
        agent.fetch(&url, &Request::new(), &Shared::default(), &aio);
    }
    for _ in 0..2 {
        host.accept().answer(200, "", "x");
        assert_eq!(hear.recv_timeout(support::LIMIT), Ok(0));
    }
}

#[test]
fn what_cannot_be_fetched_is_refused_at_once() {
    let agent = agent();
    for (url, error) in [
        ("tcp://127.0.0.1:1/", NNG_EADDRINVAL),
        ("ipc:///x", NNG_EADDRINVAL),
        ("http://*/", NNG_EADDRINVAL),
    ] {
        assert_eq!(Fetch::get(&agent, &url.parse().unwrap()).error(), error, "{url}");
    }
}

#[test]
fn the_end_of_the_runtime_is_the_end_of_everything() {
    let runtime = Runtime::builder().build().unwrap();
    let (agent, host) = (Agent::on(&runtime, AgentConfig::default()), Host::new());
    let idle = warmed_up(&agent, &host);
    let mut asked = idle;
    let fetch = Fetch::get(&agent, &host.url("/"));
    asked.head();
    runtime.shutdown();
    assert_eq!(fetch.error(), NNG_ECLOSED);
    asked.expect_end();
    assert_eq!(Fetch::get(&agent, &host.url("/")).error(), NNG_ECLOSED);
}

// --- Many ---------------------------------------------------------------------------------------

#[test]
fn thousands_on_few_threads_share_connections_and_leave_nothing() {
    let server = running(ServerConfig::default());
    let echo = handler("POST", "/echo", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    });
    let away = handler("GET", "/away", |exchange| {
        let mut response = Response::new();
        response.set_status(302);
        response.headers_mut().set("Location", "/here").unwrap();
        exchange.respond(response);
    });
    let here = handler("GET", "/here", |exchange| respond(exchange, "here"));
    serve(&server, [echo, away, here]);
    let url = |path: &str| format!("http://{}{path}", server.addr()).parse::<Url>().unwrap();
    let driver = Driver::threads();
    let mut config = AgentConfig::default();
    config.max_redirects = 1;
    let agent = Agent::on(&driver.runtime, config);
    for _ in 0..20 {
        let fetches: Vec<_> = (0..100)
            .map(|number| {
                let fetch = match number % 2 {
                    0 => Fetch::new(&agent, "POST", &url("/echo")),
                    _ => Fetch::get(&agent, &url("/away")),
                };
                if number % 10 == 3 {
                    fetch.op.aio.cancel();
                }
                fetch
            })
            .collect();
        for (number, fetch) in fetches.iter().enumerate() {
            if number % 10 == 3 {
                assert!([0, NNG_ECANCELED].contains(&fetch.op.result()));
            } else {
                assert_eq!(fetch.answer(), body(if number % 2 == 0 { "form" } else { "here" }));
            }
        }
        assert!(agent.idle_connections() <= 8);
    }
    assert!(server.stats().accepted < 4000, "connections are used again");
    drop(agent);
    driver.until(|| driver.runtime.stats().sources == 0);
}

#[test]
fn a_request_that_announces_a_body_it_does_not_have_is_refused() {
    let host = Host::new();
    let agent = agent();
    let post = |change: fn(&mut Request)| {
        let mut request = Request::new();
        request.set_method("POST").unwrap();
        change(&mut request);
        let response = Shared::new(Response::new());
        let op = Op::new(&Driver::global(), |_| ());
        agent.fetch(&host.url("/"), &request, &response, &op.aio);
        op
    };
    for change in [
        (|request| request.set_body(Body::declared(60))) as fn(&mut Request),
        |request| request.headers_mut().set("Content-Length", "60").unwrap(),
        |request| request.headers_mut().set("Content-Length", "x").unwrap(),
        |request| request.headers_mut().set("Transfer-Encoding", "chunked").unwrap(),
    ] {
        assert_eq!(post(change).result(), NNG_EINVAL);
    }
    // What the caller has coded goes out, and the connection is not used again.
    let op = post(|request| {
        request.headers_mut().set("Transfer-Encoding", "chunked").unwrap();
        request.set_body("0\r\n\r\n");
    });
    host.accept().answer(200, "", "x");
    assert_eq!(op.result(), 0);
    assert_eq!(agent.idle_connections(), 0);
}
