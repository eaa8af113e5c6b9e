//! The proxy among the examples, between clients and servers of all kinds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::Duration;

use nng_aio::Aio;
use support::LIMIT;
use support::asking::{Server, ask, connect, field};
use support::program::{Program, read_all, run};
use support::server::{read_until, status};

/// The proxy on a port of its own, in front of `upstream`.
fn proxy(upstream: &str, options: &[&str]) -> (Program, String) {
    let url = format!("http://{upstream}");
    let arguments = [options, &["--listen", "127.0.0.1:0", &url]].concat();
    let program = Program::start("proxy", &arguments);
    let line = program.line();
    let addr = line.rsplit_once("http://").unwrap().1.trim_end_matches('/').to_owned();
    (program, addr)
}

#[test]
fn the_proxy_brings_requests_there_and_responses_back() {
    let server = Server::start(&[]);
    let (program, addr) = proxy(&server.addr, &["-v"]);
    let mut stream = connect(&addr);
    let answer = ask(&mut stream, "GET /hello HTTP/1.1", &["X: y"], b"");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"Hello, World!"[..]));
    assert_eq!(field(&answer.head, "Via"), Some("1.1 nng-oxide"));
    let answer = ask(&mut stream, "HEAD /hello HTTP/1.1", &[], b"");
    assert_eq!((answer.status, field(&answer.head, "Content-Length")), (200, Some("13")));
    for body in [&b"x"[..], &vec![b'x'; 1 << 20]] {
        let answer = ask(&mut stream, "POST /echo HTTP/1.1", &["Content-Type: a/b"], body);
        assert_eq!(field(&answer.head, "Content-Type"), Some("a/b"));
        assert!(answer.status == 200 && answer.body == body, "{} bytes", body.len());
    }
    let chunked = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    stream.write_all(chunked.as_bytes()).unwrap();
    assert!(read_until(&mut stream, "abcde").ends_with("\r\n\r\nabcde"));
    let answer = ask(&mut stream, "PUT /nowhere HTTP/1.1", &[], b"body");
    assert_eq!(answer.status, 404);
    // The server may have answered before the proxy had read the body; then that connection is over.
    let mut stream = connect(&addr);
    let absolute = ask(&mut stream, "GET http://elsewhere/hello HTTP/1.1", &[], b"");
    assert_eq!(absolute.status, 200);
    // What `Connection` must not name stays.
    let named = ["Connection: Content-Length, Host", "Content-Type: a/b"];
    let answer = ask(&mut stream, "POST /echo HTTP/1.1", &named, b"body");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"body"[..]));
    let old = ask(&mut stream, "GET /hello HTTP/1.0", &[], b"");
    assert_eq!(old.status, 200);
    let first = program.line();
    assert!(first.contains(" GET /hello 200 "), "{first}");
}

#[test]
fn the_proxy_says_who_asked_and_keeps_what_is_between_neighbours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let (_program, addr) = proxy(&upstream, &[]);
    let mut stream = connect(&addr);
    let fields = ["Connection: keep-alive, X-Own", "X-Own: 1", "TE: trailers", "X-Else: 2"];
    stream
        .write_all(
            format!("GET /a?b HTTP/1.1\r\nHost: h\r\n{}\r\n\r\n", fields.join("\r\n")).as_bytes(),
        )
        .unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    let head = read_until(&mut peer, "\r\n\r\n");
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\nHost: h\r\n"), "{head}");
    assert_eq!(field(&head, "X-Forwarded-For"), Some("127.0.0.1"));
    assert_eq!((field(&head, "X-Else"), field(&head, "Via")), (Some("2"), Some("1.1 nng-oxide")));
    for gone in ["Connection", "X-Own", "TE"] {
        assert_eq!(field(&head, gone), None, "{head}");
    }
    let answer =
        "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n";
    peer.write_all(answer.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "X: y\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 Fine\r\n"), "{answer}");
    assert!(answer.ends_with("2\r\nhi\r\n0\r\nX: y\r\n\r\n"), "{answer}");
}

