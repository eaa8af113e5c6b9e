//! Bodies that come and go piece by piece.
//!
//! Source: RFC 9112 sections 6.3 and 7.1.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use nng_aio::codes::*;
use nng_oxide::http::{Body, Request, Response, Shared};
use proptest::prelude::*;
use support::{BIG, Bench, Op, get, on_both_runtimes, pattern};

/// How the request of [`get`]`("/")` goes over the wire.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

fn ask(bench: &Bench, response: &Shared<Response>) -> Op {
    bench.start(|conn, aio| conn.ask(&get("/"), response, aio))
}

fn piece(bench: &Bench, len: usize) -> Op {
    bench.start_with(vec![0; len], |conn, aio| conn.read_body(aio))
}

/// Asks, and has the head of the answer.
fn asked(bench: &Bench, head: &str) -> Shared<Response> {
    let response = Shared::new(Response::new());
    let op = ask(bench, &response);
    bench.expect(REQUEST);
    bench.send(head);
    assert_eq!(op.end(), (0, 0));
    response
}

/// Reads the rest of the body in pieces of at most `len` bytes.
fn rest(bench: &Bench, len: usize) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let more = piece(bench, len).bytes();
        if more.is_empty() {
            return body;
        }
        body.extend(more);
    }
}

/// A request whose body follows in chunks, and how it goes over the wire.
fn chunked() -> Request {
    let mut request = get("/");
    request.headers_mut().set("Transfer-Encoding", "Chunked").unwrap();
    request
}
const CHUNKED: &str = "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n";

fn write(bench: &Bench, text: &str) -> Op {
    bench.start_with(text.as_bytes().to_vec(), |conn, aio| conn.write_body(aio))
}

/// A transaction still works.
fn assert_usable(bench: &Bench) {
    let response = Shared::new(Response::new());
    let op = bench.transact(&get("/"), &response);
    bench.expect(REQUEST);
    bench.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!((op.result(), response.lock().body()), (0, &b"hello"[..]));
}

