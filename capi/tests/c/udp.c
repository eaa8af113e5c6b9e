// Datagrams: bound sockets, what they send and receive, and groups.

#include "aios.h"

#include <arpa/inet.h>

#ifdef OLD_HEADERS
#include <nng/supplemental/util/platform.h>
typedef struct nng_udp nng_udp;
extern int nng_udp_open(nng_udp **, nng_sockaddr *);
extern void nng_udp_close(nng_udp *);
extern int nng_udp_sockname(nng_udp *, nng_sockaddr *);
extern void nng_udp_send(nng_udp *, nng_aio *);
extern void nng_udp_recv(nng_udp *, nng_aio *);
extern int nng_udp_multicast_membership(nng_udp *, nng_sockaddr *, bool);
#endif

static nng_sockaddr loopback(uint16_t port)
{
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_in.sa_family = NNG_AF_INET;
    sa.s_in.sa_addr = htonl(0x7f000001);
    sa.s_in.sa_port = htons(port);
    return sa;
}

static nng_sockaddr loopback6(void)
{
    nng_sockaddr sa;

    memset(&sa, 0, sizeof sa);
    sa.s_in6.sa_family = NNG_AF_INET6;
    sa.s_in6.sa_addr[15] = 1;
    return sa;
}

// A bound socket, and its address in place of the one that was asked for.
static nng_udp *bound(nng_sockaddr *sa)
{
    nng_udp *udp = NULL;

    CHECK_EQ(nng_udp_open(&udp, sa), 0);
    CHECK(udp != NULL);
    CHECK_EQ(nng_udp_sockname(udp, sa), 0);
    return udp;
}

static nng_aio *aio_with(nng_sockaddr *sa, void *data, size_t length)
{
    nng_aio *aio = aio_new();

    CHECK_EQ(nng_aio_set_input(aio, 0, sa), 0);
    set_memory(aio, data, length);
    return aio;
}

static int end(nng_aio *aio, size_t *count)
{
    int rv;

    nng_aio_wait(aio);
    rv = nng_aio_result(aio);
    if (count) {
        *count = nng_aio_count(aio);
    }
    nng_aio_free(aio);
    return rv;
}

static int send_to(nng_udp *udp, nng_sockaddr *sa, const void *data, size_t length, size_t *count)
{
    nng_aio *aio = aio_with(sa, (void *) data, length);

    nng_udp_send(udp, aio);
    return end(aio, count);
}

static int recv_from(nng_udp *udp, nng_sockaddr *sa, void *data, size_t length, size_t *count)
{
    nng_aio *aio = aio_with(sa, data, length);

    nng_udp_recv(udp, aio);
    return end(aio, count);
}

static void some_addresses_are_refused(void)
{
    static const struct {
        uint16_t family;
        int rv;
    } table[] = { { NNG_AF_UNSPEC, NNG_EADDRINVAL }, { NNG_AF_INPROC, NNG_EADDRINVAL },
        { NNG_AF_ZT, NNG_EADDRINVAL }, { NNG_AF_IPC, NNG_ENOTSUP },
        { NNG_AF_ABSTRACT, NNG_ENOTSUP } };
    nng_udp *udp = NULL;
    nng_sockaddr sa;

    CHECK_EQ(nng_udp_open(&udp, NULL), NNG_EADDRINVAL);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        memset(&sa, 0, sizeof sa);
        sa.s_family = table[i].family;
        if (sa.s_family == NNG_AF_IPC) {
            strcpy(sa.s_ipc.sa_path, "/tmp/nng-test-udp");
        } else if (sa.s_family == NNG_AF_ABSTRACT) {
            sa.s_abstract.sa_len = 1;
            sa.s_abstract.sa_name[0] = 'x';
        }
        CHECK_EQ(nng_udp_open(&udp, &sa), table[i].rv);
    }
    sa = loopback(0);
    sa.s_in.sa_addr = htonl(0xc0000201);
    CHECK_EQ(nng_udp_open(&udp, &sa), NNG_EADDRINVAL);
    CHECK(udp == NULL);
}

static void an_address_is_bound_once(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa), *other = NULL;

    CHECK_EQ(sa.s_family, NNG_AF_INET);
    CHECK_EQ(ntohl(sa.s_in.sa_addr), 0x7f000001);
    CHECK(sa.s_in.sa_port != 0);
    CHECK_EQ(nng_udp_open(&other, &sa), NNG_EADDRINUSE);
    CHECK(other == NULL);
    nng_udp_close(udp);
    other = bound(&sa);
    nng_udp_close(other);
}

