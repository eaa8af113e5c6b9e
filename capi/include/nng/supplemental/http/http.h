// nng-oxide: HTTP/1.1, clients and servers.
//
// A client connects and makes transactions; a server calls handlers. Below both are connections,
// requests and responses, which can also be used by themselves. Ownership as in nng/nng.h.

#ifndef NNG_SUPPLEMENTAL_HTTP_HTTP_H
#define NNG_SUPPLEMENTAL_HTTP_HTTP_H

#include <stdint.h>

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

// The same type as nng_tls_config of nng/supplemental/tls/tls.h.
struct nng_tls_config;

typedef struct nng_http_req nng_http_req;
typedef struct nng_http_res nng_http_res;
typedef struct nng_http_conn nng_http_conn;
typedef struct nng_http_handler nng_http_handler;
typedef struct nng_http_server nng_http_server;
typedef struct nng_http_client nng_http_client;

// ------------------------------------------------------------------------------------------------
// Status codes
//
// Functions carry a status as uint16_t and take any number.

enum nng_http_status {
    NNG_HTTP_STATUS_CONTINUE = 100,
    NNG_HTTP_STATUS_SWITCHING = 101,
    NNG_HTTP_STATUS_PROCESSING = 102,
    NNG_HTTP_STATUS_OK = 200,
    NNG_HTTP_STATUS_CREATED = 201,
    NNG_HTTP_STATUS_ACCEPTED = 202,
    NNG_HTTP_STATUS_NOT_AUTHORITATIVE = 203,
    NNG_HTTP_STATUS_NO_CONTENT = 204,
    NNG_HTTP_STATUS_RESET_CONTENT = 205,
    NNG_HTTP_STATUS_PARTIAL_CONTENT = 206,
    NNG_HTTP_STATUS_MULTI_STATUS = 207,
    NNG_HTTP_STATUS_ALREADY_REPORTED = 208,
    NNG_HTTP_STATUS_IM_USED = 226,
    NNG_HTTP_STATUS_MULTIPLE_CHOICES = 300,
    NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY = 301, // the doubled word is part of the name
    NNG_HTTP_STATUS_FOUND = 302,
    NNG_HTTP_STATUS_SEE_OTHER = 303,
    NNG_HTTP_STATUS_NOT_MODIFIED = 304,
    NNG_HTTP_STATUS_USE_PROXY = 305,
    NNG_HTTP_STATUS_TEMPORARY_REDIRECT = 307,
    NNG_HTTP_STATUS_PERMANENT_REDIRECT = 308,
    NNG_HTTP_STATUS_BAD_REQUEST = 400,
    NNG_HTTP_STATUS_UNAUTHORIZED = 401,
    NNG_HTTP_STATUS_PAYMENT_REQUIRED = 402,
    NNG_HTTP_STATUS_FORBIDDEN = 403,
    NNG_HTTP_STATUS_NOT_FOUND = 404,
    NNG_HTTP_STATUS_METHOD_NOT_ALLOWED = 405,
    NNG_HTTP_STATUS_NOT_ACCEPTABLE = 406,
    NNG_HTTP_STATUS_PROXY_AUTH_REQUIRED = 407,
    NNG_HTTP_STATUS_REQUEST_TIMEOUT = 408,
    NNG_HTTP_STATUS_CONFLICT = 409,
    NNG_HTTP_STATUS_GONE = 410,
    NNG_HTTP_STATUS_LENGTH_REQUIRED = 411,
    NNG_HTTP_STATUS_PRECONDITION_FAILED = 412,
    NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE = 413,
    NNG_HTTP_STATUS_ENTITY_TOO_LONG = 414,
    NNG_HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE = 415,
    NNG_HTTP_STATUS_RANGE_NOT_SATISFIABLE = 416,
    NNG_HTTP_STATUS_EXPECTATION_FAILED = 417,
    NNG_HTTP_STATUS_TEAPOT = 418,
    NNG_HTTP_STATUS_UNPROCESSABLE_ENTITY = 422,
    NNG_HTTP_STATUS_LOCKED = 423,
    NNG_HTTP_STATUS_FAILED_DEPENDENCY = 424,
    NNG_HTTP_STATUS_UPGRADE_REQUIRED = 426,
    NNG_HTTP_STATUS_PRECONDITION_REQUIRED = 428,
    NNG_HTTP_STATUS_TOO_MANY_REQUESTS = 429,
    NNG_HTTP_STATUS_HEADERS_TOO_LARGE = 431,
    NNG_HTTP_STATUS_UNAVAIL_LEGAL_REASONS = 451,
    NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR = 500,
    NNG_HTTP_STATUS_NOT_IMPLEMENTED = 501,
    NNG_HTTP_STATUS_BAD_GATEWAY = 502,
    NNG_HTTP_STATUS_SERVICE_UNAVAILABLE = 503,
    NNG_HTTP_STATUS_GATEWAY_TIMEOUT = 504,
    NNG_HTTP_STATUS_HTTP_VERSION_NOT_SUPP = 505,
    NNG_HTTP_STATUS_VARIANT_ALSO_NEGOTIATES = 506,
    NNG_HTTP_STATUS_INSUFFICIENT_STORAGE = 507,
    NNG_HTTP_STATUS_LOOP_DETECTED = 508,
    NNG_HTTP_STATUS_NOT_EXTENDED = 510,
    NNG_HTTP_STATUS_NETWORK_AUTH_REQUIRED = 511
};

