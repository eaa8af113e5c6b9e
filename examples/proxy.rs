//! An HTTP proxy in front of one server: requests go to it, and its responses come back, piece by
//! piece, however large they are.
//!
//! ```text
//!   client          proxy                                              server
//!     | -- head -->   dial, ask  ------------------------ head -->        |
//!     | -- body -->   upload:   read_body, write_body --- body -->        |
//!     | <-- head --   respond_in_pieces  <--------------- head --         |
//!     | <-- body --   download: write, read_body <------- body --         |
//! ```
//!
//! Each request has two aios, one for each direction, whose callbacks do one step and begin the next. A
//! direction holds one piece at a time, so whoever is slow slows the other end down, and nobody else.
//! The server may answer before it has taken the body; then the rest of that is nobody's any more.
//!
//! Left out of what RFC 9110 asks of proxies: interim responses other than 100 stay here, and
//! `Max-Forwards` is not counted.

#![allow(clippy::print_stdout, reason = "a program that talks to its user")]

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nng_oxide::aio::sync::Mutex;
use nng_oxide::aio::{Expire, Timer};
use nng_oxide::http::{
    Access, BodyWriter, Client, Conn, Exchange, Handler, Headers, Request, Response, Server,
    ServerConfig, Shared, Version,
};
use nng_oxide::{Aio, Error, Runtime, Timeout, Url};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const HELP: &str = "\
An HTTP proxy in front of one server.

Usage: proxy [OPTIONS] URL

  URL            the server, such as http://127.0.0.1:8080; without a path
  --listen ADDR  host:port to listen on, by default 127.0.0.1:8081; port 0 lets the system choose
  --timeout S    give up when the server neither takes nor says anything for S seconds, by
                 default 30
  -v, --verbose  print a line for each exchange
  -h, --help     print this

Requests keep their `Host`. X-Forwarded-For and Via say what happened to them. The proxy answers 502
if the server cannot be reached, and 504 if it takes too long. Ctrl-C ends it; exchanges under way have
five seconds.
";

/// How long exchanges that are under way may take after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest piece of a body; bytes.
const PIECE: usize = 64 << 10;
/// Fields that are between two neighbours and go no further (RFC 9110 section 7.6.1).
const OWN_FIELDS: [&str; 8] = [
    "Connection",
    "Expect",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// Fields that go to the end, whatever `Connection` says.
const END_FIELDS: [&str; 3] = ["Content-Length", "Content-Type", "Host"];

/// What the command line asks for.
struct Options {
    upstream: Url,
    addr: String,
    timeout: Duration,
    is_verbose: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("proxy: {complaint}; --help says more");
            return ExitCode::from(2);
        }
    };
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("proxy: {complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until somebody presses Ctrl-C.
fn serve(options: &Options) -> Result<(), String> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| format!("cannot watch signals: {error}"))?;
    let runtime = Runtime::builder().name("proxy").build();
    let runtime = runtime.map_err(|error| format!("cannot begin a runtime: {error}"))?;
    let server = start(&runtime, options)
        .map_err(|error| format!("cannot listen on {}: {error}", options.addr))?;
    println!("Proxy for {} on http://{}/", options.upstream, server.addr());

    signals.forever().next();

    let ended = runtime.aio_without_callback();
    ended.set_timeout(PATIENCE);
    server.drain(&ended);
    ended.wait();
    drop(server);
    runtime.shutdown();
    Ok(())
}

/// Makes a server with a handler for everything, and lets it listen.
fn start(runtime: &Runtime, options: &Options) -> Result<Server, Error> {
    let url = Url::parse(&format!("http://{}", options.addr))?;
    let server = Server::on(runtime, &url, ServerConfig::default())?;
    let client = Client::new(&options.upstream)?.on(runtime);
    let (upstream, timeout) = (options.upstream.clone(), options.timeout);
    let all = Handler::function("/", move |exchange| {
        Relay::begin(&client, &upstream, timeout, exchange);
    });
    all.set_method(None)?;
    all.set_tree()?;
    all.collect_body(false, 0);
    server.add_handler(&all)?;
    if options.is_verbose {
        server.set_access_log(Some(Arc::new(|access: &Access| {
            let Access { peer, method, target, status, sent, .. } = access;
            println!("{peer} {method} {} {status} {sent}", target.escape_debug());
        })));
    }
    server.start()?;
    Ok(server)
}

