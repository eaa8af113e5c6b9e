// HTTP clients: connections, transactions, and what callbacks may do.

#include "http_lines.h"
#include "keys.h"

#include <nng/supplemental/tls/tls.h>

// Connections

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
    fd = accepted(peer.fd);
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
    struct sockaddr_in address = loopback(peer->port);

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

// Transactions

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
        fd = accepted(peer.fd);
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

    // Nobody answers; how far it gets until then depends on the machine.
    peer_open(&peer);
    client = client_for(peer.url);
    req = request_for(peer.url);
    nng_aio_set_timeout(aio, 50);
    nng_http_client_transact(client, req, res, aio);
    CHECK_EQ(aio_end(aio, NULL), NNG_ETIMEDOUT);
    nng_http_client_free(client);
    nng_http_req_free(req);
    peer_close(&peer);

    peer_open(&peer);
    client = client_for(peer.url);
    req = request_for(peer.url);
    nng_aio_set_timeout(aio, ENOUGH);
    for (int i = 0; i < 2; i++) {
        int fd;

        nng_http_client_transact(client, req, res, aio);
        fd = accepted(peer.fd);
        hear_head(fd);
        if (i == 0) {
            nng_aio_cancel(aio);
        } else {
            // The connection is made, and lives on.
            nng_http_client_free(client);
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        }
        CHECK_EQ(aio_end(aio, NULL), i == 0 ? NNG_ECANCELED : 0);
        check_ended(fd);
        close(fd);
    }
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_aio_free(aio);
    peer_close(&peer);
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

// The end of things, and what callbacks may do

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
        fd = accepted(peer.fd);
        hear_head(fd);
        say(fd, i % 2 ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" : "nonsense\r\n\r\n");
        gate_await(&d.done, 1);
        CHECK_EQ(d.result, i % 2 ? 0 : NNG_EPROTO);
        check_ended(fd);
        close(fd);
    }
    peer_close(&peer);
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
        fd = accepted(peer.fd);
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
    fd = accepted(peer.fd);
    nng_http_client_free(client);
    nng_aio_free(aio);
    check_ended(fd);
    close(fd);
    peer_close(&peer);
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
    fd = accepted(peer.fd);
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

// Null, and a new beginning

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
    TEST(a_client_makes_a_transaction),
    TEST(responses_end_in_many_ways),
    TEST(bytes_beyond_ascii_are_kept),
    TEST(a_connection_makes_many_transactions),
    TEST(transactions_queue_up),
    TEST(a_transaction_can_be_ended),
    TEST(transactions_of_clients_can_be_ended),
    TEST(a_reset_is_told),
    TEST(many_transactions_at_once),
    TEST(all_may_be_freed_in_the_callback_of_a_transaction),
    TEST(a_new_connection_may_be_closed_at_once),
    TEST(a_connection_that_is_not_fetched_is_closed),
    TEST(without_tls_there_is_no_configuration),
    TEST(a_configuration_is_counted),
    TEST(what_does_not_speak_tls_is_refused),
    TEST(null_is_refused),
    TEST(the_library_can_be_ended_and_used_again),
};

CHECK_MAIN(tests)
