//! Options of a command line, one step at a time, by the rules of NNG's programs.
//!
//! ```text
//!   --name VALUE   --name=VALUE   --name:VALUE   a name may be cut short while one option begins so
//!   -n VALUE       -nVALUE                       one letter; letters are not put together
//!   --  or  -                                    the end of options, not itself a word
//! ```
//!
//! # Source
//! nng 1.12, nng_opts_parse(3supp).

use nng_aio::Error;

/// An option that a program knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec<'a> {
    /// The name behind two dashes, if it has one.
    pub long: Option<&'a [u8]>,
    /// The letter behind one dash, if it has one.
    pub short: Option<u8>,
    /// What stands for it.
    pub value: i32,
    /// Whether something must follow it.
    pub has_argument: bool,
}

/// What a word, or two of them, came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The option; `None` where options end.
    pub option: Option<Found>,
    /// The word to go on with.
    pub next: usize,
}

/// An option that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// What stands for it.
    pub value: i32,
    /// Where its argument is, if it has one.
    pub argument: Option<Place>,
}

/// A part of the command line: from a place in a word to the end of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which word.
    pub word: usize,
    /// From which byte on.
    pub at: usize,
}

/// Looks at the word at `at`, and at the next one if that belongs to it.
///
/// ```
/// use nng_oxide::command_line::{Place, Spec, parse};
///
/// let specs = [
///     Spec { long: Some(b"verbose"), short: Some(b'v'), value: 1, has_argument: false },
///     Spec { long: Some(b"listen"), short: None, value: 2, has_argument: true },
/// ];
/// let words: [&[u8]; 3] = [b"program", b"--verb", b"--listen=here"];
/// let step = parse(&words, 1, &specs)?;
/// assert_eq!(step.option.map(|option| option.value), Some(1));
/// let step = parse(&words, step.next, &specs)?;
/// let argument = step.option.and_then(|option| option.argument);
/// assert_eq!(argument, Some(Place { word: 2, at: 9 }));
/// assert_eq!(parse(&words, step.next, &specs)?.option, None);
/// # Ok::<(), nng_oxide::Error>(())
/// ```
///
/// # Errors
/// `Invalid` for an option that is not known, or that has an argument and takes none; `Ambiguous` if
/// several names begin so; `NoArgument` if one is missing.
pub fn parse(words: &[&[u8]], at: usize, specs: &[Spec<'_>]) -> Result<Step, Error> {
    let end = |next| Ok(Step { option: None, next });
    let Some(word) = words.get(at) else { return end(at) };
    let (spec, attached) = match *word {
        b"-" | b"--" => return end(at + 1),
        [b'-', b'-', name @ ..] => {
            let len = name.iter().position(|byte| matches!(byte, b'=' | b':'));
            (by_name(&name[..len.unwrap_or(name.len())], specs)?, len.map(|len| 2 + len + 1))
        }
        [b'-', short, rest @ ..] => {
            let spec = specs.iter().find(|spec| spec.short == Some(*short));
            (spec.ok_or(Error::Invalid)?, (!rest.is_empty()).then_some(2))
        }
        _ => return end(at),
    };
    let (argument, next) = match (spec.has_argument, attached) {
        (false, None) => (None, at + 1),
        (false, Some(_)) => return Err(Error::Invalid),
        (true, Some(place)) => (Some(Place { word: at, at: place }), at + 1),
        (true, None) if at + 1 < words.len() => (Some(Place { word: at + 1, at: 0 }), at + 2),
        (true, None) => return Err(Error::NoArgument),
    };
    Ok(Step { option: Some(Found { value: spec.value, argument }), next })
}

/// Finds the one option that is called so, or begins so.
fn by_name<'a, 'b>(name: &[u8], specs: &'a [Spec<'b>]) -> Result<&'a Spec<'b>, Error> {
    let long = |spec: &Spec<'b>| spec.long;
    if let Some(spec) = specs.iter().find(|spec| long(spec) == Some(name)) {
        return Ok(spec);
    }
    let begins = |spec: &&Spec<'b>| long(spec).is_some_and(|long| long.starts_with(name));
    let mut found = specs.iter().filter(begins);
    let first = found.next().ok_or(Error::Invalid)?;
    if found.next().is_some() { Err(Error::Ambiguous) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [Spec<'_>; 5] = [
        Spec { long: Some(b"flag"), short: Some(b'f'), value: 1, has_argument: false },
        Spec { long: Some(b"data"), short: Some(b'D'), value: 2, has_argument: true },
        Spec { long: Some(b"date"), short: None, value: 3, has_argument: true },
        Spec { long: Some(b"dat"), short: None, value: 4, has_argument: false },
        Spec { long: None, short: Some(b'q'), value: 5, has_argument: false },
    ];

    /// What the words come to: the value, the argument, and the word to go on with.
    fn step(words: &[&str]) -> Result<(Option<i32>, Option<String>, usize), Error> {
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let step = parse(&bytes, 0, &SPECS)?;
        let argument = step.option.and_then(|option| option.argument);
        let argument = argument.map(|place| words[place.word][place.at..].to_owned());
        Ok((step.option.map(|option| option.value), argument, step.next))
    }

    fn argument(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn options_end_at_the_first_other_word() {
        for words in [&[][..], &["word"], &[""], &["word", "-f"]] {
            assert_eq!(step(words), Ok((None, None, 0)));
        }
        assert_eq!(step(&["-", "-f"]), Ok((None, None, 1)));
        assert_eq!(step(&["--", "-f"]), Ok((None, None, 1)));
    }

    #[test]
    fn names_may_be_cut_short_while_they_are_clear() {
        assert_eq!(step(&["--flag"]), Ok((Some(1), None, 1)));
        assert_eq!(step(&["--fl"]), Ok((Some(1), None, 1)));
        assert_eq!(step(&["--dat"]), Ok((Some(4), None, 1)), "exactly that one");
        for several in ["--da", "--=x", "--:"] {
            assert_eq!(step(&[several]), Err(Error::Ambiguous), "{several}");
        }
        for unknown in ["--flags", "--Flag", "-x", "-Q", "--x"] {
            assert_eq!(step(&[unknown]), Err(Error::Invalid), "{unknown}");
        }
    }

    #[test]
    fn arguments_are_attached_or_follow() {
        assert_eq!(step(&["--data", "x"]), Ok((Some(2), argument("x"), 2)));
        assert_eq!(step(&["--data", "--flag"]), Ok((Some(2), argument("--flag"), 2)));
        assert_eq!(step(&["--data=a=b"]), Ok((Some(2), argument("a=b"), 1)));
        assert_eq!(step(&["--data:tcp://h:1"]), Ok((Some(2), argument("tcp://h:1"), 1)));
        assert_eq!(step(&["--data="]), Ok((Some(2), argument(""), 1)));
        assert_eq!(step(&["-Dx"]), Ok((Some(2), argument("x"), 1)));
        assert_eq!(step(&["-D=x"]), Ok((Some(2), argument("=x"), 1)));
        assert_eq!(step(&["-D", "x"]), Ok((Some(2), argument("x"), 2)));
        for missing in ["--data", "-D"] {
            assert_eq!(step(&[missing]), Err(Error::NoArgument));
        }
    }

    #[test]
    fn what_takes_no_argument_has_none() {
        for word in ["--flag=", "--flag=x", "-fx", "-fq"] {
            assert_eq!(step(&[word]), Err(Error::Invalid), "{word}");
        }
        assert_eq!(step(&["-q", "x"]), Ok((Some(5), None, 1)));
    }
}