/// One request on its way to the server, and the response on its way back.
struct Relay {
    /// The client's connection, to read the body from.
    client: Conn,
    timeout: Duration,
    request: Request,
    response: Shared<Response>,
    download: Mutex<Download>,
    /// Runs while the server is to take something of the body, or to answer it.
    timer: OnceLock<Timer>,
}

/// The response, and what there is of it.
struct Download {
    step: Down,
    /// Until the response begins.
    exchange: Option<Exchange>,
    upstream: Option<Conn>,
    writer: Option<BodyWriter>,
    /// What was wrong with the request's body.
    fault: Option<Error>,
    /// Since when the server lets the upload wait.
    waits_since: Option<Instant>,
    /// The server has let its time pass.
    is_late: bool,
}

/// What the aio of the response does.
#[derive(Clone, Copy)]
enum Down {
    Dialing,
    Asking,
    Reading,
    Writing,
}

/// What the aio of the request's body does.
#[derive(Clone, Copy)]
enum Up {
    Reading,
    Writing,
    Ending,
}

impl Relay {
    /// Begins with a dial.
    fn begin(client: &Client, upstream: &Url, timeout: Duration, exchange: Exchange) {
        let conn = exchange.conn();
        let forwarded = forwarded(&exchange.request(), &conn, upstream);
        let Ok(request) = forwarded else { return refuse(exchange, 400) };
        let runtime = conn.runtime().clone();
        let download = Download {
            step: Down::Dialing,
            exchange: Some(exchange),
            upstream: None,
            writer: None,
            fault: None,
            waits_since: None,
            is_late: false,
        };
        let relay = Arc::new(Self {
            client: conn,
            timeout,
            request,
            response: Shared::default(),
            download: Mutex::new(download),
            timer: OnceLock::new(),
        });
        let aio = runtime.aio(move |aio| relay.step_down(aio));
        aio.set_timeout(timeout);
        client.connect(&aio);
        aio.detach(); // it goes on alone
    }

    /// A step of the response has ended: begins the next one, or gives up.
    fn step_down(self: &Arc<Self>, aio: &Aio) {
        let mut download = self.download.lock();
        let goes_on = match aio.outcome() {
            Ok(()) => self.go_on(&mut download, aio),
            Err(error) => {
                download.give_up(error);
                false
            }
        };
        if !goes_on {
            // What is still written to the server ends by that.
            download.upstream.take().inspect(Conn::close);
            // Unfinished, it ends the client's connection, so that the client hears of it.
            drop(download.writer.take());
        }
    }

    /// Begins the next step; false if there is none.
    fn go_on(self: &Arc<Self>, download: &mut Download, aio: &Aio) -> bool {
        match (download.step, aio.count()) {
            (Down::Dialing, _) => {
                let Some(conn) = aio.take_output::<Conn>(0) else { return false };
                download.step = Down::Asking;
                // A body takes as long as it takes; the server's time begins behind it.
                let has_body = has_body(self.request.headers());
                aio.set_timeout(if has_body { Timeout::Infinite } else { self.timeout.into() });
                conn.ask(&self.request, &self.response, aio);
                if has_body {
                    self.upload(&conn);
                }
                download.upstream = Some(conn);
                true
            }
            // It was asked to hurry, and the connection is closed.
            (Down::Asking, _) if download.is_late => {
                download.give_up(Error::TimedOut);
                false
            }
            (Down::Asking, _) => {
                let response = self.response.lock();
                let Some(len) = extent(&response) else {
                    download.give_up(Error::Protocol);
                    return false;
                };
                let Some(exchange) = download.exchange.take() else { return false };
                let mut writer = exchange.respond_in_pieces(returned(&response), len);
                // The head goes at once, however long the body takes to begin.
                download.step = Down::Writing;
                let is_set = aio.set_buffer(Vec::new()).is_ok();
                aio.set_timeout(Timeout::Infinite);
                writer.write(aio);
                download.writer = Some(writer);
                is_set
            }
            (Down::Reading, 0) => {
                let trailers = download.upstream.as_ref().and_then(Conn::take_trailers);
                let writer = download.writer.take();
                writer
                    .into_iter()
                    .for_each(|it| it.finish_with(&trailers.clone().unwrap_or_default()));
                false
            }
            (Down::Reading, count) => {
                let mut piece = aio.take_buffer();
                piece.truncate(count);
                download.step = Down::Writing;
                let is_set = aio.set_buffer(piece).is_ok();
                // How long a client may take is up to the server that has it.
                aio.set_timeout(Timeout::Infinite);
                download.writer.as_mut().map(|writer| writer.write(aio)).is_some() && is_set
            }
            (Down::Writing, _) => {
                aio.set_timeout(self.timeout);
                download.read(aio)
            }
        }
    }

