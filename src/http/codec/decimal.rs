//! Numbers as text, without formatting machinery.

use super::DIGITS;

/// A number in decimal.
#[derive(Clone, Copy)]
pub(crate) struct Decimal {
    /// The digits are at the end.
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// Spells `number` out.
    pub(crate) fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = DIGITS[(number % 10) as usize];
            number /= 10;
            if number == 0 {
                return Self { digits, start };
            }
        }
    }

    /// Returns the digits, at least one.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_range_are_spelled_out() {
        assert_eq!(Decimal::new(0).as_bytes(), b"0");
        assert_eq!(Decimal::new(u64::MAX).as_bytes(), b"18446744073709551615");
    }

    proptest! {
        #[test]
        fn numbers_are_spelled_as_the_standard_library_does(number: u64, bits in 0..64) {
            let number = number >> bits;
            let spelled = Decimal::new(number).as_bytes().to_vec();
            prop_assert_eq!(String::from_utf8(spelled), Ok(number.to_string()));
        }
    }
}
