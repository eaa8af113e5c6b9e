//! Every function under its C name: what it does when all is well, and its codes when it is not.
//!
//! What concerns the whole process is in `c_names_process.rs`.

#[path = "support/directory.rs"]
mod directory;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::nng_aio::Runtime;
use ::nng_aio::net::Socket;
use nng_oxide::c_names::*;
use nng_oxide::http::{Body, Conn};

use directory::Directory;

/// How long a test waits for something that must happen, before it fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(60);
/// Longer than any test runs, in milliseconds.
const FOREVER_MS: nng_duration = 3_600_000;

fn must<T>(hear: &Receiver<T>) -> T {
    hear.recv_timeout(LIMIT).expect("it happens in time")
}

/// An aio without a callback.
fn silent() -> nng_aio {
    let mut aio = None;
    assert_eq!(nng_aio_alloc(&mut aio, None, ()), 0);
    aio.expect("it was made")
}

/// An aio whose callback sends the result.
fn telling() -> (nng_aio, Receiver<i32>) {
    fn tell(aio: &nng_aio, tell: &Sender<i32>) {
        let _ = tell.send(nng_aio_result(aio));
    }
    let (sender, hear) = mpsc::channel();
    let mut aio = None;
    assert_eq!(nng_aio_alloc(&mut aio, Some(tell), sender), 0);
    (aio.expect("it was made"), hear)
}

/// Runs one operation to its end and returns its code.
fn run(aio: &nng_aio, start: impl FnOnce(&nng_aio)) -> i32 {
    start(aio);
    nng_aio_wait(aio);
    nng_aio_result(aio)
}

fn url(text: &str) -> nng_url {
    let mut url = None;
    assert_eq!(nng_url_parse(&mut url, text), 0);
    url.expect("it was made")
}

/// Accepts an operation that ends only when it is asked to.
fn begin(aio: &nng_aio) {
    assert!(nng_aio_begin(aio));
    nng_aio_defer(aio, |aio, (), err| nng_aio_finish(aio, err), ());
}

// --- Operations ---------------------------------------------------------------------------------

#[test]
fn a_fresh_aio_is_idle_and_may_be_freed() {
    let aio = silent();
    assert_eq!((nng_aio_result(&aio), nng_aio_count(&aio), nng_aio_busy(&aio)), (0, 0, false));
    nng_aio_free(aio);
    nng_aio_free(None);
    nng_aio_reap(None);
}

#[test]
fn a_callback_gets_its_aio_and_its_argument() {
    let (aio, hear) = telling();
    nng_sleep_aio(1, &aio);
    assert_eq!(must(&hear), 0);
    nng_sleep_aio(-1, &aio);
    assert_eq!(must(&hear), 0, "no time at all");
}

#[test]
fn operations_end_with_the_code_of_whoever_asks() {
    let (aio, hear) = telling();
    begin(&aio);
    assert!(nng_aio_busy(&aio));
    nng_aio_cancel(&aio);
    assert_eq!(must(&hear), NNG_ECANCELED);
    for (err, code) in
        [(NNG_ECONNRESET, NNG_ECONNRESET), (4321, 4321), (-5, -5), (0, NNG_ECANCELED)]
    {
        nng_aio_wait(&aio);
        begin(&aio);
        nng_aio_abort(&aio, err);
        assert_eq!(must(&hear), code);
    }
    nng_aio_wait(&aio);
    begin(&aio);
    nng_aio_stop(&aio);
    assert_eq!(must(&hear), NNG_ECANCELED);
    assert!(!nng_aio_begin(&aio), "a stopped aio refuses");
    nng_aio_finish(&aio, 0);
    assert_eq!(nng_aio_result(&aio), NNG_ECANCELED);
    assert!(hear.try_recv().is_err(), "a refused operation has no callback");
}

#[test]
fn freeing_and_reaping_end_the_operation_with_closed() {
    let free: fn(nng_aio) = |aio| nng_aio_free(aio);
    let reap: fn(nng_aio) = |aio| nng_aio_reap(aio);
    for free in [free, reap] {
        let (aio, hear) = telling();
        begin(&aio);
        free(aio);
        assert_eq!(must(&hear), NNG_ECLOSED);
    }
}

