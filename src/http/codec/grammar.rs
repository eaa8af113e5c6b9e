//! The bytes that HTTP allows in each place, and fast ways over runs of them.
//!
//! One table holds the class of each byte. Runs that are long in practice, field values and
//! targets, are crossed eight bytes at a time; tests hold the fast way against the table.
//!
//! Source: RFC 9110 section 5.6, RFC 9112 sections 3 to 5, RFC 3986 section 3.2.

use std::net::Ipv6Addr;

/// Letters, digits and `!#$%&'*+-.^_|~` with the backquote: methods and field names.
const TOKEN: u8 = 1;
/// Everything that can be seen or is above 0x7f, blank and tab: field values and reasons.
const VALUE: u8 = 2;
/// Visible ASCII: request targets.
const TARGET: u8 = 4;
/// What a registered name may hold beside percent-escapes.
const NAME: u8 = 8;

/// The classes of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let alphanumeric = byte.is_ascii_alphanumeric();
        let mut class = 0;
        if alphanumeric || is_among(byte, b"!#$%&'*+-.^_`|~") {
            class |= TOKEN;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
            class |= VALUE;
        }
        if byte.is_ascii_graphic() {
            class |= TARGET;
        }
        if alphanumeric || is_among(byte, b"-._~!$&'()*+,;=") {
            class |= NAME;
        }
        classes[byte as usize] = class;
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

const fn is_among(byte: u8, set: &[u8]) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

const fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// Returns whether `byte` may occur in a token.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    is(byte, TOKEN)
}

/// Returns whether `byte` may occur in a field value or a reason.
pub(crate) const fn is_value_byte(byte: u8) -> bool {
    is(byte, VALUE)
}

/// Returns whether `text` is a token: a method, a field name, a transfer coding.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is(byte, TOKEN))
}

/// Returns whether `value` may stand in a field or as a reason; bytes from 0x80 may.
pub(crate) fn is_field_value(value: &[u8]) -> bool {
    skip_value(value, 0) == value.len()
}

/// Returns where the token that starts at `at` ends.
#[inline]
pub(super) fn skip_token(input: &[u8], at: usize) -> usize {
    let rest = input.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| !is(byte, TOKEN)).unwrap_or(rest.len())
}

/// Returns where the run of bytes that a registered name may hold ends.
#[inline]
fn skip_name(host: &[u8]) -> usize {
    host.iter().position(|&byte| !is(byte, NAME)).unwrap_or(host.len())
}

/// Returns where the field value that starts at `at` ends: at the first byte it must not hold.
#[inline]
pub(super) fn skip_value(input: &[u8], mut at: usize) -> usize {
    loop {
        at = skip_run(input, at, |word| below(word, 0x20) | equal(word, 0x7f));
        // A tab is the one control that belongs to the value.
        if input.get(at) != Some(&b'\t') {
            return at;
        }
        at += 1;
    }
}

/// Returns where the request target that starts at `at` ends: at the first byte it must not hold.
#[inline]
pub(super) fn skip_target(input: &[u8], at: usize) -> usize {
    skip_run(input, at, |word| below(word, 0x21) | equal(word, 0x7f) | word & HIGH)
}

/// Returns where the first LF from `at` on is.
pub(super) fn find_lf(input: &[u8], at: usize) -> Option<usize> {
    let found = skip_run(input, at, |word| equal(word, b'\n'));
    (found < input.len()).then_some(found)
}

/// Returns the first place from `at` on where `hits` marks a byte, or the end of `input`.
///
/// `hits` gets eight bytes, the first one lowest, and sets the top bit of each byte it marks.
/// Bytes above a marked one may be marked wrongly.
#[inline]
fn skip_run(input: &[u8], at: usize, hits: impl Fn(u64) -> u64) -> usize {
    let (words, tail) = input.get(at..).unwrap_or_default().as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = hits(u64::from_le_bytes(*word));
        if found != 0 {
            return at + index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let start = at + words.len() * 8;
    start
        + tail
            .iter()
            .position(|&byte| hits(PAD | u64::from(byte)) & 0x80 != 0)
            .unwrap_or(tail.len())
}

/// The lowest bit of each of eight bytes.
const LOW: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each of eight bytes.
const HIGH: u64 = 0x8080_8080_8080_8080;
/// Seven letters above one free byte.
const PAD: u64 = 0x6161_6161_6161_6100;

/// Marks bytes below `limit`, which is at most 0x80.
#[inline]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(LOW * u64::from(limit)) & !word & HIGH
}

/// Marks bytes equal to `byte`.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (LOW * u64::from(byte)), 1)
}

/// Returns `text` without blanks and tabs at its ends.
#[inline]
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Iterates over the elements of a comma-separated list, trimmed; empty ones are included.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim)
}

