//! An operation of one's own: waiting for a parcel, with timeout, cancel and callback like any other.
//!
//! Whoever offers operations is a *provider*. A provider's duties are few, and each is one step here:
//!
//! ```text
//!   begin   accept the operation; if that is refused, there is none
//!   finish  if it can be done at once
//!   arm     else: name the function that ends it early, and keep it
//!   finish  when it is done, or when that function is called; whoever takes it out first
//! ```

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nng_oxide::aio::sync::Mutex;
use nng_oxide::aio::{Aio, Cancel, Error, Operation, OperationId};

const HELP: &str = "\
Leaves parcels and picks them up: at once, later, cancelled, and too late.

Usage: custom_operation [OPTION]

  -h, --help  print this
";

/// Where parcels are left and picked up, in order.
#[derive(Default)]
struct Counter {
    state: Mutex<State>,
}

/// One of the two is empty.
#[derive(Default)]
struct State {
    parcels: VecDeque<String>,
    waiting: VecDeque<Operation>,
}

impl Counter {
    /// Picks a parcel up: the aio's message, a `String`.
    ///
    /// Ends with `TimedOut`, or what the operation was aborted with, if none comes before.
    fn pick_up(self: &Arc<Self>, aio: &Aio) {
        // Begin. A refusal means that the aio was stopped: nothing happens, no callback runs.
        let Ok(mut operation) = aio.begin() else { return };
        let mut state = self.state.lock();
        if let Some(parcel) = state.parcels.pop_front() {
            drop(state);
            return hand_over(operation, parcel);
        }
        // Arm, under the lock of the queue it goes into: a cancel that comes at once then finds it
        // there. It is refused if the operation must not wait, or was cancelled before.
        match operation.arm(self) {
            Ok(()) => state.waiting.push_back(operation),
            Err(error) => {
                drop(state);
                operation.finish(Err(error));
            }
        }
    }

    /// Leaves a parcel for whoever waits longest, or comes first.
    fn leave(&self, parcel: String) {
        let mut state = self.state.lock();
        match state.waiting.pop_front() {
            Some(operation) => {
                drop(state);
                hand_over(operation, parcel);
            }
            None => state.parcels.push_back(parcel),
        }
    }
}

/// Finishes an operation. That consumes it, so it cannot happen twice; an operation that is
/// dropped instead ends as canceled.
fn hand_over(mut operation: Operation, parcel: String) {
    operation.set_message(Box::new(parcel));
    operation.finish(Ok(()));
}

impl Cancel for Counter {
    /// Somebody wants the operation to end: its holder, or the clock. It is in the queue, or it has
    /// been finished already, and then there is nothing to do.
    fn cancel(self: Arc<Self>, id: OperationId, error: Error) {
        let mut state = self.state.lock();
        let place = state.waiting.iter().position(|operation| operation.id() == id);
        let operation = place.and_then(|place| state.waiting.remove(place));
        drop(state);
        if let Some(operation) = operation {
            operation.finish(Err(error));
        }
    }
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => show(),
        Some("-h" | "--help") => print!("{HELP}"),
        Some(argument) => {
            eprintln!("custom_operation: there is no `{argument}`; --help says more");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Ends the operation in each of the ways there are.
fn show() {
    let counter = Arc::new(Counter::default());
    let aio = Aio::new(|aio| match aio.outcome() {
        Ok(()) => {
            let parcel = aio.take_message().and_then(|message| message.downcast::<String>().ok());
            println!("picked up: {}", parcel.as_deref().map_or("nothing", String::as_str));
        }
        Err(error) => println!("picked up nothing: {error} ({})", aio.result()),
    });

    counter.leave("a parcel that was there".to_owned());
    counter.pick_up(&aio);
    aio.wait();

    counter.pick_up(&aio);
    counter.leave("a parcel that came later".to_owned());
    aio.wait();

    counter.pick_up(&aio);
    aio.cancel();
    aio.wait();

    aio.set_timeout(Duration::from_millis(10));
    counter.pick_up(&aio);
    aio.wait();
}
