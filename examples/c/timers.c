/*
 * timers: sleeps without threads, and all the ways in which they end.
 *
 * Each timer is an aio with nng_sleep_aio on it. Some of them sleep for random times. Of the others one
 * is cancelled, one aborted with a code, one stopped (and started again, in vain), one has a timeout
 * that is shorter than its sleep, and one is restarted by its own callback. Each callback writes a byte
 * to a pipe when its timer has ended for good, so that the program can wait for that and for Ctrl-C at
 * once. The results are printed when all have ended, in a fixed order.
 */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

static const char help[] =
    "Starts timers, ends some of them early, and prints how each ended.\n"
    "\n"
    "Usage: timers [COUNT]\n"
    "\n"
    "  COUNT       how many timers sleep for random times, 1 to 1000, by default 5\n"
    "  -h, --help  print this\n"
    "\n"
    "Ctrl-C ends all timers, and the program with 1.\n";

enum {
    RANDOM_MAX = 200,   /* the longest random sleep; ms */
    LONG       = 60000, /* a sleep that is always ended early; ms */
    TIMEOUT    = 20,    /* ms */
    ROUNDS     = 5,     /* sleeps of the timer that restarts itself */
    ROUND      = 10,    /* ms */
    OUR_CODE   = 1234   /* what the aborted timer ends with: any number does */
};

enum { CANCELLED, ABORTED, STOPPED, TIMED, RESTARTED, SPECIAL };

static const char *const special_names[SPECIAL] = {
    "cancelled", "aborted", "stopped", "with a timeout", "restarted"
};

struct timer {
    nng_aio *aio;
    unsigned rounds;    /* sleeps that are still to come */
    unsigned callbacks; /* how often the callback ran */
    int      done;      /* where to say that it is over */
};

/* The callback of every timer. */
static void ended(void *arg)
{
    struct timer *timer = arg;

    timer->callbacks++;
    if (nng_aio_result(timer->aio) == 0 && timer->rounds > 0) {
        timer->rounds--;
        nng_sleep_aio(ROUND, timer->aio); /* the callback will run again */
        return;
    }
    if (write(timer->done, "", 1) != 1) {
        abort(); /* the pipe has room for all timers */
    }
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

/* Waits until all timers have ended, and returns whether they could do so by themselves. */
static bool wait_for_all(struct timer *timers, size_t count, int done, const sigset_t *before)
{
    char   bytes[64];
    size_t left = count, at;
    bool   early = false;

    while (left > 0) {
        fd_set  input;
        ssize_t came;

        FD_ZERO(&input);
        FD_SET(done, &input);
        if (pselect(done + 1, &input, NULL, NULL, NULL, before) > 0) {
            came = read(done, bytes, sizeof(bytes));
            left -= came > 0 ? (size_t) came : 0;
        } else if (interrupted && !early) {
            early = true;
            for (at = 0; at < count; at++) {
                nng_aio_cancel(timers[at].aio);
            }
        }
    }
    for (at = 0; at < count; at++) {
        nng_aio_wait(timers[at].aio); /* until the callback has returned, too */
    }
    return !early;
}

static void start(struct timer *special, struct timer *randoms, size_t count)
{
    size_t at;

    for (at = 0; at < count; at++) {
        nng_sleep_aio((nng_duration) (nng_random() % (RANDOM_MAX + 1)), randoms[at].aio);
    }
    nng_sleep_aio(LONG, special[CANCELLED].aio);
    nng_sleep_aio(LONG, special[ABORTED].aio);
    nng_sleep_aio(LONG, special[STOPPED].aio);

    nng_aio_set_timeout(special[TIMED].aio, TIMEOUT);
    nng_sleep_aio(LONG, special[TIMED].aio);

    special[RESTARTED].rounds = ROUNDS - 1;
    nng_sleep_aio(ROUND, special[RESTARTED].aio);

    nng_aio_cancel(special[CANCELLED].aio);
    nng_aio_abort(special[ABORTED].aio, OUR_CODE);
    nng_aio_stop(special[STOPPED].aio); /* waits for its callback, and is for good: */
    nng_sleep_aio(0, special[STOPPED].aio);
}

static void print(const char *name, const struct timer *timer)
{
    int rv = nng_aio_result(timer->aio);

    printf("%s: %d (%s), %u callback%s\n", name, rv, nng_strerror(rv), timer->callbacks,
        timer->callbacks == 1 ? "" : "s");
}

/* `timers` has room for the special ones, and behind them `count` random ones. */
static int run(struct timer *timers, size_t count, const int *done, const sigset_t *before)
{
    struct timer *randoms = timers + SPECIAL;
    char          name[32];
    size_t        at;
    int           rv;

    for (at = 0; at < SPECIAL + count; at++) {
        timers[at].done = done[1];
        if ((rv = nng_aio_alloc(&timers[at].aio, ended, &timers[at])) != 0) {
            fprintf(stderr, "timers: cannot make a timer: %s\n", nng_strerror(rv));
            return 1;
        }
    }
    start(timers, randoms, count);
    if (!wait_for_all(timers, SPECIAL + count, done[0], before)) {
        fprintf(stderr, "timers: interrupted\n");
        return 1;
    }
    for (at = 0; at < count; at++) {
        snprintf(name, sizeof(name), "random %u", (unsigned) at + 1);
        print(name, &randoms[at]);
    }
    for (at = 0; at < SPECIAL; at++) {
        print(special_names[at], &timers[at]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = interrupt };
    struct timer    *timers;
    sigset_t         ours, before;
    unsigned long    count = 5;
    size_t           at;
    int              done[2];
    int              code;

    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 2) {
        fprintf(stderr, "timers: `%s` is one argument too many; --help says more\n", argv[2]);
        return 2;
    }
    if (argc > 1) {
        count = strtoul(argv[1], NULL, 10);
        if (argv[1][strspn(argv[1], "0123456789")] != '\0' || count < 1 || count > 1000) {
            fprintf(stderr, "timers: `%s` is not 1 to 1000; --help says more\n", argv[1]);
            return 2;
        }
    }
    /* For wait_for_all alone; the threads of the library inherit the mask, so it comes first. */
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_BLOCK, &ours, &before);

    if (pipe(done) != 0) {
        perror("timers: cannot make a pipe");
        return 1;
    }
    if ((timers = calloc(SPECIAL + count, sizeof(*timers))) == NULL) {
        perror("timers: cannot make timers");
        code = 1;
    } else {
        code = run(timers, count, done, &before);
        for (at = 0; at < SPECIAL + count; at++) {
            nng_aio_free(timers[at].aio); /* NULL is fine */
        }
        free(timers);
    }
    nng_fini();
    close(done[0]);
    close(done[1]);
    return code;
}
