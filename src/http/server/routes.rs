//! Which handler gets a request.
//!
//! Handlers are registered in a list under a lock; requests are matched in an immutable table that
//! is made of the list when it is first wanted after a change. Each session keeps the table
//! it used last, and one load of an atomic tells whether it is still the newest. Tables do not keep
//! handlers alive: one that was removed goes when its last exchange ends, however long sessions
//! idle.
//!
//! Handlers are asked in this order, and the first one gets the request: longer paths before shorter
//! ones; of a path, those with a host before those without; among them those with a method before
//! those without; then the order of registration. One lookup finds the handlers of the very path, and
//! one for each length that paths of trees have, whatever a client sends.
//!
//! # Source
//! nng 1.12, nng_http_server_add_handler(3http); RFC 9110 sections 9.1 and 15.5.6.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use nng_aio::Error;
use nng_aio::sync::Mutex;

use super::handler::{Criteria, Handler, Inner, Reach, ServerId};
use super::path;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) method: &'a str,
    /// Path and query as they came, in origin form.
    pub(super) path: &'a str,
    /// The authority of the target, else what `Host` says; with or without a port.
    pub(super) host: Option<&'a [u8]>,
}

/// Who gets a request.
#[derive(Debug)]
pub(super) enum Lookup {
    Found(Handler),
    /// There are handlers for the path, but for other methods.
    WrongMethod {
        /// Their methods, as `Allow` lists them.
        allow: String,
    },
    NotFound,
    /// The path holds an escaped NUL; the answer is 400.
    Malformed,
}

/// The handlers of a server.
#[derive(Debug)]
pub(super) struct Routes {
    server: ServerId,
    list: Mutex<List>,
    /// Changes with the list, under its lock.
    version: AtomicU64,
}

#[derive(Debug)]
struct List {
    /// In the order of registration.
    entries: Vec<Entry>,
    /// Of these entries, if it has been wanted.
    table: Option<Arc<Table>>,
}

#[derive(Debug)]
struct Entry {
    handler: Handler,
    path: Box<[u8]>,
    criteria: Criteria,
}

/// The table as a session keeps it.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    version: u64,
    table: Arc<Table>,
}

#[derive(Debug)]
struct Table {
    /// By paths without a slash at their end.
    paths: HashMap<Box<[u8]>, Vec<Candidate>>,
    /// The lengths of the paths of trees, each once, the longest first.
    trees: Vec<usize>,
}

#[derive(Debug)]
struct Candidate {
    criteria: Criteria,
    handler: Weak<Inner>,
}

impl Routes {
    pub(super) fn new(server: ServerId) -> Self {
        let list = Mutex::new(List { entries: Vec::new(), table: None });
        Self { server, list, version: AtomicU64::new(0) }
    }

    /// Registers a handler; it gets every request that is matched from now on.
    ///
    /// # Errors
    /// `Invalid` if its path is neither empty nor begins with a slash; `AddressInUse` if a handler
    /// for the same path, host and method is there, or one of the same host and method that is or
    /// holds an exclusive tree; `Busy` if it is registered with another server.
    pub(super) fn add(&self, handler: &Handler) -> Result<(), Error> {
        let path = path::of_handler(handler.path())?;
        let mut list = self.list.lock();
        let criteria = handler.register(self.server, |criteria| {
            let conflicts =
                |entry: &Entry| are_in_conflict((&entry.path, &entry.criteria), (path, criteria));
            if list.entries.iter().any(conflicts) { Err(Error::AddressInUse) } else { Ok(()) }
        })?;
        list.entries.push(Entry { handler: handler.clone(), path: path.into(), criteria });
        self.changed(&mut list);
        Ok(())
    }

