//! Heads of requests: what is accepted, what is refused and how, and where the limits are.

use nng_aio::Error;

use super::super::*;
use crate::http::head_edit::HeadEdit;
use crate::http::request::Request;
use crate::http::response::Response;

const FIELDS: &str = "Host: h\r\n\r\n";

/// Reads a request that arrives at once and again byte by byte.
fn read_with(input: &[u8], limits: &Limits) -> Result<Option<(RequestHead, Request)>, HeadError> {
    let mut request = Request::new();
    let head = RequestParser::new().parse(input, limits, &mut request);
    let (mut parser, mut other) = (RequestParser::new(), Request::new());
    let mut pieces = (0..=input.len()).map(|end| parser.parse(&input[..end], limits, &mut other));
    let by_bytes = pieces.find(|result| *result != Ok(None)).unwrap_or(Ok(None));
    assert_eq!(by_bytes, head, "byte by byte");
    Ok(head?.map(|head| (head, request)))
}

fn read(input: impl AsRef<[u8]>) -> Result<Option<(RequestHead, Request)>, HeadError> {
    read_with(input.as_ref(), &Limits::default())
}

fn accept(input: impl AsRef<[u8]>) -> (RequestHead, Request) {
    let text = String::from_utf8_lossy(input.as_ref()).into_owned();
    match read(input) {
        Ok(Some(read)) => read,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn refuse(input: impl AsRef<[u8]>) -> HeadError {
    let text = String::from_utf8_lossy(input.as_ref()).into_owned();
    match read(input) {
        Err(error) => error,
        other => panic!("{text:?}: {other:?}"),
    }
}

/// A request with `fields`, each with its line end, beside `Host`.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

fn value(request: &Request, name: &str) -> Vec<u8> {
    request.headers().get_bytes(name).unwrap_or_else(|| panic!("no {name}")).into_owned()
}

#[test]
fn a_plain_request_is_read_whole() {
    let input = "GET /a?b HTTP/1.1\r\nHost: example.com:80\r\naccept:\t*/* \r\nX:\r\n\r\nrest";
    let (head, request) = accept(input);
    assert_eq!(head.len, input.len() - "rest".len());
    assert_eq!((request.method(), request.uri()), ("GET", "/a?b"));
    let fields: Vec<_> = request.headers().iter().collect();
    let expected: [(&str, &[u8]); 3] =
        [("Host", b"example.com:80"), ("accept", b"*/*"), ("X", b"")];
    assert_eq!(fields, expected);
    assert_eq!(head.body, BodyFraming::Empty);
    assert!(head.keeps_alive && !head.expects_continue);
    assert_eq!(head.target, TargetForm::Origin);
}

#[test]
fn input_that_ends_early_is_not_an_error() {
    let whole = with("Content-Length: 3\r\n");
    for end in 0..whole.len() {
        assert!(matches!(read(&whole[..end]), Ok(None)), "{end}");
    }
    assert!(read(&whole).unwrap().is_some());
}

#[test]
fn a_parser_tells_whether_a_request_has_begun() {
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    let limits = Limits::default();
    for (input, has_started) in
        [("", false), ("\r", false), ("\r\n", false), ("\r\n\n", false), ("\r\n\nG", true)]
    {
        assert_eq!(parser.parse(input.as_bytes(), &limits, &mut request), Ok(None));
        assert_eq!(parser.has_started(), has_started, "{input:?}");
    }
    let whole = format!("\r\n\nGET / HTTP/1.1\r\n{FIELDS}");
    let head = parser.parse(whole.as_bytes(), &limits, &mut request).unwrap().unwrap();
    assert_eq!(head.len, whole.len());
    assert!(!parser.has_started());
}

#[test]
fn a_refused_head_leaves_the_request_and_the_parser_alone() {
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    let limits = Limits::default();
    let good = format!("GET /good HTTP/1.1\r\n{FIELDS}");
    parser.parse(good.as_bytes(), &limits, &mut request).unwrap().unwrap();
    let bad = with("Content-Length: x\r\n");
    assert!(parser.parse(bad.as_bytes(), &limits, &mut request).is_err());
    assert_eq!(request.uri(), "/good");
    assert_eq!(
        parser.parse(good.as_bytes(), &limits, &mut request).unwrap().unwrap().len,
        good.len()
    );
}

#[test]
fn pipelined_requests_are_read_one_by_one() {
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    let limits = Limits::default();
    let input: String = (0..300).map(|n| format!("GET /{n} HTTP/1.1\r\n{FIELDS}")).collect();
    let mut rest = input.as_bytes();
    for n in 0..300 {
        let head = parser.parse(rest, &limits, &mut request).unwrap().unwrap();
        assert_eq!(request.uri(), format!("/{n}"));
        rest = &rest[head.len..];
    }
    assert!(rest.is_empty());
}

#[test]
fn versions_decide_on_persistence() {
    let table = [
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", false),
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: keep-alive\r\n", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "connection: Upgrade,\t CLOSE\r\n", false),
        ("HTTP/1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("HTTP/1.1", "Connection: xclosey, not close\r\n", true),
        ("HTTP/1.2", "", true),
        ("HTTP/1.9", "Connection: close\r\n", false),
    ];
    for (version, field, keeps_alive) in table {
        let (head, request) = accept(format!("GET / {version}\r\n{field}{FIELDS}"));
        assert_eq!(head.keeps_alive, keeps_alive, "{version} {field}");
        assert_eq!(request.version().as_str(), version);
    }
}

#[test]
fn request_lines_have_one_form() {
    use HeadError::{Method, Target, UnsupportedVersion, Version};
    let table: &[(&str, HeadError)] = &[
        ("GET / HTTP/2.0", UnsupportedVersion),
        ("GET / HTTP/0.9", UnsupportedVersion),
        ("PRI * HTTP/2.0", UnsupportedVersion),
        ("GET /x", Version),
        ("GET /x ", Version),
        ("GET /x http/1.1", Version),
        ("GET /x HTTP/1.1 junk", Version),
        ("GET /x HTTP/1.1 ", Version),
        ("GET /x HTTP/1.1\t", Version),
        ("GET /x HTTP/1.10", Version),
        ("GET /x HTTP/1", Version),
        ("GET /x HTTP/11", Version),
        ("GET /x HTTPS/1.1", Version),
        ("GET /x /y HTTP/1.1", Version),
        ("GET /x  HTTP/1.1", Version),
        ("GET /x\tHTTP/1.1", Target),
        ("GET  /x HTTP/1.1", Target),
        ("GET\t/x HTTP/1.1", Method),
        (" GET /x HTTP/1.1", Method),
        ("\tGET /x HTTP/1.1", Method),
        ("G(T /x HTTP/1.1", Method),
        ("G:T /x HTTP/1.1", Method),
        ("G\u{e9}T /x HTTP/1.1", Method),
        ("G\0T /x HTTP/1.1", Method),
        ("GET", Method),
        ("GET ", Target),
        ("GET  HTTP/1.1", Target),
        ("GET /\u{e9} HTTP/1.1", Target),
        ("GET /\x7f HTTP/1.1", Target),
        ("GET /\0 HTTP/1.1", Target),
        ("GET /\rx HTTP/1.1", Version),
        ("GET x HTTP/1.1", Target),
        ("GET * HTTP/1.1", Target),
        ("GET ?q HTTP/1.1", Target),
        ("GET h:80 HTTP/1.1", Target),
        ("GET ftp://h/ HTTP/1.1", Target),
        ("GET http:///x HTTP/1.1", Target),
        ("GET http://:80/x HTTP/1.1", Target),
        ("GET http://u@h/x HTTP/1.1", Target),
        ("GET http://h:x/ HTTP/1.1", Target),
        ("CONNECT / HTTP/1.1", Target),
        ("CONNECT h HTTP/1.1", Target),
        ("CONNECT h: HTTP/1.1", Target),
        ("CONNECT :80 HTTP/1.1", Target),
        ("CONNECT [::1] HTTP/1.1", Target),
        ("CONNECT http://h:80 HTTP/1.1", Target),
    ];
    for &(line, error) in table {
        assert_eq!(refuse(format!("{line}\r\n{FIELDS}")), error, "{line:?}");
    }
}

#[test]
fn methods_need_not_be_known() {
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PATCH", "get", "M-SEARCH", "~"]
    {
        let (_, request) = accept(format!("{method} / HTTP/1.1\r\n{FIELDS}"));
        assert_eq!(request.method(), method);
    }
}

#[test]
fn targets_have_four_forms() {
    // Method, target, authority, path.
    let table = [
        ("GET", "/", None, "/"),
        ("GET", "/a%zz?b#c", None, "/a%zz?b#c"),
        ("GET", "//h/x", None, "//h/x"),
        ("GET", "http://other:81/x?y", Some("other:81"), "/x?y"),
        ("GET", "HTTPS://[::1]/x", Some("[::1]"), "/x"),
        ("GET", "http://other", Some("other"), "/"),
        ("GET", "http://other?q", Some("other"), "?q"),
        ("OPTIONS", "*", None, "*"),
        ("OPTIONS", "/x", None, "/x"),
        ("CONNECT", "h:80", Some("h:80"), ""),
        ("CONNECT", "[::1]:80", Some("[::1]:80"), ""),
    ];
    for (method, target, authority, path) in table {
        let (head, request) = accept(format!("{method} {target} HTTP/1.1\r\n{FIELDS}"));
        assert_eq!(request.uri(), target);
        assert_eq!(head.target.authority(request.uri()), authority, "{target}");
        assert_eq!(head.target.path(request.uri()), path, "{target}");
    }
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    for blanks in ["\r\n", "\n", "\n\r\n\n", &"\r\n".repeat(8)] {
        let (head, request) = accept(format!("{blanks}GET /x HTTP/1.1\r\n{FIELDS}more"));
        assert_eq!(request.uri(), "/x");
        assert_eq!(head.len, blanks.len() + "GET /x HTTP/1.1\r\n".len() + FIELDS.len());
    }
    assert_eq!(
        refuse(format!("{}GET / HTTP/1.1\r\n{FIELDS}", "\n".repeat(9))),
        HeadError::EmptyLines
    );
    assert_eq!(refuse("\rGET / HTTP/1.1\r\n"), HeadError::BareCr);
}

#[test]
fn host_is_one_host_unless_the_version_is_old() {
    assert_eq!(refuse("GET / HTTP/1.1\r\n\r\n"), HeadError::MissingHost);
    assert_eq!(refuse("GET http://h/ HTTP/1.1\r\n\r\n"), HeadError::MissingHost);
    accept("GET / HTTP/1.0\r\n\r\n");
    for host in ["", "h", "h:", "h:80", "[::1]:80", "a%20b"] {
        accept(format!("GET / HTTP/1.1\r\nhOST: {host}\r\n\r\n"));
    }
    for host in ["u@h", "h?q", "h/", "a%zz", "h:1:2", "h h", "a, b", "http://h", "[::1"] {
        let error = refuse(format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"));
        assert_eq!(error, HeadError::Host, "{host}");
    }
    assert_eq!(refuse(with("host: h\r\n")), HeadError::Host);
}

#[test]
fn field_lines_have_one_form() {
    use HeadError::{BareCr, FieldName, FieldValue, FoldedLine, MissingColon};
    let table: &[(&str, HeadError)] = &[
        ("Name : x\r\n", FieldName),
        ("Name\t: x\r\n", FieldName),
        (": x\r\n", FieldName),
        ("Na me: x\r\n", FieldName),
        ("N(me: x\r\n", FieldName),
        ("N\u{e9}me: x\r\n", FieldName),
        ("N\0me: x\r\n", FieldName),
        ("Name\r\n", MissingColon),
        ("Name\n", MissingColon),
        ("A: x\r\n folded: y\r\n", FoldedLine),
        ("A: x\r\n folded\r\n", FoldedLine),
        ("A: x\r\n\tfolded\r\n", FoldedLine),
        (" \r\n", FoldedLine),
        ("A: x\ry\r\n", BareCr),
        ("A: x\r\r\n", BareCr),
        ("A: \0\r\n", FieldValue),
        ("A: \x0b\r\n", FieldValue),
        ("A: \x1f\r\n", FieldValue),
        ("A: \x7f\r\n", FieldValue),
        ("A:\x08b\r\n", FieldValue),
    ];
    for &(line, error) in table {
        assert_eq!(refuse(with(line)), error, "{line:?}");
    }
    assert_eq!(refuse("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), FoldedLine);
    assert_eq!(refuse("GET / HTTP/1.1\r\nHost: h\r\n\rx\n"), BareCr);
}

#[test]
fn lines_may_end_in_lf_alone() {
    let (head, request) = accept("GET /x HTTP/1.1\nHost: h\nA: 1\r\nB: 2\n\nrest");
    assert_eq!(head.len, "GET /x HTTP/1.1\nHost: h\nA: 1\r\nB: 2\n\n".len());
    assert_eq!((value(&request, "a"), value(&request, "b")), (b"1".to_vec(), b"2".to_vec()));
}

#[test]
fn values_may_hold_tabs_and_bytes_beyond_ascii() {
    let input = b"GET / HTTP/1.1\r\nHost: h\r\nA: \t x\ty \t\r\nB: \x80\xff\r\n\r\n";
    let (_, request) = accept(input);
    assert_eq!(value(&request, "A"), b"x\ty");
    assert_eq!(value(&request, "B"), b"\x80\xff");
    assert_eq!(request.headers().get("B").as_deref(), Some("\u{fffd}\u{fffd}"));
}

#[test]
fn repeated_fields_are_joined_at_the_first_except_cookies() {
    let (_, request) =
        accept(with("A: 1\r\nSet-Cookie: x\r\na: 2\r\nB: 3\r\nset-cookie: y\r\nA: 4\r\n"));
    let fields: Vec<_> = request.headers().iter().collect();
    let expected: [(&str, &[u8]); 5] = [
        ("Host", b"h"),
        ("A", b"1, 2, 4"),
        ("Set-Cookie", b"x"),
        ("B", b"3"),
        ("set-cookie", b"y"),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn bodies_are_as_long_as_the_fields_say() {
    let table = [
        ("", BodyFraming::Empty),
        ("Content-Length: 0\r\n", BodyFraming::Empty),
        ("content-length:5\r\n", BodyFraming::Length(5)),
        ("Content-Length: 007\r\n", BodyFraming::Length(7)),
        ("Content-Length: 18446744073709551615\r\n", BodyFraming::Length(u64::MAX)),
        ("Transfer-Encoding: chunked\r\n", BodyFraming::Chunked),
        ("transfer-encoding:\tCHUNKED \r\n", BodyFraming::Chunked),
    ];
    for (fields, body) in table {
        assert_eq!(accept(with(fields)).0.body, body, "{fields:?}");
    }
}

#[test]
fn ambiguous_lengths_are_refused() {
    use HeadError::{
        CodingBeforeHttp11, ContentLength, LengthAndCoding, TransferEncoding, UnknownCoding,
    };
    for length in [
        "-1",
        "+5",
        "5 x",
        "0x5",
        "abc",
        "",
        "5,5",
        "5, 5",
        "5;",
        "18446744073709551621",
        "1_0",
        "\u{661}",
    ] {
        assert_eq!(
            refuse(with(&format!("Content-Length: {length}\r\n"))),
            ContentLength,
            "{length}"
        );
    }
    let table = [
        ("Content-Length: 5\r\ncontent-length: 5\r\n", ContentLength),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", ContentLength),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LengthAndCoding),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LengthAndCoding),
        ("Content-Length: x\r\nTransfer-Encoding: gzip\r\n", LengthAndCoding),
        ("Transfer-Encoding: gzip, chunked\r\n", UnknownCoding),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", UnknownCoding),
        ("Transfer-Encoding: identity\r\n", UnknownCoding),
        ("Transfer-Encoding: xchunked\r\n", UnknownCoding),
        ("Transfer-Encoding: \"chunked\"\r\n", UnknownCoding),
        ("Transfer-Encoding: chunked;q=1\r\n", UnknownCoding),
        ("Transfer-Encoding: \x0cchunked\r\n", HeadError::FieldValue),
        ("Transfer-Encoding:\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked,\r\n", TransferEncoding),
        ("Transfer-Encoding: ,chunked\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked, gzip\r\n", TransferEncoding),
    ];
    for (fields, error) in table {
        assert_eq!(refuse(with(fields)), error, "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refuse(old), CodingBeforeHttp11);
}

#[test]
fn expectations_are_known_or_refused() {
    let table = [
        ("Expect: 100-continue\r\nContent-Length: 1\r\n", true),
        ("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", true),
        ("Expect: 100-continue\r\n", false),
        ("Expect: 100-continue\r\nContent-Length: 0\r\n", false),
        ("Expect:\r\nContent-Length: 1\r\n", false),
    ];
    for (fields, expects_continue) in table {
        assert_eq!(accept(with(fields)).0.expects_continue, expects_continue, "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    assert!(!accept(old).0.expects_continue);
    for value in ["200-ok", "100-continue, other", "other, 100-continue", "100-continue=1"] {
        assert_eq!(refuse(with(&format!("Expect: {value}\r\n"))), HeadError::Expectation);
    }
}

#[test]
fn each_refusal_has_its_status_and_error() {
    use HeadError::*;
    let bad_request = [
        Method,
        Target,
        Version,
        StatusLine,
        BareCr,
        MissingColon,
        FoldedLine,
        FieldName,
        FieldValue,
        MissingHost,
        Host,
        ContentLength,
        TransferEncoding,
        LengthAndCoding,
        CodingBeforeHttp11,
    ];
    let others = [
        (EmptyLines, 400, Error::MessageSize),
        (RequestLineTooLong, 414, Error::MessageSize),
        (TooManyFields, 431, Error::MessageSize),
        (HeadTooLong, 431, Error::MessageSize),
        (UnsupportedVersion, 505, Error::Protocol),
        (UnknownCoding, 501, Error::Protocol),
        (Expectation, 417, Error::Protocol),
    ];
    let all = bad_request.map(|error| (error, 400, Error::Protocol)).into_iter().chain(others);
    for (refusal, status, error) in all {
        assert_eq!(refusal.status(), status, "{refusal}");
        assert_eq!(Error::from(refusal), error, "{refusal}");
    }
}

/// Checks that `longest` is accepted and the same with one byte more is refused.
fn limit(limits: Limits, longest: &str, beyond: &str, error: HeadError) {
    assert_eq!(beyond.len(), longest.len() + 1);
    assert!(matches!(read_with(longest.as_bytes(), &limits), Ok(Some(_))), "{}", longest.len());
    assert_eq!(read_with(beyond.as_bytes(), &limits).unwrap_err(), error, "{}", beyond.len());
}

#[test]
fn the_request_line_has_an_exact_limit() {
    let (start, end) = ("GET /", " HTTP/1.1");
    let line = |len: usize| format!("{start}{}{end}", "x".repeat(len - start.len() - end.len()));
    for (limits, max) in
        [(Limits::default(), 16 << 10), (Limits { request_line: 100, ..Limits::default() }, 100)]
    {
        for line_end in ["\r\n", "\n"] {
            let request = |len| format!("{}{line_end}{FIELDS}", line(len));
            limit(limits, &request(max), &request(max + 1), HeadError::RequestLineTooLong);
        }
    }
    // It is refused as soon as it is clear, and empty lines before it do not count.
    let limits = Limits { request_line: 100, ..Limits::default() };
    let long = format!("\r\n\r\n{}", line(500));
    assert!(matches!(read_with(&long.as_bytes()[..105], &limits), Ok(None)));
    assert_eq!(
        read_with(&long.as_bytes()[..106], &limits).unwrap_err(),
        HeadError::RequestLineTooLong
    );
}

#[test]
fn the_head_has_an_exact_limit() {
    let request = |len: usize| {
        let start = format!("GET / HTTP/1.1\r\n{}X: ", FIELDS.trim_end_matches("\r\n\r\n"));
        let start = start.replace("hX", "h\r\nX");
        format!("{start}{}\r\n\r\n", "x".repeat(len - start.len() - 4))
    };
    for (limits, max) in
        [(Limits::default(), 64 << 10), (Limits { head: 100, ..Limits::default() }, 100)]
    {
        limit(limits, &request(max), &request(max + 1), HeadError::HeadTooLong);
    }
    // Many lines are no way around it.
    let lines = |n: usize| with(&"X: 3456\r\n".repeat(n));
    let limits = Limits { head: lines(10).len(), ..Limits::default() };
    assert!(matches!(read_with(lines(10).as_bytes(), &limits), Ok(Some(_))));
    assert_eq!(read_with(lines(11).as_bytes(), &limits).unwrap_err(), HeadError::HeadTooLong);
    // A request line alone may exceed it as well.
    let limits = Limits { head: 10, ..Limits::default() };
    assert_eq!(read_with(b"GET /xxxxxx", &limits).unwrap_err(), HeadError::HeadTooLong);
}

#[test]
fn field_lines_have_an_exact_limit() {
    let lines = |n: usize| with(&"X: 1\r\n".repeat(n - 1));
    for (limits, max) in [(Limits::default(), 128), (Limits { fields: 3, ..Limits::default() }, 3)]
    {
        assert!(matches!(read_with(lines(max).as_bytes(), &limits), Ok(Some(_))));
        let error = read_with(lines(max + 1).as_bytes(), &limits).unwrap_err();
        assert_eq!(error, HeadError::TooManyFields);
    }
}

#[test]
fn empty_lines_have_an_exact_limit() {
    let blanks = |n: usize| format!("{}GET / HTTP/1.1\r\n{FIELDS}", "\r\n".repeat(n));
    for (limits, max) in
        [(Limits::default(), 8), (Limits { empty_lines: 0, ..Limits::default() }, 0)]
    {
        assert!(matches!(read_with(blanks(max).as_bytes(), &limits), Ok(Some(_))));
        assert_eq!(
            read_with(blanks(max + 1).as_bytes(), &limits).unwrap_err(),
            HeadError::EmptyLines
        );
    }
}

#[test]
fn empty_lines_are_counted_for_each_request_anew() {
    let limits = Limits { empty_lines: 1, ..Limits::default() };
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    let input = format!("\r\nGET / HTTP/1.1\r\n{FIELDS}");
    for _ in 0..3 {
        let head = parser.parse(input.as_bytes(), &limits, &mut request);
        assert_eq!(head.unwrap().unwrap().len, input.len());
    }
}

#[test]
fn limits_can_be_lifted() {
    let limits = Limits {
        request_line: usize::MAX,
        head: usize::MAX,
        fields: usize::MAX,
        chunk_line: usize::MAX,
        trailers: usize::MAX,
        empty_lines: usize::MAX,
    };
    let input = format!(
        "{}GET /{} HTTP/1.1\r\nHost: h\r\n{}\r\n",
        "\n".repeat(100),
        "x".repeat(100_000),
        "X: 1\r\n".repeat(1000),
    );
    let mut request = Request::new();
    let head = RequestParser::new().parse(input.as_bytes(), &limits, &mut request);
    assert_eq!(head.unwrap().unwrap().len, input.len());
}

#[test]
fn trickling_input_is_searched_once() {
    // Quadratic work would take minutes.
    let limits = Limits { head: usize::MAX, request_line: usize::MAX, ..Limits::default() };
    let input = format!("GET /{}", "x".repeat(1 << 20));
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    for end in 0..input.len() {
        assert_eq!(parser.parse(&input.as_bytes()[..end], &limits, &mut request), Ok(None));
    }
}

#[test]
fn a_connection_at_work_allocates_nothing() {
    let limits = Limits::default();
    let input = with("Accept: */*\r\nUser-Agent: x\r\nCookie: a=b\r\nAccept: text/html\r\n");
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    let (mut response, mut out) = (Response::new(), Vec::new());
    let mut turn = || {
        parser.parse(input.as_bytes(), &limits, &mut request).unwrap().unwrap();
        response.reset();
        response.headers_mut().set("Content-Type", "text/plain").unwrap();
        response.set_body("Hello, World!");
        out.clear();
        response.write_head(&HeadEdit::default(), &mut out);
        let addresses = (request.uri().as_ptr(), out.as_ptr());
        (parser.memory(), request.memory(), response.memory(), out.capacity(), addresses)
    };
    // The lists of parser and request change places, so the second turn is the last that grows.
    turn();
    let before = turn();
    for _ in 0..10 {
        assert_eq!(turn(), before);
    }
}

#[test]
fn an_idle_connection_can_return_all_memory() {
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    parser.parse(with("A: b\r\n").as_bytes(), &Limits::default(), &mut request).unwrap().unwrap();
    assert!(request.memory() > 0);
    request.reset();
    request.shrink_to_fit();
    parser.shrink_to_fit();
    assert_eq!((parser.memory(), request.memory()), (0, 0));
    assert!(size_of::<RequestParser>() + size_of::<Request>() + size_of::<Response>() <= 512);
}
