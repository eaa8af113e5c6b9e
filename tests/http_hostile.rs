//! Malformed and unusual requests: what the server answers, and whether the connection goes on.
//!
//! Each request goes to three handlers and to where there is none, in several ways: alone, with another
//! request behind it, with one before it, too, and cut in two anywhere. What comes back must not depend
//! on the way.

mod support;

use nng_oxide::http::{Handler, Server, ServerConfig};
use support::LIMIT;
use support::client::{Answer, Client};
use support::server::{fixed, handler, respond, running, serve};

/// What becomes of a request and of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// It is answered, and the next request, too.
    Kept(u16),
    /// It is answered with `Connection: close`, and what follows is discarded.
    Closed(u16),
    /// It is answered before the server learns that its body, which nobody wants, is broken.
    Broken(u16),
}
use Outcome::{Broken, Closed, Kept};

impl Outcome {
    /// What becomes of the same request where there is no handler.
    fn without_handler(self) -> Self {
        let status = |status| if matches!(status, 200 | 405) { 404 } else { status };
        match self {
            Kept(of_handler) => Kept(status(of_handler)),
            Closed(of_handler) => Closed(status(of_handler)),
            Broken(of_handler) => Broken(status(of_handler)),
        }
    }
}

/// How a request is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The next request follows when this one has been answered.
    Alone,
    /// The next request is in the same piece.
    Burst,
    /// As a burst, each byte for itself.
    Bytewise,
    /// Behind a good request, and before the next, all in one piece.
    Behind,
    /// Behind a good request, each byte for itself.
    BehindBytewise,
    /// Behind a good request, and in two pieces; the second, with the next request, follows when the good
    /// one has been answered, and so the first has been received.
    SplitAt(usize),
}

impl Way {
    /// All ways but those that cut the request in two.
    const WHOLE: [Self; 5] =
        [Self::Alone, Self::Burst, Self::Bytewise, Self::Behind, Self::BehindBytewise];

    /// The ways for a request to a target: the ways to cut it in two are shared among the targets.
    fn all_for(target: &str, len: usize) -> impl Iterator<Item = Self> {
        let targets = TARGETS.into_iter().chain([NOWHERE]);
        let first = targets.zip(1..).find(|(of, _)| *of == target).map_or(1, |(_, first)| first);
        Self::WHOLE.into_iter().chain((first..len).step_by(TARGETS.len() + 1).map(Self::SplitAt))
    }

    fn is_behind(self) -> bool {
        matches!(self, Self::Behind | Self::BehindBytewise | Self::SplitAt(_))
    }
}

/// A handler that collects bodies, one that does not and leaves them unread, and fixed content for
/// `GET`. The other two take `POST`, too.
const TARGETS: [&str; 3] = ["/collect", "/raw", "/fixed"];
/// Where there is no handler.
const NOWHERE: &str = "/nowhere";
/// The limit on bodies that are collected; as many bytes may stay unread twice.
const MAX_BODY: usize = 64;
/// What follows each request.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
/// What comes before some of them.
const FIRST: &str = "GET /first HTTP/1.1\r\nHost: h\r\n\r\n";

fn config() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.max_body = MAX_BODY;
    config.max_undrained = 2 * MAX_BODY;
    config.limits.request_line = 100;
    config.limits.head = 400;
    config.limits.fields = 8;
    config.limits.chunk_line = 16;
    config.limits.trailers = 32;
    // The end of a connection is the client's.
    config.linger_timeout = Some(LIMIT);
    config
}

/// Answers with its name and the request's body.
fn echo(name: &str, method: &str) -> Handler {
    let prefix = format!("{name} ");
    handler(method, name, move |exchange| {
        let body = [prefix.as_bytes(), exchange.request().body()].concat();
        respond(exchange, body);
    })
}

fn server() -> Server {
    let server = running(config());
    for method in ["GET", "POST"] {
        let raw = echo("/raw", method);
        raw.collect_body(false, 0);
        serve(&server, [echo("/collect", method), raw]);
    }
    serve(&server, [fixed("/fixed", "/fixed "), fixed("/next", "next"), fixed("/first", "first")]);
    server
}

