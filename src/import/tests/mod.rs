//! From what `aws` prints to a policy file and back into the model.

mod carried;
mod lost;
mod properties;
mod vectors;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::aas::Configuration;
use super::{ImportError, Imported, import};
use crate::config::PolicyFile;
use crate::model::{ScalableTarget, ServiceId};

/// 2026-11-23, a Monday.
fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn web() -> ServiceId {
    ServiceId::new("prod", "web")
}

/// What `aws` printed, one document after another.
fn configuration(documents: &[Value]) -> Configuration {
    let mut configuration = Configuration::default();
    for document in documents {
        configuration.add(&document.to_string()).unwrap();
    }
    configuration
}

fn try_import(documents: &[Value]) -> Result<Imported, ImportError> {
    import(&configuration(documents), &[], now())
}

fn imported(documents: &[Value]) -> Imported {
    try_import(documents).unwrap()
}

/// The target that the imported file makes of prod/web, and the remarks.
fn target(documents: &[Value]) -> (ScalableTarget, Vec<String>) {
    let imported = imported(documents);
    let file = PolicyFile::parse("imported", &imported.text).unwrap();
    assert_eq!(file.problems, [], "{}", imported.text);
    let target = file.entry_for(&web()).unwrap().unwrap().target_for(&web());
    (target, imported.remarks.iter().map(ToString::to_string).collect())
}

/// prod/web with 2 to 20 tasks.
fn targets() -> Value {
    json!({ "ScalableTargets": [{
        "ServiceNamespace": "ecs", "ResourceId": "service/prod/web", "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 2, "MaxCapacity": 20, "RoleARN": "arn:aws:iam::123456789012:role/aas", "PredictedCapacity": 4,
        "CreationTime": "2026-01-01T00:00:00.123000+00:00", "ScalableTargetARN": "arn:aws:application-autoscaling:…",
        "SuspendedState": {
            "DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false,
        },
    }]})
}

fn policies(policies: &[Value]) -> Value {
    json!({ "ScalingPolicies": policies })
}

/// A policy of prod/web, with what makes it one of its kind.
fn policy(name: &str, kind: &str, more: Value) -> Value {
    let mut policy = json!({
        "PolicyARN": "arn:…", "PolicyName": name, "ServiceNamespace": "ecs", "ResourceId": "service/prod/web",
        "ScalableDimension": "ecs:service:DesiredCount", "PolicyType": kind, "Alarms": [], "CreationTime": 1_767_225_600.5,
    });
    extend(&mut policy, more);
    policy
}

/// Adds members to an object.
fn extend(object: &mut Value, more: Value) {
    let Value::Object(more) = more else { panic!("{more} is no object") };
    object.as_object_mut().unwrap().extend(more);
}

/// An object of one member.
fn only(key: &str, value: Value) -> Value {
    Value::Object([(key.to_owned(), value)].into_iter().collect())
}

fn tracking(name: &str, configuration: Value) -> Value {
    policy(name, "TargetTrackingScaling", only("TargetTrackingScalingPolicyConfiguration", configuration))
}

/// A policy on the service's processor time, with nothing but what it needs.
fn cpu(target: f64) -> Value {
    let metric = json!({ "PredefinedMetricType": "ECSServiceAverageCPUUtilization" });
    tracking("cpu", json!({ "TargetValue": target, "PredefinedMetricSpecification": metric }))
}

fn stepping(name: &str, alarms: &[&str], configuration: Value) -> Value {
    let alarms: Vec<Value> = alarms
        .iter()
        .map(|name| json!({ "AlarmName": name, "AlarmARN": format!("arn:aws:cloudwatch:…:{name}") }))
        .collect();
    let mut more = only("StepScalingPolicyConfiguration", configuration);
    extend(&mut more, json!({ "Alarms": alarms }));
    policy(name, "StepScaling", more)
}

fn step(lower: Option<f64>, upper: Option<f64>, change: i32) -> Value {
    let mut step = json!({ "ScalingAdjustment": change });
    for (key, bound) in [("MetricIntervalLowerBound", lower), ("MetricIntervalUpperBound", upper)] {
        if let Some(bound) = bound {
            step[key] = json!(bound);
        }
    }
    step
}

fn actions(actions: &[Value]) -> Value {
    json!({ "ScheduledActions": actions })
}

fn action(name: &str, schedule: &str, more: Value) -> Value {
    let mut action = json!({
        "ScheduledActionName": name, "ScheduledActionARN": "arn:…", "ServiceNamespace": "ecs", "Schedule": schedule,
        "ResourceId": "service/prod/web", "ScalableDimension": "ecs:service:DesiredCount",
        "CreationTime": "2026-01-01T00:00:00+00:00",
    });
    extend(&mut action, more);
    action
}
