// HTTP clients and connections, against plain sockets.

#include "keys.h"
#include "streams.h"

#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

// The other side

struct peer {
    int fd;
    uint16_t port;
    nng_url *url;
};

static nng_url *parsed(const char *text)
{
    nng_url *url;

    CHECK_EQ(nng_url_parse(&url, text), 0);
    return url;
}

static void peer_open_with(struct peer *peer, int backlog)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct timeval limit = { ENOUGH / 1000, 0 };
    char text[100];

    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(peer->fd >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(peer->fd, (struct sockaddr *) &address, sizeof address), 0);
    CHECK_EQ(listen(peer->fd, backlog), 0);
    CHECK_EQ(setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    CHECK_EQ(getsockname(peer->fd, (struct sockaddr *) &address, &length), 0);
    peer->port = ntohs(address.sin_port);
    snprintf(text, sizeof text, "http://127.0.0.1:%d/path", peer->port);
    peer->url = parsed(text);
}

static void peer_open(struct peer *peer)
{
    peer_open_with(peer, 50);
}

static void peer_close(struct peer *peer)
{
    close(peer->fd);
    nng_url_free(peer->url);
}

static int peer_accept(struct peer *peer)
{
    struct timeval limit = { ENOUGH / 1000, 0 };
    int fd = accept(peer->fd, NULL, NULL);

    CHECK(fd >= 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t length = strlen(text);

    CHECK_EQ(send(fd, text, length, MSG_NOSIGNAL), length);
}

static void check_hears(int fd, const char *text)
{
    char data[10000];
    size_t length = strlen(text);

    CHECK(length < sizeof data);
    CHECK_EQ(recv(fd, data, length, MSG_WAITALL), length);
    data[length] = '\0';
    CHECK_STR(data, text);
}

// Reads a head, and not a byte more.
static const char *hear_head(int fd)
{
    static __thread char head[10000];
    size_t length = 0;

    head[0] = '\0';
    while (length < 4 || strcmp(head + length - 4, "\r\n\r\n") != 0) {
        CHECK(length < sizeof head - 1);
        CHECK_EQ(recv(fd, head + length, 1, 0), 1);
        head[++length] = '\0';
    }
    return head;
}

static void check_ended(int fd)
{
    char byte;

    CHECK_EQ(recv(fd, &byte, 1, 0), 0);
}

// Ends a connection so that the other side is told of a reset.
static void reset(int fd)
{
    struct linger linger = { 1, 0 };

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fd);
}

// Our side

static nng_http_client *client_for(const nng_url *url)
{
    nng_http_client *client = NULL;

    CHECK_EQ(nng_http_client_alloc(&client, url), 0);
    CHECK(client != NULL);
    return client;
}

static nng_http_req *request_for(const nng_url *url)
{
    nng_http_req *req = NULL;

    CHECK_EQ(nng_http_req_alloc(&req, url), 0);
    return req;
}

static nng_http_res *response(void)
{
    nng_http_res *res = NULL;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
    return res;
}

// A connection with both its ends, and what to use it with.
struct line {
    struct peer peer;
    nng_http_conn *conn;
    int fd;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio, *other;
};

static void line_open(struct line *line)
{
    nng_http_client *client;

    peer_open(&line->peer);
    line->aio = aio_new();
    line->other = aio_new();
    client = client_for(line->peer.url);
    nng_http_client_connect(client, line->aio);
    CHECK_EQ(aio_end(line->aio, NULL), 0);
    line->conn = nng_aio_get_output(line->aio, 0);
    CHECK(line->conn != NULL);
    // The connection does not need it.
    nng_http_client_free(client);
    line->fd = peer_accept(&line->peer);
    line->req = request_for(line->peer.url);
    line->res = response();
}

static void line_close(struct line *line)
{
    if (line->conn != NULL) {
        nng_http_conn_close(line->conn);
    }
    if (line->fd >= 0) {
        close(line->fd);
    }
    nng_http_req_free(line->req);
    nng_http_res_free(line->res);
    nng_aio_free(line->aio);
    nng_aio_free(line->other);
    peer_close(&line->peer);
}

