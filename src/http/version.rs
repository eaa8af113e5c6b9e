//! The version of HTTP that a message names.

use std::fmt;

use nng_aio::Error;

/// A version of HTTP as messages name it: two digits.
///
/// ```
/// use nng_oxide::http::Version;
///
/// assert_eq!("HTTP/1.0".parse(), Ok(Version::HTTP_10));
/// assert!(Version::HTTP_10 < Version::HTTP_11);
/// assert_eq!(Version::HTTP_11.as_str(), "HTTP/1.1");
/// ```
/// # Source
/// RFC 9112 section 2.3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// `HTTP/`, a digit, `.`, a digit; the order of versions is that of these bytes.
    text: [u8; Self::LEN],
}

impl Version {
    /// HTTP/1.0.
    pub const HTTP_10: Self = Self { text: *b"HTTP/1.0" };
    /// HTTP/1.1, the default.
    pub const HTTP_11: Self = Self { text: *b"HTTP/1.1" };
    /// How many bytes the name of a version has.
    pub(super) const LEN: usize = 8;

    /// Reads a version from its name, which is exact in case and form.
    pub(super) fn from_bytes(text: [u8; Self::LEN]) -> Option<Self> {
        let [prefix @ .., major, b'.', minor] = &text else { return None };
        let is_version = prefix == b"HTTP/" && major.is_ascii_digit() && minor.is_ascii_digit();
        is_version.then_some(Self { text })
    }

    /// Returns the name, such as `HTTP/1.1`.
    pub fn as_str(&self) -> &str {
        // All bytes are ASCII by construction.
        str::from_utf8(&self.text).unwrap_or("HTTP/1.1")
    }

    /// Returns the name as bytes.
    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Returns the number before the dot, 0 to 9.
    pub const fn major(self) -> u8 {
        self.text[5] - b'0'
    }

    /// Returns the number behind the dot, 0 to 9.
    pub const fn minor(self) -> u8 {
        self.text[7] - b'0'
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::HTTP_11
    }
}

impl std::str::FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.as_bytes().try_into().map_err(|_| Error::Invalid)?;
        Self::from_bytes(text).ok_or(Error::Invalid)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_digits_make_a_version() {
        assert_eq!("HTTP/1.2".parse::<Version>().unwrap().minor(), 2);
        assert_eq!("HTTP/2.0".parse::<Version>().unwrap().major(), 2);
        for text in [
            "",
            "HTTP/1",
            "HTTP/1.",
            "HTTP/1.10",
            "http/1.1",
            "HTTP/1.1 ",
            "HTTP/a.1",
            "HTTP/1\r\n",
        ] {
            assert_eq!(text.parse::<Version>(), Err(Error::Invalid), "{text:?}");
        }
    }
}
