//! What the log says when a connection with TLS fails: on each side, who the peer is and what is
//! wrong, in words.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use nng_aio::log::{self, Level};
use nng_aio::net::Socket;
use nng_oxide::http::{Conn, Request, Shared};
use nng_oxide::option::{self, Options, Value};
use nng_oxide::stream::{Dialer, Listener, Stream};
use nng_oxide::tls::{AuthMode, Config, Mode, Version};
use support::server::until;
use support::tls::{Authority, client_config, secure_server, self_signed, server_config};
use support::{Driver, Op, get, tcp_pair};

static TEXTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Has every record of TLS kept, from the first call on. Tests take turns, since addresses tell
/// their peers apart and may be used again.
fn listen() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_hook(Some(Arc::new(|record| {
            if record.id == "NNG-TLS" && record.level == Level::Warn {
                TEXTS.lock().unwrap().push(record.text.to_owned());
            }
        })));
    });
    // That another test failed says nothing about this one.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes out what was said of a peer: what it was doing, and what was wrong.
fn said_of(peer: SocketAddr) -> (String, String) {
    let mut found = None;
    let with = format!(" with {peer}: ");
    until(|| {
        let mut texts = TEXTS.lock().unwrap();
        found = texts.iter().position(|text| text.contains(&with)).map(|at| texts.remove(at));
        found.is_some()
    });
    let text = found.unwrap();
    let (during, wrong) = text.split_once(&with).unwrap();
    (during.to_owned(), wrong.to_owned())
}

/// Has a transaction fail and returns what the client says of the server, and the server of the client.
fn failure(client: &Config, server: &Config) -> [(String, String); 2] {
    let _turn = listen();
    let driver = Driver::threads();
    let (ours, theirs) = tcp_pair();
    let (near, far) = (ours.local_addr().unwrap(), theirs.local_addr().unwrap());
    let conn = |socket: std::net::TcpStream, config, host| {
        Conn::secure(&driver.runtime, Socket::from_fd(socket.into()), config, host).unwrap()
    };
    let (client, server) = (conn(ours, client, "localhost"), conn(theirs, server, ""));
    let (asked, heard) = (Op::new(&driver, |_| ()), Op::new(&driver, |_| ()));
    server.read_req(&Shared::<Request>::default(), &heard.aio);
    client.transact(&get("/"), &Shared::default(), &asked.aio);
    assert!(asked.result() != 0 && heard.result() != 0);
    [said_of(far), said_of(near)]
}

fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in {text:?}");
}

/// Takes out what was said of nobody in particular, at once and with these words.
fn assert_said(words: &str) {
    let mut texts = TEXTS.lock().unwrap();
    let found = texts.iter().position(|text| text.contains(words));
    assert!(found.is_some(), "{words:?} is not in {texts:?}");
    texts.remove(found.unwrap());
}

#[test]
fn what_a_configuration_does_not_take_is_said() {
    let _turn = listen();
    let root = Authority::new("root");
    let (one, other) = (root.issue(&["localhost"]), root.issue(&["localhost"]));
    let config = Config::new(Mode::Server);
    for (cert, key, reason) in [
        (&one.cert, &other.key, "key is that of another certificate"),
        (&one.key, &one.cert, "no certificate (PEM)"),
        (&one.cert, &one.cert, "no private key (PEM)"),
        (&one.cert.replace("-----END", "----"), &one.key, "cut off"),
    ] {
        assert_eq!(config.add_own_cert(cert, key, None), Err(nng_aio::Error::Crypto));
        assert_said(reason);
    }
    assert_eq!(config.add_ca_chain(&one.key, None), Err(nng_aio::Error::Crypto));
    assert_said("no certificate, or no list of revoked ones");
}

#[test]
fn a_server_without_a_certificate_begins_and_says_so() {
    let _turn = listen();
    let server = secure_server(&Config::new(Mode::Server), Default::default());
    assert_said("has no certificate");
    drop(server);
}

#[test]
fn what_is_wrong_with_a_server_is_said_on_both_sides() {
    let (root, other) = (Authority::new("root"), Authority::new("other"));
    let revoked = root.issue(&["localhost"]);
    let client = Config::new(Mode::Client);
    client.add_ca_chain(&root.cert, &*root.revoke(&[&revoked], 2100)).unwrap();
    let table = [
        (
            root.issue(&["elsewhere"]),
            "is refused: certificate not valid for name",
            "BadCertificate",
        ),
        (
            root.issue_expired(&["localhost"]),
            "is refused: certificate expired",
            "CertificateExpired",
        ),
        (
            root.issue_for_later(&["localhost"]),
            "is refused: certificate not valid yet",
            "CertificateExpired",
        ),
        (revoked, "was revoked", "CertificateRevoked"),
        (other.issue(&["localhost"]), "was issued by nobody who is trusted", "UnknownCA"),
        (self_signed(&["localhost"], false), "was issued by nobody who is trusted", "UnknownCA"),
        (
            self_signed(&["localhost"], true),
            "is that of an issuer, and is not trusted itself",
            "CertificateUnknown",
        ),
    ];
    for (credentials, wrong, alert) in table {
        let [of_server, of_client] = failure(&client, &server_config(&credentials));
        assert_eq!((&*of_server.0, &*of_client.0), ("TLS handshake", "TLS handshake"));
        assert_contains(&of_server.1, &format!("the certificate of the peer {wrong}"));
        assert_eq!(of_client.1, format!("the peer refuses: alert {alert}"));
    }
    let [of_server, _] = failure(&client, &server_config(&root.issue(&["elsewhere"])));
    assert_contains(&of_server.1, "elsewhere");
    assert_contains(&of_server.1, "localhost");
}