    /// Begins to send the request's body.
    fn upload(self: &Arc<Self>, upstream: &Conn) {
        let (relay, upstream) = (Arc::clone(self), upstream.clone());
        let step = Mutex::new(Up::Reading);
        let runtime = upstream.runtime().clone();
        let late: Arc<dyn Expire> = Arc::clone(self) as Arc<dyn Expire>;
        self.timer.get_or_init(|| runtime.timer(Arc::downgrade(&late)));
        let aio = runtime.aio(move |aio| relay.step_up(&upstream, &mut step.lock(), aio));
        if aio.set_buffer(vec![0; PIECE]).is_ok() {
            self.client.read_body(&aio);
        }
        aio.detach(); // it goes on alone
    }

    /// A step of the request's body has ended: begins the next one.
    fn step_up(self: &Arc<Self>, upstream: &Conn, step: &mut Up, aio: &Aio) {
        match (*step, aio.outcome()) {
            (Up::Reading, Err(error)) => {
                self.download.lock().fault = Some(error);
                // The server must not take what has come for all of it.
                upstream.close();
            }
            (Up::Reading, Ok(())) if aio.count() == 0 => {
                *step = Up::Ending;
                self.wait_for_server(true);
                upstream.end_body(aio);
            }
            (Up::Reading, Ok(())) => {
                let mut piece = aio.take_buffer();
                piece.truncate(aio.count());
                *step = Up::Writing;
                self.wait_for_server(true);
                if aio.set_buffer(piece).is_ok() {
                    upstream.write_body(aio);
                }
            }
            (Up::Writing, Ok(())) => {
                *step = Up::Reading;
                // How long a client may take is up to the server that has it.
                self.wait_for_server(false);
                if aio.set_buffer(vec![0; PIECE]).is_ok() {
                    self.client.read_body(aio);
                }
            }
            // All is sent: now it is the server's turn.
            (Up::Ending, Ok(())) => self.wait_for_server(true),
            // The server takes no more; perhaps it has answered.
            (Up::Writing | Up::Ending, Err(_)) => {}
        }
    }

    /// From now on it is the server's turn, or not.
    fn wait_for_server(&self, is_its_turn: bool) {
        self.download.lock().waits_since = is_its_turn.then(Instant::now);
        let Some(timer) = self.timer.get() else { return };
        if is_its_turn { timer.set_after(self.timeout) } else { timer.clear() }
    }
}

/// The server has had its time. One that has begun to answer need not take the rest of the body.
impl Expire for Relay {
    fn expired(self: Arc<Self>) {
        let mut download = self.download.lock();
        let is_late = download.waits_since.is_some_and(|since| since.elapsed() >= self.timeout);
        if is_late && download.exchange.is_some() {
            download.is_late = true;
            download.upstream.iter().for_each(Conn::close);
        }
    }
}

impl Download {
    /// Begins to read a piece of the response.
    fn read(&mut self, aio: &Aio) -> bool {
        self.step = Down::Reading;
        let is_set = aio.set_buffer(vec![0; PIECE]).is_ok();
        self.upstream.as_ref().map(|conn| conn.read_body(aio)).is_some() && is_set
    }

    /// There will be no response, or no more of it.
    fn give_up(&mut self, error: Error) {
        let Some(exchange) = self.exchange.take() else { return };
        match (self.fault, error) {
            // The client's own doing: the server that has it knows what to say.
            (Some(fault), _) => exchange.fail(fault),
            (None, Error::TimedOut) => refuse(exchange, 504),
            (None, _) if self.is_late => refuse(exchange, 504),
            (None, _) => refuse(exchange, 502),
        }
    }
}

