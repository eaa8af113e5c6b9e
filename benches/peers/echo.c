/*
 * TCP echo on nng_stream, driven by aio callbacks: receive, send what came, receive again.
 *
 * libnng-echo [--addr 127.0.0.1:0] [--buffer 4096] [--block-ms 100]
 *
 * A message that begins with 'B' makes its callback sleep for --block-ms before it is answered.
 */
#include "common.h"

typedef struct {
	nng_stream *stream;
	nng_aio    *aio;
	/* Bytes received and not yet sent; zero while receiving. */
	size_t  len;
	size_t  sent;
	uint8_t buffer[];
} connection;

static size_t            buffer_size;
static nng_duration      block_ms;
static nng_stream_listener *listener;
static nng_aio          *acceptor;

static void
start_receive(connection *c)
{
	nng_iov iov = { .iov_buf = c->buffer, .iov_len = buffer_size };
	c->len      = 0;
	c->sent     = 0;
	nng_aio_set_iov(c->aio, 1, &iov);
	nng_stream_recv(c->stream, c->aio);
}

static void
start_send(connection *c)
{
	nng_iov iov = { .iov_buf = c->buffer + c->sent, .iov_len = c->len - c->sent };
	nng_aio_set_iov(c->aio, 1, &iov);
	nng_stream_send(c->stream, c->aio);
}

static void
on_done(void *arg)
{
	connection *c = arg;
	if (nng_aio_result(c->aio) != 0) {
		nng_stream_free(c->stream);
		nng_aio_reap(c->aio);
		free(c);
		return;
	}
	if (c->len == 0) {
		c->len = nng_aio_count(c->aio);
		if (c->buffer[0] == 'B') {
			nng_msleep(block_ms);
		}
		start_send(c);
		return;
	}
	c->sent += nng_aio_count(c->aio);
	if (c->sent < c->len) {
		start_send(c);
	} else {
		start_receive(c);
	}
}

static void
on_accept(void *arg)
{
	(void) arg;
	if (nng_aio_result(acceptor) != 0) {
		return;
	}
	connection *c = calloc(1, sizeof(*c) + buffer_size);
	c->stream     = nng_aio_get_output(acceptor, 0);
	check("nng_aio_alloc", nng_aio_alloc(&c->aio, on_done, c));
	start_receive(c);
	nng_stream_listener_accept(listener, acceptor);
}

int
main(int argc, char **argv)
{
	char url[128];
	int  port;

	answer_version(argc, argv);
	buffer_size = (size_t) number(argc, argv, "--buffer", "4096");
	block_ms    = (nng_duration) number(argc, argv, "--block-ms", "100");
	snprintf(url, sizeof(url), "tcp://%s", option(argc, argv, "--addr", "127.0.0.1:0"));

	check("nng_stream_listener_alloc", nng_stream_listener_alloc(&listener, url));
	check("nng_stream_listener_listen", nng_stream_listener_listen(listener));
	check("nng_stream_listener_get_int",
	    nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
	check("nng_aio_alloc", nng_aio_alloc(&acceptor, on_accept, NULL));
	nng_stream_listener_accept(listener, acceptor);
	announce(port);
	for (;;) {
		nng_msleep(3600 * 1000);
	}
}