on_both_runtimes! {
    fn the_head_comes_first_and_the_body_as_it_arrives(bench) {
        let response = asked(&bench, "HTTP/1.1 203 x\r\nContent-Length: 8\r\n\r\n");
        assert_eq!(response.lock().status(), 203);
        assert_eq!(response.lock().body(), b"");
        let first = piece(&bench, 100);
        first.assert_pending();
        bench.send("abc");
        assert_eq!(first.text(), "abc");
        bench.send("defgh");
        assert_eq!(piece(&bench, 2).text(), "de");
        assert_eq!(piece(&bench, 100).text(), "fgh");
        for _ in 0..3 {
            assert_eq!(piece(&bench, 100).end(), (0, 0), "that was all");
        }
        assert_usable(&bench);
    }

    fn chunks_are_decoded(bench) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks = "3\r\nabc\r\n00a;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
        for len in [1, 2, 3, 7, 100] {
            asked(&bench, &format!("{head}{chunks}"));
            assert_eq!(rest(&bench, len), b"abc0123456789", "{len}");
            assert_usable(&bench);
        }
        asked(&bench, head);
        let op = piece(&bench, 100);
        bench.send("3\r\n");
        op.assert_pending();
        bench.send("a");
        assert_eq!(op.text(), "a");
    }

    fn a_body_without_length_ends_with_the_stream(bench) {
        asked(&bench, "HTTP/1.1 200 OK\r\n\r\nall");
        assert_eq!(piece(&bench, 100).text(), "all");
        let (last, behind) = (piece(&bench, 100), bench.read(1));
        last.assert_pending();
        bench.end_sending();
        assert_eq!((last.end(), behind.end()), ((0, 0), (NNG_ECLOSED, 0)));
        bench.assert_closed();
    }

    fn where_there_is_no_body_the_end_comes_at_once(bench) {
        for head in ["HTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
            asked(&bench, head);
            assert_eq!(piece(&bench, 100).end(), (0, 0), "{head:?}");
            assert_usable(&bench);
        }
        let mut head = get("/");
        head.set_method("HEAD").unwrap();
        let response = Shared::new(Response::new());
        let op = bench.start(|conn, aio| conn.ask(&head, &response, aio));
        bench.expect("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        assert_eq!((op.result(), piece(&bench, 100).end()), (0, (0, 0)));
        assert_usable(&bench);
    }

    fn nobody_has_asked_and_there_is_no_body(bench) {
        assert_eq!(piece(&bench, 100).end(), (0, 0));
        bench.assert_open();
    }

    fn pieces_may_wait_behind_their_head(bench) {
        let response = Shared::new(Response::new());
        let op = ask(&bench, &response);
        let pieces = [piece(&bench, 2), piece(&bench, 2), piece(&bench, 2)];
        let next = bench.transact(&get("/"), &Shared::default());
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(op.result(), 0);
        assert_eq!((pieces[0].text(), pieces[1].text(), pieces[2].end()), ("ab".into(), "c".into(), (0, 0)));
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(next.result(), 0);
    }

    fn interim_responses_are_skipped(bench) {
        let response = asked(&bench, "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(response.lock().status(), 200);
        assert_eq!(piece(&bench, 9).text(), "x");
    }

    fn cancelling_a_piece_loses_nothing(bench) {
        asked(&bench, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n");
        let op = piece(&bench, 100);
        op.assert_pending();
        op.aio.cancel();
        assert_eq!(op.end(), (NNG_ECANCELED, 0));
        let limited = bench.op().timeout(Duration::from_millis(1));
        limited.aio.set_buffer(vec![0; 9]).unwrap();
        bench.conn.read_body(&limited.aio);
        assert_eq!(limited.end(), (NNG_ETIMEDOUT, 0));
        bench.send("hello\r\n0\r\n\r\n");
        assert_eq!(rest(&bench, 100), b"hello");
        assert_usable(&bench);
    }

    fn the_next_request_waits_for_the_end_of_the_body(bench) {
        asked(&bench, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        assert_eq!(piece(&bench, 100).text(), "hel");
        let response = Shared::new(Response::new());
        assert_eq!(ask(&bench, &response).end(), (NNG_ESTATE, 0));
        assert_eq!(bench.transact(&get("/"), &response).end(), (NNG_ESTATE, 0));
        bench.send("lo");
        assert_eq!(rest(&bench, 100), b"lo");
        assert_usable(&bench);
    }

    fn a_request_that_waited_for_an_unfinished_body_ends_the_connection(bench) {
        let response = Shared::new(Response::new());
        let (op, next) = (ask(&bench, &response), bench.transact(&get("/"), &Shared::default()));
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        assert_eq!((op.result(), next.result()), (0, NNG_ESTATE));
        bench.assert_closed();
    }

    fn a_raw_read_takes_the_body_over(bench) {
        asked(&bench, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(bench.read_all(5).text(), "hello");
        assert_eq!(piece(&bench, 9).end(), (0, 0));
        assert_usable(&bench);
    }

    fn what_is_malformed_cut_off_or_too_long_is_an_error(bench) {
        let chunked = "Transfer-Encoding: chunked\r\n\r\n";
        for (rest, result) in [
            (format!("{chunked}z\r\n"), NNG_EPROTO),
            (format!("{chunked}1\r\nxx"), NNG_EPROTO),
            (format!("{chunked}5\r\n"), NNG_ECONNSHUT),
            ("Content-Length: 5\r\n\r\n".to_owned(), NNG_ECONNSHUT),
            ("Content-Length: 9\r\n\r\n".to_owned(), NNG_EMSGSIZE),
            (format!("{chunked}9\r\n123456789"), NNG_EMSGSIZE),
        ] {
            let bench = Bench::unix(bench.driver().clone());
            bench.conn.set_max_response(8);
            asked(&bench, &format!("HTTP/1.1 200 OK\r\n{rest}"));
            bench.end_sending();
            let mut end = (0, 1);
            while let (0, 1..) = end {
                end = piece(&bench, 4).end();
            }
            assert_eq!(end, (result, 0), "{rest:?}");
            bench.assert_closed();
        }
    }

    // --- On the way out ---------------------------------------------------------------------------

    fn pieces_of_a_request_go_out_as_chunks(bench) {
        let response = Shared::new(Response::new());
        let op = bench.start(|conn, aio| conn.ask(&chunked(), &response, aio));
        bench.expect(CHUNKED);
        let pieces = ["first", "", "x", "0123456789abcdef"].map(|text| (write(&bench, text), text));
        let end = bench.start(|conn, aio| conn.end_body(aio));
        bench.expect("5\r\nfirst\r\n1\r\nx\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
        for (piece, text) in pieces {
            assert_eq!(piece.end(), (0, text.len()), "the count is the caller's");
        }
        assert_eq!(end.end(), (0, 0));
        assert_eq!(bench.start(|conn, aio| conn.end_body(aio)).end(), (0, 0), "it has ended");
        op.assert_pending();
        op.assert_pending();
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(op.end(), (0, 0));
        assert_eq!(rest(&bench, 100), b"ok");
        assert_usable(&bench);
    }

    fn what_is_in_the_aio_that_ends_a_body_is_not_sent(bench) {
        assert_eq!(bench.start(|conn, aio| conn.write_req(&chunked(), aio)).result(), 0);
        let op = write(&bench, "abc");
        assert_eq!(op.end(), (0, 3));
        bench.conn.end_body(op.again());
        assert_eq!(op.end(), (0, 0));
        bench.expect(&format!("{CHUNKED}3\r\nabc\r\n0\r\n\r\n"));
        bench.assert_open();
    }

    fn pieces_of_a_request_whose_length_is_known_go_out_as_they_are(bench) {
        let mut request = get("/");
        request.set_body(Body::declared(8));
        let response = Shared::new(Response::new());
        let op = bench.start(|conn, aio| conn.ask(&request, &response, aio));
        let pieces = [write(&bench, "abcd"), write(&bench, "efgh")];
        let end = bench.start(|conn, aio| conn.end_body(aio));
        bench.expect("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nabcdefgh");
        assert_eq!((pieces[0].end(), pieces[1].end(), end.end()), ((0, 4), (0, 4), (0, 0)));
        bench.send("HTTP/1.1 204 x\r\n\r\n");
        assert_eq!(op.end(), (0, 0));
        assert_usable(&bench);
    }

    fn pieces_of_a_response_go_out_as_chunks(bench) {
        let mut response = Response::new();
        response.headers_mut().set("Transfer-Encoding", "chunked").unwrap();
        let op = bench.write_res(&response);
        let (piece, end) = (write(&bench, "abc"), bench.start(|conn, aio| conn.end_body(aio)));
        bench.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        assert_eq!((op.result(), piece.end(), end.end()), (0, (0, 3), (0, 0)));
        assert_eq!(write(&bench, "raw").end(), (0, 3));
        bench.expect("raw");
    }

    fn a_large_piece_arrives_whole_however_slowly(bench) {
        bench.start(|conn, aio| conn.write_req(&chunked(), aio));
        let op = bench.start_with(pattern(BIG), |conn, aio| conn.write_body(aio));
        op.assert_pending();
        bench.expect(&format!("{CHUNKED}{BIG:x}\r\n"));
        assert!(bench.receive(BIG) == pattern(BIG));
        bench.expect("\r\n");
        assert_eq!(op.end(), (0, BIG));
    }

    fn a_piece_that_is_cancelled_amid_tells_how_much_has_gone_and_closes(bench) {
        bench.start(|conn, aio| conn.write_req(&chunked(), aio));
        let op = bench.start_with(pattern(BIG), |conn, aio| conn.write_body(aio));
        op.assert_pending();
        op.aio.cancel();
        let (result, count) = op.end();
        assert_eq!(result, NNG_ECANCELED);
        let head = CHUNKED.len() + format!("{BIG:x}\r\n").len();
        assert_eq!(bench.receive_to_end().len(), head + count);
        bench.assert_closed();
    }

    fn what_waits_can_be_taken_out_also_the_end(bench) {
        bench.start(|conn, aio| conn.write_req(&chunked(), aio));
        let active = bench.start_with(vec![b'x'; BIG], |conn, aio| conn.write_body(aio));
        active.assert_pending();
        let (piece, end) = (write(&bench, "gone"), bench.start(|conn, aio| conn.end_body(aio)));
        piece.aio.cancel();
        end.aio.cancel();
        assert_eq!((piece.end(), end.end()), ((NNG_ECANCELED, 0), (NNG_ECANCELED, 0)));
        let (piece, end) = (write(&bench, "kept"), bench.start(|conn, aio| conn.end_body(aio)));
        bench.receive(CHUNKED.len() + format!("{BIG:x}\r\n").len() + BIG);
        bench.expect("\r\n4\r\nkept\r\n0\r\n\r\n");
        assert_eq!((active.result(), piece.end(), end.end()), (0, (0, 4), (0, 0)));
        bench.assert_open();
    }

    fn an_answer_may_come_before_the_body_is_out(bench) {
        let response = Shared::new(Response::new());
        let op = bench.start(|conn, aio| conn.ask(&chunked(), &response, aio));
        let piece = bench.start_with(vec![b'x'; BIG], |conn, aio| conn.write_body(aio));
        bench.send("HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(op.result(), 0);
        assert_eq!(response.lock().status(), 413);
        piece.assert_pending();
        bench.conn.close();
        assert_eq!(piece.result(), NNG_ECANCELED);
    }

    fn an_answer_is_whole_though_its_server_takes_no_more(mut bench) {
        for len in [0, 100_000] {
            let response = Shared::new(Response::new());
            let op = bench.start(|conn, aio| conn.ask(&chunked(), &response, aio));
            let upload = bench.start_with(vec![b'x'; BIG], |conn, aio| conn.write_body(aio));
            bench.receive(CHUNKED.len());
            bench.send(format!("HTTP/1.1 413 x\r\nContent-Length: {len}\r\n\r\n"));
            bench.send(pattern(len));
            assert_eq!(op.result(), 0);
            assert_eq!(response.lock().status(), 413);
            bench.close_peer();
            assert_ne!(upload.result(), 0);
            assert_eq!(write(&bench, "more").result(), NNG_ECLOSED);
            let end = bench.start(|conn, aio| conn.end_body(aio));
            assert_eq!(end.result(), NNG_ECLOSED);
            assert!(!bench.conn.is_closed(), "there is something to be read");
            assert!(rest(&bench, 10_000) == pattern(len), "the body of {len} bytes is whole");
            assert!(bench.conn.is_closed());
            assert_eq!(bench.transact(&get("/"), &response).result(), NNG_ECLOSED);
            bench = Bench::unix(bench.driver().clone());
        }
    }

    fn an_answer_that_a_reset_cuts_off_is_not_whole(bench) {
        let (mut bench, _) = bench.with_watched_tcp();
        let response = Shared::new(Response::new());
        let op = bench.start(|conn, aio| conn.ask(&chunked(), &response, aio));
        let upload = bench.start_with(vec![b'x'; BIG], |conn, aio| conn.write_body(aio));
        bench.receive(CHUNKED.len());
        // Its end is that of the stream.
        bench.send("HTTP/1.1 200 OK\r\n\r\npart");
        assert_eq!(op.result(), 0);
        upload.assert_pending();
        bench.reset_by_peer();
        assert_ne!(upload.result(), 0);
        assert_eq!(piece(&bench, 100).text(), "part");
        assert_eq!(piece(&bench, 100).end(), (NNG_ECONNRESET, 0));
        bench.assert_closed();
    }

    fn fields_behind_an_answer_that_is_read_to_its_end_are_there(mut bench) {
        let response = Shared::new(Response::new());
        let op = bench.start(|conn, aio| conn.ask(&chunked(), &response, aio));
        let upload = bench.start_with(vec![b'x'; BIG], |conn, aio| conn.write_body(aio));
        bench.receive(CHUNKED.len());
        bench.send("HTTP/1.1 413 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nA: b\r\n\r\n");
        assert_eq!(op.result(), 0);
        bench.close_peer();
        assert_ne!(upload.result(), 0);
        assert_eq!(rest(&bench, 100), b"no");
        assert_eq!(bench.conn.take_trailers().unwrap().get("A").as_deref(), Some("b"));
    }

    fn a_read_behind_a_request_that_cannot_be_sent_is_not_of_the_answer_before(mut bench) {
        let (one, two) = (Shared::default(), Shared::default());
        let mut request = chunked();
        request.set_method("POST").unwrap();
        let first = bench.start(|conn, aio| conn.transact(&request, &one, aio));
        bench.receive(CHUNKED.len() + 1);
        let upload = bench.start_with(vec![b'x'; BIG], |conn, aio| conn.write_body(aio));
        let second = bench.start(|conn, aio| conn.ask(&get("/"), &two, aio));
        let body = piece(&bench, 10);
        bench.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
        upload.assert_pending();
        bench.send("lf");
        assert_eq!(first.result(), 0);
        bench.close_peer();
        assert_ne!(upload.result(), 0);
        assert_ne!(second.result(), 0);
        assert_eq!(body.result(), NNG_ECLOSED);
        bench.assert_closed();
    }

    fn what_comes_behind_the_body_stays_in_the_stream(bench) {
        asked(&bench, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore");
        assert_eq!(piece(&bench, 100).text(), "ok");
        assert_eq!(piece(&bench, 100).end(), (0, 0));
        assert_eq!(bench.read_all(4).text(), "more");
        bench.assert_open();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces_give_the_same_body(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..6),
        is_chunked: bool,
        sends in prop::collection::vec(1..60_usize, 1..8),
        rooms in prop::collection::vec(1..40_usize, 1..8),
    ) {
        let bench = Bench::host();
        let body = chunks.concat();
        let wire = if is_chunked {
            asked(&bench, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend(format!("{:x}\r\n", chunk.len()).bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
            wire
        } else {
            asked(&bench, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
            body.clone()
        };
        let (mut sends, mut rooms) = (sends.into_iter().cycle(), rooms.into_iter().cycle());
        let (mut left, mut found) = (&wire[..], Vec::new());
        loop {
            let op = piece(&bench, rooms.next().unwrap());
            while op.aio.is_busy() && !left.is_empty() {
                let (part, rest) = left.split_at(sends.next().unwrap().min(left.len()));
                bench.send(part);
                left = rest;
                bench.settle();
            }
            let more = op.bytes();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        prop_assert_eq!(found, body);
    }
}
