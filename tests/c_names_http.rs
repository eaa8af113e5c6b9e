//! HTTP under its C names, and a program that is ported line by line.

#[path = "support/directory.rs"]
mod directory;
#[path = "support/c_names.rs"]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use ::nng_aio::Runtime;
use ::nng_aio::net::Socket;
use nng_oxide::c_names::*;
use nng_oxide::http::{Body, Conn};

use directory::Directory;
use support::{LIMIT, must, run, silent, turn, url};

// --- Messages -----------------------------------------------------------------------------------

fn request(of: &str) -> nng_http_req {
    let mut req = None;
    assert_eq!(nng_http_req_alloc(&mut req, &url(of)), 0);
    req.expect("it was made")
}

fn response() -> nng_http_res {
    let mut res = None;
    assert_eq!(nng_http_res_alloc(&mut res), 0);
    res.expect("it was made")
}

#[test]
fn requests_are_as_they_are_set() {
    let mut req = None;
    assert_eq!(nng_http_req_alloc(&mut req, &url("ipc:///x")), NNG_EADDRINVAL);
    assert!(req.is_none());
    assert_eq!(nng_http_req_alloc(&mut req, None), 0);
    assert_eq!(nng_http_req_get_uri(req.as_ref().expect("it was made")), "");
    nng_http_req_free(req);

    let req = request("http://h:81/a?b");
    assert_eq!(nng_http_req_get_method(&req), "GET");
    assert_eq!(nng_http_req_get_uri(&req), "/a?b");
    assert_eq!(nng_http_req_get_version(&req), "HTTP/1.1");
    assert_eq!(nng_http_req_get_header(&req, "host").as_deref(), Some("h:81"));

    assert_eq!(nng_http_req_set_method(&req, "POST"), 0);
    assert_eq!(nng_http_req_set_method(&req, "P T"), NNG_EINVAL);
    assert_eq!(nng_http_req_get_method(&req), "POST");
    assert_eq!(nng_http_req_set_method(&req, None), 0);
    assert_eq!(nng_http_req_get_method(&req), "GET");
    assert_eq!(nng_http_req_set_uri(&req, "/c"), 0);
    assert_eq!(nng_http_req_set_uri(&req, "/c d"), NNG_EINVAL);
    assert_eq!(nng_http_req_set_uri(&req, None), 0);
    assert_eq!(nng_http_req_set_version(&req, "HTTP/1.0"), 0);
    assert_eq!(nng_http_req_set_version(&req, "http"), NNG_EINVAL);
    assert_eq!(nng_http_req_get_version(&req), "HTTP/1.0");
    assert_eq!(nng_http_req_set_version(&req, None), 0);
    assert_eq!(nng_http_req_get_version(&req), "HTTP/1.1");

    assert_eq!(nng_http_req_set_header(&req, "X", "1"), 0);
    assert_eq!(nng_http_req_set_header(&req, "X", "1\r\nY: 2"), NNG_EINVAL);
    assert_eq!(nng_http_req_add_header(&req, "x", "2"), 0);
    assert_eq!(nng_http_req_add_header(&req, "x y", "2"), NNG_EINVAL);
    assert_eq!(nng_http_req_get_header(&req, "x").as_deref(), Some("1, 2"));
    assert_eq!(nng_http_req_del_header(&req, "X"), 0);
    assert_eq!(nng_http_req_del_header(&req, "X"), NNG_ENOENT);
    assert_eq!(nng_http_req_get_header(&req, "X"), None);

    let mut data = vec![1];
    nng_http_req_get_data(&req, &mut data);
    assert!(data.is_empty());
    assert_eq!(nng_http_req_set_data(&req, "static"), 0);
    nng_http_req_get_data(&req, &mut data);
    assert_eq!(data, b"static");
    assert_eq!(nng_http_req_get_header(&req, "Content-Length").as_deref(), Some("6"));
    assert_eq!(nng_http_req_set_data(&req, Body::declared(7)), 0);
    nng_http_req_get_data(&req, &mut data);
    assert!(data.is_empty());
    assert_eq!(nng_http_req_get_header(&req, "Content-Length").as_deref(), Some("7"));
    assert_eq!(nng_http_req_copy_data(&req, &[1, 2, 3]), 0);
    nng_http_req_get_data(&req, &mut data);
    assert_eq!(data, [1, 2, 3]);
    assert_eq!(nng_http_req_get_header(&req, "Content-Length").as_deref(), Some("3"));
    nng_http_req_reset(&req);
    assert_eq!(nng_http_req_get_header(&req, "Host"), None);
}

