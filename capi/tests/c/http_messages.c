// HTTP requests and responses: what they are at first, what is set in them, and whose the memory
// is.

#include "check.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>

// What requests and responses have in common.
struct kind {
    void *(*alloc)(void);
    void (*free)(void *);
    void (*reset)(void *);
    const char *(*get_version)(void *);
    int (*set_version)(void *, const char *);
    const char *(*get_header)(void *, const char *);
    int (*set_header)(void *, const char *, const char *);
    int (*add_header)(void *, const char *, const char *);
    int (*del_header)(void *, const char *);
    int (*set_data)(void *, const void *, size_t);
    int (*copy_data)(void *, const void *, size_t);
    void (*get_data)(void *, void **, size_t *);
};

#define KIND(R)                                                                 \
    static void R##_free(void *m)                                               \
    {                                                                           \
        nng_http_##R##_free(m);                                                 \
    }                                                                           \
    static void R##_reset(void *m)                                              \
    {                                                                           \
        nng_http_##R##_reset(m);                                                \
    }                                                                           \
    static const char *R##_get_version(void *m)                                 \
    {                                                                           \
        return nng_http_##R##_get_version(m);                                   \
    }                                                                           \
    static int R##_set_version(void *m, const char *version)                    \
    {                                                                           \
        return nng_http_##R##_set_version(m, version);                          \
    }                                                                           \
    static const char *R##_get_header(void *m, const char *name)                \
    {                                                                           \
        return nng_http_##R##_get_header(m, name);                              \
    }                                                                           \
    static int R##_set_header(void *m, const char *name, const char *value)     \
    {                                                                           \
        return nng_http_##R##_set_header(m, name, value);                       \
    }                                                                           \
    static int R##_add_header(void *m, const char *name, const char *value)     \
    {                                                                           \
        return nng_http_##R##_add_header(m, name, value);                       \
    }                                                                           \
    static int R##_del_header(void *m, const char *name)                        \
    {                                                                           \
        return nng_http_##R##_del_header(m, name);                              \
    }                                                                           \
    static int R##_set_data(void *m, const void *data, size_t size)             \
    {                                                                           \
        return nng_http_##R##_set_data(m, data, size);                          \
    }                                                                           \
    static int R##_copy_data(void *m, const void *data, size_t size)            \
    {                                                                           \
        return nng_http_##R##_copy_data(m, data, size);                         \
    }                                                                           \
    static void R##_get_data(void *m, void **datap, size_t *sizep)              \
    {                                                                           \
        nng_http_##R##_get_data(m, datap, sizep);                               \
    }                                                                           \
    static const struct kind R##_kind = { R##_alloc, R##_free, R##_reset,       \
        R##_get_version, R##_set_version, R##_get_header, R##_set_header,       \
        R##_add_header, R##_del_header, R##_set_data, R##_copy_data, R##_get_data }

static void *req_alloc(void)
{
    nng_http_req *req = NULL;

    CHECK_EQ(nng_http_req_alloc(&req, NULL), 0);
    CHECK(req != NULL);
    return req;
}

static void *res_alloc(void)
{
    nng_http_res *res = NULL;

    CHECK_EQ(nng_http_res_alloc(&res), 0);
    CHECK(res != NULL);
    return res;
}

KIND(req);
KIND(res);

static void for_both(void (*test)(const struct kind *, void *))
{
    static const struct kind *const kinds[] = { &req_kind, &res_kind };

    for (size_t i = 0; i < CHECK_COUNT(kinds); i++) {
        void *message = kinds[i]->alloc();

        test(kinds[i], message);
        kinds[i]->free(message);
    }
}

static void check_data(const struct kind *kind, void *message, const char *expected)
{
    void *data = NULL;
    size_t size = 12345;

    kind->get_data(message, &data, &size);
    CHECK_EQ(size, strlen(expected));
    if (size > 0) {
        CHECK_MEM(data, expected, size);
    }
}

static void check_no_data(const struct kind *kind, void *message)
{
    void *data = &data;
    size_t size = 12345;

    kind->get_data(message, &data, &size);
    CHECK(data == NULL);
    CHECK_EQ(size, 0);
}

static nng_http_req *request_for(const char *text)
{
    nng_http_req *req = NULL;
    nng_url *url;

    CHECK_EQ(nng_url_parse(&url, text), 0);
    CHECK_EQ(nng_http_req_alloc(&req, url), 0);
    nng_url_free(url);
    CHECK(req != NULL);
    return req;
}

// Requests

