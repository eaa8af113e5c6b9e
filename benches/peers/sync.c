/*
 * Synchronous round trips of 64 bytes on nng_stream: start an aio, wait for it.
 *
 * libnng-sync serve [--addr 127.0.0.1:0]     answers one connection
 * libnng-sync call --addr ADDR [--ms 1000]   prints round_trips, p50_ns and p99_ns
 */
#include "common.h"

enum { MESSAGE = 64, MAX_SAMPLES = 4000000 };

typedef void (*transfer)(nng_stream *, nng_aio *);

/* Moves exactly MESSAGE bytes; returns 0 or the error. */
static int
move(transfer operation, nng_stream *stream, nng_aio *aio, uint8_t *bytes)
{
	size_t done = 0;
	while (done < MESSAGE) {
		nng_iov iov = { .iov_buf = bytes + done, .iov_len = MESSAGE - done };
		nng_aio_set_iov(aio, 1, &iov);
		operation(stream, aio);
		nng_aio_wait(aio);
		if (nng_aio_result(aio) != 0) {
			return (nng_aio_result(aio));
		}
		done += nng_aio_count(aio);
	}
	return (0);
}

static int
serve(const char *url)
{
	nng_stream_listener *listener;
	nng_aio             *aio;
	uint8_t              bytes[MESSAGE];
	int                  port;

	check("nng_stream_listener_alloc", nng_stream_listener_alloc(&listener, url));
	check("nng_stream_listener_listen", nng_stream_listener_listen(listener));
	check("nng_stream_listener_get_int",
	    nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
	check("nng_aio_alloc", nng_aio_alloc(&aio, NULL, NULL));
	announce(port);
	nng_stream_listener_accept(listener, aio);
	nng_aio_wait(aio);
	check("nng_stream_listener_accept", nng_aio_result(aio));
	nng_stream *stream = nng_aio_get_output(aio, 0);
	while (move(nng_stream_recv, stream, aio, bytes) == 0 &&
	    move(nng_stream_send, stream, aio, bytes) == 0) {
	}
	return (0);
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a;
	uint32_t y = *(const uint32_t *) b;
	return ((x > y) - (x < y));
}

static int
call(const char *url, long ms)
{
	nng_stream_dialer *dialer;
	nng_aio           *aio;
	uint8_t            bytes[MESSAGE] = { 0 };
	uint32_t          *samples = malloc(MAX_SAMPLES * sizeof(*samples));
	size_t             used    = 0;

	check("nng_stream_dialer_alloc", nng_stream_dialer_alloc(&dialer, url));
	check("nng_aio_alloc", nng_aio_alloc(&aio, NULL, NULL));
	nng_stream_dialer_dial(dialer, aio);
	nng_aio_wait(aio);
	check("nng_stream_dialer_dial", nng_aio_result(aio));
	nng_stream *stream = nng_aio_get_output(aio, 0);

	uint64_t now = nanoseconds(CLOCK_MONOTONIC);
	uint64_t end = now + (uint64_t) ms * 1000000u;
	while (now < end && used < MAX_SAMPLES) {
		uint64_t began = now;
		check("nng_stream_send", move(nng_stream_send, stream, aio, bytes));
		check("nng_stream_recv", move(nng_stream_recv, stream, aio, bytes));
		now             = nanoseconds(CLOCK_MONOTONIC);
		samples[used++] = (uint32_t) (now - began);
	}
	qsort(samples, used, sizeof(*samples), ascending);
	printf("round_trips %zu\n", used);
	printf("p50_ns %u\n", samples[used / 2]);
	printf("p99_ns %u\n", samples[used - 1 - used / 100]);
	return (0);
}

int
main(int argc, char **argv)
{
	char url[128];

	answer_version(argc, argv);
	snprintf(url, sizeof(url), "tcp://%s", option(argc, argv, "--addr", "127.0.0.1:0"));
	if (argc > 1 && strcmp(argv[1], "serve") == 0) {
		return (serve(url));
	}
	if (argc > 1 && strcmp(argv[1], "call") == 0) {
		return (call(url, number(argc, argv, "--ms", "1000")));
	}
	fprintf(stderr, "usage: libnng-sync serve|call [--addr ADDR] [--ms N]\n");
	return (2);
}
