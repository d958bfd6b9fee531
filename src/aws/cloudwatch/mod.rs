//! Amazon CloudWatch: the points of metrics and the state of alarms.

mod alarm;
mod history;
mod query;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, MessageData, MetricDataResult, ScanBy, StatusCode};
use futures::future::{BoxFuture, FutureExt as _, join, join_all};
use jiff::Timestamp;

use super::error::port_error;
use super::lazy::Lazy;
use crate::control::ports::{AlarmDescription, CloudWatch, MetricQuery, PortError, PortErrorKind};
use crate::model::Point;
use crate::model::duration::elapsed;

const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";
const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";

/// The most alarms that one page of DescribeAlarms holds.
const ALARMS_PER_PAGE: i32 = 100;

/// Amazon CloudWatch in one region of one account.
#[derive(Clone, Debug)]
pub struct CloudWatchApi {
    client: Lazy<Client>,
}

/// What one query came to.
type Outcome = Result<Vec<Point>, PortError>;

impl CloudWatchApi {
    /// Speaks to CloudWatch through this client.
    pub fn new(client: impl Into<Lazy<Client>>) -> Self {
        Self { client: client.into() }
    }

    /// Makes one call for these queries. CloudWatch refuses the whole call for one query that it cannot take, so a call
    /// that was refused is made again in halves, until only the wrong queries are left without points.
    fn get<'a>(
        &'a self,
        queries: &'a [&'a MetricQuery],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Outcome>, PortError>> {
        async move {
            match self.call(queries, now).await {
                Err(error) if is_of_one_query(&error) && 1 < queries.len() => {
                    let (left, right) = queries.split_at(queries.len() / 2);
                    let (of_left, of_right) = join(self.get(left, now), self.get(right, now)).await;
                    let mut outcomes = for_each(left, of_left);
                    outcomes.extend(for_each(right, of_right));
                    Ok(outcomes)
                }
                other => other,
            }
        }
        .boxed()
    }

    async fn call(&self, queries: &[&MetricQuery], now: Timestamp) -> Result<Vec<Outcome>, PortError> {
        let request = query::Request::new(queries, now);
        let mut pages = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(request.queries))
            .start_time(DateTime::from_secs(request.start.as_second()))
            .end_time(DateTime::from_millis(now.as_millisecond()))
            .scan_by(ScanBy::TimestampAscending)
            .into_paginator()
            .send();
        let mut series: BTreeMap<String, Series> = BTreeMap::new();
        let mut remarks = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(GET_METRIC_DATA, error))?;
            remarks.extend_from_slice(page.messages());
            for result in page.metric_data_results() {
                if let Some(id) = result.id() {
                    series.entry(id.to_owned()).or_default().add(result);
                }
            }
        }
        let outcomes = queries.iter().zip(request.result_ids).map(|(query, id)| {
            let series = series.remove(&id).ok_or_else(|| incomplete("no result", &remarks))?;
            series.points(query, now, &remarks)
        });
        Ok(outcomes.collect())
    }
}

#[async_trait]
impl CloudWatch for CloudWatchApi {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, PortError> {
        let calls = query::calls(queries);
        let gets = calls.iter().map(|call| async move {
            let queries: Vec<&MetricQuery> = call.iter().map(|(_, query)| *query).collect();
            self.get(&queries, now).await
        });
        let mut answers = join_all(gets).await;
        if !answers.is_empty() && answers.iter().all(Result::is_err) {
            return answers.swap_remove(0); // one error tells it all
        }
        let mut outcomes: Vec<(usize, Outcome)> = Vec::with_capacity(queries.len());
        for (call, answer) in calls.iter().zip(answers) {
            outcomes.extend(call.iter().map(|(index, _)| *index).zip(for_each(call, answer)));
        }
        outcomes.sort_by_key(|(index, _)| *index);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    async fn describe_alarms(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        let mut alarms = BTreeMap::new();
        if names.is_empty() {
            return Ok(alarms); // without names CloudWatch would tell of all alarms
        }
        let mut pages = self
            .client
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .set_alarm_types(Some(vec![
                AlarmType::MetricAlarm,
                AlarmType::CompositeAlarm,
                AlarmType::LogAlarm,
            ]))
            .max_records(ALARMS_PER_PAGE)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(DESCRIBE_ALARMS, error))?;
            alarms.extend(page.metric_alarms().iter().filter_map(alarm::metric_alarm));
            alarms.extend(page.composite_alarms().iter().filter_map(alarm::composite_alarm));
            alarms.extend(page.log_alarms().iter().filter_map(alarm::log_alarm));
        }
        Ok(alarms)
    }
}

