//! Files and directories, as clients get them; and what clients do not get, whatever they ask for.

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use directory::Directory;
use nng_oxide::Runtime;
use nng_oxide::http::{DirectoryOptions, Handler, Links, Server, ServerConfig};
use support::client::{Answer, Client};
use support::server::{fixed, running, serve, until};
use support::{LIMIT, pattern};

/// A directory to serve, and beside it what nobody may get.
struct Bed {
    server: Server,
    directory: Directory,
}

/// More than a response that is sent as one.
const LARGE: usize = 3 << 20;
/// More than all buffers between a server and a client that does not read.
const ENDLESS: u64 = 256 << 20;

impl Bed {
    /// Serves `root` at `/d` with options; a page at `/next`.
    fn with(options: DirectoryOptions) -> Self {
        let directory = Directory::new();
        let root = directory.join("root");
        fs::create_dir_all(root.join("sub/empty")).expect("the directory is ours");
        for (name, text) in [
            ("../secret", "secret"),
            ("a.txt", "text of a"),
            ("none.txt", ""),
            ("a b.html", "<p>spaces"),
            ("%2e", "percents"),
            ("sub/index.html", "index of sub"),
            ("sub/b.json", "{}"),
        ] {
            fs::write(root.join(name), text).expect("the directory is ours");
        }
        fs::write(root.join("large.bin"), pattern(LARGE)).expect("the directory is ours");
        let mut config = ServerConfig::default();
        config.linger_timeout = Some(LIMIT);
        let server = running(config);
        serve(&server, [Handler::directory_with("/d", &root, options), fixed("/next", "next")]);
        Self { server, directory }
    }

    fn new() -> Self {
        Self::with(DirectoryOptions::default())
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.join("root")
    }

    fn client(&self) -> Client {
        Client::new(&self.server)
    }

    fn get(&self, target: &str) -> Answer {
        self.client().get(target)
    }
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("the system has it").success());
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Returns whether permissions bind this process. They do not bind the superuser's: then that test of
/// this program has run in a process of somebody else's, and nothing is left to do.
fn permissions_bind(test: &str) -> bool {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    let directory = Directory::new();
    let (program, temporary) = (directory.join("program"), directory.join("temporary"));
    // Where it is, nobody else may go. It is copied by another process, since a child that is just
    // being made would inherit a copy that is still open for writing, which cannot be executed.
    let this = std::env::current_exe().expect("it is known");
    let copied = Command::new("cp").arg(this).arg(&program).status();
    assert!(copied.expect("the system has it").success());
    fs::create_dir(&temporary).expect("the directory is ours");
    chown(&temporary, Some(NOBODY), Some(NOBODY)).expect("the superuser may do that");
    for path in [&directory.join(""), &program] {
        set_mode(path, 0o755);
    }
    let mut command = Command::new(&program);
    command.args(["--exact", test, "--nocapture"]).env("TMPDIR", &temporary).current_dir("/");
    match command.uid(NOBODY).gid(NOBODY).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && text.contains(" 1 passed"), "{text}{complaint}");
        }
        Err(error) => eprintln!("SKIPPED: nothing can be run as somebody else: {error}"),
    }
    false
}

#[test]
fn files_come_with_type_length_and_validators() {
    let bed = Bed::new();
    let mut client = bed.client();
    for (target, media_type, text) in [
        ("/d/a.txt", "text/plain", "text of a"),
        ("/d/a.txt?query", "text/plain", "text of a"),
        ("http://h/d/a.txt", "text/plain", "text of a"),
        ("/d/%61%2Etxt", "text/plain", "text of a"),
        ("/d/a%20b.html", "text/html", "<p>spaces"),
        ("/d/%252e", "application/octet-stream", "percents"),
        ("/d/sub/b.json", "application/json", "{}"),
        ("/d/sub/", "text/html", "index of sub"),
    ] {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.text()), (200, text), "{target}");
        assert_eq!(answer.field("Content-Type"), Some(media_type), "{target}");
        assert_eq!(answer.field("Accept-Ranges"), Some("bytes"), "{target}");
        for field in ["ETag", "Last-Modified", "Date"] {
            assert!(answer.field(field).is_some(), "{target} {field}");
        }
        let head = client.exchange("HEAD", target, "");
        for field in ["Content-Type", "Content-Length", "ETag", "Last-Modified"] {
            assert_eq!(head.field(field), answer.field(field), "{target} {field}");
        }
    }
}

