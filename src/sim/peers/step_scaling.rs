//! Application Auto Scaling's step scaling.
//!
//! The rule is the engine's own, which follows AAS to the letter (bounds, rounding, minimum magnitude, cooldowns); here it has
//! a ladder and two alarms. AWS prescribes no ladder; this is a usual one around the setting.
//! Source: <https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html>.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::engine::decide;
use crate::model::policy::{
    AdjustmentType, Behavior, MetricAggregation, PolicyKind, ScalingPolicy, ScalingRules, SelectPolicy,
    StepAdjustment,
};
use crate::model::target::{
    AasRegistered, Combine, DuringDeployment, LOOK_AT_LEAST_EVERY, Mode, OnMissingMetrics,
};
use crate::model::{AlarmStatus, Memory, MetricStat, Name, Observation, ScalableTarget, TaskCount, policy};
use crate::sim::Seconds;
use crate::sim::alarm::{Alarm, AlarmSpec, Comparison};
use crate::sim::number::real;
use crate::sim::trial::{Periods, Scaler, Trial, View, utilization};

/// The low alarm's threshold, as a share of the high one's.
const LOW: f64 = 0.6;
const COOLDOWN: Duration = Duration::from_secs(60);

/// A ladder over a threshold of the utilisation: +10, +30 and +60 per cent for 0, 10 and 20 points beyond it; -10 per cent
/// after a quarter of an hour under six tenths of it.
#[derive(Clone, Debug)]
pub struct StepScaling {
    target: ScalableTarget,
    memory: Memory,
    periods: Periods,
    points: VecDeque<f64>,
    alarms: Vec<Alarm>,
}

impl StepScaling {
    /// The ladder over a threshold, in per cent.
    pub fn new(threshold: f64, trial: &Trial) -> Self {
        let step = |lower, upper, change| StepAdjustment { lower, upper, change };
        let out = vec![
            step(Some(0.0), Some(10.0), 10),
            step(Some(10.0), Some(20.0), 30),
            step(Some(20.0), None, 60),
        ];
        let policies = vec![policy("high", out), policy("low", vec![step(None, Some(0.0), -10)])];
        let alarm = |name: &str, comparison, threshold, points| {
            let spec = AlarmSpec {
                name: name.to_owned(),
                stat: MetricStat::ecs_service("CPUUtilization", &trial.spec().id),
                period_s: 60,
                comparison,
                threshold,
                datapoints_to_alarm: points,
                evaluation_periods: points,
            };
            Alarm::new(spec, trial.timestamp(0))
        };
        Self {
            target: target(policies, trial),
            memory: Memory::default(),
            periods: Periods::minutes(),
            points: VecDeque::new(),
            alarms: vec![
                alarm("high", Comparison::GreaterThanThreshold, threshold, 2),
                alarm("low", Comparison::LessThanThreshold, threshold * LOW, 15),
            ],
        }
    }

    /// The alarms as they stand, each with the mean of the points that it looks at.
    fn statuses(&mut self, now: Timestamp) -> BTreeMap<Name, AlarmStatus> {
        let points = self.points.make_contiguous();
        let status = |alarm: &mut Alarm| {
            let looked_at = points.len().saturating_sub(alarm.spec.evaluation_periods);
            let newest = points.get(looked_at..).unwrap_or_default();
            alarm.evaluate(newest, now);
            let mean = newest.iter().sum::<f64>() / real(newest.len() as u64);
            let status = AlarmStatus {
                state: alarm.state,
                threshold: Some(alarm.spec.threshold),
                value: Some(mean).filter(|_| !newest.is_empty()),
                since: Some(alarm.since),
            };
            (alarm.spec.name.as_str().into(), status)
        };
        self.alarms.iter_mut().map(status).collect()
    }
}

