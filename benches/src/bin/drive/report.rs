//! What a section reports, and how it becomes Markdown.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use nng_oxide_benches::Result;

use crate::chart::Chart;
use crate::machine;
use crate::options::Options;
use crate::sections::{self, Section};

/// The results of one section.
#[derive(Default)]
pub struct Report {
    /// How it was measured: paragraphs of Markdown.
    pub method: String,
    pub tables: Vec<Table>,
    pub charts: Vec<Chart>,
    pub goals: Vec<Goal>,
}

/// A table; the first column is text, the others are numbers.
pub struct Table {
    pub caption: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// A figure that should stay within a bound.
pub struct Goal {
    what: String,
    measured: f64,
    bound: Bound,
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    /// Adds a figure that should be at least `bound`.
    pub fn at_least(&mut self, bound: f64, what: impl Into<String>, measured: f64) {
        self.goals.push(Goal { what: what.into(), measured, bound: Bound::AtLeast(bound) });
    }

    /// Adds a figure that should be at most `bound`.
    pub fn at_most(&mut self, bound: f64, what: impl Into<String>, measured: f64) {
        self.goals.push(Goal { what: what.into(), measured, bound: Bound::AtMost(bound) });
    }

    /// Writes `results/SECTION.md` and the charts beside it.
    pub fn write(&self, section: &Section, out: &Path) -> Result<()> {
        let directory = out.join("results");
        fs::create_dir_all(&directory)?;
        let mut text = format!("# {}\n\n{}\n", section.title, self.method.trim());
        for table in &self.tables {
            write!(text, "\n{table}")?;
        }
        for chart in &self.charts {
            let file = format!("{}-{}.svg", section.name, chart.name);
            fs::write(directory.join(&file), chart.svg())?;
            write!(text, "\n![{}]({file})\n", chart.title)?;
        }
        if !self.goals.is_empty() {
            text.push_str("\n## Goals\n\n| figure | goal | measured | met |\n|---|---|---|---|\n");
            for goal in &self.goals {
                let met = if goal.is_met() { "yes" } else { "**no**" };
                let measured = number(goal.measured);
                writeln!(text, "| {} | {} | {measured} | {met} |", goal.what, goal.bound)?;
            }
        }
        fs::write(directory.join(format!("{}.md", section.name)), text)?;
        Ok(())
    }
}

/// Writes the index: method, machine, and every section that has results.
pub fn write_index(options: &Options) -> Result<()> {
    let mut text = String::from(include_str!("index.md"));
    text.push_str("\n## Results\n\n");
    for section in sections::all() {
        let file = format!("results/{}.md", section.name);
        if options.out.join(&file).exists() {
            writeln!(text, "- [{}]({file})", section.title)?;
        }
    }
    write!(text, "\n## Machine and peers of the last run\n\n{}", machine::describe(options)?)?;
    fs::write(options.out.join("README.md"), text)?;
    Ok(())
}

impl Goal {
    /// A figure that is missing misses its goal.
    fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.measured >= bound,
            Bound::AtMost(bound) => self.measured <= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.is_met() { "met   " } else { "MISSED" };
        write!(f, "{met} {}: {} (goal {})", self.what, number(self.measured), self.bound)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.caption.is_empty() {
            writeln!(f, "## {}\n", self.caption)?;
        }
        writeln!(f, "| {} |", self.header.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.header.len().saturating_sub(1)))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// A number in about three digits; a dash for one that was not measured.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        "-".into()
    } else if value.abs() >= 100.0 {
        grouped(value)
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        let shown: Vec<String> =
            [0.934, 12.34, 184_321.4, 1234.0, 100.0, f64::NAN].into_iter().map(number).collect();
        assert_eq!(shown, ["0.93", "12.3", "184 321", "1 234", "100", "-"]);
    }

    #[test]
    fn a_missing_figure_misses_its_goal() {
        let mut report = Report::default();
        report.at_most(1.0, "x", f64::NAN);
        report.at_least(1.0, "x", 1.0);
        assert_eq!(report.goals.iter().map(Goal::is_met).collect::<Vec<_>>(), [false, true]);
    }
}
