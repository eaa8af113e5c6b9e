// What becomes of HTTP requests: which handler is asked, in which order they are answered, and when
// the connection closes.

#include "http_sites.h"

// Who is asked

// What a handler is made of, for those that may stand in each other's way.
struct plan {
    const char *path, *method, *host;
    char tree;
};

static nng_http_handler *planned(const struct plan *plan)
{
    nng_http_handler *handler = made(plan->path, says);

    CHECK_EQ(nng_http_handler_set_method(handler, plan->method), 0);
    CHECK_EQ(nng_http_handler_set_host(handler, plan->host), 0);
    if (plan->tree == 't') {
        CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    }
    if (plan->tree == 'x') {
        CHECK_EQ(nng_http_handler_set_tree_exclusive(handler), 0);
    }
    return handler;
}

static void a_place_is_taken_once(void)
{
    static const struct {
        struct plan first, second;
        int result;
    } table[] = {
        { { "/c", "GET", NULL, 0 }, { "/c", "GET", NULL, 0 }, NNG_EADDRINUSE },
        { { "/c", "GET", NULL, 0 }, { "/c", "POST", NULL, 0 }, 0 },
        { { "/c", NULL, NULL, 0 }, { "/c", NULL, NULL, 0 }, NNG_EADDRINUSE },
        { { "/c", NULL, NULL, 0 }, { "/c", "GET", NULL, 0 }, 0 },
        { { "/c", "GET", "a.example", 0 }, { "/c", "GET", "b.example", 0 }, 0 },
        { { "/c", "GET", "a.example", 0 }, { "/c", "GET", "A.EXAMPLE", 0 }, NNG_EADDRINUSE },
        { { "/c", "GET", "a.example", 0 }, { "/c", "GET", NULL, 0 }, 0 },
        { { "/c", "GET", NULL, 't' }, { "/c", "GET", NULL, 0 }, NNG_EADDRINUSE },
        { { "/c", "GET", NULL, 't' }, { "/c/d", "GET", NULL, 0 }, 0 },
        { { "/c", "GET", NULL, 'x' }, { "/c/d", "GET", NULL, 0 }, NNG_EADDRINUSE },
        { { "/c/d", "GET", NULL, 0 }, { "/c", "GET", NULL, 'x' }, NNG_EADDRINUSE },
        { { "/c", "GET", NULL, 'x' }, { "/cd", "GET", NULL, 0 }, 0 },
        { { "/c", "GET", NULL, 0 }, { "/c/d", "GET", NULL, 'x' }, 0 },
        { { "/c", "GET", NULL, 't' }, { "/c/d", "GET", NULL, 'x' }, NNG_EADDRINUSE },
        { { "/c", "GET", NULL, 'x' }, { "/c/", "GET", NULL, 0 }, NNG_EADDRINUSE },
        { { "/", "GET", NULL, 'x' }, { "/any", "GET", NULL, 0 }, NNG_EADDRINUSE },
        { { "/", "GET", NULL, 'x' }, { "/any", "POST", NULL, 0 }, 0 },
        { { "/", "GET", NULL, 'x' }, { "/any", "GET", "a.example", 0 }, 0 },
    };

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_http_server *server = held("http://127.0.0.1:0");
        nng_http_handler *first = planned(&table[i].first), *second = planned(&table[i].second);

        CHECK_EQ(nng_http_server_add_handler(server, first), 0);
        CHECK_EQ(nng_http_server_add_handler(server, second), table[i].result);
        if (table[i].result != 0) {
            nng_http_handler_free(second);
        }
        nng_http_server_release(server);
    }
}

