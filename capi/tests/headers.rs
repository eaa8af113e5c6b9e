//! The headers against the tables in `abi/`: what they declare is in the tables, with the same
//! types, values and layouts, and what the tables have of the chosen groups is declared.
//!
//! The checks generate C and let the compilers judge it. Without `cc` they are skipped.

#![allow(clippy::print_stdout, reason = "what is skipped or missing is said aloud")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The groups of functions that exist so far.
const GROUPS: [&str; 15] = [
    "aio", "args", "http", "idmap", "library", "log", "memory", "msg", "platform", "sockaddr",
    "stats", "stream", "tls", "udp", "url",
];

/// Constants of the headers there are that come with groups still missing.
const LATER_CONSTANTS: [&str; 23] = [
    "NNG_CTX_INITIALIZER",
    "NNG_FLAG_ALLOC",
    "NNG_FLAG_NONBLOCK",
    "NNG_OPT_MAXTTL",
    "NNG_OPT_PEER",
    "NNG_OPT_PEERNAME",
    "NNG_OPT_PROTO",
    "NNG_OPT_PROTONAME",
    "NNG_OPT_RAW",
    "NNG_OPT_RECONNMAXT",
    "NNG_OPT_RECONNMINT",
    "NNG_OPT_RECVBUF",
    "NNG_OPT_RECVFD",
    "NNG_OPT_RECVTIMEO",
    "NNG_OPT_SENDBUF",
    "NNG_OPT_SENDFD",
    "NNG_OPT_SENDTIMEO",
    "NNG_OPT_SOCKNAME",
    "NNG_PIPE_EV_ADD_POST",
    "NNG_PIPE_EV_ADD_PRE",
    "NNG_PIPE_EV_NUM",
    "NNG_PIPE_EV_REM_POST",
    "NNG_PROTOCOL_NUMBER",
];

/// Types of the headers there are that come with groups still missing.
const LATER_TYPES: [&str; 3] = ["nng_ctx", "nng_pipe_cb", "nng_pipe_ev"];

/// Values that differ from upstream's on purpose: its 1.12.0 calls itself 1.11.0.
const OUR_VALUES: [(&str, &str); 1] = [("NNG_MINOR_VERSION", "12")];

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

#[test]
fn every_header_compiles_alone() {
    for compiler in compilers() {
        for header in headers() {
            let include = format!("#include <{header}>\n");
            compiler.check(&[], &include);
            compiler.check(&[], &include.repeat(2));
        }
    }
}

#[test]
fn programs_may_replace_the_macros() {
    for compiler in compilers() {
        let own = ["-DNNG_DECL=", "-DNNG_DEPRECATED=", "-DNNG_ELIDE_DEPRECATED"];
        compiler.check(&own, &include_all());
        compiler.check(&["-DNNG_SHARED_LIB", "-DNNG_HIDDEN_VISIBILITY"], &include_all());
    }
}

#[test]
fn functions_are_visible_where_the_library_is_built_with_hidden_names() {
    let Some(cc) = cc() else { return };
    let visible = |flags: &[&str]| {
        let text = cc.preprocess(flags, &include_all());
        let code = text.lines().filter(|line| !line.starts_with("#define"));
        code.filter(|line| line.contains("visibility(\"default\")")).count()
    };
    assert_eq!(visible(&["-DNNG_SHARED_LIB"]), 0);
    assert_eq!(visible(&["-DNNG_HIDDEN_VISIBILITY"]), 0);
    assert_eq!(visible(&["-DNNG_SHARED_LIB", "-DNNG_HIDDEN_VISIBILITY"]), functions().len());
}

#[test]
fn functions_have_the_types_of_the_table() {
    for compiler in compilers() {
        for header in headers() {
            let mut source = format!("#include <{header}>\nvoid (*addresses[])(void) = {{\n");
            let functions: Vec<_> =
                functions().into_iter().filter(|f| f.header == header).collect();
            for function in &functions {
                source += &format!("    (void (*)(void)) {},\n", function.name);
            }
            source += "    0\n};\n";
            compiler.check(&[], &source);

            // An address is had of what the header declares, so it comes before these.
            source += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
            for Function { returns, name, parameters, .. } in &functions {
                source += &format!("extern {returns} {name}({parameters});\n");
            }
            source += "#ifdef __cplusplus\n}\n#endif\n";
            compiler.check(&[], &source);
        }
    }
}

