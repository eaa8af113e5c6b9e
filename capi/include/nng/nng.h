// nng-oxide: the C interface of NNG 1.x.
//
// Operations (nng_aio) and what they run on: messages, byte streams, UDP, timers; and the tools
// beside them: URLs, addresses, options, statistics, logging, threads.
//
// Unless stated otherwise:
//   - int functions return 0 or an error code (enum nng_errno_enum); on error nothing was written
//     through the caller's pointers;
//   - strings and other inputs are copied, the originals stay with the caller;
//   - what an _alloc function stores belongs to the caller, who ends it with the _free function.

#ifndef NNG_NNG_H
#define NNG_NNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a function is declared. A program may define NNG_DECL itself, and on Windows it says
// NNG_STATIC_LIB when it links the static library.
#ifndef NNG_DECL
#if defined(_WIN32) && !defined(NNG_STATIC_LIB)
#if defined(NNG_SHARED_LIB)
#define NNG_DECL __declspec(dllexport)
#else
#define NNG_DECL __declspec(dllimport)
#endif
#elif !defined(_WIN32) && defined(NNG_SHARED_LIB) && defined(NNG_HIDDEN_VISIBILITY)
#define NNG_DECL __attribute__((visibility("default"))) extern
#else
#define NNG_DECL extern
#endif
#endif

// Marks a function that has a better successor. Declarations so marked are left out where the
// program defines NNG_ELIDE_DEPRECATED; the library has the functions all the same.
#ifndef NNG_DEPRECATED
#if defined(__GNUC__) || defined(__clang__)
#define NNG_DEPRECATED __attribute__((deprecated))
#else
#define NNG_DEPRECATED
#endif
#endif

// The version of this header; nng_version tells that of the library.
#define NNG_MAJOR_VERSION 1
#define NNG_MINOR_VERSION 12
#define NNG_PATCH_VERSION 0
#define NNG_RELEASE_SUFFIX ""

