//! The policy file as a document: the keys that people write, their defaults and their descriptions, from which the
//! JSON Schema is generated. What the keys mean together is checked elsewhere.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scalar::{DimensionsDoc, DurationDoc, MetricDoc, OneOrMore};
use crate::model::TaskCount;

/// A trimtab policy file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentDoc {
    /// The version of the file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub(super) version: u32,
    /// Keys that service entries have in common; an entry that has the key itself overrides it.
    #[schemars(with = "Option<DefaultsDoc>")]
    #[expect(dead_code, reason = "entries are read one by one, with their positions")]
    pub(super) defaults: Option<BTreeMap<String, Value>>,
    /// The services under trimtab.
    #[schemars(with = "Vec<ServiceDoc>")]
    pub(super) services: Vec<Value>,
}

/// An ECS service, or several by a glob, and how it is scaled.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServiceDoc {
    /// `cluster/service`, or a glob: `prod/worker-*`, `*/api`. A `*` does not cross the slash.
    #[schemars(required, example = "prod/checkout")]
    pub(super) service: Option<String>,
    /// Services, or globs of services, that the entry leaves to others.
    pub(super) except: Option<Vec<String>>,
    /// Whether decisions are carried out. Default: `active`.
    pub(super) mode: Option<ModeDoc>,
    /// The bounds of the desired count.
    pub(super) capacity: Option<CapacityDoc>,
    /// The highest recommendation wins; scale-in needs all of them to agree.
    #[schemars(with = "Option<Vec<PolicyDoc>>")]
    pub(super) policies: Option<Vec<Option<PolicyDoc>>>,
    /// A forecast that raises the lower bound.
    pub(super) predictive: Option<PredictiveDoc>,
    /// Scheduled actions: bounds that hold from a time on.
    #[schemars(with = "Option<Vec<ScheduleDoc>>")]
    pub(super) schedules: Option<Vec<Option<ScheduleDoc>>>,
    /// Windows: bounds that hold from a time to another, then the former ones again.
    #[schemars(with = "Option<Vec<WindowDoc>>")]
    pub(super) windows: Option<Vec<Option<WindowDoc>>>,
    /// A task this young does not count in utilisation yet. Default: `0s`.
    pub(super) warm_up: Option<DurationDoc>,
    /// Tolerance, stabilisation and rate limits by direction, as Kubernetes HPA v2's `behavior`.
    pub(super) behavior: Option<BehaviorDoc>,
    /// What a policy without data asks for. Default: `hold`.
    pub(super) on_missing_metrics: Option<OnMissingMetricsDoc>,
    /// What a deployment in progress forbids. Default: `no_scale_in`.
    pub(super) during_deployment: Option<DuringDeploymentDoc>,
    /// What to do where Application Auto Scaling has the service registered as well. Default: `refuse`.
    pub(super) aas: Option<AasDoc>,
}

/// Any key of a service entry but `service`.
struct DefaultsDoc;

impl JsonSchema for DefaultsDoc {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DefaultsDoc".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ServiceDoc::json_schema(generator);
        schema.remove("required");
        schema.insert("description".to_owned(), "Any key of a service entry but `service`.".into());
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.remove("service");
        }
        schema
    }
}

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModeDoc {
    /// Decide, and set the desired count.
    Active,
    /// Decide and report, never set the desired count.
    Shadow,
    /// Report only that the service is paused.
    Paused,
}

/// Bounds of the desired count, in tasks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CapacityDoc {
    /// The lower bound; 0 allows scaling to zero.
    pub(super) min: TaskCount,
    /// The upper bound.
    pub(super) max: TaskCount,
}

/// A lower bound, an upper bound, or both, in tasks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartialCapacityDoc {
    /// The lower bound; left out, it stays as it is.
    pub(super) min: Option<TaskCount>,
    /// The upper bound; left out, it stays as it is.
    pub(super) max: Option<TaskCount>,
}

