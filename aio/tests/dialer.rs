//! Dialers: what comes of a dial, several addresses, many at once, ended early.

mod support;

use std::fs;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use nng_aio::net::{Acceptor, Addr, Dialer, Family, IpcPath, Listener, Resolver, Stream};
use nng_aio::{Aio, Error, Runtime, Timeout};
use support::Directory;
use support::streams::{
    connected, dialer_for, listening, received, recv, send, start_accept, start_dial,
};

fn tcp() -> Listener {
    listening(Listener::tcp("127.0.0.1", "0", Family::Any))
}

/// An address of this machine where nobody listens.
fn unused() -> Addr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").into()
}

fn outcome(dialer: &Dialer) -> Option<Error> {
    connected(&start_dial(dialer)).err()
}

/// A resolver that answers with these addresses.
fn answering(addrs: &[Addr]) -> Resolver {
    let addrs = addrs.to_vec();
    Resolver::with_lookup(move |_| Ok(addrs.clone()))
}

fn by_name(addrs: &[Addr]) -> Dialer {
    Dialer::tcp("name.test", "1", Family::Any)
        .expect("host and port are there")
        .with_resolver(&answering(addrs))
}

#[test]
fn a_dial_by_name_or_address_connects() {
    let listener = tcp();
    let port = listener.bound_port().unwrap().to_string();
    let by_literal = Dialer::tcp("127.0.0.1", &port, Family::Any).unwrap();
    let by_name = by_name(&[listener.local_addr()]);
    for dialer in [&dialer_for(&listener), &by_literal, &by_name] {
        let accept = start_accept(&listener);
        let dialed = connected(&start_dial(dialer)).unwrap();
        let accepted = connected(&accept).unwrap();
        assert_eq!(send(&dialed, "x"), Ok(1));
        assert_eq!(recv(&accepted, 1).unwrap(), b"x");
        assert_eq!(dialed.remote_addr(), listener.local_addr());
        assert_eq!(dialed.local_addr(), accepted.remote_addr());
        assert_eq!(dialed.remote_addr(), accepted.local_addr());
        dialed.close();
        assert_eq!(dialed.remote_addr(), listener.local_addr());
    }
}

#[test]
fn localhost_connects() {
    let listener = tcp();
    let port = listener.bound_port().unwrap().to_string();
    let dialer = Dialer::tcp("localhost", &port, Family::V4).unwrap();
    connected(&start_dial(&dialer)).unwrap();
}

#[test]
fn all_addresses_are_tried_in_order() {
    let listener = tcp();
    let dialer = by_name(&[unused(), unused(), listener.local_addr()]);
    let dialed = connected(&start_dial(&dialer)).unwrap();
    assert_eq!(dialed.remote_addr(), listener.local_addr());
}

#[test]
fn the_error_of_the_last_address_is_reported() {
    let broadcast = Addr::from((Ipv4Addr::BROADCAST.into(), 1));
    assert_eq!(outcome(&by_name(&[unused(), broadcast.clone()])), Some(Error::Unreachable));
    assert_eq!(outcome(&by_name(&[broadcast, unused()])), Some(Error::ConnectionRefused));
}

#[test]
fn what_is_wrong_with_an_address_is_told() {
    assert_eq!(outcome(&Dialer::new(unused()).unwrap()), Some(Error::ConnectionRefused));
    let multicast = Dialer::tcp("224.0.0.1", "80", Family::Any).unwrap();
    assert_eq!(outcome(&multicast), Some(Error::Unreachable));
    for (host, port) in [("127.0.0.1", "99999"), ("no such host", "1")] {
        let dialer = Dialer::tcp(host, port, Family::Any).unwrap();
        assert_eq!(outcome(&dialer), Some(Error::AddressInvalid), "{host}:{port}");
    }
    for (host, port) in [("", "1"), ("h", ""), ("", "")] {
        assert_eq!(Dialer::tcp(host, port, Family::Any).err(), Some(Error::AddressInvalid));
    }
    assert_eq!(Dialer::new(Addr::Unspecified).err(), Some(Error::AddressInvalid));
    let scopeless = Dialer::tcp("fe80::1", "1", Family::Any).unwrap();
    if TcpListener::bind("[::1]:0").is_ok() {
        assert_eq!(outcome(&scopeless), Some(Error::Invalid));
    }
}

