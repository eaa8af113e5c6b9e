//! The programs in `examples/c` that were ported to Rust do what those in C do: the same checks say so.

#![allow(clippy::print_stdout, reason = "what is skipped is said aloud")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::Command;

use support::program::example;

const NAMES: [&str; 6] =
    ["http_hello", "http_client", "async_echo", "timers", "rest_server", "provider"];

#[test]
fn they_do_what_the_programs_in_c_do() {
    for (program, option) in [("python3", "--version"), ("openssl", "version")] {
        if Command::new(program).arg(option).output().is_err() {
            println!("SKIPPED: no {program}");
            return;
        }
    }
    let programs = example("ported_timers");
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/c/check.py"))
        .args(["--prefix", "ported_"])
        .arg(programs.parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    for name in NAMES {
        assert!(said.contains(&format!("ok {name}\n")), "{said}");
    }
}