#ifdef __cplusplus
extern "C" {
#endif

// ------------------------------------------------------------------------------------------------
// Handles
//
// Sockets, dialers, listeners and pipes are named by number and passed by value. The id 0 names
// nothing; the initialisers give it.

typedef struct nng_socket_s {
    uint32_t id;
} nng_socket;

typedef struct nng_dialer_s {
    uint32_t id;
} nng_dialer;

typedef struct nng_listener_s {
    uint32_t id;
} nng_listener;

typedef struct nng_pipe_s {
    uint32_t id;
} nng_pipe;

// clang-format off
#define NNG_SOCKET_INITIALIZER   { 0 }
#define NNG_DIALER_INITIALIZER   { 0 }
#define NNG_LISTENER_INITIALIZER { 0 }
#define NNG_PIPE_INITIALIZER     { 0 }
// clang-format on

// ------------------------------------------------------------------------------------------------
// Objects
//
// Known by pointer only.

typedef struct nng_aio nng_aio;
typedef struct nng_msg nng_msg;
typedef struct nng_stat nng_stat;
typedef struct nng_stream nng_stream;
typedef struct nng_stream_dialer nng_stream_dialer;
typedef struct nng_stream_listener nng_stream_listener;
typedef struct nng_udp nng_udp;
typedef struct nng_thread nng_thread;
typedef struct nng_mtx nng_mtx;
typedef struct nng_cv nng_cv;

// ------------------------------------------------------------------------------------------------
// Time
//
// Both count milliseconds. Points in time are on the scale of nng_clock.

typedef int32_t nng_duration;
typedef uint64_t nng_time;

#define NNG_DURATION_INFINITE (-1) // no limit
#define NNG_DURATION_DEFAULT (-2)  // the limit the object has for such operations
#define NNG_DURATION_ZERO 0        // do not wait

// ------------------------------------------------------------------------------------------------
// Errors
//
// The codes every int function and every operation reports; nng_strerror has their texts.

enum nng_errno_enum {
    NNG_EINTR = 1,
    NNG_ENOMEM = 2,
    NNG_EINVAL = 3,
    NNG_EBUSY = 4,
    NNG_ETIMEDOUT = 5,
    NNG_ECONNREFUSED = 6,
    NNG_ECLOSED = 7,
    NNG_EAGAIN = 8,
    NNG_ENOTSUP = 9,
    NNG_EADDRINUSE = 10,
    NNG_ESTATE = 11,
    NNG_ENOENT = 12,
    NNG_EPROTO = 13,
    NNG_EUNREACHABLE = 14,
    NNG_EADDRINVAL = 15,
    NNG_EPERM = 16,
    NNG_EMSGSIZE = 17,
    NNG_ECONNABORTED = 18,
    NNG_ECONNRESET = 19,
    NNG_ECANCELED = 20,
    NNG_ENOFILES = 21,
    NNG_ENOSPC = 22,
    NNG_EEXIST = 23,
    NNG_EREADONLY = 24,
    NNG_EWRITEONLY = 25,
    NNG_ECRYPTO = 26,
    NNG_EPEERAUTH = 27,
    NNG_ENOARG = 28,
    NNG_EAMBIGUOUS = 29,
    NNG_EBADTYPE = 30,
    NNG_ECONNSHUT = 31,
    NNG_EINTERNAL = 1000,
    NNG_ESYSERR = 0x10000000, // or-ed with an errno that has no code of its own
    NNG_ETRANERR = 0x20000000 // or-ed with a number of the transport
};

// ------------------------------------------------------------------------------------------------
// The library as a whole
//
// The first call that needs its threads starts it; nobody has to.

// Tunables of the start: numbers of threads and their caps, 0 for no cap.
enum {
    NNG_INIT_PARAMETER_NONE = 0,
    NNG_INIT_NUM_TASK_THREADS = 1,     // callbacks; by default two per CPU
    NNG_INIT_NUM_EXPIRE_THREADS = 2,   // timers; by default one per CPU
    NNG_INIT_NUM_POLLER_THREADS = 3,   // input and output
    NNG_INIT_NUM_RESOLVER_THREADS = 4, // name resolution; by default 4
    NNG_INIT_MAX_TASK_THREADS = 5,     // by default 16
    NNG_INIT_MAX_EXPIRE_THREADS = 6,   // by default 8
    NNG_INIT_MAX_POLLER_THREADS = 7    // by default 8
};

typedef int nng_init_parameter;

// Sets a tunable for the next start. Without effect once the library runs; not thread-safe.
NNG_DECL void nng_init_set_parameter(nng_init_parameter param, uint64_t value);

// Stops the library and its threads. Free your aios, messages and streams before; nothing else may
// run meanwhile. A program that simply exits need not call it, one that unloads the library must.
NNG_DECL void nng_fini(void);

// The text of an error code, never NULL. The text belongs to the library.
NNG_DECL const char *nng_strerror(int err);

// The version of the library, as in "1.12.0". The text belongs to the library.
NNG_DECL const char *nng_version(void);

// ------------------------------------------------------------------------------------------------
// Memory
//
// Buffers and strings that change hands between library and program.

// Allocates size bytes, aligned as by malloc; NULL if there is no room or size is 0.
NNG_DECL void *nng_alloc(size_t size);

// Frees what nng_alloc gave; size is what was asked for then. NULL is accepted.
NNG_DECL void nng_free(void *ptr, size_t size);

// Copies a string; the copy belongs to the caller, who ends it with nng_strfree. NULL if no room.
NNG_DECL char *nng_strdup(const char *src);

// Frees a string that the library gave away. NULL is accepted.
NNG_DECL void nng_strfree(char *str);

// ------------------------------------------------------------------------------------------------
// Socket addresses
//
// A union whose first two bytes tell the family. Ports and IPv4 addresses are in network order.

#define NNG_MAXADDRLEN 128    // bytes of a path or name, its NUL included
#define NNG_MAXADDRSTRLEN 144 // bytes nng_str_sockaddr needs at most

enum nng_sockaddr_family {
    NNG_AF_UNSPEC = 0,
    NNG_AF_INPROC = 1,
    NNG_AF_IPC = 2,
    NNG_AF_INET = 3,
    NNG_AF_INET6 = 4,
    NNG_AF_ZT = 5,
    NNG_AF_ABSTRACT = 6
};

// A name within this process, NUL-terminated.
struct nng_sockaddr_inproc {
    uint16_t sa_family;
    char sa_name[NNG_MAXADDRLEN];
};
typedef struct nng_sockaddr_inproc nng_sockaddr_inproc;

// A path in the file system, NUL-terminated.
struct nng_sockaddr_path {
    uint16_t sa_family;
    char sa_path[NNG_MAXADDRLEN];
};
typedef struct nng_sockaddr_path nng_sockaddr_path;
typedef struct nng_sockaddr_path nng_sockaddr_ipc;

struct nng_sockaddr_in {
    uint16_t sa_family;
    uint16_t sa_port;
    uint32_t sa_addr;
};
typedef struct nng_sockaddr_in nng_sockaddr_in;

// The scope is the index of an interface, in host order.
struct nng_sockaddr_in6 {
    uint16_t sa_family;
    uint16_t sa_port;
    uint8_t sa_addr[16];
    uint32_t sa_scope;
};
typedef struct nng_sockaddr_in6 nng_sockaddr_in6;

// A node and port of a ZeroTier network.
struct nng_sockaddr_zt {
    uint16_t sa_family;
    uint64_t sa_nwid;
    uint64_t sa_nodeid;
    uint32_t sa_port;
};
typedef struct nng_sockaddr_zt nng_sockaddr_zt;

// An abstract name of Linux: sa_len bytes (0 to 107), any values, no NUL at the end.
struct nng_sockaddr_abstract {
    uint16_t sa_family;
    uint16_t sa_len;
    uint8_t sa_name[107];
};
typedef struct nng_sockaddr_abstract nng_sockaddr_abstract;

// Fixes the size of nng_sockaddr for good.
struct nng_sockaddr_storage {
    uint16_t sa_family;
    uint64_t sa_pad[16];
};
typedef struct nng_sockaddr_storage nng_sockaddr_storage;

typedef union nng_sockaddr {
    uint16_t s_family;
    nng_sockaddr_ipc s_ipc;
    nng_sockaddr_inproc s_inproc;
    nng_sockaddr_in6 s_in6;
    nng_sockaddr_in s_in;
    nng_sockaddr_zt s_zt;
    nng_sockaddr_abstract s_abstract;
    nng_sockaddr_storage s_storage;
} nng_sockaddr;

// Writes an address as text into the caller's buffer, cut to bufsz bytes, NUL included. Returns
// buf, or a constant text for a family it does not know.
NNG_DECL const char *nng_str_sockaddr(const nng_sockaddr *sa, char *buf, size_t bufsz);

// ------------------------------------------------------------------------------------------------
// URLs
//
// A parsed URL. Its strings belong to it: read them, do not change them.

typedef struct nng_url {
    char *u_rawurl;   // as given
    char *u_scheme;   // in lower case
    char *u_userinfo; // before the @; NULL if absent
    char *u_host;     // host and port; NULL, as the next two, where the scheme takes a path or name
    char *u_hostname; // host without port and brackets
    char *u_port;     // given or the scheme's own, else ""
    char *u_path;     // never NULL
    char *u_query;    // after the ?; NULL if absent
    char *u_fragment; // after the #; NULL if absent
    char *u_requri;   // path, query and fragment; NULL where u_host is
} nng_url;

// Parses a text; the new URL belongs to the caller.
NNG_DECL int nng_url_parse(nng_url **urlp, const char *str);

// Copies a URL; the copy belongs to the caller.
NNG_DECL int nng_url_clone(nng_url **dstp, const nng_url *src);

// Frees a URL with its strings. NULL is accepted.
NNG_DECL void nng_url_free(nng_url *url);

// ------------------------------------------------------------------------------------------------
// Operations
//
// An aio runs one operation at a time: start it, and when it is done its callback is called once,
// on a thread of the library. Inputs, outputs, buffers and message may be touched only while no
// operation is in flight.

// A piece of memory to send from or to receive into; laid out as struct iovec.
typedef struct nng_iov {
    void *iov_buf;
    size_t iov_len;
} nng_iov;

// Called to end a deferred operation early, with the reason; it answers by nng_aio_finish, or not
// at all if the operation has finished.
typedef void (*nng_aio_cancelfn)(nng_aio *aio, void *arg, int err);

// Makes an aio. The callback may be NULL; arg is passed to it and stays the caller's.
NNG_DECL int nng_aio_alloc(nng_aio **aiop, void (*callback)(void *), void *arg);

// Ends the operation in flight, waits for its callback, frees the aio. In that callback it does not
// wait: the aio goes when the callback has returned (NNG itself hangs there; use nng_aio_reap).
// Frees no message. NULL is accepted.
NNG_DECL void nng_aio_free(nng_aio *aio);

// Frees the aio as nng_aio_free does, but without waiting: it goes when its last callback has
// returned. NULL is accepted.
NNG_DECL void nng_aio_reap(nng_aio *aio);

// Cancels the operation in flight, waits for its callback, and takes no further operation: later
// ones are dropped without a callback. NULL is accepted.
NNG_DECL void nng_aio_stop(nng_aio *aio);

// The result of the last operation: 0 or an error code.
NNG_DECL int nng_aio_result(nng_aio *aio);

// The number of bytes the last operation moved.
NNG_DECL size_t nng_aio_count(nng_aio *aio);

// Ends the operation in flight with NNG_ECANCELED; does not wait.
NNG_DECL void nng_aio_cancel(nng_aio *aio);

// Ends the operation in flight with the given error; does not wait.
NNG_DECL void nng_aio_abort(nng_aio *aio, int err);

// Waits until no operation is in flight and the callback has returned.
NNG_DECL void nng_aio_wait(nng_aio *aio);

// Says whether an operation is in flight or its callback has not returned yet.
NNG_DECL bool nng_aio_busy(nng_aio *aio);

// Stores the message to send. The aio does not own it; a successful send does.
NNG_DECL void nng_aio_set_msg(nng_aio *aio, nng_msg *msg);

// The message in the aio or NULL. After a successful receive it belongs to the caller.
NNG_DECL nng_msg *nng_aio_get_msg(nng_aio *aio);

// Stores an argument of the operations to come, at index 0 to 3. It stays the caller's.
NNG_DECL int nng_aio_set_input(nng_aio *aio, unsigned index, void *value);

// The argument at an index; NULL beyond 3.
NNG_DECL void *nng_aio_get_input(nng_aio *aio, unsigned index);

// For providers: stores a result at index 0 to 3. Who owns it is the operation's to say.
NNG_DECL int nng_aio_set_output(nng_aio *aio, unsigned index, void *value);

// A result of the last operation, such as the stream that was dialed; NULL beyond index 3.
NNG_DECL void *nng_aio_get_output(nng_aio *aio, unsigned index);

// Limits each operation to come, in relation to its start.
NNG_DECL void nng_aio_set_timeout(nng_aio *aio, nng_duration timeout);

// Limits the next operation alone, by a point in time.
NNG_DECL void nng_aio_set_expire(nng_aio *aio, nng_time expire);

// Sets the buffers of the next operation, at most 8. The array is copied, the memory it points to
// is used until the operation is done.
NNG_DECL int nng_aio_set_iov(nng_aio *aio, unsigned niov, const nng_iov *iov);

// For providers: accepts an operation. If false, leave the aio alone.
NNG_DECL bool nng_aio_begin(nng_aio *aio);

// For providers: completes an accepted operation, exactly once.
NNG_DECL void nng_aio_finish(nng_aio *aio, int err);

// For providers: says how an accepted operation is ended early. arg stays the caller's; a NULL
// function means that it cannot be.
NNG_DECL void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancelfn, void *arg);

