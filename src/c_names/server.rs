//! HTTP servers and their handlers.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use crate::http::{Body, Handler, Server};

use super::{code, make, nng_aio, nng_http_res, nng_sockaddr, nng_tls_config, nng_url, store};

/// An HTTP server.
pub type nng_http_server = Server;
/// What answers requests for a path.
pub type nng_http_handler = Handler;

/// Finds or makes the server for a URL; see [`Server::hold`]. `NNG_EADDRINVAL`.
pub fn nng_http_server_hold(serverp: &mut Option<nng_http_server>, url: &nng_url) -> i32 {
    make(serverp, Server::hold(url))
}

/// Lets go of a server, which stops it if nobody else holds it; see [`Server`].
pub fn nng_http_server_release(server: impl Into<Option<nng_http_server>>) {
    drop(server.into());
}

/// Begins to listen; see [`Server::start`]. `NNG_EADDRINUSE`, `NNG_ESTATE` and what the system says.
pub fn nng_http_server_start(server: &nng_http_server) -> i32 {
    code(server.start())
}

/// Undoes one start; see [`Server::stop`].
pub fn nng_http_server_stop(server: &nng_http_server) {
    server.stop();
}

/// Gives a handler the requests that fit it; see [`Server::add_handler`]. `NNG_EINVAL`,
/// `NNG_EADDRINUSE`, `NNG_EBUSY`.
pub fn nng_http_server_add_handler(server: &nng_http_server, h: &nng_http_handler) -> i32 {
    code(server.add_handler(h))
}

/// Gives a handler no further requests; see [`Server::del_handler`]. `NNG_ENOENT`.
pub fn nng_http_server_del_handler(server: &nng_http_server, h: &nng_http_handler) -> i32 {
    code(server.del_handler(h))
}

/// Tells the address it listens on; see [`Server::addr`].
pub fn nng_http_server_get_addr(server: &nng_http_server, addr: &mut nng_sockaddr) -> i32 {
    store(addr, Ok(server.addr()))
}

/// Says who a server with TLS is; see [`Server::set_tls`]. `NNG_ENOTSUP`, `NNG_EINVAL`.
pub fn nng_http_server_set_tls(server: &nng_http_server, cfg: &nng_tls_config) -> i32 {
    code(server.set_tls(cfg))
}

/// Tells the configuration of a server with TLS; see [`Server::tls`]. `NNG_ENOTSUP`.
pub fn nng_http_server_get_tls(server: &nng_http_server, cfgp: &mut Option<nng_tls_config>) -> i32 {
    make(cfgp, server.tls())
}

/// Sets the page for a status; see [`Server::set_error_page`].
pub fn nng_http_server_set_error_page(server: &nng_http_server, code: u16, html: &str) -> i32 {
    server.set_error_page(code, html);
    0
}

/// Sets the page for a status to what is in a file; see [`Server::set_error_file`]. `NNG_ENOENT`,
/// `NNG_EPERM` and what the system says.
pub fn nng_http_server_set_error_file(
    server: &nng_http_server,
    code: u16,
    path: impl AsRef<Path>,
) -> i32 {
    super::code(server.set_error_file(code, path))
}

/// Makes the page for its status the body of a response; see [`Server::res_error`].
pub fn nng_http_server_res_error(server: &nng_http_server, res: &nng_http_res) -> i32 {
    server.res_error(&mut res.lock());
    0
}

/// Makes a handler that calls `callback` with a begun aio; see [`Handler::with_aio`].
///
/// Inputs 0 to 2 are the request, the handler and the connection, output 0 is the response.
pub fn nng_http_handler_alloc(
    hp: &mut Option<nng_http_handler>,
    path: &str,
    callback: impl Fn(&nng_aio) + Send + Sync + 'static,
) -> i32 {
    make(hp, Ok(Handler::with_aio(path, callback)))
}

/// Makes a handler that always answers with the same; see [`Handler::fixed`]. `NNG_EINVAL`.
pub fn nng_http_handler_alloc_static<'a>(
    hp: &mut Option<nng_http_handler>,
    path: &str,
    data: impl Into<Body>,
    content_type: impl Into<Option<&'a str>>,
) -> i32 {
    make(hp, Handler::fixed(path, data, content_type.into()))
}

/// Makes a handler that answers with what is in a file; see [`Handler::file`].
pub fn nng_http_handler_alloc_file(
    hp: &mut Option<nng_http_handler>,
    path: &str,
    filename: impl AsRef<Path>,
) -> i32 {
    make(hp, Ok(Handler::file(path, filename)))
}

/// Makes a handler that answers with the files in a directory; see [`Handler::directory`].
pub fn nng_http_handler_alloc_directory(
    hp: &mut Option<nng_http_handler>,
    path: &str,
    dirname: impl AsRef<Path>,
) -> i32 {
    make(hp, Ok(Handler::directory(path, dirname)))
}

/// Makes a handler that sends clients to another location; see [`Handler::redirect`]. The status 0 is
/// 301.
pub fn nng_http_handler_alloc_redirect(
    hp: &mut Option<nng_http_handler>,
    path: &str,
    status: u16,
    r#where: &str,
) -> i32 {
    make(hp, Ok(Handler::redirect(path, status, r#where)))
}

/// Lets go of a handler, which goes on with what it has been given.
pub fn nng_http_handler_free(h: impl Into<Option<nng_http_handler>>) {
    drop(h.into());
}

/// Limits a handler to a method; see [`Handler::set_method`]. `NNG_EBUSY`, `NNG_EINVAL`.
pub fn nng_http_handler_set_method<'a>(
    h: &nng_http_handler,
    method: impl Into<Option<&'a str>>,
) -> i32 {
    code(h.set_method(method))
}

/// Limits a handler to a host; see [`Handler::set_host`]. `NNG_EBUSY`.
pub fn nng_http_handler_set_host<'a>(
    h: &nng_http_handler,
    host: impl Into<Option<&'a str>>,
) -> i32 {
    code(h.set_host(host))
}

/// Gives a handler everything below its path; see [`Handler::set_tree`]. `NNG_EBUSY`.
pub fn nng_http_handler_set_tree(h: &nng_http_handler) -> i32 {
    code(h.set_tree())
}

/// Gives a handler everything below its path, and nobody else; see [`Handler::set_tree_exclusive`].
/// `NNG_EBUSY`.
pub fn nng_http_handler_set_tree_exclusive(h: &nng_http_handler) -> i32 {
    code(h.set_tree_exclusive())
}

/// Chooses whether bodies are collected, and up to which size; see [`Handler::collect_body`].
pub fn nng_http_handler_collect_body(h: &nng_http_handler, want: bool, maxsize: usize) -> i32 {
    h.collect_body(want, maxsize);
    0
}

/// Stores something for the handler to find; see [`Handler::set_data`]. `NNG_EBUSY`.
pub fn nng_http_handler_set_data<T: Send + Sync + 'static>(
    h: &nng_http_handler,
    data: impl Into<Option<Arc<T>>>,
) -> i32 {
    code(h.set_data(data.into().map(|data| data as Arc<dyn Any + Send + Sync>)))
}

/// Returns what was stored for the handler; see [`Handler::data`].
pub fn nng_http_handler_get_data<T: Send + Sync + 'static>(h: &nng_http_handler) -> Option<Arc<T>> {
    h.data()
}
