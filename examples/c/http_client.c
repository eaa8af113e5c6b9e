/*
 * http_client: fetches a URL and writes the body of the response to the standard output.
 *
 * Connect, write the request, read the head of the response, read the body: each step is one operation
 * of the connection, and all of them use one aio. Its callback writes a byte to a pipe, so that the
 * program can wait for the end of the operation and for Ctrl-C at once; Ctrl-C cancels the operation.
 * The body ends after Content-Length bytes (nng_http_conn_read_all) or, without that field, with the
 * connection (nng_http_conn_read). The program asks for `Connection: close` and knows no chunks.
 */
#define _POSIX_C_SOURCE 200809L

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
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>

static const char help[] =
    "Fetches a URL and writes the body of the response to the standard output.\n"
    "\n"
    "Usage: http_client [OPTIONS] URL\n"
    "\n"
    "  URL           http://HOST[:PORT][/PATH][?QUERY], or https://\n"
    "  --ca FILE     the certificates to trust, in PEM; for https\n"
    "  --timeout MS  how long each step may take, by default 30000\n"
    "  -h, --help    print this\n"
    "\n"
    "Exits with 0 if the status is 200 to 299, with 3 if it is another one, with 1 if there is no\n"
    "whole response, and with 2 if the arguments are wrong. Ctrl-C ends it.\n";

struct fetch {
    nng_url         *url;
    nng_http_client *client;
    nng_http_conn   *conn;
    nng_http_req    *req;
    nng_http_res    *res;
    nng_aio         *aio;
    int              done[2]; /* a pipe: one byte for each operation that has ended */
    sigset_t         before;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

/* The callback of the aio. */
static void ended(void *arg)
{
    struct fetch *fetch = arg;

    if (write(fetch->done[1], "", 1) != 1) {
        abort(); /* one byte fits */
    }
}

/* Waits until the operation that was just started has ended, and returns its result. */
static int result(struct fetch *fetch)
{
    char   byte;
    fd_set input;

    for (;;) {
        if (interrupted) {
            nng_aio_cancel(fetch->aio); /* it ends soon, and says so, unless it has ended already */
        }
        FD_ZERO(&input);
        FD_SET(fetch->done[0], &input);
        if (pselect(fetch->done[0] + 1, &input, NULL, NULL, NULL, &fetch->before) > 0 &&
            read(fetch->done[0], &byte, 1) == 1) {
            return nng_aio_result(fetch->aio);
        }
    }
}

static int complain(const char *step, int rv)
{
    if (rv != 0) {
        fprintf(stderr, "http_client: %s: %s\n", step, nng_strerror(rv));
    }
    return rv;
}

static bool parse_length(const char *text, uint64_t *length)
{
    errno   = 0;
    *length = strtoull(text, NULL, 10);
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0' && errno == 0;
}

static int copy_body(struct fetch *fetch)
{
    static char memory[64 * 1024];
    const char *field  = nng_http_res_get_header(fetch->res, "Content-Length");
    uint16_t    status = nng_http_res_get_status(fetch->res);
    uint64_t    left   = 0;
    nng_iov     iov    = { .iov_buf = memory };
    int         rv     = 0;

    if (status == NNG_HTTP_STATUS_NO_CONTENT || status == NNG_HTTP_STATUS_NOT_MODIFIED) {
        return 0;
    }
    if (nng_http_res_get_header(fetch->res, "Transfer-Encoding") != NULL) {
        return complain("the body has a transfer coding", NNG_ENOTSUP);
    }
    if (field != NULL && !parse_length(field, &left)) {
        return complain("the Content-Length is no number", NNG_EPROTO);
    }
    while (field == NULL || left > 0) {
        iov.iov_len = field != NULL && left < sizeof(memory) ? (size_t) left : sizeof(memory);
        nng_aio_set_iov(fetch->aio, 1, &iov);
        if (field != NULL) {
            nng_http_conn_read_all(fetch->conn, fetch->aio);
        } else {
            nng_http_conn_read(fetch->conn, fetch->aio);
        }
        if ((rv = result(fetch)) != 0) {
            rv = rv == NNG_ECONNSHUT && field == NULL ? 0 : rv;
            break;
        }
        left -= field != NULL ? nng_aio_count(fetch->aio) : 0;
        if (fwrite(memory, 1, nng_aio_count(fetch->aio), stdout) == 0) {
            break;
        }
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("http_client: cannot write the body");
        return NNG_ESYSERR;
    }
    return complain("cannot read the body", rv);
}

/* The target of the request: a path there always is, and no fragment. */
static int set_target(nng_http_req *req, const nng_url *url)
{
    const char *path  = url->u_path[0] != '\0' ? url->u_path : "/";
    const char *query = url->u_query != NULL ? url->u_query : "";
    size_t      size  = strlen(path) + strlen(query) + 2;
    char       *target = malloc(size);
    int         rv     = NNG_ENOMEM;

    if (target != NULL) {
        snprintf(target, size, "%s%s%s", path, url->u_query != NULL ? "?" : "", query);
        rv = nng_http_req_set_uri(req, target); /* copies it */
        free(target);
    }
    return rv;
}

static int trust(struct fetch *fetch, const char *ca)
{
    nng_tls_config *config;
    int             rv;

    if ((rv = nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT)) != 0) {
        return rv;
    }
    if ((rv = nng_tls_config_ca_file(config, ca)) == 0 &&
        (rv = nng_tls_config_server_name(config, fetch->url->u_hostname)) == 0) {
        rv = nng_http_client_set_tls(fetch->client, config); /* has its own reference then */
    }
    nng_tls_config_free(config);
    return rv;
}

