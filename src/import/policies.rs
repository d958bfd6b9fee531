//! Scaling policies of Application Auto Scaling as those of the policy file.

use std::collections::BTreeMap;

use super::aas::{
    CustomizedMetric, Dimension, MetricAlarm, MetricDataQuery, PredefinedMetric, Predictive,
    PredictiveMetric, ScalingPolicy, StepAdjustment, StepScaling, TargetTracking,
};
use super::alarms::{Alarms, Points};
use super::entry::{Item, Tolerance};
use super::write::{Element, Node, member};

/// AAS's cooldown where none is given, for ECS, in seconds.
const USUAL_COOLDOWN: i64 = 300;
/// The longest cooldown of a policy file, in seconds.
const LONGEST_COOLDOWN: i64 = 86_400;
/// AAS's buffer before the hour, in seconds.
const USUAL_BUFFER: i64 = 300;
/// A policy file's buffer is less than an hour; AAS's may be an hour.
const LONGEST_BUFFER: i64 = 3599;

/// The name of a policy in comments and remarks.
pub(super) fn label(policy: &ScalingPolicy) -> String {
    format!("policy {:?}", policy.policy_name)
}

/// A target-tracking policy and the tolerance that it asks of the service, or why there is none.
pub(super) fn target_tracking(
    policy: &ScalingPolicy,
    tracking: &TargetTracking,
    alarms: &Alarms<'_>,
) -> Result<(Item, Tolerance), String> {
    let mut lost = Vec::new();
    let mut notes = Vec::new();
    let fixed_period = tracking.predefined.as_ref().map(period_of);
    let shape = alarms.shape(&policy.alarms, tracking.target_value, fixed_period);
    let (metric, resource_label) = match (&tracking.predefined, &tracking.customized) {
        (Some(metric), None) => predefined(metric)?,
        (None, Some(metric)) => (customized(metric, shape.period, &mut lost)?, None),
        (None, None) => return Err("it has no metric".to_owned()),
        (Some(_), Some(_)) => return Err("it has two metrics".to_owned()),
    };
    let (is_high_resolution, is_told) = (fixed_period.is_some_and(|period| period < 60), alarms.are_known());
    if is_high_resolution && !is_told {
        notes.push("points are assumed: AAS does not say how it evaluates 20-second metrics".to_owned());
    }
    for missing in policy.alarms.iter().filter(|alarm| is_told && alarms.get(&alarm.alarm_name).is_none()) {
        notes.push(format!("its alarm {:?} does not exist", missing.alarm_name));
    }
    let mut settings = vec![member("metric", metric)];
    settings.extend(resource_label.map(|label| member("resource_label", Node::text(&label))));
    settings.push(member("target", Node::number(tracking.target_value)));
    for (direction, Points { after, within }) in [("scale_out", shape.out), ("scale_in", shape.scale_in)] {
        settings.push(member(&format!("{direction}_after"), Node::number(after.into())));
        if within != after {
            settings.push(member(&format!("{direction}_within"), Node::number(within.into())));
        }
    }
    let cooldowns = [
        ("scale_out_cooldown", tracking.scale_out_cooldown),
        ("scale_in_cooldown", tracking.scale_in_cooldown),
    ];
    for (key, given) in cooldowns {
        settings.push(member(key, cooldown(given, key, &mut lost)));
    }
    settings.push(member("disable_scale_in", Node::truth(tracking.disable_scale_in.unwrap_or(false))));
    let value = Node::Map(vec![member("target_tracking", Node::Map(settings))]);
    Ok((Item { notes, lost, ..Item::new(label(policy), value) }, shape.tolerance))
}

/// The step-scaling policies that a policy of AAS becomes: one for each of its alarms.
pub(super) fn step_scaling(
    policy: &ScalingPolicy,
    steps: &StepScaling,
    alarms: &Alarms<'_>,
    aggregations: &mut BTreeMap<String, String>,
) -> Result<Vec<Item>, String> {
    if policy.alarms.is_empty() {
        return Err("no alarm calls it".to_owned());
    }
    let mut names: Vec<&str> = policy.alarms.iter().map(|alarm| alarm.alarm_name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| of_alarm(policy, steps, name, alarms, aggregations)).collect()
}