/// The request as the server gets it.
fn forwarded(request: &Request, client: &Conn, upstream: &Url) -> Result<Request, Error> {
    let mut copy = Request::new();
    copy.set_method(request.method())?;
    copy_fields(request.headers(), copy.headers_mut())?;
    // Clients that know of a proxy name the whole URL, and then `Host` means nothing.
    if request.uri().starts_with('/') {
        copy.set_uri(request.uri())?;
    } else {
        let named = Request::for_url(&request.uri().parse()?)?;
        copy.set_uri(named.uri())?;
        copy.headers_mut().set("Host", named.headers().get("Host").unwrap_or_default().as_ref())?;
    }
    let headers = copy.headers_mut();
    if !headers.contains("Host") {
        let named = Request::for_url(upstream)?;
        headers.set("Host", named.headers().get("Host").unwrap_or_default().as_ref())?;
    }
    if request.headers().has_token("Transfer-Encoding", "chunked") {
        headers.set("Transfer-Encoding", "chunked")?;
    }
    if let Some(address) = client.remote_addr().to_inet() {
        headers.add("X-Forwarded-For", address.ip().to_string())?;
    }
    headers.add("Via", via(request.version()))?;
    Ok(copy)
}

/// The head of the response as the client gets it.
fn returned(response: &Response) -> Response {
    let mut copy = Response::new();
    copy.set_status(response.status());
    // What came in a head can go out in one.
    let _ = copy.set_reason(response.reason());
    let _ = copy_fields(response.headers(), copy.headers_mut());
    let _ = copy.headers_mut().add("Via", via(response.version()));
    copy
}

/// What this proxy calls itself, behind the version of what it has got.
fn via(version: Version) -> String {
    format!("{}.{} nng-oxide", version.major(), version.minor())
}

/// Copies all fields but those that are between neighbours.
fn copy_fields(from: &Headers, to: &mut Headers) -> Result<(), Error> {
    let is_one_of =
        |names: &[&str], name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    let is_own = |name: &str| {
        let is_named = from.has_token("Connection", name) && !is_one_of(&END_FIELDS, name);
        is_one_of(&OWN_FIELDS, name) || is_named
    };
    for (name, value) in from.iter().filter(|(name, _)| !is_own(name)) {
        to.add(name, value)?;
    }
    Ok(())
}

/// Returns whether a request has a body.
fn has_body(headers: &Headers) -> bool {
    headers.contains("Transfer-Encoding")
        || headers.get("Content-Length").is_some_and(|it| it != "0")
}

/// Returns how long the body of a response is: so many bytes, or nobody knows yet. `None` if it is no
/// response that can be passed on.
fn extent(response: &Response) -> Option<Option<u64>> {
    let headers = response.headers();
    if response.status() < 200 {
        return None; // a switch to another protocol that nobody has asked for
    }
    match headers.get("Transfer-Encoding") {
        Some(coding) => coding.eq_ignore_ascii_case("chunked").then_some(None),
        // The reader has checked that it is a number.
        None => Some(headers.get("Content-Length").and_then(|length| length.parse().ok())),
    }
}

/// Answers in the server's place.
fn refuse(exchange: Exchange, status: u16) {
    exchange.respond(Response::for_error(status));
}

/// Reads the command line; `None` if it asks for help.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let (mut upstream, mut addr) = (None, "127.0.0.1:8081".to_owned());
    let (mut timeout, mut is_verbose) = (Duration::from_secs(30), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "-v" | "--verbose" => is_verbose = true,
            "--listen" => addr = arguments.next().ok_or("--listen needs an address")?,
            "--timeout" => {
                let seconds = arguments.next().ok_or("--timeout needs seconds")?;
                let parsed = seconds.parse().ok().filter(|seconds| *seconds > 0);
                let parsed =
                    parsed.ok_or_else(|| format!("`{seconds}` is no number of seconds"))?;
                timeout = Duration::from_secs(parsed);
            }
            option if option.starts_with('-') => return Err(format!("there is no `{option}`")),
            _ if upstream.is_some() => {
                return Err(format!("`{argument}` is one argument too many"));
            }
            _ => {
                let url = Url::parse(&argument).ok().filter(|url| url.scheme() == "http");
                let url = url.ok_or_else(|| format!("`{argument}` is no http URL"))?;
                if !matches!(url.requri(), None | Some("" | "/")) {
                    return Err(format!("`{argument}` has a path, and every path is the client's"));
                }
                upstream = Some(url);
            }
        }
    }
    let port = addr.rsplit_once(':').and_then(|(_host, port)| port.parse::<u16>().ok());
    if port.is_none() || addr.contains(['/', '?', '#', '@']) {
        return Err(format!("`{addr}` is no host:port, such as 127.0.0.1:8081"));
    }
    let upstream = upstream.ok_or("a URL is missing")?;
    Ok(Some(Options { upstream, addr, timeout, is_verbose }))
}
