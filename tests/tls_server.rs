//! Servers with TLS: what they do for clients that rustls makes, and against those that do not speak
//! TLS at all.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use nng_aio::log;
use nng_aio::net::Socket;
use nng_oxide::Error;
use nng_oxide::http::{Response, Server, ServerConfig};
use nng_oxide::tls::{AuthMode, Config, Mode, Version};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind, StreamOwned};
use support::server::{fixed, handler, own_address, respond, running, serve, try_connect, until};
use support::tls::{Authority, Client, answer, connect, get, secure_server, server_config};
use support::{Driver, LIMIT, Op, patiently, pattern, tcp_pair};

/// Bytes in a large body.
const LARGE: usize = 1 << 20;

/// A server with that configuration, a page, an echo and something large.
fn serving(tls: &Config, mut config: ServerConfig) -> Server {
    // However slow the machine is, nobody is cut off while it still sends.
    config.linger_timeout = Some(LIMIT);
    config.max_body = 2 * LARGE;
    let server = secure_server(tls, config);
    let echo = handler("POST", "/echo", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    });
    let large: Arc<[u8]> = pattern(LARGE).into();
    let large = handler("GET", "/large", move |exchange| respond(exchange, Arc::clone(&large)));
    let last = handler("GET", "/last", |exchange| {
        let mut response = Response::new();
        response.headers_mut().set("Connection", "close").expect("it is a field");
        response.set_body("last");
        exchange.respond(response);
    });
    serve(&server, [fixed("/page", "hello"), echo, large, last]);
    server
}

/// A server, and somebody who vouches for it.
fn simple() -> (Authority, Server) {
    let authority = Authority::new("root");
    let config = server_config(&authority.issue(&["localhost"]));
    (authority, serving(&config, ServerConfig::default()))
}

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn post(body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn requests_are_answered_over_both_versions() {
    let (authority, server) = simple();
    for version in VERSIONS {
        let mut client =
            Client { versions: &[version], ..Client::new(&authority) }.connect(&server);
        for _ in 0..3 {
            let text = get(&mut client, "/page", 5).unwrap();
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("hello"), "{text}");
        }
        assert_eq!(client.conn.protocol_version(), Some(version.version));
        assert_eq!(client.conn.alpn_protocol(), None);
    }
}

#[test]
fn large_bodies_go_both_ways() {
    let (authority, server) = simple();
    let body = pattern(LARGE);
    for version in VERSIONS {
        let client = Client { versions: &[version], ..Client::new(&authority) };
        let mut client = client.connect(&server);
        client.write_all(&post(&body)).unwrap();
        client.flush().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let mut echo = vec![0; LARGE];
        client.read_exact(&mut echo).unwrap();
        assert!(echo == body);
    }
}

#[test]
fn requests_in_one_piece_are_answered_in_order() {
    let (authority, server) = simple();
    let mut client = Client::new(&authority).connect(&server);
    let bodies: Vec<String> = (0..100).map(|number| format!("{number:04}")).collect();
    let requests: Vec<_> = bodies.iter().flat_map(|body| post(body.as_bytes())).collect();
    client.write_all(&requests).unwrap();
    client.flush().unwrap();
    for body in bodies {
        assert!(answer(&mut client, 4).unwrap().ends_with(&body));
    }
}

#[test]
fn a_head_may_be_as_long_as_without_tls() {
    let (authority, server) = simple();
    for version in VERSIONS {
        let client = Client { versions: &[version], ..Client::new(&authority) };
        let mut client = client.connect(&server);
        let filling = "x".repeat(60 << 10);
        write!(client, "GET /page HTTP/1.1\r\nHost: h\r\nX-Filling: {filling}\r\n\r\n").unwrap();
        client.flush().unwrap();
        assert!(answer(&mut client, 5).unwrap().ends_with("hello"));
        get(&mut client, "/page", 5).unwrap();
    }
}

