//! The past of metrics, by GetMetricData.

use async_trait::async_trait;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MessageData, ScanBy};
use jiff::Timestamp;

use super::query::stat_entry;
use super::{CloudWatchApi, GET_METRIC_DATA, Series};
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
        // A past with a hole in it is refused, so that it is asked for again.
        let in_range = |point: &Point| start <= point.start && point.start < end;
        let complete = |series: Series| {
            let points = series.complete(&remarks)?;
            Ok(points.into_iter().filter(in_range).collect())
        };
        found.into_iter().map(complete).collect()
    }
}
