//! A forecast of the floor: what was needed at this hour on the same weekday, or on the days before until that is known.
//!
//! It learns the greatest recommendation of each hour of the day and of the week, and acts ahead of the hour by the scheduling
//! buffer, as Application Auto Scaling's predictive scaling does. It only ever raises the count. Where a promise policy looks ahead, to
//! the load itself, this does not act as well.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use super::combine::Wish;
use super::figures::{number, tasks};
use super::recommend::Look;
use crate::model::capacity::tasks_rounded_up;
use crate::model::duration::later;
use crate::model::memory::{ForecastMemory, Memory};
use crate::model::policy::{MaxCapacityBreach, PolicyKind, PredictiveMode, QueueGoal, ScalingPolicy};
use crate::model::sentence::phrase;
use crate::model::{Capacity, ReasonCode, TaskCount};

/// AAS wants a day of history before it forecasts; so does this.
const LEAST_HISTORY: SignedDuration = SignedDuration::from_hours(24);
/// A wish of more than this times the ceiling is a fault of a metric, not a need to be met tomorrow.
const MOST_BEYOND_CEILING: TaskCount = 2;
/// The weight of the newest day or week against those before.
const NEWEST: f64 = 0.5;

/// Learns from what the policies ask for, and raises the wish to the forecast where it may. Returns the wish and the bounds,
/// whose ceiling a forecast may raise.
pub(super) fn raise(
    look: &Look<'_>,
    wish: Wish,
    memory: &mut Memory,
    account: &mut Account,
) -> (Wish, Capacity) {
    let promises = |policy: &ScalingPolicy| match &policy.kind {
        PolicyKind::ServiceLevel(_) => true,
        PolicyKind::Queue(queue) => matches!(queue.goal, QueueGoal::StartWithin(_)),
        PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) => false,
    };
    let looks_ahead_itself = look.target.policies.iter().any(promises);
    let Some(predictive) = look.target.predictive.filter(|_| !looks_ahead_itself) else {
        memory.forecast = None;
        return (wish, look.capacity);
    };
    let now = look.observation.now;
    let forecast = memory.forecast.get_or_insert_with(ForecastMemory::default);
    if wish.from_policies {
        learn(forecast, wish.count.min(look.capacity.max().saturating_mul(MOST_BEYOND_CEILING)), now);
    }
    let Some((hour, usual)) = expected(forecast, now, predictive.scheduling_buffer) else {
        return (wish, look.capacity);
    };
    let count = tasks_rounded_up(usual);
    if count <= wish.count {
        return (wish, look.capacity);
    }
    let told = phrase!(
        "forecast: the hour from {hour}:00Z usually takes {usual}, so {tasks}",
        usual = number(usual),
        tasks = tasks(count)
    );
    if predictive.mode == PredictiveMode::ForecastOnly {
        account.tell(ReasonCode::Forecast, phrase!("{told}; it is only reported (ForecastOnly)"));
        return (wish, look.capacity);
    }
    account.bind(ReasonCode::Forecast, phrase!("{told} instead of {wished}", wished = wish.count));
    let capacity = match predictive.max_capacity_breach {
        MaxCapacityBreach::HonorMaxCapacity => look.capacity,
        MaxCapacityBreach::IncreaseMaxCapacity { buffer_percent } => {
            let ceiling = tasks_rounded_up(f64::from(count) * (1.0 + f64::from(buffer_percent) / 100.0));
            look.capacity.overlaid(None, Some(ceiling.max(look.capacity.max())))
        }
    };
    (Wish { count, ..wish }, capacity)
}

fn learn(forecast: &mut ForecastMemory, count: TaskCount, now: Timestamp) {
    forecast.since.get_or_insert(now);
    let hour = now.as_second().div_euclid(3600);
    if hour != forecast.hour {
        if 0 < forecast.hour {
            let peak = f64::from(forecast.peak);
            for (hours, hour) in [
                (&mut forecast.by_hour, hour_of_day(forecast.hour)),
                (&mut forecast.by_hour_of_week, hour_of_week(forecast.hour)),
            ] {
                let usual = hours.entry(hour).or_insert(peak);
                *usual += (peak - *usual) * NEWEST;
            }
        }
        forecast.hour = hour;
        forecast.peak = 0;
    }
    forecast.peak = forecast.peak.max(count);
}

/// The greater usual peak of this hour and of the one that a buffer from now is in, each of its weekday where that is known: the
/// count is raised ahead, and kept to the hour's end.
fn expected(forecast: &ForecastMemory, now: Timestamp, buffer: Duration) -> Option<(u8, f64)> {
    let since = forecast.since?;
    if now.duration_since(since) < LEAST_HISTORY {
        return None;
    }
    let hours = [now, later(now, buffer)].map(|at| at.as_second().div_euclid(3600));
    let known = hours.into_iter().filter_map(|hour| {
        let of_week = forecast.by_hour_of_week.get(&hour_of_week(hour));
        let usual = of_week.or_else(|| forecast.by_hour.get(&hour_of_day(hour)))?;
        Some((hour_of_day(hour), *usual))
    });
    known.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

fn hour_of_day(hour: i64) -> u8 {
    u8::try_from(hour.rem_euclid(24)).unwrap_or_default()
}

/// 1970 began on a Thursday.
fn hour_of_week(hour: i64) -> u8 {
    u8::try_from((hour + 72).rem_euclid(168)).unwrap_or_default()
}
