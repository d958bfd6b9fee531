//! Scaling policies of the policy file as those of the model, with the rules that bind their keys together.

use std::time::Duration;

use super::document::policy::{
    AdjustmentTypeDoc, MetricAggregationDoc, PolicyDoc, QueueDoc, ServiceLevelDoc, StepDoc, StepScalingDoc,
    TargetTrackingDoc,
};
use super::entry::{CLUSTER, SERVICE};
use super::metrics::{self, LOAD_BALANCERS};
use super::path::Path;
use super::report::Report;
use super::scalar::OneOrMore;
use super::steps;
use super::validate::{at_most_a_day, on_missing_metrics};
use crate::model::MetricStat;
use crate::model::duration::format_duration;
use crate::model::policy::{
    AdjustmentType, MetricAggregation, PolicyKind, QueueGoal, QueuePolicy, QueueRef, ScalingPolicy,
    ServiceLevel, StepAdjustment, StepScaling, TargetTracking,
};

/// The policy at `path`. Its name may be that of another policy, too.
pub(super) fn policy(report: &mut Report<'_>, path: &Path, doc: PolicyDoc) -> Option<ScalingPolicy> {
    let path = path.key(doc.key());
    let given_name = doc.name().map(str::to_owned);
    let without_data = doc.on_missing_metrics();
    let on_missing_metrics =
        without_data.map(|doc| on_missing_metrics(report, &path.key("on_missing_metrics"), doc));
    let (own_name, kind) = match doc {
        PolicyDoc::TargetTracking(doc) => {
            let policy = target_tracking(report, &path, doc)?;
            (format!("target_tracking({})", policy.metric.key), PolicyKind::TargetTracking(policy))
        }
        PolicyDoc::StepScaling(doc) => {
            let policy = step_scaling(report, &path, doc);
            (format!("step_scaling({})", policy.alarm), PolicyKind::StepScaling(policy))
        }
        PolicyDoc::Queue(doc) => {
            let policy = queue(report, &path, doc)?;
            let names: Vec<&str> = policy.queues.iter().map(|queue| queue.name.as_str()).collect();
            (format!("queue({})", names.join(",")), PolicyKind::Queue(policy))
        }
        PolicyDoc::ServiceLevel(doc) => {
            let policy = service_level(report, &path, &doc);
            let name = format!("service_level({} {}%)", format_duration(policy.latency), policy.percent);
            (name, PolicyKind::ServiceLevel(policy))
        }
    };
    Some(ScalingPolicy { name: given_name.unwrap_or(own_name).into(), kind, on_missing_metrics })
}

fn target_tracking(report: &mut Report<'_>, path: &Path, doc: TargetTrackingDoc) -> Option<TargetTracking> {
    above_zero(report, &path.key("target"), doc.target);
    let scale_out_within = points(report, path, "scale_out", doc.scale_out_after, doc.scale_out_within);
    let scale_in_within = points(report, path, "scale_in", doc.scale_in_after, doc.scale_in_within);
    at_most_a_day(report, &path.key("scale_out_cooldown"), doc.scale_out_cooldown);
    at_most_a_day(report, &path.key("scale_in_cooldown"), doc.scale_in_cooldown);
    Some(TargetTracking {
        metric: metrics::metric(report, path, doc.metric, doc.resource_label.as_deref())?,
        target: doc.target,
        scale_out_after: doc.scale_out_after,
        scale_out_within,
        scale_in_after: doc.scale_in_after,
        scale_in_within,
        scale_out_cooldown: doc.scale_out_cooldown.0,
        scale_in_cooldown: doc.scale_in_cooldown.0,
        disable_scale_in: doc.disable_scale_in,
    })
}

/// Checks how many points of a direction must be beyond the target, and tells among how many.
fn points(report: &mut Report<'_>, path: &Path, direction: &str, after: u32, within: Option<u32>) -> u32 {
    const MOST: u32 = 60;
    let key = format!("{direction}_after");
    if !(1..=MOST).contains(&after) {
        report.wrong(&path.key(&key), format!("is {after}; it must be from 1 to {MOST} points"));
    } else if let Some(within) = within.filter(|within| !(after..=MOST).contains(within)) {
        let message = format!("is {within}; it must be from {key}, {after}, to {MOST} points");
        report.wrong(&path.key(&format!("{direction}_within")), message);
    }
    within.unwrap_or(after)
}

fn above_zero(report: &mut Report<'_>, path: &Path, value: f64) {
    if value <= 0.0 {
        report.wrong(path, format!("is {value}; it must be above 0"));
    }
}

fn step_scaling(report: &mut Report<'_>, path: &Path, doc: StepScalingDoc) -> StepScaling {
    if doc.alarm.is_empty() {
        report.wrong(&path.key("alarm"), "is empty; write the alarm's name");
    }
    at_most_a_day(report, &path.key("cooldown"), doc.cooldown);
    steps::check(report, &path.key("steps"), &doc.steps, doc.adjustment_type);
    let mut steps: Vec<StepAdjustment> = doc.steps.into_iter().map(step).collect();
    steps.sort_by(|a, b| steps::lower(a.lower).total_cmp(&steps::lower(b.lower)));
    StepScaling {
        alarm: doc.alarm.into(),
        adjustment_type: match doc.adjustment_type {
            AdjustmentTypeDoc::ChangeInCapacity => AdjustmentType::ChangeInCapacity,
            AdjustmentTypeDoc::PercentChangeInCapacity => AdjustmentType::PercentChangeInCapacity,
            AdjustmentTypeDoc::ExactCapacity => AdjustmentType::ExactCapacity,
        },
        min_adjustment_magnitude: doc.min_adjustment_magnitude,
        metric_aggregation: match doc.metric_aggregation {
            MetricAggregationDoc::Average => MetricAggregation::Average,
            MetricAggregationDoc::Minimum => MetricAggregation::Minimum,
            MetricAggregationDoc::Maximum => MetricAggregation::Maximum,
        },
        cooldown: doc.cooldown.0,
        steps,
    }
}

