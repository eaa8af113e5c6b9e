// The provider's side of operations: what it begins, defers and finishes, and who tells it to end.

#include "seen.h"

#include <dirent.h>

static void a_provider_finishes_what_it_began(void)
{
    static const int codes[] = { 0, 42, -1, NNG_ECLOSED, INT32_MAX };
    struct seen seen;

    seen_init(&seen);
    for (size_t i = 0; i < CHECK_COUNT(codes); i++) {
        CHECK(nng_aio_begin(seen.aio));
        CHECK_EQ(nng_aio_result(seen.aio), 0);
        nng_aio_finish(seen.aio, codes[i]);
        check_seen(&seen, 2 * (int) i + 1, codes[i]);
        keep(seen.aio, true);
        nng_aio_finish(seen.aio, codes[i]);
        check_seen(&seen, 2 * (int) i + 2, codes[i]);
        CHECK_EQ(gate_count(&kept.canceled), 0);
    }
    seen_fini(&seen);
}

static void the_cancel_function_is_called_by_who_cancels(void)
{
    struct seen seen;

    seen_init(&seen);
    keep(seen.aio, true);
    nng_aio_cancel(seen.aio);
    CHECK_EQ(gate_count(&kept.canceled), 1);
    CHECK_EQ(kept.code, NNG_ECANCELED);
    CHECK(kept.arg == &kept);
    CHECK(pthread_equal(kept.thread, pthread_self()));
    check_seen(&seen, 1, NNG_ECANCELED);

    keep(seen.aio, true);
    nng_aio_abort(seen.aio, 4321);
    CHECK_EQ(kept.code, 4321);
    check_seen(&seen, 2, 4321);

    keep(seen.aio, true);
    nng_aio_stop(seen.aio);
    CHECK_EQ(kept.code, NNG_ECANCELED);
    CHECK_EQ(gate_count(&kept.canceled), 1);
    CHECK_EQ(gate_count(&seen.calls), 3);
    CHECK_EQ(seen.result, NNG_ECANCELED);
    seen_fini(&seen);

    seen_init(&seen);
    keep(seen.aio, true);
    nng_aio_free(seen.aio);
    CHECK_EQ(kept.code, NNG_ECLOSED);
    CHECK_EQ(gate_count(&seen.calls), 1);
    CHECK_EQ(seen.result, NNG_ECLOSED);

    seen_init(&seen);
    keep(seen.aio, true);
    nng_aio_reap(seen.aio);
    gate_await(&seen.calls, 1);
    CHECK_EQ(kept.code, NNG_ECLOSED);
    CHECK_EQ(seen.result, NNG_ECLOSED);
}

static void a_provider_may_ignore_who_cancels(void)
{
    struct seen seen;

    seen_init(&seen);
    keep(seen.aio, false);
    nng_aio_abort(seen.aio, 11);
    nng_aio_abort(seen.aio, 12);
    nng_aio_cancel(seen.aio);
    CHECK_EQ(gate_count(&kept.canceled), 1);
    CHECK_EQ(kept.code, 11);
    CHECK_EQ(gate_count(&seen.calls), 0);
    nng_aio_finish(seen.aio, 0);
    check_seen(&seen, 1, 0);
    seen_fini(&seen);
}

static void without_a_cancel_function_only_the_provider_ends(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_aio_set_timeout(seen.aio, 1);
    CHECK(nng_aio_begin(seen.aio));
    nng_aio_defer(seen.aio, NULL, NULL);
    nng_aio_cancel(seen.aio);
    nng_aio_abort(seen.aio, 5);
    nng_msleep(20);
    CHECK_EQ(gate_count(&seen.calls), 0);
    nng_aio_finish(seen.aio, 7);
    check_seen(&seen, 1, 7);
    seen_fini(&seen);
}

// Limits

