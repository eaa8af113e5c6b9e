// The library's first moments and its last ones: when threads begin, forks, ends and new beginnings.
//
// Each test but the first plays in a child of its own, made by a parent that has not used the
// library; so in every one of them the library is as it was loaded.

#include "streams.h"

#include <nng/supplemental/util/options.h>
#include <nng/supplemental/util/platform.h>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifdef OLD_HEADERS
typedef int nng_init_parameter;
enum { NNG_INIT_NUM_TASK_THREADS = 1 };
extern void nng_init_set_parameter(nng_init_parameter, uint64_t);
#endif

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int count = 0;

    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static int threads(void)
{
    return entries("/proc/self/task");
}

// The one that looks is counted, too, as it always is.
static int descriptors(void)
{
    return entries("/proc/self/fd");
}

// A thread that was joined may be seen for a moment.
static void await_no_threads(void)
{
    while (threads() > 1) {
        sched_yield();
    }
}

static int ended(void (*function)(void))
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    fflush(stderr);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(30);
        function();
        exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

static void in_a_child(void (*function)(void))
{
    int status = ended(function);

    CHECK(!WIFSIGNALED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static void passes(void *arg)
{
    gate_pass(arg);
}

// Operations and connections work, and nothing is left of them.
static void use_it(void)
{
    struct gate calls = GATE_INIT;
    struct link link;
    nng_aio *aio;

    CHECK_EQ(nng_aio_alloc(&aio, passes, &calls), 0);
    nng_sleep_aio(1, aio);
    nng_aio_wait(aio);
    CHECK_EQ(gate_count(&calls), 1);
    nng_sleep_aio(60000, aio);
    nng_aio_free(aio);
    CHECK_EQ(gate_count(&calls), 2);

    link_open(&link, "tcp://127.0.0.1:0");
    check_carries(link.near, link.far, "a text");
    check_carries(link.far, link.near, "another one");
    link_close(&link);
}

static void nothing_begins_before_it_is_needed(void)
{
    static const nng_optspec specs[] = { { "x", 'x', 1, false }, { NULL, 0, 0, false } };
    char *argv[] = { (char *) "program", (char *) "-x", NULL };
    int before = descriptors(), val, index = 1;
    char *arg;
    nng_url *url;
    nng_msg *m;

    CHECK_EQ(threads(), 1);
    CHECK(nng_version() != NULL);
    CHECK(nng_strerror(5) != NULL);
    nng_free(nng_alloc(5), 5);
    nng_strfree(nng_strdup("x"));
    CHECK_EQ(nng_msg_alloc(&m, 10), 0);
    CHECK_EQ(nng_msg_append_u32(m, 1), 0);
    nng_msg_free(m);
    CHECK_EQ(nng_url_parse(&url, "tcp://127.0.0.1:80"), 0);
    nng_url_free(url);
    CHECK_EQ(nng_opts_parse(2, argv, specs, &val, &arg, &index), 0);
    CHECK_EQ(threads(), 1);
    CHECK_EQ(descriptors(), before);
}

static void an_end_without_a_beginning_is_none(void)
{
    nng_fini();
    nng_fini();
    CHECK_EQ(threads(), 1);
    use_it();
    nng_fini();
    nng_fini();
    await_no_threads();
}

static void an_end_without_a_beginning(void)
{
    in_a_child(an_end_without_a_beginning_is_none);
}

static void *begins(void *arg)
{
    gate_await(arg, 1);
    use_it();
    return NULL;
}

static void many_begin(void)
{
    struct gate start = GATE_INIT;
    pthread_t them[16];

    for (size_t i = 0; i < CHECK_COUNT(them); i++) {
        CHECK_EQ(pthread_create(&them[i], NULL, begins, &start), 0);
    }
    gate_pass(&start);
    for (size_t i = 0; i < CHECK_COUNT(them); i++) {
        pthread_join(them[i], NULL);
    }
}

static void many_threads_may_begin_at_once(void)
{
    for (int i = 0; i < 10; i++) {
        in_a_child(many_begin);
    }
}

static void look_at_signals(void)
{
    sigset_t before, after;

    pthread_sigmask(SIG_BLOCK, NULL, &before);
    use_it();
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int i = 1; i < 32; i++) {
        struct sigaction action;

        CHECK_EQ(sigismember(&after, i), sigismember(&before, i));
        CHECK_EQ(sigaction(i, NULL, &action), 0);
        CHECK(action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    }
}

static void signals_are_left_alone(void)
{
    in_a_child(look_at_signals);
}

static void look_at_descriptors(void)
{
    bool mine[100];
    struct link tcp, path;
    char url[120];

    for (int i = 0; i < 100; i++) {
        mine[i] = fcntl(i, F_GETFD) != -1;
    }
    snprintf(url, sizeof url, "ipc://%s", path_in_directory("socket"));
    link_open(&tcp, "tcp://127.0.0.1:0");
    link_open(&path, url);
    for (int i = 0; i < 100; i++) {
        int flags = fcntl(i, F_GETFD);

        CHECK(mine[i] || flags == -1 || (flags & FD_CLOEXEC));
    }
    link_close(&tcp);
    link_close(&path);
}

static void descriptors_do_not_outlive_an_exec(void)
{
    in_a_child(look_at_descriptors);
}

// Forks

static void a_fork_before_the_first_use(void)
{
    in_a_child(use_it);
    in_a_child(use_it);
}

static void uses_and_forks_before(void)
{
    in_a_child(use_it);
    use_it();
}

static void both_sides_of_a_fork_may_begin(void)
{
    in_a_child(uses_and_forks_before);
}

static void does_nothing(void)
{
}

static void uses_in_silence(void)
{
    struct rlimit no_core = { 0, 0 };

    setrlimit(RLIMIT_CORE, &no_core);
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    use_it();
}

// A child of whoever uses the library may refuse to work or begin anew, but it does not hang; and
// its parent does not notice.
static void forks_while_in_use(void)
{
    struct gate calls = GATE_INIT;
    nng_aio *aio;
    int status;

    CHECK_EQ(nng_aio_alloc(&aio, passes, &calls), 0);
    nng_sleep_aio(60000, aio);
    in_a_child(does_nothing);
    for (int i = 0; i < 5; i++) {
        status = ended(uses_in_silence);
        CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
            (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
        use_it();
    }
    CHECK_EQ(gate_count(&calls), 0);
    nng_aio_free(aio);
    CHECK_EQ(gate_count(&calls), 1);
}

static void a_fork_after_the_first_use(void)
{
    in_a_child(forks_while_in_use);
}

static void forks_between(void)
{
    use_it();
    nng_fini();
    await_no_threads();
    in_a_child(use_it);
    use_it();
    nng_fini();
}

static void a_fork_after_the_end(void)
{
    in_a_child(forks_between);
}

// Ends

static void begins_again(void)
{
    int before = 0;

    for (int i = 0; i < 10; i++) {
        use_it();
        CHECK(threads() > 1);
        nng_fini();
        await_no_threads();
        // What the first end may have left is there once.
        before = i == 0 ? descriptors() : before;
        CHECK_EQ(descriptors(), before);
    }
}

static void after_an_end_it_begins_again(void)
{
    in_a_child(begins_again);
}

static void reaps_and_ends(void)
{
    for (int i = 0; i < 10; i++) {
        struct gate calls = GATE_INIT;
        nng_aio *aio;

        for (int j = 0; j < 20; j++) {
            CHECK_EQ(nng_aio_alloc(&aio, passes, &calls), 0);
            nng_sleep_aio(60000, aio);
            nng_aio_reap(aio);
        }
        nng_fini();
        CHECK_EQ(gate_count(&calls), 20);
    }
}

static void what_was_to_be_freed_later_is_freed_by_the_end(void)
{
    in_a_child(reaps_and_ends);
}

static void ends_what_is_pending(void)
{
    struct gate calls = GATE_INIT;
    nng_stream_listener *listener;
    nng_aio *sleeper, *accepter;

    CHECK_EQ(nng_aio_alloc(&sleeper, passes, &calls), 0);
    CHECK_EQ(nng_aio_alloc(&accepter, passes, &calls), 0);
    CHECK_EQ(nng_stream_listener_alloc(&listener, "tcp://127.0.0.1:0"), 0);
    CHECK_EQ(nng_stream_listener_listen(listener), 0);
    nng_sleep_aio(60000, sleeper);
    nng_stream_listener_accept(listener, accepter);
    nng_fini();
    CHECK_EQ(gate_count(&calls), 2);
    CHECK_EQ(nng_aio_result(sleeper), NNG_ECLOSED);
    CHECK_EQ(nng_aio_result(accepter), NNG_ECLOSED);
    await_no_threads();
    use_it();
    nng_fini();
}

static void an_end_ends_what_is_pending(void)
{
    in_a_child(ends_what_is_pending);
}

static void leaves_much(void)
{
    struct link link;
    nng_aio *aio;
    static char byte;

    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_sleep_aio(60000, aio);
    link_open(&link, "tcp://127.0.0.1:0");
    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    set_memory(aio, &byte, 1);
    nng_stream_recv(link.near, aio);
    CHECK_EQ(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_stream_listener_accept(link.listener, aio);
}

// The process ends by itself, whatever is pending.
static void nobody_needs_to_end_it(void)
{
    in_a_child(leaves_much);
}

static void never_ends(void *arg)
{
    gate_pass(arg);
    for (;;) {
        pause();
    }
}

static void leaves_a_callback(void)
{
    static struct gate inside = GATE_INIT;
    nng_aio *aio;

    CHECK_EQ(nng_aio_alloc(&aio, never_ends, &inside), 0);
    nng_sleep_aio(0, aio);
    gate_await(&inside, 1);
}

static void nobody_waits_for_callbacks_at_the_exit(void)
{
    in_a_child(leaves_a_callback);
}

static void sets_tunables(void)
{
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 0);
    use_it();
    nng_fini();
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 7);
    use_it();
    nng_fini();
    for (int i = -1; i < 20; i++) {
        nng_init_set_parameter(i, i % 2 ? 1 : UINT64_MAX);
    }
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 2);
    use_it();
    nng_fini();
}

static void tunables_do_no_harm(void)
{
    in_a_child(sets_tunables);
}

static const struct check_test tests[] = {
    TEST(nothing_begins_before_it_is_needed),
    TEST(an_end_without_a_beginning),
    TEST(many_threads_may_begin_at_once),
    TEST(signals_are_left_alone),
    TEST(descriptors_do_not_outlive_an_exec),
    TEST(a_fork_before_the_first_use),
    TEST(both_sides_of_a_fork_may_begin),
    TEST(a_fork_after_the_first_use),
    TEST(a_fork_after_the_end),
    TEST(after_an_end_it_begins_again),
    TEST(what_was_to_be_freed_later_is_freed_by_the_end),
    TEST(an_end_ends_what_is_pending),
    TEST(nobody_needs_to_end_it),
    TEST(nobody_waits_for_callbacks_at_the_exit),
    TEST(tunables_do_no_harm),
};

CHECK_MAIN(tests)
