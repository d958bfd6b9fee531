//! Scaling policies as a document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::scalar::{DimensionsDoc, DurationDoc, MetricDoc, OneOrMore};
use super::OnMissingMetricsDoc;
use crate::model::TaskCount;

/// A rule that recommends a count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum PolicyDoc {
    /// Keeps a metric at a target value.
    TargetTracking(TargetTrackingDoc),
    /// Answers an alarm's breach with a step by its size.
    StepScaling(StepScalingDoc),
    /// Follows the depth of SQS queues.
    Queue(QueueDoc),
    /// Keeps the latency promise of a service behind a load balancer.
    ServiceLevel(ServiceLevelDoc),
}

impl PolicyDoc {
    /// The key under which its settings are.
    pub(in crate::config) fn key(&self) -> &'static str {
        match self {
            Self::TargetTracking(_) => "target_tracking",
            Self::StepScaling(_) => "step_scaling",
            Self::Queue(_) => "queue",
            Self::ServiceLevel(_) => "service_level",
        }
    }

    /// The name that it is given.
    pub(in crate::config) fn name(&self) -> Option<&str> {
        match self {
            Self::TargetTracking(policy) => policy.name.as_deref(),
            Self::StepScaling(policy) => policy.name.as_deref(),
            Self::Queue(policy) => policy.name.as_deref(),
            Self::ServiceLevel(policy) => policy.name.as_deref(),
        }
    }

    /// What it asks for without data, where it says so itself.
    pub(in crate::config) fn on_missing_metrics(&self) -> Option<OnMissingMetricsDoc> {
        match self {
            Self::TargetTracking(policy) => policy.on_missing_metrics,
            Self::StepScaling(policy) => policy.on_missing_metrics,
            Self::Queue(policy) => policy.on_missing_metrics,
            Self::ServiceLevel(policy) => policy.on_missing_metrics,
        }
    }
}

/// `TargetTrackingScalingPolicyConfiguration` of Application Auto Scaling.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TargetTrackingDoc {
    /// A name of your own, for reasons and the formula of `combine`: letters, digits and underscores.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"), length(max = 64))]
    pub(in crate::config) name: Option<String>,
    /// The metric; it must fall as tasks are added.
    pub(in crate::config) metric: MetricDoc,
    /// For `ALBRequestCountPerTarget`: the load balancer and target group, as the ends of their ARNs.
    #[schemars(example = "app/my-alb/778d41231b141a0f/targetgroup/my-tg/943f017f100becff")]
    pub(in crate::config) resource_label: Option<String>,
    /// The value to keep the metric at, in its unit.
    pub(in crate::config) target: f64,
    /// Points beyond the target before a scale-out.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 60))]
    pub(in crate::config) scale_out_after: u32,
    /// The newest points among which `scale_out_after` must be. Default: as many, so consecutive ones.
    #[schemars(range(min = 1, max = 60))]
    pub(in crate::config) scale_out_within: Option<u32>,
    /// Points under the target before a scale-in; a missing point starts the count again.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 60))]
    pub(in crate::config) scale_in_after: u32,
    /// The newest points among which `scale_in_after` must be. Default: as many, so consecutive ones.
    #[schemars(range(min = 1, max = 60))]
    pub(in crate::config) scale_in_within: Option<u32>,
    /// Time after a scale-out in which only a larger one goes through.
    #[serde(default = "no_time")]
    pub(in crate::config) scale_out_cooldown: DurationDoc,
    /// Time after a scale-in without another one.
    #[serde(default = "super::a_minute")]
    pub(in crate::config) scale_in_cooldown: DurationDoc,
    /// The policy never asks for fewer tasks.
    #[serde(default)]
    pub(in crate::config) disable_scale_in: bool,
    /// What the policy asks for without data. Default: what the service entry says.
    pub(in crate::config) on_missing_metrics: Option<OnMissingMetricsDoc>,
}