#[test]
fn an_error_of_the_resolver_ends_the_dial() {
    let dialer = Dialer::tcp("name.test", "1", Family::Any)
        .unwrap()
        .with_resolver(&Resolver::with_lookup(|_| Err(Error::Again)));
    assert_eq!(outcome(&dialer), Some(Error::Again));
}

#[test]
fn a_local_address_is_where_connections_come_from() {
    let listener = tcp();
    let dialer = dialer_for(&listener);
    assert_eq!(dialer.local_addr(), Addr::Unspecified);
    let local = Addr::from(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), 0));
    if cfg!(target_os = "linux") {
        dialer.set_local_addr(&local).unwrap();
        assert_eq!(dialer.local_addr(), local);
        let dialed = connected(&start_dial(&dialer)).unwrap();
        let from = dialed.local_addr().to_inet().unwrap();
        assert_eq!(from.ip(), local.to_inet().unwrap().ip());
    }
    let foreign = Addr::from(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 0));
    dialer.set_local_addr(&foreign).unwrap();
    assert_eq!(outcome(&dialer), Some(Error::AddressInvalid));
    let other_family: SocketAddr = "[::1]:0".parse().unwrap();
    dialer.set_local_addr(&other_family.into()).unwrap();
    let mismatch = outcome(&dialer);
    assert!(matches!(mismatch, Some(Error::NotSupported | Error::Invalid)), "{mismatch:?}");
    for wrong in [Addr::Unspecified, Addr::ipc("x").unwrap(), listener.local_addr()] {
        assert_eq!(dialer.set_local_addr(&wrong), Err(Error::AddressInvalid));
    }
    dialer.close();
    assert_eq!(dialer.set_local_addr(&local), Err(Error::Closed));
}

#[test]
fn addresses_of_another_family_than_the_local_one_are_passed_over() {
    let listener = tcp();
    let v6 = Addr::from("[::1]:1".parse::<SocketAddr>().unwrap());
    let dialer = by_name(&[v6.clone(), listener.local_addr(), v6]);
    dialer.set_local_addr(&Addr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))).unwrap();
    connected(&start_dial(&dialer)).unwrap();
}

#[test]
fn options_of_tcp_are_defaults_of_new_connections() {
    let listener = tcp();
    let dialer = dialer_for(&listener);
    assert_eq!((dialer.nodelay(), dialer.keepalive()), (Ok(true), Ok(false)));
    let dialed = connected(&start_dial(&dialer)).unwrap();
    assert_eq!((dialed.nodelay(), dialed.keepalive()), (Ok(true), Ok(false)));
    dialer.set_nodelay(false).unwrap();
    dialer.set_keepalive(true).unwrap();
    let later = connected(&start_dial(&dialer)).unwrap();
    assert_eq!((later.nodelay(), later.keepalive()), (Ok(false), Ok(true)));
    later.set_nodelay(true).unwrap();
    later.set_keepalive(false).unwrap();
    assert_eq!((later.nodelay(), later.keepalive()), (Ok(true), Ok(false)));
    assert_eq!(dialed.nodelay(), Ok(true), "what there was stays as it was");
    dialer.close();
    dialer.set_nodelay(true).unwrap();
    assert_eq!(dialer.nodelay(), Ok(true));
    later.close();
    assert_eq!(later.nodelay(), Err(Error::Closed));
}

#[test]
fn closing_ends_dials_and_leaves_connections() {
    let listener = tcp();
    let dialer = dialer_for(&listener);
    let accept = start_accept(&listener);
    let dialed = connected(&start_dial(&dialer)).unwrap();
    let accepted = connected(&accept).unwrap();
    dialer.close();
    dialer.close();
    assert_eq!(outcome(&dialer), Some(Error::Closed));
    drop((dialer, listener));
    assert_eq!(send(&dialed, "x"), Ok(1));
    assert_eq!(recv(&accepted, 1).unwrap(), b"x");
}

