//! Before anything is decided: what became of the last decision, and what no longer matters.
//!
//! A decision is remembered as pending before it is carried out. Seen in effect it becomes an activity, which cooldowns and rate
//! limits count from; not seen it is forgotten, so a failed update starts no cooldown and the next look decides anew.

use std::time::Duration;

use jiff::Timestamp;

use super::account::Account;
use super::figures::{moment, time};
use super::{running, sound, starts};
use crate::model::duration::{earlier, elapsed, later};
use crate::model::memory::{CountChange, Memory, PastRecommendation, PauseDirection};
use crate::model::policy::{PolicyKind, ScalingPolicy};
use crate::model::sentence::phrase;
use crate::model::{Name, Observation, ReasonCode, ScalableTarget};

/// No more changes than this are kept: one a look for the longest rate-limit period at ten seconds a look. Beyond it the oldest
/// become one.
const MOST_CHANGES: usize = 180;

/// Settles the last decision against what is observed now.
pub(super) fn settle(
    target: &ScalableTarget,
    observation: &Observation,
    memory: &mut Memory,
    account: &mut Account,
) {
    let now = observation.now;
    fill_rest(now, memory);
    settle_pending(target, observation, memory, account);
    expire_manual(now, memory, account);
    forget(target, now, memory);
    forget_the_future(now, memory);
    sound::forget_the_impossible(memory);
    running::remember(target, observation, memory);
    starts::learn(observation, memory);
    memory.rest = None; // it is found anew at each look
}

/// Of the looks since the service was seen at rest nothing was remembered, because each wanted the count that was there: the last of
/// them is put in, so that a stabilisation window counts from it.
fn fill_rest(now: Timestamp, memory: &mut Memory) {
    const A_LOOK: Duration = Duration::from_mins(1);
    let (Some(rest), Some(desired)) = (memory.rest, memory.desired) else { return };
    let last = earlier(now, A_LOOK);
    if rest.seen < last && !memory.recommendations.is_empty() {
        memory.recommendations.push(PastRecommendation { at: last, least: desired, most: desired });
    }
}

fn settle_pending(
    target: &ScalableTarget,
    observation: &Observation,
    memory: &mut Memory,
    account: &mut Account,
) {
    let desired = observation.service.desired;
    match memory.pending.take() {
        Some(pending) if pending.to == desired => {
            let change = CountChange { at: pending.at, from: pending.from, to: pending.to };
            memory.changes.push(change);
            remember_scale_out(target, change, pending.policies, memory);
        }
        Some(pending) if pending.from == desired => {
            let text = phrase!(
                "the change from {from} to {to} decided at {at} is not seen in effect; it is decided anew",
                from = pending.from,
                to = pending.to,
                at = time(pending.at)
            );
            account.tell(ReasonCode::DesiredCountChanged, text);
        }
        Some(pending) => {
            let text = phrase!(
                "the desired count is {desired}, neither {from} nor {to}: someone else set it",
                from = pending.from,
                to = pending.to
            );
            account.tell(ReasonCode::DesiredCountChanged, text);
        }
        None => {
            if let Some(last) = memory.desired.filter(|last| *last != desired) {
                let text = phrase!(
                    "the desired count went from {last} to {desired} since the last look: someone else set it"
                );
                account.tell(ReasonCode::DesiredCountChanged, text);
            }
        }
    }
}

/// A scale-out within the cooldown of an earlier one adds to it: what counts as already there is all that was added since the
/// first. A scale-in takes it away again.
fn remember_scale_out(
    target: &ScalableTarget,
    change: CountChange,
    policies: Vec<Name>,
    memory: &mut Memory,
) {
    if change.to < change.from {
        memory.scale_outs.clear();
        return;
    }
    for policy in policies {
        let cooldown = target.policies.iter().find(|known| known.name == policy).map(scale_out_cooldown);
        let earlier = memory.scale_outs.get(policy.as_str());
        let earlier = earlier.filter(|earlier| elapsed(earlier.at, change.at) < cooldown.unwrap_or_default());
        let from = earlier.map_or(change.from, |earlier| earlier.from);
        memory.scale_outs.insert(policy, CountChange { from, ..change });
    }
}

