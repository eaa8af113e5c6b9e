//! What says how long a body is, in all combinations: server and client agree about it, or the server
//! refuses the request and closes. A request that is hidden in a body is never answered.
//!
//! What must happen, an oracle of the test's own says; it knows the request only by its parts.
//!
//! # Source
//! RFC 9112 section 6.3.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use nng_oxide::http::{Server, ServerConfig};
use support::LIMIT;
use support::client::Client;
use support::server::{fixed, handler, respond, running, serve};

/// What is in the body, whoever knows where that begins.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
/// What follows the body.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

/// The two fields that say how long a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    ContentLength,
    TransferEncoding,
}
use Name::{ContentLength, TransferEncoding};

/// How a field is spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spelling {
    Plain,
    LowerCase,
    TabAfterColon,
    BlankBeforeColon,
    /// The value is in a line of its own.
    Folded,
    /// In the name, where others take it for a hyphen.
    Underscore,
    /// The line ends without a carriage return.
    BareLineFeed,
}

impl Spelling {
    const ALL: [Self; 7] = [
        Self::Plain,
        Self::LowerCase,
        Self::TabAfterColon,
        Self::BlankBeforeColon,
        Self::Folded,
        Self::Underscore,
        Self::BareLineFeed,
    ];
}

/// The lines of one name; there may be none.
#[derive(Clone, Copy, Debug)]
struct Lines<'a> {
    name: Name,
    values: &'a [&'a str],
    spelling: Spelling,
}

impl Lines<'_> {
    /// The lines as they are sent.
    fn text(&self) -> String {
        let name = match self.name {
            ContentLength => "Content-Length",
            TransferEncoding => "Transfer-Encoding",
        };
        let line = |value: &&str| match self.spelling {
            Spelling::Plain => format!("{name}: {value}\r\n"),
            Spelling::LowerCase => format!("{}: {value}\r\n", name.to_lowercase()),
            Spelling::TabAfterColon => format!("{name}:\t{value}\r\n"),
            Spelling::BlankBeforeColon => format!("{name} : {value}\r\n"),
            Spelling::Folded => format!("{name}:\r\n {value}\r\n"),
            Spelling::Underscore => format!("{}: {value}\r\n", name.replace('-', "_")),
            Spelling::BareLineFeed => format!("{name}: {value}\n"),
        };
        self.values.iter().map(line).collect()
    }
}

/// What the server must make of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// Its body has so many bytes.
    Length(usize),
    /// Its body is in chunks.
    Chunked,
    /// It is answered with this status, and the connection closes.
    Refused(u16),
}
use Verdict::{Chunked, Length, Refused};

/// Says what the server must make of a request with these fields.
fn oracle(version: &str, fields: [Lines<'_>; 2]) -> Verdict {
    if version == "2.0" {
        return Refused(505);
    }
    let is_there = |lines: &&Lines<'_>| !lines.values.is_empty();
    let is_malformed =
        |lines: &Lines<'_>| matches!(lines.spelling, Spelling::BlankBeforeColon | Spelling::Folded);
    if fields.iter().filter(is_there).any(is_malformed) {
        return Refused(400);
    }
    // With an underscore it is a field of which nobody knows anything.
    let values_of = |name| {
        let of_name = |lines: &&Lines<'_>| lines.name == name;
        let lines = fields.iter().filter(of_name).find(|f| f.spelling != Spelling::Underscore);
        lines.map_or(&[][..], |lines| lines.values)
    };
    match (values_of(TransferEncoding), values_of(ContentLength)) {
        ([], []) => Length(0),
        // "5, 5" might be taken for 5, and is not. So might what looks like no number at all.
        ([], [one]) if !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_digit()) => {
            Length(one.parse().expect("it is a number"))
        }
        ([], _) => Refused(400),
        // The request was to be smuggled (RFC 9112 section 6.1).
        (_, [_, ..]) => Refused(400),
        // HTTP/1.0 has no codings.
        (_, []) if version == "1.0" => Refused(400),
        ([one], []) => match one.to_lowercase().as_str() {
            "chunked" => Chunked,
            // Codings that nobody here undoes.
            "gzip, chunked" | "identity" => Refused(501),
            "chunked, chunked" | "" => Refused(400),
            other => panic!("the oracle has not heard of {other}"),
        },
        ([_, _, ..], []) => Refused(400),
    }
}

/// A request with a body that hides another, and what becomes of it.
#[derive(Debug)]
struct Case {
    head: String,
    version: &'static str,
    verdict: Verdict,
}

/// The body: as it is sent, which is also one in chunks.
fn body() -> String {
    format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len())
}