/// The bytes of a text in which each character stands for one of them.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).expect("it is one byte")).collect()
}

/// Sends a request in one way, checks what becomes of the connection, and returns the answer.
fn ask(server: &Server, request: &[u8], way: Way, outcome: Outcome) -> Answer {
    let mut client = Client::new(server);
    let with_next = [request, NEXT.as_bytes()].concat();
    match way {
        Way::Alone => client.send(request),
        Way::Burst => client.send(&with_next),
        Way::Bytewise => client.send_bytewise(&with_next),
        Way::Behind => client.send([FIRST.as_bytes(), &with_next].concat()),
        Way::BehindBytewise => client.send_bytewise([FIRST.as_bytes(), &with_next].concat()),
        Way::SplitAt(at) => client.send([FIRST.as_bytes(), &with_next[..at]].concat()),
    }
    if way.is_behind() {
        let first = client.answer();
        assert_eq!((first.text(), first.closes()), ("first", false));
    }
    if let Way::SplitAt(at) = way {
        client.send(&with_next[at..]);
    }
    let method = if request.starts_with(b"HEAD ") { "HEAD" } else { "GET" };
    let answer = client.answer_to(method);
    let (status, closes) = match outcome {
        Kept(status) | Broken(status) => (status, false),
        Closed(status) => (status, true),
    };
    assert_eq!((answer.status, answer.closes()), (status, closes), "{}", answer.head);
    if let Kept(_) = outcome {
        if way == Way::Alone {
            client.send(NEXT);
        }
        assert_eq!(client.answer().text(), "next");
        client.end_sending();
    }
    client.expect_end();
    answer
}

/// Sends requests to one target in every way.
fn check_at(server: &Server, target: &str, requests: &[&str], outcome: Outcome) {
    for request in requests {
        let request = bytes(&request.replace("PATH", target));
        for way in Way::all_for(target, request.len()) {
            eprintln!("{:?}, {way:?}: {outcome:?} is expected", request.escape_ascii());
            ask(server, &request, way, outcome);
        }
    }
}

/// Sends requests to all targets in every way; `outcomes` are those of each handler.
fn check(requests: &[&str], outcomes: [Outcome; 3]) {
    let server = server();
    for (target, outcome) in TARGETS.into_iter().zip(outcomes) {
        check_at(&server, target, requests, outcome);
    }
    // Where nobody takes a body, fixed content and nothing differ in the status alone.
    let to_nowhere: Vec<_> =
        requests.iter().copied().filter(|request| request.contains("PATH")).collect();
    check_at(&server, NOWHERE, &to_nowhere, outcomes[2].without_handler());
}

/// As [`check`], with requests of which only the request line is given.
fn check_lines(lines: &[&str], outcomes: [Outcome; 3]) {
    let requests = lines.iter().map(|line| format!("{line}\r\nHost: h\r\n\r\n"));
    check_all(requests, outcomes);
}

/// As [`check`], with requests of which only one field is given.
fn check_fields(fields: &[&str], outcomes: [Outcome; 3]) {
    let requests =
        fields.iter().map(|field| format!("GET PATH HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n"));
    check_all(requests, outcomes);
}

/// As [`check`], with `POST` requests of which the last fields and the body are given.
fn check_posts(ends: &[&str], outcomes: [Outcome; 3]) {
    let requests = ends.iter().map(|end| format!("POST PATH HTTP/1.1\r\nHost: h\r\n{end}"));
    check_all(requests, outcomes);
}

fn check_all(requests: impl Iterator<Item = String>, outcomes: [Outcome; 3]) {
    let requests: Vec<_> = requests.collect();
    check(&requests.iter().map(String::as_str).collect::<Vec<_>>(), outcomes);
}

const fn all(outcome: Outcome) -> [Outcome; 3] {
    [outcome; 3]
}

// --- Versions -----------------------------------------------------------------------------------

