//! A service in a table: a target, what is seen of it, and what is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::engine::decide;
use crate::model::metric::{Metric, MetricSource, MetricStat};
use crate::model::policy::{
    AdjustmentType, Behavior, MetricAggregation, PolicyKind, QueueGoal, QueuePolicy, QueueRef, ScalingPolicy,
    ScalingRules, SelectPolicy, ServiceLevel, StepAdjustment, StepScaling, TargetTracking,
};
use crate::model::{
    AlarmState, AlarmStatus, Capacity, Decision, Memory, Observation, Point, QueueDepth, ScalableTarget,
    ServiceId, ServiceStatus, TaskCount,
};

pub(super) const CPU: &str = "ECSServiceAverageCPUUtilization";
pub(super) const REQUESTS: &str = "RequestCount";
pub(super) const WITHIN: &str = "TargetResponseTime.PR(:0.3)";
pub(super) const SENT: &str = "orders.NumberOfMessagesSent";
pub(super) const DELETED: &str = "orders.NumberOfMessagesDeleted";

/// 2026-01-01T00:00:00Z, a Thursday.
pub(super) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(super) fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Behaviour that damps nothing, so that a table shows a policy alone.
pub(super) fn undamped() -> Behavior {
    let rules = ScalingRules {
        tolerance: 0.0,
        stabilization: Duration::ZERO,
        select: SelectPolicy::Max,
        policies: Vec::new(),
    };
    Behavior { scale_in: ScalingRules { tolerance: 0.1, ..rules.clone() }, scale_out: rules }
}

pub(super) fn target(
    min: TaskCount,
    max: TaskCount,
    kinds: impl IntoIterator<Item = PolicyKind>,
) -> ScalableTarget {
    let name = |kind: &PolicyKind| match kind {
        PolicyKind::TargetTracking(_) => "tracking",
        PolicyKind::StepScaling(_) => "steps",
        PolicyKind::Queue(_) => "queue",
        PolicyKind::ServiceLevel(_) => "level",
    };
    let policies = kinds
        .into_iter()
        .enumerate()
        .map(|(place, kind)| ScalingPolicy {
            name: format!("{}{place}", name(&kind)).into(),
            kind,
            on_missing_metrics: None,
        })
        .collect();
    ScalableTarget {
        service: ServiceId::new("prod", "checkout"),
        mode: crate::model::target::Mode::Active,
        capacity: Capacity::new(min, max).unwrap(),
        policies,
        combine: crate::model::target::Combine::Max,
        predictive: None,
        schedules: Vec::new(),
        windows: Vec::new(),
        warm_up: Duration::ZERO,
        look_at_least_every: crate::model::target::LOOK_AT_LEAST_EVERY,
        behavior: undamped(),
        on_missing_metrics: crate::model::target::OnMissingMetrics::Hold,
        during_deployment: crate::model::target::DuringDeployment::NoScaleIn,
        aas: crate::model::target::AasRegistered::Refuse,
    }
}

fn metric(key: &str, exists_without_tasks: bool) -> Metric {
    let source = MetricSource::Stat(MetricStat::new("Test", key, [], "Average"));
    Metric { key: key.into(), source, period: seconds(60), offset: Duration::ZERO, exists_without_tasks }
}

/// CPU at 60 per cent, one point out, one point in, no cooldowns.
pub(super) fn tracking() -> TargetTracking {
    TargetTracking {
        metric: metric(CPU, false),
        target: 60.0,
        scale_out_after: 1,
        scale_out_within: 1,
        scale_in_after: 1,
        scale_in_within: 1,
        scale_out_cooldown: Duration::ZERO,
        scale_in_cooldown: Duration::ZERO,
        disable_scale_in: false,
    }
}

pub(super) fn tracking_of(key: &str, target: f64, exists_without_tasks: bool) -> TargetTracking {
    TargetTracking { metric: metric(key, exists_without_tasks), target, ..tracking() }
}

pub(super) fn cpu(tracking: TargetTracking) -> PolicyKind {
    PolicyKind::TargetTracking(tracking)
}

type Step = (Option<f64>, Option<f64>, i32);

pub(super) fn steps(alarm: &str, adjustment_type: AdjustmentType, steps: &[Step]) -> StepScaling {
    StepScaling {
        alarm: alarm.into(),
        adjustment_type,
        min_adjustment_magnitude: 1,
        metric_aggregation: MetricAggregation::Average,
        cooldown: seconds(60),
        steps: steps
            .iter()
            .map(|(lower, upper, change)| StepAdjustment { lower: *lower, upper: *upper, change: *change })
            .collect(),
    }
}

