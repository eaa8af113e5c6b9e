//! The examples do what they say, as programs that somebody runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use directory::Directory;
use nng_aio::Aio;
use support::LIMIT;
use support::asking::{Server, ask, connect, field};
use support::host::Host;
use support::program::{Program, example, read_all, run};
use support::server::{fixed, read_until, serve};
use support::tls::{Authority, secure_server, server_config};

#[test]
fn hello_answers_get_and_head() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    let answer = ask(&mut stream, "GET /hello HTTP/1.1", &[], b"");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"Hello, World!"[..]));
    assert_eq!(field(&answer.head, "Content-Type"), Some("text/plain"));

    let answer = ask(&mut stream, "HEAD /hello HTTP/1.1", &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(field(&answer.head, "Content-Length"), Some("13"));

    let answer = ask(&mut stream, "GET /hello HTTP/1.1", &[], b"");
    assert_eq!(answer.body, b"Hello, World!", "the answer to HEAD had no body");
}

#[test]
fn echo_gives_back_up_to_a_mebibyte_and_refuses_more() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    for body in [&b""[..], b"\0binary\xff", &vec![b'x'; 1 << 20]] {
        let answer = ask(&mut stream, "POST /echo HTTP/1.1", &["Content-Type: a/b"], body);
        assert_eq!(answer.status, 200);
        assert_eq!(field(&answer.head, "Content-Type"), Some("a/b"));
        assert!(answer.body == body, "{} bytes come back", body.len());
    }
    let answer = ask(&mut stream, "POST /echo HTTP/1.1", &[], &vec![b'x'; (1 << 20) + 1]);
    assert_eq!(answer.status, 400);
}

#[test]
fn echo_takes_chunks() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    let request = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    assert!(read_until(&mut stream, "abcde").ends_with("\r\n\r\nabcde"));
}

#[test]
fn what_is_not_there_is_404_and_what_is_not_allowed_405() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    assert_eq!(ask(&mut stream, "GET / HTTP/1.1", &[], b"").status, 404);
    assert_eq!(ask(&mut stream, "GET /hello/x HTTP/1.1", &[], b"").status, 404);
    let answer = ask(&mut stream, "POST /hello HTTP/1.1", &[], b"");
    assert_eq!((answer.status, field(&answer.head, "Allow")), (405, Some("GET, HEAD")));
    let answer = ask(&mut stream, "GET /echo HTTP/1.1", &[], b"");
    assert_eq!((answer.status, field(&answer.head, "Allow")), (405, Some("POST")));
    let answer = ask(&mut stream, "GET /hello HTTP/1.1", &[], b"");
    assert_eq!(answer.status, 200, "the connection has stayed open");
}

#[test]
fn a_connection_closes_when_its_client_asks_for_it() {
    let server = Server::start(&[]);
    for (line, fields) in [
        ("GET /hello HTTP/1.1", &["Connection: close"][..]),
        ("GET /hello HTTP/1.0", &[]),
        ("GET /hello HTTP/1.0", &["Connection: keep-alive"]),
        ("HEAD /hello HTTP/1.1", &["connection: CLOSE"]),
    ] {
        let mut stream = server.connect();
        assert_eq!(ask(&mut stream, line, fields, b"").status, 200);
        assert_eq!(read_all(&mut stream), b"", "{line} {fields:?}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    let echo = |body| format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n{body}");
    let last = "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    stream.write_all((echo('1') + &echo('2') + &echo('3') + last).as_bytes()).unwrap();
    let answers = String::from_utf8(read_all(&mut stream)).unwrap();
    let bodies: Vec<_> = answers.split("\r\n\r\n").skip(1).collect();
    let begins = |at: usize, text: &str| bodies[at].starts_with(text);
    assert!(begins(0, "1") && begins(1, "2") && begins(2, "3"), "{answers}");
    assert_eq!(bodies[3], "Hello, World!");
}

#[test]
fn an_interrupt_ends_it_in_order_and_it_tells_what_it_has_served() {
    let server = Server::start(&[]);
    let mut one = server.connect();
    ask(&mut one, "GET /hello HTTP/1.1", &[], b"");
    ask(&mut one, "GET /nothing HTTP/1.1", &[], b"");
    let mut other = server.connect();
    ask(&mut other, "POST /echo HTTP/1.1", &[], b"x");
    server.program.interrupt();
    let (status, rest) = server.program.finish();
    assert!(status.success());
    assert_eq!(rest, ["Served 3 requests on 2 connections."]);
    assert_eq!(read_all(&mut one), b"", "open connections are closed");
}

#[test]
fn verbose_tells_the_result_of_each_response() {
    let server = Server::start(&["-v"]);
    let mut stream = server.connect();
    ask(&mut stream, "GET /hello HTTP/1.1", &[], b"");
    assert_eq!(server.program.line(), "GET /hello 200: result 0");
    ask(&mut stream, "POST /echo?x HTTP/1.1", &[], b"x");
    assert_eq!(server.program.line(), "POST /echo?x 200: result 0");
}

#[test]
fn a_response_that_cannot_be_sent_has_a_result_as_well() {
    let server = Server::start(&["-v"]);
    let mut stream = server.connect();
    // Asks, and takes no answers, until the buffers in between are full and the server waits.
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let body = vec![b'x'; 1 << 20];
    let head = format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = [head.as_bytes(), &body].concat();
    while stream.write_all(&request).is_ok() {}
    drop(stream);
    let line = loop {
        let line = server.program.line();
        if !line.ends_with(" 0") {
            break line;
        }
    };
    assert_eq!(line, "POST /echo 200: result 19", "the connection was reset");
}

#[test]
fn threads_can_be_limited() {
    let server = Server::start(&["--threads", "3"]);
    assert_eq!(ask(&mut server.connect(), "GET /hello HTTP/1.1", &[], b"").status, 200);
}

#[test]
fn the_line_that_it_prints_works() {
    let program = Program::start("http_server", &["127.0.0.1:0"]);
    let line = program.line();
    let (_, command) = line.split_once("try: ").unwrap();
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("curl"));
    // A machine without curl says nothing about the line.
    let Ok(output) = Command::new("curl").arg("--silent").args(words).output() else { return };
    assert_eq!(output.stdout, b"Hello, World!");
}

