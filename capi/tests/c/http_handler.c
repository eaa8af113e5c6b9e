// HTTP handlers that are functions: whose their data is, what they see and answer, bodies, and
// connections that they take over.

#include "http_sites.h"

// What a handler has, and who has it

static void data_is_destroyed_with_the_handler(void)
{
    nng_http_handler *handler = made("/", says);
    int data;

    gate_init(&destroyed);
    CHECK(nng_http_handler_get_data(handler) == NULL);
    nng_http_handler_free(handler);
    handler = counted("/", says, &data);
    CHECK(nng_http_handler_get_data(handler) == &data);
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 1);
    CHECK(last_destroyed == &data);
    // Of nothing as well.
    nng_http_handler_free(counted("/", says, NULL));
    CHECK_EQ(gate_count(&destroyed), 2);
    CHECK(last_destroyed == NULL);
    handler = saying("/", "text");
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 2);
}

static void data_that_is_replaced_is_not_destroyed(void)
{
    nng_http_handler *handler;
    int first, second;

    gate_init(&destroyed);
    handler = counted("/", says, &first);
    CHECK_EQ(nng_http_handler_set_data(handler, &second, destroys), 0);
    CHECK_EQ(gate_count(&destroyed), 0);
    CHECK(nng_http_handler_get_data(handler) == &second);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 1);
    CHECK(last_destroyed == &second);
}

static void a_server_destroys_what_it_has(void)
{
    struct site site;
    nng_http_handler *handler;
    int data;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/hello", says, "hello");
    add(&site, handler);
    add(&site, counted("/other", says, &data));
    check_fetch(&site, "GET /hello", 200, "hello");
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_server_stop(site.server);
    CHECK_EQ(gate_count(&destroyed), 0);
    site_close(&site);
    gate_await(&destroyed, 2);
    CHECK_EQ(gate_count(&destroyed), 2);
}

static void a_handler_can_be_taken_out_again(void)
{
    struct site site;
    nng_http_handler *handler;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/hello", says, "hello");
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), NNG_ENOENT);
    check_fetch(&site, "GET /hello", 404, NULL);
    add(&site, handler);
    check_fetch(&site, "GET /hello", 200, "hello");
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    check_fetch(&site, "GET /hello", 404, NULL);
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), NNG_ENOENT);
    add(&site, handler);
    check_fetch(&site, "GET /hello", 200, "hello");
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_handler_free(handler);
    gate_await(&destroyed, 1);
    site_close(&site);
    CHECK_EQ(gate_count(&destroyed), 1);
}

static void what_a_server_has_is_frozen(void)
{
    struct site site;
    nng_http_handler *handler;
    int data;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/hello", says, "hello");
    CHECK_EQ(nng_http_handler_set_method(handler, "GET"), 0);
    CHECK_EQ(nng_http_handler_set_host(handler, "127.0.0.1"), 0);
    CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    add(&site, handler);
    for (int i = 0; i < 2; i++) {
        int expected = i == 0 ? NNG_EBUSY : 0;

        CHECK_EQ(nng_http_handler_set_method(handler, NULL), expected);
        CHECK_EQ(nng_http_handler_set_host(handler, NULL), expected);
        CHECK_EQ(nng_http_handler_set_tree(handler), expected);
        CHECK_EQ(nng_http_handler_set_tree_exclusive(handler), expected);
        CHECK_EQ(nng_http_handler_collect_body(handler, true, 10), 0);
        if (i == 0) {
            CHECK_EQ(nng_http_handler_set_data(handler, &data, destroys), NNG_EBUSY);
            CHECK_EQ(gate_count(&destroyed), 0);
            CHECK_STR(nng_http_handler_get_data(handler), "hello");
            check_fetch(&site, "GET /hello/world", 200, "hello");
            CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
        }
    }
    nng_http_handler_free(handler);
    site_close(&site);
}

