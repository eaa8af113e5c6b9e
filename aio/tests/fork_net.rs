//! A forked child leaves its parent's streams, listeners and dialers alone.
#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
mod support;

use child::in_child;
use nng_aio::Error;
use nng_aio::net::{Dialer, Listener};
use support::streams::{Kind, connected, recv, send, start_accept, start_dial, start_recv};
use support::{Directory, FOREVER};

#[test]
fn a_child_leaves_its_parents_connections_and_paths_alone() {
    for kind in Kind::ALL {
        let directory = Directory::new();
        let path = directory.join("socket");
        let listener = Listener::ipc(&path).unwrap();
        listener.listen().unwrap();
        let dialer = Dialer::ipc(&path).unwrap();
        let [one, other] = kind.pair();
        let (waits, kept) = (start_recv(&one, 1), one.clone());
        assert!(in_child(|| {
            // None of these may hang or reach the peer.
            let is_refused = one.recv_sync(&mut [0; 1], FOREVER) == Err(Error::Closed);
            one.close();
            drop(waits);
            drop(one);
            drop(listener);
            drop(dialer);
            let own = Listener::ipc(directory.join("other")).unwrap();
            own.listen().unwrap();
            let accept = start_accept(&own);
            connected(&start_dial(&Dialer::new(own.local_addr()).unwrap())).unwrap();
            is_refused && path.exists() && connected(&accept).is_ok()
        }));
        assert_eq!(send(&other, "x"), Ok(1));
        assert_eq!(recv(&kept, 1).unwrap(), b"x");
    }
}
