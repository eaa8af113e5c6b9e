//! Responses as a connection reads them, with and without bodies.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nng_oxide::fuzzing::response_head(data));
