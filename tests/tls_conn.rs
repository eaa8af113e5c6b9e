//! Connections with TLS: both ends are ours, or the other one is in the test's hands.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use directory::Directory;
use nng_aio::Buffers;
use nng_aio::codes::{
    NNG_ECANCELED, NNG_ECLOSED, NNG_ECONNSHUT, NNG_ECRYPTO, NNG_EPEERAUTH, NNG_ETIMEDOUT,
};
use nng_aio::net::Socket;
use nng_oxide::Error;
use nng_oxide::http::{Conn, Request, Response, Shared};
use nng_oxide::tls::{AuthMode, Config, Mode, Version};
use rustls::server::Acceptor;
use rustls::{ServerConnection, StreamOwned};
use support::tls::{
    Authority, Credentials, client_config, self_signed, self_signed_for, server_config,
};
use support::{BIG, Driver, LIMIT, Op, get, patiently, pattern, with_body, with_fields};

/// Two ends of one connection.
struct Pair {
    driver: Driver,
    client: Conn,
    server: Conn,
}

impl Pair {
    fn new(driver: &Driver, client: &Config, server: &Config, host: &str) -> Self {
        let (one, other) = UnixStream::pair().unwrap();
        let end = |socket: UnixStream, config, host| {
            Conn::secure(&driver.runtime, Socket::from_fd(socket.into()), config, host).unwrap()
        };
        let (client, server) = (end(one, client, host), end(other, server, ""));
        Self { driver: driver.clone(), client, server }
    }

    /// With a certificate that fits.
    fn simple(driver: &Driver) -> Self {
        let authority = Authority::new("root");
        let server = server_config(&authority.issue(&["localhost"]));
        Self::new(driver, &client_config(&authority), &server, "localhost")
    }

    fn op(&self) -> Op {
        Op::new(&self.driver, |_| ())
    }

    fn start(&self, conn: &Conn, begin: impl FnOnce(&Conn, &nng_aio::Aio)) -> Op {
        let op = self.op();
        begin(conn, &op.aio);
        op
    }

    fn read_all(&self, conn: &Conn, len: usize) -> Op {
        let op = self.op();
        op.aio.set_buffer(vec![0; len]).unwrap();
        conn.read_all(&op.aio);
        op
    }

    fn write_all(&self, conn: &Conn, bytes: impl Into<Vec<u8>>) -> Op {
        let op = self.op();
        op.aio.set_buffer(bytes.into()).unwrap();
        conn.write_all(&op.aio);
        op
    }

    /// A request and its response; returns how both ends fared.
    fn transact(&self) -> (i32, i32) {
        let (response, request) = (Shared::<Response>::default(), Shared::<Request>::default());
        let asked = self.start(&self.client, |conn, aio| conn.transact(&get("/"), &response, aio));
        let heard = self.start(&self.server, |conn, aio| conn.read_req(&request, aio));
        let heard = heard.result();
        if heard == 0 {
            let answer =
                self.start(&self.server, |conn, aio| conn.write_res(&with_body("ok"), aio));
            assert_eq!(answer.result(), 0);
        }
        let asked = asked.result();
        if asked == 0 {
            assert_eq!(response.lock().body(), b"ok");
        }
        (asked, heard)
    }
}

