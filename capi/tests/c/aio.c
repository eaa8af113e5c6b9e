// Operations: one callback each, results, time, who may end them, and what they carry.

#include "seen.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

// Refused, or fatal; the operation in flight is not hurt. First of all, since a child may only use
// a library that its parent has not started.
static void starting_what_is_in_flight_hurts_nobody(void)
{
    struct seen seen;
    int status;
    pid_t child;

    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };

        setrlimit(RLIMIT_CORE, &no_core);
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        alarm(20);
        seen_init(&seen);
        nng_sleep_aio(LONG, seen.aio);
        nng_sleep_aio(LONG, seen.aio);
        nng_aio_abort(seen.aio, 5);
        nng_aio_wait(seen.aio);
        CHECK_EQ(gate_count(&seen.calls), 1);
        nng_aio_free(seen.aio);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
        (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}

static void a_fresh_aio_has_nothing(void)
{
    nng_aio *aio = NULL;

    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    CHECK(aio != NULL);
    CHECK_EQ(nng_aio_result(aio), 0);
    CHECK_EQ(nng_aio_count(aio), 0);
    CHECK(nng_aio_get_msg(aio) == NULL);
    for (unsigned i = 0; i < 4; i++) {
        CHECK(nng_aio_get_input(aio, i) == NULL);
        CHECK(nng_aio_get_output(aio, i) == NULL);
    }
    nng_aio_wait(aio);
    nng_aio_cancel(aio);
    nng_aio_abort(aio, NNG_ESTATE);
    nng_aio_wait(aio);
    nng_aio_free(aio);
    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_stop(aio);
    nng_aio_stop(aio);
    nng_aio_reap(aio);
}

static void without_a_callback_one_waits(void)
{
    nng_aio *aio;

    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (int i = 0; i < 100; i++) {
        nng_sleep_aio(0, aio);
        nng_aio_wait(aio);
        CHECK_EQ(nng_aio_result(aio), 0);
    }
    nng_sleep_aio(LONG, aio);
    nng_aio_abort(aio, 77);
    nng_aio_wait(aio);
    CHECK_EQ(nng_aio_result(aio), 77);
    nng_aio_free(aio);
}

static void each_operation_has_one_callback(void)
{
    struct seen seen;

    seen_init(&seen);
    for (int i = 1; i <= 100; i++) {
        nng_sleep_aio(0, seen.aio);
        check_seen(&seen, i, 0);
    }
    seen_fini(&seen);
    CHECK_EQ(gate_count(&seen.calls), 100);
}

struct locked {
    pthread_mutex_t lock;
    struct seen seen;
};

static void locks(void *arg)
{
    struct locked *locked = arg;

    pthread_mutex_lock(&locked->lock);
    pthread_mutex_unlock(&locked->lock);
    sees(&locked->seen);
}

static void callbacks_never_run_in_the_call_that_starts(void)
{
    struct locked locked = { PTHREAD_MUTEX_INITIALIZER, { 0 } };

    gate_init(&locked.seen.calls);
    CHECK_EQ(nng_aio_alloc(&locked.seen.aio, locks, &locked), 0);
    for (int i = 1; i <= 20; i++) {
        pthread_mutex_lock(&locked.lock);
        nng_sleep_aio(i % 2 ? 0 : LONG, locked.seen.aio);
        nng_aio_cancel(locked.seen.aio);
        pthread_mutex_unlock(&locked.lock);
        nng_aio_wait(locked.seen.aio);
        CHECK_EQ(gate_count(&locked.seen.calls), i);
        CHECK(!pthread_equal(locked.seen.thread, pthread_self()));
    }
    nng_aio_free(locked.seen.aio);
}

static struct gate go_on = GATE_INIT, is_inside = GATE_INIT;

static void lingers(void *arg)
{
    gate_pass(&is_inside);
    gate_await(&go_on, 1);
    sees(arg);
}