static void a_fresh_request_has_nothing(void)
{
    nng_http_req *req = req_alloc();

    CHECK_STR(nng_http_req_get_method(req), "GET");
    CHECK_STR(nng_http_req_get_version(req), "HTTP/1.1");
    CHECK_STR(nng_http_req_get_uri(req), "");
    CHECK_STR(nng_http_req_get_header(req, "Host"), NULL);
    CHECK_STR(nng_http_req_get_header(req, "Content-Length"), NULL);
    check_no_data(&req_kind, req);
    nng_http_req_free(req);
}

static void a_url_gives_target_and_host(void)
{
    static const struct {
        const char *url, *uri, *host;
    } table[] = {
        { "http://example.com/", "/", "example.com" },
        { "http://example.com/a/b?x=1&y", "/a/b?x=1&y", "example.com" },
        { "http://example.com:80/", "/", "example.com" },
        { "http://example.com:8080/", "/", "example.com:8080" },
        { "https://example.com:443/a", "/a", "example.com" },
        { "https://example.com:80/a", "/a", "example.com:80" },
        { "ws://example.com/socket", "/socket", "example.com" },
        { "wss://example.com/socket", "/socket", "example.com" },
        { "http://127.0.0.1:8080/x", "/x", "127.0.0.1:8080" },
        { "http://[::1]:8080/x", "/x", "[::1]:8080" },
        { "http://user:word@example.com/x", "/x", "example.com" },
        // A target begins with a slash.
        { "http://example.com", "/", "example.com" },
        { "http://example.com?x", "/?x", "example.com" },
        // Fragments stay at home.
        { "http://example.com/a#part", "/a", "example.com" },
        { "http://example.com/a?x#part", "/a?x", "example.com" },
        // Brackets are part of the address.
        { "http://[::1]/x", "/x", "[::1]" },
    };

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        nng_http_req *req = request_for(table[i].url);

        CHECK_STR(nng_http_req_get_uri(req), table[i].uri);
        CHECK_STR(nng_http_req_get_header(req, "Host"), table[i].host);
        CHECK_STR(nng_http_req_get_method(req), "GET");
        CHECK_STR(nng_http_req_get_version(req), "HTTP/1.1");
        CHECK_STR(nng_http_req_get_header(req, "Connection"), NULL);
        CHECK_STR(nng_http_req_get_header(req, "User-Agent"), NULL);
        check_no_data(&req_kind, req);
        nng_http_req_free(req);
    }
}

static void a_method_is_copied(void)
{
    nng_http_req *req = req_alloc();
    char method[] = "POST";

    CHECK_EQ(nng_http_req_set_method(req, method), 0);
    memcpy(method, "xxxx", 4);
    CHECK_STR(nng_http_req_get_method(req), "POST");
    CHECK_EQ(nng_http_req_set_method(req, "m-SEARCH"), 0);
    CHECK_STR(nng_http_req_get_method(req), "m-SEARCH");
    CHECK_EQ(nng_http_req_set_method(req, "GET"), 0);
    CHECK_STR(nng_http_req_get_method(req), "GET");
    CHECK_EQ(nng_http_req_set_method(req, "DELETE"), 0);
    CHECK_EQ(nng_http_req_set_method(req, NULL), 0);
    CHECK_STR(nng_http_req_get_method(req), "GET");
    nng_http_req_free(req);
}

static void a_method_is_a_token(void)
{
    static const char *const table[] = { "GE T", "GET ", " GET", "GET\r\n", "GET\n", "G\x01T",
        "G\tT", "G\x7f", "G/T", "GET:", "G\xc3\xa4T" };
    nng_http_req *req = req_alloc();

    CHECK_EQ(nng_http_req_set_method(req, "PUT"), 0);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        CHECK_EQ(nng_http_req_set_method(req, table[i]), NNG_EINVAL);
        CHECK_STR(nng_http_req_get_method(req), "PUT");
    }
    nng_http_req_free(req);
}

static void an_empty_method_is_none(void)
{
    nng_http_req *req = req_alloc();

    CHECK_EQ(nng_http_req_set_method(req, "PUT"), 0);
    CHECK_EQ(nng_http_req_set_method(req, ""), NNG_EINVAL);
    CHECK_STR(nng_http_req_get_method(req), "PUT");
    nng_http_req_free(req);
}

static void a_target_is_copied(void)
{
    nng_http_req *req = request_for("http://example.com/first");
    char uri[] = "/second?x=%20";

    CHECK_EQ(nng_http_req_set_uri(req, uri), 0);
    memset(uri, 'x', sizeof uri - 1);
    CHECK_STR(nng_http_req_get_uri(req), "/second?x=%20");
    CHECK_EQ(nng_http_req_set_uri(req, "*"), 0);
    CHECK_STR(nng_http_req_get_uri(req), "*");
    CHECK_EQ(nng_http_req_set_uri(req, "http://other.example/x"), 0);
    CHECK_STR(nng_http_req_get_uri(req), "http://other.example/x");
    CHECK_EQ(nng_http_req_set_uri(req, NULL), 0);
    CHECK_STR(nng_http_req_get_uri(req), "");
    CHECK_STR(nng_http_req_get_header(req, "Host"), "example.com");
    nng_http_req_free(req);
}

