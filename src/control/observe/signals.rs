//! Alarms and metrics. Alarms come first, because one in ALARM adds its metric to those asked for: what CloudWatch keeps
//! with the alarm is the value of its last transition.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::control::answer::AnswerError;
use crate::control::controller::Ports;
use crate::control::ports::{ALARMS_PER_DESCRIBE, AlarmDescription, MetricQuery, PortError, QUERIES_PER_GET};
use crate::control::side_by_side::in_order;
use crate::control::targets::listed;
use crate::model::duration::elapsed;
use crate::model::policy::{MetricAggregation, PolicyKind, ScalingPolicy};
use crate::model::{AlarmState, AlarmStatus, Metric, MetricSource, Point, ScalableTarget, ServiceId};

use super::{Found, unobserved};

/// Points beyond those that target tracking or an alarm counts: the newest are not visible yet, and one may be missing.
const SPARE_POINTS: u32 = 3;
/// Points that show whether a service may be left alone, at no price: what is paid for is the metric.
const RECENT_POINTS: u32 = 15;
/// Points for policies that learn and look ahead: enough for a trend, and to miss no minute where looks failed for a while.
const LEARNING_POINTS: u32 = 30;

/// What was seen in CloudWatch.
#[derive(Debug)]
pub(super) struct Signals {
    alarms: BTreeMap<String, AlarmDescription>,
    points: BTreeMap<Series, Vec<Point>>,
    /// Where it could not be seen.
    pub(super) errors: Vec<AnswerError>,
}

/// What makes two metrics the same: what is asked for, by the same period.
pub(super) type Series = (MetricSource, Duration);

/// What is asked for, how many points of it, and for whom.
type Queries<'a> = BTreeMap<Series, (u32, BTreeSet<&'a ServiceId>)>;

impl Signals {
    /// The alarms that the targets' policies are called by, and no metric yet.
    pub(super) async fn of_alarms(ports: &Ports, targets: &[&ScalableTarget]) -> Self {
        let Found { found: alarms, errors } = describe_alarms(ports, targets).await;
        Self { alarms, points: BTreeMap::new(), errors }
    }

    /// Gets the points that the targets' policies go by, and those of their alarms in ALARM.
    pub(super) async fn observe_metrics(
        &mut self,
        ports: &Ports,
        targets: &[&ScalableTarget],
        now: Timestamp,
    ) {
        let mut queries = Queries::new();
        for target in targets {
            for policy in &target.policies {
                for metric in policy.metrics() {
                    let series = (metric.source.clone(), metric.period);
                    ask(&mut queries, series, recent_points(policy, metric), [&target.service]);
                }
            }
        }
        for (name, users) in alarm_users(targets) {
            let Some(alarm) = self.alarms.get(name) else { continue };
            if let Some(series) = alarm_series(alarm) {
                ask(&mut queries, series, alarm.evaluation_periods.saturating_add(SPARE_POINTS), users);
            }
        }
        let metrics = get_metrics(ports, queries, now).await;
        self.points.extend(metrics.found);
        self.errors.extend(metrics.errors);
    }

    /// The points of a metric, oldest first, where they were seen.
    pub(super) fn points(&self, source: &MetricSource, period: Duration) -> Option<&[Point]> {
        self.points.get(&(source.clone(), period)).map(Vec::as_slice)
    }

    /// An alarm where it was seen, with the value of its metric over its newest periods while it is in ALARM.
    pub(super) fn alarm(&self, name: &str, aggregation: MetricAggregation) -> Option<AlarmStatus> {
        let alarm = self.alarms.get(name)?;
        let points = alarm_series(alarm).and_then(|(source, period)| self.points(&source, period));
        let value = points.and_then(|points| aggregated(points, alarm, aggregation));
        Some(AlarmStatus { value: value.or(alarm.status.value), ..alarm.status })
    }
}

/// The metric to read for an alarm: none unless it is in ALARM, since only then does its value decide.
fn alarm_series(alarm: &AlarmDescription) -> Option<Series> {
    let metric = alarm.metric.as_ref().filter(|_| alarm.status.state == AlarmState::Alarm)?;
    Some((metric.clone(), alarm.period))
}

/// The aggregate of the newest points that the alarm evaluates. A gap ends them: what is before it is of another time.
fn aggregated(points: &[Point], alarm: &AlarmDescription, aggregation: MetricAggregation) -> Option<f64> {
    let newest = points.last()?;
    let adjoining = points
        .iter()
        .rev()
        .zip(0..alarm.evaluation_periods.max(1))
        .take_while(|(point, age)| elapsed(point.start, newest.start) == alarm.period.saturating_mul(*age))
        .map(|(point, _)| point.value);
    match aggregation {
        MetricAggregation::Average => {
            let (sum, count) = adjoining.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            Some(sum / count)
        }
        MetricAggregation::Minimum => adjoining.reduce(f64::min),
        MetricAggregation::Maximum => adjoining.reduce(f64::max),
    }
}

/// How many of the newest points of a metric a look sees.
pub(crate) fn recent_points(policy: &ScalingPolicy, metric: &Metric) -> u32 {
    points_for(policy).saturating_add(points_left_out(metric))
}