#[test]
fn a_provider_finishes_once() {
    let (aio, hear) = telling();
    begin(&aio);
    nng_aio_finish(&aio, 42);
    nng_aio_finish(&aio, 43);
    assert_eq!(must(&hear), 42);
    nng_aio_wait(&aio);
    nng_aio_finish(&aio, 44);
    assert_eq!(nng_aio_result(&aio), 42, "there is nothing to finish");
    assert!(hear.try_recv().is_err());
}

#[test]
fn a_refused_deferral_is_told_to_the_cancel_function() {
    let (aio, hear) = telling();
    nng_aio_set_timeout(&aio, NNG_DURATION_ZERO);
    begin(&aio);
    assert_eq!(must(&hear), NNG_ETIMEDOUT);
    nng_aio_wait(&aio);
    nng_aio_set_timeout(&aio, NNG_DURATION_INFINITE);
    assert!(nng_aio_begin(&aio));
    nng_aio_abort(&aio, NNG_ESTATE);
    let asked = Arc::new(AtomicI32::new(0));
    let note = |aio: &nng_aio, asked: &Arc<AtomicI32>, err: i32| {
        asked.store(err, SeqCst);
        nng_aio_finish(aio, err);
    };
    nng_aio_defer(&aio, note, Arc::clone(&asked));
    assert_eq!(must(&hear), NNG_ESTATE);
    assert_eq!(asked.load(SeqCst), NNG_ESTATE);
}

#[test]
fn limits_are_stated_as_in_c() {
    let aio = silent();
    for (timeout, code) in [(0, NNG_ETIMEDOUT), (-3, NNG_ETIMEDOUT), (5, NNG_ETIMEDOUT)] {
        nng_aio_set_timeout(&aio, timeout);
        assert_eq!(run(&aio, begin), code, "{timeout}");
    }
    nng_aio_set_timeout(&aio, FOREVER_MS);
    let soon = nng_clock() + 5;
    nng_aio_set_expire(&aio, soon);
    assert_eq!(run(&aio, begin), NNG_ETIMEDOUT);
    assert!(nng_clock() >= soon);
    nng_aio_set_expire(&aio, 0);
    assert_eq!(run(&aio, begin), NNG_ETIMEDOUT, "it has passed");
    nng_aio_set_timeout(&aio, 0);
    nng_aio_set_expire(&aio, nng_time::MAX);
    for unlimited in [NNG_DURATION_INFINITE, NNG_DURATION_DEFAULT] {
        begin(&aio);
        nng_aio_cancel(&aio);
        nng_aio_wait(&aio);
        assert_eq!(nng_aio_result(&aio), NNG_ECANCELED);
        nng_aio_set_timeout(&aio, unlimited);
    }
    nng_aio_set_timeout(&aio, 1);
    assert_eq!(run(&aio, |aio| nng_sleep_aio(FOREVER_MS, aio)), NNG_ETIMEDOUT);
}

#[test]
fn inputs_outputs_and_messages_keep_what_is_put_there() {
    let aio = silent();
    assert_eq!(nng_aio_set_input(&aio, 3, Arc::new(7_u16)), 0);
    assert_eq!(nng_aio_set_input(&aio, 4, Arc::new(7_u16)), NNG_EINVAL);
    assert_eq!(nng_aio_get_input::<u16>(&aio, 3).as_deref(), Some(&7));
    assert_eq!(nng_aio_get_input::<u16>(&aio, 4), None);
    assert_eq!(nng_aio_get_input::<u16>(&aio, 0), None);

    assert!(nng_aio_begin(&aio));
    assert_eq!(nng_aio_set_output(&aio, 0, String::from("made")), 0);
    assert_eq!(nng_aio_set_output(&aio, 4, ()), NNG_EINVAL);
    nng_aio_finish(&aio, 0);
    assert_eq!(nng_aio_get_output::<u16>(&aio, 0), None, "it is of another type");
    assert_eq!(nng_aio_get_output::<String>(&aio, 0).as_deref(), Some("made"));
    assert_eq!(nng_aio_get_output::<String>(&aio, 0), None, "it was taken");

    nng_aio_set_msg(&aio, Box::new("message"));
    let msg = nng_aio_get_msg(&aio).expect("it is there");
    assert_eq!(msg.downcast_ref(), Some(&"message"));
    assert!(nng_aio_get_msg(&aio).is_none());
}

