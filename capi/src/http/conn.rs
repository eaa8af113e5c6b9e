//! Connections.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use ::nng_aio::sync::{Mutex, MutexGuard};
use nng_oxide::http::Conn;

use super::{is_servers, nng_http_req, nng_http_res};
use crate::aio::nng_aio;
use crate::handle::{Tag, live, object, take};

/// A connection.
#[repr(C)]
pub struct nng_http_conn {
    tag: Tag,
    /// Taking it over changes it.
    conn: Mutex<Conn>,
    /// Whether the handler that has been given it has taken it over; absent if it is nobody else's.
    is_taken: Option<Arc<AtomicBool>>,
}

object! {
    nng_http_conn = b"conn";
}

impl nng_http_conn {
    pub(crate) fn of(conn: Conn) -> Self {
        Self { tag: Tag::of::<Self>(), conn: Mutex::new(conn), is_taken: None }
    }

    /// One that a handler is given.
    pub(super) fn of_exchange(conn: Conn, is_taken: Arc<AtomicBool>) -> Self {
        Self { is_taken: Some(is_taken), ..Self::of(conn) }
    }

    fn lock(&self) -> MutexGuard<'_, Conn> {
        self.conn.lock()
    }

    /// Returns the connection for an operation, whose callback may free the object before the call that
    /// begins it returns.
    fn get(&self) -> Conn {
        self.lock().clone()
    }
}

export! {
    fn nng_http_hijack(conn: Option<&nng_http_conn>) -> c_int {
        let conn = live(conn)?;
        // The client may have gone: then there is nothing to take over, but the objects are C's all the same.
        conn.lock().hijack();
        if let Some(is_taken) = &conn.is_taken {
            is_taken.store(true, SeqCst);
        }
        0
    }

    fn nng_http_conn_close(conn: *mut nng_http_conn) {
        // SAFETY: C hands over null or a connection of ours, which was not freed.
        let object = live(unsafe { conn.as_ref() })?;
        object.get().close();
        if !is_servers(object.is_taken.as_ref()) {
            drop(take(conn));
        }
    }

    fn nng_http_conn_read(conn: Option<&nng_http_conn>, aio: Option<&nng_aio>) {
        let (conn, aio) = (live(conn)?, live(aio)?);
        conn.get().read(&aio.start());
    }

    fn nng_http_conn_read_all(conn: Option<&nng_http_conn>, aio: Option<&nng_aio>) {
        let (conn, aio) = (live(conn)?, live(aio)?);
        conn.get().read_all(&aio.start());
    }

    fn nng_http_conn_write(conn: Option<&nng_http_conn>, aio: Option<&nng_aio>) {
        let (conn, aio) = (live(conn)?, live(aio)?);
        conn.get().write(&aio.start());
    }

    fn nng_http_conn_write_all(conn: Option<&nng_http_conn>, aio: Option<&nng_aio>) {
        let (conn, aio) = (live(conn)?, live(aio)?);
        conn.get().write_all(&aio.start());
    }

    fn nng_http_conn_read_req(
        conn: Option<&nng_http_conn>,
        req: Option<&nng_http_req>,
        aio: Option<&nng_aio>,
    ) {
        let (conn, req, aio) = (live(conn)?, live(req)?, live(aio)?);
        req.lent.end();
        let message = req.message.clone();
        conn.get().read_req(&message, &aio.start());
    }

    fn nng_http_conn_read_res(
        conn: Option<&nng_http_conn>,
        res: Option<&nng_http_res>,
        aio: Option<&nng_aio>,
    ) {
        let (conn, res, aio) = (live(conn)?, live(res)?, live(aio)?);
        res.lent.end();
        let message = res.message.clone();
        conn.get().read_res(&message, &aio.start());
    }

    fn nng_http_conn_write_req(
        conn: Option<&nng_http_conn>,
        req: Option<&nng_http_req>,
        aio: Option<&nng_aio>,
    ) {
        let (conn, req, aio) = (live(conn)?, live(req)?, live(aio)?);
        let message = req.message.clone();
        conn.get().write_req(&message.lock(), &aio.start());
    }

    fn nng_http_conn_write_res(
        conn: Option<&nng_http_conn>,
        res: Option<&nng_http_res>,
        aio: Option<&nng_aio>,
    ) {
        let (conn, res, aio) = (live(conn)?, live(res)?, live(aio)?);
        let message = res.message.clone();
        conn.get().write_res(&message.lock(), &aio.start());
    }

    fn nng_http_conn_transact(
        conn: Option<&nng_http_conn>,
        req: Option<&nng_http_req>,
        res: Option<&nng_http_res>,
        aio: Option<&nng_aio>,
    ) {
        let (conn, req, res, aio) = (live(conn)?, live(req)?, live(res)?, live(aio)?);
        res.lent.end();
        let (request, response) = (req.message.clone(), res.message.clone());
        conn.get().transact(&request.lock(), &response, &aio.start());
    }
}
