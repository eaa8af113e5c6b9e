// HTTP servers and their handlers, asked over plain sockets.

#include "keys.h"
#include "streams.h"

#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

struct site {
    nng_http_server *server;
    uint16_t port;
};

static int hold(const char *text, nng_http_server **server)
{
    nng_url *url;
    int rv;

    CHECK_EQ(nng_url_parse(&url, text), 0);
    *server = NULL;
    rv = nng_http_server_hold(server, url);
    nng_url_free(url);
    CHECK_EQ(*server != NULL, rv == 0);
    return rv;
}

static nng_http_server *held(const char *text)
{
    nng_http_server *server;

    CHECK_EQ(hold(text, &server), 0);
    return server;
}

static uint16_t port_of(nng_http_server *server)
{
    nng_sockaddr address;

    CHECK_EQ(nng_http_server_get_addr(server, &address), 0);
    CHECK_EQ(address.s_family, NNG_AF_INET);
    CHECK_EQ(address.s_in.sa_addr, htonl(INADDR_LOOPBACK));
    CHECK(address.s_in.sa_port != 0);
    return ntohs(address.s_in.sa_port);
}

static void site_open(struct site *site)
{
    site->server = held("http://127.0.0.1:0");
    CHECK_EQ(nng_http_server_start(site->server), 0);
    site->port = port_of(site->server);
}

static void site_close(struct site *site)
{
    nng_http_server_release(site->server);
}

static nng_http_handler *made(const char *path, void (*callback)(nng_aio *))
{
    nng_http_handler *handler = NULL;

    CHECK_EQ(nng_http_handler_alloc(&handler, path, callback), 0);
    CHECK(handler != NULL);
    return handler;
}

static void add(struct site *site, nng_http_handler *handler)
{
    CHECK_EQ(nng_http_server_add_handler(site->server, handler), 0);
}

static void respond(nng_aio *aio, uint16_t status, const char *text)
{
    nng_http_res *res;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK_EQ(nng_http_res_set_status(res, status), 0);
    CHECK_EQ(nng_http_res_copy_data(res, text, strlen(text)), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, 0);
}

// Answers with the text that is the handler's data.
static void says(nng_aio *aio)
{
    respond(aio, 200, nng_http_handler_get_data(nng_aio_get_input(aio, 1)));
}

static nng_http_handler *saying(const char *path, const char *text)
{
    nng_http_handler *handler = made(path, says);

    CHECK_EQ(nng_http_handler_set_data(handler, (void *) text, NULL), 0);
    return handler;
}

// The other side

