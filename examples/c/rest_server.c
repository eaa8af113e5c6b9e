/*
 * rest_server: a small service that keeps JSON, over HTTP or HTTPS, with errors in JSON.
 *
 *     POST /items      keeps the body, an object or array, and answers with {"item": BODY}
 *     GET  /items/N    the N-th one that was kept, from 1
 *
 * Each is a handler of the server, for its method; the server itself answers 404 and 405 for what has
 * none, and 400 for a body that is too long, with the pages of nng_http_server_set_error_page. The
 * handlers use the same pages. They share a store and count as its users until their destructors run,
 * when the server is gone and no request is being handled any more: main waits for that.
 *
 * Ctrl-C or the end of input ends the program.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/supplemental/util/platform.h>

static const char help[] =
    "A small service that keeps JSON.\n"
    "\n"
    "Usage: rest_server [--tls CERTKEY] [ADDR]\n"
    "\n"
    "  ADDR           http://HOST:PORT to listen on, by default http://127.0.0.1:8080, or\n"
    "                 https://127.0.0.1:8443 with --tls; port 0 lets the system choose\n"
    "  --tls CERTKEY  a file with a certificate and its key, in PEM\n"
    "  -h, --help     print this\n"
    "\n"
    "POST /items      keeps a JSON object or array of 4096 bytes at most\n"
    "GET  /items/N    the N-th one, from 1\n"
    "\n"
    "Ctrl-C or the end of input ends it.\n";

enum { BODY_MAX = 4096, ITEMS_MAX = 1000, DEPTH_MAX = 64 };

static struct {
    nng_mtx         *mtx;
    nng_cv          *unused; /* woken when the last user goes */
    unsigned         users;
    nng_http_server *server; /* for its error pages */
    size_t           count;
    char            *items[ITEMS_MAX];
} store;

/* The destructor of a handler. */
static void store_leave(void *arg)
{
    (void) arg;
    nng_mtx_lock(store.mtx);
    if (--store.users == 0) {
        nng_cv_wake(store.unused);
    }
    nng_mtx_unlock(store.mtx);
}

/* Returns whether a text is an object or array, as far as brackets and strings tell. */
static bool is_container(const char *text)
{
    static const char space[] = " \t\r\n";
    char              open[DEPTH_MAX];
    size_t            depth = 0;

    text += strspn(text, space);
    if (*text != '{' && *text != '[') {
        return false;
    }
    do {
        if ((*text == '{' || *text == '[') && depth < DEPTH_MAX) {
            open[depth++] = *text == '{' ? '}' : ']';
        } else if (strchr("{[}]", *text) != NULL) {
            if (open[--depth] != *text) { /* or it is nested too deeply */
                return false;
            }
        } else if (*text == '"') {
            while (*++text != '"') {
                if (*text == '\0' || (*text == '\\' && *++text == '\0')) {
                    return false;
                }
            }
        }
    } while (*++text != '\0' && depth > 0);
    return depth == 0 && text[strspn(text, space)] == '\0';
}

/* A copy of the body; NULL if it is not what is kept here. */
static char *take_body(nng_http_req *req)
{
    char  *body;
    void  *data;
    size_t size;

    nng_http_req_get_data(req, &data, &size);
    if (data != NULL && (body = calloc(1, size + 1)) != NULL) {
        memcpy(body, data, size);
        if (strlen(body) == size && is_container(body)) {
            return body;
        }
        free(body);
    }
    return NULL;
}

/* Finishes a handler's aio: with an item, or with the error page of the status. */
static void respond(nng_aio *aio, uint16_t status, const char *item)
{
    char          text[BODY_MAX + 16];
    nng_http_res *res;
    int           rv;

    if ((rv = nng_http_res_alloc(&res)) != 0) {
        nng_aio_finish(aio, rv);
        return;
    }
    rv = nng_http_res_set_status(res, status);
    if (rv == 0 && item == NULL) {
        rv = nng_http_server_res_error(store.server, res);
    } else if (rv == 0) {
        snprintf(text, sizeof(text), "{\"item\": %s}", item);
        rv = nng_http_res_copy_data(res, text, strlen(text));
    }
    if (rv != 0 || (rv = nng_http_res_set_header(res, "Content-Type", "application/json")) != 0) {
        nng_http_res_free(res);
    } else {
        nng_aio_set_output(aio, 0, res); /* the server's, from now on */
    }
    nng_aio_finish(aio, rv);
}

static void post_item(nng_aio *aio)
{
    char    *item   = take_body(nng_aio_get_input(aio, 0));
    uint16_t status = NNG_HTTP_STATUS_BAD_REQUEST;

    nng_mtx_lock(store.mtx);
    if (item != NULL && store.count == ITEMS_MAX) {
        status = NNG_HTTP_STATUS_INSUFFICIENT_STORAGE;
        free(item);
    } else if (item != NULL) {
        status                     = NNG_HTTP_STATUS_CREATED;
        store.items[store.count++] = item; /* never changed, and there as long as the store */
    }
    nng_mtx_unlock(store.mtx);
    respond(aio, status, status == NNG_HTTP_STATUS_CREATED ? item : NULL);
}

