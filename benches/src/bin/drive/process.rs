//! Processes that the driver starts: found by their id, ended with the driver.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::cpu_time_of;

/// A command whose process is killed by the kernel when the driver ends, however it ends.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).stdin(Stdio::null());
    command
}

/// A running process; killed and waited for when dropped.
pub struct Process(Child);

impl Process {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn().map_err(|error| format!("{command:?}: {error}"))?))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The CPU time that its threads have used so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        cpu_time_of(self.id())
    }

    /// The resident memory in bytes.
    pub fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        Ok(status_field(&status, "VmRSS")? * 1024.0)
    }

    /// The ids of its threads.
    pub fn threads(&self) -> Result<Vec<String>> {
        fs::read_dir(format!("/proc/{}/task", self.id()))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// How often its threads have gone to sleep so far.
    pub fn sleeps(&self) -> Result<f64> {
        let mut sum = 0.0;
        for thread in self.threads()? {
            let status = fs::read_to_string(format!("/proc/{}/task/{thread}/status", self.id()))?;
            sum += status_field(&status, "voluntary_ctxt_switches")?;
        }
        Ok(sum)
    }

    /// Asks the process to end as from the keyboard, and waits until it has.
    pub fn interrupt(mut self) -> Result<()> {
        kill(Pid::from_raw(self.id().cast_signed()), Signal::SIGINT)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended and was waited for.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A measured server that accepts connections.
pub struct Server {
    pub process: Process,
    pub addr: SocketAddr,
}

impl Server {
    /// Starts a server and reads from it where it listens.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = command(program);
        command.args(arguments).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let stdout = process.0.stdout.take().ok_or("the standard output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let addr = line
            .trim()
            .strip_prefix("listening ")
            .ok_or_else(|| format!("{} did not say where it listens", program.display()))?
            .parse()?;
        Ok(Self { process, addr })
    }
}

/// Runs a program to its end and answers the `name value` pairs that it printed.
pub fn figures(program: &Path, arguments: &[&str]) -> Result<HashMap<String, f64>> {
    let text = output(command(program).args(arguments))?;
    let mut figures = HashMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        figures.insert(name.to_owned(), value.trim().parse()?);
    }
    Ok(figures)
}

/// Runs a command to its end and answers what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A number from a `/proc/.../status` text.
fn status_field(status: &str, name: &str) -> Result<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .ok_or_else(|| format!("no {name} in a status file"))?;
    Ok(line.split_whitespace().next().ok_or("an empty status field")?.parse()?)
}
