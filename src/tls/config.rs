//! What a program says of certificates, names and versions, until the first connection uses it.
//!
//! ```text
//!   Settings --first connection--> Ready, for good; further settings are Busy
//! ```
//!
//! What is used is a configuration of rustls, made once and shared by all connections, which is also
//! what lets them resume each other's sessions. Only the own certificates can still be replaced then.
//!
//! # Source
//! nng 1.12, nng_tls_config_alloc(3tls) and the pages beside it.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use nng_aio::Error;
use nng_aio::log::{self, Level};
use nng_aio::sync::Mutex;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

use super::failure::unusable;
use super::identity::{self, Identity, Pair};
use super::names::{AuthMode, Mode, Version};
use super::pem;
use super::verify::{ClientCheck, PeerCheck, ServerCheck, Trust};

/// Who a program is and whom it trusts on connections with TLS. Clones are the same configuration.
///
/// One is for clients or for servers, and any number of them can share it. The first connection that
/// uses it freezes it: setters are `Busy` from then on, except that the certificates of a program can
/// be [replaced](Self::replace_own_cert) at any time.
///
/// A client checks the server's certificate and its name unless it is told not to, and trusts nobody
/// whom it was not told to trust: the certificates of the system are not among them. TLS 1.2 and 1.3
/// are spoken.
///
/// ```
/// use nng_oxide::tls::{AuthMode, Config, Mode, Version};
///
/// let config = Config::new(Mode::Client);
/// config.set_server_name("example.org")?;
/// config.set_versions(Version::Tls1_3, Version::Tls1_3)?;
/// assert_eq!(config.add_ca_file("/no/such/file"), Err(nng_oxide::Error::NotFound));
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_tls_config_alloc(3tls).
#[derive(Clone)]
pub struct Config {
    shared: Arc<Shared>,
}

struct Shared {
    mode: Mode,
    settings: Mutex<Settings>,
    identity: Arc<Identity>,
    /// Present once it was used.
    ready: OnceLock<Ready>,
    /// People have heard of what is missing.
    has_remarked: AtomicBool,
}

/// What was set.
struct Settings {
    server_name: Option<String>,
    auth_mode: AuthMode,
    trust: Trust,
    versions: (Version, Version),
    protocols: Vec<Vec<u8>>,
}

/// What connections use.
#[derive(Clone)]
enum Ready {
    Client {
        config: Arc<ClientConfig>,
        check: Arc<ServerCheck>,
        server_name: Option<String>,
        needs_name: bool,
    },
    Server {
        config: Arc<ServerConfig>,
        /// Absent if clients are not asked.
        check: Option<Arc<ClientCheck>>,
    },
}

/// A text in PEM, or what a file holds.
type Text<'a> = &'a [u8];