static void a_limit_calls_the_cancel_function(void)
{
    struct seen seen;
    int64_t begin;

    seen_init(&seen);
    nng_aio_set_timeout(seen.aio, 20);
    for (int i = 1; i <= 3; i++) {
        begin = now_us();
        keep(seen.aio, true);
        check_seen(&seen, i, NNG_ETIMEDOUT);
        CHECK(now_us() - begin >= 20000);
        CHECK_EQ(kept.code, NNG_ETIMEDOUT);
        CHECK_EQ(gate_count(&kept.canceled), 1);
        CHECK(!pthread_equal(kept.thread, pthread_self()));
    }
    nng_aio_set_timeout(seen.aio, -3);
    keep(seen.aio, true);
    check_seen(&seen, 4, NNG_ETIMEDOUT);
    seen_fini(&seen);
}

// Another aio's sleep outlasts any limit that should not be there.
static void check_unlimited(struct seen *seen, int calls)
{
    nng_aio *other;

    CHECK_EQ(nng_aio_alloc(&other, NULL, NULL), 0);
    nng_sleep_aio(40, other);
    nng_aio_wait(other);
    nng_aio_free(other);
    CHECK_EQ(gate_count(&kept.canceled), 0);
    nng_aio_finish(seen->aio, 0);
    check_seen(seen, calls, 0);
}

static void minus_one_and_two_are_no_limit(void)
{
    struct seen seen;

    seen_init(&seen);
    keep(seen.aio, true);
    check_unlimited(&seen, 1);
    nng_aio_set_timeout(seen.aio, NNG_DURATION_INFINITE);
    keep(seen.aio, true);
    check_unlimited(&seen, 2);
    nng_aio_set_timeout(seen.aio, NNG_DURATION_DEFAULT);
    keep(seen.aio, true);
    check_unlimited(&seen, 3);
    seen_fini(&seen);
}

static void a_limit_that_is_set_while_waiting_is_for_the_next(void)
{
    struct seen seen;

    seen_init(&seen);
    keep(seen.aio, true);
    nng_aio_set_timeout(seen.aio, 5);
    check_unlimited(&seen, 1);
    keep(seen.aio, true);
    check_seen(&seen, 2, NNG_ETIMEDOUT);
    seen_fini(&seen);
}

static void an_expiry_is_for_one_operation(void)
{
    struct seen seen;
    nng_time expiry;

    seen_init(&seen);
    nng_aio_set_timeout(seen.aio, NNG_DURATION_INFINITE);
    expiry = nng_clock() + 30;
    nng_aio_set_expire(seen.aio, expiry);
    keep(seen.aio, true);
    check_seen(&seen, 1, NNG_ETIMEDOUT);
    CHECK(nng_clock() >= expiry);
    keep(seen.aio, true);
    check_unlimited(&seen, 2);

    // In the past it expires at once, but by itself.
    nng_aio_set_expire(seen.aio, 1);
    keep(seen.aio, true);
    check_seen(&seen, 3, NNG_ETIMEDOUT);
    nng_aio_set_expire(seen.aio, 0);
    keep(seen.aio, true);
    check_seen(&seen, 4, NNG_ETIMEDOUT);

    // The last of both that was set counts.
    nng_aio_set_expire(seen.aio, nng_clock() + LONG);
    nng_aio_set_timeout(seen.aio, 5);
    keep(seen.aio, true);
    check_seen(&seen, 5, NNG_ETIMEDOUT);
    nng_aio_set_timeout(seen.aio, 0);
    nng_aio_set_expire(seen.aio, nng_clock() + 5);
    keep(seen.aio, true);
    check_seen(&seen, 6, NNG_ETIMEDOUT);
    nng_aio_set_timeout(seen.aio, 5);
    nng_aio_set_expire(seen.aio, UINT64_MAX);
    keep(seen.aio, true);
    check_unlimited(&seen, 7);

    // Sleeps ignore and consume it.
    nng_aio_set_timeout(seen.aio, NNG_DURATION_INFINITE);
    nng_aio_set_expire(seen.aio, 1);
    nng_sleep_aio(5, seen.aio);
    check_seen(&seen, 8, 0);
    keep(seen.aio, true);
    check_unlimited(&seen, 9);
    seen_fini(&seen);
}

