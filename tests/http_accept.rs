//! Which connections a server accepts, and when.

mod support;

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, mpsc};

use nng_oxide::http::{Handler, Server, ServerConfig};
use support::server::{LIMIT, connect, read_until, running, status, try_connect};

/// A running server with one page.
fn server(config: ServerConfig) -> Server {
    let server = running(config);
    let page = Handler::fixed("/", "hello", None).expect("there is no media type to refuse");
    server.add_handler(&page).expect("it is the only one");
    server
}

fn ask(client: &mut TcpStream) {
    support::server::ask(client, "GET", "/", "h");
}

fn is_answered(client: &mut TcpStream) -> bool {
    status(&read_until(client, "hello")) == 200
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
    // A reset is an end, too.
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    assert!(try_connect(&server).is_err());
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
    let take_all = || -> Vec<_> {
        let mut all: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // One is for the next client.
        all.pop();
        all
    };
    let mut descriptors = take_all();
    let mut client = connect(&server);
    ask(&mut client);
    assert_eq!(hear.recv_timeout(LIMIT).as_deref(), Ok("NNG-ACCEPT"));
    assert_eq!(server.stats().accepted, 0);
    descriptors.clear();
    assert!(is_answered(&mut client));
    assert_eq!(hear.try_recv().ok(), None, "one record for any number of attempts");

    // The end of another connection is as good.
    let descriptors = take_all();
    let mut next = connect(&server);
    ask(&mut next);
    assert_eq!(hear.recv_timeout(LIMIT).as_deref(), Ok("NNG-ACCEPT"));
    assert_eq!((server.stats().accepted, server.stats().open), (1, 1));
    drop(client);
    assert!(is_answered(&mut next));
    assert_eq!(hear.try_recv().ok(), None);
    drop(descriptors);
}
