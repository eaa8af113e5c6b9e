//! Clients.

use std::ffi::c_int;
use std::sync::Arc;

use nng_oxide::http::Client;

use super::{nng_http_req, nng_http_res};
use crate::aio::nng_aio;
use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::start;
use crate::tls::{fill_config, nng_tls_config};
use crate::url::{self, nng_url};

/// An HTTP client for one URL.
#[repr(C)]
pub struct nng_http_client {
    tag: Tag,
    /// Also of calls that are under way, whose callbacks may free the object.
    client: Arc<Client>,
}

object! {
    nng_http_client = b"clnt";
}

export! {
    fn nng_http_client_alloc(clientp: Out<'_, *mut nng_http_client>, url: Option<&nng_url>) -> c_int {
        start();
        let client = url::read(url).and_then(|url| Client::new(&url));
        fill(clientp?, client.map(|client| {
            give(nng_http_client { tag: Tag::of::<nng_http_client>(), client: Arc::new(client) })
        }))
    }

    fn nng_http_client_free(client: *mut nng_http_client) {
        drop(take(client));
    }

    fn nng_http_client_connect(client: Option<&nng_http_client>, aio: Option<&nng_aio>) {
        let (client, aio) = (live(client)?, live(aio)?);
        let client = Arc::clone(&client.client);
        client.connect(&aio.start());
    }

    fn nng_http_client_transact(
        client: Option<&nng_http_client>,
        req: Option<&nng_http_req>,
        res: Option<&nng_http_res>,
        aio: Option<&nng_aio>,
    ) {
        let (client, req, res, aio) = (live(client)?, live(req)?, live(res)?, live(aio)?);
        res.lent.end();
        let client = Arc::clone(&client.client);
        let (request, response) = (req.message.clone(), res.message.clone());
        let mut request = request.lock();
        // If it cannot be said, the transaction fails for the same reason.
        let _ = request.headers_mut().set("Connection", "close");
        client.transact(&request, &response, &aio.start());
    }

    fn nng_http_client_set_tls(
        client: Option<&nng_http_client>,
        config: Option<&nng_tls_config>,
    ) -> c_int {
        let client = &live(client)?.client;
        match (client.tls(), live(config)) {
            (Err(error), _) => error.code(),
            (Ok(_), config) => code(client.set_tls(config?.config())),
        }
    }

    fn nng_http_client_get_tls(
        client: Option<&nng_http_client>,
        place: Out<'_, *mut nng_tls_config>,
    ) -> c_int {
        match live(client)?.client.tls() {
            Err(error) => error.code(),
            config => fill_config(place, config)?,
        }
    }
}