fn of_alarm(
    policy: &ScalingPolicy,
    steps: &StepScaling,
    alarm: &str,
    alarms: &Alarms<'_>,
    aggregations: &mut BTreeMap<String, String>,
) -> Result<Item, String> {
    let mut lost = Vec::new();
    let adjustment_type = match steps.adjustment_type.as_deref() {
        Some(known @ ("ChangeInCapacity" | "PercentChangeInCapacity" | "ExactCapacity")) => known,
        Some(other) => return Err(format!("the adjustment type {other:?} is not known")),
        None => return Err("it has no adjustment type".to_owned()),
    };
    let own = steps.metric_aggregation_type.clone().unwrap_or_else(|| "Average".to_owned());
    let aggregation = aggregations.entry(alarm.to_owned()).or_insert_with(|| own.clone()).clone();
    if own != aggregation {
        lost.push(format!(
            "the aggregation {own}: another policy of the alarm has {aggregation}, and an alarm has one value here"
        ));
    }
    let mut settings =
        vec![member("alarm", Node::text(alarm)), member("adjustment_type", Node::text(adjustment_type))];
    if let Some(least) = steps.min_adjustment_magnitude {
        settings.push(member("min_adjustment_magnitude", Node::word(least.to_string())));
    }
    settings.push(member("metric_aggregation", Node::text(&aggregation)));
    settings.push(member("cooldown", cooldown(steps.cooldown, "Cooldown", &mut lost)));
    let steps = steps.step_adjustments.iter().flat_map(step);
    let steps = steps.map(|value| Element { comments: Vec::new(), value: Some(value) }).collect();
    settings.push(member("steps", Node::List(steps)));
    let value = Node::Map(vec![member("step_scaling", Node::Map(settings))]);
    let notes = match alarms.get(alarm) {
        Some(alarm) => vec![in_words(alarm)],
        None if alarms.are_known() => {
            lost.push(format!(
                "the alarm {alarm:?} is no metric alarm or does not exist, so the step has no value"
            ));
            Vec::new()
        }
        None => Vec::new(),
    };
    Ok(Item { notes, lost, ..Item::new(label(policy), value) })
}

/// A step. One without bounds is for all values, which a policy file says with two.
fn step(step: &StepAdjustment) -> Vec<Node> {
    let change = || ("change", Node::word(step.scaling_adjustment.to_string()));
    let lower = step.metric_interval_lower_bound.map(|bound| ("lower", Node::number(bound)));
    let upper = step.metric_interval_upper_bound.map(|bound| ("upper", Node::number(bound)));
    match (lower, upper) {
        (None, None) => {
            ["upper", "lower"].map(|bound| Node::Flow(vec![(bound, Node::number(0.0)), change()])).to_vec()
        }
        (lower, upper) => vec![Node::Flow(lower.into_iter().chain(upper).chain([change()]).collect())],
    }
}

