//! Application Auto Scaling's configuration, in its own words: the JSON that `aws application-autoscaling describe-…` and
//! `aws cloudwatch describe-alarms` print, which the adapter of the API builds as well.
//!
//! Words that AAS may have more of one day (metric types, adjustment types) are kept as text. Every key that is not read here
//! is told, with its path, but for those that have no effect on scaling.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

/// Keys that say nothing about how a service is scaled.
const WITHOUT_EFFECT: [&str; 8] = [
    "RoleARN",
    "ScalableTargetARN",
    "PolicyARN",
    "ScheduledActionARN",
    "AlarmARN",
    "CreationTime",
    "PredictedCapacity",
    "ServiceNamespace",
];

/// The scalable dimension of an ECS service.
pub const DESIRED_COUNT: &str = "ecs:service:DesiredCount";

/// All that AAS and CloudWatch told.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// What is registered.
    pub targets: Vec<Told<ScalableTarget>>,
    /// The scaling policies.
    pub policies: Vec<Told<ScalingPolicy>>,
    /// The scheduled actions.
    pub actions: Vec<Told<ScheduledAction>>,
    /// The alarms of the policies; none where CloudWatch was not asked.
    pub alarms: Option<Vec<MetricAlarm>>,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// A value, and the paths of the keys that it had besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Told<T> {
    /// The value.
    pub value: T,
    /// Keys that are not known, as paths.
    pub unknown: Vec<String>,
}

impl<T> From<T> for Told<T> {
    fn from(value: T) -> Self {
        Self { value, unknown: Vec::new() }
    }
}

/// AAS's `ScalableTarget`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalableTarget {
    /// As in `service/prod/checkout`.
    pub resource_id: String,
    /// As in `ecs:service:DesiredCount`.
    pub scalable_dimension: String,
    /// The lower bound in force.
    pub min_capacity: i64,
    /// The upper bound in force.
    pub max_capacity: i64,
    /// What is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_state: Option<SuspendedState>,
}

/// AAS's `SuspendedState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SuspendedState {
    /// Policies do not scale in.
    pub dynamic_scaling_in_suspended: bool,
    /// Policies do not scale out.
    pub dynamic_scaling_out_suspended: bool,
    /// Scheduled actions do not run.
    pub scheduled_scaling_suspended: bool,
}

/// AAS's `ScalingPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalingPolicy {
    /// Its name, unique within a target.
    pub policy_name: String,
    /// As in `service/prod/checkout`.
    pub resource_id: String,
    /// As in `ecs:service:DesiredCount`.
    pub scalable_dimension: String,
    /// `TargetTrackingScaling`, `StepScaling` or `PredictiveScaling`.
    pub policy_type: String,
    /// For `TargetTrackingScaling`.
    #[serde(rename = "TargetTrackingScalingPolicyConfiguration", skip_serializing_if = "Option::is_none")]
    pub target_tracking: Option<TargetTracking>,
    /// For `StepScaling`.
    #[serde(rename = "StepScalingPolicyConfiguration", skip_serializing_if = "Option::is_none")]
    pub step_scaling: Option<StepScaling>,
    /// For `PredictiveScaling`.
    #[serde(rename = "PredictiveScalingPolicyConfiguration", skip_serializing_if = "Option::is_none")]
    pub predictive: Option<Predictive>,
    /// The alarms that call it.
    #[serde(default)]
    pub alarms: Vec<AlarmName>,
}

/// AAS's `Alarm`: a reference to one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmName {
    /// The alarm's name.
    pub alarm_name: String,
}

/// AAS's `TargetTrackingScalingPolicyConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetTracking {
    /// The value to keep the metric at.
    pub target_value: f64,
    /// A metric by name.
    #[serde(rename = "PredefinedMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub predefined: Option<PredefinedMetric>,
    /// A metric that is described.
    #[serde(rename = "CustomizedMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub customized: Option<CustomizedMetric>,
    /// Seconds; AAS's default for ECS is 300.
    pub scale_out_cooldown: Option<i64>,
    /// Seconds; AAS's default for ECS is 300.
    pub scale_in_cooldown: Option<i64>,
    /// The policy does not scale in.
    #[serde(default)]
    pub disable_scale_in: Option<bool>,
}

/// A metric by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PredefinedMetric {
    /// As in `ECSServiceAverageCPUUtilization`.
    pub predefined_metric_type: String,
    /// The load balancer and target group.
    pub resource_label: Option<String>,
}

/// A metric that is described: one of CloudWatch, or metric math.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomizedMetric {
    /// The metric's name.
    pub metric_name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its dimensions.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Its statistic.
    pub statistic: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// Metric math.
    #[serde(default)]
    pub metrics: Vec<MetricDataQuery>,
}

