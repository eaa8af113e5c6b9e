//! `GET /hello` by a function handler of the HTTP server.

use nng_oxide::Url;
use nng_oxide::http::{Exchange, Handler, Response, Server, ServerConfig};
use nng_oxide_benches::peer::Peer;
use nng_oxide_benches::sockets::announce;
use nng_oxide_benches::{BODY, Result};

pub fn run(peer: &Peer) -> Result<()> {
    let url: Url = format!("http://{}", peer.addr).parse()?;
    let runtime = crate::runtime(peer)?;
    let server = Server::on(&runtime, &url, ServerConfig::default())?;
    server.add_handler(&Handler::function("/hello", hello))?;
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
