//! Chunked bodies.

use nng_aio::Error;

use super::super::*;

/// Decodes a body that arrives at once and again byte by byte; answers it and what it took.
fn decode_with(input: &[u8], limits: &Limits) -> Result<Option<(Vec<u8>, usize)>, ChunkError> {
    let decode = |piece: usize| {
        let mut decoder = ChunkedDecoder::new(limits);
        let (mut body, mut at, mut end) = (Vec::new(), 0, 0);
        while end < input.len() {
            end = input.len().min(end + piece);
            loop {
                match decoder.step(&input[at..end])? {
                    Step::Data(data) => {
                        body.extend_from_slice(&input[at..][data.clone()]);
                        at += data.end;
                    }
                    Step::Trailers(lines) => at += lines.end,
                    Step::End(len) => return Ok(Some((body, at + len))),
                    Step::Partial => {
                        at = end;
                        break;
                    }
                }
            }
        }
        Ok(None)
    };
    let whole = decode(usize::MAX);
    assert_eq!(decode(1), whole, "byte by byte");
    whole
}

fn decode(input: impl AsRef<[u8]>) -> Result<Option<(Vec<u8>, usize)>, ChunkError> {
    decode_with(input.as_ref(), &Limits::default())
}

#[test]
fn chunks_are_joined() {
    let table = [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\na\r\n00A\r\n0123456789\r\n000\r\n\r\n", "a0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("1\r\na\r\n0\r\nTrailer: x\r\nOther:\ty \r\n\r\n", "a"),
    ];
    for (input, body) in table {
        let decoded = decode(format!("{input}rest")).unwrap().unwrap();
        assert_eq!(decoded, (body.as_bytes().to_vec(), input.len()), "{input:?}");
        for end in 0..input.len() {
            assert_eq!(decode(&input[..end]), Ok(None), "{input:?} up to {end}");
        }
    }
}

#[test]
fn extensions_are_skipped_with_their_blanks() {
    for extension in [
        ";a",
        ";a=b",
        ";a;b=c;d",
        ";a=\"q\"",
        ";a=\"\"",
        " ;a",
        "\t;\ta\t=\tb",
        "; a = \"b\" ; c",
        ";a =b",
        ";a= b",
        ";a=\"\\\"\";b",
        ";a=\"x;y=z\"",
        ";a=\"\u{e9}\t \"",
        ";!#$%&'*+-.^_`|~=~",
        " \t ; \t a \t ; b",
    ] {
        let input = format!("1{extension}\r\nx\r\n0{extension}\r\n\r\n");
        assert_eq!(decode(&input), Ok(Some((b"x".to_vec(), input.len()))), "{extension:?}");
    }
}

#[test]
fn malformed_chunks_are_refused() {
    use ChunkError::{Extension, LineEnd, Size, SizeOverflow, Trailer};
    let table: &[(&str, ChunkError)] = &[
        ("\r\n", Size),
        ("g\r\n", Size),
        ("-1\r\n", Size),
        ("+1\r\n", Size),
        ("0x1\r\n", Size),
        (" 1\r\n", Size),
        ("1_0\r\n", Size),
        (";a\r\n", Size),
        ("\n", Size),
        ("1\n", LineEnd),
        ("1\rx", LineEnd),
        ("1;a\n", LineEnd),
        ("1;a=\"\n", LineEnd),
        ("1 \r\n", Extension),
        ("1 2\r\n", Extension),
        ("1;\r\n", Extension),
        ("1;a;\r\n", Extension),
        ("1;a \r\n", Extension),
        ("1;=b\r\n", Extension),
        ("1;a=\r\n", Extension),
        ("1;a==b\r\n", Extension),
        ("1;a=b \r\n", Extension),
        ("1;a b\r\n", Extension),
        ("1;a=\"b\r\n", Extension),
        ("1;a=\"b\"c\r\n", Extension),
        ("1;a=\"\x01\"\r\n", Extension),
        ("1;a=\"\\\x01\"\r\n", Extension),
        ("1;\u{e9}\r\n", Extension),
        ("1;a=b\0\r\n", Extension),
        ("10000000000000000\r\n", SizeOverflow),
        ("10000000000000005\r\n", SizeOverflow),
        ("1\r\nxy", LineEnd),
        ("1\r\nx\n", LineEnd),
        ("1\r\nx\ry", LineEnd),
        ("0\r\nTrailer\r\n", Trailer),
        ("0\r\nTrailer : x\r\n", Trailer),
        ("0\r\n: x\r\n", Trailer),
        ("0\r\n folded\r\n", Trailer),
        ("0\r\nA: \0\r\n", Trailer),
        ("0\r\nA: \x7f\r\n", Trailer),
        ("0\r\nA: x\n", LineEnd),
        ("0\r\nA: x\ry", LineEnd),
        ("0\r\n\n", LineEnd),
        ("0\r\n\rx", LineEnd),
    ];
    for &(input, error) in table {
        assert_eq!(decode(input), Err(error), "{input:?}");
    }
}

