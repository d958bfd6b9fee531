//! Which points of a metric may decide: the newest, if they are fresh and possible.
//!
//! A missing, stale or impossible value is not a small one: whoever asks for it abstains.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::figures::{moment, number};
use crate::model::duration::{elapsed, format_duration};
use crate::model::metric::Metric;
use crate::model::{Observation, Point};

/// No metric of a service reaches this, in any unit; a value beyond it is a fault.
const ABSURD: f64 = 1e12;
/// No utilisation reaches this, in per cent of what is reserved: a burst on an idle EC2 instance is some 10,000 %.
const ABSURD_UTILISATION: f64 = 1e5;

/// CloudWatch shows a period at most two minutes after it ends; the rest is for a look that is late. What is older may still keep
/// tasks, but not take them away: metrics that stop must not be followed down.
const SCALE_IN_DELAY: Duration = Duration::from_secs(150);

/// The fresh points of a metric.
#[derive(Debug)]
pub(super) struct Fresh<'a> {
    metric: &'a Metric,
    points: &'a [Point],
    /// The newest point.
    pub(super) newest: Point,
    /// The sentence about values that were set aside, if any were.
    pub(super) refused: Option<String>,
    /// Why the points, though fresh, cannot speak for fewer tasks, as a sentence.
    pub(super) no_scale_in: Option<String>,
}

/// The points of a metric, if the newest is fresh; otherwise why not, as a sentence, and the values set aside.
pub(super) fn fresh<'a>(
    metric: &'a Metric,
    observation: &'a Observation,
) -> Result<Fresh<'a>, (String, Option<String>)> {
    let now = observation.now;
    let Some(points) = observation.metrics.get(&metric.key) else {
        return Err((format!("{} was not observed", metric.key), None));
    };
    let points = complete(metric, points, now);
    let refused = refused(metric, points, now);
    let Some(newest) = points.iter().rev().find(|point| is_possible(metric, **point, now)).copied() else {
        let text = match metric.offset {
            Duration::ZERO => format!("{} has no value", metric.key),
            offset => format!("{} has no value that ended {} ago", metric.key, format_duration(offset)),
        };
        return Err((text, refused));
    };
    let age = elapsed(period_end(metric, newest), now);
    let oldest_usable = stale_after(metric.period).saturating_add(metric.offset);
    if oldest_usable < age {
        let text = format!(
            "the newest value of {} ended {} ago, at {}; after {} it is stale",
            metric.key,
            format_duration(age),
            moment(period_end(metric, newest)),
            format_duration(oldest_usable)
        );
        return Err((text, refused));
    }
    let too_old = SCALE_IN_DELAY + metric.period + metric.offset;
    let no_scale_in = if points.last() != Some(&newest) {
        Some("a later value was set aside".to_owned())
    } else if too_old < age {
        Some(format!("no value has come for {}", format_duration(age)))
    } else {
        None
    };
    Ok(Fresh { metric, points, newest, refused, no_scale_in })
}

/// The points whose period ended the metric's offset ago or earlier.
fn complete<'a>(metric: &Metric, points: &'a [Point], now: Timestamp) -> &'a [Point] {
    if metric.offset.is_zero() {
        return points;
    }
    let offset = SignedDuration::try_from(metric.offset).unwrap_or(SignedDuration::MAX);
    let latest = now.saturating_sub(offset).unwrap_or(Timestamp::MIN);
    let count = points.partition_point(|point| period_end(metric, *point) <= latest);
    points.get(..count).unwrap_or(points)
}

/// The end of a point's period.
pub(super) fn period_end(metric: &Metric, point: Point) -> Timestamp {
    let period = SignedDuration::try_from(metric.period).unwrap_or(SignedDuration::ZERO);
    point.start.checked_add(period).unwrap_or(point.start)
}

/// Whether any metric can have this value.
pub fn is_possible_value(value: f64) -> bool {
    (0.0..=ABSURD).contains(&value)
}

/// Whether a metric can have this value at this time.
pub(super) fn is_possible(metric: &Metric, point: Point, now: Timestamp) -> bool {
    let most = if metric.exists_without_tasks { ABSURD } else { ABSURD_UTILISATION };
    (0.0..=most).contains(&point.value) && point.start <= now
}

impl Fresh<'_> {
    /// Those of the newest `within` points for which `holds` is true, newest first. It ends at the point that leaves less
    /// than `after` of them possible, so where the two are the same it is an unbroken run; and at a gap, for a missing point
    /// starts the count again.
    pub(super) fn run(
        &self,
        after: u32,
        within: u32,
        holds: impl Fn(f64) -> bool,
        now: Timestamp,
    ) -> Vec<Point> {
        let mut run: Vec<Point> = Vec::new();
        let mut later: Option<Point> = None;
        let mut misses_left = within.saturating_sub(after);
        let newest = self.points.iter().rev().skip_while(|point| **point != self.newest);
        for point in newest.take(usize::try_from(within).unwrap_or(usize::MAX)) {
            let adjoins = later.is_none_or(|later| period_end(self.metric, *point) == later.start);
            if !adjoins || !is_possible(self.metric, *point, now) {
                break;
            }
            if holds(point.value) {
                run.push(*point);
            } else if misses_left == 0 {
                break;
            } else {
                misses_left -= 1;
            }
            later = Some(*point);
        }
        run
    }
}

/// CloudWatch shows a period one to two minutes after it ends, and a look may come a minute later still; two periods may be
/// missing on top before the value no longer speaks of now.
fn stale_after(period: Duration) -> Duration {
    const PUBLICATION_AND_LOOK: Duration = Duration::from_secs(180);
    PUBLICATION_AND_LOOK + 2 * period
}

/// A sentence about the values that were set aside, newest first.
fn refused(metric: &Metric, points: &[Point], now: Timestamp) -> Option<String> {
    const MOST_TOLD: usize = 3;
    let impossible: Vec<Point> =
        points.iter().rev().filter(|p| !is_possible(metric, **p, now)).copied().collect();
    if impossible.is_empty() {
        return None;
    }
    let told: Vec<String> = impossible
        .iter()
        .take(MOST_TOLD)
        .map(|point| format!("{} at {}", number(point.value), moment(point.start)))
        .collect();
    let more = impossible.len().saturating_sub(MOST_TOLD);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("{} cannot have the value {}{more}; not observed", metric.key, told.join(", ")))
}
