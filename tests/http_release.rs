//! What becomes of handlers when their server goes.

mod support;

use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};

use nng_oxide::Error;
use nng_oxide::http::{Handler, ServerConfig};
use support::server::{LIMIT, ask, connect, running};

/// Tells on which thread it is dropped.
struct Witness(mpsc::Sender<ThreadId>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// A witness, and where it tells.
fn witness() -> (Arc<Witness>, mpsc::Receiver<ThreadId>) {
    let (tell, hear) = mpsc::channel();
    (Arc::new(Witness(tell)), hear)
}

#[test]
fn a_handler_that_never_finishes_keeps_itself_and_nobody_else() {
    let (slow, slow_is_gone) = witness();
    let (begun, operations) = mpsc::channel();
    let stuck = running(ServerConfig::default());
    let handler = Handler::with_aio("/", move |aio| {
        let _ = begun.send(aio.unpark());
    });
    handler.set_data(Some(slow)).unwrap();
    stuck.add_handler(&handler).unwrap();
    drop(handler);
    let mut client = connect(&stuck);
    ask(&mut client, "GET", "/", "h");
    let operation = operations.recv_timeout(LIMIT).unwrap().expect("the operation has begun");
    drop(stuck);

    let (quick, quick_is_gone) = witness();
    let other = running(ServerConfig::default());
    let handler = Handler::function("/", |_exchange| {});
    handler.set_data(Some(quick)).unwrap();
    other.add_handler(&handler).unwrap();
    drop((handler, other));
    quick_is_gone.recv_timeout(LIMIT).unwrap();

    assert!(slow_is_gone.try_recv().is_err());
    operation.finish(Err(Error::Canceled));
    slow_is_gone.recv_timeout(LIMIT).unwrap();
}

#[test]
fn destructors_never_run_where_the_server_is_let_go() {
    let (witness, is_gone) = witness();
    let server = running(ServerConfig::default());
    let handler = Handler::function("/", move |_exchange| drop(Arc::clone(&witness)));
    server.add_handler(&handler).unwrap();
    drop(handler);
    let idle = connect(&server);
    drop(server);
    assert_ne!(is_gone.recv_timeout(LIMIT).unwrap(), thread::current().id());
    drop(idle);
}
