// What byte streams, their dialers and their listeners know and can be told: addresses and options.

#include "streams.h"

#include <arpa/inet.h>
#include <sys/stat.h>

// Addresses

static void both_ends_know_both_addresses(void)
{
    struct link link;
    nng_sockaddr listening, mine, peers, seen;

    memset(&listening, 0xff, sizeof listening);
    EACH_KIND(&link) {
        CHECK_EQ(nng_stream_listener_get_addr(link.listener, NNG_OPT_LOCADDR, &listening), 0);
        CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_LOCADDR, &mine), 0);
        CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_REMADDR, &peers), 0);
        CHECK_EQ(nng_stream_get_addr(link.far, NNG_OPT_REMADDR, &seen), 0);
        switch (kind) {
        case 0:
            CHECK_EQ(listening.s_family, NNG_AF_INET);
            CHECK_EQ(peers.s_in.sa_port, listening.s_in.sa_port);
            CHECK_EQ(ntohl(peers.s_in.sa_addr), 0x7f000001);
            CHECK_EQ(seen.s_in.sa_port, mine.s_in.sa_port);
            CHECK_EQ(ntohl(mine.s_in.sa_addr), 0x7f000001);
            break;
        case 1:
            CHECK_EQ(listening.s_family, NNG_AF_INET6);
            CHECK_EQ(peers.s_in6.sa_port, listening.s_in6.sa_port);
            CHECK_MEM(peers.s_in6.sa_addr, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
            CHECK_EQ(seen.s_in6.sa_port, mine.s_in6.sa_port);
            CHECK_EQ(seen.s_in6.sa_scope, 0);
            break;
        case 2:
            CHECK_EQ(listening.s_family, NNG_AF_IPC);
            CHECK_STR(listening.s_ipc.sa_path, path_in_directory("any"));
            CHECK_STR(mine.s_ipc.sa_path, listening.s_ipc.sa_path);
            CHECK_STR(peers.s_ipc.sa_path, listening.s_ipc.sa_path);
            CHECK_STR(seen.s_ipc.sa_path, listening.s_ipc.sa_path);
            break;
        case 3:
            CHECK_EQ(listening.s_family, NNG_AF_ABSTRACT);
            CHECK_EQ(listening.s_abstract.sa_len, strlen(link.url) - strlen("abstract://"));
            CHECK_MEM(listening.s_abstract.sa_name, link.url + strlen("abstract://"),
                listening.s_abstract.sa_len);
            CHECK_EQ(peers.s_abstract.sa_len, listening.s_abstract.sa_len);
            CHECK_EQ(seen.s_family, NNG_AF_ABSTRACT);
            CHECK_EQ(seen.s_abstract.sa_len, listening.s_abstract.sa_len);
            break;
        }
        CHECK_EQ(mine.s_family, listening.s_family);
        CHECK_EQ(peers.s_family, listening.s_family);
        CHECK_EQ(seen.s_family, listening.s_family);
        // Closed listeners and streams still tell where they were.
        nng_stream_listener_close(link.listener);
        CHECK_EQ(nng_stream_listener_get_addr(link.listener, NNG_OPT_LOCADDR, &seen), 0);
        nng_stream_close(link.near);
        CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_LOCADDR, &seen), 0);
        CHECK_EQ(seen.s_family, mine.s_family);
    }
}

static void a_closed_stream_still_knows_its_peer(void)
{
    struct link link;
    nng_sockaddr before, after;

    EACH_KIND(&link) {
        CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_REMADDR, &before), 0);
        nng_stream_close(link.near);
        CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_REMADDR, &after), 0);
        CHECK_EQ(after.s_family, before.s_family);
        if (kind == 0) {
            CHECK_EQ(after.s_in.sa_port, before.s_in.sa_port);
        }
    }
}