static int try_connect(uint16_t port)
{
    struct sockaddr_in address;
    struct timeval limit = { ENOUGH / 1000, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    if (connect(fd, (struct sockaddr *) &address, sizeof address) != 0) {
        CHECK_EQ(errno, ECONNREFUSED);
        close(fd);
        return -1;
    }
    return fd;
}

static int connected(struct site *site)
{
    int fd = try_connect(site->port);

    CHECK(fd >= 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t length = strlen(text);

    CHECK_EQ(send(fd, text, length, MSG_NOSIGNAL), length);
}

struct answer {
    int status;
    char head[8192], body[65536];
    size_t head_size, size;
};

// Returns the value of a header, or null.
static const char *header(const struct answer *answer, const char *name)
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
static void hear(int fd, struct answer *answer, bool has_body)
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

static void check_ended(int fd)
{
    char byte;

    CHECK_EQ(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void ask(int fd, const char *request, struct answer *answer)
{
    say(fd, request);
    hear(fd, answer, strncmp(request, "HEAD ", 5) != 0);
}

// Asks on a connection of its own.
static void fetch(struct site *site, const char *line, struct answer *answer)
{
    char request[1000];
    int fd = connected(site);

    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", line);
    ask(fd, request, answer);
    close(fd);
}

static void check_fetch(struct site *site, const char *line, int status, const char *body)
{
    struct answer answer;

    fetch(site, line, &answer);
    CHECK_EQ(answer.status, status);
    if (body != NULL) {
        CHECK_STR(answer.body, body);
    }
}

static const char HELLO[] = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

// Servers

static void one_address_is_one_server(void)
{
    nng_http_server *first = held("http://127.0.0.1:7123"), *other;
    static const char *const same[] = { "http://127.0.0.1:7123", "http://127.0.0.1:7123/path",
        "http://127.0.0.1:7123/?x#y", "ws://127.0.0.1:7123/socket" };
    static const char *const others[] = { "http://127.0.0.1:7124", "http://localhost:7123",
        "https://127.0.0.1:7123", "http://127.0.0.2:7123" };

    for (size_t i = 0; i < CHECK_COUNT(same); i++) {
        other = held(same[i]);
        CHECK(other == first);
        nng_http_server_release(other);
    }
    for (size_t i = 0; i < CHECK_COUNT(others); i++) {
        other = held(others[i]);
        CHECK(other != first);
        nng_http_server_release(other);
    }
    nng_http_server_release(first);
}

static void each_hold_counts(void)
{
    nng_http_server *first = held("http://127.0.0.1:0"), *second = held("http://127.0.0.1:0");
    struct site site;

    CHECK(first == second);
    nng_http_server_release(first);
    CHECK_EQ(nng_http_server_start(second), 0);
    site.server = second;
    site.port = port_of(second);
    check_fetch(&site, "GET /", 404, NULL);
    nng_http_server_release(second);
    CHECK_EQ(try_connect(site.port), -1);
}

static void a_started_server_is_known_by_its_port(void)
{
    struct site site;
    nng_http_server *other;
    char url[50];

    site_open(&site);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", site.port);
    other = held(url);
    CHECK(other == site.server);
    nng_http_server_release(other);
    other = held("http://127.0.0.1:0");
    CHECK(other != site.server);
    nng_http_server_release(other);
    site_close(&site);
}

static void only_some_urls_have_servers(void)
{
    static const char *const table[] = { "tcp://127.0.0.1:7123", "ipc:///tmp/x", "inproc://x",
        "tls+tcp://127.0.0.1:7123" };
    nng_http_server *first = held("http://127.0.0.1:7123"), *other;

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        CHECK_EQ(hold(table[i], &other), NNG_EADDRINVAL);
    }
    nng_http_server_release(first);
}

static void the_address_is_known_from_the_start_on(void)
{
    struct site site;
    nng_sockaddr address;

    site.server = held("http://127.0.0.1:0");
    memset(&address, 0xff, sizeof address);
    CHECK_EQ(nng_http_server_get_addr(site.server, &address), 0);
    CHECK_EQ(address.s_family, NNG_AF_UNSPEC);
    CHECK_EQ(nng_http_server_start(site.server), 0);
    site.port = port_of(site.server);
    check_fetch(&site, "GET /", 404, NULL);
    nng_http_server_stop(site.server);
    CHECK_EQ(port_of(site.server), site.port);
    CHECK_EQ(nng_http_server_get_addr(site.server, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_server_get_addr(NULL, &address), NNG_EINVAL);
    site_close(&site);
}

static void starts_and_stops_are_counted(void)
{
    struct site site;
    char url[50];
    nng_http_server *other;

    site_open(&site);
    CHECK_EQ(nng_http_server_start(site.server), 0);
    CHECK_EQ(nng_http_server_start(site.server), 0);
    nng_http_server_stop(site.server);
    nng_http_server_stop(site.server);
    check_fetch(&site, "GET /", 404, NULL);
    nng_http_server_stop(site.server);
    CHECK_EQ(try_connect(site.port), -1);
    CHECK_EQ(nng_http_server_start(site.server), NNG_ESTATE);
    nng_http_server_stop(site.server);
    CHECK_EQ(nng_http_server_start(site.server), NNG_ESTATE);
    // It is not found again.
    snprintf(url, sizeof url, "http://127.0.0.1:%d", site.port);
    other = held(url);
    CHECK(other != site.server);
    CHECK_EQ(nng_http_server_start(other), 0);
    nng_http_server_release(other);
    site_close(&site);
}

static void a_stop_without_a_start_is_nothing(void)
{
    struct site site;

    site.server = held("http://127.0.0.1:0");
    nng_http_server_stop(site.server);
    CHECK_EQ(nng_http_server_start(site.server), 0);
    site.port = port_of(site.server);
    check_fetch(&site, "GET /", 404, NULL);
    site_close(&site);
}

static void a_failed_start_may_be_tried_again(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct site site;
    char url[50];

    CHECK(fd >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
    CHECK_EQ(listen(fd, 1), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *) &address, &length), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    site.server = held(url);
    CHECK_EQ(nng_http_server_start(site.server), NNG_EADDRINUSE);
    CHECK_EQ(nng_http_server_start(site.server), NNG_EADDRINUSE);
    close(fd);
    CHECK_EQ(nng_http_server_start(site.server), 0);
    site.port = port_of(site.server);
    check_fetch(&site, "GET /", 404, NULL);
    site_close(&site);
}

static void two_names_are_two_servers_on_one_port(void)
{
    struct site site;
    nng_http_server *other;
    char url[50];

    site_open(&site);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", site.port);
    other = held(url);
    CHECK(other != site.server);
    CHECK_EQ(nng_http_server_start(other), NNG_EADDRINUSE);
    nng_http_server_release(other);
    check_fetch(&site, "GET /", 404, NULL);
    site_close(&site);
}

static void a_stop_closes_all_connections(void)
{
    struct site site;
    struct answer answer;
    int idle, asked;

    site_open(&site);
    add(&site, saying("/hello", "hello"));
    idle = connected(&site);
    asked = connected(&site);
    ask(idle, HELLO, &answer);
    ask(asked, HELLO, &answer);
    say(asked, "GET /hel");
    nng_http_server_stop(site.server);
    check_ended(idle);
    {
        char byte;

        // What was not read may turn the end into a reset.
        CHECK(recv(asked, &byte, 1, 0) <= 0);
        close(asked);
    }
    site_close(&site);
}

// Handlers of a server

static struct gate destroyed = GATE_INIT;
static void *last_destroyed;

static void destroys(void *data)
{
    last_destroyed = data;
    gate_pass(&destroyed);
}

static nng_http_handler *counted(const char *path, void (*callback)(nng_aio *), void *data)
{
    nng_http_handler *handler = made(path, callback);

    CHECK_EQ(nng_http_handler_set_data(handler, data, destroys), 0);
    return handler;
}

static void data_is_destroyed_with_the_handler(void)
{
    nng_http_handler *handler = made("/", says);
    int data;

    gate_init(&destroyed);
    CHECK(nng_http_handler_get_data(handler) == NULL);
    nng_http_handler_free(handler);
    handler = counted("/", says, &data);
    CHECK(nng_http_handler_get_data(handler) == &data);
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 1);
    CHECK(last_destroyed == &data);
    // Of nothing as well.
    nng_http_handler_free(counted("/", says, NULL));
    CHECK_EQ(gate_count(&destroyed), 2);
    CHECK(last_destroyed == NULL);
    handler = saying("/", "text");
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 2);
}

static void data_that_is_replaced_is_not_destroyed(void)
{
    nng_http_handler *handler;
    int first, second;

    gate_init(&destroyed);
    handler = counted("/", says, &first);
    CHECK_EQ(nng_http_handler_set_data(handler, &second, destroys), 0);
    CHECK_EQ(gate_count(&destroyed), 0);
    CHECK(nng_http_handler_get_data(handler) == &second);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 1);
    CHECK(last_destroyed == &second);
}

static void a_server_destroys_what_it_has(void)
{
    struct site site;
    nng_http_handler *handler;
    int data;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/hello", says, "hello");
    add(&site, handler);
    add(&site, counted("/other", says, &data));
    check_fetch(&site, "GET /hello", 200, "hello");
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_server_stop(site.server);
    CHECK_EQ(gate_count(&destroyed), 0);
    site_close(&site);
    gate_await(&destroyed, 2);
    CHECK_EQ(gate_count(&destroyed), 2);
}

static void a_handler_can_be_taken_out_again(void)
{
    struct site site;
    nng_http_handler *handler;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/hello", says, "hello");
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), NNG_ENOENT);
    check_fetch(&site, "GET /hello", 404, NULL);
    add(&site, handler);
    check_fetch(&site, "GET /hello", 200, "hello");
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    check_fetch(&site, "GET /hello", 404, NULL);
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), NNG_ENOENT);
    add(&site, handler);
    check_fetch(&site, "GET /hello", 200, "hello");
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_handler_free(handler);
    gate_await(&destroyed, 1);
    site_close(&site);
    CHECK_EQ(gate_count(&destroyed), 1);
}

static void what_a_server_has_is_frozen(void)
{
    struct site site;
    nng_http_handler *handler;
    int data;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/hello", says, "hello");
    CHECK_EQ(nng_http_handler_set_method(handler, "GET"), 0);
    CHECK_EQ(nng_http_handler_set_host(handler, "127.0.0.1"), 0);
    CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    add(&site, handler);
    for (int i = 0; i < 2; i++) {
        int expected = i == 0 ? NNG_EBUSY : 0;

        CHECK_EQ(nng_http_handler_set_method(handler, NULL), expected);
        CHECK_EQ(nng_http_handler_set_host(handler, NULL), expected);
        CHECK_EQ(nng_http_handler_set_tree(handler), expected);
        CHECK_EQ(nng_http_handler_set_tree_exclusive(handler), expected);
        CHECK_EQ(nng_http_handler_collect_body(handler, true, 10), 0);
        if (i == 0) {
            CHECK_EQ(nng_http_handler_set_data(handler, &data, destroys), NNG_EBUSY);
            CHECK_EQ(gate_count(&destroyed), 0);
            CHECK_STR(nng_http_handler_get_data(handler), "hello");
            check_fetch(&site, "GET /hello/world", 200, "hello");
            CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
        }
    }
    nng_http_handler_free(handler);
    site_close(&site);
}

static void some_handlers_are_refused(void)
{
    struct site site, other;
    nng_http_handler *handler;

    gate_init(&destroyed);
    site_open(&site);
    site_open(&other);
    CHECK(site.server != other.server);
    handler = made("/hello", NULL);
    CHECK_EQ(nng_http_server_add_handler(site.server, handler), NNG_EINVAL);
    nng_http_handler_free(handler);
    handler = counted("hello", says, "hello");
    CHECK_EQ(nng_http_server_add_handler(site.server, handler), NNG_EINVAL);
    CHECK_EQ(gate_count(&destroyed), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 1);
    handler = counted("/hello", says, "hello");
    add(&site, handler);
    CHECK_EQ(nng_http_server_add_handler(site.server, handler), NNG_EADDRINUSE);
    CHECK_EQ(nng_http_server_add_handler(other.server, handler), NNG_EBUSY);
    CHECK_EQ(nng_http_server_del_handler(other.server, handler), NNG_ENOENT);
    check_fetch(&site, "GET /hello", 200, "hello");
    check_fetch(&other, "GET /hello", 404, NULL);
    site_close(&site);
    site_close(&other);
    gate_await(&destroyed, 2);
}

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

