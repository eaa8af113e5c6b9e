//! The life of a server: started and stopped by count, and ended with its last handle.
//!
//! ```text
//!   Idle --start--> Running(1) --start--> Running(2) ...
//!                       |      <--stop--
//!                       v
//!                    Stopped, for good          any --last handle gone--> the same
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use nng_aio::sync::Mutex;
use nng_aio::{Error, Operation, Runtime};

use super::config::ServerConfig;
use super::core::Core;
use super::endpoint::Endpoint;
use super::registry;

/// What all handles of a server share.
#[derive(Debug)]
pub(super) struct Owner {
    core: Arc<Core>,
    /// Where it is to listen.
    address: SocketAddr,
    life: Mutex<Life>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// It was never started, or starting has failed.
    Idle,
    /// It listens, until stopped as often as it was started.
    Running {
        starts: usize,
    },
    Stopped,
}

impl Owner {
    pub(super) fn new(runtime: &Runtime, endpoint: Endpoint, config: ServerConfig) -> Self {
        let Endpoint { address, is_secure } = endpoint;
        Self { core: Core::new(runtime, config, is_secure), address, life: Mutex::new(Life::Idle) }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Listens if it does not yet, and counts.
    ///
    /// # Errors
    /// What listening says, or `Crypto` if what was set for TLS cannot be used; it can be tried again. `State` once it has stopped; `Closed` once the
    /// runtime has ended.
    pub(super) fn start(&self) -> Result<(), Error> {
        let mut life = self.life.lock();
        match &mut *life {
            Life::Idle => {
                if let Ok(tls) = self.core.tls() {
                    tls.freeze()?;
                }
                let local = self.core.listener().listen(self.address)?;
                registry::set_port(self, local.port());
                *life = Life::Running { starts: 1 };
            }
            // It does not listen any more.
            Life::Running { .. } if self.core.runtime().is_closed() => return Err(Error::Closed),
            Life::Running { starts } => *starts = starts.saturating_add(1),
            Life::Stopped => return Err(Error::State),
        }
        drop(life);
        if let Ok(tls) = self.core.tls() {
            tls.remark();
        }
        Ok(())
    }

    /// Undoes one start. With the last one everything ends, without waiting for it.
    pub(super) fn stop(&self) {
        let mut life = self.life.lock();
        match &mut *life {
            // NNG breaks a server that is stopped before it was started.
            Life::Idle | Life::Stopped => return,
            Life::Running { starts: starts @ 2.. } => {
                *starts -= 1;
                return;
            }
            Life::Running { .. } => *life = Life::Stopped,
        }
        drop(life);
        registry::forget(self);
        self.core.close();
    }
}

impl Owner {
    /// Stops it however often it was started, and lets what is under way come to its end.
    pub(super) fn drain(&self, operation: Operation) {
        let mut life = self.life.lock();
        match *life {
            // It may serve connections that were made elsewhere.
            Life::Idle if self.core.stats().open == 0 && self.core.access().is_delivered() => {
                drop(life);
                return operation.finish(Ok(()));
            }
            Life::Idle | Life::Running { .. } | Life::Stopped => *life = Life::Stopped,
        }
        drop(life);
        registry::forget(self);
        self.core.begin_drain(operation);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        registry::forget(self);
        self.core.close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::own_address;
    use super::*;

    fn owner(port: u16) -> Owner {
        let address = (own_address(), port).into();
        let endpoint = Endpoint { address, is_secure: false };
        Owner::new(&Runtime::global(), endpoint, ServerConfig::default())
    }

    fn port(owner: &Owner) -> Option<u16> {
        owner.core().listener().local_addr().port()
    }

    fn listens(port: u16) -> bool {
        std::net::TcpStream::connect((own_address(), port)).is_ok()
    }

    #[test]
    fn a_server_ends_when_it_is_stopped_as_often_as_it_was_started() {
        let owner = owner(0);
        owner.start().unwrap();
        let port = port(&owner).unwrap();
        owner.start().unwrap();
        owner.stop();
        assert!(listens(port));
        owner.stop();
        assert!(!listens(port));
        owner.stop();
        assert_eq!(owner.start(), Err(Error::State));
    }

    #[test]
    fn a_stop_before_the_start_does_nothing() {
        let owner = owner(0);
        owner.stop();
        assert_eq!(port(&owner), None);
        owner.start().unwrap();
        assert!(port(&owner).is_some_and(listens));
    }

    #[test]
    fn a_start_that_failed_can_be_repeated_and_does_not_count() {
        let one = owner(0);
        one.start().unwrap();
        let port = port(&one).unwrap();
        let other = owner(port);
        assert_eq!(other.start(), Err(Error::AddressInUse));
        other.stop();
        drop(one);
        other.start().unwrap();
        other.stop();
        assert!(!listens(port));
    }

    #[test]
    fn the_end_of_the_last_handle_is_a_stop() {
        let owner = owner(0);
        owner.start().unwrap();
        let port = port(&owner).unwrap();
        drop(owner);
        assert!(!listens(port));
    }
}
