//! Addresses of sockets, and their text as NNG prints it.
//!
//! # Source
//! nng 1.12, nng_sockaddr(5), nng_str_sockaddr(3).

use std::fmt::{self, Write as _};
use std::mem::{offset_of, size_of};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::Error;

/// Where a stream or datagram socket is, or may be found. A copy of any of them is cheap.
///
/// The text is NNG's: `unknown`, the path alone, `abstract[name]`, `1.2.3.4:80`, `[::1]:80` or
/// `[fe80::1%2]:80`.
///
/// ```
/// use nng_aio::net::Addr;
///
/// let addr = Addr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
/// assert_eq!(addr.to_string(), "127.0.0.1:80");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Addr {
    /// None, or not known.
    #[default]
    Unspecified,
    /// A Unix socket in the file system.
    Ipc(IpcPath),
    /// A Unix socket in Linux's abstract namespace.
    Abstract(AbstractName),
    /// An IPv4 address and a port.
    Inet(SocketAddrV4),
    /// An IPv6 address with scope, and a port.
    Inet6(SocketAddrV6),
}

// Streams keep two of them, and there are many streams.
const _: () = assert!(size_of::<Addr>() <= 32);

impl Addr {
    /// A path of 1 to [`IpcPath::MAX`] bytes, taken literally.
    ///
    /// # Errors
    /// `AddressInvalid` if it is empty or longer, or holds a NUL.
    pub fn ipc(path: impl AsRef<Path>) -> Result<Self, Error> {
        IpcPath::new(path).map(Self::Ipc)
    }

    /// An abstract name of 0 to [`AbstractName::MAX`] bytes of any value.
    ///
    /// # Errors
    /// `AddressInvalid` if it is longer.
    pub fn abstract_from_bytes(name: &[u8]) -> Result<Self, Error> {
        AbstractName::new(name).map(Self::Abstract)
    }

    /// An abstract name as URLs spell it: each `%XX` stands for the byte of that number.
    ///
    /// # Errors
    /// `AddressInvalid` if an escape is malformed, or more than [`AbstractName::MAX`] bytes result.
    pub fn abstract_from_escaped(text: &str) -> Result<Self, Error> {
        let name = unescape(text.as_bytes()).ok_or(Error::AddressInvalid)?;
        Self::abstract_from_bytes(&name)
    }

    /// The address as the standard library has it, if it is IPv4 or IPv6.
    pub const fn to_inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(addr) => Some(SocketAddr::V4(*addr)),
            Self::Inet6(addr) => Some(SocketAddr::V6(*addr)),
            Self::Unspecified | Self::Ipc(_) | Self::Abstract(_) => None,
        }
    }

    /// The port, if there is one; 0 lets the system choose.
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Inet(addr) => Some(addr.port()),
            Self::Inet6(addr) => Some(addr.port()),
            Self::Unspecified | Self::Ipc(_) | Self::Abstract(_) => None,
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(addr) => Self::Inet(addr),
            SocketAddr::V6(addr) => Self::Inet6(addr),
        }
    }
}

impl From<SocketAddrV4> for Addr {
    fn from(addr: SocketAddrV4) -> Self {
        Self::Inet(addr)
    }
}

impl From<SocketAddrV6> for Addr {
    fn from(addr: SocketAddrV6) -> Self {
        Self::Inet6(addr)
    }
}

impl From<(IpAddr, u16)> for Addr {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        SocketAddr::from((ip, port)).into()
    }
}

impl TryFrom<&Addr> for SocketAddr {
    type Error = Error;

    /// `AddressInvalid` unless it is IPv4 or IPv6.
    fn try_from(addr: &Addr) -> Result<Self, Error> {
        addr.to_inet().ok_or(Error::AddressInvalid)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("unknown"),
            Self::Ipc(path) => write!(f, "{}", path.as_path().display()),
            Self::Abstract(name) => write!(f, "abstract[{name}]"),
            Self::Inet(addr) => write!(f, "{addr}"),
            Self::Inet6(addr) => {
                f.write_char('[')?;
                write_ipv6(f, addr.ip())?;
                if addr.scope_id() != 0 {
                    write!(f, "%{}", addr.scope_id())?;
                }
                write!(f, "]:{}", addr.port())
            }
        }
    }
}

