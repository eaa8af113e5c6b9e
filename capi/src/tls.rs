//! Configurations of TLS.

use std::ffi::{c_char, c_int, c_uint};
use std::sync::{Arc, Weak};

use nng_aio::Error;
use nng_aio::sync::{Mutex, PerProcess};
use nng_oxide::tls::{
    AuthMode, Config, ENGINE_DESCRIPTION, ENGINE_NAME, IS_FIPS_MODE, Mode, Version,
};

use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, count, live, object, share, uncount};
use crate::library::start;
use crate::text::Text;

/// Who one is and whom one trusts. Counted: who frees it last frees it.
#[repr(C)]
pub struct nng_tls_config {
    tag: Tag,
    config: Config,
}

/// The configurations that C has; what is found in an object of ours is one of them.
static KNOWN: PerProcess<Mutex<Vec<Weak<nng_tls_config>>>> =
    PerProcess::new(Mutex::new(Vec::new()));

object! {
    nng_tls_config = b"tcfg";
}

impl nng_tls_config {
    /// Hands a count of a configuration to C: of the same object as long as there is one.
    pub(crate) fn give(config: Config) -> *mut Self {
        let mut known = KNOWN.get(|_| Mutex::default()).lock();
        known.retain(|object| object.strong_count() > 0);
        let same = known.iter().filter_map(Weak::upgrade).find(|object| object.config == config);
        let object = same.unwrap_or_else(|| {
            let object = Arc::new(Self { tag: Tag::of::<Self>(), config });
            known.push(Arc::downgrade(&object));
            object
        });
        share(object)
    }

    /// Reads what C hands over; `None` for null and what is no configuration.
    pub(crate) fn read(pointer: *mut Self) -> Option<Config> {
        // SAFETY: C hands over null or an object of ours, which was not freed.
        live(unsafe { pointer.as_ref() }).map(|object| object.config.clone())
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }
}

/// Returns a text that may be absent; `None` for one that is not UTF-8.
fn given<'a>(text: Text) -> Option<Option<&'a str>> {
    if text.is_null() { Some(None) } else { text.str().map(Some) }
}

/// Returns a number of C's, which travels as one without a sign.
fn number(value: c_uint) -> i32 {
    i32::try_from(value).unwrap_or(-1)
}

export! {
    fn nng_tls_config_alloc(configp: Out<'_, *mut nng_tls_config>, mode: c_uint) -> c_int {
        start();
        let config = Mode::from_number(number(mode)).map(Config::new);
        fill(configp?, config.map(nng_tls_config::give))
    }

    fn nng_tls_config_hold(config: *mut nng_tls_config) {
        // The count is C's from here on.
        let _ = Arc::into_raw(count(config)?);
    }

    fn nng_tls_config_free(config: *mut nng_tls_config) {
        drop(uncount(config));
    }

    fn nng_tls_config_server_name(config: Option<&nng_tls_config>, name: Text) -> c_int {
        code(live(config)?.config.set_server_name(name.str()?))
    }

    fn nng_tls_config_auth_mode(config: Option<&nng_tls_config>, mode: c_uint) -> c_int {
        let config = &live(config)?.config;
        code(AuthMode::from_number(number(mode)).and_then(|mode| config.set_auth_mode(mode)))
    }

    fn nng_tls_config_ca_chain(config: Option<&nng_tls_config>, chain: Text, revoked: Text) -> c_int {
        let config = &live(config)?.config;
        code(config.add_ca_chain(chain.bytes()?, given(revoked)?))
    }

    fn nng_tls_config_ca_file(config: Option<&nng_tls_config>, path: Text) -> c_int {
        code(live(config)?.config.add_ca_file(path.path()?))
    }

    fn nng_tls_config_own_cert(
        config: Option<&nng_tls_config>,
        chain: Text,
        key: Text,
        password: Text,
    ) -> c_int {
        let config = &live(config)?.config;
        code(config.add_own_cert(chain.bytes()?, key.bytes()?, given(password)?))
    }

    fn nng_tls_config_cert_key_file(
        config: Option<&nng_tls_config>,
        path: Text,
        password: Text,
    ) -> c_int {
        code(live(config)?.config.add_cert_key_file(path.path()?, given(password)?))
    }

    fn nng_tls_config_psk(
        config: Option<&nng_tls_config>,
        identity: Text,
        _key: *const u8,
        _size: usize,
    ) -> c_int {
        code(live(config)?.config.set_psk(identity.str()?, &[]))
    }

    fn nng_tls_config_version(config: Option<&nng_tls_config>, lowest: c_uint, highest: c_uint) -> c_int {
        let config = &live(config)?.config;
        let versions = Version::from_number(number(lowest))
            .and_then(|lowest| Ok((lowest, Version::from_number(number(highest))?)));
        code(versions.and_then(|(lowest, highest)| config.set_versions(lowest, highest)))
    }

    fn nng_tls_engine_name() -> *const c_char {
        start();
        const { constant(ENGINE_NAME, c"rustls") }.as_ptr()
    }

    fn nng_tls_engine_description() -> *const c_char {
        start();
        const { constant(ENGINE_DESCRIPTION, c"rustls 0.23 with ring") }.as_ptr()
    }

    fn nng_tls_engine_fips_mode() -> bool {
        start();
        IS_FIPS_MODE
    }
}

/// Returns the second text, which is the first one for C.
const fn constant(text: &str, for_c: &'static std::ffi::CStr) -> &'static std::ffi::CStr {
    let (one, other) = (text.as_bytes(), for_c.to_bytes());
    assert!(one.len() == other.len());
    let mut at = 0;
    while at < one.len() {
        assert!(one[at] == other[at]);
        at += 1;
    }
    for_c
}

/// What a getter answers.
pub(crate) fn fill_config(
    place: Out<'_, *mut nng_tls_config>,
    config: Result<Config, Error>,
) -> Option<c_int> {
    Some(fill(place?, config.map(nng_tls_config::give)))
}