#[test]
fn help_says_what_there_is() {
    for name in [
        "http_server",
        "echo",
        "host_loop",
        "file_server",
        "rest",
        "proxy",
        "custom_operation",
        "http_client",
    ] {
        for option in ["-h", "--help"] {
            let output = run(name, &[option]);
            assert!(output.status.success());
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains(&format!("Usage: {name} [")), "{text}");
            assert!(text.contains("--help"), "{text}");
        }
    }
}

#[test]
fn bad_arguments_are_named_and_end_with_two() {
    for (name, arguments, complaint) in [
        ("http_server", &["--bogus"][..], "`--bogus`"),
        ("http_server", &["127.0.0.1:1", "127.0.0.1:2"], "`127.0.0.1:2`"),
        ("http_server", &["8080"], "`8080`"),
        ("http_server", &["http://127.0.0.1:0"], "`http://127.0.0.1:0`"),
        ("http_server", &["127.0.0.1:65536"], "`127.0.0.1:65536`"),
        ("http_server", &["--threads"], "--threads needs a number"),
        ("http_server", &["--threads", "2"], "`2`"),
        ("http_server", &["--threads", "many"], "`many`"),
        ("echo", &["127.0.0.1:0"], "`127.0.0.1:0` is no URL"),
        ("echo", &["tcp://127.0.0.1:0", "ipc:///x"], "`ipc:///x`"),
        ("echo", &["--verbose"], "`--verbose`"),
        ("host_loop", &["-x"], "`-x`"),
        ("host_loop", &["127.0.0.1"], "`127.0.0.1` is no host:port"),
        ("host_loop", &["127.0.0.1:1", "127.0.0.1:2"], "`127.0.0.1:2`"),
        ("custom_operation", &["--hlep"], "`--hlep`"),
        ("rest", &["127.0.0.1"], "`127.0.0.1` is no host:port"),
        ("rest", &["127.0.0.1:1/x"], "`127.0.0.1:1/x`"),
        ("rest", &["-x"], "`-x`"),
        ("rest", &["127.0.0.1:1", "127.0.0.1:2"], "`127.0.0.1:2`"),
        ("file_server", &["--list"], "`--list`"),
        ("file_server", &["a", "b"], "`b`"),
        ("file_server", &["--tls"], "--tls needs a file"),
        ("file_server", &["--listen"], "--listen needs an address"),
        ("file_server", &["--listen", "8080"], "`8080`"),
    ] {
        let output = run(name, arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name} {arguments:?}: {text}");
        assert!(text.starts_with(&format!("{name}: ")) && text.contains(complaint), "{text}");
        assert!(text.contains("--help"), "{text}");
    }
}

#[test]
fn an_address_that_is_taken_is_named_and_ends_with_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (name, argument) in [
        ("http_server", addr.clone()),
        ("echo", format!("tcp://{addr}")),
        ("host_loop", addr.clone()),
    ] {
        let output = run(name, &[&argument]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&addr) && text.contains("Address in use"), "{text}");
    }
}

