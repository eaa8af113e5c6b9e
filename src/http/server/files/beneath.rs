//! Opening what is beneath a directory, and nothing else.
//!
//! Linux resolves the whole path at once and promises to stay beneath (`openat2`). Where it does not,
//! or refuses to, the path is walked: every segment is opened in the directory before it without
//! following links; links are read and their segments walked like any others, and `..` goes back to the
//! directory that was passed, so renames meanwhile lead nowhere else.
//!
//! Opening does not wait: a pipe without a writer is opened and found to be no file.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::Links;

/// A directory that is served.
pub(super) struct Root {
    directory: OwnedFd,
    links: Links,
}

/// What is found beneath one.
pub(super) enum Opened {
    File {
        file: File,
        metadata: Metadata,
    },
    /// A directory; absent if it can be passed and not be read.
    Directory(Option<OwnedFd>),
}

/// Links that are followed on the way to one file, as many as Linux follows.
const MAX_LINKS: u32 = 40;

const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// For directories that are only passed.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PASS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a regular file that the program has named.
pub(super) fn open_file(path: &Path) -> Result<(File, Metadata), Errno> {
    match opened(openat(CWD, path, READ, Mode::empty())?)? {
        Opened::File { file, metadata } => Ok((file, metadata)),
        Opened::Directory(_) => Err(Errno::ISDIR),
    }
}

/// Tells what was opened; what is neither file nor directory does not exist.
fn opened(fd: OwnedFd) -> Result<Opened, Errno> {
    let file = File::from(fd);
    let metadata = file
        .metadata()
        .map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))?;
    if metadata.is_file() {
        Ok(Opened::File { file, metadata })
    } else if metadata.is_dir() {
        Ok(Opened::Directory(Some(file.into())))
    } else {
        Err(Errno::NOENT)
    }
}

impl Root {
    /// Opens the directory as it is now; a link that the program itself has named is followed.
    pub(super) fn open(path: &Path, links: Links) -> Result<Self, Errno> {
        Ok(Self { directory: openat(CWD, path, PASS, Mode::empty())?, links })
    }

    /// Opens what is at `path`, which has segments with one slash in between and no dot segments.
    pub(super) fn find(&self, path: &[u8]) -> Result<Opened, Errno> {
        self.find_by(path, Self::resolve)
    }