/// A predictive-scaling policy.
pub(super) fn predictive(
    policy: &ScalingPolicy,
    predictive: &Predictive,
    tracked: &[TargetTracking],
) -> Item {
    let mut lost = Vec::new();
    let mode = predictive.mode.as_deref().unwrap_or("ForecastOnly");
    let breach = predictive.max_capacity_breach_behavior.as_deref().unwrap_or("HonorMaxCapacity");
    let buffer = predictive.scheduling_buffer_time.unwrap_or(USUAL_BUFFER);
    if LONGEST_BUFFER < buffer {
        lost.push(format!("a SchedulingBufferTime of {buffer} s: it is less than an hour here"));
    }
    let mut settings = vec![
        member("mode", Node::text(mode)),
        member("scheduling_buffer", Node::word(format!("{}s", buffer.min(LONGEST_BUFFER)))),
        member("max_capacity_breach_behavior", Node::text(breach)),
    ];
    if let Some(percent) = predictive.max_capacity_buffer {
        if breach == "IncreaseMaxCapacity" {
            settings.push(member("max_capacity_buffer", Node::word(percent.to_string())));
        } else {
            lost.push(format!("MaxCapacityBuffer {percent}: it has no effect with {breach}"));
        }
    }
    for metric in &predictive.metric_specifications {
        if !tracked.iter().any(|tracking| is_forecast_of(metric, tracking)) {
            lost.push(format!(
                "the forecast of {}: trimtab forecasts the count that the service's policies ask for{}",
                forecast_metric(metric),
                if tracked.is_empty() { ", and there is none that could teach it" } else { "" }
            ));
        }
    }
    Item { lost, ..Item::new(label(policy), Node::Map(settings)) }
}

/// Whether a target-tracking policy asks for the count that AAS forecasts: of the same metric, for the same target.
fn is_forecast_of(metric: &PredictiveMetric, tracking: &TargetTracking) -> bool {
    const PAIRS: [(&str, &str); 3] = [
        ("ECSServiceCPUUtilization", "ECSServiceAverageCPUUtilization"),
        ("ECSServiceMemoryUtilization", "ECSServiceAverageMemoryUtilization"),
        ("ALBRequestCount", "ALBRequestCountPerTarget"),
    ];
    let same_target =
        (metric.target_value - tracking.target_value).abs() <= f64::EPSILON * metric.target_value.abs();
    let (Some(pair), Some(tracked)) = (&metric.pair, &tracking.predefined) else { return false };
    let is_pair = PAIRS.iter().any(|(name, tracked_name)| {
        pair.predefined_metric_type == *name && tracked.predefined_metric_type == *tracked_name
    });
    same_target && is_pair && pair.resource_label == tracked.resource_label
}

fn forecast_metric(metric: &PredictiveMetric) -> String {
    let named = metric.pair.as_ref().or(metric.scaling.as_ref()).or(metric.load.as_ref());
    let name = named.map_or("a metric of its own", |named| named.predefined_metric_type.as_str());
    format!("{name} for a target of {}", metric.target_value)
}

/// The period of a metric's points, in seconds.
fn period_of(metric: &PredefinedMetric) -> u32 {
    if metric.predefined_metric_type.ends_with("HighResolution") { 20 } else { 60 }
}

fn predefined(metric: &PredefinedMetric) -> Result<(Node, Option<String>), String> {
    let name = metric.predefined_metric_type.as_str();
    let label = metric.resource_label.clone();
    let metric = Node::text(name);
    match (name, label) {
        ("ALBRequestCountPerTarget", Some(label)) => Ok((metric, Some(label))),
        ("ALBRequestCountPerTarget", None) => Err(format!("{name} has no ResourceLabel")),
        (
            "ECSServiceAverageCPUUtilization"
            | "ECSServiceAverageMemoryUtilization"
            | "ECSServiceAverageCPUUtilizationHighResolution"
            | "ECSServiceAverageMemoryUtilizationHighResolution",
            None,
        ) => Ok((metric, None)),
        (_, Some(label)) => Err(format!("{name} with the ResourceLabel {label:?} is not known")),
        (_, None) => Err(format!("{name} is no metric of an ECS service")),
    }
}

