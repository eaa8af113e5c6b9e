//! Whom one believes: the checks of the peer's certificate, and what happens if they fail.
//!
//! A certificate is accepted if it was issued, over a chain of the peer's, by one of those that the
//! program trusts, is valid now, is not on a list of revoked ones, and, for a client, is for the name
//! of the server. Beside that, a certificate that the program names as trusted itself is accepted
//! from the peer as well, even if it says of itself that it issues others: programs for NNG trust
//! certificates of servers in this way.
//!
//! Revocation follows NNG: an issuer without a list revokes nothing, and a list that has expired lets
//! nothing of that issuer pass.

use std::sync::Arc;

use nng_aio::Error;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};

use super::names::AuthMode;

type Refusal = rustls::Error;

/// Those whom a program trusts, and what it knows to be revoked.
#[derive(Clone, Default, Debug)]
pub(super) struct Trust {
    certificates: Vec<CertificateDer<'static>>,
    revocations: Vec<CertificateRevocationListDer<'static>>,
}

impl Trust {
    /// Adds to it.
    ///
    /// # Errors
    /// `Crypto` if one of them is malformed, and then nothing was added.
    pub(super) fn add(
        &mut self,
        certificates: Vec<CertificateDer<'static>>,
        revocations: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|_| Error::Crypto)?;
        }
        for list in &revocations {
            webpki::BorrowedCertRevocationList::from_der(list).map_err(|_| Error::Crypto)?;
        }
        self.certificates.extend(certificates);
        self.revocations.extend(revocations);
        Ok(())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        // All of them were added once before.
        roots.add_parsable_certificates(self.certificates.iter().cloned());
        Arc::new(roots)
    }

    /// The check of a client.
    ///
    /// # Errors
    /// `Crypto` if a list of revoked certificates cannot be used.
    pub(super) fn of_servers(
        &self,
        provider: &Arc<CryptoProvider>,
        mode: AuthMode,
    ) -> Result<Arc<ServerCheck>, Error> {
        let roots = self.roots();
        let inner = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
                .with_crls(self.revocations.iter().cloned())
                .allow_unknown_revocation_status()
                .enforce_revocation_expiration();
            Some(builder.build().map_err(|_| Error::Crypto)?)
        };
        let trusted = self.certificates.clone();
        let algorithms = provider.signature_verification_algorithms;
        Ok(Arc::new(ServerCheck { inner, trusted, algorithms, mode }))
    }

    /// The check of a server.
    ///
    /// # Errors
    /// `Crypto` if a list of revoked certificates cannot be used.
    pub(super) fn of_clients(
        &self,
        provider: &Arc<CryptoProvider>,
        mode: AuthMode,
    ) -> Result<Arc<ClientCheck>, Error> {
        let roots = self.roots();
        let inner = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
                .with_crls(self.revocations.iter().cloned())
                .allow_unknown_revocation_status()
                .enforce_revocation_expiration();
            Some(builder.build().map_err(|_| Error::Crypto)?)
        };
        let trusted = self.certificates.clone();
        let algorithms = provider.signature_verification_algorithms;
        Ok(Arc::new(ClientCheck { inner, trusted, algorithms, mode }))
    }
}

/// How a client checks servers.
#[derive(Debug)]
pub(super) struct ServerCheck {
    /// Absent if nobody is trusted.
    inner: Option<Arc<WebPkiServerVerifier>>,
    trusted: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    mode: AuthMode,
}

impl ServerCheck {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let inner = self.inner.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        match inner.verify_server_cert(certificate, chain, name, &[], now) {
            Ok(_) => Ok(()),
            Err(refusal) if is_of_issuer(&refusal) && is_among(&self.trusted, certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Returns whether a client goes on with a server whose certificate was refused, which is
    /// dangerous and only done if the program demands it.
    const fn dangerously_accepts_anybody(&self) -> bool {
        matches!(self.mode, AuthMode::None | AuthMode::Optional)
    }
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Refusal> {
        match self.check(certificate, chain, name, now) {
            Err(refusal) if !self.dangerously_accepts_anybody() => Err(refusal),
            Ok(()) | Err(_) => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Refusal> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Refusal> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// How a server that asks for certificates checks clients.
#[derive(Debug)]
pub(super) struct ClientCheck {
    /// Absent if nobody is trusted.
    inner: Option<Arc<dyn ClientCertVerifier>>,
    trusted: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    mode: AuthMode,
}

impl ClientCheck {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let inner = self.inner.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        match inner.verify_client_cert(certificate, chain, now) {
            Ok(_) => Ok(()),
            Err(refusal) if is_of_issuer(&refusal) && is_among(&self.trusted, certificate) => {
                Ok(())
            }
            Err(refusal) => Err(refusal),
        }
    }
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.mode == AuthMode::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.as_ref().map_or(&[], |inner| inner.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Refusal> {
        match self.check(certificate, chain, now) {
            Err(refusal) if self.mode == AuthMode::Required => Err(refusal),
            Ok(()) | Err(_) => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Refusal> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Refusal> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// How one connection checks its peer, once more, for those who ask.
#[derive(Debug)]
pub(super) enum PeerCheck {
    Server(Arc<ServerCheck>, ServerName<'static>),
    Client(Arc<ClientCheck>),
    /// Not at all.
    None,
}

impl PeerCheck {
    /// Returns whether the certificates, the peer's own first, are good.
    pub(super) fn accepts(&self, certificates: &[CertificateDer<'_>]) -> bool {
        let Some((own, chain)) = certificates.split_first() else { return false };
        let now = UnixTime::now();
        match self {
            Self::Server(check, _) if check.mode == AuthMode::None => false,
            Self::Server(check, name) => check.check(own, chain, name, now).is_ok(),
            Self::Client(check) => check.check(own, chain, now).is_ok(),
            Self::None => false,
        }
    }
}

/// Returns whether a certificate was refused only because it says that it issues others. Its time was
/// looked at before, its signature is its own.
pub(super) fn is_of_issuer(refusal: &Refusal) -> bool {
    let Refusal::InvalidCertificate(CertificateError::Other(reason)) = refusal else {
        return false;
    };
    matches!(reason.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn is_among(trusted: &[CertificateDer<'_>], certificate: &CertificateDer<'_>) -> bool {
    trusted.iter().any(|one| one.as_ref() == certificate.as_ref())
}
