//! A path in the file system that a listener is bound to: how it comes about, and how it goes.
//!
//! A socket file outlives the process that made it. One that nobody serves any more is replaced;
//! anything else at the path, a regular file above all, is left alone. When the listener closes, the
//! file goes, unless somebody has put another one in its place.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::addr::{Addr, IpcPath};
use crate::Error;
use crate::sys::{self, Name};

/// A socket file that is ours. Dropping it removes the file if it still is.
#[derive(Debug)]
pub(super) struct BoundPath {
    path: PathBuf,
    identity: Identity,
    /// The number of forks when it was bound: in a child the file is the parent's.
    forks: u32,
}

/// Tells a file from another one that takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    device: u64,
    inode: u64,
}

impl BoundPath {
    /// Binds `socket` to `path`, in place of a socket file that nobody serves if there is one.
    ///
    /// `permissions` are the file's, 0 to 0o7777; by default what the process' umask leaves.
    ///
    /// # Errors
    /// `AddressInUse` if the path is served or no socket; `NotFound` if its directory is missing;
    /// `Permission`, and what else the system answers.
    pub(super) fn bind(
        socket: BorrowedFd<'_>,
        path: &IpcPath,
        permissions: Option<u32>,
    ) -> Result<Self, Error> {
        sys::count_forks();
        let name = Name::from(&Addr::Ipc(path.clone()));
        let path = path.as_path();
        match sys::bind(socket, &name) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse) => {
                if !remove_stale(path, &name)? {
                    return Err(Error::AddressInUse);
                }
                sys::bind(socket, &name)?;
            }
            Err(error) => return Err(error.into()),
        }
        let identity = Identity::of(&fs::symlink_metadata(path)?);
        let bound = Self { path: path.to_owned(), identity, forks: sys::forks() };
        if let Some(mode) = permissions {
            fs::set_permissions(&bound.path, Permissions::from_mode(mode))?;
        }
        Ok(bound)
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        if self.forks == sys::forks() {
            let _ = self.identity.remove(&self.path);
        }
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Removes the file if it is this one.
    fn remove(self, path: &Path) -> io::Result<()> {
        if Self::of(&fs::symlink_metadata(path)?) == self { fs::remove_file(path) } else { Ok(()) }
    }
}

/// Removes what keeps us from binding if it is a socket that nobody serves. False if it stays.
fn remove_stale(path: &Path, name: &Name) -> Result<bool, Error> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() || is_served(name)? {
        return Ok(false);
    }
    match Identity::of(&metadata).remove(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Asks whether somebody is bound to the name, without a trace: a datagram socket cannot connect to
/// a stream socket, but is refused in another way when there is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_served(name: &Name) -> Result<bool, Error> {
    use std::os::fd::AsFd;
    let probe = sys::unix_datagram_socket()?;
    Ok(is_alive(&sys::connect(probe.as_fd(), name)))
}

/// Asks whether somebody listens at the name. The owner sees a connection that ends at once.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_served(name: &Name) -> Result<bool, Error> {
    use std::os::fd::AsFd;
    let probe = sys::socket(sys::Domain::Unix, true)?;
    Ok(is_alive(&sys::connect(probe.as_fd(), name)))
}

/// Only a refusal says that nobody is there; a file that has gone meanwhile is nobody's either.
fn is_alive(answer: &io::Result<()>) -> bool {
    !answer.as_ref().is_err_and(|error| {
        matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound)
    })
}