static void a_target_has_no_spaces(void)
{
    static const char *const table[] = { "/a b", " /a", "/a ", "/a\r\nX: y", "/a\n", "/a\r", "/\t",
        "/\x01", "/\x7f" };
    nng_http_req *req = req_alloc();

    CHECK_EQ(nng_http_req_set_uri(req, "/kept"), 0);
    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        CHECK_EQ(nng_http_req_set_uri(req, table[i]), NNG_EINVAL);
        CHECK_STR(nng_http_req_get_uri(req), "/kept");
    }
    nng_http_req_free(req);
}

static void a_long_target_is_no_problem(void)
{
    nng_http_req *req = req_alloc();
    size_t length = 100000;
    char *uri = malloc(length + 1);

    CHECK(uri != NULL);
    memset(uri, 'a', length);
    uri[0] = '/';
    uri[length] = '\0';
    CHECK_EQ(nng_http_req_set_uri(req, uri), 0);
    CHECK(nng_http_req_get_uri(req) != uri);
    CHECK(strcmp(nng_http_req_get_uri(req), uri) == 0);
    free(uri);
    nng_http_req_free(req);
}

// Responses

static void a_fresh_response_is_a_success(void)
{
    nng_http_res *res = res_alloc();

    CHECK_EQ(nng_http_res_get_status(res), NNG_HTTP_STATUS_OK);
    CHECK_STR(nng_http_res_get_reason(res), "OK");
    CHECK_STR(nng_http_res_get_version(res), "HTTP/1.1");
    CHECK_STR(nng_http_res_get_header(res, "Content-Length"), NULL);
    CHECK_STR(nng_http_res_get_header(res, "Content-Type"), NULL);
    check_no_data(&res_kind, res);
    nng_http_res_free(res);
}