/// Returns whether one element of a comma-separated list is `token`, ignoring case.
pub(crate) fn list_has_token(list: &[u8], token: &str) -> bool {
    elements(list).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// Returns the number that `digits` spell: one or more digits and nothing else, below 2^64.
pub(crate) fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Returns whether `text` is `uri-host [":" port]`, which the empty string is too.
///
/// # Source
/// RFC 9110 section 7.2, RFC 3986 section 3.2.2.
pub(crate) fn is_host(text: &[u8]) -> bool {
    let (host, port) = split_port(text);
    port.is_none_or(|port| port.iter().all(u8::is_ascii_digit)) && is_uri_host(host)
}

/// Splits the port off an authority; whether it is one remains to be seen.
pub(crate) fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let host_len = match authority {
        [b'[', ..] => authority.iter().position(|&byte| byte == b']').map_or(0, |at| at + 1),
        _ => authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_len);
    match rest {
        [b':', port @ ..] => (host, Some(port)),
        [] => (host, None),
        // Something behind the bracket, or no bracket at all: no host has this form.
        _ => (authority, None),
    }
}

/// Returns whether `host` is an address in brackets or a registered name.
fn is_uri_host(host: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = host {
        return is_ip_literal(address);
    }
    // Hardly any host has anything else.
    let mut rest = &host[skip_name(host)..];
    loop {
        match rest {
            [] => return true,
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = tail;
            }
            [byte, tail @ ..] if is(*byte, NAME) => rest = tail,
            _ => return false,
        }
    }
}

/// Returns whether `address` may stand in brackets: IPv6, or `v`, a hexadecimal number, `.`, text.
fn is_ip_literal(address: &[u8]) -> bool {
    if let [b'v' | b'V', future @ ..] = address {
        let dot = future.iter().position(|&byte| byte == b'.').unwrap_or(0);
        let (version, text) = future.split_at(dot);
        return !version.is_empty()
            && version.iter().all(u8::is_ascii_hexdigit)
            && text.len() > 1
            && text.iter().all(|&byte| is(byte, NAME) || byte == b':');
    }
    str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_are_those_of_the_rfc() {
        let tokens = (0..=255_u8).filter(|&byte| is(byte, TOKEN)).count();
        assert_eq!(tokens, 26 + 26 + 10 + 15);
        for byte in 0..=255_u8 {
            assert_eq!(is(byte, TARGET), (0x21..=0x7e).contains(&byte), "{byte:#x}");
            let value = byte == 9 || (0x20..=0x7e).contains(&byte) || byte >= 0x80;
            assert_eq!(is(byte, VALUE), value, "{byte:#x}");
        }
    }

    #[test]
    fn hosts_follow_the_grammar() {
        let good: &[&str] = &[
            "",
            "h",
            "a.b:80",
            "h:",
            ":80",
            "[::1]",
            "[::1]:80",
            "127.0.0.1",
            "a%20b",
            "x_y!$&'()*+,;=",
            "[v1.x:y]",
            "h:99999",
        ];
        for host in good {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        let bad: &[&str] = &[
            "a b",
            "u@h",
            "h?q",
            "h/p",
            "h#f",
            "a%2",
            "a%zz",
            "h:80:81",
            "h:8a",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]80",
            "[g::]",
            "[]",
            "[v.x]",
            "[v1.]",
            "h\t",
            "h\u{e9}",
            "a,b@c",
            "[fe80::1%25eth0]",
            "]",
        ];
        for host in bad {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn decimals_are_digits_below_the_limit() {
        assert_eq!(parse_decimal(b"0"), Some(0));
        assert_eq!(parse_decimal(b"007"), Some(7));
        assert_eq!(parse_decimal(b"18446744073709551615"), Some(u64::MAX));
        for text in [
            "",
            "+5",
            "-1",
            "5 ",
            " 5",
            "0x5",
            "5,5",
            "18446744073709551616",
            "18446744073709551621",
        ] {
            assert_eq!(parse_decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn lists_are_split_at_commas_and_trimmed() {
        assert!(list_has_token(b"keep-alive,\t Close ", "close"));
        assert!(!list_has_token(b"xclosey, not close", "close"));
        assert!(!list_has_token(b"", "close"));
    }

    proptest! {
        #[test]
        fn runs_end_where_the_table_says(input in proptest::collection::vec(any::<u8>(), 0..80), at in 0..90_usize) {
            let obvious = |class| {
                let mut end = at;
                while input.get(end).is_some_and(|&byte| is(byte, class)) {
                    end += 1;
                }
                end
            };
            prop_assert_eq!(skip_value(&input, at), obvious(VALUE));
            prop_assert_eq!(skip_target(&input, at), obvious(TARGET));
            prop_assert_eq!(skip_token(&input, at), obvious(TOKEN));
            let lf = input.iter().skip(at).position(|&byte| byte == b'\n').map(|found| at + found);
            prop_assert_eq!(find_lf(&input, at), lf);
        }

        #[test]
        fn long_runs_end_where_the_table_says(head in "[a-z\t ]{0,40}", byte: u8, tail in "[a-z\t]{0,20}") {
            let input = [head.as_bytes(), &[byte], tail.as_bytes()].concat();
            let obvious = input.iter().position(|&byte| !is(byte, VALUE)).unwrap_or(input.len());
            prop_assert_eq!(skip_value(&input, 0), obvious);
        }
    }
}
