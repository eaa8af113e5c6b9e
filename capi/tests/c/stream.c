// Byte streams: TCP, paths, abstract names and passed descriptors; their options and their ends.

#include "streams.h"

#include <nng/supplemental/util/platform.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#ifdef OLD_HEADERS
#define NNG_OPT_SOCKET_FD "socket:fd"
extern int nng_socket_pair(int[2]);
#endif

static const char *ipc_url(const char *name)
{
    static char url[120];

    snprintf(url, sizeof url, "ipc://%s", path_in_directory(name));
    return url;
}

static const char *abstract_url(const char *name)
{
    static char url[120];

    snprintf(url, sizeof url, "abstract://nng-test-%d-%s", (int) getpid(), name);
    return url;
}

// The URLs that streams are tried with.
static const char *any_url(int i)
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

// Moving data

static void bytes_go_both_ways(void)
{
    struct link link;

    EACH_KIND(&link) {
        check_carries(link.near, link.far, "from the one who dialed");
        check_carries(link.far, link.near, "from the one who accepted");
        check_carries(link.near, link.far, "x");
    }
}

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

static void all_pieces_are_sent_and_filled(void)
{
    struct link link;

    EACH_KIND(&link) {
        nng_aio *sender = aio_new(), *receiver = aio_new();
        char out[8] = "abcdefg", in[10] = "..........";
        nng_iov iov[8];

        // Eight pieces: of one byte, and some of none.
        for (int i = 0; i < 8; i++) {
            iov[i].iov_buf = &out[i];
            iov[i].iov_len = i != 2;
        }
        CHECK_EQ(nng_aio_set_iov(sender, 8, iov), 0);
        nng_stream_send(link.near, sender);
        CHECK_EQ(aio_end(sender, NULL), 0);
        CHECK_EQ(nng_aio_count(sender), 7);

        iov[0].iov_buf = in;
        iov[0].iov_len = 0;
        iov[1].iov_buf = in;
        iov[1].iov_len = 2;
        iov[2].iov_buf = in + 4;
        iov[2].iov_len = 5;
        CHECK_EQ(nng_aio_set_iov(receiver, 3, iov), 0);
        nng_stream_recv(link.far, receiver);
        CHECK_EQ(aio_end(receiver, NULL), 0);
        CHECK_EQ(nng_aio_count(receiver), 7);
        CHECK_MEM(in, "ab..defg\0.", 10);
        nng_aio_free(sender);
        nng_aio_free(receiver);
    }
}

static void a_part_is_a_success(void)
{
    static char much[16 << 20];
    static char chunk[1 << 16];
    struct link link;

    EACH_KIND(&link) {
        size_t sent, received = 0, count;
        char two[2];

        // Nobody reads: what the system takes is what was sent, and it is less than all.
        CHECK_EQ(send_some(link.near, much, sizeof much, ENOUGH, &sent), 0);
        CHECK(sent > 0 && sent < sizeof much);
        CHECK_EQ(recv_some(link.far, two, sizeof two, ENOUGH, &count), 0);
        CHECK(count > 0 && count <= 2);
        received = count;
        while (received < sent) {
            CHECK_EQ(recv_some(link.far, chunk, sizeof chunk, ENOUGH, &count), 0);
            CHECK(count > 0 && count <= sizeof chunk);
            received += count;
        }
        CHECK_EQ(received, sent);
        CHECK_EQ(recv_result(link.far, 5), NNG_ETIMEDOUT);
    }
}

static void nothing_to_move_succeeds(void)
{
    struct link link;

    EACH_KIND(&link) {
        size_t count = 99;
        nng_aio *aio = aio_new();

        CHECK_EQ(send_some(link.near, "", 0, ENOUGH, &count), 0);
        CHECK_EQ(count, 0);
        nng_stream_send(link.near, aio);
        CHECK_EQ(aio_end(aio, NULL), 0);
        CHECK_EQ(recv_some(link.far, NULL, 0, ENOUGH, &count), 0);
        CHECK_EQ(count, 0);
        CHECK_EQ(nng_aio_set_iov(aio, 0, NULL), 0);
        nng_stream_recv(link.far, aio);
        CHECK_EQ(aio_end(aio, NULL), 0);
        CHECK_EQ(nng_aio_count(aio), 0);
        check_carries(link.near, link.far, "still there");
        nng_aio_free(aio);
    }
}

