//! A constant count, sized for the peak: what a service without a scaler needs.

use crate::model::TaskCount;
use crate::model::capacity::tasks_rounded_up;
use crate::sim::trial::{Scaler, Trial, View};
use crate::sim::{STEP_S, Seconds};

/// The same count at all times.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    count: TaskCount,
}

impl Constant {
    /// This count.
    pub fn new(count: TaskCount) -> Self {
        Self { count }
    }

    /// So many per cent of the tasks that the busiest moment of a trial keeps busy: it is known beforehand.
    pub fn of_peak(percent: f64, trial: &Trial) -> Self {
        let most = trial.arrivals().iter().max().copied().unwrap_or(0);
        let busy = f64::from(most) / f64::from(STEP_S) / trial.spec().workload.capacity_per_task();
        Self::new(tasks_rounded_up(busy * percent / 100.0).max(1))
    }
}

impl Scaler for Constant {
    fn look_every(&self) -> Seconds {
        3600
    }

    fn look(&mut self, _: &View<'_>) -> Option<TaskCount> {
        Some(self.count)
    }

    fn initial(&self) -> Option<TaskCount> {
        Some(self.count)
    }
}
