//! http_client: fetches a URL and writes the body of the response to the standard output.
//!
//! The twin of http_client.c, function by function.
//!
//! Connect, write the request, read the head of the response, read the body: each step is one
//! operation of the connection, and all of them use one aio. Its callback writes a byte to a pipe, so
//! that the program can wait for the end of the operation and for Ctrl-C at once; Ctrl-C cancels the
//! operation. The body ends after Content-Length bytes (`nng_http_conn_read_all`) or, without that
//! field, with the connection (`nng_http_conn_read`). The program asks for `Connection: close` and
//! knows no chunks.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::io::{self, PipeReader, PipeWriter, Write};
use std::process::ExitCode;

use nng_oxide::c_names::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::read;
use signal_hook::consts::SIGINT;
use signal_hook::low_level::pipe;

const HELP: &str = "\
Fetches a URL and writes the body of the response to the standard output.

Usage: http_client [OPTIONS] URL

  URL           http://HOST[:PORT][/PATH][?QUERY], or https://
  --ca FILE     the certificates to trust, in PEM; for https
  --timeout MS  how long each step may take, by default 30000
  -h, --help    print this

Exits with 0 if the status is 200 to 299, with 3 if it is another one, with 1 if there is no
whole response, and with 2 if the arguments are wrong. Ctrl-C ends it.
";

/// How much of the body is read at a time; bytes.
const ROOM: usize = 64 * 1024;

/// What is there from beginning to end. A client, a request and a connection are made on the way, and
/// belong to `exchange`: in C they are here, so that they can be freed from one place.
struct Fetch {
    url: nng_url,
    res: nng_http_res,
    aio: nng_aio,
    /// One byte for each operation that has ended.
    done: PipeReader,
    /// One byte for each Ctrl-C, where C has a handler and a mask.
    signals: PipeReader,
    interrupted: bool,
}

/// The callback of the aio, which has the end of the pipe to write to.
fn ended(_aio: &nng_aio, mut done: &PipeWriter) {
    if done.write_all(&[0]).is_err() {
        std::process::abort(); // one byte fits
    }
}

/// Waits until the operation that was just started has ended, and returns its result.
fn result(fetch: &mut Fetch) -> Result<(), i32> {
    let mut byte = [0_u8];

    loop {
        if fetch.interrupted {
            nng_aio_cancel(&fetch.aio); // it ends soon, and says so, unless it has ended already
        }
        let mut watched =
            [PollFd::new(&fetch.done, PollFlags::IN), PollFd::new(&fetch.signals, PollFlags::IN)];
        if poll(&mut watched, None).is_err() {
            continue; // by the signal, whose byte is there now
        }
        let [has_ended, is_interrupted] = watched.map(|fd| !fd.revents().is_empty());
        if has_ended && read(&fetch.done, &mut byte) == Ok(1) {
            return ok(nng_aio_result(&fetch.aio));
        }
        if is_interrupted && read(&fetch.signals, &mut byte) == Ok(1) {
            fetch.interrupted = true;
        }
    }
}

fn complain<T>(step: &str, rv: Result<T, i32>) -> Result<T, i32> {
    rv.inspect_err(|rv| eprintln!("http_client: {step}: {}", nng_strerror(*rv)))
}

fn parse_length(text: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn copy_body(fetch: &mut Fetch, conn: &nng_http_conn) -> Result<(), i32> {
    let mut memory = Vec::new();
    let field = nng_http_res_get_header(&fetch.res, "Content-Length");
    let status = nng_http_res_get_status(&fetch.res);
    let mut left = None; // up to the end of the connection
    let (mut rv, mut written) = (Ok(()), Ok(()));
    let mut stdout = io::stdout().lock();

    if status == NNG_HTTP_STATUS_NO_CONTENT || status == NNG_HTTP_STATUS_NOT_MODIFIED {
        return Ok(());
    }
    if nng_http_res_get_header(&fetch.res, "Transfer-Encoding").is_some() {
        return complain("the body has a transfer coding", Err(NNG_ENOTSUP));
    }
    if let Some(field) = field {
        left = parse_length(&field);
        if left.is_none() {
            return complain("the Content-Length is no number", Err(NNG_EPROTO));
        }
    }
    while left != Some(0) {
        let room = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(ROOM).min(ROOM);
        memory.resize(room, 0);
        nng_aio_set_iov(&fetch.aio, vec![memory.into()]); // the aio's while it reads
        if left.is_some() {
            nng_http_conn_read_all(conn, &fetch.aio);
        } else {
            nng_http_conn_read(conn, &fetch.aio);
        }
        rv = result(fetch);
        if rv.is_err() {
            rv = if rv == Err(NNG_ECONNSHUT) && left.is_none() { Ok(()) } else { rv };
            break;
        }
        let count = nng_aio_count(&fetch.aio);
        memory = fetch.aio.take_buffer(); // and ours again
        left = left.map(|left| left - count as u64);
        written = stdout.write_all(&memory[..count]);
        if written.is_err() {
            break;
        }
    }
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        eprintln!("http_client: cannot write the body: {error}");
        return Err(NNG_ESYSERR);
    }
    complain("cannot read the body", rv)
}

