// What callbacks of operations may do: to their own aio, and to others.

#include "seen.h"

#include <nng/supplemental/util/platform.h>

#include <signal.h>

// To its own aio

enum own { OWN_WAIT, OWN_CANCEL, OWN_STOP, OWN_FREE, OWN_REAP, OWN_STOP_AND_FREE };

struct own_call {
    struct seen seen;
    enum own call;
};

static void calls_on_itself(void *arg)
{
    struct own_call *own = arg;
    nng_aio *aio = own->seen.aio;

    switch (own->call) {
    case OWN_WAIT:
        nng_aio_wait(aio);
        break;
    case OWN_CANCEL:
        nng_aio_cancel(aio);
        nng_aio_abort(aio, 99);
        break;
    case OWN_STOP:
        nng_aio_stop(aio);
        break;
    case OWN_FREE:
    case OWN_REAP:
    case OWN_STOP_AND_FREE:
        break;
    }
    own->seen.result = nng_aio_result(aio);
    switch (own->call) {
    case OWN_FREE:
        nng_aio_free(aio);
        break;
    case OWN_REAP:
        nng_aio_reap(aio);
        break;
    case OWN_STOP_AND_FREE:
        nng_aio_stop(aio);
        nng_sleep_aio(0, aio);
        nng_aio_free(aio);
        break;
    default:
        break;
    }
    gate_pass(&own->seen.calls);
}

static void own_start(struct own_call *own, enum own call)
{
    memset(own, 0, sizeof *own);
    gate_init(&own->seen.calls);
    own->call = call;
    CHECK_EQ(nng_aio_alloc(&own->seen.aio, calls_on_itself, own), 0);
    nng_sleep_aio(0, own->seen.aio);
    gate_await(&own->seen.calls, 1);
    CHECK_EQ(own->seen.result, 0);
}

static void its_own_callback_may_reap_it(void)
{
    struct own_call own;

    for (int i = 0; i < 50; i++) {
        own_start(&own, OWN_REAP);
    }
}

static void its_own_callback_may_cancel_it(void)
{
    struct own_call own;

    own_start(&own, OWN_CANCEL);
    nng_aio_wait(own.seen.aio);
    CHECK_EQ(nng_aio_result(own.seen.aio), 0);
    nng_aio_free(own.seen.aio);
}

static void its_own_callback_may_wait_for_it(void)
{
    struct own_call own;

    own_start(&own, OWN_WAIT);
    nng_aio_free(own.seen.aio);
    CHECK_EQ(gate_count(&own.seen.calls), 1);
}

static void its_own_callback_may_stop_it(void)
{
    struct own_call own;

    own_start(&own, OWN_STOP);
    nng_aio_wait(own.seen.aio);
    CHECK(!nng_aio_begin(own.seen.aio));
    nng_sleep_aio(0, own.seen.aio);
    nng_aio_free(own.seen.aio);
    CHECK_EQ(gate_count(&own.seen.calls), 1);
}

static void its_own_callback_may_free_it(void)
{
    struct own_call own;

    for (int i = 0; i < 50; i++) {
        own_start(&own, OWN_FREE);
        own_start(&own, OWN_STOP_AND_FREE);
    }
}

struct chain {
    struct seen seen;
    int left;
};

static void restarts(void *arg)
{
    struct chain *chain = arg;

    sees(&chain->seen);
    if (chain->left-- > 0) {
        nng_sleep_aio(0, chain->seen.aio);
    }
}

static void its_own_callback_may_start_it_again(void)
{
    struct chain chain;

    memset(&chain, 0, sizeof chain);
    gate_init(&chain.seen.calls);
    chain.left = 20;
    CHECK_EQ(nng_aio_alloc(&chain.seen.aio, restarts, &chain), 0);
    nng_sleep_aio(0, chain.seen.aio);
    nng_aio_wait(chain.seen.aio);
    CHECK_EQ(gate_count(&chain.seen.calls), 21);
    nng_aio_free(chain.seen.aio);
    CHECK_EQ(gate_count(&chain.seen.calls), 21);
}

