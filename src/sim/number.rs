//! The two conversions between counts and real numbers that the simulation needs.

pub(super) use crate::model::number::real;

/// A real number cut to a count; negative ones and those that are not numbers are none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast ends at both bounds of u32, and NaN is zero"
)]
pub(super) fn whole(value: f64) -> u32 {
    value as u32
}