static void exchange(nng_sockaddr a, nng_sockaddr b)
{
    nng_udp *from = bound(&a), *to = bound(&b);
    nng_sockaddr sender;
    char buf[20];
    size_t count;

    CHECK_EQ(send_to(from, &b, "hello", 5, &count), 0);
    CHECK_EQ(count, 5);
    memset(&sender, 0, sizeof sender);
    CHECK_EQ(recv_from(to, &sender, buf, sizeof buf, &count), 0);
    CHECK_EQ(count, 5);
    CHECK_MEM(buf, "hello", 5);
    CHECK_EQ(sender.s_family, a.s_family);
    CHECK_EQ(sender.s_in.sa_port, a.s_in.sa_port);

    // Who answers needs to know nothing else.
    CHECK_EQ(send_to(to, &sender, "hi", 2, &count), 0);
    CHECK_EQ(recv_from(from, NULL, buf, sizeof buf, &count), 0);
    CHECK_EQ(count, 2);
    CHECK_MEM(buf, "hi", 2);
    nng_udp_close(from);
    nng_udp_close(to);
}

static void datagrams_go_both_ways(void)
{
    exchange(loopback(0), loopback(0));
    exchange(loopback6(), loopback6());
}

static void a_datagram_may_be_empty(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    char buf[4];
    size_t count = 99;

    CHECK_EQ(send_to(udp, &sa, "", 0, &count), 0);
    CHECK_EQ(count, 0);
    CHECK_EQ(recv_from(udp, NULL, buf, sizeof buf, &count), 0);
    CHECK_EQ(count, 0);
    nng_udp_close(udp);
}

static void each_datagram_has_its_receive_in_order(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    nng_sockaddr senders[8];
    nng_aio *aios[8];
    char buf[8][4];
    size_t count;

    for (int i = 0; i < 8; i++) {
        aios[i] = aio_with(&senders[i], buf[i], 4);
        nng_udp_recv(udp, aios[i]);
    }
    nng_aio_abort(aios[3], 77);
    CHECK_EQ(end(aios[3], &count), 77);
    CHECK_EQ(count, 0);
    for (int i = 0; i < 7; i++) {
        char byte = (char) ('a' + i);

        CHECK_EQ(send_to(udp, &sa, &byte, 1, NULL), 0);
    }
    for (int i = 0, byte = 'a'; i < 8; i++) {
        if (i != 3) {
            CHECK_EQ(end(aios[i], &count), 0);
            CHECK_EQ(count, 1);
            CHECK_EQ(buf[i][0], byte++);
            CHECK_EQ(senders[i].s_in.sa_port, sa.s_in.sa_port);
        }
    }
    nng_udp_close(udp);
}

static void eight_pieces_make_a_datagram(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    char out[8] = "abcdefgh", in[8];
    nng_aio *sender = aio_with(&sa, NULL, 0), *receiver = aio_with(NULL, NULL, 0);
    nng_iov iov[8];
    size_t count;

    for (int i = 0; i < 8; i++) {
        iov[i].iov_buf = &out[i];
        iov[i].iov_len = 1;
    }
    CHECK_EQ(nng_aio_set_iov(sender, 8, iov), 0);
    for (int i = 0; i < 8; i++) {
        iov[i].iov_buf = &in[7 - i];
    }
    CHECK_EQ(nng_aio_set_iov(receiver, 8, iov), 0);
    nng_udp_send(udp, sender);
    CHECK_EQ(end(sender, &count), 0);
    CHECK_EQ(count, 8);
    nng_udp_recv(udp, receiver);
    CHECK_EQ(end(receiver, &count), 0);
    CHECK_EQ(count, 8);
    CHECK_MEM(in, "hgfedcba", 8);
    nng_udp_close(udp);
}

static void a_datagram_that_is_cut_is_an_error(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    char buf[4];
    size_t count;

    CHECK_EQ(send_to(udp, &sa, "too long", 8, NULL), 0);
    CHECK_EQ(recv_from(udp, NULL, buf, sizeof buf, &count), NNG_EMSGSIZE);
    CHECK_EQ(count, 4);
    CHECK_MEM(buf, "too ", 4);
    CHECK_EQ(send_to(udp, &sa, "next", 4, NULL), 0);
    CHECK_EQ(recv_from(udp, NULL, buf, sizeof buf, &count), 0);
    CHECK_EQ(count, 4);
    CHECK_MEM(buf, "next", 4);
    nng_udp_close(udp);
}

