//! The pages are true of the repository as far as a program can tell: what they name exists, and
//! the layers are as they say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A page, without what stands in its fenced blocks and comments.
struct Page {
    /// From the root of the repository.
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `folder` whose names end so, from the root of the repository.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let path = path.strip_prefix(root()).unwrap();
        let text = path.to_str().unwrap();
        if path.ends_with("target") || text.starts_with(".git") {
            continue;
        }
        if root().join(path).is_dir() {
            found.extend(files(text, ending));
        } else if text.ends_with(ending) {
            found.push(path.to_owned());
        }
    }
    found
}

fn pages() -> Vec<Page> {
    let top = ["README.md", "CHANGELOG.md"].map(PathBuf::from);
    let paths = top.into_iter().chain(files("docs", ".md"));
    paths.map(|path| Page { text: prose(&read(&path)), path }).collect()
}

/// Leaves fenced blocks and comments out.
fn prose(text: &str) -> String {
    let unfenced: Vec<_> = text.split("```").step_by(2).collect();
    let mut prose = String::new();
    for (number, piece) in unfenced.concat().split("<!--").enumerate() {
        prose += if number == 0 { piece } else { piece.split_once("-->").unwrap().1 };
    }
    prose
}

impl Page {
    /// What stands in back quotes.
    fn spans(&self) -> impl Iterator<Item = &str> {
        self.text.split('`').skip(1).step_by(2)
    }

    /// Where links lead: a path from this page, and what is behind `#`.
    fn links(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let targets = self.text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        let here = targets.filter(|target| !target.contains("://"));
        here.map(|target| match target.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (target, None),
        })
    }

    /// The headings, as links spell them.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        let slug = |heading: &str| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(slug).collect()
    }
}

/// Returns whether a piece of code is the name of a file or folder of ours.
fn is_path(span: &str) -> bool {
    let has_ending = [".rs", ".md", ".toml", "/"].iter().any(|end| span.ends_with(end));
    let is_plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    has_ending && is_plain && !span.starts_with(['/', '.']) && span != "HTTP/"
}

#[test]
fn every_path_that_a_page_names_exists() {
    let names: BTreeSet<String> = [".rs", ".md", ".toml"]
        .iter()
        .flat_map(|ending| files("", ending))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut missing = Vec::new();
    for page in pages() {
        for span in page.spans().filter(|span| is_path(span)) {
            // A name alone is that of a file somewhere.
            let exists =
                root().join(span).exists() || (!span.contains('/') && names.contains(span));
            if !exists {
                missing.push(format!("{}: {span}", page.path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut broken = Vec::new();
    for page in &pages {
        for (path, anchor) in page.links() {
            let target = match path {
                "" => root().join(&page.path),
                path => root().join(&page.path).parent().unwrap().join(path),
            };
            let has_anchor = |anchor: &str| {
                Page { path: target.clone(), text: prose(&fs::read_to_string(&target).unwrap()) }
                    .anchors()
                    .contains(anchor)
            };
            if !target.exists() || !anchor.is_none_or(has_anchor) {
                broken.push(format!("{}: {path} {anchor:?}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_file_is_on_the_map() {
    let map = read("docs/ARCHITECTURE.md");
    let sources = [files("aio/src", ".rs"), files("src", ".rs"), files("capi/src", ".rs")].concat();
    let sources = sources.iter().filter(|path| !path.starts_with("src/http/codec/tests"));
    let is_missing = |path: &&PathBuf| !map.contains(&format!("`{}`", path.display()));
    let missing: Vec<_> = sources.filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Returns the test that a piece of code names, alone or behind its file.
fn test_name(span: &str) -> Option<&str> {
    let (file, name) = match span.split_once("::").or_else(|| span.split_once(": ")) {
        Some((file, name)) => (Some(file), name),
        None => (None, span),
    };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_ours =
        !span.starts_with("nng_") && !span.starts_with("nng::") && name.chars().all(is_plain);
    let is_test = match file {
        Some(file) => {
            file.strip_suffix(".rs").unwrap_or(file).chars().all(|c| is_plain(c) || c == '/')
        }
        None => name.matches('_').count() > 2,
    };
    (is_ours && is_test).then_some(name)
}

#[test]
fn every_test_that_shows_a_difference_exists() {
    let sources: String = ["aio", "src", "tests", "capi"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(read)
        .collect();
    let programs: String = files("capi/tests/c", ".c").iter().map(read).collect();
    let mut missing = Vec::new();
    for page in pages().iter().filter(|page| page.path.starts_with("docs")) {
        // Guides name tests as examples of names.
        if page.path.ends_with("CONTRIBUTING.md") {
            continue;
        }
        for name in page.spans().filter_map(test_name) {
            let is_there = sources.contains(&format!("fn {name}("))
                || programs.contains(&format!("static void {name}("));
            if !is_there {
                missing.push(format!("{}: {name}", page.path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn no_layer_looks_up() {
    let layers: &[(&str, &[&str])] = &[
        ("aio/src", &["nng_oxide", "http::", "Url"]),
        ("aio/src/sys", &["crate::runtime", "crate::operation", "crate::net", "crate::core"]),
        ("aio/src/state.rs", &["Mutex", "Instant::now", "runtime::", "net::"]),
        ("src", &["mio::", "libc::", "unsafe {"]),
        ("src/http/codec", &["conn::", "server::", "sync::", "Instant", "Socket"]),
        ("src/http/request.rs", &["conn::", "server::", "nng_aio::sync"]),
        ("src/http/response.rs", &["conn::", "server::", "nng_aio::sync"]),
        ("src/http/conn", &["server::", "client::"]),
        ("src/http/client", &["server::", "try_recv", "try_send"]),
        ("src/http/client/idle.rs", &["Mutex", "Instant::now", "net::"]),
        ("src/http/client/trip.rs", &["Mutex", "Instant", "net::"]),
        ("src/http/server/session", &["try_recv", "try_send"]),
        ("src/http/server/pace.rs", &["Mutex", "Instant::now", "net::"]),
    ];
    let mut found = Vec::new();
    for (layer, forbidden) in layers {
        let path = root().join(layer);
        let sources = if path.is_dir() { files(layer, ".rs") } else { vec![PathBuf::from(layer)] };
        for source in sources {
            let text = read(&source);
            // Tests may do what they like.
            let code = text.split("#[cfg(test)]").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in lines.filter(|line| forbidden.iter().any(|word| line.contains(word))) {
                found.push(format!("{}: {}", source.display(), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_readme_says_what_the_checks_do() {
    let readme = read("README.md");
    let tests = "cargo test --workspace";
    assert!(readme.contains(&format!("```sh\n{tests}\n```")));
    assert!(read(".ci/run").replace(" --locked", "").contains(tests));
    let manifest = read("Cargo.toml");
    let version = manifest.split_once("rust-version = \"").unwrap().1.split('"').next().unwrap();
    assert!(readme.contains(&format!("Rust {version}")));
}
