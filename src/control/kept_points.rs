//! CloudWatch for the looks of one minute: a metric of a minute or longer is asked for at the first look that needs it and kept
//! for the later ones, since each metric that is asked for is paid for and would say the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{MetricSource, Point};

use super::ports::{AlarmDescription, CloudWatch, MetricQuery, PortError};
use super::watch::A_MINUTE;

/// CloudWatch, and what it said in this minute.
pub(super) struct KeptPoints {
    cloudwatch: Arc<dyn CloudWatch>,
    kept: Mutex<Kept>,
}

/// By what was asked for, by a period and how many points of it: those that there were. Beside the newest points of a metric there
/// may be its last days, which only the look that asked for them should see.
type Kept = BTreeMap<(MetricSource, Duration), BTreeMap<u32, Vec<Point>>>;

impl KeptPoints {
    /// Nothing is kept yet.
    pub(super) fn new(cloudwatch: Arc<dyn CloudWatch>) -> Self {
        Self { cloudwatch, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, query: &MetricQuery) -> Option<Vec<Point>> {
        let kept = self.kept();
        let known = kept.get(&(query.source.clone(), query.period))?;
        known.range(query.points..).next().map(|(_, points)| points.clone())
    }

    fn keep(&self, query: &MetricQuery, points: &[Point]) {
        if A_MINUTE <= query.period {
            let mut kept = self.kept();
            let known = kept.entry((query.source.clone(), query.period)).or_default();
            known.insert(query.points, points.to_vec());
        }
    }
}

#[async_trait]
impl CloudWatch for KeptPoints {
    async fn get_metric_data(
        &self,
        queries: &[MetricQuery],
        now: Timestamp,
    ) -> Result<Vec<Result<Vec<Point>, PortError>>, PortError> {
        let mut answers: Vec<Option<Result<Vec<Point>, PortError>>> =
            queries.iter().map(|query| self.known(query).map(Ok)).collect();
        let asked: Vec<MetricQuery> = queries
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(query, _)| query.clone())
            .collect();
        if !asked.is_empty() {
            let found = self.cloudwatch.get_metric_data(&asked, now).await?;
            for (query, answer) in asked.iter().zip(&found) {
                if let Ok(points) = answer {
                    self.keep(query, points);
                }
            }
            let unanswered = answers.iter_mut().filter(|answer| answer.is_none());
            unanswered.zip(found).for_each(|(place, answer)| *place = Some(answer));
        }
        Ok(answers.into_iter().map_while(|answer| answer).collect())
    }

    async fn describe_alarms(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, AlarmDescription>, PortError> {
        self.cloudwatch.describe_alarms(names).await
    }
}
