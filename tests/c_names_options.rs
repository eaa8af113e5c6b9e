//! The parser of command lines under its C name.

use nng_oxide::c_names::*;

const ALPHA: i32 = 1;
const ALPINE: i32 = 2;
const BE: i32 = 3;
const BETA: i32 = 4;
const DATA: i32 = 5;
const LETTER: i32 = 6;

const OPTS: [nng_optspec<'_>; 6] = [
    nng_optspec { long: Some(b"alpha"), short: Some(b'a'), value: ALPHA, has_argument: false },
    nng_optspec { long: Some(b"alpine"), short: None, value: ALPINE, has_argument: false },
    nng_optspec { long: Some(b"be"), short: Some(b'b'), value: BE, has_argument: false },
    nng_optspec { long: Some(b"beta"), short: Some(b'B'), value: BETA, has_argument: false },
    nng_optspec { long: Some(b"data"), short: Some(b'D'), value: DATA, has_argument: true },
    nng_optspec { long: None, short: Some(b's'), value: LETTER, has_argument: false },
];

/// The code, the value, the argument, and the index.
type Parsed = (i32, i32, Option<String>, usize);

/// Parses the words behind the program.
fn parse(words: &[&str]) -> Parsed {
    let argv = [&["program"], words].concat();
    let (mut val, mut optarg, mut optidx) = (999, Some("as it was"), 1);
    let rv = nng_opts_parse(&argv, &OPTS, &mut val, &mut optarg, &mut optidx);
    (rv, val, optarg.map(str::to_owned), optidx)
}

/// What it comes to if no option is found.
fn nothing(rv: i32, optidx: usize) -> Parsed {
    (rv, 999, Some("as it was".into()), optidx)
}

/// What it comes to for an option without an argument.
fn flag(val: i32) -> Parsed {
    (0, val, Some("as it was".into()), 2)
}

#[test]
fn options_end_at_the_first_plain_word_or_at_dashes() {
    for words in [&[][..], &["plain", "--alpha"], &[""], &["a-"]] {
        assert_eq!(parse(words), nothing(-1, 1), "{words:?}");
    }
    for dashes in ["-", "--"] {
        assert_eq!(parse(&[dashes, "-a"]), nothing(-1, 2), "{dashes}");
    }
    let (mut val, mut optarg, mut optidx) = (0, None, 5);
    assert_eq!(nng_opts_parse(&["program", "-a"], &OPTS, &mut val, &mut optarg, &mut optidx), -1);
    assert_eq!((val, optarg, optidx), (0, None, 5), "there is no such word");
}

#[test]
fn names_may_be_cut_short_while_they_are_clear() {
    for (word, val) in [
        ("--alpha", ALPHA),
        ("--alph", ALPHA),
        ("--alpi", ALPINE),
        ("--be", BE),
        ("--bet", BETA),
        ("-a", ALPHA),
        ("-b", BE),
        ("-B", BETA),
        ("-s", LETTER),
    ] {
        assert_eq!(parse(&[word, "next"]), flag(val), "{word}");
    }
    for word in ["--al", "--a", "--b", "--=", "--:x"] {
        assert_eq!(parse(&[word]), nothing(NNG_EAMBIGUOUS, 1), "{word}");
    }
    for word in ["--x", "--alphas", "--Alpha", "-x", "-A", "--s", "-\u{e4}"] {
        assert_eq!(parse(&[word]), nothing(NNG_EINVAL, 1), "{word}");
    }
}

#[test]
fn arguments_are_attached_or_follow() {
    for (words, optarg, optidx) in [
        (&["--data=here"][..], "here", 2),
        (&["--data:tcp://h:1"], "tcp://h:1", 2),
        (&["--data=a=b"], "a=b", 2),
        (&["--da=\u{e4}\u{f6}"], "\u{e4}\u{f6}", 2),
        (&["--data="], "", 2),
        (&["--data", "here"], "here", 3),
        (&["--data", "--alpha"], "--alpha", 3),
        (&["--data", ""], "", 3),
        (&["-Dhere"], "here", 2),
        (&["-D=here"], "=here", 2),
        (&["-D", "here"], "here", 3),
        (&["-D", "--"], "--", 3),
        (&["-D\u{e4}"], "\u{e4}", 2),
    ] {
        assert_eq!(parse(words), (0, DATA, Some(optarg.into()), optidx), "{words:?}");
    }
    for word in ["--data", "--d", "-D"] {
        assert_eq!(parse(&[word]), nothing(NNG_ENOARG, 1), "{word}");
    }
    for word in ["--alpha=", "--alpha=x", "--be:x", "-ax", "-ab", "-ss"] {
        assert_eq!(parse(&[word]), nothing(NNG_EINVAL, 1), "{word}");
    }
}

#[test]
fn a_whole_command_line_is_taken_apart() {
    // As `std::env::args` gives it.
    let argv = ["program", "-a", "--data=one", "-D", "two", "--beta", "--", "-a", "file"];
    let argv: Vec<String> = argv.map(str::to_owned).to_vec();
    let (mut val, mut optarg, mut optidx) = (0, None, 1);
    let mut found = Vec::new();
    let rv = loop {
        optarg.take();
        match nng_opts_parse(&argv, &OPTS, &mut val, &mut optarg, &mut optidx) {
            0 => found.push((val, optarg)),
            rv => break rv,
        }
    };
    let expected = [(ALPHA, None), (DATA, Some("one")), (DATA, Some("two")), (BETA, None)];
    assert_eq!((rv, &found[..]), (-1, &expected[..]));
    assert_eq!(argv[optidx..], ["-a", "file"]);
}

#[test]
fn a_letter_that_is_a_part_of_one_gives_no_argument() {
    let half = nng_optspec { long: None, short: Some(0xc3), value: 1, has_argument: true };
    let (mut val, mut optarg, mut optidx) = (0, None, 1);
    let rv = nng_opts_parse(&["", "-\u{e4}"], &[half], &mut val, &mut optarg, &mut optidx);
    assert_eq!((rv, val, optarg, optidx), (0, 1, None, 2));
}
