//! URLs as NNG reads them: tolerant in the authority, canonical behind it.
//!
//! Parsing takes the text apart and brings path, query and fragment into one form, so that equal
//! resources compare equal. It does not judge: whether a scheme is supported, a port exists or a
//! host can be found is decided where the URL is used.
//!
//! ```text
//! http://user@www.Example.com:8080/a/./b%2fc?q=1#top
//! ---    ---- ----------------     ---------- --- ---
//! scheme userinfo  host        path: /a/b%2Fc query fragment    hostname www.example.com, port 8080
//! ```
//!
//! Four schemes, `ipc`, `unix`, `abstract` and `inproc`, have no authority: everything behind
//! `scheme://` is their path, byte for byte.
//!
//! Nothing here panics, whatever the text, and all work is linear in its length.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use nng_aio::Error;

/// A parsed URL.
///
/// Two URLs are equal if all their parts are, the text they were parsed from included.
///
/// ```
/// use nng_oxide::Url;
///
/// let url: Url = "HTTP://Example.com/a/../b%7e?x".parse()?;
/// assert_eq!(url.scheme(), "http");
/// assert_eq!(url.hostname(), Some("example.com"));
/// assert_eq!(url.port(), Some("80"));
/// assert_eq!(url.requri(), Some("/b~?x"));
/// assert_eq!(url.to_string(), "http://example.com/b~?x");
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_url(5) and nng_url_parse(3).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Url {
    raw: String,
    /// In lower case.
    scheme: String,
    /// `None` for the schemes that have only a path.
    authority: Option<Authority>,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
    /// Path, query and fragment together; `None` for the schemes that have only a path.
    requri: Option<String>,
}

/// The part between `//` and the path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Authority {
    userinfo: Option<String>,
    /// Host and port as given, in lower case but for an IPv6 zone.
    host: String,
    /// The host alone: no brackets, `%25` before a zone decoded.
    hostname: String,
    /// As given, or the default of the scheme, or empty.
    port: String,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// A host of `*` is the wildcard and becomes empty. Percent-escapes of letters, digits, `.`,
    /// `~`, `_`, `-` and of bytes from 0x80 are decoded, all others get upper-case digits; runs of
    /// `/` and dot segments vanish. Host and port are taken as they are.
    /// # Errors
    /// `Invalid` if there is no `://` behind the scheme, if the userinfo holds a second `@`, if a
    /// bracket of the host is not closed or followed by anything but a port, if a `:` has no port
    /// behind it, if an escape is malformed, if the canonical form is not UTF-8, or if the text
    /// holds a NUL.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once(':').ok_or(Error::Invalid)?;
        let rest = rest.strip_prefix("//").ok_or(Error::Invalid)?;
        if text.contains('\0') {
            return Err(Error::Invalid);
        }
        let (raw, scheme) = (text.to_owned(), scheme.to_ascii_lowercase());
        if is_path_scheme(&scheme) {
            let (path, query, fragment) = (rest.to_owned(), None, None);
            return Ok(Self { raw, scheme, authority: None, path, query, fragment, requri: None });
        }

        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority = Some(Authority::parse(authority, &scheme)?);
        let requri = canonical(rest)?;
        let (rest, fragment) = split_off(&requri, '#');
        let (path, query) = split_off(rest, '?');
        let (path, query, fragment) = (path.to_owned(), query, fragment);
        Ok(Self { raw, scheme, authority, path, query, fragment, requri: Some(requri) })
    }

    /// Returns the text this URL was parsed from (`u_rawurl`).
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Returns the scheme in lower case; it may be empty (`u_scheme`).
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns what precedes the `@`, not decoded, if there is one (`u_userinfo`).
    pub fn userinfo(&self) -> Option<&str> {
        self.authority.as_ref()?.userinfo.as_deref()
    }

    /// Returns host and port as given, in lower case and with brackets (`u_host`).
    ///
    /// `None` for `ipc`, `unix`, `abstract` and `inproc`.
    pub fn host(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.host.as_str())
    }

    /// Returns the host without brackets and port, empty for the wildcard (`u_hostname`).
    ///
    /// The zone of an IPv6 address keeps its case and follows a single `%`, whether the URL says
    /// `%` or `%25`. `None` for `ipc`, `unix`, `abstract` and `inproc`.
    pub fn hostname(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.hostname.as_str())
    }

    /// Returns the port as given, or the default of the scheme, or an empty text (`u_port`).
    ///
    /// It need not be a number: the resolver knows ports by name too, and judges ranges. `None` for
    /// `ipc`, `unix`, `abstract` and `inproc`.
    pub fn port(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.port.as_str())
    }

    /// Returns whether the port is the one that the scheme implies; true without a host.
    pub(crate) fn has_default_port(&self) -> bool {
        self.port().is_none_or(|port| port == default_port(&self.scheme))
    }

    /// Returns the canonical path; empty, or beginning with `/` (`u_path`).
    ///
    /// For `ipc`, `unix`, `abstract` and `inproc` it is everything behind `://`, untouched.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what follows the `?`, without it, if there is one (`u_query`).
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Returns what follows the `#`, without it, if there is one (`u_fragment`).
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Returns path, query and fragment together in canonical form (`u_requri`).
    ///
    /// `None` for `ipc`, `unix`, `abstract` and `inproc`.
    pub fn requri(&self) -> Option<&str> {
        self.requri.as_deref()
    }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes the canonical form: no userinfo, no port that the scheme implies.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        let Some(authority) = &self.authority else {
            return f.write_str(&self.path);
        };
        f.write_str(authority.printable_hostname())?;
        if !self.has_default_port() {
            write!(f, ":{}", authority.port)?;
        }
        f.write_str(self.requri.as_deref().unwrap_or_default())
    }
}

