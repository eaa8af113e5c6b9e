//! Listeners: states, order of accepts, options, over TCP and Unix sockets.

mod support;

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nng_aio::net::{Addr, Dialer, Family, Listener};
use nng_aio::{Error, Runtime, codes};
use support::streams::{
    connected, dialer_for, listening, pair_through, recv, send, start_accept, start_dial,
};
use support::{Directory, telling};

fn tcp() -> Result<Listener, Error> {
    Listener::tcp("127.0.0.1", "0", Family::Any)
}

/// Does the same with a listener of each kind.
fn each(test: impl Fn(&dyn Fn() -> Result<Listener, Error>)) {
    test(&tcp);
    let directory = Directory::new();
    test(&|| Listener::ipc(directory.join("socket")));
    if cfg!(target_os = "linux") {
        test(&|| Listener::abstract_name(b""));
    }
}

#[test]
fn connections_carry_bytes_both_ways() {
    each(|new| {
        let listener = listening(new());
        for _ in 0..3 {
            let [dialed, accepted] = pair_through(&listener);
            assert_eq!(send(&dialed, "ping"), Ok(4));
            assert_eq!(recv(&accepted, 8).unwrap(), b"ping");
            assert_eq!(send(&accepted, "pong"), Ok(4));
            assert_eq!(recv(&dialed, 8).unwrap(), b"pong");
        }
    });
}

#[test]
fn listening_twice_is_refused_and_so_is_accepting_before() {
    each(|new| {
        let listener = new().unwrap();
        assert_eq!(connected(&start_accept(&listener)).err(), Some(Error::State));
        listener.listen().unwrap();
        assert_eq!(listener.listen(), Err(Error::State));
        listener.close();
        assert_eq!(listener.listen(), Err(Error::State));
        assert_eq!(connected(&start_accept(&listener)).err(), Some(Error::Closed));
    });
}

#[test]
fn one_that_was_closed_before_it_listened_stays_closed() {
    each(|new| {
        let listener = new().unwrap();
        listener.close();
        assert_eq!(listener.listen(), Err(Error::Closed));
        assert_eq!(connected(&start_accept(&listener)).err(), Some(Error::Closed));
        listener.close();
    });
}

#[test]
fn listening_that_failed_can_be_tried_again() {
    each(|new| {
        let first = listening(new());
        let second = Listener::new(first.local_addr()).unwrap();
        assert_eq!(second.listen(), Err(Error::AddressInUse));
        assert_eq!(connected(&start_accept(&second)).err(), Some(Error::State));
        first.close();
        second.listen().unwrap();
        pair_through(&second);
    });
}

#[test]
fn accepts_are_served_in_order() {
    each(|new| {
        let listener = listening(new());
        let accepts: Vec<_> = (0..8).map(|_| start_accept(&listener)).collect();
        for (index, accept) in accepts.iter().enumerate() {
            assert!(accept.is_busy());
            let dialed = connected(&start_dial(&dialer_for(&listener))).unwrap();
            assert_eq!(send(&dialed, vec![u8::try_from(index).unwrap()]), Ok(1));
            let accepted = connected(accept).unwrap();
            assert_eq!(recv(&accepted, 1).unwrap(), [u8::try_from(index).unwrap()]);
        }
    });
}

#[test]
fn connections_that_came_before_are_accepted_at_once() {
    each(|new| {
        let listener = listening(new());
        let dialer = dialer_for(&listener);
        let dialed: Vec<_> = (0..8).map(|_| connected(&start_dial(&dialer)).unwrap()).collect();
        let accept = nng_aio::Aio::without_callback();
        accept.set_timeout(Duration::ZERO);
        let mut count = 0;
        while count < dialed.len() {
            listener.accept(&accept);
            match connected(&accept) {
                Ok(_) => count += 1,
                // Over TCP the last step of a connection may take a moment.
                Err(error) => assert_eq!(error, Error::TimedOut),
            }
        }
        listener.accept(&accept);
        assert_eq!(connected(&accept).err(), Some(Error::TimedOut));
    });
}

