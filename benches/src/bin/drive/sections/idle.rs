//! What the runtime does when there is nothing to do.

use std::thread;
use std::time::Duration;

use nng_oxide_benches::Result;

use crate::client::Client;
use crate::options::Options;
use crate::programs::{ECHO_LIBNNG, ECHO_OXIDE, LIBNNG, OXIDE};
use crate::report::{Report, Table, number};
use crate::samples::Samples;
use crate::trace;

const METHOD: &str = "\
The echo server after a burst on 16 connections, which stay open. *Threads* includes the main thread. \
*Wake-ups* are the voluntary context switches of all threads in the time without a tracer; *calls* \
are the system calls that strace sees in the same time.";

const THREADS: &str = "threads";
const WAKES: &str = "wakes";
const CALLS: &str = "calls";

/// After a burst the runtime may tick for a moment.
const COOL_DOWN: Duration = Duration::from_millis(1000);

pub fn measure(options: &Options) -> Result<Report> {
    let quiet = Duration::from_secs(if options.quick { 3 } else { 10 });
    let mut samples = Samples::default();
    for program in [ECHO_OXIDE, ECHO_LIBNNG] {
        let server = program.start(&options.programs, &[])?;
        let mut client = Client::connect(server.addr, 16)?;
        client.load(options.duration(), None)?;
        thread::sleep(COOL_DOWN);
        let before = server.process.sleeps()?;
        thread::sleep(quiet);
        let wakes = server.process.sleeps()? - before;
        let (counts, ()) = trace::count(&server.process, &options.programs, || {
            thread::sleep(quiet);
            Ok(())
        })?;
        let threads = f64::from(u32::try_from(server.process.threads()?.len())?);
        samples.add("", program.label, THREADS, threads);
        samples.add("", program.label, WAKES, wakes);
        samples.add("", program.label, CALLS, trace::total(&counts));
    }
    let mut report = Report { method: METHOD.into(), ..Report::default() };
    let rows = [OXIDE, LIBNNG].map(|label| {
        let mut row = vec![label.to_owned()];
        row.extend([THREADS, WAKES, CALLS].map(|figure| number(samples.median("", label, figure))));
        row
    });
    let time = format!("{} s", quiet.as_secs());
    let header = vec![
        String::new(),
        "threads".into(),
        format!("wake-ups in {time}"),
        format!("calls in {time}"),
    ];
    report.tables.push(Table { caption: String::new(), header, rows: rows.into() });
    report.at_most(4.0, "threads", samples.median("", OXIDE, THREADS));
    report.at_most(0.0, format!("wake-ups in {time}"), samples.median("", OXIDE, WAKES));
    report.at_most(0.0, format!("system calls in {time}"), samples.median("", OXIDE, CALLS));
    Ok(report)
}
