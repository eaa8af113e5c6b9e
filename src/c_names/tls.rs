//! Configurations of TLS, and what does the work.

use std::path::Path;

use crate::tls::{AuthMode, Config, ENGINE_DESCRIPTION, ENGINE_NAME, IS_FIPS_MODE, Mode, Version};

use super::{code, make};

/// Who one is and whom one trusts.
pub type nng_tls_config = Config;
/// Which side a configuration is for: one of the `NNG_TLS_MODE_` constants.
pub type nng_tls_mode = i32;
/// What is asked of the peer's certificate: one of the `NNG_TLS_AUTH_MODE_` constants.
pub type nng_tls_auth_mode = i32;
/// A version: one of the `NNG_TLS_1_` constants.
pub type nng_tls_version = i32;

/// Makes a configuration; see [`Config::new`]. `NNG_EINVAL`.
pub fn nng_tls_config_alloc(cfgp: &mut Option<nng_tls_config>, mode: nng_tls_mode) -> i32 {
    make(cfgp, Mode::from_number(mode).map(Config::new))
}

/// Returns another handle of a configuration, to be freed as well.
#[must_use]
pub fn nng_tls_config_hold(cfg: &nng_tls_config) -> nng_tls_config {
    cfg.clone()
}

/// Lets go of a configuration.
pub fn nng_tls_config_free(cfg: impl Into<Option<nng_tls_config>>) {
    drop(cfg.into());
}

/// Sets the name that a server must have; see [`Config::set_server_name`]. `NNG_EBUSY`.
pub fn nng_tls_config_server_name(cfg: &nng_tls_config, name: &str) -> i32 {
    code(cfg.set_server_name(name))
}

/// Sets what is asked of the peer; see [`Config::set_auth_mode`]. `NNG_EINVAL`, `NNG_EBUSY`.
pub fn nng_tls_config_auth_mode(cfg: &nng_tls_config, mode: nng_tls_auth_mode) -> i32 {
    code(AuthMode::from_number(mode).and_then(|mode| cfg.set_auth_mode(mode)))
}

/// Trusts those who are in a text; see [`Config::add_ca_chain`]. `NNG_ECRYPTO`, `NNG_EBUSY`.
pub fn nng_tls_config_ca_chain<'a>(
    cfg: &nng_tls_config,
    certs: &str,
    crl: impl Into<Option<&'a str>>,
) -> i32 {
    code(cfg.add_ca_chain(certs, crl))
}

/// Trusts those who are in a file; see [`Config::add_ca_file`]. `NNG_ENOENT`, `NNG_EPERM` and what the
/// system says, `NNG_ECRYPTO`, `NNG_EBUSY`.
pub fn nng_tls_config_ca_file(cfg: &nng_tls_config, path: impl AsRef<Path>) -> i32 {
    code(cfg.add_ca_file(path))
}

/// Adds a certificate and its key; see [`Config::add_own_cert`]. `NNG_ECRYPTO`, `NNG_EBUSY`.
pub fn nng_tls_config_own_cert<'a>(
    cfg: &nng_tls_config,
    cert: &str,
    key: &str,
    pass: impl Into<Option<&'a str>>,
) -> i32 {
    code(cfg.add_own_cert(cert, key, pass))
}

/// Adds the certificate and key in a file; see [`Config::add_cert_key_file`]. As
/// [`nng_tls_config_ca_file`].
pub fn nng_tls_config_cert_key_file<'a>(
    cfg: &nng_tls_config,
    path: impl AsRef<Path>,
    pass: impl Into<Option<&'a str>>,
) -> i32 {
    code(cfg.add_cert_key_file(path, pass))
}

/// Answers `NNG_ENOTSUP`; see [`Config::set_psk`].
pub fn nng_tls_config_psk(cfg: &nng_tls_config, identity: &str, key: &[u8]) -> i32 {
    code(cfg.set_psk(identity, key))
}

/// Sets which versions are spoken; see [`Config::set_versions`]. `NNG_ENOTSUP`, `NNG_EBUSY`.
pub fn nng_tls_config_version(
    cfg: &nng_tls_config,
    min_version: nng_tls_version,
    max_version: nng_tls_version,
) -> i32 {
    let versions = Version::from_number(min_version)
        .and_then(|lowest| Ok((lowest, Version::from_number(max_version)?)));
    code(versions.and_then(|(lowest, highest)| cfg.set_versions(lowest, highest)))
}

/// Returns the name of what does the work.
pub fn nng_tls_engine_name() -> &'static str {
    ENGINE_NAME
}

/// Returns what does the work, in some more words.
pub fn nng_tls_engine_description() -> &'static str {
    ENGINE_DESCRIPTION
}

/// Returns whether that is restricted to what FIPS 140 approves of.
pub fn nng_tls_engine_fips_mode() -> bool {
    IS_FIPS_MODE
}
