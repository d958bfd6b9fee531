//! The promise of a latency: a count from the load, and from the most load a task was seen to take with the promise kept.
//!
//! `wanted = ceil(requests a second / requests a second that a task takes)`. What a task takes is learned: it rises by
//! a little while the promise is kept, and falls by a tenth when it is broken.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::figures::{number, tasks, time};
use super::freshness::{fresh, is_possible, period_end};
use super::recommend::{Look, Opinion, Vote};
use super::running;
use crate::model::capacity::tasks_rounded_up;
use crate::model::memory::{Memory, ServiceLevelMemory};
use crate::model::metric::Metric;
use crate::model::policy::ServiceLevel;
use crate::model::{Point, ReasonCode, TaskCount};

/// How much more a task may be given than it was seen to take: the step by which the limit is looked for.
const PROBE: f64 = 1.02;
/// What a task takes after the promise was broken, against what it was given then.
const AFTER_BREACH: f64 = 0.9;
/// The tasks added when the promise is broken and the load alone does not ask for more.
const BREACH_STEP: f64 = 1.25;

/// A share of everything, in per cent.
const WHOLE: f64 = 100.0;
/// A task that takes less than this many requests a second was never seen at work.
const LEAST_RATE: f64 = 1e-6;

/// The policy's vote.
pub(super) fn vote(look: &Look<'_>, name: &str, policy: &ServiceLevel, memory: &mut Memory) -> Opinion {
    let mut learned = memory.service_levels.get(name).copied().unwrap_or_default();
    learn(look, policy, memory, &mut learned);
    memory.service_levels.insert(name.to_owned(), learned);
    let requests = match fresh(&policy.requests, look.observation) {
        Ok(points) => points,
        Err((why, refused)) => return Opinion::blind(why).with_refused(refused),
    };
    let rate = requests.newest.value / policy.requests.period.as_secs_f64();
    let load = format!("{} requests a second from {}", number(rate), time(requests.newest.start));
    let opinion = if look.observation.service.running == 0 {
        from_zero(look, rate, &load)
    } else {
        by_load(look, policy, rate, &load, &learned)
    };
    opinion.with_refused(requests.refused)
}

fn from_zero(look: &Look<'_>, rate: f64, load: &str) -> Opinion {
    let wanted = if 0.0 < rate { look.desired.max(1) } else { look.desired };
    let text = format!("{load} and no task running, so {}", tasks(wanted));
    Opinion::new(Vote::Wants(wanted), ReasonCode::ServiceLevel, text)
}

fn by_load(
    look: &Look<'_>,
    policy: &ServiceLevel,
    rate: f64,
    load: &str,
    learned: &ServiceLevelMemory,
) -> Opinion {
    let within = match fresh(&policy.within, look.observation) {
        Ok(points) => points,
        Err((why, refused)) if 0.0 < rate => return Opinion::blind(why).with_refused(refused),
        Err(_) => {
            return Opinion::new(
                Vote::Wants(0),
                ReasonCode::ServiceLevel,
                format!("{load}, so no task is needed"),
            );
        }
    };
    let kept = within.newest.value;
    if WHOLE < kept {
        return Opinion::blind(format!("{} cannot be {} %", policy.within.key, number(kept)));
    }
    let told = format!("{load}, {} % of them in time, {} % promised", number(kept), number(policy.percent));
    let Some(per_task) = learned.kept_per_task_s.filter(|per_task| LEAST_RATE < *per_task) else {
        let text = format!("{told}; what a task takes is not known yet");
        return Opinion::new(Vote::Wants(look.desired), ReasonCode::InsufficientData, text);
    };
    let exact = rate / per_task;
    let mut wanted = tasks_rounded_up(exact);
    let mut text = format!(
        "{told}; {} / {} a task = {}, so {}",
        number(rate),
        number(per_task),
        number(exact),
        tasks(wanted)
    );
    let all_run = look.desired <= look.observation.service.running;
    if kept < policy.percent && all_run {
        let more = tasks_rounded_up(f64::from(look.desired) * BREACH_STEP);
        if wanted < more {
            wanted = more;
            text = format!(
                "{text}; the promise is broken, so a quarter more than the {} desired: {more}",
                look.desired
            );
        }
    } else if kept < policy.percent {
        wanted = wanted.max(look.desired);
    }
    Opinion::new(Vote::Wants(wanted), ReasonCode::ServiceLevel, text)
}

/// Learns from the periods that became visible since the last look.
fn learn(look: &Look<'_>, policy: &ServiceLevel, memory: &Memory, learned: &mut ServiceLevelMemory) {
    let now = look.observation.now;
    let points =
        |metric: &Metric| look.observation.metrics.get(&metric.key).map(Vec::as_slice).unwrap_or_default();
    let possible = |metric, point: &Point| is_possible(metric, *point, now);
    let requests: BTreeMap<Timestamp, Point> = points(&policy.requests)
        .iter()
        .filter(|point| possible(&policy.requests, point) && 0.0 < point.value)
        .map(|point| (point.start, *point))
        .collect();
    let is_new = |point: &Point| learned.learned_until.is_none_or(|until| until < point.start);
    let pairs: Vec<(Point, Point)> = points(&policy.within)
        .iter()
        .filter(|within| is_new(within) && possible(&policy.within, within) && within.value <= WHOLE)
        .filter_map(|within| Some((*requests.get(&within.start)?, *within)))
        .collect();
    for (requests, within) in pairs {
        let running = running::at(look, memory, period_end(&policy.within, within));
        if 0 < running {
            learned.kept_per_task_s =
                Some(learn_one(policy, requests, within, running, learned.kept_per_task_s));
        }
        learned.learned_until = Some(within.start).max(learned.learned_until);
    }
}

fn learn_one(
    policy: &ServiceLevel,
    requests: Point,
    within: Point,
    running: TaskCount,
    before: Option<f64>,
) -> f64 {
    let given = requests.value / policy.requests.period.as_secs_f64() / f64::from(running);
    if policy.percent <= within.value {
        let probed = before
            .map_or(given, |before| if before * AFTER_BREACH < given { before * PROBE } else { before });
        return probed.max(given);
    }
    let reduced = given * AFTER_BREACH;
    before.map_or(reduced, |before| before.min(reduced))
}