static void a_limit_of_zero_is_a_try(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    char buf[4];
    size_t count;
    nng_aio *aio = aio_with(&sa, buf, 4);

    nng_aio_set_timeout(aio, 0);
    nng_udp_recv(udp, aio);
    CHECK_EQ(end(aio, &count), NNG_ETIMEDOUT);
    CHECK_EQ(count, 0);
    aio = aio_with(&sa, (void *) "data", 4);
    nng_aio_set_timeout(aio, 0);
    nng_udp_send(udp, aio);
    CHECK_EQ(end(aio, NULL), 0);
    aio = aio_with(NULL, buf, 4);
    nng_aio_set_timeout(aio, 0);
    nng_udp_recv(udp, aio);
    CHECK_EQ(end(aio, &count), 0);
    CHECK_EQ(count, 4);
    nng_udp_close(udp);
}

static void a_receive_may_be_ended(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    char buf[4];
    size_t count;
    nng_aio *aio = aio_with(NULL, buf, 4);

    nng_aio_set_timeout(aio, 10);
    nng_udp_recv(udp, aio);
    CHECK_EQ(end(aio, &count), NNG_ETIMEDOUT);
    CHECK_EQ(count, 0);
    aio = aio_with(NULL, buf, 4);
    nng_udp_recv(udp, aio);
    nng_aio_cancel(aio);
    CHECK_EQ(end(aio, NULL), NNG_ECANCELED);
    aio = aio_with(NULL, buf, 4);
    nng_udp_recv(udp, aio);
    nng_aio_stop(aio);
    CHECK_EQ(nng_aio_result(aio), NNG_ECANCELED);
    nng_udp_recv(udp, aio);
    CHECK_EQ(end(aio, NULL), NNG_ECANCELED);
    nng_udp_close(udp);
}

static void where_nothing_can_go_sends_fail(void)
{
    static char much[70000];
    nng_sockaddr sa = loopback(0), there;
    nng_udp *udp = bound(&sa);
    size_t count = 99;

    CHECK_EQ(send_to(udp, NULL, "x", 1, &count), NNG_EADDRINVAL);
    CHECK_EQ(count, 0);
    memset(&there, 0, sizeof there);
    CHECK_EQ(send_to(udp, &there, "x", 1, &count), NNG_EADDRINVAL);
    CHECK_EQ(count, 0);
    there.s_family = NNG_AF_INPROC;
    CHECK_EQ(send_to(udp, &there, "x", 1, &count), NNG_EADDRINVAL);
    there = loopback6();
    there.s_in6.sa_port = htons(5);
    CHECK_EQ(send_to(udp, &there, "x", 1, &count), NNG_ENOTSUP);
    CHECK_EQ(count, 0);
    CHECK_EQ(send_to(udp, &sa, much, 65508, &count), NNG_EMSGSIZE);
    CHECK_EQ(count, 0);
    CHECK_EQ(send_to(udp, &sa, much, 65507, &count), 0);
    CHECK_EQ(count, 65507);
    CHECK_EQ(recv_from(udp, NULL, much, sizeof much, &count), 0);
    CHECK_EQ(count, 65507);
    there = loopback(5);
    there.s_in.sa_addr = 0xffffffff;
    CHECK_EQ(send_to(udp, &there, "x", 1, &count), NNG_EPERM);
    nng_udp_close(udp);
}

// A port where nobody listens tells so later; it is the trouble of one operation at most.
static void an_error_of_the_past_ends_one_operation(void)
{
    nng_sockaddr gone = loopback(0), sa = loopback(0);
    nng_udp *udp = bound(&gone);
    char buf[4];
    size_t count;
    int rv;

    nng_udp_close(udp);
    udp = bound(&sa);
    CHECK_EQ(send_to(udp, &gone, "x", 1, NULL), 0);
    rv = send_to(udp, &sa, "data", 4, NULL);
    if (rv != 0) {
        CHECK_EQ(send_to(udp, &sa, "data", 4, NULL), 0);
    }
    if (recv_from(udp, NULL, buf, 4, &count) != 0) {
        CHECK_EQ(rv, 0);
        CHECK_EQ(recv_from(udp, NULL, buf, 4, &count), 0);
    }
    CHECK_EQ(count, 4);
    CHECK_MEM(buf, "data", 4);
    nng_udp_close(udp);
}

static void closing_ends_what_waits(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    char buf[3][4];
    nng_aio *aios[3];
    size_t count;

    for (int i = 0; i < 3; i++) {
        aios[i] = aio_with(NULL, buf[i], 4);
        nng_udp_recv(udp, aios[i]);
    }
    nng_udp_close(udp);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(end(aios[i], &count), NNG_ECLOSED);
        CHECK_EQ(count, 0);
    }
}

