//! Byte streams with TLS, by URL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use directory::Directory;
use nng_aio::codes::{
    NNG_ECANCELED, NNG_ECLOSED, NNG_ECONNSHUT, NNG_ECRYPTO, NNG_EPEERAUTH, NNG_ETIMEDOUT,
};
use nng_aio::{Aio, Buffers, Error};
use nng_oxide::Url;
use nng_oxide::option::{self, Options, Value};
use nng_oxide::stream::{Dialer, Listener, Stream};
use nng_oxide::tls::{AuthMode, Config, Mode, Version};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, StreamOwned};
use support::tls::{Authority, Client, client_config, server_config};
use support::{BIG, Driver, LIMIT, Op, pattern};

/// A listener and a dialer for it.
struct Bench {
    driver: Driver,
    listener: Listener,
    dialer: Dialer,
}

impl Bench {
    fn new(driver: Driver, client: &Config, server: &Config) -> Self {
        let url: Url = "tls+tcp://127.0.0.1:0".parse().unwrap();
        let listener = Listener::new(&url).unwrap().on(&driver.runtime);
        listener.set_tls(server).unwrap();
        listener.listen().unwrap();
        let port = listener.option(option::TCP_BOUND_PORT).unwrap().into_int().unwrap();
        let url: Url = format!("tls+tcp://127.0.0.1:{port}").parse().unwrap();
        let dialer = Dialer::new(&url).unwrap().on(&driver.runtime);
        dialer.set_tls(client).unwrap();
        Self { driver, listener, dialer }
    }

    /// With a certificate for the address.
    fn simple(driver: Driver) -> Self {
        let authority = Authority::new("root");
        let server = server_config(&authority.issue(&["127.0.0.1"]));
        Self::new(driver, &client_config(&authority), &server)
    }

    fn op(&self) -> Op {
        Op::new(&self.driver, |_| ())
    }

    fn start(&self, begin: impl FnOnce(&Aio)) -> Op {
        let op = self.op();
        begin(&op.aio);
        op
    }

    /// Both ends of a new connection, the client's first.
    fn connect(&self) -> (Stream, Stream) {
        let accept = self.start(|aio| self.listener.accept(aio));
        let dial = self.start(|aio| self.dialer.dial(aio));
        assert_eq!((dial.result(), accept.result()), (0, 0));
        (dial.aio.take_output(0).unwrap(), accept.aio.take_output(0).unwrap())
    }

    fn send(&self, stream: &Stream, bytes: impl Into<Vec<u8>>) -> Op {
        let op = self.op();
        op.aio.set_buffer(bytes.into()).unwrap();
        stream.send(&op.aio);
        op
    }

    fn recv(&self, stream: &Stream, room: usize) -> Op {
        let op = self.op();
        op.aio.set_buffer(vec![0; room]).unwrap();
        stream.recv(&op.aio);
        op
    }

    /// A connection whose handshake is done.
    fn open(&self) -> (Stream, Stream) {
        let (client, server) = self.connect();
        let (there, back) = (self.recv(&server, 10), self.recv(&client, 10));
        let sends = (self.send(&client, "there"), self.send(&server, "back"));
        assert_eq!((sends.0.end(), sends.1.end()), ((0, 5), (0, 4)));
        assert_eq!((there.text(), back.text()), ("there".to_owned(), "back".to_owned()));
        (client, server)
    }
}

