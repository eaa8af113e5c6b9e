//! An agent and servers in a simulated world: fetches over connections that are dialed and kept, that
//! delay and break, with and without TLS, cancelled and timed out at any moment.
//!
//! What must hold, whatever the seed: each fetch ends once; if it ends with success, with the answer to
//! its own request, whole, from where its redirects led; what must not be made twice reaches a server
//! at most once, and everything else at most twice; without faults and cancels all fetches succeed;
//! and in the end nothing is left.
//!
//! The agent dials over loopback, behind which there is a wire for each connection.

mod support;

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use nng_aio::Aio;
use nng_aio::codes::*;
use nng_aio::net::Socket;
use nng_aio::sync::Mutex;
use nng_oxide::Url;
use nng_oxide::http::{
    Agent, AgentConfig, Exchange, Handler, Request, Response, Server, ServerConfig, Shared,
};
use support::tls::{Authority, Credentials, client_config, server_config};
use world::{World, for_seeds};

/// Making keys takes longer than a scenario.
static AUTHORITY: LazyLock<(Authority, Credentials)> = LazyLock::new(|| {
    let authority = Authority::new("the world's");
    let credentials = authority.issue(&["127.0.0.1"]);
    (authority, credentials)
});

/// How often each request has reached a handler.
type Hits = Arc<Mutex<BTreeMap<usize, usize>>>;

/// A server and where it is found.
struct Origin {
    listener: TcpListener,
    server: Server,
    url: String,
}

/// A fetch, and what must come of it.
struct Fetch {
    aio: Aio,
    runs: Arc<AtomicUsize>,
    response: Shared<Response>,
    id: usize,
    expected: Vec<u8>,
    /// Where the answer comes from, and how many servers are asked up to there.
    last: String,
    stops: usize,
    is_post: bool,
    is_refused: bool,
}

/// The content that belongs to a number.
fn content(id: usize, len: usize) -> Vec<u8> {
    let mut bytes = format!("{id}:").into_bytes();
    bytes.extend((0..len).map(|at| b'a' + u8::try_from((id + at) % 26).expect("it is a letter")));
    bytes
}

/// The numbers in a target: `/path?id=len`, and behind them perhaps `&more`.
fn numbers(exchange: &Exchange) -> (usize, usize, String) {
    let request = exchange.request();
    let (_, query) = request.uri().split_once('?').expect("a query");
    let (numbers, more) = query.split_once('&').unwrap_or((query, ""));
    let (id, len) = numbers.split_once('=').expect("two numbers");
    (id.parse().expect("a number"), len.parse().expect("a number"), more.to_owned())
}

fn handlers(hits: &Hits) -> [Handler; 3] {
    let counting = |path: &str, answer: fn(Exchange, usize, usize, &str)| {
        let hits = Arc::clone(hits);
        let handler = Handler::function(path, move |exchange| {
            let (id, len, more) = numbers(&exchange);
            *hits.lock().entry(id).or_default() += 1;
            answer(exchange, id, len, &more);
        });
        handler.set_method(None).expect("it is free");
        handler
    };
    [
        counting("/plain", |exchange, id, len, _| {
            let mut response = Response::new();
            response.set_body(content(id, len));
            exchange.respond(response);
        }),
        counting("/closing", |exchange, id, len, _| {
            let mut response = Response::new();
            response.headers_mut().set("Connection", "close").expect("a value");
            response.set_body(content(id, len));
            exchange.respond(response);
        }),
        counting("/moved", |exchange, _, _, to| {
            let mut response = Response::new();
            response.set_status(307);
            response.headers_mut().set("Location", to).expect("a value");
            exchange.respond(response);
        }),
    ]
}

