//! Tests of the codec.
//!
//! `request`, `response` and `chunked` hold the tables of what is accepted and refused; `laws`
//! checks what holds for every input.

mod chunked;
mod laws;
mod request;
mod response;