#[test]
fn http_1_0_is_answered_and_closes() {
    check(
        &[
            "GET PATH HTTP/1.0\r\n\r\n",
            "GET PATH HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET PATH HTTP/1.0\r\nHost: h\r\n\r\n",
        ],
        all(Closed(200)),
    );
}

#[test]
fn later_minor_versions_are_as_http_1_1() {
    check_lines(&["GET PATH HTTP/1.2", "GET PATH HTTP/1.9"], all(Kept(200)));
}

#[test]
fn other_major_versions_are_refused() {
    check_lines(&["GET PATH HTTP/2.0", "GET PATH HTTP/0.9", "GET PATH HTTP/3.1"], all(Closed(505)));
    check(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"], all(Closed(505)));
}

#[test]
fn bad_versions_are_refused() {
    check_lines(
        &[
            "GET PATH",
            "GET PATH ",
            "GET PATH http/1.1",
            "GET PATH HTTP/1.1x",
            "GET PATH HTTP/1.1 x",
            "GET PATH HTTP/1.10",
            "GET PATH HTTP/11",
            "GET PATH HTTP/1.",
            "GET PATH HTTP/1",
            "GET PATH HTTPS/1.1",
            "GET PATH HTTP/+1.1",
            "GET PATH ICY",
            "GET PATH HTTP/1.1 ",
            "GET PATH HTTP/1.1\t",
        ],
        all(Closed(400)),
    );
}

// --- Request lines ------------------------------------------------------------------------------

#[test]
fn the_parts_of_a_request_line_are_apart_by_one_blank() {
    check_lines(
        &[
            "GET  PATH HTTP/1.1",
            "GET PATH  HTTP/1.1",
            "GET\tPATH HTTP/1.1",
            "GET PATH\tHTTP/1.1",
            " GET PATH HTTP/1.1",
            "\tGET PATH HTTP/1.1",
            "GET PATH\u{b}HTTP/1.1",
            "GET",
            "GET ",
        ],
        all(Closed(400)),
    );
}

#[test]
fn methods_are_tokens() {
    check_lines(
        &[
            "G@T PATH HTTP/1.1",
            "G\0T PATH HTTP/1.1",
            "G\u{e9}T PATH HTTP/1.1",
            "GET: PATH HTTP/1.1",
            "\"GET\" PATH HTTP/1.1",
            " PATH HTTP/1.1",
        ],
        all(Closed(400)),
    );
}

#[test]
fn methods_that_no_handler_has_are_answered_with_those_that_one_has() {
    let server = server();
    for (target, allow) in
        [("/collect", "GET, HEAD, POST"), ("/raw", "GET, HEAD, POST"), ("/fixed", "GET, HEAD")]
    {
        for method in ["BREW", "get", "OPTIONS", "TRACE", "PRI", "!#$%&'*+-.^_`|~09"] {
            let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n\r\n");
            for way in Way::WHOLE {
                let answer = ask(&server, request.as_bytes(), way, Kept(405));
                assert_eq!(answer.field("Allow"), Some(allow));
            }
        }
    }
}

#[test]
fn empty_lines_before_a_request_are_ignored() {
    let request = "GET PATH HTTP/1.1\r\nHost: h\r\n\r\n";
    let lines = ["\r\n", "\n", "\n\r\n\n", &"\r\n".repeat(8), &"\n".repeat(8)];
    check_all(lines.iter().map(|lines| format!("{lines}{request}")), all(Kept(200)));
    let lines = ["\r\n".repeat(9), "\n".repeat(9), "\r".to_owned(), "\r\r\n".to_owned()];
    check_all(lines.iter().map(|lines| format!("{lines}{request}")), all(Closed(400)));
}

#[test]
fn targets_have_one_of_four_forms() {
    check_lines(
        &[
            "GET * HTTP/1.1",
            "GET ? HTTP/1.1",
            "GET collect HTTP/1.1",
            "GET h:80 HTTP/1.1",
            "GET ftp://hPATH HTTP/1.1",
            "GET http:PATH HTTP/1.1",
            "GET http://PATH HTTP/1.1",
            "GET http://:80PATH HTTP/1.1",
            "GET http://u@hPATH HTTP/1.1",
            "GET http://h:8:9PATH HTTP/1.1",
            "GET http://h%zzPATH HTTP/1.1",
            "CONNECT PATH HTTP/1.1",
            "CONNECT h HTTP/1.1",
            "CONNECT h: HTTP/1.1",
            "CONNECT :80 HTTP/1.1",
            "CONNECT u@h:80 HTTP/1.1",
            "GET PATH%00 HTTP/1.1",
        ],
        all(Closed(400)),
    );
    check_lines(&["OPTIONS * HTTP/1.1", "GET / HTTP/1.1"], all(Kept(404)));
    check_lines(&["CONNECT h:80 HTTP/1.1", "CONNECT [::1]:80 HTTP/1.1"], all(Closed(405)));
    check_lines(
        &["GET PATH?x%00&y HTTP/1.1", "GET http://hPATH HTTP/1.1", "GET HTTPS://h:1PATH HTTP/1.1"],
        all(Kept(200)),
    );
}

#[test]
fn targets_are_visible_ascii() {
    check_lines(
        &[
            "GET PATH\u{80} HTTP/1.1",
            "GET PATH?\u{ff} HTTP/1.1",
            "GET PATH\u{7f} HTTP/1.1",
            "GET PATH\0 HTTP/1.1",
            "GET PATH\u{1} HTTP/1.1",
            "GET PATH\rHTTP/1.1",
        ],
        all(Closed(400)),
    );
}

#[test]
fn request_lines_and_heads_have_limits() {
    let long_line = format!("GET PATH?{} HTTP/1.1", "x".repeat(100));
    check_lines(&[&long_line], all(Closed(414)));
    let long_method = format!("{} PATH HTTP/1.1", "X".repeat(120));
    check_lines(&[&long_method], all(Closed(414)));
    let long_field = format!("X: {}", "x".repeat(400));
    let long_name = format!("{}: x", "X".repeat(400));
    let many_bytes = vec![format!("X: {}", "x".repeat(60)); 7].join("\r\n");
    let many_fields = ["X: x"; 8].join("\r\n");
    check_fields(&[&long_field, &long_name, &many_bytes, &many_fields], all(Closed(431)));
    check_fields(&[&["X: x"; 7].join("\r\n")], all(Kept(200)));
}

// --- Hosts --------------------------------------------------------------------------------------

#[test]
fn a_host_is_named_once() {
    check(
        &[
            "GET PATH HTTP/1.1\r\n\r\n",
            "GET PATH HTTP/1.2\r\nX: x\r\n\r\n",
            "GET http://hPATH HTTP/1.1\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h\r\nX: x\r\nhOST: i\r\n\r\n",
            "GET PATH HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h, i\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h i\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: u@h\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h?x\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h/x\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h#x\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: http://h\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h%4\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h%zz\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h:80:80\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h:x\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: [::1\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: \u{e9}\r\n\r\n",
        ],
        all(Closed(400)),
    );
    check(
        &[
            "GET PATH HTTP/1.1\r\nHost:\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: \t\r\n\r\n",
            "GET PATH HTTP/1.1\r\nhost:h:80\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h.:\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: h%41\r\n\r\n",
            "GET http://i:1PATH HTTP/1.1\r\nHost: h\r\n\r\n",
        ],
        all(Kept(200)),
    );
}

// --- Fields -------------------------------------------------------------------------------------

#[test]
fn malformed_fields_are_refused() {
    check_fields(
        &[
            "X : x",
            "X\t: x",
            "X",
            "X x",
            ": x",
            "X Y: x",
            "X(): x",
            "\"X\": x",
            "X\u{e9}: x",
            "X\0: x",
            "X: a\r\n folded: line",
            "X: a\r\n folded line",
            "X: a\r\n\tfolded line",
            "X: a\r\n ",
            "X: a\0b",
            "X: a\rb",
            "X: a\r",
            "\rX: a",
            "X: a\u{7f}b",
            "X: a\u{1}b",
            "X: a\u{1b}[0m",
        ],
        all(Closed(400)),
    );
    let first = "GET PATH HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n";
    check(&[first, "GET PATH HTTP/1.1\r\n\tX: x\r\nHost: h\r\n\r\n"], all(Closed(400)));
}

#[test]
fn unusual_fields_are_accepted() {
    check_fields(
        &[
            "X: a\tb",
            "X: \u{80}\u{c3}\u{a9}\u{ff}",
            "X:",
            "X:x",
            "X:  \t x \t ",
            "X: : : ,;",
            "!#$%&'*+-.^_`|~09: x",
            "Connection: xclosey",
            "Content-Length: 0",
        ],
        all(Kept(200)),
    );
    check(
        &[
            "GET PATH HTTP/1.1\nHost: h\n\n",
            "GET PATH HTTP/1.1\nHost: h\r\n\n",
            "GET PATH HTTP/1.1\r\nHost: h\n\r\n",
        ],
        all(Kept(200)),
    );
}

#[test]
fn a_request_can_ask_for_the_end() {
    check_fields(
        &[
            "Connection: close",
            "connection: keep-alive ,\tCLOSE",
            "Connection: x\r\nConnection: close",
        ],
        all(Closed(200)),
    );
}

#[test]
fn expectations_other_than_100_continue_are_refused() {
    check_fields(&["Expect: 200-ok", "Expect: 100-continue, x", "Expect: \"\""], all(Closed(417)));
    // There is no body to wait for.
    check_fields(&["Expect: 100-continue", "Expect:"], all(Kept(200)));
}

// --- Bodies -------------------------------------------------------------------------------------

#[test]
fn lengths_are_one_decimal_number() {
    let bad = [
        "-1",
        "+5",
        "5 x",
        "0x5",
        "abc",
        "",
        "18446744073709551621",
        "18446744073709551616",
        "5,5",
        "5, 5",
        "5,6",
        "5,",
        "5.0",
        "\u{b2}",
        "5\r\nContent-Length: 5",
        "5\r\nContent-Length: 6",
        "5\r\nX: x\r\ncontent-length: 5",
    ];
    let ends = bad.map(|value| format!("Content-Length: {value}\r\n\r\nhello"));
    check_posts(&ends.each_ref().map(String::as_str), all(Closed(400)));
    let fixed_refuses = [Kept(200), Kept(200), Kept(405)];
    check_posts(
        &["Content-Length: 5\r\n\r\nhello", "Content-Length: 0005\r\n\r\nhello"],
        fixed_refuses,
    );
}

#[test]
fn bodies_that_are_too_long_are_refused_or_skipped() {
    // Nobody collects it, and little enough of it is left to skip it.
    let skipped = [Closed(400), Kept(200), Kept(405)];
    let end = |len: usize| format!("Content-Length: {len}\r\n\r\n{}", "x".repeat(len));
    check_posts(&[&end(MAX_BODY)], [Kept(200), Kept(200), Kept(405)]);
    check_posts(&[&end(MAX_BODY + 1), &end(2 * MAX_BODY)], skipped);
    check_posts(&[&end(2 * MAX_BODY + 1)], [Closed(400), Closed(200), Closed(405)]);
    let announced = ["Content-Length: 18446744073709551615\r\n\r\nhello"];
    check_posts(&announced, [Closed(400), Closed(200), Closed(405)]);
}

#[test]
fn chunked_bodies_are_decoded() {
    let bodies = [
        "5\r\nhello\r\n0\r\n\r\n",
        "1\r\nh\r\n04\r\nello\r\n000\r\n\r\n",
        "5;a\r\nhello\r\n0\r\n\r\n",
        "5 ; a = \"b\"\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0;last\r\n\r\n",
        "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    ];
    let server = server();
    for body in bodies {
        let request =
            format!("POST PATH HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n{body}");
        check_at(&server, "/raw", &[&request], Kept(200));
        check_at(&server, "/fixed", &[&request], Kept(405));
        check_at(&server, NOWHERE, &[&request], Kept(404));
        let request = request.replace("PATH", "/collect");
        for way in Way::WHOLE.into_iter().chain((1..request.len()).map(Way::SplitAt)) {
            let answer = ask(&server, request.as_bytes(), way, Kept(200));
            assert_eq!(answer.text(), "/collect hello");
        }
    }
}

#[test]
fn codings_other_than_chunked_are_refused() {
    let chunks = "\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for (codings, status) in [
        (&["gzip, chunked", "identity", "xchunked", "gzip", "chunked;q=1"][..], 501),
        (&["chunked, chunked", "chunked, gzip", "", ",chunked", "chunked,"][..], 400),
        (&["chunked\r\nTransfer-Encoding: chunked", "chunked\r\nContent-Length: 5"][..], 400),
        (&["chunked\r\nContent-Length: 0", "gzip\r\nContent-Length: 5"][..], 400),
    ] {
        let ends: Vec<_> =
            codings.iter().map(|coding| format!("Transfer-Encoding: {coding}{chunks}")).collect();
        let ends: Vec<_> = ends.iter().map(String::as_str).collect();
        check_posts(&ends, all(Closed(status)));
    }
    let old = format!("POST PATH HTTP/1.0\r\nTransfer-Encoding: chunked{chunks}");
    check(&[&old], all(Closed(400)));
}

#[test]
fn broken_chunks_are_refused() {
    let bodies = [
        "x\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5 x\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;\u{1}\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nTrailer\r\n\r\n",
        "5\r\nhello\r\n0\r\n x\r\n\r\n",
        "5\r\nhello\r\n0\r\n: x\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n",
        &format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20)),
        &format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(20)),
        &format!("5\r\nhello\r\n0\r\nX: {}\r\n\r\n", "x".repeat(40)),
    ];
    let ends = bodies.map(|body| format!("Transfer-Encoding: chunked\r\n\r\n{body}"));
    // Whoever does not want the body has been answered when it turns out to be broken.
    check_posts(&ends.each_ref().map(String::as_str), [Closed(400), Broken(200), Broken(405)]);
}

