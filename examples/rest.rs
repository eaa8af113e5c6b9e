//! A small service that keeps notes, in JSON, with errors in JSON.
//!
//! ```text
//!   GET    /notes       all of them
//!   POST   /notes       {"text": "..."}  keeps a new one; 201 and where it is
//!   GET    /notes/7     one
//!   PUT    /notes/7     {"text": "..."}  changes it
//!   DELETE /notes/7     forgets it
//! ```
//!
//! One handler has the tree below `/notes`, for every method. What goes wrong is a value of
//! [`Problem`], which knows its status; the client gets an object. Beside
//! the tree it gets the pages of the server.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use nng_oxide::aio::sync::Mutex;
use nng_oxide::http::{Exchange, Handler, Request, Response, Server, ServerConfig};
use nng_oxide::{Error, Runtime, Url};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const HELP: &str = "\
A service that keeps notes, in JSON.

Usage: rest [OPTIONS] [ADDR]

  ADDR        host:port to listen on, by default 127.0.0.1:8080; port 0 lets the system choose
  -h, --help  print this

GET, POST               /notes
GET, PUT, DELETE        /notes/NUMBER

A note is {\"text\": \"...\"}, of 4096 bytes at most.

Ctrl-C ends it; what is under way has five seconds.
";

/// How long responses that are under way may take after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most notes that are kept, and the most bytes of one as it is sent.
const MAX_NOTES: usize = 10_000;
const MAX_NOTE: usize = 4096;

/// What clients send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    text: String,
}

/// What clients get.
#[derive(Clone, Serialize)]
struct Note {
    id: u64,
    text: String,
}

/// What can be wrong with a request.
enum Problem {
    NotJson(serde_json::Error),
    NoSuchNote,
    NoSuchPath,
    WrongMethod(&'static str),
    TooLong,
    TooMany,
}

/// All notes.
#[derive(Default)]
struct Notes {
    by_id: BTreeMap<u64, Note>,
    last_id: u64,
}

impl Problem {
    fn response(&self) -> Response {
        let (status, what) = match self {
            Self::NotJson(error) => (400, format!("the body is no note: {error}")),
            Self::NoSuchNote => (404, "there is no such note".to_owned()),
            Self::NoSuchPath => (404, "there is nothing here".to_owned()),
            Self::WrongMethod(allow) => (405, format!("here one can {allow}")),
            Self::TooLong => (413, format!("a note has {MAX_NOTE} bytes at most")),
            Self::TooMany => (503, format!("there are {MAX_NOTES} notes already")),
        };
        let mut response = answer(status, &json!({ "error": what }));
        if let Self::WrongMethod(allow) = self {
            set(&mut response, "Allow", allow);
        }
        response
    }
}

impl Notes {
    /// Answers a request for a path below `/notes`.
    fn serve(&mut self, request: &Request) -> Result<Response, Problem> {
        let path = request.uri().split('?').next().unwrap_or_default();
        let rest = path.strip_prefix("/notes").ok_or(Problem::NoSuchPath)?.trim_matches('/');
        if rest.is_empty() {
            return match request.method() {
                "GET" | "HEAD" => Ok(answer(200, &self.by_id.values().collect::<Vec<_>>())),
                "POST" => self.add(draft(request)?),
                _ => Err(Problem::WrongMethod("GET, HEAD, POST")),
            };
        }
        let id = rest.parse().map_err(|_not_a_number| Problem::NoSuchPath)?;
        let note = self.by_id.get_mut(&id).ok_or(Problem::NoSuchNote)?;
        match request.method() {
            "GET" | "HEAD" => Ok(answer(200, note)),
            "PUT" => {
                note.text = draft(request)?.text;
                Ok(answer(200, note))
            }
            "DELETE" => {
                self.by_id.remove(&id);
                let mut response = Response::new();
                response.set_status(204);
                Ok(response)
            }
            _ => Err(Problem::WrongMethod("GET, HEAD, PUT, DELETE")),
        }
    }