#[test]
fn nine_pieces_of_memory_are_refused() {
    let aio = silent();
    assert_eq!(nng_aio_set_iov(&aio, vec!["kept".into()]), 0);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0].into(); 9]), NNG_EINVAL);
    assert_eq!(aio.take_buffers().total_len(), 4, "nothing was changed");
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0].into(); 8]), 0);
    begin(&aio);
    assert_eq!(nng_aio_set_iov(&aio, Vec::new()), NNG_EBUSY);
    nng_aio_cancel(&aio);
}

// --- Small things -------------------------------------------------------------------------------

#[test]
fn codes_and_their_texts_are_nngs() {
    let table = [
        (0, "Hunky dory"),
        (NNG_EINTR, "Interrupted"),
        (NNG_ENOMEM, "Out of memory"),
        (NNG_EINVAL, "Invalid argument"),
        (NNG_EBUSY, "Resource busy"),
        (NNG_ETIMEDOUT, "Timed out"),
        (NNG_ECONNREFUSED, "Connection refused"),
        (NNG_ECLOSED, "Object closed"),
        (NNG_EAGAIN, "Try again"),
        (NNG_ENOTSUP, "Not supported"),
        (NNG_EADDRINUSE, "Address in use"),
        (NNG_ESTATE, "Incorrect state"),
        (NNG_ENOENT, "Entry not found"),
        (NNG_EPROTO, "Protocol error"),
        (NNG_EUNREACHABLE, "Destination unreachable"),
        (NNG_EADDRINVAL, "Address invalid"),
        (NNG_EPERM, "Permission denied"),
        (NNG_EMSGSIZE, "Message too large"),
        (NNG_ECONNABORTED, "Connection aborted"),
        (NNG_ECONNRESET, "Connection reset"),
        (NNG_ECANCELED, "Operation canceled"),
        (NNG_ENOFILES, "Out of files"),
        (NNG_ENOSPC, "Out of space"),
        (NNG_EEXIST, "Resource already exists"),
        (NNG_EREADONLY, "Read only resource"),
        (NNG_EWRITEONLY, "Write only resource"),
        (NNG_ECRYPTO, "Cryptographic error"),
        (NNG_EPEERAUTH, "Peer could not be authenticated"),
        (NNG_ENOARG, "Option requires argument"),
        (NNG_EAMBIGUOUS, "Ambiguous option"),
        (NNG_EBADTYPE, "Incorrect type"),
        (NNG_ECONNSHUT, "Connection shutdown"),
    ];
    for (number, (code, text)) in (0..).zip(table) {
        assert_eq!((code, &*nng_strerror(code)), (number, text));
    }
    assert_eq!((NNG_EINTERNAL, &*nng_strerror(1000)), (1000, "Internal error detected"));
    assert_eq!(nng_strerror(NNG_ETRANERR | 5), "Transport error #5");
    assert_eq!(nng_strerror(NNG_ESYSERR | 20), "Not a directory");
    assert_eq!(nng_strerror(32), "Unknown error #32");
}

#[test]
fn time_passes_and_chance_differs() {
    let began = (nng_clock(), Instant::now());
    nng_msleep(5);
    assert!(began.1.elapsed() >= Duration::from_millis(5));
    assert!(nng_clock() >= began.0 + 4);
    for none in [0, -1, i32::MIN] {
        nng_msleep(none);
    }
    assert!((0..32).any(|_| nng_random() != nng_random()));
    assert!(nng_version().starts_with(&format!("{NNG_MAJOR_VERSION}.{NNG_MINOR_VERSION}.")));
}

