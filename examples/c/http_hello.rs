//! http_hello: an HTTP server whose handler writes its response itself.
//!
//! The twin of http_hello.c, function by function.
//!
//! The handler of GET /hello finds the connection among the inputs of its aio, starts
//! `nng_http_conn_write_res` on it with an aio of its own, and returns. When the last byte is out, or
//! it is clear that it will not go out, the callback of that aio prints the result, and only then
//! finishes the handler's aio: without an output, as the response has been written.
//!
//! Ctrl-C or the end of input ends the program: the server stops, the responses under way end with an
//! error, and everything is freed.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::io::{self, PipeReader};
use std::process::ExitCode;
use std::sync::Arc;

use nng_oxide::aio::sync::{Condvar, Mutex};
use nng_oxide::c_names::*;
use nng_oxide::http::Body;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

const HELP: &str = "\
An HTTP server that says hello.

Usage: http_hello [ADDR]

  ADDR        http://HOST:PORT to listen on, by default http://127.0.0.1:8080;
              port 0 lets the system choose
  -h, --help  print this

GET /hello    a greeting; the result of each response is printed

Ctrl-C or the end of input ends it.
";

const GREETING: &str = "Hello, World!\n";

/// The handler, which goes with the server in the background, and the responses that are being
/// written: the end of the program waits for them. The mutex holds what it guards.
#[derive(Default)]
struct Pending {
    count: Mutex<u32>,
    none: Condvar,
}

/// One of them. Its end is the call of `pending_remove` that C must not forget.
struct Entry(Arc<Pending>);

fn pending_add(pending: &Arc<Pending>) -> Entry {
    *pending.count.lock() += 1;
    Entry(Arc::clone(pending))
}

fn pending_remove(pending: &Pending) {
    let mut count = pending.count.lock();
    *count -= 1;
    if *count == 0 {
        pending.none.notify_all();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        pending_remove(&self.0);
    }
}

/// A response, from the call of the handler to its last byte. The aio of the write keeps it, and gives
/// it to the callback; the response itself is ours again, and freed, once the write has begun.
struct Exchange {
    /// The server's; finishing it hands the connection back.
    handler_aio: nng_aio,
    /// In place of `exchange_free`.
    _entry: Entry,
}

/// The callback of the write.
fn written(write_aio: &nng_aio, exchange: &Exchange) {
    println!("response: {}", nng_aio_result(write_aio));
    nng_aio_finish(&exchange.handler_aio, 0);
}

fn fill(res: &nng_http_res, method: &str) -> Result<(), i32> {
    ok(nng_http_res_set_header(res, "Content-Type", "text/plain"))?;
    // A response to HEAD has the length of the body, but not the body.
    let length = GREETING.len() as u64;
    let body = if method == "HEAD" { Body::declared(length) } else { GREETING.into() };
    ok(nng_http_res_set_data(res, body))
}

fn hello(aio: &nng_aio, pending: &Arc<Pending>) {
    let req = nng_aio_get_input::<nng_http_req>(aio, 0);
    let conn = nng_aio_get_input::<nng_http_conn>(aio, 2);
    let (Some(req), Some(conn)) = (req, conn) else { return nng_aio_finish(aio, NNG_EINTERNAL) };
    let exchange = Exchange { handler_aio: aio.alias(), _entry: pending_add(pending) };
    let (mut write_aio, mut res) = (None, None);

    let rv = nng_aio_alloc(&mut write_aio, Some(written), exchange);
    let Some(write_aio) = write_aio else { return nng_aio_finish(aio, rv) };
    let rv = nng_http_res_alloc(&mut res);
    let Some(res) = res else { return nng_aio_finish(aio, rv) };
    if let Err(rv) = fill(&res, &nng_http_req_get_method(&req)) {
        return nng_aio_finish(aio, rv);
    }
    nng_http_conn_write_res(&conn, &res, &write_aio); // returns at once
    write_aio.detach(); // it goes after its callback, where C reaps it
}

