//! Which points of a metric may decide: the newest, if they are fresh and possible.
//!
//! A missing, stale or impossible value is not a small one: whoever asks for it abstains.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::figures::{if_any, moment, number, span};
use crate::model::duration::{earlier, elapsed, later};
use crate::model::metric::Metric;
use crate::model::sentence::{Phrase, phrase};
use crate::model::{Observation, Point, Sentence};

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
    /// The points up to the newest.
    points: &'a [Point],
    /// The newest point.
    pub(super) newest: Point,
    /// The sentence about values that were set aside, if any were.
    pub(super) refused: Option<Sentence>,
    /// Why the points, though fresh, cannot speak for fewer tasks.
    pub(super) no_scale_in: Option<NoScaleIn>,
}

/// Why fresh points cannot speak for fewer tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoScaleIn {
    /// A later value is not one that the metric can have.
    LaterRefused,
    /// The newest value ended so long ago.
    NoneFor(Duration),
}

impl fmt::Display for NoScaleIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LaterRefused => f.write_str("a later value was set aside"),
            Self::NoneFor(age) => write!(f, "no value has come for {}", span(*age)),
        }
    }
}

/// The points of a metric, if the newest is fresh; otherwise why not, as a sentence, and the values set aside.
pub(super) fn fresh<'a>(
    metric: &'a Metric,
    observation: &'a Observation,
) -> Result<Fresh<'a>, (Sentence, Option<Sentence>)> {
    let now = observation.now;
    let key = || metric.key.clone();
    let Some(points) = observation.metrics.get(&metric.key) else {
        return Err((Sentence::new(phrase!("{key} was not observed", key = key())), None));
    };
    let points = complete(metric, points, now);
    let refused = refused(metric, points, now);
    let possible = points.iter().rposition(|point| is_possible(metric, *point, now));
    let up_to_newest = possible.and_then(|newest| points.get(..=newest)).unwrap_or_default();
    let Some(newest) = up_to_newest.last().copied() else {
        let text = match metric.offset {
            Duration::ZERO => Sentence::new(phrase!("{key} has no value", key = key())),
            offset => Sentence::new(phrase!(
                "{key} has no value that ended {offset} ago",
                key = key(),
                offset = span(offset)
            )),
        };
        return Err((text, refused));
    };
    let age = elapsed(period_end(metric, newest), now);
    let oldest_usable = stale_after(metric.period).saturating_add(metric.offset);
    if oldest_usable < age {
        let text = phrase!(
            "the newest value of {key} ended {age} ago, at {end}; after {usable} it is stale",
            key = key(),
            age = span(age),
            end = moment(period_end(metric, newest)),
            usable = span(oldest_usable)
        );
        return Err((Sentence::new(text), refused));
    }
    let too_old = SCALE_IN_DELAY + metric.period + metric.offset;
    let no_scale_in = if up_to_newest.len() < points.len() {
        Some(NoScaleIn::LaterRefused)
    } else if too_old < age {
        Some(NoScaleIn::NoneFor(age))
    } else {
        None
    };
    Ok(Fresh { metric, points: up_to_newest, newest, refused, no_scale_in })
}

/// The points whose period ended the metric's offset ago or earlier.
fn complete<'a>(metric: &Metric, points: &'a [Point], now: Timestamp) -> &'a [Point] {
    if metric.offset.is_zero() {
        return points;
    }
    let latest = earlier(now, metric.offset);
    let count = points.partition_point(|point| period_end(metric, *point) <= latest);
    points.get(..count).unwrap_or(points)
}

/// The end of a point's period.
pub(super) fn period_end(metric: &Metric, point: Point) -> Timestamp {
    later(point.start, metric.period)
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
    ) -> impl Iterator<Item = Point> {
        let mut first = self.points.len();
        let mut next_start: Option<Timestamp> = None;
        let mut misses_left = within.saturating_sub(after);
        let within = usize::try_from(within).unwrap_or(usize::MAX);
        for (place, point) in self.points.iter().enumerate().rev().take(within) {
            let adjoins = next_start.is_none_or(|start| start == period_end(self.metric, *point));
            if !adjoins || !is_possible(self.metric, *point, now) {
                break;
            }
            if !holds(point.value) {
                let Some(left) = misses_left.checked_sub(1) else { break };
                misses_left = left;
            }
            next_start = Some(point.start);
            first = place;
        }
        let run = self.points.get(first..).unwrap_or_default();
        run.iter().rev().copied().filter(move |point| holds(point.value))
    }
}

/// CloudWatch shows a period one to two minutes after it ends, and a look may come a minute later still; two periods may be
/// missing on top before the value no longer speaks of now.
fn stale_after(period: Duration) -> Duration {
    const PUBLICATION_AND_LOOK: Duration = Duration::from_secs(180);
    PUBLICATION_AND_LOOK + 2 * period
}

/// A sentence about the values that were set aside, newest first.
fn refused(metric: &Metric, points: &[Point], now: Timestamp) -> Option<Sentence> {
    const MOST_TOLD: usize = 3;
    let mut impossible = points.iter().rev().filter(|point| !is_possible(metric, **point, now));
    let told = std::array::from_fn::<Option<Point>, MOST_TOLD, _>(|_| impossible.next().copied());
    told.first().copied().flatten()?;
    let more = Some(impossible.count()).filter(|more| 0 < *more).map(|more| phrase!(" and {more} more"));
    Some(Sentence::new(phrase!(
        "{key} cannot have the value {told}{more}; not observed",
        key = metric.key.clone(),
        told = values(told),
        more = if_any(more)
    )))
}

/// Values with their times, one after the other.
fn values<const MOST: usize>(points: [Option<Point>; MOST]) -> impl Phrase {
    fmt::from_fn(move |f| {
        points.iter().flatten().enumerate().try_for_each(|(place, point)| {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{} at {}", number(point.value), moment(point.start))
        })
    })
}
