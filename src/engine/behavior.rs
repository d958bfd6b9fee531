//! Step 4: behaviour, exactly as Kubernetes HPA v2 damps: stabilisation, then rate limits.
//!
//! Source: `stabilizeRecommendationWithBehaviors` and `convertDesiredReplicasWithBehaviorRate` of kubernetes/kubernetes
//! `pkg/controller/podautoscaler/horizontal.go`.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;

use super::account::Account;
use super::figures::{span, tasks};
use super::recommend::Look;
use crate::model::duration::elapsed;
use crate::model::memory::{Memory, PastRecommendation};
use crate::model::policy::{RateAmount, RateLimit, SelectPolicy};
use crate::model::sentence::{Phrase, phrase};
use crate::model::{ReasonCode, TaskCount};

/// Looks within this part of the window are remembered as one, which bounds the memory whatever the time between looks: 20 s of
/// an hour, under 2 s of five minutes.
const PARTS_OF_WINDOW: u32 = 180;

/// Damps a recommendation.
pub(super) fn damp(
    look: &Look<'_>,
    wanted: TaskCount,
    memory: &mut Memory,
    account: &mut Account,
) -> TaskCount {
    let stable = stabilise(look, wanted, memory, account);
    match stable.cmp(&look.desired) {
        Ordering::Greater => limit(look, Direction::Out, stable, memory, account),
        Ordering::Less => limit(look, Direction::In, stable, memory, account),
        Ordering::Equal => stable,
    }
}

/// Takes the least change of direction over the windows. The unstabilised recommendation is what is recorded; before the first
/// one, the count that is there stands for the past.
fn stabilise(look: &Look<'_>, wanted: TaskCount, memory: &mut Memory, account: &mut Account) -> TaskCount {
    let (out, scale_in) = (&look.target.behavior.scale_out, &look.target.behavior.scale_in);
    let now = look.observation.now;
    if out.stabilization.is_zero() && scale_in.stabilization.is_zero() {
        return wanted;
    }
    let past = &mut memory.recommendations;
    if past.is_empty() {
        past.push(PastRecommendation { at: now, least: look.desired, most: look.desired });
    }
    let within = |window| past.iter().filter(move |past| elapsed(past.at, now) < window);
    let least = within(out.stabilization).map(|past| past.least).chain([wanted]).min().unwrap_or(wanted);
    let most = within(scale_in.stabilization).map(|past| past.most).chain([wanted]).max().unwrap_or(wanted);
    let stable = look.desired.max(least).min(most);
    let close = out.stabilization.max(scale_in.stabilization) / PARTS_OF_WINDOW;
    match past.last_mut().filter(|last| elapsed(last.at, now) <= close) {
        Some(last) => {
            last.least = last.least.min(wanted);
            last.most = last.most.max(wanted);
        }
        None => past.push(PastRecommendation { at: now, least: wanted, most: wanted }),
    }
    if stable != wanted {
        let (window, bound, extreme) = if wanted < stable {
            (scale_in.stabilization, "up", most)
        } else {
            (out.stabilization, "down", least)
        };
        let text = phrase!(
            "the recommendations of the last {window} reach {bound} to {extreme}, so {stable} instead of {wanted}",
            window = span(window)
        );
        account.bind(ReasonCode::Stabilizing, text);
    }
    stable
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Out,
    In,
}

fn limit(
    look: &Look<'_>,
    direction: Direction,
    wanted: TaskCount,
    memory: &Memory,
    account: &mut Account,
) -> TaskCount {
    let (desired, now) = (look.desired, look.observation.now);
    let (word, rules) = match direction {
        Direction::Out => ("scale-out", &look.target.behavior.scale_out),
        Direction::In => ("scale-in", &look.target.behavior.scale_in),
    };
    if rules.select == SelectPolicy::Disabled {
        account.bind(
            ReasonCode::RateLimited,
            phrase!("{word} is disabled in behavior, so {desired} instead of {wanted}"),
        );
        return desired;
    }
    let limits = rules.policies.iter().map(|limit| {
        let start = count_at_start(desired, limit, now, memory);
        (limit_of(direction, limit, start), start, limit)
    });
    let by_count = |(count, _, _): &(TaskCount, TaskCount, &RateLimit)| *count;
    let loosest_is_most = (direction == Direction::Out) == (rules.select == SelectPolicy::Max);
    let chosen = if loosest_is_most { limits.max_by_key(by_count) } else { limits.min_by_key(by_count) };
    let Some((bound, start, limit)) = chosen else {
        return wanted;
    };
    let count = match direction {
        Direction::Out => wanted.min(bound.max(desired)),
        Direction::In => wanted.max(bound.min(desired)),
    };
    if count != wanted {
        let text = phrase!(
            "{word} by at most {amount} in {period}, from {start} at its start to {bound}: {count} instead of {wanted}",
            amount = amount(limit.amount),
            period = span(limit.period)
        );
        account.bind(ReasonCode::RateLimited, text);
    }
    count
}

fn amount(amount: RateAmount) -> impl Phrase {
    fmt::from_fn(move |f| match amount {
        RateAmount::Tasks(count) => write!(f, "{}", tasks(count)),
        RateAmount::Percent(percent) => write!(f, "{percent} %"),
    })
}

/// The count at the start of a limit's period: today's, less what was added since, plus what was removed.
fn count_at_start(desired: TaskCount, limit: &RateLimit, now: Timestamp, memory: &Memory) -> TaskCount {
    let recent = memory.changes.iter().filter(|change| elapsed(change.at, now) < limit.period);
    let net: i64 = recent.map(|change| i64::from(change.to) - i64::from(change.from)).sum();
    TaskCount::try_from((i64::from(desired) - net).max(0)).unwrap_or(desired)
}

/// The furthest count that a limit allows: out `start + v` or `ceil(start x (1 + v/100))`, in `start - v` or
/// `trunc(start x (1 - v/100))`. From zero one task is always allowed, or a limit in per cent would hold there for ever.
fn limit_of(direction: Direction, limit: &RateLimit, start: TaskCount) -> TaskCount {
    let count = match (direction, limit.amount) {
        (Direction::Out, RateAmount::Tasks(count)) => u64::from(start) + u64::from(count),
        (Direction::Out, RateAmount::Percent(percent)) => {
            (u64::from(start) * (100 + u64::from(percent))).div_ceil(100).max(1)
        }
        (Direction::In, RateAmount::Tasks(count)) => u64::from(start.saturating_sub(count)),
        (Direction::In, RateAmount::Percent(percent)) => {
            u64::from(start) * 100_u64.saturating_sub(percent.into()) / 100
        }
    };
    TaskCount::try_from(count).unwrap_or(TaskCount::MAX)
}
