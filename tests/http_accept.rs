//! Which connections a server accepts, and when.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nng_oxide::Url;
use nng_oxide::http::{Handler, Server, ServerConfig};

/// How long a test waits for something that must happen, before it fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(60);

/// A running server of its own with one page.
fn server(config: ServerConfig) -> Server {
    let url: Url = "http://127.0.0.1:0".parse().unwrap();
    let server = Server::with_config(&url, config).unwrap();
    server.add_handler(&Handler::fixed("/", "hello", None).unwrap()).unwrap();
    server.start().unwrap();
    server
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.addr().to_inet().unwrap()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
}

/// Reads an answer to its end, which is that of the page.
fn is_answered(stream: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"hello") {
        if stream.read(&mut byte).unwrap() == 0 {
            return false;
        }
        answer.push(byte[0]);
    }
    answer.starts_with(b"HTTP/1.1 200 ")
}

#[test]
fn connections_above_the_limit_are_served_when_others_end() {
    let mut config = ServerConfig::default();
    config.max_connections = Some(1);
    let server = server(config);
    let mut clients: Vec<_> = (0..3).map(|_| connect(&server)).collect();
    clients.iter_mut().for_each(ask);
    for mut client in clients {
        assert!(is_answered(&mut client));
        assert_eq!(server.stats().open, 1);
    }
    assert_eq!(server.stats().accepted, 3);
}

#[test]
fn a_stop_closes_what_is_open_and_refuses_what_is_new() {
    let server = server(ServerConfig::default());
    let mut client = connect(&server);
    ask(&mut client);
    assert!(is_answered(&mut client));
    server.stop();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect(server.addr().to_inet().unwrap()).is_err());
}

/// Set for the process that has few descriptors.
const IS_POOR: &str = "NNG_TEST_FEW_DESCRIPTORS";

#[test]
fn without_descriptors_connections_wait_until_there_are_some() {
    const NAME: &str = "without_descriptors_connections_wait_until_there_are_some";
    if std::env::var_os(IS_POOR).is_some() {
        return connections_wait_for_descriptors();
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n 64 && exec "$0" --exact "$1""#]);
    let status = shell.arg(std::env::current_exe().unwrap()).arg(NAME).env(IS_POOR, "1").status();
    assert!(status.unwrap().success());
}

fn connections_wait_for_descriptors() {
    let (tell, hear) = mpsc::sync_channel(100);
    nng_aio::log::set_hook(Some(Arc::new(move |record: &nng_aio::log::Record<'_>| {
        let _ = tell.try_send(record.id.to_owned());
    })));
    let server = server(ServerConfig::default());
    let mut descriptors: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // One for the client.
    descriptors.pop();
    let mut client = connect(&server);
    ask(&mut client);
    assert_eq!(hear.recv_timeout(LIMIT).as_deref(), Ok("NNG-ACCEPT"));
    assert_eq!(server.stats().accepted, 0);
    descriptors.clear();
    assert!(is_answered(&mut client));
    assert_eq!(hear.try_recv().ok(), None, "one record for any number of attempts");
}
