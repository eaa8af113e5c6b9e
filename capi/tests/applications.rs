//! The applications in `examples/c`, as somebody runs them.

#![allow(clippy::print_stdout, reason = "what is skipped or missing is said aloud")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

fn applications() -> PathBuf {
    Path::new(support::HERE).join("../examples/c")
}

#[test]
fn they_do_what_they_say() {
    let Some(library) = support::library() else { return };
    if Command::new("python3").arg("--version").output().is_err() {
        println!("SKIPPED: no python3");
        return;
    }
    for entry in std::fs::read_dir(applications()).expect("they are there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "c") {
            support::build(&library, &path, &[]);
        }
    }
    let output = Command::new("python3")
        .arg(applications().join("check.py"))
        .arg(&library)
        .env("LD_LIBRARY_PATH", &library)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    for name in ["http_hello", "http_client", "async_echo", "timers", "rest_server", "provider"] {
        assert!(said.contains(&format!("ok {name}")), "{said}");
    }
}
