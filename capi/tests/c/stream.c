// Byte streams of TCP, paths and abstract names: what they move, how they end, and what callbacks
// may do to them.

#include "streams.h"

#include <signal.h>

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

// Null

static void freeing_nothing_does_nothing(void)
{
    nng_stream_free(NULL);
    nng_stream_dialer_free(NULL);
    nng_stream_listener_free(NULL);
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

static const struct check_test tests[] = {
    TEST(bytes_go_both_ways),
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
    TEST(freeing_nothing_does_nothing),
    TEST(operations_of_nothing_do_not_hang),
    TEST(the_directory_is_empty_again),
};

CHECK_MAIN(tests)