// Completes the aio after a while: an operation that is nothing but time. None if ms is negative.
NNG_DECL void nng_sleep_aio(nng_duration ms, nng_aio *aio);

// ------------------------------------------------------------------------------------------------
// Messages
//
// A body of any size, a header of up to 64 bytes for protocols, and the pipe it came by. One thread
// at a time. Pointers into a message are good until the next call that changes a size.

// Makes a message with a body of size zero bytes.
NNG_DECL int nng_msg_alloc(nng_msg **msgp, size_t size);

// Frees a message. NULL is accepted.
NNG_DECL void nng_msg_free(nng_msg *msg);

// Sets the length of the body: cuts the end, or adds there bytes of unspecified value.
NNG_DECL int nng_msg_realloc(nng_msg *msg, size_t size);

// Makes room for a body of this many bytes; the length stays.
NNG_DECL int nng_msg_reserve(nng_msg *msg, size_t capacity);

// The number of bytes the body can have without moving.
NNG_DECL size_t nng_msg_capacity(nng_msg *msg);

// Copies a message, header and pipe included; the copy belongs to the caller.
NNG_DECL int nng_msg_dup(nng_msg **dupp, const nng_msg *src);

// The pipe the message came by.
NNG_DECL nng_pipe nng_msg_get_pipe(const nng_msg *msg);

