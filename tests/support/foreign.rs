//! Clients that others have written, as programs that are installed or not.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

/// Returns whether there is a program of that name.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    if !found {
        eprintln!("skipped: there is no {program} here");
    }
    found
}

/// Returns whether there is a Python with a module of that name.
#[allow(dead_code, reason = "each test program uses a part of it")]
pub(crate) fn has_module(module: &str) -> bool {
    let found = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|it| it.status.success());
    if !found {
        eprintln!("skipped: there is no Python with {module} here");
    }
    found
}

/// Runs a program with that input and fails unless it succeeds.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    let output = try_run(command, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

/// Runs a program with that input.
pub(crate) fn try_run(command: &mut Command, input: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program is there");
    let mut stdin = child.stdin.take().expect("it was asked for");
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("the program reads its input"));
        child.wait_with_output().expect("the program ends")
    })
}

/// A command for curl, without a configuration file and without a proxy of the user's.
pub(crate) fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
    command
}