#[test]
fn many_dials_at_once_are_independent() {
    let runtime = Runtime::builder().build().unwrap();
    let listener = tcp();
    let dialer = dialer_for(&listener).on(&runtime);
    let dials: Vec<_> = (0..50).map(|_| start_dial(&dialer)).collect();
    let streams: Vec<_> = dials.iter().map(|dial| connected(dial).unwrap()).collect();
    assert_eq!(runtime.stats().sources, streams.len());
    drop(streams);
    assert_eq!(runtime.stats().sources, 0);
}

#[test]
fn a_lookup_that_takes_for_ever_can_be_ended() {
    let (tell, hear) = std::sync::mpsc::channel::<()>();
    let hear = nng_aio::sync::Mutex::new(hear);
    let resolver = Resolver::with_lookup(move |_| {
        let _ = hear.lock().recv();
        Err(Error::Again)
    });
    let new = || Dialer::tcp("name.test", "1", Family::Any).unwrap().with_resolver(&resolver);
    let dialer = new();
    let dials: Vec<_> = (0..3).map(|_| start_dial(&dialer)).collect();
    dials[0].abort(Error::Permission);
    assert_eq!(connected(&dials[0]).err(), Some(Error::Permission));
    let limited = Aio::without_callback();
    limited.set_timeout(Duration::from_millis(1));
    dialer.dial(&limited);
    assert_eq!(connected(&limited).err(), Some(Error::TimedOut));
    dialer.close();
    assert_eq!(connected(&dials[1]).err(), Some(Error::Closed));
    assert_eq!(connected(&dials[2]).err(), Some(Error::Closed));
    let other = new();
    let dial = start_dial(&other);
    drop(other);
    assert_eq!(connected(&dial).err(), Some(Error::Closed));
    drop(tell);
}

/// Connects until the listener takes no more for now.
fn stuff(mut connect: impl FnMut() -> bool) {
    assert!((0..1000).any(|_| !connect()), "a backlog has an end");
}

/// A TCP listener that answers no further connection, and those that wait there.
fn full() -> (Acceptor, Vec<TcpStream>) {
    let acceptor = Acceptor::tcp(([127, 0, 0, 1], 0).into()).expect("a port is free");
    let address = acceptor.socket_addr().expect("it is TCP");
    let mut waiting = Vec::new();
    stuff(|| {
        let connected = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        let is_connected = connected.is_ok();
        waiting.extend(connected);
        is_connected
    });
    (acceptor, waiting)
}

#[test]
fn a_connect_that_takes_time_can_be_ended() {
    let runtime = Runtime::builder().build().unwrap();
    let (acceptor, _waiting) = full();
    let dialer = Dialer::new(acceptor.local_addr().clone()).unwrap().on(&runtime);
    let (canceled, closed) = (start_dial(&dialer), start_dial(&dialer));
    assert!(canceled.is_busy() && closed.is_busy());
    canceled.cancel();
    assert_eq!(connected(&canceled).err(), Some(Error::Canceled));
    let limited = Aio::without_callback();
    for (limit, error) in [(0, Error::TimedOut), (1, Error::TimedOut)] {
        limited.set_timeout(Duration::from_millis(limit));
        dialer.dial(&limited);
        assert_eq!(connected(&limited).err(), Some(error));
    }
    dialer.close();
    assert_eq!(connected(&closed).err(), Some(Error::Closed));
    assert_eq!(runtime.stats().sources, 0);
    let again = Dialer::new(acceptor.local_addr().clone()).unwrap().on(&runtime);
    let dial = start_dial(&again);
    runtime.shutdown();
    assert_eq!(connected(&dial).err(), Some(Error::Closed));
}

