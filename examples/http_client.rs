//! An HTTP client that writes what a URL names to a file or to its output, as it arrives.
//!
//! ```text
//!   Agent::open  --> dial, request, head; redirects if -L says so
//!   read_body    --> a piece --> file      until a piece of no bytes is the end
//! ```
//!
//! Every step is an operation of one aio, and this program does nothing else, so it waits for each.
//! A program with more to do gives its aio a callback instead and returns.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nng_oxide::http::{Agent, AgentConfig, Conn, Request, Response, Shared};
use nng_oxide::tls::{self, Mode};
use nng_oxide::{Aio, Error, Runtime, Url};

const HELP: &str = "\
An HTTP client that fetches what a URL names.

Usage: http_client [OPTIONS] URL

  URL             such as http://127.0.0.1:8080/hello
  -L, --location  follow redirects, up to 10
  -o, --output F  write to the file F instead of the output
  --cacert F      believe servers that the authorities in the file F vouch for (PEM); by default
                  those that the system knows
  --timeout S     give up when nothing has come for S seconds, by default 30
  -h, --help      print this

How far it is, is shown on a terminal.

Ends with 0 if the server has sent it, 1 if it could not be fetched or written, 2 if the command line
makes no sense, 3 if the server says something else than that it is here; what it says is written.
";

/// What the command line asks for.
struct Options {
    url: Url,
    follows: bool,
    output: Option<PathBuf>,
    timeout: Duration,
    authorities: Option<PathBuf>,
}

/// Where systems keep the authorities that they know.
const AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Why it ends without success.
enum Failure {
    /// It could not be fetched or written.
    Broken(String),
    /// The server says something else.
    Refused(String),
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            // Whoever closes the output has read enough.
            let _ = io::stdout().write_all(HELP.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("http_client: {complaint}; --help says more");
            return ExitCode::from(2);
        }
    };
    let (complaint, code) = match run(&options) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Broken(complaint)) => (complaint, 1),
        Err(Failure::Refused(complaint)) => (complaint, 3),
    };
    eprintln!("http_client: {complaint}");
    ExitCode::from(code)
}

fn run(options: &Options) -> Result<(), Failure> {
    let runtime = Runtime::builder().name("http").build();
    let runtime =
        runtime.map_err(|error| Failure::Broken(format!("cannot begin a runtime: {error}")))?;
    let mut config = AgentConfig::default();
    config.max_redirects = if options.follows { 10 } else { 0 };
    let tls = trust(options.authorities.as_deref()).map_err(Failure::Broken)?;
    let agent = Agent::on(&runtime, config).with_tls(&tls);
    let agent = agent.map_err(|error| Failure::Broken(error.to_string()))?;
    let result = fetch(&runtime, &agent, options);
    drop(agent);
    runtime.shutdown();
    result
}

/// Says whom it believes.
fn trust(named: Option<&Path>) -> Result<tls::Config, String> {
    let tls = tls::Config::new(Mode::Client);
    let known = AUTHORITIES.map(Path::new).into_iter().find(|path| path.exists());
    if let Some(path) = named.or(known) {
        let added = tls.add_ca_file(path);
        added.map_err(|error| format!("cannot use {}: {error}", path.display()))?;
    }
    Ok(tls)
}

fn fetch(runtime: &Runtime, agent: &Agent, options: &Options) -> Result<(), Failure> {
    let aio = runtime.aio_without_callback();
    aio.set_timeout(options.timeout);
    let response = Shared::new(Response::new());
    let mut request = Request::new();
    let set = request.headers_mut().set("Accept", "*/*");
    set.map_err(|error| Failure::Broken(error.to_string()))?;

    agent.open(&options.url, &request, &response, &aio);
    aio.wait();
    let url = aio.take_output::<Url>(0).unwrap_or_else(|| options.url.clone());
    let broken = |error: Error| {
        let words = match error {
            Error::Protocol if options.follows => {
                "the server talks nonsense, or redirects too often"
            }
            error => &words(error),
        };
        Failure::Broken(format!("cannot fetch {url}: {words}"))
    };
    aio.outcome().map_err(broken)?;
    let Some(conn) = aio.take_output::<Conn>(1) else { return Err(broken(Error::Internal)) };

    let length = response.lock().headers().get("Content-Length").and_then(|len| len.parse().ok());
    save(&conn, &aio, options.output.as_deref(), length).map_err(|problem| match problem {
        Problem::Network(error) => broken(error),
        Problem::Output(error) => {
            let place =
                options.output.as_deref().map_or("the output".into(), Path::to_string_lossy);
            Failure::Broken(format!("cannot write {place}: {error}"))
        }
    })?;
    judge(&url, &response.lock())
}