#[test]
fn urls_are_parsed_copied_and_freed() {
    let mut parsed = None;
    assert_eq!(nng_url_parse(&mut parsed, "mailto:x"), NNG_EINVAL);
    assert!(parsed.is_none());
    assert_eq!(nng_url_parse(&mut parsed, "http://u@Example.com/a?q#f"), 0);
    let mut copy = None;
    assert_eq!(nng_url_clone(&mut copy, parsed.as_ref().expect("it was made")), 0);
    nng_url_free(parsed);
    let copy = copy.expect("it was made");
    assert_eq!(
        (copy.hostname(), copy.port(), copy.path()),
        (Some("example.com"), Some("80"), "/a")
    );
    nng_url_free(copy);
    nng_url_free(None);
}

#[test]
fn addresses_have_text() {
    let inet = nng_sockaddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80));
    assert_eq!(nng_str_sockaddr(&inet), "127.0.0.1:80");
    assert_eq!(nng_str_sockaddr(&nng_sockaddr::Unspecified), "unknown");
}

#[test]
fn id_maps_hand_out_ids() {
    let mut map = None;
    assert_eq!(nng_id_map_alloc::<&str>(&mut map, 5, 4, 0), NNG_EINVAL);
    assert_eq!(nng_id_map_alloc(&mut map, 5, 6, 0), 0);
    let mut map = map.expect("it was made");
    let mut id = 0;
    assert_eq!((nng_id_alloc(&mut map, &mut id, "five"), id), (0, 5));
    assert_eq!((nng_id_alloc(&mut map, &mut id, "six"), id), (0, 6));
    assert_eq!((nng_id_alloc(&mut map, &mut id, "seven"), id), (NNG_ENOMEM, 6));
    assert_eq!(nng_id_get(&map, 5), Some(&"five"));
    assert_eq!(nng_id_get(&map, 7), None);
    assert_eq!(nng_id_set(&mut map, 5, "cinq"), 0);
    assert_eq!(nng_id_remove(&mut map, 6), 0);
    assert_eq!(nng_id_remove(&mut map, 6), NNG_ENOENT);
    let (mut val, mut cursor) = (None, 0);
    assert!(nng_id_visit(&map, &mut id, &mut val, &mut cursor));
    assert_eq!((id, val), (5, Some(&"cinq")));
    assert!(!nng_id_visit(&map, &mut id, &mut val, &mut cursor));
    nng_id_map_free(map);

    let mut map = None;
    assert_eq!(nng_id_map_alloc(&mut map, 100, 102, NNG_MAP_RANDOM), 0);
    let mut map = map.expect("it was made");
    assert_eq!(nng_id_alloc(&mut map, &mut id, ()), 0);
    assert!((100..=102).contains(&id));
}

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
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("the limit is above zero");
    let len = body.len();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {len}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is closed in order");
    answer
}

