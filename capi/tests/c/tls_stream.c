// TLS: streams that are encrypted, and who is believed.

#include "secure.h"

static void bytes_go_both_ways(void)
{
    struct link link;

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "from the one who dialed");
    check_carries(link.far, link.near, "from the one who accepted");
    link_close(&link);
}

static void both_versions_are_spoken(void)
{
    for (int version = NNG_TLS_1_2; version <= NNG_TLS_1_3; version++) {
        for (int side = 0; side < 2; side++) {
            nng_tls_config *s = server(), *c = client();
            struct link link;

            CHECK_EQ(nng_tls_config_version(
                         side ? s : c, (nng_tls_version) version, (nng_tls_version) version),
                0);
            secure_link(&link, s, c, "127.0.0.1");
            check_carries(link.near, link.far, "a text");
            check_carries(link.far, link.near, "another one");
            link_close(&link);
        }
    }
}

#define MUCH (1 << 20)

struct mover {
    nng_stream *stream;
    unsigned seed;
    int rv;
};

static void *sends_much(void *arg)
{
    struct mover *mover = arg;
    unsigned char *data = malloc(MUCH);
    size_t sent = 0, count;

    for (size_t i = 0; i < MUCH; i++) {
        data[i] = (unsigned char) (i * mover->seed >> 5);
    }
    while (sent < MUCH && (mover->rv = send_some(mover->stream, data + sent, MUCH - sent, ENOUGH,
                               &count)) == 0) {
        sent += count;
    }
    free(data);
    return NULL;
}

static void receive_much(nng_stream *stream, unsigned seed)
{
    unsigned char *data = malloc(MUCH);
    size_t received = 0, count;

    while (received < MUCH) {
        CHECK_EQ(recv_some(stream, data + received, MUCH - received, ENOUGH, &count), 0);
        CHECK(count > 0);
        received += count;
    }
    for (size_t i = 0; i < MUCH; i++) {
        CHECK_EQ(data[i], (unsigned char) (i * seed >> 5));
    }
    free(data);
}

static void much_goes_both_ways_at_once(void)
{
    struct link link;
    struct mover near, far;
    pthread_t threads[2];

    secure_link(&link, server(), client(), "127.0.0.1");
    near.stream = link.near;
    near.seed = 7;
    far.stream = link.far;
    far.seed = 13;
    CHECK_EQ(pthread_create(&threads[0], NULL, sends_much, &near), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, sends_much, &far), 0);
    receive_much(link.near, 13);
    receive_much(link.far, 7);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQ(near.rv, 0);
    CHECK_EQ(far.rv, 0);
    link_close(&link);
}

static void all_pieces_are_sent_and_filled(void)
{
    struct link link;
    nng_aio *sender = aio_new(), *receiver = aio_new();
    char out[4] = "abcd", in[4];
    nng_iov iov[4];

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "handshake");
    for (int i = 0; i < 4; i++) {
        iov[i].iov_buf = &out[i];
        iov[i].iov_len = 1;
    }
    CHECK_EQ(nng_aio_set_iov(sender, 4, iov), 0);
    nng_stream_send(link.near, sender);
    CHECK_EQ(aio_end(sender, NULL), 0);
    CHECK_EQ(nng_aio_count(sender), 4);
    for (int i = 0; i < 4; i++) {
        iov[i].iov_buf = &in[3 - i];
    }
    CHECK_EQ(nng_aio_set_iov(receiver, 4, iov), 0);
    nng_stream_recv(link.far, receiver);
    CHECK_EQ(aio_end(receiver, NULL), 0);
    CHECK_EQ(nng_aio_count(receiver), 4);
    CHECK_MEM(in, "dcba", 4);
    nng_aio_free(sender);
    nng_aio_free(receiver);
    link_close(&link);
}

static void nothing_to_move_succeeds(void)
{
    struct link link;
    size_t count = 99;

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "handshake");
    CHECK_EQ(send_some(link.near, "", 0, ENOUGH, &count), 0);
    CHECK_EQ(count, 0);
    CHECK_EQ(recv_some(link.far, NULL, 0, ENOUGH, &count), 0);
    CHECK_EQ(count, 0);
    check_carries(link.near, link.far, "still there");
    link_close(&link);
}

