//! Clients that others have written: curl; those of Python, its own and the usual ones; that of node;
//! wrk, which asks as fast as it can; nginx as a proxy.
//!
//! A test whose client is not installed says so and does nothing.

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use directory::Directory;
use nng_oxide::http::{Handler, Response, Server, ServerConfig};
use support::foreign::{self, has, has_module, run};
use support::server::{fixed, handler, respond, running, serve};
use support::{LIMIT, pattern};

/// Bytes in a large body.
const LARGE: usize = 1 << 20;

/// A server with pages to get and an echo.
fn server() -> Server {
    let mut config = ServerConfig::default();
    // However slow the machine is, nobody is cut off while it still sends.
    config.linger_timeout = Some(LIMIT);
    let server = running(config);
    let large: Arc<[u8]> = pattern(LARGE).into();
    let echo = |method| {
        handler(method, "/echo", |exchange| {
            let body = exchange.request().body().to_vec();
            respond(exchange, body);
        })
    };
    let later = handler("GET", "/later", |exchange| {
        thread::spawn(move || respond(exchange, "late"));
    });
    let large = handler("GET", "/large", move |exchange| {
        let mut response = Response::new();
        response.set_body(Arc::clone(&large));
        exchange.respond(response);
    });
    serve(&server, [echo("POST"), echo("PUT"), later, large, fixed("/page", "page\n")]);
    server
}

/// Runs curl with these arguments, in which `URL` stands for that of the server; returns its output.
fn curl(server: &Server, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    curl_at(server.addr().to_inet().expect("it has started"), arguments, input)
}

/// As [`curl`], with the address of whoever answers for the server.
fn curl_at(addr: SocketAddr, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let url = format!("http://{addr}");
    let arguments = arguments.iter().map(|argument| argument.replace("URL", &url));
    run(foreign::curl().args(arguments), input).stdout
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it is text")
}

