//! A connection and the response that it waits for.

use std::io::ErrorKind;

use nng_oxide_benches::Result;

use super::meter::Meter;
use super::wire::Wire;

/// One connection, with at most one request in flight.
pub struct Line<W> {
    pub wire: W,
    meter: Meter,
}

impl<W: Wire> Line<W> {
    /// A connection with no request in flight.
    pub fn new(wire: W) -> Self {
        Self { wire, meter: Meter::new() }
    }

    /// Reads what has come; true if the response ends with it.
    pub fn receive(&mut self, room: &mut [u8]) -> Result<bool> {
        loop {
            match self.wire.receive(room) {
                Ok(0) => return Err("the server has closed a connection".into()),
                Ok(len) if self.meter.feed(&room[..len])? => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
