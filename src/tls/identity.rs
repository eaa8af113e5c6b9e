//! With which certificate one answers: the pairs of certificate and key, of which the best is chosen
//! for each handshake.
//!
//! They can be replaced at any time: handshakes that begin later use the new ones.

use std::fmt;
use std::sync::Arc;

use nng_aio::Error;
use nng_aio::sync::RwLock;
use rustls::SignatureScheme;
use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::failure::unusable;
use super::pem;

/// A certificate with its chain, and the key that belongs to it.
pub(super) type Pair = Arc<CertifiedKey>;

/// Reads a pair.
///
/// # Errors
/// `Crypto` if either is malformed, the password is missing or wrong, the key is of a kind that is
/// not known, or it does not belong to the certificate.
pub(super) fn pair(certificates: &[u8], key: &[u8], password: Option<&str>) -> Result<Pair, Error> {
    let chain = pem::chain(certificates)?;
    let key = pem::private_key(key, password)?;
    let provider = rustls::crypto::ring::default_provider();
    match CertifiedKey::from_der(chain, key, &provider) {
        Ok(pair) => Ok(Arc::new(pair)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(unusable("the private key is that of another certificate"))
        }
        Err(error) => Err(unusable(&error.to_string())),
    }
}

/// The pairs of one configuration.
#[derive(Default)]
pub(super) struct Identity {
    pairs: RwLock<Vec<Pair>>,
}

impl Identity {
    /// Nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.read().is_empty()
    }

    pub(super) fn add(&self, pair: Pair) {
        self.pairs.write().push(pair);
    }

    /// Has this one in the place of all others.
    pub(super) fn replace(&self, pair: Pair) {
        let old = std::mem::replace(&mut *self.pairs.write(), vec![pair]);
        drop(old);
    }

    /// Returns the first pair that can sign in one of the ways; first among those that `is_better`
    /// names.
    fn choose(
        &self,
        schemes: &[SignatureScheme],
        is_better: impl Fn(&CertifiedKey) -> bool,
    ) -> Option<Pair> {
        let pairs = self.pairs.read();
        let can_sign = |pair: &&Pair| pair.key.choose_scheme(schemes).is_some();
        let fitting = pairs.iter().filter(can_sign);
        let better = match pairs.len() {
            // There is no choice.
            0 | 1 => None,
            _ => fitting.clone().find(|pair| is_better(pair)),
        };
        better.or_else(|| fitting.clone().next()).cloned()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Pair> {
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        self.choose(hello.signature_schemes(), |pair| {
            name.as_ref().is_some_and(|name| is_for(pair, name))
        })
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Pair> {
        self.choose(schemes, |_| false)
    }

    fn has_certs(&self) -> bool {
        !self.is_empty()
    }
}

/// Returns whether the certificate is for that name.
fn is_for(pair: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = pair.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

/// Keys are not shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("pairs", &self.pairs.read().len()).finish()
    }
}
