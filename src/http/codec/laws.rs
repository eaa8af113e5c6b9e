//! What holds whatever the input is.
//!
//! Each law panics when it is broken. Property tests and fuzz targets call the same laws, the
//! latter with bytes that say how to cut the input and what the limits are.
//!
//! 1. Nothing panics.
//! 2. The way in which input is cut into pieces changes nothing.
//! 3. More input never changes what was found in the input before it.
//! 4. What is written is read back as it was.
//! 5. Memory is at most a fixed multiple of the input.
//! 6. The fast parsers agree with the obvious ones.

use std::ops::Range;

use super::obvious::{self, Verdict};
use super::{
    BodyFraming, ChunkError, ChunkedDecoder, HeadError, LAST_CHUNK, Limits, RequestHead,
    RequestParser, ResponseHead, ResponseParser, Step, write_chunk,
};
use crate::Url;
use crate::http::head_edit::HeadEdit;
use crate::http::headers::Headers;
use crate::http::request::Request;
use crate::http::response::Response;

/// Bytes that say how input arrives: the lengths of its pieces, over and over.
pub(crate) type Cuts<'a> = &'a [u8];

/// Laws of reading the requests of a connection.
pub(crate) fn requests(input: &[u8], cuts: Cuts<'_>, limits: &Limits) {
    laws_of_events(input, cuts, |input, cuts| read_requests(input, cuts, limits));
    if *limits == Limits::default() {
        obvious_request(input);
    }
}

/// Laws of reading the responses of a connection to requests of one method.
pub(crate) fn responses(input: &[u8], cuts: Cuts<'_>, limits: &Limits, method: &str) {
    laws_of_events(input, cuts, |input, cuts| read_responses(input, cuts, limits, method));
    if *limits == Limits::default() {
        obvious_response(input);
    }
}

/// Laws of decoding one chunked body.
pub(crate) fn chunked(input: &[u8], cuts: Cuts<'_>, limits: &Limits) {
    let whole = decode(input, &[], limits);
    assert_eq!(decode(input, cuts, limits), whole, "cut into pieces");
    assert_eq!(decode(input, &[0], limits), whole, "cut into bytes");
    let start = &input[..input.len() / 2];
    let before = decode(start, &[], limits);
    assert!(whole.body.starts_with(&before.body), "more input took body back");
    assert!(before.end.is_none() || before.end == whole.end, "more input changed the end");

    if *limits == Limits::default() {
        match (obvious::chunked(input), whole.end) {
            (Verdict::Partial, None | Some(Err(_))) | (Verdict::Refused, Some(Err(_))) => {}
            (Verdict::Accepted((body, len)), Some(Ok(end))) => {
                assert_eq!((body, len), (whole.body, end));
            }
            (obvious, end) => panic!("obviously {obvious:?}, but {end:?}"),
        }
    }
}

/// Laws of encoding a body in chunks.
pub(crate) fn encoded(body: &[u8], cuts: Cuts<'_>) {
    let mut wire = Vec::new();
    for piece in pieces(body.len(), cuts) {
        write_chunk(&body[piece], &mut wire);
    }
    wire.extend_from_slice(LAST_CHUNK);
    let decoded = decode(&wire, &[], &Limits::default());
    assert_eq!(
        decoded,
        Decoded { body: body.to_vec(), trailers: Vec::new(), end: Some(Ok(wire.len())) }
    );
}