#[test]
fn requests_in_a_burst_of_several_records_are_all_answered() {
    let (authority, server) = simple();
    let request = "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let count = (40 << 10) / request.len();
    for version in VERSIONS {
        let client = Client { versions: &[version], ..Client::new(&authority) };
        let mut client = client.connect(&server);
        client.write_all(request.repeat(count).as_bytes()).unwrap();
        client.flush().unwrap();
        for _ in 0..count {
            assert!(answer(&mut client, 5).unwrap().ends_with("hello"));
        }
        get(&mut client, "/last", 4).unwrap();
        assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}

/// Moves one byte at a time.
struct Bytewise(TcpStream);

impl Read for Bytewise {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let len = room.len().min(1);
        self.0.read(&mut room[..len])
    }
}

impl Write for Bytewise {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_comes_byte_by_byte_is_understood() {
    let (authority, server) = simple();
    for version in VERSIONS {
        let config = Client { versions: &[version], ..Client::new(&authority) }.config();
        let name = ServerName::try_from("localhost").unwrap();
        let socket = support::server::connect(&server);
        socket.set_nodelay(true).unwrap();
        let session = ClientConnection::new(config, name).unwrap();
        let mut client = StreamOwned::new(session, Bytewise(socket));
        for byte in post(b"hello") {
            client.write_all(&[byte]).unwrap();
        }
        client.flush().unwrap();
        assert!(answer(&mut client, 5).unwrap().ends_with("hello"));
    }
}

#[test]
fn the_end_of_a_connection_is_told() {
    let (authority, server) = simple();
    for version in VERSIONS {
        let mut client =
            Client { versions: &[version], ..Client::new(&authority) }.connect(&server);
        let text = get(&mut client, "/last", 4).unwrap();
        assert!(text.ends_with("last"), "{text}");
        let mut rest = Vec::new();
        // Without a word of the server's this would be an error.
        assert_eq!(client.read_to_end(&mut rest).unwrap(), 0);
    }
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let (authority, server) = simple();
    let mut client = Client::new(&authority).connect(&server);
    // More than the buffers of both ends hold.
    let count = 16;
    for _ in 0..count {
        client.write_all(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    }
    client.write_all(b"GET /last HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    client.flush().unwrap();
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    let body = pattern(LARGE);
    let mut rest = &all[..];
    for _ in 0..count {
        let head = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        assert!(rest[head..head + LARGE] == body[..]);
        rest = &rest[head + LARGE..];
    }
    assert!(rest.ends_with(b"\r\n\r\nlast"));
}

/// Set for the process whose memory is looked at.
const IS_WATCHED: &str = "NNG_TEST_WATCH_MEMORY";

#[test]
fn clients_that_read_nothing_lose_their_connections_and_take_no_memory() {
    const NAME: &str = "clients_that_read_nothing_lose_their_connections_and_take_no_memory";
    if std::env::var_os(IS_WATCHED).is_some() {
        return nobody_reads();
    }
    let mut own = Command::new(std::env::current_exe().unwrap());
    let output = own.args(["--exact", NAME]).env(IS_WATCHED, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The most memory that this process ever had, in bytes; 0 where the system does not tell.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or(0, |line| {
        line.trim_end_matches("kB").trim().parse::<usize>().expect("a number") << 10
    })
}

fn nobody_reads() {
    let authority = Authority::new("root");
    let mut config = ServerConfig::default();
    config.write_timeout = Some(Duration::from_millis(50));
    let server = serving(&server_config(&authority.issue(&["localhost"])), config);
    // More than the system holds, and far more than the server should.
    let (clients, each) = (8, 64);
    let client = || {
        let mut client = Client::new(&authority).connect(&server);
        client
            .write_all("GET /large HTTP/1.1\r\nHost: h\r\n\r\n".repeat(each).as_bytes())
            .expect("it takes them");
        client.flush().expect("it takes them");
        client
    };
    let before = peak_memory();
    let clients: Vec<_> = (0..clients).map(|_| client()).collect();
    until(|| server.stats().accepted == clients.len() as u64 && server.stats().open == 0);
    let grown = peak_memory() - before;
    assert!(grown < clients.len() * each * LARGE / 8, "{grown}");
    for mut client in clients {
        let mut all = Vec::new();
        let end = client.read_to_end(&mut all);
        assert!(end.is_err() && all.len() < each * LARGE, "{end:?} {}", all.len());
    }
    get(&mut Client::new(&authority).connect(&server), "/page", 5).expect("an answer");
}

#[test]
fn clients_that_go_in_the_midst_take_nothing_with_them() {
    let (authority, server) = simple();
    for sent in ["GET /pa", "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let mut client = Client::new(&authority).connect(&server);
        client.write_all(sent.as_bytes()).unwrap();
        client.flush().unwrap();
    }
    until(|| server.stats().open == 0);
    let mut client = Client::new(&authority).connect(&server);
    get(&mut client, "/page", 5).unwrap();
}

#[test]
fn sessions_are_resumed() {
    let (authority, server) = simple();
    for version in VERSIONS {
        let mut config =
            (*Client { versions: &[version], ..Client::new(&authority) }.config()).clone();
        config.resumption = Resumption::in_memory_sessions(8);
        let config = Arc::new(config);
        let mut kind = None;
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = connect(&server, Arc::clone(&config));
            // What lets a client resume comes before the answer.
            get(&mut client, "/page", 5).unwrap();
            kind = client.conn.handshake_kind();
            assert_eq!(kind, Some(expected), "{:?}", version.version);
        }
        assert!(kind.is_some());
    }
}

#[test]
fn new_keys_in_the_midst_of_a_connection_go_unnoticed() {
    let (authority, server) = simple();
    let mut client = Client { versions: &[&TLS13], ..Client::new(&authority) }.connect(&server);
    get(&mut client, "/page", 5).unwrap();
    for _ in 0..3 {
        client.conn.refresh_traffic_keys().unwrap();
        client.flush().unwrap();
        get(&mut client, "/page", 5).unwrap();
    }
}

#[test]
fn a_connection_that_a_handler_takes_over_keeps_its_tls() {
    let (authority, server) = simple();
    let (give, take) = mpsc::channel();
    let up = handler("GET", "/up", move |exchange| {
        give.send(exchange.hijack().unwrap().0).unwrap();
    });
    serve(&server, [up]);
    let mut client = Client::new(&authority).connect(&server);
    client.write_all(b"GET /up HTTP/1.1\r\nHost: h\r\n\r\nping").unwrap();
    client.flush().unwrap();
    let conn = take.recv_timeout(LIMIT).unwrap();
    let (read, write) = (Op::new(&Driver::global(), |_| ()), Op::new(&Driver::global(), |_| ()));
    read.aio.set_buffer(vec![0; 4]).unwrap();
    conn.read_all(&read.aio);
    assert_eq!(read.bytes(), b"ping");
    write.aio.set_buffer(b"pong".to_vec()).unwrap();
    conn.write_all(&write.aio);
    assert_eq!(write.end(), (0, 4));
    let mut pong = [0; 4];
    client.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"pong");
    conn.close();
    assert_eq!(patiently(|| client.read(&mut pong)).unwrap(), 0, "the end is told");
}

#[test]
fn a_server_that_ends_gently_tells_idle_clients() {
    let (authority, server) = simple();
    let mut client = Client::new(&authority).connect(&server);
    get(&mut client, "/page", 5).unwrap();
    let op = Op::new(&Driver::global(), |_| ());
    server.drain(&op.aio);
    assert_eq!(patiently(|| client.read(&mut [0])).unwrap(), 0, "the end is told");
    drop(client);
    assert_eq!(op.result(), 0);
}

#[test]
fn a_connection_that_is_handed_to_a_server_gets_its_tls() {
    let (authority, server) = simple();
    let (ours, theirs) = tcp_pair();
    ours.set_read_timeout(Some(LIMIT)).unwrap();
    server.admit(Socket::from_fd(theirs.into())).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Client::new(&authority).config(), name).unwrap();
    get(&mut StreamOwned::new(session, ours), "/page", 5).unwrap();
}

// --- Who is who ---------------------------------------------------------------------------------

#[test]
fn a_server_without_a_certificate_refuses_every_handshake() {
    let authority = Authority::new("root");
    let server = serving(&Config::new(Mode::Server), ServerConfig::default());
    let mut client = Client::new(&authority).connect(&server);
    assert!(get(&mut client, "/page", 5).is_err());
}

#[test]
fn a_running_server_shows_its_new_certificate() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let config = server_config(&old.issue(&["localhost"]));
    let server = serving(&config, ServerConfig::default());
    let mut early = Client::new(&old).connect(&server);
    get(&mut early, "/page", 5).unwrap();
    assert_eq!(config.add_own_cert("", "", None), Err(Error::Busy));
    let renewed = new.issue(&["localhost"]);
    assert_eq!(config.replace_own_cert(&renewed.cert, "nothing", None), Err(Error::Crypto));
    config.replace_own_cert(&renewed.cert, &renewed.key, None).unwrap();
    get(&mut Client::new(&new).connect(&server), "/page", 5).unwrap();
    assert!(get(&mut Client::new(&old).connect(&server), "/page", 5).is_err());
    get(&mut early, "/page", 5).unwrap();
}

