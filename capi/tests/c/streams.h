// Byte streams as tests use them: one operation at a time, waited for, both ends at hand, and of
// each kind that needs no configuration.

#ifndef STREAMS_H
#define STREAMS_H

#include "aios.h"
#include "files.h"

static inline int dial(nng_stream_dialer *dialer, nng_stream **stream)
{
    nng_aio *aio = aio_new();
    int rv;

    nng_stream_dialer_dial(dialer, aio);
    rv = aio_end(aio, stream);
    nng_aio_free(aio);
    return rv;
}

static inline int dial_url(const char *url, nng_stream **stream)
{
    nng_stream_dialer *dialer;
    int rv = nng_stream_dialer_alloc(&dialer, url);

    if (rv == 0) {
        rv = dial(dialer, stream);
        nng_stream_dialer_free(dialer);
    }
    return rv;
}

static inline int send_some(
    nng_stream *stream, const void *data, size_t length, nng_duration limit, size_t *count)
{
    nng_aio *aio = aio_new();
    int rv;

    set_memory(aio, data, length);
    nng_aio_set_timeout(aio, limit);
    nng_stream_send(stream, aio);
    rv = aio_end(aio, NULL);
    *count = nng_aio_count(aio);
    nng_aio_free(aio);
    return rv;
}

static inline int recv_some(
    nng_stream *stream, void *data, size_t length, nng_duration limit, size_t *count)
{
    nng_aio *aio = aio_new();
    int rv;

    set_memory(aio, data, length);
    nng_aio_set_timeout(aio, limit);
    nng_stream_recv(stream, aio);
    rv = aio_end(aio, NULL);
    *count = nng_aio_count(aio);
    nng_aio_free(aio);
    return rv;
}

static inline int recv_result(nng_stream *stream, nng_duration limit)
{
    char byte;
    size_t count;
    int rv = recv_some(stream, &byte, 1, limit, &count);

    CHECK_EQ(count, rv == 0);
    return rv;
}

static inline int send_result(nng_stream *stream, nng_duration limit)
{
    size_t count;
    int rv = send_some(stream, "x", 1, limit, &count);

    CHECK_EQ(count, rv == 0);
    return rv;
}

// Sends the text from one end and checks that it comes out at the other one.
static inline void check_carries(nng_stream *from, nng_stream *to, const char *text)
{
    nng_aio *sender = aio_new(), *receiver = aio_new();
    size_t length = strlen(text), sent = 0, received = 0;
    char buf[1000];

    CHECK(length <= sizeof buf);
    while (received < length) {
        if (sent < length) {
            set_memory(sender, text + sent, length - sent);
            nng_stream_send(from, sender);
        }
        set_memory(receiver, buf + received, length - received);
        nng_stream_recv(to, receiver);
        if (sent < length) {
            CHECK_EQ(aio_end(sender, NULL), 0);
            CHECK(nng_aio_count(sender) > 0);
            sent += nng_aio_count(sender);
        }
        CHECK_EQ(aio_end(receiver, NULL), 0);
        CHECK(nng_aio_count(receiver) > 0);
        received += nng_aio_count(receiver);
        CHECK(received <= sent);
    }
    CHECK_MEM(buf, text, length);
    nng_aio_free(sender);
    nng_aio_free(receiver);
}

// The two ends of a connection and what made them.
struct link {
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_stream *near, *far;
    char url[200];
};

static inline void link_meet(struct link *link)
{
    nng_aio *accept = aio_new(), *connect = aio_new();

    nng_stream_listener_accept(link->listener, accept);
    nng_stream_dialer_dial(link->dialer, connect);
    CHECK_EQ(aio_end(connect, &link->near), 0);
    CHECK_EQ(aio_end(accept, &link->far), 0);
    CHECK(link->near != NULL && link->far != NULL);
    nng_aio_free(accept);
    nng_aio_free(connect);
}

// Listens at `url`; one that ends in `:0` is completed by the port that it gets.
static inline void link_listen(struct link *link, const char *url)
{
    size_t length = strlen(url);
    int port;

    memset(link, 0, sizeof *link);
    snprintf(link->url, sizeof link->url, "%s", url);
    CHECK_EQ(nng_stream_listener_alloc(&link->listener, url), 0);
    CHECK_EQ(nng_stream_listener_listen(link->listener), 0);
    if (strcmp(url + length - 2, ":0") == 0) {
        CHECK_EQ(nng_stream_listener_get_int(link->listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
        CHECK(port > 0 && port < 65536);
        snprintf(link->url + length - 1, sizeof link->url - length + 1, "%d", port);
    }
}

static inline void link_open(struct link *link, const char *url)
{
    link_listen(link, url);
    CHECK_EQ(nng_stream_dialer_alloc(&link->dialer, link->url), 0);
    link_meet(link);
}

static inline void link_close(struct link *link)
{
    nng_stream_free(link->near);
    nng_stream_free(link->far);
    nng_stream_dialer_free(link->dialer);
    nng_stream_listener_free(link->listener);
}

static inline const char *ipc_url(const char *name)
{
    static char url[120];

    snprintf(url, sizeof url, "ipc://%s", path_in_directory(name));
    return url;
}

static inline const char *abstract_url(const char *name)
{
    static char url[120];

    snprintf(url, sizeof url, "abstract://nng-test-%d-%s", (int) getpid(), name);
    return url;
}

// The URLs that streams are tried with: TCP, TCP over IPv6, a path, an abstract name.
static inline const char *any_url(int i)
{
    switch (i) {
    case 0:
        return "tcp://127.0.0.1:0";
    case 1:
        return "tcp6://[::1]:0";
    case 2:
        return ipc_url("any");
    case 3:
        return abstract_url("any");
    default:
        return NULL;
    }
}

#define EACH_KIND(link) \
    for (int kind = 0; any_url(kind) != NULL && (link_open(link, any_url(kind)), true); \
         link_close(link), kind++)

#endif // STREAMS_H