/// The target of the request: a path there always is, and no fragment.
fn set_target(req: &nng_http_req, url: &nng_url) -> Result<(), i32> {
    let path = if url.path().is_empty() { "/" } else { url.path() };
    let query = url.query().map_or(String::new(), |query| format!("?{query}"));

    ok(nng_http_req_set_uri(req, format!("{path}{query}").as_str()))
}

fn trust(client: &nng_http_client, url: &nng_url, ca: &str) -> Result<(), i32> {
    let mut config = None;

    let rv = nng_tls_config_alloc(&mut config, NNG_TLS_MODE_CLIENT);
    let Some(config) = config else { return Err(rv) };
    ok(nng_tls_config_ca_file(&config, ca))?;
    ok(nng_tls_config_server_name(&config, url.hostname().unwrap_or_default()))?;
    ok(nng_http_client_set_tls(client, &config)) // has its own reference then
}

/// What `exchange` begins with, where C needs no more than a condition: each object is there, or its
/// code is returned.
fn prepare(url: &nng_url) -> Result<(nng_http_client, nng_http_req), i32> {
    let (mut client, mut req) = (None, None);

    let rv = nng_http_client_alloc(&mut client, url);
    let Some(client) = client else { return Err(rv) };
    let rv = nng_http_req_alloc(&mut req, url); // with the field Host
    let Some(req) = req else { return Err(rv) };
    set_target(&req, url)?;
    ok(nng_http_req_set_header(&req, "Connection", "close"))?;
    Ok((client, req))
}

fn exchange(fetch: &mut Fetch, ca: Option<&str>, timeout: nng_duration) -> Result<(), i32> {
    let (client, req) = complain("cannot prepare the request", prepare(&fetch.url))?;
    if let Some(ca) = ca {
        complain(ca, trust(&client, &fetch.url, ca))?;
    }
    nng_aio_set_timeout(&fetch.aio, timeout);
    nng_http_client_connect(&client, &fetch.aio);
    complain("cannot connect", result(fetch))?;
    let conn = nng_aio_get_output::<nng_http_conn>(&fetch.aio, 0).ok_or(NNG_EINTERNAL)?;
    nng_http_conn_write_req(&conn, &req, &fetch.aio);
    complain("cannot write the request", result(fetch))?;
    loop {
        nng_http_conn_read_res(&conn, &fetch.res, &fetch.aio);
        complain("cannot read the response", result(fetch))?;
        if nng_http_res_get_status(&fetch.res) >= 200 {
            break;
        }
        nng_http_res_reset(&fetch.res); // 100 Continue and the like come before the response
    }
    copy_body(fetch, &conn)
}

fn run(url: nng_url, ca: Option<&str>, timeout: nng_duration) -> u8 {
    let (mut aio, mut res) = (None, None);

    let pipes = io::pipe().and_then(|done| {
        let (signals, caught) = io::pipe()?;
        pipe::register(SIGINT, caught)?;
        Ok((done, signals))
    });
    let ((done, to_write), signals) = match pipes {
        Ok(pipes) => pipes,
        Err(error) => {
            eprintln!("http_client: cannot make a pipe: {error}");
            return 1;
        }
    };
    let rv = ok(nng_aio_alloc(&mut aio, Some(ended), to_write));
    let rv = rv.and_then(|()| ok(nng_http_res_alloc(&mut res)));
    let (Some(aio), Some(res)) = (aio, res) else {
        let _ = complain("cannot prepare the request", rv);
        return 1;
    };
    let mut fetch = Fetch { url, res, aio, done, signals, interrupted: false };
    if exchange(&mut fetch, ca, timeout).is_err() {
        return 1;
    }
    let status = nng_http_res_get_status(&fetch.res);
    if status <= 299 {
        return 0;
    }
    eprintln!("http_client: {status} {}", nng_http_res_get_reason(&fetch.res));
    3
}

fn misused(argument: &str, how: &str) -> ExitCode {
    eprintln!("http_client: `{argument}` {how}; --help says more");
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let (mut ca, mut text, mut url) = (None, None, None);
    let mut timeout = 30_000;

    let mut argv = std::env::args().skip(1).peekable();
    while let Some(argument) = argv.next() {
        if argument == "-h" || argument == "--help" {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        if argument == "--ca" && argv.peek().is_some() {
            ca = argv.next();
        } else if argument == "--timeout"
            && let Some(ms) = argv.next()
        {
            let length = parse_length(&ms).and_then(|ms| nng_duration::try_from(ms).ok());
            match length.filter(|ms| *ms > 0) {
                Some(ms) => timeout = ms,
                None => return misused(&ms, "is no number of milliseconds"),
            }
        } else if argument.starts_with('-') || text.is_some() {
            let how = if text.is_some() { "is one too many" } else { "is no option here" };
            return misused(&argument, how);
        } else {
            text = Some(argument);
        }
    }
    let Some(text) = text else { return misused("URL", "is missing") };
    nng_url_parse(&mut url, &text);
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return misused(&text, "is no http:// or https:// URL");
    };
    let code = run(url, ca.as_deref(), timeout);
    nng_fini();
    ExitCode::from(code)
}

/// What C writes as `if (rv != 0) return rv;` is `ok(rv)?`.
fn ok(rv: i32) -> Result<(), i32> {
    if rv == 0 { Ok(()) } else { Err(rv) }
}
