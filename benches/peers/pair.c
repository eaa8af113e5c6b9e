/*
 * Round trips of 64 bytes over a TCP stream pair within one process, by callbacks alone: one end
 * sends and receives, the other receives and sends back.
 *
 * libnng-pair [--ms 1000]   prints round_trips, p50_ns, p99_ns and cpu_ns
 */
#include "common.h"

enum { MESSAGE = 64, MAX_SAMPLES = 4000000 };

typedef struct {
	nng_stream *stream;
	nng_aio    *aio;
	bool        sending;
	size_t      done;
	uint8_t     bytes[MESSAGE];
} party;

static party     caller;
static party     answerer;
static nng_mtx  *lock;
static nng_cv   *cv;
static bool      finished;
static uint32_t *samples;
static size_t    used;
static uint64_t  began;
static uint64_t  end;

static void
go_on(party *p)
{
	nng_iov iov = { .iov_buf = p->bytes + p->done, .iov_len = MESSAGE - p->done };
	nng_aio_set_iov(p->aio, 1, &iov);
	if (p->sending) {
		nng_stream_send(p->stream, p->aio);
	} else {
		nng_stream_recv(p->stream, p->aio);
	}
}

/* Whether the whole message has passed; starts the rest of it otherwise. */
static bool
is_whole(party *p)
{
	check("a transfer", nng_aio_result(p->aio));
	p->done += nng_aio_count(p->aio);
	if (p->done < MESSAGE) {
		go_on(p);
		return (false);
	}
	p->done    = 0;
	p->sending = !p->sending;
	return (true);
}

static void
on_answerer(void *arg)
{
	(void) arg;
	if (nng_aio_result(answerer.aio) != 0) {
		return; /* the caller is done */
	}
	if (is_whole(&answerer)) {
		go_on(&answerer);
	}
}

static void
on_caller(void *arg)
{
	(void) arg;
	if (!is_whole(&caller)) {
		return;
	}
	if (caller.sending) {
		uint64_t now    = nanoseconds(CLOCK_MONOTONIC);
		samples[used++] = (uint32_t) (now - began);
		began           = now;
		if (now >= end || used == MAX_SAMPLES) {
			nng_mtx_lock(lock);
			finished = true;
			nng_cv_wake(cv);
			nng_mtx_unlock(lock);
			return;
		}
	}
	go_on(&caller);
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a;
	uint32_t y = *(const uint32_t *) b;
	return ((x > y) - (x < y));
}

int
main(int argc, char **argv)
{
	nng_stream_listener *listener;
	nng_stream_dialer   *dialer;
	char                 url[128];
	int                  port;

	answer_version(argc, argv);
	samples = malloc(MAX_SAMPLES * sizeof(*samples));
	check("nng_mtx_alloc", nng_mtx_alloc(&lock));
	check("nng_cv_alloc", nng_cv_alloc(&cv, lock));
	check("nng_stream_listener_alloc", nng_stream_listener_alloc(&listener, "tcp://127.0.0.1:0"));
	check("nng_stream_listener_listen", nng_stream_listener_listen(listener));
	check("nng_stream_listener_get_int",
	    nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", port);
	check("nng_stream_dialer_alloc", nng_stream_dialer_alloc(&dialer, url));
	check("nng_aio_alloc", nng_aio_alloc(&caller.aio, on_caller, NULL));
	check("nng_aio_alloc", nng_aio_alloc(&answerer.aio, on_answerer, NULL));

	nng_aio *dial, *accept;
	check("nng_aio_alloc", nng_aio_alloc(&dial, NULL, NULL));
	check("nng_aio_alloc", nng_aio_alloc(&accept, NULL, NULL));
	nng_stream_listener_accept(listener, accept);
	nng_stream_dialer_dial(dialer, dial);
	nng_aio_wait(dial);
	nng_aio_wait(accept);
	check("nng_stream_dialer_dial", nng_aio_result(dial));
	check("nng_stream_listener_accept", nng_aio_result(accept));
	caller.stream   = nng_aio_get_output(dial, 0);
	answerer.stream = nng_aio_get_output(accept, 0);

	uint64_t cpu   = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	began          = nanoseconds(CLOCK_MONOTONIC);
	end            = began + (uint64_t) number(argc, argv, "--ms", "1000") * 1000000u;
	caller.sending = true;
	go_on(&answerer);
	go_on(&caller);
	nng_mtx_lock(lock);
	while (!finished) {
		nng_cv_wait(cv);
	}
	nng_mtx_unlock(lock);
	cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;

	qsort(samples, used, sizeof(*samples), ascending);
	printf("round_trips %zu\n", used);
	printf("p50_ns %u\n", samples[used / 2]);
	printf("p99_ns %u\n", samples[used - 1 - used / 100]);
	printf("cpu_ns %llu\n", (unsigned long long) cpu);
	return (0);
}