#[test]
fn a_running_server_takes_another_configuration() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let server = serving(&server_config(&old.issue(&["localhost"])), ServerConfig::default());
    let mut early = Client::new(&old).connect(&server);
    get(&mut early, "/page", 5).unwrap();
    let config = server_config(&new.issue(&["localhost"]));
    server.set_tls(&config).unwrap();
    get(&mut Client::new(&new).connect(&server), "/page", 5).unwrap();
    assert!(get(&mut Client::new(&old).connect(&server), "/page", 5).is_err());
    get(&mut early, "/page", 5).unwrap();
    assert_eq!(config.set_auth_mode(AuthMode::Required), Err(Error::Busy));
    assert_eq!(server.tls().unwrap().set_auth_mode(AuthMode::None), Err(Error::Busy));
}

#[test]
fn the_certificate_follows_the_name_that_a_client_asks_for() {
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    let config = server_config(&one.issue(&["example.org"]));
    let credentials = other.issue(&["localhost"]);
    config.add_own_cert(&credentials.cert, &credentials.key, None).unwrap();
    let server = serving(&config, ServerConfig::default());
    get(&mut Client::new(&other).connect(&server), "/page", 5).unwrap();
}

#[test]
fn clients_are_asked_who_they_are_if_that_is_wanted() {
    let (authority, clients) = (Authority::new("root"), Authority::new("clients"));
    let (known, unknown) = (clients.issue(&["me"]), Authority::new("x").issue(&["me"]));
    let revoked = clients.issue(&["me"]);
    for (mode, strangers) in
        [(AuthMode::None, true), (AuthMode::Optional, true), (AuthMode::Required, false)]
    {
        let config = server_config(&authority.issue(&["localhost"]));
        let list = clients.revoke(&[&revoked], 2100);
        config.add_ca_chain(&clients.cert, &*list).unwrap();
        config.set_auth_mode(mode).unwrap();
        let server = serving(&config, ServerConfig::default());
        for version in VERSIONS {
            for (credentials, is_welcome) in [
                (None, strangers),
                (Some(&known), true),
                (Some(&unknown), strangers),
                (Some(&clients.issue_expired(&["me"])), strangers),
                (Some(&revoked), strangers),
            ] {
                let client = Client { credentials, versions: &[version], authority: &authority };
                let result = get(&mut client.connect(&server), "/page", 5);
                assert_eq!(result.is_ok(), is_welcome, "{mode:?} {version:?} {result:?}");
                if !is_welcome {
                    let told = result.unwrap_err().to_string();
                    assert!(told.contains("alert"), "the client is told why: {told}");
                }
            }
        }
    }
}