#[test]
fn what_is_wrong_with_a_client_is_said_on_both_sides() {
    let (root, clients) = (Authority::new("root"), Authority::new("clients"));
    let table = [
        (None, "the peer presented no certificate", "CertificateRequired"),
        (
            Some(root.issue(&["me"])),
            "the certificate of the peer was issued by nobody who is trusted",
            "UnknownCA",
        ),
        (
            Some(clients.issue_expired(&["me"])),
            "the certificate of the peer is refused: certificate expired",
            "CertificateExpired",
        ),
        (
            Some(clients.issue_for_later(&["me"])),
            "the certificate of the peer is refused: certificate not valid yet",
            "CertificateExpired",
        ),
    ];
    // With TLS 1.3, the client's part of the handshake is done before the server looks at it.
    for (version, during) in
        [(Version::Tls1_2, "TLS handshake"), (Version::Tls1_3, "TLS connection")]
    {
        for (credentials, wrong, alert) in &table {
            let client = client_config(&root);
            client.set_versions(version, version).unwrap();
            if let Some(own) = credentials {
                client.add_own_cert(&own.cert, &own.key, None).unwrap();
            }
            let server = server_config(&root.issue(&["localhost"]));
            server.add_ca_chain(&clients.cert, None).unwrap();
            server.set_auth_mode(AuthMode::Required).unwrap();
            let [of_server, of_client] = failure(&client, &server);
            assert_eq!((&*of_server.0, &*of_client.0), (during, "TLS handshake"));
            assert_eq!(of_server.1, format!("the peer refuses: alert {alert}"));
            assert_contains(&of_client.1, wrong);
        }
    }
}

#[test]
fn versions_that_do_not_meet_are_said_on_both_sides() {
    let root = Authority::new("root");
    let (client, server) = (client_config(&root), server_config(&root.issue(&["localhost"])));
    client.set_versions(Version::Tls1_3, Version::Tls1_3).unwrap();
    server.set_versions(Version::Tls1_2, Version::Tls1_2).unwrap();
    let [of_server, of_client] = failure(&client, &server);
    assert_eq!(of_server.1, "the peer refuses: alert ProtocolVersion");
    assert_contains(&of_client.1, "peer is incompatible: Tls12");
}

#[test]
fn streams_say_it_as_well() {
    let _turn = listen();
    let driver = Driver::threads();
    let root = Authority::new("root");
    let listener = Listener::new(&"tls+tcp://127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.on(&driver.runtime);
    listener.set_tls(&server_config(&root.issue(&["elsewhere"]))).unwrap();
    listener.listen().unwrap();
    let url = format!("tls+tcp://{}", listener.local_addr()).parse().unwrap();
    let dialer = Dialer::new(&url).unwrap().on(&driver.runtime);
    dialer.set_tls(&client_config(&root)).unwrap();
    let (accept, dial) = (Op::new(&driver, |_| ()), Op::new(&driver, |_| ()));
    listener.accept(&accept.aio);
    dialer.dial(&dial.aio);
    assert_eq!((accept.result(), dial.result()), (0, 0));
    let server: Stream = accept.aio.take_output(0).unwrap();
    let client: Stream = dial.aio.take_output(0).unwrap();
    let addr = |stream: &Stream| match stream.option(option::REMOTE_ADDRESS) {
        Ok(Value::Addr(addr)) => addr.to_inet().unwrap(),
        other => panic!("{other:?}"),
    };
    let (far, near) = (addr(&client), addr(&server));
    let recv = |stream: &Stream| {
        let op = Op::new(&driver, |_| ());
        op.aio.set_buffer(vec![0]).unwrap();
        stream.recv(&op.aio);
        op
    };
    let ops = [recv(&server), recv(&client)];
    assert!(ops.iter().all(|op| op.result() != 0));
    let (of_server, of_client) = (said_of(far), said_of(near));
    assert_contains(&of_server.1, "certificate not valid for name");
    assert_eq!(of_client.1, "the peer refuses: alert BadCertificate");
}