// What comes before an operation is deferred, or with it

// What has been asked before an operation is deferred is told to the cancel function, on a thread
// of the library: the provider may hold what that function needs.
static void check_refused(struct seen *seen, int calls, int code)
{
    gate_await(&kept.canceled, 1);
    CHECK_EQ(kept.code, code);
    CHECK(!pthread_equal(kept.thread, pthread_self()));
    check_seen(seen, calls, code);
    CHECK_EQ(gate_count(&kept.canceled), 1);
}

static void a_limit_of_zero_is_told_to_who_defers(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_aio_set_timeout(seen.aio, 0);
    keep(seen.aio, true);
    check_refused(&seen, 1, NNG_ETIMEDOUT);
    CHECK(nng_aio_begin(seen.aio));
    nng_aio_finish(seen.aio, 0);
    check_seen(&seen, 2, 0);
    seen_fini(&seen);
}

static void a_cancel_before_is_told_to_who_defers(void)
{
    static const int codes[] = { NNG_ECANCELED, 55, -7 };
    struct seen seen;

    seen_init(&seen);
    for (int i = 0; i < 3; i++) {
        gate_init(&kept.canceled);
        kept.finishes = true;
        CHECK(nng_aio_begin(seen.aio));
        nng_aio_abort(seen.aio, codes[i]);
        CHECK_EQ(gate_count(&seen.calls), i);
        nng_aio_defer(seen.aio, is_canceled, &kept);
        check_refused(&seen, i + 1, codes[i]);
    }
    // What was asked of one operation is not asked of the next.
    CHECK(nng_aio_begin(seen.aio));
    nng_aio_abort(seen.aio, 66);
    nng_aio_finish(seen.aio, 1);
    check_seen(&seen, 4, 1);
    keep(seen.aio, true);
    check_unlimited(&seen, 5);
    seen_fini(&seen);
}

static void a_stop_that_meets_a_defer_returns(void)
{
    for (int i = 0; i < 100; i++) {
        struct seen seen;
        pthread_t thread;

        seen_init(&seen);
        gate_init(&kept.canceled);
        kept.finishes = true;
        CHECK(nng_aio_begin(seen.aio));
        CHECK_EQ(pthread_create(&thread, NULL, stops, seen.aio), 0);
        nng_aio_defer(seen.aio, is_canceled, &kept);
        pthread_join(thread, NULL);
        CHECK_EQ(gate_count(&seen.calls), 1);
        CHECK(seen.result == NNG_ECANCELED || seen.result == NNG_ECLOSED);
        CHECK(gate_count(&kept.canceled) <= 1);
        seen_fini(&seen);
    }
}

static void stops_and_waits(nng_aio *aio, void *arg, int code)
{
    nng_aio_stop(aio);
    nng_aio_wait(aio);
    gate_pass(arg);
    nng_aio_finish(aio, code);
}

static void a_cancel_function_may_stop_its_aio(void)
{
    struct seen seen;

    seen_init(&seen);
    gate_init(&kept.canceled);
    CHECK(nng_aio_begin(seen.aio));
    nng_aio_defer(seen.aio, stops_and_waits, &kept.canceled);
    nng_aio_abort(seen.aio, 31);
    gate_await(&kept.canceled, 1);
    check_seen(&seen, 1, 31);
    seen_fini(&seen);
}

static void finishing_nothing_does_nothing(void)
{
    struct seen seen;

    seen_init(&seen);
    nng_aio_finish(seen.aio, 42);
    CHECK(nng_aio_begin(seen.aio));
    nng_aio_finish(seen.aio, 43);
    check_seen(&seen, 1, 43);
    nng_aio_finish(seen.aio, 44);
    check_seen(&seen, 1, 43);
    seen_fini(&seen);
}