static void an_aio_is_busy_until_its_callback_has_returned(void)
{
    struct seen seen;

    memset(&seen, 0, sizeof seen);
    gate_init(&seen.calls);
    gate_init(&go_on);
    gate_init(&is_inside);
    CHECK_EQ(nng_aio_alloc(&seen.aio, lingers, &seen), 0);
    CHECK(!nng_aio_busy(seen.aio));
    nng_sleep_aio(LONG, seen.aio);
    CHECK(nng_aio_busy(seen.aio));
    nng_aio_cancel(seen.aio);
    gate_await(&is_inside, 1);
    CHECK(nng_aio_busy(seen.aio));
    gate_pass(&go_on);
    nng_aio_wait(seen.aio);
    CHECK(!nng_aio_busy(seen.aio));
    CHECK_EQ(gate_count(&seen.calls), 1);
    CHECK_EQ(seen.result, NNG_ECANCELED);
    nng_aio_free(seen.aio);
}

static void *waits(void *arg)
{
    nng_aio_wait(arg);
    return NULL;
}

static void any_number_of_threads_may_wait(void)
{
    struct seen seen;
    pthread_t threads[8];

    seen_init(&seen);
    nng_sleep_aio(LONG, seen.aio);
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, waits, seen.aio), 0);
    }
    nng_aio_cancel(seen.aio);
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    check_seen(&seen, 1, NNG_ECANCELED);
    seen_fini(&seen);
}

// Sleeps

static void a_sleep_ends_no_earlier_than_it_says(void)
{
    static const nng_duration times[] = { 0, 1, 7, 30 };
    struct seen seen;

    seen_init(&seen);
    for (size_t i = 0; i < CHECK_COUNT(times); i++) {
        int64_t begin = now_us();

        nng_sleep_aio(times[i], seen.aio);
        check_seen(&seen, (int) i + 1, 0);
        CHECK(now_us() - begin >= times[i] * 1000);
    }
    seen_fini(&seen);
}

static void the_shorter_of_sleep_and_limit_decides(void)
{
    static const struct {
        nng_duration limit, sleep;
        int result;
    } table[] = { { -1, 5, 0 }, { -2, 5, 0 }, { 5, 5, 0 }, { 1000, 5, 0 }, { 5, 1000, NNG_ETIMEDOUT },
        { 0, 1000, NNG_ETIMEDOUT }, { -3, 1000, NNG_ETIMEDOUT }, { -1, -1, 0 }, { -2, -2, 0 },
        { -1, -1000, 0 }, { -1, 0, 0 } };
    struct seen seen;

    seen_init(&seen);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_aio_set_timeout(seen.aio, table[i].limit);
        nng_sleep_aio(table[i].sleep, seen.aio);
        check_seen(&seen, (int) i + 1, table[i].result);
    }
    seen_fini(&seen);
}

static void a_limit_of_zero_lets_a_sleep_of_nothing_end(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_aio_set_timeout(seen.aio, 0);
    nng_sleep_aio(0, seen.aio);
    check_seen(&seen, 1, 0);
    seen_fini(&seen);
}

static void after_a_sleep_a_limit_is_a_limit(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_sleep_aio(1, seen.aio);
    check_seen(&seen, 1, 0);
    nng_aio_set_timeout(seen.aio, 20);
    keep(seen.aio, true);
    check_seen(&seen, 2, NNG_ETIMEDOUT);
    CHECK_EQ(kept.code, NNG_ETIMEDOUT);
    seen_fini(&seen);
}

// Who ends an operation

static void whoever_ends_an_operation_says_how(void)
{
    static const int codes[] = { NNG_ETIMEDOUT, 1, 4321, -5, NNG_ESYSERR + 3, INT32_MIN, INT32_MAX };
    struct seen seen;
    int calls = 0;

    seen_init(&seen);
    nng_sleep_aio(LONG, seen.aio);
    nng_aio_cancel(seen.aio);
    check_seen(&seen, ++calls, NNG_ECANCELED);
    for (size_t i = 0; i < CHECK_COUNT(codes); i++) {
        nng_sleep_aio(LONG, seen.aio);
        nng_aio_abort(seen.aio, codes[i]);
        check_seen(&seen, ++calls, codes[i]);
    }
    nng_sleep_aio(LONG, seen.aio);
    nng_aio_stop(seen.aio);
    CHECK_EQ(gate_count(&seen.calls), ++calls);
    check_seen(&seen, calls, NNG_ECANCELED);
    seen_fini(&seen);
}

