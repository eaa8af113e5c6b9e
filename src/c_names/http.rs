//! HTTP messages and connections.

use std::borrow::Cow;

use crate::http::{Body, Conn, Request, Response, Shared};

use super::{code, make, nng_aio, nng_url};

/// A request, which a program and an operation may hold together.
pub type nng_http_req = Shared<Request>;
/// A response, which a program and an operation may hold together.
pub type nng_http_res = Shared<Response>;
/// A connection.
pub type nng_http_conn = Conn;

/// Makes a request, for a URL if there is one; see [`Request::for_url`].
pub fn nng_http_req_alloc<'a>(
    reqp: &mut Option<nng_http_req>,
    url: impl Into<Option<&'a nng_url>>,
) -> i32 {
    make(reqp, url.into().map_or(Ok(Request::new()), Request::for_url).map(Shared::new))
}

/// Lets go of a request.
pub fn nng_http_req_free(req: impl Into<Option<nng_http_req>>) {
    drop(req.into());
}

/// Makes it a new request; see [`Request::reset`].
pub fn nng_http_req_reset(req: &nng_http_req) {
    req.lock().reset();
}

/// Returns the method; see [`Request::method`].
pub fn nng_http_req_get_method(req: &nng_http_req) -> String {
    req.lock().method().to_owned()
}

/// Sets the method, `GET` if there is none; see [`Request::set_method`]. `NNG_EINVAL`.
pub fn nng_http_req_set_method<'a>(req: &nng_http_req, method: impl Into<Option<&'a str>>) -> i32 {
    code(req.lock().set_method(method.into().unwrap_or_default()))
}

/// Returns the request target; see [`Request::uri`].
pub fn nng_http_req_get_uri(req: &nng_http_req) -> String {
    req.lock().uri().to_owned()
}

/// Sets the request target, or none; see [`Request::set_uri`]. `NNG_EINVAL`.
pub fn nng_http_req_set_uri<'a>(req: &nng_http_req, uri: impl Into<Option<&'a str>>) -> i32 {
    code(req.lock().set_uri(uri.into().unwrap_or_default()))
}

/// Returns the version, such as `HTTP/1.1`; see [`Request::version`].
pub fn nng_http_req_get_version(req: &nng_http_req) -> String {
    req.lock().version().to_string()
}

/// Sets the version, `HTTP/1.1` if there is none; see [`Request::set_version`]. `NNG_EINVAL`.
pub fn nng_http_req_set_version<'a>(
    req: &nng_http_req,
    version: impl Into<Option<&'a str>>,
) -> i32 {
    code(version.into().unwrap_or("HTTP/1.1").parse().map(|it| req.lock().set_version(it)))
}

/// Returns the value of a field; see [`Headers::get`](crate::http::Headers::get).
pub fn nng_http_req_get_header(req: &nng_http_req, name: &str) -> Option<String> {
    req.lock().headers().get(name).map(Cow::into_owned)
}

/// Sets a field; see [`Headers::set`](crate::http::Headers::set). `NNG_EINVAL`, `NNG_EMSGSIZE`.
pub fn nng_http_req_set_header(req: &nng_http_req, name: &str, value: &str) -> i32 {
    code(req.lock().headers_mut().set(name, value))
}

/// Adds to a field; see [`Headers::add`](crate::http::Headers::add). `NNG_EINVAL`, `NNG_EMSGSIZE`.
pub fn nng_http_req_add_header(req: &nng_http_req, name: &str, value: &str) -> i32 {
    code(req.lock().headers_mut().add(name, value))
}

/// Removes a field; see [`Headers::remove`](crate::http::Headers::remove). `NNG_ENOENT`.
pub fn nng_http_req_del_header(req: &nng_http_req, name: &str) -> i32 {
    code(req.lock().headers_mut().remove(name))
}

/// Sets the body; see [`Request::set_body`]. `NULL` with a length is [`Body::declared`].
pub fn nng_http_req_set_data(req: &nng_http_req, data: impl Into<Body>) -> i32 {
    req.lock().set_body(data);
    0
}

/// Makes a copy of bytes the body; see [`Request::copy_body`].
pub fn nng_http_req_copy_data(req: &nng_http_req, data: &[u8]) -> i32 {
    req.lock().copy_body(data);
    0
}

/// Copies the body out; see [`Request::body`].
pub fn nng_http_req_get_data(req: &nng_http_req, datap: &mut Vec<u8>) {
    req.lock().body().clone_into(datap);
}

/// Makes a response, which says `200 OK`; see [`Response::new`].
pub fn nng_http_res_alloc(resp: &mut Option<nng_http_res>) -> i32 {
    make(resp, Ok(Shared::new(Response::new())))
}

/// Makes a response of that status with a page for people; see [`Response::for_error`].
pub fn nng_http_res_alloc_error(resp: &mut Option<nng_http_res>, code: u16) -> i32 {
    make(resp, Ok(Shared::new(Response::for_error(code))))
}

/// Lets go of a response.
pub fn nng_http_res_free(res: impl Into<Option<nng_http_res>>) {
    drop(res.into());
}

/// Makes it a new response; see [`Response::reset`].
pub fn nng_http_res_reset(res: &nng_http_res) {
    res.lock().reset();
}

/// Returns the status; see [`Response::status`].
pub fn nng_http_res_get_status(res: &nng_http_res) -> u16 {
    res.lock().status()
}

