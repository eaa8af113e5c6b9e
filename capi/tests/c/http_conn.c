// HTTP connections: what is read and written on them, by itself or as requests and responses.

#include "http_lines.h"

// Reads and writes

static void a_read_takes_what_there_is(void)
{
    struct line line;
    char data[100];
    size_t count;

    line_open(&line);
    say(line.fd, "abc");
    CHECK_EQ(line_read(&line, data, sizeof data, &count), 0);
    CHECK(count >= 1 && count <= 3);
    CHECK_MEM(data, "abc", count);
    if (count < 3) {
        CHECK_EQ(line_read_all(&line, data, 3 - count, &count), 0);
    }
    set_memory(line.other, data, 6);
    nng_http_conn_read_all(line.conn, line.other);
    say(line.fd, "def");
    say(line.fd, "ghijk");
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_EQ(nng_aio_count(line.other), 6);
    CHECK_MEM(data, "defghi", 6);
    CHECK_EQ(line_read_all(&line, data, 2, &count), 0);
    CHECK_MEM(data, "jk", 2);
    line_close(&line);
}

static void nothing_is_read_and_written_at_once(void)
{
    struct line line;
    char data[10];
    size_t count = 1;

    line_open(&line);
    CHECK_EQ(line_read(&line, data, 0, &count), 0);
    CHECK_EQ(count, 0);
    CHECK_EQ(line_read_all(&line, data, 0, &count), 0);
    CHECK_EQ(count, 0);
    CHECK_EQ(line_write_all(&line, ""), 0);
    nng_http_conn_read(line.conn, line.other);
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_EQ(nng_aio_count(line.other), 0);
    nng_http_conn_write(line.conn, line.other);
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_EQ(nng_aio_count(line.other), 0);
    CHECK_EQ(line_write_all(&line, "hello"), 0);
    check_hears(line.fd, "hello");
    line_close(&line);
}