static int exchange(struct fetch *fetch, const char *ca, nng_duration timeout)
{
    int rv;

    if ((rv = nng_aio_alloc(&fetch->aio, ended, fetch)) != 0 ||
        (rv = nng_http_client_alloc(&fetch->client, fetch->url)) != 0 ||
        (rv = nng_http_req_alloc(&fetch->req, fetch->url)) != 0 || /* with the field Host */
        (rv = nng_http_res_alloc(&fetch->res)) != 0 ||
        (rv = set_target(fetch->req, fetch->url)) != 0 ||
        (rv = nng_http_req_set_header(fetch->req, "Connection", "close")) != 0) {
        return complain("cannot prepare the request", rv);
    }
    if (ca != NULL && (rv = trust(fetch, ca)) != 0) {
        return complain(ca, rv);
    }
    nng_aio_set_timeout(fetch->aio, timeout);
    nng_http_client_connect(fetch->client, fetch->aio);
    if ((rv = complain("cannot connect", result(fetch))) != 0) {
        return rv;
    }
    fetch->conn = nng_aio_get_output(fetch->aio, 0);
    nng_http_conn_write_req(fetch->conn, fetch->req, fetch->aio);
    rv = complain("cannot write the request", result(fetch));
    while (rv == 0) {
        nng_http_conn_read_res(fetch->conn, fetch->res, fetch->aio);
        if ((rv = complain("cannot read the response", result(fetch))) != 0 ||
            nng_http_res_get_status(fetch->res) >= 200) {
            break;
        }
        nng_http_res_reset(fetch->res); /* 100 Continue and the like come before the response */
    }
    return rv == 0 ? copy_body(fetch) : rv;
}

static int run(struct fetch *fetch, const char *ca, nng_duration timeout)
{
    struct sigaction action = { .sa_handler = interrupt };
    sigset_t         ours;
    int              code = 1, status;

    if (pipe(fetch->done) != 0) {
        perror("http_client: cannot make a pipe");
        return code;
    }
    /* For `result` alone; the threads of the library inherit the mask, so it comes first. */
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_BLOCK, &ours, &fetch->before);
    if (exchange(fetch, ca, timeout) == 0) {
        status = nng_http_res_get_status(fetch->res);
        code   = status <= 299 ? 0 : 3;
        if (code != 0) {
            fprintf(stderr, "http_client: %d %s\n", status, nng_http_res_get_reason(fetch->res));
        }
    }
    if (fetch->conn != NULL) {
        nng_http_conn_close(fetch->conn); /* frees it, too */
    }
    if (fetch->client != NULL) {
        nng_http_client_free(fetch->client);
    }
    nng_http_req_free(fetch->req);
    nng_http_res_free(fetch->res);
    nng_aio_free(fetch->aio);
    nng_fini();
    close(fetch->done[0]);
    close(fetch->done[1]);
    return code;
}

static int misused(const char *argument, const char *how)
{
    fprintf(stderr, "http_client: `%s` %s; --help says more\n", argument, how);
    return 2;
}

int main(int argc, char **argv)
{
    struct fetch fetch = { .done = { -1, -1 } };
    const char  *ca = NULL, *text = NULL;
    uint64_t     timeout = 30000;
    int          at, code;

    for (at = 1; at < argc; at++) {
        if (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        }
        if (strcmp(argv[at], "--ca") == 0 && at + 1 < argc) {
            ca = argv[++at];
        } else if (strcmp(argv[at], "--timeout") == 0 && at + 1 < argc) {
            if (!parse_length(argv[++at], &timeout) || timeout == 0 || timeout > INT32_MAX) {
                return misused(argv[at], "is no number of milliseconds");
            }
        } else if (argv[at][0] == '-' || text != NULL) {
            return misused(argv[at], text != NULL ? "is one too many" : "is no option here");
        } else {
            text = argv[at];
        }
    }
    if (text == NULL) {
        return misused("URL", "is missing");
    }
    if (nng_url_parse(&fetch.url, text) != 0 ||
        (strcmp(fetch.url->u_scheme, "http") != 0 && strcmp(fetch.url->u_scheme, "https") != 0)) {
        nng_url_free(fetch.url);
        return misused(text, "is no http:// or https:// URL");
    }
    code = run(&fetch, ca, (nng_duration) timeout);
    nng_url_free(fetch.url);
    return code;
}
