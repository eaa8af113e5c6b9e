//! A forked child of a process that has servers.
#![cfg(unix)]

#[path = "../aio/tests/support/child.rs"]
mod child;

use child::in_child;
use nng_aio::Error;
use nng_oxide::Url;
use nng_oxide::http::Server;

#[test]
fn a_child_holds_servers_of_its_own() {
    let url: Url = "http://127.1.0.7:0".parse().unwrap();
    let server = Server::hold(&url).unwrap();
    assert!(in_child(|| {
        let own = Server::hold(&url).unwrap();
        let starts = own.start() == Ok(()) && own.addr().port() != Some(0);
        own.stop();
        starts && server.start() == Err(Error::Closed)
    }));
    assert_eq!(server.start(), Ok(()), "the parent's is as it was");
    server.stop();
}
