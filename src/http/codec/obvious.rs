//! The rules once more, written for the reader instead of for speed.
//!
//! Laws hold the parsers against these functions, which see all input at once, know no limits but
//! the default ones, and share nothing with the parsers.

use std::net::Ipv6Addr;

/// A request head as the rules see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Bytes of input it takes.
    pub(super) len: usize,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) version: &'a str,
    /// As they came, one for each line.
    pub(super) fields: Vec<(&'a str, &'a [u8])>,
    /// `None` if chunked.
    pub(super) body_len: Option<u64>,
}

/// What the rules say to an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<T> {
    /// The message or its body is not complete; it may be malformed all the same.
    Partial,
    Refused,
    Accepted(T),
}

/// Judges the request head at the start of `input`.
pub(super) fn request_head(input: &[u8]) -> Verdict<Head<'_>> {
    let mut start = 0;
    let mut blanks = 0;
    while let Some(len) = [&b"\r\n"[..], b"\n"]
        .iter()
        .find_map(|end| input[start..].starts_with(end).then_some(end.len()))
    {
        start += len;
        blanks += 1;
    }
    let Some((lines, len)) = lines(&input[start..]) else { return Verdict::Partial };
    if blanks > 8 || len > 64 << 10 {
        return Verdict::Refused;
    }
    match judge(&lines) {
        Some(head) => Verdict::Accepted(Head { len: start + len, ..head }),
        None => Verdict::Refused,
    }
}

/// A response head as the rules see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResponseHead<'a> {
    /// Bytes of input it takes.
    pub(super) len: usize,
    pub(super) version: &'a str,
    pub(super) status: u16,
    pub(super) reason: &'a [u8],
    /// As they came, one for each line.
    pub(super) fields: Vec<(&'a str, &'a [u8])>,
}

/// Judges the response head at the start of `input`.
pub(super) fn response_head(input: &[u8]) -> Verdict<ResponseHead<'_>> {
    let Some((lines, len)) = lines(input) else { return Verdict::Partial };
    match judge_response(&lines).filter(|_| len <= 64 << 10) {
        Some(head) => Verdict::Accepted(ResponseHead { len, ..head }),
        None => Verdict::Refused,
    }
}

fn judge_response<'a>(lines: &[&'a [u8]]) -> Option<ResponseHead<'a>> {
    let (status_line, fields) = lines.split_first()?;
    if fields.len() > 128 {
        return None;
    }
    let (start, reason) = status_line.split_at_checked("HTTP/1.1 200".len())?;
    let (version, status) = str::from_utf8(start).ok()?.split_once(' ')?;
    let minor = version.strip_prefix("HTTP/1.")?;
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_valid = minor.len() == 1 && all_digits(minor) && all_digits(status);
    let status = status.parse().ok().filter(|status| is_valid && *status >= 100)?;
    // The reason is like a value, and the blank before it goes with it if both are missing.
    let reason = match reason {
        [] => reason,
        [b' ', reason @ ..] => field(&[b"reason:", reason].concat()).and(Some(trim(reason)))?,
        _ => return None,
    };
    let fields = fields.iter().map(|line| field(line)).collect::<Option<Vec<_>>>()?;
    Some(ResponseHead { len: 0, version, status, reason, fields })
}

/// Cuts a head into its lines, up to the empty one; tells how long it is.
fn lines(input: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let mut lines = Vec::new();
    let mut len = 0;
    for line in input.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n")?;
        len += line.len() + 1;
        match line.strip_suffix(b"\r").unwrap_or(line) {
            b"" => return Some((lines, len)),
            line => lines.push(line),
        }
    }
    None
}

fn judge<'a>(lines: &[&'a [u8]]) -> Option<Head<'a>> {
    let (start_line, fields) = lines.split_first()?;
    let mut parts = str::from_utf8(start_line).ok()?.split(' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = parts.next().is_none();
    if !is_whole || !is_token(method) || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let minor = version.strip_prefix("HTTP/1.").filter(|minor| minor.len() == 1)?;
    let is_old = minor.parse::<u8>().ok()? == 0;
    if lines.len() > 1 + 128 || start_line.len() > 16 << 10 || !is_target(method, target) {
        return None;
    }
    let fields = fields.iter().map(|line| field(line)).collect::<Option<Vec<_>>>()?;

    let all = |name: &str| -> Vec<&'a [u8]> {
        let named = fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value).collect()
    };
    match all("Host")[..] {
        [] if is_old => {}
        [host] if str::from_utf8(host).is_ok_and(|host| is_authority(host, true)) => {}
        _ => return None,
    }
    for expectation in all("Expect").join(&b","[..]).split(|&byte| byte == b',') {
        let expectation = expectation.trim_ascii();
        if !expectation.is_empty() && !expectation.eq_ignore_ascii_case(b"100-continue") {
            return None;
        }
    }
    let body_len = match (&all("Transfer-Encoding")[..], &all("Content-Length")[..]) {
        ([], []) => Some(0),
        ([], [digits]) if digits.iter().all(u8::is_ascii_digit) => {
            Some(str::from_utf8(digits).ok()?.parse().ok()?)
        }
        ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") && !is_old => None,
        _ => return None,
    };
    Some(Head { len: 0, method, target, version, fields, body_len })
}