fn points_for(policy: &ScalingPolicy) -> u32 {
    match &policy.kind {
        PolicyKind::TargetTracking(policy) => policy
            .scale_out_within
            .max(policy.scale_in_within)
            .saturating_add(SPARE_POINTS)
            .max(RECENT_POINTS),
        PolicyKind::StepScaling(_) => 0, // what its alarm watches is asked for with the alarm
        PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => LEARNING_POINTS,
    }
}

/// How many of the newest points the metric's offset leaves out.
fn points_left_out(metric: &Metric) -> u32 {
    let points = metric.offset.as_millis().div_ceil(metric.period.as_millis().max(1));
    u32::try_from(points).unwrap_or(u32::MAX)
}

fn ask<'a>(
    queries: &mut Queries<'a>,
    series: Series,
    points: u32,
    users: impl IntoIterator<Item = &'a ServiceId>,
) {
    let (most_points, all_users) = queries.entry(series).or_default();
    *most_points = points.max(*most_points);
    all_users.extend(users);
}

fn alarm_users<'a>(targets: &[&'a ScalableTarget]) -> BTreeMap<&'a str, BTreeSet<&'a ServiceId>> {
    let mut users: BTreeMap<&str, BTreeSet<&ServiceId>> = BTreeMap::new();
    for target in targets {
        for policy in &target.policies {
            if let PolicyKind::StepScaling(step) = &policy.kind {
                users.entry(&step.alarm).or_default().insert(&target.service);
            }
        }
    }
    users
}

async fn describe_alarms(ports: &Ports, targets: &[&ScalableTarget]) -> Found<String, AlarmDescription> {
    let users = alarm_users(targets);
    let names: Vec<String> = users.keys().map(|name| (*name).to_owned()).collect();
    let batches: Vec<Vec<String>> = names.chunks(ALARMS_PER_DESCRIBE).map(<[String]>::to_vec).collect();
    let calls = batches.into_iter().map(|batch| async move {
        let answer = ports.cloudwatch.describe_alarms(&batch).await;
        (batch, answer)
    });
    let answers = in_order(calls.collect()).await;
    let mut alarms = Found::default();
    for (batch, answer) in answers {
        let users_of = |name: &String| users.get(name.as_str()).cloned().unwrap_or_default();
        match answer {
            Ok(mut described) => {
                for name in batch {
                    match described.remove(&name) {
                        Some(alarm) => {
                            alarms.found.insert(name, alarm);
                        }
                        None => alarms.errors.push(unobserved(
                            &format!("the alarm {name}"),
                            &users_of(&name),
                            &MISSING_ALARM,
                        )),
                    }
                }
            }
            Err(error) => {
                let users = batch.iter().flat_map(users_of).collect();
                let what = format!("the state of {} ({})", counted(batch.len(), "alarm"), listed(&batch));
                alarms.errors.push(unobserved(&what, &users, &error));
            }
        }
    }
    alarms
}

const MISSING_ALARM: &str =
    "CloudWatch has no alarm of this name; create it, or correct the step_scaling policy's `alarm`";

async fn get_metrics(ports: &Ports, queries: Queries<'_>, now: Timestamp) -> Found<Series, Vec<Point>> {
    let queries: Vec<(MetricQuery, BTreeSet<&ServiceId>)> = queries
        .into_iter()
        .map(|((source, period), (points, users))| (MetricQuery { source, period, points }, users))
        .collect();
    let calls = queries.chunks(QUERIES_PER_GET).map(|batch| async move {
        let asked: Vec<MetricQuery> = batch.iter().map(|(query, _)| query.clone()).collect();
        (batch, ports.cloudwatch.get_metric_data(&asked, now).await)
    });
    let answers = in_order(calls.collect()).await;
    let mut metrics = Found::default();
    for (batch, answer) in answers {
        match answer {
            Ok(results) => take_results(&mut metrics, batch, results),
            Err(error) => {
                let users = batch.iter().flat_map(|(_, users)| users.iter().copied()).collect();
                metrics.errors.push(unobserved(&counted(batch.len(), "metric"), &users, &error));
            }
        }
    }
    metrics
}

fn take_results(
    metrics: &mut Found<Series, Vec<Point>>,
    batch: &[(MetricQuery, BTreeSet<&ServiceId>)],
    results: Vec<Result<Vec<Point>, PortError>>,
) {
    let mut results = results.into_iter();
    for (query, users) in batch {
        let what = || format!("the metric {}", in_words(&query.source));
        match results.next() {
            Some(Ok(points)) => {
                metrics.found.insert((query.source.clone(), query.period), points);
            }
            Some(Err(error)) => metrics.errors.push(unobserved(&what(), users, &error)),
            None => metrics.errors.push(unobserved(
                &what(),
                users,
                &"cloudwatch:GetMetricData said nothing of it",
            )),
        }
    }
}

pub(super) fn in_words(source: &MetricSource) -> String {
    match source {
        MetricSource::Stat(stat) => format!("{} {} of {}", stat.stat, stat.name, stat.namespace),
        MetricSource::Math(terms) => {
            let result = terms.iter().find(|term| term.return_data).map(|term| term.id.as_str());
            format!("math {}", result.unwrap_or_default())
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("one {noun}") } else { format!("{count} {noun}s") }
}
