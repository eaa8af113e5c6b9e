//! HTTP load by wrk.

use std::net::SocketAddr;
use std::time::Duration;

use nng_oxide_benches::Result;
use nng_oxide_benches::clocks::cpu_time_of_children;

use crate::process::{Server, command, output};
use crate::sections::throughput::Figures;

/// What wrk reports.
#[derive(Debug, PartialEq)]
pub struct Wrk {
    pub requests: f64,
    pub rate: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

/// Loads a server for so long with `GET /hello` and these header fields.
pub fn figures(
    server: &Server,
    connections: usize,
    duration: Duration,
    fields: &[&str],
) -> Result<Figures> {
    let before = server.process.cpu_time()?;
    let client_before = cpu_time_of_children()?;
    let wrk = wrk(server.addr, connections, duration, fields)?;
    let client = cpu_time_of_children()? - client_before;
    let cpu = server.process.cpu_time()? - before;
    Ok(Figures {
        rate: wrk.rate,
        p50_us: wrk.p50_us,
        p99_us: wrk.p99_us,
        cpu_us: cpu.as_secs_f64() * 1e6 / wrk.requests,
        client_percent: 100.0 * client.as_secs_f64() * wrk.rate / wrk.requests,
    })
}

/// Runs wrk with one thread and so many connections; whole seconds only.
pub fn wrk(
    addr: SocketAddr,
    connections: usize,
    duration: Duration,
    fields: &[&str],
) -> Result<Wrk> {
    let seconds = duration.as_secs().max(1);
    let text = output(
        command("wrk")
            .args(["-t1", "--latency"])
            .args(fields.iter().flat_map(|field| ["-H", field]))
            .arg(format!("-c{connections}"))
            .arg(format!("-d{seconds}s"))
            .arg(format!("http://{addr}/hello")),
    )?;
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("wrk met errors:\n{text}").into());
    }
    parse(&text).ok_or_else(|| format!("unexpected output of wrk:\n{text}").into())
}

fn parse(text: &str) -> Option<Wrk> {
    let after = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label));
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?.0;
    Some(Wrk {
        requests: requests.parse().ok()?,
        rate: after("Requests/sec:")?.trim().parse().ok()?,
        p50_us: microseconds(after("50%")?.trim())?,
        p99_us: microseconds(after("99%")?.trim())?,
    })
}

/// Reads `12.00us`, `1.20ms` or `1.20s`.
fn microseconds(text: &str) -> Option<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1e3)
    } else {
        (text.strip_suffix('s')?, 1e6)
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_wrk_is_understood() {
        let text = "  Latency Distribution\n     50%  189.00us\n     75%  238.00us\n     90%    1.30ms\n     \
            99%    3.00ms\n  67620 requests in 1.00s, 5.03MB read\nRequests/sec:  67581.55\n";
        let expected = Wrk { requests: 67620.0, rate: 67581.55, p50_us: 189.0, p99_us: 3000.0 };
        assert_eq!(parse(text), Some(expected));
    }
}