// Functions

static void describes(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_handler *handler = nng_aio_get_input(aio, 1);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_res *res;
    char text[1000];
    void *data;
    size_t size;

    CHECK(req != NULL && handler != NULL && conn != NULL);
    CHECK(nng_aio_get_input(aio, 3) == NULL);
    nng_http_req_get_data(req, &data, &size);
    snprintf(text, sizeof text, "%s %s %s %s %.*s", nng_http_req_get_method(req),
        nng_http_req_get_uri(req), nng_http_req_get_version(req),
        nng_http_req_get_header(req, "x-what"), (int) size, size ? (char *) data : "");
    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK_EQ(nng_http_res_set_status(res, 201), 0);
    CHECK_EQ(nng_http_res_set_reason(res, "Described"), 0);
    CHECK_EQ(nng_http_res_set_header(res, "X-Data", nng_http_handler_get_data(handler)), 0);
    CHECK_EQ(nng_http_res_copy_data(res, text, strlen(text)), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    // A request that is the server's is not freed.
    nng_http_req_free(req);
    nng_aio_finish(aio, 0);
}

static void a_handler_sees_the_request(void)
{
    struct site site;
    nng_http_handler *handler = made("/what", describes);
    struct answer answer;
    int fd;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_method(handler, NULL), 0);
    CHECK_EQ(nng_http_handler_set_data(handler, "data", NULL), 0);
    add(&site, handler);
    fd = connected(&site);
    for (int i = 0; i < 3; i++) {
        ask(fd, "PUT /wh%61t?x=%20 HTTP/1.1\r\nHost: h\r\nX-What: one\r\nX-WHAT: two\r\n"
                "Content-Length: 4\r\n\r\nbody", &answer);
        CHECK_EQ(answer.status, 201);
        CHECK_MEM(answer.head, "HTTP/1.1 201 Described\r\n", 24);
        CHECK_STR(answer.body, "PUT /wh%61t?x=%20 HTTP/1.1 one, two body");
        CHECK_STR(header(&answer, "X-Data"), "data");
        CHECK_STR(header(&answer, "Connection"), NULL);
    }
    // A chunked body comes as a whole.
    ask(fd, "POST /what HTTP/1.1\r\nHost: h\r\nX-What: y\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", &answer);
    CHECK_STR(answer.body, "POST /what HTTP/1.1 y abcdefg");
    close(fd);
    site_close(&site);
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

static void later_init(struct later *later, void (*callback)(void *))
{
    memset(later, 0, sizeof *later);
    gate_init(&later->begun);
    gate_init(&later->done);
    CHECK_EQ(nng_aio_alloc(&later->aio, callback, later), 0);
    nng_aio_set_timeout(later->aio, ENOUGH);
}

static void sleeps(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    later->pending = aio;
    nng_sleep_aio(1, later->aio);
}

static void slept(void *arg)
{
    struct later *later = arg;

    respond(later->pending, 200, "later");
}

static void an_answer_may_come_later(void)
{
    struct site site;
    struct later later;
    nng_http_handler *handler = made("/later", sleeps);
    struct answer answer;
    int fd;

    site_open(&site);
    later_init(&later, slept);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    add(&site, handler);
    fd = connected(&site);
    for (int i = 0; i < 10; i++) {
        ask(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "later");
    }
    close(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void writes_itself(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    const char *connection = nng_http_req_get_header(nng_aio_get_input(aio, 0), "X-Connection");

    later->pending = aio;
    later->conn = nng_aio_get_input(aio, 2);
    CHECK_EQ(nng_http_res_alloc(&later->res), 0);
    CHECK_EQ(nng_http_res_set_data(later->res, "written", 7), 0);
    if (connection != NULL) {
        CHECK_EQ(nng_http_res_set_header(later->res, "Connection", connection), 0);
    }
    nng_http_conn_write_res(later->conn, later->res, later->aio);
}

static void written(void *arg)
{
    struct later *later = arg;

    later->result = nng_aio_result(later->aio);
    later->count = nng_aio_count(later->aio);
    nng_http_res_free(later->res);
    nng_aio_finish(later->pending, 0);
    gate_pass(&later->done);
}

static void a_handler_may_write_its_answer(void)
{
    struct site site;
    struct later later;
    nng_http_handler *handler = made("/own", writes_itself);
    struct answer answer;
    int fd;

    site_open(&site);
    later_init(&later, written);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    add(&site, handler);
    add(&site, saying("/hello", "hello"));
    fd = connected(&site);
    for (int i = 1; i <= 5; i++) {
        ask(fd, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "written");
        CHECK_STR(header(&answer, "Date"), NULL);
        gate_await(&later.done, i);
        CHECK_EQ(later.result, 0);
        CHECK_EQ(later.count, answer.head_size + answer.size);
        ask(fd, HELLO, &answer);
        CHECK_STR(answer.body, "hello");
    }
    // An answer that says so closes.
    ask(fd, "GET /own HTTP/1.1\r\nHost: h\r\nX-Connection: Close\r\n\r\n", &answer);
    CHECK_STR(answer.body, "written");
    CHECK_STR(header(&answer, "Connection"), "Close");
    gate_await(&later.done, 6);
    CHECK_EQ(later.result, 0);
    check_ended(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void fails(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_ENOENT);
}

static void fails_with_a_response(nng_aio *aio)
{
    nng_http_res *res;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK_EQ(nng_http_res_copy_data(res, "unseen", 6), 0);
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, NNG_ENOENT);
}

static void a_handler_that_fails_is_an_error_of_the_server(void)
{
    static const char *const paths[] = { "/fails", "/more" };
    struct site site;

    site_open(&site);
    add(&site, made(paths[0], fails));
    add(&site, made(paths[1], fails_with_a_response));
    for (size_t i = 0; i < CHECK_COUNT(paths); i++) {
        struct answer answer;
        char request[100];
        int fd = connected(&site);

        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[i]);
        ask(fd, request, &answer);
        CHECK_EQ(answer.status, 500);
        CHECK_STR(header(&answer, "Connection"), "close");
        CHECK(strstr(answer.body, "unseen") == NULL);
        check_ended(fd);
    }
    site_close(&site);
}

static struct {
    nng_http_conn *conn;
    nng_http_req *req;
    nng_aio *aio;
    struct gate taken;
} hijacked;

static void hijacks(nng_aio *aio)
{
    hijacked.req = nng_aio_get_input(aio, 0);
    hijacked.conn = nng_aio_get_input(aio, 2);
    CHECK_EQ(nng_http_hijack(hijacked.conn), 0);
    CHECK_EQ(nng_http_hijack(hijacked.conn), 0);
    nng_aio_finish(aio, 0);
    gate_pass(&hijacked.taken);
}

static void check_reads(nng_http_conn *conn, const char *text)
{
    nng_aio *aio = aio_new();
    char data[100];

    set_memory(aio, data, strlen(text));
    nng_http_conn_read_all(conn, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    CHECK_EQ(nng_aio_count(aio), strlen(text));
    CHECK_MEM(data, text, strlen(text));
    nng_aio_free(aio);
}

static void a_connection_can_be_taken_over(void)
{
    struct site site;
    nng_http_res *res;
    nng_aio *aio = aio_new();
    struct answer answer;
    char data[10];
    int fd;

    gate_init(&hijacked.taken);
    gate_init(&destroyed);
    site_open(&site);
    add(&site, counted("/take", hijacks, NULL));
    fd = connected(&site);
    // What comes behind the head is there for the new owner.
    say(fd, "GET /take?me HTTP/1.1\r\nHost: h\r\nX-Mark: mine\r\n\r\nbehind");
    gate_await(&hijacked.taken, 1);
    // The server may go.
    site_close(&site);
    gate_await(&destroyed, 1);
    CHECK_STR(nng_http_req_get_uri(hijacked.req), "/take?me");
    CHECK_STR(nng_http_req_get_header(hijacked.req, "X-Mark"), "mine");
    CHECK_EQ(nng_http_hijack(hijacked.conn), 0);
    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK_EQ(nng_http_res_set_status(res, 101), 0);
    nng_http_conn_write_res(hijacked.conn, res, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    nng_http_res_free(res);
    hear(fd, &answer, false);
    CHECK_EQ(answer.status, 101);
    check_reads(hijacked.conn, "behind");
    say(fd, "more");
    check_reads(hijacked.conn, "more");
    set_memory(aio, "back", 4);
    nng_http_conn_write_all(hijacked.conn, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    CHECK_EQ(recv(fd, data, 4, MSG_WAITALL), 4);
    CHECK_MEM(data, "back", 4);
    nng_http_conn_close(hijacked.conn);
    nng_http_req_free(hijacked.req);
    check_ended(fd);
    nng_aio_free(aio);
}

static void hijacks_and_closes(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);

    CHECK_EQ(nng_http_hijack(conn), 0);
    nng_http_conn_close(conn);
    CHECK_STR(nng_http_req_get_uri(req), "/take");
    nng_http_req_free(req);
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static void what_was_taken_over_can_be_closed_at_once(void)
{
    struct site site;

    site_open(&site);
    add(&site, made("/take", hijacks_and_closes));
    for (int i = 0; i < 20; i++) {
        int fd = connected(&site);

        say(fd, "GET /take HTTP/1.1\r\nHost: h\r\n\r\n");
        check_ended(fd);
    }
    site_close(&site);
}

static void closes(nng_aio *aio)
{
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    respond(aio, 200, "unseen");
}

// A connection that is the server's is not freed, the server does that.
static void a_handler_may_close_the_connection(void)
{
    struct site site;

    site_open(&site);
    add(&site, made("/close", closes));
    for (int i = 0; i < 20; i++) {
        int fd = connected(&site);

        say(fd, "GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
        check_ended(fd);
    }
    check_fetch(&site, "GET /", 404, NULL);
    site_close(&site);
}

static char read_data[10];

static void reads_body(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    void *data;
    size_t size;

    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    CHECK_EQ(size, 0);
    later->pending = aio;
    set_memory(later->aio, read_data, 10);
    nng_http_conn_read_all(nng_aio_get_input(aio, 2), later->aio);
}

static void has_read_body(void *arg)
{
    struct later *later = arg;

    CHECK_EQ(nng_aio_result(later->aio), 0);
    CHECK_EQ(nng_aio_count(later->aio), 10);
    respond(later->pending, 200, "read");
    gate_pass(&later->done);
}

static void a_handler_may_read_the_body(void)
{
    struct site site;
    struct later later;
    struct answer answer;
    nng_http_handler *handler = made("/read", reads_body);
    int fd;

    site_open(&site);
    later_init(&later, has_read_body);
    CHECK_EQ(nng_http_handler_set_data(handler, &later, NULL), 0);
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    CHECK_EQ(nng_http_handler_collect_body(handler, false, 0), 0);
    add(&site, handler);
    fd = connected(&site);
    for (int i = 0; i < 3; i++) {
        say(fd, "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234");
        say(fd, "56789");
        hear(fd, &answer, true);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "read");
        CHECK_MEM(read_data, "0123456789", 10);
    }
    close(fd);
    site_close(&site);
    nng_aio_free(later.aio);
}

static void bodies_have_a_limit(void)
{
    static const char post[] = "POST /limit HTTP/1.1\r\nHost: h\r\nX-What: w\r\n";
    struct site site;
    struct answer answer;
    nng_http_handler *handler = made("/limit", describes);
    char request[1000];
    int fd;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_data(handler, "data", NULL), 0);
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    CHECK_EQ(nng_http_handler_collect_body(handler, true, 5), 0);
    add(&site, handler);
    fd = connected(&site);
    snprintf(request, sizeof request, "%sContent-Length: 5\r\n\r\n12345", post);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 201);
    snprintf(request, sizeof request, "%sContent-Length: 6\r\n\r\n123456", post);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 400);
    CHECK_STR(header(&answer, "Connection"), "close");
    check_ended(fd);
    // It may change at any time.
    CHECK_EQ(nng_http_handler_collect_body(handler, true, 6), 0);
    fd = connected(&site);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 201);
    CHECK_EQ(nng_http_handler_collect_body(handler, true, 0), 0);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 400);
    check_ended(fd);
    CHECK_EQ(nng_http_handler_collect_body(handler, true, (size_t) -1), 0);
    fd = connected(&site);
    ask(fd, request, &answer);
    CHECK_EQ(answer.status, 201);
    close(fd);
    site_close(&site);
}