// If it were closed twice, it could be that of another one meanwhile.
static void a_descriptor_is_closed_once(void)
{
    for (int i = 0; i < 200; i++) {
        nng_sockaddr sa = loopback(0);
        nng_udp *udp = bound(&sa);
        int fds[2];

        nng_udp_close(udp);
        CHECK_EQ(pipe(fds), 0);
        CHECK_EQ(write(fds[1], "x", 1), 1);
        CHECK_EQ(close(fds[0]), 0);
        CHECK_EQ(close(fds[1]), 0);
    }
}

struct in_callback {
    nng_udp *udp;
    nng_aio *aio;
    struct gate done;
    char buf[4];
};

static void closes(void *arg)
{
    struct in_callback *in = arg;

    nng_udp_close(in->udp);
    gate_pass(&in->done);
}

static void a_callback_may_close(void)
{
    nng_sockaddr other = loopback(0);
    nng_udp *sender = bound(&other);

    for (int i = 0; i < 20; i++) {
        struct in_callback in;
        nng_sockaddr sa = loopback(0);
        nng_iov iov;

        gate_init(&in.done);
        in.udp = bound(&sa);
        iov.iov_buf = in.buf;
        iov.iov_len = sizeof in.buf;
        CHECK_EQ(nng_aio_alloc(&in.aio, closes, &in), 0);
        CHECK_EQ(nng_aio_set_iov(in.aio, 1, &iov), 0);
        nng_udp_recv(in.udp, in.aio);
        if (i % 2) {
            nng_aio_cancel(in.aio);
        } else {
            CHECK_EQ(send_to(sender, &sa, "x", 1, NULL), 0);
        }
        gate_await(&in.done, 1);
        nng_aio_free(in.aio);
    }
    nng_udp_close(sender);
}

static void groups_are_joined_and_left(void)
{
    nng_sockaddr sa = loopback(0), group = loopback(0), other;
    nng_udp *udp = bound(&sa);

    CHECK_EQ(nng_udp_multicast_membership(udp, NULL, true), NNG_EADDRINVAL);
    memset(&other, 0, sizeof other);
    CHECK_EQ(nng_udp_multicast_membership(udp, &other, true), NNG_EADDRINVAL);
    other = loopback6();
    CHECK_EQ(nng_udp_multicast_membership(udp, &other, true), NNG_EADDRINVAL);
    CHECK_EQ(nng_udp_multicast_membership(udp, &group, true), NNG_EINVAL);
    group.s_in.sa_addr = htonl(0xe0000077);
    CHECK_EQ(nng_udp_multicast_membership(udp, &group, false), NNG_EADDRINVAL);
    CHECK_EQ(nng_udp_multicast_membership(udp, &group, true), 0);
    CHECK_EQ(nng_udp_multicast_membership(udp, &group, true), NNG_EADDRINUSE);
    CHECK_EQ(nng_udp_multicast_membership(udp, &group, false), 0);
    CHECK_EQ(nng_udp_multicast_membership(udp, &group, false), NNG_EADDRINVAL);
    nng_udp_close(udp);
}

static void null_is_nothing(void)
{
    nng_sockaddr sa = loopback(0);
    nng_udp *udp = bound(&sa);
    nng_aio *aio = aio_with(&sa, (void *) "x", 1);

    nng_udp_close(NULL);
    nng_udp_send(udp, NULL);
    nng_udp_recv(udp, NULL);
    CHECK_EQ(nng_udp_sockname(NULL, &sa), NNG_EINVAL);
    CHECK_EQ(nng_udp_multicast_membership(NULL, &sa, true), NNG_EINVAL);
    // Whatever becomes of these, whoever waits goes on.
    nng_udp_send(NULL, aio);
    nng_aio_wait(aio);
    nng_udp_recv(NULL, aio);
    nng_aio_wait(aio);
    nng_aio_free(aio);
    nng_udp_close(udp);
}

static const struct check_test tests[] = {
    TEST(some_addresses_are_refused),
    TEST(an_address_is_bound_once),
    TEST(datagrams_go_both_ways),
    TEST(a_datagram_may_be_empty),
    TEST(each_datagram_has_its_receive_in_order),
    TEST(eight_pieces_make_a_datagram),
    TEST(a_datagram_that_is_cut_is_an_error),
    TEST(a_limit_of_zero_is_a_try),
    TEST(a_receive_may_be_ended),
    TEST(where_nothing_can_go_sends_fail),
    TEST(an_error_of_the_past_ends_one_operation),
    TEST(closing_ends_what_waits),
    TEST(a_descriptor_is_closed_once),
    TEST(a_callback_may_close),
    TEST(groups_are_joined_and_left),
    TEST(null_is_nothing),
};

CHECK_MAIN(tests)