static void paths_and_trees_match(void)
{
    static const struct {
        const char *line, *body;
    } table[] = {
        { "GET /", "root" }, { "GET /a", "a" }, { "GET /a/", "a" }, { "GET /a?x", "a" },
        { "GET /%61", "a" }, { "GET /a/b", NULL }, { "GET /ab", NULL }, { "GET /A", NULL },
        { "GET /t", "tree" }, { "GET /t/", "tree" }, { "GET /t/x/y", "tree" }, { "GET /tx", NULL },
        { "GET /t/deep", "deep" }, { "GET /t/deep/er", "tree" }, { "GET /slash", "slash" },
        { "GET /slash/", "slash" }, { "GET /x/y/z", "only" }, { "GET /none", NULL },
    };
    struct site site;
    nng_http_handler *handler;

    site_open(&site);
    add(&site, saying(NULL, "root"));
    add(&site, saying("/a", "a"));
    handler = saying("/t", "tree");
    CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    add(&site, handler);
    add(&site, saying("/t/deep", "deep"));
    add(&site, saying("/slash/", "slash"));
    handler = saying("/x", "only");
    CHECK_EQ(nng_http_handler_set_tree_exclusive(handler), 0);
    add(&site, handler);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        check_fetch(&site, table[i].line, table[i].body ? 200 : 404, table[i].body);
    }
    site_close(&site);
}

static void methods_match(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler;

    site_open(&site);
    add(&site, saying("/m", "got"));
    handler = saying("/m", "deleted");
    CHECK_EQ(nng_http_handler_set_method(handler, "DELETE"), 0);
    add(&site, handler);
    handler = saying("/any", "any");
    CHECK_EQ(nng_http_handler_set_method(handler, NULL), 0);
    add(&site, handler);
    handler = saying("/empty", "any, too");
    CHECK_EQ(nng_http_handler_set_method(handler, ""), 0);
    add(&site, handler);
    handler = saying("/post", "posted");
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    add(&site, handler);
    check_fetch(&site, "GET /m", 200, "got");
    check_fetch(&site, "DELETE /m", 200, "deleted");
    check_fetch(&site, "get /m", 405, NULL);
    check_fetch(&site, "BREW /any", 200, "any");
    check_fetch(&site, "BREW /empty", 200, "any, too");
    check_fetch(&site, "POST /post", 200, "posted");
    fetch(&site, "GET /post", &answer);
    CHECK_EQ(answer.status, 405);
    CHECK_STR(header(&answer, "Allow"), "POST");
    fetch(&site, "PUT /m", &answer);
    CHECK_EQ(answer.status, 405);
    CHECK(strstr(header(&answer, "Allow"), "GET") != NULL);
    CHECK(strstr(header(&answer, "Allow"), "HEAD") != NULL);
    CHECK(strstr(header(&answer, "Allow"), "DELETE") != NULL);
    check_fetch(&site, "HEAD /post", 405, "");
    site_close(&site);
}

static void hosts_match(void)
{
    static const struct {
        const char *host, *body;
    } table[] = {
        { "a.example", "a" }, { "A.EXAMPLE", "a" }, { "a.example:80", "a" }, { "a.example.", "a" },
        { "b.example", "any" }, { "a.example.org", "any" }, { "127.0.0.1", "address" },
        { "127.0.0.1:8080", "address" }, { "", "any" },
    };
    struct site site;
    struct answer answer;
    nng_http_handler *handler;
    char request[200];
    int fd;

    site_open(&site);
    // The particular one is asked first, whoever came first.
    add(&site, saying("/h", "any"));
    handler = saying("/h", "a");
    CHECK_EQ(nng_http_handler_set_host(handler, "a.example"), 0);
    add(&site, handler);
    handler = saying("/h", "address");
    CHECK_EQ(nng_http_handler_set_host(handler, "127.0.0.1"), 0);
    add(&site, handler);
    handler = saying("/star", "star");
    CHECK_EQ(nng_http_handler_set_host(handler, "a.example"), 0);
    CHECK_EQ(nng_http_handler_set_host(handler, "*"), 0);
    add(&site, handler);
    fd = connected(&site);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        snprintf(request, sizeof request, "GET /h HTTP/1.1\r\nHost: %s\r\n\r\n", table[i].host);
        ask(fd, request, &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, table[i].body);
    }
    ask(fd, "GET http://a.example/h HTTP/1.1\r\nHost: b.example\r\n\r\n", &answer);
    CHECK_STR(answer.body, "a");
    ask(fd, "GET /star HTTP/1.1\r\nHost: whoever\r\n\r\n", &answer);
    CHECK_STR(answer.body, "star");
    close(fd);
    site_close(&site);
}

