//! Which metrics tell a service's past, by its policies.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{Interval, LoadUnit, MINUTE};
use crate::model::policy::{PolicyKind, QueuePolicy, ServiceLevel};
use crate::model::{Metric, MetricSource, MetricStat, Point, ScalableTarget};

/// The namespace of Container Insights, where it is turned on for a cluster; its metrics cost money.
const CONTAINER_INSIGHTS: &str = "ECS/ContainerInsights";

/// The metrics that tell a service's past.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// What the load is counted in.
    pub unit: LoadUnit,
    asked: Vec<(Column, MetricStat)>,
    /// Samples of the utilisation that a task gives in a minute.
    samples_per_task: f64,
}

/// What a metric tells of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Requests,
    Within,
    Sent,
    Deleted,
    Visible,
    OldestAge,
    Cpu,
    CpuSamples,
    Running,
    Desired,
}

impl Sources {
    /// The metrics of a service. Its load is what is sent to the queues of its policies; where it has none, the requests
    /// at the load balancer that a policy names; else running tasks times their utilisation.
    ///
    /// How many tasks ran is told for free by the number of samples of the ECS metric `CPUUtilization` in a minute
    /// (statistic `SampleCount`), and by Container Insights where that is turned on.
    pub fn of(target: &ScalableTarget) -> Self {
        let id = &target.service;
        let ecs = |stat: &str| MetricStat {
            stat: stat.to_owned(),
            ..MetricStat::ecs_service("CPUUtilization", id)
        };
        let insights = |name: &str| MetricStat {
            namespace: CONTAINER_INSIGHTS.to_owned(),
            ..MetricStat::ecs_service(name, id)
        };
        let (unit, mut asked) = load(target);
        asked.extend([
            (Column::Cpu, ecs("Average")),
            (Column::CpuSamples, ecs("SampleCount")),
            (Column::Running, insights("RunningTaskCount")),
            (Column::Desired, insights("DesiredTaskCount")),
        ]);
        Self { unit, asked, samples_per_task: samples_per_task(target) }
    }

    /// The metrics to ask for, by the minute.
    pub fn stats(&self) -> Vec<MetricStat> {
        self.asked.iter().map(|(_, stat)| stat.clone()).collect()
    }

    /// The minutes from `start` until before `end`, of the points of each metric. A count that was not published was zero:
    /// load balancers and queues publish none where nothing happened.
    pub(super) fn intervals(&self, points: &[Vec<Point>], start: Timestamp, end: Timestamp) -> Vec<Interval> {
        let mut minutes = Vec::new();
        let mut cursors: Vec<&[Point]> = points.iter().map(Vec::as_slice).collect();
        let mut at = start;
        while at < end {
            let next = at.saturating_add(MINUTE).unwrap_or(end);
            let mut minute = Seen::default();
            for ((column, _), cursor) in self.asked.iter().zip(&mut cursors) {
                while let Some((point, rest)) = cursor.split_first().filter(|(point, _)| point.start < next) {
                    if at <= point.start {
                        minute.add(*column, point.value);
                    }
                    *cursor = rest;
                }
            }
            minutes.push(minute.interval(at, self));
            at = next;
        }
        minutes
    }
}

/// The values of a minute.
#[derive(Default)]
struct Seen(Vec<(Column, f64)>);

impl Seen {
    fn add(&mut self, column: Column, value: f64) {
        self.0.push((column, value));
    }

    fn sum(&self, column: Column) -> Option<f64> {
        self.values(column).reduce(|sum, value| sum + value)
    }

    fn most(&self, column: Column) -> Option<f64> {
        self.values(column).reduce(f64::max)
    }

    fn values(&self, column: Column) -> impl Iterator<Item = f64> {
        self.0.iter().filter(move |(of, _)| *of == column).map(|(_, value)| *value)
    }

