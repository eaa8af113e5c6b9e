//! The measured servers: what they are called in the report and how to start them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nng_oxide_benches::Result;

use crate::fixtures;
use crate::process::{Process, Server, command};

/// A server under measurement.
#[derive(Clone, Copy)]
pub struct Program {
    /// The name in tables and charts.
    pub label: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// One of ours: a file in the programs' directory, and its arguments.
    Ours(&'static str, &'static [&'static str]),
    /// A program that was built for libnng, with our library in its place.
    Relinked(&'static str, &'static [&'static str]),
    /// nginx with one worker.
    Nginx,
}

pub const OXIDE: &str = "nng-oxide";
pub const LIBNNG: &str = "libnng";
pub const EPOLL: &str = "raw epoll";
pub const MIO: &str = "raw mio";
pub const HYPER: &str = "hyper";
pub const NGINX: &str = "nginx";

const fn ours(
    label: &'static str,
    file: &'static str,
    arguments: &'static [&'static str],
) -> Program {
    Program { label, kind: Kind::Ours(file, arguments) }
}

pub const ECHO_OXIDE: Program = ours(OXIDE, "bench-oxide", &["echo"]);
pub const ECHO_LIBNNG: Program = ours(LIBNNG, "libnng-echo", &[]);
pub const ECHO_MIO: Program = ours(MIO, "bench-peer", &["echo-mio"]);
pub const ECHO_EPOLL: Program = ours(EPOLL, "bench-peer", &["echo-epoll"]);
pub const HTTP_OXIDE: Program = ours(OXIDE, "bench-oxide", &["http"]);
pub const HTTP_LIBNNG: Program = ours(LIBNNG, "libnng-http", &[]);
pub const FIXED_OXIDE: Program = ours(OXIDE, "bench-oxide", &["http-fixed"]);
pub const FIXED_LIBNNG: Program = ours(LIBNNG, "libnng-http", &["--handler", "static"]);
pub const C_HTTP_OXIDE: Program =
    Program { label: OXIDE, kind: Kind::Relinked("libnng-http", &[]) };
pub const C_FIXED_OXIDE: Program =
    Program { label: OXIDE, kind: Kind::Relinked("libnng-http", &["--handler", "static"]) };
pub const HTTP_MIO: Program = ours(MIO, "bench-peer", &["http-mio"]);
pub const HTTPS_HYPER: Program = ours(HYPER, "bench-peer", &["https-hyper"]);
pub const HTTP_HYPER: Program = ours(HYPER, "bench-peer", &["http-hyper"]);
pub const HTTP_NGINX: Program = Program { label: NGINX, kind: Kind::Nginx };

impl Program {
    /// Starts the server; `more` arguments go to programs of ours only.
    pub fn start(&self, directory: &Path, more: &[&str]) -> Result<Server> {
        match self.kind {
            Kind::Ours(file, arguments) => {
                Server::start(&directory.join(file), &[arguments, more].concat())
            }
            Kind::Relinked(file, arguments) => {
                let (env, arguments) = relinked(directory, file, &[arguments, more].concat());
                Server::start(env, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Kind::Nginx => start_nginx(directory),
        }
    }
}

/// How to run a program that was built for libnng with our library: `env`, and its arguments.
pub fn relinked(directory: &Path, file: &str, arguments: &[&str]) -> (&'static Path, Vec<String>) {
    let library = format!("LD_LIBRARY_PATH={}", directory.join("c").display());
    let mut all = vec![library, directory.join(file).display().to_string()];
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    (Path::new("env"), all)
}

/// Starts nginx as one process in the foreground. It cannot pick a free port itself.
fn start_nginx(directory: &Path) -> Result<Server> {
    let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let prefix: PathBuf = directory.join("nginx");
    fs::create_dir_all(&prefix)?;
    let file = prefix.join("nginx.conf");
    fs::write(&file, nginx_configuration(addr, &fixtures::directory(directory)))?;
    let mut nginx = command("nginx");
    nginx.arg("-p").arg(&prefix).arg("-c").arg(&file).args(["-e", "stderr"]);
    let process = Process::start(nginx.stdout(Stdio::null()))?;
    let give_up = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(addr).is_err() {
        if Instant::now() > give_up {
            return Err("nginx does not answer".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(Server { process, addr })
}

/// One worker, no log, a fixed answer, files by sendfile, connections that stay open.
fn nginx_configuration(addr: SocketAddr, files: &Path) -> String {
    let body = nng_oxide_benches::BODY;
    let path = nng_oxide_benches::FILES;
    let files = files.display();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
error_log stderr crit;
pid nginx.pid;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    default_type text/plain;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {addr};
        location = /hello {{ return 200 \"{body}\"; }}
        location {path}/ {{ alias \"{files}/\"; }}
    }}
}}
"
    )
}
