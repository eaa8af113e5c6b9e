//! nng-oxide.
