//! HTTP clients with TLS.

mod support;

use nng_aio::codes::*;
use nng_oxide::c_names::{
    nng_http_client_alloc, nng_http_client_free, nng_http_client_get_tls, nng_http_client_set_tls,
};
use nng_oxide::http::{
    Agent, AgentConfig, Client, Request, Response, Server, ServerConfig, Shared,
};
use nng_oxide::tls::{Config, Mode, Version};
use nng_oxide::{Error, Url};
use support::server::{fixed, handler, running, serve};
use support::tls::{Authority, client_config, secure_server, server_config};
use support::{Driver, Op};

/// A server with a certificate for these names, and who vouches for it.
fn secure(names: &[&str]) -> (Authority, Server) {
    let authority = Authority::new("root");
    let config = server_config(&authority.issue(names));
    let server = secure_server(&config, ServerConfig::default());
    serve(&server, [fixed("/", "secret")]);
    (authority, server)
}

fn url(server: &Server, host: &str) -> Url {
    let port = server.addr().port().expect("it has started");
    format!("https://{host}:{port}/").parse().expect("it is a URL")
}

/// Asks once; returns the result and the body.
fn transact(client: &Client, url: &Url) -> (i32, String) {
    let response = Shared::new(Response::new());
    let op = Op::new(&Driver::global(), |_| ());
    client.transact(&Request::for_url(url).expect("it is HTTP's"), &response, &op.aio);
    let result = op.result();
    (result, String::from_utf8_lossy(response.lock().body()).into_owned())
}

fn fetch(agent: &Agent, url: &Url) -> (i32, String) {
    let response = Shared::new(Response::new());
    let op = Op::new(&Driver::global(), |_| ());
    agent.fetch(url, &Request::new(), &response, &op.aio);
    let result = op.result();
    (result, String::from_utf8_lossy(response.lock().body()).into_owned())
}

#[test]
fn a_server_that_can_prove_who_it_is_is_asked() {
    let (authority, server) = secure(&["localhost", "127.0.0.1"]);
    for host in ["localhost", "127.0.0.1"] {
        let url = url(&server, host);
        let client = Client::new(&url).expect("it is HTTP's");
        client.set_tls(&client_config(&authority)).expect("it speaks TLS");
        assert_eq!(transact(&client, &url), (0, "secret".to_owned()), "{host}");
    }
}

#[test]
fn others_are_not() {
    let (authority, server) = secure(&["other.example"]);
    let url = url(&server, "127.0.0.1");
    let client = Client::new(&url).expect("it is HTTP's");
    assert_eq!(transact(&client, &url).0, NNG_EPEERAUTH, "at first it trusts nobody");
    client.set_tls(&client_config(&Authority::new("another"))).expect("it speaks TLS");
    assert_eq!(transact(&client, &url).0, NNG_EPEERAUTH, "nobody it knows");
    client.set_tls(&client_config(&authority)).expect("it speaks TLS");
    assert_eq!(transact(&client, &url).0, NNG_EPEERAUTH, "another host");
    let config = client_config(&authority);
    config.set_server_name("other.example").expect("it is unused");
    client.set_tls(&config).expect("it speaks TLS");
    assert_eq!(transact(&client, &url), (0, "secret".to_owned()), "which is meant");
    assert_eq!(config.set_server_name("x"), Err(Error::Busy), "it is in use");
}

#[test]
fn what_is_no_client_with_tls_takes_no_configuration() {
    let plain = Client::new(&"http://h".parse().expect("a URL")).expect("it is HTTP's");
    assert_eq!(plain.set_tls(&Config::new(Mode::Client)), Err(Error::NotSupported));
    assert_eq!(plain.tls().err(), Some(Error::NotSupported));
    let secure = Client::new(&"https://h".parse().expect("a URL")).expect("it is HTTP's");
    assert_eq!(secure.set_tls(&Config::new(Mode::Server)), Err(Error::Invalid));
    assert_eq!(secure.tls().map(|config| config.mode()), Ok(Mode::Client));
    assert_eq!(
        Agent::new(AgentConfig::default()).with_tls(&Config::new(Mode::Server)).err(),
        Some(Error::Invalid)
    );
}

