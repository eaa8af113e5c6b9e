//! The fields of a message: an ordered list of names and values.
//!
//! ```text
//! bytes:    H o s t :   h CR LF A c c e p t :   * / * CR LF 1 3
//! entries:  [name][   value]   [name     ][     value]       ^ a value replaced later
//! ```
//!
//! All text lives in one buffer and entries are ranges of it. A head that was received is copied
//! there in one piece, so a message costs two allocations however many fields it has, and none at
//! all in an object that is used again. What replacing and removing leaves behind is swept out when
//! it makes up more than half of the buffer.
//!
//! Source: nng 1.12, nng_http_req_set_header(3http) and its siblings; RFC 9110 section 5.

use std::borrow::Cow;
use std::fmt;

use nng_aio::Error;

use super::codec::Decimal;
use super::codec::grammar::{is_field_value, is_token, list_has_token};
use super::entity::CONTENT_LENGTH;

/// The fields of a message, one entry per name, in the order in which names first appeared.
///
/// Names are tokens; they are compared ignoring ASCII case and keep the spelling they were first
/// given. A value is what a field may hold: no control but tab, so no line end, and any byte from
/// 0x80. `Set-Cookie` alone may have several entries, because its values cannot be joined.
///
/// Peers may send values that are not UTF-8. [`get`](Self::get) shows the offending bytes as
/// U+FFFD, [`get_bytes`](Self::get_bytes) shows them as they are; neither hides the field.
///
/// ```
/// use nng_oxide::http::Headers;
///
/// let mut headers = Headers::new();
/// headers.set("Accept", "text/html")?;
/// headers.add("accept", "text/plain")?;
/// assert_eq!(headers.get("ACCEPT").as_deref(), Some("text/html, text/plain"));
/// assert!(headers.set("X", "1\r\nY: 2").is_err());
/// # Ok::<(), nng_oxide::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    /// The text that entries are ranges of, and whatever lies between them.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// How many of `bytes` belonged to entries that are gone.
    wasted: usize,
}

/// Where one name and its value are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// A range of the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// The field of which a message may carry several.
const SET_COOKIE: &str = "Set-Cookie";
/// How much room the first field makes for those that follow; bytes.
const FIRST_BYTES: usize = 96;
/// Below this, waste is not worth sweeping; bytes.
const MIN_WASTE: usize = 512;

