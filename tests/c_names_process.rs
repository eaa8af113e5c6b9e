//! The C names as a whole: which there are, and the functions that concern the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use nng_oxide::c_names::*;

/// The functions as C declares them.
const DECLARED: &str = include_str!("c_names.h");

/// The functions as Rust declares them.
const SOURCES: &[&str] = &[
    include_str!("../src/c_names/aio.rs"),
    include_str!("../src/c_names/client.rs"),
    include_str!("../src/c_names/http.rs"),
    MESSAGES,
    include_str!("../src/c_names/options.rs"),
    include_str!("../src/c_names/server.rs"),
    include_str!("../src/c_names/statistics.rs"),
    include_str!("../src/c_names/tls.rs"),
    STREAMS,
    include_str!("../src/c_names/udp.rs"),
    include_str!("../src/c_names/util.rs"),
];

/// Those that have tables of functions.
const MESSAGES: &str = include_str!("../src/c_names/message.rs");
const STREAMS: &str = include_str!("../src/c_names/stream.rs");

/// The tests that call them.
const TESTS: &[&str] = &[
    include_str!("c_names.rs"),
    include_str!("c_names_client.rs"),
    include_str!("c_names_http.rs"),
    include_str!("http_hijack.rs"),
    include_str!("c_names_message.rs"),
    include_str!("c_names_options.rs"),
    include_str!("c_names_process.rs"),
    include_str!("c_names_statistics.rs"),
    include_str!("c_names_stream.rs"),
    include_str!("c_names_tls.rs"),
    include_str!("c_names_udp.rs"),
    include_str!("tls_http_client.rs"),
];

/// Parameters of C that have no counterpart: lengths of what knows its length, buffers for text that is
/// returned, destructors.
const LEFT_OUT: [&str; 9] =
    ["argc", "sizep", "key_len", "niov", "buf", "bufsz", "destructor", "...", "void"];

/// A function: what it returns, and the names of its parameters.
#[derive(Debug)]
struct Function {
    returns: String,
    parameters: Vec<String>,
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The last word of a text.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches(|character| !is_of_name(character));
    text.rsplit(|character| !is_of_name(character)).next().unwrap_or_default()
}

/// Splits at commas that are in no bracket.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The name of a parameter of C.
fn c_parameter(text: &str) -> String {
    let name = match text.split_once("(*") {
        Some((_, rest)) => rest.split_once(')').map_or(rest, |(name, _)| name),
        None if text == "..." => text,
        None => last_word(text),
    };
    name.to_owned()
}

fn declared_in_c() -> BTreeMap<&'static str, Function> {
    let declarations = DECLARED.lines().filter(|line| line.ends_with(';'));
    let parse = |line: &'static str| {
        let (head, parameters) = line.split_once('(').expect("a function has parameters");
        let parameters = parameters.strip_suffix(");").expect("the line ends with the declaration");
        let name = last_word(head);
        let returns = head[..head.len() - name.len()].trim().to_owned();
        let parameters = split(parameters).into_iter().map(c_parameter);
        (name, Function { returns, parameters: parameters.collect() })
    };
    declarations.map(parse).collect()
}

/// The parameters of C that have a counterpart. A `size` has none behind the `data` whose length it is.
fn with_counterpart(parameters: &[String]) -> Vec<&str> {
    let mut kept = Vec::new();
    for name in parameters.iter().map(String::as_str) {
        let is_length = name == "size" && kept.last() == Some(&"data");
        if !is_length && !LEFT_OUT.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// The functions that are written out; those of options and of numbers are made by tables.
fn declared_in_rust() -> BTreeMap<&'static str, Function> {
    let mut functions = BTreeMap::new();
    for source in SOURCES {
        for item in source.split("\npub fn ").skip(1) {
            let name = item.split(|character| !is_of_name(character)).next().unwrap_or_default();
            let signature = item.split_once(" {").map_or(item, |(signature, _)| signature);
            // Behind the name and what it is generic over.
            let signature = match signature[name.len()..].strip_prefix('<') {
                Some(generic) => generic.split_once(">(").expect("it has parameters").1,
                None => &signature[name.len() + 1..],
            };
            let (parameters, returns) = match signature.rsplit_once(") -> ") {
                Some((parameters, returns)) => (parameters, returns),
                None => (signature.rsplit_once(')').expect("it has parameters").0, ""),
            };
            // A name that is a word of Rust is written in another way, and is the same.
            let plain = |name: &str| name.trim_start_matches("r#").to_owned();
            let name_of = |part: &&str| plain(part.split(':').next().unwrap_or_default());
            let parameters = split(parameters).iter().map(name_of).collect();
            functions.insert(name, Function { returns: returns.to_owned(), parameters });
        }
    }
    functions
}

/// The functions that the table of options makes.
fn made_for_options() -> Vec<&'static str> {
    let (_, table) = STREAMS.split_once("\noptions! {").expect("there is a table");
    let words = table.split(|character| !is_of_name(character));
    words.filter(|word| word.contains("_get_") || word.contains("_set_")).collect()
}

/// The functions that the table of numbers makes: those that add one, and those that take one off.
fn made_for_numbers() -> [Vec<&'static str>; 2] {
    let (_, table) = MESSAGES.split_once("\nnumbers! {").expect("there is a table");
    let (add, take) = table.split_once("\n    take {").expect("it has two parts");
    [add, take].map(|part| {
        let words = part.split(|character| !is_of_name(character));
        words.filter(|word| word.starts_with("nng_msg_")).collect()
    })
}