// Who is asked

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
    }
    site_close(&site);
}

static void says_close(nng_aio *aio)
{
    const char *what = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    nng_http_res *res;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
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
    }
    site_close(&site);
}

static void a_body_is_waited_for_and_asked_for(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = made("/what", describes);
    int fd;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_data(handler, "data", NULL), 0);
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    add(&site, handler);
    fd = connected(&site);
    say(fd, "POST /what HTTP/1.1\r\nHost: h\r\nX-What: w\r\nContent-Length: 4\r\n"
            "Expect: 100-continue\r\n\r\n");
    hear(fd, &answer, false);
    CHECK_EQ(answer.status, 100);
    say(fd, "bo");
    say(fd, "dy");
    hear(fd, &answer, true);
    CHECK_EQ(answer.status, 201);
    CHECK_STR(answer.body, "POST /what HTTP/1.1 w body");
    close(fd);
    site_close(&site);
}

// Those that are built in

static void data_is_served(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL;
    char data[] = "<p>text";

    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/static", data, 7, "text/html"), 0);
    memset(data, 0, sizeof data);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/plain", "\0\1", 2, NULL), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/empty", NULL, 0, "text/plain"), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, NULL, "root", 4, "text/plain"), 0);
    add(&site, handler);
    fetch(&site, "GET /static", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "<p>text");
    CHECK_STR(header(&answer, "Content-Type"), "text/html");
    CHECK_STR(header(&answer, "Content-Length"), "7");
    fetch(&site, "GET /plain", &answer);
    CHECK_STR(header(&answer, "Content-Type"), "application/octet-stream");
    CHECK_EQ(answer.size, 2);
    CHECK_MEM(answer.body, "\0\1", 2);
    fetch(&site, "GET /empty", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(header(&answer, "Content-Length"), "0");
    check_fetch(&site, "GET /", 200, "root");
    check_fetch(&site, "HEAD /static", 200, "");
    check_fetch(&site, "POST /static", 405, NULL);
    site_close(&site);
}