#[test]
fn canceling_one_accept_leaves_the_others() {
    each(|new| {
        let listener = listening(new());
        let accepts: Vec<_> = (0..3).map(|_| start_accept(&listener)).collect();
        accepts[0].cancel();
        accepts[1].abort(Error::Permission);
        assert_eq!(connected(&accepts[0]).err(), Some(Error::Canceled));
        assert_eq!(connected(&accepts[1]).err(), Some(Error::Permission));
        let _dialed = connected(&start_dial(&dialer_for(&listener))).unwrap();
        connected(&accepts[2]).unwrap();
    });
}

#[test]
fn an_accept_that_times_out_takes_no_connection() {
    each(|new| {
        let listener = listening(new());
        let accept = nng_aio::Aio::without_callback();
        accept.set_timeout(Duration::from_millis(1));
        listener.accept(&accept);
        assert_eq!(connected(&accept).err(), Some(Error::TimedOut));
        pair_through(&listener);
    });
}

#[test]
fn closing_ends_accepts_and_leaves_connections() {
    each(|new| {
        let listener = listening(new());
        let [dialed, accepted] = pair_through(&listener);
        let accepts = [start_accept(&listener), start_accept(&listener)];
        let dialer = dialer_for(&listener);
        listener.close();
        for accept in &accepts {
            assert_eq!(connected(accept).err(), Some(Error::Closed));
        }
        assert_eq!(connected(&start_dial(&dialer)).err(), Some(Error::ConnectionRefused));
        assert_eq!(send(&dialed, "still"), Ok(5));
        assert_eq!(recv(&accepted, 8).unwrap(), b"still");
    });
}

#[test]
fn dropping_closes() {
    each(|new| {
        let listener = listening(new());
        let accept = start_accept(&listener);
        drop(listener);
        assert_eq!(connected(&accept).err(), Some(Error::Closed));
    });
}

#[test]
fn the_end_of_its_runtime_closes_it() {
    each(|new| {
        let runtime = Runtime::builder().build().unwrap();
        let listener = listening(new().map(|listener| listener.on(&runtime)));
        let accept = start_accept(&listener);
        runtime.shutdown();
        assert_eq!(connected(&accept).err(), Some(Error::Closed));
        assert_eq!(runtime.stats().sources, 0);
        let late = new().unwrap().on(&runtime);
        assert_eq!(late.listen(), Err(Error::Closed));
    });
}

#[test]
fn a_callback_may_accept_again_and_again() {
    each(|new| {
        let listener = std::sync::Arc::new(listening(new()));
        let (tell, hear) = std::sync::mpsc::channel();
        let again = std::sync::Arc::downgrade(&listener);
        let aio = nng_aio::Aio::new(move |aio| {
            let stream = aio.take_output::<nng_aio::net::Stream>(0);
            support::send(&tell, (aio.result(), stream));
            if let Some(listener) = again.upgrade() {
                listener.accept(aio);
            }
        });
        listener.accept(&aio);
        let dialer = dialer_for(&listener);
        for _ in 0..50 {
            let dialed = connected(&start_dial(&dialer)).unwrap();
            let (result, accepted) = support::must(&hear);
            assert_eq!(result, 0);
            assert_eq!(send(&dialed, "x"), Ok(1));
            assert_eq!(recv(&accepted.unwrap(), 1).unwrap(), b"x");
        }
        aio.stop();
    });
}

#[test]
fn a_stream_that_nobody_takes_is_closed_with_the_next_operation() {
    each(|new| {
        let listener = listening(new());
        let accept = start_accept(&listener);
        let dialed = connected(&start_dial(&dialer_for(&listener))).unwrap();
        accept.wait();
        listener.accept(&accept);
        assert_eq!(recv(&dialed, 1), Err(Error::ConnectionShutdown));
    });
}

