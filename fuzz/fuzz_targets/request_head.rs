//! Requests as a connection reads them, with and without bodies.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nng_oxide::fuzzing::request_head(data));
