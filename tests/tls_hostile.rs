//! Peers that break handshakes in the midst, or begin another one inside a session: connections end
//! with an error, and the next peer is served.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nng_aio::Aio;
use nng_aio::codes::{NNG_ECONNSHUT, NNG_ECRYPTO, NNG_EPEERAUTH};
use nng_aio::net::Socket;
use nng_oxide::http::{Conn, Server, ServerConfig, Shared};
use nng_oxide::tls::{AuthMode, Config};
use rustls::client::Resumption;
use rustls::crypto::cipher::{
    InboundOpaqueMessage, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundPlainMessage,
};
use rustls::crypto::ring::cipher_suite::{
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 as OLD_SUITE,
    TLS13_CHACHA20_POLY1305_SHA256 as NEW_SUITE,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, ExtractedSecrets,
    ProtocolVersion, ServerConnection, StreamOwned, SupportedCipherSuite, SupportedProtocolVersion,
};
use support::client::is_reset;
use support::server::{connect, fixed, serve, until};
use support::tls::{
    Authority, Client, Credentials, client_config, get, secure_server, server_config,
};
use support::{Driver, LIMIT, Op, patiently};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const REQUEST: &[u8] = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A server that knows its clients, who vouches for everybody, and the certificate of a client.
fn server() -> (Server, Authority, Credentials) {
    let authority = Authority::new("root");
    let config = server_config(&authority.issue(&["localhost"]));
    config.add_ca_chain(&authority.cert, None).unwrap();
    config.set_auth_mode(AuthMode::Required).unwrap();
    let server = secure_server(&config, ServerConfig::default());
    serve(&server, [fixed("/page", "hello")]);
    let me = authority.issue(&["me"]);
    (server, authority, me)
}

/// A session of a server in the test's hands.
fn session(
    own: &Credentials,
    version: &'static SupportedProtocolVersion,
    suites: &[SupportedCipherSuite],
) -> ServerConnection {
    let cert = CertificateDer::from_pem_slice(own.cert.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let mut provider = rustls::crypto::ring::default_provider();
    if !suites.is_empty() {
        provider.cipher_suites = suites.to_vec();
    }
    let mut config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .unwrap();
    config.enable_secret_extraction = true;
    ServerConnection::new(config.into()).unwrap()
}

/// A connection of ours to a server in the test's hands.
fn client(driver: &Driver, config: &Config) -> (Conn, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.set_write_timeout(Some(LIMIT)).unwrap();
    let socket = Socket::from_fd(ours.into());
    (Conn::secure(&driver.runtime, socket, config, "localhost").unwrap(), peer)
}

// --- Flights that are cut off or changed --------------------------------------------------------

/// What becomes of a flight.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// Nothing comes from there on.
    Cut(usize),
    /// One bit of this byte is another.
    Flip(usize),
    None,
}

impl Harm {
    /// Flights differ in length with the signatures in them; what lies beyond one is at its end.
    fn on(self, flight: &[u8]) -> Vec<u8> {
        let (mut harmed, last) = (flight.to_vec(), flight.len() - 1);
        match self {
            Self::Cut(at) => harmed.truncate(at.min(last)),
            Self::Flip(at) => {
                let at = (at.min(last)..).find(|&at| means_something(flight, at)).unwrap();
                harmed[at] ^= 1 << (at % 8);
            }
            Self::None => {}
        }
        harmed
    }
}

/// Returns whether a byte matters: neither the lower half of a record's version does, nor that what
/// is encrypted calls itself data, where rustls is generous.
fn means_something(flight: &[u8], at: usize) -> bool {
    let mut start = 0;
    loop {
        let len = u16::from_be_bytes([flight[start + 3], flight[start + 4]]);
        let end = start + 5 + usize::from(len);
        if at < end {
            return match at - start {
                0 => flight[start] != 23,
                2 => false,
                _ => true,
            };
        }
        start = end;
    }
}

/// Ways to harm a flight of that length, at every few bytes.
fn harms(len: usize) -> impl Iterator<Item = Harm> {
    let places = || (0..len).step_by(3);
    places().map(Harm::Cut).chain(places().map(Harm::Flip))
}