static const char *file(const char *name, const char *text)
{
    static __thread char path[200];
    FILE *out;

    snprintf(path, sizeof path, "%s", path_in_directory(name));
    out = fopen(path, "w");
    CHECK(out != NULL);
    CHECK(fputs(text, out) >= 0);
    CHECK_EQ(fclose(out), 0);
    return path;
}

static void no_file(const char *name)
{
    CHECK_EQ(remove(path_in_directory(name)), 0);
}

static void files_are_served(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL;

    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_file(&handler, "/file", path_in_directory("f.css")), 0);
    add(&site, handler);
    // It is read when it is asked for.
    check_fetch(&site, "GET /file", 404, NULL);
    file("f.css", "p {}");
    fetch(&site, "GET /file", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "p {}");
    CHECK_STR(header(&answer, "Content-Type"), "text/css");
    file("f.css", "");
    fetch(&site, "GET /file", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(header(&answer, "Content-Length"), "0");
    no_file("f.css");
    check_fetch(&site, "GET /file", 404, NULL);
    CHECK_EQ(nng_http_handler_alloc_file(&handler, "/dir", directory()), 0);
    add(&site, handler);
    check_fetch(&site, "GET /dir", 404, NULL);
    site_close(&site);
}

static void directories_are_served(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL, *other;

    CHECK_EQ(mkdir(path_in_directory("root"), 0700), 0);
    CHECK_EQ(mkdir(path_in_directory("root/sub"), 0700), 0);
    CHECK_EQ(mkdir(path_in_directory("root/none"), 0700), 0);
    file("outside.txt", "outside");
    file("root/a b.txt", "spaced");
    file("root/data.json", "{}");
    file("root/sub/index.html", "index");
    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_directory(&handler, "/dir", path_in_directory("root")), 0);
    add(&site, handler);
    // It has all below for itself.
    other = saying("/dir/more", "more");
    CHECK_EQ(nng_http_server_add_handler(site.server, other), NNG_EADDRINUSE);
    nng_http_handler_free(other);
    fetch(&site, "GET /dir/data.json", &answer);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "{}");
    CHECK_STR(header(&answer, "Content-Type"), "application/json");
    check_fetch(&site, "GET /dir/data.json?x=y", 200, "{}");
    check_fetch(&site, "GET /dir/a%20b.txt", 200, "spaced");
    check_fetch(&site, "GET /dir/sub/", 200, "index");
    check_fetch(&site, "GET /dir/sub/index.html", 200, "index");
    fetch(&site, "GET /dir/sub", &answer);
    CHECK_EQ(answer.status, 301);
    CHECK(header(&answer, "Location") != NULL);
    CHECK(strstr(header(&answer, "Location"), "/dir/sub/") != NULL);
    check_fetch(&site, "GET /dir/none/", 404, NULL);
    check_fetch(&site, "GET /dir/missing", 404, NULL);
    check_fetch(&site, "GET /dir/data.json/x", 404, NULL);
    check_fetch(&site, "GET /dir/../outside.txt", 404, NULL);
    check_fetch(&site, "GET /dir/%2e%2e/outside.txt", 404, NULL);
    check_fetch(&site, "GET /dir/..%2foutside.txt", 404, NULL);
    check_fetch(&site, "POST /dir/data.json", 405, NULL);
    site_close(&site);
    no_file("root/sub/index.html");
    no_file("root/data.json");
    no_file("root/a b.txt");
    no_file("outside.txt");
    no_file("root/none");
    no_file("root/sub");
    no_file("root");
}

static void clients_are_sent_elsewhere(void)
{
    static const struct {
        const char *line;
        int status;
        const char *location;
    } table[] = {
        { "GET /old", 301, "http://new.example/there" },
        { "POST /old", 301, "http://new.example/there" },
        { "GET /tree/x?y", 307, "http://new.example/x?y" },
        { "GET /tree/.evil.com", 307, "http://new.example/.evil.com" },
    };
    struct site site;
    struct answer answer;
    nng_http_handler *handler = NULL;

    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_redirect(&handler, "/old", 0, "http://new.example/there"), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_handler_alloc_redirect(&handler, "/tree", 307, "http://new.example"), 0);
    CHECK_EQ(nng_http_handler_set_tree(handler), 0);
    add(&site, handler);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        char request[200];
        int fd = connected(&site);

        snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: h\r\n\r\n", table[i].line);
        ask(fd, request, &answer);
        CHECK_EQ(answer.status, table[i].status);
        CHECK_STR(header(&answer, "Location"), table[i].location);
        CHECK_STR(header(&answer, "Connection"), "close");
        CHECK(strstr(answer.body, table[i].location) != NULL);
        check_ended(fd);
    }
    site_close(&site);
}

// Nobody but the library has a use for the data of these handlers, but it does no harm.
static void built_in_handlers_have_data_too(void)
{
    struct site site;
    nng_http_handler *handler = NULL;
    int data;

    gate_init(&destroyed);
    site_open(&site);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/static", "text", 4, "text/plain"), 0);
    CHECK(nng_http_handler_get_data(handler) == NULL);
    CHECK_EQ(nng_http_handler_set_data(handler, &data, destroys), 0);
    CHECK(nng_http_handler_get_data(handler) == &data);
    add(&site, handler);
    check_fetch(&site, "GET /static", 200, "text");
    site_close(&site);
    gate_await(&destroyed, 1);
    CHECK(last_destroyed == &data);
}

// Errors

static void errors_have_pages_of_ones_own(void)
{
    struct site site;
    struct answer answer;
    char page[] = "<p>not here";

    site_open(&site);
    check_fetch(&site, "GET /", 404, NULL);
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, page), 0);
    memset(page, 'x', sizeof page - 1);
    fetch(&site, "GET /", &answer);
    CHECK_EQ(answer.status, 404);
    CHECK_STR(answer.body, "<p>not here");
    CHECK_STR(header(&answer, "Content-Type"), "text/html; charset=UTF-8");
    fetch(&site, "HEAD /", &answer);
    CHECK_STR(header(&answer, "Content-Length"), "11");
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "second"), 0);
    check_fetch(&site, "GET /", 404, "second");
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, ""), 0);
    check_fetch(&site, "GET /", 404, "");
    site_close(&site);
}

// Whoever says charset=latin1 in a page of his own means it.
static void a_page_may_be_of_any_bytes(void)
{
    struct site site;

    site_open(&site);
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "\xe4\xff"), 0);
    check_fetch(&site, "GET /", 404, "\xe4\xff");
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, file("e", "\xff\xe4")), 0);
    no_file("e");
    check_fetch(&site, "GET /", 404, "\xff\xe4");
    site_close(&site);
}

static void errors_have_files(void)
{
    struct site site;
    struct answer answer;

    site_open(&site);
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, path_in_directory("e")), NNG_ENOENT);
    check_fetch(&site, "GET /", 404, NULL);
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, file("e", "from a file")), 0);
    // It was read, and is not needed any more.
    no_file("e");
    check_fetch(&site, "GET /", 404, "from a file");
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "a page"), 0);
    check_fetch(&site, "GET /", 404, "a page");
    // An empty one brings back what was there before all of them.
    CHECK_EQ(nng_http_server_set_error_file(site.server, 404, file("e", "")), 0);
    no_file("e");
    fetch(&site, "GET /", &answer);
    CHECK_EQ(answer.status, 404);
    CHECK(strstr(answer.body, "404") != NULL && strstr(answer.body, "Not Found") != NULL);
    site_close(&site);
}