#[test]
fn only_the_versions_that_are_wanted_are_spoken() {
    let authority = Authority::new("root");
    for (version, spoken) in [(Version::Tls1_2, VERSIONS[0]), (Version::Tls1_3, VERSIONS[1])] {
        let config = server_config(&authority.issue(&["localhost"]));
        config.set_versions(version, version).unwrap();
        let server = serving(&config, ServerConfig::default());
        for offered in VERSIONS {
            let client = Client { versions: &[offered], ..Client::new(&authority) };
            let result = get(&mut client.connect(&server), "/page", 5);
            assert_eq!(result.is_ok(), offered == spoken, "{result:?}");
        }
        let mut both = Client::new(&authority).connect(&server);
        get(&mut both, "/page", 5).unwrap();
        assert_eq!(both.conn.protocol_version(), Some(spoken.version));
    }
}

#[test]
fn protocols_are_agreed_on_if_both_sides_name_some() {
    let authority = Authority::new("root");
    let config = server_config(&authority.issue(&["localhost"]));
    config.set_protocols(&["http/1.1"]).unwrap();
    let server = serving(&config, ServerConfig::default());
    let offering = |names: &[&str]| {
        let mut config = (*Client::new(&authority).config()).clone();
        config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        connect(&server, Arc::new(config))
    };
    let mut client = offering(&["h2", "http/1.1"]);
    get(&mut client, "/page", 5).unwrap();
    assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(get(&mut offering(&["h2"]), "/page", 5).is_err());
    get(&mut offering(&[]), "/page", 5).unwrap();
}