impl Headers {
    /// Returns an empty list; it allocates nothing.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), wasted: 0 }
    }

    /// Gives `name` the one value `value`, in the place and spelling the name had, or at the end.
    /// # Errors
    /// `Invalid` if `name` is not a token or `value` holds a control other than tab; `MessageSize`
    /// if the fields would exceed 4 GiB. Nothing has changed then.
    /// # Source
    /// nng 1.12, nng_http_res_set_header(3http).
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let value = value.as_ref();
        check(name, value)?;
        self.put(name, value)
    }

    /// Adds `value` to what `name` has, as `old, new`, or at the end if it has nothing.
    ///
    /// Only `Set-Cookie` gets another entry instead.
    /// # Errors
    /// As [`set`](Self::set).
    /// # Source
    /// nng 1.12, nng_http_res_add_header(3http).
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let value = value.as_ref();
        check(name, value)?;
        let Some(index) = self.position(name) else { return self.append(name, value) };
        if name.eq_ignore_ascii_case(SET_COOKIE) {
            return self.append(name, value);
        }
        let old = self.entries[index].value;
        self.reserve(old.len() + SEPARATOR.len() + value.len())?;
        let start = self.bytes.len();
        self.bytes.extend_from_within(old.start as usize..old.end as usize);
        self.bytes.extend_from_slice(SEPARATOR);
        self.bytes.extend_from_slice(value);
        self.replace(index, Span::new(start, self.bytes.len()));
        Ok(())
    }

    /// Removes `name` and its value.
    /// # Errors
    /// `NotFound` if there is none.
    /// # Source
    /// nng 1.12, nng_http_res_del_header(3http).
    pub fn remove(&mut self, name: &str) -> Result<(), Error> {
        let mut index = self.position(name).ok_or(Error::NotFound)?;
        while index < self.entries.len() {
            if self.is_named(&self.entries[index], name) {
                let entry = self.entries.remove(index);
                self.wasted += entry.name.len() + entry.value.len();
            } else {
                index += 1;
            }
        }
        self.sweep();
        Ok(())
    }

    /// Removes all fields and keeps the memory for others.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.wasted = 0;
    }

    /// Returns spare memory to the system.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Returns the value of `name` as text; several `Set-Cookie` come joined by `, `.
    ///
    /// Bytes that are not UTF-8 become U+FFFD.
    /// # Source
    /// nng 1.12, nng_http_res_get_header(3http).
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get_bytes(name).map(|value| match value {
            Cow::Borrowed(value) => String::from_utf8_lossy(value),
            Cow::Owned(value) => Cow::Owned(String::from_utf8_lossy(&value).into_owned()),
        })
    }

    /// Returns the value of `name` byte for byte; several `Set-Cookie` come joined by `, `.
    pub fn get_bytes(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(Cow::Borrowed(first)) };
        let mut joined = [first, second].join(SEPARATOR);
        for value in values {
            joined.extend_from_slice(SEPARATOR);
            joined.extend_from_slice(value);
        }
        Some(Cow::Owned(joined))
    }

    /// Iterates over the values of `name`: at most one, unless it is `Set-Cookie`.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.entries.iter().filter(move |entry| self.is_named(entry, name));
        named.map(|entry| entry.value.of(&self.bytes))
    }

    /// Returns whether there is a field of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Returns whether the comma-separated list in `name` has the element `token`, ignoring case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name).any(|value| list_has_token(value, token))
    }

    /// Iterates over names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|entry| {
            // Names are tokens, which are ASCII.
            let name = str::from_utf8(entry.name.of(&self.bytes)).unwrap_or_default();
            (name, entry.value.of(&self.bytes))
        })
    }

    /// Returns the number of entries.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no fields.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes over a head that was received: `entries` are ranges of `bytes`, checked by the parser.
    ///
    /// `entries` gets the memory of the list in exchange. Entries of one name are joined if
    /// `has_repeats`.
    pub(super) fn load(&mut self, entries: &mut Vec<Entry>, bytes: &[u8], has_repeats: bool) {
        self.clear();
        std::mem::swap(&mut self.entries, entries);
        self.bytes.extend_from_slice(bytes);
        if has_repeats {
            self.join_repeats();
        }
    }

    /// Returns the fields of lines that were checked one by one; each ends with CR and LF.
    pub(super) fn of_lines(lines: &[u8]) -> Self {
        let mut headers = Self::new();
        for line in lines.split(|byte| *byte == b'\n') {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (str::from_utf8(&line[..colon]), &line[colon + 1..]);
            // All of it may stand in a field, and there is little of it.
            let _ = name.map(|name| headers.add(name, value.trim_ascii()));
        }
        headers
    }

    /// Sets `Content-Length`.
    pub(super) fn set_content_length(&mut self, length: u64) {
        // Fails only at 4 GiB of fields, where the head cannot be sent either.
        let _ = self.put(CONTENT_LENGTH, Decimal::new(length).as_bytes());
    }

    /// Iterates over names and values as they go over the wire.
    #[inline]
    pub(super) fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|entry| (entry.name.of(&self.bytes), entry.value.of(&self.bytes)))
    }

    /// Returns how many bytes the field lines take at most.
    pub(super) const fn wire_len(&self) -> usize {
        self.bytes.len() + ": \r\n".len() * self.entries.len()
    }

    /// Returns how many bytes of memory the fields hold.
    pub(super) const fn memory(&self) -> usize {
        self.bytes.capacity() + size_of::<Entry>() * self.entries.capacity()
    }

    /// Sets a value that is known to be valid.
    fn put(&mut self, name: &str, value: &[u8]) -> Result<(), Error> {
        let Some(index) = self.position(name) else { return self.append(name, value) };
        let old = self.entries[index].value;
        if value.len() <= old.len() {
            let start = old.start as usize;
            self.bytes[start..start + value.len()].copy_from_slice(value);
            self.entries[index].value = Span::new(start, start + value.len());
            self.wasted += old.len() - value.len();
        } else {
            self.reserve(value.len())?;
            let span = self.push_bytes(value);
            self.replace(index, span);
        }
        // Several cookies become one.
        let mut others = index + 1;
        while others < self.entries.len() {
            if self.is_named(&self.entries[others], name) {
                let entry = self.entries.remove(others);
                self.wasted += entry.name.len() + entry.value.len();
            } else {
                others += 1;
            }
        }
        Ok(())
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.reserve(name.len() + value.len())?;
        let entry = Entry { name: self.push_bytes(name.as_bytes()), value: self.push_bytes(value) };
        self.entries.push(entry);
        Ok(())
    }

    /// Makes `value` the value of an entry and sweeps out the old one in due time.
    fn replace(&mut self, index: usize, value: Span) {
        self.wasted += self.entries[index].value.len();
        self.entries[index].value = value;
        self.sweep();
    }

    fn push_bytes(&mut self, text: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        Span::new(start, self.bytes.len())
    }

    /// Makes sure that `more` bytes can be counted.
    fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let len = self.bytes.len().checked_add(more).ok_or(Error::MessageSize)?;
        if u32::try_from(len).is_err() {
            return Err(Error::MessageSize);
        }
        // The first fields of a message are rarely its last.
        let is_first = self.bytes.capacity() == 0;
        self.bytes.reserve(if is_first { more.max(FIRST_BYTES) } else { more });
        Ok(())
    }

    /// Copies what is in use to a new buffer if most of the old one is not.
    fn sweep(&mut self) {
        if self.wasted < MIN_WASTE || self.wasted < self.bytes.len() / 2 {
            return;
        }
        let old = std::mem::take(&mut self.bytes);
        self.wasted = 0;
        let mut entries = std::mem::take(&mut self.entries);
        for entry in &mut entries {
            entry.name = self.push_bytes(entry.name.of(&old));
            entry.value = self.push_bytes(entry.value.of(&old));
        }
        self.entries = entries;
    }

    /// Joins entries of one name at the place of the first, except cookies.
    ///
    /// Each value is copied at most once, so the buffer at most doubles.
    fn join_repeats(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        let mut first = 0;
        while first < entries.len() {
            let name = entries[first].name;
            let is_repeat = |other: &Entry, bytes: &[u8]| {
                other.name.of(bytes).eq_ignore_ascii_case(name.of(bytes))
            };
            let rest = &entries[first + 1..];
            let is_alone = !rest.iter().any(|other| is_repeat(other, &self.bytes));
            if !is_alone && !name.of(&self.bytes).eq_ignore_ascii_case(SET_COOKIE.as_bytes()) {
                let start = self.bytes.len();
                let value = entries[first].value;
                self.bytes.extend_from_within(value.start as usize..value.end as usize);
                for other in rest.iter().copied() {
                    if is_repeat(&other, &self.bytes) {
                        self.bytes.extend_from_slice(SEPARATOR);
                        let value = other.value;
                        self.bytes.extend_from_within(value.start as usize..value.end as usize);
                        self.wasted += other.name.len() + value.len();
                    }
                }
                self.wasted += value.len();
                entries[first].value = Span::new(start, self.bytes.len());
                let mut index = 0;
                entries.retain(|entry| {
                    index += 1;
                    index <= first + 1 || !is_repeat(entry, &self.bytes)
                });
            }
            first += 1;
        }
        self.entries = entries;
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| self.is_named(entry, name))
    }

    #[inline]
    fn is_named(&self, entry: &Entry, name: &str) -> bool {
        let own = entry.name.of(&self.bytes);
        // Most names are spelled alike, and comparing those is quicker.
        own.len() == name.len()
            && (own == name.as_bytes() || own.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// What stands between joined values.
const SEPARATOR: &[u8] = b", ";

/// Refuses what cannot stand in a field line.
fn check(name: &str, value: &[u8]) -> Result<(), Error> {
    if is_token(name.as_bytes()) && is_field_value(value) { Ok(()) } else { Err(Error::Invalid) }
}

impl Span {
    /// Makes a range; offsets are below 4 GiB because heads and buffers are limited to that.
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Self {
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: offset(start), end: offset(end) }
    }

    #[inline]
    pub(super) const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Equal if the same names, ignoring case, have the same values in the same order.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = self.iter_bytes().zip(other.iter_bytes());
        self.len() == other.len()
            && pairs.all(|((a, x), (b, y))| a.eq_ignore_ascii_case(b) && x == y)
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_map().entries(lossy).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.add(name, value).unwrap();
        }
        headers
    }

    fn list(headers: &Headers) -> Vec<(String, String)> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn setting_keeps_place_and_spelling() {
        let mut headers = headers(&[("Aa", "1"), ("Bb", "2"), ("Cc", "3")]);
        headers.set("BB", "a longer value").unwrap();
        headers.set("aa", "").unwrap();
        headers.set("Dd", "4").unwrap();
        let expected = [("Aa", ""), ("Bb", "a longer value"), ("Cc", "3"), ("Dd", "4")];
        assert_eq!(list(&headers), pairs(&expected));
    }

    #[test]
    fn adding_joins_values() {
        let headers = headers(&[("A", "1"), ("B", "2"), ("a", "3"), ("A", "")]);
        assert_eq!(list(&headers), pairs(&[("A", "1, 3, "), ("B", "2")]));
    }

    #[test]
    fn cookies_stay_apart_and_read_as_one() {
        let mut headers = headers(&[("Set-Cookie", "a"), ("X", "y"), ("set-cookie", "b")]);
        headers.add("SET-COOKIE", "c").unwrap();
        assert_eq!(headers.len(), 4);
        assert_eq!(headers.get("set-cookie").as_deref(), Some("a, b, c"));
        let all: Vec<_> = headers.get_all("Set-Cookie").collect();
        assert_eq!(all, [b"a", b"b", b"c"]);
        let mut replaced = headers.clone();
        replaced.set("Set-Cookie", "z").unwrap();
        assert_eq!(list(&replaced), pairs(&[("Set-Cookie", "z"), ("X", "y")]));
        headers.remove("set-cookie").unwrap();
        assert_eq!(list(&headers), pairs(&[("X", "y")]));
    }

    #[test]
    fn what_is_missing_cannot_be_removed() {
        let mut headers = headers(&[("A", "1")]);
        assert_eq!(headers.remove("B"), Err(Error::NotFound));
        assert_eq!(headers.remove("a"), Ok(()));
        assert_eq!(headers.remove("a"), Err(Error::NotFound));
        assert!(headers.is_empty() && headers.get("A").is_none() && !headers.contains("A"));
    }

    #[test]
    fn nothing_can_break_out_of_a_field() {
        let mut headers = headers(&[("A", "1")]);
        let before = headers.clone();
        for name in ["", "A B", "A:", "A\r\nB", "A\0", "\u{e9}", " A"] {
            assert_eq!(headers.set(name, "x"), Err(Error::Invalid), "{name:?}");
            assert_eq!(headers.add(name, "x"), Err(Error::Invalid), "{name:?}");
        }
        for value in ["x\r\nB: y", "x\n", "x\r", "\0", "\x7f", "\x1b"] {
            assert_eq!(headers.set("A", value), Err(Error::Invalid), "{value:?}");
            assert_eq!(headers.add("B", value), Err(Error::Invalid), "{value:?}");
        }
        assert_eq!(headers, before);
    }

    #[test]
    fn values_may_be_any_bytes_beyond_controls() {
        let mut headers = Headers::new();
        headers.set("A", b"\xff\t\xc3\xa9").unwrap();
        assert_eq!(headers.get_bytes("a").as_deref(), Some(&b"\xff\t\xc3\xa9"[..]));
        assert_eq!(headers.get("a").as_deref(), Some("\u{fffd}\t\u{e9}"));
        assert_eq!(format!("{headers:?}"), "{\"A\": \"\u{fffd}\\t\u{e9}\"}");
    }

    #[test]
    fn tokens_are_elements_of_a_list() {
        let headers = headers(&[("Connection", "keep-alive ,\tUPGRADE"), ("Connection", "close")]);
        for token in ["keep-alive", "upgrade", "Close"] {
            assert!(headers.has_token("connection", token), "{token}");
        }
        for token in ["keep", "alive", ""] {
            assert!(!headers.has_token("connection", token), "{token}");
        }
        assert!(!headers.has_token("Upgrade", "close"));
    }

    #[test]
    fn equality_ignores_the_case_of_names_only() {
        assert_eq!(headers(&[("A", "x"), ("B", "y")]), headers(&[("a", "x"), ("b", "y")]));
        assert_ne!(headers(&[("A", "x")]), headers(&[("A", "X")]));
        assert_ne!(headers(&[("A", "x"), ("B", "y")]), headers(&[("B", "y"), ("A", "x")]));
        assert_ne!(headers(&[("A", "x")]), headers(&[("A", "x"), ("B", "y")]));
    }

    #[test]
    fn replacing_for_ever_needs_bounded_memory() {
        let mut headers = headers(&[("Kept", "value")]);
        for n in 0..10_000 {
            headers.set("A", "x".repeat(n % 100)).unwrap();
            headers.add("B", "y").unwrap();
            headers.remove("B").unwrap();
        }
        assert!(headers.memory() < 4096, "{}", headers.memory());
        assert_eq!(headers.get("kept").as_deref(), Some("value"));
    }

    /// The same list, kept in the obvious way.
    #[derive(Default)]
    struct Model(Vec<(String, String)>);

    impl Model {
        fn named(&mut self, name: &str) -> Option<&mut (String, String)> {
            self.0.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name))
        }

        fn set(&mut self, name: &str, value: &str) {
            let Some(field) = self.named(name) else {
                return self.0.push((name.to_owned(), value.to_owned()));
            };
            field.1 = value.to_owned();
            let mut is_first = true;
            self.0.retain(|(other, _)| {
                !other.eq_ignore_ascii_case(name) || std::mem::replace(&mut is_first, false)
            });
        }

        fn add(&mut self, name: &str, value: &str) {
            match self.named(name) {
                Some(field) if !name.eq_ignore_ascii_case(SET_COOKIE) => {
                    field.1 = format!("{}, {value}", field.1);
                }
                _ => self.0.push((name.to_owned(), value.to_owned())),
            }
        }

        fn remove(&mut self, name: &str) {
            self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        }
    }

    proptest! {
        #[test]
        fn a_list_behaves_as_the_obvious_one(
            steps in vec((0..3_u8, select(&["a", "A", "b", "Set-Cookie", "set-cookie", "c"][..]), 0..200_usize), 0..60),
        ) {
            let (mut headers, mut model) = (Headers::new(), Model::default());
            for (step, name, len) in steps {
                let value = "v".repeat(len);
                match step {
                    0 => {
                        headers.set(name, &value).unwrap();
                        model.set(name, &value);
                    }
                    1 => {
                        headers.add(name, &value).unwrap();
                        model.add(name, &value);
                    }
                    _ => {
                        let _ = headers.remove(name);
                        model.remove(name);
                    }
                }
                prop_assert_eq!(&list(&headers), &model.0);
            }
        }
    }
}