/// A rule that recommends a count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PolicyDoc {
    /// Keeps a metric at a target value.
    TargetTracking(TargetTrackingDoc),
    /// Answers an alarm's breach with a step by its size.
    StepScaling(StepScalingDoc),
    /// Follows the depth of SQS queues.
    Queue(QueueDoc),
    /// Keeps the latency promise of a service behind a load balancer.
    ServiceLevel(ServiceLevelDoc),
}

/// `TargetTrackingScalingPolicyConfiguration` of Application Auto Scaling.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetTrackingDoc {
    /// The metric; it must fall as tasks are added.
    pub(super) metric: MetricDoc,
    /// For `ALBRequestCountPerTarget`: the load balancer and target group, as the ends of their ARNs.
    #[schemars(example = "app/my-alb/778d41231b141a0f/targetgroup/my-tg/943f017f100becff")]
    pub(super) resource_label: Option<String>,
    /// The value to keep the metric at, in its unit.
    pub(super) target: f64,
    /// Consecutive points beyond the target before a scale-out.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 60))]
    pub(super) scale_out_after: u32,
    /// Consecutive points under the target before a scale-in; a missing point starts the count again.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 60))]
    pub(super) scale_in_after: u32,
    /// Time after a scale-out in which only a larger one goes through.
    #[serde(default = "no_time")]
    pub(super) scale_out_cooldown: DurationDoc,
    /// Time after a scale-in without another one.
    #[serde(default = "a_minute")]
    pub(super) scale_in_cooldown: DurationDoc,
    /// The policy never asks for fewer tasks.
    #[serde(default)]
    pub(super) disable_scale_in: bool,
}

/// Metrics that Application Auto Scaling has names for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) enum PredefinedMetric {
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
pub(super) struct CustomMetricDoc {
    /// The namespace, as in `MyApp`.
    pub(super) namespace: Option<String>,
    /// The metric's name. For metric math, a name of your own for the result.
    pub(super) name: Option<String>,
    /// The dimensions; `{cluster}` and `{service}` in values stand for the service's names.
    pub(super) dimensions: Option<DimensionsDoc>,
    /// The statistic. Default: `Average`.
    pub(super) stat: Option<String>,
    /// The length of a period: 10, 20 or 30 seconds, or whole minutes.
    #[serde(default = "a_minute")]
    pub(super) period: DurationDoc,
    /// Metric math: the Metrics list of Application Auto Scaling, with one entry that returns data.
    #[schemars(length(min = 1, max = 10))]
    pub(super) metrics: Option<Vec<MetricExpressionDoc>>,
}

/// One entry of metric math: `expression` or `metric_stat`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricExpressionDoc {
    /// The name by which expressions refer to it; starts with a lower-case letter.
    #[schemars(regex(pattern = "^[a-z][a-zA-Z0-9_]*$"))]
    pub(super) id: String,
    /// An expression over other entries, as in `visible / running`.
    pub(super) expression: Option<String>,
    /// A statistic of a metric.
    pub(super) metric_stat: Option<MetricStatDoc>,
    /// A name for people.
    pub(super) label: Option<String>,
    /// Whether its series is the result; true for exactly one entry.
    #[serde(default = "yes")]
    pub(super) return_data: bool,
}

/// A statistic of a metric in metric math.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricStatDoc {
    /// The metric.
    pub(super) metric: MathMetricDoc,
    /// The statistic, as in `Average`.
    pub(super) stat: String,
    /// Accepted from policies that are carried over; values of all units are read.
    #[expect(dead_code, reason = "one metric has one unit in practice")]
    pub(super) unit: Option<String>,
}

/// A metric in metric math.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MathMetricDoc {
    /// The namespace, as in `AWS/SQS`.
    pub(super) namespace: String,
    /// The metric's name.
    pub(super) metric_name: String,
    /// The dimensions; `{cluster}` and `{service}` in values stand for the service's names.
    pub(super) dimensions: Option<DimensionsDoc>,
}