// Says which pipe the message shall take, where the protocol looks at it.
NNG_DECL void nng_msg_set_pipe(nng_msg *msg, nng_pipe p);

// The body, never NULL; it belongs to the message.
NNG_DECL void *nng_msg_body(nng_msg *msg);

// The length of the body.
NNG_DECL size_t nng_msg_len(const nng_msg *msg);

// Sets the length of the body to 0.
NNG_DECL void nng_msg_clear(nng_msg *msg);

// Copies bytes to the end of the body.
NNG_DECL int nng_msg_append(nng_msg *msg, const void *data, size_t size);

// Copies bytes to the front of the body.
NNG_DECL int nng_msg_insert(nng_msg *msg, const void *data, size_t size);

// Drops bytes at the front of the body; NNG_EINVAL if it has fewer.
NNG_DECL int nng_msg_trim(nng_msg *msg, size_t size);

// Drops bytes at the end of the body; NNG_EINVAL if it has fewer.
NNG_DECL int nng_msg_chop(nng_msg *msg, size_t size);

// Add a number to the end of the body, big-endian.
NNG_DECL int nng_msg_append_u16(nng_msg *msg, uint16_t val);
NNG_DECL int nng_msg_append_u32(nng_msg *msg, uint32_t val);
NNG_DECL int nng_msg_append_u64(nng_msg *msg, uint64_t val);

// Add a number to the front of the body, big-endian.
NNG_DECL int nng_msg_insert_u16(nng_msg *msg, uint16_t val);
NNG_DECL int nng_msg_insert_u32(nng_msg *msg, uint32_t val);
NNG_DECL int nng_msg_insert_u64(nng_msg *msg, uint64_t val);

// Take a number off the front of the body; NNG_EINVAL if it is too short.
NNG_DECL int nng_msg_trim_u16(nng_msg *msg, uint16_t *valp);
NNG_DECL int nng_msg_trim_u32(nng_msg *msg, uint32_t *valp);
NNG_DECL int nng_msg_trim_u64(nng_msg *msg, uint64_t *valp);

// Take a number off the end of the body; NNG_EINVAL if it is too short.
NNG_DECL int nng_msg_chop_u16(nng_msg *msg, uint16_t *valp);
NNG_DECL int nng_msg_chop_u32(nng_msg *msg, uint32_t *valp);
NNG_DECL int nng_msg_chop_u64(nng_msg *msg, uint64_t *valp);

// The header; it belongs to the message.
NNG_DECL void *nng_msg_header(nng_msg *msg);

// The length of the header.
NNG_DECL size_t nng_msg_header_len(const nng_msg *msg);

// Sets the length of the header to 0.
NNG_DECL void nng_msg_header_clear(nng_msg *msg);

// Copies bytes to the end of the header; NNG_EINVAL if it would exceed 64 bytes.
NNG_DECL int nng_msg_header_append(nng_msg *msg, const void *data, size_t size);

// Copies bytes to the front of the header; NNG_EINVAL if it would exceed 64 bytes.
NNG_DECL int nng_msg_header_insert(nng_msg *msg, const void *data, size_t size);

// Drops bytes at the front of the header; NNG_EINVAL if it has fewer.
NNG_DECL int nng_msg_header_trim(nng_msg *msg, size_t size);

// Drops bytes at the end of the header; NNG_EINVAL if it has fewer.
NNG_DECL int nng_msg_header_chop(nng_msg *msg, size_t size);

// Add a number to the end of the header, big-endian.
NNG_DECL int nng_msg_header_append_u16(nng_msg *msg, uint16_t val);
NNG_DECL int nng_msg_header_append_u32(nng_msg *msg, uint32_t val);
NNG_DECL int nng_msg_header_append_u64(nng_msg *msg, uint64_t val);

// Add a number to the front of the header, big-endian.
NNG_DECL int nng_msg_header_insert_u16(nng_msg *msg, uint16_t val);
NNG_DECL int nng_msg_header_insert_u32(nng_msg *msg, uint32_t val);
NNG_DECL int nng_msg_header_insert_u64(nng_msg *msg, uint64_t val);

// Take a number off the front of the header; NNG_EINVAL if it is too short.
NNG_DECL int nng_msg_header_trim_u16(nng_msg *msg, uint16_t *valp);
NNG_DECL int nng_msg_header_trim_u32(nng_msg *msg, uint32_t *valp);
NNG_DECL int nng_msg_header_trim_u64(nng_msg *msg, uint64_t *valp);

// Take a number off the end of the header; NNG_EINVAL if it is too short.
NNG_DECL int nng_msg_header_chop_u16(nng_msg *msg, uint16_t *valp);
NNG_DECL int nng_msg_header_chop_u32(nng_msg *msg, uint32_t *valp);
NNG_DECL int nng_msg_header_chop_u64(nng_msg *msg, uint64_t *valp);

// ------------------------------------------------------------------------------------------------
// Options
//
// Names for the getters and setters of streams, stream dialers and stream listeners. The comment
// says the type, and where the option exists; dialers and listeners are the endpoints.

#define NNG_OPT_LOCADDR "local-address"   // address; all three; a TCP dialer takes it as its source
#define NNG_OPT_REMADDR "remote-address"  // address; stream; read only
#define NNG_OPT_URL "url"                 // string; WebSocket listener; read only
#define NNG_OPT_RECVMAXSZ "recv-size-max" // size of a message, 0 for no limit; WebSocket