#[test]
fn servers_are_held_and_released() {
    let mut none = None;
    assert_eq!(nng_http_server_hold(&mut none, &url("tcp://127.0.0.1:0")), NNG_EADDRINVAL);
    assert_eq!(nng_http_server_hold(&mut none, &url("https://127.0.0.1:0")), NNG_ENOTSUP);
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

#[test]
fn handlers_are_added_changed_and_taken_away() {
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

#[test]
fn error_pages_are_the_programs() {
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
    let (server, handler) = echo_server::start();
    let port = port(&server);
    for text in ["one", "two"] {
        let answer = ask(port, "/echo", text);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("Content-Type: text/plain\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{text}")), "{answer}");
    }
    nng_http_server_stop(&server);
    nng_http_server_release(server);
    nng_http_handler_free(handler);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn a_handler_may_leave_the_response_to_the_server() {
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

// --- Streams ------------------------------------------------------------------------------------

fn dialer(of: &str) -> nng_stream_dialer {
    let mut dialer = None;
    assert_eq!(nng_stream_dialer_alloc(&mut dialer, of), 0);
    dialer.expect("it was made")
}

fn listener(of: &str) -> nng_stream_listener {
    let mut listener = None;
    assert_eq!(nng_stream_listener_alloc(&mut listener, of), 0);
    listener.expect("it was made")
}

/// The two ends of a connection through a listener that listens.
fn streams(listener: &nng_stream_listener, dialer: &nng_stream_dialer) -> (nng_stream, nng_stream) {
    let (ours, theirs) = (silent(), silent());
    assert_eq!(run(&ours, |aio| nng_stream_dialer_dial(dialer, aio)), 0);
    assert_eq!(run(&theirs, |aio| nng_stream_listener_accept(listener, aio)), 0);
    let end = |aio| nng_aio_get_output::<nng_stream>(aio, 0).expect("it was made");
    (end(&ours), end(&theirs))
}

/// A listener for TCP that listens, and its address as a URL.
fn tcp() -> (nng_stream_listener, String) {
    let listener = listener("tcp://127.0.0.1:0");
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    let mut port = 0;
    assert_eq!(nng_stream_listener_get_int(&listener, NNG_OPT_TCP_BOUND_PORT, &mut port), 0);
    (listener, format!("tcp://127.0.0.1:{port}"))
}

#[test]
fn streams_carry_bytes_until_they_are_closed() {
    let (listener, text) = tcp();
    let mut made = None;
    assert_eq!(nng_stream_dialer_alloc_url(&mut made, &url(&text)), 0);
    let dialer = made.expect("it was made");
    let (ours, theirs) = streams(&listener, &dialer);
    let aio = silent();
    assert_eq!(nng_aio_set_iov(&aio, vec!["hello".into()]), 0);
    assert_eq!(run(&aio, |aio| nng_stream_send(&ours, aio)), 0);
    assert_eq!(nng_aio_count(&aio), 5);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0; 9].into()]), 0);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&theirs, aio)), 0);
    assert_eq!(&aio.take_buffer()[..nng_aio_count(&aio)], b"hello");

    nng_stream_close(&ours);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0; 9].into()]), 0);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&ours, aio)), NNG_ECLOSED);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&theirs, aio)), NNG_ECONNSHUT);
    let kept = theirs.clone();
    nng_stream_free(theirs);
    nng_stream_free(ours);
    nng_stream_free(None);
    assert_eq!(run(&aio, |aio| nng_stream_recv(&kept, aio)), NNG_ECLOSED);
}

#[test]
fn dialers_and_listeners_answer_with_nngs_codes() {
    for (text, of_dialer, of_listener) in [
        ("not a URL", NNG_EINVAL, NNG_EINVAL),
        ("inproc://x", NNG_ENOTSUP, NNG_ENOTSUP),
        ("tcp://", NNG_EADDRINVAL, NNG_EADDRINVAL),
        ("tcp://*:5", NNG_EADDRINVAL, 0),
        ("ipc://", NNG_EADDRINVAL, NNG_EADDRINVAL),
    ] {
        let (mut dialer, mut listener) = (None, None);
        assert_eq!(nng_stream_dialer_alloc(&mut dialer, text), of_dialer, "{text}");
        assert_eq!(dialer.is_some(), of_dialer == 0);
        assert_eq!(nng_stream_listener_alloc(&mut listener, text), of_listener, "{text}");
        assert_eq!(listener.is_some(), of_listener == 0);
    }
    let mut made = None;
    assert_eq!(nng_stream_listener_alloc_url(&mut made, &url("http://h")), NNG_ENOTSUP);
    assert_eq!(nng_stream_listener_alloc_url(&mut made, &url("tcp://127.0.0.1:0")), 0);
    let listener = made.expect("it was made");
    let aio = silent();
    assert_eq!(run(&aio, |aio| nng_stream_listener_accept(&listener, aio)), NNG_ESTATE);
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    assert_eq!(nng_stream_listener_listen(&listener), NNG_ESTATE);
    let mut addr = nng_sockaddr::Unspecified;
    assert_eq!(nng_stream_listener_get_addr(&listener, NNG_OPT_LOCADDR, &mut addr), 0);
    nng_stream_listener_close(&listener);
    assert_eq!(run(&aio, |aio| nng_stream_listener_accept(&listener, aio)), NNG_ECLOSED);
    nng_stream_listener_free(listener);
    nng_stream_listener_free(None);

    let dialer = dialer(&format!("tcp://{}", nng_str_sockaddr(&addr)));
    assert_eq!(run(&aio, |aio| nng_stream_dialer_dial(&dialer, aio)), NNG_ECONNREFUSED);
    assert!(nng_aio_get_output::<nng_stream>(&aio, 0).is_none());
    nng_stream_dialer_close(&dialer);
    assert_eq!(run(&aio, |aio| nng_stream_dialer_dial(&dialer, aio)), NNG_ECLOSED);
    nng_stream_dialer_free(dialer);
    nng_stream_dialer_free(None);
}

