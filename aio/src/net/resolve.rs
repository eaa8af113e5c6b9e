//! Names to addresses: what can be told at once is, the rest is asked of the system on a thread.
//!
//! ```text
//!   literal address, wildcard, invalid query   -> answered in the call, no thread, no waiting
//!   name of a host or service                  -> Queued --thread--> Calling --answer--> Ended
//!                                                  any + cancel or deadline: Ended at once; the
//!                                                  call goes on alone and its answer is dropped
//! ```
//!
//! # Source
//! getaddrinfo(3); nng 1.12, nng_tcp(5) for the meaning of empty hosts and ports.

use std::ffi::CString;
use std::fmt;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::modelled::Mutex;
use crate::net::Addr;
use crate::operation::{Cancel, Operation, OperationId};
use crate::runtime::lookups::{Answer, Lookup, Lookups, address_of};
use crate::{Aio, Error, Runtime, log, shield, sys};

/// The most addresses of one answer; the rest of it is left out.
const MAX_ADDRS: usize = 128;

/// The addresses that are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Family {
    /// IPv4 and IPv6, in the system's order of preference.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// What is asked of a [`Resolver`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Query<'a> {
    /// A name or a literal address without brackets: all that getaddrinfo(3) takes, so `1.2` is
    /// 1.0.0.2 and `fe80::1%eth0` has a scope. `None` and the empty text are the same.
    pub host: Option<&'a str>,
    /// A decimal number from 0 to 65535, or the name of a service; empty is 0.
    pub port: &'a str,
    /// The addresses that are wanted.
    pub family: Family,
    /// The address is to be listened on: without a host it is the wildcard address. Otherwise a
    /// host is needed.
    pub passive: bool,
}

/// Finds the addresses of hosts.
///
/// Literal addresses and wildcards are answered at once. For names a function is called on one of
/// a few threads that the aio's runtime begins for that purpose: the system's getaddrinfo(3), or
/// one of the program's.
///
/// ```
/// use nng_aio::Aio;
/// use nng_aio::net::{Addr, Query, Resolver};
///
/// let aio = Aio::without_callback();
/// let query = Query { host: Some("127.0.0.1"), port: "80", ..Query::default() };
/// Resolver::default().resolve(&query, &aio);
/// aio.wait();
/// let addrs: Vec<Addr> = aio.take_output(0).unwrap();
/// assert_eq!(addrs[0].to_string(), "127.0.0.1:80");
/// ```
#[derive(Clone)]
pub struct Resolver {
    function: Function,
}

