//! The page that goes with an error.

use super::codec::Decimal;

/// Media type of the page.
pub(super) const MEDIA_TYPE: &str = "text/html; charset=UTF-8";

/// Returns a page that says what happened, with `details` in a paragraph below.
///
/// `reason` is text and is escaped; `details` is HTML and is not.
pub(crate) fn error_page(status: u16, reason: &str, details: &str) -> String {
    let status = Decimal::new(status.into());
    let status = str::from_utf8(status.as_bytes()).unwrap_or_default();
    let mut page = String::with_capacity(512 + 2 * reason.len() + details.len());
    page.push_str("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
    page.push_str(status);
    page.push(' ');
    escape_html(reason, &mut page);
    page.push_str("</title>\n<style>");
    page.push_str(STYLE);
    page.push_str("</style></head>\n<body><h1>");
    page.push_str(status);
    page.push_str("</h1>\n<h2>");
    escape_html(reason, &mut page);
    page.push_str("</h2>");
    if !details.is_empty() {
        page.push_str("\n<p>");
        page.push_str(details);
        page.push_str("</p>");
    }
    page.push_str("</body></html>\n");
    page
}

const STYLE: &str = "body{font-family:sans-serif;text-align:center;margin-top:15vh}\
    h1{font-size:4em;margin:0}h2{font-weight:normal}";

/// Appends `text` to `html` such that it is nothing but text there, in quotes too.
pub(crate) fn escape_html(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_status_reason_and_details() {
        let page = error_page(404, "Not Found", "<a href=\"/\">here</a>");
        for part in ["<title>404 Not Found</title>", "<h1>404</h1>", "<h2>Not Found</h2>"] {
            assert!(page.contains(part), "{page}");
        }
        assert!(page.contains("<p><a href=\"/\">here</a></p>"));
        assert!(page.starts_with("<!DOCTYPE html>"));
    }

    #[test]
    fn a_reason_is_text_whatever_it_holds() {
        let page = error_page(500, "<script>\"a\" & 'b'", "");
        assert!(!page.contains("<script>"));
        assert!(page.contains("&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;"));
    }
}
