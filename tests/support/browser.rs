//! A browser that is installed or not: Chromium without a screen, led by the test.
//!
//! It is told what to do, and tells what it has seen, in the
//! [DevTools protocol](https://chromedevtools.github.io/devtools-protocol/): JSON with a zero byte
//! behind each message, over a pipe in each direction.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::support::LIMIT;

/// How long everything that one browser does may take. A machine with more to do needs half a minute
/// for what takes three seconds on an idle one.
const PATIENCE: Duration = Duration::from_secs(100);

/// Names under which it is installed.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What it must not do: ask anybody but the test, or need what containers have not got.
const OPTIONS: [&str; 16] = [
    "--headless",
    "--remote-debugging-pipe",
    // It refuses to run as root otherwise, and sees pages of the test's own only.
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--mute-audio",
    "about:blank",
];

/// A running browser with one page. It is killed when this goes, with all its processes.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    /// What it has on its mind. Each of its processes can write there, so that this ends with the
    /// last one.
    complaints: Receiver<String>,
    /// Events that were not asked for yet.
    events: Vec<Value>,
    calls: u64,
    page: Option<String>,
    deadline: Instant,
    /// Everything that it writes.
    _directory: Directory,
}

/// The answer to a request, as it came over the wire: what the cache makes of it is another matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) url: String,
    pub(crate) status: u64,
    /// The field `Content-Range`, if there is one.
    pub(crate) range: Option<String>,
}

impl Browser {
    /// `None` if none is installed.
    pub(crate) fn start() -> Option<Self> {
        let runs = |name: &&str| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|it| it.status.success())
        };
        let Some(name) = NAMES.into_iter().find(runs) else {
            eprintln!("skipped: there is no browser here, none of {NAMES:?}");
            return None;
        };
        let directory = Directory::new();
        // It reads from descriptor 3 and writes to descriptor 4.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >&2"#, "sh", name])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", directory.join("profile").display()))
            .envs(["HOME", "TMPDIR"].map(|name| (name, directory.join(""))))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut this = Self {
            messages: pieces(child.stdout.take().unwrap(), 0, |it| serde_json::from_slice(it).ok()),
            complaints: pieces(child.stderr.take().unwrap(), b'\n', |it| {
                Some(String::from_utf8_lossy(it).into_owned())
            }),
            child,
            input,
            events: Vec::new(),
            calls: 0,
            page: None,
            deadline: Instant::now() + PATIENCE,
            _directory: directory,
        };
        let target = this.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = this.call("Target.attachToTarget", target);
        this.page = Some(session["sessionId"].as_str().unwrap().to_owned());
        this.call("Network.enable", json!({}));
        this.call("Page.enable", json!({}));
        Some(this)
    }

    /// Opens a page, with everything that belongs to it.
    pub(crate) fn open(&mut self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert_eq!(answer.get("errorText"), None, "{url}");
        self.wait_for("Page.loadEventFired");
    }

    /// Opens the page again, as a person does who presses the button for it: what is in the cache may
    /// be used if the server says that it still holds.
    pub(crate) fn reload(&mut self) {
        self.events.clear();
        self.call("Page.reload", json!({}));
        self.wait_for("Page.loadEventFired");
    }

    /// Lets the page evaluate an expression; of a promise, waits for what it promises.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let expression =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", expression);
        assert_eq!(answer.get("exceptionDetails"), None, "the page's script goes well");
        answer["result"]["value"].take()
    }

    /// Waits until it has seen an answer of that kind since the last reload.
    pub(crate) fn sees(&mut self, what: &str, is_it: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.seen();
            if let Some(it) = seen.iter().find(|it| is_it(it)) {
                return it.clone();
            }
            let event = self.receive(&format!("{what}, after {seen:?}"));
            self.events.push(event);
        }
    }

    /// The answers since the last reload. Events that belong together come in any order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let params = |name| {
            let events = self.events.iter().filter(move |event| event["method"] == name);
            events.map(|event| &event["params"])
        };
        let id = |params: &Value| params["requestId"].as_str().unwrap().to_owned();
        let urls = params("Network.requestWillBeSent");
        let urls: HashMap<_, _> = urls.map(|it| (id(it), &it["request"]["url"])).collect();
        let answers = params("Network.responseReceivedExtraInfo").filter_map(|answer| {
            let url = urls.get(&id(answer))?.as_str()?.to_owned();
            let range = answer["headers"]["Content-Range"].as_str().map(str::to_owned);
            Some(Seen { url, status: answer["statusCode"].as_u64()?, range })
        });
        answers.collect()
    }

    /// Lets it end by itself.
    pub(crate) fn close(mut self) {
        self.page = None;
        self.call("Browser.close", json!({}));
        loop {
            match self.messages.recv_timeout(self.time_left()) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the browser does not end"),
            }
        }
    }

    /// Asks it, or its page once there is one, for something.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(page) = &self.page {
            message["sessionId"] = json!(page);
        }
        let message = message.to_string() + "\0";
        if let Err(error) = self.input.write_all(message.as_bytes()) {
            self.fail(&format!("{error} before {method}"));
        }
        loop {
            let mut message = self.receive(method);
            if message["id"] == self.calls {
                assert_eq!(message.get("error"), None, "{method}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    fn wait_for(&mut self, name: &str) {
        while !self.events.iter().any(|event| event["method"] == name) {
            let event = self.receive(name);
            self.events.push(event);
        }
    }

    fn receive(&mut self, what: &str) -> Value {
        match self.messages.recv_timeout(self.time_left()) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => self.fail(&format!("no {what} in time")),
            Err(RecvTimeoutError::Disconnected) => self.fail(&format!("no {what} before its end")),
        }
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn fail(&self, what: &str) -> ! {
        let complaints: Vec<_> = self.complaints.try_iter().collect();
        panic!("the browser: {what}; it complained:\n{}", complaints.concat());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already, but its number is taken until somebody has waited for it.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        // Only then does nobody write into the directory any more.
        let deadline = Instant::now() + LIMIT;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.complaints.recv_timeout(left) {
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
}

/// What comes in, in pieces that end with `end`, from a thread that reads it always: whoever writes
/// is never held up.
fn pieces<T: Send + 'static>(
    input: impl Read + Send + 'static,
    end: u8,
    convert: impl Fn(&[u8]) -> Option<T> + Send + 'static,
) -> Receiver<T> {
    let (tell, pieces) = mpsc::channel();
    thread::spawn(move || {
        let mut input = BufReader::new(input);
        let mut piece = Vec::new();
        while input.read_until(end, &mut piece).is_ok_and(|len| len > 0) {
            if piece.last() == Some(&0) {
                piece.pop();
            }
            if let Some(piece) = convert(&piece) {
                // The test may be over; the input is read to its end all the same.
                let _ = tell.send(piece);
            }
            piece.clear();
        }
    });
    pieces
}
