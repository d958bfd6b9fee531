//! The promise of a latency: a count from the load that may come, not from the utilization that was.
//!
//! `tasks = ceil(max(work + margin x deviation, floor))`, `work = load ahead / what a task takes`; where little was late, only a part of
//! what that is above the work of now. What a task takes is learned from requests and
//! utilization; the load ahead from the last minutes and from what is usual at the time ([`super::lookahead`]); the margin from a
//! rehearsal on the last days ([`super::rehearsal`]), and from how much of the lateness that the promise allows was used up since.

use std::fmt;

use jiff::Timestamp;

use super::figures::{if_any, moment, number, tasks, time};
use super::foresight::{Promise, is_rehearsal_due, look_ahead, tuning};
use super::freshness::{fresh, is_possible, period_end};
use super::recommend::{Look, Opinion, Vote};
use super::running;
use super::staffing::Need;
use super::starts::Delays;
use crate::model::capacity::tasks_rounded_up;
use crate::model::memory::{Memory, Rehearsed, RunningSpan, ServiceLevelMemory};
use crate::model::metric::Metric;
use crate::model::policy::ServiceLevel;
use crate::model::sentence::{Phrase, phrase};
use crate::model::{Name, Point, ReasonCode};

/// A share of everything, in per cent.
const WHOLE: f64 = 100.0;
/// A utilization under this says little of what a task takes, in per cent.
const LEAST_UTILIZATION: f64 = 3.0;
/// A utilization up to which a load balancer that publishes nothing is taken to have had nothing, in per cent.
const QUIET_UTILIZATION: f64 = 10.0;
/// A utilization from which requests of a minute may have been served in the next, in per cent.
const NEAR_SATURATION: f64 = 85.0;
/// A utilization from which a task is at its limit, so that it may have served less than was asked, in per cent.
const SATURATED: f64 = 92.0;
/// The share in time, in per cent, from which down tasks are taken to have had too much.
const MOST_WERE_LATE: f64 = 80.0;
/// A task is taken to take no less than this share of what its utilization tells: where yet more tasks would be wanted, requests are
/// late for another cause, and tasks do not help.
const LEAST_OF_UTILIZATION: f64 = 0.25;
/// The minutes in a row from which it is not a burst that came within a minute.
const LATE_MINUTES: u32 = 4;
/// What a minute adds to the most that a task is taken to take after that: it doubles in six hours.
const LIMIT_EASES: f64 = 1.002;
/// What a task that is at its limit takes at most, against what was asked of it.
const SERVED_AT_LIMIT: f64 = 0.85;
/// Until what a task takes is known: the utilization that is aimed at, and where tasks are at their limit.
const CAUTIOUS_UTILIZATION: f64 = 50.0;
const CAUTIOUS_AT_LIMIT: f64 = 33.0;
/// The most full periods that what a task takes is the mean of.
const MOST_PERIODS: f64 = 30.0;
/// The weight, in full periods, from which what a task takes is known well enough to rehearse with.
const WEIGHT_TO_REHEARSE: f64 = 0.3;
/// A sample is believed to differ this much from what was known.
const SAMPLE_LIMITS: (f64, f64) = (0.7, 1.4);
/// The share of the counted requests that a minute forgets: those of a day ago weigh a third.
const FORGOTTEN: f64 = 1.0 / 1440.0;
/// Requests at the first sight of a load that count as if the lateness aimed at had been met, in minutes of it.
const GIVEN_MINUTES: f64 = 430.0;
/// The part of the lateness allowed that is aimed at.
const AIM: f64 = 0.6;
/// How much the insurance changes where twice the lateness aimed at was used, and its limits.
const PER_DOUBLING: f64 = 0.25;
const INSURANCE: (f64, f64) = (0.5, 1.4);

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &Name, policy: &ServiceLevel, memory: &mut Memory) -> Opinion {
    let delays = Delays::of(memory);
    let Memory { service_levels, running, .. } = memory;
    let learned = service_levels.entry(name.clone()).or_default();
    learn_per_task(look, policy, running, learned);
    learn_lateness(look, policy, running, learned);
    let promise = Promise {
        delays: &delays,
        per_task_s: known_well(learned),
        allowed: allowed(policy),
        may_wait_s: None,
    };
    let requests = points(look, &policy.requests);
    look_ahead(look, &policy.requests, requests, promise, &mut learned.load);
    let quiet = quiet_minutes(look, policy, running, learned);
    look_ahead(look, &policy.requests, &quiet, promise, &mut learned.load);
    opinion(look, policy, learned)
}