static void several_pieces_are_one_read(void)
{
    struct line line;
    char data[3][4];
    nng_iov iov[3];

    line_open(&line);
    for (int i = 0; i < 3; i++) {
        iov[i].iov_buf = data[i];
        iov[i].iov_len = (size_t) i + 1;
    }
    CHECK_EQ(nng_aio_set_iov(line.aio, 3, iov), 0);
    nng_http_conn_read_all(line.conn, line.aio);
    say(line.fd, "a");
    say(line.fd, "bbccc");
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(nng_aio_count(line.aio), 6);
    CHECK_EQ(data[0][0], 'a');
    CHECK_MEM(data[1], "bb", 2);
    CHECK_MEM(data[2], "ccc", 3);
    CHECK_EQ(nng_aio_set_iov(line.aio, 3, iov), 0);
    nng_http_conn_write_all(line.conn, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(nng_aio_count(line.aio), 6);
    check_hears(line.fd, "abbccc");
    line_close(&line);
}

static void a_write_waits_for_room(void)
{
    struct line line;
    static char much[1 << 22];
    static char buf[1 << 16];
    size_t heard = 0, written;

    memset(much, 'm', sizeof much);
    line_open(&line);
    set_memory(line.aio, much, sizeof much);
    nng_http_conn_write(line.conn, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    written = nng_aio_count(line.aio);
    CHECK(written > 0 && written <= sizeof much);
    set_memory(line.aio, much, sizeof much);
    nng_http_conn_write_all(line.conn, line.aio);
    set_memory(line.other, "end", 3);
    nng_http_conn_write_all(line.conn, line.other);
    while (heard < written + sizeof much + 3) {
        ssize_t count = recv(line.fd, buf, sizeof buf, 0);

        CHECK(count > 0);
        heard += (size_t) count;
        if (heard == written + sizeof much + 3) {
            CHECK_EQ(buf[count - 1], 'd');
        }
    }
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(nng_aio_count(line.aio), sizeof much);
    CHECK_EQ(aio_end(line.other, NULL), 0);
    line_close(&line);
}

// Each of them does its own, whatever comes behind it.
static void different_reads_queue_up(void)
{
    struct line line;
    char data[10], last[10];
    nng_aio *third = aio_new(), *fourth = aio_new();
    nng_http_res *res = response();

    line_open(&line);
    nng_http_conn_read_res(line.conn, line.res, line.aio);
    set_memory(line.other, data, 4);
    nng_http_conn_read_all(line.conn, line.other);
    nng_http_conn_read_res(line.conn, res, third);
    set_memory(fourth, last, sizeof last);
    nng_http_conn_read(line.conn, fourth);
    say(line.fd, "HTTP/1.1 201 A\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 202 B\r\n\r\nlast");
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_EQ(aio_end(third, NULL), 0);
    CHECK_EQ(aio_end(fourth, NULL), 0);
    CHECK_EQ(nng_http_res_get_status(line.res), 201);
    CHECK_EQ(nng_http_res_get_status(res), 202);
    CHECK_EQ(nng_aio_count(line.other), 4);
    CHECK_MEM(data, "body", 4);
    CHECK(nng_aio_count(fourth) >= 1);
    CHECK_MEM(last, "last", nng_aio_count(fourth));
    nng_http_res_free(res);
    nng_aio_free(third);
    nng_aio_free(fourth);
    line_close(&line);
}

static void one_that_waits_can_be_canceled(void)
{
    struct line line;
    char data[10];
    nng_aio *third = aio_new();

    line_open(&line);
    set_memory(line.aio, data, 4);
    nng_http_conn_read_all(line.conn, line.aio);
    set_memory(line.other, data, 4);
    nng_http_conn_read_all(line.conn, line.other);
    set_memory(third, data + 4, 4);
    nng_http_conn_read_all(line.conn, third);
    nng_aio_cancel(line.other);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ECANCELED);
    say(line.fd, "firstone");
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(aio_end(third, NULL), 0);
    CHECK_MEM(data, "firstone", 8);
    // To cancel the one that is at work ends the connection.
    set_memory(line.aio, data, 4);
    nng_http_conn_read_all(line.conn, line.aio);
    set_memory(line.other, data, 4);
    nng_http_conn_read_all(line.conn, line.other);
    nng_aio_cancel(line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECANCELED);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ECLOSED);
    CHECK_EQ(line_write_all(&line, "hello"), NNG_ECLOSED);
    check_ended(line.fd);
    nng_aio_free(third);
    line_close(&line);
}

static void a_limit_of_zero_hurts_nobody(void)
{
    struct line line;
    char byte;

    line_open(&line);
    nng_aio_set_timeout(line.other, 0);
    nng_http_conn_transact(line.conn, line.req, line.res, line.other);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ETIMEDOUT);
    nng_http_conn_write_res(line.conn, line.res, line.other);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ETIMEDOUT);
    set_memory(line.other, &byte, 1);
    nng_http_conn_read(line.conn, line.other);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ETIMEDOUT);
    CHECK_EQ(line_write_all(&line, "hello"), 0);
    check_hears(line.fd, "hello");
    line_close(&line);
}

static void a_stopped_aio_starts_nothing(void)
{
    struct line line;

    line_open(&line);
    nng_aio_stop(line.other);
    nng_http_conn_transact(line.conn, line.req, line.res, line.other);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ECANCELED);
    set_memory(line.other, "x", 1);
    nng_http_conn_write_all(line.conn, line.other);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ECANCELED);
    // The connection is not hurt.
    CHECK_EQ(line_write_all(&line, "hello"), 0);
    check_hears(line.fd, "hello");
    line_close(&line);
}

