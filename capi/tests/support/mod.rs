//! What the tests of the C library share: where it is, and programs that are built for it.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::print_stdout, reason = "what is skipped is said aloud")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// This package.
pub(crate) const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The directory with the shared library, beside the tests themselves, under the name that programs look
/// for. `None`, said aloud, where there is no compiler for C.
pub(crate) fn library() -> Option<PathBuf> {
    if Command::new("cc").arg("--version").output().is_err() {
        println!("SKIPPED: no compiler for C");
        return None;
    }
    let test = std::env::current_exe().expect("a test has a path");
    let built = test.parent().expect("it is in a directory").join("libnng.so");
    assert!(built.exists(), "{} is built with the tests", built.display());
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    std::fs::create_dir_all(&place).expect("a directory for the names of the library");
    for name in ["libnng.so.1", "libnng.so"] {
        let link = place.join(name);
        // It is there if another test of this process was faster.
        let _ = std::os::unix::fs::symlink(&built, link);
    }
    Some(place)
}

/// Builds a program; returns where it is.
pub(crate) fn build(library: &Path, source: &Path, flags: &[&str]) -> PathBuf {
    let name = source.file_stem().expect("a source has a name");
    let program = library.join(name);
    let output = Command::new("cc")
        .args([
            "-std=c99",
            "-D_POSIX_C_SOURCE=200809L",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
        ])
        .args(["-g", "-pthread"])
        .args(flags)
        .arg("-I")
        .arg(Path::new(HERE).join("include"))
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(library)
        .args(["-lnng", "-lm"])
        .output()
        .expect("the compiler runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Runs a program with our library.
pub(crate) fn run(library: &Path, program: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).env("LD_LIBRARY_PATH", library).output();
    output.expect("the program runs")
}