// TLS. To read the configuration adds a reference, which the caller must free.
#define NNG_OPT_TLS_CONFIG "tls-config"                 // pointer to nng_tls_config; endpoints
#define NNG_OPT_TLS_AUTH_MODE "tls-authmode"            // int, an nng_tls_auth_mode; endpoints
#define NNG_OPT_TLS_CERT_KEY_FILE "tls-cert-key-file"   // string, a path; endpoints; write only
#define NNG_OPT_TLS_CA_FILE "tls-ca-file"               // string, a path; endpoints; write only
#define NNG_OPT_TLS_SERVER_NAME "tls-server-name"       // string; endpoints; write only
#define NNG_OPT_TLS_VERIFIED "tls-verified"             // bool; stream; read only
#define NNG_OPT_TLS_PEER_CN "tls-peer-cn"               // string, or NULL; stream; read only
#define NNG_OPT_TLS_PEER_ALT_NAMES "tls-peer-alt-names" // pointer: char ** ended by NULL; stream;
                                                        // strings and array belong to the caller

// TCP, and what runs over it.
#define NNG_OPT_TCP_NODELAY "tcp-nodelay"       // bool; all three
#define NNG_OPT_TCP_KEEPALIVE "tcp-keepalive"   // bool; all three
#define NNG_OPT_TCP_BOUND_PORT "tcp-bound-port" // int, in host order; listener; read only

// Local sockets: mode bits of a listener, and who is at the other end of a stream.
#define NNG_OPT_IPC_PERMISSIONS "ipc:permissions" // int; listener; write only, before it listens
#define NNG_OPT_IPC_SECURITY_DESCRIPTOR "ipc:security-descriptor" // pointer; Windows listener
#define NNG_OPT_PEER_UID "ipc:peer-uid"                           // uint64; stream; read only
#define NNG_OPT_PEER_GID "ipc:peer-gid"                           // uint64; stream; read only
#define NNG_OPT_PEER_PID "ipc:peer-pid"                           // uint64; stream; read only
#define NNG_OPT_PEER_ZONEID "ipc:peer-zoneid"                     // uint64; illumos only
#define NNG_OPT_IPC_PEER_UID NNG_OPT_PEER_UID
#define NNG_OPT_IPC_PEER_GID NNG_OPT_PEER_GID
#define NNG_OPT_IPC_PEER_PID NNG_OPT_PEER_PID
#define NNG_OPT_IPC_PEER_ZONEID NNG_OPT_PEER_ZONEID

// WebSocket. Headers are lines "Name: value" ended by CR LF; for a single one append its name to
// the singular form: NNG_OPT_WS_REQUEST_HEADER "Host".
#define NNG_OPT_WS_REQUEST_HEADERS "ws:request-headers"   // string; set on dialer, read on stream
#define NNG_OPT_WS_RESPONSE_HEADERS "ws:response-headers" // string; set on listener, read on stream
#define NNG_OPT_WS_REQUEST_HEADER "ws:request-header:"    // string; as the plural
#define NNG_OPT_WS_RESPONSE_HEADER "ws:response-header:"  // string; as the plural
#define NNG_OPT_WS_REQUEST_URI "ws:request-uri"           // string; stream; read only
#define NNG_OPT_WS_SENDMAXFRAME "ws:txframe-max"          // size, 0 for no limit; endpoints
#define NNG_OPT_WS_RECVMAXFRAME "ws:rxframe-max"          // size, 0 for no limit; endpoints
#define NNG_OPT_WS_PROTOCOL "ws:protocol"                 // string; endpoints
#define NNG_OPT_WS_SEND_TEXT "ws:send-text"               // bool; endpoints; read only on streams
#define NNG_OPT_WS_RECV_TEXT "ws:recv-text"               // bool; endpoints; read only on streams

// The listener of socket://
#define NNG_OPT_SOCKET_FD "socket:fd" // int, a connected descriptor, which it takes; write only

// ------------------------------------------------------------------------------------------------
// Byte streams
//
// Connections over TCP, TLS, local sockets and WebSocket, made by a dialer or taken by a listener
// that is named by a URL. Streams outlive both.
//
// The typed getters and setters want exactly the option's type (NNG_EBADTYPE); the plain ones take
// its bytes and their number. A getter stores the full size in *sizep, and fails with NNG_EINVAL if
// the buffer is shorter. A string it stores belongs to the caller, who ends it with nng_strfree.

// Closes and frees a stream. NULL is accepted.
NNG_DECL void nng_stream_free(nng_stream *stream);

// Closes a stream: its operations end with NNG_ECLOSED. It has to be freed all the same.
NNG_DECL void nng_stream_close(nng_stream *stream);

// Sends from the aio's buffers, at least one byte; the count says how many.
NNG_DECL void nng_stream_send(nng_stream *stream, nng_aio *aio);

// Receives into the aio's buffers, at least one byte; the count says how many.
NNG_DECL void nng_stream_recv(nng_stream *stream, nng_aio *aio);

// Read an option of a stream.
NNG_DECL int nng_stream_get(nng_stream *stream, const char *opt, void *val, size_t *sizep);
NNG_DECL int nng_stream_get_addr(nng_stream *stream, const char *opt, nng_sockaddr *valp);
NNG_DECL int nng_stream_get_bool(nng_stream *stream, const char *opt, bool *valp);
NNG_DECL int nng_stream_get_int(nng_stream *stream, const char *opt, int *valp);
NNG_DECL int nng_stream_get_ms(nng_stream *stream, const char *opt, nng_duration *valp);
NNG_DECL int nng_stream_get_ptr(nng_stream *stream, const char *opt, void **valp);
NNG_DECL int nng_stream_get_size(nng_stream *stream, const char *opt, size_t *valp);
NNG_DECL int nng_stream_get_string(nng_stream *stream, const char *opt, char **valp);
NNG_DECL int nng_stream_get_uint64(nng_stream *stream, const char *opt, uint64_t *valp);