impl Authority {
    fn parse(text: &str, scheme: &str) -> Result<Self, Error> {
        let (userinfo, host) = match text.split_once('@') {
            Some((_, host)) if host.contains('@') => return Err(Error::Invalid),
            Some((userinfo, host)) => (Some(userinfo.to_owned()), host),
            None => (None, text),
        };
        let host = match host.strip_prefix('*') {
            Some(rest) if rest.is_empty() || rest.starts_with(':') => rest,
            _ => host,
        };
        let mut lowered = host.to_ascii_lowercase();
        let zone = zone_of(host);
        if let Some(zone) = zone.clone() {
            lowered.replace_range(zone.clone(), &host[zone]);
        }
        let host = lowered;

        let (name, port) = split_port(&host)?;
        let port = port.unwrap_or(default_port(scheme)).to_owned();
        // RFC 6874 wants the percent sign before a zone escaped, the resolver wants it plain.
        let hostname = match name.split_once("%25") {
            Some((address, zone_id)) if zone.is_some() && !address.contains('%') => {
                format!("{address}%{zone_id}")
            }
            _ => name.to_owned(),
        };
        Ok(Self { userinfo, host, hostname, port })
    }

    /// Returns the hostname as it stands in a URL: an IPv6 address in brackets, as it was given, and a
    /// star, which is no wildcard there.
    fn printable_hostname(&self) -> &str {
        match self.host.find(']') {
            Some(end) if self.hostname.contains(':') || self.hostname == "*" => &self.host[..=end],
            _ => &self.hostname,
        }
    }
}

/// Returns where the zone of a bracketed IPv6 address is: behind the percent sign.
fn zone_of(host: &str) -> Option<Range<usize>> {
    let (name, _) = host.strip_prefix('[')?.split_once(']')?;
    let (address, zone) = name.split_once('%')?;
    let start = "[".len() + address.len() + "%".len();
    address.contains(':').then(|| start..start + zone.len())
}

/// Splits a host into its name, without brackets, and the port if one is given.
fn split_port(host: &str) -> Result<(&str, Option<&str>), Error> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or(Error::Invalid)?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((name, None)),
        None | Some("") => Err(Error::Invalid),
        port => Ok((name, port)),
    }
}

/// Splits `text` at the first `separator`, which belongs to neither half.
fn split_off(text: &str, separator: char) -> (&str, Option<String>) {
    match text.split_once(separator) {
        Some((head, tail)) => (head, Some(tail.to_owned())),
        None => (text, None),
    }
}

/// Returns whether everything behind `scheme://` is a path.
fn is_path_scheme(scheme: &str) -> bool {
    matches!(scheme, "ipc" | "unix" | "abstract" | "inproc")
}

/// Returns the port that a scheme implies, or an empty text; `4` and `6` for IP versions match too.
fn default_port(scheme: &str) -> &'static str {
    match scheme.strip_suffix(['4', '6']).unwrap_or(scheme) {
        "http" | "ws" => "80",
        "https" | "wss" => "443",
        "ssh" => "22",
        "telnet" => "23",
        "gopher" => "70",
        "git" => "9418",
        _ => "",
    }
}