static void who_gives_up_takes_nothing(void)
{
    struct link link;
    nng_aio *aio = aio_new();
    char byte;

    secure_link(&link, server(), client(), "127.0.0.1");
    CHECK_EQ(recv_result(link.far, 10), NNG_ETIMEDOUT);
    check_carries(link.near, link.far, "handshake");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(recv_result(link.far, i * 5), NNG_ETIMEDOUT);
        set_memory(aio, &byte, 1);
        nng_stream_recv(link.far, aio);
        nng_aio_cancel(aio);
        CHECK_EQ(aio_end(aio, NULL), NNG_ECANCELED);
        CHECK_EQ(nng_aio_count(aio), 0);
        check_carries(link.near, link.far, "one way");
        check_carries(link.far, link.near, "the other way");
    }
    nng_aio_free(aio);
    link_close(&link);
}

static void a_send_in_a_stalled_handshake_can_be_ended(void)
{
    struct link plain;
    nng_stream_dialer *dialer;
    nng_stream *stream;
    nng_tls_config *c = client();
    nng_aio *aio = aio_new();
    char url[300];

    link_listen(&plain, "tcp://127.0.0.1:0");
    snprintf(url, sizeof url, "tls+%s", plain.url);
    CHECK_EQ(nng_stream_dialer_alloc(&dialer, url), 0);
    CHECK_EQ(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, c), 0);
    nng_tls_config_free(c);
    // The peer takes the connection and says nothing.
    CHECK_EQ(dial(dialer, &stream), 0);
    CHECK_EQ(send_result(stream, 20), NNG_ETIMEDOUT);
    CHECK_EQ(recv_result(stream, 20), NNG_ETIMEDOUT);
    set_memory(aio, "x", 1);
    nng_stream_send(stream, aio);
    nng_aio_abort(aio, 55);
    CHECK_EQ(aio_end(aio, NULL), 55);
    nng_stream_send(stream, aio);
    nng_stream_close(stream);
    CHECK_EQ(aio_end(aio, NULL), NNG_ECLOSED);
    nng_aio_free(aio);
    nng_stream_free(stream);
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(plain.listener);
}

static void what_was_sent_arrives_after_a_close(void)
{
    struct link link;
    char buf[100];
    size_t count;

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "handshake");
    CHECK_EQ(send_some(link.near, "the last words", 14, ENOUGH, &count), 0);
    CHECK_EQ(count, 14);
    nng_stream_free(link.near);
    link.near = NULL;
    CHECK_EQ(recv_some(link.far, buf, sizeof buf, ENOUGH, &count), 0);
    CHECK_EQ(count, 14);
    CHECK_MEM(buf, "the last words", 14);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(recv_result(link.far, ENOUGH), NNG_ECONNSHUT);
    }
    link_close(&link);
}

static void closing_ends_what_waits_and_what_comes(void)
{
    struct link link;
    nng_aio *aio = aio_new();
    char byte;

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "handshake");
    set_memory(aio, &byte, 1);
    nng_stream_recv(link.near, aio);
    nng_stream_close(link.near);
    CHECK_EQ(aio_end(aio, NULL), NNG_ECLOSED);
    CHECK_EQ(recv_result(link.near, ENOUGH), NNG_ECLOSED);
    CHECK_EQ(send_result(link.near, ENOUGH), NNG_ECLOSED);
    nng_aio_free(aio);
    link_close(&link);
}

static void what_is_no_tls_is_an_error(void)
{
    nng_stream_listener *listener;
    nng_stream *near = NULL, *far = NULL;
    nng_tls_config *s = server();
    nng_aio *aio = aio_new();
    char url[100];
    size_t count;
    int port;

    CHECK_EQ(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"), 0);
    CHECK_EQ(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, s), 0);
    nng_tls_config_free(s);
    CHECK_EQ(nng_stream_listener_listen(listener), 0);
    CHECK_EQ(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    for (int i = 0; i < 2; i++) {
        nng_stream_listener_accept(listener, aio);
        snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
        CHECK_EQ(dial_url(url, &near), 0);
        CHECK_EQ(aio_end(aio, &far), 0);
        if (i == 0) {
            CHECK_EQ(send_some(near, "nothing of the kind, and long enough", 36, ENOUGH, &count), 0);
            for (int j = 0; j < 3; j++) {
                CHECK_EQ(recv_result(far, ENOUGH), NNG_ECRYPTO);
            }
            CHECK_EQ(send_result(far, ENOUGH), NNG_ECRYPTO);
        } else {
            // A peer that leaves in the middle of it.
            nng_stream_close(near);
            for (int j = 0; j < 3; j++) {
                CHECK_EQ(recv_result(far, ENOUGH), NNG_ECONNSHUT);
            }
        }
        nng_stream_free(near);
        nng_stream_free(far);
    }
    nng_aio_free(aio);
    nng_stream_listener_free(listener);
}

// Trust

// Both ends try to receive, one also to send; what each of them gets.
struct outcome {
    int near, far;
};

static struct outcome outcome(struct link *link)
{
    nng_aio *near = aio_new(), *far = aio_new(), *sender = aio_new();
    struct outcome outcome;
    char bytes[2];

    set_memory(near, &bytes[0], 1);
    set_memory(far, &bytes[1], 1);
    set_memory(sender, "x", 1);
    nng_stream_recv(link->near, near);
    nng_stream_recv(link->far, far);
    nng_stream_send(link->near, sender);
    outcome.far = aio_end(far, NULL);
    if (outcome.far == 0) {
        nng_aio_cancel(near);
    }
    outcome.near = aio_end(near, NULL);
    nng_aio_wait(sender);
    nng_aio_free(near);
    nng_aio_free(far);
    nng_aio_free(sender);
    return outcome;
}

static void check_client_refuses(nng_tls_config *c, const char *host)
{
    struct link link;
    struct outcome got;
    bool verified = true;

    secure_link(&link, server(), c, host);
    got = outcome(&link);
    CHECK_EQ(got.near, NNG_EPEERAUTH);
    CHECK(got.far != 0);
    // The failure stays, in both directions.
    CHECK_EQ(recv_result(link.near, ENOUGH), NNG_EPEERAUTH);
    CHECK_EQ(send_result(link.near, ENOUGH), NNG_EPEERAUTH);
    CHECK(recv_result(link.far, ENOUGH) != 0);
    CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TLS_VERIFIED, &verified), 0);
    CHECK(!verified);
    link_close(&link);
}