/// Whether the requests of the last days would help at this look.
pub(super) fn wants_history(learned: &ServiceLevelMemory, now: Timestamp) -> bool {
    known_well(learned).is_some_and(|per_task_s| is_rehearsal_due(&learned.load, per_task_s, now))
}

/// What a task takes: by its utilization, and not more than it was seen to take too much of.
fn per_task_s(learned: &ServiceLevelMemory) -> Option<f64> {
    let by_utilization = learned.per_task_s?;
    let limit = learned.limit_s.map(|limit| limit.max(by_utilization * LEAST_OF_UTILIZATION));
    Some(limit.map_or(by_utilization, |limit| limit.min(by_utilization)))
}

/// What a task takes, where it is known well enough to rehearse with.
fn known_well(learned: &ServiceLevelMemory) -> Option<f64> {
    per_task_s(learned).filter(|_| WEIGHT_TO_REHEARSE <= learned.per_task_weight)
}

fn opinion(look: &Look<'_>, policy: &ServiceLevel, learned: &ServiceLevelMemory) -> Opinion {
    let requests = match (fresh(&policy.requests, look.observation), per_task_s(learned)) {
        (Ok(points), _) => points,
        (Err((why, None)), Some(per_task_s)) if is_quiet(look, policy, learned) => {
            let told = phrase!("{why}, and its tasks are hardly used");
            return by_load(policy, learned, per_task_s, told);
        }
        (Err((why, refused)), _) => return Opinion::blind(why).with_refused(refused),
    };
    let rate = requests.newest.value / policy.requests.period.as_secs_f64();
    let told = phrase!(
        "{rate} requests a second from {start}",
        rate = number(rate),
        start = time(requests.newest.start)
    );
    let opinion = match per_task_s(learned) {
        Some(per_task_s) => by_load(policy, learned, per_task_s, told),
        None => by_utilization(look, policy, rate, told),
    };
    match (requests.no_scale_in, opinion.vote) {
        (Some(why), Vote::Wants(wanted)) if wanted < look.desired => {
            let text = phrase!(
                "{told}; but {why}, so the {desired} desired stay",
                told = opinion.text,
                desired = look.desired
            );
            Opinion::new(Vote::Wants(look.desired), ReasonCode::InsufficientData, text)
        }
        _ => opinion,
    }
    .with_refused(requests.refused)
}

/// The load in minutes of which the load balancer published nothing, as it does where nothing came, while the tasks' utilization was
/// published: at most what they were used for.
fn quiet_minutes(
    look: &Look<'_>,
    policy: &ServiceLevel,
    spans: &[RunningSpan],
    learned: &ServiceLevelMemory,
) -> Vec<Point> {
    let (Some(per_task_s), Some(until)) = (per_task_s(learned), learned.load.until) else {
        return Vec::new();
    };
    if fresh(&policy.requests, look.observation).is_ok() {
        return Vec::new();
    }
    let period_s = policy.requests.period.as_secs_f64();
    after(look, &policy.utilization, Some(until))
        .filter(|used| used.value <= QUIET_UTILIZATION)
        .map(|used| {
            let running = running::at(look, spans, period_end(&policy.utilization, used));
            let load_s = per_task_s * f64::from(running) * used.value / WHOLE;
            Point { start: used.start, value: load_s * period_s }
        })
        .collect()
}

/// Whether the load was followed through minutes without requests until now.
fn is_quiet(look: &Look<'_>, policy: &ServiceLevel, learned: &ServiceLevelMemory) -> bool {
    fresh(&policy.utilization, look.observation).is_ok_and(|used| {
        used.no_scale_in.is_none()
            && used.newest.value <= QUIET_UTILIZATION
            && learned.load.until == Some(used.newest.start)
    })
}