#[test]
fn echo_serves_tcp() {
    let program = Program::start("echo", &["tcp://127.0.0.1:0"]);
    let line = program.line();
    let stream = connect(line.strip_prefix("Listening on ").unwrap());
    // Any stream socket will do under that type.
    assert_echoes(&UnixStream::from(OwnedFd::from(stream)));
    program.interrupt();
    assert!(program.finish().0.success());
}

#[test]
fn echo_serves_unix_sockets_and_removes_their_file() {
    let path = std::env::temp_dir().join(format!("nng-echo-{}", std::process::id()));
    let program = Program::start("echo", &[&format!("ipc://{}", path.display())]);
    program.line();
    let stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    assert_echoes(&stream);
    program.interrupt();
    assert!(program.finish().0.success());
    assert!(!path.exists());
}

/// Sends more than the buffers in between hold, and gets it back.
fn assert_echoes(stream: &UnixStream) {
    let sent: Vec<u8> = (0_u8..251).cycle().take(8 << 20).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = stream;
            writer.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let mut reader = stream;
        assert!(read_all(&mut reader) == sent);
    });
}

#[test]
fn an_operation_of_ones_own_ends_in_each_way() {
    let output = run("custom_operation", &[]);
    assert!(output.status.success());
    let expected = "picked up: a parcel that was there\n\
        picked up: a parcel that came later\n\
        picked up nothing: Operation canceled (20)\n\
        picked up nothing: Timed out (5)\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn a_host_serves_what_was_typed_last() {
    let mut program = Program::start("host_loop", &[]);
    let line = program.line();
    let addr = line.strip_prefix("Serving on http://").unwrap().split(',').next().unwrap();
    let mut stream = connect(addr);
    let mut page = || ask(&mut stream, "GET / HTTP/1.1", &[], b"").body;
    assert_eq!(page(), b"nothing yet\n");
    program.input().as_mut().unwrap().write_all(b"one\ntwo\nthr").unwrap();
    while page() != b"two\n" {}
    program.input().as_mut().unwrap().write_all(b"ee\n").unwrap();
    while page() != b"three\n" {}
    *program.input() = None;
    assert!(program.finish().0.success());
    assert_eq!(read_all(&mut stream), b"");
}