/// What a session has to say.
fn take_flight(session: &mut rustls::Connection) -> Vec<u8> {
    let mut flight = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut flight).unwrap();
    }
    flight
}

/// Receives until the end of the stream, however it comes.
fn drain(socket: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    if let Err(error) = socket.read_to_end(&mut all) {
        assert!(is_reset(&error), "{error}");
    }
    all
}

/// Does a client's handshake up to its second flight, harms that with the request, and returns its
/// length, the answer to the request in it, and whether the handshake is done on the client's side.
fn second_flight(server: &Server, config: &Arc<ClientConfig>, harm: Harm) -> (usize, String, bool) {
    let mut socket = connect(server);
    let name = "localhost".try_into().unwrap();
    let mut session: rustls::Connection =
        ClientConnection::new(Arc::clone(config), name).unwrap().into();
    socket.write_all(&take_flight(&mut session)).unwrap();
    let is_ready = |session: &rustls::Connection| match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => !session.is_handshaking(),
        _ => session.wants_write(),
    };
    while !is_ready(&session) {
        assert!(patiently(|| session.read_tls(&mut socket)).unwrap() > 0);
        session.process_new_packets().unwrap();
    }
    session.writer().write_all(REQUEST).unwrap();
    let flight = take_flight(&mut session);
    // The server may have had enough of it.
    let _ = socket.write_all(&harm.on(&flight));
    let _ = socket.shutdown(Shutdown::Write);
    let answer = drain(&mut socket);
    let (mut rest, mut text, mut is_fine) = (&answer[..], Vec::new(), true);
    while is_fine && session.read_tls(&mut rest).unwrap() > 0 {
        is_fine = session.process_new_packets().is_ok();
        let _ = session.reader().read_to_end(&mut text);
    }
    (flight.len(), String::from_utf8(text).unwrap(), !session.is_handshaking())
}

#[test]
fn clients_that_break_their_second_flight_harm_nobody() {
    let (server, authority, me) = server();
    for version in VERSIONS {
        let client = Client { credentials: Some(&me), versions: &[version], authority: &authority };
        let mut config = (*client.config()).clone();
        // Who resumes a session has another second flight.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        let (len, text, is_done) = second_flight(&server, &config, Harm::None);
        assert!(is_done);
        // There, a client may send its request before it knows whether the server is content.
        let is_new = version.version == ProtocolVersion::TLSv1_3;
        assert_eq!(text.starts_with("HTTP/1.1 200 OK\r\n"), is_new);
        for harm in harms(len) {
            let (_, text, is_done) = second_flight(&server, &config, harm);
            assert!(text.is_empty() && is_done == is_new, "{harm:?} {is_done} {text}");
        }
        until(|| server.stats().open == 0);
        get(&mut client.connect(&server), "/page", 5).unwrap();
    }
}

/// Does a server's handshake up to one of its flights and harms that; returns its length, how the
/// client fared, whether the handshake is done on the server's side, and what it has heard.
fn flight_of_server(
    conn: (Conn, UnixStream),
    mut session: rustls::Connection,
    is_second: bool,
    harm: Harm,
) -> (usize, i32, bool, String) {
    let (conn, mut socket) = conn;
    let op = Op::new(&Driver::global(), |_| ());
    conn.transact(&support::get("/"), &Shared::default(), &op.aio);
    let mut next_flight = |socket: &mut UnixStream| {
        while !session.wants_write() {
            assert!(patiently(|| session.read_tls(socket)).unwrap() > 0);
            session.process_new_packets().unwrap();
        }
        take_flight(&mut session)
    };
    let mut flight = next_flight(&mut socket);
    if is_second {
        socket.write_all(&flight).unwrap();
        flight = next_flight(&mut socket);
    }
    // The client may have had enough of it.
    let _ = socket.write_all(&harm.on(&flight));
    let _ = socket.shutdown(Shutdown::Write);
    let result = op.result();
    let answer = drain(&mut socket);
    let (mut rest, mut text, mut is_fine) = (&answer[..], Vec::new(), true);
    while is_fine && session.read_tls(&mut rest).unwrap() > 0 {
        is_fine = session.process_new_packets().is_ok();
        let _ = session.reader().read_to_end(&mut text);
    }
    assert!(conn.is_closed());
    (flight.len(), result, !session.is_handshaking(), String::from_utf8(text).unwrap())
}

