//! TLS under its C names.

#[path = "support/directory.rs"]
mod directory;
#[path = "support/c_names.rs"]
mod support;

use std::fs;

use nng_oxide::c_names::*;

use directory::Directory;
use support::{run, silent, turn, url};

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
    let _turn = turn();
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
fn a_transaction_goes_through_tls() {
    let server = {
        let _turn = turn();
        let mut server = None;
        assert_eq!(nng_http_server_hold(&mut server, &url("https://127.0.0.1:0")), 0);
        let server = server.expect("it was made");
        let own = config(NNG_TLS_MODE_SERVER);
        assert_eq!(nng_tls_config_own_cert(&own, CERT, KEY, None), 0);
        assert_eq!(nng_http_server_set_tls(&server, &own), 0);
        nng_tls_config_free(own);
        let mut h = None;
        assert_eq!(nng_http_handler_alloc_static(&mut h, "/", "secret", "text/plain"), 0);
        assert_eq!(nng_http_server_add_handler(&server, &h.expect("it was made")), 0);
        assert_eq!(nng_http_server_start(&server), 0);
        server
    };
    let mut addr = nng_sockaddr::Unspecified;
    assert_eq!(nng_http_server_get_addr(&server, &mut addr), 0);
    let url = url(&format!("https://127.0.0.1:{}/", addr.port().expect("it listens")));
    let (mut client, mut req, mut res) = (None, None, None);
    assert_eq!(nng_http_client_alloc(&mut client, &url), 0);
    assert_eq!(nng_http_req_alloc(&mut req, &url), 0);
    assert_eq!(nng_http_res_alloc(&mut res), 0);
    let (client, req, res) = (client.unwrap(), req.unwrap(), res.unwrap());
    let aio = silent();
    let transact = || run(&aio, |aio| nng_http_client_transact(&client, &req, &res, aio));
    assert_eq!(transact(), NNG_EPEERAUTH, "nobody is trusted yet");
    let trusting = config(NNG_TLS_MODE_CLIENT);
    assert_eq!(nng_tls_config_ca_chain(&trusting, CERT, None), 0);
    assert_eq!(nng_tls_config_server_name(&trusting, "localhost"), 0);
    assert_eq!(nng_http_client_set_tls(&client, &trusting), 0);
    assert_eq!(transact(), 0);
    assert_eq!(nng_http_res_get_status(&res), NNG_HTTP_STATUS_OK);
    let mut body = Vec::new();
    nng_http_res_get_data(&res, &mut body);
    assert_eq!(body, b"secret");
    assert_eq!(nng_tls_config_auth_mode(&trusting, NNG_TLS_AUTH_MODE_NONE), NNG_EBUSY);
    nng_http_client_free(client);
    nng_http_server_release(server);
}

#[test]
fn what_does_the_work_is_told() {
    assert_eq!(nng_tls_engine_name(), "rustls");
    assert!(nng_tls_engine_description().contains("ring"));
    assert!(!nng_tls_engine_fips_mode());
}

#[test]
fn streams_have_their_configuration_by_name() {
    let (mut listener, mut dialer, mut cfg) = (None, None, None);
    assert_eq!(nng_stream_listener_alloc(&mut listener, "tls+tcp://127.0.0.1:0"), 0);
    let listener = listener.expect("it was made");
    let server = config(NNG_TLS_MODE_SERVER);
    assert_eq!(nng_tls_config_own_cert(&server, CERT, KEY, None), 0);
    assert_eq!(nng_stream_listener_set_ptr(&listener, NNG_OPT_TLS_CONFIG, &server), 0);
    assert_eq!(nng_stream_listener_get_ptr(&listener, NNG_OPT_TLS_CONFIG, &mut cfg), 0);
    assert_eq!(cfg, Some(server));
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    let mut port = 0;
    assert_eq!(nng_stream_listener_get_int(&listener, NNG_OPT_TCP_BOUND_PORT, &mut port), 0);

    let of = format!("tls+tcp://127.0.0.1:{port}");
    assert_eq!(nng_stream_dialer_alloc(&mut dialer, &of), 0);
    let dialer = dialer.expect("it was made");
    let client = config(NNG_TLS_MODE_CLIENT);
    assert_eq!(nng_tls_config_ca_chain(&client, CERT, None), 0);
    assert_eq!(nng_stream_dialer_set_ptr(&dialer, NNG_OPT_TLS_CONFIG, &client), 0);
    assert_eq!(nng_stream_dialer_get_ptr(&dialer, NNG_OPT_TLS_CONFIG, &mut cfg), 0);
    assert_eq!(cfg, Some(client));
    assert_eq!(nng_stream_dialer_get_ptr(&dialer, NNG_OPT_TLS_AUTH_MODE, &mut cfg), NNG_EWRITEONLY);
    assert_eq!(nng_stream_dialer_set_string(&dialer, NNG_OPT_TLS_SERVER_NAME, "localhost"), 0);

    let (dial, accept) = (silent(), silent());
    nng_stream_listener_accept(&listener, &accept);
    assert_eq!(run(&dial, |aio| nng_stream_dialer_dial(&dialer, aio)), 0);
    nng_aio_wait(&accept);
    let near: nng_stream = nng_aio_get_output(&dial, 0).expect("it is connected");
    let far: nng_stream = nng_aio_get_output(&accept, 0).expect("it is connected");
    let (send, recv) = (silent(), silent());
    assert_eq!(nng_aio_set_iov(&send, vec!["hello".into()]), 0);
    assert_eq!(nng_aio_set_iov(&recv, vec![vec![0; 8].into()]), 0);
    nng_stream_recv(&far, &recv);
    assert_eq!(run(&send, |aio| nng_stream_send(&near, aio)), 0);
    nng_aio_wait(&recv);
    assert_eq!((nng_aio_result(&recv), nng_aio_count(&recv)), (0, 5));

    let (mut verified, mut name, mut others) = (false, String::new(), vec![String::new()]);
    assert_eq!(nng_stream_get_bool(&near, NNG_OPT_TLS_VERIFIED, &mut verified), 0);
    assert_eq!(nng_stream_get_string(&near, NNG_OPT_TLS_PEER_CN, &mut name), 0);
    assert_eq!(nng_stream_get_ptr(&near, NNG_OPT_TLS_PEER_ALT_NAMES, &mut others), 0);
    assert_eq!((verified, name.as_str(), others.len()), (true, "localhost", 1));
    nng_stream_free(near);
    nng_stream_free(far);
}