static void some_handlers_are_refused(void)
{
    struct site site, other;
    nng_http_handler *handler;

    gate_init(&destroyed);
    site_open(&site);
    site_open(&other);
    CHECK(site.server != other.server);
    handler = made("/hello", NULL);
    CHECK_EQ(nng_http_server_add_handler(site.server, handler), NNG_EINVAL);
    nng_http_handler_free(handler);
    handler = counted("hello", says, "hello");
    CHECK_EQ(nng_http_server_add_handler(site.server, handler), NNG_EINVAL);
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 1);
    handler = counted("/hello", says, "hello");
    add(&site, handler);
    CHECK_EQ(nng_http_server_add_handler(site.server, handler), NNG_EADDRINUSE);
    CHECK_EQ(nng_http_server_add_handler(other.server, handler), NNG_EBUSY);
    CHECK_EQ(nng_http_server_del_handler(other.server, handler), NNG_ENOENT);
    check_fetch(&site, "GET /hello", 200, "hello");
    check_fetch(&other, "GET /hello", 404, NULL);
    site_close(&site);
    site_close(&other);
    gate_await(&destroyed, 2);
}

// Answers

static void describes(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_handler *handler = nng_aio_get_input(aio, 1);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_res *res;
    char text[1000];
    void *data;
    size_t size;

    CHECK(req != NULL && handler != NULL && conn != NULL);
    CHECK(nng_aio_get_input(aio, 3) == NULL);
    nng_http_req_get_data(req, &data, &size);
    snprintf(text, sizeof text, "%s %s %s %s %.*s", nng_http_req_get_method(req),
        nng_http_req_get_uri(req), nng_http_req_get_version(req),
        nng_http_req_get_header(req, "x-what"), (int) size, size ? (char *) data : "");
    res = response();
    CHECK_EQ(nng_http_res_set_status(res, 201), 0);
    CHECK_EQ(nng_http_res_set_reason(res, "Described"), 0);
    CHECK_EQ(nng_http_res_set_header(res, "X-Data", nng_http_handler_get_data(handler)), 0);
    CHECK_EQ(nng_http_res_copy_data(res, text, strlen(text)), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    // A request that is the server's is not freed.
    nng_http_req_free(req);
    nng_aio_finish(aio, 0);
}

static void a_handler_sees_the_request(void)
{
    struct site site;
    nng_http_handler *handler = made("/what", describes);
    struct answer answer;
    int fd;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_method(handler, NULL), 0);
    CHECK_EQ(nng_http_handler_set_data(handler, "data", NULL), 0);
    add(&site, handler);
    fd = connected(&site);
    for (int i = 0; i < 3; i++) {
        ask(fd, "PUT /wh%61t?x=%20 HTTP/1.1\r\nHost: h\r\nX-What: one\r\nX-WHAT: two\r\n"
                "Content-Length: 4\r\n\r\nbody", &answer);
        CHECK_EQ(answer.status, 201);
        CHECK_MEM(answer.head, "HTTP/1.1 201 Described\r\n", 24);
        CHECK_STR(answer.body, "PUT /wh%61t?x=%20 HTTP/1.1 one, two body");
        CHECK_STR(header(&answer, "X-Data"), "data");
        CHECK_STR(header(&answer, "Connection"), NULL);
    }
    // A chunked body comes as a whole.
    ask(fd, "POST /what HTTP/1.1\r\nHost: h\r\nX-What: y\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", &answer);
    CHECK_STR(answer.body, "POST /what HTTP/1.1 y abcdefg");
    close(fd);
    site_close(&site);
}

