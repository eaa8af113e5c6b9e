//! Random numbers from the operating system's cryptographic generator.
//!
//! The library itself needs few of them: where an id map starts, what a protocol picks as its first
//! request id. They are read from the system each time; nothing is kept that a fork could copy.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

/// Returns 32 random bits that nobody can predict.
///
/// Where the system's generator cannot be read, in a jail without devices or with no descriptor
/// left, the bits come from the keys that `std` draws for its hash tables: still from the system,
/// but fewer of them.
/// # Source
/// nng 1.12, nng_random(3).
pub fn random_u32() -> u32 {
    system_u32().unwrap_or_else(|_| {
        let bits = RandomState::new().hash_one(0);
        // Folding keeps the entropy of both halves.
        u32::try_from((bits >> 32) ^ (bits & u64::from(u32::MAX))).unwrap_or(u32::MAX)
    })
}

/// Reads 32 bits from the system's generator.
fn system_u32() -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_differ() {
        let numbers: HashSet<u32> = (0..64).map(|_| random_u32()).collect();
        assert!(numbers.len() > 60);
    }

    #[test]
    fn every_bit_takes_both_values() {
        let (mut ones, mut zeros) = (0, 0);
        for _ in 0..128 {
            let number = random_u32();
            ones |= number;
            zeros |= !number;
        }
        assert_eq!((ones, zeros), (u32::MAX, u32::MAX));
    }
}
