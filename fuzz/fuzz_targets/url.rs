//! URLs and the requests made of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nng_oxide::fuzzing::url(data));