static void an_end_is_told_once(void)
{
    struct line line;
    char data[10];
    size_t count;

    line_open(&line);
    say(line.fd, "abc");
    shutdown(line.fd, SHUT_WR);
    // What was read is not lost.
    CHECK_EQ(line_read_all(&line, data, 5, &count), NNG_ECONNSHUT);
    CHECK_EQ(count, 3);
    CHECK_MEM(data, "abc", 3);
    CHECK_EQ(line_read(&line, data, 5, &count), NNG_ECLOSED);
    CHECK_EQ(line_write_all(&line, "x"), NNG_ECLOSED);
    nng_http_conn_read_res(line.conn, line.res, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECLOSED);
    nng_http_conn_read_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECLOSED);
    nng_http_conn_write_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECLOSED);
    CHECK_EQ(line_write_res(&line), NNG_ECLOSED);
    set_memory(line.aio, "x", 1);
    nng_http_conn_write(line.conn, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECLOSED);
    line_close(&line);
}

// Heads that are read

static void behind_a_head_comes_the_body(void)
{
    struct line line;
    char data[100];
    size_t count;

    line_open(&line);
    nng_http_conn_read_res(line.conn, line.res, line.other);
    say(line.fd, "HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\n\r\n");
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_EQ(nng_aio_count(line.other), 0);
    CHECK_EQ(nng_http_res_get_status(line.res), 500);
    CHECK_STR(nng_http_res_get_reason(line.res), "Oh");
    check_body(line.res, "");
    CHECK_EQ(line_read_all(&line, data, 4, &count), 0);
    CHECK_MEM(data, "body", 4);
    nng_http_res_reset(line.res);
    nng_http_conn_read_res(line.conn, line.res, line.other);
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_EQ(nng_http_res_get_status(line.res), 200);
    line_close(&line);
}

static void requests_can_be_read(void)
{
    struct line line;
    char data[100];
    size_t count;

    line_open(&line);
    nng_http_req_reset(line.req);
    nng_http_conn_read_req(line.conn, line.req, line.other);
    say(line.fd, "PUT /x?y HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n");
    say(line.fd, "x-a: 2\r\nContent-Length: 4\r\n\r\nbody");
    CHECK_EQ(aio_end(line.other, NULL), 0);
    CHECK_STR(nng_http_req_get_method(line.req), "PUT");
    CHECK_STR(nng_http_req_get_uri(line.req), "/x?y");
    CHECK_STR(nng_http_req_get_version(line.req), "HTTP/1.1");
    CHECK_STR(nng_http_req_get_header(line.req, "x-A"), "1, 2");
    CHECK_EQ(line_read_all(&line, data, 4, &count), 0);
    CHECK_MEM(data, "body", 4);
    nng_http_req_reset(line.req);
    nng_http_conn_read_req(line.conn, line.req, line.other);
    say(line.fd, "nonsense\r\n\r\n");
    CHECK_EQ(aio_end(line.other, NULL), NNG_EPROTO);
    CHECK_EQ(line_read(&line, data, 1, &count), NNG_ECLOSED);
    line_close(&line);
}