    fn interval(&self, start: Timestamp, sources: &Sources) -> Interval {
        let a_second = |sum: f64| sum / MINUTE.as_secs_f64();
        let cpu = self.most(Column::Cpu);
        let samples = self.most(Column::CpuSamples).map(|samples| samples / sources.samples_per_task);
        let running = self.most(Column::Running).or(samples);
        let rate = match sources.unit {
            LoadUnit::Requests => a_second(self.sum(Column::Requests).unwrap_or(0.0)),
            LoadUnit::Messages => a_second(self.sum(Column::Sent).unwrap_or(0.0)),
            LoadUnit::Work => running.unwrap_or(0.0) * cpu.unwrap_or(0.0) / 100.0,
        };
        let of_queue = |value: Option<f64>| match sources.unit {
            LoadUnit::Messages => Some(value.unwrap_or(0.0)),
            LoadUnit::Requests | LoadUnit::Work => None,
        };
        Interval {
            start,
            rate: rate.max(0.0),
            running: Some(running.unwrap_or(0.0)),
            desired: self.most(Column::Desired),
            cpu,
            within: self.most(Column::Within),
            deleted: of_queue(self.sum(Column::Deleted).map(a_second)),
            visible: of_queue(self.sum(Column::Visible)),
            oldest_age_s: of_queue(self.most(Column::OldestAge)),
        }
    }
}

fn load(target: &ScalableTarget) -> (LoadUnit, Vec<(Column, MetricStat)>) {
    let kinds = || target.policies.iter().map(|policy| &policy.kind);
    let queues: Vec<_> = kinds().filter_map(queue_policy).flat_map(|policy| &policy.queues).collect();
    if !queues.is_empty() {
        let mut seen = BTreeSet::new();
        let each = queues.into_iter().filter(|queue| seen.insert(queue.name.clone()));
        let of_queue = |name: &str| {
            let stat = |column, metric: &str, stat: &str| {
                (column, MetricStat::new("AWS/SQS", metric, [("QueueName", name)], stat))
            };
            [
                stat(Column::Sent, "NumberOfMessagesSent", "Sum"),
                stat(Column::Deleted, "NumberOfMessagesDeleted", "Sum"),
                stat(Column::Visible, "ApproximateNumberOfMessagesVisible", "Average"),
                stat(Column::OldestAge, "ApproximateAgeOfOldestMessage", "Maximum"),
            ]
        };
        return (LoadUnit::Messages, each.flat_map(|queue| of_queue(&queue.name)).collect());
    }
    let level = kinds().find_map(service_level);
    let requests = level.map(|level| &level.requests).or_else(|| kinds().find_map(at_load_balancer));
    let Some(MetricSource::Stat(at_balancer)) = requests.map(|metric| &metric.source) else {
        return (LoadUnit::Work, Vec::new());
    };
    let count = MetricStat { name: "RequestCount".to_owned(), stat: "Sum".to_owned(), ..at_balancer.clone() };
    let mut asked = vec![(Column::Requests, count)];
    if let Some(MetricSource::Stat(within)) = level.map(|level| &level.within.source) {
        asked.push((Column::Within, within.clone()));
    }
    (LoadUnit::Requests, asked)
}

fn queue_policy(kind: &PolicyKind) -> Option<&QueuePolicy> {
    match kind {
        PolicyKind::Queue(policy) => Some(policy),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) | PolicyKind::ServiceLevel(_) => None,
    }
}

fn service_level(kind: &PolicyKind) -> Option<&ServiceLevel> {
    match kind {
        PolicyKind::ServiceLevel(level) => Some(level),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) | PolicyKind::Queue(_) => None,
    }
}

/// A metric of a load balancer that a policy tracks.
fn at_load_balancer(kind: &PolicyKind) -> Option<&Metric> {
    let PolicyKind::TargetTracking(policy) = kind else { return None };
    let MetricSource::Stat(stat) = &policy.metric.source else { return None };
    stat.dimensions.contains_key("LoadBalancer").then_some(&policy.metric)
}

/// A service that publishes its utilisation every 20 seconds, as one must whose policy tracks it so, gives three samples
/// a minute for each task; all others give one.
fn samples_per_task(target: &ScalableTarget) -> f64 {
    const HIGH_RESOLUTION: Duration = Duration::from_secs(20);
    let is_high = |metric: &Metric| metric.period == HIGH_RESOLUTION;
    if target.policies.iter().flat_map(|policy| policy.metrics()).any(is_high) { 3.0 } else { 1.0 }
}