#[test]
fn the_proxy_answers_for_a_server_that_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let (_program, addr) = proxy(&upstream, &["--timeout", "1"]);
    let mut stream = connect(&addr);
    assert_eq!(ask(&mut stream, "GET / HTTP/1.1", &[], b"").status, 504);
    // Also if it takes nothing of the body.
    let mut stuck = connect(&addr);
    stuck.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n").unwrap();
    let mut source = stuck.try_clone().unwrap();
    let pusher = std::thread::spawn(move || while source.write_all(&[b'x'; 1 << 16]).is_ok() {});
    assert_eq!(status(&read_until(&mut stuck, "\r\n\r\n")), 504);
    drop(stuck.shutdown(Shutdown::Both));
    pusher.join().unwrap();
    // Also if it has taken the whole body. How long that took does not count.
    stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nh").unwrap();
    let pause = Aio::without_callback();
    pause.sleep(Duration::from_millis(1500));
    pause.wait();
    stream.write_all(b"i").unwrap();
    assert_eq!(status(&read_until(&mut stream, "\r\n\r\n")), 504);
    // Malformed chunks are the client's own doing.
    let mut stream = connect(&addr);
    let bad = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n";
    stream.write_all(bad.as_bytes()).unwrap();
    assert_eq!(status(&read_until(&mut stream, "\r\n\r\n")), 400);
    // Nobody listens there, on any sensible machine.
    let (_program, addr) = proxy("127.0.0.1:1", &[]);
    let mut stream = connect(&addr);
    assert_eq!(ask(&mut stream, "GET / HTTP/1.1", &[], b"").status, 502);
}

#[test]
fn the_proxy_passes_on_what_there_is_of_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let (_program, addr) = proxy(&upstream, &[]);
    let accept = || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        let head = read_until(&mut peer, "\r\n\r\n");
        (peer, head)
    };
    // The head, before there is a body; and an end that comes too early.
    let mut stream = connect(&addr);
    stream.write_all(b"GET http://a.example/x HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let (mut peer, head) = accept();
    assert!(head.starts_with("GET /x HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "Host"), Some("a.example"));
    peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").unwrap();
    assert_eq!(status(&read_until(&mut stream, "\r\n\r\n")), 200);
    peer.write_all(b"ab").unwrap();
    drop(peer);
    assert_eq!(read_all(&mut stream), b"ab", "and the end of the connection");
    // An answer before the body: it comes back, and the server need not take the rest.
    let mut stream = connect(&addr);
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\nsome")
        .unwrap();
    let (mut peer, _) = accept();
    peer.write_all(b"HTTP/1.1 413 Enough\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(status(&read_until(&mut stream, "\r\n\r\n")), 413);
    // Also if its connection breaks by that, and however long the answer is.
    let mut stream = connect(&addr);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n").unwrap();
    let mut source = stream.try_clone().unwrap();
    let pusher = std::thread::spawn(move || while source.write_all(&[b'x'; 1 << 16]).is_ok() {});
    let (mut peer, _) = accept();
    peer.write_all(b"HTTP/1.1 413 Enough\r\nContent-Length: 30000\r\n\r\n").unwrap();
    assert_eq!(status(&read_until(&mut stream, "\r\n\r\n")), 413);
    peer.write_all(&[b'a'; 30_000]).unwrap();
    // It closes with much unread, as soon as the proxy has what it says.
    let mut body = vec![0; 30_000];
    stream.read_exact(&mut body[..1]).unwrap();
    drop(peer);
    stream.read_exact(&mut body[1..]).unwrap();
    assert!(body.iter().all(|&byte| byte == b'a'));
    drop(stream.shutdown(Shutdown::Both));
    pusher.join().unwrap();
    // What cannot be passed on.
    for answer in [
        "HTTP/1.1 101 X\r\n\r\n",
        "HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "x\r\n",
    ] {
        let mut stream = connect(&addr);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let (mut peer, _) = accept();
        peer.write_all(answer.as_bytes()).unwrap();
        assert_eq!(status(&read_until(&mut stream, "\r\n\r\n")), 502, "{answer}");
    }
}

#[test]
fn the_proxy_explains_its_command_line() {
    for (arguments, complaint) in [
        (&[][..], "a URL is missing"),
        (&["ftp://h"], "`ftp://h` is no http URL"),
        (&["http://h/base"], "`http://h/base` has a path"),
        (&["http://h", "x"], "`x` is one argument too many"),
        (&["--timeout", "0", "http://h"], "`0` is no number of seconds"),
        (&["--listen", "nowhere", "http://h"], "`nowhere` is no host:port"),
        (&["--what"], "there is no `--what`"),
    ] {
        let output = run("proxy", arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(errors.contains(complaint), "{errors}");
    }
}
