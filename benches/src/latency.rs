//! Distributions of latencies.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::Result;

/// Latencies in nanoseconds, three significant digits.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// No latencies yet.
    ///
    /// # Errors
    /// Never with these bounds; the histogram's constructor is fallible.
    pub fn new() -> Result<Self> {
        let longest = Duration::from_secs(60).as_nanos().try_into()?;
        Ok(Self(Histogram::new_with_bounds(1, longest, 3)?))
    }

    /// Adds one; longer than a minute counts as a minute.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The number of latencies.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency in microseconds that the given share (0 to 1) of all stayed within.
    pub fn quantile_us(&self, share: f64) -> f64 {
        microseconds(self.0.value_at_quantile(share))
    }

    /// The longest, in microseconds.
    pub fn worst_us(&self) -> f64 {
        microseconds(self.0.max())
    }

    /// Prints `round_trips`, `p50_ns` and `p99_ns`.
    pub fn print(&self) {
        println!("round_trips {}", self.count());
        println!("p50_ns {}", self.0.value_at_quantile(0.5));
        println!("p99_ns {}", self.0.value_at_quantile(0.99));
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e6
}