static void a_listener_has_no_port_before_it_listens(void)
{
    nng_stream_listener *listener;
    nng_sockaddr sa;
    int port = 77;
    size_t size = sizeof port;

    CHECK_EQ(nng_stream_listener_alloc(&listener, "tcp://127.0.0.1:0"), 0);
    CHECK_EQ(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), NNG_ESTATE);
    CHECK_EQ(nng_stream_listener_get(listener, NNG_OPT_TCP_BOUND_PORT, &port, &size), NNG_ESTATE);
    CHECK_EQ(port, 77);
    sa.s_family = 99;
    CHECK_EQ(nng_stream_listener_get_addr(listener, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_UNSPEC);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_TCP_BOUND_PORT, 5), NNG_EREADONLY);
    nng_stream_listener_free(listener);

    CHECK_EQ(nng_stream_listener_alloc(&listener, "ipc:///tmp/nng-test-nowhere"), 0);
    CHECK_EQ(nng_stream_listener_get_addr(listener, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_IPC);
    CHECK_STR(sa.s_ipc.sa_path, "/tmp/nng-test-nowhere");
    nng_stream_listener_free(listener);
}

static void a_dialer_may_choose_where_it_comes_from(void)
{
    struct link link;
    nng_sockaddr sa;

    link_listen(&link, "tcp://127.0.0.1:0");
    CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, link.url), 0);
    CHECK_EQ(nng_stream_dialer_get_addr(link.dialer, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_UNSPEC);

    memset(&sa, 0, sizeof sa);
    sa.s_in.sa_family = NNG_AF_INET;
    sa.s_in.sa_port = htons(5);
    sa.s_in.sa_addr = htonl(0x7f000002);
    CHECK_EQ(nng_stream_dialer_set_addr(link.dialer, NNG_OPT_LOCADDR, &sa), NNG_EADDRINVAL);
    sa.s_in.sa_port = 0;
    sa.s_family = NNG_AF_IPC;
    CHECK_EQ(nng_stream_dialer_set_addr(link.dialer, NNG_OPT_LOCADDR, &sa), NNG_EADDRINVAL);
    sa.s_family = NNG_AF_INET;
    CHECK_EQ(nng_stream_dialer_set_addr(link.dialer, NNG_OPT_LOCADDR, &sa), 0);
    memset(&sa, 0, sizeof sa);
    CHECK_EQ(nng_stream_dialer_get_addr(link.dialer, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(ntohl(sa.s_in.sa_addr), 0x7f000002);

    link_meet(&link);
    CHECK_EQ(nng_stream_get_addr(link.far, NNG_OPT_REMADDR, &sa), 0);
    CHECK_EQ(ntohl(sa.s_in.sa_addr), 0x7f000002);

    sa.s_in.sa_port = 0;
    nng_stream_dialer_close(link.dialer);
    CHECK_EQ(nng_stream_dialer_set_addr(link.dialer, NNG_OPT_LOCADDR, &sa), NNG_ECLOSED);
    link_close(&link);
}

static void a_foreign_address_is_no_place_to_come_from(void)
{
    struct link link;
    nng_sockaddr sa;
    nng_stream *stream;

    link_listen(&link, "tcp://127.0.0.1:0");
    CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, link.url), 0);
    memset(&sa, 0, sizeof sa);
    sa.s_in.sa_family = NNG_AF_INET;
    sa.s_in.sa_addr = htonl(0xc0000201); // 192.0.2.1, for documentation
    CHECK_EQ(nng_stream_dialer_set(link.dialer, NNG_OPT_LOCADDR, &sa, sizeof sa), 0);
    CHECK_EQ(dial(link.dialer, &stream), NNG_EADDRINVAL);
    link_close(&link);
}

static void abstract_names_are_bytes(void)
{
    struct link link;
    nng_sockaddr sa;
    char url[100];

    snprintf(url, sizeof url, "abstract://%%00a%%2Fb%%ff-%d", (int) getpid());
    link_open(&link, url);
    CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_REMADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_ABSTRACT);
    CHECK(sa.s_abstract.sa_len > 6);
    CHECK_MEM(sa.s_abstract.sa_name, "\0a/b\xff-", 6);
    check_carries(link.near, link.far, "a text");
    link_close(&link);
}

static void the_system_names_what_has_no_name(void)
{
    struct link link;
    nng_sockaddr sa, seen;
    char url[60];

    link_listen(&link, "abstract://");
    CHECK_EQ(nng_stream_listener_get_addr(link.listener, NNG_OPT_LOCADDR, &sa), 0);
    CHECK_EQ(sa.s_family, NNG_AF_ABSTRACT);
    CHECK_EQ(sa.s_abstract.sa_len, 5);
    snprintf(url, sizeof url, "abstract://%.5s", (char *) sa.s_abstract.sa_name);
    CHECK_EQ(nng_stream_dialer_alloc(&link.dialer, url), 0);
    link_meet(&link);
    CHECK_EQ(nng_stream_get_addr(link.far, NNG_OPT_LOCADDR, &seen), 0);
    CHECK_EQ(seen.s_abstract.sa_len, 5);
    CHECK_MEM(seen.s_abstract.sa_name, sa.s_abstract.sa_name, 5);
    link_close(&link);
}