/// Brings path, query and fragment into canonical form.
fn canonical(text: &str) -> Result<String, Error> {
    let decoded = decode(text.as_bytes())?;
    let is_end = |byte: &u8| matches!(byte, b'?' | b'#');
    let (path, rest) = decoded.split_at(decoded.iter().position(is_end).unwrap_or(decoded.len()));
    let mut bytes = without_dots(path);
    bytes.extend_from_slice(rest);
    String::from_utf8(bytes).map_err(|_| Error::Invalid)
}

/// Decodes the escapes that need not be, and writes the others with upper-case digits.
fn decode(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (high, low) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
        let value = (hex(high)? << 4) | hex(low)?;
        if value >= 0x80 || value.is_ascii_alphanumeric() || b".~_-".contains(&value) {
            decoded.push(value);
        } else {
            decoded.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
    Ok(decoded)
}

/// Returns the value of a hexadecimal digit.
fn hex(digit: u8) -> Result<u8, Error> {
    hex_value(digit).ok_or(Error::Invalid)
}

/// Returns the value of a hexadecimal digit, if it is one.
pub(crate) fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Drops empty and dot segments from a path that is empty or begins with `/`.
///
/// A dot segment at the end goes with its slash: `/a/b/..` is `/a`. A plain slash at the end stays.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::with_capacity(path.len());
    for segment in path.split(|&byte| byte == b'/').skip(1) {
        match segment {
            b"" | b"." => {}
            b".." => kept.truncate(kept.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            _ => {
                kept.push(b'/');
                kept.extend_from_slice(segment);
            }
        }
    }
    if path.ends_with(b"/") {
        kept.push(b'/');
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn is_refused(text: &str) -> bool {
        Url::parse(text) == Err(Error::Invalid)
    }

    #[test]
    fn all_parts_come_apart() {
        let text = "HTTP://User:Pass@WWW.Example.com:8080/a//b/./c?q=%7e?2#top?x#y";
        let url = url(text);
        assert_eq!(url.raw(), text);
        assert_eq!(url.scheme(), "http");
        assert_eq!(url.userinfo(), Some("User:Pass"));
        assert_eq!(url.host(), Some("www.example.com:8080"));
        assert_eq!(url.hostname(), Some("www.example.com"));
        assert_eq!(url.port(), Some("8080"));
        assert_eq!(url.path(), "/a/b/c");
        assert_eq!(url.query(), Some("q=~?2"));
        assert_eq!(url.fragment(), Some("top?x#y"));
        assert_eq!(url.requri(), Some("/a/b/c?q=~?2#top?x#y"));
    }

    #[test]
    fn path_schemes_keep_the_path_untouched() {
        for scheme in ["ipc", "unix", "abstract", "inproc", "IPC"] {
            let url = url(&format!("{scheme}:///Tmp//x/../%zz?q#f@[é"));
            assert_eq!(url.scheme(), scheme.to_lowercase());
            assert_eq!(url.path(), "/Tmp//x/../%zz?q#f@[é");
            assert_eq!((url.host(), url.hostname(), url.port()), (None, None, None));
            assert_eq!((url.userinfo(), url.query(), url.fragment()), (None, None, None));
            assert_eq!(url.requri(), None);
        }
        assert_eq!(url("inproc://").path(), "");
    }

    #[test]
    fn the_scheme_needs_its_slashes_and_nothing_else() {
        for text in ["", "http", "http:", "http:/h", "mailto:x", "//h"] {
            assert!(is_refused(text), "{text}");
        }
        assert_eq!(url("://h").scheme(), "");
        assert_eq!(url("A b+1://h").scheme(), "a b+1");
    }

    #[test]
    fn userinfo_ends_at_the_only_at_sign() {
        assert_eq!(url("http://@h").userinfo(), Some(""));
        assert_eq!(url("http://h").userinfo(), None);
        assert_eq!(url("http://h/@@").userinfo(), None);
        assert!(is_refused("http://u@@h"));
        assert!(is_refused("http://u@v@h"));
        // NNG misses the first byte behind the sign.
        assert_eq!(url("http://u@/x").host(), Some(""));
        assert_eq!(url("http://u@/x").path(), "/x");
        assert_eq!(url("http://u@").host(), Some(""));
    }

    #[test]
    fn hosts_and_ports_split_as_in_nng() {
        // Authority, host, hostname, port.
        let table = [
            ("*:80", ":80", "", "80"),
            ("*", "", "", ""),
            ("*.Com", "*.com", "*.com", ""),
            ("**:1", "**:1", "**", "1"),
            ("", "", "", ""),
            ("[::1]:80", "[::1]:80", "::1", "80"),
            ("[::1]", "[::1]", "::1", ""),
            ("[FE80::A]", "[fe80::a]", "fe80::a", ""),
            ("[Name]:1", "[name]:1", "name", "1"),
            ("::1:80", "::1:80", "", ":1:80"),
            ("h:abc", "h:abc", "h", "abc"),
            ("H:HTTP", "h:http", "h", "http"),
            ("h:99999", "h:99999", "h", "99999"),
            ("h: 80", "h: 80", "h", " 80"),
            ("h:5555;1.2.3.4", "h:5555;1.2.3.4", "h", "5555;1.2.3.4"),
            ("H%41é", "h%41é", "h%41é", ""),
        ];
        for (authority, host, hostname, port) in table {
            let url = url(&format!("tcp://{authority}"));
            let parts = (url.host(), url.hostname(), url.port());
            assert_eq!(parts, (Some(host), Some(hostname), Some(port)), "{authority}");
        }
        for authority in ["h:", "*:", ":", "[::1]:", "[::1", "[", "[::1]x", "[::1]]:1"] {
            assert!(is_refused(&format!("http://{authority}")), "{authority}");
            assert!(is_refused(&format!("http://{authority}/x")), "{authority}");
        }
    }

    #[test]
    fn zones_keep_their_case_in_both_spellings() {
        let escaped = url("tcp://[FE80::1%25Eth0]:5");
        assert_eq!(escaped.host(), Some("[fe80::1%25Eth0]:5"));
        assert_eq!(escaped.hostname(), Some("fe80::1%Eth0"));
        assert_eq!(escaped.to_string(), "tcp://[fe80::1%25Eth0]:5");
        let plain = url("tcp://[FE80::1%Eth0]:HTTP");
        assert_eq!(plain.host(), Some("[fe80::1%Eth0]:http"));
        assert_eq!(plain.hostname(), Some("fe80::1%Eth0"));
        // Only an IPv6 address has a zone.
        assert_eq!(url("tcp://[A%25B]").hostname(), Some("a%25b"));
    }

    #[test]
    fn default_ports_follow_the_scheme() {
        let table = [
            ("80", "http http4 http6 HTTP ws ws4 ws6"),
            ("443", "https https4 wss wss6"),
            ("22", "ssh"),
            ("23", "telnet"),
            ("70", "gopher"),
            ("9418", "git"),
            ("", "tcp tcp4 tls+tcp udp ws44 wsx 4"),
        ];
        for (port, schemes) in table {
            for scheme in schemes.split(' ') {
                assert_eq!(url(&format!("{scheme}://h")).port(), Some(port), "{scheme}");
                assert_eq!(url(&format!("{scheme}://h:1")).port(), Some("1"), "{scheme}");
            }
        }
    }

    #[test]
    fn canonical_paths() {
        let table = [
            ("", ""),
            ("/", "/"),
            ("/a/..", ""),
            ("/.", ""),
            ("/..", ""),
            ("/a/b/..", "/a"),
            ("/./", "/"),
            ("/a/./", "/a/"),
            ("/a/b/../", "/a/"),
            ("/../../a", "/a"),
            ("/a//b///c", "/a/b/c"),
            ("//", "/"),
            ("/a//../b", "/b"),
            ("/...", "/..."),
            ("/.a/b.", "/.a/b."),
            ("/%2e%2e/x", "/x"),
            ("/%2f", "/%2F"),
            ("/%00%20%7f", "/%00%20%7F"),
            ("/%41%7e%2D%5f%30", "/A~-_0"),
            ("/%c3%a9", "/é"),
            ("/ \\é", "/ \\é"),
            ("?a//b/../c", "?a//b/../c"),
            ("#a//b/../c", "#a//b/../c"),
            ("/x?%41#%42%3f", "/x?A#B%3F"),
            ("/x#y?z", "/x#y?z"),
        ];
        for (given, canonical) in table {
            assert_eq!(url(&format!("tcp://h{given}")).requri(), Some(canonical), "{given}");
        }
    }

    #[test]
    fn empty_parts_differ_from_missing_ones() {
        let empty = url("http://h?#");
        let parts = (empty.path(), empty.query(), empty.fragment());
        assert_eq!(parts, ("", Some(""), Some("")));
        let behind = url("http://h/#a?b");
        assert_eq!((behind.query(), behind.fragment()), (None, Some("a?b")));
    }

    #[test]
    fn malformed_escapes_are_refused_everywhere() {
        for rest in ["/%", "/%4", "/%4g", "/%g4", "?%", "#%zz", "/%%41", "/%é"] {
            assert!(is_refused(&format!("http://h{rest}")), "{rest}");
        }
    }

    #[test]
    fn utf8_is_checked_strictly() {
        for valid in ["%e0%b8%81", "%ed%9f%bf", "%f0%90%8d%88", "%f4%8f%bf%bf", "%ef%bf%bd"] {
            assert!(!is_refused(&format!("http://h/{valid}")), "{valid}");
        }
        let surrogate_overlong_or_beyond =
            ["%ed%a0%80", "%e0%9f%bf", "%f0%8f%bf%bf", "%f4%90%80%80", "%c0%80", "%80", "%c3"];
        for invalid in surrogate_overlong_or_beyond {
            assert!(is_refused(&format!("http://h/{invalid}")), "{invalid}");
        }
        // Escaped and plain bytes may complete each other.
        assert!(is_refused("http://h/%c3é"));
    }

    #[test]
    fn a_nul_is_refused() {
        assert!(is_refused("http://h/\0"));
        assert!(is_refused("ipc:///a\0b"));
    }

    #[test]
    fn display_is_canonical() {
        let table = [
            ("HTTP://u@H:80/a/../b?q#f", "http://h/b?q#f"),
            ("http://h:8080", "http://h:8080"),
            ("https4://h:443/", "https4://h/"),
            ("tcp://*:5555", "tcp://:5555"),
            ("tcp://[::1]:5", "tcp://[::1]:5"),
            ("tcp://[name]:5", "tcp://name:5"),
            ("tcp://[*]:5", "tcp://[*]:5"),
            ("ipc:///Tmp//x", "ipc:///Tmp//x"),
        ];
        for (given, printed) in table {
            assert_eq!(url(given).to_string(), printed, "{given}");
        }
    }

    /// Text in which the characters that matter are frequent.
    fn noise() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => r"[\[\]/:?#@%*.;a-cA-C0-9 -]",
            1 => Just("://".to_owned()),
            1 => Just("%2e".to_owned()),
            1 => Just("%25".to_owned()),
            1 => "%[0-9a-f]{2}",
            1 => any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>(), noise in noise()) {
            drop(Url::parse(&text));
            drop(Url::parse(&noise));
        }

        #[test]
        fn canonical_form_is_stable(rest in noise(), host in "[a-z]{0,3}(:[0-9]{1,3})?") {
            let Ok(url) = Url::parse(&format!("http://{host}/{rest}")) else { return Ok(()) };
            let printed = url.to_string();
            let again = Url::parse(&printed).unwrap();
            prop_assert_eq!(again.requri(), url.requri());
            prop_assert_eq!(again.hostname(), url.hostname());
            prop_assert_eq!(again.port(), url.port());
            prop_assert_eq!(again.to_string(), printed);
        }

        #[test]
        fn request_uri_is_the_sum_of_its_parts(noise in noise()) {
            let Ok(url) = Url::parse(&format!("ws://h/{noise}")) else { return Ok(()) };
            let mut sum = url.path().to_owned();
            if let Some(query) = url.query() {
                sum += &format!("?{query}");
            }
            if let Some(fragment) = url.fragment() {
                sum += &format!("#{fragment}");
            }
            prop_assert_eq!(url.requri(), Some(sum.as_str()));
            prop_assert!(!url.path().contains("//") && !url.path().contains("/./"));
            prop_assert!(!url.path().ends_with("/.") && !url.path().ends_with("/.."));
        }

        #[test]
        fn authorities_never_reach_into_the_path(noise in noise()) {
            let Ok(url) = Url::parse(&format!("tcp://{noise}")) else { return Ok(()) };
            prop_assert!(!url.host().unwrap().contains(['/', '?', '#', '@']));
            prop_assert_eq!(url.clone(), url);
        }
    }
}