/// Runs the HTTP client; returns its exit code, its output and what it complains of.
fn client(arguments: &[&str]) -> (i32, String, String) {
    let output = run("http_client", arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Answers one request after the other with these, each a status, whole fields and a body.
fn answering(answers: Vec<(u16, String, &'static str)>) -> (String, std::thread::JoinHandle<()>) {
    let host = Host::new();
    let name = host.name();
    let thread = std::thread::spawn(move || {
        let mut peer = None;
        for (status, fields, body) in answers {
            peer.get_or_insert_with(|| host.accept()).answer(status, &fields, body);
            peer = peer.filter(|_| !fields.contains("close"));
        }
    });
    (name, thread)
}

#[test]
fn the_client_fetches_from_the_server() {
    let server = Server::start(&[]);
    let url = format!("http://{}/hello", server.addr);
    let (code, output, complaint) = client(&[&url]);
    assert_eq!((code, output.as_str(), complaint.as_str()), (0, "Hello, World!", ""));

    let directory = Directory::new();
    let path = directory.join("hello");
    let (code, output, complaint) = client(&["-o", path.to_str().unwrap(), &url]);
    assert_eq!((code, output.as_str(), complaint.as_str()), (0, "", ""));
    assert_eq!(std::fs::read(&path).unwrap(), b"Hello, World!");
}

#[test]
fn the_client_takes_large_bodies_in_chunks() {
    let host = Host::new();
    let url = host.url("/large").to_string();
    let thread = std::thread::spawn(move || {
        let mut peer = host.accept();
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..100 {
            peer.send(format!("10000\r\n{}\r\n", "x".repeat(0x10000)));
        }
        peer.send("0\r\n\r\n");
    });
    let (code, output, _) = client(&[&url]);
    assert_eq!((code, output.len()), (0, 100 << 16));
    thread.join().unwrap();
}

#[test]
fn the_client_shows_on_a_terminal_how_far_it_is() {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let terminal = openpt(flags).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let its_end = ioctl_tiocgptpeer(&terminal, flags).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut child = Command::new(example("http_client"))
        .arg(&url)
        .stdout(std::process::Stdio::piped())
        .stderr(its_end)
        .spawn()
        .unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    read_until(&mut peer, "\r\n\r\n");
    peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n").unwrap();
    // It shows something at most ten times a second, so that there is to be more than that.
    let pause = Aio::without_callback();
    let mut shown = Vec::new();
    let mut left = 3000;
    let mut terminal = std::fs::File::from(terminal);
    while left > 0 {
        pause.sleep(Duration::from_millis(150));
        pause.wait();
        peer.write_all(&[b'x'; 1000]).unwrap();
        left -= 1000;
    }
    // A terminal that nobody has open any more is an error.
    let mut room = [0; 256];
    while let Ok(count @ 1..) = terminal.read(&mut room) {
        shown.extend_from_slice(&room[..count]);
    }
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains(" of 2.9 KiB"), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[K"), "and it is gone in the end: {shown:?}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_client_follows_redirects_if_told_to() {
    let (name, thread) =
        answering(vec![(302, "Location: /b\r\n".to_owned(), ""), (200, String::new(), "there")]);
    let (code, output, complaint) = client(&["-L", &format!("http://{name}/a")]);
    assert_eq!((code, output.as_str(), complaint.as_str()), (0, "there", ""));
    thread.join().unwrap();

    let (name, thread) = answering(vec![(302, "Location: /b\r\n".to_owned(), "moved")]);
    let (code, output, complaint) = client(&[&format!("http://{name}/a")]);
    assert_eq!((code, output.as_str()), (3, "moved"));
    assert!(complaint.contains("302") && complaint.contains("/b, where -L goes"), "{complaint}");
    thread.join().unwrap();
}

#[test]
fn the_client_says_what_went_wrong() {
    let server = Server::start(&[]);
    let (code, output, complaint) = client(&[&format!("http://{}/nothing", server.addr)]);
    assert_eq!(code, 3);
    assert!(output.contains("404") && complaint.contains("404 Not Found"), "{complaint}");

    let name = Host::new().name();
    let (code, _, complaint) = client(&[&format!("http://{name}/")]);
    assert_eq!(code, 1);
    assert!(complaint.ends_with(": nobody listens there\n"), "{complaint}");

    let host = Host::new();
    let url = host.url("/").to_string();
    let thread = std::thread::spawn(move || {
        let mut peer = host.accept();
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    });
    let directory = Directory::new();
    let path = directory.join("half");
    let (code, _, complaint) = client(&["--output", path.to_str().unwrap(), &url]);
    assert_eq!(code, 1);
    assert!(complaint.contains("too early"), "{complaint}");
    assert!(!path.exists(), "half a file is none");
    thread.join().unwrap();

    let (url, thread) = answering(vec![(200, String::new(), "body")]);
    let (code, _, complaint) = client(&["-o", "/no/such/file", &format!("http://{url}/")]);
    assert_eq!((code, complaint.contains("cannot write /no/such/file")), (1, true), "{complaint}");
    thread.join().unwrap();

    let (code, _, complaint) = client(&["--cacert", "/no/such/file", "https://127.0.0.1/"]);
    assert_eq!((code, complaint.contains("/no/such/file")), (1, true), "{complaint}");
}

#[test]
fn the_client_believes_those_it_is_told_to() {
    let authority = Authority::new("root");
    let tls = server_config(&authority.issue(&["127.0.0.1"]));
    let server = secure_server(&tls, nng_oxide::http::ServerConfig::default());
    serve(&server, [fixed("/", "secret")]);
    let url = format!("https://{}/", server.addr());
    let (code, _, complaint) = client(&[&url]);
    assert_eq!(code, 1);
    assert!(complaint.contains("cannot prove who it is"), "{complaint}");
    let directory = Directory::new();
    let path = directory.join("root.pem");
    std::fs::write(&path, &authority.cert).unwrap();
    let (code, output, complaint) = client(&["--cacert", path.to_str().unwrap(), &url]);
    assert_eq!((code, &*output), (0, "secret"), "{complaint}");
}

#[test]
fn the_client_explains_its_command_line() {
    let (code, output, complaint) = client(&["--help"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(output.contains("Usage: http_client"));
    for arguments in [
        &[][..],
        &["-x"],
        &["http://h", "http://h"],
        &["h"],
        &["-o"],
        &["http://"],
        &["ipc:///x"],
        &["ftp://h/"],
        &["--timeout", "0", "http://h"],
        &["--timeout"],
    ] {
        let (code, output, complaint) = client(arguments);
        assert_eq!((code, output.as_str()), (2, ""), "{arguments:?}");
        assert!(complaint.ends_with("; --help says more\n"), "{complaint}");
    }
}

#[test]
fn files_of_a_directory_are_served_and_nothing_else() {
    let directory = Directory::new();
    std::fs::create_dir(directory.join("sub")).unwrap();
    std::fs::write(directory.join("sub/a.txt"), "text").unwrap();
    let path = directory.join("");
    for (options, listed) in [(&["--listing"][..], true), (&[], false)] {
        let arguments = [options, &["--listen", "127.0.0.1:0", path.to_str().unwrap()]].concat();
        let program = Program::start("file_server", &arguments);
        let line = program.line();
        let (_, command) = line.split_once("http://").unwrap();
        let mut stream = connect(command.split('/').next().unwrap());
        let mut get = |path: &str| ask(&mut stream, &format!("GET {path} HTTP/1.1"), &[], b"");
        assert_eq!(get("/sub/a.txt").body, b"text");
        assert_eq!(get("/../etc/passwd").status, 404);
        let list = get("/sub/");
        assert_eq!(list.status, if listed { 200 } else { 404 });
        let has_name = String::from_utf8_lossy(&list.body).contains("<a href=\"./a.txt\">");
        assert_eq!(has_name, listed);
        program.interrupt();
        let (status, rest) = program.finish();
        assert!(status.success());
        assert_eq!(rest, ["Served 3 requests."]);
        assert_eq!(read_all(&mut stream), b"");
    }
}

#[test]
fn files_are_served_over_tls() {
    let authority = Authority::new("root");
    let credentials = authority.issue(&["127.0.0.1"]);
    let directory = Directory::new();
    std::fs::write(directory.join("server.pem"), credentials.cert + &credentials.key).unwrap();
    std::fs::write(directory.join("root.pem"), &authority.cert).unwrap();
    let [pem, root, path] = ["server.pem", "root.pem", ""].map(|name| directory.join(name));
    let [pem, root, path] = [&pem, &root, &path].map(|path| path.to_str().unwrap());
    let program = Program::start("file_server", &["--tls", pem, "--listen", "127.0.0.1:0", path]);
    let line = program.line();
    let (_, url) = line.split_once(" on ").unwrap();
    let url = url.split(',').next().unwrap().to_owned() + "root.pem";
    let (code, output, complaint) = client(&["--cacert", root, &url]);
    assert_eq!((code, &*output), (0, &*authority.cert), "{complaint}");
    let output = run("file_server", &["--tls", root, path]);
    assert_eq!(output.status.code(), Some(1), "there is no key in it");
}

#[test]
fn notes_are_kept_in_json() {
    let program = Program::start("rest", &["127.0.0.1:0"]);
    let line = program.line();
    let addr = line.strip_prefix("Serving on http://").unwrap().split(',').next().unwrap();
    let mut stream = connect(addr);
    let table = [
        ("POST /notes", r#"{"text":"one"}"#, 201, r#"{"id":1,"text":"one"}"#),
        ("POST /notes/", r#"{"text":"two"}"#, 201, r#"{"id":2,"text":"two"}"#),
        ("GET /notes/1", "", 200, r#"{"id":1,"text":"one"}"#),
        ("PUT /notes/1", r#"{"text":"\u00e9"}"#, 200, "{\"id\":1,\"text\":\"\u{e9}\"}"),
        ("DELETE /notes/2", "", 204, ""),
        ("GET /notes", "", 200, "[{\"id\":1,\"text\":\"\u{e9}\"}]"),
        ("GET /notes/2", "", 404, r#"{"error":"there is no such note"}"#),
        ("GET /notes/x", "", 404, r#"{"error":"there is nothing here"}"#),
        ("PATCH /notes/1", "", 405, r#"{"error":"here one can GET, HEAD, PUT, DELETE"}"#),
    ];
    for (line, body, status, expected) in table {
        let answer = ask(&mut stream, &format!("{line} HTTP/1.1"), &[], body.as_bytes());
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(String::from_utf8_lossy(&answer.body), expected, "{line}");
    }
    for body in ["", "{", "[]", "{}", r#"{"text":1}"#, r#"{"text":"","more":1}"#] {
        let answer = ask(&mut stream, "POST /notes HTTP/1.1", &[], body.as_bytes());
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.starts_with(b"{\"error\":\"the body is no note: "), "{body}");
    }
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(4096));
    let answer = ask(&mut stream, "POST /notes HTTP/1.1", &[], long.as_bytes());
    assert_eq!(answer.status, 413);
    assert!(answer.body.starts_with(b"{\"error\":\"a note has 4096 bytes"));
    program.interrupt();
    assert!(program.finish().0.success());
}

#[test]
fn what_is_no_directory_is_named_and_ends_with_one() {
    let output = run("file_server", &["/no/such/directory"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("`/no/such/directory`"), "{text}");
}
