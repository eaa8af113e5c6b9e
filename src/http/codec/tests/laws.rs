//! The laws of the codec, checked against random input.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::{Limits, laws};
use crate::http::head_edit::HeadEdit;
use crate::http::request::Request;
use crate::http::response::Response;

/// Input made of what matters in a head, so that much of it is well-formed.
fn head_noise() -> impl Strategy<Value = Vec<u8>> {
    let words = "GET |POST |CONNECT |OPTIONS |/|/x|*|http://h:1|h:80|[::1]| HTTP/1.1\r\n|\
        \x20HTTP/1.0\r\n| HTTP/2.0\r\n|GET / HTTP/1.1\r\n|HTTP/1.1 200 OK\r\n|HTTP/1.1 |\
        204|\r\n|\n|\r| |\t|:|Host: h\r\n|Host: |Content-Length: |5|0|3\r\n\r\nabc|\
        Transfer-Encoding: |chunked|gzip|, |Connection: |close|Expect: 100-continue\r\n|\
        X: y|x: z\r\n|Set-Cookie: a\r\n|\r\n\r\n|0\r\n\r\n|\r\n\r\n3\r\nabc\r\n|;a=b";
    let piece = prop_oneof![
        20 => word_of(words),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// One of `words`, which are separated by `|`.
fn word_of(words: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<_> = words.split('|').collect();
    select(words).prop_map(|word| word.as_bytes().to_vec())
}

/// A well-formed request, perhaps with one byte changed.
fn nearly_good() -> impl Strategy<Value = Vec<u8>> {
    let blanks = vec(select(&["\r\n", "\n"][..]), 0..3);
    let target = "(/[!-~]{0,12}|http://[a-z.]{1,8}(:[0-9]{0,5})?(/[!-~]{0,4})?)";
    let line = ("[A-Z]{1,7}", target, "[012]", "\r?\n")
        .prop_map(|(method, target, minor, end)| format!("{method} {target} HTTP/1.{minor}{end}"));
    let field = prop_oneof![
        "[a-zA-Z-]{1,8}:[ \t]{0,2}[ -~]{0,8}[ \t]?\r?\n",
        "Content-Length: [0-9]{1,2}\r\n",
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        Just("Connection: close\r\n".to_owned()),
    ];
    let fields = vec(field, 0..4).prop_map(|fields| fields.concat());
    let text = (blanks, line, fields, "(\r\n|\n)", "[ -~\r\n]{0,40}").prop_map(
        |(blanks, line, fields, end, rest)| {
            format!("{}{line}Host: h\r\n{fields}{end}{rest}", blanks.concat()).into_bytes()
        },
    );
    (text, any::<Index>(), any::<Option<u8>>()).prop_map(|(mut text, at, byte)| {
        if let Some(byte) = byte {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

fn chunk_noise() -> impl Strategy<Value = Vec<u8>> {
    let words = "0|1|3|a|F|ffffffff|\r\n|\r\nx\r\n|3\r\nabc\r\n|\r\n\r\n|;|=|\"|\\| |\t|a=b|\
        a=\"q\"|\r|\n|0\r\n\r\n|A: b\r\n|:|x";
    let piece = prop_oneof![
        20 => word_of(words),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// What says how input is cut and what the limits are, for [`laws::with_controls`].
fn controlled(input: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (0..4_u8, vec(0..12_u8, 3), input)
        .prop_map(|(choice, cuts, input)| [vec![choice], cuts, input].concat())
}

#[test]
fn bytes_beyond_ascii_are_lawful_in_quotes_only() {
    for input in [&b"0;\xb3\r\n\r\n"[..], b"0;a=\xb3\r\n\r\n", b"0;a=\"\xb3\"\r\n\r\n"] {
        laws::chunked(input, &[1], &Limits::default());
    }
}

proptest! {
    #[test]
    fn requests_are_read_lawfully(data in controlled(head_noise())) {
        laws::with_controls(&data, "GET / HTTP/1.1\r\nHost: h\r\n", laws::requests);
    }

    #[test]
    fn nearly_good_requests_are_read_lawfully(data in controlled(nearly_good())) {
        laws::with_controls(&data, "", laws::requests);
    }

    #[test]
    fn responses_are_read_lawfully(data in controlled(head_noise()), to_head: bool) {
        let method = if to_head { "HEAD" } else { "GET" };
        laws::with_controls(&data, "HTTP/1.1 200 OK\r\n", |input, cuts, limits| {
            laws::responses(input, cuts, limits, method);
        });
    }

    #[test]
    fn chunks_are_decoded_lawfully(data in controlled(chunk_noise())) {
        laws::with_controls(&data, "", laws::chunked);
    }

    #[test]
    fn bodies_survive_the_chunks(body in vec(any::<u8>(), 0..600), cuts in vec(any::<u8>(), 0..4)) {
        laws::encoded(&body, &cuts);
    }

    #[test]
    fn urls_make_lawful_requests(rest in "[a-z:@%?#/. \\[\\]*0-9\u{e9}\r\n-]{0,24}") {
        laws::url(&format!("http://{rest}"));
        laws::url(&rest);
    }

    #[test]
    fn requests_are_read_as_they_were_written(
        method in "[!#$%&'*+.^_`|~A-Za-z0-9-]{1,9}",
        path in "/[!-~]{0,30}",
        fields in vec(("x[!#$%&'*+.^_`|~A-Za-z0-9-]{0,9}", "[ \t!-~\u{80}-\u{ff}]{0,20}"), 0..12),
    ) {
        prop_assume!(method != "CONNECT");
        let mut request = Request::new();
        request.set_method(&method).unwrap();
        request.set_uri(&path).unwrap();
        request.headers_mut().set("Host", "h").unwrap();
        for (name, value) in &fields {
            request.headers_mut().add(name, value).unwrap();
        }
        laws::request_is_read_as_written(&request);
    }

    #[test]
    fn responses_are_read_as_they_were_written(
        status in 100..1000_u16,
        reason in "[ \t!-~\u{80}-\u{ff}]{0,20}",
        fields in vec(("x[!#$%&'*+.^_`|~A-Za-z0-9-]{0,9}", "[ \t!-~\u{80}-\u{ff}]{0,20}"), 0..12),
    ) {
        let mut response = Response::new();
        response.set_status(status);
        response.set_reason(&*reason).unwrap();
        for (name, value) in &fields {
            response.headers_mut().add(name, value).unwrap();
        }
        laws::response_is_read_as_written(&response);
    }

    #[test]
    fn setters_refuse_what_would_break_the_head(name: String, value: String, method: String, uri: String) {
        let mut request = Request::new();
        request.set_uri("/").unwrap();
        request.headers_mut().set("Host", "h").unwrap();
        let _ = request.set_method(&method);
        let _ = request.set_uri(&uri);
        let _ = request.headers_mut().add(&name, &value);
        let mut wire = Vec::new();
        if request.write_head(&HeadEdit::default(), &mut wire).is_ok() {
            let ends = wire.windows(2).filter(|pair| pair == b"\r\n").count();
            prop_assert_eq!(ends, request.headers().len() + 2);
            prop_assert!(wire.iter().filter(|&&byte| byte == b'\n').count() == ends);
        }
    }
}

#[test]
fn a_trailer_that_is_refused_is_refused_whatever_the_pieces() {
    for input in ["0\r\nF", "0\r\n0\r\n", "0\r\nA: b\r\nx\r\n"] {
        laws::chunked(input.as_bytes(), &[1], &Limits::default());
    }
}
