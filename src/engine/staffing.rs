//! How many tasks a load needs: the work itself, and a margin for what the load may do within the minute.
//!
//! `tasks = max(work + margin x sqrt(miss^2 + (burst x work)^2 + spread x work), floor)`, where `work = load / what a task takes` and
//! the floor is the load that is always prepared for in tasks. The last term under the root is square-root staffing: random arrivals even out over many tasks, so a large service runs hotter than a small one at the same
//! promise (Halfin and Whitt, "Heavy-traffic limits for queues with many exponential servers", 1981).

use crate::model::memory::{LookaheadMemory, LookaheadTuning};

/// The relative deviation of the load within a minute that a one-minute mean hides.
const BURST: f64 = 0.09;
/// The variance of the work that random arrivals add, for a task's worth of work: that of some seven requests served at once.
const SPREAD: f64 = 0.15;

/// The deviation of the work around its expectation, in tasks.
fn deviation(work: f64, miss_variance: f64) -> f64 {
    (miss_variance + (BURST * work).powi(2) + SPREAD * work).sqrt()
}

/// A load in tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    /// The tasks that the load ahead keeps busy.
    pub(super) work: f64,
    /// The deviation of that, in tasks.
    pub(super) deviation: f64,
    /// The tasks for the load that is always prepared for.
    pub(super) floor: f64,
}

impl Need {
    /// What a load that is looked ahead to needs of tasks that each take so much of it.
    pub(super) fn of(memory: &LookaheadMemory, tuning: &LookaheadTuning, per_task_s: f64) -> Self {
        let work = memory.held_s / per_task_s;
        let scale = if tuning.relative { work } else { 1.0 / per_task_s };
        let deviation = deviation(work, memory.variance * scale * scale);
        Self { work, deviation, floor: tuning.floor_s / per_task_s }
    }

    /// The tasks, with a margin of so many deviations.
    pub(super) fn tasks(&self, margin: f64) -> f64 {
        (self.work + margin * self.deviation).max(self.floor)
    }
}

/// The margin at which so large a share is late, were the deviations all there is to it.
pub(super) fn margin_for(allowed: f64) -> f64 {
    const MOST: f64 = 5.0;
    const STEPS: u32 = 30;
    let (mut low, mut high) = (0.0, MOST);
    for _ in 0..STEPS {
        let margin = f64::midpoint(low, high);
        if allowed < tail(margin) { low = margin } else { high = margin }
    }
    high
}

/// The share of requests that come while more is asked of `tasks` than they can do.
pub(super) fn late_share(tasks: f64, work: f64) -> f64 {
    if work <= 0.0 {
        return 0.0;
    }
    if tasks <= work {
        return 1.0;
    }
    let x = (tasks - work) / deviation(work, 0.0);
    if 5.0 < x {
        return 0.0;
    }
    tail(x)
}

/// The tail of the normal distribution, by the logistic approximation of Bowling et al. (2009), which is within 0.0002 of it.
fn tail(deviations: f64) -> f64 {
    1.0 / (1.0 + (1.5976 * deviations + 0.070_56 * deviations.powi(3)).exp())
}