fn step(doc: StepDoc) -> StepAdjustment {
    StepAdjustment { lower: doc.lower, upper: doc.upper, change: doc.change }
}

fn queue(report: &mut Report<'_>, path: &Path, doc: QueueDoc) -> Option<QueuePolicy> {
    at_most_a_day(report, &path.key("idle_for"), doc.idle_for);
    let goal = match (doc.start_within, doc.backlog_per_task) {
        (Some(within), None) => {
            if within.0 == Duration::ZERO {
                report.wrong(&path.key("start_within"), "is 0s; it must be longer");
            }
            Some(QueueGoal::StartWithin(within.0))
        }
        (None, Some(backlog)) => {
            above_zero(report, &path.key("backlog_per_task"), backlog);
            Some(QueueGoal::BacklogPerTask(backlog))
        }
        (None, None) => {
            report.wrong(path, "needs either \"start_within\" or \"backlog_per_task\"");
            None
        }
        (Some(_), Some(_)) => {
            report.wrong(path, "has both \"start_within\" and \"backlog_per_task\"; keep one of them");
            None
        }
    };
    let path = path.key("queue");
    let references = match doc.queue {
        OneOrMore::One(reference) => vec![(path, reference)],
        OneOrMore::More(list) => {
            if list.is_empty() {
                report.wrong(&path, "is empty; name a queue");
            }
            list.into_iter().enumerate().map(|(i, reference)| (path.index(i), reference)).collect()
        }
    };
    let queues =
        references.into_iter().filter_map(|(path, reference)| queue_ref(report, &path, reference)).collect();
    Some(QueuePolicy {
        queues,
        goal: goal?,
        count_in_flight: doc.count_in_flight,
        count_delayed: doc.count_delayed,
        activation: doc.activation,
        idle_for: doc.idle_for.0,
    })
}

fn queue_ref(report: &mut Report<'_>, path: &Path, reference: String) -> Option<QueueRef> {
    if !metrics::check_placeholders(report, path, &reference) {
        return None;
    }
    let Some(name) = queue_name(&reference).map(str::to_owned) else {
        let hint = "write its URL, its ARN or its name: letters, digits, - and _, 80 at most, and .fifo at the end of a \
                    FIFO queue's name";
        report.wrong_but(path, format!("{reference:?} is not an SQS queue"), hint);
        return None;
    };
    let sent = metrics::of_queue(&name, "NumberOfMessagesSent");
    let deleted = metrics::of_queue(&name, "NumberOfMessagesDeleted");
    Some(QueueRef { name, reference, sent, deleted })
}

/// The queue's name, by SQS's rules, of its URL, ARN or name.
fn queue_name(reference: &str) -> Option<&str> {
    let name = if let Some((_, path)) = reference.split_once("://") {
        let is_web = reference.starts_with("https://") || reference.starts_with("http://");
        path.rsplit_once('/').map(|(_, name)| name).filter(|_| is_web)?
    } else if reference.starts_with("arn:") {
        let parts: Vec<&str> = reference.split(':').collect();
        match *parts.as_slice() {
            ["arn", _, "sqs", region, account, name] if !region.is_empty() && !account.is_empty() => name,
            _ => return None,
        }
    } else {
        reference
    };
    let plain = name.strip_suffix(".fifo").unwrap_or(name).replace(CLUSTER, "c").replace(SERVICE, "s");
    let is_name =
        !plain.is_empty() && plain.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    (is_name && plain.len() <= 80).then_some(name)
}

fn service_level(report: &mut Report<'_>, path: &Path, doc: &ServiceLevelDoc) -> ServiceLevel {
    if !metrics::is_load_balancer(&doc.load_balancer) {
        let message = format!("{:?} is not a load balancer", doc.load_balancer);
        report.wrong_but(&path.key("load_balancer"), message, "write app/<name>/<id>, the end of its ARN");
    }
    if let Some(group) = doc.target_group.as_deref().filter(|group| !metrics::is_target_group(group)) {
        let message = format!("{group:?} is not a target group");
        report.wrong_but(
            &path.key("target_group"),
            message,
            "write targetgroup/<name>/<id>, the end of its ARN",
        );
    }
    let latency = doc.latency.0;
    if latency == Duration::ZERO {
        report.wrong(&path.key("latency"), "is 0s; it must be longer");
    }
    if doc.percent <= 0.0 || 100.0 <= doc.percent {
        report.wrong(&path.key("percent"), format!("is {}; it must be above 0 and below 100", doc.percent));
    }
    let balancer = [("LoadBalancer", doc.load_balancer.as_str())];
    let dimensions =
        || balancer.into_iter().chain(doc.target_group.as_deref().map(|group| ("TargetGroup", group)));
    let stat = format!("PR(:{})", latency.as_secs_f64());
    let requests = MetricStat::new(LOAD_BALANCERS, "RequestCount", dimensions(), "Sum");
    let within = MetricStat::new(LOAD_BALANCERS, "TargetResponseTime", dimensions(), &stat);
    ServiceLevel {
        requests: metrics::a_minute("RequestCount".to_owned(), requests, true),
        within: metrics::a_minute(format!("TargetResponseTime.{stat}"), within, false),
        utilization: metrics::cpu_utilization(),
        latency,
        percent: doc.percent,
    }
}