    fn add(&mut self, draft: Draft) -> Result<Response, Problem> {
        if self.by_id.len() >= MAX_NOTES {
            return Err(Problem::TooMany);
        }
        self.last_id += 1;
        let note = Note { id: self.last_id, text: draft.text };
        let mut response = answer(201, &note);
        set(&mut response, "Location", &format!("/notes/{}", note.id));
        self.by_id.insert(note.id, note);
        Ok(response)
    }
}

fn draft(request: &Request) -> Result<Draft, Problem> {
    if request.body().len() > MAX_NOTE {
        return Err(Problem::TooLong);
    }
    serde_json::from_slice(request.body()).map_err(Problem::NotJson)
}

fn answer(status: u16, value: &impl Serialize) -> Response {
    let mut response = Response::new();
    response.set_status(status);
    set(&mut response, "Content-Type", "application/json");
    // Maps with keys of other types could not be written; there are none here.
    response.set_body(serde_json::to_vec(value).unwrap_or_default());
    response
}

fn set(response: &mut Response, name: &str, value: &str) {
    // What is set here has no line ends.
    let _ = response.headers_mut().set(name, value);
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let addr = match (arguments.next().as_deref(), arguments.next()) {
        (Some("-h" | "--help"), _) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        (Some(option), _) if option.starts_with('-') => {
            eprintln!("rest: there is no `{option}`; --help says more");
            return ExitCode::from(2);
        }
        (_, Some(argument)) => {
            eprintln!("rest: `{argument}` is one argument too many; --help says more");
            return ExitCode::from(2);
        }
        (addr, None) => addr.unwrap_or("127.0.0.1:8080").to_owned(),
    };
    if !is_addr(&addr) {
        eprintln!("rest: `{addr}` is no host:port, such as 127.0.0.1:8080; --help says more");
        return ExitCode::from(2);
    }
    match serve(&addr) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("rest: {complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether a text is host:port.
fn is_addr(text: &str) -> bool {
    let port = text.rsplit_once(':').and_then(|(_host, port)| port.parse::<u16>().ok());
    port.is_some() && !text.contains(['/', '?', '#', '@'])
}

/// Runs until somebody presses Ctrl-C.
fn serve(addr: &str) -> Result<(), String> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| format!("cannot watch signals: {error}"))?;
    let runtime = Runtime::builder().name("rest").build();
    let runtime = runtime.map_err(|error| format!("cannot begin a runtime: {error}"))?;
    let server =
        start(&runtime, addr).map_err(|error| format!("cannot listen on {addr}: {error}"))?;
    let addr = server.addr();
    println!("Serving on http://{addr}, try: curl -d '{{\"text\":\"hi\"}}' http://{addr}/notes");

    signals.forever().next();

    let ended = runtime.aio_without_callback();
    ended.set_timeout(PATIENCE);
    server.drain(&ended);
    ended.wait();
    drop(server);
    runtime.shutdown();
    Ok(())
}

fn start(runtime: &Runtime, addr: &str) -> Result<Server, Error> {
    let url = Url::parse(&format!("http://{addr}"))?;
    let mut config = ServerConfig::default();
    config.answers_413 = true;
    let server = Server::on(runtime, &url, config)?;
    let notes = Mutex::new(Notes::default());
    let handler = Handler::function("/notes", move |exchange: Exchange| {
        let served = notes.lock().serve(&exchange.request());
        exchange.respond(served.unwrap_or_else(|problem| problem.response()));
    });
    handler.set_method(None)?;
    handler.set_tree()?;
    // Beyond a note of its own limit, so that the answer to one that is too long is in JSON, too. What is
    // much too long is the server's to answer, before it has all come.
    handler.collect_body(true, 16 * MAX_NOTE);
    server.add_handler(&handler)?;
    server.start()?;
    Ok(server)
}
