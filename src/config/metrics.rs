//! Metrics of the policy file as the metrics of the model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::document::policy::{
    CustomMetricDoc, MathMetricDoc, MetricExpressionDoc, MetricStatDoc, PredefinedMetric,
};
use super::entry::{CLUSTER, SERVICE};
use super::explain::suggestion;
use super::path::Path;
use super::report::Report;
use super::scalar::{DimensionsDoc, MetricDoc};
use super::validate::at_most_an_hour;
use crate::model::duration::format_duration;
use crate::model::metric::{MetricExpression, MetricTerm};
use crate::model::{Metric, MetricSource, MetricStat, ServiceId};

const MINUTE: Duration = Duration::from_secs(60);
/// The namespace of Application Load Balancers.
pub(super) const LOAD_BALANCERS: &str = "AWS/ApplicationELB";
/// The most metrics in one expression, as with Application Auto Scaling.
const MOST_METRICS: usize = 10;

/// The metric of a target tracking policy at `path`.
pub(super) fn metric(
    report: &mut Report<'_>,
    path: &Path,
    doc: MetricDoc,
    resource_label: Option<&str>,
) -> Option<Metric> {
    if let (Some(_), false) =
        (resource_label, matches!(doc, MetricDoc::Predefined(PredefinedMetric::ALBRequestCountPerTarget)))
    {
        report.wrong(&path.key("resource_label"), "is only for the metric ALBRequestCountPerTarget");
    }
    match doc {
        MetricDoc::Predefined(name) => predefined(report, path, name, resource_label),
        MetricDoc::Custom(custom) => described(report, &path.key("metric"), *custom),
    }
}

/// A metric of an SQS queue: messages in a minute, summed.
pub(super) fn of_queue(queue: &str, name: &str) -> Metric {
    let stat = MetricStat::new("AWS/SQS", name, [("QueueName", queue)], "Sum");
    a_minute(format!("{queue}.{name}"), stat, true)
}

/// A metric by the minute.
pub(super) fn a_minute(key: String, stat: MetricStat, exists_without_tasks: bool) -> Metric {
    Metric {
        key: key.into(),
        source: MetricSource::Stat(stat),
        period: MINUTE,
        offset: Duration::ZERO,
        exists_without_tasks,
    }
}

fn predefined(
    report: &mut Report<'_>,
    path: &Path,
    name: PredefinedMetric,
    resource_label: Option<&str>,
) -> Option<Metric> {
    let (key, metric, period) = match name {
        PredefinedMetric::ALBRequestCountPerTarget => {
            return requests_per_target(report, path, resource_label);
        }
        PredefinedMetric::ECSServiceAverageCPUUtilization => {
            ("ECSServiceAverageCPUUtilization", "CPUUtilization", 60)
        }
        PredefinedMetric::ECSServiceAverageMemoryUtilization => {
            ("ECSServiceAverageMemoryUtilization", "MemoryUtilization", 60)
        }
        PredefinedMetric::ECSServiceAverageCPUUtilizationHighResolution => {
            ("ECSServiceAverageCPUUtilizationHighResolution", "CPUUtilization", 20)
        }
        PredefinedMetric::ECSServiceAverageMemoryUtilizationHighResolution => {
            ("ECSServiceAverageMemoryUtilizationHighResolution", "MemoryUtilization", 20)
        }
    };
    let stat = MetricStat::ecs_service(metric, &ServiceId::new(CLUSTER, SERVICE));
    Some(Metric {
        key: key.into(),
        source: MetricSource::Stat(stat),
        period: Duration::from_secs(period),
        offset: Duration::ZERO,
        exists_without_tasks: false,
    })
}

/// `ECSServiceAverageCPUUtilization` of the service that an entry is for.
pub(super) fn cpu_utilization() -> Metric {
    let stat = MetricStat::ecs_service("CPUUtilization", &ServiceId::new(CLUSTER, SERVICE));
    a_minute("ECSServiceAverageCPUUtilization".to_owned(), stat, false)
}