#[test]
fn options_are_read_and_set_by_type() {
    let (listener, text) = tcp();
    let dialer = dialer(&text);
    let mut is_on = false;
    assert_eq!(nng_stream_dialer_get_bool(&dialer, NNG_OPT_TCP_NODELAY, &mut is_on), 0);
    assert!(is_on);
    assert_eq!(nng_stream_dialer_set_bool(&dialer, NNG_OPT_TCP_KEEPALIVE, true), 0);
    assert_eq!(nng_stream_listener_set_bool(&listener, NNG_OPT_TCP_NODELAY, false), 0);
    assert_eq!(nng_stream_listener_get_bool(&listener, NNG_OPT_TCP_NODELAY, &mut is_on), 0);
    assert!(!is_on);

    let from = nng_sockaddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
    let mut addr = nng_sockaddr::Unspecified;
    assert_eq!(nng_stream_dialer_set_addr(&dialer, NNG_OPT_LOCADDR, &from), 0);
    assert_eq!(nng_stream_dialer_get_addr(&dialer, NNG_OPT_LOCADDR, &mut addr), 0);
    assert_eq!(addr, from);
    let code = nng_stream_dialer_set_addr(&dialer, NNG_OPT_LOCADDR, &nng_sockaddr::Unspecified);
    assert_eq!(code, NNG_EADDRINVAL);
    assert_eq!(nng_stream_listener_set_addr(&listener, NNG_OPT_LOCADDR, &from), NNG_EREADONLY);

    let (ours, theirs) = streams(&listener, &dialer);
    assert_eq!(nng_stream_get_bool(&ours, NNG_OPT_TCP_KEEPALIVE, &mut is_on), 0);
    assert!(is_on);
    assert_eq!(nng_stream_get_bool(&theirs, NNG_OPT_TCP_NODELAY, &mut is_on), 0);
    assert!(!is_on);
    assert_eq!(nng_stream_set_bool(&theirs, NNG_OPT_TCP_NODELAY, true), 0);
    let mut other = nng_sockaddr::Unspecified;
    assert_eq!(nng_stream_get_addr(&ours, NNG_OPT_LOCADDR, &mut addr), 0);
    assert_eq!(nng_stream_get_addr(&theirs, NNG_OPT_REMADDR, &mut other), 0);
    assert_eq!(addr, other);
    assert_eq!(nng_stream_set_addr(&ours, NNG_OPT_LOCADDR, &from), NNG_EREADONLY);

    // Another type, nothing to read, nothing to set, nothing of that name.
    let mut number = 7;
    let code = nng_stream_listener_get_int(&listener, NNG_OPT_TCP_NODELAY, &mut number);
    assert_eq!((code, number), (NNG_EBADTYPE, 7));
    let code = nng_stream_dialer_get_int(&dialer, NNG_OPT_TCP_BOUND_PORT, &mut number);
    assert_eq!(code, NNG_ENOTSUP);
    assert_eq!(nng_stream_dialer_set_int(&dialer, NNG_OPT_TCP_NODELAY, 1), NNG_EBADTYPE);
    assert_eq!(nng_stream_listener_set_int(&listener, NNG_OPT_TCP_BOUND_PORT, 1), NNG_EREADONLY);
    assert_eq!(nng_stream_get_int(&ours, "no such option", &mut number), NNG_ENOTSUP);
    assert_eq!(nng_stream_set_int(&ours, NNG_OPT_TCP_KEEPALIVE, 1), NNG_EBADTYPE);
}

