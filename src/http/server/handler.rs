//! Handlers: what answers a request, and the rules by which requests are given to it.
//!
//! A handler is free, or registered with one server at a time. The rules can be changed while it is
//! free; registering takes a copy of them, so that dispatch never locks a handler.

use std::any::{Any, TypeId};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use nng_aio::sync::Mutex;
use nng_aio::{Aio, Buffer, Error};

use super::config::ServerConfig;
use super::exchange::Exchange;
use super::files::{DirectoryOptions, Files};
use super::host::Host;
use super::redirect::Redirect;
use crate::http::codec::grammar::{is_field_value, is_token};
use crate::http::{Body, Response};

/// What answers requests for one path. Clones are the same handler.
///
/// A new one answers `GET`, and with it `HEAD`, to any host, for its path alone. A trailing slash of its path means
/// nothing, and `""` and `"/"` are the root. [`Server::add_handler`](super::Server::add_handler)
/// puts it to work.
///
/// ```
/// use nng_oxide::http::Handler;
///
/// let handler = Handler::fixed("/robots.txt", "User-agent: *\n", Some("text/plain"))?;
/// handler.set_host(Some("example.com"))?;
/// # Ok::<(), nng_oxide::Error>(())
/// ```
/// # Source
/// nng 1.12, nng_http_handler_alloc(3http).
#[derive(Clone)]
pub struct Handler {
    pub(super) inner: Arc<Inner>,
}

/// A handler as its clones and routing tables share it.
pub(super) struct Inner {
    path: Box<str>,
    kind: Kind,
    /// The kind of function, as a number.
    key: usize,
    /// Which bodies are collected before the handler is called; see [`Collect`].
    collect: AtomicUsize,
    rules: Mutex<Rules>,
}

/// How a handler answers.
pub(super) enum Kind {
    /// A function that is given the exchange.
    Function(Box<dyn Fn(Exchange) + Send + Sync>),
    /// A function that is given an operation to finish.
    Aio(Box<dyn Fn(&Aio) + Send + Sync>),
    /// The same response always.
    Fixed(Box<Response>),
}

/// What may be changed while the handler is free.
struct Rules {
    /// `None` for any.
    method: Option<Box<str>>,
    /// `None` for any.
    host: Option<Host>,
    reach: Reach,
    data: Option<Arc<dyn Any + Send + Sync>>,
    /// The server with which it is registered.
    server: Option<ServerId>,
}

/// Tells the servers of the process apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ServerId(u64);

impl ServerId {
    /// One that no other server has or had.
    pub(super) fn unique() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Relaxed))
    }
}

/// What a registered handler is looked up by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Criteria {
    /// `None` for any.
    pub(super) method: Option<Box<str>>,
    /// `None` for any.
    pub(super) host: Option<Host>,
    pub(super) reach: Reach,
}

/// Which paths a handler is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// Its own.
    Exact,
    /// Its own and everything below.
    Tree,
    /// As a tree, and no other handler for the same method and host may be below.
    ExclusiveTree,
}

/// Which bodies are collected, in one word, so that it can be changed at any time.
struct Collect;

impl Collect {
    /// Up to the server's own limit.
    const DEFAULT: usize = 0;
    /// None: the handler reads them itself.
    const OFF: usize = 1;
    /// This and the limit; the two largest ones are no limit.
    const LIMITED: usize = 2;
}

impl Handler {
    /// A handler that calls `function` with each exchange, which may be answered later.
    ///
    /// # Context
    /// `function` runs on a runtime thread with no lock held, and may do anything.
    pub fn function<F>(path: &str, function: F) -> Self
    where
        F: Fn(Exchange) + Send + Sync + 'static,
    {
        Self::new(path, Kind::Function(Box::new(function)), key_of::<F>())
    }

