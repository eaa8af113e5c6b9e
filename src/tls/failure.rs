//! What NNG calls what went wrong, and what is said to people.
//!
//! Whoever could not prove who he is is `PeerAuth`; everything else that breaks a connection, an
//! alert of the peer's included, is `Crypto`.

use nng_aio::Error;
use nng_aio::log::{self, Level};
use rustls::{CertificateError, InvalidMessage};

use super::verify;

/// Returns NNG's error.
pub(super) const fn error(failure: &rustls::Error) -> Error {
    match failure {
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::InvalidCertRevocationList(_)
        | rustls::Error::NoCertificatesPresented => Error::PeerAuth,
        _ => Error::Crypto,
    }
}

/// Refuses what a configuration was given; people hear why, since the error does not tell.
pub(super) fn unusable(reason: &str) -> Error {
    log::record(Level::Warn, "NNG-TLS", &format!("not taken into a configuration: {reason}"));
    Error::Crypto
}

/// Returns what is said to people.
pub(super) fn text(failure: &rustls::Error) -> String {
    match failure {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the peer does not speak TLS; it may be a client of the unencrypted protocol".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the peer refuses: alert {alert:?}"),
        rustls::Error::NoCertificatesPresented => "the peer presented no certificate".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the certificate of the peer was issued by nobody who is trusted".to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::Revoked) => {
            "the certificate of the peer was revoked".to_owned()
        }
        refusal if verify::is_of_issuer(refusal) => {
            "the certificate of the peer is that of an issuer, and is not trusted itself".to_owned()
        }
        rustls::Error::InvalidCertificate(reason) => {
            format!("the certificate of the peer is refused: {reason}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;

    use super::*;

    #[test]
    fn certificates_are_one_error_and_all_else_is_the_other() {
        let of = |reason| error(&rustls::Error::InvalidCertificate(reason));
        for reason in [
            CertificateError::UnknownIssuer,
            CertificateError::Expired,
            CertificateError::NotValidForName,
            CertificateError::Revoked,
            CertificateError::BadEncoding,
        ] {
            assert_eq!(of(reason), Error::PeerAuth);
        }
        assert_eq!(error(&rustls::Error::NoCertificatesPresented), Error::PeerAuth);
        for other in [
            rustls::Error::DecryptError,
            rustls::Error::AlertReceived(AlertDescription::UnknownCA),
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType),
            rustls::Error::General("it".to_owned()),
        ] {
            assert_eq!(error(&other), Error::Crypto);
            assert!(!text(&other).is_empty());
        }
    }
}