#[test]
fn only_servers_with_tls_have_a_configuration() {
    let plain =
        Server::with_config(&"http://127.0.0.1:0".parse().unwrap(), ServerConfig::default());
    let plain = plain.unwrap();
    assert_eq!(plain.tls().err(), Some(Error::NotSupported));
    assert_eq!(plain.set_tls(&Config::new(Mode::Server)), Err(Error::NotSupported));
    let server =
        Server::with_config(&"wss4://127.0.0.1:0".parse().unwrap(), ServerConfig::default());
    let server = server.unwrap();
    let config = server.tls().unwrap();
    assert_eq!(config.mode(), Mode::Server);
    config.set_auth_mode(AuthMode::None).unwrap();
    assert_eq!(server.set_tls(&Config::new(Mode::Client)), Err(Error::Invalid));
    server.start().unwrap();
    assert_eq!(config.set_auth_mode(AuthMode::None), Err(Error::Busy), "it is in use");
}

// --- Who does not speak TLS ---------------------------------------------------------------------

#[test]
fn nobody_gets_a_server_without_tls_for_one_with_it() {
    let plain = running(ServerConfig::default());
    let url = format!("https://{}:0", own_address()).parse().unwrap();
    let secure = Server::hold(&url).unwrap();
    secure.start().unwrap();
    for (first, scheme) in [(&plain, "https"), (&secure, "http")] {
        let url = format!("{scheme}://{}", first.addr().to_inet().unwrap()).parse().unwrap();
        let other = Server::hold(&url).unwrap();
        assert_eq!(other.tls().is_ok(), scheme == "https");
        for _ in 0..2 {
            assert_eq!(other.start(), Err(Error::AddressInUse));
        }
        // As soon as the port is free, the other may have it.
        first.stop();
        until(|| other.start() != Err(Error::AddressInUse));
        assert_eq!(other.addr(), first.addr());
    }
}