static void who_is_not_trusted_is_refused(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    CHECK_EQ(nng_tls_config_server_name(c, "localhost"), 0);
    check_client_refuses(c, "127.0.0.1");
}

static void who_has_another_name_is_refused(void)
{
    nng_tls_config *c = client();

    CHECK_EQ(nng_tls_config_server_name(c, "other.example"), 0);
    check_client_refuses(c, "127.0.0.1");
}

static void who_was_revoked_is_refused(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, revocations), 0);
    CHECK_EQ(nng_tls_config_server_name(c, "localhost"), 0);
    check_client_refuses(c, "127.0.0.1");
}

static void without_a_name_the_host_counts(void)
{
    static const char *const hosts[] = { "localhost", "127.0.0.1" };
    nng_tls_config *c;

    // The certificate is for both of them.
    for (int i = 0; i < 2; i++) {
        struct link link;
        bool verified = false;

        c = config(NNG_TLS_MODE_CLIENT);
        CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, NULL), 0);
        secure_link(&link, server(), c, hosts[i]);
        check_carries(link.near, link.far, "a text");
        CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TLS_VERIFIED, &verified), 0);
        CHECK(verified);
        link_close(&link);
    }
    c = config(NNG_TLS_MODE_CLIENT);
    CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, NULL), 0);
    check_client_refuses(c, "127.0.0.2");
}

static void who_checks_nothing_has_verified_nothing(void)
{
    struct link link;
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);
    bool verified = true;

    CHECK_EQ(nng_tls_config_auth_mode(c, NNG_TLS_AUTH_MODE_NONE), 0);
    secure_link(&link, server(), c, "127.0.0.1");
    check_carries(link.near, link.far, "a text");
    CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TLS_VERIFIED, &verified), 0);
    CHECK(!verified);
    link_close(&link);
}

static void check_names(nng_stream *stream, const char *cn, const char *first, const char *second)
{
    char *text = (char *) "untouched";
    void *names = &names;
    char **list;

    CHECK_EQ(nng_stream_get_string(stream, NNG_OPT_TLS_PEER_CN, &text), 0);
    CHECK_STR(text, cn);
    free(text);
    CHECK_EQ(nng_stream_get_ptr(stream, NNG_OPT_TLS_PEER_ALT_NAMES, &names), 0);
    list = names;
    CHECK((list != NULL) == (first != NULL));
    if (list != NULL) {
        CHECK_STR(list[0], first);
        CHECK_STR(list[1], second);
        for (int i = 0; list[i] != NULL; i++) {
            free(list[i]);
        }
        free(list);
    }
}

static void a_peer_has_names(void)
{
    struct link link;
    bool verified = true;
    char text[10];
    size_t size = sizeof text;

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "one way");
    check_carries(link.far, link.near, "the other way");
    CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TLS_VERIFIED, &verified), 0);
    CHECK(verified);
    check_names(link.near, "localhost", "localhost", "127.0.0.1");
    CHECK_EQ(nng_stream_get_bool(link.far, NNG_OPT_TLS_VERIFIED, &verified), 0);
    CHECK(!verified);
    // There is no other way to ask for them.
    CHECK_EQ(nng_stream_get(link.near, NNG_OPT_TLS_PEER_CN, text, &size), NNG_EBADTYPE);
    CHECK_EQ(nng_stream_get(link.near, NNG_OPT_TLS_PEER_ALT_NAMES, text, &size), NNG_EBADTYPE);
    link_close(&link);
}