#[test]
fn the_largest_chunk_is_only_announced() {
    let input = "ffffffffffffffff\r\nabc";
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    assert_eq!(decoder.step(input.as_bytes()), Ok(Step::Data(18..21)));
    assert_eq!(decoder.step(b""), Ok(Step::Partial));
    assert!(!decoder.is_done());
}

#[test]
fn chunk_lines_have_an_exact_limit() {
    for (limits, max) in
        [(Limits::default(), 1 << 10), (Limits { chunk_line: 10, ..Limits::default() }, 10)]
    {
        let line = |len: usize| format!("0;{}\r\n\r\n", "x".repeat(len - 2));
        assert!(matches!(decode_with(line(max).as_bytes(), &limits), Ok(Some(_))));
        assert_eq!(decode_with(line(max + 1).as_bytes(), &limits), Err(ChunkError::LineTooLong));
        // Each line counts for itself.
        let two = format!("1;{0}\r\na\r\n0;{0}\r\n\r\n", "x".repeat(max - 2));
        assert!(matches!(decode_with(two.as_bytes(), &limits), Ok(Some(_))));
        let zeros = format!("{}\r\n\r\n", "0".repeat(max + 1));
        assert_eq!(decode_with(zeros.as_bytes(), &limits), Err(ChunkError::LineTooLong));
    }
}

#[test]
fn trailers_are_as_many_as_the_fields_of_a_head() {
    for (limits, max) in [(Limits::default(), 128), (Limits { fields: 3, ..Limits::default() }, 3)]
    {
        let trailers = |count: usize| format!("0\r\n{}\r\n", "a:\r\n".repeat(count));
        assert!(matches!(decode_with(trailers(max).as_bytes(), &limits), Ok(Some(_))));
        let error = decode_with(trailers(max + 1).as_bytes(), &limits);
        assert_eq!(error, Err(ChunkError::TrailersTooLong));
    }
}

#[test]
fn trailers_have_an_exact_limit() {
    for (limits, max) in
        [(Limits::default(), 8 << 10), (Limits { trailers: 12, ..Limits::default() }, 12)]
    {
        let trailers = |len: usize| format!("0\r\nA:\r\nB:{}\r\n\r\n", "x".repeat(len - 8));
        assert!(matches!(decode_with(trailers(max).as_bytes(), &limits), Ok(Some(_))));
        let error = decode_with(trailers(max + 1).as_bytes(), &limits);
        assert_eq!(error, Err(ChunkError::TrailersTooLong));
    }
}

#[test]
fn each_chunk_error_has_its_status_and_error() {
    use ChunkError::*;
    for refusal in [Size, SizeOverflow, Extension, LineEnd, Trailer] {
        assert_eq!((refusal.status(), Error::from(refusal)), (400, Error::Protocol), "{refusal}");
    }
    for refusal in [LineTooLong, TrailersTooLong] {
        assert_eq!(
            (refusal.status(), Error::from(refusal)),
            (400, Error::MessageSize),
            "{refusal}"
        );
    }
}

#[test]
fn sizes_are_written_in_hexadecimal() {
    for (len, text) in [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (0xabcd, "abcd")] {
        let mut out = b"kept".to_vec();
        write_chunk(&vec![b'x'; len], &mut out);
        assert!(out.starts_with(format!("kept{text}\r\nx").as_bytes()));
        assert!(out.ends_with(b"x\r\n"));
    }
}