fn field(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = str::from_utf8(&line[..colon]).ok()?;
    let value = trim(&line[colon + 1..]);
    let is_valid = value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f);
    (is_token(name) && is_valid).then_some((name, value))
}

fn trim(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

fn is_target(method: &str, target: &str) -> bool {
    if method == "CONNECT" {
        let behind_address = target.rsplit(']').next().and_then(|text| text.split_once(':'));
        return behind_address.is_some_and(|(_, port)| !port.is_empty())
            && is_authority(target, false);
    }
    let lower = target.to_ascii_lowercase();
    let rest = lower.strip_prefix("http://").or(lower.strip_prefix("https://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    target.starts_with('/')
        || (target == "*" && method == "OPTIONS")
        || authority.is_some_and(|authority| is_authority(authority, false))
}

/// Whether `text` is a host and perhaps a port.
fn is_authority(text: &str, may_be_empty: bool) -> bool {
    let name_is_valid = |name: &str| {
        let mut parts = name.split('%');
        let is_plain = |part: &str| {
            part.chars().all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c))
        };
        parts.next().is_some_and(is_plain)
            && parts.all(|part| {
                let digits = part.as_bytes().first_chunk::<2>();
                digits.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)) && is_plain(part)
            })
    };
    let (host, port) = match text.find(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_is_valid = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host_is_valid = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => match address.strip_prefix(['v', 'V']) {
            Some(future) => future.split_once('.').is_some_and(|(version, text)| {
                let version_is_valid =
                    !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
                let text_is_valid = !text.is_empty() && !text.contains('%');
                version_is_valid && text_is_valid && text.split(':').all(name_is_valid)
            }),
            None => address.parse::<Ipv6Addr>().is_ok(),
        },
        None => name_is_valid(host) && (may_be_empty || !host.is_empty()),
    };
    port_is_valid && host_is_valid
}

/// Judges the chunked body at the start of `input`; answers the body and how much input it takes.
///
/// Limits are the default ones.
pub(super) fn chunked(input: &[u8]) -> Verdict<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(len) = crlf(&input[at..]) else { return Verdict::Partial };
        let Some(size) = size_line(&input[at..at + len]) else { return Verdict::Refused };
        at += len + 2;
        if size == 0 {
            break;
        }
        let Ok(size) = usize::try_from(size) else { return Verdict::Partial };
        let rest = &input[at..];
        let Some(end) = size.checked_add(2).filter(|&end| end <= rest.len()) else {
            return Verdict::Partial;
        };
        if &rest[size..end] != b"\r\n" {
            return Verdict::Refused;
        }
        body.extend_from_slice(&rest[..size]);
        at += end;
    }
    let trailers = at;
    let mut fields = 0;
    loop {
        let Some(len) = crlf(&input[at..]) else { return Verdict::Partial };
        if len == 0 {
            return Verdict::Accepted((body, at + 2));
        }
        let line = &input[at..at + len];
        at += len + 2;
        fields += 1;
        if field(line).is_none() || at - trailers > 8 << 10 || fields > 128 {
            return Verdict::Refused;
        }
    }
}

fn crlf(input: &[u8]) -> Option<usize> {
    input.windows(2).position(|pair| pair == b"\r\n")
}

/// Reads a size and checks the extensions behind it.
fn size_line(bytes: &[u8]) -> Option<u64> {
    // Bytes beyond ASCII are equal before the rules, whatever letters they make up.
    let line: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let digits = line.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(line.len());
    let size = u64::from_str_radix(&line[..digits], 16).ok()?;
    let mut rest = &line[digits..];
    while !rest.is_empty() {
        rest = blanks(blanks(rest).strip_prefix(';')?);
        rest = token(rest)?;
        let Some(value) = blanks(rest).strip_prefix('=') else { continue };
        let value = blanks(value);
        rest = match value.strip_prefix('"') {
            Some(quoted) => quoted_end(quoted)?,
            None => token(value)?,
        };
    }
    (bytes.len() <= 1 << 10).then_some(size)
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn token(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !is_token(c.encode_utf8(&mut [0; 4]))).unwrap_or(text.len());
    (end > 0).then_some(&text[end..])
}

fn quoted_end(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some(characters.as_str()),
            '\\' => drop(characters.next().filter(|&c| is_text(c))?),
            c if is_text(c) => {}
            _ => return None,
        }
    }
}

fn is_text(c: char) -> bool {
    c == '\t' || c >= ' ' && c != '\x7f'
}
