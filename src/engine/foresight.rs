//! The load that a promise policy looks ahead to: it is followed minute by minute, and once a day, where the look brings the history
//! of the last days, the rehearsal chooses anew how.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::freshness::is_possible;
use super::history::HISTORY;
use super::lookahead::{Pace, push};
use super::recommend::Look;
use super::rehearsal::Script;
use super::season::{Slots, most_usual};
use super::staffing::margin_for;
use super::starts::Delays;
use crate::model::memory::{LoadMemory, LookaheadMemory, LookaheadTuning, Rehearsed, Season};
use crate::model::metric::{Metric, Point};
use crate::model::policy::PredictiveMode;

/// A rehearsal is repeated after this time.
const REHEARSED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Where there was no history, or what a task takes has turned out to be another, it is tried again after this time.
const TRY_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// The share by which what a task takes may change until the rehearsal no longer fits.
const OTHER_PER_TASK: f64 = 0.1;
/// The least history that is rehearsed on, in minutes.
const LEAST_HISTORY: usize = 1440;
/// How much of the history the load is followed through before the live one goes on, in minutes.
const FOLLOWED: usize = 1440;
/// More than an hour before it is needed nothing is started, in seconds: AAS's limit of `SchedulingBufferTime`.
const LONGEST_BUFFER_S: i64 = 3600;
/// The age of the middle of a minute when it is seen, in seconds: at least, and at most.
const AGES_S: (f64, f64) = (30.0, 300.0);

/// What is promised of a load, and what is known of the tasks that keep it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise<'a> {
    pub(super) delays: &'a Delays,
    /// What a task takes, in requests or messages a second, where it is known well enough to rehearse with.
    pub(super) per_task_s: Option<f64>,
    /// The share that may be late.
    pub(super) allowed: f64,
    /// How long a message may wait, in seconds; none for requests.
    pub(super) may_wait_s: Option<f64>,
}

/// The setting in force: the rehearsed one, or what serves a load of which nothing is known, if such a share may be late.
pub(super) fn tuning(memory: &LoadMemory, allowed: f64) -> LookaheadTuning {
    let unknown = || LookaheadTuning { margin: margin_for(allowed), ..LookaheadTuning::default() };
    memory.rehearsed.map_or_else(unknown, |rehearsed| rehearsed.tuning)
}

/// The same as far as the load is followed by it: all but the margin.
fn followed_by(memory: &LoadMemory) -> LookaheadTuning {
    memory.rehearsed.map_or_else(LookaheadTuning::default, |rehearsed| rehearsed.tuning)
}

/// Whether a look that brings the history of the last days would rehearse.
pub(super) fn is_rehearsal_due(memory: &LoadMemory, per_task_s: f64, now: Timestamp) -> bool {
    if memory.tried_at.is_some_and(|tried| tried <= now && now.duration_since(tried) < TRY_AGAIN_AFTER) {
        return false;
    }
    memory.rehearsed.is_none_or(|before| {
        let differs = OTHER_PER_TASK < (per_task_s / before.per_task_s - 1.0).abs();
        differs || now < before.at || REHEARSED_FOR <= now.duration_since(before.at)
    })
}

/// Takes in the points that became visible, and rehearses where it is due and there is history.
pub(super) fn look_ahead(
    look: &Look<'_>,
    metric: &Metric,
    points: &[Point],
    promise: Promise<'_>,
    memory: &mut LoadMemory,
) {
    let now = look.observation.now;
    if let Some(per_task_s) = promise.per_task_s
        && is_rehearsal_due(memory, per_task_s, now)
    {
        memory.tried_at = Some(now);
        let history = without_gaps(metric, points, now);
        if LEAST_HISTORY <= history.len() {
            rehearse(look, metric, &history, promise, per_task_s, memory);
        }
    }
    let (tuning, until) = (followed_by(memory), memory.until);
    let is_new =
        |point: &&Point| until.is_none_or(|until| until < point.start) && is_possible(metric, **point, now);
    let first = until.map_or(0, |until| points.partition_point(|point| point.start <= until));
    for point in points.iter().skip(first.max(points.len().saturating_sub(FOLLOWED))).filter(is_new) {
        let horizon_min = horizon_min(point, now, promise.delays);
        let pace = Pace::new(&tuning, horizon_min);
        let usual_s =
            memory.usual.as_ref().map_or(0.0, |plan| most_usual(plan, reach(look, point, horizon_min)));
        push(&mut memory.lookahead, &tuning, &pace, rate(metric, point), usual_s);
        memory.until = Some(point.start);
    }
}

