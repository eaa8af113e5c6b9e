//! The response to a request for a file: all of it, a part, or that there is nothing to send.

use std::fs::{File, Metadata};
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

use super::conditions::{Conditions, Validators, Verdict, now};
use super::range::Part;
use super::transfer::{PIECE, Transfer};
use crate::http::date::Date;
use crate::http::server::exchange::Exchange;
use crate::http::{Body, Response};

/// Returns the status for what the system says of a file.
///
/// # Source
/// nng 1.12, nng_http_handler_alloc_file(3http).
pub(super) fn status_of(errno: Errno) -> u16 {
    match errno {
        // A link that must not be followed leads where this server has nothing, or nobody may go.
        Errno::ACCESS | Errno::PERM | Errno::XDEV | Errno::LOOP => 403,
        Errno::NOENT | Errno::NOTDIR | Errno::ISDIR | Errno::NAMETOOLONG => 404,
        // Sockets, and devices that are not there.
        Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP => 404,
        _ => 500,
    }
}

/// Answers a request with a file, on a thread that may block.
pub(super) fn send(exchange: Exchange, file: File, metadata: &Metadata, media_type: &str) {
    let (now, size) = (now(), metadata.len());
    let validators = Validators::of(metadata, now);
    let request = exchange.request();
    let is_head = request.method() == "HEAD";
    let verdict = Conditions { headers: request.headers(), is_head, now }.judge(&validators, size);
    drop(request);
    let mut response = match &verdict {
        Verdict::NotModified => Response::new(),
        Verdict::PreconditionFailed => return exchange.respond(Response::for_error(412)),
        Verdict::Send(Part::Unsatisfiable) => Response::for_error(416),
        Verdict::Send(_) => with_type(media_type),
    };
    describe(&mut response, &validators);
    let range = match verdict {
        Verdict::Send(Part::Whole) => 0..size,
        Verdict::Send(Part::Bytes(range)) => {
            let last = range.end - 1;
            response.set_status(206);
            say(&mut response, "Content-Range", &format!("bytes {}-{last}/{size}", range.start));
            range
        }
        Verdict::Send(Part::Unsatisfiable) => {
            say(&mut response, "Content-Range", &format!("bytes */{size}"));
            return exchange.respond(response);
        }
        Verdict::NotModified | Verdict::PreconditionFailed => {
            response.set_status(304);
            return exchange.respond(response);
        }
    };
    let len = range.end - range.start;
    if is_head {
        response.set_body(Body::declared(len));
        return exchange.respond(response);
    }
    match usize::try_from(len) {
        Ok(len) if len <= PIECE => {
            let mut bytes = vec![0; len];
            match file.read_exact_at(&mut bytes, range.start) {
                Ok(()) => {
                    response.set_body(bytes);
                    exchange.respond(response);
                }
                // It is shorter than it was, or cannot be read.
                Err(error) => exchange.fail(error.into()),
            }
        }
        Ok(_) | Err(_) => {
            let writer = exchange.respond_in_pieces(response, Some(len));
            Transfer::run(writer, file, range);
        }
    }
}

fn with_type(media_type: &str) -> Response {
    let mut response = Response::new();
    say(&mut response, "Content-Type", media_type);
    response
}

/// Says which state of the file it is.
fn describe(response: &mut Response, validators: &Validators) {
    if let Some(modified) = validators.modified {
        let date = Date::of(modified);
        // Fails only at 4 GiB of fields.
        let _ = response.headers_mut().set("Last-Modified", date.as_bytes());
    }
    say(response, "ETag", &validators.tag);
    say(response, "Accept-Ranges", "bytes");
}

fn say(response: &mut Response, name: &str, value: &str) {
    // Fails only at 4 GiB of fields; all of these are fields.
    let _ = response.headers_mut().set(name, value);
}