impl Config {
    /// A configuration with the defaults of its side: a client requires a certificate of the server,
    /// a server asks for none.
    ///
    /// # Source
    /// nng 1.12, nng_tls_config_alloc(3tls).
    pub fn new(mode: Mode) -> Self {
        let auth_mode = match mode {
            Mode::Client => AuthMode::Required,
            Mode::Server => AuthMode::None,
        };
        let settings = Settings {
            server_name: None,
            auth_mode,
            trust: Trust::default(),
            versions: (Version::Tls1_2, Version::Tls1_3),
            protocols: Vec::new(),
        };
        let shared = Shared {
            mode,
            settings: Mutex::new(settings),
            identity: Arc::new(Identity::default()),
            ready: OnceLock::new(),
            has_remarked: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Which side it is for.
    pub fn mode(&self) -> Mode {
        self.shared.mode
    }

    /// Sets the name that a server's certificate must be for, and that is sent to it. The last one
    /// counts; an empty one, which is also the default, stands for the host that is connected to. The
    /// literal of an IP address is looked for among the addresses of the certificate, and not sent.
    ///
    /// Servers ignore it.
    ///
    /// # Errors
    /// `Busy` once it was used.
    /// # Source
    /// nng 1.12, nng_tls_config_server_name(3tls).
    pub fn set_server_name(&self, name: &str) -> Result<(), Error> {
        let name = (!name.is_empty()).then(|| name.to_owned());
        self.change(|settings| settings.server_name = name)
    }

    /// Sets what is asked of the peer's certificate.
    ///
    /// # Errors
    /// `Busy` once it was used.
    /// # Source
    /// nng 1.12, nng_tls_config_auth_mode(3tls).
    pub fn set_auth_mode(&self, mode: AuthMode) -> Result<(), Error> {
        self.change(|settings| settings.auth_mode = mode)
    }

    /// Trusts the certificates in `certificates` and whoever they issue certificates for, beside those
    /// that are trusted already, unless they are on the list in `revocations`; both are PEM.
    ///
    /// # Errors
    /// `Crypto` if one of them is malformed, and then nothing has changed; `Busy` once it was used.
    /// # Source
    /// nng 1.12, nng_tls_config_ca_chain(3tls).
    pub fn add_ca_chain<'a>(
        &self,
        certificates: &(impl AsRef<[u8]> + ?Sized),
        revocations: impl Into<Option<&'a str>>,
    ) -> Result<(), Error> {
        self.check_is_open()?;
        let revocations = revocations.into().map_or(&b""[..], str::as_bytes);
        self.trust(certificates.as_ref(), revocations)
    }

    /// As [`add_ca_chain`](Self::add_ca_chain), with the certificates and lists in a file.
    ///
    /// # Errors
    /// As there; before that, `NotFound`, `Permission` and what the system says of the file.
    /// # Context
    /// Blocks while the file is read.
    /// # Source
    /// nng 1.12, nng_tls_config_ca_file(3tls).
    pub fn add_ca_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let text = std::fs::read(path)?;
        self.check_is_open()?;
        self.trust(&text, b"")
    }

    fn trust(&self, certificates: Text<'_>, revocations: Text<'_>) -> Result<(), Error> {
        let mut all = pem::trusted(certificates)?;
        let lists = pem::trusted(revocations)?.revocations;
        let is_empty = all.certificates.is_empty() && all.revocations.is_empty();
        if is_empty || (lists.is_empty() && !revocations.is_empty()) {
            return Err(unusable("there is no certificate, or no list of revoked ones, in it"));
        }
        all.revocations.extend(lists);
        self.change(|settings| settings.trust.add(all.certificates, all.revocations))?
    }

