/*
 * async_echo: gives back what it receives, over byte streams, without a thread that waits.
 *
 * The callback of one aio accepts connections. Each connection has an aio of its own, whose callback is
 * all there is of it:
 *
 *     RECEIVING --some bytes--> SENDING --all of them taken--> RECEIVING ...
 *         |                        |
 *         +------------------------+-- an error, or the end of the stream: the connection goes
 *
 * Operations are started, and streams closed, with the mutex held: no callback runs on the stack of the
 * call that starts its operation, and nothing is started on a stream that is closed already.
 *
 * Ctrl-C or the end of input ends the program, once all connections are gone.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

static const char help[] =
    "Gives back what it receives.\n"
    "\n"
    "Usage: async_echo URL\n"
    "\n"
    "  URL         tcp://HOST:PORT, where port 0 lets the system choose, or ipc://PATH\n"
    "  -h, --help  print this\n"
    "\n"
    "Ctrl-C or the end of input ends it.\n";

enum { ROOM = 16 * 1024, PAUSE = 100 /* ms */ };

struct connection {
    struct connection *prev, *next;
    nng_stream        *stream;
    nng_aio           *aio;
    enum { RECEIVING, SENDING } step;
    size_t start, end; /* the bytes that are still to be sent */
    char   bytes[ROOM];
};

static struct {
    nng_mtx             *mtx;
    nng_cv              *none; /* woken when the last connection goes */
    nng_stream_listener *listener;
    nng_aio             *accept_aio;
    bool                 pausing; /* the operation of that aio is a sleep */
    bool                 closing;
    struct connection   *connections;
    unsigned long        accepted;
    uint64_t             sent;
} server;

/* Starts the next operation of a connection; with the mutex held. */
static void connection_step(struct connection *c)
{
    nng_iov iov;

    c->step     = c->start < c->end ? SENDING : RECEIVING;
    iov.iov_buf = c->step == SENDING ? c->bytes + c->start : c->bytes;
    iov.iov_len = c->step == SENDING ? c->end - c->start : ROOM;
    nng_aio_set_iov(c->aio, 1, &iov); /* it takes 8 */
    if (c->step == SENDING) {
        nng_stream_send(c->stream, c->aio);
    } else {
        nng_stream_recv(c->stream, c->aio);
    }
}