/// A dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// An entry of metric math.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDataQuery {
    /// The name by which expressions refer to it.
    pub id: String,
    /// An expression over other entries.
    pub expression: Option<String>,
    /// A name for people.
    pub label: Option<String>,
    /// A statistic of a metric.
    pub metric_stat: Option<MetricStat>,
    /// Whether it is the result; true where it is not said.
    pub return_data: Option<bool>,
}

/// A statistic of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricStat {
    /// The metric.
    pub metric: Metric,
    /// The statistic.
    pub stat: String,
    /// The unit.
    pub unit: Option<String>,
}

/// A metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metric {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub metric_name: Option<String>,
    /// Its dimensions.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
}

/// AAS's `StepScalingPolicyConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepScaling {
    /// `ChangeInCapacity`, `PercentChangeInCapacity` or `ExactCapacity`.
    pub adjustment_type: Option<String>,
    /// The steps.
    #[serde(default)]
    pub step_adjustments: Vec<StepAdjustment>,
    /// The least change of a step in per cent.
    pub min_adjustment_magnitude: Option<i64>,
    /// Seconds; AAS's default for ECS is 300.
    pub cooldown: Option<i64>,
    /// `Average`, `Minimum` or `Maximum`.
    pub metric_aggregation_type: Option<String>,
}

/// AAS's `StepAdjustment`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepAdjustment {
    /// From here, relative to the alarm's threshold.
    pub metric_interval_lower_bound: Option<f64>,
    /// To here.
    pub metric_interval_upper_bound: Option<f64>,
    /// Tasks, per cent or the count.
    pub scaling_adjustment: i64,
}

/// AAS's `PredictiveScalingPolicyConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Predictive {
    /// What is forecast.
    #[serde(default)]
    pub metric_specifications: Vec<PredictiveMetric>,
    /// `ForecastOnly`, the default, or `ForecastAndScale`.
    pub mode: Option<String>,
    /// Seconds; AAS's default is 300.
    pub scheduling_buffer_time: Option<i64>,
    /// `HonorMaxCapacity`, the default, or `IncreaseMaxCapacity`.
    pub max_capacity_breach_behavior: Option<String>,
    /// Per cent.
    pub max_capacity_buffer: Option<i64>,
}

/// AAS's `PredictiveScalingMetricSpecification`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PredictiveMetric {
    /// The utilisation to plan for.
    pub target_value: f64,
    /// A load metric and a scaling metric by one name.
    #[serde(rename = "PredefinedMetricPairSpecification", skip_serializing_if = "Option::is_none")]
    pub pair: Option<PredefinedMetric>,
    /// A scaling metric by name.
    #[serde(rename = "PredefinedScalingMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub scaling: Option<PredefinedMetric>,
    /// A load metric by name.
    #[serde(rename = "PredefinedLoadMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub load: Option<PredefinedMetric>,
    /// A scaling metric that is described.
    #[serde(rename = "CustomizedScalingMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub customized_scaling: Option<Value>,
    /// A load metric that is described.
    #[serde(rename = "CustomizedLoadMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub customized_load: Option<Value>,
    /// A capacity metric that is described.
    #[serde(rename = "CustomizedCapacityMetricSpecification", skip_serializing_if = "Option::is_none")]
    pub customized_capacity: Option<Value>,
}

/// AAS's `ScheduledAction`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduledAction {
    /// Its name, unique within a target.
    pub scheduled_action_name: String,
    /// As in `service/prod/checkout`.
    pub resource_id: String,
    /// As in `ecs:service:DesiredCount`.
    #[serde(default)]
    pub scalable_dimension: Option<String>,
    /// `cron(…)`, `rate(…)` or `at(…)`.
    pub schedule: String,
    /// An IANA name; UTC where there is none.
    pub timezone: Option<String>,
    /// It does not run before.
    #[serde(default, deserialize_with = "moment")]
    pub start_time: Option<Timestamp>,
    /// It does not run after.
    #[serde(default, deserialize_with = "moment")]
    pub end_time: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "moment")]
    pub creation_time: Option<Timestamp>,
    /// The bounds that it sets.
    pub scalable_target_action: Option<ScalableTargetAction>,
}

/// AAS's `ScalableTargetAction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScalableTargetAction {
    /// The lower bound.
    pub min_capacity: Option<i64>,
    /// The upper bound.
    pub max_capacity: Option<i64>,
}

/// CloudWatch's `MetricAlarm`, as far as scaling policies depend on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricAlarm {
    /// Its name.
    pub alarm_name: String,
    /// As in `GreaterThanThreshold`.
    pub comparison_operator: Option<String>,
    /// The threshold.
    pub threshold: Option<f64>,
    /// The newest periods that it evaluates.
    pub evaluation_periods: Option<u32>,
    /// Among which so many must be beyond the threshold; all where it is not said.
    pub datapoints_to_alarm: Option<u32>,
    /// The length of a period, in seconds.
    pub period: Option<u32>,
    /// The metric, where it is one.
    pub metric_name: Option<String>,
}