/// A test on threads, and a host-driven one.
macro_rules! on_both {
    ($(fn $name:ident($driver:pat_param) $body:block)+) => {
        $(fn $name($driver: &Driver) $body)+

        mod threads {
            $(#[test] fn $name() { super::$name(&super::Driver::threads()); })+
        }

        mod host {
            $(#[test] fn $name() { super::$name(&super::Driver::host()); })+
        }
    };
}

/// The other end in the test's hands: rustls over a blocking socket.
type Peer = StreamOwned<ServerConnection, UnixStream>;

/// A client of ours whose server is the test.
fn with_peer(driver: &Driver) -> (Pair, Peer) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let authority = Authority::new("root");
    let credentials = authority.issue(&["localhost"]);
    let cert = CertificateDer::from_pem_slice(credentials.cert.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
    let provider = rustls::crypto::ring::default_provider().into();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .unwrap();
    let (ours, peer) = UnixStream::pair().unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.set_write_timeout(Some(LIMIT)).unwrap();
    let mut pair = Pair::new(driver, &client_config(&authority), &server_config(&credentials), "h");
    let socket = Socket::from_fd(ours.into());
    pair.client =
        Conn::secure(&driver.runtime, socket, &client_config(&authority), "localhost").unwrap();
    let session = ServerConnection::new(config.into()).unwrap();
    (pair, StreamOwned::new(session, peer))
}

on_both! {
    fn a_transaction_goes_both_ways(driver) {
        let authority = Authority::new("root");
        for version in [Version::Tls1_2, Version::Tls1_3] {
            let server = server_config(&authority.issue(&["localhost"]));
            let client = client_config(&authority);
            client.set_versions(version, version).unwrap();
            let pair = Pair::new(driver, &client, &server, "localhost");
            for _ in 0..3 {
                assert_eq!(pair.transact(), (0, 0));
            }
        }
    }

    fn much_goes_both_ways_at_once(driver) {
        let pair = Pair::simple(driver);
        let body = pattern(BIG);
        let ops = [
            pair.write_all(&pair.client, &body[..]),
            pair.write_all(&pair.server, &body[..]),
            pair.read_all(&pair.client, BIG),
            pair.read_all(&pair.server, BIG),
        ];
        for op in &ops {
            assert_eq!(op.end(), (0, BIG));
        }
        for op in &ops[2..] {
            assert!(op.aio.take_buffer() == body);
        }
    }

    fn what_is_written_in_parts_arrives_in_order(driver) {
        let pair = Pair::simple(driver);
        let read = pair.read_all(&pair.server, BIG);
        let body = pattern(BIG);
        let (mut at, mut step) = (0, 1);
        while at < BIG {
            let op = pair.op();
            step = step * 7 % 100_003;
            // Each write offers more than it needs to take, and the next one goes on from there.
            op.aio.set_buffer(body[at..BIG.min(at + step)].to_vec()).unwrap();
            pair.client.write(&op.aio);
            let (result, count) = op.end();
            assert!(result == 0 && count > 0 && count <= step);
            at += count;
        }
        assert_eq!(read.end(), (0, BIG));
        assert!(read.aio.take_buffer() == body);
    }

    fn all_pieces_of_memory_are_sent_and_filled(driver) {
        let pair = Pair::simple(driver);
        for (from, to) in [(&pair.client, &pair.server), (&pair.server, &pair.client)] {
            let (write, read) = (pair.op(), pair.op());
            let room = vec![vec![0; 20_000].into(), vec![].into(), vec![0; 30_000].into()];
            read.aio.set_buffers(Buffers::from_pieces(room).unwrap()).unwrap();
            to.read_all(&read.aio);
            let body = pattern(50_000);
            let pieces = vec![body[..49_000].to_vec().into(), "".into(), body[49_000..].to_vec().into()];
            write.aio.set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
            from.write_all(&write.aio);
            assert_eq!((write.end(), read.end()), ((0, 50_000), (0, 50_000)));
            let room = read.aio.take_buffers();
            let pieces: Vec<_> = room.pieces().iter().map(|piece| piece.as_slice()).collect();
            assert!(pieces == [&body[..20_000], b"", &body[20_000..]]);

            let room = vec![vec![0; 1].into(), vec![].into(), vec![0; 8].into()];
            read.again().set_buffers(Buffers::from_pieces(room).unwrap()).unwrap();
            to.read(&read.aio);
            let pieces = vec!["he".into(), "".into(), "llo".into()];
            write.again().set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
            from.write(&write.aio);
            assert_eq!((write.end(), read.end()), ((0, 5), (0, 5)));
            let room = read.aio.take_buffers();
            let texts: Vec<_> = room.pieces().iter().map(|piece| piece.as_slice()).collect();
            assert_eq!(texts, [&b"h"[..], b"", b"ello\0\0\0\0"]);
        }
    }

    fn reads_into_no_memory_succeed_and_harm_nothing(driver) {
        let pair = Pair::simple(driver);
        let read = |conn: &Conn, len: usize| {
            let op = pair.op();
            op.aio.set_buffer(vec![0; len]).unwrap();
            conn.read(&op.aio);
            op
        };
        // Before the handshake and after it.
        for _ in 0..2 {
            for conn in [&pair.client, &pair.server] {
                assert_eq!(read(conn, 0).end(), (0, 0));
                assert_eq!(pair.read_all(conn, 0).end(), (0, 0));
                assert_eq!(pair.start(conn, |conn, aio| conn.read(aio)).end(), (0, 0));
            }
            assert_eq!(pair.transact(), (0, 0));
        }
        let (first, empty, last) =
            (pair.read_all(&pair.server, 3), read(&pair.server, 0), pair.read_all(&pair.server, 2));
        empty.assert_pending();
        assert_eq!(pair.write_all(&pair.client, "abcdef").end(), (0, 6));
        assert_eq!((first.text(), last.text()), ("abc".to_owned(), "de".to_owned()));
        assert_eq!(empty.end(), (0, 0));
        assert_eq!(read(&pair.server, 0).end(), (0, 0));
        assert_eq!(read(&pair.server, 10).text(), "f");
        assert!(!pair.client.is_closed() && !pair.server.is_closed());
        assert_eq!(pair.transact(), (0, 0));
    }

    fn sessions_are_resumed(driver) {
        for version in [Version::Tls1_2, Version::Tls1_3] {
            let (old, new) = (Authority::new("old"), Authority::new("new"));
            let server = server_config(&old.issue(&["localhost"]));
            let client = client_config(&old);
            client.set_versions(version, version).unwrap();
            assert_eq!(Pair::new(driver, &client, &server, "localhost").transact(), (0, 0));
            // In a full handshake, this one would be shown and refused.
            let renewed = new.issue(&["localhost"]);
            server.replace_own_cert(&renewed.cert, &renewed.key, None).unwrap();
            for _ in 0..3 {
                let pair = Pair::new(driver, &client, &server, "localhost");
                assert_eq!(pair.transact(), (0, 0), "{version:?}");
            }
            let refused = (NNG_EPEERAUTH, NNG_ECRYPTO);
            let fresh = Pair::new(driver, &client_config(&old), &server, "localhost");
            assert_eq!(fresh.transact(), refused, "it has no session");
        }
    }

    fn addresses_are_not_sent_as_names(driver) {
        let root = Authority::new("root");
        let table = [
            ("h.example", "", Some("h.example")),
            ("10.0.0.1", "h.example", Some("h.example")),
            ("10.0.0.1", "", None),
            ("::1", "", None),
            ("fe80::1%eth0", "", None),
            ("h.example", "10.0.0.1", None),
            ("h.example", "::1", None),
        ];
        for (host, own, expected) in table {
            let config = client_config(&root);
            config.set_server_name(own).unwrap();
            let (ours, mut peer) = UnixStream::pair().unwrap();
            let socket = Socket::from_fd(ours.into());
            let client = Conn::secure(&driver.runtime, socket, &config, host).unwrap();
            let op = Op::new(driver, |_| ());
            client.transact(&get("/"), &Shared::default(), &op.aio);
            peer.set_nonblocking(true).unwrap();
            let mut acceptor = Acceptor::default();
            let mut hello = None;
            driver.until(|| {
                let _ = acceptor.read_tls(&mut peer);
                hello = acceptor.accept().unwrap_or_else(|_| panic!("it is a hello"));
                hello.is_some()
            });
            assert_eq!(hello.unwrap().client_hello().server_name(), expected, "{host} {own}");
            client.close();
            assert_eq!(op.result(), NNG_ECANCELED);
        }
    }

    fn small_reads_find_what_was_decrypted_before(driver) {
        let pair = Pair::simple(driver);
        let write = pair.write_all(&pair.client, pattern(10_000));
        let mut all = Vec::new();
        while all.len() < 10_000 {
            let read = pair.read_all(&pair.server, 100);
            assert_eq!(read.end(), (0, 100));
            all.extend(read.aio.take_buffer());
        }
        assert_eq!(write.end(), (0, 10_000));
        assert!(all == pattern(10_000));
    }

    fn the_last_response_reaches_a_peer_that_reads_late(driver) {
        let pair = Pair::simple(driver);
        assert_eq!(pair.transact(), (0, 0));
        let mut response = with_fields(&[("Connection", "close")]);
        response.set_body(pattern(BIG));
        let last = pair.start(&pair.server, |conn, aio| conn.write_res(&response, aio));
        let heard = Shared::<Response>::default();
        let head = pair.start(&pair.client, |conn, aio| conn.read_res(&heard, aio));
        assert_eq!(head.result(), 0);
        let body = pair.read_all(&pair.client, BIG);
        assert_eq!((body.end(), last.result()), ((0, BIG), 0));
        assert!(body.aio.take_buffer() == pattern(BIG));
        let end = pair.read_all(&pair.client, 1);
        assert_eq!(end.result(), NNG_ECONNSHUT);
    }

    fn an_operation_in_a_stalled_handshake_ends_when_it_is_asked_to(driver) {
        let authority = Authority::new("root");
        let (ours, _silent) = UnixStream::pair().unwrap();
        let socket = Socket::from_fd(ours.into());
        let config = client_config(&authority);
        let client = Conn::secure(&driver.runtime, socket, &config, "localhost").unwrap();
        let response = Shared::<Response>::default();
        let op = || Op::new(driver, |_| ());
        let late = op().timeout(Duration::from_millis(10));
        client.transact(&get("/"), &response, &late.aio);
        assert_eq!(late.result(), NNG_ETIMEDOUT);
        assert!(!client.is_closed(), "nothing of the request was sent");
        let cancelled = op();
        client.transact(&get("/"), &response, &cancelled.aio);
        cancelled.assert_pending();
        cancelled.aio.cancel();
        assert_eq!(cancelled.result(), NNG_ECANCELED);
        assert!(!client.is_closed());
        let (write, read) = (op(), op());
        write.aio.set_buffer(b"x".to_vec()).unwrap();
        client.write_all(&write.aio);
        read.aio.set_buffer(vec![0]).unwrap();
        client.read(&read.aio);
        client.close();
        assert_eq!((write.result(), read.result()), (NNG_ECANCELED, NNG_ECLOSED));
    }

    fn a_handshake_goes_on_after_a_cancelled_operation(driver) {
        let pair = Pair::simple(driver);
        let response = Shared::<Response>::default();
        let op = pair.start(&pair.client, |conn, aio| conn.transact(&get("/"), &response, aio));
        op.assert_pending();
        op.aio.cancel();
        assert_eq!(op.result(), NNG_ECANCELED);
        assert_eq!(pair.transact(), (0, 0));
    }

    fn the_end_in_the_midst_of_a_handshake_is_told(driver) {
        let pair = Pair::simple(driver);
        let read = pair.read_all(&pair.server, 1);
        drop(pair.client);
        assert_eq!(read.result(), NNG_ECONNSHUT);
    }

    fn of_a_failure_everybody_hears(driver) {
        let authority = Authority::new("root");
        let server = server_config(&authority.issue(&["elsewhere"]));
        let pair = Pair::new(driver, &client_config(&authority), &server, "localhost");
        let read = pair.read_all(&pair.client, 1);
        let (one, other) = (pair.write_all(&pair.client, "x"), pair.write_all(&pair.client, "y"));
        let peer = pair.read_all(&pair.server, 1);
        for op in [read, one, other] {
            assert_eq!(op.result(), NNG_EPEERAUTH);
        }
        assert_eq!(peer.result(), NNG_ECRYPTO);
        assert!(pair.client.is_closed());
        assert_eq!(pair.read_all(&pair.client, 1).result(), NNG_ECLOSED);
    }
}

#[test]
fn certificates_are_checked() {
    let driver = Driver::host();
    let (root, stranger) = (Authority::new("root"), Authority::new("stranger"));
    let revoked = root.issue(&["localhost"]);
    let good = || root.issue(&["localhost", "*.example.org", "127.0.0.1", "::1"]);
    let list = root.revoke(&[&revoked], 2100);
    let old_list = root.revoke(&[&revoked], 2021);
    let foreign_list = stranger.revoke(&[], 2100);
    let none: &str = "";
    let named = root.issue_with(&[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    });
    let table = [
        ("localhost", good(), none, true),
        ("www.example.org", good(), none, true),
        ("127.0.0.1", good(), none, true),
        ("::1", good(), none, true),
        ("elsewhere", good(), none, false),
        ("example.org", good(), none, false),
        ("a.b.example.org", good(), none, false),
        ("127.0.0.2", good(), none, false),
        ("::2", good(), none, false),
        ("localhost", named, none, false),
        ("localhost", root.issue_expired(&["localhost"]), none, false),
        ("localhost", root.issue_for_later(&["localhost"]), none, false),
        ("localhost", stranger.issue(&["localhost"]), none, false),
        ("localhost", self_signed(&["localhost"], false), none, false),
        ("localhost", self_signed(&["localhost"], true), none, false),
        ("localhost", revoked.clone(), none, true),
        ("localhost", revoked, &list, false),
        ("localhost", good(), &list, true),
        ("localhost", good(), &old_list, false),
        ("localhost", good(), &foreign_list, true),
    ];
    for (number, (host, credentials, list, is_fine)) in table.iter().enumerate() {
        let client = Config::new(Mode::Client);
        client.add_ca_chain(&root.cert, (!list.is_empty()).then_some(*list)).unwrap();
        let pair = Pair::new(&driver, &client, &server_config(credentials), host);
        let expected = if *is_fine { (0, 0) } else { (NNG_EPEERAUTH, NNG_ECRYPTO) };
        assert_eq!(pair.transact(), expected, "{number}: {host}");
    }
}

#[test]
fn nobody_is_trusted_who_was_not_named() {
    let driver = Driver::host();
    let server = server_config(&Authority::new("root").issue(&["localhost"]));
    let pair = Pair::new(&driver, &Config::new(Mode::Client), &server, "localhost");
    assert_eq!(pair.transact(), (NNG_EPEERAUTH, NNG_ECRYPTO));
}

#[test]
fn a_certificate_that_vouches_for_itself_can_be_trusted_itself() {
    let driver = Driver::host();
    for is_issuer in [false, true] {
        let own = self_signed(&["localhost"], is_issuer);
        for (host, result) in [("localhost", (0, 0)), ("other", (NNG_EPEERAUTH, NNG_ECRYPTO))] {
            let client = Config::new(Mode::Client);
            client.add_ca_chain(&own.cert, None).unwrap();
            let pair = Pair::new(&driver, &client, &server_config(&own), host);
            assert_eq!(pair.transact(), result, "{is_issuer} {host}");
        }
    }
}

#[test]
fn a_certificate_that_is_trusted_itself_must_be_valid_now() {
    let driver = Driver::host();
    for is_issuer in [false, true] {
        for validity in [(2001, 2002), (3000, 3001)] {
            let own = self_signed_for(&["localhost"], is_issuer, Some(validity));
            let client = Config::new(Mode::Client);
            client.add_ca_chain(&own.cert, None).unwrap();
            let pair = Pair::new(&driver, &client, &server_config(&own), "localhost");
            let expected = (NNG_EPEERAUTH, NNG_ECRYPTO);
            assert_eq!(pair.transact(), expected, "{is_issuer} {validity:?}");
        }
    }
}

#[test]
fn a_list_among_the_trusted_certificates_counts() {
    let driver = Driver::host();
    let root = Authority::new("root");
    let (good, revoked) = (root.issue(&["localhost"]), root.issue(&["localhost"]));
    let list = root.revoke(&[&revoked], 2100);
    let directory = Directory::new();
    let file = directory.join("roots.pem");
    for text in [format!("{}{list}", root.cert), format!("{list}{}", root.cert)] {
        fs::write(&file, &text).unwrap();
        for (credentials, expected) in [(&good, (0, 0)), (&revoked, (NNG_EPEERAUTH, NNG_ECRYPTO))] {
            let (by_file, by_text) = (Config::new(Mode::Client), Config::new(Mode::Client));
            by_file.add_ca_file(&file).unwrap();
            by_text.add_ca_chain(&text, None).unwrap();
            for client in [by_file, by_text] {
                let pair = Pair::new(&driver, &client, &server_config(credentials), "localhost");
                assert_eq!(pair.transact(), expected);
            }
        }
    }
}

#[test]
fn the_name_to_check_can_be_set() {
    let driver = Driver::host();
    let root = Authority::new("root");
    let server = server_config(&root.issue(&["example.org"]));
    let client = client_config(&root);
    client.set_server_name("other").unwrap();
    client.set_server_name("example.org").unwrap();
    assert_eq!(Pair::new(&driver, &client, &server, "10.0.0.1").transact(), (0, 0));
    let client = client_config(&root);
    client.set_server_name("").unwrap();
    assert_eq!(Pair::new(&driver, &client, &server, "example.org").transact(), (0, 0));
}

#[test]
fn a_client_that_checks_needs_a_name() {
    let driver = Driver::host();
    let root = Authority::new("root");
    let secure = |config: &Config, host: &str| {
        let (ours, _) = UnixStream::pair().unwrap();
        Conn::secure(&driver.runtime, Socket::from_fd(ours.into()), config, host)
    };
    for host in ["", "no name", "a..b"] {
        assert_eq!(secure(&client_config(&root), host).err(), Some(Error::Invalid), "{host}");
    }
    let trusting = Config::new(Mode::Client);
    trusting.set_auth_mode(AuthMode::None).unwrap();
    assert!(secure(&trusting, "").is_ok());
}

#[test]
fn a_client_that_checks_nothing_talks_to_anybody() {
    let driver = Driver::host();
    let root = Authority::new("root");
    for mode in [AuthMode::None, AuthMode::Optional] {
        for version in [Version::Tls1_2, Version::Tls1_3] {
            for credentials in [self_signed(&["x"], true), root.issue_expired(&["y"])] {
                let client = Config::new(Mode::Client);
                client.set_auth_mode(mode).unwrap();
                client.set_versions(version, version).unwrap();
                let pair = Pair::new(&driver, &client, &server_config(&credentials), "localhost");
                assert_eq!(pair.transact(), (0, 0));
            }
        }
    }
}

#[test]
fn a_client_shows_its_certificate_to_servers_that_ask() {
    let driver = Driver::host();
    let (root, clients) = (Authority::new("root"), Authority::new("clients"));
    let own = self_signed(&["me"], true);
    let table: [(Option<Credentials>, (i32, i32)); 4] = [
        (Some(clients.issue(&["me"])), (0, 0)),
        (Some(own.clone()), (0, 0)),
        (Some(root.issue(&["me"])), (NNG_ECRYPTO, NNG_EPEERAUTH)),
        (None, (NNG_ECRYPTO, NNG_EPEERAUTH)),
    ];
    for version in [Version::Tls1_2, Version::Tls1_3] {
        for (credentials, expected) in &table {
            let server = server_config(&root.issue(&["localhost"]));
            server.add_ca_chain(&format!("{}{}", clients.cert, own.cert), None).unwrap();
            server.set_auth_mode(AuthMode::Required).unwrap();
            let client = client_config(&root);
            client.set_versions(version, version).unwrap();
            if let Some(credentials) = credentials {
                client.add_own_cert(&credentials.cert, &credentials.key, None).unwrap();
            }
            let pair = Pair::new(&driver, &client, &server, "localhost");
            assert_eq!(pair.transact(), *expected, "{version:?}");
        }
    }
}

#[test]
fn versions_that_do_not_meet_are_an_error_of_both_sides() {
    let driver = Driver::host();
    let root = Authority::new("root");
    let server = server_config(&root.issue(&["localhost"]));
    server.set_versions(Version::Tls1_0, Version::Tls1_2).unwrap();
    let client = client_config(&root);
    client.set_versions(Version::Tls1_3, Version::Tls1_3).unwrap();
    let pair = Pair::new(&driver, &client, &server, "localhost");
    assert_eq!(pair.transact(), (NNG_ECRYPTO, NNG_ECRYPTO));
}

#[test]
fn a_peer_that_does_not_speak_tls_is_an_error() {
    let driver = Driver::threads();
    let (ours, mut peer) = UnixStream::pair().unwrap();
    let config = client_config(&Authority::new("root"));
    let socket = Socket::from_fd(ours.into());
    let client = Conn::secure(&driver.runtime, socket, &config, "localhost").unwrap();
    let op = Op::new(&driver, |_| ());
    client.transact(&get("/"), &Shared::default(), &op.aio);
    peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    assert_eq!(op.result(), NNG_ECRYPTO);
}

#[test]
fn a_body_that_lasts_as_long_as_the_connection_needs_its_end_told() {
    for is_told in [true, false] {
        let (pair, mut peer) = with_peer(&Driver::threads());
        let response = Shared::<Response>::default();
        let op = pair.start(&pair.client, |conn, aio| conn.transact(&get("/"), &response, aio));
        let mut room = [0; 4096];
        assert!(patiently(|| peer.read(&mut room)).unwrap() > 0);
        peer.write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it").unwrap();
        if is_told {
            peer.conn.send_close_notify();
        }
        peer.flush().unwrap();
        drop(peer);
        if is_told {
            assert_eq!(op.result(), 0);
            assert_eq!(response.lock().body(), b"all of it");
        } else {
            assert_eq!(op.result(), NNG_ECONNSHUT, "somebody may have cut it off");
        }
    }
}

#[test]
fn reading_ends_with_the_stream_told_or_not() {
    for is_told in [true, false] {
        let (pair, mut peer) = with_peer(&Driver::threads());
        let read = pair.read_all(&pair.client, 5);
        peer.write_all(b"hello").unwrap();
        assert_eq!(read.end(), (0, 5));
        let read = pair.read_all(&pair.client, 5);
        if is_told {
            peer.conn.send_close_notify();
        }
        peer.flush().unwrap();
        drop(peer);
        assert_eq!(read.end(), (NNG_ECONNSHUT, 0));
    }
}

#[test]
fn what_was_sent_before_a_broken_record_is_delivered() {
    let (pair, mut peer) = with_peer(&Driver::threads());
    let read = pair.read_all(&pair.client, 5);
    peer.write_all(b"hello").unwrap();
    peer.flush().unwrap();
    peer.sock.write_all(&[23, 3, 3, 0, 20]).unwrap();
    peer.sock.write_all(&[0; 20]).unwrap();
    assert_eq!(read.bytes(), b"hello");
    assert_eq!(pair.read_all(&pair.client, 1).result(), NNG_ECRYPTO);
    let told = patiently(|| peer.read(&mut [0])).unwrap_err().to_string();
    assert!(told.contains("alert"), "{told}");
}

#[test]
fn a_request_that_was_encrypted_cannot_be_taken_back() {
    let pair = Pair::simple(&Driver::host());
    assert_eq!(pair.transact(), (0, 0));
    // Fills the socket but for less than is encrypted at a time.
    let filler = pair.write_all(&pair.client, vec![0; BIG]);
    filler.assert_pending();
    while filler.runs() == 0 {
        assert_eq!(pair.read_all(&pair.server, 1024).end(), (0, 1024));
    }
    let mut request = get("/");
    request.set_body(vec![0; BIG]);
    let response = Shared::<Response>::default();
    let op = pair.start(&pair.client, |conn, aio| conn.transact(&request, &response, aio));
    op.assert_pending();
    op.aio.cancel();
    assert_eq!(op.result(), NNG_ECANCELED);
    assert!(pair.client.is_closed(), "what follows would be read as part of it");
}

#[test]
fn a_close_is_told_to_the_peer() {
    let (pair, mut peer) = with_peer(&Driver::threads());
    let write = pair.write_all(&pair.client, "hello");
    let mut room = [0; 5];
    peer.read_exact(&mut room).unwrap();
    assert_eq!(write.end(), (0, 5));
    pair.client.close();
    assert_eq!(patiently(|| peer.read(&mut room)).unwrap(), 0, "the end, not an error");
}

#[test]
fn a_close_ends_what_cannot_be_sent() {
    let (pair, mut peer) = with_peer(&Driver::host());
    let write = pair.write_all(&pair.client, vec![0; BIG]);
    // The handshake, of which the test is one half.
    peer.sock.set_nonblocking(true).unwrap();
    let mut room = [0; 100];
    pair.driver.until(|| peer.read(&mut room).is_ok());
    write.assert_pending();
    pair.client.close();
    let (result, count) = write.end();
    assert!(result == NNG_ECANCELED && count < BIG, "{result} {count}");
}