// Options

static void flags_of_tcp_are_on_all_objects(void)
{
    struct link link;

    for (int kind = 0; kind < 2; kind++) {
        bool on = false;

        link_open(&link, any_url(kind));
        CHECK_EQ(nng_stream_dialer_set_bool(link.dialer, NNG_OPT_TCP_NODELAY, true), 0);
        CHECK_EQ(nng_stream_dialer_get_bool(link.dialer, NNG_OPT_TCP_NODELAY, &on), 0);
        CHECK(on);
        CHECK_EQ(nng_stream_dialer_set_bool(link.dialer, NNG_OPT_TCP_NODELAY, false), 0);
        CHECK_EQ(nng_stream_dialer_get_bool(link.dialer, NNG_OPT_TCP_NODELAY, &on), 0);
        CHECK(!on);
        CHECK_EQ(nng_stream_dialer_set_bool(link.dialer, NNG_OPT_TCP_KEEPALIVE, true), 0);
        CHECK_EQ(nng_stream_listener_set_bool(link.listener, NNG_OPT_TCP_KEEPALIVE, true), 0);
        CHECK_EQ(nng_stream_listener_get_bool(link.listener, NNG_OPT_TCP_KEEPALIVE, &on), 0);
        CHECK(on);

        // A connection that is there already is not touched; a new one has what was set.
        CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_KEEPALIVE, &on), 0);
        CHECK(!on);
        nng_stream_free(link.near);
        nng_stream_free(link.far);
        link_meet(&link);
        CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_KEEPALIVE, &on), 0);
        CHECK(on);
        CHECK_EQ(nng_stream_get_bool(link.far, NNG_OPT_TCP_KEEPALIVE, &on), 0);
        CHECK(on);
        CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_NODELAY, &on), 0);
        CHECK(!on);
        CHECK_EQ(nng_stream_set_bool(link.near, NNG_OPT_TCP_NODELAY, true), 0);
        CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_NODELAY, &on), 0);
        CHECK(on);
        CHECK_EQ(nng_stream_set_bool(link.near, NNG_OPT_TCP_KEEPALIVE, false), 0);

        nng_stream_dialer_close(link.dialer);
        CHECK_EQ(nng_stream_dialer_set_bool(link.dialer, NNG_OPT_TCP_NODELAY, true), 0);
        link_close(&link);
    }
}

static void there_is_no_delay_by_default(void)
{
    struct link link;
    bool on = false;

    link_open(&link, "tcp://127.0.0.1:0");
    CHECK_EQ(nng_stream_dialer_get_bool(link.dialer, NNG_OPT_TCP_NODELAY, &on), 0);
    CHECK(on);
    on = false;
    CHECK_EQ(nng_stream_listener_get_bool(link.listener, NNG_OPT_TCP_NODELAY, &on), 0);
    CHECK(on);
    on = false;
    CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_NODELAY, &on), 0);
    CHECK(on);
    on = true;
    CHECK_EQ(nng_stream_dialer_get_bool(link.dialer, NNG_OPT_TCP_KEEPALIVE, &on), 0);
    CHECK(!on);
    link_close(&link);
}