static void heads_have_a_limit(void)
{
    struct line line;
    static char text[70000];
    int size = 1 << 20;

    line_open(&line);
    CHECK_EQ(setsockopt(line.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nX-Long: %060000d\r\n\r\n", 0);
    nng_http_conn_read_res(line.conn, line.res, line.aio);
    say(line.fd, text);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(strlen(nng_http_res_get_header(line.res, "x-long")), 60000);
    nng_http_res_reset(line.res);
    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nX-Long: %066000d\r\n\r\n", 0);
    nng_http_conn_read_res(line.conn, line.res, line.aio);
    say(line.fd, text);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_EMSGSIZE);
    line_close(&line);
}

// Requests that are written

static void a_request_is_sent_as_it_was_made(void)
{
    struct line line;
    char expected[1000];

    line_open(&line);
    CHECK_EQ(nng_http_req_set_method(line.req, "POST"), 0);
    CHECK_EQ(nng_http_req_set_header(line.req, "X-one", "1"), 0);
    CHECK_EQ(nng_http_req_set_header(line.req, "X-Two", "2"), 0);
    // Place and spelling are those of the first time.
    CHECK_EQ(nng_http_req_set_header(line.req, "X-ONE", "3"), 0);
    CHECK_EQ(nng_http_req_add_header(line.req, "x-two", "4"), 0);
    CHECK_EQ(nng_http_req_set_data(line.req, "body", 4), 0);
    snprintf(expected, sizeof expected,
        "POST /path HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-one: 3\r\nX-Two: 2, 4\r\n"
        "Content-Length: 4\r\n\r\nbody", line.peer.port);
    nng_http_conn_write_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_EQ(nng_aio_count(line.aio), strlen(expected));
    check_hears(line.fd, expected);
    // What has changed since is sent changed.
    CHECK_EQ(nng_http_req_set_method(line.req, NULL), 0);
    CHECK_EQ(nng_http_req_set_uri(line.req, "/?"), 0);
    CHECK_EQ(nng_http_req_set_version(line.req, "HTTP/1.0"), 0);
    CHECK_EQ(nng_http_req_del_header(line.req, "x-TWO"), 0);
    CHECK_EQ(nng_http_req_copy_data(line.req, "other", 5), 0);
    snprintf(expected, sizeof expected,
        "GET /? HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nX-one: 3\r\nContent-Length: 5\r\n\r\nother",
        line.peer.port);
    nng_http_conn_write_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    check_hears(line.fd, expected);
    // Cookies are never joined.
    nng_http_req_reset(line.req);
    CHECK_EQ(nng_http_req_set_uri(line.req, "/"), 0);
    CHECK_EQ(nng_http_req_add_header(line.req, "Set-Cookie", "a"), 0);
    CHECK_EQ(nng_http_req_add_header(line.req, "Set-Cookie", "b"), 0);
    nng_http_conn_write_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    check_hears(line.fd, "GET / HTTP/1.1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n");
    line_close(&line);
}

static void without_a_target_nothing_is_sent(void)
{
    struct line line;

    line_open(&line);
    CHECK_EQ(nng_http_req_set_uri(line.req, NULL), 0);
    nng_http_conn_write_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_req_set_uri(line.req, "/"), 0);
    nng_http_conn_write_req(line.conn, line.req, line.aio);
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK(strncmp(hear_head(line.fd), "GET / HTTP/1.1\r\n", 16) == 0);
    line_close(&line);
}

// Responses that are written