static void who_shows_no_certificate_has_no_names(void)
{
    struct link link;

    secure_link(&link, server(), client(), "127.0.0.1");
    check_carries(link.near, link.far, "one way");
    check_names(link.far, NULL, NULL, NULL);
    link_close(&link);
}

static void nobody_is_verified_before_the_handshake(void)
{
    struct link link;
    bool verified = true;

    secure_link(&link, server(), client(), "127.0.0.1");
    CHECK_EQ(nng_stream_get_bool(link.near, NNG_OPT_TLS_VERIFIED, &verified), 0);
    CHECK(!verified);
    verified = true;
    CHECK_EQ(nng_stream_get_bool(link.far, NNG_OPT_TLS_VERIFIED, &verified), 0);
    CHECK(!verified);
    link_close(&link);
}

static nng_tls_config *asking_server(nng_tls_auth_mode mode)
{
    nng_tls_config *s = server();

    CHECK_EQ(nng_tls_config_auth_mode(s, mode), 0);
    CHECK_EQ(nng_tls_config_ca_chain(s, authority_cert, NULL), 0);
    return s;
}

static void clients_may_have_to_say_who_they_are(void)
{
    for (int mode = NNG_TLS_AUTH_MODE_OPTIONAL; mode <= NNG_TLS_AUTH_MODE_REQUIRED; mode++) {
        struct link link;
        nng_tls_config *c = client();
        bool verified = false;
        struct outcome got;

        CHECK_EQ(nng_tls_config_own_cert(c, client_cert, client_key, NULL), 0);
        secure_link(&link, asking_server((nng_tls_auth_mode) mode), c, "127.0.0.1");
        check_carries(link.near, link.far, "one way");
        check_carries(link.far, link.near, "the other way");
        CHECK_EQ(nng_stream_get_bool(link.far, NNG_OPT_TLS_VERIFIED, &verified), 0);
        CHECK(verified);
        check_names(link.far, "client", "client.example", NULL);
        link_close(&link);

        secure_link(&link, asking_server((nng_tls_auth_mode) mode), client(), "127.0.0.1");
        got = outcome(&link);
        if (mode == NNG_TLS_AUTH_MODE_OPTIONAL) {
            CHECK_EQ(got.far, 0);
            CHECK_EQ(nng_stream_get_bool(link.far, NNG_OPT_TLS_VERIFIED, &verified), 0);
            CHECK(!verified);
        } else {
            CHECK_EQ(got.far, NNG_EPEERAUTH);
            CHECK(got.near != 0);
            CHECK_EQ(recv_result(link.far, ENOUGH), NNG_EPEERAUTH);
        }
        link_close(&link);
    }
}

static void the_name_of_a_server_is_not_that_of_its_clients(void)
{
    struct link link;
    nng_tls_config *s = asking_server(NNG_TLS_AUTH_MODE_REQUIRED), *c = client();

    CHECK_EQ(nng_tls_config_server_name(s, "localhost"), 0);
    CHECK_EQ(nng_tls_config_own_cert(c, client_cert, client_key, NULL), 0);
    secure_link(&link, s, c, "127.0.0.1");
    check_carries(link.near, link.far, "a text");
    link_close(&link);
}

static const struct check_test tests[] = {
    TEST(bytes_go_both_ways),
    TEST(both_versions_are_spoken),
    TEST(much_goes_both_ways_at_once),
    TEST(all_pieces_are_sent_and_filled),
    TEST(nothing_to_move_succeeds),
    TEST(who_gives_up_takes_nothing),
    TEST(a_send_in_a_stalled_handshake_can_be_ended),
    TEST(what_was_sent_arrives_after_a_close),
    TEST(closing_ends_what_waits_and_what_comes),
    TEST(what_is_no_tls_is_an_error),
    TEST(who_is_not_trusted_is_refused),
    TEST(who_has_another_name_is_refused),
    TEST(who_was_revoked_is_refused),
    TEST(without_a_name_the_host_counts),
    TEST(who_checks_nothing_has_verified_nothing),
    TEST(a_peer_has_names),
    TEST(who_shows_no_certificate_has_no_names),
    TEST(nobody_is_verified_before_the_handshake),
    TEST(clients_may_have_to_say_who_they_are),
    TEST(the_name_of_a_server_is_not_that_of_its_clients),
};

CHECK_MAIN(tests)