/// Calls with all combinations.
fn for_all_cases(target: &str, mut check: impl FnMut(&Case)) {
    let len = body().len().to_string();
    let (twice, list) = ([len.as_str(); 2], format!("{len}, {len}"));
    let lengths: [&[&str]; 8] =
        [&[], &[&len], &["0"], &["-1"], &[&list], &twice, &[&len, "0"], &[""]];
    let codings: [&[&str]; 8] = [
        &[],
        &["chunked"],
        &["CHUNKED"],
        &["gzip, chunked"],
        &["identity"],
        &["chunked, chunked"],
        &[""],
        &["chunked", "chunked"],
    ];
    // How it is spelled says nothing of what is not there.
    let spellings = |values: &[&str]| match values {
        [] => &Spelling::ALL[..1],
        _ => &Spelling::ALL[..],
    };
    let mut count = 0;
    for version in ["1.0", "1.1", "1.2", "2.0"] {
        for (length, coding) in lengths.iter().flat_map(|l| codings.iter().map(move |c| (l, c))) {
            for (of_length, of_coding) in spellings(length)
                .iter()
                .flat_map(|l| spellings(coding).iter().map(move |c| (*l, *c)))
            {
                let are_both_there = !length.is_empty() && !coding.is_empty();
                if version != "1.1" && are_both_there && of_length != of_coding {
                    continue;
                }
                let fields = [
                    Lines { name: ContentLength, values: length, spelling: of_length },
                    Lines { name: TransferEncoding, values: coding, spelling: of_coding },
                ];
                let [first, second] = fields.map(|lines| lines.text());
                // Which comes first must not matter, and does not add another dimension.
                let lines = if count % 2 == 0 { first + &second } else { second + &first };
                let head =
                    format!("POST {target} HTTP/{version}\r\nHost: h\r\n{lines}X: x\r\n\r\n");
                check(&Case { head, version, verdict: oracle(version, fields) });
                count += 1;
            }
        }
    }
    assert_eq!(count, 50 * 50 + 3 * (49 * 7 + 14 * 7 + 1));
}

/// A server with pages for bodies that are collected and for those that are not, and what counts the
/// calls for the hidden request.
fn server() -> (Server, Arc<AtomicUsize>) {
    let mut config = ServerConfig::default();
    // The end of a connection is the client's.
    config.linger_timeout = Some(LIMIT);
    let server = running(config);
    let collecting = handler("POST", "/collect", |exchange| {
        let body = exchange.request().body().to_vec();
        respond(exchange, body);
    });
    let unread = handler("POST", "/unread", |exchange| respond(exchange, "unread"));
    unread.collect_body(false, 0);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let hidden = handler("", "/hidden", move |exchange| {
        counter.fetch_add(1, SeqCst);
        respond(exchange, "hidden");
    });
    serve(&server, [collecting, unread, hidden, fixed("/next", "next")]);
    (server, calls)
}

/// Sends all combinations to a target; `text` is what is answered if it is not the body.
fn check(target: &str, status: u16, text: Option<&str>) {
    let (server, calls) = server();
    let body = body();
    let mut open: Option<Client> = None;
    for_all_cases(target, |case| {
        // One connection as long as there is one.
        let mut client = open.take().unwrap_or_else(|| Client::new(&server));
        client.send(format!("{}{body}{NEXT}", case.head));
        let answer = client.answer();
        let expected = match case.verdict {
            Refused(status) => status,
            Length(_) | Chunked => status,
        };
        let closes = matches!(case.verdict, Refused(_)) || case.version == "1.0";
        assert_eq!((answer.status, answer.closes()), (expected, closes), "{case:?}");
        let received = match case.verdict {
            Length(len) => Some(&body[..len]),
            Chunked => Some(HIDDEN),
            Refused(_) => None,
        };
        if let Some(received) = received
            && status == 200
        {
            assert_eq!(answer.text(), text.unwrap_or(received), "{case:?}");
        }
        if closes {
            client.expect_end();
        } else if case.verdict == Length(0) {
            // It has no body, and what follows is a request, but none that anybody understands.
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (400, true), "{case:?}");
            client.expect_end();
        } else {
            assert_eq!(client.answer().text(), "next", "{case:?}");
            open = Some(client);
        }
        assert_eq!(calls.load(SeqCst), 0, "{case:?}");
    });
}

#[test]
fn no_request_hides_in_a_body_that_is_collected() {
    check("/collect", 200, None);
}

#[test]
fn no_request_hides_in_a_body_that_nobody_reads() {
    check("/unread", 200, Some("unread"));
}

#[test]
fn no_request_hides_in_a_body_that_nobody_wants() {
    check("/nowhere", 404, None);
}

#[test]
fn the_hidden_request_would_be_answered_if_it_were_one() {
    let (server, calls) = server();
    let mut client = Client::new(&server);
    client.send(format!("POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n{HIDDEN}"));
    assert_eq!((client.answer().text(), client.answer().text()), ("", "hidden"));
    assert_eq!(calls.load(SeqCst), 1);
}