static void a_response_is_sent_as_it_was_made(void)
{
    static const char first[] = "HTTP/1.1 404 Nowhere\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody";
    struct line line;

    line_open(&line);
    CHECK_EQ(nng_http_res_set_status(line.res, 404), 0);
    CHECK_EQ(nng_http_res_set_reason(line.res, "Nowhere"), 0);
    CHECK_EQ(nng_http_res_set_header(line.res, "X-A", "b"), 0);
    CHECK_EQ(nng_http_res_set_data(line.res, "body", 4), 0);
    CHECK_EQ(line_write_res(&line), 0);
    CHECK_EQ(nng_aio_count(line.aio), strlen(first));
    check_hears(line.fd, first);
    // It is not used up, and what has changed since is sent changed.
    CHECK_EQ(line_write_res(&line), 0);
    check_hears(line.fd, first);
    CHECK_EQ(nng_http_res_set_status(line.res, 200), 0);
    CHECK_EQ(nng_http_res_set_reason(line.res, NULL), 0);
    CHECK_EQ(nng_http_res_copy_data(line.res, "longer body", 11), 0);
    CHECK_EQ(line_write_res(&line), 0);
    check_hears(line.fd, "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 11\r\n\r\nlonger body");
    // A body that is only announced.
    nng_http_res_reset(line.res);
    CHECK_EQ(nng_http_res_set_data(line.res, NULL, 1000), 0);
    CHECK_EQ(line_write_res(&line), 0);
    check_hears(line.fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    // Nothing is added to what has no body.
    nng_http_res_reset(line.res);
    CHECK_EQ(line_write_res(&line), 0);
    check_hears(line.fd, "HTTP/1.1 200 OK\r\n\r\n");
    line_close(&line);
}

static void a_response_may_be_the_last(void)
{
    for (int i = 0; i < 3; i++) {
        struct line line;

        line_open(&line);
        if (i == 2) {
            CHECK_EQ(nng_http_res_set_version(line.res, "HTTP/1.0"), 0);
        } else {
            CHECK_EQ(nng_http_res_set_header(line.res, "Connection", i ? "x, Close" : "close"), 0);
        }
        CHECK_EQ(nng_http_res_copy_data(line.res, "bye", 3), 0);
        CHECK_EQ(line_write_res(&line), 0);
        CHECK_EQ(line_write_all(&line, "more"), NNG_ECLOSED);
        hear_head(line.fd);
        check_hears(line.fd, "bye");
        check_ended(line.fd);
        line_close(&line);
    }
}

static void an_interim_response_is_never_the_last(void)
{
    struct line line;

    line_open(&line);
    CHECK_EQ(nng_http_res_set_status(line.res, 100), 0);
    CHECK_EQ(nng_http_res_set_header(line.res, "Connection", "close"), 0);
    CHECK_EQ(line_write_res(&line), 0);
    CHECK_EQ(line_write_all(&line, "more"), 0);
    hear_head(line.fd);
    check_hears(line.fd, "more");
    line_close(&line);
}

static void a_body_may_follow_its_head(void)
{
    struct line line;

    line_open(&line);
    CHECK_EQ(nng_http_res_set_header(line.res, "Connection", "close"), 0);
    CHECK_EQ(nng_http_res_set_header(line.res, "Content-Length", "8"), 0);
    CHECK_EQ(line_write_res(&line), 0);
    CHECK_EQ(line_write_all(&line, "some"), 0);
    CHECK_EQ(line_write_all(&line, "more"), 0);
    CHECK_EQ(line_write_all(&line, "too much"), NNG_ECLOSED);
    hear_head(line.fd);
    check_hears(line.fd, "somemore");
    check_ended(line.fd);
    line_close(&line);
}

// The end of things, and what callbacks may do

static void to_close_ends_what_waits(void)
{
    struct line line;
    char data[10];
    int result;

    line_open(&line);
    set_memory(line.aio, data, 4);
    nng_http_conn_read_all(line.conn, line.aio);
    nng_http_conn_read_res(line.conn, line.res, line.other);
    nng_http_conn_close(line.conn);
    line.conn = NULL;
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECANCELED);
    result = aio_end(line.other, NULL);
    CHECK(result == NNG_ECANCELED || result == NNG_ECLOSED);
    check_ended(line.fd);
    line_close(&line);
}

static void to_close_ends_writes(void)
{
    static char much[1 << 24];
    struct line line;

    line_open(&line);
    set_memory(line.aio, much, sizeof much);
    nng_http_conn_write_all(line.conn, line.aio);
    CHECK_EQ(nng_http_res_copy_data(line.res, "x", 1), 0);
    nng_http_conn_write_res(line.conn, line.res, line.other);
    nng_http_conn_close(line.conn);
    line.conn = NULL;
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECANCELED);
    CHECK_EQ(aio_end(line.other, NULL), NNG_ECLOSED);
    line_close(&line);
}

