//! Streams that are made by URL, and their options.

#[path = "support/directory.rs"]
mod directory;

use std::time::Duration;

use nng_aio::net::Addr;
use nng_oxide::option::{self, Options, Value};
use nng_oxide::stream::{Dialer, Listener, Stream};
use nng_oxide::{Error, Url};

use directory::Directory;

/// How long a test waits for something that must happen, before it fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(60);

fn url(text: &str) -> Url {
    Url::parse(text).expect("it is a URL")
}

fn dialer(text: &str) -> Result<Dialer, Error> {
    Dialer::new(&url(text))
}

fn listener(text: &str) -> Result<Listener, Error> {
    Listener::new(&url(text))
}

fn listening(text: &str) -> Listener {
    let listener = listener(text).expect("the URL leads somewhere");
    listener.listen().expect("the place is free");
    listener
}

/// Runs one operation and waits for its end.
fn run(start: impl FnOnce(&nng_aio::Aio), buffer: Vec<u8>) -> Result<nng_aio::Aio, Error> {
    let aio = nng_aio::Aio::without_callback();
    aio.set_timeout(LIMIT);
    aio.set_buffer(buffer).expect("it is idle");
    start(&aio);
    aio.wait();
    aio.outcome().map(|()| aio)
}

/// The two ends of a connection: of the dialer, and of the listener.
fn connect(listener: &Listener, text: &str) -> (Stream, Stream) {
    let dialer = dialer(text).expect("the URL leads somewhere");
    let ours = run(|aio| dialer.dial(aio), Vec::new()).expect("somebody listens");
    let theirs = run(|aio| listener.accept(aio), Vec::new()).expect("a connection waits");
    let end = |aio: &nng_aio::Aio| aio.take_output(0).expect("it was made");
    (end(&ours), end(&theirs))
}

fn carries_bytes(ours: &Stream, theirs: &Stream) {
    for (from, to) in [(ours, theirs), (theirs, ours)] {
        let sent = run(|aio| from.send(aio), b"hello".to_vec()).expect("there is room");
        assert_eq!(sent.count(), 5);
        let received = run(|aio| to.recv(aio), vec![0; 9]).expect("something was sent");
        assert_eq!(&received.take_buffer()[..received.count()], b"hello");
    }
}

#[test]
fn tcp_urls_lead_to_streams() {
    for (scheme, host) in [("tcp", "127.0.0.1"), ("tcp4", "localhost"), ("tcp", "*")] {
        let listener = listening(&format!("{scheme}://{host}:0"));
        let port = listener.option(option::TCP_BOUND_PORT).unwrap().into_int().unwrap();
        let (ours, theirs) = connect(&listener, &format!("{scheme}://127.0.0.1:{port}/ignored"));
        carries_bytes(&ours, &theirs);
    }
}

