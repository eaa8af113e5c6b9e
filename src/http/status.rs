//! What NNG says to a status, and which statuses have no body.
//!
//! Statuses are plain numbers, as they are in NNG.

/// Returns the reason that goes with `status` unless a message brings its own.
///
/// The words are NNG's; some are older than RFC 9110. Those that NNG forgot are the RFC's.
/// # Source
/// nng 1.12, nng_http_res_set_status(3http); RFC 9110 section 15.
pub(super) const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Not Authoritative",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "Request Entity Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I Am A Teapot",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Headers Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "Unknown HTTP Status",
    }
}

/// Returns whether a response of that status is an interim one, which another one follows.
pub(crate) const fn is_interim(status: u16) -> bool {
    matches!(status, 100..200)
}

/// Returns whether a response of that status may have a body.
///
/// # Source
/// RFC 9112 section 6.3.
pub(crate) const fn permits_body(status: u16) -> bool {
    !is_interim(status) && !matches!(status, 204 | 304)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_nng_names_in_its_header_have_a_reason() {
        let added = [
            (207, "Multi-Status"),
            (208, "Already Reported"),
            (226, "IM Used"),
            (308, "Permanent Redirect"),
            (413, "Content Too Large"),
            (422, "Unprocessable Content"),
            (502, "Bad Gateway"),
        ];
        for (status, words) in added {
            assert_eq!(reason(status), words);
        }
        let known = (0..=u16::MAX).filter(|&status| reason(status) != reason(0)).count();
        assert_eq!(known, 52 + added.len());
    }

    #[test]
    fn interim_and_empty_statuses_have_no_body() {
        for status in [100, 101, 199, 204, 304] {
            assert!(!permits_body(status), "{status}");
        }
        for status in [0, 99, 200, 203, 205, 206, 303, 305, 404, 999, u16::MAX] {
            assert!(permits_body(status), "{status}");
        }
    }
}