#[test]
fn responses_are_as_they_are_set() {
    let res = response();
    assert_eq!(nng_http_res_get_status(&res), NNG_HTTP_STATUS_OK);
    assert_eq!(nng_http_res_get_reason(&res), "OK");
    assert_eq!(nng_http_res_get_version(&res), "HTTP/1.1");
    assert_eq!(nng_http_res_set_status(&res, NNG_HTTP_STATUS_NOT_FOUND), 0);
    assert_eq!(nng_http_res_get_reason(&res), "Not Found");
    assert_eq!(nng_http_res_set_reason(&res, "Gone fishing"), 0);
    assert_eq!(nng_http_res_set_reason(&res, "Gone\r\nfishing"), NNG_EINVAL);
    assert_eq!(nng_http_res_get_reason(&res), "Gone fishing");
    assert_eq!(nng_http_res_set_reason(&res, None), 0);
    assert_eq!(nng_http_res_get_reason(&res), "Not Found");
    assert_eq!(nng_http_res_set_version(&res, "HTTP/1.0"), 0);
    assert_eq!(nng_http_res_set_version(&res, "HTTP/1"), NNG_EINVAL);
    assert_eq!(nng_http_res_get_version(&res), "HTTP/1.0");
    assert_eq!(nng_http_res_set_version(&res, None), 0);

    assert_eq!(nng_http_res_set_header(&res, "X", "1"), 0);
    assert_eq!(nng_http_res_add_header(&res, "X", "2"), 0);
    assert_eq!(nng_http_res_get_header(&res, "X").as_deref(), Some("1, 2"));
    assert_eq!(nng_http_res_del_header(&res, "X"), 0);
    assert_eq!(nng_http_res_del_header(&res, "X"), NNG_ENOENT);

    let mut data = Vec::new();
    assert_eq!(nng_http_res_set_data(&res, Body::declared(7)), 0);
    nng_http_res_get_data(&res, &mut data);
    assert!(data.is_empty());
    assert_eq!(nng_http_res_get_header(&res, "Content-Length").as_deref(), Some("7"));
    assert_eq!(nng_http_res_copy_data(&res, b"page"), 0);
    nng_http_res_get_data(&res, &mut data);
    assert_eq!(data, b"page");
    nng_http_res_reset(&res);
    assert_eq!(nng_http_res_get_status(&res), 200);
    nng_http_res_free(res);

    let mut res = None;
    assert_eq!(nng_http_res_alloc_error(&mut res, NNG_HTTP_STATUS_TEAPOT), 0);
    let res = res.expect("it was made");
    assert_eq!(nng_http_res_get_status(&res), 418);
    nng_http_res_get_data(&res, &mut data);
    assert!(String::from_utf8_lossy(&data).contains("418"));
}

// --- Connections --------------------------------------------------------------------------------

/// The two ends of a connection.
fn conns() -> (nng_http_conn, nng_http_conn) {
    let conn = |end: UnixStream| {
        let socket = Socket::from_fd(OwnedFd::from(end));
        Conn::new(&Runtime::global(), socket).expect("the runtime runs")
    };
    let (one, other) = UnixStream::pair().expect("the system has sockets");
    (conn(one), conn(other))
}

#[test]
fn messages_go_from_end_to_end() {
    let (client, server) = conns();
    let (ours, theirs) = (silent(), silent());
    let sent = request("http://h/path");
    assert_eq!(run(&ours, |aio| nng_http_conn_write_req(&client, &sent, aio)), 0);
    let req = request("http://other/");
    assert_eq!(run(&theirs, |aio| nng_http_conn_read_req(&server, &req, aio)), 0);
    assert_eq!(nng_http_req_get_uri(&req), "/path");

    let sent = response();
    nng_http_res_set_status(&sent, 404);
    nng_http_res_copy_data(&sent, b"body");
    assert_eq!(run(&theirs, |aio| nng_http_conn_write_res(&server, &sent, aio)), 0);
    assert_ne!(nng_aio_count(&theirs), 0);
    let res = response();
    assert_eq!(run(&ours, |aio| nng_http_conn_read_res(&client, &res, aio)), 0);
    assert_eq!(nng_http_res_get_status(&res), 404);
    assert_eq!(nng_aio_set_iov(&ours, vec![vec![0; 9].into()]), 0);
    assert_eq!(run(&ours, |aio| nng_http_conn_read(&client, aio)), 0);
    assert_eq!(&ours.take_buffer()[..nng_aio_count(&ours)], b"body");

    nng_http_req_reset(&req);
    let code = run(&ours, |aio| nng_http_conn_write_req(&client, &req, aio));
    assert_eq!(code, NNG_EINVAL, "there is no URI");
}