#[test]
fn servers_that_break_a_flight_are_an_error_and_learn_nothing() {
    let (driver, authority) = (Driver::global(), Authority::new("root"));
    let own = authority.issue(&["localhost"]);
    for (version, is_second) in [(&TLS12, false), (&TLS12, true), (&TLS13, false)] {
        let attempt = |harm| {
            let conn = client(&driver, &client_config(&authority));
            flight_of_server(conn, session(&own, version, &[]).into(), is_second, harm)
        };
        let (len, result, is_done, _) = attempt(Harm::None);
        assert_eq!((result, is_done), (NNG_ECONNSHUT, true));
        for harm in harms(len) {
            let (_, result, is_done, text) = attempt(harm);
            let is_error = [NNG_ECRYPTO, NNG_EPEERAUTH, NNG_ECONNSHUT].contains(&result);
            assert!(is_error && is_done == is_second, "{harm:?} {result} {is_done}");
            assert!(text.is_empty(), "{harm:?} {text}");
        }
    }
}

// --- Handshakes within sessions -----------------------------------------------------------------

/// A session whose records the test writes itself.
struct Raw<S> {
    socket: S,
    seal: Box<dyn MessageEncrypter>,
    open: Box<dyn MessageDecrypter>,
    sent: u64,
    received: u64,
}

impl<S: Read + Write> Raw<S> {
    /// Takes a session over that has nothing left to send.
    fn new(socket: S, suite: SupportedCipherSuite, secrets: ExtractedSecrets) -> Self {
        let [(sent, tx), (received, rx)] = [secrets.tx, secrets.rx].map(|(number, secret)| {
            let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secret else {
                panic!("it is of that suite")
            };
            (number, (key, iv))
        });
        let (seal, open) = match suite {
            SupportedCipherSuite::Tls12(suite) => (
                suite.aead_alg.encrypter(tx.0, tx.1.as_ref(), &[]),
                suite.aead_alg.decrypter(rx.0, rx.1.as_ref()),
            ),
            SupportedCipherSuite::Tls13(suite) => {
                (suite.aead_alg.encrypter(tx.0, tx.1), suite.aead_alg.decrypter(rx.0, rx.1))
            }
        };
        Self { socket, seal, open, sent, received }
    }

    fn send(&mut self, typ: ContentType, bytes: &[u8]) {
        let payload = OutboundChunks::Single(bytes);
        let version = ProtocolVersion::TLSv1_2;
        let record = OutboundPlainMessage { typ, version, payload };
        let record = self.seal.encrypt(record, self.sent).unwrap();
        self.sent += 1;
        self.socket.write_all(&record.encode()).unwrap();
    }

    /// Receives a record; `None` at the end of the stream, however it comes.
    fn receive(&mut self) -> Option<(ContentType, Vec<u8>)> {
        let head = self.take(5)?;
        let mut payload = self.take(u16::from_be_bytes([head[3], head[4]]).into())?;
        let version = ProtocolVersion::TLSv1_2;
        let record = InboundOpaqueMessage::new(head[0].into(), version, &mut payload);
        let record = self.open.decrypt(record, self.received).unwrap();
        self.received += 1;
        Some((record.typ, record.payload.to_vec()))
    }

    fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        if let Err(error) = self.socket.read_exact(&mut bytes) {
            assert!(is_reset(&error) || error.kind() == ErrorKind::UnexpectedEof, "{error}");
            return None;
        }
        Some(bytes)
    }

    /// Nothing but alerts comes until the end.
    fn expect_end(&mut self) {
        while let Some((typ, bytes)) = self.receive() {
            assert_eq!(typ, ContentType::Alert, "{bytes:?}");
        }
    }
}

