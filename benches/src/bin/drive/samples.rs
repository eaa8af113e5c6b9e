//! The figures of all rounds and their medians.

use std::collections::HashMap;

/// What is measured: a case such as `one CPU, K=16`, a program, and a figure such as `rate`.
type Key = (String, &'static str, &'static str);

/// Figures by case, program and name, one value per round.
#[derive(Default)]
pub struct Samples(HashMap<Key, Vec<f64>>);

impl Samples {
    /// Adds the value of one round.
    pub fn add(&mut self, case: &str, program: &'static str, figure: &'static str, value: f64) {
        self.0.entry((case.to_owned(), program, figure)).or_default().push(value);
    }

    /// The median over the rounds; NaN if nothing was measured.
    pub fn median(&self, case: &str, program: &'static str, figure: &'static str) -> f64 {
        median(self.values(case, program, figure).to_vec())
    }

    /// The median over the rounds of the quotient of two programs; NaN if nothing was measured.
    pub fn ratio(
        &self,
        case: &str,
        program: &'static str,
        to: &'static str,
        figure: &'static str,
    ) -> f64 {
        let ours = self.values(case, program, figure);
        let theirs = self.values(case, to, figure);
        median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
    }

    fn values(&self, case: &str, program: &'static str, figure: &'static str) -> &[f64] {
        self.0.get(&(case.to_owned(), program, figure)).map_or(&[], Vec::as_slice)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_taken_within_each_round() {
        let mut samples = Samples::default();
        for (ours, theirs) in [(2.0, 1.0), (20.0, 10.0), (300.0, 150.0)] {
            samples.add("case", "ours", "rate", ours);
            samples.add("case", "theirs", "rate", theirs);
        }
        assert_eq!(samples.ratio("case", "ours", "theirs", "rate"), 2.0);
        assert_eq!(samples.median("case", "ours", "rate"), 20.0);
        assert!(samples.median("case", "nobody", "rate").is_nan());
    }

    #[test]
    fn an_even_number_of_rounds_gives_the_mean_of_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