/// Until what a task takes is known: what brings the utilization down to a cautious one, and never fewer than there are.
fn by_utilization(look: &Look<'_>, policy: &ServiceLevel, rate: f64, told: impl Phrase) -> Opinion {
    let told = phrase!("{told}; what a task takes is not known yet");
    let asked = if 0.0 < rate { look.desired.max(1) } else { look.desired };
    let Ok(used) = fresh(&policy.utilization, look.observation) else {
        let text = phrase!("{told}, so {tasks}", tasks = tasks(asked));
        return Opinion::new(Vote::Wants(asked), ReasonCode::InsufficientData, text);
    };
    let used = used.newest.value.min(WHOLE);
    let aim = if SATURATED <= used { CAUTIOUS_AT_LIMIT } else { CAUTIOUS_UTILIZATION };
    let running = look.observation.service.running;
    let exact = f64::from(running) * used / aim;
    let wanted = tasks_rounded_up(exact).max(asked);
    let text = phrase!(
        "{told}; {running} running at {used} % want {exact} at {aim} %, and not fewer than there are, so {tasks}",
        used = number(used),
        exact = number(exact),
        tasks = tasks(wanted)
    );
    let code = if asked < wanted { ReasonCode::ServiceLevel } else { ReasonCode::InsufficientData };
    Opinion::new(Vote::Wants(wanted), code, text)
}

fn by_load(
    policy: &ServiceLevel,
    learned: &ServiceLevelMemory,
    per_task_s: f64,
    told: impl Phrase,
) -> Opinion {
    let tuning = tuning(&learned.load, allowed(policy));
    let insurance = insurance(policy, learned);
    let lookahead = &learned.load.lookahead;
    let need = Need::of(lookahead, &tuning, per_task_s);
    let margin = tuning.margin * insurance.max(1.0);
    let insured = need.tasks(margin);
    let now = lookahead.level_s / per_task_s;
    let exact = now + (insured - now) * insurance.min(1.0);
    let wanted = tasks_rounded_up(exact);
    let floor = (need.floor != 0.0).then(|| {
        phrase!(
            ", not under {floor} for the {floor_s} a second that may come at any time",
            floor = number(need.floor),
            floor_s = number(tuning.floor_s)
        )
    });
    let spared = (insurance < 1.0).then(|| {
        phrase!(
            "; little of the lateness allowed was used, so of what that is above the {now} for now only {insurance}: {exact}",
            now = number(now),
            insurance = number(insurance),
            exact = number(exact)
        )
    });
    let text = phrase!(
        "{told}; {ahead} a second ahead / {each} a task = {work}; + {margin} x {deviation}{floor} = {insured}{spared}, so {tasks} ({rehearsed})",
        ahead = number(lookahead.held_s),
        each = number(per_task_s),
        work = number(need.work),
        margin = number(margin),
        deviation = number(need.deviation),
        floor = if_any(floor),
        insured = number(insured),
        spared = if_any(spared),
        tasks = tasks(wanted),
        rehearsed = rehearsed(learned.load.rehearsed)
    );
    Opinion::new(Vote::Wants(wanted), ReasonCode::ServiceLevel, text)
}

fn rehearsed(last: Option<Rehearsed>) -> impl Phrase {
    fmt::from_fn(move |f| match last {
        Some(last) => write!(f, "rehearsed {}", moment(last.at)),
        None => f.write_str("not rehearsed yet"),
    })
}

/// The share of requests that may be late.
fn allowed(policy: &ServiceLevel) -> f64 {
    (WHOLE - policy.percent) / WHOLE
}

/// How much of the insurance that was rehearsed the promise needs, by what was used of the lateness allowed.
fn insurance(policy: &ServiceLevel, learned: &ServiceLevelMemory) -> f64 {
    const LEAST_SHARE: f64 = 0.05;
    if learned.requests <= 0.0 {
        return 1.0;
    }
    let used = learned.late / (learned.requests * allowed(policy) * AIM);
    (1.0 + PER_DOUBLING * used.max(LEAST_SHARE).log2()).clamp(INSURANCE.0, INSURANCE.1)
}

fn points<'a>(look: &Look<'a>, metric: &Metric) -> &'a [Point] {
    look.observation.metrics.get(&metric.key).map(Vec::as_slice).unwrap_or_default()
}

