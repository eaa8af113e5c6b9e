//! An HTTP server for the files in a directory.
//!
//! ```text
//!   GET /a/b.txt   the file a/b.txt, or a part of it, if the client has not got it already
//!   GET /a/        a/index.html, else a list of what is in a, if the program was told so
//!   anything else  nothing: no path and no link leads out of the directory
//! ```
//!
//! One handler does all of that. It makes no call to the file system on a thread of the runtime, and a
//! client that reads slowly holds up nobody.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::process::ExitCode;
use std::time::Duration;

use nng_oxide::http::{DirectoryOptions, Handler, Server, ServerConfig};
use nng_oxide::tls::{self, Mode};
use nng_oxide::{Error, Runtime, Url};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const HELP: &str = "\
An HTTP server for the files in a directory.

Usage: file_server [OPTIONS] [DIRECTORY]

  DIRECTORY      what to serve, by default the current directory
  --listen ADDR  host:port to listen on, by default 127.0.0.1:8080; port 0 lets the system choose
  --tls FILE     speak TLS, with the certificate and the key in FILE (PEM)
  --listing      answer directories without an index.html with a list of what is in them
  -h, --help     print this

Ctrl-C ends it; transfers under way have five seconds.
";

/// How long transfers that are under way may take after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the command line asks for.
struct Options {
    directory: String,
    addr: String,
    is_listed: bool,
    tls: Option<String>,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("file_server: {complaint}; --help says more");
            return ExitCode::from(2);
        }
    };
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("file_server: {complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until somebody presses Ctrl-C.
fn serve(options: &Options) -> Result<(), String> {
    if !std::path::Path::new(&options.directory).is_dir() {
        return Err(format!("`{}` is no directory", options.directory));
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| format!("cannot watch signals: {error}"))?;
    let runtime = Runtime::builder().name("files").build();
    let runtime = runtime.map_err(|error| format!("cannot begin a runtime: {error}"))?;
    let tls = options.tls.as_deref().map(identity).transpose()?;
    let server = start(&runtime, options, tls.as_ref())
        .map_err(|error| format!("cannot listen on {}: {error}", options.addr))?;
    let (directory, addr) = (&options.directory, server.addr());
    let scheme = scheme(options);
    println!("Serving {directory} on {scheme}://{addr}/, files by their names{}", listed(options));

    signals.forever().next();

    // Takes no more connections, and lets transfers that are under way come to their end.
    let ended = runtime.aio_without_callback();
    ended.set_timeout(PATIENCE);
    server.drain(&ended);
    ended.wait();
    let requests = server.stats().requests;
    drop(server);
    runtime.shutdown();
    println!("Served {requests} request{}.", if requests == 1 { "" } else { "s" });
    Ok(())
}

fn listed(options: &Options) -> &'static str {
    if options.is_listed { " and lists of them" } else { "; --listing shows which there are" }
}

fn scheme(options: &Options) -> &'static str {
    if options.tls.is_some() { "https" } else { "http" }
}

/// Says who the server is.
fn identity(path: &str) -> Result<tls::Config, String> {
    let config = tls::Config::new(Mode::Server);
    let added = config.add_cert_key_file(path, None);
    added.map_err(|error| format!("cannot use {path}: {error}"))?;
    Ok(config)
}

/// Makes a server with its one handler, and lets it listen.
fn start(runtime: &Runtime, options: &Options, tls: Option<&tls::Config>) -> Result<Server, Error> {
    let url = Url::parse(&format!("{}://{}", scheme(options), options.addr))?;
    let server = Server::on(runtime, &url, ServerConfig::default())?;
    if let Some(tls) = tls {
        server.set_tls(tls)?;
    }
    let mut directory = DirectoryOptions::default();
    directory.is_listed = options.is_listed;
    server.add_handler(&Handler::directory_with("/", &options.directory, directory))?;
    server.start()?;
    Ok(server)
}

/// Reads the command line; `None` if it asks for help.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let (mut directory, mut addr, mut is_listed) = (None, "127.0.0.1:8080".to_owned(), false);
    let mut tls = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "--listing" => is_listed = true,
            "--tls" => tls = Some(arguments.next().ok_or("--tls needs a file")?),
            "--listen" => addr = arguments.next().ok_or("--listen needs an address")?,
            option if option.starts_with('-') => return Err(format!("there is no `{option}`")),
            _ if directory.is_some() => {
                return Err(format!("`{argument}` is one argument too many"));
            }
            _ => directory = Some(argument),
        }
    }
    let port = addr.rsplit_once(':').and_then(|(_host, port)| port.parse::<u16>().ok());
    if port.is_none() || addr.contains(['/', '?', '#', '@']) {
        return Err(format!("`{addr}` is no host:port, such as 127.0.0.1:8080"));
    }
    let directory = directory.unwrap_or_else(|| ".".to_owned());
    Ok(Some(Options { directory, addr, is_listed, tls }))
}
