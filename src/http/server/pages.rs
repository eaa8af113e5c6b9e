//! The pages that go with errors: a program's own for some statuses, the built-in one for others.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use nng_aio::Error;
use nng_aio::sync::RwLock;

use crate::http::Response;
use crate::http::error_page::error_page;

/// The error pages of a server.
#[derive(Debug, Default)]
pub(super) struct Pages {
    own: RwLock<HashMap<u16, Arc<[u8]>>>,
}

impl Pages {
    /// Sets the page for a status; the last one set counts. An empty one is sent as it is.
    pub(super) fn set(&self, status: u16, html: &[u8]) {
        self.own.write().insert(status, html.into());
    }

    /// Sets the page for a status to what is in a file now; an empty file is the built-in page.
    ///
    /// # Errors
    /// What the system says if the file cannot be read; nothing has changed then.
    pub(super) fn set_from_file(&self, status: u16, path: &Path) -> Result<(), Error> {
        let html = std::fs::read(path)?;
        let mut own = self.own.write();
        if html.is_empty() {
            own.remove(&status);
        } else {
            own.insert(status, html.into());
        }
        Ok(())
    }

    /// Makes the page for the status of `response` its body.
    pub(super) fn put(&self, response: &mut Response) {
        let status = response.status();
        let own = self.own.read().get(&status).cloned();
        match own {
            Some(page) => response.set_page(page),
            None => {
                let page = error_page(status, response.reason(), "");
                response.set_page(page);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(pages: &Pages, status: u16) -> String {
        let mut response = Response::new();
        response.set_status(status);
        pages.put(&mut response);
        assert_eq!(response.status(), status);
        let field = |name| response.headers().get(name).map(|value| value.into_owned());
        assert_eq!(field("Content-Type").as_deref(), Some("text/html; charset=UTF-8"));
        assert_eq!(field("Content-Length"), Some(response.body().len().to_string()));
        String::from_utf8(response.body().to_vec()).unwrap()
    }

    #[test]
    fn the_last_page_set_counts_also_if_it_is_empty() {
        let pages = Pages::default();
        pages.set(404, b"first");
        pages.set(404, b"second");
        assert_eq!(page(&pages, 404), "second");
        assert!(page(&pages, 405).contains("405 Method Not Allowed"));
        pages.set(404, b"");
        assert_eq!(page(&pages, 404), "");
    }

    #[test]
    fn a_file_is_read_at_once_and_an_empty_one_is_the_built_in_page() {
        let directory = std::env::temp_dir().join(format!("nng-pages-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("page.html");
        let pages = Pages::default();
        std::fs::write(&file, "of a file").unwrap();
        pages.set_from_file(500, &file).unwrap();
        std::fs::write(&file, "").unwrap();
        assert_eq!(page(&pages, 500), "of a file");
        pages.set_from_file(500, &file).unwrap();
        assert!(page(&pages, 500).contains("500 Internal Server Error"));
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(pages.set_from_file(500, &file), Err(Error::NotFound));
    }

    #[test]
    fn the_built_in_page_has_the_reason_of_the_response() {
        let mut response = Response::new();
        response.set_status(503);
        response.set_reason("Gone fishing").unwrap();
        Pages::default().put(&mut response);
        assert!(String::from_utf8_lossy(response.body()).contains("503 Gone fishing"));
    }
}
