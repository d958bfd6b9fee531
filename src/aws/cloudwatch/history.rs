//! The past of metrics, by GetMetricData.

use async_trait::async_trait;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MessageData, ScanBy, StatusCode};
use jiff::Timestamp;

use super::query::stat_entry;
use super::{CloudWatchApi, GET_METRIC_DATA, Series, incomplete};
use crate::aws::error::port_error;
use crate::control::ports::{PortError, QUERIES_PER_GET};
use crate::history::{MINUTE, MetricHistory};
use crate::model::{MetricStat, Point};

/// The most points that one page of GetMetricData holds.
const POINTS_PER_PAGE: i32 = 100_800;

#[async_trait]
impl MetricHistory for CloudWatchApi {
    async fn minutes(
        &self,
        stats: &[MetricStat],
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Vec<Point>>, PortError> {
        let mut points = Vec::with_capacity(stats.len());
        for call in stats.chunks(QUERIES_PER_GET) {
            points.extend(self.range(call, start, end).await?);
        }
        Ok(points)
    }
}

impl CloudWatchApi {
    async fn range(
        &self,
        stats: &[MetricStat],
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Vec<Point>>, PortError> {
        let period = i32::try_from(MINUTE.as_secs()).unwrap_or(i32::MAX);
        let id = |index: usize| format!("q{index}");
        let entries =
            stats.iter().enumerate().map(|(index, stat)| stat_entry(&id(index), stat, period, true));
        let mut pages = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(entries.collect()))
            .start_time(DateTime::from_secs(start.as_second()))
            .end_time(DateTime::from_secs(end.as_second()))
            .scan_by(ScanBy::TimestampAscending)
            .max_datapoints(POINTS_PER_PAGE)
            .into_paginator()
            .send();
        let mut found: Vec<Series> = stats.iter().map(|_| Series::default()).collect();
        let mut remarks: Vec<MessageData> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(GET_METRIC_DATA, error))?;
            remarks.extend_from_slice(page.messages());
            for result in page.metric_data_results() {
                let index = (0..stats.len()).find(|index| result.id() == Some(&id(*index)));
                if let Some(series) = index.and_then(|index| found.get_mut(index)) {
                    series.add(result);
                }
            }
        }
        found.into_iter().map(|series| series.between(start, end, &remarks)).collect()
    }
}

impl Series {
    /// The points that begin from `start` until before `end`, oldest first. A past with a hole in it is refused, so that
    /// it is asked for again.
    fn between(
        mut self,
        start: Timestamp,
        end: Timestamp,
        remarks: &[MessageData],
    ) -> Result<Vec<Point>, PortError> {
        self.remarks.extend_from_slice(remarks);
        match &self.status {
            Some(StatusCode::Complete) => {
                self.points.retain(|point| start <= point.start && point.start < end);
                self.points.sort_by_key(|point| point.start);
                Ok(self.points)
            }
            Some(status) => Err(incomplete(status.as_str(), &self.remarks)),
            None => Err(incomplete("no result", &self.remarks)),
        }
    }
}
