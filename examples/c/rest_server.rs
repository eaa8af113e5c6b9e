//! rest_server: a small service that keeps JSON, over HTTP or HTTPS, with errors in JSON.
//!
//! The twin of rest_server.c, function by function.
//!
//! ```text
//!     POST /items      keeps the body, an object or array, and answers with {"item": BODY}
//!     GET  /items/N    the N-th one that was kept, from 1
//! ```
//!
//! Each is a handler of the server, for its method; the server itself answers 404 and 405 for what has
//! none, and 400 for a body that is too long, with the pages of `nng_http_server_set_error_page`. The
//! handlers use the same pages. They share a store and count as its users until they go, when the
//! server is gone and no request is being handled any more: main waits for that.
//!
//! Ctrl-C or the end of input ends the program.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::io::{self, PipeReader};
use std::process::ExitCode;
use std::sync::Arc;

use nng_oxide::aio::sync::{Condvar, Mutex};
use nng_oxide::c_names::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

const HELP: &str = "\
A small service that keeps JSON.

Usage: rest_server [--tls CERTKEY] [ADDR]

  ADDR           http://HOST:PORT to listen on, by default http://127.0.0.1:8080, or
                 https://127.0.0.1:8443 with --tls; port 0 lets the system choose
  --tls CERTKEY  a file with a certificate and its key, in PEM
  -h, --help     print this

POST /items      keeps a JSON object or array of 4096 bytes at most
GET  /items/N    the N-th one, from 1

Ctrl-C or the end of input ends it.
";

const BODY_MAX: usize = 4096;
const ITEMS_MAX: usize = 1000;
const DEPTH_MAX: usize = 64;

#[derive(Default)]
struct Store {
    guarded: Mutex<Guarded>,
    /// Woken when the last user goes.
    unused: Condvar,
}

/// What the mutex guards.
#[derive(Default)]
struct Guarded {
    users: u32,
    /// For its error pages. It is a reference of its own, and so is taken out again at the end.
    server: Option<nng_http_server>,
    items: Vec<Arc<[u8]>>,
}

/// A handler's share in the store.
struct User(Arc<Store>);

fn store_leave(store: &Store) {
    let mut guarded = store.guarded.lock();
    guarded.users -= 1;
    if guarded.users == 0 {
        store.unused.notify_all();
    }
}

impl Drop for User {
    fn drop(&mut self) {
        store_leave(&self.0);
    }
}

/// Returns whether a text is an object or array, as far as brackets and strings tell.
fn is_container(text: &[u8]) -> bool {
    let is_space = |byte: &u8| b" \t\r\n".contains(byte);
    let mut open = Vec::new();

    let mut text = text.iter().copied().skip_while(is_space).peekable();
    if !matches!(text.peek(), Some(b'{' | b'[')) {
        return false;
    }
    while let Some(byte) = text.next() {
        match byte {
            b'{' if open.len() < DEPTH_MAX => open.push(b'}'),
            b'[' if open.len() < DEPTH_MAX => open.push(b']'),
            b'{' | b'[' | b']' | b'}' if open.pop() != Some(byte) => {
                return false; // or it is nested too deeply
            }
            b'"' => loop {
                match text.next() {
                    Some(b'"') => break,
                    Some(b'\\') if text.next().is_some() => {}
                    Some(b'\\') | None => return false,
                    Some(_) => {}
                }
            },
            _ => {}
        }
        if open.is_empty() {
            break;
        }
    }
    open.is_empty() && text.all(|byte| is_space(&byte))
}

/// A copy of the body; `None` if it is not what is kept here.
fn take_body(req: &nng_http_req) -> Option<Arc<[u8]>> {
    let mut body = Vec::new();

    nng_http_req_get_data(req, &mut body);
    (!body.contains(&0) && is_container(&body)).then(|| body.into())
}

/// Finishes a handler's aio: with an item, or with the error page of the status.
fn respond(aio: &nng_aio, store: &Store, status: u16, item: Option<&[u8]>) {
    let mut res = None;

    let rv = nng_http_res_alloc(&mut res);
    let Some(res) = res else { return nng_aio_finish(aio, rv) };
    let mut rv = nng_http_res_set_status(&res, status);
    if rv == 0
        && let Some(item) = item
    {
        let text = [&b"{\"item\": "[..], item, b"}"].concat();
        rv = nng_http_res_copy_data(&res, &text);
    } else if rv == 0 {
        let server = store.guarded.lock().server.clone();
        rv = server.map_or(NNG_ECLOSED, |server| nng_http_server_res_error(&server, &res));
    }
    if rv == 0 {
        rv = nng_http_res_set_header(&res, "Content-Type", "application/json");
    }
    if rv == 0 {
        nng_aio_set_output(aio, 0, res); // the server's, from now on
    }
    nng_aio_finish(aio, rv);
}

fn post_item(aio: &nng_aio, store: &Store) {
    let req = nng_aio_get_input::<nng_http_req>(aio, 0);
    let mut item = req.and_then(|req| take_body(&req));
    let mut status = NNG_HTTP_STATUS_BAD_REQUEST;

    let mut guarded = store.guarded.lock();
    if item.is_some() && guarded.items.len() == ITEMS_MAX {
        status = NNG_HTTP_STATUS_INSUFFICIENT_STORAGE;
        item = None;
    } else if let Some(item) = &item {
        status = NNG_HTTP_STATUS_CREATED;
        guarded.items.push(Arc::clone(item)); // a second holder of what never changes
    }
    drop(guarded);
    respond(aio, store, status, item.as_deref());
}

