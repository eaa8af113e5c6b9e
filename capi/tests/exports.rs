//! What the shared library exports, held against the table of what NNG 1.12 does and against the programs
//! that test it.

#![allow(clippy::print_stdout, reason = "what is skipped or missing is said aloud")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The names in a column of a table, in lines that fulfil a condition.
fn table(is_wanted: impl Fn(&[&str]) -> bool) -> BTreeSet<String> {
    let path = Path::new(support::HERE).join("abi/functions.tsv");
    let text = std::fs::read_to_string(path).expect("the table is there");
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| is_wanted(row)).map(|row| row[1].to_owned()).collect()
}

/// The functions that the library exports; `None` where that cannot be asked.
fn exported() -> Option<BTreeSet<String>> {
    names(&["-D", "--defined-only"], &support::library()?.join("libnng.so"))
}

/// The names that `nm` lists.
fn names(options: &[&str], file: &Path) -> Option<BTreeSet<String>> {
    let Ok(output) = Command::new("nm").args(options).arg(file).output() else {
        println!("SKIPPED: no nm");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    Some(
        text.lines().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect(),
    )
}

#[test]
fn the_library_exports_what_the_table_has_and_nothing_else() {
    let Some(exported) = exported() else { return };
    let all = table(|_| true);
    let foreign: Vec<_> = exported.difference(&all).collect();
    assert!(foreign.is_empty(), "not in the table: {foreign:?}");
    let missing: String = all.difference(&exported).map(|name| format!("{name}\n")).collect();
    println!("still missing:\n{missing}");
    let path = Path::new(support::HERE).join("abi/missing.txt");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(missing, known, "{} says what is missing", path.display());
}

#[test]
fn every_function_that_is_exported_is_called_by_a_program_that_tests_it() {
    let (Some(exported), Some(library)) = (exported(), support::library()) else { return };
    let mut called = BTreeSet::new();
    for entry in
        std::fs::read_dir(Path::new(support::HERE).join("tests/c")).expect("they are there")
    {
        let path = entry.expect("it can be read").path();
        if path.extension().is_some_and(|extension| extension == "c") {
            let program = support::build(&library, &path, &[]);
            called.extend(names(&["-D", "--undefined-only"], &program).expect("nm is there"));
        }
    }
    let untested: Vec<_> = exported.difference(&called).collect();
    assert!(untested.is_empty(), "no program calls {untested:?}");
}

#[test]
fn the_library_says_its_name() {
    let Some(library) = support::library() else { return };
    let Ok(output) = Command::new("readelf").arg("-d").arg(library.join("libnng.so")).output()
    else {
        println!("SKIPPED: no readelf");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Library soname: [libnng.so.1]"), "{text}");
}

#[test]
fn the_package_for_cmake_has_the_version_of_the_library() {
    let path = Path::new(support::HERE).join("cmake/nng-config-version.cmake");
    let text = std::fs::read_to_string(path).expect("it is there");
    let wanted = format!("set(PACKAGE_VERSION {})", env!("CARGO_PKG_VERSION"));
    assert!(text.lines().any(|line| line == wanted), "no line is {wanted}");
}