const SUITES: [SupportedCipherSuite; 2] = [OLD_SUITE, NEW_SUITE];
/// A warning: no renegotiation.
const NO_RENEGOTIATION: &[u8] = &[1, 100];
const HELLO_REQUEST: &[u8] = &[0, 0, 0, 0];

fn raw_client(server: &Server, config: &Arc<ClientConfig>) -> Raw<TcpStream> {
    let mut stream = support::tls::connect(server, Arc::clone(config));
    // All that the server has to say of its own accord comes before the answer.
    get(&mut stream, "/page", 5).unwrap();
    let suite = stream.conn.negotiated_cipher_suite().unwrap();
    let (session, socket) = stream.into_parts();
    Raw::new(socket, suite, session.dangerous_extract_secrets().unwrap())
}

#[test]
fn a_server_begins_no_handshake_within_a_session() {
    let (server, authority, me) = server();
    for (version, suite) in VERSIONS.into_iter().zip(SUITES) {
        let client = Client { credentials: Some(&me), versions: &[version], authority: &authority };
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites = vec![suite];
        let mut config = client.config_with(provider);
        config.enable_secret_extraction = true;
        let config = Arc::new(config);
        let name = "localhost".try_into().unwrap();
        let mut other: rustls::Connection =
            ClientConnection::new(Arc::clone(&config), name).unwrap().into();
        let hello = take_flight(&mut other)[5..].to_vec();
        let mut raw = raw_client(&server, &config);
        raw.send(ContentType::Handshake, &hello);
        if version.version == ProtocolVersion::TLSv1_2 {
            assert_eq!(raw.receive().unwrap(), (ContentType::Alert, NO_RENEGOTIATION.to_vec()));
            raw.send(ContentType::ApplicationData, REQUEST);
            let mut answer = Vec::new();
            while !answer.ends_with(b"hello") {
                let (typ, bytes) = raw.receive().unwrap();
                assert_eq!(typ, ContentType::ApplicationData);
                answer.extend(bytes);
            }
            raw.send(ContentType::Handshake, &hello);
        }
        raw.expect_end();
        get(&mut client.connect(&server), "/page", 5).unwrap();
    }
}

#[test]
fn a_client_begins_no_handshake_within_a_session() {
    let (driver, authority) = (Driver::threads(), Authority::new("root"));
    let (own, config) = (authority.issue(&["localhost"]), client_config(&authority));
    for (version, suite) in VERSIONS.into_iter().zip(SUITES) {
        let (conn, socket) = client(&driver, &config);
        let op = |begin: &dyn Fn(&Conn, &Aio), buffer: Vec<u8>| {
            let op = Op::new(&driver, |_| ());
            op.aio.set_buffer(buffer).unwrap();
            begin(&conn, &op.aio);
            op
        };
        let write = op(&|conn, aio| conn.write_all(aio), b"x".to_vec());
        let read = op(&|conn, aio| conn.read_all(aio), vec![0; 5]);
        let mut stream = StreamOwned::new(session(&own, version, &[suite]), socket);
        stream.read_exact(&mut [0]).unwrap();
        stream.flush().unwrap();
        assert_eq!(write.result(), 0);
        let (session, socket) = stream.into_parts();
        let mut raw = Raw::new(socket, suite, session.dangerous_extract_secrets().unwrap());
        raw.send(ContentType::Handshake, HELLO_REQUEST);
        if version.version == ProtocolVersion::TLSv1_2 {
            assert_eq!(raw.receive().unwrap(), (ContentType::Alert, NO_RENEGOTIATION.to_vec()));
            raw.send(ContentType::ApplicationData, b"hello");
            assert_eq!(read.text(), "hello");
            let read = op(&|conn, aio| conn.read_all(aio), vec![0; 5]);
            raw.send(ContentType::Handshake, HELLO_REQUEST);
            assert_eq!(read.result(), NNG_ECRYPTO);
        } else {
            assert_eq!(read.result(), NNG_ECRYPTO);
        }
        assert!(conn.is_closed());
        raw.expect_end();
    }
}
