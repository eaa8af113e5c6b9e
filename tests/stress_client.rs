//! Thousands of requests at a time, on a few threads.
//!
//! `NNG_STRESS_PERCENT` scales their number, 100 by default.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use nng_aio::codes::NNG_ECANCELED;
use nng_oxide::Url;
use nng_oxide::http::{Agent, AgentConfig, Client, Request, Response, ServerConfig, Shared};
use rustix::process::{Resource, getrlimit, setrlimit};
use support::server::{fixed, running, serve};
use support::{Driver, Op};

/// How many at a time: as many as there are descriptors for, of which each needs two, and one more
/// while it closes.
fn crowd() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Whoever may not raise it makes do with what there is.
    let _ = setrlimit(Resource::Nofile, limit);
    let room = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = usize::try_from(room.saturating_sub(200) / 3).unwrap_or(usize::MAX);
    let percent = std::env::var("NNG_STRESS_PERCENT").map_or(100, |text| text.parse().unwrap());
    room.clamp(100, 2000) * percent / 100
}

/// Starts a crowd of operations, of which every tenth is cancelled, and sees all of them end.
fn run(driver: &Driver, start: impl Fn(&Op, &Shared<Response>)) {
    let ops: Vec<_> = (0..crowd())
        .map(|number| {
            let (op, response) = (Op::new(driver, |_| ()), Shared::new(Response::new()));
            start(&op, &response);
            if number % 10 == 3 {
                op.aio.cancel();
            }
            (op, response)
        })
        .collect();
    for (number, (op, response)) in ops.iter().enumerate() {
        match op.end() {
            (0, 0) => assert_eq!(response.lock().body(), b"Hello, World!"),
            other => assert_eq!((other, number % 10), ((NNG_ECANCELED, 0), 3)),
        }
    }
}

#[test]
fn thousands_at_a_time_end_and_leave_nothing() {
    let server = running(ServerConfig::default());
    serve(&server, [fixed("/hello", "Hello, World!")]);
    let url: Url = format!("http://{}/hello", server.addr()).parse().unwrap();
    let driver = Driver::threads();

    let client = Client::new(&url).unwrap().on(&driver.runtime);
    let request = Request::for_url(&url).unwrap();
    run(&driver, |op, response| client.transact(&request, response, &op.aio));
    drop(client);
    driver.until(|| driver.runtime.stats().sources == 0);

    let agent = Agent::on(&driver.runtime, AgentConfig::default());
    for _ in 0..2 {
        run(&driver, |op, response| agent.fetch(&url, &Request::new(), response, &op.aio));
        assert!(agent.idle_connections() <= 8);
    }
    drop(agent);
    driver.until(|| driver.runtime.stats().sources == 0);
}