#[test]
fn unix_sockets_have_options_of_their_own() {
    let directory = Directory::new();
    let text = directory.url("ipc", "s");
    let listener = listener(&text);
    assert_eq!(nng_stream_listener_set_int(&listener, NNG_OPT_IPC_PERMISSIONS, 0o600), 0);
    assert_eq!(nng_stream_listener_set_int(&listener, NNG_OPT_IPC_PERMISSIONS, -1), NNG_EINVAL);
    let mut number = 0;
    let code = nng_stream_listener_get_int(&listener, NNG_OPT_IPC_PERMISSIONS, &mut number);
    assert_eq!(code, NNG_EWRITEONLY);
    assert_eq!(nng_stream_listener_listen(&listener), 0);
    let (ours, theirs) = streams(&listener, &dialer(&text));
    let mut id = 0;
    for end in [&ours, &theirs] {
        assert_eq!(nng_stream_get_uint64(end, NNG_OPT_PEER_PID, &mut id), 0);
        assert_eq!(id, u64::from(std::process::id()));
        assert_eq!(nng_stream_get_uint64(end, NNG_OPT_IPC_PEER_UID, &mut id), 0);
        assert_eq!(nng_stream_get_uint64(end, NNG_OPT_IPC_PEER_GID, &mut id), 0);
    }
    assert_eq!(nng_stream_set_uint64(&ours, NNG_OPT_PEER_UID, 0), NNG_EREADONLY);
}

/// Options of these types exist on other streams only; what is asked for in vain has its code, too.
#[test]
fn types_without_an_option_are_bad_types() {
    let (listener, text) = tcp();
    let dialer = dialer(&text);
    let (stream, _peer) = streams(&listener, &dialer);
    const NAME: &str = NNG_OPT_TCP_KEEPALIVE;
    let (mut ms, mut size, mut number, mut string) = (0, 0, 0, String::new());
    for code in [
        nng_stream_get_ms(&stream, NAME, &mut ms),
        nng_stream_set_ms(&stream, NAME, 1),
        nng_stream_get_size(&stream, NAME, &mut size),
        nng_stream_set_size(&stream, NAME, 1),
        nng_stream_get_string(&stream, NAME, &mut string),
        nng_stream_set_string(&stream, NAME, "yes"),
        nng_stream_dialer_get_ms(&dialer, NAME, &mut ms),
        nng_stream_dialer_set_ms(&dialer, NAME, 1),
        nng_stream_dialer_get_size(&dialer, NAME, &mut size),
        nng_stream_dialer_set_size(&dialer, NAME, 1),
        nng_stream_dialer_get_uint64(&dialer, NAME, &mut number),
        nng_stream_dialer_set_uint64(&dialer, NAME, 1),
        nng_stream_dialer_get_string(&dialer, NAME, &mut string),
        nng_stream_dialer_set_string(&dialer, NAME, "yes"),
        nng_stream_listener_get_ms(&listener, NAME, &mut ms),
        nng_stream_listener_set_ms(&listener, NAME, 1),
        nng_stream_listener_get_size(&listener, NAME, &mut size),
        nng_stream_listener_set_size(&listener, NAME, 1),
        nng_stream_listener_get_uint64(&listener, NAME, &mut number),
        nng_stream_listener_set_uint64(&listener, NAME, 1),
        nng_stream_listener_get_string(&listener, NAME, &mut string),
        nng_stream_listener_set_string(&listener, NAME, "yes"),
    ] {
        assert_eq!(code, NNG_EBADTYPE);
    }
}
