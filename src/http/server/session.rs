//! A connection of the server.

use std::sync::Arc;

use nng_aio::Error;
use nng_aio::net::Socket;

use super::core::Core;

/// One connection and the exchanges on it.
#[derive(Debug)]
pub(super) struct Session;

impl Session {
    pub(super) fn begin(core: &Arc<Core>, socket: Socket) -> Result<(), Error> {
        let id = core.session_began(Arc::new(Self))?;
        socket.close();
        core.session_ended(id);
        Ok(())
    }

    pub(super) fn stop(&self) {}
}