fn rehearse(
    look: &Look<'_>,
    metric: &Metric,
    points: &[Point],
    promise: Promise<'_>,
    per_task_s: f64,
    memory: &mut LoadMemory,
) {
    let now = look.observation.now;
    let Some(newest) = points.last() else { return };
    let load_s: Vec<f64> = points.iter().map(|point| rate(metric, point)).collect();
    let slots = Slots::of(points.iter().map(|point| (point.start.as_second(), rate(metric, point))));
    let horizon_min = horizon_min(newest, now, promise.delays);
    let usual = |season| -> Vec<f64> {
        points.iter().map(|point| slots.most_usual_by(season, reach(look, point, horizon_min))).collect()
    };
    let seasons =
        look.target.predictive.is_some_and(|predictive| predictive.mode == PredictiveMode::ForecastAndScale);
    let script = Script {
        load_s: &load_s,
        daily_s: &if seasons { usual(Season::Daily) } else { Vec::new() },
        weekly_s: &if seasons { usual(Season::Weekly) } else { Vec::new() },
        per_task_s,
        started: &promise.delays.started_by_minute(),
        horizon_min,
        allowed: promise.allowed,
        may_wait_s: promise.may_wait_s,
        seasons,
        least_tasks: f64::from(look.capacity.min()),
    };
    let tuning = script.best();
    memory.rehearsed = Some(Rehearsed { at: now, per_task_s, tuning });
    memory.usual = slots.plan(tuning.season, newest.start.as_second());
    memory.lookahead = LookaheadMemory::default();
    let pace = Pace::new(&tuning, horizon_min);
    let followed = points.iter().skip(points.len().saturating_sub(FOLLOWED));
    for point in followed {
        let usual_s = slots.most_usual_by(tuning.season, reach(look, point, horizon_min));
        push(&mut memory.lookahead, &tuning, &pace, rate(metric, point), usual_s);
    }
    memory.until = Some(newest.start);
}

/// The history's possible points, with nothing in the periods that have none: load balancers and queues publish nothing where nothing
/// came.
fn without_gaps(metric: &Metric, points: &[Point], now: Timestamp) -> Vec<Point> {
    let period = SignedDuration::try_from(metric.period).unwrap_or(SignedDuration::ZERO);
    let oldest = now.saturating_sub(SignedDuration::try_from(HISTORY).unwrap_or_default());
    let (Ok(oldest), false) = (oldest, period.is_zero()) else { return Vec::new() };
    let mut filled: Vec<Point> = Vec::new();
    for point in points.iter().filter(|point| oldest <= point.start && is_possible(metric, **point, now)) {
        while let Some(before) = filled.last()
            && let Ok(start) = before.start.saturating_add(period)
            && start < point.start
        {
            filled.push(Point { start, value: 0.0 });
        }
        filled.push(*point);
    }
    filled
}

/// A point as so much a second.
fn rate(metric: &Metric, point: &Point) -> f64 {
    point.value / metric.period.as_secs_f64()
}

/// From the middle of a minute to the middle of the time that a decision is for: its age, the start of a task, and half a look.
fn horizon_min(point: &Point, now: Timestamp, delays: &Delays) -> f64 {
    let age_s = now.duration_since(point.start).as_secs_f64() - 30.0;
    (age_s.clamp(AGES_S.0, AGES_S.1) + delays.start_s + delays.look_s / 2.0) / 60.0
}

/// From a minute after a point's period until what it is looked ahead to, and until the scheduling buffer after that, for a pattern
/// is not kept to the minute; in seconds since 1970.
fn reach(look: &Look<'_>, point: &Point, horizon_min: f64) -> (i64, i64) {
    #[expect(clippy::cast_possible_truncation, reason = "a few minutes")]
    let ahead_s = (horizon_min * 60.0) as i64;
    let middle = point.start.as_second() + 30;
    let buffer = look.target.predictive.map_or(Duration::ZERO, |predictive| predictive.scheduling_buffer);
    let buffer_s = i64::try_from(buffer.as_secs()).unwrap_or(i64::MAX).min(LONGEST_BUFFER_S);
    (middle + 60, middle + 60 + ahead_s + buffer_s)
}