#[test]
fn unix_urls_lead_to_streams() {
    let directory = Directory::new();
    for scheme in ["ipc", "unix"] {
        let text = directory.url(scheme, "a%20socket");
        let listener = listening(&text);
        let (ours, theirs) = connect(&listener, &text);
        carries_bytes(&ours, &theirs);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn abstract_urls_lead_to_streams() {
    let text = format!("abstract://nng%00url{}", std::process::id());
    let listener = listening(&text);
    let (ours, theirs) = connect(&listener, &text);
    carries_bytes(&ours, &theirs);
    // The system chooses a name, which may hold anything.
    let listener = listening("abstract://");
    let Addr::Abstract(name) = listener.local_addr() else { panic!("it has a name") };
    let escaped: String = name.as_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
    let (ours, theirs) = connect(&listener, &format!("abstract://{escaped}"));
    carries_bytes(&ours, &theirs);
}

#[test]
fn what_leads_nowhere_is_refused_at_once_or_by_the_dial() {
    use Error::{AddressInvalid, NotSupported};
    let long = format!("ipc:///{}", "x".repeat(107));
    for (text, of_dialer, of_listener) in [
        ("inproc://a", Some(NotSupported), Some(NotSupported)),
        ("http://127.0.0.1", Some(NotSupported), Some(NotSupported)),
        ("tcp://*:5", Some(AddressInvalid), None),
        ("tcp://:0", Some(AddressInvalid), None),
        ("tcp://127.0.0.1", Some(AddressInvalid), None),
        ("tcp://", Some(AddressInvalid), Some(AddressInvalid)),
        ("tcp://127.0.0.1:65536", None, Some(AddressInvalid)),
        ("tcp://127.0.0.1:no-such-service", None, Some(AddressInvalid)),
        ("tcp4://[::1]:5", None, Some(AddressInvalid)),
        ("ipc://", Some(AddressInvalid), Some(AddressInvalid)),
        (&long, Some(AddressInvalid), Some(AddressInvalid)),
    ] {
        assert_eq!(dialer(text).err(), of_dialer, "dialer for {text}");
        assert_eq!(listener(text).err(), of_listener, "listener for {text}");
        if let (Ok(dialer), Some(error)) = (dialer(text), of_listener) {
            assert_eq!(run(|aio| dialer.dial(aio), Vec::new()).err(), Some(error), "dial {text}");
        }
    }
}

#[test]
fn a_closed_dialer_dials_no_more_and_a_closed_listener_accepts_no_more() {
    let listener = listening("tcp://127.0.0.1:0");
    let dialer = dialer(&format!("tcp://{}", listener.local_addr())).unwrap();
    dialer.close();
    listener.close();
    assert_eq!(run(|aio| dialer.dial(aio), Vec::new()).err(), Some(Error::Closed));
    assert_eq!(run(|aio| listener.accept(aio), Vec::new()).err(), Some(Error::Closed));
    assert_eq!(listener.listen(), Err(Error::State));
}

/// What one object answers for one option: reading, setting to a value of its type.
type Answers = (Result<(), Error>, Result<(), Error>);

const READS: Answers = (Ok(()), Err(Error::ReadOnly));
const SETS: Answers = (Err(Error::WriteOnly), Ok(()));
const BOTH: Answers = (Ok(()), Ok(()));
const NONE: Answers = (Err(Error::NotSupported), Err(Error::NotSupported));

/// Compares what an object answers with a row for each option.
fn answers(object: &impl Options, name: &str, expected: [Answers; 9]) {
    let any_port = Addr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    let options = [
        (option::LOCAL_ADDRESS, Value::Addr(any_port)),
        (option::REMOTE_ADDRESS, Value::Addr(Addr::Unspecified)),
        (option::TCP_NODELAY, Value::Bool(false)),
        (option::TCP_KEEPALIVE, Value::Bool(true)),
        (option::TCP_BOUND_PORT, Value::Int(5)),
        (option::IPC_PERMISSIONS, Value::Int(0o600)),
        (option::PEER_PID, Value::Uint64(5)),
        (option::PEER_UID, Value::Uint64(5)),
        ("ipc:peer-zoneid", Value::Uint64(5)),
    ];
    for ((option, value), (reads, sets)) in options.into_iter().zip(expected) {
        let read = object.option(option);
        if let Ok(read) = &read {
            let same_type = std::mem::discriminant(read) == std::mem::discriminant(&value);
            assert!(same_type, "{name}: type of {option}");
        }
        assert_eq!(read.map(drop), reads, "{name}: reading {option}");
        if sets == Ok(()) {
            let odd = object.set_option(option, Value::Size(1));
            assert_eq!(odd, Err(Error::BadType), "{name}: setting {option} to another type");
        }
        assert_eq!(object.set_option(option, value.clone()), sets, "{name}: setting {option}");
        if (reads, sets) == BOTH {
            assert_eq!(object.option(option), Ok(value), "{name}: {option} was set");
        }
    }
    assert_eq!(object.option("url"), Err(Error::NotSupported));
}

#[test]
fn every_object_has_the_options_of_its_row() {
    let directory = Directory::new();
    let path = directory.url("ipc", "s");

    let tcp = listener("tcp://127.0.0.1:0").unwrap();
    assert_eq!(tcp.option(option::TCP_BOUND_PORT), Err(Error::State), "it does not listen yet");
    assert_eq!(tcp.option(option::LOCAL_ADDRESS), Ok(Value::Addr(Addr::Unspecified)));
    tcp.listen().unwrap();
    answers(&tcp, "tcp listener", [READS, NONE, BOTH, BOTH, READS, NONE, NONE, NONE, NONE]);
    let to_tcp = format!("tcp://{}", tcp.local_addr());
    let row = [BOTH, NONE, BOTH, BOTH, NONE, NONE, NONE, NONE, NONE];
    answers(&dialer(&to_tcp).unwrap(), "tcp dialer", row);
    let (stream, _peer) = connect(&tcp, &to_tcp);
    answers(&stream, "tcp stream", [READS, READS, BOTH, BOTH, NONE, NONE, NONE, NONE, NONE]);

    let unix = listener(&path).unwrap();
    answers(&unix, "ipc listener", [READS, NONE, NONE, NONE, NONE, SETS, NONE, NONE, NONE]);
    answers(&dialer(&path).unwrap(), "ipc dialer", [NONE; 9]);
    unix.listen().unwrap();
    assert_eq!(unix.set_option(option::IPC_PERMISSIONS, 0o600), Err(Error::Busy));
    let (stream, _peer) = connect(&unix, &path);
    answers(&stream, "ipc stream", [READS, READS, NONE, NONE, NONE, NONE, READS, READS, NONE]);
}

#[test]
fn values_out_of_range_are_invalid() {
    let directory = Directory::new();
    let unix = listener(&directory.url("ipc", "s")).unwrap();
    for mode in [-1, 0o10_000, i32::MIN] {
        assert_eq!(unix.set_option(option::IPC_PERMISSIONS, mode), Err(Error::Invalid), "{mode:o}");
    }
    let dialer = dialer("tcp://127.0.0.1:5").unwrap();
    let with_port = Addr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    for addr in [with_port, Addr::Unspecified, Addr::ipc("x").unwrap()] {
        let set = dialer.set_option(option::LOCAL_ADDRESS, addr);
        assert_eq!(set, Err(Error::AddressInvalid));
    }
    dialer.close();
    let any_port = Addr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    assert_eq!(dialer.set_option(option::LOCAL_ADDRESS, any_port), Err(Error::Closed));
}

#[test]
fn a_stream_knows_its_peer() {
    let directory = Directory::new();
    let path = directory.url("ipc", "s");
    let listener = listening(&path);
    let (ours, theirs) = connect(&listener, &path);
    for stream in [&ours, &theirs] {
        let pid = stream.option(option::PEER_PID).and_then(Value::into_uint64);
        assert_eq!(pid, Ok(std::process::id().into()));
        assert!(stream.option(option::PEER_GID).is_ok());
        let remote = stream.option(option::REMOTE_ADDRESS).and_then(Value::into_addr);
        assert_eq!(remote, Ok(listener.local_addr()));
    }
}
