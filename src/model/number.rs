//! From counts to real numbers.

/// A count as a real number; exact up to 2^53, which nothing that is counted here comes near.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn real(count: u64) -> f64 {
    count as f64
}