// ------------------------------------------------------------------------------------------------
// Requests
//
// One thread at a time. Strings and bodies that a getter returns belong to the request; they are
// good until it is changed, reset or freed.

// Makes a GET request for a URL with its Host header, or with neither if url is NULL.
NNG_DECL int nng_http_req_alloc(nng_http_req **reqp, const nng_url *url);

// Frees a request. NULL is accepted.
NNG_DECL void nng_http_req_free(nng_http_req *req);

// Returns a request to the state of a fresh one made without a URL.
NNG_DECL void nng_http_req_reset(nng_http_req *req);

// The method.
NNG_DECL const char *nng_http_req_get_method(nng_http_req *req);

// The HTTP version, as in "HTTP/1.1".
NNG_DECL const char *nng_http_req_get_version(nng_http_req *req);

// The request target; "" if unset.
NNG_DECL const char *nng_http_req_get_uri(nng_http_req *req);

// Sets the method; NULL stands for "GET".
NNG_DECL int nng_http_req_set_method(nng_http_req *req, const char *method);

// Sets the HTTP version; NULL stands for "HTTP/1.1".
NNG_DECL int nng_http_req_set_version(nng_http_req *req, const char *version);

// Sets the request target; NULL unsets it.
NNG_DECL int nng_http_req_set_uri(nng_http_req *req, const char *uri);

// The value of a header, whatever the case of its name; NULL if there is none.
NNG_DECL const char *nng_http_req_get_header(nng_http_req *req, const char *name);

// Sets a header, in place of the values it has.
NNG_DECL int nng_http_req_set_header(nng_http_req *req, const char *name, const char *value);

// Adds a value to a header, after a comma if it has one already.
NNG_DECL int nng_http_req_add_header(nng_http_req *req, const char *name, const char *value);

// Removes a header; NNG_ENOENT if there is none.
NNG_DECL int nng_http_req_del_header(nng_http_req *req, const char *name);

// Stores where the body is and how long: NULL and 0 if there is none.
NNG_DECL void nng_http_req_get_data(nng_http_req *req, void **datap, size_t *sizep);

// Sets the body and Content-Length. The memory stays the caller's, and must stay until the body is
// replaced, or the request reset or freed.
NNG_DECL int nng_http_req_set_data(nng_http_req *req, const void *data, size_t size);

// Sets the body to a copy of the data, and Content-Length.
NNG_DECL int nng_http_req_copy_data(nng_http_req *req, const void *data, size_t size);

// ------------------------------------------------------------------------------------------------
// Responses
//
// One thread at a time. Strings and bodies that a getter returns belong to the response; they are
// good until it is changed, reset or freed.

// Makes an empty response with status 200.
NNG_DECL int nng_http_res_alloc(nng_http_res **resp);

// Makes a response for an error, with a page that says it.
NNG_DECL int nng_http_res_alloc_error(nng_http_res **resp, uint16_t code);

// Frees a response. NULL is accepted.
NNG_DECL void nng_http_res_free(nng_http_res *res);

// Returns a response to the state of a fresh one.
NNG_DECL void nng_http_res_reset(nng_http_res *res);

// The status.
NNG_DECL uint16_t nng_http_res_get_status(nng_http_res *res);

// The reason phrase: the one that was set or received, else the usual one of the status.
NNG_DECL const char *nng_http_res_get_reason(nng_http_res *res);

// The HTTP version, as in "HTTP/1.1".
NNG_DECL const char *nng_http_res_get_version(nng_http_res *res);

// Sets the status.
NNG_DECL int nng_http_res_set_status(nng_http_res *res, uint16_t status);

// Sets the reason phrase; NULL stands for the usual one of the status.
NNG_DECL int nng_http_res_set_reason(nng_http_res *res, const char *reason);

// Sets the HTTP version; NULL stands for "HTTP/1.1". Other versions close the connection.
NNG_DECL int nng_http_res_set_version(nng_http_res *res, const char *version);