    /// Removes a handler. Exchanges that it has been given go on.
    ///
    /// # Errors
    /// `NotFound` if it is not registered here.
    pub(super) fn remove(&self, handler: &Handler) -> Result<(), Error> {
        let mut list = self.list.lock();
        let is_it = |entry: &Entry| Arc::ptr_eq(&entry.handler.inner, &handler.inner);
        let place = list.entries.iter().position(is_it).ok_or(Error::NotFound)?;
        // The caller's handle keeps it alive, so no user code runs here.
        list.entries.remove(place).handler.unregister();
        self.changed(&mut list);
        Ok(())
    }

    fn changed(&self, list: &mut List) {
        list.table = None;
        // Release is for whoever learns of the version without the lock; it then takes the lock.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Frees all handlers and returns them, to be dropped where user code may run.
    pub(super) fn take_all(&self) -> Vec<Handler> {
        let mut list = self.list.lock();
        self.changed(&mut list);
        let entries = std::mem::take(&mut list.entries);
        entries.into_iter().map(|entry| entry.handler).inspect(Handler::unregister).collect()
    }

    /// The newest table.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut list = self.list.lock();
        let List { entries, table } = &mut *list;
        let table = Arc::clone(table.get_or_insert_with(|| Arc::new(Table::new(entries))));
        Snapshot { version: self.version.load(Ordering::Relaxed), table }
    }

    /// Replaces a table that is no longer the newest.
    pub(super) fn refresh(&self, snapshot: &mut Snapshot) {
        if self.version.load(Ordering::Acquire) != snapshot.version {
            *snapshot = self.snapshot();
        }
    }
}

impl Snapshot {
    /// Finds the handler for a request, which is not `CONNECT`: that names no path.
    pub(super) fn find(&self, target: &Target<'_>) -> Lookup {
        match path::canonical(target.path) {
            Ok(path) => self.table.find(&path, target.method, target.host),
            Err(path::NulInPath) => Lookup::Malformed,
        }
    }
}

impl Table {
    fn new(entries: &[Entry]) -> Self {
        let mut paths = HashMap::<_, Vec<Candidate>>::with_capacity(entries.len());
        for Entry { handler, path, criteria } in entries {
            let handler = Arc::downgrade(&handler.inner);
            let candidates = paths.entry(path.clone()).or_default();
            candidates.push(Candidate { criteria: criteria.clone(), handler });
        }
        for candidates in paths.values_mut() {
            candidates.sort_by_key(|candidate| {
                let Criteria { method, host, reach: _ } = &candidate.criteria;
                (host.is_none(), method.is_none())
            });
        }
        let is_tree = |entry: &&Entry| entry.criteria.reach != Reach::Exact;
        let lengths: BTreeSet<_> = entries.iter().filter(is_tree).map(|it| it.path.len()).collect();
        Self { paths, trees: lengths.into_iter().rev().collect() }
    }

    fn find(&self, path: &[u8], method: &str, host: Option<&[u8]>) -> Lookup {
        let here = || self.candidates(path).filter(|candidate| candidate.serves_host(host));
        let first = |method: &str| {
            here().filter(|candidate| candidate.serves_method(method)).find_map(Candidate::handler)
        };
        let found = first(method).or_else(|| if method == HEAD { first(GET) } else { None });
        match found {
            Some(handler) => Lookup::Found(handler),
            None => allowed(here()).map_or(Lookup::NotFound, |allow| Lookup::WrongMethod { allow }),
        }
    }

    /// Returns the handlers for a path, in the order in which they are asked.
    fn candidates<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = &'a Candidate> {
        let key = path::key(path);
        let own = self.paths.get(key).into_iter().flatten();
        let above = self.trees.iter().filter_map(move |&len| {
            let is_above = len < key.len() && path[len] == b'/';
            if is_above { self.paths.get(&path[..len]) } else { None }
        });
        own.chain(above.flatten().filter(|candidate| candidate.criteria.reach != Reach::Exact))
    }
}

