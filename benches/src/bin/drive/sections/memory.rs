//! What an idle connection costs a server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use nng_oxide_benches::{BODY, Result};

use crate::chart::{Chart, Group};
use crate::options::Options;
use crate::programs::{
    ECHO_EPOLL, ECHO_LIBNNG, ECHO_OXIDE, HTTP_HYPER, HTTP_LIBNNG, HTTP_NGINX, HTTP_OXIDE, OXIDE,
    Program,
};
use crate::report::{Report, Table, number};
use crate::samples::Samples;

const METHOD: &str = "\
Growth of the server's resident memory per connection, with 10 000 connections from another process. \
*HTTP*: each has had one request answered and stays open. *Stream*: each has a receive of 64 bytes \
pending and has never seen a byte. Memory of the kernel's sockets is not part of it.";

const CONNECTIONS: u32 = 10_000;
/// Connections made before the first look, so that nothing global is counted.
const FIRST: u32 = 100;
const SETTLE: Duration = Duration::from_millis(300);

const HTTP: &str = "HTTP";
const STREAM: &str = "stream";
const KIB: &str = "kib";

/// Does to a new connection what the case says.
type Prepare = fn(&mut TcpStream) -> Result<()>;

pub fn measure(options: &Options) -> Result<Report> {
    let cases: [(&str, &[Program], &[&str], Prepare); 2] = [
        (HTTP, &[HTTP_OXIDE, HTTP_LIBNNG, HTTP_HYPER, HTTP_NGINX], &[], request),
        (STREAM, &[ECHO_OXIDE, ECHO_LIBNNG, ECHO_EPOLL], &["--buffer", "64"], |_| Ok(())),
    ];
    let mut samples = Samples::default();
    // Memory hardly varies: few rounds do.
    for _ in 0..options.rounds.min(2) {
        for (case, programs, arguments, prepare) in cases {
            for program in programs {
                let server = program.start(&options.programs, arguments)?;
                let _first = connect(server.addr, FIRST, prepare)?;
                let before = server.process.resident()?;
                let _connections = connect(server.addr, CONNECTIONS, prepare)?;
                let bytes = server.process.resident()? - before;
                samples.add(case, program.label, KIB, bytes / 1024.0 / f64::from(CONNECTIONS));
            }
        }
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let mut rows = Vec::new();
    let mut groups = Vec::new();
    for (case, programs, ..) in cases {
        let mut bars = Vec::new();
        for program in programs {
            let kib = samples.median(case, program.label, KIB);
            rows.push(vec![format!("{case}, {}", program.label), number(kib)]);
            bars.push((program.label, kib));
        }
        groups.push(Group { label: case.into(), bars });
    }
    let header = ["", "KiB per connection"].map(Into::into).into();
    report.tables.push(Table { caption: String::new(), header, rows });
    report.charts.push(Chart {
        name: "kib".into(),
        title: "Memory of an idle connection".into(),
        unit: "KiB",
        groups,
    });
    for (case, bound) in [(HTTP, 2.0), (STREAM, 0.6)] {
        let what = format!("{case}: KiB per idle connection");
        report.at_most(bound, what, samples.median(case, OXIDE, KIB));
    }
    Ok(report)
}

fn connect(addr: SocketAddr, count: u32, prepare: Prepare) -> Result<Vec<TcpStream>> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut socket = TcpStream::connect(addr)?;
        // Closing resets: ten thousand sockets in TIME_WAIT would disturb the next run.
        setsockopt(&socket, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })?;
        prepare(&mut socket)?;
        connections.push(socket);
    }
    thread::sleep(SETTLE);
    Ok(connections)
}

/// One request, answered in full.
fn request(socket: &mut TcpStream) -> Result<()> {
    socket.write_all(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut response = Vec::new();
    let mut part = [0; 1024];
    while !response.ends_with(BODY.as_bytes()) {
        let len = socket.read(&mut part)?;
        if len == 0 {
            return Err("the server has closed the connection".into());
        }
        response.extend_from_slice(&part[..len]);
    }
    Ok(())
}