    /// A handler that calls `function` with an aio, as NNG does, for programs that are ported.
    ///
    /// The operation has begun and is [parked](Aio::park): `function` takes it out and finishes it,
    /// now or later. Inputs 0 to 2 are the request (`Shared<Request>`), the handler (`Handler`) and
    /// the connection (`Conn`). Output 0 is the [`Response`]; without one, the handler has
    /// written its own.
    ///
    /// # Context
    /// `function` runs on a runtime thread with no lock held, and may do anything.
    pub fn with_aio<F>(path: &str, function: F) -> Self
    where
        F: Fn(&Aio) + Send + Sync + 'static,
    {
        Self::new(path, Kind::Aio(Box::new(function)), key_of::<F>())
    }

    /// A handler that answers with `body` always, as `media_type`, by default
    /// `application/octet-stream`. Requests that have a body are refused.
    ///
    /// # Errors
    /// `Invalid` if `media_type` cannot stand in a field.
    /// # Source
    /// nng 1.12, nng_http_handler_alloc_static(3http).
    pub fn fixed(
        path: &str,
        body: impl Into<Body>,
        media_type: Option<&str>,
    ) -> Result<Self, Error> {
        let media_type = media_type.unwrap_or("application/octet-stream");
        if !is_field_value(media_type.as_bytes()) {
            return Err(Error::Invalid);
        }
        let mut response = Response::new();
        response.headers_mut().set("Content-Type", media_type)?;
        response.set_body(match body.into().into_buffer() {
            // They are sent again and again and must not be copied each time.
            Some(Buffer::Owned(bytes)) => Arc::<[u8]>::from(bytes).into(),
            Some(buffer) => buffer.into(),
            None => Body::empty(),
        });
        let handler = Self::new(path, Kind::Fixed(Box::new(response)), 0);
        handler.collect_body(true, 0);
        Ok(handler)
    }

    /// A handler that answers with what is in a file at the time of each request. Its name tells the
    /// media type. It need not be there yet.
    ///
    /// A file that is not there, or is none, is answered with status 404, one that the system does not
    /// let the program read with 403. Clients can ask for parts, and only for what has changed. Requests
    /// that have a body are refused.
    ///
    /// # Source
    /// nng 1.12, nng_http_handler_alloc_file(3http).
    pub fn file(path: &str, file: impl AsRef<Path>) -> Self {
        Self::files(path, Files::one(file.as_ref()))
    }

    /// A handler that answers with the files in a directory and everything below, as an exclusive
    /// [tree](Self::set_tree_exclusive): [`directory_with`](Self::directory_with) the default options.
    ///
    /// Nobody else can have a path in an exclusive tree. To have some, make it a [tree](Self::set_tree)
    /// before it is added:
    ///
    /// ```
    /// use nng_oxide::Url;
    /// use nng_oxide::http::{Handler, Server};
    ///
    /// let server = Server::hold(&Url::parse("http://127.0.0.1:0")?)?;
    /// let files = Handler::directory("/", "/srv/www");
    /// files.set_tree()?;
    /// server.add_handler(&files)?;
    /// server.add_handler(&Handler::fixed("/api/version", "1", Some("text/plain"))?)?;
    /// # Ok::<(), nng_oxide::Error>(())
    /// ```
    ///
    /// # Source
    /// nng 1.12, nng_http_handler_alloc_directory(3http).
    pub fn directory(path: &str, directory: impl AsRef<Path>) -> Self {
        Self::directory_with(path, directory, DirectoryOptions::default())
    }

    /// As [`directory`](Self::directory), with options.
    ///
    /// What follows the path of the handler in a target is decoded once, dot segments are resolved, and
    /// it is the path of the file. Nothing outside the directory is reached, neither by what a target
    /// says nor, unless the options allow it, by symbolic links: such targets are answered with status
    /// 404, such links with 403. Each file is served as by [`file`](Self::file). A directory is
    /// answered with its index file; without a slash at the end its target is first led to where
    /// relative links work, with status 301.
    pub fn directory_with(
        path: &str,
        directory: impl AsRef<Path>,
        options: DirectoryOptions,
    ) -> Self {
        let handler = Self::files(path, Files::directory(path, directory.as_ref(), options));
        handler.inner.rules.lock().reach = Reach::ExclusiveTree;
        handler
    }

