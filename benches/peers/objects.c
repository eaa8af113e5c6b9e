/*
 * Objects that are made and freed, one after the other, on one thread.
 *
 * libnng-objects [--count 1000000]   prints msg64_ns, msg1024_ns and aio_ns
 *
 * msg64, msg1024: allocate an empty message, append so many bytes, free it. aio: allocate, free.
 */
#include "common.h"

static void
report(const char *name, uint64_t began, long count)
{
	uint64_t took = nanoseconds(CLOCK_MONOTONIC) - began;
	printf("%s_ns %.1f\n", name, (double) took / (double) count);
}

static void
messages(const char *name, size_t size, long count)
{
	static const uint8_t bytes[1024];
	uint64_t             began = nanoseconds(CLOCK_MONOTONIC);
	for (long i = 0; i < count; i++) {
		nng_msg *msg;
		check("nng_msg_alloc", nng_msg_alloc(&msg, 0));
		check("nng_msg_append", nng_msg_append(msg, bytes, size));
		nng_msg_free(msg);
	}
	report(name, began, count);
}

static void
on_done(void *arg)
{
	(void) arg;
}

static void
aios(const char *name, long count)
{
	uint64_t began = nanoseconds(CLOCK_MONOTONIC);
	for (long i = 0; i < count; i++) {
		nng_aio *aio;
		check("nng_aio_alloc", nng_aio_alloc(&aio, on_done, NULL));
		nng_aio_free(aio);
	}
	report(name, began, count);
}

int
main(int argc, char **argv)
{
	answer_version(argc, argv);
	long count = number(argc, argv, "--count", "1000000");
	messages("warmup", 64, count / 10);
	messages("msg64", 64, count);
	messages("msg1024", 1024, count);
	aios("warmup", count / 10);
	aios("aio", count);
	return (0);
}
