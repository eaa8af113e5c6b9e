//! What an agent shares with its fetches: connections that wait, and the fetches under way.
//!
//! Its lock is taken under a fetch's, and nothing is taken under it but the timer's.

use std::sync::{Arc, OnceLock};

use nng_aio::net::Resolver;
use nng_aio::sync::Mutex;
use nng_aio::{Error, Expire, Runtime, Timer, clock};
use slab::Slab;

use super::config::AgentConfig;
use super::connector::Connector;
use super::fetch::Fetch;
use super::idle::Idle;
use super::origin::Origin;
use crate::http::conn::{Conn, Settings};
use crate::tls::Config;

/// An agent, without its handle.
pub(super) struct Core {
    runtime: Runtime,
    max_redirects: u32,
    settings: Arc<Settings>,
    /// For the first connection that has waited long enough; made when one waits.
    timer: OnceLock<Timer>,
    state: Mutex<State>,
}

struct State {
    is_closed: bool,
    /// `None` asks the system.
    resolver: Option<Resolver>,
    /// `None` trusts nobody.
    tls: Option<Config>,
    idle: Idle<Conn>,
    fetches: Slab<Arc<Fetch>>,
}

impl Core {
    pub(super) fn new(runtime: &Runtime, config: &AgentConfig) -> Arc<Self> {
        let idle = Idle::new(config.max_idle, config.max_idle_per_host, config.idle_timeout);
        Arc::new(Self {
            runtime: runtime.unowned(),
            max_redirects: config.max_redirects,
            settings: Arc::new(config.connection()),
            timer: OnceLock::new(),
            state: Mutex::new(State {
                is_closed: false,
                resolver: None,
                tls: None,
                idle,
                fetches: Slab::new(),
            }),
        })
    }

    /// Finds hosts by `resolver` from now on.
    pub(super) fn set_resolver(&self, resolver: &Resolver) {
        let old = self.state.lock().resolver.replace(resolver.clone());
        drop(old);
    }

    /// Speaks TLS by `config` from now on; what was trusted before is not used again.
    pub(super) fn set_tls(&self, config: &Config) {
        let mut state = self.state.lock();
        let old = (state.tls.replace(config.clone()), state.idle.take_all());
        drop(state);
        drop(old);
    }

    pub(super) const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(super) const fn max_redirects(&self) -> u32 {
        self.max_redirects
    }

    /// Makes what makes a connection.
    pub(super) fn connector(&self, origin: &Origin) -> Result<Connector, Error> {
        let connector = Connector::new(origin, Arc::clone(&self.settings))?.on(&self.runtime);
        let state = self.state.lock();
        let (resolver, tls) = (state.resolver.clone(), state.tls.clone());
        drop(state);
        if let (Some(config), true) = (&tls, origin.is_secure()) {
            connector.set_tls(config)?;
        }
        Ok(match &resolver {
            Some(resolver) => connector.with_resolver(resolver),
            None => connector,
        })
    }

    /// Enters a new fetch among those under way.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Arc<Fetch>, Error> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Error::Closed);
        }
        let entry = state.fetches.vacant_entry();
        let fetch = Fetch::member(Arc::clone(self), entry.key());
        entry.insert(Arc::clone(&fetch));
        Ok(fetch)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Forgets a fetch that has ended.
    pub(super) fn dismiss(&self, place: usize) {
        let mut state = self.state.lock();
        // After a close they are forgotten already.
        let fetch = if state.is_closed { None } else { state.fetches.try_remove(place) };
        drop(state);
        drop(fetch);
    }

    /// Takes a connection that waits.
    pub(super) fn take_idle(&self, origin: &Origin) -> Option<Conn> {
        loop {
            let conn = self.state.lock().idle.take(origin)?;
            // One that was found broken meanwhile is of no use.
            if conn.is_idle() {
                conn.distrust();
                return Some(conn);
            }
        }
    }

    /// Lets a connection wait.
    pub(super) fn put_idle(self: &Arc<Self>, origin: Origin, conn: Conn) {
        let mut state = self.state.lock();
        let surplus =
            if state.is_closed { Some(conn) } else { state.idle.put(origin, conn, clock::now()) };
        self.set_timer(&state);
        drop(state);
        drop(surplus);
    }

    /// How many connections wait.
    pub(super) fn idle_count(&self) -> usize {
        self.state.lock().idle.len()
    }

    /// Ends everything.
    pub(super) fn close(&self) {
        // The parent's locks may be held for ever.
        if self.runtime.is_forked() {
            return;
        }
        let mut state = self.state.lock();
        state.is_closed = true;
        let (conns, fetches) = (state.idle.take_all(), std::mem::take(&mut state.fetches));
        drop(state);
        drop(conns);
        for (_, fetch) in fetches {
            fetch.end(Err(Error::Closed));
        }
    }

    fn set_timer(self: &Arc<Self>, state: &State) {
        let Some(at) = state.idle.first_end() else { return };
        let timer = self.timer.get_or_init(|| {
            let target: Arc<dyn Expire> = self.clone();
            self.runtime.timer(Arc::downgrade(&target))
        });
        timer.set(at);
    }
}

impl Expire for Core {
    fn expired(self: Arc<Self>) {
        let mut state = self.state.lock();
        let expired = state.idle.take_expired(clock::now());
        self.set_timer(&state);
        drop(state);
        drop(expired);
    }
}
