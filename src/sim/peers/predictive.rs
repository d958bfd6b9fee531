//! Application Auto Scaling's predictive scaling for ECS, beside target tracking.
//!
//! From a day of history on it forecasts the load of each hour, from fourteen days at most, anew every six hours; five minutes
//! before an hour it raises the floor to what the hour takes at the target. It never scales in; the higher of both counts.
//! AWS's model of the load is not published: here it is the mean of that hour of the day, and from two weeks on of the week.
//! It is told what a task can take, which AWS has to learn.
//! Source: <https://docs.aws.amazon.com/autoscaling/application/userguide/aas-predictive-scaling-how-it-works.html>.

use crate::model::TaskCount;
use crate::model::capacity::tasks_rounded_up;
use crate::sim::Seconds;
use crate::sim::peers::target_tracking::TargetTracking;
use crate::sim::trial::{Scaler, Trial, View};

const HOUR_S: Seconds = 3600;
const HOURS_A_DAY: usize = 24;
const HOURS_A_WEEK: usize = 7 * HOURS_A_DAY;
const REFRESHED_EVERY_S: Seconds = 6 * HOUR_S;
const SCHEDULING_BUFFER_S: Seconds = 300;

/// Predictive scaling with target tracking at the same target.
#[derive(Clone, Debug)]
pub struct Predictive {
    reactive: TargetTracking,
    /// What a task takes at the target, in requests a second.
    per_task: f64,
    /// The arrivals of each hour, up to the last whole one.
    hours: Vec<f64>,
    /// The hours of the trial that are among them.
    lived: Seconds,
    /// How many hours there were before the trial.
    before: usize,
    /// The count for each hour of a day or of a week; empty until there is a forecast.
    floors: Vec<TaskCount>,
}

impl Predictive {
    /// Whether there is a day of history before a trial.
    pub fn has_enough(trial: &Trial) -> bool {
        HOURS_A_DAY * 60 <= trial.spec().history.len()
    }

    /// Predictive scaling and target tracking to a target of the utilisation, in per cent.
    pub fn new(target: f64, trial: &Trial) -> Self {
        let sum = |hour: &[u32]| hour.iter().map(|count| f64::from(*count)).sum();
        let hours: Vec<f64> = trial.spec().history.chunks(60).map(sum).collect();
        Self {
            reactive: TargetTracking::utilization(target),
            per_task: trial.spec().workload.capacity_per_task() * target / 100.0,
            before: hours.len(),
            lived: 0,
            floors: Vec::new(),
            hours,
        }
    }

    /// Takes the hours that ended since the last forecast, and forecasts anew.
    fn forecast(&mut self, view: &View<'_>) {
        while (self.lived + 1) * HOUR_S <= view.now() {
            let age = view.now() - (self.lived + 1) * HOUR_S;
            let steps = view.recent(HOUR_S, age).unwrap_or_default();
            self.hours.push(steps.iter().map(|step| f64::from(step.arrived)).sum());
            self.lived += 1;
        }
        let cycle = if 2 * HOURS_A_WEEK <= self.hours.len() { HOURS_A_WEEK } else { HOURS_A_DAY };
        if self.hours.len() < HOURS_A_DAY {
            return;
        }
        let newest = self.hours.len().saturating_sub(2 * HOURS_A_WEEK);
        let floor = |hour: usize| {
            let known = (newest..).zip(self.hours.iter().skip(newest));
            let same = known.filter(|(index, _)| self.place(*index, cycle) == hour).map(|(_, sum)| *sum);
            let (sum, count) = same.fold((0.0, 0.0), |(sum, count), hour| (sum + hour, count + 1.0));
            tasks_rounded_up(sum / f64::max(count, 1.0) / f64::from(HOUR_S) / self.per_task)
        };
        self.floors = (0..cycle).map(floor).collect();
    }

    /// The place in a cycle of an hour, counted from the first one of the history. The trial begins with a cycle.
    fn place(&self, hour: usize, cycle: usize) -> usize {
        (hour + cycle - self.before % cycle) % cycle
    }

    fn floor(&self, now: Seconds) -> TaskCount {
        let of = |at: Seconds| {
            let hour = usize::try_from(at / HOUR_S).ok()?;
            self.floors.get(hour.checked_rem(self.floors.len())?).copied()
        };
        of(now).max(of(now + SCHEDULING_BUFFER_S)).unwrap_or(0)
    }
}

impl Scaler for Predictive {
    fn look_every(&self) -> Seconds {
        self.reactive.look_every()
    }

    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        if view.now().is_multiple_of(REFRESHED_EVERY_S) {
            self.forecast(view);
        }
        let reactive = self.reactive.look(view).unwrap_or(view.status().desired);
        Some(reactive.max(self.floor(view.now())))
    }
}
