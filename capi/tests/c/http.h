// What HTTP is asked with, made in one line each.

#ifndef HTTP_H
#define HTTP_H

#include "check.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>

static inline nng_url *parsed(const char *text)
{
    nng_url *url;

    CHECK_EQ(nng_url_parse(&url, text), 0);
    return url;
}

static inline nng_http_req *request_for(const nng_url *url)
{
    nng_http_req *req = NULL;

    CHECK_EQ(nng_http_req_alloc(&req, url), 0);
    return req;
}

static inline nng_http_res *response(void)
{
    nng_http_res *res = NULL;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
    return res;
}

static inline nng_http_client *client_for(const nng_url *url)
{
    nng_http_client *client = NULL;

    CHECK_EQ(nng_http_client_alloc(&client, url), 0);
    CHECK(client != NULL);
    return client;
}

static inline void check_body(nng_http_res *res, const char *text)
{
    void *data;
    size_t size;

    nng_http_res_get_data(res, &data, &size);
    CHECK_EQ(size, strlen(text));
    if (size > 0) {
        CHECK_MEM(data, text, size);
    }
}

#endif // HTTP_H