static void those_who_wait_are_served_in_order(void)
{
    struct link link;

    EACH_KIND(&link) {
        nng_aio *aios[5];
        char bytes[5];
        size_t count;

        for (int i = 0; i < 5; i++) {
            aios[i] = aio_new();
            set_memory(aios[i], &bytes[i], 1);
            nng_stream_recv(link.far, aios[i]);
        }
        // The one in the middle gives up, and nobody misses a byte.
        nng_aio_abort(aios[2], 77);
        CHECK_EQ(aio_end(aios[2], NULL), 77);
        CHECK_EQ(nng_aio_count(aios[2]), 0);
        CHECK_EQ(send_some(link.near, "abcd", 4, ENOUGH, &count), 0);
        CHECK_EQ(count, 4);
        for (int i = 0, byte = 'a'; i < 5; i++) {
            if (i != 2) {
                CHECK_EQ(aio_end(aios[i], NULL), 0);
                CHECK_EQ(nng_aio_count(aios[i]), 1);
                CHECK_EQ(bytes[i], byte);
                byte++;
            }
            nng_aio_free(aios[i]);
        }
    }
}

static void who_gives_up_takes_nothing(void)
{
    static char much[16 << 20];
    struct link link;

    EACH_KIND(&link) {
        nng_aio *aio = aio_new();
        char byte;
        size_t count;

        CHECK_EQ(recv_result(link.far, 10), NNG_ETIMEDOUT);
        CHECK_EQ(recv_result(link.far, 0), NNG_ETIMEDOUT);
        set_memory(aio, &byte, 1);
        nng_stream_recv(link.far, aio);
        nng_aio_cancel(aio);
        CHECK_EQ(aio_end(aio, NULL), NNG_ECANCELED);
        CHECK_EQ(nng_aio_count(aio), 0);
        check_carries(link.near, link.far, "all of it");

        // Where there is no room, a send waits; it can be given up, too. Room may come late.
        while (send_some(link.far, much, sizeof much, 50, &count) == 0) {
        }
        CHECK_EQ(count, 0);
        do {
            set_memory(aio, much, sizeof much);
            nng_stream_send(link.far, aio);
            nng_aio_abort(aio, 1234);
        } while (aio_end(aio, NULL) == 0);
        CHECK_EQ(nng_aio_result(aio), 1234);
        CHECK_EQ(nng_aio_count(aio), 0);
        check_carries(link.near, link.far, "the other way");
        nng_aio_stop(aio);
        nng_stream_send(link.near, aio);
        nng_aio_wait(aio);
        CHECK_EQ(nng_aio_result(aio), NNG_ECANCELED);
        CHECK_EQ(recv_result(link.far, 0), NNG_ETIMEDOUT);
        nng_aio_free(aio);
    }
}

static void a_limit_of_zero_is_a_try(void)
{
    struct link link;

    EACH_KIND(&link) {
        char buf[10];
        size_t count;

        CHECK_EQ(recv_result(link.far, 0), NNG_ETIMEDOUT);
        CHECK_EQ(send_some(link.near, "hello", 5, 0, &count), 0);
        CHECK_EQ(count, 5);
        // The first byte tells that the others are there.
        CHECK_EQ(recv_some(link.far, buf, 1, ENOUGH, &count), 0);
        CHECK_EQ(recv_some(link.far, buf, sizeof buf, 0, &count), 0);
        CHECK_EQ(count, 4);
        CHECK_MEM(buf, "ello", 4);
    }
}

// Ends