impl MetricAlarm {
    /// Whether it watches for values above its threshold, so that it calls for more tasks in a target-tracking policy.
    pub fn is_for_more(&self) -> bool {
        self.comparison_operator.as_deref().is_some_and(|operator| operator.starts_with("GreaterThan"))
    }
}

/// Text that is not one of the documents.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotAConfiguration {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// It has none of the keys.
    #[error(
        "it has none of the keys ScalableTargets, ScalingPolicies, ScheduledActions and MetricAlarms, by which the outputs \
         of `aws application-autoscaling describe-…` and `aws cloudwatch describe-alarms` are known; its keys are: {0}"
    )]
    Keys(String),
    /// It has nothing.
    #[error("it is empty")]
    Empty,
}

impl Configuration {
    /// Adds the documents of a text: one, or several one after another.
    ///
    /// # Errors
    /// [`NotAConfiguration`] where the text is something else. A part of a list that cannot be read is told in `unread`.
    pub fn add(&mut self, text: &str) -> Result<(), NotAConfiguration> {
        let mut count = 0_usize;
        for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let document = document.map_err(|error| NotAConfiguration::Json(error.to_string()))?;
            self.add_document(document)?;
            count += 1;
        }
        if count == 0 { Err(NotAConfiguration::Empty) } else { Ok(()) }
    }

    fn add_document(&mut self, document: Value) -> Result<(), NotAConfiguration> {
        let Value::Object(members) = document else {
            return Err(NotAConfiguration::Keys("none, it is no object".to_owned()));
        };
        let keys = members.keys().cloned().collect::<Vec<_>>().join(", ");
        let mut is_known = false;
        for (key, value) in members {
            match (key.as_str(), value) {
                ("ScalableTargets", Value::Array(list)) => {
                    read(&mut self.targets, &key, list, &mut self.unread);
                }
                ("ScalingPolicies", Value::Array(list)) => {
                    read(&mut self.policies, &key, list, &mut self.unread);
                }
                ("ScheduledActions", Value::Array(list)) => {
                    read(&mut self.actions, &key, list, &mut self.unread);
                }
                ("MetricAlarms", Value::Array(list)) => self.add_alarms(&key, list),
                ("CompositeAlarms" | "LogAlarms", Value::Array(_)) => {} // no policy depends on how these are made
                ("NextToken", Value::String(_)) => {
                    let more = "NextToken: the output is one page of several; call aws without --max-items";
                    self.unread.push(more.to_owned());
                    continue;
                }
                _ => {
                    self.unread.push(format!("{key}: unknown key"));
                    continue;
                }
            }
            is_known = true;
        }
        if is_known { Ok(()) } else { Err(NotAConfiguration::Keys(keys)) }
    }

    fn add_alarms(&mut self, key: &str, list: Vec<Value>) {
        let mut alarms = Vec::new();
        read(&mut alarms, key, list, &mut self.unread);
        // An alarm has many keys that no policy depends on.
        self.alarms.get_or_insert_default().extend(alarms.into_iter().map(|alarm: Told<_>| alarm.value));
    }
}

/// Reads what can be read of a list.
fn read<T: Serialize + DeserializeOwned>(
    into: &mut Vec<Told<T>>,
    key: &str,
    list: Vec<Value>,
    unread: &mut Vec<String>,
) {
    for (index, given) in list.into_iter().enumerate() {
        match serde_path_to_error::deserialize::<_, T>(&given) {
            Ok(value) => {
                let mut unknown = Vec::new();
                if let Ok(known) = serde_json::to_value(&value) {
                    unknown_keys(&given, &known, "", &mut unknown);
                }
                into.push(Told { value, unknown });
            }
            Err(error) => unread.push(format!("{key}[{index}] cannot be read: {error}")),
        }
    }
}

/// The keys of `given` that are not in `known`, which is what was read of it.
fn unknown_keys(given: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match known.get(key) {
                    Some(known) => unknown_keys(value, known, &path, unknown),
                    None if WITHOUT_EFFECT.contains(&key.as_str()) => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (index, (given, known)) in given.iter().zip(known).enumerate() {
                unknown_keys(given, known, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

/// A time as the AWS CLI writes it: ISO 8601, or Unix seconds in its first version.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(f64),
    Text(String),
}

impl Moment {
    fn timestamp<E: serde::de::Error>(self) -> Result<Timestamp, E> {
        match self {
            Self::Text(text) => text.parse().map_err(E::custom),
            Self::Seconds(seconds) => seconds_since_1970(seconds)
                .ok_or_else(|| E::custom(format!("{seconds} is not a time in Unix seconds"))),
        }
    }
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<Moment>::deserialize(deserializer)?.map(Moment::timestamp).transpose()
}

/// Reads a time as the AWS CLI writes it.
pub(crate) fn required_moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Moment::deserialize(deserializer)?.timestamp()
}

#[expect(clippy::cast_possible_truncation, reason = "jiff refuses what is out of range")]
fn seconds_since_1970(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}