#[test]
fn the_address_and_port_of_tcp_are_known_once_it_listens() {
    let listener = tcp().unwrap();
    assert_eq!(listener.local_addr(), Addr::Unspecified);
    assert_eq!(listener.bound_port(), Err(Error::State));
    listener.listen().unwrap();
    let addr = listener.local_addr();
    let port = listener.bound_port().unwrap();
    assert_ne!(port, 0);
    assert_eq!(addr.port(), Some(port));
    listener.close();
    assert_eq!(listener.local_addr(), addr);
    assert_eq!(listener.bound_port(), Ok(port));
    let never = tcp().unwrap();
    never.close();
    assert_eq!(never.local_addr(), Addr::Unspecified);
    assert_eq!(never.bound_port(), Err(Error::State));
}

#[test]
fn a_wildcard_is_that_of_ipv4_unless_asked_otherwise() {
    let any = listening(Listener::tcp("", "0", Family::Any));
    assert_eq!(any.local_addr().to_inet().unwrap().ip().to_string(), "0.0.0.0");
    let v6 = Listener::tcp("", "0", Family::V6).unwrap();
    if v6.listen().is_ok() {
        assert_eq!(v6.local_addr().to_inet().unwrap().ip().to_string(), "::");
        pair_through(&v6);
    }
}

#[test]
fn addresses_that_make_no_sense_are_refused_early() {
    for (host, port) in [("", ""), ("127.0.0.1", "99999"), ("no such host", "1")] {
        let refused = Listener::tcp(host, port, Family::Any).err();
        assert_eq!(refused, Some(Error::AddressInvalid), "{host}:{port}");
    }
    assert_eq!(Listener::ipc("").err(), Some(Error::AddressInvalid));
    assert_eq!(Listener::ipc("x".repeat(108)).err(), Some(Error::AddressInvalid));
    assert_eq!(Listener::abstract_name(&[b'x'; 108]).err(), Some(Error::AddressInvalid));
    assert_eq!(Listener::new(Addr::Unspecified).err(), Some(Error::AddressInvalid));
    let foreign = Listener::tcp("192.0.2.1", "0", Family::Any).unwrap();
    assert_eq!(foreign.listen(), Err(Error::AddressInvalid));
}

#[test]
fn options_of_tcp_are_defaults_of_new_connections() {
    let listener = tcp().unwrap();
    assert_eq!(listener.nodelay(), Ok(true));
    assert_eq!(listener.keepalive(), Ok(false));
    listener.set_keepalive(true).unwrap();
    listener.listen().unwrap();
    let [_dialed, accepted] = pair_through(&listener);
    assert_eq!((accepted.nodelay(), accepted.keepalive()), (Ok(true), Ok(true)));
    listener.set_nodelay(false).unwrap();
    listener.set_keepalive(false).unwrap();
    let [_dialed, later] = pair_through(&listener);
    assert_eq!((later.nodelay(), later.keepalive()), (Ok(false), Ok(false)));
    assert_eq!(accepted.keepalive(), Ok(true), "what there was stays as it was");
    listener.close();
    listener.set_nodelay(true).unwrap();
    assert_eq!(listener.nodelay(), Ok(true));
    assert_eq!(listener.set_permissions(0), Err(Error::NotSupported));
}

#[test]
fn unix_listeners_know_their_address_from_the_beginning() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let listener = Listener::ipc(&path).unwrap();
    assert_eq!(listener.local_addr(), Addr::ipc(&path).unwrap());
    assert_eq!(listener.bound_port(), Err(Error::NotSupported));
    assert_eq!(listener.nodelay(), Err(Error::NotSupported));
    assert_eq!(listener.set_keepalive(true), Err(Error::NotSupported));
    listener.listen().unwrap();
    let ends = pair_through(&listener);
    for stream in &ends {
        assert_eq!(stream.local_addr(), listener.local_addr());
        assert_eq!(stream.remote_addr(), listener.local_addr());
    }
}

#[test]
fn an_abstract_name_that_the_system_chose_is_told() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let listener = Listener::abstract_name(b"").unwrap();
    assert_eq!(listener.local_addr(), Addr::abstract_from_bytes(b"").unwrap());
    listener.listen().unwrap();
    let Addr::Abstract(name) = listener.local_addr() else { panic!("it is abstract") };
    assert!(!name.as_bytes().is_empty());
    for stream in pair_through(&listener) {
        assert_eq!(stream.local_addr(), listener.local_addr());
        assert_eq!(stream.remote_addr(), listener.local_addr());
    }
}

