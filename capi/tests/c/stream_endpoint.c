// Dialers and listeners of byte streams: which URLs they take, and how they dial and listen.

#include "streams.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

// Making

static void what_cannot_be_is_refused_when_made(void)
{
    static const struct {
        const char *url;
        int dialer, listener;
    } table[] = {
        { "", NNG_EINVAL, NNG_EINVAL },
        { "tcp", NNG_EINVAL, NNG_EINVAL },
        { "tcp://[::1", NNG_EINVAL, NNG_EINVAL },
        { "tcp://h:", NNG_EINVAL, NNG_EINVAL },
        { "inproc://x", NNG_ENOTSUP, NNG_ENOTSUP },
        { "http://127.0.0.1:80", NNG_ENOTSUP, NNG_ENOTSUP },
        { "udp://127.0.0.1:80", NNG_ENOTSUP, NNG_ENOTSUP },
        { "zt://x", NNG_ENOTSUP, NNG_ENOTSUP },
        { "://x", NNG_ENOTSUP, NNG_ENOTSUP },
        { "tcp44://127.0.0.1:80", NNG_ENOTSUP, NNG_ENOTSUP },
        { "tcp://*:0", NNG_EADDRINVAL, 0 },
        { "tcp://:0", NNG_EADDRINVAL, 0 },
        { "tcp://127.0.0.1", NNG_EADDRINVAL, 0 },
        { "tcp://", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "tcp://127.0.0.1:99999", 0, NNG_EADDRINVAL },
        { "tcp://127.0.0.1:-1", 0, NNG_EADDRINVAL },
        { "tcp://127.0.0.1:no-such-service", 0, NNG_EADDRINVAL },
        { "tcp://127.0.0.1:0/path?query#fragment", 0, 0 },
        { "tcp://user@127.0.0.1:0", 0, 0 },
        { "tcp4://127.0.0.1:0", 0, 0 },
        { "tcp6://[::1]:0", 0, 0 },
        { "ipc://", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "unix://", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "unix:///tmp/x", 0, 0 },
        { "abstract://%zz", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "abstract://%4", NNG_EADDRINVAL, NNG_EADDRINVAL },
    };

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_stream_dialer *dialer = NULL;
        nng_stream_listener *listener = NULL;
        int dialed = nng_stream_dialer_alloc(&dialer, table[i].url);
        int listened = nng_stream_listener_alloc(&listener, table[i].url);

        if (dialed != table[i].dialer || listened != table[i].listener) {
            fprintf(stderr, "%s: %d, %d\n", table[i].url, dialed, listened);
        }
        CHECK_EQ(dialed, table[i].dialer);
        CHECK_EQ(listened, table[i].listener);
        CHECK((dialer != NULL) == (dialed == 0));
        CHECK((listener != NULL) == (listened == 0));
        nng_stream_dialer_free(dialer);
        nng_stream_listener_free(listener);
    }
}

static void long_names_are_refused_when_made(void)
{
    static const struct {
        const char *scheme;
        size_t length;
        int rv;
    } table[] = { { "ipc:///", 106, 0 }, { "ipc:///", 107, NNG_EADDRINVAL },
        { "ipc:///", 200, NNG_EADDRINVAL }, { "abstract://", 107, 0 },
        { "abstract://", 108, NNG_EADDRINVAL } };

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_stream_dialer *dialer = NULL;
        nng_stream_listener *listener = NULL;
        char url[300] = "";

        strcpy(url, table[i].scheme);
        memset(url + strlen(url), 'x', table[i].length);
        CHECK_EQ(nng_stream_dialer_alloc(&dialer, url), table[i].rv);
        CHECK_EQ(nng_stream_listener_alloc(&listener, url), table[i].rv);
        nng_stream_dialer_free(dialer);
        nng_stream_listener_free(listener);
    }
}