#[test]
fn an_agent_keeps_connections_with_tls() {
    let (authority, server) = secure(&["127.0.0.1"]);
    let url = url(&server, "127.0.0.1");
    let agent = Agent::new(AgentConfig::default());
    assert_eq!(fetch(&agent, &url).0, NNG_EPEERAUTH, "it trusts nobody");
    let agent = agent.with_tls(&client_config(&authority)).expect("it is a client's");
    let before = server.stats().accepted;
    for _ in 0..3 {
        assert_eq!(fetch(&agent, &url), (0, "secret".to_owned()));
    }
    assert_eq!(server.stats().accepted, before + 1);
    assert_eq!(agent.idle_connections(), 1);
}

/// An agent that opens a connection for each request, since no other is kept.
fn forgetful(authority: &Authority, version: Version) -> Agent {
    let tls = client_config(authority);
    tls.set_versions(version, version).expect("it is unused");
    let mut config = AgentConfig::default();
    config.max_idle_per_host = 0;
    Agent::new(config).with_tls(&tls).expect("it is a client's")
}

#[test]
fn sessions_are_resumed() {
    for version in [Version::Tls1_2, Version::Tls1_3] {
        let (old, new) = (Authority::new("old"), Authority::new("new"));
        let config = server_config(&old.issue(&["127.0.0.1"]));
        let server = secure_server(&config, ServerConfig::default());
        serve(&server, [fixed("/", "secret")]);
        let url = url(&server, "127.0.0.1");
        let agent = forgetful(&old, version);
        assert_eq!(fetch(&agent, &url), (0, "secret".to_owned()));
        // In a full handshake, this one would be shown and refused.
        let renewed = new.issue(&["127.0.0.1"]);
        config.replace_own_cert(&renewed.cert, &renewed.key, None).expect("it fits");
        for _ in 0..3 {
            assert_eq!(fetch(&agent, &url), (0, "secret".to_owned()), "{version:?}");
        }
        assert_eq!(server.stats().accepted, 4);
        assert_eq!(fetch(&forgetful(&old, version), &url).0, NNG_EPEERAUTH);
        assert_eq!(fetch(&forgetful(&new, version), &url).0, 0);
    }
}

#[test]
fn a_redirect_leads_from_plain_to_secure() {
    let (authority, server) = secure(&["127.0.0.1"]);
    let location = url(&server, "127.0.0.1").to_string();
    let plain = running(ServerConfig::default());
    let moved = handler("", "/", move |exchange| {
        let mut response = Response::new();
        response.set_status(302);
        response.headers_mut().set("Location", &location).expect("it is a value");
        exchange.respond(response);
    });
    serve(&plain, [moved]);
    let mut config = AgentConfig::default();
    config.max_redirects = 1;
    let agent = Agent::new(config).with_tls(&client_config(&authority)).expect("a client's");
    let url = format!("http://{}/", plain.addr()).parse().expect("it is a URL");
    assert_eq!(fetch(&agent, &url), (0, "secret".to_owned()));
}

#[test]
fn it_has_its_names_in_c() {
    let mut client = None;
    assert_eq!(nng_http_client_alloc(&mut client, &"https://h".parse().expect("a URL")), 0);
    let client = client.expect("it was made");
    let mut cfg = None;
    assert_eq!(nng_http_client_get_tls(&client, &mut cfg), 0);
    assert_eq!(cfg.map(|cfg| cfg.mode()), Some(Mode::Client));
    assert_eq!(nng_http_client_set_tls(&client, &Config::new(Mode::Server)), NNG_EINVAL);
    assert_eq!(nng_http_client_set_tls(&client, &Config::new(Mode::Client)), 0);
    nng_http_client_free(client);
    let mut plain = None;
    assert_eq!(nng_http_client_alloc(&mut plain, &"http://h".parse().expect("a URL")), 0);
    let plain = plain.expect("it was made");
    let mut cfg = None;
    assert_eq!(nng_http_client_get_tls(&plain, &mut cfg), NNG_ENOTSUP);
    assert_eq!(nng_http_client_set_tls(&plain, &Config::new(Mode::Client)), NNG_ENOTSUP);
}