    /// Adds a certificate, followed by those that lead from it to one that peers trust, and the key
    /// that belongs to it; both are PEM. A password that the key does not need is ignored.
    ///
    /// With several, each handshake uses the first that the peer can check, and of these, on a
    /// server, the first that is for the name that the client asks for.
    ///
    /// # Errors
    /// `Crypto` if either is malformed, the password is missing or wrong, or the key is of another
    /// certificate; `Busy` once it was used.
    /// # Source
    /// nng 1.12, nng_tls_config_own_cert(3tls).
    pub fn add_own_cert<'a>(
        &self,
        certificates: &(impl AsRef<[u8]> + ?Sized),
        key: &(impl AsRef<[u8]> + ?Sized),
        password: impl Into<Option<&'a str>>,
    ) -> Result<(), Error> {
        self.check_is_open()?;
        self.own(identity::pair(certificates.as_ref(), key.as_ref(), password.into())?)
    }

    /// As [`add_own_cert`](Self::add_own_cert), with certificates and key in one file.
    ///
    /// # Errors
    /// As there; before that, `NotFound`, `Permission` and what the system says of the file.
    /// # Context
    /// Blocks while the file is read.
    /// # Source
    /// nng 1.12, nng_tls_config_cert_key_file(3tls).
    pub fn add_cert_key_file<'a>(
        &self,
        path: impl AsRef<Path>,
        password: impl Into<Option<&'a str>>,
    ) -> Result<(), Error> {
        let text = std::fs::read(path)?;
        self.check_is_open()?;
        self.own(identity::pair(&text, &text, password.into())?)
    }

    fn own(&self, pair: Pair) -> Result<(), Error> {
        self.change(|_| self.shared.identity.add(pair))
    }

    /// Has this certificate and key in the place of all that were added, also while connections use
    /// the configuration: handshakes that begin from now on show the new certificate. Sessions that are
    /// resumed show none, and stand for what they began with.
    ///
    /// # Errors
    /// `Crypto` as for [`add_own_cert`](Self::add_own_cert), and then nothing has changed.
    pub fn replace_own_cert<'a>(
        &self,
        certificates: &(impl AsRef<[u8]> + ?Sized),
        key: &(impl AsRef<[u8]> + ?Sized),
        password: impl Into<Option<&'a str>>,
    ) -> Result<(), Error> {
        let pair = identity::pair(certificates.as_ref(), key.as_ref(), password.into())?;
        self.shared.identity.replace(pair);
        Ok(())
    }

    /// As [`replace_own_cert`](Self::replace_own_cert), with certificates and key in one file.
    ///
    /// # Errors
    /// As there, and what the system says of the file.
    /// # Context
    /// Blocks while the file is read.
    pub fn replace_cert_key_file<'a>(
        &self,
        path: impl AsRef<Path>,
        password: impl Into<Option<&'a str>>,
    ) -> Result<(), Error> {
        let text = std::fs::read(path)?;
        self.replace_own_cert(&text, &text, password)
    }

    /// Would set a key that both sides know beforehand.
    ///
    /// # Errors
    /// `NotSupported`, always.
    /// # Source
    /// nng 1.12, nng_tls_config_psk(3tls).
    pub fn set_psk(&self, _identity: &str, _key: &[u8]) -> Result<(), Error> {
        Err(Error::NotSupported)
    }

    /// Sets the lowest and the highest version that is spoken; by default 1.2 and 1.3. Versions below
    /// 1.2 are never spoken, whatever the lowest one is.
    ///
    /// # Errors
    /// `NotSupported` if no version is left; `Busy` once it was used.
    /// # Source
    /// nng 1.12, nng_tls_config_version(3tls).
    pub fn set_versions(&self, lowest: Version, highest: Version) -> Result<(), Error> {
        if lowest > highest || highest < Version::Tls1_2 {
            return Err(Error::NotSupported);
        }
        self.change(|settings| settings.versions = (lowest, highest))
    }

    /// Sets the protocols that are offered inside TLS (ALPN), the best first; none by default. A
    /// server with some refuses clients that offer only others.
    ///
    /// # Errors
    /// `Invalid` if a name is empty or longer than 255 bytes; `Busy` once it was used.
    /// # Source
    /// RFC 7301.
    pub fn set_protocols(&self, protocols: &[&str]) -> Result<(), Error> {
        if protocols.iter().any(|name| name.is_empty() || name.len() > 255) {
            return Err(Error::Invalid);
        }
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self.change(|settings| settings.protocols = protocols)
    }

    fn check_is_open(&self) -> Result<(), Error> {
        self.change(|_| ())
    }

    /// Changes settings, unless they are in use.
    fn change<R>(&self, change: impl FnOnce(&mut Settings) -> R) -> Result<R, Error> {
        let mut settings = self.shared.settings.lock();
        if self.shared.ready.get().is_some() {
            return Err(Error::Busy);
        }
        Ok(change(&mut settings))
    }

    // --- For connections ------------------------------------------------------------------------

    /// Freezes it.
    ///
    /// # Errors
    /// `Crypto` if what was set cannot be used together.
    pub(crate) fn freeze(&self) -> Result<(), Error> {
        self.ready().map(drop)
    }

    /// A server begins with it: people hear, once, of what no error tells. The caller holds no lock.
    pub(crate) fn remark(&self) {
        let is_bare = self.shared.mode == Mode::Server && self.shared.identity.is_empty();
        if is_bare && !self.shared.has_remarked.swap(true, Relaxed) {
            let text = "a server has no certificate: it refuses every client until it is given one";
            log::record(Level::Warn, "NNG-TLS", text);
        }
    }

    fn ready(&self) -> Result<&Ready, Error> {
        if let Some(ready) = self.shared.ready.get() {
            return Ok(ready);
        }
        let settings = self.shared.settings.lock();
        if let Some(ready) = self.shared.ready.get() {
            return Ok(ready);
        }
        let ready = match self.shared.mode {
            Mode::Client => settings.for_clients(&self.shared.identity)?,
            Mode::Server => settings.for_servers(&self.shared.identity)?,
        };
        Ok(self.shared.ready.get_or_init(|| ready))
    }

    /// Begins a connection; `host` is what a client connects to, if it is known.
    ///
    /// # Errors
    /// `Invalid` if a client needs a name and there is none, or it is no name that a certificate can
    /// have; `Crypto` if what was set cannot be used together.
    pub(super) fn begin(&self, host: &str) -> Result<(Connection, PeerCheck), Error> {
        let begun = match self.ready()? {
            Ready::Client { config, check, server_name, needs_name } => {
                let name = match server_name.as_deref().unwrap_or(host) {
                    // Addresses are not sent, and nobody looks at this one.
                    "" if !needs_name => Ok(ServerName::from(std::net::IpAddr::from([0; 4]))),
                    // The zone of an address is this machine's business.
                    name => ServerName::try_from(name.split('%').next().unwrap_or(name).to_owned()),
                };
                let name = name.map_err(|_| Error::Invalid)?;
                let check = PeerCheck::Server(Arc::clone(check), name.clone());
                let session = ClientConnection::new(Arc::clone(config), name);
                session.map(|session| (Connection::Client(session), check))
            }
            Ready::Server { config, check } => {
                let check = check.clone().map_or(PeerCheck::None, PeerCheck::Client);
                let session = ServerConnection::new(Arc::clone(config));
                session.map(|session| (Connection::Server(session), check))
            }
        };
        begun.map_err(|_| Error::Crypto)
    }
}