static void is_an_error(nng_aio *aio)
{
    int what = *(int *) nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    nng_http_res *res;

    CHECK_EQ(nng_http_res_alloc_error(&res, 404), 0);
    if (what == 1) {
        CHECK_EQ(nng_http_res_copy_data(res, "own", 3), 0);
    }
    if (what == 2) {
        nng_http_res_reset(res);
    }
    CHECK_EQ(nng_aio_set_output(aio, 0, res), 0);
    nng_aio_finish(aio, 0);
}

static void the_errors_of_handlers_get_the_servers_pages(void)
{
    struct site site;
    nng_http_handler *handler = made("/error", is_an_error);
    int what = 0;

    site_open(&site);
    CHECK_EQ(nng_http_handler_set_data(handler, &what, NULL), 0);
    add(&site, handler);
    CHECK_EQ(nng_http_server_set_error_page(site.server, 404, "page"), 0);
    check_fetch(&site, "GET /error", 404, "page");
    what = 1;
    check_fetch(&site, "GET /error", 404, "own");
    // What was reset is no error any more.
    what = 2;
    check_fetch(&site, "GET /error", 200, "");
    site_close(&site);
}

static void a_response_can_be_given_a_page(void)
{
    nng_http_server *server = held("http://127.0.0.1:0");
    nng_http_res *res;
    void *data;
    size_t size;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK_EQ(nng_http_res_set_status(res, 503), 0);
    CHECK_EQ(nng_http_res_copy_data(res, "before", 6), 0);
    CHECK_EQ(nng_http_server_res_error(server, res), 0);
    CHECK_EQ(nng_http_res_get_status(res), 503);
    CHECK_STR(nng_http_res_get_header(res, "Content-Type"), "text/html; charset=UTF-8");
    nng_http_res_get_data(res, &data, &size);
    CHECK(size > 6);
    CHECK_EQ(atol(nng_http_res_get_header(res, "Content-Length")), size);
    CHECK_EQ(nng_http_server_set_error_page(server, 503, "page"), 0);
    CHECK_EQ(nng_http_server_res_error(server, res), 0);
    nng_http_res_get_data(res, &data, &size);
    CHECK_EQ(size, 4);
    CHECK_MEM(data, "page", 4);
    CHECK_STR(nng_http_res_get_header(res, "Content-Length"), "4");
    nng_http_res_free(res);
    nng_http_server_release(server);
}

// TLS

static void without_tls_there_is_no_configuration(void)
{
    nng_http_server *server = held("http://127.0.0.1:0");
    nng_tls_config *config = NULL;

    CHECK_EQ(nng_http_server_get_tls(server, &config), NNG_ENOTSUP);
    CHECK(config == NULL);
    CHECK_EQ(nng_http_server_get_tls(server, NULL), NNG_ENOTSUP);
    CHECK_EQ(nng_http_server_set_tls(server, NULL), NNG_ENOTSUP);
    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    CHECK_EQ(nng_http_server_set_tls(server, config), NNG_ENOTSUP);
    nng_tls_config_free(config);
    nng_http_server_release(server);
}

static void a_configuration_is_counted(void)
{
    nng_http_server *server = held("https://127.0.0.1:0");
    nng_tls_config *first = NULL, *config = NULL, *again = NULL;

    CHECK_EQ(nng_http_server_get_tls(server, &first), 0);
    CHECK(first != NULL);
    CHECK_EQ(nng_http_server_get_tls(server, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_server_set_tls(server, NULL), NNG_EINVAL);
    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    CHECK_EQ(nng_http_server_set_tls(server, config), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(nng_http_server_get_tls(server, &again), 0);
        CHECK(again == config);
        nng_tls_config_free(again);
    }
    // It is the caller's as well as the server's.
    CHECK_EQ(nng_tls_config_own_cert(config, server_cert, server_key, NULL), 0);
    nng_tls_config_free(config);
    CHECK_EQ(nng_http_server_get_tls(server, &again), 0);
    nng_http_server_release(server);
    CHECK_EQ(nng_tls_config_auth_mode(again, NNG_TLS_AUTH_MODE_NONE), 0);
    nng_tls_config_free(again);
    CHECK_EQ(nng_tls_config_auth_mode(first, NNG_TLS_AUTH_MODE_NONE), 0);
    nng_tls_config_free(first);
}

static void requests_come_over_tls(void)
{
    nng_http_server *server = held("https://127.0.0.1:0");
    nng_tls_config *config;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio = aio_new();
    nng_url *url;
    char text[100];
    void *data;
    size_t size;

    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    CHECK_EQ(nng_tls_config_own_cert(config, server_cert, server_key, NULL), 0);
    CHECK_EQ(nng_http_server_set_tls(server, config), 0);
    nng_tls_config_free(config);
    CHECK_EQ(nng_http_server_add_handler(server, saying("/hello", "hello")), 0);
    CHECK_EQ(nng_http_server_start(server), 0);
    snprintf(text, sizeof text, "https://127.0.0.1:%d/hello", port_of(server));
    CHECK_EQ(nng_url_parse(&url, text), 0);
    CHECK_EQ(nng_http_client_alloc(&client, url), 0);
    CHECK_EQ(nng_http_client_get_tls(client, &config), 0);
    CHECK_EQ(nng_tls_config_ca_chain(config, authority_cert, NULL), 0);
    nng_tls_config_free(config);
    CHECK_EQ(nng_http_req_alloc(&req, url), 0);
    CHECK_EQ(nng_http_res_alloc(&res), 0);
    for (int i = 0; i < 3; i++) {
        nng_http_client_transact(client, req, res, aio);
        CHECK_EQ(aio_end(aio, NULL), 0);
        CHECK_EQ(nng_http_res_get_status(res), 200);
        nng_http_res_get_data(res, &data, &size);
        CHECK_EQ(size, 5);
        CHECK_MEM(data, "hello", 5);
    }
    // Certificates may change while the server runs.
    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    CHECK_EQ(nng_tls_config_own_cert(config, server_cert, server_key, NULL), 0);
    CHECK_EQ(nng_http_server_set_tls(server, config), 0);
    nng_tls_config_free(config);
    nng_http_client_transact(client, req, res, aio);
    CHECK_EQ(aio_end(aio, NULL), 0);
    CHECK_EQ(nng_http_res_get_status(res), 200);
    nng_http_client_free(client);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_aio_free(aio);
    nng_http_server_release(server);
}

// The end of things, and what callbacks may do

static void begins(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    later->pending = aio;
    gate_pass(&later->begun);
}

static void is_canceled(nng_aio *aio, void *arg, int code)
{
    struct later *later = arg;

    later->result = code;
    nng_aio_finish(aio, code);
    gate_pass(&later->done);
}

static void can_be_canceled(nng_aio *aio)
{
    struct later *later = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    nng_aio_defer(aio, is_canceled, later);
    gate_pass(&later->begun);
}

static void a_stop_cancels_handlers(void)
{
    for (int i = 0; i < 2; i++) {
        struct site site;
        struct later later;
        nng_http_handler *handler;
        int fd;

        memset(&later, 0, sizeof later);
        gate_init(&later.begun);
        gate_init(&later.done);
        gate_init(&destroyed);
        site_open(&site);
        handler = counted("/wait", can_be_canceled, &later);
        add(&site, handler);
        fd = connected(&site);
        say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        gate_await(&later.begun, 1);
        if (i == 0) {
            nng_http_server_stop(site.server);
            gate_await(&later.done, 1);
        }
        site_close(&site);
        gate_await(&later.done, 1);
        CHECK_EQ(later.result, NNG_ECLOSED);
        check_ended(fd);
        gate_await(&destroyed, 1);
        CHECK_EQ(gate_count(&later.done), 1);
    }
}

static void a_handler_that_does_not_end_holds_nobody_up(void)
{
    struct site site, other;
    struct later later;
    int fd;

    memset(&later, 0, sizeof later);
    gate_init(&later.begun);
    gate_init(&destroyed);
    site_open(&site);
    add(&site, counted("/wait", begins, &later));
    fd = connected(&site);
    say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gate_await(&later.begun, 1);
    site_close(&site);
    check_ended(fd);
    CHECK_EQ(gate_count(&destroyed), 0);
    // Others come and go.
    site_open(&other);
    add(&other, counted("/hello", says, "hello"));
    check_fetch(&other, "GET /hello", 200, "hello");
    site_close(&other);
    gate_await(&destroyed, 1);
    CHECK_STR(last_destroyed, "hello");
    nng_aio_reap(aio_new());
    // Its data stays as long as it is at work.
    CHECK(nng_http_handler_get_data(nng_aio_get_input(later.pending, 1)) == &later);
    CHECK_STR(nng_http_req_get_uri(nng_aio_get_input(later.pending, 0)), "/wait");
    respond(later.pending, 200, "too late");
    gate_await(&destroyed, 2);
    CHECK(last_destroyed == &later);
}

static void a_handler_at_work_can_be_freed(void)
{
    struct site site;
    struct later later;
    struct answer answer;
    nng_http_handler *handler;
    int fd;

    memset(&later, 0, sizeof later);
    gate_init(&later.begun);
    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/wait", begins, &later);
    add(&site, handler);
    fd = connected(&site);
    say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gate_await(&later.begun, 1);
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 0);
    CHECK(nng_http_handler_get_data(nng_aio_get_input(later.pending, 1)) == &later);
    respond(later.pending, 200, "done");
    hear(fd, &answer, true);
    CHECK_STR(answer.body, "done");
    gate_await(&destroyed, 1);
    ask(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n", &answer);
    CHECK_EQ(answer.status, 404);
    close(fd);
    site_close(&site);
    CHECK_EQ(gate_count(&destroyed), 1);
}

static void a_handler_that_waits_for_a_body_can_be_freed(void)
{
    struct site site;
    struct answer answer;
    nng_http_handler *handler;
    int fd;

    gate_init(&destroyed);
    site_open(&site);
    handler = counted("/what", describes, "data");
    CHECK_EQ(nng_http_handler_set_method(handler, "POST"), 0);
    add(&site, handler);
    fd = connected(&site);
    say(fd, "POST /what HTTP/1.1\r\nHost: h\r\nX-What: w\r\nContent-Length: 4\r\n"
            "Expect: 100-continue\r\n\r\n");
    // The server has chosen the handler.
    hear(fd, &answer, false);
    CHECK_EQ(answer.status, 100);
    CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 0);
    say(fd, "body");
    hear(fd, &answer, true);
    CHECK_EQ(answer.status, 201);
    CHECK_STR(answer.body, "POST /what HTTP/1.1 w body");
    gate_await(&destroyed, 1);
    close(fd);
    site_close(&site);
}

