// Operations: one callback each, results, time, who may end them, and the provider's side.

#include "check.h"

#include <nng/nng.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifdef OLD_HEADERS
#include <nng/supplemental/util/platform.h>
extern bool nng_aio_busy(nng_aio *);
extern void nng_aio_set_expire(nng_aio *, nng_time);
#endif

#define LONG 60000

// What the callback of an aio has seen.
struct seen {
    nng_aio *aio;
    struct gate calls;
    int result;
    size_t count;
    pthread_t thread;
};

static void sees(void *arg)
{
    struct seen *seen = arg;

    seen->result = nng_aio_result(seen->aio);
    seen->count = nng_aio_count(seen->aio);
    seen->thread = pthread_self();
    gate_pass(&seen->calls);
}

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    gate_init(&seen->calls);
    seen->result = -12345;
    CHECK_EQ(nng_aio_alloc(&seen->aio, sees, seen), 0);
}

static void seen_fini(struct seen *seen)
{
    nng_aio_free(seen->aio);
}

static void check_seen(struct seen *seen, int calls, int result)
{
    nng_aio_wait(seen->aio);
    CHECK_EQ(gate_count(&seen->calls), calls);
    CHECK_EQ(seen->result, result);
    CHECK_EQ(nng_aio_result(seen->aio), result);
    CHECK_EQ(seen->count, 0);
}

// A provider that keeps one operation, and what its cancel function was called with.
struct kept {
    struct gate canceled;
    int code;
    bool finishes;
    void *arg;
    pthread_t thread;
};

static struct kept kept;

static void is_canceled(nng_aio *aio, void *arg, int code)
{
    struct kept *k = arg;

    k->code = code;
    k->arg = arg;
    k->thread = pthread_self();
    gate_pass(&k->canceled);
    if (k->finishes) {
        nng_aio_finish(aio, code);
    }
}

static void keep(nng_aio *aio, bool finishes)
{
    gate_init(&kept.canceled);
    kept.code = -12345;
    kept.finishes = finishes;
    CHECK(nng_aio_begin(aio));
    nng_aio_defer(aio, is_canceled, &kept);
}

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

static void *stops(void *arg)
{
    nng_aio_stop(arg);
    return NULL;
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

// From the aio's own callback

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

// Providers

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
    TEST(four_inputs_and_outputs_are_kept),
    TEST(a_provider_sees_inputs_and_gives_outputs),
    TEST(eight_pieces_of_memory_are_the_most),
    TEST(messages_stay_where_they_were_put),
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
    TEST(freeing_nothing_does_nothing),
    TEST(null_is_no_aio),
    TEST(pieces_of_memory_need_a_place),
};

CHECK_MAIN(tests)