static void an_answer_may_come_later(void)
{
    struct site site;
    struct later later;
    nng_http_handler *handler = made("/later", sleeps);
    struct answer answer;
    int fd;

    site_open(&site);
    later_init(&later, slept);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    add(&site, handler);
    fd = connected(&site);
    for (int i = 0; i < 10; i++) {
        ask(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "later");
    }
    close(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void writes_itself(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    const char *connection = nng_http_req_get_header(nng_aio_get_input(aio, 0), "X-Connection");

    later->pending = aio;
    later->conn = nng_aio_get_input(aio, 2);
    later->res = response();
    CHECK_EQ(nng_http_res_set_data(later->res, "written", 7), 0);
    if (connection != NULL) {
        CHECK_EQ(nng_http_res_set_header(later->res, "Connection", connection), 0);
    }
    nng_http_conn_write_res(later->conn, later->res, later->aio);
}

static void written(void *arg)
{
    struct later *later = arg;

    later->result = nng_aio_result(later->aio);
    later->count = nng_aio_count(later->aio);
    nng_http_res_free(later->res);
    nng_aio_finish(later->pending, 0);
    gate_pass(&later->done);
}

static void a_handler_may_write_its_answer(void)
{
    struct site site;
    struct later later;
    nng_http_handler *handler = made("/own", writes_itself);
    struct answer answer;
    int fd;

    site_open(&site);
    later_init(&later, written);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    add(&site, handler);
    add(&site, saying("/hello", "hello"));
    fd = connected(&site);
    for (int i = 1; i <= 5; i++) {
        ask(fd, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "written");
        CHECK_STR(header(&answer, "Date"), NULL);
        gate_await(&later.done, i);
        CHECK_EQ(later.result, 0);
        CHECK_EQ(later.count, answer.head_size + answer.size);
        ask(fd, HELLO, &answer);
        CHECK_STR(answer.body, "hello");
    }
    // An answer that says so closes.
    ask(fd, "GET /own HTTP/1.1\r\nHost: h\r\nX-Connection: Close\r\n\r\n", &answer);
    CHECK_STR(answer.body, "written");
    CHECK_STR(header(&answer, "Connection"), "Close");
    gate_await(&later.done, 6);
    CHECK_EQ(later.result, 0);
    check_ended(fd);
    close(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void fails(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_ENOENT);
}

static void fails_with_a_response(nng_aio *aio)
{
    nng_http_res *res = response();

    CHECK_EQ(nng_http_res_copy_data(res, "unseen", 6), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, NNG_ENOENT);
}

static void a_handler_that_fails_is_an_error_of_the_server(void)
{
    static const char *const paths[] = { "/fails", "/more" };
    struct site site;

    site_open(&site);
    add(&site, made(paths[0], fails));
    add(&site, made(paths[1], fails_with_a_response));
    for (size_t i = 0; i < CHECK_COUNT(paths); i++) {
        struct answer answer;
        char request[100];
        int fd = connected(&site);

        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[i]);
        ask(fd, request, &answer);
        CHECK_EQ(answer.status, 500);
        CHECK_STR(header(&answer, "Connection"), "close");
        CHECK(strstr(answer.body, "unseen") == NULL);
        check_ended(fd);
        close(fd);
    }
    site_close(&site);
}

static void closes(nng_aio *aio)
{
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    respond(aio, 200, "unseen");
}

// A connection that is the server's is not freed, the server does that.
static void a_handler_may_close_the_connection(void)
{
    struct site site;

    site_open(&site);
    add(&site, made("/close", closes));
    for (int i = 0; i < 20; i++) {
        int fd = connected(&site);

        say(fd, "GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
        check_ended(fd);
        close(fd);
    }
    check_fetch(&site, "GET /", 404, NULL);
    site_close(&site);
}

// Bodies

static char read_data[10];

static void reads_body(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    void *data;
    size_t size;

    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    CHECK_EQ(size, 0);
    later->pending = aio;
    set_memory(later->aio, read_data, 10);
    nng_http_conn_read_all(nng_aio_get_input(aio, 2), later->aio);
}

static void has_read_body(void *arg)
{
    struct later *later = arg;

    CHECK_EQ(nng_aio_result(later->aio), 0);
    CHECK_EQ(nng_aio_count(later->aio), 10);
    respond(later->pending, 200, "read");
    gate_pass(&later->done);
}

static void a_handler_may_read_the_body(void)
{
    struct site site;
    struct later later;
    struct answer answer;
    nng_http_handler *handler = made("/read", reads_body);
    int fd;

    site_open(&site);
    later_init(&later, has_read_body);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    CHECK_EQ(nng_http_handler_collect_body(handler, false, 0), 0);
    add(&site, handler);
    fd = connected(&site);
    for (int i = 0; i < 3; i++) {
        say(fd, "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234");
        say(fd, "56789");
        hear(fd, &answer, true);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "read");
        CHECK_MEM(read_data, "0123456789", 10);
    }
    close(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void bodies_have_a_limit(void)
{
    static const char post[] = "POST /limit HTTP/1.1\r\nHost: h\r\nX-What: w\r\n";
    struct site site;
    struct answer answer;
    nng_http_handler *handler = made("/limit", describes);
    char request[1000];
    int fd;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_data(handler, "data", NULL), 0);
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    CHECK_EQ(nng_http_handler_collect_body(handler, true, 5), 0);
    add(&site, handler);
    fd = connected(&site);
    snprintf(request, sizeof request, "%sContent-Length: 5\r\n\r\n12345", post);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 201);
    snprintf(request, sizeof request, "%sContent-Length: 6\r\n\r\n123456", post);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 400);
    CHECK_STR(header(&answer, "Connection"), "close");
    check_ended(fd);
    close(fd);
    // It may change at any time.
    CHECK_EQ(nng_http_handler_collect_body(handler, true, 6), 0);
    fd = connected(&site);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 201);
    CHECK_EQ(nng_http_handler_collect_body(handler, true, 0), 0);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 400);
    check_ended(fd);
    close(fd);
    CHECK_EQ(nng_http_handler_collect_body(handler, true, (size_t) -1), 0);
    fd = connected(&site);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 201);
    close(fd);
    site_close(&site);
}

