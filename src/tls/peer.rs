//! What a certificate says of whoever has it.
//!
//! It was parsed by rustls before; here only what rustls does not tell is looked for, and what is not
//! understood is skipped.
//!
//! # Source
//! RFC 5280 sections 4.1 and 4.2.1.6.

use std::net::IpAddr;

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BMP_STRING: u8 = 0x1e;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ALT_NAMES: &[u8] = &[0x55, 0x1d, 17];

/// Returns the common name of the subject, the last one if there are several.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let mut fields = fields(certificate)?;
    // Serial number, algorithm, issuer, validity.
    let subject = fields.nth(4)?;
    let parts = Elements(subject.body).flat_map(|set| Elements(set.body));
    let names = parts.filter_map(|part| {
        let mut pair = Elements(part.body);
        let is_name = pair.next()?.is(OBJECT_ID, COMMON_NAME);
        pair.next().filter(|_| is_name).map(text)
    });
    names.last()
}

/// Returns the other names of the subject: of hosts, mailboxes and resources, and addresses.
pub(super) fn alt_names(certificate: &[u8]) -> Vec<String> {
    let names = fields(certificate)
        .and_then(|mut fields| fields.find(|field| field.tag == EXTENSIONS))
        .and_then(|extensions| Elements(extensions.body).next())
        .and_then(|list| {
            Elements(list.body).find_map(|extension| {
                let mut parts = Elements(extension.body);
                let is_it = parts.next()?.is(OBJECT_ID, ALT_NAMES);
                parts.find(|part| is_it && part.tag == OCTETS)
            })
        })
        .and_then(|octets| Elements(octets.body).next());
    names.map_or_else(Vec::new, |names| Elements(names.body).filter_map(alt_name).collect())
}

fn alt_name(name: Element<'_>) -> Option<String> {
    match name.tag {
        0x81 | 0x82 | 0x86 => Some(text(name)),
        0x87 => {
            let v4 = <[u8; 4]>::try_from(name.body).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(name.body).map(IpAddr::from))
                .ok()
                .map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Returns what a certificate has to say, from its serial number on.
fn fields(certificate: &[u8]) -> Option<Elements<'_>> {
    let whole = Elements(certificate).next()?;
    let signed = Elements(whole.body).next().filter(|signed| signed.tag == SEQUENCE)?;
    let mut fields = Elements(signed.body);
    let rest = fields.0;
    let has_version = fields.next()?.tag == VERSION;
    Some(if has_version { fields } else { Elements(rest) })
}

fn text(of: Element<'_>) -> String {
    if of.tag == BMP_STRING {
        let units = of.body.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        return char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
    }
    String::from_utf8_lossy(of.body).into_owned()
}

/// One element of DER.
#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    body: &'a [u8],
}

impl Element<'_> {
    fn is(&self, tag: u8, body: &[u8]) -> bool {
        self.tag == tag && self.body == body
    }
}

/// Elements of DER that follow each other; it ends where something is malformed.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let mut len = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7f);
            if count > 4 {
                return None;
            }
            let digits = rest.get(..count)?;
            len = digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit));
            rest = &rest[count..];
        }
        let body = rest.get(..len)?;
        self.0 = &rest[len..];
        Some(Element { tag, body })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, string::Ia5String};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_common_name_is_that_attribute_alone() {
        let with = |name: Option<&str>| {
            certificate(|params| {
                params.distinguished_name.push(DnType::OrganizationName, "Some, CN=house");
                if let Some(name) = name {
                    params.distinguished_name.push(DnType::CommonName, name);
                }
            })
        };
        assert_eq!(common_name(&with(Some("me, OU=x"))).as_deref(), Some("me, OU=x"));
        assert_eq!(common_name(&with(Some("m\u{fc}ller"))).as_deref(), Some("m\u{fc}ller"));
        assert_eq!(common_name(&with(None)), None);
    }

    #[test]
    fn alternative_names_are_text_in_order() {
        let ia5 = |text: &str| Ia5String::try_from(text).unwrap();
        let der = certificate(|params| {
            params.subject_alt_names = vec![
                SanType::DnsName(ia5("h.example")),
                SanType::IpAddress("10.1.2.3".parse().unwrap()),
                SanType::URI(ia5("urn:x")),
                SanType::IpAddress("::1".parse().unwrap()),
                SanType::Rfc822Name(ia5("me@h")),
            ];
        });
        assert_eq!(alt_names(&der), ["h.example", "10.1.2.3", "urn:x", "::1", "me@h"]);
        assert!(alt_names(&certificate(|_| ())).is_empty());
    }

    proptest! {
        #[test]
        fn anything_may_be_asked(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            is_broken in any::<bool>(),
        ) {
            if is_broken {
                bytes = certificate(|params| {
                    params.subject_alt_names = vec![SanType::IpAddress([1, 2, 3, 4].into())];
                });
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = (common_name(&bytes), alt_names(&bytes));
        }
    }
}