impl Origin {
    fn new(world: &mut World, hits: &Hits) -> Self {
        let is_secure = world.chance.once_in(3);
        let scheme = if is_secure { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("an option");
        let url = format!("{scheme}://{}", listener.local_addr().expect("it has one"));
        let parsed: Url = url.parse().expect("it is a URL");
        let server = Server::on(&world.runtime, &parsed, ServerConfig::default());
        let server = server.expect("the address is known");
        if is_secure {
            server.set_tls(&server_config(&AUTHORITY.1)).expect("it speaks TLS");
        }
        for handler in handlers(hits) {
            server.add_handler(&handler).expect("it is free");
        }
        Self { listener, server, url }
    }

    /// Lets a connection in; false if there is none.
    fn accept(&self, world: &mut World) -> bool {
        let Ok((stream, _)) = self.listener.accept() else { return false };
        // What is handed on arrives at once.
        stream.set_nodelay(true).expect("an option");
        let end = world.lead_on(OwnedFd::from(stream));
        self.server.admit(Socket::from_fd(end)).expect("it goes on");
        true
    }
}

/// Begins a fetch of some kind.
fn begin(world: &mut World, agent: &Agent, origins: &[Origin], id: usize) -> Fetch {
    let chance = &mut world.chance;
    let len = chance.len(20_000);
    let is_refused = chance.once_in(20);
    let mut last = format!("{}/plain?{id}={len}", origins[chance.below(origins.len())].url);
    if chance.once_in(4) {
        last = last.replace("/plain", "/closing");
    }
    let (mut first, mut stops) = (last.clone(), 1);
    if is_refused {
        // Nobody listens there.
        (first, last, stops) = ("http://127.0.0.1:1/".to_owned(), String::new(), 0);
    } else if chance.once_in(4) {
        let from = &origins[chance.below(origins.len())].url;
        first = format!("{from}/moved?{id}={len}&{last}");
        stops = 2;
    }
    let is_post = chance.once_in(3);
    let mut request = Request::new();
    request.set_method(if is_post { "POST" } else { "GET" }).expect("a method");
    if is_post {
        request.set_body(content(id, chance.len(20_000)));
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let aio = world.runtime.aio(move |_| _ = count.fetch_add(1, SeqCst));
    if world.has_faults && world.chance.once_in(4) {
        aio.set_timeout(Duration::from_millis(1 + world.chance.len(10_000) as u64));
    }
    let response = Shared::new(Response::new());
    let url: Url = first.parse().expect("it is a URL");
    agent.fetch(&url, &request, &response, &aio);
    Fetch { aio, runs, response, id, expected: content(id, len), last, stops, is_post, is_refused }
}

impl Fetch {
    fn is_over(&self) -> bool {
        !self.aio.is_busy()
    }

    /// Checks the end; true if it is a success.
    fn check(&self, hits: &Hits, has_faults: bool) -> bool {
        assert_eq!(self.runs.load(SeqCst), 1, "the callback comes once");
        let count = hits.lock().get(&self.id).copied().unwrap_or(0);
        // Each stop of the way once, and what may be made again twice.
        let most = if self.is_post { self.stops } else { 2 * self.stops };
        assert!(count <= most, "it was made {count} times");
        let response = self.response.lock();
        match self.aio.result() {
            // The network was too slow for a server.
            0 if response.status() == 408 && has_faults => false,
            0 => {
                assert_eq!(response.status(), 200);
                assert!(response.body() == self.expected, "it is the answer to this request");
                let from = self.aio.take_output::<Url>(0).expect("it says where it is from");
                assert_eq!(from.to_string(), self.last);
                true
            }
            NNG_ECONNREFUSED if self.is_refused => true,
            NNG_ECANCELED | NNG_ETIMEDOUT | NNG_ECLOSED | NNG_ECONNSHUT | NNG_ECONNRESET => {
                assert!(response.body().is_empty(), "nothing half is left behind");
                false
            }
            other => panic!("unexpected: {other}"),
        }
    }
}

fn scenario(seed: u64) {
    LazyLock::force(&AUTHORITY);
    let mut world = World::new(seed);
    let hits = Hits::default();
    let origins: Vec<Origin> =
        (0..1 + world.chance.below(3)).map(|_| Origin::new(&mut world, &hits)).collect();
    let mut config = AgentConfig::default();
    config.max_redirects = 2;
    config.max_idle_per_host = world.chance.below(4);
    config.max_idle = world.chance.below(6);
    let agent = Agent::on(&world.runtime, config);
    let agent = agent.with_tls(&client_config(&AUTHORITY.0)).expect("it is a client's");
    let mut fetches: Vec<Fetch> = Vec::new();
    for _ in 0..200 + world.chance.below(1500) {
        match world.chance.below(8) {
            0..=4 => world.step(),
            5 => {
                let index = world.chance.below(origins.len());
                origins[index].accept(&mut world);
            }
            6 if fetches.len() < 30 && world.chance.once_in(4) => {
                let id = fetches.len();
                fetches.push(begin(&mut world, &agent, &origins, id));
            }
            _ if world.has_faults && !fetches.is_empty() && world.chance.once_in(30) => {
                let index = world.chance.below(fetches.len());
                fetches[index].aio.cancel();
            }
            _ => {}
        }
    }
    let mut patience = 20_000;
    while fetches.iter().any(|fetch| !fetch.is_over()) {
        patience -= 1;
        assert!(patience > 0, "somebody waits for ever");
        world.settle();
        let mut is_moving = false;
        for _ in 0..10 {
            for origin in &origins {
                is_moving |= origin.accept(&mut world);
            }
            if is_moving || fetches.iter().all(Fetch::is_over) {
                break;
            }
            world.wait_for_the_system();
        }
        if !is_moving && fetches.iter().any(|fetch| !fetch.is_over()) && !world.skip() {
            world.settle();
            let all = fetches.iter().all(Fetch::is_over);
            assert!(all, "somebody waits, and nothing will happen");
        }
    }
    let successes = fetches.iter().filter(|fetch| fetch.check(&hits, world.has_faults)).count();
    if !world.has_faults {
        let results: Vec<_> = fetches.iter().map(|fetch| fetch.aio.result()).collect();
        assert_eq!(successes, fetches.len(), "without a fault all succeed: {results:?}");
    }
    drop((fetches, agent, origins));
    world.wires.clear();
    world.end();
}

#[test]
fn every_fetch_ends_once_with_its_own_answer() {
    for_seeds(60, scenario);
}
