//! Finds the end of a response: its head, then as many bytes as that says.
//!
//! It knows what the measured servers send to one request at a time: status 200, a `Content-Length`, and
//! nothing behind.

use nng_oxide_benches::Result;

const HEAD_END: &[u8] = b"\r\n\r\n";
/// Bytes of a head.
const MAX_HEAD: usize = 4096;

/// Where in a response one is.
pub struct Meter {
    /// What has come of the head; kept, so that its memory serves the next.
    head: Vec<u8>,
    /// Bytes of the body that are still to come; `None` within the head.
    left: Option<u64>,
}

impl Meter {
    /// Before a response.
    pub fn new() -> Self {
        Self { head: Vec::new(), left: None }
    }

    /// Takes what has come; true if the response ends with it.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool> {
        let (left, body) = match self.left {
            Some(left) => (left, bytes.len()),
            None => {
                self.head.extend_from_slice(bytes);
                let end = self.head.windows(HEAD_END.len()).position(|part| part == HEAD_END);
                let Some(end) = end else {
                    return if self.head.len() > MAX_HEAD {
                        Err("the head of a response is too long".into())
                    } else {
                        Ok(false)
                    };
                };
                let length = content_length(&self.head[..end])?;
                let body = self.head.len() - end - HEAD_END.len();
                self.head.clear();
                (length, body)
            }
        };
        let left = left
            .checked_sub(u64::try_from(body)?)
            .ok_or("the server sends more than the response")?;
        self.left = (left > 0).then_some(left);
        Ok(left == 0)
    }
}

fn content_length(head: &[u8]) -> Result<u64> {
    let head = str::from_utf8(head)?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(format!("unexpected response:\n{head}").into());
    }
    for line in head.lines().skip(1) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    Err(format!("no length in a response:\n{head}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

    #[test]
    fn a_response_ends_with_its_last_byte_however_it_comes() {
        for split in 1..RESPONSE.len() {
            let mut meter = Meter::new();
            for _ in 0..2 {
                assert!(!meter.feed(&RESPONSE[..split]).unwrap(), "{split}");
                assert!(meter.feed(&RESPONSE[split..]).unwrap(), "{split}");
            }
        }
    }

    #[test]
    fn an_empty_body_ends_with_the_head() {
        let mut meter = Meter::new();
        assert!(meter.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap());
    }

    #[test]
    fn what_no_measured_server_may_send_is_an_error() {
        let more = [RESPONSE, b"!"].concat();
        let bad: [&[u8]; 3] =
            [&more, b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"];
        for response in bad {
            assert!(Meter::new().feed(response).is_err());
        }
    }
}