/// `StepScalingPolicyConfiguration` of Application Auto Scaling, with the alarm that starts it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepScalingDoc {
    /// The `CloudWatch` alarm's name.
    pub(super) alarm: String,
    /// How a step's change is meant.
    #[serde(default = "change_in_capacity")]
    pub(super) adjustment_type: AdjustmentTypeDoc,
    /// The least change, in tasks, of a step in per cent.
    #[serde(default = "one")]
    pub(super) min_adjustment_magnitude: TaskCount,
    /// How points are aggregated into the value that a step is chosen by.
    #[serde(default = "average")]
    pub(super) metric_aggregation: MetricAggregationDoc,
    /// Time after an activity in which only a larger scale-out goes through.
    #[serde(default = "a_minute")]
    pub(super) cooldown: DurationDoc,
    /// The steps, without gap or overlap, by rising bounds.
    #[schemars(length(min = 1, max = 20))]
    pub(super) steps: Vec<StepDoc>,
}

/// How a step's change is meant.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[expect(clippy::enum_variant_names, reason = "the words of Application Auto Scaling")]
pub(super) enum AdjustmentTypeDoc {
    /// Tasks to add or remove.
    ChangeInCapacity,
    /// Per cent of the count to add or remove.
    PercentChangeInCapacity,
    /// The count itself.
    ExactCapacity,
}

/// How points are aggregated.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(super) enum MetricAggregationDoc {
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
pub(super) struct StepDoc {
    /// The lower bound; left out, there is none.
    pub(super) lower: Option<f64>,
    /// The upper bound; left out, there is none.
    pub(super) upper: Option<f64>,
    /// Tasks, per cent or the count, by the adjustment type.
    pub(super) change: i32,
}

/// Follows the depth of SQS queues. Give either `start_within` or `backlog_per_task`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueDoc {
    /// The queue's URL, ARN or name; a list adds up. `{cluster}` and `{service}` stand for the service's names.
    pub(super) queue: OneOrMore,
    /// A message starts within this of its arrival.
    pub(super) start_within: Option<DurationDoc>,
    /// So many messages a task.
    pub(super) backlog_per_task: Option<f64>,
    /// Messages being worked on count, and hold their tasks.
    #[serde(default = "yes")]
    pub(super) count_in_flight: bool,
    /// Delayed messages count.
    #[serde(default)]
    pub(super) count_delayed: bool,
    /// More messages than this leave zero.
    #[serde(default)]
    pub(super) activation: u64,
    /// The queues must be empty for this long before the last task goes.
    #[serde(default = "five_minutes")]
    pub(super) idle_for: DurationDoc,
}

/// Keeps the latency promise of a service behind a load balancer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceLevelDoc {
    /// The load balancer, as the end of its ARN.
    #[schemars(example = "app/my-alb/778d41231b141a0f")]
    pub(super) load_balancer: String,
    /// The target group, as the end of its ARN, where the load balancer has several.
    #[schemars(example = "targetgroup/my-tg/943f017f100becff")]
    pub(super) target_group: Option<String>,
    /// The `TargetResponseTime` that a request may take.
    pub(super) latency: DurationDoc,
    /// The share of requests that must stay within it, in per cent; above 0, below 100.
    pub(super) percent: f64,
}

/// `PredictiveScalingPolicyConfiguration` of Application Auto Scaling.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictiveDoc {
    /// Whether the forecast acts.
    #[serde(default = "forecast_and_scale")]
    pub(super) mode: PredictiveModeDoc,
    /// How long before they are needed tasks are started; less than an hour.
    #[serde(default = "five_minutes")]
    pub(super) scheduling_buffer: DurationDoc,
    /// What happens where the forecast is above the upper bound.
    #[serde(default = "honor_max_capacity")]
    pub(super) max_capacity_breach_behavior: MaxCapacityBreachDoc,
    /// For `IncreaseMaxCapacity`: how far above the forecast the upper bound rises, in per cent. Default: 10.
    #[schemars(range(min = 0, max = 100))]
    pub(super) max_capacity_buffer: Option<u32>,
}

/// Whether the forecast acts.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(super) enum PredictiveModeDoc {
    /// The forecast raises the lower bound.
    ForecastAndScale,
    /// The forecast is reported.
    ForecastOnly,
}

/// What happens where the forecast is above the upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(super) enum MaxCapacityBreachDoc {
    /// The upper bound stands.
    HonorMaxCapacity,
    /// The upper bound rises.
    IncreaseMaxCapacity,
}

