//! All that one client sends to a server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nng_oxide::fuzzing::session(data));
