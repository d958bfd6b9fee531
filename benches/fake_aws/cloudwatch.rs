//! Amazon CloudWatch: the points of metrics, a minute after their period, and alarms.

use serde_json::{Value, json};
use trimtab::aws::SystemClock;
use trimtab::control::ports::Clock as _;

use super::fleet::{Driver, Fleet, Service};
use super::wire::Fault;

const QUERIES_PER_GET: usize = 500;
const ALARMS_PER_DESCRIBE: usize = 100;
/// A point is seen this long after its period ended.
const SEEN_AFTER_S: i64 = 60;
/// Messages a minute that a worker's queue takes and gives.
const MESSAGES: f64 = 60.0;
/// Per cent of the processors that an alarm allows.
const ALARM_ABOVE: f64 = 80.0;

pub(super) fn get_metric_data(fleet: &Fleet, input: &Value) -> Result<Value, Fault> {
    let queries = list(input, "MetricDataQueries");
    if queries.is_empty() || QUERIES_PER_GET < queries.len() {
        return Err(invalid("MetricDataQueries has 1 to 500 members"));
    }
    let time = |key: &str| {
        #[expect(clippy::cast_possible_truncation, reason = "Unix seconds")]
        let seconds = input.get(key).and_then(Value::as_f64).map(|seconds| seconds as i64);
        seconds.ok_or_else(|| invalid("StartTime and EndTime are required"))
    };
    let now = SystemClock.now().as_second();
    let (start, end) = (time("StartTime")?, time("EndTime")?.min(now));
    let oldest_first = text(input, "ScanBy") == "TimestampAscending";
    let results: Result<Vec<Value>, Fault> = queries
        .iter()
        .map(|query| {
            let stat = query.get("MetricStat").ok_or_else(|| invalid("the fake knows no metric math"))?;
            let metric = stat.get("Metric").unwrap_or(&Value::Null);
            let period = stat.get("Period").and_then(Value::as_i64).filter(|period| 0 < *period);
            let period = period.ok_or_else(|| invalid("Period is required"))?;
            let mut times = match value(fleet, metric) {
                Some(_) => times(start, end, period, now),
                None => Vec::new(),
            };
            if !oldest_first {
                times.reverse();
            }
            let values = vec![value(fleet, metric); times.len()];
            Ok(json!({
                "Id": text(query, "Id"), "Label": text(metric, "MetricName"), "StatusCode": "Complete",
                "Timestamps": times, "Values": values,
            }))
        })
        .collect();
    Ok(json!({ "MetricDataResults": results?, "Messages": [] }))
}

pub(super) fn describe_alarms(fleet: &Fleet, input: &Value) -> Result<Value, Fault> {
    let names = list(input, "AlarmNames");
    if ALARMS_PER_DESCRIBE < names.len() {
        return Err(invalid("AlarmNames has 100 members at most"));
    }
    let alarm = |name: &Value| {
        let service = fleet.of_alarm(name.as_str()?)?;
        let cpu = service.cpu()?;
        let since = SystemClock.now().as_second() - 3600;
        Some(json!({
            "AlarmName": name, "ActionsEnabled": true, "StateValue": if ALARM_ABOVE < cpu { "ALARM" } else { "OK" },
            "StateUpdatedTimestamp": since, "StateTransitionedTimestamp": since,
            "StateReasonData": json!({ "recentDatapoints": [cpu], "threshold": ALARM_ABOVE }).to_string(),
            "Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Statistic": "Average",
            "Dimensions": [
                { "Name": "ClusterName", "Value": service.cluster }, { "Name": "ServiceName", "Value": service.name },
            ],
            "Period": 60, "EvaluationPeriods": 3, "Threshold": ALARM_ABOVE,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "missing",
        }))
    };
    let alarms: Vec<Value> = names.iter().filter_map(alarm).collect();
    Ok(json!({ "MetricAlarms": alarms, "CompositeAlarms": [] }))
}

/// What a metric is now. It is taken to have been so before, for a fleet changes between looks only.
fn value(fleet: &Fleet, metric: &Value) -> Option<f64> {
    let dimension = |name: &str| {
        let dimensions = list(metric, "Dimensions");
        dimensions.iter().find(|dimension| text(dimension, "Name") == name)?.get("Value")?.as_str()
    };
    match (text(metric, "Namespace"), text(metric, "MetricName")) {
        ("AWS/ECS", "CPUUtilization") => {
            fleet.service(dimension("ClusterName")?, dimension("ServiceName")?).and_then(Service::cpu)
        }
        ("AWS/SQS", "NumberOfMessagesSent" | "NumberOfMessagesDeleted") => {
            let service = fleet.of_queue(dimension("QueueName")?)?;
            matches!(service.driver, Driver::Queue(_)).then_some(MESSAGES)
        }
        _ => None,
    }
}

/// The starts of the periods from start to end that are over and seen, oldest first.
fn times(start: i64, end: i64, period: i64, now: i64) -> Vec<i64> {
    let first = start + (-start).rem_euclid(period);
    let last = end.min(now - SEEN_AFTER_S - period + 1);
    (first..last).step_by(usize::try_from(period).unwrap_or(usize::MAX)).collect()
}

fn list<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn invalid(message: &str) -> Fault {
    Fault::new("ValidationError", message).or_in_query("ValidationError")
}