static void a_body_is_waited_for_and_asked_for(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = made("/what", describes);
    int fd;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_data(handler, "data", NULL), 0);
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    add(&site, handler);
    fd = connected(&site);
    say(fd, "POST /what HTTP/1.1\r\nHost: h\r\nX-What: w\r\nContent-Length: 4\r\n"
            "Expect: 100-continue\r\n\r\n");
    hear(fd, &answer, false);
    CHECK_EQ(answer.status, 100);
    say(fd, "bo");
    say(fd, "dy");
    hear(fd, &answer, true);
    CHECK_EQ(answer.status, 201);
    CHECK_STR(answer.body, "POST /what HTTP/1.1 w body");
    close(fd);
    site_close(&site);
}

// Connections that are taken over

static struct {
    nng_http_conn *conn;
    nng_http_req *req;
    nng_aio *aio;
    struct gate taken;
} hijacked;

static void hijacks(nng_aio *aio)
{
    hijacked.req = nng_aio_get_input(aio, 0);
    hijacked.conn = nng_aio_get_input(aio, 2);
    CHECK_EQ(nng_http_hijack(hijacked.conn), 0);
    CHECK_EQ(nng_http_hijack(hijacked.conn), 0);
    nng_aio_finish(aio, 0);
    gate_pass(&hijacked.taken);
}