impl Scaler for StepScaling {
    fn look_every(&self) -> Seconds {
        60
    }

    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        const MOST_POINTS: usize = 15;
        while let Some(steps) = self.periods.next(view) {
            self.points.extend(utilization(steps));
            let surplus = self.points.len().saturating_sub(MOST_POINTS);
            self.points.drain(..surplus);
        }
        let now = view.trial().timestamp(view.now().into());
        let observation = Observation {
            now,
            service: view.status(),
            metrics: BTreeMap::new(),
            alarms: self.statuses(now),
            queues: BTreeMap::new(),
        };
        let decision = decide(&self.target, &observation, std::mem::take(&mut self.memory));
        self.memory = decision.memory;
        Some(decision.to)
    }
}

fn policy(alarm: &str, steps: Vec<StepAdjustment>) -> ScalingPolicy {
    let kind = PolicyKind::StepScaling(policy::StepScaling {
        alarm: alarm.into(),
        adjustment_type: AdjustmentType::PercentChangeInCapacity,
        min_adjustment_magnitude: 1,
        metric_aggregation: MetricAggregation::Average,
        cooldown: COOLDOWN,
        steps,
    });
    ScalingPolicy { name: alarm.into(), kind, on_missing_metrics: None }
}

/// A target with these policies, and nothing that damps them.
fn target(policies: Vec<ScalingPolicy>, trial: &Trial) -> ScalableTarget {
    let free = ScalingRules {
        tolerance: 0.0,
        stabilization: Duration::ZERO,
        select: SelectPolicy::Max,
        policies: Vec::new(),
    };
    ScalableTarget {
        service: trial.spec().id.clone(),
        mode: Mode::Active,
        capacity: trial.capacity(),
        policies,
        combine: Combine::Max,
        predictive: None,
        schedules: Vec::new(),
        windows: Vec::new(),
        warm_up: Duration::ZERO,
        look_at_least_every: LOOK_AT_LEAST_EVERY,
        behavior: Behavior { scale_out: free.clone(), scale_in: free },
        on_missing_metrics: OnMissingMetrics::Hold,
        during_deployment: DuringDeployment::Ignore,
        aas: AasRegistered::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceStatus;
    use crate::model::{Capacity, ServiceId};
    use crate::sim::load::Load;
    use crate::sim::service::{ServiceSpec, TaskSize, Workload};
    use crate::sim::tasks::StartTime;

    /// The count after points of the utilisation, with the ladder over 60 per cent.
    fn count(from: TaskCount, points: &[f64]) -> TaskCount {
        let spec = ServiceSpec {
            id: ServiceId::new("prod", "web"),
            workload: Workload::Scheduled,
            load: Load::Constant(0.0),
            burstiness: 0.0,
            initial: from,
            start: StartTime::default(),
            size: TaskSize::default(),
            history: [].into(),
            deployments: Vec::new(),
        };
        let trial = Trial::new(spec, Capacity::new(1, 100).unwrap(), 60, Timestamp::UNIX_EPOCH, 1);
        let mut scaler = StepScaling::new(60.0, &trial);
        scaler.points.extend(points);
        let observation = Observation {
            now: trial.timestamp(0),
            service: ServiceStatus::steady(from),
            metrics: BTreeMap::new(),
            alarms: scaler.statuses(trial.timestamp(0)),
            queues: BTreeMap::new(),
        };
        decide(&scaler.target, &observation, scaler.memory.clone()).to
    }

    #[test]
    fn the_ladder_is_climbed_by_the_size_of_the_breach() {
        for (points, to) in [
            (&[61.0, 69.0][..], 22),
            (&[75.0, 75.0], 26),
            (&[85.0, 90.0], 32),
            (&[59.0, 90.0], 20),
            (&[35.0; 15], 18),
            (&[35.0; 14], 20),
            (&[40.0; 15], 20),
        ] {
            assert_eq!(count(20, points), to, "{points:?}");
        }
        assert_eq!((count(1, &[61.0, 62.0]), count(4, &[20.0; 15])), (2, 3), "at least one task");
    }
}
