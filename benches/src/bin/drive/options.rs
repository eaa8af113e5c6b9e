//! The driver's command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::ValueExt;
use nng_oxide_benches::Result;

pub const USAGE: &str = "\
usage: bench-drive --programs DIR --out DIR [--quick] [--rounds N] [SECTION ...]
sections: echo sparse sync http static close file https handshakes client slow c micro blocked timers
memory idle; all without a name";

/// What to measure, how long, and where the results go.
pub struct Options {
    /// The directory with the measured programs.
    pub programs: PathBuf,
    /// The directory of the report.
    pub out: PathBuf,
    /// Fewer rounds and shorter runs: shows that everything works, and orders of magnitude.
    pub quick: bool,
    /// How often each case is measured.
    pub rounds: usize,
    sections: Vec<String>,
}

impl Options {
    /// Reads the command line; `None` if help was asked for.
    pub fn from_command_line() -> Result<Option<Self>> {
        let mut programs = None;
        let mut out = None;
        let mut quick = false;
        let mut rounds = None;
        let mut sections = Vec::new();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                lexopt::Arg::Long("programs") => programs = Some(parser.value()?.into()),
                lexopt::Arg::Long("out") => out = Some(parser.value()?.into()),
                lexopt::Arg::Long("quick") => quick = true,
                lexopt::Arg::Long("rounds") => rounds = Some(parser.value()?.parse()?),
                lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
                lexopt::Arg::Value(name) => sections.push(name.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        let known = crate::sections::all();
        if let Some(name) = sections.iter().find(|name| known.iter().all(|s| s.name != **name)) {
            return Err(format!("no section is called {name}\n{USAGE}").into());
        }
        let rounds = rounds.unwrap_or(if quick { 1 } else { 5 });
        if rounds == 0 {
            return Err("at least one round is needed".into());
        }
        Ok(Some(Self {
            programs: programs.ok_or(USAGE)?,
            out: out.ok_or(USAGE)?,
            quick,
            rounds,
            sections,
        }))
    }

    /// True if the section is to be measured.
    pub fn selects(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|name| name == section)
    }

    /// How long one load lasts, without its warm-up.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(if self.quick { 500 } else { 1000 })
    }

    /// How long a load runs before it is measured.
    pub fn warmup(&self) -> Duration {
        Duration::from_millis(if self.quick { 100 } else { 200 })
    }
}