// Every setter and getter of one kind of object, all but that of the addresses.
#define CHECK_GETTERS(prefix, object, option, what)                                  \
    do {                                                                             \
        bool flag = true;                                                            \
        int number = 77;                                                             \
        nng_duration ms = 77;                                                        \
        size_t size = 77;                                                            \
        uint64_t big = 77;                                                           \
        char *string = (char *) "untouched";                                         \
        void *pointer = &flag;                                                       \
        int skipped = (what) == NNG_EBADTYPE ? NNG_EBADTYPE : (what);                \
                                                                                     \
        CHECK_EQ(prefix##_get_int(object, option, &number), skipped);                \
        CHECK_EQ(prefix##_get_ms(object, option, &ms), what);                        \
        CHECK_EQ(prefix##_get_size(object, option, &size), what);                    \
        CHECK_EQ(prefix##_get_uint64(object, option, &big), what);                   \
        CHECK_EQ(prefix##_get_string(object, option, &string), what);                \
        CHECK_EQ(prefix##_get_ptr(object, option, &pointer), what);                  \
        if ((what) != NNG_EBADTYPE) {                                                \
            size = 1;                                                                \
            CHECK_EQ(prefix##_get_bool(object, option, &flag), what);                \
            CHECK_EQ(prefix##_get(object, option, &flag, &size), what);              \
            CHECK_EQ(size, 1);                                                       \
            size = 77;                                                               \
        }                                                                            \
        CHECK(flag && number == 77 && ms == 77 && size == 77 && big == 77);          \
        CHECK_STR(string, "untouched");                                              \
        CHECK(pointer == &flag);                                                     \
    } while (0)

#define CHECK_SETTERS(prefix, object, option, what)                                  \
    do {                                                                             \
        CHECK_EQ(prefix##_set_int(object, option, 1), what);                         \
        CHECK_EQ(prefix##_set_ms(object, option, 1), what);                          \
        CHECK_EQ(prefix##_set_size(object, option, 1), what);                        \
        CHECK_EQ(prefix##_set_uint64(object, option, 1), what);                      \
        CHECK_EQ(prefix##_set_string(object, option, "1"), what);                    \
        CHECK_EQ(prefix##_set_ptr(object, option, NULL), what);                      \
        if ((what) != NNG_EBADTYPE) {                                                \
            CHECK_EQ(prefix##_set_bool(object, option, true), what);                 \
            CHECK_EQ(prefix##_set(object, option, "1", 1), what);                    \
        }                                                                            \
    } while (0)

static void options_have_one_type(void)
{
    struct link link;
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    link_open(&link, "tcp://127.0.0.1:0");
    CHECK_GETTERS(nng_stream, link.near, NNG_OPT_TCP_NODELAY, NNG_EBADTYPE);
    CHECK_SETTERS(nng_stream, link.near, NNG_OPT_TCP_NODELAY, NNG_EBADTYPE);
    CHECK_EQ(nng_stream_get_addr(link.near, NNG_OPT_TCP_NODELAY, &sa), NNG_EBADTYPE);
    CHECK_GETTERS(nng_stream_dialer, link.dialer, NNG_OPT_TCP_NODELAY, NNG_EBADTYPE);
    CHECK_SETTERS(nng_stream_dialer, link.dialer, NNG_OPT_TCP_NODELAY, NNG_EBADTYPE);
    CHECK_EQ(nng_stream_dialer_get_addr(link.dialer, NNG_OPT_TCP_NODELAY, &sa), NNG_EBADTYPE);
    CHECK_EQ(nng_stream_dialer_set_addr(link.dialer, NNG_OPT_TCP_NODELAY, &sa), NNG_EBADTYPE);
    CHECK_GETTERS(nng_stream_listener, link.listener, NNG_OPT_TCP_NODELAY, NNG_EBADTYPE);
    CHECK_SETTERS(nng_stream_listener, link.listener, NNG_OPT_TCP_NODELAY, NNG_EBADTYPE);
    CHECK_EQ(nng_stream_listener_get_addr(link.listener, NNG_OPT_TCP_NODELAY, &sa), NNG_EBADTYPE);
    CHECK_EQ(nng_stream_listener_set_addr(link.listener, NNG_OPT_TCP_NODELAY, &sa), NNG_EBADTYPE);
    link_close(&link);
}

static void unknown_options_are_not_supported(void)
{
    static const char *const names[] = { "no-such-option", "", NNG_OPT_RECVMAXSZ, NNG_OPT_URL,
        NNG_OPT_TLS_VERIFIED };
    struct link link;
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    EACH_KIND(&link) {
        for (size_t i = 0; i < CHECK_COUNT(names); i++) {
            const char *name = names[i];

            CHECK_GETTERS(nng_stream, link.near, name, NNG_ENOTSUP);
            CHECK_SETTERS(nng_stream, link.near, name, NNG_ENOTSUP);
            CHECK_EQ(nng_stream_get_addr(link.near, name, &sa), NNG_ENOTSUP);
            CHECK_GETTERS(nng_stream_dialer, link.dialer, name, NNG_ENOTSUP);
            CHECK_SETTERS(nng_stream_dialer, link.dialer, name, NNG_ENOTSUP);
            CHECK_EQ(nng_stream_dialer_get_addr(link.dialer, name, &sa), NNG_ENOTSUP);
            CHECK_EQ(nng_stream_dialer_set_addr(link.dialer, name, &sa), NNG_ENOTSUP);
            CHECK_GETTERS(nng_stream_listener, link.listener, name, NNG_ENOTSUP);
            CHECK_SETTERS(nng_stream_listener, link.listener, name, NNG_ENOTSUP);
            CHECK_EQ(nng_stream_listener_get_addr(link.listener, name, &sa), NNG_ENOTSUP);
            CHECK_EQ(nng_stream_listener_set_addr(link.listener, name, &sa), NNG_ENOTSUP);
        }
    }
}

static void options_of_no_type_have_a_size(void)
{
    struct link link;
    nng_sockaddr sa;
    char bytes[200];
    bool on = false;
    int port = 0;
    size_t size;

    link_open(&link, "tcp://127.0.0.1:0");
    on = true;
    CHECK_EQ(nng_stream_set(link.near, NNG_OPT_TCP_KEEPALIVE, &on, 1), 0);
    on = false;
    size = sizeof on;
    CHECK_EQ(nng_stream_get(link.near, NNG_OPT_TCP_KEEPALIVE, &on, &size), 0);
    CHECK(on);
    CHECK_EQ(size, 1);
    CHECK_EQ(nng_stream_set(link.near, NNG_OPT_TCP_KEEPALIVE, &on, 0), NNG_EINVAL);
    CHECK_EQ(nng_stream_set(link.near, NNG_OPT_TCP_KEEPALIVE, NULL, 0), NNG_EINVAL);
    CHECK_EQ(nng_stream_set(link.near, NNG_OPT_TCP_KEEPALIVE, "\1\1\1\1", 4), NNG_EINVAL);
    CHECK_EQ(nng_stream_dialer_set(link.dialer, NNG_OPT_TCP_KEEPALIVE, &on, 1), 0);
    CHECK_EQ(nng_stream_dialer_set(link.dialer, NNG_OPT_TCP_KEEPALIVE, "\1\1", 2), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set(link.listener, NNG_OPT_TCP_KEEPALIVE, &on, 1), 0);
    CHECK_EQ(nng_stream_listener_set(link.listener, NNG_OPT_TCP_KEEPALIVE, "\1\1", 2), NNG_EINVAL);

    // Where there is more room than needed, the size is told.
    size = sizeof bytes;
    CHECK_EQ(nng_stream_listener_get(link.listener, NNG_OPT_TCP_BOUND_PORT, bytes, &size), 0);
    CHECK_EQ(size, 4);
    memcpy(&port, bytes, sizeof port);
    CHECK(port > 0);
    size = sizeof bytes;
    CHECK_EQ(nng_stream_dialer_get(link.dialer, NNG_OPT_LOCADDR, bytes, &size), 0);
    CHECK_EQ(size, sizeof(nng_sockaddr));

    // Where there is less, as much as fits is copied and the size that is needed is told.
    size = sizeof sa;
    CHECK_EQ(nng_stream_get(link.near, NNG_OPT_REMADDR, &sa, &size), 0);
    CHECK_EQ(size, sizeof sa);
    CHECK_EQ(ntohs(sa.s_in.sa_port), port);
    memset(bytes, '#', sizeof bytes);
    size = 4;
    CHECK_EQ(nng_stream_get(link.near, NNG_OPT_REMADDR, bytes, &size), NNG_EINVAL);
    CHECK_EQ(size, sizeof sa);
    CHECK_MEM(bytes, &sa, 4);
    CHECK_EQ(bytes[4], '#');
    size = 0;
    CHECK_EQ(nng_stream_get(link.near, NNG_OPT_TCP_NODELAY, NULL, &size), NNG_EINVAL);
    CHECK_EQ(size, 1);
    size = 0;
    CHECK_EQ(nng_stream_dialer_get(link.dialer, NNG_OPT_TCP_NODELAY, NULL, &size), NNG_EINVAL);
    CHECK_EQ(size, 1);
    size = 2;
    CHECK_EQ(
        nng_stream_listener_get(link.listener, NNG_OPT_TCP_BOUND_PORT, bytes, &size), NNG_EINVAL);
    CHECK_EQ(size, 4);
    link_close(&link);
}

static void some_options_can_only_be_read(void)
{
    struct link link;
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    EACH_KIND(&link) {
        CHECK_EQ(nng_stream_set(link.near, NNG_OPT_REMADDR, &sa, sizeof sa), NNG_EREADONLY);
        CHECK_EQ(nng_stream_set(link.near, NNG_OPT_LOCADDR, &sa, sizeof sa), NNG_EREADONLY);
        CHECK_EQ(nng_stream_listener_set_addr(link.listener, NNG_OPT_LOCADDR, &sa), NNG_EREADONLY);
        CHECK_EQ(
            nng_stream_listener_get_addr(link.listener, NNG_OPT_REMADDR, &sa), NNG_ENOTSUP);
        CHECK_EQ(nng_stream_dialer_get_addr(link.dialer, NNG_OPT_REMADDR, &sa), NNG_ENOTSUP);
        if (kind >= 2) {
            bool on;

            CHECK_EQ(nng_stream_dialer_get_addr(link.dialer, NNG_OPT_LOCADDR, &sa), NNG_ENOTSUP);
            CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TCP_NODELAY, &on), NNG_ENOTSUP);
        }
    }
}

static void a_path_may_be_for_some_only(void)
{
    nng_stream_listener *listener;
    const char *url = ipc_url("some");
    struct stat st;
    int mode = 0700;
    size_t size = sizeof mode;

    CHECK_EQ(nng_stream_listener_alloc(&listener, url), 0);
    CHECK_EQ(nng_stream_listener_get_int(listener, NNG_OPT_IPC_PERMISSIONS, &mode), NNG_EWRITEONLY);
    CHECK_EQ(
        nng_stream_listener_get(listener, NNG_OPT_IPC_PERMISSIONS, &mode, &size), NNG_EWRITEONLY);
    CHECK_EQ(nng_stream_listener_set_bool(listener, NNG_OPT_IPC_PERMISSIONS, true), NNG_EBADTYPE);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, -1), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0100700), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0170000), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0), 0);
    CHECK_EQ(nng_stream_listener_set(listener, NNG_OPT_IPC_PERMISSIONS, &mode, 2), NNG_EINVAL);
    mode = 0421;
    CHECK_EQ(nng_stream_listener_set(listener, NNG_OPT_IPC_PERMISSIONS, &mode, sizeof mode), 0);
    CHECK_EQ(nng_stream_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &mode),
        NNG_ENOTSUP);
    CHECK_EQ(nng_stream_listener_listen(listener), 0);
    CHECK_EQ(stat(path_in_directory("some"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0421);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600), NNG_EBUSY);
    nng_stream_listener_free(listener);

    // Abstract names have no permissions; they are taken and forgotten.
    CHECK_EQ(nng_stream_listener_alloc(&listener, abstract_url("some")), 0);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600), 0);
    CHECK_EQ(nng_stream_listener_listen(listener), 0);
    CHECK_EQ(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0700), 0);
    nng_stream_listener_free(listener);
}

static void one_knows_who_is_there(void)
{
    struct link link;
    uint64_t id;
    size_t size = sizeof id;

    for (int kind = 2; kind < 4; kind++) {
        link_open(&link, any_url(kind));
        CHECK_EQ(nng_stream_get_uint64(link.near, NNG_OPT_IPC_PEER_PID, &id), 0);
        CHECK_EQ(id, getpid());
        CHECK_EQ(nng_stream_get_uint64(link.far, NNG_OPT_IPC_PEER_UID, &id), 0);
        CHECK_EQ(id, getuid());
        CHECK_EQ(nng_stream_get(link.far, NNG_OPT_IPC_PEER_GID, &id, &size), 0);
        CHECK_EQ(id, getgid());
        CHECK_EQ(nng_stream_get_uint64(link.far, NNG_OPT_IPC_PEER_ZONEID, &id), NNG_ENOTSUP);
        CHECK_EQ(nng_stream_set_uint64(link.far, NNG_OPT_IPC_PEER_PID, 1), NNG_EREADONLY);
        link_close(&link);
    }
    link_open(&link, any_url(0));
    CHECK_EQ(nng_stream_get_uint64(link.near, NNG_OPT_IPC_PEER_PID, &id), NNG_ENOTSUP);
    link_close(&link);
}

// Null

static void null_is_no_stream(void)
{
    nng_sockaddr sa;
    nng_stream_dialer *dialer = NULL;
    nng_stream_listener *listener = NULL;

    memset(&sa, 0, sizeof sa);
    nng_stream_close(NULL);
    nng_stream_dialer_close(NULL);
    nng_stream_listener_close(NULL);
    CHECK_EQ(nng_stream_listener_listen(NULL), NNG_EINVAL);
    CHECK_EQ(nng_stream_dialer_alloc(&dialer, NULL), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_alloc(&listener, NULL), NNG_EINVAL);
    CHECK_EQ(nng_stream_dialer_alloc_url(&dialer, NULL), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_alloc_url(&listener, NULL), NNG_EINVAL);
    CHECK(dialer == NULL && listener == NULL);
    CHECK_GETTERS(nng_stream, NULL, NNG_OPT_TCP_NODELAY, NNG_EINVAL);
    CHECK_SETTERS(nng_stream, NULL, NNG_OPT_TCP_NODELAY, NNG_EINVAL);
    CHECK_EQ(nng_stream_get_addr(NULL, NNG_OPT_LOCADDR, &sa), NNG_EINVAL);
    CHECK_GETTERS(nng_stream_dialer, NULL, NNG_OPT_TCP_NODELAY, NNG_EINVAL);
    CHECK_SETTERS(nng_stream_dialer, NULL, NNG_OPT_TCP_NODELAY, NNG_EINVAL);
    CHECK_EQ(nng_stream_dialer_get_addr(NULL, NNG_OPT_LOCADDR, &sa), NNG_EINVAL);
    CHECK_EQ(nng_stream_dialer_set_addr(NULL, NNG_OPT_LOCADDR, &sa), NNG_EINVAL);
    CHECK_GETTERS(nng_stream_listener, NULL, NNG_OPT_TCP_NODELAY, NNG_EINVAL);
    CHECK_SETTERS(nng_stream_listener, NULL, NNG_OPT_TCP_NODELAY, NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_get_addr(NULL, NNG_OPT_LOCADDR, &sa), NNG_EINVAL);
    CHECK_EQ(nng_stream_listener_set_addr(NULL, NNG_OPT_LOCADDR, &sa), NNG_EINVAL);
}

static void null_is_no_option(void)
{
    struct link link;
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    link_open(&link, "tcp://127.0.0.1:0");
    CHECK_GETTERS(nng_stream, link.near, NULL, NNG_EINVAL);
    CHECK_SETTERS(nng_stream, link.near, NULL, NNG_EINVAL);
    CHECK_GETTERS(nng_stream_dialer, link.dialer, NULL, NNG_EINVAL);
    CHECK_SETTERS(nng_stream_dialer, link.dialer, NULL, NNG_EINVAL);
    CHECK_GETTERS(nng_stream_listener, link.listener, NULL, NNG_EINVAL);
    CHECK_SETTERS(nng_stream_listener, link.listener, NULL, NNG_EINVAL);
    link_close(&link);
}

static const struct check_test tests[] = {
    TEST(both_ends_know_both_addresses),
    TEST(a_closed_stream_still_knows_its_peer),
    TEST(a_listener_has_no_port_before_it_listens),
    TEST(a_dialer_may_choose_where_it_comes_from),
    TEST(a_foreign_address_is_no_place_to_come_from),
    TEST(abstract_names_are_bytes),
    TEST(the_system_names_what_has_no_name),
    TEST(flags_of_tcp_are_on_all_objects),
    TEST(there_is_no_delay_by_default),
    TEST(options_have_one_type),
    TEST(unknown_options_are_not_supported),
    TEST(options_of_no_type_have_a_size),
    TEST(some_options_can_only_be_read),
    TEST(a_path_may_be_for_some_only),
    TEST(one_knows_who_is_there),
    TEST(null_is_no_stream),
    TEST(null_is_no_option),
    TEST(the_directory_is_empty_again),
};

CHECK_MAIN(tests)