#[test]
fn bytes_go_from_end_to_end_until_it_is_closed() {
    let (client, server) = conns();
    let (ours, theirs) = (silent(), silent());
    assert_eq!(nng_aio_set_iov(&ours, vec!["ab".into(), "cd".into()]), 0);
    assert_eq!(run(&ours, |aio| nng_http_conn_write_all(&client, aio)), 0);
    assert_eq!(nng_aio_count(&ours), 4);
    assert_eq!(run(&ours, |aio| nng_http_conn_write(&client, aio)), 0);
    assert_eq!(nng_aio_set_iov(&theirs, vec![vec![0; 5].into(), vec![0; 3].into()]), 0);
    assert_eq!(run(&theirs, |aio| nng_http_conn_read_all(&server, aio)), 0);
    assert_eq!(nng_aio_count(&theirs), 8);

    let kept = client.clone();
    nng_http_conn_close(client);
    nng_http_conn_close(None);
    assert_eq!(run(&ours, |aio| nng_http_conn_write(&kept, aio)), NNG_ECLOSED);
    assert_eq!(run(&theirs, |aio| nng_http_conn_read(&server, aio)), NNG_ECONNSHUT);
}

#[test]
fn a_transaction_brings_the_whole_response() {
    let (client, server) = conns();
    let (ours, theirs) = (silent(), silent());
    let (req, res) = (request("http://h/"), response());
    nng_http_conn_transact(&client, &req, &res, &ours);
    let asked = request("http://h/");
    assert_eq!(run(&theirs, |aio| nng_http_conn_read_req(&server, &asked, aio)), 0);
    let answer = response();
    nng_http_res_copy_data(&answer, b"whole");
    assert_eq!(run(&theirs, |aio| nng_http_conn_write_res(&server, &answer, aio)), 0);
    nng_aio_wait(&ours);
    assert_eq!(nng_aio_result(&ours), 0);
    let mut data = Vec::new();
    nng_http_res_get_data(&res, &mut data);
    assert_eq!(data, b"whole");
}

// --- Servers ------------------------------------------------------------------------------------

fn server() -> nng_http_server {
    let mut server = None;
    assert_eq!(nng_http_server_hold(&mut server, &url("http://127.0.0.1:0")), 0);
    server.expect("it was made")
}

fn port(server: &nng_http_server) -> u16 {
    let mut addr = nng_sockaddr::Unspecified;
    assert_eq!(nng_http_server_get_addr(server, &mut addr), 0);
    addr.port().expect("it listens")
}

/// Sends a request and returns everything that comes until the server closes.
fn ask(port: u16, path: &str, body: &str) -> String {
    ask_host(port, "h", path, body)
}

/// As [`ask`], for a host.
fn ask_host(port: u16, host: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("the limit is above zero");
    let len = body.len();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {len}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is closed in order");
    answer
}

#[test]
fn servers_are_held_and_released() {
    let _turn = turn();
    let mut none = None;
    assert_eq!(nng_http_server_hold(&mut none, &url("tcp://127.0.0.1:0")), NNG_EADDRINVAL);
    assert!(none.is_none());

    let first = server();
    let mut addr = nng_sockaddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));
    assert_eq!(nng_http_server_get_addr(&first, &mut addr), 0);
    assert_eq!(addr, nng_sockaddr::Unspecified);
    assert_eq!(nng_http_server_start(&first), 0);
    let mut again = None;
    let same = url(&format!("http://127.0.0.1:{}", port(&first)));
    assert_eq!(nng_http_server_hold(&mut again, &same), 0);
    assert_eq!(port(again.as_ref().expect("it was found")), port(&first));
    nng_http_server_release(again);
    nng_http_server_stop(&first);
    assert_eq!(nng_http_server_start(&first), NNG_ESTATE);
    nng_http_server_release(first);
    nng_http_server_release(None);
}

