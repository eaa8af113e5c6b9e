//! What a file is, by its name: what NNG takes it for, else what everybody does.
//!
//! # Source
//! nng 1.12, nng_http_handler_alloc_file(3http); the types that are registered with IANA, by way of
//! `mime_guess`.

/// Returns the media type of a file of that name.
///
/// Endings are compared ignoring case; the last one of NNG's has no dot, as in NNG. There is no charset:
/// what texts are written in is not known.
pub(super) fn of(name: &[u8]) -> &'static str {
    let is_its = |ending: &str| {
        let start = name.len().checked_sub(ending.len());
        start.is_some_and(|start| name[start..].eq_ignore_ascii_case(ending.as_bytes()))
    };
    let found = NNG.iter().find(|(ending, _)| is_its(ending)).map(|(_, media_type)| *media_type);
    found.or_else(|| registered(name)).unwrap_or("application/octet-stream")
}

fn registered(name: &[u8]) -> Option<&'static str> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    mime_guess::from_ext(str::from_utf8(&name[dot + 1..]).ok()?).first_raw()
}

const NNG: [(&str, &str); 38] = [
    (".ai", "application/postscript"),
    (".aif", "audio/aiff"),
    (".aiff", "audio/aiff"),
    (".avi", "video/avi"),
    (".au", "audio/basic"),
    (".bin", "application/octet-stream"),
    (".bmp", "image/bmp"),
    (".css", "text/css"),
    (".eps", "application/postscript"),
    (".gif", "image/gif"),
    (".htm", "text/html"),
    (".html", "text/html"),
    (".ico", "image/x-icon"),
    (".jpeg", "image/jpeg"),
    (".jpg", "image/jpeg"),
    (".js", "application/javascript"),
    (".json", "application/json"),
    (".md", "text/markdown"),
    (".mp2", "video/mpeg"),
    (".mp3", "audio/mpeg3"),
    (".mp4", "video/mp4"),
    (".mpeg", "video/mpeg"),
    (".mpg", "video/mpeg"),
    (".pdf", "application/pdf"),
    (".png", "image/png"),
    (".ps", "application/postscript"),
    (".rtf", "text/rtf"),
    (".svg", "image/svg+xml"),
    (".text", "text/plain"),
    (".tif", "image/tiff"),
    (".tiff", "image/tiff"),
    (".txt", "text/plain"),
    (".wasm", "application/wasm"),
    (".wav", "audio/wav"),
    (".webp", "image/webp"),
    (".woff", "font/woff"),
    (".woff2", "font/woff2"),
    ("README", "text/plain"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_the_type_ignoring_case() {
        for (name, media_type) in [
            ("index.html", "text/html"),
            ("A.HTM", "text/html"),
            ("a.tar.gz", "application/gzip"),
            ("A.WEBM", "video/webm"),
            ("a.mov", "video/quicktime"),
            ("a.csv", "text/csv"),
            ("a.zip", "application/zip"),
            ("a.xml", "text/xml"),
            ("a.mjs", "application/javascript"),
            ("a.unheard-of", "application/octet-stream"),
            ("a.\u{e9}", "application/octet-stream"),
            ("a.js", "application/javascript"),
            ("a.mpeg", "video/mpeg"),
            ("a.woff2", "font/woff2"),
            ("xreadme", "text/plain"),
            ("README.md", "text/markdown"),
            ("d/.html", "text/html"),
            ("html", "application/octet-stream"),
            ("a.htmlx", "application/octet-stream"),
            ("a.html/b", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(of(name.as_bytes()), media_type, "{name}");
        }
        assert_eq!(of(b"a.\xff"), "application/octet-stream");
    }

    #[test]
    fn where_the_lists_differ_it_is_as_in_nng() {
        for (ending, media_type) in NNG {
            assert_eq!(of(format!("a{ending}").as_bytes()), media_type, "{ending}");
        }
        assert_eq!(of(b"a.avi"), "video/avi");
        assert_eq!(mime_guess::from_ext("avi").first_raw(), Some("video/x-msvideo"));
    }
}