static void frees_itself(nng_aio *aio)
{
    nng_http_handler *handler = nng_aio_get_input(aio, 1);
    struct site *site = nng_http_handler_get_data(handler);

    CHECK_EQ(nng_http_server_del_handler(site->server, handler), 0);
    nng_http_handler_free(handler);
    CHECK_EQ(gate_count(&destroyed), 0);
    respond(aio, 200, "freed");
}

static void a_handler_may_free_itself(void)
{
    struct site site;

    site_open(&site);
    for (int i = 0; i < 10; i++) {
        gate_init(&destroyed);
        add(&site, counted("/free", frees_itself, &site));
        check_fetch(&site, "GET /free", 200, "freed");
        gate_await(&destroyed, 1);
        check_fetch(&site, "GET /free", 404, NULL);
    }
    site_close(&site);
}

static void releases_the_server(nng_aio *aio)
{
    struct site *site = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    nng_http_server_release(site->server);
    respond(aio, 200, "unseen");
}

static void stops_the_server(nng_aio *aio)
{
    struct site *site = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    nng_http_server_stop(site->server);
    respond(aio, 200, "unseen");
}

static void a_handler_may_end_the_server(void)
{
    struct site site;
    int fd;

    for (int i = 0; i < 10; i++) {
        gate_init(&destroyed);
        site_open(&site);
        add(&site, counted("/end", i % 2 ? stops_the_server : releases_the_server, &site));
        fd = connected(&site);
        say(fd, "GET /end HTTP/1.1\r\nHost: h\r\n\r\n");
        check_ended(fd);
        if (i % 2) {
            site_close(&site);
        }
        gate_await(&destroyed, 1);
        CHECK_EQ(try_connect(site.port), -1);
    }
}

static void *asks(void *arg)
{
    struct site *site = arg;
    struct answer answer;
    int fd = connected(site);

    for (int i = 0; i < 50; i++) {
        ask(fd, HELLO, &answer);
        CHECK_EQ(answer.status, 200);
        CHECK_STR(answer.body, "hello");
        if (i % 10 == 0) {
            close(fd);
            fd = connected(site);
        }
    }
    close(fd);
    return NULL;
}

static void handlers_come_and_go_while_others_are_asked(void)
{
    struct site site;
    pthread_t threads[8];
    nng_http_handler *handler;

    gate_init(&destroyed);
    site_open(&site);
    add(&site, counted("/hello", says, "hello"));
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, asks, &site), 0);
    }
    for (int i = 0; i < 100; i++) {
        handler = counted("/other", says, "other");
        add(&site, handler);
        CHECK_EQ(nng_http_server_del_handler(site.server, handler), 0);
        nng_http_handler_free(handler);
    }
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    site_close(&site);
    gate_await(&destroyed, 101);
}

struct race {
    pthread_barrier_t start;
    struct gate destroyed;
    int delay;
};

// Lets a little time go by, more or less of it.
static void dawdle(int turns)
{
    for (volatile int i = 0; i < turns; i++) {
    }
}

static void is_destroyed(void *arg)
{
    struct race *race = arg;

    gate_pass(&race->destroyed);
}

static void is_here(nng_aio *aio)
{
    respond(aio, 200, "here");
}

static void *holds_and_releases(void *arg)
{
    struct race *race = arg;
    nng_http_server *server = held("http://127.0.0.1:0");
    nng_http_handler *handler = made("/", is_here);

    CHECK_EQ(nng_http_handler_set_data(handler, race, is_destroyed), 0);
    CHECK_EQ(nng_http_server_add_handler(server, handler), 0);
    pthread_barrier_wait(&race->start);
    dawdle(race->delay);
    nng_http_server_release(server);
    return NULL;
}