pub(super) fn queue(goal: QueueGoal) -> QueuePolicy {
    QueuePolicy {
        queues: vec![queue_ref("orders")],
        goal,
        count_in_flight: true,
        count_delayed: false,
        activation: 0,
        idle_for: seconds(300),
    }
}

pub(super) fn queue_ref(name: &str) -> QueueRef {
    QueueRef {
        name: name.to_owned(),
        reference: name.to_owned(),
        sent: metric(&format!("{name}.NumberOfMessagesSent"), true),
        deleted: metric(&format!("{name}.NumberOfMessagesDeleted"), true),
    }
}

pub(super) fn depth(visible: u64, in_flight: u64) -> QueueDepth {
    QueueDepth { visible, in_flight: Some(in_flight), delayed: Some(0), oldest_age_s: None }
}

/// 99.9 % of requests within 300 ms.
pub(super) fn level() -> ServiceLevel {
    ServiceLevel {
        requests: metric(REQUESTS, true),
        within: metric(WITHIN, false),
        utilization: metric(CPU, false),
        latency: Duration::from_millis(300),
        percent: 99.9,
    }
}

/// The number between two pieces of a text.
pub(super) fn figure(text: &str, before: &str, after: &str) -> f64 {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in: {text}"));
    let (number, _) = rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} in: {rest}"));
    number.parse().unwrap_or_else(|_| panic!("{number:?} is no number in: {text}"))
}

/// Whether two figures are one, but for the digits that are told.
pub(super) fn agree(told: f64, recomputed: f64) -> bool {
    (told - recomputed).abs() <= 0.001 + 0.001 * told.abs()
}

/// What is seen at a moment.
#[derive(Clone, Debug)]
pub(super) struct Seen(pub(super) Observation);

pub(super) fn seen(now: Timestamp, service: ServiceStatus) -> Seen {
    let (metrics, alarms, queues) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    Seen(Observation { now, service, metrics, alarms, queues })
}

impl Seen {
    /// One-minute points of a metric, oldest first, of which the last ended half a minute ago.
    pub(super) fn points(mut self, key: &str, values: &[f64]) -> Self {
        let newest = self.0.now - SignedDuration::from_secs(90);
        let points = values.iter().rev().zip(0..).map(|(value, place)| Point {
            start: newest - SignedDuration::from_secs(60 * place),
            value: *value,
        });
        let mut points: Vec<Point> = points.collect();
        points.reverse();
        self.0.metrics.insert(key.into(), points);
        self
    }

    pub(super) fn alarm(mut self, name: &str, state: AlarmState, threshold: f64, value: f64) -> Self {
        let status = AlarmStatus { state, threshold: Some(threshold), value: Some(value), since: None };
        self.0.alarms.insert(name.into(), status);
        self
    }

    pub(super) fn queue(mut self, name: &str, depth: QueueDepth) -> Self {
        self.0.queues.insert(name.into(), depth);
        self
    }
}

/// Decides on a service that nothing is remembered of.
pub(super) fn decide_fresh(target: &ScalableTarget, seen: &Seen) -> Decision {
    decide(target, &seen.0, Memory::default())
}

/// A service whose looks follow one another: what was decided is in effect at the next look, and its tasks run at once unless
/// `pending` says that they start.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) target: ScalableTarget,
    pub(super) memory: Memory,
    pub(super) desired: TaskCount,
}

impl Run {
    pub(super) fn new(target: ScalableTarget, desired: TaskCount) -> Self {
        Self { target, memory: Memory::default(), desired }
    }

    /// Looks at a second, with everything desired running.
    pub(super) fn look(&mut self, second: i64, fill: impl FnOnce(Seen) -> Seen) -> TaskCount {
        self.look_at(second, self.desired, fill).to
    }

    /// Looks at a second, with so many tasks running and the rest starting.
    pub(super) fn look_at(
        &mut self,
        second: i64,
        running: TaskCount,
        fill: impl FnOnce(Seen) -> Seen,
    ) -> Decision {
        let pending = self.desired.saturating_sub(running);
        let service = ServiceStatus { running, pending, ..ServiceStatus::steady(self.desired) };
        let seen = fill(seen(after(second), service));
        let decision = decide(&self.target, &seen.0, self.memory.clone());
        self.memory = decision.memory.clone();
        self.desired = decision.to;
        decision
    }
}
