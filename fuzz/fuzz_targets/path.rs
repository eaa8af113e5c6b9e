//! Targets of requests, and the paths that are found by them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nng_oxide::fuzzing::path(data));
