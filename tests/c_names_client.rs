//! HTTP clients under their C names, and a program that is ported line by line.

#[path = "support/c_names.rs"]
mod support;

use std::net::Ipv4Addr;

use nng_oxide::c_names::*;

use support::{must, run, silent, telling, turn, url};

/// A server that answers `/hello`, and its URL.
fn server() -> (nng_http_server, String) {
    let _turn = turn();
    let mut server = None;
    assert_eq!(nng_http_server_hold(&mut server, &url("http://127.0.0.1:0")), 0);
    let server = server.expect("it was made");
    let mut h = None;
    assert_eq!(nng_http_handler_alloc_static(&mut h, "/hello", "Hello, World!", "text/plain"), 0);
    assert_eq!(nng_http_server_add_handler(&server, &h.expect("it was made")), 0);
    assert_eq!(nng_http_server_start(&server), 0);
    let addr = server.addr().to_inet().expect("it is TCP");
    assert_eq!(addr.ip(), Ipv4Addr::LOCALHOST);
    (server, format!("http://{addr}/hello"))
}

fn client(of: &str) -> nng_http_client {
    let mut client = None;
    assert_eq!(nng_http_client_alloc(&mut client, &url(of)), 0);
    client.expect("it was made")
}

fn messages(of: &str) -> (nng_http_req, nng_http_res) {
    let (mut req, mut res) = (None, None);
    assert_eq!(nng_http_req_alloc(&mut req, &url(of)), 0);
    assert_eq!(nng_http_res_alloc(&mut res), 0);
    (req.expect("it was made"), res.expect("it was made"))
}

fn body(res: &nng_http_res) -> Vec<u8> {
    let mut data = Vec::new();
    nng_http_res_get_data(res, &mut data);
    data
}

#[test]
fn clients_are_made_for_urls_of_http() {
    let mut client = None;
    assert_eq!(nng_http_client_alloc(&mut client, &url("tcp://h:80")), NNG_EADDRINVAL);
    assert_eq!(nng_http_client_alloc(&mut client, &url("http://")), NNG_EADDRINVAL);
    assert!(client.is_none());
    nng_http_client_free(client);
    nng_http_client_free(self::client("ws://h"));
}

#[test]
fn a_transaction_brings_the_response_and_marks_the_request() {
    let (server, hello) = server();
    let client = client(&hello);
    let (req, res) = messages(&hello);
    let (aio, hear) = telling();
    for _ in 0..3 {
        nng_http_client_transact(&client, &req, &res, &aio);
        assert_eq!(must(&hear), 0);
        assert_eq!((nng_http_res_get_status(&res), body(&res)), (200, b"Hello, World!".to_vec()));
        let said = nng_http_req_get_header(&req, "Connection");
        assert_eq!(said.as_deref(), Some("close"), "the mark stays");
        let answered = nng_http_res_get_header(&res, "Connection");
        assert_eq!(answered.as_deref(), Some("close"));
    }
    nng_http_server_stop(&server);
    nng_http_server_release(server);
    nng_http_client_transact(&client, &req, &res, &aio);
    assert_eq!(must(&hear), NNG_ECONNREFUSED);
}

#[test]
fn freeing_a_client_ends_no_connection() {
    let (server, hello) = server();
    let client = client(&hello);
    let aio = silent();
    assert_eq!(run(&aio, |aio| nng_http_client_connect(&client, aio)), 0);
    let conn = nng_aio_get_output::<nng_http_conn>(&aio, 0).expect("it is connected");
    nng_http_client_free(client);
    let (req, res) = messages(&hello);
    for _ in 0..3 {
        assert_eq!(run(&aio, |aio| nng_http_conn_transact(&conn, &req, &res, aio)), 0);
        assert_eq!(body(&res), b"Hello, World!");
    }
    nng_http_conn_close(conn);
    drop(server);
}

/// The usual example of a client: it connects, asks, reads the head and then the body. In C:
///
/// ```c
/// nng_http_client_connect(client, aio);
/// nng_aio_wait(aio);
/// if ((rv = nng_aio_result(aio)) != 0) fatal("connect", rv);
/// conn = nng_aio_get_output(aio, 0);
/// ```
#[test]
fn a_ported_client_reads_the_head_and_then_the_body() {
    let (_server, hello) = server();
    let client = client(&hello);
    let aio = silent();
    let (req, res) = messages(&hello);

    nng_http_client_connect(&client, &aio);
    nng_aio_wait(&aio);
    assert_eq!(nng_aio_result(&aio), 0);
    let conn = nng_aio_get_output::<nng_http_conn>(&aio, 0).expect("it is connected");

    nng_http_conn_write_req(&conn, &req, &aio);
    nng_aio_wait(&aio);
    assert_eq!(nng_aio_result(&aio), 0);

    nng_http_conn_read_res(&conn, &res, &aio);
    nng_aio_wait(&aio);
    assert_eq!(nng_aio_result(&aio), 0);
    assert_eq!(nng_http_res_get_status(&res), NNG_HTTP_STATUS_OK);

    let length = nng_http_res_get_header(&res, "Content-Length").expect("it says so");
    let length = length.parse().expect("it is a number");
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0; length].into()]), 0);
    nng_http_conn_read_all(&conn, &aio);
    nng_aio_wait(&aio);
    assert_eq!((nng_aio_result(&aio), nng_aio_count(&aio)), (0, length));
    assert_eq!(aio.take_buffer(), b"Hello, World!");
    nng_http_conn_close(conn);
}
