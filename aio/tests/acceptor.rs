//! Listening sockets as providers see them: addresses, options, readiness, paths.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use nng_aio::net::{AbstractName, Acceptor, Addr, IpcPath, Socket};
use nng_aio::{Error, Runtime};
use support::{Directory, Watch, must};

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Accepts a connection that is on its way.
fn accept(acceptor: &mut Acceptor) -> Socket {
    loop {
        match acceptor.try_accept() {
            Ok(socket) => return socket,
            Err(Error::Again) => std::thread::yield_now(),
            Err(error) => panic!("accepting failed: {error}"),
        }
    }
}

/// Listens at a path that a socket can have.
fn at(path: impl AsRef<Path>, permissions: Option<u32>) -> Result<Acceptor, Error> {
    Acceptor::path(&IpcPath::new(path)?, permissions)
}

fn as_std(socket: &Socket) -> TcpStream {
    socket.as_fd().try_clone_to_owned().expect("a descriptor is free").into()
}

#[test]
fn tells_the_port_that_the_system_chose() {
    let acceptor = Acceptor::tcp(loopback()).unwrap();
    let address = acceptor.socket_addr().unwrap();
    assert_ne!(address.port(), 0);
    TcpStream::connect(address).unwrap();
}

#[test]
fn a_connection_knows_both_ends_though_they_are_gone() {
    for any in [[127, 0, 0, 1], [0, 0, 0, 0]] {
        let mut acceptor = Acceptor::tcp((any, 0).into()).unwrap();
        let port = acceptor.socket_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let address = client.local_addr().unwrap();
        let socket = accept(&mut acceptor);
        drop(client);
        assert_eq!(socket.local_addr(), Addr::from(([127, 0, 0, 1].into(), port)));
        assert_eq!(socket.remote_addr(), address.into());
    }
}

#[test]
fn an_address_in_use_or_foreign_is_refused() {
    let acceptor = Acceptor::tcp(loopback()).unwrap();
    let again = Acceptor::tcp(acceptor.socket_addr().unwrap());
    assert_eq!(again.err(), Some(Error::AddressInUse));
    let foreign = Acceptor::tcp(([192, 0, 2, 1], 0).into());
    assert_eq!(foreign.err(), Some(Error::AddressInvalid));
}

#[test]
fn accepts_what_waits_and_then_says_again() {
    let mut acceptor = Acceptor::tcp(loopback()).unwrap();
    assert_eq!(acceptor.try_accept().err(), Some(Error::Again));
    let address = acceptor.socket_addr().unwrap();
    let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    for client in &mut clients {
        let mut socket = accept(&mut acceptor);
        client.write_all(b"ping").unwrap();
        let mut room = [0; 4];
        while socket.try_recv(&mut room) == Err(Error::Again) {
            std::thread::yield_now();
        }
        assert_eq!(&room, b"ping");
    }
    assert_eq!(acceptor.try_accept().err(), Some(Error::Again));
}

#[test]
fn connections_send_at_once_and_do_not_probe_by_default() {
    let mut acceptor = Acceptor::tcp(loopback()).unwrap();
    let _client = TcpStream::connect(acceptor.socket_addr().unwrap()).unwrap();
    let socket = accept(&mut acceptor);
    assert!(as_std(&socket).nodelay().unwrap());
}

#[test]
fn options_hold_for_connections_accepted_from_then_on() {
    let mut acceptor = Acceptor::tcp(loopback()).unwrap();
    let address = acceptor.socket_addr().unwrap();
    let waits = TcpStream::connect(address).unwrap();
    acceptor.set_nodelay(false).unwrap();
    assert!(!as_std(&accept(&mut acceptor)).nodelay().unwrap(), "also for one that waited");
    acceptor.set_nodelay(true).unwrap();
    let _later = TcpStream::connect(address).unwrap();
    assert!(as_std(&accept(&mut acceptor)).nodelay().unwrap());
    drop(waits);
}

#[test]
fn a_connection_stays_in_the_blocking_mode() {
    let mut acceptor = Acceptor::tcp(loopback()).unwrap();
    let mut client = TcpStream::connect(acceptor.socket_addr().unwrap()).unwrap();
    let socket = accept(&mut acceptor);
    let mut stream = as_std(&socket);
    let reader = std::thread::spawn(move || {
        let mut room = [0; 1];
        stream.read(&mut room)
    });
    client.write_all(b"x").unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), 1);
}

#[test]
fn a_watcher_is_told_of_connections_that_came_before_and_after() {
    let runtime = Runtime::builder().build().unwrap();
    let mut acceptor = Acceptor::tcp(loopback()).unwrap();
    let address = acceptor.socket_addr().unwrap();
    assert_eq!(acceptor.watch(), Err(Error::State), "it is not attached");
    let (watch, ready, closed) = Watch::new();
    acceptor.attach(&runtime, watch).unwrap();
    let _early = TcpStream::connect(address).unwrap();
    acceptor.watch().unwrap();
    assert!(must(&ready).readable);
    drop(accept(&mut acceptor));
    assert_eq!(acceptor.try_accept().err(), Some(Error::Again));
    let _late = TcpStream::connect(address).unwrap();
    assert!(must(&ready).readable);
    assert_eq!(runtime.stats().sources, 1);
    runtime.shutdown();
    must(&closed);
    acceptor.close();
    assert_eq!(runtime.stats().sources, 0);
}