fn expire_manual(now: Timestamp, memory: &mut Memory, account: &mut Account) {
    if let Some(manual) = memory.manual
        && manual.until <= now
    {
        memory.manual = None;
        let text = phrase!("the override by hand ended at {until}", until = moment(manual.until));
        account.tell(ReasonCode::Override, text);
    }
    memory.pauses.retain(|pause| {
        let ended = pause.until.is_some_and(|until| until <= now);
        if ended {
            let direction = match pause.direction {
                PauseDirection::Out => "scale-out",
                PauseDirection::In => "scale-in",
                PauseDirection::Both => "scaling",
                PauseDirection::Schedules => "scheduled actions and windows",
            };
            account.tell(ReasonCode::ScalingSuspended, phrase!("the pause of {direction} ended"));
        }
        !ended
    });
}

/// Drops what is older than anything that looks back at it.
fn forget(target: &ScalableTarget, now: Timestamp, memory: &mut Memory) {
    let behavior = &target.behavior;
    let limits =
        behavior.scale_out.policies.iter().chain(&behavior.scale_in.policies).map(|limit| limit.period);
    let longest = limits.chain(cooldowns(target)).max().unwrap_or_default();
    memory.changes.retain(|change| elapsed(change.at, now) <= longest);
    while MOST_CHANGES < memory.changes.len() {
        let oldest = memory.changes.remove(0);
        if let Some(next) = memory.changes.first_mut() {
            next.from = oldest.from;
        }
    }
    memory.scale_outs.retain(|policy, change| {
        elapsed(change.at, now) <= longest && target.policies.iter().any(|known| known.name == *policy)
    });
    let window = behavior.scale_out.stabilization.max(behavior.scale_in.stabilization);
    memory.recommendations.retain(|past| elapsed(past.at, now) < window);
    memory.queues.retain(|policy, _| target.policies.iter().any(|known| known.name == *policy));
    memory.service_levels.retain(|policy, _| target.policies.iter().any(|known| known.name == *policy));
}

/// Drops what is later than now. A clock that was wrong once must not hold the service back until that time comes; one that
/// steps back by less than an hour ends no cooldown.
fn forget_the_future(now: Timestamp, memory: &mut Memory) {
    let latest = later(now, Duration::from_hours(1));
    memory.running.retain(|span| span.since <= now);
    for span in &mut memory.running {
        span.until = span.until.min(now);
    }
    memory.changes.retain(|change| change.at <= latest);
    memory.scale_outs.retain(|_, change| change.at <= latest);
    memory.recommendations.retain(|past| past.at <= latest);
    memory.rest = memory.rest.filter(|rest| rest.seen <= now);
    if memory.starts.looked_at.is_some_and(|at| now < at) {
        memory.starts.looked_at = None;
        memory.starts.starting.clear();
    }
    for queue in memory.queues.values_mut() {
        queue.looks.retain(|look| look.at <= now);
        queue.active_at = queue.active_at.map(|at| at.min(now));
        for until in [&mut queue.sent_until, &mut queue.deleted_until, &mut queue.load.until] {
            *until = until.filter(|until| *until <= now);
        }
    }
    for level in memory.service_levels.values_mut() {
        for until in [&mut level.used_until, &mut level.kept_until, &mut level.load.until] {
            *until = until.filter(|until| *until <= now);
        }
    }
}

fn cooldowns(target: &ScalableTarget) -> impl Iterator<Item = Duration> {
    let scale_in = |policy: &ScalingPolicy| match &policy.kind {
        PolicyKind::TargetTracking(tracking) => tracking.scale_in_cooldown,
        PolicyKind::StepScaling(_) | PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => Duration::ZERO,
    };
    target.policies.iter().map(move |policy| scale_out_cooldown(policy).max(scale_in(policy)))
}

fn scale_out_cooldown(policy: &ScalingPolicy) -> Duration {
    match &policy.kind {
        PolicyKind::TargetTracking(tracking) => tracking.scale_out_cooldown,
        PolicyKind::StepScaling(steps) => steps.cooldown,
        PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => Duration::ZERO,
    }
}
