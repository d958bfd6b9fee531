//! The two conversions between counts and real numbers that the simulation needs, in one place.

/// A count as a real number; exact up to 2^53, which no simulated count comes near.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

/// A real number cut to a count; negative ones and those that are not numbers are none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast ends at both bounds of u32, and NaN is zero"
)]
pub(super) fn whole(value: f64) -> u32 {
    value as u32
}
