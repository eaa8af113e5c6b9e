//! The programs in `c/`, each of which tests a part of the interface as a program in C sees it.

#![allow(clippy::print_stdout, reason = "what is skipped is said aloud")]

mod support;

use std::path::Path;
use std::process::Command;

/// Builds the program and runs it; what it says of a failure is what this test says.
fn pass(name: &str, arguments: &[&str]) {
    let Some(library) = support::library() else { return };
    let source = Path::new(support::HERE).join("tests/c").join(name).with_extension("c");
    let program = support::build(&library, &source, &[]);
    let output = support::run(&library, &program, arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}, {}:\n{said}{complaint}", output.status);
    assert!(said.contains("ok "), "{name} tests something");
}

macro_rules! programs {
    ($($name:ident)+) => {
        $(#[test] fn $name() { pass(stringify!($name), &[]); })+

        /// The programs that are tests.
        const NAMES: &[&str] = &[$(stringify!($name)),+, "misuse"];
    };
}

programs! {
    aio aio_callback aio_provider
    first
    http_client http_conn http_files http_handler http_messages http_requests http_server
    idmap log memory msg options platform stats
    stream stream_endpoint stream_options
    tls tls_stream
    udp url
}

#[test]
fn misuse() {
    pass("misuse", &["2"]);
}

/// Those that use nothing which NNG 1.5.2 has not.
const OLD: [&str; 8] = [
    "http_conn",
    "http_handler",
    "http_messages",
    "msg",
    "options",
    "stream",
    "stream_endpoint",
    "url",
];

#[test]
fn programs_that_were_built_for_another_library_run_unchanged() {
    let Some(library) = support::library() else { return };
    let place = library.join("foreign");
    std::fs::create_dir_all(&place).expect("a directory for them");
    for name in OLD {
        // With the headers and the library of the system, if it has one.
        let source = Path::new(support::HERE).join("tests/c").join(name).with_extension("c");
        let program = place.join(name);
        let built = Command::new("cc")
            .args(["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-DOLD_HEADERS", "-pthread"])
            .arg(source)
            .arg("-o")
            .arg(&program)
            .arg("-lnng")
            .output();
        if !built.is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: no other libnng to build for");
            return;
        }
        let output = support::run(&library, &program, &[]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}, {}: {complaint}", output.status);
    }
}

#[test]
fn every_program_is_run() {
    let mut found = Vec::new();
    for entry in
        std::fs::read_dir(Path::new(support::HERE).join("tests/c")).expect("they are there")
    {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "c") {
            let name = path.file_stem().expect("a source has a name");
            found.push(name.to_string_lossy().into_owned());
        }
    }
    found.sort();
    let mut run: Vec<&str> = NAMES.to_vec();
    run.sort_unstable();
    assert_eq!(found, run);
}