// Set an option of a stream.
NNG_DECL int nng_stream_set(nng_stream *stream, const char *opt, const void *val, size_t size);
NNG_DECL int nng_stream_set_bool(nng_stream *stream, const char *opt, bool val);
NNG_DECL int nng_stream_set_int(nng_stream *stream, const char *opt, int val);
NNG_DECL int nng_stream_set_ms(nng_stream *stream, const char *opt, nng_duration val);
NNG_DECL int nng_stream_set_ptr(nng_stream *stream, const char *opt, void *val);
NNG_DECL int nng_stream_set_size(nng_stream *stream, const char *opt, size_t val);
NNG_DECL int nng_stream_set_string(nng_stream *stream, const char *opt, const char *val);
NNG_DECL int nng_stream_set_uint64(nng_stream *stream, const char *opt, uint64_t val);

// Makes a dialer for a URL; does not connect yet.
NNG_DECL int nng_stream_dialer_alloc(nng_stream_dialer **dp, const char *url);

// Makes a dialer for a parsed URL, which stays the caller's.
NNG_DECL int nng_stream_dialer_alloc_url(nng_stream_dialer **dp, const nng_url *url);

// Closes and frees a dialer. NULL is accepted.
NNG_DECL void nng_stream_dialer_free(nng_stream_dialer *dialer);

// Closes a dialer: its operations end with NNG_ECLOSED. It has to be freed all the same.
NNG_DECL void nng_stream_dialer_close(nng_stream_dialer *dialer);

// Connects. Output 0 is the nng_stream, and belongs to the caller.
NNG_DECL void nng_stream_dialer_dial(nng_stream_dialer *dialer, nng_aio *aio);

// Read an option of a dialer.
NNG_DECL int nng_stream_dialer_get(
    nng_stream_dialer *dialer, const char *opt, void *val, size_t *sizep);
NNG_DECL int nng_stream_dialer_get_addr(
    nng_stream_dialer *dialer, const char *opt, nng_sockaddr *valp);
NNG_DECL int nng_stream_dialer_get_bool(nng_stream_dialer *dialer, const char *opt, bool *valp);
NNG_DECL int nng_stream_dialer_get_int(nng_stream_dialer *dialer, const char *opt, int *valp);
NNG_DECL int nng_stream_dialer_get_ms(
    nng_stream_dialer *dialer, const char *opt, nng_duration *valp);
NNG_DECL int nng_stream_dialer_get_ptr(nng_stream_dialer *dialer, const char *opt, void **valp);
NNG_DECL int nng_stream_dialer_get_size(nng_stream_dialer *dialer, const char *opt, size_t *valp);
NNG_DECL int nng_stream_dialer_get_string(nng_stream_dialer *dialer, const char *opt, char **valp);
NNG_DECL int nng_stream_dialer_get_uint64(
    nng_stream_dialer *dialer, const char *opt, uint64_t *valp);

// Set an option of a dialer.
NNG_DECL int nng_stream_dialer_set(
    nng_stream_dialer *dialer, const char *opt, const void *val, size_t size);
NNG_DECL int nng_stream_dialer_set_addr(
    nng_stream_dialer *dialer, const char *opt, const nng_sockaddr *val);
NNG_DECL int nng_stream_dialer_set_bool(nng_stream_dialer *dialer, const char *opt, bool val);
NNG_DECL int nng_stream_dialer_set_int(nng_stream_dialer *dialer, const char *opt, int val);
NNG_DECL int nng_stream_dialer_set_ms(nng_stream_dialer *dialer, const char *opt, nng_duration val);
NNG_DECL int nng_stream_dialer_set_ptr(nng_stream_dialer *dialer, const char *opt, void *val);
NNG_DECL int nng_stream_dialer_set_size(nng_stream_dialer *dialer, const char *opt, size_t val);
NNG_DECL int nng_stream_dialer_set_string(
    nng_stream_dialer *dialer, const char *opt, const char *val);
NNG_DECL int nng_stream_dialer_set_uint64(nng_stream_dialer *dialer, const char *opt, uint64_t val);

// Makes a listener for a URL, and resolves its address; does not listen yet.
NNG_DECL int nng_stream_listener_alloc(nng_stream_listener **lp, const char *url);

// Makes a listener for a parsed URL, which stays the caller's.
NNG_DECL int nng_stream_listener_alloc_url(nng_stream_listener **lp, const nng_url *url);

// Closes and frees a listener. NULL is accepted.
NNG_DECL void nng_stream_listener_free(nng_stream_listener *listener);

// Closes a listener: its operations end with NNG_ECLOSED. It has to be freed all the same.
NNG_DECL void nng_stream_listener_close(nng_stream_listener *listener);

// Binds the address and listens.
NNG_DECL int nng_stream_listener_listen(nng_stream_listener *listener);

// Takes a connection. Output 0 is the nng_stream, and belongs to the caller.
NNG_DECL void nng_stream_listener_accept(nng_stream_listener *listener, nng_aio *aio);

// Read an option of a listener.
NNG_DECL int nng_stream_listener_get(
    nng_stream_listener *listener, const char *opt, void *val, size_t *sizep);
NNG_DECL int nng_stream_listener_get_addr(
    nng_stream_listener *listener, const char *opt, nng_sockaddr *valp);
NNG_DECL int nng_stream_listener_get_bool(
    nng_stream_listener *listener, const char *opt, bool *valp);