#[test]
fn an_empty_file_is_served() {
    let bed = Bed::new();
    let mut client = bed.client();
    for (method, range) in [("GET", ""), ("HEAD", ""), ("GET", "Range: bytes=-5\r\n")] {
        let answer = client.exchange(method, "/d/none.txt", range);
        assert_eq!((answer.status, answer.field("Content-Length")), (200, Some("0")));
    }
    let answer = client.exchange("GET", "/d/none.txt", "Range: bytes=0-\r\n");
    assert_eq!((answer.status, answer.field("Content-Range")), (416, Some("bytes */0")));
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn large_files_come_whole_and_the_connection_goes_on() {
    let bed = Bed::new();
    let bytes = pattern(LARGE);
    let mut client = bed.client();
    for _ in 0..2 {
        assert!(client.get("/d/large.bin").body == bytes);
        let head = client.exchange("HEAD", "/d/large.bin", "");
        assert_eq!(head.field("Content-Length"), Some(bytes.len().to_string().as_str()));
    }
    let answer = client.exchange("GET", "/d/large.bin", "Range: bytes=1-2000000\r\n");
    assert_eq!(answer.status, 206);
    assert!(answer.body == bytes[1..=2_000_000]);
    client.send("GET /d/large.bin HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert!(answer.closes() && answer.body == bytes);
    client.expect_end();
}

#[test]
fn no_spelling_of_a_target_leaves_the_directory() {
    let bed = Bed::new();
    let whole = Handler::directory("/", bed.root().join("sub"));
    whole.set_host("root").expect("it is free");
    serve(&bed.server, [whole]);
    let mut tried = 0;
    for start in ["/d/", "/d/sub/../", "/d/sub/", "/d/nothing/", "/d/a.txt/", "/d//", "/d/./", "/"]
    {
        for up in
            ["..", "%2e%2e", ".%2E", "%252e%252e", "..%2F..", "%2e%2e%2f..", "..\\..", "...", "..;"]
        {
            for depth in 1..4 {
                for end in
                    ["secret", "etc/passwd", "root/../secret", "a.txt%00.html", "d/../secret"]
                {
                    let target = format!("{start}{}{end}", format!("{up}/").repeat(depth));
                    for host in ["h", "root"] {
                        let mut client = bed.client();
                        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
                        let mut answer = client.answer();
                        if answer.status == 301 {
                            // By its plain name it is asked for once more.
                            let plain = answer.field("Location").expect("it is told").to_owned();
                            client.ask("GET", &plain, "");
                            answer = client.answer();
                        }
                        assert!(matches!(answer.status, 400 | 404), "{host} {target}: {answer:?}");
                        tried += 1;
                    }
                }
            }
        }
    }
    assert_eq!(tried, 2 * 8 * 9 * 3 * 5);
}

#[test]
fn no_spelling_of_a_target_leaves_a_directory_in_which_links_lead_anywhere() {
    if !permissions_bind("no_spelling_of_a_target_leaves_a_directory_in_which_links_lead_anywhere")
    {
        return;
    }
    for links in [Links::Never, Links::Inside, Links::Anywhere] {
        let mut options = DirectoryOptions::default();
        options.links = links;
        let bed = Bed::with(options);
        let (secrets, tried) = spell_everything(&bed, links);
        assert_eq!(secrets > 0, links == Links::Anywhere);
        assert_eq!(tried, 15 * 9 * 4 * 6);
    }
}

/// Links that stay in the directory.
const INSIDE: [&str; 3] = ["inside", "file", "sub/file"];
/// Links that lead to the secret.
const OUTSIDE: [&str; 4] = ["outside", "parent", "absolute", "sub/up"];

/// Asks for what is in the directory, and what is not, in all spellings; returns how often the secret was
/// told and how much was tried.
fn spell_everything(bed: &Bed, links: Links) -> (usize, usize) {
    let (root, beside) = (bed.root(), bed.directory.join("beside"));
    let absolute = beside.display().to_string();
    for (name, target) in [
        ("inside", "sub"),
        ("file", "a.txt"),
        ("sub/file", "../a.txt"),
        ("outside", "../beside"),
        ("parent", ".."),
        ("absolute", &absolute),
        ("sub/up", "../.."),
        ("dangling", "../nothing"),
        ("loop", "loop"),
        ("one", "two"),
        ("two", "one/sub"),
    ] {
        symlink(target, root.join(name)).expect("the directory is ours");
    }
    for (name, at) in [("closed", &root.join("closed")), ("beside", &beside)] {
        fs::create_dir(at).expect("the directory is ours");
        fs::write(at.join("secret"), "secret").expect("the directory is ours");
        if name == "closed" {
            set_mode(at, 0o000);
        }
    }
    fs::write(root.join("unreadable"), "secret").expect("the directory is ours");
    set_mode(&root.join("unreadable"), 0o000);
    pipe(&root.join("pipe"));
    let _listener = UnixListener::bind(root.join("socket")).expect("the directory is ours");

    let others =
        ["dangling", "loop", "one", "pipe", "socket", "closed", "unreadable", "sub"].into_iter();
    let starts = INSIDE.into_iter().chain(OUTSIDE).chain(others);
    let ups =
        ["..", "%2e%2e", ".%2E", "%252e%252e", "..%2F..", "%2e%2e%2f..", "..\\..", "...", "..;"];
    let (mut secrets, mut tried) = (0, 0);
    let mut client = bed.client();
    for start in starts {
        for (up, depth) in ups.iter().flat_map(|up| (0..4).map(move |depth| (up, depth))) {
            for end in
                ["secret", "../secret", "a.txt", "beside/secret", "../unreadable", "%2e/pipe"]
            {
                let mut target = format!("/d/{start}/{}{end}", format!("{up}/").repeat(depth));
                let mut answer = client.get(&target);
                if answer.status == 301 {
                    // By its plain name it is asked for once more.
                    answer.field("Location").expect("it is told").clone_into(&mut target);
                    answer = client.get(&target);
                }
                if answer.closes() {
                    client = bed.client();
                }
                tried += 1;
                if answer.status != 200 {
                    let is_refused = matches!(answer.status, 400 | 403 | 404);
                    assert!(is_refused, "{links:?} {target}: {answer:?}");
                    continue;
                }
                let passes = |names: &[&str]| {
                    let path = target.strip_prefix("/d/").expect("it is below");
                    names.iter().any(|name| format!("{path}/").starts_with(&format!("{name}/")))
                };
                let allowed = match answer.text() {
                    "secret" => links == Links::Anywhere && passes(&OUTSIDE),
                    "text of a" => links != Links::Never || !passes(&INSIDE),
                    _ => false,
                };
                assert!(allowed, "{links:?} {target}: {answer:?}");
                secrets += usize::from(answer.text() == "secret");
            }
        }
    }
    set_mode(&root.join("closed"), 0o755);
    (secrets, tried)
}

#[test]
fn what_is_no_file_is_not_found_and_holds_nobody_up() {
    let bed = Bed::new();
    let root = bed.root();
    pipe(&root.join("pipe"));
    let _listener = UnixListener::bind(root.join("socket")).expect("the directory is ours");
    serve(
        &bed.server,
        [
            Handler::file("/pipe", root.join("pipe")),
            Handler::file("/directory", &root),
            Handler::file("/device", "/dev/zero"),
            Handler::file("/nothing", root.join("nothing")),
            Handler::directory("/no-directory", root.join("a.txt")),
        ],
    );
    let long = format!("/d/{}", "x".repeat(300));
    let longer = format!("/d/{}", "x/".repeat(3000));
    let mut client = bed.client();
    // More often than there are threads that a pipe could hold.
    for _ in 0..20 {
        for target in ["/d/pipe", "/d/socket", "/pipe", "/device"] {
            assert_eq!(client.get(target).status, 404, "{target}");
        }
    }
    for target in [
        "/d/nothing",
        "/d/a.txt/",
        "/d/a.txt/x",
        "/d",
        "/d/",
        "/d/sub/empty",
        "/d/sub/empty/",
        "/directory",
        "/nothing",
        "/no-directory/",
        "/no-directory/x",
        &long,
        &longer,
    ] {
        let answer = client.get(target);
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.closes() && answer.text().contains("404"), "{target}");
    }
    assert_eq!(client.get("/next").text(), "next");
}

#[test]
fn links_are_followed_as_far_as_they_are_allowed_to_lead() {
    let links = [
        ("inside", "a.txt"),
        ("directory", "sub"),
        ("sub/up", "../a.txt"),
        ("outside", "../secret"),
        ("parent", ".."),
        ("absolute", "/etc/passwd"),
        ("loop", "loop"),
    ];
    let table = [
        ("/d/inside", [403, 200, 200]),
        ("/d/directory/b.json", [403, 200, 200]),
        ("/d/directory/", [403, 200, 200]),
        ("/d/sub/up", [403, 200, 200]),
        ("/d/outside", [403, 403, 200]),
        ("/d/parent/secret", [403, 403, 200]),
        ("/d/parent/root/a.txt", [403, 403, 200]),
        ("/d/absolute", [403, 403, 200]),
        ("/d/loop", [403, 403, 403]),
        ("/d/sub/b.json", [200, 200, 200]),
    ];
    for (at, allowed) in [Links::Never, Links::Inside, Links::Anywhere].into_iter().enumerate() {
        let mut options = DirectoryOptions::default();
        options.links = allowed;
        let bed = Bed::with(options);
        for (name, target) in links {
            symlink(target, bed.root().join(name)).expect("the directory is ours");
        }
        for (target, statuses) in table {
            assert_eq!(bed.get(target).status, statuses[at], "{allowed:?} {target}");
        }
    }
}

#[test]
fn what_another_handler_guards_is_not_reached_by_another_spelling() {
    let bed = Bed::new();
    let (files, guard) = (Handler::directory("/", bed.root()), fixed("/sub", "guarded"));
    for handler in [&files, &guard] {
        handler.set_host("root").expect("it is free");
        handler.set_tree().expect("it is free");
    }
    serve(&bed.server, [files, guard]);
    for target in
        ["/sub/b.json", "/./sub/b.json", "//sub/b.json", "/x/../sub/b.json", "/%2e/sub/b.json"]
    {
        let mut client = bed.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: root\r\n\r\n"));
        let answer = client.answer();
        let is_sent_there = (answer.status, answer.field("Location")) == (301, Some("/sub/b.json"));
        assert!(is_sent_there || answer.text() == "guarded", "{target}: {answer:?}");
    }
}

#[test]
fn a_directory_is_found_behind_its_slash() {
    let bed = Bed::new();
    let whole = Handler::directory("/", bed.root());
    whole.set_host("root").expect("it is free");
    serve(&bed.server, [whole]);
    for (host, target, location) in [
        ("h", "/d/sub", "/d/sub/"),
        ("h", "/d/sub?x=/y", "/d/sub/?x=/y"),
        ("h", "/d/./sub", "/d/sub"),
        ("h", "/d/./sub/?q", "/d/sub/?q"),
        ("h", "/d//sub/./../a.txt", "/d/a.txt"),
        ("h", "/d/sub/.", "/d/sub/"),
        ("h", "/d/a.txt/.", "/d/a.txt/"),
        ("h", "/d/sub/../sub", "/d/sub"),
        ("h", "/%64/s%75b", "/d/sub/"),
        ("root", "//sub", "/sub"),
        ("root", "/.//sub/..", "/"),
        ("root", "/sub", "/sub/"),
    ] {
        for method in ["GET", "HEAD"] {
            let mut client = bed.client();
            client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let answer = client.answer_to(method);
            assert_eq!(
                (answer.status, answer.field("Location")),
                (301, Some(location)),
                "{target}"
            );
            assert!(!answer.closes());
        }
    }
}

#[test]
fn index_files_are_tried_in_order() {
    let mut options = DirectoryOptions::default();
    options.index_files = ["missing", "empty", "b.json", "index.html"].map(String::from).into();
    let bed = Bed::with(options);
    assert_eq!(bed.get("/d/sub/").text(), "{}");
    let bed = Bed::new();
    fs::write(bed.root().join("index.htm"), "old").expect("the directory is ours");
    assert_eq!(bed.get("/d/").text(), "old");
    assert_eq!(bed.get("/d").field("Location"), Some("/d/"));
}

#[test]
fn a_listing_shows_names_and_nothing_else() {
    let mut options = DirectoryOptions::default();
    options.is_listed = true;
    let bed = Bed::with(options);
    let root = bed.root();
    fs::write(root.join("<b>&\"'.txt"), "x").expect("the directory is ours");
    pipe(&root.join("pipe"));
    let answer = bed.get("/d/");
    assert_eq!(
        (answer.status, answer.field("Content-Type")),
        (200, Some("text/html; charset=UTF-8"))
    );
    let page = answer.text();
    for link in [
        "<a href=\"./a.txt\">a.txt</a>",
        "<a href=\"./a%20b.html\">a b.html</a>",
        "<a href=\"./sub/\">sub/</a>",
        "<a href=\"./%3Cb%3E&amp;%22&#39;.txt\">&lt;b&gt;&amp;&quot;&#39;.txt</a>",
    ] {
        assert!(page.contains(link), "{link} in {page}");
    }
    assert!(!page.contains("pipe") && !page.contains("../") && !page.contains("<b>"), "{page}");
    assert_eq!(bed.get("/d").status, 301);
    assert_eq!(bed.get("/d/sub/").text(), "index of sub", "an index file comes first");
    assert!(bed.get("/d/sub/empty/").text().contains("<a href=\"../\">"));
}

#[test]
fn what_may_not_be_read_is_forbidden() {
    if !permissions_bind("what_may_not_be_read_is_forbidden") {
        return;
    }
    let bed = Bed::new();
    let root = bed.root();
    let set = |name: &str, mode| set_mode(&root.join(name), mode);
    set("a.txt", 0o000);
    set("sub", 0o111);
    assert_eq!(bed.get("/d/a.txt").status, 403);
    assert_eq!(bed.get("/d/sub/").text(), "index of sub", "it can be passed");
    set("sub", 0o000);
    assert_eq!(bed.get("/d/sub/").status, 403);
    assert_eq!(bed.get("/d/sub/b.json").status, 403);
    set("sub", 0o755);
}

#[test]
fn clients_that_have_the_file_are_told_so() {
    let bed = Bed::new();
    let path = bed.root().join("a.txt");
    let set_time = |seconds| {
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        let file = File::options().write(true).open(&path).expect("it is there");
        file.set_modified(time).expect("it is ours");
    };
    set_time(784_111_777);
    let mut client = bed.client();
    let first = client.get("/d/a.txt");
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(first.field("Last-Modified"), Some(date));
    let tag = first.field("ETag").expect("there is one").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    for fields in [format!("If-None-Match: {tag}\r\n"), format!("If-Modified-Since: {date}\r\n")] {
        for method in ["GET", "HEAD"] {
            let answer = client.exchange(method, "/d/a.txt", &fields);
            assert_eq!(answer.status, 304, "{fields}");
            assert_eq!(answer.field("ETag"), Some(tag.as_str()));
            assert_eq!(answer.field("Content-Length"), None);
        }
    }
    let range = format!("Range: bytes=0-3\r\nIf-Range: {date}\r\n");
    assert_eq!(client.exchange("GET", "/d/a.txt", &range).text(), "text");
    assert_eq!(client.exchange("GET", "/d/a.txt", "If-Match: \"x\"\r\n").status, 412);

    set_time(784_111_778);
    for fields in
        [format!("If-None-Match: {tag}\r\n"), format!("If-Modified-Since: {date}\r\n"), range]
    {
        let answer = client.exchange("GET", "/d/a.txt", &fields);
        assert_eq!((answer.status, answer.text()), (200, "text of a"), "{fields}");
    }
    set_time(u64::from(u32::MAX));
    assert_eq!(client.get("/d/a.txt").field("Last-Modified"), None, "nothing is of the future");
}

#[test]
fn parts_are_sent_of_small_and_large_files() {
    let bed = Bed::new();
    let mut client = bed.client();
    let bytes = pattern(LARGE);
    let end = LARGE - 1;
    for (range, first, last) in [
        ("0-0", 0, 0),
        ("0-", 0, end),
        ("-1", end, end),
        ("131071-131072", 131_071, 131_072),
        ("131072-", 131_072, end),
        ("1000000-99999999999", 1_000_000, end),
        ("-99999999999999999999999", 0, end),
    ] {
        let answer = client.exchange("GET", "/d/large.bin", &format!("Range: bytes={range}\r\n"));
        assert_eq!(answer.status, 206, "{range}");
        let expected = format!("bytes {first}-{last}/{LARGE}");
        assert_eq!(answer.field("Content-Range"), Some(expected.as_str()));
        assert!(answer.body == bytes[first..=last], "{range}");
    }
    let answer = client.exchange("GET", "/d/a.txt", "Range: bytes=9-\r\n");
    assert_eq!((answer.status, answer.field("Content-Range")), (416, Some("bytes */9")));
    for fields in ["Range: bytes=0-1,3-4\r\n", "Range: lines=1-2\r\n", "Range: bytes=5-4\r\n"] {
        let answer = client.exchange("GET", "/d/a.txt", fields);
        assert_eq!((answer.status, answer.text()), (200, "text of a"), "{fields}");
    }
    let answer = client.exchange("HEAD", "/d/a.txt", "Range: bytes=0-1\r\n");
    assert_eq!((answer.status, answer.field("Content-Length")), (200, Some("9")));
}

#[test]
fn a_request_with_a_body_is_refused_and_other_methods_are_not_allowed() {
    let bed = Bed::new();
    let mut client = bed.client();
    client.send("GET /d/a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().status, 400);
    let answer = bed.client().exchange("POST", "/d/a.txt", "");
    assert_eq!((answer.status, answer.field("Allow")), (405, Some("GET, HEAD")));
}

#[test]
fn a_directory_has_its_paths_alone_unless_it_becomes_a_tree() {
    let bed = Bed::new();
    let below = fixed("/d/sub", "mine");
    assert_eq!(bed.server.add_handler(&below), Err(nng_oxide::Error::AddressInUse));
    let tree = Handler::directory("/t", bed.root());
    tree.set_tree().expect("it is free");
    serve(&bed.server, [tree, fixed("/t/sub", "mine")]);
    assert_eq!(bed.get("/t/sub").text(), "mine");
    assert_eq!(bed.get("/t/sub/b.json").text(), "{}");
}

#[test]
fn a_file_is_served_as_it_is_at_the_time() {
    let bed = Bed::new();
    let path = bed.root().join("late.css");
    serve(&bed.server, [Handler::file("/late", &path)]);
    let mut client = bed.client();
    assert_eq!(client.get("/late").status, 404);
    for text in ["one", "another"] {
        fs::write(&path, text).expect("the directory is ours");
        let answer = client.get("/late");
        assert_eq!((answer.text(), answer.field("Content-Type")), (text, Some("text/css")));
    }
    fs::remove_file(&path).expect("it is there");
    assert_eq!(client.get("/late").status, 404);
    assert_eq!(client.get("/late/x").status, 404);
}

// --- Transfers ----------------------------------------------------------------------------------

/// A file without contents that takes no place.
fn endless(bed: &Bed) -> std::path::PathBuf {
    let path = bed.root().join("endless");
    File::create(&path).and_then(|file| file.set_len(ENDLESS)).expect("there are sparse files");
    path
}

/// A client that has read the head of an endless response and does not go on.
fn lazy(bed: &Bed) -> Client {
    let mut client = bed.client();
    client.ask("GET", "/d/endless", "");
    assert_eq!(client.receive_bytes(15), b"HTTP/1.1 200 OK");
    client
}

#[test]
fn clients_that_do_not_read_hold_up_nobody() {
    let bed = Bed::new();
    endless(&bed);
    // More than there are threads that they could hold.
    let lazy: Vec<_> = (0..40).map(|_| lazy(&bed)).collect();
    assert_eq!(bed.get("/d/a.txt").text(), "text of a");
    assert!(bed.get("/d/large.bin").body == pattern(LARGE));
    drop(lazy);
    until(|| bed.server.stats().open == 0);
}

#[test]
fn a_file_that_shrinks_ends_the_connection() {
    let bed = Bed::new();
    let path = endless(&bed);
    let mut client = lazy(&bed);
    File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(1000))
        .expect("it is ours");
    client.try_send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    let rest = client.rest();
    assert!((rest.len() as u64) < ENDLESS);
    assert!(!rest.ends_with(b"next"), "nothing that could be taken for the rest");
    drop(client);
    until(|| bed.server.stats().open == 0);
}

#[test]
fn a_file_that_vanishes_is_sent_to_its_end() {
    let bed = Bed::new();
    let bytes = pattern(16 * LARGE);
    let path = bed.root().join("endless");
    fs::write(&path, &bytes).expect("the directory is ours");
    let mut client = bed.client();
    client.ask("GET", "/d/endless", "Connection: close\r\n");
    let start = client.receive_bytes(15);
    fs::remove_file(&path).expect("it is there");
    let rest = client.rest();
    assert!(start == b"HTTP/1.1 200 OK" && rest.ends_with(&bytes));
}

#[test]
fn a_client_that_takes_too_long_is_given_up() {
    let directory = Directory::new();
    let path = directory.join("endless");
    File::create(&path).and_then(|file| file.set_len(ENDLESS)).expect("there are sparse files");
    let mut config = ServerConfig::default();
    config.write_timeout = Some(Duration::from_millis(50));
    let server = running(config);
    serve(&server, [Handler::file("/", &path)]);
    let mut client = Client::new(&server);
    client.ask("GET", "/", "");
    until(|| (server.stats().accepted, server.stats().open) == (1, 0));
    assert!((client.rest().len() as u64) < ENDLESS);
}

#[test]
fn the_end_of_a_server_ends_its_transfers() {
    let bed = Bed::new();
    endless(&bed);
    let lazy: Vec<_> = (0..10).map(|_| lazy(&bed)).collect();
    bed.server.stop();
    until(|| bed.server.stats().open == 0);
    for mut client in lazy {
        assert!((client.rest().len() as u64) < ENDLESS);
    }
}

#[test]
fn clients_that_go_leave_no_file_open() {
    let bed = Bed::new();
    let path = endless(&bed);
    for _ in 0..5 {
        let clients: Vec<_> = (0..8).map(|_| lazy(&bed)).collect();
        let mut other = bed.client();
        other.ask("GET", "/d/endless", "");
        drop((clients, other));
    }
    until(|| bed.server.stats().open == 0);
    let Ok(_) = fs::read_dir("/proc/self/fd") else { return };
    until(|| {
        let open = fs::read_dir("/proc/self/fd").expect("it was there");
        let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        targets.into_iter().all(|target| target != path)
    });
}

#[test]
fn a_host_without_threads_of_ours_serves_files() {
    let directory = Directory::new();
    let bytes = pattern(LARGE);
    fs::write(directory.join("large"), &bytes).expect("the directory is ours");
    let runtime = Runtime::builder().host_driven().build().expect("there are descriptors");
    let url = "http://127.0.0.1:0".parse().expect("it is a URL");
    let server = Server::on(&runtime, &url, ServerConfig::default()).expect("it is known");
    serve(&server, [Handler::directory("/", directory.join(""))]);
    server.start().expect("a port is free");
    let mut client = Client::new(&server);
    let got = thread::spawn(move || client.get("/large").body);
    until(|| {
        runtime.turn(Duration::from_millis(10)).expect("the system can wait");
        got.is_finished()
    });
    assert!(got.join().expect("it gets an answer") == bytes);
}

#[test]
fn files_change_under_clients_that_come_and_go() {
    let bed = Bed::new();
    let root = bed.root();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let bed = &bed;
                scope.spawn(move || {
                    for round in 0..30 {
                        let mut client = bed.client();
                        client.ask("GET", "/d/changing", "");
                        if (round + number) % 3 == 0 {
                            continue;
                        }
                        let Some(answer) = client.whole_answer("GET") else { continue };
                        match answer.status {
                            200 => {
                                let len = answer.field("Content-Length").expect("it is known");
                                assert_eq!(len, answer.body.len().to_string());
                            }
                            status => assert!(matches!(status, 404 | 500), "{status}"),
                        }
                    }
                })
            })
            .collect();
        let mut size = 0;
        while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            size = (size + 300_001) % (2 * LARGE as u64);
            let file = File::create(root.join("changing")).expect("the directory is ours");
            file.set_len(size).expect("there are sparse files");
            if size % 7 == 0 {
                fs::remove_file(root.join("changing")).expect("it is there");
            }
        }
    });
    until(|| bed.server.stats().open == 0);
}
