//! The contract of [`Conn::write_res`], continued: which responses close the connection, and how it
//! is closed.
//!
//! Source: nng 1.12, nng_http_conn_write_res(3http); RFC 9112 section 9.6.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use nng_aio::codes::*;
use nng_oxide::http::{Body, Response, Shared, Version};
use support::{BIG, Bench, get, on_both_runtimes, pattern, with_body, with_fields};

/// What a response says that ends its connection.
fn closing() -> Response {
    let mut response = with_fields(&[("Connection", "close")]);
    response.set_body("bye");
    response
}

/// How the response of [`closing`] goes over the wire.
const CLOSING: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye";

/// The wire form of a response with the body "hello".
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

on_both_runtimes! {
    // --- Persistence: what closes ---------------------------------------------------------------

    fn a_response_that_says_close_in_any_case_closes(bench) {
        for value in ["close", "Close", "CLOSE", "close, x", "x,close", "x ,\tClOsE , y"] {
            let bench = Bench::unix(bench.driver().clone());
            let op = bench.write_res(&with_fields(&[("Connection", value)]));
            assert_eq!(op.result(), 0, "{value}");
            assert!(bench.conn.is_closed(), "{value}");
            bench.expect_end(&format!("HTTP/1.1 200 OK\r\nConnection: {value}\r\n\r\n"));
        }
    }

    fn a_response_that_does_not_say_close_keeps_the_connection(bench) {
        for value in ["keep-alive", "xclosey", "not close", "close;x", "\"close\"", "upgrade", ""] {
            let op = bench.write_res(&with_fields(&[("Connection", value)]));
            bench.expect(&format!("HTTP/1.1 200 OK\r\nConnection: {value}\r\n\r\n"));
            assert_eq!(op.result(), 0, "{value}");
            bench.assert_open();
        }
        let op = bench.write_res(&with_fields(&[("Proxy-Connection", "close")]));
        bench.expect("HTTP/1.1 200 OK\r\nProxy-Connection: close\r\n\r\n");
        assert_eq!(op.result(), 0);
        bench.assert_open();
    }

    fn a_response_of_another_version_closes(bench) {
        for version in ["HTTP/1.0", "HTTP/1.2", "HTTP/0.9"] {
            let bench = Bench::unix(bench.driver().clone());
            let mut response = with_fields(&[("Connection", "keep-alive")]);
            response.set_version(version.parse().unwrap());
            response.set_body("x");
            assert_eq!(bench.write_res(&response).result(), 0);
            assert!(bench.conn.is_closed(), "{version}");
            bench.expect_end(&format!(
                "{version} 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx"
            ));
        }
    }

    fn interim_responses_close_nothing(bench) {
        for status in [100, 101, 102, 103, 199] {
            let mut response = with_fields(&[("Connection", "close")]);
            response.set_status(status);
            response.set_version(Version::HTTP_10);
            let op = bench.write_res(&response);
            assert_eq!(op.result(), 0);
            bench.receive(op.aio.count());
            bench.assert_open();
        }
    }

    fn a_request_that_says_close_closes_nothing(bench) {
        let mut request = get("/");
        request.headers_mut().set("Connection", "close").unwrap();
        let op = bench.write_req(&request);
        bench.expect("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert_eq!(op.result(), 0);
        bench.assert_open();
    }

    // --- Persistence: what happens then ---------------------------------------------------------

    fn submissions_in_the_callback_of_the_closing_write_get_closed(bench) {
        let second = Arc::new(bench.op());
        let first = bench.op_then({
            let (conn, second) = (bench.conn.clone(), Arc::clone(&second));
            move |aio| {
                assert_eq!(aio.result(), 0);
                conn.write_res(&with_body("hello"), &second.aio);
            }
        });
        bench.conn.write_res(&closing(), &first.aio);
        assert_eq!(first.result(), 0);
        assert_eq!(second.end(), (NNG_ECLOSED, 0));
        bench.expect_end(CLOSING);
        bench.assert_closed();
    }

    fn submissions_in_the_callback_of_a_slow_closing_write_get_closed(bench) {
        let mut response = closing();
        response.set_body(vec![0; BIG]);
        let second = Arc::new(bench.op());
        let first = bench.op_then({
            let (conn, second) = (bench.conn.clone(), Arc::clone(&second));
            move |_| conn.write_res(&with_body("hello"), &second.aio)
        });
        bench.conn.write_res(&response, &first.aio);
        first.assert_pending();
        let bytes = bench.receive_to_end();
        assert_eq!(first.end(), (0, bytes.len()));
        assert_eq!(second.end(), (NNG_ECLOSED, 0));
    }

    fn submissions_right_after_the_call_get_closed(bench) {
        let first = bench.write_res(&closing());
        bench.assert_closed();
        assert_eq!(first.end(), (0, CLOSING.len()));
        bench.expect_end(CLOSING);
    }

    fn queued_writes_and_pending_reads_get_closed(bench) {
        let active = bench.block_writes();
        let last = bench.write_res(&closing());
        let later = [bench.write("x"), bench.write_all("y"), bench.write_res(&Response::new())];
        let response = Shared::new(Response::new());
        let reads = [bench.read_all(3), bench.read(1), bench.read_res(&response)];
        bench.send("ab");
        bench.settle();
        bench.receive(BIG);
        bench.expect_end(CLOSING);
        assert_eq!((active.result(), last.end()), (0, (0, CLOSING.len())));
        assert!(later.iter().all(|op| op.end() == (NNG_ECLOSED, 0)));
        let [all, some, head] = &reads;
        assert_eq!(all.result(), NNG_ECLOSED);
        assert_eq!((some.end(), head.end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn what_was_queued_before_the_closing_write_is_sent(bench) {
        let active = bench.block_writes();
        let ops = [bench.write_all("<raw>"), bench.write_res(&closing())];
        bench.receive(BIG);
        bench.expect_end(&format!("<raw>{CLOSING}"));
        assert_eq!(active.result(), 0);
        assert!(ops.iter().all(|op| op.result() == 0));
        bench.assert_closed();
    }

    fn cancelling_a_queued_closing_write_keeps_the_connection(bench) {
        let active = bench.block_writes();
        let last = bench.write_res(&closing());
        last.aio.cancel();
        assert_eq!(last.end(), (NNG_ECANCELED, 0));
        bench.receive(BIG);
        assert_eq!(active.result(), 0);
        bench.assert_open();
    }

    fn closing_again_while_it_lingers_loses_nothing(bench) {
        let mut response = closing();
        let body = pattern(BIG / 2);
        response.set_body(body.clone());
        let op = bench.write_res(&response);
        op.assert_pending();
        let mut bytes = Vec::new();
        while op.runs() == 0 {
            bytes.extend(bench.try_receive(64 << 10).unwrap());
        }
        // Up to a send buffer full of it is on its way now.
        bench.conn.close();
        bytes.extend(bench.receive_to_end());
        assert!(bytes.ends_with(&body));
        bench.assert_closed();
    }

    fn the_last_handle_may_go_while_it_lingers(bench) {
        let mut bench = bench.with_tcp();
        bench.send(vec![b'x'; 100_000]);
        assert_eq!(bench.write_res(&closing()).result(), 0);
        drop(bench.take_conn());
        bench.settle();
        bench.expect_end(CLOSING);
    }

    fn the_last_handle_takes_a_closing_write_that_is_not_done_with_it(mut bench) {
        let mut response = closing();
        response.set_body(vec![0; BIG]);
        let op = bench.write_res(&response);
        op.assert_pending();
        drop(bench.take_conn());
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        assert!(bench.receive_to_end().len() < BIG);
    }

    // --- Lingering ------------------------------------------------------------------------------

    fn the_peer_gets_everything_though_it_has_sent_what_nobody_read(bench) {
        let bench = bench.with_tcp();
        bench.send(vec![b'x'; 100_000]);
        assert_eq!(bench.write_res(&closing()).result(), 0);
        bench.settle();
        // Closing with input unread would have reset the connection.
        bench.expect_end(CLOSING);
    }

    fn the_peer_gets_everything_though_it_goes_on_sending(bench) {
        let bench = bench.with_tcp();
        bench.send(vec![b'x'; 10_000]);
        assert_eq!(bench.write_res(&closing()).result(), 0);
        for _ in 0..20 {
            bench.send(vec![b'y'; 50_000]);
        }
        bench.expect_end(CLOSING);
    }

    fn lingering_ends_when_the_peer_ends(bench) {
        assert_eq!(bench.write_res(&closing()).result(), 0);
        bench.expect_end(CLOSING);
        assert_eq!(bench.runtime().stats().sources, 1, "it waits for the peer");
        bench.end_sending();
        bench.until(|| bench.runtime().stats().sources == 0);
    }

    fn lingering_ends_when_the_peer_goes(mut bench) {
        assert_eq!(bench.write_res(&closing()).result(), 0);
        bench.close_peer();
        bench.until(|| bench.runtime().stats().sources == 0);
    }

    fn lingering_does_not_begin_if_the_peer_has_ended_before(bench) {
        bench.end_sending();
        assert_eq!(bench.write_res(&closing()).result(), 0);
        bench.expect_end(CLOSING);
        bench.until(|| bench.runtime().stats().sources == 0);
    }

    fn lingering_ends_in_time_though_the_peer_does_not(bench) {
        assert_eq!(bench.write_res(&closing()).result(), 0);
        bench.expect_end(CLOSING);
        bench.until(|| bench.runtime().stats().sources == 0);
    }

    fn a_peer_that_has_ended_its_side_gets_its_response(bench) {
        bench.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.end_sending();
        bench.settle();
        assert_eq!(bench.read_req(&Shared::default()).result(), 0);
        let op = bench.write_res(&with_body("hello"));
        bench.expect(HELLO);
        assert_eq!(op.result(), 0);
        assert_eq!(bench.write_res(&closing()).result(), 0);
        bench.expect_end(CLOSING);
        bench.until(|| bench.runtime().stats().sources == 0);
    }

    // --- Persistence: deferred ------------------------------------------------------------------

    fn a_longer_content_length_defers_the_close_until_the_rest_was_written(bench) {
        let mut response = closing();
        response.headers_mut().set("Content-Length", "10").unwrap();
        assert_eq!(bench.write_res(&response).result(), 0);
        assert_eq!(bench.write("1234").end(), (0, 4));
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.write_all("56").end(), (0, 2));
        assert!(!bench.conn.is_closed(), "one byte is missing");
        assert_eq!(bench.write_all("7").end(), (0, 1));
        bench.assert_closed();
        bench.expect_end(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nbye1234567",
        );
    }

    fn a_head_first_and_the_body_after_it_closes_with_the_last_byte(bench) {
        let response = with_fields(&[("Connection", "close"), ("Content-Length", "5")]);
        let second = Arc::new(bench.op());
        let body = bench.op_then({
            let (conn, second) = (bench.conn.clone(), Arc::clone(&second));
            move |_| conn.write_all(&second.aio)
        });
        assert_eq!(bench.write_res(&response).result(), 0);
        assert!(!bench.conn.is_closed());
        body.aio.set_buffer(b"hello".to_vec()).unwrap();
        bench.conn.write_all(&body.aio);
        assert_eq!((body.end(), second.end()), ((0, 5), (NNG_ECLOSED, 0)));
    }

    fn bytes_beyond_the_declared_length_in_the_same_write_are_sent(bench) {
        let response = with_fields(&[("Connection", "close"), ("Content-Length", "2")]);
        assert_eq!(bench.write_res(&response).result(), 0);
        assert_eq!(bench.write_all("hello").end(), (0, 5));
        bench.assert_closed();
        assert!(bench.receive_to_end().ends_with(b"\r\n\r\nhello"));
    }

    fn empty_writes_do_not_bring_a_deferred_close_nearer(bench) {
        let response = with_fields(&[("Connection", "close"), ("Content-Length", "1")]);
        assert_eq!(bench.write_res(&response).result(), 0);
        assert_eq!(bench.write_all("").end(), (0, 0));
        assert_eq!(bench.start(|conn, aio| conn.write(aio)).end(), (0, 0));
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.write("x").end(), (0, 1));
        bench.assert_closed();
    }

    fn a_deferred_close_counts_what_is_queued_behind_the_head_alone(bench) {
        let active = bench.block_writes();
        let before = bench.write_all("before");
        let response = with_fields(&[("Connection", "close"), ("Content-Length", "6")]);
        let head = bench.write_res(&response);
        let body = [bench.write_all("abc"), bench.write_all("def")];
        let late = bench.write_all("late");
        bench.receive(BIG);
        let bytes = bench.receive_to_end();
        assert!(bytes.ends_with(b"\r\n\r\nabcdef"));
        assert_eq!((active.result(), before.result(), head.result()), (0, 0, 0));
        assert!(body.iter().all(|op| op.end() == (0, 3)));
        assert_eq!(late.end(), (NNG_ECLOSED, 0));
    }

    fn a_large_rest_may_take_its_time(bench) {
        let rest = pattern(2 * BIG);
        let length = (rest.len() + 3).to_string();
        let mut response = closing();
        response.headers_mut().set("Content-Length", &length).unwrap();
        assert_eq!(bench.write_res(&response).result(), 0);
        let op = bench.write_all(rest.clone());
        op.assert_pending();
        let bytes = bench.receive_to_end();
        assert!(bytes.ends_with(&rest));
        assert_eq!(op.end(), (0, rest.len()));
        bench.assert_closed();
    }

    fn a_deferred_close_leaves_reading_as_it_is(bench) {
        let response = with_fields(&[("Connection", "close"), ("Content-Length", "1")]);
        assert_eq!(bench.write_res(&response).result(), 0);
        let read = bench.read_all(3);
        bench.send("abc");
        assert_eq!(read.text(), "abc");
        let read = bench.read(1);
        assert_eq!(bench.write("x").result(), 0);
        assert_eq!(read.end(), (NNG_ECLOSED, 0));
    }

    fn a_length_that_is_no_number_defers_nothing(bench) {
        let response = with_fields(&[("Connection", "close"), ("Content-Length", "many")]);
        assert_eq!(bench.write_res(&response).result(), 0);
        bench.assert_closed();
    }

    fn a_transfer_encoding_leaves_the_close_to_the_owner(bench) {
        let response = with_fields(&[("Connection", "close"), ("Transfer-Encoding", "chunked")]);
        assert_eq!(bench.write_res(&response).result(), 0);
        assert_eq!(bench.write_all("5\r\nhello\r\n").result(), 0);
        assert_eq!(bench.write_all("0\r\n\r\n").result(), 0);
        assert!(!bench.conn.is_closed());
        bench.conn.close();
        assert!(bench.receive_to_end().ends_with(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    }

    fn statuses_without_body_close_at_once_whatever_the_length_says(bench) {
        for status in [204, 304] {
            for field in [("Content-Length", "10"), ("Transfer-Encoding", "chunked")] {
                let bench = Bench::unix(bench.driver().clone());
                let mut response = with_fields(&[("Connection", "close"), field]);
                response.set_status(status);
                assert_eq!(bench.write_res(&response).result(), 0);
                bench.assert_closed();
            }
        }
    }

    fn a_body_that_is_only_announced_closes_at_once(bench) {
        let mut response = closing();
        response.set_body(Body::declared(1000));
        assert_eq!(bench.write_res(&response).result(), 0);
        bench.assert_closed();
        bench.expect_end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n");
    }

    fn neither_length_nor_body_counts_as_complete(bench) {
        assert_eq!(bench.write_res(&with_fields(&[("Connection", "close")])).result(), 0);
        bench.assert_closed();
    }

    fn a_version_that_closes_is_deferred_as_well(bench) {
        let mut response = with_fields(&[("Content-Length", "2")]);
        response.set_version(Version::HTTP_10);
        assert_eq!(bench.write_res(&response).result(), 0);
        assert_eq!(bench.write_all("h").result(), 0);
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.write_all("i").result(), 0);
        bench.assert_closed();
        bench.expect_end("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    }

    fn a_persistent_response_counts_no_bytes(bench) {
        assert_eq!(bench.write_res(&with_fields(&[("Content-Length", "2")])).result(), 0);
        assert_eq!(bench.write_all("hi").result(), 0);
        bench.receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".len());
        bench.assert_open();
    }
}
