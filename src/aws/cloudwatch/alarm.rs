//! Alarms as DescribeAlarms tells them.

use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    CompositeAlarm, Dimension, LogAlarm, MetricAlarm, MetricDataQuery, MetricStat as SdkMetricStat,
    StateValue, Statistic,
};
use serde::Deserialize;

use super::timestamp;
use crate::control::ports::AlarmDescription;
use crate::model::metric::{MetricExpression, MetricTerm};
use crate::model::{AlarmState, AlarmStatus, MetricSource, MetricStat};

/// The period of an alarm that tells none: alarms are evaluated once a minute.
const DEFAULT_PERIOD: Duration = Duration::from_secs(60);
/// The periods that an alarm evaluates that tells none: its newest value decides.
const DEFAULT_EVALUATION_PERIODS: u32 = 1;

pub(super) fn metric_alarm(alarm: &MetricAlarm) -> Option<(String, AlarmDescription)> {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    let status = AlarmStatus {
        threshold: alarm.threshold(),
        value: alarm.state_reason_data().and_then(newest_value),
        ..status(alarm.state_value(), since)
    };
    let metric = single_metric(alarm).or_else(|| metric_math(alarm.metrics()));
    let math_period =
        alarm.metrics().iter().find_map(|entry| entry.metric_stat()?.period().or(entry.period()));
    let period = alarm.period().or(math_period).and_then(|s| u64::try_from(s).ok());
    let period = period.map_or(DEFAULT_PERIOD, Duration::from_secs);
    let periods = alarm.evaluation_periods().and_then(|periods| u32::try_from(periods).ok());
    let evaluation_periods = periods.unwrap_or(DEFAULT_EVALUATION_PERIODS);
    Some((alarm.alarm_name()?.to_owned(), AlarmDescription { status, metric, period, evaluation_periods }))
}

pub(super) fn composite_alarm(alarm: &CompositeAlarm) -> Option<(String, AlarmDescription)> {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    let status = status(alarm.state_value(), since);
    Some((alarm.alarm_name()?.to_owned(), without_metric(status)))
}

pub(super) fn log_alarm(alarm: &LogAlarm) -> Option<(String, AlarmDescription)> {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    let status = AlarmStatus { threshold: alarm.threshold(), ..status(alarm.state_value(), since) };
    Some((alarm.alarm_name()?.to_owned(), without_metric(status)))
}

/// An alarm that watches no metric by itself.
fn without_metric(status: AlarmStatus) -> AlarmDescription {
    let (period, evaluation_periods) = (DEFAULT_PERIOD, DEFAULT_EVALUATION_PERIODS);
    AlarmDescription { status, metric: None, period, evaluation_periods }
}

fn status(state: Option<&StateValue>, since: Option<&DateTime>) -> AlarmStatus {
    let state = match state {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::Alarm) => AlarmState::Alarm,
        _ => AlarmState::InsufficientData, // a state of another name tells nothing of the metric
    };
    AlarmStatus { state, threshold: None, value: None, since: since.and_then(timestamp) }
}

/// The newest value that CloudWatch evaluated for the state: `recentDatapoints` is oldest first.
fn newest_value(reason_data: &str) -> Option<f64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ReasonData {
        recent_datapoints: Vec<Option<f64>>,
    }
    let data: ReasonData = serde_json::from_str(reason_data).ok()?;
    data.recent_datapoints.last().copied().flatten()
}

fn single_metric(alarm: &MetricAlarm) -> Option<MetricSource> {
    let statistic = alarm.statistic().map(Statistic::as_str).or(alarm.extended_statistic())?;
    let dimensions = dimensions(alarm.dimensions());
    Some(MetricSource::Stat(MetricStat::new(alarm.namespace()?, alarm.metric_name()?, dimensions, statistic)))
}

/// The metric or the one expression of an alarm on metric math. An alarm on a band has two results and so none.
fn metric_math(entries: &[MetricDataQuery]) -> Option<MetricSource> {
    let returns_data = |entry: &&MetricDataQuery| entry.return_data().unwrap_or(true);
    if entries.iter().filter(returns_data).count() != 1 {
        return None;
    }
    let expression = |entry: &MetricDataQuery| {
        let term = match (entry.metric_stat(), entry.expression()) {
            (Some(stat), _) => MetricTerm::Stat(metric_stat(stat)?),
            (None, Some(expression)) => MetricTerm::Expression(expression.to_owned()),
            (None, None) => return None,
        };
        Some(MetricExpression { id: entry.id()?.to_owned(), term, return_data: returns_data(&entry) })
    };
    let mut terms = entries.iter().map(expression).collect::<Option<Vec<_>>>()?;
    match terms.as_mut_slice() {
        [MetricExpression { term: MetricTerm::Stat(stat), .. }] => Some(MetricSource::Stat(stat.clone())),
        _ => Some(MetricSource::Math(terms)),
    }
}

fn metric_stat(stat: &SdkMetricStat) -> Option<MetricStat> {
    let metric = stat.metric()?;
    Some(MetricStat::new(
        metric.namespace()?,
        metric.metric_name()?,
        dimensions(metric.dimensions()),
        stat.stat()?,
    ))
}

fn dimensions(dimensions: &[Dimension]) -> impl Iterator<Item = (&str, &str)> {
    dimensions.iter().filter_map(|dimension| Some((dimension.name()?, dimension.value()?)))
}