impl Settings {
    fn for_clients(&self, identity: &Arc<Identity>) -> Result<Ready, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let check = self.trust.of_servers(&provider, self.auth_mode)?;
        let identity: Arc<dyn ResolvesClientCert> = identity.clone();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions())
            .map_err(|_| Error::Crypto)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&check) as Arc<dyn ServerCertVerifier>)
            .with_client_cert_resolver(identity);
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(Ready::Client {
            config: Arc::new(config),
            check,
            server_name: self.server_name.clone(),
            needs_name: self.auth_mode == AuthMode::Required,
        })
    }

    fn for_servers(&self, identity: &Arc<Identity>) -> Result<Ready, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions())
            .map_err(|_| Error::Crypto)?;
        let check = match self.auth_mode {
            AuthMode::None => None,
            mode => Some(self.trust.of_clients(&provider, mode)?),
        };
        let builder = match &check {
            None => builder.with_no_client_auth(),
            Some(check) => builder.with_client_cert_verifier(check.clone()),
        };
        let mut config = builder.with_cert_resolver(identity.clone());
        config.alpn_protocols.clone_from(&self.protocols);
        // Sessions are kept by the clients, so that they take no memory here.
        config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(|_| Error::Crypto)?;
        Ok(Ready::Server { config: Arc::new(config), check })
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let all = [
            (Version::Tls1_2, &rustls::version::TLS12),
            (Version::Tls1_3, &rustls::version::TLS13),
        ];
        let (lowest, highest) = self.versions;
        let spoken = all.iter().filter(|(version, _)| (lowest..=highest).contains(version));
        spoken.map(|(_, version)| *version).collect()
    }
}

/// Equal are handles of the same configuration.
impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Config {}

/// Neither keys nor passwords are shown.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("mode", &self.shared.mode)
            .field("identity", &self.shared.identity)
            .field("is_frozen", &self.shared.ready.get().is_some())
            .finish_non_exhaustive()
    }
}