/// Sets the status; see [`Response::set_status`].
pub fn nng_http_res_set_status(res: &nng_http_res, status: u16) -> i32 {
    res.lock().set_status(status);
    0
}

/// Returns the words behind the status; see [`Response::reason`].
pub fn nng_http_res_get_reason(res: &nng_http_res) -> String {
    res.lock().reason().to_owned()
}

/// Sets the words behind the status, or the usual ones; see [`Response::set_reason`]. `NNG_EINVAL`.
pub fn nng_http_res_set_reason<'a>(res: &nng_http_res, reason: impl Into<Option<&'a str>>) -> i32 {
    code(res.lock().set_reason(reason))
}

/// Returns the version, such as `HTTP/1.1`; see [`Response::version`].
pub fn nng_http_res_get_version(res: &nng_http_res) -> String {
    res.lock().version().to_string()
}

/// Sets the version, `HTTP/1.1` if there is none; see [`Response::set_version`]. `NNG_EINVAL`.
pub fn nng_http_res_set_version<'a>(
    res: &nng_http_res,
    version: impl Into<Option<&'a str>>,
) -> i32 {
    code(version.into().unwrap_or("HTTP/1.1").parse().map(|it| res.lock().set_version(it)))
}

/// Returns the value of a field; see [`Headers::get`](crate::http::Headers::get).
pub fn nng_http_res_get_header(res: &nng_http_res, name: &str) -> Option<String> {
    res.lock().headers().get(name).map(Cow::into_owned)
}

/// Sets a field; see [`Headers::set`](crate::http::Headers::set). `NNG_EINVAL`, `NNG_EMSGSIZE`.
pub fn nng_http_res_set_header(res: &nng_http_res, name: &str, value: &str) -> i32 {
    code(res.lock().headers_mut().set(name, value))
}

/// Adds to a field; see [`Headers::add`](crate::http::Headers::add). `NNG_EINVAL`, `NNG_EMSGSIZE`.
pub fn nng_http_res_add_header(res: &nng_http_res, name: &str, value: &str) -> i32 {
    code(res.lock().headers_mut().add(name, value))
}

/// Removes a field; see [`Headers::remove`](crate::http::Headers::remove). `NNG_ENOENT`.
pub fn nng_http_res_del_header(res: &nng_http_res, name: &str) -> i32 {
    code(res.lock().headers_mut().remove(name))
}

/// Sets the body; see [`Response::set_body`]. `NULL` with a length is [`Body::declared`].
pub fn nng_http_res_set_data(res: &nng_http_res, data: impl Into<Body>) -> i32 {
    res.lock().set_body(data);
    0
}

/// Makes a copy of bytes the body; see [`Response::copy_body`].
pub fn nng_http_res_copy_data(res: &nng_http_res, data: &[u8]) -> i32 {
    res.lock().copy_body(data);
    0
}

/// Copies the body out; see [`Response::body`].
pub fn nng_http_res_get_data(res: &nng_http_res, datap: &mut Vec<u8>) {
    res.lock().body().clone_into(datap);
}

/// Takes a server's connection over, and with it the request; see [`Conn::hijack`]. Always 0: where
/// there is nothing to take over, nothing happens.
pub fn nng_http_hijack(conn: &mut nng_http_conn) -> i32 {
    conn.hijack();
    0
}

/// Closes a connection and lets go of it; see [`Conn::close`].
pub fn nng_http_conn_close(conn: impl Into<Option<nng_http_conn>>) {
    if let Some(conn) = conn.into() {
        conn.close();
    }
}

/// Reads what is there; see [`Conn::read`].
pub fn nng_http_conn_read(conn: &nng_http_conn, aio: &nng_aio) {
    conn.read(aio);
}

/// Reads until the memory is full; see [`Conn::read_all`].
pub fn nng_http_conn_read_all(conn: &nng_http_conn, aio: &nng_aio) {
    conn.read_all(aio);
}

/// Writes some of the memory; see [`Conn::write`].
pub fn nng_http_conn_write(conn: &nng_http_conn, aio: &nng_aio) {
    conn.write(aio);
}

/// Writes all of the memory; see [`Conn::write_all`].
pub fn nng_http_conn_write_all(conn: &nng_http_conn, aio: &nng_aio) {
    conn.write_all(aio);
}

/// Reads the head of a request; see [`Conn::read_req`].
pub fn nng_http_conn_read_req(conn: &nng_http_conn, req: &nng_http_req, aio: &nng_aio) {
    conn.read_req(req, aio);
}

/// Reads the head of a response; see [`Conn::read_res`].
pub fn nng_http_conn_read_res(conn: &nng_http_conn, res: &nng_http_res, aio: &nng_aio) {
    conn.read_res(res, aio);
}

/// Writes a request with its body; see [`Conn::write_req`].
pub fn nng_http_conn_write_req(conn: &nng_http_conn, req: &nng_http_req, aio: &nng_aio) {
    conn.write_req(&req.lock(), aio);
}

/// Writes a response with its body; see [`Conn::write_res`].
pub fn nng_http_conn_write_res(conn: &nng_http_conn, res: &nng_http_res, aio: &nng_aio) {
    conn.write_res(&res.lock(), aio);
}

/// Writes a request and reads the whole response; see [`Conn::transact`].
pub fn nng_http_conn_transact(
    conn: &nng_http_conn,
    req: &nng_http_req,
    res: &nng_http_res,
    aio: &nng_aio,
) {
    conn.transact(&req.lock(), res, aio);
}