    fn files(path: &str, files: Files) -> Self {
        let files = Arc::new(files);
        let handler = Self::function(path, move |exchange| files.serve(exchange));
        handler.collect_body(true, 0);
        handler
    }

    /// A handler that sends clients to another location, with `status`, by default 301.
    ///
    /// It is for every method. What of the target follows the path of the handler, as the client wrote
    /// it, follows `location`, with one slash in between if it begins with one; so a
    /// [tree](Self::set_tree) moves as a whole. Bytes that no URI may have are escaped. The connection
    /// closes after the response.
    ///
    /// ```
    /// use nng_oxide::http::Handler;
    ///
    /// // /old/page?a=b is now at https://example.com/new/page?a=b.
    /// let handler = Handler::redirect("/old", None, "https://example.com/new");
    /// handler.set_tree()?;
    /// # Ok::<(), nng_oxide::Error>(())
    /// ```
    /// # Source
    /// nng 1.12, nng_http_handler_alloc_redirect(3http).
    pub fn redirect(path: &str, status: impl Into<Option<u16>>, location: &str) -> Self {
        let redirect = Redirect::new(path, status.into(), location);
        let handler = Self::function(path, move |exchange| {
            let response = redirect.response(exchange.request().uri());
            exchange.respond(response);
        });
        handler.inner.rules.lock().method = None;
        handler.collect_body(false, 0);
        handler
    }

    fn new(path: &str, kind: Kind, key: usize) -> Self {
        let method = Some("GET".into());
        let reach = Reach::Exact;
        let rules = Mutex::new(Rules { method, host: None, reach, data: None, server: None });
        let collect = AtomicUsize::new(Collect::DEFAULT);
        Self { inner: Arc::new(Inner { path: path.into(), kind, key, collect, rules }) }
    }