static void each_status_has_its_reason(void)
{
    static const struct {
        uint16_t status;
        const char *reason;
    } table[] = {
        { 100, "Continue" }, { 101, "Switching Protocols" }, { 102, "Processing" }, { 200, "OK" },
        { 201, "Created" }, { 202, "Accepted" }, { 203, "Not Authoritative" },
        { 204, "No Content" }, { 205, "Reset Content" }, { 206, "Partial Content" },
        { 300, "Multiple Choices" }, { 301, "Moved Permanently" }, { 302, "Found" },
        { 303, "See Other" }, { 304, "Not Modified" }, { 305, "Use Proxy" },
        { 307, "Temporary Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
        { 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
        { 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
        { 407, "Proxy Authentication Required" }, { 408, "Request Timeout" }, { 409, "Conflict" },
        { 410, "Gone" }, { 411, "Length Required" }, { 412, "Precondition Failed" },
        { 414, "Request Entity Too Long" }, { 415, "Unsupported Media Type" },
        { 416, "Requested Range Not Satisfiable" }, { 417, "Expectation Failed" },
        { 418, "I Am A Teapot" }, { 423, "Locked" }, { 424, "Failed Dependency" },
        { 426, "Upgrade Required" }, { 428, "Precondition Required" },
        { 429, "Too Many Requests" }, { 431, "Headers Too Large" },
        { 451, "Unavailable For Legal Reasons" }, { 500, "Internal Server Error" },
        { 501, "Not Implemented" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" }, { 506, "Variant Also Negotiates" },
        { 507, "Insufficient Storage" }, { 508, "Loop Detected" }, { 510, "Not Extended" },
        { 511, "Network Authentication Required" },
        // Not known to all libraries.
        { 207, "Multi-Status" }, { 208, "Already Reported" }, { 226, "IM Used" },
        { 308, "Permanent Redirect" }, { 413, "Content Too Large" },
        { 422, "Unprocessable Content" }, { 502, "Bad Gateway" },
        // Any number is taken.
        { 0, "Unknown HTTP Status" }, { 99, "Unknown HTTP Status" }, { 299, "Unknown HTTP Status" },
        { 600, "Unknown HTTP Status" }, { 65535, "Unknown HTTP Status" },
    };
    nng_http_res *res = res_alloc();

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        CHECK_EQ(nng_http_res_set_status(res, table[i].status), 0);
        CHECK_EQ(nng_http_res_get_status(res), table[i].status);
        CHECK_STR(nng_http_res_get_reason(res), table[i].reason);
    }
    nng_http_res_free(res);
}

static void a_reason_of_ones_own_stays(void)
{
    nng_http_res *res = res_alloc();
    char reason[] = "Fine";

    CHECK_EQ(nng_http_res_set_reason(res, reason), 0);
    reason[0] = 'x';
    CHECK_STR(nng_http_res_get_reason(res), "Fine");
    CHECK_EQ(nng_http_res_set_status(res, 404), 0);
    CHECK_STR(nng_http_res_get_reason(res), "Fine");
    CHECK_EQ(nng_http_res_set_reason(res, ""), 0);
    CHECK_STR(nng_http_res_get_reason(res), "");
    CHECK_EQ(nng_http_res_set_reason(res, NULL), 0);
    CHECK_STR(nng_http_res_get_reason(res), "Not Found");
    // The usual one is none of one's own.
    CHECK_EQ(nng_http_res_set_reason(res, "Not Found"), 0);
    CHECK_EQ(nng_http_res_set_status(res, 200), 0);
    CHECK_STR(nng_http_res_get_reason(res), "OK");
    // That of another status is.
    CHECK_EQ(nng_http_res_set_reason(res, "Not Found"), 0);
    CHECK_EQ(nng_http_res_set_status(res, 404), 0);
    CHECK_EQ(nng_http_res_set_status(res, 500), 0);
    CHECK_STR(nng_http_res_get_reason(res), "Not Found");
    nng_http_res_free(res);
}

static void a_reason_is_one_line(void)
{
    static const char *const table[] = { "OK\r\nX: y", "OK\n", "\r" };
    nng_http_res *res = res_alloc();

    for (size_t i = 0; i < CHECK_COUNT(table); i++) {
        CHECK_EQ(nng_http_res_set_reason(res, table[i]), NNG_EINVAL);
        CHECK_STR(nng_http_res_get_reason(res), "OK");
    }
    nng_http_res_free(res);
}

static void an_error_has_a_page(void)
{
    static const uint16_t statuses[] = { 400, 404, 418, 500, 502, 599 };

    for (size_t i = 0; i < CHECK_COUNT(statuses); i++) {
        nng_http_res *res = NULL;
        char number[12], *page;
        void *data;
        size_t size;

        CHECK_EQ(nng_http_res_alloc_error(&res, statuses[i]), 0);
        CHECK_EQ(nng_http_res_get_status(res), statuses[i]);
        CHECK_STR(nng_http_res_get_version(res), "HTTP/1.1");
        CHECK_STR(nng_http_res_get_header(res, "Content-Type"), "text/html; charset=UTF-8");
        nng_http_res_get_data(res, &data, &size);
        CHECK(data != NULL && size > 0);
        snprintf(number, sizeof number, "%zu", size);
        CHECK_STR(nng_http_res_get_header(res, "Content-Length"), number);
        page = strndup(data, size);
        CHECK(page != NULL);
        CHECK_EQ(strlen(page), size);
        snprintf(number, sizeof number, "%d", statuses[i]);
        CHECK(strstr(page, number) != NULL);
        CHECK(strstr(page, nng_http_res_get_reason(res)) != NULL);
        free(page);
        nng_http_res_free(res);
    }
}

static void an_error_may_get_another_body(void)
{
    nng_http_res *res = NULL;

    CHECK_EQ(nng_http_res_alloc_error(&res, 404), 0);
    CHECK_EQ(nng_http_res_copy_data(res, "nothing", 7), 0);
    check_data(&res_kind, res, "nothing");
    CHECK_STR(nng_http_res_get_header(res, "Content-Length"), "7");
    CHECK_EQ(nng_http_res_get_status(res), 404);
    nng_http_res_reset(res);
    CHECK_EQ(nng_http_res_get_status(res), 200);
    CHECK_STR(nng_http_res_get_reason(res), "OK");
    CHECK_STR(nng_http_res_get_header(res, "Content-Type"), NULL);
    check_no_data(&res_kind, res);
    nng_http_res_free(res);
}

// Both

static void versions(const struct kind *kind, void *message)
{
    char version[] = "HTTP/1.0";

    CHECK_EQ(kind->set_version(message, version), 0);
    version[7] = 'x';
    CHECK_STR(kind->get_version(message), "HTTP/1.0");
    CHECK_EQ(kind->set_version(message, "HTTP/1.1"), 0);
    CHECK_STR(kind->get_version(message), "HTTP/1.1");
    CHECK_EQ(kind->set_version(message, "HTTP/1.0"), 0);
    CHECK_EQ(kind->set_version(message, NULL), 0);
    CHECK_STR(kind->get_version(message), "HTTP/1.1");
    // What others understand is up to them.
    CHECK_EQ(kind->set_version(message, "HTTP/1.2"), 0);
    CHECK_STR(kind->get_version(message), "HTTP/1.2");
    CHECK_EQ(kind->set_version(message, "HTTP/2.0"), 0);
    CHECK_STR(kind->get_version(message), "HTTP/2.0");
}

static void a_version_is_copied(void)
{
    for_both(versions);
}

static void no_lines_in_version(const struct kind *kind, void *message)
{
    CHECK_EQ(kind->set_version(message, "HTTP/1.1\r\nX: y"), NNG_EINVAL);
    CHECK_STR(kind->get_version(message), "HTTP/1.1");
}

static void a_version_is_one_word(void)
{
    for_both(no_lines_in_version);
}

static void set_and_get(const struct kind *kind, void *message)
{
    char name[] = "X-First", value[] = "one";

    CHECK_STR(kind->get_header(message, "X-First"), NULL);
    CHECK_EQ(kind->set_header(message, name, value), 0);
    name[0] = value[0] = '!';
    CHECK_STR(kind->get_header(message, "X-First"), "one");
    CHECK_STR(kind->get_header(message, "x-first"), "one");
    CHECK_STR(kind->get_header(message, "X-FIRST"), "one");
    CHECK_STR(kind->get_header(message, "X-Firs"), NULL);
    CHECK_STR(kind->get_header(message, "X-First2"), NULL);
    CHECK_STR(kind->get_header(message, ""), NULL);
    CHECK_EQ(kind->set_header(message, "x-FIRST", "two"), 0);
    CHECK_STR(kind->get_header(message, "X-First"), "two");
    CHECK_EQ(kind->set_header(message, "X-Empty", ""), 0);
    CHECK_STR(kind->get_header(message, "X-Empty"), "");
    CHECK_EQ(kind->set_header(message, "X-Tab", "a\tb"), 0);
    CHECK_STR(kind->get_header(message, "X-Tab"), "a\tb");
    CHECK_EQ(kind->set_header(message, "X-Bytes", "\xc3\xa4\xff"), 0);
    CHECK_STR(kind->get_header(message, "X-Bytes"), "\xc3\xa4\xff");
}

static void headers_are_set(void)
{
    for_both(set_and_get);
}

static void add_and_get(const struct kind *kind, void *message)
{
    CHECK_EQ(kind->add_header(message, "Accept", "a/b"), 0);
    CHECK_STR(kind->get_header(message, "Accept"), "a/b");
    CHECK_EQ(kind->add_header(message, "ACCEPT", "c/d"), 0);
    CHECK_STR(kind->get_header(message, "Accept"), "a/b, c/d");
    CHECK_EQ(kind->add_header(message, "accept", "e/f"), 0);
    CHECK_STR(kind->get_header(message, "Accept"), "a/b, c/d, e/f");
    CHECK_EQ(kind->set_header(message, "accept", "g/h"), 0);
    CHECK_STR(kind->get_header(message, "Accept"), "g/h");
    CHECK_EQ(kind->add_header(message, "Set-Cookie", "a=1"), 0);
    CHECK_EQ(kind->add_header(message, "Set-Cookie", "b=2"), 0);
    CHECK_STR(kind->get_header(message, "set-cookie"), "a=1, b=2");
}

static void headers_are_joined(void)
{
    for_both(add_and_get);
}

static void delete(const struct kind *kind, void *message)
{
    CHECK_EQ(kind->del_header(message, "X-First"), NNG_ENOENT);
    CHECK_EQ(kind->set_header(message, "X-First", "one"), 0);
    CHECK_EQ(kind->set_header(message, "X-Second", "two"), 0);
    CHECK_EQ(kind->add_header(message, "X-Second", "three"), 0);
    CHECK_EQ(kind->del_header(message, "x-SECOND"), 0);
    CHECK_STR(kind->get_header(message, "X-Second"), NULL);
    CHECK_STR(kind->get_header(message, "X-First"), "one");
    CHECK_EQ(kind->del_header(message, "X-Second"), NNG_ENOENT);
    CHECK_EQ(kind->del_header(message, "X-First"), 0);
    CHECK_EQ(kind->del_header(message, "X-First"), NNG_ENOENT);
}

static void headers_are_deleted(void)
{
    for_both(delete);
}

static void injected(const struct kind *kind, void *message)
{
    static const char *const names[] = { "", "X Y", "X:", "X\r\nY", "X\n", " X", "X ", "X\t", "(X)",
        "\xc3\xa4" };
    static const char *const values[] = { "a\r\nY: b", "a\n", "a\r", "\n" };

    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        CHECK_EQ(kind->set_header(message, names[i], "value"), NNG_EINVAL);
        CHECK_EQ(kind->add_header(message, names[i], "value"), NNG_EINVAL);
        CHECK_STR(kind->get_header(message, names[i]), NULL);
    }
    CHECK_EQ(kind->set_header(message, "X-Kept", "kept"), 0);
    for (size_t i = 0; i < CHECK_COUNT(values); i++) {
        CHECK_EQ(kind->set_header(message, "X-Kept", values[i]), NNG_EINVAL);
        CHECK_EQ(kind->add_header(message, "X-Kept", values[i]), NNG_EINVAL);
        CHECK_EQ(kind->add_header(message, "X-New", values[i]), NNG_EINVAL);
    }
    CHECK_STR(kind->get_header(message, "X-Kept"), "kept");
    CHECK_STR(kind->get_header(message, "X-New"), NULL);
}

static void nothing_is_injected_by_a_header(void)
{
    for_both(injected);
}

static void many(const struct kind *kind, void *message)
{
    char name[20], value[20];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "X-%d", i);
        snprintf(value, sizeof value, "value %d", i);
        CHECK_EQ(kind->set_header(message, name, value), 0);
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf(name, sizeof name, "x-%d", i);
        CHECK_EQ(kind->del_header(message, name), 0);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "X-%d", i);
        snprintf(value, sizeof value, "value %d", i);
        CHECK_STR(kind->get_header(message, name), i % 2 ? value : NULL);
    }
}

