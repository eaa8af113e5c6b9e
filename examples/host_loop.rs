//! A program with a loop of its own, in which the library lives without any thread.
//!
//! The program waits with poll(2) for two descriptors: its standard input, and the runtime's. Each
//! line typed is what the page at `/` says from then on.
//!
//! ```text
//!        +--> poll(stdin, runtime; next_timeout) --+--> runtime.turn(0): callbacks run right here
//!        |                                         +--> a line: the new text
//!        +-----------------------------------------------------------------+
//! ```

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nng_oxide::aio::sync::Mutex;
use nng_oxide::http::{Handler, Response, Server, ServerConfig};
use nng_oxide::{Error, Runtime, Url};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const HELP: &str = "\
Serves the line of text that was typed last.

Usage: host_loop [ADDR]

  ADDR        host:port to listen on, by default 127.0.0.1:0, where the system chooses the port
  -h, --help  print this

The end of the input, Ctrl-D, ends it.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let addr = match &arguments[..] {
        [] => "127.0.0.1:0",
        [help] if help == "-h" || help == "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [option, ..] if option.starts_with('-') => {
            eprintln!("host_loop: there is no `{option}`; --help says more");
            return ExitCode::from(2);
        }
        [addr] if is_addr(addr) => addr,
        [addr] => {
            eprintln!(
                "host_loop: `{addr}` is no host:port, such as 127.0.0.1:8080; --help says more"
            );
            return ExitCode::from(2);
        }
        [_, argument, ..] => {
            eprintln!("host_loop: `{argument}` is one argument too many; --help says more");
            return ExitCode::from(2);
        }
    };
    match run(addr) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host_loop: cannot serve on {addr}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether a text is host:port.
fn is_addr(text: &str) -> bool {
    let port = text.rsplit_once(':').and_then(|(_host, port)| port.parse::<u16>().ok());
    port.is_some() && !text.contains(['/', '?', '#', '@'])
}

/// The loop.
fn run(addr: &str) -> Result<(), Error> {
    let runtime = Runtime::builder().host_driven().build()?;
    let text = Arc::new(Mutex::new("nothing yet\n".to_owned()));
    let server = serve(&runtime, addr, &text)?;
    println!("Serving on http://{addr}, try: curl http://{addr}/", addr = server.addr());

    // Without a buffer of std's, which could hold a line that poll knows nothing of.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut typed = Vec::new();
    loop {
        // Returns when one of the two has something, or a deadline of the runtime's has come.
        let timeout = runtime.next_timeout().and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut watched =
            [PollFd::new(&runtime, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
        poll(&mut watched, timeout.as_ref()).map_err(io::Error::from)?;
        let has_input = !watched[1].revents().is_empty();

        // Does what is due, and does not wait: that was poll's part.
        runtime.turn(Duration::ZERO)?;

        if has_input {
            let mut room = [0; 1024];
            let count = input.read(&mut room)?;
            if count == 0 {
                break;
            }
            typed.extend_from_slice(&room[..count]);
            if let Some(line) = take_last_line(&mut typed) {
                *text.lock() = line;
            }
        }
    }
    server.stop();
    // Makes the turns that are left, until every callback has run.
    runtime.shutdown();
    Ok(())
}

fn serve(runtime: &Runtime, addr: &str, text: &Arc<Mutex<String>>) -> Result<Server, Error> {
    let url = Url::parse(&format!("http://{addr}"))?;
    let server = Server::on(runtime, &url, ServerConfig::default())?;
    let text = Arc::clone(text);
    server.add_handler(&Handler::function("/", move |exchange| {
        let mut response = Response::new();
        response.set_body(text.lock().clone().into_bytes());
        exchange.respond(response);
    }))?;
    server.start()?;
    Ok(server)
}

/// Takes the complete lines out, and returns the last one with its line feed.
fn take_last_line(typed: &mut Vec<u8>) -> Option<String> {
    let end = typed.iter().rposition(|byte| *byte == b'\n')? + 1;
    let lines: Vec<u8> = typed.drain(..end).collect();
    let line = lines.split_inclusive(|byte| *byte == b'\n').next_back()?;
    Some(String::from_utf8_lossy(line).into_owned())
}