/// Makes a test on threads, and a host-driven one.
macro_rules! on_both {
    ($(fn $name:ident($driver:pat_param) $body:block)+) => {
        $(fn $name($driver: Driver) $body)+

        mod threads {
            $(#[test] fn $name() { super::$name(super::Driver::threads()); })+
        }

        mod host {
            $(#[test] fn $name() { super::$name(super::Driver::host()); })+
        }
    };
}

on_both! {
    fn bytes_go_both_ways(driver) {
        let bench = Bench::simple(driver);
        bench.open();
    }

    fn much_goes_both_ways_at_once(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.connect();
        let body = pattern(BIG);
        let mut sent = [0, 0];
        let mut got = [Vec::new(), Vec::new()];
        let ends = [&client, &server];
        let mut sends = ends.map(|end| bench.send(end, &body[..100_000]));
        let mut recvs = ends.map(|end| bench.recv(end, 50_000));
        while got.iter().any(|bytes| bytes.len() < BIG) {
            for side in [0, 1] {
                if sent[side] < BIG && sends[side].runs() > 0 {
                    assert_eq!(sends[side].result(), 0);
                    sent[side] += sends[side].aio.count();
                    let next = (sent[side] + 100_000).min(BIG);
                    if sent[side] < BIG {
                        sends[side] = bench.send(ends[side], &body[sent[side]..next]);
                    }
                }
                if got[side].len() < BIG && recvs[side].runs() > 0 {
                    got[side].extend(recvs[side].bytes());
                    recvs[side] = bench.recv(ends[side], 50_000);
                }
            }
            bench.driver.settle();
        }
        assert!(got[0] == body && got[1] == body);
    }

    fn a_cancelled_operation_leaves_the_stream_as_it_was(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.open();
        let (one, other) = (bench.recv(&server, 5), bench.recv(&server, 5));
        one.aio.cancel();
        assert_eq!(one.result(), NNG_ECANCELED);
        let late = bench.op().timeout(Duration::from_millis(5));
        late.aio.set_buffer(vec![0; 5]).unwrap();
        client.recv(&late.aio);
        assert_eq!(late.result(), NNG_ETIMEDOUT);
        assert_eq!(bench.send(&client, "hello").end(), (0, 5));
        assert_eq!(other.text(), "hello");
        let back = bench.recv(&client, 5);
        assert_eq!(bench.send(&server, "world").end(), (0, 5));
        assert_eq!(back.text(), "world");
    }

    fn a_send_in_a_stalled_handshake_can_be_cancelled(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.connect();
        let send = bench.send(&client, "lost");
        send.assert_pending();
        send.aio.cancel();
        assert_eq!(send.result(), NNG_ECANCELED);
        let late = bench.op().timeout(Duration::from_millis(5));
        late.aio.set_buffer(b"late".to_vec()).unwrap();
        client.send(&late.aio);
        assert_eq!(late.result(), NNG_ETIMEDOUT);
        let recv = bench.recv(&server, 10);
        assert_eq!(bench.send(&client, "sent").end(), (0, 4));
        assert_eq!(recv.text(), "sent");
    }

    fn what_somebody_sent_who_never_receives_arrives_after_a_close(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.connect();
        let body = pattern(BIG);
        let first = bench.recv(&server, 1);
        let mut sent = 0;
        // Until the system takes no more. What the server has said meanwhile is not received.
        while sent < BIG {
            let send = bench.op().timeout(Duration::from_millis(500));
            send.aio.set_buffer(body[sent..].to_vec()).unwrap();
            client.send(&send.aio);
            match send.end() {
                (0, count) => sent += count,
                (result, _) => {
                    assert_eq!(result, NNG_ETIMEDOUT);
                    break;
                }
            }
        }
        client.close();
        assert_eq!(first.end(), (0, 1));
        let mut arrived = first.bytes();
        let end = loop {
            let recv = bench.recv(&server, 60_000);
            match recv.end() {
                (0, count) => arrived.extend(&recv.aio.take_buffer()[..count]),
                (result, _) => break result,
            }
        };
        assert_eq!(end, NNG_ECONNSHUT);
        assert_eq!(arrived.len(), sent);
        assert!(arrived == body[..sent]);
    }

    fn what_counted_as_sent_arrives_after_a_close(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.open();
        let body = pattern(BIG);
        // More than the system takes, so that something waits to be sent.
        let mut sent = 0;
        while sent < BIG {
            let send = bench.send(&client, &body[sent..]);
            bench.driver.settle();
            if bench.driver.is_host_driven() && send.runs() == 0 {
                client.close();
                assert_eq!(send.end(), (NNG_ECLOSED, 0));
                break;
            }
            // On threads nobody knows when nothing happens any more.
            let late = bench.op().timeout(Duration::from_millis(20));
            late.aio.set_buffer(vec![0]).unwrap();
            client.recv(&late.aio);
            assert_eq!(late.result(), NNG_ETIMEDOUT);
            if send.runs() == 0 {
                client.close();
            }
            let (result, count) = send.end();
            sent += count;
            if result != 0 {
                assert_eq!((result, count), (NNG_ECLOSED, 0));
                break;
            }
        }
        let mut arrived = Vec::<u8>::new();
        let end = loop {
            let recv = bench.recv(&server, 60_000);
            match recv.end() {
                (0, count) => arrived.extend(&recv.aio.take_buffer()[..count]),
                (result, _) => break result,
            }
        };
        assert_eq!((end, arrived.len()), (NNG_ECONNSHUT, sent));
        assert!(arrived == body[..sent]);
    }

    fn the_end_is_told_at_every_call(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.open();
        let waiting = bench.recv(&server, 5);
        client.close();
        assert_eq!(waiting.result(), NNG_ECONNSHUT);
        for _ in 0..3 {
            assert_eq!(bench.recv(&server, 5).result(), NNG_ECONNSHUT);
        }
        assert_eq!(bench.recv(&client, 5).result(), NNG_ECLOSED);
        assert_eq!(bench.send(&client, "x").result(), NNG_ECLOSED);
    }

    fn a_failure_stays(driver) {
        let (authority, other) = (Authority::new("root"), Authority::new("other"));
        let server = server_config(&other.issue(&["127.0.0.1"]));
        let bench = Bench::new(driver, &client_config(&authority), &server);
        let (client, server) = bench.connect();
        let waiting = [bench.recv(&client, 5), bench.recv(&client, 5), bench.send(&client, "x")];
        let peer = bench.recv(&server, 5);
        for op in waiting {
            assert_eq!(op.result(), NNG_EPEERAUTH);
        }
        assert_eq!(peer.result(), NNG_ECRYPTO);
        for _ in 0..3 {
            assert_eq!(bench.recv(&client, 5).result(), NNG_EPEERAUTH);
            assert_eq!(bench.send(&client, "x").result(), NNG_EPEERAUTH);
            assert_eq!(bench.recv(&server, 5).result(), NNG_ECRYPTO);
            assert_eq!(bench.send(&server, "x").result(), NNG_ECRYPTO);
        }
        assert_eq!(client.option(option::TLS_VERIFIED), Ok(Value::Bool(false)));
    }

    fn who_the_peer_is_can_be_asked(driver) {
        let (root, clients) = (Authority::new("root"), Authority::new("clients"));
        let own = root.issue_with(&["h.example", "127.0.0.1"], |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, "server");
        });
        let me = clients.issue_with(&[], |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, "me");
        });
        let client = client_config(&root);
        client.add_own_cert(&me.cert, &me.key, None).unwrap();
        let server = server_config(&own);
        server.add_ca_chain(&clients.cert, None).unwrap();
        server.set_auth_mode(AuthMode::Optional).unwrap();
        let bench = Bench::new(driver, &client, &server);
        let (client, server) = bench.connect();
        assert_eq!(client.option(option::TLS_VERIFIED), Ok(false.into()), "not yet");
        drop((client, server));
        let (client, server) = bench.open();
        for (stream, name, others) in
            [(&client, "server", vec!["h.example", "127.0.0.1"]), (&server, "me", vec![])]
        {
            assert_eq!(stream.option(option::TLS_VERIFIED), Ok(true.into()));
            assert_eq!(stream.option(option::TLS_PEER_CN), Ok(name.into()));
            let others = others.into_iter().map(str::to_owned).collect();
            assert_eq!(stream.option(option::TLS_PEER_ALT_NAMES), Ok(Value::Strings(others)));
            assert_eq!(stream.set_option(option::TLS_VERIFIED, true), Err(Error::ReadOnly));
            assert_eq!(stream.option(option::TLS_CONFIG), Err(Error::NotSupported));
            assert_eq!(stream.option(option::TCP_NODELAY), Ok(true.into()));
            assert_eq!(stream.option(option::PEER_PID), Err(Error::NotSupported));
        }
        let remote = client.option(option::REMOTE_ADDRESS);
        assert_eq!(remote, server.option(option::LOCAL_ADDRESS));
        client.close();
        assert_eq!(client.option(option::TLS_VERIFIED), Err(Error::Closed));
    }

    fn without_a_certificate_nobody_is_verified(driver) {
        let root = Authority::new("root");
        let trusting = Config::new(Mode::Client);
        trusting.set_auth_mode(AuthMode::None).unwrap();
        let bench = Bench::new(driver, &trusting, &server_config(&root.issue(&["x"])));
        let (client, server) = bench.open();
        assert_eq!(client.option(option::TLS_VERIFIED), Ok(false.into()));
        assert_eq!(server.option(option::TLS_VERIFIED), Ok(false.into()));
        assert_eq!(server.option(option::TLS_PEER_CN), Err(Error::NotFound));
        assert_eq!(server.option(option::TLS_PEER_ALT_NAMES), Ok(Value::Strings(Vec::new())));
    }

    fn servers_ignore_the_name_that_is_set(driver) {
        let (root, clients) = (Authority::new("root"), Authority::new("clients"));
        let server = server_config(&root.issue(&["127.0.0.1"]));
        server.add_ca_chain(&clients.cert, None).unwrap();
        server.set_auth_mode(AuthMode::Required).unwrap();
        server.set_server_name("ignored").unwrap();
        let (client, me) = (client_config(&root), clients.issue(&["me"]));
        client.add_own_cert(&me.cert, &me.key, None).unwrap();
        let bench = Bench::new(driver, &client, &server);
        let (_client, server) = bench.open();
        assert_eq!(server.option(option::TLS_VERIFIED), Ok(true.into()));
    }

    fn without_a_name_of_its_own_a_configuration_stands_for_the_host(driver) {
        let root = Authority::new("root");
        let own = root.issue(&["elsewhere"]);
        let bench = Bench::new(driver, &client_config(&root), &server_config(&own));
        let (client, server) = bench.connect();
        let recv = bench.recv(&server, 5);
        assert_eq!(bench.send(&client, "x").result(), NNG_EPEERAUTH);
        assert_eq!(recv.result(), NNG_ECRYPTO);
        assert_eq!(client.option(option::TLS_VERIFIED), Ok(false.into()));
        let named = client_config(&root);
        named.set_server_name("elsewhere").unwrap();
        bench.dialer.set_tls(&named).unwrap();
        let (client, _server) = bench.open();
        assert_eq!(client.option(option::TLS_VERIFIED), Ok(true.into()));
    }

    fn who_shows_a_bad_certificate_unasked_is_not_verified(driver) {
        let (root, clients) = (Authority::new("root"), Authority::new("clients"));
        let good = clients.issue(&["me"]);
        let table = [
            (Authority::new("nobody").issue(&["me"]), false),
            (clients.issue_expired(&["me"]), false),
            (good, true),
        ];
        for version in [Version::Tls1_2, Version::Tls1_3] {
            for (number, (me, is_good)) in table.iter().enumerate() {
                let server = server_config(&root.issue(&["127.0.0.1"]));
                server.add_ca_chain(&clients.cert, None).unwrap();
                server.set_auth_mode(AuthMode::Optional).unwrap();
                let client = client_config(&root);
                client.add_own_cert(&me.cert, &me.key, None).unwrap();
                client.set_versions(version, version).unwrap();
                let bench = Bench::new(driver.clone(), &client, &server);
                let (_client, server) = bench.open();
                let verified = server.option(option::TLS_VERIFIED);
                assert_eq!(verified, Ok((*is_good).into()), "{version:?} {number}");
            }
        }
    }

    fn all_pieces_of_memory_are_sent_and_filled(driver) {
        let bench = Bench::simple(driver);
        let (client, server) = bench.open();
        for (from, to) in [(&client, &server), (&server, &client)] {
            let recv = bench.op();
            let room = vec![vec![0; 2].into(), vec![].into(), vec![0; 8].into()];
            recv.aio.set_buffers(Buffers::from_pieces(room).unwrap()).unwrap();
            to.recv(&recv.aio);
            let send = bench.op();
            let pieces = vec!["hel".into(), "".into(), "lo".into()];
            send.aio.set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
            from.send(&send.aio);
            assert_eq!((send.end(), recv.end()), ((0, 5), (0, 5)));
            let room = recv.aio.take_buffers();
            let texts: Vec<_> = room.pieces().iter().map(|piece| piece.as_slice()).collect();
            assert_eq!(texts, [&b"he"[..], b"", b"llo\0\0\0\0\0"]);
        }
    }
}

