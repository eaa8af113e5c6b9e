/*
 * http_hello: an HTTP server whose handler writes its response itself.
 *
 * The handler of GET /hello finds the connection among the inputs of its aio, starts
 * nng_http_conn_write_res on it with an aio of its own, and returns. When the last byte is out, or it
 * is clear that it will not go out, the callback of that aio prints the result, and only then finishes
 * the handler's aio: without an output, as the response has been written.
 *
 * Ctrl-C or the end of input ends the program: the server stops, the responses under way end with an
 * error, and everything is freed.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/util/platform.h>

static const char help[] =
    "An HTTP server that says hello.\n"
    "\n"
    "Usage: http_hello [ADDR]\n"
    "\n"
    "  ADDR        http://HOST:PORT to listen on, by default http://127.0.0.1:8080;\n"
    "              port 0 lets the system choose\n"
    "  -h, --help  print this\n"
    "\n"
    "GET /hello    a greeting; the result of each response is printed\n"
    "\n"
    "Ctrl-C or the end of input ends it.\n";

static const char greeting[] = "Hello, World!\n";

/* The handler, which goes with the server in the background, and the responses that are being written:
   the end of the program waits for them. */
static struct {
    nng_mtx *mtx;
    nng_cv  *none;
    unsigned count;
} pending;

static void pending_add(void)
{
    nng_mtx_lock(pending.mtx);
    pending.count++;
    nng_mtx_unlock(pending.mtx);
}

static void pending_remove(void *unused)
{
    (void) unused;
    nng_mtx_lock(pending.mtx);
    if (--pending.count == 0) {
        nng_cv_wake(pending.none);
    }
    nng_mtx_unlock(pending.mtx);
}

/* A response, from the call of the handler to its last byte. */
struct exchange {
    nng_aio      *handler_aio; /* the server's; finishing it hands the connection back */
    nng_aio      *write_aio;   /* ours */
    nng_http_res *res;
};

static void exchange_free(struct exchange *exchange)
{
    nng_http_res_free(exchange->res);
    nng_aio_reap(exchange->write_aio); /* its own callback may not free it, but may reap it */
    free(exchange);
    pending_remove(NULL);
}

/* The callback of the write. */
static void written(void *arg)
{
    struct exchange *exchange = arg;

    printf("response: %d\n", nng_aio_result(exchange->write_aio));
    nng_aio_finish(exchange->handler_aio, 0);
    exchange_free(exchange);
}

static int fill(nng_http_res *res, const char *method)
{
    int rv = nng_http_res_set_header(res, "Content-Type", "text/plain");

    if (rv != 0) {
        return rv;
    }
    /* A response to HEAD has the length of the body, but not the body. */
    return nng_http_res_set_data(
        res, strcmp(method, "HEAD") == 0 ? NULL : greeting, strlen(greeting));
}

static void hello(nng_aio *aio)
{
    nng_http_req    *req  = nng_aio_get_input(aio, 0);
    nng_http_conn   *conn = nng_aio_get_input(aio, 2);
    struct exchange *exchange;
    int              rv;

    if ((exchange = calloc(1, sizeof(*exchange))) == NULL) {
        nng_aio_finish(aio, NNG_ENOMEM);
        return;
    }
    pending_add();
    exchange->handler_aio = aio;
    if ((rv = nng_aio_alloc(&exchange->write_aio, written, exchange)) != 0 ||
        (rv = nng_http_res_alloc(&exchange->res)) != 0 ||
        (rv = fill(exchange->res, nng_http_req_get_method(req))) != 0) {
        nng_aio_finish(aio, rv);
        exchange_free(exchange);
        return;
    }
    nng_http_conn_write_res(conn, exchange->res, exchange->write_aio); /* returns at once */
}

static int add_handler(nng_http_server *server)
{
    nng_http_handler *handler;
    int               rv;

    if ((rv = nng_http_handler_alloc(&handler, "/hello", hello)) != 0) {
        return rv;
    }
    if ((rv = nng_http_handler_set_data(handler, NULL, pending_remove)) != 0) {
        nng_http_handler_free(handler);
        return rv;
    }
    pending_add();
    if ((rv = nng_http_handler_set_method(handler, "GET")) != 0 ||
        (rv = nng_http_server_add_handler(server, handler)) != 0) {
        nng_http_handler_free(handler); /* a server that took it would free it */
    }
    return rv;
}

static int print_addr(nng_http_server *server)
{
    nng_sockaddr addr;
    char         text[INET6_ADDRSTRLEN];
    int          rv = nng_http_server_get_addr(server, &addr);

    if (rv != 0) {
        return rv;
    }
    if (addr.s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &addr.s_in.sa_addr, text, sizeof(text));
        printf("listening on http://%s:%u\n", text, ntohs(addr.s_in.sa_port));
    } else if (addr.s_family == NNG_AF_INET6) {
        inet_ntop(AF_INET6, addr.s_in6.sa_addr, text, sizeof(text));
        printf("listening on http://[%s]:%u\n", text, ntohs(addr.s_in6.sa_port));
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

/* Keeps the signals for wait_for_end. The threads of the library inherit the mask, so it comes first. */
static void catch_signals(sigset_t *before)
{
    struct sigaction action;
    sigset_t         ours;

    memset(&action, 0, sizeof(action));
    action.sa_handler = interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, before);
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

static int serve(const nng_url *url, const sigset_t *before)
{
    nng_http_server *server;
    int              rv;

    if ((rv = nng_http_server_hold(&server, url)) != 0) {
        return rv;
    }
    if ((rv = add_handler(server)) == 0 && (rv = nng_http_server_start(server)) == 0) {
        if ((rv = print_addr(server)) == 0) {
            wait_for_end(before);
        }
        nng_http_server_stop(server);
    }
    nng_http_server_release(server);
    nng_mtx_lock(pending.mtx);
    while (pending.count != 0) {
        nng_cv_wait(pending.none);
    }
    nng_mtx_unlock(pending.mtx);
    return rv;
}

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "http://127.0.0.1:8080";
    nng_url    *url  = NULL;
    sigset_t    before;
    int         rv;

    if (strcmp(addr, "-h") == 0 || strcmp(addr, "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (addr[0] == '-') {
        fprintf(stderr, "http_hello: there is no `%s`; --help says more\n", addr);
        return 2;
    }
    if (argc > 2) {
        fprintf(stderr, "http_hello: `%s` is one argument too many; --help says more\n", argv[2]);
        return 2;
    }
    if (nng_url_parse(&url, addr) != 0 || strcmp(url->u_scheme, "http") != 0) {
        fprintf(stderr,
            "http_hello: `%s` is no http:// URL, such as http://127.0.0.1:8080; --help says more\n",
            addr);
        nng_url_free(url);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    catch_signals(&before);
    if ((rv = nng_mtx_alloc(&pending.mtx)) == 0 &&
        (rv = nng_cv_alloc(&pending.none, pending.mtx)) == 0) {
        rv = serve(url, &before);
    }
    if (rv != 0) {
        fprintf(stderr, "http_hello: cannot listen on %s: %s\n", addr, nng_strerror(rv));
    }
    nng_cv_free(pending.none);
    nng_mtx_free(pending.mtx);
    nng_url_free(url);
    nng_fini();
    return rv == 0 ? 0 : 1;
}
