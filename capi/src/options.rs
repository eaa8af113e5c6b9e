//! The parser of command lines.

use std::ffi::{CStr, c_char, c_int};

use nng_oxide::command_line::{self, Spec};

use crate::boundary::{Out, code};

/// An option that there is; the table ends with one whose value is 0.
#[repr(C)]
pub struct nng_optspec {
    name: *const c_char,
    short: c_int,
    value: c_int,
    has_argument: bool,
}

export! {
    fn nng_opts_parse(
        argc: c_int,
        argv: *const *mut c_char,
        specs: *const nng_optspec,
        valuep: Out<'_, c_int>,
        argumentp: Out<'_, *mut c_char>,
        index: Option<&mut c_int>,
    ) -> c_int {
        let (valuep, index) = (valuep?, index?);
        if argv.is_null() || specs.is_null() {
            return None;
        }
        let specs = table(specs);
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: C says that there are so many.
        let words = unsafe { std::slice::from_raw_parts(argv, count) };
        let texts: Vec<&[u8]> = words.iter().map(|word| bytes(*word)).collect();
        let at = usize::try_from(*index).ok()?;
        let parsed = command_line::parse(&texts, at, &specs);
        match parsed {
            Ok(step) => {
                *index = c_int::try_from(step.next).unwrap_or(c_int::MAX).max(*index);
                let Some(option) = step.option else { return Some(-1) };
                valuep.write(option.value);
                if let (Some(place), Some(argument)) = (argumentp, option.argument) {
                    let start = words[argument.word];
                    // SAFETY: the argument is a part of that word.
                    place.write(unsafe { start.add(argument.at) });
                }
                0
            }
            Err(error) => code(Err(error)),
        }
    }
}

/// Reads the table.
fn table<'a>(first: *const nng_optspec) -> Vec<Spec<'a>> {
    let mut specs = Vec::new();
    let mut at = first;
    loop {
        // SAFETY: C ends the table with a value of 0, which has not been reached.
        let spec = unsafe { &*at };
        if spec.value == 0 {
            return specs;
        }
        let short = u8::try_from(spec.short).ok().filter(|&short| short != 0);
        let long = (!spec.name.is_null()).then(|| bytes(spec.name));
        specs.push(Spec { long, short, value: spec.value, has_argument: spec.has_argument });
        // SAFETY: this was not the last.
        at = unsafe { at.add(1) };
    }
}

fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return b"";
    }
    // SAFETY: C says that it ends with NUL.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}
