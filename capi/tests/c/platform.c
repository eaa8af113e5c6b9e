// Clock, sleep, chance, threads, locks and pairs of descriptors.

#include "check.h"

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifdef OLD_HEADERS
extern int nng_socket_pair(int[2]);
#endif

// Runs `function` in a child, without what it prints, and gives how it ended.
static int ended(void (*function)(void))
{
    int status = 0;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };

        setrlimit(RLIMIT_CORE, &no_core);
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        alarm(20);
        function();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

static void lock_twice(void)
{
    nng_mtx *mtx;

    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    nng_mtx_lock(mtx);
    nng_mtx_lock(mtx);
}

static void unlock_what_is_free(void)
{
    nng_mtx *mtx;

    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    nng_mtx_unlock(mtx);
}

static void unlocks(void *mtx)
{
    nng_mtx_unlock(mtx);
}

static void unlock_what_is_others(void)
{
    nng_mtx *mtx;
    nng_thread *thread;

    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    nng_mtx_lock(mtx);
    CHECK_EQ(nng_thread_create(&thread, unlocks, mtx), 0);
    nng_thread_destroy(thread);
}

static void wait_without_the_lock(void)
{
    nng_mtx *mtx;
    nng_cv *cv;

    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    CHECK_EQ(nng_cv_alloc(&cv, mtx), 0);
    nng_cv_wait(cv);
}

static void wait_a_while_without_the_lock(void)
{
    nng_mtx *mtx;
    nng_cv *cv;

    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    CHECK_EQ(nng_cv_alloc(&cv, mtx), 0);
    (void) nng_cv_until(cv, nng_clock() + 1000);
}

// First of all, since a child may only use a library that its parent has not started.
static void misused_locks_end_the_process(void)
{
    static void (*const misuses[])(void) = { lock_twice, unlock_what_is_free,
        unlock_what_is_others, wait_without_the_lock, wait_a_while_without_the_lock };

    for (size_t i = 0; i < CHECK_COUNT(misuses); i++) {
        int status = ended(misuses[i]);

        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGABRT);
    }
}