/// What can go wrong while the body comes.
enum Problem {
    Network(Error),
    Output(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes the body as it comes. A file that could not be completed is removed.
fn save(conn: &Conn, aio: &Aio, path: Option<&Path>, length: Option<u64>) -> Result<(), Problem> {
    let shows_progress =
        io::stderr().is_terminal() && (path.is_some() || !io::stdout().is_terminal());
    let mut progress = shows_progress.then(|| Progress::new(length));
    let result = match path {
        None => copy(conn, aio, &mut io::stdout().lock(), &mut progress),
        Some(path) => {
            let mut file = File::create(path)?;
            let copied = copy(conn, aio, &mut file, &mut progress);
            if copied.is_err() {
                // The reason why it is incomplete is what people want to hear.
                let _ = std::fs::remove_file(path);
            }
            copied
        }
    };
    if let Some(progress) = progress {
        progress.clear();
    }
    result
}

fn copy(
    conn: &Conn,
    aio: &Aio,
    out: &mut dyn Write,
    progress: &mut Option<Progress>,
) -> Result<(), Problem> {
    let mut room = vec![0; 64 << 10];
    loop {
        aio.set_buffer(room).map_err(Problem::Network)?;
        conn.read_body(aio);
        aio.wait();
        aio.outcome().map_err(Problem::Network)?;
        room = aio.take_buffer();
        let piece = &room[..aio.count()];
        if piece.is_empty() {
            return Ok(out.flush()?);
        }
        out.write_all(piece)?;
        if let Some(progress) = progress {
            progress.add(piece.len() as u64);
        }
    }
}

/// A line on a terminal that says how much has come.
struct Progress {
    length: Option<u64>,
    count: u64,
    shown: Instant,
}

impl Progress {
    /// How often the line changes.
    const PAUSE: Duration = Duration::from_millis(100);

    fn new(length: Option<u64>) -> Self {
        Self { length, count: 0, shown: Instant::now() }
    }

    fn add(&mut self, count: u64) {
        self.count += count;
        if self.shown.elapsed() >= Self::PAUSE {
            self.shown = Instant::now();
            let of = match self.length {
                Some(length) => format!(" of {}", amount(length)),
                None => String::new(),
            };
            eprint!("\r\x1b[K{}{of}", amount(self.count));
        }
    }

    fn clear(self) {
        eprint!("\r\x1b[K");
    }
}

/// A number of bytes for people.
fn amount(bytes: u64) -> String {
    let (mut whole, mut rest, mut unit) = (bytes, 0, "B");
    for larger in ["KiB", "MiB", "GiB"] {
        if whole < 1024 {
            break;
        }
        (whole, rest, unit) = (whole / 1024, whole % 1024 * 10 / 1024, larger);
    }
    if unit == "B" { format!("{whole} B") } else { format!("{whole}.{rest} {unit}") }
}

/// Returns what the status means for somebody who wanted the thing itself.
fn judge(url: &Url, response: &Response) -> Result<(), Failure> {
    let status = response.status();
    if matches!(status, 200..300) {
        return Ok(());
    }
    let mut complaint = format!("{url}: the server says {status} {}", response.reason());
    if let (300..400, Some(place)) = (status, response.headers().get("Location")) {
        complaint += &format!("; it is at {place}, where -L goes");
    }
    Err(Failure::Refused(complaint))
}

/// What an error means here.
fn words(error: Error) -> String {
    match error {
        Error::ConnectionRefused => "nobody listens there".to_owned(),
        Error::AddressInvalid => "there is no such host".to_owned(),
        Error::TimedOut => "nothing came in time".to_owned(),
        Error::ConnectionShutdown => "the server has closed the connection too early".to_owned(),
        Error::Protocol => "the server talks nonsense".to_owned(),
        Error::PeerAuth => {
            "the server cannot prove who it is to those that are believed".to_owned()
        }
        Error::Crypto => "the server does not speak TLS, or another".to_owned(),
        other => other.to_string(),
    }
}

/// Reads the command line; `None` if it asks for help.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let (mut url, mut follows, mut output) = (None, false, None);
    let (mut timeout, mut authorities) = (Duration::from_secs(30), None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "-L" | "--location" => follows = true,
            "-o" | "--output" => {
                let path = arguments.next().ok_or(format!("{argument} needs a file"))?;
                output = Some(PathBuf::from(path));
            }
            "--cacert" => {
                let path = arguments.next().ok_or("--cacert needs a file")?;
                authorities = Some(PathBuf::from(path));
            }
            "--timeout" => {
                let text = arguments.next().ok_or("--timeout needs a number")?;
                let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or(format!("`{text}` is no number of seconds"))?;
                timeout = Duration::from_secs(seconds);
            }
            option if option.starts_with('-') => return Err(format!("there is no `{option}`")),
            _ if url.is_some() => return Err(format!("`{argument}` is one argument too many")),
            _ => url = Some(argument),
        }
    }
    let text = url.ok_or("there is no URL")?;
    let url =
        Url::parse(&text).ok().filter(|url| url.hostname().is_some_and(|host| !host.is_empty()));
    let url = url.ok_or(format!("`{text}` is no URL, such as http://127.0.0.1:8080/hello"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{}` is not spoken here, only http and https", url.scheme()));
    }
    Ok(Some(Options { url, follows, output, timeout, authorities }))
}