// Who holds a server as another lets go has either the old one with all that was in it, or a new
// one.
static void a_hold_during_a_release_has_all_or_nothing(void)
{
    nng_url *url;

    CHECK_EQ(nng_url_parse(&url, "http://127.0.0.1:0"), 0);
    for (int i = 0; i < 2000; i++) {
        struct race race;
        pthread_t thread;
        nng_http_server *server;
        nng_http_handler *handler;
        int rv;

        gate_init(&race.destroyed);
        race.delay = i % 100 * 100;
        CHECK_EQ(pthread_barrier_init(&race.start, NULL, 2), 0);
        CHECK_EQ(pthread_create(&thread, NULL, holds_and_releases, &race), 0);
        pthread_barrier_wait(&race.start);
        CHECK_EQ(nng_http_server_hold(&server, url), 0);
        pthread_join(thread, NULL);
        handler = made("/", says);
        rv = nng_http_server_add_handler(server, handler);
        if (rv == 0) {
            gate_await(&race.destroyed, 1);
        } else {
            struct site site;

            CHECK_EQ(rv, NNG_EADDRINUSE);
            CHECK_EQ(gate_count(&race.destroyed), 0);
            CHECK_EQ(nng_http_server_start(server), 0);
            site.server = server;
            site.port = port_of(server);
            check_fetch(&site, "GET /", 200, "here");
            nng_http_handler_free(handler);
        }
        nng_http_server_release(server);
        gate_await(&race.destroyed, 1);
        CHECK_EQ(pthread_barrier_destroy(&race.start), 0);
    }
    nng_url_free(url);
}

static void the_library_can_be_ended_and_used_again(void)
{
    for (int i = 0; i < 3; i++) {
        struct site site;

        gate_init(&destroyed);
        site_open(&site);
        add(&site, counted("/hello", says, "hello"));
        check_fetch(&site, "GET /hello", 200, "hello");
        site_close(&site);
        gate_await(&destroyed, 1);
        nng_fini();
    }
}

static void null_is_refused(void)
{
    nng_http_server *server = held("http://127.0.0.1:0");
    nng_http_handler *handler = made("/", says);
    nng_tls_config *config = NULL;
    nng_http_res *res;
    nng_url *url;

    CHECK_EQ(nng_url_parse(&url, "http://127.0.0.1:0"), 0);
    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK_EQ(nng_http_server_hold(NULL, url), NNG_EINVAL);
    CHECK_EQ(nng_http_server_hold(&server, NULL), NNG_EINVAL);
    nng_http_server_release(NULL);
    CHECK_EQ(nng_http_server_start(NULL), NNG_EINVAL);
    nng_http_server_stop(NULL);
    CHECK_EQ(nng_http_server_add_handler(NULL, handler), NNG_EINVAL);
    CHECK_EQ(nng_http_server_add_handler(server, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_server_del_handler(NULL, handler), NNG_EINVAL);
    CHECK_EQ(nng_http_server_del_handler(server, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_server_get_tls(NULL, &config), NNG_EINVAL);
    CHECK_EQ(nng_http_server_set_tls(NULL, config), NNG_EINVAL);
    CHECK_EQ(nng_http_server_set_error_page(NULL, 404, "x"), NNG_EINVAL);
    CHECK_EQ(nng_http_server_set_error_page(server, 404, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_server_set_error_file(NULL, 404, "/dev/null"), NNG_EINVAL);
    CHECK_EQ(nng_http_server_set_error_file(server, 404, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_server_res_error(NULL, res), NNG_EINVAL);
    CHECK_EQ(nng_http_server_res_error(server, NULL), NNG_EINVAL);
    nng_http_handler_free(NULL);
    CHECK_EQ(nng_http_handler_alloc(NULL, "/", says), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_static(NULL, "/", "x", 1, "text/plain"), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_file(NULL, "/", "/dev/null"), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_directory(NULL, "/", "/tmp"), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_redirect(NULL, "/", 0, "http://x"), NNG_EINVAL);
    nng_http_handler_free(handler);
    CHECK_EQ(nng_http_handler_alloc_static(&handler, "/", NULL, 1, "text/plain"), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_file(&handler, "/", NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_directory(&handler, "/", NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_alloc_redirect(&handler, "/", 0, NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_set_method(NULL, "GET"), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_set_host(NULL, "h"), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_set_tree(NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_set_tree_exclusive(NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_collect_body(NULL, true, 1), NNG_EINVAL);
    CHECK_EQ(nng_http_handler_set_data(NULL, &handler, NULL), NNG_EINVAL);
    CHECK(nng_http_handler_get_data(NULL) == NULL);
    CHECK_EQ(nng_http_hijack(NULL), NNG_EINVAL);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_http_server_release(server);
}

static const struct check_test tests[] = {
    TEST(one_address_is_one_server),
    TEST(each_hold_counts),
    TEST(a_started_server_is_known_by_its_port),
    TEST(only_some_urls_have_servers),
    TEST(the_address_is_known_from_the_start_on),
    TEST(starts_and_stops_are_counted),
    TEST(a_stop_without_a_start_is_nothing),
    TEST(a_failed_start_may_be_tried_again),
    TEST(two_names_are_two_servers_on_one_port),
    TEST(a_stop_closes_all_connections),
    TEST(data_is_destroyed_with_the_handler),
    TEST(data_that_is_replaced_is_not_destroyed),
    TEST(a_server_destroys_what_it_has),
    TEST(a_handler_can_be_taken_out_again),
    TEST(what_a_server_has_is_frozen),
    TEST(some_handlers_are_refused),
    TEST(a_place_is_taken_once),
    TEST(a_handler_sees_the_request),
    TEST(an_answer_may_come_later),
    TEST(a_handler_may_write_its_answer),
    TEST(a_handler_that_fails_is_an_error_of_the_server),
    TEST(a_connection_can_be_taken_over),
    TEST(what_was_taken_over_can_be_closed_at_once),
    TEST(a_handler_may_close_the_connection),
    TEST(a_handler_may_read_the_body),
    TEST(bodies_have_a_limit),
    TEST(paths_and_trees_match),
    TEST(methods_match),
    TEST(hosts_match),
    TEST(a_head_has_no_body),
    TEST(requests_are_answered_in_their_order),
    TEST(some_connections_close_after_the_answer),
    TEST(a_response_may_close_the_connection),
    TEST(what_is_malformed_is_answered),
    TEST(a_body_is_waited_for_and_asked_for),
    TEST(data_is_served),
    TEST(files_are_served),
    TEST(directories_are_served),
    TEST(clients_are_sent_elsewhere),
    TEST(built_in_handlers_have_data_too),
    TEST(errors_have_pages_of_ones_own),
    TEST(a_page_may_be_of_any_bytes),
    TEST(errors_have_files),
    TEST(the_errors_of_handlers_get_the_servers_pages),
    TEST(a_response_can_be_given_a_page),
    TEST(without_tls_there_is_no_configuration),
    TEST(a_configuration_is_counted),
    TEST(requests_come_over_tls),
    TEST(a_stop_cancels_handlers),
    TEST(a_handler_that_does_not_end_holds_nobody_up),
    TEST(a_handler_at_work_can_be_freed),
    TEST(a_handler_that_waits_for_a_body_can_be_freed),
    TEST(a_handler_may_free_itself),
    TEST(a_handler_may_end_the_server),
    TEST(handlers_come_and_go_while_others_are_asked),
    TEST(a_hold_during_a_release_has_all_or_nothing),
    TEST(null_is_refused),
    TEST(the_library_can_be_ended_and_used_again),
};

CHECK_MAIN(tests)