static void after_the_last_byte_comes_the_end(void)
{
    struct link link;

    EACH_KIND(&link) {
        char buf[10];
        size_t count;

        CHECK_EQ(send_some(link.near, "last", 4, ENOUGH, &count), 0);
        nng_stream_close(link.near);
        CHECK_EQ(recv_some(link.far, buf, sizeof buf, ENOUGH, &count), 0);
        CHECK_EQ(count, 4);
        CHECK_MEM(buf, "last", 4);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(recv_result(link.far, ENOUGH), NNG_ECONNSHUT);
        }
    }
}

static void the_end_is_told_to_those_who_wait(void)
{
    struct link link;

    EACH_KIND(&link) {
        nng_aio *aios[3];
        char byte;

        for (int i = 0; i < 3; i++) {
            aios[i] = aio_new();
            set_memory(aios[i], &byte, 1);
            nng_stream_recv(link.far, aios[i]);
        }
        nng_stream_free(link.near);
        link.near = NULL;
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(aio_end(aios[i], NULL), NNG_ECONNSHUT);
            nng_aio_free(aios[i]);
        }
    }
}

static void sending_to_nobody_is_closed_without_a_signal(void)
{
    struct link link;

    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    EACH_KIND(&link) {
        int rv;

        nng_stream_free(link.far);
        link.far = NULL;
        while ((rv = send_result(link.near, ENOUGH)) == 0) {
        }
        // Where a reset is told, it is told once.
        if (rv == NNG_ECONNRESET) {
            rv = send_result(link.near, ENOUGH);
        }
        CHECK_EQ(rv, NNG_ECLOSED);
        CHECK_EQ(send_result(link.near, ENOUGH), NNG_ECLOSED);
    }
}

static void closing_ends_what_waits(void)
{
    static char much[16 << 20];
    struct link link;

    EACH_KIND(&link) {
        nng_aio *receiver = aio_new(), *sender = aio_new();
        size_t count;
        char byte;

        while (send_some(link.near, much, sizeof much, 50, &count) == 0) {
        }
        set_memory(receiver, &byte, 1);
        set_memory(sender, much, sizeof much);
        nng_stream_recv(link.near, receiver);
        nng_stream_send(link.near, sender);
        nng_stream_close(link.near);
        CHECK_EQ(aio_end(receiver, NULL), NNG_ECLOSED);
        // Unless there was room after all.
        CHECK(aio_end(sender, NULL) == NNG_ECLOSED || nng_aio_count(sender) > 0);
        nng_stream_close(link.near);
        nng_aio_free(receiver);
        nng_aio_free(sender);
    }
}

static void what_comes_after_closing_is_closed(void)
{
    struct link link;

    EACH_KIND(&link) {
        nng_stream_close(link.near);
        CHECK_EQ(recv_result(link.near, ENOUGH), NNG_ECLOSED);
        CHECK_EQ(send_result(link.near, ENOUGH), NNG_ECLOSED);
        CHECK_EQ(recv_result(link.near, 0), NNG_ECLOSED);
    }
}

static void freeing_ends_what_waits(void)
{
    struct link link;

    EACH_KIND(&link) {
        nng_aio *aio = aio_new();
        char byte;

        set_memory(aio, &byte, 1);
        nng_stream_recv(link.near, aio);
        nng_stream_free(link.near);
        link.near = NULL;
        CHECK_EQ(aio_end(aio, NULL), NNG_ECLOSED);
        nng_aio_free(aio);
    }
}

static void streams_outlive_what_made_them(void)
{
    struct link link;

    EACH_KIND(&link) {
        nng_stream_dialer_free(link.dialer);
        nng_stream_listener_free(link.listener);
        link.dialer = NULL;
        link.listener = NULL;
        check_carries(link.near, link.far, "still");
        check_carries(link.far, link.near, "there");
    }
}

// From callbacks

enum what { CLOSE_STREAM, FREE_STREAM, FREE_BOTH, FREE_MAKERS, WHATS };

struct in_callback {
    struct link link;
    enum what what;
    nng_aio *aio;
    // Passed when the test is in no call that uses what the callback frees.
    struct gate left;
    struct gate done;
    int result;
    char byte;
};