static void all_may_be_freed_in_the_callback_of_an_operation(void)
{
    for (int i = 0; i < 40; i++) {
        struct line line;
        struct doomed d;

        line_open(&line);
        doomed_init(&d);
        d.conn = line.conn;
        d.req = line.req;
        d.res = line.res;
        line.conn = NULL;
        line.req = NULL;
        line.res = NULL;
        CHECK_EQ(nng_http_res_copy_data(d.res, "abc", 3), 0);
        if (i % 8 < 4) {
            set_memory(d.aio, d.data, 4);
        }
        switch (i % 8) {
        case 0:
            nng_http_conn_read(d.conn, d.aio);
            say(line.fd, "abcd");
            break;
        case 1:
            nng_http_conn_read_all(d.conn, d.aio);
            say(line.fd, "abcd");
            break;
        case 2:
            nng_http_conn_write(d.conn, d.aio);
            break;
        case 3:
            nng_http_conn_write_all(d.conn, d.aio);
            break;
        case 4:
            nng_http_conn_read_req(d.conn, d.req, d.aio);
            say(line.fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            break;
        case 5:
            nng_http_conn_read_res(d.conn, d.res, d.aio);
            say(line.fd, "HTTP/1.1 200 OK\r\n\r\n");
            break;
        case 6:
            nng_http_conn_write_req(d.conn, d.req, d.aio);
            break;
        default:
            nng_http_conn_write_res(d.conn, d.res, d.aio);
            break;
        }
        gate_await(&d.done, 1);
        CHECK_EQ(d.result, 0);
        line_close(&line);
    }
}

struct locked {
    pthread_mutex_t lock;
    struct gate calls;
};

static void locks(void *arg)
{
    struct locked *locked = arg;

    pthread_mutex_lock(&locked->lock);
    pthread_mutex_unlock(&locked->lock);
    gate_pass(&locked->calls);
}

static void callbacks_never_run_in_the_call_that_starts(void)
{
    struct locked locked = { PTHREAD_MUTEX_INITIALIZER, GATE_INIT };
    struct line line;
    nng_aio *aio;

    line_open(&line);
    CHECK_EQ(nng_aio_alloc(&aio, locks, &locked), 0);
    for (int i = 1; i <= 12; i++) {
        pthread_mutex_lock(&locked.lock);
        set_memory(aio, "x", 1);
        switch (i % 6) {
        case 0:
            nng_http_conn_write(line.conn, aio);
            break;
        case 1:
            nng_http_conn_write_all(line.conn, aio);
            break;
        case 2:
            nng_http_conn_write_req(line.conn, line.req, aio);
            break;
        case 3:
            nng_http_conn_write_res(line.conn, line.res, aio);
            break;
        case 4:
            nng_http_req_set_uri(line.req, NULL);
            nng_http_conn_write_req(line.conn, line.req, aio);
            nng_http_req_set_uri(line.req, "/");
            break;
        default:
            nng_aio_set_timeout(aio, 0);
            nng_http_conn_transact(line.conn, line.req, line.res, aio);
            nng_aio_set_timeout(aio, ENOUGH);
            break;
        }
        pthread_mutex_unlock(&locked.lock);
        nng_aio_wait(aio);
        CHECK_EQ(gate_count(&locked.calls), i);
    }
    nng_aio_free(aio);
    line_close(&line);
}

static const struct check_test tests[] = {
    TEST(a_read_takes_what_there_is),
    TEST(nothing_is_read_and_written_at_once),
    TEST(several_pieces_are_one_read),
    TEST(a_write_waits_for_room),
    TEST(different_reads_queue_up),
    TEST(one_that_waits_can_be_canceled),
    TEST(a_limit_of_zero_hurts_nobody),
    TEST(a_stopped_aio_starts_nothing),
    TEST(an_end_is_told_once),
    TEST(behind_a_head_comes_the_body),
    TEST(requests_can_be_read),
    TEST(heads_have_a_limit),
    TEST(a_request_is_sent_as_it_was_made),
    TEST(without_a_target_nothing_is_sent),
    TEST(a_response_is_sent_as_it_was_made),
    TEST(a_response_may_be_the_last),
    TEST(an_interim_response_is_never_the_last),
    TEST(a_body_may_follow_its_head),
    TEST(to_close_ends_what_waits),
    TEST(to_close_ends_writes),
    TEST(all_may_be_freed_in_the_callback_of_an_operation),
    TEST(callbacks_never_run_in_the_call_that_starts),
};

CHECK_MAIN(tests)
