//! Metrics: where a value comes from, and its points in time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::name::Name;
use super::service::ServiceId;

/// The value of one period of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The start of the period.
    pub start: Timestamp,
    /// The statistic over the period, in the metric's own unit.
    pub value: f64,
}

/// A metric that a policy looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name under which the observation holds its points; unique within a target.
    pub key: Name,
    /// What is asked of CloudWatch.
    pub source: MetricSource,
    /// The length of a period: 20 s for high-resolution ECS metrics, else whole minutes.
    pub period: Duration,
    /// How long ago a point's period must have ended before the point is used: a newer one may still be incomplete.
    pub offset: Duration,
    /// Whether the metric has values while the service has no task. A utilisation has none.
    pub exists_without_tasks: bool,
}

/// What is asked of CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricSource {
    /// One statistic of one metric.
    Stat(MetricStat),
    /// Metric math with one resulting series, as the Metrics list of Application Auto Scaling.
    Math(Vec<MetricExpression>),
}

/// One statistic of one metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricStat {
    /// The namespace, as in `AWS/ECS`.
    pub namespace: String,
    /// The metric's name, as in `CPUUtilization`.
    pub name: String,
    /// The dimensions, by name.
    pub dimensions: BTreeMap<String, String>,
    /// The statistic, as in `Average`, `p99` or `PR(:0.3)`.
    pub stat: String,
}

/// One entry of metric math.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricExpression {
    /// The name by which expressions refer to it; starts with a lower-case letter.
    pub id: String,
    /// The metric or the expression.
    pub term: MetricTerm,
    /// Whether its series is the result; true for exactly one entry.
    pub return_data: bool,
}

/// The metric or the expression of an entry of metric math.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricTerm {
    /// A statistic of a metric.
    Stat(MetricStat),
    /// An expression over other entries, as in `visible / running`.
    Expression(String),
}

impl MetricStat {
    /// A utilisation that ECS publishes for a service in the namespace `AWS/ECS`, in per cent of what is reserved.
    pub fn ecs_service(name: &str, service: &ServiceId) -> Self {
        let dimensions = [("ClusterName", service.cluster()), ("ServiceName", service.service())];
        Self::new("AWS/ECS", name, dimensions, "Average")
    }

    /// A statistic of a metric, from borrowed parts.
    pub fn new<'a>(
        namespace: &str,
        name: &str,
        dimensions: impl IntoIterator<Item = (&'a str, &'a str)>,
        stat: &str,
    ) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            stat: stat.to_owned(),
        }
    }
}
