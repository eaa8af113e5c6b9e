//! URLs, whose parts C reads.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use nng_aio::Error;
use nng_oxide::Url;

use crate::boundary::{Out, fill};
use crate::memory::{allocate, release};
use crate::text::{Text, out};

/// A URL in parts. C may have made it, so nothing is behind it but what it says.
#[repr(C)]
pub struct nng_url {
    rawurl: *mut c_char,
    scheme: *mut c_char,
    userinfo: *mut c_char,
    host: *mut c_char,
    hostname: *mut c_char,
    port: *mut c_char,
    path: *mut c_char,
    query: *mut c_char,
    fragment: *mut c_char,
    requri: *mut c_char,
}

impl nng_url {
    const EMPTY: Self = Self {
        rawurl: ptr::null_mut(),
        scheme: ptr::null_mut(),
        userinfo: ptr::null_mut(),
        host: ptr::null_mut(),
        hostname: ptr::null_mut(),
        port: ptr::null_mut(),
        path: ptr::null_mut(),
        query: ptr::null_mut(),
        fragment: ptr::null_mut(),
        requri: ptr::null_mut(),
    };

    fn parts(&mut self) -> [&mut *mut c_char; 10] {
        [
            &mut self.rawurl,
            &mut self.scheme,
            &mut self.userinfo,
            &mut self.host,
            &mut self.hostname,
            &mut self.port,
            &mut self.path,
            &mut self.query,
            &mut self.fragment,
            &mut self.requri,
        ]
    }

    /// Makes one for C of these parts.
    fn of(parts: [Option<&[u8]>; 10]) -> Result<*mut Self, Error> {
        let pointer = allocate(size_of::<Self>()).cast::<Self>();
        if pointer.is_null() {
            return Err(Error::NoMemory);
        }
        let mut url = Self::EMPTY;
        let mut has_all = true;
        for (place, part) in url.parts().into_iter().zip(parts) {
            if let Some(part) = part {
                *place = out(part);
                has_all &= !place.is_null();
            }
        }
        // SAFETY: the memory is new and as large as that.
        unsafe { pointer.write(url) };
        if has_all {
            return Ok(pointer);
        }
        free(pointer);
        Err(Error::NoMemory)
    }

    fn of_url(url: &Url) -> Result<*mut Self, Error> {
        let parts = [
            Some(url.raw()),
            Some(url.scheme()),
            url.userinfo(),
            url.host(),
            url.hostname(),
            url.port(),
            Some(url.path()),
            url.query(),
            url.fragment(),
            url.requri(),
        ];
        Self::of(parts.map(|part| part.map(str::as_bytes)))
    }

    /// Reads the parts, which need not be those of the text that they once came from.
    ///
    /// # Errors
    /// `Invalid` if they make no URL.
    pub(crate) fn read(&self) -> Result<Url, Error> {
        let part = |text: *mut c_char| -> Result<Option<&str>, Error> {
            if text.is_null() {
                return Ok(None);
            }
            // SAFETY: parts are null or strings that end with NUL, which live as long as the URL.
            let text = unsafe { CStr::from_ptr(text) };
            text.to_str().map(Some).map_err(|_| Error::Invalid)
        };
        let scheme = part(self.scheme)?.ok_or(Error::Invalid)?;
        let path = part(self.path)?.unwrap_or_default();
        let Some(hostname) = part(self.hostname)? else {
            return Url::parse(&format!("{scheme}://{path}"));
        };
        let mut text = format!("{scheme}://");
        if let Some(userinfo) = part(self.userinfo)? {
            text = text + userinfo + "@";
        }
        text += &if hostname.contains(':') { format!("[{hostname}]") } else { hostname.to_owned() };
        if let Some(port) = part(self.port)?.filter(|port| !port.is_empty()) {
            text = text + ":" + port;
        }
        text += path;
        if let Some(query) = part(self.query)? {
            text = text + "?" + query;
        }
        if let Some(fragment) = part(self.fragment)? {
            text = text + "#" + fragment;
        }
        Url::parse(&text)
    }
}

fn free(pointer: *mut nng_url) {
    // SAFETY: C hands over null or a URL that was made here and not freed.
    let Some(url) = (unsafe { pointer.as_mut() }) else { return };
    for part in url.parts() {
        release(part.cast());
    }
    release(pointer.cast());
}

export! {
    fn nng_url_parse(urlp: Out<'_, *mut nng_url>, text: Text) -> c_int {
        let urlp = urlp?;
        fill(urlp, Url::parse(text.str()?).and_then(|url| nng_url::of_url(&url)))
    }

    fn nng_url_clone(dstp: Out<'_, *mut nng_url>, source: Option<&nng_url>) -> c_int {
        let (dstp, source) = (dstp?, source?);
        let parts = [
            source.rawurl, source.scheme, source.userinfo, source.host, source.hostname, source.port,
            source.path, source.query, source.fragment, source.requri,
        ];
        let parts = parts.map(|part| {
            // SAFETY: parts are null or strings that end with NUL, which live as long as the URL.
            (!part.is_null()).then(|| unsafe { CStr::from_ptr(part) }.to_bytes())
        });
        fill(dstp, nng_url::of(parts))
    }

    fn nng_url_free(url: *mut nng_url) {
        free(url);
    }
}

/// Reads a URL that C hands over.
pub(crate) fn read(url: Option<&nng_url>) -> Result<Url, Error> {
    url.ok_or(Error::Invalid).and_then(nng_url::read)
}
