//! The history of metrics, for the looks whose memory wants it. It is a second round of calls after the first, because only what is
//! remembered tells whether it is wanted; most looks have none. A look that does not get it decides without.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::control::controller::Ports;
use crate::control::ports::{MetricQuery, PortError};
use crate::control::side_by_side::in_order;
use crate::control::watch::{A_MINUTE, in_time};
use crate::engine::{HISTORY, wanted_history};
use crate::model::{Memory, Metric, Point, ScalableTarget, ServiceId};

use super::signals::{Series, in_words};
use super::{History, Sight};

/// Services that get their histories at one look, so that the others do not wait: to rehearse on a fortnight takes a processor most of
/// a second, and a function of 256 MB has a seventh of one. The rest get theirs at the following looks.
pub(super) const MOST_SERVICES: usize = 1;
/// A history that is not there after this time is left to a following look.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Adds the histories that are wanted to what was seen, for no more than so many services; the others are put off.
pub(super) async fn add_histories(
    ports: &Ports,
    targets: &[ScalableTarget],
    now: Timestamp,
    sights: &mut BTreeMap<ServiceId, Sight>,
    most_services: usize,
) {
    let mut wanted: BTreeMap<Series, Vec<(ServiceId, &str)>> = BTreeMap::new();
    let mut services = 0;
    for target in targets {
        let Some(sight) = sights.get_mut(&target.service) else { continue };
        let Some(stored) = &sight.stored else { continue };
        let metrics = histories(target, &stored.memory, now);
        if metrics.is_empty() {
            continue;
        }
        if most_services <= services {
            sight.history = History::PutOff;
            continue;
        }
        services += 1;
        sight.history = History::Asked;
        for metric in metrics {
            let series = (metric.source.clone(), metric.period);
            wanted.entry(series).or_default().push((target.service.clone(), &metric.key));
        }
    }
    let calls = wanted.into_iter().map(|(series, users)| async move {
        let points = read(ports, &series, now).await;
        (series, users, points)
    });
    for (series, users, points) in in_order(calls.collect()).await {
        let points = match points {
            Ok(points) => points,
            Err(error) => {
                tracing::warn!(
                    metric = in_words(&series.0),
                    error,
                    "decided without the history of a metric"
                );
                continue;
            }
        };
        for (service, key) in users {
            if let Some(sight) = sights.get_mut(&service) {
                let recent = sight.observation.metrics.entry(key.into()).or_default();
                put_before(recent, &points);
            }
        }
    }
}

/// The metrics whose history is wanted and kept: CloudWatch has the last days of no period under a minute.
fn histories<'a>(target: &'a ScalableTarget, memory: &Memory, now: Timestamp) -> Vec<&'a Metric> {
    let mut metrics = wanted_history(target, memory, now);
    metrics.retain(|metric| A_MINUTE <= metric.period);
    metrics
}

async fn read(ports: &Ports, (source, period): &Series, now: Timestamp) -> Result<Vec<Point>, String> {
    let points = HISTORY.as_secs().div_ceil(period.as_secs().max(1));
    let points = u32::try_from(points).unwrap_or(u32::MAX);
    let query = [MetricQuery { source: source.clone(), period: *period, points }];
    let answer =
        in_time(ports.cloudwatch.get_metric_data(&query, now), ports.clock.as_ref(), READ_WITHIN).await;
    let told = |error: PortError| error.to_string();
    let Some(answer) = answer else {
        return Err(format!("cloudwatch:GetMetricData took over {} s", READ_WITHIN.as_secs()));
    };
    let answers = answer.map_err(told)?;
    let first = answers.into_iter().next();
    first.ok_or_else(|| "cloudwatch:GetMetricData said nothing of it".to_owned())?.map_err(told)
}

/// Puts the points that are older than the recent ones before them.
fn put_before(recent: &mut Vec<Point>, history: &[Point]) {
    let older = match recent.first() {
        Some(first) => history.partition_point(|point| point.start < first.start),
        None => history.len(),
    };
    recent.splice(0..0, history.iter().take(older).copied());
}