// The value of a header, whatever the case of its name; NULL if there is none.
NNG_DECL const char *nng_http_res_get_header(nng_http_res *res, const char *name);

// Sets a header, in place of the values it has.
NNG_DECL int nng_http_res_set_header(nng_http_res *res, const char *name, const char *value);

// Adds a value to a header, after a comma if it has one already.
NNG_DECL int nng_http_res_add_header(nng_http_res *res, const char *name, const char *value);

// Removes a header; NNG_ENOENT if there is none.
NNG_DECL int nng_http_res_del_header(nng_http_res *res, const char *name);

// Stores where the body is and how long: NULL and 0 if there is none.
NNG_DECL void nng_http_res_get_data(nng_http_res *res, void **datap, size_t *sizep);

// Sets the body and Content-Length. The memory stays the caller's, and must stay until the body is
// replaced, or the response reset or freed.
NNG_DECL int nng_http_res_set_data(nng_http_res *res, const void *data, size_t size);

// Sets the body to a copy of the data, and Content-Length.
NNG_DECL int nng_http_res_copy_data(nng_http_res *res, const void *data, size_t size);

// ------------------------------------------------------------------------------------------------
// Connections
//
// Reads and writes queue up, each in order of their start. To cancel one that has begun to move
// bytes closes the connection. Requests and responses stay the caller's, and must stay unchanged
// until the operation is done.

// Closes a connection and frees it.
NNG_DECL void nng_http_conn_close(nng_http_conn *conn);

// Reads into the aio's buffers, at least one byte.
NNG_DECL void nng_http_conn_read(nng_http_conn *conn, nng_aio *aio);

// Reads until the aio's buffers are full.
NNG_DECL void nng_http_conn_read_all(nng_http_conn *conn, nng_aio *aio);

// Writes from the aio's buffers, at least one byte.
NNG_DECL void nng_http_conn_write(nng_http_conn *conn, nng_aio *aio);

// Writes all of the aio's buffers.
NNG_DECL void nng_http_conn_write_all(nng_http_conn *conn, nng_aio *aio);

// Reads a request up to the end of its headers; the body is left to be read.
NNG_DECL void nng_http_conn_read_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);

// Reads a response up to the end of its headers; the body is left to be read.
NNG_DECL void nng_http_conn_read_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);

// Writes a request with the body it has.
NNG_DECL void nng_http_conn_write_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);

// Writes a response with the body it has. The connection closes behind one that says
// "Connection: close" or is not HTTP/1.1.
NNG_DECL void nng_http_conn_write_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);

// Writes the request and reads the whole response, body included; the connection stays open and
// the caller's.
NNG_DECL void nng_http_conn_transact(
    nng_http_conn *conn, nng_http_req *req, nng_http_res *res, nng_aio *aio);

// ------------------------------------------------------------------------------------------------
// Clients
//
// Makes connections to the server of one URL. They outlive the client.

// Makes a client for a URL, http or https; does not connect yet.
NNG_DECL int nng_http_client_alloc(nng_http_client **clientp, const nng_url *url);

// Frees a client; connects that are under way end with NNG_ECLOSED.
NNG_DECL void nng_http_client_free(nng_http_client *client);

// Sets the TLS configuration, and takes a reference of its own. NNG_ENOTSUP without TLS in the URL.
NNG_DECL int nng_http_client_set_tls(nng_http_client *client, struct nng_tls_config *cfg);

// Stores the TLS configuration with a reference that the caller has to free. NNG_ENOTSUP without
// TLS in the URL.
NNG_DECL int nng_http_client_get_tls(nng_http_client *client, struct nng_tls_config **cfgp);

// Connects. Output 0 is the nng_http_conn; it belongs to the caller, who ends it with
// nng_http_conn_close.
NNG_DECL void nng_http_client_connect(nng_http_client *client, nng_aio *aio);

// Connects, makes one transaction, closes. Sets "Connection: close" in the request. Both objects
// stay the caller's.
NNG_DECL void nng_http_client_transact(
    nng_http_client *client, nng_http_req *req, nng_http_res *res, nng_aio *aio);

// ------------------------------------------------------------------------------------------------
// Handlers
//
// What a server does for a path. Set one up and add it to a server, which then owns it; the
// setters return NNG_EBUSY from then on, save nng_http_handler_collect_body.

// Makes a handler for GET requests of a path; NULL stands for "/". The callback's aio has the
// request as input 0, the handler as 1, the connection as 2, all of them the server's; the callback
// must see that it finishes. A response as output 0 is the server's to write and free.
NNG_DECL int nng_http_handler_alloc(
    nng_http_handler **hp, const char *path, void (*callback)(nng_aio *));

