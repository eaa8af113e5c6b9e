//! The applications in `examples/c`, as somebody runs them.

#![allow(clippy::print_stdout, reason = "what is skipped or missing is said aloud")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

fn applications() -> PathBuf {
    Path::new(support::HERE).join("../examples/c")
}

/// Runs all of them from a directory, with our library, and looks at what they do.
fn check(programs: &Path, library: &Path) {
    let output = Command::new("python3")
        .arg(applications().join("check.py"))
        .arg(programs)
        .env("LD_LIBRARY_PATH", library)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    for name in ["http_hello", "http_client", "async_echo", "timers", "rest_server", "provider"] {
        assert!(said.contains(&format!("ok {name}")), "{said}");
    }
}

/// The sources; none, said aloud, where they cannot be checked.
fn sources() -> Vec<PathBuf> {
    for (program, option) in [("python3", "--version"), ("openssl", "version")] {
        if Command::new(program).arg(option).output().is_err() {
            println!("SKIPPED: no {program}");
            return Vec::new();
        }
    }
    let files = std::fs::read_dir(applications()).expect("they are there");
    let paths = files.map(|file| file.expect("it can be read").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "c")).collect()
}

#[test]
fn they_do_what_they_say() {
    let Some(library) = support::library() else { return };
    let sources = sources();
    for source in &sources {
        support::build(&library, source, &[]);
    }
    if !sources.is_empty() {
        check(&library, &library);
    }
}

#[test]
fn those_that_were_built_for_another_library_run_unchanged() {
    let Some(library) = support::library() else { return };
    let programs = library.join("foreign");
    std::fs::create_dir_all(&programs).expect("a directory for them");
    let sources = sources();
    for source in &sources {
        // With the headers and the library of the system, if it has one.
        let program = programs.join(source.file_stem().expect("a source has a name"));
        let built = Command::new("cc")
            .args(["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-pthread"])
            .arg(source)
            .arg("-o")
            .arg(&program)
            .arg("-lnng")
            .output();
        if !built.is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: no other libnng to build for");
            return;
        }
    }
    if !sources.is_empty() {
        check(&programs, &library);
    }
}

#[test]
fn a_preloaded_library_takes_the_place_of_another() {
    let Some(library) = support::library() else { return };
    let source = library.join("version.c");
    let text = "#include <nng/nng.h>\n#include <stdio.h>\nint main(void) { puts(nng_version()); return 0; }\n";
    std::fs::write(&source, text).expect("it can be written");
    let program = library.join("version");
    let built = Command::new("cc").arg(&source).arg("-o").arg(&program).arg("-lnng").output();
    if !built.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: no other libnng to build for");
        return;
    }
    let said = |command: &mut Command| {
        let output = command.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let ours = env!("CARGO_PKG_VERSION");
    if said(&mut Command::new(&program)) == ours {
        println!("SKIPPED: the other libnng is of the same version, or this one");
        return;
    }
    let preloaded = library.join("libnng.so.1");
    assert_eq!(said(Command::new(&program).env("LD_PRELOAD", preloaded)), ours);
    assert_eq!(said(Command::new(&program).env("LD_LIBRARY_PATH", library)), ours);
}
