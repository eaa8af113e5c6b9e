/*
 * Transactions over one connection of the nng HTTP client: each begins in the callback of the one
 * before.
 *
 * libnng-call --addr ADDR [--ms 1000]   prints round_trips, p50_ns, p99_ns and cpu_ns
 */
#include "common.h"

#include <nng/supplemental/http/http.h>

enum { MAX_SAMPLES = 4000000 };

static const char BODY[] = "Hello, World!";

static nng_http_conn *conn;
static nng_http_req  *req;
static nng_http_res  *res;
static nng_aio       *aio;
static nng_mtx       *lock;
static nng_cv        *cv;
static int            finished;

static uint32_t *samples;
static size_t    used;
static uint64_t  began;
static uint64_t  end;

static void
on_done(void *arg)
{
	void    *data;
	size_t   len;
	uint64_t now;

	(void) arg;
	check("nng_http_conn_transact", nng_aio_result(aio));
	nng_http_res_get_data(res, &data, &len);
	if (len != sizeof(BODY) - 1 || memcmp(data, BODY, len) != 0) {
		fprintf(stderr, "the server answers something else\n");
		exit(1);
	}
	now             = nanoseconds(CLOCK_MONOTONIC);
	samples[used++] = (uint32_t) (now - began);
	began           = now;
	if (now < end && used < MAX_SAMPLES) {
		nng_http_res_reset(res);
		nng_http_conn_transact(conn, req, res, aio);
		return;
	}
	nng_mtx_lock(lock);
	finished = 1;
	nng_cv_wake(cv);
	nng_mtx_unlock(lock);
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
	char             text[128];
	nng_url         *url;
	nng_http_client *client;
	nng_aio         *connected;

	answer_version(argc, argv);
	snprintf(text, sizeof(text), "http://%s/hello", option(argc, argv, "--addr", ""));
	check("nng_url_parse", nng_url_parse(&url, text));
	check("nng_http_client_alloc", nng_http_client_alloc(&client, url));
	check("nng_aio_alloc", nng_aio_alloc(&connected, NULL, NULL));
	nng_http_client_connect(client, connected);
	nng_aio_wait(connected);
	check("nng_http_client_connect", nng_aio_result(connected));
	conn = nng_aio_get_output(connected, 0);

	check("nng_http_req_alloc", nng_http_req_alloc(&req, url));
	check("nng_http_res_alloc", nng_http_res_alloc(&res));
	check("nng_mtx_alloc", nng_mtx_alloc(&lock));
	check("nng_cv_alloc", nng_cv_alloc(&cv, lock));
	check("nng_aio_alloc", nng_aio_alloc(&aio, on_done, NULL));
	samples = malloc(MAX_SAMPLES * sizeof(*samples));

	uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	began        = nanoseconds(CLOCK_MONOTONIC);
	end          = began + (uint64_t) number(argc, argv, "--ms", "1000") * 1000000u;
	nng_http_conn_transact(conn, req, res, aio);
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