fn add_handler(server: &nng_http_server, pending: &Arc<Pending>) -> Result<(), i32> {
    let mut handler = None;
    let entry = pending_add(pending); // the callback's, and goes with it: no data, no destructor

    let rv = nng_http_handler_alloc(&mut handler, "/hello", move |aio| hello(aio, &entry.0));
    let Some(handler) = handler else { return Err(rv) };
    ok(nng_http_handler_set_method(&handler, "GET"))?;
    ok(nng_http_server_add_handler(server, &handler))
}

fn print_addr(server: &nng_http_server) -> Result<(), i32> {
    let mut addr = nng_sockaddr::Unspecified;

    ok(nng_http_server_get_addr(server, &mut addr))?;
    match addr {
        nng_sockaddr::Inet(_) | nng_sockaddr::Inet6(_) => {
            println!("listening on http://{}", nng_str_sockaddr(&addr));
            Ok(())
        }
        _ => Err(NNG_EADDRINVAL),
    }
}

/// Keeps the signals for `wait_for_end`: each is a byte in a pipe, where C has a handler and a mask.
fn catch_signals() -> io::Result<PipeReader> {
    let (signals, caught) = io::pipe()?;

    pipe::register(SIGINT, caught.try_clone()?)?;
    pipe::register(SIGTERM, caught)?;
    Ok(signals)
}

fn wait_for_end(signals: &PipeReader) {
    let (input, mut ignored) = (io::stdin(), [0_u8; 512]);

    loop {
        let mut watched = [PollFd::new(signals, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
        let rv = poll(&mut watched, None);
        let interrupted = !watched[0].revents().is_empty();
        let has_ended = match rv {
            Ok(_) => interrupted || read(&input, &mut ignored).unwrap_or(0) == 0,
            Err(error) => error != Errno::INTR,
        };
        if has_ended {
            return;
        }
    }
}

fn serve(url: &nng_url, pending: &Arc<Pending>, signals: &PipeReader) -> Result<(), i32> {
    let mut server = None;

    let rv = nng_http_server_hold(&mut server, url);
    let Some(server) = server else { return Err(rv) };
    let mut rv = add_handler(&server, pending);
    rv = rv.and_then(|()| ok(nng_http_server_start(&server)));
    if rv.is_ok() {
        rv = print_addr(&server);
        if rv.is_ok() {
            wait_for_end(signals);
        }
        nng_http_server_stop(&server);
    }
    nng_http_server_release(server);
    let mut count = pending.count.lock();
    while *count != 0 {
        count = pending.none.wait(count);
    }
    rv
}

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args().collect();
    let addr = argv.get(1).map_or("http://127.0.0.1:8080", String::as_str);
    let mut url = None;

    if addr == "-h" || addr == "--help" {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if addr.starts_with('-') {
        eprintln!("http_hello: there is no `{addr}`; --help says more");
        return ExitCode::from(2);
    }
    if let Some(more) = argv.get(2) {
        eprintln!("http_hello: `{more}` is one argument too many; --help says more");
        return ExitCode::from(2);
    }
    nng_url_parse(&mut url, addr);
    let Some(url) = url.filter(|url| url.scheme() == "http") else {
        eprintln!(
            "http_hello: `{addr}` is no http:// URL, such as http://127.0.0.1:8080; --help says more"
        );
        return ExitCode::from(2);
    };
    let signals = match catch_signals() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("http_hello: cannot catch signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let rv = serve(&url, &Arc::default(), &signals);
    if let Err(rv) = rv {
        eprintln!("http_hello: cannot listen on {addr}: {}", nng_strerror(rv));
    }
    nng_fini();
    if rv.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What C writes as `if (rv != 0) return rv;` is `ok(rv)?`.
fn ok(rv: i32) -> Result<(), i32> {
    if rv == 0 { Ok(()) } else { Err(rv) }
}
