//! Metrics as lines of the CloudWatch embedded metric format, which Lambda's log turns into metrics without a call.
//!
//! Every metric of every combination of dimensions costs $0.30 a month, so by default there are ten in all, with the
//! function's name as their only dimension. Metrics by service are for those who ask for them.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::spent::rounded;
use crate::control::answer::{Answer, AnswerError, ErrorKind, ServiceDecision};
use crate::control::calls::Usage;
use crate::model::{Change, ReasonCode, TaskCount};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Trimtab";

/// What is measured, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The function's name, the dimension `FunctionName`.
    pub function: String,
    /// Whether each service has metrics of its own, with the dimension `Service`: three for each, $0.90 a month.
    pub by_service: bool,
}

/// What one event led to.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Decisions and errors.
    pub answer: &'a Answer,
    /// How many looks at everything were among them.
    pub ticks: u32,
    /// How many looks there were, with those inside a tick's minute.
    pub looks: u32,
    /// When it was done.
    pub at: Timestamp,
    /// How long it took, without the waits between looks.
    pub duration: Duration,
    /// What was used of AWS for it.
    pub usage: &'a Usage,
    /// What it cost.
    pub dollars: f64,
    /// What a month costs, as far as this process can tell.
    pub dollars_per_month: f64,
}

impl Metrics {
    /// One line for the event, then one for each service where those were asked for.
    pub fn lines(&self, report: &Report<'_>) -> Vec<String> {
        let mut lines = vec![self.event_line(report)];
        if self.by_service {
            lines.extend(report.answer.decisions.iter().map(|decision| service_line(decision, report.at)));
        }
        lines
    }

    fn event_line(&self, report: &Report<'_>) -> String {
        let Answer { decisions, errors, at_rest, handed_over, sent } = report.answer;
        let count = |of: fn(&&ServiceDecision) -> bool| decisions.iter().filter(of).count();
        let fleet_errors = errors.iter().filter(|error| is_of_the_fleet(error)).count();
        let metrics = [
            ("Ticks", "Count", json!(report.ticks)),
            ("Decisions", "Count", json!(decisions.len())),
            ("ScaleOut", "Count", json!(count(|one| one.applied && one.change == Change::Out))),
            ("ScaleIn", "Count", json!(count(|one| one.applied && one.change == Change::In))),
            ("NotApplied", "Count", json!(count(|one| !one.applied && one.change != Change::Hold))),
            ("Held", "Count", json!(count(|one| is_held(one)))),
            ("Errors", "Count", json!(errors.len())),
            ("FleetErrors", "Count", json!(fleet_errors)),
            ("Duration", "Milliseconds", json!(report.duration.as_millis())),
            ("Cost", "None", json!(report.dollars)),
        ];
        let usage = report.usage;
        let properties = [
            ("HeldBy", json!(held_by(decisions))),
            ("Looks", json!(report.looks)),
            ("AtRest", json!(at_rest)),
            ("HandedOver", json!(handed_over.len())),
            ("Shards", json!(sent.shards)),
            ("Calls", json!(usage.calls)),
            ("MetricsRequested", json!(usage.metrics)),
            ("Retries", json!(usage.retries)),
            ("Throttled", json!(usage.throttled)),
            ("CostPerMonth", json!(rounded(report.dollars_per_month))),
        ];
        line(report.at, ("FunctionName", &self.function), metrics, properties)
    }
}

/// How many counts stay for which reason: a property of the line, to be searched for in the log, and so without a price.
fn held_by(decisions: &[ServiceDecision]) -> BTreeMap<ReasonCode, usize> {
    let mut codes = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| decision.change == Change::Hold) {
        *codes.entry(decision.code).or_default() += 1;
    }
    codes
}

/// Whether the error keeps trimtab from steering services, whichever they are. What an event asked for in vain does not: an alarm
/// that concerns no service is nothing to be woken for.
fn is_of_the_fleet(error: &AnswerError) -> bool {
    error.service.is_none() && error.kind != ErrorKind::Request
}

/// Whether the count stays although a policy asked for another one.
fn is_held(decision: &ServiceDecision) -> bool {
    decision.change == Change::Hold && recommended(decision).is_some_and(|count| count != decision.from)
}

/// The highest recommendation, which is the one that counts.
fn recommended(decision: &ServiceDecision) -> Option<TaskCount> {
    decision.recommendations.iter().filter_map(|one| one.count).max()
}

fn service_line(decision: &ServiceDecision, at: Timestamp) -> String {
    let desired = if decision.applied { decision.to } else { decision.from };
    let metrics = [
        ("DesiredCount", "Count", json!(desired)),
        ("RunningCount", "Count", json!(decision.running)),
        ("RecommendedCount", "Count", json!(recommended(decision))),
    ];
    let known = metrics.into_iter().filter(|(_, _, value)| !value.is_null());
    line(at, ("Service", &decision.service.to_string()), known, [("Code", json!(decision.code))])
}

fn line<'a>(
    at: Timestamp,
    (dimension, of): (&'a str, &str),
    metrics: impl IntoIterator<Item = (&'a str, &'a str, Value)>,
    properties: impl IntoIterator<Item = (&'a str, Value)>,
) -> String {
    let mut root = Map::from_iter([(dimension.to_owned(), json!(of))]);
    root.extend(properties.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let mut definitions = Vec::new();
    for (name, unit, value) in metrics {
        definitions.push(json!({ "Name": name, "Unit": unit }));
        root.insert(name.to_owned(), value);
    }
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[dimension]], "Metrics": definitions });
    root.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] }),
    );
    Value::Object(root).to_string()
}

#[cfg(test)]
mod tests;