#[test]
fn a_connect_that_takes_time_comes_through() {
    let (mut acceptor, waiting) = full();
    let dialer = Dialer::new(acceptor.local_addr().clone()).unwrap();
    let dials: Vec<_> = (0..3).map(|_| start_dial(&dialer)).collect();
    let mut accepted = Vec::new();
    while accepted.len() < waiting.len() + dials.len() {
        match acceptor.try_accept() {
            Ok(mut socket) => {
                assert_eq!(socket.try_send(&[IoSlice::new(b"hello")]), Ok(5));
                accepted.push(socket);
            }
            Err(error) => assert_eq!(error, Error::Again),
        }
        std::thread::yield_now();
    }
    for dial in &dials {
        let dialed = connected(dial).unwrap();
        assert_eq!(dialed.nodelay(), Ok(true));
        // It is in the blocking mode again.
        let mut room = [0; 8];
        assert_eq!(dialed.recv_sync(&mut room, Timeout::Infinite), Ok(5));
        assert_eq!(&room[..5], b"hello");
        // And free to be watched as a stream.
        let waits = Aio::without_callback();
        waits.set_timeout(Duration::from_millis(1));
        waits.set_buffer(vec![0; 8]).unwrap();
        dialed.recv(&waits);
        assert_eq!(received(&waits), Err(Error::TimedOut));
    }
}

#[test]
fn an_address_that_does_not_answer_gives_way_to_the_next() {
    let runtime = Runtime::builder().build().unwrap();
    let (acceptor, _waiting) = full();
    let listener = tcp();
    let silent = acceptor.local_addr().clone();
    let addrs = [silent.clone(), silent, unused(), listener.local_addr()];
    let dialed = connected(&start_dial(&by_name(&addrs).on(&runtime))).unwrap();
    assert_eq!(dialed.remote_addr(), listener.local_addr());
    assert_eq!(runtime.stats().sources, 1, "the losers are gone");
}

#[test]
fn a_refusal_does_not_end_what_other_addresses_may_answer() {
    let (mut acceptor, waiting) = full();
    let silent = acceptor.local_addr().clone();
    let dialer = by_name(&[silent.clone(), unused()]);
    let dial = start_dial(&dialer);
    let mut accepted = Vec::new();
    while accepted.len() <= waiting.len() {
        accepted.extend(acceptor.try_accept().ok());
        std::thread::yield_now();
    }
    assert_eq!(connected(&dial).unwrap().remote_addr(), silent);
}

#[test]
fn a_provider_makes_of_a_connection_what_it_likes() {
    let listener = tcp();
    let dialer = dialer_for(&listener);
    let aio = Aio::without_callback();
    dialer.dial_with(aio.begin().unwrap(), |socket, _| Ok(socket.remote_addr()));
    aio.wait();
    assert_eq!(aio.take_output::<Addr>(0), Some(listener.local_addr()));
    dialer.dial_with(aio.begin().unwrap(), |_, _| Err::<(), _>(Error::NotSupported));
    aio.wait();
    assert_eq!(aio.outcome(), Err(Error::NotSupported));
}

#[test]
fn a_full_backlog_of_a_unix_listener_is_waited_for() {
    let runtime = Runtime::builder().build().unwrap();
    let directory = Directory::new();
    let path = directory.join("socket");
    let mut acceptor = Acceptor::path(&IpcPath::new(&path).unwrap(), None).unwrap();
    let dialer = Arc::new(Dialer::ipc(&path).unwrap().on(&runtime));
    let mut waiting = Vec::new();
    let probe = Aio::without_callback();
    probe.set_timeout(Duration::ZERO);
    stuff(|| {
        dialer.dial(&probe);
        let dialed = connected(&probe);
        let is_connected = dialed.is_ok();
        waiting.extend(dialed);
        is_connected
    });
    let dials: Vec<_> = (0..3).map(|_| start_dial(&dialer)).collect();
    dials[1].cancel();
    assert_eq!(connected(&dials[1]).err(), Some(Error::Canceled));
    probe.set_timeout(Duration::from_millis(3));
    dialer.dial(&probe);
    assert_eq!(connected(&probe).err(), Some(Error::TimedOut));
    assert!(dials[0].is_busy() && dials[2].is_busy());
    acceptor.try_accept().unwrap();
    acceptor.try_accept().unwrap();
    for dial in [&dials[0], &dials[2]] {
        connected(dial).unwrap();
    }
    let late = start_dial(&dialer);
    assert!(late.is_busy());
    runtime.shutdown();
    assert_eq!(connected(&late).err(), Some(Error::Closed));
}