static void urls_are_copied(void)
{
    struct link link;
    nng_url *url;
    nng_url mine;

    memset(&link, 0, sizeof link);
    CHECK_EQ(nng_url_parse(&url, "tcp://127.0.0.1:0"), 0);
    // A program may fill one in by itself.
    mine = *url;
    CHECK_EQ(nng_stream_listener_alloc_url(&link.listener, &mine), 0);
    nng_url_free(url);
    CHECK_EQ(nng_stream_listener_listen(link.listener), 0);
    {
        int port;
        char text[60];

        CHECK_EQ(nng_stream_listener_get_int(link.listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
        snprintf(text, sizeof text, "tcp://127.0.0.1:%d", port);
        CHECK_EQ(nng_url_parse(&url, text), 0);
    }
    CHECK_EQ(nng_stream_dialer_alloc_url(&link.dialer, url), 0);
    nng_url_free(url);
    link_meet(&link);
    check_carries(link.near, link.far, "a text");
    link_close(&link);

    CHECK_EQ(nng_url_parse(&url, "inproc://x"), 0);
    CHECK_EQ(nng_stream_dialer_alloc_url(&link.dialer, url), NNG_ENOTSUP);
    CHECK_EQ(nng_stream_listener_alloc_url(&link.listener, url), NNG_ENOTSUP);
    nng_url_free(url);
}

// Dialing

static void where_nobody_listens_dials_are_refused(void)
{
    nng_stream *stream;
    struct link link;
    char url[200];

    link_listen(&link, "tcp://127.0.0.1:0");
    nng_stream_listener_free(link.listener);
    CHECK_EQ(dial_url(link.url, &stream), NNG_ECONNREFUSED);

    CHECK_EQ(dial_url(ipc_url("nobody"), &stream), NNG_ECONNREFUSED);
    CHECK_EQ(dial_url(abstract_url("nobody"), &stream), NNG_ECONNREFUSED);
    snprintf(url, sizeof url, "ipc://%s", directory());
    CHECK_EQ(dial_url(url, &stream), NNG_ECONNREFUSED);
    CHECK_EQ(dial_url("ipc:///dev/null/x", &stream), NNG_ESYSERR + ENOTDIR);
}

static void addresses_of_the_other_family_are_invalid(void)
{
    nng_stream_listener *listener = NULL;
    nng_stream *stream;

    CHECK_EQ(dial_url("tcp4://[::1]:1", &stream), NNG_EADDRINVAL);
    CHECK_EQ(dial_url("tcp6://127.0.0.1:1", &stream), NNG_EADDRINVAL);
    CHECK_EQ(dial_url("tcp://127.0.0.1:99999", &stream), NNG_EADDRINVAL);
    CHECK_EQ(dial_url("tcp://127.0.0.1:no-such-service", &stream), NNG_EADDRINVAL);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tcp4://[::1]:0"), NNG_EADDRINVAL);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tcp6://127.0.0.1:0"), NNG_EADDRINVAL);
    CHECK(listener == NULL);
}

static void the_empty_abstract_name_cannot_be_dialed(void)
{
    nng_stream *stream;

    CHECK_EQ(dial_url("abstract://", &stream), NNG_EADDRINVAL);
}

static void a_dialer_dials_many_times(void)
{
    for (int kind = 0; any_url(kind) != NULL; kind++) {
        struct link link;
        nng_aio *dials[8], *accepts[8];
        nng_stream *stream;

        link_listen(&link, any_url(kind));
        CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, link.url), 0);
        for (int i = 0; i < 8; i++) {
            accepts[i] = aio_new();
            nng_stream_listener_accept(link.listener, accepts[i]);
        }
        for (int i = 0; i < 8; i++) {
            dials[i] = aio_new();
            nng_stream_dialer_dial(link.dialer, dials[i]);
        }
        for (int i = 0; i < 8; i++) {
            CHECK_EQ(aio_end(dials[i], &stream), 0);
            nng_stream_free(stream);
            CHECK_EQ(aio_end(accepts[i], &stream), 0);
            nng_stream_free(stream);
            nng_aio_free(dials[i]);
            nng_aio_free(accepts[i]);
        }
        link_close(&link);
    }
}

static void a_closed_dialer_dials_no_more(void)
{
    for (int kind = 0; any_url(kind) != NULL; kind++) {
        struct link link;
        nng_stream *stream;

        link_listen(&link, any_url(kind));
        CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, link.url), 0);
        nng_stream_dialer_close(link.dialer);
        nng_stream_dialer_close(link.dialer);
        CHECK_EQ(dial(link.dialer, &stream), NNG_ECLOSED);
        link_close(&link);
    }
}

