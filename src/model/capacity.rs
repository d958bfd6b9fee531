//! Counts of tasks, their bounds, and the one place where a real number becomes a count.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number of tasks, as ECS's `desiredCount`.
pub type TaskCount = u32;

/// More tasks than one ECS service may have (quota: 5,000), so more than any count that can be meant.
pub const MOST_TASKS: TaskCount = 100_000;

/// The bounds of a service: `MinCapacity` and `MaxCapacity` of Application Auto Scaling. `min <= max` holds always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawCapacity")]
pub struct Capacity {
    min: TaskCount,
    max: TaskCount,
}

#[derive(Deserialize)]
struct RawCapacity {
    min: TaskCount,
    max: TaskCount,
}

impl TryFrom<RawCapacity> for Capacity {
    type Error = InvalidCapacity;

    fn try_from(raw: RawCapacity) -> Result<Self, Self::Error> {
        Self::new(raw.min, raw.max)
    }
}

/// Bounds that cannot be kept.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidCapacity {
    /// The lower bound is above the upper one.
    #[error("min {min} is above max {max}")]
    MinAboveMax {
        /// The lower bound given.
        min: TaskCount,
        /// The upper bound given.
        max: TaskCount,
    },
    /// The upper bound is more than any ECS service can have.
    #[error("max {max} is more than a service can have; the most is {MOST_TASKS}")]
    TooLarge {
        /// The upper bound given.
        max: TaskCount,
    },
}

impl Capacity {
    /// Bounds from `min` to `max` tasks.
    ///
    /// # Errors
    /// [`InvalidCapacity`] where `min > max` or `max` is more than [`MOST_TASKS`].
    pub fn new(min: TaskCount, max: TaskCount) -> Result<Self, InvalidCapacity> {
        if max < min {
            return Err(InvalidCapacity::MinAboveMax { min, max });
        }
        if MOST_TASKS < max {
            return Err(InvalidCapacity::TooLarge { max });
        }
        Ok(Self { min, max })
    }

    /// The lower bound, in tasks.
    pub fn min(self) -> TaskCount {
        self.min
    }

    /// The upper bound, in tasks.
    pub fn max(self) -> TaskCount {
        self.max
    }

    /// The count within the bounds that is nearest to `count`.
    pub fn clamp(self, count: TaskCount) -> TaskCount {
        count.clamp(self.min, self.max)
    }

    /// These bounds with another lower and upper one where given. Where the two conflict the upper one wins: a
    /// ceiling protects what is behind the service, a floor only its speed.
    pub fn overlaid(self, min: Option<TaskCount>, max: Option<TaskCount>) -> Self {
        let max = max.unwrap_or(self.max).min(MOST_TASKS);
        Self { min: min.unwrap_or(self.min).min(max), max }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// Rounds a number of tasks up, as Application Auto Scaling and Kubernetes do, and ends at [`MOST_TASKS`]. A hair above a
/// whole number (an error of floating point, not a need) does not ask for another task.
pub fn tasks_rounded_up(tasks: f64) -> TaskCount {
    const FLOAT_ERROR: f64 = 1e-9;
    if tasks == f64::INFINITY {
        return MOST_TASKS;
    }
    whole_tasks((tasks - FLOAT_ERROR * tasks.abs().max(1.0)).ceil())
}

/// Cuts a number of tasks down to a whole one, ending at [`MOST_TASKS`].
pub fn tasks_rounded_down(tasks: f64) -> TaskCount {
    whole_tasks(tasks.floor())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=MOST_TASKS, never NaN"
)]
fn whole_tasks(tasks: f64) -> TaskCount {
    debug_assert!(!tasks.is_nan(), "a value that is not a number must be refused before it becomes a count");
    if tasks.is_nan() {
        return MOST_TASKS; // too many costs money until the next look, too few would be an outage
    }
    tasks.clamp(0.0, f64::from(MOST_TASKS)) as TaskCount
}