static void acts(void *arg)
{
    struct in_callback *in = arg;

    in->result = nng_aio_result(in->aio);
    switch (in->what) {
    case CLOSE_STREAM:
        nng_stream_close(in->link.far);
        break;
    case FREE_BOTH:
        gate_await(&in->left, 1);
        nng_stream_free(in->link.near);
        in->link.near = NULL;
        // fall through
    case FREE_STREAM:
        nng_stream_free(in->link.far);
        in->link.far = NULL;
        break;
    case FREE_MAKERS:
        nng_stream_listener_free(in->link.listener);
        nng_stream_dialer_free(in->link.dialer);
        in->link.listener = NULL;
        in->link.dialer = NULL;
        break;
    case WHATS:
        break;
    }
    gate_pass(&in->done);
}

static void callbacks_of_receives_may_end_streams(void)
{
    struct in_callback in;

    for (int round = 0; round < 2 * WHATS; round++) {
        memset(&in, 0, sizeof in);
        EACH_KIND(&in.link) {
            size_t count;

            in.what = (enum what)(round / 2);
            gate_init(&in.left);
            gate_init(&in.done);
            CHECK_EQ(nng_aio_alloc(&in.aio, acts, &in), 0);
            set_memory(in.aio, &in.byte, 1);
            // What was waiting, and what finds its byte already there.
            if (round % 2) {
                nng_stream_recv(in.link.far, in.aio);
            }
            CHECK_EQ(send_some(in.link.near, "x", 1, ENOUGH, &count), 0);
            gate_pass(&in.left);
            if (round % 2 == 0) {
                nng_stream_recv(in.link.far, in.aio);
            }
            gate_await(&in.done, 1);
            CHECK_EQ(in.result, 0);
            nng_aio_free(in.aio);
        }
    }
}

static void frees_and_itself(void *arg)
{
    struct in_callback *in = arg;

    in->result = nng_aio_result(in->aio);
    gate_await(&in->left, 1);
    nng_stream_free(in->link.far);
    in->link.far = NULL;
    nng_aio_free(in->aio);
    gate_pass(&in->done);
}

static void a_callback_may_free_its_stream_and_its_aio(void)
{
    struct in_callback in;

    for (int i = 0; i < 20; i++) {
        EACH_KIND(&in.link) {
            gate_init(&in.left);
            gate_init(&in.done);
            CHECK_EQ(nng_aio_alloc(&in.aio, frees_and_itself, &in), 0);
            set_memory(in.aio, &in.byte, 1);
            nng_stream_recv(in.link.far, in.aio);
            nng_stream_close(i % 2 ? in.link.near : in.link.far);
            gate_pass(&in.left);
            gate_await(&in.done, 1);
            CHECK_EQ(in.result, i % 2 ? NNG_ECONNSHUT : NNG_ECLOSED);
        }
    }
}

static void frees_listener(void *arg)
{
    struct in_callback *in = arg;

    in->result = nng_aio_result(in->aio);
    if (in->result == 0) {
        in->link.far = nng_aio_get_output(in->aio, 0);
    }
    nng_stream_listener_free(in->link.listener);
    in->link.listener = NULL;
    gate_pass(&in->done);
}

static void frees_dialer(void *arg)
{
    struct in_callback *in = arg;

    in->result = nng_aio_result(in->aio);
    if (in->result == 0) {
        in->link.near = nng_aio_get_output(in->aio, 0);
    }
    nng_stream_dialer_free(in->link.dialer);
    in->link.dialer = NULL;
    gate_pass(&in->done);
}