static void get_item(nng_aio *aio)
{
    const char *path   = nng_http_req_get_uri(nng_aio_get_input(aio, 0));
    const char *item;
    size_t      number = 0;

    if (strncmp(path, "/items/", 7) == 0 && strspn(path + 7, "0123456789") == strcspn(path + 7, "?")) {
        number = strtoul(path + 7, NULL, 10); /* 0 if there are no digits, huge if there are too many */
    }
    nng_mtx_lock(store.mtx);
    item = number >= 1 && number <= store.count ? store.items[number - 1] : NULL;
    nng_mtx_unlock(store.mtx);
    respond(aio, item != NULL ? NNG_HTTP_STATUS_OK : NNG_HTTP_STATUS_NOT_FOUND, item);
}

static int add_handler(const char *method, void (*callback)(nng_aio *))
{
    nng_http_handler *handler;
    int               rv;

    if ((rv = nng_http_handler_alloc(&handler, "/items", callback)) != 0) {
        return rv;
    }
    if ((rv = nng_http_handler_set_data(handler, NULL, store_leave)) != 0) {
        nng_http_handler_free(handler);
        return rv;
    }
    store.users++; /* no handler is running yet */
    if ((rv = nng_http_handler_set_method(handler, method)) != 0 ||
        (rv = nng_http_handler_collect_body(handler, true, BODY_MAX)) != 0 ||
        (rv = strcmp(method, "GET") == 0 ? nng_http_handler_set_tree(handler) : 0) != 0 ||
        (rv = nng_http_server_add_handler(store.server, handler)) != 0) {
        nng_http_handler_free(handler);
    }
    return rv;
}

static int use_tls(nng_http_server *server, const char *certkey)
{
    nng_tls_config *config;
    int             rv = nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER);

    if (rv == 0) {
        if ((rv = nng_tls_config_cert_key_file(config, certkey, NULL)) == 0) {
            rv = nng_http_server_set_tls(server, config); /* has its own reference then */
        }
        nng_tls_config_free(config);
    }
    return rv;
}

static int print_addr(nng_http_server *server, const char *scheme)
{
    nng_sockaddr addr;
    char         text[INET6_ADDRSTRLEN];
    int          rv = nng_http_server_get_addr(server, &addr);

    if (rv == 0 && addr.s_family == NNG_AF_INET6) {
        inet_ntop(AF_INET6, addr.s_in6.sa_addr, text, sizeof(text));
        printf("listening on %s://[%s]:%u\n", scheme, text, ntohs(addr.s_in6.sa_port));
    } else if (rv == 0) {
        inet_ntop(AF_INET, &addr.s_in.sa_addr, text, sizeof(text));
        printf("listening on %s://%s:%u\n", scheme, text, ntohs(addr.s_in.sa_port));
    }
    return rv;
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

static int serve(const nng_url *url, const char *certkey, const sigset_t *before)
{
    nng_http_server *server;
    int              rv;

    if ((rv = nng_http_server_hold(&server, url)) != 0) {
        return rv;
    }
    store.server = server;
    if ((rv = certkey != NULL ? use_tls(server, certkey) : 0) == 0 &&
        (rv = nng_http_server_set_error_page(server, 400, "{\"error\": \"bad request\"}")) == 0 &&
        (rv = nng_http_server_set_error_page(server, 404, "{\"error\": \"not found\"}")) == 0 &&
        (rv = add_handler("POST", post_item)) == 0 &&
        (rv = add_handler("GET", get_item)) == 0 &&
        (rv = nng_http_server_start(server)) == 0) {
        if ((rv = print_addr(server, url->u_scheme)) == 0) {
            wait_for_end(before);
        }
        nng_http_server_stop(server);
    }
    nng_http_server_release(server);
    nng_mtx_lock(store.mtx);
    while (store.users > 0) {
        nng_cv_wait(store.unused);
    }
    nng_mtx_unlock(store.mtx);
    return rv;
}

int main(int argc, char **argv)
{
    struct sigaction action  = { .sa_handler = interrupt };
    const char      *certkey = NULL, *addr, *scheme;
    nng_url         *url     = NULL;
    sigset_t         ours, before;
    int              rv;

    if (argc > 2 && strcmp(argv[1], "--tls") == 0) {
        certkey = argv[2];
        argc -= 2;
        argv += 2;
    }
    scheme = certkey != NULL ? "https" : "http";
    addr   = certkey != NULL ? "https://127.0.0.1:8443" : "http://127.0.0.1:8080";
    addr   = argc > 1 ? argv[1] : addr;
    if (strcmp(addr, "-h") == 0 || strcmp(addr, "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 2 || nng_url_parse(&url, addr) != 0 || strcmp(url->u_scheme, scheme) != 0) {
        fprintf(stderr, "rest_server: one %s:// URL is wanted, not `%s`; --help says more\n", scheme,
            argv[argc - 1]);
        nng_url_free(url);
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

    if ((rv = nng_mtx_alloc(&store.mtx)) == 0 &&
        (rv = nng_cv_alloc(&store.unused, store.mtx)) == 0) {
        rv = serve(url, certkey, &before);
    }
    if (rv != 0) {
        fprintf(stderr, "rest_server: cannot serve %s: %s\n", addr, nng_strerror(rv));
    }
    while (store.count > 0) {
        free(store.items[--store.count]);
    }
    nng_cv_free(store.unused);
    nng_mtx_free(store.mtx);
    nng_url_free(url);
    nng_fini();
    return rv == 0 ? 0 : 1;
}
