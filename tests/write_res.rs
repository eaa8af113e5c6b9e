//! The contract of [`Conn::write_res`], point by point, on a connection without a server. What closes
//! the connection, and how, is in `write_res_close.rs`.
//!
//! Source: nng 1.12, nng_http_conn_write_res(3http).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nng_aio::net::Socket;
use nng_aio::{Error, codes::*};
use nng_oxide::http::{Body, Conn, Request, Response, Shared};
use support::{BIG, Driver, LIMIT, Op, get, on_both_runtimes, pattern, with_body, with_fields};

/// What a response says that ends its connection.
fn closing() -> Response {
    let mut response = with_fields(&[("Connection", "close")]);
    response.set_body("bye");
    response
}

/// The wire form of a response with the body "hello".
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

on_both_runtimes! {
    // --- What is sent ---------------------------------------------------------------------------

    fn status_line_fields_and_body_go_out_as_one_message(bench) {
        let mut response = with_fields(&[("Content-Type", "text/plain"), ("X", "1")]);
        response.set_status(404);
        response.set_body("none");
        let op = bench.write_res(&response);
        let text = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX: 1\r\n\
                    Content-Length: 4\r\n\r\nnone";
        bench.expect(text);
        assert_eq!(op.end(), (0, text.len()));
        bench.assert_open();
    }

    fn the_head_is_serialised_during_the_call(bench) {
        let active = bench.block_writes();
        let mut response = with_body("hello");
        let op = bench.write_res(&response);
        response.set_status(500);
        response.headers_mut().set("Late", "1").unwrap();
        response.set_body("changed");
        drop(response);
        bench.receive(BIG);
        bench.expect(HELLO);
        assert_eq!((active.result(), op.end()), (0, (0, HELLO.len())));
    }

    fn a_shared_body_is_not_copied_and_let_go_at_the_end(bench) {
        let body: Arc<[u8]> = pattern(BIG).into();
        let mut response = Response::new();
        response.set_body(body.clone());
        let op = bench.write_res(&response);
        drop(response);
        op.assert_pending();
        assert_eq!(Arc::strong_count(&body), 2, "the connection holds it, not a copy");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n");
        bench.expect(&head);
        assert!(bench.receive(BIG) == body[..]);
        assert_eq!(op.end(), (0, head.len() + BIG));
        assert_eq!(Arc::strong_count(&body), 1);
    }

    fn the_response_is_not_consumed(bench) {
        let response = with_body("hello");
        for _ in 0..3 {
            let op = bench.write_res(&response);
            bench.expect(HELLO);
            assert_eq!(op.result(), 0);
        }
        assert_eq!(response.body(), b"hello");
    }

    fn the_head_follows_every_change_between_two_writes(bench) {
        let mut response = with_body("abc");
        let op = bench.write_res(&response);
        bench.expect("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(op.result(), 0);
        response.set_status(404);
        response.set_body("11 bytes...");
        let op = bench.write_res(&response);
        bench.expect("HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n\r\n11 bytes...");
        assert_eq!(op.result(), 0);
    }

    fn the_buffers_of_the_aio_take_no_part(bench) {
        let op = bench.start_with(b"not this".to_vec(), |conn, aio| {
            conn.write_res(&with_body("hello"), aio);
        });
        bench.expect(HELLO);
        assert_eq!(op.end(), (0, HELLO.len()));
        assert_eq!(op.aio.take_buffer(), b"not this");
        bench.assert_open();
    }

    fn success_means_that_the_system_took_the_last_byte(bench) {
        // Nobody reads meanwhile.
        assert_eq!(bench.write_res(&with_body("hello")).end(), (0, HELLO.len()));
        bench.expect(HELLO);
    }

    fn statuses_without_a_body_are_sent_without_it(bench) {
        for (status, head) in [
            (204, "HTTP/1.1 204 No Content\r\n\r\n"),
            (101, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            (304, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ] {
            let mut response = with_body("hello");
            response.set_status(status);
            assert_eq!(bench.write_res(&response).end(), (0, head.len()), "{status}");
            bench.expect(head);
        }
        bench.assert_open();
    }

    fn a_coding_is_announced_without_a_length(bench) {
        let mut response = with_fields(&[("Transfer-Encoding", "chunked")]);
        response.set_body("5\r\nhello\r\n0\r\n\r\n");
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n0\r\n\r\n";
        assert_eq!(bench.write_res(&response).end(), (0, text.len()));
        bench.expect(text);
    }

    fn a_body_that_is_only_announced_is_not_sent(bench) {
        let mut response = Response::new();
        response.set_body(Body::declared(5));
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(bench.write_res(&response).end(), (0, head.len()));
        bench.expect(head);
        bench.assert_open();
    }

    fn an_interim_response_goes_out_as_any_other(bench) {
        let mut response = Response::new();
        response.set_status(100);
        assert_eq!(bench.write_res(&response).result(), 0);
        bench.expect("HTTP/1.1 100 Continue\r\n\r\n");
        bench.assert_open();
    }

    fn it_is_legal_beside_a_read_of_any_kind(bench) {
        let response = Shared::new(Response::new());
        let read = bench.read_res(&response);
        assert_eq!(bench.write_res(&with_body("hello")).result(), 0);
        bench.expect(HELLO);
        read.assert_pending();
        bench.send("HTTP/1.1 202 Accepted\r\n\r\n");
        assert_eq!(read.end(), (0, 0));
        assert_eq!(response.lock().status(), 202);
    }

    // --- How it is sent -------------------------------------------------------------------------

    fn partial_sends_are_continued_while_the_peer_reads_slowly(bench) {
        let body = pattern(3 * BIG);
        let mut response = Response::new();
        response.set_body(body.clone());
        let op = bench.write_res(&response);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        bench.expect(&head);
        let mut got = Vec::new();
        while got.len() < body.len() {
            got.extend(bench.try_receive(7919).unwrap());
        }
        assert!(got == body);
        assert_eq!(op.end(), (0, head.len() + body.len()));
        bench.assert_open();
    }

    fn partial_sends_are_continued_over_tcp(bench) {
        let bench = bench.with_tcp();
        let body = pattern(4 * BIG);
        let mut response = Response::new();
        response.set_body(body.clone());
        let op = bench.write_res(&response);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        bench.expect(&head);
        assert!(bench.receive(body.len()) == body);
        assert_eq!(op.end(), (0, head.len() + body.len()));
    }

    fn writes_of_all_kinds_are_first_in_first_out(bench) {
        let active = bench.block_writes();
        let ops = [
            bench.write_all("<raw>"),
            bench.write_res(&with_body("hello")),
            bench.write_all("<more>"),
            bench.write_req(&get("/x")),
            bench.write_res(&with_body("hello")),
        ];
        ops.iter().for_each(Op::assert_pending);
        bench.receive(BIG);
        let request = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
        bench.expect(&format!("<raw>{HELLO}<more>{request}{HELLO}"));
        assert_eq!(active.end(), (0, BIG));
        let counts = [5, HELLO.len(), 6, request.len(), HELLO.len()];
        for (op, count) in ops.iter().zip(counts) {
            assert_eq!(op.end(), (0, count));
        }
    }

    fn a_raw_write_behind_a_blocked_response_leaves_its_kind_alone(bench) {
        let body = pattern(BIG);
        let mut response = Response::new();
        response.set_body(body.clone());
        let first = bench.write_res(&response);
        let second = bench.write("<raw>");
        first.assert_pending();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n");
        bench.expect(&head);
        assert!(bench.receive(BIG) == body);
        bench.expect("<raw>");
        assert_eq!((first.end(), second.end()), ((0, head.len() + BIG), (0, 5)));
    }

    fn many_queued_responses_all_arrive_in_order(bench) {
        let active = bench.block_writes();
        let mut ops = Vec::new();
        let mut text = String::new();
        for number in 0..300 {
            let mut response = Response::new();
            response.set_body(format!("{number}"));
            let len = format!("{number}").len();
            text += &format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{number}");
            ops.push(bench.write_res(&response));
        }
        bench.receive(BIG);
        bench.expect(&text);
        assert_eq!(active.result(), 0);
        assert!(ops.iter().all(|op| op.result() == 0));
    }

    // --- Errors ---------------------------------------------------------------------------------

    fn cancelling_the_active_write_gives_canceled_and_closes(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.write_res(&response);
        let queued = bench.write_res(&with_body("hello"));
        let read = bench.read(1);
        active.assert_pending();
        active.aio.cancel();
        // Some of it has been sent, and yet the count is 0.
        assert_eq!(active.end(), (NNG_ECANCELED, 0));
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
        assert_eq!(read.end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
        assert!(bench.receive_to_end().len() < BIG);
    }

    fn cancelling_a_queued_write_takes_it_out_and_nothing_else(bench) {
        let active = bench.block_writes();
        let queued = bench.write_res(&with_body("gone"));
        let next = bench.write_res(&with_body("hello"));
        queued.aio.cancel();
        assert_eq!(queued.end(), (NNG_ECANCELED, 0));
        active.assert_pending();
        bench.receive(BIG);
        bench.expect(HELLO);
        assert_eq!((active.result(), next.end()), (0, (0, HELLO.len())));
        bench.assert_open();
    }

    fn an_abort_reports_its_own_code(bench) {
        let active = bench.block_writes();
        let queued = bench.write_res(&Response::new());
        queued.aio.abort(Error::Other(4711));
        assert_eq!(queued.end(), (4711, 0));
        bench.receive(BIG);
        assert_eq!(active.result(), 0);
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.write_res(&response);
        active.assert_pending();
        active.aio.abort(Error::Permission);
        assert_eq!(active.end(), (NNG_EPERM, 0));
        bench.assert_closed();
    }

    fn stopping_the_aio_of_the_active_write_gives_canceled_and_closes(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.write_res(&response);
        active.assert_pending();
        active.aio.stop();
        assert_eq!(active.runs(), 1, "stop has waited for the callback");
        assert_eq!(active.end(), (NNG_ECANCELED, 0));
        bench.assert_closed();
    }

    fn stopping_the_aio_of_a_queued_write_takes_it_out(bench) {
        let active = bench.block_writes();
        let queued = bench.write_res(&Response::new());
        queued.aio.stop();
        assert_eq!(queued.end(), (NNG_ECANCELED, 0));
        bench.receive(BIG);
        assert_eq!(active.result(), 0);
        bench.assert_open();
    }

    fn a_stopped_aio_is_refused_without_callback_or_effect(bench) {
        let op = bench.op();
        op.aio.stop();
        bench.conn.write_res(&closing(), &op.aio);
        bench.settle();
        assert_eq!((op.aio.result(), op.aio.count(), op.runs()), (NNG_ECANCELED, 0, 0));
        assert!(!op.aio.is_busy());
        // Nothing was sent: the next bytes are those of the next write.
        bench.assert_open();
    }

    fn dropping_the_aio_of_the_active_write_closes(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.write_res(&response);
        active.assert_pending();
        drop(active);
        bench.assert_closed();
    }

    fn closing_the_connection_cancels_the_active_write_and_closes_the_rest(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.write_res(&response);
        let queued = bench.write_res(&Response::new());
        let read = bench.read(1);
        active.assert_pending();
        bench.conn.close();
        assert_eq!(active.end(), (NNG_ECANCELED, 0));
        assert_eq!((queued.end(), read.end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn a_closed_connection_gives_closed(bench) {
        bench.conn.close();
        assert_eq!(bench.write_res(&with_body("hello")).end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn another_failure_meanwhile_gives_closed(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let (active, queued) = (bench.write_res(&response), bench.write_res(&closing()));
        active.assert_pending();
        let read = bench.read_req(&Shared::default());
        bench.send("no request\r\n\r\n");
        assert_eq!(read.result(), NNG_EPROTO);
        assert_eq!((active.end(), queued.end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn a_peer_that_has_gone_gives_closed(mut bench) {
        bench.close_peer();
        assert_eq!(bench.write_res(&with_body("hello")).end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn a_peer_that_has_gone_gives_closed_over_tcp(bench) {
        let (mut bench, view) = bench.with_watched_tcp();
        bench.close_peer();
        // The system takes the first one and learns by the answer that nobody listens.
        assert_eq!(bench.write_res(&with_body("hello")).result(), 0);
        bench.until(|| view.peer_addr().is_err());
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.write_res(&with_body("hello")).end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn a_reset_that_the_send_call_meets_gives_connection_reset(bench) {
        let (mut bench, view) = bench.with_watched_tcp();
        assert_eq!(bench.write_res(&with_body("hello")).result(), 0);
        bench.reset_by_peer();
        bench.until(|| view.peer_addr().is_err());
        assert!(!bench.conn.is_closed());
        assert_eq!(bench.write_res(&with_body("hello")).end(), (NNG_ECONNRESET, 0));
        bench.assert_closed();
    }

    fn a_reset_while_the_write_waits_gives_connection_reset(mut bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let (active, queued) = (bench.write_res(&response), bench.write_res(&closing()));
        active.assert_pending();
        bench.reset_by_peer();
        assert_eq!(active.end(), (NNG_ECONNRESET, 0));
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn a_reset_while_the_write_waits_gives_connection_reset_over_tcp(bench) {
        let mut bench = bench.with_tcp();
        let mut response = Response::new();
        response.set_body(vec![0; 16 * BIG]);
        let (active, queued) = (bench.write_res(&response), bench.write_res(&closing()));
        active.assert_pending();
        bench.reset_by_peer();
        assert_eq!(active.end(), (NNG_ECONNRESET, 0));
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn the_limit_of_the_active_write_gives_timed_out_and_closes(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.op().timeout(Duration::from_millis(5));
        bench.conn.write_res(&response, &active.aio);
        let queued = bench.write_res(&closing());
        assert_eq!(active.end(), (NNG_ETIMEDOUT, 0));
        assert_eq!(queued.end(), (NNG_ECLOSED, 0));
        bench.assert_closed();
    }

    fn the_limit_of_a_queued_write_gives_timed_out_and_takes_it_out(bench) {
        let active = bench.block_writes();
        let queued = bench.op().timeout(Duration::from_millis(5));
        bench.conn.write_res(&closing(), &queued.aio);
        assert_eq!(queued.end(), (NNG_ETIMEDOUT, 0));
        bench.receive(BIG);
        assert_eq!(active.result(), 0);
        bench.assert_open();
    }

    fn an_expiry_in_the_past_lets_through_what_needs_no_wait(bench) {
        let op = bench.op();
        op.aio.set_expire(Instant::now());
        bench.conn.write_res(&with_body("hello"), &op.aio);
        assert_eq!(op.end(), (0, HELLO.len()));
        bench.expect(HELLO);
    }

    fn a_limit_of_zero_gives_timed_out_at_once_without_effect(bench) {
        let op = bench.op().timeout(Duration::ZERO);
        bench.conn.write_res(&closing(), &op.aio);
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.assert_open();
        let active = bench.block_writes();
        bench.conn.write_res(&closing(), op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
        bench.receive(BIG);
        assert_eq!(active.result(), 0);
        bench.assert_open();
        bench.conn.close();
        bench.conn.write_res(&closing(), op.again());
        assert_eq!(op.end(), (NNG_ETIMEDOUT, 0));
    }

    fn the_end_of_the_runtime_gives_closed(bench) {
        let mut response = Response::new();
        response.set_body(vec![0; BIG]);
        let active = bench.write_res(&response);
        active.assert_pending();
        bench.runtime().shutdown();
        assert_eq!((active.aio.result(), active.runs()), (NNG_ECLOSED, 1));
        assert!(bench.conn.is_closed());
    }
}

/// A datagram shows what one call to the system has sent.
#[test]
fn head_and_body_go_out_with_one_call() {
    for len in [5, 5000, 100_000] {
        let driver = Driver::host();
        let (ours, peer) = UnixDatagram::pair().unwrap();
        let socket = Socket::from_fd(OwnedFd::from(ours));
        let conn = Conn::new(&driver.runtime, socket).unwrap();
        let mut response = Response::new();
        response.set_body(pattern(len));
        let op = Op::new(&driver, |_| ());
        conn.write_res(&response, &op.aio);
        assert_eq!(op.result(), 0);
        let mut room = vec![0; 200_000];
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        let count = peer.recv(&mut room).unwrap();
        assert_eq!(count, op.aio.count());
        assert!(room[..count].ends_with(&pattern(len)));
        peer.shutdown(Shutdown::Both).unwrap();
    }
}

/// Two connections that mirror one socket pair: a client may write a response, too.
#[test]
fn what_one_connection_writes_the_other_reads() {
    let driver = Driver::host();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let conn = |socket: std::os::unix::net::UnixStream| {
        Conn::new(&driver.runtime, Socket::from_fd(socket.into())).unwrap()
    };
    let (server, client) = (conn(ours), conn(theirs));
    let (request, response) = (Shared::<Request>::default(), Shared::<Response>::default());
    let (read, exchange) = (Op::new(&driver, |_| ()), Op::new(&driver, |_| ()));
    server.read_req(&request, &read.aio);
    client.transact(&get("/there"), &response, &exchange.aio);
    assert_eq!(read.result(), 0);
    assert_eq!(request.lock().uri(), "/there");
    let write = Op::new(&driver, |_| ());
    let mut answer = with_fields(&[("Connection", "Close")]);
    answer.set_body(pattern(BIG));
    server.write_res(&answer, &write.aio);
    assert_eq!(exchange.result(), 0);
    assert_eq!(write.result(), 0);
    assert!(response.lock().body() == pattern(BIG));
    assert!(server.is_closed() && !client.is_closed());
}