fn requests_per_target(report: &mut Report<'_>, path: &Path, label: Option<&str>) -> Option<Metric> {
    let example = "write resource_label: app/<lb>/<id>/targetgroup/<tg>/<id>, the ends of the two ARNs";
    let Some(label) = label else {
        report.wrong_but(path, "ALBRequestCountPerTarget needs \"resource_label\"", example);
        return None;
    };
    let parts = label.find("/targetgroup/").and_then(|at| Some((label.get(..at)?, label.get(at + 1..)?)));
    let Some((balancer, group)) = parts.filter(|(lb, tg)| is_load_balancer(lb) && is_target_group(tg)) else {
        let message = format!("{label:?} does not name a load balancer and a target group");
        report.wrong_but(&path.key("resource_label"), message, example);
        return None;
    };
    let dimensions = [("LoadBalancer", balancer), ("TargetGroup", group)];
    let stat = MetricStat::new(LOAD_BALANCERS, "RequestCountPerTarget", dimensions, "Sum");
    Some(a_minute("ALBRequestCountPerTarget".to_owned(), stat, false))
}

/// Whether a text is `app/<name>/<id>`.
pub(super) fn is_load_balancer(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    matches!(parts.as_slice(), ["app", name, id] if !name.is_empty() && !id.is_empty())
}

/// Whether a text is `targetgroup/<name>/<id>`.
pub(super) fn is_target_group(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    matches!(parts.as_slice(), ["targetgroup", name, id] if !name.is_empty() && !id.is_empty())
}

fn described(report: &mut Report<'_>, path: &Path, doc: CustomMetricDoc) -> Option<Metric> {
    let (period, offset) = (doc.period.0, doc.offset.0);
    check_period(report, &path.key("period"), period);
    at_most_an_hour(report, &path.key("offset"), offset);
    if let Some(metrics) = doc.metrics {
        for (key, is_given) in [
            ("namespace", doc.namespace.is_some()),
            ("dimensions", doc.dimensions.is_some()),
            ("stat", doc.stat.is_some()),
        ] {
            if is_given {
                report.wrong(
                    &path.key(key),
                    "has no place beside \"metrics\": each entry has its own metric_stat",
                );
            }
        }
        let (key, terms) = math(report, &path.key("metrics"), metrics)?;
        let key = doc.name.unwrap_or(key);
        let source = MetricSource::Math(terms);
        return Some(Metric { key: key.into(), source, period, offset, exists_without_tasks: true });
    }
    let dimensions = dimensions(report, &path.key("dimensions"), doc.dimensions);
    let (Some(namespace), Some(name)) = (doc.namespace, doc.name) else {
        report.wrong(path, "a metric needs \"namespace\" and \"name\", or \"metrics\" for metric math");
        return None;
    };
    let stat = doc.stat.unwrap_or_else(|| "Average".to_owned());
    let stat = MetricStat { namespace, name: name.clone(), dimensions, stat };
    let source = MetricSource::Stat(stat);
    Some(Metric { key: name.into(), source, period, offset, exists_without_tasks: true })
}

/// Periods that GetMetricData takes: 10, 20 or 30 seconds, or whole minutes; a day at most is of use here.
fn check_period(report: &mut Report<'_>, path: &Path, period: Duration) {
    const LONGEST: u64 = 86_400;
    let seconds = period.as_secs();
    let is_whole = period.subsec_nanos() == 0;
    let is_period =
        matches!(seconds, 10 | 20 | 30) || (0 < seconds && seconds <= LONGEST && seconds.is_multiple_of(60));
    if !(is_whole && is_period) {
        let message = format!("{} is no period of CloudWatch", format_duration(period));
        report.wrong_but(path, message, "write 10s, 20s, 30s or whole minutes up to a day");
    }
}