static void there_may_be_many_headers(void)
{
    for_both(many);
}

// The pointers of several getters are good at the same time, until what they are of is changed.
static void borrowed_strings(const struct kind *kind, void *message)
{
    const char *first, *second, *version, *again;

    CHECK_EQ(kind->set_header(message, "X-First", "one"), 0);
    CHECK_EQ(kind->set_header(message, "X-Second", "two"), 0);
    first = kind->get_header(message, "X-First");
    second = kind->get_header(message, "X-Second");
    version = kind->get_version(message);
    for (int i = 0; i < 1000; i++) {
        again = kind->get_header(message, "X-First");
        CHECK_STR(again, "one");
    }
    CHECK_STR(kind->get_header(message, "X-None"), NULL);
    CHECK_STR(first, "one");
    CHECK_STR(second, "two");
    CHECK_STR(version, "HTTP/1.1");
    CHECK_EQ(kind->set_header(message, "X-Second", "three"), 0);
    CHECK_EQ(kind->set_version(message, "HTTP/1.0"), 0);
    CHECK_EQ(kind->set_header(message, "X-Third", "four"), 0);
    CHECK_STR(first, "one");
    CHECK_STR(kind->get_header(message, "X-First"), "one");
    CHECK_STR(kind->get_header(message, "X-Second"), "three");
}

