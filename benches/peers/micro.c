/*
 * From begin to callback of one aio that each callback starts again.
 *
 * libnng-micro [--count 1000000]   prints plain_ns, armed_ns and timed_ns
 *
 * plain: begin, finish. armed: a cancel function as well. timed: a timeout as well.
 */
#include "common.h"

static nng_aio *aio;
static nng_mtx *lock;
static nng_cv  *finished;
static bool     is_done;
static bool     is_armed;
static long     left;

static void
on_cancel(nng_aio *canceled, void *arg, int code)
{
	(void) arg;
	nng_aio_finish(canceled, code);
}

static void
start(void)
{
	if (!nng_aio_begin(aio)) {
		return;
	}
	if (is_armed) {
		nng_aio_defer(aio, on_cancel, NULL);
	}
	nng_aio_finish(aio, 0);
}

static void
on_done(void *arg)
{
	(void) arg;
	if (--left > 0) {
		start();
		return;
	}
	nng_mtx_lock(lock);
	is_done = true;
	nng_cv_wake(finished);
	nng_mtx_unlock(lock);
}

static void
measure(const char *name, bool armed, nng_duration timeout, long count)
{
	is_armed = armed;
	is_done  = false;
	left     = count;
	nng_aio_set_timeout(aio, timeout);
	uint64_t began = nanoseconds(CLOCK_MONOTONIC);
	start();
	nng_mtx_lock(lock);
	while (!is_done) {
		nng_cv_wait(finished);
	}
	nng_mtx_unlock(lock);
	uint64_t took = nanoseconds(CLOCK_MONOTONIC) - began;
	nng_aio_wait(aio);
	printf("%s_ns %.1f\n", name, (double) took / (double) count);
}

int
main(int argc, char **argv)
{
	answer_version(argc, argv);
	long count = number(argc, argv, "--count", "1000000");
	check("nng_mtx_alloc", nng_mtx_alloc(&lock));
	check("nng_cv_alloc", nng_cv_alloc(&finished, lock));
	check("nng_aio_alloc", nng_aio_alloc(&aio, on_done, NULL));
	measure("warmup", false, NNG_DURATION_INFINITE, count / 10);
	measure("plain", false, NNG_DURATION_INFINITE, count);
	measure("armed", true, NNG_DURATION_INFINITE, count);
	measure("timed", true, 30000, count);
	return (0);
}