/// The path of a Unix socket: 1 to [`MAX`](Self::MAX) bytes without NUL.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IpcPath(Arc<Path>);

impl IpcPath {
    /// The most bytes that the system takes, one less than its room: 107 on Linux.
    pub const MAX: usize =
        size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path) - 1;

    /// Takes a path literally; it may be relative.
    ///
    /// # Errors
    /// `AddressInvalid` if it is empty or too long, or holds a NUL.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = path.as_os_str().as_bytes();
        if bytes.is_empty() || bytes.len() > Self::MAX || bytes.contains(&0) {
            return Err(Error::AddressInvalid);
        }
        Ok(Self(path.into()))
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

/// The name of an abstract Unix socket, without the NUL that the system puts before it: 0 to
/// [`MAX`](Self::MAX) bytes of any value. Listening on the empty name lets the system choose one.
///
/// The text has `%XX` in place of bytes that are not printable ASCII.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct AbstractName(Arc<[u8]>);

impl AbstractName {
    /// The most bytes.
    pub const MAX: usize = 107;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// `AddressInvalid` if there are too many.
    pub fn new(name: &[u8]) -> Result<Self, Error> {
        if name.len() > Self::MAX { Err(Error::AddressInvalid) } else { Ok(Self(name.into())) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for AbstractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.as_bytes() {
            if byte == b' ' || byte.is_ascii_graphic() {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for AbstractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AbstractName({self})")
    }
}

/// Replaces each `%XX`; `None` if one is malformed.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let (&[high, low], tail) = tail.split_first_chunk()?;
        bytes.push(hex_digit(high)? << 4 | hex_digit(low)?);
        rest = tail;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes an IPv6 address as NNG does: unlike the standard library, a run of one zero group is
/// shortened, too.
fn write_ipv6(f: &mut fmt::Formatter<'_>, ip: &Ipv6Addr) -> fmt::Result {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return write!(f, "::ffff:{mapped}");
    }
    let groups = ip.segments();
    let zeros = longest_zero_run(&groups);
    write_groups(f, &groups[..zeros.start])?;
    if !zeros.is_empty() {
        f.write_str("::")?;
    }
    write_groups(f, &groups[zeros.end..])
}

fn write_groups(f: &mut fmt::Formatter<'_>, groups: &[u16]) -> fmt::Result {
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            f.write_char(':')?;
        }
        write!(f, "{group:x}")?;
    }
    Ok(())
}