fn get_item(aio: &nng_aio, store: &Store) {
    let req = nng_aio_get_input::<nng_http_req>(aio, 0);
    let path = req.map(|req| nng_http_req_get_uri(&req)).unwrap_or_default();
    let mut number = 0;

    if let Some(rest) = path.strip_prefix("/items/") {
        let digits = rest.split('?').next().unwrap_or_default();
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            number = digits.parse().unwrap_or(0); // 0 if there are none, or too many
        }
    }
    let guarded = store.guarded.lock();
    let item = usize::checked_sub(number, 1).and_then(|at| guarded.items.get(at)).cloned();
    drop(guarded);
    let status = if item.is_some() { NNG_HTTP_STATUS_OK } else { NNG_HTTP_STATUS_NOT_FOUND };
    respond(aio, store, status, item.as_deref());
}

fn add_handler(
    server: &nng_http_server,
    store: &Arc<Store>,
    method: &str,
    callback: fn(&nng_aio, &Store),
) -> Result<(), i32> {
    let mut handler = None;
    let user = User(Arc::clone(store)); // the callback's, and goes with it: no data, no destructor

    store.guarded.lock().users += 1;
    let rv = nng_http_handler_alloc(&mut handler, "/items", move |aio| callback(aio, &user.0));
    let Some(handler) = handler else { return Err(rv) };
    ok(nng_http_handler_set_method(&handler, method))?;
    ok(nng_http_handler_collect_body(&handler, true, BODY_MAX))?;
    if method == "GET" {
        ok(nng_http_handler_set_tree(&handler))?;
    }
    ok(nng_http_server_add_handler(server, &handler))
}

fn use_tls(server: &nng_http_server, certkey: &str) -> Result<(), i32> {
    let mut config = None;

    let rv = nng_tls_config_alloc(&mut config, NNG_TLS_MODE_SERVER);
    let Some(config) = config else { return Err(rv) };
    ok(nng_tls_config_cert_key_file(&config, certkey, None))?;
    ok(nng_http_server_set_tls(server, &config)) // has its own reference then
}

fn print_addr(server: &nng_http_server, scheme: &str) -> Result<(), i32> {
    let mut addr = nng_sockaddr::Unspecified;

    ok(nng_http_server_get_addr(server, &mut addr))?;
    println!("listening on {scheme}://{}", nng_str_sockaddr(&addr));
    Ok(())
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

/// What `serve` does up to the start of the server, where C needs no more than a condition.
fn set_up(server: &nng_http_server, store: &Arc<Store>, certkey: Option<&str>) -> Result<(), i32> {
    if let Some(certkey) = certkey {
        use_tls(server, certkey)?;
    }
    ok(nng_http_server_set_error_page(server, 400, "{\"error\": \"bad request\"}"))?;
    ok(nng_http_server_set_error_page(server, 404, "{\"error\": \"not found\"}"))?;
    add_handler(server, store, "POST", post_item)?;
    add_handler(server, store, "GET", get_item)?;
    ok(nng_http_server_start(server))
}

fn serve(url: &nng_url, certkey: Option<&str>, signals: &PipeReader) -> Result<(), i32> {
    let store = Arc::new(Store::default());
    let mut server = None;

    let rv = nng_http_server_hold(&mut server, url);
    let Some(server) = server else { return Err(rv) };
    store.guarded.lock().server = Some(server.clone());
    let mut rv = set_up(&server, &store, certkey);
    if rv.is_ok() {
        rv = print_addr(&server, url.scheme());
        if rv.is_ok() {
            wait_for_end(signals);
        }
        nng_http_server_stop(&server);
    }
    nng_http_server_release(store.guarded.lock().server.take());
    nng_http_server_release(server);
    let mut guarded = store.guarded.lock();
    while guarded.users > 0 {
        guarded = store.unused.wait(guarded);
    }
    rv
}

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args().skip(1).collect();
    let (certkey, argv) = match &argv[..] {
        [tls, certkey, rest @ ..] if tls == "--tls" => (Some(certkey.as_str()), rest),
        argv => (None, argv),
    };
    let mut url = None;

    let scheme = if certkey.is_some() { "https" } else { "http" };
    let addr = if certkey.is_some() { "https://127.0.0.1:8443" } else { "http://127.0.0.1:8080" };
    let addr = argv.first().map_or(addr, String::as_str);
    if addr == "-h" || addr == "--help" {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    nng_url_parse(&mut url, addr);
    let is_right = |url: &nng_url| argv.len() <= 1 && url.scheme() == scheme;
    let Some(url) = url.filter(is_right) else {
        let wrong = argv.last().map_or(addr, String::as_str);
        eprintln!("rest_server: one {scheme}:// URL is wanted, not `{wrong}`; --help says more");
        return ExitCode::from(2);
    };
    // For wait_for_end alone: each signal is a byte in a pipe, where C has a handler and a mask.
    let pipe = io::pipe().and_then(|(signals, caught)| {
        pipe::register(SIGINT, caught.try_clone()?)?;
        pipe::register(SIGTERM, caught)?;
        Ok(signals)
    });
    let signals = match pipe {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("rest_server: cannot catch signals: {error}");
            return ExitCode::FAILURE;
        }
    };

    let rv = serve(&url, certkey, &signals);
    if let Err(rv) = rv {
        eprintln!("rest_server: cannot serve {addr}: {}", nng_strerror(rv));
    }
    nng_fini();
    if rv.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What C writes as `if (rv != 0) return rv;` is `ok(rv)?`.
fn ok(rv: i32) -> Result<(), i32> {
    if rv == 0 { Ok(()) } else { Err(rv) }
}