/// A scheduled action: bounds that hold from a time on, until another action sets them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleDoc {
    /// The action's name.
    pub(super) name: String,
    /// `cron(0 8 ? * MON-FRI *)`, `rate(1 day)` or `at(2026-12-01T08:00:00)`.
    pub(super) schedule: String,
    /// An IANA name, as in `Europe/Berlin`. Default: UTC.
    pub(super) timezone: Option<String>,
    /// The action does not run before: RFC 3339, as in `2026-12-01T00:00:00Z`.
    #[schemars(extend("format" = "date-time"))]
    pub(super) start: Option<String>,
    /// The action does not run after: RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub(super) end: Option<String>,
    /// The bounds that it sets.
    pub(super) capacity: PartialCapacityDoc,
}

/// A window: from start to end these bounds hold, then the former ones again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowDoc {
    /// The window's name.
    pub(super) name: String,
    /// When it begins, as in `cron(0 20 ? * MON-FRI *)`.
    pub(super) start: String,
    /// When it ends, as in `cron(0 7 ? * MON-FRI *)`.
    pub(super) end: String,
    /// An IANA name, as in `Europe/Berlin`. Default: UTC.
    pub(super) timezone: Option<String>,
    /// The bounds in it.
    pub(super) capacity: PartialCapacityDoc,
}

/// Damping by direction.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BehaviorDoc {
    /// For scale-out. Default: no tolerance, no stabilisation, no rate limit.
    pub(super) scale_out: Option<RulesDoc>,
    /// For scale-in. Default: tolerance 0.1, no stabilisation, half the tasks or four of them a minute.
    pub(super) scale_in: Option<RulesDoc>,
}

/// `HPAScalingRules` of Kubernetes HPA v2.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RulesDoc {
    /// The share by which a metric may leave its target before anything happens: 0.1 is ten per cent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) tolerance: Option<f64>,
    /// The window over which the least change of direction is taken; an hour at most.
    pub(super) stabilization: Option<DurationDoc>,
    /// Which of several limits holds: that of the largest change, that of the smallest, or no change at all.
    pub(super) select: Option<SelectDoc>,
    /// Limits on the change within a period; an empty list is no limit.
    pub(super) policies: Option<Vec<RateLimitDoc>>,
}

/// Which of several limits holds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) enum SelectDoc {
    /// The limit that allows the largest change.
    Max,
    /// The limit that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A limit on the change within a period: give either `percent` or `tasks`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitDoc {
    /// So many per cent of the count at the period's start.
    pub(super) percent: Option<u32>,
    /// So many tasks.
    pub(super) tasks: Option<TaskCount>,
    /// The period, from one second to 30 minutes.
    #[serde(default = "a_minute")]
    pub(super) period: DurationDoc,
}

/// What a policy without data asks for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnMissingMetricsDoc {
    /// The count stays.
    Hold,
    /// At least this many tasks; a larger count stays.
    Fallback(TaskCount),
}

/// What a deployment in progress forbids.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DuringDeploymentDoc {
    /// Scale-in waits, scale-out goes on.
    NoScaleIn,
    /// The count stays.
    Hold,
    /// A deployment changes nothing.
    Ignore,
}

/// What to do where Application Auto Scaling has the service registered as well.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AasDoc {
    /// Leave the service alone.
    Refuse,
    /// Act, and warn.
    Warn,
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

fn a_minute() -> DurationDoc {
    DurationDoc::from_secs(60)
}

fn five_minutes() -> DurationDoc {
    DurationDoc::from_secs(300)
}

fn change_in_capacity() -> AdjustmentTypeDoc {
    AdjustmentTypeDoc::ChangeInCapacity
}

fn average() -> MetricAggregationDoc {
    MetricAggregationDoc::Average
}

fn forecast_and_scale() -> PredictiveModeDoc {
    PredictiveModeDoc::ForecastAndScale
}

fn honor_max_capacity() -> MaxCapacityBreachDoc {
    MaxCapacityBreachDoc::HonorMaxCapacity
}