    /// Limits the handler to a method, exact in case; `None` and `""` are any method.
    ///
    /// # Errors
    /// `Busy` while the handler is registered; `Invalid` if it is no method.
    /// # Source
    /// nng 1.12, nng_http_handler_set_method(3http).
    pub fn set_method<'a>(&self, method: impl Into<Option<&'a str>>) -> Result<(), Error> {
        let method = method.into().filter(|method| !method.is_empty());
        if method.is_some_and(|method| !is_token(method.as_bytes())) {
            return Err(Error::Invalid);
        }
        self.change(|rules| rules.method = method.map(Box::from))
    }

    /// Limits the handler to a host, ignoring case and port; `None`, `""`, `*`, `0.0.0.0` and `::`
    /// are any host. An address is compared as a number.
    ///
    /// # Errors
    /// `Busy` while the handler is registered.
    /// # Source
    /// nng 1.12, nng_http_handler_set_host(3http).
    pub fn set_host<'a>(&self, host: impl Into<Option<&'a str>>) -> Result<(), Error> {
        let host = host.into().and_then(Host::new);
        self.change(|rules| rules.host = host)
    }

    /// Gives the handler everything below its path, too. A handler for a longer path comes first for
    /// what it is for.
    ///
    /// # Errors
    /// `Busy` while the handler is registered.
    /// # Source
    /// nng 1.12, nng_http_handler_set_tree(3http).
    pub fn set_tree(&self) -> Result<(), Error> {
        self.change(|rules| rules.reach = Reach::Tree)
    }

    /// As [`set_tree`](Self::set_tree), and no other handler for the same method and host can be
    /// registered below, nor this one above one that is there.
    ///
    /// # Errors
    /// `Busy` while the handler is registered.
    /// # Source
    /// nng 1.12, nng_http_handler_set_tree_exclusive(3http).
    pub fn set_tree_exclusive(&self) -> Result<(), Error> {
        self.change(|rules| rules.reach = Reach::ExclusiveTree)
    }

    /// Chooses whether the body of a request is collected before the handler is called, and up to
    /// which size in bytes. 0 refuses bodies, `usize::MAX` is no limit. By default they are collected
    /// up to [`ServerConfig::max_body`]. It applies from the next request on. One that is longer is
    /// answered with status 400, or [413](ServerConfig::answers_413), and the connection closes.
    ///
    /// # Source
    /// nng 1.12, nng_http_handler_collect_body(3http).
    pub fn collect_body(&self, wanted: bool, max: usize) {
        let collect = if wanted { max.saturating_add(Collect::LIMITED) } else { Collect::OFF };
        self.inner.collect.store(collect, Relaxed);
    }

    /// Stores something of the program's for the handler to find.
    ///
    /// # Errors
    /// `Busy` while the handler is registered; `data` is dropped.
    /// # Source
    /// nng 1.12, nng_http_handler_set_data(3http).
    pub fn set_data(&self, data: Option<Arc<dyn Any + Send + Sync>>) -> Result<(), Error> {
        let old = self.change(|rules| std::mem::replace(&mut rules.data, data))?;
        drop(old);
        Ok(())
    }

    /// What was stored for the handler; `None` if nothing or another type is there.
    ///
    /// # Source
    /// nng 1.12, nng_http_handler_get_data(3http).
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let data = self.inner.rules.lock().data.clone();
        data?.downcast().ok()
    }

    /// The path as it was given.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// Changes the rules of a free handler.
    fn change<R>(&self, change: impl FnOnce(&mut Rules) -> R) -> Result<R, Error> {
        let mut rules = self.inner.rules.lock();
        if rules.server.is_some() {
            return Err(Error::Busy);
        }
        Ok(change(&mut rules))
    }

    // What servers and sessions ask.

    /// How it answers.
    pub(super) fn kind(&self) -> &Kind {
        &self.inner.kind
    }

    /// A number for the type of its function: every closure has its own; 0 if it has none.
    pub(super) fn key(&self) -> usize {
        self.inner.key
    }

    /// Up to how many bytes of a body are collected before it is called; `None` if none are, since
    /// it reads them itself.
    pub(super) fn collects(&self, config: &ServerConfig) -> Option<usize> {
        match self.inner.collect.load(Relaxed) {
            Collect::DEFAULT => Some(config.max_body),
            Collect::OFF => None,
            usize::MAX => Some(usize::MAX),
            limited => Some(limited - Collect::LIMITED),
        }
    }

    /// Registers it with `server` if it is free and `check` agrees to what it is to be looked up by,
    /// which is returned.
    ///
    /// # Errors
    /// `AddressInUse` if it is registered with this server, `Busy` if with another; whatever `check`
    /// says.
    pub(super) fn register(
        &self,
        server: ServerId,
        check: impl FnOnce(&Criteria) -> Result<(), Error>,
    ) -> Result<Criteria, Error> {
        let mut rules = self.inner.rules.lock();
        match rules.server {
            Some(registered) if registered == server => return Err(Error::AddressInUse),
            Some(_) => return Err(Error::Busy),
            None => {}
        }
        let (method, host, reach) = (rules.method.clone(), rules.host.clone(), rules.reach);
        let criteria = Criteria { method, host, reach };
        check(&criteria)?;
        rules.server = Some(server);
        Ok(criteria)
    }

    /// Marks it free.
    pub(super) fn unregister(&self) {
        self.inner.rules.lock().server = None;
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.inner.rules.lock();
        f.debug_struct("Handler")
            .field("path", &self.inner.path)
            .field("method", &rules.method)
            .field("host", &rules.host)
            .field("reach", &rules.reach)
            .finish_non_exhaustive()
    }
}

