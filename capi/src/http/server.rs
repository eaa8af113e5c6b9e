//! Servers.
//!
//! Who holds the server of a URL gets the same pointer as others who do. What is added to it is the
//! server's until it is taken out again or the last holder lets go.
//!
//! Lock: the table of servers. Nothing of C's is called while it is held.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use nng_aio::Error;
use nng_aio::sync::{Mutex, MutexGuard, PerProcess};
use nng_oxide::http::Server;

use super::handler::{self, nng_http_handler};
use super::nng_http_res;
use crate::address::nng_sockaddr;
use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take, uncount};
use crate::library::start;
use crate::text::Text;
use crate::tls::{fill_config, nng_tls_config};
use crate::url::{self, nng_url};

/// An HTTP server.
#[repr(C)]
pub struct nng_http_server {
    tag: Tag,
    server: Server,
}

object! {
    nng_http_server = b"serv";
}

/// A server that C knows. With it go its handlers.
struct Entry {
    /// The address of its object.
    place: usize,
    server: Server,
    holders: usize,
    handlers: Vec<Arc<nng_http_handler>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.handlers.iter().for_each(|handler| handler.let_go());
    }
}

/// In a child of a fork the parent's servers are not known: they are none there.
static ENTRIES: PerProcess<Mutex<Vec<Entry>>> = PerProcess::new(Mutex::new(Vec::new()));

fn entries() -> MutexGuard<'static, Vec<Entry>> {
    ENTRIES.get(|_| Mutex::default()).lock()
}

/// Lets go of all servers, at the end of the library.
pub(crate) fn forget_servers() {
    let all = std::mem::take(&mut *entries());
    drop(all);
}

export! {
    fn nng_http_server_hold(serverp: Out<'_, *mut nng_http_server>, url: Option<&nng_url>) -> c_int {
        start();
        let serverp = serverp?;
        // That may look a name up, so it is done before anybody has to wait for it.
        let held = url::read(url).and_then(|url| Server::hold(&url));
        let mut entries = entries();
        fill(serverp, held.map(|server| {
            let known = entries.iter_mut().find(|entry| entry.server == server);
            if let Some(entry) = known {
                entry.holders += 1;
                return std::ptr::with_exposed_provenance_mut(entry.place);
            }
            let object = give(nng_http_server { tag: Tag::of::<nng_http_server>(), server: server.clone() });
            let place = object.expose_provenance();
            entries.push(Entry { place, server, holders: 1, handlers: Vec::new() });
            object
        }))
    }

    fn nng_http_server_release(server: *mut nng_http_server) {
        let mut all = entries();
        let index = all.iter().position(|entry| entry.place == server.addr())?;
        all[index].holders -= 1;
        if all[index].holders > 0 {
            return Some(());
        }
        let entry = all.swap_remove(index);
        // Who holds the server of that URL at this very moment gets it without them.
        for handler in entry.handlers.iter().filter_map(|object| object.handler()) {
            // It is there.
            let _ = entry.server.del_handler(&handler);
        }
        drop(all);
        drop(take(server));
        drop(entry);
    }

    fn nng_http_server_start(server: Option<&nng_http_server>) -> c_int {
        code(live(server)?.server.start())
    }

    fn nng_http_server_stop(server: Option<&nng_http_server>) {
        // Who learns of it by the connections that end may release it before this returns.
        let server = live(server)?.server.clone();
        server.stop();
    }

    fn nng_http_server_add_handler(
        server: Option<&nng_http_server>,
        handler: *mut nng_http_handler,
    ) -> c_int {
        let server = live(server)?;
        // SAFETY: C hands over null or a handler of ours, which was not freed.
        let object = live(unsafe { handler.as_ref() })?;
        // A request may come at once, and its callback take the handler out again: it has to wait.
        let mut entries = entries();
        let place = std::ptr::from_ref(server).addr();
        let Some(entry) = entries.iter_mut().find(|entry| entry.place == place) else {
            return Some(Error::Closed.code());
        };
        let own = object.handler()?;
        let added = handler::check(object).and_then(|()| server.server.add_handler(&own));
        if added.is_ok() {
            object.is_added.store(true, SeqCst);
            // The count that C had.
            entry.handlers.push(uncount(handler)?);
        }
        code(added)
    }

    fn nng_http_server_del_handler(
        server: Option<&nng_http_server>,
        handler: Option<&nng_http_handler>,
    ) -> c_int {
        let (server, handler) = (live(server)?, live(handler)?);
        let mut entries = entries();
        let removed = server.server.del_handler(&handler.handler()?);
        if removed.is_ok() {
            let place = std::ptr::from_ref(server).addr();
            let entry = entries.iter_mut().find(|entry| entry.place == place);
            let count = entry.and_then(|entry| {
                let is_it = |other: &Arc<nng_http_handler>| std::ptr::eq(Arc::as_ptr(other), handler);
                let index = entry.handlers.iter().position(is_it);
                index.map(|index| entry.handlers.swap_remove(index))
            });
            handler.is_added.store(false, SeqCst);
            // It is C's again.
            count.map(Arc::into_raw);
        }
        code(removed)
    }

    fn nng_http_server_get_addr(server: Option<&nng_http_server>, place: Out<'_, nng_sockaddr>) -> c_int {
        let (server, place) = (live(server)?, place?);
        fill(place, Ok(nng_sockaddr::of(&server.server.addr())))
    }

    fn nng_http_server_set_tls(
        server: Option<&nng_http_server>,
        config: Option<&nng_tls_config>,
    ) -> c_int {
        let server = &live(server)?.server;
        // Without TLS there is nothing to set, whatever it is.
        match (server.tls(), live(config)) {
            (Err(error), _) => error.code(),
            (Ok(_), config) => code(server.set_tls(config?.config())),
        }
    }

    fn nng_http_server_get_tls(
        server: Option<&nng_http_server>,
        place: Out<'_, *mut nng_tls_config>,
    ) -> c_int {
        match live(server)?.server.tls() {
            Err(error) => error.code(),
            config => fill_config(place, config)?,
        }
    }

    fn nng_http_server_set_error_page(
        server: Option<&nng_http_server>,
        status: u16,
        html: Text,
    ) -> c_int {
        live(server)?.server.set_error_page(status, html.bytes()?);
        0
    }

    fn nng_http_server_set_error_file(
        server: Option<&nng_http_server>,
        status: u16,
        path: Text,
    ) -> c_int {
        code(live(server)?.server.set_error_file(status, path.path()?))
    }

    fn nng_http_server_res_error(
        server: Option<&nng_http_server>,
        res: Option<&nng_http_res>,
    ) -> c_int {
        let (server, res) = (live(server)?, live(res)?);
        server.server.res_error(&mut res.message.lock());
        0
    }
}
