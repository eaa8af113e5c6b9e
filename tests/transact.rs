//! Transactions: a request and the whole response to it as one operation.
//!
//! Source: nng 1.12, nng_http_conn_transact(3http); RFC 9112 section 6.3.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use nng_aio::codes::*;
use nng_oxide::http::{Request, Response, Shared};
use proptest::prelude::*;
use support::{BIG, Bench, Driver, Op, get, on_both_runtimes, pattern};

/// How the request of [`get`]`("/")` goes over the wire.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// The response that most tests send.
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn response() -> Shared<Response> {
    Shared::new(Response::new())
}

fn status(response: &Shared<Response>) -> u16 {
    response.lock().status()
}

fn body(response: &Shared<Response>) -> String {
    String::from_utf8_lossy(response.lock().body()).into_owned()
}

fn field(response: &Shared<Response>, name: &str) -> Option<String> {
    response.lock().headers().get(name).map(|value| value.into_owned())
}

fn with_method(method: &str) -> Request {
    let mut request = get("/");
    request.set_method(method).unwrap();
    request
}

/// A request whose body the peer has to read before all of it can be sent.
fn large() -> Request {
    let mut request = get("/");
    request.set_body(vec![b'x'; BIG]);
    request
}

/// Makes a transaction to which the peer answers `text`; returns how that ended.
fn answered(bench: &Bench, request: &Request, text: &str) -> (i32, Shared<Response>) {
    let response = response();
    let op = bench.transact(request, &response);
    bench.receive(request_len(request));
    bench.send(text);
    let (result, count) = op.end();
    assert_eq!(count, 0);
    (result, response)
}

fn request_len(request: &Request) -> usize {
    format!("{} {} HTTP/1.1\r\nHost: h\r\n\r\n", request.method(), request.uri()).len()
}

/// A transaction still works.
fn assert_usable(bench: &Bench) {
    let (result, response) = answered(bench, &get("/"), HELLO);
    assert_eq!((result, body(&response)), (0, "hello".to_owned()));
}

