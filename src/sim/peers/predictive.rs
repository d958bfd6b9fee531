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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Capacity, ServiceId};
    use crate::sim::load::Load;
    use crate::sim::service::{ServiceSpec, TaskSize, Workload};
    use crate::sim::tasks::StartTime;

    /// A trial after days of history in which an hour's load is the number of the hour, in requests a second, but for
    /// the last two days of a week where those have a load of their own. A task takes 20 a second at full use.
    fn trial(days: u32, weekend: Option<u32>) -> Trial {
        let minute = |minute: u32| {
            let (day, hour) = (minute / 1440, minute / 60 % 24);
            let is_weekend = 5 <= (day + 7 - days % 7) % 7;
            60 * weekend.filter(|_| is_weekend).unwrap_or(hour)
        };
        let http = crate::sim::http::Http {
            load_balancer: "app/web/1".to_owned(),
            target_group: String::new(),
            concurrency: 4,
            service_time_s: 0.2,
            timeout_s: 10.0,
            latency_s: 0.3,
            percent: 99.9,
        };
        let spec = ServiceSpec {
            id: ServiceId::new("prod", "web"),
            workload: Workload::Http(http),
            load: Load::Constant(5.0),
            burstiness: 0.0,
            initial: 1,
            start: StartTime::default(),
            size: TaskSize::default(),
            history: (0..days * 1440).map(minute).collect(),
            deployments: Vec::new(),
        };
        Trial::new(spec, Capacity::new(1, 100).unwrap(), 6 * 86_400, Timestamp::UNIX_EPOCH, 1)
    }

    /// The count of every minute of a trial.
    fn counts(trial: &Trial) -> Vec<TaskCount> {
        let service = trial.run(&mut Predictive::new(50.0, trial));
        service.steps().iter().step_by(12).map(|step| step.desired).collect()
    }

    #[test]
    fn a_day_of_history_is_the_floor_of_each_hour_from_five_minutes_before_it() {
        let counts = counts(&trial(1, None));
        let at = |hour: usize, minute: usize| counts[hour * 60 + minute];
        assert_eq!((at(19, 54), at(19, 55)), (2, 2));
        assert_eq!((at(20, 54), at(20, 55)), (2, 3), "21 a second at 10 a task");
        assert_eq!(at(23, 30), 3);
    }

    #[test]
    fn less_than_a_day_is_too_little() {
        assert!(!Predictive::has_enough(&Trial::new(
            ServiceSpec { history: vec![1; 1439].into(), ..trial(1, None).spec().clone() },
            Capacity::new(1, 100).unwrap(),
            60,
            Timestamp::UNIX_EPOCH,
            1
        )));
        assert!(Predictive::has_enough(&trial(1, None)));
    }

    #[test]
    fn from_two_weeks_on_an_hour_is_one_of_the_week() {
        let counts = counts(&trial(14, Some(95)));
        let at = |day: usize, hour: usize| counts[(day * 24 + hour) * 60 + 30];
        assert_eq!((at(1, 22), at(4, 22), at(5, 2)), (3, 3, 10), "the sixth day is a weekend");
        let one_week = trial(7, Some(95));
        let service = one_week.run(&mut Predictive::new(50.0, &one_week));
        assert_eq!(service.steps()[12 * 60 * 22].desired, 5, "one week: the mean of that hour of all days");
    }
}
