//! Everything in capitals: error codes, limits of time, names of options, statuses, and the rest.

use crate::option;

use super::{
    nng_dialer, nng_duration, nng_listener, nng_log_facility, nng_log_level, nng_pipe, nng_socket,
    nng_tls_auth_mode, nng_tls_mode, nng_tls_version,
};

pub use ::nng_aio::codes::*;

/// Defines constants that share a type and a line of documentation.
macro_rules! constants {
    ($(#[$doc:meta] $type:ty { $($name:ident = $value:expr,)+ })+) => {
        $($(
            #[$doc]
            pub const $name: $type = $value;
        )+)+
    };
}

constants! {
    /// The version of NNG that this library is like.
    i32 {
        NNG_MAJOR_VERSION = 1,
        NNG_MINOR_VERSION = 12,
        NNG_PATCH_VERSION = 0,
    }
    /// A limit of time with a meaning of its own; see [`Timeout`](::nng_aio::Timeout).
    nng_duration {
        NNG_DURATION_INFINITE = -1,
        NNG_DURATION_DEFAULT = -2,
        NNG_DURATION_ZERO = 0,
    }
    /// The first id that a map hands out is a random one.
    i32 {
        NNG_MAP_RANDOM = 1,
    }
    /// No socket.
    nng_socket {
        NNG_SOCKET_INITIALIZER = nng_socket { id: 0 },
    }
    /// No dialer.
    nng_dialer {
        NNG_DIALER_INITIALIZER = nng_dialer { id: 0 },
    }
    /// No listener.
    nng_listener {
        NNG_LISTENER_INITIALIZER = nng_listener { id: 0 },
    }
    /// No pipe.
    nng_pipe {
        NNG_PIPE_INITIALIZER = nng_pipe { id: 0 },
    }
    /// What a statistic is; see [`StatisticValue`](crate::statistics::StatisticValue).
    i32 {
        NNG_STAT_SCOPE = 0,
        NNG_STAT_LEVEL = 1,
        NNG_STAT_COUNTER = 2,
        NNG_STAT_STRING = 3,
        NNG_STAT_BOOLEAN = 4,
        NNG_STAT_ID = 5,
    }
    /// What a statistic counts; see [`Unit`](crate::statistics::Unit).
    i32 {
        NNG_UNIT_NONE = 0,
        NNG_UNIT_BYTES = 1,
        NNG_UNIT_MESSAGES = 2,
        NNG_UNIT_MILLIS = 3,
        NNG_UNIT_EVENTS = 4,
    }
    /// The name of an option; see the constants of [`option`].
    &str {
        NNG_OPT_LOCADDR = option::LOCAL_ADDRESS,
        NNG_OPT_REMADDR = option::REMOTE_ADDRESS,
        NNG_OPT_TCP_NODELAY = option::TCP_NODELAY,
        NNG_OPT_TCP_KEEPALIVE = option::TCP_KEEPALIVE,
        NNG_OPT_TCP_BOUND_PORT = option::TCP_BOUND_PORT,
        NNG_OPT_IPC_PERMISSIONS = option::IPC_PERMISSIONS,
        NNG_OPT_TLS_CONFIG = option::TLS_CONFIG,
        NNG_OPT_TLS_AUTH_MODE = option::TLS_AUTH_MODE,
        NNG_OPT_TLS_CA_FILE = option::TLS_CA_FILE,
        NNG_OPT_TLS_CERT_KEY_FILE = option::TLS_CERT_KEY_FILE,
        NNG_OPT_TLS_SERVER_NAME = option::TLS_SERVER_NAME,
        NNG_OPT_TLS_VERIFIED = option::TLS_VERIFIED,
        NNG_OPT_TLS_PEER_CN = option::TLS_PEER_CN,
        NNG_OPT_TLS_PEER_ALT_NAMES = option::TLS_PEER_ALT_NAMES,
        NNG_OPT_PEER_UID = option::PEER_UID,
        NNG_OPT_IPC_PEER_UID = option::PEER_UID,
        NNG_OPT_PEER_GID = option::PEER_GID,
        NNG_OPT_IPC_PEER_GID = option::PEER_GID,
        NNG_OPT_PEER_PID = option::PEER_PID,
        NNG_OPT_IPC_PEER_PID = option::PEER_PID,
    }
    /// Which side a configuration of TLS is for; see [`Mode`](crate::tls::Mode).
    nng_tls_mode {
        NNG_TLS_MODE_CLIENT = 0,
        NNG_TLS_MODE_SERVER = 1,
    }
    /// What is asked of the peer's certificate; see [`AuthMode`](crate::tls::AuthMode).
    nng_tls_auth_mode {
        NNG_TLS_AUTH_MODE_NONE = 0,
        NNG_TLS_AUTH_MODE_OPTIONAL = 1,
        NNG_TLS_AUTH_MODE_REQUIRED = 2,
    }
    /// A version of TLS; see [`Version`](crate::tls::Version).
    nng_tls_version {
        NNG_TLS_1_0 = 0x301,
        NNG_TLS_1_1 = 0x302,
        NNG_TLS_1_2 = 0x303,
        NNG_TLS_1_3 = 0x304,
    }
    /// A level of the log; see [`Level`](::nng_aio::log::Level).
    nng_log_level {
        NNG_LOG_NONE = 0,
        NNG_LOG_ERR = 3,
        NNG_LOG_WARN = 4,
        NNG_LOG_NOTICE = 5,
        NNG_LOG_INFO = 6,
        NNG_LOG_DEBUG = 7,
    }
    /// A facility of the log; see [`Facility`](::nng_aio::log::Facility).
    nng_log_facility {
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
        NNG_LOG_LOCAL7 = 23,
    }
    /// A status of HTTP, as NNG names it.
    u16 {
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
        NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY = 301,
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
        NNG_HTTP_STATUS_NETWORK_AUTH_REQUIRED = 511,
    }
}
