// HTTP servers: their addresses, who holds them, how they start and stop, and their TLS.

#include "http_sites.h"
#include "keys.h"

#include <nng/supplemental/tls/tls.h>

// Addresses, starts and stops

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
    struct site site;
    char url[50];
    uint16_t port;
    int fd = listening(1, &port);

    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
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
    close(idle);
    {
        char byte;

        // What was not read may turn the end into a reset.
        CHECK(recv(asked, &byte, 1, 0) <= 0);
        close(asked);
    }
    site_close(&site);
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

    CHECK_EQ(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    CHECK_EQ(nng_tls_config_own_cert(config, server_cert, server_key, NULL), 0);
    CHECK_EQ(nng_http_server_set_tls(server, config), 0);
    nng_tls_config_free(config);
    CHECK_EQ(nng_http_server_add_handler(server, saying("/hello", "hello")), 0);
    CHECK_EQ(nng_http_server_start(server), 0);
    snprintf(text, sizeof text, "https://127.0.0.1:%d/hello", port_of(server));
    url = parsed(text);
    client = client_for(url);
    CHECK_EQ(nng_http_client_get_tls(client, &config), 0);
    CHECK_EQ(nng_tls_config_ca_chain(config, authority_cert, NULL), 0);
    nng_tls_config_free(config);
    req = request_for(url);
    res = response();
    for (int i = 0; i < 3; i++) {
        nng_http_client_transact(client, req, res, aio);
        CHECK_EQ(aio_end(aio, NULL), 0);
        CHECK_EQ(nng_http_res_get_status(res), 200);
        check_body(res, "hello");
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

// The end of servers whose handlers are at work

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
        close(fd);
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
    close(fd);
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

static void releases_the_server(nng_aio *aio)
{
    struct site *site = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    nng_http_server_release(site->server);
    respond(aio, 200, "unseen");
}

static struct gate stopped = GATE_INIT;

static void stops_the_server(nng_aio *aio)
{
    struct site *site = nng_http_handler_get_data(nng_aio_get_input(aio, 1));

    nng_http_server_stop(site->server);
    gate_pass(&stopped);
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
        close(fd);
        if (i % 2) {
            gate_await(&stopped, i / 2 + 1);
            site_close(&site);
        }
        gate_await(&destroyed, 1);
        CHECK_EQ(try_connect(site.port), -1);
    }
}

// A server that comes and goes

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
    nng_url *url = parsed("http://127.0.0.1:0");

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

// Null, and a new beginning

static void null_is_refused(void)
{
    nng_http_server *server = held("http://127.0.0.1:0");
    nng_http_handler *handler = made("/", says);
    nng_tls_config *config = NULL;
    nng_http_res *res = response();
    nng_url *url = parsed("http://127.0.0.1:0");

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
    TEST(without_tls_there_is_no_configuration),
    TEST(a_configuration_is_counted),
    TEST(requests_come_over_tls),
    TEST(a_stop_cancels_handlers),
    TEST(a_handler_that_does_not_end_holds_nobody_up),
    TEST(a_handler_may_end_the_server),
    TEST(a_hold_during_a_release_has_all_or_nothing),
    TEST(null_is_refused),
    TEST(the_library_can_be_ended_and_used_again),
};

CHECK_MAIN(tests)
