//! async_echo: gives back what it receives, over byte streams, without a thread that waits.
//!
//! The twin of async_echo.c, function by function.
//!
//! The callback of one aio accepts connections. Each connection has an aio of its own, whose callback
//! is all there is of it:
//!
//! ```text
//!     RECEIVING --some bytes--> SENDING --all of them taken--> RECEIVING ...
//!         |                        |
//!         +------------------------+-- an error, or the end of the stream: the connection goes
//! ```
//!
//! Operations are started, and streams closed, with the mutex held: no callback runs on the stack of
//! the call that starts its operation, and nothing is started on a stream that is closed already.
//!
//! Ctrl-C or the end of input ends the program, once all connections are gone.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::collections::HashMap;
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
Gives back what it receives.

Usage: async_echo URL

  URL         tcp://HOST:PORT, where port 0 lets the system choose, or ipc://PATH
  -h, --help  print this

Ctrl-C or the end of input ends it.
";

const ROOM: usize = 16 * 1024;
const PAUSE: nng_duration = 100; // ms

/// What the list of connections has of each. The bytes belong to the aio, and the aio to itself.
struct Connection {
    stream: nng_stream,
    step: Step,
}

enum Step {
    Receiving,
    Sending,
}

struct Server {
    listener: nng_stream_listener,
    guarded: Mutex<Guarded>,
    /// Woken when the last connection goes.
    none: Condvar,
}

/// What the mutex guards: to touch it is to hold the mutex.
#[derive(Default)]
struct Guarded {
    /// The operation of the aio that accepts is a sleep.
    pausing: bool,
    closing: bool,
    /// By how many had been accepted before.
    connections: HashMap<u64, Connection>,
    accepted: u64,
    sent: u64,
}

/// Starts the next operation of a connection, with the bytes that are still to be sent.
fn connection_step(c: &mut Connection, aio: &nng_aio, mut bytes: Vec<u8>) {
    c.step = if bytes.is_empty() { Step::Receiving } else { Step::Sending };
    if let Step::Receiving = c.step {
        bytes.resize(ROOM, 0);
    }
    nng_aio_set_iov(aio, vec![bytes.into()]); // it takes 8
    match c.step {
        Step::Sending => nng_stream_send(&c.stream, aio),
        Step::Receiving => nng_stream_recv(&c.stream, aio),
    }
}

/// The callback of a connection.
fn connection_advance(aio: &nng_aio, (server, number): &(Arc<Server>, u64)) {
    let count = nng_aio_count(aio);
    let mut bytes = aio.take_buffer();

    let mut guard = server.guarded.lock();
    let guarded = &mut *guard;
    let Some(c) = guarded.connections.get_mut(number) else { return };
    if let Step::Sending = c.step {
        guarded.sent += count as u64;
    }
    if nng_aio_result(aio) == 0 && !guarded.closing {
        match c.step {
            Step::Receiving => bytes.truncate(count),
            Step::Sending => drop(bytes.drain(..count)), // the system may have taken a part only
        }
        connection_step(c, aio, bytes);
        return;
    }
    nng_stream_free(guarded.connections.remove(number).map(|c| c.stream));
    if guarded.connections.is_empty() {
        server.none.notify_all();
    }
} // the aio goes, too: nothing was started that would keep it

/// Takes a stream over; with the mutex held.
fn connection_open(server: &Arc<Server>, guarded: &mut Guarded, stream: nng_stream) {
    let number = guarded.accepted;
    let mut aio = None;

    if !guarded.closing {
        nng_aio_alloc(&mut aio, Some(connection_advance), (Arc::clone(server), number));
    }
    let Some(aio) = aio else { return nng_stream_free(stream) };
    let c = Connection { stream, step: Step::Receiving };
    let c = guarded.connections.entry(number).or_insert(c);
    guarded.accepted += 1;
    connection_step(c, &aio, Vec::new());
    aio.detach(); // it goes after the callback that starts nothing, where C reaps it
}

/// The callback of the aio that accepts.
fn accepted(accept_aio: &nng_aio, server: &Arc<Server>) {
    let rv = nng_aio_result(accept_aio);

    let mut guarded = server.guarded.lock();
    if rv == 0
        && !guarded.pausing
        && let Some(stream) = nng_aio_get_output(accept_aio, 0)
    {
        connection_open(server, &mut guarded, stream);
    }
    if !guarded.closing && rv != NNG_ECLOSED {
        guarded.pausing = rv != 0; // no descriptor is left, say: that may change
        if guarded.pausing {
            eprintln!("async_echo: cannot accept: {}", nng_strerror(rv));
            nng_sleep_aio(PAUSE, accept_aio);
        } else {
            nng_stream_listener_accept(&server.listener, accept_aio);
        }
    }
}

fn print_addr(server: &Server) -> Result<(), i32> {
    let mut addr = nng_sockaddr::Unspecified;

    ok(nng_stream_listener_get_addr(&server.listener, NNG_OPT_LOCADDR, &mut addr))?;
    let text = nng_str_sockaddr(&addr);
    match addr {
        nng_sockaddr::Inet(_) | nng_sockaddr::Inet6(_) => println!("listening on tcp://{text}"),
        nng_sockaddr::Ipc(_) => println!("listening on ipc://{text}"),
        _ => return Err(NNG_EADDRINVAL),
    }
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

fn shut_down(server: &Server, accept_aio: &nng_aio) {
    server.guarded.lock().closing = true;
    nng_stream_listener_close(&server.listener);
    nng_aio_stop(accept_aio); // its callback has run and will not run again

    let mut guarded = server.guarded.lock();
    for c in guarded.connections.values() {
        nng_stream_close(&c.stream); // which ends its operation
    }
    while !guarded.connections.is_empty() {
        guarded = server.none.wait(guarded);
    }
}

fn serve(url: &str, signals: &PipeReader) -> Result<(), i32> {
    let (mut listener, mut accept_aio) = (None, None);

    let rv = nng_stream_listener_alloc(&mut listener, url);
    let Some(listener) = listener else { return Err(rv) };
    let server = Server { listener, guarded: Mutex::default(), none: Condvar::new() };
    let server = Arc::new(server);
    let rv = nng_aio_alloc(&mut accept_aio, Some(accepted), Arc::clone(&server));
    let Some(accept_aio) = accept_aio else { return Err(rv) };
    ok(nng_stream_listener_listen(&server.listener))?;
    print_addr(&server)?;
    nng_stream_listener_accept(&server.listener, &accept_aio);
    wait_for_end(signals);
    shut_down(&server, &accept_aio);
    let guarded = server.guarded.lock();
    println!("{} connections, {} bytes", guarded.accepted, guarded.sent);
    Ok(())
} // the aio goes here, and with the last of its holders the server

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args().collect();

    if argv.get(1).is_some_and(|option| option == "-h" || option == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let (2, Some(url)) = (argv.len(), argv.get(1).filter(|url| url.contains("://"))) else {
        eprintln!("async_echo: one URL is wanted, such as tcp://127.0.0.1:5555; --help says more");
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
            eprintln!("async_echo: cannot catch signals: {error}");
            return ExitCode::FAILURE;
        }
    };

    let rv = serve(url, &signals);
    if let Err(rv) = rv {
        eprintln!("async_echo: cannot listen on {url}: {}", nng_strerror(rv));
    }
    nng_fini();
    if rv.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What C writes as `if (rv != 0) return rv;` is `ok(rv)?`.
fn ok(rv: i32) -> Result<(), i32> {
    if rv == 0 { Ok(()) } else { Err(rv) }
}