/// Metrics that Application Auto Scaling has names for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(in crate::config) enum PredefinedMetric {
    /// `CPUUtilization` of the service, in per cent of what is reserved.
    ECSServiceAverageCPUUtilization,
    /// `MemoryUtilization` of the service, in per cent of what is reserved.
    ECSServiceAverageMemoryUtilization,
    /// The same as without `HighResolution`, every 20 seconds; the service must publish it.
    ECSServiceAverageCPUUtilizationHighResolution,
    /// The same as without `HighResolution`, every 20 seconds; the service must publish it.
    ECSServiceAverageMemoryUtilizationHighResolution,
    /// Requests a minute for each target of the target group.
    ALBRequestCountPerTarget,
}

/// A `CloudWatch` metric by `namespace`, `name`, `dimensions` and `stat`; or metric math by `metrics`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct CustomMetricDoc {
    /// The namespace, as in `MyApp`.
    pub(in crate::config) namespace: Option<String>,
    /// The metric's name. For metric math, a name of your own for the result.
    pub(in crate::config) name: Option<String>,
    /// The dimensions; `{cluster}` and `{service}` in values stand for the service's names.
    pub(in crate::config) dimensions: Option<DimensionsDoc>,
    /// The statistic. Default: `Average`.
    pub(in crate::config) stat: Option<String>,
    /// The length of a period: 10, 20 or 30 seconds, or whole minutes.
    #[serde(default = "super::a_minute")]
    pub(in crate::config) period: DurationDoc,
    /// Points whose period ended less than this ago are not used, for a metric whose newest point is incomplete; an hour
    /// at most.
    #[serde(default = "no_time")]
    pub(in crate::config) offset: DurationDoc,
    /// Metric math: the Metrics list of Application Auto Scaling, with one entry that returns data.
    #[schemars(length(min = 1, max = 10))]
    pub(in crate::config) metrics: Option<Vec<MetricExpressionDoc>>,
}

/// One entry of metric math: `expression` or `metric_stat`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MetricExpressionDoc {
    /// The name by which expressions refer to it; starts with a lower-case letter.
    #[schemars(regex(pattern = "^[a-z][a-zA-Z0-9_]*$"))]
    pub(in crate::config) id: String,
    /// An expression over other entries, as in `visible / running`.
    pub(in crate::config) expression: Option<String>,
    /// A statistic of a metric.
    pub(in crate::config) metric_stat: Option<MetricStatDoc>,
    /// A name for people.
    pub(in crate::config) label: Option<String>,
    /// Whether its series is the result; true for exactly one entry.
    #[serde(default = "yes")]
    pub(in crate::config) return_data: bool,
}

/// A statistic of a metric in metric math.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MetricStatDoc {
    /// The metric.
    pub(in crate::config) metric: MathMetricDoc,
    /// The statistic, as in `Average`.
    pub(in crate::config) stat: String,
    /// Accepted from policies that are carried over; values of all units are read.
    #[expect(dead_code, reason = "one metric has one unit in practice")]
    pub(in crate::config) unit: Option<String>,
}

/// A metric in metric math.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MathMetricDoc {
    /// The namespace, as in `AWS/SQS`.
    pub(in crate::config) namespace: String,
    /// The metric's name.
    pub(in crate::config) metric_name: String,
    /// The dimensions; `{cluster}` and `{service}` in values stand for the service's names.
    pub(in crate::config) dimensions: Option<DimensionsDoc>,
}

/// `StepScalingPolicyConfiguration` of Application Auto Scaling, with the alarm that starts it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct StepScalingDoc {
    /// A name of your own, for reasons and the formula of `combine`: letters, digits and underscores.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"), length(max = 64))]
    pub(in crate::config) name: Option<String>,
    /// The `CloudWatch` alarm's name.
    pub(in crate::config) alarm: String,
    /// How a step's change is meant.
    #[serde(default = "change_in_capacity")]
    pub(in crate::config) adjustment_type: AdjustmentTypeDoc,
    /// The least change, in tasks, of a step in per cent.
    #[serde(default = "one")]
    pub(in crate::config) min_adjustment_magnitude: TaskCount,
    /// How the points of the alarm's evaluation periods are aggregated into the value that a step is chosen by.
    #[serde(default = "average")]
    pub(in crate::config) metric_aggregation: MetricAggregationDoc,
    /// Time after an activity in which only a larger scale-out goes through.
    #[serde(default = "super::a_minute")]
    pub(in crate::config) cooldown: DurationDoc,
    /// The steps, without gap or overlap, by rising bounds.
    #[schemars(length(min = 1, max = 20))]
    pub(in crate::config) steps: Vec<StepDoc>,
    /// What the policy asks for without data. Default: what the service entry says.
    pub(in crate::config) on_missing_metrics: Option<OnMissingMetricsDoc>,
}