static void chains_end_by_stop_free_and_reap(void)
{
    for (int i = 0; i < 30; i++) {
        struct chain chain;
        int calls;

        memset(&chain, 0, sizeof chain);
        gate_init(&chain.seen.calls);
        chain.left = INT32_MAX;
        CHECK_EQ(nng_aio_alloc(&chain.seen.aio, restarts, &chain), 0);
        nng_sleep_aio(0, chain.seen.aio);
        gate_await(&chain.seen.calls, i % 3);
        if (i % 2) {
            nng_aio_stop(chain.seen.aio);
            CHECK_EQ(nng_aio_result(chain.seen.aio), NNG_ECANCELED);
            calls = gate_count(&chain.seen.calls);
            nng_aio_wait(chain.seen.aio);
            CHECK_EQ(gate_count(&chain.seen.calls), calls);
        }
        nng_aio_free(chain.seen.aio);
    }
}

struct apart {
    struct seen seen;
    pthread_mutex_t inside;
    int left;
};

static void would_meet_itself(void *arg)
{
    struct apart *apart = arg;

    CHECK_EQ(pthread_mutex_trylock(&apart->inside), 0);
    if (apart->left-- > 0) {
        nng_sleep_aio(0, apart->seen.aio);
        // Long enough for another callback to begin, if any could.
        nng_msleep(3);
    }
    pthread_mutex_unlock(&apart->inside);
    gate_pass(&apart->seen.calls);
}

static void callbacks_of_one_aio_never_overlap(void)
{
    struct apart apart;

    memset(&apart, 0, sizeof apart);
    gate_init(&apart.seen.calls);
    pthread_mutex_init(&apart.inside, NULL);
    apart.left = 10;
    CHECK_EQ(nng_aio_alloc(&apart.seen.aio, would_meet_itself, &apart), 0);
    nng_sleep_aio(0, apart.seen.aio);
    nng_aio_wait(apart.seen.aio);
    CHECK_EQ(gate_count(&apart.seen.calls), 11);
    nng_aio_free(apart.seen.aio);
}

// To others

struct pair {
    struct seen first;
    nng_aio *second;
    bool frees;
};

static void waits_for_the_other(void *arg)
{
    struct pair *pair = arg;

    if (pair->frees) {
        nng_aio_free(pair->second);
    } else {
        nng_aio_wait(pair->second);
    }
    gate_pass(&pair->first.calls);
}

static void any_number_of_callbacks_may_wait_for_others(void)
{
    static struct pair pairs[40];
    static struct seen seconds[40];

    for (int i = 0; i < 40; i++) {
        gate_init(&pairs[i].first.calls);
        seen_init(&seconds[i]);
        pairs[i].second = seconds[i].aio;
        pairs[i].frees = i % 2;
        CHECK_EQ(nng_aio_alloc(&pairs[i].first.aio, waits_for_the_other, &pairs[i]), 0);
        nng_sleep_aio(i % 2 ? LONG : 30, seconds[i].aio);
    }
    for (int i = 0; i < 40; i++) {
        nng_sleep_aio(0, pairs[i].first.aio);
    }
    for (int i = 0; i < 40; i++) {
        nng_aio_wait(pairs[i].first.aio);
        CHECK_EQ(gate_count(&seconds[i].calls), 1);
        CHECK_EQ(seconds[i].result, i % 2 ? NNG_ECLOSED : 0);
        nng_aio_free(pairs[i].first.aio);
        if (i % 2 == 0) {
            nng_aio_free(seconds[i].aio);
        }
    }
}

struct circle {
    nng_aio *self, *other;
    struct gate inside, *others, done;
};

static void waits_in_a_circle(void *arg)
{
    struct circle *circle = arg;

    gate_pass(&circle->inside);
    gate_await(circle->others, 1);
    nng_aio_wait(circle->other);
    gate_pass(&circle->done);
}

static void two_callbacks_that_wait_for_each_other_return(void)
{
    struct circle a, b;

    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    gate_init(&a.inside);
    gate_init(&b.inside);
    gate_init(&a.done);
    gate_init(&b.done);
    a.others = &b.inside;
    b.others = &a.inside;
    CHECK_EQ(nng_aio_alloc(&a.self, waits_in_a_circle, &a), 0);
    CHECK_EQ(nng_aio_alloc(&b.self, waits_in_a_circle, &b), 0);
    a.other = b.self;
    b.other = a.self;
    nng_sleep_aio(0, a.self);
    nng_sleep_aio(0, b.self);
    gate_await(&a.done, 1);
    gate_await(&b.done, 1);
    nng_aio_free(a.self);
    nng_aio_free(b.self);
}