NNG_DECL int nng_stream_listener_get_int(nng_stream_listener *listener, const char *opt, int *valp);
NNG_DECL int nng_stream_listener_get_ms(
    nng_stream_listener *listener, const char *opt, nng_duration *valp);
NNG_DECL int nng_stream_listener_get_ptr(
    nng_stream_listener *listener, const char *opt, void **valp);
NNG_DECL int nng_stream_listener_get_size(
    nng_stream_listener *listener, const char *opt, size_t *valp);
NNG_DECL int nng_stream_listener_get_string(
    nng_stream_listener *listener, const char *opt, char **valp);
NNG_DECL int nng_stream_listener_get_uint64(
    nng_stream_listener *listener, const char *opt, uint64_t *valp);

// Set an option of a listener.
NNG_DECL int nng_stream_listener_set(
    nng_stream_listener *listener, const char *opt, const void *val, size_t size);
NNG_DECL int nng_stream_listener_set_addr(
    nng_stream_listener *listener, const char *opt, const nng_sockaddr *val);
NNG_DECL int nng_stream_listener_set_bool(nng_stream_listener *listener, const char *opt, bool val);
NNG_DECL int nng_stream_listener_set_int(nng_stream_listener *listener, const char *opt, int val);
NNG_DECL int nng_stream_listener_set_ms(
    nng_stream_listener *listener, const char *opt, nng_duration val);
NNG_DECL int nng_stream_listener_set_ptr(nng_stream_listener *listener, const char *opt, void *val);
NNG_DECL int nng_stream_listener_set_size(
    nng_stream_listener *listener, const char *opt, size_t val);
NNG_DECL int nng_stream_listener_set_string(
    nng_stream_listener *listener, const char *opt, const char *val);
NNG_DECL int nng_stream_listener_set_uint64(
    nng_stream_listener *listener, const char *opt, uint64_t val);

// ------------------------------------------------------------------------------------------------
// UDP
//
// One operation is one datagram. The address in input 0 is used until the operation is done.

// Opens a socket bound to the address; port 0 lets the system choose.
NNG_DECL int nng_udp_open(nng_udp **udpp, nng_sockaddr *sa);

// Closes and frees the socket; its operations end with NNG_ECLOSED.
NNG_DECL void nng_udp_close(nng_udp *udp);

// Stores the address the socket is bound to.
NNG_DECL int nng_udp_sockname(nng_udp *udp, nng_sockaddr *sa);

// Sends the aio's buffers as one datagram to the nng_sockaddr in input 0.
NNG_DECL void nng_udp_send(nng_udp *udp, nng_aio *aio);

// Receives one datagram into the aio's buffers, and its sender into the nng_sockaddr in input 0,
// which may be NULL.
NNG_DECL void nng_udp_recv(nng_udp *udp, nng_aio *aio);

// Joins or leaves the multicast group.
NNG_DECL int nng_udp_multicast_membership(nng_udp *udp, nng_sockaddr *sa, bool join);

// ------------------------------------------------------------------------------------------------
// Statistics
//
// A snapshot: a tree of named values. Nodes and texts belong to it and live as long as it does.

enum nng_stat_type_enum {
    NNG_STAT_SCOPE = 0, // groups others
    NNG_STAT_LEVEL = 1,
    NNG_STAT_COUNTER = 2,
    NNG_STAT_STRING = 3,
    NNG_STAT_BOOLEAN = 4,
    NNG_STAT_ID = 5
};

enum nng_unit_enum {
    NNG_UNIT_NONE = 0,
    NNG_UNIT_BYTES = 1,
    NNG_UNIT_MESSAGES = 2,
    NNG_UNIT_MILLIS = 3,
    NNG_UNIT_EVENTS = 4
};

// Takes a snapshot; it belongs to the caller.
NNG_DECL int nng_stats_get(nng_stat **statp);

// Frees a snapshot, given its root.
NNG_DECL void nng_stats_free(nng_stat *stat);

// Prints a node and all below it to standard output.
NNG_DECL void nng_stats_dump(nng_stat *stat);

// The next node with the same parent, or NULL.
NNG_DECL nng_stat *nng_stat_next(nng_stat *stat);

// The first node below this one, or NULL.
NNG_DECL nng_stat *nng_stat_child(nng_stat *stat);

// The name of a node.
NNG_DECL const char *nng_stat_name(nng_stat *stat);

// What a node stands for, in words.
NNG_DECL const char *nng_stat_desc(nng_stat *stat);

// The type of a node, an enum nng_stat_type_enum.
NNG_DECL int nng_stat_type(nng_stat *stat);

// The unit of a node, an enum nng_unit_enum.
NNG_DECL int nng_stat_unit(nng_stat *stat);

// The number a node holds.
NNG_DECL uint64_t nng_stat_value(nng_stat *stat);

// The truth a node of type NNG_STAT_BOOLEAN holds.
NNG_DECL bool nng_stat_bool(nng_stat *stat);

// The text a node of type NNG_STAT_STRING holds.
NNG_DECL const char *nng_stat_string(nng_stat *stat);

// When the value was taken, on the scale of nng_clock.
NNG_DECL uint64_t nng_stat_timestamp(nng_stat *stat);

// The first node of this name, here or below; NULL if there is none.
NNG_DECL nng_stat *nng_stat_find(nng_stat *stat, const char *name);

// The node of a socket; NULL if there is none.
NNG_DECL nng_stat *nng_stat_find_socket(nng_stat *stat, nng_socket s);

// The node of a dialer; NULL if there is none.
NNG_DECL nng_stat *nng_stat_find_dialer(nng_stat *stat, nng_dialer d);

