// TLS as tests use it: configurations of both sides, and streams that are encrypted.

#ifndef SECURE_H
#define SECURE_H

#include "keys.h"
#include "streams.h"

#include <nng/supplemental/tls/tls.h>

#ifdef OLD_HEADERS
#define NNG_OPT_TLS_PEER_CN "tls-peer-cn"
#define NNG_OPT_TLS_PEER_ALT_NAMES "tls-peer-alt-names"
extern int nng_tls_config_psk(nng_tls_config *, const char *, const uint8_t *, size_t);
#endif

static inline nng_tls_config *config(nng_tls_mode mode)
{
    nng_tls_config *c = NULL;

    CHECK_EQ(nng_tls_config_alloc(&c, mode), 0);
    CHECK(c != NULL);
    return c;
}

// A server that shows its certificate.
static inline nng_tls_config *server(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_SERVER);

    CHECK_EQ(nng_tls_config_own_cert(c, server_cert, server_key, NULL), 0);
    return c;
}

// A client that trusts the authority and wants to talk to `localhost`.
static inline nng_tls_config *client(void)
{
    nng_tls_config *c = config(NNG_TLS_MODE_CLIENT);

    CHECK_EQ(nng_tls_config_ca_chain(c, authority_cert, NULL), 0);
    CHECK_EQ(nng_tls_config_server_name(c, "localhost"), 0);
    return c;
}

// Connects, which frees both configurations. The dialer takes `host` for its URL, and the listener
// listens there.
static inline void secure_link(
    struct link *link, nng_tls_config *server_side, nng_tls_config *client_side, const char *host)
{
    int port;

    memset(link, 0, sizeof *link);
    snprintf(link->url, sizeof link->url, "tls+tcp4://%s:0", host);
    CHECK_EQ(nng_stream_listener_alloc(&link->listener, link->url), 0);
    CHECK_EQ(nng_stream_listener_set_ptr(link->listener, NNG_OPT_TLS_CONFIG, server_side), 0);
    CHECK_EQ(nng_stream_listener_listen(link->listener), 0);
    CHECK_EQ(nng_stream_listener_get_int(link->listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    snprintf(link->url, sizeof link->url, "tls+tcp4://%s:%d", host, port);
    CHECK_EQ(nng_stream_dialer_alloc(&link->dialer, link->url), 0);
    CHECK_EQ(nng_stream_dialer_set_ptr(link->dialer, NNG_OPT_TLS_CONFIG, client_side), 0);
    nng_tls_config_free(server_side);
    nng_tls_config_free(client_side);
    link_meet(link);
}

#endif // SECURE_H
