//! The driver: starts the measured programs, loads them in interleaved rounds, writes the report.
//!
//! Every server is a process of its own, started anew for each run, pinned where the placement
//! says, and killed by its id at the end of the run. Ratios are medians of the ratios within a
//! round, so that a slow drift of the machine cancels out.

mod chart;
mod client;
mod fixtures;
mod load;
mod machine;
mod options;
mod placement;
mod process;
mod programs;
mod report;
mod requests;
mod samples;
mod sections;
mod trace;

use nng_oxide_benches::Result;
use nng_oxide_benches::sockets::raise_descriptor_limit;

use crate::options::Options;

fn main() -> Result<()> {
    let Some(options) = Options::from_command_line()? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    raise_descriptor_limit()?;
    for section in sections::all().iter().filter(|section| options.selects(section.name)) {
        eprintln!("{}: {}", section.name, section.title);
        let report = (section.measure)(&options)?;
        report.write(section, &options.out)?;
        for goal in &report.goals {
            println!("{goal}");
        }
    }
    report::write_index(&options)
}