// The node of a listener; NULL if there is none.
NNG_DECL nng_stat *nng_stat_find_listener(nng_stat *stat, nng_listener l);

// ------------------------------------------------------------------------------------------------
// Logging
//
// The library and the program write to one log, cut by level, and handed to one logger. Levels and
// facilities are those of syslog.

typedef enum nng_log_level {
    NNG_LOG_NONE = 0, // as a limit: nothing
    NNG_LOG_ERR = 3,
    NNG_LOG_WARN = 4,
    NNG_LOG_NOTICE = 5,
    NNG_LOG_INFO = 6,
    NNG_LOG_DEBUG = 7
} nng_log_level;

typedef enum nng_log_facility {
    NNG_LOG_USER = 1,
    NNG_LOG_DAEMON = 3,
    NNG_LOG_AUTH = 10,
    NNG_LOG_LOCAL0 = 16,
    NNG_LOG_LOCAL1 = 17,
    NNG_LOG_LOCAL2 = 18,
    NNG_LOG_LOCAL3 = 19,
    NNG_LOG_LOCAL4 = 20,
    NNG_LOG_LOCAL5 = 21,
    NNG_LOG_LOCAL6 = 22,
    NNG_LOG_LOCAL7 = 23
} nng_log_facility;

// Takes one record, on whatever thread logs; it must not call back into the library. msgid may be
// NULL; both texts are the library's and end with the call.
typedef void (*nng_logger)(
    nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);

// The logger at first: drops everything.
NNG_DECL void nng_null_logger(
    nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);

// A logger that writes lines to standard error, in colour on a terminal.
NNG_DECL void nng_stderr_logger(
    nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);

// A logger that hands records to the system, by syslog on POSIX.
NNG_DECL void nng_system_logger(
    nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);

// Sets the logger; NULL stands for nng_null_logger.
NNG_DECL void nng_log_set_logger(nng_logger logger);

// Sets the limit: records of a higher level number are dropped. NNG_LOG_NOTICE at first.
NNG_DECL void nng_log_set_level(nng_log_level level);

// The limit that is set.
NNG_DECL nng_log_level nng_log_get_level(void);

// Sets the facility of all records but those of nng_log_auth. NNG_LOG_USER at first.
NNG_DECL void nng_log_set_facility(nng_log_facility facility);

// Logs at NNG_LOG_ERR, formatted as by printf and cut at 511 bytes. msgid, a short key for the
// kind of record, may be NULL.
NNG_DECL void nng_log_err(const char *msgid, const char *msg, ...);

// Logs at NNG_LOG_WARN.
NNG_DECL void nng_log_warn(const char *msgid, const char *msg, ...);

// Logs at NNG_LOG_NOTICE.
NNG_DECL void nng_log_notice(const char *msgid, const char *msg, ...);

// Logs at NNG_LOG_INFO.
NNG_DECL void nng_log_info(const char *msgid, const char *msg, ...);

// Logs at NNG_LOG_DEBUG.
NNG_DECL void nng_log_debug(const char *msgid, const char *msg, ...);

// Logs at a level of the caller's choice, with the facility NNG_LOG_AUTH.
NNG_DECL void nng_log_auth(nng_log_level level, const char *msgid, const char *msg, ...);

// ------------------------------------------------------------------------------------------------
// Platform
//
// Clock, random numbers, threads and locks, alike on all systems.

// The time since some fixed moment; never goes back.
NNG_DECL nng_time nng_clock(void);

// Blocks the calling thread for at least this long; returns at once if ms is not positive.
NNG_DECL void nng_msleep(nng_duration ms);

// A number nobody can predict.
NNG_DECL uint32_t nng_random(void);

// Makes a pair of connected descriptors; both belong to the caller.
NNG_DECL int nng_socket_pair(int fds[2]);

// Starts a thread that calls func(arg). The caller ends it with nng_thread_destroy.
NNG_DECL int nng_thread_create(nng_thread **thrp, void (*func)(void *), void *arg);

// Names a thread for debuggers; NULL means the calling one. A name too long may be ignored.
NNG_DECL void nng_thread_set_name(nng_thread *thr, const char *name);

// Waits until the thread's function has returned, then frees the thread.
NNG_DECL void nng_thread_destroy(nng_thread *thr);

// Makes a mutex.
NNG_DECL int nng_mtx_alloc(nng_mtx **mtxp);

// Frees a mutex, which must not be locked. NULL is accepted.
NNG_DECL void nng_mtx_free(nng_mtx *mtx);

// Locks a mutex. The process aborts if the calling thread holds it already.
NNG_DECL void nng_mtx_lock(nng_mtx *mtx);

// Unlocks a mutex. The process aborts if the calling thread does not hold it.
NNG_DECL void nng_mtx_unlock(nng_mtx *mtx);

// Makes a condition variable for a mutex, which must outlive it and stays the caller's.
NNG_DECL int nng_cv_alloc(nng_cv **cvp, nng_mtx *mtx);

// Frees a condition variable. NULL is accepted.
NNG_DECL void nng_cv_free(nng_cv *cv);

// Waits to be woken, with the mutex held by the caller; may also return for no reason.
NNG_DECL void nng_cv_wait(nng_cv *cv);

// Waits as nng_cv_wait does, at most until a point in time: then it returns NNG_ETIMEDOUT. A time
// of 0 does not wait: NNG_EAGAIN.
NNG_DECL int nng_cv_until(nng_cv *cv, nng_time when);

// Wakes all threads that wait.
NNG_DECL void nng_cv_wake(nng_cv *cv);

// Wakes one of the threads that wait.
NNG_DECL void nng_cv_wake1(nng_cv *cv);

#ifdef __cplusplus
}
#endif

#endif // NNG_NNG_H
