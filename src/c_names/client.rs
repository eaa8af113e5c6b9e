//! HTTP clients.

use crate::http::Client;

use super::{code, make, nng_aio, nng_http_req, nng_http_res, nng_tls_config, nng_url};

/// An HTTP client for one URL.
pub type nng_http_client = Client;

/// Makes a client; see [`Client::new`]. `NNG_EADDRINVAL`.
pub fn nng_http_client_alloc(clientp: &mut Option<nng_http_client>, url: &nng_url) -> i32 {
    make(clientp, Client::new(url))
}

/// Lets go of a client; connects under way end with `NNG_ECLOSED`.
pub fn nng_http_client_free(client: impl Into<Option<nng_http_client>>) {
    drop(client.into());
}

/// Connects; output 0 is the [`nng_http_conn`](super::nng_http_conn); see [`Client::connect`].
pub fn nng_http_client_connect(client: &nng_http_client, aio: &nng_aio) {
    client.connect(aio);
}

/// Asks once on a connection of its own; the request says `Connection: close` from then on. See
/// [`Client::transact`].
pub fn nng_http_client_transact(
    client: &nng_http_client,
    req: &nng_http_req,
    res: &nng_http_res,
    aio: &nng_aio,
) {
    let mut req = req.lock();
    // If it cannot be said, the transaction fails for the same reason.
    let _ = req.headers_mut().set("Connection", "close");
    client.transact(&req, res, aio);
}

/// Says whom a client with TLS trusts; see [`Client::set_tls`]. `NNG_ENOTSUP`, `NNG_EINVAL`.
pub fn nng_http_client_set_tls(client: &nng_http_client, cfg: &nng_tls_config) -> i32 {
    code(client.set_tls(cfg))
}

/// Tells the configuration of a client with TLS; see [`Client::tls`]. `NNG_ENOTSUP`.
pub fn nng_http_client_get_tls(client: &nng_http_client, cfgp: &mut Option<nng_tls_config>) -> i32 {
    make(cfgp, client.tls())
}
