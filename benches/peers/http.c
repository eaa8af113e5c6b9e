/*
 * GET /hello by a function or a static handler of the nng HTTP server, and files below /files if
 * there is a directory.
 *
 * libnng-http [--addr 127.0.0.1:0] [--handler function] [--handler static] [--root DIR]
 */
#include "common.h"

#include <arpa/inet.h>
#include <nng/supplemental/http/http.h>

static const char BODY[] = "Hello, World!";

static void
hello(nng_aio *aio)
{
	nng_http_res *res;
	int           code;

	if ((code = nng_http_res_alloc(&res)) != 0) {
		nng_aio_finish(aio, code);
		return;
	}
	if (((code = nng_http_res_set_header(res, "Content-Type", "text/plain")) != 0) ||
	    ((code = nng_http_res_copy_data(res, BODY, sizeof(BODY) - 1)) != 0)) {
		nng_http_res_free(res);
		nng_aio_finish(aio, code);
		return;
	}
	nng_aio_set_output(aio, 0, res);
	nng_aio_finish(aio, 0);
}

/* The handler of that kind for /hello. */
static nng_http_handler *
handler_of(const char *kind)
{
	nng_http_handler *handler;

	if (strcmp(kind, "static") == 0) {
		check("nng_http_handler_alloc_static",
		    nng_http_handler_alloc_static(
		        &handler, "/hello", BODY, sizeof(BODY) - 1, "text/plain"));
	} else {
		check("nng_http_handler_alloc", nng_http_handler_alloc(&handler, "/hello", hello));
		check("nng_http_handler_set_method", nng_http_handler_set_method(handler, "GET"));
	}
	return (handler);
}

int
main(int argc, char **argv)
{
	char              text[128];
	nng_url          *url;
	nng_http_server  *server;
	nng_http_handler *handler;
	nng_sockaddr      addr;
	const char       *root;

	answer_version(argc, argv);
	snprintf(text, sizeof(text), "http://%s", option(argc, argv, "--addr", "127.0.0.1:0"));
	check("nng_url_parse", nng_url_parse(&url, text));
	check("nng_http_server_hold", nng_http_server_hold(&server, url));
	handler = handler_of(option(argc, argv, "--handler", "function"));
	check("nng_http_server_add_handler", nng_http_server_add_handler(server, handler));
	if ((root = option(argc, argv, "--root", NULL)) != NULL) {
		check("nng_http_handler_alloc_directory",
		    nng_http_handler_alloc_directory(&handler, "/files", root));
		check("nng_http_server_add_handler", nng_http_server_add_handler(server, handler));
	}
	check("nng_http_server_start", nng_http_server_start(server));
	check("nng_http_server_get_addr", nng_http_server_get_addr(server, &addr));
	announce(ntohs(addr.s_in.sa_port));
	for (;;) {
		nng_msleep(3600 * 1000);
	}
}