// Makes a handler that serves a copy of the data; content_type NULL stands for
// "application/octet-stream".
NNG_DECL int nng_http_handler_alloc_static(nng_http_handler **hp, const char *path,
    const void *data, size_t size, const char *content_type);

// Makes a handler that serves a file.
NNG_DECL int nng_http_handler_alloc_file(
    nng_http_handler **hp, const char *path, const char *filename);

// Makes a handler that serves the files of a directory and of those below, and no others.
NNG_DECL int nng_http_handler_alloc_directory(
    nng_http_handler **hp, const char *path, const char *dirname);

// Makes a handler that sends clients elsewhere: status 0 stands for 301.
NNG_DECL int nng_http_handler_alloc_redirect(
    nng_http_handler **hp, const char *path, uint16_t status, const char *where);

// Frees a handler that no server has.
NNG_DECL void nng_http_handler_free(nng_http_handler *h);

// Sets the method to serve; NULL stands for any. A handler of GET serves HEAD too.
NNG_DECL int nng_http_handler_set_method(nng_http_handler *h, const char *method);

// Sets the host to serve; NULL stands for any.
NNG_DECL int nng_http_handler_set_host(nng_http_handler *h, const char *host);

// Serves all paths below the handler's own as well.
NNG_DECL int nng_http_handler_set_tree(nng_http_handler *h);

// Serves all paths below, and refuses to share them with another handler.
NNG_DECL int nng_http_handler_set_tree_exclusive(nng_http_handler *h);

// Says whether the server reads the request's body before the callback, and how long it may be:
// at first it does, up to 1 MiB. A longer one is answered 400.
NNG_DECL int nng_http_handler_collect_body(nng_http_handler *h, bool want, size_t maxsize);

// Stores a pointer for the callback. The destructor, which may be NULL, is called with it when the
// handler is gone and no request is being handled.
NNG_DECL int nng_http_handler_set_data(
    nng_http_handler *h, void *data, void (*destructor)(void *));

// The pointer that was stored.
NNG_DECL void *nng_http_handler_get_data(nng_http_handler *h);

// In a callback: takes the connection and its request away from the server. The caller closes the
// one, frees the other, and still finishes the aio.
NNG_DECL int nng_http_hijack(nng_http_conn *conn);

// ------------------------------------------------------------------------------------------------
// Servers
//
// One per port and host, shared by all of the process that ask for it.

// Stores the server of a URL, with a reference that the caller has to release; makes it if there is
// none. Host "" or "*" stands for all interfaces. May block to resolve a name.
NNG_DECL int nng_http_server_hold(nng_http_server **serverp, const nng_url *url);

// Gives a reference back. With the last one the server stops and its handlers go.
NNG_DECL void nng_http_server_release(nng_http_server *server);

// Binds and listens; if the server runs already, only counts.
NNG_DECL int nng_http_server_start(nng_http_server *server);

// Undoes one start. With the last one the server closes all connections that were not hijacked,
// and cannot be started again.
NNG_DECL void nng_http_server_stop(nng_http_server *server);

// Adds a handler, which belongs to the server from then on. NNG_EADDRINUSE if another one stands in
// its way; the handler then stays the caller's.
NNG_DECL int nng_http_server_add_handler(nng_http_server *server, nng_http_handler *h);

// Removes a handler and gives it back to the caller. NNG_ENOENT if the server does not have it.
NNG_DECL int nng_http_server_del_handler(nng_http_server *server, nng_http_handler *h);

// Sets the TLS configuration of connections to come, and takes a reference of its own. NNG_ENOTSUP
// without TLS in the URL.
NNG_DECL int nng_http_server_set_tls(nng_http_server *server, struct nng_tls_config *cfg);

// Stores the TLS configuration with a reference that the caller has to free. NNG_ENOTSUP without
// TLS in the URL.
NNG_DECL int nng_http_server_get_tls(nng_http_server *server, struct nng_tls_config **cfgp);

// Stores the address the server listens at; family NNG_AF_UNSPEC before it does.
NNG_DECL int nng_http_server_get_addr(nng_http_server *server, nng_sockaddr *addr);

// Sets the page for an error to a copy of the text.
NNG_DECL int nng_http_server_set_error_page(
    nng_http_server *server, uint16_t code, const char *html);

// Sets the page for an error to the contents of a file, which is read now.
NNG_DECL int nng_http_server_set_error_file(
    nng_http_server *server, uint16_t code, const char *path);

// Gives a response the server's page for its status as the body.
NNG_DECL int nng_http_server_res_error(nng_http_server *server, nng_http_res *res);

#ifdef __cplusplus
}
#endif

#endif // NNG_SUPPLEMENTAL_HTTP_HTTP_H
