//! The machine and the versions of what was measured.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use nng_oxide_benches::Result;

use crate::options::Options;
use crate::process::output;

/// The versions of the crates that were linked in.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// A Markdown list.
pub fn describe(options: &Options) -> Result<String> {
    let mut text = String::new();
    let cpus = available_parallelism()?;
    writeln!(text, "- {cpus} CPUs: {}", cpu_model().unwrap_or_else(|| "model unknown".into()))?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    writeln!(text, "- Linux {}", kernel.trim())?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    writeln!(text, "- load average at the end of the run: {}", load.join(" "))?;
    writeln!(text, "- rounds: {}, {:?} each", options.rounds, options.duration())?;
    let libnng = output(Command::new(options.programs.join("libnng-echo")).arg("--version"))?;
    writeln!(text, "- {}", libnng.trim())?;
    let commit = output(Command::new("git").args(["describe", "--always", "--dirty"]));
    writeln!(text, "- commit {}", commit.as_deref().map_or("unknown", str::trim))?;
    for name in ["nng-oxide", "mio", "hyper", "tokio", "rustls", "ring"] {
        writeln!(text, "- {name} {}", locked_version(name).unwrap_or("unknown"))?;
    }
    writeln!(text, "- nginx {}", package_version("nginx-common"))?;
    writeln!(text, "- wrk {}", package_version("wrk"))?;
    writeln!(text, "- {}", output(Command::new("rustc").arg("--version"))?.trim())?;
    Ok(text)
}

fn cpu_model() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The version of a crate in the lock file.
fn locked_version(name: &str) -> Option<&'static str> {
    let (_, after) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(after.split_once('"')?.0)
}

/// The version of a Debian package; elsewhere it stays unknown.
fn package_version(name: &str) -> String {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Version}", name]);
    output(&mut query).unwrap_or_else(|_| "unknown".into())
}
