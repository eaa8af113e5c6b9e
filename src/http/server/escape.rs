//! What stands in a URI: escapes for all bytes that have another meaning there, or none.
//!
//! # Source
//! RFC 3986 sections 2 and 3.3.

/// Appends bytes to a URI; those that no URI has are escaped.
pub(super) fn escape_uri(bytes: &[u8], uri: &mut String) {
    escape(bytes, b":/?#[]@!$&'()*+,;=", true, uri);
}

/// Appends what follows in a target; what a client wrote begins no fragment.
pub(super) fn escape_following(text: &str, uri: &mut String) {
    escape(text.as_bytes(), b":/?[]@!$&'()*+,;=", true, uri);
}

/// Appends one segment of a path as it is named in a file system.
pub(super) fn escape_segment(name: &[u8], uri: &mut String) {
    escape(name, b":@!$&'()*+,;=", false, uri);
}

/// Appends bytes; all but letters, digits, `-._~`, those in `kept` and, if `has_escapes`, escapes that
/// are there already are escaped.
fn escape(bytes: &[u8], kept: &[u8], has_escapes: bool, uri: &mut String) {
    for (at, &byte) in bytes.iter().enumerate() {
        let is_escape = || match bytes.get(at + 1..at + 3) {
            Some(digits) => has_escapes && digits.iter().all(u8::is_ascii_hexdigit),
            None => false,
        };
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain || kept.contains(&byte) || (byte == b'%' && is_escape()) {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            for digit in [byte >> 4, byte & 15] {
                uri.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_one_segment_and_no_escape() {
        let mut uri = String::new();
        escape_segment(b"a/b?c#d%20 e\xFF\"<>:@&=;[~]", &mut uri);
        assert_eq!(uri, "a%2Fb%3Fc%23d%2520%20e%FF%22%3C%3E:@&=;%5B~%5D");
    }

    #[test]
    fn a_uri_keeps_its_structure_and_what_follows_begins_no_fragment() {
        let (mut uri, mut following) = (String::new(), String::new());
        escape_uri(b"http://[::1]/a?b#c%41%4", &mut uri);
        assert_eq!(uri, "http://[::1]/a?b#c%41%254");
        escape_following("/a?b#c%41%4", &mut following);
        assert_eq!(following, "/a?b%23c%41%254");
    }
}
