//! hyper 1 behind tokio-rustls, on tokio's current-thread runtime.

use std::path::Path;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nng_oxide_benches::Result;
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::listen;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use tokio_rustls::TlsAcceptor;

use crate::http_hyper::hello;

pub fn run(peer: &Peer) -> Result<()> {
    let file = peer.tls.as_deref().ok_or("a server with TLS needs --tls FILE")?;
    let acceptor = TlsAcceptor::from(Arc::new(configuration(file)?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = listen(peer.addr)?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let handshake = acceptor.accept(socket);
            tokio::spawn(async move {
                // A client that gives up ends its own connection only.
                let Ok(socket) = handshake.await else { return };
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(hello));
                let _ = connection.await;
            });
        }
    })
}

/// As nng-oxide has it: ring's suites, and tickets instead of a memory of sessions.
fn configuration(file: &Path) -> Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(file)?.collect::<std::result::Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(file)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