    fn find_by(
        &self,
        path: &[u8],
        open: impl Fn(&Self, &[u8], OFlags) -> Result<OwnedFd, Errno>,
    ) -> Result<Opened, Errno> {
        match open(self, path, READ) {
            Ok(fd) => opened(fd),
            // What is in it may be readable.
            Err(Errno::ACCESS) => match open(self, path, PASS) {
                Ok(_) => Ok(Opened::Directory(None)),
                Err(_) => Err(Errno::ACCESS),
            },
            Err(errno) => Err(errno),
        }
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        if self.links == Links::Anywhere {
            let path = if path.is_empty() { b"." } else { path };
            return openat(&self.directory, path, flags, Mode::empty());
        }
        match self.resolve_at_once(path, flags) {
            // It is not known, or not allowed, or others rename too much.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => self.walk(path, flags),
            resolved => resolved,
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn resolve_at_once(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        use rustix::fs::{ResolveFlags, openat2};
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if self.links == Links::Never {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let path = if path.is_empty() { b"." } else { path };
        openat2(&self.directory, path, flags, Mode::empty(), resolve)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn resolve_at_once(&self, _path: &[u8], _flags: OFlags) -> Result<OwnedFd, Errno> {
        Err(Errno::NOSYS)
    }

    /// Goes there segment by segment.
    fn walk(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut left: VecDeque<Vec<u8>> = segments(path).collect();
        let mut passed: Vec<OwnedFd> = Vec::new();
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if name == b".." {
                passed.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            let here = passed.last().unwrap_or(&self.directory).as_fd();
            let how = if left.is_empty() { flags } else { PASS };
            let refusal = match openat(here, name.as_slice(), how | OFlags::NOFOLLOW, Mode::empty())
            {
                Ok(fd) if left.is_empty() => return Ok(fd),
                Ok(fd) => {
                    passed.push(fd);
                    continue;
                }
                // Systems differ in what they say of a link where they expect something else.
                Err(refusal @ (Errno::LOOP | Errno::NOTDIR | Errno::MLINK)) => refusal,
                Err(errno) => return Err(errno),
            };
            let target = match readlinkat(here, name.as_slice(), Vec::new()) {
                Ok(target) => target.into_bytes(),
                // It is none.
                Err(Errno::INVAL) => return Err(refusal),
                Err(errno) => return Err(errno),
            };
            links += 1;
            if self.links == Links::Never || links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            if target.starts_with(b"/") {
                return Err(Errno::XDEV);
            }
            // A slash behind the name says that it is a directory.
            let end = target.ends_with(b"/").then(|| b".".to_vec());
            for segment in segments(&target).chain(end).collect::<Vec<_>>().into_iter().rev() {
                left.push_front(segment);
            }
        }
        let here = passed.last().unwrap_or(&self.directory);
        openat(here, c".", flags, Mode::empty())
    }
}

/// The names in a path, and `..`.
fn segments(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let all = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    all.map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    /// A directory with one of everything, removed when it goes.
    struct Bed(PathBuf);

    impl Bed {
        fn new(name: &str) -> Self {
            let base = std::env::temp_dir().join(format!("nng-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&base);
            let root = base.join("root");
            fs::create_dir_all(root.join("a/b")).unwrap();
            fs::write(base.join("secret"), "secret").unwrap();
            fs::write(root.join("file"), "file").unwrap();
            fs::write(root.join("a/b/deep"), "deep").unwrap();
            for (name, target) in [
                ("to-file", "file"),
                ("to-deep", "a/b/deep"),
                ("to-directory", "a/b/"),
                ("a/up", "../file"),
                ("a/b/round", "../../a/../a/b/deep"),
                ("chain", "to-deep"),
                ("out", "../secret"),
                ("out-and-in", "../root/file"),
                ("absolute", "/etc/passwd"),
                ("to-out", "out"),
                ("outside", ".."),
                ("loop", "loop"),
                ("dangling", "nothing"),
                ("file-as-directory", "file/"),
            ] {
                symlink(target, root.join(name)).unwrap();
            }
            symlink(root.join("file"), root.join("absolute-inside")).unwrap();
            let made = Command::new("mkfifo").arg(root.join("pipe")).status();
            assert!(made.unwrap().success());
            UnixListener::bind(root.join("socket")).unwrap();
            Self(base)
        }

        fn root(&self, links: Links) -> Root {
            Root::open(&self.0.join("root"), links).unwrap()
        }
    }

    impl Drop for Bed {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What is found: the contents of a file, `/` for a directory, or what is wrong.
    fn show(opened: Result<Opened, Errno>) -> Result<String, Errno> {
        match opened? {
            Opened::File { mut file, .. } => {
                let mut text = String::new();
                std::io::Read::read_to_string(&mut file, &mut text).unwrap();
                Ok(text)
            }
            Opened::Directory(_) => Ok("/".into()),
        }
    }

    #[test]
    fn both_ways_find_the_same_and_nothing_outside() {
        let bed = Bed::new("beneath");
        let both = |links, path: &str| {
            let root = bed.root(links);
            let walked = show(root.find_by(path.as_bytes(), Root::walk));
            assert_eq!(show(root.find(path.as_bytes())), walked, "{links:?} {path}");
            walked
        };
        let table: [(&str, Result<&str, Errno>); 25] = [
            ("", Ok("/")),
            ("file", Ok("file")),
            ("a", Ok("/")),
            ("a/b/deep", Ok("deep")),
            ("nothing", Err(Errno::NOENT)),
            ("a/nothing/x", Err(Errno::NOENT)),
            ("file/x", Err(Errno::NOTDIR)),
            ("pipe", Err(Errno::NOENT)),
            ("socket", Err(Errno::NXIO)),
            ("to-file", Ok("file")),
            ("to-deep", Ok("deep")),
            ("to-directory", Ok("/")),
            ("to-directory/deep", Ok("deep")),
            ("a/up", Ok("file")),
            ("a/b/round", Ok("deep")),
            ("chain", Ok("deep")),
            ("out", Err(Errno::XDEV)),
            ("out-and-in", Err(Errno::XDEV)),
            ("absolute", Err(Errno::XDEV)),
            ("absolute-inside", Err(Errno::XDEV)),
            ("to-out", Err(Errno::XDEV)),
            ("outside", Err(Errno::XDEV)),
            ("outside/secret", Err(Errno::XDEV)),
            ("loop", Err(Errno::LOOP)),
            ("dangling", Err(Errno::NOENT)),
        ];
        for (path, expected) in table {
            assert_eq!(both(Links::Inside, path), expected.map(String::from), "{path}");
        }
        assert_eq!(both(Links::Inside, "file-as-directory"), Err(Errno::NOTDIR));
        for path in ["to-file", "to-directory/deep", "out", "absolute", "loop", "dangling"] {
            assert_eq!(both(Links::Never, path), Err(Errno::LOOP), "{path}");
        }
        assert_eq!(both(Links::Never, "a/b/deep").as_deref(), Ok("deep"));
        let anywhere = |path: &str| show(bed.root(Links::Anywhere).find(path.as_bytes()));
        assert_eq!(anywhere("out").as_deref(), Ok("secret"));
        assert_eq!(anywhere("absolute-inside").as_deref(), Ok("file"));
        assert_eq!(anywhere("").as_deref(), Ok("/"));
    }

    #[test]
    fn a_file_that_the_program_names_is_opened_if_it_is_one() {
        let bed = Bed::new("named");
        let open = |name: &str| open_file(&bed.0.join("root").join(name)).map(|_| ());
        assert_eq!(open("file"), Ok(()));
        assert_eq!(open("absolute-inside"), Ok(()));
        assert_eq!(open("a"), Err(Errno::ISDIR));
        assert_eq!(open("pipe"), Err(Errno::NOENT));
        assert_eq!(open("nothing"), Err(Errno::NOENT));
        assert!(Root::open(&bed.0.join("secret"), Links::Inside).is_err());
    }
}
