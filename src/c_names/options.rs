//! Options of a command line.

use crate::command_line::{Spec, parse};

/// An option that a program knows.
pub type nng_optspec<'a> = Spec<'a>;

/// Looks at the word at `optidx`, which is 1 in the beginning, and moves that on; see [`parse`].
///
/// Returns 0 if it is an option: `val` is what stands for it, and `optarg` its argument if it takes one.
/// Returns -1 where options end. Otherwise `NNG_EINVAL`, `NNG_EAMBIGUOUS` or `NNG_ENOARG`, and nothing has
/// changed.
///
/// ```
/// use nng_oxide::c_names::*;
///
/// let opts = [
///     nng_optspec { long: Some(b"verbose"), short: Some(b'v'), value: 1, has_argument: false },
///     nng_optspec { long: Some(b"listen"), short: None, value: 2, has_argument: true },
/// ];
/// let argv = ["program", "-v", "--listen=here", "file"];
/// let (mut val, mut optarg, mut optidx) = (0, None, 1);
/// loop {
///     match nng_opts_parse(&argv, &opts, &mut val, &mut optarg, &mut optidx) {
///         0 if val == 1 => println!("verbose"),
///         0 => assert_eq!(optarg, Some("here")),
///         -1 => break,
///         rv => panic!("{}: {}", argv[optidx], nng_strerror(rv)),
///     }
/// }
/// assert_eq!(argv[optidx..], ["file"]);
/// ```
pub fn nng_opts_parse<'a>(
    argv: &'a [impl AsRef<str>],
    opts: &[nng_optspec<'_>],
    val: &mut i32,
    optarg: &mut Option<&'a str>,
    optidx: &mut usize,
) -> i32 {
    let words: Vec<&[u8]> = argv.iter().map(|word| word.as_ref().as_bytes()).collect();
    let step = match parse(&words, *optidx, opts) {
        Ok(step) => step,
        Err(error) => return error.code(),
    };
    *optidx = step.next;
    let Some(option) = step.option else { return -1 };
    *val = option.value;
    if let Some(place) = option.argument {
        // It is no text if the letter of the option is a part of one.
        *optarg = argv[place.word].as_ref().get(place.at..);
    }
    0
}
