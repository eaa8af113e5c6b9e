//! What a change of a connection leaves to be done when its lock is gone.

use std::time::Instant;

use nng_aio::log::{self, Level};
use nng_aio::{Error, Operation};

use super::Sink;
use super::read::{Destination, Read};

/// What is left to do when the lock is gone.
#[derive(Default)]
pub(super) struct Effects {
    /// Operations that have ended; the first apart since there is hardly ever another.
    first: Option<Ended>,
    more: Vec<Ended>,
    /// Set the timer to this.
    pub(super) timer: Option<Instant>,
    /// Come back soon: there was more to do than one go allows.
    pub(super) again: bool,
    /// Something to be said to people.
    pub(super) remark: Option<String>,
}

/// An operation that has ended.
struct Ended {
    operation: Operation,
    result: Result<(), Error>,
    count: usize,
    /// A message that goes back to the caller first.
    to: Option<Destination>,
}

impl Effects {
    fn end(&mut self, ended: Ended) {
        if self.first.is_none() {
            self.first = Some(ended);
        } else {
            self.more.push(ended);
        }
    }

    pub(super) fn end_read(&mut self, read: Read, result: Result<(), Error>) {
        let (count, to) = (read.count, read.to);
        if let Sink::Aio(operation) = read.sink {
            self.end(Ended { operation, result, count, to });
        }
    }

    pub(super) fn end_write(&mut self, sink: Sink, result: Result<(), Error>, count: usize) {
        if let Sink::Aio(operation) = sink {
            self.end(Ended { operation, result, count, to: None });
        }
    }

    /// Finishes the operations that have ended, in order.
    pub(super) fn finish(&mut self) {
        if let Some(remark) = self.remark.take() {
            log::record_later(Level::Warn, "NNG-TLS", remark);
        }
        if self.first.is_none() {
            return;
        }
        for ended in self.first.take().into_iter().chain(self.more.drain(..)) {
            if let Some(to) = ended.to {
                to.deliver();
            }
            match ended.result {
                Ok(()) => ended.operation.finish_with_count(ended.count),
                Err(error) => ended.operation.fail_with_count(error, ended.count),
            }
        }
    }
}