/// The possible points of a metric after a moment.
fn after<'a>(
    look: &Look<'a>,
    metric: &'a Metric,
    until: Option<Timestamp>,
) -> impl Iterator<Item = Point> + use<'a> {
    let points = points(look, metric);
    let first = until.map_or(0, |until| points.partition_point(|point| point.start <= until));
    let now = look.observation.now;
    points.iter().skip(first).copied().filter(move |point| is_possible(metric, *point, now))
}

/// The requests of the period that began at a moment.
fn requests_at(look: &Look<'_>, policy: &ServiceLevel, start: Timestamp) -> Option<f64> {
    let points = points(look, &policy.requests);
    let at = points.binary_search_by_key(&start, |point| point.start).ok()?;
    points
        .get(at)
        .filter(|point| is_possible(&policy.requests, **point, look.observation.now))
        .map(|point| point.value)
}

/// Requests over utilization: what a task would serve if all of it were used.
fn learn_per_task(
    look: &Look<'_>,
    policy: &ServiceLevel,
    spans: &[RunningSpan],
    learned: &mut ServiceLevelMemory,
) {
    for used in after(look, &policy.utilization, learned.used_until) {
        learned.used_until = Some(used.start);
        let Some(requests) = requests_at(look, policy, used.start).filter(|requests| 0.0 < *requests) else {
            continue;
        };
        let before = running::at(look, spans, used.start);
        let after = running::at(look, spans, period_end(&policy.utilization, used));
        // Of a count that changed, the one is taken by which the sample bounds what a task takes from the safe side.
        let running = if SATURATED <= used.value { before.min(after) } else { before.max(after) };
        let is_steady = before == after;
        if running == 0 || used.value < LEAST_UTILIZATION {
            continue;
        }
        let share = used.value.min(WHOLE) / WHOLE;
        let sample = requests / policy.requests.period.as_secs_f64() / (f64::from(running) * share);
        if SATURATED <= used.value {
            learned.per_task_s = learned.per_task_s.map(|before| before.min(sample * SERVED_AT_LIMIT));
            continue;
        }
        if NEAR_SATURATION <= used.value || !is_steady && learned.per_task_s.is_some() {
            continue;
        }
        let before = learned.per_task_s.unwrap_or(sample);
        learned.per_task_weight = (learned.per_task_weight + share).min(MOST_PERIODS);
        let believed = sample.clamp(before * SAMPLE_LIMITS.0, before * SAMPLE_LIMITS.1);
        learned.per_task_s = Some(before + (believed - before) * share / learned.per_task_weight);
    }
}

/// Counts requests, and those that were late. Where many were, tasks had more than they can take, whatever limits them: a database as
/// well as their processors, which is all that utilization tells of.
fn learn_lateness(
    look: &Look<'_>,
    policy: &ServiceLevel,
    spans: &[RunningSpan],
    learned: &mut ServiceLevelMemory,
) {
    for within in after(look, &policy.within, learned.kept_until) {
        learned.kept_until = Some(within.start);
        if WHOLE < within.value {
            continue;
        }
        let Some(requests) = requests_at(look, policy, within.start) else { continue };
        if learned.requests <= 0.0 {
            learned.requests = requests * GIVEN_MINUTES;
            learned.late = learned.requests * allowed(policy) * AIM;
        }
        learned.requests += requests - learned.requests * FORGOTTEN;
        learned.late += requests * (1.0 - within.value / WHOLE) - learned.late * FORGOTTEN;
        learned.limit_s = learned.limit_s.map(|limit| limit * LIMIT_EASES);
        if MOST_WERE_LATE < within.value {
            learned.late_minutes = 0;
            continue;
        }
        learned.late_minutes = learned.late_minutes.saturating_add(1);
        let before = running::at(look, spans, within.start);
        let running = before.min(running::at(look, spans, period_end(&policy.within, within)));
        if LATE_MINUTES <= learned.late_minutes && 0 < running && 0.0 < requests {
            let given = requests / policy.requests.period.as_secs_f64() / f64::from(running);
            learned.limit_s = Some(learned.limit_s.map_or(given, |limit| limit.min(given)));
        }
    }
}
