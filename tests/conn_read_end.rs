//! Every way in which reading from a connection ends without what was asked for.
//!
//! Source: nng 1.12, nng_http_conn_read(3http) and its siblings.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::{Duration, Instant};

use nng_aio::{Error, codes::*};
use nng_oxide::http::{Request, Response, Shared};
use support::{BIG, Bench, on_both_runtimes};

/// A request with one field, and how long it is.
const REQUEST: &str = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

fn request() -> Shared<Request> {
    Shared::new(Request::new())
}

fn response() -> Shared<Response> {
    Shared::new(Response::new())
}

on_both_runtimes! {
    // --- Errors: the peer -----------------------------------------------------------------------

    fn the_end_of_the_stream_gives_connection_shutdown_and_closes_the_rest(bench) {
        let active = bench.block_writes();
        let reads = [bench.read(5), bench.read_all(5), bench.read_req(&request())];
        bench.end_sending();
        assert_eq!(reads[0].end(), (NNG_ECONNSHUT, 0));
        assert_eq!((reads[1].end(), reads[2].end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        assert_eq!(active.result(), NNG_ECLOSED);
        bench.assert_closed();
    }

    fn the_end_of_the_stream_comes_after_everything_before_it(bench) {
        bench.send("hello");
        bench.end_sending();
        assert_eq!(bench.read_all(2).text(), "he");
        assert_eq!(bench.read(100).text(), "llo");
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.read(100).end(), (NNG_ECONNSHUT, 0));
        bench.assert_closed();
    }

    fn the_end_of_the_stream_in_a_read_of_everything_tells_what_came(bench) {
        let op = bench.read_all(10);
        bench.send("hel");
        bench.send("lo");
        bench.end_sending();
        assert_eq!(op.end(), (NNG_ECONNSHUT, 5));
        assert_eq!(&op.aio.take_buffer()[..5], b"hello");
        bench.assert_closed();
    }

    fn the_end_of_the_stream_behind_buffered_bytes_tells_what_came(bench) {
        bench.send(format!("{REQUEST}hello"));
        bench.end_sending();
        assert_eq!(bench.read_req(&request()).result(), 0);
        let op = bench.read_all(10);
        assert_eq!(op.end(), (NNG_ECONNSHUT, 5));
        assert_eq!(&op.aio.take_buffer()[..5], b"hello");
    }

    fn the_end_of_the_stream_anywhere_in_a_head_gives_connection_shutdown(bench) {
        for at in 0..REQUEST.len() {
            let bench = Bench::unix(bench.driver().clone());
            let op = bench.read_req(&request());
            bench.send(&REQUEST[..at]);
            bench.settle();
            bench.end_sending();
            assert_eq!(op.end(), (NNG_ECONNSHUT, 0), "cut at {at}");
            bench.assert_closed();
        }
    }

    fn a_reset_gives_connection_reset_and_closes_the_rest(mut bench) {
        assert_eq!(bench.write_all("unread").result(), 0);
        let reads = [bench.read_all(5), bench.read(5)];
        reads[0].assert_pending();
        bench.reset_by_peer();
        assert_eq!((reads[0].end(), reads[1].end()), ((NNG_ECONNRESET, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn a_reset_in_a_head_gives_connection_reset(bench) {
        let mut bench = bench.with_tcp();
        assert_eq!(bench.write_all("unread").result(), 0);
        let op = bench.read_res(&response());
        bench.send("HTTP/1.1 200");
        op.assert_pending();
        bench.reset_by_peer();
        assert_eq!(op.end(), (NNG_ECONNRESET, 0));
        bench.assert_closed();
    }

    fn a_reset_that_the_receive_call_meets_gives_connection_reset(bench) {
        let (mut bench, view) = bench.with_watched_tcp();
        assert_eq!(bench.write_all("unread").result(), 0);
        bench.reset_by_peer();
        bench.until(|| view.peer_addr().is_err());
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.read(5).end(), (NNG_ECONNRESET, 0));
        bench.assert_closed();
    }

    fn a_reset_that_both_directions_wait_for_is_told_to_one(bench) {
        let mut bench = bench.with_tcp();
        let (write, read) = (bench.write_all(vec![0; 16 * BIG]), bench.read(1));
        read.assert_pending();
        bench.reset_by_peer();
        let results = [write.result(), read.result()];
        assert!(results.contains(&NNG_ECONNRESET), "{results:?}");
        assert!(results.contains(&NNG_ECLOSED), "{results:?}");
        bench.assert_closed();
    }

    fn an_idle_connection_notices_the_peers_end_at_the_next_read(mut bench) {
        bench.close_peer();
        bench.settle();
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.read_res(&response()).end(), (NNG_ECONNSHUT, 0));
        bench.assert_closed();
    }

    // --- Errors: cancelling ---------------------------------------------------------------------

    fn cancelling_the_active_read_closes_the_rest(bench) {
        let active = bench.block_writes();
        let reads = [bench.read(5), bench.read_all(5)];
        reads[0].aio.cancel();
        assert_eq!((reads[0].end(), reads[1].end()), ((NNG_ECANCELED, 0), (NNG_ECLOSED, 0)));
        assert_eq!(active.result(), NNG_ECLOSED);
        bench.assert_closed();
    }

    fn cancelling_the_active_read_tells_what_came(bench) {
        let op = bench.read_all(10);
        bench.send("hel");
        op.assert_pending();
        op.aio.abort(Error::Other(99));
        let (result, count) = op.end();
        assert_eq!(result, 99);
        if bench.driver().is_host_driven() {
            assert_eq!(count, 3);
        }
        assert_eq!(&op.aio.take_buffer()[..count], &b"hel"[..count]);
        bench.assert_closed();
    }

    fn cancelling_a_queued_read_takes_it_out_and_nothing_else(bench) {
        let first = bench.read_all(2);
        let (raw, head, last) = (bench.read_all(2), bench.read_req(&request()), bench.read(5));
        raw.aio.cancel();
        head.aio.abort(Error::Permission);
        assert_eq!((raw.end(), head.end()), ((NNG_ECANCELED, 0), (NNG_EPERM, 0)));
        first.assert_pending();
        bench.send("abcd");
        assert_eq!(first.text(), "ab");
        assert_eq!(last.text(), "cd");
        bench.assert_open();
    }

    fn cancelling_a_head_of_which_nothing_came_keeps_the_connection(bench) {
        let message = request();
        message.lock().set_uri("/old").unwrap();
        let op = bench.read_req(&message);
        op.assert_pending();
        op.aio.cancel();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        assert_eq!(message.lock().uri(), "/old");
        bench.assert_open();
        let op = bench.read_res(&response());
        op.assert_pending();
        op.aio.stop();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        bench.assert_open();
        bench.send(REQUEST);
        assert_eq!(bench.read_req(&message).result(), 0);
        assert_eq!(message.lock().uri(), "/x");
    }

    fn cancelling_a_head_of_which_nothing_came_lets_the_next_read_go_on(bench) {
        let message = request();
        let (head, next, last) =
            (bench.read_res(&response()), bench.read_req(&message), bench.read_all(2));
        head.assert_pending();
        head.aio.cancel();
        assert_eq!(head.end(), (NNG_ECANCELED, 0));
        bench.send(format!("{REQUEST}ab"));
        assert_eq!(next.end(), (0, 0));
        assert_eq!((message.lock().uri(), last.text()), ("/x", "ab".to_owned()));
    }

    fn cancelling_a_head_of_which_one_byte_came_closes(bench) {
        let op = bench.read_req(&request());
        bench.send("G");
        if bench.driver().is_host_driven() {
            op.assert_pending();
            op.aio.cancel();
            assert_eq!(op.end(), (NNG_ECANCELED, 0));
            bench.assert_closed();
        }
    }

    fn dropping_the_aio_of_an_active_read_closes(bench) {
        let op = bench.read(1);
        op.assert_pending();
        drop(op);
        bench.assert_closed();
    }

    fn a_limit_ends_the_active_read_and_closes_the_rest(bench) {
        let op = bench.op().timeout(Duration::from_millis(5));
        op.aio.set_buffer(vec![0; 5]).unwrap();
        bench.conn.read(&op.aio);
        let queued = bench.read(5);
        assert_eq!((op.end(), queued.end()), ((NNG_ETIMEDOUT, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn a_limit_takes_a_queued_read_out(bench) {
        let first = bench.read_all(2);
        let op = bench.op().timeout(Duration::from_millis(5));
        op.aio.set_buffer(vec![0; 5]).unwrap();
        bench.conn.read(&op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.send("ab");
        assert_eq!(first.text(), "ab");
        bench.assert_open();
    }

    fn a_limit_on_a_head_of_which_nothing_came_keeps_the_connection(bench) {
        let op = bench.op().timeout(Duration::from_millis(5));
        bench.conn.read_req(&request(), &op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.assert_open();
    }

    fn an_expiry_in_the_past_lets_through_what_needs_no_wait(bench) {
        bench.send("a");
        let op = bench.op();
        op.aio.set_buffer(vec![0; 5]).unwrap();
        op.aio.set_expire(Instant::now());
        bench.conn.read(&op.aio);
        assert_eq!(op.text(), "a");
        op.aio.set_buffer(vec![0; 5]).unwrap();
        op.aio.set_expire(Instant::now());
        bench.conn.read(op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.assert_closed();
    }

    fn a_limit_of_zero_gives_timed_out_at_once_without_effect(bench) {
        bench.send(format!("{REQUEST}hello"));
        let message = request();
        message.lock().set_uri("/old").unwrap();
        let op = bench.op().timeout(Duration::ZERO);
        op.aio.set_buffer(vec![0; 5]).unwrap();
        bench.conn.read(&op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.conn.read_all(op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.conn.read_req(&message, op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        assert_eq!(message.lock().uri(), "/old");
        assert_eq!(bench.read_req(&message).result(), 0);
        assert_eq!(bench.read_all(5).text(), "hello");
        bench.assert_open();
    }

    fn a_stopped_aio_is_refused_without_callback_or_effect(bench) {
        let (asked, answered) = (request(), response());
        asked.lock().set_uri("/old").unwrap();
        answered.lock().set_status(404);
        let op = bench.op();
        op.aio.stop();
        bench.conn.read(&op.aio);
        bench.conn.read_all(&op.aio);
        bench.conn.read_req(&asked, &op.aio);
        bench.conn.read_res(&answered, &op.aio);
        bench.settle();
        assert_eq!((op.aio.result(), op.runs()), (NNG_ECANCELED, 0));
        assert_eq!((asked.lock().uri(), answered.lock().status()), ("/old", 404));
        bench.assert_open();
    }

    // --- Errors: closing ------------------------------------------------------------------------

    fn closing_cancels_the_active_read_if_no_write_is_active(bench) {
        let message = request();
        message.lock().set_uri("/old").unwrap();
        let reads = [bench.read_all(5), bench.read(5), bench.read_req(&message)];
        bench.conn.close();
        assert_eq!(reads[0].end(), (NNG_ECANCELED, 0));
        assert_eq!((reads[1].end(), reads[2].end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        assert_eq!(message.lock().uri(), "/old");
        bench.assert_closed();
    }

    fn closing_beside_an_active_write_closes_the_active_read(bench) {
        let write = bench.block_writes();
        let reads = [bench.read_all(5), bench.read(5)];
        bench.conn.close();
        assert_eq!((reads[0].end(), reads[1].end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        assert_eq!(write.result(), NNG_ECANCELED);
        bench.assert_closed();
    }

    fn a_closed_connection_leaves_messages_as_they_are(bench) {
        bench.conn.close();
        let (asked, answered) = (request(), response());
        asked.lock().set_uri("/old").unwrap();
        answered.lock().set_status(404);
        assert_eq!(bench.read_req(&asked).result(), NNG_ECLOSED);
        assert_eq!(bench.read_res(&answered).result(), NNG_ECLOSED);
        assert_eq!((asked.lock().uri(), answered.lock().status()), ("/old", 404));
    }

    fn the_peer_sees_the_end_of_the_stream(bench) {
        assert_eq!(bench.write_all("bye").result(), 0);
        bench.conn.close();
        bench.expect_end("bye");
    }

    fn the_last_handle_closes_when_it_goes(mut bench) {
        let op = bench.read(1);
        let other = bench.take_conn().clone();
        op.assert_pending();
        drop(other);
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        bench.expect_end("");
    }

    fn the_end_of_the_runtime_closes(bench) {
        let message = request();
        message.lock().set_uri("/old").unwrap();
        let reads = [bench.read_req(&message), bench.read(1)];
        bench.runtime().shutdown();
        let results: Vec<_> = reads.iter().map(|op| (op.aio.result(), op.runs())).collect();
        assert_eq!(results, [(NNG_ECLOSED, 1), (NNG_ECLOSED, 1)]);
        assert_eq!(message.lock().uri(), "/old");
        assert!(bench.conn.is_closed());
    }
}