// Works before the library has started.
static void a_pair_of_descriptors_is_connected(void)
{
    int fds[2] = { -1, -1 };
    char buf[8];

    CHECK_EQ(nng_socket_pair(fds), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(write(fds[i], "hello", 5), 5);
        CHECK_EQ(read(fds[1 - i], buf, sizeof buf), 5);
        CHECK_MEM(buf, "hello", 5);
        CHECK_EQ(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
        CHECK_EQ(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, 0);
    }
    close(fds[0]);
    CHECK_EQ(read(fds[1], buf, sizeof buf), 0);
    close(fds[1]);
}

static void a_pair_needs_a_place(void)
{
    CHECK_EQ(nng_socket_pair(NULL), NNG_EINVAL);
}

static void the_clock_counts_milliseconds(void)
{
    int64_t begin = now_us();
    nng_time first = nng_clock();
    nng_time last;

    do {
        last = nng_clock();
        CHECK(last >= first);
    } while (last - first < 20);
    CHECK(now_us() - begin >= 19000);
}

static void a_sleep_is_never_too_short(void)
{
    static const nng_duration times[] = { 0, 1, 5, 30 };

    for (size_t i = 0; i < CHECK_COUNT(times); i++) {
        int64_t begin = now_us();

        nng_msleep(times[i]);
        CHECK(now_us() - begin >= times[i] * 1000);
    }
}

static void a_sleep_of_less_than_nothing_returns(void)
{
    nng_msleep(-1);
    nng_msleep(-2);
    nng_msleep(INT32_MIN);
}

static void chance_differs(void)
{
    uint32_t all_set = 0, all_clear = 0xffffffff;

    for (int i = 0; i < 200; i++) {
        uint32_t number = nng_random();

        all_set |= number;
        all_clear &= number;
    }
    CHECK_EQ(all_set, 0xffffffff);
    CHECK_EQ(all_clear, 0);
}

static void remembers(void *arg)
{
    *(pthread_t *) arg = pthread_self();
}

static void a_thread_runs_until_it_is_joined(void)
{
    pthread_t self = pthread_self();
    nng_thread *thread = NULL;

    CHECK_EQ(nng_thread_create(&thread, remembers, &self), 0);
    CHECK(thread != NULL);
    nng_thread_destroy(thread);
    CHECK(!pthread_equal(self, pthread_self()));
}

static void a_thread_may_have_nothing_to_do(void)
{
    nng_thread *thread = NULL;

    CHECK_EQ(nng_thread_create(&thread, NULL, NULL), 0);
    CHECK(thread != NULL);
    nng_thread_destroy(thread);
}

static void ends_itself(void *arg)
{
    gate_pass(arg);
    pthread_exit(NULL);
}

static void a_thread_may_end_itself(void)
{
    struct gate reached = GATE_INIT;
    nng_thread *thread;

    CHECK_EQ(nng_thread_create(&thread, ends_itself, &reached), 0);
    nng_thread_destroy(thread);
    CHECK_EQ(gate_count(&reached), 1);
}

static void looks_at_signals(void *arg)
{
    sigset_t mask;

    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    *(int *) arg = sigismember(&mask, SIGPIPE);
}

static void threads_do_not_hear_of_broken_pipes(void)
{
    nng_thread *thread;
    sigset_t mask;
    int blocked = -1;

    CHECK_EQ(nng_thread_create(&thread, looks_at_signals, &blocked), 0);
    nng_thread_destroy(thread);
    CHECK_EQ(blocked, 1);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    CHECK_EQ(sigismember(&mask, SIGPIPE), 0);
}

struct named {
    struct gate begun, named;
    char name[32];
};

static void tells_its_name(void *arg)
{
    struct named *named = arg;

    gate_pass(&named->begun);
    gate_await(&named->named, 1);
    prctl(PR_GET_NAME, named->name);
}

static void threads_have_names(void)
{
    struct named named = { GATE_INIT, GATE_INIT, "" };
    nng_thread *thread;
    char mine[32] = "";

    CHECK_EQ(nng_thread_create(&thread, tells_its_name, &named), 0);
    gate_await(&named.begun, 1);
    nng_thread_set_name(thread, "worker");
    gate_pass(&named.named);
    nng_thread_destroy(thread);
    CHECK_STR(named.name, "worker");

    nng_thread_set_name(NULL, "fifteen letters");
    prctl(PR_GET_NAME, mine);
    CHECK_STR(mine, "fifteen letters");
    nng_thread_set_name(NULL, "sixteen  letters");
    prctl(PR_GET_NAME, mine);
    CHECK_STR(mine, "fifteen letters");
}

struct counter {
    nng_mtx *mtx;
    long count;
};

static void counts(void *arg)
{
    struct counter *counter = arg;

    for (int i = 0; i < 20000; i++) {
        nng_mtx_lock(counter->mtx);
        counter->count++;
        nng_mtx_unlock(counter->mtx);
    }
}

static void a_lock_excludes(void)
{
    struct counter counter = { NULL, 0 };
    nng_thread *threads[4];

    CHECK_EQ(nng_mtx_alloc(&counter.mtx), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(nng_thread_create(&threads[i], counts, &counter), 0);
    }
    for (int i = 0; i < 4; i++) {
        nng_thread_destroy(threads[i]);
    }
    CHECK_EQ(counter.count, 80000);
    nng_mtx_free(counter.mtx);
}

struct meeting {
    nng_mtx *mtx;
    nng_cv *cv, *replies;
    int waiting, woken, tokens;
};

static void waits_for_a_token(void *arg)
{
    struct meeting *m = arg;

    nng_mtx_lock(m->mtx);
    m->waiting++;
    nng_cv_wake(m->replies);
    while (m->tokens == 0) {
        nng_cv_wait(m->cv);
    }
    m->tokens--;
    m->woken++;
    nng_cv_wake(m->replies);
    nng_mtx_unlock(m->mtx);
}

static void those_who_wait_are_woken(void)
{
    struct meeting m = { NULL, NULL, NULL, 0, 0, 0 };
    nng_thread *threads[4];

    CHECK_EQ(nng_mtx_alloc(&m.mtx), 0);
    CHECK_EQ(nng_cv_alloc(&m.cv, m.mtx), 0);
    CHECK_EQ(nng_cv_alloc(&m.replies, m.mtx), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(nng_thread_create(&threads[i], waits_for_a_token, &m), 0);
    }
    nng_mtx_lock(m.mtx);
    while (m.waiting < 4) {
        nng_cv_wait(m.replies);
    }
    CHECK_EQ(m.woken, 0);
    m.tokens = 1;
    nng_cv_wake1(m.cv);
    while (m.woken < 1) {
        nng_cv_wait(m.replies);
    }
    CHECK_EQ(m.woken, 1);
    m.tokens = 3;
    nng_cv_wake(m.cv);
    while (m.woken < 4) {
        CHECK_EQ(nng_cv_until(m.replies, UINT64_MAX), 0);
    }
    nng_mtx_unlock(m.mtx);
    for (int i = 0; i < 4; i++) {
        nng_thread_destroy(threads[i]);
    }
    nng_cv_free(m.cv);
    nng_cv_free(m.replies);
    nng_mtx_free(m.mtx);
}

static void waiting_ends_at_a_time(void)
{
    nng_mtx *mtx;
    nng_cv *cv;
    nng_time limit;

    CHECK_EQ(nng_mtx_alloc(&mtx), 0);
    CHECK_EQ(nng_cv_alloc(&cv, mtx), 0);
    nng_mtx_lock(mtx);
    CHECK_EQ(nng_cv_until(cv, 0), NNG_EAGAIN);
    CHECK_EQ(nng_cv_until(cv, nng_clock()), NNG_ETIMEDOUT);
    limit = nng_clock() + 20;
    while (nng_cv_until(cv, limit) != NNG_ETIMEDOUT) {
    }
    CHECK(nng_clock() >= limit);
    CHECK_EQ(nng_cv_until(cv, limit), NNG_ETIMEDOUT);
    // Whoever waited holds the lock again.
    nng_mtx_unlock(mtx);
    nng_cv_wake(cv);
    nng_cv_wake1(cv);
    nng_cv_free(cv);
    nng_mtx_free(mtx);
}

static void freeing_nothing_does_nothing(void)
{
    nng_mtx_free(NULL);
    nng_cv_free(NULL);
}

static void null_is_no_lock(void)
{
    nng_mtx_lock(NULL);
    nng_mtx_unlock(NULL);
    nng_cv_wait(NULL);
    nng_cv_wake(NULL);
    nng_cv_wake1(NULL);
    CHECK_EQ(nng_cv_until(NULL, 1), NNG_EINVAL);
}

static void null_is_no_thread(void)
{
    nng_cv *cv = NULL;

    nng_thread_destroy(NULL);
    CHECK_EQ(nng_cv_alloc(&cv, NULL), NNG_EINVAL);
    CHECK(cv == NULL);
}

static const struct check_test tests[] = {
    TEST(misused_locks_end_the_process),
    TEST(a_pair_of_descriptors_is_connected),
    TEST(a_pair_needs_a_place),
    TEST(the_clock_counts_milliseconds),
    TEST(a_sleep_is_never_too_short),
    TEST(a_sleep_of_less_than_nothing_returns),
    TEST(chance_differs),
    TEST(a_thread_runs_until_it_is_joined),
    TEST(a_thread_may_have_nothing_to_do),
    TEST(a_thread_may_end_itself),
    TEST(threads_do_not_hear_of_broken_pipes),
    TEST(threads_have_names),
    TEST(a_lock_excludes),
    TEST(those_who_wait_are_woken),
    TEST(waiting_ends_at_a_time),
    TEST(freeing_nothing_does_nothing),
    TEST(null_is_no_lock),
    TEST(null_is_no_thread),
};

CHECK_MAIN(tests)