/// How a step's change is meant.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[expect(clippy::enum_variant_names, reason = "the words of Application Auto Scaling")]
pub(in crate::config) enum AdjustmentTypeDoc {
    /// Tasks to add or remove.
    ChangeInCapacity,
    /// Per cent of the count to add or remove.
    PercentChangeInCapacity,
    /// The count itself.
    ExactCapacity,
}

/// How points are aggregated.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(in crate::config) enum MetricAggregationDoc {
    /// The mean.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
}

/// One step. Bounds are relative to the alarm's threshold, in the metric's unit.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct StepDoc {
    /// The lower bound; left out, there is none.
    pub(in crate::config) lower: Option<f64>,
    /// The upper bound; left out, there is none.
    pub(in crate::config) upper: Option<f64>,
    /// Tasks, per cent or the count, by the adjustment type.
    pub(in crate::config) change: i32,
}

/// Follows the depth of SQS queues. Give either `start_within` or `backlog_per_task`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct QueueDoc {
    /// A name of your own, for reasons and the formula of `combine`: letters, digits and underscores.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"), length(max = 64))]
    pub(in crate::config) name: Option<String>,
    /// The queue's URL, ARN or name; a list adds up. `{cluster}` and `{service}` stand for the service's names.
    pub(in crate::config) queue: OneOrMore,
    /// A message starts within this of its arrival.
    pub(in crate::config) start_within: Option<DurationDoc>,
    /// So many messages a task.
    pub(in crate::config) backlog_per_task: Option<f64>,
    /// Messages being worked on count, and hold their tasks.
    #[serde(default = "yes")]
    pub(in crate::config) count_in_flight: bool,
    /// Delayed messages count.
    #[serde(default)]
    pub(in crate::config) count_delayed: bool,
    /// More messages than this leave zero.
    #[serde(default)]
    pub(in crate::config) activation: u64,
    /// The queues must be empty for this long before the last task goes.
    #[serde(default = "super::five_minutes")]
    pub(in crate::config) idle_for: DurationDoc,
    /// What the policy asks for without data. Default: what the service entry says.
    pub(in crate::config) on_missing_metrics: Option<OnMissingMetricsDoc>,
}

/// Keeps the latency promise of a service behind a load balancer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ServiceLevelDoc {
    /// A name of your own, for reasons and the formula of `combine`: letters, digits and underscores.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"), length(max = 64))]
    pub(in crate::config) name: Option<String>,
    /// The load balancer, as the end of its ARN.
    #[schemars(example = "app/my-alb/778d41231b141a0f")]
    pub(in crate::config) load_balancer: String,
    /// The target group, as the end of its ARN, where the load balancer has several.
    #[schemars(example = "targetgroup/my-tg/943f017f100becff")]
    pub(in crate::config) target_group: Option<String>,
    /// The `TargetResponseTime` that a request may take.
    pub(in crate::config) latency: DurationDoc,
    /// The share of requests that must stay within it, in per cent; above 0, below 100.
    pub(in crate::config) percent: f64,
    /// What the policy asks for without data. Default: what the service entry says.
    pub(in crate::config) on_missing_metrics: Option<OnMissingMetricsDoc>,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn five() -> u32 {
    5
}

fn no_time() -> DurationDoc {
    DurationDoc::from_secs(0)
}

fn change_in_capacity() -> AdjustmentTypeDoc {
    AdjustmentTypeDoc::ChangeInCapacity
}

fn average() -> MetricAggregationDoc {
    MetricAggregationDoc::Average
}