#[test]
fn what_is_at_a_path_decides() {
    let directory = Directory::new();
    let refused = |path: &std::path::Path| outcome(&Dialer::ipc(path).unwrap());
    assert_eq!(refused(&directory.join("missing")), Some(Error::ConnectionRefused));
    let stale = directory.join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    assert_eq!(refused(&stale), Some(Error::ConnectionRefused));
    let file = directory.join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(refused(&file), Some(Error::ConnectionRefused));
    assert_eq!(refused(&directory.join("")), Some(Error::ConnectionRefused));
    assert_eq!(refused(&file.join("below")), Some(Error::System(libc::ENOTDIR)));
    assert_eq!(Dialer::ipc("x".repeat(108)).err(), Some(Error::AddressInvalid));
    assert_eq!(Dialer::ipc("").err(), Some(Error::AddressInvalid));
}

#[test]
fn unix_dialers_have_no_options() {
    let dialer = Dialer::ipc("x").unwrap();
    assert_eq!(dialer.nodelay(), Err(Error::NotSupported));
    assert_eq!(dialer.set_nodelay(true), Err(Error::NotSupported));
    assert_eq!(dialer.keepalive(), Err(Error::NotSupported));
    assert_eq!(dialer.set_keepalive(true), Err(Error::NotSupported));
    let local = Addr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
    assert_eq!(dialer.set_local_addr(&local), Err(Error::NotSupported));
}

#[test]
fn abstract_names_are_bytes() {
    if !cfg!(target_os = "linux") {
        return;
    }
    assert_eq!(outcome(&Dialer::abstract_name(b"").unwrap()), Some(Error::AddressInvalid));
    let name = format!("nng\0dialer{}", std::process::id());
    let nobody = Dialer::abstract_name(name.as_bytes()).unwrap();
    assert_eq!(outcome(&nobody), Some(Error::ConnectionRefused));
    let _listener = listening(Listener::abstract_name(name.as_bytes()));
    let dialed = connected(&start_dial(&nobody)).unwrap();
    assert_eq!(dialed.local_addr(), Addr::abstract_from_bytes(name.as_bytes()).unwrap());
    assert_eq!(dialed.remote_addr(), dialed.local_addr());
}

#[test]
fn foreign_sockets_connect_too() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let listener = listening(Listener::ipc(&path));
    let foreign = UnixStream::connect(&path).unwrap();
    let accepted: Stream = connected(&start_accept(&listener)).unwrap();
    drop(foreign);
    assert_eq!(recv(&accepted, 1), Err(Error::ConnectionShutdown));
}

#[test]
fn callbacks_get_their_streams() {
    let listener = tcp();
    let dialer = dialer_for(&listener);
    let (tell, hear) = std::sync::mpsc::channel();
    let aio = Aio::new(move |aio| support::send(&tell, aio.take_output::<Stream>(0)));
    for _ in 0..20 {
        dialer.dial(&aio);
        let dialed = support::must(&hear).expect("it connects");
        aio.wait();
        assert!(!dialed.is_closed());
    }
}

#[test]
fn the_peer_of_an_address_that_stands_for_this_machine_is_the_one_that_was_found() {
    let listener = listening(Listener::new(Addr::from(SocketAddr::from(([127, 0, 0, 1], 0)))));
    let port = listener.local_addr().to_inet().unwrap().port();
    let dialer = Dialer::new(Addr::from(SocketAddr::from(([0, 0, 0, 0], port)))).unwrap();
    let dialed = connected(&start_dial(&dialer)).unwrap();
    assert_eq!(dialed.remote_addr(), listener.local_addr());
}