/// The results of one id over all pages.
#[derive(Default)]
struct Series {
    label: Option<String>,
    several: bool,
    points: Vec<Point>,
    status: Option<StatusCode>,
    remarks: Vec<MessageData>,
}

impl Series {
    /// The status of the last page counts: those before it are partial by nature.
    fn add(&mut self, result: &MetricDataResult) {
        let label = result.label().map(ToOwned::to_owned);
        self.several |= self.status.is_some() && self.label != label;
        self.label = label;
        self.status = result.status_code().cloned();
        self.remarks.extend_from_slice(result.messages());
        let points = result.timestamps().iter().zip(result.values());
        self.points.extend(points.filter_map(|(start, value)| {
            let start = timestamp(start)?;
            value.is_finite().then_some(Point { start, value: *value })
        }));
    }

    fn points(self, query: &MetricQuery, now: Timestamp, remarks: &[MessageData]) -> Outcome {
        let start = query::start(query, now);
        let mut points = self.complete(remarks)?;
        points.retain(|point| start <= point.start && has_ended(*point, query.period, now));
        Ok(points)
    }

    /// All points, oldest first, where CloudWatch says that these are all.
    fn complete(mut self, remarks: &[MessageData]) -> Outcome {
        self.remarks.extend_from_slice(remarks);
        match self.status {
            Some(StatusCode::Complete) if self.several => {
                let message = "the expression gives more than one series";
                Err(PortError::new(GET_METRIC_DATA, PortErrorKind::Refused, message))
            }
            Some(StatusCode::Complete) => {
                self.points.sort_by_key(|point| point.start);
                Ok(self.points)
            }
            Some(StatusCode::Forbidden) => {
                let mut error = incomplete("Forbidden", &self.remarks);
                error.kind = PortErrorKind::Denied;
                Err(error)
            }
            Some(status) => Err(incomplete(status.as_str(), &self.remarks)),
            None => Err(incomplete("no status", &self.remarks)),
        }
    }
}

/// Whether a point's period is over. CloudWatch shows the running one as well, with the sum of what came so far.
fn has_ended(point: Point, period: Duration, now: Timestamp) -> bool {
    period <= elapsed(point.start, now)
}

/// Whether CloudWatch itself refused the call, as it does for one query that it cannot take.
fn is_of_one_query(error: &PortError) -> bool {
    let sdk = error.source.as_ref().and_then(|source| source.downcast_ref::<SdkError<GetMetricDataError>>());
    error.kind == PortErrorKind::Refused && matches!(sdk, Some(SdkError::ServiceError(_)))
}

/// The time of an SDK timestamp; none outside the years that `jiff` knows.
fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok()
}

fn incomplete(what: &str, remarks: &[MessageData]) -> PortError {
    let remarks: Vec<&str> = remarks.iter().filter_map(MessageData::value).collect();
    let why = if remarks.is_empty() { String::new() } else { format!(": {}", remarks.join("; ")) };
    PortError::new(GET_METRIC_DATA, PortErrorKind::Transient, format!("CloudWatch answered {what}{why}"))
}

/// The outcome of each query of a call; a call that failed failed for each.
fn for_each<Q>(queries: &[Q], answer: Result<Vec<Outcome>, PortError>) -> Vec<Outcome> {
    match answer {
        Ok(outcomes) => outcomes,
        Err(error) => queries
            .iter()
            .map(|_| Err(PortError::new(error.operation, error.kind, error.message.clone())))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