/// The longest run of zero groups, the first of several; empty at the front if there is none.
fn longest_zero_run(groups: &[u16; 8]) -> Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (index, &group) in groups.iter().enumerate() {
        if group != 0 {
            start = index + 1;
        } else if index + 1 - start > longest.len() {
            longest = start..index + 1;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn inet6(ip: &str, port: u16, scope: u32) -> String {
        Addr::Inet6(SocketAddrV6::new(ip.parse().unwrap(), port, 0, scope)).to_string()
    }

    #[test]
    fn ipv6_text_is_nngs() {
        for (ip, text) in [
            ("::", "[::]:1"),
            ("::1", "[::1]:1"),
            ("2001:db8:0:1::1", "[2001:db8:0:1::1]:1"),
            ("2001:1:1:1:1:1:1:0", "[2001:1:1:1:1:1:1::]:1"),
            ("0:1:1:1:1:1:1:1", "[::1:1:1:1:1:1:1]:1"),
            ("1:0:1:1:1:1:1:1", "[1::1:1:1:1:1:1]:1"),
            ("1:0:0:1:0:0:1:1", "[1::1:0:0:1:1]:1"),
            ("1:0:1:0:0:1:1:1", "[1:0:1::1:1:1]:1"),
            ("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:1"),
            ("ABCD:0EF::", "[abcd:ef::]:1"),
            ("::ffff:1.2.3.4", "[::ffff:1.2.3.4]:1"),
            ("::ffff:0:0", "[::ffff:0.0.0.0]:1"),
            ("::1.2.3.4", "[::102:304]:1"),
            ("64:ff9b::1.2.3.4", "[64:ff9b::102:304]:1"),
        ] {
            assert_eq!(inet6(ip, 1, 0), text);
        }
        assert_eq!(inet6("fe80::1", 5555, 12), "[fe80::1%12]:5555");
    }

    #[test]
    fn the_other_families_have_their_text() {
        assert_eq!(Addr::Unspecified.to_string(), "unknown");
        assert_eq!(Addr::default(), Addr::Unspecified);
        assert_eq!(Addr::ipc("/tmp/a b").unwrap().to_string(), "/tmp/a b");
        assert_eq!(
            Addr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).to_string(),
            "127.0.0.1:0"
        );
        let name = Addr::abstract_from_bytes(b"a~ %\0\x1f\x7f\xe4").unwrap();
        assert_eq!(name.to_string(), "abstract[a~ %%00%1F%7F%E4]");
        assert_eq!(Addr::abstract_from_bytes(b"").unwrap().to_string(), "abstract[]");
    }

    #[test]
    fn paths_have_limits() {
        for path in ["", "a\0b", &"x".repeat(IpcPath::MAX + 1)] {
            assert_eq!(Addr::ipc(path), Err(Error::AddressInvalid), "{path:?}");
        }
        assert!(Addr::ipc("x".repeat(IpcPath::MAX)).is_ok());
        #[cfg(target_os = "linux")]
        assert_eq!(IpcPath::MAX, 107);
    }

    #[test]
    fn escaped_names_are_decoded_to_bytes() {
        let decoded = |text| match Addr::abstract_from_escaped(text) {
            Ok(Addr::Abstract(name)) => name.as_bytes().to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!(decoded(""), b"");
        assert_eq!(decoded("a/b?c#d"), b"a/b?c#d");
        assert_eq!(decoded("%00%fF%25x%41"), b"\0\xff%xA");
        assert_eq!(decoded(&"%00".repeat(AbstractName::MAX)), [0; AbstractName::MAX]);
    }

    #[test]
    fn malformed_and_long_names_are_refused() {
        for text in ["%", "%4", "a%4", "%4g", "%g4", "%%41", "% 4", "%+4", "%ä"] {
            assert_eq!(Addr::abstract_from_escaped(text), Err(Error::AddressInvalid), "{text}");
        }
        let long = "%41".repeat(AbstractName::MAX + 1);
        assert_eq!(Addr::abstract_from_escaped(&long), Err(Error::AddressInvalid));
    }

    #[test]
    fn only_ip_addresses_convert_to_the_standard_librarys() {
        let addr = Addr::ipc("x").unwrap();
        assert_eq!(addr.port(), None);
        assert_eq!(SocketAddr::try_from(&addr), Err(Error::AddressInvalid));
        let inet = SocketAddr::from(([1, 2, 3, 4], 5));
        assert_eq!(SocketAddr::try_from(&Addr::from(inet)), Ok(inet));
        assert_eq!(Addr::from(inet).port(), Some(5));
    }

    proptest! {
        #[test]
        fn ip_text_means_the_address(
            groups in prop::array::uniform8(prop_oneof![Just(0_u16), any::<u16>()]),
            port in any::<u16>(),
            scope in any::<u32>(),
        ) {
            let addr = SocketAddrV6::new(Ipv6Addr::from(groups), port, 0, scope);
            prop_assert_eq!(Addr::from(addr).to_string().parse::<SocketAddrV6>(), Ok(addr));
        }

        #[test]
        fn names_survive_escaping_every_byte(
            name in prop::collection::vec(any::<u8>(), 0..=AbstractName::MAX),
        ) {
            let escaped: String = name.iter().map(|byte| format!("%{byte:02x}")).collect();
            let decoded = Addr::abstract_from_escaped(&escaped);
            prop_assert_eq!(decoded, Addr::abstract_from_bytes(&name));
        }
    }
}
