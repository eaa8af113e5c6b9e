//! Writing raw bytes and requests to a connection, and every way in which that ends.
//!
//! What responses do beyond that is in `write_res.rs` and `write_res_close.rs`.
//!
//! Source: nng 1.12, nng_http_conn_write(3http) and its siblings.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use nng_aio::{Buffers, Error, codes::*};
use nng_oxide::http::{Body, Request};
use support::{BIG, get, on_both_runtimes, pattern};

/// How the request of [`get`]`("/x")` goes over the wire.
const REQUEST: &str = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

on_both_runtimes! {
    // --- Raw bytes ------------------------------------------------------------------------------

    fn a_write_of_everything_writes_everything(bench) {
        let bytes = pattern(2 * BIG);
        let op = bench.write_all(bytes.clone());
        op.assert_pending();
        assert!(bench.receive(bytes.len()) == bytes);
        assert_eq!(op.end(), (0, bytes.len()));
        bench.assert_open();
    }

    fn a_write_ends_when_the_system_has_taken_some(bench) {
        let bytes = pattern(BIG);
        let (result, count) = bench.write(bytes.clone()).end();
        assert_eq!(result, 0);
        assert!(0 < count && count < BIG, "{count}");
        assert!(bench.receive(count) == bytes[..count]);
        bench.assert_open();
    }

    fn a_write_waits_until_the_system_takes_something(bench) {
        let (result, count) = bench.write(vec![0; BIG]).end();
        assert_eq!(result, 0);
        let op = bench.write("hello");
        op.assert_pending();
        bench.receive(count);
        bench.expect("hello");
        assert_eq!(op.end(), (0, 5));
    }

    fn pieces_are_sent_in_order(bench) {
        let shared: Arc<[u8]> = Arc::from(&b"ef"[..]);
        let pieces = vec![
            b"ab".to_vec().into(),
            "".into(),
            "cd".into(),
            shared.into(),
            vec![b'g'; 100_000].into(),
        ];
        let op = bench.op();
        op.aio.set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
        bench.conn.write_all(&op.aio);
        bench.expect("abcdef");
        assert!(bench.receive(100_000) == [b'g'; 100_000]);
        assert_eq!(op.end(), (0, 100_006));
        assert_eq!(op.aio.take_buffers().pieces().len(), 5, "the memory comes back");
    }

    fn writes_of_no_memory_end_at_once_with_success(bench) {
        assert_eq!(bench.write("").end(), (0, 0));
        assert_eq!(bench.write_all("").end(), (0, 0));
        assert_eq!(bench.start(|conn, aio| conn.write(aio)).end(), (0, 0));
        assert_eq!(bench.start(|conn, aio| conn.write_all(aio)).end(), (0, 0));
        bench.assert_open();
    }

    fn writes_of_no_memory_keep_their_place_in_the_queue(bench) {
        let active = bench.block_writes();
        let (empty, last) = (bench.write(""), bench.write_all("x"));
        empty.assert_pending();
        bench.receive(BIG);
        bench.expect("x");
        assert_eq!((active.result(), empty.end(), last.end()), (0, (0, 0), (0, 1)));
    }

    fn many_queued_writes_arrive_in_order(bench) {
        let active = bench.block_writes();
        let bytes = pattern(1000 * 97);
        let ops: Vec<_> = bytes.chunks(97).map(|piece| bench.write_all(piece)).collect();
        bench.receive(BIG);
        assert!(bench.receive(bytes.len()) == bytes);
        assert_eq!(active.result(), 0);
        assert!(ops.iter().all(|op| op.end() == (0, 97)));
    }

    // --- Requests -------------------------------------------------------------------------------

    fn a_request_goes_out_as_one_message(bench) {
        let mut request = get("/a?b=c");
        request.set_method("POST").unwrap();
        request.set_body("hello");
        let op = bench.write_req(&request);
        let text = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
        bench.expect(text);
        assert_eq!(op.end(), (0, text.len()));
        assert_eq!(request.body(), b"hello", "it is not consumed");
        bench.assert_open();
    }

    fn a_large_request_is_continued(bench) {
        let mut request = get("/");
        request.set_body(pattern(BIG));
        let op = bench.write_req(&request);
        request.set_body("changed");
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: {BIG}\r\n\r\n");
        bench.expect(&head);
        assert!(bench.receive(BIG) == pattern(BIG));
        assert_eq!(op.end(), (0, head.len() + BIG));
    }

    fn a_request_without_uri_is_invalid_and_changes_nothing(bench) {
        assert_eq!(bench.write_req(&Request::new()).end(), (NNG_EINVAL, 0));
        let (active, read) = (bench.block_writes(), bench.read_all(4));
        assert_eq!(bench.write_req(&Request::new()).end(), (NNG_EINVAL, 0));
        active.assert_pending();
        bench.receive(BIG);
        bench.send("next");
        assert_eq!((active.result(), read.text()), (0, "next".to_owned()));
        bench.assert_open();
    }

    fn a_request_may_stream_its_body(bench) {
        let mut request = get("/");
        request.set_body(Body::declared(10));
        assert_eq!(bench.write_req(&request).result(), 0);
        assert_eq!(bench.write_all("hello").result(), 0);
        assert_eq!(bench.write_all("world").result(), 0);
        bench.expect("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhelloworld");
        bench.assert_open();
    }

    // --- Errors: the peer -----------------------------------------------------------------------

    fn a_peer_that_has_gone_gives_closed(mut bench) {
        bench.close_peer();
        assert_eq!(bench.write_all("hello").end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn the_first_write_after_the_peer_went_succeeds_and_the_next_fails_over_tcp(bench) {
        let (mut bench, view) = bench.with_watched_tcp();
        bench.close_peer();
        assert_eq!(bench.write("first").end(), (0, 5));
        assert!(!bench.conn.is_closed());
        bench.until(|| view.peer_addr().is_err());
        assert_eq!(bench.write("next").end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn a_reset_that_the_send_call_meets_gives_connection_reset(bench) {
        let (mut bench, view) = bench.with_watched_tcp();
        assert_eq!(bench.write_all("unread").result(), 0);
        bench.reset_by_peer();
        bench.until(|| view.peer_addr().is_err());
        assert_eq!(bench.write("x").end(), (NNG_ECONNRESET, 0));
        bench.assert_closed();
    }

    fn a_reset_while_the_write_waits_tells_how_much_was_sent(mut bench) {
        let op = bench.block_writes();
        let queued = bench.write_all("queued");
        bench.reset_by_peer();
        let (result, count) = op.end();
        assert_eq!(result, NNG_ECONNRESET);
        assert!(0 < count && count < BIG, "{count}");
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    // --- Errors: cancelling and closing ---------------------------------------------------------

    fn cancelling_the_active_write_tells_how_much_was_sent_and_closes_the_rest(bench) {
        let bytes = pattern(BIG);
        let op = bench.write_all(bytes.clone());
        let (queued, read) = (bench.write_all("x"), bench.read_all(1));
        op.assert_pending();
        op.aio.cancel();
        let (result, count) = op.end();
        assert_eq!(result, NNG_ECANCELED);
        assert!(bench.receive_to_end() == bytes[..count], "exactly so much");
        assert_eq!((queued.end(), read.end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn another_failure_tells_how_much_was_sent(bench) {
        let bytes = pattern(BIG);
        let (op, queued) = (bench.write_all(bytes.clone()), bench.write_all("x"));
        op.assert_pending();
        let read = bench.read(1);
        read.aio.cancel();
        let (result, count) = op.end();
        assert_eq!((result, read.result()), (NNG_ECLOSED, NNG_ECANCELED));
        assert!(count > 0 && bench.receive_to_end() == bytes[..count]);
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
    }

    fn cancelling_a_queued_write_takes_it_out_and_nothing_else(bench) {
        let active = bench.block_writes();
        let (raw, request, last) =
            (bench.write_all("raw"), bench.write_req(&get("/")), bench.write_all("last"));
        raw.aio.cancel();
        request.aio.abort(Error::Permission);
        assert_eq!((raw.end(), request.end()), ((NNG_ECANCELED, 0), (NNG_EPERM, 0)));
        active.assert_pending();
        bench.receive(BIG);
        bench.expect("last");
        assert_eq!((active.result(), last.end()), (0, (0, 4)));
        bench.assert_open();
    }

    fn a_limit_ends_the_active_write_and_closes_the_rest(bench) {
        let op = bench.op().timeout(Duration::from_millis(5));
        op.aio.set_buffer(pattern(BIG)).unwrap();
        bench.conn.write_all(&op.aio);
        let queued = bench.write_all("x");
        let (result, count) = op.end();
        assert_eq!(result, NNG_ETIMEDOUT);
        assert!(bench.receive_to_end() == pattern(BIG)[..count]);
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn a_limit_takes_a_queued_write_out(bench) {
        let active = bench.block_writes();
        let op = bench.op().timeout(Duration::from_millis(5));
        bench.conn.write_req(&get("/"), &op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.receive(BIG);
        assert_eq!(active.result(), 0);
        bench.assert_open();
    }

    fn a_limit_of_zero_gives_timed_out_at_once_without_effect(bench) {
        let op = bench.op().timeout(Duration::ZERO);
        op.aio.set_buffer(b"lost".to_vec()).unwrap();
        bench.conn.write(&op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.conn.write_all(op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.conn.write_req(&get("/"), op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.conn.write_req(&Request::new(), op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        assert_eq!(op.aio.take_buffer(), b"lost");
        bench.assert_open();
    }

    fn a_stopped_aio_is_refused_without_callback_or_effect(bench) {
        let op = bench.op();
        op.aio.set_buffer(b"lost".to_vec()).unwrap();
        op.aio.stop();
        bench.conn.write(&op.aio);
        bench.conn.write_all(&op.aio);
        bench.conn.write_req(&get("/"), &op.aio);
        bench.settle();
        assert_eq!((op.aio.result(), op.runs()), (NNG_ECANCELED, 0));
        bench.assert_open();
    }

    fn closing_cancels_the_active_write_and_closes_the_rest(bench) {
        let bytes = pattern(BIG);
        let op = bench.write_all(bytes.clone());
        op.assert_pending();
        let (queued, request) = (bench.write("x"), bench.write_req(&get("/")));
        bench.conn.close();
        let (result, count) = op.end();
        assert_eq!(result, NNG_ECANCELED);
        assert_eq!((queued.end(), request.end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        assert!(bench.receive_to_end() == bytes[..count]);
        bench.assert_closed();
        bench.conn.close();
    }

    fn what_was_written_before_closing_arrives(bench) {
        assert_eq!(bench.write_all("bye").result(), 0);
        bench.conn.close();
        bench.expect_end("bye");
    }

    fn closing_in_the_callback_of_a_write_lets_it_arrive(bench) {
        let op = bench.op_then({
            let conn = bench.conn.clone();
            move |_| conn.close()
        });
        bench.conn.write_req(&get("/x"), &op.aio);
        assert_eq!(op.end(), (0, REQUEST.len()));
        bench.expect_end(REQUEST);
        bench.assert_closed();
    }

    fn memory_comes_back_from_every_end(bench) {
        let active = bench.block_writes();
        let queued = bench.write_all("queued");
        queued.aio.cancel();
        assert_eq!(queued.result(), NNG_ECANCELED);
        assert_eq!(queued.aio.take_buffer(), b"queued");
        bench.conn.close();
        assert_eq!(active.result(), NNG_ECANCELED);
        assert_eq!(active.aio.take_buffer().len(), BIG);
        let refused = bench.write_all("refused");
        assert_eq!(refused.result(), NNG_ECLOSED);
        assert_eq!(refused.aio.take_buffer(), b"refused");
    }

    fn a_callback_may_start_the_next_write_on_its_aio(bench) {
        let conn = bench.conn.clone();
        let aio = bench.runtime().aio(move |aio| {
            let count = aio.count();
            let mut bytes = aio.take_buffer();
            bytes.drain(..count);
            if aio.result() == 0 && !bytes.is_empty() {
                aio.set_buffer(bytes).unwrap();
                conn.write(aio);
            }
        });
        let bytes = pattern(BIG);
        aio.set_buffer(bytes.clone()).unwrap();
        bench.conn.write(&aio);
        assert!(bench.receive(BIG) == bytes);
        aio.wait();
        assert_eq!(aio.result(), 0);
    }
}