fn customized(
    metric: &CustomizedMetric,
    period: Option<u32>,
    lost: &mut Vec<String>,
) -> Result<Node, String> {
    let period = period.filter(|period| *period != 60);
    let period = period.map(|seconds| member("period", Node::word(format!("{seconds}s"))));
    let settings = if metric.metrics.is_empty() {
        let (Some(namespace), Some(name)) = (&metric.namespace, &metric.metric_name) else {
            return Err("its metric has no namespace or no name".to_owned());
        };
        if let Some(unit) = &metric.unit {
            lost.push(format!("the unit {unit:?}: values of all units are read"));
        }
        let mut settings = vec![member("namespace", Node::text(namespace)), member("name", Node::text(name))];
        settings.extend(dimensions(&metric.dimensions)?.map(|list| member("dimensions", list)));
        settings.extend(metric.statistic.as_deref().map(|stat| member("stat", Node::text(stat))));
        settings
    } else {
        let entries: Result<Vec<Node>, String> =
            metric.metrics.iter().map(|entry| math(entry, lost)).collect();
        let entries = entries?.into_iter().map(|value| Element { comments: Vec::new(), value: Some(value) });
        vec![member("metrics", Node::List(entries.collect()))]
    };
    Ok(Node::Map(settings.into_iter().chain(period).collect()))
}

fn math(entry: &MetricDataQuery, lost: &mut Vec<String>) -> Result<Node, String> {
    let mut settings = vec![member("id", Node::text(&entry.id))];
    settings.extend(entry.label.as_deref().map(|label| member("label", Node::text(label))));
    settings.extend(entry.expression.as_deref().map(|text| member("expression", Node::text(text))));
    if let Some(stat) = &entry.metric_stat {
        let (Some(namespace), Some(name)) = (&stat.metric.namespace, &stat.metric.metric_name) else {
            return Err(format!("the metric {:?} has no namespace or no name", entry.id));
        };
        if let Some(unit) = &stat.unit {
            lost.push(format!("the unit {unit:?} of {}: values of all units are read", entry.id));
        }
        let mut metric =
            vec![member("namespace", Node::text(namespace)), member("metric_name", Node::text(name))];
        metric.extend(dimensions(&stat.metric.dimensions)?.map(|list| member("dimensions", list)));
        let stat = vec![member("metric", Node::Map(metric)), member("stat", Node::text(&stat.stat))];
        settings.push(member("metric_stat", Node::Map(stat)));
    }
    settings.push(member("return_data", Node::truth(entry.return_data.unwrap_or(true))));
    Ok(Node::Map(settings))
}

/// Dimensions as AAS lists them.
fn dimensions(dimensions: &[Dimension]) -> Result<Option<Node>, String> {
    if let Some(dimension) = dimensions.iter().find(|dimension| has_placeholder(&dimension.value)) {
        let Dimension { name, value } = dimension;
        return Err(format!(
            "the dimension {name:?} has the value {value:?}, in which trimtab would put the service's names"
        ));
    }
    let each = |dimension: &Dimension| {
        let value = vec![("name", Node::text(&dimension.name)), ("value", Node::text(&dimension.value))];
        Element { comments: Vec::new(), value: Some(Node::Flow(value)) }
    };
    Ok((!dimensions.is_empty()).then(|| Node::List(dimensions.iter().map(each).collect())))
}

fn has_placeholder(text: &str) -> bool {
    text.contains("{cluster}") || text.contains("{service}")
}

fn cooldown(given: Option<i64>, what: &str, lost: &mut Vec<String>) -> Node {
    let seconds = given.unwrap_or(USUAL_COOLDOWN);
    if LONGEST_COOLDOWN < seconds {
        lost.push(format!("{what} of {seconds} s: it is a day at most here"));
    }
    Node::word(format!("{}s", seconds.min(LONGEST_COOLDOWN)))
}

/// An alarm's condition, for a comment.
fn in_words(alarm: &MetricAlarm) -> String {
    let periods = alarm.evaluation_periods.unwrap_or(1);
    let points = alarm.datapoints_to_alarm.unwrap_or(periods);
    let threshold =
        alarm.threshold.map_or_else(|| "its threshold".to_owned(), |threshold| threshold.to_string());
    let period = alarm.period.map_or_else(String::new, |period| format!(" of {period} s"));
    format!(
        "its alarm: {} {} {threshold} for {points} of {periods} points{period}",
        alarm.metric_name.as_deref().unwrap_or("an expression"),
        alarm.comparison_operator.as_deref().unwrap_or("beyond"),
    )
}