static void strings_stay_until_they_are_changed(void)
{
    for_both(borrowed_strings);
}

// What a getter has returned may be what a setter is given.
static void own_strings(const struct kind *kind, void *message)
{
    CHECK_EQ(kind->set_header(message, "X-First", "one"), 0);
    CHECK_EQ(kind->set_header(message, "X-First", kind->get_header(message, "X-First")), 0);
    CHECK_STR(kind->get_header(message, "X-First"), "one");
    CHECK_EQ(kind->add_header(message, "X-First", kind->get_header(message, "X-First")), 0);
    CHECK_STR(kind->get_header(message, "X-First"), "one, one");
    CHECK_EQ(kind->set_version(message, kind->get_version(message)), 0);
    CHECK_STR(kind->get_version(message), "HTTP/1.1");
}

static void setters_take_what_getters_give(void)
{
    for_both(own_strings);
}

static void data_set(const struct kind *kind, void *message)
{
    char text[] = "some text", other[] = "other";
    void *data;
    size_t size;

    CHECK_EQ(kind->set_data(message, text, 9), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "9");
    kind->get_data(message, &data, &size);
    CHECK(data == text);
    CHECK_EQ(size, 9);
    // It is the caller's memory.
    text[0] = 'S';
    check_data(kind, message, "Some text");
    CHECK_EQ(kind->set_data(message, other, 5), 0);
    CHECK_STR(kind->get_header(message, "content-length"), "5");
    memset(text, 0, sizeof text);
    check_data(kind, message, "other");
    CHECK_EQ(kind->set_data(message, other, 0), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "0");
    check_data(kind, message, "");
}

static void data_is_borrowed(void)
{
    for_both(data_set);
}