/// Returns whether two handlers, each given by path and criteria, cannot be there together.
fn are_in_conflict(one: (&[u8], &Criteria), other: (&[u8], &Criteria)) -> bool {
    if one.1.host != other.1.host || one.1.method != other.1.method {
        return false;
    }
    let (upper, lower) = if one.0.len() <= other.0.len() { (one, other) } else { (other, one) };
    let is_below = || lower.0.strip_prefix(upper.0).is_some_and(|rest| rest.starts_with(b"/"));
    let is_exclusive = [one, other].iter().any(|it| it.1.reach == Reach::ExclusiveTree);
    upper.0 == lower.0 || (is_exclusive && upper.1.reach != Reach::Exact && is_below())
}

impl Candidate {
    fn serves_host(&self, host: Option<&[u8]>) -> bool {
        let own = self.criteria.host.as_ref();
        own.is_none_or(|own| {
            host.and_then(|host| str::from_utf8(host).ok()).is_some_and(|host| own.serves(host))
        })
    }

    fn serves_method(&self, method: &str) -> bool {
        self.criteria.method.as_deref().is_none_or(|own| own == method)
    }

    /// The handler, unless it was removed and has gone since the table was made.
    fn handler(&self) -> Option<Handler> {
        self.handler.upgrade().map(|inner| Handler { inner })
    }
}