/* The callback of a connection. */
static void connection_advance(void *arg)
{
    struct connection *c     = arg;
    size_t             count = nng_aio_count(c->aio);

    nng_mtx_lock(server.mtx);
    if (c->step == SENDING) {
        server.sent += count;
    }
    if (nng_aio_result(c->aio) == 0 && !server.closing) {
        if (c->step == RECEIVING) {
            c->start = 0;
            c->end   = count;
        } else {
            c->start += count; /* the system may have taken a part only */
        }
        connection_step(c);
        nng_mtx_unlock(server.mtx);
        return;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    *(c->prev != NULL ? &c->prev->next : &server.connections) = c->next;
    nng_stream_free(c->stream);
    nng_aio_reap(c->aio); /* its own callback may not free it, but may reap it */
    free(c);
    if (server.connections == NULL) {
        nng_cv_wake(server.none);
    }
    nng_mtx_unlock(server.mtx);
}

/* Takes a stream over; with the mutex held. */
static void connection_open(nng_stream *stream)
{
    struct connection *c = server.closing ? NULL : calloc(1, sizeof(*c));

    if (c == NULL || nng_aio_alloc(&c->aio, connection_advance, c) != 0) {
        free(c);
        nng_stream_free(stream);
        return;
    }
    c->stream = stream;
    if ((c->next = server.connections) != NULL) {
        c->next->prev = c;
    }
    server.connections = c;
    server.accepted++;
    connection_step(c);
}

/* The callback of the aio that accepts. */
static void accepted(void *arg)
{
    int rv = nng_aio_result(server.accept_aio);

    (void) arg;
    nng_mtx_lock(server.mtx);
    if (rv == 0 && !server.pausing) {
        connection_open(nng_aio_get_output(server.accept_aio, 0));
    }
    if (!server.closing && rv != NNG_ECLOSED) {
        server.pausing = rv != 0; /* no descriptor is left, say: that may change */
        if (server.pausing) {
            fprintf(stderr, "async_echo: cannot accept: %s\n", nng_strerror(rv));
            nng_sleep_aio(PAUSE, server.accept_aio);
        } else {
            nng_stream_listener_accept(server.listener, server.accept_aio);
        }
    }
    nng_mtx_unlock(server.mtx);
}

static int print_addr(void)
{
    nng_sockaddr addr;
    char         text[INET6_ADDRSTRLEN];
    int          rv = nng_stream_listener_get_addr(server.listener, NNG_OPT_LOCADDR, &addr);

    if (rv != 0) {
        return rv;
    }
    if (addr.s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &addr.s_in.sa_addr, text, sizeof(text));
        printf("listening on tcp://%s:%u\n", text, ntohs(addr.s_in.sa_port));
    } else if (addr.s_family == NNG_AF_INET6) {
        inet_ntop(AF_INET6, addr.s_in6.sa_addr, text, sizeof(text));
        printf("listening on tcp://[%s]:%u\n", text, ntohs(addr.s_in6.sa_port));
    } else if (addr.s_family == NNG_AF_IPC) {
        printf("listening on ipc://%s\n", addr.s_ipc.sa_path);
    } else {
        return NNG_EADDRINVAL;
    }
    return 0;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

static void wait_for_end(const sigset_t *before)
{
    char   ignored[512];
    fd_set input;
    int    rv;

    do {
        FD_ZERO(&input);
        FD_SET(STDIN_FILENO, &input);
        rv = pselect(STDIN_FILENO + 1, &input, NULL, NULL, NULL, before);
    } while (!interrupted &&
        (rv < 0 ? errno == EINTR : read(STDIN_FILENO, ignored, sizeof(ignored)) > 0));
}

static void shut_down(void)
{
    struct connection *c;

    nng_mtx_lock(server.mtx);
    server.closing = true;
    nng_mtx_unlock(server.mtx);
    nng_stream_listener_close(server.listener);
    nng_aio_stop(server.accept_aio); /* its callback has run and will not run again */

    nng_mtx_lock(server.mtx);
    for (c = server.connections; c != NULL; c = c->next) {
        nng_stream_close(c->stream); /* which ends its operation */
    }
    while (server.connections != NULL) {
        nng_cv_wait(server.none);
    }
    nng_mtx_unlock(server.mtx);
}

static int serve(const char *url, const sigset_t *before)
{
    int rv;

    if ((rv = nng_mtx_alloc(&server.mtx)) != 0 ||
        (rv = nng_cv_alloc(&server.none, server.mtx)) != 0 ||
        (rv = nng_aio_alloc(&server.accept_aio, accepted, NULL)) != 0 ||
        (rv = nng_stream_listener_alloc(&server.listener, url)) != 0 ||
        (rv = nng_stream_listener_listen(server.listener)) != 0 || (rv = print_addr()) != 0) {
        return rv;
    }
    nng_stream_listener_accept(server.listener, server.accept_aio);
    wait_for_end(before);
    shut_down();
    printf("%lu connections, %llu bytes\n", server.accepted, (unsigned long long) server.sent);
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = interrupt };
    sigset_t         ours, before;
    int              rv;

    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc != 2 || strstr(argv[1], "://") == NULL) {
        fprintf(stderr, "async_echo: one URL is wanted, such as tcp://127.0.0.1:5555;"
                        " --help says more\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* For wait_for_end alone; the threads of the library inherit the mask, so it comes first. */
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_BLOCK, &ours, &before);

    if ((rv = serve(argv[1], &before)) != 0) {
        fprintf(stderr, "async_echo: cannot listen on %s: %s\n", argv[1], nng_strerror(rv));
    }
    nng_stream_listener_free(server.listener); /* NULL is fine to all of these */
    nng_aio_free(server.accept_aio);
    nng_cv_free(server.none);
    nng_mtx_free(server.mtx);
    nng_fini();
    return rv == 0 ? 0 : 1;
}
