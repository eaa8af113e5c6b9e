//! Gives back what it receives, over TCP and Unix sockets, without a thread that waits.
//!
//! Each connection has one aio, whose callback is all there is of it:
//!
//! ```text
//!   Receiving --some bytes--> Sending --all of them taken--> Receiving ...
//!       |                        |
//!       +------------------------+-- an error, or the end of the stream: the callback starts
//!                                    nothing more, so the aio, its buffer and the stream go
//! ```

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::process::ExitCode;
use std::sync::Arc;

use nng_oxide::aio::net::{Family, Listener, Stream};
use nng_oxide::aio::sync::Mutex;
use nng_oxide::aio::{Aio, Error, Runtime};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

const HELP: &str = "\
Gives back what it receives.

Usage: echo [URL]

  URL         tcp://HOST:PORT, ipc://PATH or, on Linux, abstract://NAME;
              by default tcp://127.0.0.1:5555
  -h, --help  print this

Ctrl-C ends it.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let url = match &arguments[..] {
        [] => "tcp://127.0.0.1:5555",
        [help] if help == "-h" || help == "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [url] if url.contains("://") => url,
        [option, ..] if option.starts_with('-') => {
            eprintln!("echo: there is no `{option}`; --help says more");
            return ExitCode::from(2);
        }
        [text] => {
            eprintln!("echo: `{text}` is no URL, such as tcp://127.0.0.1:5555; --help says more");
            return ExitCode::from(2);
        }
        [_, argument, ..] => {
            eprintln!("echo: `{argument}` is one argument too many; --help says more");
            return ExitCode::from(2);
        }
    };
    match run(url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: cannot listen on {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until somebody presses Ctrl-C.
fn run(url: &str) -> Result<(), Error> {
    let mut signals = Signals::new([SIGINT])?;
    let listener = Arc::new(listen(url)?);
    println!("Listening on {}", listener.local_addr());
    let accepting = accept(&listener);

    // This thread has nothing to do: everything happens in callbacks.
    signals.forever().next();

    // Ends the accept that is under way, whose callback starts no other.
    listener.close();
    accepting.wait();
    Ok(())
}

fn listen(url: &str) -> Result<Listener, Error> {
    let listener = match url.split_once("://") {
        Some(("tcp", addr)) => {
            let (host, port) = addr.rsplit_once(':').ok_or(Error::AddressInvalid)?;
            Listener::tcp(host.trim_matches(['[', ']']), port, Family::Any)?
        }
        Some(("ipc", path)) => Listener::ipc(path)?,
        Some(("abstract", name)) => Listener::abstract_name(name.as_bytes())?,
        _ => return Err(Error::NotSupported),
    };
    listener.listen()?;
    Ok(listener)
}

/// Accepts connections, one after the other, until the listener closes.
fn accept(listener: &Arc<Listener>) -> Aio {
    let again = Arc::clone(listener);
    let aio = Aio::new(move |aio| {
        match aio.outcome() {
            Ok(()) => aio.take_output(0).map_or((), |stream| serve(&aio.runtime(), stream)),
            Err(Error::Closed) => return,
            // No descriptor is left, say. The connection goes on waiting.
            Err(error) => eprintln!("echo: {error}"),
        }
        again.accept(aio);
    });
    listener.accept(&aio);
    aio
}

/// What the operation of a connection is.
enum Step {
    Receiving,
    Sending,
}

/// The most that is received at a time; bytes.
const ROOM: usize = 16 << 10;

/// Gives back what a connection brings, until it ends.
fn serve(runtime: &Runtime, stream: Stream) {
    let first = stream.clone();
    let step = Mutex::new(Step::Receiving);
    let aio = runtime.aio(move |aio| {
        if aio.result() != 0 {
            return;
        }
        // The memory belongs to the operation while it lasts, and to us between two of them.
        let mut bytes = aio.take_buffer();
        let mut step = step.lock();
        match *step {
            Step::Receiving => bytes.truncate(aio.count()),
            // The system may have taken a part only.
            Step::Sending => drop(bytes.drain(..aio.count())),
        }
        *step = if bytes.is_empty() { Step::Receiving } else { Step::Sending };
        match *step {
            Step::Receiving => {
                bytes.resize(ROOM, 0);
                start(aio, bytes, |aio| stream.recv(aio));
            }
            Step::Sending => start(aio, bytes, |aio| stream.send(aio)),
        }
    });
    start(&aio, vec![0; ROOM], |aio| first.recv(aio));
    // The operations keep the aio alive, and nobody waits for it.
    aio.detach();
}

fn start(aio: &Aio, bytes: Vec<u8>, operation: impl FnOnce(&Aio)) {
    // It is refused only while an operation is under way, and none is.
    if aio.set_buffer(bytes).is_ok() {
        operation(aio);
    }
}