static void the_first_who_asks_decides(void)
{
    struct seen seen;

    seen_init(&seen);
    for (int i = 1; i <= 50; i++) {
        nng_sleep_aio(LONG, seen.aio);
        nng_aio_abort(seen.aio, 100);
        nng_aio_abort(seen.aio, 200);
        nng_aio_cancel(seen.aio);
        check_seen(&seen, i, 100);
    }
    seen_fini(&seen);
}

static void zero_is_no_way_to_end(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_sleep_aio(LONG, seen.aio);
    nng_aio_abort(seen.aio, 0);
    check_seen(&seen, 1, NNG_ECANCELED);
    seen_fini(&seen);
}

static void nothing_in_flight_is_nothing_to_cancel(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_aio_abort(seen.aio, 1234);
    nng_aio_cancel(seen.aio);
    CHECK_EQ(nng_aio_result(seen.aio), 0);
    CHECK_EQ(gate_count(&seen.calls), 0);
    nng_sleep_aio(1, seen.aio);
    check_seen(&seen, 1, 0);
    nng_aio_abort(seen.aio, 1234);
    CHECK_EQ(nng_aio_result(seen.aio), 0);
    nng_sleep_aio(1, seen.aio);
    check_seen(&seen, 2, 0);
    seen_fini(&seen);
}

static void what_has_ended_stays_as_it_ended(void)
{
    struct seen seen;

    memset(&seen, 0, sizeof seen);
    gate_init(&seen.calls);
    gate_init(&go_on);
    gate_init(&is_inside);
    CHECK_EQ(nng_aio_alloc(&seen.aio, lingers, &seen), 0);
    CHECK(nng_aio_begin(seen.aio));
    nng_aio_finish(seen.aio, 42);
    nng_aio_cancel(seen.aio);
    gate_await(&is_inside, 1);
    nng_aio_abort(seen.aio, 43);
    gate_pass(&go_on);
    nng_aio_wait(seen.aio);
    CHECK_EQ(seen.result, 42);
    CHECK_EQ(nng_aio_result(seen.aio), 42);
    nng_aio_free(seen.aio);
}

static void after_a_stop_nothing_starts(void)
{
    struct seen seen;
    nng_msg *m;
    nng_iov iov = { NULL, 0 };

    CHECK_EQ(nng_msg_alloc(&m, 1), 0);
    seen_init(&seen);
    nng_aio_stop(seen.aio);
    CHECK_EQ(nng_aio_result(seen.aio), 0);
    nng_aio_set_msg(seen.aio, m);
    CHECK_EQ(nng_aio_set_iov(seen.aio, 1, &iov), 0);
    nng_sleep_aio(0, seen.aio);
    nng_aio_wait(seen.aio);
    CHECK_EQ(nng_aio_result(seen.aio), NNG_ECANCELED);
    CHECK_EQ(nng_aio_count(seen.aio), 0);
    CHECK(!nng_aio_begin(seen.aio));
    CHECK_EQ(nng_aio_result(seen.aio), NNG_ECANCELED);
    CHECK(nng_aio_get_msg(seen.aio) == m);
    nng_aio_stop(seen.aio);
    CHECK_EQ(gate_count(&seen.calls), 0);
    nng_msg_free(m);
    seen_fini(&seen);
    CHECK_EQ(gate_count(&seen.calls), 0);
}

static void after_a_stop_an_aio_is_idle(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_aio_stop(seen.aio);
    nng_sleep_aio(0, seen.aio);
    CHECK(!nng_aio_busy(seen.aio));
    CHECK(!nng_aio_begin(seen.aio));
    CHECK(!nng_aio_busy(seen.aio));
    seen_fini(&seen);
}

static void many_may_stop_at_once(void)
{
    struct seen seen;
    pthread_t threads[6];

    seen_init(&seen);
    nng_sleep_aio(LONG, seen.aio);
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, stops, seen.aio), 0);
    }
    for (size_t i = 0; i < CHECK_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQ(gate_count(&seen.calls), 1);
    CHECK_EQ(seen.result, NNG_ECANCELED);
    seen_fini(&seen);
}

