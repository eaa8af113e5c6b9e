//! Files and directories of the system, as handlers serve them.
//!
//! | module | what it answers |
//! |---|---|
//! | `place` | which file of a directory a target means |
//! | `beneath` | how it is opened, such that nothing outside is reached |
//! | `conditions`, `range` | whether the client has it already; which part of it is wanted |
//! | `media_type` | what it is |
//! | `answer` | the response to all of that |
//! | `transfer` | how a large one goes out |
//! | `listing` | the page of a directory |
//!
//! ```text
//!   handler, a callback --run_blocking--> find, open, read --small--> response
//!                                                          --large--> piece by piece
//! ```
//!
//! Contract: nothing that may wait for the file system happens on a thread of the runtime; what is in
//! memory already is sent from there. Only regular files are
//! served, and from a directory only what is in it. What a transfer keeps in memory does not depend on
//! the file.
//!
//! # Source
//! nng 1.12, nng_http_handler_alloc_file(3http), nng_http_handler_alloc_directory(3http).

mod answer;
mod beneath;
mod conditions;
mod listing;
mod media_type;
mod place;
mod range;
mod transfer;

use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exchange::Exchange;
use super::redirect::moved;
use crate::http::Response;
use beneath::{Opened, Root};
use place::Place;

/// How a directory is served; see [`Handler::directory_with`](super::Handler::directory_with).
///
/// ```
/// use nng_oxide::http::{DirectoryOptions, Handler};
///
/// let mut options = DirectoryOptions::default();
/// options.is_listed = true;
/// let handler = Handler::directory_with("/files", "/srv/files", options);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DirectoryOptions {
    /// The names of files that stand for their directory; the first that is there does. By default
    /// `index.html` and `index.htm`.
    pub index_files: Vec<String>,
    /// Which symbolic links are followed; by default [`Links::Inside`].
    pub links: Links,
    /// Whether a directory without such a file is answered with a page of what is in it. By default
    /// not: it is not found.
    pub is_listed: bool,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        let index_files = ["index.html", "index.htm"].map(String::from).into();
        Self { index_files, links: Links::Inside, is_listed: false }
    }
}

/// Which symbolic links are followed below a directory that is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Links {
    /// None: what is behind one is forbidden.
    Never,
    /// Those that are relative and do not lead out of the directory, not even on their way; what is
    /// behind others is forbidden.
    #[default]
    Inside,
    /// All: whoever can make links in the directory can publish every file that the server may read.
    Anywhere,
}

/// What a handler for files knows.
pub(super) enum Files {
    One {
        path: PathBuf,
        media_type: &'static str,
    },
    Directory {
        /// The handler's.
        path: Box<str>,
        root: PathBuf,
        options: DirectoryOptions,
    },
}

/// What a target stands for.
enum Found {
    File {
        file: File,
        metadata: Metadata,
        media_type: &'static str,
    },
    /// A directory whose location lacks the slash at its end.
    Moved {
        location: String,
    },
    /// A page of what is in a directory.
    Listing {
        page: String,
    },
}

impl Files {
    pub(super) fn one(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self::One { path: path.to_owned(), media_type: media_type::of(name.as_bytes()) }
    }

    pub(super) fn directory(path: &str, root: &Path, options: DirectoryOptions) -> Self {
        Self::Directory { path: path.into(), root: root.to_owned(), options }
    }

    /// Answers a request, on a thread that may block.
    pub(super) fn serve(self: &Arc<Self>, exchange: Exchange) {
        let runtime = exchange.conn().runtime().clone();
        let files = Arc::clone(self);
        // Without a thread for it the exchange is dropped, which is an answer, too.
        let _ = runtime.run_blocking(move || files.answer(exchange));
    }

    fn answer(&self, exchange: Exchange) {
        let found = self.find(exchange.request().uri());
        match found {
            Ok(Found::File { file, metadata, media_type }) => {
                answer::send(exchange, file, &metadata, media_type);
            }
            Ok(Found::Moved { location }) => exchange.respond(moved(301, &location, false)),
            Ok(Found::Listing { page }) => {
                let mut response = Response::new();
                response.set_page(page);
                exchange.respond(response);
            }
            Err(status) => exchange.respond(Response::for_error(status)),
        }
    }

    /// Finds what a target stands for, else the status to answer with.
    fn find(&self, target: &str) -> Result<Found, u16> {
        match self {
            Self::One { path, media_type } => {
                let (file, metadata) = beneath::open_file(path).map_err(answer::status_of)?;
                Ok(Found::File { file, metadata, media_type })
            }
            Self::Directory { path, root, options } => {
                let place = Place::of(target, path).ok_or(NOT_FOUND)?;
                if !place.is_plain {
                    // By its plain name it may be another handler's.
                    return Ok(Found::Moved { location: place.location(place.is_directory) });
                }
                let root = Root::open(root, options.links).map_err(answer::status_of)?;
                find_beneath(&root, &place, options)
            }
        }
    }
}

fn find_beneath(root: &Root, place: &Place, options: &DirectoryOptions) -> Result<Found, u16> {
    let directory = match root.find(&place.path).map_err(answer::status_of)? {
        Opened::File { .. } if place.is_directory => return Err(NOT_FOUND),
        Opened::File { file, metadata } => {
            let media_type = media_type::of(&place.path);
            return Ok(Found::File { file, metadata, media_type });
        }
        Opened::Directory(directory) => directory,
    };
    let index = find_index(root, place, options)?;
    if index.is_none() && !options.is_listed {
        return Err(NOT_FOUND);
    }
    if !place.is_directory {
        return Ok(Found::Moved { location: place.location(true) });
    }
    match index {
        Some(index) => Ok(index),
        None => {
            let page = listing::page(directory, place).map_err(answer::status_of)?;
            Ok(Found::Listing { page })
        }
    }
}

/// Finds the file that stands for a directory, if there is one.
fn find_index(
    root: &Root,
    place: &Place,
    options: &DirectoryOptions,
) -> Result<Option<Found>, u16> {
    for name in &options.index_files {
        match root.find(&place.child(name.as_bytes())) {
            Ok(Opened::File { file, metadata }) => {
                let media_type = media_type::of(name.as_bytes());
                return Ok(Some(Found::File { file, metadata, media_type }));
            }
            Ok(Opened::Directory(_)) => {}
            Err(errno) => match answer::status_of(errno) {
                NOT_FOUND => {}
                status => return Err(status),
            },
        }
    }
    Ok(None)
}

const NOT_FOUND: u16 = 404;
