//! An HTTP server whose answers go out by `nng_http_conn_write_res`, each with a callback.
//!
//! ```text
//!   request --> handler --nng_http_conn_write_res--> handler returns, its thread is free
//!                                                    ... the system takes the bytes ...
//!                                                    callback: aio.result(), exchange finished
//! ```
//!
//! A handler could also say `exchange.respond(response)` and be done. Writing to the connection
//! oneself is what a program does that wants to know how it went, and what NNG's programs do.
//! `conn.write_res(&response, &aio)` is the same operation under its Rust name.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::process::ExitCode;
use std::time::Duration;

use nng_oxide::aio::sync::Mutex;
use nng_oxide::c_names::nng_http_conn_write_res;
use nng_oxide::http::{Exchange, Handler, Response, Server, ServerConfig, Shared};
use nng_oxide::{Error, Runtime, Url};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const HELP: &str = "\
An HTTP server that says hello and gives back what it gets.

Usage: http_server [OPTIONS] [ADDR]

  ADDR           host:port to listen on, by default 127.0.0.1:8080; port 0 lets the system choose
  -v, --verbose  print how each response of /hello and /echo went
  --threads N    let the runtime have at most N threads, by default 256; it takes 3 at least
  -h, --help     print this

GET and HEAD /hello   Hello, World!
POST /echo            the body of the request, up to 1 MiB

Ctrl-C ends it; responses under way have five seconds.
";

/// How long responses that are under way may take after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the command line asks for.
struct Options {
    addr: String,
    is_verbose: bool,
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("http_server: {complaint}; --help says more");
            return ExitCode::from(2);
        }
    };
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("http_server: {complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until somebody presses Ctrl-C.
fn serve(options: &Options) -> Result<(), String> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| format!("cannot watch signals: {error}"))?;
    let mut builder = Runtime::builder().name("http");
    if let Some(threads) = options.threads {
        builder = builder.threads(threads);
    }
    let runtime = builder.build().map_err(|error| format!("cannot begin a runtime: {error}"))?;
    let server = start(&runtime, options)
        .map_err(|error| format!("cannot listen on {}: {error}", options.addr))?;
    println!("Serving on http://{addr}, try: curl http://{addr}/hello", addr = server.addr());

    signals.forever().next();

    // Takes no more connections, and lets what is under way come to its end.
    let ended = runtime.aio_without_callback();
    ended.set_timeout(PATIENCE);
    server.drain(&ended);
    ended.wait();
    let stats = server.stats();
    // The handlers go with their server, while there are threads to free them.
    drop(server);
    // Runs what is left, and joins every thread.
    runtime.shutdown();
    let (requests, connections) =
        (count(stats.requests, "request"), count(stats.accepted, "connection"));
    println!("Served {requests} on {connections}.");
    Ok(())
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Makes a server with its handlers, and lets it listen.
fn start(runtime: &Runtime, options: &Options) -> Result<Server, Error> {
    let is_verbose = options.is_verbose;
    let url = Url::parse(&format!("http://{}", options.addr))?;
    let server = Server::on(runtime, &url, ServerConfig::default())?;

    // The answer is always the same, so it is made once. HEAD gets its head.
    let mut response = Response::new();
    response.headers_mut().set("Content-Type", "text/plain")?;
    response.set_body("Hello, World!");
    let hello = Shared::new(response);
    server.add_handler(&Handler::function("/hello", move |exchange| {
        send(exchange, &hello, is_verbose);
    }))?;

    let echo = Handler::function("/echo", move |exchange| {
        let mut response = Response::new();
        let mut request = exchange.request();
        if let Some(kind) = request.headers().get_bytes("Content-Type") {
            // What came as a value may go as one.
            let _ = response.headers_mut().set("Content-Type", kind);
        }
        response.set_body(request.take_body());
        drop(request);
        send(exchange, &response.into(), is_verbose);
    });
    echo.set_method("POST")?;
    server.add_handler(&echo)?;

    server.start()?;
    Ok(server)
}

/// Writes `response` and returns; the exchange ends when the system has taken the last byte.
fn send(exchange: Exchange, response: &Shared<Response>, is_verbose: bool) {
    let conn = exchange.conn();
    let what = is_verbose.then(|| {
        let request = exchange.request();
        format!("{} {} {}", request.method(), request.uri(), response.lock().status())
    });
    // Finishing an exchange consumes it, and a callback may run more than once in its life.
    let exchange = Mutex::new(Some(exchange));
    let aio = conn.runtime().aio(move |aio| {
        if let Some(what) = &what {
            println!("{what}: result {}", aio.result());
        }
        let Some(exchange) = exchange.lock().take() else { return };
        match aio.outcome() {
            Ok(()) => exchange.finish(),
            Err(error) => exchange.fail(error),
        }
    });
    nng_http_conn_write_res(&conn, response, &aio);
    // Dropping the aio would end the write; it shall go on alone.
    aio.detach();
}

/// Reads the command line; `None` if it asks for help.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut addr = None;
    let (mut is_verbose, mut threads) = (false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "-v" | "--verbose" => is_verbose = true,
            "--threads" => {
                let number = arguments.next().ok_or("--threads needs a number")?;
                let count = number.parse().ok().filter(|count| *count >= 3);
                let count = count.ok_or(format!("`{number}` is no number of threads above 2"))?;
                threads = Some(count);
            }
            option if option.starts_with('-') => return Err(format!("there is no `{option}`")),
            _ if addr.is_some() => return Err(format!("`{argument}` is one argument too many")),
            _ => addr = Some(argument),
        }
    }
    let addr = addr.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let port = addr.rsplit_once(':').and_then(|(_host, port)| port.parse::<u16>().ok());
    if port.is_none() || addr.contains(['/', '?', '#', '@']) {
        return Err(format!("`{addr}` is no host:port, such as 127.0.0.1:8080"));
    }
    Ok(Some(Options { addr, is_verbose, threads }))
}