#[test]
fn chunked_bodies_that_are_too_long_are_refused_or_skipped_in_part() {
    let end = |len: usize| {
        let data = "x".repeat(len);
        format!("Transfer-Encoding: chunked\r\n\r\n{len:x}\r\n{data}\r\n0\r\n\r\n")
    };
    check_posts(&[&end(MAX_BODY)], [Kept(200), Kept(200), Kept(405)]);
    check_posts(&[&end(MAX_BODY + 1)], [Closed(400), Kept(200), Kept(405)]);
    let skipped_in_part = [Closed(400), Broken(200), Broken(405)];
    let data = "x".repeat(3 * MAX_BODY);
    let huge = format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{data}");
    check_posts(&[&end(2 * MAX_BODY), &huge], skipped_in_part);
}

#[test]
fn bodies_of_requests_to_fixed_content_are_refused() {
    let server = server();
    let targets = [
        ("/collect", Kept(200)),
        ("/raw", Kept(200)),
        ("/fixed", Closed(400)),
        (NOWHERE, Kept(404)),
    ];
    for (target, outcome) in targets {
        check_at(
            &server,
            target,
            &[
                "GET PATH HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
                "HEAD PATH HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
                "GET PATH HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n",
                "GET PATH HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ],
            outcome,
        );
    }
}

#[test]
fn nothing_is_answered_when_the_request_ends_early() {
    let server = server();
    let requests = [
        "G",
        "GET /collect HTTP/1.1",
        "GET /collect HTTP/1.1\r\nHost: h\r\n",
        "GET /collect HTTP/1.1\r\nHost: h\r\n\r",
        "\r\n\r\n",
        "\r",
        "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell",
        "POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "",
    ];
    for request in requests {
        for is_bytewise in [false, true] {
            let mut client = Client::new(&server);
            if is_bytewise {
                client.send_bytewise(request);
            } else {
                client.send(request);
            }
            client.end_sending();
            client.expect_end();
        }
    }
    assert_eq!(server.stats().requests, 0);
}
