//! Chunked bodies, decoded and encoded.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nng_oxide::fuzzing::chunked_body(data));
