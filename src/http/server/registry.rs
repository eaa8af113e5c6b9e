//! The servers of the process that are shared by all who hold them by an equal URL.

use std::sync::{Arc, Weak};

use nng_aio::sync::{Mutex, PerProcess};
use nng_aio::{Error, Runtime};

use super::endpoint::Key;
use super::owner::Owner;

/// In the order in which they were first held.
static SERVERS: PerProcess<Mutex<Vec<Entry>>> = PerProcess::new(Mutex::new(Vec::new()));

/// The servers of this process. A child cannot use its parent's and has none at first.
fn servers() -> &'static Mutex<Vec<Entry>> {
    SERVERS.get(|_| Mutex::default())
}

struct Entry {
    key: Key,
    owner: Weak<Owner>,
    /// That of the server. It is asked without the owner, whose end must not come under the lock.
    runtime: Runtime,
}

/// Returns the server of that key, or makes and registers one.
///
/// # Errors
/// What `make` says.
///
/// # Context
/// `make` runs without a lock and may block.
pub(super) fn hold(
    key: Key,
    make: impl FnOnce() -> Result<Owner, Error>,
) -> Result<Arc<Owner>, Error> {
    let found = find(&servers().lock(), &key);
    if let Some(owner) = found {
        return Ok(owner);
    }
    let made = Arc::new(make()?);
    let mut servers = servers().lock();
    // Another thread may have been faster; then what was made goes behind the lock.
    if let Some(owner) = find(&servers, &key) {
        return Ok(owner);
    }
    let (owner, runtime) = (Arc::downgrade(&made), made.core().runtime().clone());
    servers.push(Entry { key, owner, runtime });
    Ok(made)
}

/// Servers that are going away, and those of a runtime that has ended, are not found.
fn find(servers: &[Entry], key: &Key) -> Option<Arc<Owner>> {
    let mut equal = servers.iter().filter(|entry| entry.key == *key && !entry.runtime.is_closed());
    equal.find_map(|entry| entry.owner.upgrade())
}

/// Tells the port that the system has chosen for a server.
pub(super) fn set_port(owner: &Owner, port: u16) {
    let mut servers = servers().lock();
    if let Some(entry) = servers.iter_mut().find(|entry| entry.is_of(owner)) {
        entry.key.set_port(port);
    }
}

/// Sees to it that nobody finds the server any more.
pub(super) fn forget(owner: &Owner) {
    servers().lock().retain(|entry| !entry.is_of(owner));
}

impl Entry {
    fn is_of(&self, owner: &Owner) -> bool {
        std::ptr::eq(self.owner.as_ptr(), owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Url;
    use crate::http::{Handler, Server, ServerConfig};

    fn held(text: &str) -> Server {
        Server::hold(&Url::parse(text).unwrap()).unwrap()
    }

    /// Tells servers apart by what they do with a handler that one of them has.
    fn is_same(one: &Server, other: &Server) -> bool {
        let handler = Handler::function("/probe", |_exchange| {});
        one.add_handler(&handler).unwrap();
        let added = other.add_handler(&handler);
        one.del_handler(&handler).unwrap();
        match added {
            Err(Error::AddressInUse) => true,
            Err(Error::Busy) => false,
            other => panic!("{other:?}"),
        }
    }

    // Each test has a host of its own, as tests may share the process.

    #[test]
    fn equal_urls_share_a_server() {
        let server = held("http://127.1.0.1:8080/a");
        let table = [
            ("http://127.1.0.1:8080/b?c", true),
            ("ws://127.1.0.1:8080", true),
            ("http4://127.1.0.1:8080", false),
            ("http://127.1.0.1:8081", false),
            ("http://127.1.1:8080", false),
        ];
        for (url, same) in table {
            assert_eq!(is_same(&server, &held(url)), same, "{url}");
        }
    }

    #[test]
    fn port_zero_is_shared_until_the_system_has_chosen() {
        let server = held("http://127.1.0.2:0");
        assert!(is_same(&server, &held("http://127.1.0.2:0")));
        server.start().unwrap();
        let port = server.addr().port().unwrap();
        assert!(!is_same(&server, &held("http://127.1.0.2:0")));
        assert!(is_same(&server, &held(&format!("http://127.1.0.2:{port}"))));
    }

    #[test]
    fn a_stopped_server_is_not_found_any_more() {
        let server = held("http://127.1.0.3:0");
        let other_handle = server.clone();
        server.stop();
        assert!(is_same(&server, &held("http://127.1.0.3:0")), "it was never started");
        server.start().unwrap();
        let url = format!("http://127.1.0.3:{}", server.addr().port().unwrap());
        other_handle.stop();
        let new = held(&url);
        assert!(!is_same(&server, &new));
        new.start().unwrap();
        assert_eq!(server.start(), Err(Error::State));
    }

    #[test]
    fn a_server_that_nobody_holds_is_not_found_any_more() {
        let handler = Handler::function("/", |_exchange| {});
        held("http://127.1.0.4:8080").add_handler(&handler).unwrap();
        assert!(held("http://127.1.0.4:8080").del_handler(&handler).is_err());
    }

    #[test]
    fn servers_with_a_configuration_are_not_shared() {
        let url = Url::parse("http://127.1.0.5:8080").unwrap();
        let own = || Server::with_config(&url, ServerConfig::default()).unwrap();
        let server = own();
        assert!(!is_same(&server, &own()));
        assert!(!is_same(&server, &held("http://127.1.0.5:8080")));
    }

    #[test]
    fn a_server_that_cannot_be_made_is_not_registered() {
        let url = Url::parse("http://127.1.0.6:8080").unwrap();
        let key = || Key::new(&url).unwrap();
        assert_eq!(hold(key(), || Err(Error::NoMemory)).err(), Some(Error::NoMemory));
        assert!(find(&servers().lock(), &key()).is_none());
    }
}