// Freed by the function that ends its operation; the callback still has it.
static void finishes_and_frees(nng_aio *aio, void *arg, int code)
{
    (void) arg;
    nng_aio_finish(aio, code);
    nng_aio_free(aio);
}

static void a_cancel_function_may_free_its_aio(void)
{
    for (int i = 0; i < 50; i++) {
        struct seen seen;

        seen_init(&seen);
        CHECK(nng_aio_begin(seen.aio));
        nng_aio_defer(seen.aio, finishes_and_frees, NULL);
        nng_aio_abort(seen.aio, 31);
        gate_await(&seen.calls, 1);
        CHECK_EQ(seen.result, 31);
    }
}

static void silent_is_asked(nng_aio *aio, void *arg, int code)
{
    (void) aio;
    CHECK_EQ(code, NNG_ECLOSED);
    gate_pass(arg);
}

static void one_without_a_callback_is_reaped(void)
{
    struct gate asked = GATE_INIT;
    nng_aio *aio;

    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_reap(aio);
    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    CHECK(nng_aio_begin(aio));
    nng_aio_defer(aio, silent_is_asked, &asked);
    nng_aio_reap(aio);
    gate_await(&asked, 1);
    CHECK(nng_aio_busy(aio));
    nng_aio_finish(aio, 0);
}

static int threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    int count = 0;

    CHECK(dir != NULL);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

// Operations whose provider takes its time, reaped: the callbacks wait for it, and no thread does.
static struct gate slow_asked = GATE_INIT;
static struct gate slow_ended = GATE_INIT;

static void slow_is_asked(nng_aio *aio, void *arg, int code)
{
    (void) aio;
    (void) arg;
    CHECK_EQ(code, NNG_ECLOSED);
    gate_pass(&slow_asked);
}

static void slow_has_ended(void *arg)
{
    nng_aio **aio = arg;

    CHECK_EQ(nng_aio_result(*aio), 4321);
    gate_pass(&slow_ended);
}

static void reaping_takes_no_thread(void)
{
    enum { MANY = 100 };
    nng_aio *aios[MANY];
    int before;

    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(nng_aio_alloc(&aios[i], slow_has_ended, &aios[i]), 0);
        CHECK(nng_aio_begin(aios[i]));
        nng_aio_defer(aios[i], slow_is_asked, NULL);
    }
    before = threads();
    for (int i = 0; i < MANY; i++) {
        nng_aio_reap(aios[i]);
    }
    // Each is asked to end although none has.
    gate_await(&slow_asked, MANY);
    CHECK(threads() <= before + 4);
    for (int i = 0; i < MANY; i++) {
        nng_aio_finish(aios[i], 4321);
    }
    gate_await(&slow_ended, MANY);
}

static const struct check_test tests[] = {
    TEST(a_provider_finishes_what_it_began),
    TEST(the_cancel_function_is_called_by_who_cancels),
    TEST(a_provider_may_ignore_who_cancels),
    TEST(without_a_cancel_function_only_the_provider_ends),
    TEST(a_limit_calls_the_cancel_function),
    TEST(minus_one_and_two_are_no_limit),
    TEST(a_limit_that_is_set_while_waiting_is_for_the_next),
    TEST(an_expiry_is_for_one_operation),
    TEST(a_limit_of_zero_is_told_to_who_defers),
    TEST(a_cancel_before_is_told_to_who_defers),
    TEST(a_stop_that_meets_a_defer_returns),
    TEST(a_cancel_function_may_stop_its_aio),
    TEST(finishing_nothing_does_nothing),
    TEST(a_cancel_function_may_free_its_aio),
    TEST(one_without_a_callback_is_reaped),
    TEST(reaping_takes_no_thread),
};

CHECK_MAIN(tests)