/// Returns a number for the type of a function.
fn key_of<F: 'static>() -> usize {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<F>().hash(&mut hasher);
    // Half of the number tells types apart well enough.
    usize::try_from(hasher.finish() >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> Handler {
        Handler::function("/", |_exchange| {})
    }

    #[test]
    fn rules_change_only_while_the_handler_is_free() {
        let handler = free();
        let server = ServerId::unique();
        handler.register(server, |_| Ok(())).unwrap();
        assert_eq!(handler.set_method("POST"), Err(Error::Busy));
        assert_eq!(handler.set_host("h"), Err(Error::Busy));
        assert_eq!(handler.set_tree(), Err(Error::Busy));
        assert_eq!(handler.set_tree_exclusive(), Err(Error::Busy));
        assert_eq!(handler.set_data(None), Err(Error::Busy));
        handler.collect_body(false, 0);
        handler.unregister();
        assert_eq!(handler.set_method("POST"), Ok(()));
        assert_eq!(handler.set_host("h"), Ok(()));
        assert_eq!(handler.set_tree(), Ok(()));
        assert_eq!(handler.set_tree_exclusive(), Ok(()));
        assert_eq!(handler.set_data(None), Ok(()));
    }

    #[test]
    fn one_server_at_a_time_has_a_handler() {
        let handler = free();
        let (one, other) = (ServerId::unique(), ServerId::unique());
        assert!(handler.register(one, |_| Ok(())).is_ok());
        assert_eq!(handler.register(one, |_| Ok(())), Err(Error::AddressInUse));
        assert_eq!(handler.register(other, |_| Ok(())), Err(Error::Busy));
        handler.unregister();
        assert_eq!(handler.register(other, |_| Err(Error::AddressInUse)), Err(Error::AddressInUse));
        assert!(handler.register(other, |_| Ok(())).is_ok(), "a refusal left it free");
    }

    #[test]
    fn empty_and_absent_methods_are_any_method() {
        let handler = free();
        let method = || handler.inner.rules.lock().method.clone();
        assert_eq!(method().as_deref(), Some("GET"));
        for any in [None, Some("")] {
            handler.set_method("PUT").unwrap();
            handler.set_method(any).unwrap();
            assert_eq!(method(), None);
        }
        assert_eq!(handler.set_method("GET\r\nX: y"), Err(Error::Invalid));
    }

    #[test]
    fn bodies_are_collected_up_to_the_limit_that_applies() {
        let config = ServerConfig::default();
        let handler = free();
        assert_eq!(handler.collects(&config), Some(1 << 20));
        for max in [0, 1, 5_000, usize::MAX] {
            handler.collect_body(true, max);
            assert_eq!(handler.collects(&config), Some(max));
        }
        handler.collect_body(false, 5_000);
        assert_eq!(handler.collects(&config), None);
    }

    #[test]
    fn fixed_content_refuses_bodies_and_has_a_media_type() {
        let handler = Handler::fixed("/", vec![1, 2, 3], None).unwrap();
        assert_eq!(handler.collects(&ServerConfig::default()), Some(0));
        let Kind::Fixed(response) = handler.kind() else { panic!("it is fixed") };
        assert_eq!(response.body(), [1, 2, 3]);
        let field = |name| response.headers().get(name);
        assert_eq!(field("Content-Type").as_deref(), Some("application/octet-stream"));
        assert_eq!(field("Content-Length").as_deref(), Some("3"));
        assert_eq!(Handler::fixed("/", "", Some("a\nb")).err(), Some(Error::Invalid));
        assert!(Handler::fixed("/", "", Some("text/plain")).is_ok(), "nothing is content, too");
    }

    #[test]
    fn data_is_found_by_its_type() {
        let handler = free();
        assert!(handler.data::<u32>().is_none());
        handler.set_data(Some(Arc::new(7_u32))).unwrap();
        assert_eq!(handler.clone().data::<u32>().as_deref(), Some(&7));
        assert!(handler.data::<u64>().is_none());
    }

    #[test]
    fn functions_differ_in_their_keys() {
        let other = Handler::function("/", |_other_exchange| {});
        assert_ne!(free().key(), other.key());
        assert_eq!(free().key(), free().key());
    }
}