on_both_runtimes! {
    // --- The response that comes ----------------------------------------------------------------

    fn a_response_of_known_length_is_read_whole(bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        bench.expect(REQUEST);
        op.assert_pending();
        bench.send("HTTP/1.1 203 Fine\r\nX: 1\r\nContent-Length: 5\r\n\r\nhel");
        op.assert_pending();
        bench.send("lo");
        assert_eq!(op.end(), (0, 0));
        {
            let response = response.lock();
            assert_eq!((response.status(), response.reason()), (203, "Fine"));
        }
        assert_eq!(body(&response), "hello");
        assert_eq!(field(&response, "x").as_deref(), Some("1"));
        bench.assert_open();
    }

    fn a_response_replaces_whatever_was_in_the_object(bench) {
        let response = response();
        response.lock().set_status(500);
        response.lock().set_body("old");
        response.lock().headers_mut().set("Old", "1").unwrap();
        let op = bench.transact(&get("/"), &response);
        assert_eq!(response.lock().body(), b"", "it is empty meanwhile");
        bench.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(op.result(), 0);
        assert_eq!((status(&response), body(&response)), (201, String::new()));
        assert_eq!(field(&response, "old"), None);
        for text in ["first", "second, longer", "3"] {
            let op = bench.transact(&get("/"), &response);
            bench.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
            assert_eq!((op.result(), body(&response)), (0, text.to_owned()));
        }
    }

    fn the_request_is_not_consumed_and_free_after_the_call(bench) {
        let mut request = large();
        let response = response();
        let op = bench.transact(&request, &response);
        request.set_body("changed");
        request.set_uri("/changed").unwrap();
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: {BIG}\r\n\r\n");
        bench.expect(&head);
        assert!(bench.receive(BIG).iter().all(|byte| *byte == b'x'));
        bench.send(HELLO);
        assert_eq!((op.result(), body(&response)), (0, "hello".to_owned()));
    }

    fn a_large_response_is_read_whole(bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        bench.expect(REQUEST);
        bench.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 2 * BIG));
        bench.send(pattern(2 * BIG));
        assert_eq!(op.result(), 0);
        assert!(response.lock().body() == pattern(2 * BIG));
        assert_usable(&bench);
    }

    fn a_response_to_head_has_no_body(bench) {
        for fields in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            let (result, response) = answered(&bench, &with_method("HEAD"), &text);
            assert_eq!((result, body(&response)), (0, String::new()), "{fields}");
        }
        let text = "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n";
        assert_eq!(answered(&bench, &with_method("HEAD"), text).0, 0);
        assert_usable(&bench);
    }

    fn the_length_that_head_was_told_is_kept(bench) {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        let (_, response) = answered(&bench, &with_method("HEAD"), text);
        assert_eq!(field(&response, "content-length").as_deref(), Some("1000"));
    }

    fn interim_responses_are_skipped(bench) {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\
                    Content-Length: 7\r\n\r\nHTTP/1.1 100 Again\r\n\r\n";
        let (result, response) = answered(&bench, &get("/"), &format!("{text}{HELLO}"));
        assert_eq!((result, status(&response)), (0, 200));
        assert_eq!((body(&response), field(&response, "link")), ("hello".to_owned(), None));
        assert_usable(&bench);
    }

    fn a_peer_that_sends_nothing_but_interim_responses_breaks_the_protocol(bench) {
        let interims = "HTTP/1.1 102 Processing\r\n\r\n".repeat(256);
        let answer = "HTTP/1.1 204 No Content\r\n\r\n";
        let (end, response) = answered(&bench, &get("/"), &format!("{interims}{answer}"));
        assert_eq!((end, status(&response)), (0, 204));
        let more = format!("{interims}HTTP/1.1 102 Processing\r\n\r\n{answer}");
        assert_eq!(answered(&bench, &get("/"), &more).0, NNG_EPROTO);
    }

    fn interim_responses_may_come_long_before(bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        for _ in 0..5 {
            bench.send("HTTP/1.1 102 Processing\r\n\r\n");
            op.assert_pending();
        }
        bench.send(HELLO);
        assert_eq!((op.result(), body(&response)), (0, "hello".to_owned()));
    }

    fn an_upgrade_is_final_and_leaves_what_follows(bench) {
        let text = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nbytes";
        let (result, response) = answered(&bench, &get("/"), text);
        assert_eq!((result, status(&response)), (0, 101));
        assert_eq!(body(&response), "");
        assert_eq!(bench.read_all(5).text(), "bytes");
        bench.assert_open();
    }

    fn statuses_without_body_have_none_whatever_the_fields_say(bench) {
        for code in [204, 304] {
            for fields in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
                let text = format!("HTTP/1.1 {code} x\r\n{fields}\r\n");
                let (result, response) = answered(&bench, &get("/"), &text);
                assert_eq!((result, status(&response)), (0, code));
                assert_eq!(body(&response), "");
            }
        }
        assert_usable(&bench);
    }

    fn chunked_bodies_are_put_together(bench) {
        for coding in ["chunked", "Chunked", "CHUNKED", "gzip, chunked"] {
            let text = format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\nTrailer: T\r\n\r\n\
                 3\r\nhel\r\n1;a=b\r\nl\r\n00A ; c\r\no, worldXY\r\n0\r\nT: 1\r\n\r\n"
            );
            let (result, response) = answered(&bench, &get("/"), &text);
            assert_eq!((result, body(&response)), (0, "hello, worldXY".to_owned()), "{coding}");
            // What else it is coded in is for the reader to undo.
            let left = coding.split_once(", ").map(|(inner, _)| inner);
            assert_eq!(field(&response, "transfer-encoding").as_deref(), left, "{coding}");
            assert_eq!(field(&response, "trailer"), None);
            assert_eq!(field(&response, "content-length").as_deref(), Some("14"));
        }
        assert_usable(&bench);
    }

    fn chunked_wins_over_a_length(bench) {
        for length in ["1", "many"] {
            let text = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n"
            );
            let (result, response) = answered(&bench, &get("/"), &text);
            assert_eq!((result, body(&response)), (0, "hello".to_owned()));
            assert_eq!(field(&response, "content-length").as_deref(), Some("5"));
        }
        assert_usable(&bench);
    }

    fn an_empty_chunked_body_is_a_body(bench) {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let (result, response) = answered(&bench, &get("/"), text);
        assert_eq!((result, body(&response)), (0, String::new()));
        assert_usable(&bench);
    }

    fn equal_lengths_are_one_length(bench) {
        for fields in ["Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n"] {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\nhello");
            let (result, response) = answered(&bench, &get("/"), &text);
            assert_eq!((result, body(&response)), (0, "hello".to_owned()));
        }
        assert_usable(&bench);
    }

    fn a_body_without_length_lasts_until_the_end_of_the_stream(bench) {
        for head in ["HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\nTransfer: x\r\n",
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n"] {
            let bench = Bench::unix(bench.driver().clone());
            let response = response();
            let op = bench.transact(&get("/"), &response);
            bench.expect(REQUEST);
            let queued = bench.read(1);
            bench.send(format!("{head}\r\nhel"));
            bench.send("lo");
            op.assert_pending();
            bench.end_sending();
            assert_eq!((op.result(), body(&response)), (0, "hello".to_owned()));
            assert_eq!(queued.result(), NNG_ECLOSED);
            bench.assert_closed();
        }
    }

    fn a_body_without_length_may_be_empty(bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        bench.send("HTTP/1.1 200 OK\r\n\r\n");
        bench.end_sending();
        assert_eq!((op.result(), body(&response)), (0, String::new()));
        bench.assert_closed();
    }

    fn a_response_that_says_close_leaves_the_connection_to_the_caller(bench) {
        let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
        let (result, _) = answered(&bench, &get("/"), text);
        assert_eq!(result, 0);
        assert!(!bench.conn.is_closed());
        bench.end_sending();
        let next = bench.transact(&get("/"), &response());
        assert_eq!(next.end(), (NNG_ECONNSHUT, 0));
        bench.assert_closed();
    }

    fn bytes_behind_the_response_stay_in_the_stream(bench) {
        let (result, _) = answered(&bench, &get("/"), &format!("{HELLO}more"));
        assert_eq!(result, 0);
        assert_eq!(bench.read_all(4).text(), "more");
        bench.assert_open();
    }

    // --- The response that does not -------------------------------------------------------------

    fn a_length_that_is_no_number_is_a_protocol_error(bench) {
        let lengths =
            ["many", "-1", "+5", "5 x", "0x5", "", "5, 6", "5,", "18446744073709551616"];
        for length in lengths {
            let bench = Bench::unix(bench.driver().clone());
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello");
            let (result, response) = answered(&bench, &get("/"), &text);
            assert_eq!((result, body(&response)), (NNG_EPROTO, String::new()), "{length:?}");
            bench.assert_closed();
        }
    }

    fn a_malformed_response_is_a_protocol_error(bench) {
        let texts = [
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 100 OK\r\n\r\nnothing",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n: bad\r\n\r\n",
        ];
        for text in texts {
            let bench = Bench::unix(bench.driver().clone());
            let (result, response) = answered(&bench, &get("/"), text);
            assert_eq!((result, body(&response)), (NNG_EPROTO, String::new()), "{text:?}");
            bench.assert_closed();
        }
    }

    fn limits_of_heads_chunk_lines_and_trailers_are_kept(bench) {
        let texts = [
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(64 << 10)),
            format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(64 << 10)),
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(129)),
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(1024)),
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}",
                "A: b\r\n".repeat(2000)
            ),
        ];
        for text in texts {
            let bench = Bench::unix(bench.driver().clone());
            let (result, _) = answered(&bench, &get("/"), &text);
            assert_eq!(result, NNG_EMSGSIZE);
            bench.assert_closed();
        }
    }

    fn huge_lengths_cost_nothing_until_the_bytes_come(bench) {
        let texts = [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nhello", u64::MAX),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello".into(),
        ];
        for text in texts {
            let bench = Bench::unix(bench.driver().clone());
            let response = response();
            let op = bench.transact(&get("/"), &response);
            bench.send(text);
            op.assert_pending();
            bench.end_sending();
            assert_eq!((op.result(), body(&response)), (NNG_ECONNSHUT, String::new()));
            bench.assert_closed();
        }
    }

    fn a_response_that_is_cut_off_gives_connection_shutdown(bench) {
        let texts = [
            HELLO,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ];
        for text in texts {
            for at in (0..text.len()).step_by(3) {
                let bench = Bench::unix(bench.driver().clone());
                let response = response();
                let op = bench.transact(&get("/"), &response);
                bench.send(&text[..at]);
                bench.settle();
                bench.end_sending();
                assert_eq!(op.end(), (NNG_ECONNSHUT, 0), "{:?}", &text[..at]);
                assert_eq!(body(&response), "", "no part of a body is left");
                bench.assert_closed();
            }
        }
    }

    fn a_reset_gives_connection_reset(mut bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        op.assert_pending();
        bench.reset_by_peer();
        assert_eq!((op.end(), body(&response)), ((NNG_ECONNRESET, 0), String::new()));
        bench.assert_closed();
    }

    fn a_reset_while_the_request_waits_gives_connection_reset(mut bench) {
        let op = bench.transact(&large(), &response());
        op.assert_pending();
        bench.reset_by_peer();
        assert_eq!(op.end(), (NNG_ECONNRESET, 0));
        bench.assert_closed();
    }

    fn a_peer_that_has_gone_gives_connection_shutdown(mut bench) {
        bench.close_peer();
        let response = response();
        let op = bench.transact(&get("/"), &response);
        assert_eq!(op.end(), (NNG_ECONNSHUT, 0));
        bench.assert_closed();
    }

    fn nothing_of_a_request_is_kept_that_cannot_be_sent(mut bench) {
        bench.close_peer();
        let body: Arc<[u8]> = pattern(BIG).into();
        let mut request = get("/");
        request.set_body(body.clone());
        let op = bench.transact(&request, &response());
        drop(request);
        assert_eq!(op.end(), (NNG_ECONNSHUT, 0));
        assert_eq!(Arc::strong_count(&body), 1);
    }

    fn a_request_without_uri_is_invalid_and_changes_nothing(bench) {
        let response = response();
        response.lock().set_status(404);
        let read = bench.read_all(4);
        assert_eq!(bench.transact(&Request::new(), &response).end(), (NNG_EINVAL, 0));
        assert_eq!(status(&response), 404);
        read.assert_pending();
        bench.send("next");
        assert_eq!(read.text(), "next");
        bench.assert_open();
    }

    fn a_closed_connection_gives_closed(bench) {
        bench.conn.close();
        let response = response();
        response.lock().set_body("old");
        assert_eq!(bench.transact(&get("/"), &response).end(), (NNG_ECLOSED, 0));
        assert_eq!(body(&response), "");
    }

    // --- A request that takes long --------------------------------------------------------------

    fn a_response_may_arrive_before_the_request_is_out(bench) {
        let response = response();
        let op = bench.transact(&large(), &response);
        op.assert_pending();
        bench.send("HTTP/1.1 413 No\r\nContent-Length: 5\r\n\r\nlarge");
        assert_eq!((op.result(), body(&response)), (0, "large".to_owned()));
        // The rest of the request still goes out, and before whatever comes next.
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: {BIG}\r\n\r\n");
        let next = bench.transact(&get("/"), &response);
        bench.expect(&head);
        bench.receive(BIG);
        bench.expect(REQUEST);
        bench.send(HELLO);
        assert_eq!((next.result(), body(&response)), (0, "hello".to_owned()));
    }

    fn what_was_there_before_the_request_answers_something_else(bench) {
        let first = response();
        let op = bench.transact(&get("/1"), &first);
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{HELLO}"));
        assert_eq!((op.result(), body(&first)), (0, String::new()));
        let second = response();
        let op = bench.transact(&get("/2"), &second);
        assert_eq!((op.result(), body(&second)), (NNG_EPROTO, String::new()));
        bench.expect_end("");
        bench.assert_closed();
    }

    fn what_comes_behind_an_answer_is_not_the_answer_to_the_next_in_the_queue(bench) {
        let (first, second) = (response(), response());
        let ops = [bench.transact(&get("/1"), &first), bench.transact(&get("/2"), &second)];
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send(format!("{HELLO}{HELLO}"));
        assert_eq!((ops[0].result(), body(&first)), (0, "hello".to_owned()));
        assert_eq!((ops[1].result(), body(&second)), (NNG_EPROTO, String::new()));
        bench.expect_end("");
    }

    // --- Several --------------------------------------------------------------------------------

    fn two_at_once_follow_each_other_in_order(bench) {
        let (first, second) = (response(), response());
        let ops = [bench.transact(&get("/1"), &first), bench.transact(&get("/2"), &second)];
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
        assert_eq!(ops[0].end(), (0, 0));
        ops[1].assert_pending();
        bench.expect("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
        assert_eq!(ops[1].end(), (0, 0));
        assert_eq!((body(&first), body(&second)), ("one".to_owned(), "two".to_owned()));
        bench.assert_open();
    }

    fn a_second_request_waits_for_the_first_response(bench) {
        let (first, second) = (response(), response());
        let ops = [bench.transact(&get("/1"), &first), bench.transact(&get("/2"), &second)];
        let raw = bench.write_all("raw");
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\non");
        raw.assert_pending();
        bench.send("e");
        assert_eq!(ops[0].end(), (0, 0));
        bench.expect("GET /2 HTTP/1.1\r\nHost: h\r\n\r\nraw");
        assert_eq!(raw.end(), (0, 3));
        bench.send(HELLO);
        assert_eq!((ops[1].result(), body(&second)), (0, "hello".to_owned()));
    }

    fn many_at_once_follow_each_other_in_order(bench) {
        let ops: Vec<_> = (0..50)
            .map(|number| {
                let response = response();
                (bench.transact(&get(&format!("/{number}")), &response), response)
            })
            .collect();
        for (number, (op, response)) in ops.iter().enumerate() {
            bench.expect(&format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let text = number.to_string();
            bench.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
            assert_eq!((op.result(), body(response)), (0, text));
        }
        bench.assert_open();
    }

    fn a_transaction_keeps_its_place_among_reads_and_writes(bench) {
        let read = bench.read_all(3);
        let response = response();
        let op = bench.transact(&get("/"), &response);
        let (later, raw) = (bench.read_all(4), bench.write_all("raw"));
        bench.expect(&format!("{REQUEST}raw"));
        bench.send(format!("abc{HELLO}tail"));
        assert_eq!((read.text(), op.result()), ("abc".to_owned(), 0));
        assert_eq!((body(&response), later.text()), ("hello".to_owned(), "tail".to_owned()));
        assert_eq!(raw.result(), 0);
        bench.assert_open();
    }

    fn the_next_one_fails_if_the_first_response_ends_the_stream(bench) {
        let (first, second) = (response(), response());
        let ops = [bench.transact(&get("/1"), &first), bench.transact(&get("/2"), &second)];
        bench.send("HTTP/1.1 200 OK\r\n\r\nall");
        bench.end_sending();
        assert_eq!((ops[0].result(), body(&first)), (0, "all".to_owned()));
        assert_eq!(ops[1].end(), (NNG_ECLOSED, 0));
        bench.expect_end("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.assert_closed();
    }

    fn a_callback_may_start_the_next_one_on_its_aio(bench) {
        let (conn, response) = (bench.conn.clone(), response());
        let (tell, hear) = std::sync::mpsc::channel();
        let aio = bench.runtime().aio({
            let response = response.clone();
            move |aio| {
                let _ = tell.send((aio.result(), body(&response)));
                if aio.result() == 0 {
                    conn.transact(&get("/"), &response, aio);
                }
            }
        });
        bench.conn.transact(&get("/"), &response, &aio);
        for number in 0..20 {
            bench.expect(REQUEST);
            bench.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", number % 10));
        }
        bench.expect(REQUEST);
        bench.end_sending();
        let mut ends = Vec::new();
        bench.until(|| {
            ends.extend(hear.try_iter());
            ends.last().is_some_and(|(result, _)| *result != 0)
        });
        assert_eq!(ends.len(), 21);
        for (number, end) in ends[..20].iter().enumerate() {
            assert_eq!(*end, (0, (number % 10).to_string()));
        }
        assert_eq!(ends[20], (NNG_ECONNSHUT, String::new()));
    }

    // --- Cancelling and closing -----------------------------------------------------------------

    fn cancelling_it_closes(bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        let (read, next) = (bench.read(1), bench.transact(&get("/"), &Shared::default()));
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        op.assert_pending();
        op.aio.cancel();
        assert_eq!((op.end(), body(&response)), ((NNG_ECANCELED, 0), String::new()));
        assert_eq!((read.end(), next.end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn cancelling_it_closes_also_if_nothing_of_the_response_came(bench) {
        let op = bench.transact(&get("/"), &response());
        bench.expect(REQUEST);
        op.assert_pending();
        op.aio.cancel();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        bench.assert_closed();
    }

    fn cancelling_it_while_the_request_waits_closes(bench) {
        let op = bench.transact(&large(), &response());
        let queued = bench.write_all("x");
        op.assert_pending();
        op.aio.cancel();
        assert_eq!((op.end(), queued.end()), ((NNG_ECANCELED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn cancelling_one_that_waits_behind_a_write_takes_it_out(bench) {
        let active = bench.block_writes();
        let response = response();
        let (op, next) = (bench.transact(&get("/gone"), &response), bench.read_all(2));
        let last = bench.write_all("last");
        op.aio.cancel();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        bench.receive(BIG);
        bench.expect("last");
        bench.send("ab");
        assert_eq!((active.result(), last.result(), next.text()), (0, 0, "ab".to_owned()));
        bench.assert_open();
    }

    fn cancelling_one_that_waits_behind_another_takes_it_out(bench) {
        let (first, second, third) = (response(), response(), response());
        let ops = [
            bench.transact(&get("/1"), &first),
            bench.transact(&get("/2"), &second),
            bench.transact(&get("/3"), &third),
        ];
        ops[1].assert_pending();
        ops[1].aio.cancel();
        assert_eq!(ops[1].end(), (NNG_ECANCELED, 0));
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
        bench.expect("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthree");
        assert_eq!((ops[0].result(), ops[2].result()), (0, 0));
        assert_eq!((body(&first), body(&third)), ("one".to_owned(), "three".to_owned()));
        bench.assert_open();
    }

    fn cancelling_the_second_lets_a_write_behind_it_go(bench) {
        let ops = [bench.transact(&get("/1"), &response()), bench.transact(&get("/2"), &response())];
        let raw = bench.write_all("raw");
        raw.assert_pending();
        ops[1].aio.cancel();
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nraw");
        assert_eq!((ops[1].end(), raw.end()), ((NNG_ECANCELED, 0), (0, 3)));
        bench.send(HELLO);
        assert_eq!(ops[0].result(), 0);
        bench.assert_open();
    }

    fn a_limit_ends_it_and_closes(bench) {
        let op = bench.op().timeout(Duration::from_millis(5));
        let response = response();
        bench.conn.transact(&get("/"), &response, &op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.assert_closed();
    }

    fn a_limit_takes_one_that_waits_out(bench) {
        let first = bench.transact(&get("/1"), &response());
        let op = bench.op().timeout(Duration::from_millis(5));
        bench.conn.transact(&get("/2"), &response(), &op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.send(HELLO);
        assert_eq!(first.result(), 0);
        bench.expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.assert_open();
    }

    fn a_limit_of_zero_gives_timed_out_at_once_without_effect(bench) {
        let response = response();
        response.lock().set_body("old");
        let op = bench.op().timeout(Duration::ZERO);
        bench.conn.transact(&get("/"), &response, &op.aio);
        assert_eq!((op.end(), body(&response)), ((NNG_ETIMEDOUT, 0), "old".to_owned()));
        bench.assert_open();
    }

    fn a_stopped_aio_is_refused_without_callback_or_effect(bench) {
        let response = response();
        response.lock().set_body("old");
        let op = bench.op();
        op.aio.stop();
        bench.conn.transact(&get("/"), &response, &op.aio);
        bench.settle();
        assert_eq!((op.aio.result(), op.runs()), (NNG_ECANCELED, 0));
        assert_eq!(body(&response), "old");
        bench.assert_open();
    }

    fn closing_cancels_it_while_the_response_is_awaited(bench) {
        let ops = [bench.transact(&get("/1"), &response()), bench.transact(&get("/2"), &response())];
        ops[0].assert_pending();
        bench.conn.close();
        assert_eq!((ops[0].end(), ops[1].end()), ((NNG_ECANCELED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn closing_cancels_it_while_the_request_is_sent(bench) {
        let (op, next) = (bench.transact(&large(), &response()), bench.read(1));
        op.assert_pending();
        bench.conn.close();
        assert_eq!((op.end(), next.end()), ((NNG_ECANCELED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn a_write_that_closes_ends_it(bench) {
        let response = response();
        let op = bench.transact(&get("/"), &response);
        op.assert_pending();
        let mut last = Response::new();
        last.headers_mut().set("Connection", "close").unwrap();
        assert_eq!(bench.write_res(&last).result(), 0);
        assert_eq!(op.end(), (NNG_ECLOSED, 0));
    }
}

/// With threads the write may fail between the last look at the input and the answer's arrival.
#[test]
fn a_response_that_is_here_outlives_the_failure_of_its_request() {
    let mut bench = Bench::host();
    let response = response();
    let op = bench.transact(&large(), &response);
    op.assert_pending();
    bench.send("HTTP/1.1 413 No\r\nContent-Length: 5\r\n\r\nlarge");
    bench.reset_by_peer();
    assert_eq!((op.result(), body(&response)), (0, "large".to_owned()));
    bench.until(|| bench.conn.is_closed());
}

/// A response in its wire form, and the body that is in it.
fn any_response() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let body = prop::collection::vec(any::<u8>(), 0..300);
    let interim = prop::collection::vec(
        prop::sample::select(vec![
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 x\r\nA: b\r\n\r\n",
        ]),
        0..3,
    );
    (interim, body, any::<bool>(), 1..50_usize).prop_map(|(interim, body, is_chunked, size)| {
        let mut wire = interim.concat().into_bytes();
        if is_chunked {
            wire.extend(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(size) {
                wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
        } else {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            wire.extend(head.into_bytes());
            wire.extend(&body);
        }
        (wire, body)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However the responses are cut into pieces, each transaction gets its own.
    #[test]
    fn any_pieces_give_the_same_responses(
        responses in prop::collection::vec(any_response(), 1..5),
        cuts in prop::collection::vec(1..80_usize, 1..40),
    ) {
        let bench = Bench::unix(Driver::host());
        let mut cuts = cuts.iter().cycle();
        for (wire, expected) in &responses {
            let response = response();
            let op: Op = bench.transact(&get("/"), &response);
            bench.expect(REQUEST);
            let mut left = &wire[..];
            while !left.is_empty() {
                prop_assert_eq!(op.runs(), 0);
                let (piece, rest) = left.split_at(left.len().min(*cuts.next().unwrap()));
                bench.send(piece);
                bench.settle();
                left = rest;
            }
            prop_assert_eq!(op.end(), (0, 0));
            let response = response.lock();
            prop_assert_eq!(response.body(), &expected[..]);
        }
        bench.assert_open();
    }
}
