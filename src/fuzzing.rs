//! The door through which fuzz targets reach what is private. Exists only when fuzzing.
//!
//! Each function takes what the fuzzer made up and panics if a law is broken.

use crate::http::{laws, server_laws};

/// Requests as a connection reads them.
pub fn request_head(data: &[u8]) {
    laws::with_controls(data, "GET / HTTP/1.1\r\nHost: h\r\n", laws::requests);
}

/// Responses as a connection reads them; the fourth byte chooses the method of the requests.
pub fn response_head(data: &[u8]) {
    let method = match data.get(3).map(|choice| choice % 4) {
        Some(0) => "HEAD",
        Some(1) => "CONNECT",
        _ => "GET",
    };
    laws::with_controls(data, "HTTP/1.1 200 OK\r\n", |input, cuts, limits| {
        laws::responses(input, cuts, limits, method);
    });
}

/// Chunked bodies, decoded and encoded.
pub fn chunked_body(data: &[u8]) {
    laws::with_controls(data, "", |input, cuts, limits| {
        laws::chunked(input, cuts, limits);
        laws::encoded(input, cuts);
    });
}

/// URLs and the requests made of them.
pub fn url(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        laws::url(text);
    }
}

/// All that one client sends to a server.
pub fn session(data: &[u8]) {
    laws::with_controls(data, "GET / HTTP/1.1\r\nHost: h\r\n", |input, cuts, _limits| {
        // More is for the sockets of the system, whose buffers end somewhere.
        server_laws::session(&input[..input.len().min(16 << 10)], cuts);
    });
}

/// Targets, and the paths that are found by them.
pub fn path(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        server_laws::target(text);
    }
}
