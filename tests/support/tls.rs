//! Certificates that are made for one test, and clients with TLS that others have written.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use nng_oxide::Url;
use nng_oxide::http::{Server, ServerConfig};
use nng_oxide::tls::{Config, Mode};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{LIMIT, patiently};

/// Somebody who issues certificates.
pub(crate) struct Authority {
    pub(crate) cert: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) cert: String,
    pub(crate) key: String,
    serial: u64,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key).unwrap().pem();
        Self { cert, issuer: Issuer::new(params, key) }
    }

    /// A certificate for names and addresses.
    pub(crate) fn issue(&self, names: &[&str]) -> Credentials {
        self.issue_with(names, |_| ())
    }

    /// As [`issue`](Self::issue), with a change.
    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Credentials {
        static SERIALS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let serial = SERIALS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        Credentials { cert, key: key.serialize_pem(), serial }
    }

    /// A certificate whose time is over.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> Credentials {
        self.issue_with(names, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    /// A certificate whose time is to come.
    pub(crate) fn issue_for_later(&self, names: &[&str]) -> Credentials {
        self.issue_with(names, |params| {
            params.not_before = date_time_ymd(3000, 1, 1);
            params.not_after = date_time_ymd(3001, 1, 1);
        })
    }

    /// A list of revoked certificates, valid until that year.
    pub(crate) fn revoke(&self, revoked: &[&Credentials], until: i32) -> String {
        let of = |credentials: &&Credentials| RevokedCertParams {
            serial_number: SerialNumber::from(credentials.serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(of).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A certificate that vouches for itself.
pub(crate) fn self_signed(names: &[&str], is_issuer: bool) -> Credentials {
    self_signed_for(names, is_issuer, None)
}

/// As [`self_signed`], valid from the beginning of one year until that of another.
pub(crate) fn self_signed_for(
    names: &[&str],
    is_issuer: bool,
    years: Option<(i32, i32)>,
) -> Credentials {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if is_issuer {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if let Some((from, until)) = years {
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
    }
    let cert = params.self_signed(&key).unwrap().pem();
    Credentials { cert, key: key.serialize_pem(), serial: 0 }
}

/// The configuration of a server with that certificate.
pub(crate) fn server_config(credentials: &Credentials) -> Config {
    let config = Config::new(Mode::Server);
    config.add_own_cert(&credentials.cert, &credentials.key, None).unwrap();
    config
}

/// The configuration of a client that trusts the authority.
pub(crate) fn client_config(authority: &Authority) -> Config {
    let config = Config::new(Mode::Client);
    config.add_ca_chain(&authority.cert, None).unwrap();
    config
}

/// A server with TLS on a port of its own.
pub(crate) fn secure_server(tls: &Config, config: ServerConfig) -> Server {
    let url: Url = "https://127.0.0.1:0".parse().unwrap();
    let server = Server::with_config(&url, config).unwrap();
    server.set_tls(tls).unwrap();
    server.start().unwrap();
    server
}

/// A client of rustls over a blocking socket.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// How such a client is configured: whom it trusts, who it is, and which versions it speaks.
pub(crate) struct Client<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) credentials: Option<&'a Credentials>,
    pub(crate) versions: &'a [&'static rustls::SupportedProtocolVersion],
}

impl<'a> Client<'a> {
    pub(crate) fn new(authority: &'a Authority) -> Self {
        Self { authority, credentials: None, versions: ALL_VERSIONS }
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::new(self.config_with(rustls::crypto::ring::default_provider()))
    }

    /// A configuration with that cryptography.
    pub(crate) fn config_with(&self, provider: CryptoProvider) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.authority.cert.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        match self.credentials {
            None => builder.with_no_client_auth(),
            Some(credentials) => {
                let cert = CertificateDer::from_pem_slice(credentials.cert.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![cert], key).unwrap()
            }
        }
    }

    pub(crate) fn connect(&self, server: &Server) -> Stream {
        connect(server, self.config())
    }
}

/// Connects without saying anything yet.
pub(crate) fn connect(server: &Server, config: Arc<ClientConfig>) -> Stream {
    let socket = super::server::connect(server);
    socket.set_write_timeout(Some(LIMIT)).unwrap();
    socket.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket)
}

/// Sends a request and returns the response up to the end of its body, which is this long.
pub(crate) fn get(stream: &mut Stream, target: &str, body: usize) -> std::io::Result<String> {
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    stream.flush()?;
    answer(stream, body)
}

/// Reads a response whose body is this long.
pub(crate) fn answer(stream: &mut impl std::io::Read, body: usize) -> std::io::Result<String> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r\n") {
        if patiently(|| stream.read(&mut byte))? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        text.push(byte[0]);
    }
    let head = text.len();
    text.resize(head + body, 0);
    stream.read_exact(&mut text[head..])?;
    Ok(String::from_utf8(text).unwrap())
}
