//! Reading from a connection: raw bytes and heads, in order. How it ends otherwise is in
//! `conn_read_end.rs`.
//!
//! Source: nng 1.12, nng_http_conn_read(3http) and its siblings.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use nng_aio::{Buffers, codes::*};
use nng_oxide::http::{Request, Response, Shared};
use support::{BIG, Bench, Op, on_both_runtimes, pattern, with_fields};

/// A request with one field, and how long it is.
const REQUEST: &str = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

fn request() -> Shared<Request> {
    Shared::new(Request::new())
}

fn response() -> Shared<Response> {
    Shared::new(Response::new())
}

/// A request head of exactly `len` bytes, most of them in one field.
fn head_of(len: usize) -> String {
    let frame = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(len - frame))
}

on_both_runtimes! {
    // --- Raw bytes ------------------------------------------------------------------------------

    fn a_read_takes_what_is_there(bench) {
        bench.send("hello");
        let op = bench.read(100);
        assert_eq!(op.end(), (0, 5));
        assert_eq!(op.text(), "hello");
        bench.assert_open();
    }

    fn a_read_waits_for_the_first_byte(bench) {
        let op = bench.read(100);
        op.assert_pending();
        bench.send("h");
        assert_eq!(op.text(), "h");
    }

    fn a_read_takes_no_more_than_it_has_room_for(bench) {
        bench.send("hello");
        assert_eq!(bench.read(2).text(), "he");
        assert_eq!(bench.read(2).text(), "ll");
        assert_eq!(bench.read(2).text(), "o");
    }

    fn a_read_of_everything_waits_for_everything(bench) {
        let op = bench.read_all(5);
        bench.send("hel");
        op.assert_pending();
        bench.send("lo, you");
        assert_eq!(op.text(), "hello");
        assert_eq!(bench.read_all(5).text(), ", you");
    }

    fn pieces_are_filled_in_order(bench) {
        let pieces = vec![vec![0; 2].into(), vec![].into(), vec![0; 1].into(), vec![0; 3].into()];
        let op = bench.op();
        op.aio.set_buffers(Buffers::from_pieces(pieces).unwrap()).unwrap();
        bench.conn.read_all(&op.aio);
        for piece in ["a", "bc", "d", "ef"] {
            bench.send(piece);
            bench.settle();
        }
        assert_eq!(op.end(), (0, 6));
        let buffers = op.aio.take_buffers();
        let texts: Vec<_> = buffers.pieces().iter().map(|piece| piece.as_slice()).collect();
        assert_eq!(texts, [&b"ab"[..], b"", b"c", b"def"]);
    }

    fn large_reads_need_many_calls(bench) {
        let bytes = pattern(2 * BIG);
        let op = bench.read_all(bytes.len());
        bench.send(&bytes);
        assert!(op.bytes() == bytes);
    }

    fn large_reads_share_what_arrives_in_order(bench) {
        let bytes = pattern(BIG);
        let ops: Vec<_> = (0..64).map(|_| bench.read_all(BIG / 64)).collect();
        bench.send(&bytes);
        let got: Vec<u8> = ops.iter().flat_map(Op::bytes).collect();
        assert!(got == bytes);
    }

    fn reads_into_no_memory_end_at_once_with_success(bench) {
        assert_eq!(bench.read(0).end(), (0, 0));
        assert_eq!(bench.read_all(0).end(), (0, 0));
        assert_eq!(bench.start(|conn, aio| conn.read(aio)).end(), (0, 0));
        assert_eq!(bench.start(|conn, aio| conn.read_all(aio)).end(), (0, 0));
        // Memory that cannot be written is no room.
        assert_eq!(bench.start_with("static", |conn, aio| conn.read(aio)).end(), (0, 0));
        assert_eq!(bench.start_with("static", |conn, aio| conn.read_all(aio)).end(), (0, 0));
        bench.send("hello");
        assert_eq!(bench.read_all(0).end(), (0, 0));
        assert_eq!(bench.read_all(5).text(), "hello");
        bench.assert_open();
    }

    fn reads_into_no_memory_keep_their_place_in_the_queue(bench) {
        let first = bench.read_all(3);
        let (empty, last) = (bench.read(0), bench.read_all(2));
        empty.assert_pending();
        bench.send("abc");
        assert_eq!((first.text(), empty.end()), ("abc".to_owned(), (0, 0)));
        bench.send("de");
        assert_eq!(last.text(), "de");
    }

    fn a_read_into_no_memory_ends_when_the_head_before_it_is_cancelled(bench) {
        let head = bench.read_req(&request());
        let (empty, last) = (bench.read(0), bench.read_all(2));
        empty.assert_pending();
        head.aio.cancel();
        assert_eq!((head.end(), empty.end()), ((NNG_ECANCELED, 0), (0, 0)));
        bench.send("ab");
        assert_eq!(last.text(), "ab");
    }

    // --- Heads ----------------------------------------------------------------------------------

    fn a_head_is_read_up_to_its_empty_line(bench) {
        let message = request();
        bench.send("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(bench.read_req(&message).end(), (0, 0));
        {
            let message = message.lock();
            assert_eq!((message.method(), message.uri()), ("POST", "/a?b"));
            assert_eq!(message.headers().get("content-length").as_deref(), Some("5"));
            assert!(message.body().is_empty());
        }
        assert_eq!(bench.read_all(5).text(), "hello");
        bench.assert_open();
    }

    fn a_response_head_is_read_up_to_its_empty_line(bench) {
        let message = response();
        let op = bench.read_res(&message);
        bench.send("HTTP/1.1 404 Gone fishing\r\nX: 1\r\n\r\nrest");
        assert_eq!(op.end(), (0, 0));
        {
            let message = message.lock();
            assert_eq!((message.status(), message.reason()), (404, "Gone fishing"));
        }
        assert_eq!(bench.read_all(4).text(), "rest");
    }

    fn interim_responses_are_delivered_to_who_reads_heads(bench) {
        bench.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
        let message = response();
        assert_eq!(bench.read_res(&message).result(), 0);
        assert_eq!(message.lock().status(), 100);
        assert_eq!(bench.read_res(&message).result(), 0);
        assert_eq!(message.lock().status(), 200);
    }

    fn a_message_is_replaced_and_needs_no_reset(bench) {
        let message = request();
        bench.send("GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\nPUT /2 HTTP/1.1\r\nHost: b\r\n\r\n");
        message.lock().set_body("old");
        assert_eq!(bench.read_req(&message).result(), 0);
        assert_eq!(message.lock().uri(), "/1");
        assert_eq!(message.lock().headers().len(), 2);
        assert_eq!(bench.read_req(&message).result(), 0);
        let message = message.lock();
        assert_eq!((message.method(), message.uri()), ("PUT", "/2"));
        assert_eq!(message.headers().get("host").as_deref(), Some("b"));
        assert_eq!((message.headers().len(), message.body()), (1, &b""[..]));
    }

    fn heads_may_be_cut_anywhere(bench) {
        let text = "\r\nGET /x HTTP/1.1\r\nHost: h\r\nX:  y \r\n\r\n";
        for at in 1..text.len() {
            let message = request();
            let op = bench.read_req(&message);
            bench.send(&text[..at]);
            op.assert_pending();
            bench.send(&text[at..]);
            assert_eq!(op.end(), (0, 0), "cut at {at}");
            assert_eq!(message.lock().uri(), "/x");
            assert_eq!(message.lock().headers().get("x").as_deref(), Some("y"));
        }
        bench.assert_open();
    }

    fn heads_may_arrive_byte_by_byte(bench) {
        let (first, second) = (request(), response());
        let ops = [bench.read_req(&first), bench.read_res(&second)];
        for byte in format!("{REQUEST}HTTP/1.1 200 OK\r\nA: b\r\n\r\n").bytes() {
            bench.send([byte]);
            bench.settle();
        }
        assert!(ops.iter().all(|op| op.end() == (0, 0)));
        assert_eq!((first.lock().uri(), second.lock().status()), ("/x", 200));
        bench.assert_open();
    }

    fn bytes_behind_a_head_are_served_before_the_socket_is_asked(bench) {
        bench.send(format!("{REQUEST}rest"));
        assert_eq!(bench.read_req(&request()).result(), 0);
        bench.send("more");
        assert_eq!(bench.read(100).text(), "rest", "what was received with the head, and only that");
        assert_eq!(bench.read_all(4).text(), "more");
        bench.send(format!("{REQUEST}rest"));
        assert_eq!(bench.read_req(&request()).result(), 0);
        bench.send("more");
        assert_eq!(bench.read_all(8).text(), "restmore", "both");
    }

    fn pipelined_heads_of_any_number_are_read_in_order(bench) {
        let count = 3000;
        let mut burst = String::new();
        for number in 0..count {
            burst += &format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        bench.send(&burst);
        let message = request();
        for number in 0..count {
            assert_eq!(bench.read_req(&message).end(), (0, 0));
            assert_eq!(message.lock().uri(), format!("/{number}"));
        }
        bench.assert_open();
    }

    fn queued_reads_of_pipelined_heads_end_in_order(bench) {
        let reads: Vec<_> = (0..300)
            .map(|_| {
                let message = request();
                (bench.read_req(&message), message)
            })
            .collect();
        let mut burst = String::new();
        for number in 0..reads.len() {
            burst += &format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        bench.send(&burst);
        for (number, (op, message)) in reads.iter().enumerate() {
            assert_eq!(op.end(), (0, 0));
            assert_eq!(message.lock().uri(), format!("/{number}"));
        }
    }

    fn heads_and_bodies_alternate_in_one_burst(bench) {
        let mut burst = Vec::new();
        for len in 0..40 {
            let body = pattern(len * 997);
            let head = format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
            burst.extend(head.into_bytes());
            burst.extend(body);
        }
        let reads: Vec<_> = (0..40)
            .map(|len| (bench.read_req(&request()), bench.read_all(len * 997)))
            .collect();
        bench.send(&burst);
        for (len, (head, body)) in reads.iter().enumerate() {
            assert_eq!(head.result(), 0);
            assert!(body.bytes() == pattern(len * 997), "body of request {len}");
        }
        bench.assert_open();
    }

    // --- Kinds that wait behind each other ------------------------------------------------------

    fn a_raw_read_behind_a_waiting_head_leaves_its_kind_alone(bench) {
        let message = response();
        let (head, raw) = (bench.read_res(&message), bench.read_all(4));
        bench.send("HTTP/1.1 20");
        head.assert_pending();
        raw.assert_pending();
        bench.send("2 Accepted\r\n\r\nbo");
        assert_eq!(head.end(), (0, 0));
        assert_eq!(message.lock().status(), 202);
        raw.assert_pending();
        bench.send("dy");
        assert_eq!(raw.text(), "body");
    }

    fn a_head_behind_a_waiting_raw_read_leaves_its_kind_alone(bench) {
        let message = request();
        let (raw, head) = (bench.read_all(6), bench.read_req(&message));
        bench.send("GET /r");
        assert_eq!(raw.text(), "GET /r");
        bench.send(REQUEST);
        assert_eq!(head.end(), (0, 0));
        assert_eq!(message.lock().uri(), "/x");
    }

    fn reads_of_all_kinds_end_in_order(bench) {
        let (first, second) = (request(), response());
        let ops = [
            bench.read_all(2),
            bench.read_req(&first),
            bench.read(0),
            bench.read(3),
            bench.read_res(&second),
            bench.read_all(1),
        ];
        bench.send(format!("ab{REQUEST}cdeHTTP/1.1 204 No\r\n\r\nf"));
        let counts = [2, 0, 0, 3, 0, 1];
        for (op, count) in ops.iter().zip(counts) {
            assert_eq!(op.end(), (0, count));
        }
        assert_eq!((first.lock().uri(), second.lock().status()), ("/x", 204));
        let texts = [0, 3, 5].map(|at: usize| ops[at].text());
        assert_eq!(texts, ["ab", "cde", "f"]);
    }

    // --- Limits ---------------------------------------------------------------------------------

    fn a_head_of_64_kib_passes_in_one_burst_or_in_pieces(bench) {
        let head = head_of(64 << 10);
        let op = bench.read_req(&request());
        bench.send(&head);
        assert_eq!(op.end(), (0, 0));
        let op = bench.read_req(&request());
        for piece in head.as_bytes().chunks(1000) {
            bench.send(piece);
            bench.settle();
        }
        assert_eq!(op.end(), (0, 0));
        bench.assert_open();
    }

    fn a_longer_head_is_refused_in_one_burst_or_in_pieces(bench) {
        for piece in [usize::MAX, 1000] {
            let bench = Bench::unix(bench.driver().clone());
            let (op, raw) = (bench.read_req(&request()), bench.read(1));
            for piece in head_of((64 << 10) + 1).as_bytes().chunks(piece) {
                bench.send(piece);
                bench.settle();
            }
            assert_eq!((op.end(), raw.end()), ((NNG_EMSGSIZE, 0), (NNG_ECLOSED, 0)));
            bench.assert_closed();
        }
    }

    fn a_head_without_end_is_refused_one_line_per_packet(mut bench) {
        let op = bench.read_req(&request());
        bench.send("GET / HTTP/1.1\r\nHost: h\r\n");
        for number in 0..129 {
            op.assert_pending();
            bench.send(format!("X{number}: 1\r\n"));
            bench.settle();
            if op.runs() > 0 {
                break;
            }
        }
        assert_eq!(op.result(), NNG_EMSGSIZE);
        bench.assert_closed();
        bench.close_peer();
    }

    fn a_request_line_of_16_kib_passes_and_a_longer_one_is_refused(bench) {
        let line = |len: usize| {
            let frame = "GET / HTTP/1.1".len();
            format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(len - frame))
        };
        bench.send(line(16 << 10));
        assert_eq!(bench.read_req(&request()).result(), 0);
        bench.send(line((16 << 10) + 1));
        assert_eq!(bench.read_req(&request()).result(), NNG_EMSGSIZE);
        bench.assert_closed();
    }

    fn eight_empty_lines_before_a_request_pass_and_nine_are_refused(bench) {
        bench.send(format!("{}{REQUEST}", "\r\n".repeat(8)));
        assert_eq!(bench.read_req(&request()).result(), 0);
        bench.send(format!("{}{REQUEST}", "\r\n".repeat(9)));
        assert_eq!(bench.read_req(&request()).result(), NNG_EMSGSIZE);
        bench.assert_closed();
    }

    fn an_empty_line_before_a_response_is_refused(bench) {
        bench.send("\r\nHTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(bench.read_res(&response()).result(), NNG_EPROTO);
        bench.assert_closed();
    }

    // --- Errors: syntax -------------------------------------------------------------------------

    fn a_malformed_head_gives_protocol_and_closes_the_rest(bench) {
        let active = bench.block_writes();
        let message = request();
        message.lock().set_uri("/old").unwrap();
        let ops = [bench.read_req(&message), bench.read(5), bench.read_all(5)];
        bench.send("GET / HTTP/1.1\r\nno colon\r\n\r\nhello");
        assert_eq!(ops[0].end(), (NNG_EPROTO, 0));
        assert_eq!((ops[1].end(), ops[2].end()), ((NNG_ECLOSED, 0), (NNG_ECLOSED, 0)));
        assert_eq!(active.result(), NNG_ECLOSED);
        assert_eq!(message.lock().uri(), "/old", "a head that is refused changes nothing");
        bench.assert_closed();
    }

    fn malformed_heads_of_all_sorts_give_protocol(bench) {
        let requests = [
            "GET\r\n\r\n", "GET /\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n", " GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost: \0\r\n\r\n",
        ];
        for text in requests {
            let bench = Bench::unix(bench.driver().clone());
            bench.send(text);
            assert_eq!(bench.read_req(&request()).result(), NNG_EPROTO, "{text:?}");
            bench.assert_closed();
        }
        let responses = [
            "HTTP/1.1\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "ICY 200 OK\r\n\r\n", "\n\n\n",
            // Whoever reads the body would have to choose.
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        ];
        for text in responses {
            let bench = Bench::unix(bench.driver().clone());
            bench.send(text);
            assert_eq!(bench.read_res(&response()).result(), NNG_EPROTO, "{text:?}");
            bench.assert_closed();
        }
    }

    // --- Both directions ------------------------------------------------------------------------

    fn both_directions_run_at_once(bench) {
        let (write, read) = (bench.block_writes(), bench.read_all(5));
        bench.send("hello");
        assert_eq!(read.text(), "hello");
        write.assert_pending();
        let read = bench.read(5);
        bench.receive(BIG);
        assert_eq!(write.end(), (0, BIG));
        read.assert_pending();
        bench.send("x");
        assert_eq!(read.text(), "x");
    }

    fn a_callback_may_start_the_next_read_on_its_aio(bench) {
        let conn = bench.conn.clone();
        let (tell, hear) = std::sync::mpsc::channel();
        let aio = bench.runtime().aio(move |aio| {
            let mut bytes = aio.take_buffer();
            bytes.truncate(aio.count());
            let _ = tell.send((aio.result(), bytes));
            if aio.result() == 0 {
                aio.set_buffer(vec![0; 3]).unwrap();
                conn.read(aio);
            }
        });
        aio.set_buffer(vec![0; 3]).unwrap();
        bench.conn.read(&aio);
        let bytes = pattern(10_000);
        bench.send(&bytes);
        bench.end_sending();
        let (mut got, mut result) = (Vec::new(), 0);
        bench.until(|| {
            while let Ok((code, bytes)) = hear.try_recv() {
                result = code;
                got.extend(bytes);
            }
            result != 0
        });
        assert_eq!(result, NNG_ECONNSHUT);
        assert!(got == bytes);
    }

    fn messages_can_be_locked_while_the_operation_waits(bench) {
        let message = request();
        let op = bench.read_req(&message);
        let guard = message.lock();
        assert_eq!(guard.uri(), "", "the message is empty meanwhile");
        bench.send("GET");
        op.assert_pending();
        drop(guard);
        bench.send(" /y HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(op.result(), 0);
        assert_eq!(message.lock().uri(), "/y");
    }

    fn a_write_that_closes_ends_reads_with_what_came(bench) {
        let read = bench.read_all(10);
        bench.send("abc");
        read.assert_pending();
        let mut last = with_fields(&[("Connection", "close")]);
        last.set_body("x");
        assert_eq!(bench.write_res(&last).result(), 0);
        let (result, count) = read.end();
        assert_eq!(result, NNG_ECLOSED);
        if bench.driver().is_host_driven() {
            assert_eq!(count, 3);
        }
        assert_eq!(&read.aio.take_buffer()[..count], &b"abc"[..count]);
    }
}