// A listener without room, as far as the system tells.
static int crowded_listener(const char *path, int *others, int *count)
{
    struct sockaddr_un sun;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memset(&sun, 0, sizeof sun);
    sun.sun_family = AF_UNIX;
    strcpy(sun.sun_path, path);
    CHECK_EQ(bind(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    CHECK_EQ(listen(fd, 0), 0);
    for (*count = 0;; ++*count) {
        CHECK(*count < 16);
        others[*count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(others[*count], (struct sockaddr *) &sun, sizeof sun) != 0) {
            CHECK_EQ(errno, EAGAIN);
            close(others[*count]);
            return fd;
        }
    }
}

static void a_dial_that_waits_can_be_ended(void)
{
    static const int results[] = { NNG_ETIMEDOUT, NNG_ECANCELED, 1234, NNG_ECANCELED, NNG_ECLOSED,
        NNG_ECLOSED };
    int others[16], count;
    int fd = crowded_listener(path_in_directory("crowd"), others, &count);

    for (int i = 0; i < 6; i++) {
        nng_stream_dialer *dialer;
        nng_stream *stream;
        nng_aio *aio = aio_new();

        CHECK_EQ(nng_stream_dialer_alloc(&dialer, ipc_url("crowd")), 0);
        nng_aio_set_timeout(aio, i == 0 ? 20 : ENOUGH);
        nng_stream_dialer_dial(dialer, aio);
        switch (i) {
        case 1:
            nng_aio_cancel(aio);
            break;
        case 2:
            nng_aio_abort(aio, 1234);
            break;
        case 3:
            nng_aio_stop(aio);
            break;
        case 4:
            nng_stream_dialer_close(dialer);
            break;
        case 5:
            nng_stream_dialer_free(dialer);
            dialer = NULL;
            break;
        }
        CHECK_EQ(aio_end(aio, &stream), results[i]);
        nng_aio_free(aio);
        nng_stream_dialer_free(dialer);
    }
    while (count > 0) {
        close(others[--count]);
    }
    close(fd);
    unlink(path_in_directory("crowd"));
}

// Listening

static void a_wildcard_is_where_one_listens(void)
{
    struct link link;
    nng_sockaddr sa;
    char url[60];

    link_listen(&link, "tcp://*:0");
    CHECK_EQ(nng_stream_listener_get_addr(link.listener, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_INET);
    CHECK_EQ(sa.s_in.sa_addr, 0);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", ntohs(sa.s_in.sa_port));
    CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, url), 0);
    link_meet(&link);
    check_carries(link.near, link.far, "a text");
    link_close(&link);

    link_listen(&link, "tcp6://*:0");
    CHECK_EQ(nng_stream_listener_get_addr(link.listener, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_INET6);
    snprintf(url, sizeof url, "tcp://[::1]:%d", ntohs(sa.s_in6.sa_port));
    CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, url), 0);
    link_meet(&link);
    check_carries(link.far, link.near, "a text");
    link_close(&link);
}

static void a_listener_is_in_one_of_three_states(void)
{
    for (int kind = 0; any_url(kind) != NULL; kind++) {
        nng_stream_listener *listener;
        nng_stream *stream;
        nng_aio *aio = aio_new(), *other = aio_new();

        CHECK_EQ(nng_stream_listener_alloc(&listener, any_url(kind)), 0);
        nng_stream_listener_accept(listener, aio);
        CHECK_EQ(aio_end(aio, &stream), NNG_ESTATE);
        CHECK_EQ(nng_stream_listener_listen(listener), 0);
        CHECK_EQ(nng_stream_listener_listen(listener), NNG_ESTATE);
        nng_aio_set_timeout(aio, 10);
        nng_stream_listener_accept(listener, aio);
        CHECK_EQ(aio_end(aio, &stream), NNG_ETIMEDOUT);
        nng_aio_set_timeout(aio, ENOUGH);
        nng_stream_listener_accept(listener, aio);
        nng_aio_cancel(aio);
        CHECK_EQ(aio_end(aio, &stream), NNG_ECANCELED);
        nng_stream_listener_accept(listener, aio);
        nng_stream_listener_accept(listener, other);
        nng_stream_listener_close(listener);
        CHECK_EQ(aio_end(aio, &stream), NNG_ECLOSED);
        CHECK_EQ(aio_end(other, &stream), NNG_ECLOSED);
        nng_stream_listener_accept(listener, aio);
        CHECK_EQ(aio_end(aio, &stream), NNG_ECLOSED);
        CHECK_EQ(nng_stream_listener_listen(listener), NNG_ESTATE);
        nng_stream_listener_close(listener);
        nng_stream_listener_free(listener);

        CHECK_EQ(nng_stream_listener_alloc(&listener, any_url(kind)), 0);
        nng_stream_listener_close(listener);
        CHECK_EQ(nng_stream_listener_listen(listener), NNG_ECLOSED);
        // It has not listened, and it is closed.
        nng_stream_listener_accept(listener, aio);
        CHECK(aio_end(aio, &stream) == NNG_ECLOSED || nng_aio_result(aio) == NNG_ESTATE);
        nng_stream_listener_free(listener);

        // Freeing is closing.
        CHECK_EQ(nng_stream_listener_alloc(&listener, any_url(kind)), 0);
        CHECK_EQ(nng_stream_listener_listen(listener), 0);
        nng_stream_listener_accept(listener, aio);
        nng_stream_listener_free(listener);
        CHECK_EQ(aio_end(aio, &stream), NNG_ECLOSED);
        nng_aio_free(aio);
        nng_aio_free(other);
    }
}