/// The entries of metric math, and the name of the result: the returning entry's label, else its id.
fn math(
    report: &mut Report<'_>,
    path: &Path,
    docs: Vec<MetricExpressionDoc>,
) -> Option<(String, Vec<MetricExpression>)> {
    if docs.is_empty() || MOST_METRICS < docs.len() {
        report.wrong(path, format!("has {} entries; metric math has 1 to {MOST_METRICS}", docs.len()));
        return None;
    }
    let mut ids = BTreeSet::new();
    let mut names = Vec::new();
    let mut terms = Vec::new();
    for (i, doc) in docs.into_iter().enumerate() {
        let path = path.index(i);
        if !is_id(&doc.id) {
            let message = format!("{:?} is not an id", doc.id);
            let hint = "begin with a lower-case letter; then letters, digits and underscores";
            report.wrong_but(&path.key("id"), message, hint);
        }
        if !ids.insert(doc.id.clone()) {
            report.wrong(&path.key("id"), format!("another entry has the id {:?}", doc.id));
        }
        if doc.return_data {
            names.push(doc.label.unwrap_or_else(|| doc.id.clone()));
        }
        let term = term(report, &path, doc.expression, doc.metric_stat);
        terms.extend(term.map(|term| MetricExpression { id: doc.id, term, return_data: doc.return_data }));
    }
    match names.as_slice() {
        [name] => Some((name.clone(), terms)),
        several => {
            let message = format!("{} entries return data; just one may", several.len());
            report.wrong_but(path, message, "write return_data: false on those that only feed an expression");
            None
        }
    }
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn term(
    report: &mut Report<'_>,
    path: &Path,
    expression: Option<String>,
    stat: Option<MetricStatDoc>,
) -> Option<MetricTerm> {
    match (expression, stat) {
        (Some(expression), None) => Some(MetricTerm::Expression(expression)),
        (None, Some(MetricStatDoc { metric, stat, .. })) => {
            let MathMetricDoc { namespace, metric_name: name, dimensions: given } = metric;
            let path = path.key("metric_stat").key("metric").key("dimensions");
            let dimensions = dimensions(report, &path, given);
            Some(MetricTerm::Stat(MetricStat { namespace, name, dimensions, stat }))
        }
        _ => {
            report.wrong(path, "an entry of metric math needs either \"expression\" or \"metric_stat\"");
            None
        }
    }
}

fn dimensions(report: &mut Report<'_>, path: &Path, doc: Option<DimensionsDoc>) -> BTreeMap<String, String> {
    let mut dimensions = BTreeMap::new();
    match doc {
        None => {}
        Some(DimensionsDoc::Map(map)) => {
            for (name, value) in map {
                check_placeholders(report, &path.key(&name), &value);
                dimensions.insert(name, value);
            }
        }
        Some(DimensionsDoc::List(list)) => {
            for (i, dimension) in list.into_iter().enumerate() {
                let path = path.index(i);
                check_placeholders(report, &path.key("value"), &dimension.value);
                if dimensions.insert(dimension.name.clone(), dimension.value).is_some() {
                    let message = format!("the dimension {:?} is here a second time", dimension.name);
                    report.wrong(&path.key("name"), message);
                }
            }
        }
    }
    dimensions
}

/// Reports a misspelt placeholder, and says whether there is none. Other text in braces stands for itself, as in the resource `/users/{id}`.
pub(super) fn check_placeholders(report: &mut Report<'_>, path: &Path, text: &str) -> bool {
    let before = report.problems.len();
    let known = [CLUSTER.to_owned(), SERVICE.to_owned()];
    for part in text.split('{').skip(1) {
        let Some((word, _)) = part.split_once('}') else { continue };
        let written = format!("{{{word}}}");
        if let (false, Some(hint)) = (known.contains(&written), suggestion(&written, &known)) {
            report.wrong_but(path, format!("unknown placeholder {written:?}"), hint);
        }
    }
    before == report.problems.len()
}