fn not_called(_aio: &nng_aio) {
    panic!("no request is for this handler");
}

/// Adds a handler that was made; it can be changed no more.
fn add(server: &nng_http_server, h: Option<nng_http_handler>) -> nng_http_handler {
    let h = h.expect("it was made");
    assert_eq!(nng_http_server_add_handler(server, &h), 0);
    assert_eq!(nng_http_handler_set_tree(&h), NNG_EBUSY);
    assert_eq!(nng_http_handler_set_tree_exclusive(&h), NNG_EBUSY);
    h
}

#[test]
fn files_directories_and_redirects_are_served() {
    let _turn = turn();
    let directory = Directory::new();
    std::fs::write(directory.join("page.html"), "from a file").expect("the directory is ours");
    let (server, mut h) = (server(), None);
    assert_eq!(nng_http_handler_alloc_file(&mut h, "/f", directory.join("page.html")), 0);
    add(&server, h.take());
    assert_eq!(nng_http_handler_alloc_directory(&mut h, "/d", directory.join("")), 0);
    add(&server, h.take());
    assert_eq!(nng_http_handler_alloc_redirect(&mut h, "/r", 0, "/d"), 0);
    assert_eq!(nng_http_handler_set_tree(h.as_ref().expect("it was made")), 0);
    add(&server, h.take());
    assert_eq!(nng_http_handler_alloc_static(&mut h, "/s", "static", None), 0);
    assert_eq!(nng_http_handler_set_tree_exclusive(h.as_ref().expect("it was made")), 0);
    add(&server, h.take());
    assert_eq!(nng_http_handler_alloc(&mut h, "/s/below", not_called), 0);
    let below = h.expect("it was made");
    assert_eq!(nng_http_server_add_handler(&server, &below), NNG_EADDRINUSE);
    assert_eq!(nng_http_server_start(&server), 0);
    for (path, answer) in [
        ("/f", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
        ("/d/page.html", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
        ("/d/../page.html", "HTTP/1.1 404 "),
        ("/r/page.html", "HTTP/1.1 301 Moved Permanently\r\nConnection: close\r\n"),
        ("/s/below", "HTTP/1.1 200 "),
    ] {
        let text = ask(port(&server), path, "");
        assert!(text.starts_with(answer), "{path}: {text}");
    }
    assert!(ask(port(&server), "/f", "").ends_with("\r\n\r\nfrom a file"));
    assert!(ask(port(&server), "/r/page.html", "").contains("\r\nLocation: /d/page.html\r\n"));
}

#[test]
fn handlers_are_added_changed_and_taken_away() {
    let _turn = turn();
    let server = server();
    let mut h = None;
    let bad_type = nng_http_handler_alloc_static(&mut h, "/page", "x", "a\nb");
    assert_eq!(bad_type, NNG_EINVAL);
    assert!(h.is_none());
    assert_eq!(nng_http_handler_alloc_static(&mut h, "/page", "static page", None), 0);
    let page = h.expect("it was made");
    assert_eq!(nng_http_server_add_handler(&server, &page), 0);
    assert_eq!(nng_http_server_add_handler(&server, &page), NNG_EADDRINUSE);
    assert_eq!(nng_http_handler_set_method(&page, "PUT"), NNG_EBUSY);
    assert_eq!(nng_http_handler_set_host(&page, "h"), NNG_EBUSY);
    assert_eq!(nng_http_handler_set_data(&page, Arc::new(1)), NNG_EBUSY);
    assert_eq!(nng_http_server_start(&server), 0);
    assert!(ask(port(&server), "/page", "").ends_with("static page"));

    assert_eq!(nng_http_server_del_handler(&server, &page), 0);
    assert_eq!(nng_http_server_del_handler(&server, &page), NNG_ENOENT);
    assert!(ask(port(&server), "/page", "").starts_with("HTTP/1.1 404"));
    nng_http_handler_free(page);

    let mut h = None;
    assert_eq!(nng_http_handler_alloc(&mut h, "no/slash", not_called), 0);
    let h = h.expect("it was made");
    assert_eq!(nng_http_server_add_handler(&server, &h), NNG_EINVAL);
    assert_eq!(nng_http_handler_set_method(&h, "a b"), NNG_EINVAL);
    assert_eq!(nng_http_handler_set_method(&h, None), 0);
    assert_eq!(nng_http_handler_set_host(&h, None), 0);
    assert_eq!(nng_http_handler_collect_body(&h, false, 0), 0);
    assert_eq!(nng_http_handler_set_data(&h, Arc::new(7_u32)), 0);
    assert_eq!(nng_http_handler_get_data::<u32>(&h).as_deref(), Some(&7));
    assert_eq!(nng_http_handler_get_data::<u64>(&h), None);
    assert_eq!(nng_http_handler_set_data(&h, None::<Arc<()>>), 0);
    assert_eq!(nng_http_handler_get_data::<u32>(&h), None);
    nng_http_handler_free(h);
    nng_http_handler_free(None);
}

/// Answers with the body of the request.
fn echo(aio: &nng_aio) {
    let req = nng_aio_get_input::<nng_http_req>(aio, 0).expect("the server sets it");
    let mut data = Vec::new();
    nng_http_req_get_data(&req, &mut data);
    let res = response();
    assert_eq!(nng_http_res_copy_data(&res, &data), 0);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

#[test]
fn a_handler_with_a_host_answers_for_that_host_alone() {
    let _turn = turn();
    let server = server();
    for (host, text) in [("Example.com", "of a name"), ("127.0.0.1", "of an address")] {
        let mut h = None;
        assert_eq!(nng_http_handler_alloc_static(&mut h, "/", text, None), 0);
        let h = h.expect("it was made");
        assert_eq!(nng_http_handler_set_host(&h, host), 0);
        assert_eq!(nng_http_server_add_handler(&server, &h), 0);
    }
    assert_eq!(nng_http_server_start(&server), 0);
    for (host, end) in [
        ("example.com", "of a name"),
        ("EXAMPLE.COM:81", "of a name"),
        ("127.0.0.1:81", "of an address"),
    ] {
        assert!(ask_host(port(&server), host, "/", "").ends_with(end), "{host}");
    }
    for host in ["www.example.com", "example.co", "127.0.0.2"] {
        assert!(ask_host(port(&server), host, "/", "").starts_with("HTTP/1.1 404"), "{host}");
    }
}

#[test]
fn a_handler_collects_bodies_up_to_its_limit() {
    let _turn = turn();
    let server = server();
    let mut h = None;
    assert_eq!(nng_http_handler_alloc(&mut h, "/", echo), 0);
    let h = h.expect("it was made");
    assert_eq!(nng_http_handler_set_method(&h, "POST"), 0);
    assert_eq!(nng_http_server_add_handler(&server, &h), 0);
    assert_eq!(nng_http_server_start(&server), 0);
    let ask = |body| ask(port(&server), "/", body);
    // It can be changed while it is at work.
    for (wants, max, status, end) in [
        (true, 5, 200, "\r\n\r\nhello"),
        (true, 4, 400, "</html>"),
        (true, 0, 400, "</html>"),
        (true, usize::MAX, 200, "\r\n\r\nhello"),
        // The body stays where it is, and is read by nobody.
        (false, 5, 200, "\r\n\r\n"),
    ] {
        assert_eq!(nng_http_handler_collect_body(&h, wants, max), 0);
        let text = ask("hello");
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{wants} {max}: {text}");
        assert!(text.trim_end().ends_with(end.trim_end()), "{wants} {max}: {text}");
    }
}

/// Tells when it goes.
struct Witness(Mutex<Option<Sender<()>>>);

impl Drop for Witness {
    fn drop(&mut self) {
        let tell = self.0.lock().expect("nobody panics").take();
        tell.expect("it goes once").send(()).expect("the test listens");
    }
}

#[test]
fn the_data_of_a_handler_goes_with_the_server_and_the_handler() {
    let _turn = turn();
    for server_goes_first in [false, true] {
        let (tell, hear) = channel();
        let (server, mut h) = (server(), None);
        assert_eq!(nng_http_handler_alloc_static(&mut h, "/", "static", None), 0);
        let h = h.expect("it was made");
        let witness = Arc::new(Witness(Mutex::new(Some(tell))));
        assert_eq!(nng_http_handler_set_data(&h, witness), 0);
        assert_eq!(nng_http_server_add_handler(&server, &h), 0);
        assert_eq!(nng_http_server_start(&server), 0);
        assert!(ask(port(&server), "/", "").ends_with("static"));
        let port = port(&server);
        if server_goes_first {
            nng_http_server_release(server);
            assert!(nng_http_handler_get_data::<Witness>(&h).is_some());
            assert!(hear.try_recv().is_err());
            nng_http_handler_free(h);
        } else {
            nng_http_handler_free(h);
            assert!(ask(port, "/", "").ends_with("static"));
            assert!(hear.try_recv().is_err());
            nng_http_server_release(server);
        }
        must(&hear);
    }
}

#[test]
fn data_of_handlers_of_the_library_changes_nothing_of_what_they_serve() {
    let _turn = turn();
    let directory = Directory::new();
    std::fs::write(directory.join("page.html"), "from a file").expect("the directory is ours");
    let server = server();
    let add = |h: Option<nng_http_handler>| {
        let h = h.expect("it was made");
        assert_eq!(nng_http_handler_set_data(&h, Arc::new(7_u32)), 0);
        assert_eq!(nng_http_server_add_handler(&server, &h), 0);
        assert_eq!(nng_http_handler_get_data::<u32>(&h).as_deref(), Some(&7));
    };
    let mut h = None;
    assert_eq!(nng_http_handler_alloc_static(&mut h, "/s", "static", None), 0);
    add(h.take());
    assert_eq!(nng_http_handler_alloc_file(&mut h, "/f", directory.join("page.html")), 0);
    add(h.take());
    assert_eq!(nng_http_handler_alloc_directory(&mut h, "/d", directory.join("")), 0);
    add(h.take());
    assert_eq!(nng_http_handler_alloc_redirect(&mut h, "/r", 0, "/d"), 0);
    add(h.take());
    assert_eq!(nng_http_server_start(&server), 0);
    let ask = |path| ask(port(&server), path, "");
    assert!(ask("/s").ends_with("\r\n\r\nstatic"));
    assert!(ask("/f").ends_with("\r\n\r\nfrom a file"));
    assert!(ask("/d/page.html").ends_with("\r\n\r\nfrom a file"));
    assert!(ask("/r").contains("\r\nLocation: /d\r\n"));
}

#[test]
fn error_pages_are_the_programs() {
    let _turn = turn();
    let directory = Directory::new();
    let file = directory.join("page.html");
    std::fs::write(&file, "from a file").expect("the directory is ours");
    let server = server();
    assert_eq!(nng_http_server_set_error_page(&server, 404, "nobody home"), 0);
    assert_eq!(nng_http_server_start(&server), 0);
    assert!(ask(port(&server), "/", "").ends_with("nobody home"));
    assert_eq!(nng_http_server_set_error_file(&server, 404, &file), 0);
    let missing = directory.join("missing");
    assert_eq!(nng_http_server_set_error_file(&server, 404, missing), NNG_ENOENT);
    assert!(ask(port(&server), "/", "").ends_with("from a file"));

    let res = response();
    nng_http_res_set_status(&res, 404);
    assert_eq!(nng_http_server_res_error(&server, &res), 0);
    let mut data = Vec::new();
    nng_http_res_get_data(&res, &mut data);
    assert_eq!(data, b"from a file");
}

/// A program as it was in C: a handler that echoes through the connection, a completion callback, an
/// orderly end. Comments say what stood there.
mod echo_server {
    use super::*;

    /// `struct job { nng_aio *aio; nng_aio *http_aio; nng_http_res *res; }`
    pub(super) struct Job {
        http_aio: nng_aio,
        aio: Mutex<Option<nng_aio>>,
    }

    /// `static void fatal(const char *what, int rv)`
    fn fatal(what: &str, rv: i32) -> ! {
        panic!("{what}: {}", nng_strerror(rv));
    }

    /// `static void job_done(void *arg)`
    fn job_done(aio: &nng_aio, job: &Arc<Job>) {
        let rv = nng_aio_result(aio);
        // nng_aio_reap(job->aio);
        let own = job.aio.lock().expect("nobody panics").take();
        nng_aio_reap(own);
        // The response is out, so there is none for the server to send.
        nng_aio_finish(&job.http_aio, rv);
    }

    /// `static void handle(nng_aio *http_aio)`
    fn handle(http_aio: &nng_aio) {
        let req = nng_aio_get_input::<nng_http_req>(http_aio, 0).expect("the server sets it");
        let conn = nng_aio_get_input::<nng_http_conn>(http_aio, 2).expect("the server sets it");
        let mut data = Vec::new();
        nng_http_req_get_data(&req, &mut data);

        let mut res = None;
        let rv = nng_http_res_alloc(&mut res);
        let Some(res) = res else { return nng_aio_finish(http_aio, rv) };
        let rv = nng_http_res_set_header(&res, "Content-Type", "text/plain");
        if rv != 0 {
            nng_http_res_free(res);
            return nng_aio_finish(http_aio, rv);
        }
        // nng_http_res_copy_data(res, data, size)
        let rv = nng_http_res_copy_data(&res, &data);
        if rv != 0 {
            nng_http_res_free(res);
            return nng_aio_finish(http_aio, rv);
        }

        // nng_aio_alloc(&job->aio, job_done, job)
        let job = Arc::new(Job { http_aio: http_aio.alias(), aio: Mutex::new(None) });
        let mut aio = job.aio.lock().expect("nobody panics");
        let rv = nng_aio_alloc(&mut aio, Some(job_done), Arc::clone(&job));
        let Some(aio) = &*aio else { return nng_aio_finish(http_aio, rv) };
        nng_aio_set_timeout(aio, 60_000);
        nng_http_conn_write_res(&conn, &res, aio);
        nng_http_res_free(res);
    }

    /// `int main(int argc, char **argv)`, up to where it would wait for a signal.
    pub(super) fn start() -> (nng_http_server, nng_http_handler) {
        let mut url = None;
        let rv = nng_url_parse(&mut url, "http://127.0.0.1:0/echo");
        let Some(url) = url else { fatal("cannot parse URL", rv) };

        let mut server = None;
        let rv = nng_http_server_hold(&mut server, &url);
        let Some(server) = server else { fatal("cannot get server", rv) };

        let mut handler = None;
        let rv = nng_http_handler_alloc(&mut handler, url.path(), handle);
        let Some(handler) = handler else { fatal("cannot allocate handler", rv) };
        let rv = nng_http_handler_set_method(&handler, "POST");
        if rv != 0 {
            fatal("cannot set method", rv);
        }
        let rv = nng_http_handler_collect_body(&handler, true, 1024);
        if rv != 0 {
            fatal("cannot set body limit", rv);
        }
        let rv = nng_http_server_add_handler(&server, &handler);
        if rv != 0 {
            fatal("cannot add handler", rv);
        }
        let rv = nng_http_server_start(&server);
        if rv != 0 {
            fatal("cannot start server", rv);
        }
        nng_url_free(url);
        (server, handler)
    }
}

#[test]
fn a_ported_server_answers_and_ends() {
    let _turn = turn();
    let (server, handler) = echo_server::start();
    let port = port(&server);
    for text in ["one", "two"] {
        let answer = ask(port, "/echo", text);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("Content-Type: text/plain\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{text}")), "{answer}");
    }
    let mut idle = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    idle.set_read_timeout(Some(LIMIT)).expect("the limit is above zero");
    nng_http_server_stop(&server);
    nng_http_server_release(server);
    nng_http_handler_free(handler);
    match idle.read_to_end(&mut Vec::new()) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_handler_may_leave_the_response_to_the_server() {
    let _turn = turn();
    fn handle(aio: &nng_aio) {
        let h = nng_aio_get_input::<nng_http_handler>(aio, 1).expect("the server sets it");
        let text = nng_http_handler_get_data::<String>(&h).expect("it was set");
        let mut res = None;
        let rv = nng_http_res_alloc(&mut res);
        let Some(res) = res else { return nng_aio_finish(aio, rv) };
        nng_http_res_copy_data(&res, text.as_bytes());
        nng_aio_set_output(aio, 0, res);
        nng_aio_finish(aio, 0);
    }
    fn fail(aio: &nng_aio) {
        nng_aio_finish(aio, NNG_ENOMEM);
    }
    let server = server();
    for (path, callback) in [("/data", handle as fn(&nng_aio)), ("/fail", fail)] {
        let mut h = None;
        assert_eq!(nng_http_handler_alloc(&mut h, path, callback), 0);
        let h = h.expect("it was made");
        assert_eq!(nng_http_handler_set_data(&h, Arc::new(String::from("from data"))), 0);
        assert_eq!(nng_http_server_add_handler(&server, &h), 0);
    }
    assert_eq!(nng_http_server_start(&server), 0);
    assert!(ask(port(&server), "/data", "").ends_with("from data"));
    assert!(ask(port(&server), "/fail", "").starts_with("HTTP/1.1 500"));
}
