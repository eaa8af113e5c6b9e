/*
 * Staggered sleeps: CPU time of one expiry.
 *
 * libnng-timers [--count 20000] [--lead-ms 200] [--spread-ms 1000]
 *
 * Sleep i ends lead + spread * i / count after the start. Prints cpu_us_per_expiry, taken between
 * the start of the last sleep and the end of the last sleep, and late_ms, the worst lateness.
 */
#include "common.h"

typedef struct {
	nng_aio *aio;
	nng_time due;
} sleeper;

static nng_mtx *lock;
static nng_cv  *finished;
static long     left;
static nng_time worst;

static void
on_expired(void *arg)
{
	sleeper *s    = arg;
	nng_time late = nng_clock() - s->due;
	nng_mtx_lock(lock);
	if (late > worst) {
		worst = late;
	}
	if (--left == 0) {
		nng_cv_wake(finished);
	}
	nng_mtx_unlock(lock);
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
	nng_time start = nng_clock();
	for (long i = 0; i < count; i++) {
		nng_duration ms = (nng_duration) (lead + spread * i / count);
		sleepers[i].due = start + (nng_time) ms;
		/* What it took to start the others is not part of the sleep. */
		nng_time now = nng_clock();
		nng_sleep_aio((nng_duration) (sleepers[i].due > now ?
		    sleepers[i].due - now : 0), sleepers[i].aio);
	}
	uint64_t before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	nng_mtx_lock(lock);
	while (left > 0) {
		nng_cv_wait(finished);
	}
	nng_mtx_unlock(lock);
	uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before;
	printf("cpu_us_per_expiry %.3f\n", (double) cpu / 1000.0 / (double) count);
	printf("late_ms %llu\n", (unsigned long long) worst);
	return (0);
}