#[test]
fn headers_declare_the_functions_of_the_table_and_no_others() {
    let Some(cc) = cc() else { return };
    let all: BTreeSet<_> = functions().iter().map(|f| (f.header, f.name)).collect();
    assert_same(&cc.declared(&[]).functions, &all);

    let mut kept = functions();
    kept.retain(|function| function.status != "deprecated");
    let kept = kept.iter().map(|f| (f.header, f.name)).collect();
    assert_same(&cc.declared(&["-DNNG_ELIDE_DEPRECATED"]).functions, &kept);
}

#[test]
fn headers_define_the_constants_of_the_table_and_no_others() {
    let Some(cc) = cc() else { return };
    let all = constants().iter().map(|c| (c.header, c.name)).collect();
    assert_same(&cc.declared(&[]).constants, &all);
}

#[test]
fn headers_name_no_types_that_the_table_does_not_have() {
    let Some(cc) = cc() else { return };
    let types = types();
    let known: BTreeSet<_> =
        types.iter().flat_map(|t| [t.name.rsplit(' ').next(), t.tag()]).flatten().collect();
    let unknown: Vec<_> =
        cc.declared(&[]).types.into_iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:?}");
}

#[test]
fn constants_have_the_values_of_the_table() {
    let mut asserts = include_all();
    let mut program = format!("#include <stdio.h>\n#include <string.h>\n{asserts}");
    program += "int main(void) {\n    int wrong = 0;\n";
    for Constant { name, value, kind, .. } in constants() {
        if value == "-" {
            asserts += &format!("#ifndef {name}\n#error {name}\n#endif\n");
        } else if kind == "initializer" {
            let handle = name.trim_end_matches("_INITIALIZER").to_lowercase();
            program += &format!("    {handle} {handle}_0 = {name};\n");
            program += &format!("    if ({handle}_0.id != 0) wrong += printf(\"{name}\\n\");\n");
        } else if value.starts_with('"') {
            // A literal, as only literals can be joined to another.
            program += &format!("    if (strcmp({name} \"\", {value}) != 0) ");
            program += &format!("wrong += printf(\"{name}\\n\");\n");
        } else {
            asserts += &format!("_Static_assert({name} == {value}, \"{name}\");\n");
        }
    }
    program += "    return wrong != 0;\n}\n";
    check_asserts(&asserts);
    if let Some(cc) = cc() {
        cc.run(&program);
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn types_have_the_layouts_of_the_table() {
    let mut source = include_all();
    for row in types() {
        // An enum without a name has nothing to measure.
        if row.name.contains('(') {
            continue;
        }
        for condition in row.conditions() {
            source += &format!("_Static_assert({condition}, \"{} {}\");\n", row.name, row.field);
        }
        if row.kind == "opaque pointer" {
            source += &format!("extern {0} *one_{0};\n", row.name);
        }
    }
    check_asserts(&source);
}

/// Checks static assertions, which C has since 2011, with all the C compilers.
fn check_asserts(source: &str) {
    for compiler in compilers().into_iter().filter(|compiler| compiler.language == "c") {
        Compiler { standard: "-std=c11", ..compiler }.check(&[], source);
    }
}

// --- The tables ---------------------------------------------------------------------------------

struct Function {
    header: &'static str,
    name: &'static str,
    returns: &'static str,
    parameters: &'static str,
    group: &'static str,
    status: &'static str,
}

struct Constant {
    header: &'static str,
    name: &'static str,
    value: &'static str,
    kind: &'static str,
}

/// A type, or with the kind `field` a field of the type of that name.
struct Type {
    header: &'static str,
    name: &'static str,
    kind: &'static str,
    size: &'static str,
    align: &'static str,
    field: &'static str,
    field_type: &'static str,
    offset: &'static str,
    note: &'static str,
}

impl Type {
    /// What has to be true of it in C.
    fn conditions(&self) -> Vec<String> {
        let Self { name, kind, size, align, field, field_type, offset, .. } = *self;
        let same = |one: &str, two: &str| {
            format!("__builtin_types_compatible_p({one}, __typeof__({two}))")
        };
        let mut conditions = Vec::new();
        if kind == "field" {
            conditions.push(format!("offsetof({name}, {field}) == {offset}"));
            conditions.push(format!("sizeof((({name} *) 0)->{field}) == {size}"));
            conditions.push(same(&format!("__typeof__((({name} *) 0)->{field})"), field_type));
            return conditions;
        }
        if size != "-" {
            conditions.push(format!("sizeof({name}) == {size}"));
            conditions.push(format!("_Alignof({name}) == {align}"));
        }
        if field_type != "-" {
            conditions.push(same(name, field_type));
        }
        if kind == "enum" {
            conditions.push(format!("({name}) -1 > 0"));
        }
        if let Some(tag) = self.tag() {
            let keyword = if kind == "enum" { "enum" } else { "struct" };
            conditions.push(same(name, &format!("{keyword} {tag}")));
        }
        conditions
    }

    /// The tag, where the note tells one that differs from the name.
    fn tag(&self) -> Option<&'static str> {
        let (_, tag) = self.note.split_once("tag ")?;
        tag.split([' ', ';']).find(|word| word.starts_with("nng_"))
    }
}

/// The functions that have to be declared.
fn functions() -> Vec<Function> {
    let columns = ["header", "name", "return_type", "parameters", "group", "status", "in_1_5_2"];
    rows(include_str!("../abi/functions.tsv"), columns)
        .map(|[header, name, returns, parameters, group, status, _]| Function {
            header,
            name,
            returns,
            parameters,
            group,
            status,
        })
        .filter(|function| GROUPS.contains(&function.group))
        .collect()
}

/// The constants that have to be defined, with the values they have to have here.
fn constants() -> Vec<Constant> {
    let headers = headers();
    rows(include_str!("../abi/constants.tsv"), ["header", "name", "value", "kind", "note"])
        .map(|[header, name, value, kind, _]| {
            let ours = OUR_VALUES.iter().find(|(our_name, _)| *our_name == name);
            // A macro with parameters is listed with them.
            let name = name.split('(').next().unwrap_or_default();
            Constant { header, name, value: ours.map_or(value, |(_, value)| value), kind }
        })
        .filter(|constant| headers.iter().any(|header| header == constant.header))
        .filter(|constant| !LATER_CONSTANTS.contains(&constant.name))
        .collect()
}

/// The types that have to be defined, and their fields.
fn types() -> Vec<Type> {
    let headers = headers();
    let columns =
        ["header", "type", "kind", "size", "align", "field", "field_type", "offset", "note"];
    rows(include_str!("../abi/types.tsv"), columns)
        .map(|[header, name, kind, size, align, field, field_type, offset, note]| Type {
            header,
            name,
            kind,
            size,
            align,
            field,
            field_type,
            offset,
            note,
        })
        .filter(|row| row.name != "-" && headers.iter().any(|header| header == row.header))
        .filter(|row| !LATER_TYPES.contains(&row.name))
        .collect()
}

/// The rows of a table, after a look at its head.
fn rows<const N: usize>(
    table: &'static str,
    columns: [&str; N],
) -> impl Iterator<Item = [&'static str; N]> {
    let mut lines = table.lines().map(|line| {
        let cells: Vec<_> = line.split('\t').collect();
        <[_; N]>::try_from(cells).expect("every line has all the columns")
    });
    assert_eq!(lines.next().expect("the table has a head"), columns);
    lines
}

// --- The headers --------------------------------------------------------------------------------

fn include_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// The headers there are, as programs include them.
fn headers() -> Vec<String> {
    let (mut found, mut left) = (Vec::new(), vec![include_dir()]);
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).expect("the headers can be listed") {
            let path = entry.expect("the headers can be listed").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(include_dir()).expect("it was found below it");
                found.push(name.to_str().expect("names are plain").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn include_all() -> String {
    headers().iter().map(|header| format!("#include <{header}>\n")).collect()
}

/// The names our headers declare, each function and constant with the header it is in.
#[derive(Default)]
struct Declared {
    functions: BTreeSet<(String, String)>,
    constants: BTreeSet<(String, String)>,
    /// All other names that start like ours: types and tags.
    types: BTreeSet<String>,
}

impl Declared {
    /// Reads preprocessed text that still has its line markers and definitions.
    fn read(text: &str) -> Self {
        let ours = include_dir();
        let (mut declared, mut header, mut depth) = (Self::default(), None, 0);
        for line in text.lines() {
            if let Some(marker) = line.strip_prefix("# ") {
                let file = Path::new(marker.split('"').nth(1).unwrap_or_default());
                let name = file.strip_prefix(&ours).ok();
                header = name.map(|name| name.to_str().expect("names are plain").to_owned());
            } else if let Some(header) = &header {
                match line.strip_prefix("#define ") {
                    Some(macro_line) => declared.read_macro(header, macro_line),
                    None => declared.read_code(header, line, &mut depth),
                }
            }
        }
        assert_eq!(depth, 0, "every parenthesis is closed");
        declared
    }

    fn read_macro(&mut self, header: &str, line: &str) {
        let name = line.split([' ', '(']).next().unwrap_or_default();
        let guard = header.to_uppercase().replace(['/', '.'], "_");
        if name != guard {
            self.constants.insert((header.to_owned(), name.to_owned()));
        }
    }

    /// A function is a name outside all parentheses with one behind it. `depth` counts those open.
    fn read_code(&mut self, header: &str, line: &str, depth: &mut usize) {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, behind) = rest.split_at(len.max(first.len_utf8()));
            rest = behind.trim_start();
            match word {
                "(" => *depth += 1,
                ")" => *depth -= 1,
                _ if word.starts_with("NNG_") => {
                    self.constants.insert((header.to_owned(), word.to_owned()));
                }
                _ if *depth == 0 && rest.starts_with('(') && word.starts_with("nng_") => {
                    self.functions.insert((header.to_owned(), word.to_owned()));
                }
                _ if word.starts_with("nng_") => {
                    self.types.insert(word.to_owned());
                }
                _ => {}
            }
        }
    }
}

fn assert_same(declared: &BTreeSet<(String, String)>, table: &BTreeSet<(&str, &str)>) {
    let declared: BTreeSet<_> = declared.iter().map(|(h, n)| (h.as_str(), n.as_str())).collect();
    let extra: Vec<_> = declared.difference(table).collect();
    let missing: Vec<_> = table.difference(&declared).collect();
    assert!(extra.is_empty(), "not in the table: {extra:?}");
    assert!(missing.is_empty(), "not in the headers: {missing:?}");
}

// --- The compilers ------------------------------------------------------------------------------

struct Compiler {
    program: &'static str,
    language: &'static str,
    standard: &'static str,
}

/// The C compiler of the system.
fn cc() -> Option<Compiler> {
    let cc = Compiler { program: "cc", language: "c", standard: "-std=c99" };
    cc.exists().then_some(cc)
}

/// All the compilers there are, for C and for C++.
fn compilers() -> Vec<Compiler> {
    [("cc", "c"), ("gcc", "c"), ("clang", "c"), ("c++", "c++"), ("g++", "c++"), ("clang++", "c++")]
        .map(|(program, language)| {
            let standard = if language == "c" { "-std=c99" } else { "-std=c++11" };
            Compiler { program, language, standard }
        })
        .into_iter()
        .filter(Compiler::exists)
        .collect()
}

impl Compiler {
    fn exists(&self) -> bool {
        let version = Command::new(self.program).arg("--version").output();
        let exists = version.is_ok_and(|output| output.status.success());
        if !exists {
            eprintln!("SKIPPED: there is no {} here", self.program);
        }
        exists
    }

    /// Compiles a source, with all the warnings as errors, and leaves nothing behind.
    fn check(&self, flags: &[&str], source: &str) {
        // In C++ an empty list of parameters says that there are none.
        let strict: &[&str] = if self.language == "c" { &["-Wstrict-prototypes"] } else { &[] };
        self.feed(&[&WARNINGS, strict, flags, &["-fsyntax-only"]].concat(), source);
    }

    /// The preprocessed source, with its macros still in it.
    fn preprocess(&self, flags: &[&str], source: &str) -> String {
        self.feed(&[flags, &["-E", "-dD"]].concat(), source)
    }

    /// What the headers declare, seen by a program that includes them all.
    fn declared(&self, flags: &[&str]) -> Declared {
        Declared::read(&self.preprocess(flags, &include_all()))
    }

    /// Compiles a program and runs it; it has to succeed.
    fn run(&self, source: &str) {
        let file = format!("nng-headers-{}{}", std::process::id(), std::env::consts::EXE_SUFFIX);
        let path = std::env::temp_dir().join(file);
        self.feed(&["-o", path.to_str().expect("names are plain")], source);
        let output = Command::new(&path).output();
        fs::remove_file(&path).expect("it was there to be run");
        let output = output.expect("what was compiled can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "values that are not the table's:\n{text}");
    }

    /// Runs the compiler on a source; it has to succeed. Returns what it prints.
    fn feed(&self, flags: &[&str], source: &str) -> String {
        let mut child = Command::new(self.program)
            .args(["-x", self.language, self.standard, "-I"])
            .arg(include_dir())
            .args(flags)
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the compiler can be run");
        // It reads all of the source before it writes more than a pipe holds.
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(source.as_bytes()).expect("the compiler reads its source");
        drop(stdin);
        let output = child.wait_with_output().expect("the compiler ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {flags:?}:\n{errors}", self.program);
        String::from_utf8(output.stdout).expect("our headers are ASCII")
    }
}