static void an_address_is_served_once(void)
{
    for (int kind = 0; any_url(kind) != NULL; kind++) {
        struct link link;
        nng_stream_listener *second;

        link_listen(&link, any_url(kind));
        CHECK_EQ(nng_stream_listener_alloc(&second, link.url), 0);
        CHECK_EQ(nng_stream_listener_listen(second), NNG_EADDRINUSE);
        // It can be tried again, and works once the other one has gone.
        CHECK_EQ(nng_stream_listener_listen(second), NNG_EADDRINUSE);
        nng_stream_listener_free(link.listener);
        CHECK_EQ(nng_stream_listener_listen(second), 0);
        nng_stream_listener_free(second);
    }
}

static void asking_who_serves_a_path_leaves_no_trace(void)
{
    struct link link;
    nng_stream_listener *second;
    nng_stream *stream;
    nng_aio *aio = aio_new();

    link_listen(&link, ipc_url("asked"));
    nng_stream_listener_accept(link.listener, aio);
    CHECK_EQ(nng_stream_listener_alloc(&second, link.url), 0);
    CHECK_EQ(nng_stream_listener_listen(second), NNG_EADDRINUSE);
    nng_stream_listener_free(second);
    nng_aio_abort(aio, 55);
    CHECK_EQ(aio_end(aio, &stream), 55);
    nng_aio_free(aio);
    link_close(&link);
}

static void a_path_is_removed_by_whoever_bound_it(void)
{
    struct link link;
    struct stat st;
    const char *path;

    link_listen(&link, ipc_url("removed"));
    path = path_in_directory("removed");
    CHECK_EQ(stat(path, &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    nng_stream_listener_close(link.listener);
    CHECK(stat(path, &st) != 0 && errno == ENOENT);
    nng_stream_listener_free(link.listener);
}

static void a_path_that_was_taken_over_stays(void)
{
    struct link link;
    struct stat st;
    const char *path;
    int fd;

    link_listen(&link, ipc_url("taken"));
    path = path_in_directory("taken");
    CHECK_EQ(unlink(path), 0);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    nng_stream_listener_free(link.listener);
    CHECK_EQ(stat(path, &st), 0);
    unlink(path);
}

static void a_socket_that_nobody_serves_is_replaced(void)
{
    struct link link;
    struct sockaddr_un sun;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memset(&sun, 0, sizeof sun);
    sun.sun_family = AF_UNIX;
    strcpy(sun.sun_path, path_in_directory("stale"));
    CHECK_EQ(bind(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    close(fd);
    link_open(&link, ipc_url("stale"));
    check_carries(link.near, link.far, "a text");
    link_close(&link);
}

static void a_file_is_never_replaced(void)
{
    nng_stream_listener *listener;
    struct stat st;
    const char *path = path_in_directory("file");
    char url[200];
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(nng_stream_listener_alloc(&listener, ipc_url("file")), 0);
    CHECK_EQ(nng_stream_listener_listen(listener), NNG_EADDRINUSE);
    nng_stream_listener_free(listener);
    CHECK_EQ(stat(path, &st), 0);
    CHECK(S_ISREG(st.st_mode));
    unlink(path);

    snprintf(url, sizeof url, "ipc://%s", directory());
    CHECK_EQ(nng_stream_listener_alloc(&listener, url), 0);
    CHECK_EQ(nng_stream_listener_listen(listener), NNG_EADDRINUSE);
    nng_stream_listener_free(listener);
    CHECK_EQ(nng_stream_listener_alloc(&listener, ipc_url("no/such")), 0);
    CHECK_EQ(nng_stream_listener_listen(listener), NNG_ENOENT);
    nng_stream_listener_free(listener);
}

static const struct check_test tests[] = {
    TEST(what_cannot_be_is_refused_when_made),
    TEST(long_names_are_refused_when_made),
    TEST(urls_are_copied),
    TEST(where_nobody_listens_dials_are_refused),
    TEST(addresses_of_the_other_family_are_invalid),
    TEST(the_empty_abstract_name_cannot_be_dialed),
    TEST(a_dialer_dials_many_times),
    TEST(a_closed_dialer_dials_no_more),
    TEST(a_dial_that_waits_can_be_ended),
    TEST(a_wildcard_is_where_one_listens),
    TEST(a_listener_is_in_one_of_three_states),
    TEST(an_address_is_served_once),
    TEST(asking_who_serves_a_path_leaves_no_trace),
    TEST(a_path_is_removed_by_whoever_bound_it),
    TEST(a_path_that_was_taken_over_stays),
    TEST(a_socket_that_nobody_serves_is_replaced),
    TEST(a_file_is_never_replaced),
    TEST(the_directory_is_empty_again),
};

CHECK_MAIN(tests)