static void a_free_ends_what_is_in_flight_first(void)
{
    struct seen seen;

    for (int i = 0; i < 50; i++) {
        seen_init(&seen);
        nng_sleep_aio(LONG, seen.aio);
        nng_aio_free(seen.aio);
        CHECK_EQ(gate_count(&seen.calls), 1);
        CHECK_EQ(seen.result, NNG_ECLOSED);
    }
}

static void a_reap_frees_later(void)
{
    struct seen seen;

    for (int i = 0; i < 50; i++) {
        seen_init(&seen);
        nng_sleep_aio(LONG, seen.aio);
        nng_aio_reap(seen.aio);
        gate_await(&seen.calls, 1);
        CHECK_EQ(seen.result, NNG_ECLOSED);
    }
    seen_init(&seen);
    nng_aio_reap(seen.aio);
}

// Inputs, outputs, memory, messages

static void four_inputs_and_outputs_are_kept(void)
{
    struct seen seen;
    int values[8];

    seen_init(&seen);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(nng_aio_set_input(seen.aio, i, &values[i]), 0);
        CHECK_EQ(nng_aio_set_output(seen.aio, i, &values[4 + i]), 0);
    }
    CHECK_EQ(nng_aio_set_input(seen.aio, 4, values), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_output(seen.aio, 4, values), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_input(seen.aio, UINT32_MAX, values), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_output(seen.aio, UINT32_MAX, values), NNG_EINVAL);
    CHECK(nng_aio_get_input(seen.aio, 4) == NULL);
    CHECK(nng_aio_get_output(seen.aio, 4) == NULL);
    CHECK(nng_aio_get_input(seen.aio, UINT32_MAX) == NULL);
    CHECK(nng_aio_get_output(seen.aio, UINT32_MAX) == NULL);
    for (unsigned i = 0; i < 4; i++) {
        CHECK(nng_aio_get_input(seen.aio, i) == &values[i]);
        CHECK(nng_aio_get_output(seen.aio, i) == &values[4 + i]);
    }
    nng_sleep_aio(0, seen.aio);
    check_seen(&seen, 1, 0);
    for (unsigned i = 0; i < 4; i++) {
        CHECK(nng_aio_get_input(seen.aio, i) == &values[i]);
        CHECK(nng_aio_get_output(seen.aio, i) == NULL);
    }
    CHECK_EQ(nng_aio_set_input(seen.aio, 2, NULL), 0);
    CHECK(nng_aio_get_input(seen.aio, 2) == NULL);
    seen_fini(&seen);
}

static void a_provider_sees_inputs_and_gives_outputs(void)
{
    struct seen seen;
    int in, out;

    seen_init(&seen);
    CHECK_EQ(nng_aio_set_input(seen.aio, 1, &in), 0);
    CHECK(nng_aio_begin(seen.aio));
    CHECK(nng_aio_get_input(seen.aio, 1) == &in);
    CHECK_EQ(nng_aio_set_output(seen.aio, 3, &out), 0);
    nng_aio_finish(seen.aio, 0);
    check_seen(&seen, 1, 0);
    CHECK(nng_aio_get_output(seen.aio, 3) == &out);
    CHECK(nng_aio_begin(seen.aio));
    CHECK(nng_aio_get_output(seen.aio, 3) == NULL);
    nng_aio_finish(seen.aio, 0);
    check_seen(&seen, 2, 0);
    seen_fini(&seen);
}

static void eight_pieces_of_memory_are_the_most(void)
{
    nng_aio *aio;
    char bytes[9];
    nng_iov iov[9];

    for (int i = 0; i < 9; i++) {
        iov[i].iov_buf = &bytes[i];
        iov[i].iov_len = 1;
    }
    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (unsigned i = 1; i <= 8; i++) {
        CHECK_EQ(nng_aio_set_iov(aio, i, iov), 0);
    }
    CHECK_EQ(nng_aio_set_iov(aio, 9, iov), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_iov(aio, UINT32_MAX, iov), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_iov(aio, 0, iov), 0);
    CHECK_EQ(nng_aio_set_iov(aio, 0, NULL), 0);
    nng_aio_free(aio);
}

