//! Clients with TLS that others have written: curl, and the client of Python's standard library,
//! both with OpenSSL mostly.
//!
//! A test whose client is not installed says so and does nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs;
use std::process::{Command, Output};
use std::sync::Arc;

use directory::Directory;
use nng_oxide::http::{Server, ServerConfig};
use nng_oxide::tls::AuthMode;
use support::foreign::{curl, has, run, try_run};
use support::server::{fixed, handler, respond, serve};
use support::tls::{Authority, secure_server, server_config};
use support::{LIMIT, pattern};

/// Bytes in a large body.
const LARGE: usize = 1 << 20;

/// A server, and what its clients need to know.
struct Bench {
    server: Server,
    directory: Directory,
}

impl Bench {
    fn new(auth_mode: AuthMode) -> Self {
        let authority = Authority::new("root");
        let (client, directory) = (authority.issue(&["me"]), Directory::new());
        fs::write(directory.join("root.pem"), &authority.cert).unwrap();
        fs::write(directory.join("client.pem"), format!("{}{}", client.cert, client.key)).unwrap();
        let tls = server_config(&authority.issue(&["localhost", "127.0.0.1"]));
        tls.add_ca_chain(&authority.cert, None).unwrap();
        tls.set_auth_mode(auth_mode).unwrap();
        let mut config = ServerConfig::default();
        config.linger_timeout = Some(LIMIT);
        config.max_body = 2 * LARGE;
        let server = secure_server(&tls, config);
        let echo = |method| {
            handler(method, "/echo", |exchange| {
                let body = exchange.request().body().to_vec();
                respond(exchange, body);
            })
        };
        let large: Arc<[u8]> = pattern(LARGE).into();
        let large = handler("GET", "/large", move |exchange| respond(exchange, Arc::clone(&large)));
        serve(&server, [echo("POST"), echo("PUT"), large, fixed("/page", "page\n")]);
        Self { server, directory }
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Runs curl with these arguments, in which `URL` stands for that of the server.
    fn curl(&self, arguments: &[&str], input: &[u8]) -> Output {
        let url = format!("https://{}", self.server.addr().to_inet().unwrap());
        let arguments = arguments.iter().map(|argument| argument.replace("URL", &url));
        try_run(curl().args(["--cacert", &self.path("root.pem")]).args(arguments), input)
    }
}

/// The output of a program that succeeded.
fn output(output: Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn curl_speaks_both_versions() {
    if !has("curl") {
        return;
    }
    let bench = Bench::new(AuthMode::None);
    let body = pattern(LARGE);
    for version in [["--tls-max", "1.2"], ["--tls-max", "1.3"], ["--tlsv1.3", "--http1.1"]] {
        let with = |arguments: &[&str], input| {
            output(bench.curl(&[&version[..], arguments].concat(), input))
        };
        let format = "%{http_code} %{num_connects}\n";
        let text = with(&["--write-out", format, "URL/page", "URL/page"], b"");
        assert_eq!(String::from_utf8(text).unwrap(), "page\n200 1\npage\n200 0\n");
        assert!(with(&["URL/large"], b"") == body);
        assert!(with(&["--data-binary", "@-", "URL/echo"], &body) == body);
        assert!(with(&["--upload-file", "-", "URL/echo"], &body) == body);
        let closing = ["--header", "Connection: close", "URL/large"];
        assert!(with(&closing, b"") == body, "the end is told, else curl complains");
    }
}

#[test]
fn curl_is_refused_where_it_should_be() {
    if !has("curl") {
        return;
    }
    let bench = Bench::new(AuthMode::Required);
    assert!(!bench.curl(&["URL/page"], b"").status.success(), "it has shown no certificate");
    let cert = bench.path("client.pem");
    assert_eq!(output(bench.curl(&["--cert", &cert, "URL/page"], b"")), b"page\n");
    for old in [["--tlsv1.0", "--tls-max", "1.0"], ["--tlsv1.1", "--tls-max", "1.1"]] {
        let rest = ["--cert", &cert, "URL/page"];
        assert!(!bench.curl(&[&old[..], &rest].concat(), b"").status.success(), "{old:?}");
    }
    let plain = bench.server.addr().to_inet().unwrap();
    let plain = try_run(curl().arg(format!("http://{plain}/page")), b"");
    assert!(!plain.status.success(), "{plain:?}");
    assert_eq!(output(bench.curl(&["--cert", &cert, "URL/page"], b"")), b"page\n");
}

#[test]
fn python_resumes_and_sends_and_receives() {
    if !has("python3") {
        return;
    }
    let bench = Bench::new(AuthMode::Optional);
    let port = bench.server.addr().port().unwrap().to_string();
    let program = "
import sys, ssl, http.client, socket
port, root, body = int(sys.argv[1]), sys.argv[2], sys.stdin.buffer.read()
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    context = ssl.create_default_context(cafile=root)
    context.minimum_version = context.maximum_version = version
    conn = http.client.HTTPSConnection('127.0.0.1', port, timeout=60, context=context)
    def ask(*request, **more):
        conn.request(*request, **more)
        response = conn.getresponse()
        return response.status, response.read()
    for _ in range(3):
        assert ask('GET', '/page') == (200, b'page\\n')
        assert ask('GET', '/large') == (200, body)
        assert ask('POST', '/echo', body) == (200, body)
        chunks = (body[at:at + 10000] for at in range(0, len(body), 10000))
        assert ask('POST', '/echo', chunks, encode_chunked=True) == (200, body)
    sock = conn.sock
    session = sock.session
    assert sock.version() == version.name.replace('_', '.')
    again = context.wrap_socket(
        socket.create_connection(('127.0.0.1', port), 60),
        server_hostname='127.0.0.1', session=session)
    again.sendall(b'GET /page HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n')
    text = b''
    while more := again.recv(4096):
        text += more
    assert text.endswith(b'page\\n') and again.session_reused, (text, again.session_reused)
    wrong = ssl.create_default_context()
    try:
        wrong.wrap_socket(socket.create_connection(('127.0.0.1', port), 60), server_hostname='127.0.0.1')
        assert False, 'it trusts nobody here'
    except ssl.SSLCertVerificationError:
        pass
";
    let root = bench.path("root.pem");
    run(Command::new("python3").args(["-c", program, &port, &root]), &pattern(LARGE));
}
