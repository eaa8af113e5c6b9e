//! The asynchronous core of nng-oxide.
