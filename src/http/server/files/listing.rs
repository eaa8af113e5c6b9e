//! The page of what is in a directory.

use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use super::place::Place;
use crate::http::error_page::escape_html;
use crate::http::server::escape::escape_segment;

/// Entries that a page has at most.
const MAX_ENTRIES: usize = 10_000;

/// Makes the page of a directory, which may be read if it is there. It lists names in their order as
/// bytes, or some of them if there are too many; what is neither directory, file nor link cannot be
/// fetched and is left out.
pub(super) fn page(directory: Option<OwnedFd>, place: &Place) -> Result<String, Errno> {
    let mut names = Vec::new();
    for entry in Dir::new(directory.ok_or(Errno::ACCESS)?)? {
        let entry = entry?;
        if names.len() > MAX_ENTRIES {
            break;
        }
        let name = entry.file_name().to_bytes();
        let is_listed = match entry.file_type() {
            FileType::Directory => !matches!(name, b"." | b".."),
            FileType::RegularFile | FileType::Symlink | FileType::Unknown => true,
            _ => false,
        };
        if is_listed {
            names.push((name.to_vec(), entry.file_type() == FileType::Directory));
        }
    }
    names.sort_unstable();
    let is_whole = names.len() <= MAX_ENTRIES;
    names.truncate(MAX_ENTRIES);
    Ok(html(&names, place, is_whole))
}

fn html(names: &[(Vec<u8>, bool)], place: &Place, is_whole: bool) -> String {
    let mut page = String::from("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
    let title = format!("/{}", String::from_utf8_lossy(&place.path));
    escape_html(&title, &mut page);
    page.push_str("</title></head>\n<body><h1>");
    escape_html(&title, &mut page);
    page.push_str("</h1>\n<ul>\n");
    if !place.path.is_empty() {
        page.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for (name, is_directory) in names {
        let end = if *is_directory { "/" } else { "" };
        // A name with a colon would be the scheme of a URL.
        let mut link = String::from("./");
        escape_segment(name, &mut link);
        page.push_str("<li><a href=\"");
        escape_html(&link, &mut page);
        page.push_str(end);
        page.push_str("\">");
        escape_html(&String::from_utf8_lossy(name), &mut page);
        page.push_str(end);
        page.push_str("</a></li>\n");
    }
    page.push_str(if is_whole {
        "</ul></body></html>\n"
    } else {
        "</ul><p>And more.</body></html>\n"
    });
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_nothing_but_names() {
        let place = Place::of("/d/%3Cb%3E/", "/d").expect("it leads to a place");
        let names = [
            (b"a b".to_vec(), true),
            (b"<script>\"'&".to_vec(), false),
            (b"javascript:x".to_vec(), false),
            (b"caf\xE9".to_vec(), false),
        ];
        let page = html(&names, &place, true);
        assert!(page.contains("<title>/&lt;b&gt;</title>"), "{page}");
        assert!(page.contains("<a href=\"../\">"), "{page}");
        assert!(page.contains("<a href=\"./a%20b/\">a b/</a>"), "{page}");
        let script = "<a href=\"./%3Cscript%3E%22&#39;&amp;\">&lt;script&gt;&quot;&#39;&amp;</a>";
        assert!(page.contains(script), "{page}");
        assert!(page.contains("<a href=\"./javascript:x\">"), "{page}");
        assert!(page.contains("<a href=\"./caf%E9\">caf\u{FFFD}</a>"), "{page}");
    }

    #[test]
    fn the_directory_itself_has_nothing_above() {
        let place = Place::of("/d/", "/d").expect("it leads to a place");
        let page = html(&[], &place, false);
        assert!(!page.contains("../") && page.contains("And more."), "{page}");
    }
}
