//! HTTP servers: `GET /hello` by a function or a fixed response, files if there is a directory, TLS if
//! there is a certificate.

use nng_oxide::Url;
use nng_oxide::http::{Exchange, Handler, Response, Server, ServerConfig};
use nng_oxide::tls::{self, Mode};
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::announce;
use nng_oxide_benches::{BODY, FILES, Result};

const PATH: &str = "/hello";

/// Answers by a function handler.
pub fn run(peer: &Peer) -> Result<()> {
    serve(peer, &Handler::function(PATH, hello))
}

/// Answers by a fixed handler.
pub fn run_fixed(peer: &Peer) -> Result<()> {
    serve(peer, &Handler::fixed(PATH, BODY, Some("text/plain"))?)
}

fn serve(peer: &Peer, hello: &Handler) -> Result<()> {
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    let url: Url = format!("{scheme}://{}", peer.addr).parse()?;
    let runtime = crate::runtime(peer)?;
    let server = Server::on(&runtime, &url, ServerConfig::default())?;
    if let Some(file) = &peer.tls {
        let config = tls::Config::new(Mode::Server);
        config.add_cert_key_file(file, None)?;
        server.set_tls(&config)?;
    }
    server.add_handler(hello)?;
    if let Some(root) = &peer.root {
        server.add_handler(&Handler::directory(FILES, root))?;
    }
    server.start()?;
    announce(server.addr().to_inet().ok_or("the address is one of the internet")?)?;
    crate::serve(peer, &runtime)
}

fn hello(exchange: Exchange) {
    let mut response = Response::new();
    match response.headers_mut().set("Content-Type", "text/plain") {
        Ok(()) => {
            response.set_body(BODY);
            exchange.respond(response);
        }
        Err(error) => exchange.fail(error),
    }
}