// Answers and their connections

static void a_head_has_no_body(void)
{
    struct site site;
    struct answer answer;
    int fd;

    site_open(&site);
    add(&site, saying("/hello", "hello"));
    fd = connected(&site);
    ask(fd, "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(header(&answer, "Content-Length"), "5");
    ask(fd, "HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
    CHECK_EQ(answer.status, 404);
    CHECK(header(&answer, "Content-Length") != NULL);
    ask(fd, HELLO, &answer);
    CHECK_STR(answer.body, "hello");
    close(fd);
    site_close(&site);
}

static void requests_are_answered_in_their_order(void)
{
    struct site site;
    struct later later;
    struct answer answer;
    nng_http_handler *handler = made("/later", sleeps);
    int fd;

    site_open(&site);
    later_init(&later, slept);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    add(&site, handler);
    add(&site, saying("/hello", "hello"));
    fd = connected(&site);
    for (int i = 0; i < 300; i++) {
        say(fd, i % 3 ? HELLO : "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    for (int i = 0; i < 300; i++) {
        hear(fd, &answer, true);
        CHECK_STR(answer.body, i % 3 ? "hello" : "later");
    }
    close(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void some_connections_close_after_the_answer(void)
{
    static const char *const table[] = {
        "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
        "GET /hello HTTP/1.0\r\n\r\n",
        "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    };
    struct site site;
    struct answer answer;

    site_open(&site);
    add(&site, saying("/hello", "hello"));
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        int fd = connected(&site);

        ask(fd, table[i], &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "hello");
        CHECK_STR(header(&answer, "Connection"), "close");
        check_ended(fd);
        close(fd);
    }
    site_close(&site);
}

static void says_close(nng_aio *aio)
{
    const char *what = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    nng_http_res *res = response();

    if (strncmp(what, "HTTP/", 5) == 0) {
        CHECK_EQ(nng_http_res_set_version(res, what), 0);
    } else {
        CHECK_EQ(nng_http_res_set_header(res, "connection", what), 0);
    }
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, 0);
}

static void a_response_may_close_the_connection(void)
{
    static const char *const table[] = { "close", "CLOSE", "x, Close", "HTTP/1.0" };
    struct site site;
    struct answer answer;

    site_open(&site);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_http_handler *handler = made("/close", says_close);
        int fd = connected(&site);

        CHECK_EQ(nng_http_handler_set_data(handler, (void *) table[i], NULL), 0);
        add(&site, handler);
        ask(fd, "GET /close HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
        CHECK_EQ(answer.status, 200);
        // One is told that there is no body.
        CHECK_STR(header(&answer, "Content-Length"), "0");
        CHECK(header(&answer, "Date") != NULL);
        check_ended(fd);
        close(fd);
        CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
        nng_http_handler_free(handler);
    }
    site_close(&site);
}

static void what_is_malformed_is_answered(void)
{
    static const struct {
        const char *request;
        int status;
    } table[] = {
        { "GET /hello HTTP/1.1\r\n\r\n", 400 },
        { "GET /hello HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
        { "GET /hello\r\n\r\n", 400 },
        { "G(T /hello HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET /hello HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400 },
        { "GET /hello HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", 400 },
        { "GET /hello HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400 },
        { "GET /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501 },
    };
    struct site site;
    struct answer answer;

    site_open(&site);
    add(&site, saying("/hello", "hello"));
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        int fd = connected(&site);

        ask(fd, table[i].request, &answer);
        CHECK_EQ(answer.status, table[i].status);
        CHECK_STR(header(&answer, "Connection"), "close");
        check_ended(fd);
        close(fd);
    }
    site_close(&site);
}

static const struct check_test tests[] = {
    TEST(a_place_is_taken_once),
    TEST(paths_and_trees_match),
    TEST(methods_match),
    TEST(hosts_match),
    TEST(a_head_has_no_body),
    TEST(requests_are_answered_in_their_order),
    TEST(some_connections_close_after_the_answer),
    TEST(a_response_may_close_the_connection),
    TEST(what_is_malformed_is_answered),
};

CHECK_MAIN(tests)