#[test]
fn a_client_without_tls_is_sent_away_and_the_log_says_why() {
    use std::sync::Mutex;
    static TEXTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let (authority, server) = simple();
    log::set_hook(Some(Arc::new(|record| {
        TEXTS.lock().unwrap().push(format!("{} {}", record.id, record.text));
    })));
    let mut client = support::server::connect(&server);
    let own = client.local_addr().unwrap().to_string();
    client.write_all(b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let is_ours = |text: &String| text.contains(&own) && text.contains("does not speak TLS");
    until(|| TEXTS.lock().unwrap().iter().any(is_ours));
    log::set_hook(None);
    get(&mut Client::new(&authority).connect(&server), "/page", 5).unwrap();
}

#[test]
fn garbage_and_halves_of_handshakes_harm_nobody() {
    let (authority, server) = simple();
    // The first flight of a client.
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Client::new(&authority).config(), name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    let mut inputs: Vec<Vec<u8>> =
        (0..hello.len()).step_by(7).map(|at| hello[..at].to_vec()).collect();
    for at in (0..hello.len()).step_by(11) {
        let mut broken = hello.clone();
        broken[at] ^= 0xff;
        inputs.push(broken);
    }
    // Records of every kind that are as long as can be said, or empty.
    for kind in 0..=255 {
        inputs.push([vec![kind, 3, 3, 0xff, 0xff], vec![0; 300]].concat());
        inputs.push(vec![kind, 3, 3, 0, 0]);
    }
    inputs.push(pattern(100_000));
    for input in inputs {
        let mut client = try_connect(&server).unwrap();
        // The server may have had enough of it.
        let _ = client.write_all(&input);
        let _ = client.shutdown(std::net::Shutdown::Write);
        client.set_read_timeout(Some(LIMIT)).unwrap();
        match client.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    until(|| server.stats().open == 0);
    get(&mut Client::new(&authority).connect(&server), "/page", 5).unwrap();
}

/// The server ends the connection without another word.
fn assert_ends(client: &mut impl Read) {
    match client.read_to_end(&mut Vec::new()) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => {
            let is_end = matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
            );
            assert!(is_end, "{error}");
        }
    }
}

#[test]
fn a_handshake_that_stalls_is_given_up() {
    let authority = Authority::new("root");
    let mut config = ServerConfig::default();
    config.head_timeout = Some(Duration::from_millis(50));
    config.idle_timeout = None;
    let server = serving(&server_config(&authority.issue(&["localhost"])), config);
    for sent in [&b""[..], &[22, 3, 1, 0, 200]] {
        let mut client = support::server::connect(&server);
        client.write_all(sent).unwrap();
        assert_ends(&mut client);
    }
}

#[test]
fn a_client_may_take_its_time_after_the_handshake() {
    let authority = Authority::new("root");
    let mut config = ServerConfig::default();
    config.head_timeout = Some(Duration::from_secs(3600));
    config.idle_timeout = Some(Duration::from_millis(50));
    let server = serving(&server_config(&authority.issue(&["localhost"])), config);
    let mut client = Client::new(&authority).connect(&server);
    // It says nothing, so the handshake alone ends the one limit and begins the other.
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock).unwrap();
    }
    assert_ends(&mut client);
}

#[test]
fn a_stop_ends_handshakes_and_connections() {
    let (authority, server) = simple();
    let mut stalled = support::server::connect(&server);
    stalled.write_all(&[22, 3, 1]).unwrap();
    let mut open = Client::new(&authority).connect(&server);
    get(&mut open, "/page", 5).unwrap();
    until(|| server.stats().open == 2);
    server.stop();
    assert_ends(&mut stalled);
    assert_ends(&mut open);
    assert!(try_connect(&server).is_err());
}

#[test]
fn many_clients_at_once_are_served() {
    let (authority, server) = simple();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::new(&authority).connect(&server);
                for number in 0..50 {
                    let body = format!("{number:05}");
                    client.write_all(&post(body.as_bytes())).unwrap();
                    client.flush().unwrap();
                    assert!(answer(&mut client, 5).unwrap().ends_with(&body));
                }
            });
        }
    });
}
