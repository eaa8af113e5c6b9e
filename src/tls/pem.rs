//! What is in a text between dashes: certificates, lists of revoked ones, private keys.
//!
//! Text around blocks, and blocks of other kinds than those asked for, are skipped, so that one file
//! can hold everything. A block that is cut off or is no base64 makes the whole text bad. The text around
//! the blocks may be in any encoding that has ASCII in it, with or without the mark of UTF-8 in front.
//!
//! # Source
//! RFC 7468; RFC 1421 section 4.6 for the fields of an encrypted key.

use nng_aio::Error;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs1KeyDer,
    PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

use super::failure::unusable;
use super::secret;

/// What a text holds of those whom one trusts.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) revocations: Vec<CertificateRevocationListDer<'static>>,
}

/// Reads certificates and lists of revoked ones.
///
/// # Errors
/// `Crypto` if a block is malformed.
pub(super) fn trusted(text: &[u8]) -> Result<Trusted, Error> {
    let mut trusted = Trusted::default();
    for block in blocks(text)? {
        match block.label {
            b"CERTIFICATE" => trusted.certificates.push(block.decode()?.into()),
            b"X509 CRL" => trusted.revocations.push(block.decode()?.into()),
            _ => {}
        }
    }
    Ok(trusted)
}

/// Reads a chain of certificates.
///
/// # Errors
/// `Crypto` if there is none, or a block is malformed.
pub(super) fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = trusted(text)?.certificates;
    if chain.is_empty() { Err(unusable("there is no certificate (PEM) in it")) } else { Ok(chain) }
}

/// Reads the first private key.
///
/// # Errors
/// `Crypto` if there is none, it is malformed, or it is encrypted and the password is missing or
/// wrong.
pub(super) fn private_key(
    text: &[u8],
    password: Option<&str>,
) -> Result<PrivateKeyDer<'static>, Error> {
    for block in blocks(text)? {
        let key = match block.label {
            b"PRIVATE KEY" => PrivatePkcs8KeyDer::from(block.decode()?).into(),
            b"ENCRYPTED PRIVATE KEY" => {
                let password = password.ok_or_else(|| unusable(NO_PASSWORD))?;
                let opened = secret::open_pkcs8(&block.decode()?, password);
                PrivatePkcs8KeyDer::from(opened.map_err(|_| unusable(BAD_PASSWORD))?).into()
            }
            b"RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(block.open(password)?).into(),
            b"EC PRIVATE KEY" => PrivateSec1KeyDer::from(block.open(password)?).into(),
            _ => continue,
        };
        return Ok(key);
    }
    Err(unusable("there is no private key (PEM) in it"))
}

const NO_PASSWORD: &str = "the private key needs a password";
const BAD_PASSWORD: &str = "the private key is malformed, or the password is another";

/// What stands between two lines of dashes.
struct Block<'a> {
    label: &'a [u8],
    /// Lines with a colon.
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// The lines of base64.
    body: Vec<&'a [u8]>,
}

impl Block<'_> {
    fn decode(&self) -> Result<Vec<u8>, Error> {
        // The label is put back on, since the decoder insists on one that it knows.
        let lines = self.body.join(&b'\n');
        let [begin, end] = ["-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----\n"];
        let text = [begin.as_bytes(), &lines, end.as_bytes()].concat();
        let decoded = <(SectionKind, Vec<u8>)>::from_pem_slice(&text);
        decoded.map(|(_, bytes)| bytes).map_err(|_| {
            unusable(&format!("the {} is no base64", String::from_utf8_lossy(self.label)))
        })
    }

    /// Decodes what may be encrypted in the way of its fields.
    fn open(&self, password: Option<&str>) -> Result<Vec<u8>, Error> {
        let bytes = self.decode()?;
        match self.fields.iter().find(|(name, _)| *name == b"DEK-Info") {
            Some((_, how)) => {
                let how = std::str::from_utf8(how).unwrap_or_default();
                let password = password.ok_or_else(|| unusable(NO_PASSWORD))?;
                let opened = secret::open_traditional(bytes, how, password);
                opened.map_err(|_| unusable(BAD_PASSWORD))
            }
            None => Ok(bytes),
        }
    }
}

fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, Error> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let cut_off = || unusable("a block between `-----BEGIN` and `-----END` is cut off");
    let (mut blocks, mut open) = (Vec::new(), None::<Block<'_>>);
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        if let Some(label) = between_dashes(line, b"-----BEGIN ") {
            if open.is_some() {
                return Err(cut_off());
            }
            open = Some(Block { label, fields: Vec::new(), body: Vec::new() });
        } else if let Some(label) = between_dashes(line, b"-----END ") {
            match open.take() {
                Some(block) if block.label == label => blocks.push(block),
                Some(_) | None => return Err(cut_off()),
            }
        } else if let Some(block) = &mut open {
            match line.iter().position(|&byte| byte == b':') {
                Some(at) => {
                    let (name, value) = (&line[..at], &line[at + 1..]);
                    block.fields.push((name.trim_ascii(), value.trim_ascii()));
                }
                None => block.body.push(line),
            }
        }
    }
    if open.is_some() { Err(cut_off()) } else { Ok(blocks) }
}

fn between_dashes<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(b"-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    #[test]
    fn blocks_are_found_between_anything_else() {
        let text = format!(
            "Subject: me\r\n{}some words\n{}{}",
            block("CERTIFICATE", "aGVs\r\nbG8="),
            block("X509 CRL", "eHl6"),
            block("SOMETHING ELSE", "no base64 at all!"),
        );
        let trusted = trusted(text.as_bytes()).unwrap();
        assert_eq!(trusted.certificates, [CertificateDer::from(b"hello".to_vec())]);
        assert_eq!(trusted.revocations, [CertificateRevocationListDer::from(b"xyz".to_vec())]);
    }

    #[test]
    fn malformed_texts_are_refused() {
        let whole = block("CERTIFICATE", "aGVsbG8=");
        for text in [
            whole.replace("aGVs", "!!!!"),
            whole.replace("-----END CERTIFICATE-----", ""),
            whole.replace("-----END CERTIFICATE", "-----END OTHER"),
            whole.replace("-----BEGIN CERTIFICATE-----\n", ""),
            whole.replace("aGVsbG8=", "-----BEGIN CERTIFICATE-----"),
        ] {
            assert_eq!(trusted(text.as_bytes()).err(), Some(Error::Crypto), "{text}");
        }
        let mut bytes = whole.into_bytes();
        bytes[30] = 0xff;
        assert_eq!(trusted(&bytes).err(), Some(Error::Crypto), "no base64");
        assert_eq!(chain(&[0xff, 0xfe]).err(), Some(Error::Crypto));
        assert_eq!(chain(b"").err(), Some(Error::Crypto));
        assert_eq!(
            private_key(&block("CERTIFICATE", "").into_bytes(), None).err(),
            Some(Error::Crypto)
        );
    }

    #[test]
    fn the_text_around_blocks_may_be_in_any_encoding() {
        let info = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\naGVsbG8=";
        let text = [
            b"Subject: M\xfcller\n",
            block("CERTIFICATE", "aGVsbG8=").as_bytes(),
            b"Schl\xfcssel:\r\n",
            block("PRIVATE KEY", "eHl6").as_bytes(),
            b"\xff\xfe\0\n",
            block("RSA PRIVATE KEY", info).as_bytes(),
        ]
        .concat();
        assert_eq!(chain(&text).unwrap(), [CertificateDer::from(b"hello".to_vec())]);
        assert_eq!(private_key(&text, None).unwrap().secret_der(), b"xyz");
        let marked = format!("\u{feff}{}", block("PRIVATE KEY", "eHl6"));
        assert_eq!(private_key(marked.as_bytes(), None).unwrap().secret_der(), b"xyz");
    }

    #[test]
    fn an_encrypted_key_needs_a_password() {
        let text = block("ENCRYPTED PRIVATE KEY", "aGVsbG8=");
        assert_eq!(private_key(text.as_bytes(), None).err(), Some(Error::Crypto));
        assert_eq!(private_key(text.as_bytes(), Some("x")).err(), Some(Error::Crypto));
        let info = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\naGVsbG8=";
        let text = block("RSA PRIVATE KEY", info);
        assert_eq!(private_key(text.as_bytes(), None).err(), Some(Error::Crypto));
        assert_eq!(private_key(text.as_bytes(), Some("x")).err(), Some(Error::Crypto));
    }
}