/// Finds the addresses of a name.
type Function = Arc<dyn Fn(&Query<'_>) -> Result<Vec<Addr>, Error> + Send + Sync>;

impl Default for Resolver {
    /// Asks the system.
    fn default() -> Self {
        Self::with_lookup(ask_system)
    }
}

impl Resolver {
    /// Asks `lookup` instead of the system. It is called with each query that names a host or a
    /// service, may block, and answers with addresses that have their port, best first.
    pub fn with_lookup<F>(lookup: F) -> Self
    where
        F: Fn(&Query<'_>) -> Result<Vec<Addr>, Error> + Send + Sync + 'static,
    {
        Self { function: Arc::new(lookup) }
    }

    /// Starts to find the addresses. Output 0 of the aio is a `Vec<Addr>` of at least one, in the
    /// order in which they should be tried.
    ///
    /// A cancel or a deadline ends the operation at once, also if the system does not answer.
    ///
    /// # Errors
    /// In the aio: `AddressInvalid` for a query without host and port, or without host and not
    /// passive, for a port out of range, and for names that are unknown or have no address of the
    /// family; `Again` if a name server gave no answer; `NoMemory`; what else the system says;
    /// `Canceled`, `TimedOut`; `Closed` when the runtime ends.
    ///
    /// # Context
    /// Does not block.
    pub fn resolve(&self, query: &Query<'_>, aio: &Aio) {
        let Ok(operation) = aio.begin() else { return };
        let runtime = &aio.core().runtime;
        if runtime.is_closing() {
            return operation.finish(Err(Error::Closed));
        }
        if let Some(answer) = query.known() {
            return finish(operation, answer);
        }
        let lookups = Arc::clone(&runtime.lookups);
        let request = Arc::new(Request { state: Mutex::new(State::Ended), lookups });
        if request.queue(operation, query, &self.function)
            && let Err(error) = runtime.lookups.submit(runtime, request.clone())
        {
            request.cancel_now(error);
        }
    }

    /// Finds the addresses before it returns.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve), without those of aios.
    ///
    /// # Context
    /// Blocks for as long as the system takes, unless the query names neither host nor service.
    pub fn resolve_now(&self, query: &Query<'_>) -> Result<Vec<Addr>, Error> {
        if let Some(answer) = query.known() {
            return answer;
        }
        if let Some(runtime) = Runtime::current() {
            runtime.before_block();
        }
        checked((self.function)(query))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

/// A query on its way to a thread.
struct Request {
    state: Mutex<State>,
    lookups: Arc<Lookups>,
}

enum State {
    /// No thread has begun with it.
    Queued { operation: Operation, query: OwnedQuery, function: Function },
    /// A thread is in the call.
    Calling { operation: Operation },
    /// The operation was finished. A call may still go on.
    Ended,
}

impl Request {
    /// Arms and keeps the operation, or finishes it if that is refused; true if it is kept.
    fn queue(
        self: &Arc<Self>,
        mut operation: Operation,
        query: &Query<'_>,
        function: &Function,
    ) -> bool {
        let mut state = self.state.lock();
        if let Err(error) = operation.arm(self) {
            drop(state);
            operation.finish(Err(error));
            return false;
        }
        let (query, function) = (query.owned(), Arc::clone(function));
        *state = State::Queued { operation, query, function };
        true
    }

    /// Takes the state and leaves `Ended`.
    fn end(&self) -> State {
        mem::replace(&mut *self.state.lock(), State::Ended)
    }

    /// Takes what the call needs; `None` if the operation was finished meanwhile.
    fn begin_call(&self) -> Option<(OwnedQuery, Function)> {
        let mut state = self.state.lock();
        match mem::replace(&mut *state, State::Ended) {
            State::Queued { operation, query, function } => {
                *state = State::Calling { operation };
                Some((query, function))
            }
            State::Calling { .. } => unreachable!("a lookup is called once"),
            State::Ended => None,
        }
    }

    /// Finishes the operation, unless somebody did already.
    fn cancel_now(self: &Arc<Self>, error: Error) {
        match self.end() {
            State::Queued { operation, .. } => operation.finish(Err(error)),
            State::Calling { operation } => {
                self.lookups.give_up(address_of(self));
                operation.finish(Err(error));
            }
            State::Ended => {}
        }
    }
}

impl Cancel for Request {
    fn cancel(self: Arc<Self>, _id: OperationId, error: Error) {
        self.cancel_now(error);
    }
}

impl Lookup for Request {
    fn call(&self) -> Answer<'_> {
        let Some((query, function)) = self.begin_call() else { return Box::new(|| ()) };
        let mut answer = Err(Error::Internal);
        let found = &mut answer;
        // This may be the last owner of the function, whose destructor is foreign as well.
        if shield::panics(move || {
            *found = checked(function(&query.borrow()));
            drop(function);
        }) {
            log::error("NNG-PANIC", "a lookup function panicked");
        }
        Box::new(move || match self.end() {
            State::Calling { operation } => finish(operation, answer),
            State::Queued { .. } => unreachable!("the call has begun"),
            // A cancel or the deadline came first.
            State::Ended => {}
        })
    }

    fn is_wanted(&self) -> bool {
        !matches!(*self.state.lock(), State::Ended)
    }
}

fn finish(mut operation: Operation, answer: Result<Vec<Addr>, Error>) {
    let result = answer.and_then(|addrs| operation.set_output(0, Box::new(addrs)));
    operation.finish(result);
}

/// Sees to it that an answer has an address, and not too many.
fn checked(answer: Result<Vec<Addr>, Error>) -> Result<Vec<Addr>, Error> {
    let mut addrs = answer?;
    addrs.truncate(MAX_ADDRS);
    if addrs.is_empty() { Err(Error::AddressInvalid) } else { Ok(addrs) }
}

/// Asks the system; may block for as long as its name servers let it.
fn ask_system(query: &Query<'_>) -> Result<Vec<Addr>, Error> {
    let host = query.host().map(c_string).transpose()?;
    let (service, port) = match Port::parse(query.port)? {
        Port::Number(port) => (None, Some(port)),
        Port::Service(name) => (Some(c_string(name)?), None),
    };
    let mut flags = if query.passive { libc::AI_PASSIVE } else { 0 };
    if query.family == Family::Any {
        // Leaves families out that no interface has. One that was asked for is tried all the same:
        // the system does not count the loopback interface.
        flags |= libc::AI_ADDRCONFIG;
    }
    let found = sys::addrinfo(host.as_deref(), service.as_deref(), query.family.number(), flags)?;
    Ok(with_port(found, port))
}

/// Converts what the system found, without repetitions; the port goes into each if it is given.
fn with_port(found: Vec<SocketAddr>, port: Option<u16>) -> Vec<Addr> {
    let mut addrs = Vec::new();
    for mut found in found {
        if let Some(port) = port {
            found.set_port(port);
        }
        let addr = Addr::from(found);
        if addrs.len() < MAX_ADDRS && !addrs.contains(&addr) {
            addrs.push(addr);
        }
    }
    addrs
}

fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_nul| Error::AddressInvalid)
}

impl Family {
    const fn number(self) -> i32 {
        match self {
            Self::Any => libc::AF_UNSPEC,
            Self::V4 => libc::AF_INET,
            Self::V6 => libc::AF_INET6,
        }
    }
}

impl<'a> Query<'a> {
    /// Answers what needs no lookup: literals, wildcards and what is invalid.
    pub(crate) fn known(&self) -> Option<Result<Vec<Addr>, Error>> {
        if self.host().is_none() && (self.port.is_empty() || !self.passive) {
            return Some(Err(Error::AddressInvalid));
        }
        match (self.host(), Port::parse(self.port)) {
            (_, Err(error)) => Some(Err(error)),
            (_, Ok(Port::Service(_))) => None,
            (None, Ok(Port::Number(port))) => Some(Ok(self.wildcards(port))),
            (Some(host), Ok(Port::Number(port))) => self.literal(host, port),
        }
    }

    fn host(&self) -> Option<&'a str> {
        self.host.filter(|host| !host.is_empty())
    }

    fn wildcards(&self, port: u16) -> Vec<Addr> {
        let v4 = Addr::from((IpAddr::from(Ipv4Addr::UNSPECIFIED), port));
        let v6 = Addr::from((IpAddr::from(Ipv6Addr::UNSPECIFIED), port));
        match self.family {
            Family::Any => vec![v4, v6],
            Family::V4 => vec![v4],
            Family::V6 => vec![v6],
        }
    }

    /// `None` if `host` is a name. The system parses, so that all of its spellings are known.
    fn literal(&self, host: &str, port: u16) -> Option<Result<Vec<Addr>, Error>> {
        let host = match c_string(host) {
            Ok(host) => host,
            Err(error) => return Some(Err(error)),
        };
        match sys::addrinfo(Some(&host), None, self.family.number(), libc::AI_NUMERICHOST) {
            Ok(found) => Some(checked(Ok(with_port(found, Some(port))))),
            Err(failure) if failure.answer == libc::EAI_NONAME => None,
            Err(failure) => Some(Err(failure.into())),
        }
    }

    fn owned(&self) -> OwnedQuery {
        let host = self.host().map(Box::from);
        OwnedQuery { host, port: self.port.into(), family: self.family, passive: self.passive }
    }
}

