//! CloudWatch alarms, as Lambda, EventBridge and SNS carry them.
//!
//! Read leniently: an alarm's configuration has a shape for each kind of alarm, and gains more. All that matters is its
//! name and the services that its metrics are of. Timestamps, states and reasons are not read, since an event is a hint:
//! what the alarm's state is now, DescribeAlarms tells.

use serde_json::{Map, Value};

use super::EventError;
use crate::control::trigger::Trigger;
use crate::model::ServiceId;

/// An alarm that invoked the function itself (`alarmData`), or the message that SNS carries of one (`AlarmName`).
pub(super) fn read(object: &Map<String, Value>) -> Result<Trigger, EventError> {
    match object.get("alarmData") {
        Some(data) => of_data(data),
        None => of_message(object),
    }
}

/// The alarm in `alarmData`, or in the `detail` of an EventBridge event: both have the same fields.
pub(super) fn of_data(data: &Value) -> Result<Trigger, EventError> {
    let metrics = data.pointer("/configuration/metrics").and_then(Value::as_array);
    let metrics =
        metrics.into_iter().flatten().filter_map(|metric| metric.pointer("/metricStat/metric/dimensions"));
    // An alarm over many time series acts for each of them, and names the one that it acts for.
    let contributor = data.pointer("/alarmContributor/attributes");
    trigger(data.get("alarmName"), "alarmName", metrics.chain(contributor))
}

fn of_message(message: &Map<String, Value>) -> Result<Trigger, EventError> {
    let watched = message.get("Trigger");
    let single = watched.and_then(|trigger| trigger.get("Dimensions"));
    let metrics = watched.and_then(|trigger| trigger.get("Metrics")).and_then(Value::as_array);
    let metrics =
        metrics.into_iter().flatten().filter_map(|metric| metric.pointer("/MetricStat/Metric/Dimensions"));
    let contributor = message.get("AlarmContributorAttributes");
    trigger(message.get("AlarmName"), "AlarmName", single.into_iter().chain(metrics).chain(contributor))
}

fn trigger<'a>(
    name: Option<&Value>,
    key: &'static str,
    dimensions: impl Iterator<Item = &'a Value>,
) -> Result<Trigger, EventError> {
    let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) else {
        let problem = format!("missing field `{key}`");
        return Err(EventError::Envelope { kind: "a CloudWatch alarm", problem });
    };
    let mut services: Vec<ServiceId> = dimensions.filter_map(service).collect();
    services.sort();
    services.dedup();
    Ok(Trigger::Alarm { name: name.to_owned(), services })
}

/// The service that a metric's dimensions name, where they name one.
fn service(dimensions: &Value) -> Option<ServiceId> {
    let cluster = dimension(dimensions, "ClusterName")?;
    let service = dimension(dimensions, "ServiceName")?;
    format!("{cluster}/{service}").parse().ok()
}

/// A dimension's value: EventBridge and Lambda carry dimensions as a map, SNS as a list of names and values.
fn dimension<'a>(dimensions: &'a Value, name: &str) -> Option<&'a str> {
    match dimensions {
        Value::Object(map) => map.get(name)?.as_str(),
        Value::Array(list) => {
            let of_name = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(name);
            list.iter().find(of_name)?.get("value")?.as_str()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