/// Laws of URLs, and of the requests made of them.
pub(crate) fn url(text: &str) {
    let Ok(url) = Url::parse(text) else { return };
    let printed = url.to_string();
    if let Ok(again) = Url::parse(&printed) {
        assert_eq!(again.to_string(), printed, "the canonical form is stable");
    }
    if let Ok(request) = Request::for_url(&url) {
        assert!(request.uri().starts_with('/'));
        assert!(request.uri().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
        let host = request.headers().get("Host").expect("a request for a URL has a host");
        // NNG's URLs take hosts that HTTP does not.
        match write_and_read(&request) {
            Ok(read) => same_request(&request, &read),
            Err(error) => assert_eq!(error, HeadError::Host, "{host}"),
        }
    }
}

/// What was written of a request is read back as it was.
pub(crate) fn request_is_read_as_written(request: &Request) {
    same_request(request, &write_and_read(request).expect("what is written is well-formed"));
}

/// What was written of a response is read back as it was.
pub(crate) fn response_is_read_as_written(response: &Response) {
    let mut wire = Vec::new();
    response.write_head(&HeadEdit::default(), &mut wire);
    let mut read = Response::new();
    let limits = Limits { head: usize::MAX, fields: usize::MAX, ..Limits::default() };
    let head = ResponseParser::new().parse(&wire, &limits, &mut read);
    let head = head.expect("what is written is well-formed").expect("and complete");
    assert_eq!(head.len, wire.len());
    assert_eq!(read.status(), response.status());
    assert_eq!(read.reason(), response.reason().trim_matches([' ', '\t']));
    assert_eq!(read.version(), response.version());
    let mut headers = response.headers().clone();
    if headers.contains("Transfer-Encoding") {
        // A length beside a coding says nothing, and is not written.
        let _ = headers.remove("Content-Length");
    }
    same_fields(&headers, read.headers());
}

/// Calls a law with input and with what the bytes before it say about cuts and limits.
///
/// They also say whether the input follows `good`, since random bytes hardly make a start line.
pub(crate) fn with_controls(data: &[u8], good: &str, law: impl FnOnce(&[u8], Cuts<'_>, &Limits)) {
    let Some(([choice, cuts @ ..], input)) = data.split_first_chunk::<4>() else { return };
    let tight = Limits {
        request_line: 20,
        head: 60,
        fields: 3,
        chunk_line: 12,
        trailers: 16,
        empty_lines: 1,
    };
    let limits = if choice & 1 == 0 { Limits::default() } else { tight };
    let good = if choice & 2 == 0 { good } else { "" };
    law(&[good.as_bytes(), input].concat(), cuts, &limits);
}

/// What happens on a connection.
#[derive(Clone, PartialEq, Debug)]
enum Event<H> {
    Head(H),
    /// Bytes of a body, joined to those before.
    Body(Vec<u8>),
    End,
    HeadError(HeadError),
    ChunkError(ChunkError),
}

/// A complete head and the message it is of.
type Seen<H, M> = (H, M);

/// How far a connection has been read.
enum Place {
    Head,
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
    Over,
}

/// Checks that cuts change nothing and that events are final.
fn laws_of_events<H: Clone + PartialEq + std::fmt::Debug>(
    input: &[u8],
    cuts: Cuts<'_>,
    read: impl Fn(&[u8], Cuts<'_>) -> Vec<Event<H>>,
) {
    // A malformed line may be refused before it ends or, if it came in pieces, when it ends.
    let ended = [input, b"\n"].concat();
    let whole = read(&ended, &[]);
    assert_eq!(read(&ended, cuts), whole, "cut into pieces");
    assert_eq!(read(&ended, &[0]), whole, "cut into bytes");

    let mut before = read(&input[..input.len() / 2], &[]);
    let Some(last) = before.pop() else { return };
    let at = before.len();
    assert_eq!(before, whole[..at], "more input changed an event");
    match (&last, &whole[at]) {
        (Event::Body(start), Event::Body(all)) => {
            assert!(all.starts_with(start), "more input took body back");
        }
        (last, same) => assert_eq!(last, same, "more input changed the last event"),
    }
}

fn read_requests(
    input: &[u8],
    cuts: Cuts<'_>,
    limits: &Limits,
) -> Vec<Event<Seen<RequestHead, String>>> {
    let (mut parser, mut request) = (RequestParser::new(), Request::new());
    let total = input.len();
    read_messages(input, cuts, limits, |input| {
        let head = parser.parse(input, limits, &mut request);
        bounded(parser.memory() + request.memory(), total);
        if head == Ok(None) {
            return Ok(None);
        }
        // A parser that is used again must not remember anything.
        let mut other = Request::new();
        assert_eq!(RequestParser::new().parse(input, limits, &mut other), head);
        let Some(head) = head? else { return Ok(None) };
        same_request(&request, &other);
        request_is_read_as_written(&request);
        Ok(Some((head.len, head.body, (head, format!("{request:?}")))))
    })
}

fn read_responses(
    input: &[u8],
    cuts: Cuts<'_>,
    limits: &Limits,
    method: &str,
) -> Vec<Event<Seen<ResponseHead, String>>> {
    let (mut parser, mut response) = (ResponseParser::new(), Response::new());
    let total = input.len();
    read_messages(input, cuts, limits, |input| {
        let head = parser.parse(input, limits, &mut response);
        bounded(parser.memory() + response.memory(), total);
        if head == Ok(None) {
            return Ok(None);
        }
        let mut other = Response::new();
        assert_eq!(ResponseParser::new().parse(input, limits, &mut other), head);
        let Some(head) = head? else { return Ok(None) };
        assert_eq!(format!("{response:?}"), format!("{other:?}"));
        response_is_read_as_written(&response);
        Ok(Some((head.len, head.framing(method)?, (head, format!("{response:?}")))))
    })
}

/// Reads the messages of a connection whose input arrives in pieces.
fn read_messages<H>(
    input: &[u8],
    cuts: Cuts<'_>,
    limits: &Limits,
    mut parse: impl FnMut(&[u8]) -> Result<Option<(usize, BodyFraming, H)>, HeadError>,
) -> Vec<Event<H>> {
    let mut events = Vec::new();
    let (mut place, mut at) = (Place::Head, 0);
    for Range { end, .. } in pieces(input.len(), cuts) {
        loop {
            let here = &input[at..end];
            match &mut place {
                Place::Head => match parse(here) {
                    Ok(None) => break,
                    Ok(Some((len, body, head))) => {
                        assert!(len <= here.len());
                        events.push(Event::Head(head));
                        at += len;
                        place = match body {
                            BodyFraming::Empty => {
                                events.push(Event::End);
                                Place::Head
                            }
                            BodyFraming::Length(len) => Place::Length(len),
                            BodyFraming::Chunked => Place::Chunked(ChunkedDecoder::new(limits)),
                            BodyFraming::UntilClose => Place::UntilClose,
                        };
                    }
                    Err(error) => {
                        events.push(Event::HeadError(error));
                        place = Place::Over;
                    }
                },
                Place::Length(0) => {
                    events.push(Event::End);
                    place = Place::Head;
                }
                Place::Chunked(decoder) => match decoder.step(here) {
                    Ok(Step::Data(data)) => {
                        push_body(&mut events, &here[data.clone()]);
                        at += data.end;
                    }
                    Ok(Step::Trailers(lines)) => at += lines.end,
                    Ok(Step::End(len)) => {
                        events.push(Event::End);
                        at += len;
                        place = Place::Head;
                    }
                    Ok(Step::Partial) => {
                        at = end;
                        break;
                    }
                    Err(error) => {
                        events.push(Event::ChunkError(error));
                        place = Place::Over;
                    }
                },
                Place::Length(_) | Place::UntilClose if here.is_empty() => break,
                Place::Length(remaining) => {
                    let len = here.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                    *remaining -= len as u64;
                    push_body(&mut events, &here[..len]);
                    at += len;
                }
                Place::UntilClose => {
                    push_body(&mut events, here);
                    at = end;
                }
                Place::Over => return events,
            }
        }
    }
    events
}

fn push_body<H>(events: &mut Vec<Event<H>>, data: &[u8]) {
    assert!(!data.is_empty(), "a piece of a body has at least one byte");
    match events.last_mut() {
        Some(Event::Body(body)) => body.extend_from_slice(data),
        _ => events.push(Event::Body(data.to_vec())),
    }
}

/// What became of a chunked body.
#[derive(PartialEq, Debug)]
struct Decoded {
    body: Vec<u8>,
    /// None if they were refused.
    trailers: Vec<u8>,
    /// Bytes of input that it took, or what was wrong with it.
    end: Option<Result<usize, ChunkError>>,
}

fn decode(input: &[u8], cuts: Cuts<'_>, limits: &Limits) -> Decoded {
    let mut decoder = ChunkedDecoder::new(limits);
    let (mut body, mut trailers, mut at) = (Vec::new(), Vec::new(), 0);
    for Range { end, .. } in pieces(input.len(), cuts) {
        loop {
            let here = &input[at..end];
            match decoder.step(here) {
                Ok(Step::Data(data)) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(&here[data.clone()]);
                    at += data.end;
                }
                Ok(Step::Trailers(lines)) => {
                    assert!(!lines.is_empty());
                    trailers.extend_from_slice(&here[lines.clone()]);
                    at += lines.end;
                }
                Ok(Step::End(len)) => {
                    assert!(decoder.is_done());
                    let end = [&trailers, &b"\r\n"[..]].concat();
                    assert!(input[..at + len].ends_with(&end));
                    assert_eq!(decoder.step(&input[at + len..]), Ok(Step::End(0)));
                    return Decoded { body, trailers, end: Some(Ok(at + len)) };
                }
                Ok(Step::Partial) => {
                    at = end;
                    break;
                }
                Err(error) => return Decoded { body, trailers: Vec::new(), end: Some(Err(error)) },
            }
        }
    }
    Decoded { body, trailers, end: None }
}

/// Cuts `len` bytes into pieces whose lengths are `cuts` plus one, over and over; one if none.
pub(crate) fn pieces(len: usize, cuts: Cuts<'_>) -> impl Iterator<Item = Range<usize>> {
    let mut lens = cuts.iter().cycle().map(|&cut| usize::from(cut) + 1);
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = lens.next().map_or(len, |piece| len.min(start + piece));
        let piece = start..end;
        start = end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The parser accepts what the rules accept, and finds the same in it.
fn obvious_request(input: &[u8]) {
    let mut request = Request::new();
    let parsed = RequestParser::new().parse(input, &Limits::default(), &mut request);
    let (head, obvious) = match (parsed, obvious::request_head(input)) {
        (Ok(None) | Err(_), Verdict::Partial) | (Err(_), Verdict::Refused) => return,
        (Ok(Some(head)), Verdict::Accepted(obvious)) => (head, obvious),
        (parsed, obvious) => panic!("obviously {obvious:?}, but {parsed:?}"),
    };
    assert_eq!(head.len, obvious.len);
    assert_eq!((request.method(), request.uri()), (obvious.method, obvious.target));
    assert_eq!(request.version().as_str(), obvious.version);
    let framing = match obvious.body_len {
        None => BodyFraming::Chunked,
        Some(0) => BodyFraming::Empty,
        Some(len) => BodyFraming::Length(len),
    };
    assert_eq!(head.body, framing);
    let mut headers = Headers::new();
    for (name, value) in obvious.fields {
        headers.add(name, value).expect("what was accepted can be set");
    }
    assert_eq!(*request.headers(), headers);
}

fn obvious_response(input: &[u8]) {
    let mut response = Response::new();
    let parsed = ResponseParser::new().parse(input, &Limits::default(), &mut response);
    let (head, obvious) = match (parsed, obvious::response_head(input)) {
        (Ok(None) | Err(_), Verdict::Partial) | (Err(_), Verdict::Refused) => return,
        (Ok(Some(head)), Verdict::Accepted(obvious)) => (head, obvious),
        (parsed, obvious) => panic!("obviously {obvious:?}, but {parsed:?}"),
    };
    assert_eq!((head.len, response.status()), (obvious.len, obvious.status));
    assert_eq!(response.version().as_str(), obvious.version);
    assert_eq!(response.reason(), String::from_utf8_lossy(obvious.reason));
    let mut headers = Headers::new();
    for (name, value) in obvious.fields {
        headers.add(name, value).expect("what was accepted can be set");
    }
    assert_eq!(*response.headers(), headers);
}

fn write_and_read(request: &Request) -> Result<Request, HeadError> {
    let mut wire = Vec::new();
    request.write_head(&HeadEdit::default(), &mut wire).expect("the request has a URI");
    let mut read = Request::new();
    let limits = Limits {
        request_line: usize::MAX,
        head: usize::MAX,
        fields: usize::MAX,
        ..Limits::default()
    };
    let head = RequestParser::new().parse(&wire, &limits, &mut read)?.expect("it is complete");
    assert_eq!(head.len, wire.len());
    Ok(read)
}

fn same_request(a: &Request, b: &Request) {
    assert_eq!((a.method(), a.uri(), a.version()), (b.method(), b.uri(), b.version()));
    same_fields(a.headers(), b.headers());
}

/// Values may lose blanks at their ends.
fn same_fields(written: &Headers, read: &Headers) {
    let trimmed = |headers: &Headers| -> Vec<_> {
        let field =
            |(name, value): (&str, &[u8])| (name.to_owned(), super::grammar::trim(value).to_vec());
        headers.iter().map(field).collect()
    };
    assert_eq!(trimmed(written), trimmed(read));
}

/// A field line of three bytes takes two entries of sixteen, in vectors that may be half empty.
fn bounded(memory: usize, input: usize) {
    assert!(memory <= 32 * input + 1024, "{memory} bytes for {input}");
}