/// A [`Query`] that owns its texts.
struct OwnedQuery {
    host: Option<Box<str>>,
    port: Box<str>,
    family: Family,
    passive: bool,
}

impl OwnedQuery {
    fn borrow(&self) -> Query<'_> {
        let host = self.host.as_deref();
        Query { host, port: &self.port, family: self.family, passive: self.passive }
    }
}

/// A port as a query states it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Port<'a> {
    Number(u16),
    Service(&'a str),
}

impl<'a> Port<'a> {
    /// As strtol(3) reads it: blanks and a sign may come before the digits; what has anything else
    /// is the name of a service.
    fn parse(text: &'a str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::Number(0));
        }
        let signed = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
        let digits = signed.strip_prefix(['+', '-']).unwrap_or(signed);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Service(text));
        }
        // No sign is left, and too many digits are out of range like any other large number.
        match digits.parse() {
            Ok(0) => Ok(Self::Number(0)),
            Ok(port) if !signed.starts_with('-') => Ok(Self::Number(port)),
            Ok(_) | Err(_) => Err(Error::AddressInvalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(query: Query<'_>) -> Option<Result<Vec<String>, Error>> {
        let texts = |addrs: Vec<Addr>| addrs.iter().map(Addr::to_string).collect();
        query.known().map(|answer| answer.map(texts))
    }

    fn query<'a>(host: &'a str, port: &'a str, family: Family) -> Query<'a> {
        Query { host: Some(host), port, family, passive: false }
    }

    #[test]
    fn ports_are_numbers_in_range_or_names() {
        for (text, port) in [
            ("", Ok(Port::Number(0))),
            ("0", Ok(Port::Number(0))),
            ("80", Ok(Port::Number(80))),
            ("65535", Ok(Port::Number(65535))),
            ("00080", Ok(Port::Number(80))),
            (" \t\n\x0b\x0c\r80", Ok(Port::Number(80))),
            (" +80", Ok(Port::Number(80))),
            ("-0", Ok(Port::Number(0))),
            ("-1", Err(Error::AddressInvalid)),
            ("-99999", Err(Error::AddressInvalid)),
            ("65536", Err(Error::AddressInvalid)),
            ("99999999999999999999999", Err(Error::AddressInvalid)),
            ("http", Ok(Port::Service("http"))),
            ("80 ", Ok(Port::Service("80 "))),
            ("0x50", Ok(Port::Service("0x50"))),
            ("+ 80", Ok(Port::Service("+ 80"))),
            ("--1", Ok(Port::Service("--1"))),
            (" ", Ok(Port::Service(" "))),
            ("-", Ok(Port::Service("-"))),
        ] {
            assert_eq!(Port::parse(text), port, "{text:?}");
        }
    }

    #[test]
    fn literals_are_known_in_every_spelling_of_the_system() {
        for (host, family, text) in [
            ("127.0.0.1", Family::Any, "127.0.0.1:80"),
            ("127.0.0.1", Family::V4, "127.0.0.1:80"),
            ("1.2.3", Family::Any, "1.2.0.3:80"),
            ("0x7f.1", Family::V4, "127.0.0.1:80"),
            ("::1", Family::Any, "[::1]:80"),
            ("::1", Family::V6, "[::1]:80"),
            ("fe80::1%3", Family::V6, "[fe80::1%3]:80"),
        ] {
            assert_eq!(known(query(host, "80", family)), Some(Ok(vec![text.to_owned()])), "{host}");
        }
        for host in ["localhost", "1.2.3.4.5", "example.invalid", "-"] {
            assert_eq!(known(query(host, "80", Family::Any)), None, "{host}");
        }
        assert_eq!(known(query("127.0.0.1", "http", Family::Any)), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn literals_of_the_other_family_are_invalid() {
        for (host, family) in [("::1", Family::V4), ("127.0.0.1", Family::V6)] {
            assert_eq!(known(query(host, "1", family)), Some(Err(Error::AddressInvalid)));
        }
    }

    #[test]
    fn without_a_host_there_are_wildcards_to_listen_on() {
        let listen = |host, port, family| known(Query { host, port, family, passive: true });
        for host in [None, Some("")] {
            assert_eq!(listen(host, "", Family::Any), Some(Err(Error::AddressInvalid)));
            assert_eq!(
                listen(host, "80", Family::Any),
                Some(Ok(vec!["0.0.0.0:80".into(), "[::]:80".into()]))
            );
            assert_eq!(listen(host, "0", Family::V4), Some(Ok(vec!["0.0.0.0:0".into()])));
            assert_eq!(listen(host, "0", Family::V6), Some(Ok(vec!["[::]:0".into()])));
            assert_eq!(listen(host, "http", Family::Any), None);
            assert_eq!(listen(host, "65536", Family::Any), Some(Err(Error::AddressInvalid)));
        }
        assert_eq!(known(query("", "80", Family::Any)), Some(Err(Error::AddressInvalid)));
    }

    #[test]
    fn texts_with_a_nul_are_invalid() {
        let resolver = Resolver::default();
        for (host, port) in [("a\0b", "80"), ("127.0.0.1", "ht\0tp"), ("a\0b", "http")] {
            let query = query(host, port, Family::Any);
            assert_eq!(resolver.resolve_now(&query), Err(Error::AddressInvalid), "{host:?}");
        }
    }

    #[test]
    fn answers_have_an_address_and_not_too_many_and_none_twice() {
        assert_eq!(checked(Ok(Vec::new())), Err(Error::AddressInvalid));
        let many = vec![Addr::Unspecified; MAX_ADDRS + 1];
        assert_eq!(checked(Ok(many)).map(|addrs| addrs.len()), Ok(MAX_ADDRS));
        let found = ["1.1.1.1:0", "2.2.2.2:0", "1.1.1.1:0"].map(|addr| addr.parse().unwrap());
        let texts: Vec<_> =
            with_port(found.to_vec(), Some(7)).iter().map(Addr::to_string).collect();
        assert_eq!(texts, ["1.1.1.1:7", "2.2.2.2:7"]);
    }
}