static void data_lent(const struct kind *kind, void *message)
{
    char *text = malloc(5);

    CHECK(text != NULL);
    memcpy(text, "lent!", 5);
    CHECK_EQ(kind->set_data(message, text, 5), 0);
    CHECK_EQ(kind->copy_data(message, "mine", 4), 0);
    memset(text, 0, 5);
    free(text);
    check_data(kind, message, "mine");
    text = malloc(5);
    CHECK(text != NULL);
    CHECK_EQ(kind->set_data(message, text, 5), 0);
    kind->reset(message);
    free(text);
    check_no_data(kind, message);
    text = malloc(5);
    CHECK(text != NULL);
    CHECK_EQ(kind->set_data(message, text, 5), 0);
    CHECK_EQ(kind->set_data(message, NULL, 0), 0);
    free(text);
    check_no_data(kind, message);
}

static void borrowed_data_is_given_back(void)
{
    for_both(data_lent);
}

static void data_copied(const struct kind *kind, void *message)
{
    char text[] = "some text";
    void *data;
    size_t size;

    CHECK_EQ(kind->copy_data(message, text, 9), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "9");
    kind->get_data(message, &data, &size);
    CHECK(data != text);
    memset(text, 0, sizeof text);
    check_data(kind, message, "some text");
    CHECK_EQ(kind->copy_data(message, "", 0), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "0");
    check_data(kind, message, "");
    // From one's own body.
    CHECK_EQ(kind->copy_data(message, "abcdef", 6), 0);
    kind->get_data(message, &data, &size);
    CHECK_EQ(kind->copy_data(message, (char *) data + 2, 3), 0);
    check_data(kind, message, "cde");
    CHECK_STR(kind->get_header(message, "Content-Length"), "3");
}

static void data_is_copied(void)
{
    for_both(data_copied);
}

static void data_null(const struct kind *kind, void *message)
{
    void *data;
    size_t size;

    // A body that is only announced.
    CHECK_EQ(kind->set_data(message, NULL, 1000), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "1000");
    kind->get_data(message, &data, &size);
    CHECK(data == NULL);
    CHECK_EQ(kind->set_data(message, NULL, 5000000000), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "5000000000");
    CHECK_EQ(kind->set_data(message, NULL, 0), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "0");
    check_no_data(kind, message);
    // An empty one.
    CHECK_EQ(kind->copy_data(message, "abc", 3), 0);
    CHECK_EQ(kind->copy_data(message, NULL, 0), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "0");
    check_data(kind, message, "");
    // There is nothing to copy.
    CHECK_EQ(kind->copy_data(message, "abc", 3), 0);
    CHECK_EQ(kind->copy_data(message, NULL, 5), NNG_EINVAL);
    check_data(kind, message, "abc");
}

static void data_may_be_null(void)
{
    for_both(data_null);
}

static void data_lengths(const struct kind *kind, void *message)
{
    CHECK_EQ(kind->copy_data(message, "abc", 3), 0);
    CHECK_EQ(kind->set_header(message, "Content-Length", "10"), 0);
    CHECK_STR(kind->get_header(message, "Content-Length"), "10");
    check_data(kind, message, "abc");
    CHECK_EQ(kind->del_header(message, "Content-Length"), 0);
    check_data(kind, message, "abc");
    // One or the other.
    kind->get_data(message, NULL, NULL);
    {
        void *data = NULL;
        size_t size = 0;

        kind->get_data(message, &data, NULL);
        kind->get_data(message, NULL, &size);
        CHECK(data != NULL);
        CHECK_EQ(size, 3);
    }
}

static void a_length_of_ones_own_is_trusted(void)
{
    for_both(data_lengths);
}

static void resets(const struct kind *kind, void *message)
{
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(kind->set_version(message, "HTTP/1.0"), 0);
        CHECK_EQ(kind->set_header(message, "X-First", "one"), 0);
        CHECK_EQ(kind->copy_data(message, "abc", 3), 0);
        kind->reset(message);
        CHECK_STR(kind->get_version(message), "HTTP/1.1");
        CHECK_STR(kind->get_header(message, "X-First"), NULL);
        CHECK_STR(kind->get_header(message, "Content-Length"), NULL);
        CHECK_EQ(kind->del_header(message, "X-First"), NNG_ENOENT);
        check_no_data(kind, message);
    }
}

static void a_reset_brings_the_defaults_back(void)
{
    nng_http_req *req = request_for("http://example.com/first");
    nng_http_res *res = res_alloc();

    for_both(resets);
    CHECK_EQ(nng_http_req_set_method(req, "PUT"), 0);
    nng_http_req_reset(req);
    CHECK_STR(nng_http_req_get_method(req), "GET");
    CHECK_STR(nng_http_req_get_uri(req), "");
    CHECK_STR(nng_http_req_get_header(req, "Host"), NULL);
    CHECK_EQ(nng_http_res_set_status(res, 404), 0);
    CHECK_EQ(nng_http_res_set_reason(res, "Gone away"), 0);
    nng_http_res_reset(res);
    CHECK_EQ(nng_http_res_get_status(res), 200);
    CHECK_STR(nng_http_res_get_reason(res), "OK");
    nng_http_req_free(req);
    nng_http_res_free(res);
}