#[test]
fn attaching_to_a_runtime_that_has_ended_is_refused() {
    let runtime = Runtime::builder().build().unwrap();
    runtime.shutdown();
    let mut acceptor = Acceptor::tcp(loopback()).unwrap();
    let (watch, _ready, _closed) = Watch::new();
    assert_eq!(acceptor.attach(&runtime, Arc::clone(&watch) as _), Err(Error::Closed));
}

#[test]
fn closing_refuses_connections_and_frees_the_port() {
    // On an address where nobody else asks for a port meanwhile.
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = if cfg!(target_os = "linux") { [127, high, low, 1] } else { [127, 0, 0, 1] };
    let acceptor = Acceptor::tcp(SocketAddr::from((host, 0))).unwrap();
    let address = acceptor.socket_addr().unwrap();
    acceptor.close();
    assert!(TcpStream::connect(address).is_err());
    Acceptor::tcp(address).unwrap();
}

#[test]
fn a_path_exists_from_listening_to_closing() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let mut acceptor = at(&path, None).unwrap();
    assert!(acceptor.socket_addr().is_none());
    let _client = UnixStream::connect(&path).unwrap();
    drop(accept(&mut acceptor));
    acceptor.close();
    assert!(!path.exists());
}

#[test]
fn paths_that_no_socket_can_have_are_refused() {
    for path in ["", "a\0b", &"x".repeat(108)] {
        assert_eq!(at(path, None).err(), Some(Error::AddressInvalid), "{path:?}");
    }
    let missing = Directory::new().join("nowhere/socket");
    assert_eq!(at(missing, None).err(), Some(Error::NotFound));
}

#[test]
fn permissions_are_the_files_whatever_the_umask() {
    let directory = Directory::new();
    for mode in [0, 0o600, 0o777, 0o4666] {
        let path = directory.join("socket");
        let _acceptor = at(&path, Some(mode)).unwrap();
        let found = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(found & 0o7777, mode);
    }
    let refused = at(directory.join("other"), Some(0o10000));
    assert_eq!(refused.err(), Some(Error::Invalid));
}

#[test]
fn a_socket_file_that_nobody_serves_is_replaced() {
    let directory = Directory::new();
    let path = directory.join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    let mut acceptor = at(&path, None).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    drop(accept(&mut acceptor));
}

#[test]
fn a_file_or_directory_is_never_removed() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, "precious").unwrap();
    assert_eq!(at(&file, None).err(), Some(Error::AddressInUse));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let folder = directory.join("folder");
    fs::create_dir(&folder).unwrap();
    assert_eq!(at(&folder, None).err(), Some(Error::AddressInUse));
    assert!(folder.is_dir());
}

#[test]
fn a_path_that_is_served_stays_and_its_owner_sees_nothing() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let mut owner = at(&path, None).unwrap();
    assert_eq!(at(&path, None).err(), Some(Error::AddressInUse));
    if cfg!(target_os = "linux") {
        assert_eq!(owner.try_accept().err(), Some(Error::Again));
    }
    let _client = UnixStream::connect(&path).unwrap();
    drop(accept(&mut owner));
}

#[test]
fn closing_leaves_a_file_that_took_the_place_of_ours() {
    let directory = Directory::new();
    let path = directory.join("socket");
    let first = at(&path, None).unwrap();
    fs::rename(&path, directory.join("moved")).unwrap();
    let second = at(&path, None).unwrap();
    first.close();
    assert!(path.exists());
    second.close();
    assert!(!path.exists());
}

#[test]
fn an_abstract_name_may_hold_any_bytes_and_leaves_no_file() {
    if !cfg!(target_os = "linux") {
        return;
    }
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr as UnixAddr;
    let name = [b"nng\0\xff".as_slice(), std::process::id().to_string().as_bytes()].concat();
    let mut acceptor = Acceptor::abstract_name(&AbstractName::new(&name).unwrap()).unwrap();
    assert_eq!(
        Acceptor::abstract_name(&AbstractName::new(&name).unwrap()).err(),
        Some(Error::AddressInUse)
    );
    let address = UnixAddr::from_abstract_name(&name).unwrap();
    let _client = UnixStream::connect_addr(&address).unwrap();
    let socket = accept(&mut acceptor);
    assert_eq!(socket.local_addr(), Addr::abstract_from_bytes(&name).unwrap());
    assert_eq!(socket.remote_addr(), socket.local_addr());
    let nameless = Acceptor::abstract_name(&AbstractName::default()).unwrap();
    assert!(matches!(nameless.local_addr(), Addr::Abstract(name) if !name.as_bytes().is_empty()));
}

#[test]
fn unix_sockets_have_no_options_of_tcp() {
    let directory = Directory::new();
    let mut acceptor = at(directory.join("socket"), None).unwrap();
    assert_eq!(acceptor.set_nodelay(true), Err(Error::NotSupported));
    assert_eq!(acceptor.set_keepalive(true), Err(Error::NotSupported));
}