static void messages_stay_where_they_were_put(void)
{
    nng_aio *aio;
    nng_msg *m, *other;

    CHECK_EQ(nng_msg_alloc(&m, 3), 0);
    CHECK_EQ(nng_msg_alloc(&other, 4), 0);
    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_msg(aio, m);
    CHECK(nng_aio_get_msg(aio) == m);
    CHECK(nng_aio_get_msg(aio) == m);
    nng_aio_set_msg(aio, other);
    CHECK(nng_aio_get_msg(aio) == other);
    CHECK_EQ(nng_msg_len(m), 3);
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    CHECK(nng_aio_get_msg(aio) == other);
    nng_aio_set_msg(aio, NULL);
    CHECK(nng_aio_get_msg(aio) == NULL);
    nng_aio_set_msg(aio, other);
    nng_aio_free(aio);
    // An aio frees no message.
    CHECK_EQ(nng_msg_len(other), 4);
    nng_msg_free(other);
    nng_msg_free(m);
}

// Null

static void freeing_nothing_does_nothing(void)
{
    nng_aio_free(NULL);
    nng_aio_reap(NULL);
    nng_aio_stop(NULL);
}

static void null_is_no_aio(void)
{
    nng_iov iov = { NULL, 0 };

    CHECK_EQ(nng_aio_alloc(NULL, NULL, NULL), NNG_EINVAL);
    nng_aio_wait(NULL);
    nng_aio_cancel(NULL);
    nng_aio_abort(NULL, 1);
    nng_aio_finish(NULL, 0);
    nng_aio_defer(NULL, is_canceled, NULL);
    nng_aio_set_msg(NULL, NULL);
    nng_aio_set_timeout(NULL, 1);
    nng_sleep_aio(1, NULL);
    CHECK(!nng_aio_begin(NULL));
    CHECK(nng_aio_get_msg(NULL) == NULL);
    CHECK(nng_aio_get_input(NULL, 0) == NULL);
    CHECK(nng_aio_get_output(NULL, 0) == NULL);
    CHECK_EQ(nng_aio_count(NULL), 0);
    CHECK_EQ(nng_aio_result(NULL), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_input(NULL, 0, NULL), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_output(NULL, 0, NULL), NNG_EINVAL);
    CHECK_EQ(nng_aio_set_iov(NULL, 1, &iov), NNG_EINVAL);
    nng_aio_set_expire(NULL, 1);
    CHECK(!nng_aio_busy(NULL));
}

static void pieces_of_memory_need_a_place(void)
{
    nng_aio *aio;

    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    CHECK_EQ(nng_aio_set_iov(aio, 1, NULL), NNG_EINVAL);
    nng_aio_free(aio);
}

static const struct check_test tests[] = {
    TEST(starting_what_is_in_flight_hurts_nobody),
    TEST(a_fresh_aio_has_nothing),
    TEST(without_a_callback_one_waits),
    TEST(each_operation_has_one_callback),
    TEST(callbacks_never_run_in_the_call_that_starts),
    TEST(an_aio_is_busy_until_its_callback_has_returned),
    TEST(any_number_of_threads_may_wait),
    TEST(a_sleep_ends_no_earlier_than_it_says),
    TEST(the_shorter_of_sleep_and_limit_decides),
    TEST(a_limit_of_zero_lets_a_sleep_of_nothing_end),
    TEST(after_a_sleep_a_limit_is_a_limit),
    TEST(whoever_ends_an_operation_says_how),
    TEST(the_first_who_asks_decides),
    TEST(zero_is_no_way_to_end),
    TEST(nothing_in_flight_is_nothing_to_cancel),
    TEST(what_has_ended_stays_as_it_ended),
    TEST(after_a_stop_nothing_starts),
    TEST(after_a_stop_an_aio_is_idle),
    TEST(many_may_stop_at_once),
    TEST(a_free_ends_what_is_in_flight_first),
    TEST(a_reap_frees_later),
    TEST(four_inputs_and_outputs_are_kept),
    TEST(a_provider_sees_inputs_and_gives_outputs),
    TEST(eight_pieces_of_memory_are_the_most),
    TEST(messages_stay_where_they_were_put),
    TEST(freeing_nothing_does_nothing),
    TEST(null_is_no_aio),
    TEST(pieces_of_memory_need_a_place),
};

CHECK_MAIN(tests)