#[test]
fn blocking_calls_go_through_tls_as_well() {
    let bench = Bench::simple(Driver::threads());
    let (client, server) = bench.connect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut room = [0; 10];
            let count = server.recv_sync(&mut room, LIMIT).unwrap();
            server.send_sync(&room[..count], LIMIT).unwrap();
        });
        assert_eq!(client.send_sync(b"hello", LIMIT), Ok(5));
        let mut room = [0; 10];
        assert_eq!(client.recv_sync(&mut room, LIMIT), Ok(5));
        assert_eq!(&room[..5], b"hello");
    });
    assert_eq!(client.recv_sync(&mut [0], Duration::ZERO), Err(Error::TimedOut));
}

#[test]
fn options_reach_the_configuration_until_it_is_used() {
    let directory = Directory::new();
    let root = Authority::new("root");
    let own = root.issue(&["h.example"]);
    let (roots, both) = (directory.join("roots.pem"), directory.join("both.pem"));
    fs::write(&roots, &root.cert).unwrap();
    fs::write(&both, format!("{}{}", own.cert, own.key)).unwrap();
    let text = |path: &std::path::Path| path.display().to_string();
    let listener = Listener::new(&"tls+tcp4://127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(listener.set_option(option::TLS_CERT_KEY_FILE, text(&both)), Ok(()));
    assert_eq!(listener.set_option(option::TLS_SERVER_NAME, "ignored"), Ok(()));
    let missing = listener.set_option(option::TLS_CA_FILE, text(&directory.join("no")));
    assert_eq!(missing, Err(Error::NotFound));
    listener.listen().unwrap();
    let url = format!("tls+tcp://{}", listener.local_addr()).parse().unwrap();
    let dialer = Dialer::new(&url).unwrap();
    assert_eq!(dialer.set_option(option::TLS_CA_FILE, text(&roots)), Ok(()));
    assert_eq!(dialer.set_option(option::TLS_SERVER_NAME, "h.example"), Ok(()));
    assert_eq!(dialer.set_option(option::TLS_AUTH_MODE, 2), Ok(()));
    assert_eq!(dialer.set_option(option::TLS_AUTH_MODE, 3), Err(Error::Invalid));
    assert_eq!(dialer.set_option(option::TLS_AUTH_MODE, true), Err(Error::BadType));
    assert_eq!(dialer.option(option::TLS_AUTH_MODE), Err(Error::WriteOnly));
    let server = Value::TlsConfig(Config::new(Mode::Server));
    assert_eq!(dialer.set_option(option::TLS_CONFIG, server), Err(Error::Invalid));
    assert_eq!(dialer.option(option::TLS_CONFIG), dialer.tls().map(Value::TlsConfig));
    let bench = Bench { driver: Driver::global(), listener, dialer };
    bench.open();
    for name in [option::TLS_SERVER_NAME, option::TLS_CA_FILE, option::TLS_CERT_KEY_FILE] {
        assert_eq!(bench.dialer.set_option(name, text(&both)), Err(Error::Busy));
        assert_eq!(bench.listener.set_option(name, text(&both)), Err(Error::Busy));
    }
    let (client, server) = (Config::new(Mode::Client), Config::new(Mode::Server));
    assert_eq!(bench.dialer.set_option(option::TLS_CONFIG, client), Ok(()));
    assert_eq!(bench.listener.set_option(option::TLS_CONFIG, server), Ok(()));
    let (client, server) = bench.connect();
    let recv = bench.recv(&server, 1);
    assert_eq!(bench.send(&client, "x").result(), NNG_ECRYPTO, "neither has a certificate now");
    assert_eq!(recv.result(), NNG_ECRYPTO);
}

#[test]
fn a_dial_keeps_the_configuration_it_began_with() {
    let authority = Authority::new("root");
    let server = server_config(&authority.issue(&["localhost"]));
    let mut bench = Bench::new(Driver::host(), &client_config(&authority), &server);
    // The name is looked up, and that it is found is not noticed before the host runs.
    let port = bench.listener.option(option::TCP_BOUND_PORT).unwrap().into_int().unwrap();
    let url: Url = format!("tls+tcp4://localhost:{port}").parse().unwrap();
    bench.dialer = Dialer::new(&url).unwrap().on(&bench.driver.runtime);
    bench.dialer.set_tls(&client_config(&authority)).unwrap();
    let accept = bench.start(|aio| bench.listener.accept(aio));
    let dial = bench.start(|aio| bench.dialer.dial(aio));
    bench.dialer.set_tls(&Config::new(Mode::Client)).unwrap();
    assert_eq!((dial.result(), accept.result()), (0, 0));
    let client: Stream = dial.aio.take_output(0).unwrap();
    let server: Stream = accept.aio.take_output(0).unwrap();
    let recv = bench.recv(&server, 10);
    assert_eq!(bench.send(&client, "trusted").end(), (0, 7));
    assert_eq!(recv.text(), "trusted");

    let (client, server) = bench.connect();
    let recv = bench.recv(&server, 10);
    assert_eq!(bench.send(&client, "not any more").result(), NNG_EPEERAUTH);
    assert_eq!(recv.result(), NNG_ECRYPTO);
}

#[test]
fn other_schemes_have_no_tls() {
    let listener = Listener::new(&"tcp://127.0.0.1:0".parse().unwrap()).unwrap();
    let dialer = Dialer::new(&"tcp://127.0.0.1:1".parse().unwrap()).unwrap();
    assert_eq!(listener.tls().err(), Some(Error::NotSupported));
    assert_eq!(dialer.tls().err(), Some(Error::NotSupported));
    let names = [
        option::TLS_CONFIG,
        option::TLS_AUTH_MODE,
        option::TLS_CA_FILE,
        option::TLS_CERT_KEY_FILE,
        option::TLS_SERVER_NAME,
        option::TLS_VERIFIED,
    ];
    for name in names {
        assert_eq!(listener.option(name), Err(Error::NotSupported));
        assert_eq!(dialer.set_option(name, 1), Err(Error::NotSupported));
    }
}

#[test]
fn a_client_that_does_not_speak_tls_is_an_error_of_its_stream_alone() {
    let bench = Bench::simple(Driver::threads());
    let accept = bench.start(|aio| bench.listener.accept(aio));
    let addr = bench.listener.local_addr().to_inet().unwrap();
    let mut peer = TcpStream::connect(addr).unwrap();
    assert_eq!(accept.result(), 0);
    let server: Stream = accept.aio.take_output(0).unwrap();
    let recv = bench.recv(&server, 10);
    peer.write_all(b"hello, is anybody there?").unwrap();
    assert_eq!(recv.result(), NNG_ECRYPTO);
    assert_eq!(bench.recv(&server, 10).result(), NNG_ECRYPTO);
    server.close();
    let _ = peer.read_to_end(&mut Vec::new());
    bench.open();
}

#[test]
fn an_end_without_a_word_is_told_at_every_call() {
    let authority = Authority::new("root");
    let server = server_config(&authority.issue(&["localhost"]));
    let bench = Bench::new(Driver::threads(), &client_config(&authority), &server);
    for version in [&TLS12, &TLS13] {
        let accept = bench.start(|aio| bench.listener.accept(aio));
        let socket = TcpStream::connect(bench.listener.local_addr().to_inet().unwrap()).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        assert_eq!(accept.result(), 0);
        let server: Stream = accept.aio.take_output(0).unwrap();
        let first = bench.recv(&server, 10);
        let config = Client { versions: &[version], ..Client::new(&authority) }.config();
        let session = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        let mut peer = StreamOwned::new(session, socket);
        peer.write_all(b"hello").unwrap();
        peer.flush().unwrap();
        assert_eq!(first.text(), "hello");
        let waiting = bench.recv(&server, 10);
        peer.sock.shutdown(Shutdown::Write).unwrap();
        assert_eq!(waiting.result(), NNG_ECONNSHUT);
        for _ in 0..3 {
            assert_eq!(bench.recv(&server, 10).result(), NNG_ECONNSHUT);
        }
        // The other direction goes on.
        assert_eq!(bench.send(&server, "bye").end(), (0, 3));
        let mut room = [0; 3];
        peer.read_exact(&mut room).unwrap();
        assert_eq!(&room, b"bye");
    }
}

#[test]
fn a_runtime_that_ends_takes_its_streams_with_it() {
    let bench = Bench::simple(Driver::threads());
    let (client, server) = bench.open();
    let ops = [bench.recv(&client, 1), bench.recv(&server, 1)];
    bench.driver.runtime.shutdown();
    // One end goes first, and the other may hear of that.
    let results = ops.map(|op| op.result());
    assert!(results.contains(&NNG_ECLOSED), "{results:?}");
    assert!(results.iter().all(|result| [NNG_ECLOSED, NNG_ECONNSHUT].contains(result)));
}