/// Lists the methods of handlers as `Allow` does; `None` if there are none.
fn allowed<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Option<String> {
    let mut methods = Vec::new();
    for method in candidates.filter_map(|candidate| candidate.criteria.method.as_deref()) {
        let implied = (method == GET).then_some(HEAD);
        for method in [method].into_iter().chain(implied) {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
    }
    (!methods.is_empty()).then(|| methods.join(", "))
}

const GET: &str = "GET";
const HEAD: &str = "HEAD";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A handler for a path, method and host; empty ones are any.
    fn handler(path: &str, method: &str, host: &str) -> Handler {
        let handler = Handler::function(path, |_exchange| {});
        handler.set_method(method).unwrap();
        handler.set_host(host).unwrap();
        handler
    }

    fn routes(handlers: &[&Handler]) -> Routes {
        let routes = Routes::new(ServerId::unique());
        for handler in handlers {
            routes.add(handler).unwrap();
        }
        routes
    }

    fn find(routes: &Routes, method: &str, path: &str, host: Option<&str>) -> Lookup {
        routes.snapshot().find(&Target { method, path, host: host.map(str::as_bytes) })
    }

    /// Who gets the request: the number of a handler, or what else is answered.
    fn who(handlers: &[&Handler], method: &str, path: &str, host: Option<&str>) -> String {
        let routes = routes(handlers);
        let answer = match find(&routes, method, path, host) {
            Lookup::Found(found) => {
                let is_it = |handler: &&Handler| Arc::ptr_eq(&handler.inner, &found.inner);
                handlers.iter().position(is_it).expect("it is one of them").to_string()
            }
            Lookup::WrongMethod { allow } => format!("405 {allow}"),
            Lookup::NotFound => "404".to_owned(),
            Lookup::Malformed => "400".to_owned(),
        };
        drop(routes.take_all());
        answer
    }

    #[test]
    fn paths_match_as_a_whole() {
        let handlers =
            [&handler("", "GET", ""), &handler("/a", "GET", ""), &handler("/b/", "", "")];
        let table = [
            ("/", "0"),
            ("?x", "0"),
            ("", "0"),
            ("//", "404"),
            ("/a", "1"),
            ("/a/", "1"),
            ("/a//", "404"),
            ("/a/b", "404"),
            ("/A", "404"),
            ("/ab", "404"),
            ("/%61?b=/c", "1"),
            ("/%2561", "404"),
            ("/a%2F", "1"),
            ("/./a", "404"),
            ("/b", "2"),
            ("/b/", "2"),
            ("/a%00", "400"),
            ("*", "404"),
        ];
        for (path, expected) in table {
            assert_eq!(who(&handlers, "GET", path, None), expected, "{path}");
        }
    }

    /// A tree for a path, method and host.
    fn tree(path: &str, method: &str, host: &str) -> Handler {
        let handler = handler(path, method, host);
        handler.set_tree().unwrap();
        handler
    }

    #[test]
    fn a_tree_has_everything_below_its_path() {
        let handlers = [&tree("/t", "GET", ""), &tree("/s/", "", ""), &handler("/a", "", "")];
        let table = [
            ("/t", "0"),
            ("/t/", "0"),
            ("/t//", "0"),
            ("/t/x", "0"),
            ("/t/x/y/../..", "0"),
            ("/t%2Fx", "0"),
            ("/%74/x?/y", "0"),
            ("/tx", "404"),
            ("/T/x", "404"),
            ("/t?/x", "0"),
            ("/s", "1"),
            ("/s/x", "1"),
            ("/s//x", "1"),
            ("/sx", "404"),
            ("/a", "2"),
            ("/a//", "404"),
            ("/a/x", "404"),
            ("/", "404"),
            ("/t/%00", "400"),
        ];
        for (path, expected) in table {
            assert_eq!(who(&handlers, "GET", path, None), expected, "{path}");
        }
    }

    #[test]
    fn a_tree_at_the_root_has_everything() {
        for root in ["", "/", "//"] {
            let handlers = [&tree(root, "GET", "")];
            for path in ["/", "", "?x", "//", "/a", "/a/b", "///a"] {
                assert_eq!(who(&handlers, "GET", path, None), "0", "{root} {path}");
            }
            assert_eq!(who(&handlers, "OPTIONS", "*", None), "404");
        }
    }

    #[test]
    fn deeper_paths_come_first_whatever_the_order_of_registration() {
        let deep = tree("/a/b", "GET", "");
        let handlers =
            [&tree("/", "GET", ""), &deep, &tree("/a", "GET", ""), &handler("/a/b/c", "GET", "")];
        for (path, expected) in [
            ("/x", "0"),
            ("/a", "2"),
            ("/a/x", "2"),
            ("/a/b", "1"),
            ("/a/b/x", "1"),
            ("/a/b/c", "3"),
        ] {
            assert_eq!(who(&handlers, "GET", path, None), expected, "{path}");
        }
        assert_eq!(who(&handlers, "GET", "/a/b/c/d", None), "1", "that one is no tree");
    }

    #[test]
    fn a_deeper_handler_of_another_method_or_host_hides_no_tree() {
        let handlers = [
            &handler("/a/b", "POST", ""),
            &tree("/a", "GET", ""),
            &tree("/a/b", "GET", "c.d"),
            &tree("/", "", ""),
        ];
        assert_eq!(who(&handlers, "GET", "/a/b", None), "1");
        assert_eq!(who(&handlers, "POST", "/a/b", None), "0");
        assert_eq!(who(&handlers, "PUT", "/a/b", None), "3");
        assert_eq!(who(&handlers, "GET", "/a/b/x", Some("c.d")), "2");
        assert_eq!(who(&handlers[..3], "PUT", "/a/b", None), "405 POST, GET, HEAD");
    }

    #[test]
    fn head_goes_to_the_deepest_handler_of_get() {
        let handlers = [&tree("/t", "GET", ""), &handler("/t/deep", "GET", "")];
        assert_eq!(who(&handlers, "HEAD", "/t/deep", None), "1");
        assert_eq!(who(&handlers, "HEAD", "/t/other", None), "0");
        // Those that say that they are for HEAD come first, as in NNG.
        let handlers = [&tree("/", "", ""), &handler("/t", "GET", "")];
        assert_eq!(who(&handlers, "HEAD", "/t", None), "0");
    }

    #[test]
    fn the_cost_of_a_lookup_does_not_grow_with_the_slashes_of_its_path() {
        let routes = routes(&[&tree("/a", "", ""), &tree("/b", "", ""), &tree("/", "", "")]);
        assert_eq!(routes.snapshot().table.trees, [2, 0], "these lengths are looked at");
    }

    #[test]
    fn exclusive_trees_share_their_paths_with_nobody() {
        let free = handler;
        let exclusive = |path: &str, method: &str, host: &str| {
            let handler = handler(path, method, host);
            handler.set_tree_exclusive().unwrap();
            handler
        };
        let table = [
            (exclusive("/c", "GET", ""), free("/c/d", "GET", ""), true),
            (exclusive("/c", "GET", ""), free("/c", "GET", ""), true),
            (exclusive("/c/", "GET", ""), tree("/c/d/e", "GET", ""), true),
            (exclusive("/c", "GET", ""), exclusive("/c/d", "GET", ""), true),
            (exclusive("/", "GET", ""), free("/x", "GET", ""), true),
            (exclusive("/c/d", "GET", ""), tree("/c", "GET", ""), true),
            (exclusive("/c/d", "GET", ""), free("/c", "GET", ""), false),
            (exclusive("/c", "GET", ""), free("/cd", "GET", ""), false),
            (exclusive("/c", "GET", ""), free("/C/d", "GET", ""), false),
            (exclusive("/c", "GET", ""), free("/c/d", "POST", ""), false),
            (exclusive("/c", "GET", ""), free("/c/d", "", ""), false),
            (exclusive("/c", "GET", ""), free("/c/d", "GET", "h"), false),
            (exclusive("/c", "GET", "h"), free("/c/d", "GET", "H:80"), true),
            (tree("/c", "GET", ""), free("/c/d", "GET", ""), false),
            (tree("/c", "GET", ""), tree("/c/d", "GET", ""), false),
            (tree("/c", "GET", ""), free("/c/", "GET", ""), true),
        ];
        for (number, (one, other, conflicts)) in table.iter().enumerate() {
            for (first, second) in [(one, other), (other, one)] {
                let routes = routes(&[first]);
                let added = routes.add(second);
                let expected = if *conflicts { Err(Error::AddressInUse) } else { Ok(()) };
                assert_eq!(added, expected, "{number}: {first:?} {second:?}");
                drop(routes.take_all());
            }
        }
    }

    #[test]
    fn the_last_reach_that_was_set_counts() {
        let handler = handler("/c", "GET", "");
        handler.set_tree_exclusive().unwrap();
        handler.set_tree().unwrap();
        assert_eq!(routes(&[&handler]).add(&tree("/c/d", "GET", "")), Ok(()));
    }

    #[test]
    fn a_specific_method_comes_before_any_and_a_specific_host_before_both() {
        let any = handler("/", "", "");
        let get = handler("/", "GET", "");
        let host = handler("/", "", "a.b");
        let both = handler("/", "GET", "a.b");
        let handlers = [&any, &get, &host, &both];
        let table = [
            ("GET", Some("a.b:80"), "3"),
            ("PUT", Some("A.B."), "2"),
            ("GET", Some("c.d"), "1"),
            ("PUT", Some("c.d"), "0"),
            ("GET", None, "1"),
            ("PUT", None, "0"),
            ("GET", Some(""), "1"),
        ];
        for (method, name, expected) in table {
            assert_eq!(who(&handlers, method, "/", name), expected, "{method} {name:?}");
        }
    }

    #[test]
    fn methods_are_exact_in_case() {
        let handlers = [&handler("/", "GET", "")];
        assert_eq!(who(&handlers, "get", "/", None), "405 GET, HEAD");
        assert_eq!(who(&[&handler("/", "get", "")], "get", "/", None), "0");
    }

    #[test]
    fn head_is_served_by_its_own_handler_or_any_or_that_of_get() {
        let (get, head, any) =
            (handler("/", "GET", ""), handler("/", "HEAD", ""), handler("/", "", ""));
        assert_eq!(who(&[&get], "HEAD", "/", None), "0");
        assert_eq!(who(&[&get, &head], "HEAD", "/", None), "1");
        assert_eq!(who(&[&get, &any], "HEAD", "/", None), "1");
        assert_eq!(who(&[&get, &any], "GET", "/", None), "0");
        assert_eq!(who(&[&handler("/", "PUT", "")], "HEAD", "/", None), "405 PUT");
        let here = handler("/", "GET", "a.b");
        assert_eq!(who(&[&get, &here], "HEAD", "/", Some("a.b")), "1", "the one that GET has");
    }

    #[test]
    fn allow_lists_every_method_once_and_head_with_get() {
        let handlers = [
            &handler("/", "POST", ""),
            &handler("/", "GET", ""),
            &handler("/", "POST", "a.b"),
            &handler("/", "PATCH", "c.d"),
        ];
        assert_eq!(who(&handlers, "PUT", "/", Some("a.b")), "405 POST, GET, HEAD");
        assert_eq!(who(&handlers, "PUT", "/", Some("c.d")), "405 PATCH, POST, GET, HEAD");
        assert_eq!(who(&handlers, "PUT", "/x", Some("a.b")), "404");
        let handlers = [&handler("/", "HEAD", ""), &handler("/", "GET", "")];
        assert_eq!(who(&handlers, "PUT", "/", None), "405 HEAD, GET");
    }

    #[test]
    fn a_path_of_another_host_is_not_found() {
        let handlers = [&handler("/", "GET", "a.b"), &handler("/", "GET", "1.2.3.4")];
        assert_eq!(who(&handlers, "PUT", "/", Some("c.d")), "404");
        assert_eq!(who(&handlers, "GET", "/", None), "404");
        assert_eq!(who(&handlers, "GET", "/", Some("1.2.3.4:80")), "1");
    }

    #[test]
    fn conflicts_are_equal_path_host_and_method() {
        // Each against a handler of `/c`, `GET` and the host `a.b`.
        let table = [
            ("/c", "GET", "a.b", true),
            ("/c/", "GET", "A.B:80", true),
            ("/c", "GET", "", false),
            ("/c", "GET", "c.d", false),
            ("/c", "get", "a.b", false),
            ("/c", "", "a.b", false),
            ("/c/d", "GET", "a.b", false),
            ("/C", "GET", "a.b", false),
        ];
        for (path, method, host, conflicts) in table {
            let routes = routes(&[&handler("/c", "GET", "a.b")]);
            let added = routes.add(&handler(path, method, host));
            let expected = if conflicts { Err(Error::AddressInUse) } else { Ok(()) };
            assert_eq!(added, expected, "{path} {method} {host}");
        }
        let any = routes(&[&handler("/c", "", "")]);
        assert_eq!(any.add(&handler("/c", "", "*")), Err(Error::AddressInUse));
    }

    #[test]
    fn a_handler_is_added_once_and_can_move_on() {
        let handler = handler("/", "GET", "");
        let (one, other) = (routes(&[&handler]), routes(&[]));
        assert_eq!(one.add(&handler), Err(Error::AddressInUse));
        assert_eq!(other.add(&handler), Err(Error::Busy));
        assert_eq!(other.remove(&handler), Err(Error::NotFound));
        assert_eq!(one.remove(&handler), Ok(()));
        assert_eq!(one.remove(&handler), Err(Error::NotFound));
        assert_eq!(handler.set_method("PUT"), Ok(()));
        assert_eq!(other.add(&handler), Ok(()));
    }

    #[test]
    fn a_relative_path_is_invalid() {
        let handler = handler("x", "GET", "");
        assert_eq!(routes(&[]).add(&handler), Err(Error::Invalid));
        assert_eq!(handler.set_method("PUT"), Ok(()), "it is still free");
    }

    #[test]
    fn a_table_is_refreshed_when_the_list_has_changed() {
        let routes = routes(&[]);
        let mut snapshot = routes.snapshot();
        let table = Arc::clone(&snapshot.table);
        routes.refresh(&mut snapshot);
        assert!(Arc::ptr_eq(&snapshot.table, &table), "nothing has changed");
        let handler = handler("/", "GET", "");
        routes.add(&handler).unwrap();
        let target = Target { method: "GET", path: "/", host: None };
        assert!(matches!(snapshot.find(&target), Lookup::NotFound));
        routes.refresh(&mut snapshot);
        assert!(matches!(snapshot.find(&target), Lookup::Found(_)));
        routes.remove(&handler).unwrap();
        routes.refresh(&mut snapshot);
        assert!(matches!(snapshot.find(&target), Lookup::NotFound));
    }

    #[test]
    fn an_old_table_does_not_keep_a_removed_handler() {
        let data = Arc::new(());
        let handler = handler("/", "GET", "");
        handler.set_data(Some(data.clone())).unwrap();
        let routes = routes(&[&handler]);
        let snapshot = routes.snapshot();
        routes.remove(&handler).unwrap();
        assert_eq!(Arc::strong_count(&data), 2);
        drop(handler);
        assert_eq!(Arc::strong_count(&data), 1, "the handler has gone");
        let target = Target { method: "GET", path: "/", host: None };
        assert!(!matches!(snapshot.find(&target), Lookup::Found(_)));
    }

    /// The rules once more, as a scan of the list: the number of the handler that gets a request.
    fn obvious(handlers: &[Handler], method: &str, path: &str, host: &str) -> Option<usize> {
        let criteria = |handler: &Handler| handler.register(ServerId::unique(), |_| Ok(()));
        let all: Vec<_> = handlers.iter().map(|it| (it, criteria(it).unwrap())).collect();
        let mut order: Vec<_> = (0..all.len()).collect();
        order.sort_by_key(|&number| {
            let (handler, Criteria { method, host, .. }) = &all[number];
            let len = handler.path().trim_end_matches('/').len();
            (usize::MAX - len, host.is_none(), method.is_none())
        });
        let is_for = |number: usize, method: &str| {
            let (handler, rules) = &all[number];
            let rest = path.strip_prefix(handler.path().trim_end_matches('/'));
            let is_path = match rest {
                Some("" | "/") => true,
                Some(rest) => rest.starts_with('/') && rules.reach != Reach::Exact,
                None => false,
            };
            let is_host = rules.host.as_ref().is_none_or(|own| own.serves(host));
            is_path && is_host && rules.method.as_deref().is_none_or(|own| own == method)
        };
        let find = |method: &str| order.iter().copied().find(|&number| is_for(number, method));
        find(method).or_else(|| if method == HEAD { find(GET) } else { None })
    }

    proptest! {
        #[test]
        fn the_table_finds_what_a_scan_finds(
            rules in prop::collection::vec(
                ("(/[ab]?){0,3}", 0..3, "(GET|HEAD|PUT)?", "(h|g)?"),
                0..12,
            ),
            requests in prop::collection::vec(("(GET|HEAD|PUT|DELETE)", "(/[ab]?){1,4}", "[ghi]"), 1..12),
        ) {
            let all = Routes::new(ServerId::unique());
            let handlers: Vec<_> = rules
                .iter()
                .map(|(path, reach, method, host)| {
                    let handler = handler(path, method, host);
                    match reach {
                        0 => {}
                        1 => handler.set_tree().unwrap(),
                        _ => handler.set_tree_exclusive().unwrap(),
                    }
                    handler
                })
                .filter(|handler| all.add(handler).is_ok())
                .collect();
            let table = all.snapshot();
            let free = all.take_all();
            for (method, path, host) in &requests {
                let target = Target { method, path, host: Some(host.as_bytes()) };
                let found = match table.find(&target) {
                    Lookup::Found(found) => {
                        handlers.iter().position(|it| Arc::ptr_eq(&it.inner, &found.inner))
                    }
                    Lookup::WrongMethod { .. } | Lookup::NotFound | Lookup::Malformed => None,
                };
                prop_assert_eq!(found, obvious(&handlers, method, path, host));
                handlers.iter().for_each(Handler::unregister);
            }
            drop(free);
        }
    }
}