static void nothing(const struct kind *kind, void *message)
{
    void *data = message;
    size_t size = 12345;

    kind->free(NULL);
    kind->reset(NULL);
    kind->get_data(NULL, &data, &size);
    CHECK(data == message);
    CHECK_EQ(size, 12345);
    CHECK_STR(kind->get_version(NULL), NULL);
    CHECK_STR(kind->get_header(NULL, "Host"), NULL);
    CHECK_STR(kind->get_header(message, NULL), NULL);
    CHECK_EQ(kind->set_version(NULL, "HTTP/1.0"), NNG_EINVAL);
    CHECK_EQ(kind->set_header(NULL, "X", "y"), NNG_EINVAL);
    CHECK_EQ(kind->set_header(message, NULL, "y"), NNG_EINVAL);
    CHECK_EQ(kind->set_header(message, "X", NULL), NNG_EINVAL);
    CHECK_EQ(kind->add_header(NULL, "X", "y"), NNG_EINVAL);
    CHECK_EQ(kind->add_header(message, NULL, "y"), NNG_EINVAL);
    CHECK_EQ(kind->add_header(message, "X", NULL), NNG_EINVAL);
    CHECK_EQ(kind->del_header(NULL, "X"), NNG_EINVAL);
    CHECK_EQ(kind->del_header(message, NULL), NNG_EINVAL);
    CHECK_EQ(kind->set_data(NULL, "x", 1), NNG_EINVAL);
    CHECK_EQ(kind->copy_data(NULL, "x", 1), NNG_EINVAL);
    CHECK_STR(kind->get_header(message, "X"), NULL);
    check_no_data(kind, message);
}

static void null_is_refused(void)
{
    nng_url *url;

    for_both(nothing);
    CHECK_EQ(nng_url_parse(&url, "http://example.com/"), 0);
    CHECK_EQ(nng_http_req_alloc(NULL, url), NNG_EINVAL);
    CHECK_EQ(nng_http_req_alloc(NULL, NULL), NNG_EINVAL);
    nng_url_free(url);
    CHECK_EQ(nng_http_res_alloc(NULL), NNG_EINVAL);
    CHECK_EQ(nng_http_res_alloc_error(NULL, 404), NNG_EINVAL);
    CHECK_STR(nng_http_req_get_method(NULL), NULL);
    CHECK_STR(nng_http_req_get_uri(NULL), NULL);
    CHECK_EQ(nng_http_req_set_method(NULL, "GET"), NNG_EINVAL);
    CHECK_EQ(nng_http_req_set_uri(NULL, "/"), NNG_EINVAL);
    CHECK_EQ(nng_http_res_get_status(NULL), 0);
    CHECK_STR(nng_http_res_get_reason(NULL), NULL);
    CHECK_EQ(nng_http_res_set_status(NULL, 200), NNG_EINVAL);
    CHECK_EQ(nng_http_res_set_reason(NULL, "OK"), NNG_EINVAL);
}

static const struct check_test tests[] = {
    TEST(a_fresh_request_has_nothing),
    TEST(a_url_gives_target_and_host),
    TEST(a_method_is_copied),
    TEST(a_method_is_a_token),
    TEST(an_empty_method_is_none),
    TEST(a_target_is_copied),
    TEST(a_target_has_no_spaces),
    TEST(a_long_target_is_no_problem),
    TEST(a_fresh_response_is_a_success),
    TEST(each_status_has_its_reason),
    TEST(a_reason_of_ones_own_stays),
    TEST(a_reason_is_one_line),
    TEST(an_error_has_a_page),
    TEST(an_error_may_get_another_body),
    TEST(a_version_is_copied),
    TEST(a_version_is_one_word),
    TEST(headers_are_set),
    TEST(headers_are_joined),
    TEST(headers_are_deleted),
    TEST(nothing_is_injected_by_a_header),
    TEST(there_may_be_many_headers),
    TEST(strings_stay_until_they_are_changed),
    TEST(setters_take_what_getters_give),
    TEST(data_is_borrowed),
    TEST(borrowed_data_is_given_back),
    TEST(data_is_copied),
    TEST(data_may_be_null),
    TEST(a_length_of_ones_own_is_trusted),
    TEST(a_reset_brings_the_defaults_back),
    TEST(null_is_refused),
};

CHECK_MAIN(tests)
