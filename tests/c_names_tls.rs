//! TLS under its C names.

#[path = "support/directory.rs"]
mod directory;
#[path = "support/c_names.rs"]
mod support;

use std::fs;

use nng_oxide::c_names::*;

use directory::Directory;
use support::url;

const CERT: &str = include_str!("tls_keys/cert.pem");
const KEY: &str = include_str!("tls_keys/pkcs8.pem");
const SEALED: &str = include_str!("tls_keys/pkcs8-aes256.pem");

fn config(mode: nng_tls_mode) -> nng_tls_config {
    let mut cfg = None;
    assert_eq!(nng_tls_config_alloc(&mut cfg, mode), 0);
    cfg.expect("it was made")
}

#[test]
fn configurations_take_what_is_right_and_refuse_the_rest() {
    let mut none = None;
    assert_eq!(nng_tls_config_alloc(&mut none, 2), NNG_EINVAL);
    assert!(none.is_none());
    let directory = Directory::new();
    let (roots, both) = (directory.join("roots.pem"), directory.join("both.pem"));
    fs::write(&roots, CERT).expect("the directory is there");
    fs::write(&both, format!("{CERT}{SEALED}")).expect("the directory is there");
    let missing = directory.join("missing.pem");
    for mode in [NNG_TLS_MODE_CLIENT, NNG_TLS_MODE_SERVER] {
        let cfg = config(mode);
        assert_eq!(nng_tls_config_server_name(&cfg, "localhost"), 0);
        for auth in [NNG_TLS_AUTH_MODE_NONE, NNG_TLS_AUTH_MODE_OPTIONAL, NNG_TLS_AUTH_MODE_REQUIRED]
        {
            assert_eq!(nng_tls_config_auth_mode(&cfg, auth), 0);
        }
        assert_eq!(nng_tls_config_auth_mode(&cfg, 3), NNG_EINVAL);
        assert_eq!(nng_tls_config_ca_chain(&cfg, CERT, None), 0);
        assert_eq!(nng_tls_config_ca_chain(&cfg, CERT, "no list"), NNG_ECRYPTO);
        assert_eq!(nng_tls_config_ca_file(&cfg, &roots), 0);
        assert_eq!(nng_tls_config_ca_file(&cfg, &missing), NNG_ENOENT);
        assert_eq!(nng_tls_config_own_cert(&cfg, CERT, KEY, None), 0);
        assert_eq!(nng_tls_config_own_cert(&cfg, CERT, SEALED, "secret"), 0);
        assert_eq!(nng_tls_config_own_cert(&cfg, CERT, SEALED, None), NNG_ECRYPTO);
        assert_eq!(nng_tls_config_cert_key_file(&cfg, &both, "secret"), 0);
        assert_eq!(nng_tls_config_cert_key_file(&cfg, &both, "wrong"), NNG_ECRYPTO);
        assert_eq!(nng_tls_config_cert_key_file(&cfg, &missing, None), NNG_ENOENT);
        assert_eq!(nng_tls_config_psk(&cfg, "me", b"key"), NNG_ENOTSUP);
        assert_eq!(nng_tls_config_version(&cfg, NNG_TLS_1_2, NNG_TLS_1_3), 0);
        assert_eq!(nng_tls_config_version(&cfg, NNG_TLS_1_0, NNG_TLS_1_3), 0);
        assert_eq!(nng_tls_config_version(&cfg, NNG_TLS_1_0, NNG_TLS_1_1), NNG_ENOTSUP);
        assert_eq!(nng_tls_config_version(&cfg, NNG_TLS_1_3, NNG_TLS_1_2), NNG_ENOTSUP);
        assert_eq!(nng_tls_config_version(&cfg, 0, NNG_TLS_1_2), NNG_ENOTSUP);
        let held = nng_tls_config_hold(&cfg);
        nng_tls_config_free(cfg);
        assert_eq!(nng_tls_config_server_name(&held, ""), 0);
        nng_tls_config_free(held);
    }
    nng_tls_config_free(None);
}

#[test]
fn servers_with_tls_have_a_configuration() {
    let (mut server, mut cfg) = (None, None);
    assert_eq!(nng_http_server_hold(&mut server, &url("https://127.0.0.1:0")), 0);
    let server = server.expect("it was made");
    assert_eq!(nng_http_server_get_tls(&server, &mut cfg), 0);
    let first = cfg.take().expect("there is one");
    assert_eq!(nng_tls_config_own_cert(&first, CERT, KEY, None), 0);
    assert_eq!(nng_http_server_set_tls(&server, &config(NNG_TLS_MODE_CLIENT)), NNG_EINVAL);
    assert_eq!(nng_http_server_start(&server), 0);
    assert_eq!(nng_tls_config_own_cert(&first, CERT, KEY, None), NNG_EBUSY);
    assert_eq!(nng_http_server_set_tls(&server, &config(NNG_TLS_MODE_SERVER)), 0);
    nng_http_server_release(server);
    let mut plain = None;
    assert_eq!(nng_http_server_hold(&mut plain, &url("http://127.0.0.1:0")), 0);
    let plain = plain.expect("it was made");
    assert_eq!(nng_http_server_get_tls(&plain, &mut cfg), NNG_ENOTSUP);
    assert_eq!(nng_http_server_set_tls(&plain, &first), NNG_ENOTSUP);
    assert!(cfg.is_none());
}

#[test]
fn what_does_the_work_is_told() {
    assert_eq!(nng_tls_engine_name(), "rustls");
    assert!(nng_tls_engine_description().contains("ring"));
    assert!(!nng_tls_engine_fips_mode());
}