#[test]
fn every_declared_function_is_there_and_no_other() {
    let expected: Vec<_> = declared_in_c().into_keys().collect();
    let mut actual: Vec<_> = declared_in_rust().into_keys().collect();
    actual.extend(made_for_options());
    actual.extend(made_for_numbers().concat());
    actual.sort_unstable();
    assert_eq!(actual, expected);
}

#[test]
fn parameters_have_the_names_and_the_order_of_c() {
    let in_c = declared_in_c();
    for (name, function) in declared_in_rust() {
        let expected = with_counterpart(&in_c[name].parameters);
        let actual = function.parameters.iter().map(|name| name.trim_start_matches('_'));
        assert!(actual.eq(expected), "{name}: {function:?}, in C {:?}", in_c[name]);
    }
    for name in made_for_options() {
        let [object, option, value] = &in_c[name].parameters[..] else { panic!("{name}") };
        assert!(["stream", "dialer", "listener"].contains(&object.as_str()), "{name}");
        assert_eq!(option, "opt", "{name}");
        assert_eq!(value, if name.contains("_get_") { "valp" } else { "val" }, "{name}");
    }
    for (names, value) in made_for_numbers().into_iter().zip(["val", "valp"]) {
        for name in names {
            assert_eq!(in_c[name].parameters, ["msg", value], "{name}");
        }
    }
}

#[test]
fn plain_results_are_those_of_c() {
    let in_c = declared_in_c();
    for (name, function) in declared_in_rust() {
        let expected = match in_c[name].returns.as_str() {
            "int" => "i32",
            // A reference that C counts is a handle here.
            "void" if name.ends_with("_hold") => continue,
            "void" => "",
            "bool" => "bool",
            "size_t" => "usize",
            "uint16_t" => "u16",
            "uint32_t" => "u32",
            "uint64_t" => "u64",
            named if named.starts_with("nng_") && !named.ends_with('*') => named,
            _pointer => continue,
        };
        assert_eq!(function.returns, expected, "{name}");
    }
}

#[test]
fn every_function_is_called_by_a_test() {
    for name in declared_in_c().keys() {
        let calls = [format!("{name}("), format!("{name}::<")];
        let is_called = TESTS.iter().any(|test| calls.iter().any(|call| test.contains(call)));
        // Those of numbers are called by a table.
        let is_in_table = made_for_numbers().concat().contains(name)
            && include_str!("c_names_message.rs").contains(name);
        assert!(is_called || is_in_table, "{name}");
    }
}

#[test]
fn the_end_of_the_library_ends_what_is_under_way() {
    for _ in 0..2 {
        nng_fini();
        let mut aio = None;
        assert_eq!(nng_aio_alloc(&mut aio, None, ()), 0);
        let aio = aio.expect("it was made");
        nng_sleep_aio(nng_duration::MAX, &aio);
        nng_fini();
        nng_aio_wait(&aio);
        assert_eq!(nng_aio_result(&aio), NNG_ECLOSED);
    }
}

/// What the logger was given: level, facility, id, text.
static LOGGED: Mutex<Vec<(nng_log_level, nng_log_facility, String)>> = Mutex::new(Vec::new());

fn logger(level: nng_log_level, facility: nng_log_facility, msgid: &str, msg: &str) {
    // Remarks of the library itself are none of this test's business.
    if msgid == "TEST" {
        let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        logged.push((level, facility, msg.to_owned()));
    }
}

/// One test for all of it, since the settings are the process'.
#[test]
fn the_log_gives_records_to_the_logger() {
    let logged = || std::mem::take(&mut *LOGGED.lock().unwrap_or_else(PoisonError::into_inner));
    let log_all = || {
        nng_log_err("TEST", "err");
        nng_log_warn("TEST", "warn");
        nng_log_notice("TEST", "notice");
        nng_log_info("TEST", "info");
        nng_log_debug("TEST", &format!("debug {}", 1));
        nng_log_auth(NNG_LOG_INFO, "TEST", "auth");
    };
    log_all();
    nng_log_set_logger(Some(logger));
    assert_eq!(nng_log_get_level(), NNG_LOG_NOTICE);
    log_all();
    let user = |level, text: &str| (level, NNG_LOG_USER, text.to_owned());
    let first =
        [user(NNG_LOG_ERR, "err"), user(NNG_LOG_WARN, "warn"), user(NNG_LOG_NOTICE, "notice")];
    assert_eq!(logged(), first);

    nng_log_set_level(NNG_LOG_DEBUG);
    nng_log_set_facility(NNG_LOG_LOCAL3);
    log_all();
    let all = logged();
    assert_eq!(all.len(), 6);
    assert_eq!(all[4], (NNG_LOG_DEBUG, NNG_LOG_LOCAL3, "debug 1".to_owned()));
    assert_eq!(all[5], (NNG_LOG_INFO, NNG_LOG_AUTH, "auth".to_owned()));
    nng_log_set_facility(0);
    log_all();
    assert_eq!(logged(), [(NNG_LOG_INFO, NNG_LOG_AUTH, "auth".to_owned())]);

    nng_log_set_facility(NNG_LOG_USER);
    for nothing in [NNG_LOG_NONE, 2] {
        nng_log_set_level(nothing);
        assert_eq!(nng_log_get_level(), NNG_LOG_NONE);
        log_all();
    }
    nng_log_set_level(NNG_LOG_DEBUG);
    nng_log_set_logger(Some(nng_null_logger));
    log_all();
    nng_null_logger(NNG_LOG_ERR, NNG_LOG_USER, "TEST", "nobody hears");
    nng_log_set_logger(None);
    log_all();
    assert_eq!(logged(), []);
}