static int line_read(struct line *line, void *data, size_t length, size_t *count)
{
    set_memory(line->aio, data, length);
    nng_http_conn_read(line->conn, line->aio);
    nng_aio_wait(line->aio);
    *count = nng_aio_count(line->aio);
    return nng_aio_result(line->aio);
}

static int line_read_all(struct line *line, void *data, size_t length, size_t *count)
{
    set_memory(line->aio, data, length);
    nng_http_conn_read_all(line->conn, line->aio);
    nng_aio_wait(line->aio);
    *count = nng_aio_count(line->aio);
    return nng_aio_result(line->aio);
}

static int line_write_all(struct line *line, const char *text)
{
    int rv;

    set_memory(line->aio, text, strlen(text));
    nng_http_conn_write_all(line->conn, line->aio);
    rv = aio_end(line->aio, NULL);
    CHECK_EQ(nng_aio_count(line->aio), rv == 0 ? strlen(text) : 0);
    return rv;
}

static int line_write_res(struct line *line)
{
    nng_http_conn_write_res(line->conn, line->res, line->aio);
    return aio_end(line->aio, NULL);
}

static void check_body(nng_http_res *res, const char *text)
{
    void *data;
    size_t size;

    nng_http_res_get_data(res, &data, &size);
    CHECK_EQ(size, strlen(text));
    if (size > 0) {
        CHECK_MEM(data, text, size);
    }
}

static uint16_t unused_port(void)
{
    struct peer peer;

    peer_open(&peer);
    peer_close(&peer);
    return peer.port;
}

// Clients

static void only_some_urls_have_clients(void)
{
    static const char *const good[] = { "http://127.0.0.1/", "https://localhost:1/x",
        "ws://127.0.0.1:80/", "wss://localhost/" };
    static const char *const bad[] = { "tcp://127.0.0.1:80", "ipc:///tmp/x", "inproc://x" };
    nng_http_client *client;

    for (size_t i = 0; i < CHECK_COUNT(good); i++) {
        nng_url *url = parsed(good[i]);

        client = client_for(url);
        nng_url_free(url);
        nng_http_client_free(client);
    }
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        nng_url *url = parsed(bad[i]);

        client = NULL;
        CHECK_EQ(nng_http_client_alloc(&client, url), NNG_EADDRINVAL);
        CHECK(client == NULL);
        nng_url_free(url);
    }
}

static void a_connection_outlives_its_client(void)
{
    struct line line;

    line_open(&line);
    CHECK_EQ(line_write_all(&line, "hello"), 0);
    check_hears(line.fd, "hello");
    line_close(&line);
}