static void check_reads(nng_http_conn *conn, const char *text)
{
    nng_aio *aio = aio_new();
    char data[100];

    set_memory(aio, data, strlen(text));
    nng_http_conn_read_all(conn, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    CHECK_EQ(nng_aio_count(aio), strlen(text));
    CHECK_MEM(data, text, strlen(text));
    nng_aio_free(aio);
}

static void a_connection_can_be_taken_over(void)
{
    struct site site;
    nng_http_res *res;
    nng_aio *aio = aio_new();
    struct answer answer;
    char data[10];
    int fd;

    gate_init(&hijacked.taken);
    gate_init(&destroyed);
    site_open(&site);
    add(&site, counted("/take", hijacks, NULL));
    fd = connected(&site);
    // What comes behind the head is there for the new owner.
    say(fd, "GET /take?me HTTP/1.1\r\nHost: h\r\nX-Mark: mine\r\n\r\nbehind");
    gate_await(&hijacked.taken, 1);
    // The server may go.
    site_close(&site);
    gate_await(&destroyed, 1);
    CHECK_STR(nng_http_req_get_uri(hijacked.req), "/take?me");
    CHECK_STR(nng_http_req_get_header(hijacked.req, "X-Mark"), "mine");
    CHECK_EQ(nng_http_hijack(hijacked.conn), 0);
    res = response();
    CHECK_EQ(nng_http_res_set_status(res, 101), 0);
    nng_http_conn_write_res(hijacked.conn, res, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    nng_http_res_free(res);
    hear(fd, &answer, false);
    CHECK_EQ(answer.status, 101);
    check_reads(hijacked.conn, "behind");
    say(fd, "more");
    check_reads(hijacked.conn, "more");
    set_memory(aio, "back", 4);
    nng_http_conn_write_all(hijacked.conn, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    CHECK_EQ(recv(fd, data, 4, MSG_WAITALL), 4);
    CHECK_MEM(data, "back", 4);
    nng_http_conn_close(hijacked.conn);
    nng_http_req_free(hijacked.req);
    check_ended(fd);
    close(fd);
    nng_aio_free(aio);
}

static void hijacks_and_closes(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);

    CHECK_EQ(nng_http_hijack(conn), 0);
    nng_http_conn_close(conn);
    CHECK_STR(nng_http_req_get_uri(req), "/take");
    nng_http_req_free(req);
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static void what_was_taken_over_can_be_closed_at_once(void)
{
    struct site site;

    site_open(&site);
    add(&site, made("/take", hijacks_and_closes));
    for (int i = 0; i < 20; i++) {
        int fd = connected(&site);

        say(fd, "GET /take HTTP/1.1\r\nHost: h\r\n\r\n");
        check_ended(fd);
        close(fd);
    }
    site_close(&site);
}

// Handlers that come and go

static void a_handler_at_work_can_be_freed(void)
{
    struct site site;
    struct later later;
    struct answer answer;
    nng_http_handler *handler;
    int fd;

    memset(&later, 0, sizeof later);
    gate_init(&later.begun);
    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/wait", begins, &later);
    add(&site, handler);
    fd = connected(&site);
    say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gate_await(&later.begun, 1);
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 0);
    CHECK(nng_http_handler_get_data(nng_aio_get_input(later.pending, 1)) == &later);
    respond(later.pending, 200, "done");
    hear(fd, &answer, true);
    CHECK_STR(answer.body, "done");
    gate_await(&destroyed, 1);
    ask(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
    CHECK_EQ(answer.status, 404);
    close(fd);
    site_close(&site);
    CHECK_EQ(gate_count(&destroyed), 1);
}

static void a_handler_that_waits_for_a_body_can_be_freed(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler;
    int fd;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/what", describes, "data");
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    add(&site, handler);
    fd = connected(&site);
    say(fd, "POST /what HTTP/1.1\r\nHost: h\r\nX-What: w\r\nContent-Length: 4\r\n"
            "Expect: 100-continue\r\n\r\n");
    // The server has chosen the handler.
    hear(fd, &answer, false);
    CHECK_EQ(answer.status, 100);
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 0);
    say(fd, "body");
    hear(fd, &answer, true);
    CHECK_EQ(answer.status, 201);
    CHECK_STR(answer.body, "POST /what HTTP/1.1 w body");
    gate_await(&destroyed, 1);
    close(fd);
    site_close(&site);
}

static void frees_itself(nng_aio *aio)
{
    nng_http_handler *handler = nng_aio_get_input(aio, 1);
    struct site *site = nng_http_handler_get_data(handler);

    CHECK_EQ(nng_http_server_del_handler(site->server, handler), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 0);
    respond(aio, 200, "freed");
}

static void a_handler_may_free_itself(void)
{
    struct site site;

    site_open(&site);
    for (int i = 0; i < 10; i++) {
        gate_init(&destroyed);
        add(&site, counted("/free", frees_itself, &site));
        check_fetch(&site, "GET /free", 200, "freed");
        gate_await(&destroyed, 1);
        check_fetch(&site, "GET /free", 404, NULL);
    }
    site_close(&site);
}

static void *asks(void *arg)
{
    struct site *site = arg;
    struct answer answer;
    int fd = connected(site);

    for (int i = 0; i < 50; i++) {
        ask(fd, HELLO, &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "hello");
        if (i % 10 == 0) {
            close(fd);
            fd = connected(site);
        }
    }
    close(fd);
    return NULL;
}

static void handlers_come_and_go_while_others_are_asked(void)
{
    struct site site;
    pthread_t threads[8];
    nng_http_handler *handler;

    gate_init(&destroyed);
    site_open(&site);
    add(&site, counted("/hello", says, "hello"));
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, asks, &site), 0);
    }
    for (int i = 0; i < 100; i++) {
        handler = counted("/other", says, "other");
        add(&site, handler);
        CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
        nng_http_handler_free(handler);
    }
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    site_close(&site);
    gate_await(&destroyed, 101);
}

static const struct check_test tests[] = {
    TEST(data_is_destroyed_with_the_handler),
    TEST(data_that_is_replaced_is_not_destroyed),
    TEST(a_server_destroys_what_it_has),
    TEST(a_handler_can_be_taken_out_again),
    TEST(what_a_server_has_is_frozen),
    TEST(some_handlers_are_refused),
    TEST(a_handler_sees_the_request),
    TEST(an_answer_may_come_later),
    TEST(a_handler_may_write_its_answer),
    TEST(a_handler_that_fails_is_an_error_of_the_server),
    TEST(a_handler_may_close_the_connection),
    TEST(a_handler_may_read_the_body),
    TEST(bodies_have_a_limit),
    TEST(a_body_is_waited_for_and_asked_for),
    TEST(a_connection_can_be_taken_over),
    TEST(what_was_taken_over_can_be_closed_at_once),
    TEST(a_handler_at_work_can_be_freed),
    TEST(a_handler_that_waits_for_a_body_can_be_freed),
    TEST(a_handler_may_free_itself),
    TEST(handlers_come_and_go_while_others_are_asked),
};

CHECK_MAIN(tests)