// Freed by its own callback, which has started it again: the second run still has its aio.
struct twice {
    nng_aio *aio;
    int results[2];
    int calls;
    struct gate done;
};

static void restarts_and_frees(void *arg)
{
    struct twice *twice = arg;

    twice->results[twice->calls] = nng_aio_result(twice->aio);
    if (++twice->calls == 1) {
        nng_sleep_aio(10000, twice->aio);
        nng_aio_free(twice->aio);
        CHECK_EQ(nng_aio_count(twice->aio), 0);
        CHECK(nng_aio_busy(twice->aio));
    } else {
        gate_pass(&twice->done);
    }
}

static void a_callback_may_restart_and_free_its_aio(void)
{
    struct twice twice = { .calls = 0 };

    gate_init(&twice.done);
    CHECK_EQ(nng_aio_alloc(&twice.aio, restarts_and_frees, &twice), 0);
    nng_sleep_aio(0, twice.aio);
    gate_await(&twice.done, 1);
    CHECK_EQ(twice.results[0], 0);
    CHECK_EQ(twice.results[1], NNG_ECLOSED);
}

// What threads of the library are like

static int reaches(size_t left)
{
    volatile char room[8 << 10];

    room[0] = 1;
    return left > 2 * sizeof room ? reaches(left - sizeof room) + room[0] : 1;
}

static void fills_its_stack(void *arg)
{
    size_t size = *(size_t *) arg;

    // What sanitizers put between the frames needs room, too.
    CHECK(reaches(size / 4 * 3) > 0);
}

static void callbacks_have_stacks_as_threads_do(void)
{
    pthread_attr_t attributes;
    size_t size;
    nng_aio *aio;
    nng_thread *thread;

    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_getstacksize(&attributes, &size), 0);
    pthread_attr_destroy(&attributes);
    CHECK_EQ(nng_aio_alloc(&aio, fills_its_stack, &size), 0);
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    nng_aio_free(aio);
    CHECK_EQ(nng_thread_create(&thread, fills_its_stack, &size), 0);
    nng_thread_destroy(thread);
}

static void writes_to_nobody(void *arg)
{
    int *result = arg;
    int fds[2];

    CHECK_EQ(pipe(fds), 0);
    close(fds[0]);
    *result = write(fds[1], "x", 1) < 0 ? errno : 0;
    close(fds[1]);
}

static void a_broken_pipe_is_no_signal_for_callbacks(void)
{
    int result = 0;
    nng_aio *aio;
    nng_thread *thread;

    signal(SIGPIPE, SIG_DFL);
    CHECK_EQ(nng_aio_alloc(&aio, writes_to_nobody, &result), 0);
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    CHECK_EQ(result, EPIPE);
    nng_aio_free(aio);
    result = 0;
    CHECK_EQ(nng_thread_create(&thread, writes_to_nobody, &result), 0);
    nng_thread_destroy(thread);
    CHECK_EQ(result, EPIPE);
}

static const struct check_test tests[] = {
    TEST(its_own_callback_may_reap_it),
    TEST(its_own_callback_may_cancel_it),
    TEST(its_own_callback_may_wait_for_it),
    TEST(its_own_callback_may_stop_it),
    TEST(its_own_callback_may_free_it),
    TEST(its_own_callback_may_start_it_again),
    TEST(chains_end_by_stop_free_and_reap),
    TEST(callbacks_of_one_aio_never_overlap),
    TEST(any_number_of_callbacks_may_wait_for_others),
    TEST(two_callbacks_that_wait_for_each_other_return),
    TEST(a_callback_may_restart_and_free_its_aio),
    TEST(callbacks_have_stacks_as_threads_do),
    TEST(a_broken_pipe_is_no_signal_for_callbacks),
};

CHECK_MAIN(tests)