#[test]
fn permissions_are_set_before_listening_only() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let listener = Listener::ipc(&path).unwrap();
    for wrong in [0o10000, 0o140_777, u32::MAX] {
        assert_eq!(listener.set_permissions(wrong), Err(Error::Invalid));
    }
    listener.set_permissions(0o640).unwrap();
    listener.set_permissions(0).unwrap();
    listener.listen().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0);
    assert_eq!(listener.set_permissions(0o600), Err(Error::Busy));
    listener.close();
    assert_eq!(listener.set_permissions(0o600), Err(Error::Busy));
    let nameless = Listener::abstract_name(b"").unwrap();
    assert_eq!(nameless.set_permissions(0o170_000), Ok(()));
    assert_eq!(nameless.set_permissions(0o170_001), Err(Error::Invalid));
}

#[test]
fn a_path_is_removed_by_closing_if_it_still_is_ours() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let listener = listening(Listener::ipc(&path));
    listener.close();
    assert!(!path.exists());
    let listener = listening(Listener::ipc(&path));
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    listener.close();
    assert!(path.exists());
    drop(other);
}

#[test]
fn what_is_at_a_path_decides() {
    let directory = Directory::new();
    let stale = directory.join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    listening(Listener::ipc(&stale));
    let file = directory.join("file");
    fs::write(&file, "precious").unwrap();
    assert_eq!(Listener::ipc(&file).unwrap().listen(), Err(Error::AddressInUse));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let folder = directory.join("");
    assert_eq!(Listener::ipc(folder).unwrap().listen(), Err(Error::AddressInUse));
    let nowhere = directory.join("missing/socket");
    assert_eq!(Listener::ipc(nowhere).unwrap().listen(), Err(Error::NotFound));
}

#[test]
fn another_listener_at_a_served_path_leaves_no_trace_there() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let owner = listening(Listener::ipc(&path));
    let (aio, hear) = telling();
    owner.accept(&aio);
    assert_eq!(Listener::ipc(&path).unwrap().listen(), Err(Error::AddressInUse));
    let client = UnixStream::connect(&path).unwrap();
    assert_eq!(support::must(&hear), 0);
    let accepted = aio.take_output::<nng_aio::net::Stream>(0).unwrap();
    drop(client);
    // Had the question been accepted, this stream would be it and have ended long ago; there is
    // one connection only.
    assert_eq!(recv(&accepted, 1), Err(Error::ConnectionShutdown));
    if cfg!(target_os = "linux") {
        aio.set_timeout(Duration::ZERO);
        owner.accept(&aio);
        assert_eq!(support::must(&hear), codes::NNG_ETIMEDOUT);
    }
}

#[test]
fn connections_given_up_while_they_waited_are_harmless() {
    let listener = listening(tcp());
    let port = listener.bound_port().unwrap();
    for _ in 0..20 {
        drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    }
    for _ in 0..20 {
        let accepted = connected(&start_accept(&listener)).unwrap();
        assert_eq!(recv(&accepted, 1), Err(Error::ConnectionShutdown));
    }
    pair_through(&listener);
}

#[test]
fn peers_are_known_by_their_credentials() {
    let directory = Directory::new();
    let listener = listening(Listener::ipc(directory.join("socket")));
    for stream in pair_through(&listener) {
        let peer = stream.peer_credentials().unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(peer.pid, Some(std::process::id()));
        }
        let mine = fs::metadata(directory.join("socket")).unwrap();
        assert_eq!(peer.uid, std::os::unix::fs::MetadataExt::uid(&mine));
        stream.close();
        assert_eq!(stream.peer_credentials(), Err(Error::Closed));
    }
    let [dialed, _accepted] = pair_through(&listening(tcp()));
    assert_eq!(dialed.peer_credentials(), Err(Error::NotSupported));
    assert!(Dialer::ipc("x".repeat(107)).is_ok());
}