static void callbacks_may_free_dialers_and_listeners(void)
{
    for (int kind = 0; any_url(kind) != NULL; kind++) {
        struct in_callback far, near;

        memset(&near, 0, sizeof near);
        link_listen(&far.link, any_url(kind));
        gate_init(&far.done);
        gate_init(&near.done);
        CHECK_EQ(nng_stream_dialer_alloc(&near.link.dialer, far.link.url), 0);
        CHECK_EQ(nng_aio_alloc(&far.aio, frees_listener, &far), 0);
        CHECK_EQ(nng_aio_alloc(&near.aio, frees_dialer, &near), 0);
        nng_stream_listener_accept(far.link.listener, far.aio);
        nng_stream_dialer_dial(near.link.dialer, near.aio);
        gate_await(&far.done, 1);
        gate_await(&near.done, 1);
        CHECK_EQ(far.result, 0);
        CHECK_EQ(near.result, 0);
        check_carries(near.link.near, far.link.far, "a text");
        nng_aio_free(far.aio);
        nng_aio_free(near.aio);
        link_close(&far.link);
        link_close(&near.link);
    }
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

static void freeing_nothing_does_nothing(void)
{
    nng_stream_free(NULL);
    nng_stream_dialer_free(NULL);
    nng_stream_listener_free(NULL);
}

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

// An operation of nothing or for nobody: whatever becomes of it, whoever waits goes on.
static void operations_of_nothing_do_not_hang(void)
{
    struct link link;
    nng_aio *aio = aio_new();

    nng_stream_send(NULL, aio);
    nng_aio_wait(aio);
    nng_stream_recv(NULL, aio);
    nng_aio_wait(aio);
    nng_stream_dialer_dial(NULL, aio);
    nng_aio_wait(aio);
    nng_stream_listener_accept(NULL, aio);
    nng_aio_wait(aio);
    nng_aio_free(aio);
    link_open(&link, "tcp://127.0.0.1:0");
    nng_stream_send(link.near, NULL);
    nng_stream_recv(link.near, NULL);
    nng_stream_dialer_dial(link.dialer, NULL);
    nng_stream_listener_accept(link.listener, NULL);
    check_carries(link.near, link.far, "a text");
    link_close(&link);
}

static void the_directory_is_empty_again(void)
{
    CHECK_EQ(rmdir(directory()), 0);
}

static const struct check_test tests[] = {
    TEST(what_cannot_be_is_refused_when_made),
    TEST(long_names_are_refused_when_made),
    TEST(urls_are_copied),
    TEST(bytes_go_both_ways),
    TEST(a_wildcard_is_where_one_listens),
    TEST(all_pieces_are_sent_and_filled),
    TEST(a_part_is_a_success),
    TEST(nothing_to_move_succeeds),
    TEST(those_who_wait_are_served_in_order),
    TEST(who_gives_up_takes_nothing),
    TEST(a_limit_of_zero_is_a_try),
    TEST(after_the_last_byte_comes_the_end),
    TEST(the_end_is_told_to_those_who_wait),
    TEST(sending_to_nobody_is_closed_without_a_signal),
    TEST(closing_ends_what_waits),
    TEST(what_comes_after_closing_is_closed),
    TEST(freeing_ends_what_waits),
    TEST(streams_outlive_what_made_them),
    TEST(callbacks_of_receives_may_end_streams),
    TEST(a_callback_may_free_its_stream_and_its_aio),
    TEST(callbacks_may_free_dialers_and_listeners),
    TEST(where_nobody_listens_dials_are_refused),
    TEST(addresses_of_the_other_family_are_invalid),
    TEST(the_empty_abstract_name_cannot_be_dialed),
    TEST(a_dialer_dials_many_times),
    TEST(a_closed_dialer_dials_no_more),
    TEST(a_dial_that_waits_can_be_ended),
    TEST(a_listener_is_in_one_of_three_states),
    TEST(an_address_is_served_once),
    TEST(asking_who_serves_a_path_leaves_no_trace),
    TEST(a_path_is_removed_by_whoever_bound_it),
    TEST(a_path_that_was_taken_over_stays),
    TEST(a_socket_that_nobody_serves_is_replaced),
    TEST(a_file_is_never_replaced),
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
    TEST(freeing_nothing_does_nothing),
    TEST(null_is_no_stream),
    TEST(null_is_no_option),
    TEST(operations_of_nothing_do_not_hang),
    TEST(the_directory_is_empty_again),
};

CHECK_MAIN(tests)