static void a_name_is_looked_up(void)
{
    struct peer peer;
    nng_http_client *client;
    nng_aio *aio = aio_new();
    nng_url *url;
    char text[100];
    int fd;

    peer_open(&peer);
    snprintf(text, sizeof text, "http://localhost:%d", peer.port);
    url = parsed(text);
    client = client_for(url);
    nng_http_client_connect(client, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    fd = peer_accept(&peer);
    nng_http_conn_close(nng_aio_get_output(aio, 0));
    check_ended(fd);
    close(fd);
    nng_http_client_free(client);
    nng_url_free(url);
    nng_aio_free(aio);
    peer_close(&peer);
}

static void nobody_there_is_refused(void)
{
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res = response();
    nng_aio *aio = aio_new();
    nng_url *url;
    char text[100];

    snprintf(text, sizeof text, "http://127.0.0.1:%d", unused_port());
    url = parsed(text);
    client = client_for(url);
    req = request_for(url);
    nng_http_client_connect(client, aio);
    CHECK_EQ(aio_end(aio, NULL), NNG_ECONNREFUSED);
    CHECK(nng_aio_get_output(aio, 0) == NULL);
    nng_http_client_transact(client, req, res, aio);
    CHECK_EQ(aio_end(aio, NULL), NNG_ECONNREFUSED);
    nng_http_client_free(client);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_aio_free(aio);
}

// Fills the queue of a listener, so that who connects has to wait.
static void fill_queue(struct peer *peer, int fds[8])
{
    struct sockaddr_in address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(peer->port);
    for (int i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(fds[i] >= 0);
        if (connect(fds[i], (struct sockaddr *) &address, sizeof address) != 0) {
            CHECK_EQ(errno, EINPROGRESS);
        }
    }
}

static void connecting_can_be_ended(void)
{
    struct peer peer;
    nng_http_client *client;
    nng_aio *first = aio_new(), *second = aio_new(), *third = aio_new(), *fourth = aio_new();
    nng_http_req *req;
    nng_http_res *res = response();
    int fds[8];

    peer_open_with(&peer, 0);
    fill_queue(&peer, fds);
    client = client_for(peer.url);
    req = request_for(peer.url);
    nng_aio_set_timeout(first, 20);
    nng_http_client_connect(client, first);
    CHECK_EQ(aio_end(first, NULL), NNG_ETIMEDOUT);
    nng_aio_set_timeout(first, 0);
    nng_http_client_connect(client, first);
    CHECK_EQ(aio_end(first, NULL), NNG_ETIMEDOUT);
    nng_aio_set_timeout(first, ENOUGH);
    nng_http_client_connect(client, first);
    nng_http_client_connect(client, second);
    nng_http_client_connect(client, third);
    nng_http_client_transact(client, req, res, fourth);
    // None suffers from the end of another.
    nng_aio_cancel(first);
    CHECK_EQ(aio_end(first, NULL), NNG_ECANCELED);
    CHECK(nng_aio_busy(second));
    nng_aio_abort(second, NNG_ESTATE);
    CHECK_EQ(aio_end(second, NULL), NNG_ESTATE);
    CHECK(nng_aio_busy(third));
    nng_http_client_connect(client, first);
    nng_http_client_free(client);
    CHECK_EQ(aio_end(first, NULL), NNG_ECLOSED);
    CHECK_EQ(aio_end(third, NULL), NNG_ECLOSED);
    CHECK_EQ(aio_end(fourth, NULL), NNG_ECLOSED);
    for (int i = 0; i < 8; i++) {
        close(fds[i]);
    }
    nng_aio_free(first);
    nng_aio_free(second);
    nng_aio_free(third);
    nng_aio_free(fourth);
    nng_http_req_free(req);
    nng_http_res_free(res);
    peer_close(&peer);
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

// Transactions

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

static void a_client_makes_a_transaction(void)
{
    struct peer peer;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res = response();
    nng_aio *aio = aio_new();
    char expected[1000];

    peer_open(&peer);
    client = client_for(peer.url);
    req = request_for(peer.url);
    CHECK_EQ(nng_http_req_set_header(req, "X-Own", "1"), 0);
    snprintf(expected, sizeof expected, "GET /path HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Own: 1\r\n"
        "Connection: close\r\n\r\n", peer.port);
    // Of what was in it before nothing is left.
    CHECK_EQ(nng_http_res_set_header(res, "X-Old", "old"), 0);
    CHECK_EQ(nng_http_res_copy_data(res, "old", 3), 0);
    for (int i = 0; i < 3; i++) {
        int fd;

        nng_http_client_transact(client, req, res, aio);
        fd = peer_accept(&peer);
        check_hears(fd, expected);
        say(fd, "HTTP/1.1 202 Why Not\r\nX-New: 1\r\nx-new: 2\r\nContent-Length: 4\r\n\r\nbody");
        CHECK_EQ(aio_end(aio, NULL), 0);
        CHECK_EQ(nng_aio_count(aio), 0);
        CHECK_EQ(nng_http_res_get_status(res), 202);
        CHECK_STR(nng_http_res_get_reason(res), "Why Not");
        CHECK_STR(nng_http_res_get_version(res), "HTTP/1.1");
        CHECK_STR(nng_http_res_get_header(res, "X-New"), "1, 2");
        CHECK_STR(nng_http_res_get_header(res, "X-Old"), NULL);
        CHECK_STR(nng_http_res_get_header(res, "Content-Length"), "4");
        check_body(res, "body");
        CHECK_STR(nng_http_req_get_header(req, "Connection"), "close");
        check_ended(fd);
        close(fd);
    }
    nng_http_client_free(client);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_aio_free(aio);
    peer_close(&peer);
}

static void responses_end_in_many_ways(void)
{
    static const struct {
        const char *text;
        int result, status;
        const char *body;
    } table[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", 0, 200, "abc" },
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, 404, "" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n"
          "0\r\nX: y\r\n\r\n", 0, 200, "abcde" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 0, 200, "a" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 200, "" },
        { "HTTP/1.1 200 OK\r\n\r\nall there is", 0, 200, "all there is" },
        { "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 0, 204, "" },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0, 304, "" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 0, 200,
            "a" },
        { "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, 101, "" },
        { "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", 0, 200, "a" },
        { "HTTP/1.0 200 OK\r\n\r\nold", 0, 200, "old" },
        { "nonsense\r\n\r\n", NNG_EPROTO, 0, NULL },
        { "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 20 OK\r\n\r\n", NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n", NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nabcde\r\n",
            NNG_EPROTO, 0, NULL },
        { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", NNG_ECONNSHUT, 0, NULL },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", NNG_ECONNSHUT, 0,
            NULL },
        { "HTTP/1.1 200 OK\r\n", NNG_ECONNSHUT, 0, NULL },
        { "", NNG_ECONNSHUT, 0, NULL },
    };

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        struct line line;

        line_open(&line);
        nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
        hear_head(line.fd);
        say(line.fd, table[i].text);
        shutdown(line.fd, SHUT_WR);
        CHECK_EQ(aio_end(line.aio, NULL), table[i].result);
        if (table[i].result == 0) {
            CHECK_EQ(nng_http_res_get_status(line.res), table[i].status);
            check_body(line.res, table[i].body);
        } else {
            check_body(line.res, "");
            // It cannot be used again.
            nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
            CHECK_EQ(aio_end(line.aio, NULL), NNG_ECLOSED);
        }
        line_close(&line);
    }
}

static void bytes_beyond_ascii_are_kept(void)
{
    struct line line;

    line_open(&line);
    CHECK_EQ(nng_http_req_set_header(line.req, "X-Bytes", "\xc3\xa4 \xff"), 0);
    nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
    CHECK(strstr(hear_head(line.fd), "\r\nX-Bytes: \xc3\xa4 \xff\r\n") != NULL);
    say(line.fd, "HTTP/1.1 200 \xc3\xa4\r\nX-Bytes: \xe4\xff\tx\r\nContent-Length: 0\r\n\r\n");
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK_STR(nng_http_res_get_reason(line.res), "\xc3\xa4");
    CHECK_STR(nng_http_res_get_header(line.res, "x-bytes"), "\xe4\xff\tx");
    line_close(&line);
}

static void a_connection_makes_many_transactions(void)
{
    struct line line;
    char text[200], expected[50];

    line_open(&line);
    for (int i = 0; i < 20; i++) {
        bool is_head = i % 3 == 0;

        CHECK_EQ(nng_http_req_set_method(line.req, is_head ? "HEAD" : "GET"), 0);
        nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
        CHECK(strstr(hear_head(line.fd), "Connection:") == NULL);
        snprintf(expected, sizeof expected, "body %d", i);
        snprintf(text, sizeof text,
            "HTTP/1.1 200 OK\r\nX-Number: %d\r\nContent-Length: %d\r\n\r\n%s", i,
            (int) strlen(expected), is_head ? "" : expected);
        say(line.fd, text);
        CHECK_EQ(aio_end(line.aio, NULL), 0);
        CHECK_EQ(atoi(nng_http_res_get_header(line.res, "X-Number")), i);
        check_body(line.res, is_head ? "" : expected);
    }
    CHECK_STR(nng_http_req_get_header(line.req, "Connection"), NULL);
    line_close(&line);
}

static void transactions_queue_up(void)
{
    struct line line;
    nng_http_req *req;
    nng_http_res *res = response();

    line_open(&line);
    req = request_for(line.peer.url);
    CHECK_EQ(nng_http_req_set_uri(line.req, "/first"), 0);
    CHECK_EQ(nng_http_req_set_uri(req, "/second"), 0);
    nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
    nng_http_conn_transact(line.conn, req, res, line.other);
    CHECK(strncmp(hear_head(line.fd), "GET /first ", 11) == 0);
    say(line.fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
    CHECK_EQ(aio_end(line.aio, NULL), 0);
    CHECK(strncmp(hear_head(line.fd), "GET /second ", 12) == 0);
    say(line.fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
    CHECK_EQ(aio_end(line.other, NULL), 0);
    check_body(line.res, "first");
    check_body(res, "second");
    nng_http_req_free(req);
    nng_http_res_free(res);
    line_close(&line);
}

static void a_transaction_can_be_ended(void)
{
    static const int codes[] = { NNG_ETIMEDOUT, NNG_ECANCELED, NNG_ESTATE };

    for (size_t i = 0; i < CHECK_COUNT(codes); i++) {
        struct line line;

        line_open(&line);
        if (codes[i] == NNG_ETIMEDOUT) {
            nng_aio_set_timeout(line.aio, 20);
        }
        nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
        hear_head(line.fd);
        say(line.fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
        if (codes[i] == NNG_ECANCELED) {
            nng_aio_cancel(line.aio);
        } else if (codes[i] != NNG_ETIMEDOUT) {
            nng_aio_abort(line.aio, codes[i]);
        }
        CHECK_EQ(aio_end(line.aio, NULL), codes[i]);
        nng_aio_set_timeout(line.aio, ENOUGH);
        nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
        CHECK_EQ(aio_end(line.aio, NULL), NNG_ECLOSED);
        line_close(&line);
    }
}

static void transactions_of_clients_can_be_ended(void)
{
    struct peer peer;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res = response();
    nng_aio *aio = aio_new();

    peer_open(&peer);
    client = client_for(peer.url);
    req = request_for(peer.url);
    for (int i = 0; i < 3; i++) {
        int fd;

        nng_aio_set_timeout(aio, i == 0 ? 50 : ENOUGH);
        nng_http_client_transact(client, req, res, aio);
        fd = peer_accept(&peer);
        hear_head(fd);
        if (i == 1) {
            nng_aio_cancel(aio);
        }
        if (i == 2) {
            // The connection is made, and lives on.
            nng_http_client_free(client);
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        }
        CHECK_EQ(aio_end(aio, NULL), i == 0 ? NNG_ETIMEDOUT : i == 1 ? NNG_ECANCELED : 0);
        check_ended(fd);
        close(fd);
    }
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_aio_free(aio);
    peer_close(&peer);
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

static void a_reset_is_told(void)
{
    struct line line;

    line_open(&line);
    nng_http_conn_transact(line.conn, line.req, line.res, line.aio);
    hear_head(line.fd);
    reset(line.fd);
    line.fd = -1;
    CHECK_EQ(aio_end(line.aio, NULL), NNG_ECONNRESET);
    line_close(&line);
}

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

// Everything that an operation uses, freed by its callback.
struct doomed {
    nng_http_client *client;
    nng_http_conn *conn;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio;
    int result, status;
    char data[10];
    struct gate done;
};

static void dooms(void *arg)
{
    struct doomed *d = arg;

    d->result = nng_aio_result(d->aio);
    if (d->res != NULL) {
        d->status = nng_http_res_get_status(d->res);
    }
    if (d->conn != NULL) {
        nng_http_conn_close(d->conn);
    }
    nng_http_client_free(d->client);
    nng_http_req_free(d->req);
    nng_http_res_free(d->res);
    nng_aio_reap(d->aio);
    gate_pass(&d->done);
}

static void doomed_init(struct doomed *d)
{
    memset(d, 0, sizeof *d);
    gate_init(&d->done);
    CHECK_EQ(nng_aio_alloc(&d->aio, dooms, d), 0);
    nng_aio_set_timeout(d->aio, ENOUGH);
}

static void all_may_be_freed_in_the_callback_of_a_transaction(void)
{
    struct peer peer;

    peer_open(&peer);
    for (int i = 0; i < 40; i++) {
        struct doomed d;
        int fd;

        doomed_init(&d);
        d.client = client_for(peer.url);
        d.req = request_for(peer.url);
        d.res = response();
        nng_http_client_transact(d.client, d.req, d.res, d.aio);
        fd = peer_accept(&peer);
        hear_head(fd);
        say(fd, i % 2 ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" : "nonsense\r\n\r\n");
        gate_await(&d.done, 1);
        CHECK_EQ(d.result, i % 2 ? 0 : NNG_EPROTO);
        check_ended(fd);
        close(fd);
    }
    peer_close(&peer);
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

static void connected_and_closed(void *arg)
{
    struct doomed *d = arg;

    d->result = nng_aio_result(d->aio);
    nng_http_conn_close(nng_aio_get_output(d->aio, 0));
    nng_http_client_free(d->client);
    gate_pass(&d->done);
}

static void a_new_connection_may_be_closed_at_once(void)
{
    struct peer peer;

    peer_open(&peer);
    for (int i = 0; i < 20; i++) {
        struct doomed d;
        int fd;

        memset(&d, 0, sizeof d);
        gate_init(&d.done);
        CHECK_EQ(nng_aio_alloc(&d.aio, connected_and_closed, &d), 0);
        d.client = client_for(peer.url);
        nng_http_client_connect(d.client, d.aio);
        fd = peer_accept(&peer);
        check_ended(fd);
        close(fd);
        gate_await(&d.done, 1);
        CHECK_EQ(d.result, 0);
        nng_aio_free(d.aio);
    }
    peer_close(&peer);
}

// A connection that nobody asked for goes with the aio.
static void a_connection_that_is_not_fetched_is_closed(void)
{
    struct peer peer;
    nng_http_client *client;
    nng_aio *aio = aio_new();
    int fd;

    peer_open(&peer);
    client = client_for(peer.url);
    nng_http_client_connect(client, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    fd = peer_accept(&peer);
    nng_http_client_free(client);
    nng_aio_free(aio);
    check_ended(fd);
    close(fd);
    peer_close(&peer);
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

static void answers(nng_aio *aio)
{
    nng_http_res *res = response();
    const char *uri = nng_http_req_get_uri(nng_aio_get_input(aio, 0));

    CHECK_EQ(nng_http_res_copy_data(res, uri, strlen(uri)), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, 0);
}

static void many_transactions_at_once(void)
{
    nng_http_server *server;
    nng_http_handler *handler;
    nng_http_client *client;
    nng_sockaddr address;
    nng_url *url = parsed("http://127.0.0.1:0");
    nng_aio *aios[50];
    nng_http_req *reqs[50];
    nng_http_res *ress[50];
    char text[100];

    CHECK_EQ(nng_http_server_hold(&server, url), 0);
    nng_url_free(url);
    CHECK_EQ(nng_http_handler_alloc(&handler, "/", answers), 0);
    CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    CHECK_EQ(nng_http_server_add_handler(server, handler), 0);
    CHECK_EQ(nng_http_server_start(server), 0);
    CHECK_EQ(nng_http_server_get_addr(server, &address), 0);
    snprintf(text, sizeof text, "http://127.0.0.1:%d", ntohs(address.s_in.sa_port));
    url = parsed(text);
    client = client_for(url);
    for (int i = 0; i < 50; i++) {
        aios[i] = aio_new();
        reqs[i] = request_for(url);
        ress[i] = response();
        snprintf(text, sizeof text, "/number/%d", i);
        CHECK_EQ(nng_http_req_set_uri(reqs[i], text), 0);
        nng_http_client_transact(client, reqs[i], ress[i], aios[i]);
    }
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(aio_end(aios[i], NULL), 0);
        snprintf(text, sizeof text, "/number/%d", i);
        check_body(ress[i], text);
        nng_aio_free(aios[i]);
        nng_http_req_free(reqs[i]);
        nng_http_res_free(ress[i]);
    }
    nng_http_client_free(client);
    nng_url_free(url);
    nng_http_server_release(server);
}

// TLS

static void without_tls_there_is_no_configuration(void)
{
    nng_url *url = parsed("http://127.0.0.1/");
    nng_http_client *client = client_for(url);
    nng_tls_config *config = NULL;

    CHECK_EQ(nng_http_client_get_tls(client, &config), NNG_ENOTSUP);
    CHECK(config == NULL);
    CHECK_EQ(nng_http_client_get_tls(client, NULL), NNG_ENOTSUP);
    CHECK_EQ(nng_http_client_set_tls(client, NULL), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    CHECK_EQ(nng_http_client_set_tls(client, config), NNG_ENOTSUP);
    nng_tls_config_free(config);
    nng_http_client_free(client);
    nng_url_free(url);
}

static void a_configuration_is_counted(void)
{
    nng_url *url = parsed("https://localhost/");
    nng_http_client *client = client_for(url);
    nng_tls_config *first = NULL, *config = NULL, *again = NULL;

    CHECK_EQ(nng_http_client_get_tls(client, &first), 0);
    CHECK(first != NULL);
    CHECK_EQ(nng_http_client_get_tls(client, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_client_set_tls(client, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    CHECK_EQ(nng_tls_config_ca_chain(config, authority_cert, NULL), 0);
    CHECK_EQ(nng_http_client_set_tls(client, config), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(nng_http_client_get_tls(client, &again), 0);
        CHECK(again == config);
        nng_tls_config_free(again);
    }
    nng_tls_config_free(config);
    CHECK_EQ(nng_http_client_get_tls(client, &again), 0);
    nng_http_client_free(client);
    CHECK_EQ(nng_tls_config_server_name(again, "still.there"), 0);
    nng_tls_config_free(again);
    CHECK_EQ(nng_tls_config_server_name(first, "still.there"), 0);
    nng_tls_config_free(first);
    nng_url_free(url);
}

static void what_does_not_speak_tls_is_refused(void)
{
    struct peer peer;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res = response();
    nng_aio *aio = aio_new();
    nng_url *url;
    char text[100], byte;
    int fd;

    peer_open(&peer);
    snprintf(text, sizeof text, "https://127.0.0.1:%d/", peer.port);
    url = parsed(text);
    client = client_for(url);
    req = request_for(url);
    nng_http_client_transact(client, req, res, aio);
    fd = peer_accept(&peer);
    // It begins with a handshake.
    CHECK_EQ(recv(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 22);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(aio_end(aio, NULL) != 0);
    close(fd);
    nng_http_client_free(client);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_aio_free(aio);
    peer_close(&peer);
}

// Without one of its objects nothing begins.
static void null_is_refused(void)
{
    struct line line;
    nng_http_client *client;
    nng_tls_config *config = NULL;

    line_open(&line);
    client = client_for(line.peer.url);
    CHECK_EQ(nng_http_client_alloc(NULL, line.peer.url), NNG_EINVAL);
    CHECK_EQ(nng_http_client_alloc(&client, NULL), NNG_EINVAL);
    nng_http_client_free(NULL);
    nng_http_conn_close(NULL);
    CHECK_EQ(nng_http_client_get_tls(NULL, &config), NNG_EINVAL);
    CHECK_EQ(nng_http_client_set_tls(NULL, config), NNG_EINVAL);
    for (int i = 0; i < 2; i++) {
        nng_aio *aio = i == 0 ? NULL : line.aio;
        nng_http_conn *conn = i == 0 ? line.conn : NULL;

        nng_http_client_connect(i == 0 ? client : NULL, aio);
        nng_http_client_transact(i == 0 ? client : NULL, line.req, line.res, aio);
        nng_http_conn_read(conn, aio);
        nng_http_conn_read_all(conn, aio);
        nng_http_conn_write(conn, aio);
        nng_http_conn_write_all(conn, aio);
        nng_http_conn_read_req(conn, line.req, aio);
        nng_http_conn_read_res(conn, line.res, aio);
        nng_http_conn_write_req(conn, line.req, aio);
        nng_http_conn_write_res(conn, line.res, aio);
        nng_http_conn_transact(conn, line.req, line.res, aio);
    }
    nng_http_client_transact(client, NULL, line.res, line.aio);
    nng_http_client_transact(client, line.req, NULL, line.aio);
    nng_http_conn_read_req(line.conn, NULL, line.aio);
    nng_http_conn_read_res(line.conn, NULL, line.aio);
    nng_http_conn_write_req(line.conn, NULL, line.aio);
    nng_http_conn_write_res(line.conn, NULL, line.aio);
    nng_http_conn_transact(line.conn, NULL, line.res, line.aio);
    nng_http_conn_transact(line.conn, line.req, NULL, line.aio);
    CHECK(!nng_aio_busy(line.aio));
    // One that is not the server's cannot be taken over, which is no error.
    CHECK_EQ(nng_http_hijack(line.conn), 0);
    CHECK_EQ(line_write_all(&line, "hello"), 0);
    check_hears(line.fd, "hello");
    nng_http_client_free(client);
    line_close(&line);
}

static void the_library_can_be_ended_and_used_again(void)
{
    for (int i = 0; i < 3; i++) {
        struct line line;

        line_open(&line);
        CHECK_EQ(line_write_all(&line, "hello"), 0);
        check_hears(line.fd, "hello");
        line_close(&line);
        nng_fini();
    }
}

static const struct check_test tests[] = {
    TEST(only_some_urls_have_clients),
    TEST(a_connection_outlives_its_client),
    TEST(a_name_is_looked_up),
    TEST(nobody_there_is_refused),
    TEST(connecting_can_be_ended),
    TEST(a_stopped_aio_starts_nothing),
    TEST(a_request_is_sent_as_it_was_made),
    TEST(without_a_target_nothing_is_sent),
    TEST(a_client_makes_a_transaction),
    TEST(responses_end_in_many_ways),
    TEST(bytes_beyond_ascii_are_kept),
    TEST(a_connection_makes_many_transactions),
    TEST(transactions_queue_up),
    TEST(a_transaction_can_be_ended),
    TEST(transactions_of_clients_can_be_ended),
    TEST(a_limit_of_zero_hurts_nobody),
    TEST(a_reset_is_told),
    TEST(a_read_takes_what_there_is),
    TEST(nothing_is_read_and_written_at_once),
    TEST(several_pieces_are_one_read),
    TEST(a_write_waits_for_room),
    TEST(behind_a_head_comes_the_body),
    TEST(requests_can_be_read),
    TEST(different_reads_queue_up),
    TEST(one_that_waits_can_be_canceled),
    TEST(an_end_is_told_once),
    TEST(heads_have_a_limit),
    TEST(a_response_is_sent_as_it_was_made),
    TEST(a_response_may_be_the_last),
    TEST(an_interim_response_is_never_the_last),
    TEST(a_body_may_follow_its_head),
    TEST(to_close_ends_what_waits),
    TEST(to_close_ends_writes),
    TEST(all_may_be_freed_in_the_callback_of_a_transaction),
    TEST(all_may_be_freed_in_the_callback_of_an_operation),
    TEST(a_new_connection_may_be_closed_at_once),
    TEST(a_connection_that_is_not_fetched_is_closed),
    TEST(callbacks_never_run_in_the_call_that_starts),
    TEST(many_transactions_at_once),
    TEST(without_tls_there_is_no_configuration),
    TEST(a_configuration_is_counted),
    TEST(what_does_not_speak_tls_is_refused),
    TEST(null_is_refused),
    TEST(the_library_can_be_ended_and_used_again),
};

CHECK_MAIN(tests)