#[test]
fn curl_uses_a_connection_again() {
    if !has("curl") {
        return;
    }
    let server = server();
    let format = "%{http_code} %{num_connects}\n";
    let arguments = ["--write-out", format, "URL/page", "URL/later", "URL/nowhere", "URL/page"];
    let output = text(curl(&server, &arguments, b""));
    assert!(output.starts_with("page\n200 1\nlate200 0\n<!DOCTYPE html>"), "{output}");
    assert!(output.ends_with("404 0\npage\n200 0\n"), "{output}");
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn curl_sees_connections_close() {
    if !has("curl") {
        return;
    }
    let server = server();
    let format = "%{http_code} %{num_connects}\n";
    for arguments in
        [["--http1.0", "--header", "X: x"], ["--http1.1", "--header", "Connection: close"]]
    {
        let rest = ["--include", "--write-out", format, "URL/page", "URL/page"];
        let output = text(curl(&server, &[&arguments[..], &rest].concat(), b""));
        assert_eq!(output.matches("Connection: close\r\n").count(), 2, "{output}");
        assert_eq!(output.matches("page\n200 1\n").count(), 2, "{output}");
    }
}

#[test]
fn curl_gets_large_bodies_and_sends_them() {
    if !has("curl") {
        return;
    }
    let (server, body) = (server(), pattern(LARGE));
    assert!(curl(&server, &["URL/large"], b"") == body);
    for arguments in [
        // With a length, and large enough for curl to ask whether it is welcome.
        &["--data-binary", "@-", "URL/echo"][..],
        &["--data-binary", "@-", "--header", "Expect: 100-continue", "URL/echo"],
        &["--data-binary", "@-", "--header", "Expect:", "URL/echo"],
        // In chunks.
        &["--upload-file", "-", "URL/echo"],
        &["--upload-file", "-", "--header", "Expect: 100-continue", "URL/echo"],
        &["--data-binary", "@-", "--header", "Transfer-Encoding: chunked", "URL/echo"],
    ] {
        assert!(curl(&server, arguments, &body) == body, "{arguments:?}");
    }
}

#[test]
fn curl_gets_parts_of_files_and_goes_on_where_it_stopped() {
    if !has("curl") {
        return;
    }
    let (server, directory, body) = (server(), Directory::new(), pattern(LARGE));
    fs::create_dir(directory.join("files")).expect("the directory is ours");
    fs::write(directory.join("files/large.bin"), &body).expect("there is room");
    serve(&server, [Handler::directory("/d", directory.join("files"))]);
    for (range, status, part) in [
        ("0-0", "206", &body[..1]),
        ("5-9", "206", &body[5..10]),
        ("1000000-", "206", &body[1_000_000..]),
        ("1000000-99999999", "206", &body[1_000_000..]),
        ("-7", "206", &body[LARGE - 7..]),
        ("-99999999", "206", &body[..]),
        // Several parts are everything.
        ("0-0,5-9", "200", &body[..]),
    ] {
        let arguments = ["--range", range, "--write-out", "%{http_code}", "URL/d/large.bin"];
        assert!(curl(&server, &arguments, b"") == [part, status.as_bytes()].concat(), "{range}");
    }
    let arguments = ["--range", "99999999-", "--write-out", "%{http_code}", "URL/d/large.bin"];
    assert!(curl(&server, &arguments, b"").ends_with(b"416"));

    let copy = directory.join("copy");
    let path = copy.to_str().expect("it is text");
    for len in [0, 1, 1000, LARGE - 1] {
        fs::write(&copy, &body[..len]).expect("there is room");
        let status = ["--write-out", "%{http_code} %{size_download}"];
        let arguments = ["--continue-at", "-", "--output", path, "URL/d/large.bin"];
        let output = text(curl(&server, &[&status[..], &arguments].concat(), b""));
        let expected = if len == 0 { 200 } else { 206 };
        assert_eq!(output, format!("{expected} {}", LARGE - len));
        assert!(fs::read(&copy).expect("it is there") == body, "{len}");
    }
}

#[test]
fn curl_is_told_what_is_wrong() {
    if !has("curl") {
        return;
    }
    let server = server();
    let format = "%{http_code} %{size_download}\n";
    let output = text(curl(
        &server,
        &["--head", "--write-out", format, "URL/page", "URL/nowhere", "URL/echo"],
        b"",
    ));
    for expected in ["200 0\n", "404 0\n", "405 0\n", "Allow: POST, PUT\r\n"] {
        assert!(output.contains(expected), "{output}");
    }
    assert!(output.contains("Content-Length: 5\r\n"), "{output}");
    let too_large = pattern(LARGE + 1);
    let arguments = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    for end in [["--data-binary", "@-", "URL/echo"], ["--upload-file", "-", "URL/echo"]] {
        let output = text(curl(&server, &[&arguments[..], &end].concat(), &too_large));
        assert_eq!(output, "400", "{end:?}");
    }
}

/// Runs a Python program that finds the server at `host` and `port`, and a large body in `body`.
fn python(server: &Server, program: &str) {
    let addr = server.addr().to_inet().expect("it has started").to_string();
    let head = "import sys, socket, http.client\n\
                (host, port), body = sys.argv[1].split(':'), sys.stdin.buffer.read()\n\
                def connect():\n\
                \x20   return http.client.HTTPConnection(host, int(port), timeout=60)\n";
    let mut command = Command::new("python3");
    run(command.args(["-c", &(head.to_owned() + program), &addr]), &pattern(LARGE));
}

#[test]
fn python_uses_a_connection_again() {
    if !has("python3") {
        return;
    }
    let server = server();
    python(
        &server,
        "
conn = connect()
def ask(*request, **more):
    conn.request(*request, **more)
    sock = conn.sock
    response = conn.getresponse()
    answer = response.status, response.read()
    assert conn.sock is sock and sock, 'it stays open'
    return answer, response
for _ in range(3):
    assert ask('GET', '/page')[0] == (200, b'page\\n')
    assert ask('GET', '/later')[0] == (200, b'late')
    assert ask('GET', '/large')[0] == (200, body)
    assert ask('POST', '/echo', body)[0] == (200, body)
    assert ask('PUT', '/echo', b'')[0] == (200, b'')
    chunks = (body[at:at + 10000] for at in range(0, len(body), 10000))
    assert ask('POST', '/echo', chunks, encode_chunked=True)[0] == (200, body)
    assert ask('GET', '/nowhere')[0][0] == 404
    assert ask('POST', '/nowhere', b'x' * 60000)[0][0] == 404
    answer, response = ask('HEAD', '/page')
    assert answer == (200, b'') and response.headers['Content-Length'] == '5'
    answer, response = ask('HEAD', '/nowhere')
    assert answer == (404, b'') and int(response.headers['Content-Length']) > 0
    answer, response = ask('DELETE', '/echo')
    assert answer[0] == 405 and response.headers['Allow'] == 'POST, PUT'
    assert response.headers['Date'].endswith(' GMT')
",
    );
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn python_sees_connections_close() {
    if !has("python3") {
        return;
    }
    let server = server();
    python(
        &server,
        "
for version, fields in (11, {'Connection': 'close'}), (10, {}), (10, {'Connection': 'keep-alive'}):
    conn = connect()
    conn._http_vsn, conn._http_vsn_str = version, 'HTTP/%d.%d' % divmod(version, 10)
    conn.request('GET', '/large', headers=fields)
    response = conn.getresponse()
    assert response.will_close and response.headers['Connection'] == 'close'
    assert response.read() == body
conn = connect()
conn.request('POST', '/nowhere', body)
response = conn.getresponse()
assert response.status == 404 and response.headers['Connection'] == 'close'
",
    );
}

#[test]
fn python_sends_bursts_and_ends_its_side() {
    if !has("python3") {
        return;
    }
    let server = server();
    python(
        &server,
        "
def answers(text, count):
    stream = socket.create_connection((host, int(port)), 60)
    stream.sendall(text)
    stream.shutdown(socket.SHUT_WR)
    found = []
    for _ in range(count):
        response = http.client.HTTPResponse(stream)
        response.fp.close()
        response.fp = reader(stream)
        response.begin()
        found.append((response.status, response.read()))
    assert readers[stream].read() == b'', 'nothing more comes'
    return found
readers = {}
class Kept:
    def __init__(self, file): self.file = file
    def __getattr__(self, name): return getattr(self.file, name)
    def close(self): pass
def reader(stream):
    if stream not in readers: readers[stream] = stream.makefile('rb')
    return Kept(readers[stream])
get = b'GET /%s HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n'
post = b'POST /echo HTTP/1.1\\r\\nHost: h\\r\\nContent-Length: %d\\r\\n\\r\\n%s'
burst = [get % b'page', get % b'later', post % (5, b'hello'), get % b'large', get % b'page']
expected = [b'page\\n', b'late', b'hello', body, b'page\\n']
assert answers(b''.join(burst), 5) == [(200, text) for text in expected]
assert answers(b''.join(burst) * 50, 250) == [(200, text) for text in expected * 50]
assert answers(post % (len(body), body), 1) == [(200, body)]
",
    );
    assert_eq!(server.stats().accepted, 3);
}

#[test]
fn requests_works() {
    if !has_module("requests") {
        return;
    }
    let server = server();
    python(
        &server,
        "
import requests
base = f'http://{host}:{port}'
session = requests.Session()
session.trust_env = False
def ask(method, path, **more):
    response = session.request(method, base + path, timeout=60, **more)
    return response.status_code, response.content
for _ in range(3):
    assert ask('GET', '/page') == (200, b'page\\n')
    assert ask('GET', '/later') == (200, b'late')
    assert ask('GET', '/large') == (200, body)
    assert ask('POST', '/echo', data=body) == (200, body)
    chunks = (body[at:at + 10000] for at in range(0, len(body), 10000))
    assert ask('PUT', '/echo', data=chunks) == (200, body)
    assert ask('HEAD', '/page') == (200, b'')
    assert ask('GET', '/nowhere')[0] == 404
with session.get(base + '/large', stream=True, timeout=60) as response:
    assert b''.join(response.iter_content(1000)) == body
",
    );
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn aiohttp_works_many_times_at_once() {
    if !has_module("aiohttp") {
        return;
    }
    let server = server();
    python(
        &server,
        "
import aiohttp, asyncio
async def main():
    limit = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(f'http://{host}:{port}', timeout=limit) as session:
        async def ask(method, path, **more):
            async with session.request(method, path, **more) as response:
                return response.status, await response.read()
        async def chunks():
            for at in range(0, len(body), 10000):
                yield body[at:at + 10000]
        async def all():
            assert await ask('GET', '/page') == (200, b'page\\n')
            assert await ask('GET', '/later') == (200, b'late')
            assert await ask('GET', '/large') == (200, body)
            assert await ask('POST', '/echo', data=body) == (200, body)
            assert await ask('PUT', '/echo', data=chunks()) == (200, body)
            assert await ask('HEAD', '/page') == (200, b'')
            assert (await ask('GET', '/nowhere'))[0] == 404
        await asyncio.gather(*(all() for _ in range(8)))
asyncio.run(main())
",
    );
}

#[test]
fn the_fetch_of_node_works() {
    if !has("node") {
        return;
    }
    let server = server();
    let program = "
const assert = require('node:assert');
const base = 'http://' + process.argv[1];
const body = require('node:fs').readFileSync(0);
async function ask(path, options) {
    const response = await fetch(base + path, options);
    return [response.status, Buffer.from(await response.arrayBuffer())];
}
function* chunks() {
    for (let at = 0; at < body.length; at += 10000) yield body.subarray(at, at + 10000);
}
async function main() {
    for (let i = 0; i < 3; i++) {
        assert.deepEqual(await ask('/page'), [200, Buffer.from('page\\n')]);
        assert.deepEqual(await ask('/later'), [200, Buffer.from('late')]);
        assert.deepEqual(await ask('/large'), [200, body]);
        assert.deepEqual(await ask('/echo', { method: 'POST', body }), [200, body]);
        const stream = ReadableStream.from(chunks());
        const put = { method: 'PUT', body: stream, duplex: 'half' };
        assert.deepEqual(await ask('/echo', put), [200, body]);
        assert.deepEqual(await ask('/page', { method: 'HEAD' }), [200, Buffer.alloc(0)]);
        assert.equal((await ask('/nowhere'))[0], 404);
        assert.equal((await ask('/echo', { method: 'DELETE' }))[0], 405);
    }
    const all = Array.from({ length: 50 }, () => ask('/large'));
    for (const answer of await Promise.all(all)) assert.deepEqual(answer, [200, body]);
}
main();
";
    let addr = server.addr().to_inet().expect("it has started").to_string();
    run(Command::new("node").args(["-e", program, &addr]), &pattern(LARGE));
}

/// Runs wrk with 16 connections for a second, with a further field; returns how many requests were
/// answered. `None` if it is not installed.
fn wrk(server: &Server, field: &str) -> Option<u64> {
    // Asked for its version it gives it, but does not call that a success.
    if Command::new("wrk").arg("--version").output().is_err() {
        eprintln!("skipped: there is no wrk here");
        return None;
    }
    let url = format!("http://{}/page", server.addr());
    let mut command = Command::new("wrk");
    command.args(["--threads=1", "--connections=16", "--duration=1s", "--timeout=60s"]);
    let report = text(run(command.args(["--header", field, &url]), b"").stdout);
    // It has lines for these only if there are any.
    for complaint in ["Socket errors", "Non-2xx or 3xx"] {
        assert!(!report.contains(complaint), "{report}");
    }
    let (before, _) = report.split_once(" requests in ").expect(&report);
    let requests = before.split_whitespace().last().and_then(|it| it.parse().ok()).expect(&report);
    assert!(requests > 0, "{report}");
    Some(requests)
}

#[test]
fn wrk_uses_its_connections_again() {
    let server = server();
    let Some(requests) = wrk(&server, "X: x") else { return };
    let stats = server.stats();
    assert!(stats.requests >= requests, "{requests} of {}", stats.requests);
    // One more, by which it finds out whether somebody listens.
    assert!(stats.accepted <= 16 + 1, "{}", stats.accepted);
}

#[test]
fn wrk_sees_connections_close() {
    let server = server();
    let Some(requests) = wrk(&server, "Connection: close") else { return };
    let stats = server.stats();
    assert!(stats.requests >= requests, "{requests} of {}", stats.requests);
    assert!(stats.accepted >= stats.requests, "{} on {}", stats.requests, stats.accepted);
}

/// nginx in front of a server. It ends when this goes.
struct Nginx {
    child: Child,
    directory: Directory,
    addr: SocketAddr,
}

impl Nginx {
    /// `None` if it is not installed.
    fn before(server: &Server) -> Option<Self> {
        if !Command::new("nginx").arg("-v").output().is_ok_and(|it| it.status.success()) {
            eprintln!("skipped: there is no nginx here");
            return None;
        }
        let directory = Directory::new();
        // It inherits the socket, so that whoever comes before it has begun waits there.
        let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let addr = listener.local_addr().expect("it is bound");
        let upstream = server.addr().to_inet().expect("it has started");
        let paths = ["client_body", "proxy", "fastcgi", "scgi", "uwsgi"];
        let paths = paths.map(|it| format!("{it}_temp_path {it};\n")).concat();
        let config = format!(
            "daemon off;
            worker_processes 1;
            pid nginx.pid;
            error_log stderr;
            events {{ worker_connections 256; }}
            http {{
                access_log off;
                {paths}
                client_max_body_size 0;
                upstream kept {{ server {upstream}; keepalive 4; }}
                server {{
                    listen {addr};
                    location / {{ proxy_pass http://{upstream}/; }}
                    location /kept/ {{
                        proxy_pass http://kept/;
                        proxy_http_version 1.1;
                        proxy_set_header Connection \"\";
                        proxy_request_buffering off;
                        proxy_buffering off;
                    }}
                }}
            }}"
        );
        fs::write(directory.join("nginx.conf"), config).expect("there is room");
        let child = Self::command(&directory)
            .env("NGINX", "0;")
            .stdin(OwnedFd::from(listener))
            .spawn()
            .expect("it is there");
        Some(Self { child, directory, addr })
    }

    fn command(directory: &Directory) -> Command {
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(directory.join(""));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn curl(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        curl_at(self.addr, arguments, input)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let stop = Self::command(&self.directory).args(["-s", "stop"]).status();
        if !stop.is_ok_and(|it| it.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

#[test]
fn nginx_works_as_a_proxy() {
    if !has("curl") {
        return;
    }
    let (server, body) = (server(), pattern(LARGE));
    let Some(nginx) = Nginx::before(&server) else { return };
    for at in ["URL", "URL/kept"] {
        let [page, later, large, echo, nowhere] =
            ["page", "later", "large", "echo", "nowhere"].map(|name| format!("{at}/{name}"));
        let output = text(nginx.curl(&[&page, &later, &page], b""));
        assert_eq!(output, "page\nlatepage\n", "{at}");
        assert!(nginx.curl(&[&large], b"") == body, "{at}");
        assert!(nginx.curl(&["--data-binary", "@-", &echo], &body) == body, "{at}");
        assert!(nginx.curl(&["--upload-file", "-", &echo], &body) == body, "{at}");
        let head = text(nginx.curl(&["--head", &page, &nowhere], b""));
        assert!(head.contains(" 200 OK") && head.contains(" 404 Not Found"), "{at}: {head}");
        assert!(head.contains("Content-Length: 5\r\n"), "{at}: {head}");
    }
    let before = server.stats().accepted;
    let page = ["URL/kept/page"; 20];
    assert_eq!(text(nginx.curl(&page, b"")), "page\n".repeat(20));
    assert!(server.stats().accepted - before < 20, "connections are used again");
}
