//! Heads of responses.

use super::super::*;
use crate::http::response::Response;

fn read_response(input: &[u8]) -> Result<Option<(ResponseHead, Response)>, HeadError> {
    let limits = Limits::default();
    let mut response = Response::new();
    let head = ResponseParser::new().parse(input, &limits, &mut response);
    let (mut parser, mut other) = (ResponseParser::new(), Response::new());
    let mut pieces = (0..=input.len()).map(|end| parser.parse(&input[..end], &limits, &mut other));
    let by_bytes = pieces.find(|result| *result != Ok(None)).unwrap_or(Ok(None));
    assert_eq!(by_bytes, head, "byte by byte");
    Ok(head?.map(|head| (head, response)))
}

fn accept_response(input: impl AsRef<[u8]>) -> (ResponseHead, Response) {
    let text = String::from_utf8_lossy(input.as_ref()).into_owned();
    match read_response(input.as_ref()) {
        Ok(Some(read)) => read,
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn status_lines_are_read_with_and_without_reason() {
    let table: &[(&[u8], u16, &str)] = &[
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, "OK"),
        (b"HTTP/1.0 404 Nothing  here \r\n\r\n", 404, "Nothing  here"),
        (b"HTTP/1.1 200\r\n\r\n", 200, ""),
        (b"HTTP/1.1 200 \r\n\r\n", 200, ""),
        (b"HTTP/1.1 599 \xe9\xff\n\n", 599, "\u{fffd}\u{fffd}"),
        (b"HTTP/1.1 999 a\tb\r\n\r\n", 999, "a\tb"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 100, "Continue"),
    ];
    for &(input, status, reason) in table {
        let (head, response) = accept_response(input);
        assert_eq!(head.len, input.len());
        assert_eq!((response.status(), response.reason()), (status, reason));
    }
}

#[test]
fn status_lines_have_one_form() {
    for line in [
        "",
        "ICY 200 OK",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 99 x",
        "HTTP/1.1 099 x",
        "HTTP/1.1 1000 x",
        "HTTP/1.1 20",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1\t200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 \x7f",
        "http/1.1 200 OK",
        "HTTP/1.1x 200 OK",
    ] {
        let error = read_response(format!("{line}\r\n\r\n").as_bytes()).unwrap_err();
        assert_eq!(error, HeadError::StatusLine, "{line:?}");
    }
    let bare = read_response(b"HTTP/1.1 200 O\rK\r\n\r\n").unwrap_err();
    assert_eq!(bare, HeadError::BareCr);
    let version = read_response(b"HTTP/2.0 200 OK\r\n\r\n").unwrap_err();
    assert_eq!(version, HeadError::UnsupportedVersion);
}

#[test]
fn response_bodies_end_as_the_rfc_says() {
    use BodyFraming::{Chunked, Empty, Length, UntilClose};
    // Method, status, fields, framing.
    let table = [
        ("GET", 200, "Content-Length: 5\r\n", Ok(Length(5))),
        ("GET", 200, "Content-Length: 0\r\n", Ok(Empty)),
        ("GET", 200, "Content-Length: 5\r\nContent-Length: 5\r\n", Ok(Length(5))),
        ("GET", 200, "Content-Length: 5, 5\r\n", Ok(Length(5))),
        ("GET", 200, "", Ok(UntilClose)),
        ("GET", 200, "Transfer-Encoding: chunked\r\n", Ok(Chunked)),
        ("GET", 200, "Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n", Ok(Chunked)),
        ("GET", 200, "Transfer-Encoding: chunked\r\nContent-Length: x\r\n", Ok(Chunked)),
        ("GET", 200, "Transfer-Encoding: gzip, chunked\r\n", Ok(Chunked)),
        ("GET", 200, "Transfer-Encoding: gzip\r\n", Ok(UntilClose)),
        ("GET", 200, "Transfer-Encoding: chunked, gzip\r\n", Err(HeadError::TransferEncoding)),
        ("GET", 200, "Content-Length: x\r\n", Err(HeadError::ContentLength)),
        ("GET", 200, "Content-Length: -1\r\n", Err(HeadError::ContentLength)),
        ("GET", 200, "Content-Length: 5, 6\r\n", Err(HeadError::ContentLength)),
        ("HEAD", 200, "Content-Length: 5\r\n", Ok(Empty)),
        ("HEAD", 200, "Transfer-Encoding: chunked\r\n", Ok(Empty)),
        ("head", 200, "", Ok(UntilClose)),
        ("GET", 204, "Content-Length: 5\r\n", Ok(Empty)),
        ("GET", 304, "Content-Length: 5\r\n", Ok(Empty)),
        ("GET", 100, "Content-Length: x\r\n", Ok(Empty)),
        ("GET", 101, "", Ok(Empty)),
        ("CONNECT", 200, "Content-Length: 5\r\n", Ok(Empty)),
        ("CONNECT", 400, "Content-Length: 5\r\n", Ok(Length(5))),
    ];
    for (method, status, fields, framing) in table {
        let (head, _) = accept_response(format!("HTTP/1.1 {status} x\r\n{fields}\r\n"));
        assert_eq!(head.framing(method), framing, "{method} {status} {fields:?}");
    }
    let (head, _) = accept_response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(head.framing("GET"), Err(HeadError::CodingBeforeHttp11));
}

#[test]
fn responses_tell_whether_the_connection_persists() {
    let keeps_alive = |input: &str| accept_response(input).0.keeps_alive;
    assert!(keeps_alive("HTTP/1.1 200 OK\r\n\r\n"));
    assert!(!keeps_alive("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n"));
    assert!(!keeps_alive("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"));
    assert!(keeps_alive("HTTP/1.1 101 x\r\nConnection: Upgrade\r\n\r\n"));
}

#[test]
fn responses_have_the_limits_of_heads() {
    let limits = Limits { head: 40, fields: 2, ..Limits::default() };
    let read = |input: &str| {
        ResponseParser::new().parse(input.as_bytes(), &limits, &mut Response::new()).map(|_| ())
    };
    assert_eq!(read("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n"), Ok(()));
    assert_eq!(
        read("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"),
        Err(HeadError::TooManyFields)
    );
    assert_eq!(read(&format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(23))), Ok(()));
    assert_eq!(
        read(&format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(24))),
        Err(HeadError::HeadTooLong)
    );
}

#[test]
fn a_used_response_is_replaced() {
    let mut response = Response::for_error(500);
    response.set_reason("mine").unwrap();
    let input = b"HTTP/1.0 404 Not Found\r\nA: 1\r\n\r\n";
    ResponseParser::new().parse(input, &Limits::default(), &mut response).unwrap().unwrap();
    assert_eq!((response.status(), response.reason()), (404, "Not Found"));
    assert_eq!(response.headers().len(), 1);
    assert!(response.body().is_empty() && !response.is_error_page());
    // The reason was the usual one and does not stick.
    response.set_status(200);
    assert_eq!(response.reason(), "OK");
}

#[test]
fn an_idle_connection_can_return_all_memory() {
    let (mut parser, mut response) = (ResponseParser::new(), Response::new());
    let input = b"HTTP/1.1 200 fine\r\nA: 1\r\n\r\n";
    for _ in 0..2 {
        parser.parse(input, &Limits::default(), &mut response).unwrap().unwrap();
    }
    assert!(parser.memory() > 0 && response.memory() > 0);
    response.reset();
    response.shrink_to_fit();
    parser.shrink_to_fit();
    assert_eq!((parser.memory(), response.memory()), (0, 0));
}
