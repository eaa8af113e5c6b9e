/*
 * Staggered sleeps: CPU time of one expiry.
 *
 * libnng-timers [--count 20000] [--lead-ms 200] [--spread-ms 1000]
 *
 * Sleep i ends about lead + spread * i / count after the start, in whole milliseconds of its own start;
 * lateness is measured against that. Prints cpu_us_per_expiry, taken between
 * the start of the last sleep and the end of the last sleep; late_ms, the worst lateness; and
 * late_p99_ms, which 99 of 100 stay within.
 */
#include "common.h"

typedef struct {
	nng_aio *aio;
	uint64_t due;  /* ns */
	int64_t  late; /* ns; below zero if it ended too early */
} sleeper;

static nng_mtx *lock;
static nng_cv  *finished;
static long     left;

static void
on_expired(void *arg)
{
	sleeper *s = arg;
	s->late    = (int64_t) (nanoseconds(CLOCK_MONOTONIC) - s->due);
	nng_mtx_lock(lock);
	if (--left == 0) {
		nng_cv_wake(finished);
	}
	nng_mtx_unlock(lock);
}

static int
ascending(const void *a, const void *b)
{
	int64_t x = ((const sleeper *) a)->late;
	int64_t y = ((const sleeper *) b)->late;
	return ((x > y) - (x < y));
}

int
main(int argc, char **argv)
{
	answer_version(argc, argv);
	long count  = number(argc, argv, "--count", "20000");
	long lead   = number(argc, argv, "--lead-ms", "200");
	long spread = number(argc, argv, "--spread-ms", "1000");

	left              = count;
	sleeper *sleepers = calloc((size_t) count, sizeof(*sleepers));
	check("nng_mtx_alloc", nng_mtx_alloc(&lock));
	check("nng_cv_alloc", nng_cv_alloc(&finished, lock));
	for (long i = 0; i < count; i++) {
		check("nng_aio_alloc",
		    nng_aio_alloc(&sleepers[i].aio, on_expired, &sleepers[i]));
	}
	uint64_t start = nanoseconds(CLOCK_MONOTONIC);
	for (long i = 0; i < count; i++) {
		uint64_t due = start + (uint64_t) (lead + spread * i / count) * 1000000u;
		/* What it took to start the others is not part of the sleep. */
		uint64_t     now = nanoseconds(CLOCK_MONOTONIC);
		nng_duration ms  = (nng_duration) (due > now ? (due - now) / 1000000u : 0);
		sleepers[i].due  = now + (uint64_t) ms * 1000000u;
		nng_sleep_aio(ms, sleepers[i].aio);
	}
	uint64_t before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	nng_mtx_lock(lock);
	while (left > 0) {
		nng_cv_wait(finished);
	}
	nng_mtx_unlock(lock);
	uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before;
	printf("cpu_us_per_expiry %.3f\n", (double) cpu / 1000.0 / (double) count);
	qsort(sleepers, (size_t) count, sizeof(*sleepers), ascending);
	printf("late_ms %.1f\n", (double) sleepers[count - 1].late / 1e6);
	printf("late_p99_ms %.2f\n", (double) sleepers[count - 1 - count / 100].late / 1e6);
	return (0);
}
