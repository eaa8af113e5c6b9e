// HTTP servers with handlers, and plain sockets that ask them.

#ifndef HTTP_SITES_H
#define HTTP_SITES_H

#include "http.h"
#include "sockets.h"

#include <strings.h>

// Servers

struct site {
    nng_http_server *server;
    uint16_t port;
};

static inline int hold(const char *text, nng_http_server **server)
{
    nng_url *url = parsed(text);
    int rv;

    *server = NULL;
    rv = nng_http_server_hold(server, url);
    nng_url_free(url);
    CHECK_EQ(*server != NULL, rv == 0);
    return rv;
}

static inline nng_http_server *held(const char *text)
{
    nng_http_server *server;

    CHECK_EQ(hold(text, &server), 0);
    return server;
}

static inline uint16_t port_of(nng_http_server *server)
{
    nng_sockaddr address;

    CHECK_EQ(nng_http_server_get_addr(server, &address), 0);
    CHECK_EQ(address.s_family, NNG_AF_INET);
    CHECK_EQ(address.s_in.sa_addr, htonl(INADDR_LOOPBACK));
    CHECK(address.s_in.sa_port != 0);
    return ntohs(address.s_in.sa_port);
}

static inline void site_open(struct site *site)
{
    site->server = held("http://127.0.0.1:0");
    CHECK_EQ(nng_http_server_start(site->server), 0);
    site->port = port_of(site->server);
}

static inline void site_close(struct site *site)
{
    nng_http_server_release(site->server);
}

// Handlers

static inline nng_http_handler *made(const char *path, void (*callback)(nng_aio *))
{
    nng_http_handler *handler = NULL;

    CHECK_EQ(nng_http_handler_alloc(&handler, path, callback), 0);
    CHECK(handler != NULL);
    return handler;
}

static inline void add(struct site *site, nng_http_handler *handler)
{
    CHECK_EQ(nng_http_server_add_handler(site->server, handler), 0);
}

static inline void respond(nng_aio *aio, uint16_t status, const char *text)
{
    nng_http_res *res = response();

    CHECK_EQ(nng_http_res_set_status(res, status), 0);
    CHECK_EQ(nng_http_res_copy_data(res, text, strlen(text)), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, 0);
}

// Answers with the text that is the handler's data.
static inline void says(nng_aio *aio)
{
    respond(aio, 200, nng_http_handler_get_data(nng_aio_get_input(aio, 1)));
}

static inline nng_http_handler *saying(const char *path, const char *text)
{
    nng_http_handler *handler = made(path, says);

    CHECK_EQ(nng_http_handler_set_data(handler, (void *) text, NULL), 0);
    return handler;
}

static struct gate destroyed = GATE_INIT;
static void *last_destroyed;

static inline void destroys(void *data)
{
    last_destroyed = data;
    gate_pass(&destroyed);
}

static inline nng_http_handler *counted(const char *path, void (*callback)(nng_aio *), void *data)
{
    nng_http_handler *handler = made(path, callback);

    CHECK_EQ(nng_http_handler_set_data(handler, data, destroys), 0);
    return handler;
}

// A handler whose answer comes from the callback of another aio.
struct later {
    nng_aio *aio, *pending;
    nng_http_conn *conn;
    nng_http_res *res;
    int result;
    size_t count;
    struct gate begun, done;
};

static inline void later_init(struct later *later, void (*callback)(void *))
{
    memset(later, 0, sizeof *later);
    gate_init(&later->begun);
    gate_init(&later->done);
    CHECK_EQ(nng_aio_alloc(&later->aio, callback, later), 0);
    nng_aio_set_timeout(later->aio, ENOUGH);
}

static inline void sleeps(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    later->pending = aio;
    nng_sleep_aio(1, later->aio);
}

static inline void slept(void *arg)
{
    struct later *later = arg;

    respond(later->pending, 200, "later");
}

static inline void begins(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    later->pending = aio;
    gate_pass(&later->begun);
}

// The other side

static inline int connected(struct site *site)
{
    int fd = try_connect(site->port);

    CHECK(fd >= 0);
    return fd;
}

struct answer {
    int status;
    char head[8192], body[65536];
    size_t head_size, size;
};

// Returns the value of a header, or null.
static inline const char *header(const struct answer *answer, const char *name)
{
    static __thread char value[1000];
    size_t length = strlen(name);
    const char *line = answer->head;

    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && strncmp(line + length, ": ", 2) == 0) {
            const char *begin = line + length + 2;

            snprintf(value, sizeof value, "%.*s", (int) (strstr(begin, "\r\n") - begin), begin);
            return value;
        }
    }
    return NULL;
}

// Reads one answer, and not a byte more.
static inline void hear(int fd, struct answer *answer, bool has_body)
{
    size_t wanted = 0;
    const char *text;

    memset(answer, 0, sizeof *answer);
    while (strstr(answer->head, "\r\n\r\n") == NULL) {
        CHECK(answer->head_size < sizeof answer->head - 1);
        CHECK_EQ(recv(fd, answer->head + answer->head_size, 1, 0), 1);
        answer->head_size++;
    }
    CHECK_EQ(sscanf(answer->head, "HTTP/1.%*[01] %d ", &answer->status), 1);
    text = header(answer, "Content-Length");
    if (has_body && text != NULL) {
        wanted = (size_t) atol(text);
        CHECK(wanted < sizeof answer->body);
    }
    while (answer->size < wanted) {
        ssize_t count = recv(fd, answer->body + answer->size, wanted - answer->size, 0);

        CHECK(count > 0);
        answer->size += (size_t) count;
    }
}

static inline void ask(int fd, const char *request, struct answer *answer)
{
    say(fd, request);
    hear(fd, answer, strncmp(request, "HEAD ", 5) != 0);
}

// Asks on a connection of its own.
static inline void fetch(struct site *site, const char *line, struct answer *answer)
{
    char request[1000];
    int fd = connected(site);

    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", line);
    ask(fd, request, answer);
    close(fd);
}

static inline void check_fetch(struct site *site, const char *line, int status, const char *body)
{
    struct answer answer;

    fetch(site, line, &answer);
    CHECK_EQ(answer.status, status);
    if (body != NULL) {
        CHECK_STR(answer.body, body);
    }
}

static const char HELLO[] = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

#endif // HTTP_SITES_H
