// HTTP connections with both their ends: ours, made by a client, and a plain socket.

#ifndef HTTP_LINES_H
#define HTTP_LINES_H

#include "http.h"
#include "sockets.h"

// The other side

struct peer {
    int fd;
    uint16_t port;
    nng_url *url;
};

static inline void peer_open_with(struct peer *peer, int backlog)
{
    char text[100];

    peer->fd = listening(backlog, &peer->port);
    snprintf(text, sizeof text, "http://127.0.0.1:%d/path", peer->port);
    peer->url = parsed(text);
}

static inline void peer_open(struct peer *peer)
{
    peer_open_with(peer, 50);
}

static inline void peer_close(struct peer *peer)
{
    close(peer->fd);
    nng_url_free(peer->url);
}

// Reads a head, and not a byte more.
static inline const char *hear_head(int fd)
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

// Our side

// A connection with both its ends, and what to use it with.
struct line {
    struct peer peer;
    nng_http_conn *conn;
    int fd;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio, *other;
};

static inline void line_open(struct line *line)
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
    line->fd = accepted(line->peer.fd);
    line->req = request_for(line->peer.url);
    line->res = response();
}

static inline void line_close(struct line *line)
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

static inline int line_read(struct line *line, void *data, size_t length, size_t *count)
{
    set_memory(line->aio, data, length);
    nng_http_conn_read(line->conn, line->aio);
    nng_aio_wait(line->aio);
    *count = nng_aio_count(line->aio);
    return nng_aio_result(line->aio);
}

static inline int line_read_all(struct line *line, void *data, size_t length, size_t *count)
{
    set_memory(line->aio, data, length);
    nng_http_conn_read_all(line->conn, line->aio);
    nng_aio_wait(line->aio);
    *count = nng_aio_count(line->aio);
    return nng_aio_result(line->aio);
}

static inline int line_write_all(struct line *line, const char *text)
{
    int rv;

    set_memory(line->aio, text, strlen(text));
    nng_http_conn_write_all(line->conn, line->aio);
    rv = aio_end(line->aio, NULL);
    CHECK_EQ(nng_aio_count(line->aio), rv == 0 ? strlen(text) : 0);
    return rv;
}

static inline int line_write_res(struct line *line)
{
    nng_http_conn_write_res(line->conn, line->res, line->aio);
    return aio_end(line->aio, NULL);
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

static inline void dooms(void *arg)
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

static inline void doomed_init(struct doomed *d)
{
    memset(d, 0, sizeof *d);
    gate_init(&d->done);
    CHECK_EQ(nng_aio_alloc(&d->aio, dooms, d), 0);
    nng_aio_set_timeout(d->aio, ENOUGH);
}

#endif // HTTP_LINES_H
